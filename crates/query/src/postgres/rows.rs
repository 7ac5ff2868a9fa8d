//! Rows of PostgreSQL as Arrow.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, ListBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tokio_postgres::types::{FromSql, Type as PgType};
use tokio_postgres::{Row, Statement};
use uranometria_adql::{Column, Type};

use crate::Error;

/// Turns rows of a statement into batches.
pub(super) struct Reader {
    schema: SchemaRef,
    types: Vec<PgType>,
}

/// Seconds from 1970 to 2000, which PostgreSQL counts times from.
const Y2000: i64 = 946_684_800;

impl Reader {
    pub(super) fn new(statement: &Statement, columns: &[Column]) -> Result<Self, Error> {
        let types: Vec<PgType> = statement.columns().iter().map(|column| column.type_().clone()).collect();
        let field = |(found, column): (&PgType, &Column)| {
            let data_type = match *found {
                PgType::BOOL => DataType::Boolean,
                PgType::INT2 => DataType::Int16,
                PgType::INT4 => DataType::Int32,
                PgType::INT8 => DataType::Int64,
                PgType::FLOAT4 => DataType::Float32,
                PgType::FLOAT8 => DataType::Float64,
                PgType::TEXT => DataType::Utf8,
                PgType::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
                PgType::FLOAT8_ARRAY => match column.datatype {
                    Type::Point => DataType::new_fixed_size_list(DataType::Float64, 2, true),
                    Type::Circle => DataType::new_fixed_size_list(DataType::Float64, 3, true),
                    _ => DataType::new_list(DataType::Float64, true),
                },
                _ => {
                    let reason = format!("column {} has the type {found}, which is not read", column.name);
                    return Err(Error::Value(reason));
                }
            };
            Ok(Field::new(&column.name, data_type, true))
        };
        let fields = types.iter().zip(columns).map(field).collect::<Result<Vec<_>, _>>()?;
        Ok(Reader { schema: Arc::new(Schema::new(fields)), types })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn batch(&self, rows: &[Row]) -> Result<RecordBatch, Error> {
        let column = |at: usize| -> Result<ArrayRef, tokio_postgres::Error> {
            Ok(match self.types[at] {
                PgType::BOOL => Arc::new(values::<bool>(rows, at)?.into_iter().collect::<BooleanArray>()),
                PgType::INT2 => numbers::<Int16Type>(rows, at)?,
                PgType::INT4 => numbers::<Int32Type>(rows, at)?,
                PgType::INT8 => numbers::<Int64Type>(rows, at)?,
                PgType::FLOAT4 => numbers::<Float32Type>(rows, at)?,
                PgType::FLOAT8 => numbers::<Float64Type>(rows, at)?,
                PgType::TIMESTAMP => {
                    let times = values::<Micros>(rows, at)?.into_iter().map(|time| time.map(|time| time.0));
                    Arc::new(times.collect::<PrimitiveArray<TimestampMicrosecondType>>())
                }
                PgType::FLOAT8_ARRAY => {
                    lists(&values::<Vec<f64>>(rows, at)?, self.schema.field(at).data_type())
                }
                _ => Arc::new(values::<&str>(rows, at)?.into_iter().collect::<StringArray>()),
            })
        };
        let columns = (0..self.types.len()).map(column).collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|error| Error::Value(super::with_causes(&error)))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::Value(error.to_string()))
    }
}

fn values<'a, T: FromSql<'a>>(rows: &'a [Row], at: usize) -> Result<Vec<Option<T>>, tokio_postgres::Error> {
    rows.iter().map(|row| row.try_get(at)).collect()
}

fn numbers<T: ArrowPrimitiveType>(rows: &[Row], at: usize) -> Result<ArrayRef, tokio_postgres::Error>
where
    T::Native: for<'a> FromSql<'a>,
{
    Ok(Arc::new(values::<T::Native>(rows, at)?.into_iter().collect::<PrimitiveArray<T>>()))
}

fn lists(lists: &[Option<Vec<f64>>], data_type: &DataType) -> ArrayRef {
    if let DataType::FixedSizeList(_, width) = data_type {
        let width = *width;
        let mut made = FixedSizeListBuilder::new(Float64Builder::new(), width);
        for list in lists {
            // An array is missing whole or has all its numbers: it was made so.
            let numbers = list.as_deref().filter(|numbers| numbers.len() == width as usize);
            let none = vec![0.0; width as usize];
            made.values().append_slice(numbers.unwrap_or(&none));
            made.append(numbers.is_some());
        }
        return Arc::new(made.finish());
    }
    let mut made = ListBuilder::new(Float64Builder::new());
    for list in lists {
        made.values().append_slice(list.as_deref().unwrap_or_default());
        made.append(list.is_some());
    }
    Arc::new(made.finish())
}

/// Microseconds since 1970.
struct Micros(i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &PgType, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let since_2000 = i64::from_be_bytes(raw.try_into()?);
        let out_of_range = "a time that microseconds since 1970 cannot count";
        Ok(Micros(since_2000.checked_add(Y2000 * 1_000_000).ok_or(out_of_range)?))
    }

    fn accepts(found: &PgType) -> bool {
        *found == PgType::TIMESTAMP
    }
}
