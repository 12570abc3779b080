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
fn an_if_range_without_a_range_is_as_if_it_were_not_there() {
    for validator in ["\"other\"", "Sun, 06 Nov 1994 08:49:37 GMT", "garbage"] {
        let (response, content) = got(&[("if-range", validator)]);
        assert_eq!(response.status_code(), 200, "{validator}");
        assert!(matches!(content, Content::Part { offset: 0, len: 100 }));
    }
}

#[test]
fn last_modified_is_not_told_until_its_second_is_over_and_never_later_than_now() {
    for (now, told) in [
        (MODIFIED - 9, "Sun, 06 Nov 1994 08:49:28 GMT"),
        (MODIFIED, ""),
        (MODIFIED + 1, ""),
        (MODIFIED + 2, "Sun, 06 Nov 1994 08:49:37 GMT"),
    ] {
        let (response, _) = planned(Method::GET, &facts(), now, &[]);
        assert_eq!(field(&response, "last-modified"), told, "{now}");
        assert!(response.get("etag").is_some());
    }
}

#[test]
fn a_date_that_stands_for_one_from_the_future_is_no_validator() {
    let now = MODIFIED - 9;
    let told = "Sun, 06 Nov 1994 08:49:28 GMT";
    let range = ("range", "bytes=0-9");
    for fields in [&[("if-modified-since", told)][..], &[range, ("if-range", told)]] {
        let (response, _) = planned(Method::GET, &facts(), now, fields);
        assert_eq!(response.status_code(), 200, "{fields:?}");
    }
}

#[test]
fn a_part_and_a_304_have_the_fields_of_the_whole() {
    let facts = Facts { coding: Some(Coding::Gzip), varies: true, ..facts() };
    let names = ["etag", "vary", "last-modified", "accept-ranges", "content-type"];
    let of = |fields: &[(&'static str, &str)]| {
        let (response, _) = planned(Method::GET, &facts, 2 * MODIFIED, fields);
        names.map(|name| field(&response, name))
    };
    let whole = of(&[]);
    assert!(whole.iter().all(|value| !value.is_empty()), "{whole:?}");
    assert_eq!(of(&[("range", "bytes=0-9")]), whole);
    let several = of(&[("range", "bytes=0-9,20-29")]);
    assert_eq!(several[..4], whole[..4]);
    assert!(several[4].starts_with("multipart/byteranges; boundary="), "{several:?}");
    assert_eq!(of(&[("if-none-match", "*")])[..2], whole[..2]);
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
