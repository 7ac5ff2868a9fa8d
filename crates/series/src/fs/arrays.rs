//! One-dimensional arrays of numbers, read in place: `.npy` files, and files that hold nothing else.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::take::take_record_batch;
use npyz::{DType, NpyHeader, TimeUnits, TypeChar};
use uranometria_fits::{Source, SourceReader};

use super::table::{Batches, Table};
use crate::Error;
use crate::number::{Abscissa, Kind, Number, Ordinate};

/// Elements that are read in one piece.
const UNIT: usize = 1 << 22;

/// Elements between two chosen ones that are rather read than jumped over.
const NEAR: usize = 1 << 10;

/// Elements of a batch.
const BATCH: usize = 1 << 14;

/// The type of the elements as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Time(TimeUnit),
}

/// An array in a file.
pub(super) struct Array {
    file: Box<dyn Source>,
    pub(super) stored: Stored,
    /// Byte offset of the first element.
    start: u64,
    pub(super) len: usize,
}

impl Array {
    /// Reads the header of an `.npy` file; of a file without one the ending of the path says what is in it.
    ///
    /// # Errors
    /// [`Error::Array`] for anything but little-endian numbers in one dimension.
    pub(super) fn open(path: &Path, file: Box<dyn Source>) -> Result<Self, Error> {
        if let Some(stored) = Stored::of_ending(path) {
            let (bytes, size) = (file.len(), stored.size() as u64);
            return match usize::try_from(bytes / size) {
                Ok(len) if bytes % size == 0 => Ok(Array { file, stored, start: 0, len }),
                _ => Err(Error::Array {
                    found: format!("{bytes} bytes"),
                    wanted: format!("numbers of {size} bytes each, as its ending says"),
                }),
            };
        }
        let mut from = SourceReader::new(&*file, 0);
        let header = NpyHeader::from_reader(&mut from)
            .map_err(|error| Error::io("read the header of the array", error))?;
        let start = from.position();
        let wanted = || {
            "one dimension of little-endian integers, floats of 4 or 8 bytes, or times in s, ms, us or ns"
                .to_string()
        };
        let shape = header.shape().to_vec();
        let found = || format!("shape {shape:?} and type {}", header.dtype().descr());
        let refuse = || Error::Array { found: found(), wanted: wanted() };
        let stored = stored(&header.dtype()).ok_or_else(refuse)?;
        let &[len] = shape.as_slice() else { return Err(refuse()) };
        let end = len.checked_mul(stored.size() as u64).and_then(|len| len.checked_add(start));
        match (usize::try_from(len), end) {
            (Ok(len), Some(end)) if end <= file.len() => Ok(Array { file, stored, start, len }),
            _ => Err(Error::Array {
                found: format!("{len} elements in a file of {} bytes", file.len()),
                wanted: format!("a file of at least {} bytes", end.unwrap_or(u64::MAX)),
            }),
        }
    }

    /// The bytes of some elements, in place or in `room`.
    pub(super) fn bytes<'a>(
        &'a self,
        range: Range<usize>,
        room: &'a mut Vec<u64>,
    ) -> Result<&'a [u8], Error> {
        let size = self.stored.size();
        let (at, len) = (self.start + (range.start * size) as u64, range.len() * size);
        if let Some(bytes) = self.file.slice(at, len) {
            return Ok(bytes);
        }
        // Eight bytes at a time, so that the elements lie where numbers should.
        room.resize(len.div_ceil(8), 0);
        let bytes = &mut bytemuck::cast_slice_mut(room)[..len];
        let fail = |error| Error::io(format!("read {len} bytes at byte {at}"), error);
        self.file.read_at(at, bytes).map_err(fail)?;
        Ok(bytes)
    }

    /// Some elements, where they are mapped as numbers of that type.
    fn in_place<T: Number>(&self, range: Range<usize>) -> Option<&[T]> {
        let size = self.stored.size();
        let bytes = self.file.slice(self.start + (range.start * size) as u64, range.len() * size)?;
        if self.stored.kind() == Some(T::KIND) { bytemuck::try_cast_slice(bytes).ok() } else { None }
    }

    /// Some elements as an Arrow array.
    fn array(&self, range: Range<usize>, room: &mut Vec<u64>) -> Result<ArrayRef, Error> {
        let bytes = self.bytes(range, room)?;
        let array = match self.stored {
            Stored::F32 => primitive::<Float32Type>(bytes),
            Stored::F64 => primitive::<Float64Type>(bytes),
            Stored::I8 => primitive::<Int8Type>(bytes),
            Stored::I16 => primitive::<Int16Type>(bytes),
            Stored::I32 => primitive::<Int32Type>(bytes),
            Stored::I64 => primitive::<Int64Type>(bytes),
            Stored::U8 => primitive::<UInt8Type>(bytes),
            Stored::U16 => primitive::<UInt16Type>(bytes),
            Stored::U32 => primitive::<UInt32Type>(bytes),
            Stored::U64 => primitive::<UInt64Type>(bytes),
            Stored::Time(unit) => times(bytes, unit),
        };
        Ok(array)
    }
}

