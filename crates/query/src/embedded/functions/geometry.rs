//! Points, circles, boxes and polygons as values.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow_schema::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use uranometria_sky::{Angle, Cone, Direction, Polygon, Region, Zone};

use super::{Arguments, Arity, Form, Function, Takes, wrong};

pub(super) fn point() -> DataType {
    fixed(2)
}

fn circle() -> DataType {
    fixed(3)
}

fn sky_box() -> DataType {
    fixed(4)
}

fn polygon() -> DataType {
    DataType::new_list(DataType::Float64, true)
}

fn fixed(numbers: i32) -> DataType {
    DataType::new_fixed_size_list(DataType::Float64, numbers, true)
}

/// Whether values of a type are geometries.
pub(super) fn is_one(data_type: &DataType) -> bool {
    [point(), circle(), sky_box(), polygon()].contains(data_type)
}

const POINT: &[Takes] = &[Takes::Point];
const GEOMETRY: &[Takes] = &[Takes::Geometry];
const TWO: &[Takes] = &[Takes::Geometry, Takes::Geometry];
const NUMBERS: [Takes; 4] = [Takes::Number; 4];

/// A point of two numbers.
pub(crate) const MAKE_POINT: &str = "sky_point";

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const fn form(takes: &'static [Takes], returns: fn() -> DataType, run: super::Runs) -> Form {
        Form { takes: Arity::These(takes), returns, run }
    }
    const DISTANCE: &[Form] = &[
        form(&NUMBERS, || DataType::Float64, distance_of_numbers),
        form(&[Takes::Point, Takes::Point], || DataType::Float64, distance_of_points),
    ];
    const POLYGON: &[Form] = &[Form { takes: Arity::More(POINT), returns: polygon, run: make_polygon }];
    vec![
        Function::udf("sky_distance", DISTANCE),
        Function::udf(MAKE_POINT, const { &[form(&[Takes::Number, Takes::Number], point, make_point)] }),
        Function::udf("sky_circle", const { &[form(&[Takes::Point, Takes::Number], circle, make)] }),
        Function::udf(
            "sky_box",
            const { &[form(&[Takes::Point, Takes::Number, Takes::Number], sky_box, make)] },
        ),
        Function::udf("sky_polygon", POLYGON),
        Function::udf("sky_contains", const { &[form(TWO, || DataType::Boolean, contains)] }),
        Function::udf("sky_intersects", const { &[form(TWO, || DataType::Boolean, intersects)] }),
        Function::udf("sky_area", const { &[form(GEOMETRY, || DataType::Float64, area)] }),
        Function::udf("sky_centroid", const { &[form(GEOMETRY, point, centroid)] }),
        Function::udf("sky_longitude", const { &[form(POINT, || DataType::Float64, longitude)] }),
        Function::udf("sky_latitude", const { &[form(POINT, || DataType::Float64, latitude)] }),
    ]
}

/// The direction of a position, if it is one.
pub(crate) fn direction(lon: f64, lat: f64) -> Option<Direction> {
    Direction::from_degrees(lon, lat).ok()
}

/// A geometry.
enum Shape {
    Point(Direction),
    Region(Region),
}

/// Geometries of a column, row by row.
enum Shapes {
    Fixed(Float64Array, usize, BooleanArray),
    Lists(ArrayRef),
}

impl Shapes {
    fn of(array: &ArrayRef) -> Result<Self> {
        if matches!(array.data_type(), DataType::List(_)) {
            return Ok(Shapes::Lists(array.clone()));
        }
        let lists = array
            .as_fixed_size_list_opt()
            .ok_or_else(|| DataFusionError::Internal(format!("{} is no geometry", array.data_type())))?;
        let there = (0..lists.len()).map(|row| Some(lists.is_valid(row))).collect();
        let values = lists.values().as_primitive::<Float64Type>().clone();
        Ok(Shapes::Fixed(values, lists.value_length() as usize, there))
    }

    /// The numbers of a row; None where one is missing.
    fn numbers(&self, row: usize) -> Option<Vec<f64>> {
        let (values, from, to) = match self {
            Shapes::Fixed(values, width, there) => {
                if !there.value(row) {
                    return None;
                }
                (values.clone(), row * width, (row + 1) * width)
            }
            Shapes::Lists(lists) => {
                let lists = lists.as_list::<i32>();
                if lists.is_null(row) {
                    return None;
                }
                let values = lists.value(row).as_primitive::<Float64Type>().clone();
                let end = values.len();
                (values, 0, end)
            }
        };
        (from..to).map(|at| values.is_valid(at).then(|| values.value(at))).collect()
    }

