//! What is true of tasks and of a loop that idles, whatever the schedule. (What is true of callbacks,
//! timers and descriptors is held against the reference model, beside which it stands.)

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use evloop::observe::Record;
use evloop::testing::{Outcome, Report, Schedule, Sim, Step, schedule};
use proptest::prelude::*;

fn turns<T>(report: &Report<T>) -> usize {
    let turn = |step: &Step| matches!(step, Step::Loop(Record::Turn { .. }));
    report.timeline.0.iter().filter(|entry| turn(&entry.step)).count()
}

/// A task that is woken `wakes` times in each of its first `polls` polls; how often it was polled.
async fn polls_of_a_task_that_wakes_itself(polls: u32, wakes: u32) -> u32 {
    let (polled, waker) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let (counter, kept) = (polled.clone(), waker.clone());
    let task = evloop::spawn(poll_fn(move |context| {
        counter.set(counter.get() + 1);
        (0..wakes).for_each(|_| context.waker().wake_by_ref());
        kept.set(Some(context.waker().clone()));
        if counter.get() > polls { Poll::Ready(()) } else { Poll::Pending }
    }));
    let end = task.await;
    assert!(end.is_ok());
    let left = waker.take();
    (0..wakes).for_each(|_| left.iter().for_each(|waker| waker.wake_by_ref()));
    evloop::yield_now().await;
    evloop::yield_now().await;
    polled.get()
}

proptest! {
    #[test]
    fn p3_p4_a_task_woken_in_its_own_poll_is_polled_once_more_and_never_after_its_end(
        schedule in schedule(), polls in 0u32..6, wakes in 1u32..5
    ) {
        let report = Sim::new(schedule)
            .run(move |_| polls_of_a_task_that_wakes_itself(polls, wakes));
        prop_assert!(matches!(report.outcome, Outcome::Done(polled) if polled == polls + 1));
    }

    #[test]
    fn p20_the_same_schedule_gives_the_same_timeline(
        schedule in schedule(), sleeps in proptest::collection::vec(0u64..5, 0..6)
    ) {
        let run = || {
            let sleeps = sleeps.clone();
            let report = Sim::new(schedule.clone()).run(|_| async move {
                let sleep = |millis| evloop::sleep(Duration::from_millis(millis));
                let tasks: Vec<_> = sleeps.into_iter().map(|millis| evloop::spawn(sleep(millis))).collect();
                for task in tasks {
                    let _ = task.await;
                }
            });
            format!("{:?}", report.timeline)
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn p19_a_loop_that_idles_takes_no_more_turns_for_hours_than_for_moments(hours in 1u64..24) {
        let sleeping = |time| {
            turns(&Sim::new(Schedule::default()).run(move |_| evloop::sleep(time)))
        };
        let long = sleeping(Duration::from_secs(3600 * hours - 1));
        prop_assert_eq!(long, sleeping(Duration::from_nanos(1)));
    }
}
