//! What there is: descriptors, listeners, connections, and who waits for what.
//!
//! This is data and questions about it; what happens to it is in `wire.rs` and `calls.rs`.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use super::link::Links;
use super::pair::Pair;
use super::peer::{Group, Script};
use super::pipe::Pipe;
use super::registry::Registry;
use super::table::{Open, Table};
use super::tcp::{Side, Tcp};
use crate::selector::Readiness;
use crate::sys::Time;
use crate::testing::journal::Errno;

/// What a descriptor is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Object {
    Listener(usize),
    Tcp(usize, Side),
    Pair(usize, Side),
    Pipe(usize, Side),
}

/// Who has an end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Nobody,
    Fd(RawFd),
    Script(usize),
}

pub(super) struct Connection {
    pub(super) tcp: Tcp,
    pub(super) owners: [Owner; 2],
    /// When the agenda looks after it next.
    pub(super) planned: Option<Time>,
    /// Where it goes to be accepted.
    pub(super) listener: Option<usize>,
}

/// Who takes connections that come to a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Host {
    Fd(RawFd),
    Group(usize),
}

pub(super) struct Listener {
    pub(super) local: SocketAddr,
    pub(super) backlog: usize,
    pub(super) queue: VecDeque<usize>,
    pub(super) host: Host,
    /// SO_REUSEPORT.
    pub(super) shared: bool,
    /// IPV6_V6ONLY, which is so of an IPv4 listener, too.
    pub(super) one_family: bool,
}

impl Listener {
    /// (Linux: sk_acceptq_is_full, which lets one more in than listen(2) says.)
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() > self.backlog
    }

    fn takes(&self, address: SocketAddr) -> bool {
        self.local.port() == address.port()
            && (self.local.ip() == address.ip() || self.takes_every_interface(address))
    }

    fn takes_every_interface(&self, address: SocketAddr) -> bool {
        self.local.ip().is_unspecified()
            && (self.local.is_ipv4() == address.is_ipv4() || !self.one_family)
    }
}

/// The ends of something local, and their numbers.
pub(super) struct Couple<T> {
    pub(super) inside: T,
    pub(super) fds: [RawFd; 2],
}

pub(super) struct Network {
    pub(super) table: Table<Object>,
    pub(super) registry: Registry,
    pub(super) links: Links,
    pub(super) listeners: Vec<Option<Listener>>,
    /// Never shorter: an index is used once.
    pub(super) connections: Vec<Option<Connection>>,
    pub(super) pairs: Vec<Option<Couple<Pair>>>,
    pub(super) pipes: Vec<Option<Couple<Pipe>>>,
    pub(super) scripts: Vec<Script>,
    pub(super) groups: Vec<Group>,
    pub(super) hosts: Vec<(String, IpAddr)>,
    next_port: u16,
}

/// The first port given to whoever asks for none. (RFC 6335, 6: the dynamic ports)
const FIRST_PORT: u16 = 49_152;

/// The program's own addresses, for connections that leave the machine. (RFC 5737, RFC 3849)
const OURS_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OURS_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

impl Network {
    pub(super) fn new() -> Network {
        Network {
            table: Table::new(),
            registry: Registry::default(),
            links: Links::default(),
            listeners: Vec::new(),
            connections: Vec::new(),
            pairs: Vec::new(),
            pipes: Vec::new(),
            scripts: Vec::new(),
            groups: Vec::new(),
            hosts: Vec::new(),
            next_port: FIRST_PORT,
        }
    }

    pub(super) fn connection(&mut self, id: usize) -> Option<&mut Connection> {
        self.connections.get_mut(id)?.as_mut()
    }

    pub(super) fn listener(&mut self, id: usize) -> Option<&mut Listener> {
        self.listeners.get_mut(id)?.as_mut()
    }

    fn tcp(&self, id: usize) -> Option<&Tcp> {
        Some(&self.connections.get(id)?.as_ref()?.tcp)
    }

    /// What is so of a descriptor.
    pub(super) fn readiness(&self, object: Object) -> Readiness {
        let found = match object {
            Object::Listener(id) => {
                let waits = |listener: &Listener| !listener.queue.is_empty();
                return match self.listeners[id].as_ref().is_some_and(waits) {
                    true => Readiness::READABLE,
                    false => Readiness::default(),
                };
            }
            Object::Tcp(id, side) => self.tcp(id).map(|tcp| tcp.readiness(side)),
            Object::Pair(id, side) => self.pairs[id].as_ref().map(|c| c.inside.readiness(side)),
            Object::Pipe(id, side) => self.pipes[id].as_ref().map(|c| c.inside.readiness(side)),
        };
        found.unwrap_or_default()
    }

    /// How many bytes a descriptor has to receive, and whether an end of file follows them.
    pub(super) fn left(&self, object: Object) -> (usize, bool) {
        let found = match object {
            Object::Listener(_) => None,
            Object::Tcp(id, side) => {
                self.tcp(id).map(|tcp| (tcp.unread(side), tcp.has_ended(side)))
            }
            Object::Pair(id, side) => {
                let pair = self.pairs[id].as_ref().map(|couple| &couple.inside);
                pair.map(|pair| (pair.unread(side), pair.has_ended(side)))
            }
            Object::Pipe(id, side) => {
                let pipe = self.pipes[id].as_ref().map(|couple| &couple.inside);
                pipe.map(|pipe| (pipe.unread(side), pipe.has_ended()))
            }
        };
        found.unwrap_or_default()
    }

