//! Conditions, ranges and codings, as a client sees them.

use std::fs;
use std::net::SocketAddr;

use evloop::web::{Application, FileResponse, HeaderValue, Request, Response};

use crate::support::{Client, Reply, serve};
use crate::tree::{MODIFIED, Tree};

fn app(tree: &Tree) -> Application {
    tree.app(|files| files)
}

/// Sends a request with these fields and receives the answer.
fn ask(client: &mut Client, method: &str, path: &str, fields: &[&str]) -> Reply {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    client.send(&format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    let mut reply = client.head();
    if method != "HEAD" && reply.status != 304 {
        client.body(&mut reply);
    }
    reply
}

fn served<T: Send + 'static>(
    app: Application,
    client: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> T {
    let (value, reports) = serve(app, |address: SocketAddr| client(&mut Client::connect(address)));
    assert_eq!(reports, [""; 0]);
    value
}

const FILE: &str = "/static/a.txt";

#[test]
fn a_file_has_its_type_its_length_and_both_validators() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let reply = ask(client, "GET", FILE, &[]);
        assert_eq!((reply.status, &reply.body[..]), (200, "0123456789"));
        assert_eq!(reply.get("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(reply.get("last-modified"), Some(MODIFIED));
        assert_eq!(reply.get("accept-ranges"), Some("bytes"));
        assert_eq!(reply.get("etag"), Some("\"ae1b981bc490a00-a\""));
        let head = ask(client, "HEAD", FILE, &[]);
        let told = |reply: &Reply| {
            let fields = reply.fields.iter().filter(|(name, _)| name != "date");
            fields.cloned().collect::<Vec<_>>()
        };
        assert_eq!((head.status, told(&head)), (200, told(&reply)));
    });
}

#[test]
fn a_current_copy_is_answered_304_and_an_outdated_one_with_the_file() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let etag = ask(client, "GET", FILE, &[]).get("etag").expect("a tag").to_owned();
        let (since, none) =
            (format!("If-Modified-Since: {MODIFIED}"), format!("If-None-Match: {etag}"));
        for field in [&since, &none, &format!("If-None-Match: \"x\", W/{etag}")] {
            for method in ["GET", "HEAD"] {
                let reply = ask(client, method, FILE, &[field]);
                assert_eq!((reply.status, reply.get("etag")), (304, Some(&etag[..])), "{field}");
            }
        }
        for field in ["If-None-Match: \"x\"", "If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT"] {
            assert_eq!(ask(client, "GET", FILE, &[field]).status, 200);
        }
        assert_eq!(ask(client, "GET", FILE, &["If-None-Match: \"x\"", &since]).status, 200);
        assert_eq!(ask(client, "GET", FILE, &["If-Match: \"x\""]).status, 412);
        assert_eq!(ask(client, "GET", FILE, &[&format!("If-Match: {etag}")]).status, 200);
        let before = "If-Unmodified-Since: Sat, 05 Nov 1994 08:49:37 GMT";
        assert_eq!(ask(client, "GET", FILE, &[before]).status, 412);
        assert_eq!(ask(client, "GET", "/static/none", &["If-Match: \"x\""]).status, 404);
    });
}

#[test]
fn ranges_are_parts_and_what_lies_beyond_is_416() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        for (range, part, told) in [
            ("0-3", "0123", "bytes 0-3/10"),
            ("7-", "789", "bytes 7-9/10"),
            ("-2", "89", "bytes 8-9/10"),
            ("5-999", "56789", "bytes 5-9/10"),
        ] {
            let reply = ask(client, "GET", FILE, &[&format!("Range: bytes={range}")]);
            assert_eq!((reply.status, &reply.body[..]), (206, part));
            assert_eq!(reply.get("content-range"), Some(told));
        }
        let reply = ask(client, "GET", FILE, &["Range: bytes=10-"]);
        assert_eq!((reply.status, reply.get("content-range")), (416, Some("bytes */10")));
        for whole in ["Range: bytes=5-1", "Range: lines=1-2"] {
            assert_eq!(ask(client, "GET", FILE, &[whole]).status, 200);
        }
        let head = ask(client, "HEAD", FILE, &["Range: bytes=0-3"]);
        assert_eq!((head.status, head.get("content-length")), (200, Some("10")));
    });
}

