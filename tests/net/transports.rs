//! A transport and its protocol: what is called when, and what goes out. (TRANSP)

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsRawFd;

use evloop::EventLoop;

use crate::fake::{Answer, Scripted};
use crate::support::{
    Call, Echo, Log, Recorder, ends, on_loop, pair, read_to_end, reporting, reset,
};

#[test]
fn transp_01_connection_made_comes_first_then_data_then_eof_and_connection_lost_once() {
    on_loop(|_| async {
        let log = Log::default();
        let (ours, mut peer) = ends();
        peer.write_all(b"early").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let event_loop = evloop::get_running_loop().unwrap();
        let recorder = Recorder::new(&log);
        let transport = event_loop.create_connection(move || recorder, ours).await.unwrap();
        log.until("lost").await;
        transport.close();
        transport.abort();
        evloop::yield_now().await;
        evloop::yield_now().await;
        assert_eq!(log.lines(), ["made", "data early", "eof", "lost"]);
    });
}

#[test]
fn transp_02_connection_made_was_called_when_create_connection_returns_and_no_data_before_it() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let (ours, mut peer) = ends();
        peer.write_all(b"x").unwrap();
        let recorder = Recorder::new(&log);
        let transport = event_loop.create_connection(move || recorder, ours).await.unwrap();
        assert_eq!(log.lines(), ["made"]);
        log.until("data x").await;
        transport.abort();
        log.until("lost").await;
    });
}

#[test]
fn transp_04_pausing_and_resuming_are_idempotent_and_is_reading_tells() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, mut peer) = pair(Recorder::new(&log)).await;
        assert!(transport.is_reading());
        transport.pause_reading();
        transport.pause_reading();
        assert!(!transport.is_reading());
        peer.write_all(b"held").unwrap();
        for _ in 0..10 {
            evloop::yield_now().await;
        }
        assert_eq!(log.lines(), ["made"]);
        transport.resume_reading();
        transport.resume_reading();
        assert!(transport.is_reading());
        log.until("data held").await;
        transport.close();
        assert!(!transport.is_reading());
        transport.pause_reading();
        transport.resume_reading();
        assert!(!transport.is_reading());
        log.until("lost").await;
    });
}

#[test]
fn transp_04_a_transport_paused_in_connection_made_stays_paused() {
    on_loop(|_| async {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, |call, transport| {
            if call == Call::Made {
                transport.pause_reading();
            }
            false
        });
        let (transport, mut peer) = pair(protocol).await;
        peer.write_all(b"x").unwrap();
        for _ in 0..10 {
            evloop::yield_now().await;
        }
        assert_eq!(log.lines(), ["made"]);
        transport.resume_reading();
        log.until("data x").await;
        transport.abort();
        log.until("lost").await;
    });
}

#[test]
fn transp_05_close_delivers_connection_lost_in_the_next_turn_and_once() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        transport.close();
        transport.close();
        assert!(transport.is_closing());
        assert_eq!(log.lines(), ["made"], "never synchronously");
        evloop::yield_now().await;
        assert_eq!(log.lines(), ["made", "lost"]);
        assert_eq!(read_to_end(&peer), b"");
    });
}

#[test]
fn transp_06_close_sends_what_is_unsent_first() {
    let sockets = Scripted::sending([Answer::Fail(libc::EAGAIN), Answer::AtMost(2)]);
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |_| async {
        let log = Log::default();
        let (transport, mut peer) = pair(Recorder::new(&log)).await;
        transport.write(b"farewell").unwrap();
        transport.close();
        peer.write_all(b"not read any more").unwrap();
        assert_eq!(transport.get_write_buffer_size(), 8);
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "lost"]);
        let mut bytes = [0; 8];
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"farewell");
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!(sockets.0.open.get(), 0);
}

