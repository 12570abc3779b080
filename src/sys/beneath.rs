//! Files below a directory, and no others; and opening a file only if that does not wait.
//!
//! Linux does both in one call, openat2(2): `RESOLVE_BENEATH` refuses whatever would lead out of
//! the directory, however paths and links change meanwhile, and `RESOLVE_CACHED` whatever is not
//! in memory. Where there is no such call, or a sandbox forbids it, the path is walked by hand, a
//! descriptor for each directory and never through a link unseen; that takes more calls and is as
//! safe. It never knows whether it will wait.
//!
//! A path may pass links that stay below the directory. Links to absolute paths are refused, as
//! `RESOLVE_BENEATH` has it, even where they lead back.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{cvt, retry};

/// A descriptor that is only a place, to open other things from.
#[cfg(target_os = "linux")]
const PLACE: libc::c_int = libc::O_PATH;
#[cfg(not(target_os = "linux"))]
const PLACE: libc::c_int = libc::O_RDONLY;

/// To read. A FIFO does not make it wait, and a terminal is not taken.
const READ: libc::c_int = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;

/// So many links are followed on one way, as the kernel has it.
const MOST_LINKS: usize = 40;

/// Whether a call may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It may.
    Waits,
    /// It must not: where it would, or nobody knows, it fails with `WouldBlock`.
    Now,
}

/// Opens a file or directory to read, wherever it is.
///
/// # Errors
///
/// The kernel's; `WouldBlock` as [`Patience`] says; `InvalidInput` for a path with a NUL.
pub(crate) fn open_to_read(path: &Path, patience: Patience) -> io::Result<File> {
    open_anywhere(path, READ, patience).map(File::from)
}

/// The same of what `path` means within the directory `root`, if that is below it.
///
/// # Errors
///
/// As [`open_to_read`]; EXDEV for what leads out, ELOOP for too many links.
pub(crate) fn open_beneath(root: &Path, path: &Path, patience: Patience) -> io::Result<File> {
    let root = open_anywhere(root, PLACE | libc::O_DIRECTORY, patience)?;
    #[cfg(target_os = "linux")]
    {
        // An empty path is the directory itself, which openat2(2) calls ".".
        let text = if path.as_os_str().is_empty() { c".".into() } else { c_string(path)? };
        let beneath = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
        match openat2(root.as_raw_fd(), &text, READ, beneath, patience) {
            Err(error) if is_missing(&error) => {}
            // Something was renamed under way, and the kernel could not tell where ".." led.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && patience == Patience::Waits => {}
            opened => return opened.map(File::from),
        }
    }
    match patience {
        Patience::Waits => walk(root, path).map(File::from),
        Patience::Now => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn open_anywhere(path: &Path, flags: libc::c_int, patience: Patience) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    match patience {
        Patience::Waits => openat(libc::AT_FDCWD, &path, flags),
        #[cfg(target_os = "linux")]
        Patience::Now => match openat2(libc::AT_FDCWD, &path, flags, 0, patience) {
            Err(error) if is_missing(&error) => Err(io::ErrorKind::WouldBlock.into()),
            opened => opened,
        },
        #[cfg(not(target_os = "linux"))]
        Patience::Now => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "a path with a NUL in it names no file")
    })
}

fn openat(at: RawFd, path: &CString, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: openat(2) reads the path, which ends with a NUL and lives during the call.
    let open = || cvt(unsafe { libc::openat(at, path.as_ptr(), flags | libc::O_CLOEXEC) });
    let fd = retry(open)?;
    // SAFETY: openat(2) has just made `fd`, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// There is no openat2(2), or not with these flags, or a sandbox forbids it.
#[cfg(target_os = "linux")]
fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL | libc::EPERM))
}

#[cfg(target_os = "linux")]
fn openat2(
    at: RawFd,
    path: &CString,
    flags: libc::c_int,
    resolve: u64,
    patience: Patience,
) -> io::Result<OwnedFd> {
    let cached = if patience == Patience::Now { libc::RESOLVE_CACHED } else { 0 };
    // SAFETY: open_how is three integers, of which zero is a value.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (flags | libc::O_CLOEXEC) as u64;
    how.resolve = resolve | cached;
    let size = size_of::<libc::open_how>();
    let open = || {
        // SAFETY: openat2(2) reads the path, which ends with a NUL, and `size` bytes of `how`;
        // both live during the call.
        let fd =
            unsafe { libc::syscall(libc::SYS_openat2, at, path.as_ptr(), &raw const how, size) };
        cvt(fd as libc::c_int)
    };
    let fd = retry(open)?;
    // SAFETY: openat2(2) has just made `fd`, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Walks `path` from the directory `root`, and opens what is at its end.
fn walk(root: OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let mut way = vec![root];
    let mut ahead = Vec::new();
    push_names(&mut ahead, path.as_os_str().as_bytes())?;
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name.as_bytes() == b".." {
            way.pop();
        }
        let Some(here) = way.last() else { return Err(leads_out()) };
        if name.as_bytes() == b".." {
            continue;
        }
        if let Some(target) = link(here.as_raw_fd(), &name)? {
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            push_names(&mut ahead, &target)?;
        } else if ahead.is_empty() {
            // If it has become a link since, O_NOFOLLOW fails.
            return openat(here.as_raw_fd(), &name, READ | libc::O_NOFOLLOW);
        } else {
            let flags = PLACE | libc::O_DIRECTORY | libc::O_NOFOLLOW;
            way.push(openat(here.as_raw_fd(), &name, flags)?);
        }
    }
    let here = way.last().ok_or_else(leads_out)?;
    openat(here.as_raw_fd(), &c".".into(), READ | libc::O_DIRECTORY)
}

fn leads_out() -> io::Error {
    io::Error::from_raw_os_error(libc::EXDEV)
}

/// Puts the names of a path onto those ahead, the first on top.
fn push_names(ahead: &mut Vec<CString>, path: &[u8]) -> io::Result<()> {
    if path.starts_with(b"/") {
        return Err(leads_out());
    }
    for name in path.rsplit(|byte| *byte == b'/').filter(|name| !matches!(name, [] | [b'.'])) {
        ahead.push(c_string(Path::new(std::ffi::OsStr::from_bytes(name)))?);
    }
    Ok(())
}

/// Where the link `name` leads; `None` if it is none.
fn link(at: RawFd, name: &CString) -> io::Result<Option<Vec<u8>>> {
    let mut target = vec![0; libc::PATH_MAX as usize];
    let (place, size) = (target.as_mut_ptr().cast(), target.len());
    // SAFETY: readlinkat(2) reads the name, which ends with a NUL, and writes at most `size` bytes
    // at `place`; both live during the call.
    let told = unsafe { libc::readlinkat(at, name.as_ptr(), place, size) };
    match usize::try_from(told) {
        Ok(len) => {
            target.truncate(len);
            Ok(Some(target))
        }
        Err(_) => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
            error => Err(error),
        },
    }
}

#[cfg(test)]
#[path = "beneath_tests.rs"]
mod tests;
