//! What the columns of a batch are written as: planned once, from their fields.

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::elements::decimals;
use super::keys;
use crate::{ColumnSpec, Error, table};

/// What an element is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Logical,
    /// An integer of so many bytes; TZERO, as text, where its sign is not that of the type in FITS.
    Integer(usize, Option<&'static str>),
    /// A real number of so many bytes.
    Real(usize),
    /// Two real numbers of so many bytes each.
    Complex(usize),
    /// A string of so many bytes.
    Text(usize),
    Bytes(usize),
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    One,
    Fixed(usize),
    /// A descriptor of elements in the heap.
    List,
    /// A descriptor of a text or bytes in the heap.
    Variable,
}

/// A column of the table to be written.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) spec: ColumnSpec,
    pub(super) ucd: Option<String>,
    pub(super) description: Option<String>,
    /// The column's number in a batch, then that of the field in each struct.
    pub(super) path: Vec<usize>,
    pub(super) leaf: Leaf,
    pub(super) cell: Cell,
    /// Byte offset in the row.
    pub(super) offset: usize,
    /// Bytes in the row.
    pub(super) width: usize,
    /// Elements of the longest array in the heap.
    pub(super) longest: u64,
    pub(super) nulls: Nulls,
}

/// Whether TNULL is needed, and in which row its number stands as a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nulls {
    pub(super) seen: bool,
    pub(super) taken: Option<u64>,
}

/// What decides how columns are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) utf8: bool,
    pub(super) short_descriptors: bool,
}

impl Leaf {
    pub(super) fn size(self) -> usize {
        match self {
            Leaf::Logical => 1,
            Leaf::Integer(size, _) | Leaf::Real(size) | Leaf::Text(size) | Leaf::Bytes(size) => size,
            Leaf::Complex(size) => 2 * size,
        }
    }

    fn letter(self) -> char {
        match self {
            Leaf::Logical => 'L',
            Leaf::Integer(1, _) | Leaf::Bytes(_) => 'B',
            Leaf::Integer(2, _) => 'I',
            Leaf::Integer(4, _) => 'J',
            Leaf::Integer(..) => 'K',
            Leaf::Real(4) => 'E',
            Leaf::Real(_) => 'D',
            Leaf::Complex(4) => 'C',
            Leaf::Complex(_) => 'M',
            Leaf::Text(_) => 'A',
        }
    }

    /// The letter's repeat count for `count` elements.
    fn repeat(self, count: usize) -> Option<usize> {
        match self {
            Leaf::Text(size) | Leaf::Bytes(size) => size.checked_mul(count),
            _ => Some(count),
        }
    }

    /// The number as which TNULL stands in the file.
    fn null(self) -> Option<i64> {
        let Leaf::Integer(size, zero) = self else { return None };
        Some(match (size, zero.is_some()) {
            (1, false) => 255,
            (1, true) => 0,
            (2, false) => i16::MIN.into(),
            (2, true) => i16::MAX.into(),
            (4, false) => i32::MIN.into(),
            (4, true) => i32::MAX.into(),
            (_, false) => i64::MIN,
            (_, true) => i64::MAX,
        })
    }

    /// The bytes that stand for null.
    pub(super) fn null_bytes(self) -> Vec<u8> {
        match self {
            Leaf::Integer(size, _) => {
                let bytes = self.null().unwrap_or(0).to_be_bytes();
                bytes[8 - size..].to_vec()
            }
            Leaf::Real(4) => f32::NAN.to_be_bytes().to_vec(),
            Leaf::Real(_) => f64::NAN.to_be_bytes().to_vec(),
            Leaf::Complex(size) => Leaf::Real(size).null_bytes().repeat(2),
            _ => vec![0; self.size()],
        }
    }
}

/// Whether a struct is a complex number, and the type of its parts.
fn complex(fields: &Fields) -> Option<&DataType> {
    let [re, im] = fields.as_ref() else { return None };
    let real = matches!(re.data_type(), DataType::Float32 | DataType::Float64);
    (real && re.name() == "re" && im.name() == "im" && re.data_type() == im.data_type())
        .then_some(re.data_type())
}

