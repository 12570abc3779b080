//! Protocols that receive into memory of their own. (TRANSP-26, TRANSP-27)

use std::io::Write;

use evloop::{Protocol, Transport};

use crate::support::{Log, ends, on_loop};

/// Has a few bytes of memory, and notes what came into it.
struct Small {
    memory: Vec<u8>,
    received: usize,
    log: Log,
}

impl Protocol for Small {
    fn is_buffered(&self) -> bool {
        true
    }
    fn get_buffer(&mut self, _: usize) -> &mut [u8] {
        &mut self.memory
    }
    fn buffer_updated(&mut self, _: &Transport, count: usize) {
        let expected = (self.received..).take(count).map(|number| number as u8);
        assert!(self.memory[..count].iter().copied().eq(expected));
        self.received += count;
        if self.received == 9 * 1024 {
            self.log.push("all");
        }
    }
    fn data_received(&mut self, _: &Transport, _: &[u8]) {
        self.log.push("data_received");
    }
    fn connection_lost(&mut self, error: Option<std::io::Error>) {
        self.log
            .push(format!("lost {}", error.map_or(String::from("in order"), |e| e.to_string())));
    }
}

async fn connected(size: usize, log: &Log) -> (Transport, std::net::TcpStream) {
    let (ours, peer) = ends();
    let event_loop = evloop::get_running_loop().unwrap();
    let protocol = Small { memory: vec![0; size], received: 0, log: log.clone() };
    (event_loop.create_connection(move || protocol, ours).await.unwrap(), peer)
}

#[test]
fn transp_26_an_empty_buffer_aborts_the_connection_with_an_error_that_says_so() {
    on_loop(|_| async {
        let log = Log::default();
        let (_transport, mut peer) = connected(0, &log).await;
        peer.write_all(b"x").unwrap();
        log.until("lost get_buffer() gave no memory").await;
        assert_eq!(log.lines().len(), 1, "{:?}", log.lines());
    });
}

#[test]
fn transp_27_all_bytes_come_in_order_through_a_buffer_of_100() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, mut peer) = connected(100, &log).await;
        let bytes: Vec<u8> = (0..9 * 1024).map(|number| number as u8).collect();
        peer.write_all(&bytes).unwrap();
        log.until("all").await;
        transport.close();
        log.until("lost in order").await;
        assert_eq!(log.lines(), ["all", "lost in order"]);
    });
}
