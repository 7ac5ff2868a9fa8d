//! Barycentric TESS days to the calendar, and the light's way to the barycentre.
//!
//! Times are BTJD: Julian date in TDB minus 2,457,000. TDB differs from TT by the largest terms of its series, below
//! 20 microseconds off; TT - TAI is 32.184 s; TAI - UTC has been 37 s since 2017, before TESS was launched.
//!
//! The Sun's place: Astronomical Almanac, "low-precision formulas for the Sun", 0.01 degrees off.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// Julian date of BTJD 0.
pub(crate) const BTJD_ZERO: f64 = 2_457_000.0;

/// MJD of BTJD 0.
pub(crate) const BTJD_ZERO_MJD: f64 = 56_999.5;

/// Seconds from UTC to TT since 2017.
const TT_MINUS_UTC_S: f64 = 37.0 + 32.184;

/// Days from J2000.0 to BTJD 0.
const SINCE_J2000_D: f64 = BTJD_ZERO - 2_451_545.0;

/// The Sun's mean anomaly in radians.
fn anomaly(btjd: f64) -> f64 {
    (357.528 + 0.985_600_3 * (btjd + SINCE_J2000_D)).to_radians()
}

/// A moment of the calendar, without a time scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendar(DateTime);

impl Calendar {
    /// From milliseconds since the Julian date of BTJD 0.
    fn from_milliseconds(since: i64) -> Self {
        let zero = jiff::civil::date(2014, 12, 8).at(12, 0, 0, 0);
        Calendar(zero.saturating_add(SignedDuration::from_millis(since)))
    }

    /// The calendar of TDB itself.
    pub(crate) fn tdb(btjd: f64) -> Self {
        Self::from_milliseconds((btjd * 86_400e3).floor() as i64)
    }

    /// The calendar of UTC, rounded to milliseconds.
    pub(crate) fn utc(btjd: f64) -> Self {
        let g = anomaly(btjd);
        let tdb_minus_tt_s = 0.001_657 * libm::sin(g) + 0.000_014 * libm::sin(2.0 * g);
        let shift_ms = (TT_MINUS_UTC_S + tdb_minus_tt_s) * 1e3;
        Self::from_milliseconds((btjd * 86_400e3 - shift_ms).round() as i64)
    }

    /// As in DATE-OBS: `2018-07-25T19:04:30.657`.
    pub(crate) fn iso(self) -> String {
        format!("{:.3}", self.0)
    }

    /// As in DATE: `2018-07-25`.
    pub(crate) fn date(self) -> String {
        self.0.date().to_string()
    }

    /// As in names of files: year, day of year, hours, minutes, seconds without fraction.
    pub(crate) fn stamp(self) -> String {
        self.0.strftime("%Y%j%H%M%S").to_string()
    }
}

/// Days that light from a place on the sky (ICRS, degrees) needs less to the Earth than to the Sun: what is added to
/// a time on Earth. The Sun stands in for the barycentre, at most 5 s off.
pub(crate) fn barycentric_correction_d(btjd: f64, ra_deg: f64, dec_deg: f64) -> f64 {
    let g = anomaly(btjd);
    let mean = 280.460 + 0.985_647_4 * (btjd + SINCE_J2000_D);
    let longitude = (mean + 1.915 * libm::sin(g) + 0.020 * libm::sin(2.0 * g)).to_radians();
    let distance_au = 1.000_14 - 0.016_71 * libm::cos(g) - 0.000_14 * libm::cos(2.0 * g);
    let obliquity = 23.439_f64.to_radians();
    let (sin, cos) = (libm::sin(longitude), libm::cos(longitude));
    let earth = [-cos, -sin * libm::cos(obliquity), -sin * libm::sin(obliquity)];
    let (ra, dec) = (ra_deg.to_radians(), dec_deg.to_radians());
    let place = [libm::cos(dec) * libm::cos(ra), libm::cos(dec) * libm::sin(ra), libm::sin(dec)];
    let along: f64 = earth.iter().zip(place).map(|(a, b)| a * b).sum();
    along * distance_au * 499.004_784 / 86_400.0
}

/// Julian years from J2016.0 (TCB, here taken as TDB) to a time.
pub(crate) fn years_since_2016(btjd: f64) -> f64 {
    (btjd + BTJD_ZERO - 2_457_389.0) / 365.25
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From astropy 8.0.2: `Time(t + 2457000, format="jd", scale="tdb").utc.isot` and the strftime of make_ffis.
    #[test]
    fn times_turn_into_the_utc_calendar_as_astropy_does() {
        for (btjd, iso) in [
            (1325.2956, "2018-07-25T19:04:30.657"),
            (1325.4206, "2018-07-25T22:04:30.657"),
            (1850.5, "2020-01-01T23:58:50.816"),
            (1908.9995, "2020-02-29T11:58:07.615"),
            (2037.6956, "2020-07-07T04:40:30.656"),
            (2832.2956, "2022-09-09T19:04:30.657"),
        ] {
            assert_eq!(Calendar::utc(btjd).iso(), iso, "{btjd}");
        }
    }

    #[test]
    fn stamps_count_days_of_the_year() {
        assert_eq!(Calendar::tdb(1325.2956).stamp(), "2018206190539");
        assert_eq!(Calendar::tdb(2214.5).stamp(), "2020366000000");
        assert_eq!(Calendar::tdb(2215.5).stamp(), "2021001000000");
        assert_eq!(Calendar::utc(0.0).date(), "2014-12-08");
    }

    /// From astropy 8.0.2: `Time.light_travel_time` for the Earth's centre.
    #[test]
    fn the_barycentric_correction_is_right_to_five_seconds() {
        for (btjd, ra, dec, seconds) in
            [(1325.3, 319.4, -41.28, 457.04), (1500.0, 88.95, -75.39, -69.37), (2830.0, 0.0, 45.0, 302.07)]
        {
            let found = barycentric_correction_d(btjd, ra, dec) * 86_400.0;
            assert!((found - seconds).abs() < 5.0, "{btjd}: {found} s, astropy {seconds} s");
        }
    }
}
