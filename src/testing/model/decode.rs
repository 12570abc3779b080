//! Programs from bytes, and from proptest: one definition for both.

use std::ops::Range;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::op::{DESCRIPTORS, Op, Program};
use super::{Id, Setup};
use crate::sys::Time;

/// So many names; few, so that a cancellation finds something.
const NAMES: u8 = 6;

/// Delays around what the loop treats in a special way: none, a poll's 50 µs, a day, never.
const DELAYS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_nanos(1),
    Duration::from_micros(50),
    Duration::from_millis(2),
    Duration::from_micros(49),
    Duration::from_secs(25 * 3600),
    Duration::MAX,
];

/// The operation of four bytes. Every four bytes are one; zeros are the simplest.
fn op([kind, name, argument, when]: [u8; 4]) -> Op {
    let op = plain(kind & 0x7f, name % NAMES, argument);
    match kind & 0x80 {
        0 => op,
        _ => Op::When(when % NAMES, Box::new(op)),
    }
}

fn plain(kind: u8, id: Id, argument: u8) -> Op {
    let fd = argument % DESCRIPTORS as u8;
    let delay = DELAYS[usize::from(argument) % DELAYS.len()];
    match kind % 64 {
        0..=7 => Op::CallSoon(id),
        8..=14 => Op::CallLater(id, delay),
        15..=17 => Op::CallAt(id, Time::ZERO + delay),
        18..=21 => Op::RemoteCall(id),
        22 => Op::RemoteStop,
        23..=26 => Op::AddReader(fd, id),
        27..=29 => Op::AddWriter(fd, id),
        30..=31 => Op::RemoveReader(fd),
        32 => Op::RemoveWriter(fd),
        33..=38 => Op::Cancel(id),
        39..=41 => Op::Feed(fd),
        42 => Op::Drain(fd),
        43 => Op::Eof(fd),
        44 => Op::Fill(fd),
        45 => Op::Room(fd),
        46..=47 => Op::Advance(DELAYS[usize::from(argument) % 7]),
        48 => Op::Stop,
        49 => Op::HangUp(fd),
        50..=55 => Op::Turn(None),
        56..=57 => Op::Turn(Some(delay)),
        58..=60 => Op::RunForever,
        61 => Op::NextDeadline,
        62 => Op::Panic,
        _ => Op::Close,
    }
}

/// The setup and the program that bytes stand for, for a fuzz target: the first byte is the setup,
/// each four after it are an operation, what is left over is nothing.
pub fn decode(bytes: &[u8]) -> (Setup, Program) {
    let Some((&first, rest)) = bytes.split_first() else { return Default::default() };
    let program = rest.chunks_exact(4).map(|four| op([four[0], four[1], four[2], four[3]]));
    let picks = (first & 8 != 0).then(|| rest.to_vec());
    (setup_of(first, picks), Program(program.collect()))
}

fn setup_of(bits: u8, picks: Option<Vec<u8>>) -> Setup {
    Setup { always_poll: bits & 1 != 0, watched: bits & 2 != 0, descending: bits & 4 != 0, picks }
}

/// Programs with so many operations.
pub fn ops(length: Range<usize>) -> impl Strategy<Value = Program> {
    let four = any::<[u8; 4]>().prop_map(op);
    vec(four, length).prop_map(Program)
}

/// Setups without a policy: what runs is in the order in which it was queued.
pub fn setup() -> impl Strategy<Value = Setup> {
    (0..8u8).prop_map(|bits| setup_of(bits, None))
}
