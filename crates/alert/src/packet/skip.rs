//! Passing over what is not wanted.

use std::collections::HashMap;

use super::cursor::{Cursor, Fault};
use crate::schema::{Kind, MAX_DEPTH, Schema, Type};

/// How a value is passed over.
#[derive(Clone, Debug)]
pub(super) enum Skip {
    /// So many bytes.
    Bytes(usize),
    Number,
    /// What stands behind its length.
    Counted,
    All(Vec<Skip>),
    Union(Vec<Skip>),
    Items {
        item: Box<Skip>,
        least: usize,
    },
    Map {
        value: Box<Skip>,
        least: usize,
    },
    /// A record, by its place among the plans: it may contain itself.
    Record(usize),
}

/// How the records of a schema are passed over.
#[derive(Clone, Debug)]
pub(super) struct Skips {
    plans: Vec<Skip>,
    /// Of records, by whose schema they are of.
    places: HashMap<(Side, usize), Skip>,
    fewest: [Vec<usize>; 2],
}

/// Whose schema a type is of. Defaults are read by the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Writer,
    Reader,
}

impl Skips {
    pub(super) fn new(writer: &Schema, reader: Option<&Schema>) -> Self {
        let fewest = [fewest(writer), reader.map(fewest).unwrap_or_default()];
        Skips { plans: Vec::new(), places: HashMap::new(), fewest }
    }

    /// The fewest bytes that a value of a type takes.
    pub(super) fn least(&self, side: Side, kind: &Type) -> usize {
        least(&self.fewest[side as usize], kind)
    }

    /// Plans how a type is passed over.
    pub(super) fn plan(&mut self, schema: &Schema, side: Side, kind: &Type) -> Skip {
        match kind.base() {
            Type::Null => Skip::Bytes(0),
            Type::Boolean => Skip::Bytes(1),
            Type::Int | Type::Long => Skip::Number,
            Type::Float => Skip::Bytes(4),
            Type::Double => Skip::Bytes(8),
            Type::Bytes | Type::String => Skip::Counted,
            Type::Array(items) => {
                Skip::Items { least: self.least(side, items), item: Box::new(self.plan(schema, side, items)) }
            }
            Type::Map(values) => {
                let least = self.least(side, values).saturating_add(1);
                Skip::Map { least, value: Box::new(self.plan(schema, side, values)) }
            }
            Type::Union(branches) => {
                Skip::Union(branches.iter().map(|branch| self.plan(schema, side, branch)).collect())
            }
            Type::Named(at) => match &schema.named[*at].kind {
                Kind::Enum { .. } => Skip::Number,
                Kind::Fixed(size) => Skip::Bytes(*size),
                Kind::Record(fields) => {
                    if let Some(known) = self.places.get(&(side, *at)) {
                        return known.clone();
                    }
                    let place = self.plans.len();
                    self.places.insert((side, *at), Skip::Record(place));
                    self.plans.push(Skip::Bytes(0));
                    let mut steps: Vec<Skip> = Vec::new();
                    for field in fields {
                        match (steps.last_mut(), self.plan(schema, side, &field.kind)) {
                            (Some(Skip::Bytes(before)), Skip::Bytes(more)) => {
                                *before = before.saturating_add(more)
                            }
                            (_, step) => steps.push(step),
                        }
                    }
                    // A record of a known number of bytes is that: else empty ones in one another would take for ever.
                    let known = match steps.as_slice() {
                        [] => Skip::Bytes(0),
                        [Skip::Bytes(len)] => Skip::Bytes(*len),
                        _ => Skip::Record(place),
                    };
                    self.plans[place] = Skip::All(steps);
                    self.places.insert((side, *at), known.clone());
                    known
                }
            },
            Type::Logical(..) => Skip::Bytes(0),
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&self, skip: &Skip, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.step(skip, cursor, 0)
    }

    fn step(&self, skip: &Skip, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
        match skip {
            Skip::Bytes(len) => cursor.take(*len).map(|_| ()),
            Skip::Number => cursor.long().map(|_| ()),
            Skip::Counted => cursor.counted().map(|_| ()),
            _ if depth > DEEPEST => {
                let wanted = format!("up to {DEEPEST}");
                Err(cursor.fault(cursor.at(), "types more than that deep in one another", wanted))
            }
            Skip::All(steps) => steps.iter().try_for_each(|skip| self.step(skip, cursor, depth + 1)),
            Skip::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                self.step(&branches[branch], cursor, depth + 1)
            }
            Skip::Items { item, least } => {
                while let Some((count, bytes)) = cursor.block(*least)? {
                    match (bytes, &**item) {
                        (Some(bytes), _) => drop(cursor.take(bytes)?),
                        (None, Skip::Bytes(len)) => drop(cursor.take(len.saturating_mul(count))?),
                        (None, item) => (0..count).try_for_each(|_| self.step(item, cursor, depth + 1))?,
                    }
                }
                Ok(())
            }
            Skip::Map { value, least } => {
                while let Some((count, bytes)) = cursor.block(*least)? {
                    match bytes {
                        Some(bytes) => drop(cursor.take(bytes)?),
                        None => (0..count).try_for_each(|_| {
                            cursor.counted()?;
                            self.step(value, cursor, depth + 1)
                        })?,
                    }
                }
                Ok(())
            }
            Skip::Record(place) => {
                let start = cursor.at();
                self.step(&self.plans[*place], cursor, depth + 1)?;
                if cursor.at() == start { cursor.spend(1) } else { Ok(()) }
            }
        }
    }
}

/// How deep values that are passed over may lie in one another, each union, list and record counted.
const DEEPEST: usize = 4 * MAX_DEPTH;

/// The fewest bytes that values of types with names take, by their places in the schema.
fn fewest(schema: &Schema) -> Vec<usize> {
    let mut fewest = vec![0; schema.named.len()];
    // Each round follows references one level further; less than the truth is a bound too.
    for _ in 0..6 {
        let round = schema.named.iter().map(|named| match &named.kind {
            Kind::Enum { .. } => 1,
            Kind::Fixed(size) => *size,
            Kind::Record(fields) => fields
                .iter()
                .map(|field| least(&fewest, &field.kind))
                .fold(0, |sum: usize, more| sum.saturating_add(more)),
        });
        fewest = round.collect();
    }
    fewest
}

fn least(named: &[usize], kind: &Type) -> usize {
    match kind.base() {
        Type::Null => 0,
        Type::Float => 4,
        Type::Double => 8,
        Type::Named(at) => named[*at],
        Type::Union(branches) => {
            branches.iter().map(|branch| least(named, branch)).min().unwrap_or(0).saturating_add(1)
        }
        _ => 1,
    }
}
