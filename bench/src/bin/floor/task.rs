//! A task: one allocation that holds its state, its future and then its output.
//!
//! Its memory is held by one reference for the executor and its handle together, and by one for each waker. The future and its
//! output are touched only on the loop's thread; a waker that outlives them frees bare memory.
//!
//! State bits, changed by whoever has a waker: `QUEUED` (in the ready queue or the remote stack, so that its `next` is in
//! use) and `DONE` (its future is gone; never cleared, and `QUEUED` stays with it, so that nothing queues the task again).

use crate::executor::{Loop, wake_task};
use std::{
    cell::{Cell, UnsafeCell},
    future::Future,
    mem::ManuallyDrop,
    pin::Pin,
    sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering::*},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
};

pub const QUEUED: u8 = 1;
pub const DONE: u8 = 2;

/// What a task is without its type. Other threads touch only the atomics.
pub struct Header {
    pub next: AtomicPtr<Header>,
    pub state: AtomicU8,
    /// Whether the executor, and the handle, still want the task; the loop's thread only.
    pub running: Cell<bool>,
    pub wanted: Cell<bool>,
    references: AtomicUsize,
    pub owner: *const Loop,
    pub methods: &'static Methods,
    pub joiner: Cell<Option<Waker>>,
}

/// What needs the task's type. Each requires a live task, on the loop's thread except `free`.
pub struct Methods {
    pub poll: unsafe fn(*const Header),
    /// Moves the output out of a `DONE` task into `*mut T`, or drops it when that is null.
    pub take: unsafe fn(*const Header, *mut ()),
    free: unsafe fn(*const Header),
}

enum Stage<F: Future> {
    Running(F),
    Finished(F::Output),
    Empty,
}

#[repr(C)]
struct Task<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

impl<F: Future> Task<F> {
    const METHODS: Methods = Methods { poll: poll::<F>, take: take::<F>, free: free::<F> };
}

/// A new task of `owner`, marked as queued; whoever calls this queues it.
pub fn allocate<F: Future + 'static>(owner: &'static Loop, future: F) -> *const Header {
    let header = Header {
        next: AtomicPtr::default(),
        state: AtomicU8::new(QUEUED),
        running: Cell::new(true),
        wanted: Cell::new(true),
        references: AtomicUsize::new(1),
        owner,
        methods: &Task::<F>::METHODS,
        joiner: Cell::new(None),
    };
    let stage = UnsafeCell::new(Stage::Running(future));
    Box::into_raw(Box::new(Task { header, stage })).cast::<Header>().cast_const()
}

/// SAFETY: the header is the first field of a live `Task<F>` and this is the loop's thread, not inside this task's poll.
unsafe fn poll<F: Future>(header: *const Header) {
    // SAFETY: the caller's promise; nobody else borrows the stage, because the handle looks only at a task that is DONE.
    let (header_ref, stage) = unsafe { (&*header, &mut *(*header.cast::<Task<F>>()).stage.get()) };
    // SAFETY: the task outlives its poll, so a waker without a reference of its own may be lent; the vtable keeps the
    // contract of RawWaker.
    let waker = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(header.cast(), &WAKER)) });
    let Stage::Running(future) = stage else { unreachable!("a finished task is not polled") };
    // SAFETY: the future lives in the task's allocation and is never moved, only dropped in place.
    let future = unsafe { Pin::new_unchecked(future) };
    if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&waker)) {
        *stage = if header_ref.wanted.get() { Stage::Finished(output) } else { Stage::Empty };
        if !header_ref.wanted.get() {
            // The future's own destructor dropped the handle: the output must not wait for a destructor on another thread.
            *stage = Stage::Empty;
        }
        // SAFETY: as above; the future is gone.
        unsafe { finish(header) };
    }
}

/// SAFETY: as for [`Methods::take`]; `to` is null or valid for a write of `F::Output`.
unsafe fn take<F: Future>(header: *const Header, to: *mut ()) {
    // SAFETY: the caller's promise; the future is gone, so the handle is the only one to look.
    let stage = unsafe { &mut *(*header.cast::<Task<F>>()).stage.get() };
    if let (Stage::Finished(output), false) = (std::mem::replace(stage, Stage::Empty), to.is_null())
    {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<F::Output>().write(output) };
    }
}

/// SAFETY: the last reference to a task whose stage is `Empty`.
unsafe fn free<F: Future>(header: *const Header) {
    // SAFETY: it was made by Box::into_raw in `allocate` and nobody can reach it any more.
    drop(unsafe { Box::from_raw(header.cast_mut().cast::<Task<F>>()) });
}

impl Header {
    /// Changes the state, without a read-modify-write while no waker exists that could race; returns what it was.
    pub fn change(&self, set: u8, clear: u8) -> u8 {
        if self.references.load(Acquire) == 1 {
            let old = self.state.load(Relaxed);
            self.state.store((old | set) & !clear, Relaxed);
            old
        } else if clear == 0 {
            self.state.fetch_or(set, AcqRel)
        } else {
            self.state.fetch_and(!clear, AcqRel)
        }
    }
}

/// SAFETY: `header` is live and the caller gives up one reference to it.
pub unsafe fn release(header: *const Header) {
    // SAFETY: live until the reference given up here is gone; Acquire orders every earlier use before the freeing.
    unsafe {
        if (*header).references.load(Acquire) == 1 || (*header).references.fetch_sub(1, AcqRel) == 1
        {
            ((*header).methods.free)(header);
        }
    }
}

/// SAFETY: `header` is live, this is the loop's thread, and its future has just been dropped.
unsafe fn finish(header: *const Header) {
    // SAFETY: live until released.
    let task = unsafe { &*header };
    let old = task.change(DONE | QUEUED, 0);
    if let Some(joiner) = task.joiner.take() {
        joiner.wake();
    }
    if old & QUEUED == 0 {
        // SAFETY: the executor is done with it; had it been queued, the queue's end would be.
        unsafe { retire(header) };
    }
}

/// SAFETY: as for `finish`, and it is in no queue.
pub unsafe fn retire(header: *const Header) {
    // SAFETY: live: the executor and the handle hold it together.
    let task = unsafe { &*header };
    task.running.set(false);
    if !task.wanted.get() {
        // SAFETY: neither wants it any more.
        unsafe { release(header) };
    }
}

static WAKER: RawWakerVTable = RawWakerVTable::new(clone_waker, wake, wake_by_ref, drop_waker);

unsafe fn clone_waker(data: *const ()) -> RawWaker {
    // SAFETY: the waker being cloned keeps the task alive.
    unsafe { (*data.cast::<Header>()).references.fetch_add(1, Relaxed) };
    RawWaker::new(data, &WAKER)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the contract of RawWaker: a live waker, used up by this call.
    unsafe {
        wake_by_ref(data);
        drop_waker(data);
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker's own reference.
    unsafe { release(data.cast()) };
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker keeps the task alive.
    unsafe { wake_task(data.cast()) };
}
