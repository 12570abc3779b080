//! Tasks: a future that the loop drives.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::cell::{Payload, Stage, TaskCell, enqueue, with_current};
use super::header::{Header, Schedule, Turn};
use super::joiner::Joiner;
use super::scope::Cancelled;
use crate::event_loop::{ErrorContext, EventLoop, Exception, Inner, Resident, Run, panic_message};
use crate::observe::{
    Record, Resource, Site, TaskEnd, TaskId, Wait, What, count, forget_wait, note_wait, noted_wait,
};
use crate::sys::zoo::{self, Bug};

/// Why a task has no value.
#[non_exhaustive]
pub enum JoinError {
    /// It was cancelled.
    Cancelled,
    /// It panicked, with this.
    Panicked(Box<dyn Any + Send>),
    /// Its loop is closed: it never began.
    LoopClosed,
    /// It belongs to a different loop than the task that awaits it.
    DifferentLoop,
    /// It awaits itself.
    AwaitsItself,
    /// Its value was taken already.
    Taken,
    /// A job for a thread never began: its executor was shut down.
    ExecutorShutDown,
    /// A job for a thread never began: the kernel gives no thread.
    NoThread(io::Error),
    /// A job for a thread never began: the loop is simulated.
    Simulated,
}

impl JoinError {
    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled)
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Cancelled => f.write_str("task was cancelled"),
            JoinError::Panicked(payload) => {
                write!(f, "task panicked: {}", panic_message(payload.as_ref()))
            }
            JoinError::LoopClosed => f.write_str("Event loop is closed: the task never began"),
            JoinError::DifferentLoop => {
                f.write_str("the task is attached to a different loop than the one that awaits it")
            }
            JoinError::AwaitsItself => f.write_str("Task cannot await on itself"),
            JoinError::Taken => f.write_str("the task's result was taken already"),
            JoinError::ExecutorShutDown => f.write_str(
                "cannot begin a job after the executor was shut down: give it one that is open",
            ),
            JoinError::NoThread(error) => write!(f, "the kernel gives no thread: {error}"),
            JoinError::Simulated => f.write_str(
                "a simulation has no threads, for they take real time: have World::after do in \
                 the world what the thread would, or test this part with testing::run_paused",
            ),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::NoThread(error) => error,
            error => io::Error::other(error.to_string()),
        }
    }
}

/// What a `Task` handle can do with its task, whatever the future.
pub(super) trait Join<T> {
    fn header(&self) -> &Header;
    fn take(&self) -> Option<Result<T, JoinError>>;
    fn failed(&self) -> bool;
    fn take_failure(&self) -> Option<String>;
    fn as_run(self: Rc<Self>) -> Rc<dyn Run>;
}

impl<F: Future + 'static> Join<F::Output> for TaskCell<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn take(&self) -> Option<Result<F::Output, JoinError>> {
        TaskCell::take(self)
    }

    fn failed(&self) -> bool {
        self.peek(has_failed).unwrap_or(false)
    }

    fn take_failure(&self) -> Option<String> {
        failure(&TaskCell::take(self)?)
    }

    fn as_run(self: Rc<Self>) -> Rc<dyn Run> {
        self
    }
}

/// Calls `$found` with the error in a result, as far as evloop can tell one: `Err` in a result
/// without a value whose error is one of the usual ones. (Rust cannot ask any type whether it is
/// an error.)
macro_rules! find_error {
    ($value:expr, $found:expr) => {
        find_error!(@ $value, $found, io::Error, Box<dyn Error>, Box<dyn Error + Send + Sync>,
            String, &'static str, fmt::Error, crate::event_loop::LoopError)
    };
    (@ $value:expr, $found:expr, $($error:ty),*) => {{
        let value: &dyn Any = $value;
        $(if let Some(Err(error)) = value.downcast_ref::<Result<(), $error>>() {
            return $found(error);
        })*
    }};
}

/// Whether a result is a failure: a panic, or an error that evloop can tell. Runs nobody else's
/// code.
fn has_failed<T: 'static>(output: &Result<T, JoinError>) -> bool {
    match output {
        Err(error) => return !error.is_cancelled(),
        Ok(value) => find_error!(value, |_| true),
    }
    false
}

