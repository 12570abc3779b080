//! Bodies of answers that are sent while they are made.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::Connection;
use super::drive::Rest;
use super::receive::FLUSH_SIZE;
use crate::event_loop::Exception;
use crate::http::body::{BodyWriter, FilePart, Sink, StreamBody, StreamResult};
use crate::observe::{Resource, note_wait};

/// A file of at most so many bytes is read and goes out with its head in one write; that costs less
/// than a call of its own for it.
pub(super) const SMALL_FILE: u64 = 16 << 10;

/// So much of a file is given to the kernel at once. After each part the client has made progress,
/// which is what its write timeout is measured by.
const FILE_PART: u64 = 256 << 10;

/// So much is read at once of a file that the kernel cannot send by itself.
const FILE_CHUNK: usize = 64 << 10;

/// Where the body of an answer stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// More was written than the head promised.
    TooLong,
    /// The answer is complete.
    Ended,
    /// The connection is gone.
    Lost,
}

/// The body of an answer that is on its way.
pub(super) struct Sending {
    connection: Weak<Connection>,
    state: Cell<State>,
    waiters: RefCell<Vec<Waker>>,
    /// How many parts of a file were given to the kernel.
    parts: Cell<u32>,
}

impl Sending {
    pub(super) fn new(connection: Weak<Connection>) -> Rc<Sending> {
        let state = Cell::new(State::Open);
        Rc::new(Sending { connection, state, waiters: RefCell::default(), parts: Cell::new(0) })
    }

    /// Something has changed for those who wait.
    pub(super) fn wake(&self) {
        for waiter in self.waiters.take() {
            waiter.wake();
        }
    }

    /// How many parts of a file were given to the kernel: it changes while the client reads.
    pub(super) fn parts(&self) -> u32 {
        self.parts.get()
    }

    /// The answer is complete.
    pub(super) fn end(&self) {
        self.becomes(State::Ended);
    }

    /// The connection is gone.
    pub(super) fn lose(&self) {
        self.becomes(State::Lost);
    }

    fn becomes(&self, state: State) {
        self.state.set(state);
        self.wake();
    }

    fn connection(&self) -> io::Result<Rc<Connection>> {
        let lost = || io::Error::new(ErrorKind::ConnectionReset, "the client has gone");
        match self.state.get() {
            State::Open => match self.connection.upgrade() {
                // The transport knows a turn before its protocol does; without this, a body whose
                // next bytes are always there would go on into the void until then.
                Some(connection) if !connection.transport.is_closing() => Ok(connection),
                _ => {
                    self.state.set(State::Lost);
                    Err(lost())
                }
            },
            State::Lost => Err(lost()),
            State::TooLong => Err(too_long()),
            State::Ended => {
                let text = "the body has ended: a writer must not outlive its stream's future";
                Err(io::Error::new(ErrorKind::InvalidInput, text))
            }
        }
    }

    fn wait(&self, context: &Context<'_>, what: &'static str) {
        let mut waiters = self.waiters.borrow_mut();
        if !waiters.iter().any(|waiter| waiter.will_wake(context.waker())) {
            waiters.push(context.waker().clone());
        }
        note_wait(None, Resource::Other(what));
    }
}

