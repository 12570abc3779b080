//! Who checks the simulator? The kernel.
//!
//! A list of operations is drawn, done to two kernels through the very traits that the loop calls
//! them by ([`Sockets`], [`Selector`]), and after every operation its result and the readiness of
//! every descriptor are compared. Small programs on a loop ([`programs`]) are compared by what
//! their protocols are told.
//!
//! It is Linux that is imitated, so it is Linux that judges. These tests stand inside the crate
//! because they drive what is not public; nothing of them is built for users.
//!
//! # What is compared, and how
//!
//! | what                             | how                                                        |
//! |----------------------------------|------------------------------------------------------------|
//! | a result                         | exactly: the count, or the kind of the error and its number |
//! | bytes received                   | each is the next of those that were sent, on either side    |
//! | readiness                        | exactly, for every registration, and twice: it is so until its cause is gone |
//! | registrations                    | exactly: who is registered, and for what                   |
//! | addresses                        | whose they are; the ports themselves differ                |
//! | how much fits into a buffer      | not: Linux takes some megabytes of a connection, we 64 KiB. That it becomes full, and that it is empty after a drain, is |
//! | room in a buffer that was filled | not before it is drained: Linux waits for a third of a connection's to be free, for a whole page of a pipe's, and tells the sender when it sees fit |
//! | numbers of descriptors           | not: other threads of the process have some                |
//! | calls of `data_received`         | the sum of their bytes: a stream may be cut anywhere       |
//! | the order of two ends' callbacks | not: each end's own order is                               |
//!
//! Not driven, because nobody could say what should come of it, or no loop does it:
//!
//! - To receive from a buffer that was filled, at an end that has shut down reading: Linux then
//!   opens its window only when a timer of the sender's asks (`tcp_cleanup_rbuf`). Nor to shut
//!   reading down there: bytes that a timer lets into what is left of the window reset the
//!   connection if it is shut down both ways, and when they do is the timer's affair.
//! - Bytes to or from a listener, its shutdown; a read of a pipe's writer; double close.
//! - A descriptor that is closed and has duplicates; urgent data; datagrams.
//!
//! # What the comparison has found
//!
//! | operations                                            | Linux                            | the simulation, before |
//! |-------------------------------------------------------|----------------------------------|------------------------|
//! | recv 0 of an empty connection or pair                 | EAGAIN                           | 0                      |
//! | shutdown Both; the other end sends                    | bytes are refused with a reset: EPIPE there, ECONNRESET here | were received |
//! | fill; shutdown Write at both ends; shutdown Read      | done: the end of file waits behind bytes, and until it has come nothing is closed | ENOTCONN |
//!
//! # What the simulator does and does not prove
//!
//! It is held to Linux in: what connect, accept, send, receive, shutdown and close answer and in
//! which order errors are told; when a close resets; what a reset leaves to be read; half-close;
//! hang-ups and errors as epoll(7) tells them, with and without interest; registration, its errors
//! and its end; the listener's queue, how many it takes and what its close does to it; pipes and
//! socketpairs likewise.
//!
//! It does not model, so nothing is proved of: Nagle's algorithm and delayed acknowledgements (we
//! set TCP_NODELAY); segments, window scaling, slow start and loss of TCP packets (bytes come late
//! or never, but in order); TIME_WAIT, and thereby a port that cannot be bound; keep-alive and
//! user timeouts; urgent data; `SO_LINGER`; `tcp_abort_on_overflow` and SYN cookies; limits of the
//! machine other than that on descriptors; routes, ICMP errors and a network that goes down;
//! what duplicates of a descriptor, or a fork, do to registrations; kqueue's own ways, which
//! [`crate::selector`]'s conformance tests compare. Times are the links', not any machine's.
//!
//! Conversely the real kernel shows only what happens on loopback: the orders, delays and faults
//! that a schedule adds are compared with nothing but the manual.
//!
//! # How a real network is made to hold still
//!
//! Bytes arrive on loopback usually, but not surely, before the call that sent them returns. No
//! test sleeps over it: a datagram is sent through the same queue of the same processor, and once
//! it has come, so has all that was sent before it ([`real::Barrier`]). What comes only by a timer
//! of TCP's (a packet that a full queue lost) is waited for: two seconds must pass before unequal
//! readiness is a difference.

mod op;
mod programs;
mod real;
mod side;
mod sim;

use std::fmt::Write;
use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use self::op::{Case, Op, cases};
use self::programs::{Logs, PROGRAMS, Program, in_a_simulation, on_the_kernel};
use self::real::Real;
use self::side::Side;
use self::sim::Simulated;
use crate::selector::Selector;
use crate::sys::Sockets;

