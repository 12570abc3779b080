//! A middleware that sends clients to the spelling of a path that there is a route for.

use super::middleware::{Middleware, Next};
use crate::http::server::handler::ResponseFuture;
use crate::http::{HttpError, IntoResponse, Request};

/// What browsers take for a slash: "/\\host" leads them to another host, as "//host" does.
const SLASHES: [char; 2] = ['/', '\\'];

/// Redirects a request without a route to the path that differs from its own only in slashes and
/// has one: doubled slashes are merged, and one at the end is added or removed. Query and method
/// stay as they are (308). (`aiohttp.web.normalize_path_middleware`)
///
/// ```
/// use evloop::web::{Application, NormalizePath};
///
/// let mut app = Application::new();
/// app.router().add_get("/a/b/", |_| async { "here" });
/// app.middleware(NormalizePath::default()); // /a//b is answered with 308 to /a/b/
/// ```
///
/// Never redirects to another host: a path that begins with two slashes would name one
/// (RFC 3986 §4.2), so those are merged in every case.
#[derive(Clone, Copy, Debug)]
pub struct NormalizePath {
    /// Whether a slash at the end is tried; yes by default.
    pub append_slash: bool,
    /// Whether the path without a slash at its end is tried; no by default.
    pub remove_slash: bool,
    /// Whether the path with doubled slashes merged is tried; yes by default.
    pub merge_slashes: bool,
}

impl Default for NormalizePath {
    fn default() -> NormalizePath {
        NormalizePath { append_slash: true, remove_slash: false, merge_slashes: true }
    }
}

impl Middleware for NormalizePath {
    fn handle(&self, request: Request, next: Next) -> ResponseFuture {
        if !next.is_found() && request.head().path().starts_with('/') {
            let mut others = self.others(request.head().path());
            if let Some(path) = others.find(|path| next.resolves(request.method(), path)) {
                let mark = if request.raw_query_string().is_empty() { "" } else { "?" };
                let location = format!("{path}{mark}{}", request.raw_query_string());
                let response = HttpError::permanent_redirect(&location).into_response();
                return Box::pin(std::future::ready(response));
            }
        }
        Box::pin(next.run(request))
    }
}

impl NormalizePath {
    /// The spellings to try, in order.
    fn others(&self, path: &str) -> impl Iterator<Item = String> {
        let merged = merge_slashes(path);
        let mut spellings = Vec::new();
        if self.merge_slashes {
            spellings.push(merged.clone());
        }
        for path in [path, &merged[..if self.merge_slashes { merged.len() } else { 0 }]] {
            match path.strip_suffix('/') {
                Some(path) if self.remove_slash && !path.is_empty() => spellings.push(path.into()),
                None if self.append_slash && !path.is_empty() => spellings.push(format!("{path}/")),
                _ => {}
            }
        }
        spellings.into_iter().map(|path| match path[1..].starts_with(SLASHES) {
            true => format!("/{}", path.trim_start_matches(SLASHES)),
            false => path,
        })
    }
}

fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(it: NormalizePath, path: &str) -> Vec<String> {
        it.others(path).collect()
    }

    #[test]
    fn the_spellings_are_tried_in_aiohttps_order() {
        let all = NormalizePath::default();
        assert_eq!(others(all, "/a//b"), ["/a/b", "/a//b/", "/a/b/"]);
        assert_eq!(others(all, "/a/"), ["/a/"]);
        let bare = NormalizePath { append_slash: false, remove_slash: true, merge_slashes: false };
        assert_eq!(others(bare, "/a//b/"), ["/a//b"]);
        assert_eq!(others(bare, "/"), [""; 0]);
    }

    #[test]
    fn no_spelling_names_a_host() {
        for path in
            ["//evil.example", "///evil.example/", "//evil.example//x/", "/\\evil.example", "/\\/x"]
        {
            for (append_slash, remove_slash) in [(true, false), (false, true)] {
                for merge_slashes in [true, false] {
                    let it = NormalizePath { append_slash, remove_slash, merge_slashes };
                    for other in others(it, path) {
                        assert!(!other[1..].starts_with(SLASHES), "{other}");
                    }
                }
            }
        }
    }
}
