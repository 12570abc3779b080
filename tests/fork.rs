//! After fork(2): an inherited loop refuses, closes without a trace, or is made anew.
//!
//! The program has no harness, so that it has one thread and a child may do anything.

#[path = "support/selector.rs"]
mod selector;

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use evloop::selector::{Interest, PollSelector, Selector, Token};
use evloop::{EventLoop, LoopError, get_running_loop};
use selector::OwnSelector;

const NOW: Option<Duration> = Some(Duration::ZERO);

macro_rules! claims {
    ($($name:ident)*) => {
        fn main() {
            $($name(); println!("test {} ... ok", stringify!($name));)*
        }
    };
}

claims! {
    in_a_child_every_use_of_an_inherited_loop_says_that_it_was_forked
    a_child_that_closes_an_inherited_loop_takes_nothing_from_its_parent
    a_child_rings_no_bell_and_sets_no_timer_of_its_parent
    no_loop_runs_in_a_child_that_a_callback_forked_and_a_new_one_may
    a_child_that_comes_back_from_its_callback_ends_the_run_with_an_error
    a_loop_made_anew_has_its_watchers_timers_and_tasks_and_shares_no_registration
    a_loop_made_anew_in_a_callback_goes_on_running
    a_host_of_a_loop_made_anew_finds_it_under_the_same_number
    a_selector_of_ones_own_that_cannot_be_made_anew_says_so
    after_fork_child_does_nothing_at_home_and_refuses_a_closed_loop
}

/// Runs `f` in a child, which must come to its end without a panic.
fn in_child(f: impl FnOnce()) {
    // SAFETY: the process has one thread, so its child may do whatever it may.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = i32::from(catch_unwind(AssertUnwindSafe(f)).is_err());
        // SAFETY: _exit(2) ends the process; nothing of the parent's is run to its end here.
        unsafe { libc::_exit(code) };
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: waitpid(2) writes one integer at the pointer.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
}

/// A loop that counts what comes for one end of a pair, reading it.
fn watching() -> (EventLoop, UnixStream, UnixStream, Rc<Cell<u32>>) {
    let event_loop = EventLoop::new().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let count = Rc::new(Cell::new(0));
    let (mut reader, counting) = (ours.try_clone().unwrap(), count.clone());
    event_loop
        .add_reader(&ours, move || {
            reader.read_exact(&mut [0]).unwrap();
            counting.set(counting.get() + 1);
        })
        .unwrap();
    (event_loop, ours, theirs, count)
}

fn is_forked<T>(result: Result<T, LoopError>) -> bool {
    match result {
        Err(LoopError::Forked { owner }) => owner == std::os::unix::process::parent_id(),
        Err(LoopError::Io(error)) => error.to_string().contains("after_fork_child"),
        _ => false,
    }
}

fn in_a_child_every_use_of_an_inherited_loop_says_that_it_was_forked() {
    let (event_loop, ours, _theirs, _) = watching();
    in_child(|| {
        assert!(is_forked(event_loop.run_forever()));
        assert!(is_forked(event_loop.run_once(NOW)));
        assert!(is_forked(event_loop.run_until_complete(async {})));
        assert!(is_forked(event_loop.try_as_fd()));
        assert!(is_forked(event_loop.add_reader(&ours, || ())));
        assert!(is_forked(event_loop.add_writer(&ours, || ())));
        let text = event_loop.run_forever().unwrap_err().to_string();
        assert!(text.contains("is a fork: call after_fork_child()"), "{text}");
    });
}

fn a_child_that_closes_an_inherited_loop_takes_nothing_from_its_parent() {
    let (event_loop, ours, mut theirs, count) = watching();
    in_child(|| {
        assert!(event_loop.remove_reader(&ours).unwrap());
        drop(ours);
        event_loop.close().unwrap();
        assert!(event_loop.is_closed());
    });
    theirs.write_all(b"x").unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(count.get(), 1, "the parent still hears of it");
}

fn a_child_rings_no_bell_and_sets_no_timer_of_its_parent() {
    let event_loop = EventLoop::new().unwrap();
    let fd = event_loop.as_fd().as_raw_fd();
    in_child(|| {
        event_loop.call_soon(|| ()).unwrap();
        event_loop.call_later(Duration::ZERO, || ()).unwrap();
        event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
        event_loop.stop();
    });
    let mut host = PollSelector::new().unwrap();
    host.register(fd, Interest::READ, Token::new(0, 0)).unwrap();
    let mut events = Vec::new();
    host.select(Some(Duration::from_millis(20)), &mut events).unwrap();
    assert_eq!(events, [], "nothing of the parent's has moved");
}

fn no_loop_runs_in_a_child_that_a_callback_forked_and_a_new_one_may() {
    let event_loop = EventLoop::new().unwrap();
    event_loop
        .run_until_complete(async {
            assert!(get_running_loop().is_ok());
            in_child(|| {
                assert!(matches!(get_running_loop(), Err(LoopError::NotRunning)));
                let own = EventLoop::new().unwrap();
                let running = own.run_until_complete(async { get_running_loop().unwrap() });
                assert!(running.unwrap() == own);
                own.close().unwrap();
            });
            assert!(get_running_loop().is_ok());
        })
        .unwrap();
}

