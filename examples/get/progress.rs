//! One line on standard error that says how far it is.

use std::io::{IsTerminal, stderr};

use crate::options::Options;

/// What is shorter is there before anybody looks.
const LONG: u64 = 1 << 20;
const WIDTH: u64 = 30;

pub struct Progress {
    whole: Option<u64>,
    come: u64,
    /// What the line said last, so that it is written only where it changes.
    said: String,
    shown: bool,
}

impl Progress {
    pub fn new(options: &Options, whole: Option<u64>) -> Progress {
        let watched = options.output.is_some() && stderr().is_terminal();
        let long = whole.is_none_or(|whole| whole >= LONG);
        let shown = options.progress || watched && long;
        Progress { whole, come: 0, said: String::new(), shown }
    }

    pub fn came(&mut self, bytes: usize) {
        self.come += bytes as u64;
        let line = self.line();
        if self.shown && line != self.said {
            eprint!("\r{line}");
            self.said = line;
        }
    }

    /// A compressed body comes to more than it was said to be.
    fn line(&self) -> String {
        let Some(whole) = self.whole.filter(|whole| *whole >= self.come && *whole > 0) else {
            return format!("{:.1} MB", mega(self.come));
        };
        let done = (self.come * WIDTH / whole) as usize;
        let left = WIDTH as usize - done;
        let bar = format!("{}{}", "=".repeat(done), " ".repeat(left));
        let percent = self.come * 100 / whole;
        format!("[{bar}] {percent:3} % {:.1} of {:.1} MB", mega(self.come), mega(whole))
    }
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.said.is_empty() {
            eprintln!();
        }
    }
}
