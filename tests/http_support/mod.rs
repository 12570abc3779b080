//! A served application, and clients of it on threads of their own.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evloop::EventLoop;
use evloop::web::Application;

/// Longer than anything takes here: a test that hangs fails instead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Serves `app` while `client` runs on a thread, and gives what that gave and what was reported to
/// the exception handler meanwhile. Nothing may be left in the loop at the end.
pub fn serve<T: Send + 'static>(
    app: Application,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<String>) {
    serve_on(EventLoop::new().expect("a loop"), app, client)
}

/// The same on this loop.
pub fn serve_on<T: Send + 'static>(
    event_loop: EventLoop,
    app: Application,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<String>) {
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let report = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        report.borrow_mut().push(context.to_string());
    }));
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).expect("a run");
    let server = server.expect("a server");
    let address = server.sockets()[0].local_addr();
    let home = event_loop.handle();
    let stopper = event_loop.handle();
    let client = thread::spawn(move || {
        struct Stop(evloop::LoopHandle);
        impl Drop for Stop {
            fn drop(&mut self) {
                self.0.stop().expect("the loop is open");
            }
        }
        let _stop = Stop(stopper);
        client(address)
    });
    drop(home);
    event_loop.run_forever().expect("a run");
    let shutdown = async move { server.shutdown(PATIENCE).await };
    event_loop.run_until_complete(shutdown).expect("a run");
    // What was woken by a connection's end has one step to take yet.
    event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    let left = event_loop.close().expect("not running");
    assert!(left.is_clean(), "{left:?}");
    event_loop.set_exception_handler(None::<fn(&EventLoop, &evloop::ErrorContext)>);
    let value = client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    (value, reports.take())
}

/// A client that knows only bytes.
pub struct Client(pub BufReader<TcpStream>);

/// What such a client makes of a response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(have, _)| have == name);
        field.map(|(_, value)| &value[..])
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.set_write_timeout(Some(PATIENCE)).expect("an option");
        stream.set_nodelay(true).expect("an option");
        Client(BufReader::new(stream))
    }

    pub fn send(&mut self, text: &str) -> &mut Client {
        self.0.get_mut().write_all(text.as_bytes()).expect("the server reads");
        self
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) -> &mut Client {
        self.0.get_mut().shutdown(Shutdown::Write).expect("a connection");
        self
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).reply()
    }

    /// Receives a response whose body has a length.
    pub fn reply(&mut self) -> Reply {
        let mut reply = self.head();
        self.body(&mut reply);
        reply
    }

    /// Receives the body that this head announces by its length.
    pub fn body(&mut self, reply: &mut Reply) {
        let length = reply.get("content-length").expect("a length").parse().expect("a number");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        reply.body = String::from_utf8(body).expect("text");
    }

    /// Receives a head.
    pub fn head(&mut self) -> Reply {
        let status = self.line().split(' ').nth(1).expect("a status line").parse().unwrap();
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            fields.push((name.to_owned(), value.to_owned()));
        }
        Reply { status, fields, body: String::new() }
    }

    /// Receives a line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        assert!(line.ends_with("\r\n"), "the response breaks off: {line:?}");
        line.truncate(line.len() - 2);
        line
    }

    /// One byte of whatever comes.
    pub fn peek(&mut self) {
        assert!(!self.0.fill_buf().expect("a byte").is_empty());
    }

    /// Whether the server has closed, and said nothing before.
    pub fn is_closed(&mut self) -> bool {
        self.0.fill_buf().expect("an end, not a reset").is_empty()
    }
}
