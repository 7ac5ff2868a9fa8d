//! A join under way: the left rows are put together once, and right rows looked up among them batch by batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow_array::builder::UInt32Builder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::metrics::BaselineMetrics;
use futures_util::StreamExt;
use tokio::sync::OnceCell;
use uranometria_sky::healpix;

use super::super::functions::direction;
use super::index::Index;
use super::turns::Turns;
use super::{Place, Value};

/// Whether left rows are given that have a partner, or that have none; None for neither as such.
pub(super) fn unmatched_left(join_type: JoinType) -> Option<bool> {
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

/// The left side as it is begun, by one partition of the right side for all.
pub(super) struct Build {
    pub(super) left: Arc<dyn ExecutionPlan>,
    pub(super) context: Arc<TaskContext>,
    pub(super) place: Place,
    pub(super) radius: Value,
    pub(super) partitions: usize,
    pub(super) matches: bool,
    pub(super) reservation: MemoryReservation,
}

/// The left rows and where they are.
#[derive(Debug)]
pub(super) struct Built {
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

/// The right side under way.
pub(super) struct Probe {
    pub(super) cell: Arc<Once>,
    pub(super) build: Option<Build>,
    pub(super) built: Option<Arc<Built>>,
    pub(super) right: SendableRecordBatchStream,
    pub(super) place: Place,
    pub(super) filter: JoinFilter,
    pub(super) join_type: JoinType,
    pub(super) columns: Vec<ColumnIndex>,
    pub(super) schema: SchemaRef,
    pub(super) current: Option<Current>,
    pub(super) ended: bool,
    pub(super) batch_rows: usize,
    pub(super) metrics: BaselineMetrics,
    pub(super) turns: Turns,
}

/// The left side, which is read once: who comes behind an error has the same one.
pub(super) type Once = OnceCell<std::result::Result<Arc<Built>, Arc<DataFusionError>>>;

/// A batch of right rows under way.
pub(super) struct Current {
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
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let built = match &self.built {
            Some(built) => built.clone(),
            None => {
                let build = self.build.take();
                let missing = || DataFusionError::Internal("the left side of a join is begun once".into());
                let finished = async { build.ok_or_else(missing)?.finish().await.map_err(Arc::new) };
                let made = self.cell.get_or_init(|| finished).await.clone();
                self.built.insert(made.map_err(DataFusionError::Shared)?).clone()
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
