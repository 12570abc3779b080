//! Who may have a connection, and which: the books of a pool, without connections, tasks or time.
//!
//! Whoever wants a connection stands in a line ([`join`](Pool::join)); [`step`](Pool::step) serves
//! whom it can, one step at a time; who was served takes what it got with
//! [`collect`](Pool::collect), and gives it back with [`give_back`](Pool::give_back). A place in
//! the line:
//!
//! ```text
//! from     step, there is room  collect                leave
//! Waits    Served               Waits                  gone
//! Served   –                    gone, a slot is held   gone, the slot is free again
//! ```
//!
//! # The limits
//!
//! Every open connection counts, whether it is in use or idle: a limit that idle ones may exceed
//! would be none (aiohttp counts those in use alone). So a slot for a new connection may cost the
//! life of the one that has been idle longest, at another origin.
//!
//! # The order
//!
//! First come, first served, where a place that only the limit of its own origin holds up is
//! passed over: one slow server must not keep every other waiting. Among the places of one origin
//! nobody ever overtakes. A search through the line is linear in those who wait; they are few
//! beside the requests they wait for.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::sys::Time;

/// Somebody's place in the line. Tickets ascend and never come again.
pub(super) type Ticket = u64;

/// A connection that waits for another request, and since when.
type Idle<C> = (C, Time);

/// The books. `K` tells origins apart, `C` is a connection, `W` wakes who waits.
pub(super) struct Pool<K, C, W> {
    /// Open connections at most, in all and for each origin; 0 is no limit.
    limit: usize,
    limit_per_host: usize,
    line: VecDeque<Place<K, C, W>>,
    next: Ticket,
    hosts: HashMap<K, Host<C>>,
    in_use: usize,
    idle: usize,
}

struct Place<K, C, W> {
    ticket: Ticket,
    key: K,
    stage: Stage<C, W>,
}

enum Stage<C, W> {
    /// For a slot.
    Waits(W),
    /// It has a slot, with a connection or leave to make one.
    Served(Option<Idle<C>>),
}

struct Host<C> {
    in_use: usize,
    /// The one that has been idle longest first.
    idle: Vec<Idle<C>>,
}

/// What [`Pool::step`] asks of its shell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<C, W> {
    /// Somebody was served: wake them.
    Wake(W),
    /// This connection has to make room for another origin's: close it.
    Close(C),
}

impl<K: Clone + Eq + Hash, C, W> Pool<K, C, W> {
    /// Empty books with these limits; 0 is none.
    pub(super) fn new(limit: usize, limit_per_host: usize) -> Self {
        Pool {
            limit,
            limit_per_host,
            line: VecDeque::new(),
            next: 0,
            hosts: HashMap::new(),
            in_use: 0,
            idle: 0,
        }
    }

