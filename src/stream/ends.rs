//! What every way of opening streams has in common: the limit of the readers, which may be set until
//! the first connection is there, and the protocols that make a reader and a writer of each.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;

use super::buffer::{DEFAULT_LIMIT, StreamBuffer};
use super::handler::{HandlerOutput, handle};
use super::reader::StreamReader;
use super::shared::StreamProtocol;
use super::writer::StreamWriter;
use crate::observe::Site;
use crate::transport::Protocol;

/// The limit of each reader, in bytes.
#[derive(Clone)]
pub(super) struct Limit(Rc<Cell<usize>>);

impl Limit {
    pub(super) fn new() -> Limit {
        Limit(Rc::new(Cell::new(DEFAULT_LIMIT)))
    }

    pub(super) fn set(&self, limit: usize) {
        self.0.set(limit);
    }

    /// Refuses a limit that no reader takes.
    pub(super) fn check(&self) -> io::Result<()> {
        StreamBuffer::new(self.0.get()).map(drop)
    }

    fn protocol(
        &self,
        connected: impl FnOnce(StreamReader, StreamWriter) + 'static,
    ) -> Box<dyn Protocol> {
        Box::new(StreamProtocol::new(self.0.get(), Box::new(connected)))
    }

    /// For a server: each connection's two ends go to `handler`, in a task.
    pub(super) fn serving<H, F>(&self, handler: H, at: Site) -> Rc<dyn Fn() -> Box<dyn Protocol>>
    where
        H: Fn(StreamReader, StreamWriter) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        let (handler, limit) = (Rc::new(handler), self.clone());
        Rc::new(move || {
            let handler = handler.clone();
            limit.protocol(move |reader, writer| handle(handler.as_ref(), reader, writer, at))
        })
    }
}

/// The two ends of a connection in the making.
pub(super) struct Ends {
    pub(super) limit: Limit,
    made: Rc<RefCell<Option<(StreamReader, StreamWriter)>>>,
}

impl Ends {
    pub(super) fn new() -> Ends {
        Ends { limit: Limit::new(), made: Rc::default() }
    }

    /// The protocol that keeps them.
    pub(super) fn protocol(&self) -> Box<dyn FnOnce() -> Box<dyn Protocol>> {
        let (limit, made) = (self.limit.clone(), self.made.clone());
        Box::new(move || {
            limit.protocol(move |reader, writer| {
                made.replace(Some((reader, writer)));
            })
        })
    }

    /// Those of `connection`, once it is made.
    pub(super) async fn of<T>(
        self,
        connection: impl IntoFuture<Output = io::Result<T>>,
    ) -> io::Result<(StreamReader, StreamWriter)> {
        self.limit.check()?;
        connection.await?;
        self.made.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// The protocol under a stream's two ends, which `connected` gets when the connection is there: for
/// one that spoke another protocol before.
#[cfg(feature = "http")]
pub(crate) fn stream_protocol(
    connected: impl FnOnce(StreamReader, StreamWriter) + 'static,
) -> Box<dyn Protocol> {
    Limit::new().protocol(connected)
}
