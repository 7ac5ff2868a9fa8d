//! From a schema to columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::column::Spans;
use super::column::{Column, Null, Record, Step, Values};
use super::skip::{Side, Skip, Skips};
use super::{Projection, meta};
use crate::Error;
use crate::encode::encode_default;
use crate::schema::{self, Kind, Logical, MAX_COLUMNS, MAX_DEPTH, Schema, Type};

/// What is known while columns are made.
pub(super) struct Compiler<'a> {
    pub(super) projection: &'a Projection,
    pub(super) skips: Skips,
    columns: usize,
}

/// A type of a schema.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) schema: &'a Schema,
    pub(super) kind: &'a Type,
    pub(super) side: Side,
}

/// A column and what it becomes.
pub(super) struct Built {
    pub(super) column: Column,
    pub(super) kind: DataType,
    pub(super) metadata: HashMap<String, String>,
}

impl Built {
    fn plain(values: Values, kind: DataType) -> Self {
        Built { column: Column { null: Null::Never, valid: None, values }, kind, metadata: HashMap::new() }
    }

    fn with(mut self, key: &str, value: String) -> Self {
        self.metadata.insert(key.to_string(), value);
        self
    }

    /// Makes what is null by one of two types.
    fn nullable(mut self, null: Null) -> Self {
        self.column.null = null;
        self.column.valid = Some(Vec::new());
        self
    }

    fn field(&self, name: &str) -> Field {
        let nullable = self.column.valid.is_some() || self.kind == DataType::Null;
        Field::new(name, self.kind.clone(), nullable).with_metadata(self.metadata.clone())
    }
}

impl<'a> Of<'a> {
    fn with(self, kind: &'a Type) -> Self {
        Of { kind, ..self }
    }

