//: evloop = { path = "@", default-features = false }
use evloop::{EventLoop, StreamReader, StreamWriter, start_server};
use std::{error::Error, future::IntoFuture, io, time::Duration};

async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(16 * 1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).expect("a port").parse()?;
    let event_loop = EventLoop::new()?;
    event_loop.call_later(Duration::from_millis(100), || println!("hello"))?;
    let _server = event_loop.run_until_complete(start_server(echo, ("127.0.0.1", port)).into_future())??;
    event_loop.run_forever()?;
    Ok(())
}
