//! Tables to import: parquet, text, FITS and VOTable, all as batches with the same columns.

mod text;

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use uranometria_fits::arrow::{ReadOptions, TableReader};
use uranometria_fits::{Hdu, HduKind, SourceReader, read_hdus};
use uranometria_votable::{Reader as VoTable, ReaderOptions};

use self::text::{GZIP, Text};
use super::catalog::{Catalog, Part};
use super::decoder::{self, Decoded};
use super::{Control, Stage, metadata, storage};
use crate::{CELL_COLUMN, Error};

/// Rows a batch.
pub(super) const BATCH: usize = 8192;

/// Columns that the layout makes itself, of an earlier import or of its folders' names.
pub(super) const OWN: [&str; 4] = [CELL_COLUMN, "Norder", "Dir", "Npix"];

/// Rows of FITS that are read by themselves.
const STRETCH: usize = 1 << 18;

/// The most stretches: a header can claim any number of rows that have no bytes.
const STRETCHES: usize = 1 << 16;

/// Batches of a table.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send>;

#[derive(Debug)]
enum Kind {
    Parquet(ArrowReaderMetadata),
    Text(Text),
    Fits(Hdu),
    VoTable { packed: bool },
}

/// A table, and where the columns wanted lie in it.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// What tells whether it is still the same file, if that is asked of the system alone.
    version: Option<Vec<u8>>,
    kind: Kind,
    schema: SchemaRef,
    /// For each column of the unified schema the one of the table.
    columns: Vec<usize>,
}

/// Tables with the same columns.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) tables: Vec<Input>,
    /// The columns of all, as those of the first; without those that the layout makes.
    pub(super) schema: SchemaRef,
    /// What those that were given state of their epochs.
    epochs: Vec<Option<Epoch>>,
}

/// The epoch that a catalogue states, Julian years, of the positions in two columns.
#[derive(Clone, Debug)]
struct Epoch {
    year: f64,
    position: [String; 2],
}

impl Inputs {
    /// Opens tables without some of their columns; a catalogue among them stands for the tables that are its partitions.
    pub(super) fn open(paths: &[PathBuf], without: &[&str], control: &Control<'_>) -> Result<Self, Error> {
        let given = paths.iter().map(files).collect::<Result<Vec<_>, Error>>()?;
        let (paths, epochs): (Vec<_>, _) =
            given.into_iter().map(|Given { files, epoch }| (files, epoch)).unzip();
        let paths = paths.concat();
        let mut tables = Vec::with_capacity(paths.len());
        for (n, path) in paths.iter().enumerate() {
            control.check()?;
            control.report(Stage::Types, n as u64, paths.len() as u64);
            tables.push(Input::open(path, control).map_err(|error| error.in_file(path))?);
        }
        let first = tables.first().ok_or(Error::NoFiles)?;
        let mut unified: Vec<Column> = Vec::new();
        for field in first.schema.fields().iter().filter(|field| !without.contains(&field.name().as_str())) {
            if unified.iter().any(|other| other.field.name() == field.name()) {
                let reason = Error::ColumnType {
                    column: field.name().clone(),
                    found: "there twice".into(),
                    wanted: "names that differ",
                };
                return Err(reason.in_file(&first.path));
            }
            let firm = first.is_firm();
            // What no row has a value of may have values in another table.
            let data_type = if firm { plain(field.data_type()) } else { field.data_type().clone() };
            unified.push(Column { field: field.as_ref().clone().with_data_type(data_type), firm });
        }
        for table in &tables[1..] {
            unify(&mut unified, (table, without), &first.path).map_err(|error| error.in_file(&table.path))?;
        }
        let plain = |column: Column| {
            let data_type = plain(column.field.data_type());
            column.field.with_data_type(data_type)
        };
        let fields: Vec<Field> = unified.into_iter().map(plain).collect();
        let places: Vec<Vec<usize>> = tables
            .iter()
            .map(|table| fields.iter().filter_map(|field| table.schema.index_of(field.name()).ok()).collect())
            .collect();
        for (table, columns) in tables.iter_mut().zip(places) {
            table.columns = columns;
            if let Kind::Text(text) = &mut table.kind {
                text.read_as(&fields);
            }
        }
        Ok(Inputs { tables, schema: Arc::new(Schema::new(fields)), epochs })
    }

