//! The values of one page of a column chunk: decoded, or as they lie in the file where they lie there plainly.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::{damaged, guarded};
use crate::fs::parquet::Chunks;
use crate::number::Number;

/// Bytes of a page that are read to learn what is in it: its header, and the levels where all values are there.
const PEEKED: u64 = 512;

/// The values of a page.
pub(super) enum Values<T> {
    Decoded(Vec<T>),
    /// Little-endian, one after the other and none missing.
    Plain(Bytes),
    /// The same, in the file from this byte on.
    InFile(u64),
}

/// A column chunk that is read page by page.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) chunks: &'a Chunks,
    pub(super) metadata: &'a ColumnChunkMetaData,
    /// Whether its integers have no sign.
    pub(super) unsigned: bool,
}

impl Chunk<'_> {
    fn is_compressed(&self) -> bool {
        self.metadata.compression() != Compression::UNCOMPRESSED
    }

    /// Whether all values lie in the file as they are, but for levels.
    pub(super) fn is_plain(&self) -> bool {
        #[allow(deprecated, reason = "old files have it")]
        let plain = |encoding| matches!(encoding, Encoding::PLAIN | Encoding::RLE | Encoding::BIT_PACKED);
        !self.is_compressed() && self.metadata.encodings().all(plain)
    }

    /// The values of the page with these bytes and so many rows.
    ///
    /// What must be decoded is decoded by the `decoder` of this chunk, whose dictionary lies at `dictionary`.
    pub(super) fn values<T: Number>(
        &self,
        bytes: Range<u64>,
        rows: usize,
        (decoder, dictionary): (&mut Decoder, Option<Range<u64>>),
    ) -> Result<Values<T>> {
        if !self.is_compressed()
            && let Some(start) = self.peek(&bytes, rows)
        {
            return Ok(Values::InFile(start));
        }
        let page = self.page(bytes)?;
        // Without nesting, each row has its value or its null.
        if page.num_values() as usize != rows {
            return Err(damaged("a page has another number of values than rows"));
        }
        if let (Some(width), Some(skip)) = (self.width(), self.plain(&page, rows))
            && let Page::DataPage { buf, .. } | Page::DataPageV2 { buf, .. } = &page
            && buf.len().checked_sub(skip).is_some_and(|len| len / width >= rows)
        {
            return Ok(Values::Plain(buf.slice(skip..skip + rows * width)));
        }
        #[allow(deprecated, reason = "old files have it")]
        if matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
            && !decoder.has_dictionary
        {
            let bytes = dictionary.ok_or_else(|| damaged("a page needs a dictionary, but there is none"))?;
            decoder.ready.push(self.dictionary(bytes)?);
            decoder.has_dictionary = true;
        }
        decoder.ready.push(page);
        let values = decoder.decode(self.unsigned, self.metadata.column_descr().max_def_level(), rows)?;
        if values.len() != rows {
            return Err(damaged("a page has fewer values than rows"));
        }
        Ok(Values::Decoded(values))
    }

    /// Bytes of a value that is kept as the field's machines have it.
    fn width(&self) -> Option<usize> {
        match self.metadata.column_type() {
            Type::INT32 | Type::FLOAT => Some(4),
            Type::INT64 | Type::DOUBLE => Some(8),
            _ => None,
        }
    }

    /// Where the values of a page that is not compressed begin in the file, if they lie there plainly.
    ///
    /// Whatever is not as expected is left to those who read the whole page.
    fn peek(&self, bytes: &Range<u64>, rows: usize) -> Option<u64> {
        let width = self.width()? as u64;
        let peeked = PEEKED.min(bytes.end.checked_sub(bytes.start)?);
        let head = self.chunks.get_bytes(bytes.start, usize::try_from(peeked).ok()?).ok()?;
        let head = PageBytes::new(bytes.start, head, true);
        let page = guarded(|| reader(self.metadata, bytes, head.clone())?.get_next_page()).ok()??;
        let start = head.body.load(Ordering::Relaxed) + self.plain(&page, rows)? as u64;
        let end = start.checked_add((rows as u64).checked_mul(width)?)?;
        (end <= bytes.end).then_some(start)
    }

    /// Where in a page the plain values of all rows begin; `None` where some are missing or encoded otherwise.
    fn plain(&self, page: &Page, rows: usize) -> Option<usize> {
        let column = self.metadata.column_descr();
        if page.encoding() != Encoding::PLAIN
            || page.num_values() as usize != rows
            || column.max_rep_level() != 0
            || column.max_def_level() > 1
        {
            return None;
        }
        match page {
            Page::DataPage { .. } if column.max_def_level() == 0 => Some(0),
            Page::DataPage { buf, def_level_encoding: Encoding::RLE, .. } => behind_full_levels(buf, rows),
            Page::DataPageV2 { num_nulls: 0, def_levels_byte_len, rep_levels_byte_len, .. } => {
                (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)
            }
            _ => None,
        }
    }

    /// Appends numbers that lie plainly.
    fn append<T: Number>(&self, plain: &[u8], out: &mut Vec<T>) {
        fn each<const N: usize, T>(plain: &[u8], out: &mut Vec<T>, of: impl Fn([u8; N]) -> T) {
            out.extend(plain.as_chunks().0.iter().map(|&bytes| of(bytes)));
        }
        match self.metadata.column_type() {
            Type::INT32 if self.unsigned => {
                each(plain, out, |bytes| T::of_u64(u64::from(u32::from_le_bytes(bytes))))
            }
            Type::INT32 => each(plain, out, |bytes| T::of_i64(i64::from(i32::from_le_bytes(bytes)))),
            Type::INT64 if self.unsigned => each(plain, out, |bytes| T::of_u64(u64::from_le_bytes(bytes))),
            Type::INT64 => each(plain, out, |bytes| T::of_i64(i64::from_le_bytes(bytes))),
            Type::FLOAT => each(plain, out, |bytes| T::of_f32(f32::from_le_bytes(bytes))),
            Type::DOUBLE => each(plain, out, |bytes| T::of_f64(f64::from_le_bytes(bytes))),
            _ => {}
        }
    }

    /// Appends some of the values of a page, counted from its first row; `room` is for bytes.
    pub(super) fn some<T: Number>(
        &self,
        values: &Values<T>,
        rows: Range<usize>,
        room: &mut Vec<u8>,
        out: &mut Vec<T>,
    ) -> Result<()> {
        let width = self.width().unwrap_or(1);
        match values {
            Values::Decoded(values) => out.extend_from_slice(&values[rows]),
            Values::Plain(bytes) => self.append(&bytes[rows.start * width..rows.end * width], out),
            Values::InFile(start) => {
                room.resize(rows.len() * width, 0);
                self.chunks.read_at(start + (rows.start * width) as u64, room)?;
                self.append(room, out);
            }
        }
        Ok(())
    }

    /// Reads and decompresses one page.
    pub(super) fn page(&self, bytes: Range<u64>) -> Result<Page> {
        let len = usize::try_from(bytes.end.saturating_sub(bytes.start))?;
        // One reading for the header and what follows it.
        let page = PageBytes::new(bytes.start, self.chunks.get_bytes(bytes.start, len)?, false);
        guarded(|| reader(self.metadata, &bytes, page)?.get_next_page())?
            .ok_or_else(|| damaged("a page is missing"))
    }

    /// Reads the page of the dictionary, which is decoded as a whole before anything is looked up in it.
    fn dictionary(&self, bytes: Range<u64>) -> Result<Page> {
        let page = self.page(bytes)?;
        let Page::DictionaryPage { buf, num_values, .. } = &page else {
            return Err(damaged("another page is where the dictionary should be"));
        };
        let width = self.width().unwrap_or(1);
        match (*num_values as usize).checked_mul(width) {
            Some(len) if len <= buf.len() => Ok(page),
            _ => Err(damaged("a dictionary is shorter than it says")),
        }
    }
}

