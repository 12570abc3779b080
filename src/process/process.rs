//! A child that is awaited.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::child::Child;
use super::command::Started;
use crate::event_loop::EventLoop;
use crate::observe::{Resource, Site, note_wait};
use crate::stream::{DEFAULT_LIMIT, StreamReader, StreamWriter, read_pipe, write_pipe};

/// A child process. (`asyncio.subprocess.Process`)
///
/// Dropping it leaves the child alone, unless
/// [`kill_on_drop`](super::CreateSubprocess::kill_on_drop) says otherwise; the loop reaps it when
/// it ends. The pipes are closed when they are dropped, and these are dropped with it unless they
/// were taken.
///
/// # Unlike asyncio
///
/// A child whose transport is collected as garbage is killed there. Here that is `kill_on_drop`.
pub struct Process {
    running: Running,
    /// Its standard input, if that is a pipe.
    pub stdin: Option<StreamWriter>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<StreamReader>,
    /// Its standard error, if that is a pipe of its own.
    pub stderr: Option<StreamReader>,
    talk: Talk,
}

/// How far `communicate` has come: kept here so that a call that is dropped has lost nothing.
#[derive(Default)]
struct Talk {
    fed: bool,
    feeding: Option<StreamWriter>,
    stdout: Option<Vec<u8>>,
    stderr: Option<Vec<u8>>,
}

/// Kills the child when it is dropped, if it is to.
struct Running {
    child: Rc<Child>,
    kill_on_drop: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // It fails for one that has ended.
            let _ = self.child.send_signal(libc::SIGKILL);
        }
    }
}

impl Process {
    /// Wraps the pipes of a child that was just started; if that fails it is killed.
    pub(super) fn new(
        event_loop: &EventLoop,
        started: Started,
        limit: usize,
        kill_on_drop: bool,
    ) -> io::Result<Process> {
        let mut running = Running { child: started.child, kill_on_drop: true };
        let read = |fd| read_pipe(event_loop, fd, limit);
        let stdin = started.stdin.map(|fd| write_pipe(event_loop, fd)).transpose()?;
        let stdout = started.stdout.map(read).transpose()?;
        let stderr = started.stderr.map(read).transpose()?;
        running.kill_on_drop = kill_on_drop;
        Ok(Process { running, stdin, stdout, stderr, talk: Talk::default() })
    }

    /// Its number. It is another process's, perhaps, once this one has ended.
    pub fn pid(&self) -> u32 {
        self.running.child.pid()
    }

    /// How it ended, as far as the loop has noticed: `None` while it runs, its exit code, or −N if
    /// signal N ended it. 255 if somebody else has reaped it and the code is lost.
    pub fn returncode(&self) -> Option<i32> {
        self.running.child.exit().map(|exit| exit.code)
    }

    /// The same in the standard library's words; `None` also if the code is lost.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.running.child.exit()?.status
    }

    /// Waits for its end; gives the [`returncode`](Process::returncode).
    ///
    /// A child that writes more than a pipe holds does not end before somebody reads it: with
    /// pipes use [`communicate`](Process::communicate), or read them beside this.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing: the child goes on, and may be waited for again, by several
    /// tasks at a time as well.
    #[track_caller]
    pub fn wait(&self) -> Wait<'_> {
        let child = &self.running.child;
        Wait { child, end: Box::pin(child.end()), at: Location::caller() }
    }

    /// Sends `input` to its standard input and closes that, reads its standard output and error to
    /// their end, all at the same time, and waits for the child to end. Gives what it wrote to
    /// those of the two that are pipes.
    ///
    /// A child that does not want all of the input is no error.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is input and its standard input is no pipe, or was taken; the
    /// kernel's.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has lost nothing. The child goes on; the input is on its way and
    /// is not sent again; what the child has written is kept for the next call, which gives all of
    /// it.
    #[track_caller]
    pub fn communicate<'a>(&'a mut self, input: &'a [u8]) -> Communicate<'a> {
        let talk = Box::pin(self.talk(input));
        Communicate { talk, at: Location::caller() }
    }

    async fn talk(&mut self, input: &[u8]) -> io::Result<Output> {
        self.feed(input)?;
        let Process { running, stdout, stderr, talk, .. } = self;
        let fed = finish(&mut talk.feeding);
        let out = collect(stdout, &mut talk.stdout);
        let err = collect(stderr, &mut talk.stderr);
        let ended = running.child.end();
        let ((fed, _), (out, err)) = both(both(fed, ended), both(out, err)).await;
        fed.and(out).and(err)?;
        Ok((talk.stdout.take(), talk.stderr.take()))
    }

    /// All of it at once: what the pipe does not take waits in the transport, which goes on by
    /// itself.
    fn feed(&mut self, input: &[u8]) -> io::Result<()> {
        if self.talk.fed {
            return Ok(());
        }
        let Some(mut stdin) = self.stdin.take() else {
            return if input.is_empty() { Ok(()) } else { Err(no_stdin()) };
        };
        stdin.write(input)?;
        stdin.close();
        self.talk.fed = true;
        self.talk.feeding = Some(stdin);
        Ok(())
    }

    /// Sends it a signal ([`SIGHUP`](crate::signal::SIGHUP) and so on).
    ///
    /// # Errors
    ///
    /// ESRCH ("No such process", Python's `ProcessLookupError`) if its end was noticed; EINVAL if
    /// there is no such signal; EPERM. One that has ended unnoticed takes it in silence. ECHILD after
    /// fork(2) in the new process, whose child it is not.
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.running.child.send_signal(signal)
    }

    /// Asks it to end: SIGTERM.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Process::send_signal).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(libc::SIGTERM)
    }

    /// Ends it: SIGKILL.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Process::send_signal).
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(libc::SIGKILL)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Process {}", self.pid())?;
        match self.returncode() {
            Some(code) => write!(f, " returncode={code}>"),
            None => f.write_str(" running>"),
        }
    }
}

