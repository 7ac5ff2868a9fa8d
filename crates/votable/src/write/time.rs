//! Dates and times of day as ISO 8601 text.
//!
//! DALI 1.1, section 3.3.3; years 0 to 9999 of the proleptic Gregorian calendar.

use std::io::Write;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Span};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

const SECONDS_A_DAY: i64 = 86_400;

/// Appends `YYYY-MM-DD` for a number of days since 1970-01-01; `None` outside the years 0 to 9999.
pub(super) fn date(days: i64, out: &mut Vec<u8>) -> Option<()> {
    write!(out, "{}", day(days)?).ok()
}

/// Appends `hh:mm:ss` with `decimals` decimals for a count of 10^-decimals seconds; `None` outside a day.
pub(super) fn time(ticks: i64, decimals: u32, out: &mut Vec<u8>) -> Option<()> {
    write!(out, "{:.*}", decimals as usize, clock(ticks, decimals)?).ok()
}

/// Appends `YYYY-MM-DDThh:mm:ss` with decimals for a count of 10^-decimals seconds since 1970.
pub(super) fn timestamp(ticks: i64, decimals: u32, out: &mut Vec<u8>) -> Option<()> {
    let per_day = SECONDS_A_DAY * 10i64.pow(decimals);
    let time = day(ticks.div_euclid(per_day))?.to_datetime(clock(ticks.rem_euclid(per_day), decimals)?);
    write!(out, "{time:.*}", decimals as usize).ok()
}

fn day(days: i64) -> Option<Date> {
    let date = EPOCH.checked_add(Span::new().try_days(days).ok()?).ok()?;
    (date.year() >= 0).then_some(date)
}

fn clock(ticks: i64, decimals: u32) -> Option<Time> {
    let nanoseconds = ticks.checked_mul(10i64.pow(9 - decimals))?;
    Time::midnight().checked_add(SignedDuration::from_nanos(nanoseconds)).ok()
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
