//! Handshakes that fail, and what is said of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use evloop::tls::rustls::pki_types::UnixTime;
use evloop::tls::rustls::time_provider::TimeProvider;
use evloop::tls::rustls::{self, ClientConfig, RootCertStore};
use evloop::tls::{Roots, TlsClientConfig};
use evloop::{StreamReader, StreamWriter, open_connection, start_server, to_thread};

use crate::certificates::Certificates;
use crate::support::{connect, echo_server, on_loop};

async fn refused(address: SocketAddr, config: TlsClientConfig, name: &str) -> io::Error {
    let opened = open_connection(address).tls(config, name).await;
    opened.map(drop).expect_err("it is refused")
}

#[test]
fn a_certificate_of_another_name_is_refused_with_the_names_it_has() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let error = refused(address, made.client(), "example.org").await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let text = error.to_string();
        assert!(text.starts_with("the TLS handshake with \"example.org\" failed: "), "{text}");
        assert!(text.contains("localhost") && text.contains("127.0.0.1"), "{text}");
    });
}

#[test]
fn an_address_is_a_name_if_the_certificate_has_it() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        assert!(open_connection(address).tls(made.client(), "127.0.0.1").await.is_ok());
        refused(address, made.client(), "127.0.0.2").await;
    });
}

#[test]
fn a_certificate_of_another_time_is_refused_with_how_far_that_is() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        for (days, says) in [(9, "its certificate expired 6 days ago"), (-9, "is the clock right?")]
        {
            let text = refused(address, at_another_time(made, days), "localhost").await.to_string();
            assert!(text.contains(says), "{text}");
        }
    });
}

/// A client whose clock is wrong by so many days.
fn at_another_time(made: &Certificates, days: i64) -> TlsClientConfig {
    #[derive(Debug)]
    struct Clock(i64);
    impl TimeProvider for Clock {
        fn current_time(&self) -> Option<UnixTime> {
            let now = UnixTime::now().as_secs().checked_add_signed(self.0 * 86_400)?;
            Some(UnixTime::since_unix_epoch(Duration::from_secs(now)))
        }
    }
    let roots = RootCertStore::from_iter(made.roots().anchors().iter().cloned());
    let builder = ClientConfig::builder_with_details(
        Arc::new(rustls::crypto::ring::default_provider()),
        Arc::new(Clock(days)),
    );
    let builder = builder.with_safe_default_protocol_versions().expect("it has both");
    builder.with_root_certificates(roots).with_no_client_auth().into()
}

#[test]
fn an_unknown_issuer_is_refused_with_what_would_help() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let stranger = Roots::from_pem_file(made.path("stranger", "pem")).unwrap();
        let config = TlsClientConfig::with_roots(&stranger);
        let error = refused(address, config, "localhost").await;
        assert!(error.to_string().contains("Roots::from_pem_file()"), "{error}");
        let source = error.get_ref().and_then(|inner| inner.source()).expect("rustls's error");
        assert!(source.is::<evloop::tls::rustls::Error>(), "{source}");
    });
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_sent() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        for name in ["", "local host", "localhost:443", "[::1]"] {
            let error = refused(address, made.client(), name).await;
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
        }
        assert!(open_connection(address).tls(made.client(), "localhost.").await.is_ok());
    });
}

#[test]
fn without_a_certificate_where_one_is_required_the_connection_breaks_with_a_hint() {
    on_loop(|made| async move {
        let config = made.server().require_client_certificates(&made.roots()).unwrap();
        let (_server, address) = echo_server(config).await;
        // In TLS 1.3 a client is done before the server has judged it.
        let (mut reader, _writer) = connect(address, made.client()).await.unwrap();
        let error = reader.read(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
    });
}

#[test]
fn no_common_protocol_is_a_refusal_with_a_hint() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server().alpn(["h2"])).await;
        let error = refused(address, made.client().alpn(["http/1.1"]), "localhost").await;
        assert!(error.to_string().contains("alpn()"), "{error}");
    });
}

#[test]
fn a_server_that_speaks_no_tls_is_told_by_what_it_says() {
    on_loop(|made| async move {
        let plain = |_: StreamReader, mut writer: StreamWriter| async move {
            writer.write(b"220 mail.example.org ready\r\n")
        };
        let server = start_server(plain, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let error = refused(address, made.client(), "localhost").await;
        let says = "it answered \"220 mail\", which is no TLS: is it the right port?";
        assert!(error.to_string().contains(says), "{error}");
    });
}

#[test]
fn a_server_that_closes_in_the_handshake_is_told_so() {
    on_loop(|made| async move {
        let closes = |_: StreamReader, _: StreamWriter| async {};
        let server = start_server(closes, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let error = refused(address, made.client(), "localhost").await;
        assert!(error.to_string().contains("TLS handshake") || error.raw_os_error().is_some());
    });
}

/// What a server answers to these bytes, up to its end.
fn answer(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(bytes).expect("there is room");
    let mut answer = Vec::new();
    // A reset after the alert is an end as well.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn garbage_instead_of_a_handshake_is_answered_with_an_alert_and_an_end() {
    on_loop(|made| async move {
        let (server, address) = echo_server(made.server()).await;
        for garbage in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9], &[0; 99]]
        {
            let answer = to_thread(move || answer(address, garbage)).await.unwrap();
            // An alert's record, if it came through.
            assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
        }
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_client_that_closes_in_the_handshake_leaves_nothing_behind() {
    on_loop(|made| async move {
        let (server, address) = echo_server(made.server()).await;
        for begun in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1, 0]] {
            to_thread(move || TcpStream::connect(address).unwrap().write_all(begun).unwrap())
                .await
                .unwrap();
        }
        server.close();
        server.wait_closed().await;
    });
}

#[cfg(feature = "debug")]
#[test]
fn a_failed_handshake_is_reported_in_debug_mode_and_in_no_other() {
    for debug in [false, true] {
        let Some(made) = crate::certificates::Certificates::get() else { return };
        let event_loop = evloop::EventLoop::new().unwrap();
        event_loop.set_debug(debug);
        let reports: std::rc::Rc<std::cell::RefCell<Vec<String>>> = Default::default();
        let told = reports.clone();
        event_loop.set_exception_handler(Some(
            move |_: &evloop::EventLoop, context: &evloop::ErrorContext| {
                told.borrow_mut().push(context.to_string());
            },
        ));
        let run = event_loop.run_until_complete(async move {
            let (server, address) = echo_server(made.server()).await;
            to_thread(move || answer(address, b"GET / HTTP/1.1\r\n\r\n")).await.unwrap();
            server.close();
            server.wait_closed().await;
        });
        run.unwrap();
        event_loop.close().unwrap();
        let reports = reports.take();
        assert_eq!(reports.len(), usize::from(debug), "{reports:?}");
        if debug {
            assert!(reports[0].contains("it began with \"GET / HT\""), "{reports:?}");
        }
    }
}
