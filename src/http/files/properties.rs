//! What must be so of any request for a file, and of any name: shared with the fuzz targets.

use std::path::Component;

use http::header::{CONTENT_RANGE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};

use super::listing;
use super::path::Wanted;
use super::plan::{Asked, Content, Facts, plan};
use crate::sys::Entry;

/// Fields that decide what of a file is sent: the lines of the input go to them in turn.
const FIELDS: [&str; 8] = [
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "accept-encoding",
    "range",
];

/// Whatever a request's conditions and ranges are, what is sent of the file lies within it, and the
/// status, the length and `Content-Range` say so.
pub fn files_are_planned_within_themselves(input: &[u8]) {
    let (length, input) = input.split_first().unwrap_or((&0, &[]));
    let facts = Facts {
        len: u64::from(*length),
        modified: (784_111_777, 5),
        coding: None,
        varies: length % 2 == 0,
    };
    let mut headers = HeaderMap::new();
    for (line, name) in input.split(|byte| *byte == b'\n').zip(FIELDS.iter().cycle()).take(32) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    for method in [Method::GET, Method::HEAD] {
        let asked = Asked { method: &method, headers: &headers, now: 1_000_000_000, boundary: 7 };
        let (response, content) = plan(&asked, &facts, &HeaderValue::from_static("text/plain"));
        let status = response.status_code().as_u16();
        let range = response.get(CONTENT_RANGE.as_str()).map(HeaderValue::as_bytes);
        match content {
            Content::Nothing => assert!(matches!(status, 304 | 412 | 416), "{status}"),
            Content::Part { offset, len } if status == 206 => {
                assert!(len > 0 && offset + len <= facts.len);
                let said = format!("bytes {offset}-{}/{}", offset + len - 1, facts.len);
                assert_eq!(range, Some(said.as_bytes()));
            }
            Content::Part { offset, len } => {
                assert_eq!((status, offset, len, range), (200, 0, facts.len, None));
            }
            Content::Several(parts) => {
                assert_eq!((status, range), (206, None));
                let within =
                    parts.parts().all(|(_, it)| it.len > 0 && it.offset + it.len <= facts.len);
                let sum: u64 = parts.parts().map(|(_, it)| it.len).sum();
                assert!(within && sum <= facts.len && parts.longest() <= sum);
                let text: usize = parts.parts().map(|(head, _)| head.len()).sum();
                assert_eq!(parts.len(), sum + (text + parts.end().len()) as u64);
            }
        }
        assert!(method == Method::GET || status != 206, "a range is for GET");
    }
}

/// Whatever a path says, names come out that lead down; and whatever a name is, a page that lists
/// it has no more of HTML than for any other.
pub fn names_stay_in_their_place(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for hidden in [false, true] {
        if let Some(wanted) = Wanted::parse(&text, hidden) {
            assert!(wanted.path.components().all(|it| matches!(it, Component::Normal(_))));
        }
        let names = input.split(|byte| *byte == b'\n').filter(|it| !it.is_empty());
        let entries: Vec<_> =
            names.map(|it| Entry { name: it.to_vec(), is_directory: false }).collect();
        let page = listing::page(&text, entries, hidden);
        let listed = page.matches("<li>").count();
        let benign = |_| Entry { name: b"x".to_vec(), is_directory: false };
        let other = listing::page("/", (0..listed).map(benign).collect(), hidden);
        for mark in ['<', '>', '"'] {
            assert_eq!(page.matches(mark).count(), other.matches(mark).count(), "{mark}: {page}");
        }
    }
}
