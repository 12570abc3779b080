//! Running a loop until a future is done.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::header::Header;
use super::join_error::JoinError;
use super::locals::{Locals, give, locals_of};
use super::task_ref::TaskRef;
use crate::event_loop::{Ended, ErrorContext, EventLoop, LoopError, WeakLoop, get_running_loop};
use crate::observe::Site;

/// How often `run` asks what is left to end: tasks that are born while others end are asked too,
/// unless there is no end of them.
const MOST_ROUNDS: u32 = 16;

/// Stops the loop when the future that `run_until_complete` waits for has ended, in whatever way:
/// it is dropped with the future. Once the run is over it does nothing.
struct StopWhenDropped {
    event_loop: WeakLoop,
    waiting: Rc<Cell<bool>>,
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        if self.waiting.get() {
            if let Some(event_loop) = self.event_loop.upgrade() {
                EventLoop(event_loop).stop();
            }
        }
    }
}

/// All of a run until a main task is done that does not depend on what kind of task it is.
struct MainRun<'a> {
    header: &'a Header,
    interrupts: &'a Cell<u32>,
    waiting: Rc<Cell<bool>>,
    locals: Option<&'a mut Locals>,
}

impl MainRun<'_> {
    fn run(self, event_loop: &EventLoop, cancel: &dyn Fn() -> bool) -> Result<Ended, LoopError> {
        let MainRun { header, interrupts, waiting, locals } = self;
        if let Some(locals) = &locals {
            give(header, (*locals).clone());
        }
        let ended = event_loop.run_turns(
            || {
                interrupts.set(interrupts.get() + 1);
                interrupts.get() > 1 || !cancel()
            },
            || false,
        );
        waiting.set(false);
        if let Some(locals) = locals {
            *locals = locals_of(header);
        }
        ended
    }
}

/// Why a run has no value to give, or with the main task's panic does not come back; `error` is
/// the main task's, unless it is pending or Ctrl-C was pressed in its last turn.
fn without_value(
    error: Option<JoinError>,
    ended: Result<Ended, LoopError>,
    asked_once: bool,
) -> LoopError {
    match (error, ended) {
        (Some(JoinError::Panicked(payload)), _) => resume_unwind(payload),
        (_, Err(error)) => error,
        (Some(_), _) if asked_once => LoopError::Interrupted,
        (Some(_), _) => LoopError::Cancelled,
        (None, Ok(Ended::Interrupted)) => LoopError::Interrupted,
        (None, Ok(Ended::Stopped)) => LoopError::StoppedBeforeCompletion,
    }
}

impl EventLoop {
    /// Runs until `future` is done, and gives its value. (`loop.run_until_complete`)
    ///
    /// `future` becomes a task of the loop, the main task. The loop is not closed afterwards; run
    /// it again as often as you like.
    ///
    /// # Errors
    ///
    /// Those of [`run_forever`](EventLoop::run_forever), and
    /// - [`LoopError::StoppedBeforeCompletion`] if [`stop`](EventLoop::stop) was called first: the
    ///   task is still pending then, and goes on with the next run;
    /// - [`LoopError::Interrupted`] by Ctrl-C, on the terms of `run_forever`: the first asks the
    ///   main task to end ([`Task::cancel`](crate::Task::cancel)), and if it ends cancelled this is
    ///   the error; if it swallows the request, its value is given. A second Ctrl-C, or one in the
    ///   very turn in which the main task ends, ends the run at once; a task that is pending then
    ///   stays so;
    /// - [`LoopError::Cancelled`] if the main task was cancelled by anything else.
    ///
    /// # Panics
    ///
    /// With `future`'s own panic, if it panics: as an exception of the main coroutine comes out of
    /// asyncio's. The loop is left in order.
    #[track_caller]
    pub fn run_until_complete<F>(&self, future: F) -> Result<F::Output, LoopError>
    where
        F: IntoFuture<IntoFuture: 'static>,
    {
        self.run_main(future, Location::caller(), &Cell::new(0), None)
    }

    /// The same; `interrupts` counts Ctrl-C, and `locals` are the main task's, before and after.
    pub(super) fn run_main<F>(
        &self,
        future: F,
        at: Site,
        interrupts: &Cell<u32>,
        locals: Option<&mut Locals>,
    ) -> Result<F::Output, LoopError>
    where
        F: IntoFuture<IntoFuture: 'static>,
    {
        let stop = self.begin_main()?;
        let waiting = stop.waiting.clone();
        let future = future.into_future();
        let main = async move {
            let _stop = stop;
            future.await
        };
        let mut main = self.create_task_at(main, at);
        let run = MainRun { header: main.header(), interrupts, waiting, locals };
        let ended = run.run(self, &|| main.cancel());
        let asked_once = [interrupts.get(), main.cancelling()] == [1, 1];
        match (main.result(), &ended) {
            (Some(Ok(value)), Err(_) | Ok(Ended::Stopped)) => Ok(value),
            (Some(Err(error)), _) => Err(without_value(Some(error), ended, asked_once)),
            (Some(Ok(_)) | None, _) => Err(without_value(None, ended, asked_once)),
        }
    }

