//! Which hosts an application answers for.

use std::cmp::Reverse;

/// A host's name, or all names below one: `example.org`, `*.example.org`, each with a port or
/// without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    /// In lower case; of `*.example.org` it is `.example.org`.
    name: String,
    port: Option<u16>,
}

impl Domain {
    /// # Errors
    ///
    /// It is no such thing, and what would be one.
    pub fn parse(text: &str) -> Result<Domain, String> {
        let (name, port) = split(text);
        let wrong = || {
            format!("{text:?} is no domain; write example.org, *.example.org or either with a port")
        };
        let port = port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
        let name = name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase();
        let label = |it: &str| !it.is_empty() && it.bytes().all(is_of_a_name);
        let names = name.strip_prefix('.').filter(|_| text.starts_with('*')).unwrap_or(&name);
        let is_name =
            names.split('.').all(label) && (names.len() < name.len() || !text.starts_with('*'));
        let is_address = name.strip_prefix('[').is_some_and(|it| it.ends_with(']'));
        if is_name || is_address { Ok(Domain { name, port }) } else { Err(wrong()) }
    }

    /// Whether a `Host` belongs to it (RFC 9110 §7.2): in any letter case, with a dot at its end or
    /// not; whatever its port, if none was said.
    pub fn takes(&self, host: &str) -> bool {
        let (host, port) = split(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_ours = match self.name.starts_with('.') {
            false => host.eq_ignore_ascii_case(&self.name),
            true => {
                let tail = host.len().checked_sub(self.name.len()).filter(|at| *at > 0);
                tail.and_then(|at| host.get(at..))
                    .is_some_and(|it| it.eq_ignore_ascii_case(&self.name))
            }
        };
        is_ours && self.port.is_none_or(|ours| port.is_some_and(|it| it.parse() == Ok(ours)))
    }

    /// By this, those that say more come first.
    pub fn rank(&self) -> impl Ord + use<> {
        (self.name.starts_with('.'), Reverse(self.name.len()), self.port.is_none())
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The host and the port of what `Host` says.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(domain: &str, host: &str) -> bool {
        Domain::parse(domain).unwrap().takes(host)
    }

    #[test]
    fn a_name_takes_itself_and_a_star_whatever_lies_below() {
        for host in ["example.org", "EXAMPLE.org", "example.org.", "example.org:8080"] {
            assert!(takes("Example.Org", host), "{host}");
            assert!(!takes("*.example.org", host), "{host}");
        }
        for host in ["a.example.org", "a.b.Example.org", "a.example.org:80", "a.example.org."] {
            assert!(takes("*.example.org", host), "{host}");
            assert!(!takes("example.org", host), "{host}");
        }
        for host in ["", "org", "badexample.org", "example.org.evil", ".example.org", "\u{e9}.x"] {
            assert!(!takes("*.example.org", host) && !takes("example.org", host), "{host}");
        }
        assert!(takes("[::1]", "[::1]:80") && takes("127.0.0.1", "127.0.0.1:9"));
    }

    #[test]
    fn a_port_that_is_said_has_to_be_the_one() {
        assert!(takes("example.org:8080", "example.org:8080"));
        assert!(!takes("example.org:8080", "example.org:80"));
        assert!(!takes("example.org:8080", "example.org"));
        assert!(takes("*.example.org:1", "a.example.org:1"));
    }

    #[test]
    fn what_is_no_domain_is_refused_and_told() {
        for text in
            ["", "*", "*.", "a..b", "*example.org", "http://a", "a/b", "a:x", ".a", "a.*", "*.*.a"]
        {
            let told = Domain::parse(text).unwrap_err();
            assert!(told.contains("*.example.org"), "{text}: {told}");
        }
    }

    #[test]
    fn those_that_say_more_come_first() {
        let said = ["*.org", "a.org", "*.a.org", "*.a.org:1", "a.org:1"];
        let mut domains: Vec<_> = said.map(|it| Domain::parse(it).unwrap()).into();
        domains.sort_by_key(Domain::rank);
        let order = ["a.org:1", "a.org", "*.a.org:1", "*.a.org", "*.org"];
        assert_eq!(domains, order.map(|it| Domain::parse(it).unwrap()));
    }
}
