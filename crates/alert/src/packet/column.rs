//! Columns that packets are read into.

use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, ListArray, MapArray,
    NullArray, PrimitiveArray, StringArray, StructArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Fields};

use super::cursor::{Cursor, Damage, Fault};
use super::skip::{Skip, Skips};

/// A column under way.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) null: Null,
    /// Which values are not null; nothing where all are by their type.
    pub(super) valid: Option<Vec<bool>>,
    pub(super) values: Values,
}

/// How a packet says that a value is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Null {
    /// It cannot.
    Never,
    /// By this one of the two types of a union.
    Branch(usize),
    /// By the only type of a union.
    Alone,
    /// As one of several types, [`Values::Union`].
    Many,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    Null(usize),
    Boolean(Vec<bool>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Whole numbers that are read as others.
    LongAsFloat(Vec<f32>),
    LongAsDouble(Vec<f64>),
    FloatAsDouble(Vec<f64>),
    Bytes(Spans),
    Text(Spans),
    /// For each symbol of the writer what it is to the reader.
    Enum {
        words: Arc<[Option<String>]>,
        spans: Spans,
    },
    Fixed {
        size: usize,
        data: Vec<u8>,
        len: usize,
    },
    /// Numbers of a fixed number of bytes, or behind their length.
    Decimal {
        size: Option<usize>,
        values: Vec<i128>,
    },
    Struct(Record),
    List {
        spans: Vec<i32>,
        item: Box<Column>,
        least: usize,
    },
    Map {
        spans: Vec<i32>,
        keys: Spans,
        value: Box<Column>,
        least: usize,
    },
    /// The child that each type of the union is read into; none for null.
    Union {
        children: Vec<Column>,
        branches: Vec<Option<usize>>,
        len: usize,
    },
}

/// Values of any length in one piece.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    ends: Vec<i32>,
    data: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) children: Vec<Column>,
    pub(super) names: Vec<String>,
    /// What the writer has, in its order.
    pub(super) steps: Vec<Step>,
    /// What the writer does not have: values as they would be written.
    pub(super) defaults: Vec<(usize, Vec<u8>)>,
    pub(super) len: usize,
    /// Columns at the ends of its branches.
    pub(super) leaves: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Child(usize),
    Skip(Skip),
}

impl Spans {
    pub(super) fn new() -> Self {
        Spans { ends: vec![0], data: Vec::new() }
    }

    #[inline(always)]
    fn push(&mut self, bytes: &[u8], cursor: &Cursor<'_>) -> Result<(), Fault> {
        self.data.extend_from_slice(bytes);
        self.ends.push(end(self.data.len(), cursor)?);
        Ok(())
    }

    fn push_empty(&mut self) {
        self.ends.push(self.ends.last().copied().unwrap_or(0));
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.data.truncate(self.ends.last().copied().unwrap_or(0) as usize);
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let (ends, data) = (self.ends.len(), self.data.len());
        let ends = std::mem::replace(&mut self.ends, Vec::with_capacity(ends));
        let data = std::mem::replace(&mut self.data, Vec::with_capacity(data));
        self.ends.push(0);
        (OffsetBuffer::new(ends.into()), data.into())
    }
}

/// An end as Arrow keeps it.
#[inline(always)]
fn end(end: usize, cursor: &Cursor<'_>) -> Result<i32, Fault> {
    i32::try_from(end)
        .map_err(|_| cursor.fault(cursor.at(), "more than 2 GiB of one column", "smaller batches"))
}

#[inline(always)]
fn check_text(text: &[u8], cursor: &Cursor<'_>) -> Result<(), Fault> {
    if text.is_ascii() {
        return Ok(());
    }
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let at = error.valid_up_to();
            let found = format!("byte {:#04x} in text", text[at]);
            Err(cursor.fault(cursor.at() - text.len() + at, found, "UTF-8"))
        }
    }
}

fn decimal(bytes: &[u8], cursor: &Cursor<'_>) -> Result<i128, Fault> {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let sign = if negative { 0xff } else { 0 };
    let (extra, kept) = bytes.split_at(bytes.len().saturating_sub(16));
    if extra.iter().any(|byte| *byte != sign)
        || kept.first().is_some_and(|first| (*first >= 0x80) != negative)
    {
        let found = format!("a number of {} bytes", bytes.len());
        return Err(cursor.fault(cursor.at() - bytes.len(), found, "one of 38 digits"));
    }
    let mut all = [sign; 16];
    all[16 - kept.len()..].copy_from_slice(kept);
    Ok(i128::from_be_bytes(all))
}

