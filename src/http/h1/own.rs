//! The caller's own fields, and what they say.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::encode::{BAD_HOST, field};
use super::meaning::is_host;

/// What the caller's own fields say about framing and persistence.
#[derive(Default)]
pub(super) struct Own {
    pub length: Option<u64>,
    pub chunked: bool,
    pub connection: bool,
    pub close: bool,
    pub date: bool,
    pub content_type: bool,
    pub host: bool,
    pub upgrade: bool,
    pub upgrade_option: bool,
    pub te: bool,
    pub te_option: bool,
    pub expect: bool,
}

/// Appends the caller's fields, and notes those that concern the message as such.
pub(super) fn fields(out: &mut Vec<u8>, headers: &HeaderMap) -> Result<Own, &'static str> {
    let mut own = Own::default();
    for (name, value) in headers {
        note(&mut own, name, value)?;
        out.extend_from_slice(name.as_str().as_bytes());
        field(out, b": ", value.as_bytes());
    }
    Ok(own)
}

fn note(own: &mut Own, name: &HeaderName, value: &HeaderValue) -> Result<(), &'static str> {
    if *name == CONTENT_LENGTH {
        return note_length(own, value);
    } else if *name == TRANSFER_ENCODING {
        if own.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("Transfer-Encoding is set to something other than chunked");
        }
        own.chunked = true;
    } else if *name == CONNECTION {
        own.connection = true;
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            own.close |= option.eq_ignore_ascii_case(b"close");
            own.upgrade_option |= option.eq_ignore_ascii_case(b"upgrade");
            own.te_option |= option.eq_ignore_ascii_case(b"te");
        }
    } else if *name == HOST {
        if own.host {
            return Err("Host is set twice");
        }
        if !is_host(value.as_bytes()) {
            return Err(BAD_HOST);
        }
        own.host = true;
    }
    own.upgrade |= *name == UPGRADE;
    own.te |= *name == TE;
    own.expect |= *name == EXPECT;
    own.date |= *name == DATE;
    own.content_type |= *name == CONTENT_TYPE;
    Ok(())
}

fn note_length(own: &mut Own, value: &HeaderValue) -> Result<(), &'static str> {
    if own.length.is_some() {
        return Err("Content-Length is set twice");
    }
    let digits = value.as_bytes().iter().all(u8::is_ascii_digit);
    let length = value.to_str().ok().filter(|_| digits).and_then(|text| text.parse().ok());
    own.length = Some(length.ok_or("Content-Length is not set to a number")?);
    Ok(())
}