    /// Stands in the line. [`step`](Pool::step) is to be called until it gives nothing.
    pub(super) fn join(&mut self, key: K, waker: W) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.line.push_back(Place { ticket, key, stage: Stage::Waits(waker) });
        ticket
    }

    /// What the place has got: a connection, or leave to make one. `None` while it waits. With
    /// this the place is given up, and the slot is held until [`give_back`](Pool::give_back).
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<Option<C>> {
        let at = self.find(ticket)?;
        if let Stage::Waits(_) = self.line[at].stage {
            return None;
        }
        match self.line.remove(at)?.stage {
            Stage::Served(got) => Some(got.map(|(connection, _)| connection)),
            Stage::Waits(_) => None,
        }
    }

    /// The waker of a place that waits.
    pub(super) fn waker_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        let at = self.find(ticket)?;
        match &mut self.line[at].stage {
            Stage::Waits(waker) => Some(waker),
            Stage::Served(_) => None,
        }
    }

    /// Gives up a place; what it has got is free again. [`step`](Pool::step) is to be called until
    /// it gives nothing.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let Some(place) = self.find(ticket).and_then(|at| self.line.remove(at)) else { return };
        if let Stage::Served(got) = place.stage {
            self.give_back(&place.key, got);
        }
    }

    /// Gives a slot back, with the connection if it can carry another request, and since when it
    /// has been idle. [`step`](Pool::step) is to be called until it gives nothing.
    pub(super) fn give_back(&mut self, key: &K, connection: Option<Idle<C>>) {
        self.in_use = self.in_use.saturating_sub(1);
        let Some(host) = self.hosts.get_mut(key) else { return };
        host.in_use = host.in_use.saturating_sub(1);
        if let Some(connection) = connection {
            let at = host.idle.partition_point(|(_, since)| *since <= connection.1);
            host.idle.insert(at, connection);
            self.idle += 1;
        }
        self.forget_if_unused(key);
    }

    /// Another idle connection for whoever holds a slot of this origin and found its own dead.
    pub(super) fn another(&mut self, key: &K) -> Option<C> {
        self.take_idle(key).map(|(connection, _)| connection)
    }

    fn take_idle(&mut self, key: &K) -> Option<Idle<C>> {
        let idle = self.hosts.get_mut(key)?.idle.pop()?;
        self.idle -= 1;
        Some(idle)
    }

    /// Serves the first who can be served, or says what has to be done for it.
    pub(super) fn step(&mut self) -> Option<Step<C, W>> {
        if self.limit != 0 && self.in_use >= self.limit {
            return None;
        }
        let at = self.line.iter().position(|place| self.may_be_served(place))?;
        let key = self.line[at].key.clone();
        let kept = self.take_idle(&key);
        if kept.is_none() && self.limit != 0 && self.in_use + self.idle >= self.limit {
            return self.evict().map(Step::Close);
        }
        let host = self.hosts.entry(key).or_insert(Host { in_use: 0, idle: Vec::new() });
        host.in_use += 1;
        self.in_use += 1;
        match std::mem::replace(&mut self.line[at].stage, Stage::Served(kept)) {
            Stage::Waits(waker) => Some(Step::Wake(waker)),
            Stage::Served(_) => None,
        }
    }

    /// Whether it waits for nothing but the limit on all.
    fn may_be_served(&self, place: &Place<K, C, W>) -> bool {
        let in_use = self.hosts.get(&place.key).map_or(0, |host| host.in_use);
        let room = self.limit_per_host == 0 || in_use < self.limit_per_host;
        room && matches!(place.stage, Stage::Waits(_))
    }

    /// Takes out the connection that has been idle longest.
    fn evict(&mut self) -> Option<C> {
        let firsts = self.hosts.iter().filter_map(|(key, host)| Some((host.idle.first()?.1, key)));
        let key = firsts.min_by_key(|(since, _)| *since)?.1.clone();
        let (connection, _) = self.hosts.get_mut(&key)?.idle.remove(0);
        self.idle -= 1;
        self.forget_if_unused(&key);
        Some(connection)
    }

    /// Takes out every connection that has been idle since before or at `when`.
    pub(super) fn older_than(&mut self, when: Time) -> Vec<C> {
        let mut old = Vec::new();
        for host in self.hosts.values_mut() {
            let young = host.idle.partition_point(|(_, since)| *since <= when);
            old.extend(host.idle.drain(..young).map(|(connection, _)| connection));
        }
        self.idle -= old.len();
        self.hosts.retain(|_, host| host.is_used());
        old
    }

    /// Since when the connection has been idle that is the longest.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.hosts.values().filter_map(|host| host.idle.first()).map(|(_, since)| *since).min()
    }

    /// How many connections are in use, and how many idle.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.in_use, self.idle)
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |place| place.ticket).ok()
    }

    fn forget_if_unused(&mut self, key: &K) {
        if self.hosts.get(key).is_some_and(|host| !host.is_used()) {
            self.hosts.remove(key);
        }
    }
}

impl<C> Host<C> {
    fn is_used(&self) -> bool {
        self.in_use > 0 || !self.idle.is_empty()
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
