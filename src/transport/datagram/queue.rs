//! The datagrams that an endpoint was given and the kernel has not yet taken: pure.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// What a datagram counts for beside its bytes, so that empty ones are no free memory. (asyncio's
/// `_header_size`)
const HEADER: usize = 8;

/// A datagram, and to whom; `None`: to whom the socket is connected.
pub(super) type Datagram = (Box<[u8]>, Option<SocketAddr>);

/// The queue, first in, first out. Boundaries are kept; empty, it owns no heap memory.
#[derive(Default)]
pub(super) struct Queue {
    datagrams: VecDeque<Datagram>,
    size: usize,
}

impl Queue {
    /// What the water marks are compared with: the bytes, and eight for each datagram.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub(super) fn push(&mut self, bytes: &[u8], to: Option<SocketAddr>) {
        self.size += bytes.len() + HEADER;
        self.datagrams.push_back((bytes.into(), to));
    }

    pub(super) fn first(&self) -> Option<&Datagram> {
        self.datagrams.front()
    }

    /// Takes the first away.
    pub(super) fn pop(&mut self) {
        if let Some((bytes, _)) = self.datagrams.pop_front() {
            self.size -= bytes.len() + HEADER;
        }
        if self.datagrams.is_empty() {
            self.datagrams = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn udp_05_datagrams_leave_in_their_order_whole_and_counted(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..40),
        ) {
            let mut queue = Queue::default();
            for datagram in &datagrams {
                queue.push(datagram, None);
            }
            let bytes: usize = datagrams.iter().map(Vec::len).sum();
            prop_assert_eq!(queue.size(), bytes + 8 * datagrams.len());
            for datagram in &datagrams {
                prop_assert_eq!(&*queue.first().unwrap().0, &datagram[..]);
                queue.pop();
            }
            prop_assert!(queue.is_empty() && queue.size() == 0);
        }
    }
}
