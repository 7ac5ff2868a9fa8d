//! The elements of an array as text and as big-endian bytes.
//!
//! An array is downcast once; what is done for each element after that is known when compiling.

use std::borrow::Cow;
use std::fmt::Display;

use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::time;
use super::xml;
use crate::error::{Misfit, quoted};

/// Elements of one array.
///
/// Only elements that are not null are asked for; what stands for null is asked for without a place.
pub(super) trait Elements {
    fn is_null(&self, at: usize) -> bool;

    /// Appends the element as TABLEDATA has it.
    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Appends the element as BINARY has it.
    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Appends what stands for a null inside of an array in TABLEDATA; unless written otherwise, nothing.
    fn null_text(&self, _: &mut Vec<u8>) -> Result<(), Misfit> {
        Ok(())
    }

    /// Appends what stands for a null in BINARY, and for a null inside of an array in BINARY2; unless written
    /// otherwise, the filling.
    fn null_binary(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.fill(out);
        Ok(())
    }

    /// Appends what fills the place of a cell that BINARY2 flags as null; unless written otherwise, the length
    /// of an empty array.
    fn fill(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 4]);
    }
}

/// Nulls of elements, if there are any.
#[derive(Clone, Debug)]
pub(super) struct Nulls(Option<NullBuffer>);

impl Nulls {
    pub(super) fn new(nulls: Option<NullBuffer>) -> Self {
        Nulls(nulls.filter(|nulls| nulls.null_count() > 0))
    }

    pub(super) fn of(array: &dyn Array) -> Self {
        Nulls::new(array.nulls().cloned())
    }

    #[inline]
    pub(super) fn is_null(&self, at: usize) -> bool {
        self.0.as_ref().is_some_and(|nulls| nulls.is_null(at))
    }
}

pub(super) struct Booleans {
    pub(super) values: BooleanBuffer,
    pub(super) nulls: Nulls,
}

impl Booleans {
    fn letter(&self, at: usize) -> u8 {
        if self.values.value(at) { b'T' } else { b'F' }
    }
}

impl Elements for Booleans {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        out.push(self.letter(at));
        Ok(())
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        out.push(self.letter(at));
        Ok(())
    }

    fn null_text(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        out.push(b'?');
        Ok(())
    }

    fn null_binary(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        out.push(b'?');
        Ok(())
    }

    fn fill(&self, out: &mut Vec<u8>) {
        out.push(0);
    }
}

/// A whole number as VOTable has it.
pub(super) trait Whole: itoa::Integer + Copy + PartialEq + Display {
    const ZERO: Self;

    fn put(self, out: &mut Vec<u8>);
}

macro_rules! whole {
    ($($type:ty)*) => {
        $(impl Whole for $type {
            const ZERO: Self = 0;

            #[inline]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        })*
    };
}

whole!(u8 i16 i32 i64);

/// Numbers of type `N`, written as `V`.
pub(super) struct Integers<'a, N, V> {
    pub(super) values: &'a [N],
    pub(super) nulls: Nulls,
    /// The number that stands for null.
    pub(super) null: Option<V>,
}

impl<N: Copy + Display, V: Whole + TryFrom<N>> Integers<'_, N, V> {
    #[inline]
    fn value(&self, at: usize) -> Result<V, Misfit> {
        let number = self.values[at];
        let Ok(value) = V::try_from(number) else {
            return Err(Misfit::new(
                number.to_string(),
                "at most 9223372036854775807; cast the column to text",
            ));
        };
        if self.null == Some(value) {
            let wanted = "another number than the one that stands for null; cast the column to a wider type or choose \
                          another null by the metadata `votable.null`";
            return Err(Misfit::new(number.to_string(), wanted));
        }
        Ok(value)
    }

    fn null(&self) -> Result<V, Misfit> {
        self.null.ok_or_else(|| {
            let wanted =
                "no null, as none can be told from numbers here; choose one by the metadata `votable.null`";
            Misfit::new("a null", wanted)
        })
    }
}

fn push_whole<V: Whole>(value: V, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

impl<N: Copy + Display, V: Whole + TryFrom<N>> Elements for Integers<'_, N, V> {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_whole(self.value(at)?, out);
        Ok(())
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.value(at)?.put(out);
        Ok(())
    }

    fn null_text(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_whole(self.null()?, out);
        Ok(())
    }

    fn null_binary(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.null()?.put(out);
        Ok(())
    }

    fn fill(&self, out: &mut Vec<u8>) {
        V::ZERO.put(out);
    }
}

/// A real number as VOTable has it.
pub(super) trait Real: ryu::Float + Copy {
    fn put(self, out: &mut Vec<u8>);

    fn is_negative(self) -> bool;

    fn class(self) -> std::num::FpCategory;

    const NAN: Self;
}

macro_rules! real {
    ($($type:ty)*) => {
        $(impl Real for $type {
            const NAN: Self = <$type>::NAN;

            #[inline]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }

            fn class(self) -> std::num::FpCategory {
                self.classify()
            }
        })*
    };
}

real!(f32 f64);

