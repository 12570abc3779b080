//! The tutorial's echo server, as a coroutine: one task for each client, which reads like a program
//! with one client. Its twins: `echo_protocol` and `echo_state_machine`.

use std::env;
use std::error::Error;
use std::io;
use std::time::Duration;

use evloop::{Server, StreamReader, StreamWriter, timeout};

async fn handle(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        let client = writer.peer_addr()?;
        let message = format!("{client} Your msg {}", String::from_utf8_lossy(&data));
        writer.write(message.as_bytes())?;
        writer.drain().await?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = match env::args().nth(1) {
        Some(port) => port.parse().map_err(|_| "the port is a number from 0 to 65535")?,
        None => 9999,
    };
    let event_loop = evloop::get_event_loop()?;
    let server = evloop::start_server(handle, ("127.0.0.1", port));
    let server = event_loop.run_until_complete(server)??;
    println!("{server:?}");

    event_loop.run_forever()?; // until Ctrl-C
    event_loop.run_until_complete(end(server))?;
    event_loop.close()?;
    Ok(())
}

/// No new client; the old ones get what was written to them, if they read it within a second.
async fn end(server: Server) {
    server.close();
    server.close_clients();
    if timeout(Duration::from_secs(1), server.wait_closed()).await.is_err() {
        server.abort_clients();
    }
    evloop::yield_now().await; // the handlers see the end of their connections
}
