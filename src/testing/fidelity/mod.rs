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

use std::fmt::Write;
use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use self::op::{Case, cases};
use self::programs::{Logs, PROGRAMS, Program, on_the_kernel};
use self::real::Real;
use self::side::Side;
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
