//! Errors that nobody can read any more: what counts as one, and who is told.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use super::cell::Payload;
use super::header::Header;
use super::join_error::JoinError;
use crate::event_loop::{ErrorContext, Exception};

/// Calls `$found` with the error in a result, as far as evloop can tell one: `Err` in a result
/// without a value whose error is one of the usual ones. (Rust cannot ask any type whether it is
/// an error.)
macro_rules! find_error {
    ($value:expr, $found:expr) => {
        find_error!(@ $value, $found, io::Error, Box<dyn Error>, Box<dyn Error + Send + Sync>,
            String, &'static str, fmt::Error, crate::event_loop::LoopError)
    };
    (@ $value:expr, $found:expr, $($error:ty),*) => {{
        let value: &dyn Any = $value;
        $(if let Some(Err(error)) = value.downcast_ref::<Result<(), $error>>() {
            return $found(error);
        })*
    }};
}

/// Whether a result is a failure: a panic, or an error that evloop can tell. Runs nobody else's
/// code.
pub(super) fn has_failed<T: 'static>(output: &Result<T, JoinError>) -> bool {
    match output {
        Err(error) => return !error.is_cancelled(),
        Ok(value) => find_error!(value, |_| true),
    }
    false
}

/// What it failed with, in words.
pub(super) fn failure<T: 'static>(output: &Result<T, JoinError>) -> Option<String> {
    fn words(error: &impl fmt::Display) -> Option<String> {
        Some(format!("{error}"))
    }
    match output {
        Err(JoinError::Cancelled) => return None,
        Err(error) => return words(error),
        Ok(value) => find_error!(value, words),
    }
    None
}

/// Tells the exception handler of an error that nobody can read any more.
pub(super) fn report_unread(header: &Header, failure: String) {
    let Some(event_loop) = header.event_loop() else {
        return;
    };
    let message = format!("{}: exception was never retrieved", header.name());
    let context = ErrorContext::new(message).error(failure).task(header.id, header.spawned_at);
    event_loop.call_exception_handler(context);
}

/// Tells the exception handler of a panic in a task that nobody awaits.
pub(super) fn report_panic(header: &Header, payload: Payload) {
    let Some(event_loop) = header.event_loop() else { return };
    let message = format!("{}: exception was never retrieved", header.name());
    let context = ErrorContext::new(message)
        .exception(Exception::Panic(payload))
        .task(header.id, header.spawned_at);
    event_loop.call_exception_handler(context);
}
