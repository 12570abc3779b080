//! How a TLS connection ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use evloop::tls::rustls::pki_types::ServerName;
use evloop::tls::rustls::{self, ClientConnection, RootCertStore, Stream};
use evloop::{get_running_loop, to_thread};

use crate::certificates::Certificates;
use crate::support::{Log, Recorder, connect, on_loop};

/// A blocking client, which can be as rude as it likes.
fn blocking(made: &Certificates) -> ClientConnection {
    let roots = RootCertStore::from_iter(made.roots().anchors().iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("it has both");
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a client")
}

/// A server that writes down the calls of its one connection, and where it is.
async fn recording(
    made: &'static Certificates,
    react: impl FnMut(&str, &evloop::Transport) + Clone + 'static,
) -> (Log, evloop::Server, SocketAddr) {
    let log = Log::default();
    let mine = log.clone();
    let factory = move || Recorder { log: mine.clone(), react: react.clone() };
    let event_loop = get_running_loop().expect("inside a loop");
    let server = event_loop.create_server(factory, ("127.0.0.1", 0)).tls(made.server());
    let server = server.await.expect("a server");
    let address = server.sockets()[0].local_addr();
    (log, server, address)
}

#[test]
fn the_calls_of_a_protocol_are_those_of_a_plain_connection() {
    on_loop(|made| async move {
        let (log, _server, address) = recording(made, |_, _| ()).await;
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        writer.write(b"one").unwrap();
        log.until("data").await;
        writer.close();
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "data one", "eof", "lost"]);
    });
}

#[test]
fn close_notify_closes_whatever_eof_received_says_and_what_was_written_goes_first() {
    on_loop(|made| async move {
        let answers = |call: &str, transport: &evloop::Transport| {
            assert!(!transport.can_write_eof());
            transport.write_eof();
            if call == "eof" {
                transport.write(&[b'z'; 200_000]).unwrap();
            }
        };
        let (log, _server, address) = recording(made, answers).await;
        let mut tls = blocking(made);
        let came = to_thread(move || {
            let mut tcp = TcpStream::connect(address).unwrap();
            tls.complete_io(&mut tcp).unwrap();
            tls.send_close_notify();
            tls.complete_io(&mut tcp).unwrap();
            let mut came = Vec::new();
            Stream::new(&mut tls, &mut tcp).read_to_end(&mut came).unwrap();
            // After the peer's close_notify there is nothing but its FIN.
            assert_eq!(tcp.read(&mut [0]).unwrap(), 0);
            came
        });
        assert_eq!(came.await.unwrap().len(), 200_000);
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "eof", "lost"]);
    });
}

#[test]
fn an_end_without_close_notify_is_told_as_an_error() {
    on_loop(|made| async move {
        let (log, _server, address) = recording(made, |_, _| ()).await;
        let mut tls = blocking(made);
        to_thread(move || {
            let mut tcp = TcpStream::connect(address).unwrap();
            Stream::new(&mut tls, &mut tcp).write_all(b"cut").unwrap();
            tls.complete_io(&mut tcp).unwrap();
            tcp.shutdown(Shutdown::Write).unwrap();
            let _ = tcp.read(&mut [0; 4096]);
        })
        .await
        .unwrap();
        log.until("lost").await;
        let lines = log.lines();
        assert_eq!(lines[..2], ["made", "data cut"]);
        assert!(lines[2].starts_with("lost: the connection ended without TLS's close_notify"));
    });
}

#[test]
fn a_stream_reads_what_came_before_the_cut_and_then_the_error() {
    on_loop(|made| async move {
        let identity = made.server();
        let server = evloop::start_server(
            |_, mut writer: evloop::StreamWriter| async move {
                writer.write(b"half")?;
                let transport = writer.transport().clone();
                writer.drain().await?;
                evloop::yield_now().await;
                transport.abort();
                Ok::<_, std::io::Error>(())
            },
            ("127.0.0.1", 0),
        );
        let server = server.tls(identity).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, _writer) = connect(address, made.client()).await.unwrap();
        let came = reader.read_to_end().await.unwrap_err();
        let cut = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
        assert!(cut.contains(&came.kind()), "{came}");
    });
}

