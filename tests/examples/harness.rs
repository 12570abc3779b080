//! Runs the examples that `cargo` has built, and compares what they print with what stands beside
//! their source: `expected.txt` for standard output, `explain.txt` for `EVLOOP_EXPLAIN=2`.
//!
//! `EVLOOP_BLESS=1 cargo test --test examples` writes those files anew.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Who decides the order of the lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The program.
    Exact,
    /// The operating system: the lines are compared sorted.
    Any,
}

impl Order {
    fn of(self, text: &str) -> String {
        if self == Order::Exact {
            return text.to_string();
        }
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    }
}

/// The folder of all examples.
pub fn ladder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// An example's folder.
pub fn folder(name: &str) -> PathBuf {
    ladder().join(name)
}

/// An example's program. Cargo puts the test in `target/PROFILE/deps`, and the examples beside it
/// in `target/PROFILE/examples`.
pub fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("a test stands in target/PROFILE/deps");
    let binary = profile.join("examples").join(name);
    assert!(
        binary.exists(),
        "example {name} is not built: run `cargo build --examples` first, or `cargo test` without \
         `--test`, which builds them"
    );
    binary
}

/// An example to be run where it stands in a clone, with time that jumps over sleeps and nothing of
/// this test's own environment that evloop would look at.
pub fn example(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("EVLOOP_") {
            command.env_remove(variable);
        }
    }
    command.env("EVLOOP_CLOCK", "virtual");
    command
}

/// Runs it to its end, which must be a good one.
pub fn finish(name: &str, command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} ended with {}, and said:\n{said}", output.status);
    output
}

/// The example prints what `expected.txt` says.
pub fn prints(name: &str, order: Order) {
    let output = finish(name, &mut example(name));
    let printed = String::from_utf8(output.stdout).expect("examples print UTF-8");
    is_as_in(&folder(name).join("expected.txt"), &printed, order);
}

/// The example is explained, at level 2, as `explain.txt` says.
pub fn explains(name: &str) {
    let output = finish(name, example(name).env("EVLOOP_EXPLAIN", "2"));
    let said = String::from_utf8(output.stderr).expect("explain mode writes UTF-8");
    is_as_in(&folder(name).join("explain.txt"), &said, Order::Exact);
}

/// `text` is what `file` holds.
pub fn is_as_in(file: &Path, text: &str, order: Order) {
    let held = || fs::read_to_string(file).unwrap_or_default();
    if env::var_os("EVLOOP_BLESS").is_some() && order.of(text) != order.of(&held()) {
        fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let expected = read(file);
    assert!(
        order.of(text) == order.of(&expected),
        "{} says:\n{expected}\nbut now it is:\n{text}\nEVLOOP_BLESS=1 accepts that.",
        file.display()
    );
}

pub fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What `script`, beside the example, prints under `python3`; `None`, and a word about it, where
/// there is none or it is newer than `before`, from when on Python lacks what the script uses.
///
/// asyncio's sleeps take a twentieth of their time.
pub fn tutorial(name: &str, script: &str, before: (u32, u32)) -> Option<String> {
    const SHORT_SLEEPS: &str = "\
import asyncio, runpy, sys
if sys.version_info[:2] >= (int(sys.argv[2]), int(sys.argv[3])): sys.exit(77)
sleep = asyncio.sleep
asyncio.sleep = lambda delay: sleep(delay / 20)
runpy.run_path(sys.argv[1], run_name='__main__')";
    let script = folder(name).join(script);
    let mut python = Command::new("python3");
    python.arg("-c").arg(SHORT_SLEEPS).arg(&script);
    let output = match python.args([before.0.to_string(), before.1.to_string()]).output() {
        Ok(output) => output,
        Err(error) => return skipped(&script, &format!("python3 cannot be run: {error}")),
    };
    if output.status.code() == Some(77) {
        return skipped(&script, "this python3 lacks what it uses");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed:\n{said}", script.display());
    Some(String::from_utf8(output.stdout).expect("the tutorial prints UTF-8"))
}

/// Past the test runner, which would keep it to itself.
fn skipped(script: &Path, why: &str) -> Option<String> {
    let line = format!("SKIPPED: {} is not compared: {why}\n", script.display());
    let _ = io::stderr().write_all(line.as_bytes());
    None
}

/// The example prints what the tutorial's program prints.
///
/// Where the operating system decides the order, only the characters are compared: Python may write
/// a line and its end apart, and another thread or process comes in between.
pub fn prints_as_the_tutorial(name: &str, script: &str, order: Order) {
    let Some(printed) = tutorial(name, script, (3, 14)) else { return };
    let expected = read(&folder(name).join("expected.txt"));
    if order == Order::Exact {
        return assert_eq!(expected, printed, "{name}");
    }
    let characters = |text: &str| {
        let mut characters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        characters.sort_unstable();
        characters
    };
    assert_eq!(characters(&expected), characters(&printed), "{name}");
}
