//: tokio = { version = "1", features = ["rt", "net", "time", "io-util"] }
use std::{io, time::Duration};
use tokio::{io::copy, net::TcpListener, runtime::Builder, time::sleep};

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        tokio::spawn(async {
            sleep(Duration::from_millis(100)).await;
            println!("hello");
        });
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                copy(&mut reader, &mut writer).await
            });
        }
    })
}