#[test]
fn after_our_own_close_it_does_not_matter_how_the_peer_ends() {
    on_loop(|made| async move {
        let closes = |call: &str, transport: &evloop::Transport| {
            if call.starts_with("data") {
                transport.close();
                transport.write(b"into the void").unwrap();
            }
        };
        let (log, _server, address) = recording(made, closes).await;
        let mut tls = blocking(made);
        to_thread(move || {
            let mut tcp = TcpStream::connect(address).unwrap();
            let mut stream = Stream::new(&mut tls, &mut tcp);
            stream.write_all(b"bye").unwrap();
            // Their close_notify, which we do not answer.
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        })
        .await
        .unwrap();
        log.until("lost").await;
        assert_eq!(log.lines(), ["made", "data bye", "lost"]);
    });
}

#[test]
fn bytes_that_are_none_of_the_peers_break_the_connection() {
    on_loop(|made| async move {
        let (log, _server, address) = recording(made, |_, _| ()).await;
        let mut tls = blocking(made);
        to_thread(move || {
            let mut tcp = TcpStream::connect(address).unwrap();
            Stream::new(&mut tls, &mut tcp).write_all(b"good").unwrap();
            // A record of application data that no key of ours has made.
            tcp.write_all(&[0x17, 3, 3, 0, 20]).unwrap();
            tcp.write_all(&[7; 20]).unwrap();
            let _ = tcp.read_to_end(&mut Vec::new());
        })
        .await
        .unwrap();
        log.until("lost").await;
        let lines = log.lines();
        assert_eq!(lines[..2], ["made", "data good"]);
        assert!(
            lines[2].starts_with("lost: the TLS connection with a client broke: "),
            "{lines:?}"
        );
    });
}

#[test]
fn a_protocol_that_panics_is_reported_and_its_connection_aborted() {
    let Some(made) = Certificates::get() else { return };
    let event_loop = evloop::EventLoop::new().unwrap();
    let reports = Log::default();
    let told = reports.clone();
    event_loop.set_exception_handler(Some(
        move |_: &evloop::EventLoop, context: &evloop::ErrorContext| {
            // With EVLOOP_DEBUG it is warned, too: a panic takes long to print.
            if context.warning.is_none() {
                told.push(context.to_string());
            }
        },
    ));
    let run = event_loop.run_until_complete(async move {
        let panics = |call: &str, _: &evloop::Transport| assert!(call != "data x", "on purpose");
        let (log, server, address) = recording(made, panics).await;
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        writer.write(b"x").unwrap();
        assert!(reader.read(1).await.is_err(), "an abort is no end in order");
        log.until("lost").await;
        server.close();
        server.wait_closed().await;
        log.lines()
    });
    let lines = run.unwrap();
    event_loop.close().unwrap();
    assert_eq!(lines, ["made", "data x", "lost: protocol.data_received() failed: on purpose"]);
    assert_eq!(reports.lines().len(), 1, "{:?}", reports.lines());
}

#[test]
fn a_loop_that_closes_lets_go_of_a_connection_in_its_handshake_and_of_one_that_is_open() {
    let Some(made) = Certificates::get() else { return };
    let event_loop = evloop::EventLoop::new().unwrap();
    let log = Log::default();
    let mine = log.clone();
    let (begun, open) = event_loop
        .run_until_complete(async move {
            let (_log, _server, address) = recording(made, |_, _| ()).await;
            let begun = TcpStream::connect(address).unwrap();
            let (_, writer) = connect(address, made.client()).await.unwrap();
            mine.push("open");
            (begun, writer.transport().clone())
        })
        .unwrap();
    assert_eq!(log.lines(), ["open"]);
    event_loop.close().unwrap();
    assert!(open.is_closing());
    assert!(open.tls_info().is_none());
    open.write(b"nothing").unwrap();
    drop(begun);
}
