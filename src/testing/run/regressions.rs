//! What failed once, as lines of a file.
//!
//! ```text
//! # name | program | schedule
//! echo | send 5, half-close | legal; recv#2 short=1
//! lock | chaos; pick 0:1
//! ```
//!
//! proptest keeps the *seed* of a case that failed, and a seed gives another case as soon as a
//! strategy changes, be it by a range. A line keeps the case itself, in text that a person can
//! read, write and shorten; it means the same as long as program and schedule can be read.
//!
//! Nothing is written unless somebody asks: a failing test says which line to add, and adds it
//! itself with `EVLOOP_BLESS=1`. Tests run where sources cannot be written, several processes at
//! once, and most failures on the way to working code are not worth keeping.

use std::error::Error;
use std::fmt::{self, Display};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Verdict;
use super::case::{Judged, Program};
use super::prove::{Prove, Proved, prove};
use crate::testing::schedule::{Rng, Schedule};

/// A file of cases that failed once.
#[derive(Clone, Debug)]
pub struct Regressions {
    path: PathBuf,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    number: usize,
    name: String,
    program: Option<String>,
    schedule: Schedule,
}

/// A line of the file cannot be read, its case fails again, or a new case fails. Its `Debug` is its
/// text, so that an `unwrap` can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Regression(String);

impl Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Regression {}