    /// Where a listener asked for, with a port if it has none.
    ///
    /// # Errors
    ///
    /// EADDRINUSE.
    pub(super) fn bind(&mut self, wanted: &Listener) -> Result<SocketAddr, Errno> {
        let mut local = wanted.local;
        if local.port() == 0 {
            local.set_port(self.free_port());
            return Ok(local);
        }
        let in_use = self.listeners.iter().flatten().any(|other| {
            let apart = other.shared && wanted.shared;
            !apart && (other.takes(local) || (wanted.takes(other.local)))
        });
        if in_use { Err(libc::EADDRINUSE) } else { Ok(local) }
    }

    fn free_port(&mut self) -> u16 {
        let ports = self.next_port..=u16::MAX;
        let taken = |port: &u16| self.listeners.iter().flatten().any(|l| l.local.port() == *port);
        let port = ports.clone().find(|port| !taken(port)).unwrap_or(FIRST_PORT);
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    /// Where a connection to `remote` comes from.
    ///
    /// # Errors
    ///
    /// EADDRINUSE; EINVAL if the two addresses are of different families.
    pub(super) fn source(
        &mut self,
        remote: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<SocketAddr, Errno> {
        let ours = match (remote.ip().is_loopback(), remote.ip()) {
            (true, ip) => ip,
            (false, IpAddr::V4(_)) => IpAddr::V4(OURS_V4),
            (false, IpAddr::V6(_)) => IpAddr::V6(OURS_V6),
        };
        let mut local = local.unwrap_or(SocketAddr::new(ours, 0));
        if local.is_ipv4() != remote.is_ipv4() {
            return Err(libc::EINVAL);
        }
        if local.ip().is_unspecified() {
            local.set_ip(ours);
        }
        if local.port() == 0 {
            local.set_port(self.free_port());
        } else if self.is_taken(local) {
            return Err(libc::EADDRINUSE);
        }
        Ok(local)
    }

    fn is_taken(&self, local: SocketAddr) -> bool {
        let connected = |c: &Connection| c.tcp.ends[0].local == local && !c.tcp.ends[0].released;
        self.listeners.iter().flatten().any(|listener| listener.takes(local))
            || self.connections.iter().flatten().any(connected)
    }

    /// Who takes connections to `address`: one that is bound to it before one that is bound to
    /// every interface, and of several that share it, one after the other.
    pub(super) fn route(&self, address: SocketAddr, turn: usize) -> Option<usize> {
        let fits = |exact: bool| {
            let listeners = self.listeners.iter().enumerate();
            listeners.filter_map(move |(id, listener)| {
                let listener = listener.as_ref().filter(|listener| listener.takes(address))?;
                (!exact || listener.local.ip() == address.ip()).then_some(id)
            })
        };
        let exact = fits(true).count() > 0;
        let many = fits(exact).count();
        if many == 0 { None } else { fits(exact).nth(turn % many) }
    }

    pub(super) fn all_open(&self) -> Vec<Open<Object>> {
        self.table.all().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn listener(local: &str, shared: bool, one_family: bool) -> Listener {
        let queue = VecDeque::new();
        let host = Host::Fd(-1);
        Listener { local: at(local), backlog: 1, queue, host, shared, one_family }
    }

    fn network(listeners: Vec<Listener>) -> Network {
        let mut network = Network::new();
        network.listeners = listeners.into_iter().map(Some).collect();
        network
    }

    #[test]
    fn a_port_is_shared_only_if_both_ask_for_it() {
        let mut net = network(vec![listener("127.0.0.1:80", true, true)]);
        assert!(net.bind(&listener("127.0.0.1:80", true, true)).is_ok());
        assert_eq!(net.bind(&listener("127.0.0.1:80", false, true)), Err(libc::EADDRINUSE));
        assert_eq!(net.bind(&listener("0.0.0.0:80", false, true)), Err(libc::EADDRINUSE));
        assert!(net.bind(&listener("127.0.0.1:81", false, true)).is_ok());
    }

    #[test]
    fn the_two_families_share_a_port_only_where_ipv6_keeps_to_itself() {
        let mut net = network(vec![listener("0.0.0.0:80", false, true)]);
        assert!(net.bind(&listener("[::]:80", false, true)).is_ok());
        assert_eq!(net.bind(&listener("[::]:80", false, false)), Err(libc::EADDRINUSE));
    }

    #[test]
    fn whoever_asks_for_no_port_is_given_a_free_one() {
        let mut net = network(vec![listener("127.0.0.1:49152", false, true)]);
        let given = net.bind(&listener("127.0.0.1:0", false, true)).unwrap();
        assert_eq!(given.port(), 49_153);
    }

    #[test]
    fn a_connection_goes_to_the_listener_that_is_bound_most_closely() {
        let net = network(vec![
            listener("0.0.0.0:80", false, true),
            listener("10.0.0.1:80", true, true),
            listener("10.0.0.1:80", true, true),
            listener("[::]:90", false, false),
        ]);
        assert_eq!(net.route(at("10.0.0.2:80"), 0), Some(0));
        assert_eq!([0, 1, 2].map(|turn| net.route(at("10.0.0.1:80"), turn)), [1, 2, 1].map(Some));
        assert_eq!(net.route(at("10.0.0.1:90"), 0), Some(3));
        assert_eq!(net.route(at("[::1]:80"), 0), None);
    }

    #[test]
    fn a_connection_comes_from_an_address_that_fits_its_way() {
        let mut net = network(Vec::new());
        let from = |net: &mut Network, to: &str| net.source(at(to), None).unwrap().ip().to_string();
        assert_eq!(from(&mut net, "127.0.0.1:80"), "127.0.0.1");
        assert_eq!(from(&mut net, "10.0.0.1:80"), "192.0.2.1");
        assert_eq!(from(&mut net, "[2001:db8::9]:80"), "2001:db8::1");
        let wrong = net.source(at("[::1]:80"), Some(at("127.0.0.1:0")));
        assert_eq!(wrong, Err(libc::EINVAL));
    }
}
