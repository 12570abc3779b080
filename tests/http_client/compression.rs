//! Bodies that come compressed.

use std::io::Write;

use evloop::http::{ClientError, ClientSession, Limits};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::support::{Say, Server, run};

/// A response with this coding and these bytes.
fn coded(coding: &str, body: &[u8]) -> Say {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n");
    let mut bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Say::Bytes(bytes)
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

const TEXT: &str = "text, and text again, and text again";

fn server() -> Server {
    Server::new(|asked| {
        let text = TEXT.as_bytes();
        match &asked.target[..] {
            "/gzip" => coded("gzip", &gzip(text)),
            "/old" => coded("X-GZip", &gzip(text)),
            "/zlib" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                coded("deflate", &encoder.finish().unwrap())
            }
            "/bare" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                coded("deflate", &encoder.finish().unwrap())
            }
            "/unknown" => coded("br", text),
            "/broken" => coded("gzip", &gzip(text)[..30]),
            "/empty" => coded("gzip", b""),
            _ => coded("gzip", &gzip(&vec![0; 16 << 20])),
        }
    })
}

#[test]
fn each_coding_is_undone_and_the_connection_kept() {
    let server = server();
    let urls: Vec<_> =
        ["/gzip", "/old", "/zlib", "/bare", "/unknown"].map(|it| server.url(it)).into();
    let empty = server.url("/empty");
    run(async move {
        let session = ClientSession::new();
        for url in urls {
            assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), TEXT, "{url}");
        }
        assert_eq!(session.head(&empty).await.unwrap().text().await.unwrap(), "");
        assert_eq!(session.connections(), (0, 1));
    });
    assert_eq!(server.last().place, (0, 5));
    assert_eq!(server.last().field("accept-encoding"), Some("gzip, deflate"));
}

#[test]
fn what_breaks_off_is_not_whole() {
    let server = server();
    let url = server.url("/broken");
    run(async move {
        let error = ClientSession::new().get(&url).await.unwrap().text().await.unwrap_err();
        assert!(matches!(error, ClientError::Payload(_)), "{error:?}");
        assert!(error.to_string().contains("breaks off"), "{error}");
    });
}

#[test]
fn a_bomb_goes_off_nowhere() {
    let server = server();
    let (url, whole) = (server.url("/bomb"), server.url("/bomb"));
    run(async move {
        let limits = Limits { body_size: 1 << 20, ..Limits::default() };
        let session = ClientSession::builder().limits(limits).build().unwrap();
        let error = session.get(&url).await.unwrap().bytes().await.unwrap_err();
        assert!(matches!(error, ClientError::Body(_)), "{error:?}");
        let mut response = ClientSession::new().get(&whole).await.unwrap();
        let error = loop {
            match response.chunk().await {
                Ok(Some(piece)) => assert!(piece.len() <= 32 << 10),
                Ok(None) => panic!("all of it came"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("200 times"), "{error}");
    });
}

#[test]
fn it_is_left_as_it_is_where_that_is_wanted() {
    let server = server();
    let url = server.url("/gzip");
    run(async move {
        let session = ClientSession::builder().decompress(false).build().unwrap();
        assert_eq!(session.get(&url).await.unwrap().bytes().await.unwrap(), gzip(TEXT.as_bytes()));
    });
    assert_eq!(server.last().field("accept-encoding"), None);
}

#[test]
fn an_upload_is_compressed_as_it_is_sent() {
    let server = Server::new(|asked| coded("gzip", &asked.body));
    let url = server.url("/");
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at / 7) as u8).collect();
    let expected = bytes.clone();
    run(async move {
        let session = ClientSession::new();
        let bytes = session.post(&url).body(bytes).compress().await.unwrap();
        assert_eq!(bytes.bytes().await.unwrap(), expected);
        let text = session.post(&url).text(TEXT).compress().await.unwrap();
        assert_eq!(text.text().await.unwrap(), TEXT);
        let stream = session.post(&url).stream(|mut body| async move {
            for piece in TEXT.split_inclusive(' ') {
                body.write(piece.as_bytes()).await?;
            }
            Ok(())
        });
        assert_eq!(stream.compress().await.unwrap().text().await.unwrap(), TEXT);
        let fails = session.post(&url).stream(|mut body| async move {
            body.write(b"some").await?;
            Err(std::io::Error::other("no more"))
        });
        let error = fails.compress().await.unwrap_err();
        assert!(matches!(&error, ClientError::Source(error) if error.to_string() == "no more"));
    });
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    assert!(heard[0].body.len() < 100_000, "{} bytes", heard[0].body.len());
    for asked in heard {
        assert_eq!(asked.field("content-encoding"), Some("gzip"));
        assert_eq!(asked.field("transfer-encoding"), Some("chunked"));
    }
}
