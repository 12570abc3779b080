//! The shell around the machine: it forks, listens to its children, and waits for them.
//!
//! It has a loop of its own, which it turns by hand, so that no loop runs when it forks. Between
//! it and each worker there is a pair of sockets:
//!
//! ```text
//! worker      ── R: ready   T: I drain   E…: why I end ──►   supervisor
//!             ◄── Q: quit   (end of file: I am gone) ───
//! ```

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use super::event::{WorkerEvent, WorkersError, WorkersReport};
use super::machine::{Action, End, Input, Machine, Policy};
use super::worker::{Berth, live};
use crate::event_loop::{EventLoop, LoopError, get_running_loop};
use crate::observe::Site;
use crate::signal::{SIGCHLD, SIGINT, SIGTERM};
use crate::stream::HandlerOutput;
use crate::sys::child::{
    Fork, HeldSignals, NotForked, Pid, check_one_thread, exit_now, fork, kill, reap, reap_waiting,
    send_signal,
};

/// What a worker runs.
pub(super) type Main<M> = Rc<M>;

/// Who is told of events.
pub(super) type Listener = Box<dyn FnMut(&WorkerEvent)>;

/// A worker's process, as its supervisor knows it.
struct Child {
    pid: Pid,
    line: UnixStream,
    said: Said,
}

/// What it has said.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    /// So many of them are dealt with.
    heard: usize,
    silent: bool,
}

/// Signals that have come.
#[derive(Default)]
struct News {
    child: Cell<bool>,
    terminate: Cell<bool>,
    interrupt: Cell<bool>,
}

pub(super) struct Supervisor<M> {
    event_loop: EventLoop,
    machine: Machine,
    children: Vec<Option<Child>>,
    news: Rc<News>,
    inputs: VecDeque<Input>,
    main: Main<M>,
    listener: Listener,
    at: Site,
}

impl<M, F> Supervisor<M>
where
    M: Fn(super::Worker) -> F + 'static,
    F: Future<Output: HandlerOutput + 'static> + 'static,
{
    /// Runs `count` workers to their end.
    pub(super) fn run(
        count: usize,
        policy: Policy,
        main: M,
        listener: Listener,
        at: Site,
    ) -> Result<WorkersReport, WorkersError> {
        if count == 0 {
            return Err(WorkersError::None);
        }
        if get_running_loop().is_ok() {
            return Err(LoopError::AnotherIsRunning.into());
        }
        check_one_thread()?;
        // Its time is that of processes, whatever EVLOOP_CLOCK says.
        let event_loop = EventLoop::builder().build()?;
        let news = watch_signals(&event_loop)?;
        let (machine, actions) = Machine::new(count, policy);
        let children = (0..count).map(|_| None).collect();
        let (main, inputs) = (Rc::new(main), VecDeque::new());
        let mut supervisor =
            Supervisor { event_loop, machine, children, news, inputs, main, listener, at };
        supervisor.supervise(actions)
    }

    fn supervise(&mut self, mut actions: Vec<Action>) -> Result<WorkersReport, WorkersError> {
        loop {
            for action in actions {
                self.perform(action);
            }
            if let Some(outcome) = self.machine.outcome() {
                let (restarts, killed) = (self.machine.restarts, self.machine.killed);
                return Ok(WorkersReport { ended: outcome?, restarts, killed });
            }
            if self.inputs.is_empty() {
                self.wait()?;
            }
            let input = self.inputs.pop_front().unwrap_or(Input::Tick);
            actions = self.machine.step(self.event_loop.time(), input);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start(worker) => match self.start(worker) {
                Ok(pid) => (self.listener)(&WorkerEvent::Started { worker, pid }),
                Err(error) => {
                    let why =
                        format!("its process could not be made: {}", WorkersError::from(error));
                    self.inputs.push_back(Input::Ended(worker, End::Died(why)));
                }
            },
            Action::Drain(worker) => self.to(worker, |child| send_signal(child.pid, SIGTERM)),
            Action::Kill(worker) => self.to(worker, |child| kill(child.pid)),
            // One that is gone cannot hear it, and need not.
            Action::Quit(worker) => {
                self.to(worker, |child| drop((&child.line).write_all(b"Q")));
            }
            Action::Tell(event) => (self.listener)(&event),
        }
    }

    /// Does that to the worker's process, if it has one.
    fn to(&self, worker: usize, what: impl FnOnce(&Child)) {
        if let Some(child) = &self.children[worker] {
            what(child);
        }
    }

    fn start(&mut self, worker: usize) -> Result<Pid, NotForked> {
        let (ours, theirs) = UnixStream::pair().map_err(NotForked::Kernel)?;
        ours.set_nonblocking(true).map_err(NotForked::Kernel)?;
        // What is in the buffer is not for the child to print again.
        let _ = io::stdout().flush();
        let parent = std::process::id();
        // Until the child has handlers of its own, whatever is sent to it waits.
        let held = HeldSignals::hold().map_err(NotForked::Kernel)?;
        match fork()? {
            Fork::Child => {
                drop(ours);
                self.become_worker(Berth { worker, parent, line: theirs, held, at: self.at })
            }
            Fork::Parent(pid) => {
                let child = Child { pid, line: ours, said: Said::default() };
                if let Err(error) = self.event_loop.add_reader(&child.line, || ()) {
                    kill(pid);
                    reap_waiting(pid);
                    return Err(NotForked::Kernel(error.into()));
                }
                self.children[worker] = Some(child);
                Ok(pid)
            }
        }
    }

    /// In the child: nothing of the supervisor is left open, so that its death is seen by all.
    fn become_worker(&mut self, berth: Berth) -> ! {
        let count = self.children.len();
        self.children.clear();
        // It gives the signals back; what it shares with the parent's it leaves alone.
        let _ = self.event_loop.close();
        exit_now(live(berth, count, &self.main))
    }

    /// Waits until something happens, and notes what.
    fn wait(&mut self) -> Result<(), WorkersError> {
        let now = self.event_loop.time();
        let limit = self.machine.next_deadline().map(|deadline| deadline.since(now));
        self.event_loop.run_once(limit)?;
        for worker in 0..self.children.len() {
            self.listen(worker);
        }
        if self.news.child.take() {
            for worker in 0..self.children.len() {
                self.look_after(worker);
            }
        }
        if self.news.terminate.take() {
            self.inputs.push_back(Input::Terminate);
        }
        if self.news.interrupt.take() {
            self.inputs.push_back(Input::Interrupt);
        }
        Ok(())
    }

    /// Takes note of what a worker says.
    fn listen(&mut self, worker: usize) {
        let Some(child) = &mut self.children[worker] else { return };
        if child.hear() {
            // At its end it would be readable for ever.
            let _ = self.event_loop.remove_reader(&child.line);
        }
        if child.said.take_ready() {
            self.inputs.push_back(Input::Ready(worker));
        }
    }

    /// Reaps a worker, if it is over.
    fn look_after(&mut self, worker: usize) {
        let Some(child) = &self.children[worker] else { return };
        let status = match reap(child.pid) {
            Ok(None) => return,
            Ok(Some(status)) => Some(status),
            // Somebody else has waited for it: it is gone, and how is not known.
            Err(_) => None,
        };
        self.listen(worker);
        let Some(child) = self.children[worker].take() else { return };
        let _ = self.event_loop.remove_reader(&child.line);
        let end = match status {
            Some(status) if status.success() && child.said.drains() => End::Drained,
            Some(status) if status.success() => End::Done,
            status => End::Died(child.said.last_words().unwrap_or_else(|| match status {
                Some(status) => status.to_string(),
                None => String::from("somebody else waited for its process"),
            })),
        };
        self.inputs.push_back(Input::Ended(worker, end));
    }
}

