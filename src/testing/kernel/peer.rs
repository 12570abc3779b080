//! Peers: what is at the other end of a connection, where that is not the program itself.

use std::collections::VecDeque;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use super::network::{Host, Listener, Owner};
use super::phase::Phase;
use super::tcp::{Side, Tcp};
use super::wire::Step;
use super::{Happening, World};

/// One thing that a peer does. It begins the next when this one is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerOp {
    /// Sends these bytes, as there is room for them.
    Send(Vec<u8>),
    /// Receives so many bytes, one way or another. A peer receives nothing else: what it does not
    /// expect fills its buffer. If the connection ends first, this is over too.
    Expect(usize),
    /// Receives until the end of file, or a reset.
    ExpectEnd,
    /// Does nothing for so long.
    Pause(Duration),
    /// Sends its end of file, and can still receive.
    HalfClose,
    /// Resets the connection.
    Reset,
    /// Closes its end: a reset if something has come that was not received, as of any socket.
    Close,
}

/// A peer of the program, or many with one script: what came of it can be asked for.
///
/// When its script is over it holds its end of the connection and does nothing more.
#[derive(Clone)]
pub struct Peer {
    world: World,
    group: usize,
}

/// Peers with one script.
pub(super) struct Group {
    ops: Vec<PeerOp>,
    scripts: Vec<usize>,
}

/// One connection's peer.
pub(super) struct Script {
    connection: usize,
    side: Side,
    ops: VecDeque<PeerOp>,
    /// How much of the first of them is done: bytes.
    progress: usize,
    received: Vec<u8>,
    /// It is doing something now, and whatever that leads to comes after.
    busy: bool,
}

impl Peer {
    /// How many connections it has, or had.
    pub fn connections(&self) -> usize {
        self.world.with(|net| net.groups[self.group].scripts.len())
    }

    /// What it has received on its connections, first to last.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.world.with(|net| {
            let scripts = net.groups[self.group].scripts.iter();
            scripts.map(|script| net.scripts[*script].received.clone()).collect()
        })
    }

    /// Whether it has a connection, and on each has done all that its script says.
    pub fn is_done(&self) -> bool {
        self.world.with(|net| {
            let scripts = &net.groups[self.group].scripts;
            !scripts.is_empty() && scripts.iter().all(|at| net.scripts[*at].ops.is_empty())
        })
    }
}

impl World {
    /// A peer that listens on `address` and does with every connection what `script` says.
    ///
    /// # Panics
    ///
    /// If somebody listens on that address already.
    #[track_caller]
    pub fn peer(&self, address: SocketAddr, script: Vec<PeerOp>) -> Peer {
        let bound = self.with(|net| {
            let group = net.groups.len();
            let mut listener = Listener {
                local: address,
                backlog: usize::MAX - 1,
                queue: VecDeque::new(),
                host: Host::Group(group),
                shared: false,
                one_family: true,
            };
            listener.local = net.bind(&listener)?;
            net.groups.push(Group { ops: script, scripts: Vec::new() });
            net.listeners.push(Some(listener));
            Ok::<usize, i32>(group)
        });
        match bound {
            Ok(group) => Peer { world: self.clone(), group },
            Err(_) => panic!("a peer cannot listen on {address}: somebody does already"),
        }
    }

    /// A peer that connects to `to` now, from an address of its own, and then does what `script`
    /// says.
    pub fn connect_peer(&self, to: SocketAddr, script: Vec<PeerOp>) -> Peer {
        let from = self.with(|net| net.source(to, None)).unwrap_or(to);
        self.connect_peer_from(from, to, script)
    }

    /// The same from that address, which links and partitions may name.
    pub fn connect_peer_from(&self, from: SocketAddr, to: SocketAddr, script: Vec<PeerOp>) -> Peer {
        let group = self.with(|net| {
            net.groups.push(Group { ops: script, scripts: Vec::new() });
            net.groups.len() - 1
        });
        let id = self.begin_connection(from, to, |id| self.new_script(group, id, 0));
        self.step_later(id, Step::Request(0));
        Peer { world: self.clone(), group }
    }

    fn new_script(&self, group: usize, connection: usize, side: Side) -> Owner {
        self.with(|net| {
            let script = Script {
                connection,
                side,
                ops: net.groups[group].ops.clone().into(),
                progress: 0,
                received: Vec::new(),
                busy: false,
            };
            net.scripts.push(script);
            net.groups[group].scripts.push(net.scripts.len() - 1);
            Owner::Script(net.scripts.len() - 1)
        })
    }

