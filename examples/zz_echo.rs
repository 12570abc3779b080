use evloop::*;
struct Echo;
impl Protocol for Echo {
    fn data_received(&mut self, t: &Transport, d: &[u8]) {
        let _ = t.write(d);
    }
}
async fn handle(mut r: StreamReader, mut w: StreamWriter) -> std::io::Result<()> {
    let mut buf = vec![0u8; 4096];
    loop {
        let n = r.read_into(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        w.write(&buf[..n])?;
        w.drain().await?;
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let port: u16 = a[1].parse().unwrap();
    let el = get_event_loop().unwrap();
    let s = match a[2].as_str() {
        "protocol" => {
            let c = el.create_server(|| Echo, ("127.0.0.1", port)).backlog(4096);
            el.run_until_complete(c)
        }
        _ => el.run_until_complete(start_server(handle, ("127.0.0.1", port)).backlog(4096)),
    }
    .unwrap()
    .unwrap();
    println!("{s:?}");
    el.run_forever().unwrap();
}