/// Reads the page with these bytes as if it were its whole column chunk.
fn reader(
    chunk: &ColumnChunkMetaData,
    bytes: &Range<u64>,
    from: Arc<PageBytes>,
) -> Result<SerializedPageReader<PageBytes>> {
    let alone = chunk
        .clone()
        .into_builder()
        .set_dictionary_page_offset(None)
        .set_data_page_offset(i64::try_from(bytes.start)?)
        .set_total_compressed_size(i64::try_from(bytes.end.saturating_sub(bytes.start))?)
        .build()?;
    SerializedPageReader::new(from, &alone, 0, None)
}

/// Where the values begin behind levels that say of each that it is there: one run of ones.
///
/// <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, section RLE.
fn behind_full_levels(body: &[u8], rows: usize) -> Option<usize> {
    let (len, rest) = body.split_first_chunk()?;
    let len = u32::from_le_bytes(*len) as usize;
    let mut levels = rest.get(..len)?.iter();
    let (mut header, mut shift) = (0_u64, 0);
    loop {
        let &byte = levels.next()?;
        header |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let is_run = header & 1 == 0 && header >> 1 >= rows as u64;
    (is_run && levels.next() == Some(&1)).then_some(4 + len)
}

/// The bytes of a page, at its place in the file; all of them, or the first.
struct PageBytes {
    start: u64,
    bytes: Bytes,
    /// Whether a body that goes on behind them may be cut short.
    first: bool,
    /// Where the body was asked for.
    body: AtomicU64,
}

impl PageBytes {
    fn new(start: u64, bytes: Bytes, first: bool) -> Arc<Self> {
        Arc::new(PageBytes { start, bytes, first, body: AtomicU64::new(0) })
    }

    /// Those from a place in the file on.
    fn from(&self, place: u64) -> Result<Bytes> {
        let skip = place.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let skip = skip.filter(|&skip| skip <= self.bytes.len());
        Ok(self.bytes.slice(skip.ok_or_else(|| damaged("a page ends early"))?..))
    }
}

impl Length for PageBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for PageBytes {
    type T = std::io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(std::io::Cursor::new(self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.body.store(start, Ordering::Relaxed);
        let bytes = self.from(start)?;
        if length > bytes.len() && !self.first {
            return Err(damaged("a page ends early"));
        }
        Ok(bytes.slice(..length.min(bytes.len())))
    }
}

/// What decodes pages of one column chunk, in any order; it keeps the dictionary.
pub(super) struct Decoder {
    ready: Ready,
    has_dictionary: bool,
    reader: ColumnReader,
}

impl Decoder {
    pub(super) fn new(chunk: &ColumnChunkMetaData) -> Self {
        let ready = Ready::default();
        let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(ready.clone()));
        Decoder { ready, has_dictionary: false, reader }
    }

    /// Decodes the one data page that is ready.
    fn decode<T: Number>(&mut self, unsigned: bool, full: i16, rows: usize) -> Result<Vec<T>> {
        match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) if unsigned => {
                values(reader, full, rows, |value| T::of_u64(u64::from(value as u32)))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                values(reader, full, rows, |value| T::of_i64(i64::from(value)))
            }
            ColumnReader::Int64ColumnReader(reader) if unsigned => {
                values(reader, full, rows, |value| T::of_u64(value as u64))
            }
            ColumnReader::Int64ColumnReader(reader) => values(reader, full, rows, T::of_i64),
            ColumnReader::Int96ColumnReader(reader) => {
                values(reader, full, rows, |value| T::of_i64(value.to_nanos()))
            }
            ColumnReader::FloatColumnReader(reader) => values(reader, full, rows, T::of_f32),
            ColumnReader::DoubleColumnReader(reader) => values(reader, full, rows, T::of_f64),
            _ => Err(damaged("the column holds no numbers")),
        }
    }
}

