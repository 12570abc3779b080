//! Servers: what they listen on, how they end, and what happens when descriptors run out. (SRV)

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use evloop::{Address, EventLoop, ManualClock, Server};

use crate::fake::{Answer, Scripted};
use crate::support::{Call, Echo, Log, Recorder, off_loop, on_loop, read_to_end, reporting};

const LOOPBACK: (&str, u16) = ("127.0.0.1", 0);

async fn recording(log: &Log) -> (Server, SocketAddr) {
    let event_loop = evloop::get_running_loop().unwrap();
    let log = log.clone();
    let server = event_loop.create_server(move || Recorder::new(&log), LOOPBACK).await.unwrap();
    let address = server.sockets()[0].local_addr();
    (server, address)
}

#[test]
fn srv_01_port_0_gives_a_port_and_sockets_lists_what_it_listens_on() {
    on_loop(|event_loop| async move {
        let server = event_loop.create_server(|| Echo, LOOPBACK).await.unwrap();
        let sockets = server.sockets();
        assert!(server.is_serving());
        assert_ne!(sockets[0].local_addr().port(), 0);
        let shown = format!("{server:?}");
        let address = sockets[0].local_addr();
        let fd = sockets[0].as_raw_fd();
        let expected = format!(
            "<Server sockets=[<socket fd={fd}, family=AF_INET, type=SOCK_STREAM, laddr={address}>]>"
        );
        assert_eq!(shown, expected);
        server.close();
    });
}

#[test]
fn srv_02_a_server_that_is_not_to_serve_accepts_nothing_until_it_is() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let made = log.clone();
        let server = event_loop.create_server(move || Recorder::new(&made), LOOPBACK);
        let server = server.start_serving(false).await.unwrap();
        assert!(!server.is_serving());
        let _peer = TcpStream::connect(server.sockets()[0].local_addr()).unwrap();
        for _ in 0..5 {
            evloop::sleep(std::time::Duration::ZERO).await;
        }
        assert_eq!(log.lines(), [""; 0]);
        server.start_serving().unwrap();
        server.start_serving().unwrap();
        assert!(server.is_serving());
        log.until("made").await;
        server.close();
        assert_eq!(server.start_serving().unwrap_err().kind(), ErrorKind::InvalidInput);
        server.abort_clients();
        server.wait_closed().await;
    });
}

#[test]
fn srv_02_serve_forever_begins_to_accept_ends_with_the_server_and_dropped_closes_it() {
    on_loop(|event_loop| async move {
        let serving = |server: Server| async move { server.serve_forever().await };
        let server = event_loop.create_server(|| Echo, LOOPBACK).start_serving(false);
        let server = server.await.unwrap();
        let task = event_loop.create_task(serving(server.clone()));
        evloop::yield_now().await;
        assert!(server.is_serving());
        server.close();
        task.await.unwrap().unwrap();

        let server = event_loop.create_server(|| Echo, LOOPBACK).await.unwrap();
        let task = event_loop.create_task(serving(server.clone()));
        evloop::yield_now().await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(!server.is_serving());
    });
}

#[test]
fn srv_04_close_stops_listening_at_once_and_leaves_connections_alone() {
    on_loop(|event_loop| async move {
        let server = event_loop.create_server(|| Echo, LOOPBACK).await.unwrap();
        let sockets = server.sockets();
        let address = sockets[0].local_addr();
        let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
        writer.write(b"1").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"1");
        server.close();
        server.close();
        assert!(server.sockets().is_empty() && !server.is_serving());
        assert_eq!(sockets[0].as_raw_fd(), -1);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        writer.write(b"2").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"2");
        drop((reader, writer));
        server.wait_closed().await;
    });
}

#[test]
fn srv_04_close_while_connections_wait_to_be_accepted_makes_no_protocol() {
    on_loop(|_| async {
        let log = Log::default();
        let (server, address) = recording(&log).await;
        let peers: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
        server.close();
        server.wait_closed().await;
        assert_eq!(log.lines(), [""; 0]);
        drop(peers);
    });
}

