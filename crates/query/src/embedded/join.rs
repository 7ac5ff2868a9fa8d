//! Joins by position: rows of the one side by the cells they reach, rows of the other looked up by the cell they are in.
//!
//! The engine would compare each row with each. Where the condition of a join has a position of the one side in a circle
//! around a position of the other, the rule [`ByPosition`] puts this operator in the place of the engine's: the left rows
//! are kept in memory with the cells that their circles reach, and each right row is compared with those of its cell. The
//! whole condition is asked of each pair that is left, so that the answer is the engine's own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow_array::builder::UInt32Builder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
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
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use uranometria_sky::healpix::{self, Around};
use uranometria_sky::{Angle, Direction};

use super::functions::{IN_CIRCLE, direction};
use super::passes::InPasses;

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
    let join = PositionJoin::of(join)?.filter(|join| InPasses::can_do(join.join_type));
    Ok(join.map(|join| Arc::new(InPasses::new(Arc::new(join))) as Arc<dyn ExecutionPlan>))
}

/// What is put into the place of a join or, if nothing is, of the same with its sides turned round: the engine has turned
/// them so that the smaller side is the left one.
fn either_way(join: &NestedLoopJoinExec, place: &dyn Fn(&NestedLoopJoinExec) -> Placed) -> Placed {
    if let Some(placed) = place(join)? {
        return Ok(Some(placed));
    }
    if join.filter().is_none() || matches!(join.join_type(), JoinType::LeftMark | JoinType::RightMark) {
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
    built: Arc<OnceCell<Arc<Built>>>,
    metrics: ExecutionPlanMetricsSet,
}

impl PositionJoin {
    /// The join that does what another does, if that asks for nearness.
    pub(crate) fn of(join: &NestedLoopJoinExec) -> Result<Option<Self>> {
        let Some(filter) = join.filter() else { return Ok(None) };
        if matches!(join.join_type(), JoinType::LeftMark | JoinType::RightMark) {
            return Ok(None);
        }
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

/// Whether left rows are given that have a partner, or that have none; None for neither as such.
fn unmatched_left(join_type: JoinType) -> Option<bool> {
    match join_type {
        JoinType::Left | JoinType::Full | JoinType::LeftAnti => Some(false),
        JoinType::LeftSemi => Some(true),
        _ => None,
    }
}

/// The same of right rows.
fn unmatched_right(join_type: JoinType) -> Option<bool> {
    match join_type {
        JoinType::Right | JoinType::Full | JoinType::RightAnti => Some(false),
        JoinType::RightSemi => Some(true),
        _ => None,
    }
}

/// Whether pairs are given.
fn gives_pairs(join_type: JoinType) -> bool {
    matches!(join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
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
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(right), Some(left)) = (children.pop(), children.pop()) else {
            return Err(DataFusionError::Internal("a join has two inputs".into()));
        };
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

/// The left side as it is begun, by one partition of the right side for all.
struct Build {
    left: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    place: Place,
    radius: Value,
    partitions: usize,
    matches: bool,
    reservation: MemoryReservation,
}

/// The left rows and where they are.
#[derive(Debug)]
struct Built {
    rows: RecordBatch,
    index: Index,
    /// Which have a partner, where that matters.
    matched: Vec<AtomicBool>,
    /// Partitions of the right side that are under way.
    running: AtomicUsize,
    _reservation: MemoryReservation,
}

impl Build {
    async fn finish(self) -> Result<Arc<Built>> {
        let mut left = self.left.execute(0, self.context)?;
        let mut batches = Vec::new();
        while let Some(batch) = left.next().await {
            let batch = batch?;
            // Twice, as they are put together.
            self.reservation.try_grow(2 * batch.get_array_memory_size())?;
            batches.push(batch);
        }
        let rows = concat_batches(&left.schema(), &batches)?;
        drop(batches);
        let bytes = rows.get_array_memory_size();
        self.reservation.try_resize(bytes + rows.num_rows() * Index::BYTES_A_ROW)?;
        if u32::try_from(rows.num_rows().saturating_mul(9)).is_err() {
            let reason = format!("a join by position of {} left rows", rows.num_rows());
            return Err(DataFusionError::ResourcesExhausted(reason));
        }
        let (lon, lat) = (numbers(&self.place.lon, &rows)?, numbers(&self.place.lat, &rows)?);
        let radius = numbers(&self.radius, &rows)?;
        let around = Index::around(&radius);
        self.reservation.try_resize(bytes + rows.num_rows() * Index::bytes_a_row(around))?;
        let index = Index::new((lon, lat, radius), around).await?;
        self.reservation.try_resize(bytes + index.bytes())?;
        let matched = if self.matches { rows.num_rows() } else { 0 };
        Ok(Arc::new(Built {
            rows,
            index,
            matched: (0..matched).map(|_| AtomicBool::new(false)).collect(),
            running: AtomicUsize::new(self.partitions),
            _reservation: self.reservation,
        }))
    }
}

/// A value of rows as numbers.
fn numbers(value: &Value, rows: &RecordBatch) -> Result<Float64Array> {
    let array = value.evaluate(rows)?.into_array(rows.num_rows())?;
    let wrong = || DataFusionError::Internal(format!("{value} is no number but {}", array.data_type()));
    array.as_primitive_opt::<Float64Type>().cloned().ok_or_else(wrong)
}

/// The cells that circles around positions reach.
#[derive(Debug)]
struct Index {
    /// How cells are found; where the circles are too wide for that, all rows are near all.
    around: Option<Around>,
    /// Cells whose numbers are the same but for their lowest bits, so many.
    buckets: Vec<Bucket>,
    shift: u32,
    /// By bucket the [`Index::key`] of a cell and a row.
    entries: Vec<(u32, u32)>,
    /// By row.
    extents: Vec<Extent>,
}

/// Where the entries of some cells begin, and which of 32 parts of these cells have entries.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    start: u32,
    occupied: u32,
}

/// What is around a circle: its centre and how far it reaches in longitude and latitude. Degrees, wider than they are off.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    lon: f32,
    lat: f32,
    wide: f32,
    high: f32,
}

impl Extent {
    /// More than longitudes as `f32`, and their differences, are off together.
    const OFF: f64 = 1e-4;

    /// Around a circle; the sine of its radius is told, as it is that of others.
    fn around(centre: &Direction, radius_deg: f64, sin_radius: f64) -> Self {
        let (lon, lat) = (centre.ra_deg(), centre.dec_deg());
        let wide = match lat.abs() + radius_deg < 89.9 {
            true => (sin_radius / lat.to_radians().cos()).asin().to_degrees(),
            false => 360.0,
        };
        let [wide, high] = [wide, radius_deg].map(|reach| (reach * (1.0 + 1e-6) + Self::OFF) as f32);
        Extent { lon: lon as f32, lat: lat as f32, wide, high }
    }

    fn contains(&self, lon: f32, lat: f32) -> bool {
        let away = (lon - self.lon).abs();
        (lat - self.lat).abs() <= self.high && away.min(360.0 - away) <= self.wide
    }
}

impl Index {
    /// Bytes of a left row while the index is made, about: its numbers, two extents, cells, entries of these, and up to four
    /// buckets. Wide circles reach nine cells, whose list may be twice as long.
    const BYTES_A_ROW: usize = 3 * 8 + 2 * 16 + 1 + 4 * 8 + 2 * 8 + 2 * 8;
    const BYTES_A_WIDE_ROW: usize = 3 * 8 + 2 * 16 + 1 + 4 * 8 + 16 * 8 + 9 * 8;

    /// How cells are found that circles of these radii reach: as coarse as leaves most circles in one cell, but few rows in
    /// each.
    fn around(radius: &Float64Array) -> Option<Around> {
        let count = radius.len();
        let widest = (0..count).filter_map(|row| reach(radius, row)).fold(0.0, f64::max);
        (0..=3).rev().find_map(|up| {
            let around = Around::new(Angle::from_degrees(widest), up)?;
            let cells = 12.0 * 4.0_f64.powi(around.depth().into());
            (up == 0 || cells > 4.0 * count as f64).then_some(around)
        })
    }

    fn bytes_a_row(around: Option<Around>) -> usize {
        match around {
            Some(around) if around.depth() == around.fine_depth() => Self::BYTES_A_WIDE_ROW,
            _ => Self::BYTES_A_ROW,
        }
    }

    /// Radii that are none reach nothing; what is wrong with them the condition itself tells of the pairs it is asked of.
    async fn new(
        (lon, lat, radius): (Float64Array, Float64Array, Float64Array),
        around: Option<Around>,
    ) -> Result<Self> {
        let count = lon.len();
        // Sorted by bucket, as each has its place once they are counted, and then within each.
        let bits = around.map_or(4, |around| 4 + 2 * u32::from(around.depth()));
        let shift = bits.saturating_sub((2 * count).max(2).ilog2() + 1);
        let mut turns = Turns::default();
        // Each thread takes a share of the rows.
        let threads = Handle::current().metrics().num_workers();
        let share = count.div_ceil(threads).max(MANY);
        let mut shares = JoinSet::new();
        for (number, from) in (0..count).step_by(share).enumerate() {
            let len = share.min(count - from);
            let [lon, lat, radius] = [&lon, &lat, &radius].map(|values| values.slice(from, len));
            let alike = alike_bits(shift);
            shares.spawn(async move { (number, Reached::by(&lon, &lat, &radius, around, alike).await) });
        }
        let mut reached = Vec::new();
        while let Some(share) = shares.join_next().await {
            let (number, share) = share.map_err(|error| DataFusionError::ExecutionJoin(error.into()))?;
            reached.push((number, share?));
        }
        reached.sort_unstable_by_key(|(number, _)| *number);
        let mut index = Index {
            around,
            buckets: vec![Bucket::default(); (1 << (bits - shift)) + 2],
            shift,
            entries: Vec::new(),
            extents: Vec::with_capacity(count),
        };
        for (_, Reached { extents, cells, .. }) in &reached {
            index.extents.extend_from_slice(extents);
            for cells in cells.chunks(MANY) {
                for cell in cells {
                    let bucket = (cell >> shift) as usize;
                    index.buckets[bucket + 2].start += 1;
                    index.buckets[bucket].occupied |= index.part(*cell);
                }
                turns.give_way().await;
            }
        }
        // Counts of a bucket become the place where it begins, two further on.
        let mut end = 0;
        for bucket in &mut index.buckets {
            end += bucket.start;
            bucket.start = end;
        }
        index.entries = vec![(0, 0); end as usize];
        let mut row = 0;
        for (_, Reached { counts, cells, .. }) in &reached {
            let mut cells = cells.iter();
            for counts in counts.chunks(MANY) {
                for count in counts {
                    for cell in cells.by_ref().take(usize::from(*count)) {
                        let key = index.key(*cell);
                        let next = &mut index.buckets[(cell >> shift) as usize + 1].start;
                        index.entries[*next as usize] = (key, row);
                        *next += 1;
                    }
                    row += 1;
                }
                turns.give_way().await;
            }
        }
        drop(reached);
        // What was the place of the next entry is now the end, which is where the next bucket begins.
        index.buckets.pop();
        for from in (0..index.buckets.len() - 1).step_by(MANY) {
            let to = (from + MANY).min(index.buckets.len() - 1);
            for ends in index.buckets[from..=to].windows(2) {
                index.entries[ends[0].start as usize..ends[1].start as usize].sort_unstable();
            }
            turns.give_way().await;
        }
        Ok(index)
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.buckets[..]) + size_of_val(&self.entries[..]) + size_of_val(&self.extents[..])
    }

    /// What tells cells of a bucket apart; where that are more than 32 bits, all but those of cells next to one another.
    fn key(&self, cell: u64) -> u32 {
        ((cell & ((1 << self.shift) - 1)) >> alike_bits(self.shift)) as u32
    }

    /// The part of its bucket that a cell is in, as a bit.
    fn part(&self, cell: u64) -> u32 {
        1 << ((cell & ((1 << self.shift) - 1)) >> self.shift.saturating_sub(5))
    }

    /// Whether a cell may have entries.
    fn may_have(&self, cell: u64) -> bool {
        self.buckets[(cell >> self.shift) as usize].occupied & self.part(cell) != 0
    }

    /// The entries of a cell, and maybe of some next to it.
    fn of_cell(&self, cell: u64) -> &[(u32, u32)] {
        let (bucket, key) = ((cell >> self.shift) as usize, self.key(cell));
        let run = &self.entries[self.buckets[bucket].start as usize..self.buckets[bucket + 1].start as usize];
        let from = run.partition_point(|(found, _)| *found < key);
        &run[from..from + run[from..].partition_point(|(found, _)| *found == key)]
    }
}

/// The lowest bits in which cells of one key differ, where a bucket is of `shift` bits.
fn alike_bits(shift: u32) -> u32 {
    shift.saturating_sub(u32::BITS)
}

/// The degrees that the circle of a row reaches.
fn reach(radius: &Float64Array, row: usize) -> Option<f64> {
    let found = radius.is_valid(row).then(|| radius.value(row)).filter(|radius| *radius >= 0.0);
    found.map(|radius| radius.min(180.0))
}

/// What some of the rows bring to an [`Index`]: how many cells each reaches, and these.
struct Reached {
    extents: Vec<Extent>,
    counts: Vec<u8>,
    cells: Vec<u64>,
}

impl Reached {
    async fn by(
        lon: &Float64Array,
        lat: &Float64Array,
        radius: &Float64Array,
        around: Option<Around>,
        alike: u32,
    ) -> Result<Self> {
        let count = lon.len();
        let (mut extents, mut counts) = (vec![Extent::default(); count], vec![0; count]);
        let mut cells = Vec::with_capacity(2 * count);
        let (mut ra, mut dec, mut fine) = (Vec::new(), Vec::new(), vec![0; MANY]);
        let mut known = (0.0, 0.0);
        let mut turns = Turns::default();
        for from in (0..count).step_by(MANY) {
            let rows = from..(from + MANY).min(count);
            ra.clear();
            dec.clear();
            for row in rows.clone() {
                let there = lon.is_valid(row) && lat.is_valid(row);
                let centre = there.then(|| direction(lon.value(row), lat.value(row))).flatten();
                let Some((centre, radius)) = centre.zip(reach(radius, row)) else {
                    // Not asked for.
                    ra.push(0.0);
                    dec.push(0.0);
                    continue;
                };
                if known.0 != radius {
                    known = (radius, radius.to_radians().sin());
                }
                extents[row] = Extent::around(&centre, radius, known.1);
                counts[row] = 1;
                ra.push(centre.ra_deg());
                dec.push(centre.dec_deg());
            }
            let fine = &mut fine[..rows.len()];
            if let Some(around) = around {
                let failed = |error: uranometria_sky::Error| DataFusionError::Internal(error.to_string());
                healpix::hash_slice(around.fine_depth(), &ra, &dec, fine).map_err(failed)?;
            }
            for (count, fine) in counts[rows].iter_mut().zip(fine).filter(|(count, _)| **count > 0) {
                let before = cells.len();
                match around {
                    Some(around) => around.cells_of(*fine, &mut cells),
                    None => cells.push(0),
                }
                if alike > 0 && cells.len() > before + 1 {
                    // Of cells that have one key one is enough; else a pair would be found for each.
                    let mut kept = before + 1;
                    for at in before + 1..cells.len() {
                        if cells[at] >> alike != cells[kept - 1] >> alike {
                            cells[kept] = cells[at];
                            kept += 1;
                        }
                    }
                    cells.truncate(kept);
                }
                *count = (cells.len() - before) as u8;
            }
            turns.give_way().await;
        }
        Ok(Reached { extents, counts, cells })
    }
}

/// Rows or entries that take less than a millisecond.
const MANY: usize = 1 << 12;

/// How long a join goes on before others have their turn.
const GIVES_WAY: Duration = Duration::from_millis(5);

/// Lets others have their turn, and who waits no more be noticed, every few milliseconds: whether anything comes out or
/// not, and however quickly it is taken.
struct Turns {
    /// When it was last their turn.
    since: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { since: Instant::now() }
    }
}

