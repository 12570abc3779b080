//! A pool of threads for what blocks, and the one that a loop has by default.
//!
//! ```text
//! submit ──► queue ──► an idle thread, or a new one while there are fewer than the bound
//!              │
//!              └── remove: whoever no longer waits takes the job out before it begins
//! ```
//!
//! It knows of no loop and no task: a job is something to call. `task/threads/` makes jobs whose
//! result somebody awaits.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Something to call on a thread of the pool.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The name of a job in its pool; later ones are greater.
pub(crate) type JobId = u64;

/// Why a pool takes no job.
pub(crate) enum Refused {
    ShutDown,
    NoThread(io::Error),
}

#[derive(Default)]
struct State {
    /// In the order of their numbers, so that one can be found to be taken out.
    queue: VecDeque<(JobId, Job)>,
    last_id: u64,
    /// Threads that wait for a job; some may be on their way to one that is in the queue.
    idle: usize,
    threads: usize,
    /// How many there have ever been, for their names.
    started: usize,
    shut_down: bool,
    /// Who waits for the last thread to end.
    waiting: Vec<(u64, Waker)>,
}

impl State {
    fn take_out(&mut self, id: JobId) -> Option<Job> {
        let place = self.queue.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.queue.remove(place).map(|(_, job)| job)
    }

    fn take_waiter(&mut self, waiter: u64) -> Option<Waker> {
        let place = self.waiting.iter().position(|(it, _)| *it == waiter)?;
        Some(self.waiting.swap_remove(place).1)
    }
}

/// What threads and owners share.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// There is a job, or no more to come.
    news: Condvar,
    max_workers: usize,
    thread_name_prefix: String,
}

impl Pool {
    /// No job runs, and none is dropped, while somebody holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues `job`, and sees to a thread for it.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<JobId, Refused> {
        let mut state = self.lock();
        if state.shut_down {
            return Err(Refused::ShutDown);
        }
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back((id, job));
        if state.queue.len() > state.idle && state.threads < self.max_workers {
            if let Err(error) = self.start_thread(&mut state) {
                // Those there are will come to it, if there are any.
                if state.threads == 0 {
                    let job = state.take_out(id);
                    drop(state);
                    drop(job);
                    return Err(Refused::NoThread(error));
                }
            }
        }
        drop(state);
        self.news.notify_one();
        Ok(id)
    }

    /// Takes out a job that has not begun.
    pub(crate) fn remove(&self, id: JobId) {
        let job = self.lock().take_out(id);
        drop(job);
    }

    /// Takes no more jobs; those that are queued still run, and then the threads end.
    pub(crate) fn shut_down(&self) {
        self.lock().shut_down = true;
        self.news.notify_all();
    }

    /// Ready when it is shut down and its last thread is about to end; else `context`'s waker is
    /// kept under `waiter` until [`stop_waiting`](Pool::stop_waiting).
    pub(crate) fn poll_ended(&self, waiter: u64, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.shut_down && state.threads == 0 {
            return Poll::Ready(());
        }
        let old = state.take_waiter(waiter);
        state.waiting.push((waiter, context.waker().clone()));
        drop(state);
        drop(old);
        Poll::Pending
    }

    pub(crate) fn stop_waiting(&self, waiter: u64) {
        let waker = self.lock().take_waiter(waiter);
        drop(waker);
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let name = format!("{}_{}", self.thread_name_prefix, state.started);
        let pool = self.clone();
        thread::Builder::new().name(name).spawn(move || pool.work())?;
        state.started += 1;
        state.threads += 1;
        Ok(())
    }

    /// A thread's life.
    fn work(&self) {
        while let Some(job) = self.next_job() {
            // A job contains what it calls. What is left to panic is the destructor of a result
            // that nobody waits for, and its own payload may do so again.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
                std::mem::forget(payload);
            }
        }
        let mut state = self.lock();
        state.threads -= 1;
        let waiting = match state.threads {
            0 => std::mem::take(&mut state.waiting),
            _ => Vec::new(),
        };
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some((_, job)) = state.queue.pop_front() {
                return Some(job);
            }
            if state.shut_down {
                return None;
            }
            state.idle += 1;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

/// Shuts the pool down with its last name.
struct Owner(Arc<Pool>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

/// A small pool of threads: for [`run_in_executor`](crate::EventLoop::run_in_executor), or as a
/// loop's [default](crate::EventLoop::set_default_executor).
/// (`concurrent.futures.ThreadPoolExecutor`)
///
/// A thread is started when there is a job and no idle thread for it, up to a bound; it is then
/// kept. Jobs begin in the order they were given. Clones are names of the same pool: when the last
/// is dropped the pool takes no more jobs, those that are queued still run, and its threads end.
/// Nobody waits for that, and a process that ends does not either.
#[derive(Clone)]
pub struct ThreadPoolExecutor(Arc<Owner>);

impl ThreadPoolExecutor {
    /// A pool of at most `max_workers` threads, named `thread_name_prefix` and a number:
    /// `prefix_0`. None is started yet.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `max_workers` is 0 or the prefix has a zero byte.
    pub fn new(max_workers: usize, thread_name_prefix: &str) -> io::Result<Self> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if max_workers == 0 {
            return wrong("max_workers is 0; a pool needs at least one thread");
        }
        if thread_name_prefix.contains('\0') {
            return wrong("thread_name_prefix has a zero byte; a thread's name may have none");
        }
        Ok(Self::with(max_workers, thread_name_prefix))
    }

    fn with(max_workers: usize, thread_name_prefix: &str) -> Self {
        ThreadPoolExecutor(Arc::new(Owner(Arc::new(Pool {
            state: Mutex::default(),
            news: Condvar::new(),
            max_workers,
            thread_name_prefix: thread_name_prefix.to_owned(),
        }))))
    }

    /// How many threads it has now.
    pub fn threads(&self) -> usize {
        self.pool().lock().threads
    }

    /// How many threads it may have.
    pub fn max_workers(&self) -> usize {
        self.pool().max_workers
    }

    /// Takes no more jobs. Those that were given still run, and then its threads end; this does
    /// not wait for that. (`Executor.shutdown(wait=False)`)
    pub fn shutdown(&self) {
        self.pool().shut_down();
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.0.0
    }
}

impl Default for ThreadPoolExecutor {
    /// At most as many threads as the machine has processors and four more, and at most 32, as in
    /// asyncio: most of them wait. They are named `evloop_0` and so on.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self::with((processors + 4).min(32), "evloop")
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.pool().lock();
        let (threads, queued) = (state.threads, state.queue.len());
        let shut_down = if state.shut_down { " shut down" } else { "" };
        let max = self.pool().max_workers;
        write!(f, "<ThreadPoolExecutor{shut_down} threads={threads}/{max} queued={queued}>")
    }
}

/// What a loop has for a default pool.
#[derive(Default)]
pub(crate) enum DefaultExecutor {
    /// Nothing yet: the first job makes it.
    #[default]
    Unused,
    Pool(ThreadPoolExecutor),
    /// It takes no more jobs; the one it was, which may still have some.
    ShutDown(Option<ThreadPoolExecutor>),
}