/// Pages that are there already, shared by who puts them there and who takes them.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<VecDeque<Page>>>);

impl Ready {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, page: Page) {
        self.queue().push_back(page);
    }
}

impl Iterator for Ready {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.queue().pop_front().map(Ok)
    }
}

impl PageReader for Ready {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(self.queue().pop_front())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.queue().front().map(|page| PageMetadata {
            num_rows: None,
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.queue().pop_front();
        Ok(())
    }
}

/// Decodes the values of a page, whose levels are `full` where there is one; missing where they are null.
fn values<D: DataType, T: Number>(
    reader: &mut ColumnReaderImpl<D>,
    full: i16,
    rows: usize,
    convert: impl Fn(D::T) -> T,
) -> Result<Vec<T>> {
    let mut found: Vec<D::T> = Vec::new();
    found.try_reserve_exact(rows).map_err(|_| damaged("a page has more rows than fit into memory"))?;
    let mut levels = Vec::new();
    let (records, _, _) = guarded(|| reader.read_records(rows, Some(&mut levels), None, &mut found))?;
    if found.len() == records {
        return Ok(found.into_iter().map(convert).collect());
    }
    let missing =
        T::MISSING.ok_or_else(|| damaged("a number is null that was not when the zone map was made"))?;
    let mut found = found.into_iter().map(convert);
    let value = |&level: &i16| if level == full { found.next().unwrap_or(missing) } else { missing };
    Ok(levels.iter().map(value).collect())
}
