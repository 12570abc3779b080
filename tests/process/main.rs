//! Children: real ones, of `cat`, `sh` and their like.

mod children;
mod endings;
mod protocol;

use std::future::Future;
use std::time::Duration;

use evloop::process::Redirect;
use evloop::{CloseReport, EventLoop, Process, create_subprocess_exec, create_subprocess_shell};

/// Nothing takes that long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` on a loop of its own, which must end with nothing left in it.
pub fn on_loop<F: Future + 'static>(test: impl FnOnce(EventLoop) -> F) -> F::Output {
    let (output, report) = closing(test);
    assert!(report.is_clean(), "{report:?}");
    output
}

/// The same, and what was left.
pub fn closing<F: Future + 'static>(test: impl FnOnce(EventLoop) -> F) -> (F::Output, CloseReport) {
    let event_loop = EventLoop::new().expect("a loop can be made");
    let stopper = event_loop.clone();
    let patience = event_loop.call_later(PATIENCE, move || stopper.stop()).unwrap();
    let test = test(event_loop.clone());
    let output = event_loop.run_until_complete(test).expect("the test ends before its patience");
    patience.cancel();
    // A pipe that was dropped last is closed in the next turn.
    for _ in 0..3 {
        event_loop.run_once(Some(Duration::ZERO)).expect("it can still turn");
    }
    (output, event_loop.close().expect("the loop is not running"))
}

/// A shell with pipes for all three of its streams.
pub fn shell(command: &str) -> Process {
    let shell = create_subprocess_shell(command);
    let shell = shell.stdin(Redirect::Pipe).stdout(Redirect::Pipe).stderr(Redirect::Pipe);
    shell.spawn().expect("/bin/sh is there")
}

/// `cat`, both ways.
pub fn cat() -> Process {
    let cat = create_subprocess_exec("cat", [""; 0]);
    cat.stdin(Redirect::Pipe).stdout(Redirect::Pipe).spawn().expect("cat is there")
}

/// Whether there is a process of that number, be it a zombie.
pub fn exists(pid: u32) -> bool {
    // SAFETY: signal 0 is none: kill(2) only looks.
    unsafe { libc::kill(pid as i32, 0) == 0 }
}

/// Waits, turn after turn, until something is so.
pub async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        evloop::sleep(Duration::from_millis(1)).await;
    }
}
