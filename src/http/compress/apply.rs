//! What becomes of a response's head, and who makes its body.

use std::io;
use std::os::unix::fs::FileExt;

use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::choice::{Asked, Worth, is_eligible};
use super::stream::{coded_file, coded_pieces, coded_stream};
use crate::http::body::{Body, FilePart};
use crate::http::coding::{Coding, Encoder};
use crate::http::{Request, Response};

/// A body of at most so many bytes is compressed at once, which takes 0.1 ms at level 1 and 1.2 ms at
/// level 6. A longer one goes in pieces of so many, between which others go on.
pub(super) const AT_ONCE: usize = 64 << 10;

/// How hard the compressor tries, as nginx: while it does, nobody else is served.
pub(super) const LEVEL: u32 = 1;

impl Response {
    /// The same response, compressed with gzip or deflate if the client accepts that, whatever its
    /// size and type. (`response.enable_compression()`)
    ///
    /// ```
    /// use evloop::web::{Request, Response};
    ///
    /// async fn report(request: Request) -> Response {
    ///     Response::text("the same again, ".repeat(1000)).compress(&request)
    /// }
    /// ```
    ///
    /// The client's weights count (RFC 9110 §12.5.3); who asks for nothing gets it plain. What has no
    /// body, is encoded already, is a part of something or may not be changed is left as it is; a
    /// strong `ETag` becomes weak, `Vary: Accept-Encoding` is added. What a
    /// [stream](Response::stream) writes goes out at once, as events have to. Nothing is kept but the
    /// compressor's window and tables; a long body is compressed piece by piece, as the client reads
    /// it.
    ///
    /// [`Compress`](super::Compress) does it for all answers of an application that are worth it,
    /// and says which pages are better left alone.
    #[must_use]
    pub fn compress(self, request: &Request) -> Response {
        compress(self, Asked::by(request), &Worth::ANYTHING, LEVEL)
    }
}

