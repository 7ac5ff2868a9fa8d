//! Joins of each row with each end when nobody waits for them any more.
//!
//! What is dropped ends where it gives way. The engine's join of each row with each asks its condition of rows against batches
//! until some pairs hold, which may take minutes without giving way; so there the condition itself looks whether anybody
//! waits. Joins of equal values give way between batches of pairs that hold, as the engine has them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};

/// The plan, whose joins of each with each end when `by` is gone.
pub(super) fn while_wanted(plan: Arc<dyn ExecutionPlan>, by: &Weak<()>) -> Result<Arc<dyn ExecutionPlan>> {
    let watched = plan.transform_up(|node| {
        let Some((join, filter)) =
            node.downcast_ref::<NestedLoopJoinExec>().and_then(|join| Some((join, join.filter()?)))
        else {
            return Ok(Transformed::no(node));
        };
        let condition = WhileWanted { condition: filter.expression().clone(), by: by.clone() };
        let filter =
            JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), filter.schema().clone());
        let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter)).build()?;
        Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>))
    });
    watched.data()
}

/// A condition, until nobody waits for it.
#[derive(Debug)]
struct WhileWanted {
    condition: Arc<dyn PhysicalExpr>,
    by: Weak<()>,
}

impl PartialEq for WhileWanted {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition) && self.by.ptr_eq(&other.by)
    }
}

impl Eq for WhileWanted {}

impl Hash for WhileWanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for WhileWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for WhileWanted {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.by.strong_count() == 0 {
            return Err(DataFusionError::Execution("nobody waits for it".into()));
        }
        self.condition.evaluate(batch)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [condition] = <[_; 1]>::try_from(children)
            .map_err(|_| DataFusionError::Internal("a condition is one".into()))?;
        Ok(Arc::new(WhileWanted { condition, by: self.by.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
