//! The message table: every [`Sentence`] in English, past tense and plain words.
//!
//! Another language is another file with a function of this one's type.

mod wait;
mod words;

use std::fmt::{Result, Write};
use std::time::Duration;

use super::sentence::{Awaited, Finding, Sentence, Who};
use super::units::{Many, Place, Span};
use crate::observe::{Resource, Site};
use wait::waited;
use words::{
    cause_name, end_words, interest_words, limit_words, name, readiness_words, task_name,
    timer_name,
};
#[cfg(feature = "testing")]
pub(crate) use words::{interest_words as interest, readiness_words as readiness};

/// Writes one sentence, without its indentation and the end of its line.
pub(super) fn english(sentence: &Sentence, out: &mut dyn Write) -> Result {
    use Sentence as S;
    match sentence {
        S::Opened { selector } => write!(out, "the loop was made; it waits with {selector}"),
        S::Turn { turn, wait } => {
            write!(out, "turn {turn}  ")?;
            waited(wait, out)
        }
        S::TurnInShort { turn, wait, ran, more } => {
            write!(out, "turn {turn}  ")?;
            waited(wait, out)?;
            list(ran, *more, out)
        }
        S::Folded { turns, waited } => {
            write!(out, "... {} that found nothing to do", Many(*turns, "turn"))?;
            if waited.is_zero() { Ok(()) } else { write!(out, ", in {}", Span(*waited)) }
        }
        S::Answered { call, limit, events } => {
            write!(out, "{call}, {} → {}", limit_words(*limit), Many(*events, "event"))
        }
        S::Event { fd, readiness } => {
            write!(out, "fd {fd} was {}", readiness_words(*readiness))
        }
        S::Due { timer, late, armed } => {
            write!(out, "{timer:?} was due")?;
            lateness(*late, out)?;
            write!(out, "; it left the heap of timers, where {armed} stayed")
        }
        S::Queued { handle, who, cause, place } => {
            write!(out, "{handle:?} joined the ready queue at place {place}: {}", name(who))?;
            write!(out, ", because of {}", cause_name(cause))
        }
        S::Began { who, cause, at, waited, late, first, handle } => {
            if let Some(handle) = handle {
                write!(out, "{handle:?}: ")?;
            }
            began(who, cause, *at, *first, *waited, out)?;
            lateness(*late, out)
        }
        S::Took { took } => write!(out, "took {}", Span(*took)),
        S::PassedOver { who: Who::Task(task) } => {
            write!(out, "{} was passed over: it had ended", task_name(task))
        }
        S::PassedOver { who } => write!(out, "{} was passed over: it was cancelled", name(who)),
        other => deed(other, out),
    }
}

/// What a handle, or the program outside of one, did.
fn deed(sentence: &Sentence, out: &mut dyn Write) -> Result {
    use Sentence as S;
    match sentence {
        S::QueuedNext { who, turn } => write!(out, "queued {} for turn {turn}", name(who)),
        S::Woke { task, itself: true, turn } => {
            write!(out, "woke itself: {} runs again in turn {turn}", task_name(task))
        }
        S::Woke { task, itself: false, turn } => {
            write!(out, "woke {}, which runs in turn {turn}", task_name(task))
        }
        S::Spawned { task, at, turn } => {
            write!(out, "spawned {} at {}, to begin in turn {turn}", task_name(task), Place(at))
        }
        S::Named { task, name } => write!(out, "named {task:?} {name:?}"),
        S::Armed { timer, who, left, armed } => {
            write!(out, "armed {timer:?} for {}", name(who))?;
            match left {
                Some(left) => write!(out, ", due in {}", Span(*left))?,
                None => write!(out, ", due never")?,
            }
            match armed {
                Some(armed) => write!(out, "; the heap of timers held {armed}"),
                None => Ok(()),
            }
        }
        S::Disarmed { timer, armed } => {
            write!(out, "cancelled {}", timer_name(timer))?;
            match armed {
                Some(armed) => write!(out, "; the heap of timers held {armed}"),
                None => Ok(()),
            }
        }
        S::Watches { fd, interest: Some(interest) } => {
            write!(out, "watched fd {fd} for {}", interest_words(*interest))
        }
        S::Watches { fd, interest: None } => write!(out, "watched fd {fd} no more"),
        S::Waits { task, what } => {
            write!(out, "{} then waited for ", task_name(task))?;
            awaited(what, out)
        }
        #[cfg(feature = "testing")]
        S::Pending { task, at, what } => {
            write!(out, "{}", task_name(task))?;
            at.map_or(Ok(()), |at| write!(out, ", spawned at {},", Place(at)))?;
            match what {
                Some(what) => {
                    write!(out, " waits for ")?;
                    awaited(what, out)
                }
                None => write!(out, " has said of nothing that it waits for it"),
            }
        }
        S::CancelRequested { task, at } => {
            write!(out, "asked {} to end, at {}", task_name(task), Place(at))
        }
        S::Ended { task, end } => write!(out, "{} {}", task_name(task), end_words(*end)),
        S::Stop { by, running } => {
            let by = by.as_ref().map_or(String::new(), |by| name(by) + " ");
            let then = if *running {
                "the run ended after this turn"
            } else {
                "the next run has one turn"
            };
            write!(out, "{by}called stop: {then}")
        }
        S::Closed => write!(out, "the loop was closed"),
        S::Finding(finding) => {
            write!(out, "! ")?;
            found(finding, out)
        }
        other => socket_deed(other, out),
    }
}

