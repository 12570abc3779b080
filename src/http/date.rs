//! Dates as HTTP writes them, and as it reads them.
//!
//! A sender writes the first form; a recipient must accept all three (RFC 9110 §5.6.7):
//!
//! ```text
//! Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//! Sunday, 06-Nov-94 08:49:37 GMT   RFC 850's, obsolete
//! Sun Nov  6 08:49:37 1994         C's asctime, obsolete
//! ```

/// `seconds` since 1970 began, as an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`
/// (RFC 9110 §5.6.7). Years beyond 9999 are written as 9999's end.
///
/// It is a function of a number because the clock belongs to the loop; a server makes it once a
/// second and hands it to every response of that second.
pub fn imf_fixdate(seconds: u64) -> [u8; 29] {
    // 9999-12-31T23:59:59
    let seconds = seconds.min(253_402_300_799);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    // 1 January 1970 was a Thursday.
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let name = MONTHS[month as usize - 1];
    let mut text = *b"www, dd mmm yyyy hh:mm:ss GMT";
    text[..3].copy_from_slice(weekday.as_bytes());
    two_digits(&mut text[5..7], day);
    text[8..11].copy_from_slice(name.as_bytes());
    two_digits(&mut text[12..14], year / 100);
    two_digits(&mut text[14..16], year % 100);
    two_digits(&mut text[17..19], second / 3600);
    two_digits(&mut text[20..22], second / 60 % 60);
    two_digits(&mut text[23..25], second % 60);
    text
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Reads a date in any of the three forms: seconds since 1970 began, negative before. `None` if it
/// is in none of them, which a recipient is to take as if the field were not there.
///
/// The weekday has to be one but is not compared with the date, and a second of 60 is taken, as it
/// may be a leap second; letters are compared as they are (the grammar's strings are
/// case-sensitive). RFC 850's form has a year of two digits: it means the year with these digits
/// that is at most 50 years after `now`, also in seconds since 1970 began.
///
/// ```
/// use evloop::http::date::parse;
/// assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", 0), Some(784_111_777));
/// assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT", 1_000_000_000), Some(784_111_777));
/// assert_eq!(parse("Sun Nov  6 08:49:37 1994", 0), Some(784_111_777));
/// assert_eq!(parse("1994-11-06", 0), None);
/// ```
pub fn parse(text: &str, now: i64) -> Option<i64> {
    let (weekday, rest) = text.split_once([',', ' '])?;
    let is_short = WEEKDAYS.iter().any(|known| known[..3] == *weekday);
    match text.as_bytes()[weekday.len()] {
        b',' if is_short => fixdate(rest.strip_prefix(' ')?),
        b',' if WEEKDAYS.contains(&weekday) => rfc_850(rest.strip_prefix(' ')?, now),
        b' ' if is_short => asctime(rest),
        _ => None,
    }
}

/// `06 Nov 1994 08:49:37 GMT`
fn fixdate(text: &str) -> Option<i64> {
    let [day, month, year, time, "GMT"] = pieces(text, ' ')? else { return None };
    seconds(digits(year, 4)?, month_of(month)?, digits(day, 2)?, clock(time)?)
}

/// `06-Nov-94 08:49:37 GMT`
fn rfc_850(text: &str, now: i64) -> Option<i64> {
    let [date, time, "GMT"] = pieces(text, ' ')? else { return None };
    let [day, month, year] = pieces(date, '-')?;
    let (this_year, ..) = civil(u64::try_from(now).unwrap_or(0) / 86_400);
    let (day, month, year) = (digits(day, 2)?, month_of(month)?, digits(year, 2)?);
    let latest = this_year + 50;
    let year = latest - (latest - year) % 100;
    seconds(year, month, day, clock(time)?)
}

/// `Nov  6 08:49:37 1994`: a day of one digit has a blank before it.
fn asctime(text: &str) -> Option<i64> {
    let (month, rest) = text.split_once(' ')?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day = match day.strip_prefix(' ') {
        Some(digit) => digits(digit, 1)?,
        None => digits(day, 2)?,
    };
    let [time, year] = pieces(rest.strip_prefix(' ')?, ' ')?;
    seconds(digits(year, 4)?, month_of(month)?, day, clock(time)?)
}

fn pieces<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut pieces = text.split(separator);
    let mut all = [""; N];
    for place in &mut all {
        *place = pieces.next()?;
    }
    pieces.next().is_none().then_some(all)
}

