//! Write flow control: when a protocol is told to pause and to go on. (FLOW)

use std::cell::RefCell;
use std::rc::Rc;

use evloop::{Builder, EventLoop, Transport};

use crate::fake::{Answer, Scripted};
use crate::support::{Call, Log, Recorder, off_loop, pair, read_to_end, reporting};

/// A loop whose first `refusals` sends would block.
fn refusing(refusals: usize) -> Builder {
    let refusals = std::iter::repeat_n(Answer::Fail(libc::EAGAIN), refusals);
    EventLoop::builder().sockets(Scripted::sending(refusals))
}

#[test]
fn flow_01_the_marks_can_be_asked_and_set_and_contradictions_are_refused() {
    let ((), reports) = reporting(EventLoop::builder(), |_| async {
        let (transport, _peer) = pair(Recorder::new(&Log::default())).await;
        assert_eq!(transport.get_write_buffer_limits(), (16 * 1024, 64 * 1024));
        transport.set_write_buffer_limits(Some(100), None).unwrap();
        assert_eq!(transport.get_write_buffer_limits(), (25, 100));
        transport.set_write_buffer_limits(Some(10), Some(20)).unwrap_err();
        assert_eq!(transport.get_write_buffer_limits(), (25, 100));
        transport.set_write_buffer_limits(None, None).unwrap();
        assert_eq!(transport.get_write_buffer_limits(), (16 * 1024, 64 * 1024));
        transport.abort();
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn flow_02_pause_comes_inside_write_and_only_strictly_above_the_mark_then_resume_once() {
    let ((), reports) = reporting(refusing(1), |_| async {
        let log = Log::default();
        let (transport, peer) = pair(Recorder::new(&log)).await;
        transport.set_write_buffer_limits(Some(4), Some(1)).unwrap();
        transport.write(b"four").unwrap();
        assert_eq!(log.lines(), ["made"]);
        transport.write(b"!").unwrap();
        assert_eq!(log.lines(), ["made", "pause"], "before write returns");
        transport.write(b"!").unwrap();
        log.until("resume").await;
        transport.close();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "pause", "resume", "lost"]);
        assert_eq!(read_to_end(&peer), b"four!!");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn flow_04_marks_lowered_below_what_waits_pause_at_once() {
    let ((), reports) = reporting(refusing(1), |_| async {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        transport.write(b"four").unwrap();
        transport.set_write_buffer_limits(Some(3), None).unwrap();
        assert_eq!(log.lines(), ["made", "pause"]);
        transport.set_write_buffer_limits(None, None).unwrap();
        assert_eq!(log.lines(), ["made", "pause", "resume"]);
        transport.abort();
        log.until("lost").await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn flow_05_resume_writing_may_write_to_this_and_to_another_transport() {
    let ((), reports) = reporting(refusing(1), |_| async {
        let (log, other_log) = (Log::default(), Log::default());
        let (other, other_peer) = pair(Recorder::new(&other_log)).await;
        let second = other.clone();
        let protocol = Recorder::reacting(&log, move |call, transport| {
            if call == Call::Resume {
                transport.write(b" and here").unwrap();
                second.write(b"there").unwrap();
            }
            false
        });
        let (transport, peer) = pair(protocol).await;
        transport.set_write_buffer_limits(Some(0), None).unwrap();
        transport.write(b"here").unwrap();
        log.until("resume").await;
        transport.close();
        other.close();
        log.until("lost").await;
        other_log.until("lost").await;
        assert_eq!(read_to_end(&peer), b"here and here");
        assert_eq!(read_to_end(&other_peer), b"there");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn flow_06_a_panic_in_either_is_reported_and_the_bytes_flow_on() {
    let (received, reports) = reporting(refusing(1), |_| async {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, |call, _| {
            assert!(!matches!(call, Call::Pause | Call::Resume), "no such luck");
            false
        });
        let (transport, peer) = pair(protocol).await;
        transport.set_write_buffer_limits(Some(0), None).unwrap();
        transport.write(b"bytes").unwrap();
        log.until("resume").await;
        transport.close();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "pause", "resume", "lost"]);
        read_to_end(&peer)
    });
    assert_eq!(received, b"bytes");
    assert_eq!(reports.len(), 2);
    assert!(reports[0].starts_with("protocol.pause_writing() failed"), "{reports:?}");
    assert!(reports[1].starts_with("protocol.resume_writing() failed"), "{reports:?}");
}

#[test]
fn a_protocol_that_writes_too_much_in_its_own_method_is_told_when_that_returns() {
    let ((), reports) = reporting(refusing(1), |_| async {
        let log = Log::default();
        let inside = log.clone();
        let protocol = Recorder::reacting(&log, move |call, transport| {
            if call == Call::Made {
                transport.set_write_buffer_limits(Some(0), None).unwrap();
                transport.write(b"greeting").unwrap();
                inside.push("written");
            }
            false
        });
        let (transport, peer) = pair(protocol).await;
        assert_eq!(log.lines(), ["made", "written", "pause"]);
        transport.close();
        log.until("lost").await;
        assert_eq!(read_to_end(&peer), b"greeting");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_lost_connection_is_not_told_to_resume() {
    let ((), reports) = reporting(refusing(1), |_| async {
        let log = Log::default();
        let (transport, _peer) = pair(Recorder::new(&log)).await;
        transport.set_write_buffer_limits(Some(0), None).unwrap();
        transport.write(b"lost as well").unwrap();
        transport.abort();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "pause", "lost"]);
        assert_eq!(transport.get_write_buffer_size(), 0);
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_peer_that_reads_nothing_pauses_the_writer_and_one_that_reads_has_everything() {
    const TOTAL: usize = 8 << 20;
    let ((), reports) = reporting(EventLoop::builder(), |_| async {
        let log = Log::default();
        let written = Rc::new(RefCell::new(0));
        let count = written.clone();
        let fill = move |transport: &Transport| {
            while *count.borrow() < TOTAL
                && transport.get_write_buffer_size() <= transport.get_write_buffer_limits().1
            {
                transport.write(&[7; 4096]).unwrap();
                *count.borrow_mut() += 4096;
            }
            if *count.borrow() == TOTAL {
                transport.close();
            }
        };
        let protocol = Recorder::reacting(&log, move |call, transport| {
            if matches!(call, Call::Made | Call::Resume) {
                fill(transport);
            }
            false
        });
        let (transport, peer) = pair(protocol).await;
        assert!(log.has("pause"), "the kernel's buffers are smaller than 8 MiB");
        assert!(transport.get_write_buffer_size() <= 64 * 1024 + 4096);
        let reader = off_loop(move || read_to_end(&peer).len());
        assert_eq!(reader.await, TOTAL);
        log.until("lost").await;
    });
    assert_eq!(reports, [""; 0]);
}
