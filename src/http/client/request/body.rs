//! What a request carries: bytes, a form, JSON, a file, a stream.

use std::future::Future;
use std::io;
use std::rc::Rc;

use http::HeaderValue;
#[cfg(feature = "compression")]
use http::header::CONTENT_ENCODING;

use super::ClientRequest;
use crate::http::client::BodySender;
use crate::http::client::FormData;
use crate::http::client::body::Body;
use crate::http::client::error::ClientError;
use crate::http::h1::Length;
use crate::http::query::encode_pairs;

impl ClientRequest {
    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(Rc::new(body.into()));
        self
    }

    /// With this text as its body, as `text/plain; charset=utf-8`.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content_type = Some(HeaderValue::from_static("text/plain; charset=utf-8"));
        self.body(text.into())
    }

    /// With these pairs as its body, as `application/x-www-form-urlencoded`. (`data=` of a dict)
    pub fn form<K: AsRef<str>, V: ToString>(mut self, pairs: &[(K, V)]) -> Self {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_ref(), v.to_string())).collect();
        self.content_type = Some(HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.body(encode_pairs(pairs.iter().map(|(name, value)| (*name, &value[..]))))
    }

    /// With this form as its body, as `multipart/form-data`. (`data=` of a `FormData`)
    pub fn multipart(mut self, form: FormData) -> Self {
        let content_type = format!("multipart/form-data; boundary={}", form.boundary());
        self.content_type = HeaderValue::try_from(content_type).ok();
        match form.into_body() {
            Ok(body) => self.body = body,
            Err(error) => self.fail(error),
        }
        self
    }

    /// With this value as its body, as `application/json`. (`json=`)
    #[cfg(feature = "json")]
    pub fn json(mut self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        self.content_type = Some(HeaderValue::from_static("application/json"));
        match serde_json::to_vec(value) {
            Ok(json) => self.body(json),
            Err(error) => {
                self.fail(ClientError::InvalidRequest(format!("its body is no JSON: {error}")));
                self
            }
        }
    }

    /// With every byte of this file as its body. It is read on a thread, as it is sent.
    pub fn file(mut self, file: std::fs::File) -> Self {
        match Body::file(file) {
            Ok(body) => self.body = body,
            Err(error) => self.fail(ClientError::Source(error)),
        }
        self
    }

    /// With a body that `source` sends piece by piece, in chunks unless
    /// [`content_length`](ClientRequest::content_length) says how long it will be. (an async
    /// generator as `data=`)
    ///
    /// ```no_run
    /// # async fn example(session: evloop::ClientSession) -> Result<(), evloop::http::ClientError> {
    /// let sent = session.post("http://h/upload").stream(|mut body| async move {
    ///     for line in ["one\n", "two\n"] {
    ///         body.write(line.as_bytes()).await?;
    ///     }
    ///     Ok(())
    /// });
    /// println!("{}", sent.await?.status());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It is polled by whoever awaits the request, and then the response's body: what is answered
    /// is received while it is sent, and it is dropped when the answer is complete. What asks for it
    /// again once it was begun, as a redirect may, is an error: for that there is
    /// [`repeatable_stream`](ClientRequest::repeatable_stream).
    pub fn stream<F>(mut self, source: impl FnOnce(BodySender) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        self.body = Body::once(source, Length::Unknown);
        self
    }

    /// The same, but it can be made again: a redirect, a retry, or a server that refuses to be
    /// asked first has `source` called once more.
    ///
    /// ```
    /// # let session = evloop::ClientSession::new();
    /// let lines = std::rc::Rc::new(["one\n", "two\n"]);
    /// let request = session.put("http://h/upload").repeatable_stream(move |mut body| {
    ///     let lines = lines.clone();
    ///     async move {
    ///         for line in *lines {
    ///             body.write(line.as_bytes()).await?;
    ///         }
    ///         Ok(())
    ///     }
    /// });
    /// ```
    pub fn repeatable_stream<F>(mut self, source: impl Fn(BodySender) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        self.body = Body::each(source, Length::Unknown);
        self
    }

    /// How long the streamed body will be, in bytes.
    pub fn content_length(mut self, length: u64) -> Self {
        self.length = Some(Length::Known(length));
        self
    }

    /// Compresses the body as it is sent, in gzip, and says so (`Content-Encoding`). Give the body
    /// before. Few servers take this unasked. (`compress=`)
    #[cfg(feature = "compression")]
    pub fn compress(mut self) -> Self {
        self.body = crate::http::client::compress::gzip(self.body);
        self.length = None;
        self.header(CONTENT_ENCODING, "gzip")
    }

    /// In chunks, however the body is given.
    pub fn chunked(mut self) -> Self {
        self.length = Some(Length::Unknown);
        self
    }

    /// Sends the body only when the server says `100 Continue` (RFC 9110 §10.1.1), or says nothing
    /// for a second. One that refuses the expectation (417) is asked again without.
    pub fn expect100(mut self) -> Self {
        self.expects = true;
        self
    }
}
