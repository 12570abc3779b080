//! What a program says, in the words of Python's `print`.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// A program's lines.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn say(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    /// A callback that says `line`.
    pub fn note(&self, line: impl Display) -> impl Fn() + 'static {
        let (log, line) = (self.clone(), line.to_string());
        move || log.say(line.clone())
    }

    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// Something that says `line` when it is dropped: what `finally` is there.
    pub fn finally(&self, line: impl Display) -> Finally {
        Finally(self.clone(), line.to_string())
    }
}

pub struct Finally(Log, String);

impl Drop for Finally {
    fn drop(&mut self) {
        self.0.say(self.1.clone());
    }
}

/// A value as `print` writes it.
pub trait Word {
    fn word(&self) -> String;
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl Word for $type {
            fn word(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

displayed!(&str, String, char, i32, u32, u64, usize, evloop::LoopError);

impl Word for bool {
    fn word(&self) -> String {
        if *self { "True" } else { "False" }.into()
    }
}

impl Word for &[u8] {
    fn word(&self) -> String {
        format!("b'{}'", self.escape_ascii())
    }
}

impl Word for Vec<u8> {
    fn word(&self) -> String {
        self.as_slice().word()
    }
}

/// `print`.
#[macro_export]
macro_rules! say {
    ($log:expr, $($word:expr),+ $(,)?) => {
        $log.say([$($crate::log::Word::word(&$word)),+].join(" "))
    };
}
