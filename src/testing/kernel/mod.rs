//! The simulated kernel: virtual time, descriptors, and whatever the world does to them.

mod clock;
mod selector;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) use clock::SimClock;
pub(crate) use selector::SimSelector;

use super::journal::{Act, Choice, Journal};
use super::schedule::{Fault, Schedule, Site};
use super::sim::Limits;
use crate::sys::Time;

/// Something that will happen by itself.
pub(crate) type Happening = Box<dyn FnOnce(&World)>;

/// The simulated world, as the program inside it sees it: what time it is, what will happen.
///
/// Clones are the same world.
#[derive(Clone)]
pub struct World(pub(crate) Rc<Kernel>);

pub(crate) struct Kernel {
    pub(crate) journal: Journal,
    pub(crate) now: Cell<Time>,
    pub(crate) schedule: Schedule,
    pub(crate) limits: Limits,
    pub(crate) decisions: Cell<u32>,
    /// Between how many things each decision chose.
    pub(crate) among: RefCell<Vec<u8>>,
    sites: RefCell<BTreeMap<Site, u32>>,
    /// What will happen, by time and then in the order it was planned.
    agenda: RefCell<BTreeMap<(Time, u64), Happening>>,
    next_happening: Cell<u64>,
    /// The bell was rung and no select has told yet.
    pub(crate) rung: Arc<AtomicBool>,
    /// Why the select refused to go on.
    pub(crate) end: Cell<Option<End>>,
}

/// Why a simulation is over before its program is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Quiescent,
    Limit(&'static str),
}

impl World {
    pub(crate) fn new(schedule: Schedule, limits: Limits, journal: Journal) -> World {
        World(Rc::new(Kernel {
            journal,
            now: Cell::new(Time::ZERO),
            schedule,
            limits,
            decisions: Cell::new(0),
            among: RefCell::default(),
            sites: RefCell::default(),
            agenda: RefCell::default(),
            next_happening: Cell::new(0),
            rung: Arc::default(),
            end: Cell::new(None),
        }))
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.0.now.get()
    }

    /// Has `what` happen in the world after `delay`: outside the loop, as the doing of a network or
    /// another thread.
    pub fn after(&self, delay: Duration, what: impl FnOnce(&World) + 'static) {
        let number = self.0.next_happening.get();
        self.0.next_happening.set(number + 1);
        let when = self.now() + delay;
        self.0.agenda.borrow_mut().insert((when, number), Box::new(what));
    }

    /// Lets `time` pass at once, as a callback does that computes for so long.
    pub fn busy(&self, time: Duration) {
        self.0.now.set(self.now() + time);
    }

    /// Writes a line of the program's own into the timeline.
    pub fn note(&self, text: impl Into<Rc<str>>) {
        self.act(Act::Note(text.into()));
    }

    pub(crate) fn act(&self, act: Act) {
        self.0.journal.act(self.now(), act);
    }

    /// Does what is due; `true` if there was anything.
    pub(crate) fn play_due(&self) -> bool {
        let mut any = false;
        loop {
            let mut agenda = self.0.agenda.borrow_mut();
            let Some(first) = agenda.first_entry().filter(|first| first.key().0 <= self.now())
            else {
                return any;
            };
            let what = first.remove();
            drop(agenda);
            what(self);
            any = true;
        }
    }

    /// When the next thing happens by itself.
    pub(crate) fn next_happening(&self) -> Option<Time> {
        self.0.agenda.borrow().first_key_value().map(|((when, _), _)| *when)
    }

    /// The schedule's decision between `among` things; 0 where there is nothing to choose.
    pub(crate) fn choose(&self, what: Choice, among: usize) -> usize {
        if among < 2 {
            return 0;
        }
        let decision = self.0.decisions.get();
        self.0.decisions.set(decision + 1);
        self.0.among.borrow_mut().push(u8::try_from(among).unwrap_or(u8::MAX));
        let picked = self.0.schedule.picks.get(&decision).copied().unwrap_or(0);
        let chosen = usize::from(picked) % among;
        if chosen != 0 {
            self.act(Act::Picked { decision, what, among, chosen });
        }
        chosen
    }

    /// The fault that the schedule has for this call of `site`, if any. Every call counts.
    pub(crate) fn fault(&self, site: Site) -> Option<Fault> {
        let mut sites = self.0.sites.borrow_mut();
        let calls = sites.entry(site).or_default();
        let nth = *calls;
        *calls += 1;
        drop(sites);
        let fault = self.0.schedule.faults.get(&(site, nth)).copied()?;
        self.act(Act::Fault { site, nth, fault });
        Some(fault)
    }
}
