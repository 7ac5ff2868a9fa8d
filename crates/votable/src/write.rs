//! Record batches, one by one, as a document with one table.

mod base64;
mod cells;
mod elements;
mod plan;
mod time;
mod xml;

use std::collections::HashSet;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};

use self::base64::Lines;
use self::cells::Cells;
use self::plan::{Plan, Rules};
use crate::error::Misfit;
use crate::{Coosys, Error, Info, Param, Status, Timesys, keys};

/// Bytes that are gathered before they are handed on.
const BLOCK_BYTES: usize = 64 << 10;

/// How rows are put into a document (VOTable 1.5, sections 5.1, 5.3 and 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Serialisation {
    /// An XML element a cell: for people and for programs that know nothing else. Text may be any Unicode.
    Tabledata,
    /// Big-endian bytes in base64. Integers have null only as a number of their own.
    Binary,
    /// The same with a bit for null in front of each cell.
    #[default]
    Binary2,
}

/// How a document is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// How rows are put down.
    pub serialisation: Serialisation,
    /// The attribute `name` of the RESOURCE.
    pub resource_name: Option<String>,
    /// The attribute `type` of the RESOURCE; `results` is what DALI wants of a service's answer.
    pub resource_type: Option<String>,
    /// The attribute `name` of the TABLE; where it is `None`, [`keys::NAME`] in the metadata of the schema.
    pub table_name: Option<String>,
    /// The DESCRIPTION of the TABLE; where it is `None`, [`keys::DESCRIPTION`] in the metadata of the schema.
    pub description: Option<String>,
    /// The number of rows, if it is known, as the attribute `nrows` of the TABLE. It is not checked.
    pub rows: Option<u64>,
    /// Writes INFO QUERY_STATUS `OK` in front of the table, as DALI wants it of a service's answer.
    pub query_status: bool,
    /// More INFO elements in front of the table.
    pub infos: Vec<Info>,
    /// COOSYS elements in front of the table.
    pub coosys: Vec<Coosys>,
    /// TIMESYS elements in front of the table.
    pub timesys: Vec<Timesys>,
    /// PARAM elements in front of the table.
    pub params: Vec<Param>,
    /// Writes all text columns as `unicodeChar` instead of `char`.
    ///
    /// With `false`, those columns alone whose field has [`keys::DATATYPE`] `unicodeChar`. In BINARY and BINARY2 `char`
    /// is ASCII, and any other text in it an error.
    pub unicode: bool,
}

impl Default for WriterOptions {
    /// BINARY2, a RESOURCE of type `results` with its status, text as `char`, nothing else.
    fn default() -> Self {
        WriterOptions {
            serialisation: Serialisation::default(),
            resource_name: None,
            resource_type: Some("results".to_string()),
            table_name: None,
            description: None,
            rows: None,
            query_status: true,
            infos: Vec::new(),
            coosys: Vec::new(),
            timesys: Vec::new(),
            params: Vec::new(),
            unicode: false,
        }
    }
}