/// What it failed with, in words.
fn failure<T: 'static>(output: &Result<T, JoinError>) -> Option<String> {
    fn words(error: &impl ToString) -> Option<String> {
        Some(error.to_string())
    }
    match output {
        Err(JoinError::Cancelled) => return None,
        Err(error) => return words(error),
        Ok(value) => find_error!(value, words),
    }
    None
}

/// A task: a future that the loop drives, and that yields its value to whoever awaits the task.
/// (`asyncio.Task`)
///
/// The loop owns the task: dropping a `Task` detaches it, and it runs on. If it then panics, or
/// returns an error, nobody can read that any more, so the loop's exception handler is told. Of
/// returned errors evloop can tell `Result<(), E>` with `E` an [`io::Error`], a boxed error, a
/// string or a [`LoopError`](crate::LoopError).
///
/// Awaiting it gives `Result<T, JoinError>`: the value, or that it was cancelled or panicked. The
/// value is moved out, so a task is awaited once.
///
/// A task's value is its future's; nobody sets it from outside (TASK-07):
///
/// ```compile_fail,E0599
/// let event_loop = evloop::EventLoop::new().unwrap();
/// event_loop.create_task(async { 1 }).set_result(2);
/// ```
///
/// # Cancel safety
///
/// Dropping a pending await of `&mut task` loses nothing. Dropping the task does not cancel it.
pub struct Task<T>(pub(super) Rc<dyn Join<T>>);

impl<T> Task<T> {
    fn header(&self) -> &Header {
        self.0.header()
    }

    /// The task's number in its loop.
    pub fn id(&self) -> TaskId {
        self.header().id
    }

    /// Its name: the one given, or `Task-N`. (`Task.get_name`)
    pub fn name(&self) -> Rc<str> {
        self.header().name()
    }

    /// Names it. (`Task.set_name`)
    pub fn set_name(&self, name: impl Into<Rc<str>>) {
        set_name(self.header(), name.into());
    }

    /// Whether it has ended: returned, was cancelled, or panicked. (`Task.done`)
    pub fn done(&self) -> bool {
        self.header().is_done()
    }

    /// Whether it ended by being cancelled. (`Task.cancelled`)
    pub fn cancelled(&self) -> bool {
        self.header().end.get() == Some(TaskEnd::Cancelled)
    }

    /// Takes the value, if the task has ended; `None` while it has not. (`Task.result`)
    ///
    /// The second time it is [`JoinError::Taken`].
    pub fn result(&mut self) -> Option<Result<T, JoinError>> {
        self.done().then(|| self.0.take().unwrap_or(Err(JoinError::Taken)))
    }

    /// Asks the task to end; `false` if it has ended already. (`Task.cancel`)
    ///
    /// The request is delivered when the task is next stepped, at its innermost open
    /// [`cancel_scope`](crate::cancel_scope), which gives up what it awaits and returns
    /// `Err(Cancelled)` to code that may clean up, with awaits, and end or go on. A task without
    /// a scope is dropped where it stands and ends cancelled; one that has not begun never runs a
    /// line. Until it is delivered, [`cancelled`](Task::cancelled) stays false.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        request_cancel(self.header(), std::panic::Location::caller(), || self.0.clone().as_run())
    }

    /// How many cancel requests the task has had, less those taken back. (`Task.cancelling`)
    pub fn cancelling(&self) -> u32 {
        self.header().cancel_requests.get()
    }

    /// Takes one request back, and gives how many remain: for code that caught it and goes on.
    /// Does not undo its delivery. (`Task.uncancel`)
    pub fn uncancel(&self) -> u32 {
        let header = self.header();
        if !header.is_done() {
            header.cancel_requests.set(header.cancel_requests.get().saturating_sub(1));
        }
        header.cancel_requests.get()
    }

    /// Has `joiner` told when the task ends, instead of whom it was to tell before. Tells it at
    /// once if the task has ended.
    pub(super) fn set_joiner(&self, joiner: Joiner) {
        let header = self.header();
        match header.end.get() {
            Some(end) => joiner.told(|| self.0.failed(), end),
            None => drop(header.joiner.replace(Some(joiner))),
        }
    }

    /// Has nobody told.
    pub(super) fn clear_joiner(&self) {
        drop(self.header().joiner.take());
    }
}

