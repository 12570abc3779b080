//! How far a WebSocket's closing has come, and which frames may come; the tables are in
//! [the essay](super).

use super::close::{CloseCode, CloseFrame};
use super::frame::Opcode;

/// How far the closing has come (RFC 6455 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not begun: messages go both ways.
    Open,
    /// Our Close is sent, theirs is due. Messages may still come.
    CloseSent,
    /// Their Close came, ours is due. Nothing more comes.
    CloseReceived(CloseFrame),
    /// Both went through: the closing was clean.
    Closed(CloseFrame),
    /// They broke the protocol: our Close, with this code, is due.
    Failing(CloseCode),
    /// They broke the protocol, and our Close is sent.
    Failed(CloseCode),
    /// The connection ended without their Close.
    Lost,
}

/// What moves the closing on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A Close of ours went out.
    Said,
    /// A Close of theirs came.
    Heard(CloseFrame),
    /// They broke the protocol.
    Fault(CloseCode),
    /// They will send no more.
    Eof,
}

impl Phase {
    /// The phase after `cause`, or `None` where that cannot happen.
    pub fn next(&self, cause: Cause) -> Option<Phase> {
        Some(match (self, cause) {
            (Phase::Open, Cause::Said) => Phase::CloseSent,
            (Phase::Open, Cause::Heard(frame)) => Phase::CloseReceived(frame),
            (Phase::Open, Cause::Fault(code)) => Phase::Failing(code),
            // §7.1.4: clean if each has heard the other's Close. §7.1.5: the code is that of the
            // Close that was received.
            (Phase::CloseSent, Cause::Heard(frame)) => Phase::Closed(frame),
            (Phase::CloseReceived(frame), Cause::Said) => Phase::Closed(frame.clone()),
            // They may close their direction at once, and still get our Close.
            (Phase::CloseReceived(_) | Phase::Closed(_), Cause::Eof) => self.clone(),
            // §7.1.7: what has begun to close needs no second Close.
            (Phase::CloseSent, Cause::Fault(code)) => Phase::Failed(code),
            (Phase::Failing(code), Cause::Said) => Phase::Failed(*code),
            (Phase::Failing(_) | Phase::Failed(_) | Phase::Lost, Cause::Eof) => self.clone(),
            (Phase::Open | Phase::CloseSent, Cause::Eof) => Phase::Lost,
            _ => return None,
        })
    }

    /// The phase's name.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Open => "Open",
            Phase::CloseSent => "CloseSent",
            Phase::CloseReceived(_) => "CloseReceived",
            Phase::Closed(_) => "Closed",
            Phase::Failing(_) => "Failing",
            Phase::Failed(_) => "Failed",
            Phase::Lost => "Lost",
        }
    }
}

/// Which message is under way, in fragments (§5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// None.
    Nothing,
    /// A text message.
    Text,
    /// A binary message.
    Binary,
}

impl Under {
    /// What is under way after a frame of this opcode, or why it may not come now.
    ///
    /// # Errors
    /// What the sender did wrong.
    pub fn next(self, opcode: Opcode, fin: bool) -> Result<Under, &'static str> {
        match (self, opcode) {
            // §5.5: control frames may come in the middle of a fragmented message.
            (under, Opcode::Close | Opcode::Ping | Opcode::Pong) => Ok(under),
            (Under::Nothing, Opcode::Continuation) => {
                Err("a continuation came where no message is under way")
            }
            (Under::Text | Under::Binary, Opcode::Continuation) if fin => Ok(Under::Nothing),
            (under, Opcode::Continuation) => Ok(under),
            // §5.4: the fragments of one message MUST NOT be interleaved with those of another.
            (Under::Text | Under::Binary, _) => {
                Err("a message begins before the last fragment of the one before it")
            }
            (Under::Nothing, _) if fin => Ok(Under::Nothing),
            (Under::Nothing, Opcode::Text) => Ok(Under::Text),
            (Under::Nothing, Opcode::Binary) => Ok(Under::Binary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect_in_the_essay(table: &str) {
        let essay = include_str!("mod.rs");
        assert!(essay.contains(table), "ws/mod.rs should contain this table:\n{table}");
    }

    fn row(width: usize, first: &str, cells: impl Iterator<Item = String>) -> String {
        let cells: String = cells.map(|it| format!("{it:<width$}")).collect();
        format!("//! {}\n", format!("{first:<width$}{cells}").trim_end())
    }

    #[test]
    fn the_table_of_the_closing_is_true() {
        let frame = || CloseFrame { code: CloseCode::NORMAL, reason: String::new() };
        let code = CloseCode::PROTOCOL_ERROR;
        let phases = [
            Phase::Open,
            Phase::CloseSent,
            Phase::CloseReceived(frame()),
            Phase::Closed(frame()),
            Phase::Failing(code),
            Phase::Failed(code),
            Phase::Lost,
        ];
        let causes = [Cause::Said, Cause::Heard(frame()), Cause::Fault(code), Cause::Eof];
        let columns = ["Said", "Heard", "Fault", "Eof"].map(str::to_owned);
        let mut table = row(15, "from", columns.into_iter());
        for phase in &phases {
            let cells = causes.iter().map(|cause| {
                phase.next(cause.clone()).map_or("–".to_owned(), |it| it.name().to_owned())
            });
            table += &row(15, phase.name(), cells);
        }
        expect_in_the_essay(&table);
    }

    #[test]
    fn the_table_of_the_frames_is_true() {
        let frames = [
            ("Text", Opcode::Text, true),
            ("Text…", Opcode::Text, false),
            ("Binary", Opcode::Binary, true),
            ("Binary…", Opcode::Binary, false),
            ("Contin.", Opcode::Continuation, true),
            ("Contin.…", Opcode::Continuation, false),
            ("control", Opcode::Ping, true),
        ];
        let mut table = row(9, "under", frames.iter().map(|it| it.0.to_owned()));
        for under in [Under::Nothing, Under::Text, Under::Binary] {
            let cells = frames.iter().map(|(_, opcode, fin)| {
                under.next(*opcode, *fin).map_or("1002".to_owned(), |it| format!("{it:?}"))
            });
            table += &row(9, &format!("{under:?}"), cells);
        }
        expect_in_the_essay(&table);
    }
}
