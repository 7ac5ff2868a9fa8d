//! What the cells of a column hold and which Arrow field they become.
//!
//! Decided once, from the header alone; no data are read here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

use super::keys;
use crate::{Column, ColumnType, Error, Header, Value, table};

/// What one element of a column becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Logical,
    Bit,
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Complex32,
    Complex64,
    /// A number that TSCAL and TZERO make real.
    Scaled(ColumnType),
    ScaledComplex(ColumnType),
    Text,
}

/// How many elements a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Fixed(usize),
    /// An array descriptor whose two numbers have so many bytes each.
    Heap(usize),
}

/// How the bytes of a column become an array.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) item: Item,
    pub(super) shape: Shape,
    /// Byte offset in the row.
    pub(super) offset: usize,
    /// Bytes in the row that are read.
    pub(super) width: usize,
    /// Bytes of a string in a row; 0 in the heap.
    pub(super) text_width: usize,
    /// TNULL, where it applies.
    pub(super) null: Option<i64>,
    pub(super) scale: f64,
    pub(super) zero: f64,
    pub(super) field: FieldRef,
}

impl Item {
    /// Decides what elements of a stored type become.
    fn of(ty: ColumnType, scale: f64, zero: f64) -> Option<Item> {
        let plain = (scale, zero) == (1.0, 0.0);
        let shifted = |by: f64| (scale, zero) == (1.0, by);
        Some(match ty {
            ColumnType::Logical => Item::Logical,
            ColumnType::Bit => Item::Bit,
            ColumnType::Character => Item::Text,
            ColumnType::Byte if plain => Item::U8,
            ColumnType::Byte if shifted(-128.0) => Item::I8,
            ColumnType::Short if plain => Item::I16,
            ColumnType::Short if shifted(32768.0) => Item::U16,
            ColumnType::Int if plain => Item::I32,
            ColumnType::Int if shifted(2147483648.0) => Item::U32,
            ColumnType::Long if plain => Item::I64,
            ColumnType::Long if shifted(9223372036854775808.0) => Item::U64,
            ColumnType::Float if plain => Item::F32,
            ColumnType::Double if plain => Item::F64,
            ColumnType::ComplexFloat if plain => Item::Complex32,
            ColumnType::ComplexDouble if plain => Item::Complex64,
            ColumnType::ComplexFloat | ColumnType::ComplexDouble => Item::ScaledComplex(ty),
            ColumnType::ArrayDescriptor32 | ColumnType::ArrayDescriptor64 => return None,
            _ => Item::Scaled(ty),
        })
    }

    fn data_type(self) -> DataType {
        let complex = |part: DataType| {
            DataType::Struct(Fields::from(vec![
                Field::new("re", part.clone(), false),
                Field::new("im", part, false),
            ]))
        };
        match self {
            Item::Logical | Item::Bit => DataType::Boolean,
            Item::U8 => DataType::UInt8,
            Item::I8 => DataType::Int8,
            Item::I16 => DataType::Int16,
            Item::U16 => DataType::UInt16,
            Item::I32 => DataType::Int32,
            Item::U32 => DataType::UInt32,
            Item::I64 => DataType::Int64,
            Item::U64 => DataType::UInt64,
            Item::F32 => DataType::Float32,
            Item::F64 | Item::Scaled(_) => DataType::Float64,
            Item::Complex32 => complex(DataType::Float32),
            Item::Complex64 | Item::ScaledComplex(_) => complex(DataType::Float64),
            Item::Text => DataType::Utf8,
        }
    }

    /// Whether TNULL can stand for an element.
    fn is_integer(self) -> bool {
        use ColumnType::{Byte, Int, Long, Short};
        match self {
            Item::Scaled(ty) => matches!(ty, Byte | Short | Int | Long),
            Item::U8 | Item::I8 | Item::I16 | Item::U16 => true,
            Item::I32 | Item::U32 | Item::I64 | Item::U64 => true,
            _ => false,
        }
    }

    /// Bytes in memory that `count` elements become, and never less than `count`.
    pub(super) fn memory(self, count: u64) -> u64 {
        let size = match self {
            Item::Complex64 | Item::ScaledComplex(_) => 16,
            Item::I64 | Item::U64 | Item::F64 | Item::Complex32 | Item::Scaled(_) => 8,
            Item::I32 | Item::U32 | Item::F32 => 4,
            Item::I16 | Item::U16 => 2,
            // Latin-1 may double when it becomes UTF-8.
            Item::Text => 2,
            Item::Logical | Item::Bit | Item::U8 | Item::I8 => 1,
        };
        count.saturating_mul(size)
    }

    /// Bytes that `count` elements take in the file; `None` where they overflow.
    pub(super) fn stored(self, count: u64) -> Option<u64> {
        let size = match self {
            Item::Bit => return Some(count.div_ceil(8)),
            Item::Logical | Item::U8 | Item::I8 | Item::Text => 1,
            Item::I16 | Item::U16 => 2,
            Item::I32 | Item::U32 | Item::F32 => 4,
            Item::I64 | Item::U64 | Item::F64 | Item::Complex32 => 8,
            Item::Complex64 => 16,
            Item::Scaled(ty) | Item::ScaledComplex(ty) => ty.width(1)? as u64,
        };
        count.checked_mul(size)
    }
}

