//! The echo server and the web application on two cores.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use evloop::workers::PORTS_ARE_BALANCED;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Order, example, folder, is_as_in};

/// Ended when dropped, so that a test that fails leaves nobody behind.
struct Supervisor(Child);

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn two_workers_serve_echo_and_web_and_drain_on_sigterm() {
    let mut workers = example("workers");
    let mut supervisor = Supervisor(workers.stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut printed = BufReader::new(supervisor.0.stdout.take().expect("a pipe"));
    let mut text = String::new();
    for _ in 0..3 {
        printed.read_line(&mut text).expect("text");
    }
    let address = |begin: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(begin)).expect("its address");
        line.trim_end_matches('/').to_string()
    };
    let (echo, web) = (address("echo "), address("web http://"));
    let mut client = TcpStream::connect(&echo).expect("it listens");
    client.write_all(b"hello").expect("sent");
    let mut answer = [0; 5];
    client.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"hello");
    drop(client);
    // Both answer, wherever one port is dealt out to several sockets.
    let first = who(&web);
    while PORTS_ARE_BALANCED && who(&web) == first {}
    kill(Pid::from_raw(supervisor.0.id() as i32), Signal::SIGTERM).expect("our child");
    printed.read_to_string(&mut text).expect("text");
    assert!(supervisor.0.wait().expect("a child").success());
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_string();
    let text = text.replace(&port(&echo), "PORT").replace(&port(&web), "PORT");
    is_as_in(&folder("workers").join("expected.txt"), &text, Order::Exact);
}

/// The process that answers a request.
fn who(web: &str) -> i32 {
    let mut client = TcpStream::connect(web).expect("it listens");
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it answers");
    let process = answer.split("process ").nth(1).expect("it names its process");
    process.trim().parse().expect("a number")
}
