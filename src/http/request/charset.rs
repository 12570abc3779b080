//! From the bytes of a body to text.

use std::borrow::Cow;

use super::BodyError;

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
}
