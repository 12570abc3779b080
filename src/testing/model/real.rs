//! The ordinary event loop as a subject.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::ground::{ConditionSelector, Conditions, Ground, Pairs};
use super::op::{Id, Op};
use super::seams::{Listened, Noted, Notes, Picking};
use super::{MOST_SCHEDULED, Refusal, Seen, Setup, Subject};
use crate::event_loop::{EventLoop, Handle, LoopError, ManualClock, TimerHandle};
use crate::selector::Selector;

/// The ordinary [`EventLoop`], on a clock that is moved by hand and a selector that is listened to.
pub struct RealLoop(Rc<World>);

struct World {
    setup: Setup,
    event_loop: EventLoop,
    ground: Box<dyn Ground>,
    clock: ManualClock,
    notes: Rc<Notes>,
    scheduled: RefCell<Vec<(Id, Scheduled)>>,
    rules: RefCell<Vec<(Id, Op)>>,
    /// Every callback holds one, so that their number is known.
    life: Arc<()>,
}

/// How something scheduled is cancelled.
#[derive(Clone)]
enum Scheduled {
    Handle(Handle),
    Timer(TimerHandle),
    Remote,
}
thread_local! {
    /// The world whose operation is under way: a call from another thread cannot carry it along.
    static CURRENT: RefCell<Weak<World>> = const { RefCell::new(Weak::new()) };
}

impl RealLoop {
    /// A loop on descriptors that are nothing but their conditions; there is no kernel below it.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`](crate::Builder::build).
    pub fn simulated(setup: &Setup) -> Result<RealLoop, LoopError> {
        let conditions = Conditions::default();
        let selector = ConditionSelector::new(conditions.clone());
        RealLoop::build(setup, Box::new(selector), Box::new(conditions))
    }

    /// A loop on real sockets, which `selector` watches.
    ///
    /// # Errors
    ///
    /// [`LoopError::Io`] when descriptors have run out: it takes four.
    pub fn on_sockets(setup: &Setup, selector: Box<dyn Selector>) -> Result<RealLoop, LoopError> {
        RealLoop::build(setup, selector, Box::new(Pairs::of_sockets()?))
    }

    /// A loop on pairs of sockets of the simulated kernel.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`](crate::Builder::build).
    #[cfg(feature = "testing")]
    pub fn on_a_simulated_kernel(setup: &Setup) -> Result<RealLoop, LoopError> {
        use crate::testing::{journal::Journal, kernel::SimSelector};
        let most = u32::MAX;
        let limits = crate::testing::Limits {
            turns: most.into(),
            handles: most.into(),
            virtual_time: std::time::Duration::MAX,
            idle_turns: most,
        };
        let world = crate::testing::World::new(Default::default(), limits, Journal::default());
        let ground = Pairs::new(|| world.try_pair())?;
        RealLoop::build(setup, Box::new(SimSelector(world)), Box::new(ground))
    }

    fn build(
        setup: &Setup,
        inner: Box<dyn Selector>,
        ground: Box<dyn Ground>,
    ) -> Result<RealLoop, LoopError> {
        let (clock, notes) = (ManualClock::new(), Rc::new(Notes::default()));
        let (descending, noted) = (setup.descending, notes.clone());
        let listened = Listened { inner, clock: clock.clone(), notes: noted, descending };
        let mut builder = EventLoop::builder().clock(clock.clone()).selector(listened);
        #[cfg(feature = "debug")]
        {
            // It reads the clock around each handle, which the model does not.
            builder = builder.debug(false);
        }
        if setup.always_poll {
            builder = builder.always_poll();
        }
        if setup.watched {
            builder = builder.observer(Noted(notes.clone()));
        }
        if let Some(picks) = &setup.picks {
            builder = builder.policy(Picking { left: picks.clone().into(), notes: notes.clone() });
        }
        let event_loop = builder.build()?;
        let reports = notes.clone();
        event_loop.set_exception_handler(Some(move |_: &_, _: &_| reports.see(Seen::Reported)));
        Ok(RealLoop(Rc::new(World {
            setup: setup.clone(),
            event_loop,
            ground,
            clock,
            notes,
            scheduled: RefCell::default(),
            rules: RefCell::default(),
            life: Arc::default(),
        })))
    }

    /// What it was built with.
    pub fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// What its policy picked since this was last asked: between two handles or more, in order.
    pub fn take_picks(&mut self) -> Vec<usize> {
        self.0.notes.picks.take()
    }
}

impl Drop for RealLoop {
    fn drop(&mut self) {
        // Callbacks do not hold the loop, so this is all that could be left.
        let _ = self.0.event_loop.close();
    }
}

impl Subject for RealLoop {
    fn apply(&mut self, op: &Op) -> Vec<Seen> {
        let world = &self.0;
        CURRENT.set(Rc::downgrade(world));
        world.notes.polls.set(0);
        world.perform(op);
        world.notes.see(Seen::Alive(Arc::strong_count(&world.life) - 1));
        world.notes.seen.take()
    }
}

