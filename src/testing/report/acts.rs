//! The kernel's acts in the voice of the explain mode: past tense, plain words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Shutdown;
use std::os::fd::RawFd;

use super::lines::millis;
use crate::observe::{interest_words, readiness_words};
use crate::testing::journal::{Act, Choice, Errno};
use crate::testing::kernel::{LONGEST_JUMP, LONGEST_WITHHELD};
use crate::testing::schedule::{Fault, Mode, Schedule, Site};

/// What is said of an act, and what of the schedule brought it about.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) mark: Option<String>,
}

macro_rules! said {
    ($($words:tt)*) => { Some(Said { text: format!($($words)*), mark: None }) };
}

/// Says what the kernel did, and knows which numbers of descriptors were in use before.
#[derive(Default)]
pub(super) struct Acts {
    used: BTreeSet<RawFd>,
}

impl Acts {
    /// `None` for what the loop's own records say already, and for what is no news.
    pub(super) fn say(&mut self, act: &Act) -> Option<Said> {
        match act {
            Act::Picked { decision, what, among, chosen } => {
                let text = choice_words(*what, chosen + 1, *among);
                Some(Said { text, mark: Some(picked(*decision, *chosen)) })
            }
            Act::Fault { site, nth, fault } => {
                Some(Said { text: fault_words(*fault), mark: Some(played(*site, *nth, *fault)) })
            }
            Act::Opened { fd, kind, .. } => match self.used.insert(*fd) {
                true => said!("opened fd {fd}: {kind}"),
                false => said!("opened fd {fd}: {kind}; the number was used before"),
            },
            Act::Closed { fd, birth: None } => said!("closed fd {fd}, which was not open"),
            Act::Closed { fd, birth: Some(_) } => said!("closed fd {fd}"),
            Act::Rung => said!("the loop's bell was rung"),
            Act::Thread => said!("another thread did something"),
            Act::Note(text) => said!("note: {text}"),
            Act::Quiescent => said!("waited for something to come, and nothing ever could"),
            Act::LimitHit(which) => said!("asked for more, beyond the limit of {which}"),
            // The loop says what it watches, how it waited and what came of it.
            Act::Registered { .. }
            | Act::Unregistered { .. }
            | Act::Select { .. }
            | Act::Selected { .. } => None,
            network => network_words(network),
        }
    }
}

/// Connections and their bytes.
fn network_words(act: &Act) -> Option<Said> {
    match act {
        Act::Accept { listener, got: Ok(fd), .. } => {
            said!("accepted a connection from fd {listener}: fd {fd}")
        }
        Act::Accept { listener, got: Err(error), .. } => {
            failed("accept", "from", *listener, *error)
        }
        Act::Connect { remote, got: Ok(fd) } => said!("fd {fd} began to connect to {remote}"),
        Act::Connect { remote, got: Err(error) } => {
            said!("connecting to {remote} failed: {}", error_name(*error))
        }
        Act::Connected { fd, error: None } => said!("fd {fd} was connected"),
        Act::Connected { fd, error: Some(error) } => {
            said!("fd {fd} was not connected: {}", error_name(*error))
        }
        Act::Waits { listener } => said!("a connection came to fd {listener}"),
        Act::Arrived { fd, bytes, eof, reset } => {
            said!("{} came to fd {fd}", arrived(*bytes, *eof, *reset))
        }
        Act::Recv { fd, got: Ok(0), asked: 1.., .. } => {
            said!("received the end of the file from fd {fd}")
        }
        Act::Recv { fd, got: Ok(bytes), .. } => said!("received {} from fd {fd}", many(*bytes)),
        Act::Recv { fd, got: Err(error), .. } => failed("receive", "from", *fd, *error),
        Act::Send { fd, asked, took: Ok(took) } => {
            said!("sent {took} of {} to fd {fd}", many(*asked))
        }
        Act::Send { fd, took: Err(error), .. } => failed("send", "to", *fd, *error),
        Act::Shutdown { fd, how, error: None } => said!("shut fd {fd} down for {}", way(*how)),
        Act::Shutdown { fd, how, error: Some(error) } => {
            said!("shutting fd {fd} down for {} failed: {}", way(*how), error_name(*error))
        }
        Act::Partition { from, to, healed } => {
            let again = if *healed { "went through again" } else { "went through no more" };
            said!("what {from} sends to {to} {again}")
        }
        // Every other act is one of those above this function, or is told in a report's head.
        _ => None,
    }
}