/// A document under way.
///
/// The header goes out when the writer is made, each batch when it is written; one batch is held in memory. Without
/// [`finish`](Writer::finish) the document has no end, which any reader takes for broken.
///
/// # Examples
/// See [`Reader`](crate::Reader).
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    plans: Vec<Plan>,
    types: Vec<DataType>,
    serialisation: Serialisation,
    /// What goes out next.
    block: Vec<u8>,
    lines: Lines,
    rows: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a document with a table of the columns of `schema`, and writes everything in front of the first row.
    ///
    /// # Errors
    /// [`Error::Schema`] for a type that has no counterpart in VOTable and for metadata that contradict their field, in
    /// which case nothing is written; [`Error::Io`].
    pub fn new(out: W, schema: impl AsRef<Schema>, options: WriterOptions) -> Result<Self, Error> {
        let schema = schema.as_ref();
        let rules = Rules { serialisation: options.serialisation, unicode: options.unicode };
        let plans = schema.fields().iter().map(|field| Plan::of(field, rules)).collect::<Result<_, _>>()?;
        let mut writer = Writer {
            out,
            plans,
            types: schema.fields().iter().map(|field| field.data_type().clone()).collect(),
            serialisation: options.serialisation,
            block: Vec::with_capacity(BLOCK_BYTES),
            lines: Lines::default(),
            rows: 0,
        };
        writer.header(schema, &options);
        writer.hand_on()?;
        Ok(writer)
    }

    /// Appends the rows of a batch, whose columns must have the types of the schema; names are not compared.
    ///
    /// # Errors
    /// [`Error::Batch`] for a batch of other columns, nothing of which is written then. [`Error::Value`] for a value that
    /// cannot be written: the rows in front of it are, and [`finish`](Writer::finish) with [`Status::Error`] makes a
    /// valid document of them. [`Error::Io`], after which the document is of no use.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.check(batch)?;
        let columns: Vec<Box<dyn Cells + '_>> =
            batch.columns().iter().zip(&self.plans).map(|(array, plan)| cells::cells(array, plan)).collect();
        let mut failure = None;
        for row in 0..batch.num_rows() {
            let written = match self.serialisation {
                Serialisation::Tabledata => tabledata_row(&columns, row, &mut self.block),
                Serialisation::Binary => binary_row(&columns, row, &mut self.lines.raw),
                Serialisation::Binary2 => binary2_row(&columns, row, &mut self.lines.raw),
            };
            if let Err((column, Misfit { found, wanted })) = written {
                let column = self.plans[column].field.name().clone();
                failure = Some(Error::Value { column, row: self.rows, found, wanted });
                break;
            }
            self.rows += 1;
            if self.block.len() + self.lines.raw.len() >= BLOCK_BYTES {
                self.lines.encode(&mut self.block, false);
                self.out.write_all(&self.block).map_err(write_error)?;
                self.block.clear();
            }
        }
        self.lines.encode(&mut self.block, false);
        self.hand_on()?;
        failure.map_or(Ok(()), Err)
    }

    /// Ends the document and gives back what it was written to, flushed.
    ///
    /// With [`Status::Overflow`] and [`Status::Error`] an INFO behind the table says so (DALI 1.1, section 4.4.1).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self, status: Status) -> Result<W, Error> {
        self.lines.encode(&mut self.block, true);
        self.block.extend_from_slice(match self.serialisation {
            Serialisation::Tabledata => b"</TABLEDATA></DATA>\n</TABLE>\n",
            Serialisation::Binary => b"</STREAM></BINARY></DATA>\n</TABLE>\n",
            Serialisation::Binary2 => b"</STREAM></BINARY2></DATA>\n</TABLE>\n",
        });
        if status != Status::Ok {
            info(&status.info(), &mut self.block);
        }
        self.block.extend_from_slice(b"</RESOURCE>\n</VOTABLE>\n");
        self.hand_on()?;
        self.out.flush().map_err(write_error)?;
        Ok(self.out)
    }

    /// The number of rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What the document is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// What the document is written to; of a `Vec`, what was written so far can be taken and sent away.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), Error> {
        if batch.num_columns() != self.types.len() {
            let found = format!("{} columns", batch.num_columns());
            return Err(Error::Batch { found, wanted: format!("{}, as in the schema", self.types.len()) });
        }
        for ((array, wanted), plan) in batch.columns().iter().zip(&self.types).zip(&self.plans) {
            if array.data_type() != wanted {
                let found = format!("type {} in column {}", array.data_type(), plan.field.name());
                return Err(Error::Batch { found, wanted: format!("{wanted}, as in the schema") });
            }
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        self.out.write_all(&self.block).map_err(write_error)?;
        self.block.clear();
        Ok(())
    }

    /// Everything in front of the first row.
    fn header(&mut self, schema: &Schema, options: &WriterOptions) {
        let out = &mut self.block;
        let later = options.coosys.iter().any(|coosys| coosys.refposition.is_some());
        begin(if later { "1.5" } else { "1.4" }, out);
        out.extend_from_slice(b"<RESOURCE");
        optional("name", options.resource_name.as_deref(), out);
        optional("type", options.resource_type.as_deref(), out);
        out.extend_from_slice(b">\n");
        if options.query_status {
            info(&Status::Ok.info(), out);
        }
        options.infos.iter().for_each(|item| info(item, out));
        let mut ids = HashSet::new();
        let mut id = |id: &str, out: &mut Vec<u8>| {
            if xml::is_id(id) && ids.insert(id.to_string()) {
                xml::attribute("ID", id, out);
            }
        };
        for coosys in &options.coosys {
            out.extend_from_slice(b"<COOSYS");
            id(&coosys.id, out);
            xml::attribute("system", &coosys.system, out);
            optional("equinox", coosys.equinox.as_deref(), out);
            optional("epoch", coosys.epoch.as_deref(), out);
            optional("refposition", coosys.refposition.as_deref(), out);
            out.extend_from_slice(b"/>\n");
        }
        for timesys in &options.timesys {
            out.extend_from_slice(b"<TIMESYS");
            id(&timesys.id, out);
            optional("timeorigin", timesys.timeorigin.as_deref(), out);
            xml::attribute("timescale", &timesys.timescale, out);
            xml::attribute("refposition", &timesys.refposition, out);
            out.extend_from_slice(b"/>\n");
        }
        for param in &options.params {
            out.extend_from_slice(b"<PARAM");
            id(param.id.as_deref().unwrap_or(""), out);
            append_param(param, out);
        }
        let metadata = |key: &str| schema.metadata().get(key).map(String::as_str).filter(|it| !it.is_empty());
        out.extend_from_slice(b"<TABLE");
        id(metadata(keys::ID).unwrap_or(""), out);
        optional("name", options.table_name.as_deref().or(metadata(keys::NAME)), out);
        optional("ucd", metadata(keys::UCD), out);
        optional("utype", metadata(keys::UTYPE), out);
        optional("nrows", options.rows.map(|rows| rows.to_string()).as_deref(), out);
        out.extend_from_slice(b">\n");
        description(options.description.as_deref().or(metadata(keys::DESCRIPTION)), out);
        self.plans.iter().for_each(|plan| plan.append_field(&mut ids, out));
        out.extend_from_slice(match options.serialisation {
            Serialisation::Tabledata => b"<DATA><TABLEDATA>\n",
            Serialisation::Binary => b"<DATA><BINARY><STREAM encoding=\"base64\">\n",
            Serialisation::Binary2 => b"<DATA><BINARY2><STREAM encoding=\"base64\">\n",
        });
    }
}