    fn named(self) -> Option<&'a schema::Named> {
        match self.kind.base() {
            Type::Named(at) => self.schema.named.get(*at),
            _ => None,
        }
    }

    /// The types but null, and the place of null.
    fn alternatives(self) -> (Vec<Of<'a>>, Option<usize>) {
        match self.kind {
            Type::Union(branches) => {
                let null = branches.iter().position(|branch| *branch == Type::Null);
                let others = branches.iter().filter(|branch| **branch != Type::Null);
                (others.map(|branch| self.with(branch)).collect(), null)
            }
            _ => (vec![self], None),
        }
    }

    fn describe(self) -> String {
        self.schema.describe(self.kind)
    }

    /// Whether a reader's type can stand for a writer's, as far as names and kinds tell.
    fn takes(self, writer: Of<'_>) -> bool {
        match (writer.kind.base(), self.kind.base()) {
            (Type::Array(_), Type::Array(_)) | (Type::Map(_), Type::Map(_)) => true,
            (Type::Named(_), Type::Named(_)) => match (writer.named(), self.named()) {
                (Some(writer), Some(reader)) => {
                    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_string();
                    let same_kind =
                        std::mem::discriminant(&writer.kind) == std::mem::discriminant(&reader.kind);
                    same_kind
                        && (last(&writer.name) == last(&reader.name) || reader.aliases.contains(&writer.name))
                }
                _ => false,
            },
            (Type::Int, Type::Long | Type::Float | Type::Double)
            | (Type::Long, Type::Float | Type::Double)
            | (Type::Float, Type::Double)
            | (Type::String, Type::Bytes)
            | (Type::Bytes, Type::String) => true,
            (a, b) => a == b,
        }
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn new(projection: &'a Projection, writer: &Schema, reader: Option<&Schema>) -> Self {
        Compiler { projection, skips: Skips::new(writer, reader), columns: 0 }
    }

    /// Makes the columns of a record, with the fields they become.
    pub(super) fn record(
        &mut self,
        writer: Of<'_>,
        reader: Option<Of<'_>>,
        path: &str,
        depth: usize,
    ) -> Result<(Record, Fields), Error> {
        let fields_of = |of: Of<'_>| match of.named().map(|named| &named.kind) {
            Some(Kind::Record(fields)) => Some(fields.clone()),
            _ => None,
        };
        let there = fields_of(writer).unwrap_or_default();
        let wanted = reader.and_then(fields_of).unwrap_or_default();
        let mut record = Record::default();
        let mut fields: Vec<Field> = Vec::new();
        let before = self.columns;
        // What the reader knows comes first, in its order.
        let mut places: Vec<Option<usize>> = vec![None; there.len()];
        for field in &wanted {
            let inner = join(path, &field.name);
            let known = |name: &String| there.iter().position(|other| other.name == *name);
            let from = known(&field.name).or_else(|| field.aliases.iter().find_map(known));
            if !self.projection.wants(&inner) {
                // It is not to be read under the writer's name either.
                if let Some(from) = from {
                    places[from] = Some(usize::MAX);
                }
                continue;
            }
            let reader = reader.map(|reader| reader.with(&field.kind));
            let built = match (from, reader) {
                (Some(from), reader) => {
                    places[from] = Some(fields.len());
                    self.column(writer.with(&there[from].kind), reader, &inner, depth + 1)?
                }
                (None, Some(reader)) => {
                    let Some(default) = &field.default else {
                        return Err(Error::Resolution {
                            field: inner,
                            found: "nothing".into(),
                            wanted: format!(
                                "{}, as the reader's schema has no default for it",
                                reader.describe()
                            ),
                        });
                    };
                    let bytes = encode_default(reader.schema, reader.kind, default, &inner)?;
                    record.defaults.push((fields.len(), bytes));
                    self.column(reader, None, &inner, depth + 1)?
                }
                (None, None) => continue,
            };
            fields.push(built.field(&field.name));
            record.children.push(built.column);
        }
        for (n, field) in there.iter().enumerate() {
            let of = writer.with(&field.kind);
            let inner = join(path, &field.name);
            match places[n] {
                Some(usize::MAX) => self.pass(&mut record, of),
                Some(place) => record.steps.push(Step::Child(place)),
                None if !self.projection.wants(&inner) => self.pass(&mut record, of),
                None => {
                    let built = self.column(of, None, &inner, depth + 1)?;
                    record.steps.push(Step::Child(fields.len()));
                    fields.push(built.field(&field.name));
                    record.children.push(built.column);
                }
            }
        }
        record.names = fields.iter().map(|field| field.name().clone()).collect();
        record.leaves = (self.columns - before) as u32;
        Ok((record, fields.into()))
    }

    /// Passes over a field, together with the one before where both have a known number of bytes.
    fn pass(&mut self, record: &mut Record, of: Of<'_>) {
        match (record.steps.last_mut(), self.skips.plan(of.schema, of.side, of.kind)) {
            (Some(Step::Skip(Skip::Bytes(before))), Skip::Bytes(more)) => {
                *before = before.saturating_add(more)
            }
            (_, skip) => record.steps.push(Step::Skip(skip)),
        }
    }

    /// Makes a column.
    fn column(
        &mut self,
        writer: Of<'_>,
        reader: Option<Of<'_>>,
        path: &str,
        depth: usize,
    ) -> Result<Built, Error> {
        self.columns += 1;
        if depth > MAX_DEPTH || self.columns > MAX_COLUMNS {
            return Err(Error::Schema {
                place: path.to_string(),
                found: format!("columns more than {MAX_DEPTH} deep or more than {MAX_COLUMNS} in number"),
                wanted: "fewer; does a record contain itself? leave it out".to_string(),
            });
        }
        let (there, null) = writer.alternatives();
        let (wanted, reader_null) = match reader {
            Some(reader) => {
                let (wanted, null) = reader.alternatives();
                (Some(wanted), null)
            }
            None => (None, None),
        };
        let known =
            |one: &Of<'_>| wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|of| of.takes(*one)));
        if let Some(reader) = reader
            && matches!(reader.kind, Type::Union(_))
            && !there.iter().any(known)
            && !(reader_null.is_some() && (null.is_some() || *writer.kind.base() == Type::Null))
        {
            return Err(Error::Resolution {
                field: path.to_string(),
                found: writer.describe(),
                wanted: format!("one of {}, as the reader's schema has it", reader.describe()),
            });
        }
        let one_wanted = wanted.as_ref().is_none_or(|wanted| wanted.len() <= 1);
        match there.as_slice() {
            // A union of null alone: its number stands where the value would.
            [] => {
                let mut built = Built::plain(Values::Null(0), DataType::Null).with(meta::UNION, "0".into());
                built.column.null = Null::Alone;
                Ok(built)
            }
            [one] if one_wanted => {
                let reader = wanted.and_then(|wanted| wanted.first().copied());
                let built = self.alternative(*one, reader, path, depth)?;
                Ok(match (null, writer.kind) {
                    (Some(null), _) => {
                        let built = if null == 1 { built.with(meta::UNION, "1".into()) } else { built };
                        built.nullable(Null::Branch(null))
                    }
                    // A union of one type has the number of that type before it.
                    (None, Type::Union(_)) => self.many(vec![built], vec![Some(0)], &[*one]),
                    (None, _) if reader_null.is_some() => built.nullable(Null::Never),
                    (None, _) => built,
                })
            }
            several => {
                let mut children = Vec::new();
                for one in several {
                    let reader =
                        wanted.as_ref().and_then(|wanted| wanted.iter().find(|wanted| wanted.takes(*one)));
                    children.push(self.alternative(*one, reader.copied(), path, depth)?);
                }
                let branches = match writer.kind {
                    Type::Union(branches) => branches.len(),
                    _ => 1,
                };
                let mut next = 0;
                let places = (0..branches).map(|branch| {
                    (Some(branch) != null).then(|| {
                        next += 1;
                        next - 1
                    })
                });
                let places: Vec<Option<usize>> = places.collect();
                let built = self.many(children, places, several);
                // A writer without a union does not say which type it is.
                Ok(if matches!(writer.kind, Type::Union(_)) { built } else { built.unsaid() })
            }
        }
    }

    /// Makes the struct of a union.
    fn many(&mut self, children: Vec<Built>, branches: Vec<Option<usize>>, types: &[Of<'_>]) -> Built {
        let mut names: Vec<String> = Vec::new();
        for of in types {
            let name = match of.named() {
                Some(named) => named.name.rsplit('.').next().unwrap_or_default().to_string(),
                None => match of.kind.base() {
                    Type::Array(_) => "array".to_string(),
                    Type::Map(_) => "map".to_string(),
                    plain => plain.primitive().unwrap_or_default().to_string(),
                },
            };
            let same = names.iter().filter(|other| **other == name).count();
            names.push(if same > 0 { format!("{name}_{}", names.len()) } else { name });
        }
        let null = branches.iter().position(Option::is_none);
        let fields: Fields =
            names.iter().zip(&children).map(|(name, built)| built.field(name).with_nullable(true)).collect();
        let columns = children
            .into_iter()
            .map(|built| Column { valid: Some(built.column.valid.unwrap_or_default()), ..built.column });
        let values = Values::Union { children: columns.collect(), branches, len: 0 };
        let mut built = Built::plain(values, DataType::Struct(fields));
        built.column.null = Null::Many;
        built.column.valid = null.map(|_| Vec::new());
        built.with(meta::UNION, null.map_or(String::new(), |null| null.to_string()))
    }

    /// Makes a column of a type that is no union.
    fn alternative(
        &mut self,
        writer: Of<'_>,
        reader: Option<Of<'_>>,
        path: &str,
        depth: usize,
    ) -> Result<Built, Error> {
        let refuse = |reader: Of<'_>| Error::Resolution {
            field: path.to_string(),
            found: writer.describe(),
            wanted: format!("{}, as the reader's schema has it", reader.describe()),
        };
        if let Some(reader) = reader.filter(|reader| !reader.takes(writer)) {
            return Err(refuse(reader));
        }
        if let (Some(reader), Type::Logical(meant, _)) = (reader, writer.kind)
            && let Type::Logical(wanted, _) = reader.kind
            && !meant.scales_as(*wanted)
        {
            return Err(Error::Resolution {
                field: path.to_string(),
                found: format!("{meant:?}"),
                wanted: format!("{wanted:?}, as the reader's schema has it"),
            });
        }
        let plain = Built::plain;
        // The meaning is the reader's where both are stored alike.
        let meaning = reader.map_or(writer.kind, |reader| reader.kind);
        if let Type::Logical(logical, _) = meaning
            && let Some(built) = logical_column(*logical, writer)
        {
            return Ok(built);
        }
        let target = reader.map_or(writer.kind.base(), |reader| reader.kind.base());
        Ok(match (writer.kind.base(), target) {
            (Type::Null, _) => plain(Values::Null(0), DataType::Null),
            (Type::Boolean, _) => plain(Values::Boolean(Vec::new()), DataType::Boolean),
            (Type::Int, Type::Int) => plain(Values::Int(Vec::new()), DataType::Int32),
            (Type::Int | Type::Long, Type::Long) => plain(Values::Long(Vec::new()), DataType::Int64),
            (Type::Int | Type::Long, Type::Float) => {
                plain(Values::LongAsFloat(Vec::new()), DataType::Float32)
            }
            (Type::Int | Type::Long, Type::Double) => {
                plain(Values::LongAsDouble(Vec::new()), DataType::Float64)
            }
            (Type::Float, Type::Float) => plain(Values::Float(Vec::new()), DataType::Float32),
            (Type::Float, Type::Double) => plain(Values::FloatAsDouble(Vec::new()), DataType::Float64),
            (Type::Double, _) => plain(Values::Double(Vec::new()), DataType::Float64),
            (Type::Bytes | Type::String, Type::Bytes) => plain(Values::Bytes(Spans::new()), DataType::Binary),
            (Type::Bytes | Type::String, _) => plain(Values::Text(Spans::new()), DataType::Utf8),
            (Type::Array(items), target) => {
                let reader = reader.and_then(|reader| match target {
                    Type::Array(items) => Some(reader.with(items)),
                    _ => None,
                });
                let built = self.column(writer.with(items), reader, path, depth + 1)?;
                let field = built.field("item");
                let item = Box::new(built.column);
                let values =
                    Values::List { spans: vec![0], item, least: self.skips.least(writer.side, items) };
                plain(values, DataType::List(Arc::new(field)))
            }
            (Type::Map(inner), target) => {
                let reader = reader.and_then(|reader| match target {
                    Type::Map(values) => Some(reader.with(values)),
                    _ => None,
                });
                let built = self.column(writer.with(inner), reader, path, depth + 1)?;
                let fields: Fields =
                    vec![Field::new("key", DataType::Utf8, false), built.field("value")].into();
                let entries = Field::new("entries", DataType::Struct(fields), false);
                let least = self.skips.least(writer.side, inner).saturating_add(1);
                let values =
                    Values::Map { spans: vec![0], keys: Spans::new(), value: Box::new(built.column), least };
                plain(values, DataType::Map(Arc::new(entries), false))
            }
            (Type::Named(_), _) => {
                let Some(named) = writer.named() else { return Err(refuse(writer)) };
                let known = reader.and_then(Of::named);
                let name = known.unwrap_or(named).name.clone();
                let built = match &named.kind {
                    Kind::Record(_) => {
                        let (record, fields) = self.record(writer, reader, path, depth)?;
                        plain(Values::Struct(record), DataType::Struct(fields))
                    }
                    Kind::Fixed(size) => {
                        if let (Some(Kind::Fixed(wanted)), Some(reader)) =
                            (known.map(|known| &known.kind), reader)
                            && wanted != size
                        {
                            return Err(refuse(reader));
                        }
                        let values = Values::Fixed { size: *size, data: Vec::new(), len: 0 };
                        plain(values, DataType::FixedSizeBinary(*size as i32))
                    }
                    Kind::Enum { symbols, .. } => {
                        let (words, known) = match known.map(|known| &known.kind) {
                            Some(Kind::Enum { symbols: known, default }) => {
                                let word = |symbol: &String| {
                                    known.contains(symbol).then(|| symbol.clone()).or_else(|| default.clone())
                                };
                                (symbols.iter().map(word).collect(), known)
                            }
                            _ => (symbols.iter().cloned().map(Some).collect(), symbols),
                        };
                        let list = serde_json::Value::from(known.clone()).to_string();
                        plain(Values::Enum { words, spans: Spans::new() }, DataType::Utf8)
                            .with(meta::SYMBOLS, list)
                    }
                };
                built.with(meta::NAME, name)
            }
            (Type::Int | Type::Long | Type::Float | Type::Union(_) | Type::Logical(..), _) => {
                return Err(refuse(reader.unwrap_or(writer)));
            }
        })
    }
}

