//! The decoder of packets of one schema.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema as ArrowSchema, SchemaRef};

use super::column::{Record, arrays};
use super::compile::{Compiler, Of};
use super::cursor::{Cursor, Damage};
use super::skip::{Side, Skips};
use super::{Projection, meta};
use crate::Error;
use crate::schema::{Kind, Schema, Type};

/// What is decoded, and as what.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions<'a> {
    /// The schema that is wanted, where it is not the writer's: its fields in its order, of its types, by default where
    /// the writer has none; behind them those that only the writer has.
    pub reader: Option<&'a Schema>,
    /// The fields that are wanted.
    pub projection: Projection,
}

/// Reads packets of one schema into columns.
///
/// ```
/// use uranometria_alert::{DecodeOptions, Decoder, Schema};
///
/// let schema = Schema::parse(r#"{"type": "record", "name": "alert", "fields":
///     [{"name": "id", "type": "long"}, {"name": "mag", "type": ["null", "float"]}]}"#)?;
/// let mut decoder = Decoder::new(&schema, &DecodeOptions::default())?;
/// decoder.decode(&[0x54, 0x00])?;
/// let damage = decoder.decode(&[0x54, 0x04]).unwrap_err();
/// assert_eq!(damage.to_string(), "mag, byte 1: found branch 2 of a union, expected 0 to 1");
/// assert_eq!(decoder.finish()?.num_rows(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    root: Record,
    skips: Skips,
    schema: SchemaRef,
    bytes: usize,
    /// Bytes of columns that take none in packets.
    made: usize,
}

/// The most bytes of a batch that take none in packets: what stands under nulls.
const MOST_MADE: usize = 1 << 30;

/// How far a decoder has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    rows: usize,
    bytes: usize,
    made: usize,
}

impl Decoder {
    /// Makes a decoder for packets that were written by a schema.
    ///
    /// # Errors
    /// [`Error::Schema`] where the schema is none of a record or contains itself in what is wanted;
    /// [`Error::Resolution`] where the reader's schema wants what the writer's does not give.
    pub fn new(writer: &Schema, options: &DecodeOptions<'_>) -> Result<Self, Error> {
        for schema in [Some(writer), options.reader].into_iter().flatten() {
            let record = |at: &usize| matches!(schema.named[*at].kind, Kind::Record(_));
            if !matches!(&schema.root, Type::Named(at) if record(at)) {
                let (found, wanted) = (schema.describe(&schema.root), "a record".to_string());
                return Err(Error::Schema { place: String::new(), found, wanted });
            }
        }
        let mut compiler = Compiler::new(&options.projection, writer, options.reader);
        let of = |schema, side| Of { schema, kind: &schema.root, side };
        let reader = options.reader.map(|reader| of(reader, Side::Reader));
        let (root, fields) = compiler.record(of(writer, Side::Writer), reader, "", 0)?;
        let name = options.reader.unwrap_or(writer).name().unwrap_or_default();
        let metadata = [(meta::NAME.to_string(), name.to_string())];
        let schema = Arc::new(ArrowSchema::new_with_metadata(fields, metadata.into()));
        Ok(Decoder { root, skips: compiler.skips, schema, bytes: 0, made: 0 })
    }

    /// What the batches have.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Reads the packet that the bytes begin with, as one row more, and returns how many bytes it has.
    ///
    /// # Errors
    /// What is wrong with it; then no row was added.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<usize, Damage> {
        let rows = self.root.len;
        let mut cursor = Cursor::new(bytes, MOST_MADE.saturating_sub(self.made));
        match self.root.read(&mut cursor, &self.skips) {
            Ok(()) => {
                self.bytes += cursor.at();
                self.made += cursor.made();
                Ok(cursor.at())
            }
            Err(fault) => {
                self.truncate(rows);
                Err(fault.into())
            }
        }
    }

    /// Takes back the rows behind the first so many.
    pub fn truncate(&mut self, rows: usize) {
        self.root.len = self.root.len.min(rows);
        let rows = self.root.len;
        self.root.children.iter_mut().for_each(|child| child.truncate(rows));
        if rows == 0 {
            (self.bytes, self.made) = (0, 0);
        }
    }

    /// How far it has come, to go back there.
    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.root.len, bytes: self.bytes, made: self.made }
    }

    /// Goes back to where it was.
    pub(crate) fn back(&mut self, mark: Mark) {
        self.truncate(mark.rows);
        (self.bytes, self.made) = (mark.bytes, mark.made);
    }

    /// The rows that were read since the last batch.
    pub fn rows(&self) -> usize {
        self.root.len
    }

    /// The bytes of packets that were read since the last batch, and those of columns that stand under nulls and take none
    /// in packets, of which a batch may have 1 GiB. Columns hold at most 2 GiB each; batches of some MB are
    /// the quickest.
    pub fn packet_bytes(&self) -> usize {
        self.bytes + self.made
    }

    /// The rows as a batch; the decoder is empty then.
    ///
    /// # Errors
    /// [`Error::Arrow`], which does not happen for columns that were read here.
    pub fn finish(&mut self) -> Result<RecordBatch, Error> {
        let failed = Error::arrow("make a batch of packets");
        let rows = std::mem::take(&mut self.root.len);
        (self.bytes, self.made) = (0, 0);
        let arrays = arrays(&mut self.root.children, self.schema.fields()).map_err(&failed)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(failed)
    }
}

impl Schema {
    /// The columns that packets of this schema become; see [`packet`](crate::packet).
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn to_arrow(&self) -> Result<SchemaRef, Error> {
        Ok(Decoder::new(self, &DecodeOptions::default())?.schema)
    }
}