fn digits(text: &str, count: usize) -> Option<u64> {
    let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok())?
}

fn month_of(name: &str) -> Option<u64> {
    MONTHS.iter().position(|known| *known == name).map(|at| at as u64 + 1)
}

/// `08:49:37`, in seconds.
fn clock(text: &str) -> Option<u64> {
    let [hour, minute, second] = pieces(text, ':')?;
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds since 1970 began of a day in the Gregorian calendar and a second in it; `None` if there
/// is no such day.
pub(crate) fn seconds(year: u64, month: u64, day: u64, second: u64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year > 9999 {
        return None;
    }
    Some(days(year as i64, month as i64, day as i64) * 86_400 + second as i64)
}

/// What [`civil`] undoes: days since 1970 began, negative before.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn two_digits(place: &mut [u8], number: u64) {
    place[0] = b'0' + (number / 10 % 10) as u8;
    place[1] = b'0' + (number % 10) as u8;
}

/// Year, month and day of a number of days since 1970 began, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day comes last, in eras of 400 years, which all
/// have 146097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    // 1 March of year 0 was 719468 days before 1 January 1970.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: u64) -> String {
        String::from_utf8(imf_fixdate(seconds).to_vec()).unwrap()
    }

    #[test]
    fn the_examples_of_the_standard_and_the_calendars_edges_come_out_right() {
        assert_eq!(text(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(text(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(text(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(text(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(text(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn days_follow_one_another_through_four_hundred_years() {
        let mut before = civil(0);
        for days in 1..146_100 {
            let now = civil(days);
            let next_day = (before.0, before.1, before.2 + 1);
            let next_month = (before.0 + before.1 / 12, before.1 % 12 + 1, 1);
            assert!(now == next_day || now == next_month && before.2 >= 28, "{before:?} {now:?}");
            before = now;
        }
        assert_eq!(civil(146_097), (2370, 1, 1));
    }

    #[test]
    fn what_was_written_is_read_again() {
        for second in (0..253_402_300_799).step_by(86_399 * 7_919) {
            assert_eq!(parse(&text(second), 0), Some(second as i64), "{}", text(second));
        }
        for day in 0..146_100 {
            let (year, month, date) = civil(day);
            assert_eq!(days(year as i64, month as i64, date as i64), day as i64);
        }
    }

    #[test]
    fn every_form_is_read_and_before_1970_is_negative() {
        let now = 1_700_000_000;
        for same in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(same, now), Some(784_111_777), "{same}");
        }
        assert_eq!(parse("Wed, 31 Dec 1969 23:59:59 GMT", now), Some(-1));
        assert_eq!(parse("Tue, 30 Jun 2015 23:59:60 GMT", now), Some(1_435_708_800));
        assert_eq!(parse("Tue Feb 29 00:00:00 2000", now), Some(951_782_400));
    }

    #[test]
    fn a_year_of_two_digits_lies_at_most_fifty_years_ahead() {
        let year = |digits: &str, now: u64| {
            let parsed = parse(&format!("Sunday, 01-Jan-{digits} 00:00:00 GMT"), now as i64);
            civil(parsed.unwrap() as u64 / 86_400).0
        };
        let in_2026 = 1_790_000_000;
        assert_eq!(
            [year("26", in_2026), year("76", in_2026), year("77", in_2026)],
            [2026, 2076, 1977]
        );
        assert_eq!([year("00", in_2026), year("99", in_2026)], [2000, 1999]);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for wrong in [
            "",
            "Sun",
            "Sun,",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 2100 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov \u{e9} 08:49:37 1994",
            "Son, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(wrong, 0), None, "{wrong:?}");
        }
    }
}
