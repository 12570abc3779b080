//! The opening handshake (RFC 6455 §4): what a server asks of a request, and a client of the
//! response. Pure: fields in, a verdict out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Method, StatusCode, Version};

use super::deflate::{self, Agreement};
use super::extensions;
use super::mask::Masks;
use super::options::WebSocketOptions;
use crate::http::response::Response;

/// What both sides append to the key, so that only who knows this protocol can accept (§1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The only version there is.
const VERSION: &str = "13";

/// What a server answers to this key (§4.2.2, 5.4).
pub fn accept_key(key: &str) -> String {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.digest().bytes())
}

// ---- the server's side --------------------------------------------------------------------------

/// What a server agrees to: the fields that its 101 has beside `Upgrade` and `Connection`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocol that is spoken: `Sec-WebSocket-Protocol`, which is left out without one.
    pub protocol: Option<String>,
    /// The extensions that are in use: `Sec-WebSocket-Extensions`, which is left out without any.
    pub extensions: Option<String>,
    pub(super) deflate: Option<Agreement>,
}

impl Agreed {
    /// The fields that say so.
    pub fn fields(&self) -> Vec<(HeaderName, String)> {
        let mut fields = vec![(SEC_WEBSOCKET_ACCEPT, self.accept.clone())];
        let chosen = [
            (SEC_WEBSOCKET_PROTOCOL, &self.protocol),
            (SEC_WEBSOCKET_EXTENSIONS, &self.extensions),
        ];
        fields.extend(chosen.into_iter().filter_map(|(name, it)| Some((name, it.clone()?))));
        fields
    }
}

/// Whether a request wants a WebSocket, in order or not.
pub(super) fn asks(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, "websocket")
}

/// Whether this request may be answered with 101, by each demand of §4.2.1.
///
/// # Errors
/// What to answer instead.
pub(super) fn agree(
    (method, version, headers): (&Method, Version, &HeaderMap),
    options: &WebSocketOptions,
) -> Result<Agreed, Box<Response>> {
    // 1: a GET request of HTTP/1.1 or higher.
    if method != Method::GET {
        let refusal = refuse(405, "a WebSocket is opened with GET");
        return Err(Box::new(refusal.header("allow", "GET")));
    }
    // 3: before the version of HTTP, so that who asked for no upgrade is told of it (RFC 9110
    // §15.5.22).
    if !asks(headers) {
        let refusal = refuse(426, "there is a WebSocket here: send `Upgrade: websocket`");
        return Err(Box::new(
            refusal.header("upgrade", "websocket").header("connection", "upgrade"),
        ));
    }
    if version < Version::HTTP_11 {
        return Err(Box::new(refuse(400, "a WebSocket is opened by HTTP/1.1, not 1.0")));
    }
    // 4
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Box::new(refuse(400, "with `Upgrade` comes `Connection: Upgrade`")));
    }
    // 6, and §4.4: who asks for another version is told which there is.
    if one(headers, &SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        let refusal = refuse(426, "the version of WebSocket spoken here is 13");
        let refusal = refusal.header("upgrade", "websocket").header("connection", "upgrade");
        return Err(Box::new(refusal.header("sec-websocket-version", VERSION)));
    }
    // 5
    let key = one(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let Some(key) = key else {
        let what = "Sec-WebSocket-Key is 16 bytes in base64, once";
        return Err(Box::new(refuse(400, what)));
    };
    check_origin(headers, options)?;
    // 9, and §9.1: what is malformed MUST fail; what is unknown is not accepted.
    let offers = extensions::read(headers).map_err(|what| Box::new(refuse(400, &what)))?;
    let (deflate, extensions) = deflate::accept(options, &offers).unzip();
    let protocol = choose(headers, &options.protocols);
    Ok(Agreed { accept: accept_key(key), protocol, extensions, deflate })
}

/// §4.2.2, 4, and §10.2.
fn check_origin(headers: &HeaderMap, options: &WebSocketOptions) -> Result<(), Box<Response>> {
    let host = one(headers, &HOST).unwrap_or_default();
    match headers.get(ORIGIN).map(HeaderValue::to_str) {
        None => Ok(()),
        Some(Ok(origin)) if options.origins.allows(origin, host) => Ok(()),
        Some(_) => Err(Box::new(refuse(403, "pages of this origin may not connect"))),
    }
}

/// §4.2.2, 5.5: one of the client's or none; as aiohttp the first of the client's that we speak.
fn choose(headers: &HeaderMap, ours: &[String]) -> Option<String> {
    let mut theirs = tokens(headers, &SEC_WEBSOCKET_PROTOCOL);
    theirs.find(|it| ours.iter().any(|ours| ours == it)).map(str::to_owned)
}

fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|key| key.len() == 16)
}

fn refuse(status: u16, what: &str) -> Response {
    Response::error(StatusCode::from_u16(status).unwrap_or_default(), what)
}

// ---- the client's side --------------------------------------------------------------------------

