//! Other people's programs at the other end: nc, socat and Python's asyncio. Where one is not
//! installed the test says so and passes.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use evloop::{UdpSocket, open_unix_connection, start_unix_server};

use crate::installed::is_installed;
use crate::peer::Peer;
use crate::support::{TestPath, echo, off_loop, on_loop};

/// Runs a program with this input, and gives what it printed.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let file = TestPath::new();
    fs::write(&file.0, input).expect("a temporary file");
    let peer = Peer::start(program, |command| {
        let input = File::open(&file.0).expect("it was written");
        command.args(arguments).stdin(Stdio::from(input));
    });
    let said = peer.and_then(Peer::finish).expect("it is installed");
    assert!(said.success, "{program}: {}", said.stderr);
    said.stdout
}

pub fn nc_ends_with_its_input() -> bool {
    if !is_installed("nc") {
        return false;
    }
    let help = Command::new("nc").arg("-h").output().expect("it is installed");
    let ends = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).contains("-N");
    if !ends {
        eprintln!("SKIPPED: this nc does not end with its input (-N)");
    }
    ends
}

#[test]
fn nc_is_echoed_by_our_server() {
    if !nc_ends_with_its_input() {
        return;
    }
    on_loop(|_| async {
        let server = evloop::start_server(echo, ("127.0.0.1", 0)).await.unwrap();
        let port = server.sockets()[0].local_addr().port().to_string();
        let talk = move || run("nc", &["-N", "127.0.0.1", &port], b"hello\nworld\n");
        assert_eq!(off_loop(talk).await, "hello\nworld\n");
        server.close();
        server.wait_closed().await;
    });
}

const PYTHON_CLIENT: &str = "
import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', int(sys.argv[1]))
    for size in (1, 1000, 1000000):
        message = bytes(size)
        writer.write(message)
        assert await reader.readexactly(size) == message
        await writer.drain()
    writer.write_eof()
    assert await reader.read() == b''
    writer.close()
    await writer.wait_closed()
    print('content')
asyncio.run(main())
";

#[test]
fn pythons_asyncio_streams_are_echoed_by_our_server() {
    if !is_installed("python3") {
        return;
    }
    on_loop(|_| async {
        let server = evloop::start_server(echo, ("127.0.0.1", 0)).await.unwrap();
        let port = server.sockets()[0].local_addr().port().to_string();
        let talk = move || run("python3", &["-c", PYTHON_CLIENT, &port], b"");
        assert_eq!(off_loop(talk).await, "content\n");
        server.close();
        server.wait_closed().await;
    });
}

/// A Python program that ends when its input does.
fn python(program: &str, arguments: &[&str]) -> Peer {
    let python = Peer::start("python3", |command| {
        command.args(["-c", program]).args(arguments).stdin(Stdio::piped());
    });
    python.expect("it is installed")
}

const PYTHON_SERVER: &str = "
import asyncio, sys
async def handle(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
";

#[test]
fn pythons_asyncio_server_answers_our_streams() {
    if !is_installed("python3") {
        return;
    }
    let mut python = python(PYTHON_SERVER, &[]);
    let port: u16 = python.line().expect("a port").parse().expect("a number");
    on_loop(move |_| async move {
        let (mut reader, mut writer) = evloop::open_connection(("127.0.0.1", port)).await.unwrap();
        for _ in 0..1000 {
            writer.write(b"shout\n").unwrap();
        }
        writer.write_eof();
        for _ in 0..1000 {
            assert_eq!(reader.readline().await.unwrap(), b"SHOUT\n");
        }
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        writer.close();
        writer.wait_closed().await.unwrap();
    });
    let said = python.finish().expect("it lacks nothing");
    assert!(said.success, "{}", said.stderr);
}

/// Answers each datagram with itself in capitals until one says to stop.
async fn shouts(socket: UdpSocket) {
    let mut buffer = [0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        socket.send_to(&buffer[..len].to_ascii_uppercase(), from).await.unwrap();
        if buffer[..len].starts_with(b"stop") {
            return;
        }
    }
}

/// Runs a program that sends datagrams to our port, the last of which says to stop.
fn is_answered(talk: impl FnOnce(u16) -> String + Send + 'static) -> String {
    on_loop(|_| async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let served = evloop::spawn(shouts(socket));
        let said = off_loop(move || talk(port)).await;
        served.await.unwrap();
        said
    })
}

