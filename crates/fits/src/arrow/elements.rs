//! Elements of an array into big-endian bytes, each at its place.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, TimeUnit};

use super::plan::{Leaf, Rules};
use super::time;

/// What does not fit into an element.
pub(super) struct Misfit {
    pub(super) element: usize,
    pub(super) found: String,
    pub(super) wanted: String,
}

/// Where elements go: `per_row` of them side by side in each row.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) stride: usize,
    pub(super) offset: usize,
    pub(super) per_row: usize,
}

pub(super) fn decimals(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// Says what a text should be where it cannot be written.
pub(super) fn check_text(text: &[u8], rules: Rules) -> Result<(), &'static str> {
    if rules.utf8 {
        return if text.contains(&0) { Err("text without NUL") } else { Ok(()) };
    }
    let printable = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if printable { Ok(()) } else { Err("printable ASCII, or the option to write UTF-8") }
}

/// An array of texts or bytes of any kind.
pub(super) enum Strings<'a> {
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    /// Keys and values.
    Dictionary(Vec<usize>, Box<Strings<'a>>),
    Empty,
}

impl<'a> Strings<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Strings::Utf8(array.as_string()),
            DataType::LargeUtf8 => Strings::LargeUtf8(array.as_string()),
            DataType::Utf8View => Strings::Utf8View(array.as_string_view()),
            DataType::Binary => Strings::Binary(array.as_binary()),
            DataType::LargeBinary => Strings::LargeBinary(array.as_binary()),
            DataType::BinaryView => Strings::BinaryView(array.as_binary_view()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Strings::Empty;
                }
                Strings::Dictionary(dictionary.normalized_keys(), Box::new(Strings::of(dictionary.values())))
            }
            _ => Strings::Empty,
        }
    }

    pub(super) fn value(&self, at: usize) -> &[u8] {
        match self {
            Strings::Utf8(array) => array.value(at).as_bytes(),
            Strings::LargeUtf8(array) => array.value(at).as_bytes(),
            Strings::Utf8View(array) => array.value(at).as_bytes(),
            Strings::Binary(array) => array.value(at),
            Strings::LargeBinary(array) => array.value(at),
            Strings::BinaryView(array) => array.value(at),
            Strings::Dictionary(keys, values) => values.value(keys[at]),
            Strings::Empty => &[],
        }
    }
}

/// Elements on their way to their places.
pub(super) struct Elements {
    pub(super) leaf: Leaf,
    pub(super) rules: Rules,
    /// Whether there was a null.
    pub(super) null: bool,
    /// The first element whose value is the number that stands for null.
    pub(super) taken: Option<usize>,
}