fn numbers<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(bytes: &[u8]) -> Vec<T> {
    bytemuck::allocation::pod_collect_to_vec(bytes)
}

fn primitive<A: ArrowPrimitiveType>(bytes: &[u8]) -> ArrayRef
where
    A::Native: bytemuck::AnyBitPattern + bytemuck::NoUninit,
{
    Arc::new(PrimitiveArray::<A>::new(numbers(bytes).into(), None))
}

/// Times; the lowest number is NumPy's NaT and becomes null.
fn times(bytes: &[u8], unit: TimeUnit) -> ArrayRef {
    let numbers: Vec<i64> = numbers(bytes);
    let nulls = numbers.contains(&i64::MIN);
    let nulls = nulls.then(|| numbers.iter().map(|&number| number != i64::MIN).collect::<Vec<_>>().into());
    let array = PrimitiveArray::<Int64Type>::new(numbers.into(), nulls);
    match unit {
        TimeUnit::Second => Arc::new(array.reinterpret_cast::<arrow_array::types::TimestampSecondType>()),
        TimeUnit::Millisecond => {
            Arc::new(array.reinterpret_cast::<arrow_array::types::TimestampMillisecondType>())
        }
        TimeUnit::Microsecond => {
            Arc::new(array.reinterpret_cast::<arrow_array::types::TimestampMicrosecondType>())
        }
        TimeUnit::Nanosecond => {
            Arc::new(array.reinterpret_cast::<arrow_array::types::TimestampNanosecondType>())
        }
    }
}

impl Stored {
    /// The type that the ending of a file without a header names.
    pub(super) fn of_ending(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "f32" => Stored::F32,
            "f64" => Stored::F64,
            "i8" => Stored::I8,
            "i16" => Stored::I16,
            "i32" => Stored::I32,
            "i64" => Stored::I64,
            "u8" => Stored::U8,
            "u16" => Stored::U16,
            "u32" => Stored::U32,
            "u64" => Stored::U64,
            _ => return None,
        })
    }

    pub(super) fn size(self) -> usize {
        match self {
            Stored::I8 | Stored::U8 => 1,
            Stored::I16 | Stored::U16 => 2,
            Stored::F32 | Stored::I32 | Stored::U32 => 4,
            Stored::F64 | Stored::I64 | Stored::U64 | Stored::Time(_) => 8,
        }
    }

    /// The kind of numbers that lie in the file as they are kept in memory.
    fn kind(self) -> Option<Kind> {
        match self {
            Stored::F32 => Some(Kind::F32),
            Stored::F64 => Some(Kind::F64),
            Stored::I64 | Stored::Time(_) => Some(Kind::I64),
            Stored::U64 => Some(Kind::U64),
            _ => None,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Stored::F32 => DataType::Float32,
            Stored::F64 => DataType::Float64,
            Stored::I8 => DataType::Int8,
            Stored::I16 => DataType::Int16,
            Stored::I32 => DataType::Int32,
            Stored::I64 => DataType::Int64,
            Stored::U8 => DataType::UInt8,
            Stored::U16 => DataType::UInt16,
            Stored::U32 => DataType::UInt32,
            Stored::U64 => DataType::UInt64,
            Stored::Time(unit) => DataType::Timestamp(unit, None),
        }
    }
}

