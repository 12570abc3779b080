//! The simulated kernel: virtual time, descriptors, a network, and whatever the world does to them.
//!
//! | file                                      | what                                              |
//! |-------------------------------------------|---------------------------------------------------|
//! | `lane.rs`, `tcp.rs` (with `phase.rs` and `tcp_end.rs`), `pair.rs`, `pipe.rs` | pure machines: time and bytes are arguments |
//! | `table.rs`, `registry.rs`, `link.rs`      | pure tables: numbers, registrations, links        |
//! | `network.rs`                              | everything there is, in one place                 |
//! | `wire.rs`                                 | what happens by itself: connections, packets      |
//! | `calls.rs`, `bytes.rs`                    | what the program does: system calls               |
//! | `select.rs`                               | what it is told, and the faults in that           |
//! | `sockets.rs`, `selector.rs`, `clock.rs`   | the loop's seams over all this                    |
//! | `peer.rs`, `end.rs`, `thread.rs`          | what a test puts around its program               |
//!
//! Nothing here is real: no descriptor, no thread, no clock, no name server. What a real kernel
//! leaves open is asked of the schedule ([`World::choose`], [`World::fault`]); all else follows
//! from what the program does. Nothing hangs on an address in memory or on the order of a hash.

mod bytes;
mod calls;
mod clock;
mod end;
mod lane;
mod link;
mod network;
mod pair;
mod peer;
mod phase;
mod pipe;
mod registry;
mod select;
mod selector;
mod sockets;
mod table;
mod tcp;
mod tcp_end;
#[cfg(test)]
mod tests;
mod thread;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) use clock::SimClock;
pub use end::SimFd;
pub use link::Link;
use network::Network;
pub use peer::{Peer, PeerOp};
pub(crate) use select::{LONGEST_JUMP, LONGEST_WITHHELD};
pub(crate) use selector::SimSelector;
pub(crate) use sockets::SimSockets;
use thread::Thread;
use wire::Step;

use super::journal::{Act, Choice, Journal};
use super::schedule::{Fault, Schedule, Site};
use super::sim::Limits;
use crate::selector::{SelectorKey, Token};
use crate::sys::Time;

/// Something that will happen by itself.
enum Happening {
    /// Whatever the test says.
    Call(Box<dyn FnOnce(&World)>),
    /// What another thread does.
    Thread(Thread),
    /// A connection's next step.
    Step(usize, Step),
    /// A script's pause is over.
    PauseOver(usize),
    /// The registration with this token is told of again.
    Tell(Token),
}

/// The simulated world, as the program inside it sees it: what time it is, what will happen, who
/// else is on the network.
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
    sites: [Cell<u32>; SITES.len()],
    /// What will happen, by time and then in the order it was planned.
    agenda: RefCell<BTreeMap<(Time, u64), Happening>>,
    next_happening: Cell<u64>,
    /// How much has happened.
    happened: Cell<u64>,
    /// The bell was rung and no select has told yet.
    pub(crate) rung: Arc<AtomicBool>,
    network: RefCell<Network>,
    idle: select::Idle,
    race: thread::Race,
    /// Why the select refused to go on.
    pub(crate) end: Cell<Option<End>>,
}

const SITES: [Site; 5] = [Site::Select, Site::Recv, Site::Send, Site::Accept, Site::Connect];

/// Why a simulation is over before its program is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Quiescent,
    Limit(&'static str),
}

impl World {
    pub(crate) fn new(schedule: Schedule, limits: Limits, journal: Journal) -> World {
        World(Rc::new(Kernel {
            race: thread::Race::of(&schedule),
            journal,
            now: Cell::new(Time::ZERO),
            schedule,
            limits,
            decisions: Cell::new(0),
            among: RefCell::default(),
            sites: Default::default(),
            agenda: RefCell::default(),
            next_happening: Cell::new(0),
            happened: Cell::new(0),
            rung: Arc::default(),
            network: RefCell::new(Network::new()),
            idle: select::Idle::default(),
            end: Cell::new(None),
        }))
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.0.now.get()
    }

    /// Has `what` happen in the world after `delay`: outside the loop, as the doing of a network
    /// or a peer. It runs while the loop waits, so it may not touch the loop; what another
    /// thread does to it is [`World::thread`].
    pub fn after(&self, delay: Duration, what: impl FnOnce(&World) + 'static) {
        self.plan(self.now() + delay, Happening::Call(Box::new(what)));
    }

    /// Lets `time` pass at once, as a callback does that computes for so long.
    pub fn busy(&self, time: Duration) {
        self.0.now.set(self.now() + time);
    }

    /// Writes a line of the program's own into the timeline.
    pub fn note(&self, text: impl Into<Rc<str>>) {
        self.act(Act::Note(text.into()));
    }

    /// Forgets what would still have happened: it may hold wakers, and this world. An error is the
    /// payload of a destructor that panicked.
    pub(crate) fn end(&self) -> std::thread::Result<()> {
        let rest = self.0.agenda.take();
        catch_unwind(AssertUnwindSafe(|| drop(rest)))
    }

