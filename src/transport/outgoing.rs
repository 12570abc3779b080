//! What is to be sent and the kernel has not taken yet.

#[cfg(feature = "tls")]
use std::rc::Rc;
use std::task::Waker;

use super::flow::Flow;
#[cfg(feature = "tls")]
use super::layer::Layer;
use super::unsent::Unsent;

/// The bytes that wait for the kernel, and the water marks. Nothing at all where none wait and the
/// marks are the usual ones.
#[derive(Default)]
pub(super) struct Outgoing(Option<Box<Queue>>);

#[derive(Default)]
pub(super) struct Queue {
    pub(super) unsent: Unsent,
    pub(super) flow: Flow,
    /// While a file is sent, or to be sent after these bytes: how much of it is; nothing can follow it
    /// yet.
    file: Option<u64>,
    /// How many bytes were unsent when the connection broke; then there is nothing else.
    cut_off: usize,
    /// Who waits with a file for the bytes to be gone.
    drained: Option<Waker>,
    /// What the bytes go through: then none wait here, and the marks are those below.
    #[cfg(feature = "tls")]
    layer: Option<Rc<dyn Layer>>,
}

impl Queue {
    #[inline]
    fn is_empty(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.layer.is_some() {
            return false;
        }
        self.unsent.is_empty() && self.file.is_none()
    }
}

/// Also when the connection breaks the wait is over.
impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(waker) = self.drained.take() {
            waker.wake();
        }
    }
}

impl Outgoing {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.unsent.len())
    }

    /// Whether nothing is to be sent: neither bytes nor a file, nor anything through a layer.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.is_empty())
    }

    /// Forgets what is unsent, but for how much it is.
    pub(super) fn cut_off(&mut self) -> Outgoing {
        let mut left = Outgoing(None);
        let unsent = self.len();
        if unsent != 0 {
            left.queue().cut_off = unsent;
        }
        std::mem::replace(self, left)
    }

    /// How many bytes were unsent when the connection broke.
    pub(super) fn was_cut_off(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.cut_off)
    }

    pub(super) fn has_no_bytes(&self) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.unsent.is_empty())
    }

    pub(super) fn has_file(&self) -> bool {
        self.0.as_ref().is_some_and(|queue| queue.file.is_some())
    }

    /// `false` if there is one already.
    pub(super) fn begin_file(&mut self) -> bool {
        self.queue().file.replace(0).is_none()
    }

    /// The kernel has taken more of the file.
    pub(super) fn file_moves(&mut self, more: usize) {
        if let Some(sent) = self.0.as_mut().and_then(|queue| queue.file.as_mut()) {
            *sent += more as u64;
        }
    }

    #[cfg(feature = "http")]
    pub(super) fn sent_of_file(&self) -> u64 {
        self.0.as_ref().and_then(|queue| queue.file).unwrap_or(0)
    }

    pub(super) fn end_file(&mut self) {
        if let Some(queue) = &mut self.0 {
            (queue.file, queue.drained) = (None, None);
        }
        self.update_flow();
    }

    /// Whether bytes are unsent; if so `waker` is woken when they are gone.
    pub(super) fn wakes_when_drained(&mut self, waker: &Waker) -> bool {
        let Some(queue) = self.0.as_mut().filter(|queue| !queue.unsent.is_empty()) else {
            return false;
        };
        queue.drained = Some(waker.clone());
        true
    }

    #[inline]
    pub(super) fn is_paused(&self) -> bool {
        self.0.as_ref().is_some_and(|queue| queue.flow.is_paused())
    }

    pub(super) fn limits(&self) -> (usize, usize) {
        self.0.as_ref().map_or_else(|| Flow::default().limits(), |queue| queue.flow.limits())
    }

    pub(super) fn queue(&mut self) -> &mut Queue {
        self.0.get_or_insert_default()
    }

    pub(super) fn take_drained(&mut self) -> Option<Waker> {
        self.0.as_mut()?.drained.take()
    }

    #[cfg(feature = "tls")]
    pub(super) fn layer(&self) -> Option<&Rc<dyn Layer>> {
        self.0.as_ref()?.layer.as_ref()
    }

    #[cfg(feature = "tls")]
    pub(super) fn set_layer(&mut self, layer: Rc<dyn Layer>) {
        self.queue().layer = Some(layer);
    }

    /// Whether the side of the marks has changed. Gives memory back that is not needed.
    pub(super) fn update_flow(&mut self) -> bool {
        let Some(queue) = &mut self.0 else { return false };
        let changed = queue.flow.update(queue.unsent.len()).is_some();
        if queue.is_empty() && queue.flow == Flow::default() {
            self.0 = None;
        }
        changed
    }
}
