//! Protocols: what a connection calls.

use std::io;

use super::Transport;

/// What a connection calls, in this order. (`asyncio.Protocol`)
///
/// ```text
/// connection_made  data_received*  eof_received?  connection_lost
/// ```
///
/// with `pause_writing` and `resume_writing` in turns between the first and the last. The grammar
/// is enforced by the transport's life cycle, whatever the network does.
///
/// Every method but the last is given the transport, so a protocol need not keep it; one that must
/// write at other times keeps a clone, and drops it in `connection_lost`.
///
/// A protocol that panics is reported to the loop's exception handler, and its connection is
/// aborted.
///
/// # Unlike asyncio
///
/// A protocol that writes from inside its own methods is told `pause_writing` and
/// `resume_writing` when that method returns, for it is borrowed until then. Anybody else's write
/// tells it at once, as in asyncio.
pub trait Protocol {
    /// Through TLS: the connection is accepted, and its handshake begins, over `below`; to abort that
    /// is to refuse it.
    #[doc(hidden)]
    fn handshake_begins(&mut self, below: &Transport) {
        let _ = below;
    }

    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes have come, at least one. They are the loop's buffer: copy what must outlive the call.
    fn data_received(&mut self, transport: &Transport, data: &[u8]);

    /// Whether bytes are received into the protocol's own memory: it is asked once, before
    /// `connection_made`, and if so [`get_buffer`](Protocol::get_buffer) and
    /// [`buffer_updated`](Protocol::buffer_updated) are called in `data_received`'s stead.
    /// (`asyncio.BufferedProtocol`)
    fn is_buffered(&self) -> bool {
        false
    }

    /// Memory to receive into, at least one byte; more than `hint` bytes do not come at once. An
    /// empty slice aborts the connection.
    fn get_buffer(&mut self, hint: usize) -> &mut [u8] {
        let _ = hint;
        &mut []
    }

    /// `count` bytes have come, at the beginning of what `get_buffer` gave last.
    fn buffer_updated(&mut self, transport: &Transport, count: usize) {
        let _ = (transport, count);
    }

    /// The peer will send no more. `true` keeps the connection for writing; `false`, as by
    /// default, closes it once everything written is sent. Through TLS it is closed in any case.
    fn eof_received(&mut self, transport: &Transport) -> bool {
        let _ = transport;
        false
    }

    /// More is written than the peer takes: more than the high-water mark waits in our buffer.
    fn pause_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The buffer has shrunk to the low-water mark.
    fn resume_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// A write has failed, because the peer reset the connection or takes no more. Whether what it had
    /// sent before is delivered, before `connection_lost` tells of the failure; it is asked once, in
    /// the turn after. By default it is: a server that refuses a request has said why.
    ///
    /// Nothing is waited for: it ends with what the kernel has, and with
    /// [`pause_reading`](Transport::pause_reading). Meanwhile
    /// [`is_closing`](Transport::is_closing) holds and writes are discarded. (asyncio delivers
    /// nothing more.)
    fn reads_after_failed_write(&self) -> bool {
        true
    }

    /// The connection is over: `None` if it was closed in order, by either side; else why.
    fn connection_lost(&mut self, error: Option<io::Error>) {
        let _ = error;
    }
}
