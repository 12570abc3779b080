//! Processes and coroutines go together: an echo server and a web application, both on two cores.
//! Coroutines share a core among many clients; processes share the cores.

use std::io;
use std::net::SocketAddr;

use evloop::web::{Application, Request, Response};
use evloop::workers::{WorkerEvent, reserve_port};
use evloop::{StreamReader, StreamWriter, Worker, start_server, workers};

/// One coroutine a client.
async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
}

/// Who has answered?
async fn index(_: Request) -> Response {
    Response::text(format!("process {}\n", std::process::id()))
}

/// One process: its own loop, its own listening sockets on the ports of all.
async fn work(worker: Worker, echo_at: SocketAddr, web_at: SocketAddr) -> io::Result<()> {
    let echoes = start_server(echo, echo_at).reuse_port(true).await?;
    let mut app = Application::new();
    app.router().add_get("/", index);
    let web = app.serve(web_at).reuse_port(true).await?;
    worker.serve(&web).await?; // until SIGTERM; then it answers what it was asked
    echoes.close();
    echoes.close_clients();
    echoes.wait_closed().await;
    Ok(())
}

fn tell(event: &WorkerEvent) {
    match event {
        WorkerEvent::AllReady => println!("two workers are ready"),
        event if event.is_bad() => println!("{event}"),
        _ => {}
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `workers 9999 9977` for ports that are known; else the kernel chooses.
    let known = |port: String| port.parse().map_err(|_| format!("{port:?} is no port: 0 to 65535"));
    let mut ports = std::env::args().skip(1).map(known);
    let mut port = || ports.next().unwrap_or(Ok(0));
    let echo_port = reserve_port(([127, 0, 0, 1], port()?))?;
    let web_port = reserve_port(([127, 0, 0, 1], port()?))?;
    let (echo_at, web_at) = (echo_port.address(), web_port.address());
    println!("echo {echo_at}");
    println!("web http://{web_at}/");

    let report = workers(2).on_event(tell).run(move |worker| work(worker, echo_at, web_at))?;
    println!("{:?}; {} restarted, {} killed", report.ended, report.restarts, report.killed);
    Ok(())
}
