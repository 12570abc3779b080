//! A TCP connection between two ends, as Linux has it: pure, with time and bytes as arguments.
//! `phase.rs` has the table of what an end is in.
//!
//! Bytes that have come are received first, whatever happened after them; then an error is told,
//! once, by whichever of a receive, a send and `SO_ERROR` comes first; then there is the end of
//! file for a receive and EPIPE for a send. After the peer's end of file a reset is no error of a
//! receive.
//!
//! To close with bytes unread resets the connection (RFC 1122, 4.2.2.13), and so does what arrives
//! for an end that is closed.
//!
//! Source: Linux, net/ipv4/tcp.c (tcp_poll, tcp_recvmsg, tcp_sendmsg, tcp_close), tcp_input.c
//! (tcp_reset, tcp_fin), inet_shutdown.

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use super::lane::{Arrived, Lane};
use super::link::Link;
use super::phase::{Cause, Phase};
use super::tcp_end::End;
use crate::selector::Readiness;
use crate::sys::Time;
use crate::testing::journal::Errno;

/// Which of the two: the one that connected is 0.
pub(super) type Side = usize;

/// A connection.
pub(super) struct Tcp {
    pub(super) ends: [End; 2],
    /// By the end that sends.
    lanes: [Lane; 2],
}

impl Tcp {
    /// One that `from` begins to make.
    pub(super) fn connecting(from: SocketAddr, to: SocketAddr, link: Link) -> Tcp {
        Tcp {
            ends: [End::new(from, Phase::Connecting), End::new(to, Phase::Established)],
            lanes: [Lane::new(link.clone()), Lane::new(link)],
        }
    }

    pub(super) fn link(&self) -> &Link {
        self.lanes[0].link()
    }

    /// The peer of the one that connects has answered, or refuses.
    pub(super) fn answered(&mut self, refused: bool) {
        self.ends[0].happens(if refused { Cause::Refusal } else { Cause::Answer });
    }

    /// The attempt has found nobody in all its time.
    pub(super) fn timed_out(&mut self) {
        self.ends[0].happens(Cause::Refusal);
        self.ends[0].error = Some(libc::ETIMEDOUT);
    }

    pub(super) fn recv(&mut self, side: Side, buffer: &mut [u8]) -> Result<usize, Errno> {
        let end = &mut self.ends[side];
        let lane = &mut self.lanes[1 - side];
        if lane.unread() > 0 {
            return Ok(lane.recv(buffer));
        }
        if end.peers_end {
            return Ok(0);
        }
        match end.error.take() {
            Some(error) => Err(error),
            None if end.receives_ended => Ok(0),
            None => Err(libc::EAGAIN),
        }
    }