    fn begin_main(&self) -> Result<StopWhenDropped, LoopError> {
        self.check_open()?;
        self.0.check_process()?;
        if self.is_running() {
            return Err(LoopError::Running);
        }
        let waiting = Rc::new(Cell::new(true));
        Ok(StopWhenDropped { event_loop: Rc::downgrade(&self.0), waiting })
    }

    /// All that [`run`] does with its loop; `at` is where somebody asked for that.
    pub(crate) fn run_to_its_end<F: Future + 'static>(
        &self,
        main: F,
        at: Site,
    ) -> Result<F::Output, LoopError> {
        let interrupts = Cell::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| self.run_main(main, at, &interrupts, None)));
        if interrupts.get() < 2 {
            self.end_all_that_is_left(at);
        }
        self.close()?;
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Ends what runs have left behind: tasks, then the threads' jobs.
    pub(super) fn end_all_that_is_left(&self, at: Site) {
        let mut rounds = 0;
        while rounds < MOST_ROUNDS && self.end_all_tasks(at) {
            rounds += 1;
        }
        self.all_tasks().iter().for_each(|task| self.tell_destroyed(task));
        self.end_default_executor();
    }

    /// Asks every task to end, and runs until those have; `false` if there were none, or Ctrl-C
    /// was pressed.
    fn end_all_tasks(&self, at: Site) -> bool {
        let mut ending = self.0.residents();
        ending.retain(|resident| resident.clone().ask_to_end(at));
        if ending.is_empty() {
            return false;
        }
        let all_have_ended = || {
            while ending.last().is_some_and(|resident| resident.has_ended()) {
                ending.pop();
            }
            ending.is_empty()
        };
        self.0.shutting_down.set(true);
        // What it could fail with has failed before, and the loop is closed next in any case.
        let _ = self.run_turns(|| true, all_have_ended);
        self.0.shutting_down.set(false);
        ending.is_empty()
    }

    /// A task is dropped as it stands.
    fn tell_destroyed(&self, task: &TaskRef) {
        // Debug mode tells of it when the loop is closed, and where it waits.
        #[cfg(feature = "debug")]
        if self.get_debug() {
            return;
        }
        let message = format!("{}: Task was destroyed but it is pending", task.name());
        let mut context = ErrorContext::new(message);
        if let Some(at) = task.spawned_at() {
            context = context.task(task.id(), at);
        }
        self.call_exception_handler(context);
    }
}

/// Runs `main` on a loop of its own, ends what it has left behind, and closes that loop.
/// (`asyncio.run`)
///
/// When `main` has ended, in whatever way, tasks that are still pending are asked to end, as by
/// [`Task::cancel`](crate::Task::cancel), and have the time they need, and so are those that are born
/// meanwhile, in up to 16 rounds; Ctrl-C ends that, too. What one of them fails with goes to the
/// exception handler, and so does the news of a task that is dropped pending. Then jobs in threads that are still under
/// way are waited for, for at most 300 seconds: the exception handler is told if that is not
/// enough, and the jobs are left to themselves. After a second Ctrl-C nothing is waited
/// for.
///
/// `main` is a task as others are, so it is `'static`: move into it what it uses (`async move`).
///
/// # Errors
///
/// [`LoopError::AnotherIsRunning`] inside a running loop, and those of
/// [`run_until_complete`](EventLoop::run_until_complete).
///
/// # Panics
///
/// With `main`'s own panic, when the loop is closed.
#[track_caller]
pub fn run<F: Future + 'static>(main: F) -> Result<F::Output, LoopError> {
    if get_running_loop().is_ok() {
        return Err(LoopError::AnotherIsRunning);
    }
    EventLoop::new()?.run_to_its_end(main, Location::caller())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn run_07_a_main_task_cancelled_by_anything_but_ctrl_c_says_so() {
        let event_loop = EventLoop::new().unwrap();
        let inner = event_loop.clone();
        let cancel_all = move || {
            inner
                .0
                .residents()
                .into_iter()
                .for_each(|task| assert!(task.ask_to_end(Location::caller())));
        };
        event_loop.call_soon(cancel_all).unwrap();
        let result = event_loop.run_until_complete(crate::sleep(Duration::from_secs(3600)));
        assert!(matches!(result, Err(LoopError::Cancelled)));
        assert!(event_loop.close().unwrap().is_clean());
    }
}
