//! The turn: one function is the loop. `wait.rs` and `collect.rs` are its first two steps, the third
//! is here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::error::LoopError;
use super::exception::{ErrorContext, Exception, Payload};
use super::handle::Run;
use super::ready::{Entry, Work};
use super::{EventLoop, Inner};
use crate::observe::{HandleId, Record, add, count};
use crate::sys::zoo::{self, Bug};

impl Inner {
    /// One turn: wait, collect, run. `limit` bounds the wait.
    ///
    /// 1. *Wait* for descriptors: not at all while handles are ready, else until the first timer.
    /// 2. *Collect* what has come: calls from other threads, then signals, then events in their
    ///    order with a descriptor's reader before its writer, then due timers by deadline and
    ///    number.
    /// 3. *Run* exactly the handles that are ready at this point. What they queue waits for the
    ///    next turn; `stop` ends the run after this one.
    ///
    /// Nothing is called back but in step 3, and no borrow outlives its statement there, so a
    /// callback may do anything to the loop. (`BaseEventLoop._run_once`)
    pub(super) fn run_once(
        &self,
        event_loop: &EventLoop,
        limit: Option<Duration>,
    ) -> Result<(), LoopError> {
        count(&self.observe.tally.turns);
        self.observe.tell(|| Record::Turn { turn: self.observe.tally.turns.get() });

        let polls = !self.may_skip_poll();
        if polls {
            self.wait(limit)?;
        } else {
            count(&self.observe.tally.polls_skipped);
            self.observe.tell(|| Record::PollSkipped);
        }
        if self.home.mailbox.is_pending() {
            self.collect_remote(event_loop);
        }
        if polls {
            self.collect_events(event_loop);
        }
        if !zoo::is(Bug::TimersOnlyWhenIdle) || self.home.ready.is_empty() {
            self.collect_timers();
        }

        self.run_handles(event_loop);
        if self.observe.is_watched() {
            self.tell_turn_ended(event_loop);
        }
        Ok(())
    }

    #[cold]
    fn tell_turn_ended(&self, event_loop: &EventLoop) {
        self.observe.tell(|| Record::TurnEnded);
        self.tell_findings(Some(event_loop));
    }

    /// Step 3: runs what was ready when it began. A panic ends only the handle it came from.
    fn run_handles(&self, event_loop: &EventLoop) {
        let mut turn = self.turn.borrow_mut();
        self.home.ready.take_turn(&mut turn);
        self.book_turn(turn.len());
        if self.home.ready.has_policy() {
            self.run_each(event_loop, || self.home.ready.pick_by_policy(&mut turn));
        } else {
            let mut handles = turn.drain(..);
            self.run_each(event_loop, || handles.next());
        }
        while zoo::is(Bug::TurnWithoutEnd) && !self.home.ready.is_empty() {
            self.home.ready.take_turn(&mut turn);
            self.run_each(event_loop, || (!turn.is_empty()).then(|| turn.remove(0)));
        }
        self.observe.set_current(HandleId::OUTSIDE);
    }

    /// Runs what `next` gives, until it gives nothing.
    #[inline]
    fn run_each(&self, event_loop: &EventLoop, mut next: impl FnMut() -> Option<Entry>) {
        loop {
            let mut running = None;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                while let Some(entry) = next() {
                    self.run_handle(event_loop, entry, &mut running);
                }
            }));
            let Err(payload) = outcome else { return };
            self.home.ready.dismiss_policy_that_panicked();
            report_panic(event_loop, running, payload);
            self.observe.tell(|| Record::Ran { handle: self.observe.current() });
        }
    }

    /// The books of a turn with so many handles.
    fn book_turn(&self, ready: usize) {
        self.observe.tell(|| Record::Collected { ready });
        let tally = &self.observe.tally;
        tally.ready_peak.set(tally.ready_peak.get().max(ready as u64));
        add(&tally.handles, ready as u64);
        self.handles_until_poll.set(self.handles_until_poll.get().saturating_sub(ready));
    }

    /// Runs one handle; `running` is who is to blame for a panic, and nobody once it has run. (A
    /// cancelled handle does nothing when it runs; only observers need to be told.)
    #[inline(always)]
    fn run_handle(&self, event_loop: &EventLoop, entry: Entry, running: &mut Option<Rc<dyn Run>>) {
        let Entry { work, id, cause } = entry;
        let observe = &*self.observe;
        observe.set_current(id);
        if observe.is_watched() && !self.tell_run(&work, id, cause) {
            return;
        }
        match work {
            Work::Run(run) => {
                run_blaming(run, event_loop, running);
            }
            Work::Wake(waker) => waker.wake(),
        }
        observe.tell(|| Record::Ran { handle: id });
    }

    /// Tells observers that a handle begins, or that it is passed over, and then `false`.
    #[cold]
    fn tell_run(&self, work: &Work, id: HandleId, cause: HandleId) -> bool {
        let cancelled = matches!(work, Work::Run(run) if run.is_cancelled());
        self.observe.forget_queued(id);
        self.observe.tell(|| match cancelled {
            true => Record::Skipped { handle: id },
            false => Record::Run { handle: id, what: work.what(), cause },
        });
        !cancelled
    }
}

/// Runs a handle, with its name in `running` meanwhile.
#[inline]
fn run_blaming(run: Rc<dyn Run>, event_loop: &EventLoop, running: &mut Option<Rc<dyn Run>>) {
    *running = Some(Rc::clone(&run));
    run.run(event_loop);
    *running = None;
}

/// Tells whoever is to blame for a panic, or where that is nobody (a waker of another make, the
/// end of what a handle held) the exception handler.
#[cold]
fn report_panic(event_loop: &EventLoop, running: Option<Rc<dyn Run>>, payload: Payload) {
    event_loop.contain("Exception while a panic was reported", || match running {
        Some(run) => run.panicked(event_loop, payload),
        None => event_loop.call_exception_handler(
            ErrorContext::new("Exception beside a callback: in a waker or a destructor")
                .exception(Exception::Panic(payload)),
        ),
    });
}
