//! A task's one allocation, and its wakers: the one `unsafe` file above `sys/`.
//!
//! A task is an `Rc<TaskCell<F>>`: header, future and, later, the future's output in the same
//! place. The loop, the ready queue and the `Task` handle hold it as any `Rc`, on the loop's
//! thread. Wakers are `Send + Sync`, so they may be cloned, used and dropped on any thread, and
//! yet a wake on the loop's own thread costs no atomic operation but loads. It works like this:
//!
//! - All wakers of a task *together* hold one strong reference of the `Rc` while `held` says so.
//!   Only the loop's thread takes it and gives it back.
//! - `wakers` counts, without atomics and only on the loop's thread: +1 a waker made there, −1 a
//!   waker dropped there. It may be negative, for a waker can be made there and dropped here.
//! - `remote_wakers` counts wakers made on other threads, atomically; while the loop is open it
//!   only grows.
//! - A waker dropped on another thread is not counted there: it is *sent home* in a letter and
//!   dropped on arrival. So `wakers + remote_wakers` is the number of wakers that exist, letters
//!   included, and it is brought to 0 only on the loop's thread, which then gives the reference
//!   back.
//! - The waker that a poll lends its future is not counted; the poll holds an `Rc`. What is cloned
//!   from it on the loop's thread takes the common reference at once. A *scoped* thread, which the
//!   poll waits for, can clone it too and cannot touch the reference, so when the poll ends, and
//!   before its `Rc` does, it looks whether wakers came to be that nothing holds.
//! - Relaxed loads do: a waker that the loop's thread does not see counted was cloned from one
//!   whose end it has not seen either, for whatever brought that end home (a letter's lock, a
//!   thread's join) brings what was done before. So the sum it sees is 0 only if there is none.
//! - Whoever sends a letter first takes a share of the letter box: on arrival the letter may free
//!   the task, the loop and the box while its sender is still about to ring the bell.
//! - A letter that a closed loop does not take ends where it was written, by counting the remote
//!   wakers down. Whichever waker then ends last on the loop's thread frees the cell; if it ends
//!   elsewhere, the cell stays for good. Its future was dropped when the loop closed, so what is
//!   kept is empty.
//!
//! No reference to a cell is an argument of a function that may free it: give-ups go by pointer.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::header::{Header, Turn};
use super::join_error::JoinError;
use crate::event_loop::{Mailbox, Run, thread_number};
use crate::observe::{Record, count};
#[cfg(feature = "http")]
use crate::observe::{Site, TaskId};
use crate::sys::zoo::{self, Bug};

/// What a task's place holds.
pub(super) enum Stage<F: Future> {
    /// The future, pinned: it is polled and dropped here, and never moved.
    Polling(F),
    /// How it ended.
    Finished(Result<F::Output, JoinError>),
    /// Nothing any more: the output was taken.
    Taken,
}

/// A task.
pub(super) struct TaskCell<F: Future> {
    pub(super) header: Header,
    stage: UnsafeCell<Stage<F>>,
}

thread_local! {
    /// The header of the task whose future is being polled.
    static CURRENT: Cell<*const Header> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with the header of the task that is being polled, if one is.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Header) -> R) -> Option<R> {
    let current = CURRENT.get();
    // SAFETY: a non-null CURRENT was set by `Entered` from a live `&Header`, which outlives the
    // `Entered`; its drop puts the former value back before the borrow ends. Thread-local, so
    // nobody else changes it, and a header's fields are only changed through cells.
    let header = unsafe { current.as_ref() }?;
    Some(f(header))
}

/// While it lives, the task is the current one.
struct Entered<'a, F: Future + 'static> {
    before: *const Header,
    task: &'a Rc<TaskCell<F>>,
}

impl<'a, F: Future + 'static> Entered<'a, F> {
    #[inline]
    fn enter(task: &'a Rc<TaskCell<F>>) -> Self {
        Entered { before: CURRENT.replace(&task.header), task }
    }
}

impl<F: Future + 'static> Drop for Entered<'_, F> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
        let header = &self.task.header;
        if header.remote_wakers.load(Ordering::Relaxed) != 0
            && header.wakers_alive() != 0
            && !header.held.replace(true)
        {
            std::mem::forget(Rc::clone(self.task));
        }
    }
}

