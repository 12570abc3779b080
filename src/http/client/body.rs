//! What a request carries.

use std::cell::RefCell;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use super::error::ClientError;
use super::mailbox::{BodySender, Mailbox};
use super::upload::{Source, Upload};
use crate::http::h1::Length;
use crate::task::to_thread;

/// How much of a body goes out at once, at most.
pub(super) const PIECE: usize = 64 << 10;

/// A source of a body, under way.
pub(super) type SourceFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// What makes a body once.
pub(super) type SourceOnce = Box<dyn FnOnce(BodySender) -> SourceFuture>;

/// What makes a body each time it is wanted.
pub(super) type SourceEach = Rc<dyn Fn(BodySender) -> SourceFuture>;

/// A request's body. Clones are the same body.
#[derive(Clone)]
pub(super) enum Body {
    Bytes(Rc<Vec<u8>>),
    File(Arc<File>, u64),
    /// Can be begun once.
    Once(Rc<RefCell<Once>>, Length),
    /// Can be made again.
    Each(SourceEach, Length),
}

/// A body that can be begun once.
pub(super) enum Once {
    New(SourceOnce),
    /// It was on its way, and came back before it was begun.
    Back(Source),
    /// It is on its way, or was begun.
    Gone,
}

impl Body {
    pub(super) fn empty() -> Body {
        Body::Bytes(Rc::default())
    }

    /// Every byte of a file, wherever it is read at the moment.
    pub(super) fn file(file: File) -> io::Result<Body> {
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok(Body::File(Arc::new(file), metadata.len())),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        }
    }

    pub(super) fn once<F>(source: impl FnOnce(BodySender) -> F + 'static, length: Length) -> Body
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let source: SourceOnce = Box::new(|body| Box::pin(source(body)));
        Body::Once(Rc::new(RefCell::new(Once::New(source))), length)
    }

    pub(super) fn each<F>(source: impl Fn(BodySender) -> F + 'static, length: Length) -> Body
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Body::Each(Rc::new(move |body| Box::pin(source(body))), length)
    }

    /// How long it is, as far as anybody knows.
    pub(super) fn length(&self) -> Length {
        match self {
            Body::Bytes(bytes) => Length::Known(bytes.len() as u64),
            Body::File(_, length) => Length::Known(*length),
            Body::Once(_, length) | Body::Each(_, length) => *length,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == Length::Known(0)
    }

    /// Whether [`start`](Body::start) can be called.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Body::Once(once, _) => !matches!(*once.borrow(), Once::Gone),
            _ => true,
        }
    }

    /// Begins to send it, from its beginning.
    ///
    /// # Errors
    ///
    /// It is a stream, and was begun before.
    pub(super) fn start(&self) -> Result<Upload, ClientError> {
        let mailbox = Rc::<Mailbox>::default();
        let sender = BodySender(mailbox.clone());
        let future = match self {
            Body::Bytes(bytes) => return Ok(Upload::Bytes { bytes: bytes.clone(), at: 0 }),
            Body::File(file, length) => Box::pin(send_file(file.clone(), *length, sender)),
            Body::Each(source, _) => source(sender),
            Body::Once(once, _) => {
                let taken = once.replace(Once::Gone);
                let source = match taken {
                    Once::New(source) => Source::new(source(sender), mailbox),
                    Once::Back(source) => source,
                    Once::Gone => return Err(ClientError::invalid(SENT_ONCE)),
                };
                return Ok(Upload::of(source, Some(once.clone())));
            }
        };
        Ok(Upload::of(Source::new(future, mailbox), None))
    }
}

const SENT_ONCE: &str = "its streamed body can be sent once only; give it as bytes, a file, or a \
                         repeatable_stream";

/// Reads on a thread: a disk may take its time, and the loop has none.
pub(super) async fn send_file(
    file: Arc<File>,
    length: u64,
    mut body: BodySender,
) -> io::Result<()> {
    let mut at = 0;
    while at < length {
        let (file, want) = (file.clone(), usize::try_from(length - at).unwrap_or(PIECE).min(PIECE));
        let read = move || {
            let mut piece = vec![0; want];
            file.read_at(&mut piece, at).map(|count| {
                piece.truncate(count);
                piece
            })
        };
        let piece =
            to_thread(read).await.map_err(|error| io::Error::other(error.to_string()))??;
        if piece.is_empty() {
            let text = format!("the file has only {at} of the {length} bytes it had");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        at += piece.len() as u64;
        body.write_vec(piece).await?;
    }
    Ok(())
}
