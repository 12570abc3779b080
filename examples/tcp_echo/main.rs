//! The tutorial's echo server, as a coroutine: one task for each client, which reads like a program
//! with one client. Its twins: `echo_protocol` and `echo_state_machine`.

use std::env;
use std::error::Error;
use std::io;

use evloop::{StreamReader, StreamWriter};

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
    let port = env::args().nth(1).map_or(Ok(9999), |port| port.parse())?;
    let event_loop = evloop::get_event_loop()?;
    let server = evloop::start_server(handle, ("127.0.0.1", port));
    let server = event_loop.run_until_complete(server)??;
    println!("{server:?}");

    event_loop.run_forever()?; // until Ctrl-C
    server.close();
    server.close_clients();
    event_loop.run_until_complete(async move { server.wait_closed().await })?;
    event_loop.close()?;
    Ok(())
}
