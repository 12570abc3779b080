//! What an operation came to.

use std::fmt;
use std::io::{self, ErrorKind};

use crate::sys::ConnectProgress;

/// Why a call failed: the kind, and the kernel's number if it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::testing::fidelity) struct Why(ErrorKind, Option<i32>);

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Why {
        Why(error.kind(), error.raw_os_error())
    }
}

impl fmt::Debug for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(number) => write!(f, "{:?} (errno {number})", self.0),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// What an operation came to, in what two kernels can be asked to agree on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::testing::fidelity) enum Value {
    Done,
    /// There was no end that it could be done to.
    NothingToDoItTo,
    Bytes(usize),
    /// So many that it is the kernel's own affair, or as many as happened to fit.
    SomeBytes,
    Connecting(ConnectProgress),
    Accepted(Name),
    Address(Name),
    Pending(Option<Why>),
    /// Filled until this.
    Full(Why),
    /// All was received, so many bytes unless a buffer had been filled, until this or the end.
    Empty(Option<usize>, Option<Why>),
}

pub(in crate::testing::fidelity) type Seen = Result<Value, Why>;

/// An address, as the how manyth it was seen. Port 0 is nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::testing::fidelity) enum Name {
    NoPort,
    Address(usize),
}
