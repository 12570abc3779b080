//! Tasks: futures that the loop drives, and what they await.

#[allow(unsafe_code)]
mod cell;
mod eager;
mod future;
mod header;
mod joiner;
mod run;
mod scope;
mod sleep;
mod task;
mod waiters;

pub use future::{CallbackId, FutureError, FutureWait, InvalidState, LoopFuture};
pub use joiner::ReturnWhen;
pub use run::run;
pub use scope::{Cancelled, cancel_scope};
pub(crate) use sleep::running_loop;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use task::{JoinError, Task, spawn};
