//! What to start, and what its three standard streams are.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::rc::Rc;

use super::child::Child;
use super::orphans;
use super::process::Process;
use crate::event_loop::{EventLoop, get_running_loop};
use crate::stream::DEFAULT_LIMIT;
use crate::sys::process::{ExitFd, pipe};

/// What one of a child's standard streams is.
#[derive(Debug)]
pub enum Redirect {
    /// The program's own: what it is if nothing is said.
    Inherit,
    /// A pipe to or from the program. (`asyncio.subprocess.PIPE`)
    Pipe,
    /// Nothing to read, nowhere to write. (`asyncio.subprocess.DEVNULL`)
    DevNull,
    /// The same as its standard output; for its standard error alone.
    /// (`asyncio.subprocess.STDOUT`)
    Stdout,
    /// An open file, pipe or socket.
    Fd(OwnedFd),
}

/// A child in the making: set options, then await it, or [`spawn`](CreateSubprocess::spawn) it.
/// [`create_subprocess_exec`] gives it.
#[must_use = "the child is started when this is awaited"]
#[derive(Debug)]
pub struct CreateSubprocess {
    command: Command,
    stdin: Option<Redirect>,
    stdout: Option<Redirect>,
    stderr: Option<Redirect>,
    limit: usize,
    kill_on_drop: bool,
}

/// Runs `program` with these arguments. (`asyncio.create_subprocess_exec`)
///
/// Await what it gives, inside a run; options can be set before. The program is looked for as
/// [`Command::new`] does.
///
/// # Errors
///
/// When awaited: there is no such program, or the kernel refuses a process, a pipe or a
/// descriptor; `InvalidInput` if a name, an argument or a redirection makes no sense;
/// `Unsupported` in a simulation. No process is left then.
///
/// # Cancel safety
///
/// Starting it does not wait: dropped before it was awaited, nothing was started.
pub fn create_subprocess_exec<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
) -> CreateSubprocess {
    let mut command = Command::new(program);
    command.args(args);
    create_subprocess(command)
}

/// Runs a command line in `/bin/sh`. (`asyncio.create_subprocess_shell`)
///
/// It is the program's business that nothing from outside gets into it unquoted.
///
/// # Errors
///
/// As [`create_subprocess_exec`].
pub fn create_subprocess_shell(command_line: impl AsRef<OsStr>) -> CreateSubprocess {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(command_line);
    create_subprocess(command)
}

/// Runs a command of the standard library's, with all that is set in it: user and group, a process
/// group, what is done before exec(2).
///
/// # Errors
///
/// As [`create_subprocess_exec`].
pub fn create_subprocess(command: Command) -> CreateSubprocess {
    CreateSubprocess {
        command,
        stdin: None,
        stdout: None,
        stderr: None,
        limit: DEFAULT_LIMIT,
        kill_on_drop: false,
    }
}

impl CreateSubprocess {
    /// Its standard input.
    pub fn stdin(mut self, stdin: Redirect) -> Self {
        self.stdin = Some(stdin);
        self
    }

    /// Its standard output.
    pub fn stdout(mut self, stdout: Redirect) -> Self {
        self.stdout = Some(stdout);
        self
    }

