//! What the chapters say in tables and quotes, held against what is so.

use std::collections::BTreeSet;

use crate::testing::{FaultKind, oracles};

/// The cells of a chapter's table, without its head.
fn table(chapter: &str) -> Vec<Vec<&str>> {
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// `a`, `b=N` → a, b
fn names(cell: &str) -> Vec<&str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(|name| name.split('=').next().expect("a name")).collect()
}

#[test]
fn the_chapter_on_oracles_lists_those_there_are_in_their_order() {
    let listed: Vec<_> =
        table(include_str!("oracles.md")).iter().map(|row| names(row[0])[0]).collect();
    let there_are: Vec<_> = oracles().iter().map(|oracle| oracle.name()).collect();
    assert_eq!(listed, there_are);
}

#[test]
fn the_chapter_on_faults_lists_those_there_are_with_their_sites() {
    let listed: BTreeSet<_> = table(include_str!("faults.md"))
        .into_iter()
        .map(|row| {
            let sites: BTreeSet<_> = names(row[1]).into_iter().map(str::to_owned).collect();
            (names(row[0])[0].to_owned(), sites, row[2] == "yes")
        })
        .collect();
    let there_are: BTreeSet<_> = FaultKind::ALL
        .iter()
        .map(|kind| {
            let sites = kind.sites().iter().map(ToString::to_string).collect();
            (kind.to_string(), sites, FaultKind::QUIET.contains(kind))
        })
        .collect();
    assert_eq!(listed, there_are);
}

#[test]
fn the_report_that_is_quoted_is_what_the_example_prints() {
    let printed = include_str!("../../../examples/proptest_scheduler/expected.txt");
    for chapter in [include_str!("when_it_fails.md"), include_str!("../../../README.md")] {
        let quotes = chapter.split("```text\n").skip(1);
        let reports = quotes.filter(|quote| quote.starts_with("deadlock"));
        let mut any = false;
        for quote in reports {
            let report = quote.split("```").next().expect("its end");
            for part in report.split("…\n") {
                assert!(printed.contains(part), "the example does not print\n{part}");
            }
            any = true;
        }
        assert!(any, "no report is quoted");
    }
}