impl Column {
    /// Reads a value. After an error the column has more than it should until it is cut back.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'_>, skips: &Skips) -> Result<(), Fault> {
        match self.null {
            Null::Never => {}
            Null::Branch(null) => {
                if cursor.branch(2)? == null {
                    return self.push_null(cursor);
                }
            }
            Null::Alone => {
                cursor.branch(1)?;
                return self.push_null(cursor);
            }
            Null::Many => return self.read_union(cursor, skips),
        }
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        match &mut self.values {
            Values::Null(len) => {
                *len += 1;
                Ok(())
            }
            Values::Boolean(values) => cursor.boolean().map(|value| values.push(value)),
            Values::Int(values) => cursor.int().map(|value| values.push(value)),
            Values::Long(values) => cursor.long().map(|value| values.push(value)),
            Values::Float(values) => cursor.array().map(|value| values.push(f32::from_le_bytes(value))),
            Values::Double(values) => cursor.array().map(|value| values.push(f64::from_le_bytes(value))),
            Values::LongAsFloat(values) => cursor.long().map(|value| values.push(value as f32)),
            Values::LongAsDouble(values) => cursor.long().map(|value| values.push(value as f64)),
            Values::FloatAsDouble(values) => {
                cursor.array().map(|value| values.push(f64::from(f32::from_le_bytes(value))))
            }
            Values::Bytes(spans) => {
                let bytes = cursor.counted()?;
                spans.push(bytes, cursor)
            }
            Values::Text(spans) => {
                let text = cursor.counted()?;
                check_text(text, cursor)?;
                spans.push(text, cursor)
            }
            Values::Enum { words, spans } => {
                let start = cursor.at();
                let symbol = cursor.long()?;
                match usize::try_from(symbol).ok().and_then(|symbol| words.get(symbol)) {
                    Some(Some(word)) => spans.push(word.as_bytes(), cursor),
                    Some(None) => {
                        let found = format!("symbol {symbol} of an enum");
                        Err(cursor.fault(start, found, "one that the reader knows"))
                    }
                    None => {
                        let (found, wanted) = (format!("symbol {symbol} of an enum"), words.len() - 1);
                        Err(cursor.fault(start, found, format!("0 to {wanted}")))
                    }
                }
            }
            Values::Fixed { size, data, len } => {
                data.extend_from_slice(cursor.take(*size)?);
                *len += 1;
                Ok(())
            }
            Values::Decimal { size, values } => {
                let bytes = match size {
                    Some(size) => cursor.take(*size)?,
                    None => cursor.counted()?,
                };
                values.push(decimal(bytes, cursor)?);
                Ok(())
            }
            Values::Struct(record) => record.read(cursor, skips),
            Values::List { spans, item, least } => {
                let mut read = 0;
                while let Some((count, _)) = cursor.block(*least)? {
                    for _ in 0..count {
                        item.read(cursor, skips).map_err(|fault| fault.at_item(read))?;
                        read += 1;
                    }
                }
                let before = spans.last().copied().unwrap_or(0) as usize;
                spans.push(end(before + read, cursor)?);
                Ok(())
            }
            Values::Map { spans, keys, value, least } => {
                let mut read = 0;
                while let Some((count, _)) = cursor.block(*least)? {
                    for _ in 0..count {
                        let key = cursor.counted()?;
                        check_text(key, cursor)?;
                        keys.push(key, cursor)?;
                        let name =
                            |fault: Fault| fault.inside(&format!("[{:?}]", String::from_utf8_lossy(key)));
                        value.read(cursor, skips).map_err(name)?;
                        read += 1;
                    }
                }
                let before = spans.last().copied().unwrap_or(0) as usize;
                spans.push(end(before + read, cursor)?);
                Ok(())
            }
            // What is written without a union is of the only type.
            Values::Union { children, len, .. } => {
                *len += 1;
                children.iter_mut().try_for_each(|child| child.read(cursor, skips))
            }
        }
    }

    fn read_union(&mut self, cursor: &mut Cursor<'_>, skips: &Skips) -> Result<(), Fault> {
        let Values::Union { children, branches, len } = &mut self.values else { return Ok(()) };
        let chosen = branches[cursor.branch(branches.len())?];
        if let Some(valid) = &mut self.valid {
            valid.push(chosen.is_some());
        }
        *len += 1;
        for (place, child) in children.iter_mut().enumerate() {
            if chosen == Some(place) {
                child.read(cursor, skips)?;
            } else {
                child.push_null(cursor)?;
            }
        }
        Ok(())
    }

    /// Adds a null, or what stands under one.
    pub(super) fn push_null(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if let Some(valid) = &mut self.valid {
            valid.push(false);
        }
        match &mut self.values {
            Values::Null(len) => *len += 1,
            Values::Boolean(values) => values.push(false),
            Values::Int(values) => values.push(0),
            Values::Long(values) => values.push(0),
            Values::Float(values) | Values::LongAsFloat(values) => values.push(0.0),
            Values::Double(values) | Values::LongAsDouble(values) | Values::FloatAsDouble(values) => {
                values.push(0.0);
            }
            Values::Bytes(spans) | Values::Text(spans) | Values::Enum { spans, .. } => spans.push_empty(),
            Values::Fixed { size, data, len } => {
                cursor.spend(*size as u64 / 64)?;
                cursor.make(*size)?;
                data.resize(data.len() + *size, 0);
                *len += 1;
            }
            Values::Decimal { values, .. } => values.push(0),
            Values::Struct(record) => {
                cursor.spend(record.leaves.into())?;
                // Values have up to 8 bytes; those of fixed size count themselves.
                cursor.make(8 * record.leaves as usize)?;
                record.len += 1;
                record.children.iter_mut().try_for_each(|child| child.push_null(cursor))?;
            }
            Values::List { spans, .. } | Values::Map { spans, .. } => {
                spans.push(spans.last().copied().unwrap_or(0));
            }
            Values::Union { children, len, .. } => {
                cursor.spend(children.len() as u64)?;
                cursor.make(8 * children.len())?;
                *len += 1;
                children.iter_mut().try_for_each(|child| child.push_null(cursor))?;
            }
        }
        Ok(())
    }

    /// Cuts the column back to so many values.
    pub(super) fn truncate(&mut self, rows: usize) {
        if let Some(valid) = &mut self.valid {
            valid.truncate(rows);
        }
        match &mut self.values {
            Values::Null(len) => *len = rows,
            Values::Boolean(values) => values.truncate(rows),
            Values::Int(values) => values.truncate(rows),
            Values::Long(values) => values.truncate(rows),
            Values::Float(values) | Values::LongAsFloat(values) => values.truncate(rows),
            Values::Double(values) | Values::LongAsDouble(values) | Values::FloatAsDouble(values) => {
                values.truncate(rows);
            }
            Values::Bytes(spans) | Values::Text(spans) | Values::Enum { spans, .. } => spans.truncate(rows),
            Values::Fixed { size, data, len } => {
                data.truncate(rows * *size);
                *len = rows;
            }
            Values::Decimal { values, .. } => values.truncate(rows),
            Values::Struct(record) => {
                record.len = rows;
                record.children.iter_mut().for_each(|child| child.truncate(rows));
            }
            Values::List { spans, item, .. } => {
                spans.truncate(rows + 1);
                item.truncate(spans.last().copied().unwrap_or(0) as usize);
            }
            Values::Map { spans, keys, value, .. } => {
                spans.truncate(rows + 1);
                let items = spans.last().copied().unwrap_or(0) as usize;
                keys.truncate(items);
                value.truncate(items);
            }
            Values::Union { children, len, .. } => {
                *len = rows;
                children.iter_mut().for_each(|child| child.truncate(rows));
            }
        }
    }

    /// Takes the values out as an array of a type.
    pub(super) fn finish(&mut self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let nulls = self.valid.as_mut().and_then(|valid| {
            let nulls = NullBuffer::new(BooleanBuffer::from(valid.as_slice()));
            valid.clear();
            (nulls.null_count() > 0).then_some(nulls)
        });
        Ok(match &mut self.values {
            Values::Null(len) => Arc::new(NullArray::new(std::mem::take(len))),
            Values::Boolean(values) => {
                let bits = BooleanBuffer::from(values.as_slice());
                values.clear();
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Values::Int(values) => plain::<Int32Type>(renewed(values), nulls, kind)?,
            Values::Long(values) => plain::<Int64Type>(renewed(values), nulls, kind)?,
            Values::Float(values) | Values::LongAsFloat(values) => {
                plain::<Float32Type>(renewed(values), nulls, kind)?
            }
            Values::Double(values) | Values::LongAsDouble(values) | Values::FloatAsDouble(values) => {
                plain::<Float64Type>(renewed(values), nulls, kind)?
            }
            Values::Bytes(spans) => {
                let (ends, data) = spans.take();
                Arc::new(BinaryArray::try_new(ends, data, nulls)?)
            }
            Values::Text(spans) | Values::Enum { spans, .. } => {
                let (ends, data) = spans.take();
                Arc::new(StringArray::try_new(ends, data, nulls)?)
            }
            Values::Fixed { size, data, len } => {
                let data = Buffer::from(renewed(data));
                let rows = std::mem::take(len);
                Arc::new(FixedSizeBinaryArray::try_new_with_len(*size as i32, data, nulls, rows)?)
            }
            Values::Decimal { values, .. } => Arc::new(
                Decimal128Array::try_new(renewed(values).into(), nulls)?.with_data_type(kind.clone()),
            ),
            Values::Struct(record) => {
                let rows = std::mem::take(&mut record.len);
                structure(&mut record.children, kind, rows, nulls)?
            }
            Values::Union { children, len, .. } => structure(children, kind, std::mem::take(len), nulls)?,
            Values::List { spans, item, .. } => {
                let DataType::List(field) = kind else { return Err(mismatch(kind)) };
                let items = item.finish(field.data_type())?;
                Arc::new(ListArray::try_new(field.clone(), renewed_spans(spans), items, nulls)?)
            }
            Values::Map { spans, keys, value, .. } => {
                let DataType::Map(entries, sorted) = kind else { return Err(mismatch(kind)) };
                let DataType::Struct(fields) = entries.data_type() else { return Err(mismatch(kind)) };
                let (ends, data) = keys.take();
                let keys: ArrayRef = Arc::new(StringArray::try_new(ends, data, None)?);
                let values = value.finish(fields[1].data_type())?;
                let both = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
                Arc::new(MapArray::try_new(entries.clone(), renewed_spans(spans), both, nulls, *sorted)?)
            }
        })
    }
}

