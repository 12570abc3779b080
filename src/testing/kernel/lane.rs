//! One direction of a connection: bytes on their way, and bytes that have come.
//!
//! A lane knows the time only as an argument, and nobody who uses it. What is sent is divided in
//! packets that arrive in order; bytes for which the receiver has no room wait at its door, and
//! whatever follows them waits behind them, but for a reset: that ends everything.

use std::collections::VecDeque;
use std::time::Duration;

use super::link::Link;
use crate::sys::Time;

/// One direction.
pub(super) struct Lane {
    link: Link,
    /// Those that have come, then those under way.
    bytes: VecDeque<u8>,
    arrived: usize,
    packets: VecDeque<Packet>,
    /// When the last packet arrives: none overtakes it.
    last: Time,
    /// When the line has carried all that was sent.
    line_free: Time,
    /// Nothing passes for now.
    pub(super) cut: bool,
}

struct Packet {
    arrives: Time,
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Bytes(usize),
    End,
    Reset,
}

/// What came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Arrived {
    pub(super) bytes: usize,
    pub(super) end: bool,
    pub(super) reset: bool,
}

impl Arrived {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Arrived::default()
    }
}

impl Lane {
    pub(super) fn new(link: Link) -> Lane {
        Lane {
            link,
            bytes: VecDeque::new(),
            arrived: 0,
            packets: VecDeque::new(),
            last: Time::ZERO,
            line_free: Time::ZERO,
            cut: false,
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// How many bytes could be received now.
    pub(super) fn unread(&self) -> usize {
        self.arrived
    }

    /// How many bytes have not arrived.
    pub(super) fn under_way(&self) -> usize {
        self.bytes.len() - self.arrived
    }

    /// How many bytes a send would take.
    pub(super) fn room(&self) -> usize {
        self.link.send_buffer.max(1).saturating_sub(self.bytes.len() - self.arrived)
    }

    /// Whether the kernel calls it writable: where a third of the buffer is free, so that a writer
    /// is not woken for each byte. (Linux: sk_stream_is_writeable)
    pub(super) fn is_writable(&self) -> bool {
        let used = self.bytes.len() - self.arrived;
        self.room() > 0 && self.room() >= used / 2
    }

    /// Takes what there is room for; the answer is how many bytes that is.
    pub(super) fn send(&mut self, now: Time, bytes: &[u8], latency: Duration) -> usize {
        let taken = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..taken]);
        match self.link.bytes_per_ms {
            None => self.dispatch(now + latency, Content::Bytes(taken)),
            // A packet for every millisecond, so that a long send arrives little by little.
            Some(rate) => {
                let rate = rate.max(1) as usize;
                for sent in (0..taken).step_by(rate) {
                    let len = rate.min(taken - sent);
                    let time = Duration::from_micros((len * 1000).div_ceil(rate) as u64);
                    self.line_free = self.line_free.max(now) + time;
                    self.dispatch(self.line_free + latency, Content::Bytes(len));
                }
            }
        }
        taken
    }

    /// Sends the end of file behind what was sent.
    pub(super) fn end(&mut self, now: Time) {
        self.dispatch(self.line_free.max(now) + self.link.latency.start, Content::End);
    }

    /// Sends a reset.
    pub(super) fn reset(&mut self, now: Time) {
        self.dispatch(now + self.link.latency.start, Content::Reset);
    }

    fn dispatch(&mut self, arrives: Time, content: Content) {
        if content == Content::Bytes(0) {
            return;
        }
        self.last = self.last.max(arrives);
        self.packets.push_back(Packet { arrives: self.last, content });
    }

    /// Has what is due at `now` come in, as far as there is room.
    pub(super) fn arrive(&mut self, now: Time) -> Arrived {
        let mut told = Arrived::default();
        while let Some(packet) = self.packets.front_mut() {
            if self.cut || packet.arrives > now {
                return told;
            }
            match &mut packet.content {
                Content::Bytes(len) => {
                    let room = self.link.receive_buffer.max(1).saturating_sub(self.arrived);
                    let comes = room.min(*len);
                    *len -= comes;
                    self.arrived += comes;
                    told.bytes += comes;
                    if *len > 0 {
                        return self.reset_overtakes(now, told);
                    }
                }
                Content::End => told.end = true,
                Content::Reset => told.reset = true,
            }
            self.packets.pop_front();
        }
        told
    }

