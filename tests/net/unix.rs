//! Unix sockets: names, stale files, credentials. (UNIX, and UDP-10)

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};

use evloop::{UnixDatagram, get_running_loop, open_unix_connection, spawn, start_unix_server};

use crate::support::{Echo, Log, Recorder, TestPath, echo, off_loop, on_loop};

#[test]
fn unix_01_a_unix_server_behaves_as_a_tcp_one() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, &there).await.unwrap();
        assert!(server.is_serving() && server.sockets().is_empty());
        let socket = server.unix_sockets().remove(0);
        assert_eq!(socket.local_addr().as_pathname(), Some(there.as_path()));
        let (mut reader, mut writer) = open_unix_connection(&there).await.unwrap();
        writer.write(b"hello\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"hello\n");
        assert_eq!(server.connections(), 1);
        // The peer has the server's name; we, who connected, have none.
        let peer = writer.transport().unix_peer_addr().unwrap();
        assert_eq!(peer.as_pathname(), Some(there.as_path()));
        assert!(writer.transport().unix_local_addr().unwrap().is_unnamed());
        writer.close();
        server.close();
        server.wait_closed().await;
        assert_eq!(socket.as_raw_fd(), -1);
    });
}

#[test]
fn unix_01_protocols_are_called_as_over_tcp() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|event_loop| async move {
        let server = event_loop.create_unix_server(|| Echo, &there).await.unwrap();
        let log = Log::default();
        let protocol = Recorder::new(&log);
        let transport = event_loop.create_unix_connection(|| protocol, &there).await.unwrap();
        assert_eq!(log.lines(), ["made"]);
        transport.write(b"x").unwrap();
        log.until("data").await;
        transport.write_eof();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "data x", "eof", "lost"]);
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn unix_02_a_stale_file_is_removed_and_the_servers_own_goes_with_it() {
    let path = TestPath::new();
    drop(UnixListener::bind(&path.0).unwrap());
    assert!(path.0.exists(), "a dead process leaves its file");
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, there.as_path()).await.unwrap();
        drop(open_unix_connection(&there).await.unwrap());
        server.close();
        assert!(!there.exists());
        server.wait_closed().await;
    });
}

#[test]
fn unix_02_a_file_that_is_no_socket_and_a_server_that_lives_are_left_alone() {
    let path = TestPath::new();
    std::fs::write(&path.0, "precious").unwrap();
    let there = path.0.clone();
    on_loop(|_| async move {
        let error = start_unix_server(echo, &there).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().ends_with("is already in use"), "{error}");
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "precious");
        std::fs::remove_file(&there).unwrap();

        let first = start_unix_server(echo, &there).await.unwrap();
        let error = start_unix_server(echo, &there).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let (mut reader, mut writer) = open_unix_connection(&there).await.unwrap();
        writer.write(b"still there\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"still there\n");
        assert_eq!(first.connections(), 1, "the second one's question is no connection");
        first.close();
    });
}

#[test]
fn a_file_that_is_not_the_servers_any_more_is_left_alone_at_its_end() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, &there).await.unwrap();
        std::fs::remove_file(&there).unwrap();
        let other = UnixListener::bind(&there).unwrap();
        server.close();
        assert!(there.exists());
        drop(other);
        std::fs::remove_file(&there).unwrap();

        let server = start_unix_server(echo, &there).cleanup_socket(false).await.unwrap();
        server.close();
        assert!(there.exists(), "as it was asked to");
    });
}

#[test]
fn a_loop_that_is_closed_removes_its_servers_file() {
    let path = TestPath::new();
    let there = path.0.clone();
    let event_loop = evloop::EventLoop::new().unwrap();
    let server = event_loop
        .run_until_complete(async move { start_unix_server(echo, &there).await })
        .unwrap();
    event_loop.close().unwrap();
    assert!(!path.0.exists());
    drop(server);
}

