//! An element FIELD as a field of Arrow, and what decodes its cells.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_schema::{DataType, Field, Fields};

use super::columns::{Cells, Column, Lists, One, Strings, Texts, Width};
use super::elements::{Bits, Booleans, Complexes, Elements, Number, Numbers};
use super::xml::attribute;
use crate::datatype::{ArraySize, Datatype, display, tdim};
use crate::error::{Misfit, quoted};
use crate::keys;

/// A FIELD as it stands.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) byte: u64,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) description: Option<String>,
    /// The attribute `null` of its VALUES.
    pub(super) null: Option<String>,
}

/// How the elements of a column lie in its cells.
#[derive(Clone, Copy)]
enum Shape {
    One,
    Fixed(usize),
    /// Groups of so many.
    Variable(usize),
}

impl Spec {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let attributes: usize =
            self.attributes.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        attributes + self.description.as_ref().map_or(0, String::len)
    }

    /// The name of the column; of one without a name its ID, or its number counted from 1.
    pub(super) fn name(&self, index: usize) -> String {
        let name = attribute(&self.attributes, "name").or(attribute(&self.attributes, "ID"));
        name.map_or_else(|| format!("col{}", index + 1), str::to_string)
    }

    /// Makes field and decoder.
    ///
    /// # Errors
    /// A datatype or arraysize that is none, and arrays of more than `limit` bytes.
    pub(super) fn column(&self, index: usize, limit: usize) -> Result<(Field, Column), Misfit> {
        let named = attribute(&self.attributes, "datatype").unwrap_or("");
        let datatype = Datatype::named(named).ok_or_else(|| {
            let names: Vec<&str> = Datatype::ALL.iter().map(|datatype| datatype.name()).collect();
            Misfit::new(format!("datatype {}", quoted(named)), format!("one of {}", names.join(", ")))
        })?;
        let size = match attribute(&self.attributes, "arraysize") {
            None => None,
            Some(text) => Some(ArraySize::parse(text).ok_or_else(|| {
                let wanted = "lengths of at least 1 with x between them, the last of which may be *";
                Misfit::new(format!("arraysize {}", quoted(text)), wanted)
            })?),
        };
        // An array of one element is a single value, as nearly all mean it that write so.
        let size = size.filter(|size| size.variable || size.fixed != [1]).unwrap_or_default();
        let too_large = || {
            let wanted = format!("at most {limit} bytes; raise the limit `max_row_bytes` if they are meant");
            Misfit::new(format!("arrays of size {}", size.text()), wanted)
        };
        let elements = size.elements().ok_or_else(too_large)?;
        let shape = match (size.variable, size.fixed.is_empty()) {
            (true, _) => Shape::Variable(elements),
            (false, false) => Shape::Fixed(elements),
            (false, true) => Shape::One,
        };
        let mut metadata = self.metadata(datatype);
        let (data_type, mut column) = match datatype {
            Datatype::Char | Datatype::UnicodeChar => texts(datatype, &size, shape, &mut metadata),
            _ => {
                if size.fixed.len() > 1 {
                    metadata.insert(keys::TDIM.to_string(), tdim(&size.fixed));
                }
                let null = self.null.as_deref();
                match datatype {
                    Datatype::Boolean => of(DataType::Boolean, Booleans::default(), datatype, shape),
                    Datatype::Bit => of(DataType::Boolean, Bits::default(), datatype, shape),
                    Datatype::UnsignedByte => numbers::<UInt8Type>(datatype, shape, null),
                    Datatype::Short => numbers::<Int16Type>(datatype, shape, null),
                    Datatype::Int => numbers::<Int32Type>(datatype, shape, null),
                    Datatype::Long => numbers::<Int64Type>(datatype, shape, null),
                    Datatype::Float => numbers::<Float32Type>(datatype, shape, null),
                    Datatype::Double => numbers::<Float64Type>(datatype, shape, null),
                    Datatype::FloatComplex => complexes::<Float32Type>(datatype, shape),
                    _ => complexes::<Float64Type>(datatype, shape),
                }
            }
        }
        .ok_or_else(too_large)?;
        if column.row_bytes > limit || matches!(column.width, Width::Fixed { bytes, .. } if bytes > limit) {
            return Err(too_large());
        }
        column.name = self.name(index);
        Ok((Field::new(&column.name, data_type, true).with_metadata(metadata), column))
    }

    /// What the attributes say that is no type.
    fn metadata(&self, datatype: Datatype) -> HashMap<String, String> {
        let mut metadata = HashMap::new();
        let known = [
            ("unit", keys::UNIT),
            ("ucd", keys::UCD),
            ("utype", keys::UTYPE),
            ("xtype", keys::XTYPE),
            ("ID", keys::ID),
            ("ref", keys::REF),
        ];
        for (name, key) in known {
            if let Some(value) = attribute(&self.attributes, name) {
                metadata.insert(key.to_string(), value.to_string());
            }
        }
        if let Some(description) = self.description.as_deref().map(str::trim).filter(|text| !text.is_empty())
        {
            metadata.insert(keys::DESCRIPTION.to_string(), description.to_string());
        }
        let precision = attribute(&self.attributes, "precision");
        if let Some(tdisp) =
            attribute(&self.attributes, "width").and_then(|width| display(datatype, width, precision))
        {
            metadata.insert(keys::DISPLAY.to_string(), tdisp);
        }
        if matches!(datatype, Datatype::UnicodeChar | Datatype::Bit) {
            metadata.insert(keys::DATATYPE.to_string(), datatype.name().to_string());
        }
        let null = self.null.as_deref();
        let null = null.and_then(|null| match datatype {
            Datatype::UnsignedByte => UInt8Type::null(null).filter(|null| u8::try_from(*null).is_ok()),
            Datatype::Short => Int16Type::null(null).filter(|null| i16::try_from(*null).is_ok()),
            Datatype::Int => Int32Type::null(null).filter(|null| i32::try_from(*null).is_ok()),
            Datatype::Long => Int64Type::null(null),
            _ => None,
        });
        if let Some(null) = null {
            metadata.insert(keys::NULL.to_string(), null.to_string());
        }
        metadata
    }
}

