//! The house has one staircase: a folder of `src/` imports only folders that `lib.rs` lists above
//! its own.

#[path = "support/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use sources::files;

/// The folders, lowest first, as `lib.rs` lists them.
fn floors() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    let modules = lib.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    });
    modules.filter(|module| source().join(module).is_dir()).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every `crate::folder` that a file mentions outside its comments.
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn a_folder_imports_only_folders_below_it() {
    let floors = floors();
    assert!(floors.len() >= 7, "lib.rs lists {floors:?}");
    let mut wrong = Vec::new();
    for (floor, folder) in floors.iter().enumerate() {
        for file in files(&source().join(folder)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let up = mentions(&text).filter_map(|name| {
                let theirs = floors.iter().position(|folder| folder == name)?;
                (theirs > floor).then(|| format!("{} imports {name}", file.display()))
            });
            wrong.extend(up);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_in_sys_and_in_the_task_cell() {
    let mut wrong = Vec::new();
    for file in files(&source()) {
        let below = file.strip_prefix(source()).expect("a file of src/");
        let allowed = below.starts_with("sys") || below == Path::new("task/cell.rs");
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let uses = code.filter(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        if !allowed && uses.count() > 0 {
            wrong.push(below.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn architecture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    fs::read_to_string(path).expect("ARCHITECTURE.md")
}

#[test]
fn the_staircase_of_architecture_md_is_the_one_of_lib_rs() {
    let text = architecture();
    let (_, table) = text.split_once("## The one staircase").expect("the chapter");
    let rows = table.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(1));
    let folders = rows.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix("/`"));
    assert_eq!(folders.collect::<Vec<_>>(), floors());
}

#[test]
fn the_picture_of_architecture_md_is_the_one_of_lib_rs() {
    let text = architecture();
    let picture = text.split("```").nth(1).expect("a picture").trim_end();
    let lib = fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    let docs = lib.lines().filter_map(|line| line.strip_prefix("//!"));
    let docs = docs.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let docs: Vec<&str> = docs.collect();
    assert!(docs.join("\n").contains(picture), "the picture in lib.rs is another");
}
