//! A server that only repeats what it is told to say, and notes what it hears.

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use evloop::http::{ClientError, ClientSession};
use evloop::{EventLoop, ManualClock};

use crate::PATIENCE;

/// A request as the server hears it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which connection it came on, and as which request on that; from 0.
    pub place: (usize, usize),
    pub method: String,
    pub target: String,
    /// As they came.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        field.map(|(_, value)| &value[..])
    }

    /// The names of all fields, in order.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| &name[..]).collect()
    }
}

/// What the server says.
pub enum Say {
    /// This, and waits for another request.
    This(String),
    /// These bytes, the same.
    Bytes(Vec<u8>),
    /// This, and closes.
    Last(&'static str),
}

/// A response that is whole.
pub fn ok(body: &str) -> Say {
    with("200 OK", "", body)
}

/// The same with a status, and fields that each end in CR LF.
pub fn with(status: &str, fields: &str, body: &str) -> Say {
    Say::This(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A redirect.
pub fn redirect(status: u16, location: &str) -> Say {
    with(&format!("{status} There"), &format!("Location: {location}\r\n"), "gone")
}

/// A server on threads, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    accepting: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// One that answers as `answer` says.
    pub fn new(answer: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (heard, stop) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (theirs, stops, answer) = (heard.clone(), stop.clone(), Arc::new(answer));
        let accepting = thread::spawn(move || {
            let number = AtomicUsize::new(0);
            for stream in listener.incoming() {
                if stops.load(Ordering::SeqCst) {
                    return;
                }
                let connection = number.fetch_add(1, Ordering::SeqCst);
                let (heard, answer) = (theirs.clone(), answer.clone());
                let stream = stream.expect("a connection");
                thread::spawn(move || converse(&stream, connection, &heard, &*answer));
            }
        });
        Server { address, heard, stop, accepting: Some(accepting) }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has heard until now.
    pub fn heard(&self) -> Vec<Asked> {
        self.heard.lock().expect("no panic").clone()
    }

    /// What it has heard last.
    pub fn last(&self) -> Asked {
        self.heard().pop().expect("a request")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("it accepts");
        }
    }
}

fn converse(
    stream: &TcpStream,
    connection: usize,
    heard: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked) -> Say,
) {
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut reader = BufReader::new(stream);
    for number in 0.. {
        let Some(asked) = read_request(&mut reader, (connection, number)) else { return };
        heard.lock().expect("no panic").push(asked.clone());
        let mut stream = stream;
        // A client that is gone has heard enough.
        let said = match answer(&asked) {
            Say::This(text) => stream.write_all(text.as_bytes()),
            Say::Bytes(bytes) => stream.write_all(&bytes),
            Say::Last(text) => {
                let _ = stream.write_all(text.as_bytes());
                return;
            }
        };
        if said.is_err() {
            return;
        }
    }
}

/// The next request; `None` where the connection ends.
fn read_request(reader: &mut BufReader<&TcpStream>, place: (usize, usize)) -> Option<Asked> {
    let line = read_line(reader)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut asked = Asked { place, method, target, fields: Vec::new(), body: Vec::new() };
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(": ") else { break };
        asked.fields.push((name.to_owned(), value.to_owned()));
    }
    if asked.field("expect").is_some() {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if asked.field("transfer-encoding").is_some() {
        asked.body = read_chunks(reader)?;
    } else if let Some(length) = asked.field("content-length") {
        let mut body = vec![0; length.parse().expect("a number")];
        reader.read_exact(&mut body).ok()?;
        asked.body = body;
    }
    Some(asked)
}

fn read_chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(reader)?, 16).expect("a chunk's size");
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk).ok()?;
        assert_eq!(read_line(reader)?, "", "a chunk's end");
        if size == 0 {
            return Some(body);
        }
        body.extend(chunk);
    }
}

fn read_line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Some(line)
}

/// Runs `main` on a loop of its own, in which nothing may be left.
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    run_on(EventLoop::new().expect("a loop"), main)
}

/// The same on a clock that `main` moves.
pub fn run_by_hand<F>(main: impl FnOnce(ManualClock) -> F) -> F::Output
where
    F: Future<Output: 'static> + 'static,
{
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().expect("a loop");
    run_on(event_loop, main(clock))
}

fn run_on<T: 'static>(event_loop: EventLoop, main: impl Future<Output = T> + 'static) -> T {
    let value = event_loop.run_until_complete(main).expect("a run");
    // The sessions' connections are closed in the turn after they are dropped.
    event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    let report = event_loop.close().expect("not running");
    assert!(report.is_clean(), "{report:?}");
    value
}

/// GETs one URL with a session of its own.
pub async fn get(url: String) -> Result<String, ClientError> {
    ClientSession::new().get(&url).await?.text().await
}
