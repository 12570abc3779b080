//! The calls of any socket, awaited. (SOCK)

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use evloop::{EventLoop, LoopError, spawn, timeout};

use crate::support::{Log, Recorder, ends, off_loop, on_loop};

/// Two ends of a connection that do not block.
fn nonblocking() -> (TcpStream, TcpStream) {
    let (ours, peer) = ends();
    ours.set_nonblocking(true).unwrap();
    peer.set_nonblocking(true).unwrap();
    (ours, peer)
}

fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// A socket that is not connected; the standard library has none.
fn unconnected() -> OwnedFd {
    let kind = libc::SOCK_STREAM;
    // SAFETY: socket(2) takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_INET, kind, 0) };
    assert!(fd >= 0);
    // SAFETY: it was just made.
    let socket: OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) };
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true).unwrap();
    stream.into()
}

async fn recv_all(event_loop: &EventLoop, socket: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let some = event_loop.sock_recv(socket, 4096).await.unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

#[test]
fn sock_01_a_whole_http_exchange_goes_over_the_calls_alone() {
    on_loop(|event_loop| async move {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let theirs = event_loop.clone();
        let server = spawn(async move {
            let (socket, peer) = theirs.sock_accept(&listener).await.unwrap();
            let request = theirs.sock_recv(&socket, 1024).await.unwrap();
            assert!(request.starts_with(b"GET / HTTP/1.0\r\n"));
            theirs.sock_sendall(&socket, b"HTTP/1.0 200 OK\r\n\r\nhello").await.unwrap();
            peer
        });
        let client = unconnected();
        event_loop.sock_connect(&client, address).await.unwrap();
        let client = TcpStream::from(client);
        event_loop.sock_sendall(&client, b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let answer = recv_all(&event_loop, &client).await;
        assert_eq!(answer, b"HTTP/1.0 200 OK\r\n\r\nhello");
        assert_eq!(server.await.unwrap(), Some(client.local_addr().unwrap()));
    });
}

#[test]
fn sock_02_a_socket_that_blocks_is_refused_with_what_to_do() {
    on_loop(|event_loop| async move {
        let (ours, _peer) = ends();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let errors = [
            event_loop.sock_recv(&ours, 1).await.map(drop),
            event_loop.sock_recv_into(&ours, &mut [0]).await.map(drop),
            event_loop.sock_sendall(&ours, b"x").await,
            event_loop.sock_sendall(&ours, b"").await,
            event_loop.sock_accept(&listener).await.map(drop),
            event_loop.sock_connect(&ours, "127.0.0.1:9").await,
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("must be non-blocking"), "{error}");
        }
    });
}

#[test]
fn sock_03_what_is_there_is_taken_without_a_registration() {
    on_loop(|event_loop| async move {
        let (ours, mut peer) = nonblocking();
        peer.write_all(b"here").unwrap();
        // Loopback delivers within the call.
        event_loop.add_reader(&ours, || ()).unwrap();
        let received = event_loop.sock_recv(&ours, 16).await.unwrap();
        assert_eq!(received, b"here", "nobody else's watcher was in the way");
        let error = event_loop.sock_recv(&ours, 16).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "now it would have to wait");
        event_loop.remove_reader(&ours).unwrap();
    });
}

#[test]
fn as_much_as_there_is_may_be_asked_for() {
    let (mut here, there) = nonblocking();
    on_loop(async move |event_loop| {
        here.write_all(b"hello").unwrap();
        assert_eq!(event_loop.sock_recv(&there, usize::MAX).await.unwrap(), b"hello");
    });
}

#[test]
fn sock_05_what_is_sent_after_a_cancelled_send_follows_what_was_sent_of_it() {
    on_loop(|event_loop| async move {
        let (ours, peer) = nonblocking();
        let flood = vec![b'a'; 16 << 20];
        let cut = timeout(Duration::from_millis(1), event_loop.sock_sendall(&ours, &flood));
        assert!(cut.await.is_err(), "it does not fit");
        let reader = off_loop(move || {
            peer.set_nonblocking(false).unwrap();
            let mut all = Vec::new();
            (&peer).read_to_end(&mut all).unwrap();
            all
        });
        let sends = async {
            event_loop.sock_sendall(&ours, b"bcd").await.unwrap();
            ours.shutdown(std::net::Shutdown::Write).unwrap();
        };
        let reader = spawn(reader);
        sends.await;
        let all = reader.await.unwrap();
        let (first, last) = all.split_at(all.len() - 3);
        assert!(first.iter().all(|byte| *byte == b'a') && !first.is_empty());
        assert_eq!(last, b"bcd");
    });
}

