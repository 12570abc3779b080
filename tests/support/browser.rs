//! A browser without a window.

use std::env;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::peer::Peer;

/// A browser that has been sent to a page; killed, and its profile removed, when this is dropped.
pub struct Browser {
    peer: Option<Peer>,
    profile: PathBuf,
}

impl Browser {
    /// Opens `url`; `None`, loudly, if there is no Chromium here, or none that runs.
    pub fn open(url: &str) -> Option<Browser> {
        let program = installed()?;
        let probe = Browser::start(&program, &["--dump-dom", "about:blank"])?;
        if !probe.says_something() {
            eprintln!("SKIPPED: {program} is installed and does not run");
            return None;
        }
        Browser::start(&program, &[url])
    }

    fn start(program: &str, arguments: &[&str]) -> Option<Browser> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let profile = env::temp_dir().join(format!("evloop-browser-{}-{number}", process::id()));
        let folder = format!("--user-data-dir={}", profile.display());
        // It reserves more address space than a test run is usually allowed; the sandbox wants
        // privileges that a container does not give.
        let begin = "ulimit -v unlimited 2>/dev/null; exec \"$0\" \"$@\"";
        let peer = Peer::start("sh", |command| {
            command.args(["-c", begin, program, "--headless=new", "--no-sandbox", "--disable-gpu"]);
            command.args(["--no-first-run", "--disable-dev-shm-usage", &folder]).args(arguments);
            command.stderr(Stdio::null());
        })?;
        Some(Browser { peer: Some(peer), profile })
    }

    fn says_something(mut self) -> bool {
        let said = self.peer.take().and_then(Peer::finish);
        said.is_some_and(|said| said.stdout.contains("<html"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.peer.take());
        // What a process that is being killed still writes may keep it from being removed whole.
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn installed() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    for name in ["chromium", "chromium-browser", "google-chrome"] {
        if env::split_paths(&path).any(|folder| folder.join(name).exists()) {
            return Some(name.to_owned());
        }
    }
    eprintln!("SKIPPED: neither chromium nor google-chrome is installed");
    None
}
