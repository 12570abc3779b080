//! Pipes: read, written, and left by the other end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use evloop::{LoopError, get_running_loop, open_read_pipe, open_write_pipe};

use crate::support::{Log, Recorder, off_loop, on_loop};

/// A pipe whose ends block: its reader and its writer.
fn pipe() -> (File, File) {
    let mut ends = [-1; 2];
    // SAFETY: pipe(2) writes two descriptors at the pointer, which has room for them.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the kernel has just opened both for us.
    let [reader, writer] = ends.map(|fd| unsafe { File::from_raw_fd(fd) });
    (reader, writer)
}

fn is_open(fd: i32) -> bool {
    // SAFETY: F_GETFD takes no pointer.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// A pipe's writer with `bytes` in our buffer beyond what the kernel took.
fn fill(transport: &evloop::Transport) {
    while transport.get_write_buffer_size() == 0 {
        transport.write(&[b'x'; 1 << 16]).unwrap();
    }
}

#[test]
fn pipe_01_bytes_then_the_end_of_file_then_the_end() {
    on_loop(|event_loop| async move {
        let (reader, mut writer) = pipe();
        let log = Log::default();
        // Asking to keep it open is of no use: nothing else can come of a pipe.
        let protocol = Recorder::reacting(&log, |_, _| true);
        let transport = event_loop.connect_read_pipe(protocol, reader).unwrap();
        assert_eq!(log.lines(), ["made"]);
        writer.write_all(b"1").unwrap();
        log.until("data 1").await;
        writer.write_all(b"2345").unwrap();
        log.until("data 2345").await;
        assert!(transport.is_reading());
        drop(writer);
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "data 1", "data 2345", "eof", "lost"]);
        assert!(transport.is_closing());
        assert_eq!(transport.as_raw_fd(), -1);
    });
}

#[test]
fn pipe_02_a_writer_hears_that_its_reader_is_gone() {
    on_loop(|event_loop| async move {
        let (reader, writer) = pipe();
        let log = Log::default();
        let transport = event_loop.connect_write_pipe(Recorder::new(&log), writer).unwrap();
        transport.write(b"unread").unwrap();
        drop(reader);
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "lost"]);
    });
}

#[test]
fn pipe_02_with_bytes_unsent_it_is_a_broken_pipe() {
    on_loop(|event_loop| async move {
        let (reader, writer) = pipe();
        let log = Log::default();
        let transport = event_loop.connect_write_pipe(Recorder::new(&log), writer).unwrap();
        fill(&transport);
        drop(reader);
        log.until("lost").await;
        assert!(log.has("lost: Broken pipe"), "{:?}", log.lines());
        assert_eq!(transport.get_write_buffer_size(), 0);
    });
}

#[test]
fn pipe_02_a_socket_that_is_written_tells_of_its_peers_end_but_not_of_its_bytes() {
    on_loop(|event_loop| async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let log = Log::default();
        let transport = event_loop.connect_write_pipe(Recorder::new(&log), ours).unwrap();
        theirs.write_all(b"nobody reads this").unwrap();
        for _ in 0..3 {
            evloop::yield_now().await;
        }
        transport.write(b"to them").unwrap();
        theirs.read_exact(&mut [0; 7]).unwrap();
        assert_eq!(log.lines(), ["made"]);
        let (ours, theirs) = UnixStream::pair().unwrap();
        event_loop.connect_write_pipe(Recorder::new(&log), ours).unwrap();
        drop(theirs);
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "made", "lost"]);
        transport.abort();
    });
}

#[test]
fn pipe_04_pausing_and_resuming_a_closed_pipe_is_no_error() {
    on_loop(|event_loop| async move {
        let (reader, writer) = pipe();
        let log = Log::default();
        let ends = [
            event_loop.connect_read_pipe(Recorder::new(&log), reader).unwrap(),
            event_loop.connect_write_pipe(Recorder::new(&log), writer).unwrap(),
        ];
        for transport in &ends {
            transport.close();
            transport.pause_reading();
            transport.resume_reading();
            assert!(!transport.is_reading());
        }
        log.until_that(|log| log.lines().len() == 4).await;
        ends[0].pause_reading();
        ends[0].resume_reading();
        assert_eq!(log.lines(), ["made", "made", "lost", "lost"]);
    });
}

#[test]
fn a_paused_reader_holds_the_writer_back() {
    on_loop(|event_loop| async move {
        let (reader, mut writer) = pipe();
        let log = Log::default();
        let transport = event_loop.connect_read_pipe(Recorder::new(&log), reader).unwrap();
        transport.pause_reading();
        writer.write_all(b"later").unwrap();
        for _ in 0..3 {
            evloop::yield_now().await;
        }
        assert_eq!(log.lines(), ["made"]);
        transport.resume_reading();
        log.until("data later").await;
        transport.close();
        log.until("lost").await;
    });
}

#[test]
fn pipe_05_a_full_writer_whose_reader_goes_away_is_lost() {
    on_loop(|event_loop| async move {
        let (reader, writer) = pipe();
        let log = Log::default();
        let transport = event_loop.connect_write_pipe(Recorder::new(&log), writer).unwrap();
        fill(&transport);
        transport.write(&[b'y'; 1 << 17]).unwrap();
        log.until("pause").await;
        transport.close();
        drop(reader);
        log.until("lost").await;
        assert_eq!(log.lines().last().unwrap(), "lost: Broken pipe (os error 32)");
    });
}

