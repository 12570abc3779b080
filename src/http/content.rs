//! The body of a request, as it comes in.
//!
//! ```text
//!   connection ── push, finish, fail ──► Incoming ──► Content::read_chunk, Request::read
//!       ▲                                    │
//!       └──────────── Source::wanted ◄───────┘  a reader waits
//! ```
//!
//! Between the two lies a buffer, and its fill is the back-pressure: once more than
//! [`Limits::read_buffer`](super::Limits::read_buffer) bytes are unread, the connection receives
//! no more until somebody waits for more. So a handler that does not read costs the client its
//! speed and the server nothing. A reader that wants the body whole raises the mark to
//! [`Limits::body_size`](super::Limits::body_size), in the same buffer: nothing is taken out of it
//! before all is there, which is why a read that is dropped loses nothing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::limits::Limits;
use super::request::BodyError;

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
    fn poll_chunk(&self, context: &Context<'_>) -> Poll<Result<Option<Vec<u8>>, BodyError>> {
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
        self.unread.take()
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

/// The body of a request, to be read piece by piece as it comes in. (`request.content`)
///
/// It can be moved out of the handler, for instance into the [stream](super::Response::stream)
/// that answers. Clones read from the same body: every byte goes to one of them.
///
/// What is not read is not received: beyond
/// [`Limits::read_buffer`](super::Limits::read_buffer) TCP holds the client back.
#[derive(Clone, Debug, Default)]
pub struct Content(Option<Rc<Incoming>>);

impl Content {
    pub(in crate::http) fn new(incoming: Option<Rc<Incoming>>) -> Content {
        Content(incoming)
    }

    /// What has come since the last call, never nothing; waits for it. `None` at the body's end.
    ///
    /// # Errors
    /// [`BodyError::Broken`] if the client broke off or broke the protocol, after what had come
    /// before; [`BodyError::TimedOut`] if it sends too slowly; [`BodyError::Answered`] once the
    /// request is answered, for then the rest of the body is not received.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has taken nothing.
    pub async fn read_chunk(&self) -> Result<Option<Vec<u8>>, BodyError> {
        match &self.0 {
            Some(incoming) => poll_fn(|context| incoming.poll_chunk(context)).await,
            None => Ok(None),
        }
    }

    /// Whether everything has come and is read.
    pub fn at_end(&self) -> bool {
        let end = |it: &Rc<Incoming>| !it.is_open() && it.unread.borrow().is_empty();
        self.0.as_ref().is_none_or(end)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

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
        let content = Content(Some(incoming.clone()));
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
