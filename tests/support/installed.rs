//! What this machine has.

use std::process::Command;

/// Whether there is a program of that name; says so if not.
pub fn is_installed(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|found| found.status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}
