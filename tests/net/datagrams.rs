//! Datagram endpoints: what they call, and in which order. (UDP)

use std::io;
use std::net::{SocketAddr, UdpSocket};

use evloop::{DatagramProtocol, DatagramTransport, EventLoop, get_running_loop};

use crate::fake::{Answer, Scripted};
use crate::support::{Log, on_loop, reporting};

/// Writes down its calls; answers each datagram with `resp:` and the same if it is to.
struct Notes {
    log: Log,
    answers: bool,
}

impl DatagramProtocol for Notes {
    fn connection_made(&mut self, _: &DatagramTransport) {
        self.log.push("made");
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: SocketAddr) {
        self.log.push(format!("data {}", String::from_utf8_lossy(data)));
        if self.answers {
            transport.sendto(&[b"resp:", data].concat(), from).unwrap();
        }
    }

    fn error_received(&mut self, _: &DatagramTransport, error: io::Error) {
        self.log.push(format!("error {:?}", error.kind()));
    }

    fn pause_writing(&mut self, _: &DatagramTransport) {
        self.log.push("pause");
    }

    fn resume_writing(&mut self, _: &DatagramTransport) {
        self.log.push("resume");
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.log.push(match error {
            None => String::from("lost"),
            Some(error) => format!("lost: {error}"),
        });
    }
}

async fn bound(log: &Log, answers: bool) -> DatagramTransport {
    let notes = Notes { log: log.clone(), answers };
    let endpoint = get_running_loop().unwrap().create_datagram_endpoint(move || notes);
    endpoint.local_addr("127.0.0.1:0").await.unwrap()
}

async fn connected(log: &Log, to: SocketAddr) -> DatagramTransport {
    let notes = Notes { log: log.clone(), answers: false };
    let endpoint = get_running_loop().unwrap().create_datagram_endpoint(move || notes);
    endpoint.remote_addr(to).await.unwrap()
}

/// A socket of the standard library.
fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2048];
    let len = socket.recv(&mut buffer).unwrap();
    buffer[..len].to_vec()
}

#[test]
fn udp_01_a_bound_and_a_connected_endpoint_talk_and_are_made_first_and_lost_last() {
    on_loop(|_| async {
        let (theirs, ours) = (Log::default(), Log::default());
        let server = bound(&theirs, true).await;
        assert_eq!(theirs.lines(), ["made"]);
        let client = connected(&ours, server.local_addr().unwrap()).await;
        client.sendto(b"xxx", None).unwrap();
        ours.until("data").await;
        client.close();
        server.close();
        ours.until("lost").await;
        theirs.until("lost").await;
        assert_eq!(ours.lines(), ["made", "data resp:xxx", "lost"]);
        assert_eq!(theirs.lines(), ["made", "data xxx", "lost"]);
    });
}

#[test]
fn an_empty_datagram_is_sent_and_received_as_one() {
    on_loop(|_| async {
        let log = Log::default();
        let server = bound(&log, false).await;
        let client = connected(&Log::default(), server.local_addr().unwrap()).await;
        for datagram in [&b""[..], b"a", b""] {
            client.sendto(datagram, None).unwrap();
        }
        log.until_that(|log| log.lines().len() == 4).await;
        assert_eq!(log.lines(), ["made", "data ", "data a", "data "]);
        client.abort();
        server.abort();
    });
}

#[test]
fn udp_02_a_refused_datagram_is_told_and_the_endpoint_goes_on() {
    on_loop(|_| async {
        let (socket, address) = peer();
        drop(socket);
        let log = Log::default();
        let client = connected(&log, address).await;
        client.sendto(b"to nobody", None).unwrap();
        log.until("error").await;
        assert_eq!(log.lines(), ["made", "error ConnectionRefused"]);

        let again = UdpSocket::bind(address).unwrap();
        client.sendto(b"to somebody", None).unwrap();
        assert_eq!(receive(&again), b"to somebody");
        assert!(!client.is_closing());
        client.close();
    });
}

#[test]
fn udp_02_what_a_send_meets_is_told_in_the_next_turn_and_never_from_inside_it() {
    on_loop(|_| async {
        let log = Log::default();
        let (_socket, address) = peer();
        let endpoint = bound(&log, false).await;
        // No UDP datagram is so long.
        endpoint.sendto(&[0; 70_000], address).unwrap();
        assert_eq!(log.lines(), ["made"]);
        log.until("error").await;
        assert!(!endpoint.is_closing());
        endpoint.close();
    });
}

