//! Ways to a server: names, proxies, Unix sockets, other protocols.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::thread;

use evloop::http::{ClientError, ClientSession, Connector};

use crate::support::{Say, Server, ok, run};

fn session(connector: Connector) -> ClientSession {
    ClientSession::builder().connector(connector).build().unwrap()
}

#[test]
fn a_name_is_looked_up_once_and_its_failure_says_which() {
    let server = Server::new(|asked| ok(asked.field("host").unwrap()));
    let port = server.address.port();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    run(async move {
        let session = session(Connector::tcp().force_close(true).resolver(move |host| {
            count.set(count.get() + 1);
            async move {
                match &host[..] {
                    "shop.test" => Ok(vec![[127, 0, 0, 1].into()]),
                    _ => Err(io::Error::new(io::ErrorKind::NotFound, "nobody knows it")),
                }
            }
        }));
        for _ in 0..3 {
            let url = format!("http://shop.test:{port}/");
            let text = session.get(&url).await.unwrap().text().await.unwrap();
            assert_eq!(text, format!("shop.test:{port}"));
        }
        assert_eq!(asked.get(), 1);
        let error = session.get("http://other.test/").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot look up other.test: nobody knows it");
        assert!(matches!(error, ClientError::Dns { .. }), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    });
}

#[test]
fn a_proxy_is_asked_for_the_whole_url_with_its_own_credentials() {
    let proxy = Server::new(|_| ok("proxied"));
    let url = proxy.url("").replace("http://", "http://user:pass@");
    run(async move {
        let session = ClientSession::builder().proxy(&url).build().unwrap();
        for path in ["a?b", "c"] {
            let url = format!("http://nowhere.test:81/{path}");
            assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), "proxied");
        }
    });
    let heard = proxy.heard();
    assert_eq!(heard[0].target, "http://nowhere.test:81/a?b");
    assert_eq!(heard[0].field("host"), Some("nowhere.test:81"));
    assert_eq!(heard[0].field("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(heard[1].place, (0, 1), "a connection to the proxy is kept, too");
}

#[test]
fn a_protocol_is_switched_through_a_tunnel_of_the_proxy() {
    let proxy = Server::new(|asked| match &asked.method[..] {
        "CONNECT" => Say::This("HTTP/1.1 200 Go on\r\n\r\n".into()),
        _ => Say::This("HTTP/1.1 101 x\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n".into()),
    });
    let through = proxy.url("").replace("http://", "http://user:pass@");
    run(async move {
        let session = ClientSession::builder().proxy(&through).build().unwrap();
        let asked = session.get("http://nowhere.test/x").header("upgrade", "echo");
        assert_eq!(asked.await.unwrap().status().as_u16(), 101);
    });
    let heard = proxy.heard();
    assert_eq!((&heard[0].method[..], &heard[0].target[..]), ("CONNECT", "nowhere.test:80"));
    assert_eq!(heard[0].field("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!((&heard[1].method[..], &heard[1].target[..]), ("GET", "/x"));
    assert_eq!(heard[1].field("proxy-authorization"), None);
    assert_eq!(heard[1].place, (0, 1));
}

#[test]
fn a_proxy_is_told_what_is_meant_for_it_and_a_server_without_one_is_not() {
    let proxy = Server::new(|_| ok("proxied"));
    let server = Server::new(|_| ok("direct"));
    let (through, url) = (proxy.url(""), server.url("/"));
    run(async move {
        let session = ClientSession::new();
        for (to, token) in [("/a", "1"), ("/b", "1"), ("/c", "2")] {
            let url = format!("http://nowhere.test{to}");
            let sent = session.get(&url).proxy(&through).proxy_header("x-token", token);
            assert_eq!(sent.await.unwrap().text().await.unwrap(), "proxied");
        }
        session.get(&url).proxy_header("x-token", "1").await.unwrap();
    });
    let heard: Vec<_> = proxy.heard();
    let said: Vec<_> = heard.iter().map(|it| (it.field("x-token"), it.place)).collect();
    let expected = [(Some("1"), (0, 0)), (Some("1"), (0, 1)), (Some("2"), (1, 0))];
    assert_eq!(said, expected);
    assert_eq!(server.last().field("x-token"), None);
}

#[test]
fn only_addresses_that_are_allowed_are_connected_to_whatever_names_them() {
    let server = Server::new(|_| ok("ok"));
    let port = server.address.port();
    run(async move {
        let public = Connector::tcp().addresses(|address| !address.is_loopback());
        let public = public.resolver(|_| async { Ok(vec![[127, 0, 0, 1].into()]) });
        let (public, any) = (session(public), session(Connector::tcp().addresses(|_| true)));
        for host in ["127.0.0.1", "rebound.test", "[::1]"] {
            let error = public.get(&format!("http://{host}:{port}/")).await.unwrap_err();
            assert!(matches!(error, ClientError::Dns { .. }), "{error:?}");
            assert!(error.to_string().contains("none of its addresses"), "{error}");
        }
        any.get(&format!("http://127.0.0.1:{port}/")).await.unwrap();
    });
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn a_request_may_have_a_proxy_of_its_own_and_shares_no_connection_with_others() {
    let server = Server::new(|asked| ok(&asked.target));
    let (url, proxy) = (server.url("/x"), server.address.to_string());
    run(async move {
        let session = ClientSession::new();
        assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), "/x");
        let proxied = session.get(&url).proxy(&proxy).await.unwrap();
        assert_eq!(proxied.text().await.unwrap(), url);
        assert_eq!(session.connections(), (0, 2));
    });
}

#[test]
fn a_unix_socket_serves_whatever_host_the_url_names() {
    let path = std::env::temp_dir().join(format!("evloop-client-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix").unwrap();
        String::from_utf8(request).unwrap()
    });
    let there = path.clone();
    run(async move {
        let session = session(Connector::unix(there));
        let text = session.get("http://docker.test/info").await.unwrap().text().await.unwrap();
        assert_eq!(text, "unix");
    });
    assert!(server.join().unwrap().starts_with("GET /info HTTP/1.1\r\nhost: docker.test\r\n"));
    std::fs::remove_file(&path).unwrap();
    let missing = path.display().to_string();
    run(async move {
        let error = session(Connector::unix(path)).get("http://h/").await.unwrap_err();
        assert!(error.to_string().contains(&missing), "{error}");
    });
}

#[test]
fn a_connection_can_be_made_from_an_address() {
    let server = Server::new(|_| ok("ok"));
    let url = server.url("/");
    run(async move {
        let session = session(Connector::tcp().local_addr("127.0.0.2:0".parse().unwrap()));
        match session.get(&url).await {
            Ok(response) => assert_eq!(response.text().await.unwrap(), "ok"),
            // Not every system has more than one loopback address.
            Err(error) => assert!(matches!(error, ClientError::Connect { .. }), "{error:?}"),
        }
    });
}

#[test]
fn another_protocol_gets_the_connection_and_what_came_early() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let answer = b"HTTP/1.1 101 Switch\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nearly";
        stream.write_all(answer).unwrap();
        let mut word = [0; 4];
        stream.read_exact(&mut word).unwrap();
        stream.write_all(&word).unwrap();
    });
    let other = Server::new(|_| ok("no"));
    let there = other.url("/");
    run(async move {
        let session = ClientSession::new();
        let request = session.get(&url).header("connection", "upgrade").header("upgrade", "echo");
        let switched = request.await.unwrap();
        assert_eq!(switched.status(), 101);
        let (mut reader, mut writer, early) = switched.upgrade().unwrap();
        assert_eq!((&early[..], session.connections()), (&b"early"[..], (0, 0)));
        writer.write(b"word").unwrap();
        assert_eq!(reader.readexactly(4).await.unwrap(), b"word");
        let error = session.get(&there).await.unwrap().upgrade().unwrap_err();
        assert!(error.to_string().contains("answers 200"), "{error}");
    });
    server.join().unwrap();
}