#[test]
fn several_ranges_come_as_parts_of_one_body() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let reply = ask(client, "GET", FILE, &["Range: bytes=0-1, 4-4, -1"]);
        let boundary = reply.get("content-type").expect("a type");
        let boundary = boundary.strip_prefix("multipart/byteranges; boundary=").expect("parts");
        let part = |range: &str, text: &str| {
            format!(
                "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {range}/10\r\n\r\n{text}\r\n"
            )
        };
        let parts = [part("0-1", "01"), part("4-4", "4"), part("9-9", "9")].concat();
        assert_eq!((reply.status, reply.body.clone()), (206, format!("{parts}--{boundary}--\r\n")));
        let again = ask(client, "GET", FILE, &["Range: bytes=0-1, 4-4, -1"]);
        assert_ne!(again.get("content-type"), reply.get("content-type"), "nobody knows the next");
        let flood = format!("Range: bytes=0-{}", ",0-".repeat(1000));
        assert_eq!(ask(client, "GET", FILE, &[&flood]).status, 416);
        assert_eq!(ask(client, "GET", FILE, &[]).status, 200, "the connection goes on");
    });
}

#[test]
fn a_range_of_another_version_is_the_whole() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let etag = ask(client, "GET", FILE, &[]).get("etag").expect("a tag").to_owned();
        let with = |client: &mut Client, value: &str| {
            ask(client, "GET", FILE, &["Range: bytes=1-1", &format!("If-Range: {value}")]).status
        };
        assert_eq!(with(client, &etag), 206);
        assert_eq!(with(client, MODIFIED), 206);
        assert_eq!(with(client, "\"old\""), 200);
        assert_eq!(with(client, &format!("W/{etag}")), 200);
        assert_eq!(with(client, "Sun, 06 Nov 1994 08:49:36 GMT"), 200);
    });
}

#[test]
fn a_compressed_sibling_is_sent_to_who_takes_it() {
    let tree = Tree::new();
    tree.file("root/a.txt.gz", "in gzip");
    tree.file("root/a.txt.br", "in brotli");
    served(app(&tree), |client| {
        for (accept, body, coding) in [
            ("Accept-Encoding: gzip, br", "in brotli", Some("br")),
            ("Accept-Encoding: gzip", "in gzip", Some("gzip")),
            ("Accept-Encoding: br;q=0, gzip;q=0", "0123456789", None),
            ("X-None: 1", "0123456789", None),
        ] {
            let reply = ask(client, "GET", FILE, &[accept]);
            assert_eq!((&reply.body[..], reply.get("content-encoding")), (body, coding));
            assert_eq!(reply.get("vary"), Some("accept-encoding"));
            assert_eq!(reply.get("content-type"), Some("text/plain; charset=utf-8"));
            let part = ask(client, "GET", FILE, &[accept, "Range: bytes=0-0"]);
            assert_eq!(part.body, body[..1], "a range of what would be sent");
        }
        let itself = ask(client, "GET", "/static/a.txt.gz", &[]);
        assert_eq!(itself.get("content-type"), Some("application/gzip"));
        assert_eq!((itself.get("content-encoding"), itself.get("vary")), (None, None));
        assert_eq!(ask(client, "GET", "/static/page.html", &[]).get("vary"), None);
    });
}

#[test]
fn a_handler_answers_with_a_file() {
    let tree = Tree::new();
    let (path, none) = (tree.path("root/a.txt"), tree.path("none"));
    let mut app = Application::new();
    app.router().add_get("/file", move |request: Request| {
        let file = FileResponse::new(&path).content_type(HeaderValue::from_static("a/b"));
        async move { file.respond(&request).await.map(|it| it.header("x-more", "1")) }
    });
    app.router().add_get("/none", move |request: Request| {
        let file = FileResponse::new(&none);
        async move { file.respond(&request).await }
    });
    let directory = tree.root();
    app.router().add_get("/directory", move |request: Request| {
        let file = FileResponse::new(&directory);
        async move { file.respond(&request).await }
    });
    served(app, |client| {
        let reply = ask(client, "GET", "/file", &[]);
        assert_eq!((reply.status, &reply.body[..]), (200, "0123456789"));
        assert_eq!((reply.get("content-type"), reply.get("x-more")), (Some("a/b"), Some("1")));
        assert_eq!(ask(client, "GET", "/none", &[]).status, 404);
        assert_eq!(ask(client, "GET", "/directory", &[]).status, 404);
    });
}

