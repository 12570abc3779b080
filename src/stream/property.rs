//! The stream buffer's property, shared by its unit test and its fuzz target: whatever is fed and
//! read in whatever order, it does what a naive reader does that keeps no state but its bytes.

use super::buffer::{Progress, ReadResult, StreamBuffer};
use super::error::ReadError;
use super::scan::Scan;
use std::io;

/// asyncio's rules for `StreamReader`, but for what was received before a failure, as directly as
/// they can be written, in quadratic time.
struct Model {
    bytes: Vec<u8>,
    limit: usize,
    eof: bool,
    failed: bool,
}

impl Model {
    fn take(&mut self, len: usize) -> Outcome {
        Outcome::Bytes(self.bytes.drain(..len).collect())
    }

    fn read(&mut self, max: usize) -> Outcome {
        if self.bytes.is_empty() && !self.eof && max > 0 {
            return Outcome::NeedMore;
        }
        self.take(max.min(self.bytes.len()))
    }

    fn read_exactly(&mut self, count: usize) -> Outcome {
        match (self.bytes.len() >= count, self.eof) {
            (true, _) => self.take(count),
            (false, false) => Outcome::NeedMore,
            (false, true) => Outcome::Incomplete(std::mem::take(&mut self.bytes), Some(count)),
        }
    }

    fn read_until(&mut self, separators: &[&[u8]]) -> Outcome {
        let ends_at = |end: usize| separators.iter().find(|s| self.bytes[..end].ends_with(s));
        let found = (1..=self.bytes.len()).find_map(|end| Some((end, ends_at(end)?.len())));
        if let Some((end, len)) = found {
            let overrun = end - len > self.limit;
            return if overrun { Outcome::Overrun(end - len, true) } else { self.take(end) };
        }
        let longest = separators.iter().map(|s| s.len()).max().unwrap_or(0);
        let ruled_out = (self.bytes.len() + 1).saturating_sub(longest);
        match (ruled_out > self.limit, self.eof) {
            (true, _) => Outcome::Overrun(ruled_out, false),
            (false, false) => Outcome::NeedMore,
            (false, true) => Outcome::Incomplete(std::mem::take(&mut self.bytes), None),
        }
    }

    fn read_line(&mut self) -> Outcome {
        match self.read_until(&[b"\n"]) {
            Outcome::Incomplete(partial, None) => Outcome::Bytes(partial),
            Outcome::Overrun(consumed, found) => {
                let line = if found { consumed + 1 } else { self.bytes.len() };
                self.bytes.drain(..line);
                Outcome::Overrun(consumed, found)
            }
            other => other,
        }
    }
}

/// A read's result in a form that can be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    Bytes(Vec<u8>),
    NeedMore,
    Incomplete(Vec<u8>, Option<usize>),
    Overrun(usize, bool),
    Failed,
}

impl From<ReadResult> for Outcome {
    fn from(result: ReadResult) -> Outcome {
        match result {
            Ok(Progress::Done(bytes)) => Outcome::Bytes(bytes),
            Ok(Progress::NeedMore) => Outcome::NeedMore,
            Err(ReadError::IncompleteRead { partial, expected }) => {
                Outcome::Incomplete(partial, expected)
            }
            Err(ReadError::LimitOverrun { consumed, found }) => Outcome::Overrun(consumed, found),
            Err(ReadError::Io(_)) => Outcome::Failed,
        }
    }
}

const SEPARATORS: [&[&[u8]]; 4] =
    [&[b"\n"], &[b"\r\n"], &[b"\n", b"\r\n", b"\x00"], &[b"\r\n\r\n", b"\n\n", b"\n\r\n"]];

/// One kind of read, asked of the buffer until it answers. A search keeps its place in between.
enum Reading {
    Some(usize),
    Into(usize),
    Exactly(usize),
    ToEnd,
    Line(Scan<'static>),
    Until(&'static [&'static [u8]], Scan<'static>),
}

impl Reading {
    fn new(kind: u8, count: usize) -> Reading {
        match kind % 6 {
            0 => Reading::Some(count),
            1 => Reading::Into(count),
            2 => Reading::Exactly(count),
            3 => Reading::ToEnd,
            4 => Reading::Line(Scan::line()),
            _ => {
                let separators = SEPARATORS[count % SEPARATORS.len()];
                let scan = Scan::new(separators).expect("every set has separators, none empty");
                Reading::Until(separators, scan)
            }
        }
    }

