//! Record batches, one by one, as a binary table.
//!
//! Rows go to their place at once and what belongs into the heap to a second place, from where it is copied behind the
//! rows at the end; then the header, for which room was left, is written with the number of rows and the checksums.

use std::io::{Read, Seek, SeekFrom, Write};

use arrow_array::{Array, RecordBatch};
use arrow_schema::{Fields, Schema};

use super::encode::Block;
use super::keys;
use super::plan::{self, Rules, Target};
use crate::checksum::{Sum, sealed_hdu, sealed_header};
use crate::{Card, Error, Header, Value, padding, table_header};

/// Bytes of rows that are made before they are written.
const BLOCK_BYTES: usize = 1 << 20;

/// The most columns a table may have (FITS 4.0, section 7.3.1).
const MAX_COLUMNS: usize = 999;

/// How a table is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// The header of the primary HDU that is written in front; `None` writes the table alone, behind what is there.
    pub primary: Option<Header>,
    /// EXTNAME; where it is `None`, [`keys::NAME`] in the metadata of the schema.
    pub name: Option<String>,
    /// More cards for the header of the table. Those whose keyword the table itself needs are left out.
    pub cards: Vec<Card>,
    /// Writes text that is not printable ASCII as UTF-8, which the standard does not allow, instead of refusing it.
    pub utf8: bool,
    /// Writes array descriptors of 32 bits (`P`) for programs that know no others; the heap must then end below 2 GiB.
    pub short_descriptors: bool,
}

impl Default for WriteOptions {
    /// A primary HDU without data, `Q` descriptors, ASCII alone.
    fn default() -> Self {
        WriteOptions {
            primary: Some(Header::primary()),
            name: None,
            cards: Vec::new(),
            utf8: false,
            short_descriptors: false,
        }
    }
}

/// A binary table under way.
///
/// `W` is where the table goes and `H` where its heap waits meanwhile; `H` stays empty unless a column needs a heap.
/// Without [`finish`](TableWriter::finish), the header says that there are no rows.
///
/// # Examples
/// See [`TableReader`](super::TableReader).
#[derive(Debug)]
pub struct TableWriter<W, H> {
    out: W,
    heap: H,
    targets: Vec<Target>,
    fields: Fields,
    options: WriteOptions,
    /// Where the header of the table lies in `out`, and its length.
    header: (u64, usize),
    heap_start: u64,
    row_len: usize,
    rows: u64,
    heap_len: u64,
    sum: RunningSum,
}

impl<W: Write + Seek, H: Read + Write + Seek> TableWriter<W, H> {
    /// Begins a table at the present place of `out`, which must be at a multiple of 2880 bytes.
    ///
    /// # Errors
    /// [`Error::Unwritable`] for a type that has no counterpart in FITS, metadata that contradict their field, and more
    /// than 999 columns; [`Error::Io`].
    pub fn new(out: W, mut heap: H, schema: &Schema, mut options: WriteOptions) -> Result<Self, Error> {
        options.name = options.name.or_else(|| schema.metadata().get(keys::NAME).cloned());
        let rules = Rules { utf8: options.utf8, short_descriptors: options.short_descriptors };
        let targets = plan::targets(schema.fields(), rules)?;
        if targets.len() > MAX_COLUMNS {
            return Err(Error::Unwritable {
                column: targets[MAX_COLUMNS].spec.name.clone(),
                row: None,
                found: format!("{} columns", targets.len()),
                wanted: format!("at most {MAX_COLUMNS}"),
            });
        }
        let row_len = targets.iter().map(|target| target.width).sum();
        let mut writer = TableWriter {
            heap_start: heap.stream_position().map_err(|error| Error::io("find the heap's place", error))?,
            out,
            heap,
            targets,
            fields: schema.fields().clone(),
            options,
            header: (0, 0),
            row_len,
            rows: 0,
            heap_len: 0,
            sum: RunningSum::default(),
        };
        if let Some(primary) = &writer.options.primary {
            let bytes = sealed_hdu(primary.clone(), &[]);
            writer.write_out(&bytes)?;
        }
        let at = writer.out.stream_position();
        let at = at.map_err(|error| Error::io("find the table's place", error))?;
        // With every card that may be needed; at the end some may turn out not to be.
        let columns: Vec<_> = writer.targets.iter().map(|target| target.spec.clone()).collect();
        let header = sealed_header(writer.table_header(&columns), Sum::default());
        writer.header = (at, header.len());
        writer.write_out(&header)?;
        Ok(writer)
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// [`Error::Unwritable`] for a batch of other columns than the schema's and, with its row, a value that cannot be
    /// written; [`Error::Io`]. The table is of no use then.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.check(batch)?;
        let rules = Rules { utf8: self.options.utf8, short_descriptors: self.options.short_descriptors };
        if self.row_len == 0 {
            self.rows += batch.num_rows() as u64;
            return Ok(());
        }
        let step = (BLOCK_BYTES / self.row_len).max(1);
        let (mut rows, mut heap) = (Vec::new(), Vec::new());
        for from in (0..batch.num_rows()).step_by(step) {
            let part = batch.slice(from, step.min(batch.num_rows() - from));
            rows.clear();
            rows.resize(part.num_rows() * self.row_len, 0);
            heap.clear();
            let mut block = Block {
                rows: &mut rows,
                row_len: self.row_len,
                first: self.rows,
                heap: &mut heap,
                heap_start: self.heap_len,
                rules,
            };
            for target in &mut self.targets {
                target.encode(&part, &mut block)?;
            }
            self.sum.add(&rows);
            self.write_out(&rows)?;
            self.heap.write_all(&heap).map_err(|error| Error::io("write the heap", error))?;
            self.heap_len += heap.len() as u64;
            self.rows += part.num_rows() as u64;
        }
        Ok(())
    }

