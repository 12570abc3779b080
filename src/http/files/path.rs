//! From a request's path to a path below a directory.

use std::path::PathBuf;

/// What a request asks for, below the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Names only: neither absolute, nor with `.` or `..` in it. Empty for the directory itself.
    pub path: PathBuf,
    /// It ends with a slash, or is the directory itself.
    pub is_directory: bool,
}

impl Wanted {
    /// `tail` is what follows the prefix and its slash, percent-decoded. `None` if nothing can be
    /// there: names that are empty, `.` or `..`, or have a NUL or a backslash in them, and, unless
    /// `hidden`, names that begin with a dot, but for `.well-known` (RFC 8615).
    ///
    /// An encoded slash is a slash: no file has one in its name.
    pub(super) fn parse(tail: &str, hidden: bool) -> Option<Wanted> {
        let mut path = PathBuf::new();
        let mut names = tail.split('/').peekable();
        while let Some(name) = names.next() {
            if name.is_empty() && names.peek().is_none() {
                return Some(Wanted { path, is_directory: true });
            }
            if !is_name(name) || !(hidden || is_shown(name)) {
                return None;
            }
            path.push(name);
        }
        Some(Wanted { path, is_directory: false })
    }
}

fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['\0', '\\'])
}

/// Whether a name is to be seen where hidden files are not.
pub(super) fn is_shown(name: &str) -> bool {
    !name.starts_with('.') || name == ".well-known"
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    fn parsed(tail: &str) -> Option<(String, bool)> {
        let wanted = Wanted::parse(tail, false)?;
        Some((wanted.path.to_str().unwrap().to_owned(), wanted.is_directory))
    }

    #[test]
    fn names_lead_down() {
        assert_eq!(parsed(""), Some((String::new(), true)));
        assert_eq!(parsed("a"), Some(("a".into(), false)));
        assert_eq!(parsed("a/b c.txt"), Some(("a/b c.txt".into(), false)));
        assert_eq!(parsed("a/"), Some(("a".into(), true)));
        assert_eq!(parsed(".well-known/x"), Some((".well-known/x".into(), false)));
        assert!(Wanted::parse(".git/config", true).is_some());
        assert!(Wanted::parse("...", true).is_some(), "a name like others");
    }

    #[test]
    fn what_leads_elsewhere_is_nothing() {
        for tail in [
            "..",
            "../x",
            "a/..",
            "a/../b",
            "/",
            "/etc/passwd",
            "a//b",
            ".",
            "./a",
            "a\0",
            "a\\b",
            "..\\x",
            "C:\\x",
            "//",
            ".git/config",
            "a/.env",
            ".well-known2",
        ] {
            assert_eq!(parsed(tail), None, "{tail:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_only_names_come_out(tail in "[a./\\\\\0]{0,12}", hidden: bool) {
            if let Some(wanted) = Wanted::parse(&tail, hidden) {
                prop_assert!(wanted.path.components().all(|it| matches!(it, Component::Normal(_))));
                prop_assert_eq!(wanted.is_directory, tail.is_empty() || tail.ends_with('/'));
            }
        }
    }
}
