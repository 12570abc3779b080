//! Protocols and streams, with a server and a client on one loop.

use std::io;
use std::net::SocketAddr;

use evloop::{
    LoopFuture, Protocol, ReadError, Server, StreamReader, StreamWriter, Transport,
    get_running_loop, open_connection, run, start_server,
};

use crate::log::Log;

fn future<T>() -> LoopFuture<T> {
    get_running_loop().unwrap().create_future()
}

fn address(server: &Server) -> SocketAddr {
    server.sockets()[0].local_addr()
}

async fn close(server: Server) {
    server.close();
    server.wait_closed().await;
}

struct Notes {
    log: Log,
    name: &'static str,
    ended: LoopFuture<()>,
}

impl Protocol for Notes {
    fn connection_made(&mut self, _: &Transport) {
        say!(self.log, self.name, "made");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        say!(self.log, self.name, "data", String::from_utf8_lossy(data).into_owned());
    }

    fn eof_received(&mut self, _: &Transport) -> bool {
        say!(self.log, self.name, "eof");
        false
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        say!(self.log, self.name, "lost", format!("{error:?}"));
        self.ended.set_result(()).unwrap();
    }
}

pub fn protocol_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let ended = future::<()>();
        let notes = ended.clone();
        let protocol = move || Notes { log: log.clone(), name: "server", ended: notes.clone() };
        let event_loop = get_running_loop().unwrap();
        let server = event_loop.create_server(protocol, ("127.0.0.1", 0)).await.unwrap();
        let (_reader, mut writer) = open_connection(address(&server)).await.unwrap();
        writer.write(b"hello").unwrap();
        writer.close();
        (&ended).await.unwrap();
        close(server).await;
    };
    run(main).unwrap();
}

struct Client {
    log: Log,
    ended: LoopFuture<()>,
}

impl Protocol for Client {
    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, error: Option<io::Error>) {
        say!(self.log, "lost", format!("{error:?}"));
        self.ended.set_result(()).unwrap();
    }
}

pub fn close_is_told_later(log: &Log) {
    let log = log.clone();
    let main = async move {
        let (ended, read) = (future::<()>(), future::<Vec<u8>>());
        let all = read.clone();
        let handler = move |mut reader: StreamReader, mut writer: StreamWriter| {
            let all = all.clone();
            async move {
                all.set_result(reader.read_to_end().await.unwrap()).unwrap();
                writer.close();
            }
        };
        let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let event_loop = get_running_loop().unwrap();
        let client = Client { log: log.clone(), ended: ended.clone() };
        let connection = event_loop.create_connection(move || client, address(&server));
        let transport = connection.await.unwrap();
        transport.write(b"last words").unwrap();
        transport.close();
        say!(log, "closing", transport.is_closing());
        event_loop.call_soon(log.note("a callback after it")).unwrap();
        (&ended).await.unwrap();
        transport.close();
        say!(log, (&read).await.unwrap());
        close(server).await;
    };
    run(main).unwrap();
}

pub fn half_close(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let handler = move |mut reader: StreamReader, mut writer: StreamWriter| {
            let told = told.clone();
            async move {
                say!(told, "server read", reader.read_to_end().await.unwrap());
                writer.write(b"answer").unwrap();
                writer.close();
                writer.wait_closed().await.unwrap();
            }
        };
        let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let (mut reader, mut writer) = open_connection(address(&server)).await.unwrap();
        writer.write(b"ques").unwrap();
        writer.write(b"tion").unwrap();
        writer.write_eof();
        say!(log, "client read", reader.read_to_end().await.unwrap());
        say!(log, reader.at_eof());
        writer.close();
        writer.wait_closed().await.unwrap();
        close(server).await;
    };
    run(main).unwrap();
}

pub fn stream_reads(log: &Log) {
    let log = log.clone();
    let main = async move {
        let handler = |_: StreamReader, mut writer: StreamWriter| async move {
            writer.write(b"first\nsecond\r\nabcdefg;rest").unwrap();
            writer.close();
        };
        let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let (mut reader, mut writer) = open_connection(address(&server)).await.unwrap();
        say!(log, reader.readline().await.unwrap());
        say!(log, reader.readline().await.unwrap());
        say!(log, reader.readexactly(4).await.unwrap());
        say!(log, reader.readuntil(b";").await.unwrap());
        let read = reader.readexactly(10).await;
        if let Err(ReadError::IncompleteRead { partial, expected }) = read {
            say!(log, "incomplete", partial, expected.unwrap());
        }
        say!(log, reader.read(10).await.unwrap(), reader.at_eof());
        writer.close();
        writer.wait_closed().await.unwrap();
        close(server).await;
    };
    run(main).unwrap();
}

struct Writes {
    log: Log,
    resumed: LoopFuture<()>,
}

impl Protocol for Writes {
    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn pause_writing(&mut self, _: &Transport) {
        self.log.say("pause");
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.log.say("resume");
        self.resumed.set_result(()).unwrap();
    }
}

pub fn writing_is_paused(log: &Log) {
    let log = log.clone();
    let main = async move {
        let (resumed, accepted) = (future::<()>(), future::<()>());
        let ends = std::rc::Rc::new(std::cell::RefCell::new(None));
        let (taken, there) = (ends.clone(), accepted.clone());
        let handler = move |reader: StreamReader, writer: StreamWriter| {
            taken.replace(Some((reader, writer)));
            there.set_result(()).unwrap();
            async {}
        };
        let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let client = Writes { log: log.clone(), resumed: resumed.clone() };
        let event_loop = get_running_loop().unwrap();
        let connection = event_loop.create_connection(move || client, address(&server));
        let transport = connection.await.unwrap();
        (&accepted).await.unwrap();
        let (mut reader, mut writer) = ends.take().unwrap();
        log.say(format!("{:?}", transport.get_write_buffer_limits()));
        transport.write(&vec![0; 16_000_000]).unwrap();
        log.say("written");
        transport.close();
        say!(log, reader.read_to_end().await.unwrap().len(), resumed.done());
        writer.close();
        close(server).await;
    };
    run(main).unwrap();
}
