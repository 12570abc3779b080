//! Many cores by many loops: processes that share a port, and one that looks after them.
//!
//! ```no_run
//! use evloop::{StreamReader, StreamWriter, start_server, workers};
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
//! workers(2).run(|worker| async move {
//!     let server = start_server(echo, ("127.0.0.1", 9999)).reuse_port(true).await?;
//!     worker.serve(&server).await
//! })?;
//! # Ok::<(), evloop::WorkersError>(())
//! ```
//!
//! A loop is one thread, and what runs on it never meets another: that is what makes it simple, and
//! it is kept. More cores are more loops, each in a process of its own; the kernel deals the
//! connections of one port out to them (`SO_REUSEPORT`). Coroutines share one core among many
//! connections, processes share the cores: they go together.
//!
//! ```text
//! supervisor   waits for children and signals; forks; · machine.rs decides
//!   ├─ worker 0   a loop, a listening socket ◄──┐
//!   └─ worker 1   a loop, a listening socket ◄──┴── the kernel, by a hash of the connection
//! ```
//!
//! # Why processes, and not threads
//!
//! A thread cannot be killed, so no deadline binds it, and whatever brings one down (an abort, a
//! segmentation fault, memory) brings down all. A process ends alone. Threads remain for whoever
//! wants them: a loop may run in each thread, with servers that `reuse_port(true)`.
//!
//! # Their lives
//!
//! - **Start.** All are forked; each says [`Worker::ready`] (as [`Worker::serve`] does) when it
//!   serves. If one fails before all have been ready, the others are drained and the run fails
//!   with its error: a port that is taken is an error of the start.
//! - **Death.** One that dies later is started again, after a rest that doubles with each death in
//!   a row ([`Workers::backoff`]), up to a limit ([`Workers::restart_limit`]): then it is given up,
//!   the others are drained, and the run fails. One that has served for ten seconds
//!   ([`Workers::healthy_after`]) begins a new row.
//! - **A main future that ends well** has done its work, and is not started again. If it ended
//!   because somebody sent that worker SIGTERM, one is started in its place at once: so workers are
//!   renewed one by one.
//! - **SIGTERM** to the supervisor drains: each worker is sent SIGTERM, accepts no more and ends what
//!   it has. After the deadline ([`Workers::deadline`]) it is killed.
//! - **SIGINT**, which is Ctrl-C, has each main future cancelled, as [`run`](crate::run) does it,
//!   with the same deadline; a second one kills. (Workers themselves ignore SIGINT: a terminal
//!   sends it to them too.)
//! - **Nobody is left.** Every child is waited for. If the supervisor is killed, its workers end at
//!   once: on Linux the kernel kills them (PR_SET_PDEATHSIG), elsewhere each ends when it finds its
//!   line to the supervisor cut, which a loop that hangs in a callback does not.
//!
//! # What to know
//!
//! - The supervisor forks, so it wants a process with one thread, and says so where it can tell
//!   (Linux). Open what workers share before; what they open each is theirs. Standard output is
//!   flushed before a fork; what is registered with atexit(3) is not done by workers.
//! - **Balancing** is the kernel's. Linux and DragonFly spread connections by a hash, and so does
//!   FreeBSD by the option that [`reuse_port`](crate::CreateServer::reuse_port) takes there
//!   (`SO_REUSEPORT_LB`). macOS, NetBSD and OpenBSD let several sockets bind the port and give every
//!   connection to one of them: there workers are a spare, not a second core
//!   ([`PORTS_ARE_BALANCED`]).
//! - A listening socket that is closed takes along what waits in its queue: connections that the
//!   kernel has made and the worker has not accepted are reset when it ends.
//! - With port 0 each worker would get a port of its own; [`reserve_port`] finds one for all.

mod event;
mod machine;
mod supervisor;
#[cfg(feature = "http")]
mod web;
mod worker;

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::time::Duration;

pub use event::{WorkerEvent, WorkersEnded, WorkersError, WorkersReport};
pub use worker::{Serving, Worker};