/// An endpoint whose first receive fails so, and the datagram that it would have received.
fn whose_receive_fails(errno: i32, then: impl AsyncFnOnce(DatagramTransport, Log) + 'static) {
    let script = Scripted::default();
    script.0.receives.borrow_mut().extend([Answer::Fail(errno)]);
    let builder = EventLoop::builder().sockets(script);
    let ((), reports) = reporting(builder, |_| async {
        let log = Log::default();
        let endpoint = bound(&log, false).await;
        let (socket, _) = peer();
        socket.send_to(b"hello", endpoint.local_addr().unwrap()).unwrap();
        then(endpoint, log).await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn udp_02_a_receive_that_fails_is_told_and_the_next_datagram_comes() {
    whose_receive_fails(libc::EHOSTUNREACH, async |endpoint, log| {
        log.until("data").await;
        assert_eq!(log.lines(), ["made", "error HostUnreachable", "data hello"]);
        endpoint.close();
    });
}

#[test]
fn a_socket_that_is_none_any_more_ends_the_endpoint_and_does_not_spin() {
    whose_receive_fails(libc::EBADF, async |endpoint, log| {
        log.until("lost: ").await;
        assert!(endpoint.is_closing());
    });
}

#[test]
fn udp_04_a_connected_endpoint_sends_to_nobody_else() {
    on_loop(|_| async {
        let (socket, address) = peer();
        let (_other, elsewhere) = peer();
        let client = connected(&Log::default(), address).await;
        let error = client.sendto(b"x", elsewhere).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("must be None or {address}")), "{error}");
        client.sendto(b"none", None).unwrap();
        client.sendto(b"same", address).unwrap();
        assert_eq!([receive(&socket), receive(&socket)], [b"none", b"same"]);
        client.close();
    });
}

#[test]
fn an_endpoint_that_is_not_connected_wants_an_address() {
    on_loop(|_| async {
        let endpoint = bound(&Log::default(), false).await;
        let error = endpoint.sendto(b"x", None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("not connected"), "{error}");
        endpoint.close();
    });
}

fn refusing(refusals: usize) -> (Scripted, evloop::Builder) {
    let script = Scripted::sending(std::iter::repeat_n(Answer::Fail(libc::EAGAIN), refusals));
    (script.clone(), EventLoop::builder().sockets(script))
}

#[test]
fn udp_05_datagrams_the_kernel_does_not_take_go_out_later_in_order_and_whole() {
    let (_, builder) = refusing(1);
    let ((), reports) = reporting(builder, |_| async {
        let (socket, address) = peer();
        let endpoint = bound(&Log::default(), false).await;
        let mut copied = b"one".to_vec();
        endpoint.sendto(&copied, address).unwrap();
        copied.fill(b'!');
        for datagram in [&b"two"[..], b"", b"four"] {
            endpoint.sendto(datagram, address).unwrap();
        }
        assert_eq!(endpoint.get_write_buffer_size(), 10 + 4 * 8);
        let received = crate::support::off_loop(move || [(); 4].map(|()| receive(&socket)));
        assert_eq!(received.await, [&b"one"[..], b"two", b"", b"four"]);
        assert_eq!(endpoint.get_write_buffer_size(), 0);
        endpoint.close();
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_sender_is_told_to_pause_above_the_mark_and_to_go_on_below() {
    let (_, builder) = refusing(1);
    let ((), reports) = reporting(builder, |_| async {
        let (_socket, address) = peer();
        let log = Log::default();
        let endpoint = bound(&log, false).await;
        endpoint.set_write_buffer_limits(Some(20), Some(0)).unwrap();
        endpoint.sendto(&[0; 12], address).unwrap();
        assert_eq!(log.lines(), ["made"], "20 is not above 20");
        endpoint.sendto(b"", address).unwrap();
        assert_eq!(log.lines(), ["made", "pause"]);
        log.until("resume").await;
        endpoint.close();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "pause", "resume", "lost"]);
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn udp_06_close_sends_what_waits_first() {
    let (script, builder) = refusing(1);
    let ((), reports) = reporting(builder, |_| async {
        let (socket, address) = peer();
        let log = Log::default();
        let endpoint = bound(&log, false).await;
        endpoint.sendto(b"last", address).unwrap();
        endpoint.sendto(b"words", address).unwrap();
        endpoint.close();
        assert!(endpoint.is_closing());
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "lost"]);
        assert_eq!([receive(&socket), receive(&socket)], [&b"last"[..], b"words"]);
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!(script.0.open.get(), 0, "the socket is closed");
}

#[test]
fn abort_drops_what_waits() {
    let (script, builder) = refusing(1);
    let ((), reports) = reporting(builder, |_| async {
        let (_socket, address) = peer();
        let log = Log::default();
        let endpoint = bound(&log, false).await;
        endpoint.sendto(b"never", address).unwrap();
        endpoint.abort();
        log.until("lost").await;
        assert_eq!(endpoint.get_write_buffer_size(), 0);
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!(script.0.asked.borrow().len(), 1);
}

#[test]
fn udp_08_what_is_sent_after_close_is_discarded_in_silence() {
    on_loop(|_| async {
        let (socket, address) = peer();
        let log = Log::default();
        let endpoint = bound(&log, false).await;
        let local = endpoint.local_addr().unwrap();
        endpoint.close();
        for _ in 0..10 {
            endpoint.sendto(b"late", address).unwrap();
        }
        log.until("lost").await;
        endpoint.sendto(b"later", address).unwrap();
        assert_eq!(endpoint.local_addr().unwrap(), local, "known after the end, too");
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn udp_09_an_endpoint_wants_an_address_of_one_family_or_a_socket_alone() {
    on_loop(|event_loop| async move {
        let wants = |text: &'static str| {
            move |result: io::Result<DatagramTransport>| {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
                assert!(error.to_string().contains(text), "{error}");
            }
        };
        let new = || {
            event_loop.create_datagram_endpoint(|| Notes { log: Log::default(), answers: false })
        };
        wants("wants a local_addr, a remote_addr")(new().await);
        let mixed = new().local_addr("127.0.0.1:0").remote_addr("[::1]:9");
        wants("not of one family")(mixed.await);
        let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
        wants("without options")(new().local_addr(socket()).allow_broadcast(true).await);
        wants("without a")(new().local_addr(socket()).remote_addr("127.0.0.1:9").await);
        let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        wants("a datagram socket (SOCK_DGRAM)")(new().local_addr(stream).await);
        wants("host:port")(new().local_addr("127.0.0.1").await);

        let taken = new().local_addr(socket()).await.unwrap();
        taken.close();
    });
}

#[test]
fn a_port_is_shared_by_endpoints_that_ask_for_it_and_refused_to_others() {
    on_loop(|event_loop| async move {
        let new = || {
            event_loop.create_datagram_endpoint(|| Notes { log: Log::default(), answers: false })
        };
        let first = new().local_addr("127.0.0.1:0").reuse_port(true).await.unwrap();
        let address = first.local_addr().unwrap();
        let second = new().local_addr(address).reuse_port(true).await.unwrap();
        let third = new().local_addr(address).await.unwrap_err();
        assert_eq!(third.kind(), io::ErrorKind::AddrInUse);
        assert!(third.to_string().contains(&address.to_string()), "{third}");
        first.close();
        second.close();
    });
}

#[test]
fn broadcasting_is_allowed_where_it_was_asked_for() {
    on_loop(|event_loop| async move {
        let new = || {
            event_loop.create_datagram_endpoint(|| Notes { log: Log::default(), answers: false })
        };
        for allow in [false, true] {
            let endpoint = new().local_addr("127.0.0.1:0").allow_broadcast(allow).await.unwrap();
            let option = endpoint.getsockopt(libc::SOL_SOCKET, libc::SO_BROADCAST).unwrap();
            assert_eq!(option != 0, allow);
            endpoint.close();
        }
    });
}

#[test]
fn a_protocol_that_panics_is_reported_and_its_endpoint_aborted() {
    struct Panics(Log);
    impl DatagramProtocol for Panics {
        fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: SocketAddr) {
            panic!("no datagrams, please");
        }
        fn connection_lost(&mut self, error: Option<io::Error>) {
            self.0.push(format!("lost: {}", error.unwrap()));
        }
    }
    let ((), reports) = reporting(EventLoop::builder(), |event_loop| async move {
        let log = Log::default();
        let protocol = Panics(log.clone());
        let endpoint = event_loop.create_datagram_endpoint(|| protocol);
        let endpoint = endpoint.local_addr("127.0.0.1:0").await.unwrap();
        let (socket, _) = peer();
        socket.send_to(b"x", endpoint.local_addr().unwrap()).unwrap();
        log.until("lost: protocol.datagram_received() failed").await;
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("Fatal error: protocol.datagram_received()"), "{reports:?}");
}

#[test]
fn a_loop_that_is_closed_closes_its_endpoints() {
    let script = Scripted::default();
    let event_loop = EventLoop::builder().sockets(script.clone()).build().unwrap();
    let log = Log::default();
    let theirs = log.clone();
    event_loop.run_until_complete(async move { bound(&theirs, false).await }).unwrap();
    let report = event_loop.close().unwrap();
    assert_eq!(report.residents.len(), 1);
    assert_eq!(script.0.open.get(), 0);
    assert_eq!(log.lines(), ["made"]);
}
