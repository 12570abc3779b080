//! A client's cookies: which are kept, and which are sent where (RFC 6265 §5.3, §5.4, with what
//! RFC 6265bis adds for safety).
//!
//! The jar makes no call and reads no clock: the time is an argument, in seconds since 1970 began.
//!
//! **Who may set what.** A cookie belongs to the host that set it, alone, unless `Domain` names
//! that host or a domain above it; then it is sent to everything below that domain. A host that is
//! an address has no domain above it. A cookie that is not `Secure` and comes over an insecure
//! connection does not take the place of one that is (§5.7 of 6265bis), and names that begin with
//! `__Secure-` or `__Host-` are held to what they promise.
//!
//! **Public suffixes.** Nobody should set a cookie for all of `co.uk`. Browsers know such domains
//! from a list that changes weekly and is larger than this library; the jar alone knows only that a
//! domain of one label (`com`, `local`) is public, as curl without libpsl. A client that talks to
//! hosts that may plot against each other gives it the list: [`CookieJar::public_suffixes`], for
//! instance with the crate `psl`.
//!
//! **Bounds.** RFC 6265 §6.1 names what a client should at least keep, and the jar keeps no more:
//! [`MOST_PER_DOMAIN`], [`MOST_COOKIES`], [`cookie::MOST_BYTES`](super::cookie::MOST_BYTES). Beyond,
//! expired ones go first, then those that were not used for longest.
//!
//! Unlike aiohttp's jar, which needs `unsafe=True` for it, this one takes cookies from hosts that
//! are addresses: they go back to that address alone. `SameSite` is about pages, and means nothing
//! here; neither does `HttpOnly`. A cookie without a name is not kept, as RFC 6265 has it.

mod asked;
mod matching;
mod offer;

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use http::HeaderValue;

use matching::{domain_matches, path_matches};
pub(in crate::http) use offer::Offer;

/// So many cookies of one domain are kept (RFC 6265 §6.1).
pub const MOST_PER_DOMAIN: usize = 50;

/// So many cookies are kept in all (RFC 6265 §6.1).
pub const MOST_COOKIES: usize = 3000;

/// The `Cookie` field that is sent has at most so many bytes; cookies that come later in it are
/// left out. As curl's: common servers refuse lines of more than 8 KiB.
pub const MOST_HEADER_BYTES: usize = 8190;

/// The longest a cookie lasts, in seconds: 400 days (RFC 6265bis §5.5).
const LONGEST_LIFE: i64 = 400 * 86_400;

/// Where a request goes, or a response comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host in lower case, an IPv6 address without its brackets.
    pub host: &'a str,
    /// The path as it stands in the request line. A query behind it does no harm.
    pub path: &'a str,
    /// Whether the connection is secure.
    pub secure: bool,
}

/// The cookies of a client. (aiohttp's `CookieJar`)
///
/// ```
/// use evloop::http::{CookieJar, cookie_jar::Destination};
///
/// let mut jar = CookieJar::new();
/// let shop = Destination { host: "shop.example.org", path: "/buy", secure: true };
/// jar.set(shop, b"id=7; Domain=example.org; Path=/; Max-Age=60", 1000);
/// let news = Destination { host: "news.example.org", path: "/", secure: false };
/// assert_eq!(jar.header(news, 1059).unwrap(), "id=7");
/// assert_eq!(jar.header(news, 1060), None);
/// ```
#[derive(Default)]
pub struct CookieJar {
    /// By the domain they belong to.
    domains: HashMap<Box<str>, Vec<Stored>>,
    /// Grows with each cookie that is made or used: tells their order without a clock.
    moment: u64,
    is_public: Option<IsPublic>,
}

/// Says whether a domain is public.
pub(in crate::http) type IsPublic = Rc<dyn Fn(&str) -> bool>;

#[derive(Debug)]
struct Stored {
    name: Box<str>,
    value: Box<str>,
    path: Box<str>,
    host_only: bool,
    secure: bool,
    /// Until then; `None` for as long as the jar.
    expires: Option<i64>,
    made: u64,
    used: u64,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> CookieJar {
        CookieJar::default()
    }

    /// Says which domains are public, so that no host sets a cookie for all below them. The
    /// function is given a domain in lower case. Domains of one label are public anyway.
    #[must_use]
    pub fn public_suffixes(mut self, is_public: impl Fn(&str) -> bool + 'static) -> CookieJar {
        self.is_public = Some(Rc::new(is_public));
        self
    }

    /// Takes the value of a `Set-Cookie` field that came from there; says whether it changed
    /// anything. What breaks a rule is ignored, as browsers do.
    pub fn set(&mut self, from: Destination<'_>, set_cookie: &[u8], now: i64) -> bool {
        let is_public = self.is_public.clone();
        match Offer::new(from, set_cookie, now, is_public.as_deref()) {
            Some(offer) => self.keep(offer),
            None => false,
        }
    }

    /// What says which domains are public. A session asks it before it touches its jar, for it is
    /// a caller's code, which may look into that jar.
    pub(in crate::http) fn is_public(&self) -> Option<IsPublic> {
        self.is_public.clone()
    }

