//! The cells of one column of a batch: an array downcast once, and then a virtual call a cell.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

use super::elements::{
    Blobs, Booleans, Clock, Complexes, Elements, Integers, Nothing, Nulls, Real, Reals, Texts, Times,
    characters,
};
use super::plan::Plan;
use super::xml;
use crate::datatype::Datatype;
use crate::error::{Misfit, quoted};

/// The cells of a column.
pub(super) trait Cells {
    fn is_null(&self, row: usize) -> bool;

    /// Appends a cell that is not null as TABLEDATA has it.
    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Appends a cell as BINARY has it, be it null or not.
    fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Appends what stands for a null cell in BINARY.
    fn null(&self, out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Appends what fills the place of a cell that BINARY2 flags as null.
    fn fill(&self, out: &mut Vec<u8>);
}

/// Takes the array of a column apart.
///
/// The array is of the type that the plan was made for.
pub(super) fn cells<'a>(array: &'a ArrayRef, plan: &Plan) -> Box<dyn Cells + 'a> {
    if let DataType::Dictionary(..) = array.data_type() {
        let dictionary = array.as_any_dictionary();
        let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
        return Box::new(Keyed { keys, nulls: Nulls::of(array), values: cells(dictionary.values(), plan) });
    }
    let lists = Lists::of(array);
    if let Some(width) = plan.width {
        let value = text_of(lists.leaf);
        let unicode = plan.datatype == Datatype::UnicodeChar;
        let nulls = lists.element_nulls();
        return match lists.extent {
            Extent::One => {
                Box::new(Padded { value, nulls, width, unicode, lists: Fixed(1), cells: lists.cells })
            }
            Extent::Fixed(lists_of) => {
                Box::new(Padded { value, nulls, width, unicode, lists: lists_of, cells: lists.cells })
            }
            Extent::Small(lists_of) => {
                Box::new(Padded { value, nulls, width, unicode, lists: lists_of, cells: lists.cells })
            }
            Extent::Large(lists_of) => {
                Box::new(Padded { value, nulls, width, unicode, lists: lists_of, cells: lists.cells })
            }
        };
    }
    of_leaf(lists, plan)
}

/// A dictionary.
struct Keyed<'a> {
    keys: Vec<usize>,
    nulls: Nulls,
    values: Box<dyn Cells + 'a>,
}

impl Keyed<'_> {
    /// The place of a row's value, unless the row is null.
    fn key(&self, row: usize) -> Option<usize> {
        self.keys.get(row).copied().filter(|_| !self.nulls.is_null(row))
    }
}

impl Cells for Keyed<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.key(row).is_none_or(|key| self.values.is_null(key))
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.key(row).map_or(Ok(()), |key| self.values.text(key, out))
    }

    fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match self.key(row) {
            Some(key) => self.values.binary(key, out),
            None => self.values.null(out),
        }
    }

    fn null(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.values.null(out)
    }

    fn fill(&self, out: &mut Vec<u8>) {
        self.values.fill(out);
    }
}

/// Which elements belong to a row.
trait Ranges {
    /// Elements of every row, where that is a fixed number.
    const FIXED: bool;

    fn range(&self, row: usize) -> std::ops::Range<usize>;
}

/// Rows of as many elements each.
#[derive(Clone, Copy)]
struct Fixed(usize);

impl Ranges for Fixed {
    const FIXED: bool = true;

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        row * self.0..(row + 1) * self.0
    }
}

/// Rows of groups of elements between offsets.
#[derive(Clone, Copy)]
struct Offsets<'a, O> {
    offsets: &'a [O],
    group: usize,
}

impl<O: OffsetSizeTrait> Ranges for Offsets<'_, O> {
    const FIXED: bool = false;

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row].as_usize() * self.group..self.offsets[row + 1].as_usize() * self.group
    }
}

enum Extent<'a> {
    One,
    Fixed(Fixed),
    Small(Offsets<'a, i32>),
    Large(Offsets<'a, i64>),
}

/// The lists of a column, and the array of their elements.
struct Lists<'a> {
    leaf: &'a ArrayRef,
    /// Nulls of the cells.
    cells: Nulls,
    /// Nulls that elements have from lists within the cells.
    inner: Option<NullBuffer>,
    extent: Extent<'a>,
}