fn a_child_that_comes_back_from_its_callback_ends_the_run_with_an_error() {
    let event_loop = EventLoop::new().unwrap();
    let (inner, child) = (event_loop.clone(), Rc::new(Cell::new(-1)));
    let forked = child.clone();
    event_loop
        .call_soon(move || {
            // SAFETY: as in `in_child`.
            forked.set(unsafe { libc::fork() });
            inner.call_soon(|| ()).unwrap();
            if forked.get() > 0 {
                inner.stop();
            }
        })
        .unwrap();
    let ended = event_loop.run_forever();
    if child.get() == 0 {
        let told = is_forked(ended) && event_loop.close().is_ok();
        // SAFETY: as in `in_child`.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    assert!(ended.is_ok());
    let mut status = 0;
    // SAFETY: as in `in_child`.
    assert_eq!(unsafe { libc::waitpid(child.get(), &mut status, 0) }, child.get());
    assert_eq!(status, 0, "the child was told");
}

fn a_loop_made_anew_has_its_watchers_timers_and_tasks_and_shares_no_registration() {
    let (event_loop, ours, mut theirs, count) = watching();
    let task = event_loop.create_task(async {
        evloop::sleep(Duration::from_millis(1)).await;
        7
    });
    event_loop.run_once(NOW).unwrap();
    let (child_reads, mut parent_writes) = UnixStream::pair().unwrap();
    parent_writes.write_all(b"x").unwrap();
    in_child(|| {
        event_loop.after_fork_child().unwrap();
        assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), 7);
        let stop = event_loop.clone();
        event_loop.add_reader(&child_reads, move || stop.stop()).unwrap();
        event_loop.run_forever().unwrap();
        theirs.write_all(b"x").unwrap();
        event_loop.run_once(NOW).unwrap();
        assert_eq!(count.get(), 1);
        assert!(event_loop.remove_reader(&ours).unwrap());
        event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
        event_loop.run_once(None).unwrap();
        assert!(event_loop.close().is_ok());
    });
    event_loop.run_once(NOW).unwrap();
    assert_eq!(count.get(), 0, "the child has read what was sent");
    theirs.write_all(b"y").unwrap();
    event_loop.run_once(NOW).unwrap();
    assert_eq!(count.get(), 1, "and the parent hears of what comes next");
}

fn a_loop_made_anew_in_a_callback_goes_on_running() {
    let event_loop = EventLoop::new().unwrap();
    event_loop
        .run_until_complete(async {
            // SAFETY: as in `in_child`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // `get_running_loop` has none, so the loop is named before.
                return 0;
            }
            child
        })
        .map(|child| end_of(child, &event_loop))
        .unwrap_or_else(|error| {
            // SAFETY: as in `in_child`.
            unsafe { libc::_exit(i32::from(!matches!(error, LoopError::Forked { .. }))) }
        });
    let inner = event_loop.clone();
    let child = event_loop.run_until_complete(async move {
        // SAFETY: as in `in_child`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            inner.after_fork_child().unwrap();
            assert!(get_running_loop().unwrap() == inner);
            evloop::sleep(Duration::from_millis(1)).await;
        }
        child
    });
    end_of(child.unwrap(), &event_loop);
}

/// The end of the child, in the child; in the parent it is waited for.
fn end_of(child: i32, event_loop: &EventLoop) {
    if child == 0 {
        let code = i32::from(event_loop.close().is_err());
        // SAFETY: as in `in_child`.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: as in `in_child`.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
}

fn a_host_of_a_loop_made_anew_finds_it_under_the_same_number() {
    let event_loop = EventLoop::new().unwrap();
    let fd = event_loop.as_fd().as_raw_fd();
    let mut host = PollSelector::new().unwrap();
    host.register(fd, Interest::READ, Token::new(0, 0)).unwrap();
    let mut is_readable = |within: Duration| {
        let mut events = Vec::new();
        host.select(Some(within), &mut events).unwrap();
        !events.is_empty()
    };
    let hour = Duration::from_secs(3600);
    event_loop.call_later(hour, || ()).unwrap();
    in_child(|| {
        event_loop.after_fork_child().unwrap();
        assert_eq!(event_loop.as_fd().as_raw_fd(), fd);
        event_loop.call_later(Duration::from_millis(1), || ()).unwrap();
        assert!(is_readable(hour), "the timer");
        event_loop.run_once(NOW).unwrap();
        assert!(!is_readable(Duration::ZERO));
        event_loop.call_soon(|| ()).unwrap();
        assert!(is_readable(hour), "the bell");
    });
    assert!(!is_readable(Duration::from_millis(20)), "the parent's is another");
}

fn a_selector_of_ones_own_that_cannot_be_made_anew_says_so() {
    let own = EventLoop::builder().selector(OwnSelector::new(|_| ())).build().unwrap();
    let poll = EventLoop::builder().selector(PollSelector::new().unwrap()).build().unwrap();
    in_child(|| {
        let text = own.after_fork_child().unwrap_err().to_string();
        assert!(text.contains("the own selector cannot be made anew"), "{text}");
        assert!(is_forked(own.run_forever()), "and nothing has changed");
        poll.after_fork_child().unwrap();
        poll.run_until_complete(evloop::sleep(Duration::from_millis(1))).unwrap();
    });
}

fn after_fork_child_does_nothing_at_home_and_refuses_a_closed_loop() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.after_fork_child().unwrap();
    event_loop.run_until_complete(async {}).unwrap();
    event_loop.close().unwrap();
    assert!(matches!(event_loop.after_fork_child(), Err(LoopError::Closed)));
    in_child(|| {
        assert!(matches!(event_loop.run_forever(), Err(LoopError::Closed)));
        assert!(matches!(event_loop.after_fork_child(), Err(LoopError::Closed)));
    });
}