#[test]
fn srv_04_a_factory_may_close_its_own_server() {
    on_loop(|event_loop| async move {
        let slot: Rc<std::cell::OnceCell<Server>> = Rc::default();
        let own = slot.clone();
        let factory = move || {
            own.get().unwrap().close();
            Echo
        };
        let server = event_loop.create_server(factory, LOOPBACK).await.unwrap();
        let address = server.sockets()[0].local_addr();
        slot.set(server.clone()).unwrap();
        let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x", "this one is served");
        drop((reader, writer));
        server.wait_closed().await;
    });
}

#[test]
fn srv_05_wait_closed_waits_for_the_close_and_for_the_last_connection() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let (server, address) = recording(&log).await;
        let (waiting, waited) = (server.clone(), log.clone());
        let waiter = event_loop.create_task(async move {
            waiting.wait_closed().await;
            waited.push("waited");
        });
        let peer = TcpStream::connect(address).unwrap();
        log.until("made").await;
        assert_eq!(server.connections(), 1);
        server.close();
        for _ in 0..5 {
            evloop::yield_now().await;
        }
        assert!(!log.has("waited"));
        drop(peer);
        waiter.await.unwrap();
        assert_eq!(log.lines(), ["made", "eof", "lost", "waited"]);
        server.wait_closed().await;
    });
}

#[test]
fn srv_06_close_clients_sends_what_is_unsent_and_abort_clients_does_not() {
    for (abort, received) in [(false, &b"farewell"[..]), (true, &b""[..])] {
        let sockets = Scripted::sending([Answer::Fail(libc::EAGAIN)]);
        let builder = EventLoop::builder().sockets(sockets);
        let ((), reports) = reporting(builder, move |event_loop| async move {
            let log = Log::default();
            let made = log.clone();
            let factory = move || {
                Recorder::reacting(&made, |call, transport| {
                    if call == Call::Made {
                        transport.write(b"farewell").unwrap();
                        transport.pause_reading();
                    }
                    false
                })
            };
            let server = event_loop.create_server(factory, LOOPBACK).await.unwrap();
            let peer = TcpStream::connect(server.sockets()[0].local_addr()).unwrap();
            log.until("made").await;
            server.close();
            if abort {
                server.abort_clients()
            } else {
                server.close_clients()
            }
            server.wait_closed().await;
            assert_eq!(read_to_end(&peer), received);
        });
        assert_eq!(reports, [""; 0]);
    }
}

#[test]
fn srv_08_each_address_is_bound_once_and_the_empty_name_is_every_interface() {
    on_loop(|event_loop| async move {
        let twice: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let server = event_loop.create_server(|| Echo, vec![twice, twice]).await.unwrap();
        assert_eq!(server.sockets().len(), 1);
        server.close();
        let server = event_loop.create_server(|| Echo, ("", 0)).await.unwrap();
        let bound: Vec<_> = server.sockets().iter().map(|s| s.local_addr().ip()).collect();
        assert!(bound.iter().all(|ip| ip.is_unspecified()) && !bound.is_empty());
        assert!(bound.iter().filter(|ip| ip.is_ipv4()).count() <= 1);
        server.close();
    });
}

#[test]
fn srv_09_an_address_that_cannot_be_bound_closes_the_others_and_is_named() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |event_loop| async move {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = (taken.local_addr().unwrap(), taken);
        let addresses = vec!["127.0.0.1:0".parse().unwrap(), taken.0];
        let error = event_loop.create_server(|| Echo, addresses).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = format!("error while attempting to bind on address {}", taken.0);
        assert!(error.to_string().starts_with(&text), "{error}");
    });
    assert_eq!((sockets.0.open.get(), reports), (0, vec![]));
}

#[test]
fn srv_09_a_name_for_an_address_this_machine_lacks_is_served_on_the_others_a_bare_one_is_not() {
    on_loop(|event_loop| async move {
        // For documentation alone (RFC 5737), so no interface has it.
        let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
        let error = event_loop.create_server(|| Echo, foreign).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
        let none = event_loop.create_server(|| Echo, Vec::new()).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn srv_10_a_socket_that_is_no_stream_is_refused_and_a_listening_one_is_served() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |event_loop| async move {
        let datagrams = OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        let error = event_loop.create_server(|| Echo, datagrams).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("stream"), "{error}");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = event_loop.create_server(|| Echo, listener).await.unwrap();
        assert_eq!(server.sockets()[0].local_addr(), address);
        let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
        drop((reader, writer));
        server.close();
        server.wait_closed().await;
    });
    assert_eq!((sockets.0.open.get(), reports), (0, vec![]));
}

