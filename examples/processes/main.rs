//! Two functions at once, a process each: nothing is shared, and the operating system decides who
//! prints next. The program starts itself twice, and tells each child which function is its own.

use std::env;
use std::io;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

fn a() {
    for x in 0..3 {
        thread::sleep(Duration::from_millis(1));
        println!("{x}");
    }
}

fn b() {
    for x in "abc".chars() {
        thread::sleep(Duration::from_millis(1));
        println!("{x}");
    }
}

/// A process of this same program that runs `function`.
fn start(function: &str) -> io::Result<Child> {
    Command::new(env::current_exe()?).arg(function).spawn()
}

fn main() -> io::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("a") => a(),
        Some("b") => b(),
        _ => {
            let children = [start("a")?, start("b")?];
            for mut child in children {
                child.wait()?;
            }
        }
    }
    Ok(())
}
