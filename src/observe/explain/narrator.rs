//! The whole of it, a record at a time, for whoever does more with the lines than write them.

use std::fmt::{self, Write as _};

use super::Level;
use super::english::english;
use super::sentence::Sentence;
use super::story::{Line, Story};
use crate::observe::Record;
#[cfg(feature = "testing")]
use crate::observe::TaskId;
use crate::sys::Time;

/// A language: how each sentence is said.
type Language = fn(&Sentence, &mut dyn fmt::Write) -> fmt::Result;

/// Says in words what a loop's records say.
pub(crate) struct Narrator {
    story: Story,
    language: Language,
}

impl Narrator {
    pub(crate) fn new(level: Level) -> Self {
        Narrator { story: Story::new(level), language: english }
    }

    /// Adds to `text` the lines that `record`, which happened at `at`, gives occasion for: none or
    /// several, each indented and ended.
    pub(crate) fn tell(&mut self, at: Time, record: &Record, text: &mut String) {
        put(text, self.language, self.story.tell(at, record));
    }

    /// Adds whatever was held back.
    pub(crate) fn finish(&mut self, text: &mut String) {
        put(text, self.language, self.story.finish());
    }
}

/// For reports, which put lines of their own between these.
#[cfg(feature = "testing")]
impl Narrator {
    /// Adds what must stand before a line of somebody else's, and says how deep that line belongs;
    /// `None` while the loop waits: what a turn's first line is shows only when the wait is over,
    /// so the other line has to wait for it too.
    pub(crate) fn make_room(&mut self, text: &mut String) -> Option<usize> {
        let (depth, lines) = self.story.make_room()?;
        put(text, self.language, lines);
        Some(depth)
    }

    /// Forgets the turn that is being told: its wait did not come back.
    pub(crate) fn drop_turn(&mut self) {
        self.story.drop_turn();
    }

    /// Gives a task a name, in what is said, unless it gets one of its own.
    pub(crate) fn call(&mut self, task: TaskId, name: &str) {
        self.story.call(task, name);
    }

    /// Adds a line for each task that has not ended: who it is, and what it waits for.
    pub(crate) fn pending(&self, text: &mut String) {
        put(text, self.language, self.story.pending());
    }
}

/// Writes `lines` to `text`, indented.
fn put(text: &mut String, language: Language, lines: impl Iterator<Item = Line>) {
    for Line { depth, sentence, call } in lines {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:1$}", "", depth * 2);
        let _ = language(&sentence, text);
        if let Some(call) = call {
            let _ = write!(text, " ({call})");
        }
        text.push('\n');
    }
}
