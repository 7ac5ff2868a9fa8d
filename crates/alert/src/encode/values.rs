//! Rows to bytes.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Schema as ArrowSchema};

use super::UnionOrder;
use super::arrow::usual_batch;
use crate::Error;
use crate::schema::{Kind, Schema, Type};

/// Writes rows of batches as packets of one schema.
///
/// ```
/// use arrow_array::record_batch;
/// use uranometria_alert::{Encoder, UnionOrder};
///
/// let batch = record_batch!(("id", Int64, [42]), ("mag", Float32, [None]))?;
/// let encoder = Encoder::new(&batch.schema(), UnionOrder::NullLast)?;
/// let packets = encoder.encode(&batch)?;
/// assert_eq!(packets, [[0, 0x54, 2]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    schema: Schema,
}

impl Encoder {
    /// Makes an encoder for batches of these columns.
    ///
    /// # Errors
    /// As [`Schema::from_arrow`].
    pub fn new(columns: &ArrowSchema, order: UnionOrder) -> Result<Self, Error> {
        Ok(Encoder { schema: Schema::from_arrow(columns, order)? })
    }

    /// What the packets are written by.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The packets of a batch, without header or frame.
    ///
    /// # Errors
    /// [`Error::Encode`] for a value that the schema cannot hold.
    pub fn encode(&self, batch: &RecordBatch) -> Result<Vec<Vec<u8>>, Error> {
        let mut packets = Vec::with_capacity(batch.num_rows());
        self.encode_with(batch, |packet| {
            packets.push(packet.to_vec());
            Ok(())
        })?;
        Ok(packets)
    }