    fn shape(&self, row: usize) -> Result<Option<Shape>> {
        let Some(numbers) = self.numbers(row) else { return Ok(None) };
        let position = |at: usize| Direction::from_degrees(numbers[at], numbers[at + 1]);
        let shape = match (self, numbers.len()) {
            (Shapes::Lists(_), count) => {
                let vertices: Option<Vec<Direction>> =
                    (0..count / 2).map(|at| position(2 * at).ok()).collect();
                let Some(vertices) = vertices else { return Ok(None) };
                Shape::Region(Polygon::new(&vertices).map_err(wrong)?.into())
            }
            (_, width) => {
                let Ok(centre) = position(0) else { return Ok(None) };
                match width {
                    2 => Shape::Point(centre),
                    3 => Shape::Region(
                        Cone::new(centre, Angle::from_degrees(numbers[2])).map_err(wrong)?.into(),
                    ),
                    _ => {
                        let [width, height] = [numbers[2], numbers[3]].map(Angle::from_degrees);
                        Shape::Region(Zone::around(centre, width, height).map_err(wrong)?.into())
                    }
                }
            }
        };
        Ok(Some(shape))
    }
}

/// The coordinates of points, as they were given.
pub(super) fn positions(array: &ArrayRef) -> Result<Vec<Option<(f64, f64)>>> {
    let points = Shapes::of(array)?;
    let pair = |row| points.numbers(row).map(|numbers| (numbers[0], numbers[1]));
    Ok((0..array.len()).map(pair).collect())
}

/// For each row of one geometry a value, or NULL.
fn each<T, B: FromIterator<Option<T>> + Array + 'static>(
    arguments: &Arguments<'_>,
    value: impl Fn(&Shape) -> Option<T>,
) -> Result<ArrayRef> {
    let shapes = Shapes::of(&arguments.array(0)?)?;
    let values = (0..arguments.rows).map(|row| Ok(shapes.shape(row)?.as_ref().and_then(&value)));
    Ok(Arc::new(values.collect::<Result<B>>()?))
}

/// For each row of two geometries whether something holds, or NULL.
fn both(arguments: &Arguments<'_>, holds: impl Fn(&Shape, &Shape) -> bool) -> Result<ArrayRef> {
    let (left, right) = (Shapes::of(&arguments.array(0)?)?, Shapes::of(&arguments.array(1)?)?);
    let constant =
        if arguments.constant_from(1) && arguments.rows > 0 { Some(right.shape(0)?) } else { None };
    let values = (0..arguments.rows).map(|row| {
        let left = left.shape(row)?;
        let own;
        let right = match &constant {
            Some(constant) => constant,
            None => {
                own = right.shape(row)?;
                &own
            }
        };
        Ok(left.as_ref().zip(right.as_ref()).map(|(left, right)| holds(left, right)))
    });
    Ok(Arc::new(values.collect::<Result<BooleanArray>>()?))
}

fn contains(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    both(arguments, |inner, outer| match (inner, outer) {
        (Shape::Point(inner), Shape::Point(outer)) => inner.separation(outer).degrees() == 0.0,
        (Shape::Point(inner), Shape::Region(outer)) => outer.contains(inner),
        // A region without area is a point.
        (Shape::Region(inner), Shape::Point(outer)) => {
            inner.area_deg2() == 0.0 && inner.contains(outer) && matches!(inner, Region::Cone(_))
        }
        (Shape::Region(inner), Shape::Region(outer)) => outer.contains_region(inner),
    })
}

fn intersects(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    both(arguments, |left, right| match (left, right) {
        (Shape::Point(left), Shape::Point(right)) => left.separation(right).degrees() == 0.0,
        (Shape::Point(point), Shape::Region(region)) | (Shape::Region(region), Shape::Point(point)) => {
            region.contains(point)
        }
        (Shape::Region(left), Shape::Region(right)) => left.intersects(right),
    })
}

/// Square degrees.
fn area(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    each::<f64, Float64Array>(arguments, |shape| match shape {
        Shape::Point(_) => Some(0.0),
        Shape::Region(region) => Some(region.area_deg2()),
    })
}

fn centroid(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let shapes = Shapes::of(&arguments.array(0)?)?;
    let mut points = Points::new(arguments.rows);
    for row in 0..arguments.rows {
        points.add(match shapes.shape(row)? {
            None => None,
            Some(Shape::Point(point)) => Some(point),
            Some(Shape::Region(region)) => region.centroid(),
        });
    }
    Ok(points.finish())
}

