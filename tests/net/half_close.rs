//! Half close: one side has finished, the other goes on. (HALF)

use std::io::{Read, Write};
use std::net::Shutdown;

use evloop::EventLoop;

use crate::fake::{Answer, Scripted};
use crate::support::{Call, Log, Recorder, on_loop, pair, read_to_end, reporting};

/// A protocol that keeps the connection when the peer has finished.
fn keeping(log: &Log) -> Recorder {
    Recorder::reacting(log, |call, _| call == Call::Eof)
}

#[test]
fn half_01_an_eof_that_is_not_kept_closes() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        peer.shutdown(Shutdown::Write).unwrap();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "eof", "lost"]);
        assert!(transport.is_closing());
        assert_eq!(read_to_end(&peer), b"");
    });
}

#[test]
fn half_02_an_eof_that_is_kept_leaves_writing_and_does_not_spin() {
    on_loop(|event_loop| async move {
        let log = Log::default();
        let (transport, peer) = pair(keeping(&log)).await;
        peer.shutdown(Shutdown::Write).unwrap();
        log.until("eof").await;
        assert!(!transport.is_closing() && !transport.is_reading());
        let before = event_loop.counters().events;
        for _ in 0..5 {
            evloop::sleep(std::time::Duration::ZERO).await;
        }
        assert_eq!(event_loop.counters().events, before, "the end of file is readable for ever");
        transport.write(b"after your end").unwrap();
        transport.close();
        log.until("lost").await;
        assert_eq!(read_to_end(&peer), b"after your end");
        assert_eq!(log.lines(), ["made", "eof", "lost"]);
    });
}

#[test]
fn half_04_the_fin_waits_for_the_unsent_bytes() {
    let sockets = Scripted::sending([Answer::Fail(libc::EAGAIN), Answer::AtMost(3)]);
    let builder = EventLoop::builder().sockets(sockets);
    let ((), reports) = reporting(builder, |_| async {
        let log = Log::default();
        let (transport, mut peer) = pair(Recorder::new(&log)).await;
        transport.write(b"unsent").unwrap();
        transport.write_eof();
        transport.write_eof();
        peer.set_nonblocking(true).unwrap();
        let nothing = peer.read(&mut [0; 9]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock, "no byte and no FIN yet");
        peer.set_nonblocking(false).unwrap();
        while transport.get_write_buffer_size() > 0 {
            evloop::yield_now().await;
        }
        assert_eq!(read_to_end(&peer), b"unsent");
        peer.write_all(b"answer").unwrap();
        log.until("data answer").await;
        drop(peer);
        log.until("lost").await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn half_05_a_write_after_write_eof_is_an_error_of_the_caller() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        transport.write_eof();
        let error = transport.write(b"x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "Cannot call write() after write_eof()");
        transport.close();
        log.until("lost").await;
    });
}

#[test]
fn half_06_write_eof_after_close_does_nothing() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        transport.close();
        transport.write_eof();
        log.until("lost").await;
        transport.write_eof();
        assert_eq!(log.lines(), ["made", "lost"]);
        assert_eq!(read_to_end(&peer), b"");
    });
}

#[test]
fn both_sides_may_finish_and_the_connection_stays_until_it_is_closed() {
    on_loop(|_| async {
        let log = Log::default();
        let (transport, peer) = pair(keeping(&log)).await;
        transport.write_eof();
        assert_eq!(read_to_end(&peer), b"");
        peer.shutdown(Shutdown::Write).unwrap();
        log.until("eof").await;
        assert!(!transport.is_closing());
        transport.close();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "eof", "lost"]);
    });
}
