//! Record batches of a table: which columns, which rows, how many at a time.
//!
//! Rows are read in one piece a batch; of a source in memory nothing is copied but the values. Arrays in the heap are
//! read in one piece where they lie close together and one by one where they do not.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::decode::Decoder;
use super::form::{Form, Shape};
use super::keys;
use crate::{Error, Hdu, Source, TableLayout};

/// Bytes of rows that all columns are read from before the next ones: small enough for the cache.
const BLOCK_BYTES: usize = 128 << 10;

/// The most bytes a batch may be asked to take, so that the 32-bit offsets of its arrays suffice.
const MAX_BATCH: u64 = 1 << 30;

/// Gaps between arrays in the heap that are rather read than jumped over.
const NEAR: u64 = 64 << 10;

/// Which part of a table to read, and in which portions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The columns by their number, counted from 0, in the order wanted; `None` is all. May be empty.
    pub columns: Option<Vec<usize>>,
    /// The rows, counted from 0; `None` is all.
    pub rows: Option<Range<usize>>,
    /// The most rows a batch may have; 0 is taken as 1.
    pub batch_rows: usize,
    /// About how many bytes a batch may take, rows of the file included; a batch has one row at least.
    ///
    /// More than 1 GiB is taken as 1 GiB.
    pub batch_bytes: usize,
}

impl Default for ReadOptions {
    /// Everything, 8192 rows or 64 MiB at a time.
    fn default() -> Self {
        ReadOptions { columns: None, rows: None, batch_rows: 8192, batch_bytes: 64 << 20 }
    }
}

/// A binary table that can be read in any order, by several threads at once.
///
/// Cheap to clone; the clones share the source.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, RecordBatch};
/// use uranometria_fits::arrow::{ReadOptions, TableReader, TableWriter, WriteOptions};
/// use uranometria_fits::read_hdus;
///
/// let ra: ArrayRef = Arc::new(Float64Array::from(vec![84.29, 201.30, 279.23]));
/// let batch = RecordBatch::try_from_iter([("ra", ra)])?;
/// let empty = || std::io::Cursor::new(Vec::new());
/// let mut writer = TableWriter::new(empty(), empty(), &batch.schema(), WriteOptions::default())?;
/// writer.write(&batch)?;
/// let bytes = writer.finish()?.into_inner();
///
/// let table = TableReader::new(bytes.as_slice(), &read_hdus(&bytes)?[1])?;
/// let options = ReadOptions { columns: Some(table.columns(&["RA"])?), rows: Some(1..3), ..ReadOptions::default() };
/// let batches: Vec<RecordBatch> = table.read(&options)?.collect::<Result<_, _>>()?;
/// assert_eq!(batches, [batch.slice(1, 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TableReader<S> {
    source: Arc<S>,
    table: Arc<Table>,
}

impl<S> Clone for TableReader<S> {
    fn clone(&self) -> Self {
        TableReader { source: self.source.clone(), table: self.table.clone() }
    }
}

/// Where everything lies.
#[derive(Debug)]
struct Table {
    hdu: usize,
    layout: TableLayout,
    forms: Vec<Form>,
    schema: SchemaRef,
    /// Byte offset of the first row in the file.
    start: u64,
    /// Byte offset of the heap in the file, and its length.
    heap: (u64, u64),
}

impl<S: Source> TableReader<S> {
    /// Reads what the columns are from the header of a binary table; no data are read.
    ///
    /// # Errors
    /// As [`TableLayout::of`], and [`Error::BadKeyword`] for a TFORM of variable-length arrays or a THEAP that cannot
    /// be, all inside [`Error::InHdu`].
    pub fn new(source: S, hdu: &Hdu) -> Result<Self, Error> {
        let layout = TableLayout::of(hdu)?;
        let table = Table::new(hdu, layout).map_err(|error| error.in_hdu(hdu.index))?;
        Ok(TableReader { source: Arc::new(source), table: Arc::new(table) })
    }

    /// The columns of the table as fields; the schema's metadata has the table's [`keys::NAME`].
    pub fn schema(&self) -> &SchemaRef {
        &self.table.schema
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.table.layout.rows
    }

    /// Where the columns lie in a row.
    pub fn layout(&self) -> &TableLayout {
        &self.table.layout
    }

    /// Finds columns by name, for [`ReadOptions::columns`]; capitals matter only between names that differ in nothing
    /// else.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the most similar name.
    pub fn columns(&self, names: &[impl AsRef<str>]) -> Result<Vec<usize>, Error> {
        let layout = &self.table.layout;
        let find = |name: &str| {
            let missing = || Error::NoColumn { wanted: name.to_string(), nearest: layout.nearest(name) };
            layout.position(name).ok_or_else(|| missing().in_hdu(self.table.hdu))
        };
        names.iter().map(|name| find(name.as_ref())).collect()
    }

