//! A child: the loop keeps it until it has ended, notices that, and reaps it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::Duration;

use super::orphans;
use crate::event_loop::{
    ErrorContext, EventLoop, Exception, Inner, Resident, ResidentKey, Run, Side, Work,
};
use crate::observe::What;
use crate::sync::Bell;
use crate::sys::Process;
use crate::sys::process::{ExitFd, kill};

/// How a child has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exit {
    /// The exit code; −N if signal N ended it.
    pub(super) code: i32,
    /// `None` if somebody else has reaped it.
    pub(super) status: Option<ExitStatus>,
}

/// What asyncio says of a child that somebody else has reaped.
const UNKNOWN: Exit = Exit { code: 255, status: None };

/// How long until a child is looked at again whose end was told and is not to be seen yet. (A
/// kernel may tell of it a moment before waitpid(2) knows. Each time it is twice as long.)
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// A child process of a loop's.
pub(super) struct Child {
    pid: u32,
    /// Whose child it is: one of fork(2)'s inherits this memory, and no children.
    parent: Process,
    /// `None` once it is reaped, or given away.
    process: RefCell<Option<std::process::Child>>,
    exit: Cell<Option<Exit>>,
    exit_fd: RefCell<Option<ExitFd>>,
    next_look: Cell<Duration>,
    resident: Cell<ResidentKey>,
    waiters: Bell,
    /// Who is called when it has ended.
    told: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Child {
    /// Takes charge of a child that was just started. If that fails it is killed.
    pub(super) fn new(
        event_loop: &EventLoop,
        process: std::process::Child,
        exit_fd: impl FnOnce(u32) -> io::Result<Option<ExitFd>>,
    ) -> io::Result<Rc<Child>> {
        let child = Rc::new(Child {
            pid: process.id(),
            parent: Process::this(),
            process: RefCell::new(Some(process)),
            exit: Cell::new(None),
            exit_fd: RefCell::new(None),
            next_look: Cell::new(FIRST_LOOK),
            resident: Cell::new(0),
            waiters: Bell::default(),
            told: RefCell::new(None),
        });
        // From here on the child's destructor sees to it that it is reaped.
        if let Err(error) = child.watch(&event_loop.0, exit_fd) {
            drop(child.send_signal(libc::SIGKILL));
            return Err(error);
        }
        child.resident.set(event_loop.0.house(child.clone()));
        Ok(child)
    }

    fn watch(
        self: &Rc<Self>,
        inner: &Inner,
        exit_fd: impl FnOnce(u32) -> io::Result<Option<ExitFd>>,
    ) -> io::Result<()> {
        let Some(exit_fd) = exit_fd(self.pid)? else {
            inner.queue(Rc::new(Look(self.clone())));
            return Ok(());
        };
        let fd = exit_fd.as_raw_fd();
        inner.watch(fd, Side::Reader, Rc::new(Look(self.clone())))?;
        inner.set_owned(fd, true);
        self.exit_fd.replace(Some(exit_fd));
        Ok(())
    }

    fn unwatch(&self, inner: &Inner) {
        if let Some(exit_fd) = self.exit_fd.take() {
            drop(inner.unwatch(exit_fd.as_raw_fd(), Side::Reader));
            inner.set_owned(exit_fd.as_raw_fd(), false);
        }
    }

    /// It has ended, the kernel says.
    fn look(self: &Rc<Self>, event_loop: &EventLoop) {
        self.unwatch(&event_loop.0);
        let looked = match &mut *self.process.borrow_mut() {
            Some(process) => process.try_wait(),
            None => return,
        };
        match looked {
            Ok(None) => self.look_again(event_loop),
            Ok(Some(status)) => {
                let signal = status.signal().map(|signal| -signal);
                let code = status.code().or(signal).unwrap_or(UNKNOWN.code);
                self.ended(event_loop, Exit { code, status: Some(status) });
            }
            Err(_) => self.ended(event_loop, UNKNOWN),
        }
    }

    #[cold]
    fn look_again(self: &Rc<Self>, event_loop: &EventLoop) {
        let delay = self.next_look.get();
        self.next_look.set((delay * 2).min(LAST_LOOK));
        let look = Work::Run(Rc::new(Look(self.clone())));
        event_loop.0.arm(event_loop.time() + delay, look);
    }

    fn ended(self: &Rc<Self>, event_loop: &EventLoop, exit: Exit) {
        drop(self.process.take());
        self.exit.set(Some(exit));
        event_loop.0.let_go(self.resident.get());
        orphans::reap();
        self.waiters.ring_all();
        let told = self.told.take();
        if let Some(told) = told {
            told();
        }
    }

    /// Has `told` called once it has ended.
    pub(super) fn when_ended(&self, told: impl FnOnce() + 'static) {
        self.told.replace(Some(Box::new(told)));
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit.get()
    }

    /// Waits for its end.
    pub(super) fn end(&self) -> impl Future<Output = ()> + Unpin {
        self.waiters.until(|| self.exit.get().is_some())
    }

    /// Until its parent has reaped it its number is nobody else's.
    pub(super) fn send_signal(&self, signal: i32) -> io::Result<()> {
        match &*self.process.borrow() {
            Some(_) if self.parent.is_this() => kill(self.pid, signal),
            Some(_) => Err(io::Error::from_raw_os_error(libc::ECHILD)),
            None => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }
}

/// Nobody is left to notice its end: the loop was closed, or never had it.
impl Drop for Child {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            orphans::adopt(process);
        }
    }
}