    /// Bytes wait at the door. A reset that has come is not one to wait behind them: they are lost.
    fn reset_overtakes(&mut self, now: Time, told: Arrived) -> Arrived {
        let due = |p: &Packet| p.content == Content::Reset && p.arrives <= now;
        if !self.packets.iter().any(due) {
            return told;
        }
        self.lose();
        Arrived { reset: true, ..told }
    }

    /// Everything that is under way is lost.
    pub(super) fn lose(&mut self) {
        self.packets.clear();
        self.bytes.truncate(self.arrived);
    }

    /// Everything that is under way arrives now, up to the first that may not.
    pub(super) fn hurry(&mut self, now: Time) {
        self.packets.iter_mut().for_each(|packet| packet.arrives = packet.arrives.min(now));
        self.last = now;
    }

    /// Whether an end of file or a reset is under way.
    pub(super) fn is_ending(&self) -> bool {
        self.packets.iter().any(|packet| !matches!(packet.content, Content::Bytes(_)))
    }

    /// When the next packet comes in by itself. None does that waits for room, or is cut off.
    pub(super) fn next_arrival(&self) -> Option<Time> {
        let front = self.packets.front().filter(|_| !self.cut)?;
        let full = self.arrived >= self.link.receive_buffer.max(1);
        if !full || !matches!(front.content, Content::Bytes(_)) {
            return Some(front.arrives);
        }
        self.packets.iter().find(|p| p.content == Content::Reset).map(|p| p.arrives)
    }

    /// Takes what has come, as much as fits.
    pub(super) fn recv(&mut self, buffer: &mut [u8]) -> usize {
        let len = buffer.len().min(self.arrived);
        take(&mut self.bytes, &mut buffer[..len]);
        self.arrived -= len;
        len
    }

    /// Forgets the last `bytes` that have come, and what is under way.
    pub(super) fn refuse(&mut self, bytes: usize) {
        self.arrived -= bytes;
        self.lose();
    }

    /// Forgets what has come: nobody will receive it.
    pub(super) fn discard(&mut self) {
        self.bytes.drain(..self.arrived);
        self.arrived = 0;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.packets.is_empty()
    }
}

