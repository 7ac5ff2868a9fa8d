//! What becomes of each column: its datatype, its arraysize, its null, and the element FIELD that says so.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, FieldRef, Fields};

use super::{Serialisation, xml};
use crate::datatype::{ArraySize, Datatype, display_attributes, parse_tdim};
use crate::{Error, keys};

/// How the elements of a column are put into its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One element, or one text.
    One,
    /// So many elements.
    Fixed(usize),
    /// Any number of groups of so many elements.
    Variable(usize),
}

/// A column on its way into the document.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) field: FieldRef,
    pub(super) datatype: Datatype,
    pub(super) layout: Layout,
    /// Bytes, or characters of UTF-16, of the strings in arrays of strings.
    pub(super) width: Option<usize>,
    /// The number that stands for null, as VALUES declares it.
    pub(super) null: Option<i64>,
    size: Option<ArraySize>,
    xtype: Option<String>,
}

/// What the whole document has in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) serialisation: Serialisation,
    pub(super) unicode: bool,
}

/// The lists around the elements of a column.
struct Lists<'a> {
    leaf: &'a DataType,
    /// The lengths of the fixed ones, the outermost first.
    fixed: Vec<usize>,
    /// The product of these.
    elements: usize,
    variable: bool,
    /// Whether an element can be null, be it that a list around it is.
    nullable: bool,
}

fn wrong(field: &Field, found: impl Into<String>, wanted: &str) -> Error {
    Error::Schema { column: field.name().clone(), found: found.into(), wanted: wanted.to_string() }
}

/// What a dictionary has for values, and any other type itself.
pub(super) fn values_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

fn lists(field: &Field) -> Result<Lists<'_>, Error> {
    let mut lists = Lists {
        leaf: values_type(field.data_type()),
        fixed: Vec::new(),
        elements: 1,
        variable: false,
        nullable: field.is_nullable(),
    };
    if let DataType::List(item) | DataType::LargeList(item) = lists.leaf {
        (lists.leaf, lists.variable, lists.nullable) = (item.data_type(), true, item.is_nullable());
    }
    while let DataType::FixedSizeList(item, len) = lists.leaf {
        let len = usize::try_from(*len).ok().filter(|&len| len > 0);
        let Some(len) = len else {
            return Err(wrong(field, "lists of no elements", "lists of at least one"));
        };
        lists.fixed.push(len);
        lists.nullable |= item.is_nullable();
        lists.leaf = item.data_type();
    }
    if let DataType::FixedSizeBinary(len) = *lists.leaf {
        if lists.variable || !lists.fixed.is_empty() {
            return Err(wrong(field, "lists of binary values", "binary values, or lists of UInt8"));
        }
        let Some(len) = usize::try_from(len).ok().filter(|&len| len > 0) else {
            return Err(wrong(field, "binary values of no bytes", "at least one byte"));
        };
        lists.fixed.push(len);
    }
    let Some(elements) = product(&lists.fixed) else {
        return Err(wrong(field, "lists of more elements than can be counted", "shorter ones"));
    };
    lists.elements = elements;
    Ok(lists)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The datatype of elements that are no text.
fn datatype(leaf: &DataType) -> Option<Datatype> {
    Some(match leaf {
        DataType::Boolean => Datatype::Boolean,
        DataType::UInt8 => Datatype::UnsignedByte,
        DataType::Int8 | DataType::Int16 => Datatype::Short,
        DataType::UInt16 | DataType::Int32 => Datatype::Int,
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => Datatype::Long,
        DataType::Float16 | DataType::Float32 => Datatype::Float,
        DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Datatype::Double,
        DataType::FixedSizeBinary(_) => Datatype::UnsignedByte,
        DataType::Struct(parts) => return complex(parts),
        _ => return None,
    })
}

/// The datatype of a struct of real and imaginary parts.
fn complex(parts: &Fields) -> Option<Datatype> {
    let [re, im] = parts.as_ref() else { return None };
    if (re.name().as_str(), im.name().as_str()) != ("re", "im") {
        return None;
    }
    match (re.data_type(), im.data_type()) {
        (DataType::Float32, DataType::Float32) => Some(Datatype::FloatComplex),
        (DataType::Float64, DataType::Float64) => Some(Datatype::DoubleComplex),
        _ => None,
    }
}

