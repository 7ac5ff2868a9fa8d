//! NaN as NULL: what files of numbers mean by it, and what SQL has for it.
//!
//! PostgreSQL and DataFusion take NaN for the greatest number, so that `mag > 20` would hold where nothing was measured.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef};

/// The schema of rows whose NaN are NULL: columns of numbers may have some, whatever was said of them.
pub(crate) fn schema(of: &Schema) -> SchemaRef {
    let field = |field: &FieldRef| match field.data_type() {
        DataType::Float32 | DataType::Float64 if !field.is_nullable() => {
            Arc::new(field.as_ref().clone().with_nullable(true))
        }
        _ => field.clone(),
    };
    Arc::new(Schema::new(of.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The same rows as they have this schema, with NULL for NaN.
pub(crate) fn of_nan(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = batch.columns().iter().map(of_nan_in).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

/// The same values, with NULL for NaN.
pub(crate) fn of_nan_in(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => masked(array, array.as_primitive::<Float64Type>(), |number| number.is_nan()),
        DataType::Float32 => masked(array, array.as_primitive::<Float32Type>(), |number| number.is_nan()),
        _ => array.clone(),
    }
}

fn masked<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    numbers: &PrimitiveArray<T>,
    is_nan: impl Fn(T::Native) -> bool,
) -> ArrayRef {
    let values = numbers.values();
    // Without a branch, as nearly always there is none.
    if values.iter().fold(0_usize, |count, number| count + usize::from(is_nan(*number))) == 0 {
        return array.clone();
    }
    let there = NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |row| !is_nan(values[row])));
    let nulls = NullBuffer::union(Some(&there), numbers.nulls());
    Arc::new(PrimitiveArray::<T>::new(values.clone(), nulls))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float32Array, Float64Array, Int64Array};

    use super::*;

    #[test]
    fn nan_is_null_and_nothing_else_is_touched() {
        let wide: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None, Some(-0.0)]));
        let narrow: ArrayRef = Arc::new(Float32Array::from(vec![f32::NAN, f32::INFINITY, 1.0, 2.0]));
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
        let columns = [("wide", wide), ("narrow", narrow), ("whole", whole.clone())];
        let columns = columns
            .into_iter()
            .zip([true, false, false])
            .map(|((name, array), nullable)| (name, array, nullable));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let batch = of_nan(&batch, &schema(batch.schema_ref())).unwrap();
        let wide: Vec<_> = batch.column(0).as_primitive::<Float64Type>().iter().collect();
        assert_eq!(wide, [Some(1.0), None, None, Some(-0.0)]);
        let narrow: Vec<_> = batch.column(1).as_primitive::<Float32Type>().iter().collect();
        assert_eq!(narrow, [None, Some(f32::INFINITY), Some(1.0), Some(2.0)]);
        assert_eq!(batch.column(2).to_data(), whole.to_data());
    }
}
