//! Tasks: futures that the loop drives, and what they await.

#[allow(unsafe_code)]
mod cell;
#[cfg(feature = "http")]
mod eager;
mod failure;
mod future;
mod gather;
mod header;
mod join_error;
mod joiner;
mod run;
mod scope;
mod sleep;
mod spawn;
mod step;
#[expect(clippy::module_inception)]
mod task;
mod threads;
mod threadsafe;
mod timeout;
mod wait;
mod waiters;

pub use future::{CallbackId, FutureError, FutureWait, InvalidState, LoopFuture};
pub use gather::{Gather, GatherResults, TryGather, TryGatherError, gather, try_gather};
pub use join_error::JoinError;
pub use joiner::ReturnWhen;
pub use run::run;
pub use scope::{Cancelled, cancel_scope};
#[cfg(feature = "http")]
pub(crate) use sleep::running_loop;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use spawn::{current_task, spawn};
pub use task::Task;
pub use threads::{ExecutorFuture, to_thread};
pub use threadsafe::ThreadFuture;
pub use timeout::{Deadline, RescheduleError, TimedOut, timeout, timeout_at, timeout_with};
pub use wait::{Wait, WaitError, Waited, wait};