#[test]
fn srv_11_two_servers_share_a_port_only_if_both_ask_for_it() {
    on_loop(|event_loop| async move {
        let server = |address: SocketAddr, share| {
            event_loop.create_server(|| Echo, address).reuse_port(share)
        };
        let first = server("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
        let address = first.sockets()[0].local_addr();
        let second = server(address, true).await.unwrap();
        let error = server(address, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        first.close();
        second.close();
    });
}

#[test]
fn connections_have_keep_alive_only_if_their_server_says_so() {
    for keep_alive in [true, false] {
        on_loop(|_| async move {
            let (told, came) = evloop::sync::oneshot();
            let told = std::cell::RefCell::new(Some(told));
            let handler = move |_: evloop::StreamReader, writer: evloop::StreamWriter| {
                let option =
                    writer.transport().getsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE).unwrap();
                let told = told.take();
                async move { assert_eq!(told.map(|told| told.send(option)), Some(Ok(()))) }
            };
            let server = evloop::start_server(handler, ("127.0.0.1", 0)).keep_alive(keep_alive);
            let server = server.await.unwrap();
            let address = server.sockets()[0].local_addr();
            let peer = evloop::open_connection(address).await.unwrap();
            assert_eq!(came.await.unwrap() != 0, keep_alive);
            drop(peer);
            server.close();
            server.wait_closed().await;
        });
    }
}

/// OpenBSD and DragonFly have no sockets for both families.
#[cfg(not(any(target_os = "openbsd", target_os = "dragonfly")))]
#[test]
fn an_ipv6_server_takes_ipv4_connections_only_if_v6_only_is_off() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    for v6_only in [true, false] {
        on_loop(|event_loop| async move {
            let any = SocketAddr::from(([0_u16; 8], 0));
            let server = event_loop.create_server(|| Echo, any).v6_only(v6_only).await.unwrap();
            let port = server.sockets()[0].local_addr().port();
            let four = evloop::open_connection(("127.0.0.1", port)).await;
            assert_eq!(four.is_err(), v6_only);
            drop(four);
            server.close();
            server.wait_closed().await;
        });
    }
}

#[test]
fn srv_12_a_server_whose_every_name_is_dropped_serves_on() {
    let event_loop = EventLoop::new().unwrap();
    let ((), report) = {
        let log = Log::default();
        let running = event_loop.clone();
        let test = async move {
            let (server, address) = recording(&log).await;
            drop(server);
            let _peer = TcpStream::connect(address).unwrap();
            log.until("made").await;
            drop(running);
        };
        (event_loop.run_until_complete(test).unwrap(), event_loop.close().unwrap())
    };
    assert!(!report.is_clean(), "the server and its connection were still there");
}

#[test]
fn srv_14_an_accepted_socket_from_elsewhere_becomes_a_transport() {
    on_loop(|event_loop| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let transport = event_loop.create_connection(|| Echo, accepted).await.unwrap();
        assert_eq!(transport.peer_addr().unwrap(), peer.local_addr().unwrap());
        peer.write_all(b"x").unwrap();
        let echoed = off_loop(move || {
            let mut byte = [0];
            peer.read_exact(&mut byte).unwrap();
            byte
        });
        assert_eq!(&echoed.await, b"x");
    });
}

#[test]
fn srv_15_25_clients_exchange_2_mib_each_at_once() {
    const EACH: usize = 2 << 20;
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |event_loop| async move {
        let server = event_loop.create_server(|| Echo, LOOPBACK).await.unwrap();
        let listening = server.sockets();
        let address = listening[0].local_addr();
        let client = |number: u8| async move {
            let (mut reader, mut writer) = evloop::open_connection(address).await?;
            let piece = vec![number; 64 * 1024];
            for _ in 0..EACH / piece.len() {
                writer.write(&piece)?;
                writer.drain().await?;
                let back = reader.readexactly(piece.len()).await?;
                assert!(back == piece);
            }
            writer.write_eof();
            assert_eq!(reader.read_to_end().await?, b"");
            std::io::Result::Ok(())
        };
        let tasks: Vec<_> = (0..25).map(|n| event_loop.create_task(client(n))).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        server.close();
        server.wait_closed().await;
        assert_eq!(listening[0].as_raw_fd(), -1);
        assert!(!server.is_serving());
    });
    assert_eq!((sockets.0.open.get(), reports), (0, vec![]));
}

