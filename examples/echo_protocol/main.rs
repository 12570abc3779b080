//! The echo server as a protocol: no task and no `await`; the transport calls, and the answer is
//! written before the call returns. This is what `tcp_echo` stands on.

use std::env;
use std::error::Error;
use std::time::Duration;

use evloop::{Protocol, Server, Transport, timeout};

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let Ok(client) = transport.peer_addr() else { return };
        let message = format!("{client} Your msg {}", String::from_utf8_lossy(data));
        // An error would mean that we had finished ourselves.
        let _ = transport.write(message.as_bytes());
    }

    // A client that sends and does not read is not read from either, so that no more than the
    // high-water mark waits for it here.
    fn pause_writing(&mut self, transport: &Transport) {
        transport.pause_reading();
    }

    fn resume_writing(&mut self, transport: &Transport) {
        transport.resume_reading();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = match env::args().nth(1) {
        Some(port) => port.parse().map_err(|_| "the port is a number from 0 to 65535")?,
        None => 9999,
    };
    let event_loop = evloop::get_event_loop()?;
    let server = event_loop.create_server(|| Echo, ("127.0.0.1", port));
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
}
