//! A child that calls a protocol.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use super::child::Child;
use super::command::{CreateSubprocess, Started};
use crate::event_loop::{EventLoop, LoopError, Run};
use crate::observe::What;
use crate::transport::{Protocol, Transport};

/// What a child process calls. (`asyncio.SubprocessProtocol`)
///
/// ```text
/// connection_made  (pipe_data_received* pipe_connection_lost)*  process_exited  connection_lost
/// ```
///
/// `process_exited` comes when the child's end is noticed, which may be before its pipes are read
/// to their end or after; `connection_lost` when both are so. `fd` is 0, 1 or 2: the child's
/// number of the stream.
pub trait SubprocessProtocol {
    /// The child runs, and its pipes are there.
    fn connection_made(&mut self, transport: &SubprocessTransport) {
        let _ = transport;
    }

    /// The child wrote this to its standard output (1) or error (2).
    fn pipe_data_received(&mut self, transport: &SubprocessTransport, fd: i32, data: &[u8]) {
        let _ = (transport, fd, data);
    }

    /// A pipe is closed: in order, or why not.
    fn pipe_connection_lost(
        &mut self,
        transport: &SubprocessTransport,
        fd: i32,
        error: Option<io::Error>,
    ) {
        let _ = (transport, fd, error);
    }

    /// More is written to its standard input than it reads. (One that writes from inside its own
    /// methods is told in the next turn.)
    fn pause_writing(&mut self, transport: &SubprocessTransport) {
        let _ = transport;
    }

    /// It has read enough of that.
    fn resume_writing(&mut self, transport: &SubprocessTransport) {
        let _ = transport;
    }

    /// The child has ended: [`SubprocessTransport::get_returncode`] says how.
    fn process_exited(&mut self, transport: &SubprocessTransport) {
        let _ = transport;
    }

    /// The child has ended and its pipes are closed.
    fn connection_lost(&mut self, error: Option<io::Error>) {
        let _ = error;
    }
}

/// A child process, as its protocol and its user see it. (`asyncio.SubprocessTransport`)
#[derive(Clone)]
pub struct SubprocessTransport(Rc<Connection>);

struct Connection {
    child: Rc<Child>,
    event_loop: Weak<crate::event_loop::Inner>,
    protocol: RefCell<Option<Box<dyn SubprocessProtocol>>>,
    pipes: RefCell<[Option<Transport>; 3]>,
    open_pipes: Cell<usize>,
    exit_told: Cell<bool>,
    closing: Cell<bool>,
}

impl EventLoop {
    /// Starts a child that calls `protocol`. `connection_made` has been called when this returns.
    /// (`loop.subprocess_exec`, and `loop.subprocess_shell` with a
    /// [`create_subprocess_shell`](crate::create_subprocess_shell))
    ///
    /// ```no_run
    /// # use evloop::process::{Redirect, SubprocessProtocol};
    /// struct Quiet;
    /// impl SubprocessProtocol for Quiet {}
    ///
    /// let event_loop = evloop::EventLoop::new()?;
    /// let date = evloop::create_subprocess_exec("date", ["-u"]).stdout(Redirect::Pipe);
    /// let transport = event_loop.subprocess_exec(Quiet, date)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The child is left alone when its transport is dropped;
    /// [`kill_on_drop`](CreateSubprocess::kill_on_drop) says nothing here.
    ///
    /// # Errors
    ///
    /// As [`create_subprocess_exec`](crate::create_subprocess_exec), and if the loop is closed.
    ///
    /// # Unlike asyncio
    ///
    /// It does not wait, so there is nothing to await.
    pub fn subprocess_exec(
        &self,
        protocol: impl SubprocessProtocol + 'static,
        command: CreateSubprocess,
    ) -> io::Result<SubprocessTransport> {
        let Started { child, stdin, stdout, stderr } = command.start(self)?;
        let transport = SubprocessTransport(Rc::new(Connection {
            child: child.clone(),
            event_loop: Rc::downgrade(&self.0),
            protocol: RefCell::new(Some(Box::new(protocol))),
            pipes: RefCell::default(),
            open_pipes: Cell::new(0),
            exit_told: Cell::new(false),
            closing: Cell::new(false),
        }));
        let told = Told(transport.clone());
        child.when_ended(move || told.0.ended());
        if let Err(error) = transport.connect(self, [stdin, stdout, stderr]) {
            transport.0.protocol.take();
            transport.close();
            return Err(error.into());
        }
        transport.call(|protocol, transport| protocol.connection_made(transport));
        Ok(transport)
    }
}

impl SubprocessTransport {
    fn connect(&self, event_loop: &EventLoop, fds: [Option<OwnedFd>; 3]) -> Result<(), LoopError> {
        for (at, fd) in fds.into_iter().enumerate() {
            let Some(fd) = fd else { continue };
            let protocol = PipeProtocol { process: self.clone(), fd: at as i32 };
            let pipe = match at {
                0 => event_loop.connect_write_pipe(protocol, fd),
                _ => event_loop.connect_read_pipe(protocol, fd),
            };
            self.0.pipes.borrow_mut()[at] = Some(pipe?);
            self.0.open_pipes.set(self.0.open_pipes.get() + 1);
        }
        Ok(())
    }

