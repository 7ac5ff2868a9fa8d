//! How many values fall between which numbers. IVOA, Catalogue of ADQL User Defined Functions: `ivo_histogram`.

use std::mem::size_of_val;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// The most bins there may be.
const MOST: i64 = 1 << 20;

pub(super) fn function() -> Arc<AggregateUDF> {
    let numbers = [DataType::Float64, DataType::Float64, DataType::Float64, DataType::Int64];
    let signature = Signature::exact(numbers.to_vec(), Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(Histogram { signature }))
}

/// `ivo_histogram(value, lower, upper, bins)`: counts of values below, in each bin, and from `upper` on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Histogram {
    signature: Signature,
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        "ivo_histogram"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Int64, true))
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = DataType::new_list(DataType::Int64, true);
        Ok(vec![Arc::new(Field::new(format!("{}[counts]", args.name), list, true))])
    }
}

#[derive(Debug, Default)]
struct Counts(Vec<i64>);

impl Counts {
    fn grow(&mut self, bins: usize) -> Result<()> {
        if !self.0.is_empty() && self.0.len() != bins {
            let reason = "the number of bins of ivo_histogram differs from row to row";
            return Err(DataFusionError::Execution(reason.into()));
        }
        self.0.resize(bins, 0);
        Ok(())
    }

    fn scalar(&self) -> ScalarValue {
        if self.0.is_empty() {
            return ScalarValue::try_new_null(&DataType::new_list(DataType::Int64, true))
                .unwrap_or(ScalarValue::Null);
        }
        let counts: Vec<ScalarValue> = self.0.iter().map(|count| ScalarValue::from(*count)).collect();
        ScalarValue::List(ScalarValue::new_list_nullable(&counts, &DataType::Int64))
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let number = |place: usize| values[place].as_primitive::<Float64Type>();
        let (value, lower, upper) = (number(0), number(1), number(2));
        let bins = values[3].as_primitive::<Int64Type>();
        for row in 0..value.len() {
            if bins.is_null(row) || lower.is_null(row) || upper.is_null(row) {
                continue;
            }
            let (low, high, count) = (lower.value(row), upper.value(row), bins.value(row));
            if !(1..=MOST).contains(&count) || low >= high || !(high - low).is_finite() {
                let reason = format!("ivo_histogram cannot make {count} bins from {low} to {high}");
                return Err(DataFusionError::Execution(reason));
            }
            self.grow(count as usize + 2)?;
            if value.is_null(row) {
                continue;
            }
            let bin = ((value.value(row) - low) / ((high - low) / count as f64)).floor();
            self.0[(bin + 1.0).clamp(0.0, (count + 1) as f64) as usize] += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.scalar())
    }

    fn size(&self) -> usize {
        size_of_val(self) + size_of_val(&self.0[..])
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let counts: Int64Array = lists.value(row).as_primitive::<Int64Type>().clone();
            self.grow(counts.len())?;
            self.0.iter_mut().zip(counts.values()).for_each(|(sum, count)| *sum += count);
        }
        Ok(())
    }
}
