use std::io::Write;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uranometria_votable::{Serialisation, Status, Writer as VoTable, WriterOptions};

use crate::ecsv::Ecsv;
use crate::fits::Fits;
use crate::json::Json;
use crate::table::Table;
use crate::{Error, Format};

/// Whether rows are all there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// They are.
    #[default]
    All,
    /// A limit was reached; VOTable, JSON and tables for people say so.
    Cut,
}

/// Rows under way to wherever bytes go.
pub struct Encoder<W: Write + Send> {
    kind: Kind<W>,
    schema: SchemaRef,
    written: u64,
}

enum Kind<W: Write + Send> {
    Table(Table<W>),
    Csv(arrow_csv::Writer<W>),
    Ecsv(Ecsv<W>),
    Json(Json<W>),
    Fits(Box<Fits<W>>),
    Parquet(Box<ArrowWriter<W>>),
    VoTable(Box<VoTable<W>>),
}

impl<W: Write + Send> Encoder<W> {
    /// Begins to write batches of a schema. Bytes go out in small pieces: give it something buffered.
    ///
    /// # Errors
    /// [`Error::Columns`] for types that the format cannot hold, of FITS and VOTable [`Error::Fits`] and
    /// [`Error::VoTable`]; [`Error::Io`].
    pub fn new(to: W, schema: &SchemaRef, format: Format) -> Result<Self, Error> {
        let schema = &plain(schema);
        let unions = schema.fields().iter().filter(|field| has_union(field.data_type()));
        let columns: Vec<String> = unions.map(|field| format!("{} (a union)", field.name())).collect();
        if !columns.is_empty() {
            return Err(Error::Columns { format: "a file of rows", columns });
        }
        let kind = match format {
            Format::Table => Kind::Table(Table::new(to, schema)),
            Format::Csv => Kind::Csv(csv(to, schema, b',', "CSV")?),
            Format::Tsv => Kind::Csv(csv(to, schema, b'\t', "TSV")?),
            Format::Ecsv => Kind::Ecsv(Ecsv::new(to, schema)?),
            Format::Json => Kind::Json(Json::new(to, schema)?),
            Format::Fits => Kind::Fits(Box::new(Fits::new(to, schema)?)),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                Kind::Parquet(Box::new(ArrowWriter::try_new(to, schema.clone(), Some(properties))?))
            }
            Format::VoTable(serialisation) => {
                // Rows that are on their way cannot tell whether a later one has letters beyond ASCII; in TABLEDATA
                // that is no matter.
                let unicode = serialisation != Serialisation::Tabledata;
                let options = WriterOptions { serialisation, unicode, ..WriterOptions::default() };
                Kind::VoTable(Box::new(VoTable::new(to, schema, options)?))
            }
        };
        Ok(Encoder { kind, schema: schema.clone(), written: 0 })
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// Those of the format, and [`Error::Io`]; then the encoder is of no use any more.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let columns = rows.columns().iter().zip(self.schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(column.clone());
            }
            cast(column, field.data_type())
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = &RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        self.written += rows.num_rows() as u64;
        match &mut self.kind {
            Kind::Table(table) => table.write(rows)?,
            Kind::Csv(writer) => writer.write(rows)?,
            Kind::Ecsv(writer) => writer.write(rows)?,
            Kind::Json(writer) => writer.write(rows)?,
            Kind::Fits(writer) => writer.write(rows)?,
            Kind::Parquet(writer) => writer.write(rows)?,
            Kind::VoTable(writer) => writer.write(rows)?,
        }
        Ok(())
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.written
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Writes what comes behind the last row, and gives back where it went, flushed.
    ///
    /// # Errors
    /// As [`Encoder::write`].
    pub fn finish(self, ending: Ending) -> Result<W, Error> {
        let cut = ending == Ending::Cut;
        let mut to = match self.kind {
            Kind::Table(table) => table.finish(cut)?,
            Kind::Csv(writer) => writer.into_inner(),
            Kind::Ecsv(writer) => writer.finish(),
            Kind::Json(writer) => writer.finish(cut)?,
            Kind::Fits(writer) => writer.finish()?,
            Kind::Parquet(writer) => writer.into_inner()?,
            Kind::VoTable(writer) => writer.finish(if cut { Status::Overflow } else { Status::Ok })?,
        };
        to.flush()?;
        Ok(to)
    }
}

/// The columns without dictionaries, which are of use in memory alone.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &FieldRef| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()).with_nullable(true))
        }
        _ => field.clone(),
    };
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Whether a union is in a type: few formats know what to do with one.
fn has_union(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_union(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_union(field.data_type())),
        _ => false,
    }
}

fn csv<W: Write>(
    to: W,
    schema: &Schema,
    delimiter: u8,
    format: &'static str,
) -> Result<arrow_csv::Writer<W>, Error> {
    let nested = schema.fields().iter().filter(|field| field.data_type().is_nested());
    let columns: Vec<String> = nested.map(|field| format!("{} (a list)", field.name())).collect();
    if !columns.is_empty() {
        return Err(Error::Columns { format, columns });
    }
    let mut writer = arrow_csv::WriterBuilder::new().with_delimiter(delimiter).build(to);
    // The names are written with the first batch.
    writer.write(&RecordBatch::new_empty(schema.clone().into()))?;
    Ok(writer)
}