impl<M> Drop for Supervisor<M> {
    /// Nobody outlives a supervisor that fails or panics.
    fn drop(&mut self) {
        for child in self.children.drain(..).flatten() {
            kill(child.pid);
            reap_waiting(child.pid);
        }
    }
}

impl Child {
    /// Reads what there is; `true` once that is all there will ever be.
    fn hear(&mut self) -> bool {
        let mut bytes = [0; 512];
        while !self.said.silent {
            match (&self.line).read(&mut bytes) {
                Ok(0) => self.said.silent = true,
                Ok(read) => self.said.bytes.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.said.silent = true,
            }
        }
        true
    }
}

impl Said {
    /// Whether "ready" has been heard since this was last asked.
    fn take_ready(&mut self) -> bool {
        let new = std::mem::replace(&mut self.heard, self.bytes.len());
        self.letters().skip(new).any(|letter| letter == b'R')
    }

    fn drains(&self) -> bool {
        self.letters().any(|letter| letter == b'T')
    }

    /// Why it ended, in its own words.
    fn last_words(&self) -> Option<String> {
        let words = &self.bytes[self.letters().count()..];
        Some(String::from_utf8_lossy(words.get(1..)?).into_owned())
    }

    /// What comes before the words.
    fn letters(&self) -> impl Iterator<Item = u8> {
        self.bytes.iter().copied().take_while(|letter| *letter != b'E')
    }
}

fn watch_signals(event_loop: &EventLoop) -> Result<Rc<News>, WorkersError> {
    let news = Rc::new(News::default());
    let note = |signal, which: fn(&News) -> &Cell<bool>| {
        let news = news.clone();
        event_loop.add_signal_handler(signal, move || which(&news).set(true)).map(drop)
    };
    note(SIGCHLD, |news| &news.child)?;
    note(SIGTERM, |news| &news.terminate)?;
    note(SIGINT, |news| &news.interrupt)?;
    Ok(news)
}

/// A worker is healthy when it has served for so long, if nobody says otherwise.
pub(super) const HEALTHY: Duration = Duration::from_secs(10);
