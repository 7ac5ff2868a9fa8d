//! The columns that a query wants and the conditions that rows must meet, by their places in what is read.

use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;

use super::search::Query;
use crate::positions::{column, columns};
use crate::{Condition, Error};

/// What is read of a table, and what of that is given.
#[derive(Debug)]
pub(super) struct Selection {
    /// The columns that are read, ascending.
    pub(super) read: Vec<usize>,
    /// Where among them those wanted are.
    wanted: Vec<usize>,
    /// With their columns.
    pub(super) conditions: Vec<(usize, Condition)>,
    /// The columns that are given.
    pub(super) schema: SchemaRef,
}

impl Selection {
    /// What a query selects of columns; `besides` are read whether it wants them or not.
    pub(super) fn new(
        all: &Schema,
        query: &Query,
        besides: impl IntoIterator<Item = usize>,
    ) -> Result<Self, Error> {
        let wanted = match &query.columns {
            None => (0..all.fields().len()).collect(),
            Some(names) => columns(all, names)?,
        };
        let placed = |condition: &Condition| {
            let place = column(all, &condition.column)?;
            condition.check(all.field(place).data_type())?;
            Ok((place, condition.clone()))
        };
        let conditions: Vec<_> = query.conditions.iter().map(placed).collect::<Result<_, Error>>()?;
        let asked = conditions.iter().map(|(column, _)| *column);
        let mut read: Vec<usize> = wanted.iter().copied().chain(asked).chain(besides).collect();
        read.sort_unstable();
        read.dedup();
        let fields: Vec<_> = wanted.iter().map(|&column| all.fields()[column].clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        let wanted = wanted.iter().map(|&column| place(&read, column)).collect();
        Ok(Selection { read, wanted, conditions, schema })
    }

    /// Where a column is among those read.
    pub(super) fn place(&self, column: usize) -> usize {
        place(&self.read, column)
    }

    /// Which rows of a batch meet the conditions, and `mask` if there is one; None for all.
    pub(super) fn met(
        &self,
        batch: &RecordBatch,
        mut mask: Option<BooleanArray>,
    ) -> Result<Option<BooleanArray>, Error> {
        for (column, condition) in &self.conditions {
            mask = Some(both(mask, condition.met(batch.column(self.place(*column)))?));
        }
        Ok(mask)
    }

    /// The columns wanted of a batch, of the rows in `mask`.
    pub(super) fn given(
        &self,
        batch: &RecordBatch,
        mask: Option<&BooleanArray>,
    ) -> Result<RecordBatch, Error> {
        let arrays = self.wanted.iter().map(|&column| batch.column(column).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let wanted = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(Error::arrow("put its columns together"))?;
        let Some(mask) = mask else { return Ok(wanted) };
        let count = mask.true_count();
        if count == mask.len() {
            return Ok(wanted);
        }
        // One run of rows needs no copy.
        if let Some(first) = mask.values().set_indices().next()
            && mask.values().slice(first, count.min(mask.len() - first)).count_set_bits() == count
        {
            return Ok(wanted.slice(first, count));
        }
        filter_record_batch(&wanted, mask).map_err(Error::arrow("select its rows"))
    }
}

/// What is in both masks; neither has nulls.
pub(super) fn both(mask: Option<BooleanArray>, other: BooleanArray) -> BooleanArray {
    match mask {
        None => other,
        Some(mask) => BooleanArray::new(mask.values() & other.values(), None),
    }
}

fn place(read: &[usize], column: usize) -> usize {
    read.partition_point(|other| *other < column)
}
