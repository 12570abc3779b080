//! The page `evloop::from_asyncio` has every name of asyncio, once, and says of each what it is here.
//!
//! That the Rust names in it exist is rustdoc's to see: they are links, and a broken one fails
//! `RUSTDOCFLAGS='-D warnings' cargo doc`.

use std::collections::BTreeMap;
use std::process::Command;

const TABLE: &str = include_str!("../src/from_asyncio.md");

/// The names, and those that 3.12 to 3.14 have added: what no Python on the machine can be asked.
const NAMES: &str = include_str!("asyncio_names.txt");

/// What the running Python calls public, on Unix.
const LIST: &str = "
import asyncio
print(*asyncio.__all__, sep='\\n')
loop = asyncio.SelectorEventLoop
print(*('loop.' + name for name in dir(loop) if not name.startswith('_')), sep='\\n')
";

struct Row {
    status: String,
    text: String,
}

fn rows() -> BTreeMap<&'static str, Row> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').splitn(3, '|').map(str::trim).collect();
        let [name, status, text] = cells[..] else { panic!("not a row: {line}") };
        let row = Row { status: status.to_owned(), text: text.to_owned() };
        let name = name.trim_matches('`');
        assert!(rows.insert(name, row).is_none(), "{name} has two rows");
    }
    rows
}

#[test]
fn every_name_of_asyncio_has_a_row_and_every_row_is_a_name() {
    let rows = rows();
    let names: Vec<&str> = NAMES.lines().collect();
    let missing: Vec<_> = names.iter().filter(|name| !rows.contains_key(*name)).collect();
    let unknown: Vec<_> = rows.keys().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn the_python_of_this_machine_has_no_name_that_is_not_listed() {
    let output = Command::new("python3").args(["-c", LIST]).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        eprintln!("SKIPPED: no python3 here to list asyncio's names; the checked-in list is used");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = NAMES.lines().collect();
    let unlisted: Vec<_> = text.lines().filter(|name| !names.contains(name)).collect();
    assert!(unlisted.is_empty(), "add to tests/asyncio_names.txt: {unlisted:?}");
}

#[test]
fn every_row_says_what_the_name_is_here_or_why_it_is_nothing() {
    for (name, Row { status, text }) in rows() {
        let links = text.contains("](crate::");
        let own = name.strip_prefix("loop.").unwrap_or(name);
        match status.as_str() {
            "same" => assert!(links && text.starts_with(&format!("[`{own}`]")), "{name}: {text}"),
            "renamed" => assert!(links, "{name}: {text}"),
            "types" | "left out" => assert!(!text.is_empty(), "{name} without a word"),
            status => panic!("{name} is {status:?}: say same, renamed, types or left out"),
        }
    }
}
