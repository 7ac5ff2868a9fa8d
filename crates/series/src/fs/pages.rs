//! Points from anywhere in a parquet column: one page is decoded, not its column.
//!
//! Where the pages of a column chunk lie is told by its offset index or, in files without one (pyarrow writes none
//! unless asked), by the headers of the pages, which are read once for each chunk that is touched. A page is cut out
//! with the help of metadata that pretend it is the whole chunk. Of a page that is neither compressed nor encoded the
//! values alone are read that are asked for.

mod page;
mod places;

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::DataType as ArrowType;
use parquet::errors::{ParquetError, Result};

use self::page::{Chunk, Decoder, Values};
use self::places::ChunkPages;
pub(super) use self::places::Known;
use super::caught::unless_it_panics;
use super::parquet::ParquetTable;
use super::recent::Recent;
use crate::Error;
use crate::number::Number;

/// Open pages that are kept: neighbours are asked for next, and the page of the block before.
const KEPT_PAGES: usize = 8;

/// Decoders that are kept, each with its dictionary of up to a megabyte as a rule.
const KEPT_DECODERS: usize = 4;

/// One column of one file, read at any place.
pub(super) struct Pages<'a, T> {
    table: &'a ParquetTable,
    /// The number of the column among the leaves.
    leaf: usize,
    /// Whether its integers have no sign.
    unsigned: bool,
    /// Of row groups.
    decoders: Recent<(usize, Decoder)>,
    open: Recent<Open<T>>,
    /// Room for what was asked for.
    asked: Vec<T>,
    bytes: Vec<u8>,
}

/// A page whose values are at hand.
struct Open<T> {
    group: usize,
    /// Rows of the file.
    rows: Range<usize>,
    values: Values<T>,
}

impl<'a, T: Number> Pages<'a, T> {
    /// Prepares to read a column of the top level.
    pub(super) fn new(table: &'a ParquetTable, column: usize, data_type: &ArrowType) -> Self {
        let schema = table.metadata().file_metadata().schema_descr();
        // Numbers have one leaf.
        let leaf = (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == column);
        Pages {
            table,
            leaf: leaf.unwrap_or(0),
            unsigned: data_type.is_unsigned_integer(),
            decoders: Recent::new(KEPT_DECODERS),
            open: Recent::new(KEPT_PAGES),
            asked: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Whether reading some rows is little work, as a rule: they are on one page that is open already, or on some that are
    /// neither compressed nor encoded.
    pub(super) fn is_easy(&self, rows: &Range<usize>) -> bool {
        self.open.iter().any(|page| page.rows.start <= rows.start && rows.end <= page.rows.end)
            || self.chunk(self.group(rows.start)).is_plain()
    }

    /// The values of some rows of the file, at least one.
    pub(super) fn read(&mut self, rows: Range<usize>) -> Result<&[T], Error> {
        self.read_rows(rows).map_err(error_of)
    }

    fn read_rows(&mut self, rows: Range<usize>) -> Result<&[T]> {
        let (mut asked, mut bytes) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.bytes));
        asked.clear();
        let mut row = rows.start;
        while row < rows.end {
            self.open(row)?;
            let page = self.open.last();
            let end = page.rows.end.min(rows.end);
            let part = row - page.rows.start..end - page.rows.start;
            self.chunk(page.group).some(&page.values, part, &mut bytes, &mut asked)?;
            row = end;
        }
        (self.asked, self.bytes) = (asked, bytes);
        Ok(&self.asked)
    }

