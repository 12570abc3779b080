//! Whatever the way, both ways of opening lead to the same, and never out.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// A directory that is removed when dropped.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `root/` with files, directories and links in it, and `secret` beside it.
fn place(name: &str) -> Place {
    let path = std::env::temp_dir().join(format!("evloop-beneath-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    let root = path.join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(path.join("secret"), "secret").unwrap();
    fs::write(root.join("f"), "inside").unwrap();
    fs::write(root.join("a/b/f"), "inside").unwrap();
    for (target, link) in [
        ("f", "to_f"),
        ("a/b", "to_b"),
        ("../f", "a/up"),
        ("../../f", "a/b/upup"),
        ("../a/../f", "a/around"),
        ("../secret", "out"),
        ("../../root/f", "a/back"),
        ("..", "parent"),
        ("loop", "loop"),
        (".", "here"),
        ("missing", "dangling"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(path.join("secret"), root.join("absolute")).unwrap();
    symlink(root.join("f"), root.join("absolute_inside")).unwrap();
    Place(path)
}

/// What is found: a file's text, `/` for a directory, or the error's number.
fn told(opened: io::Result<File>) -> Result<String, i32> {
    let mut file = opened.map_err(|error| error.raw_os_error().unwrap_or_default())?;
    if file.metadata().unwrap().is_dir() {
        return Ok("/".into());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    Ok(text)
}

fn walked(root: &Path, path: &Path) -> io::Result<File> {
    let root = open_anywhere(root, PLACE | libc::O_DIRECTORY, Patience::Waits)?;
    walk(root, path).map(File::from)
}

#[test]
fn links_lead_anywhere_below_and_nowhere_else() {
    let place = place("links");
    let root = place.0.join("root");
    for (path, found) in [
        ("f", Ok("inside")),
        ("./a//b/./f", Ok("inside")),
        ("to_f", Ok("inside")),
        ("to_b/f", Ok("inside")),
        ("a/up", Ok("inside")),
        ("to_b/upup", Ok("inside")),
        ("a/around", Ok("inside")),
        ("here/here/f", Ok("inside")),
        ("", Ok("/")),
        ("a", Ok("/")),
        ("to_b", Ok("/")),
        ("a/b/..", Ok("/")),
        ("a/..", Ok("/")),
        ("out", Err(libc::EXDEV)),
        ("a/back", Err(libc::EXDEV)),
        ("parent", Err(libc::EXDEV)),
        ("parent/secret", Err(libc::EXDEV)),
        ("parent/root/f", Err(libc::EXDEV)),
        ("..", Err(libc::EXDEV)),
        ("../secret", Err(libc::EXDEV)),
        ("a/../../secret", Err(libc::EXDEV)),
        ("/etc/passwd", Err(libc::EXDEV)),
        ("absolute", Err(libc::EXDEV)),
        ("absolute_inside", Err(libc::EXDEV)),
        ("loop", Err(libc::ELOOP)),
        ("dangling", Err(libc::ENOENT)),
        ("missing/f", Err(libc::ENOENT)),
        ("f/f", Err(libc::ENOTDIR)),
        ("to_f/f", Err(libc::ENOTDIR)),
    ] {
        let found = found.map(String::from);
        assert_eq!(told(walked(&root, Path::new(path))), found, "walked: {path}");
        let opened = open_beneath(&root, Path::new(path), Patience::Waits);
        assert_eq!(told(opened), found, "opened: {path}");
    }
    for path in ["f\0", "a/\0/f"] {
        let error = open_beneath(&root, Path::new(path), Patience::Waits).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn what_is_opened_at_once_is_the_same_or_is_not_opened() {
    let place = place("cached");
    let root = place.0.join("root");
    for path in ["f", "to_b/f", "out", "missing", "a"] {
        let path = Path::new(path);
        let waited = told(open_beneath(&root, path, Patience::Waits));
        let opened = open_beneath(&root, path, Patience::Now);
        if opened.as_ref().err().map(io::Error::kind) != Some(io::ErrorKind::WouldBlock) {
            assert_eq!(told(opened), waited, "{path:?}");
        }
        let opened = open_to_read(&root.join(path), Patience::Now);
        if opened.as_ref().err().map(io::Error::kind) != Some(io::ErrorKind::WouldBlock) {
            assert_eq!(told(opened), told(open_to_read(&root.join(path), Patience::Waits)));
        }
    }
}

#[test]
fn a_fifo_does_not_make_it_wait() {
    let place = place("fifo");
    let fifo = place.0.join("root/fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo is everywhere").success());
    assert!(!open_to_read(&fifo, Patience::Waits).unwrap().metadata().unwrap().is_file());
    let opened = walked(&place.0.join("root"), Path::new("fifo"));
    assert!(!opened.unwrap().metadata().unwrap().is_file());
}

proptest! {
    #[test]
    fn no_way_leads_out_and_both_ways_find_the_same(
        names in prop::collection::vec(
            prop::sample::select(vec![
                "f", "a", "b", "..", ".", "", "to_f", "to_b", "up", "upup", "out", "back",
                "parent", "loop", "here", "root", "secret", "absolute", "/etc/passwd",
            ]),
            0..8,
        ),
    ) {
        let place = place("property");
        let (root, path) = (place.0.join("root"), names.join("/"));
        let walked = told(walked(&root, Path::new(&path)));
        prop_assert_ne!(walked.as_deref(), Ok("secret"));
        let opened = open_beneath(&root, Path::new(&path), Patience::Waits);
        match (walked, told(opened)) {
            (Ok(walked), Ok(opened)) => prop_assert_eq!(walked, opened),
            // A slash at the end says more to the kernel than to the walk.
            (Ok(_), Err(libc::ENOTDIR)) => prop_assert!(path.ends_with('/') || path.ends_with("/.")),
            (walked, opened) => prop_assert!(walked.is_err() && opened.is_err(), "{path}"),
        }
    }
}