/// The response as this client is to get it.
pub(super) fn compress(
    mut response: Response,
    asked: Asked,
    worth: &Worth,
    level: u32,
) -> Response {
    if response.status_code() == StatusCode::NOT_MODIFIED {
        // It speaks of what 200 would have been, which is not known; a weak tag fits both, and so does
        // a `Vary`, which 200 may have had (RFC 9110 §15.4.5).
        vary(response.headers_mut());
        if asked.coding.is_some() {
            weaken(response.headers_mut());
        }
        return response;
    }
    if !is_eligible(&response, worth) {
        return response;
    }
    vary(response.headers_mut());
    let Some(coding) = asked.coding else { return response };
    match asked.is_head {
        // What GET would get is not known before it is made, and it is not sent.
        true => drop(response.replace_body(Body::stream(|_| async { Ok(()) }))),
        false => encode(&mut response, coding, level),
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    weaken(headers);
    response
}

fn encode(response: &mut Response, coding: Coding, level: u32) {
    let said = response.get(CONTENT_LENGTH.as_str()).and_then(|it| it.to_str().ok()?.parse().ok());
    let encoder = Encoder::new(coding, level);
    let body = match response.replace_body(Body::empty()) {
        Body::Bytes(bytes) if bytes.len() <= AT_ONCE => whole(encoder, &bytes),
        Body::Bytes(bytes) => coded_pieces(encoder, bytes),
        Body::File(file) => match small(&file.0) {
            Some(bytes) => whole(encoder, &bytes),
            None => coded_file(encoder, *file.0),
        },
        Body::Stream(stream) => coded_stream(encoder, stream, said),
        Body::Upgrade(upgrade) => Body::Upgrade(upgrade),
    };
    drop(response.replace_body(body));
}

/// All of it at once.
fn whole(mut encoder: Encoder, bytes: &[u8]) -> Body {
    let mut out = Vec::new();
    match encoder.write(bytes, &mut out).and_then(|()| encoder.finish(&mut out)) {
        Ok(()) => Body::from(out),
        // Nothing that goes in can be wrong; if the compressor thinks so, the answer breaks off.
        Err(error) => Body::stream(|_| async move { Err(error.into()) }),
    }
}

/// The bytes of a small file; `None` of one that is large, or cannot be read, which whoever sends it
/// reports.
fn small(part: &FilePart) -> Option<Vec<u8>> {
    let len = usize::try_from(part.len).ok().filter(|len| *len <= AT_ONCE)?;
    let mut bytes = vec![0; len];
    let read: io::Result<()> = part.file.read_exact_at(&mut bytes, part.offset);
    read.ok().map(|()| bytes)
}

/// Says that others may get it otherwise (RFC 9110 §12.5.5).
fn vary(headers: &mut HeaderMap) {
    let values = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
    let mut names = values.flat_map(|value| value.split(',')).map(str::trim);
    if !names.any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding")) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// Makes a strong `ETag` a weak one.
fn weaken(headers: &mut HeaderMap) {
    let Some(etag) = headers.get_mut(ETAG).filter(|it| it.as_bytes().starts_with(b"\"")) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()) {
        *etag = weak;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::coding::{Decoder, Piece};

    fn asked(coding: Option<Coding>) -> Asked {
        Asked { coding, is_head: false }
    }

    fn decoded(response: &Response, coding: Coding) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::new(coding), Vec::new());
        decoder.feed(response.body().as_bytes().expect("bytes"));
        while let Piece::Data(data) = decoder.next().expect("it is in order") {
            out.extend(data);
        }
        decoder.finish().expect("all of it");
        out
    }

    fn text(response: &Response, name: &str) -> String {
        response.get(name).map_or("none", |value| value.to_str().unwrap()).to_owned()
    }

    #[test]
    fn a_small_body_is_compressed_at_once_and_its_head_says_so() {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let response = Response::text("again, ".repeat(900))
                .header("etag", "\"v\"")
                .header("accept-ranges", "bytes")
                .header("vary", "cookie");
            let response = compress(response, asked(Some(coding)), &Worth::USUAL, LEVEL);
            assert_eq!(decoded(&response, coding), "again, ".repeat(900).as_bytes());
            assert!(response.body().size().is_some_and(|size| size < 200));
            assert_eq!(text(&response, "content-encoding"), coding.name());
            assert_eq!(text(&response, "etag"), "W/\"v\"");
            assert_eq!(text(&response, "accept-ranges"), "none");
        }
    }

    #[test]
    fn who_takes_no_coding_gets_it_plain_and_caches_are_told_that_others_may_not() {
        let response = || Response::text("x".repeat(2000)).header("etag", "\"v\"");
        let plain = compress(response(), asked(None), &Worth::USUAL, LEVEL);
        assert_eq!((plain.body().size(), &text(&plain, "etag")[..]), (Some(2000), "\"v\""));
        assert_eq!(text(&plain, "vary"), "accept-encoding");
        assert_eq!(text(&plain, "content-encoding"), "none");
        let varied = response().header("vary", "Cookie, Accept-Encoding");
        let mut varied = compress(varied, asked(None), &Worth::USUAL, LEVEL);
        assert_eq!(varied.headers_mut().get_all("vary").iter().count(), 1, "it was said already");
        let small = compress(Response::text("x"), asked(None), &Worth::USUAL, LEVEL);
        assert_eq!(text(&small, "vary"), "none", "nobody gets it otherwise");
    }

    #[test]
    fn head_says_what_get_would_but_for_the_length_which_is_not_known() {
        let asked = Asked { coding: Some(Coding::Gzip), is_head: true };
        let response = compress(Response::text("x".repeat(2000)), asked, &Worth::USUAL, LEVEL);
        assert_eq!(
            (response.body().size(), &text(&response, "vary")[..]),
            (None, "accept-encoding")
        );
        assert_eq!(text(&response, "content-encoding"), "gzip");
    }

    #[test]
    fn a_304_names_the_version_that_the_client_has() {
        let response = Response::new().status(304).header("etag", "\"v\"");
        let response = compress(response, asked(Some(Coding::Gzip)), &Worth::USUAL, LEVEL);
        assert_eq!(text(&response, "etag"), "W/\"v\"");
        assert_eq!(text(&response, "content-encoding"), "none");
        assert_eq!(text(&response, "vary"), "accept-encoding");
    }
}
