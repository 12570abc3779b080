//! What may be done to a loop, as values that can be drawn, shrunk, printed and read back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::sys::Time;

/// The name of something scheduled: what is scheduled later under the same name takes it over.
pub type Id = u8;

/// One of the [`DESCRIPTORS`] that a subject has, by its place; larger numbers begin again at 0.
pub type Fd = u8;

/// How many descriptors a subject has. Each is one end of a connected pair.
pub const DESCRIPTORS: usize = 2;

/// Something done to a loop, to its clock, or to the other end of one of its descriptors.
///
/// Its text is what `Display` gives and `FromStr` reads: `call_later 3 5ms`, `add_reader fd0 1`,
/// `when 3 cancel 1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// `call_soon 1`: [`EventLoop::call_soon`](crate::EventLoop::call_soon).
    CallSoon(Id),
    /// `call_later 1 5ms`: [`EventLoop::call_later`](crate::EventLoop::call_later).
    CallLater(Id, Duration),
    /// `call_at 1 5ms`: [`EventLoop::call_at`](crate::EventLoop::call_at), so long after the
    /// clock's beginning.
    CallAt(Id, Time),
    /// `remote_call 1`: another thread's
    /// [`call_soon_threadsafe`](crate::LoopHandle::call_soon_threadsafe).
    RemoteCall(Id),
    /// `remote_stop`: another thread's [`stop`](crate::LoopHandle::stop).
    RemoteStop,
    /// `add_reader fd0 1`: [`EventLoop::add_reader`](crate::EventLoop::add_reader).
    AddReader(Fd, Id),
    /// `add_writer fd0 1`: [`EventLoop::add_writer`](crate::EventLoop::add_writer).
    AddWriter(Fd, Id),
    /// `remove_reader fd0`: [`EventLoop::remove_reader`](crate::EventLoop::remove_reader).
    RemoveReader(Fd),
    /// `remove_writer fd0`: [`EventLoop::remove_writer`](crate::EventLoop::remove_writer).
    RemoveWriter(Fd),
    /// `cancel 1`: cancels what has this name; nothing if nothing has, or another thread sent it.
    Cancel(Id),
    /// `feed fd0`: the peer sends a byte, if none waits.
    Feed(Fd),
    /// `drain fd0`: reads what has come.
    Drain(Fd),
    /// `eof fd0`: the peer ends its sending.
    Eof(Fd),
    /// `hang_up fd0`: the peer closes its end, for good.
    HangUp(Fd),
    /// `fill fd0`: writes until there is no room.
    Fill(Fd),
    /// `room fd0`: the peer reads all of that.
    Room(Fd),
    /// `advance 5ms`: time passes; inside a callback, one that computes for so long.
    Advance(Duration),
    /// `stop`: [`EventLoop::stop`](crate::EventLoop::stop).
    Stop,
    /// `turn`, `turn 5ms`: [`EventLoop::run_once`](crate::EventLoop::run_once) with this limit.
    Turn(Option<Duration>),
    /// `run_forever`: [`EventLoop::run_forever`](crate::EventLoop::run_forever).
    RunForever,
    /// `next_deadline`: [`EventLoop::next_deadline`](crate::EventLoop::next_deadline).
    NextDeadline,
    /// `close`: [`EventLoop::close`](crate::EventLoop::close).
    Close,
    /// `panic`: the callback panics. Outside a callback it is nothing.
    Panic,
    /// `when 1 cancel 2`: from now on whatever runs under this name does this too, after what it
    /// was told earlier to do.
    When(Id, Box<Op>),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::CallSoon(id) => write!(f, "call_soon {id}"),
            Op::CallLater(id, delay) => write!(f, "call_later {id} {}", Span(*delay)),
            Op::CallAt(id, when) => {
                write!(f, "call_at {id} {}", Span(Duration::from_nanos(when.as_nanos())))
            }
            Op::RemoteCall(id) => write!(f, "remote_call {id}"),
            Op::RemoteStop => f.write_str("remote_stop"),
            Op::AddReader(fd, id) => write!(f, "add_reader fd{fd} {id}"),
            Op::AddWriter(fd, id) => write!(f, "add_writer fd{fd} {id}"),
            Op::RemoveReader(fd) => write!(f, "remove_reader fd{fd}"),
            Op::RemoveWriter(fd) => write!(f, "remove_writer fd{fd}"),
            Op::Cancel(id) => write!(f, "cancel {id}"),
            Op::Feed(fd) => write!(f, "feed fd{fd}"),
            Op::Drain(fd) => write!(f, "drain fd{fd}"),
            Op::Eof(fd) => write!(f, "eof fd{fd}"),
            Op::HangUp(fd) => write!(f, "hang_up fd{fd}"),
            Op::Fill(fd) => write!(f, "fill fd{fd}"),
            Op::Room(fd) => write!(f, "room fd{fd}"),
            Op::Advance(by) => write!(f, "advance {}", Span(*by)),
            Op::Stop => f.write_str("stop"),
            Op::Turn(None) => f.write_str("turn"),
            Op::Turn(Some(limit)) => write!(f, "turn {}", Span(*limit)),
            Op::RunForever => f.write_str("run_forever"),
            Op::NextDeadline => f.write_str("next_deadline"),
            Op::Close => f.write_str("close"),
            Op::Panic => f.write_str("panic"),
            Op::When(id, op) => write!(f, "when {id} {op}"),
        }
    }
}

