//! Batches into the rows and the heap of a table, a column at a time.
//!
//! Nulls of structs and fixed-size lists are handed down to the elements.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_buffer::NullBuffer;

use super::elements::{Elements, Place, Strings, check_text};
use super::plan::{Cell, Leaf, Nulls, Rules, Target};
use crate::Error;

/// Rows on their way into the table, and what they put into the heap.
pub(super) struct Block<'a> {
    /// Whole rows.
    pub(super) rows: &'a mut [u8],
    /// Bytes of a row; not 0.
    pub(super) row_len: usize,
    /// The number of the first row in the table.
    pub(super) first: u64,
    pub(super) heap: &'a mut Vec<u8>,
    /// The place of `heap` in the heap of the table.
    pub(super) heap_start: u64,
    pub(super) rules: Rules,
}

impl Target {
    /// Writes the column's cells of a batch into a block of as many rows, and what goes to the heap behind its heap.
    ///
    /// # Errors
    /// [`Error::Unwritable`] with the row whose value does not fit.
    pub(super) fn encode(&mut self, batch: &RecordBatch, block: &mut Block<'_>) -> Result<(), Error> {
        let mut array: ArrayRef = batch.column(self.path[0]).clone();
        let mut mask = array.nulls().cloned();
        for &inner in &self.path[1..] {
            let child = array.as_struct().column(inner).clone();
            mask = NullBuffer::union(mask.as_ref(), child.nulls());
            array = child;
        }
        match self.cell {
            Cell::One => self.fixed(array, mask, 1, block),
            Cell::Fixed(count) => self.fixed(array, mask, count, block),
            Cell::Variable => self.strings(&array, mask.as_ref(), block),
            Cell::List => match array.as_list_opt::<i32>() {
                Some(list) => self.lists(list.offsets(), list.values(), mask.as_ref(), block),
                None => {
                    let list = array.as_list::<i64>();
                    self.lists(list.offsets(), list.values(), mask.as_ref(), block)
                }
            },
        }
    }

    /// Writes cells of `per_row` elements each.
    fn fixed(
        &mut self,
        mut array: ArrayRef,
        mut mask: Option<NullBuffer>,
        per_row: usize,
        block: &mut Block<'_>,
    ) -> Result<(), Error> {
        if self.width == 0 {
            return Ok(());
        }
        while let Some(list) = array.as_fixed_size_list_opt() {
            let size = list.value_length() as usize;
            let values = list.values().slice(0, list.len() * size);
            mask = mask.map(|mask| mask.expand(size));
            mask = NullBuffer::union(mask.as_ref(), values.nulls());
            array = values;
        }
        let place = Place { stride: block.row_len, offset: self.offset, per_row };
        let first = block.first;
        let row_of = |element: usize| first + (element / per_row) as u64;
        self.spread(&array, mask.as_ref(), block.rows, place, block.rules, &row_of)
    }

    /// Appends texts or bytes to the heap.
    fn strings(
        &mut self,
        array: &ArrayRef,
        mask: Option<&NullBuffer>,
        block: &mut Block<'_>,
    ) -> Result<(), Error> {
        let mut descriptors = Vec::with_capacity(array.len());
        let values = Strings::of(array);
        for row in 0..array.len() {
            let valid = mask.is_none_or(|mask| mask.is_valid(row));
            let value = if valid { values.value(row) } else { &[] };
            if matches!(self.leaf, Leaf::Text(_)) {
                check_text(value, block.rules).map_err(|wanted| {
                    let found = format!("{:?}", String::from_utf8_lossy(value));
                    self.unwritable(block.first + row as u64, found, wanted)
                })?;
            }
            descriptors.push((value.len() as u64, block.heap_start + block.heap.len() as u64));
            block.heap.extend_from_slice(value);
        }
        self.descriptors(&descriptors, block)
    }

    /// Appends the lists that are not null to the heap, neighbours together.
    fn lists<O: OffsetSizeTrait>(
        &mut self,
        offsets: &[O],
        values: &ArrayRef,
        mask: Option<&NullBuffer>,
        block: &mut Block<'_>,
    ) -> Result<(), Error> {
        let count = offsets.len() - 1;
        let size = self.leaf.size();
        let mut descriptors = vec![(0, 0); count];
        let runs: Vec<(usize, usize)> = match mask {
            Some(mask) => mask.valid_slices().collect(),
            None => vec![(0, count)],
        };
        for (from, to) in runs {
            let (start, end) = (offsets[from].as_usize(), offsets[to].as_usize());
            let at = block.heap.len();
            for row in from..to {
                let (begin, behind) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
                let place = block.heap_start + (at + (begin - start) * size) as u64;
                descriptors[row] = ((behind - begin) as u64, place);
            }
            block.heap.resize(at + (end - start) * size, 0);
            let elements = values.slice(start, end - start);
            let first = block.first;
            let row_of = |element: usize| {
                let behind =
                    offsets[from..=to].partition_point(|offset| offset.as_usize() <= start + element);
                first + (from + behind - 1) as u64
            };
            let place = Place { stride: size, offset: 0, per_row: 1 };
            self.spread(&elements, elements.nulls(), &mut block.heap[at..], place, block.rules, &row_of)?;
        }
        self.descriptors(&descriptors, block)
    }

    /// Writes array descriptors: elements and byte offset in the heap.
    fn descriptors(&mut self, descriptors: &[(u64, u64)], block: &mut Block<'_>) -> Result<(), Error> {
        let rows = block.rows.chunks_exact_mut(block.row_len);
        for (n, (row, &(count, offset))) in rows.zip(descriptors).enumerate() {
            self.longest = self.longest.max(count);
            let cell = &mut row[self.offset..self.offset + self.width];
            if block.rules.short_descriptors {
                if count > i32::MAX as u64 || offset > i32::MAX as u64 {
                    let found = format!("an array at byte {offset} of the heap");
                    let wanted = "one below 2^31; use long descriptors";
                    return Err(self.unwritable(block.first + n as u64, found, wanted));
                }
                cell[..4].copy_from_slice(&(count as u32).to_be_bytes());
                cell[4..].copy_from_slice(&(offset as u32).to_be_bytes());
            } else {
                cell[..8].copy_from_slice(&count.to_be_bytes());
                cell[8..].copy_from_slice(&offset.to_be_bytes());
            }
        }
        Ok(())
    }

    fn unwritable(&self, row: u64, found: impl Into<String>, wanted: impl Into<String>) -> Error {
        let column = self.spec.name.clone();
        Error::Unwritable { column, row: Some(row), found: found.into(), wanted: wanted.into() }
    }

    /// Writes elements to their places; `row_of` tells in which row of the table an element is.
    fn spread(
        &mut self,
        array: &ArrayRef,
        mask: Option<&NullBuffer>,
        out: &mut [u8],
        place: Place,
        rules: Rules,
        row_of: &dyn Fn(usize) -> u64,
    ) -> Result<(), Error> {
        let mut elements = Elements { leaf: self.leaf, rules, null: false, taken: None };
        elements
            .spread(array, mask, out, place)
            .map_err(|misfit| self.unwritable(row_of(misfit.element), misfit.found, misfit.wanted))?;
        self.nulls.seen |= elements.null;
        self.nulls.taken = self.nulls.taken.or(elements.taken.map(row_of));
        match self.nulls {
            Nulls { seen: true, taken: Some(row) } => {
                let found = "the number that stands for null in a column that has nulls";
                Err(self.unwritable(row, found, "another one; cast the column to a wider type"))
            }
            _ => Ok(()),
        }
    }
}
