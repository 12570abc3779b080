//! The awaited UDP socket. (UDP, without a protocol)

use std::io;
use std::net::SocketAddr;

use evloop::{EventLoop, UdpSocket, spawn};

use crate::fake::{Answer, Scripted};
use crate::support::{on_loop, reporting};

async fn pair() -> (UdpSocket, UdpSocket, SocketAddr) {
    let bound = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr().unwrap();
    let connected = UdpSocket::connect(address).await.unwrap();
    (bound, connected, address)
}

#[test]
fn udp_01_sockets_send_and_receive_with_and_without_addresses() {
    on_loop(|_| async {
        let (bound, connected, address) = pair().await;
        assert_eq!(connected.peer_addr(), Some(address));
        let mut buffer = [0; 16];
        connected.send(b"ping").await.unwrap();
        let (len, from) = bound.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..len], from), (&b"ping"[..], connected.local_addr().unwrap()));
        bound.send_to(b"", from).await.unwrap();
        assert_eq!(connected.recv(&mut buffer).await.unwrap(), 0);
        connected.send_to(b"again", address).await.unwrap();
        assert_eq!(bound.recv(&mut buffer).await.unwrap(), 5);
    });
}

#[test]
fn a_receive_waits_for_a_datagram_and_a_long_one_is_cut() {
    on_loop(|_| async {
        let (bound, connected, _) = pair().await;
        let receiver = spawn(async move {
            let mut buffer = [0; 3];
            let len = bound.recv(&mut buffer).await.unwrap();
            (bound, buffer[..len].to_vec())
        });
        evloop::yield_now().await;
        connected.send(b"hello").await.unwrap();
        let (_bound, received) = receiver.await.unwrap();
        assert_eq!(received, b"hel");
    });
}

#[test]
fn udp_02_what_the_network_refuses_is_an_error_and_the_socket_goes_on() {
    on_loop(|_| async {
        let (bound, connected, address) = pair().await;
        drop(bound);
        connected.send(b"x").await.unwrap();
        let error = connected.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let again = UdpSocket::bind(address).await.unwrap();
        connected.send(b"y").await.unwrap();
        assert_eq!(again.recv(&mut [0; 8]).await.unwrap(), 1);
    });
}

#[test]
fn udp_05_a_send_waits_until_the_kernel_has_room() {
    let script = Scripted::sending([Answer::Fail(libc::EAGAIN)]);
    let ((), reports) = reporting(EventLoop::builder().sockets(script.clone()), |_| async {
        let (bound, connected, _) = pair().await;
        connected.send(b"later").await.unwrap();
        assert_eq!(bound.recv(&mut [0; 8]).await.unwrap(), 5);
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!(*script.0.asked.borrow(), [(5, 1), (5, 1)]);
    assert_eq!(script.0.open.get(), 0, "both sockets are closed");
}

#[test]
fn several_tasks_receive_from_one_socket_and_each_datagram_comes_to_one_of_them() {
    on_loop(|_| async {
        let (bound, connected, _) = pair().await;
        let bound = std::rc::Rc::new(bound);
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let bound = bound.clone();
                spawn(async move {
                    let mut buffer = [0; 8];
                    bound.recv(&mut buffer).await.unwrap();
                    buffer[0]
                })
            })
            .collect();
        for byte in 0..3 {
            connected.send(&[byte]).await.unwrap();
        }
        let mut got = Vec::new();
        for task in tasks {
            got.push(task.await.unwrap());
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2]);
    });
}

#[test]
fn udp_04_a_connected_socket_sends_to_nobody_else() {
    on_loop(|_| async {
        let (bound, connected, address) = pair().await;
        let error = connected.send_to(b"x", "127.0.0.1:9".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("must be None or {address}")), "{error}");
        drop(bound);
    });
}

#[test]
fn a_socket_left_alone_does_not_keep_the_loop_busy() {
    on_loop(|event_loop| async move {
        let (mine, sender, _) = pair().await;
        // It waits once, so it is registered; then a datagram comes that nobody wants.
        let mut buffer = [0; 8];
        let wait = evloop::timeout(std::time::Duration::ZERO, mine.recv(&mut buffer));
        wait.await.unwrap_err();
        sender.send(b"x").await.unwrap();
        let before = event_loop.counters().turns;
        evloop::sleep(std::time::Duration::from_millis(20)).await;
        let turns = event_loop.counters().turns - before;
        assert!(turns < 10, "{turns} turns for nothing");
        assert_eq!(mine.recv(&mut buffer).await.unwrap(), 1);
    });
}

#[test]
fn a_socket_outlives_its_loop_and_says_that_it_is_closed() {
    let event_loop = EventLoop::new().unwrap();
    let socket = event_loop.run_until_complete(UdpSocket::bind("127.0.0.1:0").into_future());
    let socket = socket.unwrap().unwrap();
    event_loop.close().unwrap();
    drop(event_loop);
    let other = EventLoop::new().unwrap();
    let error = other.run_until_complete(async move { socket.recv(&mut [0; 1]).await });
    assert!(error.unwrap().unwrap_err().to_string().contains("closed"));
}

#[test]
fn a_hundred_thousand_datagrams_arrive_where_the_sender_keeps_pace() {
    const WINDOW: u32 = 32;
    on_loop(|_| async {
        let (bound, connected, _) = pair().await;
        let sink = spawn(async move {
            let mut buffer = [0; 64];
            for expected in 0..100_000_u32 {
                let (len, from) = bound.recv_from(&mut buffer).await.unwrap();
                assert_eq!(buffer[..len], expected.to_le_bytes());
                if expected % WINDOW == WINDOW - 1 {
                    bound.send_to(b"go on", from).await.unwrap();
                }
            }
        });
        for number in 0..100_000_u32 {
            connected.send(&number.to_le_bytes()).await.unwrap();
            if number % WINDOW == WINDOW - 1 {
                connected.recv(&mut [0; 8]).await.unwrap();
            }
        }
        sink.await.unwrap();
    });
}
