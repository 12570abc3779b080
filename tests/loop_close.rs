//! Closing a loop: what it refuses from then on, what it frees and reports, and destructors that
//! panic or call it meanwhile.

use std::cell::{Cell, RefCell};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use evloop::{
    ErrorContext, EventLoop, LoopError, get_event_loop, new_event_loop, set_event_loop, sleep,
};

fn new_loop() -> EventLoop {
    new_event_loop().unwrap()
}

#[test]
fn loop_02_closing_again_does_nothing() {
    let event_loop = new_loop();
    event_loop.call_soon(|| ()).unwrap();
    assert_eq!(event_loop.close().unwrap().handles, 1);
    assert!(event_loop.close().unwrap().is_clean());
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn loop_04_a_closed_loop_refuses_everything() {
    let event_loop = new_loop();
    let handle = event_loop.handle();
    let (socket, _peer) = UnixStream::pair().unwrap();
    event_loop.close().unwrap();
    let is_closed = |result: Result<(), LoopError>| matches!(result, Err(LoopError::Closed));
    assert!(is_closed(event_loop.call_soon(|| ()).map(drop)));
    assert!(is_closed(event_loop.call_later(Duration::ZERO, || ()).map(drop)));
    assert!(is_closed(event_loop.call_at(event_loop.time(), || ()).map(drop)));
    assert!(is_closed(event_loop.add_reader(&socket, || ()).map(drop)));
    assert!(is_closed(event_loop.add_writer(&socket, || ()).map(drop)));
    assert!(is_closed(event_loop.add_signal_handler(evloop::signal::SIGURG, || ()).map(drop)));
    assert!(is_closed(handle.call_soon_threadsafe(|| ())));
    assert!(is_closed(event_loop.run_forever().map(drop)));
    assert!(is_closed(event_loop.run_once(None)));
    assert!(is_closed(event_loop.run_until_complete(async {})));
    assert!(is_closed(event_loop.try_as_fd().map(drop)));
    let mut task = event_loop.create_task(async {});
    assert!(matches!(task.result(), Some(Err(evloop::JoinError::LoopClosed))));
}

#[test]
fn a_closed_loop_is_never_due_also_if_a_stop_or_another_thread_s_call_came_before_the_close() {
    let stopped = new_loop();
    stopped.stop();
    stopped.close().unwrap();
    assert_eq!(stopped.next_deadline(), None);

    let called = new_loop();
    called.handle().call_soon_threadsafe(|| ()).unwrap();
    called.close().unwrap();
    assert_eq!(called.next_deadline(), None);
}

#[test]
fn closing_frees_what_a_callback_captured_also_if_somebody_keeps_its_handle() {
    let event_loop = new_loop();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let captured = Rc::new(());
    let capture = || {
        let captured = captured.clone();
        move || drop(captured.clone())
    };
    let handles = [
        event_loop.call_soon(capture()).unwrap(),
        event_loop.add_reader(&socket, capture()).unwrap(),
    ];
    let timer = event_loop.call_later(Duration::from_secs(1), capture()).unwrap();
    assert_eq!(Rc::strong_count(&captured), 4);
    event_loop.close().unwrap();
    assert_eq!(Rc::strong_count(&captured), 1);
    assert!(timer.cancelled() && handles.iter().all(|handle| handle.cancelled()));
}

#[test]
fn exc_07_closing_reports_what_was_still_alive() {
    let event_loop = new_loop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&ours);
    event_loop.add_reader(&ours, || ()).unwrap();
    let task = event_loop.create_task(sleep(Duration::from_secs(1)));
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    event_loop.call_soon(|| ()).unwrap();
    event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    let report = event_loop.close().unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.residents.len(), 1);
    assert_eq!((report.handles, report.descriptors), (2, vec![fd]));
    assert!(task.cancelled());
}

/// Panics when it is dropped.
struct Bomb(Rc<Cell<u32>>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("destructor");
    }
}

