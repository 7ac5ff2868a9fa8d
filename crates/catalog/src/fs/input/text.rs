//! Tables of text: CSV and TSV with a line of names, and ECSV, whose header says types, units and descriptions as
//! YAML in comments (Astropy Proposal for Enhancement 6; the Gaia archive's files are such). Gzipped or not.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow_csv::reader::{Format, ReaderBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use flate2::bufread::MultiGzDecoder;
use regex::Regex;
use uranometria_fits::SourceReader;
use uranometria_fits::arrow::keys;
use yaml_rust2::parser::{Event, EventReceiver, Parser};
use yaml_rust2::{Yaml, YamlLoader};

use super::{BATCH, Batches};
use crate::Error;
use crate::fs::{Control, storage};

/// Bytes of a buffer between file and decoder.
const BUFFER: usize = 1 << 18;

/// The longest header of ECSV that is read.
const MOST_HEADER: usize = 1 << 20;

/// How far a line of such a header may be indented: YAML is read by recursion.
const MOST_INDENT: usize = 64;

/// Bytes that are looked at to find out how a table is written.
const HEAD: u64 = 1 << 16;

/// The first bytes of a gzipped file.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes of a file from its beginning, unpacked where they are gzipped.
pub(super) fn open(path: &Path, packed: bool) -> Result<Box<dyn BufRead + Send>, Error> {
    let file = storage::open(path).map_err(|source| Error::io("open it", source))?;
    let bytes = BufReader::with_capacity(BUFFER, SourceReader::new(file, 0));
    Ok(match packed {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(bytes))),
        false => Box::new(bytes),
    })
}

/// Bytes that end with an error where nobody waits for them.
struct Watched<'a, R> {
    bytes: R,
    control: &'a Control<'a>,
}

impl<R: BufRead> Watched<'_, R> {
    fn check(&self) -> io::Result<()> {
        self.control.check().map_err(|error| io::Error::other(error.to_string()))
    }
}

impl<R: BufRead> Read for Watched<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.bytes.read(into)
    }
}

impl<R: BufRead> BufRead for Watched<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.bytes.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
    }
}

/// How a table of text is read.
#[derive(Debug)]
pub(super) struct Text {
    packed: bool,
    delimiter: u8,
    /// Bytes of the comments before the line of names; 0 where it is no ECSV.
    comments: u64,
    schema: SchemaRef,
}

