//! Tables at rest: comparisons of a query, and of catalogues regions, are searched for, page by page, and not filtered.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures_util::stream;
use uranometria_catalog::fs::{Place, Query};
use uranometria_catalog::{Comparison, Condition, Value};
use uranometria_sky::Region;

use super::functions::{is_region, region_of_call};
use super::nulls;
use crate::source::{Rows, Source};

/// A table at rest that can be queried.
#[derive(Clone, Debug)]
pub(crate) struct StoredTable {
    name: String,
    source: Source,
    schema: SchemaRef,
    /// Whether it has an index of the sky, in files that are here.
    indexed_here: bool,
}

/// What a filter is to a search that takes it over.
enum Sought {
    /// And the call it is of, for people.
    Region(Region, String),
    Condition(Condition),
    /// One of these, when its values are known.
    Later,
}

impl StoredTable {
    pub(crate) fn new(name: String, source: Source) -> Self {
        let (schema, indexed_here) = (nulls::schema(source.schema()), source.is_indexed_here());
        StoredTable { name, source, schema, indexed_here }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Schema and table.
    #[cfg(feature = "codec")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a filter is to a search, if it is something to it.
    fn sought(&self, filter: &Expr) -> Option<Sought> {
        match filter {
            Expr::ScalarFunction(call) => self.sought_region(call),
            Expr::BinaryExpr(comparison) => self.sought_condition(comparison),
            _ => None,
        }
    }

    fn sought_region(&self, call: &ScalarFunction) -> Option<Sought> {
        let column = |expr: &Expr| match expr {
            Expr::Column(column) => Some(column.name.clone()),
            _ => None,
        };
        let (ra, dec) = self.source.position_columns()?;
        let [lon, lat, rest @ ..] = &call.args[..] else { return None };
        if column(lon)? != ra || column(lat)? != dec || !is_region(call.func.name()) {
            return None;
        }
        let (mut numbers, mut all_known) = (Vec::with_capacity(rest.len()), true);
        for constant in rest.iter().map(constant) {
            match constant? {
                Constant::Known(literal) => numbers.push(number(&literal)?),
                Constant::Later(_) => all_known = false,
            }
        }
        if !all_known {
            return Some(Sought::Later);
        }
        let region = region_of_call(call.func.name(), &numbers)?;
        let numbers = numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        Some(Sought::Region(region, format!("{}({ra}, {dec}, {numbers})", call.func.name())))
    }

    fn sought_condition(&self, BinaryExpr { left, op, right }: &BinaryExpr) -> Option<Sought> {
        let (column, op, constant) = match (constant(left), constant(right)) {
            (None, Some(constant)) => (left, *op, constant),
            (Some(constant), None) => (right, op.swap()?, constant),
            _ => return None,
        };
        let field = self.schema.field_with_name(&column_name(column, &self.schema)?).ok()?;
        let comparison = match op {
            Operator::Lt => Comparison::Less,
            Operator::LtEq => Comparison::AtMost,
            Operator::Eq => Comparison::Equal,
            Operator::NotEq => Comparison::Differs,
            Operator::GtEq => Comparison::AtLeast,
            Operator::Gt => Comparison::Greater,
            _ => return None,
        };
        let found = field.data_type();
        let literal = match constant {
            Constant::Known(literal) => literal,
            Constant::Later(wanted) => {
                let fits =
                    found.is_integer() && wanted.is_integer() || found.is_floating() && wanted.is_floating();
                return fits.then_some(Sought::Later);
            }
        };
        let value = value(&literal)?;
        let fits = match &value {
            Value::Text(_) => found.is_string(),
            Value::Integer(_) => found.is_integer(),
            Value::Number(number) => found.is_floating() && !number.is_nan(),
        };
        fits.then(|| Sought::Condition(Condition::new(field.name(), comparison, value)))
    }

    /// The search that filters stand for, and what they are called for people; None while values are not known.
    ///
    /// # Errors
    /// For filters that are none to a search.
    fn search(&self, filters: &[Expr]) -> Result<Option<(Query, Vec<String>)>> {
        let (mut query, mut shown) = (Query::default(), Vec::with_capacity(filters.len()));
        for filter in filters {
            match self.sought(filter) {
                Some(Sought::Region(region, call)) => {
                    shown.push(call);
                    query.regions.push(region);
                }
                Some(Sought::Condition(condition)) => {
                    shown.push(condition.to_string());
                    query.conditions.push(condition);
                }
                Some(Sought::Later) => return Ok(None),
                None => {
                    let reason = format!("the filter {filter} cannot be searched for");
                    return Err(DataFusionError::Internal(reason));
                }
            }
        }
        if let Some(cell) = self.source.cells_of_positions()
            && query.regions.is_empty()
        {
            (query.place, query.conditions) = cells_of(cell, query.conditions);
        }
        // The smallest says where to look, the others are tested there.
        let area = |at: &usize| query.regions[*at].area_deg2();
        if let Some(at) = (0..query.regions.len()).min_by(|a, b| area(a).total_cmp(&area(b))) {
            query.place = Place::Region(query.regions.swap_remove(at));
        }
        Ok(Some((query, shown)))
    }
}

/// All cells.
const CELLS: i128 = 12 << (2 * 29);

/// The stretch of cells that conditions on their column leave, as the place to look, and the other conditions.
fn cells_of(cell: &str, conditions: Vec<Condition>) -> (Place, Vec<Condition>) {
    let (mut start, mut end) = (0, CELLS);
    let is_other = |condition: &Condition| {
        let Value::Integer(number) = condition.value else { return true };
        if condition.column != cell {
            return true;
        }
        let (from, to) = match condition.comparison {
            Comparison::Less => (0, number),
            Comparison::AtMost => (0, number + 1),
            Comparison::Equal => (number, number + 1),
            Comparison::AtLeast => (number, CELLS),
            Comparison::Greater => (number + 1, CELLS),
            Comparison::Differs => return true,
        };
        (start, end) = (start.max(from), end.min(to));
        false
    };
    let others = conditions.into_iter().filter(is_other).collect();
    let stretch = (start < end).then_some(start as u64..end as u64);
    let place =
        if (start, end) == (0, CELLS) { Place::Anywhere } else { Place::Cells(Vec::from_iter(stretch)) };
    (place, others)
}

/// How much of the sky a place is.
fn sky_part(place: &Place) -> f64 {
    match place {
        Place::Anywhere => 1.0,
        Place::Region(region) => region.area_deg2() / SKY_DEG2,
        Place::Cells(cells) => {
            cells.iter().map(|cells| (cells.end - cells.start) as f64).sum::<f64>() / CELLS as f64
        }
    }
}

/// A value that is the same for all rows.
enum Constant {
    Known(ScalarValue),
    /// One of this type that takes a placeholder's place.
    Later(DataType),
}

/// The constant that an expression is, if it is one.
fn constant(expr: &Expr) -> Option<Constant> {
    match expr {
        Expr::Literal(literal, _) => Some(Constant::Known(literal.clone())),
        Expr::Placeholder(Placeholder { field, .. }) => {
            Some(Constant::Later(field.as_ref()?.data_type().clone()))
        }
        Expr::Cast(Cast { expr, field }) => Some(match constant(expr)? {
            Constant::Known(literal) => Constant::Known(literal.cast_to(field.data_type()).ok()?),
            Constant::Later(_) => Constant::Later(field.data_type().clone()),
        }),
        _ => None,
    }
}

/// The column of a comparison, maybe turned into a wider type, which changes nothing of the answer.
fn column_name(expr: &Expr, schema: &SchemaRef) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::Cast(Cast { expr, field }) => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let (from, to) = (schema.field_with_name(&column.name).ok()?.data_type(), field.data_type());
            use arrow_schema::DataType::{
                Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32,
            };
            let wider = matches!(
                (from, to),
                (Float32, Float64)
                    | (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32, Int64)
                    | (Int8 | Int16 | UInt8 | UInt16, Int32)
                    | (Int8 | UInt8, Int16)
            );
            wider.then(|| column.name.clone())
        }
        _ => None,
    }
}

