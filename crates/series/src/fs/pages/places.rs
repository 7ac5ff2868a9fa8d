//! Where the pages of a column chunk lie.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::column::page::PageReader;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::fs::parquet::{Chunks, ParquetTable};

/// Where the pages of a column chunk lie.
pub(super) struct ChunkPages {
    pub(super) dictionary: Option<Range<u64>>,
    /// First row in the row group, and bytes with the header.
    pub(super) pages: Vec<(usize, Range<u64>)>,
}

/// Where the pages of the column chunks of a file lie, as far as somebody has looked.
#[derive(Default)]
pub(in crate::fs) struct Known(Mutex<HashMap<(usize, usize), Arc<ChunkPages>>>);

impl Known {
    /// Of a row group and a column among the leaves; `find` looks where nobody has.
    pub(super) fn of(
        &self,
        chunk: (usize, usize),
        find: impl FnOnce() -> Result<ChunkPages>,
    ) -> Result<Arc<ChunkPages>> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&chunk) {
            return Ok(found.clone());
        }
        // Others may look at the same time, and find the same.
        let found = Arc::new(find()?);
        known().insert(chunk, found.clone());
        Ok(found)
    }
}

impl ChunkPages {
    pub(super) fn of(table: &ParquetTable, group: usize, leaf: usize) -> Result<Self> {
        let footer = table.located(group)?;
        let chunk = footer.row_group(0).column(leaf);
        let index = footer.offset_index().and_then(|groups| groups.first()?.get(leaf));
        match index {
            Some(index) => ChunkPages::by_index(chunk, index),
            None => ChunkPages::by_headers(table.chunks(), chunk),
        }
    }

    fn by_index(chunk: &ColumnChunkMetaData, index: &OffsetIndexMetaData) -> Result<Self> {
        let mut pages = Vec::new();
        for page in index.page_locations() {
            let first = usize::try_from(page.first_row_index)?;
            let start = u64::try_from(page.offset)?;
            pages.push((first, start..start + u64::try_from(page.compressed_page_size)?));
        }
        let (start, _) = chunk.byte_range();
        let first = pages.first().map_or(start, |(_, bytes)| bytes.start);
        Ok(ChunkPages { dictionary: (start < first).then_some(start..first), pages })
    }

    fn by_headers(chunks: &Chunks, chunk: &ColumnChunkMetaData) -> Result<Self> {
        let noting = Arc::new(Noting { chunks: chunks.clone(), last: AtomicU64::new(0) });
        let mut reader = SerializedPageReader::new(noting.clone(), chunk, 0, None)?;
        let mut found = ChunkPages { dictionary: None, pages: Vec::new() };
        let (start, len) = chunk.byte_range();
        let mut rows = 0;
        let mut starts = Vec::new();
        while let Some(page) = reader.peek_next_page()? {
            let start = noting.last.load(Ordering::Relaxed);
            starts.push(start);
            if page.is_dict {
                found.dictionary = Some(start..start);
            } else {
                found.pages.push((rows, start..start));
                // Without nesting, levels are rows.
                rows += page.num_rows.or(page.num_levels).unwrap_or(0);
            }
            reader.skip_next_page()?;
        }
        starts.push(start + len);
        let ends = |bytes: &mut Range<u64>| {
            let next = starts.partition_point(|&start| start <= bytes.start);
            bytes.end = starts.get(next).copied().unwrap_or(bytes.start);
        };
        found.pages.iter_mut().for_each(|(_, bytes)| ends(bytes));
        found.dictionary.iter_mut().for_each(ends);
        Ok(found)
    }
}

/// Notes where it was last read from: at the header of a page.
struct Noting {
    chunks: Chunks,
    last: AtomicU64,
}

impl Length for Noting {
    fn len(&self) -> u64 {
        self.chunks.len()
    }
}

impl ChunkReader for Noting {
    type T = <Chunks as ChunkReader>::T;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.last.store(start, Ordering::Relaxed);
        self.chunks.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.chunks.get_bytes(start, length)
    }
}
