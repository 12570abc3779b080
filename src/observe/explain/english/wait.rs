//! How a turn waited, and why no longer; what a task waits for.

use std::fmt::{Result, Write};

use super::super::sentence::{Awaited, Ending, TimerName, Wait};
use super::super::units::{Many, Place, Span};
use super::words::{task_name, timer_name, were};
use crate::observe::{Resource, WaitReason};

pub(super) fn waited(wait: &Wait, out: &mut dyn Write) -> Result {
    let (why, limit, timer, took, ready, ended) = match wait {
        Wait::Skipped { ready } => {
            return write!(out, "did not ask the kernel again so soon: {} ready", were(*ready));
        }
        Wait::Asked { why, limit, timer, took, ready, ended } => {
            (why, *limit, timer, *took, *ready, *ended)
        }
    };
    if limit.is_some_and(|limit| limit.is_zero()) {
        write!(out, "did not wait: ")?;
        not_waited(*why, timer.as_ref(), ready, out)?;
        return match ended {
            Ending::Events(n) => write!(out, "; {} came", Many(n, "event")),
            _ => Ok(()),
        };
    }
    write!(out, "waited {}", Span(took))?;
    match ended {
        Ending::TimeUp => return time_up(timer.as_ref(), out),
        Ending::Events(n) => write!(out, " until {} came; ", Many(n, "event"))?,
        Ending::Rung => write!(out, " until another thread or a signal woke it; ")?,
    }
    match (limit, timer) {
        (Some(limit), Some(timer)) => {
            write!(out, "the limit was {}, for {}", Span(limit), timer_name(timer))
        }
        (Some(limit), None) => write!(out, "run_once allowed {}", Span(limit)),
        (None, _) => write!(out, "there was no limit, for no timer was armed"),
    }
}

fn time_up(timer: Option<&TimerName>, out: &mut dyn Write) -> Result {
    match timer {
        Some(timer) => write!(out, " for {}", timer_name(timer)),
        None => write!(out, ", as long as run_once allowed"),
    }
}

fn not_waited(
    why: WaitReason,
    timer: Option<&TimerName>,
    ready: usize,
    out: &mut dyn Write,
) -> Result {
    match (why, timer) {
        (WaitReason::Ready, _) => write!(out, "{} ready", were(ready)),
        (WaitReason::Stopping, _) => write!(out, "stop had been called"),
        (WaitReason::Remote, _) => write!(out, "another thread had sent something"),
        (WaitReason::Limit, _) => write!(out, "run_once allowed no wait"),
        (_, Some(timer)) => write!(out, "{} was due already", timer_name(timer)),
        (_, None) => write!(out, "something was due already"),
    }
}

pub(super) fn awaited(what: &Awaited, out: &mut dyn Write) -> Result {
    match (&what.on, what.timer, &what.task) {
        (Resource::Timer(_), Some(timer), _) => write!(out, "{timer:?} ({})", Span(what.left))?,
        (Resource::Timer(_), None, _) => write!(out, "{} to pass", Span(what.left))?,
        (Resource::NextTurn, ..) => write!(out, "the next turn")?,
        (Resource::Future, ..) => write!(out, "a future that somebody completes")?,
        (Resource::Task(_), _, Some(task)) => write!(out, "the end of {}", task_name(task))?,
        (Resource::Task(task), _, None) => write!(out, "the end of {task:?}")?,
        (Resource::Readable(fd), ..) => write!(out, "fd {fd} to be readable")?,
        (Resource::Writable(fd), ..) => write!(out, "fd {fd} to be writable")?,
        (Resource::Sync(primitive, made), ..) => {
            write!(out, "{primitive} made at {}", Place(made))?;
        }
        (Resource::Other(words), ..) => write!(out, "{words}")?,
    }
    what.at.map_or(Ok(()), |at| write!(out, ", at {}", Place(at)))
}