/// The product of axes; `None` where it is more than can be counted.
fn product(axes: &[usize]) -> Option<usize> {
    axes.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis))
}

impl Datatype {
    /// The least and the greatest number; `None` for types that are not whole numbers.
    fn range(self) -> Option<(i64, i64)> {
        Some(match self {
            Datatype::UnsignedByte => (0, i64::from(u8::MAX)),
            Datatype::Short => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Datatype::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Datatype::Long => (i64::MIN, i64::MAX),
            _ => return None,
        })
    }
}

impl Plan {
    /// Finds out what becomes of a column.
    ///
    /// # Errors
    /// [`Error::Schema`].
    pub(super) fn of(field: &FieldRef, rules: Rules) -> Result<Self, Error> {
        let metadata = |key: &str| field.metadata().get(key);
        let declared = metadata(keys::XTYPE).cloned().filter(|xtype| !xtype.is_empty());
        let text = match metadata(keys::DATATYPE).map(String::as_str) {
            Some("unicodeChar") => Datatype::UnicodeChar,
            _ if rules.unicode => Datatype::UnicodeChar,
            _ => Datatype::Char,
        };
        let one = |datatype, layout, variable, xtype| Plan {
            field: field.clone(),
            datatype,
            layout,
            width: None,
            null: None,
            size: Some(ArraySize { fixed: Vec::new(), variable }).filter(|size| size.variable),
            xtype,
        };
        let lists = lists(field)?;
        if lists.fixed.is_empty() && !lists.variable {
            let timestamp = || declared.clone().or(Some("timestamp".to_string()));
            match lists.leaf {
                leaf if is_text(leaf) => return Ok(one(text, Layout::One, true, declared)),
                DataType::Null => return Ok(one(text, Layout::One, true, declared)),
                DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
                    return Ok(one(Datatype::Char, Layout::One, true, timestamp()));
                }
                DataType::Time32(_) | DataType::Time64(_) => {
                    return Ok(one(Datatype::Char, Layout::One, true, declared));
                }
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                    return Ok(one(Datatype::UnsignedByte, Layout::Variable(1), true, declared));
                }
                _ => {}
            }
        }
        if is_text(lists.leaf) {
            return Self::texts(field, &lists, text, declared);
        }
        let Some(datatype) = datatype(lists.leaf) else {
            let wanted =
                "numbers, booleans, text, dates, times, bytes, structs of re and im, or lists of numbers";
            return Err(wrong(field, format!("type {}", field.data_type()), wanted));
        };
        let mut axes: Vec<usize> = lists.fixed.iter().rev().copied().collect();
        let elements = lists.elements;
        if let Some(shape) = metadata(keys::TDIM).and_then(|tdim| parse_tdim(tdim))
            && product(&shape) == Some(elements)
            && !axes.is_empty()
        {
            axes = shape;
        }
        let layout = match (lists.variable, axes.is_empty()) {
            (true, _) => Layout::Variable(elements),
            (false, false) => Layout::Fixed(elements),
            (false, true) => Layout::One,
        };
        let mut plan = Plan { xtype: declared, ..one(datatype, layout, lists.variable, None) };
        if layout != Layout::One {
            plan.size = Some(ArraySize { fixed: axes, variable: lists.variable });
        }
        plan.choose_null(&lists, rules)?;
        Ok(plan)
    }

    /// Arrays of strings.
    fn texts(
        field: &FieldRef,
        lists: &Lists<'_>,
        datatype: Datatype,
        xtype: Option<String>,
    ) -> Result<Self, Error> {
        let width = field.metadata().get(keys::WIDTH).and_then(|width| width.parse().ok());
        let Some(width) = width.filter(|&width: &usize| width > 0) else {
            let wanted = "a length of the strings in its metadata `width`, or one string a row";
            return Err(wrong(field, "lists of strings", wanted));
        };
        let elements = lists.elements;
        let mut axes = vec![width];
        axes.extend(lists.fixed.iter().rev());
        if let Some(shape) = field.metadata().get(keys::TDIM).and_then(|tdim| parse_tdim(tdim))
            && shape[0] == width
            && shape.len() > 1
            && product(&shape[1..]) == Some(elements)
        {
            axes = shape;
        }
        Ok(Plan {
            field: field.clone(),
            datatype,
            layout: if lists.variable { Layout::Variable(elements) } else { Layout::Fixed(elements) },
            width: Some(width),
            null: None,
            size: Some(ArraySize { fixed: axes, variable: lists.variable }),
            xtype,
        })
    }

    /// Decides which number stands for null, where one is needed.
    fn choose_null(&mut self, lists: &Lists<'_>, rules: Rules) -> Result<(), Error> {
        let Some((least, greatest)) = self.datatype.range() else { return Ok(()) };
        if let Some(number) = self.field.metadata().get(keys::NULL) {
            let number = number.parse().ok().filter(|number| (least..=greatest).contains(number));
            let found = format!("metadata `{}` that is no number of the type", keys::NULL);
            let wanted = format!("one of {least} to {greatest}");
            self.null = Some(number.ok_or_else(|| wrong(&self.field, found, &wanted))?);
            return Ok(());
        }
        let binary = rules.serialisation == Serialisation::Binary;
        let needed = match self.layout {
            Layout::One => binary && self.field.is_nullable(),
            Layout::Fixed(_) => lists.nullable && (binary || lists.inner_nullable(&self.field)),
            Layout::Variable(_) => lists.nullable,
        };
        if needed && self.datatype == Datatype::UnsignedByte {
            // All numbers of a byte are in use: one byte becomes two; arrays of bytes go without null.
            if self.layout == Layout::One {
                self.datatype = Datatype::Short;
                self.null = Some(i64::from(i16::MIN));
            }
        } else if needed {
            self.null = Some(least);
        }
        Ok(())
    }

    /// Appends the element FIELD; `ids` are those taken so far.
    pub(super) fn append_field(&self, ids: &mut HashSet<String>, out: &mut Vec<u8>) {
        let metadata = |key: &str| self.field.metadata().get(key).filter(|value| !value.is_empty());
        out.extend_from_slice(b"<FIELD");
        if let Some(id) = metadata(keys::ID).filter(|id| xml::is_id(id))
            && ids.insert(id.clone())
        {
            xml::attribute("ID", id, out);
        }
        xml::attribute("name", self.field.name(), out);
        xml::attribute("datatype", self.datatype.name(), out);
        if let Some(size) = &self.size {
            xml::attribute("arraysize", &size.text(), out);
        }
        if let Some((width, precision)) = metadata(keys::DISPLAY).and_then(|tdisp| display_attributes(tdisp))
        {
            xml::attribute("width", &width, out);
            if let Some(precision) = precision {
                xml::attribute("precision", &precision, out);
            }
        }
        for (name, key) in [("unit", keys::UNIT), ("ucd", keys::UCD), ("utype", keys::UTYPE)] {
            if let Some(value) = metadata(key) {
                xml::attribute(name, value, out);
            }
        }
        if let Some(xtype) = &self.xtype {
            xml::attribute("xtype", xtype, out);
        }
        if let Some(target) = metadata(keys::REF).filter(|target| ids.contains(*target)) {
            xml::attribute("ref", target, out);
        }
        let description = metadata(keys::DESCRIPTION);
        if description.is_none() && self.null.is_none() {
            out.extend_from_slice(b"/>\n");
            return;
        }
        out.push(b'>');
        if let Some(description) = description {
            out.extend_from_slice(b"<DESCRIPTION>");
            xml::content(description, out);
            out.extend_from_slice(b"</DESCRIPTION>");
        }
        if let Some(null) = self.null {
            out.extend_from_slice(b"<VALUES");
            xml::attribute("null", &null.to_string(), out);
            out.extend_from_slice(b"/>");
        }
        out.extend_from_slice(b"</FIELD>\n");
    }
}

impl Lists<'_> {
    /// Whether an element can be null in a list that is not.
    fn inner_nullable(&self, field: &Field) -> bool {
        let mut data_type = values_type(field.data_type());
        while let DataType::FixedSizeList(item, _) = data_type {
            if item.is_nullable() {
                return true;
            }
            data_type = item.data_type();
        }
        false
    }
}
