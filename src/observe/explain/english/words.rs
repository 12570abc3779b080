//! Names, and words for what is of a few kinds.

use std::os::fd::RawFd;
use std::time::Duration;

use super::super::sentence::{TaskName, TimerName, Who};
use super::super::units::{Many, Place, Span};
use crate::observe::TaskEnd;
use crate::selector::{Interest, Readiness};

pub(super) fn limit_words(limit: Option<Duration>) -> String {
    match limit {
        None => "without limit".into(),
        Some(limit) if limit.is_zero() => "without waiting".into(),
        Some(limit) => format!("at most {}", Span(limit)),
    }
}

pub(super) fn were(ready: usize) -> String {
    let verb = if ready == 1 { "was" } else { "were" };
    format!("{} {verb}", Many(ready, "handle"))
}

pub(super) fn name(who: &Who) -> String {
    match who {
        Who::Outside => "the program".into(),
        Who::OtherThread => "another thread".into(),
        Who::Event { fd, .. } => fd_name(*fd),
        Who::Timer(timer) => format!("{timer:?}"),
        Who::Wake(Some(timer)) => format!("the wake-up by {timer:?}"),
        Who::Wake(None) => "the wake-up by a timer".into(),
        Who::Task(task) => task_name(task),
        Who::Callback(at) => format!("callback {}", Place(at)),
        Who::RemoteCall => "a call from another thread".into(),
        Who::Reader(fd) => format!("the reader of fd {fd}"),
        Who::Writer(fd) => format!("the writer of fd {fd}"),
        Who::Signal(signal) => format!("the handler of signal {signal}"),
        Who::Internal(words) => (*words).into(),
        Who::Handle(handle) => format!("{handle:?}"),
    }
}

pub(super) fn cause_name(cause: &Who) -> String {
    match cause {
        Who::Outside => "the program, outside of the loop".into(),
        Who::Wake(Some(timer)) => format!("{timer:?}"),
        Who::Wake(None) => "a timer".into(),
        cause => name(cause),
    }
}

pub(super) fn fd_name(fd: RawFd) -> String {
    format!("fd {fd}")
}

pub(super) fn task_name(task: &TaskName) -> String {
    match &task.name {
        Some(name) => format!("task {name}#{}", task.task.0),
        None => format!("task#{}", task.task.0),
    }
}

pub(super) fn timer_name(timer: &TimerName) -> String {
    let mut words = format!("{:?}", timer.timer);
    match &timer.by {
        Some(Who::Outside) | None => {}
        Some(by) => words.push_str(&format!(" of {}", name(by))),
    }
    if let Some(at) = timer.at {
        words.push_str(&format!(" ({})", Place(at)));
    }
    words
}

pub(super) fn end_words(end: TaskEnd) -> &'static str {
    match end {
        TaskEnd::Finished => "finished",
        TaskEnd::Cancelled => "was cancelled",
        TaskEnd::Panicked => "panicked",
    }
}

pub(crate) fn interest_words(interest: Interest) -> &'static str {
    match (interest.is_read(), interest.is_write()) {
        (true, false) => "reading",
        (false, true) => "writing",
        _ => "reading and writing",
    }
}

pub(crate) fn readiness_words(readiness: Readiness) -> String {
    let words = [
        (Readiness::READABLE, "readable"),
        (Readiness::WRITABLE, "writable"),
        (Readiness::READ_HANGUP, "at the peer's end of file"),
        (Readiness::HANGUP, "hung up"),
        (Readiness::ERROR, "in error"),
    ];
    let so = words.iter().filter(|(flag, _)| readiness.contains(*flag));
    so.map(|(_, word)| *word).collect::<Vec<_>>().join(" and ")
}
