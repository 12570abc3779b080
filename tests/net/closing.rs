//! A loop that is closed, or dropped, while connections live: everything is let go, once.

use std::rc::Rc;

use evloop::{EventLoop, StreamReader, StreamWriter, Transport};

use crate::fake::Scripted;
use crate::support::{Call, Echo, Log, Recorder, ends, off_loop, pair, read_to_end};

/// Builds a loop, has `live` leave connections alive in it, ends the loop by `end`, and checks that
/// no descriptor and no `token` is left.
fn left_alive<F>(end: fn(EventLoop), live: impl FnOnce(EventLoop, Rc<()>) -> F)
where
    F: Future<Output: Sized> + 'static,
{
    let (sockets, token) = (Scripted::default(), Rc::new(()));
    let event_loop = EventLoop::builder().sockets(sockets.clone()).build().unwrap();
    let alive = event_loop.run_until_complete(live(event_loop.clone(), token.clone())).unwrap();
    end(event_loop);
    drop(alive);
    assert_eq!(sockets.0.open.get(), 0, "each descriptor is closed, and closed once");
    assert_eq!(Rc::strong_count(&token), 1, "everything captured is dropped");
}

fn close(event_loop: EventLoop) {
    assert!(!event_loop.close().unwrap().is_clean());
}

const ENDS: [fn(EventLoop); 2] = [close, drop::<EventLoop>];

fn holding(log: &Log, token: Rc<()>) -> Recorder {
    Recorder::reacting(log, move |_, _| {
        let _held = &token;
        false
    })
}

#[test]
fn a_transport_outlives_its_loop_and_does_nothing() {
    for end in ENDS {
        left_alive(end, |_, token| async {
            let log = Log::default();
            let (transport, peer) = pair(holding(&log, token)).await;
            transport.set_write_buffer_limits(Some(0), None).unwrap();
            UseAtTheEnd { transport, log, _peer: peer }
        });
    }
}

/// Uses a transport whose loop is gone.
struct UseAtTheEnd {
    transport: Transport,
    log: Log,
    _peer: std::net::TcpStream,
}

impl Drop for UseAtTheEnd {
    fn drop(&mut self) {
        self.transport.write(b"x").unwrap();
        self.transport.pause_reading();
        self.transport.resume_reading();
        self.transport.write_eof();
        self.transport.close();
        self.transport.abort();
        assert!(self.transport.is_closing() && !self.transport.is_reading());
        self.transport.peer_addr().unwrap();
        self.transport.local_addr().unwrap();
        assert_eq!(self.log.lines(), ["made"], "connection_lost is not called, as in asyncio");
    }
}

#[test]
fn a_protocol_that_uses_its_transport_while_the_loop_drops_it_does_no_harm() {
    struct Clinging {
        transport: Option<Transport>,
        _token: Rc<()>,
    }
    impl evloop::Protocol for Clinging {
        fn connection_made(&mut self, transport: &Transport) {
            self.transport = Some(transport.clone());
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }
    impl Drop for Clinging {
        fn drop(&mut self) {
            let transport = self.transport.take().unwrap();
            transport.write(b"last words").unwrap();
            transport.resume_reading();
            transport.abort();
        }
    }
    for end in ENDS {
        left_alive(end, |_, token| async {
            pair(Clinging { transport: None, _token: token }).await.1
        });
    }
}

#[test]
fn a_closing_transport_whose_connection_lost_never_comes_is_let_go() {
    left_alive(drop::<EventLoop>, |_, token| async {
        let (transport, peer) = pair(holding(&Log::default(), token)).await;
        transport.close();
        peer
    });
}

#[test]
fn a_server_and_its_connections_are_let_go_also_if_the_factory_holds_the_server() {
    for end in ENDS {
        left_alive(end, |event_loop, token| async move {
            let slot: Rc<std::cell::OnceCell<evloop::Server>> = Rc::default();
            let (own, log) = (slot.clone(), Log::default());
            let made = log.clone();
            let factory = move || {
                assert!(own.get().is_some_and(evloop::Server::is_serving));
                holding(&made, token.clone())
            };
            let server = event_loop.create_server(factory, ("127.0.0.1", 0)).await.unwrap();
            let address = server.sockets()[0].local_addr();
            slot.set(server).unwrap();
            let peer = std::net::TcpStream::connect(address).unwrap();
            log.until("made").await;
            peer
        });
    }
}

#[test]
fn tasks_that_read_and_write_streams_are_let_go() {
    for end in ENDS {
        left_alive(end, |event_loop, token| async move {
            let (log, held) = (Log::default(), token.clone());
            let began = log.clone();
            let handler = move |mut reader: StreamReader, mut writer: StreamWriter| {
                let (token, began) = (held.clone(), began.clone());
                async move {
                    let _held = token;
                    began.push("began");
                    writer.write(b"hello").unwrap();
                    reader.read(1).await.map(drop)
                }
            };
            let server = evloop::start_server(handler, ("127.0.0.1", 0)).await.unwrap();
            let address = server.sockets()[0].local_addr();
            let mut ours = evloop::open_connection(address).await.unwrap();
            let client = event_loop.create_task(async move {
                let _held = token;
                ours.0.readexactly(1000).await.map(drop)
            });
            log.until("began").await;
            drop(client);
        });
    }
}

#[test]
fn an_attempt_to_connect_and_a_lookup_under_way_are_let_go() {
    left_alive(drop::<EventLoop>, |event_loop, token| async move {
        // 192.0.2.0/24 is for documentation (RFC 5737): nobody answers, or nobody is reached.
        for address in ["192.0.2.1:9", "evloop.invalid:9"] {
            let token = token.clone();
            drop(event_loop.create_task(async move {
                let _held = token;
                drop(evloop::open_connection(address).await);
            }));
        }
        evloop::yield_now().await;
    });
}

#[test]
fn what_a_closed_loop_dropped_is_an_end_of_file_to_the_peer() {
    let event_loop = EventLoop::new().unwrap();
    let (ours, peer) = ends();
    let connecting = event_loop.create_connection(|| Echo, ours);
    let transport = event_loop.run_until_complete(connecting).unwrap().unwrap();
    event_loop.close().unwrap();
    assert_eq!(read_to_end(&peer), b"");
    drop(transport);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let (sockets, token) = (Scripted::default(), Rc::new(()));
    let builder = EventLoop::builder().sockets(sockets.clone());
    let held = token.clone();
    let ((), reports) = crate::support::reporting(builder, move |event_loop| async move {
        let log = Log::default();
        let made = log.clone();
        let factory = move || {
            let token = held.clone();
            Recorder::reacting(&made, move |call, transport| {
                let _held = &token;
                if let Call::Data(data) = call {
                    transport.write(data).unwrap();
                }
                false
            })
        };
        let server = event_loop.create_server(factory, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        for _ in 0..50 {
            let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
            writer.write(b"x").unwrap();
            assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
        }
        log.until_that(|log| log.lines().iter().filter(|line| *line == "lost").count() == 50).await;
        assert_eq!(server.connections(), 0);
        server.close();
        server.wait_closed().await;
        off_loop(|| ()).await;
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!((sockets.0.open.get(), Rc::strong_count(&token)), (0, 1));
}
