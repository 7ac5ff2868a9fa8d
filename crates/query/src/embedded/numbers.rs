//! Arithmetic as ADQL has it, where the engine's differs: a REAL beside an INTEGER is a DOUBLE, mathematical functions are of
//! DOUBLEs and NULL where they have no value, and a number that is cast to an integer is rounded, a half to the even one, as PostgreSQL and Gaia's archive do.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, PrimitiveArray};
use arrow_cast::cast_with_options;
use arrow_schema::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

use super::functions::{WHOLE_BELOW, nearest_even, null_if_nan, whole_as, whole_below};

/// Functions that PostgreSQL has for DOUBLE alone.
const OF_DOUBLES: [&str; 15] = [
    "acos", "asin", "atan", "atan2", "cos", "cot", "degrees", "exp", "ln", "log10", "power", "radians",
    "sin", "sqrt", "tan",
];

/// Functions that have no value for some numbers; with a division these are where NaN comes from.
const PARTIAL: [&str; 5] = ["acos", "asin", "ln", "log10", "power"];

/// The rule; runs before the engine's own choice of types.
#[derive(Debug)]
pub(crate) struct AsInAdql;

impl AnalyzerRule for AsInAdql {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_up(|expr| Ok(changed(expr, &schema)))?;
                Ok(changed.update_data(|expr| name.restore(expr)))
            })?;
            plan.map_data(LogicalPlan::recompute_schema)
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &str {
        "as_in_adql"
    }
}

fn changed(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let type_of = |expr: &Expr| expr.get_type(schema).ok();
    let is_real = |expr: &Expr| type_of(expr) == Some(DataType::Float32);
    let is_wide = |expr: &Expr| type_of(expr).is_some_and(|found| found.is_integer());
    let double = |expr: Expr| cast(expr, DataType::Float64);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_arithmetic(op)
                && (is_real(&left) && is_wide(&right) || is_wide(&left) && is_real(&right)) =>
        {
            let (left, right) = (Box::new(double(*left)), Box::new(double(*right)));
            Transformed::yes(there(Expr::BinaryExpr(BinaryExpr { left, op, right }), op == Operator::Divide))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right })
            if [&left, &right].iter().any(|side| type_of(side).is_some_and(|found| found.is_floating())) =>
        {
            let quotient = Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right });
            Transformed::yes(there(quotient, true))
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if func.name() == "floor" && args.len() == 1 && type_of(&args[0]) == Some(DataType::Float64) =>
        {
            Transformed::yes(whole_below().call(args))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if OF_DOUBLES.contains(&func.name()) => {
            let args = args.into_iter().map(|arg| if is_real(&arg) { double(arg) } else { arg }).collect();
            let partial = PARTIAL.contains(&func.name());
            Transformed::yes(there(Expr::ScalarFunction(ScalarFunction { func, args }), partial))
        }
        Expr::Cast(Cast { expr, field })
            if field.data_type().is_integer() && type_of(&expr).is_some_and(|found| found.is_floating()) =>
        {
            if let Expr::ScalarFunction(call) = &*expr
                && call.func.name() == WHOLE_BELOW
                && let Some(whole) = whole_as(true, field.data_type())
            {
                return Transformed::yes(whole.call(call.args.clone()));
            }
            if is_whole(&expr) {
                return Transformed::no(Expr::Cast(Cast { expr, field }));
            }
            let number = vec![double(*expr)];
            Transformed::yes(match whole_as(false, field.data_type()) {
                Some(whole) => whole.call(number),
                None => Expr::Cast(Cast { expr: Box::new(nearest_even().call(number)), field }),
            })
        }
        expr => Transformed::no(expr),
    }
}

/// A value that is NULL where it would be NaN, if it may be.
fn there(expr: Expr, maybe: bool) -> Expr {
    if maybe { null_if_nan().call(vec![expr]) } else { expr }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo)
}

/// Whether a value has no fraction.
fn is_whole(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if ["floor", "ceil", WHOLE_BELOW].contains(&call.func.name()))
}

/// The nearest whole numbers, of two the even ones.
pub(super) fn rounded(numbers: &ArrayRef) -> ArrayRef {
    let numbers: &Float64Array = numbers.as_primitive();
    Arc::new(numbers.unary::<_, Float64Type>(nearest))
}

/// The greatest whole numbers that are not above.
pub(super) fn below(numbers: &ArrayRef) -> ArrayRef {
    let numbers: &Float64Array = numbers.as_primitive();
    Arc::new(numbers.unary::<_, Float64Type>(next_below))
}

/// Integers that doubles are rounded to.
pub(super) trait Whole: ArrowPrimitiveType {
    /// The least, and the first double that is beyond the greatest.
    const LEAST: f64;
    const BEYOND: f64;

    fn of(number: f64) -> Self::Native;
}

macro_rules! whole {
    ($($integer:ty: $native:ty;)*) => {$(
        impl Whole for $integer {
            const LEAST: f64 = <$native>::MIN as f64;
            const BEYOND: f64 = <$native>::MAX as f64 + 1.0;

            fn of(number: f64) -> $native {
                number as $native
            }
        }
    )*};
}