impl FromStr for Op {
    type Err = String;

    /// # Errors
    ///
    /// What is wrong with the text, and what would be right.
    fn from_str(text: &str) -> Result<Op, String> {
        let mut words = Words { all: text, left: text.split_whitespace() };
        let op = words.op()?;
        match words.left.next() {
            None => Ok(op),
            Some(word) => Err(format!("{text:?}: {word:?} is too much")),
        }
    }
}

/// The words of one operation that are still to be read.
struct Words<'a> {
    all: &'a str,
    left: std::str::SplitWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn op(&mut self) -> Result<Op, String> {
        Ok(match self.word("the name of an operation, as call_soon")? {
            "call_soon" => Op::CallSoon(self.id()?),
            "call_later" => Op::CallLater(self.id()?, self.span()?),
            "call_at" => Op::CallAt(self.id()?, Time::ZERO + self.span()?),
            "remote_call" => Op::RemoteCall(self.id()?),
            "remote_stop" => Op::RemoteStop,
            "add_reader" => Op::AddReader(self.fd()?, self.id()?),
            "add_writer" => Op::AddWriter(self.fd()?, self.id()?),
            "remove_reader" => Op::RemoveReader(self.fd()?),
            "remove_writer" => Op::RemoveWriter(self.fd()?),
            "cancel" => Op::Cancel(self.id()?),
            "feed" => Op::Feed(self.fd()?),
            "drain" => Op::Drain(self.fd()?),
            "eof" => Op::Eof(self.fd()?),
            "hang_up" => Op::HangUp(self.fd()?),
            "fill" => Op::Fill(self.fd()?),
            "room" => Op::Room(self.fd()?),
            "advance" => Op::Advance(self.span()?),
            "stop" => Op::Stop,
            "turn" if self.left.clone().next().is_none() => Op::Turn(None),
            "turn" => Op::Turn(Some(self.span()?)),
            "run_forever" => Op::RunForever,
            "next_deadline" => Op::NextDeadline,
            "close" => Op::Close,
            "panic" => Op::Panic,
            "when" => Op::When(self.id()?, Box::new(self.op()?)),
            other => return Err(format!("{:?}: there is no operation {other:?}", self.all)),
        })
    }

    fn word(&mut self, wanted: &str) -> Result<&'a str, String> {
        self.left.next().ok_or_else(|| format!("{:?}: {wanted} is missing", self.all))
    }

    fn id(&mut self) -> Result<Id, String> {
        let all = self.all;
        let word = self.word("a name, 0 to 255,")?;
        word.parse().map_err(|_| format!("{all:?}: {word:?} is no name; names are 0 to 255"))
    }

    fn fd(&mut self) -> Result<Fd, String> {
        let all = self.all;
        let word = self.word("a descriptor, fd0 or fd1,")?;
        let number = word.strip_prefix("fd").and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("{all:?}: {word:?} is no descriptor; fd0 is one"))
    }

    fn span(&mut self) -> Result<Duration, String> {
        let all = self.all;
        let word = self.word("a time, as 5ms,")?;
        read_span(word).ok_or_else(|| {
            format!(
                "{all:?}: {word:?} is no time; 7ns, 50us, 5ms and 3s are, and fractions are not"
            )
        })
    }
}

const UNITS: [(&str, u128); 4] =
    [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// A duration without a fraction: `5ms`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| nanos % size == 0).unwrap_or(UNITS[3]);
        write!(f, "{}{unit}", nanos / size)
    }
}

fn read_span(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u128 = text[..text.len() - unit.len()].parse().ok()?;
    let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let nanos = number.checked_mul(size)?;
    let whole = u64::try_from(nanos / UNITS[0].1).ok()?;
    Some(Duration::new(whole, (nanos % UNITS[0].1) as u32))
}

/// A list of operations. Its text is theirs, with `; ` or line ends between; that is its `Debug`
/// too, so that what a failing property prints can be pasted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Program(pub Vec<Op>);

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, op) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}{op}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl FromStr for Program {
    type Err = String;

    /// # Errors
    ///
    /// What is wrong with the first operation that is wrong.
    fn from_str(text: &str) -> Result<Program, String> {
        let ops = text.split([';', '\n']).map(str::trim).filter(|op| !op.is_empty());
        ops.map(str::parse).collect::<Result<_, _>>().map(Program)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ops;
    use super::*;

    proptest! {
        #[test]
        fn a_program_is_what_its_text_says(program in ops(0..20)) {
            prop_assert_eq!(program.to_string().parse::<Program>(), Ok(program));
        }
    }

    #[test]
    fn text_that_is_no_operation_is_refused_with_what_would_be_right() {
        let wrong = |text: &str| text.parse::<Program>().unwrap_err();
        assert_eq!(wrong("call_soon"), "\"call_soon\": a name, 0 to 255, is missing");
        assert_eq!(
            wrong("stop; call_soon x"),
            "\"call_soon x\": \"x\" is no name; names are 0 to 255"
        );
        assert_eq!(wrong("feed 0"), "\"feed 0\": \"0\" is no descriptor; fd0 is one");
        assert_eq!(wrong("stop now"), "\"stop now\": \"now\" is too much");
        assert_eq!(wrong("go"), "\"go\": there is no operation \"go\"");
        assert!(wrong("turn 1.5ms").contains("fractions are not"));
        assert!(wrong("advance 99999999999999999999999999s").contains("is no time"));
    }
}
