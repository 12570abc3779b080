//! A served application and what it is asked, in one loop.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use evloop::EventLoop;
use evloop::http::test::TestClient;
use evloop::web::{Application, ClientRequest, Method};

/// Longer than anything takes here: a test that hangs fails instead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What `asking` gives, and what was reported meanwhile.
pub fn reported<T, F>(
    app: Application,
    asking: impl FnOnce(Rc<TestClient>) -> F + 'static,
) -> (T, Vec<String>)
where
    F: Future<Output = T> + 'static,
    T: 'static,
{
    let event_loop = EventLoop::new().expect("a loop");
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let report = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            report.borrow_mut().push(context.to_string());
        }
    }));
    let value = event_loop.run_until_complete(async move {
        let client = Rc::new(TestClient::new(app).await.expect("a server"));
        let value = evloop::timeout(PATIENCE, asking(client.clone())).await.expect("no hang");
        client.close().await;
        value
    });
    assert!(event_loop.close().expect("not running").is_clean());
    event_loop.set_exception_handler(None::<fn(&EventLoop, &evloop::ErrorContext)>);
    (value.expect("a run"), reports.take())
}

/// What `asking` gives; nothing may be reported.
pub fn ask<T, F>(app: Application, asking: impl FnOnce(Rc<TestClient>) -> F + 'static) -> T
where
    F: Future<Output = T> + 'static,
    T: 'static,
{
    let (value, reports) = reported(app, asking);
    assert_eq!(reports, [""; 0]);
    value
}

/// The status and body of a request's answer.
pub async fn answer(request: ClientRequest) -> (u16, String) {
    let response = request.await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.text().await.expect("text"))
}

/// The status and body of each path's answer, and `Location` or `Allow` where there is one.
pub fn answers(app: Application, asked: &[(Method, &str)]) -> Vec<(u16, String)> {
    let asked: Vec<_> =
        asked.iter().map(|(method, path)| (method.clone(), path.to_string())).collect();
    ask(app, |client| async move {
        let mut answers = Vec::new();
        for (method, path) in asked {
            let request = client.request(method, &path).allow_redirects(false);
            let response = request.await.expect("an answer");
            let headers = response.headers();
            let field = headers.get("location").or(headers.get("allow"));
            let field = field.map(|value| value.to_str().expect("text").to_owned());
            let status = response.status().as_u16();
            let text = response.text().await.expect("text");
            answers.push((status, field.unwrap_or(text)));
        }
        answers
    })
}
