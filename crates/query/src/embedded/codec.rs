//! Plans as bytes, so that they can be run elsewhere.
//!
//! The engine writes its own operators as protocol buffers; the two of ours are written so:
//! - a search by the name of its table, the columns, and the filters it stands for, as expressions of the engine;
//! - a join by position as the join of each row with each that it stands for, with inputs without rows.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::sink::DataSinkExec;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use datafusion_proto::logical_plan::DefaultLogicalExtensionCodec;
use datafusion_proto::logical_plan::from_proto::parse_exprs;
use datafusion_proto::logical_plan::to_proto::serialize_exprs;
use datafusion_proto::physical_plan::{
    DefaultPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::{self, LogicalExprNode};
use prost::Message;

use super::join::PositionJoin;
use super::scan::{Shares, StoredScan, StoredTable};

/// Writes and reads searches and joins by position.
#[derive(Debug)]
pub(crate) struct Codec {
    /// The tables at rest that plans may name.
    pub(crate) tables: Vec<StoredTable>,
}

/// A plan and what its answer is like.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Carried {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) plan: Vec<u8>,
    /// Names, types and metadata of the columns.
    #[prost(message, optional, tag = "2")]
    pub(crate) columns: Option<protobuf::Schema>,
    #[prost(uint64, optional, tag = "3")]
    pub(crate) max_rows: Option<u64>,
}

/// An operator of ours.
#[derive(Clone, PartialEq, Message)]
struct Operator {
    #[prost(oneof = "Kind", tags = "1, 2")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Search(Search),
    /// The engine's join of each row with each.
    #[prost(bytes, tag = "2")]
    Join(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct Search {
    #[prost(string, tag = "1")]
    table: String,
    #[prost(string, repeated, tag = "2")]
    columns: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    filters: Vec<LogicalExprNode>,
    #[prost(uint64, optional, tag = "4")]
    limit: Option<u64>,
    #[prost(uint64, tag = "5")]
    batch_rows: u64,
    /// What the plan was made for.
    #[prost(uint64, tag = "6")]
    partitions: u64,
    /// Of the columns, by their names.
    #[prost(string, repeated, tag = "7")]
    types: Vec<String>,
}

impl Codec {
    /// The bytes of a plan.
    pub(crate) fn written(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
        Ok(physical_plan_to_bytes_with_extension_codec(plan, self)?.to_vec())
    }

    /// The plan of bytes; one that would read or write other files than those of the tables is refused.
    pub(crate) fn read(&self, plan: &[u8], context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = physical_plan_from_bytes_with_extension_codec(plan, context, self)?;
        plan.apply(|node| {
            let source = node.downcast_ref::<DataSourceExec>();
            let in_memory =
                source.is_some_and(|node| node.data_source().downcast_ref::<MemorySourceConfig>().is_some());
            let is_known = in_memory
                || !node.children().is_empty()
                || node.is::<StoredScan>()
                || node.is::<EmptyExec>()
                || node.is::<PlaceholderRowExec>();
            if !is_known || node.is::<DataSinkExec>() {
                let reason = format!("it has a {}, which plans of queries have not", node.name());
                return Err(DataFusionError::Execution(reason));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }

    fn search(&self, search: &Search, context: &TaskContext) -> Result<StoredScan> {
        let Some(table) = self.tables.iter().find(|table| table.name() == search.table) else {
            let known: Vec<&str> = self.tables.iter().map(StoredTable::name).collect();
            let reason = format!(
                "a plan searches {}, which is not here; there are {}",
                search.table,
                known.join(", ")
            );
            return Err(DataFusionError::Execution(reason));
        };
        let known = table.schema();
        let columns = search.columns.iter().zip(&search.types).map(|(name, wanted)| {
            let reason = match known.index_of(name) {
                Ok(column) if known.field(column).data_type().to_string() == *wanted => return Ok(column),
                Ok(column) => format!("is {} here", known.field(column).data_type()),
                Err(_) => "is not here".to_string(),
            };
            let reason = format!("a plan reads {name} of {} as {wanted}, which {reason}", search.table);
            Err(DataFusionError::Execution(reason))
        });
        let schema = table.schema().project(&columns.collect::<Result<Vec<_>>>()?)?;
        let filters = parse_exprs(&search.filters, context, &DefaultLogicalExtensionCodec {})?;
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        let partitions = whole(search.partitions);
        let shares = Shares { batch_rows: whole(search.batch_rows), most: partitions };
        let limit = search.limit.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        // What is above it was planned for so many, however many parts the table has here.
        Ok(StoredScan::new(table.clone(), Arc::new(schema), filters, limit, shares)?
            .in_partitions(partitions))
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrong =
            |reason: String| DataFusionError::Execution(format!("a plan that cannot be read: {reason}"));
        match Operator::decode(bytes).map_err(|error| wrong(error.to_string()))?.kind {
            Some(Kind::Search(search)) => Ok(Arc::new(self.search(&search, context)?)),
            Some(Kind::Join(join)) => {
                let none = DefaultPhysicalExtensionCodec {};
                let plan = physical_plan_from_bytes_with_extension_codec(&join, context, &none)?;
                let join =
                    plan.downcast_ref::<NestedLoopJoinExec>().map(PositionJoin::of).transpose()?.flatten();
                let join = join.ok_or_else(|| wrong("a join that is not by position".into()))?;
                replace_children_if_necessary(Arc::new(join), inputs.to_vec())
            }
            None => Err(wrong("an operator that is not known".into())),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        into: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let kind = if let Some(scan) = node.downcast_ref::<StoredScan>() {
            Kind::Search(Search {
                table: scan.table().name().to_string(),
                columns: scan.schema().fields().iter().map(|field| field.name().clone()).collect(),
                filters: serialize_exprs(scan.filters(), &DefaultLogicalExtensionCodec {})
                    .map_err(|error| DataFusionError::External(Box::new(error)))?,
                limit: scan.limit().map(|rows| rows as u64),
                batch_rows: scan.shares().batch_rows as u64,
                partitions: scan.properties().partitioning.partition_count() as u64,
                types: scan.schema().fields().iter().map(|field| field.data_type().to_string()).collect(),
            })
        } else if let Some(join) = node.downcast_ref::<PositionJoin>() {
            let empty = |of: &Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
                Arc::new(EmptyExec::new(of.schema()))
            };
            let [left, right] = join.inputs();
            let stands_for: Arc<dyn ExecutionPlan> = Arc::new(join.stands_for(empty(left), empty(right))?);
            let none = DefaultPhysicalExtensionCodec {};
            Kind::Join(physical_plan_to_bytes_with_extension_codec(stands_for, &none)?.to_vec())
        } else {
            let reason = format!("{} cannot be written", node.name());
            return Err(DataFusionError::NotImplemented(reason));
        };
        Operator { kind: Some(kind) }.encode(into).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}
