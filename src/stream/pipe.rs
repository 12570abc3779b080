//! Pipes as streams: one end each.

use std::io;

use super::buffer::DEFAULT_LIMIT;
use super::reader::StreamReader;
use super::shared::StreamProtocol;
use super::writer::StreamWriter;
use crate::event_loop::{EventLoop, LoopError, get_running_loop};
use crate::transport::{ToPipe, Transport};

/// Reads a pipe, a socket, a terminal or another character device with `await`. It is closed when
/// the reader is dropped, so that whoever writes hears of it.
///
/// Of asyncio it takes `connect_read_pipe` with a `StreamReaderProtocol` to do the same.
///
/// # Errors
///
/// As [`EventLoop::connect_read_pipe`]; `NotRunning` outside of a run.
pub fn open_read_pipe(pipe: impl ToPipe) -> io::Result<StreamReader> {
    Ok(read_pipe(&get_running_loop()?, pipe, DEFAULT_LIMIT)?)
}

/// Writes a pipe, a socket, a terminal or another character device. It is closed when the writer
/// is dropped, once everything written has gone.
///
/// # Errors
///
/// As [`EventLoop::connect_write_pipe`]; `NotRunning` outside of a run.
pub fn open_write_pipe(pipe: impl ToPipe) -> io::Result<StreamWriter> {
    Ok(write_pipe(&get_running_loop()?, pipe)?)
}

/// The same on a loop that need not run, with a limit in bytes, at least 1.
pub(crate) fn read_pipe(
    event_loop: &EventLoop,
    pipe: impl ToPipe,
    limit: usize,
) -> Result<StreamReader, LoopError> {
    let open = |protocol| event_loop.connect_read_pipe(protocol, pipe);
    Ok(ends(limit, open)?.0)
}

pub(crate) fn write_pipe(
    event_loop: &EventLoop,
    pipe: impl ToPipe,
) -> Result<StreamWriter, LoopError> {
    let open = |protocol| event_loop.connect_write_pipe(protocol, pipe);
    Ok(ends(DEFAULT_LIMIT, open)?.1)
}

/// Both ends, of which the caller keeps the one that works: when that goes, the pipe is closed.
fn ends(
    limit: usize,
    open: impl FnOnce(StreamProtocol) -> Result<Transport, LoopError>,
) -> Result<(StreamReader, StreamWriter), LoopError> {
    let (take, taken) = place();
    open(StreamProtocol::new(limit, Box::new(move |reader, writer| take((reader, writer)))))?;
    taken().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected).into())
}

/// Where `connection_made` leaves what the caller is to have.
fn place<T: 'static>() -> (impl FnOnce(T), impl FnOnce() -> Option<T>) {
    let here = std::rc::Rc::new(std::cell::Cell::new(None));
    let there = here.clone();
    (move |value| here.set(Some(value)), move || there.take())
}