impl Built {
    fn unsaid(mut self) -> Self {
        self.column.null = Null::Never;
        self
    }
}

/// The column of a type with a meaning; nothing where it is one that is kept as it is stored.
fn logical_column(logical: Logical, writer: Of<'_>) -> Option<Built> {
    let utc = || Some("UTC".into());
    let long = |kind: DataType| Built::plain(Values::Long(Vec::new()), kind);
    let stamp = |unit, zone| DataType::Timestamp(unit, zone);
    let base = writer.kind.base();
    Some(match (logical, base) {
        (Logical::Date, Type::Int) => Built::plain(Values::Int(Vec::new()), DataType::Date32),
        (Logical::TimeMillis, Type::Int) => {
            Built::plain(Values::Int(Vec::new()), DataType::Time32(TimeUnit::Millisecond))
        }
        (Logical::TimeMicros, Type::Int | Type::Long) => long(DataType::Time64(TimeUnit::Microsecond)),
        (Logical::TimestampMillis, Type::Int | Type::Long) => long(stamp(TimeUnit::Millisecond, utc())),
        (Logical::TimestampMicros, Type::Int | Type::Long) => long(stamp(TimeUnit::Microsecond, utc())),
        (Logical::TimestampNanos, Type::Int | Type::Long) => long(stamp(TimeUnit::Nanosecond, utc())),
        (Logical::LocalTimestampMillis, Type::Int | Type::Long) => long(stamp(TimeUnit::Millisecond, None)),
        (Logical::LocalTimestampMicros, Type::Int | Type::Long) => long(stamp(TimeUnit::Microsecond, None)),
        (Logical::LocalTimestampNanos, Type::Int | Type::Long) => long(stamp(TimeUnit::Nanosecond, None)),
        (Logical::Decimal { precision, scale }, Type::Bytes | Type::Named(_)) if precision <= 38 => {
            let size = match writer.named().map(|named| &named.kind) {
                Some(Kind::Fixed(size)) => Some(*size),
                _ => None,
            };
            let kind = DataType::Decimal128(precision as u8, scale as i8);
            let built = Built::plain(Values::Decimal { size, values: Vec::new() }, kind);
            match writer.named() {
                Some(named) => built.with(meta::NAME, named.name.clone()).with(meta::SIZE, size?.to_string()),
                None => built,
            }
        }
        _ => return None,
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}
