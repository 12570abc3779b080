//! An executor as small as soundness allows: one allocation for each task, an intrusive ready queue, wakers that are `Send`
//! and `Sync`, no atomic read-modify-write while no waker exists.
//!
//! A task's memory is held by one reference for the executor and its [`JoinHandle`] together, and by one for each waker. The
//! future and its output are touched only on the loop's thread; a waker that outlives them frees bare memory.
//!
//! State bits, changed by whoever has a waker: `QUEUED` (in the ready queue or the remote stack, so that its `next` is in
//! use) and `DONE` (its future is gone; never cleared).

use crate::timers::Timers;
use std::{
    cell::{Cell, RefCell, UnsafeCell},
    future::Future,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    pin::Pin,
    ptr,
    sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering::*},
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
    thread::{self, Thread},
};

const QUEUED: u8 = 1;
const DONE: u8 = 2;

/// A loop. Leaked, because wakers may outlive it; other threads use only `remote` and `thread`.
pub struct Loop {
    first: Cell<*const Header>,
    last: Cell<*const Header>,
    pub timers: RefCell<Timers>,
    /// Woken by other threads, latest first.
    remote: AtomicPtr<Header>,
    thread: Thread,
}

thread_local! {
    static CURRENT: Cell<Option<&'static Loop>> = const { Cell::new(None) };
}

/// The loop of this thread.
pub fn current() -> &'static Loop {
    CURRENT.get().expect("inside block_on")
}

struct Header {
    next: AtomicPtr<Header>,
    state: AtomicU8,
    /// Whether the executor, and the handle, still want the task; the loop's thread only.
    running: Cell<bool>,
    wanted: Cell<bool>,
    references: AtomicUsize,
    owner: *const Loop,
    methods: &'static Methods,
    joiner: Cell<Option<Waker>>,
}

/// What needs the task's type. Each requires a live task, on the loop's thread except `free`.
struct Methods {
    poll: unsafe fn(*const Header),
    /// Moves the output out of a `DONE` task into `*mut T`, or drops it when that is null.
    take: unsafe fn(*const Header, *mut ()),
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
    // SAFETY: it was made by Box::into_raw in `spawn` and nobody can reach it any more.
    drop(unsafe { Box::from_raw(header.cast_mut().cast::<Task<F>>()) });
}

