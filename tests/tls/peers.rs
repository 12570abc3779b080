//! Other people's programs at the other end: openssl, curl, Python's ssl and asyncio.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use evloop::{open_connection, start_server, to_thread};

use crate::certificates::Certificates;
use crate::installed::is_installed;
use crate::support::{connect, echo_server, on_loop};

/// Runs a program to its end with this input, and gives what it printed.
pub async fn run(program: &'static str, arguments: Vec<String>, input: &'static [u8]) -> String {
    let output = to_thread(move || {
        let mut child = Command::new(program)
            .args(&arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it is installed");
        child.stdin.take().expect("it is a pipe").write_all(input).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{program}: {}", text(&output.stderr));
        text(&output.stdout)
    });
    output.await.expect("a thread")
}

pub fn strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// A server of theirs, ended when this goes.
struct Theirs(Child);

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn openssl_s_client_hears_all_of_our_server_and_its_close_notify() {
    on_loop(|made| async move {
        let says = |mut reader: evloop::StreamReader, mut writer: evloop::StreamWriter| async move {
            let line = reader.readline().await?;
            writer.write(&[b'.'; 100_000])?;
            writer.write(&line)
        };
        let server = start_server(says, ("127.0.0.1", 0)).tls(made.server()).await.unwrap();
        let address = server.sockets()[0].local_addr().to_string();
        let root = made.path("root", "pem");
        for version in ["-tls1_3", "-tls1_2"] {
            let to = ["s_client", "-connect", &address, "-servername", "localhost", version];
            let how = ["-CAfile", &root, "-verify_return_error", "-quiet", "-ign_eof"];
            let came = run("openssl", strings(&[&to[..], &how[..]].concat()), b"line\n").await;
            assert_eq!(came, ".".repeat(100_000) + "line\n");
        }
    });
}

/// `openssl s_server`, and where it is; with what it prints at its beginning read.
fn s_server(
    made: &Certificates,
    more: &[&str],
) -> (Theirs, BufReader<std::process::ChildStdout>, SocketAddr) {
    let (pem, key) = (made.path("server", "pem"), made.path("server", "key"));
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", &pem, "-key", &key])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    let mut told = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let theirs = Theirs(child);
    loop {
        let mut line = String::new();
        assert!(told.read_line(&mut line).expect("it writes text") > 0, "s_server ended");
        if let Some(address) = line.trim().strip_prefix("ACCEPT ") {
            return (theirs, told, address.parse().expect("an address"));
        }
    }
}

#[test]
fn openssl_s_server_reverses_what_our_client_says() {
    on_loop(|made| async move {
        for version in ["-tls1_3", "-tls1_2"] {
            let (server, _told, address) = s_server(made, &["-rev", version]);
            let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
            let info = writer.tls_info().unwrap();
            assert_eq!(info.version().replace('v', "").replace("TLS", "-tls"), version);
            writer.write(b"drawer\n").unwrap();
            assert_eq!(reader.readline().await.unwrap(), b"reward\n");
            writer.close();
            writer.wait_closed().await.unwrap();
            drop(server);
        }
    });
}

#[test]
fn openssl_s_server_verifies_our_clients_certificate() {
    on_loop(|made| async move {
        let root = made.path("root", "pem");
        let (_server, _told, address) =
            s_server(made, &["-rev", "-Verify", "1", "-verify_return_error", "-CAfile", &root]);
        let alice = made.client().identity(made.identity("client"));
        let (mut reader, mut writer) = connect(address, alice).await.unwrap();
        writer.write(b"live\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"evil\n");
    });
}

#[test]
fn curl_gets_a_page_of_a_handler_over_tls() {
    if !is_installed("curl") {
        return;
    }
    on_loop(|made| async move {
        let page = |mut reader: evloop::StreamReader, mut writer: evloop::StreamWriter| async move {
            reader.readuntil(b"\r\n\r\n").await.map_err(std::io::Error::from)?;
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        };
        let config = made.server().alpn(["http/1.1"]);
        let server = start_server(page, ("127.0.0.1", 0)).tls(config).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (url, root) =
            (format!("https://127.0.0.1:{}/", address.port()), made.path("root", "pem"));
        let came = run("curl", strings(&["-sS", "--cacert", &root, &url]), b"").await;
        assert_eq!(came, "hello");
    });
}

/// Python at the other end of an echo, by threads or by asyncio.
const CLIENT: &str = r#"
import asyncio, socket, ssl, sys
port, root, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=root)
sent = bytes(range(256)) * 2000

def blocking():
    with socket.create_connection(("127.0.0.1", port)) as tcp:
        with context.wrap_socket(tcp, server_hostname="localhost") as tls:
            tls.sendall(b"ping")
            came = tls.recv(4)
            assert came == b"ping", came
            tls.unwrap()

async def streams():
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost")
    async def write():
        for at in range(0, len(sent), 50_000):
            writer.write(sent[at:at + 50_000])
            await writer.drain()
    writing = asyncio.create_task(write())
    assert await reader.readexactly(len(sent)) == sent
    await writing
    writer.close()
    await writer.wait_closed()

blocking() if how == "blocking" else asyncio.run(streams())
print("ok")
"#;

#[test]
fn pythons_ssl_and_asyncio_are_echoed_by_our_server() {
    if !is_installed("python3") {
        return;
    }
    on_loop(|made| async move {
        let (server, address) = echo_server(made.server()).await;
        let (port, root) = (address.port().to_string(), made.path("root", "pem"));
        for how in ["blocking", "asyncio"] {
            let arguments = strings(&["-c", CLIENT, &port, &root, how]);
            assert_eq!(run("python3", arguments, b"").await, "ok\n");
        }
        server.close();
        server.wait_closed().await;
    });
}

/// Python's server: an echo, that starts TLS where it is asked to.
const SERVER: &str = r#"
import asyncio, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1], sys.argv[2])