impl Text {
    /// Finds out how a table is written; where it does not say so, the types of its columns are those that all values
    /// have.
    pub(super) fn open(path: &Path, packed: bool, control: &Control<'_>) -> Result<Self, Error> {
        let read = |source| control.check().err().unwrap_or_else(|| Error::io("read it", source));
        let mut bytes = Watched { bytes: open(path, packed)?, control };
        let mut head = Vec::new();
        bytes.by_ref().take(HEAD).read_to_end(&mut head).map_err(read)?;
        let mut bytes = io::Cursor::new(head.clone()).chain(bytes);
        let (header, comments) = comments(&mut bytes)?;
        if comments > 0 {
            let (delimiter, fields) = ecsv(&header)?;
            let schema = Arc::new(Schema::new(fields));
            return Ok(Text { packed, delimiter, comments, schema });
        }
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let tabs = line.contains(&b'\t') && !line.contains(&b',');
        let delimiter = if tabs { b'\t' } else { b',' };
        let (schema, _) =
            Format::default().with_header(true).with_delimiter(delimiter).infer_schema(bytes, None).map_err(
                |error| {
                    let told = Error::arrow("find the types of its columns");
                    control.check().err().unwrap_or_else(|| told(error))
                },
            )?;
        Ok(Text { packed, delimiter, comments: 0, schema: Arc::new(schema) })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether the table says the types of its columns.
    pub(super) fn is_firm(&self) -> bool {
        self.comments > 0
    }

    /// Makes columns be read as those of the same names: a number that is text elsewhere keeps its leading zeros.
    pub(super) fn read_as(&mut self, fields: &[Field]) {
        let own = self.schema.fields().iter().map(|field| {
            let wanted = fields.iter().find(|wanted| wanted.name() == field.name());
            let data_type = wanted.map_or(field.data_type(), Field::data_type);
            field.as_ref().clone().with_data_type(data_type.clone())
        });
        self.schema = Arc::new(Schema::new(own.collect::<Vec<_>>()));
    }

    /// Some columns, ascending, of all rows.
    pub(super) fn batches(&self, path: &Path, columns: Vec<usize>) -> Result<Batches, Error> {
        let mut bytes = open(path, self.packed)?;
        let skipped = io::copy(&mut bytes.by_ref().take(self.comments), &mut io::sink());
        skipped.map_err(|source| Error::io("read it", source))?;
        let mut reader = ReaderBuilder::new(self.schema.clone())
            .with_header(true)
            .with_header_validation(self.is_firm())
            .with_delimiter(self.delimiter)
            .with_batch_size(BATCH)
            .with_projection(columns);
        if self.is_firm() {
            // What the Gaia archive writes where a value is missing; an empty field means the same.
            let null =
                Regex::new("^(null)?$").map_err(|error| Error::io("read it", io::Error::other(error)))?;
            reader = reader.with_null_regex(null);
        }
        let action = if self.is_firm() {
            "read its rows (lines are counted behind its comments)"
        } else {
            "read its rows"
        };
        let reader = reader.build_buffered(bytes).map_err(Error::arrow(action))?;
        Ok(Box::new(reader.map(move |batch| batch.map_err(Error::arrow(action)))))
    }
}

/// The comments before the line of names if they are those of ECSV, without their signs, and their bytes.
fn comments(bytes: &mut impl BufRead) -> Result<(String, u64), Error> {
    const FIRST: &[u8] = b"# %ECSV ";
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let read = |source| Error::io("read it", source);
    let (mut text, mut count, mut line) = (String::new(), 0, Vec::new());
    let head = bytes.fill_buf().map_err(read)?;
    let mark = if head.starts_with(MARK) { MARK.len() } else { 0 };
    if !head[mark..].starts_with(FIRST) {
        return Ok((text, 0));
    }
    bytes.consume(mark);
    count += mark;
    while bytes.fill_buf().map_err(read)?.first() == Some(&b'#') {
        line.clear();
        count += bytes.take(MOST_HEADER as u64).read_until(b'\n', &mut line).map_err(read)?;
        if count > MOST_HEADER {
            return Err(Error::Ecsv { found: format!("more than {MOST_HEADER} bytes of comments") });
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_prefix("# ").or(line.strip_prefix('#')).unwrap_or(&line);
        if !line.starts_with("%ECSV ") {
            text.push_str(line);
        }
    }
    Ok((text, count as u64))
}

fn wrong(what: impl Into<String>, found: impl Into<String>, wanted: &'static str) -> Error {
    Error::ColumnType { column: what.into(), found: found.into(), wanted }
}

/// Whether a document has aliases, each of which may stand for any number of others.
struct Plain {
    aliases: bool,
}

impl EventReceiver for Plain {
    fn on_event(&mut self, event: Event) {
        self.aliases |= matches!(event, Event::Alias(_));
    }
}

/// The delimiter and the columns of a header of ECSV.
fn ecsv(header: &str) -> Result<(u8, Vec<Field>), Error> {
    let bad = |found: String| Error::Ecsv { found };
    // What is said of the table as a whole may have any form.
    let mut of_table = false;
    let of_columns = |line: &&str| {
        if !line.starts_with([' ', '-', '\t']) || line.starts_with("---") {
            of_table = line.starts_with("meta:");
        }
        !of_table
    };
    let header = header.split_inclusive('\n').filter(of_columns).collect::<String>();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t', '-', '?', ':']).len();
    if let Some(line) = header.lines().find(|line| indent(line) > MOST_INDENT) {
        return Err(bad(format!("a line indented by {} letters", indent(line))));
    }
    let mut events = Plain { aliases: false };
    Parser::new_from_str(&header).load(&mut events, true).map_err(|error| bad(error.to_string()))?;
    if events.aliases {
        return Err(bad("an alias".to_string()));
    }
    let documents = YamlLoader::load_from_str(&header).map_err(|error| bad(error.to_string()))?;
    let document = documents.first().ok_or_else(|| bad("nothing".to_string()))?;
    let delimiter = match document["delimiter"].as_str() {
        None => b' ',
        Some(text) if text.len() == 1 => text.as_bytes()[0],
        Some(other) => return Err(bad(format!("delimiter {other:?}"))),
    };
    let columns = document["datatype"].as_vec().ok_or_else(|| bad("no datatype".to_string()))?;
    let field = |column: &Yaml| {
        let name = column["name"].as_str().ok_or_else(|| bad("a column without name".to_string()))?;
        let data_type = column["datatype"].as_str().unwrap_or("nothing");
        // Arrays and objects are kept as the JSON that they are.
        let kind = match (data_type, column["subtype"].as_str()) {
            (_, Some(_)) => DataType::Utf8,
            ("bool", _) => DataType::Boolean,
            ("int8", _) => DataType::Int8,
            ("int16", _) => DataType::Int16,
            ("int32", _) => DataType::Int32,
            ("int64", _) => DataType::Int64,
            ("uint8", _) => DataType::UInt8,
            ("uint16", _) => DataType::UInt16,
            ("uint32", _) => DataType::UInt32,
            ("uint64", _) => DataType::UInt64,
            ("float16" | "float32", _) => DataType::Float32,
            ("float64" | "float128", _) => DataType::Float64,
            ("string", _) => DataType::Utf8,
            (other, _) => return Err(wrong(name, other, "a type of ECSV but complex, as float64 or string")),
        };
        let mut about = HashMap::new();
        let mut tell = |key: &str, value: &Yaml| {
            if let Some(text) = value.as_str() {
                about.insert(key.to_string(), text.to_string());
            }
        };
        tell(keys::UNIT, &column["unit"]);
        tell(keys::DESCRIPTION, &column["description"]);
        // An ordered mapping is a list of mappings of one each.
        for key in ["ucd", "UCD"] {
            tell(keys::UCD, &column["meta"][key]);
            column["meta"].as_vec().into_iter().flatten().for_each(|meta| tell(keys::UCD, &meta[key]));
        }
        Ok(Field::new(name, kind, true).with_metadata(about))
    };
    Ok((delimiter, columns.iter().map(field).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_types_units_and_descriptions() {
        let header = "---\ndelimiter: ','\ndatatype:\n\
            - {name: ra, unit: deg, datatype: float64, description: Right ascension, meta: {ucd: pos.eq.ra}}\n\
            - name: flags\n  datatype: string\n  subtype: int64[3]\n  meta: !!omap\n  - {ucd: meta.code}\n\
            meta: !!omap\n- {epoch: 2016.0}\n";
        let (delimiter, fields) = ecsv(header).unwrap();
        assert_eq!(delimiter, b',');
        let told: Vec<(&str, &DataType)> =
            fields.iter().map(|field| (field.name().as_str(), field.data_type())).collect();
        assert_eq!(told, [("ra", &DataType::Float64), ("flags", &DataType::Utf8)]);
        assert_eq!(fields[0].metadata()[keys::UNIT], "deg");
        assert_eq!(fields[0].metadata()[keys::DESCRIPTION], "Right ascension");
        assert_eq!([0, 1].map(|n| fields[n].metadata()[keys::UCD].clone()), ["pos.eq.ra", "meta.code"]);
        let header = "meta: {a: &x [1], b: *x}\n  - {c: 1}\ndatatype:\n- {name: ra, datatype: int8}\nmeta:\n- *y\ndelimiter: ';'\n";
        assert_eq!(ecsv(header).unwrap().0, b';');
        for (bad, told) in [
            ("", "nothing"),
            ("datatype: 5", "no datatype"),
            ("delimiter: ab", "delimiter"),
            ("datatype:\n- {datatype: int8}", "without name"),
            ("datatype:\n- {name: z, datatype: complex64}", "z is complex64"),
            ("a: [", "while parsing"),
            (&"- ".repeat(50_000), "a line indented by 100000 letters"),
            (&("a: ".to_string() + &"[".repeat(50_000)), "recursion limit"),
            ("a: &a [1, 1]\nb: [*a, *a]", "an alias"),
        ] {
            let error = ecsv(bad).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
