use evloop::Event;

use crate::{Log, run, settle};

#[test]
fn event_01_set_wakes_all_and_who_waits_after_that_does_not_wait() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let tasks = ["1", "2"].map(|name| log.after(name, event.wait()));
        settle().await;
        assert_eq!(format!("{event:?}"), "<Event unset, waiters: 2>");
        event.set();
        event.wait().await;
        log.add("3");
        settle().await;
        assert_eq!(log.take(), ["3", "1", "2"]);
        assert!(tasks.iter().all(evloop::Task::done) && event.is_set());
    });
}

#[test]
fn event_02_clear_does_not_undo_the_wake_up() {
    run(async {
        let (event, log) = (Event::new(), Log::default());
        let task = log.after("woken", event.wait());
        settle().await;
        event.set();
        event.clear();
        assert!(task.await.is_ok() && !event.is_set());
        let late = log.after("late", event.wait());
        settle().await;
        assert!(!late.done());
    });
}