/// A number as a double, where that is exact.
fn number(literal: &ScalarValue) -> Option<f64> {
    match value(literal)? {
        Value::Number(number) => Some(number),
        Value::Integer(number) => Some(number as f64),
        Value::Text(_) => None,
    }
}

fn value(literal: &ScalarValue) -> Option<Value> {
    use ScalarValue::{
        Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    Some(match literal {
        Float32(number) => Value::Number((*number)?.into()),
        Float64(number) => Value::Number((*number)?),
        Int8(number) => Value::Integer((*number)?.into()),
        Int16(number) => Value::Integer((*number)?.into()),
        Int32(number) => Value::Integer((*number)?.into()),
        Int64(number) => Value::Integer((*number)?.into()),
        UInt8(number) => Value::Integer((*number)?.into()),
        UInt16(number) => Value::Integer((*number)?.into()),
        UInt32(number) => Value::Integer((*number)?.into()),
        UInt64(number) => Value::Integer((*number)?.into()),
        Utf8(text) | LargeUtf8(text) | Utf8View(text) => Value::Text(text.clone()?),
        _ => return None,
    })
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.sought(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let schema = Arc::new(self.schema.project(projection.unwrap_or(&all))?);
        let (config, most) = (state.config(), state.config().target_partitions());
        let shares = Shares { batch_rows: batch_rows(&schema, config.batch_size(), limit), most };
        Ok(Arc::new(StoredScan::new(self.clone(), schema, filters.to_vec(), limit, shares)?))
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(statistics(&self.source, &self.schema, 1.0))
    }
}

/// Bytes of a batch, about: such as caches hold. Batches are handed on from thread to thread, so that small ones cost more.
const BATCH_BYTES: usize = 1 << 20;

/// Rows of a batch of some columns: as many as the engine has or, where they are short, up to four times as many, but none
/// beyond a limit.
fn batch_rows(schema: &SchemaRef, engines: usize, limit: Option<usize>) -> usize {
    let width = |field: &FieldRef| match field.data_type() {
        DataType::Boolean => Some(1),
        DataType::Utf8 | DataType::LargeUtf8 => Some(32),
        other => other.primitive_width(),
    };
    let row: Option<usize> = schema.fields().iter().map(width).sum();
    let rows = row.map_or(engines, |row| (BATCH_BYTES / row.max(1)).clamp(engines, 4 * engines));
    rows.min(limit.unwrap_or(usize::MAX)).max(1)
}

/// The area of the sky, square degrees.
const SKY_DEG2: f64 = 41_252.961_249_419_27;

/// How many rows there are, about.
fn statistics(source: &Source, schema: &SchemaRef, part: f64) -> Statistics {
    let mut statistics = Statistics::new_unknown(schema);
    if let Some(rows) = source.rows() {
        let rows = (rows * part).ceil() as usize;
        statistics.num_rows = Precision::Inexact(rows);
        statistics.total_byte_size = Precision::Inexact(rows.saturating_mul(8 * schema.fields().len()));
    }
    statistics
}

/// How a search is shared out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Rows of a batch.
    pub(crate) batch_rows: usize,
    /// The most partitions of the plan.
    pub(crate) most: usize,
}

