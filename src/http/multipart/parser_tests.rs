//! Forms, however they are cut and whatever is wrong with them.

use proptest::prelude::*;

use super::*;

/// A form as a client writes it.
fn written(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"preamble\r\n".to_vec();
    for (name, body) in parts {
        out.extend_from_slice(b"--BOUND\r\nContent-Disposition: form-data; name=\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\"\r\n\r\n");
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--BOUND--\r\nepilogue");
    out
}

/// The parts, from pieces cut at these places; the error, or "broken off".
fn read(form: &[u8], cuts: &[usize]) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
    let mut parser = FormParser::new(b"BOUND").expect("a boundary");
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (form.len() + 1)).collect();
    cuts.extend([0, form.len()]);
    cuts.sort_unstable();
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    let mut open = false;
    for ends in cuts.windows(2) {
        parser.push(&form[ends[0]..ends[1]]);
        loop {
            match parser.step()? {
                Step::Part(head) => {
                    assert!(!std::mem::replace(&mut open, true));
                    parts.push((head.name().to_owned(), Vec::new()));
                }
                Step::Data(data) => {
                    assert!(open && !data.is_empty());
                    parts.last_mut().expect("a part").1.extend(data);
                }
                Step::EndOfPart => assert!(std::mem::replace(&mut open, false)),
                Step::End | Step::NeedData => break,
            }
        }
        let held = parser.buffer.len() - parser.used;
        assert!(parser.state == State::Head || held <= 78 + MOST_PADDING, "{held} bytes are held");
    }
    if parser.is_over() { Ok(parts) } else { Err("broken off") }
}

#[test]
fn the_table_in_the_docs_is_the_table_of_the_code() {
    use Cause::{DelimiterLast, DelimiterNext, HeadThere};
    let causes = [DelimiterNext, DelimiterLast, HeadThere];
    let row = |cells: [String; 4]| {
        let [a, b, c, d] = cells;
        format!("//! {a:<9} {b:<14} {c:<14} {d}\n")
    };
    let [a, b, c] = causes.map(|cause| format!("{cause:?}"));
    let mut table = row(["state".into(), a, b, c]);
    for state in [State::Preamble, State::Head, State::Body, State::Over] {
        let cell = |cause| state.next(cause).map_or("–".into(), |next| format!("{next:?}"));
        let [a, b, c] = causes.map(cell);
        table += &row([format!("{state:?}"), a, b, c]);
    }
    assert!(include_str!("parser.rs").contains(&table), "the docs want:\n{table}");
}

#[test]
fn what_looks_like_a_delimiter_and_is_none_is_data() {
    let body = b"\r\n--BOUN\r\r\n--\r\n-BOUND\r\n--bOUND--BOUND\n--BOUND\r\n--BOUN";
    assert_eq!(read(&written(&[("a", body)]), &[]), Ok(vec![("a".into(), body.to_vec())]));
}

#[test]
fn blanks_may_follow_a_boundary_and_the_preamble_may_be_missing() {
    let form = "--BOUND \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--BOUND--";
    assert_eq!(read(form.as_bytes(), &[]), Ok(vec![("a".into(), b"1".to_vec())]));
    assert_eq!(read(b"--BOUND--", &[]), Ok(vec![]));
}

#[test]
fn what_is_malformed_is_told_and_what_breaks_off_is_not_over() {
    let said = |form: &str| read(form.as_bytes(), &[]).unwrap_err();
    assert!(said("--BOUNDx\r\n").contains("not followed by a line end"));
    assert!(said("--BOUND\rx").contains("not followed by a line end"));
    assert!(said(&format!("--BOUND{}\r\n", " ".repeat(33))).contains("too many blanks"));
    assert!(said("--BOUND\r\nX: y\r\n\r\n").contains("no name"));
    for form in ["", "--BOUND", "--BOUND\r\n", "--BOUND-", "preamble", "\r\n--BOUND\r\nX:"] {
        assert_eq!(said(form), "broken off", "{form}");
    }
    let whole = written(&[("a", b"data")]);
    for end in 0..whole.len() - "--\r\nepilogue".len() {
        assert_eq!(read(&whole[..end], &[]), Err("broken off"), "{end}");
    }
}

#[test]
fn heads_have_their_limit_and_parts_need_none() {
    let head = |len: usize| {
        let start = "Content-Disposition: form-data; name=a\r\nX: ";
        format!("--BOUND\r\n{start}{}\r\n\r\n\r\n--BOUND--", "x".repeat(len - start.len() - 4))
    };
    assert!(read(head(MOST_HEAD_BYTES).as_bytes(), &[]).is_ok());
    let error = read(head(MOST_HEAD_BYTES + 1).as_bytes(), &[]).unwrap_err();
    assert!(error.contains("8190"), "{error}");
    assert!(read(&written(&[("a", &b""[..])].repeat(2000)), &[]).is_ok());
}

#[test]
fn a_boundary_is_of_what_may_stand_in_one() {
    let right = |boundary: &str| FormParser::new(boundary.as_bytes()).is_some();
    assert!(right("a") && right("----WebKitFormBoundary7MA4YWxkTrZu0gW") && right(&"b".repeat(70)));
    assert!(right("a b'()+_,-./:=?"));
    assert!(
        !right("") && !right(&"b".repeat(71)) && !right("a ") && !right("a\r\n") && !right("a\"")
    );
}

proptest! {
    #[test]
    fn however_a_form_is_cut_the_parts_are_the_same(
        bodies in prop::collection::vec(prop::collection::vec(
            prop::sample::select(b"\r\n--BOUND\r\n-x\0".to_vec()), 0..40), 0..4),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        // A body cannot hold a whole delimiter, nor what its end would make one.
        let clash = |body: &Vec<u8>| body.windows(9).any(|window| window == b"\r\n--BOUND");
        prop_assume!(!bodies.iter().any(|body| clash(&[b"\r\n", &body[..]].concat()) || clash(body)));
        let parts: Vec<_> = bodies.iter().map(|body| ("n", &body[..])).collect();
        let form = written(&parts);
        let expected: Vec<_> = bodies.iter().map(|body| ("n".to_owned(), body.clone())).collect();
        prop_assert_eq!(read(&form, &cuts), Ok(expected.clone()));
        let all: Vec<_> = (0..form.len()).collect();
        prop_assert_eq!(read(&form, &all), Ok(expected));
    }

    #[test]
    fn no_bytes_make_it_panic_and_cuts_change_no_verdict(
        form in prop::collection::vec(prop::sample::select(
            b"\r\n--BOUND\r\n-: ;=\"Content-Disposition: form-data; name=a".to_vec()), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let form = [b"--BOUND\r\n", &form[..]].concat();
        prop_assert_eq!(read(&form, &cuts), read(&form, &[]));
    }
}
