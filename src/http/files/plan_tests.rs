//! What a request for a file is answered.

use super::*;

const MODIFIED: i64 = 784_111_777;

fn facts() -> Facts {
    Facts { len: 100, modified: (MODIFIED, 5), coding: None, varies: false }
}

fn planned(
    method: Method,
    facts: &Facts,
    now: i64,
    fields: &[(&'static str, &str)],
) -> (Response, Content) {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    let asked = Asked { method: &method, headers: &headers, now, boundary: 7 };
    let (response, content) = plan(&asked, facts, &HeaderValue::from_static("a/b"));
    assert_eq!(response.check(), Ok(()));
    (response, content)
}

fn got(fields: &[(&'static str, &str)]) -> (Response, Content) {
    planned(Method::GET, &facts(), 2 * MODIFIED, fields)
}

fn field(response: &Response, name: &str) -> String {
    response.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[test]
fn the_whole_file_has_its_type_and_both_validators() {
    let (response, content) = got(&[]);
    assert_eq!(response.status_code(), 200);
    assert!(matches!(content, Content::Part { offset: 0, len: 100 }));
    assert_eq!(field(&response, "content-type"), "a/b");
    assert_eq!(field(&response, "accept-ranges"), "bytes");
    assert_eq!(field(&response, "etag"), format!("\"{:x}-64\"", MODIFIED * 1_000_000_000 + 5));
    assert_eq!(field(&response, "last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(field(&response, "vary") + &field(&response, "content-encoding"), "");
}

#[test]
fn a_current_copy_is_not_sent_again() {
    let etag = field(&got(&[]).0, "etag");
    for condition in
        [("if-none-match", &etag[..]), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]
    {
        let (response, content) = got(&[condition]);
        assert_eq!(response.status_code(), 304);
        assert!(matches!(content, Content::Nothing));
        assert_eq!(field(&response, "etag"), etag);
        assert_eq!(field(&response, "content-type"), "");
    }
    let (response, _) = got(&[("if-match", "\"other\"")]);
    assert_eq!(response.status_code(), 412);
    let (response, _) = got(&[("if-match", &etag), ("range", "bytes=1-2")]);
    assert_eq!(response.status_code(), 206);
    let (response, _) = got(&[("if-none-match", &etag), ("range", "bytes=1-2")]);
    assert_eq!(response.status_code(), 304, "a condition comes before a range");
}

#[test]
fn a_range_gives_a_part_and_several_give_several() {
    let (response, content) = got(&[("range", "bytes=10-19")]);
    assert_eq!(
        (response.status_code().as_u16(), field(&response, "content-type")),
        (206, "a/b".into())
    );
    assert_eq!(field(&response, "content-range"), "bytes 10-19/100");
    assert!(matches!(content, Content::Part { offset: 10, len: 10 }));
    let (response, content) = got(&[("range", "bytes=0-0,-1")]);
    assert_eq!(response.status_code(), 206);
    assert_eq!(field(&response, "content-type"), "multipart/byteranges; boundary=0000000000000007");
    assert_eq!(field(&response, "content-range"), "");
    assert!(matches!(content, Content::Several(parts) if parts.parts().count() == 2));
}

#[test]
fn a_range_beyond_the_end_is_416_with_the_length() {
    let (response, content) = got(&[("range", "bytes=100-")]);
    assert_eq!(
        (response.status_code().as_u16(), field(&response, "content-range")),
        (416, "bytes */100".into())
    );
    assert!(matches!(content, Content::Nothing));
}

#[test]
fn a_range_counts_for_get_once_and_only_for_the_version_it_was_meant_for() {
    let is_whole = |(response, content): (Response, Content)| {
        response.status_code() == 200 && matches!(content, Content::Part { offset: 0, len: 100 })
    };
    let range = ("range", "bytes=0-0");
    assert!(is_whole(planned(Method::HEAD, &facts(), 2 * MODIFIED, &[range])));
    assert!(is_whole(planned(Method::POST, &facts(), 2 * MODIFIED, &[range])));
    assert!(is_whole(got(&[range, range])));
    assert!(is_whole(got(&[range, ("if-range", "\"old\"")])));
    let etag = field(&got(&[]).0, "etag");
    assert_eq!(got(&[range, ("if-range", &etag)]).0.status_code(), 206);
    assert_eq!(got(&[range, ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")]).0.status_code(), 206);
    assert!(is_whole(got(&[range, ("if-range", "Sun, 06 Nov 1994 08:49:38 GMT")])));
}

#[test]
fn last_modified_is_not_told_until_its_second_is_over_nor_from_the_future() {
    for (now, told) in [(MODIFIED - 9, false), (MODIFIED + 1, false), (MODIFIED + 2, true)] {
        let (response, _) = planned(Method::GET, &facts(), now, &[]);
        assert_eq!(response.get("last-modified").is_some(), told, "{now}");
        assert!(response.get("etag").is_some());
    }
}

#[test]
fn a_compressed_file_says_so_and_has_a_tag_of_its_own() {
    let facts = Facts { coding: Some(Coding::Gzip), varies: true, ..facts() };
    let (response, _) = planned(Method::GET, &facts, 2 * MODIFIED, &[]);
    assert_eq!(field(&response, "content-encoding"), "gzip");
    assert_eq!(field(&response, "vary"), "accept-encoding");
    assert_ne!(field(&response, "etag"), field(&got(&[]).0, "etag"));
    assert!(field(&response, "etag").ends_with("-64-gz\""));
}

#[test]
fn a_file_from_before_1970_and_an_empty_one_are_served() {
    let facts = Facts { len: 0, modified: (-1, 0), ..facts() };
    let (response, content) = planned(Method::GET, &facts, MODIFIED, &[]);
    assert!(matches!(content, Content::Part { offset: 0, len: 0 }));
    assert_eq!(response.get("last-modified"), None);
}