    /// Gives the packets of a batch to a function, one after another.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and those of the function.
    pub fn encode_with(
        &self,
        batch: &RecordBatch,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let batch = usual_batch(batch)?;
        let fields = self.schema.fields();
        if fields.len() != batch.num_columns() {
            let found = format!("{} columns", batch.num_columns());
            return Err(Error::Encode { field: String::new(), found, wanted: fields.len().to_string() });
        }
        let columns = fields.iter().zip(batch.columns());
        let columns =
            columns.map(|(field, array)| Column::new(&self.schema, &field.kind, array, &field.name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut packet = Vec::new();
        for row in 0..batch.num_rows() {
            packet.clear();
            columns.iter().try_for_each(|column| column.write(row, &mut packet))?;
            take(&packet)?;
        }
        Ok(())
    }
}

/// A column that is being written.
struct Column {
    /// Where nulls and others stand in the union of the two; nothing where there is none.
    union: Option<(u8, u8)>,
    nulls: Option<NullBuffer>,
    values: Values,
    path: String,
}

enum Values {
    Null,
    Boolean(BooleanArray),
    Int(ScalarBuffer<i32>),
    Long(ScalarBuffer<i64>),
    Float(ScalarBuffer<f32>),
    Double(ScalarBuffer<f64>),
    Bytes(BinaryArray),
    Text(StringArray),
    Enum { text: StringArray, places: HashMap<String, i64> },
    Fixed(FixedSizeBinaryArray),
    Decimal { values: ScalarBuffer<i128>, size: Option<usize> },
    Struct(Vec<Column>),
    List { spans: OffsetBuffer<i32>, item: Box<Column> },
    Map { spans: OffsetBuffer<i32>, keys: StringArray, value: Box<Column> },
    Union { children: Vec<(i64, ArrayRef, Column)>, null: Option<i64> },
}

impl Column {
    fn new(schema: &Schema, kind: &Type, array: &ArrayRef, path: &str) -> Result<Self, Error> {
        let refuse = || Error::Encode {
            field: path.to_string(),
            found: array.data_type().to_string(),
            wanted: schema.describe(kind),
        };
        let nulls = array.logical_nulls();
        let column = |union, values| Column { union, nulls: nulls.clone(), values, path: path.to_string() };
        if let Type::Union(branches) = kind {
            let null = branches.iter().position(|branch| *branch == Type::Null);
            let is_pair = branches.len() == 2 && null.is_some();
            if let (true, Some(null)) = (is_pair, null)
                && !is_alternatives(schema, &branches[1 - null], array)
            {
                let inner = Column::new(schema, &branches[1 - null], array, path)?;
                let number = |place: usize| 2 * place as u8;
                return Ok(Column { union: Some((number(null), number(1 - null))), ..inner });
            }
            let null_place = null.map(|null| null as i64);
            if branches.len() == 1 && null.is_some() {
                return Ok(column(None, Values::Union { children: Vec::new(), null: null_place }));
            }
            let Some(children) = array.as_struct_opt() else { return Err(refuse()) };
            let others = branches.iter().enumerate().filter(|(_, branch)| **branch != Type::Null);
            if others.clone().count() != children.num_columns() {
                return Err(refuse());
            }
            let children = others.zip(children.columns()).map(|((place, branch), child)| {
                Ok((place as i64, child.clone(), Column::new(schema, branch, child, path)?))
            });
            let children = children.collect::<Result<Vec<_>, Error>>()?;
            return Ok(column(None, Values::Union { children, null: null_place }));
        }
        let ints = || {
            reinterpret(array, &DataType::Int32)
                .map(|array| array.as_primitive::<Int32Type>().values().clone())
        };
        let longs = || {
            reinterpret(array, &DataType::Int64)
                .map(|array| array.as_primitive::<Int64Type>().values().clone())
        };
        let named = match kind.base() {
            Type::Named(at) => schema.named().get(*at),
            _ => None,
        };
        let values = match (kind.base(), array.data_type()) {
            (_, DataType::Decimal128(..)) => {
                let size = match named.map(|named| &named.kind) {
                    Some(Kind::Fixed(size)) => Some(*size),
                    _ => None,
                };
                Values::Decimal { values: array.as_primitive::<Decimal128Type>().values().clone(), size }
            }
            (Type::Null, _) => Values::Null,
            (Type::Boolean, DataType::Boolean) => Values::Boolean(array.as_boolean().clone()),
            (Type::Int, _) => Values::Int(ints().ok_or_else(refuse)?),
            (Type::Long, _) => Values::Long(longs().ok_or_else(refuse)?),
            (Type::Float, DataType::Float32) => {
                Values::Float(array.as_primitive::<Float32Type>().values().clone())
            }
            (Type::Double, DataType::Float64) => {
                Values::Double(array.as_primitive::<Float64Type>().values().clone())
            }
            (Type::Bytes, DataType::Binary) => Values::Bytes(array.as_binary::<i32>().clone()),
            (Type::String, DataType::Utf8) => Values::Text(array.as_string::<i32>().clone()),
            (Type::Array(items), DataType::List(_)) => {
                let list = array.as_list::<i32>();
                let item = Box::new(Column::new(schema, items, list.values(), path)?);
                Values::List { spans: list.offsets().clone(), item }
            }
            (Type::Map(values), DataType::Map(..)) => {
                let map = array.as_map();
                let keys = map.keys().as_string_opt::<i32>().ok_or_else(refuse)?.clone();
                let value = Box::new(Column::new(schema, values, map.values(), path)?);
                Values::Map { spans: map.offsets().clone(), keys, value }
            }
            (Type::Named(_), found) => match (&named.ok_or_else(refuse)?.kind, found) {
                (Kind::Record(fields), DataType::Struct(there)) if fields.len() == there.len() => {
                    let children = fields.iter().zip(array.as_struct().columns()).map(|(field, child)| {
                        Column::new(schema, &field.kind, child, &format!("{path}.{}", field.name))
                    });
                    Values::Struct(children.collect::<Result<_, _>>()?)
                }
                (Kind::Enum { symbols, .. }, DataType::Utf8) => {
                    let places = symbols.iter().cloned().zip(0..).collect();
                    Values::Enum { text: array.as_string::<i32>().clone(), places }
                }
                (Kind::Fixed(size), DataType::FixedSizeBinary(there)) if *size == *there as usize => {
                    Values::Fixed(array.as_fixed_size_binary().clone())
                }
                _ => return Err(refuse()),
            },
            _ => return Err(refuse()),
        };
        Ok(column(None, values))
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        match (self.union, is_null) {
            (Some((null, _)), true) => {
                out.push(null);
                return Ok(());
            }
            (Some((_, other)), false) => out.push(other),
            (None, true) if !matches!(self.values, Values::Null | Values::Union { .. }) => {
                return Err(self.refuse("null".into(), "a value, as the column is not nullable"));
            }
            (None, _) => {}
        }
        match &self.values {
            Values::Null => {}
            Values::Boolean(values) => out.push(values.value(row).into()),
            Values::Int(values) => long(values[row].into(), out),
            Values::Long(values) => long(values[row], out),
            Values::Float(values) => out.extend(values[row].to_le_bytes()),
            Values::Double(values) => out.extend(values[row].to_le_bytes()),
            Values::Bytes(values) => counted(values.value(row), out),
            Values::Text(values) => counted(values.value(row).as_bytes(), out),
            Values::Enum { text, places } => match places.get(text.value(row)) {
                Some(place) => long(*place, out),
                None => return Err(self.refuse(format!("{:?}", text.value(row)), "a symbol of the enum")),
            },
            Values::Fixed(values) => out.extend(values.value(row)),
            Values::Decimal { values, size } => self.write_decimal(values[row], *size, out)?,
            Values::Struct(children) => children.iter().try_for_each(|child| child.write(row, out))?,
            Values::List { spans, item } => {
                let span = spans[row] as usize..spans[row + 1] as usize;
                if !span.is_empty() {
                    long(span.len() as i64, out);
                    span.into_iter().try_for_each(|row| item.write(row, out))?;
                }
                out.push(0);
            }
            Values::Map { spans, keys, value } => {
                let span = spans[row] as usize..spans[row + 1] as usize;
                if !span.is_empty() {
                    long(span.len() as i64, out);
                    for row in span {
                        counted(keys.value(row).as_bytes(), out);
                        value.write(row, out)?;
                    }
                }
                out.push(0);
            }
            Values::Union { children, null } => {
                let chosen =
                    if is_null { None } else { children.iter().find(|(_, child, _)| child.is_valid(row)) };
                match (chosen, null) {
                    (Some((place, _, child)), _) => {
                        long(*place, out);
                        child.write(row, out)?;
                    }
                    (None, Some(null)) => long(*null, out),
                    (None, None) => return Err(self.refuse("null".into(), "one of the types of the union")),
                }
            }
        }
        Ok(())
    }

    fn write_decimal(&self, value: i128, size: Option<usize>, out: &mut Vec<u8>) -> Result<(), Error> {
        let bytes = value.to_be_bytes();
        let sign = if value < 0 { 0xff } else { 0 };
        // The shortest that keeps the sign.
        let extra = (0..15).take_while(|at| bytes[*at] == sign && (bytes[at + 1] ^ sign) < 0x80).count();
        let short = &bytes[extra..];
        match size {
            None => counted(short, out),
            Some(size) if size >= short.len() => {
                out.resize(out.len() + size - short.len(), sign);
                out.extend(short);
            }
            Some(size) => return Err(self.refuse(value.to_string(), &format!("a number of {size} bytes"))),
        }
        Ok(())
    }

    fn refuse(&self, found: String, wanted: &str) -> Error {
        Error::Encode { field: self.path.clone(), found, wanted: wanted.to_string() }
    }
}

/// Whether an array is the struct of a union's types rather than a record.
fn is_alternatives(schema: &Schema, kind: &Type, array: &ArrayRef) -> bool {
    let is_record = match kind.base() {
        Type::Named(at) => matches!(schema.named()[*at].kind, Kind::Record(_)),
        _ => false,
    };
    // A record in a union of itself and null is a record: only unions of more types become structs of alternatives.
    matches!(array.data_type(), DataType::Struct(_)) && !is_record
}

/// The whole numbers under dates and times.
fn reinterpret(array: &ArrayRef, kind: &DataType) -> Option<ArrayRef> {
    if array.data_type() == kind {
        return Some(array.clone());
    }
    if array.data_type().primitive_width() != kind.primitive_width() || array.data_type().is_floating() {
        return None;
    }
    let data = array.to_data().into_builder().data_type(kind.clone()).build().ok()?;
    Some(arrow_array::make_array(data))
}

/// Writes a number, seven bits a byte, least first, the sign zigzag.
pub(crate) fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes bytes behind their length.
pub(super) fn counted(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend(bytes);
}