async def echo(reader, writer):
    while data := await reader.read(65536):
        if data == b"STARTTLS\n":
            writer.write(b"ready\n")
            await writer.start_tls(context)
            continue
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    tls = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    plain = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(*(it.sockets[0].getsockname()[1] for it in (tls, plain)), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"#;

fn python_server(made: &Certificates) -> (Theirs, SocketAddr, SocketAddr) {
    let (pem, key) = (made.path("server", "pem"), made.path("server", "key"));
    let mut child = Command::new("python3")
        .args(["-c", SERVER, &pem, &key])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut line = String::new();
    let mut told = BufReader::new(child.stdout.take().expect("it is a pipe"));
    told.read_line(&mut line).expect("it writes text");
    let mut ports = line
        .split_whitespace()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port"))));
    let (tls, plain) = (ports.next().expect("the first"), ports.next().expect("the second"));
    (Theirs(child), tls, plain)
}

#[test]
fn pythons_asyncio_echoes_our_client() {
    if !is_installed("python3") {
        return;
    }
    on_loop(|made| async move {
        let (_server, address, _) = python_server(made);
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        let sent = vec![b'p'; 700_000];
        let expected = sent.clone();
        let write = evloop::spawn(async move {
            writer.write(&sent)?;
            writer.drain().await.map(|()| writer)
        });
        assert!(reader.readexactly(expected.len()).await.unwrap() == expected);
        let mut writer = write.await.unwrap().unwrap();
        writer.close();
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn pythons_start_tls_and_ours_meet() {
    if !is_installed("python3") {
        return;
    }
    let version = "import sys; print(sys.version_info >= (3, 11))";
    let version = Command::new("python3").args(["-c", version]).output().expect("it runs");
    if version.stdout != b"True\n" {
        return eprintln!("SKIPPED: this Python's StreamWriter has no start_tls()");
    }
    on_loop(|made| async move {
        let (_server, _, address) = python_server(made);
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write(b"STARTTLS\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"ready\n");
        writer.start_tls(made.client().to("localhost")).await.unwrap();
        writer.write(b"in tls\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"in tls\n");
        writer.close();
        writer.wait_closed().await.unwrap();
    });
}
