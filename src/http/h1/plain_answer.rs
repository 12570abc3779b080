//! The most usual answer, in one piece.

use http::HeaderValue;

use super::encode::content_length;

/// `Date` and the empty line: how the head of a plain answer ends, made once a second.
pub(crate) struct HeadEnd([u8; 39]);

impl HeadEnd {
    /// With this date, as [`imf_fixdate`](crate::http::date::imf_fixdate) writes it.
    pub fn new(date: &[u8; 29]) -> HeadEnd {
        let mut end = *b"date: www, dd mmm yyyy hh:mm:ss GMT\r\n\r\n";
        end[6..35].copy_from_slice(date);
        HeadEnd(end)
    }
}

/// Appends a whole plain answer: a 200 with no fields but these, to a request of HTTP/1.1 that was
/// not HEAD, on a connection that goes on. The bytes are those that [`response`](super::encode::response) and its body would
/// be.
///
/// A function of its own, which touches little but `out`, so that where `out` ends is kept in a
/// register: that is half of what writing a small answer costs.
#[inline(never)]
pub(crate) fn plain_answer(
    out: &mut Vec<u8>,
    content_type: &HeaderValue,
    date: &HeadEnd,
    body: &[u8],
) {
    let content_type = content_type.as_bytes();
    out.reserve(120 + content_type.len() + body.len());
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: ");
    out.extend_from_slice(content_type);
    out.extend_from_slice(b"\r\n");
    content_length(out, body.len() as u64);
    out.extend_from_slice(&date.0);
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::super::encode::{Asked, OutgoingResponse, response};
    use super::super::encoder::Length;
    use super::*;

    #[test]
    fn a_plain_answer_is_written_as_any_is() {
        let (content_type, headers) = (HeaderValue::from_static("some/type"), HeaderMap::new());
        let text = crate::http::date::imf_fixdate(1_000_000_000);
        let date = HeaderValue::from_bytes(&text).unwrap();
        let asked = Asked { http_10: false, head: false };
        let head = OutgoingResponse {
            status: StatusCode::OK,
            content_type: Some(&content_type),
            headers: &headers,
            date: Some(&date),
        };
        for body in ["", "body", "twenty bytes of body", &"x".repeat(12_345)] {
            let (mut plain, mut any) = (b"before".to_vec(), b"before".to_vec());
            plain_answer(&mut plain, &content_type, &HeadEnd::new(&text), body.as_bytes());
            let length = Length::Known(body.len() as u64);
            let mut decided = response(&mut any, &head, length, asked, true).unwrap();
            decided.encoder.data(body.as_bytes(), &mut any).unwrap();
            decided.encoder.end(&mut any).unwrap();
            assert!(decided.keep_alive);
            assert_eq!(String::from_utf8(plain), String::from_utf8(any));
        }
    }
}
