//! Ends of windows and widths of gaps as people write them.

use arrow_schema::{DataType, TimeUnit};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// An end of a window, in units of x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A whole number: for times the count of their unit.
    Integer(i128),
    /// Any number; NaN leaves the window empty.
    Float(f64),
}

impl From<f64> for Bound {
    fn from(bound: f64) -> Self {
        Bound::Float(bound)
    }
}

impl From<i64> for Bound {
    fn from(bound: i64) -> Self {
        Bound::Integer(bound.into())
    }
}

/// The part of a series from one x to another, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// The lowest x; `None` for the first there is.
    pub from: Option<Bound>,
    /// The highest x; `None` for the last there is.
    pub to: Option<Bound>,
}

impl Window {
    /// Whether it is the whole series.
    pub fn is_all(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// Which end a bound is: between two numbers of the type of x, the lower end is rounded up, the upper one down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    From,
    To,
}

/// A type of x in which bounds can be had.
pub(crate) trait Limit: Sized + PartialOrd + Copy {
    /// The lowest number not below the bound, if there is one.
    fn at_least(bound: Bound) -> Option<Self>;
    /// The highest number not above the bound, if there is one.
    fn at_most(bound: Bound) -> Option<Self>;
}

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Limit for $float {
            fn at_least(bound: Bound) -> Option<Self> {
                // The nearest: whoever writes 0.1 means the number that 0.1 became in the file.
                let bound = match bound {
                    Bound::Integer(bound) => bound as $float,
                    Bound::Float(bound) => bound as $float,
                };
                (!bound.is_nan()).then_some(bound)
            }

            fn at_most(bound: Bound) -> Option<Self> {
                Self::at_least(bound)
            }
        }
    )*};
}

floats!(f32, f64);

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Limit for $integer {
            fn at_least(bound: Bound) -> Option<Self> {
                // Conversion from floats saturates, and i128 is wider than anything that could be in between.
                let bound = match bound {
                    Bound::Integer(bound) => bound,
                    Bound::Float(bound) if bound.is_nan() => return None,
                    Bound::Float(bound) => bound.ceil() as i128,
                };
                <$integer>::try_from(bound.max(<$integer>::MIN.into())).ok()
            }

            fn at_most(bound: Bound) -> Option<Self> {
                let bound = match bound {
                    Bound::Integer(bound) => bound,
                    Bound::Float(bound) if bound.is_nan() => return None,
                    Bound::Float(bound) => bound.floor() as i128,
                };
                <$integer>::try_from(bound.min(<$integer>::MAX.into())).ok()
            }
        }
    )*};
}

integers!(i64, u64);

/// The zone of times that were written with one.
pub(crate) const UTC: &str = "UTC";

/// Nanoseconds since 1970 of a date and time, in UTC where it has no zone, and whether it has one; `None` where it is
/// none or 64 bits do not suffice.
pub(crate) fn nanoseconds(text: &str) -> Option<(i64, bool)> {
    let (time, zoned) = in_zone(text)?;
    Some((i64::try_from(time).ok()?, zoned))
}

fn instant(text: &str) -> Option<i128> {
    in_zone(text).map(|(time, _)| time)
}

fn in_zone(text: &str) -> Option<(i128, bool)> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some((time.as_nanosecond(), true));
    }
    let civil = text.parse::<DateTime>().ok()?;
    // By days: the last ones of 9999, which stands for ever in many a table, are no instants to jiff.
    Some((civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_nanos(), false))
}

/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;

/// The start or the last nanosecond of a year, month or day in UTC; `None` where the text is none of them.
fn of_calendar(text: &str, side: Side) -> Option<i128> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| match parts.next() {
        None => Some(None),
        Some(part) if part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            part.parse::<i16>().ok().map(Some)
        }
        Some(_) => None,
    };
    let (year, month, day) = (part(4)??, part(2)?, part(2)?);
    if parts.next().is_some() {
        return None;
    }
    let first = Date::new(year, month.unwrap_or(1) as i8, day.unwrap_or(1) as i8).ok()?;
    let utc = |date: Date| date.duration_since(Date::constant(1970, 1, 1)).as_nanos();
    if side == Side::From {
        return Some(utc(first));
    }
    let last = match (month, day) {
        (_, Some(_)) => first,
        (Some(_), None) => first.last_of_month(),
        (None, None) => first.last_of_year(),
    };
    Some(utc(last) + DAY - 1)
}

/// Nanoseconds of a duration like `90s`, `2h 30m` or `1 day`; days have 24 hours.
fn duration(text: &str) -> Option<i128> {
    let span = text.parse::<jiff::Span>().ok()?;
    Some(span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?.as_nanos())
}

