//! What an end of a TCP connection is in, as Linux has it.
//!
//! What an end is in, and what brings it elsewhere; an empty place changes nothing:
//!
//! | from        | answer      | refusal               | our end   | peer's end | reset               |
//! |-------------|-------------|-----------------------|-----------|------------|---------------------|
//! | Connecting  | Established | Closed (ECONNREFUSED) |           |            | Closed (ECONNREFUSED) |
//! | Established |             |                       | WeEnded   | PeerEnded  | Closed (ECONNRESET) |
//! | WeEnded     |             |                       |           | BothEnded  | Closed (ECONNRESET) |
//! | PeerEnded   |             |                       | BothEnded |            | Closed (EPIPE)      |
//! | BothEnded   |             |                       |           |            | Closed (ECONNRESET) |
//! | Closed      |             |                       |           |            |                     |
//!
//! BothEnded is Closed as soon as our end of file has come to the peer: it may wait behind bytes
//! for which there is no room.

use crate::testing::journal::Errno;

/// What an end of a connection is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Connecting,
    Established,
    WeEnded,
    PeerEnded,
    BothEnded,
    Closed,
}

/// What brings an end elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    Answer,
    Refusal,
    OurEnd,
    PeersEnd,
    Reset,
}

impl Phase {
    /// Where `cause` leads, and the error it leaves.
    pub(super) fn after(self, cause: Cause) -> (Phase, Option<Errno>) {
        match (self, cause) {
            (Phase::Connecting, Cause::Answer) => (Phase::Established, None),
            (Phase::Connecting, Cause::Refusal | Cause::Reset) => {
                (Phase::Closed, Some(libc::ECONNREFUSED))
            }
            (Phase::Established, Cause::OurEnd) => (Phase::WeEnded, None),
            (Phase::Established, Cause::PeersEnd) => (Phase::PeerEnded, None),
            (Phase::WeEnded, Cause::PeersEnd) | (Phase::PeerEnded, Cause::OurEnd) => {
                (Phase::BothEnded, None)
            }
            (Phase::Established | Phase::WeEnded | Phase::BothEnded, Cause::Reset) => {
                (Phase::Closed, Some(libc::ECONNRESET))
            }
            (Phase::PeerEnded, Cause::Reset) => (Phase::Closed, Some(libc::EPIPE)),
            (phase, _) => (phase, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 6] = [
        Phase::Connecting,
        Phase::Established,
        Phase::WeEnded,
        Phase::PeerEnded,
        Phase::BothEnded,
        Phase::Closed,
    ];
    const CAUSES: [Cause; 5] =
        [Cause::Answer, Cause::Refusal, Cause::OurEnd, Cause::PeersEnd, Cause::Reset];

    /// As the table at the head of the file writes it.
    fn written(phase: Phase, cause: Cause) -> String {
        match phase.after(cause) {
            (to, Some(error)) => {
                let name = [
                    (libc::ECONNREFUSED, "ECONNREFUSED"),
                    (libc::ECONNRESET, "ECONNRESET"),
                    (libc::EPIPE, "EPIPE"),
                ];
                let (_, name) = name.iter().find(|(number, _)| *number == error).unwrap();
                format!("{to:?} ({name})")
            }
            (to, None) if to == phase => String::new(),
            (to, None) => format!("{to:?}"),
        }
    }

    #[test]
    fn the_table_of_phases_is_true() {
        let lines = include_str!("phase.rs").lines().filter_map(|line| line.strip_prefix("//! |"));
        let rows: Vec<Vec<&str>> =
            lines.map(|line| line.split('|').map(str::trim).collect()).collect();
        let rows = &rows[2..];
        assert_eq!(rows.len(), PHASES.len());
        for (row, phase) in rows.iter().zip(PHASES) {
            assert_eq!(row[0], format!("{phase:?}"));
            for (cell, cause) in row[1..].iter().zip(CAUSES) {
                assert_eq!(*cell, written(phase, cause), "{phase:?}, {cause:?}");
            }
        }
    }
}