fn no_stdin() -> io::Error {
    let text = "communicate() was given input and the child's stdin is no pipe: ask for \
                .stdin(Redirect::Pipe), and do not take it";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Waits until everything is sent, or the child wants no more of it.
async fn finish(feeding: &mut Option<StreamWriter>) -> io::Result<()> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};
    let Some(stdin) = feeding else { return Ok(()) };
    let sent = stdin.wait_closed().await;
    *feeding = None;
    match sent {
        Err(error) if !matches!(error.kind(), BrokenPipe | ConnectionReset) => Err(error),
        _ => Ok(()),
    }
}

/// Reads to the end, into what was read before.
async fn collect(reader: &mut Option<StreamReader>, all: &mut Option<Vec<u8>>) -> io::Result<()> {
    let Some(reader) = reader else { return Ok(()) };
    let all = all.get_or_insert_default();
    loop {
        let some = reader.read(DEFAULT_LIMIT).await?;
        if some.is_empty() {
            return Ok(());
        }
        all.extend_from_slice(&some);
    }
}

/// Drives two futures until both are done.
async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut this, mut that) = (None, None);
    poll_fn(|context| {
        poll_once(one.as_mut(), &mut this, context);
        poll_once(other.as_mut(), &mut that, context);
        match (this.take(), that.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            parts => {
                (this, that) = parts;
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_once<F: Future>(
    future: Pin<&mut F>,
    output: &mut Option<F::Output>,
    context: &mut Context<'_>,
) {
    if output.is_none() {
        if let Poll::Ready(value) = future.poll(context) {
            *output = Some(value);
        }
    }
}

/// What a child wrote to its standard output and its standard error.
type Output = (Option<Vec<u8>>, Option<Vec<u8>>);

/// The future of [`Process::wait`].
#[must_use = "it waits when it is awaited"]
pub struct Wait<'a> {
    child: &'a Child,
    end: Pin<Box<dyn Future<Output = ()> + 'a>>,
    at: Site,
}

impl Future for Wait<'_> {
    type Output = i32;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i32> {
        let _ = self.end.as_mut().poll(context);
        match self.child.exit() {
            Some(exit) => Poll::Ready(exit.code),
            None => {
                note_wait(Some(self.at), Resource::Other("the end of a child process"));
                Poll::Pending
            }
        }
    }
}

/// The future of [`Process::communicate`].
#[must_use = "nothing is sent or read unless it is awaited"]
pub struct Communicate<'a> {
    talk: Pin<Box<dyn Future<Output = io::Result<Output>> + 'a>>,
    at: Site,
}

impl Future for Communicate<'_> {
    type Output = io::Result<Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = self.talk.as_mut().poll(context);
        if output.is_pending() {
            note_wait(Some(self.at), Resource::Other("a child process and its pipes"));
        }
        output
    }
}
