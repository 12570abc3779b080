//! Values that belong to a task, and to those it spawns: asyncio's context variables.
//!
//! A loop whose tasks have none pays nothing for them: that one of its tasks has is a flag, which
//! spawning looks at together with whether the loop is closed.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as PollContext, Poll};

use super::cell::{Inside, with_current};
use super::header::Header;

/// A task's values, by the place of their [`TaskLocal`]. Shared until somebody sets one.
#[derive(Clone, Default)]
pub(crate) struct Locals(Option<Rc<Vec<Local>>>);

type Local = (usize, Rc<dyn Any>);

impl Locals {
    fn get(&self, key: usize) -> Option<Rc<dyn Any>> {
        let found = self.0.as_ref()?.iter().find(|(other, _)| *other == key)?;
        Some(found.1.clone())
    }

    /// Sets or removes one, and gives what it was.
    fn replace(&mut self, key: usize, value: Option<Rc<dyn Any>>) -> Option<Rc<dyn Any>> {
        let all = Rc::make_mut(self.0.get_or_insert_with(Rc::default));
        let place = all.iter().position(|(other, _)| *other == key);
        match (place, value) {
            (Some(place), Some(value)) => Some(std::mem::replace(&mut all[place].1, value)),
            (Some(place), None) => Some(all.remove(place).1),
            (None, Some(value)) => {
                all.push((key, value));
                None
            }
            (None, None) => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// A new task begins with what the current one has. (Called only where some task has locals.)
#[cold]
pub(super) fn inherit(header: &Header) {
    let locals = with_current(locals_of).unwrap_or_default();
    give(header, locals);
}

/// A copy of a task's values.
pub(super) fn locals_of(header: &Header) -> Locals {
    header.extras.get().map(|extras| extras.locals.borrow().clone()).unwrap_or_default()
}

/// Gives a task these values in the place of its own.
pub(super) fn give(header: &Header, locals: Locals) {
    if !locals.is_empty() {
        let old = header.extras().locals.replace(locals);
        drop(old);
    }
}

/// There is no task whose value this could be: it is set inside a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotInTask;

impl fmt::Display for NotInTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task local is set inside a task, and none is running here")
    }
}

impl Error for NotInTask {}

/// A value of its own for each task. (`contextvars.ContextVar`)
///
/// A task begins with a copy of the values of the task that spawned it; what either sets later the
/// other does not see. (So much of a context is copied when a task is spawned as a count of
/// references; the values are copied never.)
///
/// It is a `static`; every `const` of one would be another.
///
/// ```
/// use evloop::{TaskLocal, spawn};
/// static REQUEST: TaskLocal<u32> = TaskLocal::new();
/// # let event_loop = evloop::EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     REQUEST.set(7).unwrap();
///     let child = spawn(async { REQUEST.get() });
///     REQUEST.set(8).unwrap();
///     assert_eq!(child.await.unwrap(), Some(7));
/// })?;
/// assert_eq!(REQUEST.get(), None);
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Unlike asyncio
///
/// Callbacks of the loop have no context: outside of tasks there is no value. A task's values are
/// freed with its memory, which its handle and wakers keep.
pub struct TaskLocal<T> {
    /// Two statics of no size might lie in one place.
    _place: u8,
    value: PhantomData<fn() -> T>,
}

impl<T> Default for TaskLocal<T> {
    fn default() -> Self {
        TaskLocal::new()
    }
}

impl<T> TaskLocal<T> {
    /// One that no task has a value of yet.
    pub const fn new() -> Self {
        TaskLocal { _place: 0, value: PhantomData }
    }
}

impl<T: 'static> TaskLocal<T> {
    fn key(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Calls `f` with the current task's value, if there is one.
    pub fn with<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let value = with_current(|header| locals_of(header).get(self.key())).flatten();
        f(value.as_ref().and_then(|value| value.downcast_ref()))
    }

    /// The current task's value, if there is one. (`ContextVar.get`)
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| value.cloned())
    }

    /// Sets the current task's value, for itself and the tasks it spawns from now on.
    /// (`ContextVar.set`)
    ///
    /// # Errors
    ///
    /// [`NotInTask`]; `value` is dropped.
    pub fn set(&'static self, value: T) -> Result<(), NotInTask> {
        drop(self.replace(Some(Rc::new(value)))?);
        Ok(())
    }

    fn replace(
        &'static self,
        value: Option<Rc<dyn Any>>,
    ) -> Result<Option<Rc<dyn Any>>, NotInTask> {
        with_current(|header| {
            if let Some(event_loop) = header.event_loop() {
                event_loop.0.spawns_specially.set(true);
            }
            header.extras().locals.borrow_mut().replace(self.key(), value)
        })
        .ok_or(NotInTask)
    }

    /// Awaits `future` with this value, and gives back the one there was whenever `future` waits
    /// or is over. (`ContextVar.set` and `reset`)
    ///
    /// What `future` sets is its own, and is forgotten with it.
    ///
    /// # Cancel safety
    ///
    /// That of `future`: dropping this drops it.
    ///
    /// # Panics
    ///
    /// Outside of tasks there is nothing to set: `future` is polled without the value.
    pub fn scope<F: IntoFuture>(
        &'static self,
        value: T,
        future: F,
    ) -> impl Future<Output = F::Output> {
        let value: Rc<dyn Any> = Rc::new(value);
        Inside::new(future.into_future(), Scoped { local: self, value: Some(value) })
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<TaskLocal of {}>", std::any::type_name::<T>())
    }
}

/// The value that a scope has while it is not being polled.
pub struct Scoped<T: 'static> {
    local: &'static TaskLocal<T>,
    value: Option<Rc<dyn Any>>,
}

/// Swaps the scope's value for the task's, and back when dropped, also by a panic.
struct Swapped<'a, T: 'static>(&'a mut Scoped<T>);

impl<'a, T> Swapped<'a, T> {
    fn new(scoped: &'a mut Scoped<T>) -> Self {
        swap(scoped);
        Swapped(scoped)
    }
}

impl<T> Drop for Swapped<'_, T> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap<T>(scoped: &mut Scoped<T>) {
    if with_current(|_| ()).is_some() {
        let value = scoped.value.take();
        scoped.value = scoped.local.replace(value).unwrap_or_default();
    }
}

impl<F: Future, T: 'static> Future for Inside<F, Scoped<T>> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut PollContext<'_>) -> Poll<F::Output> {
        let (mut place, scoped) = self.project();
        let _swapped = Swapped::new(scoped);
        let Some(future) = place.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = future.poll(context);
        if polled.is_ready() {
            place.set(None);
        }
        polled
    }
}
