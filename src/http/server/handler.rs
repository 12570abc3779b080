//! Handlers: what an application gives, and what the server calls.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::rc::Rc;

use http::StatusCode;

use super::Connection;
use crate::http::request::{BodyError, Request};
use crate::http::response::{IntoResponse, Response};
use crate::task::{Spare, Task, TimedOut};

/// What a handler may return: anything that stands for a response, or a `Result` with any error
/// that can be displayed.
///
/// An error that is a [`Response`] or a [`BodyError`], boxed or not, is answered with what it
/// says: `request.text().await?` and `Err(Response::error(404, "…"))?` are ways to answer, as
/// raising `web.HTTPNotFound` is in aiohttp. [`TimedOut`] is answered with 504, as in aiohttp.
/// Every other error is reported to the loop's exception handler and answered with 500, which tells
/// the client nothing.
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
            if let Some(error) = $boxed.downcast_ref::<BodyError>() {
                return Some(error.clone().into_response());
            }
            if $boxed.is::<TimedOut>() {
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

/// A handler of any type, as the router keeps it.
pub(in crate::http) trait Handle {
    /// Starts it with a request of `connection`, to which it answers; gives the task if it waits.
    fn start(&self, request: Request, connection: &Rc<Connection>) -> Option<Task<()>>;
}

/// The handler `H`.
pub(in crate::http) struct Handler<H> {
    handler: Rc<H>,
    spare: Spare,
}

impl<H> Handler<H> {
    pub(in crate::http) fn new(handler: H) -> Handler<H> {
        Handler { handler: Rc::new(handler), spare: Spare::default() }
    }
}

impl<H, F> Handle for Handler<H>
where
    H: Fn(Request) -> F + 'static,
    F: Future<Output: Answer> + 'static,
{
    fn start(&self, request: Request, connection: &Rc<Connection>) -> Option<Task<()>> {
        let handler = self.handler.clone();
        connection.drive(type_name::<H>(), &self.spare, move || handler(request))
    }
}
