//! Positions in regions that are written as numbers: what catalogues are searched for.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow_schema::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use uranometria_sky::{Angle, Cone, Direction, Error, Polygon, Region, Zone};

use super::{Arguments, Arity, Form, Function, Takes, direction, wrong};

/// The function of a circle, which positional joins are recognised by.
pub(crate) const IN_CIRCLE: &str = "sky_in_circle";
const IN_BOX: &str = "sky_in_box";
const IN_POLYGON: &str = "sky_in_polygon";

const NUMBERS: [Takes; 8] = [Takes::Number; 8];

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const fn form(takes: Arity, run: super::Runs) -> Form {
        Form { takes, returns: || DataType::Boolean, run }
    }
    const CIRCLE: &[Form] = &[form(Arity::These(NUMBERS.split_at(5).0), in_circle)];
    const BOX: &[Form] = &[form(Arity::These(NUMBERS.split_at(6).0), in_box)];
    const POLYGON: &[Form] = &[form(Arity::More(&NUMBERS), in_polygon)];
    vec![Function::udf(IN_CIRCLE, CIRCLE), Function::udf(IN_BOX, BOX), Function::udf(IN_POLYGON, POLYGON)]
}

/// The region that a call asks for by the numbers behind the position; None for other functions and wrong numbers, which
/// the function itself will tell.
pub(crate) fn region_of_call(function: &str, numbers: &[f64]) -> Option<Region> {
    let region = match function {
        IN_CIRCLE => circle(numbers),
        IN_BOX => sky_box(numbers),
        IN_POLYGON => polygon(numbers),
        _ => return None,
    };
    region.ok()
}

/// Whether a function asks if a position is in a region.
pub(crate) fn is_region(function: &str) -> bool {
    [IN_CIRCLE, IN_BOX, IN_POLYGON].contains(&function)
}

type Made = std::result::Result<Region, Error>;

fn circle(numbers: &[f64]) -> Made {
    Ok(Cone::new(Direction::from_degrees(numbers[0], numbers[1])?, Angle::from_degrees(numbers[2]))?.into())
}

fn sky_box(numbers: &[f64]) -> Made {
    let centre = Direction::from_degrees(numbers[0], numbers[1])?;
    Ok(Zone::around(centre, Angle::from_degrees(numbers[2]), Angle::from_degrees(numbers[3]))?.into())
}

fn polygon(numbers: &[f64]) -> Made {
    let vertices = numbers.chunks_exact(2).map(|pair| Direction::from_degrees(pair[0], pair[1]));
    Ok(Polygon::new(&vertices.collect::<std::result::Result<Vec<_>, _>>()?)?.into())
}

fn in_circle(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    inside(arguments, circle, is_in_circle)
}

fn in_box(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    inside(arguments, sky_box, |_, _| None)
}

fn in_polygon(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    inside(arguments, polygon, |_, _| None)
}

/// Whether a position is in a circle, where doubles can decide that: a region of its own for each row, with what it needs to
/// decide the others, takes twenty times as long.
fn is_in_circle(at: &Direction, numbers: &[f64]) -> Option<bool> {
    // Two unit vectors, their difference and the chord of a radius together are off by less than that.
    const OFF: f64 = 8e-15;
    let radius = numbers[2];
    if !(0.0..=180.0).contains(&radius) {
        return None;
    }
    let centre = direction(numbers[0], numbers[1])?.unit_vector();
    let apart = at.unit_vector().iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    let chord = 2.0 * (radius.to_radians() / 2.0).sin();
    ((apart - chord).abs() > OFF).then_some(apart < chord)
}

/// `quick` answers for a position and the numbers of a region, where it can.
fn inside(
    arguments: &Arguments<'_>,
    region: fn(&[f64]) -> Made,
    quick: fn(&Direction, &[f64]) -> Option<bool>,
) -> Result<ArrayRef> {
    let (lon, lat) = (arguments.numbers(0)?, arguments.numbers(1)?);
    let is_place = |row: usize| {
        lon.is_valid(row) && lat.is_valid(row) && lon.value(row).is_finite() && lat.value(row).abs() <= 90.0
    };
    if arguments.constant_from(2) {
        let Some(numbers) = arguments.constants_from(2)? else {
            return Ok(Arc::new(BooleanArray::new_null(arguments.rows)));
        };
        let region = region(&numbers).map_err(wrong)?;
        let mut inside = vec![false; arguments.rows];
        if (0..arguments.rows).all(is_place) {
            region.contains_slice(lon.values(), lat.values(), &mut inside).map_err(wrong)?;
            return Ok(Arc::new(BooleanArray::from(inside)));
        }
        let one = |row: usize| {
            is_place(row)
                .then(|| direction(lon.value(row), lat.value(row)))
                .flatten()
                .map(|at| region.contains(&at))
        };
        return Ok(Arc::new((0..arguments.rows).map(one).collect::<BooleanArray>()));
    }
    let others =
        (2..arguments.values.len()).map(|place| arguments.numbers(place)).collect::<Result<Vec<_>>>()?;
    let mut numbers = Vec::with_capacity(others.len());
    let one = |row: usize| {
        let missing = |array: &Float64Array| array.is_null(row) || array.value(row).is_nan();
        if !is_place(row) || others.iter().any(missing) {
            return Ok(None);
        }
        numbers.clear();
        numbers.extend(others.iter().map(|array| array.value(row)));
        let at = direction(lon.value(row), lat.value(row));
        if let Some(inside) = at.as_ref().and_then(|at| quick(at, &numbers)) {
            return Ok(Some(inside));
        }
        let region = region(&numbers).map_err(wrong)?;
        Ok(at.map(|at| region.contains(&at)))
    };
    Ok(Arc::new((0..arguments.rows).map(one).collect::<Result<BooleanArray>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_decide_only_what_they_can() {
        let (mut decided, mut left) = (0, 0);
        for radius in [0.0_f64, 1e-9, 1.0 / 3600.0, 0.5, 90.0, 179.999999, 180.0] {
            for n in 0..400_u32 {
                let (lon, lat) = (f64::from(n) * 0.9, f64::from(n % 181) - 90.0);
                let centre = Direction::from_degrees(lon, lat).unwrap();
                // On the circle, but for some units of rounding, and off it.
                for off in [0.0, 1e-15, -1e-15, 1e-13, -1e-13, 1e-6, -1e-6] {
                    let away = Angle::from_degrees((radius + off).clamp(0.0, 180.0));
                    let at = centre.offset_by(Angle::from_degrees(f64::from(n) * 7.3), away);
                    let numbers = [lon, lat, radius];
                    let Some(inside) = is_in_circle(&at, &numbers) else {
                        left += 1;
                        continue;
                    };
                    decided += 1;
                    assert_eq!(inside, circle(&numbers).unwrap().contains(&at), "{numbers:?} {off} {at:?}");
                }
            }
        }
        assert!(decided > 3000 && left > 3000, "{decided} {left}");
        let at = Direction::from_degrees(10.0, 10.0).unwrap();
        for wrong in [[10.0, 91.0, 1.0], [10.0, 10.0, -1.0], [10.0, 10.0, 181.0], [10.0, 10.0, f64::NAN]] {
            assert_eq!(is_in_circle(&at, &wrong), None);
        }
    }
}
