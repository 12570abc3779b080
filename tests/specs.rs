//! Every behaviour that evloop promises has a test that carries its id, or a word on what else holds
//! it, or why nothing does.
//!
//! `specs.txt` has the ids: U must hold, V is what newer CPythons do, A is adapted. A test's name
//! begins with the ids of what it holds (`call_02_…`). What is held elsewhere, or not at all, has a row
//! in the table of `README.md`. `tools/spec-coverage` prints it all.

#[path = "support/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use sources::files;

struct Spec {
    id: &'static str,
    flag: &'static str,
    title: &'static str,
}

impl Spec {
    fn category(&self) -> &'static str {
        self.id.split('-').next().unwrap()
    }
}

fn specs() -> Vec<Spec> {
    let lines = include_str!("specs.txt").lines();
    let spec = |line: &'static str| {
        let [id, flag, title] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("not a spec: {line}");
        };
        Spec { id, flag, title }
    };
    lines.map(spec).collect()
}

/// The ids that a name begins with: `lock_01_lock_04_a_lock_is_fair` has two.
fn ids(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let pairs = words.chunks(2).map_while(|pair| match pair {
        [category, number] if number.len() == 2 && number.parse::<u8>().is_ok() => {
            Some(format!("{}-{number}", category.to_uppercase()))
        }
        _ => None,
    });
    pairs.collect()
}

/// The tests of each id: functions, and names in the lists of tests that have no usual harness.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::<String, BTreeSet<String>>::new();
    for path in ["src", "tests"].iter().flat_map(|folder| files(&root.join(folder))) {
        let file = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let names = text.split("fn ").skip(1).chain(text.split("(\"").skip(1));
        for name in names {
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = &name[..end.unwrap_or(name.len())];
            for id in ids(name) {
                tests.entry(id).or_default().insert(format!("{file} {name}"));
            }
        }
    }
    tests
}

/// What the table of `README.md` says, by id or whole category.
fn elsewhere() -> BTreeMap<&'static str, &'static str> {
    let rows = include_str!("README.md").lines().filter(|line| line.starts_with("| "));
    let categories: BTreeSet<&str> = specs().iter().map(Spec::category).collect();
    let mut said = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [what, by] = cells[..] else { panic!("not a row: {row}") };
        let words = what.split([' ', ',']);
        let is_id = |word: &&str| {
            word.split_once('-').is_some_and(|(_, number)| number.parse::<u8>().is_ok())
                || categories.contains(word)
        };
        said.extend(words.filter(is_id).map(|id| (id, by)));
    }
    said
}

#[test]
fn every_spec_is_held_by_a_test_or_the_tables_say_what_holds_it_or_why_nothing_does() {
    let (tests, elsewhere) = (tests(), elsewhere());
    let (mut report, mut open) = (String::new(), Vec::new());
    let mut totals = BTreeMap::<(&str, &str), (usize, usize)>::new();
    for spec in specs() {
        let (covered, all) = totals.entry((spec.category(), spec.flag)).or_default();
        *all += 1;
        let by_id = elsewhere.get(spec.id).or(elsewhere.get(spec.category()));
        let held = match (tests.get(spec.id), by_id) {
            (Some(tests), _) => {
                *covered += 1;
                tests.iter().cloned().collect::<Vec<_>>().join("; ")
            }
            (None, Some(by)) => format!("-- {by}"),
            (None, None) => {
                open.push(format!("{} {}", spec.id, spec.title));
                "-- NOTHING".to_owned()
            }
        };
        writeln!(report, "{:<12} {}  {}\n    {held}", spec.id, spec.flag, spec.title).unwrap();
    }
    writeln!(report, "\ncategory   flag   by a test  of").unwrap();
    for ((category, flag), (covered, all)) in &totals {
        writeln!(report, "{category:<10} {flag}      {covered:>9}  {all:>2}").unwrap();
    }
    println!("{report}");
    assert!(
        open.is_empty(),
        "name a test after each of these, or say in tests/README.md what else holds it:\n{}",
        open.join("\n")
    );
}

#[test]
fn the_tables_speak_of_specs_that_there_are() {
    let specs = specs();
    let known = |id: &str| specs.iter().any(|spec| spec.id == id || spec.category() == id);
    let unknown: Vec<_> = elsewhere().into_keys().filter(|id| !known(id)).collect();
    assert!(unknown.is_empty(), "tests/README.md speaks of {unknown:?}");
}

#[test]
fn a_name_gives_the_ids_it_begins_with() {
    assert_eq!(ids("call_02_work_waits"), ["CALL-02"]);
    assert_eq!(ids("lock_01_lock_04_it_is_fair"), ["LOCK-01", "LOCK-04"]);
    assert_eq!(ids("it_is_20_years_old"), [""; 0]);
}
