//! Which selector a loop gets when nobody says.

use std::env;
use std::ffi::OsStr;
use std::io;

use super::*;

/// The best facility of this platform: epoll on Linux, kqueue on macOS and the BSDs, else poll(2).
#[cfg(target_os = "linux")]
pub type DefaultSelector = EpollSelector;
/// The best facility of this platform: epoll on Linux, kqueue on macOS and the BSDs, else poll(2).
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub type DefaultSelector = KqueueSelector;
/// The best facility of this platform: epoll on Linux, kqueue on macOS and the BSDs, else poll(2).
#[cfg(not(any(
    target_os = "linux",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
)))]
pub type DefaultSelector = PollSelector;

/// Opens a selector of one kind.
type Open = fn() -> io::Result<Box<dyn Selector>>;

/// What this platform has, the best first.
const BACKENDS: &[(&str, Open)] = &[
    #[cfg(target_os = "linux")]
    ("epoll", || Ok(Box::new(EpollSelector::new()?))),
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))]
    ("kqueue", || Ok(Box::new(KqueueSelector::new()?))),
    ("poll", || Ok(Box::new(PollSelector::new()?))),
];

/// A new selector: the one that the environment variable `EVLOOP_SELECTOR` names (`epoll`,
/// `kqueue` or `poll`), or else the best of this platform.
///
/// # Errors
///
/// `InvalidInput` if the variable names none that this platform has, and what the backend's `new`
/// says when descriptors have run out.
pub fn default_selector() -> io::Result<Box<dyn Selector>> {
    selector_named(env::var_os("EVLOOP_SELECTOR").as_deref())
}

fn selector_named(name: Option<&OsStr>) -> io::Result<Box<dyn Selector>> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return BACKENDS[0].1();
    };
    match BACKENDS.iter().find(|(known, _)| name == *known) {
        Some((_, open)) => open(),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &OsStr) -> io::Error {
    let mut what = format!("EVLOOP_SELECTOR is {name:?}; this platform has:");
    for (known, _) in BACKENDS {
        what.push(' ');
        what.push_str(known);
    }
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_can_be_asked_for_by_name() {
        for (name, _) in BACKENDS {
            assert_eq!(selector_named(Some(OsStr::new(name))).unwrap().name(), *name);
        }
    }

    #[test]
    fn unset_and_empty_mean_the_best() {
        assert_eq!(selector_named(None).unwrap().name(), BACKENDS[0].0);
        assert_eq!(selector_named(Some(OsStr::new(""))).unwrap().name(), BACKENDS[0].0);
        assert_eq!(DefaultSelector::new().unwrap().name(), BACKENDS[0].0);
    }

    #[test]
    fn an_unknown_name_is_refused_and_the_known_ones_are_listed() {
        let error = selector_named(Some(OsStr::new("select"))).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("\"select\"") && text.contains(BACKENDS[0].0), "{text}");
    }
}
