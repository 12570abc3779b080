//! Whether a cookie may be set by whoever asks for it, and for whom.

use std::net::IpAddr;

use super::Destination;
use super::asked::{Asked, keeps_promises};
use super::matching::{default_path, domain_matches};

/// A cookie that its host may set.
pub(in crate::http) struct Offer<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) domain: &'a str,
    pub(super) host_only: bool,
    pub(super) path: &'a str,
    pub(super) secure_from: bool,
    pub(super) now: i64,
}

impl<'a> Offer<'a> {
    /// The value of a `Set-Cookie` field that came from there; `None` if it breaks a rule.
    pub(in crate::http) fn new(
        from: Destination<'a>,
        set_cookie: &'a [u8],
        now: i64,
        is_public: Option<&dyn Fn(&str) -> bool>,
    ) -> Option<Offer<'a>> {
        let asked = Asked::parse(set_cookie, now)?;
        let (domain, host_only) = domain_of(&asked, from.host, is_public)?;
        let path = asked.path.unwrap_or_else(|| default_path(from.path));
        let allowed = (from.secure || !asked.secure) && keeps_promises(&asked, host_only, path);
        let offer = Offer { asked, domain, host_only, path, secure_from: from.secure, now };
        allowed.then_some(offer)
    }
}

/// Which domain a cookie would belong to, and whether to that host alone; `None` if it may not
/// be set (§5.3, steps 4 to 6).
fn domain_of<'a>(
    asked: &Asked<'a>,
    host: &'a str,
    is_public: Option<&dyn Fn(&str) -> bool>,
) -> Option<(&'a str, bool)> {
    // In lower case already, if it matches the host.
    let Some(domain) = asked.domain else { return Some((host, true)) };
    let same = domain.eq_ignore_ascii_case(host);
    let domain = host
        .get(host.len().checked_sub(domain.len())?..)
        .filter(|end| end.eq_ignore_ascii_case(domain) && (same || domain_matches(host, end)))?;
    // The root's dot at the end makes no domain less public.
    let named = domain.strip_suffix('.').unwrap_or(domain);
    let is_public = !named.contains('.')
        || named.parse::<IpAddr>().is_ok()
        || is_public.is_some_and(|is_public| is_public(named));
    match (is_public, same) {
        (true, true) => Some((host, true)),
        (true, false) => None,
        (false, _) => Some((domain, false)),
    }
}