#[test]
fn transp_08_after_connection_lost_the_socket_is_closed_and_protocol_and_loop_are_let_go() {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let (transport, _) = reporting(builder, |event_loop| async move {
        let log = Log::default();
        let token = std::rc::Rc::new(());
        let held = token.clone();
        let protocol = Recorder::reacting(&log, move |_, _| {
            let _held = &held;
            false
        });
        let (transport, _peer) = pair(protocol).await;
        transport.close();
        log.until("lost").await;
        evloop::yield_now().await;
        assert_eq!(std::rc::Rc::strong_count(&token), 1, "the protocol is dropped");
        assert_eq!(transport.as_raw_fd(), -1);
        drop(event_loop);
        transport
    });
    assert_eq!(sockets.0.open.get(), 0);
    // It can still be asked, and does nothing.
    transport.write(b"x").unwrap();
    transport.write_eof();
    transport.abort();
}

#[test]
fn transp_09_a_reset_is_told_to_connection_lost_and_to_nobody_else() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        reset(&transport, peer);
        log.until("lost").await;
        assert_eq!(log.lines()[1], format!("lost: {}", os_error(libc::ECONNRESET)));
    });
}

fn os_error(number: i32) -> std::io::Error {
    std::io::Error::from_raw_os_error(number)
}

#[test]
fn transp_10_a_panic_in_data_received_aborts_the_connection_with_that_error() {
    panics_in(|call| matches!(call, Call::Data(_)), "data_received");
}

#[test]
fn transp_10_a_panic_in_eof_received_aborts_the_connection_with_that_error() {
    panics_in(|call| call == Call::Eof, "eof_received");
}

#[test]
fn transp_10_a_panic_in_connection_made_aborts_the_connection_with_that_error() {
    panics_in(|call| call == Call::Made, "connection_made");
}

fn panics_in(when: fn(Call<'_>) -> bool, method: &'static str) {
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, move |_| async move {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, move |call, _| {
            assert!(!when(call), "no such luck");
            false
        });
        let (transport, mut peer) = pair(protocol).await;
        peer.write_all(b"x").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        log.until("lost").await;
        assert!(log.has(&format!("lost: protocol.{method}() failed: no such luck")));
        assert!(transport.is_closing());
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains(&format!("Fatal error: protocol.{method}() call failed.")));
    assert_eq!(sockets.0.open.get(), 0);
}

#[test]
fn transp_12_a_connection_aborted_in_connection_made_is_still_returned_and_close_is_harmless() {
    on_loop(|_| async {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, |call, transport| {
            if call == Call::Made {
                transport.abort();
            }
            false
        });
        let (transport, _peer) = pair(protocol).await;
        assert!(transport.is_closing());
        transport.close();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "lost"]);
    });
}

#[test]
fn transp_13_a_receive_that_would_block_or_is_interrupted_is_made_again_later() {
    let sockets = Scripted::default();
    let refusals = [Answer::Fail(libc::EAGAIN), Answer::Fail(libc::EINTR)];
    sockets.0.receives.borrow_mut().extend(refusals);
    let builder = EventLoop::builder().sockets(sockets);
    let ((), reports) = reporting(builder, |_| async {
        let log = Log::default();
        let (transport, mut peer) = pair(Recorder::new(&log)).await;
        peer.write_all(b"x").unwrap();
        log.until("data x").await;
        transport.abort();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "data x", "lost"]);
    });
    assert_eq!(reports, [""; 0]);
}

/// What goes out when the kernel answers so, and what it was asked for each time.
fn sent_with(answers: &[Answer], writes: &'static [&'static [u8]]) -> (Vec<u8>, Vec<usize>) {
    let sockets = Scripted::sending(answers.iter().copied());
    let builder = EventLoop::builder().sockets(sockets.clone());
    let (received, reports) = reporting(builder, move |_| async move {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        for bytes in writes {
            transport.write(bytes).unwrap();
        }
        transport.close();
        log.until("lost").await;
        read_to_end(&peer)
    });
    assert_eq!(reports, [""; 0]);
    let asked = sockets.0.asked.borrow().iter().map(|asked| asked.0).collect();
    (received, asked)
}