    pub(super) fn send(
        &mut self,
        side: Side,
        now: Time,
        bytes: &[u8],
        latency: Duration,
    ) -> Result<usize, Errno> {
        let end = &mut self.ends[side];
        if let Some(error) = end.error.take() {
            return Err(error);
        }
        if end.phase == Phase::Connecting {
            return Err(libc::EAGAIN);
        }
        if end.sends_ended {
            return Err(libc::EPIPE);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        match self.lanes[side].send(now, bytes, latency) {
            0 => Err(libc::EAGAIN),
            taken => Ok(taken),
        }
    }

    pub(super) fn shutdown(&mut self, side: Side, now: Time, how: Shutdown) -> Result<(), Errno> {
        let end = &mut self.ends[side];
        if matches!(end.phase, Phase::Connecting | Phase::Closed) {
            return Err(libc::ENOTCONN);
        }
        if how != Shutdown::Write {
            end.receives_ended = true;
        }
        if how != Shutdown::Read && !end.sends_ended {
            end.sends_ended = true;
            end.happens(Cause::OurEnd);
            self.lanes[side].end(now);
        }
        Ok(())
    }

    /// Nobody holds this end any more.
    pub(super) fn release(&mut self, side: Side, now: Time) {
        let unread = self.lanes[1 - side].unread() > 0;
        self.lanes[1 - side].discard();
        let end = &mut self.ends[side];
        end.released = true;
        match end.phase {
            Phase::Connecting => end.phase = Phase::Closed,
            _ if unread => self.abort(side, now),
            Phase::Established | Phase::PeerEnded => {
                end.sends_ended = true;
                end.happens(Cause::OurEnd);
                self.lanes[side].end(now);
            }
            Phase::WeEnded | Phase::BothEnded | Phase::Closed => {}
        }
    }

    /// Resets the connection from this end, which itself has no error by it.
    pub(super) fn abort(&mut self, side: Side, now: Time) {
        let end = &mut self.ends[side];
        end.happens(Cause::Reset);
        end.error = None;
        self.lanes[1 - side].lose();
        self.lanes[side].reset(now);
    }

    /// Nobody holds this end any more, and the other is told with a reset.
    pub(super) fn release_with_reset(&mut self, side: Side, now: Time) {
        self.lanes[1 - side].discard();
        self.ends[side].released = true;
        self.abort(side, now);
    }

    /// Resets both ends, as something between them does.
    pub(super) fn break_down(&mut self) {
        self.lanes.iter_mut().for_each(Lane::lose);
        self.ends.iter_mut().for_each(|end| end.happens(Cause::Reset));
    }

    /// Has what is due come in for one end.
    pub(super) fn arrive(&mut self, side: Side, now: Time) -> Arrived {
        let arrived = self.lanes[1 - side].arrive(now);
        if arrived.is_nothing() {
            return arrived;
        }
        if arrived.bytes > 0 && self.ends[side].refuses_bytes() {
            self.refuse(side, now, arrived.bytes);
            return arrived;
        }
        let end = &mut self.ends[side];
        if arrived.end {
            end.receives_ended = true;
            end.peers_end = true;
            end.happens(Cause::PeersEnd);
            self.ends[1 - side].end_came = true;
            self.ends[1 - side].close_if_over();
        }
        let end = &mut self.ends[side];
        if arrived.reset {
            end.happens(Cause::Reset);
            self.lanes[side].lose();
        }
        arrived
    }

    /// Bytes have come for an end that wants none: they are lost, and the connection with them.
    fn refuse(&mut self, side: Side, now: Time, bytes: usize) {
        self.lanes[1 - side].refuse(bytes);
        self.abort(side, now);
        if !self.ends[side].released {
            self.ends[side].error = Some(libc::ECONNRESET);
        }
    }

    /// What is so of an end. (Linux: tcp_poll)
    pub(super) fn readiness(&self, side: Side) -> Readiness {
        let (end, incoming) = (&self.ends[side], &self.lanes[1 - side]);
        let mut readiness = Readiness::default();
        if end.phase == Phase::Connecting {
            return readiness;
        }
        if end.phase == Phase::Closed || (end.sends_ended && end.receives_ended) {
            readiness |= Readiness::HANGUP;
        }
        if end.receives_ended {
            readiness |= Readiness::READABLE | Readiness::READ_HANGUP;
        }
        if incoming.unread() > 0 {
            readiness |= Readiness::READABLE;
        }
        if end.sends_ended || self.lanes[side].is_writable() {
            readiness |= Readiness::WRITABLE;
        }
        if end.error.is_some() {
            readiness |= Readiness::ERROR;
        }
        readiness
    }

    pub(super) fn take_error(&mut self, side: Side) -> Option<Errno> {
        self.ends[side].error.take()
    }

    pub(super) fn error(&self, side: Side) -> Option<Errno> {
        self.ends[side].error
    }

    /// How many bytes an end could receive now.
    pub(super) fn unread(&self, side: Side) -> usize {
        self.lanes[1 - side].unread()
    }

    /// How many bytes of an end have not arrived yet.
    pub(super) fn unacknowledged(&self, side: Side) -> usize {
        self.lanes[side].under_way()
    }

    /// Whether the peer's end of file has come.
    pub(super) fn has_ended(&self, side: Side) -> bool {
        self.ends[side].peers_end
    }

    /// Cuts what an end sends off, or no longer.
    pub(super) fn cut(&mut self, side: Side, cut: bool) {
        self.lanes[side].cut = cut;
    }

    /// Has everything that is under way to an end come in now, if its end is among it.
    pub(super) fn hurry_the_end(&mut self, side: Side, now: Time) {
        let lane = &mut self.lanes[1 - side];
        if lane.is_ending() {
            lane.hurry(now);
        }
    }

    /// When something comes in by itself.
    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.lanes.iter().filter_map(Lane::next_arrival).min()
    }

    /// Whether nobody can learn anything of it any more.
    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.released) && self.lanes.iter().all(Lane::is_idle)
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
