//! Back-pressure, pausing, files.

use std::cell::{Cell, RefCell};
use std::io::{Read, Seek, Write};
use std::rc::Rc;
use std::time::Duration;

use evloop::{Protocol, StreamReader, StreamWriter, Transport, get_running_loop, start_server};

use crate::support::{Log, Recorder, connect, echo_server, on_loop, until};

#[test]
fn a_writer_pauses_while_its_peer_does_not_read_and_goes_on_when_it_does() {
    on_loop(|made| async move {
        let log = Log::default();
        let (mine, written) = (log.clone(), Rc::new(Cell::new(0usize)));
        let count = written.clone();
        let factory = move || Recorder { log: mine.clone(), react: fill(count.clone()) };
        let event_loop = get_running_loop().unwrap();
        let server = event_loop.create_server(factory, ("127.0.0.1", 0)).tls(made.server());
        let server = server.await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, _writer) = connect(address, made.client()).await.unwrap();
        log.until("pause").await;
        // It wrote until it was told; what is unsent then is little more than the mark.
        assert_eq!(log.lines(), ["made", "pause"]);
        let came = reader.readexactly(written.get()).await.unwrap();
        assert!(came.iter().all(|byte| *byte == b'x'));
        log.until("resume").await;
    });
}

/// Writes until it is told to pause, from a callback of the loop's.
fn fill(written: Rc<Cell<usize>>) -> impl FnMut(&str, &Transport) {
    let paused = Rc::new(Cell::new(false));
    move |call, transport| match call {
        "pause" => paused.set(true),
        "made" => {
            let (paused, written, transport) = (paused.clone(), written.clone(), transport.clone());
            let write = move || {
                while !paused.get() {
                    transport.write(&[b'x'; 10_000]).unwrap();
                    written.set(written.get() + 10_000);
                }
                assert!(transport.get_write_buffer_size() > 64 << 10);
                assert!(transport.get_write_buffer_size() < 128 << 10);
            };
            drop(get_running_loop().unwrap().call_soon(write).unwrap());
        }
        _ => {}
    }
}

#[test]
fn a_paused_reader_is_given_nothing_and_then_everything() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let came = Rc::new(RefCell::new(Vec::new()));
        let theirs = came.clone();
        let event_loop = get_running_loop().unwrap();
        let connection = event_loop.create_connection(move || PausesAtEach(theirs), address);
        let transport = connection.tls(made.client(), "localhost").await.unwrap();
        let sent: Vec<u8> = (0..300_000u32).map(|i| (i % 253) as u8).collect();
        transport.write(&sent).unwrap();
        while came.borrow().len() < sent.len() {
            until(|| !transport.is_reading()).await;
            let before = came.borrow().len();
            // A turn in which more would come if it could.
            evloop::sleep(Duration::from_millis(1)).await;
            assert_eq!(came.borrow().len(), before, "it is paused");
            transport.resume_reading();
        }
        assert!(*came.borrow() == sent);
        transport.close();
    });
}

/// Takes one piece and pauses.
struct PausesAtEach(Rc<RefCell<Vec<u8>>>);

impl Protocol for PausesAtEach {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        assert!(transport.is_reading(), "it is paused, or closed");
        self.0.borrow_mut().extend_from_slice(data);
        transport.pause_reading();
    }
}

#[test]
fn a_protocol_may_receive_into_memory_of_its_own_however_small() {
    struct Small {
        memory: [u8; 7],
        came: Rc<RefCell<Vec<u8>>>,
    }
    impl Protocol for Small {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            unreachable!("it is buffered")
        }
        fn is_buffered(&self) -> bool {
            true
        }
        fn get_buffer(&mut self, _: usize) -> &mut [u8] {
            &mut self.memory
        }
        fn buffer_updated(&mut self, _: &Transport, count: usize) {
            self.came.borrow_mut().extend_from_slice(&self.memory[..count]);
        }
    }
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let came: Rc<RefCell<Vec<u8>>> = Rc::default();
        let theirs = came.clone();
        let event_loop = get_running_loop().unwrap();
        let factory = move || Small { memory: [0; 7], came: theirs };
        let connection = event_loop.create_connection(factory, address);
        let transport = connection.tls(made.client(), "localhost").await.unwrap();
        transport.write(&[b'y'; 1000]).unwrap();
        until(|| came.borrow().len() == 1000).await;
        assert_eq!(*came.borrow(), [b'y'; 1000]);
        transport.close();
    });
}

#[test]
fn a_file_is_read_and_written_between_what_is_written_around_it() {
    on_loop(|made| async move {
        let path = std::env::temp_dir().join(format!("evloop-tls-file-{}", std::process::id()));
        std::fs::write(&path, vec![b'f'; 1_000_000]).unwrap();
        let theirs = path.clone();
        let sends = move |_: StreamReader, mut writer: StreamWriter| {
            let path = theirs.clone();
            async move {
                let event_loop = get_running_loop()?;
                let mut file = std::fs::File::open(path)?;
                writer.write(b"<")?;
                let transport = writer.transport();
                let native = event_loop.sendfile(transport, &file, 0, None).fallback(false).await;
                assert_eq!(native.unwrap_err().kind(), std::io::ErrorKind::Unsupported);
                let sent = event_loop.sendfile(transport, &file, 1, Some(999_998)).await?;
                assert_eq!((sent, file.stream_position()?), (999_998, 999_999));
                writer.write(b">")
            }
        };
        let server = start_server(sends, ("127.0.0.1", 0)).tls(made.server()).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, _writer) = connect(address, made.client()).await.unwrap();
        let came = reader.read_to_end().await.unwrap();
        assert_eq!((came.len(), came[0], came[1_000_000 - 1]), (1_000_000, b'<', b'>'));
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_close_while_a_file_is_sent_waits_for_its_end() {
    on_loop(|made| async move {
        let mut file = tempfile();
        file.write_all(&vec![b'f'; 500_000]).unwrap();
        let file = Rc::new(file);
        let sends = move |_: StreamReader, writer: StreamWriter| {
            let file = file.clone();
            async move {
                let event_loop = get_running_loop()?;
                let transport = writer.transport().clone();
                drop(event_loop.call_soon(move || transport.close())?);
                event_loop.sendfile(writer.transport(), &file, 0, None).await.map(drop)
            }
        };
        let server = start_server(sends, ("127.0.0.1", 0)).tls(made.server()).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, _writer) = connect(address, made.client()).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap().len(), 500_000);
    });
}

/// A file without a name.
fn tempfile() -> std::fs::File {
    let path = std::env::temp_dir().join(format!("evloop-tls-nameless-{}", std::process::id()));
    let mut options = std::fs::File::options();
    let mut file = options.read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(file.read(&mut [0]).unwrap(), 0);
    file
}

#[test]
fn water_marks_are_those_of_the_connection_below() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let (_reader, writer) = connect(address, made.client()).await.unwrap();
        let transport = writer.transport();
        assert_eq!(transport.get_write_buffer_limits(), (16 << 10, 64 << 10));
        transport.set_write_buffer_limits(Some(1000), None).unwrap();
        assert_eq!(transport.get_write_buffer_limits(), (250, 1000));
        assert!(transport.set_write_buffer_limits(Some(1), Some(2)).is_err());
    });
}
