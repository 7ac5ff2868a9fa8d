//! HEALPix cells, nested scheme. IVOA, Catalogue of ADQL User Defined Functions: `ivo_healpix_index`, `ivo_healpix_center`.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use uranometria_sky::healpix;

use super::geometry::{Points, point};
use super::{Arguments, Arity, Form, Function, Takes, direction, wrong};

/// The cell of an order that a place is in.
pub(crate) const INDEX: &str = "ivo_healpix_index";

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const OF_PLACE: &[Form] = &[
        Form {
            takes: Arity::These(&[Takes::Whole, Takes::Number, Takes::Number]),
            returns: || DataType::Int64,
            run: index_of_numbers,
        },
        Form {
            takes: Arity::These(&[Takes::Whole, Takes::Point]),
            returns: || DataType::Int64,
            run: index_of_point,
        },
    ];
    const CENTRE: &[Form] =
        &[Form { takes: Arity::These(&[Takes::Whole, Takes::Whole]), returns: point, run: centre }];
    vec![Function::udf(INDEX, OF_PLACE), Function::udf("ivo_healpix_center", CENTRE)]
}

fn depth(order: i64) -> Result<u8> {
    let wrong = || DataFusionError::Execution(format!("HEALPix order {order} is not one from 0 to 29"));
    u8::try_from(order).ok().filter(|depth| *depth <= 29).ok_or_else(wrong)
}

fn index(orders: &Int64Array, place: impl Fn(usize) -> Option<(f64, f64)>, rows: usize) -> Result<ArrayRef> {
    let one = |row: usize| {
        if orders.is_null(row) {
            return Ok(None);
        }
        let depth = depth(orders.value(row))?;
        let place = place(row).filter(|(lon, lat)| direction(*lon, *lat).is_some());
        let cell = place.map(|(lon, lat)| healpix::hash(depth, lon, lat).map_err(wrong)).transpose()?;
        Ok(cell.map(|cell| cell as i64))
    };
    Ok(Arc::new((0..rows).map(one).collect::<Result<Int64Array>>()?))
}

fn index_of_numbers(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (lon, lat) = (arguments.numbers(1)?, arguments.numbers(2)?);
    let all_there = arguments.rows > 0
        && lon.null_count() == 0
        && lat.null_count() == 0
        && lon.values().iter().all(|lon| lon.is_finite())
        && lat.values().iter().all(|lat| lat.abs() <= 90.0);
    if let (true, Some(order)) = (all_there, arguments.constant_whole(0)?) {
        let mut cells = vec![0_u64; arguments.rows];
        healpix::hash_slice(depth(order)?, lon.values(), lat.values(), &mut cells).map_err(wrong)?;
        return Ok(Arc::new(cells.into_iter().map(|cell| cell as i64).collect::<Int64Array>()));
    }
    let place = |row| (lon.is_valid(row) && lat.is_valid(row)).then(|| (lon.value(row), lat.value(row)));
    index(&arguments.wholes(0)?, place, arguments.rows)
}

fn index_of_point(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let points = super::geometry::positions(&arguments.array(1)?)?;
    index(&arguments.wholes(0)?, |row| points[row], arguments.rows)
}

fn centre(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (orders, cells) = (arguments.wholes(0)?, arguments.wholes(1)?);
    let mut points = Points::new(arguments.rows);
    for row in 0..arguments.rows {
        if orders.is_null(row) || cells.is_null(row) {
            points.add(None);
            continue;
        }
        let (depth, cell) = (depth(orders.value(row))?, cells.value(row));
        let wanted = u64::try_from(cell).ok().and_then(|cell| healpix::centre(depth, cell).ok());
        let no_cell =
            || DataFusionError::Execution(format!("there is no HEALPix cell {cell} of order {depth}"));
        points.add(Some(wanted.ok_or_else(no_cell)?));
    }
    Ok(points.finish())
}
