//! Catalogues into PostgreSQL, with the index by which regions are found.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema};
use tokio::sync::mpsc;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type as PgType};
use uranometria_adql::Engine;
use uranometria_catalog::fs::{Catalog, Query};

use super::Postgres;
use crate::Error;

/// What queries may call and PostgreSQL does not have.
const FUNCTIONS: &str = include_str!("functions.sql");

/// A column of the table.
struct Target {
    /// The type there, its name, and the type of Arrow that is brought into it.
    kind: PgType,
    sql: &'static str,
    data_type: DataType,
}

/// The type for a column; None for what PostgreSQL has no plain type for.
fn target(field: &Field) -> Option<Target> {
    let (kind, sql, data_type) = match field.data_type() {
        DataType::Boolean => (PgType::BOOL, "BOOLEAN", DataType::Boolean),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => (PgType::INT2, "SMALLINT", DataType::Int16),
        DataType::Int32 | DataType::UInt16 => (PgType::INT4, "INTEGER", DataType::Int32),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => (PgType::INT8, "BIGINT", DataType::Int64),
        DataType::Float16 | DataType::Float32 => (PgType::FLOAT4, "REAL", DataType::Float32),
        DataType::Float64 => (PgType::FLOAT8, "DOUBLE PRECISION", DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (PgType::TEXT, "TEXT", DataType::Utf8),
        _ => return None,
    };
    Some(Target { kind, sql, data_type })
}

impl Postgres {
    /// Copies a catalogue into the table `schema.table`, in the place of what was there; all or nothing. `progress` is
    /// told the rows that are there. Gives back how many there are.
    pub(crate) async fn load(
        &self,
        [schema, table]: [&str; 2],
        catalog: &Arc<Catalog>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, Error> {
        let targets = targets(catalog.schema(), &format!("{schema}.{table}"))?;
        let client = self.client().await?;
        let place = format!("{}.{}", quoted(schema), quoted(table));
        let columns: Vec<String> = catalog
            .schema()
            .fields()
            .iter()
            .zip(&targets)
            .map(|(field, target)| format!("{} {}", quoted(field.name()), target.sql))
            .collect();
        self.execute(&client, FUNCTIONS).await?;
        self.execute(&client, &format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema))).await?;
        self.execute(&client, "BEGIN").await?;
        self.execute(&client, &format!("DROP TABLE IF EXISTS {place}")).await?;
        self.execute(&client, &format!("CREATE TABLE {place} ({})", columns.join(", "))).await?;
        let rows = self.copy(&client, (&place, &targets), catalog, progress).await?;
        let (ra, dec) = catalog.position_columns();
        let (ra, dec) = (quoted(ra), quoted(dec));
        let index = match self.dialect() {
            Engine::PgSphere => format!("USING gist (spoint(radians({ra}), radians({dec})))"),
            _ => format!("(q3c_ang2ipix({ra}, {dec}))"),
        };
        self.execute(&client, &format!("CREATE INDEX ON {place} {index}")).await?;
        self.execute(&client, "COMMIT").await?;
        self.execute(&client, &format!("ANALYZE {place}")).await?;
        Ok(rows)
    }

    async fn execute(&self, client: &Client, sql: &str) -> Result<(), Error> {
        client.batch_execute(sql).await.map_err(|error| self.failed(&error, sql))
    }

    async fn copy(
        &self,
        client: &Client,
        (place, targets): (&str, &[Target]),
        catalog: &Arc<Catalog>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, Error> {
        let sql = format!("COPY {place} FROM STDIN (FORMAT binary)");
        let failed = |error: tokio_postgres::Error| self.failed(&error, &sql);
        let sink = client.copy_in(&sql).await.map_err(failed)?;
        let types: Vec<PgType> = targets.iter().map(|target| target.kind.clone()).collect();
        let mut writer = Box::pin(BinaryCopyInWriter::new(sink, &types));
        let (to, mut batches) = mpsc::channel(2);
        let source = catalog.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let stopped = || to.is_closed();
            for batch in source.search(&Query { batch_rows: 8192, ..Query::default() })?.stop_when(stopped) {
                if to.blocking_send(batch?).is_err() {
                    break;
                }
            }
            Ok::<(), uranometria_catalog::Error>(())
        });
        let mut rows = 0;
        while let Some(batch) = batches.recv().await {
            let columns = values(&batch, targets)?;
            for row in 0..batch.num_rows() {
                let row: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| column.at(row)).collect();
                writer.as_mut().write(&row).await.map_err(failed)?;
            }
            rows += batch.num_rows() as u64;
            progress(rows);
        }
        match reading.await {
            Ok(read) => read?,
            Err(error) => return Err(Error::Value(error.to_string())),
        }
        writer.as_mut().finish().await.map_err(failed)?;
        Ok(rows)
    }
}