/// A search of a table at rest as a step of a plan.
#[derive(Debug)]
pub(crate) struct StoredScan {
    table: StoredTable,
    schema: SchemaRef,
    /// The filters that the search stands for.
    filters: Vec<Expr>,
    limit: Option<usize>,
    shares: Shares,
    /// None while values of the filters are not known.
    search: Option<Planned>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// A search whose values are known.
#[derive(Debug)]
struct Planned {
    query: Query,
    /// What it looks for, for people.
    shown: Vec<String>,
    /// The parts of the table that each partition of the plan searches.
    parts: Vec<Range<usize>>,
    small: bool,
}

/// The rows of a small region, if they are as dense as over the whole sky; where they are denser, its few files say how many
/// they are at most.
const FEW: f64 = 20_000.0;

/// The partitions that a small region touches at most: a circle around the corner of four.
const FEW_FILES: usize = 4;

impl StoredScan {
    pub(crate) fn new(
        table: StoredTable,
        schema: SchemaRef,
        filters: Vec<Expr>,
        limit: Option<usize>,
        shares: Shares,
    ) -> Result<Self> {
        let search = table.search(&filters)?.map(|(query, shown)| {
            let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
            let query = Query { columns: Some(columns), batch_rows: shares.batch_rows, ..query };
            let parts = shared(table.source.touched(&query), shares.most);
            // What it reads is few files at most, however dense they are.
            let few_files = parts.iter().map(Range::len).sum::<usize>() <= FEW_FILES;
            let rows = table.source.rows().unwrap_or(f64::INFINITY) * sky_part(&query.place);
            let small = query.place != Place::Anywhere && table.indexed_here && few_files && rows < FEW;
            Planned { query, shown, parts, small }
        });
        let partitions = match &search {
            Some(search) => search.parts.len(),
            None => shares.most.clamp(1, table.source.parts().max(1)),
        };
        let (properties, metrics) = (properties(&schema, partitions), ExecutionPlanMetricsSet::new());
        Ok(StoredScan { table, schema, filters, limit, shares, search, properties, metrics })
    }

