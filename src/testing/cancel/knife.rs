//! What cuts: a wrapper that counts the awaits of what it wraps and ends the one it is told to.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::place::{CutPlace, Moment};
use crate::observe::{Wait, forget_wait, noted_wait};
use crate::task::{JoinError, Task, spawn};

/// How a future was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutBy {
    /// It was dropped.
    Dropping,
    /// Its task was asked to end.
    Cancelling,
}

/// What was cut, for a report.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) by: CutBy,
    pub(super) wait: Option<Wait>,
}

/// Ends one await of what it is given; which one differs from run to run. [`cut_each_await`] hands
/// it to the test.
///
/// Clones are the same. A run has one cut at most, and its awaits are counted over everything that
/// is wrapped.
///
/// [`cut_each_await`]: super::cut_each_await
#[derive(Clone)]
pub struct Cut(Rc<Knife>);

struct Knife {
    place: Option<CutPlace>,
    awaits: Cell<u32>,
    made: Cell<Option<Made>>,
}

impl Cut {
    /// A cut there; `None` never cuts.
    pub(super) fn new(place: Option<CutPlace>) -> Cut {
        Cut(Rc::new(Knife { place, awaits: Cell::new(0), made: Cell::new(None) }))
    }

    /// How many awaits there were until now.
    pub(super) fn awaits(&self) -> u32 {
        self.0.awaits.get()
    }

    pub(super) fn place(&self) -> Option<CutPlace> {
        self.0.place
    }

    pub(super) fn made(&self) -> Option<Made> {
        self.0.made.get()
    }

    fn is_made_waiting(&self) -> bool {
        self.place().is_some_and(|place| place.moment == Moment::Waiting)
    }

    /// Awaits `future`, which is dropped at the await that is this run's; `None` then.
    ///
    /// This is how a [`timeout`](crate::timeout), a `select` or the end of a task without a scope
    /// ends a future.
    pub async fn dropping<F: IntoFuture>(&self, future: F) -> Option<F::Output> {
        let mut counted = Counted::new(future.into_future(), self.clone());
        poll_fn(move |context| match counted.step(context) {
            Step::Ready(value) => Poll::Ready(Some(value)),
            Step::Waits => Poll::Pending,
            Step::Cut(wait) => {
                self.0.made.set(Some(Made { by: CutBy::Dropping, wait }));
                // Here, and not later: whatever it held is given back before the test goes on.
                counted.future = None;
                Poll::Ready(None)
            }
        })
        .await
    }

    /// Runs `future` as a task, which is asked to end ([`Task::cancel`]) at the await that is this
    /// run's, and gives how the task ended. Clean-up code in its scopes runs, and its awaits are
    /// counted too.
    ///
    /// # Panics
    ///
    /// With the task's panic.
    pub async fn cancelling<F>(&self, future: F) -> Result<F::Output, JoinError>
    where
        F: IntoFuture<IntoFuture: 'static, Output: 'static>,
    {
        let task: Rc<RefCell<Option<Task<F::Output>>>> = Rc::default();
        let (inside, cut) = (task.clone(), self.clone());
        let mut counted = Counted::new(future.into_future(), self.clone());
        let spawned = spawn(poll_fn(move |context| {
            loop {
                match counted.step(context) {
                    Step::Ready(value) => return Poll::Ready(value),
                    Step::Waits => return Poll::Pending,
                    Step::Cut(wait) => {
                        cut.0.made.set(Some(Made { by: CutBy::Cancelling, wait }));
                        inside.borrow().as_ref().map(Task::cancel);
                        // Cut as it waits it is stepped again, because of the request; woken, it
                        // is being stepped now, and hears of it in this very poll.
                        if cut.is_made_waiting() {
                            return Poll::Pending;
                        }
                    }
                }
            }
        }));
        task.replace(Some(spawned));
        let _release = Release(&task);
        let ended = poll_fn(|context| match &mut *task.borrow_mut() {
            Some(task) => Pin::new(task).poll(context),
            None => Poll::Ready(Err(JoinError::Taken)),
        })
        .await;
        match ended {
            Err(JoinError::Panicked(payload)) => resume_unwind(payload),
            ended => ended,
        }
    }
}

/// Undoes the ring that a task's handle inside its own future is.
struct Release<'a, T>(&'a RefCell<Option<T>>);

impl<T> Drop for Release<'_, T> {
    fn drop(&mut self) {
        let handle = self.0.take();
        drop(handle);
    }
}

/// What one poll came to.
enum Step<T> {
    Ready(T),
    Waits,
    /// Here it is to be cut; it waits for this.
    Cut(Option<Wait>),
}

/// A future whose awaits are counted.
struct Counted<F> {
    future: Option<Pin<Box<F>>>,
    cut: Cut,
    /// The await it is in, if it waits.
    waits: Option<(u32, Option<Wait>)>,
}

impl<F: Future> Counted<F> {
    fn new(future: F, cut: Cut) -> Self {
        Counted { future: Some(Box::pin(future)), cut, waits: None }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Step<F::Output> {
        if let Some((nth, wait)) = self.waits.take() {
            if self.is_place(nth, Moment::Woken) {
                return Step::Cut(wait);
            }
        }
        let Some(future) = &mut self.future else { return Step::Waits };
        forget_wait();
        match future.as_mut().poll(context) {
            Poll::Ready(value) => {
                self.future = None;
                Step::Ready(value)
            }
            Poll::Pending => {
                let nth = self.cut.0.awaits.get() + 1;
                self.cut.0.awaits.set(nth);
                self.waits = Some((nth, noted_wait()));
                match self.is_place(nth, Moment::Waiting) {
                    true => Step::Cut(noted_wait()),
                    false => Step::Waits,
                }
            }
        }
    }

    /// Whether it is cut there; once.
    fn is_place(&self, nth: u32, moment: Moment) -> bool {
        self.cut.0.place == Some(CutPlace { nth, moment }) && self.cut.0.made.get().is_none()
    }
}
