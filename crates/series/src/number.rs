//! Numbers of columns as they are kept in memory.
//!
//! x and y of every format become slices of one of four types: [`Kind`]. Integers of at most 63 bits, dates and times
//! become i64 as they are stored, so that nothing is lost; floats stay what they are.

use std::fmt::Debug;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use uranometria_lttb::{Axis, Coordinate, Regular, Value, ZoneMapBuilder};

use crate::bound::Limit;

/// How the numbers of a column are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    F64,
    I64,
    U64,
}

impl Kind {
    /// The kind of an x of that type, if it can be one.
    pub(crate) fn of_x(data_type: &DataType) -> Option<Kind> {
        use DataType::*;
        Some(match data_type {
            Float32 => Kind::F32,
            Float64 => Kind::F64,
            UInt64 => Kind::U64,
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => Kind::I64,
            Timestamp(..) | Date32 | Date64 | Time32(_) | Time64(_) | Duration(_) => Kind::I64,
            _ => return None,
        })
    }

    /// The kind of a y of that type, if it can be one: integers become f64.
    pub(crate) fn of_y(data_type: &DataType) -> Option<Kind> {
        if *data_type == DataType::Float32 {
            return Some(Kind::F32);
        }
        (data_type.is_integer() || *data_type == DataType::Float64).then_some(Kind::F64)
    }
}

/// A number that a column is read as.
pub(crate) trait Number: bytemuck::Pod + Default + PartialOrd + Debug + Send + Sync + 'static {
    /// How it is kept.
    const KIND: Kind;

    /// What stands for a missing one.
    const MISSING: Option<Self>;

    /// Whether it is neither NaN nor infinite.
    fn is_there(self) -> bool;

    /// As a float, measured from an `origin`; integers lose nothing but in the end.
    fn since(self, origin: Self) -> f64;

    /// The nearest whole number.
    fn whole(self) -> i64;

    /// The nearest to a number of another type.
    fn of_i64(number: i64) -> Self;
    /// The nearest to a number of another type.
    fn of_u64(number: u64) -> Self;
    /// The nearest to a number of another type.
    fn of_f32(number: f32) -> Self;
    /// The nearest to a number of another type.
    fn of_f64(number: f64) -> Self;

    /// The numbers of an array, without copying where they are stored so; else in `room`.
    ///
    /// # Errors
    /// The index of the first null, if there is nothing to stand for it.
    fn of_array<'a>(array: &'a dyn Array, room: &'a mut Vec<Self>) -> Result<&'a [Self], usize>;
}

/// Puts the numbers into `room` and what stands for a missing one where the array has nulls.
fn filled<'a, T: Number>(
    array: &dyn Array,
    numbers: impl Iterator<Item = T>,
    room: &'a mut Vec<T>,
) -> Result<&'a [T], usize> {
    room.clear();
    room.extend(numbers);
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        for (index, number) in room.iter_mut().enumerate() {
            if nulls.is_null(index) {
                *number = T::MISSING.ok_or(index)?;
            }
        }
    }
    Ok(room)
}

fn borrowed<'a, A: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<A>,
    room: &'a mut Vec<A::Native>,
) -> Result<&'a [A::Native], usize>
where
    A::Native: Number,
{
    if array.null_count() == 0 {
        return Ok(array.values());
    }
    filled(array, array.values().iter().copied(), room)
}

fn converted<'a, A: ArrowPrimitiveType, T: Number>(
    array: &'a dyn Array,
    room: &'a mut Vec<T>,
    convert: impl Fn(A::Native) -> T,
) -> Result<&'a [T], usize> {
    filled(array, array.as_primitive::<A>().values().iter().map(|&value| convert(value)), room)
}

impl Number for f32 {
    const KIND: Kind = Kind::F32;
    const MISSING: Option<f32> = Some(f32::NAN);

    fn is_there(self) -> bool {
        self.is_finite()
    }

    fn since(self, origin: f32) -> f64 {
        f64::from(self) - f64::from(origin)
    }

    fn whole(self) -> i64 {
        self.round() as i64
    }

    fn of_i64(number: i64) -> f32 {
        number as f32
    }

    fn of_u64(number: u64) -> f32 {
        number as f32
    }

    fn of_f32(number: f32) -> f32 {
        number
    }

    fn of_f64(number: f64) -> f32 {
        number as f32
    }

    fn of_array<'a>(array: &'a dyn Array, room: &'a mut Vec<f32>) -> Result<&'a [f32], usize> {
        borrowed(array.as_primitive::<Float32Type>(), room)
    }
}