#[test]
fn destructors_that_panic_while_the_loop_closes_end_only_themselves() {
    let event_loop = new_loop();
    let told = Rc::new(Cell::new(0));
    let tell = told.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        tell.set(tell.get() + usize::from(context.warning.is_none()));
    }));
    let dropped = Rc::new(Cell::new(0));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let bomb = || Bomb(dropped.clone());
    let watchers = Cell::new(0);
    for _ in 0..2 {
        let [a, b, c, d] = [bomb(), bomb(), bomb(), bomb()];
        event_loop.call_soon(move || drop(a)).unwrap();
        event_loop.call_later(Duration::from_secs(1), move || drop(b)).unwrap();
        drop(event_loop.create_task(async move {
            std::future::pending::<()>().await;
            drop(c)
        }));
        let watcher = move || assert!(d.0.get() < 8);
        match watchers.replace(watchers.get() + 1) {
            0 => event_loop.add_reader(&ours, watcher).unwrap(),
            _ => event_loop.add_writer(&ours, watcher).unwrap(),
        };
    }
    event_loop.close().unwrap();
    assert_eq!((dropped.get(), told.get()), (8, 8));
}

#[test]
fn a_loop_that_is_dropped_contains_destructors_that_panic() {
    let dropped = Rc::new(Cell::new(0));
    let event_loop = new_loop();
    for bomb in [Bomb(dropped.clone()), Bomb(dropped.clone())] {
        event_loop.call_soon(move || drop(bomb)).unwrap();
    }
    drop(event_loop);
    assert_eq!(dropped.get(), 2);
}

#[test]
fn whatever_is_dropped_while_the_loop_closes_may_call_the_loop() {
    struct Calls(EventLoop, Rc<RefCell<Vec<bool>>>);
    impl Drop for Calls {
        fn drop(&mut self) {
            let closed = matches!(self.0.call_soon(|| ()), Err(LoopError::Closed));
            let again = self.0.close().is_ok_and(|report| report.is_clean());
            self.1.borrow_mut().extend([closed, again, self.0.run_once(None).is_err()]);
        }
    }
    let event_loop = new_loop();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let calls = || Calls(event_loop.clone(), seen.clone());
    let [a, b, c] = [calls(), calls(), calls()];
    event_loop.call_soon(move || drop(a)).unwrap();
    event_loop.call_later(Duration::from_secs(1), move || drop(b)).unwrap();
    drop(event_loop.create_task(async move {
        std::future::pending::<()>().await;
        drop(c)
    }));
    event_loop.close().unwrap();
    assert_eq!(*seen.borrow(), [true; 9]);
}

#[test]
fn a_loop_may_be_used_up_to_the_last_destructor_of_its_thread() {
    thread_local!(static LAST: RefCell<Option<LastWords>> = const { RefCell::new(None) });
    struct LastWords(mpsc::Sender<bool>, EventLoop);
    impl Drop for LastWords {
        fn drop(&mut self) {
            let current = get_event_loop();
            let turn = self.1.run_once(Some(Duration::ZERO));
            let orderly = matches!(current, Ok(_) | Err(LoopError::ThreadEnds))
                && matches!(turn, Ok(()) | Err(LoopError::ThreadEnds));
            set_event_loop(None);
            self.0.send(orderly).unwrap();
        }
    }
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        // Registered first, destroyed last.
        LAST.set(Some(LastWords(send, new_loop())));
        let event_loop = new_loop();
        set_event_loop(Some(event_loop.clone()));
        event_loop.run_until_complete(async {}).unwrap();
    })
    .join()
    .unwrap();
    assert!(receive.recv().unwrap());
}

#[test]
fn what_a_callback_captured_is_freed_by_close_also_where_it_captured_its_own_handle() {
    let event_loop = EventLoop::new().unwrap();
    let (handles, timers) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
    let captured = (handles.clone(), timers.clone());
    *handles.borrow_mut() = event_loop.call_soon(move || drop(captured)).ok();
    let captured = (handles.clone(), timers.clone());
    let hour = Duration::from_secs(3600);
    *timers.borrow_mut() = event_loop.call_later(hour, move || drop(captured)).ok();
    event_loop.close().unwrap();
    assert_eq!((Rc::strong_count(&handles), Rc::strong_count(&timers)), (1, 1));
}