impl Regressions {
    /// Reads the file; one that is not there has no lines. Cargo runs a package's tests in the
    /// package's folder, so `tests/known.regressions` is a good path.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a line of it has no name or no schedule.
    pub fn open(path: impl AsRef<Path>) -> Result<Regressions, Regression> {
        let path = path.as_ref().to_owned();
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| Regression(format!("{}: {error}", path.display())))?,
        };
        let mut regressions = Regressions { path, lines: Vec::new() };
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if !line.is_empty() && !line.starts_with('#') {
                let line = regressions.parse(number, line)?;
                regressions.lines.push(line);
            }
        }
        Ok(regressions)
    }

    fn parse(&self, number: usize, line: &str) -> Result<Line, Regression> {
        let Some((name, rest)) = line.split_once('|') else {
            let what = "a line is `name | schedule` or `name | program | schedule`";
            return Err(self.wrong(number, what));
        };
        if name.trim().is_empty() {
            return Err(self.wrong(number, "no name stands before the first `|`"));
        }
        // A program may have bars of its own.
        let (program, schedule) = match rest.rsplit_once('|') {
            Some((program, schedule)) => (Some(program.trim().to_owned()), schedule),
            None => (None, rest),
        };
        let schedule = schedule.trim().parse().map_err(|error| self.wrong(number, error))?;
        Ok(Line { number, name: name.trim().to_owned(), program, schedule })
    }

    fn wrong(&self, number: usize, what: impl Display) -> Regression {
        Regression(format!("{}:{number}: {what}", self.path.display()))
    }

    /// Runs the lines of that name that have a schedule only; how many there are.
    ///
    /// # Errors
    ///
    /// The first that fails, and why; or if a line of that name has a program.
    pub fn replay<T, E: Display>(
        &self,
        name: &str,
        mut run: impl FnMut(Schedule) -> Result<T, E>,
    ) -> Result<usize, Regression> {
        self.each(name, |line| match &line.program {
            Some(program) => Err(format!("`{name}` has no program, and the line has `{program}`")),
            None => run(line.schedule.clone()).map(drop).map_err(|error| error.to_string()),
        })
    }

    /// Runs the lines of that name, which have a program; how many there are.
    ///
    /// # Errors
    ///
    /// The first that fails, and why; or if the program of a line cannot be read.
    pub fn replay_programs<P: FromStr<Err: Display>, T, E: Display>(
        &self,
        name: &str,
        mut run: impl FnMut(P, Schedule) -> Result<T, E>,
    ) -> Result<usize, Regression> {
        self.each(name, |line| {
            let text = line.program.as_deref().ok_or("the line has no program")?;
            let program = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
            run(program, line.schedule.clone()).map(drop).map_err(|error| error.to_string())
        })
    }

    fn each(
        &self,
        name: &str,
        mut run: impl FnMut(&Line) -> Result<(), String>,
    ) -> Result<usize, Regression> {
        let mut count = 0;
        for line in self.lines.iter().filter(|line| line.name == name) {
            run(line).map_err(|error| self.wrong(line.number, error))?;
            count += 1;
        }
        Ok(count)
    }

    /// Runs the lines of that name, and then proves as [`prove`](super::prove()) does.
    ///
    /// # Errors
    ///
    /// The first line that fails; or the first case, shrunk, with the line to add to the file. With
    /// `EVLOOP_BLESS=1` in the environment the line is added.
    pub fn prove<P: Program + Display + FromStr<Err: Display>, J: Judged>(
        &self,
        name: &str,
        how: &Prove,
        draw: impl FnMut(&mut Rng) -> P,
        mut run: impl FnMut(&P, Schedule) -> J,
    ) -> Result<Proved, Regression> {
        self.replay_programs(name, |program, schedule| {
            let judged = run(&program, schedule);
            if judged.verdict() == Verdict::Pass { Ok(()) } else { Err(judged.text(None)) }
        })?;
        prove(how, draw, run).map_err(|found| {
            let line = format!("{name} | {} | {}", found.program, found.schedule);
            Regression(format!("{found}\n{}", self.keep(&line)))
        })
    }

    /// What to say of a line that should be in the file; with `EVLOOP_BLESS=1` it is put there.
    fn keep(&self, line: &str) -> String {
        let path = self.path.display();
        let blessed = std::env::var_os("EVLOOP_BLESS").is_some_and(|value| value == "1");
        match blessed.then(|| self.add(line)) {
            None => format!("to keep it, add to {path} (or run with EVLOOP_BLESS=1):\n{line}"),
            Some(Ok(())) => format!("added to {path}:\n{line}"),
            Some(Err(error)) => format!("add to {path}, which failed ({error}):\n{line}"),
        }
    }

    fn add(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // One write, so that lines of several processes do not mix.
        file.write_all(format!("{line}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mode, ScheduleParams};

    /// A file of its own, which goes with it.
    struct File(PathBuf);

    impl File {
        fn of(name: &str, text: &str) -> File {
            let name = format!("evloop-{}-{name}.regressions", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, text).unwrap();
            File(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// A program that is a number; it takes away from it.
    #[derive(Clone, PartialEq, Debug)]
    struct Steps(u32);

    impl Program for Steps {
        fn shrinks(&self) -> impl Iterator<Item = Steps> {
            (0..self.0).map(Steps)
        }
    }

    impl Display for Steps {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "steps | {}", self.0)
        }
    }

    impl FromStr for Steps {
        type Err = String;
        fn from_str(text: &str) -> Result<Steps, String> {
            let number = text.strip_prefix("steps | ").ok_or("no `steps | `")?;
            number.parse().map(Steps).map_err(|_| format!("`{number}` is no number"))
        }
    }

    /// Fails of three steps or more, if decision 2 is picked.
    fn run(steps: &Steps, schedule: Schedule) -> Verdict {
        let fails = steps.0 >= 3 && schedule.picks.contains_key(&2);
        if fails { Verdict::Deadlock } else { Verdict::Pass }
    }

    fn passes(_: Schedule) -> Result<(), String> {
        Ok(())
    }

    #[test]
    fn lines_are_replayed_by_name_and_one_that_fails_is_named() {
        let text = "# known\n\nlock | chaos; pick 0:1\nother | legal\n  lock|legal; pick 4:2\n";
        let file = File::of("names", text);
        let known = Regressions::open(&file.0).unwrap();
        let mut seen = Vec::new();
        let count = known.replay("lock", |schedule| {
            seen.push(schedule.to_string());
            passes(schedule)
        });
        assert_eq!(count, Ok(2));
        assert_eq!(seen, ["chaos; pick 0:1", "legal; pick 4:2"]);
        assert_eq!(known.replay("nobody", passes), Ok(0));
        let fails_in_chaos = |schedule: Schedule| match schedule.mode {
            Mode::Chaos => Err("it hangs"),
            Mode::Legal => Ok(()),
        };
        let error = known.replay("lock", fails_in_chaos).unwrap_err().to_string();
        assert!(error.ends_with(".regressions:3: it hangs"), "{error}");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_with_what_it_should_be() {
        let cases = [
            ("lock", ":1: a line is `name | schedule`"),
            ("# c\n | legal", ":2: no name stands before the first `|`"),
            ("\nlock | pick 0:1", ":2: not a schedule: `pick 0:1`"),
        ];
        for (text, what) in cases {
            let file = File::of("wrong", text);
            let error = Regressions::open(&file.0).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        let file = File::of("programs", "a | steps | x | legal\nb | legal\nc | steps | 1 | legal");
        let known = Regressions::open(&file.0).unwrap();
        let programs = |name| {
            let replayed = known.replay_programs(name, |_: Steps, schedule| passes(schedule));
            replayed.map_err(|error| error.to_string())
        };
        assert!(programs("a").unwrap_err().ends_with(":1: `steps | x`: `x` is no number"));
        assert!(programs("b").unwrap_err().ends_with(":2: the line has no program"));
        assert_eq!(programs("c"), Ok(1));
        let error = known.replay("c", passes).unwrap_err().to_string();
        assert!(error.contains(":3: `c` has no program, and the line has `steps | 1`"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_has_no_lines() {
        let known = Regressions::open("no/such/folder/known.regressions").unwrap();
        assert_eq!(known.replay("lock", passes), Ok(0));
    }

    #[test]
    fn a_proof_that_fails_says_the_line_to_add_and_the_line_fails_first_from_then_on() {
        let file = File::of("prove", "");
        let how = Prove { schedules: ScheduleParams::chaos(), ..Prove::default() };
        let prove = || {
            let known = Regressions::open(&file.0).unwrap();
            let draw = |rng: &mut Rng| Steps(rng.below(20) as u32);
            known.prove("steps", &how, draw, run).unwrap_err().to_string()
        };
        let found = prove();
        let line = found.lines().last().unwrap();
        assert_eq!(line, "steps | steps | 3 | chaos; pick 2:1", "{found}");
        Regressions::open(&file.0).unwrap().add(line).unwrap();
        assert_eq!(fs::read_to_string(&file.0).unwrap(), format!("{line}\n"));
        assert!(prove().ends_with(".regressions:1: deadlock"), "{}", prove());
    }
}
