//! Forms with files in them, as clients send them.

use std::process::Command;

use evloop::web::{Application, BodyError, Request};

use crate::support::{Client, serve};
use crate::tree::Tree;

/// Tells of each part; of a field called `skipped` it reads nothing, of others at most 1 MB.
async fn upload(request: Request) -> Result<String, BodyError> {
    let mut form = request.multipart()?;
    let mut told = String::new();
    while let Some(mut part) = form.next_part().await? {
        let head = part.head().clone();
        let len = if head.name() == "skipped" { 0 } else { part.read(1_000_000).await?.len() };
        told += &format!("{} {:?} {} {len}\n", head.name(), head.filename(), head.content_type());
    }
    Ok(told)
}

fn app() -> Application {
    let mut app = Application::new();
    app.router().add_post("/", upload);
    app
}

fn post(body: &str) -> String {
    let content_type = "multipart/form-data; boundary=B";
    let len = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

#[test]
fn parts_are_read_or_passed_over_and_the_connection_goes_on() {
    let part = |name: &str, body: &str| {
        format!("--B\r\nContent-Disposition: form-data; name={name}\r\n\r\n{body}\r\n")
    };
    let form = [part("a", "12345"), part("skipped", &"x".repeat(500_000)), part("b", "")].concat();
    let ((), reports) = serve(app(), move |address| {
        let mut client = Client::connect(address);
        for _ in 0..2 {
            let reply = client.send(&post(&format!("{form}--B--\r\n"))).reply();
            let told = "a None text/plain 5\nskipped None text/plain 0\nb None text/plain 0\n";
            assert_eq!((reply.status, &reply.body[..]), (200, told));
        }
        let reply = client.send(&post(&form)).reply();
        assert!(reply.status == 400 && reply.body.contains("the form breaks off"), "{reply:?}");
        let mut client = Client::connect(address);
        let reply = client.send(&post("--B\r\n\r\n\r\n--B--")).reply();
        assert!(reply.status == 400 && reply.body.contains("has no name"), "{reply:?}");
        let mut client = Client::connect(address);
        let large = part("a", &"x".repeat(1_000_001));
        let reply = client.send(&post(&format!("{large}--B--"))).reply();
        assert!(reply.status == 413 && reply.body.contains("1000000"), "{reply:?}");
        let reply = Client::connect(address)
            .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            .reply();
        assert!(reply.status == 400 && reply.body.contains("with a boundary"), "{reply:?}");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn curl_sends_a_form_with_a_file() {
    let tree = Tree::new();
    tree.file("upload.txt", "z".repeat(300_000));
    let path = tree.path("upload.txt");
    let ((), reports) = serve(app(), move |address| {
        let file = format!("file=@{}", path.display());
        let url = format!("http://{address}/");
        let curl = Command::new("curl").args(["-sS", "-F", "a=b c", "-F", &file, &url]).output();
        let Ok(output) = curl else {
            eprintln!("SKIPPED: there is no curl here");
            return;
        };
        let told = "a None text/plain 3\nfile Some(\"upload.txt\") text/plain 300000\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), told);
    });
    assert_eq!(reports, [""; 0]);
}