impl<F: Future + 'static> TaskCell<F> {
    /// Inlined, so that it is written where it will live: it may be large.
    #[inline(always)]
    pub(super) fn new(header: Header, stage: Stage<F>) -> Rc<Self> {
        Rc::new(TaskCell { header, stage: UnsafeCell::new(stage) })
    }

    /// Makes another task of the cell of one that is over, with the same future, if nobody else
    /// knows of the cell; says whether that is so.
    #[cfg(feature = "http")]
    #[inline(always)]
    pub(super) fn renew(self: &mut Rc<Self>, id: TaskId, at: Site) -> bool {
        let Some(cell) = Rc::get_mut(self) else { return false };
        cell.header.renew(id, at);
        true
    }

    /// Polls the future once.
    pub(super) fn poll(self: &Rc<Self>) -> Poll<F::Output> {
        self.step(F::poll)
    }

    /// Has `step` do with the future what a poll does.
    #[inline(always)]
    pub(super) fn step(
        self: &Rc<Self>,
        step: impl FnOnce(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output>,
    ) -> Poll<F::Output> {
        let _entered = Entered::enter(self);
        let waker = borrowed_waker(self);
        let mut context = Context::from_waker(&waker);
        // SAFETY: nobody else has a reference into `stage` now: this is called by a step alone,
        // steps do not nest (the schedule is `Running` during one, and a step begins from
        // `Queued`), and `settle` and `take` are for tasks that are not being polled.
        match unsafe { &mut *self.stage.get() } {
            Stage::Polling(future) => {
                // SAFETY: the future is pinned: it lives in an Rc's allocation, it is dropped in
                // place by `settle`, and no code here moves a `Stage::Polling` out of its place.
                let future = unsafe { Pin::new_unchecked(future) };
                step(future, &mut context)
            }
            // A step of a task that is done is passed over before it comes here.
            Stage::Finished(_) | Stage::Taken => Poll::Pending,
        }
    }

    /// Drops whatever is in the task's place, in place, and leaves `stage` there, also when the
    /// drop panics.
    pub(super) fn settle(&self, stage: Stage<F>) {
        struct Leave<F: Future>(*mut Stage<F>, ManuallyDrop<Stage<F>>);
        impl<F: Future> Drop for Leave<F> {
            fn drop(&mut self) {
                // SAFETY: `.0` is a task's place, whose old value was dropped (or half dropped,
                // if that panicked) just before and is not used again; `.1` is read once, here.
                unsafe { ptr::write(self.0, ManuallyDrop::take(&mut self.1)) }
            }
        }
        let place = self.stage.get();
        let _leave = Leave(place, ManuallyDrop::new(stage));
        // SAFETY: `place` is valid, and nobody has a reference into it: the future is not being
        // polled (see `step`), and while its drop runs, `take` refuses (the schedule is not `Done`
        // or `finished` not yet set), so that drop cannot reach its own place again.
        unsafe { ptr::drop_in_place(place) }
    }

    /// The output, once.
    pub(super) fn take(&self) -> Option<Result<F::Output, JoinError>> {
        self.header.end.get()?;
        let place = self.stage.get();
        // SAFETY: `end` is set after `settle` has left the output, so no future is here to be
        // polled or dropped, and nobody keeps a reference beyond a statement: only this method and
        // `peek` look here then, on one thread, and neither calls out while it borrows. The output
        // is read out once: `Taken` is in its place before anybody looks again. (It is not
        // `mem::replace`, which would copy as many bytes as the future had.)
        unsafe {
            let Stage::Finished(output) = &*place else { return None };
            let output = ptr::read(output);
            ptr::write(place, Stage::Taken);
            self.header.taken.set(true);
            Some(output)
        }
    }

    /// Asks something of the output. `f` must not run anybody else's code, which might `take`.
    pub(super) fn peek<R>(&self, f: impl FnOnce(&Result<F::Output, JoinError>) -> R) -> Option<R> {
        self.header.end.get()?;
        // SAFETY: as in `take`; `f` is evloop's own and looks only at types and discriminants.
        match unsafe { &*self.stage.get() } {
            Stage::Finished(output) => Some(f(output)),
            Stage::Polling(_) | Stage::Taken => None,
        }
    }

    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        Self::waker_clone,
        Self::waker_wake,
        Self::waker_wake_by_ref,
        Self::waker_drop,
    );

    /// The header behind a waker's pointer.
    ///
    /// # Safety
    ///
    /// `data` is the pointer of a waker of a `TaskCell<F>` that exists for `'a`.
    unsafe fn header<'a>(data: *const ()) -> &'a WakerSide {
        // SAFETY: the waker keeps the cell allocated (the wakers' common strong reference, or the
        // poll's own for a borrowed waker). The reference made covers the header's memory but
        // `WakerSide` hands out only what any thread may read; the rest is reached through
        // `at_home`, on the loop's thread.
        unsafe { &*(&raw const (*data.cast::<Self>()).header).cast::<WakerSide>() }
    }

    unsafe fn waker_clone(data: *const ()) -> RawWaker {
        // SAFETY: the caller's waker exists during the call.
        let side = unsafe { Self::header(data) };
        match side.at_home() {
            // SAFETY: `data` is the pointer `Rc::as_ptr` gave; the cell is alive, see above.
            Some(_) => unsafe { Self::keep(data.cast()) },
            None => side.clone_elsewhere(),
        }
        RawWaker::new(data, &Self::VTABLE)
    }

    unsafe fn waker_wake(data: *const ()) {
        // SAFETY: the caller's waker exists until it is given up or sent home below.
        let side = unsafe { Self::header(data) };
        if side.at_home().is_some() {
            // SAFETY: by the contract of `Waker::wake` the waker is ours, to use and then to drop.
            return unsafe {
                Self::waker_wake_by_ref(data);
                if !zoo::is(Bug::WakerLeaked) {
                    Self::give_up(data.cast());
                }
            };
        }
        if !side.wake_is_news() {
            // SAFETY: the waker is ours to drop.
            return unsafe { Self::waker_drop(data) };
        }
        let mailbox = side.mailbox();
        // SAFETY: the waker that is ours goes on existing in the letter.
        let parcel = unsafe { Parcel::<F>::new(data) };
        post(&mailbox, move || parcel.arrive_awake());
    }

    unsafe fn waker_wake_by_ref(data: *const ()) {
        // SAFETY: the caller's waker exists during the call.
        let side = unsafe { Self::header(data) };
        match side.at_home() {
            Some(header) if header.advance(Turn::Woken) => {
                // SAFETY: the cell is alive and this is the loop's thread, so the count may be
                // raised; the Rc made from it gives that count back.
                let task = unsafe {
                    Rc::increment_strong_count(data.cast::<Self>());
                    Rc::from_raw(data.cast::<Self>())
                };
                enqueue(header, task);
            }
            None if side.wake_is_news() => {
                let mailbox = side.mailbox();
                // The letter carries a waker of its own.
                side.clone_elsewhere();
                // SAFETY: we just counted one more waker, and this is it.
                let parcel = unsafe { Parcel::<F>::new(data) };
                post(&mailbox, move || parcel.arrive_awake());
            }
            // It is queued, or has ended.
            Some(header) => tell_woken_again(header),
            // A wake is on its way.
            None => {}
        }
    }

    unsafe fn waker_drop(data: *const ()) {
        // SAFETY: the waker still exists; it ends with this call.
        let side = unsafe { Self::header(data) };
        if side.at_home().is_some() {
            // SAFETY: `data` as above; the waker given up is counted.
            return unsafe { Self::give_up(data.cast()) };
        }
        let mailbox = side.mailbox();
        // SAFETY: the waker whose drop this is goes on existing in the letter.
        let parcel = unsafe { Parcel::<F>::new(data) };
        post(&mailbox, move || drop(parcel));
    }

    /// One waker more, on the loop's thread.
    ///
    /// # Safety
    ///
    /// `task` came from `Rc::as_ptr` and is alive, and this is the loop's thread.
    #[inline]
    unsafe fn keep(task: *const Self) {
        // SAFETY: alive, by contract; only the header is borrowed.
        let header = unsafe { &(*task).header };
        header.wakers.set(header.wakers.get() + 1);
        if !header.held.replace(true) {
            // SAFETY: alive, by contract, and the loop's thread.
            unsafe { Rc::increment_strong_count(task) };
        }
    }

    /// One waker less, on the loop's thread.
    ///
    /// # Safety
    ///
    /// As for `keep`, and a counted waker ends here.
    #[inline]
    unsafe fn give_up(task: *const Self) {
        // SAFETY: alive, by contract; only the header is borrowed, and not until it may be freed.
        let header = unsafe { &(*task).header };
        header.wakers.set(header.wakers.get() - 1);
        let last = header.wakers_alive() == 0 && header.held.replace(false);
        if last {
            // What other threads did with the cell before they counted a waker down.
            fence(Ordering::Acquire);
            // SAFETY: `held`, so the wakers' common reference was taken; the last of them has just
            // ended, so it is ours to give back; nothing of the cell is used after.
            unsafe { Rc::decrement_strong_count(task) };
        }
    }
}