    /// Begins to read: nothing is read before the first batch is asked for.
    ///
    /// # Errors
    /// [`Error::NoRows`]; [`Error::NoColumn`] for a number that no column has.
    pub fn read(&self, options: &ReadOptions) -> Result<Batches<S>, Error> {
        let table = &self.table;
        let all = table.layout.rows;
        let rows = options.rows.clone().unwrap_or(0..all);
        if rows.start > rows.end || rows.end > all {
            return Err(Error::NoRows { from: rows.start, to: rows.end, rows: all }.in_hdu(table.hdu));
        }
        let columns = options.columns.clone().unwrap_or_else(|| (0..table.forms.len()).collect());
        if let Some(beyond) = columns.iter().find(|column| **column >= table.forms.len()) {
            let wanted = format!("number {beyond}, counted from 0,");
            return Err(Error::NoColumn { wanted, nearest: None }.in_hdu(table.hdu));
        }
        let fields: Vec<FieldRef> = columns.iter().map(|&column| table.forms[column].field.clone()).collect();
        let schema = Arc::new(Schema::new(fields).with_metadata(table.schema.metadata.clone()));
        let row_bytes = columns.iter().fold(table.layout.row_len as u64, |sum, &column| {
            sum.saturating_add(table.forms[column].memory())
        });
        let batch_bytes = (options.batch_bytes as u64).min(MAX_BATCH);
        // Columns without bytes still have a row number each in memory.
        let step = (batch_bytes / row_bytes.max(8)).clamp(1, options.batch_rows.max(1) as u64) as usize;
        let reader = self.clone();
        let buffered = 0..0;
        Ok(Batches { reader, columns, schema, rows, step, batch_bytes, buffer: Vec::new(), buffered })
    }
}

impl Table {
    fn new(hdu: &Hdu, layout: TableLayout) -> Result<Self, Error> {
        let header = &hdu.header;
        let forms = (1..).zip(&layout.columns).map(|(n, column)| Form::of(header, n, column));
        let forms = forms.collect::<Result<Vec<_>, _>>()?;
        // `TableLayout::of` found that the rows lie within the data.
        let main = layout.rows as u64 * layout.row_len as u64;
        let mut gap = main;
        if forms.iter().any(|form| matches!(form.shape, Shape::Heap(_))) && header.card("THEAP").is_some() {
            gap = header.integer_in("THEAP", main as i64..=hdu.data_len as i64)? as u64;
        }
        let fields: Vec<FieldRef> = forms.iter().map(|form| form.field.clone()).collect();
        let mut schema = Schema::new(fields);
        if !hdu.name().is_empty() {
            schema.metadata.insert(keys::NAME.to_string(), hdu.name().to_string());
        }
        Ok(Table {
            hdu: hdu.index,
            layout,
            forms,
            schema: Arc::new(schema),
            start: hdu.data_start,
            heap: (hdu.data_start + gap, hdu.data_len - gap),
        })
    }
}

/// The batches of a [`TableReader`], in the order of the rows. Ends behind an error.
#[derive(Debug)]
pub struct Batches<S> {
    reader: TableReader<S>,
    columns: Vec<usize>,
    schema: SchemaRef,
    /// What is left to read.
    rows: Range<usize>,
    step: usize,
    batch_bytes: u64,
    /// Bytes of the rows `buffered`, of a source that has none in memory.
    buffer: Vec<u8>,
    buffered: Range<usize>,
}

/// An array in the heap: elements, byte offset in the heap, bytes.
type Array = (usize, u64, usize);

impl<S: Source> Iterator for Batches<S> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            return None;
        }
        let batch = self.batch().map_err(|error| error.in_hdu(self.reader.table.hdu));
        if batch.is_err() {
            self.rows.start = self.rows.end;
        }
        Some(batch)
    }
}

impl<S: Source> Batches<S> {
    /// The fields of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows were not read yet.
    pub fn remaining(&self) -> usize {
        self.rows.len()
    }

    fn batch(&mut self) -> Result<RecordBatch, Error> {
        let reader = self.reader.clone();
        let (table, source) = (&*reader.table, &*reader.source);
        let row_len = if self.columns.is_empty() { 0 } else { table.layout.row_len };
        let first = self.rows.start;
        let mut count = self.rows.len().min(self.step);
        let place = table.start + first as u64 * row_len as u64;
        let in_memory = source.slice(place, count * row_len);
        if in_memory.is_none() {
            count = self.fill(source, place, first, count, row_len)?;
        }
        let bytes = in_memory.unwrap_or_else(|| &self.buffer[(first - self.buffered.start) * row_len..]);

        let forms: Vec<&Form> = self.columns.iter().map(|&column| &table.forms[column]).collect();
        let arrays = table.arrays(&forms, bytes, first, &mut count, self.batch_bytes)?;
        let bytes = &bytes[..count * row_len];
        let mut decoders: Vec<Decoder<'_>> = forms.iter().map(|form| Decoder::new(form, count)).collect();
        let block = BLOCK_BYTES.checked_div(row_len).unwrap_or(count).clamp(1, count);
        for from in (0..count).step_by(block) {
            let rows = from..count.min(from + block);
            for (decoder, arrays) in decoders.iter_mut().zip(&arrays) {
                if arrays.is_none() {
                    decoder.rows(&bytes[rows.start * row_len..rows.end * row_len], row_len, rows.len())?;
                }
            }
        }
        for (decoder, arrays) in decoders.iter_mut().zip(&arrays) {
            if let Some(arrays) = arrays {
                table.read_heap(source, &arrays[..count], decoder)?;
            }
        }
        let columns = decoders.into_iter().map(Decoder::finish).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|source| Error::Arrow { action: "hold a batch", source })?;
        self.rows.start += count;
        Ok(batch)
    }

    /// Has the rows from `first` on in the buffer, `count` of them or those that are there from before.
    fn fill(
        &mut self,
        source: &S,
        place: u64,
        first: usize,
        count: usize,
        row_len: usize,
    ) -> Result<usize, Error> {
        if self.buffered.contains(&first) {
            return Ok(count.min(self.buffered.end - first));
        }
        let len = count * row_len;
        self.buffered = 0..0;
        self.buffer.clear();
        self.buffer
            .try_reserve_exact(len)
            .map_err(|_| Error::TooLarge { sizes: format!("{len} bytes of rows in memory") })?;
        self.buffer.resize(len, 0);
        source
            .read_at(place, &mut self.buffer)
            .map_err(|error| Error::io(format!("read {len} bytes at byte {place}"), error))?;
        self.buffered = first..first + count;
        Ok(count)
    }
}

