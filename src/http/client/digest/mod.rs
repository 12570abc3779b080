//! Digest authentication (RFC 7616), as a middleware.
//!
//! ```text
//! first request ──► 401, challenge ──► answered with nc=1 ──► 200
//! the next      ──► answered beforehand, nc=2 ──► 200, or 401 stale ──► answered anew
//! ```

mod challenge;
mod response;

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::rc::Rc;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};

use self::challenge::Challenge;
use self::response::{Asked, respond};
use super::error::ClientError;
use super::hop::ClientHop;
use super::middleware::{ClientMiddleware, ClientNext};
use super::response::ClientResponse;
use super::slots::Boxed;
use crate::http::url::Url;

/// The challenges of so many origins are remembered; beyond, the one that came first is forgotten.
const MOST_ORIGINS: usize = 32;

/// How often one request is answered: to a challenge, and once more if its nonce was stale.
const MOST_ANSWERS: usize = 2;

/// Answers servers that ask for digest authentication: SHA-256 and MD5, with or without `-sess`,
/// quality of protection `auth` or, of elder servers, none. (aiohttp's `DigestAuthMiddleware`)
///
/// ```
/// use evloop::http::{ClientSession, DigestAuth};
///
/// let auth = DigestAuth::new("Mufasa", "Circle of Life").only_for("http://h.test")?;
/// let session = ClientSession::builder().middleware(auth).build()?;
/// # Ok::<(), evloop::http::ClientError>(())
/// ```
///
/// What a server has asked for is remembered, so that the next request is answered beforehand; its
/// nonce is counted. A body is sent twice where a server asks: with
/// [`expect100`](super::ClientRequest::expect100) it is not, and a
/// [stream](super::ClientRequest::stream) that was begun cannot be, so that the 401 stays. It leaves
/// alone what has an `Authorization` already.
///
/// **Never across origins**: where a redirect leads away from the origin that the request was made
/// for, nothing is answered. A session that talks to several servers says whom the password is for:
/// [`only_for`](DigestAuth::only_for).
///
/// # Unlike aiohttp
///
/// There is no `auth-int`, which wants a digest of the whole body first; such a server's 401 is the
/// answer. `rspauth` is not looked at.
#[derive(Clone)]
pub struct DigestAuth(Rc<Inner>);

struct Inner {
    user: String,
    password: String,
    only_for: Option<Url>,
    known: RefCell<Vec<Known>>,
}

/// What an origin has asked for.
struct Known {
    origin: Url,
    challenge: Challenge,
    cnonce: String,
    count: u32,
}

impl DigestAuth {
    /// As this user, wherever it is asked for.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> DigestAuth {
        DigestAuth(Rc::new(Inner {
            user: user.into(),
            password: password.into(),
            only_for: None,
            known: RefCell::default(),
        }))
    }

    /// For the origin of this URL only: its scheme, host and port. What was learnt from servers is
    /// forgotten.
    ///
    /// # Errors
    ///
    /// [`ClientError::InvalidUrl`].
    pub fn only_for(self, url: &str) -> Result<DigestAuth, ClientError> {
        let url: Url = url.parse()?;
        Ok(DigestAuth(Rc::new(Inner {
            user: self.0.user.clone(),
            password: self.0.password.clone(),
            only_for: Some(url.without_credentials()),
            known: RefCell::default(),
        })))
    }
}

impl ClientMiddleware for DigestAuth {
    fn handle(
        &self,
        hop: ClientHop,
        next: ClientNext,
    ) -> Boxed<Result<ClientResponse, ClientError>> {
        Box::pin(self.0.clone().authenticated(hop, next))
    }
}

impl Inner {
    async fn authenticated(
        self: Rc<Self>,
        mut hop: ClientHop,
        next: ClientNext,
    ) -> Result<ClientResponse, ClientError> {
        if !self.is_for(&hop) {
            return next.run(hop).await;
        }
        let mut answers = 0;
        loop {
            if let Some(value) = self.answer(&hop) {
                hop.headers_mut().insert(AUTHORIZATION, value);
            }
            let response = next.run(hop.clone()).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                self.take_next_nonce(hop.url(), &response);
                return Ok(response);
            }
            let challenge = challenge::of_answer(response.headers());
            let Some(challenge) = challenge.filter(|_| hop.is_repeatable()) else {
                return Ok(response);
            };
            // Its own challenge was answered, and that did not do: the password is wrong.
            if answers == MOST_ANSWERS || answers > 0 && !challenge.stale {
                self.forget(hop.url());
                return Ok(response);
            }
            self.remember(hop.url(), challenge);
            answers += 1;
        }
    }

    fn is_for(&self, hop: &ClientHop) -> bool {
        let meant = self.only_for.as_ref().is_none_or(|url| hop.url().has_origin_of(url));
        // RFC 9110 §9.3.8: TRACE sends back what it is sent.
        meant
            && hop.method() != Method::TRACE
            && !hop.is_away()
            && !hop.headers().contains_key(AUTHORIZATION)
    }

    /// The answer to what is known of the origin, if it counts for this path.
    fn answer(&self, hop: &ClientHop) -> Option<HeaderValue> {
        let mut known = self.known.borrow_mut();
        let known = known.iter_mut().find(|it| it.origin.has_origin_of(hop.url()))?;
        if !known.covers(hop.url()) {
            return None;
        }
        known.count = known.count.checked_add(1)?;
        let asked = Asked {
            user: &self.user,
            password: &self.password,
            method: hop.method().as_str(),
            target: hop.url().target(),
            cnonce: &known.cnonce,
            count: known.count,
        };
        respond(&known.challenge, &asked)
    }

    fn remember(&self, origin: &Url, challenge: Challenge) {
        self.forget(origin);
        let mut known = self.known.borrow_mut();
        if known.len() == MOST_ORIGINS {
            known.remove(0);
        }
        let random = || RandomState::new().hash_one(0_u64);
        let cnonce = format!("{:016x}{:016x}", random(), random());
        let origin = origin.clone().without_credentials();
        known.push(Known { origin, challenge, cnonce, count: 0 });
    }

    fn forget(&self, origin: &Url) {
        self.known.borrow_mut().retain(|known| !known.origin.has_origin_of(origin));
    }

    /// A server may say which nonce is to be used next (§3.5).
    fn take_next_nonce(&self, origin: &Url, response: &ClientResponse) {
        let Some(info) = response.headers().get("authentication-info") else { return };
        let parameters = challenge::parameters(info.to_str().unwrap_or_default());
        let next = parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("nextnonce"));
        let mut known = self.known.borrow_mut();
        let known = known.iter_mut().find(|known| known.origin.has_origin_of(origin));
        if let (Some((_, nonce)), Some(known)) = (next, known) {
            known.challenge.nonce = nonce;
            known.count = 0;
        }
    }
}

impl Known {
    /// Whether the challenge counts for `url`, too (§3.3, `domain`).
    fn covers(&self, url: &Url) -> bool {
        let domain = &self.challenge.domain;
        domain.is_empty()
            || domain.iter().any(|reference| {
                let space = self.origin.join(reference);
                space.is_ok_and(|it| it.has_origin_of(url) && url.path().starts_with(it.path()))
            })
            || self.origin.path() == url.path()
    }
}

/// Without the password.
impl fmt::Debug for DigestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<DigestAuth of {:?}", self.0.user)?;
        match &self.0.only_for {
            Some(url) => write!(f, " for {url}>"),
            None => f.write_str(">"),
        }
    }
}
