//! An event loop written from scratch on raw epoll and kqueue, with asyncio's API and no async
//! dependency.
//!
//! ```
//! use std::time::Duration;
//!
//! async fn sleep(x: u64) {
//!     for i in 0..3 {
//!         println!("sleep {i}");
//!         evloop::sleep(Duration::from_millis(x)).await;
//!     }
//! }
//!
//! let event_loop = evloop::get_event_loop()?;
//! event_loop.run_until_complete(sleep(3))?;
//! event_loop.close()?;
//! # Ok::<(), evloop::LoopError>(())
//! ```
//!
//! # The picture
//!
//! ```text
//!                 bytes in                tasks                 bytes out
//!
//! 10 testing/     (a kernel of its own below 4, oracles over what 3 tells; a feature)
//!
//! 9 workers/      (processes that each run all of this on one port, and their supervisor)
//!
//! 8 http/         h1.receive ──Request─► handler ─Response──► h1.send
//!                     ▲                     ▲                    │
//! 7 stream/       StreamReader ─ wake ─┐    │ poll          StreamWriter ◄── drain
//!                     ▲                ▼    │                    │            ▲
//! 6 task/             │              Waker step                  │ write      │ resume_writing
//!                     │ data_received  │    ▲                    ▼            │
//! 5 transport/    read_ready           │    │    write_ready ► unsent ──► Flow
//!                     ▲      queue     │    │         ▲
//! 4 event_loop/   ┌───┴────────────────▼────┴─────────┴────────┐
//!                 │ a turn:     wait ──► collect ──► run       │  only `run` calls back
//!                 └───────────────▲─────────────────┬──────────┘
//! 3 observe/          (every layer reports here; nothing here calls back up)
//! 2 selector/             [Event] │                 ▼ register, modify
//!                            epoll │ kqueue │ poll │ yours
//! 1 sys/          recv send accept epoll_wait …     every system call
//! ═══════════════════════════════ kernel ═════════════════════════════════════════
//! ```
//!
//! Follow one request. The selector reports an [`Event`](selector::Event); the turn collects it
//! into a handle and runs that; the transport receives, asks its life cycle, calls
//! [`data_received`](Protocol::data_received); the stream keeps the bytes and wakes a task; its
//! step awaits your handler. The response becomes bytes, is written and sent; what the kernel
//! refuses waits in the transport, and [`drain`](StreamWriter::drain) sleeps until it is gone. Once
//! up, once down.
//!
//! # The guide
//!
//! **Callbacks.** A loop calls back: soon, later, when a descriptor is ready.
//!
//! ```
//! # use std::time::Duration;
//! # let event_loop = evloop::EventLoop::new()?;
//! let stopper = event_loop.clone();
//! event_loop.call_soon(|| println!("in the first turn"))?;
//! event_loop.call_later(Duration::from_millis(2), move || stopper.stop())?;
//! event_loop.run_forever()?;
//! # Ok::<(), evloop::LoopError>(())
//! ```
//!
//! **Tasks.** A task is a future that the loop drives. [`spawn`] begins one, awaiting it gives its
//! value, [`Task::cancel`] asks it to end and [`cancel_scope`] hears that. [`task_group`] runs tasks
//! that end together.
//!
//! ```
//! # let event_loop = evloop::EventLoop::new()?;
//! let sum = event_loop.run_until_complete(async {
//!     let one = evloop::spawn(async { 1 });
//!     let two = evloop::spawn(async { 2 });
//!     Ok::<_, evloop::JoinError>(one.await? + two.await?)
//! })?;
//! assert_eq!(sum.unwrap(), 3);
//! # Ok::<(), evloop::LoopError>(())
//! ```
//!
//! **Between tasks.** [`Lock`], [`Event`], [`Semaphore`], [`Condition`], [`Barrier`] and [`Queue`],
//! which is how tasks hand each other work: [`sync`] has what is true of all of them.
//!
//! **Threads.** What blocks goes to a thread, and a task awaits it there: [`to_thread`]. None exists
//! until then.
//!
//! ```
//! # let event_loop = evloop::EventLoop::new()?;
//! let hosts = evloop::to_thread(|| std::fs::read_to_string("/etc/hosts"));
//! let hosts = event_loop.run_until_complete(hosts)?;
//! assert!(hosts.is_ok(), "it did not panic");
//! # Ok::<(), evloop::LoopError>(())
//! ```
//!
//! **Connections**, as streams:
//!
//! ```
//! # let event_loop = evloop::EventLoop::new()?;
//! use evloop::{StreamReader, StreamWriter, open_connection, start_server};
//!
//! async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
//!     loop {
//!         let data = reader.read(1024).await?;
//!         if data.is_empty() {
//!             return Ok(());
//!         }
//!         writer.write(&data)?;
//!         writer.drain().await?;
//!     }
//! }
//!
//! let answer = event_loop.run_until_complete(async {
//!     let server = start_server(echo, ("127.0.0.1", 0)).await?;
//!     let address = server.sockets()[0].local_addr();
//!     let (mut reader, mut writer) = open_connection(address).await?;
//!     writer.write(b"hello\n")?;
//!     reader.readline().await
//! })??;
//! assert_eq!(answer, b"hello\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! or as a [`Protocol`], which costs no task and no read buffer a connection.
//!
//! **TLS.** With the feature `tls`, `.tls(…)` on whatever connects or listens puts rustls below the
//! protocol, stream or handler, which run over it unchanged; `start_tls` does so on a connection that
//! is there.
//!
//! **Looking at it.** `EVLOOP_EXPLAIN=1`, `2` or `3` has any program say in words what its loop
//! does and why; [`EventLoop::counters`] counts always; [`observe`] has the records that both are
//! made from.
//!
//! **Many cores.** [`workers`](mod@workers) forks processes that share a port, each with a loop of its
//! own; it starts a dead one again, drains all on SIGTERM, and leaves nobody behind. After a
//! [`fork`](EventLoop::after_fork_child) of your own a loop knows that it is not its child's.
//!
//! **Proving.** With the feature `testing`, `evloop::testing` runs the same loop on a simulated
//! kernel whose every choice is an input of a property test, and `evloop::testing::guide` says how to
//! begin. `run_paused` runs a program of timers in no time, and `cut_each_await` ends every await of
//! a test once, to show that nothing is lost by a cancel.
//!
//! **Embedding.** [`EventLoop::run_once`] is one turn and [`EventLoop::next_deadline`] says how
//! long your own loop may sleep.
//!
//! # Where to read
//!
//! Bottom up, in the order of the list of modules in this file. Each folder's `mod.rs` is its map.

