//! A TCP connection between two ends, as Linux has it: pure, with time and bytes as arguments.
//!
//! What an end is in, and what brings it elsewhere; an empty place changes nothing:
//!
//! | from        | answer      | refusal               | our end   | peer's end | reset               |
//! |-------------|-------------|-----------------------|-----------|------------|---------------------|
//! | Connecting  | Established | Closed (ECONNREFUSED) |           |            | Closed (ECONNREFUSED) |
//! | Established |             |                       | WeEnded   | PeerEnded  | Closed (ECONNRESET) |
//! | WeEnded     |             |                       |           | BothEnded  | Closed (ECONNRESET) |
//! | PeerEnded   |             |                       | BothEnded |            | Closed (EPIPE)      |
//! | BothEnded   |             |                       |           |            | Closed (ECONNRESET) |
//! | Closed      |             |                       |           |            |                     |
//!
//! BothEnded is Closed as soon as our end of file has come to the peer: it may wait behind bytes
//! for which there is no room.
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
use crate::selector::Readiness;
use crate::sys::Time;
use crate::testing::journal::Errno;

/// What an end of a connection is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Connecting,
    Established,
    WeEnded,
    PeerEnded,
    BothEnded,
    Closed,
}

/// What brings an end elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    Answer,
    Refusal,
    OurEnd,
    PeersEnd,
    Reset,
}

impl Phase {
    /// Where `cause` leads, and the error it leaves.
    pub(super) fn after(self, cause: Cause) -> (Phase, Option<Errno>) {
        match (self, cause) {
            (Phase::Connecting, Cause::Answer) => (Phase::Established, None),
            (Phase::Connecting, Cause::Refusal | Cause::Reset) => {
                (Phase::Closed, Some(libc::ECONNREFUSED))
            }
            (Phase::Established, Cause::OurEnd) => (Phase::WeEnded, None),
            (Phase::Established, Cause::PeersEnd) => (Phase::PeerEnded, None),
            (Phase::WeEnded, Cause::PeersEnd) | (Phase::PeerEnded, Cause::OurEnd) => {
                (Phase::BothEnded, None)
            }
            (Phase::Established | Phase::WeEnded | Phase::BothEnded, Cause::Reset) => {
                (Phase::Closed, Some(libc::ECONNRESET))
            }
            (Phase::PeerEnded, Cause::Reset) => (Phase::Closed, Some(libc::EPIPE)),
            (phase, _) => (phase, None),
        }
    }
}

/// Which of the two: the one that connected is 0.
pub(super) type Side = usize;

pub(super) struct End {
    pub(super) local: SocketAddr,
    pub(super) phase: Phase,
    error: Option<Errno>,
    /// We may send no more. (SEND_SHUTDOWN)
    sends_ended: bool,
    /// Nothing more will come. (RCV_SHUTDOWN)
    receives_ended: bool,
    /// The peer's end of file has come. (SOCK_DONE)
    peers_end: bool,
    /// Our end of file has come to the peer.
    end_came: bool,
    /// Nobody holds it any more.
    pub(super) released: bool,
}

impl End {
    fn new(local: SocketAddr, phase: Phase) -> End {
        End {
            local,
            phase,
            error: None,
            sends_ended: false,
            receives_ended: false,
            peers_end: false,
            end_came: false,
            released: false,
        }
    }

    fn close_if_over(&mut self) {
        if self.phase == Phase::BothEnded && self.end_came {
            self.phase = Phase::Closed;
        }
    }

    /// Nobody would receive them: it is closed, or has shut down both ways. Reading alone is shut
    /// down to no effect on the network. (Linux: tcp_rcv_state_process, FIN_WAIT2)
    fn refuses_bytes(&self) -> bool {
        self.released || (self.phase == Phase::WeEnded && self.receives_ended)
    }

    fn happens(&mut self, cause: Cause) {
        let (phase, error) = self.phase.after(cause);
        if phase == Phase::Closed && matches!(cause, Cause::Refusal | Cause::Reset) {
            self.sends_ended = true;
            self.receives_ended = true;
        }
        self.phase = phase;
        self.error = error.or(self.error);
        self.close_if_over();
    }
}

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
mod tests {
    use super::*;

    const PHASES: [Phase; 6] = [
        Phase::Connecting,
        Phase::Established,
        Phase::WeEnded,
        Phase::PeerEnded,
        Phase::BothEnded,
        Phase::Closed,
    ];
    const CAUSES: [Cause; 5] =
        [Cause::Answer, Cause::Refusal, Cause::OurEnd, Cause::PeersEnd, Cause::Reset];

    /// As the table at the head of the file writes it.
    fn written(phase: Phase, cause: Cause) -> String {
        match phase.after(cause) {
            (to, Some(error)) => {
                let name = [
                    (libc::ECONNREFUSED, "ECONNREFUSED"),
                    (libc::ECONNRESET, "ECONNRESET"),
                    (libc::EPIPE, "EPIPE"),
                ];
                let (_, name) = name.iter().find(|(number, _)| *number == error).unwrap();
                format!("{to:?} ({name})")
            }
            (to, None) if to == phase => String::new(),
            (to, None) => format!("{to:?}"),
        }
    }

    #[test]
    fn the_table_of_phases_is_true() {
        let lines = include_str!("tcp.rs").lines().filter_map(|line| line.strip_prefix("//! |"));
        let rows: Vec<Vec<&str>> =
            lines.map(|line| line.split('|').map(str::trim).collect()).collect();
        let rows = &rows[2..];
        assert_eq!(rows.len(), PHASES.len());
        for (row, phase) in rows.iter().zip(PHASES) {
            assert_eq!(row[0], format!("{phase:?}"));
            for (cell, cause) in row[1..].iter().zip(CAUSES) {
                assert_eq!(*cell, written(phase, cause), "{phase:?}, {cause:?}");
            }
        }
    }

