//! Wakers of tasks under threads: cloned, woken and dropped anywhere, while the loop runs, closes
//! and is gone. Most of these tests are for the sanitizers and valgrind as much as for asserts.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use evloop::{EventLoop, yield_now};

/// Stress counts are divided by this under slow tools.
fn scaled(count: usize) -> usize {
    let slow: usize = std::env::var("EVLOOP_TEST_SLOW").map_or(1, |s| s.parse().unwrap_or(1));
    (count / slow).max(2)
}

/// The waker of the task that awaits it.
async fn my_waker() -> Waker {
    poll_fn(|context| Poll::Ready(context.waker().clone())).await
}

/// Says when it is dropped.
struct Dropped(Rc<Cell<u32>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn a_waker_cloned_by_a_scoped_thread_during_the_poll_outlives_the_task() {
    let event_loop = EventLoop::new().unwrap();
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let task = event_loop.create_task(poll_fn(move |context: &mut Context<'_>| {
        // The poll's own waker is borrowed: only threads that the poll waits for can see it.
        let waker = context.waker();
        thread::scope(|scope| {
            scope.spawn(|| *keep.lock().unwrap() = Some(waker.clone()));
        });
        Poll::Ready(7)
    }));
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), 7);
    let waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().unwrap();
    event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
}

#[test]
fn a_clone_made_by_a_scoped_thread_and_dropped_in_the_same_poll_frees_nothing() {
    let event_loop = EventLoop::new().unwrap();
    let task = event_loop.create_task(poll_fn(move |context: &mut Context<'_>| {
        let waker = context.waker();
        let clone = thread::scope(|scope| scope.spawn(|| waker.clone()).join().unwrap());
        drop(clone);
        thread::scope(|scope| {
            scope.spawn(|| drop(waker.clone()));
            scope.spawn(|| waker.wake_by_ref());
        });
        Poll::Ready("still here")
    }));
    assert_eq!(event_loop.run_until_complete(task).unwrap().unwrap(), "still here");
}

#[test]
fn a_poll_that_panics_after_a_scoped_thread_cloned_its_waker_leaves_that_waker_sound() {
    let event_loop = EventLoop::new().unwrap();
    let (send, receive) = mpsc::channel();
    let task = event_loop.create_task(poll_fn(move |context: &mut Context<'_>| -> Poll<()> {
        let waker = context.waker();
        thread::scope(|scope| {
            scope.spawn(|| send.send(waker.clone()).unwrap());
        });
        panic!("after the clone");
    }));
    let joined = event_loop.run_until_complete(task).unwrap();
    assert!(joined.unwrap_err().is_panic());
    receive.recv().unwrap().wake();
}

#[test]
fn a_wake_from_another_thread_ends_the_wait_whoever_else_wakes() {
    let event_loop = EventLoop::new().unwrap();
    let rounds = scaled(2000);
    let done = Arc::new(AtomicUsize::new(0));
    let said = done.clone();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (to_me, mine) = mpsc::channel::<(Waker, usize)>();
            let said = said.clone();
            let thread = thread::spawn(move || {
                for (waker, round) in mine {
                    let clones: Vec<Waker> = (0..3).map(|_| waker.clone()).collect();
                    said.fetch_max(round, Ordering::SeqCst);
                    for (index, clone) in clones.into_iter().enumerate() {
                        match index {
                            0 => clone.wake(),
                            1 => clone.wake_by_ref(),
                            _ => drop(clone),
                        }
                    }
                }
            });
            (to_me, thread)
        })
        .collect();
    let (channels, handles): (Vec<_>, Vec<_>) = threads.into_iter().unzip();
    let finished = event_loop
        .run_until_complete(async move {
            for round in 1..=rounds {
                let waker = my_waker().await;
                for channel in &channels {
                    channel.send((waker.clone(), round)).unwrap();
                }
                drop(waker);
                poll_fn(|_| match done.load(Ordering::SeqCst) {
                    said if said >= round => Poll::Ready(()),
                    _ => Poll::Pending,
                })
                .await;
            }
            rounds
        })
        .unwrap();
    assert_eq!(finished, rounds);
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn the_last_waker_may_arrive_home_while_the_loop_is_being_closed_and_freed() {
    for round in 0..scaled(2000) {
        let event_loop = EventLoop::new().unwrap();
        let go = Arc::new(AtomicBool::new(false));
        let waker = event_loop.run_until_complete(my_waker()).unwrap();
        let signal = go.clone();
        let thread = thread::spawn(move || {
            while !signal.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            if round % 2 == 0 { drop(waker) } else { waker.wake() }
        });
        go.store(true, Ordering::Release);
        event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
        if round % 3 == 0 {
            event_loop.close().unwrap();
        }
        drop(event_loop);
        thread.join().unwrap();
    }
}

