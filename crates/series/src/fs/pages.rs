//! Points from anywhere in a parquet column: one page is decoded, not its column.
//!
//! Where the pages of a column chunk lie is told by its offset index or, in files without one (pyarrow writes none
//! unless asked), by the headers of the pages, which are read once for each chunk that is touched. A page is cut out
//! with the help of metadata that pretend it is the whole chunk.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::DataType as ArrowType;
use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType, DoubleType, FloatType, Int32Type, Int64Type, Int96, Int96Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::index_reader::decode_offset_index;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::parquet::{Chunks, ParquetTable};
use crate::number::Number;

/// Decoded pages that are kept: neighbours are asked for next, and the page of the block before.
const KEPT_PAGES: usize = 8;

/// Dictionaries that are kept, up to a megabyte each as a rule.
const KEPT_DICTIONARIES: usize = 4;

/// One column of one file, read at any place.
pub(super) struct Pages<'a, T> {
    table: &'a ParquetTable,
    /// The number of the column among the leaves.
    leaf: usize,
    /// Whether its integers have no sign.
    unsigned: bool,
    chunks: HashMap<usize, Arc<ChunkPages>>,
    dictionaries: VecDeque<(usize, Page)>,
    /// The most recently used first.
    decoded: VecDeque<Decoded<T>>,
    /// Room for what crosses from page to page.
    joined: Vec<T>,
}

/// Where the pages of a column chunk lie.
struct ChunkPages {
    dictionary: Option<Range<u64>>,
    /// First row in the row group, and bytes with the header.
    pages: Vec<(usize, Range<u64>)>,
}

struct Decoded<T> {
    /// Rows of the file.
    rows: Range<usize>,
    values: Vec<T>,
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
            dictionaries: VecDeque::new(),
            decoded: VecDeque::new(),
            joined: Vec::new(),
        }
    }

    /// Whether some rows are on one page that is decoded already.
    pub(super) fn has(&self, rows: &Range<usize>) -> bool {
        self.decoded.iter().any(|page| page.rows.start <= rows.start && rows.end <= page.rows.end)
    }

    /// The values of some rows of the file, at least one.
    pub(super) fn read(&mut self, rows: Range<usize>) -> Result<&[T]> {
        let here = self.load(rows.start)?;
        if rows.end <= here.end {
            let values = &self.decoded[0].values;
            return Ok(&values[rows.start - here.start..rows.end - here.start]);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        let mut row = rows.start;
        while row < rows.end {
            let here = self.load(row)?;
            let end = here.end.min(rows.end);
            joined.extend_from_slice(&self.decoded[0].values[row - here.start..end - here.start]);
            row = end;
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    /// Has the page of a row at the front of the decoded ones, and says which rows it holds.
    fn load(&mut self, row: usize) -> Result<Range<usize>> {
        if let Some(at) = self.decoded.iter().position(|page| page.rows.contains(&row)) {
            if at > 0 {
                let page = self.decoded.remove(at);
                self.decoded.extend(page);
                self.decoded.rotate_right(1);
            }
            return Ok(self.decoded[0].rows.clone());
        }
        let starts = self.table.starts();
        let group = starts.partition_point(|&start| start <= row) - 1;
        let pages = self.chunk(group)?;
        let in_group = row - starts[group];
        let page = pages.pages.partition_point(|(first, _)| *first <= in_group).saturating_sub(1);
        let (first, bytes) =
            pages.pages.get(page).cloned().ok_or_else(|| damaged("a column chunk has no page"))?;
        let end = pages.pages.get(page + 1).map_or(starts[group + 1] - starts[group], |(next, _)| *next);
        if first > end || end > starts[group + 1] - starts[group] {
            return Err(damaged("the pages of a column chunk are out of order"));
        }
        let rows = starts[group] + first..starts[group] + end;
        let values = self.decode(group, &pages, bytes, rows.len())?;
        if values.len() != rows.len() || !rows.contains(&row) {
            return Err(damaged("a page has fewer values than rows"));
        }
        self.decoded.truncate(KEPT_PAGES - 1);
        self.decoded.push_front(Decoded { rows: rows.clone(), values });
        Ok(rows)
    }

    fn metadata(&self, group: usize) -> &'a ColumnChunkMetaData {
        self.table.metadata().row_group(group).column(self.leaf)
    }

    fn chunk(&mut self, group: usize) -> Result<Arc<ChunkPages>> {
        if let Some(known) = self.chunks.get(&group) {
            return Ok(known.clone());
        }
        let chunk = self.metadata(group);
        let found = match chunk.offset_index_range() {
            Some(range) => ChunkPages::by_index(self.table.chunks(), chunk, range)?,
            None => ChunkPages::by_headers(self.table.chunks(), chunk)?,
        };
        let found = Arc::new(found);
        self.chunks.insert(group, found.clone());
        Ok(found)
    }

    fn decode(&mut self, group: usize, pages: &ChunkPages, bytes: Range<u64>, rows: usize) -> Result<Vec<T>> {
        let chunk = self.metadata(group);
        let page = read_page(self.table.chunks(), chunk, bytes)?;
        let mut ready = VecDeque::new();
        #[allow(deprecated, reason = "old files have it")]
        if matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) {
            ready.push_back(self.dictionary(group, pages)?);
        }
        ready.push_back(page);
        let ready = Ready(ready);
        let unsigned = self.unsigned;
        match chunk.column_type() {
            Type::INT32 if unsigned => {
                values::<Int32Type, T>(chunk, ready, rows, |value| T::of_u64(u64::from(value as u32)))
            }
            Type::INT32 => values::<Int32Type, T>(chunk, ready, rows, |value| T::of_i64(i64::from(value))),
            Type::INT64 if unsigned => {
                values::<Int64Type, T>(chunk, ready, rows, |value| T::of_u64(value as u64))
            }
            Type::INT64 => values::<Int64Type, T>(chunk, ready, rows, T::of_i64),
            Type::INT96 => {
                values::<Int96Type, T>(chunk, ready, rows, |value: Int96| T::of_i64(value.to_nanos()))
            }
            Type::FLOAT => values::<FloatType, T>(chunk, ready, rows, T::of_f32),
            Type::DOUBLE => values::<DoubleType, T>(chunk, ready, rows, T::of_f64),
            other => Err(damaged(&format!("the column holds {other}, which is no number"))),
        }
    }

    fn dictionary(&mut self, group: usize, pages: &ChunkPages) -> Result<Page> {
        if let Some((_, known)) = self.dictionaries.iter().find(|(of, _)| *of == group) {
            return Ok(known.clone());
        }
        let bytes = pages
            .dictionary
            .clone()
            .ok_or_else(|| damaged("a page needs a dictionary, but there is none"))?;
        let page = read_page(self.table.chunks(), self.metadata(group), bytes)?;
        self.dictionaries.truncate(KEPT_DICTIONARIES - 1);
        self.dictionaries.push_front((group, page.clone()));
        Ok(page)
    }
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("the file is damaged: {what}"))
}