impl Number for f64 {
    const KIND: Kind = Kind::F64;
    const MISSING: Option<f64> = Some(f64::NAN);

    fn is_there(self) -> bool {
        self.is_finite()
    }

    fn since(self, origin: f64) -> f64 {
        self - origin
    }

    fn whole(self) -> i64 {
        self.round() as i64
    }

    fn of_i64(number: i64) -> f64 {
        number as f64
    }

    fn of_u64(number: u64) -> f64 {
        number as f64
    }

    fn of_f32(number: f32) -> f64 {
        f64::from(number)
    }

    fn of_f64(number: f64) -> f64 {
        number
    }

    fn of_array<'a>(array: &'a dyn Array, room: &'a mut Vec<f64>) -> Result<&'a [f64], usize> {
        match array.data_type() {
            DataType::Float32 => converted::<Float32Type, _>(array, room, f64::from),
            DataType::Int8 => converted::<Int8Type, _>(array, room, f64::from),
            DataType::Int16 => converted::<Int16Type, _>(array, room, f64::from),
            DataType::Int32 => converted::<Int32Type, _>(array, room, f64::from),
            DataType::Int64 => converted::<Int64Type, _>(array, room, |value| value as f64),
            DataType::UInt8 => converted::<UInt8Type, _>(array, room, f64::from),
            DataType::UInt16 => converted::<UInt16Type, _>(array, room, f64::from),
            DataType::UInt32 => converted::<UInt32Type, _>(array, room, f64::from),
            DataType::UInt64 => converted::<UInt64Type, _>(array, room, |value| value as f64),
            _ => borrowed(array.as_primitive::<Float64Type>(), room),
        }
    }
}

impl Number for i64 {
    const KIND: Kind = Kind::I64;
    const MISSING: Option<i64> = None;

    fn is_there(self) -> bool {
        true
    }

    fn since(self, origin: i64) -> f64 {
        (i128::from(self) - i128::from(origin)) as f64
    }

    fn whole(self) -> i64 {
        self
    }

    fn of_i64(number: i64) -> i64 {
        number
    }

    fn of_u64(number: u64) -> i64 {
        number as i64
    }

    fn of_f32(number: f32) -> i64 {
        number as i64
    }

    fn of_f64(number: f64) -> i64 {
        number as i64
    }

    fn of_array<'a>(array: &'a dyn Array, room: &'a mut Vec<i64>) -> Result<&'a [i64], usize> {
        use DataType::*;
        match array.data_type() {
            Int8 => converted::<Int8Type, _>(array, room, i64::from),
            Int16 => converted::<Int16Type, _>(array, room, i64::from),
            Int32 => converted::<Int32Type, _>(array, room, i64::from),
            UInt8 => converted::<UInt8Type, _>(array, room, i64::from),
            UInt16 => converted::<UInt16Type, _>(array, room, i64::from),
            UInt32 => converted::<UInt32Type, _>(array, room, i64::from),
            Date32 => converted::<Date32Type, _>(array, room, i64::from),
            Time32(TimeUnit::Second) => converted::<Time32SecondType, _>(array, room, i64::from),
            Time32(_) => converted::<Time32MillisecondType, _>(array, room, i64::from),
            Timestamp(TimeUnit::Second, _) => borrowed(array.as_primitive::<TimestampSecondType>(), room),
            Timestamp(TimeUnit::Millisecond, _) => {
                borrowed(array.as_primitive::<TimestampMillisecondType>(), room)
            }
            Timestamp(TimeUnit::Microsecond, _) => {
                borrowed(array.as_primitive::<TimestampMicrosecondType>(), room)
            }
            Timestamp(TimeUnit::Nanosecond, _) => {
                borrowed(array.as_primitive::<TimestampNanosecondType>(), room)
            }
            Duration(TimeUnit::Second) => borrowed(array.as_primitive::<DurationSecondType>(), room),
            Duration(TimeUnit::Millisecond) => {
                borrowed(array.as_primitive::<DurationMillisecondType>(), room)
            }
            Duration(TimeUnit::Microsecond) => {
                borrowed(array.as_primitive::<DurationMicrosecondType>(), room)
            }
            Duration(TimeUnit::Nanosecond) => borrowed(array.as_primitive::<DurationNanosecondType>(), room),
            Date64 => borrowed(array.as_primitive::<Date64Type>(), room),
            Time64(TimeUnit::Microsecond) => borrowed(array.as_primitive::<Time64MicrosecondType>(), room),
            Time64(_) => borrowed(array.as_primitive::<Time64NanosecondType>(), room),
            _ => borrowed(array.as_primitive::<Int64Type>(), room),
        }
    }
}