#[test]
fn wakers_that_outlive_the_closed_loop_do_nothing_on_any_thread() {
    let event_loop = EventLoop::new().unwrap();
    let dropped = Rc::new(Cell::new(0));
    let guard = Dropped(dropped.clone());
    let (send, receive) = mpsc::channel();
    let task = event_loop.create_task(async move {
        let _guard = guard;
        send.send(my_waker().await).unwrap();
        pending::<()>().await;
    });
    event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
    let waker = receive.recv().unwrap();
    event_loop.close().unwrap();
    assert_eq!(dropped.get(), 1, "closing drops the future");
    assert!(task.cancelled());
    waker.wake_by_ref();
    let clone = waker.clone();
    thread::spawn(move || {
        clone.wake_by_ref();
        let another = clone.clone();
        another.wake();
        drop(clone);
    })
    .join()
    .unwrap();
    drop(event_loop);
    drop(task);
    waker.wake();
}

#[test]
fn a_loop_closes_among_threads_that_go_on_waking_its_tasks() {
    for _ in 0..scaled(100) {
        let event_loop = EventLoop::new().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let wakers = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..4 {
            let wakers = wakers.clone();
            event_loop.create_task(async move {
                let waker = my_waker().await;
                wakers.borrow_mut().push(waker);
                poll_fn(|_| Poll::<()>::Pending).await;
            });
        }
        event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
        let shared: Arc<Vec<Waker>> = Arc::new(wakers.take());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (shared, stop) = (shared.clone(), stop.clone());
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        for waker in shared.iter() {
                            waker.wake_by_ref();
                            drop(waker.clone());
                        }
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
        }
        event_loop.close().unwrap();
        drop(event_loop);
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_task_may_own_its_own_handle_and_drops_it_with_its_future() {
    let event_loop = EventLoop::new().unwrap();
    let dropped = Rc::new(Cell::new(0));
    let guard = Dropped(dropped.clone());
    let place = Rc::new(RefCell::new(None));
    let own = place.clone();
    let task = event_loop.create_task(async move {
        let _guard = guard;
        let me: evloop::Task<()> = own.borrow_mut().take().unwrap();
        assert!(!me.done());
        yield_now().await;
        me.cancel();
        yield_now().await;
    });
    *place.borrow_mut() = Some(task);
    event_loop
        .run_until_complete(async {
            for _ in 0..5 {
                yield_now().await;
            }
        })
        .unwrap();
    assert_eq!(dropped.get(), 1);
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn a_future_may_wake_and_cancel_its_own_task_while_it_is_dropped() {
    struct WakesInDrop(Option<Waker>, Rc<RefCell<Option<evloop::Task<()>>>>);
    impl Future for WakesInDrop {
        type Output = ();
        fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            self.0 = Some(context.waker().clone());
            Poll::Pending
        }
    }
    impl Drop for WakesInDrop {
        fn drop(&mut self) {
            if let Some(waker) = self.0.take() {
                waker.wake_by_ref();
                thread::spawn(move || waker.wake()).join().unwrap();
            }
            if let Some(task) = &mut *self.1.borrow_mut() {
                task.cancel();
                assert!(task.result().is_none(), "its place is being dropped");
            }
        }
    }
    for close in [false, true] {
        let event_loop = EventLoop::new().unwrap();
        let place = Rc::new(RefCell::new(None));
        let task = event_loop.create_task(WakesInDrop(None, place.clone()));
        *place.borrow_mut() = Some(task);
        event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
        if close {
            event_loop.close().unwrap();
        } else {
            place.borrow().as_ref().unwrap().cancel();
            event_loop.run_until_complete(yield_now()).unwrap();
        }
        assert!(place.borrow().as_ref().unwrap().cancelled());
    }
}

#[test]
fn a_panic_in_a_futures_drop_ends_its_task_alone() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let event_loop = EventLoop::new().unwrap();
    let guard = PanicsInDrop;
    let mut task = event_loop.create_task(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
    task.cancel();
    event_loop.run_until_complete(yield_now()).unwrap();
    assert!(task.result().unwrap().unwrap_err().is_panic());

    // At the close it must not keep the others from being dropped.
    let dropped = Rc::new(Cell::new(0));
    for bad in [true, false] {
        let guard = Dropped(dropped.clone());
        event_loop.create_task(async move {
            let _guard = guard;
            let _bad = bad.then(|| PanicsInDrop);
            pending::<()>().await;
        });
    }
    event_loop.run_once(Some(std::time::Duration::ZERO)).unwrap();
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &evloop::ErrorContext| {}));
    event_loop.close().unwrap();
    assert_eq!(dropped.get(), 2);
}

