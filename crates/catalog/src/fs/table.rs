//! Files as one table, read as they are: rows in their order, no index of the sky.
//!
//! Of parquet those pages are decoded whose rows may meet the conditions, by what the files say of them; FITS is read by
//! stretches of rows, so that threads can share it; of text and VOTable a file is read from its first row to its last.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;

use super::catalog::OpenPart;
use super::input::{Batches, Input, Inputs};
use super::search::{Place, Query};
use super::selection::Selection;
use super::{Control, storage};
use crate::{Condition, Error};

/// Files with the same columns as one table: parquet, CSV and TSV with a line of names, ECSV, FITS (the first binary
/// table) and VOTable (the first table), text and VOTable gzipped or not.
#[derive(Debug)]
pub struct Table {
    inputs: Inputs,
    /// What of it can be read by itself.
    parts: Vec<Part>,
    /// Of each file, its footer once it was needed.
    open: Vec<OnceLock<OpenPart>>,
}

/// Rows of a file, all if none are named.
#[derive(Clone, Debug)]
struct Part {
    file: usize,
    rows: Option<Range<usize>>,
}

/// What reading a table takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReads {
    /// Parts of which something is read.
    pub parts: usize,
    /// Rows that are decoded, if that is known before.
    pub rows: Option<u64>,
}

impl Table {
    /// Opens files as one table. What the types of columns of text are is found out by reading them; ECSV says it.
    ///
    /// # Errors
    /// [`Error::NoFiles`]; what is wrong with a file, inside [`Error::InFile`]; [`Error::OtherColumns`] where files are
    /// not alike; [`Error::Interrupted`].
    pub fn open(paths: &[PathBuf], control: &Control<'_>) -> Result<Self, Error> {
        let inputs = Inputs::open(paths, &[], control)?;
        let parts = inputs.tables.iter().enumerate().flat_map(|(file, table)| match table.stretches() {
            None => vec![Part { file, rows: None }],
            Some(rows) => rows.into_iter().map(|rows| Part { file, rows: Some(rows) }).collect(),
        });
        let (parts, open) = (parts.collect(), inputs.tables.iter().map(|_| OnceLock::new()).collect());
        Ok(Table { inputs, parts, open })
    }

    /// Its columns; unit, UCD and description are metadata of the fields, under the keys of
    /// `uranometria_fits::arrow::keys`.
    pub fn schema(&self) -> &SchemaRef {
        &self.inputs.schema
    }

    /// Its files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs.tables.iter().map(|table| table.path.as_path())
    }

    /// Its rows, where that is known without reading them: not of text and VOTable.
    pub fn rows(&self) -> Option<u64> {
        self.inputs.rows()
    }

    /// How many parts it has that can be read by themselves: row groups of parquet, stretches of FITS, other files.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Reads the rows that meet the conditions, in the order of files and rows.
    ///
    /// `query` names columns, conditions and [parts](Table::parts); without an index of the sky it has to look anywhere.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the nearest name; [`Error::ColumnType`] for a number compared with a text;
    /// [`Error::Twice`] for a column that is wanted twice; [`Error::Option`] for a place on the sky.
    pub fn read(&self, query: &Query) -> Result<Reading<'_>, Error> {
        Reading::new(self, query)
    }

    /// The same, of a table that is shared, so that the reading may live as long as it likes and move to other threads.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_shared(self: &Arc<Self>, query: &Query) -> Result<Reading<'static, Arc<Self>>, Error> {
        Reading::new(self.clone(), query)
    }

    /// What a reading will read: footers are, rows are not.
    ///
    /// # Errors
    /// As [`Table::read`], and those of opening files.
    pub fn reads(&self, query: &Query) -> Result<TableReads, Error> {
        let reading = self.read(query)?;
        let mut reads = TableReads { parts: 0, rows: Some(0) };
        for part in &self.parts[reading.parts.clone()] {
            let rows = match &part.rows {
                None => None,
                Some(rows) => {
                    let rows = self.meeting(part.file, rows.clone(), &reading.selection.conditions);
                    let rows = rows.map_err(|error| error.in_file(self.path(part.file)))?;
                    Some(rows.iter().map(|run| run.len() as u64).sum())
                }
            };
            reads.parts += usize::from(rows != Some(0));
            reads.rows = reads.rows.zip(rows).map(|(sum, rows)| sum + rows);
        }
        Ok(reads)
    }

    fn path(&self, file: usize) -> &Path {
        &self.inputs.tables[file].path
    }

    /// Of some rows of a file those that may meet conditions, as far as it tells.
    fn meeting(
        &self,
        file: usize,
        rows: Range<usize>,
        conditions: &[(usize, Condition)],
    ) -> Result<Vec<Range<usize>>, Error> {
        let input = &self.inputs.tables[file];
        if !input.is_parquet() || conditions.is_empty() {
            return Ok(vec![rows]);
        }
        let open = self.footer(file)?;
        let met = |rows, (column, condition): &(usize, Condition)| {
            open.pages.meeting(&open.metadata, rows, (input.place(*column), condition))
        };
        Ok(conditions.iter().fold(vec![rows], met))
    }

    /// The footer of a file of parquet, with what it says of its pages.
    fn footer(&self, file: usize) -> Result<&OpenPart, Error> {
        if let Some(open) = self.open[file].get() {
            return Ok(open);
        }
        let chunks = storage::open(self.path(file));
        let opened = OpenPart::of(chunks.map_err(|source| Error::io("open it", source))?, None)?;
        // Asked behind opening: what was opened is then the file that the columns were found in.
        self.inputs.tables[file].unchanged()?;
        Ok(self.open[file].get_or_init(|| opened))
    }

    /// Begins to read a selection of a part; None if none of its rows can meet the conditions.
    fn begin(
        &self,
        Part { file, rows }: &Part,
        Selection { read: columns, conditions, .. }: &Selection,
        batch_rows: usize,
    ) -> Result<Option<Batches>, Error> {
        let (input, schema): (&Input, _) = (&self.inputs.tables[*file], &self.inputs.schema);
        let Some(rows) = rows.clone() else { return input.batches(schema, columns, None).map(Some) };
        let rows = self.meeting(*file, rows, conditions)?;
        let Some(first) = rows.iter().find(|rows| !rows.is_empty()) else { return Ok(None) };
        if !input.is_parquet() {
            return input.batches(schema, columns, Some(first.clone())).map(Some);
        }
        let open = self.footer(*file)?;
        let places = columns.iter().map(|column| input.place(*column));
        let mask = ProjectionMask::roots(open.metadata.parquet_schema(), places);
        let decoded = open.pages.read((&open.chunks, &open.metadata), mask, &rows, batch_rows)?;
        Ok(Some(input.unified(Box::new(decoded), schema, columns)))
    }
}