/// Queues a step. (Not inlined: it would be in every kind of task.)
#[inline(never)]
pub(super) fn enqueue(header: &Header, task: Rc<dyn Run>) {
    let observe = &*header.home.ready.observe;
    count(&observe.tally.wakes_local);
    observe.tell(|| Record::TaskWoken { task: header.id });
    header.home.ready.push_run(task);
}

/// Tells observers of a wake for nothing. (Nobody can tell it from one that was lost, so a test
/// wants to know of it; and it is too frequent to ask, without one, whether anybody looks.)
#[inline(always)]
fn tell_woken_again(header: &Header) {
    if cfg!(feature = "testing") {
        header.home.ready.observe.tell(|| Record::TaskWokenAgain { task: header.id });
    }
}

/// A waker for the length of a poll, which is not counted: the poll's own `Rc` keeps the task.
fn borrowed_waker<F: Future + 'static>(task: &Rc<TaskCell<F>>) -> ManuallyDrop<Waker> {
    let data = Rc::as_ptr(task).cast();
    // SAFETY: the vtable's functions keep the contract of `RawWaker` for a pointer to a live
    // `TaskCell<F>`, which `task` is for as long as it is borrowed; the waker is never dropped, so
    // nothing is given up that was not kept, and clones of it are counted.
    ManuallyDrop::new(unsafe { Waker::new(data, &TaskCell::<F>::VTABLE) })
}

