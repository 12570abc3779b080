//! The dates of cookies, which are whatever servers wrote before there was a standard
//! (RFC 6265 §5.1.1): an hour, a day, a month and a year in any order, and anything else ignored.

use super::date::seconds;

/// Reads the value of `Expires`: seconds since 1970 began, negative before.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && is_found(&mut time, clock(token))
            || day.is_none() && is_found(&mut day, leading_number(token, 1, 2))
            || month.is_none() && is_found(&mut month, month_of(token))
            || year.is_none() && is_found(&mut year, leading_number(token, 2, 4))
        {
            continue;
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    if year < 1601 { None } else { seconds(year, month?, day?, time?) }
}

fn is_found(place: &mut Option<u64>, found: Option<u64>) -> bool {
    *place = found;
    found.is_some()
}

/// Every ASCII character but letters, digits, the colon and control characters.
fn is_delimiter(character: char) -> bool {
    matches!(character, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// A number of so many digits, before the end or what is no digit.
fn leading_number(token: &str, least: usize, most: usize) -> Option<u64> {
    let end = token.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(token.len());
    (least..=most).contains(&end).then(|| token[..end].parse().ok())?
}

/// As `8:49:37`, in seconds.
fn clock(token: &str) -> Option<u64> {
    let mut pieces = token.splitn(3, ':');
    let mut whole = || {
        let piece = pieces.next()?;
        leading_number(piece, piece.len(), 2)
    };
    let (hour, minute) = (whole()?, whole()?);
    let second = leading_number(pieces.next()?, 1, 2)?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn month_of(token: &str) -> Option<u64> {
    let names = "janfebmaraprmayjunjulaugsepoctnovdec";
    let name = token.get(..3)?.to_ascii_lowercase();
    let at = names.as_bytes().chunks(3).position(|known| known == name.as_bytes())?;
    Some(at as u64 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_however_servers_write_them() {
        for same in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 november 94 8:49:37 CET",
            "1994 08:49:37 nov 6",
            "06 Nov 1994 08:49:37Z",
        ] {
            assert_eq!(parse(same), Some(784_111_777), "{same}");
        }
        assert_eq!(parse("1 Jan 70 0:0:0"), Some(0));
        assert_eq!(parse("1 Jan 69 0:0:0"), Some(3_124_224_000));
    }

    #[test]
    fn what_lacks_a_part_or_has_an_impossible_one_is_no_date() {
        for wrong in [
            "",
            "Sun, 06 Nov 1994",
            "06 Nov 08:49:37",
            "Nov 1994 08:49:37",
            "06 1994 08:49:37",
            "31 Feb 1994 08:49:37",
            "06 Nov 1600 08:49:37",
            "06 Nov 1994 24:49:37",
            "06 Nov 1994 008:49:37",
            "06 Nov 1994 :49:37",
            "\u{e9}\u{e9} Nov 1994 08:49:37",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, close in "[0-9a-z:; -]{0,40}") {
            let _ = (parse(&text), parse(&close));
        }
    }
}
