//! DataFusion as the engine, with catalogues as its tables and the sky as its functions.

mod functions;
mod join;
mod nulls;
mod numbers;
mod scan;

use std::sync::Arc;

use arrow_array::RecordBatch;
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
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::SessionConfig;
use futures_util::StreamExt;
use tokio::runtime::{Handle, Runtime};
use uranometria_adql::Checked;
use uranometria_catalog::fs::Catalog;

use crate::{Answer, Error, Request, Resources};
use join::ByPosition;
use numbers::AsInAdql;
use scan::CatalogTable;

/// The one catalogue of schemas; names that are not found in it are an error before they come here.
const ROOT: &str = "archive";

/// The most rows that are told to the plan; an answer is cut at any number.
const MOST_SORTED: u64 = 100_000;

/// DataFusion with tables.
pub(crate) struct Embedded {
    state: SessionState,
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
        let mut config = SessionConfig::new().with_default_catalog_and_schema(ROOT, "public");
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
            .with_physical_optimizer_rules(rules())
            .build();
        state.catalog_list().register_catalog(ROOT.to_string(), schemas.clone());
        let threads = Threads::start(partitions)?;
        Ok(Embedded { state, threads, schemas, memory: resources.memory })
    }

    pub(crate) fn add_catalog(&self, [schema, table]: [&str; 2], catalog: Arc<Catalog>) -> Result<(), Error> {
        let name = format!("{schema}.{table}");
        self.add([schema, table], Arc::new(CatalogTable::new(name, catalog)))
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
        Ok(())
    }

    /// Takes a table out; says whether it was there.
    pub(crate) fn remove(&self, [schema, table]: [&str; 2]) -> bool {
        let schema = self.schemas.schema(schema);
        schema.is_some_and(|schema| matches!(schema.deregister_table(table), Ok(Some(_))))
    }

    /// The plan of a query; a row more than asked for tells whether there are more.
    async fn plan(&self, request: &Request<'_>, sql: &str) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let failed = |error| Error::of_engine(error, sql, self.memory);
        let mut plan = self.state.create_logical_plan(sql).await.map_err(failed)?;
        // Of more rows a sort could not go to files.
        if let Some(rows) = request.max_rows.filter(|rows| *rows <= MOST_SORTED) {
            let rows = usize::try_from(rows).unwrap_or(usize::MAX).saturating_add(1);
            plan = LogicalPlanBuilder::from(plan)
                .limit(0, Some(rows))
                .and_then(LogicalPlanBuilder::build)
                .map_err(failed)?;
        }
        self.state.create_physical_plan(&plan).await.map_err(failed)
    }

    pub(crate) async fn run(
        &self,
        request: &Request<'_>,
        checked: &Checked,
        sql: String,
    ) -> Result<Answer, Error> {
        let deadline = request.deadline();
        let plan = self.plan(request, &sql).await?;
        let mut apart = RecordBatchReceiverStream::builder(plan.schema(), 2);
        let (to, context) = (apart.tx(), self.state.task_ctx());
        let work = async move {
            let mut rows = execute_stream(plan, context)?;
            while let Some(batch) = rows.next().await {
                if to.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        apart.spawn_on(work, self.threads.handle());
        let (rows, memory) = (apart.build(), self.memory);
        let schema = rows.schema();
        let rows =
            rows.map(move |batch| batch.map_err(|error| Error::of_engine(error, &sql, memory))).boxed();
        Ok(Answer::new(schema, rows, &checked.columns, request.max_rows, deadline))
    }

    pub(crate) async fn explain(&self, request: &Request<'_>, sql: &str) -> Result<String, Error> {
        let plan = self.plan(request, sql).await?;
        Ok(displayable(plan.as_ref()).indent(true).to_string())
    }
}

/// The threads that queries are run by. They are not those of who asks: steps that take long would keep these from their
/// clocks and connections, and a limit of time or a signal would be noticed late.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(threads: usize) -> Result<Self, Error> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(threads.max(1)).thread_name("query").enable_time().build();
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

/// The engine's rules, and joins by position before it sees to what operators want of their inputs.
fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let behind = rules.iter().position(|rule| rule.name() == "join_selection").map_or(0, |at| at + 1);
    rules.insert(behind, Arc::new(ByPosition));
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