/// A key for one handshake: 16 bytes that nobody can know, in base64 (§4.1, 7).
pub(super) fn new_key(masks: &mut Masks) -> String {
    STANDARD.encode([masks.bytes(), masks.bytes()].concat())
}

/// The fields with which a client asks (§4.1). `headers` may have more.
///
/// # Errors
/// A subprotocol's name is not a token, or is there twice (§4.1, 10).
pub(super) fn ask(
    headers: &mut HeaderMap,
    key: &str,
    options: &WebSocketOptions,
) -> Result<(), String> {
    let protocols = &options.protocols[..];
    for (at, protocol) in protocols.iter().enumerate() {
        let is_token = HeaderName::from_bytes(protocol.as_bytes()).is_ok();
        if !is_token || protocols[..at].contains(protocol) {
            return Err(format!("{protocol:?} is no name of a subprotocol, or is there twice"));
        }
    }
    let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
            Ok(())
        }
        Err(_) => Err(format!("{value:?} is no value of a header field")),
    };
    set(UPGRADE, "websocket")?;
    set(CONNECTION, "Upgrade")?;
    set(SEC_WEBSOCKET_KEY, key)?;
    set(SEC_WEBSOCKET_VERSION, VERSION)?;
    if let Some(offer) = deflate::offer(options) {
        set(SEC_WEBSOCKET_EXTENSIONS, &offer)?;
    }
    match protocols {
        [] => Ok(()),
        protocols => set(SEC_WEBSOCKET_PROTOCOL, &protocols.join(", ")),
    }
}

/// What a client has agreed to with a 101: the subprotocol, and whether to compress.
pub(super) type Chosen = (Option<String>, Option<Agreement>);

/// Whether a 101 accepts what was asked, by each demand of §4.1: what was chosen.
///
/// # Errors
/// What is wrong with it. The client then MUST fail the connection.
pub(super) fn accepted(
    headers: &HeaderMap,
    key: &str,
    options: &WebSocketOptions,
) -> Result<Chosen, String> {
    // 2
    if one(headers, &UPGRADE).is_none_or(|it| !it.eq_ignore_ascii_case("websocket")) {
        return Err("the server's 101 lacks `Upgrade: websocket`".into());
    }
    // 3
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err("the server's 101 lacks `Connection: Upgrade`".into());
    }
    // 4
    let expected = accept_key(key);
    match one(headers, &SEC_WEBSOCKET_ACCEPT).map(str::trim) {
        Some(accept) if accept == expected => {}
        accept => {
            let accept = accept.unwrap_or("nothing, or several");
            return Err(format!(
                "Sec-WebSocket-Accept is {expected}, and the server said {accept}"
            ));
        }
    }
    // 5
    let deflate = deflate::confirmed(options, &extensions::read(headers)?)?;
    // 6
    match one(headers, &SEC_WEBSOCKET_PROTOCOL) {
        None if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) => Ok((None, deflate)),
        Some(chosen) if options.protocols.iter().any(|it| it == chosen) => {
            Ok((Some(chosen.to_owned()), deflate))
        }
        chosen => Err(format!(
            "the server chose the subprotocol {:?}, for which nobody asked",
            chosen.unwrap_or("several")
        )),
    }
}

// ---- fields -------------------------------------------------------------------------------------

/// The members of a list that may be spread over several fields (RFC 9110 §5.6.1).
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|it| it.eq_ignore_ascii_case(token))
}