/// A waker that does something when it is cloned, as a foreign one may.
fn calling_back(on_clone: impl FnMut() + 'static) -> Waker {
    use std::task::{RawWaker, RawWakerVTable};
    type Callback = RefCell<Box<dyn FnMut()>>;
    fn clone(data: *const ()) -> RawWaker {
        // SAFETY: the callback is leaked below, and used in this thread alone.
        let callback = unsafe { &*data.cast::<Callback>() };
        if let Ok(mut callback) = callback.try_borrow_mut() {
            callback();
        }
        RawWaker::new(data, &VTABLE)
    }
    const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, |_| (), |_| (), |_| ());
    let callback: Callback = RefCell::new(Box::new(on_clone));
    let callback: &'static Callback = Box::leak(Box::new(callback));
    // SAFETY: the table's functions do nothing but what they may with a pointer that stays good;
    // the waker does not leave this thread.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(callback).cast(), &VTABLE)) }
}

#[test]
fn what_is_sent_or_set_while_a_waker_is_cloned_is_not_missed() {
    let (sender, receiver) = evloop::sync::oneshot();
    let mut sender = Some(sender);
    let waker = calling_back(move || {
        if let Some(sender) = sender.take() {
            sender.send(7).unwrap();
        }
    });
    let mut receiver = std::pin::pin!(receiver);
    let polled = receiver.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Ready(Ok(7)));

    let event = evloop::Event::new();
    let set = event.clone();
    let waker = calling_back(move || set.set());
    let mut wait = std::pin::pin!(event.wait());
    assert_eq!(wait.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
    assert_eq!(format!("{event:?}"), "<Event set, waiters: 0>");
}

#[test]
fn a_waker_that_waits_for_the_same_descriptor_when_it_is_cloned_may() {
    let event_loop = EventLoop::new().unwrap();
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    let inside = event_loop.clone();
    let fd = one.as_raw_fd();
    event_loop
        .run_until_complete(async move {
            let mut first = Box::pin(inside.readable(fd));
            let mut second = Box::pin(inside.readable(fd));
            let mut quiet = Context::from_waker(Waker::noop());
            assert!(first.as_mut().poll(&mut quiet).is_pending());
            let loop_again = inside.clone();
            let waker = calling_back(move || {
                let mut third = Box::pin(loop_again.readable(fd));
                let mut quiet = Context::from_waker(Waker::noop());
                let _ = third.as_mut().poll(&mut quiet);
            });
            let mut calls = Context::from_waker(&waker);
            // Once to join, and once in another's place.
            assert!(second.as_mut().poll(&mut calls).is_pending());
            assert!(first.as_mut().poll(&mut calls).is_pending());
            drop(other);
            inside.readable(fd).await.unwrap();
            assert!(first.as_mut().poll(&mut quiet).is_ready());
            assert!(second.as_mut().poll(&mut quiet).is_ready());
            drop(one);
        })
        .unwrap();
}

#[test]
fn a_wait_for_a_servers_end_that_is_dropped_leaves_no_waker() {
    #[derive(Default)]
    struct Counted(AtomicUsize);
    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let event_loop = EventLoop::new().unwrap();
    let server = event_loop
        .run_until_complete(event_loop.create_server(|| Silent, ("127.0.0.1", 0)).into_future())
        .unwrap()
        .unwrap();
    let held = Arc::<Counted>::default();
    for _ in 0..3 {
        let waker = Waker::from(held.clone());
        let mut wait = Box::pin(server.wait_closed());
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&held), 1);
    server.close();
    assert_eq!(held.0.load(Ordering::Relaxed), 0);
}

struct Silent;

impl evloop::Protocol for Silent {
    fn data_received(&mut self, _: &evloop::Transport, _: &[u8]) {}
}

#[test]
fn a_task_of_another_loop_in_a_set_is_an_error_at_once() {
    let (ours, theirs) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let foreign = || theirs.create_task(async { 1 });
    let (one, other) = (foreign(), foreign());
    ours.run_until_complete(async move {
        let mut set = evloop::JoinSet::new();
        set.insert(one);
        set.spawn(async { 2 });
        assert!(matches!(set.join_next().await, Some(Err(evloop::JoinError::DifferentLoop))));
        assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
        let mut done = evloop::as_completed([other]);
        assert!(matches!(done.next().await, Some(Err(evloop::JoinError::DifferentLoop))));
        assert!(done.next().await.is_none());
    })
    .unwrap();
}
