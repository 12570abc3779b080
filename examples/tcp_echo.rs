//! Step 13: the tutorial's echo server, as a coroutine.

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let event_loop = evloop::get_event_loop()?;
    let server = evloop::start_server(handle, ("127.0.0.1", 9999));
    let server = event_loop.run_until_complete(server)??;
    println!("{server:?}");
    event_loop.run_forever()?;
    server.close();
    event_loop.close()?;
    Ok(())
}
