//! A document with tables as record batches of one of them.

mod base64;
mod binary;
mod columns;
mod elements;
mod field;
mod header;
mod input;
mod tabledata;
mod xml;

use std::io::BufRead;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};

use self::binary::BinaryRows;
use self::columns::Column;
use self::header::{Header, Rest};
use self::tabledata::TabledataRows;
use self::xml::Xml;
use crate::error::Misfit;
use crate::{Error, Info, Serialisation, Status};

/// The most bytes that a limit may allow. A row and a batch together, of text that grows to twice its size as it becomes
/// UTF-8, have less than 2^31, so that the 32-bit offsets of arrays suffice.
const MOST_BYTES: usize = (1 << 29) - 1;

/// Which table of a document is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TableChoice {
    /// The first one that has data; where none has, the first.
    #[default]
    First,
    /// By its place in the document, counted from 0.
    Index(usize),
    /// By its attribute `ID`.
    Id(String),
    /// The first one with this attribute `name`; capitals matter.
    Name(String),
}

/// Which table to read, and in which portions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderOptions {
    /// The table.
    pub table: TableChoice,
    /// The most rows a batch may have; 0 is taken as 1.
    pub batch_rows: usize,
    /// About how many bytes a batch may take; a batch has one row at least. More than 512 MiB is taken as 512 MiB.
    pub batch_bytes: usize,
    /// The most bytes that one row may take in memory, and one element of XML in the document; also the most that is
    /// kept of descriptions and INFO elements. More is an error, so that no document takes more memory than this and a
    /// batch. More than 512 MiB is taken as 512 MiB.
    pub max_row_bytes: usize,
}

impl Default for ReaderOptions {
    /// The first table, 8192 rows or 64 MiB at a time, rows of at most 256 MiB.
    fn default() -> Self {
        ReaderOptions {
            table: TableChoice::First,
            batch_rows: 8192,
            batch_bytes: 64 << 20,
            max_row_bytes: 256 << 20,
        }
    }
}

/// Rows of a table of a document, batch by batch.
///
/// The document is read once, from front to back; nothing but a batch is held in memory. The last batch may be shorter,
/// and none is empty. When the rows are at their end, the rest of the document is read before the iterator ends, so that
/// what follows the table is known then, and a document that breaks off is an error. After an error there is nothing
/// more.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
/// use uranometria_votable::{Reader, ReaderOptions, Serialisation, Status, Writer, WriterOptions};
///
/// let name: ArrayRef = Arc::new(StringArray::from(vec![Some("pi Men"), None]));
/// let ra: ArrayRef = Arc::new(Float64Array::from(vec![84.29, 201.3]));
/// let batch = RecordBatch::try_from_iter([("name", name), ("ra", ra)])?;
/// let options = WriterOptions { serialisation: Serialisation::Tabledata, ..WriterOptions::default() };
/// let mut writer = Writer::new(Vec::new(), batch.schema(), options)?;
/// writer.write(&batch)?;
/// let document = writer.finish(Status::Overflow)?;
///
/// let mut reader = Reader::new(document.as_slice(), &ReaderOptions::default())?;
/// let read = reader.next().unwrap()?;
/// assert_eq!(read.columns(), batch.columns());
/// assert!(reader.next().is_none());
/// assert_eq!(reader.status(), Some(Status::Overflow));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<R> {
    xml: Xml<R>,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: Rows,
    rest: Rest,
    table: Table,
    batch_rows: usize,
    batch_bytes: usize,
}

/// What errors and limits need to know about the table.
struct Table {
    /// How the table is called in messages.
    label: String,
    /// The number of the next row.
    row: u64,
    limit: usize,
}

impl Table {
    fn row(&self, byte: u64, found: String, wanted: String) -> Error {
        Error::Row { table: self.label.clone(), row: self.row, byte, found, wanted }
    }

    fn cell(&self, column: &str, byte: u64, Misfit { found, wanted }: Misfit) -> Error {
        let (table, column) = (self.label.clone(), column.to_string());
        Error::Cell { table, row: self.row, column, byte, found, wanted }
    }

