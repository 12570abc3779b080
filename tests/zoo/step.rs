//! What a case consists of: a few steps, drawn directly, smaller ones of each, and their text.

use std::fmt;
use std::time::Duration;

use evloop::testing::Rng;

/// So many microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Us(pub u32);

impl Us {
    pub fn duration(self) -> Duration {
        Duration::from_micros(u64::from(self.0))
    }

    /// Few different ones, so that deadlines meet; one of them is no whole millisecond.
    fn draw(rng: &mut Rng) -> Us {
        Us(*rng.one_of(&[0, 0, 1000, 1000, 1000, 2000, 1500, 300, 100_000]))
    }

    fn smaller(self) -> impl Iterator<Item = Us> {
        [0, 1000, 300].into_iter().filter(move |us| *us < self.0).map(Us)
    }
}

impl fmt::Display for Us {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.duration())
    }
}

/// One thing that a program does; most go on beside the steps behind them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A task sleeps so long.
    Sleep(Us),
    /// The main task sleeps so long before the next step.
    Pause(Us),
    /// A callback computes so long.
    Busy(Us),
    /// A callback soon, and after it a timer without delay.
    SoonThenTimer,
    /// A callback queues the next, so often.
    Chain(u8),
    /// A timer.
    Timer(Us),
    /// A timer that is cancelled at once, twice.
    TimerCancelled(Us),
    /// Two timers, of which the one armed first cancels the other.
    TimerCancels(Us, Us),
    /// A task that wakes itself so often while it is polled, and in its last poll, too.
    SelfWake(u8),
    /// A task that somebody wakes so often at once while it waits, and after its end.
    StrayWake(u8),
    /// A task that waits for a future that another completes after so long.
    Future(Us),
    /// A future that is cancelled and completed in one turn.
    FutureTwice,
    /// A task that sleeps is asked to end after so long, twice.
    Cancel(Us),
    /// A task that asks itself to end, in its last poll.
    CancelLast,
    /// Another thread calls after so long, and a task waits for it.
    Thread(Us),
    /// Another thread wakes a task after so long.
    ThreadWakes(Us),
    /// An echo server, and so many connections to it, one after the other, that send so many bytes
    /// each.
    Echo(u8, u32),
    /// A peer sends so many bytes and ends; whoever connects begins to read after so long.
    Late(u32, Us),
    /// A peer sends so many bytes, waits so long, sends them again and ends.
    Peer(u32, Us),
    /// A peer sends so many bytes, and whoever connects closes after so long, without reading to the
    /// end.
    Leave(u32, Us),
    /// A reader on one of two connected sockets, to which so many bytes are sent after so long.
    Reader(u32, Us),
    /// So often: two connected sockets, a reader on one that is ready, both closed in the same turn.
    Reopen(u8),
}

impl Step {
    pub fn draw(rng: &mut Rng) -> Step {
        let few = |rng: &mut Rng| 1 + rng.below(3) as u8;
        let us = Us::draw;
        match rng.below(29) {
            0 => Step::Sleep(us(rng)),
            1 => Step::Pause(us(rng)),
            2 => Step::Busy(us(rng)),
            3 => Step::SoonThenTimer,
            4 => Step::Chain(few(rng)),
            5 | 6 => Step::Timer(us(rng)),
            7 => Step::TimerCancelled(us(rng)),
            8 => Step::TimerCancels(us(rng), us(rng)),
            9 => Step::SelfWake(few(rng)),
            10 => Step::StrayWake(few(rng)),
            11 => Step::Future(us(rng)),
            12 => Step::FutureTwice,
            13 => Step::Cancel(us(rng)),
            14 => Step::CancelLast,
            15 | 16 => Step::Thread(us(rng)),
            17 => Step::ThreadWakes(us(rng)),
            18..=20 => Step::Echo(few(rng), bytes(rng)),
            21 | 22 => Step::Late(bytes(rng), us(rng)),
            23 | 24 => Step::Peer(bytes(rng), us(rng)),
            25 | 26 => Step::Reader(bytes(rng), us(rng)),
            27 => Step::Leave(bytes(rng), us(rng)),
            _ => Step::Reopen(few(rng)),
        }
    }