impl Form {
    /// Reads what column `n`, counted from 1, holds.
    ///
    /// # Errors
    /// [`Error::BadKeyword`] for a descriptor of an unknown type or more than one of them in a cell.
    pub(super) fn of(header: &Header, n: usize, column: &Column) -> Result<Form, Error> {
        let key = |stem: &str| format!("{stem}{n}");
        let tform = header.text(&key("TFORM")).unwrap_or("").trim();
        // What stands behind the repeat count and the letter.
        let rest = tform.trim_start_matches(|c: char| c.is_ascii_digit()).get(1..).unwrap_or("");
        let descriptor = match column.ty {
            ColumnType::ArrayDescriptor32 => Some(4),
            ColumnType::ArrayDescriptor64 => Some(8),
            _ => None,
        };
        let wrong = |wanted: &str| header.wrong(&key("TFORM"), wanted);
        let stored = match descriptor {
            None => column.ty,
            Some(_) if column.repeat > 1 => return Err(wrong("at most one array descriptor")),
            Some(_) => rest
                .chars()
                .next()
                .and_then(ColumnType::of_letter)
                .ok_or_else(|| wrong("one of L X B I J K A E D C M behind P or Q"))?,
        };
        let (scale, zero) = scaling(header, n, column);
        let item = Item::of(stored, scale, zero).ok_or_else(|| wrong("arrays of anything but arrays"))?;
        let tdim = header.text(&key("TDIM")).map(str::trim);
        let dim = tdim.and_then(table::axes);
        let (mut shape, mut text_width, mut width) = (Shape::One, 0, column.width);
        if let Some(bytes) = descriptor {
            shape = if column.repeat == 0 { Shape::Fixed(0) } else { Shape::Heap(bytes) };
        } else if item == Item::Text {
            let strings = strings(column.repeat, rest, column.dim.as_deref());
            (text_width, shape) = match strings {
                Some((width, count)) => (width, Shape::Fixed(count)),
                None => (column.repeat, Shape::One),
            };
            width = strings.map_or(column.repeat, |(width, count)| width * count);
        } else if column.repeat != 1 || column.dim.is_some() {
            shape = Shape::Fixed(column.repeat);
        }
        let product =
            dim.as_ref().and_then(|axes| axes.iter().try_fold(1usize, |p, axis| p.checked_mul(*axis)));
        // A shape that is not that of the elements helps nobody; that of an array in the heap is its own.
        let fits = matches!(shape, Shape::Heap(_)) || product == Some(column.repeat);
        let mut metadata = HashMap::new();
        let mut keep = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                metadata.insert(key.to_string(), value.to_string());
            }
        };
        keep(keys::UNIT, column.unit.as_deref());
        keep(keys::UCD, header.text(&key("TUCD")));
        keep(keys::DESCRIPTION, description(header, n));
        keep(keys::DISPLAY, column.display.as_deref());
        keep(keys::TDIM, tdim.filter(|_| dim.is_some() && fits));
        let text_bytes = text_width.to_string();
        keep(keys::WIDTH, (item == Item::Text && descriptor.is_none()).then_some(text_bytes.as_str()));
        let null = column.null.filter(|_| item.is_integer());
        let nullable = item == Item::Logical || null.is_some();
        let data_type = match shape {
            Shape::Fixed(count) => {
                let count = i32::try_from(count).map_err(|_| wrong("at most 2147483647 elements"))?;
                DataType::FixedSizeList(Arc::new(Field::new_list_field(item.data_type(), nullable)), count)
            }
            Shape::Heap(_) if item != Item::Text => {
                DataType::List(Arc::new(Field::new_list_field(item.data_type(), nullable)))
            }
            _ => item.data_type(),
        };
        let field = Field::new(&column.name, data_type, nullable && shape == Shape::One);
        Ok(Form {
            item,
            shape,
            offset: column.offset,
            width,
            text_width,
            null,
            scale,
            zero,
            field: Arc::new(field.with_metadata(metadata)),
        })
    }

    /// Bytes in memory that a cell becomes, what is in the heap not counted.
    pub(super) fn memory(&self) -> u64 {
        match self.shape {
            Shape::One if self.item == Item::Text => 4 + self.item.memory(self.width as u64),
            Shape::Fixed(count) if self.item == Item::Text => {
                self.item.memory(self.width as u64).saturating_add(4 * count as u64)
            }
            Shape::One => self.item.memory(1),
            Shape::Fixed(count) => self.item.memory(count as u64),
            Shape::Heap(_) => 16,
        }
    }
}

/// TSCAL and TZERO, where TZERO is 2^63 only if the header says so exactly.
fn scaling(header: &Header, n: usize, column: &Column) -> (f64, f64) {
    // As f64, 2^63 - 1 is 2^63 too.
    let zero = match header.get(&format!("TZERO{n}")) {
        Some(Value::Integer(zero)) if *zero as f64 == 9223372036854775808.0 => column.zero.next_down(),
        _ => column.zero,
    };
    (column.scale, zero)
}

/// The length and number of the strings in a text cell of `repeat` bytes; `None` where it is one string.
///
/// `rest` is what stands behind the `A` of TFORM: `w`, or `:SSTRw` by the older convention for arrays of strings.
fn strings(repeat: usize, rest: &str, dim: Option<&[usize]>) -> Option<(usize, usize)> {
    if let Some([width, counts @ ..]) = dim
        && *width > 0
        && !counts.is_empty()
    {
        // The product was found to be at most the repeat count.
        return Some((*width, counts.iter().product()));
    }
    let width = rest.strip_prefix(":SSTR").unwrap_or(rest).parse::<usize>().ok()?;
    (width > 0 && width < repeat).then(|| (width, repeat / width))
}

/// TCOMM, or the comment of TTYPE unless it is one that programs put there of themselves.
fn description(header: &Header, n: usize) -> Option<&str> {
    if let Some(text) = header.text(&format!("TCOMM{n}")) {
        return Some(text);
    }
    let comment = header.card(&format!("TTYPE{n}"))?.comment.as_str();
    let lower = comment.to_ascii_lowercase();
    let empty = ["label for", "column name", "name of column", "name of field", "field name"];
    (!empty.iter().any(|words| lower.starts_with(words))).then_some(comment)
}
