//! Other people's programs at the other end. None outlives the test that started it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Longer than any of them takes: one that hangs is killed instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs, with whatever it has started: a process group of its own.
///
/// It is killed when this is dropped, so a test that fails leaves nothing behind; when it has run
/// too long, so a test that waits for it ends; and, on Linux, when the thread that started it is
/// gone, so not even a test process that is killed leaves it behind.
pub struct Peer {
    name: String,
    child: Child,
    output: BufReader<ChildStdout>,
    group: Arc<Mutex<Option<Pid>>>,
    /// Dropped, it sends the watchdog home.
    _watched: Sender<()>,
}

/// What a program said, and whether it was content.
pub struct Said {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Peer {
    /// Starts a program with its outputs piped; `None`, loudly, if this machine has none of that
    /// name.
    pub fn start(name: &str, configure: impl FnOnce(&mut Command)) -> Option<Peer> {
        let mut command = Command::new(name);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        configure(&mut command);
        command.process_group(0);
        dies_with_us(&mut command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("SKIPPED: {name} cannot be run here: {error}");
                return None;
            }
        };
        let group = Arc::new(Mutex::new(Some(Pid::from_raw(child.id() as i32))));
        let _watched = watch(group.clone());
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Some(Peer { name: name.to_owned(), child, output, group, _watched })
    }

    /// A line of its output without its end; `None`, loudly, if it ended instead because it lacks a
    /// module.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        if line.ends_with('\n') {
            line.pop();
            return Some(line);
        }
        let said = self.end();
        assert!(self.lacks_something(&said), "{} ended: {}", self.name, said.stderr);
        None
    }

    /// Waits until it has ended, and gives what it said; `None`, loudly, if it lacks a module.
    pub fn finish(mut self) -> Option<Said> {
        let said = self.end();
        (!self.lacks_something(&said)).then_some(said)
    }

    /// Kills it, and whatever it has started.
    pub fn kill(&self) {
        kill(&self.group);
    }

    fn lacks_something(&self, said: &Said) -> bool {
        let lacks = said.stderr.contains("ModuleNotFoundError");
        if lacks {
            eprintln!("SKIPPED: {} says {}", self.name, said.stderr.trim_end());
        }
        lacks
    }

    fn end(&mut self) -> Said {
        // One that reads to the end of its input has come to it.
        drop(self.child.stdin.take());
        let stderr = self.child.stderr.take();
        let complaints = thread::spawn(move || stderr.map_or_else(String::new, all_of));
        let stdout = all_of(&mut self.output);
        let stderr = complaints.join().expect("it only reads");
        Said { success: self.reap(), stdout, stderr }
    }

    /// Waits for it; its number is nobody's to kill from then on.
    fn reap(&mut self) -> bool {
        let status = self.child.wait();
        self.group.lock().expect("nobody panics with it").take();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

fn all_of(mut output: impl Read) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is what there is.
    let _ = output.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kill(group: &Mutex<Option<Pid>>) {
    if let Ok(group) = group.lock() {
        if let Some(group) = *group {
            // It may have ended by itself, and its children with it.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Kills the group when it has run too long.
fn watch(group: Arc<Mutex<Option<Pid>>>) -> Sender<()> {
    let (watched, unwatched) = mpsc::channel();
    thread::spawn(move || {
        if unwatched.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            kill(&group);
        }
    });
    watched
}

#[cfg(target_os = "linux")]
fn dies_with_us(command: &mut Command) {
    // SAFETY: between fork and exec only what a signal handler may do: one system call.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn dies_with_us(_: &mut Command) {}