fn per_unit(unit: &TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Reads the end of a window for an x of that type (`None`: the row number).
pub(crate) fn parse(
    text: &str,
    side: Side,
    (column, data_type): (&str, Option<&DataType>),
) -> Result<Bound, Error> {
    let text = text.trim();
    let has_dates = matches!(data_type, Some(DataType::Timestamp(..) | DataType::Date32 | DataType::Date64));
    let calendar = if has_dates { of_calendar(text, side) } else { None };
    if let (Ok(number), None) = (text.parse::<i128>(), calendar) {
        return Ok(Bound::Integer(number));
    }
    match text.parse::<f64>() {
        Ok(number) if !number.is_nan() && calendar.is_none() => return Ok(Bound::Float(number)),
        _ => {}
    }
    let instant = |text| calendar.or_else(|| instant(text));
    // Nanoseconds, and how many of them are one of x.
    let (time, unit, wanted) = match data_type {
        Some(DataType::Timestamp(unit, _)) => {
            (instant(text), per_unit(unit), "a date and time like 2024-01-31T12:00:00, or a number")
        }
        Some(DataType::Date32) => (instant(text), DAY, "a date like 2024-01-31, or a number of days"),
        Some(DataType::Date64) => (instant(text), 1_000_000, "a date like 2024-01-31, or a number"),
        Some(DataType::Time32(unit) | DataType::Time64(unit)) => {
            let time = text.parse::<Time>().ok();
            let since_midnight = time.map(|time| time.duration_since(Time::midnight()).as_nanos());
            (since_midnight, per_unit(unit), "a time like 12:30:00, or a number")
        }
        Some(DataType::Duration(unit)) => {
            (duration(text), per_unit(unit), "a duration like 10s or 1d, or a number")
        }
        _ => (None, 1, "a number"),
    };
    let refuse = || Error::Bound {
        found: text.to_string(),
        what: "end of a window",
        column: column.to_string(),
        wanted,
    };
    let time = time.ok_or_else(refuse)?;
    let (whole, rest) = (time.div_euclid(unit), time.rem_euclid(unit));
    Ok(Bound::Integer(whole + i128::from(side == Side::From && rest > 0)))
}

/// Reads the width of a gap in units of x; for times also with a unit, as `90s` or `2h 30m`.
pub(crate) fn parse_width(text: &str, (column, data_type): (&str, Option<&DataType>)) -> Result<f64, Error> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>()
        && number > 0.0
    {
        return Ok(number);
    }
    let unit = match data_type {
        Some(
            DataType::Timestamp(unit, _)
            | DataType::Time32(unit)
            | DataType::Time64(unit)
            | DataType::Duration(unit),
        ) => Some(per_unit(unit) as f64),
        Some(DataType::Date32) => Some(86_400e9),
        Some(DataType::Date64) => Some(1e6),
        _ => None,
    };
    match unit.zip(duration(text)) {
        Some((unit, nanoseconds)) if nanoseconds > 0 => Ok(nanoseconds as f64 / unit),
        _ => Err(Error::Bound {
            found: text.to_string(),
            what: "width of a gap",
            column: column.to_string(),
            wanted: if unit.is_some() {
                "a duration like 90s or 2h, or a number above 0"
            } else {
                "a number above 0"
            },
        }),
    }
}

/// How many of a unit are a second.
pub(crate) fn ticks_per_second(unit: TimeUnit) -> f64 {
    1e9 / per_unit(&unit) as f64
}

/// How many of x are a second, where x counts from a date or from midnight.
pub(crate) fn clock(data_type: &DataType) -> Option<f64> {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => {
            Some(1e9 / per_unit(unit) as f64)
        }
        DataType::Date32 => Some(1.0 / 86_400.0),
        DataType::Date64 => Some(1e3),
        _ => None,
    }
}

