//! Positions at other times. IVOA, Catalogue of ADQL User Defined Functions: `ivo_apply_pm`.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use uranometria_sky::Astrometry;

use super::geometry::{Points, point};
use super::{Arguments, Arity, Form, Function, Takes, direction, wrong};

/// Milliarcseconds in a degree.
const MAS: f64 = 3_600_000.0;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const MOVED: &[Form] = &[Form { takes: Arity::These(&[Takes::Number; 5]), returns: point, run: moved }];
    vec![Function::udf("ivo_apply_pm", MOVED)]
}

/// Motions are in degrees a Julian year, that in right ascension times the cosine of the declination; the straight motion
/// in space of a star of no known distance.
fn moved(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let columns = (0..5).map(|place| arguments.numbers(place)).collect::<Result<Vec<_>>>()?;
    let mut points = Points::new(arguments.rows);
    for row in 0..arguments.rows {
        let there =
            |column: &Float64Array| column.is_valid(row).then(|| column.value(row)).filter(|n| n.is_finite());
        let numbers: Option<Vec<f64>> = columns.iter().map(there).collect();
        let numbers = numbers.filter(|numbers| direction(numbers[0], numbers[1]).is_some());
        let Some(numbers) = numbers else {
            points.add(None);
            continue;
        };
        let star = Astrometry {
            ra_deg: numbers[0],
            dec_deg: numbers[1],
            parallax_mas: 0.0,
            pmra_mas_yr: numbers[2] * MAS,
            pmdec_mas_yr: numbers[3] * MAS,
            rv_km_s: 0.0,
        };
        let moved = star.propagate(numbers[4]).map_err(wrong)?;
        points.add(direction(moved.ra_deg, moved.dec_deg));
    }
    Ok(points.finish())
}
