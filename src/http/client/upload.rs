//! A body on its way out, piece by piece.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::body::{PIECE, SourceFuture};
use super::mailbox::Mailbox;

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
