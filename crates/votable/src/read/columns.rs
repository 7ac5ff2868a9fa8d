//! Cells, one by one, as the array of a column.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, FixedSizeListArray, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef};

use super::elements::Elements;
use crate::datatype::Datatype;
use crate::error::{Misfit, quoted};

/// A column under way.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) cells: Box<dyn Cells>,
    pub(super) width: Width,
    /// Bytes that a row takes in memory at least, be it null.
    pub(super) row_bytes: usize,
}

/// How many bytes a cell has in BINARY.
#[derive(Clone, Copy, Debug)]
pub(super) enum Width {
    /// So many, which are so many primitives.
    Fixed { bytes: usize, count: usize },
    /// A number of primitives stands in front.
    Counted(Datatype),
}

/// Where the cells of a column go.
pub(super) trait Cells: Send {
    /// Appends a cell of TABLEDATA that is not empty.
    fn text(&mut self, cell: &str) -> Result<(), Misfit>;

    /// Appends a cell of BINARY: `count` primitives.
    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit>;

    fn null(&mut self);

    /// Gives what was appended, and begins anew.
    fn finish(&mut self) -> ArrayRef;
}

/// One element a cell.
pub(super) struct One<E>(pub(super) E);

impl<E: Elements> Cells for One<E> {
    fn text(&mut self, cell: &str) -> Result<(), Misfit> {
        match self.0.text(cell)? {
            1 => Ok(()),
            0 => {
                self.0.nulls(1);
                Ok(())
            }
            _ => Err(Misfit::new(quoted(cell), E::WANTED)),
        }
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        self.0.binary(cell, count)
    }

    fn null(&mut self) {
        self.0.nulls(1);
    }

    fn finish(&mut self) -> ArrayRef {
        self.0.finish()
    }
}

/// Lists of a fixed number of elements.
pub(super) struct Fixed<E> {
    elements: E,
    count: usize,
    nulls: NullBufferBuilder,
    data_type: DataType,
}

impl<E: Elements> Fixed<E> {
    /// Begins a column of `data_type`, which is a `FixedSizeList` of `count`.
    pub(super) fn new(elements: E, count: usize, data_type: DataType) -> Self {
        Fixed { elements, count, nulls: NullBufferBuilder::new(0), data_type }
    }
}

impl<E: Elements> Cells for Fixed<E> {
    fn text(&mut self, cell: &str) -> Result<(), Misfit> {
        let found = self.elements.text(cell)?;
        if found == 0 {
            self.null();
            return Ok(());
        }
        let missing = self.count.checked_sub(found).filter(|&missing| missing == 0 || E::PADDED);
        let Some(missing) = missing else {
            return Err(Misfit::new(format!("{found} elements"), format!("{}", self.count)));
        };
        self.elements.pad(missing);
        self.nulls.append_non_null();
        Ok(())
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        self.nulls.append_non_null();
        self.elements.binary(cell, count)
    }

    fn null(&mut self) {
        self.elements.nulls(self.count);
        self.nulls.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        let (item, len) = fixed(&self.data_type);
        Arc::new(FixedSizeListArray::new(item, len, self.elements.finish(), nulls))
    }
}

/// The item and the length of a `FixedSizeList`.
fn fixed(data_type: &DataType) -> (FieldRef, i32) {
    match data_type {
        DataType::FixedSizeList(item, len) => (item.clone(), *len),
        other => (Arc::new(arrow_schema::Field::new_list_field(other.clone(), true)), 1),
    }
}

/// Lists of any number of groups of elements.
pub(super) struct Lists<E> {
    elements: E,
    group: usize,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    data_type: DataType,
}

impl<E: Elements> Lists<E> {
    /// Begins a column of `data_type`: a `List`, for groups of more than one of `FixedSizeList`s.
    pub(super) fn new(elements: E, group: usize, data_type: DataType) -> Self {
        Lists { elements, group, offsets: vec![0], nulls: NullBufferBuilder::new(0), data_type }
    }

    fn end(&mut self, count: usize) -> Result<(), Misfit> {
        let groups = count / self.group;
        if groups * self.group != count {
            return Err(Misfit::new(format!("{count} elements"), format!("a multiple of {}", self.group)));
        }
        let last = self.offsets.last().copied().unwrap_or(0);
        let end = i32::try_from(groups).ok().and_then(|groups| last.checked_add(groups));
        // The limits of the reader do not let it come to this.
        self.offsets.push(end.ok_or_else(|| Misfit::new(format!("{count} elements"), "fewer"))?);
        Ok(())
    }
}

