//! Loops, protocols that write down their calls, and blocking peers.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use evloop::{Builder, EventLoop, Protocol, StreamReader, StreamWriter, Transport};

/// Nothing takes that long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    waiters: Vec<Waker>,
}

/// What happened, in order, and whoever waits for it to happen.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Lines>>);

impl Log {
    pub fn push(&self, line: impl Into<String>) {
        self.0.borrow_mut().lines.push(line.into());
        let waiters = std::mem::take(&mut self.0.borrow_mut().waiters);
        waiters.into_iter().for_each(Waker::wake);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().lines.clone()
    }

    pub fn has(&self, start: &str) -> bool {
        self.0.borrow().lines.iter().any(|line| line.starts_with(start))
    }

    /// Waits until a line begins so.
    pub async fn until(&self, start: &str) {
        self.until_that(|log| log.has(start)).await;
    }

    pub async fn until_that(&self, is_so: impl Fn(&Log) -> bool) {
        poll_fn(|context| {
            if is_so(self) {
                return Poll::Ready(());
            }
            self.0.borrow_mut().waiters.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// What a protocol is called with.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum Call<'a> {
    Made,
    Data(&'a [u8]),
    Eof,
    Pause,
    Resume,
}

type Reaction = Box<dyn FnMut(Call<'_>, &Transport) -> bool>;

/// A protocol that writes down its calls. `react` is called in each; what it returns counts for
/// `eof_received`.
pub struct Recorder {
    log: Log,
    react: Reaction,
}

impl Recorder {
    pub fn new(log: &Log) -> Recorder {
        Recorder { log: log.clone(), react: Box::new(|_, _| false) }
    }

    pub fn reacting(
        log: &Log,
        react: impl FnMut(Call<'_>, &Transport) -> bool + 'static,
    ) -> Recorder {
        Recorder { log: log.clone(), react: Box::new(react) }
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, transport: &Transport) {
        self.log.push("made");
        (self.react)(Call::Made, transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.log.push(format!("data {}", String::from_utf8_lossy(data)));
        (self.react)(Call::Data(data), transport);
    }

    fn eof_received(&mut self, transport: &Transport) -> bool {
        self.log.push("eof");
        (self.react)(Call::Eof, transport)
    }

    fn pause_writing(&mut self, transport: &Transport) {
        self.log.push("pause");
        (self.react)(Call::Pause, transport);
    }

    fn resume_writing(&mut self, transport: &Transport) {
        self.log.push("resume");
        (self.react)(Call::Resume, transport);
    }

    fn connection_lost(&mut self, error: Option<std::io::Error>) {
        self.log.push(match error {
            None => String::from("lost"),
            Some(error) => format!("lost: {error}"),
        });
    }
}

/// A protocol that sends back what it receives.
pub struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data).expect("an echo never finishes by itself");
    }
}

/// Runs `test` on a loop of its own, which must end clean and with nothing reported.
pub fn on_loop<F: Future + 'static>(test: impl FnOnce(EventLoop) -> F) -> F::Output {
    let (output, reports) = reporting(EventLoop::builder(), test);
    assert_eq!(reports, [""; 0], "the exception handler was called");
    output
}

/// The same on a loop of `builder`; what the exception handler was told comes too.
pub fn reporting<F: Future + 'static>(
    builder: Builder,
    test: impl FnOnce(EventLoop) -> F,
) -> (F::Output, Vec<String>) {
    let event_loop = builder.build().expect("a loop can be made");
    let reports = Log::default();
    let told = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            told.push(context.to_string());
        }
    }));
    let stopper = event_loop.clone();
    let patience = event_loop.call_later(PATIENCE, move || stopper.stop());
    drop(patience.expect("the loop is open"));
    let test = test(event_loop.clone());
    let output = event_loop.run_until_complete(test).expect("the test ends before its patience");
    event_loop.close().expect("the loop is not running");
    (output, reports.lines())
}

/// Both ends of a TCP connection, as the standard library has them.
pub fn ends() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let ours = TcpStream::connect(listener.local_addr().unwrap()).expect("the backlog takes it");
    let (peer, _) = listener.accept().expect("it waits");
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_nodelay(true).unwrap();
    (ours, peer)
}

/// A transport of the running loop with this protocol, and its blocking peer.
pub async fn pair(protocol: impl Protocol + 'static) -> (Transport, TcpStream) {
    let event_loop = evloop::get_running_loop().expect("inside a loop");
    let (ours, peer) = ends();
    let transport = event_loop.create_connection(move || protocol, ours).await;
    (transport.expect("it is connected"), peer)
}

/// Everything up to the end of file.
pub fn read_to_end(mut peer: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).expect("the peer can read");
    bytes
}

/// Runs `blocking` on a thread, and waits for it without blocking the loop.
pub async fn off_loop<T: Send + 'static>(blocking: impl FnOnce() -> T + Send + 'static) -> T {
    type Shared<T> = (Option<std::thread::Result<T>>, Option<Waker>);
    let shared: Arc<Mutex<Shared<T>>> = Arc::new(Mutex::new((None, None)));
    let theirs = shared.clone();
    std::thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(blocking));
        let mut shared = theirs.lock().unwrap();
        shared.0 = Some(result);
        if let Some(waker) = shared.1.take() {
            waker.wake();
        }
    });
    let result = poll_fn(|context| {
        let mut shared = shared.lock().unwrap();
        shared.1 = Some(context.waker().clone());
        shared.0.take().map_or(Poll::Pending, Poll::Ready)
    });
    result.await.unwrap_or_else(|panic| resume_unwind(panic))
}

/// An address of this machine nobody listens on.
pub fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    listener.local_addr().unwrap()
}

/// Has `peer` close with an RST: the kernel sends it in place of a FIN if what was received is not
/// read (RFC 1122 §4.2.2.13).
pub fn reset(transport: &Transport, peer: TcpStream) {
    transport.write(b"unread").expect("it is open for writing");
    peer.peek(&mut [0]).expect("it comes");
}

/// A path of its own for each test, removed with what is there at the end.
pub struct TestPath(pub PathBuf);

impl TestPath {
    pub fn new() -> TestPath {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        TestPath(std::env::temp_dir().join(format!("evloop-{}-{number}", std::process::id())))
    }
}

impl Drop for TestPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends back what comes, until nothing comes any more.
pub async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
}
