//! Links: how long bytes take from one address to another, how many fit, and which are cut.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

/// How bytes travel between two addresses; the same both ways.
///
/// The default takes no time, has no end of bandwidth, and buffers of 64 KiB.
///
/// ```
/// use std::time::Duration;
/// use evloop::testing::Link;
/// let slow = Link::default().with_latency(Duration::from_millis(20)).with_bandwidth(125);
/// assert_eq!(slow.bytes_per_ms, Some(125));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// How long a packet is under way, at least and less than. Where the two differ, the schedule
    /// chooses for each send among eight steps between them ([`Choice::Latency`]), and without a
    /// pick it is the least. Bytes never overtake each other.
    ///
    /// [`Choice::Latency`]: crate::testing::Choice::Latency
    pub latency: Range<Duration>,
    /// How many bytes a millisecond carries, at least one; `None` is any number.
    pub bytes_per_ms: Option<u32>,
    /// How many bytes may be sent before the first of them has arrived.
    pub send_buffer: usize,
    /// How many bytes may have arrived before the first of them is received.
    pub receive_buffer: usize,
}

impl Default for Link {
    fn default() -> Self {
        Link {
            latency: Duration::ZERO..Duration::ZERO,
            bytes_per_ms: None,
            send_buffer: 64 * 1024,
            receive_buffer: 64 * 1024,
        }
    }
}

impl Link {
    /// With a packet under way for so long.
    pub fn with_latency(self, latency: Duration) -> Link {
        Link { latency: latency..latency, ..self }
    }

    /// With so many bytes a millisecond.
    pub fn with_bandwidth(self, bytes_per_ms: u32) -> Link {
        Link { bytes_per_ms: Some(bytes_per_ms), ..self }
    }

    /// With buffers of so many bytes, at least one each.
    pub fn with_buffers(self, send_buffer: usize, receive_buffer: usize) -> Link {
        Link { send_buffer, receive_buffer, ..self }
    }

    /// The latency that is the `chosen`th of [`STEPS`].
    pub(super) fn latency_of(&self, chosen: usize) -> Duration {
        let Range { start, end } = self.latency;
        start + end.saturating_sub(start) * chosen as u32 / STEPS as u32
    }

    /// Whether there is something to choose.
    pub(super) fn varies(&self) -> bool {
        self.latency.end > self.latency.start
    }
}

/// How many latencies a range offers to the schedule.
pub(super) const STEPS: usize = 8;

/// What links there are, and where nothing passes.
#[derive(Default)]
pub(super) struct Links {
    links: Vec<(SocketAddr, SocketAddr, Link)>,
    cuts: Vec<(SocketAddr, SocketAddr)>,
}

impl Links {
    pub(super) fn set(&mut self, one: SocketAddr, other: SocketAddr, link: Link) {
        self.links.push((one, other, link));
    }

    /// The link that was set last of those that fit.
    pub(super) fn between(&self, one: SocketAddr, other: SocketAddr) -> Link {
        let fits = |(a, b, _): &&(SocketAddr, SocketAddr, Link)| {
            (matches(*a, one) && matches(*b, other)) || (matches(*a, other) && matches(*b, one))
        };
        let found = self.links.iter().rev().find(fits);
        found.map_or_else(Link::default, |(_, _, link)| link.clone())
    }

    pub(super) fn cut(&mut self, from: SocketAddr, to: SocketAddr) {
        self.cuts.push((from, to));
    }

    /// Takes every cut away that one between these two would be.
    pub(super) fn heal(&mut self, from: SocketAddr, to: SocketAddr) {
        self.cuts.retain(|(a, b)| !(matches(from, *a) && matches(to, *b)));
    }

    pub(super) fn is_cut(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.cuts.iter().any(|(a, b)| matches(*a, from) && matches(*b, to))
    }
}

/// Whether `pattern` means `address`: an unspecified IP address means any, and port 0 any port.
pub(super) fn matches(pattern: SocketAddr, address: SocketAddr) -> bool {
    (pattern.ip().is_unspecified() || pattern.ip() == address.ip())
        && (pattern.port() == 0 || pattern.port() == address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_link_set_last_that_fits_is_the_one_and_it_is_the_same_both_ways() {
        let mut links = Links::default();
        let (here, there) = (at("10.0.0.1:5000"), at("10.0.0.2:80"));
        let ms = |ms| Link::default().with_latency(Duration::from_millis(ms));
        links.set(at("0.0.0.0:0"), at("0.0.0.0:0"), ms(1));
        links.set(at("0.0.0.0:0"), at("10.0.0.2:80"), ms(2));
        assert_eq!(links.between(here, there), ms(2));
        assert_eq!(links.between(there, here), ms(2));
        assert_eq!(links.between(here, at("10.0.0.3:80")), ms(1));
        assert_eq!(Links::default().between(here, there), Link::default());
    }

    #[test]
    fn a_cut_is_one_way_until_it_is_healed() {
        let mut links = Links::default();
        let (here, there) = (at("10.0.0.1:5000"), at("10.0.0.2:80"));
        links.cut(at("10.0.0.1:0"), there);
        assert!(links.is_cut(here, there) && !links.is_cut(there, here));
        links.heal(there, at("10.0.0.1:0"));
        assert!(links.is_cut(here, there));
        links.heal(at("10.0.0.1:0"), there);
        assert!(!links.is_cut(here, there));
    }

    #[test]
    fn the_schedule_chooses_among_latencies_within_the_range() {
        let range = Duration::from_millis(8)..Duration::from_millis(16);
        let link = Link { latency: range, ..Link::default() };
        assert_eq!(link.latency_of(0), Duration::from_millis(8));
        assert_eq!(link.latency_of(STEPS - 1), Duration::from_millis(15));
    }
}
