//! The head of a part: its name, and what it is.

/// Fields of a part's head. More: 400. There are three that mean anything.
const MOST_FIELDS: usize = 16;

/// The head of a part of a form (RFC 7578 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    name: String,
    filename: Option<String>,
    content_type: String,
}

impl PartHead {
    /// The name of the form's field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's name, if it is a file, as the client has it: it may be anything, also a path. Do
    /// not open a file of that name.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// The type of its content; `text/plain` if it is not said (§4.4).
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The head at the front of `text` and its length, once all of it is there.
    pub(super) fn parse(text: &[u8]) -> Result<Option<(PartHead, usize)>, &'static str> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let (len, fields) = match httparse::parse_headers(text, &mut fields) {
            Ok(httparse::Status::Complete(complete)) => complete,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err("a part of the form has more than 16 fields");
            }
            Err(_) => return Err("the head of a part of the form is malformed"),
        };
        let get = |name: &str| {
            let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            field.map(|field| String::from_utf8_lossy(field.value).into_owned())
        };
        // §4.7: obsolete, and a reader that passes over it would hand on something else.
        let encoding = get("content-transfer-encoding").unwrap_or_default();
        if !matches!(&encoding.to_ascii_lowercase()[..], "" | "7bit" | "8bit" | "binary") {
            return Err("a part of the form is in a transfer encoding; send it as it is");
        }
        let disposition = get("content-disposition").ok_or("a part of the form has no name")?;
        let mut head = PartHead::named(&disposition)?;
        if let Some(content_type) = get("content-type") {
            head.content_type = content_type;
        }
        Ok(Some((head, len)))
    }

    /// `form-data; name="…"; filename="…"`
    fn named(disposition: &str) -> Result<PartHead, &'static str> {
        let (kind, mut rest) = disposition.split_once(';').unwrap_or((disposition, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err("a part of the form is not form-data");
        }
        let (mut name, mut filename) = (None, None);
        while !rest.trim_start().is_empty() {
            let (key, value) = rest.split_once('=').ok_or(MALFORMED)?;
            let (value, after) = value_of(value.trim_start())?;
            let place = match &key.trim().to_ascii_lowercase()[..] {
                "name" => Some(&mut name),
                "filename" => Some(&mut filename),
                _ => None,
            };
            if place.is_some_and(|place| place.replace(value).is_some()) {
                return Err("a part of the form has two names");
            }
            rest = after;
        }
        let name = name.ok_or("a part of the form has no name")?;
        Ok(PartHead { name, filename, content_type: "text/plain".into() })
    }
}

const MALFORMED: &str = "the Content-Disposition of a part of the form is malformed";

/// A token or a quoted text, and what follows its semicolon. In quotes `\"` is a quote; any other
/// backslash is itself, as in the paths that some browsers sent.
fn value_of(text: &str) -> Result<(String, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let rest = quoted[at + 1..].trim_start();
                let rest =
                    if rest.is_empty() { rest } else { rest.strip_prefix(';').ok_or(MALFORMED)? };
                return Ok((value, rest));
            }
            '\\' if characters.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            other => value.push(other),
        }
    }
    Err(MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(fields: &str) -> Result<(String, Option<String>, String), &'static str> {
        let (head, _) =
            PartHead::parse(format!("{fields}\r\n\r\n").as_bytes())?.expect("all of it");
        Ok((head.name, head.filename, head.content_type))
    }

    fn named(parameters: &str) -> Result<(String, Option<String>), &'static str> {
        let head = parsed(&format!("Content-Disposition: form-data{parameters}"))?;
        Ok((head.0, head.1))
    }

    #[test]
    fn a_part_has_a_name_and_may_be_a_file() {
        assert_eq!(named("; name=\"a\""), Ok(("a".into(), None)));
        assert_eq!(named(";NAME=a ; filename=b.txt"), Ok(("a".into(), Some("b.txt".into()))));
        assert_eq!(
            named("; name=\"\"; filename=\"\"; x=1"),
            Ok((String::new(), Some(String::new())))
        );
        let odd = named("; name=\"a;b=\\\"c\\\"\"; filename=\"C:\\dir\\f\"");
        assert_eq!(odd, Ok(("a;b=\"c\"".into(), Some("C:\\dir\\f".into()))));
        assert_eq!(named("; name=\"\u{e9}\""), Ok(("\u{e9}".into(), None)));
        let typed = parsed("content-type: a/b\r\nX: y\r\ncontent-disposition: form-data; name=a");
        assert_eq!(typed, Ok(("a".into(), None, "a/b".into())));
        assert_eq!(parsed("Content-Disposition: form-data; name=a").unwrap().2, "text/plain");
    }

    #[test]
    fn what_is_wrong_with_a_head_is_told() {
        let said = |fields: &str| parsed(fields).unwrap_err();
        assert!(said("Content-Type: a/b").contains("no name"));
        assert!(said("Content-Disposition: form-data").contains("no name"));
        assert!(said("Content-Disposition: form-data; filename=\"x\"").contains("no name"));
        assert!(said("Content-Disposition: attachment; name=a").contains("not form-data"));
        for wrong in
            ["; name", "; name=\"a", "; name=\"a\\\"", "; name=\"a\"b", "; name=\"a\" x; y=1"]
        {
            assert_eq!(named(wrong), Err(MALFORMED), "{wrong}");
        }
        assert!(named("; name=a; name=b").unwrap_err().contains("two names"));
        let encoded = "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64";
        assert!(said(encoded).contains("transfer encoding"));
        assert!(said("no colon").contains("malformed"));
        assert!(said(&"X: y\r\n".repeat(17)).contains("more than 16"));
    }
}
