//! The two halves of a connection, each a state machine; the tables are in [the essay](super).

use std::fmt;

/// The half in which the client speaks: requests.
///
/// `B` is what is known of the body under way: a decoder where requests are received, an encoder
/// where they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(u8)] // a tag of its own: read with one load, on every event
pub enum Asking<B> {
    /// No request has begun.
    Idle,
    /// The head is through, the body is not.
    Body(B),
    /// The request is through; the exchange is not over.
    Done,
    /// There will be no further request: the connection ends after this exchange.
    MustClose,
    /// The client has closed its direction in good order.
    Closed,
    /// The client broke the protocol or broke off; nothing more of it can be understood.
    Failed,
    /// The connection speaks another protocol now.
    Switched,
}

/// The half in which the server speaks: responses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(u8)] // a tag of its own: read with one load, on every event
pub enum Answering<B> {
    /// Nothing has been asked.
    Idle,
    /// A request's head is through, or something that should have been one: an answer is due.
    Owed,
    /// The response's head is through, its body is not.
    Body(B),
    /// The response is through; the exchange is not over.
    Done,
    /// There will be no further response.
    MustClose,
    /// The server has closed its direction in good order.
    Closed,
    /// The server broke the protocol or broke off.
    Failed,
    /// The connection speaks another protocol now.
    Switched,
}

/// What happens to the asking half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskingCause<B> {
    /// A head went through.
    Head(B),
    /// The message's last byte went through.
    End,
    /// The exchange is over and another may follow.
    Renew,
    /// The exchange is over and is the connection's last.
    Last,
    /// This direction was closed.
    Eof,
    /// The protocol was broken.
    Fault,
    /// The protocol changes.
    Switch,
}

/// What happens to the answering half: the same, and being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnsweringCause<B> {
    /// The other half got a head, or bytes that are none: an answer is due.
    Asked,
    /// A final response's head went through; informational ones change nothing.
    Head(B),
    /// The message's last byte went through.
    End,
    /// The exchange is over and another may follow.
    Renew,
    /// The exchange is over and is the connection's last.
    Last,
    /// This direction was closed.
    Eof,
    /// The protocol was broken.
    Fault,
    /// The protocol changes.
    Switch,
}

impl<B> Asking<B> {
    /// The state after `cause`, or `None` where that cannot happen.
    pub fn next(&self, cause: AskingCause<B>) -> Option<Asking<B>> {
        use AskingCause as C;
        Some(match (self, cause) {
            (Asking::Idle, C::Head(body)) => Asking::Body(body),
            (Asking::Body(_), C::End) => Asking::Done,
            (Asking::Done, C::Renew) => Asking::Idle,
            (Asking::Idle | Asking::Done | Asking::MustClose, C::Last) => Asking::MustClose,
            // A client may close its direction once it has asked, and still be owed the answer.
            (Asking::Idle | Asking::Done | Asking::MustClose | Asking::Closed, C::Eof) => {
                Asking::Closed
            }
            (Asking::Closed, C::Last) => Asking::Closed,
            (Asking::Body(_) | Asking::Failed, C::Eof) => Asking::Failed,
            (Asking::Failed, C::Last) => Asking::Failed,
            (Asking::Idle | Asking::Body(_) | Asking::Done | Asking::Failed, C::Fault) => {
                Asking::Failed
            }
            (Asking::Done, C::Switch) => Asking::Switched,
            _ => return None,
        })
    }

    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            Asking::Idle => "Idle",
            Asking::Body(_) => "Body",
            Asking::Done => "Done",
            Asking::MustClose => "MustClose",
            Asking::Closed => "Closed",
            Asking::Failed => "Failed",
            Asking::Switched => "Switched",
        }
    }
}

