//! Dates as HTTP writes them.

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
    let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        [month as usize - 1];
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
}