    /// The epoch of all positions in two columns, where all state the same.
    ///
    /// # Errors
    /// [`Error::Option`] where some state another than others, or than `wanted`.
    pub(super) fn epoch(&self, position: [&str; 2], wanted: Option<f64>) -> Result<Option<f64>, Error> {
        let of_these = |stated: &Option<Epoch>| {
            let stated = stated.as_ref().filter(|stated| stated.position == position);
            stated.map(|stated| stated.year)
        };
        let years: Vec<Option<f64>> = self.epochs.iter().map(of_these).collect();
        let mut stated = wanted.iter().chain(years.iter().flatten());
        let Some(first) = stated.next() else { return Ok(None) };
        if let Some(other) = stated.find(|epoch| *epoch != first) {
            let found = format!("{first} of some rows and {other} of others");
            return Err(Error::Option { option: "the epoch", found, wanted: "one epoch of all positions" });
        }
        Ok(Some(*first).filter(|_| wanted.is_some() || years.iter().all(Option::is_some)))
    }

    /// Rows of all tables where that is known without reading them.
    pub(super) fn rows(&self) -> Option<u64> {
        self.tables.iter().map(Input::rows).sum()
    }

    /// Some columns of all rows, in order, with the table and the row in it of each batch's first.
    pub(super) fn batches<'a>(
        &'a self,
        columns: &'a [usize],
    ) -> impl Iterator<Item = Result<Batch<'a>, Error>> + 'a {
        self.tables.iter().flat_map(move |table| {
            let mut row = 0;
            let batches: Batches = match table.batches(&self.schema, columns, None) {
                Ok(batches) => batches,
                Err(error) => Box::new(std::iter::once(Err(error))),
            };
            batches.map(move |batch| {
                let rows = batch.map_err(|error| error.in_file(&table.path))?;
                let first = row;
                row += rows.num_rows() as u64;
                Ok(Batch { path: &table.path, first, rows })
            })
        })
    }

    /// Bytes that decide whether the tables are still the same.
    pub(super) fn identity(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = self.identity_from(0)?;
        // Unlike the text of a schema, its bytes have keys in order.
        bytes.extend_from_slice(IpcSchemaEncoder::new().schema_to_fb(&self.schema).finished_data());
        Ok(bytes)
    }

    /// The same of the tables from a number on, without their columns.
    pub(super) fn identity_from(&self, first: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for table in &self.tables[first..] {
            let version = storage::version(&table.path)
                .map_err(|source| Error::io("open it", source).in_file(&table.path))?;
            bytes.extend_from_slice(table.path.as_os_str().as_encoded_bytes());
            bytes.extend_from_slice(&version);
        }
        Ok(bytes)
    }
}

/// Rows that follow one another in one table.
pub(super) struct Batch<'a> {
    pub(super) path: &'a Path,
    /// The row in the table of the first, from 0.
    pub(super) first: u64,
    pub(super) rows: RecordBatch,
}