    /// The same with less.
    pub fn smaller(&self) -> Vec<Step> {
        match *self {
            Step::Sleep(us) => us.smaller().map(Step::Sleep).collect(),
            Step::Pause(us) => us.smaller().map(Step::Pause).collect(),
            Step::Busy(us) => us.smaller().map(Step::Busy).collect(),
            Step::Chain(n) => (1..n).map(Step::Chain).collect(),
            Step::Timer(us) => us.smaller().map(Step::Timer).collect(),
            Step::TimerCancelled(us) => us.smaller().map(Step::TimerCancelled).collect(),
            Step::TimerCancels(a, b) => both(a.smaller(), a, b.smaller(), b, Step::TimerCancels),
            Step::SelfWake(n) => (1..n).map(Step::SelfWake).collect(),
            Step::StrayWake(n) => (1..n).map(Step::StrayWake).collect(),
            Step::Future(us) => us.smaller().map(Step::Future).collect(),
            Step::Cancel(us) => us.smaller().map(Step::Cancel).collect(),
            Step::Thread(us) => us.smaller().map(Step::Thread).collect(),
            Step::ThreadWakes(us) => us.smaller().map(Step::ThreadWakes).collect(),
            Step::Echo(n, len) => both(1..n, n, fewer(len), len, Step::Echo),
            Step::Late(len, us) => both(fewer(len), len, us.smaller(), us, Step::Late),
            Step::Peer(len, us) => both(fewer(len), len, us.smaller(), us, Step::Peer),
            Step::Leave(len, us) => both(fewer(len), len, us.smaller(), us, Step::Leave),
            Step::Reader(len, us) => both(fewer(len), len, us.smaller(), us, Step::Reader),
            Step::Reopen(n) => (1..n).map(Step::Reopen).collect(),
            Step::SoonThenTimer | Step::FutureTwice | Step::CancelLast => Vec::new(),
        }
    }
}

/// A smaller first with the second as it is, and the other way round.
fn both<A: Copy, B: Copy>(
    firsts: impl Iterator<Item = A>,
    first: A,
    seconds: impl Iterator<Item = B>,
    second: B,
    step: fn(A, B) -> Step,
) -> Vec<Step> {
    let left = firsts.map(|first| step(first, second));
    left.chain(seconds.map(|second| step(first, second))).collect()
}

/// One, few, more than a stream's buffer keeps for itself, more than a socket takes at once, and
/// more than a transport keeps without a pause; the last are many turns, and rare.
const BYTES: [u32; 5] = [1, 10, 3000, 20_000, 200_000];

fn bytes(rng: &mut Rng) -> u32 {
    BYTES[match rng.below(100) {
        0..35 => 0,
        35..65 => 1,
        65..85 => 2,
        85..98 => 3,
        _ => 4,
    }]
}

fn fewer(len: u32) -> impl Iterator<Item = u32> {
    BYTES.into_iter().filter(move |fewer| *fewer < len)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Sleep(us) => write!(f, "sleep {us}"),
            Step::Pause(us) => write!(f, "pause {us}"),
            Step::Busy(us) => write!(f, "busy {us}"),
            Step::SoonThenTimer => f.write_str("soon-then-timer"),
            Step::Chain(n) => write!(f, "chain {n}"),
            Step::Timer(us) => write!(f, "timer {us}"),
            Step::TimerCancelled(us) => write!(f, "timer {us} cancelled"),
            Step::TimerCancels(a, b) => write!(f, "timer {a} cancels timer {b}"),
            Step::SelfWake(n) => write!(f, "self-wake {n}"),
            Step::StrayWake(n) => write!(f, "stray-wake {n}"),
            Step::Future(us) => write!(f, "future {us}"),
            Step::FutureTwice => f.write_str("future-twice"),
            Step::Cancel(us) => write!(f, "cancel {us}"),
            Step::CancelLast => f.write_str("cancel-last"),
            Step::Thread(us) => write!(f, "thread {us}"),
            Step::ThreadWakes(us) => write!(f, "thread-wakes {us}"),
            Step::Echo(n, len) => write!(f, "echo {n}x{len}"),
            Step::Late(len, us) => write!(f, "late {len} {us}"),
            Step::Peer(len, us) => write!(f, "peer {len} {us}"),
            Step::Leave(len, us) => write!(f, "leave {len} {us}"),
            Step::Reader(len, us) => write!(f, "reader {len} {us}"),
            Step::Reopen(n) => write!(f, "reopen {n}"),
        }
    }
}
