//! evloop's HTTP server under attack, on loopback: what it holds and burns, and whether honest
//! clients go on being served. Bounded in count and time.
//!
//! `bench-attack` starts a server as a child (`bench-attack serve PORT`), attacks it in turn, and
//! prints a row for each attack. `bench-attack FACTOR` scales the counts.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use evloop::http::{BodyError, Limits, Timeouts};
use evloop::web::{Application, Request, Response};

const PORT: u16 = 18_777;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const PIECE: usize = 1 << 16;

fn main() {
    let argument = std::env::args().nth(1).unwrap_or_default();
    if argument == "serve" {
        return serve();
    }
    evloop_bench::sys::raise_descriptor_limit();
    let factor: f64 = argument.parse().unwrap_or(1.0);
    let count = |full: usize| ((full as f64 * factor) as usize).max(1);
    println!("| attack | RSS before, MB | highest | after | CPU s | wall s | honest, worst ms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let server = Server::start(None, false);
    let n = count(5000);
    server.row(&format!("{n} heads that never end, 10 s"), || slowloris(n, 10));
    let n = count(500);
    server.row(&format!("{n} clients that ask for 10 MiB and never read, 10 s"), || {
        never_reading(n, 10);
    });
    let n = count(20_000);
    server.row(&format!("{n} requests, each reset at once"), || resets(n));
    let n = count(10_000);
    server.row(&format!("{n} requests pipelined on one connection"), || pipelined(n));
    let n = count(10 << 30);
    server.row(&format!("{} MiB sent to the server", n >> 20), || upload(n as u64));
    server.row(&format!("{} MiB sent by the server", n >> 20), || download(n as u64));
    drop(server);
    let server = Server::start(Some(256), false);
    let n = count(1000);
    server.row(&format!("{n} heads that never end, 256 descriptors, 5 s"), || slowloris(n, 5));
    drop(server);
    // Without the limit of connections, and with heads that may take 2 s.
    let server = Server::start(Some(256), true);
    let n = count(400);
    server.row(&format!("{n} of them, descriptors exhausted, 10 s"), || slowloris(n, 10));
}

// ---- the server ---------------------------------------------------------------------------------

fn serve() {
    if let Some(limit) = std::env::var("NOFILE").ok().and_then(|it| it.parse().ok()) {
        evloop_bench::sys::limit_descriptors(limit);
    } else {
        evloop_bench::sys::raise_descriptor_limit();
    }
    let mut app = Application::new();
    if std::env::var_os("EXHAUST").is_some() {
        app.limits(Limits { connections: Some(usize::MAX), ..Limits::default() });
        app.timeouts(Timeouts { head: Duration::from_secs(2), ..Timeouts::default() });
    }
    app.router().add_get("/", |_: Request| async { "Hello, World!" });
    app.router().add_get("/large", |_: Request| async { Response::bytes(vec![b'x'; 1 << 20]) });
    app.router().add_get("/stream/{n}", |request: Request| async move {
        let left: u64 = request.match_info().get("n").and_then(|n| n.parse().ok()).unwrap_or(0);
        Response::stream(move |mut body| async move {
            let (piece, mut left) = (vec![b'x'; PIECE], left);
            while left > 0 {
                let now = left.min(PIECE as u64);
                body.write(&piece[..now as usize]).await?;
                left -= now;
            }
            Ok(())
        })
        .content_length(left)
    });
    app.router().add_post("/", |request: Request| async move {
        let (content, mut all) = (request.content(), 0);
        while let Some(piece) = content.read_chunk().await? {
            all += piece.len();
        }
        Ok::<_, BodyError>(all.to_string())
    });
    evloop::web::run_app(app, ("127.0.0.1", PORT)).expect("a server");
}

struct Server(Child);

impl Server {
    fn start(files: Option<u64>, exhaust: bool) -> Server {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.arg("serve").stdout(std::process::Stdio::null());
        if let Some(files) = files {
            command.env("NOFILE", files.to_string());
        }
        if exhaust {
            command.env("EXHAUST", "1");
        }
        let server = Server(command.spawn().expect("a child"));
        while TcpStream::connect(address()).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn row(&self, what: &str, attack: impl FnOnce()) {
        let (memory, cpu, began) = (self.memory(), self.cpu(), Instant::now());
        let over = AtomicBool::new(false);
        let (highest, honest) = thread::scope(|scope| {
            let highest = scope.spawn(|| {
                let mut highest = 0.0_f64;
                while !over.load(Ordering::Relaxed) {
                    highest = highest.max(self.memory());
                    thread::sleep(Duration::from_millis(20));
                }
                highest
            });
            let honest = scope.spawn(|| be_honest(&over));
            attack();
            over.store(true, Ordering::Relaxed);
            (highest.join().expect("a figure"), honest.join().expect("a figure"))
        });
        let (wall, cpu) = (began.elapsed().as_secs_f64(), self.cpu() - cpu);
        thread::sleep(Duration::from_millis(500));
        println!(
            "| {what} | {memory:.1} | {highest:.1} | {:.1} | {cpu:.2} | {wall:.1} | {honest} |",
            self.memory()
        );
    }

    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("a status");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a size");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    fn cpu(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.0.id())).expect("a time");
        text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn address() -> SocketAddr {
    ([127, 0, 0, 1], PORT).into()
}

fn connect() -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&address(), Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    Some(stream)
}

/// A new connection and a request, again and again: how many, how many were answered, and how long
/// the slowest took.
fn be_honest(over: &AtomicBool) -> String {
    let (mut asked, mut served, mut worst) = (0, 0, Duration::ZERO);
    while !over.load(Ordering::Relaxed) || asked == 0 {
        let began = Instant::now();
        asked += 1;
        let answer = connect().and_then(|mut stream| {
            let mut answer = [0; 15];
            stream.write_all(GET).ok()?;
            stream.read_exact(&mut answer).ok()?;
            answer.starts_with(b"HTTP/1.1 200 OK").then_some(())
        });
        served += u32::from(answer.is_some());
        worst = worst.max(began.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    format!("{served} of {asked}, {}", worst.as_millis())
}

// ---- the attacks --------------------------------------------------------------------------------

/// Heads that never end, a byte a second each.
fn slowloris(count: usize, seconds: u64) {
    let mut slow: Vec<TcpStream> = (0..count).filter_map(|_| connect()).collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX: ");
    }
    for _ in 0..seconds {
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
        thread::sleep(Duration::from_secs(1));
    }
}

/// Requests of a megabyte each, of which nothing is read.
fn never_reading(count: usize, seconds: u64) {
    let mut greedy: Vec<TcpStream> = (0..count).filter_map(|_| connect()).collect();
    for stream in &mut greedy {
        let _ = stream.write_all(&b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n".repeat(10));
    }
    thread::sleep(Duration::from_secs(seconds));
}

/// Requests whose client resets the connection at once.
fn resets(count: usize) {
    for _ in 0..count {
        if let Some(mut stream) = connect() {
            let _ = stream.write_all(GET);
            let linger = libc::linger { l_onoff: 1, l_linger: 0 };
            let size = size_of::<libc::linger>() as libc::socklen_t;
            // SAFETY: setsockopt reads `size` bytes at the pointer, which is to a live linger.
            unsafe {
                let option = (&raw const linger).cast();
                libc::setsockopt(
                    stream.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_LINGER,
                    option,
                    size,
                );
            }
        }
    }
}

fn pipelined(count: usize) {
    let Some(mut stream) = connect() else { return };
    let mut reader = stream.try_clone().expect("a descriptor");
    let requests = Arc::new(GET.repeat(count));
    let sender = thread::spawn(move || stream.write_all(&requests));
    let (mut answers, mut chunk, mut rest) = (0, vec![0; PIECE], Vec::new());
    while answers < count {
        let read = reader.read(&mut chunk).expect("answers");
        assert!(read > 0, "{answers} of {count} were answered");
        rest.extend_from_slice(&chunk[..read]);
        let all = rest.windows(13).filter(|it| it == b"Hello, World!").count();
        answers += all;
        rest.drain(..rest.len().saturating_sub(12));
    }
    sender.join().expect("a thread").expect("the server reads");
}

fn upload(bytes: u64) {
    let mut stream = connect().expect("a connection");
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server reads");
    let (piece, mut left) = (vec![b'x'; PIECE], bytes);
    while left > 0 {
        let now = left.min(PIECE as u64);
        stream.write_all(&piece[..now as usize]).expect("the server reads");
        left -= now;
    }
    let mut answer = vec![0; 1000];
    let read = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.ends_with(&bytes.to_string()), "{answer}");
}

fn download(bytes: u64) {
    let mut stream = connect().expect("a connection");
    let head = format!("GET /stream/{bytes} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server reads");
    let (mut piece, mut all) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut piece).expect("a body") {
            0 => break,
            read => all += read as u64,
        }
    }
    assert!(all > bytes, "{all} of {bytes} bytes");
}