    /// Has the page of a row at the front of the open ones.
    fn open(&mut self, row: usize) -> Result<()> {
        if self.open.find(|page| page.rows.contains(&row)) {
            return Ok(());
        }
        let (starts, group) = (self.table.starts(), self.group(row));
        let pages = self.places(group)?;
        let in_group = row - starts[group];
        let page = pages.pages.partition_point(|(first, _)| *first <= in_group).saturating_sub(1);
        let (first, bytes) =
            pages.pages.get(page).cloned().ok_or_else(|| damaged("a column chunk has no page"))?;
        let end = pages.pages.get(page + 1).map_or(starts[group + 1] - starts[group], |(next, _)| *next);
        if first > end || end > starts[group + 1] - starts[group] {
            return Err(damaged("the pages of a column chunk are out of order"));
        }
        let rows = starts[group] + first..starts[group] + end;
        if !rows.contains(&row) {
            return Err(damaged("a page has fewer values than rows"));
        }
        let chunk = self.chunk(group);
        if !self.decoders.find(|(of, _)| *of == group) {
            self.decoders.push((group, Decoder::new(chunk.metadata)));
        }
        let (_, decoder) = self.decoders.last_mut();
        let values = chunk.values(bytes, rows.len(), (decoder, pages.dictionary.clone()))?;
        self.open.push(Open { group, rows, values });
        Ok(())
    }

    /// The row group of a row.
    fn group(&self, row: usize) -> usize {
        self.table.starts().partition_point(|&start| start <= row) - 1
    }

    fn chunk(&self, group: usize) -> Chunk<'a> {
        let metadata = self.table.metadata().row_group(group).column(self.leaf);
        Chunk { chunks: self.table.chunks(), metadata, unsigned: self.unsigned }
    }

    fn places(&self, group: usize) -> Result<Arc<ChunkPages>> {
        let find = || guarded(|| ChunkPages::of(self.table, group, self.leaf));
        self.table.pages().of((group, self.leaf), find)
    }
}

/// Does some work of the parquet crate, which panics where the file is damaged.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    unless_it_panics(work).unwrap_or_else(|what| Err(damaged(&what)))
}

/// An error of ours on its way through functions that return those of the parquet crate.
fn damaged(what: &str) -> ParquetError {
    ParquetError::External(Box::new(Error::damaged(what.to_string())))
}

/// An error of ours again, or what went wrong while pages were read.
fn error_of(error: ParquetError) -> Error {
    match error {
        ParquetError::External(ours) => match ours.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::parquet("read some pages")(ParquetError::External(other)),
        },
        other => Error::parquet("read some pages")(other),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Compression;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use uranometria_fits::fs::OpenFile;

    use super::super::table::Wanted;
    use super::*;

    /// What the page with rows 900 and 901 of y is kept as, and these.
    fn read(nullable: bool, missing: bool, properties: WriterProperties) -> (&'static str, Vec<f32>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let y = (0..3000).map(|n| (!missing || n % 7 > 0).then_some(n as f32 / 2.0));
        let (x, y): (ArrayRef, ArrayRef) =
            (Arc::new(Int64Array::from_iter_values(0..3000)), Arc::new(y.collect::<Float32Array>()));
        let batch = RecordBatch::try_from_iter_with_nullable([("x", x, nullable), ("y", y, nullable)]);
        let batch = batch.unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let wanted = Wanted { x: Some("x"), y: Some("y") };
        let table = ParquetTable::open(OpenFile::open(&path).unwrap(), &wanted).unwrap();
        let mut pages = Pages::<f32>::new(&table, 1, &ArrowType::Float32);
        let found = pages.read(900..902).unwrap().to_vec();
        let kept = match pages.open.last().values {
            Values::Decoded(_) => "decoded",
            Values::Plain(_) => "plain",
            Values::InFile(_) => "in the file",
        };
        (kept, found)
    }

    #[test]
    fn values_are_decoded_only_where_they_do_not_lie_plainly() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let plain = || {
                let small = WriterProperties::builder().set_data_page_row_count_limit(500);
                small.set_write_batch_size(100).set_dictionary_enabled(false).set_writer_version(version)
            };
            let packed = || plain().set_compression(Compression::SNAPPY).build();
            let there = vec![450.0, 450.5];
            for nullable in [false, true] {
                assert_eq!(read(nullable, false, plain().build()), ("in the file", there.clone()));
                assert_eq!(read(nullable, false, packed()), ("plain", there.clone()));
            }
            assert_eq!(read(true, true, plain().build()), ("decoded", there.clone()));
            assert_eq!(read(true, true, packed()), ("decoded", there.clone()));
            assert_eq!(read(false, false, plain().set_dictionary_enabled(true).build()), ("decoded", there));
        }
    }
}
