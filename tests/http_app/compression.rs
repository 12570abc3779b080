//! Answers that go out compressed, and requests that come so.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::rc::Rc;

use evloop::http::test::TestClient;
use evloop::web::{
    Application, BodyError, ClientResponse, ClientSession, Compress, Decompress, FileResponse,
    HttpError, Limits, Method, Request, Response, ServerSentEvent,
};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::ask::{answer, ask};

fn page() -> String {
    "the same again, and again; ".repeat(200)
}

/// What a client gets that accepts this and undoes nothing.
async fn raw(client: &TestClient, method: Method, path: &str, accepts: &str) -> ClientResponse {
    let session = ClientSession::builder().decompress(false).build().expect("a session");
    let request = session.request(method, &client.server().url(path));
    let request =
        if accepts.is_empty() { request } else { request.header("accept-encoding", accepts) };
    let response = request.await.expect("an answer");
    session.close();
    response
}

fn field(response: &ClientResponse, name: &str) -> String {
    response.headers().get(name).map_or("none", |value| value.to_str().unwrap()).to_owned()
}

fn served(compress: Compress) -> Application {
    let mut app = Application::new();
    app.middleware(compress);
    app.router().add_get("/page", |_| async { Response::text(page()).header("etag", "\"v\"") });
    app.router().add_get("/small", |_| async { "small" });
    app.router().add_get("/image", |_| async {
        Response::text(page()).header("content-type", "image/png")
    });
    app.router().add_get("/large", |_| async { Response::text("0123456789".repeat(500_000)) });
    app
}

#[test]
fn an_answer_is_compressed_for_who_accepts_that_and_plain_for_who_does_not() {
    ask(served(Compress::new()), |client| async move {
        for (accepts, coding) in [
            ("gzip", "gzip"),
            ("deflate", "deflate"),
            ("gzip;q=0.5, deflate;q=0.9", "deflate"),
            ("*", "gzip"),
            ("br, x-gzip", "gzip"),
            ("", "none"),
            ("identity, gzip;q=0", "none"),
            ("br", "none"),
        ] {
            let response = raw(&client, Method::GET, "/page", accepts).await;
            assert_eq!(field(&response, "content-encoding"), coding, "{accepts}");
            assert_eq!(field(&response, "vary"), "accept-encoding");
            let etag = if coding == "none" { "\"v\"" } else { "W/\"v\"" };
            assert_eq!(field(&response, "etag"), etag);
            let length: usize = field(&response, "content-length").parse().unwrap();
            assert_eq!(length == page().len(), coding == "none");
            assert_eq!(response.bytes().await.unwrap().len(), length);
        }
        let response = client.get("/page").await.unwrap();
        assert_eq!(response.text().await.unwrap(), page(), "as our client reads it");
        for path in ["/small", "/image"] {
            let response = raw(&client, Method::GET, path, "gzip").await;
            assert_eq!(field(&response, "content-encoding"), "none", "{path}");
            assert_eq!(field(&response, "vary"), "none", "{path}");
        }
    });
}

#[test]
fn head_says_what_get_does_but_for_the_length() {
    ask(served(Compress::new()), |client| async move {
        let get = raw(&client, Method::GET, "/page", "gzip").await;
        let head = raw(&client, Method::HEAD, "/page", "gzip").await;
        for name in ["content-encoding", "content-type", "vary", "etag"] {
            assert_eq!(field(&head, name), field(&get, name), "{name}");
        }
        assert_eq!(field(&head, "content-length"), "none");
        assert_eq!(head.bytes().await.unwrap(), b"");
    });
}

#[test]
fn a_long_body_goes_out_in_pieces_between_which_others_go_on_and_comes_whole() {
    ask(served(Compress::new()), |client| async move {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let others = evloop::spawn(async move {
            loop {
                count.set(count.get() + 1);
                evloop::yield_now().await;
            }
        });
        let response = raw(&client, Method::GET, "/large", "gzip").await;
        assert_eq!(field(&response, "transfer-encoding"), "chunked");
        assert!(response.bytes().await.unwrap().len() < 500_000);
        assert!(turns.get() > 5_000_000 / (64 << 10), "{} turns for 77 pieces", turns.get());
        others.cancel();
        let whole = client.get("/large").await.unwrap().bytes().await.unwrap();
        assert!(whole == "0123456789".repeat(500_000).as_bytes());
        assert_eq!(client.session().connections(), (0, 1));
    });
}