impl<E: Elements> Cells for Lists<E> {
    fn text(&mut self, cell: &str) -> Result<(), Misfit> {
        let found = self.elements.text(cell)?;
        if found == 0 {
            self.null();
            return Ok(());
        }
        let missing = if E::PADDED { found.next_multiple_of(self.group) - found } else { 0 };
        self.elements.pad(missing);
        self.nulls.append_non_null();
        self.end(found + missing)
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        self.elements.binary(cell, count)?;
        self.nulls.append_non_null();
        self.end(E::elements_of(&self.elements, count))
    }

    fn null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let DataType::List(item) = &self.data_type else { return self.elements.finish() };
        let mut values = self.elements.finish();
        if self.group > 1 {
            let (inner, len) = fixed(item.data_type());
            values = Arc::new(FixedSizeListArray::new(inner, len, values, None));
        }
        Arc::new(ListArray::new(item.clone(), offsets, values, nulls))
    }
}

/// The characters of a cell of BINARY up to the first NUL.
///
/// `char` should be ASCII; where it is not, it is taken for UTF-8 if it can be, and for Latin-1 otherwise.
fn characters(cell: &[u8], unicode: bool, out: &mut String) -> Result<(), Misfit> {
    if unicode {
        let (units, _) = cell.as_chunks::<2>();
        let units = units.iter().map(|unit| u16::from_be_bytes(*unit)).take_while(|&unit| unit != 0);
        for letter in char::decode_utf16(units) {
            let wrong =
                |_| Misfit::new("text that is not UTF-16", "characters of 16 bits, or pairs of these");
            out.push(letter.map_err(wrong)?);
        }
        return Ok(());
    }
    let end = cell.iter().position(|&byte| byte == 0).unwrap_or(cell.len());
    match std::str::from_utf8(&cell[..end]) {
        Ok(text) => out.push_str(text),
        Err(_) => out.extend(cell[..end].iter().map(|&byte| char::from(byte))),
    }
    Ok(())
}

/// Texts.
pub(super) struct Texts {
    texts: StringBuilder,
    unicode: bool,
    scratch: String,
}

impl Texts {
    pub(super) fn new(unicode: bool) -> Self {
        Texts { texts: StringBuilder::new(), unicode, scratch: String::new() }
    }
}

impl Cells for Texts {
    fn text(&mut self, cell: &str) -> Result<(), Misfit> {
        self.texts.append_value(cell);
        Ok(())
    }

    fn binary(&mut self, cell: &[u8], _: usize) -> Result<(), Misfit> {
        self.scratch.clear();
        characters(cell, self.unicode, &mut self.scratch)?;
        self.texts.append_value(&self.scratch);
        Ok(())
    }

    fn null(&mut self) {
        self.texts.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.texts.finish())
    }
}

/// Strings of a fixed length beside each other; blanks at their ends are what fills them up.
pub(super) struct Strings {
    texts: StringBuilder,
    /// Bytes, or characters of 16 bits, of a string.
    width: usize,
    unicode: bool,
    scratch: String,
}

impl Strings {
    pub(super) fn new(width: usize, unicode: bool) -> Self {
        Strings { texts: StringBuilder::new(), width, unicode, scratch: String::new() }
    }
}

impl Elements for Strings {
    const WANTED: &'static str = "strings";
    const PADDED: bool = true;

    fn text(&mut self, cell: &str) -> Result<usize, Misfit> {
        let mut rest = cell;
        let mut count = 0;
        while !rest.is_empty() {
            // Where the next string ends.
            let mut units = 0;
            let end = rest.char_indices().find(|(_, letter)| {
                let len = if self.unicode { letter.len_utf16() } else { letter.len_utf8() };
                units += len;
                units > self.width
            });
            let (string, behind) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            if string.is_empty() {
                let wanted = format!("characters of at most {} bytes", self.width);
                return Err(Misfit::new(quoted(rest), wanted));
            }
            self.texts.append_value(string.trim_end_matches(' '));
            rest = behind;
            count += 1;
        }
        Ok(count)
    }

    fn binary(&mut self, cell: &[u8], _: usize) -> Result<(), Misfit> {
        let size = if self.unicode { 2 } else { 1 };
        for string in cell.chunks(self.width.saturating_mul(size).max(1)) {
            self.scratch.clear();
            characters(string, self.unicode, &mut self.scratch)?;
            self.texts.append_value(self.scratch.trim_end_matches(' '));
        }
        Ok(())
    }

    fn elements_of(&self, count: usize) -> usize {
        count.div_ceil(self.width)
    }

    fn nulls(&mut self, count: usize) {
        (0..count).for_each(|_| self.texts.append_null());
    }

    fn pad(&mut self, count: usize) {
        (0..count).for_each(|_| self.texts.append_value(""));
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.texts.finish())
    }
}