/// Whether `task` belongs to another loop than the task that is being polled.
pub(super) fn in_other_loop<T>(task: &Task<T>) -> bool {
    with_current(|current| !Rc::ptr_eq(&current.home, &task.header().home)) == Some(true)
}

/// Names a task.
pub(super) fn set_name(header: &Header, name: Rc<str>) {
    let observe = &header.home.ready.observe;
    observe.tell(|| Record::TaskNamed { task: header.id, name: name.clone() });
    let old = header.extras().name.replace(Some(name));
    drop(old);
}

/// Notes a cancel request and queues the task, or wakes its innermost scope.
fn request_cancel(header: &Header, at: Site, task: impl FnOnce() -> Rc<dyn Run>) -> bool {
    if header.is_done() {
        return false;
    }
    header.home.ready.observe.tell(|| Record::CancelRequested { task: header.id, at });
    header.cancel_requests.set(header.cancel_requests.get() + 1);
    header.must_cancel.set(true);
    let scope = header.extras.get().and_then(|extras| extras.scopes.innermost_waker());
    if let Some(scope) = scope {
        scope.wake();
    }
    if header.advance(Turn::Woken) {
        enqueue(header, task());
    }
    true
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let header = self.header();
        if header.is_done() {
            return Poll::Ready(self.0.take().unwrap_or(Err(JoinError::Taken)));
        }
        let misplaced = with_current(|current| {
            if std::ptr::eq(current, header) {
                return Some(JoinError::AwaitsItself);
            }
            (!Rc::ptr_eq(&current.home, &header.home)).then_some(JoinError::DifferentLoop)
        });
        if let Some(error) = misplaced.flatten() {
            return Poll::Ready(Err(error));
        }
        note_wait(None, Resource::Task(header.id));
        let joiner = header.joiner.take();
        let kept = match joiner {
            Some(Joiner::Awaiting(waker)) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        header.joiner.set(Some(Joiner::Awaiting(kept)));
        Poll::Pending
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let header = self.header();
        if !header.is_done() {
            header.detached.set(true);
            drop(header.joiner.take());
        } else if !header.taken.get() {
            if let Some(failure) = self.0.take_failure() {
                report_unread(header, failure);
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        let state = match header.end.get() {
            Some(TaskEnd::Finished) => "finished",
            Some(TaskEnd::Cancelled) => "cancelled",
            Some(TaskEnd::Panicked) => "panicked",
            None if header.must_cancel.get() => "cancelling",
            None => "pending",
        };
        write!(f, "<Task {state} name='{}' at {}", self.name(), header.spawned_at)?;
        match header.wait.get() {
            Some(Wait { at: Some(at), on }) if !header.is_done() => {
                write!(f, " wait_for={on:?} at {at}>")
            }
            Some(Wait { on, .. }) if !header.is_done() => write!(f, " wait_for={on:?}>"),
            _ => f.write_str(">"),
        }
    }
}

/// Tells the exception handler of an error that nobody can read any more.
fn report_unread(header: &Header, failure: String) {
    let Some(event_loop) = header.event_loop() else {
        return;
    };
    let message = format!("{}: exception was never retrieved", header.name());
    let context = ErrorContext::new(message).error(failure).task(header.id, header.spawned_at);
    event_loop.call_exception_handler(context);
}

impl<F: Future + 'static> TaskCell<F> {
    /// Ends the task: drops the future, keeps the output, tells whoever waits.
    fn finish(&self, event_loop: Option<&EventLoop>, output: Result<F::Output, JoinError>) {
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
        if let Some(joiner) = header.joiner.take() {
            joiner.told(|| Join::failed(self), end);
        } else if header.detached.get() {
            self.drop_unread(header);
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

/// Tells the exception handler of a panic in a task that nobody awaits.
fn report_panic(header: &Header, payload: Payload) {
    let Some(event_loop) = header.event_loop() else { return };
    let message = format!("{}: exception was never retrieved", header.name());
    let context = ErrorContext::new(message)
        .exception(Exception::Panic(payload))
        .task(header.id, header.spawned_at);
    event_loop.call_exception_handler(context);
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

    fn spawned(&self) -> Option<(Site, Rc<str>)> {
        Some((self.header.spawned_at, self.header.name()))
    }

    fn ask_to_end(self: Rc<Self>, at: Site) -> bool {
        request_cancel(&self.header, at, || self.clone())
    }

    fn has_ended(&self) -> bool {
        self.header.is_done()
    }
}

impl EventLoop {
    /// Drives `future` as a task; its first step is in the next turn. (`loop.create_task`)
    ///
    /// On a closed loop the task is born ended, with [`JoinError::LoopClosed`].
    #[track_caller]
    pub fn create_task<F: IntoFuture<IntoFuture: 'static>>(&self, future: F) -> Task<F::Output> {
        self.create_task_at(future, std::panic::Location::caller())
    }

    /// The same for a task that evloop creates in the name of code at `at`.
    pub(crate) fn create_task_at<F: IntoFuture<IntoFuture: 'static>>(
        &self,
        future: F,
        at: Site,
    ) -> Task<F::Output> {
        let tally = &self.0.observe.tally;
        count(&tally.tasks_spawned);
        let header = Header::new(self.0.home.clone(), TaskId(tally.tasks_spawned.get()), at);
        if self.is_closed() {
            return stillborn(header, future, JoinError::LoopClosed);
        }
        self.0.observe.tell(|| Record::TaskSpawned { task: header.id, at });
        let task = TaskCell::new(header, Stage::Polling(future.into_future()));
        task.header.resident.set(self.0.house(task.clone()));
        task.header.advance(Turn::Woken);
        self.0.queue(task.clone());
        Task(task)
    }
}

impl EventLoop {
    /// Every task of this loop that has not ended, in no particular order. (`asyncio.all_tasks`)
    pub fn all_tasks(&self) -> Vec<TaskId> {
        let number = |resident: Rc<dyn Resident>| match resident.what() {
            What::Task { task } => Some(task),
            _ => None,
        };
        self.0.residents().into_iter().filter_map(number).collect()
    }
}

/// The task that runs now; `None` outside of tasks. (`asyncio.current_task`)
pub fn current_task() -> Option<TaskId> {
    with_current(|header| header.id)
}

/// A task that ended before it began.
fn stillborn<F: IntoFuture<IntoFuture: 'static>>(
    header: Header,
    future: F,
    error: JoinError,
) -> Task<F::Output> {
    drop(future);
    header.end.set(Some(TaskEnd::Cancelled));
    header.schedule.set(Schedule::Done);
    Task(TaskCell::<F::IntoFuture>::new(header, Stage::Finished(Err(error))))
}

/// Drives `future` as a task of the running loop. (`asyncio.create_task`)
///
/// Outside a running loop, the thread's current one ([`get_event_loop`](crate::get_event_loop))
/// drives it when it is next run.
///
/// # Panics
///
/// In a thread that has no loop at all: a thread other than the main one, before
/// [`set_event_loop`](crate::set_event_loop). [`EventLoop::create_task`] has no such case.
#[track_caller]
pub fn spawn<F: IntoFuture<IntoFuture: 'static>>(future: F) -> Task<F::Output> {
    match crate::event_loop::get_event_loop() {
        Ok(event_loop) => event_loop.create_task(future),
        Err(error) => panic!("spawn needs an event loop: {error}"),
    }
}

/// See [`Cancelled`].
impl From<Cancelled> for JoinError {
    fn from(_: Cancelled) -> Self {
        JoinError::Cancelled
    }
}
