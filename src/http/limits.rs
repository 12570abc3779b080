//! What a peer may make us hold, and no more.

/// The most that one peer may make us read or keep, by name.
///
/// Everything a peer can grow has a limit, because whatever has none is a way to take the server's
/// memory. The defaults are what widely used servers allow, so that what works elsewhere works
/// here.
///
/// ```
/// let limits = evloop::http::Limits { body_size: 16 << 20, ..Default::default() };
/// assert_eq!(limits.header_count, 128);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a request line or status line, its line end included. More: 414.
    ///
    /// Default 8192; aiohttp and Apache allow 8190, nginx 8192.
    pub request_line: usize,
    /// Bytes in a head after its first line, with every line end. More: 431.
    ///
    /// Default 32 KiB, as nginx's `large_client_header_buffers` of 4 × 8 KiB; Node allows 16 KiB.
    pub header_bytes: usize,
    /// Header fields in a head; values above 128 count as 128. More: 431.
    ///
    /// Default 128, as aiohttp; Apache and hyper allow 100.
    pub header_count: usize,
    /// Bytes of a body that is collected for a handler. More: 413.
    ///
    /// Default 1 MiB: aiohttp's `client_max_size`, nginx's `client_max_body_size`. A body that is
    /// handed on piece by piece is not limited by this.
    pub body_size: u64,
    /// Fields of a form that is read, parts of one in `multipart/form-data`, and pairs of a query that
    /// becomes a type. More: 413, or 400 for a query.
    ///
    /// Default 1000: Django's `DATA_UPLOAD_MAX_NUMBER_FIELDS`, PHP's `max_input_vars` and Node's
    /// `querystring`. Half a million fields fit in a body of 1 MiB, and each costs many times its
    /// bytes once it is a field.
    pub form_fields: usize,
    /// Bytes of a body that are received before anybody reads them. With more unread, the
    /// connection receives nothing; what one receive brought, at most 64 KiB, is kept.
    ///
    /// Default 64 KiB, asyncio's limit of a stream; aiohttp's `read_bufsize` is 64 KiB up to
    /// version 3 and 256 KiB after it.
    pub read_buffer: usize,
    /// Bytes of a body that the server reads and drops after it was answered unread, so that the
    /// connection can serve another request. With more to come, the connection ends.
    ///
    /// Default 256 KiB, as Go's `net/http`.
    pub drained_body: u64,
    /// Connections that a server has at a time. With more, one that waits for a request, or for the
    /// rest of a head, is closed for the new one (nginx does so with idle ones); if none does, the
    /// new one is answered 503 and closed.
    ///
    /// Default: as many as seven of eight descriptors that the process may have open
    /// (`RLIMIT_NOFILE`), and at least 160 less than that, so that the application finds some for its
    /// own use and accepting does not fail for want of them.
    ///
    /// A TLS handshake counts as a connection, and the oldest goes when there is no room.
    pub connections: Option<usize>,
    /// Bytes of chunk extensions in one whole body. More: 400.
    ///
    /// Default 16 KiB, as hyper. Counted over the body, since a flood of one-byte chunks with long
    /// extensions is an attack although each of them is small.
    pub chunk_extension_bytes: usize,
    /// Bytes of the trailer section, with every line end. More: 431.
    ///
    /// Default 16 KiB, as hyper.
    pub trailer_bytes: usize,
    /// Empty lines before a head. More: 400.
    ///
    /// Default 8. RFC 9112 §2.2 asks that at least one be ignored, for the sake of clients that
    /// send a line end after a body.
    pub empty_lines: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_line: 8 << 10,
            header_bytes: 32 << 10,
            header_count: 128,
            body_size: 1 << 20,
            form_fields: 1000,
            read_buffer: 64 << 10,
            drained_body: 256 << 10,
            connections: None,
            chunk_extension_bytes: 16 << 10,
            trailer_bytes: 16 << 10,
            empty_lines: 8,
        }
    }
}
