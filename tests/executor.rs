//! Threads for what blocks: whose thread, how many, what becomes of results nobody waits for, and
//! how a loop ends that has them. Threads meet at channels; nothing sleeps.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use evloop::{
    EventLoop, JoinError, ManualClock, ThreadPoolExecutor, TimedOut, cancel_scope, gather, spawn,
    timeout, to_thread, yield_now,
};

const SECOND: Duration = Duration::from_secs(1);

/// A job that says it has begun and then waits for leave to end.
fn held<T: Send + 'static>(value: T) -> (impl FnOnce() -> T + Send, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (leave, may_end)) = (channel(), channel::<()>());
    let job = move || {
        // The other side may be gone: then nobody asks any more.
        let _ = begun.send(());
        let _ = may_end.recv();
        value
    };
    (job, has_begun, leave)
}

/// Sends when it is dropped, from where.
struct Mark(Sender<thread::ThreadId>);

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn exec_01_the_job_runs_in_another_thread_and_its_value_comes_to_the_loop() {
    let (there, here) = evloop::run(async {
        let there = to_thread(|| thread::current().id()).await.unwrap();
        (there, thread::current().id())
    })
    .unwrap();
    assert_eq!(here, thread::current().id());
    assert_ne!(there, here);
}

#[test]
fn exec_01_an_error_of_the_job_is_its_value_and_its_panic_is_carried_over() {
    let (value, panic) = evloop::run(async {
        let value = to_thread(|| "x".parse::<u32>()).await.unwrap();
        (value, to_thread(|| -> u32 { panic!("in a thread") }).await)
    })
    .unwrap();
    assert!(value.is_err());
    let error = panic.unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.to_string(), "task panicked: in a thread");
}

#[test]
fn exec_01_a_job_of_run_in_executor_begins_before_it_is_awaited_and_one_of_to_thread_does_not() {
    let event_loop = EventLoop::new().unwrap();
    let (send, receive) = channel();
    let lazy = to_thread(move || send.send("lazy"));
    let (job, has_begun, leave) = held(1);
    let eager = event_loop.run_in_executor(None, job);
    has_begun.recv().unwrap();
    assert!(receive.try_recv().is_err());
    leave.send(()).unwrap();
    assert_eq!(event_loop.run_until_complete(eager).unwrap().unwrap(), 1);
    drop(lazy);
    assert!(receive.recv().is_err(), "a future that is never polled is dropped with its job");
}

#[test]
fn exec_02_dropping_the_future_of_a_job_that_runs_ends_the_wait_and_not_the_job() {
    let ended = evloop::run(async {
        let (ended, has_ended) = channel();
        let (job, has_begun, leave) = held(Mark(ended));
        let task = spawn(cancel_scope(to_thread(job)));
        while has_begun.try_recv().is_err() {
            yield_now().await;
        }
        task.cancel();
        assert!(matches!(task.await, Ok(Err(_))), "cancelled while the job still runs");
        leave.send(()).unwrap();
        has_ended
    })
    .unwrap();
    assert_ne!(ended.recv().unwrap(), thread::current().id(), "the value is dropped in its thread");
}

#[test]
fn exec_02_a_job_outlasts_its_closed_loop_in_silence() {
    let event_loop = EventLoop::new().unwrap();
    let (ended, has_ended) = channel();
    let (job, has_begun, leave) = held(Mark(ended));
    let mut task = event_loop.create_task(event_loop.run_in_executor(None, job));
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    has_begun.recv().unwrap();
    assert_eq!(event_loop.close().unwrap().residents.len(), 1);
    assert!(matches!(task.result(), Some(Err(error)) if error.is_cancelled()));
    leave.send(()).unwrap();
    has_ended.recv().unwrap();
}

#[test]
fn fut_15_a_job_that_has_not_begun_is_taken_out_when_its_future_is_dropped() {
    let event_loop = EventLoop::new().unwrap();
    let one = ThreadPoolExecutor::new(1, "one").unwrap();
    let (job, has_begun, leave) = held("first");
    let first = event_loop.run_in_executor(Some(&one), job);
    has_begun.recv().unwrap();
    let (send, receive) = channel();
    let second = event_loop.run_in_executor(Some(&one), move || send.send("second ran"));
    drop(second);
    assert!(receive.try_recv().is_err() && receive.recv().is_err(), "its job is gone at once");
    leave.send(()).unwrap();
    assert_eq!(event_loop.run_until_complete(first).unwrap().unwrap(), "first");
}

