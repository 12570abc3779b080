//! What the network does: it makes connections, brings bytes, and tells whoever has an end.

use std::net::SocketAddr;
use std::time::Duration;

use super::network::{Connection, Host, Network, Owner};
use super::phase::Phase;
use super::tcp::{Side, Tcp};
use super::{Happening, World};
use crate::testing::journal::Act;

/// How long a connect waits for an answer before it asks again; twice as long each time. (RFC 6298)
const RETRY: Duration = Duration::from_secs(1);

/// How often it does: after 127 seconds the attempt has failed. (Linux: tcp_syn_retries)
const RETRIES: u32 = 6;

/// What the agenda has to do for a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// The client's request comes to the listener; which attempt it is.
    Request(u32),
    /// The listener's answer comes to the client.
    Answer,
    /// The refusal does.
    Refusal,
    /// The client's confirmation comes to the listener.
    Confirmation,
    /// Bytes come in.
    Arrival,
}

impl World {
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Network) -> R) -> R {
        f(&mut self.0.network.borrow_mut())
    }

    pub(super) fn with_tcp<R>(&self, id: usize, f: impl FnOnce(&mut Tcp) -> R) -> Option<R> {
        self.with(|net| net.connection(id).map(|connection| f(&mut connection.tcp)))
    }

    /// Begins to make a connection whose first end `owner` has.
    pub(super) fn begin_connection(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        owner: impl FnOnce(usize) -> Owner,
    ) -> usize {
        let id = self.with(|net| {
            let link = net.links.between(local, remote);
            let mut tcp = Tcp::connecting(local, remote, link);
            tcp.cut(0, net.links.is_cut(local, remote));
            tcp.cut(1, net.links.is_cut(remote, local));
            let owners = [Owner::Nobody; 2];
            let id = net.connections.len();
            net.connections.push(Some(Connection { tcp, owners, planned: None, listener: None }));
            id
        });
        let owner = owner(id);
        self.with(|net| net.connection(id).map(|connection| connection.owners[0] = owner));
        id
    }

    /// Does `step` when it is on its way for so long as a packet is.
    pub(super) fn step_later(&self, id: usize, step: Step) {
        let latency = self.with_tcp(id, |tcp| tcp.link().latency.start).unwrap_or_default();
        match latency.is_zero() {
            true => self.step(id, step),
            false => self.plan(self.now() + latency, Happening::Step(id, step)),
        }
    }

    pub(super) fn step(&self, id: usize, step: Step) {
        match step {
            Step::Request(attempt) => self.request(id, attempt),
            Step::Answer => self.answer(id, false),
            Step::Refusal => self.answer(id, true),
            Step::Confirmation => self.confirm(id),
            Step::Arrival => {
                self.with(|net| net.connection(id).map(|connection| connection.planned = None));
                self.settle(id);
            }
        }
    }

    fn request(&self, id: usize, attempt: u32) {
        if attempt > RETRIES {
            return self.attempt_timed_out(id);
        }
        let found = self.with(|net| {
            let connection = net.connection(id)?;
            let [client, server] = &connection.tcp.ends;
            let (from, to) = (client.local, server.local);
            if client.released {
                net.connections[id] = None;
                return None;
            }
            let lost = net.links.is_cut(from, to) || net.links.is_cut(to, from);
            let listener = net.route(to, id);
            let full = listener.is_some_and(|l| net.listener(l).is_none_or(|l| l.is_full()));
            net.connection(id)?.listener = listener;
            Some((lost || full, listener))
        });
        match found {
            None => {}
            Some((false, Some(_))) => self.step_later(id, Step::Answer),
            Some((false, None)) => self.step_later(id, Step::Refusal),
            Some((true, _)) => {
                let when = self.now() + RETRY * 2_u32.pow(attempt);
                self.plan(when, Happening::Step(id, Step::Request(attempt + 1)));
            }
        }
    }

    fn attempt_timed_out(&self, id: usize) {
        self.with_tcp(id, Tcp::timed_out);
        self.tell_connected(id);
    }

    fn answer(&self, id: usize, refused: bool) {
        let abandoned = self.with_tcp(id, |tcp| tcp.ends[0].released);
        if abandoned != Some(false) {
            // What was begun is forgotten on both sides.
            self.with(|net| net.connections[id] = None);
            return;
        }
        self.with_tcp(id, |tcp| tcp.answered(refused));
        self.tell_connected(id);
        if refused {
            self.with_tcp(id, |tcp| tcp.ends[1].released = true);
        } else {
            self.step_later(id, Step::Confirmation);
        }
        self.poke(id);
    }

    fn tell_connected(&self, id: usize) {
        let told = self.with(|net| {
            let connection = net.connection(id)?;
            let Owner::Fd(fd) = connection.owners[0] else { return None };
            Some(Act::Connected { fd, error: connection.tcp.error(0) })
        });
        told.into_iter().for_each(|act| self.act(act));
    }

    fn confirm(&self, id: usize) {
        let host = self.with(|net| {
            let listener = net.connection(id)?.listener?;
            let listener = net.listener(listener)?;
            if let Host::Fd(_) = listener.host {
                listener.queue.push_back(id);
            }
            Some(listener.host)
        });
        match host {
            Some(Host::Fd(listener)) => self.act(Act::Waits { listener }),
            Some(Host::Group(group)) => self.serve(group, id),
            None => {
                self.with_tcp(id, |tcp| tcp.release_with_reset(1, self.now()));
            }
        }
        self.settle(id);
    }

    /// Nobody holds this end any more.
    pub(super) fn release(&self, id: usize, side: Side) {
        self.with(|net| {
            let now = self.now();
            let Some(connection) = net.connection(id) else { return };
            connection.owners[side] = Owner::Nobody;
            connection.tcp.release(side, now);
        });
    }

    /// Brings in what is due on a connection, tells of it, and has the agenda look after the rest.
    pub(super) fn settle(&self, id: usize) {
        while self.arrive(id, 0) | self.arrive(id, 1) {}
        let next = self.with(|net| {
            let connection = net.connection(id)?;
            if connection.tcp.is_over() {
                net.connections[id] = None;
                return None;
            }
            let next = connection.tcp.next_arrival()?;
            if connection.planned.is_some_and(|planned| planned <= next) {
                return None;
            }
            connection.planned = Some(next);
            Some(next)
        });
        if let Some(when) = next {
            self.plan(when, Happening::Step(id, Step::Arrival));
        }
        self.poke(id);
    }

    /// Whether anything came in for one end.
    pub(super) fn arrive(&self, id: usize, side: Side) -> bool {
        let now = self.now();
        let arrived = self.with(|net| {
            let connection = net.connection(id)?;
            // Nothing is for an end that does not know yet that it is one.
            if connection.tcp.ends[side].phase == Phase::Connecting {
                return None;
            }
            Some((connection.tcp.arrive(side, now), connection.owners[side]))
        });
        let Some((arrived, owner)) = arrived else { return false };
        if arrived.is_nothing() {
            return false;
        }
        if let Owner::Fd(fd) = owner {
            let (bytes, eof, reset) = (arrived.bytes, arrived.end, arrived.reset);
            self.act(Act::Arrived { fd, bytes, eof, reset });
        }
        true
    }

    /// Has scripts that hold an end go on.
    pub(super) fn poke(&self, id: usize) {
        let owners = self.with(|net| net.connection(id).map(|connection| connection.owners));
        for owner in owners.into_iter().flatten() {
            if let Owner::Script(script) = owner {
                self.go_on(script);
            }
        }
    }

    /// Every connection as the cuts say now.
    pub(super) fn cuts_changed(&self) {
        let ids = self.with(|net| {
            let Network { links, connections, .. } = net;
            for connection in connections.iter_mut().flatten() {
                let [one, other] = [0, 1].map(|side| connection.tcp.ends[side].local);
                connection.tcp.cut(0, links.is_cut(one, other));
                connection.tcp.cut(1, links.is_cut(other, one));
            }
            0..connections.len()
        });
        ids.for_each(|id| self.settle(id));
    }
}
