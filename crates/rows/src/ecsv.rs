//! CSV behind a header that says what its columns are (Astropy Proposal for Enhancement 6).
//!
//! Strings of JSON are strings of YAML too, but for letters that YAML has no place for, which are escaped.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_csv::QuoteStyle;
use arrow_json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema};
use serde_json::Value;
use uranometria_fits::arrow::keys;

use crate::Error;

pub(crate) struct Ecsv<W: Write> {
    csv: arrow_csv::Writer<W>,
    /// The columns as text has them.
    schema: Arc<Schema>,
}

/// How a column is written: its type, and that of the elements of lists.
fn kind(field: &Field) -> Result<(&'static str, Option<String>), Error> {
    let refused = || {
        let columns = vec![format!("{} ({})", field.name(), field.data_type())];
        Err(Error::Columns { format: "ECSV", columns })
    };
    Ok(match field.data_type() {
        DataType::Boolean => ("bool", None),
        DataType::Int8 => ("int8", None),
        DataType::Int16 => ("int16", None),
        DataType::Int32 => ("int32", None),
        DataType::Int64 => ("int64", None),
        DataType::UInt8 => ("uint8", None),
        DataType::UInt16 => ("uint16", None),
        DataType::UInt32 => ("uint32", None),
        DataType::UInt64 => ("uint64", None),
        DataType::Float16 | DataType::Float32 => ("float32", None),
        DataType::Float64 => ("float64", None),
        DataType::List(element) | DataType::LargeList(element) => match kind(element)? {
            (element, None) => ("string", Some(format!("{element}[null]"))),
            _ => return refused(),
        },
        DataType::FixedSizeList(element, len) => match kind(element)? {
            (element, None) => ("string", Some(format!("{element}[{len}]"))),
            _ => return refused(),
        },
        other if other.is_nested() => return refused(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            return refused();
        }
        // Text, and what is written as text: times, decimals, intervals.
        _ => ("string", None),
    })
}

impl<W: Write> Ecsv<W> {
    pub(crate) fn new(mut to: W, schema: &Schema) -> Result<Self, Error> {
        let mut header = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n".to_string();
        let mut fields = Vec::new();
        for field in schema.fields() {
            let (data_type, subtype) = kind(field)?;
            header.push_str(&format!("# - {{name: {}, datatype: {data_type}", quoted(field.name())));
            let about = |key: &str| field.metadata().get(key).filter(|value| !value.is_empty());
            for (key, value) in [("subtype", subtype.as_ref()), ("unit", about(keys::UNIT))] {
                if let Some(value) = value {
                    header.push_str(&format!(", {key}: {}", quoted(value)));
                }
            }
            if let Some(value) = about(keys::DESCRIPTION) {
                header.push_str(&format!(", description: {}", quoted(value)));
            }
            if let Some(value) = about(keys::UCD) {
                header.push_str(&format!(", meta: {{ucd: {}}}", quoted(value)));
            }
            header.push_str("}\n");
            let data_type = match field.data_type() {
                _ if subtype.is_some() || data_type == "bool" => DataType::Utf8,
                DataType::Float16 => DataType::Float32,
                other => other.clone(),
            };
            fields.push(Field::new(field.name(), data_type, field.is_nullable()));
        }
        to.write_all(header.as_bytes())?;
        let schema = Arc::new(Schema::new(fields));
        // A line that begins with `#` would be a comment.
        let comments = schema.fields().first().is_some_and(|field| {
            !field.data_type().is_numeric() && field.data_type() != &DataType::Boolean
                || field.name().starts_with('#')
        });
        let style = if comments { QuoteStyle::NonNumeric } else { QuoteStyle::Necessary };
        let mut csv = arrow_csv::WriterBuilder::new().with_quote_style(style).build(to);
        // The names are written with the first batch.
        csv.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(Ecsv { csv, schema })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let columns = rows.schema_ref().fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, column)| as_text(field, column)).collect::<Result<_, _>>()?;
        Ok(self.csv.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?)
    }

    pub(crate) fn finish(self) -> W {
        self.csv.into_inner()
    }
}

/// A string of JSON, with all letters escaped that YAML does not take for printable.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for letter in Value::from(text).to_string().chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => out.push(other),
        }
    }
    out
}

/// Writes the numbers that JSON lacks as Python's does: NaN, Infinity.
#[derive(Debug)]
struct AsPython;

struct Floats(Vec<f64>, bool);

impl Encoder for Floats {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0[row];
        let text = match value {
            _ if value.is_nan() => "NaN".to_string(),
            _ if value.is_infinite() => (if value > 0.0 { "Infinity" } else { "-Infinity" }).to_string(),
            _ if self.1 => format!("{:?}", value as f32),
            _ => format!("{value:?}"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

impl EncoderFactory for AsPython {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !array.data_type().is_floating() {
            return Ok(None);
        }
        let single = array.data_type() != &DataType::Float64;
        let values = cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec();
        Ok(Some(NullableEncoder::new(Box::new(Floats(values, single)), array.nulls().cloned())))
    }
}

/// Booleans as Python writes them, lists as JSON, and all others as they are.
fn as_text(field: &FieldRef, column: &ArrayRef) -> Result<ArrayRef, Error> {
    match field.data_type() {
        DataType::Boolean => {
            let word = |value: bool| if value { "True" } else { "False" };
            let words = column.as_boolean().iter().map(|value| value.map(word));
            Ok(Arc::new(words.collect::<StringArray>()))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            let options = EncoderOptions::default().with_encoder_factory(Arc::new(AsPython));
            let mut encoder = make_encoder(field, column, &options)?;
            let texts = (0..column.len()).map(|row| {
                (!encoder.is_null(row)).then(|| {
                    let mut text = Vec::new();
                    encoder.encode(row, &mut text);
                    String::from_utf8_lossy(&text).into_owned()
                })
            });
            Ok(Arc::new(texts.collect::<StringArray>()))
        }
        DataType::Float16 => Ok(cast(column, &DataType::Float32)?),
        _ => Ok(column.clone()),
    }
}