impl Table {
    /// Reads the array descriptors of the columns that have them, and lowers `count` to the rows whose arrays fit in
    /// a batch together.
    fn arrays(
        &self,
        forms: &[&Form],
        rows: &[u8],
        first: usize,
        count: &mut usize,
        batch_bytes: u64,
    ) -> Result<Vec<Option<Vec<Array>>>, Error> {
        let mut all: Vec<Option<Vec<Array>>> = vec![None; forms.len()];
        let places: Vec<usize> =
            (0..forms.len()).filter(|&n| matches!(forms[n].shape, Shape::Heap(_))).collect();
        if places.is_empty() {
            return Ok(all);
        }
        let mut memory = 0u64;
        for row in 0..*count {
            let mut found = Vec::with_capacity(places.len());
            let bytes = &rows[row * self.layout.row_len..];
            for &n in &places {
                let array = self.array(forms[n], &bytes[forms[n].offset..][..forms[n].width], first + row)?;
                memory = memory.saturating_add(forms[n].item.memory(array.0 as u64));
                found.push(array);
            }
            if row > 0 && memory > batch_bytes {
                *count = row;
                break;
            }
            for (&n, array) in places.iter().zip(found) {
                all[n].get_or_insert_default().push(array);
            }
        }
        Ok(all)
    }

    /// Reads an array descriptor: the number of elements and where they begin in the heap.
    fn array(&self, form: &Form, bytes: &[u8], row: usize) -> Result<Array, Error> {
        // Signed in the standard, but programs write heaps of 2 to 4 GiB with 32 bits; what is negative lies beyond.
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
        let (count, offset) = bytes.split_at(bytes.len() / 2);
        let (count, offset) = (number(count), number(offset));
        if count == 0 {
            return Ok((0, 0, 0));
        }
        let (_, heap) = self.heap;
        let len = form.item.stored(count);
        let end = len.and_then(|len| len.checked_add(offset));
        match (usize::try_from(count), len.map(usize::try_from), end) {
            (Ok(count), Some(Ok(len)), Some(end)) if end <= heap => Ok((count, offset, len)),
            _ => Err(Error::Descriptor { column: form.field.name().clone(), row, count, offset, heap }),
        }
    }

    /// Appends the arrays of a column to its decoder.
    fn read_heap<S: Source>(
        &self,
        source: &S,
        arrays: &[Array],
        decoder: &mut Decoder<'_>,
    ) -> Result<(), Error> {
        let (heap, _) = self.heap;
        let mut copy = Vec::new();
        let read = |offset: u64, len: usize, into: &mut Vec<u8>| {
            into.clear();
            into.try_reserve_exact(len)
                .map_err(|_| Error::TooLarge { sizes: format!("{len} bytes of the heap in memory") })?;
            into.resize(len, 0);
            let fail = |error| Error::io(format!("read {len} bytes at byte {}", heap + offset), error);
            source.read_at(heap + offset, into).map_err(fail)
        };
        let used = || arrays.iter().filter(|(_, _, len)| *len > 0);
        let from = used().map(|(_, offset, _)| *offset).min().unwrap_or(0);
        let to = used().map(|(_, offset, len)| offset + *len as u64).max().unwrap_or(0);
        let total: u64 = used().map(|(_, _, len)| *len as u64).sum();
        let in_memory = source.slice(heap + from, (to - from) as usize);
        let together = in_memory.is_none() && to - from <= total.saturating_mul(2).saturating_add(NEAR);
        if together {
            read(from, (to - from) as usize, &mut copy)?;
        }
        for &(count, offset, len) in arrays {
            let at = offset.wrapping_sub(from) as usize;
            let bytes = match in_memory {
                _ if len == 0 => &[],
                Some(heap) => &heap[at..at + len],
                None if together => &copy[at..at + len],
                None => {
                    read(offset, len, &mut copy)?;
                    &copy[..]
                }
            };
            decoder.array(bytes, count)?;
        }
        Ok(())
    }
}
