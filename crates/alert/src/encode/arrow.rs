//! Schemas of Avro for columns of Arrow.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};

use crate::Error;
use crate::packet::meta;
use crate::schema::{self, Kind, Logical, Named, Schema, Type};

/// Where null stands in the unions of nullable columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnionOrder {
    /// Where it stood when the columns were read; first in others.
    #[default]
    AsRead,
    /// Behind the type, `["float", "null"]`, as readers of Fink's topics need it.
    NullLast,
}

impl Schema {
    /// The schema that batches of these columns are written by.
    ///
    /// Records are called what they were when they were read, others for their place; the outermost one is `alert`.
    ///
    /// # Errors
    /// [`Error::Encode`] for a column of a type or name that Avro does not have.
    pub fn from_arrow(columns: &ArrowSchema, order: UnionOrder) -> Result<Self, Error> {
        let mut schema = Schema { named: Vec::new(), root: Type::Null };
        let name = columns.metadata().get(meta::NAME).filter(|name| schema::is_full_name(name));
        let name = name.map_or("alert", String::as_str);
        schema.root = record(&mut schema, name, columns.fields(), "", order)?;
        Ok(schema)
    }
}

fn refuse(path: &str, found: String, wanted: &str) -> Error {
    Error::Encode { field: path.to_string(), found, wanted: wanted.to_string() }
}

fn record(
    schema: &mut Schema,
    name: &str,
    fields: &Fields,
    path: &str,
    order: UnionOrder,
) -> Result<Type, Error> {
    let mut made = Vec::with_capacity(fields.len());
    for field in fields {
        let inner = join(path, field.name());
        if field.name().contains('.') || !schema::is_full_name(field.name()) {
            return Err(refuse(&inner, "that name".into(), "letters, digits and _; rename the column"));
        }
        let kind = column(schema, field, &inner, name, order)?;
        // The default of a union is of its first type.
        let default = match &kind {
            Type::Union(branches) if branches.first() == Some(&Type::Null) => Some(serde_json::Value::Null),
            _ => None,
        };
        let (name, aliases, doc) = (field.name().clone(), Vec::new(), None);
        made.push(schema::Field { name, aliases, kind, default, doc });
    }
    Ok(define(schema, name, Kind::Record(made)))
}

/// Finds or adds a type of that name; one that is otherwise gets a number.
fn define(schema: &mut Schema, name: &str, kind: Kind) -> Type {
    let mut full = name.to_string();
    for n in 2.. {
        match schema.named.iter().position(|named| named.name == full) {
            Some(at) if schema.named[at].kind == kind => return Type::Named(at),
            Some(_) => full = format!("{name}_{n}"),
            None => break,
        }
    }
    schema.named.push(Named { name: full, aliases: Vec::new(), kind });
    Type::Named(schema.named.len() - 1)
}

