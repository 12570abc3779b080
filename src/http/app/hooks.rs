//! What an application does when it starts and when it ends.
//!
//! ```text
//! set-up      cleanup_ctx, in order ──► on_startup, in order ──► serving
//! the end     on_shutdown ──► requests end ──► clean-ups of cleanup_ctx, last first ──► on_cleanup
//! ```
//!
//! Applications that are nested in others have their turn after those. What fails at the start ends
//! it: what was started is cleaned up and [`on_cleanup`](super::Application::on_cleanup) is called,
//! as in aiohttp. What fails at the end is reported to the loop's exception handler, and the rest
//! is done none the less. To panic is to fail. (In aiohttp what fails at the end skips the hooks after
//! it, and the clean-ups.)

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::scope::AppContext;
use crate::event_loop::{ErrorContext, Exception, get_running_loop, panic_message};
use crate::http::Response;
use crate::http::h1::RequestHead;
use crate::stream::HandlerOutput;

type Ending = Pin<Box<dyn Future<Output = Option<String>>>>;
type Starting = Pin<Box<dyn Future<Output = Result<Cleanup, String>>>>;
/// What ends what a hook began.
type Cleanup = Box<dyn FnOnce() -> Ending>;
/// A hook that is called once.
type Hook = Box<dyn Fn(AppContext) -> Ending>;
/// A hook whose work is to be cleaned up.
type Context = Box<dyn Fn(AppContext) -> Starting>;
/// A hook that sees every response before it goes out.
pub(super) type Prepare = Rc<dyn Fn(&RequestHead, &mut Response)>;

/// The hooks of one application.
#[derive(Default)]
pub(super) struct Hooks {
    contexts: Vec<Context>,
    startup: Vec<Hook>,
    shutdown: Vec<Hook>,
    cleanup: Vec<Hook>,
}

fn hook<H, F>(hook: H) -> Hook
where
    H: Fn(AppContext) -> F + 'static,
    F: Future<Output: HandlerOutput> + 'static,
{
    Box::new(move |context| {
        let work = hook(context);
        Box::pin(async move { work.await.failure() })
    })
}

impl Hooks {
    pub(super) fn on_startup<H, F>(&mut self, work: H)
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.startup.push(hook(work));
    }

    pub(super) fn on_shutdown<H, F>(&mut self, work: H)
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.shutdown.push(hook(work));
    }

    pub(super) fn on_cleanup<H, F>(&mut self, work: H)
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output: HandlerOutput> + 'static,
    {
        self.cleanup.push(hook(work));
    }

    pub(super) fn cleanup_ctx<H, F, C, D, E>(&mut self, begin: H)
    where
        H: Fn(AppContext) -> F + 'static,
        F: Future<Output = Result<C, E>> + 'static,
        C: FnOnce() -> D + 'static,
        D: Future<Output: HandlerOutput> + 'static,
        E: Display,
    {
        self.contexts.push(Box::new(move |context| {
            let begun = begin(context);
            Box::pin(async move {
                let end = begun.await.map_err(|error| error.to_string())?;
                let end = move || -> Ending {
                    let ending = end();
                    Box::pin(async move { ending.await.failure() })
                };
                Ok(Box::new(end) as Cleanup)
            })
        }));
    }
}

/// The hooks of an application and of those nested in it: what is still to be called.
///
/// Each is taken out before it is called, so that whoever goes on after a call that was dropped
/// calls none twice.
#[derive(Default)]
pub(super) struct Lifecycle {
    contexts: Queue<Context>,
    startup: Queue<Hook>,
    shutdown: Queue<Hook>,
    cleanup: Queue<Hook>,
    cleanups: RefCell<Vec<Cleanup>>,
}

/// Hooks, each with what it is given.
type Queue<T> = RefCell<VecDeque<(AppContext, T)>>;

impl Lifecycle {
    pub(super) fn new(apps: Vec<(AppContext, Hooks)>) -> Lifecycle {
        let all = Lifecycle::default();
        for (context, hooks) in apps {
            queue(&all.contexts, &context, hooks.contexts);
            queue(&all.startup, &context, hooks.startup);
            queue(&all.shutdown, &context, hooks.shutdown);
            queue(&all.cleanup, &context, hooks.cleanup);
        }
        all
    }

    /// Starts; on failure what was started is for [`clean_up`](Lifecycle::clean_up).
    pub(super) async fn start(&self) -> io::Result<()> {
        while let Some((context, begin)) = next(&self.contexts) {
            let begun = caught(|| begin(context)).await.unwrap_or_else(|panic| Err(told(&panic)));
            let begun = begun.map_err(|why| failed("cleanup_ctx", why))?;
            self.cleanups.borrow_mut().push(begun);
        }
        while let Some((context, work)) = next(&self.startup) {
            let failure = caught(|| work(context)).await.unwrap_or_else(|panic| Some(told(&panic)));
            failure.map_or(Ok(()), |why| Err(failed("on_startup", why)))?;
        }
        Ok(())
    }

    pub(super) async fn shut_down(&self) {
        while let Some((context, work)) = next(&self.shutdown) {
            tell("on_shutdown", caught(|| work(context)).await);
        }
    }

    pub(super) async fn clean_up(&self) {
        while let Some(end) = last(&self.cleanups) {
            tell("cleanup_ctx", caught(end).await);
        }
        while let Some((context, work)) = next(&self.cleanup) {
            tell("on_cleanup", caught(|| work(context)).await);
        }
    }
}

fn queue<T>(queue: &Queue<T>, context: &AppContext, hooks: Vec<T>) {
    queue.borrow_mut().extend(hooks.into_iter().map(|hook| (context.clone(), hook)));
}

fn next<T>(queue: &Queue<T>) -> Option<(AppContext, T)> {
    queue.borrow_mut().pop_front()
}

fn last<T>(list: &RefCell<Vec<T>>) -> Option<T> {
    list.borrow_mut().pop()
}

fn failed(which: &str, why: String) -> io::Error {
    io::Error::other(format!("a hook of {which} failed: {why}"))
}

/// Awaits what `begin` begins, and catches its panic.
async fn caught<T>(
    begin: impl FnOnce() -> Pin<Box<dyn Future<Output = T>>>,
) -> Result<T, Exception> {
    let mut work = catch_unwind(AssertUnwindSafe(begin)).map_err(Exception::Panic)?;
    poll_fn(|context| {
        let step = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match step {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Exception::Panic(payload))),
        }
    })
    .await
}

fn told(panic: &Exception) -> String {
    match panic {
        Exception::Panic(payload) => format!("it panicked: {}", panic_message(payload.as_ref())),
        Exception::Error(error) => error.to_string(),
    }
}

/// Reports how a hook has failed, if it has.
fn tell(which: &str, outcome: Result<Option<String>, Exception>) {
    let exception = match outcome {
        Ok(None) => return,
        Ok(Some(failure)) => Exception::Error(failure.into()),
        Err(panic) => panic,
    };
    if let Ok(event_loop) = get_running_loop() {
        let context = ErrorContext::new(format!("Error in a hook of {which}"));
        event_loop.call_exception_handler(context.exception(exception));
    }
}
