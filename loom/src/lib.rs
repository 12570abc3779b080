//! The cross-thread wake of evloop under loom, which tries every interleaving that the memory model
//! allows.
//!
//! What is checked is evloop's own source, `event_loop/wake.rs`, taken in by its path; the letter
//! box and the selector around it are the few lines below. `tools/check-loom.sh` runs it.
//!
//! A lost wake is a loop that sleeps, while a letter is in its box and nobody has rung. That is
//! looked at when all senders are gone, instead of sleeping really: loom finds the deadlock too,
//! but cannot clean up after it.
#![cfg(all(test, loom, evloop_zoo))]

#[path = "../../src/sys"]
pub mod sys {
    pub mod zoo;
}

#[path = "../../src/event_loop/wake.rs"]
mod wake;

use std::panic::{UnwindSafe, catch_unwind};

use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::sync::{Arc, Mutex};
use loom::thread;
use sys::zoo::{self, Bug};
use wake::Flags;

/// What `remote.rs` and a selector are to the flags.
struct Loop {
    flags: Flags,
    letters: Mutex<u32>,
    rung: AtomicBool,
}

impl Loop {
    fn new() -> Arc<Loop> {
        Arc::new(Loop { flags: Flags::new(), letters: Mutex::new(0), rung: AtomicBool::new(false) })
    }

    /// `Mailbox::send`.
    fn send(&self) {
        *self.letters.lock().unwrap() += 1;
        if self.flags.knock() {
            self.rung.swap(true, SeqCst);
        }
    }

    /// Turns until the loop sleeps and nobody has rung so far; how many letters they took.
    fn turn_until_asleep(&self) -> u32 {
        let mut taken = 0;
        while !self.flags.fall_asleep() || self.rung.swap(false, SeqCst) {
            self.flags.wake_up();
            if self.flags.is_pending() {
                taken += self.flags.collect(|| std::mem::take(&mut *self.letters.lock().unwrap()));
            }
        }
        taken
    }
}

/// So many threads send so many letters each to a loop that turns and sleeps meanwhile.
///
/// With two senders that is tried with at most three preemptions: more takes minutes.
fn every_letter_arrives(threads: u32, letters: u32) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = (threads > 1).then_some(3);
    model.check(move || {
        let event_loop = Loop::new();
        let senders: Vec<_> = (0..threads)
            .map(|_| {
                let event_loop = event_loop.clone();
                thread::spawn(move || (0..letters).for_each(|_| event_loop.send()))
            })
            .collect();
        let mut taken = event_loop.turn_until_asleep();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        if event_loop.rung.swap(false, SeqCst) {
            event_loop.flags.wake_up();
            taken += event_loop.turn_until_asleep();
        }
        assert_eq!(taken, threads * letters, "the loop sleeps over a letter");
    });
}

/// The words loom ends with while `bug` is out.
fn caught(bug: Bug, claim: impl FnOnce() + UnwindSafe) -> String {
    let panic = catch_unwind(|| zoo::with(bug, claim)).expect_err("nobody noticed");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
}

#[test]
fn no_interleaving_of_a_sender_and_the_loop_loses_a_letter() {
    every_letter_arrives(1, 1);
}

#[test]
fn no_interleaving_of_two_senders_and_the_loop_loses_a_letter() {
    every_letter_arrives(2, 1);
}

#[test]
fn no_interleaving_of_a_sender_of_two_letters_and_the_loop_loses_one() {
    every_letter_arrives(1, 2);
}

#[test]
fn a_flag_lowered_after_the_box_was_emptied_loses_a_letter_and_is_found() {
    let text = caught(Bug::FlagLoweredAfterTaking, || every_letter_arrives(1, 2));
    assert!(text.contains("sleeps over a letter"), "{text}");
}

#[test]
fn a_knock_that_does_not_ring_loses_a_letter_and_is_found() {
    let text = caught(Bug::RemoteCallDoesNotRing, || every_letter_arrives(1, 1));
    assert!(text.contains("sleeps over a letter"), "{text}");
}