impl World {
    fn perform(&self, op: &Op) {
        let (own, ground) = (&self.event_loop, &self.ground);
        match op {
            Op::RemoteStop => {
                let (handle, mut result) = (own.handle(), Ok(()));
                ground.elsewhere(&mut || result = handle.stop());
                self.note(result, |()| None);
            }
            Op::RemoveReader(fd) => self.note(own.remove_reader(ground.number(*fd)), answered),
            Op::RemoveWriter(fd) => self.note(own.remove_writer(ground.number(*fd)), answered),
            Op::Cancel(id) => self.cancel(*id),
            Op::Feed(fd) => ground.feed(*fd),
            Op::Drain(fd) => ground.drain(*fd),
            Op::Eof(fd) => ground.eof(*fd),
            Op::HangUp(fd) => ground.hang_up(*fd),
            Op::Fill(fd) => ground.fill(*fd),
            Op::Room(fd) => ground.room(*fd),
            Op::Advance(by) => self.clock.advance(*by),
            Op::Stop => own.stop(),
            Op::Turn(limit) => self.note(own.run_once(*limit), |()| Some(Seen::Returned)),
            Op::RunForever => self.note(own.run_forever(), |_| Some(Seen::Returned)),
            Op::NextDeadline => self.notes.see(Seen::Next(own.next_deadline())),
            Op::Close => self.note(own.close(), |report| {
                let (handles, timers) = (report.handles, report.timers);
                Some(Seen::Closed { handles, timers, descriptors: report.descriptors.len() })
            }),
            Op::Panic => {}
            Op::When(id, op) => self.rules.borrow_mut().push((*id, Op::clone(op))),
            Op::CallSoon(id)
            | Op::CallLater(id, _)
            | Op::CallAt(id, _)
            | Op::RemoteCall(id)
            | Op::AddReader(_, id)
            | Op::AddWriter(_, id) => self.schedule(*id, op),
        }
    }

    fn schedule(&self, id: Id, op: &Op) {
        if self.scheduled.borrow().len() < MOST_SCHEDULED {
            match self.try_schedule(id, op) {
                Ok(scheduled) => self.scheduled.borrow_mut().push((id, scheduled)),
                Err(error) => self.refused(error),
            }
        } else if self.event_loop.is_closed() {
            self.refused(LoopError::Closed);
        }
    }

    fn try_schedule(&self, id: Id, op: &Op) -> Result<Scheduled, LoopError> {
        let (own, ground) = (&self.event_loop, &self.ground);
        let life = self.life.clone();
        let run = move || {
            let _life = &life;
            World::run(id);
        };
        Ok(match op {
            Op::CallLater(_, delay) => Scheduled::Timer(own.call_later(*delay, run)?),
            Op::CallAt(_, when) => Scheduled::Timer(own.call_at(*when, run)?),
            Op::AddReader(fd, _) => Scheduled::Handle(own.add_reader(ground.number(*fd), run)?),
            Op::AddWriter(fd, _) => Scheduled::Handle(own.add_writer(ground.number(*fd), run)?),
            Op::RemoteCall(_) => {
                let (handle, mut run, mut result) = (own.handle(), Some(run), Ok(()));
                ground.elsewhere(&mut || {
                    result = run.take().map_or(Ok(()), |run| handle.call_soon_threadsafe(run));
                });
                result.map(|()| Scheduled::Remote)?
            }
            _ => Scheduled::Handle(own.call_soon(run)?),
        })
    }

    fn cancel(&self, id: Id) {
        let scheduled = self.scheduled.borrow();
        let found = scheduled.iter().rfind(|(name, _)| *name == id).map(|(_, found)| found.clone());
        drop(scheduled);
        let cancelled = match found {
            Some(Scheduled::Handle(handle)) => {
                let cancelled = handle.cancelled();
                handle.cancel();
                cancelled
            }
            Some(Scheduled::Timer(handle)) => {
                let cancelled = handle.cancelled();
                handle.cancel();
                cancelled
            }
            Some(Scheduled::Remote) | None => return,
        };
        self.notes.see(Seen::Answered(cancelled));
    }

    /// What is called `id` runs.
    fn run(id: Id) {
        let Some(world) = CURRENT.with_borrow(Weak::upgrade) else { return };
        world.notes.see(Seen::Ran(id, world.event_loop.time()));
        let rules = world.rules.borrow().clone();
        for (_, op) in rules.iter().filter(|(when, _)| *when == id) {
            if *op == Op::Panic {
                // (Without the panic hook, which would print.)
                resume_unwind(Box::new("as it was told to"));
            }
            world.perform(op);
        }
    }

    fn note<T>(&self, result: Result<T, LoopError>, seen: impl FnOnce(T) -> Option<Seen>) {
        match result {
            Ok(value) => self.notes.seen.borrow_mut().extend(seen(value)),
            Err(error) => self.refused(error),
        }
    }

    fn refused(&self, error: LoopError) {
        let why = match (error, self.notes.end.take()) {
            (LoopError::Closed, _) => Refusal::Closed,
            (LoopError::Running, _) => Refusal::Running,
            (LoopError::Io(_), Some(end)) => end,
            (other, _) => Refusal::Other(other.to_string()),
        };
        self.notes.see(Seen::Refused(why));
    }
}

fn answered(answer: bool) -> Option<Seen> {
    Some(Seen::Answered(answer))
}