impl Elements {
    pub(super) fn spread(
        &mut self,
        array: &ArrayRef,
        mask: Option<&NullBuffer>,
        out: &mut [u8],
        place: Place,
    ) -> Result<(), Misfit> {
        let mask = mask.filter(|mask| mask.null_count() > 0);
        self.null |= mask.is_some();
        macro_rules! integers {
            ($type:ty, $null:expr, $stored:expr) => {{
                self.look_for(array.as_primitive::<$type>().values(), $null, mask);
                let value = |value| $stored(value).to_be_bytes();
                put(out, place, masked(array.as_primitive::<$type>().values(), mask, $null).map(value));
            }};
        }
        match array.data_type() {
            DataType::Dictionary(..) => return self.dictionary(array, mask, out, place),
            DataType::Boolean => {
                let values = array.as_boolean().values();
                let letter = |n| if values.value(n) { b'T' } else { b'F' };
                let null = |n| mask.is_some_and(|mask| mask.is_null(n));
                put(out, place, (0..values.len()).map(|n| [if null(n) { 0 } else { letter(n) }]));
            }
            DataType::UInt8 => integers!(UInt8Type, u8::MAX, |x: u8| x),
            DataType::Int8 => integers!(Int8Type, i8::MIN, |x: i8| x as u8 ^ 0x80),
            DataType::Int16 => integers!(Int16Type, i16::MIN, |x: i16| x),
            DataType::UInt16 => integers!(UInt16Type, u16::MAX, |x: u16| x ^ (1 << 15)),
            DataType::Int32 => integers!(Int32Type, i32::MIN, |x: i32| x),
            DataType::UInt32 => integers!(UInt32Type, u32::MAX, |x: u32| x ^ (1 << 31)),
            DataType::Int64 => integers!(Int64Type, i64::MIN, |x: i64| x),
            DataType::UInt64 => integers!(UInt64Type, u64::MAX, |x: u64| x ^ (1 << 63)),
            DataType::Float16 => {
                let values = array.as_primitive::<Float16Type>().values();
                let values: Vec<f32> = values.iter().map(|value| value.to_f32()).collect();
                put(out, place, masked(&values, mask, f32::NAN).map(f32::to_be_bytes));
            }
            DataType::Float32 => {
                let values = array.as_primitive::<Float32Type>().values();
                put(out, place, masked(values, mask, f32::NAN).map(f32::to_be_bytes));
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                put(out, place, masked(values, mask, f64::NAN).map(f64::to_be_bytes));
            }
            DataType::Struct(_) => {
                let size = self.leaf.size() / 2;
                let parts = array.as_struct();
                // Real and imaginary parts are elements of half the size, beside each other.
                for (n, part) in parts.columns().iter().enumerate() {
                    let mask = NullBuffer::union(mask, part.nulls());
                    if size == 4 {
                        let values = part.as_primitive::<Float32Type>().values();
                        let values = masked(values, mask.as_ref(), f32::NAN).map(f32::to_be_bytes);
                        put_half(out, place, n, values);
                    } else {
                        let values = part.as_primitive::<Float64Type>().values();
                        let values = masked(values, mask.as_ref(), f64::NAN).map(f64::to_be_bytes);
                        put_half(out, place, n, values);
                    }
                }
            }
            DataType::FixedSizeBinary(_) => {
                let values = array.as_fixed_size_binary();
                self.strings(mask, out, place, |n, into| {
                    into.extend_from_slice(values.value(n));
                    Ok(())
                })?;
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let values = Strings::of(array);
                let (rules, width) = (self.rules, self.leaf.size());
                self.strings(mask, out, place, |n, into| {
                    let text = values.value(n);
                    let misfit = |wanted: String| Misfit {
                        element: n,
                        found: format!("{:?}", String::from_utf8_lossy(text)),
                        wanted,
                    };
                    check_text(text, rules).map_err(|wanted| misfit(wanted.to_string()))?;
                    if text.len() > width {
                        return Err(misfit(format!("at most {width} bytes, as its metadata `width` has it")));
                    }
                    into.extend_from_slice(text);
                    Ok(())
                })?;
            }
            _ => {
                let (ticks, kind) = ticks(array);
                self.strings(mask, out, place, |n, into| {
                    let tick = ticks.get(n).copied().unwrap_or(0);
                    let written = match kind {
                        Kind::Date(per_day) => time::date(tick.div_euclid(per_day), into),
                        Kind::Time(decimals) => time::time(tick, decimals, into),
                        Kind::Timestamp(decimals) => time::timestamp(tick, decimals, into),
                    };
                    let wanted = "a date of the years 0 to 9999 or a time within a day";
                    let found = format!("{tick} of type {}", array.data_type());
                    written.ok_or_else(|| Misfit { element: n, found, wanted: wanted.to_string() })
                })?;
            }
        }
        Ok(())
    }

    /// Remembers the first value that is the number for null.
    fn look_for<T: PartialEq>(&mut self, values: &[T], null: T, mask: Option<&NullBuffer>) {
        // Most columns have none, and a scan without looking at the mask is fast.
        if self.taken.is_some() || !values.contains(&null) {
            return;
        }
        let valid = |n: usize| mask.is_none_or(|mask| mask.is_valid(n));
        self.taken = (0..values.len()).find(|&n| values[n] == null && valid(n));
    }

    /// Writes strings filled up with blanks; nulls are all zero.
    fn strings(
        &mut self,
        mask: Option<&NullBuffer>,
        out: &mut [u8],
        place: Place,
        mut value: impl FnMut(usize, &mut Vec<u8>) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        let size = self.leaf.size();
        let mut text = Vec::with_capacity(size);
        let mut element = 0;
        for row in out.chunks_exact_mut(place.stride) {
            for slot in row[place.offset..place.offset + place.per_row * size].chunks_exact_mut(size) {
                text.clear();
                if mask.is_none_or(|mask| mask.is_valid(element)) {
                    value(element, &mut text)?;
                    text.resize(size, b' ');
                } else {
                    text.resize(size, 0);
                }
                slot.copy_from_slice(&text);
                element += 1;
            }
        }
        Ok(())
    }