    /// Keeps a cookie that may be set, unless an insecure one would stand before a secure one.
    pub(in crate::http) fn keep(&mut self, offer: Offer<'_>) -> bool {
        let Offer { asked, domain, host_only, path, secure_from, now } = offer;
        if !secure_from && self.would_shadow(asked.name, domain, path) {
            return false;
        }
        let is_same =
            |it: &Stored| *it.name == *asked.name && *it.path == *path && it.host_only == host_only;
        let old = self.take(domain, is_same);
        if asked.expires.is_some_and(|at| at <= now) {
            return old.is_some();
        }
        self.moment += 1;
        let cookie = Stored {
            name: asked.name.into(),
            value: asked.value.into(),
            path: path.into(),
            host_only,
            secure: asked.secure,
            expires: asked.expires,
            made: old.map_or(self.moment, |old| old.made),
            used: self.moment,
        };
        self.domains.entry(domain.into()).or_default().push(cookie);
        self.make_room(domain, now);
        true
    }

    /// The value of the `Cookie` field for a request that goes there; `None` without cookies.
    /// Those of longer paths come first, then those that were set earlier (§5.4).
    pub fn header(&mut self, to: Destination<'_>, now: i64) -> Option<HeaderValue> {
        let path = to.path.split('?').next().unwrap_or_default();
        self.moment += 1;
        let mut found: Vec<&mut Stored> = Vec::new();
        for (domain, cookies) in &mut self.domains {
            if !domain_matches(to.host, domain) {
                continue;
            }
            let is_host = **domain == *to.host;
            found.extend(cookies.iter_mut().filter(|it| {
                (is_host || !it.host_only)
                    && (to.secure || !it.secure)
                    && it.expires.is_none_or(|at| at > now)
                    && path_matches(path, &it.path)
            }));
        }
        found.sort_by_key(|it| (std::cmp::Reverse(it.path.len()), it.made));
        let mut line = String::new();
        for cookie in found {
            let separator = if line.is_empty() { "" } else { "; " };
            let len = separator.len() + cookie.name.len() + 1 + cookie.value.len();
            if line.len() + len <= MOST_HEADER_BYTES {
                cookie.used = self.moment;
                line.extend([separator, &cookie.name, "=", &cookie.value]);
            }
        }
        // Control characters were refused when the cookies came.
        (!line.is_empty()).then(|| HeaderValue::from_str(&line).ok())?
    }

    /// How many cookies there are, expired ones that were not yet removed included.
    pub fn len(&self) -> usize {
        self.domains.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Removes every cookie.
    pub fn clear(&mut self) {
        self.domains.clear();
    }

    /// Removes the cookies of this domain and of all below it. (`clear_domain`)
    pub fn clear_domain(&mut self, domain: &str) {
        self.domains.retain(|have, _| !domain_matches(have, domain));
    }

    /// Whether an insecure cookie would stand before a secure one (RFC 6265bis §5.7, step 11).
    fn would_shadow(&self, name: &str, domain: &str, path: &str) -> bool {
        self.domains.iter().any(|(have, cookies)| {
            (domain_matches(have, domain) || domain_matches(domain, have))
                && cookies
                    .iter()
                    .any(|it| it.secure && *it.name == *name && path_matches(path, &it.path))
        })
    }

    fn take(&mut self, domain: &str, is_it: impl Fn(&Stored) -> bool) -> Option<Stored> {
        let cookies = self.domains.get_mut(domain)?;
        let at = cookies.iter().position(is_it)?;
        let taken = cookies.swap_remove(at);
        if cookies.is_empty() {
            self.domains.remove(domain);
        }
        Some(taken)
    }

    /// Removes what is too much, after a cookie of `domain` was added.
    fn make_room(&mut self, domain: &str, now: i64) {
        let crowded =
            |jar: &Self| jar.domains.get(domain).is_some_and(|it| it.len() > MOST_PER_DOMAIN);
        if !crowded(self) && self.len() <= MOST_COOKIES {
            return;
        }
        self.domains.retain(|_, cookies| {
            cookies.retain(|it| it.expires.is_none_or(|at| at > now));
            !cookies.is_empty()
        });
        if crowded(self) {
            self.remove_oldest(|have| have == domain);
        }
        if self.len() > MOST_COOKIES {
            self.remove_oldest(|_| true);
        }
    }

    /// Removes the cookie that was not used for longest, among domains.
    fn remove_oldest(&mut self, of: impl Fn(&str) -> bool) {
        let domains = self.domains.iter().filter(|(domain, _)| of(domain));
        let each = domains.flat_map(|(domain, cookies)| cookies.iter().map(move |it| (domain, it)));
        let oldest =
            each.min_by_key(|(_, it)| it.used).map(|(domain, it)| (domain.clone(), it.used));
        if let Some((domain, used)) = oldest {
            // Those that were sent together were used together: the one made first goes.
            let of_moment = self.domains[&domain].iter().filter(|it| it.used == used);
            let made = of_moment.map(|it| it.made).min();
            self.take(&domain, |it| it.used == used && Some(it.made) == made);
        }
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not their values, which are often secrets.
        write!(f, "<CookieJar {} cookies>", self.len())
    }
}

#[cfg(test)]
mod tests;
