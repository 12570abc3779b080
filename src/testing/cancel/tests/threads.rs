//! Jobs in threads: on the real kernel, for a simulation has none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;

use super::*;
use crate::{ThreadPoolExecutor, cancel_scope, sleep, timeout, to_thread};

#[test]
fn a_job_whose_wait_is_cut_runs_once_or_not_at_all_and_the_next_one_is_done() {
    withstands_really(|cut| async move {
        let calls = Arc::new(AtomicUsize::new(0));
        let inside = calls.clone();
        let first = cut.dropping(to_thread(move || inside.fetch_add(1, SeqCst))).await;
        assert!(first.is_none_or(|count| count.unwrap() == 0));
        assert_eq!(to_thread(|| 2).await.unwrap(), 2);
        let event_loop = get_running_loop().unwrap();
        event_loop.shutdown_default_executor(None).await.unwrap();
        assert!(calls.load(SeqCst) <= 1);
        nothing_is_left().await;
    });
}

#[test]
fn a_job_awaited_by_reference_loses_nothing_by_a_cut() {
    withstands_really(|cut| async move {
        let event_loop = get_running_loop().unwrap();
        let (leave, may_end) = channel::<()>();
        let mut job = event_loop.run_in_executor(None, move || {
            may_end.recv().unwrap();
            3
        });
        let waits = cut.dropping(timeout(SECOND, async {
            yield_now().await;
            leave.send(()).unwrap();
            (&mut job).await
        }));
        let value = match waits.await {
            Some(value) => value.unwrap(),
            None => {
                // Where the cut came before it, the leave is given now; else nobody asks.
                let _ = leave.send(());
                job.await
            }
        };
        assert_eq!(value.unwrap(), 3);
        nothing_is_left().await;
    });
}

#[test]
fn a_task_that_is_asked_to_end_while_a_thread_works_hears_of_it_at_once() {
    withstands_really(|cut| async move {
        let (leave, may_end) = channel::<()>();
        let ended = cut.cancelling(async move {
            let job = cancel_scope(to_thread(move || may_end.recv().is_ok()));
            yield_now().await;
            let give = crate::spawn(async move { leave.send(()) });
            let answer = job.await;
            drop(give.await);
            answer.is_ok()
        });
        let whole = ended.await;
        assert!(cut.made().is_some() || matches!(whole, Ok(true)));
        nothing_is_left().await;
    });
}

#[test]
fn a_shutdown_whose_wait_is_cut_goes_on_by_itself() {
    withstands_really(|cut| async move {
        let event_loop = get_running_loop().unwrap();
        let pool = ThreadPoolExecutor::new(1, "cut").unwrap();
        event_loop.set_default_executor(pool.clone()).unwrap();
        let job = event_loop.run_in_executor(None, || 4);
        let ends = event_loop.shutdown_default_executor(Some(SECOND * 300));
        cut.dropping(ends).await;
        assert_eq!(job.await.unwrap(), 4);
        while pool.threads() > 0 {
            yield_now().await;
        }
        sleep(SECOND * 3600).await;
        nothing_is_left().await;
    });
}
