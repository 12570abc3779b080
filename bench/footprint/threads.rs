// The standard library alone, a thread for each connection: what a loop is measured against.
use std::{io, net::TcpListener, thread, time::Duration};

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    thread::spawn(|| {
        thread::sleep(Duration::from_millis(100));
        println!("hello");
    });
    for stream in TcpListener::bind(format!("127.0.0.1:{port}"))?.incoming() {
        let stream = stream?;
        thread::spawn(move || io::copy(&mut &stream, &mut &stream));
    }
    Ok(())
}
