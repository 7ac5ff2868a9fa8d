//! DataFusion as the engine, with catalogues and files as its tables and the sky as its functions.

mod cells;
#[cfg(feature = "codec")]
mod codec;
mod functions;
mod join;
mod nulls;
mod numbers;
mod scan;
mod shapes;
mod wanted;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
#[cfg(feature = "codec")]
use arrow_schema::Schema;
use arrow_schema::SchemaRef;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::SessionConfig;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
#[cfg(feature = "codec")]
use prost::Message;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::Sender;
use uranometria_adql::Checked;

use crate::answer::described;
use crate::source::Source;
use crate::{Answer, Error, Request, Resources};
#[cfg(feature = "codec")]
use codec::{Carried, Codec};
use join::{ByPosition, PositionJoin};
use numbers::AsInAdql;
use scan::StoredTable;
use shapes::Shapes;
use wanted::while_wanted;

/// The one catalogue of schemas; names that are not found in it are an error before they come here.
const ROOT: &str = "archive";

/// The most rows that are told to the plan; an answer is cut at any number.
const MOST_SORTED: u64 = 100_000;

/// The longest SQL whose plan is kept; lists of numbers make it long, and are seldom asked for again.
const LONGEST_KEPT: usize = 10_000;

/// DataFusion with tables.
pub(crate) struct Embedded {
    state: SessionState,
    /// The same for where there is no memory: it joins by sorting, which goes to files, and by position in passes.
    in_little: Arc<SessionState>,
    /// The same, which plans for one thread.
    narrow: SessionState,
    shapes: Shapes,
    threads: Threads,
    schemas: Arc<MemoryCatalogProvider>,
    memory: usize,
}

impl Embedded {
    pub(crate) fn new(resources: &Resources) -> Result<Self, Error> {
        let disk = match &resources.spill {
            None => DiskManagerMode::OsTmpDirectory,
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        };
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(resources.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(disk))
            .build_arc()
            .map_err(|error| Error::Table {
                path: resources.spill.clone().unwrap_or_else(std::env::temp_dir),
                reason: error.strip_backtrace(),
            })?;
        // How deeply ADQL may nest is bounded before.
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(ROOT, "public")
            .set_usize("datafusion.sql_parser.recursion_limit", 4096);
        if resources.threads > 0 {
            config = config.with_target_partitions(resources.threads);
        }
        let partitions = config.target_partitions();
        let options = config.options_mut();
        // What a sort keeps for merging; several may be under way.
        let merging = resources.memory / (4 * partitions);
        let reserved = &mut options.execution.sort_spill_reservation_bytes;
        *reserved = (*reserved).min(merging);
        options.catalog.create_default_catalog_and_schema = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        let schemas = Arc::new(MemoryCatalogProvider::new());
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_scalar_functions(functions::scalar())
            .with_aggregate_functions(functions::aggregates())
            .with_analyzer_rules(
                [vec![Arc::new(AsInAdql) as Arc<dyn AnalyzerRule + Send + Sync>], Analyzer::new().rules]
                    .concat(),
            )
            .with_physical_optimizer_rules(rules(false))
            .build();
        state.catalog_list().register_catalog(ROOT.to_string(), schemas.clone());
        // The engine sorts for joins only where it shares them out.
        let mut config = state.config().clone().with_target_partitions(partitions.max(2));
        let options = config.options_mut();
        options.optimizer.prefer_hash_join = false;
        // Both sides are sorted at the same time.
        let reserved = &mut options.execution.sort_spill_reservation_bytes;
        *reserved = (*reserved).min(resources.memory / (8 * partitions.max(2)));
        let in_little = SessionStateBuilder::new_from_existing(state.clone())
            .with_config(config)
            .with_physical_optimizer_rules(rules(true))
            .build();
        let config = state.config().clone().with_target_partitions(1);
        let narrow = SessionStateBuilder::new_from_existing(state.clone()).with_config(config).build();
        Ok(Embedded {
            narrow,
            state,
            in_little: Arc::new(in_little),
            shapes: Shapes::default(),
            threads: Threads::start(partitions)?,
            schemas,
            memory: resources.memory,
        })
    }

