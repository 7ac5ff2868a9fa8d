//! The rows of a query on their way.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, timeout_at};
use uranometria_adql::{Column, Type};

use crate::Error;

/// The rows of a query, batch by batch.
pub struct Answer {
    schema: SchemaRef,
    rows: Option<BoxStream<'static, Result<RecordBatch, Error>>>,
    /// Rows that may still be given.
    left: u64,
    overflowed: bool,
    deadline: Option<(Instant, Duration)>,
}

impl Answer {
    /// The rows that an engine gives, as columns of a schema (see [`described`]).
    pub(crate) fn new(
        schema: SchemaRef,
        rows: BoxStream<'static, Result<RecordBatch, Error>>,
        max_rows: Option<u64>,
        deadline: Option<(Instant, Duration)>,
    ) -> Self {
        let left = max_rows.unwrap_or(u64::MAX);
        Answer { schema, rows: Some(rows), left, overflowed: false, deadline }
    }

    /// The columns of every batch, named as in the query. Unit, UCD, description and xtype are metadata of the fields,
    /// under the keys `unit`, `ucd`, `description` and `xtype`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether there are more rows than were asked for; known when the last batch was given.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The next batch, never empty; None behind the last one and behind an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        loop {
            let rows = self.rows.as_mut()?;
            let next = match self.deadline {
                None => rows.next().await,
                // A row that is ready would win over the clock.
                Some((at, limit)) => match timeout_at(at, rows.next()).await {
                    Ok(next) if Instant::now() < at => next,
                    _ => {
                        self.rows = None;
                        return Some(Err(Error::TimeOut { limit }));
                    }
                },
            };
            let batch = match next {
                None => {
                    self.rows = None;
                    return None;
                }
                Some(Err(error)) => {
                    self.rows = None;
                    return Some(Err(error));
                }
                Some(Ok(batch)) if batch.num_rows() == 0 => continue,
                Some(Ok(batch)) => batch,
            };
            let given = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.num_rows());
            self.left -= given as u64;
            if given < batch.num_rows() {
                (self.overflowed, self.rows) = (true, None);
            }
            if given == 0 {
                return None;
            }
            return Some(self.shaped(&batch.slice(0, given)));
        }
    }

    /// A batch with the columns of the answer.
    fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let fields = self.schema.fields().iter();
        let columns = batch.columns().iter().zip(fields).map(|(column, field)| match column.data_type() {
            found if found == field.data_type() => Ok(column.clone()),
            _ => cast(column, field.data_type()),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        columns
            .collect::<Result<Vec<_>, _>>()
            .and_then(|columns| RecordBatch::try_new_with_options(self.schema.clone(), columns, &options))
            .map_err(|error| Error::Value(error.to_string()))
    }
}

/// The columns that an engine gives with what is known of them from the checked query.
///
/// # Errors
/// [`Error::Value`] where these are not as many, so that no value ever stands under the name of another.
pub(crate) fn described(engine: &Schema, columns: &[Column]) -> Result<SchemaRef, Error> {
    if engine.fields().len() != columns.len() {
        let (found, wanted) = (engine.fields().len(), columns.len());
        return Err(Error::Value(format!("the engine gives {found} columns for the {wanted} of the query")));
    }
    let field = |(field, column): (&FieldRef, &Column)| {
        let data_type = match field.data_type() {
            // A column of NULL alone has no type of its own; few formats know such columns.
            DataType::Null => &DataType::Utf8,
            DataType::Utf8View | DataType::LargeUtf8 => &DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => &DataType::Binary,
            other => other,
        };
        let xtype = match column.datatype {
            Type::Point => Some("point"),
            Type::Circle => Some("circle"),
            Type::Polygon => Some("polygon"),
            _ => None,
        };
        let known = [
            ("unit", column.unit.as_deref()),
            ("ucd", column.ucd.as_deref()),
            ("description", column.description.as_deref()),
            ("xtype", xtype),
        ];
        let known = known.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?.to_string())));
        Field::new(&column.name, data_type.clone(), true).with_metadata(known.collect())
    };
    Ok(Arc::new(Schema::new(engine.fields().iter().zip(columns).map(field).collect::<Vec<_>>())))
}