#[test]
fn transp_14_a_write_is_sent_at_once_and_only_the_rest_is_kept() {
    assert_eq!(sent_with(&[], &[b"ab", b"cd"]), (b"abcd".to_vec(), vec![2, 2]));
    let short = [Answer::AtMost(1)];
    assert_eq!(sent_with(&short, &[b"abc", b"de"]), (b"abcde".to_vec(), vec![3, 4]));
}

#[test]
fn transp_14_a_socket_that_takes_everything_is_never_watched_for_writing() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        transport.write(b"x").unwrap();
        let before = event_loop.counters();
        evloop::yield_now().await;
        evloop::yield_now().await;
        assert_eq!(event_loop.counters().events, before.events);
        drop(peer);
        transport.abort();
        log.until("lost").await;
    });
}

#[test]
fn transp_16_an_empty_write_does_nothing() {
    assert_eq!(sent_with(&[], &[b"", b""]), (vec![], vec![]));
    let (received, asked) = sent_with(&[Answer::Fail(libc::EAGAIN)], &[b"a", b""]);
    assert_eq!((received, asked), (b"a".to_vec(), vec![1, 1]));
}

#[test]
fn transp_17_zero_and_partial_sends_are_tried_again_until_all_is_sent() {
    let answers =
        [Answer::Takes(0), Answer::Takes(0), Answer::AtMost(2), Answer::Fail(libc::EINTR)];
    let (received, asked) = sent_with(&answers, &[b"abcde"]);
    assert_eq!((received, asked), (b"abcde".to_vec(), vec![5, 5, 5, 3, 3]));
}

#[test]
fn transp_17_an_emptied_buffer_ends_watching_for_writing() {
    let sockets = Scripted::sending([Answer::AtMost(1)]);
    let builder = EventLoop::builder().sockets(sockets).always_poll();
    let ((), reports) = reporting(builder, |event_loop| async move {
        let log = Log::default();
        let (transport, mut peer) = pair(Recorder::new(&log)).await;
        transport.write(b"ab").unwrap();
        while transport.get_write_buffer_size() > 0 {
            evloop::yield_now().await;
        }
        let before = event_loop.counters().events;
        for _ in 0..5 {
            evloop::yield_now().await;
        }
        assert_eq!(event_loop.counters().events, before, "it is writable all the time");
        let mut bytes = [0; 2];
        peer.read_exact(&mut bytes).unwrap();
        transport.abort();
        log.until("lost").await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn transp_17_a_send_that_fails_loses_the_connection_and_what_is_unsent() {
    let answers = [Answer::AtMost(1), Answer::Fail(libc::EPIPE)];
    let sockets = Scripted::sending(answers);
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |_| async {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        transport.write(b"abc").unwrap();
        log.until("lost").await;
        assert_eq!(log.lines()[1], format!("lost: {}", os_error(libc::EPIPE)));
        assert_eq!(transport.get_write_buffer_size(), 0);
    });
    assert_eq!(reports, [""; 0]);
    assert_eq!(sockets.0.open.get(), 0);
}

#[test]
fn transp_18_writes_to_a_lost_connection_vanish_and_the_fifth_is_reported_once() {
    let ((), reports) = reporting(EventLoop::builder(), |event_loop| async move {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        transport.abort();
        for _ in 0..4 {
            transport.write(b"x").unwrap();
        }
        assert_eq!(event_loop.counters().exceptions, 0);
        log.until("lost").await;
        for _ in 0..100 {
            transport.write(b"x").unwrap();
        }
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("socket.send() raised exception."), "{reports:?}");
}

#[test]
fn transp_20_writelines_goes_out_in_order_in_one_call_and_the_rest_is_kept() {
    for taken in [None, Some(0), Some(1), Some(4), Some(9)] {
        let sockets = Scripted::sending(taken.map(Answer::AtMost));
        let builder = EventLoop::builder().sockets(sockets.clone());
        let (received, reports) = reporting(builder, |_| async {
            let log = Log::default();
            let (transport, peer) = pair(Recorder::new(&log)).await;
            let lines = [b"abc", b"def", b"ghi"].map(|line| std::io::IoSlice::new(line));
            transport.writelines(&lines).unwrap();
            transport.close();
            log.until("lost").await;
            read_to_end(&peer)
        });
        assert_eq!(received, b"abcdefghi");
        assert_eq!(reports, [""; 0]);
        assert_eq!(sockets.0.asked.borrow()[0], (9, 3), "one call of three buffers");
    }
}

#[test]
fn transp_21_a_vectored_send_that_stops_in_the_middle_of_a_buffer_goes_on_there() {
    let piece = vec![b'x'; 20_000];
    let sockets = Scripted::sending([Answer::Takes(0), Answer::AtMost(30_001)]);
    let builder = EventLoop::builder().sockets(sockets.clone());
    let (received, reports) = reporting(builder, |_| async move {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        let lines = [&piece[..], &piece, &piece].map(std::io::IoSlice::new);
        transport.writelines(&lines).unwrap();
        transport.close();
        log.until("lost").await;
        read_to_end(&peer).len()
    });
    assert_eq!((received, reports), (60_000, vec![]));
    assert_eq!(sockets.0.asked.borrow()[..], [(60_000, 3), (60_000, 3), (29_999, 2)]);
}

#[test]
fn transp_22_both_addresses_are_known_also_after_the_end() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        transport.close();
        log.until("lost").await;
        evloop::yield_now().await;
        assert_eq!(transport.peer_addr().unwrap(), peer.local_addr().unwrap());
        assert_eq!(transport.local_addr().unwrap(), peer.peer_addr().unwrap());
    });
}

