//! Every clause of RFC 9112, 9110, 6455 and 6265 that asks something of a server or a client here has
//! a test, or a word on why it has none: `rfc/clauses.txt`. `tools/rfc-coverage` prints it.

#[path = "support/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use sources::files;

const LEVELS: [&str; 6] = ["MUST", "MUST-NOT", "SHOULD", "SHOULD-NOT", "MAY", "RULE"];

struct Clause {
    rfc: &'static str,
    level: &'static str,
    role: &'static str,
    line: &'static str,
    held: Held,
}

enum Held {
    By(Vec<&'static str>),
    Not(&'static str),
}

fn clauses() -> Vec<Clause> {
    let lines = include_str!("rfc/clauses.txt").lines();
    let lines: Vec<_> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let clause = |pair: &[&'static str]| {
        let [line, held] = pair[..] else { panic!("a clause without a second line: {pair:?}") };
        let (head, _) = line.split_once(": ").unwrap_or_else(|| panic!("no requirement: {line}"));
        let words: Vec<&str> = head.split(' ').collect();
        let ([rfc, .., level, role], true) = (&words[..], held.starts_with("    ")) else {
            panic!("not a clause: {line}\n{held}");
        };
        assert!(words[1].starts_with('§') && LEVELS.contains(level), "{line}");
        assert!(["server", "client", "both"].contains(role), "{line}");
        let held = match held.trim_start().strip_prefix("- ") {
            Some(why) => Held::Not(why),
            None => Held::By(held.trim_start().split(", ").collect()),
        };
        Clause { rfc, level, role, line, held }
    };
    lines.chunks(2).map(clause).collect()
}

/// The tests by their names, with the files they stand in.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::<String, BTreeSet<String>>::new();
    for path in ["src", "tests"].iter().flat_map(|folder| files(&root.join(folder))) {
        let file = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for after in text.split("#[test]").skip(1) {
            let name = after.split("fn ").nth(1).unwrap_or_default();
            let attributes = after.split("fn ").next().unwrap_or_default();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if !attributes.contains("#[ignore") {
                let name = name[..end.unwrap_or(name.len())].to_owned();
                tests.entry(name).or_default().insert(file.clone());
            }
        }
    }
    tests
}

#[test]
fn every_clause_is_held_by_tests_that_there_are_or_says_why_by_none() {
    let (tests, clauses) = (tests(), clauses());
    let (mut report, mut missing) = (String::new(), Vec::new());
    let mut totals = BTreeMap::<(&str, &str, &str), (usize, usize)>::new();
    for clause in &clauses {
        let key = (clause.rfc, clause.role, clause.level);
        let (held, all) = totals.entry(key).or_default();
        *all += 1;
        writeln!(report, "{}", clause.line).unwrap();
        match &clause.held {
            Held::Not(why) => writeln!(report, "    -- {why}").unwrap(),
            Held::By(names) => {
                *held += 1;
                for name in names {
                    match tests.get(*name) {
                        Some(files) => writeln!(report, "    {name} ({files:?})").unwrap(),
                        None => missing.push(*name),
                    }
                }
            }
        }
    }
    writeln!(report, "\nRFC    role    level       by tests  of").unwrap();
    for ((rfc, role, level), (held, all)) in &totals {
        writeln!(report, "{rfc:<6} {role:<7} {level:<11} {held:>8}  {all:>2}").unwrap();
    }
    println!("{report}");
    assert!(missing.is_empty(), "clauses.txt names tests that there are not: {missing:?}");
    assert!(clauses.len() > 150);
}

#[test]
fn no_clause_stands_twice() {
    let mut seen = BTreeSet::new();
    for clause in clauses() {
        assert!(seen.insert(clause.line), "twice: {}", clause.line);
    }
}

#[test]
fn every_case_of_the_corpus_has_its_row_in_the_comparison() {
    let rows = include_str!("rfc/black_box.md");
    let cases = include_str!("rfc/corpus.txt").lines();
    let names =
        cases.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    let missing: Vec<_> =
        names.map(|(name, _)| name).filter(|name| !rows.contains(&format!("| {name} |"))).collect();
    assert!(missing.is_empty(), "run tools/black-box --markdown for {missing:?}");
}
