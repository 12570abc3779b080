//! Closing: everything that was to be called is forgotten, and whatever it held is freed.
//!
//! What is freed is other people's: any destructor may panic, and may call the loop. So each is
//! dropped by itself, outside every borrow, and a panic ends only the one it came from.

use super::exception::contain;
use super::executor::DefaultExecutor;
use super::residents::CloseReport;
use super::{EventLoop, Inner, State, Work};
use crate::observe::Record;

impl Inner {
    /// Closes; a loop that is closed already has nothing to report.
    pub(super) fn close(&self, event_loop: Option<&EventLoop>) -> CloseReport {
        if self.state.replace(State::Closed) == State::Closed {
            return CloseReport::default();
        }
        self.spawns_specially.set(true);
        self.observe.tell(|| Record::Closing);
        let inherited = !self.process.get().is_this();
        let calls = self.home.mailbox.close(inherited);
        let signal_handlers = self.close_signals();
        let executor = self.executor.replace(DefaultExecutor::ShutDown(None));
        let mut report = CloseReport::default();
        let residents = self.residents.borrow_mut().take_all();
        for resident in residents {
            report.residents.push(resident.what());
            self.show_left_behind(&*resident);
            free(event_loop, || resident.evict(self));
        }
        let handles = self.home.ready.close();
        let timers = self.timers.borrow_mut().clear();
        report.handles = handles.len() + calls.len();
        report.timers = timers.len();
        report.descriptors = self.fds.borrow().watched();
        let (selector, watchers) = self.fds.borrow_mut().close(inherited);
        for watchers in [watchers, signal_handlers] {
            for run in watchers {
                free_work(event_loop, Work::Run(run));
            }
        }
        for call in calls {
            free(event_loop, || drop(call));
        }
        for entry in handles {
            free_work(event_loop, entry.work);
        }
        for work in timers {
            free_work(event_loop, work);
        }
        free(event_loop, || drop(selector));
        match inherited {
            // Its threads are the parent's, and its lock may be held by one of them.
            true => std::mem::forget(executor),
            // Its threads go on to the end of their jobs; nobody waits for them here.
            false => drop(executor),
        }
        self.observe.tell(|| Record::Closed);
        self.tell_findings(event_loop);
        report
    }
}

/// A callback whose handle somebody keeps is freed too: what it captured may keep the handle, and
/// then neither would ever go.
#[inline(never)]
fn free_work(event_loop: Option<&EventLoop>, work: Work) {
    if let Work::Run(run) = &work {
        free(event_loop, || run.cancel());
    }
    free(event_loop, || drop(work));
}

fn free(event_loop: Option<&EventLoop>, f: impl FnOnce()) {
    contain(event_loop, "Exception in a destructor while the loop was closed", f);
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close(None);
    }
}
