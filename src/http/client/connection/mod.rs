//! One connection of a client: streams around [`ClientConnection`], which it obeys.
//!
//! A request's body goes out while the response comes in, since a server may answer before it has
//! all of it, or answer while it reads. What is left to be sent:
//!
//! ```text
//! from      100, or patience   room for a piece   the last piece   final head that closes
//! Held      Sending            –                  –                Over (any final head)
//! Sending   Sending            Sending            Over             Over
//! Over      Over               –                  –                Over
//! ```
//!
//! A body that is given up leaves the machine in the middle of a request, so that the connection
//! is not used again.

mod sending;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use http::StatusCode;

use super::error::ClientError;
use super::stall::Stall;
use super::timing::{Limit, Patience, Progress, TimeoutKind, within};
use super::upload::{SourceFailed, Upload};
use crate::http::h1::{ClientConnection, Event, Length, OutgoingRequest, ResponseHead, Shared};
use crate::stream::{StreamReader, StreamWriter};
use crate::task::{Sleep, sleep};
use crate::transport::Transport;

/// How many bytes are read at once, at most.
const READ_SIZE: usize = 64 << 10;

/// How many pieces of a body are sent before others have their turn.
const PIECES_AT_ONCE: usize = 8;

/// How long a body is held for `100 Continue` before it is sent all the same: RFC 9110 §10.1.1
/// asks that it be not for ever, and curl waits so long.
const EXPECT_PATIENCE: Duration = Duration::from_secs(1);

/// The two ends of a connection's stream.
pub(in crate::http::client) type Streams = (StreamReader, StreamWriter);

/// A connection to a server.
pub(in crate::http::client) struct Connection {
    reader: StreamReader,
    writer: StreamWriter,
    given_up: GivenUp,
    machine: ClientConnection,
    /// What was received last, and how much of it is used.
    input: Vec<u8>,
    used: usize,
    upload: Upload,
    /// While the body is held for leave to send it.
    held: Option<Pin<Box<Sleep>>>,
    /// While the server takes nothing of it, if that has a limit.
    stall: Option<Stall>,
}

/// Ends a connection that is dropped before all of its request is sent. To close in order would wait
/// for the server to read it, which one that does not read would make for ever, out of every limit's
/// sight.
struct GivenUp(Option<Transport>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(transport) = self.0.take().filter(|it| it.get_write_buffer_size() > 0) {
            transport.abort();
        }
    }
}

/// The next of a body.
pub(in crate::http::client) enum Next {
    /// So much of it.
    Data(Vec<u8>),
    /// It is over.
    End,
    /// Nothing, before more is received.
    NeedData,
}

impl From<SourceFailed> for ClientError {
    fn from(error: SourceFailed) -> ClientError {
        ClientError::Source(error.0)
    }
}

impl Connection {
    /// A connection on which nothing was said.
    pub(in crate::http::client) fn new((reader, writer): Streams, shared: &Shared) -> Connection {
        Connection {
            reader,
            given_up: GivenUp(Some(writer.transport().clone())),
            writer,
            machine: ClientConnection::new(shared),
            input: Vec::new(),
            used: 0,
            upload: Upload::Over,
            held: None,
            stall: None,
        }
    }

    /// Sends a request's head, with the beginning of its body in one write if that is there; the
    /// rest follows while [`head`](Connection::head) waits.
    pub(in crate::http::client) fn send(
        &mut self,
        head: &OutgoingRequest<'_>,
        length: Length,
        upload: Upload,
        expects: bool,
        progress: &Progress,
        head_is_out: impl FnOnce(),
    ) -> Result<(), ClientError> {
        let mut out = Vec::new();
        self.machine.send_request(&mut out, head, length)?;
        head_is_out();
        self.upload = upload;
        self.held = expects.then(|| Box::pin(sleep(EXPECT_PATIENCE)));
        if !expects && matches!(self.upload, Upload::Bytes { .. }) {
            let mut nobody = Context::from_waker(Waker::noop());
            // The first piece, and the end, if that was all.
            for _ in 0..2 {
                if out.len() < READ_SIZE {
                    if let Poll::Ready(appended) = self.append(&mut nobody, &mut out, progress) {
                        appended?;
                    }
                }
            }
        }
        self.writer.write(&out).map_err(ClientError::Lost)
    }