    pub(crate) fn add_stored(&self, [schema, table]: [&str; 2], source: Source) -> Result<(), Error> {
        let name = format!("{schema}.{table}");
        self.add([schema, table], Arc::new(StoredTable::new(name, source)))
    }

    pub(crate) fn add_rows(
        &self,
        parts: [&str; 2],
        schema: &SchemaRef,
        rows: Vec<RecordBatch>,
    ) -> Result<(), Error> {
        let failed = |error: DataFusionError| Error::Value(error.strip_backtrace());
        let schema = nulls::schema(schema);
        let rows: Result<Vec<_>, _> = rows.iter().map(|batch| nulls::of_nan(batch, &schema)).collect();
        let rows = rows.map_err(|error| failed(error.into()))?;
        self.add(parts, Arc::new(MemTable::try_new(schema, vec![rows]).map_err(failed)?))
    }

    fn add(&self, [schema, table]: [&str; 2], provider: Arc<dyn TableProvider>) -> Result<(), Error> {
        let failed = |error: DataFusionError| Error::Value(error.strip_backtrace());
        let into = match self.schemas.schema(schema) {
            Some(schema) => schema,
            None => {
                let made: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
                self.schemas.register_schema(schema, made.clone()).map_err(failed)?;
                made
            }
        };
        into.register_table(table.to_string(), provider).map_err(failed)?;
        self.shapes.clear();
        Ok(())
    }

    /// Takes a table out; says whether it was there.
    pub(crate) fn remove(&self, [schema, table]: [&str; 2]) -> bool {
        self.shapes.clear();
        let schema = self.schemas.schema(schema);
        schema.is_some_and(|schema| matches!(schema.deregister_table(table), Ok(Some(_))))
    }

    /// What a query means, and how it is found out.
    async fn planned(
        &self,
        request: &Request<'_>,
        sql: &str,
    ) -> Result<(LogicalPlan, Arc<dyn ExecutionPlan>), Error> {
        let work = async {
            let meaning = self.meaning(request, sql).await?;
            let plan = self.plan(&meaning, sql).await?;
            Ok((meaning, plan))
        };
        if sql.len() <= SHORT && sql.bytes().filter(|byte| *byte == b'(').count() <= SHALLOW {
            return work.await;
        }
        // The engine nests what stands in a row, such as conditions, and goes down into it step by step.
        let mut work = pin!(work);
        poll_fn(|context| stacker::grow(STACK, || work.as_mut().poll(context))).await
    }

