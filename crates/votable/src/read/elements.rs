//! Elements, one or many at a time, as an array.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StructArray};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder, ScalarBuffer};
use arrow_schema::Fields;

use crate::error::{Misfit, quoted};

/// Where elements go.
pub(super) trait Elements: Send {
    /// What a text should be.
    const WANTED: &'static str;

    /// Whether a cell of TABLEDATA may have fewer than it should, the last of which are empty.
    const PADDED: bool = false;

    /// Appends the elements that a text has, and says how many.
    fn text(&mut self, cell: &str) -> Result<usize, Misfit>;

    /// Appends `count` primitives.
    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit>;

    /// How many elements so many primitives are.
    fn elements_of(&self, count: usize) -> usize {
        count
    }

    /// Appends so many nulls.
    fn nulls(&mut self, count: usize);

    /// Appends so many empty elements, where a cell may have fewer than it should.
    fn pad(&mut self, _count: usize) {}

    /// Gives what was appended, and begins anew.
    fn finish(&mut self) -> ArrayRef;
}

/// A number as VOTable has it.
pub(super) trait Number: ArrowPrimitiveType<Native: Default> {
    /// What stands for null.
    type Null: Copy + Send;
    /// Bytes of a number.
    const SIZE: usize;
    const WANTED: &'static str;
    const NAN: Self::Native;

    /// Reads the attribute `null`; what is no number stands for nothing.
    fn null(text: &str) -> Option<Self::Null>;

    /// Reads a number; `Some(None)` is null.
    fn parse(text: &str, null: Option<Self::Null>) -> Option<Option<Self::Native>>;

    fn is_null(value: Self::Native, null: Self::Null) -> bool;

    /// Reads big-endian numbers.
    fn read(cell: &[u8], out: &mut Vec<Self::Native>);
}

/// Reads a whole number of at most `bits` bits, in decimal or, as a pattern of bits, hexadecimal.
fn whole(text: &str, bits: u32, signed: bool) -> Option<i64> {
    let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return text.parse().ok();
    };
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pattern = u64::from_str_radix(hex, 16).ok()?;
    if bits < 64 && pattern >> bits != 0 {
        return None;
    }
    // The highest bit of a signed number is its sign.
    let beyond = 64 - bits;
    Some(if signed { ((pattern << beyond) as i64) >> beyond } else { pattern as i64 })
}

macro_rules! integers {
    ($($type:ty, $native:ty, $signed:expr, $wanted:expr;)*) => {
        $(impl Number for $type {
            type Null = i64;
            const SIZE: usize = size_of::<$native>();
            const WANTED: &'static str = $wanted;
            const NAN: $native = 0;

            fn null(text: &str) -> Option<i64> {
                whole(text.trim(), <$native>::BITS, $signed)
            }

            #[inline]
            fn parse(text: &str, null: Option<i64>) -> Option<Option<$native>> {
                let number = whole(text, <$native>::BITS, $signed)?;
                if null == Some(number) {
                    return Some(None);
                }
                <$native>::try_from(number).ok().map(Some)
            }

            #[inline]
            fn is_null(value: $native, null: i64) -> bool {
                i64::from(value) == null
            }

            fn read(cell: &[u8], out: &mut Vec<$native>) {
                let (numbers, _) = cell.as_chunks();
                out.extend(numbers.iter().map(|bytes| <$native>::from_be_bytes(*bytes)));
            }
        })*
    };
}

integers! {
    UInt8Type, u8, false, "a number of 0 to 255";
    Int16Type, i16, true, "a whole number of 16 bits";
    Int32Type, i32, true, "a whole number of 32 bits";
    Int64Type, i64, true, "a whole number of 64 bits";
}

