//! Other threads, which are none: what they do is done on the loop's own thread, at a time of the
//! schedule's choosing, and yet takes the way of another thread.
//!
//! ```text
//! sleep_until: a letter?  ── no      Fault::NotifyRace, window 1: here, which the loop sees when
//!                                    it announces its sleep
//! fall_asleep: a letter?  ── no      window 0: here, and the bell must ring
//! select                             World::thread's own time
//! ```

use std::cell::Cell;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::{Happening, World};
use crate::event_loop::as_another_thread;
use crate::testing::journal::{Act, Choice};
use crate::testing::schedule::{Fault, Schedule, Site};

/// What another thread does.
pub(super) type Thread = Box<dyn FnOnce() + Send>;

/// Threads that land just before a select.
pub(super) struct Race {
    /// Whether the schedule has any.
    any: bool,
    /// The select for which it is decided.
    decided: Cell<Option<u32>>,
}

impl Race {
    pub(super) fn of(schedule: &Schedule) -> Race {
        let any = schedule.faults.values().any(|fault| *fault == Fault::NotifyRace);
        Race { any, decided: Cell::new(None) }
    }
}

impl World {
    /// Has another thread do `what` after `delay`: wake a waker, call
    /// [`LoopHandle::call_soon_threadsafe`](crate::LoopHandle::call_soon_threadsafe).
    ///
    /// No thread is started: it runs while the loop waits, or where [`Fault::NotifyRace`] has it
    /// run, but what it does to the loop goes the way it goes from another thread, and in it no
    /// loop is running.
    ///
    /// # Panics
    ///
    /// A panic in it is the whole simulation's.
    pub fn thread(&self, delay: Duration, what: impl FnOnce() + Send + 'static) {
        self.plan(self.now() + delay, Happening::Thread(Box::new(what)));
    }

    pub(super) fn run_thread(&self, thread: Thread) {
        self.act(Act::Thread);
        let rung = self.0.rung.load(SeqCst);
        as_another_thread(thread);
        if !rung && self.0.rung.load(SeqCst) {
            self.act(Act::Rung);
        }
    }

    /// The loop reads the clock. If a turn has just begun, it does so after it has looked for
    /// letters and before it announces its sleep, or else where it does not sleep.
    pub(super) fn clock_is_read(&self) {
        if !self.0.race.any || !self.0.journal.turn_has_just_begun() {
            return;
        }
        let nth = self.0.sites[super::site_index(Site::Select)].get();
        let planned = self.planned_fault(Site::Select, nth) == Some(Fault::NotifyRace);
        if !planned || self.0.race.decided.get() == Some(nth) || !self.a_thread_is_to_come() {
            return;
        }
        self.0.race.decided.set(Some(nth));
        match self.choose(Choice::Window, 2) {
            0 => self.0.race.decided.set(None),
            _ => self.next_thread_lands(),
        }
    }

    /// The loop is in its select, which has a race planned.
    pub(super) fn race_before_sleep(&self, nth: u32) {
        if self.0.race.decided.get() != Some(nth) {
            self.next_thread_lands();
        }
    }

    fn a_thread_is_to_come(&self) -> bool {
        self.0.agenda.borrow().values().any(|what| matches!(what, Happening::Thread(_)))
    }

    fn next_thread_lands(&self) {
        let mut agenda = self.0.agenda.borrow_mut();
        let first = agenda.iter().find(|(_, what)| matches!(what, Happening::Thread(_)));
        let Some(at) = first.map(|(at, _)| *at) else { return };
        let thread = agenda.remove(&at);
        drop(agenda);
        if let Some(Happening::Thread(thread)) = thread {
            self.run_thread(thread);
        }
    }
}
