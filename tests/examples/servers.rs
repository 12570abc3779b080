//! The echo servers: two clients at a time, and Ctrl-C.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::harness::binary;

/// A server on a port of the kernel's choice, which its first line names last.
fn start(name: &str) -> (Child, u16) {
    let mut server = Command::new(binary(name))
        .arg("0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
    let mut line = String::new();
    let stdout = server.stdout.take().expect("it is a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let port = line.rsplit(':').next().unwrap_or_default();
    let port = port.trim_end_matches(|c: char| !c.is_ascii_digit());
    (server, port.parse().unwrap_or_else(|_| panic!("{name} says {line:?}")))
}

fn talk(client: &mut TcpStream, message: &str) {
    client.write_all(message.as_bytes()).expect("the server reads");
    let expected = format!("{} Your msg {message}", client.local_addr().expect("it is connected"));
    let mut answer = vec![0; expected.len()];
    client.read_exact(&mut answer).expect("the server answers");
    assert_eq!(String::from_utf8_lossy(&answer), expected);
}

fn echoes_two_clients_and_ends_by_ctrl_c(name: &str) {
    let (mut server, port) = start(name);
    let connect = || TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let (mut first, mut second) = (connect(), connect());
    talk(&mut first, "hello");
    talk(&mut second, "hi there");
    talk(&mut first, "hello again");
    drop(second);
    let process = nix::unistd::Pid::from_raw(server.id() as i32);
    nix::sys::signal::kill(process, nix::sys::signal::SIGINT).expect("it is our child");
    let status = server.wait().expect("it ends");
    assert!(status.success(), "{name} ended with {status}");
    assert_eq!(first.read(&mut [0]).expect("the server has closed it"), 0);
}

#[test]
fn the_coroutine_echoes_and_ends_by_ctrl_c() {
    echoes_two_clients_and_ends_by_ctrl_c("tcp_echo");
}

#[test]
fn the_protocol_echoes_and_ends_by_ctrl_c() {
    echoes_two_clients_and_ends_by_ctrl_c("echo_protocol");
}

#[test]
fn the_state_machine_echoes_and_ends_by_ctrl_c() {
    echoes_two_clients_and_ends_by_ctrl_c("echo_state_machine");
}
