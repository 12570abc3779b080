//! After fork(2): a loop knows its process.
//!
//! A child has a copy of all that a loop keeps in memory, and shares what the kernel keeps for it.
//! An epoll instance is one for both: what the child registers the parent watches, and what it
//! removes the parent watches no more. So in the child an inherited loop refuses to be used
//! ([`LoopError::Forked`]), and whatever ends there (the loop, a transport, a watcher) ends in the
//! child's copy alone.
//!
//! | in the child, with an inherited loop | |
//! |---|---|
//! | `get_running_loop` | none runs, also inside a callback that forked (as in asyncio) |
//! | a run, `add_reader`, `create_server`, … | [`LoopError::Forked`] |
//! | `close`, or its last name dropped | the child's copies go; the parent's registrations, bell and timer stay |
//! | a new loop | is as good as any, also inside a callback that forked |
//! | [`after_fork_child`](EventLoop::after_fork_child) | the loop is this process's own |
//!
//! A run and `close` ask the kernel who they are; registrations and each turn of a run compare a
//! counter that the child's libc has raised. A handle costs nothing.

use super::error::LoopError;
use super::executor::DefaultExecutor;
use super::{EventLoop, Inner, State};
use crate::sys::Process;

impl EventLoop {
    /// In a child of fork(2): makes an inherited loop this process's own, with its tasks, timers,
    /// handles and watchers as they were at the fork. In the process the loop belongs to, it does
    /// nothing.
    ///
    /// The selector, the bell and what a host waits for ([`try_as_fd`](EventLoop::try_as_fd)) are
    /// new, under the numbers they had; every registration is made again. Call it before the child
    /// opens descriptors of its own. Inside of a callback that forked, it has the run go on in the
    /// child.
    ///
    /// What both processes then watch, they share: bytes that one of them reads the other does not
    /// see. Jobs in threads stay with the parent; who awaits one in the child waits for ever.
    ///
    /// # Errors
    ///
    /// [`LoopError::Closed`]; [`LoopError::Io`] if descriptors have run out, with `Unsupported` for
    /// a selector of your own that has no [`renew`](crate::selector::Selector::renew), and with
    /// `Deadlock` if another thread was sending the loop a call at the very moment of the fork: its
    /// lock is held for ever. The loop can be closed then, and not be used.
    ///
    /// ```
    /// let event_loop = evloop::EventLoop::new()?;
    /// event_loop.after_fork_child()?; // nobody has forked
    /// # Ok::<(), evloop::LoopError>(())
    /// ```
    ///
    /// Source: fork(2), epoll(7), pthread_atfork(3).
    pub fn after_fork_child(&self) -> Result<(), LoopError> {
        self.check_open()?;
        if self.0.process.get().is_this() {
            return Ok(());
        }
        self.0.renew()
    }

    /// Whether it was made in this process, or made anew.
    #[inline]
    pub(super) fn is_of_this_process(&self) -> bool {
        self.0.process.get().seems_this()
    }
}

impl Inner {
    fn renew(&self) -> Result<(), LoopError> {
        if self.home.mailbox.is_stuck() {
            return Err(std::io::Error::from_raw_os_error(libc::EDEADLK).into());
        }
        if let Some(host) = self.host() {
            host.renew_timer()?;
        }
        self.fds.borrow_mut().selector.renew()?;
        if let Some(host) = self.host() {
            host.renew_fd(self)?;
        }
        // Its threads are the parent's, and its lock may be held by one of them.
        std::mem::forget(self.executor.replace(DefaultExecutor::Unused));
        self.process.set(Process::this());
        if self.state.get() == State::Idle {
            self.return_to_host();
        }
        Ok(())
    }

    /// Whether this is its process, asked of the kernel.
    pub(crate) fn check_process(&self) -> Result<(), LoopError> {
        if self.process.get().is_this() { Ok(()) } else { Err(self.forked()) }
    }

    /// The same, by a load.
    #[inline]
    pub(super) fn check_same_process(&self) -> Result<(), LoopError> {
        if self.process.get().seems_this() { Ok(()) } else { Err(self.forked()) }
    }

    #[cold]
    fn forked(&self) -> LoopError {
        LoopError::Forked { owner: self.process.get().id() }
    }
}
