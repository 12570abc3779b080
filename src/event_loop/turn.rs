//! The turn: one function is the loop.

use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::error::LoopError;
use super::exception::{ErrorContext, Exception, Payload};
use super::fds::{Side, Watch};
use super::handle::Run as RunHandle;
use super::ready::{Batch, Entry, Work};
use super::{EventLoop, Inner};
use crate::observe::{HandleId, Record, TimerId, WaitReason, add, count};
use crate::selector::{Event, Readiness};
use crate::sys::Time;
use crate::sys::zoo::{self, Bug};

/// No sleep is longer, so that no kernel's limit is met; the turn after it sleeps again.
/// (asyncio's `MAXIMUM_SELECT_TIMEOUT`)
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// How many handles may run after a poll before the next one.
const HANDLES_WITHOUT_POLL: usize = 64;

/// How long after a poll turns may go on without the next one.
const TIME_WITHOUT_POLL: Duration = Duration::from_micros(50);

/// A turn without a poll looks at the clock if so many handles have run since it last did: a
/// clock read costs about as much as a short handle.
const HANDLES_WITHOUT_CLOCK: usize = 8;

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

        let mut polled = false;
        if self.may_skip_poll() {
            count(&self.observe.tally.polls_skipped);
            self.observe.tell(|| Record::PollSkipped);
        } else {
            self.wait(limit)?;
            polled = true;
        }
        if self.home.mailbox.is_pending() {
            self.collect_remote(event_loop);
        }
        if polled {
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

    /// Whether this turn may do without a poll: handles are ready, and the last poll is a moment
    /// ago. No event, timer or remote call waits longer for it than [`HANDLES_WITHOUT_POLL`]
    /// handles or [`TIME_WITHOUT_POLL`] and [`HANDLES_WITHOUT_CLOCK`] handles.
    #[inline]
    fn may_skip_poll(&self) -> bool {
        let left = self.handles_until_poll.get();
        if left == 0 || self.stopping.get() || self.home.ready.is_empty() {
            return false;
        }
        if left > self.handles_until_clock.get() {
            return true;
        }
        self.handles_until_clock.set(left.saturating_sub(HANDLES_WITHOUT_CLOCK));
        self.clock.now().since(self.polled_at.get()) < TIME_WITHOUT_POLL
    }

    /// Whether `when` is after the last poll; then a timer for it needs no look at the clock: if it
    /// has passed meanwhile, the next poll finds it due.
    #[inline]
    pub(crate) fn is_after_poll(&self, when: Time) -> bool {
        when > self.polled_at.get()
    }

    /// Step 1: asks the selector, and leaves what it says in `events`.
    fn wait(&self, limit: Option<Duration>) -> Result<(), LoopError> {
        let (timeout, why, before) = self.sleep_until(limit);
        self.observe.tell(|| Record::Poll { timeout, why });
        let blocking = timeout != Some(Duration::ZERO);
        let before = if blocking { before } else { self.polled_at.get() };
        let timeout = match blocking && !self.home.mailbox.fall_asleep() {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        let result = {
            let mut events = self.events.borrow_mut();
            self.fds.borrow_mut().selector.select(timeout, &mut events)
        };
        if zoo::is(Bug::InterruptedWaitStartsOver) {
            self.start_over(timeout, before);
        }
        if blocking {
            self.home.mailbox.wake_up();
        }
        self.note_poll(before, blocking);
        Ok(result?)
    }

    /// How long the poll may wait, why no longer, and the time this was said at: the clock is read
    /// for a wait alone.
    fn sleep_until(&self, limit: Option<Duration>) -> (Option<Duration>, WaitReason, Time) {
        const NOW: Option<Duration> = Some(Duration::ZERO);
        if !self.home.ready.is_empty() {
            return (NOW, WaitReason::Ready, self.polled_at.get());
        }
        if self.stopping.get() {
            return (NOW, WaitReason::Stopping, self.polled_at.get());
        }
        if self.home.mailbox.is_pending() {
            return (NOW, WaitReason::Remote, self.polled_at.get());
        }
        let now = self.clock.now();
        let first = self.timers.borrow_mut().first_to_wait_for();
        let timer = first.map(|(deadline, key)| {
            (sleep_for(deadline.since(now)), WaitReason::Timer(TimerId(key.number())))
        });
        match (timer, limit) {
            (Some((sleep, why)), limit) if limit.is_none_or(|limit| sleep <= limit) => {
                (Some(sleep.min(LONGEST_SLEEP)), why, now)
            }
            (_, Some(limit)) => (Some(limit.min(LONGEST_SLEEP)), WaitReason::Limit, now),
            (_, None) => (None, WaitReason::Forever, now),
        }
    }

    /// The books after a poll: what it found, how long we waited, how long we had been busy.
    fn note_poll(&self, before: Time, blocking: bool) {
        let tally = &self.observe.tally;
        let now = self.clock.now();
        let events = self.events.borrow().len();
        count(&tally.polls);
        add(&tally.events, events as u64);
        add(&tally.busy_nanos, before.since(self.polled_at.get()).as_nanos() as u64);
        let waited = now.since(before);
        add(if blocking { &tally.idle_nanos } else { &tally.busy_nanos }, waited.as_nanos() as u64);
        self.polled_at.set(now);
        let budget = if self.always_poll { 0 } else { HANDLES_WITHOUT_POLL };
        self.handles_until_poll.set(budget);
        self.handles_until_clock.set(budget.saturating_sub(HANDLES_WITHOUT_CLOCK));
        let waited = if blocking { waited } else { Duration::ZERO };
        self.observe.tell(|| Record::Polled { events, waited });
    }

    /// Step 2a: calls from other threads, which only queue handles, and signals; no handle that may
    /// be running here is their cause.
    pub(super) fn collect_remote(&self, event_loop: &EventLoop) {
        let running = self.observe.current();
        self.observe.set_current(HandleId::OUTSIDE);
        for call in self.home.mailbox.collect() {
            count(&self.observe.tally.wakes_remote);
            event_loop.contain("Exception in a call from another thread", || call(event_loop));
        }
        self.collect_signals();
        self.observe.set_current(running);
    }

    /// Step 2b: a handle for every reader and writer the events are for.
    fn collect_events(&self, event_loop: &EventLoop) {
        let mut events = self.events.borrow_mut();
        if events.is_empty() {
            return;
        }
        let mut cancelled = Vec::new();
        let (fds, watched) = (self.fds.borrow(), self.observe.is_watched());
        if let Some(mut ready) = self.home.ready.batch() {
            for event in &*events {
                let fd = event.token.slot() as RawFd;
                if watched {
                    let (token, readiness) = (event.token, event.readiness);
                    self.observe.tell(|| Record::Event { fd, token, readiness });
                }
                let Some(watch) = fds.find(event.token) else {
                    assert!(!zoo::is(Bug::UnknownTokenPanics), "no such registration");
                    continue;
                };
                if zoo::is(Bug::HangUpSkipsRead) && is_hung_up(event) {
                    continue;
                }
                if event.wakes_reader() && !queue(&mut ready, watch, &watch.reader) {
                    cancelled.push((fd, Side::Reader));
                }
                if event.wakes_writer() && !queue(&mut ready, watch, &watch.writer) {
                    cancelled.push((fd, Side::Writer));
                }
            }
        }
        events.clear();
        drop((fds, events));
        if !cancelled.is_empty() {
            self.unwatch_cancelled(event_loop, &cancelled);
        }
    }

    /// A watcher whose handle was cancelled is still registered, and as it does not read what is
    /// there its event would come again in every turn.
    #[cold]
    fn unwatch_cancelled(&self, event_loop: &EventLoop, cancelled: &[(RawFd, Side)]) {
        for &(fd, side) in cancelled {
            event_loop.contain("Exception while a cancelled watcher was removed", || {
                self.forget(fd, side);
            });
        }
    }

    /// Step 2c: a handle for every timer that is due.
    fn collect_timers(&self) {
        let mut timers = self.timers.borrow_mut();
        if timers.is_empty() {
            return;
        }
        let now = self.now_for_timers();
        while let Some(due) = timers.pop_due(now) {
            count(&self.observe.tally.timers_fired);
            self.observe.tell(|| Record::TimerDue {
                timer: TimerId(due.key.number()),
                late: now.since(due.deadline),
            });
            self.home.ready.push(due.payload);
            if zoo::is(Bug::TimerJumpsQueue) {
                self.home.ready.move_last_to_front();
            }
        }
    }

    /// The time that timers are due at: that of the last poll, which all of a turn shares.
    #[inline(always)]
    fn now_for_timers(&self) -> Time {
        match zoo::is(Bug::TimerEarly) {
            true => self.polled_at.get() + Duration::from_millis(1),
            false => self.polled_at.get(),
        }
    }

    /// What a wait must not do that a signal cut short: begin anew.
    #[cold]
    fn start_over(&self, timeout: Option<Duration>, before: Time) {
        let mut events = self.events.borrow_mut();
        let early = timeout.is_some_and(|time| self.clock.now().since(before) < time);
        if early && events.is_empty() && !self.home.mailbox.is_pending() {
            drop(self.fds.borrow_mut().selector.select(timeout, &mut events));
        }
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
    fn run_handle(
        &self,
        event_loop: &EventLoop,
        entry: Entry,
        running: &mut Option<Rc<dyn RunHandle>>,
    ) {
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

/// How long to sleep until a timer.
#[inline(always)]
fn sleep_for(left: Duration) -> Duration {
    match zoo::is(Bug::SleepRoundedDown) {
        true => Duration::from_millis(left.as_millis() as u64),
        false => left,
    }
}

/// Whether an event says that there is nobody at the other end.
fn is_hung_up(event: &Event) -> bool {
    event.readiness.intersects(Readiness::READ_HANGUP | Readiness::HANGUP)
}

/// Queues a watcher, if there is one; `false` if it was cancelled.
#[inline(always)]
fn queue(ready: &mut Batch<'_>, watch: &Watch, watcher: &Option<Rc<dyn RunHandle>>) -> bool {
    let Some(run) = watcher else { return true };
    if watch.cancellable && run.is_cancelled() {
        return false;
    }
    ready.push_run(run.clone());
    true
}

/// Runs a handle, with its name in `running` meanwhile.
#[inline]
fn run_blaming(
    run: Rc<dyn RunHandle>,
    event_loop: &EventLoop,
    running: &mut Option<Rc<dyn RunHandle>>,
) {
    *running = Some(Rc::clone(&run));
    run.run(event_loop);
    *running = None;
}

/// Tells whoever is to blame for a panic, or where that is nobody (a waker of another make, the
/// end of what a handle held) the exception handler.
#[cold]
fn report_panic(event_loop: &EventLoop, running: Option<Rc<dyn RunHandle>>, payload: Payload) {
    event_loop.contain("Exception while a panic was reported", || match running {
        Some(run) => run.panicked(event_loop, payload),
        None => event_loop.call_exception_handler(
            ErrorContext::new("Exception beside a callback: in a waker or a destructor")
                .exception(Exception::Panic(payload)),
        ),
    });
}
