//! Which proxy a request goes through.

use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::auth::basic;
use super::error::ClientError;
use super::netrc::Netrc;
use crate::http::url::{InvalidUrl, Url, is_absolute};

/// A proxy that is spoken to in plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Proxy {
    /// Where it is, without credentials.
    pub(super) host: String,
    pub(super) port: u16,
    /// What `Proxy-Authorization` says.
    pub(super) authorization: Option<HeaderValue>,
    /// What else it is told; connections through it are those of requests that tell it the same.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Proxy {
    /// Adds what it is told to the fields of a request that it sees.
    pub(super) fn add_fields(&self, headers: &mut HeaderMap) {
        if let Some(authorization) = &self.authorization {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
    }

    /// The proxy at `url`; without a scheme it is http.
    pub(super) fn at(url: &str) -> Result<Proxy, ClientError> {
        let url: Url = match is_absolute(url) {
            true => url.parse()?,
            false => format!("http://{url}").parse()?,
        };
        if url.is_secure() {
            let what = format!("the proxy {url} is an https one; proxies are spoken to by http://");
            return Err(InvalidUrl::new(what).into());
        }
        let authorization = match url.credentials() {
            Some((user, password)) => Some(basic(user, password)?),
            None => None,
        };
        Ok(Proxy {
            host: url.host().to_owned(),
            port: url.port(),
            authorization,
            headers: Vec::new(),
        })
    }
}

/// The proxies of the environment, and its passwords.
///
/// | variable | for |
/// |---|---|
/// | `http_proxy` | http; in lower case only, for a CGI program's `HTTP_PROXY` is whatever the request's header `Proxy` says |
/// | `https_proxy`, `HTTPS_PROXY` | https |
/// | `all_proxy`, `ALL_PROXY` | both, where there is none of the above |
/// | `no_proxy`, `NO_PROXY` | hosts without: a list of names, each with all names below it, addresses, or `*`; a port may follow |
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    http: Option<String>,
    https: Option<String>,
    none_for: Vec<String>,
    pub(super) netrc: Netrc,
}

impl Environment {
    /// As `get` has them.
    pub(super) fn of(get: impl Fn(&str) -> Option<String>) -> Environment {
        let set = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let either = |lower: &str| set(lower).or_else(|| set(&lower.to_ascii_uppercase()));
        let all = either("all_proxy");
        let none_for = either("no_proxy").unwrap_or_default();
        Environment {
            http: set("http_proxy").or_else(|| all.clone()),
            https: either("https_proxy").or(all),
            none_for: none_for
                .split(',')
                .map(|entry| entry.trim().trim_start_matches('.').to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
            netrc: Netrc::default(),
        }
    }

    /// The proxy for `url`.
    pub(super) fn proxy_for(&self, url: &Url) -> Result<Option<Proxy>, ClientError> {
        let proxy = if url.is_secure() { &self.https } else { &self.http };
        let Some(proxy) = proxy else { return Ok(None) };
        match self.none_for.iter().any(|entry| matches(entry, url)) {
            true => Ok(None),
            false => Proxy::at(proxy).map(Some),
        }
    }
}

fn matches(entry: &str, url: &Url) -> bool {
    let port = format!(":{}", url.port());
    let name = entry.strip_suffix(&port).unwrap_or(entry);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let host = url.host();
    let below = || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    entry == "*" || host == name || !is_address && below()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(|name| {
            let variable = variables.iter().find(|(have, _)| *have == name);
            variable.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy_for(environment: &Environment, url: &str) -> Option<String> {
        let proxy = environment.proxy_for(&url.parse().unwrap()).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn each_scheme_has_its_variable_and_http_in_capitals_is_none() {
        let it = environment(&[("http_proxy", "p:1"), ("HTTPS_PROXY", "http://q:2/")]);
        assert_eq!(proxy_for(&it, "http://h/").unwrap(), "p:1");
        assert_eq!(proxy_for(&it, "https://h/").unwrap(), "q:2");
        let all = environment(&[("HTTP_PROXY", "evil:1"), ("ALL_PROXY", "p:3")]);
        assert_eq!(proxy_for(&all, "http://h/").unwrap(), "p:3");
        assert_eq!(proxy_for(&environment(&[("HTTP_PROXY", "evil:1")]), "http://h/"), None);
        assert_eq!(proxy_for(&environment(&[("http_proxy", " ")]), "http://h/"), None);
    }

    #[test]
    fn hosts_may_be_left_out_by_name_by_what_is_below_and_by_port() {
        let list = "localhost, .example.org,127.0.0.1,[::1],other:8080";
        let it = environment(&[("http_proxy", "p:1"), ("no_proxy", list)]);
        for url in [
            "http://localhost/",
            "http://example.org/",
            "http://a.b.example.org/",
            "http://127.0.0.1:9/",
            "http://[::1]/",
            "http://other:8080/",
        ] {
            assert_eq!(proxy_for(&it, url), None, "{url}");
        }
        for url in ["http://notexample.org/", "http://127.0.0.2/", "http://other/"] {
            assert!(proxy_for(&it, url).is_some(), "{url}");
        }
        let none = environment(&[("http_proxy", "p:1"), ("NO_PROXY", "*")]);
        assert_eq!(proxy_for(&none, "http://h/"), None);
    }

    #[test]
    fn a_proxys_credentials_become_its_field_and_an_https_one_is_refused() {
        let proxy = Proxy::at("http://user:pass@p:3128").unwrap();
        assert_eq!(proxy.authorization.unwrap(), "Basic dXNlcjpwYXNz");
        assert!(Proxy::at("https://p").unwrap_err().to_string().contains("http://"));
    }
}
