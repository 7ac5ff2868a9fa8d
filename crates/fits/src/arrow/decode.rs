//! Big-endian cells into arrays, a column at a time.
//!
//! The rows of a block are walked once a column; a block is small enough to stay in the cache meanwhile. No value is
//! allocated by itself.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, ListArray, PrimitiveArray, StringArray, StructArray,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};

use super::form::{Form, Item, Shape};
use crate::{ColumnType, Error};

/// The cells of one column in some rows.
#[derive(Clone, Copy)]
struct Cells<'a> {
    rows: &'a [u8],
    /// Bytes from a cell to the next; not 0.
    stride: usize,
    offset: usize,
    width: usize,
}

impl<'a> Cells<'a> {
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.rows.chunks_exact(self.stride).map(move |row| &row[self.offset..self.offset + self.width])
    }

    /// Calls `each` with every element of `W` bytes.
    fn each<const W: usize>(self, mut each: impl FnMut([u8; W])) {
        for cell in self.iter() {
            cell.as_chunks::<W>().0.iter().for_each(|&element| each(element));
        }
    }

    /// Appends what `of` makes of every element of `W` bytes.
    fn gather<const W: usize, T>(self, out: &mut Vec<T>, of: impl Fn([u8; W]) -> T) {
        if self.width == W {
            let (offset, stride) = (self.offset, self.stride);
            let first = |row: &[u8]| row[offset..].first_chunk::<W>().copied().unwrap_or([0; W]);
            out.extend(self.rows.chunks_exact(stride).map(|row| of(first(row))));
        } else {
            for cell in self.iter() {
                out.extend(cell.as_chunks::<W>().0.iter().map(|&element| of(element)));
            }
        }
    }
}

/// The elements read so far.
enum Values {
    Bool(BooleanBufferBuilder),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Complex32(Vec<f32>, Vec<f32>),
    Complex64(Vec<f64>, Vec<f64>),
    /// Where each string ends, after a 0, and the strings.
    Text(Vec<i32>, Vec<u8>),
}

/// One column under way.
pub(super) struct Decoder<'f> {
    form: &'f Form,
    values: Values,
    nulls: NullBufferBuilder,
    /// Where the array of each row ends, after a 0; of columns in the heap alone.
    ends: Vec<i32>,
    rows: usize,
}

impl<'f> Decoder<'f> {
    /// Begins a column of about `rows` rows.
    pub(super) fn new(form: &'f Form, rows: usize) -> Self {
        let room = match form.shape {
            Shape::One => rows,
            // The rows of a batch were chosen so that this is within its memory.
            Shape::Fixed(count) => rows.saturating_mul(count),
            Shape::Heap(_) => 0,
        };
        let values = match form.item {
            Item::Logical | Item::Bit => Values::Bool(BooleanBufferBuilder::new(room)),
            Item::U8 => Values::U8(Vec::with_capacity(room)),
            Item::I8 => Values::I8(Vec::with_capacity(room)),
            Item::I16 => Values::I16(Vec::with_capacity(room)),
            Item::U16 => Values::U16(Vec::with_capacity(room)),
            Item::I32 => Values::I32(Vec::with_capacity(room)),
            Item::U32 => Values::U32(Vec::with_capacity(room)),
            Item::I64 => Values::I64(Vec::with_capacity(room)),
            Item::U64 => Values::U64(Vec::with_capacity(room)),
            Item::F32 => Values::F32(Vec::with_capacity(room)),
            Item::F64 | Item::Scaled(_) => Values::F64(Vec::with_capacity(room)),
            Item::Complex32 => Values::Complex32(Vec::with_capacity(room), Vec::with_capacity(room)),
            Item::Complex64 | Item::ScaledComplex(_) => {
                Values::Complex64(Vec::with_capacity(room), Vec::with_capacity(room))
            }
            Item::Text => {
                let mut ends = Vec::with_capacity(room + 1);
                ends.push(0);
                Values::Text(ends, Vec::with_capacity(rows.saturating_mul(form.width)))
            }
        };
        Decoder { form, values, nulls: NullBufferBuilder::new(room), ends: vec![0], rows: 0 }
    }

    /// Appends `count` rows of `row_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where an Arrow array of text cannot hold them.
    pub(super) fn rows(&mut self, rows: &[u8], row_len: usize, count: usize) -> Result<(), Error> {
        self.rows += count;
        let Form { offset, width, .. } = *self.form;
        match self.form.shape {
            _ if width > 0 => self.push(Cells { rows, stride: row_len, offset, width }, None),
            Shape::One if self.form.item == Item::Text => self.empty_strings(count),
            Shape::Fixed(strings) if self.form.item == Item::Text => self.empty_strings(count * strings),
            _ => Ok(()),
        }
    }