/// Writes an x for people: times as dates.
pub(crate) fn text(number: i64, data_type: &DataType) -> String {
    let date = |nanoseconds: i128| Timestamp::from_nanosecond(nanoseconds).ok();
    let time = match data_type {
        DataType::Timestamp(unit, _) => date(i128::from(number) * per_unit(unit)),
        DataType::Date32 => date(i128::from(number) * 86_400_000_000_000),
        DataType::Date64 => date(i128::from(number) * 1_000_000),
        _ => None,
    };
    match (time, data_type) {
        (Some(time), DataType::Date32) => {
            Date::from(time.to_zoned(jiff::tz::TimeZone::UTC).datetime()).to_string()
        }
        (Some(time), DataType::Timestamp(_, None)) => {
            time.to_zoned(jiff::tz::TimeZone::UTC).datetime().to_string()
        }
        (Some(time), _) => time.to_string(),
        (None, DataType::Time32(_) | DataType::Time64(_)) => {
            let since_midnight =
                SignedDuration::from_secs_f64(number as f64 / clock(data_type).unwrap_or(1.0));
            Time::midnight().wrapping_add(since_midnight).to_string()
        }
        (None, _) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);
    const S: DataType = DataType::Timestamp(TimeUnit::Second, None);

    #[test]
    fn dates_and_numbers_are_bounds_in_units_of_x() {
        let check = |text: &str, side, data_type: &DataType, wanted: Option<Bound>| {
            assert_eq!(parse(text, side, ("t", Some(data_type))).ok(), wanted, "{text} {data_type}");
        };
        let integer = |bound| Some(Bound::Integer(bound));
        check("1970-01-01T00:00:01.000000001", Side::From, &NS, integer(1_000_000_001));
        check("1970-01-02", Side::From, &NS, integer(86_400_000_000_000));
        check("1970-01-01T02:00:00+02:00", Side::To, &S, integer(0));
        check("1970-01-01 00:00:00.5", Side::From, &S, integer(1));
        check("1970-01-01 00:00:00.5", Side::To, &S, integer(0));
        check("1969-12-31T23:59:59.5Z", Side::To, &S, integer(-1));
        check("2000-01-01", Side::To, &DataType::Date32, integer(10_957));
        check("01:00:00", Side::To, &DataType::Time32(TimeUnit::Millisecond), integer(3_600_000));
        check("1704067200000000001", Side::To, &NS, integer(1_704_067_200_000_000_001));
        check("-1.5", Side::From, &DataType::Float64, Some(Bound::Float(-1.5)));
        check("2000-01-01", Side::From, &DataType::Float64, None);
        check("nan", Side::From, &DataType::Float64, None);
        check("yesterday", Side::From, &NS, None);
    }

    #[test]
    fn years_months_and_days_are_whole_and_durations_have_units() {
        let check = |text: &str, side, data_type: &DataType, wanted: &str| {
            let Ok(Bound::Integer(found)) = parse(text, side, ("t", Some(data_type))) else {
                panic!("{text} is no bound")
            };
            assert_eq!(super::text(found as i64, data_type), wanted, "{text}");
        };
        check("2024", Side::From, &NS, "2024-01-01T00:00:00");
        check("2024", Side::To, &NS, "2024-12-31T23:59:59.999999999");
        check("2024-02", Side::To, &S, "2024-02-29T23:59:59");
        check("2024-05-31", Side::To, &S, "2024-05-31T23:59:59");
        check("2024-05-31", Side::From, &S, "2024-05-31T00:00:00");
        check("2024-05-31T00:00", Side::To, &S, "2024-05-31T00:00:00");
        check("2024-02", Side::To, &DataType::Date32, "2024-02-29");
        for forever in ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59"] {
            assert_eq!(
                parse(forever, Side::To, ("t", Some(&S))).ok(),
                Some(Bound::Integer(253_402_300_799)),
                "{forever}"
            );
        }
        assert_eq!(
            parse("9999-12-31", Side::From, ("t", Some(&S))).ok(),
            Some(Bound::Integer(253_402_214_400))
        );
        let of = |text, data_type| parse(text, Side::From, ("t", Some(data_type))).ok();
        let ms = DataType::Duration(TimeUnit::Millisecond);
        assert_eq!(of("10s", &ms), Some(Bound::Integer(10_000)));
        assert_eq!(of("2024", &ms), Some(Bound::Integer(2024)));
        assert_eq!(of("2024", &DataType::Int64), Some(Bound::Integer(2024)));
        assert_eq!(of("20240", &S), Some(Bound::Integer(20_240)));
    }

    #[test]
    fn bounds_between_integers_shrink_the_window_and_those_beyond_all_end_it() {
        assert_eq!((i64::at_least(1.5.into()), i64::at_most(1.5.into())), (Some(2), Some(1)));
        assert_eq!((i64::at_least(1e300.into()), i64::at_most(1e300.into())), (None, Some(i64::MAX)));
        assert_eq!((u64::at_least((-1).into()), u64::at_most((-1).into())), (Some(0), None));
        assert_eq!((f64::at_least(f64::NAN.into()), f32::at_least(0.1.into())), (None, Some(0.1)));
    }

    #[test]
    fn gaps_have_units_where_x_is_a_time() {
        let width = |text, data_type| parse_width(text, ("t", Some(data_type))).ok();
        assert_eq!(width("90s", &NS), Some(90e9));
        assert_eq!(width("1h 30m", &S), Some(5400.0));
        assert_eq!(width("1d", &S), Some(86_400.0));
        assert_eq!(width("1 day", &S), Some(86_400.0));
        assert_eq!(width("0.5", &DataType::Float64), Some(0.5));
        assert_eq!(width("90s", &DataType::Float64), None);
        assert_eq!(width("0", &DataType::Float64), None);
        assert_eq!(width("-5s", &S), None);
    }

    #[test]
    fn times_are_written_as_dates() {
        assert_eq!(text(1_000_000_000, &NS), "1970-01-01T00:00:01");
        assert_eq!(
            text(1, &DataType::Timestamp(TimeUnit::Second, Some("UTC".into()))),
            "1970-01-01T00:00:01Z"
        );
        assert_eq!(text(10_957, &DataType::Date32), "2000-01-01");
        assert_eq!(text(7, &DataType::Int64), "7");
    }
}