/// Rows of a table, batch by batch. Ends behind an error.
///
/// It borrows its table or, as [`Table::read_shared`] gives it, shares it and goes where it likes.
pub struct Reading<'a, T = &'a Table> {
    table: T,
    selection: Selection,
    batch_rows: usize,
    /// Parts that are left.
    parts: Range<usize>,
    /// The file under way, and what it gives.
    open: Option<(usize, Batches)>,
    stop: Option<Box<dyn Fn() -> bool + Send + 'a>>,
}

impl<T: Borrow<Table>> fmt::Debug for Reading<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl<'a, T: Borrow<Table>> Reading<'a, T> {
    fn new(held: T, query: &Query) -> Result<Self, Error> {
        let table = held.borrow();
        if query.place != Place::Anywhere || !query.regions.is_empty() {
            let wanted = "anywhere, as these files have no index of the sky; import them as a catalogue";
            return Err(Error::Option { option: "the place looked at", found: "a region".into(), wanted });
        }
        let selection = Selection::new(table.schema(), query, [])?;
        let end = query.parts.end.min(table.parts.len());
        let parts = query.parts.start.min(end)..end;
        let batch_rows = query.batch_rows.max(1);
        Ok(Reading { table: held, selection, batch_rows, parts, open: None, stop: None })
    }

    /// Asks now and then whether to go on; if not, the reading ends with [`Error::Interrupted`].
    #[must_use]
    pub fn stop_when(self, stop: impl Fn() -> bool + Send + 'a) -> Self {
        Reading { stop: Some(Box::new(stop)), ..self }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.selection.schema
    }

    /// The next rows of the files, whether they meet the conditions or not.
    fn rows(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if self.stop.as_ref().is_some_and(|stop| stop()) {
                return Err(Error::Interrupted);
            }
            let table = self.table.borrow();
            if let Some((file, batches)) = &mut self.open {
                match batches.next() {
                    Some(batch) => return batch.map(Some).map_err(|error| error.in_file(table.path(*file))),
                    None => self.open = None,
                }
                continue;
            }
            let Some(part) = self.parts.next() else { return Ok(None) };
            let part = &table.parts[part];
            let begun = table.begin(part, &self.selection, self.batch_rows);
            let begun = begun.map_err(|error| error.in_file(table.path(part.file)))?;
            self.open = begun.map(|batches| (part.file, batches));
        }
    }

    /// Those that meet the conditions, with the columns wanted.
    fn kept(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let mask = self.selection.met(batch, None)?;
        self.selection.given(batch, mask.as_ref())
    }
}

impl<T: Borrow<Table>> Iterator for Reading<'_, T> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let kept = self.rows().and_then(|rows| rows.map(|rows| self.kept(&rows)).transpose());
            match kept.transpose()? {
                Ok(batch) if batch.num_rows() == 0 => (),
                Ok(batch) => return Some(Ok(batch)),
                Err(error) => {
                    (self.open, self.stop, self.parts) = (None, None, 0..0);
                    return Some(Err(error));
                }
            }
        }
    }
}