/// A kernel, real or simulated: what the loop asks of it, and the little that it does not ask.
trait Kernel {
    fn name(&self) -> &'static str;
    fn sockets(&self) -> &dyn Sockets;
    fn selector(&mut self) -> &mut dyn Selector;
    /// socketpair(2): two stream sockets that are connected, not blocking.
    fn pair(&mut self) -> io::Result<(RawFd, RawFd)>;
    /// pipe(2): reader and writer, not blocking. [`Sockets::close`] closes them.
    fn pipe(&mut self) -> io::Result<(RawFd, RawFd)>;
    fn read(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize>;
    /// Returns when all that was sent has arrived and had its effect, as far as there is room.
    fn settle(&mut self);
    /// Whether something that `sender` has sent has still to arrive.
    fn under_way(&self, sender: RawFd) -> bool;
    /// How long to wait for what does not come by settling.
    fn patience(&self) -> Duration;
}

/// Two kernels that are asked the same.
struct Duel {
    sides: [Side; 2],
    /// What was done so far and what both said, for whoever reads a failure.
    story: String,
}

impl Duel {
    fn new(one: impl Kernel + 'static, other: impl Kernel + 'static) -> Duel {
        Duel { sides: [Side::new(one), Side::new(other)], story: String::new() }
    }

    fn play(mut self, case: &Case) -> Result<(), String> {
        for op in &case.ops {
            let ((one, words), (other, _)) = {
                let [one, other] = &mut self.sides;
                (one.perform(*op, case.watched), other.perform(*op, case.watched))
            };
            let _ = writeln!(self.story, "  {words}: {one:?}");
            if one != other {
                return Err(self.difference(&one, &other));
            }
            self.compare()?;
        }
        Ok(())
    }

    /// What both tell of every descriptor, twice, for it is so until its cause is gone.
    fn compare(&mut self) -> Result<(), String> {
        let patience = self.sides.iter().map(|side| side.kernel.patience()).max();
        let deadline = Instant::now() + patience.unwrap_or_default();
        let [one, other] = self.sides.each_mut().map(Side::map);
        if one != other {
            return Err(self.difference(&one, &other));
        }
        loop {
            self.sides.iter_mut().for_each(|side| side.kernel.settle());
            let [one, other] = self.sides.each_mut().map(|side| (side.look(), side.look()));
            if one == other && one.0 == one.1 {
                if !one.0.is_empty() {
                    let _ = writeln!(self.story, "      {:?}", one.0);
                }
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.difference(&one, &other));
            }
        }
    }

    fn difference(&self, one: &impl std::fmt::Debug, other: &impl std::fmt::Debug) -> String {
        let [first, second] = &self.sides.each_ref().map(|side| side.kernel.name());
        format!("{}{first:>12}: {one:?}\n{second:>12}: {other:?}", self.story)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() })]

    /// The harness is no judge if it cannot hold a kernel to itself.
    #[test]
    fn a_kernel_does_the_same_twice_whichever_selector_looks(case in cases()) {
        Duel::new(Real::on_epoll(), Real::on_poll()).play(&case).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_simulated_kernel_does_what_the_kernel_does(case in cases()) {
        Duel::new(Simulated::new(), Real::on_epoll()).play(&case).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn a_queue_takes_one_connection_more_than_its_backlog_and_the_next_is_neither_made_nor_refused() {
    let mut duel = Duel::new(Simulated::new(), Real::on_epoll());
    duel.sides.iter_mut().for_each(|side| side.backlog = 1);
    let ops = [Op::Listen, Op::Connect(0), Op::Connect(0), Op::Connect(0), Op::PeerAddr(3)];
    duel.play(&Case { watched: true, ops: ops.to_vec() }).unwrap();
}

/// A program's logs on the real kernel, on epoll.
fn really(program: &Program) -> Logs {
    on_the_kernel(program, programs::Selector::Epoll).expect(program.0)
}

#[test]
fn a_program_is_told_the_same_by_a_kernel_whichever_selector_looks() {
    for program in PROGRAMS {
        let on_poll = on_the_kernel(program, programs::Selector::Poll).expect(program.0);
        assert_eq!(really(program), on_poll, "{}", program.0);
    }
}

#[test]
fn a_program_is_told_the_same_by_the_simulation_as_by_the_kernel() {
    for program in PROGRAMS {
        assert_eq!(in_a_simulation(program), really(program), "{}", program.0);
    }
}
