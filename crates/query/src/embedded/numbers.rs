//! Arithmetic as ADQL has it, where the engine's differs: a REAL beside an INTEGER is a DOUBLE, mathematical functions are of
//! DOUBLEs and NULL where they have no value, and a number that is cast to an integer is rounded, a half to the even one, as PostgreSQL and Gaia's archive do.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

use super::functions::{nearest_even, null_if_nan};

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
        Expr::ScalarFunction(ScalarFunction { func, args }) if OF_DOUBLES.contains(&func.name()) => {
            let args = args.into_iter().map(|arg| if is_real(&arg) { double(arg) } else { arg }).collect();
            let partial = PARTIAL.contains(&func.name());
            Transformed::yes(there(Expr::ScalarFunction(ScalarFunction { func, args }), partial))
        }
        Expr::Cast(Cast { expr, field })
            if field.data_type().is_integer() && type_of(&expr).is_some_and(|found| found.is_floating()) =>
        {
            let rounded = nearest_even().call(vec![double(*expr)]);
            Transformed::yes(Expr::Cast(Cast { expr: Box::new(rounded), field }))
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

/// The nearest whole numbers.
pub(super) fn rounded(numbers: &ArrayRef) -> ArrayRef {
    let numbers = numbers.as_primitive::<Float64Type>();
    let rounded: Float64Array = numbers.unary(f64::round_ties_even);
    Arc::new(rounded)
}