    /// Its standard error.
    pub fn stderr(mut self, stderr: Redirect) -> Self {
        self.stderr = Some(stderr);
        self
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Sets a variable of its environment, beside those that it inherits.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Has it inherit no variables.
    pub fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Its working directory.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// The limit of the readers of its output, in bytes; 64 KiB if not set.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether it is killed (SIGKILL) when its [`Process`] is dropped; it is not if nothing is
    /// said. It is reaped in either case.
    pub fn kill_on_drop(mut self, kill: bool) -> Self {
        self.kill_on_drop = kill;
        self
    }

    /// Starts it now. The running loop notices its end.
    ///
    /// The call returns when the child has begun to run its program, or could not: a fork and an
    /// exec, in which the loop does nothing else.
    ///
    /// # Errors
    ///
    /// As [`create_subprocess_exec`]; `NotRunning` outside of a run.
    pub fn spawn(self) -> io::Result<Process> {
        let event_loop = get_running_loop()?;
        let (limit, kill_on_drop) = (self.limit, self.kill_on_drop);
        let started = self.start(&event_loop)?;
        Process::new(&event_loop, started, limit, kill_on_drop)
    }

    /// Starts it for `event_loop`.
    pub(super) fn start(mut self, event_loop: &EventLoop) -> io::Result<Started> {
        event_loop.check_open()?;
        if event_loop.is_simulated() {
            return Err(simulated());
        }
        if self.limit == 0 {
            return Err(invalid("Limit cannot be <= 0: a reader needs room for a byte at least"));
        }
        orphans::reap();
        let merged = self.redirect()?;
        let mut process = self.command.spawn()?;
        // The program's ends of what the child inherits are the command's.
        drop(self.command);
        let stdin = process.stdin.take().map(OwnedFd::from);
        let stdout = process.stdout.take().map(OwnedFd::from);
        let stderr = process.stderr.take().map(OwnedFd::from);
        let child = Child::new(event_loop, process, ExitFd::of)?;
        Ok(Started { child, stdin, stdout: merged.or(stdout), stderr })
    }

    /// Tells the command of its streams; the program's end of a pipe that is both outputs.
    fn redirect(&mut self) -> io::Result<Option<OwnedFd>> {
        if let Some(stdin) = self.stdin.take() {
            self.command.stdin(stdio(stdin, "stdin")?);
        }
        let mut merged = None;
        let mut stdout = self.stdout.take();
        if let Some(Redirect::Stdout) = self.stderr {
            self.stderr = Some(same_as(&mut stdout, &mut merged)?);
        }
        if let Some(stdout) = stdout {
            self.command.stdout(stdio(stdout, "stdout")?);
        }
        if let Some(stderr) = self.stderr.take() {
            self.command.stderr(stdio(stderr, "stderr")?);
        }
        Ok(merged)
    }
}

/// What standard error is to be where standard output is this. A pipe for both is one that we make,
/// and whose reader is left in `merged`.
fn same_as(stdout: &mut Option<Redirect>, merged: &mut Option<OwnedFd>) -> io::Result<Redirect> {
    let clone = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(Redirect::Fd);
    match stdout {
        None | Some(Redirect::Inherit) => clone(io::stdout().as_fd()),
        Some(Redirect::DevNull) => Ok(Redirect::DevNull),
        Some(Redirect::Stdout) => Err(not_itself("stdout")),
        Some(Redirect::Fd(fd)) => clone(fd.as_fd()),
        Some(Redirect::Pipe) => {
            let (reader, writer) = pipe()?;
            let stderr = clone(writer.as_fd());
            *stdout = Some(Redirect::Fd(writer));
            *merged = Some(reader);
            stderr
        }
    }
}

fn stdio(redirect: Redirect, which: &str) -> io::Result<Stdio> {
    Ok(match redirect {
        Redirect::Inherit => Stdio::inherit(),
        Redirect::Pipe => Stdio::piped(),
        Redirect::DevNull => Stdio::null(),
        Redirect::Stdout => return Err(not_itself(which)),
        Redirect::Fd(fd) => Stdio::from(fd),
    })
}

fn not_itself(which: &str) -> io::Error {
    invalid(&format!("STDOUT can only be used for stderr, and this is {which}"))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn simulated() -> io::Error {
    let text = "a simulated kernel starts no processes: run this on a loop of EventLoop::new(), or \
                have the program take what it reads and writes as an argument";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// A child and the program's ends of its pipes.
pub(super) struct Started {
    pub(super) child: Rc<Child>,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
}

impl IntoFuture for CreateSubprocess {
    type Output = io::Result<Process>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Process>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.spawn() })
    }
}
