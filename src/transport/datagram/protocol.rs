//! Datagram protocols: what an endpoint calls.

use std::io;
use std::net::SocketAddr;

use super::transport::DatagramTransport;

/// What a datagram endpoint calls. (`asyncio.DatagramProtocol`)
///
/// ```text
/// connection_made  (datagram_received | error_received)*  connection_lost
/// ```
///
/// with `pause_writing` and `resume_writing` in turns between the first and the last.
///
/// A protocol that panics is reported to the loop's exception handler, and its endpoint is
/// aborted.
pub trait DatagramProtocol {
    /// The endpoint is there.
    fn connection_made(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// One datagram has come, which may be empty. It is the loop's buffer: copy what must outlive
    /// the call.
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: SocketAddr);

    /// The network refused a datagram, sent by us or to come: nobody listens at the peer's port,
    /// a datagram is too long, there is no route. The endpoint goes on.
    ///
    /// # Unlike asyncio
    ///
    /// What [`sendto`](DatagramTransport::sendto) meets is told in the next turn, not from inside
    /// it: a protocol that answers an error by sending again cannot call itself without end.
    fn error_received(&mut self, transport: &DatagramTransport, error: io::Error) {
        let _ = (transport, error);
    }

    /// More is sent than the kernel takes: more than the high-water mark waits in our queue. What
    /// is sent before `resume_writing` is still kept, never dropped.
    fn pause_writing(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// The queue has shrunk to the low-water mark.
    fn resume_writing(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// The endpoint is closed: `None` if in order; else why.
    fn connection_lost(&mut self, error: Option<io::Error>) {
        let _ = error;
    }
}