    /// Ends the table: appends the heap, pads, and writes the header with the number of rows and the checksums.
    ///
    /// Returns the place the table was written to, which stands behind the table.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<W, Error> {
        self.append_heap()?;
        let data_len = self.rows * self.row_len as u64 + self.heap_len;
        self.write_out(padding(data_len))?;
        let columns: Vec<_> = self.targets.iter().map(Target::finished_spec).collect();
        let mut header = self.table_header(&columns);
        let (at, len) = self.header;
        let missing = len.saturating_sub(sealed_header(header.clone(), Sum::default()).len());
        for _ in 0..missing / 80 {
            header.push(Card::commentary("", ""));
        }
        let header = sealed_header(header, self.sum.value());
        let end = self.out.stream_position().and_then(|end| {
            self.out.seek(SeekFrom::Start(at))?;
            Ok(end)
        });
        let end = end.map_err(|error| Error::io("go back to the header", error))?;
        self.write_out(&header)?;
        let behind = self.out.seek(SeekFrom::Start(end)).and_then(|_| self.out.flush());
        behind.map_err(|error| Error::io("write the table", error))?;
        Ok(self.out)
    }

    /// The number of rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), Error> {
        let unwritable = |column: &str, found: String, wanted: String| {
            Err(Error::Unwritable { column: column.to_string(), row: Some(self.rows), found, wanted })
        };
        if batch.num_columns() != self.fields.len() {
            let found = format!("a batch of {} columns", batch.num_columns());
            let last = self.fields.last().map_or("", |field| field.name());
            return unwritable(last, found, format!("{}, as in the schema", self.fields.len()));
        }
        for (field, column) in self.fields.iter().zip(batch.columns()) {
            if !column.data_type().equals_datatype(field.data_type()) {
                let found = format!("Arrow type {}", column.data_type());
                return unwritable(field.name(), found, format!("{}, as in the schema", field.data_type()));
            }
        }
        Ok(())
    }

    fn write_out(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|error| Error::io("write the table", error))
    }

    fn append_heap(&mut self) -> Result<(), Error> {
        let fail = |error| Error::io("read the heap back", error);
        if self.heap_len > 0 {
            self.heap.seek(SeekFrom::Start(self.heap_start)).map_err(fail)?;
        }
        let mut piece = vec![0; BLOCK_BYTES.min(self.heap_len as usize)];
        let mut left = self.heap_len;
        while left > 0 {
            let len = left.min(piece.len() as u64) as usize;
            self.heap.read_exact(&mut piece[..len]).map_err(fail)?;
            self.sum.add(&piece[..len]);
            self.write_out(&piece[..len])?;
            left -= len as u64;
        }
        Ok(())
    }

    fn table_header(&self, columns: &[crate::ColumnSpec]) -> Header {
        let mut header = table_header(columns, self.row_len, self.rows as usize, |n, header| {
            let target = &self.targets[n - 1];
            let mut add = |stem: &str, value: Value, comment: &str| {
                header.push(Card::new(format!("{stem}{n}"), value, comment));
            };
            if let Some(zero) = target.zero() {
                add("TSCAL", Value::Integer(1), "as stored");
                // 2^63 is no i64; the text stands as it is.
                let zero = zero.parse().map_or_else(|_| Value::Invalid(zero.to_string()), Value::Integer);
                add("TZERO", zero, "offset for the other sign");
            }
            if let Some(ucd) = &target.ucd {
                add("TUCD", Value::Text(ucd.clone()), "unified content descriptor");
            }
            if let Some(description) = &target.description {
                add("TCOMM", Value::Text(description.clone()), "");
            }
        });
        // Sizes in memory and on disk are below 2^63.
        header.set("PCOUNT", self.heap_len as i64, "size of the heap");
        if let Some(name) = &self.options.name {
            header.set("EXTNAME", name.as_str(), "name of the table");
        }
        for card in &self.options.cards {
            let ours =
                |card: &Card| matches!(card.keyword.as_str(), "THEAP" | "CHECKSUM" | "DATASUM" | "END");
            if card.value.is_none() || (header.card(&card.keyword).is_none() && !ours(card)) {
                header.push(card.clone());
            }
        }
        header
    }
}

/// A sum of bytes that come in pieces of any length.
#[derive(Debug, Default)]
struct RunningSum {
    sum: Sum,
    /// The bytes behind the last multiple of four.
    rest: Vec<u8>,
}

impl RunningSum {
    fn add(&mut self, mut bytes: &[u8]) {
        if !self.rest.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(4 - self.rest.len()));
            self.rest.extend_from_slice(head);
            bytes = tail;
            if self.rest.len() < 4 {
                return;
            }
            self.sum.add(&self.rest);
            self.rest.clear();
        }
        let (whole, rest) = bytes.split_at(bytes.len() / 4 * 4);
        self.sum.add(whole);
        self.rest.extend_from_slice(rest);
    }

    fn value(&self) -> Sum {
        let mut sum = self.sum;
        sum.add(&self.rest);
        sum
    }
}