macro_rules! reals {
    ($($type:ty, $native:ty;)*) => {
        $(impl Number for $type {
            type Null = $native;
            const SIZE: usize = size_of::<$native>();
            const WANTED: &'static str = "a number, NaN, +Inf or -Inf";
            const NAN: $native = <$native>::NAN;

            fn null(text: &str) -> Option<$native> {
                text.trim().parse().ok()
            }

            #[inline]
            fn parse(text: &str, null: Option<$native>) -> Option<Option<$native>> {
                let number: $native = text.parse().ok()?;
                Some(if null.is_some_and(|null| Self::is_null(number, null)) { None } else { Some(number) })
            }

            #[inline]
            fn is_null(value: $native, null: $native) -> bool {
                value == null || (value.is_nan() && null.is_nan())
            }

            fn read(cell: &[u8], out: &mut Vec<$native>) {
                let (numbers, _) = cell.as_chunks();
                out.extend(numbers.iter().map(|bytes| <$native>::from_be_bytes(*bytes)));
            }
        })*
    };
}

reals! {
    Float32Type, f32;
    Float64Type, f64;
}

pub(super) struct Numbers<T: Number> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    null: Option<T::Null>,
}

impl<T: Number> Numbers<T> {
    pub(super) fn new(null: Option<T::Null>) -> Self {
        Numbers { values: Vec::new(), nulls: NullBufferBuilder::new(0), null }
    }
}

impl<T: Number> Elements for Numbers<T> {
    const WANTED: &'static str = T::WANTED;

    fn text(&mut self, cell: &str) -> Result<usize, Misfit> {
        let mut count = 0;
        for token in cell.split_ascii_whitespace() {
            match T::parse(token, self.null) {
                Some(Some(value)) => {
                    self.values.push(value);
                    self.nulls.append_non_null();
                }
                Some(None) => self.nulls(1),
                None => return Err(Misfit::new(quoted(token), T::WANTED)),
            }
            count += 1;
        }
        Ok(count)
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        let start = self.values.len();
        T::read(cell, &mut self.values);
        match self.null {
            Some(null) => {
                for &value in &self.values[start..] {
                    self.nulls.append(!T::is_null(value, null));
                }
            }
            None => self.nulls.append_n_non_nulls(count),
        }
        Ok(())
    }

    fn nulls(&mut self, count: usize) {
        self.values.resize(self.values.len() + count, T::Native::default());
        self.nulls.append_n_nulls(count);
    }

    fn finish(&mut self) -> ArrayRef {
        let values = ScalarBuffer::from(std::mem::take(&mut self.values));
        Arc::new(PrimitiveArray::<T>::new(values, self.nulls.finish()))
    }
}

/// Structs of real and imaginary parts.
pub(super) struct Complexes<T: Number> {
    re: Vec<T::Native>,
    im: Vec<T::Native>,
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl<T: Number> Complexes<T> {
    /// Begins structs of `fields`, which are the real and the imaginary part.
    pub(super) fn new(fields: Fields) -> Self {
        Complexes { re: Vec::new(), im: Vec::new(), nulls: NullBufferBuilder::new(0), fields }
    }
}

impl<T: Number> Elements for Complexes<T> {
    const WANTED: &'static str = "a real and an imaginary part";

    fn text(&mut self, cell: &str) -> Result<usize, Misfit> {
        let mut parts = cell.split_ascii_whitespace();
        let mut count = 0;
        while let Some(re) = parts.next() {
            let parse = |part: &str| T::parse(part, None).flatten();
            let number = |part: &str| parse(part).ok_or_else(|| Misfit::new(quoted(part), T::WANTED));
            let Some(im) = parts.next() else {
                return Err(Misfit::new(format!("{} alone", quoted(re)), Self::WANTED));
            };
            self.re.push(number(re)?);
            self.im.push(number(im)?);
            self.nulls.append_non_null();
            count += 1;
        }
        Ok(count)
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        for pair in cell.chunks_exact(2 * T::SIZE) {
            let (re, im) = pair.split_at(T::SIZE);
            T::read(re, &mut self.re);
            T::read(im, &mut self.im);
        }
        self.nulls.append_n_non_nulls(count);
        Ok(())
    }

    fn nulls(&mut self, count: usize) {
        self.re.resize(self.re.len() + count, T::NAN);
        self.im.resize(self.im.len() + count, T::NAN);
        self.nulls.append_n_nulls(count);
    }