    /// The child's number. (`get_pid`)
    pub fn get_pid(&self) -> u32 {
        self.0.child.pid()
    }

    /// How it ended, as [`Process::returncode`](super::Process::returncode).
    pub fn get_returncode(&self) -> Option<i32> {
        self.0.child.exit().map(|exit| exit.code)
    }

    /// The transport of its standard input (0), output (1) or error (2), if that is a pipe.
    pub fn get_pipe_transport(&self, fd: i32) -> Option<Transport> {
        let at = usize::try_from(fd).ok()?;
        self.0.pipes.borrow().get(at)?.clone()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// As [`Process::send_signal`](super::Process::send_signal).
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.0.child.send_signal(signal)
    }

    /// Asks it to end: SIGTERM.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](SubprocessTransport::send_signal).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(libc::SIGTERM)
    }

    /// Ends it: SIGKILL.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](SubprocessTransport::send_signal).
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(libc::SIGKILL)
    }

    /// Closes the pipes and kills the child, if it still runs. Does nothing the second time.
    pub fn close(&self) {
        if self.0.closing.replace(true) {
            return;
        }
        let pipes = self.0.pipes.borrow().clone();
        pipes.iter().flatten().for_each(Transport::close);
        // It fails for one that has ended.
        let _ = self.kill();
    }

    /// Whether [`close`](SubprocessTransport::close) was called, or the child has ended.
    pub fn is_closing(&self) -> bool {
        self.0.closing.get() || self.get_returncode().is_some()
    }

    /// Calls the protocol; `false` while it is being called, or after the end.
    fn call(&self, method: impl FnOnce(&mut dyn SubprocessProtocol, &Self)) -> bool {
        let Ok(mut protocol) = self.0.protocol.try_borrow_mut() else { return false };
        let Some(protocol) = protocol.as_deref_mut() else { return false };
        method(protocol, self);
        true
    }

    fn ended(&self) {
        self.0.exit_told.set(true);
        // Whatever becomes of it, the end is the end.
        let finish = Finish(self);
        self.call(|protocol, transport| protocol.process_exited(transport));
        drop(finish);
    }

    fn pipe_lost(&self, fd: i32, error: Option<io::Error>) {
        self.0.open_pipes.set(self.0.open_pipes.get() - 1);
        let finish = Finish(self);
        self.call(|protocol, transport| protocol.pipe_connection_lost(transport, fd, error));
        drop(finish);
    }

    fn tell_flow(&self, paused: bool) {
        let told = self.call(|protocol, transport| match paused {
            true => protocol.pause_writing(transport),
            false => protocol.resume_writing(transport),
        });
        if !told {
            self.later(Rc::new(TellFlow(self.clone(), paused)));
        }
    }

    fn later(&self, run: Rc<dyn Run>) {
        if let Some(inner) = self.0.event_loop.upgrade().filter(|inner| !inner.is_closed()) {
            inner.queue(run);
        }
    }
}

impl fmt::Debug for SubprocessTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<SubprocessTransport pid={}", self.get_pid())?;
        match self.get_returncode() {
            Some(code) => write!(f, " returncode={code}>"),
            None => f.write_str(" running>"),
        }
    }
}

/// Who hears of the child's end. Where it is dropped without that the loop is closed: no callback
/// runs there any more, and the protocol goes, which may well hold the transport that holds it.
struct Told(SubprocessTransport);

impl Drop for Told {
    fn drop(&mut self) {
        if !self.0.0.exit_told.get() {
            let protocol = self.0.0.protocol.try_borrow_mut().ok().and_then(|mut p| p.take());
            drop(protocol);
        }
    }
}

/// One thing less to wait for: if it was the last, the end is told in the next turn. A destructor,
/// because a method of the protocol's may panic in between.
struct Finish<'a>(&'a SubprocessTransport);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let connection = &self.0.0;
        if connection.exit_told.get() && connection.open_pipes.get() == 0 {
            self.0.later(Rc::new(Lost(self.0.clone())));
        }
    }
}

/// The last call of a child.
struct Lost(SubprocessTransport);

impl Run for Lost {
    fn run(self: Rc<Self>, _: &EventLoop) {
        let connection = &self.0.0;
        let protocol = connection.protocol.take();
        if let Some(mut protocol) = protocol {
            protocol.connection_lost(None);
        }
    }

    fn what(&self) -> What {
        What::Internal { name: "connection_lost of a child process" }
    }
}

/// Tells a protocol of its input's flow that was borrowed when it changed.
struct TellFlow(SubprocessTransport, bool);

impl Run for TellFlow {
    fn run(self: Rc<Self>, _: &EventLoop) {
        self.0.tell_flow(self.1);
    }

    fn what(&self) -> What {
        What::Internal { name: "pause_writing of a child process" }
    }
}

/// The protocol of one pipe.
struct PipeProtocol {
    process: SubprocessTransport,
    fd: i32,
}

impl Protocol for PipeProtocol {
    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        let fd = self.fd;
        self.process.call(|protocol, process| protocol.pipe_data_received(process, fd, data));
    }

    fn pause_writing(&mut self, _: &Transport) {
        self.process.tell_flow(true);
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.process.tell_flow(false);
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.process.pipe_lost(self.fd, error);
    }
}