/// Plans how the columns of a batch are written.
///
/// # Errors
/// [`Error::Unwritable`] for a type that has no counterpart, a name that cannot stand in a header, or metadata that
/// contradict the type.
pub(super) fn targets(fields: &Fields, rules: Rules) -> Result<Vec<Target>, Error> {
    let mut all = Vec::new();
    for (n, field) in fields.iter().enumerate() {
        plan(field, field.name().clone(), vec![n], rules, &mut all)?;
    }
    let mut offset = 0usize;
    for target in &mut all {
        target.offset = offset;
        offset = offset
            .checked_add(target.width)
            .filter(|sum| *sum <= i32::MAX as usize)
            .ok_or_else(|| unwritable(&target.spec.name, "a row of more than 2147483647 bytes", "less"))?;
    }
    Ok(all)
}

fn unwritable(column: &str, found: impl Into<String>, wanted: impl Into<String>) -> Error {
    Error::Unwritable { column: column.to_string(), row: None, found: found.into(), wanted: wanted.into() }
}

fn plan(
    field: &Field,
    name: String,
    path: Vec<usize>,
    rules: Rules,
    all: &mut Vec<Target>,
) -> Result<(), Error> {
    if let DataType::Struct(fields) = field.data_type()
        && complex(fields).is_none()
    {
        for (n, inner) in fields.iter().enumerate() {
            let path = path.iter().copied().chain([n]).collect();
            plan(inner, format!("{name}.{}", inner.name()), path, rules, all)?;
        }
        return Ok(());
    }
    if name.is_empty() || !name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(unwritable(&name, "that name", "a name of printable ASCII"));
    }
    all.push(Target::of(field, name, path, rules)?);
    Ok(())
}

impl Target {
    fn of(field: &Field, name: String, path: Vec<usize>, rules: Rules) -> Result<Target, Error> {
        let meta = |key: &str| field.metadata().get(key).filter(|text| !text.is_empty());
        let none = |ty: &DataType| {
            let wanted = "a type with a counterpart in FITS; cast the column or leave it out";
            unwritable(&name, format!("Arrow type {ty}"), wanted)
        };
        let text_width = match meta(keys::WIDTH) {
            None => None,
            Some(width) => {
                let wrong = || unwritable(&name, format!("width {width:?}"), "a number of bytes");
                Some(width.parse::<usize>().ok().filter(|w| *w <= i32::MAX as usize).ok_or_else(wrong)?)
            }
        };
        // Fixed-size lists, the outermost first.
        let (mut item, mut axes) = (field.data_type(), Vec::new());
        while let DataType::FixedSizeList(inner, size) = item {
            axes.push(usize::try_from(*size).map_err(|_| none(field.data_type()))?);
            item = inner.data_type();
        }
        axes.reverse();
        let too_wide = || unwritable(&name, format!("Arrow type {}", field.data_type()), "a narrower one");
        let count = axes.iter().try_fold(1usize, |product, axis| product.checked_mul(*axis));
        let count = count.ok_or_else(too_wide)?;
        let (leaf, cell) = match item {
            DataType::List(inner) | DataType::LargeList(inner) if axes.is_empty() => {
                let leaf = leaf(inner.data_type(), None).ok_or_else(|| none(item))?;
                if matches!(leaf, Leaf::Text(_) | Leaf::Bytes(_)) {
                    return Err(none(item));
                }
                (leaf, Cell::List)
            }
            _ if axes.is_empty() => match (leaf(item, text_width), values_of(item)) {
                (Some(leaf), _) => (leaf, Cell::One),
                (None, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                    (Leaf::Text(1), Cell::Variable)
                }
                (None, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => {
                    (Leaf::Bytes(1), Cell::Variable)
                }
                _ => return Err(none(item)),
            },
            _ => match leaf(item, text_width) {
                Some(leaf) => (leaf, Cell::Fixed(count)),
                None if values_of(item).is_string() => {
                    let found = format!("Arrow type {} without the metadata `width`", field.data_type());
                    return Err(unwritable(&name, found, "the bytes of its strings in `width`"));
                }
                None => return Err(none(field.data_type())),
            },
        };
        let descriptor = if rules.short_descriptors { ('P', 8) } else { ('Q', 16) };
        let repeat = leaf.repeat(count).ok_or_else(too_wide)?;
        let (form, width) = match cell {
            Cell::One | Cell::Fixed(_) => {
                let width = leaf.size().checked_mul(count).filter(|width| *width <= i32::MAX as usize);
                (format!("{repeat}{}", leaf.letter()), width.ok_or_else(too_wide)?)
            }
            Cell::List | Cell::Variable => (format!("1{}{}(0)", descriptor.0, leaf.letter()), descriptor.1),
        };
        let strings = match leaf {
            Leaf::Text(width) | Leaf::Bytes(width) => Some(width),
            _ => None,
        };
        let dim = match meta(keys::TDIM) {
            Some(text) => {
                let axes = table::axes(text);
                let product =
                    axes.as_ref().and_then(|axes| axes.iter().try_fold(1usize, |p, n| p.checked_mul(*n)));
                let fits = product.is_some() && (cell == Cell::List || product == Some(repeat));
                if !fits {
                    let found = format!("{repeat}{} with the metadata `tdim` {text:?}", leaf.letter());
                    return Err(unwritable(&name, found, "a shape of as many elements"));
                }
                axes
            }
            // Tells an array of one element from a number, and strings from one string.
            None if axes.len() > 1 || axes == [1] || (!axes.is_empty() && strings.is_some()) => {
                Some(strings.into_iter().chain(axes).collect())
            }
            None => None,
        };
        let spec = ColumnSpec {
            form,
            unit: meta(keys::UNIT).cloned(),
            display: meta(keys::DISPLAY).cloned(),
            null: leaf.null(),
            dim,
            ..ColumnSpec::new(name, "")
        };
        Ok(Target {
            spec,
            ucd: meta(keys::UCD).cloned(),
            description: meta(keys::DESCRIPTION).cloned(),
            path,
            leaf,
            cell,
            offset: 0,
            width,
            longest: 0,
            nulls: Nulls::default(),
        })
    }

    /// TZERO as it stands in the header.
    pub(super) fn zero(&self) -> Option<&'static str> {
        match self.leaf {
            Leaf::Integer(_, zero) => zero,
            _ => None,
        }
    }

