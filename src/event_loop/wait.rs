//! A turn's first step: whether to ask the kernel, and for how long to sleep there.

use std::time::Duration;

use super::Inner;
use super::error::LoopError;
use crate::observe::{Record, TimerId, WaitReason, add, count};
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
    /// Whether this turn may do without a poll: handles are ready, and the last poll is a moment
    /// ago. No event, timer or remote call waits longer for it than [`HANDLES_WITHOUT_POLL`]
    /// handles or [`TIME_WITHOUT_POLL`] and [`HANDLES_WITHOUT_CLOCK`] handles.
    #[inline]
    pub(super) fn may_skip_poll(&self) -> bool {
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
    pub(super) fn wait(&self, limit: Option<Duration>) -> Result<(), LoopError> {
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

    /// What a wait must not do that a signal cut short: begin anew.
    #[cold]
    fn start_over(&self, timeout: Option<Duration>, before: Time) {
        let mut events = self.events.borrow_mut();
        let early = timeout.is_some_and(|time| self.clock.now().since(before) < time);
        if early && events.is_empty() && !self.home.mailbox.is_pending() {
            drop(self.fds.borrow_mut().selector.select(timeout, &mut events));
        }
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
