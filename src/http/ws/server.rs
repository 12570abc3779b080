//! Opening a WebSocket from a handler.

use std::any::type_name;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use super::close::CloseCode;
use super::handshake::{self, Agreed};
use super::options::WebSocketOptions;
use super::socket::WebSocket;
use crate::event_loop::{ErrorContext, get_running_loop};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::stream::HandlerOutput;

/// Answers a request with a WebSocket that is `handler`'s, as a handler's response.
/// (`web.WebSocketResponse`)
///
/// A request that is none for a WebSocket, or not in order, is answered 400, 403, 405 or 426
/// instead, with a sentence that says why, and `handler` is dropped. An error that `handler` ends
/// with is reported to the loop's exception handler.
///
/// When its server ends, the WebSocket is closed with 1001: the handler receives the client's
/// answer to that, and then `None`.
///
/// ```
/// use evloop::http::ws::{self, WebSocketOptions};
/// use evloop::web::{Application, Request, Response};
///
/// async fn shout(request: Request) -> Response {
///     ws::upgrade(&request, WebSocketOptions::default(), |mut socket| async move {
///         while let Some(text) = socket.receive_text().await? {
///             socket.send_text(text.to_uppercase()).await?;
///         }
///         Ok::<_, ws::WebSocketError>(())
///     })
/// }
///
/// # let event_loop = evloop::EventLoop::new()?;
/// let mut app = Application::new();
/// app.router().add_get("/shout", shout);
///
/// let answer = event_loop.run_until_complete(async {
///     let server = app.serve(("127.0.0.1", 0)).await?;
///     let url = format!("ws://{}/shout", server.sockets()[0].local_addr());
///     let mut socket = evloop::ClientSession::new().ws_connect(&url).await?;
///     socket.send_text("hello").await?;
///     let answer = socket.receive_text().await?;
///     socket.close(ws::CloseCode::NORMAL, "").await?;
///     server.shutdown(std::time::Duration::from_secs(1)).await;
///     Ok::<_, Box<dyn std::error::Error>>(answer)
/// })??;
/// assert_eq!(answer.as_deref(), Some("HELLO"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn upgrade<H, F>(request: &Request, options: WebSocketOptions, handler: H) -> Response
where
    H: FnOnce(WebSocket) -> F + 'static,
    F: Future<Output: HandlerOutput> + 'static,
{
    let agreed = match check(request, &options) {
        Ok(agreed) => agreed,
        Err(response) => return *response,
    };
    let answer = agreed.clone();
    let response = Response::upgrade("websocket", |upgraded| async move {
        let closing = upgraded.closing();
        let (reader, writer) = upgraded.into_parts();
        let socket = WebSocket::agreed(reader, writer, options, agreed);
        let core = Rc::downgrade(socket.core());
        let output = meanwhile(handler(socket), closing.wait(), || {
            if let Some(core) = core.upgrade() {
                // Refused, it is closing already.
                let _ = core.say_close(CloseCode::GOING_AWAY, "");
            }
        });
        if let Some(failure) = output.await.failure() {
            report::<H>(failure);
        }
    });
    answer
        .fields()
        .into_iter()
        .fold(response, |response, (name, value)| response.header(name, value))
}

/// Awaits `work`, and calls `then` once when `event` has come before it is done.
async fn meanwhile<T>(
    work: impl Future<Output = T>,
    event: impl Future<Output = ()>,
    then: impl FnOnce(),
) -> T {
    let (mut work, mut event) = (pin!(work), pin!(event));
    let mut then = Some(then);
    poll_fn(|context| {
        if then.is_some() && event.as_mut().poll(context).is_ready() {
            then.take().into_iter().for_each(|then| then());
        }
        work.as_mut().poll(context)
    })
    .await
}

fn report<H>(failure: String) {
    if let Ok(event_loop) = get_running_loop() {
        let what = format!("Error in the WebSocket handler {}", type_name::<H>());
        event_loop.call_exception_handler(ErrorContext::new(what).error(failure));
    }
}

/// Whether a request asks for a WebSocket, in order or not: for a path that has a page as well.
/// (`WebSocketResponse.can_prepare`)
pub fn is_asked_for(request: &Request) -> bool {
    handshake::asks(request.headers())
}

/// Whether this request may be answered with a WebSocket (RFC 6455 §4.2.1): for servers of one's
/// own, as [`upgrade`] asks this itself.
///
/// # Errors
/// What to answer instead: 400, 403, 405 or 426, with a sentence that says why.
pub fn check(request: &Request, options: &WebSocketOptions) -> Result<Agreed, Box<Response>> {
    handshake::agree((request.method(), request.version(), request.headers()), options)
}
