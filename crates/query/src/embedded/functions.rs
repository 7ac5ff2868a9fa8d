//! The functions of the sky and of the IVOA's catalogue, as DataFusion calls them.
//!
//! Geometries are lists of numbers, degrees, told apart by their types: a point is two, a circle three (centre, radius), a
//! box four (centre, width, height), a polygon a list of any length (vertices). A position that is missing, not finite or
//! beyond a pole gives NULL; a region that is none is an error.

mod cells;
mod geometry;
mod histogram;
mod motion;
mod regions;
mod words;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(crate) use cells::INDEX;
pub(crate) use geometry::{MAKE_POINT, direction};
pub(crate) use regions::{IN_CIRCLE, is_region, region_of_call};

use super::numbers::Whole;

/// What a function takes at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Number,
    Whole,
    Text,
    Point,
    Geometry,
}

impl Takes {
    /// The type that a value of another becomes, if it may stand here.
    fn fitted(self, given: &DataType) -> Option<DataType> {
        let null = given == &DataType::Null;
        match self {
            Takes::Number if null || given.is_numeric() => Some(DataType::Float64),
            Takes::Whole if null || given.is_integer() => Some(DataType::Int64),
            Takes::Text if null || given.is_string() => Some(DataType::Utf8),
            Takes::Point if null || given == &geometry::point() => Some(geometry::point()),
            Takes::Geometry if geometry::is_one(given) => Some(given.clone()),
            _ => None,
        }
    }
}

/// How many arguments there are.
#[derive(Clone, Copy, Debug)]
enum Arity {
    These(&'static [Takes]),
    /// These, and the last of them as often as one likes.
    More(&'static [Takes]),
}

type Runs = fn(&Arguments<'_>) -> Result<ArrayRef>;

/// One way to call a function.
#[derive(Clone, Copy, Debug)]
struct Form {
    takes: Arity,
    returns: fn() -> DataType,
    run: Runs,
}

impl Form {
    /// The types of arguments of other types, if they fit.
    fn fitted(&self, given: &[DataType]) -> Option<Vec<DataType>> {
        let at = |place: usize| match self.takes {
            Arity::These(list) => list.get(place),
            Arity::More(list) => list.get(place).or(list.last()),
        };
        let count_fits = match self.takes {
            Arity::These(list) => given.len() == list.len(),
            Arity::More(list) => given.len() >= list.len(),
        };
        if !count_fits {
            return None;
        }
        given.iter().enumerate().map(|(place, given)| at(place)?.fitted(given)).collect()
    }
}

/// A function with its forms.
#[derive(Debug)]
struct Function {
    name: &'static str,
    forms: &'static [Form],
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Function {
    fn udf(name: &'static str, forms: &'static [Form]) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Function { name, forms, signature }))
    }

    fn form(&self, given: &[DataType]) -> Result<(&Form, Vec<DataType>)> {
        let found = self.forms.iter().find_map(|form| Some((form, form.fitted(given)?)));
        found.ok_or_else(|| {
            let types: Vec<String> = given.iter().map(ToString::to_string).collect();
            DataFusionError::Plan(format!("{} cannot be called with {}", self.name, types.join(", ")))
        })
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self.form(given)?.1)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok((self.form(given)?.0.returns)())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let form = self.form(&types)?.0;
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let found = (form.run)(&Arguments { values: &args.args, rows })?;
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?),
            false => ColumnarValue::Array(found),
        })
    }
}

/// What a function is called with: for each row of a batch a value, or one for all.
struct Arguments<'a> {
    values: &'a [ColumnarValue],
    rows: usize,
}

impl Arguments<'_> {
    /// Whether all from a place on are the same in all rows.
    fn constant_from(&self, place: usize) -> bool {
        self.values[place..].iter().all(|value| matches!(value, ColumnarValue::Scalar(_)))
    }

    fn array(&self, place: usize) -> Result<ArrayRef> {
        self.values[place].to_array(self.rows)
    }

    fn numbers(&self, place: usize) -> Result<Float64Array> {
        Ok(self.array(place)?.as_primitive::<Float64Type>().clone())
    }

    fn wholes(&self, place: usize) -> Result<Int64Array> {
        Ok(self.array(place)?.as_primitive::<Int64Type>().clone())
    }

    fn texts(&self, place: usize) -> Result<StringArray> {
        Ok(self.array(place)?.as_string::<i32>().clone())
    }

    /// The whole number of a place that is the same in all rows.
    fn constant_whole(&self, place: usize) -> Result<Option<i64>> {
        let ColumnarValue::Scalar(value) = &self.values[place] else { return Ok(None) };
        let array = value.to_array()?;
        let wholes = array.as_primitive::<Int64Type>();
        Ok(wholes.is_valid(0).then(|| wholes.value(0)))
    }

    /// The numbers of a place that is the same in all rows; None is NULL.
    fn constants_from(&self, place: usize) -> Result<Option<Vec<f64>>> {
        let one = |value: &ColumnarValue| {
            let array = value.to_array(1)?;
            let numbers = array.as_primitive::<Float64Type>();
            Ok(numbers.is_valid(0).then(|| numbers.value(0)))
        };
        self.values[place..].iter().map(one).collect()
    }
}

