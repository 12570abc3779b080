//! What a request is answered that no route takes.
//!
//! 405 and 501 are told apart by who lacks the method (RFC 9110 §9.1): 405 with `Allow` says that
//! this resource has not this method, of which the client learns what it has; 501 that the server
//! does not know it at all. A server written with this crate knows the methods of RFC 9110 and
//! PATCH, of which every resource may have some; another method is known only where a route takes
//! it. aiohttp answers 405 to any. Lower-case `get` is such a method, too: methods are told apart
//! by case (RFC 9112 §3.1).

use http::header::ALLOW;
use http::{Method, StatusCode};

use super::response::Response;

/// The answer for `method` of `path`, to which no route leads; `allow` lists the methods that the
/// path has, if it has any.
pub(super) fn unrouted(method: &Method, path: &str, allow: Option<String>) -> Response {
    match allow {
        // RFC 9110 §9.3.6: an origin server that is no proxy does not implement CONNECT.
        _ if *method == Method::CONNECT => {
            not_implemented("CONNECT is not implemented here, which is no proxy")
        }
        // RFC 9110 §9.3.7: this asks whether there is a server, and there is.
        _ if *method == Method::OPTIONS && path == "*" => {
            Response::new().status(StatusCode::NO_CONTENT)
        }
        Some(_) if !is_known(method) => {
            not_implemented("the method is not known here; methods are case-sensitive, as GET")
        }
        Some(allow) => Response::of_status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, allow),
        None => Response::of_status(StatusCode::NOT_FOUND),
    }
}

fn not_implemented(what: &'static str) -> Response {
    Response::error(StatusCode::NOT_IMPLEMENTED, what)
}

/// RFC 9110 §9.3, RFC 5789.
fn is_known(method: &Method) -> bool {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    KNOWN.contains(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str, allow: Option<&str>) -> u16 {
        let method = method.parse().expect("a method");
        unrouted(&method, path, allow.map(str::to_owned)).status_code().as_u16()
    }

    #[test]
    fn an_unknown_method_is_501_and_a_known_one_405_that_says_what_there_is() {
        assert_eq!(status("DELETE", "/", Some("GET,HEAD")), 405);
        assert_eq!(status("TRACE", "/", Some("GET,HEAD")), 405);
        assert_eq!(status("PURGE", "/", Some("GET,HEAD")), 501);
        assert_eq!(status("get", "/", Some("GET,HEAD")), 501);
        assert_eq!(status("GET", "/", None), 404);
        assert_eq!(status("PURGE", "/", None), 404);
        let response = unrouted(&Method::PUT, "/", Some("GET,HEAD".to_owned()));
        assert_eq!(response.get("allow").expect("Allow"), "GET,HEAD");
    }

    #[test]
    fn connect_is_501_and_the_servers_own_options_are_answered() {
        assert_eq!(status("CONNECT", "h:443", None), 501);
        assert_eq!(status("OPTIONS", "*", None), 204);
        assert_eq!(status("OPTIONS", "/none", None), 404);
    }
}