#[test]
fn pipe_06_what_was_written_is_flushed_before_the_end() {
    for by_eof in [false, true] {
        on_loop(move |event_loop| async move {
            let (mut reader, writer) = pipe();
            let log = Log::default();
            let transport = event_loop.connect_write_pipe(Recorder::new(&log), writer).unwrap();
            let fd = transport.as_raw_fd();
            transport.write(&vec![b'z'; 1_000_000]).unwrap();
            assert!(transport.can_write_eof());
            if by_eof {
                transport.write_eof()
            } else {
                transport.close()
            }
            assert!(transport.is_closing());
            assert!(!log.has("lost"));
            let read = off_loop(move || {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map(|_| (bytes, reader))
            });
            let (bytes, reader) = read.await.unwrap();
            assert_eq!(bytes, vec![b'z'; 1_000_000]);
            log.until("lost").await;
            assert_eq!(log.lines().last().unwrap(), "lost");
            // Its number is free: the next descriptor may have it, but nobody else of this test
            // opens one.
            assert!(transport.as_raw_fd() == -1 && reader.as_raw_fd() != fd);
        });
    }
}

#[test]
fn a_reader_is_not_written() {
    on_loop(|event_loop| async move {
        let (reader, _writer) = pipe();
        let log = Log::default();
        let transport = event_loop.connect_read_pipe(Recorder::new(&log), reader).unwrap();
        let error = transport.write(b"x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("it is only read"), "{error}");
        assert!(!transport.can_write_eof());
        transport.write_eof();
        assert!(transport.is_reading());
        transport.abort();
        log.until("lost").await;
    });
}

#[test]
fn a_regular_file_is_refused_and_closed() {
    on_loop(|event_loop| async move {
        let file = File::open("Cargo.toml").unwrap();
        let error = event_loop.connect_read_pipe(Recorder::new(&Log::default()), file);
        let Err(LoopError::Io(error)) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("is a regular file"), "{error}");
    });
}

#[test]
fn a_closed_loop_takes_no_pipe_and_closes_it() {
    let event_loop = evloop::EventLoop::new().unwrap();
    event_loop.close().unwrap();
    let (reader, mut writer) = pipe();
    let result = event_loop.connect_read_pipe(Recorder::new(&Log::default()), reader);
    assert!(matches!(result, Err(LoopError::Closed)));
    assert!(writer.write(b"x").is_err());
}

#[test]
fn a_terminal_is_read_and_written() {
    on_loop(|event_loop| async move {
        let (mut main, mut side) = (-1, -1);
        let null = std::ptr::null_mut();
        // SAFETY: openpty(3) writes one descriptor at each of the first two pointers; the others
        // may be null.
        let opened =
            unsafe { libc::openpty(&raw mut main, &raw mut side, null, null.cast(), null.cast()) };
        assert_eq!(opened, 0);
        // SAFETY: the kernel has just opened both for us.
        let [main, side] = [main, side].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        let log = Log::default();
        let reader = event_loop.connect_read_pipe(Recorder::new(&log), side).unwrap();
        let writer = event_loop.connect_write_pipe(Recorder::new(&log), main).unwrap();
        writer.write(b"typed\n").unwrap();
        log.until("data typed").await;
        // Its echo comes back to the writer, which is not its reader's end.
        assert!(!writer.is_closing());
        reader.abort();
        writer.abort();
        log.until_that(|log| log.lines().iter().filter(|line| *line == "lost").count() == 2).await;
    });
}

#[test]
fn pipe_ends_are_streams_and_close_when_they_are_dropped() {
    on_loop(|_| async move {
        let (reader, writer) = pipe();
        let mut reader = open_read_pipe(reader).unwrap();
        let mut writer = open_write_pipe(writer).unwrap();
        let sent = evloop::spawn(async move {
            for line in 0..10_000 {
                writer.write(format!("line {line}\n").as_bytes()).unwrap();
                writer.drain().await.unwrap();
            }
        });
        for line in 0..10_000 {
            assert_eq!(reader.readline().await.unwrap(), format!("line {line}\n").as_bytes());
        }
        assert_eq!(reader.read(1).await.unwrap(), b"");
        sent.await.unwrap();
    });
}

#[test]
fn a_dropped_reader_breaks_the_pipe_of_its_writer() {
    on_loop(|_| async move {
        let (reader, writer) = pipe();
        let mut writer = open_write_pipe(writer).unwrap();
        let reader = open_read_pipe(reader).unwrap();
        while writer.transport().get_write_buffer_size() < 1 << 17 {
            writer.write(&[0; 1 << 16]).unwrap();
        }
        let drained = evloop::spawn(async move { writer.drain().await });
        evloop::yield_now().await;
        drop(reader);
        let error = drained.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert!(get_running_loop().is_ok());
    });
}

#[test]
fn a_pipe_of_a_loop_that_closes_is_closed() {
    let event_loop = evloop::EventLoop::new().unwrap();
    let (reader, mut writer) = pipe();
    let log = Log::default();
    let transport = event_loop.connect_read_pipe(Recorder::new(&log), reader).unwrap();
    assert!(is_open(transport.as_raw_fd()));
    event_loop.close().unwrap();
    assert!(writer.write(b"x").is_err());
    // No callback runs in a closed loop.
    assert_eq!(log.lines(), ["made"]);
}
