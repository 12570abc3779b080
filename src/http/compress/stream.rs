//! Bodies that are compressed while they are sent.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::apply::AT_ONCE;
use crate::http::body::{Body, BodyWriter, FilePart, Sink, StreamBody};
use crate::http::coding::Encoder;

/// What a stream writes into that is sent compressed.
struct Squeezed {
    below: Rc<dyn Sink>,
    encoder: RefCell<Encoder>,
    /// What is still to come of the length that was said, if one was.
    left: Cell<Option<u64>>,
}

impl Sink for Squeezed {
    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.below.poll_room(context)
    }

    fn put(&self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        if let Some(left) = self.left.get() {
            let left = left.checked_sub(data.len() as u64).ok_or_else(not_as_said)?;
            self.left.set(Some(left));
        }
        let mut out = Vec::new();
        self.encoder.borrow_mut().write_through(data, &mut out)?;
        self.below.put(&out)
    }

    fn poll_gone(&self, context: &Context<'_>) -> Poll<()> {
        self.below.poll_gone(context)
    }
}

impl Squeezed {
    fn finish(&self) -> io::Result<()> {
        if self.left.get().is_some_and(|left| left > 0) {
            return Err(not_as_said());
        }
        let mut out = Vec::new();
        self.encoder.borrow_mut().finish(&mut out)?;
        self.below.put(&out)
    }
}

#[cold]
fn not_as_said() -> io::Error {
    let what = "what was written is not as long as the response's Content-Length says";
    io::Error::new(ErrorKind::InvalidInput, what)
}

/// What `stream` writes, which is `said` bytes if that was said.
pub(super) fn coded_stream(encoder: Encoder, stream: StreamBody, said: Option<u64>) -> Body {
    Body::Stream(StreamBody(Box::new(move |writer: BodyWriter| {
        let (encoder, left) = (RefCell::new(encoder), Cell::new(said));
        let squeezed = Rc::new(Squeezed { below: writer.0, encoder, left });
        let writing = (stream.0)(BodyWriter(squeezed.clone()));
        Box::pin(async move {
            writing.await?;
            Ok(squeezed.finish()?)
        })
    })))
}

/// Many bytes.
pub(super) fn coded_pieces(encoder: Encoder, bytes: Cow<'static, [u8]>) -> Body {
    let mut at = 0;
    coded(encoder, move |piece| {
        let end = bytes.len().min(at + AT_ONCE);
        piece.extend_from_slice(&bytes[at..end]);
        at = end;
        Ok(())
    })
}

/// Part of a file.
pub(super) fn coded_file(encoder: Encoder, part: FilePart) -> Body {
    let FilePart { file, mut offset, len } = part;
    let end = offset.saturating_add(len);
    coded(encoder, move |piece| {
        let most = AT_ONCE.min(usize::try_from(end - offset).unwrap_or(AT_ONCE));
        piece.resize(most, 0);
        let read = file.read_at(piece, offset)?;
        if read == 0 && most > 0 {
            let what = "the file is shorter than the part of it that was to be sent";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        piece.truncate(read);
        offset += read as u64;
        Ok(())
    })
}

/// What `next` appends to the piece it is given, until that is nothing. Between two pieces, others
/// go on.
fn coded(
    mut encoder: Encoder,
    mut next: impl FnMut(&mut Vec<u8>) -> io::Result<()> + 'static,
) -> Body {
    Body::stream(move |mut writer| async move {
        let (mut piece, mut out) = (Vec::new(), Vec::new());
        loop {
            piece.clear();
            out.clear();
            next(&mut piece)?;
            if piece.is_empty() {
                break;
            }
            encoder.write(&piece, &mut out)?;
            writer.write(&out).await?;
            crate::yield_now().await;
        }
        encoder.finish(&mut out)?;
        Ok(writer.write(&out).await?)
    })
}
