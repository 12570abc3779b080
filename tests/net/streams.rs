//! Streams: reading and writing with `await`. (STREAM, DRAIN; the buffer's own rules are tested
//! beside it)

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use evloop::{EventLoop, ReadError, StreamReader, StreamWriter};

use crate::fake::{Answer, Scripted};
use crate::support::{Log, ends, off_loop, on_loop, read_to_end, reporting, reset};

/// The two ends of a stream, and its blocking peer.
async fn stream() -> (StreamReader, StreamWriter, TcpStream) {
    limited(64 * 1024).await
}

async fn limited(limit: usize) -> (StreamReader, StreamWriter, TcpStream) {
    let (ours, peer) = ends();
    let (reader, writer) = evloop::open_connection(ours).limit(limit).await.unwrap();
    (reader, writer, peer)
}

#[test]
fn stream_01_and_02_a_read_gives_what_is_there_and_read_to_end_the_rest() {
    on_loop(|_| async {
        let (mut reader, _writer, mut peer) = stream().await;
        assert_eq!(reader.read(0).await.unwrap(), b"");
        peer.write_all(b"abc").unwrap();
        assert_eq!(reader.read(2).await.unwrap(), b"ab");
        assert_eq!(reader.read(1000).await.unwrap(), b"c");
        peer.write_all(b"rest").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"rest");
        assert!(reader.at_eof());
        assert_eq!(reader.read(1).await.unwrap(), b"");
        assert_eq!(reader.readline().await.unwrap(), b"");
        assert_eq!(reader.read_into(&mut [0; 4]).await.unwrap(), 0);
    });
}

#[test]
fn stream_04_to_10_lines_separators_and_counts_come_across_the_network() {
    on_loop(|_| async {
        let (mut reader, _writer, mut peer) = limited(4).await;
        let text = b"four\nlonger\nok\nkey: value\r\n\r\nlast";
        let writing = std::thread::spawn(move || {
            text.chunks(3).for_each(|chunk| peer.write_all(chunk).unwrap());
        });
        assert_eq!(reader.readline().await.unwrap(), b"four\n");
        let overrun = reader.readline().await.unwrap_err();
        assert_eq!(overrun.kind(), ErrorKind::InvalidData);
        // Without its newline in the buffer, as much of the line was dropped as had come.
        let mut line = reader.readline().await.unwrap();
        if line != b"ok\n" {
            line = reader.readline().await.unwrap();
        }
        assert_eq!(line, b"ok\n");
        assert_eq!(reader.readuntil_any(&[b" ", b":"]).await.unwrap(), b"key:");
        assert_eq!(reader.readexactly(8).await.unwrap(), b" value\r\n");
        assert_eq!(reader.readuntil(b"\r\n").await.unwrap(), b"\r\n");
        match reader.readuntil(b"\n").await {
            Err(ReadError::IncompleteRead { partial, expected: None }) => {
                assert_eq!(partial, b"last");
            }
            other => panic!("{other:?}"),
        }
        writing.join().unwrap();
    });
}

