//! HTTP over TLS: the application, the session, and curl.

use std::time::Duration;

use evloop::http::{ClientError, ClientSession, Connector, Limits};
use evloop::tls::TlsClientConfig;
use evloop::web::{AppRunner, Application, HttpServer, Request, Response, TcpSite};
use evloop::{StreamReader, StreamWriter, open_connection, start_server};

use crate::certificates::Certificates;
use crate::installed::is_installed;
use crate::peers::{run, strings};
use crate::support::on_loop;

fn app() -> Application {
    let mut app = Application::new();
    let body =
        |request: Request| async move { Response::bytes(request.read().await.unwrap().to_vec()) };
    app.router()
        .add_get("/", |_| async { Response::text("over TLS") })
        .add_get("/url", |request: Request| async move { request.url().unwrap().to_string() })
        .add_get("/big", |_| async { Response::bytes(vec![b'b'; 2_000_000]) })
        .add_post("/back", body);
    app
}

/// An application through TLS, and its URL.
async fn served(made: &Certificates) -> (HttpServer, String) {
    let server = app().serve(("127.0.0.1", 0)).tls(made.server()).await.expect("a server");
    let url = format!("https://localhost:{}", server.sockets()[0].local_addr().port());
    (server, url)
}

fn session(config: TlsClientConfig) -> ClientSession {
    let connector = Connector::tcp().tls(config);
    ClientSession::builder().connector(connector).build().expect("a session")
}

#[test]
fn a_session_speaks_https_to_an_application_on_connections_that_it_keeps() {
    on_loop(|made| async move {
        let (server, url) = served(made).await;
        let session = session(made.client());
        for _ in 0..3 {
            let response = session.get(&format!("{url}/")).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "over TLS");
        }
        assert_eq!(server.connections(), 1);
        let response = session.get(&format!("{url}/url")).await.unwrap();
        assert_eq!(response.text().await.unwrap(), format!("{url}/url"), "the handler knows");
        let response = session.get(&format!("{url}/big")).await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 2_000_000);
        let sent = vec![b'p'; 500_000];
        let response = session.post(&format!("{url}/back")).body(sent.clone()).await.unwrap();
        assert!(response.bytes().await.unwrap() == sent);
        session.close();
        server.shutdown(Duration::from_secs(5)).await;
        assert_eq!(server.connections(), 0);
    });
}

#[test]
fn handshakes_count_as_connections_and_the_oldest_goes_where_there_is_no_room() {
    on_loop(|made| async move {
        let mut app = app();
        app.limits(Limits { connections: Some(3), ..Limits::default() });
        let server = app.serve(("127.0.0.1", 0)).tls(made.server()).await.expect("a server");
        let port = server.sockets()[0].local_addr().port();
        let mut silent = Vec::new();
        for _ in 0..6 {
            silent.push(open_connection(("127.0.0.1", port)).await.unwrap());
        }
        let session = session(made.client());
        let response = session.get(&format!("https://localhost:{port}/")).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "over TLS");
        // Of seven connections three are left: two that are silent, and the one that speaks.
        for (reader, _) in &mut silent[..4] {
            assert!(!matches!(reader.read(1).await, Ok(byte) if !byte.is_empty()));
        }
        assert_eq!(server.connections(), 3);
        // The end does not wait for handshakes: nothing was asked there.
        server.shutdown(Duration::from_secs(3600)).await;
        for (reader, _) in &mut silent {
            assert!(!matches!(reader.read(1).await, Ok(byte) if !byte.is_empty()));
        }
    });
}

#[test]
fn a_server_nobody_trusts_is_an_error_of_tls() {
    on_loop(|made| async move {
        let (_server, url) = served(made).await;
        // The platform has never heard of these certificates' issuer.
        let error = ClientSession::new().get(&url).await.map(drop).unwrap_err();
        assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
        let elsewhere = url.replace("localhost", "127.0.0.1");
        let session = session(made.client());
        assert!(session.get(&elsewhere).await.is_ok(), "the certificate has this address");
    });
}

