//! Reading nights.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema as ArrowSchema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::schema::types::SchemaDescriptor;
use uranometria_fits::fs::unless_it_panics;

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
    reader: Rows,
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
) -> Result<Rows, Error> {
    let file = File::open(path).map_err(|source| Error::io("open it", source))?;
    let builder = builder(file)?;
    let build = || {
        let mask = leaves(builder.parquet_schema(), projection);
        let builder = builder.with_projection(mask).with_batch_size(batch_rows);
        if skip > 0 { builder.with_offset(skip).build() } else { builder.build() }
    };
    let built = unless_it_panics(build).unwrap_or_else(|panic| Err(ParquetError::General(panic)));
    Ok(Rows { reader: Some(built.map_err(Error::parquet("read it"))?) })
}

/// Reads the footer of a parquet file.
pub(super) fn builder(file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, Error> {
    let built = unless_it_panics(|| ParquetRecordBatchReaderBuilder::try_new(file));
    built.unwrap_or_else(|panic| Err(ParquetError::General(panic))).map_err(Error::parquet("read it"))
}

/// The rows of a parquet file. Its decoders may panic where a file is damaged; here that is an error, and the end.
pub(super) struct Rows {
    reader: Option<ParquetRecordBatchReader>,
}

impl Rows {
    /// The columns.
    pub(super) fn schema(&self) -> SchemaRef {
        self.reader.as_ref().map_or_else(|| Arc::new(ArrowSchema::empty()), RecordBatchReader::schema)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let batch = match unless_it_panics(|| (reader.next(), reader)) {
            Ok((batch, reader)) => {
                self.reader = Some(reader);
                batch
            }
            Err(panic) => Some(Err(ArrowError::ParquetError(panic))),
        };
        if !matches!(batch, Some(Ok(_))) {
            self.reader = None;
        }
        batch
    }
}
