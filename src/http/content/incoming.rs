//! A body on its way: what has come of it, and who waits for more.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(feature = "compression")]
use super::decoding::Decoding;
use crate::http::limits::Limits;
use crate::http::request::BodyError;

/// A piece of a body; `None` at its end.
pub(super) type Chunk = Result<Option<Vec<u8>>, BodyError>;

/// Where a body comes from.
pub(in crate::http) trait Source {
    /// A reader waits for more. May be called at any time, from any task of the loop.
    fn wanted(self: Rc<Self>);
}

/// Where a body's end stands.
enum End {
    /// It has not come.
    Open,
    /// All of it has come.
    Whole,
    /// It will never come.
    Failed(BodyError),
}

/// A body on its way from a connection to a handler.
pub(in crate::http) struct Incoming {
    unread: RefCell<Vec<u8>>,
    end: RefCell<End>,
    readers: RefCell<Vec<Waker>>,
    source: Option<Weak<dyn Source>>,
    /// What `Content-Length` says.
    announced: Option<u64>,
    /// The most that a reader gets whole.
    body_size: u64,
    /// Above so many unread bytes no more are received.
    mark: Cell<usize>,
    received: Cell<u64>,
    /// How long the server has waited for the client to send it, in all.
    waited: Cell<Duration>,
    /// What is to be undone on the way to the readers.
    #[cfg(feature = "compression")]
    pub(super) decoding: RefCell<Option<Box<Decoding>>>,
}

impl Incoming {
    pub(in crate::http) fn new(
        source: Weak<dyn Source>,
        announced: Option<u64>,
        limits: &Limits,
    ) -> Rc<Incoming> {
        Rc::new(Incoming {
            unread: RefCell::default(),
            end: RefCell::new(End::Open),
            readers: RefCell::default(),
            source: Some(source),
            announced,
            body_size: limits.body_size,
            mark: Cell::new(limits.read_buffer),
            received: Cell::new(0),
            waited: Cell::new(Duration::ZERO),
            #[cfg(feature = "compression")]
            decoding: RefCell::default(),
        })
    }

    /// One that is there already.
    pub(in crate::http) fn whole(bytes: Vec<u8>) -> Rc<Incoming> {
        Rc::new(Incoming {
            received: Cell::new(bytes.len() as u64),
            unread: RefCell::new(bytes),
            end: RefCell::new(End::Whole),
            readers: RefCell::default(),
            source: None,
            announced: None,
            body_size: u64::MAX,
            mark: Cell::new(usize::MAX),
            waited: Cell::new(Duration::ZERO),
            #[cfg(feature = "compression")]
            decoding: RefCell::default(),
        })
    }

    // ---- the connection's side ----------------------------------------------------------------

    /// Bytes have come.
    pub(in crate::http) fn push(&self, data: &[u8]) {
        self.unread.borrow_mut().extend_from_slice(data);
        self.received.set(self.received.get() + data.len() as u64);
        self.wake();
    }

    /// The last of them has.
    pub(in crate::http) fn finish(&self) {
        self.ends(End::Whole);
    }

    /// There will be no more.
    pub(in crate::http) fn fail(&self, error: BodyError) {
        self.ends(End::Failed(error));
    }

    fn ends(&self, end: End) {
        if self.is_open() {
            *self.end.borrow_mut() = end;
            self.wake();
        }
    }

    /// Whether more is to come.
    pub(in crate::http) fn is_open(&self) -> bool {
        matches!(*self.end.borrow(), End::Open)
    }