    /// The column as it stands in the header once all batches are known.
    pub(super) fn finished_spec(&self) -> ColumnSpec {
        let mut spec = self.spec.clone();
        if !self.nulls.seen {
            spec.null = None;
        }
        if matches!(self.cell, Cell::List | Cell::Variable) {
            spec.form = spec.form.replace("(0)", &format!("({})", self.longest));
        }
        spec
    }
}

/// The type behind a dictionary.
fn values_of(ty: &DataType) -> &DataType {
    match ty {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// What elements of a type are written as; `None` where they have no fixed size or no counterpart.
fn leaf(ty: &DataType, text_width: Option<usize>) -> Option<Leaf> {
    Some(match values_of(ty) {
        DataType::Boolean => Leaf::Logical,
        DataType::UInt8 => Leaf::Integer(1, None),
        DataType::Int8 => Leaf::Integer(1, Some("-128")),
        DataType::Int16 => Leaf::Integer(2, None),
        DataType::UInt16 => Leaf::Integer(2, Some("32768")),
        DataType::Int32 => Leaf::Integer(4, None),
        DataType::UInt32 => Leaf::Integer(4, Some("2147483648")),
        DataType::Int64 => Leaf::Integer(8, None),
        DataType::UInt64 => Leaf::Integer(8, Some("9223372036854775808")),
        DataType::Float16 | DataType::Float32 => Leaf::Real(4),
        DataType::Float64 => Leaf::Real(8),
        DataType::Struct(fields) => match complex(fields)? {
            DataType::Float32 => Leaf::Complex(4),
            _ => Leaf::Complex(8),
        },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Leaf::Text(text_width?),
        DataType::FixedSizeBinary(size) => Leaf::Bytes(usize::try_from(*size).ok()?),
        DataType::Date32 | DataType::Date64 => Leaf::Text(10),
        DataType::Time32(unit) | DataType::Time64(unit) => Leaf::Text(8 + fraction(*unit)),
        DataType::Timestamp(unit, _) => Leaf::Text(19 + fraction(*unit)),
        _ => return None,
    })
}

/// The length of the decimals of a second, point included.
fn fraction(unit: TimeUnit) -> usize {
    match decimals(unit) {
        0 => 0,
        decimals => decimals as usize + 1,
    }
}