/// Moves the first bytes of `from` out, as many as `into` is long.
pub(super) fn take(from: &mut VecDeque<u8>, into: &mut [u8]) {
    let (first, second) = from.as_slices();
    let middle = first.len().min(into.len());
    let (left, right) = into.split_at_mut(middle);
    left.copy_from_slice(&first[..middle]);
    right.copy_from_slice(&second[..right.len()]);
    from.drain(..into.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn ms(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn bytes(bytes: usize) -> Arrived {
        Arrived { bytes, ..Arrived::default() }
    }

    const END: Arrived = Arrived { bytes: 0, end: true, reset: false };
    const RESET: Arrived = Arrived { bytes: 0, end: false, reset: true };

    fn received(lane: &mut Lane) -> Vec<u8> {
        let mut buffer = [0; 64];
        let len = lane.recv(&mut buffer);
        buffer[..len].to_vec()
    }

    #[test]
    fn bytes_arrive_after_the_latency_and_the_end_behind_them() {
        let mut lane = Lane::new(Link::default().with_latency(Duration::from_millis(5)));
        assert_eq!(lane.send(ms(0), b"abc", Duration::from_millis(5)), 3);
        lane.end(ms(1));
        assert_eq!(lane.next_arrival(), Some(ms(5)));
        assert_eq!(lane.arrive(ms(4)), Arrived::default());
        assert_eq!(lane.arrive(ms(5)), bytes(3));
        assert_eq!(lane.arrive(ms(6)), END);
        assert_eq!(received(&mut lane), b"abc");
        assert_eq!(lane.next_arrival(), None);
    }

    #[test]
    fn a_quick_packet_does_not_overtake_a_slow_one() {
        let mut lane = Lane::new(Link::default());
        lane.send(ms(0), b"slow", Duration::from_millis(9));
        lane.send(ms(0), b"quick", Duration::from_millis(1));
        assert_eq!(lane.arrive(ms(8)), Arrived::default());
        assert_eq!(lane.arrive(ms(9)), bytes(9));
        assert_eq!(received(&mut lane), b"slowquick");
    }

    #[test]
    fn a_narrow_link_brings_a_long_send_little_by_little() {
        let mut lane = Lane::new(Link::default().with_bandwidth(10));
        assert_eq!(lane.send(ms(0), &[1; 25], NOW), 25);
        lane.end(ms(0));
        assert_eq!(lane.arrive(ms(1)), bytes(10));
        assert_eq!(lane.arrive(ms(2)), bytes(10));
        assert_eq!(lane.next_arrival(), Some(ms(2) + Duration::from_micros(500)));
        assert_eq!(lane.arrive(ms(3)), Arrived { bytes: 5, end: true, reset: false });
    }

    #[test]
    fn a_send_takes_what_fits_and_there_is_room_again_when_bytes_arrive() {
        let mut lane = Lane::new(Link::default().with_buffers(6, 100));
        assert_eq!(lane.send(ms(0), b"12345678", Duration::from_millis(1)), 6);
        assert_eq!((lane.room(), lane.is_writable()), (0, false));
        lane.arrive(ms(1));
        assert_eq!((lane.room(), lane.is_writable()), (6, true));
    }

    #[test]
    fn it_is_writable_while_a_third_of_the_buffer_is_free() {
        let mut lane = Lane::new(Link::default().with_buffers(9, 0));
        let later = Duration::from_millis(1);
        lane.send(ms(0), &[0; 7], later);
        assert_eq!((lane.room(), lane.is_writable()), (2, false));
        let mut lane = Lane::new(Link::default().with_buffers(9, 0));
        lane.send(ms(0), &[0; 6], later);
        assert_eq!((lane.room(), lane.is_writable()), (3, true));
    }

    #[test]
    fn bytes_without_room_wait_at_the_door_with_the_end_behind_them() {
        let mut lane = Lane::new(Link::default().with_buffers(100, 4));
        lane.send(ms(0), b"abcdef", NOW);
        lane.end(ms(0));
        assert_eq!(lane.arrive(ms(0)), bytes(4));
        assert_eq!(lane.next_arrival(), None, "nothing comes by itself");
        assert_eq!(received(&mut lane), b"abcd");
        assert_eq!(lane.arrive(ms(0)), Arrived { bytes: 2, end: true, reset: false });
        assert_eq!(received(&mut lane), b"ef");
    }

    #[test]
    fn a_reset_does_not_wait_at_the_door_and_what_has_come_can_still_be_read() {
        let mut lane = Lane::new(Link::default().with_buffers(100, 4));
        lane.send(ms(0), b"abcdef", NOW);
        lane.arrive(ms(0));
        lane.reset(ms(0));
        assert_eq!(lane.next_arrival(), Some(ms(0)));
        assert_eq!(lane.arrive(ms(0)), RESET);
        assert_eq!(received(&mut lane), b"abcd");
        assert_eq!(received(&mut lane), b"");
    }

    #[test]
    fn what_is_cut_off_waits_and_comes_when_the_cut_is_healed() {
        let mut lane = Lane::new(Link::default());
        lane.cut = true;
        lane.send(ms(0), b"abc", NOW);
        assert_eq!((lane.arrive(ms(9)), lane.next_arrival()), (Arrived::default(), None));
        lane.cut = false;
        assert_eq!(lane.next_arrival(), Some(ms(0)));
        assert_eq!(lane.arrive(ms(9)), bytes(3));
    }
}