/// What a waker may look at before it knows on which thread it is.
#[repr(transparent)]
struct WakerSide(Header);

impl WakerSide {
    /// The whole header, if this is the loop's thread.
    #[inline]
    fn at_home(&self) -> Option<&Header> {
        (self.0.home.thread == thread_number()).then_some(&self.0)
    }

    /// One waker more, on another thread. Relaxed: the count is read on the loop's thread when a
    /// waker ends there, and that waker came through a lock, or whatever carried it.
    fn clone_elsewhere(&self) {
        self.0.remote_wakers.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether no wake is on its way already. Whoever finds one need not send another: the step
    /// it causes begins after the flag was lowered, and sees what was done before this call.
    fn wake_is_news(&self) -> bool {
        !self.0.remote_wake.swap(true, Ordering::AcqRel)
    }

    /// A share of the letter box, which outlives the task's cell.
    fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.0.home.mailbox)
    }
}

/// Sends a letter home. A closed loop's box does not take it, and it is dropped here.
fn post(mailbox: &Mailbox, letter: impl FnOnce() + Send + 'static) {
    drop(mailbox.send(Box::new(move |_| letter())));
}

/// A waker on its way home in a letter.
struct Parcel<F: Future + 'static>(ManuallyDrop<Waker>, PhantomData<fn() -> F>);

impl<F: Future + 'static> Parcel<F> {
    /// # Safety
    ///
    /// `data` is the pointer of a counted waker of a `TaskCell<F>`, which the caller gives away.
    unsafe fn new(data: *const ()) -> Self {
        // SAFETY: a waker's own pointer with its own vtable; by contract it is ours.
        let waker = unsafe { Waker::new(data, &TaskCell::<F>::VTABLE) };
        Parcel(ManuallyDrop::new(waker), PhantomData)
    }

    /// It has come home and carries a wake.
    fn arrive_awake(self) {
        // SAFETY: the waker exists as long as the parcel.
        let side = unsafe { TaskCell::<F>::header(self.0.data()) };
        side.0.remote_wake.swap(false, Ordering::AcqRel);
        self.0.wake_by_ref();
    }
}

impl<F: Future + 'static> Drop for Parcel<F> {
    fn drop(&mut self) {
        let data = self.0.data();
        // SAFETY: the waker exists until it is given up or counted down below.
        let side = unsafe { TaskCell::<F>::header(data) };
        if side.at_home().is_some() {
            // SAFETY: it is counted, and ends here.
            unsafe { TaskCell::<F>::give_up(data.cast()) };
        } else {
            // Refused by a closed loop. Release: what was done with the cell comes before.
            side.0.remote_wakers.fetch_sub(1, Ordering::Release);
        }
    }
}

/// A future, until it is over, and beside it what drives it: the one pin projection that scopes
/// and timeouts are made of.
pub struct Inside<F, S> {
    future: Option<F>,
    state: S,
}

impl<F, S> Inside<F, S> {
    pub(super) fn new(future: F, state: S) -> Self {
        Inside { future: Some(future), state }
    }

    /// Without a future, which is to be made in its place.
    #[cfg(feature = "http")]
    #[inline(always)]
    pub(super) fn empty() -> Self
    where
        S: Default,
    {
        Inside { future: None, state: S::default() }
    }

    /// The future, pinned with the whole, and the state, which is not.
    #[inline(always)]
    pub(crate) fn project(self: Pin<&mut Self>) -> (Pin<&mut Option<F>>, &mut S) {
        // SAFETY: `future` is pinned structurally: nothing moves it out, `Inside` has no `Drop`
        // and is `Unpin` only if `F` is, and it is not packed. `state` is never given out pinned.
        unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &mut this.state)
        }
    }
}

/// A payload caught from a panic.
pub(super) type Payload = Box<dyn Any + Send>;
