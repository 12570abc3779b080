//! Explain mode, compared with what it said before: `EVLOOP_BLESS=1 cargo test --test explain`
//! writes the golden files anew.

mod programs;
mod watching;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::{env, fs};

use evloop::observe::{Explain, Level};
use evloop::selector::PollSelector;
use evloop::{EventLoop, ManualClock};

/// A place to write that can still be read when the loop has it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("explain mode writes UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Program = fn(&EventLoop, &ManualClock);

const LEVELS: [(Level, u8); 3] = [(Level::Turns, 1), (Level::Handles, 2), (Level::Everything, 3)];

/// What is said of `program` on a loop whose time is virtual. The selector is the one that every
/// platform has.
fn explained(level: Level, program: Program) -> String {
    let (text, clock) = (Shared::default(), ManualClock::new());
    let event_loop = EventLoop::builder()
        .selector(PollSelector::new().expect("poll(2) is everywhere"))
        .virtual_time(clock.clone())
        .observer(Explain::new(level, text.clone()))
        .build()
        .expect("a loop can be made");
    program(&event_loop, &clock);
    drop(event_loop);
    without_descriptor_numbers(&text.text())
}

/// Which number a descriptor gets is the kernel's affair, and the test runner's.
fn without_descriptor_numbers(text: &str) -> String {
    let mut parts = text.split("fd ");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |said, part| {
        said + "fd N" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

/// Compares what is said of `program`, at each level, with `tests/explain/NAME.LEVEL.txt`.
fn is_told_as_before(name: &str, program: Program) {
    for (level, number) in LEVELS {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/explain")
            .join(format!("{name}.{number}.txt"));
        let said = explained(level, program);
        assert_eq!(said, explained(level, program), "{name} is told differently each time");
        if env::var_os("EVLOOP_BLESS").is_some() {
            fs::write(&file, &said).expect("the golden file can be written");
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            said == golden,
            "{name} is told differently at level {number}. Now:\n{said}\nBefore:\n{golden}\n\
             EVLOOP_BLESS=1 accepts what is said now."
        );
    }
}

macro_rules! told_as_before {
    ($($test:ident: $program:ident;)*) => {
        $(#[test]
        fn $test() {
            is_told_as_before(stringify!($program), programs::$program);
        })*
    };
}

told_as_before! {
    callbacks_and_whom_they_queue: callbacks;
    timers_their_lateness_and_who_was_slow: timers;
    a_sleeping_task_and_one_that_awaits_it: tasks;
    cancelling_and_panicking: endings;
    a_reader_and_what_nobody_waits_for: descriptors;
    other_threads: threads;
}

#[test]
fn somebody_who_never_rests_is_found_once() {
    let said = explained(Level::Turns, programs::restless);
    let findings: Vec<&str> = said.lines().filter(|line| line.starts_with('!')).collect();
    let found = "! task#1 queued itself in 100 turns in a row: the loop never waits for anything";
    assert_eq!(findings, [found]);
}
