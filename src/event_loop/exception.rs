//! Errors that no caller is there to take: the exception handler.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::EventLoop;
use crate::observe::{Record, Site, TaskId, What, count};

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
    /// The context that a failing exception handler was called with.
    pub context: Option<Box<ErrorContext>>,
}

impl ErrorContext {
    /// A context with this message and nothing else.
    pub fn new(message: impl Into<String>) -> Self {
        ErrorContext {
            message: message.into(),
            exception: None,
            handle: None,
            task: None,
            source: None,
            context: None,
        }
    }

    /// With the error or panic.
    pub fn exception(self, exception: Exception) -> Self {
        ErrorContext { exception: Some(exception), ..self }
    }

    /// With an error.
    pub fn error(self, error: impl Into<Box<dyn Error>>) -> Self {
        self.exception(Exception::Error(error.into()))
    }

    /// With the handle that ran.
    pub fn handle(self, handle: What) -> Self {
        let source = match handle {
            What::Callback { at } | What::Timer { at } => Some(at),
            _ => self.source,
        };
        ErrorContext { handle: Some(handle), source, ..self }
    }

    /// With the task concerned.
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
    pub fn call_exception_handler(&self, context: ErrorContext) {
        count(&self.0.observe.tally.exceptions);
        self.0.observe.tell(|| Record::Exception { message: context.to_string().into() });
        let handler = self.0.exception_handler.borrow().clone();
        let Some(handler) = handler else {
            return self.default_exception_handler(&context);
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(self, &context))) {
            let mut report = ErrorContext::new("Unhandled error in exception handler")
                .exception(Exception::Panic(payload));
            report.context = Some(Box::new(context));
            self.default_exception_handler(&report);
        }
    }

    /// Writes what happened to standard error. (`loop.default_exception_handler`)
    ///
    /// Where even that fails there is nobody left to tell.
    pub fn default_exception_handler(&self, context: &ErrorContext) {
        use std::io::Write;
        let written = catch_unwind(AssertUnwindSafe(|| format!("evloop: {context}\n")));
        let text = written
            .unwrap_or_else(|_| String::from("evloop: Exception in default exception handler\n"));
        // A standard error that is closed or full must not stop the loop.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
