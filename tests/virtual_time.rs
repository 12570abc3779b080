//! Virtual time jumps only where nothing but a timer could end the sleep. Threads meet at
//! channels; nothing sleeps, and where a jump would be wrong it would be an hour long.

mod support;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use evloop::{EventLoop, ManualClock, sleep, timeout, to_thread, yield_now};
use support::Log;

const HOUR: Duration = Duration::from_secs(3600);

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_time(ManualClock::new()).build().unwrap()
}

fn hours(event_loop: &EventLoop) -> u64 {
    event_loop.time().as_nanos() / HOUR.as_nanos() as u64
}

#[test]
fn time_does_not_jump_while_a_job_runs_and_does_when_it_is_done() {
    let event_loop = virtual_loop();
    let (log, (leave, may_end)) = (Log::default(), channel::<()>());
    event_loop.call_later(HOUR, log.note("an hour")).unwrap();
    event_loop.call_later(2 * HOUR, log.note("two hours")).unwrap();
    let job_done = log.note("the job");
    let releaser = thread::spawn(move || leave.send(()).unwrap());
    event_loop
        .run_until_complete(async move {
            to_thread(move || may_end.recv().unwrap()).await.unwrap();
            job_done();
            sleep(3 * HOUR).await;
        })
        .unwrap();
    assert_eq!(log.take(), ["the job", "an hour", "two hours"]);
    releaser.join().unwrap();
}

#[test]
fn a_job_that_is_done_and_not_awaited_yet_does_not_keep_time_from_jumping() {
    let event_loop = virtual_loop();
    let inner = event_loop.clone();
    event_loop
        .run_until_complete(async move {
            let job = inner.run_in_executor(None, || 3);
            while !job.done() {
                yield_now().await;
            }
            sleep(24 * 365 * HOUR).await;
            assert_eq!(job.await.unwrap(), 3);
        })
        .unwrap();
    assert!(hours(&event_loop) >= 24 * 365);
}

#[test]
fn a_job_that_nobody_waits_for_does_not_keep_time_from_jumping() {
    let event_loop = virtual_loop();
    let ((begun, has_begun), (leave, may_end)) = (channel(), channel::<()>());
    let job = event_loop.run_in_executor(None, move || {
        begun.send(()).unwrap();
        let _ = may_end.recv();
    });
    has_begun.recv().unwrap();
    drop(job);
    event_loop.run_until_complete(sleep(24 * 365 * HOUR)).unwrap();
    assert!(hours(&event_loop) >= 24 * 365);
    drop(leave);
}

#[test]
fn time_does_not_jump_while_a_name_is_looked_up() {
    let event_loop = virtual_loop();
    let looked_up = timeout(HOUR, async {
        // A port where nobody listens: what counts is who answers first.
        evloop::open_connection(("localhost", 1)).await.map(|_| ())
    });
    let outcome = event_loop.run_until_complete(looked_up).unwrap();
    assert!(outcome.is_ok(), "the timeout of an hour fired first");
    assert_eq!(hours(&event_loop), 0);
}

#[test]
fn a_thread_with_real_work_keeps_time_until_what_it_sent_has_come() {
    for _ in 0..50 {
        let event_loop = virtual_loop();
        let (handle, work, log) =
            (event_loop.handle(), event_loop.handle().real_work(), Log::default());
        event_loop.call_later(HOUR, log.note("an hour")).unwrap();
        let (told, inner) = (log.note("told"), event_loop.clone());
        let answer = event_loop.create_future();
        let waited = answer.clone();
        let sender = thread::spawn(move || {
            handle.call_soon_threadsafe(|| evloop::get_running_loop().unwrap().stop()).unwrap();
            drop(work);
        });
        event_loop.run_forever().unwrap();
        told();
        answer.set_result(()).unwrap();
        inner.run_until_complete(async { waited.await.unwrap() }).unwrap();
        event_loop.run_until_complete(sleep(2 * HOUR)).unwrap();
        assert_eq!(log.take(), ["told", "an hour"]);
        sender.join().unwrap();
    }
}

#[test]
fn real_work_that_is_dropped_after_its_loop_is_closed_does_nothing() {
    let event_loop = virtual_loop();
    let work = event_loop.handle().real_work();
    event_loop.close().unwrap();
    thread::spawn(move || drop(work)).join().unwrap();
}

#[test]
fn real_work_on_real_time_means_nothing() {
    let event_loop = EventLoop::new().unwrap();
    let work = event_loop.handle().real_work();
    event_loop.run_until_complete(yield_now()).unwrap();
    drop(work);
    assert!(event_loop.close().unwrap().is_clean());
}

#[test]
fn a_program_of_sleeps_takes_no_time_on_virtual_time() {
    let event_loop = virtual_loop();
    event_loop.run_until_complete(sleep(Duration::from_secs(1_000_000))).unwrap();
    assert_eq!(event_loop.time().as_secs_f64(), 1_000_000.0);
    event_loop.close().unwrap();
}

/// Runs in a process of its own, with `EVLOOP_CLOCK` set.
#[test]
fn child_of_the_environment() {
    if std::env::var_os("EVLOOP_CLOCK").is_none() {
        return;
    }
    match EventLoop::new() {
        Ok(event_loop) => {
            let year = Duration::from_secs(365 * 24 * 3600);
            event_loop.run_until_complete(sleep(year)).unwrap();
            println!("slept until {:?}", event_loop.time());
        }
        Err(error) => println!("refused: {error}"),
    }
}

#[test]
fn the_environment_can_make_time_virtual_and_nothing_else() {
    let with_clock = |clock: &str| {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_of_the_environment", "--nocapture"])
            .env("EVLOOP_CLOCK", clock)
            .output();
        String::from_utf8(child.unwrap().stdout).unwrap()
    };
    let text = with_clock("virtual");
    assert!(text.contains("slept until 31536000s"), "{text}");
    let text = with_clock("fast");
    assert!(text.contains("refused: EVLOOP_CLOCK is \"fast\"; it may be: real, virtual"), "{text}");
}