    /// What a query means; a row more than asked for tells whether there are more.
    async fn meaning(&self, request: &Request<'_>, sql: &str) -> Result<LogicalPlan, Error> {
        let failed = |error| Error::of_engine(error, sql, self.memory);
        let plan = self.state.create_logical_plan(sql).await.map_err(failed)?;
        let plan = cells::read_where_stored(plan).map_err(failed)?;
        // Of more rows a sort could not go to files.
        let Some(rows) = request.max_rows.filter(|rows| *rows <= MOST_SORTED) else { return Ok(plan) };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX).saturating_add(1);
        LogicalPlanBuilder::from(plan)
            .limit(0, Some(rows))
            .and_then(LogicalPlanBuilder::build)
            .map_err(failed)
    }

    /// How it is found out.
    async fn plan(&self, meaning: &LogicalPlan, sql: &str) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let failed = |error| Error::of_engine(error, sql, self.memory);
        let kept = match sql.len() {
            ..=LONGEST_KEPT => self.shapes.plan(meaning, &self.narrow, &self.state).await.map_err(failed)?,
            _ => None,
        };
        match kept {
            Some(plan) => Ok(plan),
            None => self.state.create_physical_plan(meaning).await.map_err(failed),
        }
    }

    pub(crate) async fn run(
        &self,
        request: &Request<'_>,
        checked: &Checked,
        sql: String,
    ) -> Result<Answer, Error> {
        let deadline = request.deadline();
        let (meaning, plan) = self.planned(request, &sql).await?;
        let otherwise = joins_in_memory(&plan).then(|| (meaning, self.in_little.clone()));
        let schema = described(&plan.schema(), &checked.columns)?;
        let rows = self.begin(plan, otherwise, sql);
        Ok(Answer::new(schema, rows, request.max_rows, deadline))
    }

    /// Has a plan run by the threads for it. `otherwise` is what to do where it needs more memory than there is.
    fn begin(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        otherwise: Option<(LogicalPlan, Arc<SessionState>)>,
        sql: String,
    ) -> BoxStream<'static, Result<RecordBatch, Error>> {
        let mut apart = RecordBatchReceiverStream::builder(plan.schema(), 2);
        let to = apart.tx();
        let context = self.state.task_ctx();
        let wanted = Arc::new(());
        let by = Arc::downgrade(&wanted);
        let work = async move {
            let Some(exhausted) = given(while_wanted(plan, &by)?, context, &to).await? else { return Ok(()) };
            let Some((meaning, state)) = otherwise else { return Err(exhausted) };
            let plan = match state.create_physical_plan(&meaning).await {
                Ok(plan) if !joins_in_memory(&plan) => plan,
                // It has keys that are not sorted by, or is of a kind that passes do not know.
                _ => return Err(exhausted),
            };
            // What the first attempt held is given back by its tasks as they notice that nobody waits for them.
            let pool = &state.runtime_env().memory_pool;
            for _ in 0..200 {
                let held = pool.reserved();
                if held == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                if pool.reserved() >= held {
                    break;
                }
            }
            match given(while_wanted(plan, &by)?, state.task_ctx(), &to).await? {
                Some(exhausted) => Err(exhausted),
                None => Ok(()),
            }
        };
        apart.spawn_on(work, self.threads.handle());
        let (rows, memory) = (apart.build(), self.memory);
        let told = move |batch: Result<RecordBatch, DataFusionError>| {
            let _waiting = &wanted;
            batch.map_err(|error| Error::of_engine(error, &sql, memory))
        };
        rows.map(told).boxed()
    }

    pub(crate) async fn explain(&self, request: &Request<'_>, sql: &str) -> Result<String, Error> {
        let (_, plan) = self.planned(request, sql).await?;
        Ok(displayable(plan.as_ref()).indent(true).to_string())
    }
}

#[cfg(feature = "codec")]
impl Embedded {
    /// The plan of a query, and what its answer is like, as bytes.
    pub(crate) async fn written(
        &self,
        request: &Request<'_>,
        checked: &Checked,
        sql: &str,
        stored: &[(String, Source)],
    ) -> Result<Vec<u8>, Error> {
        let failed = |error| Error::of_engine(error, sql, self.memory);
        let (_, plan) = self.planned(request, sql).await?;
        let columns = described(&plan.schema(), &checked.columns)?;
        let columns = columns
            .as_ref()
            .try_into()
            .map_err(|error| failed(DataFusionError::External(Box::new(error))))?;
        let plan = codec(stored).written(plan).map_err(failed)?;
        Ok(Carried { plan, columns: Some(columns), max_rows: request.max_rows }.encode_to_vec())
    }

