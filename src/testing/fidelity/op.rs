//! What may be done to descriptors, as plain values that shrink.

use std::fmt;
use std::net::Shutdown;

use proptest::prelude::*;

use crate::selector::Interest;

/// An operation. A number in front chooses among the open ends that it can be done to, modulo how
/// many there are; where there is none, nothing is done.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Op {
    Listen,
    /// To a listener.
    Connect(u8),
    /// To an address where a listener was, and is no more.
    ConnectNowhere,
    Accept(u8),
    Pair,
    Pipe,
    Send(u8, u8),
    /// Sends until no more is taken, however long one waits.
    Fill(u8),
    Recv(u8, u8),
    /// Receives until nothing more comes, however long one waits.
    Drain(u8),
    ShutDown(u8, Shutdown),
    TakeError(u8),
    LocalAddr(u8),
    PeerAddr(u8),
    Register(u8, Interest),
    Modify(u8, Interest),
    Unregister(u8),
    /// Unregisters, as the contract asks, and closes.
    Close(u8),
    /// Closes what is registered, looks, and only then unregisters.
    CloseWatched(u8),
}

use Op::*;

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Listen => write!(f, "listen"),
            Connect(end) => write!(f, "{end}.connect"),
            ConnectNowhere => write!(f, "connect to nobody"),
            Accept(end) => write!(f, "{end}.accept"),
            Pair => write!(f, "socketpair"),
            Pipe => write!(f, "pipe"),
            Send(end, bytes) => write!(f, "{end}.send {bytes}"),
            Fill(end) => write!(f, "{end}.fill"),
            Recv(end, bytes) => write!(f, "{end}.recv {bytes}"),
            Drain(end) => write!(f, "{end}.drain"),
            ShutDown(end, how) => write!(f, "{end}.shutdown {how:?}"),
            TakeError(end) => write!(f, "{end}.take_error"),
            LocalAddr(end) => write!(f, "{end}.local_addr"),
            PeerAddr(end) => write!(f, "{end}.peer_addr"),
            Register(end, interest) => write!(f, "{end}.register {interest:?}"),
            Modify(end, interest) => write!(f, "{end}.modify {interest:?}"),
            Unregister(end) => write!(f, "{end}.unregister"),
            Close(end) => write!(f, "{end}.close"),
            CloseWatched(end) => write!(f, "{end}.close, then unregister"),
        }
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A list of operations; with `watched`, every descriptor is registered for both directions when
/// it is made, so that all that is ever so of it is compared.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) watched: bool,
    pub(super) ops: Vec<Op>,
}

fn op() -> impl Strategy<Value = Op> {
    let end = || 0..12u8;
    let bytes = || prop_oneof![1 => Just(0u8), 9 => 1..64u8];
    let interest = || prop::sample::select(vec![Interest::READ, Interest::WRITE, Interest::BOTH]);
    let how = prop::sample::select(vec![Shutdown::Read, Shutdown::Write, Shutdown::Both]);
    prop_oneof![
        2 => Just(Listen),
        5 => end().prop_map(Connect),
        1 => Just(ConnectNowhere),
        5 => end().prop_map(Accept),
        1 => Just(Pair),
        1 => Just(Pipe),
        8 => (end(), bytes()).prop_map(|(end, bytes)| Send(end, bytes)),
        1 => end().prop_map(Fill),
        7 => (end(), bytes()).prop_map(|(end, bytes)| Recv(end, bytes)),
        2 => end().prop_map(Drain),
        4 => (end(), how).prop_map(|(end, how)| ShutDown(end, how)),
        2 => end().prop_map(TakeError),
        1 => end().prop_map(LocalAddr),
        1 => end().prop_map(PeerAddr),
        4 => (end(), interest()).prop_map(|(end, interest)| Register(end, interest)),
        2 => (end(), interest()).prop_map(|(end, interest)| Modify(end, interest)),
        1 => end().prop_map(Unregister),
        3 => end().prop_map(Close),
        1 => end().prop_map(CloseWatched),
    ]
}

/// Lists that begin with something to do them to.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let beginning = prop_oneof![
        4 => Just(vec![Listen, Connect(0), Accept(0)]),
        1 => Just(vec![Listen, Connect(0)]),
        1 => Just(vec![Pair]),
        1 => Just(vec![Pipe]),
        1 => Just(vec![]),
    ];
    let ops = (beginning, prop::collection::vec(op(), 1..24));
    (any::<bool>(), ops).prop_map(|(watched, (mut ops, more))| {
        ops.extend(more);
        Case { watched, ops }
    })
}