#[test]
fn fut_15_a_value_that_was_there_when_its_future_was_dropped_is_dropped_with_it() {
    let event_loop = EventLoop::new().unwrap();
    let (ended, has_ended) = channel();
    let (job, has_begun, leave) = held(Mark(ended));
    let future = event_loop.run_in_executor(None, job);
    has_begun.recv().unwrap();
    leave.send(()).unwrap();
    while !future.done() {
        thread::yield_now();
    }
    drop(future);
    assert_eq!(has_ended.recv().unwrap(), thread::current().id());
}

#[test]
fn exec_05_ten_tasks_call_ten_times_and_each_has_its_own_value() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let values = evloop::run(async move {
        gather((0..10).map(|n| {
            let calls = counted.clone();
            async move {
                let job = move || {
                    calls.fetch_add(1, SeqCst);
                    n * n
                };
                to_thread(job).await.unwrap()
            }
        }))
        .await
    });
    assert_eq!(values.unwrap().unwrap(), [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
    assert_eq!(calls.load(SeqCst), 10);
}

#[test]
fn exec_06_threads_have_the_prefix_of_their_pool() {
    let name = || thread::current().name().map(str::to_owned);
    let event_loop = EventLoop::new().unwrap();
    let default = event_loop.run_until_complete(to_thread(name)).unwrap().unwrap();
    assert_eq!(default.as_deref(), Some("evloop_0"));
    let files = ThreadPoolExecutor::new(1, "files").unwrap();
    let job = event_loop.run_in_executor(Some(&files), name);
    let given = event_loop.run_until_complete(job).unwrap().unwrap();
    assert_eq!(given.as_deref(), Some("files_0"));
    event_loop.set_default_executor(files).unwrap();
    let again = event_loop.run_until_complete(to_thread(name)).unwrap().unwrap();
    assert_eq!(again.as_deref(), Some("files_0"), "its thread is kept");
}

#[test]
fn a_pool_starts_a_thread_when_none_is_idle_and_never_more_than_its_bound() {
    let event_loop = EventLoop::new().unwrap();
    let pool = ThreadPoolExecutor::new(2, "two").unwrap();
    assert_eq!(pool.threads(), 0);
    let mut held: Vec<_> = (0..4).map(held).collect();
    let mut jobs = Vec::new();
    let mut ends = Vec::new();
    for (at, (job, has_begun, leave)) in held.drain(..).enumerate() {
        jobs.push(event_loop.run_in_executor(Some(&pool), job));
        assert_eq!(pool.threads(), (at + 1).min(2));
        ends.push((has_begun, leave));
    }
    for (begun, _) in &ends[..2] {
        begun.recv().unwrap();
    }
    assert!(ends[2].0.try_recv().is_err(), "two threads, two jobs");
    for (_, leave) in &ends {
        leave.send(()).unwrap();
    }
    let values = event_loop.run_until_complete(async { gather(jobs).await }).unwrap().unwrap();
    assert_eq!(values.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(pool.threads(), 2);
}

#[test]
fn one_thread_runs_its_jobs_in_the_order_they_were_given() {
    let event_loop = EventLoop::new().unwrap();
    let pool = ThreadPoolExecutor::new(1, "one").unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..100)
        .map(|n| {
            let order = order.clone();
            event_loop.run_in_executor(Some(&pool), move || order.lock().unwrap().push(n))
        })
        .collect();
    event_loop.run_until_complete(async { gather(jobs).await }).unwrap().unwrap();
    assert!(order.lock().unwrap().iter().copied().eq(0..100));
}

#[test]
fn a_pool_that_could_run_nothing_is_an_error_that_says_why() {
    let none = ThreadPoolExecutor::new(0, "x").unwrap_err().to_string();
    assert_eq!(none, "max_workers is 0; a pool needs at least one thread");
    let zero = ThreadPoolExecutor::new(1, "a\0b").unwrap_err().to_string();
    assert!(zero.contains("zero byte"), "{zero}");
    assert!(ThreadPoolExecutor::default().max_workers() <= 32);
}

#[test]
fn loop_04_a_closed_loop_begins_no_job() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.close().unwrap();
    let refused = event_loop.run_in_executor(None, || ());
    assert!(refused.done());
    let open = EventLoop::new().unwrap();
    let error = open.run_until_complete(refused).unwrap().unwrap_err();
    assert!(matches!(error, JoinError::LoopClosed), "{error}");
}

