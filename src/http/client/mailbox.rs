//! Between whoever makes a body and the connection that sends it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::observe::{Resource, note_wait};

/// Takes the pieces of a body that is streamed: [`ClientRequest::stream`] gives it.
///
/// [`ClientRequest::stream`]: super::ClientRequest::stream
pub struct BodySender(pub(super) Rc<Mailbox>);

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

    pub(super) async fn write_vec(&mut self, bytes: Vec<u8>) -> io::Result<()> {
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
    pub(super) piece: RefCell<Option<Vec<u8>>>,
    /// Who waits for the place to be free, and who for a piece; they may be different tasks.
    source: Cell<Option<Waker>>,
    pub(super) taker: Cell<Option<Waker>>,
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

    pub(super) fn take(&self, context: &Context<'_>) -> Option<Vec<u8>> {
        let piece = self.piece.borrow_mut().take()?;
        wake(&self.source, context);
        Some(piece)
    }

    pub(super) fn close(&self) {
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
