//! The message table: every [`Sentence`] in English, past tense and plain words.
//!
//! Another language is another file with a function of this one's type.

mod deed;
mod finding;
mod wait;
mod words;

use std::fmt::{Result, Write};
use std::time::Duration;

use super::sentence::{Sentence, Who};
use super::units::{Many, Place, Span};
use crate::observe::Site;
use deed::deed;
use wait::waited;
use words::{cause_name, limit_words, name, readiness_words, task_name};
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
