//! What blocks, in another thread, awaited by a task.
//!
//! No thread exists until somebody asks for one here. In a simulation
//! ([`testing`](crate::testing)) there is none at all: a thread takes real time, and a schedule
//! that decides everything else could not decide when it is done.

mod job;

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

pub use job::ExecutorFuture;

use super::join_error::JoinError;
use super::sleep::running_loop;
use super::timeout::{TimedOut, timeout};
use crate::event_loop::{
    DefaultExecutor, ErrorContext, EventLoop, LoopError, Pool, RealWork, ThreadPoolExecutor,
};
use crate::observe::{Resource, Site, note_wait};

/// How long [`run`](crate::run) waits at its end for jobs that are still under way, as asyncio's.
pub(super) const LONGEST_SHUTDOWN: Duration = Duration::from_secs(300);

/// Calls `f` in a thread of the running loop's default executor, and gives what it returns.
/// (`asyncio.to_thread`)
///
/// For what blocks: a file, a library that waits by itself, a long computation. It begins when it
/// is first polled, and the loop goes on meanwhile. See
/// [`run_in_executor`](EventLoop::run_in_executor).
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let text = evloop::to_thread(|| std::fs::read_to_string("Cargo.toml"));
/// let text = event_loop.run_until_complete(text)?.expect("no panic").expect("a file");
/// assert!(text.contains("evloop"));
/// # Ok::<(), evloop::LoopError>(())
/// ```
///
/// # Errors, cancel safety
///
/// As [`ExecutorFuture`].
///
/// # Panics
///
/// When it is polled outside a running loop.
#[track_caller]
pub fn to_thread<T, F>(f: F) -> impl Future<Output = Result<T, JoinError>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let at = Location::caller();
    async move { running_loop("to_thread()").submit(None, f, at).await }
}

impl EventLoop {
    /// Has a thread of `executor` call `f`, from now on; await what it gives. `None` is the loop's
    /// default executor, which is made at the first such call. (`loop.run_in_executor`)
    ///
    /// A panic of `f` is carried over as [`JoinError::Panicked`].
    ///
    /// # Errors
    ///
    /// When awaited, those of [`ExecutorFuture`]; [`JoinError::LoopClosed`] if this loop is closed.
    #[track_caller]
    pub fn run_in_executor<T, F>(
        &self,
        executor: Option<&ThreadPoolExecutor>,
        f: F,
    ) -> ExecutorFuture<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.submit(executor, f, Location::caller())
    }

    fn submit<T: Send + 'static>(
        &self,
        executor: Option<&ThreadPoolExecutor>,
        f: impl FnOnce() -> T + Send + 'static,
        at: Site,
    ) -> ExecutorFuture<T> {
        let pool = match self.pool_for(executor) {
            Ok(pool) => pool,
            Err(error) => return ExecutorFuture::refused(error, at),
        };
        ExecutorFuture::submit(&pool, self.handle().real_work(), f, at)
    }

    fn pool_for(&self, executor: Option<&ThreadPoolExecutor>) -> Result<Arc<Pool>, JoinError> {
        if self.is_closed() {
            return Err(JoinError::LoopClosed);
        }
        if self.is_simulated() {
            return Err(JoinError::Simulated);
        }
        match executor {
            Some(executor) => Ok(executor.pool().clone()),
            None => match &mut *self.0.executor.borrow_mut() {
                DefaultExecutor::ShutDown(_) => Err(JoinError::ExecutorShutDown),
                DefaultExecutor::Pool(executor) => Ok(executor.pool().clone()),
                unused => {
                    let executor = ThreadPoolExecutor::default();
                    let pool = executor.pool().clone();
                    *unused = DefaultExecutor::Pool(executor);
                    Ok(pool)
                }
            },
        }
    }

    /// Makes `executor` the loop's default; the one it had takes no more jobs once nobody else
    /// holds it. (`loop.set_default_executor`)
    ///
    /// After [`shutdown_default_executor`](EventLoop::shutdown_default_executor) the loop has a
    /// default executor again. What is no pool of threads does not compile (EXEC-04):
    ///
    /// ```compile_fail,E0308
    /// evloop::EventLoop::new().unwrap().set_default_executor("a pool of processes");
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`].
    pub fn set_default_executor(&self, executor: ThreadPoolExecutor) -> Result<(), LoopError> {
        self.check_open()?;
        let old = self.0.executor.replace(DefaultExecutor::Pool(executor));
        drop(old);
        Ok(())
    }

    /// Has the default executor take no more jobs, and waits until those it has are done and its
    /// threads are about to end; at most for `limit`, if one is given.
    /// (`loop.shutdown_default_executor`)
    ///
    /// From the call on a job for the default executor is refused with
    /// [`JoinError::ExecutorShutDown`]. [`run`](crate::run) does this at its end, for at most 300
    /// seconds. A default executor that was never used is shut down at once.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] after `limit`: the jobs go on, and nobody waits for them any more.
    ///
    /// # Panics
    ///
    /// When it is polled outside a running loop, with a limit.
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the wait and nothing else.
    #[track_caller]
    pub fn shutdown_default_executor(
        &self,
        limit: Option<Duration>,
    ) -> impl Future<Output = Result<(), TimedOut>> + use<> {
        let old = self.0.executor.replace(DefaultExecutor::ShutDown(None));
        // Who asks again waits, too, for whatever the first still waits for.
        let ended = match old {
            DefaultExecutor::Pool(executor) | DefaultExecutor::ShutDown(Some(executor)) => {
                executor.shutdown();
                let (pool, real) = (executor.pool().clone(), self.handle().real_work());
                self.0.executor.replace(DefaultExecutor::ShutDown(Some(executor)));
                Some(PoolEnded::new(pool, real, Location::caller()))
            }
            _ => None,
        };
        async move {
            match (ended, limit) {
                (None, _) => Ok(()),
                (Some(ended), None) => {
                    ended.await;
                    Ok(())
                }
                (Some(ended), Some(limit)) => timeout(limit, ended).await,
            }
        }
    }

    /// What [`run`](crate::run) does about its threads before it closes the loop.
    pub(super) fn end_default_executor(&self) {
        if !matches!(*self.0.executor.borrow(), DefaultExecutor::Pool(_)) {
            return;
        }
        let limit = LONGEST_SHUTDOWN;
        let mut ended = self.create_task(self.shutdown_default_executor(Some(limit)));
        // As for the tasks that are ended: what it could fail with has failed before.
        let _ = self.run_turns(|| true, || ended.done());
        if let Some(Ok(Err(TimedOut))) = ended.result() {
            self.call_exception_handler(ErrorContext::new(format!(
                "The executor did not finish joining its threads within {} seconds",
                limit.as_secs()
            )));
        }
    }
}

/// The wait for a pool's last thread.
struct PoolEnded {
    pool: Arc<Pool>,
    waiter: u64,
    at: Site,
    /// Virtual time stands still with it.
    _real: RealWork,
}

impl PoolEnded {
    fn new(pool: Arc<Pool>, real: RealWork, at: Site) -> Self {
        static WAITERS: AtomicU64 = AtomicU64::new(0);
        let waiter = WAITERS.fetch_add(1, Ordering::Relaxed);
        PoolEnded { pool, waiter, at, _real: real }
    }
}

impl Future for PoolEnded {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let ended = self.pool.poll_ended(self.waiter, context);
        if ended.is_pending() {
            note_wait(Some(self.at), Resource::Other("the executor's threads to end"));
        }
        ended
    }
}

impl Drop for PoolEnded {
    fn drop(&mut self) {
        self.pool.stop_waiting(self.waiter);
    }
}
