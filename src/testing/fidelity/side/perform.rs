//! Doing one operation to one kernel.

use std::io;
use std::net::Shutdown;

use super::Side;
use super::end::{End, Kind};
use super::seen::{Seen, Value, Why};
use crate::selector::Interest;
use crate::testing::fidelity::op::Op;

/// What an operation is done to.
#[derive(Clone, Copy)]
enum Target {
    End(End),
    /// It needs no end.
    Nothing,
    /// It needs one, and there is none that it could be done to.
    Missing,
}

impl Side {
    /// Does it; and which ends it was done to, in words.
    pub(in crate::testing::fidelity) fn perform(
        &mut self,
        op: Op,
        watched: bool,
    ) -> (Seen, String) {
        let first_new = self.made;
        let target = self.target(op);
        let seen = match target {
            Target::End(end) if self.is_a_timers_affair(op, end) => Ok(Value::NothingToDoItTo),
            Target::End(end) => self.perform_on(op, end),
            Target::Nothing => self.make(op),
            Target::Missing => Ok(Value::NothingToDoItTo),
        };
        let new: Vec<_> = self.ends.iter().filter(|end| end.serial >= first_new).copied().collect();
        if watched {
            for end in &new {
                self.register(end.fd, Interest::BOTH).expect("a new descriptor is not registered");
            }
        }
        let at = match target {
            Target::End(end) => format!(" on #{}", end.serial),
            Target::Nothing | Target::Missing => String::new(),
        };
        let made = new.iter().map(|end| format!(" #{} {:?}", end.serial, end.kind));
        (seen, format!("{op}{at}{}", made.collect::<String>()))
    }

    fn target(&self, op: Op) -> Target {
        let (number, fits): (u8, fn(&End) -> bool) = match op {
            Op::Listen | Op::ConnectNowhere | Op::Pair | Op::Pipe => return Target::Nothing,
            Op::Connect(end) | Op::Accept(end) => (end, |end| end.kind == Kind::Listener),
            Op::Send(end, _) | Op::Fill(end) => (end, End::can_send),
            Op::Recv(end, _) | Op::Drain(end) => (end, End::can_receive),
            Op::ShutDown(end, _) => (end, |end| matches!(end.kind, Kind::Tcp | Kind::Pair)),
            Op::TakeError(end) => (end, |end| !end.is_pipe()),
            Op::LocalAddr(end) | Op::PeerAddr(end) => {
                (end, |end| matches!(end.kind, Kind::Tcp | Kind::Listener))
            }
            Op::Register(end, _)
            | Op::Modify(end, _)
            | Op::Unregister(end)
            | Op::Close(end)
            | Op::CloseWatched(end) => (end, |_| true),
        };
        let fitting: Vec<&End> = self.ends.iter().filter(|end| fits(end)).collect();
        match fitting.len() {
            0 => Target::Missing,
            many => Target::End(*fitting[usize::from(number) % many]),
        }
    }

    /// Whether what comes of it is up to one of Linux's timers, at an end whose buffer was filled.
    /// Of bytes received after reading was shut down the sender hears only when its timer asks
    /// (tcp_cleanup_rbuf), and what comes of that resets the connection. So do the bytes that the
    /// window still lets through after reading is shut down.
    fn is_a_timers_affair(&self, op: Op, end: End) -> bool {
        let concerned = match op {
            Op::Recv(..) | Op::Drain(_) => end.deaf,
            Op::ShutDown(_, how) => end.deaf || how != Shutdown::Write,
            _ => false,
        };
        concerned && self.streams[end.incoming].flooded
    }

    fn make(&mut self, op: Op) -> Seen {
        match (op, self.deserted) {
            (Op::Listen, _) => self.listen(),
            (Op::Pair, _) => self.pair(),
            (Op::Pipe, _) => self.pipe(),
            (_, Some(address)) => self.connect(&address),
            (_, None) => Ok(Value::NothingToDoItTo),
        }
    }

    fn perform_on(&mut self, op: Op, end: End) -> Seen {
        let fd = end.fd;
        match op {
            Op::Listen | Op::ConnectNowhere | Op::Pair | Op::Pipe => self.make(op),
            Op::Connect(_) => {
                let address = self.kernel.sockets().local_addr(fd)?;
                self.connect(&address)
            }
            Op::Accept(_) => self.accept(fd),
            Op::Send(_, bytes) => self.send(end, bytes.into()),
            Op::Fill(_) => self.fill(end),
            Op::Recv(_, bytes) => self.recv(end, bytes.into()),
            Op::Drain(_) => self.drain(end),
            Op::ShutDown(_, how) => self.shut_down(end, how),
            Op::TakeError(_) => {
                Ok(Value::Pending(self.kernel.sockets().take_error(fd)?.map(Why::from)))
            }
            Op::LocalAddr(_) => {
                let address = self.kernel.sockets().local_addr(fd)?;
                Ok(Value::Address(self.name(address)))
            }
            Op::PeerAddr(_) => {
                let address = self.kernel.sockets().peer_addr(fd)?;
                Ok(Value::Address(self.name(address)))
            }
            Op::Register(_, interest) => done(self.register(fd, interest)),
            Op::Modify(_, interest) => {
                let token = self.token(fd);
                done(self.kernel.selector().modify(fd, interest, token))
            }
            Op::Unregister(_) => done(self.kernel.selector().unregister(fd)),
            Op::Close(_) => {
                let result = self.kernel.selector().unregister(fd);
                self.close(end);
                done(result)
            }
            Op::CloseWatched(_) => self.close_watched(end),
        }
    }

    fn shut_down(&mut self, end: End, how: Shutdown) -> Seen {
        self.kernel.sockets().shutdown(end.fd, how)?;
        if let Some(end) = self.ends.iter_mut().find(|other| other.fd == end.fd) {
            end.deaf |= how != Shutdown::Write;
        }
        Ok(Value::Done)
    }

    fn close_watched(&mut self, end: End) -> Seen {
        self.close(end);
        let told = self.select();
        // poll(2) alone is told the number at every call, and says that it is none.
        let is_silent = told.iter().all(|event| event.token.slot() != end.fd as u32);
        assert!(is_silent || self.kernel.name() == "poll", "{told:?}");
        done(self.kernel.selector().unregister(end.fd))
    }
}

fn done(result: io::Result<()>) -> Seen {
    result.map(|()| Value::Done).map_err(Why::from)
}
