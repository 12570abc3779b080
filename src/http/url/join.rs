//! What a reference means where a URL is the base (RFC 3986 §5.2).

use super::parse::{scheme_of, split_fragment};
use super::{InvalidUrl, Url};

impl Url {
    /// What `reference` means where this URL is the base: a path beside it, an absolute path,
    /// another host, a query, a whole URL (RFC 3986 §5.2).
    ///
    /// One that names a host has no credentials but its own.
    ///
    /// # Errors
    ///
    /// What comes of it cannot be used.
    pub fn join(&self, reference: &str) -> Result<Url, InvalidUrl> {
        let reference = reference.trim();
        if scheme_of(reference).is_some() {
            return reference.parse();
        }
        if reference.starts_with("//") {
            return format!("{}:{reference}", self.scheme()).parse();
        }
        let (rest, fragment) = split_fragment(reference);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = match path {
            "" => self.path().to_owned(),
            path if path.starts_with('/') => without_dots(path),
            path => without_dots(&merge(self.path(), path)),
        };
        let query = if rest.is_empty() { self.query() } else { query };
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let fragment = fragment.map_or(String::new(), |fragment| format!("#{fragment}"));
        let base = format!("{}://{}", self.scheme(), self.authority());
        let joined: Url = format!("{base}{path}{query}{fragment}").parse()?;
        Ok(Url { credentials: self.credentials.clone(), ..joined })
    }

    /// The same with this fragment, if it has none of its own (RFC 9110 §10.2.2).
    pub(crate) fn with_fragment_of(mut self, other: &Url) -> Url {
        if self.fragment.is_none() {
            self.fragment.clone_from(&other.fragment);
        }
        self
    }
}

/// Everything up to the last slash of `base`, and then `path` (RFC 3986 §5.2.3).
fn merge(base: &str, path: &str) -> String {
    let folder = base.rfind('/').map_or("/", |at| &base[..=at]);
    format!("{folder}{path}")
}

/// Takes out `.` and `..` (RFC 3986 §5.2.4), written as such or as `%2e`: what another program
/// would take for a way up is none here.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        match &piece.to_ascii_lowercase().replace("%2e", ".")[..] {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(piece),
        }
    }
    format!("/{}", kept.join("/"))
}
