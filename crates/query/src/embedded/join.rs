//! Joins by position: rows of the one side by the cells they reach, rows of the other looked up by the cell they are in.
//!
//! The engine would compare each row with each. Where the condition of a join has a position of the one side in a circle
//! around a position of the other, the rule [`ByPosition`] puts this operator in the place of the engine's: the left rows
//! are kept in memory with the cells that their circles reach, and each right row is compared with those of its cell. The
//! whole condition is asked of each pair that is left, so that the answer is the engine's own.

mod index;
mod passes;
mod probe;
mod turns;

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, PhysicalExpr, ScalarFunctionExpr, split_conjunction,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter, build_join_schema};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    replace_children_if_necessary,
};
use futures_util::stream;

use super::functions::IN_CIRCLE;
use index::Index;
use passes::InPasses;
use probe::{Build, Once, Probe, unmatched_left};
use turns::Turns;

/// Puts [`PositionJoin`] in the place of joins that compare each row with each, where it can stand there.
#[derive(Debug)]
pub(crate) struct ByPosition {
    /// Whether left rows are taken a part at a time, as they do not fit in memory together.
    pub(crate) in_passes: bool,
}

impl PhysicalOptimizerRule for ByPosition {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() else {
                return Ok(Transformed::no(plan));
            };
            let placed = match self.in_passes {
                true => either_way(join, &in_passes)?,
                false => None,
            };
            let placed = match placed {
                Some(placed) => Some(placed),
                None => either_way(join, &by_position)?,
            };
            Ok(placed.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &str {
        "by_position"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a join is put into the place of, if it is put there.
type Placed = Result<Option<Arc<dyn ExecutionPlan>>>;

fn by_position(join: &NestedLoopJoinExec) -> Placed {
    Ok(PositionJoin::of(join)?.map(|join| Arc::new(join) as Arc<dyn ExecutionPlan>))
}

fn in_passes(join: &NestedLoopJoinExec) -> Placed {
    let join = PositionJoin::of(join)?.filter(InPasses::can_do);
    Ok(join.map(|join| Arc::new(InPasses::new(Arc::new(join))) as Arc<dyn ExecutionPlan>))
}

/// What is put into the place of a join or, if nothing is, of the same with its sides turned round: the engine has turned
/// them so that the smaller side is the left one.
fn either_way(join: &NestedLoopJoinExec, place: &dyn Fn(&NestedLoopJoinExec) -> Placed) -> Placed {
    if let Some(placed) = place(join)? {
        return Ok(Some(placed));
    }
    if condition(join).is_none() {
        return Ok(None);
    }
    let turned = join.swap_inputs()?;
    if let Some(join) = turned.downcast_ref::<NestedLoopJoinExec>() {
        return place(join);
    }
    // Above it columns are put back in their order.
    let [below] = turned.children()[..] else { return Ok(None) };
    let placed = below.downcast_ref::<NestedLoopJoinExec>().map(place).transpose()?.flatten();
    placed.map(|placed| replace_children_if_necessary(turned.clone(), vec![placed])).transpose()
}

/// The condition of a join, if it has one and is of a kind that can be done by position.
fn condition(join: &NestedLoopJoinExec) -> Option<&JoinFilter> {
    let marks = matches!(join.join_type(), JoinType::LeftMark | JoinType::RightMark);
    join.filter().filter(|_| !marks)
}

type Value = Arc<dyn PhysicalExpr>;

/// A position, as values of the rows of a side.
#[derive(Clone, Debug)]
struct Place {
    lon: Value,
    lat: Value,
}

/// A join of rows whose positions are near one another.
#[derive(Debug)]
pub(crate) struct PositionJoin {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    left_place: Place,
    right_place: Place,
    /// Degrees; of left rows.
    radius: Value,
    filter: JoinFilter,
    join_type: JoinType,
    /// Which columns of the pairs are given; all, if None.
    projection: Option<Vec<usize>>,
    /// Where each column of the result comes from.
    columns: Vec<ColumnIndex>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    built: Arc<Once>,
    metrics: ExecutionPlanMetricsSet,
}

impl PositionJoin {
    /// The join that does what another does, if that asks for nearness.
    pub(crate) fn of(join: &NestedLoopJoinExec) -> Result<Option<Self>> {
        let Some(filter) = condition(join) else { return Ok(None) };
        for part in split_conjunction(filter.expression()) {
            let Some(call) =
                part.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == IN_CIRCLE)
            else {
                continue;
            };
            let sides: Option<Vec<(Option<JoinSide>, Value)>> =
                call.args().iter().map(|value| one_sided(value, filter.column_indices())).collect();
            let Some([(a, lon), (b, lat), (c, other_lon), (d, other_lat), (e, radius)]) =
                sides.and_then(|sides| <[_; 5]>::try_from(sides).ok())
            else {
                continue;
            };
            let first = Place { lon, lat };
            let second = Place { lon: other_lon, lat: other_lat };
            // Of a position one coordinate may be the same in all rows.
            let (left_place, right_place) = match (a.or(b), c.or(d)) {
                (Some(JoinSide::Left), Some(JoinSide::Right)) if one(a, b) && one(c, d) => (first, second),
                (Some(JoinSide::Right), Some(JoinSide::Left)) if one(a, b) && one(c, d) => (second, first),
                _ => continue,
            };
            if e == Some(JoinSide::Right) {
                continue;
            }
            let places = (left_place, right_place, radius);
            let inputs = (join.left().clone(), join.right().clone());
            let projection = join.projection().as_ref().map(|kept| kept.to_vec());
            let kind = (filter.clone(), *join.join_type());
            return Ok(Some(Self::new(inputs, places, kind, projection, join.schema())));
        }
        Ok(None)
    }

    fn new(
        (left, right): (Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>),
        (left_place, right_place, radius): (Place, Place, Value),
        (filter, join_type): (JoinFilter, JoinType),
        projection: Option<Vec<usize>>,
        schema: SchemaRef,
    ) -> Self {
        let columns = build_join_schema(&left.schema(), &right.schema(), &join_type).1;
        let columns = match &projection {
            None => columns,
            Some(kept) => kept.iter().map(|at| columns[*at].clone()).collect(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(
                right.output_partitioning().partition_count(),
            ),
            if unmatched_left(join_type).is_some() { EmissionType::Both } else { EmissionType::Incremental },
            Boundedness::Bounded,
        );
        PositionJoin {
            left,
            right,
            left_place,
            right_place,
            radius,
            filter,
            join_type,
            projection,
            columns,
            schema,
            properties: Arc::new(properties),
            built: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl PositionJoin {
    /// The left and the right side.
    pub(crate) fn inputs(&self) -> [&Arc<dyn ExecutionPlan>; 2] {
        [&self.left, &self.right]
    }

    /// The same join of other inputs.
    pub(crate) fn over(&self, left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> Self {
        let places = (self.left_place.clone(), self.right_place.clone(), self.radius.clone());
        let kind = (self.filter.clone(), self.join_type);
        Self::new((left, right), places, kind, self.projection.clone(), self.schema.clone())
    }

    /// Memory that left rows take while they are put together and their index is made.
    pub(crate) fn bytes(rows: &RecordBatch) -> usize {
        2 * rows.get_array_memory_size() + rows.num_rows() * Index::BYTES_A_WIDE_ROW
    }

    /// The join of each row with each that has the same answer.
    #[cfg(feature = "codec")]
    pub(crate) fn stands_for(
        &self,
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
    ) -> Result<NestedLoopJoinExec> {
        let (filter, projection) = (Some(self.filter.clone()), self.projection.clone());
        NestedLoopJoinExec::try_new(left, right, filter, &self.join_type, projection)
    }
}

/// The two inputs of a join.
fn two(inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<[Arc<dyn ExecutionPlan>; 2]> {
    inputs.try_into().map_err(|_| DataFusionError::Internal("a join has two inputs".into()))
}

fn one(a: Option<JoinSide>, b: Option<JoinSide>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// A value of the pairs of a join as one of the rows of a side, and which; None where both sides are in it.
fn one_sided(value: &Value, columns: &[ColumnIndex]) -> Option<(Option<JoinSide>, Value)> {
    let (mut side, mut mixed) = (None, false);
    let rebound = value.clone().transform_up(|value| {
        let Some(column) = value.downcast_ref::<Column>() else { return Ok(Transformed::no(value)) };
        let of = &columns[column.index()];
        mixed |= side.is_some_and(|side| side != of.side);
        side = Some(of.side);
        Ok(Transformed::yes(Arc::new(Column::new(column.name(), of.index)) as Value))
    });
    let rebound = rebound.data().ok()?;
    (!mixed).then_some((side, rebound))
}

impl DisplayAs for PositionJoin {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { lon, lat } = &self.right_place;
        let Place { lon: left_lon, lat: left_lat } = &self.left_place;
        write!(
            f,
            "PositionJoin: {:?}, right ({lon}, {lat}) within {} deg of left ({left_lon}, {left_lat}), where {}",
            self.join_type, self.radius, self.filter
        )
    }
}

impl ExecutionPlan for PositionJoin {
    fn name(&self) -> &str {
        "PositionJoin"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![
            Distribution::SinglePartition,
            Distribution::UnspecifiedDistribution,
        ])
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        f(self.filter.expression())
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, right] = two(children)?;
        Ok(Arc::new(self.over(left, right)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new("the left rows of a join by position")
            .register(&context.runtime_env().memory_pool);
        let build = Build {
            left: self.left.clone(),
            context: context.clone(),
            place: self.left_place.clone(),
            radius: self.radius.clone(),
            partitions: self.right.output_partitioning().partition_count(),
            matches: unmatched_left(self.join_type).is_some(),
            reservation,
        };
        let probe = Probe {
            cell: self.built.clone(),
            build: Some(build),
            built: None,
            right: self.right.execute(partition, context.clone())?,
            place: self.right_place.clone(),
            filter: self.filter.clone(),
            join_type: self.join_type,
            columns: self.columns.clone(),
            schema: self.schema.clone(),
            current: None,
            ended: false,
            batch_rows: context.session_config().batch_size(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            turns: Turns::default(),
        };
        let batches = stream::try_unfold(probe, |mut probe| async move {
            Ok(probe.next().await?.map(|batch| (batch, probe)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
