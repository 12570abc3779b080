//! A protocol may do anything to its transport from inside any of its methods.

use std::io::Write;
use std::net::Shutdown;
use std::rc::Rc;

use evloop::{EventLoop, Protocol, Transport};

use crate::fake::{Answer, Scripted};
use crate::support::{Call, Log, Recorder, off_loop, pair, read_to_end, reporting};

type Deed = fn(&Transport);

const DEEDS: [(&str, Deed); 9] = [
    ("write", |transport| drop(transport.write(&[b'x'; 100]))),
    ("writelines", |transport| drop(transport.writelines(&[std::io::IoSlice::new(b"x")]))),
    ("write_eof", Transport::write_eof),
    ("close", Transport::close),
    ("abort", Transport::abort),
    ("pause_reading", Transport::pause_reading),
    ("resume_reading", |transport| {
        transport.pause_reading();
        transport.resume_reading();
    }),
    ("set_write_buffer_limits", |transport| {
        transport.set_write_buffer_limits(Some(1), None).unwrap();
        transport.set_write_buffer_limits(Some(0), None).unwrap();
    }),
    ("everything", |transport| {
        drop(transport.write(b"x"));
        transport.write_eof();
        drop(transport.write(b"x"));
        transport.close();
        transport.pause_reading();
        transport.abort();
        drop(transport.write(b"x"));
        transport.close();
    }),
];

const METHODS: [&str; 5] = ["made", "data", "eof", "pause", "resume"];

fn method(call: Call<'_>) -> &'static str {
    match call {
        Call::Made => "made",
        Call::Data(_) => "data",
        Call::Eof => "eof",
        Call::Pause => "pause",
        Call::Resume => "resume",
    }
}

/// A connection through its whole life, in which `deed` is done in `method`, and perhaps a panic
/// follows it.
fn live(deed: Deed, in_method: &'static str, panics: bool) -> (Vec<String>, usize) {
    let refusals = [Answer::Fail(libc::EAGAIN), Answer::Fail(libc::EAGAIN)];
    let sockets = Scripted::sending(refusals);
    let builder = EventLoop::builder().sockets(sockets.clone());
    let (lines, reports) = reporting(builder, move |_| async move {
        let log = Log::default();
        let protocol = Recorder::reacting(&log, move |call, transport| {
            if method(call) == in_method {
                deed(transport);
                assert!(!panics, "no such luck");
            }
            true
        });
        let (transport, mut peer) = pair(protocol).await;
        transport.set_write_buffer_limits(Some(0), None).unwrap();
        drop(transport.write(b"kept"));
        // The transport may have closed already.
        let _ = peer.write_all(b"some data");
        let _ = peer.shutdown(Shutdown::Write);
        for _ in 0..20 {
            evloop::sleep(std::time::Duration::ZERO).await;
        }
        transport.resume_reading();
        for _ in 0..20 {
            evloop::sleep(std::time::Duration::ZERO).await;
        }
        transport.close();
        log.until("lost").await;
        evloop::yield_now().await;
        log.lines()
    });
    assert_eq!(sockets.0.open.get(), 0, "no descriptor is left, none is closed twice");
    (lines, reports.len())
}

/// `made data* eof? lost`, with `pause` and `resume` in turns between.
fn assert_grammar(lines: &[String], case: &str) {
    assert_eq!(lines[0], "made", "{case}: {lines:?}");
    assert!(lines.last().unwrap().starts_with("lost"), "{case}: {lines:?}");
    let middle = &lines[1..lines.len() - 1];
    let data_and_eof: Vec<_> =
        middle.iter().filter(|line| *line != "pause" && *line != "resume").collect();
    let eof = data_and_eof.iter().position(|line| *line == "eof");
    assert!(eof.is_none_or(|at| at + 1 == data_and_eof.len()), "{case}: {lines:?}");
    assert!(
        data_and_eof.iter().all(|line| line.starts_with("data") || *line == "eof"),
        "{case}: {lines:?}"
    );
    let flow: Vec<_> = middle.iter().filter(|line| *line == "pause" || *line == "resume").collect();
    for (index, line) in flow.iter().enumerate() {
        assert_eq!(*line, ["pause", "resume"][index % 2], "{case}: {lines:?}");
    }
}

#[test]
fn anything_may_be_done_in_any_method_and_the_call_grammar_holds() {
    for (name, deed) in DEEDS {
        for method in METHODS {
            let case = format!("{name} in {method}");
            let (lines, reports) = live(deed, method, false);
            assert_grammar(&lines, &case);
            assert_eq!(reports, 0, "{case}");
        }
    }
}

#[test]
fn anything_may_be_done_and_a_panic_follow_and_the_call_grammar_holds() {
    for (name, deed) in DEEDS {
        for method in METHODS {
            let case = format!("{name} and a panic in {method}");
            let (lines, reports) = live(deed, method, true);
            assert_grammar(&lines, &case);
            assert_eq!(reports > 0, lines.iter().any(|line| line.starts_with(method)), "{case}");
        }
    }
}

#[test]
fn a_panic_in_connection_lost_is_reported_and_the_descriptor_closed() {
    struct Sore;
    impl Protocol for Sore {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
        fn connection_lost(&mut self, _: Option<std::io::Error>) {
            panic!("no such luck");
        }
    }
    let sockets = Scripted::default();
    let builder = EventLoop::builder().sockets(sockets.clone());
    let ((), reports) = reporting(builder, |_| async {
        let (transport, _peer) = pair(Sore).await;
        transport.abort();
        evloop::yield_now().await;
        evloop::yield_now().await;
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("protocol.connection_lost() failed"));
    assert_eq!(sockets.0.open.get(), 0);
}

#[test]
fn a_protocol_may_hold_the_only_name_of_its_transport_and_is_freed_all_the_same() {
    struct Selfish {
        transport: Option<Transport>,
        _token: Rc<()>,
    }
    impl Protocol for Selfish {
        fn connection_made(&mut self, transport: &Transport) {
            self.transport = Some(transport.clone());
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            self.transport.take().unwrap().close();
        }
    }
    for closes_by_itself in [true, false] {
        let token = Rc::new(());
        let held = token.clone();
        let sockets = Scripted::default();
        let builder = EventLoop::builder().sockets(sockets.clone());
        let ((), reports) = reporting(builder, move |_| async move {
            let (transport, mut peer) = pair(Selfish { transport: None, _token: held }).await;
            drop(transport);
            if closes_by_itself {
                peer.write_all(b"x").unwrap();
                assert_eq!(off_loop(move || read_to_end(&peer)).await, b"");
            }
        });
        assert_eq!(reports, [""; 0]);
        assert_eq!((Rc::strong_count(&token), sockets.0.open.get()), (1, 0));
    }
}
