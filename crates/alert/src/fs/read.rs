//! Reading nights.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::schema::types::SchemaDescriptor;

use crate::{Error, Projection};

/// The leaves of a parquet schema that a projection wants, named as in packets: what parquet puts between a list and its
/// items is left out of their paths.
pub fn leaves(schema: &SchemaDescriptor, projection: &Projection) -> ProjectionMask {
    let wanted = (0..schema.num_columns())
        .filter(|leaf| projection.wants(&field_path(schema.column(*leaf).path().parts())));
    ProjectionMask::leaves(schema, wanted)
}

/// The path of a leaf as packets have it.
pub(super) fn field_path(parts: &[String]) -> String {
    let mut path = String::new();
    let mut rest = parts.iter().map(String::as_str).peekable();
    while let Some(part) = rest.next() {
        match (part, rest.peek()) {
            ("list", Some(&"element" | &"item" | &"array" | &"array_element")) => {
                rest.next();
            }
            ("key_value" | "entries", Some(_)) => {}
            _ => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(part);
            }
        }
    }
    path
}

/// Reads the alerts of a part, or of any parquet file of alerts, in its order.
///
/// # Errors
/// [`Error::InFile`] around [`Error::Io`] or [`Error::Parquet`].
pub fn read_part(
    path: impl AsRef<Path>,
    projection: &Projection,
    batch_rows: usize,
) -> Result<Batches, Error> {
    let path = path.as_ref();
    let reader = open(path, projection, batch_rows, 0).map_err(|error| error.in_file(path))?;
    Ok(Batches { reader, path: path.to_path_buf() })
}

/// The alerts of a part, batch by batch.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    path: PathBuf,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let failed = |source| Error::arrow("read it")(source).in_file(&self.path);
        self.reader.next().map(|batch| batch.map_err(failed))
    }
}

/// Opens a parquet file behind its first rows.
pub(super) fn open(
    path: &Path,
    projection: &Projection,
    batch_rows: usize,
    skip: usize,
) -> Result<ParquetRecordBatchReader, Error> {
    let file = File::open(path).map_err(|source| Error::io("open it", source))?;
    let failed = Error::parquet("read it");
    let options = ArrowReaderOptions::new();
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(&failed)?;
    let mask = leaves(builder.parquet_schema(), projection);
    let mut builder = builder.with_projection(mask).with_batch_size(batch_rows);
    if skip > 0 {
        builder = builder.with_offset(skip);
    }
    builder.build().map_err(failed)
}
