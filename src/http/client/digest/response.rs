//! What answers a challenge in `Authorization` (RFC 7616 §3.4): pure.

use std::fmt::Write;

use http::HeaderValue;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::challenge::{Challenge, Hash};
use crate::http::url::encode;

/// What one request is answered with.
pub(super) struct Asked<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    pub(super) method: &'a str,
    /// As it stands in the request line.
    pub(super) target: &'a str,
    pub(super) cnonce: &'a str,
    /// How many requests have used the nonce, this one too.
    pub(super) count: u32,
}

/// The field's value; `None` if the challenge has what cannot stand in it.
pub(super) fn respond(challenge: &Challenge, asked: &Asked<'_>) -> Option<HeaderValue> {
    let hash = |text: String| hex(challenge.hash, text.as_bytes());
    let Challenge { realm, nonce, .. } = challenge;
    let Asked { user, password, method, target, cnonce, .. } = asked;
    let mut secret = hash(format!("{user}:{realm}:{password}"));
    if challenge.session {
        secret = hash(format!("{secret}:{nonce}:{cnonce}"));
    }
    let request = hash(format!("{method}:{target}"));
    let count = format!("{:08x}", asked.count);
    let response = match challenge.counts {
        true => hash(format!("{secret}:{nonce}:{count}:{cnonce}:auth:{request}")),
        false => hash(format!("{secret}:{nonce}:{request}")),
    };
    let mut line = format!("Digest {}", username(challenge, asked.user));
    for (name, value) in [("realm", realm), ("nonce", nonce), ("uri", &(*target).to_owned())] {
        quoted(&mut line, name, value);
    }
    if let Some(algorithm) = &challenge.algorithm {
        line += &format!(", algorithm={algorithm}");
    }
    quoted(&mut line, "response", &response);
    if let Some(opaque) = &challenge.opaque {
        quoted(&mut line, "opaque", opaque);
    }
    if challenge.counts {
        line += &format!(", qop=auth, nc={count}");
    }
    if challenge.counts || challenge.session {
        quoted(&mut line, "cnonce", cnonce);
    }
    if challenge.userhash {
        line += ", userhash=true";
    }
    let mut value = HeaderValue::from_bytes(line.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The user, hashed if the server wants that (§3.4.4), and encoded if it cannot stand in quotes.
fn username(challenge: &Challenge, user: &str) -> String {
    let mut line = String::new();
    if challenge.userhash {
        let hashed = format!("{user}:{}", challenge.realm);
        line += &format!("username=\"{}\"", hex(challenge.hash, hashed.as_bytes()));
    } else if user.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        quoted(&mut line, "username", user);
        line = line.trim_start_matches([',', ' ']).to_owned();
    } else {
        line += &format!("username*=UTF-8''{}", encode(user));
    }
    line
}

fn quoted(line: &mut String, name: &str, value: &str) {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    // A String takes everything.
    let _ = write!(line, ", {name}=\"{value}\"");
}

fn hex(hash: Hash, bytes: &[u8]) -> String {
    let digest = match hash {
        Hash::Md5 => Md5::digest(bytes).to_vec(),
        Hash::Sha256 => Sha256::digest(bytes).to_vec(),
    };
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    fn challenge(hash: Hash, algorithm: &str) -> Challenge {
        Challenge {
            realm: "http-auth@example.org".to_owned(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_owned(),
            opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".to_owned()),
            hash,
            session: false,
            algorithm: Some(algorithm.to_owned()),
            counts: true,
            stale: false,
            userhash: false,
            domain: Vec::new(),
        }
    }

    const ASKED: Asked<'_> = Asked {
        user: "Mufasa",
        password: "Circle of Life",
        method: "GET",
        target: "/dir/index.html",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        count: 1,
    };

    fn line(challenge: &Challenge, asked: &Asked<'_>) -> String {
        let value = respond(challenge, asked).unwrap();
        assert!(value.is_sensitive());
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_standards_examples_come_out() {
        for (hash, name, response) in [
            (Hash::Md5, "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Hash::Sha256,
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            assert_eq!(
                line(&challenge(hash, name), &ASKED),
                format!(
                    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                     uri=\"/dir/index.html\", algorithm={name}, response=\"{response}\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, \
                     nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\""
                )
            );
        }
    }

    /// RFC 2617 §3.5, of a server that counts.
    #[test]
    fn the_elder_standards_example_comes_out_and_one_that_does_not_count() {
        let mut challenge = Challenge {
            realm: "testrealm@host.com".to_owned(),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned(),
            opaque: None,
            algorithm: None,
            ..challenge(Hash::Md5, "")
        };
        let asked = Asked { password: "Circle Of Life", cnonce: "0a4f113b", ..ASKED };
        let said = line(&challenge, &asked);
        assert!(said.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{said}");
        assert!(!said.contains("algorithm") && !said.contains("opaque"), "{said}");
        challenge.counts = false;
        let said = line(&challenge, &asked);
        assert!(said.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{said}");
        assert!(!said.contains("qop") && !said.contains("cnonce") && !said.contains("nc="));
    }

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        let odd = Challenge { realm: "a\", nonce=\"\\".to_owned(), ..challenge(Hash::Md5, "MD5") };
        let asked = Asked { user: "\"\\", ..ASKED };
        let said = line(&odd, &asked);
        assert!(said.starts_with("Digest username=\"\\\"\\\\\", realm=\"a\\\", nonce=\\\"\\\\\","));
        let odd = Challenge { realm: "a\nb".to_owned(), ..challenge(Hash::Md5, "MD5") };
        assert!(respond(&odd, &ASKED).is_none());
    }

    #[test]
    fn a_user_beyond_ascii_is_encoded_and_a_hashed_one_is_not_shown() {
        let plain = challenge(Hash::Sha256, "SHA-256");
        let asked = Asked { user: "J\u{e4}s\u{f8}n Doe", ..ASKED };
        let said = line(&plain, &asked);
        assert!(said.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "), "{said}");
        let said = line(&Challenge { userhash: true, ..plain }, &ASKED);
        assert!(said.ends_with("userhash=true") && !said.contains("Mufasa"), "{said}");
    }
}
