//! Connections and servers with TLS from their first byte on.

use std::io;
use std::rc::Rc;

use super::below::Below;
use super::client::TlsClientConfig;
use super::handshake::Handshake;
use super::layer::Tls;
use super::server::TlsServerConfig;
use super::side::TlsSide;
use crate::event_loop::ErrorContext;
use crate::transport::{
    CreateConnection, CreateServer, CreateUnixConnection, CreateUnixServer, Factory, Protocol,
    Transport, Wrap,
};

fn through(side: TlsSide) -> Wrap {
    Box::new(move |protocol| {
        let (machine, peer, timeouts) = side.begin()?;
        let tls = Tls::new(machine, peer, timeouts, Some(protocol));
        let below = Below { tls: tls.clone() };
        Ok((Box::new(below), Box::pin(Handshake::of(tls))))
    })
}

fn each_through(config: TlsServerConfig, factory: Rc<Factory>) -> Rc<Factory> {
    Rc::new(move || match TlsSide::from(&config).begin() {
        Ok((machine, peer, timeouts)) => {
            let tls = Tls::new(machine, peer, timeouts, Some(factory()));
            Box::new(Below { tls })
        }
        Err(error) => Box::new(Unusable(Some(error))),
    })
}

/// What a connection gets whose configuration rustls refuses.
struct Unusable(Option<io::Error>);

impl Protocol for Unusable {
    fn connection_made(&mut self, transport: &Transport) {
        if let (Some(event_loop), Some(error)) = (transport.event_loop(), self.0.take()) {
            let message = "A server's TLS configuration is of no use";
            event_loop.call_exception_handler(ErrorContext::new(message).error(error));
        }
        transport.abort();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

impl CreateConnection {
    /// Through TLS: `server_name` is whom the certificate must be of, a DNS name or an address, as
    /// a rule the host that is connected to. (`ssl`, `server_hostname`)
    ///
    /// The handshake comes after the connection, and is part of what is awaited.
    ///
    /// # Errors
    ///
    /// When awaited, besides those of connecting: `InvalidData` if the handshake fails, in words and
    /// with the [`rustls::Error`](crate::tls::rustls::Error) as its source; `TimedOut` if it takes
    /// too long; `InvalidInput` for a name that is none.
    pub fn tls(self, config: TlsClientConfig, server_name: &str) -> Self {
        self.wrap(through(config.to(server_name)))
    }
}

impl CreateUnixConnection {
    /// As [`CreateConnection::tls`].
    pub fn tls(self, config: TlsClientConfig, server_name: &str) -> Self {
        self.wrap(through(config.to(server_name)))
    }
}

impl CreateServer {
    /// Through TLS. (`ssl`)
    ///
    /// A protocol is made when its connection is accepted, and called when the handshake is over;
    /// if that fails it is dropped.
    pub fn tls(self, config: TlsServerConfig) -> Self {
        self.wrap(|factory| each_through(config, factory))
    }
}

impl CreateUnixServer {
    /// As [`CreateServer::tls`].
    pub fn tls(self, config: TlsServerConfig) -> Self {
        self.wrap(|factory| each_through(config, factory))
    }
}