    /// Writes each value of a dictionary that is used once, and copies it to where its keys are.
    fn dictionary(
        &mut self,
        array: &ArrayRef,
        mask: Option<&NullBuffer>,
        out: &mut [u8],
        place: Place,
    ) -> Result<(), Misfit> {
        let dictionary = array.as_any_dictionary();
        let values = dictionary.values();
        let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
        let null = |element: usize| mask.is_some_and(|mask| mask.is_null(element));
        let key = |element: usize| keys.get(element).copied().filter(|_| !null(element));
        let mut first_use = vec![None; values.len()];
        for element in 0..array.len() {
            if let Some(key) = key(element) {
                first_use[key].get_or_insert(element);
            }
        }
        let used = NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |n| first_use[n].is_some()));
        let valid = NullBuffer::union(Some(&used), values.nulls());
        let size = self.leaf.size();
        let mut cells = vec![0; values.len() * size];
        let mut inner = Elements { leaf: self.leaf, rules: self.rules, null: false, taken: None };
        let at = |value: usize| first_use[value].unwrap_or(0);
        let side_by_side = Place { stride: size, offset: 0, per_row: 1 };
        inner
            .spread(values, valid.as_ref(), &mut cells, side_by_side)
            .map_err(|misfit| Misfit { element: at(misfit.element), ..misfit })?;
        self.taken = self.taken.or(inner.taken.map(at));
        let used_null = |value: usize| first_use[value].is_some() && values.is_null(value);
        self.null |= values.null_count() > 0 && (0..values.len()).any(used_null);
        let null_bytes = self.leaf.null_bytes();
        let mut element = 0;
        for row in out.chunks_exact_mut(place.stride) {
            for slot in row[place.offset..place.offset + place.per_row * size].chunks_exact_mut(size) {
                slot.copy_from_slice(key(element).map_or(&null_bytes, |key| &cells[key * size..][..size]));
                element += 1;
            }
        }
        Ok(())
    }
}

/// What the numbers of a time type count.
#[derive(Clone, Copy)]
enum Kind {
    /// So many a day.
    Date(i64),
    /// Powers of ten of a second.
    Time(u32),
    Timestamp(u32),
}

/// The numbers of an array of dates or times.
fn ticks(array: &dyn Array) -> (Vec<i64>, Kind) {
    fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> Vec<i64>
    where
        T::Native: Into<i64>,
    {
        array.as_primitive::<T>().values().iter().map(|&value| value.into()).collect()
    }
    match array.data_type() {
        DataType::Date32 => (numbers::<Date32Type>(array), Kind::Date(1)),
        DataType::Date64 => (numbers::<Date64Type>(array), Kind::Date(86_400_000)),
        DataType::Time32(TimeUnit::Second) => (numbers::<Time32SecondType>(array), Kind::Time(0)),
        DataType::Time32(_) => (numbers::<Time32MillisecondType>(array), Kind::Time(3)),
        DataType::Time64(TimeUnit::Microsecond) => (numbers::<Time64MicrosecondType>(array), Kind::Time(6)),
        DataType::Time64(_) => (numbers::<Time64NanosecondType>(array), Kind::Time(9)),
        DataType::Timestamp(unit, _) => {
            let numbers = match unit {
                TimeUnit::Second => numbers::<TimestampSecondType>(array),
                TimeUnit::Millisecond => numbers::<TimestampMillisecondType>(array),
                TimeUnit::Microsecond => numbers::<TimestampMicrosecondType>(array),
                TimeUnit::Nanosecond => numbers::<TimestampNanosecondType>(array),
            };
            (numbers, Kind::Timestamp(decimals(*unit)))
        }
        // `leaf` lets no other type through.
        _ => (Vec::new(), Kind::Time(0)),
    }
}

/// The values, with `null` where they are null.
fn masked<'a, T: Copy>(
    values: &'a [T],
    mask: Option<&'a NullBuffer>,
    null: T,
) -> impl Iterator<Item = T> + 'a {
    let valid = move |n: usize| mask.is_none_or(|mask| mask.is_valid(n));
    values.iter().enumerate().map(move |(n, value)| if valid(n) { *value } else { null })
}

/// Writes elements to their places.
fn put<const W: usize>(out: &mut [u8], place: Place, mut elements: impl Iterator<Item = [u8; W]>) {
    let Place { stride, offset, per_row } = place;
    for row in out.chunks_exact_mut(stride) {
        let cell = &mut row[offset..offset + per_row * W];
        for (slot, element) in cell.as_chunks_mut::<W>().0.iter_mut().zip(elements.by_ref()) {
            *slot = element;
        }
    }
}

/// Writes real (`half` 0) or imaginary (1) parts to their places.
fn put_half<const W: usize>(
    out: &mut [u8],
    place: Place,
    half: usize,
    mut parts: impl Iterator<Item = [u8; W]>,
) {
    let Place { stride, offset, per_row } = place;
    for row in out.chunks_exact_mut(stride) {
        let cell = &mut row[offset..offset + per_row * 2 * W];
        for (pair, part) in cell.chunks_exact_mut(2 * W).zip(parts.by_ref()) {
            pair[half * W..(half + 1) * W].copy_from_slice(&part);
        }
    }
}
