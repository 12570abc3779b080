//! A request under way: one hop after the other, until one is no redirect.

use std::rc::Rc;

use http::Method;
use http::header::AUTHORIZATION;

use super::auth::basic;
use super::error::ClientError;
use super::hop::ClientHop;
use super::middleware::{Chain, ClientNext};
use super::redirect;
use super::response::{ClientResponse, Redirected};
use super::trace::TraceEvent;
use super::way::Way;

/// A request, as it is now: a redirect changes it.
pub(super) struct Exchange {
    pub(super) hop: ClientHop,
    pub(super) next: ClientNext,
    pub(super) way: Rc<Way>,
    pub(super) max_redirects: usize,
    pub(super) history: Vec<Redirected>,
}

impl Exchange {
    pub(super) fn new(
        hop: ClientHop,
        chain: Chain,
        way: Rc<Way>,
        max_redirects: usize,
    ) -> Exchange {
        let next = ClientNext::new(chain, way.clone());
        Exchange { hop, next, way, max_redirects, history: Vec::new() }
    }

    /// The final response's head, whatever redirects come before it.
    pub(super) async fn follow(mut self) -> Result<ClientResponse, ClientError> {
        loop {
            self.authorize()?;
            let response = self.next.run(self.hop.clone()).await?;
            let next = match self.max_redirects {
                0 => None,
                _ => redirect::next(response.head(), response.method(), response.url())?,
            };
            match next {
                Some(next) => self.go(response, next)?,
                None => return Ok(response.with_history(self.history)),
            }
        }
    }

    /// A user and a password in the URL, or else in the user's file, go into a field, unless there
    /// is one.
    fn authorize(&mut self) -> Result<(), ClientError> {
        if self.hop.headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        let netrc = &self.way.session.defaults.environment.netrc;
        // RFC 9110 §9.3.8: TRACE has no passwords that it was not given.
        let knows = !self.hop.is_away && self.hop.method != Method::TRACE;
        let kept = || netrc.find(self.hop.url.host()).filter(|_| knows);
        if let Some((user, password)) = self.hop.url.credentials().or_else(kept) {
            let value = basic(user, password)?;
            self.hop.headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }

    /// Becomes the request that a redirect asks for.
    fn go(
        &mut self,
        response: ClientResponse,
        mut next: redirect::Next,
    ) -> Result<(), ClientError> {
        if self.history.len() >= self.max_redirects {
            let (limit, url) = (self.max_redirects, next.url.without_credentials());
            return Err(ClientError::TooManyRedirects { limit, url });
        }
        // A middleware may have had it go elsewhere: our fields are for whom the caller meant.
        next.same_origin &= next.url.has_origin_of(&self.hop.url);
        let redirected = response.into_redirected();
        if next.keeps_body && !self.hop.body.is_there() {
            return Err(ClientError::InvalidRequest(format!(
                "{} redirects with {}, which asks for the body again, and a streamed body can be \
                 sent once only; give it as bytes, a file or a repeatable_stream, or allow no \
                 redirects",
                self.hop.url,
                redirected.status().as_u16(),
            )));
        }
        self.way
            .progress
            .tell(|| TraceEvent::Redirected { status: redirected.status(), to: &next.url });
        self.hop.go(next);
        self.history.push(redirected);
        Ok(())
    }
}