    /// Receives the final response's head. The server may be silent for `patience` once the
    /// request is sent.
    pub(in crate::http::client) async fn head(
        &mut self,
        patience: Patience,
        progress: &Progress,
    ) -> Result<ResponseHead, ClientError> {
        let mut begun = false;
        loop {
            if let Some(head) = self.parse_head()? {
                return Ok(head);
            }
            if self.more(patience, progress).await? {
                begun = true;
            } else if begun {
                // It says what broke off.
                self.machine.receive_eof()?;
            } else {
                return Err(ClientError::Disconnected);
            }
        }
    }

    fn parse_head(&mut self) -> Result<Option<ResponseHead>, ClientError> {
        loop {
            let (used, event) = self.machine.receive(&self.input[self.used..])?;
            self.used += used;
            match event {
                Event::Head(head) => {
                    // RFC 9112 §9.5: whoever closes after its answer reads no more; and without
                    // leave a body is not sent.
                    if !head.keeps_alive() || self.held.is_some() {
                        self.give_up_sending();
                    }
                    return Ok(Some(head));
                }
                // RFC 9110 §10.1.1: 100 is the leave; 102 and 103 say something else.
                Event::Informational(head) if head.status() == StatusCode::CONTINUE => {
                    self.held = None;
                }
                Event::Informational(_) => {}
                Event::NeedData => return Ok(None),
                _ => return Err(ClientError::Disconnected),
            }
        }
    }

    /// The next piece of the response's body; `None` at its end.
    pub(in crate::http::client) async fn chunk(
        &mut self,
        patience: Patience,
        progress: &Progress,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        loop {
            match self.next()? {
                Next::Data(data) => return Ok(Some(data)),
                Next::End => return Ok(None),
                Next::NeedData if self.more(patience, progress).await? => {}
                Next::NeedData => {
                    self.machine.receive_eof().map_err(ClientError::of_body)?;
                    return Ok(None);
                }
            }
        }
    }

    /// What has come of the body, without waiting.
    pub(in crate::http::client) fn next(&mut self) -> Result<Next, ClientError> {
        let input = &self.input[self.used..];
        let (used, event) = self.machine.receive(input).map_err(ClientError::of_body)?;
        let all = input.len();
        Ok(match event {
            // A piece that is all there is needs no copy.
            Event::Data(data) if self.used == 0 && data.len() == all => {
                Next::Data(std::mem::take(&mut self.input))
            }
            Event::Data(data) => {
                let data = data.to_vec();
                self.used += used;
                Next::Data(data)
            }
            Event::NeedData => {
                self.used += used;
                Next::NeedData
            }
            // A body that ended with the connection was over before this call.
            _ => {
                self.used += used;
                Next::End
            }
        })
    }

    /// Takes what has come of the body without waiting, and drops it; whether it is over.
    pub(in crate::http::client) fn skip_what_is_there(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        loop {
            match self.next() {
                Ok(Next::Data(_)) => {}
                Ok(Next::End) => return true,
                Ok(Next::NeedData) => match self.poll_receive(&mut nobody) {
                    Poll::Ready(Ok(true)) => {}
                    _ => return false,
                },
                Err(_) => return false,
            }
        }
    }

    /// Waits for bytes, `true`, or the end of the connection, and sends what is to be sent
    /// meanwhile.
    async fn more(&mut self, patience: Patience, progress: &Progress) -> Result<bool, ClientError> {
        if self.is_sending() {
            let sending =
                poll_fn(|context| self.poll_while_sending(context, patience.write, progress));
            if let Some(came) = sending.await? {
                return Ok(came);
            }
        }
        let limit = Limit::begin(TimeoutKind::SockRead, patience.read);
        within(limit, progress, poll_fn(|context| self.poll_receive(context))).await
    }

    /// Waits for bytes; `false` at the end of the connection.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, ClientError>> {
        let received = ready!(pin!(self.reader.read(READ_SIZE)).poll(context));
        self.used = 0;
        self.input = received.map_err(ClientError::Lost)?;
        Poll::Ready(Ok(!self.input.is_empty()))
    }

    /// Whether it can carry another request: the last exchange is complete, the server has not
    /// closed it, and has said nothing since. Bytes that came unasked would be taken for the next
    /// answer.
    pub(in crate::http::client) fn is_reusable(&mut self) -> bool {
        self.machine.is_reusable()
            && self.used == self.input.len()
            && !self.writer.is_closing()
            && is_pending(self.reader.read(1))
    }

    /// The connection without its machine, and what came and belongs to nobody yet: after a
    /// switch of protocols.
    pub(in crate::http::client) fn into_streams(mut self) -> (Streams, Vec<u8>) {
        self.given_up.0 = None;
        let rest = self.input[self.used..].to_vec();
        ((self.reader, self.writer), rest)
    }
}

/// Whether a future has to wait.
fn is_pending(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
