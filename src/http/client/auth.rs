//! Basic authentication (RFC 7617).

use http::HeaderValue;

use super::error::ClientError;

/// What `Authorization` says of a user and a password.
///
/// # Errors
///
/// A colon in the user's name would divide it from the password elsewhere (RFC 7617 §2).
pub(super) fn basic(user: &str, password: &str) -> Result<HeaderValue, ClientError> {
    if user.contains(':') {
        let what = "the user's name has a colon, which basic authentication does not allow";
        return Err(ClientError::invalid(what));
    }
    let text = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
    let mut value = HeaderValue::try_from(text).map_err(|_| ClientError::invalid("no base64"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 4648 §4, with padding. Six bits at a time is too little for a crate of its own.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let padding = digit > three.len();
            let value = DIGITS[(bits >> (18 - 6 * digit) & 63) as usize];
            out.push(if padding { '=' } else { value as char });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_examples_come_out() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        let basic = basic("Aladdin", "open sesame").unwrap();
        assert_eq!(basic, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(format!("{basic:?}").contains("Sensitive"));
    }

    #[test]
    fn a_colon_in_a_users_name_is_refused() {
        assert!(basic("a:b", "c").unwrap_err().to_string().contains("colon"));
    }
}