/// How a descriptor stands when nothing can happen any more.
pub(super) fn standing(act: &Act) -> Option<String> {
    let Act::Standing { fd, readiness, watched } = act else { return None };
    let so = match readiness_words(*readiness) {
        none if none.is_empty() => "has no news".to_owned(),
        so => format!("is {so}"),
    };
    let watched = watched.map_or("for nothing", interest_words);
    Some(match watched {
        "for nothing" => format!("fd {fd} {so}, and nobody watches it"),
        interest => format!("fd {fd} {so}, and is watched for {interest}"),
    })
}

/// What finds nothing to do is no news; a fault that has it so is told of by itself.
fn failed(call: &str, way: &str, fd: RawFd, error: Errno) -> Option<Said> {
    match error {
        libc::EAGAIN => None,
        error => said!("the {call} {way} fd {fd} failed: {}", error_name(error)),
    }
}

/// As the manual pages call it: the same on every system.
fn error_name(error: Errno) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(error))
}

fn many(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

fn arrived(bytes: usize, eof: bool, reset: bool) -> String {
    let what = [
        (bytes > 0).then(|| many(bytes)),
        eof.then(|| "the peer's end of file".to_owned()),
        reset.then(|| "a reset".to_owned()),
    ];
    what.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn way(how: Shutdown) -> &'static str {
    match how {
        Shutdown::Read => "reading",
        Shutdown::Write => "writing",
        Shutdown::Both => "reading and writing",
    }
}

fn choice_words(what: Choice, place: usize, among: usize) -> String {
    match what {
        Choice::Event => format!("event {place} of {among} was told next"),
        Choice::Handle => format!("handle {place} of {among} was next"),
        Choice::Latency => format!("a packet took time {place} of {among}, from the shortest"),
        Choice::Window => "it landed before the loop had announced its sleep".to_owned(),
    }
}

/// How a schedule's text calls this choice: `pick 0:1`.
fn picked(decision: u32, chosen: usize) -> String {
    let chosen = u8::try_from(chosen).unwrap_or(u8::MAX);
    alone(Schedule { picks: BTreeMap::from([(decision, chosen)]), ..Schedule::default() })
}

/// How a schedule's text calls this fault: `select#2 eintr`.
fn played(site: Site, nth: u32, fault: Fault) -> String {
    alone(Schedule { faults: BTreeMap::from([((site, nth), fault)]), ..Schedule::default() })
}

/// The text of a schedule of one deviation, without its mode.
fn alone(schedule: Schedule) -> String {
    debug_assert_eq!(schedule.mode, Mode::Legal);
    let text = schedule.to_string();
    match text.split_once("; ") {
        Some((_, deviation)) => deviation.to_owned(),
        None => text,
    }
}

fn fault_words(fault: Fault) -> String {
    let words = match fault {
        Fault::Eintr => "a signal ended the wait",
        Fault::Spurious(_) => "a watched descriptor was told ready, and was not",
        Fault::Withhold(time) => {
            return format!("an event was held back for {}", millis(time.min(LONGEST_WITHHELD)));
        }
        Fault::OneEvent => "one event was told, and the others kept for the next wait",
        Fault::Reverse => "the events were told in the opposite order",
        Fault::MergeHup => "hang-ups were told together with what was still to be read",
        Fault::Stale => "an event was told of a registration that was gone",
        Fault::NotifyRace => "another thread was quicker than the wait",
        Fault::Jump(time) => {
            return format!("the clock leapt by {}", millis(time.min(LONGEST_JUMP)));
        }
        Fault::Short(bytes) => {
            return format!("the next call took at most {}", many(usize::from(bytes)));
        }
        Fault::Again => "the next call found nothing to do, although it was told ready",
        Fault::Reset => "the connection was reset",
        Fault::Emfile => "no descriptor was left",
        Fault::Aborted => "the connection that waited was gone",
    };
    words.to_owned()
}
