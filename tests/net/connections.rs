//! Connecting: names, several addresses, happy eyeballs, and giving up. (CONN)

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use evloop::{ConnectErrors, EventLoop};

use crate::fake::{Fate, Of, Scripted, World};
use crate::support::{Echo, Log, Recorder, nobody, on_loop, reporting};

#[test]
fn conn_01_a_refused_connection_is_an_error_that_names_the_address_and_leaks_nothing() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |event_loop| async move {
        let address = nobody();
        let error = event_loop.create_connection(|| Echo, address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    });
    assert_eq!((sockets.0.open.get(), reports), (0, vec![]));
}

#[test]
fn conn_02_addresses_are_tried_until_one_works() {
    on_loop(|event_loop| async move {
        let server = event_loop.create_server(|| Echo, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let addresses = vec![nobody(), nobody(), address];
        let transport = event_loop.create_connection(|| Echo, addresses).await.unwrap();
        assert_eq!(transport.peer_addr().unwrap(), address);
        transport.close();
        server.close();
    });
}

#[test]
fn conn_02_if_all_fail_one_error_lists_them() {
    on_loop(|event_loop| async move {
        let addresses = vec![nobody(), nobody()];
        let asked = addresses.clone();
        let error = event_loop.create_connection(|| Echo, asked).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with("Multiple exceptions: Connect call failed"));
        let all = error.get_ref().and_then(|error| error.downcast_ref::<ConnectErrors>());
        assert_eq!(all.unwrap().0.len(), 2);
        let none = event_loop.create_connection(|| Echo, Vec::new()).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn conn_04_digits_are_not_looked_up_and_a_name_is() {
    on_loop(|event_loop| async move {
        let server = event_loop.create_server(|| Echo, ("localhost", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        // A look-up is another thread's, whose answer would come by a wake from there.
        let before = event_loop.counters().wakes_remote;
        let by_digits = event_loop.create_connection(|| Echo, address.to_string().as_str());
        by_digits.await.unwrap().close();
        assert_eq!(event_loop.counters().wakes_remote, before);
        let by_name = event_loop.create_connection(|| Echo, ("localhost", address.port()));
        by_name.await.unwrap().close();
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn conn_04_a_name_that_stands_for_nothing_is_an_error() {
    on_loop(|event_loop| async move {
        // RFC 6761: such a name never exists.
        event_loop.create_connection(|| Echo, ("evloop.invalid", 80)).await.unwrap_err();
    });
}

#[test]
fn conn_05_the_connection_comes_from_the_local_address_and_a_taken_one_is_named() {
    on_loop(|event_loop| async move {
        let server = event_loop.create_server(|| Echo, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let local = nobody();
        let connecting = event_loop.create_connection(|| Echo, address).local_addr(local);
        let transport = connecting.await.unwrap();
        assert_eq!(transport.local_addr().unwrap(), local);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = (taken.local_addr().unwrap(), taken);
        let connecting = event_loop.create_connection(|| Echo, address).local_addr(taken.0);
        let error = connecting.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&taken.0.to_string()), "{error}");
        transport.close();
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn conn_05_addresses_of_the_other_family_are_left_out() {
    on_loop(|event_loop| async move {
        let connecting = event_loop.create_connection(|| Echo, nobody());
        let error = connecting.local_addr("[::1]:0".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn conn_06_a_socket_that_is_no_stream_or_not_connected_is_refused_and_closed() {
    on_loop(|event_loop| async move {
        let datagrams = OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        let error = event_loop.create_connection(|| Echo, datagrams).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let error = event_loop.create_connection(|| Echo, listener).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        TcpListener::bind(address).expect("its port is free again");
    });
}

#[test]
fn conn_07_a_connection_given_up_closes_every_attempt() {
    let world = World::new([(at(1), Fate::Hangs), (at(2), Fate::Hangs)]);
    in_world(&world, |event_loop| async move {
        let connecting = event_loop.create_connection(|| Echo, vec![at(1), at(2)]);
        let task = event_loop.create_task(async move { connecting.await.map(drop) });
        evloop::sleep(Duration::from_secs(1)).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    let events = ["0 try", "250 try", "1000 close", "1000 close"];
    assert_eq!(*world.events.borrow(), numbered(&events, [1, 2, 1, 2]));
}

#[test]
fn a_factory_that_panics_closes_the_socket() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let (_, reports) = reporting(builder, |event_loop| async move {
        let (ours, _peer) = crate::support::ends();
        let factory = || -> Echo { panic!("no such luck") };
        let connecting = event_loop.create_connection(factory, ours);
        let task = event_loop.create_task(async move { connecting.await.map(drop) });
        assert!(task.await.unwrap_err().is_panic());
    });
    assert_eq!((sockets.0.open.get(), reports), (0, vec![]));
}

#[test]
fn an_attempt_that_nobody_polls_does_not_make_the_loop_spin() {
    let builder = EventLoop::builder().always_poll();
    let ((), reports) = reporting(builder, |event_loop| async move {
        let server = event_loop.create_server(|| Echo, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let mut connecting = Box::pin(event_loop.create_connection(|| Echo, address).into_future());
        std::future::poll_fn(|context| {
            let _ = connecting.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        for _ in 0..5 {
            evloop::sleep(Duration::ZERO).await;
        }
        let before = event_loop.counters().events;
        for _ in 0..5 {
            evloop::sleep(Duration::ZERO).await;
        }
        assert_eq!(event_loop.counters().events, before);
        connecting.await.unwrap().close();
        server.close();
        server.wait_closed().await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn connections_to_a_server_that_resets_them_end_with_the_reason() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let recorder = Recorder::new(&log);
        let transport = event_loop.create_connection(move || recorder, address).await.unwrap();
        let (peer, _): (TcpStream, _) = listener.accept().unwrap();
        crate::support::reset(&transport, peer);
        log.until("lost: ").await;
    });
}

// ---- happy eyeballs, on a clock moved by hand ---------------------------------------------------

fn at(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], number))
}

fn numbered<const N: usize>(events: &[&str; N], of: [u16; N]) -> Vec<String> {
    events.iter().zip(of).map(|(event, number)| format!("{event} {}", at(number))).collect()
}

fn in_world<F: Future + 'static>(
    world: &Rc<World>,
    test: impl FnOnce(EventLoop) -> F,
) -> F::Output {
    let builder = EventLoop::builder()
        .clock(world.clock.clone())
        .selector(Of(world.clone()))
        .sockets(Of(world.clone()));
    let (output, reports) = reporting(builder, test);
    assert_eq!(reports, [""; 0]);
    output
}

/// Connects to all of `fates`, in order, and gives who won (or that nobody did) and what happened.
fn race(fates: &[Fate], delay: Option<Duration>) -> (Option<u16>, Vec<String>) {
    let addresses: Vec<_> = (1..).zip(fates).map(|(number, _)| at(number)).collect();
    let world = World::new(addresses.iter().copied().zip(fates.iter().copied()));
    let winner = in_world(&world, move |event_loop| async move {
        let connecting = event_loop.create_connection(|| Echo, addresses);
        let connecting = connecting.happy_eyeballs_delay(delay).await;
        let transport = connecting.ok()?;
        let peer = transport.peer_addr().unwrap();
        std::mem::forget(transport);
        Some(peer.port())
    });
    let events = world.events.take();
    (winner, events)
}

const DELAY: Duration = Duration::from_millis(250);

const fn millis(millis: u64) -> Fate {
    Fate::ConnectsAfter(Duration::from_millis(millis))
}

#[test]
fn conn_10_a_hanging_first_address_is_joined_by_the_second_which_wins() {
    let (winner, events) = race(&[Fate::Hangs, millis(10)], Some(DELAY));
    assert_eq!(winner, Some(2));
    let expected = numbered(&["0 try", "250 try", "260 close", "260 close"], [1, 2, 1, 2]);
    assert_eq!(events, expected, "the loser is closed, the winner with its loop");
}

#[test]
fn conn_10_a_slow_first_address_may_still_win() {
    let (winner, events) = race(&[millis(300), Fate::Hangs, millis(0)], Some(DELAY));
    assert_eq!(winner, Some(1));
    assert_eq!(events, numbered(&["0 try", "250 try", "300 close", "300 close"], [1, 2, 2, 1]));
}

#[test]
fn conn_10_an_early_failure_starts_the_next_at_once() {
    let late = Fate::RefusedAfter(Duration::from_millis(20));
    let (winner, events) = race(&[Fate::RefusedAtOnce, late, millis(5)], Some(DELAY));
    assert_eq!(winner, Some(3));
    let expected = ["0 try", "0 try", "20 close", "20 try", "25 close"];
    assert_eq!(events, numbered(&expected, [1, 2, 2, 3, 3]));
}

#[test]
fn conn_10_when_all_fail_there_is_no_winner() {
    let late = Fate::RefusedAfter(Duration::from_millis(20));
    let (winner, events) = race(&[late, Fate::RefusedAtOnce], Some(DELAY));
    assert_eq!(winner, None);
    assert_eq!(events, numbered(&["0 try", "20 close", "20 try"], [1, 1, 2]));
}

#[test]
fn conn_10_without_a_delay_each_attempt_has_all_the_time_it_takes() {
    let late = Fate::RefusedAfter(Duration::from_secs(12));
    let (winner, events) = race(&[late, millis(1)], None);
    assert_eq!(winner, Some(2));
    let expected = ["0 try", "12000 close", "12000 try", "12001 close"];
    assert_eq!(events, numbered(&expected, [1, 1, 2, 2]));
}
