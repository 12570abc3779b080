//! The life of a TLS connection: what may happen in each state of it.
//!
//! ```text
//!              plaintext   the user's close
//! Handshaking  neither     is an abort: there is nobody to say farewell to
//! Open         both ways   sends close_notify, and waits for the peer's
//! Closing      dropped     our close_notify is written; the peer's, or its end, is awaited
//! Closed       neither     the connection below is closing, or is to be
//! ```
//!
//! # The transitions
//!
//! A dot keeps the state.
//!
//! ```text
//! from         Handshaken  Close    Notified  Gone    Failed
//! Handshaking  Open        Closed   Closed    Closed  Closed
//! Open         .           Closing  Closed    Closed  Closed
//! Closing      .           .        Closed    Closed  Closed
//! Closed       .           .        .         .       .
//! ```
//!
//! There is no half close, as in asyncio, though TLS 1.3 has one (RFC 8446 §6.1): a protocol that
//! runs unchanged over TLS 1.2 cannot rely on it, where a close_notify must be answered at once and
//! discards what is unsent (RFC 5246 §7.2.1). Here what was written goes first all the same.

/// Where in its life a TLS connection is. The module's tables say what each state allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Neither side has both keys yet.
    Handshaking,
    /// Plaintext goes both ways.
    Open,
    /// We have said that nothing more will come.
    Closing,
    /// It is over.
    Closed,
}

/// What can happen to a TLS connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// The last message of the handshake was taken.
    Handshaken,
    /// Our user closes.
    Close,
    /// The peer's close_notify has come.
    Notified,
    /// The connection below has ended without one.
    Gone,
    /// A message was not what it should be, a certificate was refused, or time is up.
    Failed,
}

impl State {
    /// The state that `cause` leads to: the module's table as code.
    pub(super) const fn after(self, cause: Cause) -> State {
        match (self, cause) {
            (State::Handshaking, Cause::Handshaken) => State::Open,
            (State::Open, Cause::Close) => State::Closing,
            (State::Open, Cause::Handshaken) => State::Open,
            (State::Closing, Cause::Handshaken | Cause::Close) => State::Closing,
            _ => State::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 4] = [State::Handshaking, State::Open, State::Closing, State::Closed];
    const CAUSES: [Cause; 5] =
        [Cause::Handshaken, Cause::Close, Cause::Notified, Cause::Gone, Cause::Failed];

    fn column(title: String, cells: impl Iterator<Item = String>) -> Vec<String> {
        let cells: Vec<String> = std::iter::once(title).chain(cells).collect();
        let width = cells.iter().map(String::len).max().unwrap_or(0);
        cells.into_iter().map(|cell| format!("{cell:width$}")).collect()
    }

    #[test]
    fn the_table_in_the_docs_is_the_table_in_the_code() {
        let cell = |state: State, cause| match state.after(cause) {
            to if to == state => ".".to_owned(),
            to => format!("{to:?}"),
        };
        let mut columns = vec![column("from".into(), STATES.iter().map(|s| format!("{s:?}")))];
        for cause in CAUSES {
            let cells = STATES.iter().map(|state| cell(*state, cause));
            columns.push(column(format!("{cause:?}"), cells));
        }
        let row = |line: usize| {
            let cells: Vec<&str> = columns.iter().map(|column| column[line].as_str()).collect();
            format!("//! {}", cells.join("  ").trim_end())
        };
        let table = (0..=STATES.len()).map(row).collect::<Vec<_>>().join("\n");
        assert!(include_str!("state.rs").contains(&table), "the docs lack this table:\n{table}");
    }

    #[test]
    fn closed_is_for_ever() {
        assert!(CAUSES.iter().all(|cause| State::Closed.after(*cause) == State::Closed));
    }
}