#[test]
fn an_event_is_read_before_the_next_is_sent() {
    let gate = Rc::new(evloop::Event::new());
    let open = gate.clone();
    let mut app = Application::new();
    app.middleware(Compress::new());
    app.router().add_get("/", move |request: Request| {
        let gate = gate.clone();
        async move {
            let events = Response::events(move |mut events| async move {
                events.send(&ServerSentEvent::data("first")).await?;
                gate.wait().await;
                events.send(&ServerSentEvent::data("second")).await?;
                Ok(())
            });
            events.compress(&request)
        }
    });
    ask(app, move |client| async move {
        let mut response = client.get("/").await.unwrap();
        assert_eq!(field(&response, "content-encoding"), "gzip");
        let first = response.chunk().await.unwrap();
        assert_eq!(first.as_deref(), Some(&b"data: first\n\n"[..]));
        open.set();
        assert_eq!(response.bytes().await.unwrap(), b"data: second\n\n");
    });
}

#[test]
fn a_stream_that_is_not_as_long_as_it_said_is_cut_off_compressed_too() {
    let mut app = Application::new();
    app.middleware(Compress::new().min_size(1));
    app.router().add_get("/{length}", |request: Request| async move {
        let length = request.match_info().get("length").unwrap().parse().unwrap();
        let write =
            |mut body: evloop::web::BodyWriter| async move { Ok(body.write("12345").await?) };
        Response::stream(write).content_length(length).header("content-type", "text/plain")
    });
    let (ends, reports) = crate::ask::reported(app, |client| async move {
        let mut ends = Vec::new();
        for length in ["/4", "/5", "/6"] {
            // What was cut off in the step in which it began has not even a head.
            ends.push(match client.get(length).await {
                Ok(response) => response.text().await.is_ok(),
                Err(_) => false,
            });
        }
        ends
    });
    assert_eq!(ends, [false, true, false]);
    // A connection that was used before is tried once more.
    assert!(reports.len() >= 2, "{reports:?}");
    assert!(reports.iter().all(|it| it.contains("not as long as")), "{reports:?}");
}