    /// Runs what [`Embedded::written`] wrote.
    pub(crate) fn run_written(&self, bytes: &[u8], stored: &[(String, Source)]) -> Result<Answer, Error> {
        let wrong = |reason: String| Error::Value(format!("a plan that cannot be read: {reason}"));
        let carried = Carried::decode(bytes).map_err(|error| wrong(error.to_string()))?;
        let columns = carried.columns.as_ref().ok_or_else(|| wrong("it does not tell its columns".into()))?;
        let columns = Schema::try_from(columns).map_err(|error| wrong(error.to_string()))?;
        let plan = codec(stored).read(&carried.plan, &self.state.task_ctx());
        let plan = plan.map_err(|error| wrong(error.strip_backtrace()))?;
        if plan.schema().fields().len() != columns.fields().len() {
            let (found, wanted) = (plan.schema().fields().len(), columns.fields().len());
            return Err(wrong(format!("it gives {found} columns and tells of {wanted}")));
        }
        let rows = self.begin(plan, None, "a plan from bytes".into());
        Ok(Answer::new(Arc::new(columns), rows, carried.max_rows, None))
    }
}

#[cfg(feature = "codec")]
fn codec(stored: &[(String, Source)]) -> Codec {
    let table = |(name, source): &(String, Source)| StoredTable::new(name.clone(), source.clone());
    Codec { tables: stored.iter().map(table).collect() }
}

/// Runs a plan and hands its rows on, until nobody takes them. What is returned is that the memory did not suffice, if
/// that was so before the first row.
async fn given(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    to: &Sender<Result<RecordBatch, DataFusionError>>,
) -> Result<Option<DataFusionError>, DataFusionError> {
    let exhausted =
        |error: &DataFusionError| matches!(error.find_root(), DataFusionError::ResourcesExhausted(_));
    let mut rows = match execute_stream(plan, context) {
        Err(error) if exhausted(&error) => return Ok(Some(error)),
        rows => rows?,
    };
    let mut begun = false;
    while let Some(batch) = rows.next().await {
        match batch {
            Err(error) if !begun && exhausted(&error) => return Ok(Some(error)),
            Ok(batch) if batch.num_rows() == 0 => (),
            batch => {
                begun = true;
                if to.send(batch).await.is_err() {
                    break;
                }
            }
        }
    }
    Ok(None)
}

/// Whether a plan joins by tables of keys or of positions, which have to fit in memory.
fn joins_in_memory(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.exists(|plan| Ok(plan.is::<HashJoinExec>() || plan.is::<PositionJoin>())).unwrap_or(false)
}

/// Bytes of SQL, and parentheses in it, with which planning needs no more than any thread's stack.
const SHORT: usize = 2 << 10;
const SHALLOW: usize = 16;

/// Bytes of stack for other queries, of which those are taken that are needed.
const STACK: usize = 256 << 20;

/// The threads that queries are run by. They are not those of who asks: steps that take long would keep these from their
/// clocks and connections, and a limit of time or a signal would be noticed late.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(threads: usize) -> Result<Self, Error> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(threads.max(1)).thread_name("query").thread_stack_size(STACK);
        let runtime = runtime.enable_time().build();
        let failed = |error: std::io::Error| Error::Value(format!("no thread for queries: {error}"));
        runtime.map(|runtime| Threads(Some(runtime))).map_err(failed)
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("threads end when they are dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // What is read just now nobody waits for.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The engine's rules, and joins by position, maybe in passes, before it sees to what operators want of their inputs.
fn rules(in_passes: bool) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let behind = rules.iter().position(|rule| rule.name() == "join_selection").map_or(0, |at| at + 1);
    rules.insert(behind, Arc::new(ByPosition { in_passes }));
    rules.push(Arc::new(Yielding));
    rules
}

/// Lets joins give way between batches: they may make very many of few, and only what reads does so by itself.
#[derive(Debug)]
struct Yielding;

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let joins = ["NestedLoopJoinExec", "CrossJoinExec", "HashJoinExec", "SortMergeJoinExec"];
        let yielding = plan.transform_up(|plan| {
            Ok(match joins.contains(&plan.name()) {
                true => Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>),
                false => Transformed::no(plan),
            })
        });
        yielding.data()
    }

    fn name(&self) -> &str {
        "yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