#[test]
fn a_factory_that_panics_costs_its_own_connection_only() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |event_loop| async move {
        let first = std::cell::Cell::new(true);
        let factory = move || {
            assert!(!first.replace(false), "no such luck");
            Echo
        };
        let server = event_loop.create_server(factory, LOOPBACK).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, _writer) = evloop::open_connection(address).await.unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
        server.close();
        server.abort_clients();
        server.wait_closed().await;
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("The protocol factory of the server on 127.0.0.1"));
    assert_eq!(sockets.0.open.get(), 0);
}

/// A server whose first `accept` fails so, and one client; gives how often it was asked until the
/// client was served, what was reported, and how much (virtual) time passed.
fn accepting_after(failure: i32) -> (usize, Vec<String>, u64) {
    let (sockets, clock) = (Scripted::default(), ManualClock::new());
    sockets.0.accepts.borrow_mut().push_back(Answer::Fail(failure));
    let builder = EventLoop::builder().sockets(sockets.clone()).virtual_time(clock.clone());
    let script = sockets.0.clone();
    let (passed, reports) = reporting(builder, move |event_loop| async move {
        let log = Log::default();
        let (server, address) = recording(&log).await;
        let _peer = TcpStream::connect(address).unwrap();
        let began = event_loop.time();
        log.until("made").await;
        let passed = event_loop.time() - began;
        server.close();
        server.abort_clients();
        server.wait_closed().await;
        passed.as_secs()
    });
    assert_eq!(sockets.0.open.get(), 0);
    (script.accept_calls.get(), reports, passed)
}

#[test]
fn exc_11_a_listener_out_of_descriptors_rests_a_second_and_does_not_spin() {
    for failure in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
        let (calls, reports, passed) = accepting_after(failure);
        assert_eq!((calls, reports.len(), passed), (3, 1, 1));
        assert!(reports[0].contains("out of system resource"), "{reports:?}");
    }
}

#[test]
fn a_listener_that_cannot_accept_at_all_rests_too() {
    let (calls, reports, passed) = accepting_after(libc::EINVAL);
    assert_eq!((calls, reports.len(), passed), (3, 1, 1));
    assert!(reports[0].starts_with("Accept failed on a socket that listens on 127.0.0.1"));
}

#[test]
fn a_connection_that_is_gone_before_it_is_accepted_is_nobodys_fault() {
    for failure in [libc::ECONNABORTED, libc::EPROTO, libc::ENETDOWN] {
        assert_eq!(accepting_after(failure), (3, vec![], 0));
    }
}

#[test]
fn a_server_closed_while_its_listener_rests_stays_closed() {
    let (sockets, clock) = (Scripted::default(), ManualClock::new());
    sockets.0.accepts.borrow_mut().push_back(Answer::Fail(libc::EMFILE));
    let builder = EventLoop::builder().sockets(sockets.clone()).virtual_time(clock);
    let ((), reports) = reporting(builder, |event_loop| async move {
        let log = Log::default();
        let (server, address) = recording(&log).await;
        let _peer = TcpStream::connect(address).unwrap();
        while event_loop.counters().exceptions == 0 {
            evloop::yield_now().await;
        }
        server.close();
        evloop::sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(log.lines(), [""; 0]);
    });
    assert_eq!((reports.len(), sockets.0.open.get()), (1, 0));
}

#[test]
fn an_address_may_be_given_as_itself() {
    on_loop(|event_loop| async move {
        let address = Address::Host(String::from("127.0.0.1"), 0);
        let server = event_loop.create_server(|| Echo, address).await.unwrap();
        assert_eq!(server.sockets().len(), 1);
        server.close();
        let error = event_loop.create_server(|| Echo, "no port").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
