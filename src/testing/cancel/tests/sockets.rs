//! Descriptors and sockets that are awaited without a transport.

use std::io::{Read, Write};
use std::net;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use super::*;
use crate::testing::SimFd;
use crate::{UdpSocket, UnixDatagram, open_unix_connection, spawn, start_unix_server};

/// Writes the pieces one by one, each a few turns after the other.
async fn writes(end: SimFd, pieces: &'static [&'static str]) {
    let event_loop = get_running_loop().unwrap();
    for piece in pieces {
        for _ in 0..3 {
            yield_now().await;
        }
        event_loop.sock_sendall(&end, piece.as_bytes()).await.unwrap();
    }
}

#[test]
fn a_cut_readable_loses_no_byte_and_leaves_no_registration() {
    withstands(|world, cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (near, far) = world.pair();
        let writer = spawn(writes(far, &["he", "llo"]));
        let mut came: Vec<u8> = Vec::new();
        let mut buffer = [0; 8];
        loop {
            // Whoever is cut here looks again.
            if let Some(waited) = cut.dropping(event_loop.readable(&near)).await {
                waited.unwrap();
            }
            match (&near).read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => came.extend(&buffer[..len]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(came, b"hello");
        assert!(!event_loop.remove_reader(&near).unwrap());
        writer.await.unwrap();
        nothing_is_left().await;
    });
}

#[test]
fn two_who_wait_for_one_descriptor_do_not_depend_on_each_other() {
    withstands(|world, cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (near, far) = world.pair();
        let near = Rc::new(near);
        let (theirs, inner) = (near.clone(), event_loop.clone());
        let other = spawn(async move { inner.readable(&*theirs).await.unwrap() });
        let writer = spawn(writes(far, &["x"]));
        drop(cut.dropping(event_loop.readable(&*near)).await);
        other.await.unwrap();
        writer.await.unwrap();
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_sock_recv_takes_nothing() {
    withstands(|world, cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (near, far) = world.pair();
        let writer = spawn(writes(far, &["he", "l", "lo"]));
        let mut came = Vec::new();
        loop {
            match cut.dropping(event_loop.sock_recv(&near, 2)).await {
                Some(some) if some.as_ref().unwrap().is_empty() => break,
                Some(some) => came.extend(some.unwrap()),
                None => {}
            }
        }
        assert_eq!(came, b"hello");
        writer.await.unwrap();
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_sock_sendall_has_sent_a_beginning_and_nothing_else() {
    withstands(|world, cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (near, far) = world.pair();
        let inner = event_loop.clone();
        let reader = spawn(async move {
            let mut all = Vec::new();
            loop {
                yield_now().await;
                let some = inner.sock_recv(&far, 64 << 10).await.unwrap();
                if some.is_empty() {
                    return all;
                }
                all.extend(some);
            }
        });
        let flood: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let done = cut.dropping(event_loop.sock_sendall(&near, &flood)).await;
        event_loop.sock_sendall(&near, b"end").await.unwrap();
        drop(near);
        let all = reader.await.unwrap();
        let sent = all.strip_suffix(b"end").unwrap();
        assert!(flood.starts_with(sent));
        assert!(done.is_none() || sent.len() == flood.len());
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_receive_or_send_of_a_udp_socket_loses_no_datagram() {
    withstands_really(|cut| async move {
        let bound = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ours = UdpSocket::connect(bound.local_addr().unwrap()).await.unwrap();
        let sender = spawn(async move {
            for byte in 0..4_u8 {
                yield_now().await;
                ours.send(&[byte]).await.unwrap();
            }
            ours
        });
        let mut came = Vec::new();
        let mut buffer = [0; 8];
        while came.len() < 4 {
            if let Some(received) = cut.dropping(bound.recv_from(&mut buffer)).await {
                received.unwrap();
                came.push(buffer[0]);
            }
        }
        assert_eq!(came, [0, 1, 2, 3]);
        drop(sender.await.unwrap());
        drop(bound);
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_unix_datagram_is_received_by_the_next() {
    withstands_really(|cut| async move {
        let (one, other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let (one, other) =
            (UnixDatagram::from_std(one).unwrap(), UnixDatagram::from_std(other).unwrap());
        let sender = spawn(async move {
            for byte in 0..3_u8 {
                yield_now().await;
                other.send(&[byte]).await.unwrap();
            }
            other
        });
        let mut came = Vec::new();
        let mut buffer = [0; 8];
        while came.len() < 3 {
            if let Some(received) = cut.dropping(one.recv(&mut buffer)).await {
                received.unwrap();
                came.push(buffer[0]);
            }
        }
        assert_eq!(came, [0, 1, 2]);
        drop(sender.await.unwrap());
        drop(one);
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_unix_connection_leaves_nothing_behind() {
    let name = std::env::temp_dir().join(format!("evloop-cut-{}", std::process::id()));
    withstands_really(|cut| {
        let name = name.clone();
        async move {
            let server = start_unix_server(|_, _| async {}, &name).backlog(0).start_serving(false);
            let server = server.await.unwrap();
            // One fits into the queue; ours must wait.
            let full = UnixStream::connect(&name).unwrap();
            let starts = server.clone();
            let starter = spawn(async move {
                for _ in 0..3 {
                    yield_now().await;
                }
                starts.start_serving().unwrap();
            });
            drop(cut.dropping(open_unix_connection(&name).into_future()).await);
            starter.await.unwrap();
            drop(full);
            server.close();
            server.wait_closed().await;
            nothing_is_left().await;
        }
    });
}

/// A socket that does not block, bound to the loopback interface.
fn udp() -> net::UdpSocket {
    let socket = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn tcp_listener() -> net::TcpListener {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

#[test]
fn a_cut_sock_connect_leaves_no_registration_and_the_next_call_goes_on_with_it() {
    withstands_really(|cut| async move {
        let event_loop = get_running_loop().unwrap();
        let listener = tcp_listener();
        let to = listener.local_addr().unwrap();
        let (socket, _) = crate::sys::reserve(&"127.0.0.1:0".parse().unwrap()).unwrap();
        if let Some(connected) = cut.dropping(event_loop.sock_connect(&socket, to)).await {
            connected.unwrap();
        }
        assert!(!event_loop.remove_writer(&socket).unwrap());
        event_loop.sock_connect(&socket, to).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"x").unwrap();
        assert_eq!(event_loop.sock_recv(&socket, 2).await.unwrap(), b"x");
        nothing_is_left().await;
    });
}

#[test]
fn a_connection_that_a_cut_sock_accept_did_not_take_is_there_for_the_next() {
    withstands_really(|cut| async move {
        let event_loop = get_running_loop().unwrap();
        let listener = tcp_listener();
        let to = listener.local_addr().unwrap();
        let connects = spawn(async move {
            let mut peers = Vec::new();
            for _ in 0..3 {
                yield_now().await;
                peers.push(net::TcpStream::connect(to).unwrap());
            }
            peers
        });
        let mut accepted = Vec::new();
        while accepted.len() < 3 {
            if let Some(connection) = cut.dropping(event_loop.sock_accept(&listener)).await {
                accepted.push(connection.unwrap().1.unwrap());
            }
        }
        let peers = connects.await.unwrap();
        let theirs: Vec<_> = peers.iter().map(|peer| peer.local_addr().unwrap()).collect();
        assert_eq!(accepted, theirs);
        nothing_is_left().await;
    });
}

#[test]
fn a_cut_sock_recvfrom_takes_no_datagram() {
    withstands_really(|cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (ours, theirs) = (udp(), udp());
        let (to, from) = (ours.local_addr().unwrap(), theirs.local_addr().unwrap());
        let sender = spawn(async move {
            for byte in 0..4_u8 {
                yield_now().await;
                get_running_loop().unwrap().sock_sendto(&theirs, &[byte], to).await.unwrap();
            }
        });
        let mut came = Vec::new();
        while came.len() < 4 {
            if let Some(received) = cut.dropping(event_loop.sock_recvfrom(&ours, 8)).await {
                let (datagram, sender) = received.unwrap();
                assert_eq!(sender, from);
                came.extend(datagram);
            }
        }
        assert_eq!(came, [0, 1, 2, 3]);
        sender.await.unwrap();
        nothing_is_left().await;
    });
}

/// What comes until an empty datagram does, read slowly.
///
/// A full queue of a Unix socket makes its sender wait. UDP over the loopback interface drops what
/// does not fit, so no send of it waits here.
async fn reads_all(from: UnixDatagram) -> Vec<Vec<u8>> {
    let mut came: Vec<Vec<u8>> = Vec::new();
    let mut buffer = [0; 4];
    loop {
        for _ in 0..2 {
            yield_now().await;
        }
        let len = from.recv(&mut buffer).await.unwrap();
        if len == 0 {
            return came;
        }
        came.push(buffer[..len].to_vec());
    }
}

/// A datagram is sent whole or not at all, and those whose send ended are all there, in order.
fn assert_sent(came: &[Vec<u8>], ended: &[Option<()>]) {
    let sent: Vec<Vec<u8>> = (0_u8..)
        .zip(ended)
        .filter(|(_, ended)| ended.is_some())
        .map(|(number, _)| vec![number; 2])
        .collect();
    assert_eq!(came, sent);
}

/// Sends to a name, over a socket that is connected to it or over one that is not.
fn sends_are_whole_or_not_at_all(file: &str, connected: bool) {
    let name = std::env::temp_dir().join(format!("{file}-{}", std::process::id()));
    withstands_really(|cut| {
        let name = name.clone();
        async move {
            let reader = spawn(reads_all(UnixDatagram::bind(&name).unwrap()));
            let ours = match connected {
                true => UnixDatagram::connect(&name).unwrap(),
                false => {
                    let unbound = std::os::unix::net::UnixDatagram::unbound().unwrap();
                    UnixDatagram::from_std(unbound).unwrap()
                }
            };
            let mut ended = Vec::new();
            for number in 0..40_u8 {
                let sent = match connected {
                    true => cut.dropping(ours.send(&[number; 2])).await,
                    false => cut.dropping(ours.send_to(&[number; 2], &name)).await,
                };
                ended.push(sent.map(Result::unwrap));
            }
            match connected {
                true => ours.send(b"").await.unwrap(),
                false => ours.send_to(b"", &name).await.unwrap(),
            }
            assert_sent(&reader.await.unwrap(), &ended);
            std::fs::remove_file(&name).unwrap_or_default();
            nothing_is_left().await;
        }
    });
}

#[test]
fn a_cut_unix_datagram_send_has_sent_nothing() {
    sends_are_whole_or_not_at_all("evloop-cut-send", true);
}

#[test]
fn a_cut_unix_datagram_send_to_has_sent_nothing() {
    sends_are_whole_or_not_at_all("evloop-cut-to", false);
}

#[test]
fn a_cut_sendfile_has_sent_a_beginning_and_nothing_else() {
    let name = std::env::temp_dir().join(format!("evloop-cut-file-{}", std::process::id()));
    let content: Vec<u8> = (0..4_000_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&name, &content).unwrap();
    let file = Rc::new(std::fs::File::open(&name).unwrap());
    std::fs::remove_file(&name).unwrap();
    let content = Rc::new(content);
    withstands_really(|cut| {
        let (file, content) = (file.clone(), content.clone());
        async move {
            let event_loop = get_running_loop().unwrap();
            let (ours, peer) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            peer.set_nonblocking(true).unwrap();
            let inner = event_loop.clone();
            let reader = spawn(async move {
                let mut all = Vec::new();
                loop {
                    let some = inner.sock_recv(&peer, 1 << 20).await.unwrap();
                    if some.is_empty() {
                        return all;
                    }
                    all.extend(some);
                }
            });
            let sending = event_loop.sock_sendfile(&ours, &file, 0, None);
            let done = cut.dropping(sending.into_future()).await.map(Result::unwrap);
            event_loop.sock_sendall(&ours, b"end").await.unwrap();
            drop(ours);
            let all = reader.await.unwrap();
            let sent = all.strip_suffix(b"end").unwrap();
            assert!(content.starts_with(sent));
            assert!(done.is_none() || done == Some(content.len() as u64));
            assert!(done.is_none() || sent.len() == content.len());
            nothing_is_left().await;
        }
    });
}