    /// The table that is searched.
    #[cfg(feature = "codec")]
    pub(crate) fn table(&self) -> &StoredTable {
        &self.table
    }

    /// The filters that are searched for.
    #[cfg(feature = "codec")]
    pub(crate) fn filters(&self) -> &[Expr] {
        &self.filters
    }

    /// The most rows of each partition of the plan.
    #[cfg(feature = "codec")]
    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// How the search is shared out.
    #[cfg(feature = "codec")]
    pub(crate) fn shares(&self) -> Shares {
        self.shares
    }

    /// Whether it looks into a small region of files that are here: that takes about as long as waking a thread.
    pub(crate) fn is_small(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.small)
    }

    /// The same search with the values that were left open, in as many partitions; None where it cannot be searched for
    /// these.
    pub(crate) fn with_values(&self, values: &ParamValues) -> Result<Option<Self>> {
        let filled = self.filters.iter().map(|filter| {
            let filled = filter.clone().transform_up(|expr| match &expr {
                Expr::Placeholder(open) => {
                    let value = values.get_placeholders_with_values(&open.id)?;
                    Ok(Transformed::yes(Expr::Literal(value.value().clone(), None)))
                }
                _ => Ok(Transformed::no(expr)),
            });
            filled.data()
        });
        let filters = filled.collect::<Result<Vec<_>>>()?;
        if filters.iter().any(|filter| self.table.sought(filter).is_none()) {
            return Ok(None);
        }
        let scan = Self::new(self.table.clone(), self.schema.clone(), filters, self.limit, self.shares)?;
        Ok(Some(scan.in_partitions(self.properties.partitioning.partition_count())))
    }

    /// The same in so many partitions, of which it has no more; some have nothing then.
    pub(crate) fn in_partitions(mut self, partitions: usize) -> Self {
        if let Some(search) = &mut self.search {
            search.parts.resize(partitions, 0..0);
        }
        self.properties = properties(&self.schema, partitions);
        self
    }
}