whole! {
    Int16Type: i16;
    Int32Type: i32;
    Int64Type: i64;
}

/// What a cast makes of the whole numbers below, or of the nearest ones, in one go.
///
/// # Errors
/// The cast's, for a number that is beyond the integers.
pub(super) fn whole<T: Whole, const BELOW: bool>(numbers: &ArrayRef) -> Result<ArrayRef> {
    let round = |number: f64| if BELOW { next_below(number) } else { nearest(number) };
    let fits = |whole: f64| whole >= T::LEAST && whole < T::BEYOND;
    let array: &Float64Array = numbers.as_primitive();
    let mut all_fit = true;
    let wholes = array.values().iter().map(|number| {
        let whole = round(*number);
        all_fit &= fits(whole);
        T::of(whole)
    });
    let wholes: Vec<T::Native> = wholes.collect();
    // What stands there where a number is NULL may be anything.
    if !all_fit && array.iter().flatten().any(|number| !fits(round(number))) {
        let rounded = if BELOW { below(numbers) } else { rounded(numbers) };
        return Ok(cast_with_options(&rounded, &T::DATA_TYPE, &DEFAULT_CAST_OPTIONS)?);
    }
    Ok(Arc::new(PrimitiveArray::<T>::new(wholes.into(), array.nulls().cloned())))
}

/// The greatest whole number that is not above one.
#[inline(always)]
fn next_below(number: f64) -> f64 {
    let near = nearest(number);
    if near > number { near - 1.0 } else { near }
}

/// The whole number next to one, of two the even one: `f64::round_ties_even`, which is a call for each number on processors
/// that need not have an instruction for it.
#[inline(always)]
fn nearest(number: f64) -> f64 {
    // From here on all numbers are whole, and sums with it are rounded to such.
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let size = number.abs();
    let near = if size < WHOLE { (size + WHOLE) - WHOLE } else { size };
    // NaN is not below, and stays what it is.
    near.copysign(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(number: f64) {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![number]));
        let found = [rounded(&array), below(&array)];
        let found = found.map(|found| found.as_primitive::<Float64Type>().value(0));
        for (found, wanted) in found.into_iter().zip([number.round_ties_even(), number.floor()]) {
            assert!(
                found.to_bits() == wanted.to_bits() || found.is_nan() && wanted.is_nan(),
                "{number:e}: {found:e}, not {wanted:e}"
            );
        }
    }

    /// Whether a number becomes what a cast of the rounded one becomes, and fails as it does; beside a NULL with `there`.
    fn as_cast<T: Whole, const BELOW: bool>(number: f64, there: Option<f64>) {
        let values = vec![number, there.unwrap_or(0.0)];
        let nulls = there.map(|_| vec![true, false].into());
        let array: ArrayRef = Arc::new(Float64Array::new(values.into(), nulls));
        let near = if BELOW { below(&array) } else { rounded(&array) };
        let wanted = cast_with_options(&near, &T::DATA_TYPE, &DEFAULT_CAST_OPTIONS);
        match (whole::<T, BELOW>(&array), wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(&found, &wanted, "{number:e}"),
            (Err(found), Err(wanted)) => assert!(found.to_string().contains(&wanted.to_string()), "{found}"),
            (found, wanted) => panic!("{number:e}: {found:?}, not {wanted:?}"),
        }
    }

    fn as_casts(number: f64) {
        for there in [None, Some(f64::NAN), Some(1e300)] {
            as_cast::<Int16Type, true>(number, there);
            as_cast::<Int16Type, false>(number, there);
            as_cast::<Int32Type, true>(number, there);
            as_cast::<Int32Type, false>(number, there);
            as_cast::<Int64Type, true>(number, there);
            as_cast::<Int64Type, false>(number, there);
        }
    }

    #[test]
    fn integers_are_those_of_a_cast_up_to_their_ends() {
        for end in [0.0, 2.0_f64.powi(15), 2.0_f64.powi(31), 2.0_f64.powi(53), 2.0_f64.powi(63)] {
            for off in [0.0, 0.4, 0.5, 0.6, 1.0, 1.5, 2.0, 1024.0, 2048.0] {
                [end + off, end - off, -end + off, -end - off].into_iter().for_each(as_casts);
            }
        }
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300].into_iter().for_each(as_casts);
    }

    #[test]
    fn numbers_are_rounded_as_the_standard_library_does() {
        let whole = (1_u64 << 52) as f64;
        for number in [
            0.0,
            -0.0,
            0.5,
            -0.5,
            1.5,
            2.5,
            0.3,
            -0.3,
            0.49999999999999994,
            whole - 0.5,
            whole + 1.0,
            4.5e15 + 0.5,
            1e300,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ] {
            same(number);
            same(-number);
        }
    }

    proptest! {
        #[test]
        fn all_numbers_are(bits: u64, number in -1e6..1e6_f64, half in -1_000_000..1_000_000_i64) {
            same(f64::from_bits(bits));
            same(number);
            same(half as f64 / 2.0);
            as_casts(f64::from_bits(bits));
            as_casts(number);
        }
    }
}
