//! The sample of alerts, whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uranometria_alert::{Conditions, NoSources};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/alerts")
}

pub(crate) fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn sample() -> RecordBatch {
    read(&fixtures().join("fink_sample.parquet"))
}

pub(crate) fn met(text: &str, batch: &RecordBatch) -> BooleanArray {
    let conditions = Conditions::new(text, &batch.schema(), &NoSources);
    conditions.unwrap_or_else(|told| panic!("{told}")).evaluate(batch).unwrap()
}

/// The names of alerts that are chosen, ascending.
pub(crate) fn ids(batch: &RecordBatch, chosen: Option<&BooleanArray>) -> Vec<i64> {
    let ids = batch.column_by_name("candid").unwrap().as_primitive::<Int64Type>();
    let mut kept: Vec<i64> = (0..batch.num_rows())
        .filter(|row| chosen.is_none_or(|chosen| chosen.value(*row)))
        .map(|row| ids.value(row))
        .collect();
    kept.sort_unstable();
    kept
}
