//! Where a request was sent to: scheme, host and path, as one URL.

use super::Request;
use crate::http::url::{InvalidUrl, Url};

impl Request {
    /// Says that it came through TLS, or did not: what a middleware says that trusts a proxy's
    /// `X-Forwarded-Proto`. Nobody else's word is taken for it. (`request.clone(scheme=…)`)
    pub fn set_secure(&mut self, secure: bool) {
        self.rest_mut().secure = secure;
    }

    /// Whether it came through TLS, to this server and not only to a proxy before it.
    /// (`request.secure`)
    pub fn is_secure(&self) -> bool {
        self.rest().secure
    }

    /// `"https"` if it came through TLS, `"http"` if not. (`request.scheme`)
    pub fn scheme(&self) -> &'static str {
        if self.is_secure() { "https" } else { "http" }
    }

    /// The whole URL that was asked for: scheme, host, path and query (RFC 9110 §7.1). Of
    /// `OPTIONS *` and CONNECT it has the path `/`. (`request.url`)
    ///
    /// # Errors
    ///
    /// There is no host, as a client of HTTP/1.0 need not say one, or it cannot be one: where
    /// aiohttp puts its own machine's name, this says so.
    pub fn url(&self) -> Result<Url, InvalidUrl> {
        let (path, query) = (self.head().path(), self.head().query());
        let path = if path.starts_with('/') { path } else { "/" };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}://{}{path}{mark}{query}", self.scheme(), self.host()).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;

    #[test]
    fn the_url_has_the_scheme_of_the_connection_and_the_host_of_the_request() {
        let url = |line: &str| request(line, "").url().unwrap().to_string();
        assert_eq!(url("GET /a%20b?c=d"), "http://example.org/a%20b?c=d");
        assert_eq!(url("GET //evil.example/x"), "http://example.org//evil.example/x");
        assert_eq!(url("GET http://other:8080?q"), "http://other:8080/?q");
        assert_eq!(url("OPTIONS *"), "http://example.org/");
        let mut secure = request("GET /", "");
        assert_eq!((secure.scheme(), secure.is_secure()), ("http", false));
        secure.set_secure(true);
        assert_eq!((secure.scheme(), secure.url().unwrap().port()), ("https", 443));
    }
}