fn targets(schema: &Schema, name: &str) -> Result<Vec<Target>, Error> {
    let fields = schema.fields().iter();
    let found: Vec<Option<Target>> = fields.clone().map(|field| target(field)).collect();
    let wrong: Vec<String> = fields
        .zip(&found)
        .filter(|(_, target)| target.is_none())
        .map(|(field, _)| format!("{} ({})", field.name(), field.data_type()))
        .collect();
    match wrong.is_empty() {
        true => Ok(found.into_iter().flatten().collect()),
        false => Err(Error::Value(format!(
            "{name}: PostgreSQL is not given columns of these types: {}; import the catalogue without them",
            wrong.join(", ")
        ))),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The values of a column, as PostgreSQL's client takes them.
enum Values {
    Booleans(Vec<Option<bool>>),
    Shorts(Vec<Option<i16>>),
    Integers(Vec<Option<i32>>),
    Longs(Vec<Option<i64>>),
    Floats(Vec<Option<f32>>),
    Doubles(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

impl Values {
    fn at(&self, row: usize) -> &(dyn ToSql + Sync) {
        match self {
            Values::Booleans(values) => &values[row],
            Values::Shorts(values) => &values[row],
            Values::Integers(values) => &values[row],
            Values::Longs(values) => &values[row],
            Values::Floats(values) => &values[row],
            Values::Doubles(values) => &values[row],
            Values::Texts(values) => &values[row],
        }
    }
}

/// The columns of a batch; NaN is NULL. PostgreSQL has no text with a zero byte, so that it ends there.
fn values(batch: &RecordBatch, targets: &[Target]) -> Result<Vec<Values>, Error> {
    let column = |(array, target): (&ArrayRef, &Target)| {
        let exact = CastOptions { safe: false, ..CastOptions::default() };
        let array = cast_with_options(array, &target.data_type, &exact)
            .map_err(|error| Error::Value(error.to_string()))?;
        Ok(match &target.data_type {
            DataType::Boolean => Values::Booleans(array.as_boolean().iter().collect()),
            DataType::Int16 => Values::Shorts(array.as_primitive::<Int16Type>().iter().collect()),
            DataType::Int32 => Values::Integers(array.as_primitive::<Int32Type>().iter().collect()),
            DataType::Int64 => Values::Longs(array.as_primitive::<Int64Type>().iter().collect()),
            DataType::Float32 => Values::Floats(
                array.as_primitive::<Float32Type>().iter().map(|n| n.filter(|n| !n.is_nan())).collect(),
            ),
            DataType::Float64 => Values::Doubles(
                array.as_primitive::<Float64Type>().iter().map(|n| n.filter(|n| !n.is_nan())).collect(),
            ),
            _ => {
                let text = |text: &str| text.split('\0').next().unwrap_or_default().to_string();
                Values::Texts(array.as_string::<i32>().iter().map(|value| value.map(text)).collect())
            }
        })
    };
    batch.columns().iter().zip(targets).map(column).collect()
}