#[test]
fn a_file_is_compressed_whole_and_plain_in_parts_and_its_sibling_is_left_alone() {
    let dir = std::env::temp_dir().join(format!("evloop-compress-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for (name, size) in [("small.txt", 4_000), ("large.txt", 300_000), ("packed.txt", 4_000)] {
        fs::write(dir.join(name), "0123456789".repeat(size / 10)).unwrap();
    }
    fs::write(dir.join("packed.txt.gz"), gzip("beside it".as_bytes())).unwrap();
    let mut app = Application::new();
    app.middleware(Compress::new()).router().add_static("/", dir.clone());
    let path = dir.join("small.txt");
    app.router().add_get("/one", move |request: Request| {
        let file = FileResponse::new(path.clone());
        async move { Ok::<_, std::io::Error>(file.respond(&request).await?.compress(&request)) }
    });
    ask(app, |client| async move {
        for (path, size) in [("/small.txt", 4_000), ("/large.txt", 300_000), ("/one", 4_000)] {
            let response = client.get(path).await.unwrap();
            let etag = field(&response, "etag");
            assert_eq!(field(&response, "content-encoding"), "gzip", "{path}");
            assert!(etag.starts_with("W/\""), "{etag}");
            assert_eq!(field(&response, "accept-ranges"), "none");
            let text = response.text().await.unwrap();
            assert!(text == "0123456789".repeat(size / 10), "{path}");
            let again = client.get(path).header("if-none-match", &etag).await.unwrap();
            assert_eq!((again.status().as_u16(), field(&again, "etag")), (304, etag));
            assert_eq!(field(&again, "vary"), "accept-encoding", "{path}");
            let part = client.get(path).header("range", "bytes=2-4").await.unwrap();
            assert_eq!(
                (part.status().as_u16(), field(&part, "content-encoding")),
                (206, "none".into())
            );
            assert_eq!(part.text().await.unwrap(), "234");
        }
        let response = client.get("/packed.txt").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "beside it");
    });
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn curl_reads_what_is_compressed() {
    ask(served(Compress::new()), |client| async move {
        for (path, size) in [("/page", page().len()), ("/large", 5_000_000)] {
            let url = client.server().url(path);
            let curl = move || Command::new("curl").args(["-sS", "--compressed", &url]).output();
            let Ok(output) = evloop::to_thread(curl).await.unwrap() else {
                eprintln!("SKIPPED: there is no curl here");
                return;
            };
            assert!(output.status.success(), "{output:?}");
            assert_eq!(output.stdout.len(), size);
        }
    });
}

// ---- requests -----------------------------------------------------------------------------------

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn taking() -> Application {
    async fn text(request: Request) -> Result<String, BodyError> {
        Ok(request.text().await?.into_owned())
    }
    async fn pieces(request: Request) -> Result<String, BodyError> {
        let (content, mut all) = (request.content(), 0);
        while let Some(piece) = content.read_chunk().await? {
            assert!(piece.len() <= 32 << 10);
            all += piece.len();
        }
        assert!(content.at_end());
        Ok(all.to_string())
    }
    async fn here(request: Request) -> Result<String, HttpError> {
        request.decompress()?;
        Ok(request.text().await?.into_owned())
    }
    let mut inner = Application::new();
    inner.middleware(Decompress).router().add_post("/text", text).add_post("/pieces", pieces);
    let mut app = Application::new();
    app.limits(Limits { body_size: 100_000, ..Limits::default() });
    app.nest("/in", inner).router().add_post("/text", text).add_post("/here", here);
    app
}

async fn post(client: &TestClient, path: &str, coding: &str, body: &[u8]) -> (u16, String) {
    answer(client.post(path).header("content-encoding", coding).body(body.to_vec())).await
}

#[test]
fn a_body_is_decompressed_where_that_was_said_and_is_as_it_came_elsewhere() {
    ask(taking(), |client| async move {
        let text = page();
        for (coding, body) in [
            ("gzip", gzip(text.as_bytes())),
            ("X-GZip", gzip(text.as_bytes())),
            ("deflate", zlib(text.as_bytes())),
            ("identity", text.clone().into_bytes()),
        ] {
            for path in ["/in/text", "/here"] {
                assert_eq!(
                    post(&client, path, coding, &body).await,
                    (200, text.clone()),
                    "{coding}"
                );
            }
        }
        let pieces = post(&client, "/in/pieces", "gzip", &gzip(&vec![7; 3_000_000])).await;
        assert_eq!(pieces, (200, "3000000".into()), "piece by piece there is no limit");
        assert_eq!(post(&client, "/text", "gzip", &gzip(b"\xff")).await.0, 400, "gzip is no text");
        assert_eq!(post(&client, "/in/text", "gzip", b"").await, (200, String::new()));
    });
}

#[test]
fn an_unknown_coding_is_415_and_the_known_ones_are_told() {
    ask(taking(), |client| async move {
        for coding in ["br", "gzip, gzip", "gzip, deflate", "nonsense"] {
            let request = client.post("/in/text").header("content-encoding", coding).body("x");
            let response = request.await.unwrap();
            assert_eq!(response.status(), 415, "{coding}");
            assert_eq!(field(&response, "accept-encoding"), "gzip, deflate");
        }
    });
}

#[test]
fn a_bomb_is_413_and_what_is_corrupt_or_cut_off_is_400() {
    ask(taking(), |client| async move {
        let bomb = gzip(&vec![0; 50_000_000]);
        assert!(bomb.len() < 100_000);
        let (status, told) = post(&client, "/in/text", "gzip", &bomb).await;
        assert_eq!((status, told.contains("100000 bytes")), (413, true), "{told}");
        let (status, told) = post(&client, "/in/pieces", "gzip", &bomb).await;
        assert_eq!((status, told.contains("200 times")), (400, true), "{told}");
        let whole = gzip(page().as_bytes());
        for wrong in [&whole[..whole.len() - 1], b"not gzip at all", &whole[..30]] {
            let (status, told) = post(&client, "/in/text", "gzip", wrong).await;
            assert_eq!(status, 400, "{told}");
        }
    });
}
