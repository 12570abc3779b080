//! What must be so of any bytes at all, of the formats beside messages and frames: shared by the
//! unit tests here and the fuzz targets.
//!
//! Every function panics where its property does not hold.

use super::cookie;
use super::cookie_jar::{CookieJar, Destination, MOST_HEADER_BYTES, MOST_PER_DOMAIN};
use super::h1::properties::cuts;
use super::multipart::{FormParser, PartHead, Step};

pub use super::files::properties::{
    files_are_planned_within_themselves, names_stay_in_their_place,
};

// ---- cookies ------------------------------------------------------------------------------------

/// A `Cookie` field of any bytes gives names and values, and what they were written as again gives
/// the same.
pub fn cookies_are_read_however_they_were_written(input: &[u8]) {
    let pairs: Vec<_> = cookie::parse(input).collect();
    for (name, value) in &pairs {
        assert!(!name.is_empty() && !name.contains(['=', ';']) && !value.contains(';'));
    }
    let written: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let written = written.join("; ");
    let again: Vec<_> = cookie::parse(written.as_bytes()).collect();
    assert_eq!(again, pairs);
}

/// A jar that is given any lines as `Set-Cookie` by one host keeps its bounds, sends what a header
/// can have, and sends it nowhere else.
pub fn a_jar_keeps_its_bounds_and_its_secrets(input: &[u8]) {
    let at = |host, path, secure| Destination { host, path, secure };
    let from = at("a.example.org", "/one/two", true);
    let mut jar = CookieJar::new();
    for line in input.split(|byte| *byte == b'\n') {
        jar.set(from, line, 1_000_000);
        assert!(jar.len() <= 3 * MOST_PER_DOMAIN, "the host itself, and two domains above it");
    }
    for other in ["example.com", "org", "xa.example.org.evil", "127.0.0.1", ""] {
        assert_eq!(jar.header(at(other, "/one/two", true), 1_000_000), None, "{other}");
    }
    let secure = sent(&mut jar, from);
    let plain = sent(&mut jar, at("a.example.org", "/one/two", false));
    // Unless the field has no room for all of them.
    if input.len() < MOST_HEADER_BYTES {
        assert!(plain.iter().all(|it| secure.contains(it)), "{plain:?} {secure:?}");
    }
    let sibling = sent(&mut jar, at("b.example.org", "/one/two", true));
    assert!(sibling.len() <= jar.len());
    jar.clear_domain("example.org");
    assert!(jar.is_empty());
}

/// What goes there.
fn sent(jar: &mut CookieJar, to: Destination<'_>) -> Vec<String> {
    let Some(header) = jar.header(to, 1_000_000) else { return Vec::new() };
    assert!(header.len() <= MOST_HEADER_BYTES);
    assert!(header.as_bytes().iter().all(|byte| *byte >= b' ' || *byte == b'\t'));
    String::from_utf8_lossy(header.as_bytes()).split("; ").map(str::to_owned).collect()
}

// ---- forms --------------------------------------------------------------------------------------

/// A part, as much as came of it.
type Part = (PartHead, Vec<u8>, bool);

/// However a form is cut, its parts are the same, and so is what is wrong with it.
pub fn forms_are_the_same_however_they_are_cut(input: &[u8]) {
    let whole = parts(&[input]);
    assert!(whole.0.iter().map(|part| part.1.len()).sum::<usize>() <= input.len());
    for cut in cuts(input) {
        assert_eq!(parts(&cut), whole, "cut into {cut:02x?}");
    }
    a_form_is_read_as_it_was_written(input);
}

fn parts(pieces: &[&[u8]]) -> (Vec<Part>, Result<bool, &'static str>) {
    let mut parser = FormParser::new(b"B").expect("a boundary");
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        parser.push(piece);
        loop {
            match (parser.step(), parts.last_mut()) {
                (Err(what), _) => return (parts, Err(what)),
                (Ok(Step::NeedData | Step::End), _) => break,
                (Ok(Step::Part(head)), _) => parts.push((head, Vec::new(), false)),
                (Ok(Step::Data(data)), Some(part)) => {
                    assert!(!data.is_empty() && !part.2, "it is of the part under way");
                    part.1.extend(data);
                }
                (Ok(Step::EndOfPart), Some(part)) => part.2 = true,
                (Ok(step), None) => panic!("{step:?} before the first part"),
            }
        }
    }
    (parts, Ok(parser.is_over()))
}

/// Two parts that hold what the delimiter leaves free.
fn a_form_is_read_as_it_was_written(input: &[u8]) {
    let (one, other) = input.split_at(input.len() / 2);
    let delimiter = b"\r\n--B";
    if [one, other].iter().any(|body| body.windows(delimiter.len()).any(|it| it == delimiter)) {
        return;
    }
    let head = "Content-Disposition: form-data; name=\"n\"\r\n\r\n";
    let form = [
        format!("--B\r\n{head}").as_bytes(),
        one,
        format!("\r\n--B\r\n{head}").as_bytes(),
        other,
        b"\r\n--B--\r\n",
    ]
    .concat();
    let (parts, ended) = parts(&[&form]);
    let bodies: Vec<_> = parts.iter().map(|part| &part.1[..]).collect();
    assert_eq!((bodies, ended), (vec![one, other], Ok(true)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_cookies_are_read_and_kept_within_bounds(
            any in any::<Vec<u8>>(),
            lines in "([a-c]{0,2}=[a-c\";]{0,4}(; (Domain=(org|example.org|a.example.org|b.c)|Path=/[a-z/]{0,5}|Secure|Max-Age=-?[0-9]{0,3})){0,3}\n){0,80}",
        ) {
            for input in [&any[..], lines.as_bytes()] {
                cookies_are_read_however_they_were_written(input);
                a_jar_keeps_its_bounds_and_its_secrets(input);
            }
        }

        #[test]
        fn any_form_is_the_same_however_it_is_cut(
            any in any::<Vec<u8>>(),
            form in "(\r\n|--B|--|\r|-|B|Content-Disposition: form-data; name=\"?x\"?|[a-z ]{1,3}|: ){0,40}",
        ) {
            forms_are_the_same_however_they_are_cut(&any);
            forms_are_the_same_however_they_are_cut(form.as_bytes());
        }

        #[test]
        fn any_request_for_a_file_is_planned_and_any_name_listed(
            any in any::<Vec<u8>>(),
            lines in "((bytes=)?[0-9]{0,3}-[0-9]{0,3}(,[0-9]{0,2}-[0-9]{0,2}){0,3}\n|\"[a-f0-9-]{0,20}\"\n|[.a<&\"'/]{0,4}\n){0,8}",
        ) {
            for input in [&any[..], lines.as_bytes()] {
                files_are_planned_within_themselves(input);
                names_stay_in_their_place(input);
            }
        }
    }
}
