//! Datagrams: an endpoint that calls a protocol, and a socket that is awaited.
//!
//! ```text
//! · queue.rs    the datagrams not taken yet      protocol.rs   what an endpoint calls
//!   endpoint.rs the shell, obeys lifecycle.rs    transport.rs  its handle
//!   create.rs   making one                       socket.rs     UdpSocket   unix.rs UnixDatagram
//! ```

use std::io;
use std::net::SocketAddr;

mod create;
mod endpoint;
mod protocol;
mod queue;
mod socket;
mod transport;
mod unix;

pub use create::CreateDatagramEndpoint;
pub use protocol::DatagramProtocol;
pub use socket::{BindUdp, UdpSocket};
pub use transport::DatagramTransport;
pub use unix::UnixDatagram;

/// The address for the kernel: none where the socket is connected, as the BSDs refuse even the
/// peer's then.
///
/// # Errors
///
/// `InvalidInput` if it is connected to somebody else. (Linux alone would send it all the same.)
fn addressee(peer: Option<SocketAddr>, to: Option<SocketAddr>) -> io::Result<Option<SocketAddr>> {
    match (peer, to) {
        (Some(peer), Some(to)) if to != peer => {
            let text = format!("Invalid address: must be None or {peer}, to whom it is connected");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        (Some(_), _) => Ok(None),
        (None, to) => Ok(to),
    }
}
