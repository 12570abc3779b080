//! What a server asks for in `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 7616 §3.3): pure.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// How the digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha256,
}

/// A digest challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) hash: Hash,
    /// `-sess`: the secret part is hashed with the nonces.
    pub(super) session: bool,
    /// As the server wrote it, if it did.
    pub(super) algorithm: Option<String>,
    /// Whether it knows `qop=auth`; servers from before RFC 2617 do not.
    pub(super) counts: bool,
    pub(super) stale: bool,
    pub(super) userhash: bool,
    /// The references whose answers may be guessed; all of the origin if there are none.
    pub(super) domain: Vec<String>,
}

/// A challenge of any scheme: its name, and its parameters.
type Any = (String, Vec<(String, String)>);

/// The strongest digest challenge of an answer that can be met: SHA-256 before MD5, and among
/// equals the first (RFC 7616 §3.7).
pub(super) fn of_answer(headers: &HeaderMap) -> Option<Challenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = fields.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let all: Vec<_> = texts.flat_map(challenges).filter_map(Challenge::of).collect();
    let strong = all.iter().position(|it| it.hash == Hash::Sha256).unwrap_or(0);
    all.into_iter().nth(strong)
}

impl Challenge {
    /// `None` if it is another scheme's, or cannot be met.
    fn of((scheme, parameters): Any) -> Option<Challenge> {
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let get = |name: &str| {
            let mut found = parameters.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.clone())
        };
        let is = |name: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let algorithm = get("algorithm");
        let name = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let (hash, session) = match &name[..] {
            "MD5" => (Hash::Md5, false),
            "MD5-SESS" => (Hash::Md5, true),
            "SHA-256" => (Hash::Sha256, false),
            "SHA-256-SESS" => (Hash::Sha256, true),
            _ => return None,
        };
        let qop = get("qop");
        let auth = |qop: &String| qop.split(',').any(|it| it.trim().eq_ignore_ascii_case("auth"));
        let counts = qop.as_ref().is_some_and(auth);
        // `auth-int` alone wants a digest of the body, which may be a stream.
        if qop.is_some_and(|qop| !qop.trim().is_empty()) && !counts {
            return None;
        }
        Some(Challenge {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            hash,
            session,
            algorithm,
            counts,
            stale: is("stale"),
            userhash: is("userhash"),
            domain: get("domain")
                .map(|it| it.split_ascii_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }
}

/// The parameters of a field that has nothing else: `Authentication-Info`.
pub(super) fn parameters(value: &str) -> Vec<(String, String)> {
    let named = format!("x {value}");
    challenges(&named).into_iter().next().map(|(_, parameters)| parameters).unwrap_or_default()
}

/// The challenges of one field, which may have several of several schemes. What is malformed ends
/// the reading.
fn challenges(text: &str) -> Vec<Any> {
    let mut all: Vec<Any> = Vec::new();
    let mut rest = text;
    loop {
        let before = rest.len();
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let comma = text[text.len() - before..text.len() - rest.len()].contains(',');
        let (word, after) = split_token(rest);
        if word.is_empty() {
            return all;
        }
        let behind = after.trim_start_matches([' ', '\t']);
        let value = behind.strip_prefix('=').map(|it| it.trim_start_matches([' ', '\t']));
        match (value.and_then(read_value), all.last_mut()) {
            (Some((value, after)), Some((_, parameters))) => {
                parameters.push((word.to_owned(), value));
                rest = after;
            }
            // Behind a scheme, with no comma, it is that scheme's own text (token68).
            (None, Some((_, parameters))) if !comma && parameters.is_empty() => {
                rest = after.trim_start_matches(|it: char| !matches!(it, ' ' | '\t' | ','));
            }
            _ => {
                all.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let is_token = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(it);
    text.split_at(text.find(|it| !is_token(it)).unwrap_or(text.len()))
}

/// A token, or a text in quotes with its escapes undone, and what follows.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = split_token(text);
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn answer(fields: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(field).unwrap());
        }
        of_answer(&headers)
    }

    #[test]
    fn a_challenge_is_found_among_those_of_other_schemes() {
        let found = answer(&[
            "Negotiate abc/def==, Basic realm=\"a, Digest realm=x\"",
            "NTLM , Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", \
             digest Realm=\"r\\\"q\", NONCE=n, qop=\"auth-int , auth\", opaque = \"o\" ,stale=TRUE,\
             domain=\"/a http://h/b\"",
        ])
        .unwrap();
        assert_eq!((&found.realm[..], &found.nonce[..]), ("r\"q", "n"));
        assert_eq!((found.hash, found.session, found.algorithm), (Hash::Md5, false, None));
        assert!(found.counts && found.stale && !found.userhash);
        assert_eq!(found.opaque.as_deref(), Some("o"));
        assert_eq!(found.domain, ["/a", "http://h/b"]);
    }

    #[test]
    fn the_strongest_that_is_known_is_taken() {
        let named = |algorithm: &str| format!("Digest realm=r, nonce=n, algorithm={algorithm}");
        let (md5, sha, unknown) = (named("MD5"), named("SHA-256-sess"), named("SHA-512-256"));
        let both = answer(&[&unknown, &md5, &sha]).unwrap();
        assert_eq!((both.hash, both.session), (Hash::Sha256, true));
        assert_eq!(answer(&[&format!("{unknown}, {md5}")]).unwrap().hash, Hash::Md5);
        assert_eq!(answer(&[&unknown]), None);
    }

    #[test]
    fn what_cannot_be_met_is_no_challenge() {
        for field in [
            "",
            "Digest",
            "Digest realm=r",
            "Digest nonce=n",
            "Basic realm=r, nonce=n",
            "Digest realm=\"r, nonce=n",
            "Digest realm=r, nonce=n, qop=auth-int",
            "Digest realm=r; nonce=n",
        ] {
            assert_eq!(answer(&[field]), None, "{field}");
        }
        assert!(!answer(&["Digest realm=r, nonce=n"]).unwrap().counts);
    }

    #[test]
    fn the_parameters_of_an_info_are_read() {
        let read = parameters("nextnonce=\"n\", qop=auth, nc=00000001");
        assert_eq!(read[0], ("nextnonce".to_owned(), "n".to_owned()));
        assert_eq!(read.len(), 3);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([ -~]|Digest |=|\"|,|\\\\){0,60}") {
            let read = challenges(&text);
            prop_assert!(read.len() <= text.len());
        }
    }
}