impl ChunkPages {
    fn by_index(chunks: &Chunks, chunk: &ColumnChunkMetaData, index: Range<u64>) -> Result<Self> {
        let index = chunks.get_bytes(index.start, index.end.saturating_sub(index.start) as usize)?;
        let mut pages = Vec::new();
        for page in decode_offset_index(&index)?.page_locations() {
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

/// Reads and decompresses one page.
fn read_page(chunks: &Chunks, chunk: &ColumnChunkMetaData, bytes: Range<u64>) -> Result<Page> {
    let len = bytes.end.saturating_sub(bytes.start);
    let alone = chunk
        .clone()
        .into_builder()
        .set_dictionary_page_offset(None)
        .set_data_page_offset(i64::try_from(bytes.start)?)
        .set_total_compressed_size(i64::try_from(len)?)
        .build()?;
    // One reading for the header and what follows it.
    let page = OnePage { start: bytes.start, bytes: chunks.get_bytes(bytes.start, usize::try_from(len)?)? };
    let mut reader = SerializedPageReader::new(Arc::new(page), &alone, 0, None)?;
    reader.get_next_page()?.ok_or_else(|| damaged("a page is missing"))
}

/// The bytes of a page, at its place in the file.
struct OnePage {
    start: u64,
    bytes: Bytes,
}

impl OnePage {
    fn from(&self, start: u64) -> Result<Bytes> {
        let skip = start.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let skip = skip.filter(|&skip| skip <= self.bytes.len());
        Ok(self.bytes.slice(skip.ok_or_else(|| damaged("a page ends early"))?..))
    }
}

impl Length for OnePage {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for OnePage {
    type T = std::io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(std::io::Cursor::new(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(damaged("a page ends early"));
        }
        Ok(bytes.slice(..length))
    }
}

/// Pages that are there already.
struct Ready(VecDeque<Page>);

impl Iterator for Ready {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pop_front().map(Ok)
    }
}

impl PageReader for Ready {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(self.0.pop_front())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.0.front().map(|page| PageMetadata {
            num_rows: None,
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.pop_front();
        Ok(())
    }
}

/// Decodes the values of a page; missing where they are null.
fn values<D: DataType, T: Number>(
    chunk: &ColumnChunkMetaData,
    pages: Ready,
    rows: usize,
    convert: impl Fn(D::T) -> T,
) -> Result<Vec<T>> {
    let mut reader = ColumnReaderImpl::<D>::new(chunk.column_descr_ptr(), Box::new(pages));
    let mut found: Vec<D::T> = Vec::new();
    found.try_reserve_exact(rows).map_err(|_| damaged("a page has more rows than fit into memory"))?;
    let mut levels = Vec::new();
    let (records, _, _) = reader.read_records(rows, Some(&mut levels), None, &mut found)?;
    if found.len() == records {
        return Ok(found.into_iter().map(convert).collect());
    }
    let full = chunk.column_descr().max_def_level();
    let missing =
        T::MISSING.ok_or_else(|| damaged("a number is null that was not when the zone map was made"))?;
    let mut found = found.into_iter().map(convert);
    let value = |&level: &i16| if level == full { found.next().unwrap_or(missing) } else { missing };
    Ok(levels.iter().map(value).collect())
}
