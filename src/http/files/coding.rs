//! In which codings a file may lie beside itself.

use crate::http::coding::accept::Offer;

/// A coding in which a file may lie beside the plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// All of them, those that compress best first.
    pub(super) const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// As `Content-Encoding` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }

    /// What the name of such a file ends with.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }
}

impl From<Coding> for Offer {
    fn from(coding: Coding) -> Offer {
        match coding {
            Coding::Brotli => Offer::Brotli,
            Coding::Gzip => Offer::Gzip,
        }
    }
}
