//! Rows as a file or on the terminal.

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uranometria_fits::fs::{Durability, NewFile};
use uranometria_votable::{Serialisation, Status, Writer as VoTable, WriterOptions};

/// Rows whose cells decide how wide the columns of a table are.
const MEASURED: usize = 1000;

/// The widest column of a table; longer cells push those behind them.
const WIDEST: usize = 40;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Csv,
    Parquet,
    VoTable,
}

impl Format {
    /// By name, or by the ending of a file; a table on the terminal.
    pub(crate) fn of(name: Option<&str>, out: Option<&Path>) -> Result<Self, String> {
        let ending = out.map(|out| out.extension().unwrap_or_default().to_string_lossy().to_lowercase());
        match (name, ending.as_deref()) {
            (Some("table"), _) | (None, None | Some("txt")) => Ok(Format::Table),
            (Some("csv"), _) | (None, Some("csv")) => Ok(Format::Csv),
            (Some("parquet"), None) if io::stdout().is_terminal() => {
                Err("parquet is not for terminals; name a file with --out".into())
            }
            (Some("parquet"), _) | (None, Some("parquet")) => Ok(Format::Parquet),
            (Some("votable"), _) | (None, Some("vot" | "xml" | "votable")) => Ok(Format::VoTable),
            (Some(other), _) => {
                Err(format!("--format is {other:?}, expected table, csv, parquet or votable"))
            }
            (None, Some(ending)) => {
                let out = out.unwrap_or(Path::new("")).display();
                Err(format!(
                    "{out}: ending {ending:?} is not known, expected .parquet, .csv, .vot or .txt, or a --format"
                ))
            }
        }
    }
}

/// Rows under way: to the terminal, or to a file that appears when it is whole.
pub(crate) struct Rows {
    file: Option<NewFile>,
    encoder: Encoder,
    written: u64,
}

enum Encoder {
    Table(Table),
    Csv(Box<arrow_csv::Writer<Box<dyn Write + Send>>>),
    Parquet(Box<ArrowWriter<Box<dyn Write + Send>>>),
    VoTable(Box<VoTable<Box<dyn Write + Send>>>),
}

type Failure = Box<dyn Error + Send + Sync>;

impl Rows {
    pub(crate) fn new(out: Option<&Path>, format: Format, schema: &SchemaRef) -> Result<Self, Failure> {
        if format == Format::Csv {
            let nested: Vec<&str> = schema
                .fields()
                .iter()
                .filter(|field| field.data_type().is_nested())
                .map(|field| field.name().as_str())
                .collect();
            if !nested.is_empty() {
                let nested = nested.join(", ");
                return Err(format!(
                    "CSV cannot hold the lists of {nested}; leave them out with --columns, or write parquet"
                )
                .into());
            }
        }
        let mut file = out.map(NewFile::create).transpose()?;
        let to: Box<dyn Write + Send> = match &mut file {
            Some(file) => Box::new(file.file().try_clone()?),
            None => Box::new(io::stdout()),
        };
        let to: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, to));
        let encoder = match format {
            Format::Table => Encoder::Table(Table::new(to, schema)),
            Format::Csv => {
                let mut writer = arrow_csv::Writer::new(to);
                // The header is written with the first batch.
                writer.write(&RecordBatch::new_empty(schema.clone()))?;
                Encoder::Csv(Box::new(writer))
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                Encoder::Parquet(Box::new(ArrowWriter::try_new(to, schema.clone(), Some(properties))?))
            }
            // Readers of VOTable on a terminal are people.
            Format::VoTable => {
                let serialisation =
                    if out.is_some() { Serialisation::Binary2 } else { Serialisation::Tabledata };
                // Rows that are on their way cannot tell whether a later one has letters beyond ASCII.
                let unicode = true;
                let options = WriterOptions { serialisation, unicode, ..WriterOptions::default() };
                Encoder::VoTable(Box::new(VoTable::new(to, schema, options)?))
            }
        };
        Ok(Rows { file, encoder, written: 0 })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        self.written += rows.num_rows() as u64;
        match &mut self.encoder {
            Encoder::Table(table) => table.write(rows)?,
            Encoder::Csv(writer) => writer.write(rows)?,
            Encoder::Parquet(writer) => writer.write(rows)?,
            Encoder::VoTable(writer) => writer.write(rows)?,
        }
        Ok(())
    }

    /// Completes the file and gives it its name; the rows and bytes written.
    pub(crate) fn finish(self) -> Result<(u64, u64), Failure> {
        match self.encoder {
            Encoder::Table(table) => table.finish()?,
            Encoder::Csv(writer) => writer.into_inner().flush()?,
            Encoder::Parquet(writer) => writer.into_inner()?.flush()?,
            Encoder::VoTable(writer) => writer.finish(Status::Ok)?.flush()?,
        }
        let Some(mut file) = self.file else { return Ok((self.written, 0)) };
        let bytes = file.file().metadata()?.len();
        file.publish(Durability::Process)?;
        Ok((self.written, bytes))
    }
}

/// Aligned columns: names, units where there are any, and a line a row.
struct Table {
    to: Box<dyn Write + Send>,
    /// Heads of the columns, and whether they are numbers.
    heads: Vec<(String, String, bool)>,
    /// Lines until the widths are known.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl Table {
    fn new(to: Box<dyn Write + Send>, schema: &SchemaRef) -> Self {
        let head = |field: &arrow_schema::FieldRef| {
            let unit = field.metadata().get("unit").cloned().unwrap_or_default();
            let right = field.data_type().is_numeric() || field.data_type() == &DataType::Boolean;
            (field.name().clone(), unit, right)
        };
        Table {
            to,
            heads: schema.fields().iter().map(head).collect(),
            waiting: Vec::new(),
            widths: Vec::new(),
        }
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        let options = FormatOptions::default();
        let columns: Vec<ArrayFormatter<'_>> = rows
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        for row in 0..rows.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            if !self.widths.is_empty() {
                self.line(&cells)?;
                continue;
            }
            self.waiting.push(cells);
            if self.waiting.len() == MEASURED {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let width = |column: usize| {
            let head = self.heads[column].0.chars().count().max(self.heads[column].1.chars().count());
            waiting.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0).min(WIDEST).max(head)
        };
        self.widths = (0..self.heads.len()).map(width).collect();
        let names: Vec<String> = self.heads.iter().map(|head| head.0.clone()).collect();
        let units: Vec<String> = self.heads.iter().map(|head| head.1.clone()).collect();
        self.line(&names)?;
        if units.iter().any(|unit| !unit.is_empty()) {
            self.line(&units)?;
        }
        waiting.iter().try_for_each(|cells| self.line(cells))
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, _, right)) in cells.iter().zip(&self.widths).zip(&self.heads) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            if *right {
                line.push_str(&format!("{cell:>width$}"));
            } else {
                line.push_str(&format!("{cell:<width$}"));
            }
        }
        writeln!(self.to, "{}", line.trim_end())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.widths.is_empty() {
            self.begin()?;
        }
        self.to.flush()
    }
}
