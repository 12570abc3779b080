//! What is worth a look, in words.

use std::fmt::{Result, Write};

use super::wait::awaited;
use super::words::{name, readiness_words, task_name, timer_name};
use crate::observe::explain::sentence::Finding;
use crate::observe::explain::units::{Many, Span};

pub(super) fn found(finding: &Finding, out: &mut dyn Write) -> Result {
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