#[test]
fn an_answer_cut_off_without_a_closure_alert_is_whole_only_if_it_says_so_itself() {
    const ANSWERS: [(&str, bool); 4] = [
        ("Content-Length: 2\r\n\r\nhi", true),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", true),
        ("Content-Length: 9\r\n\r\nhi", false),
        ("Connection: close\r\n\r\nhi", false),
    ];
    on_loop(|made| async move {
        for (answer, whole) in ANSWERS {
            let converse = move |mut reader: StreamReader, mut writer: StreamWriter| async move {
                reader.readuntil(b"\r\n\r\n").await.map_err(std::io::Error::from)?;
                writer.write(format!("HTTP/1.1 200 OK\r\n{answer}").as_bytes())?;
                let transport = writer.transport().clone();
                writer.drain().await?;
                evloop::yield_now().await;
                transport.abort();
                Ok::<_, std::io::Error>(())
            };
            let server = start_server(converse, ("127.0.0.1", 0)).tls(made.server());
            let server = server.await.unwrap();
            let url = format!("https://localhost:{}", server.sockets()[0].local_addr().port());
            let session = session(made.client());
            let body = async { session.get(&url).await?.bytes().await }.await;
            assert_eq!(body.is_ok(), whole, "{answer:?}: {body:?}");
        }
    });
}

#[test]
fn a_request_may_say_which_name_the_certificate_must_have() {
    on_loop(|made| async move {
        let (server, url) = served(made).await;
        let connector = Connector::tcp().tls(made.client());
        let connector = connector.resolver(|_| async { Ok(vec![[127, 0, 0, 1].into()]) });
        let session = ClientSession::builder().connector(connector).build().unwrap();
        let elsewhere = url.replace("localhost", "other.example");
        let error = session.get(&elsewhere).await.unwrap_err();
        assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
        let named = session.get(&elsewhere).server_hostname("localhost").await.unwrap();
        assert_eq!(named.text().await.unwrap(), "over TLS");
        // Its connection is not one for those who want another name.
        assert!(session.get(&elsewhere).await.is_err());
        let wrong = session.get(&url).server_hostname("other.example").await;
        assert!(matches!(wrong, Err(ClientError::Tls { .. })));
        session.close();
        server.shutdown(Duration::from_secs(5)).await;
    });
}

#[cfg(feature = "digest")]
#[test]
fn a_session_may_speak_to_one_certificate_alone() {
    use sha2::{Digest, Sha256};
    on_loop(|made| async move {
        let (server, url) = served(made).await;
        let address = server.sockets()[0].local_addr();
        let (_reader, writer) =
            open_connection(address).tls(made.client(), "localhost").await.expect("a connection");
        let shown = writer.tls_info().expect("TLS").peer_certificates()[0].clone();
        let right: [u8; 32] = Sha256::digest(&shown).into();
        drop((_reader, writer));
        let pinned = |fingerprint| {
            let connector = Connector::tcp().fingerprint(fingerprint).tls(made.client());
            ClientSession::builder().connector(connector).build().unwrap()
        };
        let session = pinned(right);
        assert!(session.get(&url).await.unwrap().ok());
        let error = pinned([7; 32]).get(&url).await.unwrap_err();
        assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains("fingerprint"), "{error}");
        session.close();
        server.shutdown(Duration::from_secs(5)).await;
    });
}

#[test]
fn an_https_url_goes_through_a_proxys_tunnel_and_the_proxy_sees_nothing_of_it() {
    /// One connection of a proxy that tunnels wherever it is asked to.
    async fn tunnel(mut reader: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
        let head = reader.readuntil(b"\r\n\r\n").await.map_err(std::io::Error::from)?;
        let head = String::from_utf8(head).expect("it is text");
        let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
        let (mut theirs, mut to_them) = open_connection(to.expect("a CONNECT")).await?;
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        let back = evloop::spawn(async move {
            while let Ok(data @ [_, ..]) = theirs.read(1 << 16).await.as_deref() {
                writer.write(data)?;
                writer.drain().await?;
            }
            Ok::<_, std::io::Error>(())
        });
        while let Ok(data @ [_, ..]) = reader.read(1 << 16).await.as_deref() {
            assert!(!data.windows(8).any(|window| window == b"HTTP/1.1"), "in the clear");
            to_them.write(data)?;
            to_them.drain().await?;
        }
        drop((reader, to_them));
        let _ = back.await;
        Ok(())
    }
    on_loop(|made| async move {
        let (_server, url) = served(made).await;
        let proxy = start_server(tunnel, ("127.0.0.1", 0)).await.unwrap();
        let through = format!("http://{}", proxy.sockets()[0].local_addr());
        let connector = Connector::tcp().tls(made.client());
        let session = ClientSession::builder().connector(connector).proxy(&through).build();
        let response = session.unwrap().get(&format!("{url}/big")).await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 2_000_000);
    });
}