impl Number for u64 {
    const KIND: Kind = Kind::U64;
    const MISSING: Option<u64> = None;

    fn is_there(self) -> bool {
        true
    }

    fn since(self, origin: u64) -> f64 {
        (i128::from(self) - i128::from(origin)) as f64
    }

    fn whole(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }

    fn of_i64(number: i64) -> u64 {
        number as u64
    }

    fn of_u64(number: u64) -> u64 {
        number
    }

    fn of_f32(number: f32) -> u64 {
        number as u64
    }

    fn of_f64(number: f64) -> u64 {
        number as u64
    }

    fn of_array<'a>(array: &'a dyn Array, room: &'a mut Vec<u64>) -> Result<&'a [u64], usize> {
        borrowed(array.as_primitive::<UInt64Type>(), room)
    }
}

/// An x: a number in a column, or the number of the row.
pub(crate) trait Abscissa: 'static {
    /// The number itself.
    type X: Number + Limit + Coordinate;
    /// What the methods take it as.
    type Axis<'a>: Axis<X = Self::X>;
    /// Whether it has a column.
    const COLUMN: bool;

    /// The x of all points; `numbers` is empty where there is no column.
    fn axis(numbers: &[Self::X]) -> Self::Axis<'_>;

    /// Begins a zone map.
    fn zone_map<Y: Value>() -> ZoneMapBuilder<Self::X, Y>;
}

macro_rules! in_columns {
    ($($number:ty),*) => {$(
        impl Abscissa for $number {
            type X = $number;
            type Axis<'a> = &'a [$number];
            const COLUMN: bool = true;

            fn axis(numbers: &[$number]) -> &[$number] {
                numbers
            }

            fn zone_map<Y: Value>() -> ZoneMapBuilder<$number, Y> {
                ZoneMapBuilder::new()
            }
        }
    )*};
}

in_columns!(f32, f64, i64, u64);

impl Abscissa for Regular {
    type X = u64;
    type Axis<'a> = Regular;
    const COLUMN: bool = false;

    fn axis(_: &[u64]) -> Regular {
        Regular
    }

    fn zone_map<Y: Value>() -> ZoneMapBuilder<u64, Y> {
        ZoneMapBuilder::regular()
    }
}

/// A y: f32 or f64.
pub(crate) trait Ordinate: Number + Value {}

impl Ordinate for f32 {}
impl Ordinate for f64 {}

/// Evaluates an expression with the types that x and y are read as.
macro_rules! with_types {
    ($x:expr, $y:expr, <$X:ident, $Y:ident> $body:expr) => {{
        use $crate::number::Kind;
        macro_rules! with_y {
            ($y_type:ty) => {{
                type $Y = $y_type;
                match $x {
                    None => {
                        type $X = uranometria_lttb::Regular;
                        $body
                    }
                    Some(Kind::F32) => {
                        type $X = f32;
                        $body
                    }
                    Some(Kind::F64) => {
                        type $X = f64;
                        $body
                    }
                    Some(Kind::I64) => {
                        type $X = i64;
                        $body
                    }
                    Some(Kind::U64) => {
                        type $X = u64;
                        $body
                    }
                }
            }};
        }
        match $y {
            Kind::F32 => with_y!(f32),
            _ => with_y!(f64),
        }
    }};
}

pub(crate) use with_types;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float32Array, Int16Array, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn nulls_are_nan_among_floats_and_refused_among_integers() {
        let array: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.5), None]));
        let mut room = Vec::new();
        let found = f32::of_array(&array, &mut room).unwrap();
        assert!(found[0] == 1.5 && found[1].is_nan());
        let array: ArrayRef = Arc::new(Int16Array::from(vec![Some(3), None]));
        let mut room = Vec::new();
        let found = f64::of_array(&array, &mut room).unwrap();
        assert!(found[0] == 3.0 && found[1].is_nan());
        assert_eq!(i64::of_array(&array, &mut Vec::new()), Err(1));
    }

    #[test]
    fn nanoseconds_are_borrowed_as_they_are() {
        let array: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![i64::MAX - 1, i64::MAX]));
        assert_eq!(i64::of_array(&array.slice(1, 1), &mut Vec::new()), Ok(&[i64::MAX][..]));
        assert_eq!(Kind::of_x(array.data_type()), Some(Kind::I64));
        assert_eq!(Kind::of_y(array.data_type()), None);
    }
}
