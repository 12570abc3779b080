//! Which paths and domains are each other's.

use std::net::IpAddr;

/// The directory of a request's path (RFC 6265 §5.1.4).
pub(super) fn default_path(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    match path.rfind('/') {
        Some(last) if last > 0 && path.starts_with('/') => &path[..last],
        _ => "/",
    }
}

/// RFC 6265 §5.1.4.
pub(super) fn path_matches(path: &str, cookie_path: &str) -> bool {
    let path = if path.starts_with('/') { path } else { "/" };
    match path.strip_prefix(cookie_path) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'),
        None => false,
    }
}

/// RFC 6265 §5.1.3, of names in lower case.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    match host.strip_suffix(domain) {
        Some("") => true,
        Some(front) => front.ends_with('.') && host.parse::<IpAddr>().is_err(),
        None => false,
    }
}