    fn finish(&mut self) -> ArrayRef {
        let part = |values: &mut Vec<T::Native>| -> ArrayRef {
            Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(std::mem::take(values)), None))
        };
        let parts = vec![part(&mut self.re), part(&mut self.im)];
        Arc::new(StructArray::new(self.fields.clone(), parts, self.nulls.finish()))
    }
}

/// Booleans with their nulls.
struct Flags {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Default for Flags {
    fn default() -> Self {
        Flags { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) }
    }
}

impl Flags {
    fn append(&mut self, value: Option<bool>) {
        self.values.append(value.unwrap_or(false));
        self.nulls.append(value.is_some());
    }

    fn nulls(&mut self, count: usize) {
        self.values.append_n(count, false);
        self.nulls.append_n_nulls(count);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish()))
    }
}

#[derive(Default)]
pub(super) struct Booleans(Flags);

impl Elements for Booleans {
    const WANTED: &'static str = "T, t, 1, true, F, f, 0, false or ?";

    fn text(&mut self, cell: &str) -> Result<usize, Misfit> {
        let mut count = 0;
        for token in cell.split_ascii_whitespace() {
            self.0.append(match token {
                "T" | "t" | "1" => Some(true),
                "F" | "f" | "0" => Some(false),
                "?" => None,
                word if word.eq_ignore_ascii_case("true") => Some(true),
                word if word.eq_ignore_ascii_case("false") => Some(false),
                other => return Err(Misfit::new(quoted(other), Self::WANTED)),
            });
            count += 1;
        }
        Ok(count)
    }

    fn binary(&mut self, cell: &[u8], _: usize) -> Result<(), Misfit> {
        for &byte in cell {
            self.0.append(match byte {
                b'T' | b't' | b'1' => Some(true),
                b'F' | b'f' | b'0' => Some(false),
                b'?' | b' ' | 0 => None,
                other => {
                    return Err(Misfit::new(
                        format!("the byte 0x{other:02X}"),
                        "T, t, 1, F, f, 0, ?, blank or NUL",
                    ));
                }
            });
        }
        Ok(())
    }

    fn nulls(&mut self, count: usize) {
        self.0.nulls(count);
    }

    fn finish(&mut self) -> ArrayRef {
        self.0.finish()
    }
}

#[derive(Default)]
pub(super) struct Bits(Flags);

impl Elements for Bits {
    const WANTED: &'static str = "0 or 1";

    fn text(&mut self, cell: &str) -> Result<usize, Misfit> {
        let mut count = 0;
        for letter in cell.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
            match letter {
                b'0' | b'1' => self.0.append(Some(letter == b'1')),
                _ => return Err(Misfit::new(quoted(cell), "the digits 0 and 1")),
            }
            count += 1;
        }
        Ok(count)
    }

    fn binary(&mut self, cell: &[u8], count: usize) -> Result<(), Misfit> {
        if let (&[byte], 1) = (cell, count) {
            // The bits behind it should be 0, but astropy puts a single one into the fifth.
            self.0.append(Some(byte != 0));
            return Ok(());
        }
        for n in 0..count.min(cell.len() * 8) {
            self.0.values.append(cell[n / 8] & (0x80 >> (n % 8)) != 0);
        }
        self.0.nulls.append_n_non_nulls(count);
        Ok(())
    }

    fn nulls(&mut self, count: usize) {
        self.0.nulls(count);
    }

    fn finish(&mut self) -> ArrayRef {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_decimal_or_patterns_of_bits() {
        let check =
            |text: &str, bits, wanted: Option<i64>| assert_eq!(whole(text, bits, true), wanted, "{text}");
        check("-32768", 16, Some(-32768));
        check("+7", 16, Some(7));
        check("0x7fff", 16, Some(32767));
        check("0xFFFF", 16, Some(-1));
        check("0X10000", 16, None);
        check("0xffffffffffffffff", 64, Some(-1));
        check("0x10000000000000000", 64, None);
        check("0x", 16, None);
        check("0x+1", 16, None);
        check("1.0", 16, None);
        check("", 16, None);
        assert_eq!(whole("0xff", 8, false), Some(255));
    }
}
