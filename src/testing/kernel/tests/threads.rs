//! Other threads that are none.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Poll, Waker};

use super::*;

/// What happened, in words, of what concerns another thread.
fn order<T>(report: &Report<T>) -> Vec<&'static str> {
    let word = |entry: &Entry| match &entry.step {
        Step::Kernel(Act::Thread) => Some("thread"),
        Step::Kernel(Act::Rung) => Some("rung"),
        Step::Kernel(Act::Select { timeout: None | Some(Duration::ZERO) }) => None,
        Step::Kernel(Act::Select { .. }) => Some("select"),
        Step::Kernel(Act::Selected { rung: true, .. }) => Some("told"),
        _ => None,
    };
    report.timeline.0.iter().filter_map(word).collect()
}

/// Something that another thread says, once.
#[derive(Clone, Default)]
struct Word(Arc<(AtomicBool, Mutex<Option<Waker>>)>);

impl Word {
    fn say(&self) {
        self.0.0.store(true, SeqCst);
        let waker = self.0.1.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }

    async fn hear(&self) {
        poll_fn(|context| {
            *self.0.1.lock().unwrap() = Some(context.waker().clone());
            if self.0.0.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A program that sleeps for an hour unless another thread, in ten minutes, wakes it.
fn woken(schedule: Schedule) -> Report<Time> {
    Sim::new(schedule).run(|world| async move {
        let handle = crate::get_running_loop().unwrap().handle();
        let word = Word::default();
        let said = word.clone();
        world.thread(600 * SECOND, move || {
            handle.call_soon_threadsafe(move || said.say()).unwrap();
        });
        let heard = crate::timeout(3600 * SECOND, word.hear()).await;
        assert!(heard.is_ok(), "the hour has passed");
        world.now()
    })
}

#[test]
fn a_thread_that_comes_while_the_loop_sleeps_rings_the_bell() {
    let report = woken(Schedule::default());
    assert_eq!(order(&report), ["select", "thread", "rung", "told"]);
    assert_eq!(done(report), Time::ZERO + 600 * SECOND);
}

/// The select in which the program sleeps.
fn sleeps_in() -> u32 {
    let report = woken(Schedule::default());
    let selects = acts(&report).filter_map(|act| match act {
        Act::Select { timeout } => Some(*timeout),
        _ => None,
    });
    let at = selects.take_while(|timeout| timeout.is_none_or(|t| t < 3600 * SECOND)).count();
    at as u32
}

#[test]
fn a_thread_that_comes_between_the_announced_sleep_and_the_select_rings_the_bell() {
    let report = woken(with_fault(Site::Select, sleeps_in(), Fault::NotifyRace));
    assert_eq!(order(&report), ["select", "thread", "rung", "told"]);
    assert_eq!(done(report), Time::ZERO);
}

#[test]
fn a_thread_that_comes_before_the_sleep_is_announced_is_seen_then_and_does_not_ring() {
    let race = with_fault(Site::Select, sleeps_in(), Fault::NotifyRace);
    let windows = (0..20).map(|decision| (decision, 1)).collect();
    let report = woken(Schedule { picks: windows, ..race });
    assert_eq!(order(&report), ["thread"], "and the select has no timeout to speak of");
    assert_eq!(done(report), Time::ZERO);
}

#[test]
fn in_another_thread_no_loop_runs_and_a_waker_takes_the_long_way() {
    let report = run(|world| async move {
        let word = Word::default();
        let said = word.clone();
        world.thread(SECOND, move || {
            assert!(crate::get_running_loop().is_err());
            said.say();
        });
        word.hear().await;
        assert!(crate::get_running_loop().is_ok(), "it runs again");
        (world.now(), crate::get_running_loop().unwrap().counters().wakes_remote)
    });
    assert_eq!(order(&report), ["thread", "rung", "told"]);
    assert_eq!(done(report), (Time::ZERO + SECOND, 1));
}

#[test]
fn a_loop_of_the_threads_own_is_another_and_can_run_in_it() {
    let report = run(|world| async move {
        world.thread(SECOND, || {
            let other = crate::EventLoop::builder().clock(crate::ManualClock::new()).build();
            assert_eq!(other.unwrap().run_until_complete(async { 7 }).unwrap(), 7);
        });
        crate::sleep(2 * SECOND).await;
    });
    done(report);
}

#[test]
fn a_race_without_a_thread_to_come_is_nothing() {
    let report = Sim::new(with_fault(Site::Select, 0, Fault::NotifyRace)).run(|world| async move {
        crate::sleep(SECOND).await;
        world.now()
    });
    assert_eq!(done(report), Time::ZERO + SECOND);
}
