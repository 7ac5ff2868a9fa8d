//! From the times of alerts to nights.
//!
//! A night is a calendar date of UTC, as in the archives of ZTF's brokers. ZTF gives UTC as a Julian date, Rubin TAI as
//! a modified one, from which leap seconds are taken: TAI - UTC was 10 s at the beginning of 1972 and is 37 s since
//! 2017. As a Julian date has 86,400 seconds a day, what happens in a leap second belongs to the day after.
//!
//! Leap seconds: IERS Bulletin C, up to number 70 (none announced since 2017-01-01).

use jiff::ToSpan;
use jiff::civil::Date;

/// The modified Julian date of 1970-01-01.
const MJD_1970: f64 = 40_587.0;

/// The modified Julian dates (UTC) from which TAI - UTC is 10, 11, 12 … seconds.
const LEAPS: [u32; 28] = [
    41_317, 41_499, 41_683, 42_048, 42_413, 42_778, 43_144, 43_509, 43_874, 44_239, 44_786, 45_151, 45_516,
    46_247, 47_161, 47_892, 48_257, 48_804, 49_169, 49_534, 50_083, 50_630, 51_179, 53_736, 54_832, 56_109,
    57_204, 57_754,
];

/// The night of a Julian date (UTC), in days since 1970-01-01; nothing for what is no time between 1972 and 2200.
pub(crate) fn night_of_jd_utc(jd: f64) -> Option<i32> {
    night((jd - 2_400_000.5).floor())
}

/// The night of a modified Julian date (TAI).
pub(crate) fn night_of_mjd_tai(mjd: f64) -> Option<i32> {
    let leaps = |(n, day): (usize, &u32)| {
        let seconds = 10.0 + n as f64;
        (mjd >= f64::from(*day) + seconds / 86_400.0).then_some(seconds)
    };
    let seconds = LEAPS.iter().enumerate().rev().find_map(leaps)?;
    night((mjd - seconds / 86_400.0).floor())
}

fn night(mjd: f64) -> Option<i32> {
    // 1972-01-01 and 2200-01-01.
    (41_317.0..124_593.0).contains(&mjd).then_some((mjd - MJD_1970) as i32)
}

/// The date of a night.
pub(crate) fn date(night: i32) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(night.days()).unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(night: Option<i32>, expected: &str) {
        assert_eq!(night.map_or("none".to_string(), |night| date(night).to_string()), expected);
    }

    #[test]
    fn nights_are_dates_of_utc() {
        check(night_of_jd_utc(2_458_493.963_680_6), "2019-01-10");
        check(night_of_jd_utc(2_458_494.5), "2019-01-11");
        check(night_of_jd_utc(2_458_494.499_999_9), "2019-01-10");
        for nothing in [f64::NAN, f64::INFINITY, 0.0, 58_493.0, 1e9] {
            check(night_of_jd_utc(nothing), "none");
        }
    }

    #[test]
    fn leap_seconds_are_taken_from_tai() {
        // 2026-01-01T00:00:00 UTC is 37 s later in TAI.
        check(night_of_mjd_tai(61_041.0 + 36.9 / 86_400.0), "2025-12-31");
        check(night_of_mjd_tai(61_041.0 + 37.1 / 86_400.0), "2026-01-01");
        // On the day before the leap second of 2016 they were 36.
        check(night_of_mjd_tai(57_753.0 + 36.1 / 86_400.0), "2016-12-31");
        check(night_of_mjd_tai(57_753.0 + 35.9 / 86_400.0), "2016-12-30");
        check(night_of_mjd_tai(f64::NAN), "none");
    }
}
