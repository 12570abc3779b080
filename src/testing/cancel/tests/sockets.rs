//! Descriptors and sockets that are awaited without a transport.

use std::io::Read;
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