fn stored(dtype: &DType) -> Option<Stored> {
    let DType::Plain(ty) = dtype else { return None };
    let little = ty.size_field() == 1 || ty.endianness() == npyz::Endianness::Little;
    let stored = match (ty.type_char(), ty.size_field()) {
        (TypeChar::Float, 4) => Stored::F32,
        (TypeChar::Float, 8) => Stored::F64,
        (TypeChar::Int, 1) => Stored::I8,
        (TypeChar::Int, 2) => Stored::I16,
        (TypeChar::Int, 4) => Stored::I32,
        (TypeChar::Int, 8) => Stored::I64,
        (TypeChar::Uint, 1) => Stored::U8,
        (TypeChar::Uint, 2) => Stored::U16,
        (TypeChar::Uint, 4) => Stored::U32,
        (TypeChar::Uint, 8) => Stored::U64,
        (TypeChar::DateTime, 8) => Stored::Time(match ty.time_units()? {
            TimeUnits::Second => TimeUnit::Second,
            TimeUnits::Millisecond => TimeUnit::Millisecond,
            TimeUnits::Microsecond => TimeUnit::Microsecond,
            TimeUnits::Nanosecond => TimeUnit::Nanosecond,
            _ => return None,
        }),
        _ => return None,
    };
    little.then_some(stored)
}

/// An array of y with as many x from another file, or the row numbers.
pub(super) struct ArrayTable {
    x: Option<(Arc<Array>, usize)>,
    y: Array,
    first: usize,
    schema: SchemaRef,
}

impl ArrayTable {
    /// Joins `y`, whose first element is row `first` of the series, with the elements of `x` that belong to it.
    pub(super) fn new(x: Option<(Arc<Array>, &str)>, (y, y_name): (Array, &str), first: usize) -> Self {
        let x_field = match &x {
            Some((x, name)) => Field::new(*name, x.stored.data_type(), matches!(x.stored, Stored::Time(_))),
            None => Field::new("row", DataType::UInt64, false),
        };
        let y_field = Field::new(y_name, y.stored.data_type(), false);
        let schema = Arc::new(Schema::new(vec![x_field, y_field]));
        ArrayTable { x: x.map(|(x, _)| (x, first)), y, first, schema }
    }

    /// Whether x is of times, of which some may be NaT.
    pub(super) fn may_lack_x(&self) -> bool {
        self.x.as_ref().is_some_and(|(x, _)| matches!(x.stored, Stored::Time(_)))
    }

    /// Gives x, if it has an array, and y of some rows to `each`, piece by piece.
    pub(super) fn each<X: Abscissa, Y: Ordinate>(
        &self,
        rows: Range<usize>,
        mut each: impl FnMut(&[X::X], &[Y]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut room = Room::default();
        for start in rows.clone().step_by(BATCH) {
            let (x, y) = self.numbers::<X, Y>(start..rows.end.min(start + BATCH), &mut room)?;
            each(x, y)?;
        }
        Ok(())
    }

    /// x, if it has an array, and y of some rows, where both are mapped as they are wanted.
    pub(super) fn in_place<X: Abscissa, Y: Ordinate>(&self, rows: Range<usize>) -> Option<(&[X::X], &[Y])> {
        let x = match &self.x {
            Some((x, first)) if X::COLUMN => x.in_place(first + rows.start..first + rows.end)?,
            _ => &[],
        };
        Some((x, self.y.in_place(rows)?))
    }

    /// Reads x, if it has an array, and y of some rows: in place where they lie in memory as they are wanted, else in
    /// `room`.
    pub(super) fn numbers<'a, X: Abscissa, Y: Ordinate>(
        &'a self,
        rows: Range<usize>,
        room: &'a mut Room<X::X, Y>,
    ) -> Result<(&'a [X::X], &'a [Y]), Error> {
        let x = match &self.x {
            Some((x, first)) if X::COLUMN => {
                let rows = first + rows.start..first + rows.end;
                numbers_of(x, rows, &mut room.x_bytes, &mut room.x)?
            }
            _ => &[],
        };
        Ok((x, numbers_of(&self.y, rows, &mut room.y_bytes, &mut room.y)?))
    }