/// Appends the shortest text that reads as the same number.
#[inline]
fn push_real<F: Real>(value: F, out: &mut Vec<u8>) {
    match value.class() {
        std::num::FpCategory::Nan => out.extend_from_slice(b"NaN"),
        std::num::FpCategory::Infinite if value.is_negative() => out.extend_from_slice(b"-Inf"),
        std::num::FpCategory::Infinite => out.extend_from_slice(b"+Inf"),
        _ => out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
    }
}

pub(super) struct Reals<'a, F: Clone> {
    pub(super) values: Cow<'a, [F]>,
    pub(super) nulls: Nulls,
}

impl<F: Real> Elements for Reals<'_, F> {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_real(self.values[at], out);
        Ok(())
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.values[at].put(out);
        Ok(())
    }

    fn null_text(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_real(F::NAN, out);
        Ok(())
    }

    fn fill(&self, out: &mut Vec<u8>) {
        F::NAN.put(out);
    }
}

/// Real and imaginary parts; a null part is NaN.
pub(super) struct Complexes<'a, F: Clone> {
    pub(super) re: Reals<'a, F>,
    pub(super) im: Reals<'a, F>,
    pub(super) nulls: Nulls,
}

impl<F: Real> Complexes<'_, F> {
    fn parts(&self, at: usize) -> [F; 2] {
        [&self.re, &self.im].map(|part| if part.is_null(at) { F::NAN } else { part.values[at] })
    }
}

fn push_pair<F: Real>([re, im]: [F; 2], out: &mut Vec<u8>) {
    push_real(re, out);
    out.push(b' ');
    push_real(im, out);
}

impl<F: Real> Elements for Complexes<'_, F> {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_pair(self.parts(at), out);
        Ok(())
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        for part in self.parts(at) {
            part.put(out);
        }
        Ok(())
    }

    fn null_text(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        push_pair([F::NAN; 2], out);
        Ok(())
    }

    fn fill(&self, out: &mut Vec<u8>) {
        F::NAN.put(out);
        F::NAN.put(out);
    }
}

/// Texts of any length, one a cell.
pub(super) struct Texts<F> {
    /// Gives the text at a place.
    pub(super) value: F,
    pub(super) nulls: Nulls,
    pub(super) unicode: bool,
}

/// Appends what `write` appends, with the number of its units of `size` bytes in front.
fn counted(
    out: &mut Vec<u8>,
    size: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let count = (out.len() - start - 4) / size;
    let len = i32::try_from(count).map_err(|_| Misfit::new(format!("{count} elements"), "less than 2^31"))?;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

/// Appends the characters of a text as `char` or `unicodeChar` has them.
pub(super) fn characters(text: &str, unicode: bool, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if text.contains('\0') {
        return Err(Misfit::new(quoted(text), "text without NUL, which ends text in BINARY and BINARY2"));
    }
    if unicode {
        out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    } else if text.is_ascii() {
        out.extend_from_slice(text.as_bytes());
    } else {
        let wanted = "ASCII, as `char` has it in BINARY and BINARY2; write the column as `unicodeChar`";
        return Err(Misfit::new(quoted(text), wanted));
    }
    Ok(())
}

impl<'a, F: Fn(usize) -> &'a str> Elements for Texts<F> {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        xml::cell((self.value)(at), out)
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let size = if self.unicode { 2 } else { 1 };
        counted(out, size, |out| characters((self.value)(at), self.unicode, out))
    }
}

/// Bytes of any number, one array a cell.
pub(super) struct Blobs<F> {
    /// Gives the bytes at a place.
    pub(super) value: F,
    pub(super) nulls: Nulls,
}

impl<'a, F: Fn(usize) -> &'a [u8]> Elements for Blobs<F> {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        for (n, &byte) in (self.value)(at).iter().enumerate() {
            if n > 0 {
                out.push(b' ');
            }
            push_whole(byte, out);
        }
        Ok(())
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        counted(out, 1, |out| {
            out.extend_from_slice((self.value)(at));
            Ok(())
        })
    }
}

/// What the numbers of a time type count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// So many a day.
    Date(i64),
    /// Powers of ten of a second.
    Time(u32),
    Timestamp(u32),
}

/// Dates and times.
pub(super) struct Times {
    pub(super) ticks: Vec<i64>,
    pub(super) clock: Clock,
    pub(super) nulls: Nulls,
}

impl Elements for Times {
    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_null(at)
    }

    fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let ticks = self.ticks[at];
        let written = match self.clock {
            Clock::Date(per_day) => time::date(ticks.div_euclid(per_day), out),
            Clock::Time(decimals) => time::time(ticks, decimals, out),
            Clock::Timestamp(decimals) => time::timestamp(ticks, decimals, out),
        };
        let wanted = "a date of the years 0 to 9999 or a time within a day";
        written.ok_or_else(|| Misfit::new(format!("the time {ticks}"), wanted))
    }

    fn binary(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        counted(out, 1, |out| self.text(at, out))
    }
}

/// Nothing but nulls, as text.
pub(super) struct Nothing;

impl Elements for Nothing {
    fn is_null(&self, _: usize) -> bool {
        true
    }

    fn text(&self, _: usize, _: &mut Vec<u8>) -> Result<(), Misfit> {
        Ok(())
    }

    fn binary(&self, _: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.fill(out);
        Ok(())
    }
}