#[test]
fn cancel_19_a_cancelled_receive_ends_at_once_and_leaves_nothing_watched() {
    on_loop(|event_loop| async move {
        let (ours, _peer) = nonblocking();
        let ours = std::rc::Rc::new(ours);
        let (own, lent) = (event_loop.clone(), ours.clone());
        let task = spawn(async move { own.sock_recv(&*lent, 16).await });
        evloop::yield_now().await;
        let waits_for = task.task_ref().waits_for().map(|(resource, _)| resource);
        assert!(matches!(waits_for, Some(evloop::observe::Resource::Readable(_))));
        task.cancel();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        assert!(!event_loop.remove_reader(&*ours).unwrap());
    });
}

#[test]
fn sock_06_a_cancelled_connect_can_be_made_again() {
    on_loop(|event_loop| async move {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let client = unconnected();
        drop(timeout(Duration::ZERO, event_loop.sock_connect(&client, address)).await);
        event_loop.sock_connect(&client, address).await.unwrap();
        event_loop.sock_connect(&client, address).await.unwrap();
        event_loop.sock_sendall(&client, b"x").await.unwrap();
        let (socket, _) = event_loop.sock_accept(&listener).await.unwrap();
        assert_eq!(event_loop.sock_recv(&socket, 8).await.unwrap(), b"x");
    });
}

#[test]
fn sock_07_a_megabyte_goes_both_ways_at_once() {
    on_loop(|event_loop| async move {
        let (ours, peer) = nonblocking();
        let sent: Vec<u8> = (0..1_u32 << 20).map(|at| (at % 251) as u8).collect();
        let echo = event_loop.clone();
        let echo = spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            loop {
                match echo.sock_recv_into(&peer, &mut buffer).await.unwrap() {
                    0 => return,
                    len => echo.sock_sendall(&peer, &buffer[..len]).await.unwrap(),
                }
            }
        });
        let (inner, copy, twin) = (event_loop.clone(), sent.clone(), ours.try_clone().unwrap());
        let sender = spawn(async move {
            inner.sock_sendall(&ours, &copy).await.unwrap();
            ours.shutdown(std::net::Shutdown::Write).unwrap();
        });
        assert!(recv_all(&event_loop, &twin).await == sent);
        sender.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn sock_09_an_accepted_socket_does_not_block_and_has_its_peers_address() {
    on_loop(|event_loop| async move {
        let listener = listener();
        let waits = event_loop.clone();
        let address = listener.local_addr().unwrap();
        let accepted = spawn(async move { waits.sock_accept(&listener).await.unwrap() });
        evloop::yield_now().await;
        let client = TcpStream::connect(address).unwrap();
        let (socket, peer) = accepted.await.unwrap();
        assert_eq!(peer, Some(client.local_addr().unwrap()));
        let socket = TcpStream::from(socket);
        assert_eq!((&socket).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn srv_14_what_was_accepted_by_hand_becomes_a_transport() {
    on_loop(|event_loop| async move {
        let listener = listener();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = event_loop.sock_accept(&listener).await.unwrap();
        let log = Log::default();
        let protocol = Recorder::new(&log);
        let transport = event_loop.connect_accepted_socket(|| protocol, socket).await.unwrap();
        client.write_all(b"hi").unwrap();
        log.until("data hi").await;
        assert_eq!(transport.peer_addr().unwrap(), client.local_addr().unwrap());
        let error = event_loop.sock_recv(&transport, 1).await.unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<LoopError>());
        assert!(matches!(inner, Some(LoopError::UsedByTransport { .. })), "{error}");
        transport.close();
    });
}

#[test]
fn sock_10_datagrams_are_received_and_sent_with_their_addresses() {
    on_loop(|event_loop| async move {
        let (one, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), listener_udp());
        one.set_nonblocking(true).unwrap();
        let (to_one, to_other) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        event_loop.sock_sendto(&one, b"ping", to_other).await.unwrap();
        let (data, from) = event_loop.sock_recvfrom(&other, 64).await.unwrap();
        assert_eq!((&data[..], from), (&b"ping"[..], to_one));
        event_loop.sock_sendto(&other, b"", to_one).await.unwrap();
        let mut buffer = [0; 8];
        let received = event_loop.sock_recvfrom_into(&one, &mut buffer).await.unwrap();
        assert_eq!(received, (0, to_other));
    });
}

fn listener_udp() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

#[test]
fn sock_11_a_name_is_looked_up_and_the_sockets_own_family_taken() {
    on_loop(|event_loop| async move {
        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        let client = unconnected();
        // Where localhost is ::1 as well, that one is not for this socket.
        event_loop.sock_connect(&client, ("localhost", port)).await.unwrap();
        let error = event_loop.sock_connect(&client, ("::1", port)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn conn_01_a_refused_connect_is_told_with_the_address() {
    on_loop(|event_loop| async move {
        let nobody = crate::support::nobody();
        let client = unconnected();
        let error = event_loop.sock_connect(&client, nobody).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&nobody.to_string()), "{error}");
    });
}
