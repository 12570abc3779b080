//! The handler of a server's connections, and what becomes of its failure.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

use super::reader::StreamReader;
use super::writer::StreamWriter;
use crate::event_loop::{ErrorContext, get_running_loop};
use crate::observe::Site;

/// What a connection's handler may return: nothing, or a result whose error is reported to the
/// loop's exception handler.
pub trait HandlerOutput {
    /// The error, in words.
    fn failure(self) -> Option<String>;
}

impl HandlerOutput for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display> HandlerOutput for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| format!("{error}"))
    }
}

/// Runs a handler as a task nobody awaits; it counts as spawned where the server was asked for.
pub(super) fn handle<H, F>(handler: &H, reader: StreamReader, writer: StreamWriter, at: Site)
where
    H: Fn(StreamReader, StreamWriter) -> F,
    F: Future<Output: HandlerOutput> + 'static,
{
    let Some(event_loop) = writer.transport().event_loop() else { return };
    let peer = writer.peer_addr();
    let handler = handler(reader, writer);
    let task = async move {
        if let Some(failure) = handler.await.failure() {
            report(peer, failure);
        }
    };
    drop(event_loop.create_task_at(task, at));
}

fn report(peer: io::Result<SocketAddr>, failure: String) {
    let whose = peer.map_or(String::from("a connection"), |peer| format!("{peer}"));
    let message = format!("Unhandled exception in the handler of {whose}");
    if let Ok(event_loop) = get_running_loop() {
        event_loop.call_exception_handler(ErrorContext::new(message).error(failure));
    }
}