#[test]
fn unix_03_what_cannot_be_a_unix_server_is_refused_with_the_reason() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let wants = |result: io::Result<evloop::Server>, text: &str| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(text), "{error}");
        };
        wants(start_unix_server(echo, "").await, "empty path");
        wants(start_unix_server(echo, "x".repeat(200)).await, "");
        let inet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inet = std::os::fd::OwnedFd::from(inet);
        wants(start_unix_server(echo, inet).await, "no Unix one");
        let datagram = std::os::unix::net::UnixDatagram::unbound().unwrap();
        wants(start_unix_server(echo, datagram).await, "SOCK_STREAM");
        let error = open_unix_connection(&there).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("Connect call failed"), "{error}");
    });
}

#[test]
fn sockets_from_elsewhere_are_served_and_connected_as_they_are() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let listener = UnixListener::bind(&there).unwrap();
        let server = start_unix_server(echo, listener).await.unwrap();
        let stream = UnixStream::connect(&there).unwrap();
        let (mut reader, mut writer) = open_unix_connection(stream).await.unwrap();
        writer.write(b"x\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"x\n");
        server.close();
        assert!(there.exists(), "whoever made the file removes it");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_has_no_file() {
    on_loop(|_| async move {
        let name = format!("\0evloop-test-{}", std::process::id());
        let server = start_unix_server(echo, name.clone()).await.unwrap();
        let (mut reader, mut writer) = open_unix_connection(name.clone()).await.unwrap();
        writer.write(b"x\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"x\n");
        let error = start_unix_server(echo, name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        server.close();
    });
}

#[test]
fn a_unix_peer_has_credentials_and_another_has_none() {
    on_loop(|event_loop| async move {
        let (ours, _peer) = UnixStream::pair().unwrap();
        let protocol = Recorder::new(&Log::default());
        let transport = event_loop.create_unix_connection(|| protocol, ours).await.unwrap();
        let cred = transport.peer_cred().unwrap();
        let file = std::fs::metadata("/proc/self");
        if let Ok(us) = file {
            use std::os::unix::fs::MetadataExt;
            assert_eq!((cred.uid, cred.gid), (us.uid(), us.gid()));
        }
        if cfg!(target_os = "linux") {
            assert_eq!(cred.pid, Some(std::process::id() as i32));
        }
        transport.abort();
        let (tcp, _peer) = crate::support::pair(Recorder::new(&Log::default())).await;
        tcp.peer_cred().unwrap_err();
        tcp.unix_peer_addr().unwrap_err();
        tcp.abort();
    });
}

#[test]
fn unix_05_all_that_was_sent_comes_before_the_end_though_the_peer_is_gone() {
    on_loop(|event_loop| async move {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        // More than one receive takes, and yet no more than the kernel keeps.
        let sent: Vec<u8> = (0..150_000_u32).map(|at| (at % 251) as u8).collect();
        let copy = sent.clone();
        off_loop(move || {
            peer.write_all(&copy).unwrap();
            drop(peer);
        })
        .await;
        let (log, bytes) = (Log::default(), std::rc::Rc::new(std::cell::Cell::new(0)));
        let (order, count) = (log.clone(), bytes.clone());
        let protocol = Recorder::reacting(&log, move |call, _| {
            if let crate::support::Call::Data(data) = call {
                assert!(!order.has("eof"));
                let at = count.get();
                assert_eq!(data, &sent[at..at + data.len()]);
                count.set(at + data.len());
            }
            false
        });
        event_loop.create_unix_connection(|| protocol, ours).await.unwrap();
        log.until("lost").await;
        let lines = log.lines();
        assert_eq!(lines[lines.len() - 2..], ["eof", "lost"]);
        assert_eq!(bytes.get(), 150_000);
    });
}

#[test]
fn a_connection_to_a_full_queue_waits_until_there_is_room() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, &there).backlog(0).start_serving(false).await.unwrap();
        // One more than the queue has room for, and that is one more than was asked for.
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let there = there.clone();
                spawn(async move { open_unix_connection(&there).await })
            })
            .collect();
        evloop::sleep(std::time::Duration::from_millis(5)).await;
        assert!(waiting.iter().any(|task| !task.done()));
        server.start_serving().unwrap();
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn udp_10_a_datagram_sockets_stale_file_is_removed_first_and_its_own_at_its_end() {
    let path = TestPath::new();
    drop(std::os::unix::net::UnixDatagram::bind(&path.0).unwrap());
    assert!(path.0.exists());
    let there = path.0.clone();
    on_loop(|_| async move {
        let bound = UnixDatagram::bind(&there).unwrap();
        let error = UnixDatagram::bind(&there).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(bound);
        assert!(!there.exists());
    });
}

