//! The echo server as a protocol: no task and no `await`; the transport calls, and the answer is
//! written before the call returns. This is what `tcp_echo` stands on.

use std::env;
use std::error::Error;

use evloop::{Protocol, Transport};

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
    let port = env::args().nth(1).map_or(Ok(9999), |port| port.parse())?;
    let event_loop = evloop::get_event_loop()?;
    let server = event_loop.create_server(|| Echo, ("127.0.0.1", port));
    let server = event_loop.run_until_complete(server)??;
    println!("{server:?}");

    event_loop.run_forever()?; // until Ctrl-C
    server.close();
    server.close_clients();
    event_loop.run_until_complete(async move { server.wait_closed().await })?;
    event_loop.close()?;
    Ok(())
}
