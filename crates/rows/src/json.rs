//! An object with the columns and the rows.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_json::EncoderOptions;
use arrow_json::writer::make_encoder;
use arrow_schema::{FieldRef, Schema};
use serde_json::Value;
use uranometria_fits::arrow::keys;

use crate::Error;

pub(crate) struct Json<W> {
    to: W,
    first: bool,
    buffer: Vec<u8>,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(mut to: W, schema: &Schema) -> Result<Self, Error> {
        let column = |field: &FieldRef| {
            let datatype = field.data_type().to_string();
            let mut about = vec![("name", field.name().as_str()), ("datatype", datatype.as_str())];
            for key in [keys::UNIT, keys::UCD, keys::DESCRIPTION, "xtype"] {
                about.extend(field.metadata().get(key).map(|value| (key, value.as_str())));
            }
            let about = about.iter().map(|(key, value)| format!("\"{key}\":{}", Value::from(*value)));
            format!("{{{}}}", about.collect::<Vec<_>>().join(","))
        };
        let columns = schema.fields().iter().map(column).collect::<Vec<_>>().join(",\n");
        write!(to, "{{\"metadata\": [{columns}],\n\"data\": [")?;
        Ok(Json { to, first: true, buffer: Vec::new() })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let options = EncoderOptions::default();
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
            columns.push(make_encoder(field, column, &options)?);
        }
        for row in 0..rows.num_rows() {
            self.buffer.extend_from_slice(if self.first { b"\n[" } else { b",\n[" });
            self.first = false;
            for (n, column) in columns.iter_mut().enumerate() {
                if n > 0 {
                    self.buffer.push(b',');
                }
                if column.is_null(row) {
                    self.buffer.extend_from_slice(b"null");
                } else {
                    column.encode(row, &mut self.buffer);
                }
            }
            self.buffer.push(b']');
        }
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    pub(crate) fn finish(mut self, cut: bool) -> Result<W, Error> {
        writeln!(self.to, "\n],\n\"overflow\": {cut}}}")?;
        Ok(self.to)
    }
}
