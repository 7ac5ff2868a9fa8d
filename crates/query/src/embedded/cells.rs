//! HEALPix cells that a catalogue has of its positions: they are read, not computed once more.

use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, LogicalPlan, Operator, TableScan, lit};

use super::functions::{INDEX, MAKE_POINT};
use super::scan::StoredTable;

/// The order of the cells that catalogues have.
const ORDER: i64 = 29;

/// The plan in which `ivo_healpix_index(order, ra, dec)` of the positions of a catalogue that has their cells is a shift of
/// these, and a condition on it one on a stretch of them. Behind a join cells are computed.
pub(crate) fn read_where_stored(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|plan| {
        let [input] = plan.inputs()[..] else { return Ok(Transformed::no(plan)) };
        let input = input.clone();
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let read = expr.transform_up(|expr| {
                let read = stored(&expr, &input).or_else(|| stretch(&expr));
                Ok(read.map_or_else(|| Transformed::no(expr), Transformed::yes))
            })?;
            Ok(read.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

/// The cells of rows of `input` as a catalogue has them, where an expression asks for such.
fn stored(expr: &Expr, input: &LogicalPlan) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    if func.name() != INDEX {
        return None;
    }
    let (order, position) = args.split_first()?;
    let Expr::Literal(ScalarValue::Int64(Some(order @ 0..=ORDER)), _) = order else { return None };
    let (lon, lat) = match position {
        [Expr::ScalarFunction(point)] if point.func.name() == MAKE_POINT => {
            (point.args.first()?, point.args.get(1)?)
        }
        [lon, lat] => (lon, lat),
        _ => return None,
    };
    let schema = input.schema();
    let name_of = |expr: &Expr| match expr {
        Expr::Column(column) => name_in_table(input, schema.maybe_index_of_column(column)?),
        _ => None,
    };
    let source = source_as_provider(&table(input)?.source).ok()?;
    let source = source.downcast_ref::<StoredTable>()?.source();
    if (name_of(lon)?, name_of(lat)?) != source.position_columns()? {
        return None;
    }
    let cell = source.cells_of_positions()?;
    let at = (0..schema.fields().len()).find(|at| name_in_table(input, *at) == Some(cell))?;
    let (table, field) = schema.qualified_field(at);
    if field.data_type() != &DataType::Int64 {
        return None;
    }
    let left = Box::new(Expr::Column(Column::new(table.cloned(), field.name())));
    let right = Box::new(lit(2 * (ORDER - order)));
    Some(Expr::BinaryExpr(BinaryExpr { left, op: Operator::BitwiseShiftRight, right }))
}

/// What a condition on a column that is shifted says of the column, whose pages a search can choose by it.
fn stretch(expr: &Expr) -> Option<Expr> {
    let (column, shift, from, to) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let ((column, shift), number, op) = match (shifted(left), shifted(right)) {
                (Some(left), None) => (left, number(right)?, *op),
                (None, Some(right)) => (right, number(left)?, op.swap()?),
                _ => return None,
            };
            let (from, to) = match op {
                Operator::Eq => (Some(number), Some(number)),
                Operator::Lt => (None, Some(number.checked_sub(1)?)),
                Operator::LtEq => (None, Some(number)),
                Operator::Gt => (Some(number.checked_add(1)?), None),
                Operator::GtEq => (Some(number), None),
                _ => return None,
            };
            (column, shift, from, to)
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let (column, shift) = shifted(expr)?;
            (column, shift, Some(number(low)?), Some(number(high)?))
        }
        _ => return None,
    };
    let column = Expr::Column(column.clone());
    // Where the first of a stretch begins, unless that is beyond all numbers.
    let begin = |number: i64| number.checked_mul(1_i64.checked_shl(shift)?);
    let at_least = |from: i64| Some(column.clone().gt_eq(lit(begin(from)?)));
    let below = |to: i64| Some(column.clone().lt(lit(begin(to.checked_add(1)?)?)));
    match (from, to) {
        (Some(from), Some(to)) => Some(at_least(from)?.and(below(to)?)),
        (Some(from), None) => at_least(from),
        (None, to) => below(to?),
    }
}

/// A column shifted to the right, and how far.
fn shifted(expr: &Expr) -> Option<(&Column, u32)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::BitwiseShiftRight, right }) = expr else {
        return None;
    };
    let Expr::Column(column) = left.as_ref() else { return None };
    let shift = u32::try_from(number(right)?).ok().filter(|shift| *shift <= 2 * ORDER as u32)?;
    Some((column, shift))
}

fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    }
}

/// The one table that all rows are of, whose columns are there as they are.
fn table(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::TableScan(scan) => Some(scan),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_) => table(*plan.inputs().first()?),
        _ => None,
    }
}

/// What a column is called there.
fn name_in_table(plan: &LogicalPlan, at: usize) -> Option<&str> {
    Some(table(plan)?.projected_schema.field(at).name())
}