#![deny(unsafe_code)]

#[cfg(not(unix))]
compile_error!(
    "evloop runs on Unix only (Linux, macOS, the BSDs): it is written on epoll, kqueue and poll(2)"
);

// The staircase, lowest first: a folder imports only the folders above it in this list.
// `tests/staircase.rs` holds us to it. (The blank lines keep rustfmt from sorting it.)

#[allow(unsafe_code)]
pub mod sys;

pub mod selector;

pub mod observe;

pub mod sync;

mod event_loop;

pub mod signal;

mod transport;

mod task;

#[cfg(feature = "tls")]
pub mod tls;

mod stream;

#[cfg(feature = "process")]
pub mod process;

#[cfg(feature = "http")]
pub mod http;

#[cfg(feature = "workers")]
pub mod workers;

#[cfg(feature = "testing")]
pub mod testing;

// The loop is compared with its model also where the kit is not built.
#[cfg(all(test, not(feature = "testing")))]
#[path = "testing/model/mod.rs"]
mod reference_model;

#[doc = include_str!("differences.md")]
pub mod differences {}

#[doc = include_str!("from_asyncio.md")]
pub mod from_asyncio {}

#[cfg(feature = "http")]
pub use self::http as web;
#[cfg(feature = "http")]
pub use self::http::ClientSession;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use event_loop::model;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use stream::property as stream_property;

pub use event_loop::{
    Builder, CloseReport, Ended, ErrorContext, EventLoop, Exception, Handle, LoopError, LoopHandle,
    ManualClock, Policy, RealWork, ThreadPoolExecutor, TimerHandle, Watchable, get_event_loop,
    get_running_loop, new_event_loop, set_event_loop,
};
#[cfg(feature = "process")]
pub use process::{Process, create_subprocess, create_subprocess_exec, create_subprocess_shell};
pub use stream::{
    HandlerOutput, OpenConnection, OpenUnixConnection, ReadError, StartServer, StartUnixServer,
    StreamReader, StreamWriter, open_connection, open_read_pipe, open_unix_connection,
    open_write_pipe, start_server, start_unix_server,
};
pub use sync::{
    Barrier, BoundedSemaphore, BrokenBarrierError, Condition, Event, LifoQueue, Lock, LockGuard,
    Permit, PriorityQueue, Queue, QueueShutDown, Semaphore,
};
pub use sys::{NameFlags, PeerCred, Time};
#[doc(hidden)]
pub use task::JoinSlot;
pub use task::{
    AsCompleted, CallGraph, CallbackId, Cancelled, Deadline, DoneCallbackId, ExecutorFuture,
    FutureError, FutureWait, Gather, GatherResults, GroupCause, GroupError, GroupFailure,
    InvalidState, JoinError, JoinSet, LoopFuture, NextDone, NextDoneWithId, NotInTask, OnError,
    RescheduleError, ReturnWhen, Runner, Shield, Sleep, Task, TaskGroup, TaskHandle, TaskLocal,
    TaskRef, ThreadFuture, TimedOut, TryGather, TryGatherError, Wait, WaitError, WaitFor,
    WaitForError, Waited, YieldNow, as_completed, cancel_message, cancel_scope, current_task,
    current_task_ref, gather, run, shield, sleep, sleep_until, spawn, spawn_eager, spawn_named,
    task_group, timeout, timeout_at, timeout_with, to_thread, try_gather, wait, wait_for,
    yield_now,
};
pub use transport::{
    Address, ConnectErrors, CreateConnection, CreateServer, CreateUnixConnection, CreateUnixServer,
    LimitsError, Protocol, SendFile, Server, ServerSocket, ToAddress, ToPipe, ToUnixAddress,
    Transport, UnixAddress, UnixServerSocket,
};
#[cfg(feature = "datagram")]
pub use transport::{
    BindUdp, CreateDatagramEndpoint, DatagramProtocol, DatagramTransport, UdpSocket, UnixDatagram,
};
#[cfg(feature = "workers")]
pub use workers::{Worker, WorkersError, workers};
