//! The guard itself: whatever becomes of a test, its peers are gone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::peer::Peer;

/// Starts a shell that starts another, which says its number and would sleep for an hour.
fn sleeper() -> (Peer, i32) {
    let mut peer = Peer::start("sh", |command| {
        command.args(["-c", "sh -c 'echo $$; exec sleep 3600' & wait"]);
    });
    let number = peer.as_mut().and_then(Peer::line).expect("a shell is everywhere");
    (peer.expect("a shell is everywhere"), number.parse().expect("a number"))
}

/// Whether a process is there and is not a corpse that nobody has looked after; `None`, loudly, if
/// this machine has no ps.
fn lives(number: i32) -> Option<bool> {
    let state = Peer::start("ps", |command| {
        command.args(["-o", "state=", "-p", &number.to_string()]);
    });
    let state = state?.finish()?.stdout;
    Some(!matches!(state.trim().chars().next(), None | Some('Z' | 'X')))
}

/// A killed process is gone soon, not at once.
fn is_gone(number: i32) -> bool {
    let begun = Instant::now();
    while lives(number) == Some(true) {
        if begun.elapsed() > Duration::from_secs(20) {
            return false;
        }
    }
    true
}

#[test]
fn a_test_that_fails_takes_its_peers_along_and_theirs() {
    let mut started = None;
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let (_peer, number) = sleeper();
        started = Some(number);
        assert_ne!(lives(number), Some(false));
        panic!("a test fails");
    }));
    assert!(failed.is_err());
    assert!(is_gone(started.expect("it was started")));
}

#[test]
fn a_peer_that_is_killed_has_said_what_it_said() {
    let (peer, number) = sleeper();
    peer.kill();
    let said = peer.finish().expect("it lacks nothing");
    assert!(!said.success && said.stdout.is_empty() && said.stderr.is_empty());
    assert!(is_gone(number));
}
