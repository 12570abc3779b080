//! What the documents say of files: each is there, and what is said to stand in it does.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "tests/README.md",
    "bench/README.md",
    "embed/README.md",
    "examples/README.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The links of a document that lead to files, and what follows each.
fn links(document: &str) -> Vec<(PathBuf, String)> {
    let path = root().join(document);
    let text = fs::read_to_string(&path).expect("a document");
    let links = text.split("](").skip(1).map(|rest| rest.split_once(')').expect("a link's end"));
    let files = links.filter(|(target, _)| !target.contains("://") && !target.starts_with('#'));
    let folder = path.parent().expect("it is in a folder");
    files.map(|(target, after)| (folder.join(target), after.to_owned())).collect()
}

/// The names in backquotes directly behind a link: `` `one` `two` ``.
fn names(mut after: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while let Some((name, rest)) = after.strip_prefix(" `").and_then(|rest| rest.split_once('`')) {
        names.push(name);
        after = rest;
    }
    names
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let wrong = |document: &&str| {
        let links = links(document).into_iter().filter(|(file, _)| !file.exists());
        links.map(|(file, _)| format!("{document}: {}", file.display())).collect::<Vec<_>>()
    };
    let wrong: Vec<_> = DOCUMENTS.iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_architecture_md_says_is_in_a_file_is_a_function_there() {
    let mut found = 0;
    for (file, after) in links("ARCHITECTURE.md") {
        for name in names(&after) {
            let text = fs::read_to_string(&file).expect("a file");
            let defined = [format!("fn {name}("), format!("fn {name}<")];
            assert!(defined.iter().any(|it| text.contains(it)), "{}: {name}", file.display());
            found += 1;
        }
    }
    assert!(found >= 10, "only {found} names");
}

#[test]
fn every_example_is_on_the_ladder() {
    let ladder = fs::read_to_string(root().join("examples/README.md")).expect("the ladder");
    let entries = fs::read_dir(root().join("examples")).expect("the examples");
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(ladder.contains(&format!("[{name}]({name}/)")), "{name} is not there");
        assert!(folder.join("README.md").exists(), "{name} has no README");
    }
}
