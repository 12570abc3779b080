//! Evloop at both ends.

use std::time::Duration;

use evloop::tls::{Identity, Roots, TlsClientConfig};
use evloop::{StreamReader, StreamWriter, open_unix_connection, start_server, start_unix_server};

use crate::support::{connect, echo, echo_server, on_loop};

#[test]
fn what_is_sent_through_tls_comes_back() {
    on_loop(|made| async move {
        let (server, address) = echo_server(made.server()).await;
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        writer.write(b"hello\n").unwrap();
        writer.writelines(&[&b"two "[..], b"buf", b"fers\n"]).unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"hello\n");
        assert_eq!(reader.readline().await.unwrap(), b"two buffers\n");
        writer.close();
        writer.wait_closed().await.unwrap();
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_mebibyte_and_more_comes_back_whole_in_both_directions_at_once() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        let sent: Vec<u8> = (0..3_000_017u32).map(|i| (i % 251) as u8).collect();
        let expected = sent.clone();
        let write = evloop::spawn(async move {
            for piece in sent.chunks(100_003) {
                writer.write(piece)?;
                writer.drain().await?;
            }
            Ok::<_, std::io::Error>(writer)
        });
        let came = reader.readexactly(expected.len()).await.unwrap();
        assert!(came == expected, "the bytes differ");
        drop(write.await.unwrap().unwrap());
    });
}

#[test]
fn both_sides_are_told_what_was_agreed_on() {
    on_loop(|made| async move {
        let config = made.server().alpn(["h2", "http/1.1"]);
        let tell = |_: StreamReader, mut writer: StreamWriter| async move {
            let info = writer.tls_info().expect("it is TLS");
            let alpn = String::from_utf8_lossy(info.alpn().unwrap_or(b"-")).into_owned();
            let certificates = info.peer_certificates().len();
            let text = format!("{} {:?} {alpn} {certificates}", info.version(), info.server_name());
            writer.write(text.as_bytes())
        };
        let server = start_server(tell, ("127.0.0.1", 0)).tls(config).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let client = made.client().alpn(["http/1.1"]);
        let (mut reader, writer) = connect(address, client).await.unwrap();
        let info = writer.tls_info().expect("it is TLS");
        assert_eq!((info.version(), info.alpn()), ("TLSv1_3", Some(&b"http/1.1"[..])));
        assert!(info.cipher_suite().starts_with("TLS_"), "{info:?}");
        assert_eq!(info.peer_certificates().len(), 1);
        let told = reader.read_to_end().await.unwrap();
        assert_eq!(told, br#"TLSv1_3 Some("localhost") http/1.1 0"#);
        assert_eq!(writer.peer_addr().unwrap(), address);
    });
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let client = made.client();
        for resumed in [false, true] {
            let (mut reader, mut writer) = connect(address, client.clone()).await.unwrap();
            writer.write(b"x").unwrap();
            // The tickets come with the first answer.
            reader.readexactly(1).await.unwrap();
            assert_eq!(writer.tls_info().unwrap().resumed(), resumed);
        }
    });
}

#[test]
fn a_client_shows_its_certificate_where_one_is_required() {
    on_loop(|made| async move {
        let config = made.server().require_client_certificates(&made.roots()).unwrap();
        let (_server, address) = echo_server(config).await;
        let client = made.client().identity(made.identity("client"));
        let (mut reader, mut writer) = connect(address, client).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
    });
}

#[test]
fn a_server_that_accepts_certificates_lets_in_who_has_none() {
    on_loop(|made| async move {
        let config = made.server().accept_client_certificates(&made.roots()).unwrap();
        let count = |_: StreamReader, mut writer: StreamWriter| async move {
            let count = writer.tls_info().unwrap().peer_certificates().len();
            writer.write(&[b'0' + count as u8])
        };
        let server = start_server(count, ("127.0.0.1", 0)).tls(config).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let alice = made.client().identity(made.identity("client"));
        for (client, count) in [(made.client(), b"0"), (alice, b"1")] {
            let (mut reader, _writer) = connect(address, client).await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), count);
        }
    });
}

#[test]
fn tls_goes_over_a_unix_socket_too() {
    on_loop(|made| async move {
        let path = std::env::temp_dir().join(format!("evloop-tls-{}", std::process::id()));
        let server = start_unix_server(echo, &path).tls(made.server()).await.unwrap();
        let connection = open_unix_connection(&path).tls(made.client(), "localhost").await;
        let (mut reader, mut writer) = connection.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
        server.close();
    });
}

#[test]
fn any_server_is_trusted_only_by_who_says_so_dangerously() {
    on_loop(|made| async move {
        let (_server, address) = echo_server(made.server()).await;
        let anybody = TlsClientConfig::dangerously_trusting_any_server();
        let (mut reader, mut writer) = connect(address, anybody).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"x");
    });
}

#[test]
fn a_server_counts_and_closes_its_connections_through_tls() {
    on_loop(|made| async move {
        let (server, address) = echo_server(made.server()).await;
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        writer.write(b"x").unwrap();
        reader.readexactly(1).await.unwrap();
        assert_eq!(server.connections(), 1);
        server.close();
        server.close_clients();
        // In order, that is with close_notify: an end without it would be an error here.
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        server.wait_closed().await;
        assert_eq!(server.connections(), 0);
    });
}

#[test]
fn what_is_no_pem_is_refused_in_words() {
    on_loop(|made| async move {
        let chain = std::fs::read(made.path("server", "pem")).unwrap();
        let key = std::fs::read(made.path("server", "key")).unwrap();
        let other = std::fs::read(made.path("client", "key")).unwrap();
        let says = |result: std::io::Result<Identity>, text: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        says(Identity::from_pem(b"", &key), "no certificate");
        says(Identity::from_pem(&chain, b""), "no private key");
        says(Identity::from_pem(&chain, b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), "openssl pkey");
        says(Identity::from_pem(&chain, &other), "the private key is not the certificate's");
        says(Identity::from_pem_files("/nowhere.pem", "/nowhere.key"), "/nowhere.pem: ");
        assert!(Roots::from_pem(&chain[..40]).unwrap_err().to_string().contains("no certificate"));
        assert_eq!(made.roots().and(&made.roots()).count(), 2);
        evloop::sleep(Duration::ZERO).await;
    });
}
