//! Columns of several schemas brought together.
//!
//! Surveys add fields from version to version. The columns of two schemas together are those of the first in its order,
//! then what only the second has, at every depth; what one of them lacks is null there. Numbers take the wider type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, LargeListArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray,
    new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema as ArrowSchema, SchemaRef};

use crate::Error;

/// The columns of two schemas together.
///
/// # Errors
/// [`Error::Resolution`] for a field whose two types have no type for both.
pub fn unite(first: &SchemaRef, second: &SchemaRef) -> Result<SchemaRef, Error> {
    if first.fields() == second.fields() {
        return Ok(first.clone());
    }
    let fields = unite_fields(first.fields(), second.fields(), "")?;
    Ok(Arc::new(ArrowSchema::new_with_metadata(fields, first.metadata().clone())))
}

fn unite_fields(first: &Fields, second: &Fields, path: &str) -> Result<Fields, Error> {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(first.len());
    for field in first {
        fields.push(match second.find(field.name()) {
            Some((_, other)) => unite_field(field, other, &join(path, field.name()))?,
            None => optional(field),
        });
    }
    fields.extend(second.iter().filter(|field| first.find(field.name()).is_none()).map(optional));
    Ok(fields.into())
}

fn optional(field: &FieldRef) -> FieldRef {
    if field.is_nullable() { field.clone() } else { Arc::new(field.as_ref().clone().with_nullable(true)) }
}

fn unite_field(first: &FieldRef, second: &FieldRef, path: &str) -> Result<FieldRef, Error> {
    if first == second {
        return Ok(first.clone());
    }
    let kind = unite_kinds(first.data_type(), second.data_type(), path)?;
    let nullable = first.is_nullable() || second.is_nullable();
    Ok(Arc::new(first.as_ref().clone().with_data_type(kind).with_nullable(nullable)))
}

fn unite_kinds(first: &DataType, second: &DataType, path: &str) -> Result<DataType, Error> {
    use DataType::{
        Binary, Float32, Float64, Int32, Int64, LargeBinary, LargeList, LargeUtf8, List, Map, Null, Struct,
        Timestamp, Utf8,
    };
    Ok(match (first, second) {
        (a, b) if a == b => a.clone(),
        (Null, other) | (other, Null) => other.clone(),
        (Struct(first), Struct(second)) => Struct(unite_fields(first, second, path)?),
        (List(first), List(second)) => List(unite_field(first, second, path)?),
        (List(first) | LargeList(first), List(second) | LargeList(second)) => {
            LargeList(unite_field(first, second, path)?)
        }
        (Map(first, sorted), Map(second, _)) => match (first.data_type(), second.data_type()) {
            (Struct(a), Struct(b)) if a.len() == 2 && b.len() == 2 => {
                let value = unite_field(&a[1], &b[1], path)?;
                let entries = Struct(vec![a[0].clone(), value].into());
                Map(Arc::new(first.as_ref().clone().with_data_type(entries)), *sorted)
            }
            _ => return Err(no_type(first.data_type(), second.data_type(), path)),
        },
        (Int32, Int64) | (Int64, Int32) => Int64,
        // Not those of 64 bits: of numbers of alerts and objects the last digits would be lost.
        (Int32 | Float32, Float64) | (Float64, Int32 | Float32) => Float64,
        (Int32, Float32) | (Float32, Int32) => Float64,
        (Utf8, LargeUtf8) | (LargeUtf8, Utf8) => LargeUtf8,
        (Binary, LargeBinary) | (LargeBinary, Binary) => LargeBinary,
        (Timestamp(a, zone), Timestamp(b, other)) if zone == other => Timestamp(*a.max(b), zone.clone()),
        (a, b) => return Err(no_type(a, b, path)),
    })
}

fn no_type(first: &DataType, second: &DataType, path: &str) -> Error {
    let wanted = format!("{first}, as in other alerts");
    Error::Resolution { field: path.to_string(), found: second.to_string(), wanted }
}

/// Brings a batch to the columns of a schema that was united of its own and others.
///
/// # Errors
/// [`Error::Arrow`] where a value does not fit, as in a schema of other origin.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let rows = batch.num_rows();
    let column = |field: &FieldRef| match batch.schema_ref().column_with_name(field.name()) {
        Some((at, _)) => conform_array(batch.column(at), field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(Error::arrow(ACTION))
}

const ACTION: &str = "bring columns of two schemas together";

fn conform_array(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, Error> {
    let failed = Error::arrow(ACTION);
    if array.data_type() == kind {
        return Ok(array.clone());
    }
    Ok(match (array.data_type(), kind) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let from = array.as_struct();
            let child = |field: &FieldRef| match from.column_by_name(field.name()) {
                Some(child) => conform_array(child, field.data_type()),
                None => Ok(new_null_array(field.data_type(), from.len())),
            };
            let children = fields.iter().map(child).collect::<Result<Vec<_>, _>>()?;
            let nulls = from.nulls().cloned();
            Arc::new(
                StructArray::try_new_with_length(fields.clone(), children, nulls, from.len())
                    .map_err(failed)?,
            )
        }
        (DataType::List(_), DataType::List(item)) => {
            let from = array.as_list::<i32>();
            let values = conform_array(from.values(), item.data_type())?;
            let made =
                ListArray::try_new(item.clone(), from.offsets().clone(), values, from.nulls().cloned());
            Arc::new(made.map_err(failed)?)
        }
        (DataType::LargeList(_), DataType::LargeList(item)) => {
            let from = array.as_list::<i64>();
            let values = conform_array(from.values(), item.data_type())?;
            let made =
                LargeListArray::try_new(item.clone(), from.offsets().clone(), values, from.nulls().cloned());
            Arc::new(made.map_err(failed)?)
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let (from, DataType::Struct(fields)) = (array.as_map(), entries.data_type()) else {
                return Err(no_type(kind, array.data_type(), ""));
            };
            let keys = conform_array(from.keys(), fields[0].data_type())?;
            let values = conform_array(from.values(), fields[1].data_type())?;
            let both = StructArray::try_new(fields.clone(), vec![keys, values], None).map_err(&failed)?;
            let (ends, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Arc::new(MapArray::try_new(entries.clone(), ends, both, nulls, *sorted).map_err(failed)?)
        }
        _ => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, kind, &strict).map_err(failed)?
        }
    })
}

/// The field at a path of names, through structs; nothing where there is none.
pub(crate) fn field_at<'a>(schema: &'a ArrowSchema, path: &str) -> Option<&'a Field> {
    let mut names = path.split('.');
    let mut field = schema.field_with_name(names.next()?).ok()?;
    for name in names {
        let DataType::Struct(fields) = field.data_type() else { return None };
        field = fields.find(name)?.1;
    }
    Some(field)
}

/// The column at a path of names, with what is null above it; nothing where there is none.
pub(crate) fn column_at(batch: &RecordBatch, path: &str) -> Option<ArrayRef> {
    let mut names = path.split('.');
    let mut column = batch.column_by_name(names.next()?)?.clone();
    for name in names {
        let outer = column.as_struct_opt()?;
        let inner = outer.column_by_name(name)?;
        let nulls = arrow_buffer::NullBuffer::union(outer.nulls(), inner.nulls());
        let data = inner.to_data().into_builder().nulls(nulls).build().ok()?;
        column = arrow_array::make_array(data);
    }
    Some(column)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}
