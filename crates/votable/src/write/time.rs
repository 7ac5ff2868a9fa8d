//! Dates and times of day as ISO 8601 text.
//!
//! DALI 1.1, section 3.3.3; years 0 to 9999 of the proleptic Gregorian calendar. Days are turned into dates by counting
//! years from March on, as in Hinnant, "chrono-compatible low-level date algorithms", 2021.

const SECONDS_A_DAY: i64 = 86_400;

/// Writes `number` with `digits` digits.
fn digits(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10u64.pow(place) % 10) as u8);
    }
}

/// Appends `YYYY-MM-DD` for a number of days since 1970-01-01; `None` outside the years 0 to 9999.
pub(super) fn date(days: i64, out: &mut Vec<u8>) -> Option<()> {
    // Days since 0000-03-01: with February last, the leap day is the last of a year and the months before it have
    // lengths that repeat every five.
    let since_march = days.checked_add(719_468)?;
    // Periods of 400 years are all alike.
    let (period, day) = (since_march.div_euclid(146_097), since_march.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let calendar_month = if month < 10 { month + 3 } else { month - 9 };
    let year = period * 400 + year + i64::from(calendar_month <= 2);
    if !(0..=9999).contains(&year) {
        return None;
    }
    digits(out, year as u64, 4);
    out.push(b'-');
    digits(out, calendar_month as u64, 2);
    out.push(b'-');
    digits(out, day_of_month as u64, 2);
    Some(())
}

/// Appends `hh:mm:ss` with `decimals` decimals for a count of 10^-decimals seconds; `None` outside a day.
pub(super) fn time(ticks: i64, decimals: u32, out: &mut Vec<u8>) -> Option<()> {
    let per_second = 10i64.pow(decimals);
    let seconds = ticks.div_euclid(per_second);
    if !(0..SECONDS_A_DAY).contains(&seconds) {
        return None;
    }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    for (n, part) in [hours, minutes, seconds % 60].into_iter().enumerate() {
        if n > 0 {
            out.push(b':');
        }
        digits(out, part as u64, 2);
    }
    if decimals > 0 {
        out.push(b'.');
        digits(out, ticks.rem_euclid(per_second) as u64, decimals);
    }
    Some(())
}

/// Appends `YYYY-MM-DDThh:mm:ss` with decimals for a count of 10^-decimals seconds since 1970.
pub(super) fn timestamp(ticks: i64, decimals: u32, out: &mut Vec<u8>) -> Option<()> {
    let per_day = SECONDS_A_DAY * 10i64.pow(decimals);
    date(ticks.div_euclid(per_day), out)?;
    out.push(b'T');
    time(ticks.rem_euclid(per_day), decimals, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |days: i64, wanted: Option<&str>| {
            let mut out = Vec::new();
            let found = date(days, &mut out).map(|()| String::from_utf8(out).unwrap());
            assert_eq!(found.as_deref(), wanted, "{days}");
        };
        check(0, Some("1970-01-01"));
        check(-1, Some("1969-12-31"));
        check(11_016, Some("2000-02-29"));
        check(11_017, Some("2000-03-01"));
        check(-25_509, Some("1900-02-28"));
        check(-25_508, Some("1900-03-01"));
        check(-719_528, Some("0000-01-01"));
        check(-719_529, None);
        check(2_932_896, Some("9999-12-31"));
        check(2_932_897, None);
        check(i64::MAX, None);
        check(i64::MIN, None);
    }

    #[test]
    fn times_before_1970_count_forward_within_their_day() {
        let check = |ticks: i64, decimals: u32, wanted: &str| {
            let mut out = Vec::new();
            timestamp(ticks, decimals, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        };
        check(-1, 3, "1969-12-31T23:59:59.999");
        check(1_532_000_000, 0, "2018-07-19T11:33:20");
        check(i64::MAX, 9, "2262-04-11T23:47:16.854775807");
        check(i64::MIN, 9, "1677-09-21T00:12:43.145224192");
    }
}
