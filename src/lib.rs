//! An event loop written from scratch on raw epoll and kqueue, with asyncio's API.

#![deny(unsafe_code)]

#[cfg(not(unix))]
compile_error!(
    "evloop runs on Unix only (Linux, macOS, the BSDs): it is written on epoll, kqueue and poll(2)"
);

// The staircase: a folder imports only the folders above it in this list.
mod event_loop;
#[cfg(feature = "http")]
pub mod http;
pub mod observe;
pub mod selector;
mod stream;
#[allow(unsafe_code)]
pub mod sys;
mod task;
mod transport;

pub use event_loop::{
    Builder, CloseReport, Ended, ErrorContext, EventLoop, Exception, Handle, LoopError, LoopHandle,
    ManualClock, Policy, TimerHandle, get_event_loop, get_running_loop, new_event_loop,
    set_event_loop,
};
pub use sys::Time;
pub use task::{
    CallbackId, Cancelled, Deadline, FutureError, FutureWait, Gather, GatherResults, InvalidState,
    JoinError, LoopFuture, RescheduleError, ReturnWhen, Sleep, Task, TimedOut, TryGather,
    TryGatherError, Wait, WaitError, Waited, YieldNow, cancel_scope, current_task, gather, run,
    sleep, sleep_until, spawn, timeout, timeout_at, timeout_with, try_gather, wait, yield_now,
};