    fn too_long(&self) -> Misfit {
        let wanted = format!("at most {} bytes; raise the limit `max_row_bytes` if it is meant", self.limit);
        Misfit::new("a longer row", wanted)
    }
}

/// Where the rows come from.
enum Rows {
    Tabledata(TabledataRows),
    Binary(BinaryRows),
    /// There are none, or no more.
    None,
    /// An error was given.
    Failed,
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { schema, table, rest, .. } = self;
        f.debug_struct("Reader")
            .field("table", &table.label)
            .field("schema", schema)
            .field("row", &table.row)
            .field("infos", &rest.infos)
            .finish_non_exhaustive()
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads a document up to the first row of its table.
    ///
    /// `source` is the bare document: a compressed one must be decompressed on the way.
    ///
    /// # Errors
    /// [`Error::Structure`] for what is no VOTable, and for data that are elsewhere or in FITS; [`Error::NoTable`];
    /// [`Error::Reported`] for the error document of a service; [`Error::Field`]; [`Error::TooLong`]; [`Error::Xml`];
    /// [`Error::Io`].
    pub fn new(source: R, options: &ReaderOptions) -> Result<Self, Error> {
        let limit = options.max_row_bytes.clamp(1024, MOST_BYTES);
        let mut xml = Xml::new(source, limit);
        let Header { label, metadata, fields, columns, serialisation, rest } =
            header::find(&mut xml, &options.table, limit)?;
        let rows = match serialisation {
            None => Rows::None,
            Some(Serialisation::Tabledata) => Rows::Tabledata(TabledataRows::new(&columns)),
            Some(binary) => Rows::Binary(BinaryRows::new(binary == Serialisation::Binary2)),
        };
        let mut reader = Reader {
            xml,
            schema: Arc::new(Schema::new_with_metadata(fields, metadata)),
            columns,
            rows,
            rest,
            table: Table { label, row: 0, limit },
            batch_rows: options.batch_rows.max(1),
            batch_bytes: options.batch_bytes.min(MOST_BYTES),
        };
        // Rows without columns take no bytes; there is no saying how many there are.
        if reader.columns.is_empty() && matches!(reader.rows, Rows::Binary(_)) {
            reader.rows = Rows::None;
        }
        Ok(reader)
    }

    /// The columns of the table as fields, all of them nullable.
    ///
    /// Metadata are under the [`keys`](crate::keys); those of the schema itself are the table's.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The INFO elements of the document, of the RESOURCE elements around the table, and of the table.
    ///
    /// Those in front of the rows are known at once, those behind them when the iterator has ended.
    pub fn infos(&self) -> &[Info] {
        &self.rest.infos
    }

    /// What the last INFO named QUERY_STATUS among [`infos`](Reader::infos) says; `None` where there is none.
    ///
    /// That a service failed half-way is no error of the reader: ask when the iterator has ended.
    pub fn status(&self) -> Option<Status> {
        self.rest.infos.iter().rev().find_map(Status::of)
    }

    /// The number of rows read so far.
    pub fn rows(&self) -> u64 {
        self.table.row
    }

    /// Reads rows until the batch is full or there are no more.
    fn batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let (mut count, mut bytes) = (0, 0);
        while count < self.batch_rows && bytes < self.batch_bytes {
            let taken = match &mut self.rows {
                Rows::Tabledata(rows) => rows.read(&mut self.xml, &mut self.columns, &self.table)?,
                Rows::Binary(rows) => rows.read(&mut self.xml, &mut self.columns, &self.table)?,
                Rows::None => None,
                Rows::Failed => return Ok(None),
            };
            let Some(taken) = taken else {
                self.rows = Rows::None;
                break;
            };
            bytes += taken;
            count += 1;
            self.table.row += 1;
        }
        if count == 0 {
            self.rest.read(&mut self.xml, self.table.limit)?;
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(|column| column.cells.finish()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        batch.map(Some).map_err(|source| Error::Arrow { source })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batch();
        if batch.is_err() {
            self.rows = Rows::Failed;
        }
        batch.transpose()
    }
}

impl<R: BufRead> std::iter::FusedIterator for Reader<R> {}
