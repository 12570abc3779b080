//! What `Content-Type` says: what a body is, and in which character set it is text.

use std::borrow::Cow;

use super::{BodyError, Request};

impl Request {
    /// The body's media type, in lower case and without parameters; `application/octet-stream` if
    /// the client does not say (RFC 9110 §8.3). (`request.content_type`)
    pub fn content_type(&self) -> Cow<'_, str> {
        let value = self.header("content-type").unwrap_or_default();
        match value.split(';').next().unwrap_or_default().trim() {
            "" => Cow::Borrowed("application/octet-stream"),
            kind if kind.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Cow::Owned(kind.to_ascii_lowercase())
            }
            kind => Cow::Borrowed(kind),
        }
    }

    /// The character set that `Content-Type` names, in lower case. (`request.charset`)
    pub fn charset(&self) -> Option<String> {
        let named = charset(self.header("content-type")?);
        (!named.is_empty()).then(|| named.to_ascii_lowercase())
    }
}

/// Decodes a body by the `charset` parameter of its content type (RFC 9110 §8.3.2).
pub(crate) fn decode_text<'a>(
    body: &'a [u8],
    content_type: &str,
) -> Result<Cow<'a, str>, BodyError> {
    let name = charset(content_type).to_ascii_lowercase();
    match &name[..] {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => {
            std::str::from_utf8(body).map(Cow::Borrowed).map_err(|_| BodyError::NotText)
        }
        // The first 256 code points of Unicode are ISO-8859-1's.
        "iso-8859-1" | "latin-1" | "latin1" => Ok(body.iter().map(|it| *it as char).collect()),
        _ => Err(BodyError::UnknownCharset(name)),
    }
}

fn charset(content_type: &str) -> &str {
    let parameters = content_type.split(';').skip(1).filter_map(|it| it.split_once('='));
    let charset = parameters.map(|(name, value)| (name.trim(), value.trim()));
    let charset = charset.filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    charset.map(|(_, value)| value.trim_matches('"')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;

    #[test]
    fn text_is_read_in_its_character_set() {
        let text = |content_type: &str, body: &[u8]| {
            decode_text(body, content_type).map(Cow::into_owned).map_err(|it| it.status().as_u16())
        };
        assert_eq!(text("text/plain; charset=UTF-8", b"\xc3\xa9").unwrap(), "\u{e9}");
        assert_eq!(text("text/plain;x=y; Charset=\"latin-1\"", b"\xe9").unwrap(), "\u{e9}");
        assert_eq!(text("text/plain; charset=klingon", b""), Err(415));
        assert_eq!(text("", b"\xff"), Err(400));
    }

    #[test]
    fn the_type_and_the_character_set_are_read_in_any_letter_case() {
        let it = request("POST /", "Content-Type: Text/HTML ; x=y; Charset=\"UTF-8\"\r\n");
        assert_eq!((&*it.content_type(), it.charset().as_deref()), ("text/html", Some("utf-8")));
        let bare = request("POST /", "Content-Type: a/b\r\n");
        assert_eq!((&*bare.content_type(), bare.charset()), ("a/b", None));
        let none = request("POST /", "");
        assert_eq!((&*none.content_type(), none.charset()), ("application/octet-stream", None));
    }
}