impl Header {
    /// Changes the state, without a read-modify-write while no waker exists that could race; returns what it was.
    fn change(&self, set: u8, clear: u8) -> u8 {
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
unsafe fn release(header: *const Header) {
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
unsafe fn retire(header: *const Header) {
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
    let header: *const Header = data.cast();
    // SAFETY: the waker keeps the task alive; other threads touch only its atomics.
    let task = unsafe { &*header };
    if let Some(own) = CURRENT.get().filter(|own| ptr::eq(*own, task.owner)) {
        if task.state.load(Relaxed) & QUEUED == 0
            && task.state.fetch_or(QUEUED, AcqRel) & QUEUED == 0
        {
            own.push(header);
        }
    } else if task.state.fetch_or(QUEUED, AcqRel) & QUEUED == 0 {
        // SAFETY: loops are leaked, and these two fields are made for other threads.
        let (remote, thread) = unsafe { (&(*task.owner).remote, &(*task.owner).thread) };
        let mut top = remote.load(Relaxed);
        loop {
            task.next.store(top, Relaxed);
            match remote.compare_exchange_weak(top, header.cast_mut(), Release, Relaxed) {
                Ok(_) => break,
                Err(now) => top = now,
            }
        }
        if top.is_null() {
            thread.unpark();
        }
    }
}

impl Loop {
    fn push(&self, task: *const Header) {
        // SAFETY: whoever set QUEUED owns `next` until the task is popped, and a queued task is not freed.
        unsafe { (*task).next.store(ptr::null_mut(), Relaxed) };
        match self.last.replace(task) {
            last if last.is_null() => self.first.set(task),
            // SAFETY: as above.
            last => unsafe { (*last).next.store(task.cast_mut(), Relaxed) },
        }
    }

    /// Runs what is ready now; what that makes ready waits for the next turn.
    fn run(&self) {
        let mut task = self.first.replace(ptr::null());
        self.last.set(ptr::null());
        while !task.is_null() {
            // SAFETY: a queued task is live; it is read before it runs, because running may queue or free it.
            unsafe {
                let next = (*task).next.load(Relaxed);
                if (*task).state.load(Relaxed) & DONE == 0 {
                    (*task).change(0, QUEUED);
                    ((*task).methods.poll)(task);
                } else {
                    retire(task);
                }
                task = next;
            }
        }
    }

    /// Queues what other threads woke, in the order they woke it.
    fn collect_remote(&self) {
        if self.remote.load(Relaxed).is_null() {
            return;
        }
        let (mut task, mut reversed) =
            (self.remote.swap(ptr::null_mut(), Acquire), ptr::null_mut());
        while let Some(header) = ptr::NonNull::new(task) {
            // SAFETY: queued, so live, and its `next` is ours now.
            let next = unsafe { header.as_ref().next.swap(reversed, Relaxed) };
            (reversed, task) = (task, next);
        }
        while let Some(header) = ptr::NonNull::new(reversed) {
            // SAFETY: as above.
            reversed = unsafe { header.as_ref().next.load(Relaxed) };
            self.push(header.as_ptr());
        }
    }

    /// Makes something ready, waiting for it if need be.
    fn wait(&self) {
        self.collect_remote();
        let next = self.timers.borrow_mut().fire();
        if self.first.get().is_null() {
            match next {
                Some(duration) => thread::park_timeout(duration),
                None => thread::park(),
            }
            self.collect_remote();
        }
    }
}

/// Runs `root` to its end on a new loop of this thread.
pub fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
    let null = || Cell::new(ptr::null());
    let timers = RefCell::default();
    let remote = AtomicPtr::default();
    let own = Box::leak(Box::new(Loop {
        first: null(),
        last: null(),
        timers,
        remote,
        thread: thread::current(),
    }));
    CURRENT.set(Some(own));
    let mut handle = spawn(root);
    loop {
        own.run();
        if !handle.is_done() {
            own.wait();
        } else if let Poll::Ready(output) =
            Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

/// Starts a task of this thread's loop.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let own = current();
    let header = Header {
        next: AtomicPtr::default(),
        state: AtomicU8::new(QUEUED),
        running: Cell::new(true),
        wanted: Cell::new(true),
        references: AtomicUsize::new(1),
        owner: own,
        methods: &Task::<F>::METHODS,
        joiner: Cell::new(None),
    };
    let task = Box::new(Task { header, stage: UnsafeCell::new(Stage::Running(future)) });
    let header = Box::into_raw(task).cast::<Header>().cast_const();
    own.push(header);
    JoinHandle { header, output: PhantomData }
}

/// Waits for a task; dropping it detaches the task. Being a raw pointer inside, it stays on the loop's thread.
pub struct JoinHandle<T> {
    header: *const Header,
    output: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    fn task(&self) -> &Header {
        // SAFETY: the handle keeps the task alive.
        unsafe { &*self.header }
    }

    fn is_done(&self) -> bool {
        self.task().state.load(Relaxed) & DONE != 0
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = self.task();
        if !self.is_done() {
            task.joiner.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let mut output = MaybeUninit::<T>::uninit();
        // SAFETY: the task is DONE, was wanted all along, and a handle is polled to its end only once, so that `take` writes
        // a `T`, which is the output's type because `spawn` made both.
        unsafe {
            (task.methods.take)(self.header, output.as_mut_ptr().cast());
            Poll::Ready(output.assume_init())
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let task = self.task();
        task.joiner.set(None);
        if self.is_done() {
            // SAFETY: DONE, on the loop's thread.
            unsafe { (task.methods.take)(self.header, ptr::null_mut()) };
        }
        task.wanted.set(false);
        if !task.running.get() {
            // SAFETY: neither executor nor handle wants it any more; nobody uses `task` after this.
            unsafe { release(self.header) };
        }
    }
}

/// Pending once, with its task at the end of the queue.
#[derive(Default)]
pub struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
