//! What is asked of a descriptor and what is said of it: values, the same for every backend.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::RawFd;

/// What a registration asks to be told of: readability, writability or both.
///
/// Errors and hang-ups wake whoever waits, without being asked for, on every backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Tell when reading would not block: bytes, a connection to accept, end of file, an error.
    /// (`selectors.EVENT_READ`)
    pub const READ: Interest = Interest(1);
    /// Tell when writing would not block. (`selectors.EVENT_WRITE`)
    pub const WRITE: Interest = Interest(2);
    /// Both.
    pub const BOTH: Interest = Interest(3);

    /// Whether readability is asked for.
    pub const fn is_read(self) -> bool {
        self.0 & 1 != 0
    }
    /// Whether writability is asked for.
    pub const fn is_write(self) -> bool {
        self.0 & 2 != 0
    }
    /// This interest less `other`; `None` if nothing is left.
    pub const fn without(self, other: Interest) -> Option<Interest> {
        match self.0 & !other.0 {
            0 => None,
            left => Some(Interest(left)),
        }
    }
}

impl BitOr for Interest {
    type Output = Interest;
    fn bitor(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_read(), self.is_write()) {
            (true, false) => "READ",
            (false, true) => "WRITE",
            _ => "READ | WRITE",
        })
    }
}

/// A name for a registration, given at [`register`](super::Selector::register) and handed back in every
/// [`Event`] of it.
///
/// A token is a slot and the slot's generation. Whoever gives tokens out never gives the same one
/// twice, so an event for a registration that is gone finds nothing, even when the kernel has
/// reused the descriptor's number meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    /// What kernels keep for the bell; a registration may not have it.
    pub(super) const BELL: Token = Token(u64::MAX);

    /// The token of the `generation`-th use of `slot`.
    pub const fn new(slot: u32, generation: u32) -> Token {
        Token((generation as u64) << 32 | slot as u64)
    }
    /// Where its owner keeps what it names.
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }
    /// Which use of the slot it names.
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
    /// The token as the one word a kernel keeps for us.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
    /// The token whose word the kernel gave back.
    pub const fn from_bits(bits: u64) -> Token {
        Token(bits)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}#{})", self.slot(), self.generation())
    }
}

/// What is so of a descriptor: a set of conditions, told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Readiness(pub(super) u8);

impl Readiness {
    /// Reading would not block.
    pub const READABLE: Readiness = Readiness(1);
    /// Writing would not block.
    pub const WRITABLE: Readiness = Readiness(2);
    /// The peer will send no more (it shut down its writing side); bytes may still wait.
    pub const READ_HANGUP: Readiness = Readiness(4);
    /// The connection is gone both ways; bytes may still wait.
    pub const HANGUP: Readiness = Readiness(8);
    /// An error waits to be read, by the next call or through `SO_ERROR`.
    pub const ERROR: Readiness = Readiness(16);

    /// What is in both sets.
    #[cfg(feature = "testing")]
    pub(crate) const fn and(self, other: Readiness) -> Readiness {
        Readiness(self.0 & other.0)
    }
    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }
    /// Whether some of `other` is in this set.
    pub const fn intersects(self, other: Readiness) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether nothing is so.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Readiness {
    type Output = Readiness;
    fn bitor(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Readiness) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["READABLE", "WRITABLE", "READ_HANGUP", "HANGUP", "ERROR"];
        let set = names.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0);
        f.write_str(&set.map(|(_, name)| *name).collect::<Vec<_>>().join(" | "))
    }
}

/// One descriptor's news from one [`select`](super::Selector::select).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The registration it is about.
    pub token: Token,
    /// What is so.
    pub readiness: Readiness,
}

impl Event {
    /// Whether a reader should be called: readable, or hung up or in error, where a read says how.
    pub const fn wakes_reader(&self) -> bool {
        const WHY: Readiness = Readiness(1 | 4 | 8 | 16);
        self.readiness.intersects(WHY)
    }
    /// Whether a writer should be called: writable, or hung up or in error, where a write says how.
    pub const fn wakes_writer(&self) -> bool {
        const WHY: Readiness = Readiness(2 | 8 | 16);
        self.readiness.intersects(WHY)
    }
}

/// One registration, as [`Selector::get_map`](super::Selector::get_map) lists them. (`selectors.SelectorKey`)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelectorKey {
    /// The descriptor.
    pub fd: RawFd,
    /// What it is watched for.
    pub interest: Interest,
    /// Its name in events.
    pub token: Token,
}