fn socket_deed(sentence: &Sentence, out: &mut dyn Write) -> Result {
    use Sentence as S;
    match sentence {
        S::Accepted { listener, fd } => {
            write!(out, "accepted a connection from fd {listener}: fd {fd}")
        }
        S::Received { fd, bytes: 0 } => write!(out, "received the end of the file from fd {fd}"),
        S::Received { fd, bytes } => write!(out, "received {} from fd {fd}", Many(*bytes, "byte")),
        S::Sent { fd, asked, sent } if asked == sent => {
            write!(out, "sent {} to fd {fd}, all at once", Many(*sent, "byte"))
        }
        S::Sent { fd, asked, sent } => {
            write!(
                out,
                "sent {sent} of {} to fd {fd}; the kernel's buffer was full",
                Many(*asked, "byte")
            )
        }
        S::FlowResumed { fd, buffered } => {
            write!(out, "fd {fd} could be written to again: {} unsent", Many(*buffered, "byte"))
        }
        S::Disconnected { fd } => write!(out, "closed fd {fd}"),
        // Every other sentence is one of `english` or `deed`.
        _ => Ok(()),
    }
}

fn list(ran: &[Who], more: usize, out: &mut dyn Write) -> Result {
    let names: Vec<String> = ran.iter().map(name).collect();
    write!(out, "; ran {}", names.join(", "))?;
    if more > 0 { write!(out, " and {more} more") } else { Ok(()) }
}

fn began(
    who: &Who,
    cause: &Who,
    at: Option<Site>,
    first: bool,
    waited: Option<Duration>,
    out: &mut dyn Write,
) -> Result {
    match (who, cause) {
        (Who::Task(task), _) if first => {
            write!(out, "{} began", task_name(task))?;
            at.map_or(Ok(()), |at| write!(out, ", spawned at {}", Place(at)))
        }
        (Who::Task(task), _) => {
            write!(out, "{} went on", task_name(task))?;
            went_on(cause == who, cause, at, waited, out)
        }
        (Who::Wake(Some(timer)), _) => write!(out, "{timer:?} was due"),
        (Who::RemoteCall | Who::Signal(_), _) => write!(out, "{} ran", name(who)),
        (_, Who::Timer(timer)) => write!(out, "{} ran: {timer:?} was due", name(who)),
        (_, Who::Event { fd, readiness }) => {
            write!(out, "{} ran: fd {fd} was {}", name(who), readiness_words(*readiness))
        }
        (_, Who::Outside) => write!(out, "{} ran, queued outside of the loop", name(who)),
        (_, cause) if cause == who => write!(out, "{} ran, queued by itself", name(who)),
        (_, cause) => write!(out, "{} ran, queued by {}", name(who), cause_name(cause)),
    }
}

fn went_on(
    by_itself: bool,
    cause: &Who,
    at: Option<Site>,
    waited: Option<Duration>,
    out: &mut dyn Write,
) -> Result {
    if let Some(at) = at {
        write!(out, " at {}", Place(at))?;
    }
    match by_itself {
        true => write!(out, ", woken by itself")?,
        false => write!(out, ", woken by {}", cause_name(cause))?,
    }
    match waited {
        Some(waited) if !waited.is_zero() => write!(out, " after {}", Span(waited)),
        _ => Ok(()),
    }
}

/// What nobody would notice is not said.
fn lateness(late: Duration, out: &mut dyn Write) -> Result {
    if late.is_zero() { Ok(()) } else { write!(out, ", {} late", Span(late)) }
}

fn awaited(what: &Awaited, out: &mut dyn Write) -> Result {
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

fn found(finding: &Finding, out: &mut dyn Write) -> Result {
    match finding {
        Finding::SlowTurn { turn, took, slowest, of_it, behind } => {
            write!(out, "turn {turn} ran for {}, ", Span(*took))?;
            write!(out, "{} of it in {}", Span(*of_it), name(slowest))?;
            match behind {
                0 => Ok(()),
                n => write!(out, "; {} queued by its end had waited", Many(*n, "handle")),
            }
        }
        Finding::LateTimer { timer, late, after } => {
            write!(out, "{} was {} late", timer_name(timer), Span(*late))?;
            match after {
                Some((turn, took)) => write!(out, ": turn {turn} had run for {}", Span(*took)),
                None => Ok(()),
            }
        }
        Finding::WakesItself { who, turns } => write!(
            out,
            "{} queued itself in {turns} turns in a row: the loop never waits for anything",
            name(who)
        ),
        Finding::NobodyWaits { fd, readiness } => {
            write!(out, "fd {fd} was {}, but nobody waited for it", readiness_words(*readiness))
        }
        Finding::FlowPaused { fd, buffered } => write!(
            out,
            "fd {fd} was told to stop writing: its peer does not read, and {} wait unsent",
            Many(*buffered, "byte")
        ),
        Finding::ClosedWhilePending { task, what } => {
            write!(out, "{} was pending when the loop was closed", task_name(task))?;
            match what {
                Some(what) => {
                    write!(out, "; it waited for ")?;
                    awaited(what, out)
                }
                None => Ok(()),
            }
        }
        Finding::NothingCanWake { pending } => write!(
            out,
            "the loop sleeps with no timer armed and no descriptor watched, {} pending: only \
             another thread or a signal can wake it",
            Many(*pending, "task")
        ),
        Finding::Exception { message } => {
            let lines: Vec<&str> = message.lines().map(str::trim).collect();
            write!(out, "the exception handler was told: {}", lines.join("; "))
        }
    }
}
