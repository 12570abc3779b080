//: smol = "2"
use smol::{LocalExecutor, Timer, io::copy, net::TcpListener};
use std::{io, time::Duration};

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let tasks = LocalExecutor::new();
    smol::block_on(tasks.run(async {
        let hello = async {
            Timer::after(Duration::from_millis(100)).await;
            println!("hello");
        };
        tasks.spawn(hello).detach();
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tasks.spawn(async move { copy(stream.clone(), stream).await }).detach();
        }
    }))
}
