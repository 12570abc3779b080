//! The field `Sec-WebSocket-Extensions` (RFC 6455 §9.1), read.

use http::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

/// An extension that is offered or accepted, with its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub name: &'a str,
    pub parameters: Vec<(&'a str, Option<&'a str>)>,
}

/// Every extension of a head, the one liked best first. The field may be there several times.
///
/// # Errors
/// What is malformed. Whoever receives that MUST fail the connection.
pub(super) fn read(headers: &HeaderMap) -> Result<Vec<Extension<'_>>, String> {
    let mut extensions = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let value = value.to_str().map_err(|_| malformed("bytes that are no text"))?;
        // Unquoted, a value has to be a token: no comma or semicolon is part of one.
        for member in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            extensions.push(extension(member)?);
        }
    }
    Ok(extensions)
}

fn extension(member: &str) -> Result<Extension<'_>, String> {
    let mut pieces = member.split(';').map(str::trim);
    let name = token(pieces.next().unwrap_or_default())?;
    let parameter = |piece| match str::split_once(piece, '=') {
        None => Ok((token(piece)?, None)),
        Some((name, value)) => {
            Ok((token(name.trim_end())?, Some(token(bare(value.trim_start()))?)))
        }
    };
    Ok(Extension { name, parameters: pieces.map(parameter).collect::<Result<_, String>>()? })
}

/// A value without the quotes that it may have.
fn bare(value: &str) -> &str {
    value.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(value)
}

fn token(text: &str) -> Result<&str, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_part) {
        true => Ok(text),
        false => Err(malformed(text)),
    }
}

fn malformed(what: &str) -> String {
    format!("Sec-WebSocket-Extensions has {what:?} where a token belongs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn fields(values: &[&'static str]) -> HeaderMap {
        let value = |it: &&'static str| (SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(it));
        values.iter().map(value).collect()
    }

    #[test]
    fn extensions_are_read_in_order_across_fields_and_with_their_parameters() {
        let headers = fields(&["a, b;x;y=1 ; z = \"2\"", ",", "a;q"]);
        let expected = [
            Extension { name: "a", parameters: vec![] },
            Extension {
                name: "b",
                parameters: vec![("x", None), ("y", Some("1")), ("z", Some("2"))],
            },
            Extension { name: "a", parameters: vec![("q", None)] },
        ];
        assert_eq!(read(&headers).unwrap(), expected);
        assert_eq!(read(&HeaderMap::new()).unwrap(), []);
    }

    #[test]
    fn what_is_no_list_of_extensions_is_refused() {
        for wrong in
            ["a b", "a;", ";a", "a;b=", "a;=b", "a;b=\"c d\"", "a;b=\"c,d\"", "a;b=c=d", "(a)"]
        {
            assert!(read(&fields(&[wrong])).is_err(), "{wrong}");
        }
    }
}