#[test]
fn a_datagram_of_nc_is_answered() {
    if !is_installed("nc") {
        return;
    }
    let said = is_answered(|port| {
        // It ends after a second without input and datagrams.
        run("nc", &["-u", "-w", "1", "127.0.0.1", &port.to_string()], b"stop at once\n")
    });
    assert_eq!(said, "STOP AT ONCE\n");
}

#[test]
fn a_datagram_of_socat_is_answered() {
    if !is_installed("socat") {
        return;
    }
    let said = is_answered(|port| {
        let to = format!("UDP4:127.0.0.1:{port}");
        run("socat", &["-t", "5", "-T", "1", "-", &to], b"stop it\n")
    });
    assert_eq!(said, "STOP IT\n");
}

const PYTHON_DATAGRAMS: &str = "
import asyncio, sys
class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.came = asyncio.Queue()
    def datagram_received(self, data, addr):
        self.came.put_nowait(data)
    def error_received(self, exc):
        self.came.put_nowait(exc)
async def main():
    loop = asyncio.get_running_loop()
    to = ('127.0.0.1', int(sys.argv[1]))
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=to)
    for size in (1, 100, 1400):
        transport.sendto(b'x' * size)
        assert await client.came.get() == b'X' * size
    transport.sendto(b'stop')
    assert await client.came.get() == b'STOP'
    transport.close()
    print('content')
asyncio.run(asyncio.wait_for(main(), 20))
";

#[test]
fn datagrams_of_pythons_asyncio_are_answered() {
    if !is_installed("python3") {
        return;
    }
    let said =
        is_answered(|port| run("python3", &["-c", PYTHON_DATAGRAMS, &port.to_string()], b""));
    assert_eq!(said, "content\n");
}

/// Runs a program that talks to our Unix server, which echoes.
fn is_echoed(talk: impl FnOnce(&str) -> String + Send + 'static) -> String {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, &there).await.unwrap();
        let name = there.to_str().unwrap().to_owned();
        let said = off_loop(move || talk(&name)).await;
        server.close();
        server.wait_closed().await;
        said
    })
}

#[test]
fn socat_is_echoed_by_our_unix_server() {
    if !is_installed("socat") {
        return;
    }
    let said = is_echoed(|path| {
        run("socat", &["-t", "30", "-", &format!("UNIX-CONNECT:{path}")], b"hello\nworld\n")
    });
    assert_eq!(said, "hello\nworld\n");
}

#[test]
fn pythons_asyncio_is_echoed_by_our_unix_server() {
    if !is_installed("python3") {
        return;
    }
    let client = PYTHON_CLIENT.replace(
        "open_connection('127.0.0.1', int(sys.argv[1]))",
        "open_unix_connection(sys.argv[1])",
    );
    assert!(client.contains("open_unix_connection"));
    assert_eq!(is_echoed(move |path| run("python3", &["-c", &client, path], b"")), "content\n");
}

#[test]
fn pythons_asyncio_unix_server_answers_our_streams() {
    if !is_installed("python3") {
        return;
    }
    let path = TestPath::new();
    let server = PYTHON_SERVER
        .replace("start_server(handle, '127.0.0.1', 0)", "start_unix_server(handle, sys.argv[1])")
        .replace("server.sockets[0].getsockname()[1]", "'ready'");
    let mut python = python(&server, &[path.0.to_str().expect("a plain path")]);
    assert_eq!(python.line().as_deref(), Some("ready"));
    let there = path.0.clone();
    on_loop(move |_| async move {
        let (mut reader, mut writer) = open_unix_connection(&there).await.unwrap();
        writer.write(b"shout\nand again\n").unwrap();
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.unwrap(), b"SHOUT\nAND AGAIN\n");
        writer.close();
        writer.wait_closed().await.unwrap();
    });
    let said = python.finish().expect("it lacks nothing");
    assert!(said.success, "{}", said.stderr);
}