impl Input {
    fn open(path: &Path, control: &Control<'_>) -> Result<Self, Error> {
        let version = version_here(path)?;
        let file = storage::open(path).map_err(|source| Error::io("open it", source))?;
        let first = |bytes: &mut dyn Read| {
            let mut head = Vec::new();
            let read = bytes.take(9).read_to_end(&mut head);
            read.map(|_| head).map_err(|source| Error::io("read it", source))
        };
        let start = file
            .fetched(|| vec![Range { start: 0, end: 9 }])
            .map_err(|source| Error::io("read it", source))?;
        let mut head = first(&mut SourceReader::new(start, 0))?;
        let packed = head.starts_with(&GZIP);
        if packed {
            head = first(&mut text::open(path, packed)?)?;
            // Their parts are read in any order.
            if head.starts_with(b"PAR1") || head == b"SIMPLE  =" {
                let found = String::from_utf8_lossy(&head).into_owned();
                return Err(Error::Format { found, packed });
            }
        }
        let (kind, schema) = if head.starts_with(b"PAR1") && !packed {
            let metadata = decoder::footer(&file, Default::default())?;
            let schema = metadata.schema().clone();
            (Kind::Parquet(metadata), schema)
        } else if head == b"SIMPLE  =" && !packed {
            let hdus = read_hdus(&file)?;
            let table = hdus.into_iter().find(|hdu| hdu.kind == HduKind::BinTable);
            let table = table.ok_or(uranometria_fits::Error::NoTable { wanted: None })?;
            let schema = TableReader::new(file, &table)?.schema().clone();
            (Kind::Fits(table), schema)
        } else if is_xml(&head) {
            let reader = VoTable::new(text::open(path, packed)?, &vo_options())?;
            (Kind::VoTable { packed }, reader.schema())
        } else if !head.is_empty() && head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..)) {
            let text = Text::open(path, packed, control)?;
            let schema = text.schema().clone();
            (Kind::Text(text), schema)
        } else {
            let found = String::from_utf8_lossy(&head).into_owned();
            return Err(Error::Format { found, packed });
        };
        Ok(Input { path: path.to_path_buf(), version, kind, schema, columns: Vec::new() })
    }

    /// Errs where the file is another one now than when its columns were found.
    pub(super) fn unchanged(&self) -> Result<(), Error> {
        if version_here(&self.path)? == self.version { Ok(()) } else { Err(Error::Replaced) }
    }

    /// Whether the table says the types of its columns.
    fn is_firm(&self) -> bool {
        match &self.kind {
            Kind::Text(text) => text.is_firm(),
            Kind::Parquet(..) | Kind::Fits(_) | Kind::VoTable { .. } => true,
        }
    }

    /// Its rows, where that is known without reading them.
    pub(super) fn rows(&self) -> Option<u64> {
        match &self.kind {
            Kind::Parquet(metadata) => u64::try_from(metadata.metadata().file_metadata().num_rows()).ok(),
            Kind::Text(_) | Kind::VoTable { .. } => None,
            Kind::Fits(table) => u64::try_from(table.header.integer("NAXIS2")?).ok(),
        }
    }

    /// Where a column of the unified schema is in it.
    pub(super) fn place(&self, column: usize) -> usize {
        self.columns[column]
    }

    /// Stretches of its rows that can be read by themselves, where there are such.
    pub(super) fn stretches(&self) -> Option<Vec<Range<usize>>> {
        match &self.kind {
            Kind::Parquet(metadata) => {
                let mut end = 0_usize;
                let groups = metadata.metadata().row_groups().iter();
                let rows = groups.map(|group| {
                    let start = end;
                    end = start.saturating_add(usize::try_from(group.num_rows()).unwrap_or(0));
                    start..end
                });
                Some(rows.collect())
            }
            Kind::Fits(_) => {
                let rows = usize::try_from(self.rows()?).ok()?;
                let stretch = STRETCH.max(rows.div_ceil(STRETCHES));
                let from = (0..rows).step_by(stretch);
                Some(from.map(|start| start..start.saturating_add(stretch).min(rows)).collect())
            }
            Kind::Text(_) | Kind::VoTable { .. } => None,
        }
    }

    /// Whether it is a file of parquet.
    pub(super) fn is_parquet(&self) -> bool {
        matches!(self.kind, Kind::Parquet(_))
    }

    /// The given columns of the unified schema, of all rows. FITS may be read by stretches.
    pub(super) fn batches(
        &self,
        schema: &SchemaRef,
        columns: &[usize],
        rows: Option<Range<usize>>,
    ) -> Result<Batches, Error> {
        self.unchanged()?;
        let places: Vec<usize> = columns.iter().map(|&column| self.columns[column]).collect();
        let mut sorted = places.clone();
        sorted.sort_unstable();
        // Tables are opened anew, as thousands of them cannot all be open.
        let open = || storage::open(&self.path).map_err(|source| Error::io("open it", source));
        let batches: Batches = match &self.kind {
            Kind::Parquet(metadata) => {
                let mask = ProjectionMask::roots(metadata.parquet_schema(), places.iter().copied());
                let file = open()?;
                Box::new(Decoded::new(|| {
                    ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
                        .with_projection(mask)
                        .with_batch_size(BATCH)
                        .build()
                })?)
            }
            Kind::Text(text) => text.batches(&self.path, sorted)?,
            Kind::Fits(table) => {
                let options =
                    ReadOptions { columns: Some(sorted), batch_rows: BATCH, rows, ..ReadOptions::default() };
                let table = TableReader::new(open()?, table)?;
                Box::new(table.read(&options)?.map(|batch| batch.map_err(Error::from)))
            }
            Kind::VoTable { packed } => {
                let reader = VoTable::new(text::open(&self.path, *packed)?, &vo_options())?;
                if reader.schema() != self.schema {
                    return Err(Error::Changed);
                }
                Box::new(reader.map(move |batch| {
                    batch?.project(&sorted).map_err(Error::arrow("take some of its columns"))
                }))
            }
        };
        Ok(self.unified(batches, schema, columns))
    }

    /// Batches of the given columns, which are in the order of the file, as those of the unified schema.
    pub(super) fn unified(&self, batches: Batches, schema: &SchemaRef, columns: &[usize]) -> Batches {
        let places: Vec<usize> = columns.iter().map(|&column| self.columns[column]).collect();
        let order: Vec<usize> =
            places.iter().map(|place| places.iter().filter(|other| *other < place).count()).collect();
        let fields: Vec<Field> = columns.iter().map(|&column| schema.field(column).clone()).collect();
        let wanted = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        Box::new(batches.map(move |batch| {
            let batch = batch?;
            let convert = |(field, &at): (&Arc<Field>, &usize)| -> Result<ArrayRef, Error> {
                let array = batch.column(at);
                if array.data_type() == field.data_type() {
                    return Ok(array.clone());
                }
                cast(array, field.data_type())
                    .map_err(Error::arrow("bring a column to the type of the others"))
            };
            let arrays: Result<Vec<ArrayRef>, Error> =
                wanted.fields().iter().zip(&order).map(convert).collect();
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(wanted.clone(), arrays?, &options)
                .map_err(Error::arrow("put its columns together"))
        }))
    }
}

