//! Sending files. (SENDFILE)

use std::fs::File;
use std::io::{ErrorKind, Seek, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use evloop::{EventLoop, Transport, spawn, timeout};

use crate::fake::{Answer, Scripted};
use crate::support::{Log, Recorder, ends, off_loop, on_loop, pair, read_to_end, reporting};

/// More than a socket's buffers hold.
const SIZE: usize = 8 << 20;

fn contents(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// A file that has no name any more.
fn file(size: usize) -> File {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("evloop-file-{}-{number}", std::process::id()));
    let options = File::options().read(true).write(true).create_new(true).clone();
    let mut file = options.open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(&contents(size)).unwrap();
    file.rewind().unwrap();
    file
}

fn position(file: &File) -> u64 {
    let mut file = file;
    file.stream_position().unwrap()
}

async fn open() -> (Transport, TcpStream) {
    pair(Recorder::new(&Log::default())).await
}

async fn goes_between_writes(event_loop: EventLoop) {
    let (transport, peer) = open().await;
    let file = file(SIZE);
    let before = contents(1 << 20);
    transport.write(&before).unwrap();
    let reads = spawn(off_loop(move || read_to_end(&peer)));
    assert_eq!(event_loop.sendfile(&transport, &file, 0, None).await.unwrap(), SIZE as u64);
    assert_eq!(position(&file), SIZE as u64);
    transport.write(b"after").unwrap();
    transport.close();
    assert!(reads.await.unwrap() == [before, contents(SIZE), b"after".to_vec()].concat());
}

#[test]
fn sendfile_01_a_file_goes_between_what_is_written_before_and_after() {
    on_loop(goes_between_writes);
}

#[test]
fn sendfile_06_where_the_kernel_cannot_the_file_is_read_and_sent() {
    let script = Scripted::default();
    script.0.no_sendfile.set(true);
    let ((), reports) = reporting(EventLoop::builder().sockets(script), |event_loop| async move {
        goes_between_writes(event_loop.clone()).await;
        let (transport, _peer) = open().await;
        let file = file(10);
        let refused = event_loop.sendfile(&transport, &file, 0, None).fallback(false).await;
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("SendfileNotAvailable"), "{error}");
        assert_eq!(position(&file), 0);
        transport.close();
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn sendfile_02_exactly_the_part_that_was_asked_for_is_sent() {
    on_loop(|event_loop| async move {
        let (transport, peer) = open().await;
        let file = file(5000);
        let sent = event_loop.sendfile(&transport, &file, 1000, Some(2500)).await.unwrap();
        assert_eq!((sent, position(&file)), (2500, 3500));
        // No more than there is.
        let sent = event_loop.sendfile(&transport, &file, 4990, Some(2500)).await.unwrap();
        assert_eq!((sent, position(&file)), (10, 5000));
        transport.close();
        let whole = contents(5000);
        let expected = [&whole[1000..3500], &whole[4990..]].concat();
        assert!(off_loop(move || read_to_end(&peer)).await == expected);
    });
}

#[test]
fn sendfile_04_a_closing_connection_is_refused_and_the_position_stays() {
    on_loop(|event_loop| async move {
        let (transport, _peer) = open().await;
        let file = file(10);
        transport.close();
        let error = event_loop.sendfile(&transport, &file, 5, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(position(&file), 0);

        let (transport, _peer) = open().await;
        transport.write_eof();
        let error = event_loop.sendfile(&transport, &file, 5, None).await.unwrap_err();
        assert!(error.to_string().contains("after write_eof()"), "{error}");
        transport.close();
    });
}

#[test]
fn sendfile_05_a_peer_that_goes_is_told_and_the_position_says_how_much_went() {
    on_loop(|event_loop| async move {
        let (transport, peer) = open().await;
        let file = file(SIZE);
        let goes = spawn(off_loop(move || {
            let mut some = [0; 1000];
            std::io::Read::read_exact(&mut (&peer), &mut some).unwrap();
            // What it has not read makes this a reset.
            drop(peer);
        }));
        let error = event_loop.sendfile(&transport, &file, 0, None).await.unwrap_err();
        let lost = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
        assert!(lost.contains(&error.kind()), "{error}");
        assert!(transport.is_closing());
        assert!((1000..SIZE as u64).contains(&position(&file)));
        goes.await.unwrap();
    });
}

#[test]
fn a_write_and_a_second_file_are_refused_while_a_file_is_sent_and_close_waits_for_its_end() {
    on_loop(|event_loop| async move {
        let (transport, peer) = open().await;
        let (theirs, inner) = (transport.clone(), event_loop.clone());
        let sending = spawn(async move {
            let file = file(SIZE);
            inner.sendfile(&theirs, &file, 0, None).await
        });
        evloop::yield_now().await;
        let error = transport.write(b"now").unwrap_err();
        assert!(error.to_string().contains("sendfile() is in progress"), "{error}");
        let other = file(10);
        let error = event_loop.sendfile(&transport, &other, 0, None).await.unwrap_err();
        assert!(error.to_string().contains("another file"), "{error}");
        transport.close();
        let all = off_loop(move || read_to_end(&peer)).await;
        assert!(all == contents(SIZE));
        assert_eq!(sending.await.unwrap().unwrap(), SIZE as u64);
    });
}

#[test]
fn a_cancelled_file_has_been_sent_as_far_as_its_position_and_writes_follow() {
    on_loop(|event_loop| async move {
        let (transport, peer) = open().await;
        let file = file(SIZE);
        let sending = event_loop.sendfile(&transport, &file, 0, None).into_future();
        let cut = timeout(std::time::Duration::from_millis(1), sending).await;
        assert!(cut.is_err(), "nobody reads it");
        let sent = position(&file) as usize;
        transport.write(b"after").unwrap();
        transport.close();
        let all = off_loop(move || read_to_end(&peer)).await;
        assert!(all == [&contents(SIZE)[..sent], b"after"].concat());
    });
}

#[test]
fn a_file_waits_for_what_was_written_before_and_gives_up_if_that_is_lost() {
    let script = Scripted::sending([Answer::Fail(libc::EAGAIN)]);
    let ((), reports) = reporting(EventLoop::builder().sockets(script), |event_loop| async move {
        let (transport, _peer) = open().await;
        transport.write(b"waits").unwrap();
        let (theirs, inner) = (transport.clone(), event_loop.clone());
        let sending = spawn(async move {
            let file = file(10);
            let sent = inner.sendfile(&theirs, &file, 0, None).await;
            (sent, position(&file))
        });
        evloop::yield_now().await;
        transport.abort();
        let (sent, position) = sending.await.unwrap();
        // Unless the first bytes were gone before: then it has been sent as well.
        assert!(sent.is_err() && position == 0 || sent.is_ok_and(|sent| sent == position));
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn sendfile_02_a_socket_without_a_transport_sends_a_part_of_a_file() {
    on_loop(|event_loop| async move {
        let (ours, peer) = ends();
        let file = file(SIZE);
        let error = event_loop.sock_sendfile(&ours, &file, 0, None).await.unwrap_err();
        assert!(error.to_string().contains("must be non-blocking"), "{error}");
        ours.set_nonblocking(true).unwrap();
        let reads = spawn(off_loop(move || read_to_end(&peer)));
        let count = SIZE as u64 - 20;
        let sent = event_loop.sock_sendfile(&ours, &file, 10, Some(count)).await.unwrap();
        assert_eq!((sent, position(&file)), (count, 10 + count));
        drop(ours);
        assert!(reads.await.unwrap() == contents(SIZE)[10..SIZE - 10]);
    });
}