#[test]
fn stream_13_a_reset_is_the_error_of_a_waiting_read_and_of_every_later_one() {
    on_loop(|event_loop| async move {
        let (mut reader, writer, mut peer) = stream().await;
        peer.write_all(b"unread").unwrap();
        let reading = event_loop.create_task(async move {
            let waiting = reader.readexactly(1000).await;
            (waiting.map(drop), reader)
        });
        evloop::yield_now().await;
        reset(writer.transport(), peer);
        let (waiting, mut reader) = reading.await.unwrap();
        let reset = |error: ReadError| std::io::Error::from(error).kind();
        assert_eq!(reset(waiting.unwrap_err()), ErrorKind::ConnectionReset);
        assert_eq!(reader.read(100).await.unwrap(), b"unread", "it came before");
        let later = reader.read(1).await.unwrap_err();
        assert_eq!(later.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn stream_16_a_full_buffer_pauses_the_transport_and_a_read_resumes_it() {
    on_loop(|event_loop| async move {
        let (mut reader, writer, mut peer) = limited(10).await;
        peer.write_all(&[b'x'; 20]).unwrap();
        while event_loop.counters().bytes_received < 20 {
            evloop::yield_now().await;
        }
        assert!(writer.transport().is_reading(), "twenty are not more than twice the limit");
        peer.write_all(b"y").unwrap();
        while writer.transport().is_reading() {
            evloop::sleep(std::time::Duration::ZERO).await;
        }
        assert_eq!(reader.readexactly(10).await.unwrap(), [b'x'; 10]);
        assert!(!writer.transport().is_reading(), "eleven are left");
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
        assert!(writer.transport().is_reading());
    });
}

#[test]
fn stream_17_exactly_more_than_the_buffer_takes_can_be_read() {
    on_loop(|_| async {
        let (mut reader, _writer, mut peer) = limited(10).await;
        let writing = std::thread::spawn(move || peer.write_all(&[b'x'; 100_000]).unwrap());
        assert_eq!(reader.readexactly(100_000).await.unwrap().len(), 100_000);
        writing.join().unwrap();
    });
}

#[test]
fn stream_18_a_limit_of_zero_is_refused() {
    on_loop(|_| async {
        let (ours, _peer) = ends();
        let error = evloop::open_connection(ours).limit(0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let handler = |_, _| async {};
        let error = evloop::start_server(handler, ("127.0.0.1", 0)).limit(0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn stream_19_each_client_has_a_handler_which_runs_as_a_task() {
    on_loop(|event_loop| async move {
        let handler = |mut reader: StreamReader, mut writer: StreamWriter| async move {
            let name = reader.readline().await?;
            writer.writelines(&[&b"hello "[..], &name[..]])?;
            writer.drain().await
        };
        let server = evloop::start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let tasks = event_loop.counters().tasks_done;
        let greet = |name: &'static str| async move {
            let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
            writer.write(name.as_bytes()).unwrap();
            reader.read_to_end().await.unwrap()
        };
        let (late, early) = (event_loop.create_task(greet("a\n")), greet("b\n").await);
        assert_eq!(early, b"hello b\n");
        assert_eq!(late.await.unwrap(), b"hello a\n");
        assert_eq!(event_loop.counters().tasks_done, tasks + 3);
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn stream_19_a_handler_that_fails_or_panics_is_reported_and_its_connection_closed() {
    let ((), reports) = reporting(EventLoop::builder(), |_| async {
        let handler = |mut reader: StreamReader, _writer: StreamWriter| async move {
            match &reader.readline().await.map_err(|error| error.to_string())?[..] {
                b"panic\n" => panic!("no such luck"),
                _ => Err(String::from("no such command")),
            }
        };
        let server = evloop::start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        for command in ["panic\n", "dance\n"] {
            let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
            writer.write(command.as_bytes()).unwrap();
            assert_eq!(reader.read(1).await.unwrap(), b"");
        }
        server.close();
        server.wait_closed().await;
    });
    assert_eq!(reports.len(), 2);
    assert!(reports[0].contains("no such luck"), "{reports:?}");
    assert!(reports[1].starts_with("Unhandled exception in the handler of 127.0.0.1"));
    assert!(reports[1].contains("no such command"), "{reports:?}");
}

#[test]
fn stream_21_wait_closed_returns_after_connection_lost_also_with_unread_data() {
    on_loop(|_| async {
        let (reader, mut writer, mut peer) = stream().await;
        peer.write_all(b"never read").unwrap();
        writer.close();
        assert!(writer.is_closing());
        writer.wait_closed().await.unwrap();
        writer.wait_closed().await.unwrap();
        drop(reader);
    });
}

#[test]
fn stream_22_closing_the_writer_feeds_the_reader_an_end_of_file() {
    on_loop(|_| async {
        let (mut reader, mut writer, _peer) = stream().await;
        writer.close();
        assert_eq!(reader.read(10).await.unwrap(), b"");
        assert!(reader.at_eof());
    });
}

#[test]
fn stream_23_dropping_both_ends_closes_the_connection_once_everything_is_sent() {
    let sockets = Scripted::sending([Answer::Fail(libc::EAGAIN)]);
    let builder = EventLoop::builder().sockets(sockets);
    let (received, reports) = reporting(builder, |_| async {
        let (reader, mut writer, peer) = stream().await;
        writer.write(b"farewell").unwrap();
        drop(writer);
        assert!(!reader.at_eof());
        drop(reader);
        off_loop(move || read_to_end(&peer)).await
    });
    assert_eq!((&received[..], reports), (&b"farewell"[..], vec![]));
}

#[test]
fn stream_24_half_close_works_through_streams() {
    on_loop(|_| async {
        let handler = |mut reader: StreamReader, mut writer: StreamWriter| async move {
            let everything = reader.read_to_end().await?;
            writer.write(&everything)?;
            writer.write(b", you said")
        };
        let server = evloop::start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, mut writer) = evloop::open_connection(address).await.unwrap();
        assert!(writer.can_write_eof());
        writer.write(b"hello").unwrap();
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.unwrap(), b"hello, you said");
        drop((reader, writer));
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_read_that_is_dropped_while_it_waits_loses_nothing() {
    on_loop(|event_loop| async move {
        let (mut reader, _writer, mut peer) = stream().await;
        peer.write_all(b"half a li").unwrap();
        let task = event_loop.create_task(async move {
            let given_up = evloop::cancel_scope(reader.readline()).await;
            assert!(given_up.is_err());
            reader
        });
        while event_loop.counters().bytes_received < 9 {
            evloop::yield_now().await;
        }
        evloop::yield_now().await;
        task.cancel();
        let mut reader = task.await.unwrap();
        peer.write_all(b"ne\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"half a line\n");
    });
}

#[test]
fn two_tasks_wait_for_the_two_ends_at_once() {
    on_loop(|event_loop| async move {
        let (mut reader, mut writer, peer) = stream().await;
        let echo = std::thread::spawn(move || {
            std::io::copy(&mut &peer, &mut &peer).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
        });
        let writing = event_loop.create_task(async move {
            for _ in 0..64 {
                writer.write(&[b'x'; 64 * 1024]).unwrap();
                writer.drain().await.unwrap();
            }
            writer.write_eof();
            writer
        });
        assert_eq!(reader.read_to_end().await.unwrap().len(), 64 * 64 * 1024);
        drop(writing.await.unwrap());
        echo.join().unwrap();
    });
}

// ---- DRAIN --------------------------------------------------------------------------------------

#[test]
fn drain_01_a_drain_that_need_not_wait_does_not_yield() {
    on_loop(|event_loop| async move {
        let (_reader, mut writer, _peer) = stream().await;
        let turns = event_loop.counters().turns;
        for _ in 0..100 {
            writer.write(b"x").unwrap();
            writer.drain().await.unwrap();
        }
        assert_eq!(event_loop.counters().turns, turns);
    });
}

/// A stream whose writing is paused: the kernel takes nothing the first `refusals` times.
fn paused<F: Future<Output = ()> + 'static>(
    refusals: usize,
    test: impl FnOnce(EventLoop, StreamReader, StreamWriter, TcpStream) -> F + 'static,
) {
    let refusals = std::iter::repeat_n(Answer::Fail(libc::EAGAIN), refusals);
    let builder = EventLoop::builder().sockets(Scripted::sending(refusals));
    let ((), reports) = reporting(builder, move |event_loop| async move {
        let (reader, mut writer, peer) = stream().await;
        writer.transport().set_write_buffer_limits(Some(3), Some(1)).unwrap();
        writer.write(b"four").unwrap();
        test(event_loop, reader, writer, peer).await;
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn drain_02_a_drain_waits_above_the_high_mark_until_the_low_one() {
    paused(3, |event_loop, _reader, mut writer, peer| async move {
        let turns = event_loop.counters().turns;
        writer.drain().await.unwrap();
        assert!(event_loop.counters().turns > turns);
        assert_eq!(writer.transport().get_write_buffer_size(), 0);
        drop((_reader, writer));
        assert_eq!(off_loop(move || read_to_end(&peer)).await, b"four");
    });
}

#[test]
fn drain_04_a_loop_of_write_and_drain_to_a_peer_that_is_gone_ends_with_its_error() {
    on_loop(|_| async {
        let (_reader, mut writer, peer) = stream().await;
        drop(peer);
        let error = loop {
            writer.write(&[b'x'; 1000]).unwrap();
            if let Err(error) = writer.drain().await {
                break error;
            }
        };
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    });
}

#[test]
fn drain_05_after_close_a_drain_yields_once_and_says_that_the_connection_is_lost() {
    on_loop(|event_loop| async move {
        let (_reader, mut writer, _peer) = stream().await;
        writer.close();
        writer.write(b"x").unwrap();
        let turns = event_loop.counters().turns;
        let error = writer.drain().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(event_loop.counters().turns, turns + 1);
    });
}

#[test]
fn drain_06_a_drain_that_waits_for_a_connection_that_fails_has_its_error() {
    let answers = [Answer::Fail(libc::EAGAIN), Answer::Fail(libc::EPIPE)];
    let builder = EventLoop::builder().sockets(Scripted::sending(answers));
    let ((), reports) = reporting(builder, |_| async {
        let (_reader, mut writer, _peer) = stream().await;
        writer.transport().set_write_buffer_limits(Some(0), None).unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn drain_06_a_drain_that_waits_for_a_connection_that_is_closed_in_order_just_ends() {
    paused(1, |event_loop, _reader, mut writer, _peer| async move {
        let transport = writer.transport().clone();
        let draining = event_loop.create_task(async move {
            let waited = writer.drain().await.is_ok();
            (waited, writer.drain().await.map_err(|error| error.kind()))
        });
        let aborting = event_loop.create_task(async move { transport.abort() });
        aborting.await.unwrap();
        assert_eq!(draining.await.unwrap(), (true, Err(ErrorKind::ConnectionReset)));
    });
}

#[test]
fn what_a_stream_held_is_freed_with_it() {
    let token = Rc::new(());
    let held = token.clone();
    on_loop(move |event_loop| async move {
        let log = Log::default();
        let (mut reader, writer, peer) = stream().await;
        let done = log.clone();
        let task = event_loop.create_task(async move {
            let _held = (held, writer);
            while !reader.read(100).await.unwrap().is_empty() {}
            done.push("done");
        });
        (&peer).write_all(b"x").unwrap();
        drop(peer);
        log.until("done").await;
        task.await.unwrap();
    });
    assert_eq!(Rc::strong_count(&token), 1);
}
