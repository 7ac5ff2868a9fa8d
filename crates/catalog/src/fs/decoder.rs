//! What the parquet crate decodes, with its panics on damaged files as errors.

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use uranometria_fits::fs::unless_it_panics;

use super::chunks::Chunks;
use crate::Error;

fn caught<T>(action: &'static str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let damaged = |what| Err(Error::parquet(action)(ParquetError::General(what)));
    unless_it_panics(work).unwrap_or_else(damaged)
}

/// The footer of a file.
pub(super) fn footer(chunks: &Chunks, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata, Error> {
    const ACTION: &str = "read its footer";
    caught(ACTION, || ArrowReaderMetadata::load(chunks, options).map_err(Error::parquet(ACTION)))
}

/// What fails where rows cannot be decoded.
const ROWS: &str = "read its rows";

/// Rows of a file. Ends behind an error: a decoder that panicked is not asked again.
#[derive(Debug)]
pub(super) struct Decoded(Option<ParquetRecordBatchReader>);

impl Decoded {
    /// Begins to decode with what `build` makes.
    pub(super) fn new(
        build: impl FnOnce() -> ParquetResult<ParquetRecordBatchReader>,
    ) -> Result<Self, Error> {
        Ok(Decoded(Some(caught(ROWS, || build().map_err(Error::parquet(ROWS)))?)))
    }
}

impl Iterator for Decoded {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.0.as_mut()?;
        let batch = caught(ROWS, || reader.next().transpose().map_err(Error::arrow(ROWS))).transpose();
        if !matches!(batch, Some(Ok(_))) {
            self.0 = None;
        }
        batch
    }
}