fn longitude(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    coordinate(arguments, 0)
}

fn latitude(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    coordinate(arguments, 1)
}

/// As it was given, not brought into a range.
fn coordinate(arguments: &Arguments<'_>, which: usize) -> Result<ArrayRef> {
    let shapes = Shapes::of(&arguments.array(0)?)?;
    let values = (0..arguments.rows).map(|row| shapes.numbers(row).map(|numbers| numbers[which]));
    Ok(Arc::new(values.collect::<Float64Array>()))
}

fn distance_of_numbers(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let [a, b, c, d] = [0, 1, 2, 3].map(|place| arguments.numbers(place));
    let (a, b, c, d) = (a?, b?, c?, d?);
    let there = |array: &Float64Array, row| array.is_valid(row).then(|| array.value(row));
    let values = (0..arguments.rows).map(|row| {
        let from = direction(there(&a, row)?, there(&b, row)?)?;
        let to = direction(there(&c, row)?, there(&d, row)?)?;
        Some(from.separation(&to).degrees())
    });
    Ok(Arc::new(values.collect::<Float64Array>()))
}

fn distance_of_points(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (from, to) = (Shapes::of(&arguments.array(0)?)?, Shapes::of(&arguments.array(1)?)?);
    let place = |of: &Shapes, row| of.numbers(row).and_then(|numbers| direction(numbers[0], numbers[1]));
    let values =
        (0..arguments.rows).map(|row| Some(place(&from, row)?.separation(&place(&to, row)?).degrees()));
    Ok(Arc::new(values.collect::<Float64Array>()))
}

/// Points under way.
pub(super) struct Points(FixedSizeListBuilder<Float64Builder>);

impl Points {
    pub(super) fn new(rows: usize) -> Self {
        Points(FixedSizeListBuilder::with_capacity(Float64Builder::with_capacity(2 * rows), 2, rows))
    }

    pub(super) fn add(&mut self, place: Option<Direction>) {
        self.add_numbers(place.map(|place| [place.ra_deg(), place.dec_deg()]));
    }

    fn add_numbers(&mut self, numbers: Option<[f64; 2]>) {
        let (values, there) = (numbers.unwrap_or_default(), numbers.is_some());
        values.into_iter().for_each(|number| self.0.values().append_value(number));
        self.0.append(there);
    }

    pub(super) fn finish(mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

fn make_point(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (lon, lat) = (arguments.numbers(0)?, arguments.numbers(1)?);
    let mut points = Points::new(arguments.rows);
    for row in 0..arguments.rows {
        let numbers = (lon.is_valid(row) && lat.is_valid(row)).then(|| [lon.value(row), lat.value(row)]);
        points.add_numbers(numbers.filter(|[lon, lat]| direction(*lon, *lat).is_some()));
    }
    Ok(points.finish())
}

/// A circle or box: a point, and the numbers behind it.
fn make(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let points = Shapes::of(&arguments.array(0)?)?;
    let sizes =
        (1..arguments.values.len()).map(|place| arguments.numbers(place)).collect::<Result<Vec<_>>>()?;
    let width = 2 + sizes.len();
    let mut made = FixedSizeListBuilder::new(Float64Builder::new(), width as i32);
    for row in 0..arguments.rows {
        let numbers = points.numbers(row).filter(|_| sizes.iter().all(|size| size.is_valid(row)));
        let there = numbers.is_some();
        let mut numbers = numbers.unwrap_or_else(|| vec![0.0; 2]);
        numbers.extend(sizes.iter().map(|size| size.value(row)));
        made.values().append_slice(&numbers);
        made.append(there);
    }
    Ok(Arc::new(made.finish()))
}

fn make_polygon(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let vertices = (0..arguments.values.len()).map(|place| Shapes::of(&arguments.array(place)?));
    let vertices = vertices.collect::<Result<Vec<_>>>()?;
    let mut made = ListBuilder::new(Float64Builder::new());
    for row in 0..arguments.rows {
        let numbers: Option<Vec<f64>> = vertices
            .iter()
            .map(|vertex| vertex.numbers(row))
            .collect::<Option<Vec<_>>>()
            .map(|all| all.concat());
        made.values().append_slice(numbers.as_deref().unwrap_or_default());
        made.append(numbers.is_some());
    }
    Ok(Arc::new(made.finish()))
}
