//! Other people's programs at the other end: nc and Python's asyncio streams. Where one is not
//! installed the test says so and passes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use evloop::{StreamReader, StreamWriter};

use crate::support::{off_loop, on_loop};

pub fn is_installed(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|found| found.status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// Runs a program with this input, and gives what it printed.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    child.stdin.take().expect("it is a pipe").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).expect("it writes text")
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

async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
    loop {
        let data = reader.read(1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
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

const PYTHON_SERVER: &str = "
import asyncio
async def handle(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, input)
asyncio.run(main())
";

#[test]
fn pythons_asyncio_server_answers_our_streams() {
    if !is_installed("python3") {
        return;
    }
    let mut python = Command::new("python3")
        .args(["-c", PYTHON_SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut port = String::new();
    let stdout = python.stdout.take().expect("it is a pipe");
    BufReader::new(stdout).read_line(&mut port).expect("it says its port");
    let port: u16 = port.trim().parse().expect("a number");
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
    python.stdin.take().expect("it is a pipe").write_all(b"\n").expect("it reads");
    assert!(python.wait().expect("it ends").success());
}
