//! One connection of a client: streams around [`ClientConnection`].

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use super::error::ClientError;
use crate::http::h1::{ClientConnection, Event, OutgoingRequest, ResponseHead, Shared};
use crate::http::url::Url;
use crate::stream::{StreamReader, StreamWriter, open_connection};

/// How many bytes are read at once, at most.
const READ_SIZE: usize = 64 << 10;

/// A connection to a server.
pub(super) struct Connection {
    reader: StreamReader,
    writer: StreamWriter,
    machine: ClientConnection,
    /// What was received last, and how much of it is used.
    input: Vec<u8>,
    used: usize,
}

/// What another protocol goes on with: the stream, and bytes that came before.
#[cfg(feature = "ws")]
pub(in crate::http) type Switched = (StreamReader, StreamWriter, Vec<u8>);

/// The next of a body.
pub(super) enum Next {
    /// So much of it.
    Data(Vec<u8>),
    /// It is over.
    End,
    /// Nothing, before more is received.
    NeedData,
}

impl Connection {
    /// Connects to the host of `url`.
    pub(super) async fn open(url: &Url, shared: &Shared) -> Result<Connection, ClientError> {
        let opened = open_connection((url.host(), url.port())).await;
        let (reader, writer) = opened.map_err(|error| ClientError::Connect {
            to: format!("{}:{}", url.host(), url.port()),
            error,
        })?;
        let machine = ClientConnection::new(shared);
        Ok(Connection { reader, writer, machine, input: Vec::new(), used: 0 })
    }

    /// Sends a request, all of it.
    pub(super) fn send(
        &mut self,
        head: &OutgoingRequest<'_>,
        body: &[u8],
    ) -> Result<(), ClientError> {
        let mut out = Vec::new();
        self.machine.request(&mut out, head, body)?;
        self.writer.write(&out).map_err(ClientError::Lost)
    }

    /// Receives the final response's head.
    pub(super) async fn head(&mut self) -> Result<ResponseHead, ClientError> {
        let mut begun = false;
        loop {
            let (used, event) = self.machine.receive(&self.input[self.used..])?;
            self.used += used;
            match event {
                Event::Head(head) => return Ok(head),
                Event::Informational(_) => continue,
                Event::NeedData => {}
                _ => return Err(ClientError::Disconnected),
            }
            if self.receive().await? {
                begun = true;
            } else if begun {
                // It says what broke off.
                self.machine.receive_eof()?;
            } else {
                return Err(ClientError::Disconnected);
            }
        }
    }

    /// What has come of the body, without waiting.
    pub(super) fn next(&mut self) -> Result<Next, ClientError> {
        let (used, event) = self.machine.receive(&self.input[self.used..])?;
        self.used += used;
        Ok(match event {
            Event::Data(data) => Next::Data(data.to_vec()),
            Event::NeedData => Next::NeedData,
            // A body that ended with the connection was over before this call.
            _ => Next::End,
        })
    }

    /// Waits for more of the body; whether it is over, because the connection is.
    pub(super) async fn fill(&mut self) -> Result<bool, ClientError> {
        if self.receive().await? {
            return Ok(false);
        }
        self.machine.receive_eof()?;
        Ok(true)
    }

    /// Waits for bytes; `false` at the end of the connection.
    async fn receive(&mut self) -> Result<bool, ClientError> {
        self.used = 0;
        self.input.clear();
        self.input = self.reader.read(READ_SIZE).await.map_err(ClientError::Lost)?;
        Ok(!self.input.is_empty())
    }

    /// The connection for another protocol, and what came of that already.
    #[cfg(feature = "ws")]
    pub(super) fn into_switched(mut self) -> Switched {
        (self.reader, self.writer, self.input.split_off(self.used))
    }

    /// Whether it can carry another request: the last exchange is complete, the server has not
    /// closed it, and has said nothing since. Bytes that came unasked would be taken for the next
    /// answer.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.machine.is_reusable()
            && self.used == self.input.len()
            && !self.writer.is_closing()
            && is_pending(self.reader.read(1))
    }
}

/// Whether a future has to wait.
fn is_pending(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