    /// A connection has come to a peer.
    pub(super) fn serve(&self, group: usize, id: usize) {
        let owner = self.new_script(group, id, 1);
        self.with(|net| net.connection(id).map(|connection| connection.owners[1] = owner));
    }

    /// Does what a script says, until it has to wait.
    pub(super) fn go_on(&self, at: usize) {
        if self.with(|net| std::mem::replace(&mut net.scripts[at].busy, true)) {
            return;
        }
        while self.next_op(at) {}
        self.with(|net| net.scripts[at].busy = false);
    }

    /// Whether an operation is over.
    fn next_op(&self, at: usize) -> bool {
        // It leaves its place while it is done: it may hold many bytes, too many to copy.
        let next = self.with(|net| {
            let script = &net.scripts[at];
            let (id, side) = (script.connection, script.side);
            let phase = net.connection(id).map(|c| c.tcp.ends[side].phase);
            if phase == Some(Phase::Connecting) {
                return None;
            }
            Some((net.scripts[at].ops.pop_front()?, id, side))
        });
        let Some((op, id, side)) = next else { return false };
        let over = match op {
            PeerOp::Pause(_) => false,
            _ => self.do_op(at, &op, id, side),
        };
        let pause = if let PeerOp::Pause(time) = op { Some(time) } else { None };
        self.with(|net| net.scripts[at].ops.push_front(op));
        if let Some(time) = pause {
            return self.pause(at, time);
        }
        if over {
            self.op_is_over(at);
        }
        self.settle(id);
        over
    }

    fn op_is_over(&self, at: usize) {
        self.with(|net| {
            net.scripts[at].ops.pop_front();
            net.scripts[at].progress = 0;
        });
    }

    /// A pause is over when the agenda says so: `progress` is 1 while it lasts.
    fn pause(&self, at: usize, time: Duration) -> bool {
        if self.with(|net| std::mem::replace(&mut net.scripts[at].progress, 1)) == 0 {
            self.plan(self.now() + time, Happening::PauseOver(at));
        }
        false
    }

    pub(super) fn pause_over(&self, at: usize) {
        self.op_is_over(at);
        self.go_on(at);
    }

    fn do_op(&self, at: usize, op: &PeerOp, id: usize, side: Side) -> bool {
        match op {
            PeerOp::Send(bytes) => self.peer_sends(at, bytes, id, side),
            PeerOp::Expect(count) => self.peer_receives(at, *count, id, side),
            PeerOp::ExpectEnd => self.peer_receives(at, usize::MAX, id, side),
            PeerOp::Pause(_) => false,
            PeerOp::HalfClose => {
                let now = self.now();
                self.with_tcp(id, |tcp| tcp.shutdown(side, now, Shutdown::Write));
                true
            }
            PeerOp::Reset => {
                let now = self.now();
                self.with_tcp(id, |tcp| tcp.release_with_reset(side, now));
                true
            }
            PeerOp::Close => {
                self.release(id, side);
                true
            }
        }
    }

    fn peer_sends(&self, at: usize, bytes: &[u8], id: usize, side: Side) -> bool {
        let now = self.now();
        let latency = self.latency(id);
        self.with(|net| {
            let sent = net.scripts[at].progress;
            let Some(connection) = net.connection(id) else { return true };
            match connection.tcp.send(side, now, &bytes[sent..], latency) {
                Ok(more) => {
                    net.scripts[at].progress += more;
                    sent + more == bytes.len()
                }
                Err(error) => error != libc::EAGAIN,
            }
        })
    }

    fn peer_receives(&self, at: usize, count: usize, id: usize, side: Side) -> bool {
        let mut buffer = [0; 4096];
        loop {
            let left = count - self.with(|net| net.scripts[at].progress);
            let wanted = left.min(buffer.len());
            if wanted == 0 {
                return true;
            }
            match self.with_tcp(id, |tcp| tcp.recv(side, &mut buffer[..wanted])) {
                Some(Ok(got @ 1..)) => self.with(|net| {
                    net.scripts[at].received.extend(&buffer[..got]);
                    net.scripts[at].progress += got;
                }),
                Some(Err(libc::EAGAIN)) => return false,
                Some(Ok(_) | Err(_)) | None => return true,
            }
            // What waited at the door comes in.
            self.with_tcp(id, |tcp: &mut Tcp| tcp.arrive(side, self.now()));
        }
    }
}