    const NOW: Time = Time::ZERO;
    const READ_ENDED: Readiness = Readiness::READ_HANGUP;

    fn connected() -> Tcp {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut tcp = Tcp::connecting(address(1), address(2), Link::default());
        tcp.answered(false);
        tcp
    }

    fn send(tcp: &mut Tcp, side: Side) -> Result<usize, Errno> {
        let sent = tcp.send(side, NOW, b"x", Duration::ZERO);
        all_arrives(tcp);
        sent
    }

    fn all_arrives(tcp: &mut Tcp) {
        while !tcp.arrive(0, NOW).is_nothing() || !tcp.arrive(1, NOW).is_nothing() {}
    }

    fn recv(tcp: &mut Tcp, side: Side) -> Result<usize, Errno> {
        tcp.recv(side, &mut [0; 8])
    }

    #[test]
    fn nothing_is_so_of_a_connection_under_way_and_a_refused_one_is_all_at_once() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut tcp = Tcp::connecting(address, address, Link::default());
        assert_eq!(tcp.readiness(0), Readiness::default());
        assert_eq!(send(&mut tcp, 0), Err(libc::EAGAIN));
        tcp.answered(true);
        let all = Readiness::READABLE | Readiness::WRITABLE | READ_ENDED | Readiness::HANGUP;
        assert_eq!(tcp.readiness(0), all | Readiness::ERROR);
        assert_eq!(tcp.take_error(0), Some(libc::ECONNREFUSED));
        assert_eq!(tcp.readiness(0), all);
    }

    #[test]
    fn bytes_come_before_the_end_of_file_and_the_other_way_stays_open() {
        let mut tcp = connected();
        send(&mut tcp, 0).unwrap();
        tcp.shutdown(0, NOW, Shutdown::Write).unwrap();
        all_arrives(&mut tcp);
        let readable = Readiness::READABLE | Readiness::WRITABLE | READ_ENDED;
        assert_eq!(tcp.readiness(1), readable);
        assert_eq!((recv(&mut tcp, 1), recv(&mut tcp, 1)), (Ok(1), Ok(0)));
        assert_eq!(send(&mut tcp, 1), Ok(1));
        assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Ok(1), Err(libc::EAGAIN)));
        assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
        assert_eq!(tcp.readiness(0), Readiness::WRITABLE, "no hang-up by our own shutdown");
    }

    #[test]
    fn both_ends_of_file_are_a_hangup_and_a_shutdown_is_refused_then() {
        let mut tcp = connected();
        tcp.shutdown(0, NOW, Shutdown::Write).unwrap();
        tcp.shutdown(1, NOW, Shutdown::Write).unwrap();
        all_arrives(&mut tcp);
        assert!(tcp.readiness(0).contains(Readiness::HANGUP));
        assert!(!tcp.readiness(0).contains(Readiness::ERROR));
        assert_eq!(tcp.shutdown(0, NOW, Shutdown::Write), Err(libc::ENOTCONN));
    }

    #[test]
    fn a_close_with_bytes_unread_is_a_reset_that_is_told_once() {
        let mut tcp = connected();
        send(&mut tcp, 0).unwrap();
        tcp.release(1, NOW);
        all_arrives(&mut tcp);
        assert!(tcp.readiness(0).contains(Readiness::ERROR | Readiness::HANGUP));
        assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Err(libc::ECONNRESET), Ok(0)));
        assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
    }

    #[test]
    fn a_send_to_one_who_has_closed_is_taken_and_the_next_is_a_broken_pipe() {
        let mut tcp = connected();
        tcp.release(1, NOW);
        all_arrives(&mut tcp);
        assert_eq!(tcp.readiness(0), Readiness::READABLE | Readiness::WRITABLE | READ_ENDED);
        assert_eq!(send(&mut tcp, 0), Ok(1));
        assert!(tcp.readiness(0).contains(Readiness::ERROR | Readiness::HANGUP));
        assert_eq!(recv(&mut tcp, 0), Ok(0), "the end of file has come before the reset");
        assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
    }

    #[test]
    fn what_came_before_a_reset_is_received_before_its_error() {
        let mut tcp = connected();
        send(&mut tcp, 1).unwrap();
        tcp.break_down();
        assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Ok(1), Err(libc::ECONNRESET)));
        assert_eq!(send(&mut tcp, 1), Err(libc::ECONNRESET));
        assert_eq!(send(&mut tcp, 1), Err(libc::EPIPE));
    }

    #[test]
    fn a_shutdown_of_reading_is_our_end_of_file_after_what_has_come() {
        let mut tcp = connected();
        send(&mut tcp, 0).unwrap();
        tcp.shutdown(1, NOW, Shutdown::Read).unwrap();
        assert_eq!((recv(&mut tcp, 1), recv(&mut tcp, 1)), (Ok(1), Ok(0)));
        assert_eq!(send(&mut tcp, 0), Ok(1), "the other is not told");
    }

    #[test]
    fn a_connection_is_over_when_nobody_holds_an_end_and_nothing_is_under_way() {
        let mut tcp = connected();
        tcp.release(0, NOW);
        assert!(!tcp.is_over());
        tcp.release(1, NOW);
        assert!(!tcp.is_over(), "two ends of file are under way");
        all_arrives(&mut tcp);
        assert!(tcp.is_over());
    }
}
