//! What is made of lists: counts, extremes, lines through points.

use arrow_buffer::BooleanBuffer;

use super::evaluate::{Elements, Evaluator, Scope, Truths};
use super::expr::{Over, Truth, What};
use crate::Error;

/// The elements that count.
pub(super) fn counted(
    evaluator: &Evaluator<'_>,
    elements: &std::rc::Rc<Elements>,
    condition: Option<&Truth>,
) -> Result<BooleanBuffer, Error> {
    let scope = Scope::Elements(elements.clone());
    match condition {
        None => Ok(BooleanBuffer::new_set(evaluator.rows(&scope))),
        Some(condition) => Ok(evaluator.truth(condition, &scope)?.yes),
    }
}

/// Whether a test holds for any of the elements that count, by SQL's rule: unknown where it does for none and is unknown
/// for one; false where there are none.
pub(super) fn any(
    evaluator: &Evaluator<'_>,
    list: usize,
    value: &Truth,
    condition: Option<&Truth>,
) -> Result<Truths, Error> {
    let elements = evaluator.elements(list)?;
    let counted = counted(evaluator, &elements, condition)?;
    let value = evaluator.truth(value, &Scope::Elements(elements.clone()))?;
    let (yes, no) = (&value.yes & &counted, &value.no | &!&counted);
    let rows = evaluator.rows(&Scope::Rows);
    let bits = |bits: &BooleanBuffer, row: usize| {
        let range = elements.of(row);
        (bits.slice(range.start, range.len()).count_set_bits(), range.len())
    };
    Ok(Truths {
        yes: BooleanBuffer::collect_bool(rows, |row| bits(&yes, row).0 > 0),
        no: BooleanBuffer::collect_bool(rows, |row| {
            let (no, all) = bits(&no, row);
            no == all
        }),
    })
}

/// A point of a light curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) time: f64,
    pub(super) value: f64,
    pub(super) weight: f64,
}

/// The number that is made of a list in each row; NaN is NULL.
pub(super) fn number(evaluator: &Evaluator<'_>, over: &Over) -> Result<Vec<f64>, Error> {
    let elements = evaluator.elements(over.list)?;
    let counted = counted(evaluator, &elements, over.condition.as_ref())?;
    let scope = Scope::Elements(elements.clone());
    let value = evaluator.number(&over.value, &scope)?;
    let time = over.time.as_ref().map(|time| evaluator.number(time, &scope)).transpose()?;
    let error = over.error.as_ref().map(|error| evaluator.number(error, &scope)).transpose()?;
    let mut points = Vec::new();
    let rows = evaluator.rows(&Scope::Rows);
    let made = (0..rows).map(|row| {
        points.clear();
        for at in elements.of(row) {
            if !counted.value(at) {
                continue;
            }
            let error = error.as_ref().map_or(1.0, |error| error.get(at));
            let point = Point {
                time: time.as_ref().map_or(0.0, |time| time.get(at)),
                value: value.get(at),
                weight: 1.0 / (error * error),
            };
            // What has no value, no time or no error is not looked at.
            if !point.value.is_nan() && !point.time.is_nan() && point.weight.is_finite() {
                points.push(point);
            }
        }
        made_of(over.what, &mut points)
    });
    Ok(made.collect())
}

/// What is made of points; NaN where there are too few.
pub(super) fn made_of(what: What, points: &mut [Point]) -> f64 {
    let count = points.len() as f64;
    let values = || points.iter().map(|point| point.value);
    if points.is_empty() {
        return f64::NAN;
    }
    match what {
        What::Min => values().fold(f64::NAN, f64::min),
        What::Max => values().fold(f64::NAN, f64::max),
        What::Sum => values().sum(),
        What::Mean => values().sum::<f64>() / count,
        What::Median => {
            points.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
            let middle = points.len() / 2;
            match points.len() % 2 {
                0 => (points[middle - 1].value + points[middle].value) / 2.0,
                _ => points[middle].value,
            }
        }
        What::Deviation => {
            let mean = values().sum::<f64>() / count;
            let squares: f64 = values().map(|value| (value - mean) * (value - mean)).sum();
            // Of one value it is NaN by itself.
            (squares / (count - 1.0)).sqrt()
        }
        What::First | What::Last | What::Rate => {
            // Stable: of those at one time the one that stands first in the list is first.
            points.sort_by(|a, b| a.time.total_cmp(&b.time));
            match (what, points) {
                (What::First, [first, ..]) => first.value,
                (What::Last, [.., last]) => last.value,
                (What::Rate, [.., before, last]) if last.time > before.time => {
                    (last.value - before.value) / (last.time - before.time)
                }
                _ => f64::NAN,
            }
        }
        What::MaxGap => {
            points.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
            points.windows(2).map(|pair| pair[1].value - pair[0].value).fold(f64::NAN, f64::max)
        }
        What::Slope | What::SlopeR2 => line(points).map_or(f64::NAN, |line| match what {
            What::Slope => line.0,
            _ => line.1,
        }),
    }
}

/// The slope of the line through points, and how much of their scatter it explains.
///
/// Weighted least squares about the weighted means, so that Julian dates lose no digits.
fn line(points: &[Point]) -> Option<(f64, f64)> {
    let all: f64 = points.iter().map(|point| point.weight).sum();
    let mean = |of: fn(&Point) -> f64| points.iter().map(|p| p.weight * of(p)).sum::<f64>() / all;
    let (time, value) = (mean(|point| point.time), mean(|point| point.value));
    let (mut tt, mut tv, mut vv) = (0.0, 0.0, 0.0);
    for point in points {
        let (t, v) = (point.time - time, point.value - value);
        tt += point.weight * t * t;
        tv += point.weight * t * v;
        vv += point.weight * v * v;
    }
    if tt.is_nan() || tt <= 0.0 {
        return None;
    }
    let slope = tv / tt;
    let left: f64 = points
        .iter()
        .map(|point| {
            let off = point.value - value - slope * (point.time - time);
            point.weight * off * off
        })
        .sum();
    Some((slope, if vv > 0.0 { 1.0 - left / vv } else { f64::NAN }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_julian_dates_keeps_its_slope() {
        let mut points: Vec<Point> = (0..5)
            .map(|k| Point {
                time: 2_459_000.5 + f64::from(k) * 0.01,
                value: 18.0 - 0.3 * f64::from(k) * 0.01,
                weight: 1.0 + f64::from(k),
            })
            .collect();
        assert!((made_of(What::Slope, &mut points) + 0.3).abs() < 1e-8);
        assert!((made_of(What::SlopeR2, &mut points) - 1.0).abs() < 1e-8);
        assert!((made_of(What::Rate, &mut points) + 0.3).abs() < 1e-6);
        assert!(made_of(What::Slope, &mut points[..1]).is_nan());
        assert!(made_of(What::Deviation, &mut points[..1]).is_nan());
        assert!(made_of(What::Sum, &mut []).is_nan());
    }
}
