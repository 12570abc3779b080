//! Descriptors that are open, and the streams of bytes between them.

use std::os::fd::RawFd;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Listener,
    Tcp,
    Pair,
    PipeReader,
    PipeWriter,
}

/// A descriptor that is open. Streams are numbered in the order in which they were made.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) serial: usize,
    pub(super) fd: RawFd,
    pub(super) kind: Kind,
    pub(super) incoming: usize,
    pub(super) outgoing: usize,
    /// It has shut its reading side down.
    pub(super) deaf: bool,
}

impl End {
    pub(super) fn can_send(&self) -> bool {
        matches!(self.kind, Kind::Tcp | Kind::Pair | Kind::PipeWriter)
    }

    pub(super) fn can_receive(&self) -> bool {
        matches!(self.kind, Kind::Tcp | Kind::Pair | Kind::PipeReader)
    }

    pub(super) fn is_pipe(&self) -> bool {
        matches!(self.kind, Kind::PipeReader | Kind::PipeWriter)
    }
}

/// Bytes from one end to another. Each has its place's value, so that whoever receives one knows
/// whether it is the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Stream {
    pub(super) sent: usize,
    pub(super) received: usize,
    /// It was filled and not emptied since: how much room is left is the kernel's own affair.
    pub(super) flooded: bool,
    pub(super) sender: Sender,
}

/// The sending end of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sender {
    /// A connection that nobody has accepted, or what is no stream.
    #[default]
    Nobody,
    Open(RawFd),
    Closed,
}
