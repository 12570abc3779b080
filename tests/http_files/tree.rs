//! A directory to be served, and what must not be served beside it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use evloop::web::{Application, StaticFiles};

/// What stands in every file outside the directory, and in none inside.
pub const SECRET: &str = "SECRET";

/// When every file was modified: the example of RFC 9110.
pub const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Removed when dropped.
pub struct Tree(PathBuf);

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Tree {
    /// `root/` with a few files, and secrets around it.
    pub fn new() -> Tree {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("evloop-http-files-{}-{number}", std::process::id());
        let tree = Tree(std::env::temp_dir().join(name));
        let _ = fs::remove_dir_all(&tree.0);
        fs::create_dir_all(tree.root().join("sub/deep")).expect("a directory");
        tree.file("root/a.txt", "0123456789");
        tree.file("root/page.html", "<p>page</p>");
        tree.file("root/sub/b.txt", "below");
        tree.file("root/sub/deep/c", "deeper");
        tree.file("root/a b\u{e9}.txt", "named");
        tree.file("root/.hidden", "hidden");
        tree.file("secret", SECRET);
        tree.file("root.txt", SECRET);
        tree
    }

    /// The directory that is served.
    pub fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// Beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(when))
            .expect("a time");
    }

    pub fn link(&self, target: &str, name: &str) {
        symlink(target, self.path(name)).expect("a link");
    }

    /// An application that serves it below `/static`.
    pub fn app(&self, files: impl FnOnce(StaticFiles) -> StaticFiles) -> Application {
        let mut app = Application::new();
        app.router().add_static("/static", files(StaticFiles::new(self.root())));
        app
    }
}