    /// Appends a row whose `count` elements are these bytes of the heap.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where an Arrow array cannot hold them.
    pub(super) fn array(&mut self, bytes: &[u8], count: usize) -> Result<(), Error> {
        self.rows += 1;
        if !bytes.is_empty() {
            let cells = Cells { rows: bytes, stride: bytes.len(), offset: 0, width: bytes.len() };
            self.push(cells, Some(count))?;
        } else if self.form.item == Item::Text {
            self.empty_strings(1)?;
        }
        let last = self.ends.last().copied().unwrap_or(0);
        let end = i32::try_from(count).ok().and_then(|count| last.checked_add(count));
        self.ends.push(end.ok_or_else(|| self.too_large())?);
        Ok(())
    }

    fn too_large(&self) -> Error {
        let name = self.form.field.name();
        Error::TooLarge { sizes: format!("column {name} has more than 2147483647 elements in one batch") }
    }

    fn empty_strings(&mut self, count: usize) -> Result<(), Error> {
        if let Values::Text(ends, bytes) = &mut self.values {
            ends.resize(ends.len() + count, bytes.len() as i32);
        }
        Ok(())
    }

    /// Appends the elements of cells; `count` is the number of bits in an array of the heap.
    fn push(&mut self, cells: Cells<'_>, count: Option<usize>) -> Result<(), Error> {
        self.push_nulls(cells);
        let Form { scale, zero, item, .. } = *self.form;
        match &mut self.values {
            Values::Bool(bits) if item == Item::Bit => {
                let count = count.unwrap_or(match self.form.shape {
                    Shape::Fixed(count) => count,
                    _ => 1,
                });
                let mut packed = Vec::with_capacity(cells.width);
                for cell in cells.iter() {
                    packed.clear();
                    packed.extend(cell.iter().map(|byte| byte.reverse_bits()));
                    bits.append_packed_range(0..count, &packed);
                }
            }
            Values::Bool(bits) => cells.each(|[byte]| bits.append(byte == b'T')),
            Values::U8(out) => cells.gather(out, |[byte]| byte),
            // An unsigned number with its highest bit turned is the signed one that the zero point makes of it.
            Values::I8(out) => cells.gather(out, |[byte]| (byte ^ 0x80) as i8),
            Values::I16(out) => cells.gather(out, i16::from_be_bytes),
            Values::U16(out) => cells.gather(out, |e| u16::from_be_bytes(e) ^ (1 << 15)),
            Values::I32(out) => cells.gather(out, i32::from_be_bytes),
            Values::U32(out) => cells.gather(out, |e| u32::from_be_bytes(e) ^ (1 << 31)),
            Values::I64(out) => cells.gather(out, i64::from_be_bytes),
            Values::U64(out) => cells.gather(out, |e| u64::from_be_bytes(e) ^ (1 << 63)),
            Values::F32(out) => cells.gather(out, f32::from_be_bytes),
            Values::F64(out) => {
                let real = |stored: f64| zero + scale * stored;
                match item {
                    Item::Scaled(ColumnType::Byte) => cells.gather(out, |[byte]| real(byte.into())),
                    Item::Scaled(ColumnType::Short) => {
                        cells.gather(out, |e| real(i16::from_be_bytes(e).into()))
                    }
                    Item::Scaled(ColumnType::Int) => {
                        cells.gather(out, |e| real(i32::from_be_bytes(e).into()))
                    }
                    Item::Scaled(ColumnType::Long) => {
                        cells.gather(out, |e| real(i64::from_be_bytes(e) as f64))
                    }
                    Item::Scaled(ColumnType::Float) => {
                        cells.gather(out, |e| real(f32::from_be_bytes(e).into()))
                    }
                    Item::Scaled(_) => cells.gather(out, |e| real(f64::from_be_bytes(e))),
                    _ => cells.gather(out, f64::from_be_bytes),
                }
            }
            Values::Complex32(re, im) => cells.each(|e: [u8; 8]| {
                let [real, imaginary] = halves::<8, 4>(e);
                re.push(f32::from_be_bytes(real));
                im.push(f32::from_be_bytes(imaginary));
            }),
            Values::Complex64(re, im) => {
                let mut push = |real: f64, imaginary: f64| {
                    re.push(zero + scale * real);
                    im.push(scale * imaginary);
                };
                match item {
                    Item::ScaledComplex(ColumnType::ComplexFloat) => cells.each(|e: [u8; 8]| {
                        let [real, imaginary] = halves::<8, 4>(e).map(f32::from_be_bytes);
                        push(real.into(), imaginary.into());
                    }),
                    Item::ScaledComplex(_) => cells.each(|e: [u8; 16]| {
                        let [real, imaginary] = halves::<16, 8>(e).map(f64::from_be_bytes);
                        push(real, imaginary);
                    }),
                    // Adding 0 would make a negative zero positive.
                    _ => cells.each(|e: [u8; 16]| {
                        let [real, imaginary] = halves::<16, 8>(e).map(f64::from_be_bytes);
                        re.push(real);
                        im.push(imaginary);
                    }),
                }
            }
            Values::Text(ends, out) => {
                let width = if count.is_some() { cells.width } else { self.form.text_width.max(1) };
                for cell in cells.iter() {
                    for string in cell.chunks_exact(width) {
                        push_text(string, out);
                        // A batch holds at most half of that, unless a single row is larger.
                        let Ok(end) = i32::try_from(out.len()) else { return Err(self.too_large()) };
                        ends.push(end);
                    }
                }
            }
        }
        Ok(())
    }

