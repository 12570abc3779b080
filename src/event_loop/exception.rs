//! Errors that no caller is there to take: the exception handler.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::EventLoop;
use crate::observe::{Record, Site, TaskId, Warning, What, count};

/// What went wrong: an error value, or the payload of a panic.
pub enum Exception {
    /// An error that found no reader.
    Error(Box<dyn Error>),
    /// What a callback, a task or a protocol panicked with.
    Panic(Box<dyn Any + Send>),
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exception::Error(error) => error.fmt(f),
            Exception::Panic(payload) => f.write_str(panic_message(payload.as_ref())),
        }
    }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exception::Error(error) => write!(f, "Error({error:?})"),
            Exception::Panic(payload) => write!(f, "Panic({:?})", panic_message(payload.as_ref())),
        }
    }
}

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// The words a panic was raised with, if it was raised with words.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message,
        (None, None) => "panic with a payload that is no text",
    }
}

/// What the exception handler is told. (The context dictionary of
/// `loop.call_exception_handler`)
#[derive(Debug)]
#[non_exhaustive]
pub struct ErrorContext {
    /// What happened, in words.
    pub message: String,
    /// The error or panic.
    pub exception: Option<Exception>,
    /// The handle that ran.
    pub handle: Option<What>,
    /// The task concerned.
    pub task: Option<TaskId>,
    /// Where what went wrong was registered: the `call_soon`, the `create_task`.
    pub source: Option<Site>,
    /// Nothing failed: this is a warning of debug mode. ([`EventLoop::set_debug`])
    pub warning: Option<Warning>,
    /// The context that a failing exception handler was called with.
    pub context: Option<Box<ErrorContext>>,
}

/// (None of these is inlined: errors that no caller takes are rare, and told of in many places.)
impl ErrorContext {
    /// A context with this message and nothing else.
    pub fn new(message: impl Into<String>) -> Self {
        ErrorContext::of(message.into())
    }

    #[inline(never)]
    fn of(message: String) -> Self {
        ErrorContext {
            message,
            exception: None,
            handle: None,
            task: None,
            source: None,
            warning: None,
            context: None,
        }
    }

    /// With the error or panic.
    #[inline(never)]
    pub fn exception(self, exception: Exception) -> Self {
        ErrorContext { exception: Some(exception), ..self }
    }

    /// With an error.
    pub fn error(self, error: impl Into<Box<dyn Error>>) -> Self {
        self.exception(Exception::Error(error.into()))
    }

    /// With the handle that ran.
    #[inline(never)]
    pub fn handle(self, handle: What) -> Self {
        let source = match handle {
            What::Callback { at } | What::Timer { at } => Some(at),
            _ => self.source,
        };
        ErrorContext { handle: Some(handle), source, ..self }
    }

    /// With the task concerned.
    #[inline(never)]
    pub fn task(self, task: TaskId, spawned_at: Site) -> Self {
        ErrorContext { task: Some(task), source: Some(spawned_at), ..self }
    }
}

impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(exception) = &self.exception {
            write!(f, "\n  exception: {exception}")?;
        }
        if let Some(handle) = &self.handle {
            write!(f, "\n  handle: {handle:?}")?;
        }
        if let Some(task) = &self.task {
            write!(f, "\n  task: {task:?}")?;
        }
        if let Some(source) = &self.source {
            write!(f, "\n  from: {source}")?;
        }
        if let Some(context) = &self.context {
            write!(f, "\n  while handling: {context}")?;
        }
        Ok(())
    }
}

/// Somebody's exception handler.
pub(crate) type ExceptionHandler = Rc<dyn Fn(&EventLoop, &ErrorContext)>;

impl EventLoop {
    /// Has `handler` called for every error that no caller takes; `None` restores the default,
    /// which writes to standard error. (`loop.set_exception_handler`)
    pub fn set_exception_handler(
        &self,
        handler: Option<impl Fn(&EventLoop, &ErrorContext) + 'static>,
    ) {
        let handler = handler.map(|handler| Rc::new(handler) as ExceptionHandler);
        let old = self.0.exception_handler.replace(handler);
        drop(old);
    }

    /// Calls the exception handler. (`loop.call_exception_handler`)
    ///
    /// A handler that panics is reported to the default one, with what it was called for.
    pub fn call_exception_handler(&self, mut context: ErrorContext) {
        if self.0.shutting_down.get() && context.task.is_some() {
            context.message =
                format!("unhandled exception during run() shutdown: {}", context.message);
        }
        count(&self.0.observe.tally.exceptions);
        self.0.observe.tell(|| Record::Exception { message: words(&context).into() });
        self.hand_over(context);
    }

    /// Calls the handler, and counts nothing.
    pub(super) fn hand_over(&self, context: ErrorContext) {
        let handler = self.0.exception_handler.borrow().clone();
        match handler {
            None => self.default_exception_handler(&context),
            Some(handler) => {
                let outcome = catch_unwind(AssertUnwindSafe(|| handler(self, &context)));
                if let Err(payload) = outcome {
                    return self.report_broken_handler(context, payload);
                }
            }
        }
        discard(context);
    }

    fn report_broken_handler(&self, context: ErrorContext, payload: Payload) {
        let report = ErrorContext::new("Unhandled error in exception handler");
        let mut report = report.exception(Exception::Panic(payload));
        report.context = Some(Box::new(context));
        self.default_exception_handler(&report);
        discard(report);
    }

    /// Writes what happened to standard error. (`loop.default_exception_handler`)
    ///
    /// An error that panics while it is shown is told of in its stead.
    pub fn default_exception_handler(&self, context: &ErrorContext) {
        write_to_stderr(context);
    }

    /// Calls `f`; if it panics, the exception handler is told, with `message`.
    pub(super) fn contain(&self, message: &str, f: impl FnOnce()) {
        contain(Some(self), message, f);
    }
}

/// Calls `f`; if it panics, the exception handler is told, or the default one where there is no
/// loop any more to have another.
pub(super) fn contain(event_loop: Option<&EventLoop>, message: &str, f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        report_panic(event_loop, message, payload);
    }
}

/// Apart from [`contain`], of which there is one for each closure.
#[cold]
fn report_panic(event_loop: Option<&EventLoop>, message: &str, payload: Payload) {
    let context = ErrorContext::new(message).exception(Exception::Panic(payload));
    match event_loop {
        Some(event_loop) => event_loop.call_exception_handler(context),
        None => {
            write_to_stderr(&context);
            discard(context);
        }
    }
}

/// Drops what the exception handler was told. An error whose own destructor panics has been told
/// of already; whatever it leaves behind is leaked, for its drop may well panic again.
pub(super) fn discard(context: ErrorContext) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(context))) {
        std::mem::forget(payload);
    }
}

/// The context in words, although somebody's error may panic when it is asked for its own.
fn words(context: &ErrorContext) -> String {
    catch_unwind(AssertUnwindSafe(|| format!("{context}"))).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        format!("Exception in default exception handler, while handling: {}", context.message)
    })
}

pub(super) fn write_to_stderr(context: &ErrorContext) {
    use std::io::Write;
    let text = format!("evloop: {}\n", words(context));
    // A standard error that is closed or full must not stop the loop.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
