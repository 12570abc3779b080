//! The knife itself: what is not safe is found, and named.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::testing::cancel::{CutBy, CutPlace, Moment, replay_cut};
use crate::{cancel_scope, sleep, spawn, yield_now};

/// A pipe of bytes, and one who wants two of them at once.
#[derive(Clone, Default)]
struct Bytes(Rc<RefCell<(VecDeque<u8>, Option<Waker>)>>);

impl Bytes {
    fn feed(&self, byte: u8) {
        let mut shared = self.0.borrow_mut();
        shared.0.push_back(byte);
        let waker = shared.1.take();
        drop(shared);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Takes bytes as they come, so that one is lost if it is dropped between the two.
struct Hasty {
    bytes: Bytes,
    taken: Vec<u8>,
}

impl Future for Hasty {
    type Output = Vec<u8>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<u8>> {
        let bytes = self.bytes.clone();
        let mut shared = bytes.0.borrow_mut();
        self.taken.extend(shared.0.drain(..));
        if self.taken.len() >= 2 {
            return Poll::Ready(std::mem::take(&mut self.taken));
        }
        shared.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

/// The test of it: two bytes come, a second apart; what is not read is still there.
async fn nothing_is_lost(_: World, cut: Cut) {
    let bytes = Bytes::default();
    let feeder = bytes.clone();
    let fed = spawn(async move {
        for byte in [1, 2] {
            sleep(SECOND).await;
            feeder.feed(byte);
        }
    });
    let read = cut.dropping(Hasty { bytes: bytes.clone(), taken: Vec::new() }).await;
    fed.await.unwrap();
    let left: Vec<u8> = bytes.0.borrow_mut().0.drain(..).collect();
    // Of the bytes' own wakers nothing may remain in this test.
    drop(bytes.0.borrow_mut().1.take());
    let all = [read.unwrap_or_default(), left].concat();
    assert_eq!(all, [1, 2], "a byte was lost");
}

#[test]
fn a_future_that_loses_a_byte_when_it_is_dropped_is_found_and_its_await_is_named() {
    let found = cut_each_await(&Schedule::default(), nothing_is_lost).unwrap_err();
    assert_eq!(found.place, Some(CutPlace { nth: 2, moment: Moment::Waiting }));
    assert_eq!(found.by, Some(CutBy::Dropping));
    let text = found.to_string();
    let first = "not cancel safe: await 2 was dropped as it began to wait";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("a byte was lost"), "{text}");
    let last = "replay: evloop::testing::replay_cut(\"await 2 waiting; legal\", test)";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn the_line_of_a_failure_replays_it_and_another_place_does_not_fail() {
    let again = replay_cut("await 2 waiting; legal", nothing_is_lost).unwrap();
    assert!(again.unwrap().what.contains("a byte was lost"));
    assert!(replay_cut("await 1 waiting", nothing_is_lost).unwrap().is_none());
}

/// A permit that is handed to who waits longest, by taking it out of the semaphore.
#[derive(Default)]
struct Permit {
    free: bool,
    waiters: VecDeque<(Rc<std::cell::Cell<bool>>, Waker)>,
}

#[test]
fn a_permit_lost_because_its_waiter_was_cut_after_it_had_been_woken_is_found() {
    let found = cut_each_await(&Schedule::default(), |_, cut| async move {
        let permit = Rc::new(RefCell::new(Permit::default()));
        let (mine, granted) = (permit.clone(), Rc::new(std::cell::Cell::new(false)));
        let giver = permit.clone();
        let gives = spawn(async move {
            yield_now().await;
            let next = giver.borrow_mut().waiters.pop_front();
            match next {
                Some((granted, waker)) => {
                    granted.set(true);
                    waker.wake();
                }
                None => giver.borrow_mut().free = true,
            }
        });
        let acquire = poll_fn(move |context| {
            if granted.get() || std::mem::take(&mut mine.borrow_mut().free) {
                return Poll::Ready(());
            }
            let waiter = (granted.clone(), context.waker().clone());
            mine.borrow_mut().waiters.push_back(waiter);
            Poll::Pending
        });
        let got = cut.dropping(acquire).await;
        if got.is_none() {
            // One that is dropped before it is given anything cleans up; so far it is right.
            permit.borrow_mut().waiters.clear();
        }
        gives.await.unwrap();
        assert!(got.is_some() || permit.borrow().free, "the permit is gone");
    })
    .unwrap_err();
    assert_eq!(found.place, Some(CutPlace { nth: 1, moment: Moment::Woken }), "{found}");
    assert!(found.what.contains("the permit is gone"), "{found}");
}

#[test]
fn a_test_that_hangs_because_of_a_cut_is_told_as_a_deadlock() {
    let found = cut_each_await(&Schedule::default(), |_, cut| async move {
        if cut.dropping(yield_now()).await.is_none() {
            std::future::pending::<()>().await;
        }
    })
    .unwrap_err();
    assert!(found.what.starts_with("deadlock"), "{found}");
    assert!(found.at.is_some_and(|at| at.file().ends_with("meta.rs")), "{found}");
}

#[test]
fn clean_up_code_that_forgets_what_it_took_is_found_where_the_task_was_asked_to_end() {
    let found = cut_each_await(&Schedule::default(), |_, cut| async move {
        let taken = Rc::new(std::cell::Cell::new(0));
        let inside = taken.clone();
        let ended = cut.cancelling(async move {
            inside.set(1);
            let napped = cancel_scope(sleep(SECOND)).await;
            // The mistake: another await before it is given back.
            sleep(SECOND).await;
            inside.set(0);
            napped
        });
        drop(ended.await);
        assert_eq!(taken.get(), 0, "it was not given back");
    })
    .unwrap_err();
    assert_eq!(found.place, Some(CutPlace { nth: 2, moment: Moment::Waiting }), "{found}");
    assert_eq!(found.by, Some(CutBy::Cancelling));
    assert!(
        found.to_string().contains("was asked to end as it began to wait for Timer"),
        "{found}"
    );
}

#[test]
fn a_test_that_fails_uncut_is_told_as_such() {
    let fails = |_, _| async { panic!("always") };
    let found = cut_each_await(&Schedule::default(), fails).unwrap_err();
    assert_eq!(found.place, None);
    let text = found.to_string();
    assert_eq!(text, "the test fails although nothing is cut: the test panicked: always");
}

#[test]
fn every_await_is_cut_in_both_ways_and_no_more_often() {
    let proved = withstands(|_, cut| async move {
        let both = cut.dropping(async {
            sleep(SECOND).await;
            yield_now().await;
            yield_now().await;
        });
        both.await.unwrap_or_default();
    });
    assert_eq!(proved, CancelSafe { awaits: 3, runs: 7 });
}

#[test]
fn a_replay_of_what_names_no_cut_is_an_error() {
    let error = replay_cut("await three", |_, _| async {}).unwrap_err().to_string();
    assert!(error.starts_with("\"await three\" is not the place of a cut"), "{error}");
}
