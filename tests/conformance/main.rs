//! The same small programs in Python and in Rust: what they say, compared line by line.
//!
//! `programs/*.py` are the programs in Python, the functions of this test's modules those in Rust.
//! `asyncio.txt` is what CPython says: `python3 tests/conformance/run.py > tests/conformance/asyncio.txt`
//! writes it. evloop is compared with that file on every machine, and the file with Python where
//! there is one. Where evloop differs on purpose, `src/differences.md`, the page
//! `evloop::differences` of the documentation, says what it does instead, and why; it is held to
//! both sides of that.

#[macro_use]
mod log;
mod callbacks;
mod cancelling;
mod children;
mod connections;
mod groups;
mod sharing;
mod tasks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use log::Log;

type Program = fn(&Log);

macro_rules! programs {
    ($($module:ident: $($name:ident)*;)*) => {
        const PROGRAMS: &[(&str, Program)] = &[$($((stringify!($name), $module::$name),)*)*];
    };
}

programs! {
    callbacks: call_soon_order call_soon_cancel call_soon_before_timers timers_by_deadline
        timer_ties timer_cancel stop_ends_the_turn stop_before_run callback_that_fails
        calls_on_a_closed_loop run_inside_a_run threadsafe_order reader_before_writer
        reader_that_removes_another signal_handler;
    tasks: task_begins_later tasks_take_turns sleeps_wake_in_order done_callbacks future_states
        awaiting_what_is_done future_wakes_in_order task_that_fails task_names threads;
    cancelling: cancel_before_begin cancel_is_heard_where_it_waits cancel_swallowed cancel_twice
        cancel_of_itself cancel_of_what_is_awaited run_ends_what_is_left gather_order gather_fails
        gather_cancelled wait_for_the_first wait_with_a_timeout timeout_expires
        timeout_within_a_timeout;
    sharing: lock_order lock_cancelled_waiter event_wakes_all condition_notify semaphore_order
        barrier_rounds queue_order queue_getters queue_kinds condition_predicate
        semaphore_cancelled_waiter queue_join queue_putters;
    groups: shield_keeps_its_task shield_tells_the_end group_waits_for_all group_fails
        group_block_fails group_errors_add_up group_within_a_group group_is_cancelled
        group_takes_no_more wait_for_in_time wait_for_expires wait_for_swallowed wait_for_no_time
        wait_for_a_shield as_completed_order runner_twice;
    children: children;
    connections: protocol_order close_is_told_later half_close stream_reads writing_is_paused;
}

/// What each program says.
type Said = BTreeMap<String, Vec<String>>;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn parse(text: &str) -> Said {
    let mut said = Said::new();
    let mut lines: Option<&mut Vec<String>> = None;
    for line in text.lines() {
        match (line.strip_prefix("== "), &mut lines) {
            (Some(name), _) => lines = Some(said.entry(name.to_owned()).or_default()),
            (None, Some(lines)) => lines.push(line.to_owned()),
            (None, None) => panic!("a line before the first program: {line}"),
        }
    }
    said
}

fn asyncio() -> Said {
    parse(include_str!("asyncio.txt"))
}

/// A row of the table of differences: what asyncio says, and what evloop does.
struct Difference {
    asyncio: Vec<String>,
    evloop: Vec<String>,
}

/// The table of `src/differences.md`, by program. Lines are separated by ` / `.
fn differences() -> BTreeMap<String, Difference> {
    let table = include_str!("../../src/differences.md");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let lines = |cell: &str| -> Vec<String> {
        cell.trim().trim_matches('`').split(" / ").map(str::to_owned).collect()
    };
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [name, asyncio, evloop, why] = cells[..] else { panic!("not a row: {row}") };
        assert!(!why.trim().is_empty(), "{name} differs without a reason");
        let difference = Difference { asyncio: lines(asyncio), evloop: lines(evloop) };
        (name.trim().trim_matches('`').to_owned(), difference)
    });
    rows.collect()
}

#[test]
fn every_program_is_there_in_both_languages() {
    let mut python: Vec<String> = std::fs::read_dir(here().join("programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut rust: Vec<String> = PROGRAMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    python.sort();
    rust.sort();
    assert_eq!(python, rust);
    assert!(rust.len() >= 25, "there are {}", rust.len());
}

#[test]
fn evloop_says_what_asyncio_says_but_for_the_differences_that_are_listed() {
    let (asyncio, mut differences) = (asyncio(), differences());
    let mut wrong = Vec::new();
    for (name, program) in PROGRAMS {
        let log = Log::default();
        program(&log);
        let (theirs, ours) = (&asyncio[*name], log.take());
        match differences.remove(*name) {
            None if ours != *theirs => {
                wrong.push(format!("{name}\n  asyncio {theirs:?}\n  evloop  {ours:?}"));
            }
            Some(listed) if listed.asyncio != *theirs || listed.evloop != ours => {
                wrong.push(format!(
                    "{name} differs otherwise than src/differences.md says\n  asyncio {theirs:?}\n  \
                     listed  {:?}\n  evloop  {ours:?}\n  listed  {:?}",
                    listed.asyncio, listed.evloop
                ));
            }
            Some(listed) if listed.asyncio == listed.evloop => {
                wrong.push(format!("{name} does not differ: take it off src/differences.md"));
            }
            _ => {}
        }
    }
    wrong.extend(differences.keys().map(|name| format!("{name} is listed and is no program")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_python_of_this_machine_says_what_the_file_says() {
    let version = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])
        .status();
    if !version.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no python3 of 3.11 or later here to hold asyncio.txt against");
        return;
    }
    let output = Command::new("python3").arg(here().join("run.py")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = parse(&String::from_utf8(output.stdout).unwrap());
    let asyncio = asyncio();
    assert_eq!(said.keys().collect::<Vec<_>>(), asyncio.keys().collect::<Vec<_>>());
    for (name, lines) in said {
        assert_eq!(lines, asyncio[&name], "{name}");
    }
}