use self::machine::Policy;
use self::supervisor::{HEALTHY, Listener, Supervisor};
use crate::stream::HandlerOutput;

/// Whether this system spreads the connections of a shared port over its sockets.
pub const PORTS_ARE_BALANCED: bool =
    cfg!(any(target_os = "linux", target_os = "freebsd", target_os = "dragonfly"));

/// So many processes that each run a loop: set options, then [`run`](Workers::run).
///
/// How they live is told in the [module](self).
#[must_use = "workers do nothing until they are run"]
pub fn workers(count: usize) -> Workers {
    let policy = Policy {
        first_rest: Duration::from_millis(100),
        longest_rest: Duration::from_secs(30),
        healthy: HEALTHY,
        limit: 5,
        deadline: Duration::from_secs(30),
    };
    Workers { count, policy, listener: Box::new(tell_what_is_bad) }
}

/// Workers in the making; [`workers`] gives it.
#[must_use = "workers do nothing until they are run"]
pub struct Workers {
    count: usize,
    policy: Policy,
    listener: Listener,
}

impl Workers {
    /// How long a worker that died rests: `first`, and twice as long after each further death in a
    /// row, but at most `longest`. 100 ms and 30 s if not set.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.policy.first_rest = first;
        self.policy.longest_rest = longest;
        self
    }

    /// How many times in a row a worker is started again; 5 if not set. With 0 the first death ends
    /// the run.
    pub fn restart_limit(mut self, limit: u32) -> Self {
        self.policy.limit = limit;
        self
    }

    /// How long a worker must have served for its death to begin a new row; 10 s if not set.
    pub fn healthy_after(mut self, time: Duration) -> Self {
        self.policy.healthy = time;
        self
    }

    /// How long workers have to end when they are asked to, before they are killed; 30 s if not
    /// set.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.policy.deadline = time;
        self
    }

    /// Tells `listener` what happens. If none is set, deaths and worse are written to standard
    /// error.
    pub fn on_event(mut self, listener: impl FnMut(&WorkerEvent) + 'static) -> Self {
        self.listener = Box::new(listener);
        self
    }

    /// Runs `main` in each worker, as the main future of a loop of its own, and looks after them
    /// until all have ended. The calling process is their supervisor and runs none of it.
    ///
    /// While it runs, SIGCHLD, SIGTERM and SIGINT are its own; afterwards they do again what they
    /// did.
    ///
    /// # Errors
    ///
    /// [`WorkersError`]: no worker asked for; threads, or a running loop, in this process; a worker
    /// that failed at the start, or too often; the kernel's. No worker is left then.
    #[track_caller]
    pub fn run<M, F>(self, main: M) -> Result<WorkersReport, WorkersError>
    where
        M: Fn(Worker) -> F + 'static,
        F: Future<Output: HandlerOutput + 'static> + 'static,
    {
        Supervisor::run(self.count, self.policy, main, self.listener, Location::caller())
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("count", &self.count)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn tell_what_is_bad(event: &WorkerEvent) {
    if event.is_bad() {
        // Whoever has closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "evloop: {event}");
    }
}

/// A port that is bound and not listened on, for workers to share; free again when dropped.
#[derive(Debug)]
pub struct ReservedPort {
    address: SocketAddr,
    _socket: OwnedFd,
}

impl ReservedPort {
    /// The address, with the port that the kernel chose if none was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Binds `address` before the workers are forked: with port 0 the kernel chooses one that is the
/// same for all, and an address that nobody can have is known at once. Nothing is accepted on it;
/// hold it while the workers run, and have their servers `reuse_port(true)`.
///
/// ```
/// let port = evloop::workers::reserve_port(([127, 0, 0, 1], 0))?;
/// assert_ne!(port.address().port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The kernel's: `AddrInUse` if somebody has the port who does not share it.
pub fn reserve_port(address: impl Into<SocketAddr>) -> io::Result<ReservedPort> {
    let address = address.into();
    let (_socket, address) = crate::sys::reserve(&address)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot bind {address}: {error}")))?;
    Ok(ReservedPort { address, _socket })
}