#[test]
fn a_default_executor_that_is_shut_down_finishes_what_it_has_and_refuses_more() {
    let event_loop = EventLoop::new().unwrap();
    let (job, has_begun, leave) = held(7);
    let running = event_loop.run_in_executor(None, job);
    has_begun.recv().unwrap();
    let ended = event_loop.shutdown_default_executor(None);
    let refused = event_loop.run_in_executor(None, || ());
    leave.send(()).unwrap();
    let (value, refused) = event_loop
        .run_until_complete(async {
            ended.await.unwrap();
            (running.await.unwrap(), refused.await.unwrap_err())
        })
        .unwrap();
    assert_eq!(value, 7);
    assert!(matches!(refused, JoinError::ExecutorShutDown), "{refused}");
    event_loop.set_default_executor(ThreadPoolExecutor::default()).unwrap();
    assert_eq!(event_loop.run_until_complete(to_thread(|| 8)).unwrap().unwrap(), 8);
}

#[test]
fn who_asks_a_second_time_for_the_shutdown_waits_for_the_same_jobs() {
    let event_loop = EventLoop::new().unwrap();
    let (job, begun, go_on) = held(7);
    let job = event_loop.run_in_executor(None, job);
    begun.recv().unwrap();
    let first = event_loop.shutdown_default_executor(None);
    let mut second = pin!(event_loop.shutdown_default_executor(None));
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending(), "a job is under way");
    go_on.send(()).unwrap();
    let ended = event_loop.run_until_complete(async move { (first.await, job.await) }).unwrap();
    assert!(matches!(ended, (Ok(()), Ok(7))));
    assert!(second.poll(&mut context).is_ready());
}

#[test]
fn a_shutdown_with_a_limit_waits_no_longer_and_leaves_the_job_to_itself() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().unwrap();
    let (job, has_begun, leave) = held(());
    let running = event_loop.run_in_executor(None, job);
    has_begun.recv().unwrap();
    let ending = event_loop.shutdown_default_executor(Some(300 * SECOND));
    let mut task = event_loop.create_task(ending);
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    clock.advance(299 * SECOND);
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert!(!task.done());
    clock.advance(SECOND);
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(task.result().unwrap().unwrap(), Err(TimedOut));
    leave.send(()).unwrap();
    event_loop.run_until_complete(running).unwrap().unwrap();
}

#[test]
fn run_waits_at_its_end_for_a_job_that_nobody_awaits() {
    let (send, receive) = channel();
    evloop::run(async move {
        let (job, has_begun, leave) = held(());
        let begun = evloop::get_running_loop().unwrap().run_in_executor(None, move || {
            job();
            send.send("the end of the job").unwrap();
        });
        has_begun.recv().unwrap();
        drop(begun);
        evloop::get_running_loop().unwrap().call_soon(move || leave.send(()).unwrap()).unwrap();
    })
    .unwrap();
    assert_eq!(receive.try_recv(), Ok("the end of the job"));
}

#[test]
fn a_pool_whose_last_name_is_dropped_runs_what_it_has_and_ends() {
    let event_loop = EventLoop::new().unwrap();
    let pool = ThreadPoolExecutor::new(1, "short").unwrap();
    let (job, has_begun, leave) = held(1);
    let first = event_loop.run_in_executor(Some(&pool), job);
    let second = event_loop.run_in_executor(Some(&pool), || 2);
    has_begun.recv().unwrap();
    drop(pool);
    leave.send(()).unwrap();
    assert_eq!(event_loop.run_until_complete(first).unwrap().unwrap(), 1);
    assert_eq!(event_loop.run_until_complete(second).unwrap().unwrap(), 2);
}

#[test]
fn a_timeout_around_a_job_on_virtual_time_fires_never_by_a_jump() {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().virtual_time(clock).build().unwrap();
    let (job, has_begun, leave) = held("in time");
    let releaser = thread::spawn(move || {
        has_begun.recv().unwrap();
        leave.send(()).unwrap();
    });
    let value = event_loop.run_until_complete(timeout(3600 * SECOND, to_thread(job)));
    assert_eq!(value.unwrap().unwrap().unwrap(), "in time");
    assert!(event_loop.time().as_secs_f64() < 3600.0);
    releaser.join().unwrap();
}

#[test]
fn a_job_awaited_twice_gives_its_value_once() {
    let event_loop = EventLoop::new().unwrap();
    let (job, has_begun, leave) = held(5);
    let mut future = pin!(event_loop.run_in_executor(None, job));
    has_begun.recv().unwrap();
    let context = &mut Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(context).is_pending());
    leave.send(()).unwrap();
    while !future.done() {
        thread::yield_now();
    }
    assert!(matches!(future.as_mut().poll(context), Poll::Ready(Ok(5))));
    assert!(matches!(future.poll(context), Poll::Ready(Err(JoinError::Taken))));
}
