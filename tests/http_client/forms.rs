//! Forms with files in them, as servers read them.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use evloop::http::{BodySender, ClientError, ClientSession, FormData};
use evloop::web::{Application, Request, Response};
use evloop::{EventLoop, web};

use crate::PATIENCE;
use crate::support::{Server, ok, redirect, run};

fn temporary(bytes: &[u8]) -> File {
    let name = format!("evloop-form-{}-{:p}", std::process::id(), bytes);
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

/// Says what the parts of a form are, one a line.
async fn parts(request: Request) -> Result<Response, web::BodyError> {
    let mut form = request.multipart()?;
    let length = request.header("content-length").is_some();
    let mut said = format!("length {length}\n");
    while let Some(mut part) = form.next_part().await? {
        let head = part.head().clone();
        let bytes = part.read(1 << 24).await?;
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        let (name, filename) = (head.name(), head.filename());
        said += &format!("{name} {filename:?} {} {} {sum}\n", head.content_type(), bytes.len());
    }
    Ok(Response::text(said))
}

/// What our server reads.
fn read(form: FormData) -> String {
    let event_loop = EventLoop::new().unwrap();
    let mut app = Application::new();
    app.router().add_post("/", parts);
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).unwrap().unwrap();
    let url = format!("http://{}/", server.sockets()[0].local_addr());
    let said = event_loop.run_until_complete(async move {
        let sent = ClientSession::new().post(&url).multipart(form).await.unwrap();
        sent.text().await.unwrap()
    });
    event_loop.run_until_complete(async move { server.shutdown(PATIENCE).await }).unwrap();
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert!(event_loop.close().unwrap().is_clean());
    said.unwrap()
}

async fn abc(mut body: BodySender) -> std::io::Result<()> {
    for piece in ["a", "", "bc"] {
        body.write(piece.as_bytes()).await?;
    }
    Ok(())
}

#[test]
fn fields_bytes_and_files_come_with_a_length_and_whole() {
    let large: Vec<u8> = (0..1_000_000_u32).map(|at| at as u8).collect();
    let form = FormData::new()
        .field("n\u{e9}", 5)
        .bytes("b", "x.html", "\r\n--")
        .content_type("a/b")
        .file("f", "sea.png", temporary(&large))
        .field("empty", "");
    assert_eq!(
        read(form),
        "length true\n\
         n\u{e9} None text/plain 1 53\n\
         b Some(\"x.html\") a/b 4 113\n\
         f Some(\"sea.png\") image/png 1000000 127493856\n\
         empty None text/plain 0 0\n"
    );
    assert_eq!(read(FormData::new()), "length true\n");
    let form = FormData::new().field("only", "a").field("only", "b");
    assert_eq!(read(form), "length true\nonly None text/plain 1 97\nonly None text/plain 1 98\n");
}

#[test]
fn a_stream_of_unknown_length_makes_chunks_and_one_of_a_known_one_does_not() {
    let part = "s Some(\"s.bin\") application/octet-stream 3 294\nend None text/plain 1 49\n";
    for (length, told) in [(None, false), (Some(3), true)] {
        let form = FormData::new().stream("s", "s.bin", length, abc).field("end", 1);
        assert_eq!(read(form), format!("length {told}\n{part}"));
    }
}

#[test]
fn a_stream_that_is_not_as_long_as_it_was_said_to_be_is_an_error() {
    let server = Server::new(|_| ok("x"));
    let url = server.url("/");
    run(async move {
        for length in [2, 4] {
            let form = FormData::new().stream("s", "s", Some(length), abc);
            let error = ClientSession::new().post(&url).multipart(form).await.unwrap_err();
            assert!(matches!(error, ClientError::InvalidRequest(_)), "{error:?}");
        }
    });
    assert!(server.heard().is_empty());
}

#[test]
fn a_form_goes_along_with_a_redirect_and_one_with_a_stream_says_that_it_cannot() {
    let server = Server::new(|asked| match &asked.target[..] {
        "/from" => redirect(307, "/to"),
        _ => ok("there"),
    });
    let url = server.url("/from");
    run(async move {
        let session = ClientSession::new();
        let form = FormData::new().file("f", "f", temporary(b"from a file"));
        session.post(&url).multipart(form).await.unwrap().text().await.unwrap();
        let form = FormData::new().stream("s", "s", None, abc);
        let text = session.post(&url).multipart(form).await.unwrap_err().to_string();
        assert!(text.contains("asks for the body again"), "{text}");
    });
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[0].body, heard[1].body);
    assert_eq!(heard[0].field("content-type"), heard[1].field("content-type"));
    assert!(String::from_utf8(heard[1].body.clone()).unwrap().contains("from a file"));
}

#[test]
fn what_cannot_stand_in_a_form_is_refused_before_anything_is_sent() {
    let refused = |form: FormData| {
        run(async move {
            let sent = ClientSession::new().post("http://127.0.0.1:9/").multipart(form);
            sent.await.unwrap_err().to_string()
        })
    };
    assert!(refused(FormData::new().field("a\u{1}", "")).contains("control character"));
    let form = FormData::new().field("a", "").content_type("text/plain\r\nX: evil");
    assert!(refused(form).contains("cannot be the content type"));
    let form = FormData::new().file("a", "a", File::open("/").unwrap());
    assert!(refused(form).contains("no regular file"));
}