impl Record {
    #[inline]
    pub(super) fn read(&mut self, cursor: &mut Cursor<'_>, skips: &Skips) -> Result<(), Fault> {
        for step in &self.steps {
            match step {
                Step::Child(child) => {
                    let column = &mut self.children[*child];
                    if column.read_number(cursor) {
                        continue;
                    }
                    if let Err(fault) = column.read(cursor, skips) {
                        return Err(fault.inside(&self.names[*child]));
                    }
                }
                Step::Skip(skip) => skips.skip(skip, cursor)?,
            }
        }
        for (child, bytes) in &self.defaults {
            let column = &mut self.children[*child];
            cursor
                .beside(bytes, |cursor| column.read(cursor, skips))
                .map_err(|fault| fault.inside(&self.names[*child]))?;
        }
        self.len += 1;
        Ok(())
    }
}

fn mismatch(kind: &DataType) -> ArrowError {
    ArrowError::SchemaError(format!("a column that is no {kind}"))
}

/// Takes the values and leaves room for as many.
fn renewed<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = values.len();
    std::mem::replace(values, Vec::with_capacity(room))
}

fn renewed_spans(spans: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let taken = renewed(spans);
    spans.push(0);
    OffsetBuffer::new(ScalarBuffer::from(taken))
}

/// Numbers, or what of the same width they stand for.
fn plain<T: arrow_array::ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
    kind: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let array = PrimitiveArray::<T>::try_new(values.into(), nulls)?;
    if array.data_type() == kind {
        return Ok(Arc::new(array));
    }
    let data = array.into_data().into_builder().data_type(kind.clone()).build()?;
    Ok(arrow_array::make_array(data))
}

fn structure(
    children: &mut [Column],
    kind: &DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(fields) = kind else { return Err(mismatch(kind)) };
    let arrays = arrays(children, fields)?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows)?))
}

pub(super) fn arrays(children: &mut [Column], fields: &Fields) -> Result<Vec<ArrayRef>, ArrowError> {
    children.iter_mut().zip(fields).map(|(child, field)| child.finish(field.data_type())).collect()
}

impl From<Fault> for Damage {
    fn from(fault: Fault) -> Self {
        *fault
    }
}
