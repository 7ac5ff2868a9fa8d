//! Angles with their units.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A distance on the sky, or a turn.
///
/// Any `f64` makes one, NaN too: what is sensible depends on the use. Text gives finite ones only.
///
/// ```
/// use uranometria_sky::Angle;
///
/// let radius: Angle = "11arcmin".parse()?;
/// assert_eq!(radius, Angle::from_arcmin(11.0));
/// assert_eq!(radius.arcsec(), 660.0);
/// assert_eq!("0.5".parse::<Angle>()?.to_string(), "30arcmin");
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Angle {
    degrees: f64,
}

type Constructor = fn(f64) -> Angle;

/// How units may be written; no name ends in another.
const UNITS: [(&str, Constructor); 8] = [
    ("arcmin", Angle::from_arcmin),
    ("arcsec", Angle::from_arcsec),
    ("mas", Angle::from_mas),
    ("deg", Angle::from_degrees),
    ("rad", Angle::from_radians),
    ("°", Angle::from_degrees),
    ("'", Angle::from_arcmin),
    ("\"", Angle::from_arcsec),
];

impl Angle {
    /// An angle of so many degrees.
    pub const fn from_degrees(degrees: f64) -> Self {
        Self { degrees }
    }

    /// An angle of so many minutes of arc, 60 to a degree.
    pub const fn from_arcmin(arcmin: f64) -> Self {
        Self { degrees: arcmin / 60.0 }
    }

    /// An angle of so many seconds of arc, 3,600 to a degree.
    pub const fn from_arcsec(arcsec: f64) -> Self {
        Self { degrees: arcsec / 3600.0 }
    }

    /// An angle of so many thousandths of a second of arc.
    pub const fn from_mas(mas: f64) -> Self {
        Self { degrees: mas / 3_600_000.0 }
    }

    /// An angle of so many radians.
    pub const fn from_radians(radians: f64) -> Self {
        Self { degrees: radians.to_degrees() }
    }

    /// The angle in degrees.
    pub const fn degrees(self) -> f64 {
        self.degrees
    }

    /// The angle in minutes of arc.
    pub const fn arcmin(self) -> f64 {
        self.degrees * 60.0
    }

    /// The angle in seconds of arc.
    pub const fn arcsec(self) -> f64 {
        self.degrees * 3600.0
    }

    /// The angle in thousandths of a second of arc.
    pub const fn mas(self) -> f64 {
        self.degrees * 3_600_000.0
    }

    /// The angle in radians.
    pub const fn radians(self) -> f64 {
        self.degrees.to_radians()
    }
}

/// Reads a number with a unit: `0.5deg`, `11arcmin`, `5arcsec`, `30mas`, `1e-3rad`, or `0.5°`, `11'`,
/// `5"`. Blanks around and between do not matter; a number alone is degrees.
impl FromStr for Angle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadAngle { found: text.to_owned() };
        let trimmed = text.trim();
        let unit = UNITS.iter().find_map(|(name, make)| Some((trimmed.strip_suffix(name)?, *make)));
        let (number, make) = unit.unwrap_or((trimmed, Self::from_degrees));
        let value: f64 = number.trim_end().parse().map_err(|_| bad())?;
        let angle = make(value);
        if value.is_finite() && angle.degrees.is_finite() { Ok(angle) } else { Err(bad()) }
    }
}

/// Writes the number in the largest of deg, arcmin and arcsec that makes it 1 or more, and in
/// arcsec below that; a precision (`{:.2}`) applies to the number.
impl fmt::Display for Angle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.degrees.abs();
        let (value, unit) = if size == 0.0 || size >= 1.0 || size.is_nan() {
            (self.degrees(), "deg")
        } else if self.arcmin().abs() >= 1.0 {
            (self.arcmin(), "arcmin")
        } else {
            (self.arcsec(), "arcsec")
        };
        fmt::Display::fmt(&value, f)?;
        f.write_str(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, arcsec: f64) {
        let angle: Angle = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!((angle.arcsec() - arcsec).abs() <= 1e-15 * arcsec.abs(), "{text}: {angle:?}");
    }

    #[test]
    fn text_with_a_unit_is_an_angle() {
        check("11arcmin", 660.0);
        check("0.5deg", 1800.0);
        check("5arcsec", 5.0);
        check("30mas", 0.03);
        check("0.5", 1800.0);
        check(" -2.5 arcsec ", -2.5);
        check("1e-3deg", 3.6);
        check("1.5'", 90.0);
        check("2\"", 2.0);
        check("1°", 3600.0);
        check("1rad", 206_264.806_247_096_36);
    }

    #[test]
    fn text_that_is_no_angle_says_what_would_be() {
        for text in
            ["", "deg", "five", "5 parsec", "nan", "inf", "NaNdeg", "1e999", "5arcminarcsec", "1e308rad"]
        {
            let error = text.parse::<Angle>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("angle is '{text}', expected")), "{error}");
        }
    }

    #[test]
    fn an_angle_is_written_in_the_unit_that_suits_it() {
        for text in ["0deg", "90deg", "-1.5deg", "30arcmin", "-11arcmin", "5arcsec", "0.03arcsec"] {
            assert_eq!(format!("{:.4}", text.parse::<Angle>().unwrap()), {
                let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap());
                format!("{:.4}{unit}", number.parse::<f64>().unwrap())
            });
        }
        assert_eq!(Angle::from_degrees(0.5).to_string(), "30arcmin");
        assert_eq!(Angle::from_degrees(f64::NAN).to_string(), "NaNdeg");
    }
}
