//! TLS: a layer between a connection and its protocol, by [rustls].
//!
//! A protocol, a stream and the HTTP server run over it unchanged: they are given a
//! [`Transport`](crate::Transport) as always, and what it carries is encrypted.
//!
//! ```text
//!   protocol            data_received ▲      │ write, close
//!   Transport above                   │      ▼
//!   layer.rs     · machine.rs ── plaintext  plaintext      · state.rs  what may happen when
//!                    rustls ──── ciphertext ciphertext
//!   Transport below     data_received ▲      │ write, close
//! ```
//!
//! ```no_run
//! use evloop::tls::{Identity, TlsClientConfig, TlsServerConfig};
//! use evloop::{StreamReader, StreamWriter, open_connection, start_server};
//!
//! async fn hello(_: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
//!     writer.write(b"hello\n")
//! }
//!
//! # async fn f() -> std::io::Result<()> {
//! let identity = Identity::from_pem_files("chain.pem", "key.pem")?;
//! start_server(hello, ":8443").tls(TlsServerConfig::new(identity)).await?;
//!
//! let config = TlsClientConfig::new()?;
//! let (mut reader, writer) =
//!     open_connection("example.org:8443").tls(config, "example.org").await?;
//! println!("{:?} by {:?}", reader.readline().await, writer.tls_info());
//! # Ok(())
//! # }
//! ```
//!
//! # What it does, as asyncio's `sslproto` does
//!
//! - A handshake has 60 s, and the peer 30 s to answer our close_notify; both can be set.
//! - `connection_made` comes when the handshake is over. A server's connection whose handshake
//!   fails is closed without a call; in debug mode the loop's exception handler hears why.
//! - There is no half close: `can_write_eof` is false, and the peer's close_notify calls
//!   `eof_received`, sends what was written, answers, and closes, whatever that returned.
//! - Water marks, pausing and resuming are those of the connection below.
//! - `sendfile` reads and writes.
//!
//! # Unlike asyncio
//!
//! - A connection that ends without close_notify was cut, by its network or by somebody in it:
//!   `connection_lost` is given `UnexpectedEof`, where asyncio's protocol sees an ordinary end.
//!   After our own `close()` it makes no difference.
//! - The 30 s begin when the kernel has taken everything that was written, not at `close()`: a slow
//!   peer's data is not cut off.
//! - [`start_tls`](crate::EventLoop::start_tls) gives no other transport: the one there is goes
//!   through TLS from then on, under every name it has.
//!
//! # Choices
//!
//! rustls with `ring`: it is a machine without I/O as ours are, and builds with nothing but a C
//! compiler (`aws-lc-rs` wants CMake or more on some systems). The roots are the platform's, by
//! `rustls-native-certs`, and not a list built in (`webpki-roots`): asyncio, curl and the
//! administrator of a machine mean those, a root that is withdrawn goes without a new build, and
//! `SSL_CERT_FILE` works. Where there are none, as in an empty container, [`Roots::from_pem_file`]
//! takes a list of your own. Secrets of other kinds (tickets that outlive the process, keys in
//! hardware, several certificates by name) are rustls's: its types are [here](rustls), and its
//! configurations are taken by `From`.

mod below;
mod client;
mod ending;
mod error;
mod handshake;
mod identity;
mod info;
mod insecure;
mod layer;
mod machine;
mod open;
mod receiving;
mod roots;
mod scratch;
mod server;
mod side;
mod start;
mod state;

pub use self::client::TlsClientConfig;
pub use self::identity::Identity;
pub use self::info::TlsInfo;
pub use self::roots::Roots;
pub use self::server::TlsServerConfig;
pub use self::side::{HANDSHAKE_TIMEOUT, SHUTDOWN_TIMEOUT, TlsSide};
pub use self::start::StartTls;
pub use ::rustls;
