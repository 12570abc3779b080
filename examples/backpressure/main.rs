//! A writer faster than its reader: what waits in memory without `drain`, and with it.

use std::error::Error;
use std::io;

use evloop::{StreamReader, StreamWriter, Transport};

const PIECE: usize = 64 * 1024;
const PIECES: usize = 16;

/// Kernels keep megabytes for a fast peer. Here they are to keep little.
fn with_small_buffers(transport: &Transport) -> io::Result<()> {
    transport.setsockopt(libc::SOL_SOCKET, libc::SO_SNDBUF, 16 * 1024)?;
    transport.setsockopt(libc::SOL_SOCKET, libc::SO_RCVBUF, 16 * 1024)
}

/// Sends everything, and gives the most that ever waited in our own memory, in pieces.
async fn send(mut writer: StreamWriter, drain: bool) -> io::Result<usize> {
    let mut most = 0;
    for written in 1..=PIECES {
        writer.write(&[b'x'; PIECE])?;
        let waiting = writer.transport().get_write_buffer_size().div_ceil(PIECE);
        most = most.max(waiting);
        if !drain {
            println!("{written:2} written {}", "#".repeat(waiting));
        }
        if drain {
            writer.drain().await?;
        }
    }
    writer.write_eof();
    Ok(most)
}

/// A reader that is in no hurry: it begins when the writer has stopped, or never stops waiting.
async fn receive(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    with_small_buffers(writer.transport())?;
    writer.transport().pause_reading();
    for _ in 0..100 {
        evloop::yield_now().await;
    }
    writer.transport().resume_reading();
    let received = reader.read_to_end().await?.len();
    println!("received {} pieces", received / PIECE);
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = evloop::start_server(receive, ("127.0.0.1", 0)).await?;
    let address = server.sockets()[0].local_addr();
    for drain in [false, true] {
        println!("{} drain", if drain { "with" } else { "without" });
        let (mut reader, writer) = evloop::open_connection(address).await?;
        with_small_buffers(writer.transport())?;
        let most = send(writer, drain).await?;
        match drain {
            true => println!("never more than 2 pieces waited: {}", most <= 2),
            false => println!("{most} pieces waited"),
        }
        reader.read_to_end().await?;
    }
    server.close();
    server.wait_closed().await;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    evloop::run(run())?
}
