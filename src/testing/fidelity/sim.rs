//! The simulated kernel, through the same traits.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::Kernel;
use crate::selector::Selector;
use crate::sys::Sockets;
use crate::testing::journal::{Errno, Journal};
use crate::testing::kernel::{SimSelector, SimSockets, World};
use crate::testing::schedule::Schedule;
use crate::testing::sim::Limits;

/// A world with nothing in it, on a schedule that deviates nowhere, over links that take no time.
pub(super) struct Simulated {
    world: World,
    sockets: SimSockets,
    selector: SimSelector,
}

impl Simulated {
    pub(super) fn new() -> Simulated {
        // No loop runs here, so to select again and again is no spinning.
        let limits = Limits { turns: u64::MAX, idle_turns: u32::MAX, ..Limits::default() };
        let world = World::new(Schedule::default(), limits, Journal::default());
        let (sockets, selector) = (SimSockets::new(world.clone()), SimSelector(world.clone()));
        Simulated { world, sockets, selector }
    }
}

fn told<T>(result: Result<T, Errno>) -> io::Result<T> {
    result.map_err(io::Error::from_raw_os_error)
}

impl Kernel for Simulated {
    fn name(&self) -> &'static str {
        "simulation"
    }

    fn sockets(&self) -> &dyn Sockets {
        &self.sockets
    }

    fn selector(&mut self) -> &mut dyn Selector {
        &mut self.selector
    }

    fn pair(&mut self) -> io::Result<(RawFd, RawFd)> {
        told(self.world.open_pair()).map(Into::into)
    }

    fn pipe(&mut self) -> io::Result<(RawFd, RawFd)> {
        told(self.world.open_pipe()).map(Into::into)
    }

    fn read(&self, fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        self.sockets.recv(fd, buffer)
    }

    fn write(&self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        self.sockets.send(fd, bytes)
    }

    fn settle(&mut self) {
        // What takes no time is done before a select without patience returns.
        let now = Some(Duration::ZERO);
        self.selector.select(now, &mut Vec::new()).expect("no limit is reached");
    }

    fn under_way(&self, _: RawFd) -> bool {
        false
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
