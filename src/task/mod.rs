//! Tasks: futures that the loop drives, and what they await.

#[allow(unsafe_code)]
mod cell;
mod eager;
mod failure;
mod future;
mod gather;
mod group;
mod header;
mod join;
mod join_error;
mod join_set;
mod joiner;
mod locals;
mod observed;
mod run;
mod runner;
mod scope;
mod shield;
mod sleep;
mod spawn;
mod step;
#[expect(clippy::module_inception)]
mod task;
mod task_ref;
mod threads;
mod threadsafe;
mod timeout;
mod wait;
mod wait_for;
mod waiters;

#[cfg(feature = "http")]
pub(crate) use cell::Inside;
#[cfg(feature = "http")]
pub(crate) use eager::Spare;
pub use eager::spawn_eager;
pub use future::{CallbackId, FutureError, FutureWait, InvalidState, LoopFuture};
pub use gather::{Gather, GatherResults, TryGather, TryGatherError, gather, try_gather};
pub use group::{GroupCause, GroupError, GroupFailure, OnError, TaskGroup, task_group};
#[doc(hidden)]
pub use join::JoinSlot;
pub use join_error::JoinError;
pub use join_set::{AsCompleted, JoinSet, NextDone, NextDoneWithId, as_completed};
pub use joiner::ReturnWhen;
pub use locals::{NotInTask, TaskLocal};
pub use observed::DoneCallbackId;
pub use run::run;
pub use runner::Runner;
pub use scope::{Cancelled, cancel_scope};
pub use shield::{Shield, TaskHandle, shield};
#[cfg(feature = "http")]
pub(crate) use sleep::running_loop;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use spawn::{spawn, spawn_named};
pub use task::Task;
pub use task_ref::{CallGraph, TaskRef, cancel_message, current_task, current_task_ref};
pub use threads::{ExecutorFuture, to_thread};
pub use threadsafe::ThreadFuture;
pub use timeout::{Deadline, RescheduleError, TimedOut, timeout, timeout_at, timeout_with};
pub use wait::{Wait, WaitError, Waited, wait};
pub use wait_for::{WaitFor, WaitForError, wait_for};