impl Resident for Child {
    fn what(&self) -> What {
        What::Internal { name: "a child process" }
    }

    fn advice(&self) -> &'static str {
        "await wait(), or kill() it and await that,"
    }

    fn evict(self: Rc<Self>, inner: &Inner) {
        self.unwatch(inner);
        let told = self.told.take();
        drop(told);
    }
}

/// Has a look whether a child has ended.
struct Look(Rc<Child>);

impl Run for Look {
    fn run(self: Rc<Self>, event_loop: &EventLoop) {
        self.0.look(event_loop);
    }

    fn what(&self) -> What {
        What::Internal { name: "the end of a child process" }
    }

    fn panicked(self: Rc<Self>, event_loop: &EventLoop, payload: Box<dyn Any + Send>) {
        let message = format!("protocol.process_exited() of process {} failed", self.0.pid);
        event_loop.call_exception_handler(
            ErrorContext::new(message).exception(Exception::Panic(payload)),
        );
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Starts `cat`, has its end told of as `exit_fd` says, closes its input; its exit code.
    fn code_of_cat(exit_fd: impl FnOnce(u32) -> io::Result<Option<ExitFd>> + 'static) -> i32 {
        let event_loop = EventLoop::new().unwrap();
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = cat.stdin.take();
        let child = Child::new(&event_loop, cat, exit_fd).unwrap();
        let ended = event_loop.run_until_complete(async move {
            for _ in 0..3 {
                crate::yield_now().await;
            }
            assert_eq!(child.exit(), None);
            drop(stdin);
            child.end().await;
            child.exit().unwrap().code
        });
        assert!(event_loop.close().unwrap().is_clean());
        ended.unwrap()
    }

    #[test]
    fn without_a_pidfd_a_thread_tells_of_the_end() {
        assert_eq!(code_of_cat(|pid| ExitFd::by_thread(pid).map(Some)), 0);
    }

    #[test]
    fn an_end_that_is_told_too_early_is_looked_for_until_it_is_there() {
        assert_eq!(code_of_cat(|_| Ok(None)), 0);
    }

    #[test]
    fn a_child_that_cannot_be_watched_is_killed_and_reaped() {
        let event_loop = EventLoop::new().unwrap();
        let cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = cat.id();
        let watched = Child::new(&event_loop, cat, |_| Err(io::ErrorKind::OutOfMemory.into()));
        assert_eq!(watched.err().unwrap().kind(), io::ErrorKind::OutOfMemory);
        while kill(pid, 0).is_ok() {
            orphans::reap();
            std::thread::yield_now();
        }
        assert!(event_loop.close().unwrap().is_clean());
    }
}
