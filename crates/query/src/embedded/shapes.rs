//! Plans kept by the shape of their queries: one that differs from another in numbers alone is not planned again.
//!
//! Planning takes the engine longer than a search of a small circle. The numbers that a query compares columns with, and
//! those of its regions, are taken out of its logical plan; what is left is its shape. A shape is planned once, with the
//! numbers left open, and kept if all of them went into the search of one table: nothing else in such a plan depends
//! on them. Plans of joins are not kept, as the sides of a join are chosen by how many rows the searches will give.
//!
//! Searches of small regions are done by one thread from the page to the answer, as waking others takes longer than they
//! would help; so a shape is planned for one thread, and for all when a query of it is not small.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::Field;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Between, Expr, Filter, LogicalPlan, Operator};
use datafusion::physical_plan::ExecutionPlan;

use super::functions::is_region;
use super::scan::StoredScan;

/// The most shapes that are kept; those of people and programs are few.
const MOST: usize = 500;

/// The shapes seen so far.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    /// Their plans for one thread, and for all.
    narrow: Plans,
    wide: Plans,
}

impl Shapes {
    /// The plan of a query by that of its shape; None where there is none. `narrow` plans for one thread.
    pub(crate) async fn plan(
        &self,
        query: &LogicalPlan,
        narrow: &SessionState,
        wide: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some((shape, values)) = taken_apart(query)? else { return Ok(None) };
        let values = ParamValues::from(values);
        match self.narrow.plan(&shape, &values, narrow).await? {
            Some(plan) if !is_small(&plan) => self.wide.plan(&shape, &values, wide).await,
            plan => Ok(plan),
        }
    }

    /// Forgets all, as tables are others now.
    pub(crate) fn clear(&self) {
        self.narrow.kept().clear();
        self.wide.kept().clear();
    }
}

/// Whether all that is searched is a small region. Rows in memory are shared out as ever.
fn is_small(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let (mut searches, mut small) = (0, 0);
    let counted = plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<StoredScan>() {
            searches += 1;
            small += usize::from(scan.is_small());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    counted.is_ok() && searches > 0 && small == searches
}

/// The plans of shapes for some number of threads.
#[derive(Debug, Default)]
struct Plans {
    /// None is one whose plan cannot be kept.
    kept: Mutex<HashMap<LogicalPlan, Option<Arc<dyn ExecutionPlan>>>>,
}

impl Plans {
    async fn plan(
        &self,
        shape: &LogicalPlan,
        values: &ParamValues,
        state: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let known = self.kept().get(shape).cloned();
        let plan = match known {
            Some(plan) => plan,
            None => {
                // A number that went elsewhere is an error of the engine's: it has no value.
                let plan = state.create_physical_plan(shape).await.ok();
                let mut kept = self.kept();
                if kept.len() >= MOST {
                    kept.clear();
                }
                kept.insert(shape.clone(), plan.clone());
                plan
            }
        };
        Ok(plan.and_then(|plan| filled_in(plan, values).ok().flatten()))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<LogicalPlan, Option<Arc<dyn ExecutionPlan>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query without its numbers, and these; None of queries of more than one table.
fn taken_apart(query: &LogicalPlan) -> Result<Option<(LogicalPlan, Vec<ScalarValue>)>> {
    let mut tables = 0;
    query.apply_with_subqueries(|node| {
        tables += usize::from(matches!(node, LogicalPlan::TableScan(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    if tables != 1 {
        return Ok(None);
    }
    let mut values = Vec::new();
    let shape = query.clone().transform_down(|node| {
        let LogicalPlan::Filter(Filter { predicate, input, .. }) = &node else {
            return Ok(Transformed::no(node));
        };
        let parts = split_conjunction(predicate).into_iter().map(|part| opened(part.clone(), &mut values));
        let Some(predicate) = conjunction(parts) else { return Ok(Transformed::no(node)) };
        Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, input.clone())?)))
    });
    Ok(Some((shape.data()?, values)))
}

/// A condition with its numbers left open, where it is one that searches take over.
fn opened(mut condition: Expr, values: &mut Vec<ScalarValue>) -> Expr {
    let is_column = |expr: &Expr| match expr {
        Expr::Column(_) => true,
        Expr::Cast(cast) => matches!(*cast.expr, Expr::Column(_)),
        _ => false,
    };
    match &mut condition {
        Expr::ScalarFunction(call) if is_region(call.func.name()) => {
            call.args.iter_mut().skip(2).for_each(|number| open(number, values));
        }
        Expr::BinaryExpr(comparison) if compares(comparison.op) => {
            if is_column(&comparison.left) {
                open(&mut comparison.right, values);
            } else if is_column(&comparison.right) {
                open(&mut comparison.left, values);
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_column(expr) => {
            open(low, values);
            open(high, values);
        }
        _ => (),
    }
    condition
}

fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Puts a placeholder into the place of a number.
fn open(expr: &mut Expr, values: &mut Vec<ScalarValue>) {
    if let Expr::Literal(value, _) = expr
        && value.data_type().is_numeric()
        && !value.is_null()
    {
        let field = Field::new("", value.data_type(), false);
        values.push(value.clone());
        let open = Placeholder::new_with_field(format!("${}", values.len()), Some(Arc::new(field)));
        *expr = Expr::Placeholder(open);
    }
}

/// The plan with its numbers, ready to run; None where a search cannot take these, such as a circle of negative radius.
fn filled_in(plan: Arc<dyn ExecutionPlan>, values: &ParamValues) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let mut takes_them = true;
    let filled = plan.transform_up(|node| {
        let Some(scan) = node.downcast_ref::<StoredScan>() else {
            // What an earlier run left in it is not for this one.
            return Ok(Transformed::yes(node.reset_state()?));
        };
        Ok(match scan.with_values(values)? {
            Some(scan) => Transformed::yes(Arc::new(scan) as Arc<dyn ExecutionPlan>),
            None => {
                takes_them = false;
                Transformed::no(node)
            }
        })
    });
    let filled = filled.data()?;
    Ok(takes_them.then_some(filled))
}