/// Text, or arrays of it; `None` where its sizes cannot be counted.
fn texts(
    datatype: Datatype,
    size: &ArraySize,
    shape: Shape,
    metadata: &mut HashMap<String, String>,
) -> Option<(DataType, Column)> {
    let unicode = datatype == Datatype::UnicodeChar;
    let width = match shape {
        Shape::Variable(_) => Width::Counted(datatype),
        Shape::One => Width::Fixed { bytes: datatype.bytes(1)?, count: 1 },
        Shape::Fixed(count) => Width::Fixed { bytes: datatype.bytes(count)?, count },
    };
    let axes = &size.fixed;
    let several = axes.len() + usize::from(size.variable) > 1;
    if !unicode && let Some(len) = axes.first() {
        metadata.insert(keys::WIDTH.to_string(), len.to_string());
    }
    if !several {
        let cells = Box::new(Texts::new(unicode));
        return Some((DataType::Utf8, Column { name: String::new(), cells, width, row_bytes: 4 }));
    }
    // The first axis is the length of a string.
    if unicode {
        metadata.insert(keys::WIDTH.to_string(), axes[0].to_string());
    }
    if axes.len() > 2 {
        metadata.insert(keys::TDIM.to_string(), tdim(axes));
    }
    let strings = Strings::new(axes[0], unicode);
    let count: usize = axes[1..].iter().product();
    let shape = if size.variable { Shape::Variable(count) } else { Shape::Fixed(count) };
    let (data_type, cells) = lists(DataType::Utf8, strings, shape)?;
    let row_bytes = if size.variable { 4 } else { count.checked_mul(4)? };
    Some((data_type, Column { name: String::new(), cells, width, row_bytes }))
}

fn numbers<T: Number>(datatype: Datatype, shape: Shape, null: Option<&str>) -> Option<(DataType, Column)> {
    of(T::DATA_TYPE, Numbers::<T>::new(null.and_then(T::null)), datatype, shape)
}

fn complexes<T: Number>(datatype: Datatype, shape: Shape) -> Option<(DataType, Column)> {
    let part = |name| Field::new(name, T::DATA_TYPE, true);
    let fields = Fields::from(vec![part("re"), part("im")]);
    of(DataType::Struct(fields.clone()), Complexes::<T>::new(fields), datatype, shape)
}

/// A column of elements in a shape; `None` where its sizes cannot be counted.
fn of<E: Elements + 'static>(
    data_type: DataType,
    elements: E,
    datatype: Datatype,
    shape: Shape,
) -> Option<(DataType, Column)> {
    let name = String::new();
    let (width, row_bytes) = match shape {
        Shape::One => (Width::Fixed { bytes: datatype.bytes(1)?, count: 1 }, datatype.bytes(1)?),
        // Bits take one a bit in memory too, but each may be null.
        Shape::Fixed(count) => {
            (Width::Fixed { bytes: datatype.bytes(count)?, count }, datatype.bytes(count)?)
        }
        Shape::Variable(_) => (Width::Counted(datatype), 4),
    };
    if let Shape::One = shape {
        return Some((data_type, Column { name, cells: Box::new(One(elements)), width, row_bytes }));
    }
    let (data_type, cells) = lists(data_type, elements, shape)?;
    Some((data_type, Column { name, cells, width, row_bytes }))
}

/// Lists of elements, and their type.
fn lists<E: Elements + 'static>(
    element: DataType,
    elements: E,
    shape: Shape,
) -> Option<(DataType, Box<dyn Cells>)> {
    let (data_type, group, fixed) = match shape {
        Shape::One | Shape::Variable(1) => {
            (DataType::List(Arc::new(Field::new_list_field(element, true))), 1, false)
        }
        Shape::Fixed(count) => {
            let len = i32::try_from(count).ok()?;
            (DataType::FixedSizeList(Arc::new(Field::new_list_field(element, true)), len), count, true)
        }
        Shape::Variable(group) => {
            let len = i32::try_from(group).ok()?;
            let inner = DataType::FixedSizeList(Arc::new(Field::new_list_field(element, true)), len);
            (DataType::List(Arc::new(Field::new_list_field(inner, true))), group, false)
        }
    };
    let cells: Box<dyn Cells> = if fixed {
        Box::new(super::columns::Fixed::new(elements, group, data_type.clone()))
    } else {
        Box::new(Lists::new(elements, group, data_type.clone()))
    };
    Some((data_type, cells))
}
