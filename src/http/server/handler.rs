//! Handlers: what an application gives, and what the server calls.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt::Display;
use std::future::{Future, poll_fn, ready};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::Poll;

use http::StatusCode;

use super::Connection;
use super::drive::Driven;
use crate::event_loop::{ErrorContext, Exception, get_running_loop};
use crate::http::request::{BodyError, Request};
use crate::http::response::{IntoResponse, Response};
use crate::http::{ExtractError, HttpError};
use crate::task::{Spare, Task, TimedOut};

/// What a handler may return: anything that stands for a response, or a `Result` with any error
/// that can be displayed.
///
/// An error that is an [`HttpError`], a [`Response`], a [`BodyError`] or an [`ExtractError`], boxed or
/// not, is answered with what it says: `request.text().await?` and `Err(HttpError::found("/login"))?` are ways to
/// answer, as raising `web.HTTPFound` is in aiohttp. A [`TimedOut`] is answered with 504, as
/// there. Every other error is reported to the loop's exception handler and answered with 500,
/// which tells the client nothing.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "it returns text, bytes, a status, a `Response`, a pair of a status and one of these, or a \
            `Result` of one whose error can be displayed; `Response::json` makes one of other values"
)]
pub trait Answer {
    /// The response, or what is to be reported.
    ///
    /// # Errors
    ///
    /// What the handler failed with, in words.
    fn answer(self) -> Result<Response, String>;
}

impl<T: IntoResponse> Answer for T {
    fn answer(self) -> Result<Response, String> {
        Ok(self.into_response())
    }
}

impl<T: IntoResponse, E: Display + 'static> Answer for Result<T, E> {
    fn answer(self) -> Result<Response, String> {
        let mut error = match self {
            Ok(response) => return Ok(response.into_response()),
            Err(error) => error,
        };
        known(&mut error).ok_or_else(|| error.to_string())
    }
}

/// The response that an error stands for, if it stands for one.
fn known(error: &mut dyn Any) -> Option<Response> {
    macro_rules! known_as {
        ($($boxed:ident)*) => {
            $(if let Some(error) = $boxed.downcast_mut::<Response>() {
                return Some(std::mem::take(error));
            }
            if let Some(error) = $boxed.downcast_mut::<HttpError>() {
                return Some(error.take_response());
            }
            if let Some(error) = $boxed.downcast_ref::<BodyError>() {
                return Some(error.clone().into_response());
            }
            if let Some(error) = $boxed.downcast_ref::<ExtractError>() {
                return Some(error.clone().into_response());
            }
            if $boxed.downcast_ref::<TimedOut>().is_some() {
                return Some(Response::of_status(StatusCode::GATEWAY_TIMEOUT));
            })*
        };
    }
    known_as!(error);
    if let Some(boxed) = error.downcast_mut::<Box<dyn Error>>() {
        known_as!(boxed);
    } else if let Some(boxed) = error.downcast_mut::<Box<dyn Error + Send + Sync>>() {
        known_as!(boxed);
    }
    None
}

/// A future of a response that middlewares pass on. What has failed has been reported, and is
/// answered with 500.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Response>>>;

/// A handler of any type, as the router keeps it.
pub(in crate::http) trait Handle {
    /// Starts it with a request of `connection`, to which it answers; gives the task if it waits.
    fn start(&self, request: Request, connection: &Rc<Connection>) -> Option<Task<()>>;

    /// The same for a middleware, which has its response from the future.
    fn call(self: Rc<Self>, request: Request, connection: &Weak<Connection>) -> ResponseFuture;
}

/// The handler `H`, whose futures are `F`.
pub(in crate::http) struct Handler<H, F: Future<Output: Answer>> {
    handler: H,
    spare: Spare<Driven<F>>,
}

impl<H, F> Handler<H, F>
where
    H: Fn(Request) -> F,
    F: Future<Output: Answer>,
{
    pub(in crate::http) fn new(handler: H) -> Handler<H, F> {
        Handler { handler, spare: Spare::default() }
    }
}

impl<H, F> Handle for Handler<H, F>
where
    H: Fn(Request) -> F + 'static,
    F: Future<Output: Answer> + 'static,
{
    fn start(&self, request: Request, connection: &Rc<Connection>) -> Option<Task<()>> {
        connection.drive(type_name::<H>(), &self.spare, || (self.handler)(request))
    }

    fn call(self: Rc<Self>, request: Request, connection: &Weak<Connection>) -> ResponseFuture {
        let remote = request.remote();
        settled(type_name::<H>(), remote, connection, move || (self.handler)(request))
    }
}

/// Awaits an answer. A panic is an outcome like others, also one of what makes the answer a
/// response.
async fn outcome(answer: impl Future<Output: Answer>) -> Result<Response, Exception> {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        let step = || answer.as_mut().poll(context).map(Answer::answer);
        match catch_unwind(AssertUnwindSafe(step)) {
            Ok(polled) => polled.map_err(|failure| Exception::Error(failure.into())),
            Err(payload) => Poll::Ready(Err(Exception::Panic(payload))),
        }
    })
    .await
}

/// Awaits the answer that `make` begins; if it fails, reports that and gives 500 in its place. After
/// a panic `connection` ends, too.
pub(in crate::http) fn settled<F>(
    name: &'static str,
    remote: Option<SocketAddr>,
    connection: &Weak<Connection>,
    make: impl FnOnce() -> F,
) -> ResponseFuture
where
    F: Future<Output: Answer> + 'static,
{
    let connection = connection.clone();
    let failed = move |exception| failed(name, remote, &connection, exception);
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(answer) => Box::pin(async move { outcome(answer).await.unwrap_or_else(failed) }),
        Err(payload) => Box::pin(ready(failed(Exception::Panic(payload)))),
    }
}

/// What answers for a handler or a middleware that has failed.
#[cold]
fn failed(
    name: &str,
    remote: Option<SocketAddr>,
    connection: &Weak<Connection>,
    exception: Exception,
) -> Response {
    if let (Exception::Panic(_), Some(connection)) = (&exception, connection.upgrade()) {
        connection.has_panicked();
    }
    report_failure(name, remote, exception);
    Response::of_status(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cold]
fn report_failure(name: &str, remote: Option<SocketAddr>, exception: Exception) {
    let Ok(event_loop) = get_running_loop() else { return };
    let whose = remote.map_or_else(String::new, |remote| format!(", for {remote}"));
    let what = format!("Error in the handler {name}{whose}");
    event_loop.call_exception_handler(ErrorContext::new(what).exception(exception));
}

/// Runs what stands between a server and its handlers, as [`Handle::start`] runs a handler alone.
pub(in crate::http) fn start_wrapped(
    connection: &Rc<Connection>,
    answer: impl Future<Output = Response> + 'static,
) -> Option<Task<()>> {
    connection.drive("of the middlewares", &Spare::default(), || answer)
}
