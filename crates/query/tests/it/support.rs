use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, UInt32Array};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uranometria_catalog::fs::{Control, ImportOptions, import};
use uranometria_query::fs::open_archive;
use uranometria_query::{Error, Request, Resources, Session};

/// An archive with the stars of the fixtures, in many partitions: `gaia.source` and `hip.main`.
pub(crate) struct Archive {
    folder: TempDir,
    pub(crate) session: Session,
    pub(crate) runtime: Runtime,
}

impl Archive {
    pub(crate) fn of_stars() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (table, name) in [("gaia", "gaia/source"), ("hipparcos", "hip/main")] {
            let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/catalog");
            let out = folder.path().join("catalogues").join(name);
            std::fs::create_dir_all(out.parent().unwrap()).unwrap();
            let options = ImportOptions {
                ra: "ra".into(),
                dec: "dec".into(),
                rows_per_partition: 100,
                ..ImportOptions::default()
            };
            import(&[fixtures.join(format!("{table}.parquet"))], &out, &options, &Control::none()).unwrap();
        }
        let session = open_archive(folder.path(), &Resources::default()).unwrap();
        Archive { folder, session, runtime: runtime() }
    }

    /// A session without catalogues.
    pub(crate) fn empty(resources: &Resources) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Archive { folder, session: Session::new(resources).unwrap(), runtime: runtime() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// Adds rows of numbers.
    pub(crate) fn add(&mut self, name: &str, columns: &[(&str, Vec<Option<f64>>)]) {
        let columns = columns
            .iter()
            .map(|(name, values)| (*name, Arc::new(Float64Array::from(values.clone())) as ArrayRef, true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let from = (0..rows.num_rows()).step_by(8192);
        let indices =
            from.map(|from| (from as u32..(from + 8192).min(rows.num_rows()) as u32).collect::<Vec<_>>());
        let batches = indices.map(|at| take_record_batch(&rows, &UInt32Array::from(at)).unwrap()).collect();
        self.session.add_rows(name, &rows.schema(), batches).unwrap();
    }

    pub(crate) fn ask(&self, request: &Request<'_>) -> Result<(RecordBatch, bool), Error> {
        self.runtime.block_on(asked(&self.session, request))
    }

    pub(crate) fn rows(&self, adql: &str) -> RecordBatch {
        self.ask(&Request::new(adql)).unwrap_or_else(|error| panic!("{adql}\n{error}")).0
    }

    /// The values as text, a row a text, parted by bars.
    pub(crate) fn texts(&self, adql: &str) -> Vec<String> {
        texts(&self.rows(adql))
    }

    /// As `texts`, by a session that has seen no other query.
    pub(crate) fn texts_anew(&self, adql: &str) -> Vec<String> {
        let session = open_archive(self.folder.path(), &Resources::default()).unwrap();
        let rows = self.runtime.block_on(asked(&session, &Request::new(adql)));
        texts(&rows.unwrap_or_else(|error| panic!("{adql}\n{error}")).0)
    }

    pub(crate) fn error(&self, adql: &str) -> String {
        match self.ask(&Request::new(adql)) {
            Ok((rows, _)) => panic!("{adql} gives {} rows", rows.num_rows()),
            Err(error) => error.to_string(),
        }
    }

    pub(crate) fn plan(&self, adql: &str) -> String {
        self.runtime.block_on(self.session.explain(&Request::new(adql))).unwrap()
    }
}

async fn asked(session: &Session, request: &Request<'_>) -> Result<(RecordBatch, bool), Error> {
    let mut answer = session.run(request).await?;
    let mut batches = Vec::new();
    while let Some(batch) = answer.next().await {
        batches.push(batch?);
    }
    Ok((concat_batches(answer.schema(), &batches).unwrap(), answer.overflowed()))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

pub(crate) fn texts(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> =
        rows.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..rows.num_rows()).map(row).collect()
}

pub(crate) fn longs(rows: &RecordBatch, name: &str) -> Vec<i64> {
    let array = cast(rows.column_by_name(name).unwrap(), &DataType::Int64).unwrap();
    let array: &Int64Array = array.as_primitive::<Int64Type>();
    array.values().to_vec()
}

pub(crate) fn doubles(rows: &RecordBatch, name: &str) -> Vec<f64> {
    let array = cast(rows.column_by_name(name).unwrap(), &DataType::Float64).unwrap();
    array.as_primitive::<Float64Type>().values().to_vec()
}
