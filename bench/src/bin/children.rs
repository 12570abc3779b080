//! Short-lived children, many of them: that no exit is lost, no zombie stays, and every descriptor
//! comes back.
//!
//! ```text
//! bench-children [COUNT [AT_ONCE]]        10000 children, 64 at a time, if nothing is said
//! ```
//!
//! Each is `/bin/echo N` with a pipe for its output, which must be what was asked for. One line:
//! `{"children":…,"at_once":…,"seconds":…,"zombies":…,"descriptors":[before,after]}`; status 1 if
//! one was wrong, or something was left.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use evloop::process::Redirect;
use evloop::{create_subprocess_exec, spawn};

fn number(at: usize, otherwise: usize) -> usize {
    std::env::args().nth(at).map_or(otherwise, |word| word.parse().expect("a number"))
}

/// Starts one child after the other while there are any left to start; how many were right.
async fn worker(left: Rc<Cell<usize>>) -> usize {
    let mut right = 0;
    while let Some(count) = left.get().checked_sub(1) {
        left.set(count);
        let echo = create_subprocess_exec("/bin/echo", [count.to_string()]);
        let mut echo = echo.stdout(Redirect::Pipe).await.expect("a process more");
        let (output, _) = echo.communicate(b"").await.expect("it can be read");
        let as_asked = output.as_deref() == Some(format!("{count}\n").as_bytes());
        right += usize::from(as_asked && echo.returncode() == Some(0));
    }
    right
}

fn descriptors() -> usize {
    std::fs::read_dir("/dev/fd").map_or(0, Iterator::count)
}

/// How many children there still are; after the end of all, zombies. (Linux)
fn children() -> usize {
    let me = std::process::id();
    let path = format!("/proc/{me}/task/{me}/children");
    std::fs::read_to_string(path).map_or(0, |children| children.split_whitespace().count())
}

fn main() -> ExitCode {
    let (count, at_once) = (number(1, 10_000), number(2, 64));
    let before = descriptors();
    let begun = Instant::now();
    let right = evloop::run(async move {
        let left = Rc::new(Cell::new(count));
        let workers: Vec<_> = (0..at_once).map(|_| spawn(worker(left.clone()))).collect();
        let mut right = 0;
        for worker in workers {
            right += worker.await.expect("no worker panics");
        }
        right
    });
    let right = right.expect("the loop runs");
    let (seconds, zombies, after) = (begun.elapsed().as_secs_f64(), children(), descriptors());
    println!(
        "{{\"children\":{right},\"at_once\":{at_once},\"seconds\":{seconds:.2},\
         \"zombies\":{zombies},\"descriptors\":[{before},{after}]}}"
    );
    ExitCode::from(u8::from(right != count || zombies > 0 || after != before))
}
