//! TLS on a connection that is there already.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use super::below::Below;
use super::handshake::Handshake;
use super::layer::Tls;
use super::side::TlsSide;
use crate::event_loop::{EventLoop, LoopError};
use crate::transport::{Layer, Transport};

/// TLS that is to begin on a connection: await it. [`EventLoop::start_tls`] gives it.
#[must_use = "TLS begins when this is awaited"]
pub struct StartTls {
    transport: Transport,
    side: TlsSide,
    received: Vec<u8>,
}

impl EventLoop {
    /// Has a connection go through TLS from now on, as a client
    /// ([`TlsClientConfig::to`](crate::tls::TlsClientConfig::to)) or as a server (a
    /// [`TlsServerConfig`](crate::tls::TlsServerConfig)). (`loop.start_tls`)
    ///
    /// Await what it gives. It is for protocols that agree on TLS in plain text first, as SMTP's
    /// STARTTLS or a proxy's CONNECT. The transport's protocol stays, and is called with plaintext
    /// once this is done. TLS within TLS is possible.
    ///
    /// # Errors
    ///
    /// When awaited: as [`CreateConnection::tls`](crate::CreateConnection::tls), and the connection
    /// is lost then. `InvalidInput` if the connection is not open in both directions or sends a
    /// file, or for a name that is none; that changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it aborts the connection.
    ///
    /// # Unlike asyncio
    ///
    /// asyncio gives another transport, and the one it was given must not be used again. Here it is
    /// the same one: nobody's name of it can send plain text beside TLS. While the handshake is
    /// under way, [`write`](Transport::write) is refused.
    pub fn start_tls(&self, transport: &Transport, side: impl Into<TlsSide>) -> StartTls {
        StartTls { transport: transport.clone(), side: side.into(), received: Vec::new() }
    }
}

impl StartTls {
    /// What the protocol has received of the peer's handshake already, in the same piece as the
    /// last plain text.
    pub fn received(mut self, bytes: impl Into<Vec<u8>>) -> StartTls {
        self.received = bytes.into();
        self
    }

    async fn start(self) -> io::Result<()> {
        let handshake = self.begin()?;
        handshake.await.map(drop)
    }

    fn begin(self) -> io::Result<Handshake> {
        let event_loop = self.transport.event_loop().ok_or(LoopError::Closed)?;
        let (machine, peer, timeouts) = self.side.begin()?;
        let tls = Tls::new(machine, peer, timeouts, None);
        let layer: Rc<dyn Layer> = tls.clone();
        let protocol = Box::new(Below { tls: tls.clone() });
        let below = self.transport.insert_below(&event_loop, &layer, protocol)?;
        let handshake = Handshake::of(tls.clone());
        tls.begin(&below);
        tls.received(&self.received);
        Ok(handshake)
    }
}

impl IntoFuture for StartTls {
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl fmt::Debug for StartTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<StartTls {:?}>", self.transport)
    }
}