    fn push_nulls(&mut self, cells: Cells<'_>) {
        let nulls = &mut self.nulls;
        if self.form.item == Item::Logical {
            return cells.each(|[byte]| nulls.append(matches!(byte, b'T' | b'F')));
        }
        let Some(null) = self.form.null else { return };
        match self.form.item.stored(1) {
            Some(1) => cells.each(|[byte]| nulls.append(i64::from(byte) != null)),
            Some(2) => cells.each(|e| nulls.append(i64::from(i16::from_be_bytes(e)) != null)),
            Some(4) => cells.each(|e| nulls.append(i64::from(i32::from_be_bytes(e)) != null)),
            _ => cells.each(|e| nulls.append(i64::from_be_bytes(e) != null)),
        }
    }

    /// Makes the array.
    ///
    /// # Errors
    /// [`Error::Arrow`], which would be a mistake of this module.
    pub(super) fn finish(self) -> Result<ArrayRef, Error> {
        self.array_of_rows().map_err(|source| Error::Arrow { action: "hold a column", source })
    }

    fn array_of_rows(mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = if self.form.field.is_nullable() || self.has_nullable_items() {
            self.nulls.finish()
        } else {
            None
        };
        let values: ArrayRef = match self.values {
            Values::Bool(mut bits) => Arc::new(BooleanArray::new(bits.finish(), nulls)),
            Values::U8(values) => primitive::<UInt8Type>(values, nulls)?,
            Values::I8(values) => primitive::<Int8Type>(values, nulls)?,
            Values::I16(values) => primitive::<Int16Type>(values, nulls)?,
            Values::U16(values) => primitive::<UInt16Type>(values, nulls)?,
            Values::I32(values) => primitive::<Int32Type>(values, nulls)?,
            Values::U32(values) => primitive::<UInt32Type>(values, nulls)?,
            Values::I64(values) => primitive::<Int64Type>(values, nulls)?,
            Values::U64(values) => primitive::<UInt64Type>(values, nulls)?,
            Values::F32(values) => primitive::<Float32Type>(values, nulls)?,
            Values::F64(values) => primitive::<Float64Type>(values, nulls)?,
            Values::Complex32(re, im) => {
                complex(self.form, primitive::<Float32Type>(re, None)?, primitive::<Float32Type>(im, None)?)?
            }
            Values::Complex64(re, im) => {
                complex(self.form, primitive::<Float64Type>(re, None)?, primitive::<Float64Type>(im, None)?)?
            }
            Values::Text(ends, bytes) => {
                Arc::new(StringArray::try_new(offsets(ends), Buffer::from_vec(bytes), None)?)
            }
        };
        Ok(match self.form.field.data_type() {
            DataType::FixedSizeList(item, size) => {
                let list =
                    FixedSizeListArray::try_new_with_length(item.clone(), *size, values, None, self.rows);
                Arc::new(list?)
            }
            DataType::List(item) => {
                Arc::new(ListArray::try_new(item.clone(), offsets(self.ends), values, None)?)
            }
            _ => values,
        })
    }

    fn has_nullable_items(&self) -> bool {
        matches!(self.form.field.data_type(),
            DataType::FixedSizeList(item, _) | DataType::List(item) if item.is_nullable())
    }
}

fn halves<const W: usize, const H: usize>(element: [u8; W]) -> [[u8; H]; 2] {
    let half = |from: usize| element[from..].first_chunk::<H>().copied().unwrap_or([0; H]);
    [half(0), half(W / 2)]
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<arrow_buffer::NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls)?))
}

fn complex(form: &Form, re: ArrayRef, im: ArrayRef) -> Result<ArrayRef, ArrowError> {
    let item = match form.field.data_type() {
        DataType::FixedSizeList(item, _) | DataType::List(item) => item.data_type(),
        own => own,
    };
    let DataType::Struct(fields) = item else {
        return Err(ArrowError::SchemaError(format!("{item} is no complex number")));
    };
    let len = re.len();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), vec![re, im], None, len)?))
}

/// Offsets of what was appended piece by piece: they begin at 0 and ascend.
fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(ends))
}

/// Appends a string without what follows its first NUL and without trailing blanks, as UTF-8.
fn push_text(string: &[u8], out: &mut Vec<u8>) {
    let end = string.iter().position(|&byte| byte == 0).unwrap_or(string.len());
    let end = string[..end].iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    let string = &string[..end];
    if std::str::from_utf8(string).is_ok() {
        out.extend_from_slice(string);
    } else {
        let mut letter = [0; 2];
        for &byte in string {
            out.extend_from_slice(char::from(byte).encode_utf8(&mut letter).as_bytes());
        }
    }
}