impl<'a> Lists<'a> {
    fn of(array: &'a ArrayRef) -> Self {
        let mut lists = Lists { leaf: array, cells: Nulls::new(None), inner: None, extent: Extent::One };
        let mut group = 1;
        if let Some(list) = array.as_list_opt::<i32>() {
            lists.extent = Extent::Small(Offsets { offsets: list.offsets(), group });
            lists.leaf = list.values();
        } else if let Some(list) = array.as_list_opt::<i64>() {
            lists.extent = Extent::Large(Offsets { offsets: list.offsets(), group });
            lists.leaf = list.values();
        }
        let outermost = matches!(lists.extent, Extent::One);
        if !outermost {
            lists.cells = Nulls::of(array);
        }
        let mut depth = 0;
        while let Some(list) = lists.leaf.as_fixed_size_list_opt() {
            let size = list.value_length().max(0) as usize;
            if outermost && depth == 0 {
                lists.cells = Nulls::of(list);
            } else {
                let nulls = list.nulls().map(|nulls| nulls.slice(0, list.len()));
                lists.inner = NullBuffer::union(lists.inner.as_ref(), nulls.as_ref());
            }
            lists.inner = lists.inner.map(|inner| inner.expand(size));
            lists.leaf = list.values();
            group *= size;
            depth += 1;
        }
        match &mut lists.extent {
            Extent::One if depth > 0 => lists.extent = Extent::Fixed(Fixed(group)),
            Extent::One | Extent::Fixed(_) => {}
            Extent::Small(offsets) => offsets.group = group,
            Extent::Large(offsets) => offsets.group = group,
        }
        lists
    }

    /// Nulls of the elements, whatever they have them from.
    fn element_nulls(&self) -> Nulls {
        let Some(inner) = &self.inner else { return Nulls::of(self.leaf) };
        // The array may have more elements than the lists ask for.
        let own = self.leaf.nulls().map(|nulls| nulls.slice(0, inner.len().min(nulls.len())));
        Nulls::new(NullBuffer::union(Some(inner), own.as_ref()))
    }

    fn boxed<E: Elements + 'a>(self, elements: E) -> Box<dyn Cells + 'a> {
        let cells = self.cells;
        match self.extent {
            Extent::One => Box::new(Single(elements)),
            Extent::Fixed(lists) => Box::new(Several { elements, lists, cells }),
            Extent::Small(lists) => Box::new(Several { elements, lists, cells }),
            Extent::Large(lists) => Box::new(Several { elements, lists, cells }),
        }
    }
}

/// One element a cell.
struct Single<E>(E);

impl<E: Elements> Cells for Single<E> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.0.text(row, out)
    }

    fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.0.is_null(row) { self.0.null_binary(out) } else { self.0.binary(row, out) }
    }

    fn null(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.0.null_binary(out)
    }

    fn fill(&self, out: &mut Vec<u8>) {
        self.0.fill(out);
    }
}

/// A list a cell.
struct Several<E, L> {
    elements: E,
    lists: L,
    cells: Nulls,
}

/// Appends the number of primitives of a cell.
fn push_count(count: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let len = i32::try_from(count).map_err(|_| Misfit::new(format!("{count} elements"), "less than 2^31"))?;
    out.extend_from_slice(&len.to_be_bytes());
    Ok(())
}

impl<E: Elements, L: Ranges> Cells for Several<E, L> {
    fn is_null(&self, row: usize) -> bool {
        self.cells.is_null(row)
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        for (n, at) in self.lists.range(row).enumerate() {
            if n > 0 {
                out.push(b' ');
            }
            if self.elements.is_null(at) {
                self.elements.null_text(out)?;
            } else {
                self.elements.text(at, out)?;
            }
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.is_null(row) {
            return self.null(out);
        }
        let range = self.lists.range(row);
        if !L::FIXED {
            push_count(range.len(), out)?;
        }
        for at in range {
            if self.elements.is_null(at) {
                self.elements.null_binary(out)?;
            } else {
                self.elements.binary(at, out)?;
            }
        }
        Ok(())
    }

    fn null(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if !L::FIXED {
            return push_count(0, out);
        }
        self.lists.range(0).try_for_each(|_| self.elements.null_binary(out))
    }

    fn fill(&self, out: &mut Vec<u8>) {
        if L::FIXED {
            self.lists.range(0).for_each(|_| self.elements.fill(out));
        } else {
            out.extend_from_slice(&[0; 4]);
        }
    }
}

/// A list of strings a cell, each filled up with blanks to `width` units; null is blank.
struct Padded<F, L> {
    value: F,
    nulls: Nulls,
    width: usize,
    unicode: bool,
    lists: L,
    cells: Nulls,
}

impl<'a, F: Fn(usize) -> &'a str, L: Ranges> Padded<F, L> {
    /// The text at a place, and how many blanks it lacks.
    fn element(&self, at: usize) -> Result<(&'a str, usize), Misfit> {
        let text = if self.nulls.is_null(at) { "" } else { (self.value)(at) };
        let units = if self.unicode { text.encode_utf16().count() } else { text.len() };
        match self.width.checked_sub(units) {
            Some(blanks) => Ok((text, blanks)),
            None => {
                let wanted = format!("at most {}, as its metadata `width` has it", self.width);
                Err(Misfit::new(format!("{} of length {units}", quoted(text)), wanted))
            }
        }
    }

