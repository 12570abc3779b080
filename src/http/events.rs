//! Server-sent events: a stream of text that browsers read with `EventSource` (WHATWG HTML,
//! section "Server-sent events").

use std::fmt::{self, Write};
use std::future::Future;
use std::io;
use std::time::Duration;

use http::header::CACHE_CONTROL;

use super::body::{BodyWriter, StreamResult};
use super::response::Response;

/// One event.
///
/// ```
/// use evloop::http::ServerSentEvent;
/// let event = ServerSentEvent::data("two\nlines").event("note").id("7");
/// assert_eq!(event.to_string(), "event: note\nid: 7\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSentEvent {
    event: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl ServerSentEvent {
    /// An event with this data, which may have several lines.
    pub fn data(data: impl Into<String>) -> ServerSentEvent {
        ServerSentEvent { data: Some(data.into()), ..ServerSentEvent::default() }
    }

    /// The same of this type; `message` if not set.
    #[must_use]
    pub fn event(mut self, event: impl Into<String>) -> ServerSentEvent {
        self.event = Some(event.into());
        self
    }

    /// The same with this id, which the browser says as `Last-Event-ID` when it comes back.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> ServerSentEvent {
        self.id = Some(id.into());
        self
    }

    /// The same, asking the browser to wait so long before it comes back.
    #[must_use]
    pub fn retry(mut self, retry: Duration) -> ServerSentEvent {
        self.retry = Some(retry);
        self
    }
}

/// As it is sent. A line end in a type or an id would begin another field, so it is left out, and
/// so is NUL, which makes a browser ignore an id.
impl fmt::Display for ServerSentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [("event", &self.event), ("id", &self.id)] {
            if let Some(value) = value {
                let value = value.replace(['\r', '\n', '\0'], "");
                writeln!(f, "{name}: {value}")?;
            }
        }
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        if let Some(data) = &self.data {
            for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
                writeln!(f, "data: {line}")?;
            }
        }
        f.write_char('\n')
    }
}

/// Where events go. [`Response::events`] gives it.
#[derive(Debug)]
pub struct EventWriter(BodyWriter);

impl EventWriter {
    /// Sends an event, once the client has read enough of those before.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has sent nothing.
    pub async fn send(&mut self, event: &ServerSentEvent) -> io::Result<()> {
        self.0.write(event.to_string()).await
    }

    /// Sends a line that is no event: now and then, it keeps proxies from closing a silent
    /// connection, and shows whether the client is still there.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has sent nothing.
    pub async fn heartbeat(&mut self) -> io::Result<()> {
        self.0.write(":\n\n").await
    }

    /// Waits until the client has gone. [`BodyWriter::gone`]
    ///
    /// # Cancel safety
    /// Dropped while it waits, it loses nothing.
    pub async fn gone(&self) {
        self.0.gone().await;
    }
}

impl Response {
    /// Server-sent events: `text/event-stream`, not to be cached. It is a
    /// [stream](Response::stream).
    ///
    /// ```
    /// use evloop::http::{ServerSentEvent, Response};
    /// let response = Response::events(|mut events| async move {
    ///     events.send(&ServerSentEvent::data("hello")).await?;
    ///     Ok(())
    /// });
    /// assert_eq!(response.get("content-type").unwrap(), "text/event-stream");
    /// ```
    pub fn events<F>(send: impl FnOnce(EventWriter) -> F + 'static) -> Response
    where
        F: Future<Output = StreamResult> + 'static,
    {
        Response::stream(move |body| send(EventWriter(body)))
            .header("content-type", "text/event-stream")
            .header(CACHE_CONTROL, "no-cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_line_of_the_event_whatever_ends_it() {
        let event = ServerSentEvent::data("a\r\nb\rc\n\nd").retry(Duration::from_secs(2));
        let lines = "retry: 2000\ndata: a\ndata: b\ndata: c\ndata: \ndata: d\n\n";
        assert_eq!(event.to_string(), lines);
        assert_eq!(ServerSentEvent::data("").to_string(), "data: \n\n");
    }

    #[test]
    fn nothing_breaks_out_of_its_field() {
        let event = ServerSentEvent::data("x").id("1\r\ndata: forged\0").event("a\nb");
        assert_eq!(event.to_string(), "event: ab\nid: 1data: forged\ndata: x\n\n");
    }
}