/// The value of a field that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            map.append(name, value);
        }
        map
    }

    /// The request of the RFC's §1.2, with `changed` fields: replaced, or, if empty, left out.
    fn request(changed: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = fields(&[
            ("host", "server.example.com"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", KEY),
            ("origin", "http://example.com"),
            ("sec-websocket-protocol", "chat, superchat"),
            ("sec-websocket-version", "13"),
        ]);
        for (name, value) in changed {
            map.remove(*name);
            if !value.is_empty() {
                map.extend(fields(&[(*name, *value)]));
            }
        }
        map
    }

    fn status(method: Method, version: Version, headers: &HeaderMap) -> u16 {
        let options = WebSocketOptions::default();
        match agree((&method, version, headers), &options) {
            Ok(_) => 101,
            Err(response) => response.status_code().as_u16(),
        }
    }

    #[test]
    fn the_rfcs_own_key_is_accepted_as_it_says() {
        assert_eq!(accept_key(KEY), ACCEPT);
        let options = WebSocketOptions {
            protocols: vec!["superchat".into(), "chat".into()],
            ..Default::default()
        };
        let headers = request(&[]);
        let agreed = agree((&Method::GET, Version::HTTP_11, &headers), &options).unwrap();
        let chat = Some("chat".to_owned());
        assert_eq!((&agreed.accept[..], agreed.protocol), (ACCEPT, chat));
        assert_eq!((agreed.extensions, agreed.deflate), (None, None));
    }

    #[test]
    fn every_demand_on_a_request_is_made_and_answered_with_its_status() {
        let get = |changed: &[(&'static str, &str)]| {
            status(Method::GET, Version::HTTP_11, &request(changed))
        };
        assert_eq!(get(&[]), 101);
        assert_eq!(
            get(&[("upgrade", "h2c, WebSocket"), ("connection", "keep-alive, upgrade")]),
            101
        );
        assert_eq!(status(Method::POST, Version::HTTP_11, &request(&[])), 405);
        assert_eq!(status(Method::GET, Version::HTTP_10, &request(&[])), 400);
        assert_eq!(get(&[("upgrade", "")]), 426);
        assert_eq!(get(&[("upgrade", "websockets")]), 426);
        assert_eq!(get(&[("connection", "keep-alive")]), 400);
        assert_eq!(get(&[("sec-websocket-version", "8")]), 426);
        assert_eq!(get(&[("sec-websocket-version", "")]), 426);
        for key in ["", "dGhlIHNhbXBsZQ==", "not base64 at all!!!!!!!", "dGhlIHNhbXBsZSBub25jZQ"] {
            assert_eq!(get(&[("sec-websocket-key", key)]), 400, "{key}");
        }
        assert_eq!(get(&[("sec-websocket-extensions", "who; knows=1")]), 101);
        assert_eq!(get(&[("sec-websocket-extensions", "not a token")]), 400);
        let mut two_keys = request(&[]);
        two_keys.append("sec-websocket-key", HeaderValue::from_static(KEY));
        assert_eq!(status(Method::GET, Version::HTTP_11, &two_keys), 400);
    }

    #[test]
    fn who_asks_for_another_version_is_told_which_there_is() {
        let headers = request(&[("sec-websocket-version", "8")]);
        let asked = (&Method::GET, Version::HTTP_11, &headers);
        let response = agree(asked, &WebSocketOptions::default()).unwrap_err();
        assert_eq!(response.get("sec-websocket-version").unwrap(), "13");
        assert_eq!(response.get("upgrade").unwrap(), "websocket");
    }

    #[test]
    fn pages_of_other_origins_are_refused_where_that_is_asked_for() {
        use super::super::Origins;
        let options = WebSocketOptions { origins: Origins::Same, ..Default::default() };
        let asked =
            |headers: &HeaderMap| agree((&Method::GET, Version::HTTP_11, headers), &options);
        assert_eq!(asked(&request(&[])).unwrap_err().status_code(), 403);
        assert!(asked(&request(&[("origin", "")])).is_ok());
        assert!(asked(&request(&[("origin", "https://server.example.com")])).is_ok());
    }

    #[test]
    fn every_demand_on_a_response_is_made() {
        let options = WebSocketOptions { protocols: vec!["chat".into()], ..Default::default() };
        let verdict = |changed: &[(&'static str, &str)]| {
            let mut map = fields(&[
                ("upgrade", "WebSocket"),
                ("connection", "Upgrade"),
                ("sec-websocket-accept", ACCEPT),
            ]);
            for (name, value) in changed {
                map.remove(*name);
                if !value.is_empty() {
                    map.extend(fields(&[(*name, *value)]));
                }
            }
            accepted(&map, KEY, &options)
        };
        assert_eq!(verdict(&[]), Ok((None, None)));
        let chat = Ok((Some("chat".into()), None));
        assert_eq!(verdict(&[("sec-websocket-protocol", "chat")]), chat);
        for (wrong, what) in [
            (("upgrade", ""), "lacks `Upgrade"),
            (("upgrade", "h2c"), "lacks `Upgrade"),
            (("connection", "close"), "lacks `Connection"),
            (("sec-websocket-accept", ""), "said nothing"),
            (("sec-websocket-accept", "AAAA"), "said AAAA"),
            (("sec-websocket-extensions", "permessage-deflate"), "nobody asked"),
            (("sec-websocket-protocol", "other"), "\"other\""),
        ] {
            let error = verdict(&[wrong]).unwrap_err();
            assert!(error.contains(what), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn what_a_client_asks_a_server_agrees_to_and_the_client_accepts() {
        let speaks = |protocols: &[&str]| WebSocketOptions {
            protocols: protocols.iter().map(|it| (*it).to_owned()).collect(),
            ..Default::default()
        };
        let key = new_key(&mut Masks::new());
        let mut asked = fields(&[("host", "h")]);
        ask(&mut asked, &key, &speaks(&["a", "b"])).unwrap();
        let agreed = agree((&Method::GET, Version::HTTP_11, &asked), &speaks(&["b"])).unwrap();
        let mut answer = fields(&[("upgrade", "websocket"), ("connection", "upgrade")]);
        answer.extend(agreed.fields().iter().map(|(name, it)| (name.clone(), it.parse().unwrap())));
        let chosen = accepted(&answer, &key, &speaks(&["a", "b"]));
        assert_eq!(chosen, Ok((Some("b".into()), None)));
        for wrong in [&["a b"][..], &["a", "a"], &[""]] {
            assert!(ask(&mut HeaderMap::new(), &key, &speaks(wrong)).is_err(), "{wrong:?}");
        }
    }
}