#[test]
fn a_site_through_tls_says_https() {
    on_loop(|made| async move {
        let runner = AppRunner::new(app());
        runner.setup().await.unwrap();
        let site =
            TcpSite::new(&runner, ("127.0.0.1", 0)).tls(made.server()).start().await.unwrap();
        assert_eq!(site.names(), [format!("https://{}", site.address().unwrap())]);
        runner.cleanup().await;
    });
}

#[test]
fn curl_gets_pages_and_posts_over_https() {
    if !is_installed("curl") {
        return;
    }
    on_loop(|made| async move {
        let (server, url) = served(made).await;
        let root = made.path("root", "pem");
        let (first, second) = (format!("{url}/"), format!("{url}/big"));
        let arguments = ["-sS", "--cacert", &root, "-w", "|%{num_connects} %{http_version}|"];
        let arguments = strings(&[&arguments[..], &[&first, &first]].concat());
        let came = run("curl", arguments, b"").await;
        assert_eq!(came, "over TLS|1 1.1|over TLS|0 1.1|");
        for version in [["--tlsv1.3", "--tls-max", "1.3"], ["--tlsv1.2", "--tls-max", "1.2"]] {
            let to = ["-sS", "--cacert", &root, &second];
            let came = run("curl", strings(&[&version[..], &to[..]].concat()), b"").await;
            assert_eq!(came.len(), 2_000_000);
        }
        let back = format!("{url}/back");
        let post = ["-sS", "--cacert", &root, "--data-binary", "@-", &back];
        assert_eq!(run("curl", strings(&post), b"posted").await, "posted");
        server.shutdown(Duration::from_secs(5)).await;
    });
}

#[cfg(feature = "ws")]
#[test]
fn a_websocket_goes_through_tls_and_ends_in_order() {
    use evloop::http::ws::{self, CloseCode, Message, WebSocketOptions};
    on_loop(|made| async move {
        let mut app = Application::new();
        app.router().add_get("/ws", |request: Request| async move {
            ws::upgrade(&request, WebSocketOptions::default(), |mut socket| async move {
                while let Some(message) = socket.receive().await? {
                    if let Message::Binary(bytes) = message {
                        socket.send_binary(bytes).await?;
                    }
                }
                Ok::<_, ws::WebSocketError>(())
            })
        });
        let server = app.serve(("127.0.0.1", 0)).tls(made.server()).await.expect("a server");
        let url = format!("wss://localhost:{}/ws", server.sockets()[0].local_addr().port());
        let mut socket = session(made.client()).ws_connect(&url).await.unwrap();
        // Of many records, and of none.
        for size in [0, 1, 1 << 20] {
            let sent = vec![b's'; size];
            socket.send_binary(&sent).await.unwrap();
            assert!(socket.receive_binary().await.unwrap() == Some(sent), "of {size} bytes");
        }
        socket.close(CloseCode::NORMAL, "done").await.unwrap();
        assert_eq!(socket.close_code(), Some(CloseCode::NORMAL));
        assert!(socket.exception().is_none(), "{:?}", socket.exception());
        let elsewhere = Connector::tcp().tls(made.client());
        let elsewhere = elsewhere.resolver(|_| async { Ok(vec![[127, 0, 0, 1].into()]) });
        let session = ClientSession::builder().connector(elsewhere).build().unwrap();
        let other = session.ws_connect(&url.replace("localhost", "other.example")).await;
        let error = other.expect_err("the certificate is of another").to_string();
        assert!(error.contains("certificate"), "{error}");
        server.shutdown(Duration::from_secs(5)).await;
        assert_eq!(server.connections(), 0);
    });
}
