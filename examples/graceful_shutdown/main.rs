//! A server that ends as a server should: it accepts no more, lets go of idle clients at once, and
//! gives busy ones until a deadline.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use evloop::{StreamReader, StreamWriter, Transport, sleep};

/// Clients that have asked nothing, how many have, and whether the server is ending.
#[derive(Default)]
struct Clients {
    idle: RefCell<HashMap<SocketAddr, Transport>>,
    busy: Cell<u32>,
    ending: Cell<bool>,
}

type Ends = (StreamReader, StreamWriter);

async fn serve(clients: Rc<Clients>, (mut reader, mut writer): Ends) -> io::Result<()> {
    let client = writer.peer_addr()?;
    while !clients.ending.get() {
        clients.idle.borrow_mut().insert(client, writer.transport().clone());
        let question = reader.readline().await?;
        clients.idle.borrow_mut().remove(&client);
        clients.busy.set(clients.busy.get() + 1);
        match question.as_slice() {
            b"" => break,
            b"hard\n" => sleep(Duration::from_secs(10)).await,
            _ => sleep(Duration::from_millis(100)).await,
        }
        writer.write(b"42\n")?;
        writer.drain().await?;
    }
    Ok(())
}

async fn client(name: &str, question: &[u8], server: SocketAddr) -> io::Result<()> {
    let (mut reader, mut writer) = evloop::open_connection(server).await?;
    writer.write(question)?;
    let answer = reader.read_to_end().await?;
    println!("{name} client: {:?}, and the end", String::from_utf8_lossy(&answer));
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let clients = Rc::new(Clients::default());
    let theirs = clients.clone();
    let handler = move |reader, writer| serve(theirs.clone(), (reader, writer));
    let server = evloop::start_server(handler, ("127.0.0.1", 0)).await?;
    let address = server.sockets()[0].local_addr();
    let talks = [("idle", &b""[..]), ("busy", b"easy\n"), ("slow", b"hard\n")];
    let talks = talks.map(|(name, question)| evloop::spawn(client(name, question, address)));
    while clients.busy.get() < 2 || clients.idle.borrow().is_empty() {
        evloop::yield_now().await;
    }
    println!("the server ends, with {} connections", server.connections());
    clients.ending.set(true);
    server.close();
    clients.idle.take().into_values().for_each(|idle| idle.close());
    let late = server.clone();
    evloop::get_running_loop()?.call_later(Duration::from_millis(400), move || {
        println!("the deadline is past");
        late.abort_clients();
    })?;
    for talk in talks {
        talk.await??;
    }
    server.wait_closed().await;
    println!("the server has ended");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    evloop::run(run())?
}
