//! Loops, servers and what they write down.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use evloop::tls::{TlsClientConfig, TlsServerConfig};
use evloop::{
    ErrorContext, EventLoop, Protocol, Server, StreamReader, StreamWriter, Transport,
    open_connection, start_server,
};

use crate::certificates::Certificates;

/// Nothing takes that long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `test` with certificates on a loop of its own, which must end clean and with nothing
/// reported.
pub fn on_loop<F: Future + 'static>(test: impl FnOnce(&'static Certificates) -> F) {
    let Some(certificates) = Certificates::get() else { return };
    let event_loop = EventLoop::new().expect("a loop");
    // It reports the handshakes that fail, which many do here.
    #[cfg(feature = "debug")]
    event_loop.set_debug(false);
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let told = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        told.borrow_mut().push(context.to_string());
    }));
    let stopper = event_loop.clone();
    drop(event_loop.call_later(PATIENCE, move || stopper.stop()).expect("it is open"));
    event_loop.run_until_complete(test(certificates)).expect("it ends before its patience");
    event_loop.close().expect("it is not running");
    assert_eq!(reports.take(), [""; 0], "the exception handler was called");
}

pub async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(64 << 10).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
}

/// A server that echoes, and where it is.
pub async fn echo_server(config: TlsServerConfig) -> (Server, SocketAddr) {
    let server = start_server(echo, ("127.0.0.1", 0)).tls(config).await.expect("a server");
    let address = server.sockets()[0].local_addr();
    (server, address)
}

/// A connection to the server that is `localhost`.
pub async fn connect(
    address: SocketAddr,
    config: TlsClientConfig,
) -> io::Result<(StreamReader, StreamWriter)> {
    open_connection(address).tls(config, "localhost").await
}

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn push(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits until a line begins so.
    pub async fn until(&self, start: &str) {
        until(|| self.lines().iter().any(|line| line.starts_with(start))).await;
    }
}

/// Asks, a millisecond after the other, until something is so.
pub async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        evloop::sleep(Duration::from_millis(1)).await;
    }
}

/// A protocol that writes down its calls, and does something in each.
pub struct Recorder<R> {
    pub log: Log,
    pub react: R,
}

impl<R: FnMut(&str, &Transport)> Recorder<R> {
    fn note(&mut self, call: &str, transport: &Transport) {
        self.log.push(call);
        (self.react)(call, transport);
    }
}

impl<R: FnMut(&str, &Transport)> Protocol for Recorder<R> {
    fn connection_made(&mut self, transport: &Transport) {
        self.note("made", transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.note(&format!("data {}", String::from_utf8_lossy(data)), transport);
    }

    fn eof_received(&mut self, transport: &Transport) -> bool {
        self.note("eof", transport);
        true
    }

    fn pause_writing(&mut self, transport: &Transport) {
        self.note("pause", transport);
    }

    fn resume_writing(&mut self, transport: &Transport) {
        self.note("resume", transport);
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.log.push(error.map_or("lost".into(), |error| format!("lost: {error}")));
    }
}
