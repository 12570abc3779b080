//! Our write meets the peer's reset before we have read what it said.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use evloop::{EventLoop, Protocol, Transport, open_connection};

use crate::support::{Call, Log, Recorder, ends, on_loop, pair, reset};

/// The peer says `said`, ends as `end` does it, and resets; our next write fails. Whether we had
/// paused reading is up to `paused`.
async fn said_and_reset(
    protocol: impl Protocol + 'static,
    said: &[u8],
    end: fn(&TcpStream),
    paused: bool,
) -> Transport {
    let (transport, mut peer) = pair(protocol).await;
    transport.pause_reading();
    peer.write_all(said).unwrap();
    end(&peer);
    reset(&transport, peer);
    if !paused {
        transport.resume_reading();
    }
    transport.write(b"more").unwrap();
    assert!(transport.is_closing(), "the write met the reset");
    transport.write(b"into the void").unwrap();
    transport
}

fn as_it_is(_: &TcpStream) {}

#[test]
fn what_the_peer_said_before_its_reset_is_delivered_before_the_loss() {
    on_loop(|_| async {
        let log = Log::default();
        let transport = said_and_reset(Recorder::new(&log), b"said", as_it_is, false).await;
        assert_eq!(log.lines(), ["made"], "not within the write");
        log.until("lost").await;
        let lines = log.lines();
        assert_eq!((lines.len(), &lines[..2]), (3, &["made".into(), "data said".into()][..]));
        assert!(lines[2].starts_with("lost: "), "{lines:?}");
        assert!(!transport.is_reading());
    });
}

#[test]
#[cfg(target_os = "linux")]
fn the_peers_end_before_its_reset_is_told_and_a_reset_alone_is_no_end() {
    on_loop(|_| async {
        let log = Log::default();
        let finish = |peer: &TcpStream| peer.shutdown(Shutdown::Write).unwrap();
        said_and_reset(Recorder::new(&log), b"said", finish, false).await;
        log.until("lost").await;
        let end = "lost: Broken pipe (os error 32)";
        assert_eq!(log.lines(), ["made", "data said", "eof", end]);
    });
}

#[test]
fn a_protocol_that_does_not_read_is_told_of_the_loss_at_once() {
    on_loop(|_| async {
        let log = Log::default();
        said_and_reset(Recorder::new(&log), b"said", as_it_is, true).await;
        log.until("lost").await;
        assert_eq!(log.lines().len(), 2, "{:?}", log.lines());
    });
}

#[test]
fn a_pause_while_it_is_delivered_ends_it() {
    on_loop(|_| async {
        let log = Log::default();
        let pauses = Recorder::reacting(&log, |call, transport| {
            if let Call::Data(_) = call {
                transport.pause_reading();
            }
            false
        });
        // More than one receive takes.
        said_and_reset(pauses, &[b'x'; 100_000], as_it_is, false).await;
        log.until("lost").await;
        assert_eq!(log.lines().len(), 3, "made, one piece, lost");
    });
}

#[test]
fn a_close_while_it_is_delivered_ends_it() {
    on_loop(|_| async {
        let log = Log::default();
        let closes = Recorder::reacting(&log, |call, transport| {
            if let Call::Data(_) = call {
                transport.close();
            }
            false
        });
        said_and_reset(closes, &[b'x'; 100_000], as_it_is, false).await;
        log.until("lost").await;
        assert_eq!(log.lines().len(), 3, "made, one piece, lost");
    });
}

#[test]
fn a_protocol_that_wants_none_of_it_gets_none() {
    struct Aloof(Log);
    impl Protocol for Aloof {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            self.0.push("data");
        }
        fn reads_after_failed_write(&self) -> bool {
            false
        }
        fn connection_lost(&mut self, error: Option<std::io::Error>) {
            assert!(error.is_some());
            self.0.push("lost");
        }
    }
    on_loop(|_| async {
        let log = Log::default();
        said_and_reset(Aloof(log.clone()), b"said", as_it_is, false).await;
        log.until("lost").await;
        assert_eq!(log.lines(), ["lost"]);
    });
}

#[test]
fn a_peer_that_takes_nothing_and_says_nothing_is_not_waited_for() {
    on_loop(|event_loop: EventLoop| async move {
        let (ours, peer) = UnixStream::pair().unwrap();
        let log = Log::default();
        let protocol = Recorder::new(&log);
        let transport = event_loop.create_unix_connection(move || protocol, ours).await.unwrap();
        peer.shutdown(Shutdown::Read).unwrap();
        transport.write(b"refused").unwrap();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "lost: Broken pipe (os error 32)"]);
        drop(peer);
    });
}

#[test]
fn a_stream_reads_what_was_said_and_its_writer_learns_of_the_failure() {
    on_loop(|_| async {
        let (ours, mut peer) = ends();
        let (mut reader, mut writer) = open_connection(ours).await.unwrap();
        writer.transport().pause_reading();
        peer.write_all(b"said").unwrap();
        reset(writer.transport(), peer);
        writer.transport().resume_reading();
        writer.write(b"more").unwrap();
        let error = loop {
            match writer.drain().await {
                Ok(()) => writer.write(b"and more").unwrap(),
                Err(error) => break error,
            }
        };
        assert_eq!(reader.read(100).await.unwrap(), b"said");
        assert_eq!(reader.read(100).await.unwrap_err().to_string(), error.to_string());
    });
}
