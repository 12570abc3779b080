//! A body that is compressed as it is sent.

use std::future::poll_fn;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::body::{Body, PIECE};
use super::mailbox::BodySender;
use super::upload::SourceFailed;
use crate::http::h1::Length;
use crate::task::yield_now;

impl From<SourceFailed> for io::Error {
    fn from(error: SourceFailed) -> Self {
        error.0
    }
}

/// The same in gzip. How long that will be nobody knows before.
pub(super) fn gzip(body: Body) -> Body {
    match &body {
        Body::Once(..) => Body::once(move |sender| send(body, sender), Length::Unknown),
        _ => Body::each(move |sender| send(body.clone(), sender), Length::Unknown),
    }
}

async fn send(body: Body, mut sender: BodySender) -> io::Result<()> {
    let mut upload = body.start().map_err(io::Error::from)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    loop {
        let next = poll_fn(|context| upload.poll_next(context, |piece| encoder.write_all(piece)));
        if !next.await? {
            return sender.write_vec(encoder.finish()?).await;
        }
        if encoder.get_ref().len() >= PIECE {
            sender.write_vec(std::mem::take(encoder.get_mut())).await?;
        }
        // Bytes never wait, and others shall have their turn.
        yield_now().await;
    }
}
