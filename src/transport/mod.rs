//! Transports: connections that call a protocol, and the pure machines they obey.
//!
//! ```text
//! · lifecycle.rs  what may happen when        protocol.rs   what a connection calls
//! · flow.rs       when to pause writing       tcp.rs        the connection: obeys the machines
//! · unsent.rs     the bytes not taken yet     transport.rs  its handle
//! · eyeballs.rs   which address to try next   server.rs     a server: its life, its clients.rs
//!   calling.rs    how it calls its protocol   listener.rs   listening and accepting
//!   ending.rs     how it ends                 send.rs, outgoing.rs, receive.rs  its two sides
//!   datagram/     without a connection        pipe.rs       half a connection: a pipe
//!   unix.rs   connections named by a path
//!   sock.rs    the calls of any socket, awaited   sendfile.rs  files
//!   layer.rs   a connection over another, which TLS asks for in over.rs
//!   address.rs resolve.rs  from a name to addresses   connect.rs    connecting
//! ```

mod address;
mod calling;
mod clients;
mod connect;
#[cfg(feature = "datagram")]
mod datagram;
mod ending;
pub(crate) mod eyeballs;
mod flow;
mod layer;
mod lifecycle;
mod listen;
mod listener;
mod outgoing;
#[cfg(feature = "tls")]
mod over;
mod pause;
mod pipe;
mod protocol;
mod receive;
mod resolve;
mod send;
mod sendfile;
mod server;
mod server_socket;
mod sock;
mod tcp;
#[expect(clippy::module_inception)]
mod transport;
mod unix;
mod unsent;

pub use address::{Address, ToAddress};
pub use connect::CreateConnection;
#[cfg(feature = "tls")]
pub(crate) use connect::Wrap;
#[cfg(feature = "datagram")]
pub use datagram::{
    BindUdp, CreateDatagramEndpoint, DatagramProtocol, DatagramTransport, UdpSocket, UnixDatagram,
};
pub use eyeballs::ConnectErrors;
pub use flow::LimitsError;
#[cfg(feature = "tls")]
pub(crate) use layer::Layer;
pub use listen::CreateServer;
pub use pipe::ToPipe;
pub use protocol::Protocol;
pub use sendfile::SendFile;
#[cfg(feature = "tls")]
pub(crate) use server::Factory;
pub use server::Server;
pub use server_socket::{ServerSocket, UnixServerSocket};
pub use transport::Transport;
pub use unix::{CreateUnixConnection, CreateUnixServer, ToUnixAddress, UnixAddress};
