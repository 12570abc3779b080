//! Errors that are answers.

use std::error::Error;
use std::time::Duration;

use evloop::web::{Application, HttpError, Method, Request};

use crate::ask::answers;

#[test]
fn an_http_error_is_the_answer_from_wherever_it_comes() {
    fn find(id: &str) -> Result<u32, HttpError> {
        match id.parse() {
            Ok(0) => Err(HttpError::see_other("/1")),
            Ok(id @ 1..10) => Ok(id),
            Ok(_) => Err(HttpError::not_found()),
            Err(why) => Err(HttpError::bad_request(format!("the id: {why}"))),
        }
    }
    async fn plain(request: Request) -> Result<String, HttpError> {
        Ok(find(request.match_info().get("id").unwrap_or_default())?.to_string())
    }
    async fn boxed(request: Request) -> Result<String, Box<dyn Error>> {
        Ok(find(request.match_info().get("id").unwrap_or_default())?.to_string())
    }
    async fn shared(request: Request) -> Result<String, Box<dyn Error + Send + Sync>> {
        // Such an error has to be `Send`: its text goes the same way.
        let id = request.match_info().get("id").unwrap_or_default();
        Ok(find(id).map_err(|error| error.to_string())?.to_string())
    }
    let mut app = Application::new();
    app.router().add_get("/{id}", plain).add_get("/boxed/{id}", boxed);
    app.router().add_get("/shared/{id}", shared);
    let asked = ["/0", "/1", "/10", "/x", "/boxed/0", "/boxed/x", "/shared/2"];
    let got = answers(app, &asked.map(|path| (Method::GET, path)));
    let wrong = "400: Bad Request\nthe id: invalid digit found in string\n";
    let expected = [
        (303, "/1"),
        (200, "1"),
        (404, "404: Not Found"),
        (400, wrong),
        (303, "/1"),
        (400, wrong),
        (200, "2"),
    ];
    assert_eq!(got, expected.map(|(status, text)| (status, text.to_owned())));
}

#[test]
fn what_takes_too_long_inside_is_answered_504() {
    async fn slow(_: Request) -> Result<&'static str, evloop::TimedOut> {
        evloop::timeout(Duration::ZERO, std::future::pending()).await
    }
    let mut app = Application::new();
    app.router().add_get("/", slow);
    let got = answers(app, &[(Method::GET, "/")]);
    assert_eq!(got, [(504, "504: Gateway Timeout".to_owned())]);
}
