//! What can go wrong when reading a stream.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a read of a stream failed.
///
/// As an [`io::Error`] it is `UnexpectedEof` ([`IncompleteRead`](ReadError::IncompleteRead)) or
/// `InvalidData` ([`LimitOverrun`](ReadError::LimitOverrun)) with the `ReadError` inside, where
/// [`io::Error::get_ref`] finds it; an [`Io`](ReadError::Io) is itself.
#[derive(Debug)]
pub enum ReadError {
    /// The stream ended before what was asked for was complete. (`asyncio.IncompleteReadError`)
    IncompleteRead {
        /// The bytes that did come; they are taken from the stream.
        partial: Vec<u8>,
        /// How many bytes were asked for; `None` if what was asked for was a separator.
        expected: Option<usize>,
    },
    /// The separator did not come within the limit. (`asyncio.LimitOverrunError`)
    LimitOverrun {
        /// How many bytes at the front of the buffer are known to be no separator's beginning, so
        /// that they may be read and the search begun anew.
        consumed: usize,
        /// Whether the separator stands right behind them.
        found: bool,
    },
    /// The connection failed, or the arguments make no sense (`InvalidInput`).
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::IncompleteRead { partial, expected: Some(expected) } => {
                write!(f, "{} bytes read on a total of {expected} expected bytes", partial.len())
            }
            ReadError::IncompleteRead { partial, expected: None } => {
                write!(f, "{} bytes read, then the stream ended without a separator", partial.len())
            }
            ReadError::LimitOverrun { consumed, found: true } => {
                write!(f, "separator is found, but the {consumed} bytes before it exceed the limit")
            }
            ReadError::LimitOverrun { consumed, found: false } => {
                write!(
                    f,
                    "separator is not found, and {consumed} bytes without it exceed the limit"
                )
            }
            ReadError::Io(error) => error.fmt(f),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        let kind = match error {
            ReadError::IncompleteRead { .. } => io::ErrorKind::UnexpectedEof,
            ReadError::LimitOverrun { .. } => io::ErrorKind::InvalidData,
            ReadError::Io(error) => return error,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_read_is_an_unexpected_eof_that_still_has_its_bytes() {
        let error = ReadError::IncompleteRead { partial: b"ab".to_vec(), expected: Some(5) };
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "2 bytes read on a total of 5 expected bytes");
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>());
        assert!(
            matches!(inner, Some(ReadError::IncompleteRead { partial, .. }) if partial == b"ab")
        );
    }

    #[test]
    fn an_overrun_says_whether_the_separator_was_there() {
        let error = io::Error::from(ReadError::LimitOverrun { consumed: 7, found: true });
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("is found"));
        assert!(ReadError::LimitOverrun { consumed: 7, found: false }.to_string().contains("not"));
    }

    #[test]
    fn an_io_error_passes_through_unchanged() {
        let reset = io::Error::from_raw_os_error(libc::ECONNRESET);
        assert_eq!(io::Error::from(ReadError::from(reset)).raw_os_error(), Some(libc::ECONNRESET));
    }
}