fn column(
    schema: &mut Schema,
    field: &Field,
    path: &str,
    outer: &str,
    order: UnionOrder,
) -> Result<Type, Error> {
    let kind = field.data_type();
    let union = field.metadata().get(meta::UNION);
    if let (DataType::Struct(fields), Some(null)) = (kind, union)
        && !field.metadata().contains_key(meta::NAME)
    {
        let mut branches = Vec::new();
        for field in fields {
            let plain = field.as_ref().clone().with_nullable(false);
            branches.push(column(schema, &plain, &join(path, field.name()), outer, order)?);
        }
        if let Ok(null) = null.parse::<usize>() {
            let place = if order == UnionOrder::NullLast { branches.len() } else { null.min(branches.len()) };
            branches.insert(place, Type::Null);
        }
        return Ok(Type::Union(branches));
    }
    let name = || match field.metadata().get(meta::NAME).filter(|name| schema::is_full_name(name)) {
        Some(name) => name.clone(),
        None => join(outer, field.name()),
    };
    let logical = |logical, base| Type::Logical(logical, Box::new(base));
    let made = match kind {
        DataType::Null if union.is_some() => return Ok(Type::Union(vec![Type::Null])),
        DataType::Null => return Ok(Type::Null),
        DataType::Boolean => Type::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => Type::Int,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Type::Long,
        DataType::Float16 | DataType::Float32 => Type::Float,
        DataType::Float64 => Type::Double,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let symbols = field.metadata().get(meta::SYMBOLS);
            match symbols.and_then(|symbols| serde_json::from_str(symbols).ok()) {
                Some(symbols) => define(schema, &name(), Kind::Enum { symbols, default: None }),
                None => Type::String,
            }
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Type::Bytes,
        DataType::FixedSizeBinary(size) => define(schema, &name(), Kind::Fixed(*size as usize)),
        DataType::Date32 => logical(Logical::Date, Type::Int),
        DataType::Time32(_) => logical(Logical::TimeMillis, Type::Int),
        DataType::Time64(_) => logical(Logical::TimeMicros, Type::Long),
        DataType::Date64 => logical(Logical::LocalTimestampMillis, Type::Long),
        DataType::Timestamp(unit, zone) => {
            let meaning = match (unit, zone.is_some()) {
                (TimeUnit::Second | TimeUnit::Millisecond, true) => Logical::TimestampMillis,
                (TimeUnit::Microsecond, true) => Logical::TimestampMicros,
                (TimeUnit::Nanosecond, true) => Logical::TimestampNanos,
                (TimeUnit::Second | TimeUnit::Millisecond, false) => Logical::LocalTimestampMillis,
                (TimeUnit::Microsecond, false) => Logical::LocalTimestampMicros,
                (TimeUnit::Nanosecond, false) => Logical::LocalTimestampNanos,
            };
            logical(meaning, Type::Long)
        }
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            let size = field.metadata().get(meta::SIZE).and_then(|size| size.parse().ok());
            let base = match size {
                Some(size) => define(schema, &name(), Kind::Fixed(size)),
                None => Type::Bytes,
            };
            logical(Logical::Decimal { precision: (*precision).into(), scale: *scale as u32 }, base)
        }
        DataType::Struct(fields) => record(schema, &name(), fields, path, order)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            // The items are called for the list, not all "item".
            let item = item.as_ref().clone().with_name(field.name());
            Type::Array(Box::new(column(schema, &item, path, outer, order)?))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if is_text(fields[0].data_type()) => {
                let value = fields[1].as_ref().clone().with_name(field.name());
                Type::Map(Box::new(column(schema, &value, path, outer, order)?))
            }
            _ => return Err(refuse(path, kind.to_string(), "a map whose keys are text")),
        },
        DataType::Dictionary(_, value) => {
            let plain = Field::new(field.name(), value.as_ref().clone(), false)
                .with_metadata(field.metadata().clone());
            column(schema, &plain, path, outer, order)?
        }
        other => return Err(refuse(path, other.to_string(), "a type that Avro has; leave the column out")),
    };
    if !field.is_nullable() {
        return Ok(made);
    }
    let last = order == UnionOrder::NullLast || union.is_some_and(|null| null == "1");
    Ok(Type::Union(if last { vec![made, Type::Null] } else { vec![Type::Null, made] }))
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

/// The type that a column is brought to before it is written.
fn usual(kind: &DataType) -> DataType {
    let field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(usual(field.data_type())));
    match kind {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::Time32(_) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Dictionary(_, value) => usual(value),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

/// Brings columns to the types that [`Encoder`](super::Encoder) writes.
pub(super) fn usual_batch(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let schema = batch.schema();
    let wanted: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| Arc::new(field.as_ref().clone().with_data_type(usual(field.data_type()))))
        .collect();
    if wanted.iter().zip(schema.fields()).all(|(a, b)| a.data_type() == b.data_type()) {
        return Ok(batch.clone());
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(&wanted).map(|(column, field)| {
        cast_with_options(column, field.data_type(), &strict)
            .map_err(|error| refuse(field.name(), error.to_string(), "values that Avro can hold"))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let schema: SchemaRef = Arc::new(ArrowSchema::new_with_metadata(wanted, schema.metadata().clone()));
    RecordBatch::try_new(schema, columns).map_err(Error::arrow("write it as Avro"))
}
