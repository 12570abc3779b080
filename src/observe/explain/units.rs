//! Figures as people read them.

use std::fmt;
use std::time::Duration;

use crate::observe::Site;

/// A duration in the unit that fits it, to three figures.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, name) = match nanos {
            0 => return f.write_str("0 s"),
            1..1_000 => return write!(f, "{nanos} ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let hundredths = nanos * 100 / unit;
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        match (whole, rest) {
            (100.., _) | (_, 0) => write!(f, "{whole} {name}"),
            (10.., 0..10) => write!(f, "{whole} {name}"),
            (10.., _) => write!(f, "{whole}.{} {name}", rest / 10),
            (_, rest) if rest % 10 == 0 => write!(f, "{whole}.{} {name}", rest / 10),
            _ => write!(f, "{whole}.{rest:02} {name}"),
        }
    }
}

/// A number of things: `1 byte`, `2 bytes`.
pub(super) struct Many<N>(pub(super) N, pub(super) &'static str);

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Many<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == N::from(1) { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}

/// A place in the source as `file:line`. A path that is relative is given as the compiler gave it;
/// of one that is absolute, which names a machine, the file and its folder.
pub(super) struct Place(pub(super) Site);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", short_path(self.0.file()), self.0.line())
    }
}

pub(crate) fn short_path(path: &str) -> &str {
    if !path.starts_with('/') {
        return path;
    }
    match path.rmatch_indices('/').nth(1) {
        Some((folder, _)) => &path[folder + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_figures_and_the_unit_that_fits() {
        let spans = [
            (0, "0 s"),
            (250, "250 ns"),
            (1_000, "1 µs"),
            (18_400, "18.4 µs"),
            (3_140_000, "3.14 ms"),
            (3_100_000, "3.1 ms"),
            (3_010_000, "3.01 ms"),
            (10_050_000, "10 ms"),
            (142_900_000, "142 ms"),
            (3_000_000_000, "3 s"),
            (86_400_000_000_000, "86400 s"),
        ];
        for (nanos, text) in spans {
            assert_eq!(Span(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    #[test]
    fn one_is_singular_and_all_else_plural() {
        let texts = [0usize, 1, 2].map(|n| Many(n, "handle").to_string());
        assert_eq!(texts, ["0 handles", "1 handle", "2 handles"]);
    }

    #[test]
    fn a_path_says_nothing_of_the_machine() {
        assert_eq!(short_path("examples/timers/main.rs"), "examples/timers/main.rs");
        assert_eq!(short_path("/somebody/project/src/report.rs"), "src/report.rs");
        assert_eq!(short_path("/main.rs"), "/main.rs");
    }
}