    /// Has bytes between `one` and `other` travel by `link`, both ways: those of connections that
    /// are begun from now on. An unspecified IP address (`0.0.0.0`, `::`) stands for every
    /// address, and port 0 for every port; of several links that fit the last one counts.
    pub fn link(&self, one: SocketAddr, other: SocketAddr, link: Link) {
        self.with(|net| net.links.set(one, other, link));
    }

    /// From now on nothing gets from `from` to `to`, as of [`link`](World::link) any address or
    /// port. What is sent waits on its way; a connect asks again after 1, 2, 4… seconds and fails
    /// with ETIMEDOUT after 127, as on Linux.
    pub fn partition(&self, from: SocketAddr, to: SocketAddr) {
        self.with(|net| net.links.cut(from, to));
        self.act(Act::Partition { from, to, healed: false });
        self.cuts_changed();
    }

    /// Ends every partition whose two addresses are, or are covered by, these.
    pub fn heal(&self, from: SocketAddr, to: SocketAddr) {
        self.with(|net| net.links.heal(from, to));
        self.act(Act::Partition { from, to, healed: true });
        self.cuts_changed();
    }

    /// Resets every connection between `one` and `other`, at both ends and at once. As of
    /// [`link`](World::link), they may stand for any address or port.
    pub fn reset(&self, one: SocketAddr, other: SocketAddr) {
        let meant = |tcp: &tcp::Tcp| {
            let [a, b] = [0, 1].map(|side| tcp.ends[side].local);
            (link::matches(one, a) && link::matches(other, b))
                || (link::matches(one, b) && link::matches(other, a))
        };
        let ids = self.with(|net| {
            let all = net.connections.iter().enumerate();
            let meant = all.filter(|(_, c)| c.as_ref().is_some_and(|c| meant(&c.tcp)));
            meant.map(|(id, _)| id).collect::<Vec<_>>()
        });
        ids.into_iter().for_each(|id| self.break_down(id));
    }

    /// At most `limit` descriptors are open at once from now on: another is EMFILE.
    pub fn descriptor_limit(&self, limit: usize) {
        self.with(|net| net.table.set_limit(limit));
    }

    /// The descriptors that are open, by number.
    pub fn open_fds(&self) -> Vec<RawFd> {
        self.with(|net| net.table.all().map(|open| open.fd).collect())
    }

    /// What is registered with the selector, in the order of descriptors.
    pub fn registrations(&self) -> Vec<SelectorKey> {
        self.with(|net| net.registry.keys())
    }

    pub(crate) fn act(&self, act: Act) {
        self.0.journal.act(self.now(), act);
    }

    fn plan(&self, when: Time, what: Happening) {
        let number = self.0.next_happening.get();
        self.0.next_happening.set(number + 1);
        self.0.agenda.borrow_mut().insert((when, number), what);
    }

    /// Does what is due.
    fn play_due(&self) {
        loop {
            let mut agenda = self.0.agenda.borrow_mut();
            let Some(first) = agenda.first_entry().filter(|first| first.key().0 <= self.now())
            else {
                return;
            };
            let what = first.remove();
            drop(agenda);
            self.0.happened.set(self.0.happened.get() + 1);
            if self.0.happened.get() > self.0.limits.handles {
                return;
            }
            self.play(what);
        }
    }

    fn play(&self, what: Happening) {
        match what {
            Happening::Call(call) => call(self),
            Happening::Thread(thread) => self.run_thread(thread),
            Happening::Step(id, step) => self.step(id, step),
            Happening::PauseOver(script) => self.pause_over(script),
            Happening::Tell(token) => self.with(|net| net.registry.tell_again(token)),
        }
    }

    /// When the next thing happens by itself.
    fn next_happening(&self) -> Option<Time> {
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

    /// The fault that the schedule has for this call of `site`, if any, and if it is one that such
    /// a call can have. Every call counts.
    pub(crate) fn fault(&self, site: Site) -> Option<Fault> {
        let calls = &self.0.sites[site_index(site)];
        let nth = calls.get();
        calls.set(nth + 1);
        let fault = self.planned_fault(site, nth)?;
        self.act(Act::Fault { site, nth, fault });
        Some(fault)
    }

    fn planned_fault(&self, site: Site, nth: u32) -> Option<Fault> {
        let faults = &self.0.schedule.faults;
        if faults.is_empty() {
            return None;
        }
        faults.get(&(site, nth)).copied().filter(|fault| fits(site, *fault))
    }
}

fn site_index(site: Site) -> usize {
    SITES.iter().position(|other| *other == site).unwrap_or(0)
}

/// Whether a call of `site` can have that fault.
fn fits(site: Site, fault: Fault) -> bool {
    match fault {
        Fault::Eintr
        | Fault::Spurious(_)
        | Fault::Withhold(_)
        | Fault::OneEvent
        | Fault::Reverse
        | Fault::MergeHup
        | Fault::Stale
        | Fault::NotifyRace
        | Fault::Jump(_) => site == Site::Select,
        Fault::Short(_) => matches!(site, Site::Recv | Site::Send),
        Fault::Again => matches!(site, Site::Recv | Site::Send | Site::Accept),
        Fault::Reset => matches!(site, Site::Recv | Site::Send | Site::Connect),
        Fault::Emfile | Fault::Aborted => site == Site::Accept,
    }
}
