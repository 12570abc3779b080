//! The kinds of faults: what each is called, where it makes sense, and whether a correct program
//! may notice it.

use super::{Fault, Site};

/// A [`Fault`] without its parameter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FaultKind {
    /// [`Fault::Eintr`].
    Eintr,
    /// [`Fault::Spurious`].
    Spurious,
    /// [`Fault::Withhold`].
    Withhold,
    /// [`Fault::OneEvent`].
    OneEvent,
    /// [`Fault::Reverse`].
    Reverse,
    /// [`Fault::MergeHup`].
    MergeHup,
    /// [`Fault::Stale`].
    Stale,
    /// [`Fault::NotifyRace`].
    NotifyRace,
    /// [`Fault::Short`].
    Short,
    /// [`Fault::Again`].
    Again,
    /// [`Fault::Jump`].
    Jump,
    /// [`Fault::Reset`].
    Reset,
    /// [`Fault::Emfile`].
    Emfile,
    /// [`Fault::Aborted`].
    Aborted,
}

use FaultKind as Kind;

impl FaultKind {
    /// All of them.
    pub const ALL: &'static [FaultKind] = &[
        Kind::Eintr,
        Kind::Spurious,
        Kind::Withhold,
        Kind::OneEvent,
        Kind::Reverse,
        Kind::MergeHup,
        Kind::Stale,
        Kind::NotifyRace,
        Kind::Short,
        Kind::Again,
        Kind::Jump,
        Kind::Reset,
        Kind::Emfile,
        Kind::Aborted,
    ];

    /// Those that a correct program comes through with the same result. The others break
    /// connections ([`Reset`](Kind::Reset), [`Emfile`](Kind::Emfile), [`Aborted`](Kind::Aborted))
    /// or let timeouts run out ([`Jump`](Kind::Jump)): a test has to expect those.
    pub const QUIET: &'static [FaultKind] = Kind::ALL.split_at(10).0;

    /// Its name in the text of a schedule.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Eintr => "eintr",
            Kind::Spurious => "spurious",
            Kind::Withhold => "withhold",
            Kind::OneEvent => "one-event",
            Kind::Reverse => "reverse",
            Kind::MergeHup => "merge-hup",
            Kind::Stale => "stale",
            Kind::NotifyRace => "notify-race",
            Kind::Short => "short",
            Kind::Again => "again",
            Kind::Jump => "jump",
            Kind::Reset => "reset",
            Kind::Emfile => "emfile",
            Kind::Aborted => "aborted",
        }
    }

    /// At which calls it can be played.
    pub fn sites(self) -> &'static [Site] {
        match self {
            Kind::Short => &[Site::Recv, Site::Send],
            Kind::Again => &[Site::Recv, Site::Send, Site::Accept],
            Kind::Reset => &[Site::Recv, Site::Send, Site::Connect],
            Kind::Emfile | Kind::Aborted => &[Site::Accept],
            _ => &[Site::Select],
        }
    }
}

impl Fault {
    /// Its kind.
    pub fn kind(self) -> FaultKind {
        match self {
            Fault::Eintr => Kind::Eintr,
            Fault::Spurious(_) => Kind::Spurious,
            Fault::Withhold(_) => Kind::Withhold,
            Fault::OneEvent => Kind::OneEvent,
            Fault::Reverse => Kind::Reverse,
            Fault::MergeHup => Kind::MergeHup,
            Fault::Stale => Kind::Stale,
            Fault::NotifyRace => Kind::NotifyRace,
            Fault::Jump(_) => Kind::Jump,
            Fault::Short(_) => Kind::Short,
            Fault::Again => Kind::Again,
            Fault::Reset => Kind::Reset,
            Fault::Emfile => Kind::Emfile,
            Fault::Aborted => Kind::Aborted,
        }
    }
}

impl Site {
    /// All of them.
    pub const ALL: &'static [Site] =
        &[Site::Select, Site::Recv, Site::Send, Site::Accept, Site::Connect];

    /// Its name in the text of a schedule.
    pub fn name(self) -> &'static str {
        match self {
            Site::Select => "select",
            Site::Recv => "recv",
            Site::Send => "send",
            Site::Accept => "accept",
            Site::Connect => "connect",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_kinds_are_all_but_those_that_break_connections_or_timeouts() {
        let loud: Vec<_> = Kind::ALL.iter().filter(|kind| !Kind::QUIET.contains(kind)).collect();
        assert_eq!(loud, [&Kind::Jump, &Kind::Reset, &Kind::Emfile, &Kind::Aborted]);
    }
}