#[test]
fn a_file_that_changes_gets_another_tag_at_once() {
    let tree = Tree::new();
    let path = tree.path("root/a.txt");
    served(app(&tree), move |client| {
        let first = ask(client, "GET", FILE, &[]).get("etag").expect("a tag").to_owned();
        fs::write(&path, "new").expect("a file");
        let reply = ask(client, "GET", FILE, &[&format!("If-None-Match: {first}")]);
        assert_eq!((reply.status, &reply.body[..]), (200, "new"));
        assert_eq!(reply.get("last-modified"), None, "its second is not over");
        fs::remove_file(&path).expect("a file");
        assert_eq!(ask(client, "GET", FILE, &[]).status, 404);
    });
}

#[test]
fn an_empty_file_is_200_and_has_no_ranges() {
    let tree = Tree::new();
    tree.file("root/empty", "");
    served(app(&tree), |client| {
        let reply = ask(client, "GET", "/static/empty", &[]);
        assert_eq!((reply.status, reply.get("content-length")), (200, Some("0")));
        let reply = ask(client, "GET", "/static/empty", &["Range: bytes=0-"]);
        assert_eq!((reply.status, reply.get("content-range")), (416, Some("bytes */0")));
        assert_eq!(ask(client, "GET", "/static/empty", &["Range: bytes=-1"]).status, 200);
    });
}

#[test]
fn a_method_that_does_not_read_is_405() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let reply = ask(client, "DELETE", FILE, &[]);
        assert_eq!((reply.status, reply.get("allow")), (405, Some("GET,HEAD")));
    });
}

#[test]
fn a_client_that_will_say_no_more_gets_all_it_has_asked_for() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        let request = format!("GET {FILE} HTTP/1.1\r\nHost: h\r\n\r\n");
        client.send(&request.repeat(3)).finish();
        client.peek();
        let bodies = [client.reply().body, client.reply().body, client.reply().body];
        assert_eq!(bodies, ["0123456789"; 3]);
        assert!(client.is_closed());
    });
}

#[test]
fn files_and_streams_take_turns_on_one_connection() {
    let tree = Tree::new();
    let mut app = app(&tree);
    app.router().add_get("/stream", |_: Request| async {
        Response::stream(|mut body| async move { Ok(body.write("streamed").await?) })
    });
    let old = format!("GET {FILE} HTTP/1.0\r\n\r\n");
    served(app, move |client| {
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        client.send(&[request(FILE), request("/stream"), request(FILE), old].concat());
        assert_eq!(client.reply().body, "0123456789");
        assert_eq!(client.chunked().body, "streamed");
        assert_eq!(client.reply().body, "0123456789");
        assert!(client.rest().expect("no reset").ends_with("\r\n\r\n0123456789"));
    });
}

/// Not a response of a file, but of the same conditions: for handlers that make their bytes.
#[test]
fn a_handler_weighs_conditions_by_itself() {
    use evloop::web::EntityTag;
    use evloop::web::conditional::{Current, Verdict, evaluate};
    let mut app = Application::new();
    app.router().add_route("*", "/thing", |request: Request| async move {
        let etag = EntityTag::strong("v1").ok();
        let current = Current { exists: true, etag, last_modified: None };
        match evaluate(request.method(), request.headers(), &current, 0) {
            Verdict::Perform => Response::text("performed"),
            Verdict::NotModified => Response::new().status(304),
            Verdict::PreconditionFailed => Response::new().status(412),
        }
    });
    served(app, |client| {
        assert_eq!(ask(client, "PUT", "/thing", &["If-Match: \"v0\""]).status, 412);
        assert_eq!(ask(client, "PUT", "/thing", &["If-Match: \"v1\""]).status, 200);
        assert_eq!(ask(client, "PUT", "/thing", &["If-None-Match: *"]).status, 412);
        assert_eq!(ask(client, "GET", "/thing", &["If-None-Match: \"v1\""]).status, 304);
    });
}

#[test]
fn what_would_fail_anyway_is_under_no_condition() {
    let tree = Tree::new();
    served(app(&tree), |client| {
        for condition in ["If-Match: \"v\"", "If-None-Match: *"] {
            assert_eq!(ask(client, "GET", "/static/none", &[condition]).status, 404);
            assert_eq!(ask(client, "PUT", FILE, &[condition]).status, 405);
        }
        assert_eq!(ask(client, "GET", FILE, &["If-Match: \"v\""]).status, 412);
    });
}
