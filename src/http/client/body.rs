//! What a request carries, and how it is handed over piece by piece.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::error::ClientError;
use crate::http::h1::Length;
use crate::observe::{Resource, note_wait};
use crate::task::to_thread;

/// How much of a body goes out at once, at most.
const PIECE: usize = 64 << 10;

/// A source of a body, under way.
type SourceFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// A request's body.
pub(super) enum Body {
    Bytes(Rc<Vec<u8>>),
    File(Arc<File>, u64),
    /// Can be had once.
    Stream(Option<Box<dyn FnOnce(BodySender) -> SourceFuture>>),
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

    pub(super) fn stream<F>(source: impl FnOnce(BodySender) -> F + 'static) -> Body
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Body::Stream(Some(Box::new(|body| Box::pin(source(body)))))
    }

    /// How long it is, as far as anybody knows.
    pub(super) fn length(&self) -> Length {
        match self {
            Body::Bytes(bytes) => Length::Known(bytes.len() as u64),
            Body::File(_, length) => Length::Known(*length),
            Body::Stream(_) => Length::Unknown,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == Length::Known(0)
    }

    /// Whether [`start`](Body::start) can be called.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self, Body::Stream(None))
    }

    /// Begins to send it, from its beginning.
    ///
    /// # Errors
    ///
    /// It is a stream, and was begun before.
    pub(super) fn start(&mut self) -> Result<Upload, ClientError> {
        let mailbox = Rc::<Mailbox>::default();
        let sender = BodySender(mailbox.clone());
        let future = match self {
            Body::Bytes(bytes) => return Ok(Upload::Bytes { bytes: bytes.clone(), at: 0 }),
            Body::File(file, length) => Box::pin(send_file(file.clone(), *length, sender)),
            Body::Stream(source) => match source.take() {
                Some(source) => source(sender),
                None => {
                    return Err(ClientError::invalid("its streamed body can be sent once only"));
                }
            },
        };
        Ok(Upload::Source { future: Some(future), mailbox })
    }
}

/// Reads on a thread: a disk may take its time, and the loop has none.
async fn send_file(file: Arc<File>, length: u64, mut body: BodySender) -> io::Result<()> {
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

/// Takes the pieces of a body that is streamed: [`ClientRequest::stream`] gives it.
///
/// [`ClientRequest::stream`]: super::ClientRequest::stream
pub struct BodySender(Rc<Mailbox>);

impl BodySender {
    /// Sends `bytes`; waits while the server does not take what was sent before. Empty bytes are
    /// nothing.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` once nobody wants the body any more: the server has answered and closes, or
    /// the request was dropped. Return it: nothing is reported twice.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has sent nothing.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_vec(bytes.to_vec()).await
    }

    async fn write_vec(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let mut bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        poll_fn(|context| match bytes.is_some() {
            true => self.0.poll_put(context, &mut bytes),
            false => Poll::Ready(Ok(())),
        })
        .await
    }
}

/// One piece on its way from the source to the connection: the next waits until it is taken.
#[derive(Default)]
pub(super) struct Mailbox {
    piece: RefCell<Option<Vec<u8>>>,
    /// Who waits for the place to be free, and who for a piece; they may be different tasks.
    source: Cell<Option<Waker>>,
    taker: Cell<Option<Waker>>,
    closed: Cell<bool>,
}

impl Mailbox {
    fn poll_put(&self, context: &Context<'_>, piece: &mut Option<Vec<u8>>) -> Poll<io::Result<()>> {
        if self.closed.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.piece.borrow().is_some() {
            self.source.set(Some(context.waker().clone()));
            note_wait(None, Resource::Other("the server to take what was sent"));
            return Poll::Pending;
        }
        *self.piece.borrow_mut() = piece.take();
        wake(&self.taker, context);
        Poll::Ready(Ok(()))
    }

    fn take(&self, context: &Context<'_>) -> Option<Vec<u8>> {
        let piece = self.piece.borrow_mut().take()?;
        wake(&self.source, context);
        Some(piece)
    }

    fn close(&self) {
        self.closed.set(true);
        if let Some(source) = self.source.take() {
            source.wake();
        }
    }
}

/// Wakes who waits, unless it is the task that runs already and will look by itself.
fn wake(waiter: &Cell<Option<Waker>>, context: &Context<'_>) {
    if let Some(waiter) = waiter.take().filter(|waiter| !waiter.will_wake(context.waker())) {
        waiter.wake();
    }
}

/// A body on its way out.
pub(super) enum Upload {
    /// Nothing is left to be sent, or nobody wants it.
    Over,
    Bytes {
        bytes: Rc<Vec<u8>>,
        at: usize,
    },
    Source {
        /// `None` once it has ended.
        future: Option<SourceFuture>,
        mailbox: Rc<Mailbox>,
    },
}

impl Upload {
    /// Gives `take` the next piece; `false` at the body's end.
    pub(super) fn poll_next<E>(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Poll<Result<bool, E>>
    where
        E: From<SourceFailed>,
    {
        match self {
            Upload::Over => Poll::Ready(Ok(false)),
            Upload::Bytes { bytes, at } => {
                let piece = &bytes[*at..bytes.len().min(*at + PIECE)];
                *at += piece.len();
                let more = !piece.is_empty();
                Poll::Ready(take(piece).map(|()| more))
            }
            Upload::Source { future, mailbox } => {
                if let Some(ready) = poll_source(future, mailbox, context) {
                    return Poll::Ready(Err(SourceFailed(ready).into()));
                }
                match (mailbox.take(context), &future) {
                    (Some(piece), _) => Poll::Ready(take(&piece).map(|()| true)),
                    (None, None) => Poll::Ready(Ok(false)),
                    (None, Some(_)) => {
                        mailbox.taker.set(Some(context.waker().clone()));
                        Poll::Pending
                    }
                }
            }
        }
    }
}

/// Why a body's source gave up.
pub(super) struct SourceFailed(pub(super) io::Error);

/// Lets the source go on, unless what it gave last is still there; its error, if it has failed.
fn poll_source(
    source: &mut Option<SourceFuture>,
    mailbox: &Mailbox,
    context: &mut Context<'_>,
) -> Option<io::Error> {
    if mailbox.piece.borrow().is_some() {
        return None;
    }
    let Poll::Ready(ended) = source.as_mut()?.as_mut().poll(context) else { return None };
    *source = None;
    ended.err()
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Upload::Source { mailbox, .. } = self {
            mailbox.close();
        }
    }
}