#[test]
fn unix_datagrams_keep_their_boundaries_and_none_is_lost() {
    let (server, client) = (TestPath::new(), TestPath::new());
    let (there, here) = (server.0.clone(), client.0.clone());
    on_loop(|_| async move {
        let bound = UnixDatagram::bind(&there).unwrap();
        let connected = UnixDatagram::bind_and_connect(&here, &there).unwrap();
        let sender = spawn(async move {
            for number in 0..1000_u32 {
                connected.send(&number.to_le_bytes()).await.unwrap();
            }
            connected
        });
        let mut buffer = [0; 16];
        for expected in 0..1000_u32 {
            let (len, from) = bound.recv_from(&mut buffer).await.unwrap();
            assert_eq!(buffer[..len], expected.to_le_bytes());
            assert_eq!(from.as_pathname(), Some(here.as_path()));
        }
        let connected = sender.await.unwrap();
        // And back by name, more than the queue holds, from a socket that is not connected.
        let receiver = spawn(async move {
            let mut buffer = [0; 16];
            for _ in 0..1000 {
                connected.recv(&mut buffer).await.unwrap();
            }
        });
        for _ in 0..1000 {
            bound.send_to(b"", &here).await.unwrap();
        }
        receiver.await.unwrap();
    });
}

#[test]
fn an_unnamed_sender_of_a_unix_datagram_has_no_name() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let bound = UnixDatagram::bind(&there).unwrap();
        UnixDatagram::connect(&there).unwrap().send(b"who?").await.unwrap();
        let (len, from) = bound.recv_from(&mut [0; 16]).await.unwrap();
        assert!(len == 4 && from.is_unnamed());
        let (one, other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let one = UnixDatagram::from_std(one).unwrap();
        other.send(b"pair").unwrap();
        assert_eq!(one.recv(&mut [0; 16]).await.unwrap(), 4);
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let udp = std::os::unix::net::UnixDatagram::from(std::os::fd::OwnedFd::from(udp));
        assert_eq!(UnixDatagram::from_std(udp).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn nc_talks_to_a_unix_server() {
    if !crate::peers::nc_ends_with_its_input() {
        return;
    }
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let server = start_unix_server(echo, &there).await.unwrap();
        let path = there.to_str().unwrap().to_owned();
        let talk = move || crate::peers::run("nc", &["-N", "-U", &path], b"hello\nworld\n");
        assert_eq!(off_loop(talk).await, "hello\nworld\n");
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_blocking_peer_reads_what_a_unix_transport_writes() {
    let path = TestPath::new();
    let there = path.0.clone();
    on_loop(|_| async move {
        let listener = UnixListener::bind(&there).unwrap();
        let event_loop = get_running_loop().unwrap();
        let protocol = Recorder::new(&Log::default());
        let transport = event_loop.create_unix_connection(|| protocol, &there).await.unwrap();
        transport.write(&[7; 300_000]).unwrap();
        transport.close();
        let read = off_loop(move || {
            let mut all = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut all).unwrap();
            all.len()
        });
        assert_eq!(read.await, 300_000);
    });
}
