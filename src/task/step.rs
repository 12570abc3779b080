//! A task's steps, and its end.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use super::cell::{Payload, Stage, TaskCell};
use super::failure::{failure, report_panic, report_unread};
use super::header::{Header, Schedule, Turn};
use super::join_error::JoinError;
use super::joiner::Joiner;
use super::task::{Join, request_cancel};
use crate::event_loop::{EventLoop, Inner, Resident, Run};
use crate::observe::{Record, Resource, Site, TaskEnd, What, count, forget_wait, noted_wait};
use crate::sys::zoo::{self, Bug};

impl<F: Future + 'static> TaskCell<F> {
    /// Ends the task: drops the future, keeps the output, tells whoever waits.
    pub(super) fn finish(
        &self,
        event_loop: Option<&EventLoop>,
        output: Result<F::Output, JoinError>,
    ) {
        let header = &self.header;
        if header.is_done() && !zoo::is(Bug::EndsTwice) {
            return;
        }
        let end = match &output {
            Ok(_) => TaskEnd::Finished,
            Err(JoinError::Panicked(_)) => TaskEnd::Panicked,
            Err(_) => TaskEnd::Cancelled,
        };
        self.settle(Stage::Finished(output));
        header.end.set(Some(end));
        header.advance(Turn::Ended);
        let observe = &header.home.ready.observe;
        count(&observe.tally.tasks_done);
        observe.tell(|| Record::TaskDone { task: header.id, end });
        if let Some(event_loop) = event_loop {
            event_loop.0.let_go(header.resident.get());
        }
        match header.joiner.take() {
            Some(Joiner::Observed(observed)) => {
                observed.told(|| Join::failed(self), end);
                if header.detached.get() {
                    self.drop_unread(header);
                }
            }
            Some(joiner) => joiner.told(|| Join::failed(self), end),
            None if header.detached.get() => self.drop_unread(header),
            None => {}
        }
    }

    /// Nobody holds the task's handle: its output goes now, and an error in it is reported.
    fn drop_unread(&self, header: &Header) {
        match self.take() {
            Some(Err(JoinError::Panicked(payload))) => report_panic(header, payload),
            Some(output) => {
                if let Some(failure) = failure(&output) {
                    report_unread(header, failure);
                }
            }
            None => {}
        }
    }
}

impl<F: Future + 'static> Run for TaskCell<F> {
    /// One step: a poll of the future.
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        let header = &self.header;
        if !header.advance(Turn::StepBegins) {
            return;
        }
        if header.must_cancel.get() && !header.has_scope() {
            return self.finish(Some(event_loop), Err(JoinError::Cancelled));
        }
        // A future that does not say what it waits for must not seem to wait for what somebody
        // else noted.
        forget_wait();
        match self.poll() {
            Poll::Pending => {
                header.advance(Turn::StepPending);
                header.wait.set(noted_wait());
                tell_wait(header);
            }
            // A request that found no await any more still counts.
            Poll::Ready(output) if header.must_cancel.get() => {
                if zoo::is(Bug::EndsTwice) {
                    self.finish(Some(event_loop), Ok(output));
                }
                self.finish(Some(event_loop), Err(JoinError::Cancelled));
            }
            Poll::Ready(output) => self.finish(Some(event_loop), Ok(output)),
        }
    }

    fn what(&self) -> What {
        What::Task { task: self.header.id }
    }

    fn is_cancelled(&self) -> bool {
        self.header.is_done()
    }

    /// The future panicked; or, if the task had ended already, what it left behind did: an output
    /// nobody took, in its drop, or whoever was told.
    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Payload) {
        if self.header.is_done() {
            return report_panic(&self.header, payload);
        }
        self.finish(Some(event_loop), Err(JoinError::Panicked(payload)));
    }
}

/// Tells observers what a task that did not finish waits for.
#[inline]
pub(super) fn tell_wait(header: &Header) {
    if header.home.ready.observe.is_watched() {
        tell_watchers(header);
    }
}

#[cold]
fn tell_watchers(header: &Header) {
    let observe = &header.home.ready.observe;
    let wait = header.wait.get();
    let idle = header.schedule.get() == Schedule::Idle;
    observe.debug(|debugger| debugger.pending(header.id, wait, !idle, header.wakers_alive()));
    if idle {
        let at = wait.and_then(|wait| wait.at);
        let on = wait.map_or(Resource::Other("something outside evloop"), |wait| wait.on);
        observe.tell(|| Record::TaskWaits { task: header.id, at, on });
    }
}

impl<F: Future + 'static> Resident for TaskCell<F> {
    fn what(&self) -> What {
        What::Task { task: self.header.id }
    }

    /// Drops the future. If that panics, the others who live in the loop are still to be evicted.
    fn evict(self: Rc<Self>, _: &Inner) {
        let finish = |output| catch_unwind(AssertUnwindSafe(|| self.finish(None, output)));
        if let Err(payload) = finish(Err(JoinError::Cancelled)) {
            // The future is gone by now, and this is only told.
            let _ = finish(Err(JoinError::Panicked(payload)));
        }
    }

    #[cfg(feature = "debug")]
    fn spawned(&self) -> Option<(Site, Rc<str>)> {
        Some((self.header.spawned_at, self.header.name()))
    }

    fn ask_to_end(self: Rc<Self>, at: Site) -> bool {
        request_cancel(&self.header, at, || self.clone())
    }

    fn has_ended(&self) -> bool {
        self.header.is_done()
    }

    fn card(&self) -> Option<&dyn Any> {
        Some(&self.header)
    }
}