impl<B> Answering<B> {
    /// The state after `cause`, or `None` where that cannot happen.
    pub fn next(&self, cause: AnsweringCause<B>) -> Option<Answering<B>> {
        use AnsweringCause as C;
        Some(match (self, cause) {
            (Answering::Idle | Answering::Owed, C::Asked) => Answering::Owed,
            (Answering::Owed, C::Head(body)) => Answering::Body(body),
            (Answering::Body(_), C::End) => Answering::Done,
            (Answering::Done, C::Renew) => Answering::Idle,
            (Answering::Idle | Answering::Done | Answering::MustClose, C::Last) => {
                Answering::MustClose
            }
            (Answering::Closed, C::Last) => Answering::Closed,
            (
                Answering::Idle | Answering::Done | Answering::MustClose | Answering::Closed,
                C::Eof,
            ) => Answering::Closed,
            (Answering::Owed | Answering::Body(_) | Answering::Failed, C::Eof) => Answering::Failed,
            (Answering::Failed, C::Last) => Answering::Failed,
            (
                Answering::Idle
                | Answering::Owed
                | Answering::Body(_)
                | Answering::Done
                | Answering::Failed,
                C::Fault,
            ) => Answering::Failed,
            (Answering::Owed, C::Switch) => Answering::Switched,
            _ => return None,
        })
    }

    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            Answering::Idle => "Idle",
            Answering::Owed => "Owed",
            Answering::Body(_) => "Body",
            Answering::Done => "Done",
            Answering::MustClose => "MustClose",
            Answering::Closed => "Closed",
            Answering::Failed => "Failed",
            Answering::Switched => "Switched",
        }
    }
}

impl<B> fmt::Display for Asking<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<B> fmt::Display for Answering<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as the essay prints it, two blanks or more between columns.
    fn render(
        rows: &[&'static str],
        columns: &[&str],
        cell: impl Fn(usize, usize) -> &'static str,
    ) -> String {
        let line = |first: &str, cells: Vec<&str>| {
            let cells: String = cells.iter().map(|it| format!("{it:<11}")).collect();
            format!("//! {}\n", format!("{first:<11}{cells}").trim_end())
        };
        let mut table = line("from", columns.to_vec());
        for (row, name) in rows.iter().enumerate() {
            table += &line(name, (0..columns.len()).map(|column| cell(row, column)).collect());
        }
        table
    }

    fn expect_in_the_essay(table: &str) {
        let essay = include_str!("mod.rs");
        assert!(essay.contains(table), "h1/mod.rs should contain this table:\n{table}");
    }

    #[test]
    fn the_table_of_the_asking_half_is_true() {
        use Asking as S;
        use AskingCause as C;
        let states =
            [S::Idle, S::Body(()), S::Done, S::MustClose, S::Closed, S::Failed, S::Switched];
        let causes = [C::Head(()), C::End, C::Renew, C::Last, C::Eof, C::Fault, C::Switch];
        let columns = ["Head", "End", "Renew", "Last", "Eof", "Fault", "Switch"];
        let names: Vec<_> = states.iter().map(S::name).collect();
        expect_in_the_essay(&render(&names, &columns, |row, column| {
            states[row].next(causes[column].clone()).map_or("–", |state| state.name())
        }));
    }

    #[test]
    fn the_table_of_the_answering_half_is_true() {
        use Answering as S;
        use AnsweringCause as C;
        let states = [
            S::Idle,
            S::Owed,
            S::Body(()),
            S::Done,
            S::MustClose,
            S::Closed,
            S::Failed,
            S::Switched,
        ];
        let causes =
            [C::Asked, C::Head(()), C::End, C::Renew, C::Last, C::Eof, C::Fault, C::Switch];
        let columns = ["Asked", "Head", "End", "Renew", "Last", "Eof", "Fault", "Switch"];
        let names: Vec<_> = states.iter().map(S::name).collect();
        expect_in_the_essay(&render(&names, &columns, |row, column| {
            states[row].next(causes[column].clone()).map_or("–", |state| state.name())
        }));
    }
}