fn properties(schema: &SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(schema.clone()),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

/// The parts that a search touches, in as many runs as there are threads.
fn shared(touched: Range<usize>, most: usize) -> Vec<Range<usize>> {
    let shares = most.clamp(1, touched.len().max(1));
    let at = |share: usize| touched.start + touched.len() * share / shares;
    (0..shares).map(|share| at(share)..at(share + 1)).collect()
}

impl DisplayAs for StoredScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.table.name)?;
        let Some(Planned { query, shown, parts, .. }) = &self.search else {
            let filters: Vec<String> = self.filters.iter().map(Expr::to_string).collect();
            return write!(f, ", where {}, whose values are left open", filters.join(" and "));
        };
        if !shown.is_empty() {
            write!(f, ", where {}", shown.join(" and "))?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", at most {limit} rows")?;
        }
        let threads = parts.iter().filter(|part| !part.is_empty()).count();
        match self.table.source.reads(query) {
            Ok(reads) => write!(f, ", reads {reads} by {threads} threads"),
            Err(error) => write!(f, ", {error}"),
        }
    }
}

impl ExecutionPlan for StoredScan {
    fn name(&self) -> &str {
        match self.table.source {
            Source::Catalog(_) => "CatalogScan",
            Source::Files(_) => "FileScan",
        }
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(Planned { query, parts, .. }) = &self.search else {
            return Err(DataFusionError::Internal("a search without its values".into()));
        };
        let alive = Arc::new(());
        let here = Arc::downgrade(&alive);
        let search = match &parts[partition] {
            part if part.is_empty() => None,
            part => {
                let query = Query { parts: part.clone(), ..query.clone() };
                let search = self.table.source.search(&query, move || here.strong_count() == 0);
                Some(search.map_err(external)?)
            }
        };
        let state = Scanning {
            search,
            inline: self.is_small(),
            schema: self.schema.clone(),
            left: self.limit.unwrap_or(usize::MAX),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            _alive: alive,
        };
        let batches = stream::try_unfold(state, |mut state| async move {
            Ok(state.next().await?.map(|batch| (batch, state)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let (part, conditions) = match &self.search {
            Some(Planned { query, .. }) => (sky_part(&query.place), query.conditions.len()),
            None => (1.0, self.filters.len()),
        };
        // Nobody knows what a condition leaves; a fifth is the engine's own guess.
        let part = part * 0.2_f64.powi(conditions.min(3) as i32);
        let partitions = self.properties.partitioning.partition_count();
        let part = if partition.is_some() { part / partitions as f64 } else { part };
        Ok(Arc::new(statistics(&self.table.source, &self.schema, part)))
    }
}

fn external(error: uranometria_catalog::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A share of a search under way.
struct Scanning {
    search: Option<Rows>,
    /// Whether it is read where it is asked for.
    inline: bool,
    schema: SchemaRef,
    /// Rows that may still be given.
    left: usize,
    metrics: BaselineMetrics,
    /// Gone when nobody waits any more.
    _alive: Arc<()>,
}

impl Scanning {
    /// The next batch. Each is read by a thread for what blocks, which is free again behind it: however many searches are
    /// under way, none holds a thread while it waits. Those of small regions are read at once.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(mut search) = self.search.take().filter(|_| self.left > 0) else { return Ok(None) };
        let (search, batch) = if self.inline {
            let batch = search.next();
            (search, batch)
        } else {
            let read = tokio::task::spawn_blocking(move || {
                let batch = search.next();
                (search, batch)
            });
            read.await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
        };
        let batch = match batch {
            None | Some(Err(uranometria_catalog::Error::Interrupted)) => return Ok(None),
            Some(batch) => batch.map_err(external)?,
        };
        let timer = self.metrics.elapsed_compute().timer();
        let batch = nulls::of_nan(&batch.slice(0, self.left.min(batch.num_rows())), &self.schema)?;
        timer.done();
        self.left -= batch.num_rows();
        self.metrics.record_output(batch.num_rows());
        self.search = Some(search);
        Ok(Some(batch))
    }
}
