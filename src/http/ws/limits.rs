//! What a peer may make us hold.

/// The most that one peer may make a WebSocket read or keep, by name.
///
/// ```
/// let limits = evloop::http::ws::Limits { message_size: 64 << 10, ..Default::default() };
/// assert_eq!(limits.frame_size, 4 << 20);
/// ```
///
/// What has no name needs none: fragments may be as many as their sender likes, since each costs
/// it two bytes and us nothing; and of pings that cannot be answered yet only the last is kept
/// (RFC 6455 §5.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a message, all of its fragments together. More: 1009, said as soon as a frame's
    /// head announces it.
    ///
    /// Default 4 MiB, as aiohttp's `max_msg_size`.
    pub message_size: usize,
    /// Bytes in one frame. More: 1009.
    ///
    /// Default 4 MiB: a message may come whole.
    pub frame_size: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { message_size: 4 << 20, frame_size: 4 << 20 }
    }
}