#[test]
fn transp_23_options_of_the_socket_can_be_read_and_set_until_it_is_closed() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        assert!(transport.as_raw_fd() >= 0);
        transport.setsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1).unwrap();
        assert_ne!(transport.getsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE).unwrap(), 0);
        transport.abort();
        log.until("lost").await;
        evloop::yield_now().await;
        let error = transport.getsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
        assert_eq!(transport.as_raw_fd(), -1);
    });
}

#[test]
fn transp_25_accepted_connected_and_adopted_sockets_have_tcp_nodelay() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let accepted = log.clone();
        let factory = move || {
            Recorder::reacting(&accepted, |call, transport| {
                if call == Call::Made {
                    let nodelay = transport.getsockopt(libc::IPPROTO_TCP, libc::TCP_NODELAY);
                    assert_ne!(nodelay.unwrap(), 0);
                }
                false
            })
        };
        let server = event_loop.create_server(factory, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let connected = event_loop.create_connection(|| Echo, address).await.unwrap();
        let (adopted, _peer) = pair(Echo).await;
        for transport in [&connected, &adopted] {
            let nodelay = transport.getsockopt(libc::IPPROTO_TCP, libc::TCP_NODELAY).unwrap();
            assert_ne!(nodelay, 0);
            transport.abort();
        }
        server.close();
        server.wait_closed().await;
        assert_eq!(log.lines(), ["made", "eof", "lost"]);
    });
}

#[test]
fn a_transport_whose_every_name_is_dropped_lives_on() {
    on_loop(|_| async {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, |_, _| false);
        let (transport, mut peer) = pair(protocol).await;
        drop(transport);
        peer.write_all(b"still there?").unwrap();
        log.until("data still there?").await;
        drop(peer);
        log.until("lost").await;
    });
}

#[test]
fn users_cannot_watch_a_transports_descriptor() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        let refused = event_loop.add_reader(transport.as_raw_fd(), || {});
        assert!(matches!(refused, Err(evloop::LoopError::UsedByTransport { .. })));
        transport.abort();
        log.until("lost").await;
        // The number is free again, whoever has it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        event_loop.add_reader(listener.as_raw_fd(), || {}).unwrap();
        event_loop.remove_reader(listener.as_raw_fd()).unwrap();
    });
}