/// Endings of URLs that are tables and no catalogues, which saves asking for what a catalogue has.
const ENDINGS: [&str; 11] =
    ["parquet", "csv", "tsv", "ecsv", "txt", "gz", "fits", "fit", "vot", "votable", "xml"];

/// What a path stands for.
struct Given {
    files: Vec<PathBuf>,
    epoch: Option<Epoch>,
}

/// The tables that a path stands for.
fn files(path: &PathBuf) -> Result<Given, Error> {
    let is_url = storage::is_url(path);
    let kind = if is_url { None } else { std::fs::metadata(path).ok().map(|meta| meta.file_type()) };
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let itself = || Given { files: vec![path.clone()], epoch: None };
    let catalog = || {
        let catalog = Catalog::open(path)?;
        let files = catalog.parts().iter().map(|part: &Part| part.path().to_path_buf()).collect();
        let (ra, dec) = catalog.position_columns();
        let position = [ra.to_string(), dec.to_string()];
        Ok(Given { files, epoch: catalog.epoch().map(|year| Epoch { year, position }) })
    };
    let refused = |found| Err(Error::NoTable { found }.in_file(path));
    match kind {
        None if is_url && !ENDINGS.contains(&&*ending) => match catalog() {
            Err(Error::InFile { source, .. }) if matches!(*source, Error::NotHats { .. }) => Ok(itself()),
            found => found,
        },
        Some(kind) if kind.is_dir() && metadata::is_catalog(path) => catalog(),
        Some(kind) if kind.is_dir() => refused("a folder that is no HATS catalogue"),
        Some(kind) if !kind.is_file() => refused("a pipe or device, and tables are read several times"),
        _ => Ok(itself()),
    }
}

/// The version of a file that is here; servers are not asked for theirs each time.
fn version_here(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    if storage::is_url(path) {
        return Ok(None);
    }
    storage::version(path).map(Some).map_err(|source| Error::io("open it", source))
}

/// Whether a file begins as a document of XML does.
fn is_xml(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    head.starts_with(b"<?xml") || head.starts_with(b"<VOTABLE") || head.starts_with(b"<!--")
}

fn vo_options() -> ReaderOptions {
    ReaderOptions { batch_rows: BATCH, ..ReaderOptions::default() }
}

/// The type in which a column is kept: dictionaries and views are of use in memory alone.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        // A column of text files without a single value.
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// A column of all tables.
struct Column {
    field: Field,
    /// Whether a table says its type; else it was guessed from text.
    firm: bool,
}

/// Widens the columns so that they hold those of another table, or says why they cannot.
fn unify(columns: &mut [Column], (table, without): (&Input, &[&str]), first: &Path) -> Result<(), Error> {
    let differs = |difference| Error::OtherColumns { first: first.to_path_buf(), difference };
    let known = |name: &str| columns.iter().any(|column| column.field.name() == name);
    let mut names = table.schema.fields().iter().map(|field| field.name().as_str());
    if let Some(extra) = names.find(|name| !without.contains(name) && !known(name)) {
        return Err(differs(format!("column {extra} is not there")));
    }
    for Column { field, firm } in columns {
        let Ok(other) = table.schema.field_with_name(field.name()) else {
            return Err(differs(format!("column {} is missing", field.name())));
        };
        if other.is_nullable() {
            field.set_nullable(true);
        }
        let (a, b) = (field.data_type(), other.data_type());
        let wider = match (*firm, table.is_firm()) {
            (true, true) => (a == &plain(b)).then(|| a.clone()),
            (true, false) => readable_as(b, a).then(|| a.clone()),
            (false, true) => readable_as(a, &plain(b)).then(|| plain(b)),
            (false, false) => Some(wider_text(a, b)),
        };
        let Some(wider) = wider else {
            return Err(differs(format!("column {} is {b}, not {a}", field.name())));
        };
        *firm |= table.is_firm();
        field.set_data_type(wider);
    }
    Ok(())
}

/// Whether text that looks like one type can be read as that of a table that has types.
fn readable_as(text: &DataType, wanted: &DataType) -> bool {
    text == wanted
        || matches!(text, DataType::Null)
        || matches!(wanted, DataType::Utf8 | DataType::LargeUtf8)
        || (wanted.is_floating() && matches!(text, DataType::Int64 | DataType::Float64))
        || (wanted.is_integer() && matches!(text, DataType::Int64))
        || (wanted.is_temporal() && text.is_temporal())
}

/// The type of text that looks like one type here and like another there.
fn wider_text(a: &DataType, b: &DataType) -> DataType {
    match (a, b) {
        _ if a == b => a.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        _ => DataType::Utf8,
    }
}
