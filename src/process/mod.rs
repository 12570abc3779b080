//! Child processes: started, fed, listened to, and never lost. (`asyncio.subprocess`)
//!
//! ```no_run
//! # async fn f() -> std::io::Result<()> {
//! use evloop::create_subprocess_exec;
//! use evloop::process::Redirect;
//!
//! let mut sort = create_subprocess_exec("sort", ["-r"])
//!     .stdin(Redirect::Pipe)
//!     .stdout(Redirect::Pipe)
//!     .await?;
//! let (sorted, _) = sort.communicate(b"a\nc\nb\n").await?;
//! assert_eq!(sorted.as_deref(), Some(&b"c\nb\na\n"[..]));
//! assert_eq!(sort.returncode(), Some(0));
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! command.rs   what to start, and with which pipes     process.rs   awaiting it: Process
//! child.rs     its end: noticed, reaped, told          protocol.rs  called by it: SubprocessProtocol
//! orphans.rs   those whose loop has gone
//! ```
//!
//! # Its end
//!
//! A descriptor tells of it (`sys/process.rs`), which the loop watches like any other; so as many
//! loops in as many threads as there are may have children, and no handler of SIGCHLD is in the
//! program's way, nor one of the program's in ours. The loop keeps the child until then, whether
//! somebody holds its [`Process`] or not, and reaps it: **no zombie stays**. Of a loop that is
//! closed meanwhile the children go on; whoever ends then is reaped when the next child of any loop
//! starts or ends.
//!
//! A program that reaps by itself whatever ends (`waitpid(-1)`, SIGCHLD ignored) takes the exit
//! code away: it is 255 then, as in asyncio.
//!
//! After fork(2) the children are the first process's: in the second one nobody's signal reaches
//! them, least of all that of [`kill_on_drop`](CreateSubprocess::kill_on_drop).
//!
//! # In a simulation
//!
//! A simulated kernel starts no processes: an `Unsupported` error says so.

mod child;
mod command;
mod orphans;
#[expect(clippy::module_inception)]
mod process;
mod protocol;

pub use command::{
    CreateSubprocess, Redirect, create_subprocess, create_subprocess_exec, create_subprocess_shell,
};
pub use process::{Communicate, Process, Wait};
pub use protocol::{SubprocessProtocol, SubprocessTransport};
