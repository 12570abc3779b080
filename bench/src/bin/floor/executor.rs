//! An executor as small as soundness allows: an intrusive ready queue, wakers that are `Send` and `Sync`, no atomic
//! read-modify-write while no waker exists.

use crate::{
    task::{DONE, Header, QUEUED, allocate, release, retire},
    timers::Timers,
};
use std::{
    cell::{Cell, RefCell},
    future::Future,
    marker::PhantomData,
    mem::MaybeUninit,
    pin::Pin,
    ptr,
    sync::atomic::{AtomicPtr, Ordering::*},
    task::{Context, Poll, Waker},
    thread::{self, Thread},
};

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

/// Queues a task, from any thread.
///
/// SAFETY: `header` is live for the call.
pub unsafe fn wake_task(header: *const Header) {
    // SAFETY: the caller's promise; other threads touch only its atomics.
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
    let header = allocate(own, future);
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

#[cfg(test)]
mod tests {
    use super::{Yield, block_on, spawn};
    use std::{
        cell::Cell,
        future::{pending, poll_fn},
        rc::Rc,
        task::{Poll, Waker},
        thread,
    };

    async fn own_waker() -> Waker {
        poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
    }

    #[test]
    fn every_future_and_output_is_dropped_exactly_once_whenever_its_handle_goes() {
        let alive = Rc::new(());
        let seen = alive.clone();
        block_on(async move {
            for yields in 0..3 {
                let task = |alive: Rc<()>| async move {
                    for _ in 0..yields {
                        Yield::default().await;
                    }
                    // Queued once more, although the next thing it does is end.
                    own_waker().await.wake();
                    alive
                };
                drop(spawn(task(alive.clone())));
                let (awaited, dropped_late) =
                    (spawn(task(alive.clone())), spawn(task(alive.clone())));
                drop(awaited.await);
                for _ in 0..5 {
                    Yield::default().await;
                }
                drop(dropped_late);
                assert_eq!(Rc::strong_count(&alive), 2);
            }
        });
        assert_eq!(Rc::strong_count(&seen), 1);
    }

    #[test]
    fn a_waker_may_outlive_its_task_and_its_loop_on_any_thread() {
        let waker = block_on(async { spawn(own_waker()).await });
        waker.wake_by_ref();
        thread::spawn(move || {
            let other = waker.clone();
            waker.wake();
            drop(other);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn wakes_from_two_threads_are_never_lost() {
        let turns = Rc::new(Cell::new(0));
        let seen = turns.clone();
        block_on(async move {
            let task = spawn(async move {
                for _ in 0..200 {
                    let waker = own_waker().await;
                    let threads =
                        [waker.clone(), waker].map(|waker| thread::spawn(move || waker.wake()));
                    let mut polled = false;
                    poll_fn(|_| {
                        if std::mem::replace(&mut polled, true) {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    })
                    .await;
                    turns.set(turns.get() + 1);
                    threads.into_iter().for_each(|thread| thread.join().unwrap());
                }
            });
            drop(spawn(pending::<()>()));
            task.await;
        });
        assert_eq!(seen.get(), 200);
    }
}
