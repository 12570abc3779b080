//! Forms of several parts as they are sent: what stands between the contents (RFC 7578, and the
//! HTML standard's *multipart form data* where that says more).
//!
//! In a name `"` is written as `%22`, CR as `%0D` and LF as `%0A`, as browsers do, and a backslash at
//! its end as `%5C`, since many take one there for an escape of the quote. Every other byte stands
//! as it is, in UTF-8; other control characters are refused, for no server takes them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use http::HeaderValue;

/// A boundary that nobody can know beforehand, and that 128 random bits keep from standing in any
/// content by chance: a keyed hash under the secret that the standard library takes from the
/// operating system's entropy.
pub(in crate::http) fn new_boundary() -> String {
    let random = || RandomState::new().hash_one(0_u64);
    format!("----evloop-{:016x}{:016x}", random(), random())
}

/// What stands before a part's content; the first has no line end to finish.
pub(in crate::http) fn part_head(
    boundary: &str,
    first: bool,
    name: &str,
    filename: Option<&str>,
    content_type: Option<&str>,
) -> Result<String, String> {
    let line_end = if first { "" } else { "\r\n" };
    let name = escaped("name", name)?;
    let mut head =
        format!("{line_end}--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
    if let Some(filename) = filename {
        head += &format!("; filename=\"{}\"", escaped("file name", filename)?);
    }
    if let Some(content_type) = content_type {
        HeaderValue::from_str(content_type)
            .map_err(|_| format!("{content_type:?} cannot be the content type of a form's part"))?;
        head += &format!("\r\nContent-Type: {content_type}");
    }
    Ok(head + "\r\n\r\n")
}

/// What stands behind the last part's content; a form may have no part at all.
pub(in crate::http) fn form_end(boundary: &str, is_empty: bool) -> String {
    let line_end = if is_empty { "" } else { "\r\n" };
    format!("{line_end}--{boundary}--\r\n")
}

fn escaped(what: &str, name: &str) -> Result<String, String> {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '"' => out.push_str("%22"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            other if other.is_ascii_control() && other != '\t' => {
                return Err(format!("a form's {what} has a control character: {name:?}"));
            }
            other => out.push(other),
        }
    }
    if out.ends_with('\\') {
        out.truncate(out.len() - 1);
        out.push_str("%5C");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::multipart::{FormParser, Step};

    /// The names, file names, types and contents that a server reads.
    fn read(form: &[u8], boundary: &str) -> Vec<(String, Option<String>, String, Vec<u8>)> {
        let mut parser = FormParser::new(boundary.as_bytes()).expect("a boundary");
        parser.push(form);
        let mut parts = Vec::new();
        loop {
            match parser.step().expect("a form") {
                Step::Part(head) => parts.push((
                    head.name().to_owned(),
                    head.filename().map(str::to_owned),
                    head.content_type().to_owned(),
                    Vec::new(),
                )),
                Step::Data(data) => parts.last_mut().expect("a part").3.extend(data),
                Step::EndOfPart => {}
                Step::End => return parts,
                Step::NeedData => panic!("the form breaks off"),
            }
        }
    }

    #[test]
    fn names_are_escaped_as_browsers_do_and_control_characters_are_refused() {
        let head = |name: &str, file| part_head("B", true, name, file, None);
        assert_eq!(
            head("a\"b\r\n\u{e9}%22", Some("x\\y\\")).unwrap(),
            "--B\r\nContent-Disposition: form-data; name=\"a%22b%0D%0A\u{e9}%22\"; \
             filename=\"x\\y%5C\"\r\n\r\n"
        );
        assert!(head("a\0", None).unwrap_err().contains("control character"));
        assert!(head("a", Some("\u{7f}")).unwrap_err().contains("file name"));
        let wrong = part_head("B", false, "a", None, Some("text/plain\r\nX: y"));
        assert!(wrong.unwrap_err().contains("content type"));
    }

    #[test]
    fn no_two_boundaries_are_the_same_and_each_is_one() {
        let (one, other) = (new_boundary(), new_boundary());
        assert_ne!(one, other);
        assert!(one.len() <= 70 && FormParser::new(one.as_bytes()).is_some(), "{one}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(
            parts in proptest::collection::vec(
                (
                    "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]{0,20}",
                    proptest::option::of("[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]{0,20}"),
                    prop_oneof![
                        proptest::collection::vec(any::<u8>(), 0..50),
                        Just(b"\r\n--".to_vec()),
                        Just(b"\r\n------evloop-".to_vec()),
                    ],
                ),
                0..5,
            ),
        ) {
            let boundary = new_boundary();
            let mut form = Vec::new();
            for (number, (name, filename, content)) in parts.iter().enumerate() {
                let kind = filename.as_ref().map(|_| "a/b");
                let head = part_head(&boundary, number == 0, name, filename.as_deref(), kind);
                form.extend(head.unwrap().into_bytes());
                form.extend_from_slice(content);
            }
            form.extend(form_end(&boundary, parts.is_empty()).into_bytes());
            let read = read(&form, &boundary);
            prop_assert_eq!(read.len(), parts.len());
            for (found, (name, filename, content)) in read.iter().zip(&parts) {
                prop_assert_eq!(&found.0, &escaped("name", name).unwrap());
                let filename = filename.as_ref().map(|it| escaped("name", it).unwrap());
                prop_assert_eq!(&found.2, if filename.is_some() { "a/b" } else { "text/plain" });
                prop_assert_eq!(&found.1, &filename);
                prop_assert_eq!(&found.3, content);
            }
        }
    }
}
