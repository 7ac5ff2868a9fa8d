//! Points from anywhere in a parquet column: one page is decoded, not its column.
//!
//! Where the pages of a column chunk lie is told by its offset index or, in files without one (pyarrow writes none
//! unless asked), by the headers of the pages, which are read once for each chunk that is touched. A page is cut out
//! with the help of metadata that pretend it is the whole chunk. Of a page that is neither compressed nor encoded the
//! values alone are read that are asked for.

mod page;
mod places;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::DataType as ArrowType;
use parquet::errors::{ParquetError, Result};

use self::page::{Chunk, Decoder, Values};
use self::places::ChunkPages;
use super::caught::unless_it_panics;
use super::parquet::ParquetTable;
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
    chunks: HashMap<usize, Arc<ChunkPages>>,
    /// Of row groups, the newest first.
    decoders: VecDeque<(usize, Decoder)>,
    /// The most recently used first.
    open: VecDeque<Open<T>>,
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
            chunks: HashMap::new(),
            decoders: VecDeque::new(),
            open: VecDeque::new(),
            asked: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Whether reading some rows is little work: they are on one page that is open already or needs no decompression.
    pub(super) fn is_easy(&self, rows: &Range<usize>) -> bool {
        self.open.iter().any(|page| page.rows.start <= rows.start && rows.end <= page.rows.end)
            || self.chunk(self.group(rows.start)).is_open()
    }

    /// The values of some rows of the file, at least one.
    pub(super) fn read(&mut self, rows: Range<usize>) -> Result<&[T]> {
        let (mut asked, mut bytes) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.bytes));
        asked.clear();
        let mut row = rows.start;
        while row < rows.end {
            self.open(row)?;
            let page = &self.open[0];
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
        if let Some(at) = self.open.iter().position(|page| page.rows.contains(&row)) {
            if at > 0 {
                let page = self.open.remove(at);
                self.open.extend(page);
                self.open.rotate_right(1);
            }
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
        let decoder = match self.decoders.iter().position(|(of, _)| *of == group) {
            Some(known) => &mut self.decoders[known].1,
            None => {
                self.decoders.truncate(KEPT_DECODERS - 1);
                self.decoders.push_front((group, Decoder::new(chunk.metadata)));
                &mut self.decoders[0].1
            }
        };
        let values = chunk.values(bytes, rows.len(), (decoder, pages.dictionary.clone()))?;
        self.open.truncate(KEPT_PAGES - 1);
        self.open.push_front(Open { group, rows, values });
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

    fn places(&mut self, group: usize) -> Result<Arc<ChunkPages>> {
        if let Some(known) = self.chunks.get(&group) {
            return Ok(known.clone());
        }
        let chunk = self.chunk(group);
        let found = Arc::new(guarded(|| ChunkPages::of(chunk.chunks, chunk.metadata))?);
        self.chunks.insert(group, found.clone());
        Ok(found)
    }
}

/// Does some work of the parquet crate, which panics where the file is damaged.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    unless_it_panics(work).unwrap_or_else(|what| Err(damaged(&what)))
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("the file is damaged: {what}"))
}
