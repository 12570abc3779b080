//! What a handle, or the program outside of one, did: to tasks and timers, and to descriptors.

use std::fmt::{Result, Write};

use super::finding::found;
use super::wait::awaited;
use super::words::{end_words, interest_words, name, task_name, timer_name};
use crate::observe::explain::sentence::Sentence;
use crate::observe::explain::units::{Many, Place, Span};

/// What a handle, or the program outside of one, did.
pub(super) fn deed(sentence: &Sentence, out: &mut dyn Write) -> Result {
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
            heap(*armed, out)
        }
        S::Disarmed { timer, armed } => {
            write!(out, "cancelled {}", timer_name(timer))?;
            heap(*armed, out)
        }
        S::Watches { fd, interest: Some(interest) } => {
            write!(out, "watched fd {fd} for {}", interest_words(*interest))
        }
        S::Watches { fd, interest: None } => write!(out, "watched fd {fd} no more"),
        other => task_deed(other, out),
    }
}

fn heap(armed: Option<usize>, out: &mut dyn Write) -> Result {
    match armed {
        Some(armed) => write!(out, "; the heap of timers held {armed}"),
        None => Ok(()),
    }
}

/// How a task waited or ended, and how the loop did.
fn task_deed(sentence: &Sentence, out: &mut dyn Write) -> Result {
    use Sentence as S;
    match sentence {
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
        // Every other sentence is one of those above.
        _ => Ok(()),
    }
}