/// An error of the sphere's geometry in a value.
fn wrong(error: uranometria_sky::Error) -> DataFusionError {
    DataFusionError::Execution(error.to_string())
}

/// The whole number next to one, of two the even one.
pub(crate) fn nearest_even() -> Arc<ScalarUDF> {
    const FORMS: &[Form] = &[Form {
        takes: Arity::These(&[Takes::Number]),
        returns: || DataType::Float64,
        run: |arguments| Ok(super::numbers::rounded(&arguments.array(0)?)),
    }];
    Function::udf("nearest_even", FORMS)
}

/// The greatest whole number that is not above a number.
pub(crate) fn whole_below() -> Arc<ScalarUDF> {
    const FORMS: &[Form] = &[Form {
        takes: Arity::These(&[Takes::Number]),
        returns: || DataType::Float64,
        run: |arguments| Ok(super::numbers::below(&arguments.array(0)?)),
    }];
    Function::udf(WHOLE_BELOW, FORMS)
}

pub(crate) const WHOLE_BELOW: &str = "whole_below";

/// The whole number below a number, or next to it, as an integer of a type; None where there is no function for that.
pub(crate) fn whole_as(below: bool, wanted: &DataType) -> Option<Arc<ScalarUDF>> {
    const fn form<T: Whole, const BELOW: bool>() -> Form {
        Form {
            takes: Arity::These(&[Takes::Number]),
            returns: || T::DATA_TYPE,
            run: |arguments| super::numbers::whole::<T, BELOW>(&arguments.array(0)?),
        }
    }
    let (name, forms): (_, &[Form]) = match (below, wanted) {
        (true, DataType::Int16) => ("whole_below_as_int16", const { &[form::<Int16Type, true>()] }),
        (true, DataType::Int32) => ("whole_below_as_int32", const { &[form::<Int32Type, true>()] }),
        (true, DataType::Int64) => ("whole_below_as_int64", const { &[form::<Int64Type, true>()] }),
        (false, DataType::Int16) => ("nearest_even_as_int16", const { &[form::<Int16Type, false>()] }),
        (false, DataType::Int32) => ("nearest_even_as_int32", const { &[form::<Int32Type, false>()] }),
        (false, DataType::Int64) => ("nearest_even_as_int64", const { &[form::<Int64Type, false>()] }),
        _ => return None,
    };
    Some(Function::udf(name, forms))
}

fn all_whole_as() -> Vec<Arc<ScalarUDF>> {
    let types = [DataType::Int16, DataType::Int32, DataType::Int64];
    [true, false]
        .iter()
        .flat_map(|below| types.iter().filter_map(|wanted| whole_as(*below, wanted)))
        .collect()
}

/// A number, and NULL for what is none.
pub(crate) fn null_if_nan() -> Arc<ScalarUDF> {
    const FORMS: &[Form] = &[Form {
        takes: Arity::These(&[Takes::Number]),
        returns: || DataType::Float64,
        run: |arguments| Ok(super::nulls::of_nan_in(&arguments.array(0)?)),
    }];
    Function::udf("null_if_nan", FORMS)
}

/// All functions of single rows, the engine's too.
pub(crate) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let own = [
        regions::functions(),
        geometry::functions(),
        cells::functions(),
        motion::functions(),
        words::functions(),
        vec![nearest_even(), whole_below(), null_if_nan()],
        all_whole_as(),
    ];
    [own.concat(), SessionStateDefaults::default_scalar_functions()].concat()
}

/// All functions of many rows, the engine's too.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut all = SessionStateDefaults::default_aggregate_functions();
    all.push(histogram::function());
    all
}