impl Sink for Sending {
    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match self.connection() {
            Err(error) => Poll::Ready(Err(error)),
            Ok(connection) if !connection.choked.get() => Poll::Ready(Ok(())),
            Ok(_) => {
                self.wait(context, "a client to read its answer");
                Poll::Pending
            }
        }
    }

    fn put(&self, data: &[u8]) -> io::Result<()> {
        let put = self.connection()?.put(data);
        if put.is_err() {
            self.state.set(State::TooLong);
        }
        put
    }

    fn poll_gone(&self, context: &Context<'_>) -> Poll<()> {
        match self.connection() {
            Ok(connection) if !connection.finished.get() => {
                self.wait(context, "a client to go");
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a body")
    }
}

impl Connection {
    /// Sends a body that is written while it is sent.
    pub(super) fn stream(self: &Rc<Self>, sending: Rc<Sending>, stream: StreamBody) -> Rest {
        let connection = self.clone();
        Box::pin(async move {
            let result = (stream.0)(BodyWriter(sending.clone())).await;
            connection.body_over(&sending, result);
        })
    }

    /// Sends a part of a file.
    pub(super) fn file(self: &Rc<Self>, sending: Rc<Sending>, part: FilePart) -> Rest {
        let connection = self.clone();
        Box::pin(async move {
            let result = connection.send_file(&sending, part).await;
            if result.as_ref().is_err_and(is_of_connection) {
                // sendfile(2) hears of it before the transport does, which now ends too.
                sending.lose();
            }
            connection.body_over(&sending, result.map_err(Into::into));
        })
    }

    fn body_over(&self, sending: &Sending, result: StreamResult) {
        match (sending.state.get(), result) {
            (State::Open, Ok(())) => drop(self.end_of_answer()),
            (State::Open, Err(error)) => {
                let why = Exception::Error(error.to_string().into());
                self.cut("An answer broke off while it was sent", why);
            }
            (State::TooLong, _) => {
                let why = Exception::Error(too_long().into());
                self.cut("An answer is not as long as it said", why);
            }
            // The client has gone: nobody is to blame.
            (State::Ended | State::Lost, _) => {}
        }
    }

    /// Puts bytes of the body under way on their way.
    fn put(&self, data: &[u8]) -> io::Result<()> {
        let wrong = |_| too_long();
        self.log_sent(data.len() as u64);
        let mut machine = self.machine.borrow_mut();
        if !self.feeding.get() {
            // Another task writes, in whose step the service's buffer may be in use.
            let mut out = Vec::with_capacity(data.len() + 32);
            machine.send_data(&mut out, data).map_err(wrong)?;
            drop(machine);
            self.service.look_at_the_clock();
            self.write(&out);
            return Ok(());
        }
        let mut out = self.service.out.borrow_mut();
        machine.send_data(&mut out, data).map_err(wrong)?;
        if out.len() >= FLUSH_SIZE {
            drop((machine, out));
            self.flush();
        }
        Ok(())
    }

    async fn send_file(&self, sending: &Sending, part: FilePart) -> io::Result<()> {
        let FilePart { file, mut offset, len } = part;
        let end = offset.saturating_add(len);
        // While the transport sends a file it takes no writes: the head goes first.
        self.flush();
        while offset < end {
            poll_fn(|context| sending.poll_room(context)).await?;
            let count = Some((end - offset).min(FILE_PART));
            let Some(event_loop) = self.event_loop() else { return Ok(()) };
            sending.parts.set((sending.parts() + 1) & (u32::MAX >> 1));
            let sent = event_loop.sendfile(&self.transport, &file, offset, count).fallback(false);
            match sent.await {
                Ok(0) => return Err(too_short()),
                Ok(sent) => {
                    offset += sent;
                    self.log_sent(sent);
                    let sent = self.machine.borrow_mut().sent_elsewhere(sent);
                    sent.map_err(|error| io::Error::other(error.what().to_owned()))?;
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    let part = FilePart { file, offset, len: end - offset };
                    sending.parts.set(0);
                    return copy_file(sending, part).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl FilePart {
    /// All of it.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len).map_err(io::Error::other)?];
        match self.file.read_exact_at(&mut bytes, self.offset) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(too_short()),
            Err(error) => Err(error),
        }
    }
}

/// Reads and writes what the kernel cannot send by itself, as over TLS.
async fn copy_file(sending: &Sending, part: FilePart) -> io::Result<()> {
    let FilePart { file, mut offset, len } = part;
    let end = offset.saturating_add(len);
    let mut chunk = vec![0; FILE_CHUNK.min(usize::try_from(len).unwrap_or(FILE_CHUNK))];
    while offset < end {
        poll_fn(|context| sending.poll_room(context)).await?;
        let most = chunk.len().min(usize::try_from(end - offset).unwrap_or(usize::MAX));
        let read = file.read_at(&mut chunk[..most], offset)?;
        if read == 0 {
            return Err(too_short());
        }
        sending.put(&chunk[..read])?;
        offset += read as u64;
    }
    Ok(())
}

/// A disk has no such errors.
fn is_of_connection(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut
    )
}

fn too_long() -> io::Error {
    let text = "more body was written than the response's Content-Length says";
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn too_short() -> io::Error {
    let text = "the file is shorter than the part of it that was to be sent";
    io::Error::new(ErrorKind::UnexpectedEof, text)
}