    fn blanks(&self, count: usize, out: &mut Vec<u8>) {
        let blank: &[u8] = if self.unicode { b"\0 " } else { b" " };
        (0..count).for_each(|_| out.extend_from_slice(blank));
    }
}

impl<'a, F: Fn(usize) -> &'a str, L: Ranges> Cells for Padded<F, L> {
    fn is_null(&self, row: usize) -> bool {
        self.cells.is_null(row)
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        for at in self.lists.range(row) {
            let (text, blanks) = self.element(at)?;
            xml::cell(text, out)?;
            out.resize(out.len() + blanks, b' ');
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.is_null(row) {
            return self.null(out);
        }
        let range = self.lists.range(row);
        if !L::FIXED {
            push_count(range.len() * self.width, out)?;
        }
        for at in range {
            let (text, blanks) = self.element(at)?;
            characters(text, self.unicode, out)?;
            self.blanks(blanks, out);
        }
        Ok(())
    }

    fn null(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if !L::FIXED {
            return push_count(0, out);
        }
        self.blanks(self.lists.range(0).len() * self.width, out);
        Ok(())
    }

    fn fill(&self, out: &mut Vec<u8>) {
        if L::FIXED {
            let size = if self.unicode { 2 } else { 1 };
            out.resize(out.len() + self.lists.range(0).len() * self.width * size, 0);
        } else {
            out.extend_from_slice(&[0; 4]);
        }
    }
}

/// Gives the texts of an array of any kind of text; empty for any other.
fn text_of<'a>(array: &'a ArrayRef) -> Box<dyn Fn(usize) -> &'a str + 'a> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        Box::new(|at| texts.value(at))
    } else if let Some(texts) = array.as_string_opt::<i64>() {
        Box::new(|at| texts.value(at))
    } else if let Some(texts) = array.as_string_view_opt() {
        Box::new(|at| texts.value(at))
    } else {
        Box::new(|_| "")
    }
}

