//! A body on its way out, piece by piece.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::body::{Once, PIECE, SourceFuture};
use super::mailbox::Mailbox;

/// A body on its way out.
pub(super) enum Upload {
    /// Nothing is left to be sent, or nobody wants it.
    Over,
    Bytes {
        bytes: Rc<Vec<u8>>,
        at: usize,
    },
    Source(Lent),
}

/// What makes a body, and hands it over piece by piece.
pub(super) struct Source {
    /// `None` once it has ended.
    future: Option<SourceFuture>,
    mailbox: Rc<Mailbox>,
    /// Something of it may have been sent.
    begun: bool,
}

/// A source in use. Dropped before it was begun, it goes back to where it came from: nothing of it
/// is lost, and it can be sent to another connection.
pub(super) struct Lent {
    source: Option<Source>,
    home: Option<Rc<RefCell<Once>>>,
}

impl Source {
    pub(super) fn new(future: SourceFuture, mailbox: Rc<Mailbox>) -> Source {
        Source { future: Some(future), mailbox, begun: false }
    }
}

impl Upload {
    /// From a source, with where it belongs if it can be had once only.
    pub(super) fn of(source: Source, home: Option<Rc<RefCell<Once>>>) -> Upload {
        Upload::Source(Lent { source: Some(source), home })
    }

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
            Upload::Source(lent) => match &mut lent.source {
                Some(source) => source.poll_next(context, take),
                None => Poll::Ready(Ok(false)),
            },
        }
    }
}

impl Source {
    fn poll_next<E>(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Poll<Result<bool, E>>
    where
        E: From<SourceFailed>,
    {
        self.begun = true;
        if let Some(error) = self.go_on(context) {
            return Poll::Ready(Err(SourceFailed(error).into()));
        }
        match (self.mailbox.take(context), &self.future) {
            (Some(piece), _) => Poll::Ready(take(&piece).map(|()| true)),
            (None, None) => Poll::Ready(Ok(false)),
            (None, Some(_)) => {
                self.mailbox.taker.set(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Lets it go on, unless what it gave last is still there; its error, if it has failed.
    fn go_on(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        if self.mailbox.piece.borrow().is_some() {
            return None;
        }
        let Poll::Ready(ended) = self.future.as_mut()?.as_mut().poll(context) else { return None };
        self.future = None;
        ended.err()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(source), Some(home)) = (self.source.take(), self.home.take()) {
            if !source.begun {
                *home.borrow_mut() = Once::Back(source);
            }
        }
    }
}

/// Why a body's source gave up.
pub(super) struct SourceFailed(pub(super) io::Error);
