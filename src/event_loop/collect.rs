//! A turn's second step: what has come becomes handles in the ready queue. Here a descriptor that is
//! readable queues its reader, and a timer that is due its callback; nothing is called back.

use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use super::fds::{Side, Watch};
use super::handle::Run;
use super::ready::Batch;
use super::{EventLoop, Inner};
use crate::observe::{HandleId, Record, TimerId, count};
use crate::selector::{Event, Readiness};
use crate::sys::Time;
use crate::sys::zoo::{self, Bug};

impl Inner {
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
    pub(super) fn collect_events(&self, event_loop: &EventLoop) {
        let mut events = self.events.borrow_mut();
        if events.is_empty() {
            return;
        }
        let cancelled = self.queue_watchers(&events);
        events.clear();
        drop(events);
        if !cancelled.is_empty() {
            self.unwatch_cancelled(event_loop, &cancelled);
        }
    }

    /// Queues what watches for these events; gives the watchers whose handle was cancelled.
    #[inline(always)]
    fn queue_watchers(&self, events: &[Event]) -> Vec<(RawFd, Side)> {
        let mut cancelled = Vec::new();
        let (fds, watched) = (self.fds.borrow(), self.observe.is_watched());
        let Some(mut ready) = self.home.ready.batch() else { return cancelled };
        for event in events {
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
        cancelled
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
    pub(super) fn collect_timers(&self) {
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
}

/// Whether an event says that there is nobody at the other end.
fn is_hung_up(event: &Event) -> bool {
    event.readiness.intersects(Readiness::READ_HANGUP | Readiness::HANGUP)
}

/// Queues a watcher, if there is one; `false` if it was cancelled.
#[inline(always)]
fn queue(ready: &mut Batch<'_>, watch: &Watch, watcher: &Option<Rc<dyn Run>>) -> bool {
    let Some(run) = watcher else { return true };
    if watch.cancellable && run.is_cancelled() {
        return false;
    }
    ready.push_run(run.clone());
    true
}