#[test]
fn https_is_never_spoken_in_the_clear() {
    let server = Server::new(|_| ok("in the clear"));
    let url = server.url("/").replace("http://", "https://");
    let error = run(async move { ClientSession::new().get(&url).await.unwrap_err() });
    assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
    assert!(server.heard().is_empty());
}

/// Asks for an https URL through a proxy that answers CONNECT so.
#[cfg(feature = "tls")]
fn through_a_proxy_that_says(answer: &'static str) -> (ClientError, crate::support::Asked) {
    let proxy = Server::new(move |_| crate::support::Say::This(answer.to_owned()));
    let url = proxy.url("").replace("http://", "http://user:pass@");
    let error = run(async move {
        // Nobody is there to be trusted.
        let tls = evloop::tls::TlsClientConfig::dangerously_trusting_any_server();
        let session = ClientSession::builder().connector(Connector::tcp().tls(tls)).proxy(&url);
        let session = session.build().unwrap();
        let error = session.get("https://secret.test/x").basic_auth("me", "mine").await;
        assert_eq!(session.connections(), (0, 0));
        error.unwrap_err()
    });
    (error, proxy.last())
}

#[cfg(feature = "tls")]
#[test]
fn a_proxy_that_makes_no_tunnel_is_told_nothing_but_where_to() {
    let refusal = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    let (error, asked) = through_a_proxy_that_says(refusal);
    assert!(matches!(error, ClientError::Proxy { .. }), "{error:?}");
    assert!(error.to_string().contains("answers 403 Forbidden instead of connecting"), "{error}");
    assert_eq!((&asked.method[..], &asked.target[..]), ("CONNECT", "secret.test:443"));
    assert_eq!(asked.names(), ["host", "proxy-authorization"]);
}

#[cfg(feature = "tls")]
#[test]
fn a_proxy_that_speaks_for_the_server_is_not_listened_to() {
    let (error, _) = through_a_proxy_that_says("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("before the server"), "{error}");
}
