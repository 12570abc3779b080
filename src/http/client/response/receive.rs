//! A response's body: by pieces, lines and counts, or whole.

#[cfg(feature = "compression")]
use http::header::CONTENT_ENCODING;

use super::ClientResponse;
#[cfg(feature = "compression")]
use super::Received;
use crate::http::client::error::ClientError;
use crate::http::client::timing::within;
use crate::http::client::trace::TraceEvent;
#[cfg(feature = "compression")]
use crate::http::coding::{Coding, Decoder, Piece};
use crate::http::request::{BodyError, decode_text};
use crate::stream::ReadError;
use crate::stream::buffer::{DEFAULT_LIMIT, Progress as Read, StreamBuffer};
use crate::stream::scan::Scan;

impl ClientResponse {
    /// The next piece of the body, as it comes, never empty; `None` at its end.
    /// (`content.iter_any`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if it breaks off or is malformed; [`ClientError::Timeout`];
    /// [`ClientError::Lost`]; [`ClientError::Source`] if the request's body is still being sent
    /// and fails. The connection is closed then, and what follows is `None`.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has taken nothing: the next call goes on.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        if let Some(unread) = &mut self.unread {
            if let Ok(Read::Done(piece)) = unread.read(usize::MAX) {
                return Ok(Some(piece).filter(|piece| !piece.is_empty()));
            }
        }
        self.receive().await
    }

    /// One piece of the body.
    #[cfg(not(feature = "compression"))]
    async fn receive(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        self.receive_raw().await
    }

    /// One piece of the body, decompressed if the server has compressed it.
    #[cfg(feature = "compression")]
    async fn receive(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        loop {
            let Some(decoder) = &mut self.decoder else { return self.receive_raw().await };
            match decoder.next() {
                Ok(Piece::Data(data)) => return Ok(Some(data)),
                Ok(Piece::NeedData) => {}
                Err(what) => return self.is_corrupt(what),
            }
            let raw = self.receive_raw().await?;
            match (raw, &mut self.decoder) {
                (Some(raw), Some(decoder)) => decoder.feed(&raw),
                (None, Some(decoder)) => match decoder.finish() {
                    Ok(()) => return Ok(None),
                    Err(what) => return self.is_corrupt(what),
                },
                (raw, None) => return Ok(raw),
            }
        }
    }

    /// Nothing more can be made of the body.
    #[cfg(feature = "compression")]
    fn is_corrupt(&mut self, what: &'static str) -> Result<Option<Vec<u8>>, ClientError> {
        (self.decoder, self.held.0) = (None, None);
        Err(ClientError::Payload(what.into()))
    }

    /// One piece from the connection.
    async fn receive_raw(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(held) = &mut self.held.0 else { return Ok(None) };
        let chunk = held.connection.chunk(self.patience, &self.progress);
        let received = within(self.total, &self.progress, chunk).await;
        match &received {
            Ok(Some(piece)) => {
                self.progress.tell(|| TraceEvent::ChunkReceived { bytes: piece.len() });
            }
            Ok(None) => {
                self.release();
                self.progress.tell(|| TraceEvent::BodyEnd);
            }
            Err(_) => self.held.0 = None,
        }
        received
    }

    /// What has come, at most `max` bytes; waits only while nothing has. Empty at the body's end,
    /// or if `max` is 0. (`content.read(n)`)
    ///
    /// # Errors, Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn read(&mut self, max: usize) -> Result<Vec<u8>, ClientError> {
        self.reading(|unread| unread.read(max)).await
    }

    /// One line with its newline; at the body's end what is left without one, which may be nothing.
    /// (`content.readline`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if it is longer than 64 KiB. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn readline(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut scan = Scan::line();
        self.reading(|unread| unread.read_line(&mut scan)).await
    }

    /// Everything up to and including `separator`. (`content.readuntil`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if the body ends before, or it does not come within 64 KiB; then
    /// everything stays to be read. [`ClientError::InvalidRequest`] if `separator` is empty.
    /// Otherwise as [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn readuntil(&mut self, separator: &[u8]) -> Result<Vec<u8>, ClientError> {
        let scan = Scan::one(separator).map_err(|error| ClientError::invalid(error.to_string()));
        let mut scan = scan?;
        self.reading(|unread| unread.read_until(&mut scan)).await
    }

    /// Exactly `count` bytes. (`content.readexactly`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Payload`] if the body ends before. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// As [`chunk`](ClientResponse::chunk).
    pub async fn readexactly(&mut self, count: usize) -> Result<Vec<u8>, ClientError> {
        self.reading(|unread| unread.read_exactly(count)).await
    }

    /// Asks for what is unread, and receives while that needs more.
    async fn reading(
        &mut self,
        mut read: impl FnMut(&mut StreamBuffer) -> Result<Read<Vec<u8>>, ReadError>,
    ) -> Result<Vec<u8>, ClientError> {
        if self.unread.is_none() {
            self.unread = Some(StreamBuffer::new(DEFAULT_LIMIT).map_err(ClientError::Lost)?);
        }
        loop {
            let Some(unread) = &mut self.unread else { return Ok(Vec::new()) };
            match read(unread) {
                Ok(Read::Done(bytes)) => return Ok(bytes),
                Ok(Read::NeedMore) => {}
                Err(error) => return Err(ClientError::Payload(error.to_string().into())),
            }
            let received = self.receive().await?;
            let Some(unread) = &mut self.unread else { return Ok(Vec::new()) };
            match received {
                Some(piece) => unread.feed_data(&piece),
                None => unread.feed_eof(),
            }
        }
    }

    /// Receives the whole body. (`ClientResponse.read`)
    ///
    /// # Errors
    ///
    /// [`ClientError::Body`] if it is larger than
    /// [`Limits::body_size`](crate::http::Limits::body_size) of the session's options. Otherwise as
    /// [`chunk`](ClientResponse::chunk).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the rest of the body is lost and the connection closed.
    pub async fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let limit = self.session.shared.limits().body_size;
        let mut body = self.chunk().await?.unwrap_or_default();
        loop {
            if body.len() as u64 > limit {
                return Err(BodyError::TooLarge { limit }.into());
            }
            match self.chunk().await? {
                Some(piece) => body.extend_from_slice(&piece),
                None => return Ok(body),
            }
        }
    }

    /// Receives the whole body as text, in the character set that `Content-Type` names, UTF-8 if
    /// none.
    ///
    /// # Errors
    ///
    /// As [`bytes`](ClientResponse::bytes), and [`ClientError::Body`] if the character set is not
    /// known or the body is not text in it.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](ClientResponse::bytes).
    pub async fn text(self) -> Result<String, ClientError> {
        let content_type = self.content_type_field();
        let body = self.bytes().await?;
        Ok(decode_text(&body, &content_type)?.into_owned())
    }

    /// Receives the whole body as a value in JSON. (`ClientResponse.json`)
    ///
    /// # Errors
    ///
    /// As [`bytes`](ClientResponse::bytes), and [`ClientError::Json`] if the media type is neither
    /// `application/json` nor ends in `+json`, or the body is none or not of this shape.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](ClientResponse::bytes).
    #[cfg(feature = "json")]
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, ClientError> {
        let media_type = self.content_type();
        if media_type != "application/json" && !media_type.ends_with("+json") {
            let what = format!("it is {media_type}; take bytes() if it is JSON all the same");
            return Err(ClientError::Json(what.into()));
        }
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Json(error.into()))
    }
}

/// What undoes the coding that the server has used, if that is wanted and can be done.
#[cfg(feature = "compression")]
pub(super) fn decoder(received: &Received) -> Option<Decoder> {
    let coding = Coding::named(received.head.fields().get(CONTENT_ENCODING.as_str())?)?;
    received.session.defaults.decompresses.then(|| Decoder::new(coding))
}