/// Writes the document by which a service says that it failed (DALI 1.1, section 4.2 and 4.4.2).
///
/// Characters that XML cannot have are replaced by U+FFFD.
///
/// ```
/// let document = uranometria_votable::error_document("no table `gaia.sorce`");
/// assert!(document.contains(r#"<INFO name="QUERY_STATUS" value="ERROR">no table `gaia.sorce`</INFO>"#));
/// ```
pub fn error_document(message: &str) -> String {
    let mut out = Vec::new();
    begin("1.4", &mut out);
    out.extend_from_slice(b"<RESOURCE type=\"results\">\n");
    info(&Status::Error(message.to_string()).info(), &mut out);
    out.extend_from_slice(b"</RESOURCE>\n</VOTABLE>\n");
    String::from_utf8_lossy(&out).into_owned()
}

fn write_error(source: std::io::Error) -> Error {
    Error::Io { action: "write the document", source }
}

fn begin(version: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<VOTABLE");
    xml::attribute("version", version, out);
    xml::attribute("xmlns", "http://www.ivoa.net/xml/VOTable/v1.3", out);
    out.extend_from_slice(b">\n");
}

fn optional(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        xml::attribute(name, value, out);
    }
}

fn description(text: Option<&str>, out: &mut Vec<u8>) {
    if let Some(text) = text {
        out.extend_from_slice(b"<DESCRIPTION>");
        xml::content(text, out);
        out.extend_from_slice(b"</DESCRIPTION>\n");
    }
}

fn info(info: &Info, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<INFO");
    xml::attribute("name", &info.name, out);
    xml::attribute("value", &info.value, out);
    if info.text.is_empty() {
        out.extend_from_slice(b"/>\n");
    } else {
        out.push(b'>');
        xml::content(&info.text, out);
        out.extend_from_slice(b"</INFO>\n");
    }
}

/// The rest of a PARAM behind its ID.
fn append_param(param: &Param, out: &mut Vec<u8>) {
    xml::attribute("name", &param.name, out);
    xml::attribute("datatype", &param.datatype, out);
    optional("arraysize", param.arraysize.as_deref(), out);
    xml::attribute("value", &param.value, out);
    optional("unit", param.unit.as_deref(), out);
    optional("ucd", param.ucd.as_deref(), out);
    optional("utype", param.utype.as_deref(), out);
    optional("xtype", param.xtype.as_deref(), out);
    if param.description.is_some() {
        out.extend_from_slice(b">\n");
        description(param.description.as_deref(), out);
        out.extend_from_slice(b"</PARAM>\n");
    } else {
        out.extend_from_slice(b"/>\n");
    }
}

/// Appends a row, or nothing and the number of the column that does not fit.
fn tabledata_row(
    columns: &[Box<dyn Cells + '_>],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), (usize, Misfit)> {
    let start = out.len();
    out.extend_from_slice(b"<TR>");
    for (n, column) in columns.iter().enumerate() {
        if column.is_null(row) {
            out.extend_from_slice(b"<TD/>");
            continue;
        }
        out.extend_from_slice(b"<TD>");
        if let Err(misfit) = column.text(row, out) {
            out.truncate(start);
            return Err((n, misfit));
        }
        out.extend_from_slice(b"</TD>");
    }
    out.extend_from_slice(b"</TR>\n");
    Ok(())
}

fn binary_row(columns: &[Box<dyn Cells + '_>], row: usize, out: &mut Vec<u8>) -> Result<(), (usize, Misfit)> {
    let start = out.len();
    for (n, column) in columns.iter().enumerate() {
        if let Err(misfit) = column.binary(row, out) {
            out.truncate(start);
            return Err((n, misfit));
        }
    }
    Ok(())
}

fn binary2_row(
    columns: &[Box<dyn Cells + '_>],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), (usize, Misfit)> {
    let start = out.len();
    out.resize(start + columns.len().div_ceil(8), 0);
    for (n, column) in columns.iter().enumerate() {
        if column.is_null(row) {
            // The highest bit is the first column's.
            out[start + n / 8] |= 0x80 >> (n % 8);
            column.fill(out);
        } else if let Err(misfit) = column.binary(row, out) {
            out.truncate(start);
            return Err((n, misfit));
        }
    }
    Ok(())
}
