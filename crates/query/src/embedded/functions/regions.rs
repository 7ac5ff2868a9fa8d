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
    inside(arguments, circle)
}

fn in_box(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    inside(arguments, sky_box)
}

fn in_polygon(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    inside(arguments, polygon)
}

fn inside(arguments: &Arguments<'_>, region: fn(&[f64]) -> Made) -> Result<ArrayRef> {
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
        let region = region(&numbers).map_err(wrong)?;
        Ok(direction(lon.value(row), lat.value(row)).map(|at| region.contains(&at)))
    };
    Ok(Arc::new((0..arguments.rows).map(one).collect::<Result<BooleanArray>>()?))
}
