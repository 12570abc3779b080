//! What a connection that speaks another protocol is told of its server's end.

use std::fmt;

use crate::sync::Event;

/// Whether the server of an upgraded connection is about to end.
/// [`Upgraded::closing`](crate::http::Upgraded::closing) gives it.
///
/// When a server ends, connections that speak HTTP are closed after their present answer, but only
/// whoever speaks another protocol knows how to end that. It is told after `on_shutdown`, and has
/// the server's `shutdown_timeout`; then its task is cancelled. A WebSocket is closed with 1001 by
/// itself. (aiohttp leaves it to an `on_shutdown` hook to keep a list of open WebSockets and close
/// each.)
///
/// ```no_run
/// use evloop::web::{Request, Response};
///
/// async fn ticks(_: Request) -> Response {
///     Response::upgrade("ticks", |mut upgraded| async move {
///         let closing = upgraded.closing();
///         while !closing.is_closing() && upgraded.writer.write(b"tick\n").is_ok() {
///             let second = std::time::Duration::from_secs(1);
///             let _ = evloop::timeout(second, closing.wait()).await;
///         }
///         let _ = upgraded.writer.write(b"bye\n");
///     })
/// }
/// ```
#[derive(Clone)]
pub struct ServerClosing(pub(super) Event);

impl ServerClosing {
    /// Whether it is; it stays so.
    pub fn is_closing(&self) -> bool {
        self.0.is_set()
    }

    /// Waits until it is.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses nothing.
    pub async fn wait(&self) {
        self.0.wait().await;
    }
}

impl fmt::Debug for ServerClosing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ServerClosing {}>", self.is_closing())
    }
}