/// The cells of a column whose elements are no strings in lists.
fn of_leaf<'a>(lists: Lists<'a>, plan: &Plan) -> Box<dyn Cells + 'a> {
    let leaf = lists.leaf;
    let nulls = lists.element_nulls();
    let unicode = plan.datatype == Datatype::UnicodeChar;
    macro_rules! integers {
        ($type:ty, $target:ty) => {{
            let values: &'a [_] = leaf.as_primitive::<$type>().values();
            let null = plan.null.and_then(|null| <$target>::try_from(null).ok());
            lists.boxed(Integers::<_, $target> { values, nulls, null })
        }};
    }
    macro_rules! texts {
        ($array:expr) => {{
            let texts = $array;
            lists.boxed(Texts { value: move |at| texts.value(at), nulls, unicode })
        }};
    }
    macro_rules! blobs {
        ($array:expr) => {{
            let blobs = $array;
            lists.boxed(Blobs { value: move |at| blobs.value(at), nulls })
        }};
    }
    macro_rules! times {
        ($type:ty, $clock:expr) => {{
            let ticks = ticks(leaf.as_primitive::<$type>());
            lists.boxed(Times { ticks, clock: $clock, nulls })
        }};
    }
    match leaf.data_type() {
        DataType::Boolean => lists.boxed(Booleans { values: leaf.as_boolean().values().clone(), nulls }),
        DataType::UInt8 if plan.datatype == Datatype::Short => integers!(UInt8Type, i16),
        DataType::UInt8 => integers!(UInt8Type, u8),
        DataType::Int8 => integers!(Int8Type, i16),
        DataType::Int16 => integers!(Int16Type, i16),
        DataType::UInt16 => integers!(UInt16Type, i32),
        DataType::Int32 => integers!(Int32Type, i32),
        DataType::UInt32 => integers!(UInt32Type, i64),
        DataType::Int64 => integers!(Int64Type, i64),
        DataType::UInt64 => integers!(UInt64Type, i64),
        DataType::Float16 => {
            let values = leaf.as_primitive::<Float16Type>().values();
            let values: Vec<f32> = values.iter().map(|value| value.to_f32()).collect();
            lists.boxed(Reals { values: Cow::Owned(values), nulls })
        }
        DataType::Float32 => lists.boxed(Reals { nulls, ..reals::<Float32Type>(leaf) }),
        DataType::Float64 => lists.boxed(Reals { nulls, ..reals::<Float64Type>(leaf) }),
        DataType::Decimal32(..) => lists.boxed(decimals::<Decimal32Type>(leaf, nulls)),
        DataType::Decimal64(..) => lists.boxed(decimals::<Decimal64Type>(leaf, nulls)),
        DataType::Decimal128(..) => lists.boxed(decimals::<Decimal128Type>(leaf, nulls)),
        DataType::Decimal256(..) => lists.boxed(decimals::<Decimal256Type>(leaf, nulls)),
        DataType::Struct(_) => {
            let parts = leaf.as_struct();
            let (re, im) = (parts.column(0), parts.column(1));
            if plan.datatype == Datatype::FloatComplex {
                let (re, im) = (reals::<Float32Type>(re), reals::<Float32Type>(im));
                lists.boxed(Complexes { re, im, nulls })
            } else {
                let (re, im) = (reals::<Float64Type>(re), reals::<Float64Type>(im));
                lists.boxed(Complexes { re, im, nulls })
            }
        }
        DataType::Utf8 => texts!(leaf.as_string::<i32>()),
        DataType::LargeUtf8 => texts!(leaf.as_string::<i64>()),
        DataType::Utf8View => texts!(leaf.as_string_view()),
        DataType::Binary => blobs!(leaf.as_binary::<i32>()),
        DataType::LargeBinary => blobs!(leaf.as_binary::<i64>()),
        DataType::BinaryView => blobs!(leaf.as_binary_view()),
        DataType::FixedSizeBinary(size) => {
            let bytes = leaf.as_fixed_size_binary();
            let null = plan.null.and_then(|null| u8::try_from(null).ok());
            let elements = Integers::<u8, u8> { values: bytes.value_data(), nulls: Nulls::new(None), null };
            Box::new(Several { elements, lists: Fixed((*size).max(0) as usize), cells: nulls })
        }
        DataType::Date32 => times!(Date32Type, Clock::Date(1)),
        DataType::Date64 => times!(Date64Type, Clock::Date(86_400_000)),
        DataType::Time32(TimeUnit::Second) => times!(Time32SecondType, Clock::Time(0)),
        DataType::Time32(_) => times!(Time32MillisecondType, Clock::Time(3)),
        DataType::Time64(TimeUnit::Microsecond) => times!(Time64MicrosecondType, Clock::Time(6)),
        DataType::Time64(_) => times!(Time64NanosecondType, Clock::Time(9)),
        DataType::Timestamp(TimeUnit::Second, _) => times!(TimestampSecondType, Clock::Timestamp(0)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            times!(TimestampMillisecondType, Clock::Timestamp(3))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            times!(TimestampMicrosecondType, Clock::Timestamp(6))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => times!(TimestampNanosecondType, Clock::Timestamp(9)),
        // `Plan::of` lets no other type through but that of nulls alone.
        _ => lists.boxed(Nothing),
    }
}

fn reals<T: ArrowPrimitiveType<Native: Real>>(array: &ArrayRef) -> Reals<'_, T::Native> {
    let values: &[T::Native] = array.as_primitive::<T>().values();
    Reals { values: Cow::Borrowed(values), nulls: Nulls::of(array) }
}

fn ticks<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &PrimitiveArray<T>) -> Vec<i64> {
    array.values().iter().map(|&value| value.into()).collect()
}

/// Decimals as the nearest doubles.
fn decimals<'a, T: DecimalType>(array: &ArrayRef, nulls: Nulls) -> Reals<'a, f64> {
    let array = array.as_primitive::<T>();
    let value = |at: usize| if nulls.is_null(at) { f64::NAN } else { decimal(array, at) };
    let values = (0..array.len()).map(value).collect();
    Reals { values: Cow::Owned(values), nulls }
}

fn decimal<T: DecimalType>(array: &PrimitiveArray<T>, at: usize) -> f64 {
    // Whatever its size, the text of a decimal is a number to the parser, which rounds to the nearest.
    array.value_as_string(at).parse().unwrap_or(f64::NAN)
}
