//! Forms with files in them.

use evloop::web::{Application, ExtractError, Request};

use crate::ask::{answer, ask};

async fn upload(request: Request) -> Result<String, ExtractError> {
    let mut form = request.multipart()?;
    let mut told = Vec::new();
    while let Some(mut part) = form.next().await? {
        if part.name() == "skip" {
            continue;
        }
        let name = part.head().filename().unwrap_or(part.name()).to_owned();
        let body = part.read(10).await?;
        told.push(format!("{name}={}", String::from_utf8_lossy(&body)));
    }
    Ok(told.join("&"))
}

fn part(disposition: &str, body: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{body}\r\n")
}

#[test]
fn parts_are_read_one_after_the_other_and_may_be_passed_over() {
    let mut app = Application::new();
    app.router().add_post("/", upload);
    ask(app, |client| async move {
        let send = |kind: &'static str, body: String| {
            answer(client.post("/").header("content-type", kind).body(body))
        };
        let form = [
            part("name=a", "1\r\n--"),
            part("name=skip", &"x".repeat(100_000)),
            part("name=f; filename=\"b.txt\"", ""),
            "--B--\r\n".to_owned(),
        ];
        let form = form.concat();
        let got = send("multipart/form-data; boundary=\"B\"", form.clone()).await;
        assert_eq!(got, (200, "a=1\r\n--&b.txt=".to_owned()));
        let (status, text) = send("multipart/form-data; boundary=B", part("name=a", "1")).await;
        assert_eq!((status, text.contains("its last boundary is missing")), (400, true), "{text}");
        let long = part("name=a", "12345678901") + "--B--\r\n";
        let (status, text) = send("multipart/form-data; boundary=B", long).await;
        assert_eq!((status, text.contains("10 bytes")), (413, true), "{text}");
        let (status, text) = send("multipart/form-data", form.clone()).await;
        assert_eq!((status, text.contains("boundary=x")), (400, true), "{text}");
        assert_eq!(send("text/plain", form).await.0, 415);
    });
}