    fn read(&self, rows: Range<usize>, with_numbers: bool) -> Result<RecordBatch, Error> {
        let mut room = Vec::new();
        let y = self.y.array(rows.clone(), &mut room)?;
        let x: Option<ArrayRef> = match &self.x {
            Some((x, first)) => Some(x.array(first + rows.start..first + rows.end, &mut room)?),
            None if with_numbers => {
                let numbers = (self.first + rows.start) as u64..(self.first + rows.end) as u64;
                Some(Arc::new(PrimitiveArray::<UInt64Type>::from_iter_values(numbers)))
            }
            None => None,
        };
        let schema = match x {
            Some(_) => self.schema.clone(),
            None => Arc::new(self.schema.project(&[1]).map_err(Error::arrow("name the columns"))?),
        };
        let columns = x.into_iter().chain([y]).collect();
        RecordBatch::try_new(schema, columns).map_err(Error::arrow("hold the elements"))
    }
}

impl Table for ArrayTable {
    fn rows(&self) -> usize {
        self.y.len
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn types(&self) -> (Option<DataType>, DataType) {
        (self.x.as_ref().map(|(x, _)| x.stored.data_type()), self.y.stored.data_type())
    }

    fn units(&self) -> Vec<Range<usize>> {
        (0..self.rows()).step_by(UNIT).map(|start| start..self.rows().min(start + UNIT)).collect()
    }

    fn batches(&self, rows: Range<usize>) -> Result<Batches<'_>, Error> {
        let starts = rows.clone().step_by(BATCH);
        Ok(Box::new(starts.map(move |start| self.read(start..rows.end.min(start + BATCH), false))))
    }

    fn take(&self, rows: &[usize], points_only: bool) -> Result<Vec<RecordBatch>, Error> {
        let pieces = rows.chunk_by(|before, row| row - before <= NEAR && before / BATCH == row / BATCH);
        let taken = pieces.map(|near_ones| {
            let (first, end) = (near_ones[0], near_ones[near_ones.len() - 1] + 1);
            let read = self.read(first..end, !points_only)?;
            if end - first == near_ones.len() {
                return Ok(read);
            }
            let indices = near_ones.iter().map(|row| (row - first) as u64);
            let indices = PrimitiveArray::<UInt64Type>::from_iter_values(indices);
            take_record_batch(&read, &indices).map_err(Error::arrow("take the chosen rows"))
        });
        taken.collect()
    }
}

/// Room for numbers that are not in memory as they are wanted.
#[derive(Default)]
pub(super) struct Room<X, Y> {
    x_bytes: Vec<u64>,
    x: Vec<X>,
    y_bytes: Vec<u64>,
    y: Vec<Y>,
}

/// Some elements as numbers: in place, where they lie so.
fn numbers_of<'a, T: Number>(
    array: &'a Array,
    range: Range<usize>,
    bytes: &'a mut Vec<u64>,
    room: &'a mut Vec<T>,
) -> Result<&'a [T], Error> {
    if array.stored.kind() == Some(T::KIND) {
        let bytes = array.bytes(range, bytes)?;
        return Ok(match bytemuck::try_cast_slice(bytes) {
            Ok(numbers) => numbers,
            Err(_) => {
                *room = numbers(bytes);
                room
            }
        });
    }
    let elements = array.array(range, bytes)?;
    let mut converted = Vec::new();
    let found = T::of_array(&elements, &mut converted);
    let found = found.map_err(|_| Error::Array { found: "NaT".into(), wanted: "times".into() })?;
    room.clear();
    room.extend_from_slice(found);
    Ok(room)
}

/// The name of a column that a file is: its own without the ending.
pub(super) fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