    fn ask(&mut self, buffer: &mut StreamBuffer) -> Outcome {
        match self {
            Reading::Some(max) => buffer.read(*max).into(),
            Reading::Into(max) => {
                let mut memory = vec![0; *max];
                let read = buffer.read_into(&mut memory);
                let with_bytes = read.map(|progress| match progress {
                    Progress::Done(len) => Progress::Done(memory[..len].to_vec()),
                    Progress::NeedMore => Progress::NeedMore,
                });
                with_bytes.into()
            }
            Reading::Exactly(count) => buffer.read_exactly(*count).into(),
            Reading::ToEnd => buffer.read_to_end().into(),
            Reading::Line(scan) => buffer.read_line(scan).into(),
            Reading::Until(_, scan) => buffer.read_until(scan).into(),
        }
    }

    fn ask_model(&self, model: &mut Model) -> Outcome {
        if model.failed {
            return self.ask_failed(model);
        }
        self.ask_sound(model)
    }

    /// What came before the failure is given to whom it is enough; an end after it counts no more.
    fn ask_failed(&self, model: &mut Model) -> Outcome {
        if model.bytes.is_empty() || matches!(self, Reading::ToEnd) {
            return Outcome::Failed;
        }
        let eof = std::mem::replace(&mut model.eof, false);
        let outcome = self.ask_sound(model);
        model.eof = eof;
        if outcome == Outcome::NeedMore { Outcome::Failed } else { outcome }
    }

    fn ask_sound(&self, model: &mut Model) -> Outcome {
        match self {
            Reading::Some(max) | Reading::Into(max) => model.read(*max),
            Reading::Exactly(count) => model.read_exactly(*count),
            Reading::ToEnd if model.eof => model.take(model.bytes.len()),
            Reading::ToEnd => Outcome::NeedMore,
            Reading::Line(_) => model.read_line(),
            Reading::Until(separators, _) => model.read_until(separators),
        }
    }
}

/// Runs a program of feeds and reads, written in bytes, against buffer and model.
///
/// The first byte is the limit less 1; then, for each step, a byte says what and a byte how much.
/// A read that needs more stays under way and is asked again after each feed.
pub fn stream_buffer(program: &[u8]) {
    let Some((&limit, mut rest)) = program.split_first() else { return };
    let limit = usize::from(limit) + 1;
    let mut buffer = StreamBuffer::new(limit).expect("a limit of at least 1");
    let mut model = Model { bytes: Vec::new(), limit, eof: false, failed: false };
    let mut under_way: Option<Reading> = None;
    while let [what, count, tail @ ..] = rest {
        rest = tail;
        match what {
            0..=119 => {
                let data;
                (data, rest) = rest.split_at(usize::from(*count).min(rest.len()));
                buffer.feed_data(data);
                if !model.eof {
                    model.bytes.extend_from_slice(data);
                }
            }
            120..=127 => {
                buffer.feed_eof();
                model.eof = true;
            }
            128 => {
                buffer.set_exception(io::Error::other("set"));
                model.failed = true;
            }
            // A new read while another waits stands for one whose waiter was dropped.
            129.. => under_way = Some(Reading::new(*what, usize::from(*count))),
        }
        under_way = under_way.and_then(|reading| step(reading, &mut buffer, &mut model));
        agree(&buffer, &model);
    }
}

/// Asks both; gives the reading back if it is to be asked again.
fn step(mut reading: Reading, buffer: &mut StreamBuffer, model: &mut Model) -> Option<Reading> {
    let outcome = reading.ask(buffer);
    assert_eq!(outcome, reading.ask_model(model));
    (outcome == Outcome::NeedMore).then_some(reading)
}

fn agree(buffer: &StreamBuffer, model: &Model) {
    let len = model.bytes.len();
    assert_eq!(buffer.unread(), model.bytes);
    assert_eq!(buffer.at_eof(), model.eof && len == 0);
    assert_eq!(buffer.should_pause(), len > 2 * model.limit);
    assert_eq!(buffer.should_resume(), len <= model.limit);
    assert!(len > 0 || buffer.capacity() <= 1024, "an empty buffer owns much memory");
}
