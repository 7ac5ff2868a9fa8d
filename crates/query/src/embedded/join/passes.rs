//! Joins by position whose left rows do not fit in memory: as many of these at a time as do, each time with all right rows.
//!
//! A left row is in one pass alone, so that what has no partner in it has none. Of right rows no pass knows that; joins that
//! give those without a partner are not done so, nor are those whose right side may have other rows when it is read again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use datafusion::common::JoinType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, reset_plan_states};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures_util::{StreamExt, stream};

use super::{PositionJoin, two};

/// A join by position, a part of its left rows at a time.
#[derive(Debug)]
pub(super) struct InPasses {
    join: Arc<PositionJoin>,
    properties: Arc<PlanProperties>,
}

impl InPasses {
    /// Whether a join can be done so: its kind, and its right side, which has to give the same rows each time.
    pub(super) fn can_do(join: &PositionJoin) -> bool {
        let kinds = [JoinType::Inner, JoinType::Left, JoinType::LeftSemi, JoinType::LeftAnti];
        kinds.contains(&join.join_type) && is_the_same_again(&join.right)
    }

    pub(super) fn new(join: Arc<PositionJoin>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(join.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Both,
            Boundedness::Bounded,
        );
        InPasses { join, properties: Arc::new(properties) }
    }
}

impl DisplayAs for InPasses {
    fn fmt_as(&self, how: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InPasses: ")?;
        self.join.fmt_as(how, f)
    }
}

impl ExecutionPlan for InPasses {
    fn name(&self) -> &str {
        "InPasses"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.join.input_distribution_requirements()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.join.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, right] = two(children)?;
        Ok(Arc::new(Self::new(Arc::new(self.join.over(left, right)))))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let pool = context.memory_pool();
        let reservation = MemoryConsumer::new("the left rows of a pass of a join by position").register(pool);
        let [left, _] = self.join.inputs();
        let passes = Passes {
            left: Some(left.execute(0, context.clone())?),
            join: self.join.clone(),
            context,
            reservation,
            over: None,
            pass: None,
        };
        let batches = stream::try_unfold(passes, |mut passes| async move {
            Ok(passes.next().await?.map(|batch| (batch, passes)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.join.schema(), batches)))
    }
}

/// Whether a plan gives the same rows whenever it is run: of a part of the rows nobody says which, and random numbers are
/// others each time.
fn is_the_same_again(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut varies = plan.fetch().is_some() || plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>();
    let looked = plan.apply_expressions(&mut |value| {
        varies |= is_volatile(value);
        Ok(TreeNodeRecursion::Continue)
    });
    looked.is_ok() && !varies && plan.children().into_iter().all(is_the_same_again)
}

/// The passes under way.
struct Passes {
    join: Arc<PositionJoin>,
    context: Arc<TaskContext>,
    /// What is left of the left side.
    left: Option<SendableRecordBatchStream>,
    /// Left rows that the last pass had no place for.
    over: Option<RecordBatch>,
    reservation: MemoryReservation,
    pass: Option<SendableRecordBatchStream>,
}

impl Passes {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(pass) = &mut self.pass {
                if let Some(batch) = pass.next().await {
                    return batch.map(Some);
                }
                self.pass = None;
                self.reservation.free();
            }
            let rows = self.gathered().await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let [left, right] = self.join.inputs();
            let left = MemorySourceConfig::try_new_exec(&[rows], left.schema(), None)?;
            // What a pass before has left in it is not for this one.
            let join = self.join.over(left, reset_plan_states(right.clone())?);
            let pass = CoalescePartitionsExec::new(Arc::new(join));
            self.pass = Some(pass.execute(0, self.context.clone())?);
        }
    }

    /// The left rows of the next pass; none if there are none left.
    async fn gathered(&mut self) -> Result<Vec<RecordBatch>> {
        let pool = self.context.memory_pool();
        // Half of what others leave, as there may be passes below these.
        let most = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes.saturating_sub(pool.reserved()) / 2,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        // They are held once here, while they are put together there.
        let taken = |batch: &RecordBatch| batch.get_array_memory_size() + PositionJoin::bytes(batch);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(mut batch) = self.left_rows().await? {
            bytes += taken(&batch);
            if bytes > most && !rows.is_empty() {
                self.over = Some(batch);
                break;
            }
            if bytes > most {
                // As many of them as there is room for.
                let count = batch.num_rows();
                let first = (count as u128 * most as u128 / bytes as u128) as usize;
                let first = first.max(FEWEST).min(count);
                if first < count {
                    self.over = Some(part(&batch, first..count)?);
                    batch = part(&batch, 0..first)?;
                }
            }
            self.reservation.try_grow(batch.get_array_memory_size())?;
            rows.push(batch);
            if self.over.is_some() {
                break;
            }
        }
        Ok(rows)
    }

    /// The next left rows, those first that the last pass had no place for.
    async fn left_rows(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.over.take() {
            return Ok(Some(batch));
        }
        let Some(left) = &mut self.left else { return Ok(None) };
        let batch = left.next().await.transpose()?;
        if batch.is_none() {
            self.left = None;
        }
        Ok(batch)
    }
}

/// The least rows of a pass, whatever they take.
const FEWEST: usize = 256;

/// Some rows of a batch, which hold no memory of the others.
fn part(batch: &RecordBatch, rows: Range<usize>) -> Result<RecordBatch> {
    let rows = UInt32Array::from_iter_values(rows.start as u32..rows.end as u32);
    Ok(take_record_batch(batch, &rows)?)
}
