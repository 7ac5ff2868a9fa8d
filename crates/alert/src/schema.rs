//! Avro schemas as trees.
//!
//! A [`Schema`] is read from JSON, from one text or from several that refer to one another, and written again. Named
//! types stand in a list and are referred to by their place in it, so a schema may refer to itself. What it means for
//! columns is said in [`packet`](crate::packet).
//!
//! Avro specification 1.11.3, "Schema Declaration" and "Names". Beyond it: a type may be defined twice if both
//! definitions are the same, and a reference that its namespace does not have is looked up without one, as both occur
//! in packets of surveys. Attributes that are not known are passed over, logical types that are not known too.

mod limits;
mod parse;
mod write;

pub(crate) use parse::is_full_name;

pub use limits::{MAX_COLUMNS, MAX_DEPTH, MAX_TEXT};

use serde_json::Value;

/// An Avro schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub(crate) named: Vec<Named>,
    pub(crate) root: Type,
}

/// A type of an Avro schema.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// Items of a type.
    Array(Box<Type>),
    /// Values of a type, by text.
    Map(Box<Type>),
    /// One of several types.
    Union(Vec<Type>),
    /// A record, an enumeration or bytes of a fixed number: its place among [`Schema::named`].
    Named(usize),
    /// A type with a meaning.
    Logical(Logical, Box<Type>),
}

/// What numbers, text or bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// Days since 1970-01-01, of `int`.
    Date,
    /// Milliseconds of a day, of `int`.
    TimeMillis,
    /// Microseconds of a day, of `long`.
    TimeMicros,
    /// Milliseconds since 1970-01-01T00:00:00Z, of `long`.
    TimestampMillis,
    /// Microseconds since then.
    TimestampMicros,
    /// Nanoseconds since then.
    TimestampNanos,
    /// Milliseconds since 1970-01-01T00:00:00 in no zone, of `long`.
    LocalTimestampMillis,
    /// Microseconds since then.
    LocalTimestampMicros,
    /// Nanoseconds since then.
    LocalTimestampNanos,
    /// A whole number of so many digits times ten to the power of minus `scale`, of `bytes` or a fixed number of them.
    Decimal {
        /// Digits, at least 1.
        precision: u32,
        /// Digits behind the point, at most `precision`.
        scale: u32,
    },
    /// An identifier as RFC 4122 writes it, of `string`.
    Uuid,
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The name with its namespace: `lsst.v11_0.diaSource`.
    pub name: String,
    /// Other full names under which it may have been written.
    pub aliases: Vec<String>,
    /// What it is.
    pub kind: Kind,
}

/// What a type with a name is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Fields one after another.
    Record(Vec<Field>),
    /// One of several words.
    Enum {
        /// The words.
        symbols: Vec<String>,
        /// What stands for words that a reader does not know.
        default: Option<String>,
    },
    /// So many bytes.
    Fixed(usize),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Other names under which it may have been written.
    pub aliases: Vec<String>,
    /// Its type.
    pub kind: Type,
    /// Its value where a writer does not have it, as JSON.
    pub default: Option<Value>,
    /// What it is, for people.
    pub doc: Option<String>,
}

impl Schema {
    /// The outermost type.
    pub fn root(&self) -> &Type {
        &self.root
    }

    /// The types with names.
    pub fn named(&self) -> &[Named] {
        &self.named
    }

    /// The full name of the outermost type, where it has one.
    pub fn name(&self) -> Option<&str> {
        match self.root {
            Type::Named(at) => self.named.get(at).map(|named| named.name.as_str()),
            _ => None,
        }
    }

    /// The fields of the outermost record; nothing where it is no record.
    pub fn fields(&self) -> &[Field] {
        match self.root {
            Type::Named(at) => match self.named.get(at).map(|named| &named.kind) {
                Some(Kind::Record(fields)) => fields,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// How a type is called in messages.
    pub(crate) fn describe(&self, kind: &Type) -> String {
        match kind {
            Type::Array(items) => format!("array of {}", self.describe(items)),
            Type::Map(values) => format!("map of {}", self.describe(values)),
            Type::Union(branches) => {
                let names: Vec<String> = branches.iter().map(|branch| self.describe(branch)).collect();
                format!("union of {}", names.join(", "))
            }
            Type::Named(at) => match self.named.get(*at) {
                Some(Named { name, kind: Kind::Record(_), .. }) => format!("record {name}"),
                Some(Named { name, kind: Kind::Enum { .. }, .. }) => format!("enum {name}"),
                Some(Named { name, kind: Kind::Fixed(size), .. }) => format!("fixed {name} of {size} bytes"),
                None => "nothing".to_string(),
            },
            Type::Logical(_, base) => self.describe(base),
            plain => plain.primitive().unwrap_or_default().to_string(),
        }
    }
}

impl Logical {
    /// Whether a stored number is as much by one meaning as by another: the same digits behind the point, the same unit.
    pub(crate) fn scales_as(self, other: Self) -> bool {
        let scale = |logical| match logical {
            Logical::Date => (1, 0),
            Logical::TimeMillis | Logical::TimestampMillis | Logical::LocalTimestampMillis => (2, 3),
            Logical::TimeMicros | Logical::TimestampMicros | Logical::LocalTimestampMicros => (2, 6),
            Logical::TimestampNanos | Logical::LocalTimestampNanos => (2, 9),
            Logical::Decimal { scale, .. } => (3, scale),
            Logical::Uuid => (4, 0),
        };
        scale(self) == scale(other)
    }
}

impl Type {
    /// The name of a primitive type.
    pub(crate) fn primitive(&self) -> Option<&'static str> {
        Some(match self {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Int => "int",
            Type::Long => "long",
            Type::Float => "float",
            Type::Double => "double",
            Type::Bytes => "bytes",
            Type::String => "string",
            _ => return None,
        })
    }

    /// The type without its meaning.
    pub(crate) fn base(&self) -> &Type {
        match self {
            Type::Logical(_, base) => base.base(),
            other => other,
        }
    }
}
