//! Two functions at once, a thread each: the operating system decides who prints next.

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

fn main() -> std::io::Result<()> {
    let a = thread::Builder::new().name("a".into()).spawn(a)?;
    let b = thread::Builder::new().name("b".into()).spawn(b)?;
    for thread in [a, b] {
        thread.join().expect("neither function panics");
    }
    Ok(())
}