    /// Why it will never come, if it will not.
    pub(in crate::http) fn failure(&self) -> Option<BodyError> {
        match &*self.end.borrow() {
            End::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Whether so much is unread that no more is to be received.
    pub(in crate::http) fn is_full(&self) -> bool {
        self.unread.borrow().len() > self.mark.get()
    }

    /// Whether a reader waits for the client.
    pub(in crate::http) fn is_awaited(&self) -> bool {
        self.is_open() && !self.readers.borrow().is_empty()
    }

    /// How many bytes have come, and how long was waited for them before.
    pub(in crate::http) fn pace(&self) -> (u64, Duration) {
        (self.received.get(), self.waited.get())
    }

    /// Adds to the time that was waited.
    pub(in crate::http) fn has_waited(&self, time: Duration) {
        self.waited.set(self.waited.get().saturating_add(time));
    }

    fn wake(&self) {
        for reader in self.readers.take() {
            reader.wake();
        }
    }

    // ---- the readers' side --------------------------------------------------------------------

    /// What has come and is not read; `None` at the end.
    pub(super) fn poll_chunk(&self, context: &Context<'_>) -> Poll<Chunk> {
        #[cfg(feature = "compression")]
        if let Some(decoding) = &mut *self.decoding.borrow_mut() {
            return decoding.poll_chunk(|| self.poll_received(context));
        }
        self.poll_received(context)
    }

    /// The same as it was received.
    fn poll_received(&self, context: &Context<'_>) -> Poll<Chunk> {
        let unread = self.unread.take();
        if !unread.is_empty() {
            return Poll::Ready(Ok(Some(unread)));
        }
        match &*self.end.borrow() {
            End::Whole => return Poll::Ready(Ok(None)),
            End::Failed(error) => return Poll::Ready(Err(error.clone())),
            End::Open => {}
        }
        self.wait(context);
        Poll::Pending
    }

    /// Whether all of it is there, or why it never will be.
    pub(in crate::http) fn poll_whole(&self, context: &Context<'_>) -> Poll<Result<(), BodyError>> {
        let limit = self.body_size;
        let unread = self.unread.borrow().len() as u64;
        if unread > limit || self.announced.is_some_and(|announced| announced > limit) {
            return Poll::Ready(Err(BodyError::TooLarge { limit }));
        }
        #[cfg(feature = "compression")]
        if let Some(decoding) = &mut *self.decoding.borrow_mut() {
            return decoding.poll_whole(limit, || self.poll_received(context));
        }
        match &*self.end.borrow() {
            End::Whole => return Poll::Ready(Ok(())),
            End::Failed(error) => return Poll::Ready(Err(error.clone())),
            End::Open => {}
        }
        self.mark.set(self.mark.get().max(usize::try_from(limit).unwrap_or(usize::MAX)));
        self.wait(context);
        Poll::Pending
    }

    /// All that is unread.
    pub(in crate::http) fn take(&self) -> Vec<u8> {
        #[cfg(feature = "compression")]
        if let Some(decoding) = &mut *self.decoding.borrow_mut() {
            return decoding.take();
        }
        self.unread.take()
    }

    /// Whether everything has come and is read.
    pub(super) fn is_at_end(&self) -> bool {
        let all = !self.is_open() && self.unread.borrow().is_empty();
        #[cfg(feature = "compression")]
        let all = all && self.decoding.borrow().as_ref().is_none_or(|it| it.is_drained());
        all
    }

    fn wait(&self, context: &Context<'_>) {
        let mut readers = self.readers.borrow_mut();
        if !readers.iter().any(|reader| reader.will_wake(context.waker())) {
            readers.push(context.waker().clone());
        }
        drop(readers);
        if let Some(source) = self.source.as_ref().and_then(Weak::upgrade) {
            source.wanted();
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match *self.end.borrow() {
            End::Open => "",
            End::Whole => " whole",
            End::Failed(_) => " failed",
        };
        write!(f, "<body{end} unread={}>", self.unread.borrow().len())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::super::Content;
    use super::*;

    struct Tap(Cell<u32>);

    impl Source for Tap {
        fn wanted(self: Rc<Self>) {
            self.0.set(self.0.get() + 1);
        }
    }

    fn body(read_buffer: usize, body_size: u64) -> (Rc<Incoming>, Rc<Tap>) {
        let tap = Rc::new(Tap(Cell::new(0)));
        let source: Rc<dyn Source> = tap.clone();
        let limits = Limits { read_buffer, body_size, ..Limits::default() };
        (Incoming::new(Rc::downgrade(&source), None, &limits), tap)
    }

    fn chunk(incoming: &Rc<Incoming>) -> Poll<Result<Option<Vec<u8>>, BodyError>> {
        let content = Content::new(Some(incoming.clone()));
        let mut context = Context::from_waker(Waker::noop());
        pin!(content.read_chunk()).poll(&mut context)
    }

    #[test]
    fn it_is_full_above_the_mark_until_it_is_read() {
        let (incoming, tap) = body(4, 100);
        incoming.push(b"abcd");
        assert!(!incoming.is_full());
        incoming.push(b"e");
        assert!(incoming.is_full());
        assert_eq!(chunk(&incoming), Poll::Ready(Ok(Some(b"abcde".to_vec()))));
        assert!(!incoming.is_full());
        assert_eq!((tap.0.get(), chunk(&incoming), tap.0.get()), (0, Poll::Pending, 1));
    }

    #[test]
    fn whoever_wants_it_whole_raises_the_mark_to_the_bodys_limit_and_no_further() {
        let (incoming, _tap) = body(4, 6);
        let context = Context::from_waker(Waker::noop());
        assert_eq!(incoming.poll_whole(&context), Poll::Pending);
        incoming.push(b"abcdef");
        assert!(!incoming.is_full());
        incoming.push(b"g");
        assert!(incoming.is_full());
        let error = Poll::Ready(Err(BodyError::TooLarge { limit: 6 }));
        assert_eq!(incoming.poll_whole(&context), error);
    }

    #[test]
    fn what_came_before_a_failure_is_read_before_it() {
        let (incoming, _tap) = body(4, 6);
        incoming.push(b"ab");
        incoming.fail(BodyError::TimedOut);
        incoming.finish();
        assert_eq!(chunk(&incoming), Poll::Ready(Ok(Some(b"ab".to_vec()))));
        assert_eq!(chunk(&incoming), Poll::Ready(Err(BodyError::TimedOut)));
    }

    #[test]
    fn a_body_is_awaited_only_while_somebody_waits_and_more_can_come() {
        let (incoming, _tap) = body(4, 6);
        assert!(!incoming.is_awaited());
        assert!(chunk(&incoming).is_pending());
        assert!(incoming.is_awaited());
        incoming.push(b"a");
        assert!(!incoming.is_awaited());
    }
}