impl Turns {
    async fn give_way(&mut self) {
        if self.since.elapsed() > GIVES_WAY {
            tokio::task::yield_now().await;
            self.since = Instant::now();
        }
    }
}

/// The right side under way.
struct Probe {
    cell: Arc<OnceCell<Arc<Built>>>,
    build: Option<Build>,
    built: Option<Arc<Built>>,
    right: SendableRecordBatchStream,
    place: Place,
    filter: JoinFilter,
    join_type: JoinType,
    columns: Vec<ColumnIndex>,
    schema: SchemaRef,
    current: Option<Current>,
    ended: bool,
    batch_rows: usize,
    metrics: BaselineMetrics,
    turns: Turns,
}

/// A batch of right rows under way.
struct Current {
    rows: RecordBatch,
    lon: Float64Array,
    lat: Float64Array,
    /// Those whose cells may have entries, and these.
    cells: Vec<(u32, u64)>,
    /// The next of these, and the next of the entries of its cell.
    at: (usize, usize),
    /// Which have a partner, where that matters.
    matched: Vec<bool>,
}

/// Pairs that are looked at in one step.
const LOOKED_AT: usize = 1 << 18;

/// The cell of what has no position.
const NOWHERE: u64 = u64::MAX;

impl Probe {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let built = match &self.built {
            Some(built) => built.clone(),
            None => {
                let build = self.build.take();
                let missing = || DataFusionError::Internal("the left side of a join is begun once".into());
                let made = self.cell.get_or_try_init(|| async { build.ok_or_else(missing)?.finish().await });
                self.built.insert(made.await?.clone()).clone()
            }
        };
        while !self.ended {
            if let Some(mut current) = self.current.take() {
                let timer = self.metrics.elapsed_compute().timer();
                let batch = self.step(&built, &mut current)?;
                timer.done();
                if let Some(batch) = batch {
                    self.current = Some(current);
                    if batch.num_rows() > 0 {
                        self.metrics.record_output(batch.num_rows());
                        self.turns.give_way().await;
                        return Ok(Some(batch));
                    }
                }
                self.turns.give_way().await;
                continue;
            }
            match self.right.next().await.transpose()? {
                Some(rows) => self.current = Some(self.located(&built, rows)?),
                None => {
                    self.ended = true;
                    let last = built.running.fetch_sub(1, Ordering::AcqRel) == 1;
                    if let (true, Some(wanted)) = (last, unmatched_left(self.join_type)) {
                        let rows = (0..).zip(&built.matched);
                        let rows = rows.filter(|(_, matched)| matched.load(Ordering::Relaxed) == wanted);
                        let rows = UInt32Array::from_iter_values(rows.map(|(row, _)| row));
                        let none = UInt32Array::new_null(rows.len());
                        let nothing = RecordBatch::new_empty(self.right.schema());
                        return self.output(&built.rows, &rows, &nothing, &none).map(Some);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Finds the cells of right rows.
    fn located(&self, built: &Built, rows: RecordBatch) -> Result<Current> {
        let (lon, lat) = (numbers(&self.place.lon, &rows)?, numbers(&self.place.lat, &rows)?);
        let count = rows.num_rows();
        let is_place = |row: usize| {
            lon.is_valid(row)
                && lat.is_valid(row)
                && lon.value(row).is_finite()
                && lat.value(row).abs() <= 90.0
        };
        let mut cells = vec![0; count];
        if let Some(around) = built.index.around {
            let failed = |error: uranometria_sky::Error| DataFusionError::Internal(error.to_string());
            if (0..count).all(is_place) {
                healpix::hash_slice(around.depth(), lon.values(), lat.values(), &mut cells)
                    .map_err(failed)?;
            } else {
                for (row, cell) in cells.iter_mut().enumerate() {
                    *cell = match is_place(row) {
                        true => {
                            healpix::hash(around.depth(), lon.value(row), lat.value(row)).map_err(failed)?
                        }
                        false => NOWHERE,
                    };
                }
            }
        } else {
            (0..count).filter(|row| !is_place(*row)).for_each(|row| cells[row] = NOWHERE);
        }
        let cells = (0..).zip(cells).filter(|(_, cell)| *cell != NOWHERE && built.index.may_have(*cell));
        let cells = cells.collect();
        let matched = if unmatched_right(self.join_type).is_some() { count } else { 0 };
        Ok(Current { rows, lon, lat, cells, at: (0, 0), matched: vec![false; matched] })
    }

    /// The next pairs of a batch; behind them its rows with or without a partner where these are wanted; then None.
    fn step(&self, built: &Built, current: &mut Current) -> Result<Option<RecordBatch>> {
        let count = current.cells.len();
        let (mut left, mut right, mut looked_at) = (Vec::new(), Vec::new(), 0);
        while current.at.0 < count && left.len() < self.batch_rows && looked_at < LOOKED_AT {
            let (at, skip) = current.at;
            let (row, cell) = current.cells[at];
            let entries = built.index.of_cell(cell);
            let (lon, lat) = (current.lon.value(row as usize), current.lat.value(row as usize));
            let Some(place) = entries.get(skip).and_then(|_| direction(lon, lat)) else {
                current.at = (at + 1, 0);
                continue;
            };
            let (lon, lat) = (place.ra_deg() as f32, place.dec_deg() as f32);
            let mut next = skip;
            for (_, other) in &entries[skip..] {
                next += 1;
                looked_at += 1;
                if built.index.extents[*other as usize].contains(lon, lat) {
                    left.push(*other);
                    right.push(row);
                }
                if left.len() == self.batch_rows || looked_at == LOOKED_AT {
                    break;
                }
            }
            current.at = if next == entries.len() { (at + 1, 0) } else { (at, next) };
        }
        if left.is_empty() {
            if current.at.0 < count {
                return Ok(Some(RecordBatch::new_empty(self.schema.clone())));
            }
            let Some(wanted) = unmatched_right(self.join_type).filter(|_| !current.matched.is_empty()) else {
                return Ok(None);
            };
            let rows = (0..).zip(&current.matched).filter(|(_, matched)| **matched == wanted);
            let rows = UInt32Array::from_iter_values(rows.map(|(row, _)| row));
            current.matched.clear();
            let none = UInt32Array::new_null(rows.len());
            let nothing = RecordBatch::new_empty(built.rows.schema());
            return self.output(&nothing, &none, &current.rows, &rows).map(Some);
        }
        let (left, right) = self.filtered(built, &current.rows, left.into(), right.into())?;
        if !built.matched.is_empty() {
            left.values().iter().for_each(|row| built.matched[*row as usize].store(true, Ordering::Relaxed));
        }
        if !current.matched.is_empty() {
            right.values().iter().for_each(|row| current.matched[*row as usize] = true);
        }
        let (left, right) = match gives_pairs(self.join_type) {
            true => (left, right),
            false => (left.slice(0, 0), right.slice(0, 0)),
        };
        self.output(&built.rows, &left, &current.rows, &right).map(Some)
    }

    /// The pairs of which the condition holds.
    fn filtered(
        &self,
        built: &Built,
        rows: &RecordBatch,
        left: UInt32Array,
        right: UInt32Array,
    ) -> Result<(UInt32Array, UInt32Array)> {
        let columns = self.filter.column_indices().iter();
        let pairs = gathered(columns, (&built.rows, &left), (rows, &right))?;
        let options = RecordBatchOptions::new().with_row_count(Some(left.len()));
        let pairs = RecordBatch::try_new_with_options(self.filter.schema().clone(), pairs, &options)?;
        let holds = self.filter.expression().evaluate(&pairs)?.into_array(left.len())?;
        let holds = holds.as_boolean();
        let (mut of_left, mut of_right) = (UInt32Builder::new(), UInt32Builder::new());
        for pair in (0..left.len()).filter(|pair| holds.is_valid(*pair) && holds.value(*pair)) {
            of_left.append_value(left.value(pair));
            of_right.append_value(right.value(pair));
        }
        Ok((of_left.finish(), of_right.finish()))
    }

    /// Rows of the result.
    fn output(
        &self,
        left_rows: &RecordBatch,
        left: &UInt32Array,
        right_rows: &RecordBatch,
        right: &UInt32Array,
    ) -> Result<RecordBatch> {
        let columns = gathered(self.columns.iter(), (left_rows, left), (right_rows, right))?;
        let options = RecordBatchOptions::new().with_row_count(Some(left.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// Columns of pairs of rows.
fn gathered<'a>(
    columns: impl Iterator<Item = &'a ColumnIndex>,
    (left_rows, left): (&RecordBatch, &UInt32Array),
    (right_rows, right): (&RecordBatch, &UInt32Array),
) -> Result<Vec<ArrayRef>> {
    let column = |of: &ColumnIndex| {
        let (rows, at) = if of.side == JoinSide::Left { (left_rows, left) } else { (right_rows, right) };
        Ok(take(rows.column(of.index), at, None)?)
    };
    columns.map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1 that seem random.
    fn numbers_of(seed: u64) -> impl FnMut() -> f64 {
        let mut random = seed;
        move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// A place anywhere, at a pole, or at longitude 0, and where longitudes turn round.
    fn place(n: usize, next: &mut impl FnMut() -> f64) -> (f64, f64) {
        match n % 4 {
            0 => (next() * 360.0, (next() * 2.0 - 1.0).asin().to_degrees()),
            1 => (next() * 360.0, 90.0 - next() * 1e-3),
            2 => (next() * 360.0, next() * 0.3 - 90.0),
            _ => (360.0 - next() * 1e-5, next() * 160.0 - 80.0),
        }
    }

    #[test]
    fn an_extent_holds_its_circle_and_little_more() {
        let mut next = numbers_of(7);
        let (mut far, mut held) = (0, 0);
        for n in 0..40_000 {
            let (lon, lat) = place(n, &mut next);
            let centre = direction(lon, lat).unwrap();
            let radius = 10.0_f64.powf(next() * 11.0 - 8.8).min(180.0);
            let extent = Extent::around(&centre, radius, radius.to_radians().sin());
            let holds = |away: f64, turn: f64| {
                let at = centre.offset_by(Angle::from_degrees(turn), Angle::from_degrees(away));
                extent.contains(at.ra_deg() as f32, at.dec_deg() as f32)
            };
            for part in [1.0, 1.0 - 1e-15, next()] {
                assert!(holds(radius * part, next() * 360.0), "{lon} {lat} {radius} {part}");
            }
            if lat.abs() + radius < 80.0 {
                far += 1;
                held += usize::from(holds(1.5 * radius + 3e-4, next() * 360.0));
            }
        }
        assert!(far > 5000 && held * 100 < far, "{held} of {far}");
    }

    #[test]
    fn rows_are_found_by_the_cells_that_their_circles_reach() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        for (rows, radius) in [
            (3, 1e-9),
            (20_000, 1e-9),
            (20, 2.8e-5),
            (1000, 2.8e-7),
            (20_000, 1e-4),
            (9000, 0.7),
            (5000, 30.0),
            (50, 120.0),
        ] {
            let mut next = numbers_of(11);
            let places: Vec<_> = (0..rows).map(|n| place(n, &mut next)).collect();
            // Some rows have no place or no circle.
            let lon: Float64Array = (0..rows).map(|row| (row % 17 != 5).then_some(places[row].0)).collect();
            let lat: Float64Array = places.iter().map(|place| Some(place.1)).collect();
            let wide: Float64Array =
                (0..rows).map(|row| Some(if row % 19 == 3 { -1.0 } else { radius })).collect();
            // On a task, as in a query.
            let around = Index::around(&wide);
            let made = runtime.spawn(async move { Index::new((lon, lat, wide), around).await });
            let index = runtime.block_on(made).unwrap().unwrap();
            let mut found = 0;
            for (row, (lon, lat)) in places.into_iter().enumerate() {
                let away = Angle::from_degrees(radius * next());
                let at = direction(lon, lat).unwrap().offset_by(Angle::from_degrees(next() * 360.0), away);
                let cell = |around: Around| healpix::hash(around.depth(), at.ra_deg(), at.dec_deg()).unwrap();
                let cell = index.around.map_or(0, cell);
                let entries = index.of_cell(cell);
                assert!(entries.is_empty() || index.may_have(cell));
                let there = entries.iter().filter(|(_, other)| *other as usize == row).count();
                let wanted = usize::from(row % 17 != 5 && row % 19 != 3);
                assert_eq!(there, wanted, "{row} of {rows}, {radius}");
                found += there;
            }
            assert_eq!(found, index.extents.iter().filter(|extent| extent.high > 0.0).count());
        }
    }
}
