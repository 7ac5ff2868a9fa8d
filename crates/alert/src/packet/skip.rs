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
    places: HashMap<usize, usize>,
    fewest: Vec<usize>,
}

impl Skips {
    pub(super) fn new(schema: &Schema) -> Self {
        Skips { plans: Vec::new(), places: HashMap::new(), fewest: fewest(schema) }
    }

    /// The fewest bytes that a value of a type takes.
    pub(super) fn least(&self, kind: &Type) -> usize {
        least(&self.fewest, kind)
    }

    /// Plans how a type is passed over.
    pub(super) fn plan(&mut self, schema: &Schema, kind: &Type) -> Skip {
        match kind.base() {
            Type::Null => Skip::Bytes(0),
            Type::Boolean => Skip::Bytes(1),
            Type::Int | Type::Long => Skip::Number,
            Type::Float => Skip::Bytes(4),
            Type::Double => Skip::Bytes(8),
            Type::Bytes | Type::String => Skip::Counted,
            Type::Array(items) => {
                Skip::Items { least: self.least(items), item: Box::new(self.plan(schema, items)) }
            }
            Type::Map(values) => {
                Skip::Map { least: self.least(values) + 1, value: Box::new(self.plan(schema, values)) }
            }
            Type::Union(branches) => {
                Skip::Union(branches.iter().map(|branch| self.plan(schema, branch)).collect())
            }
            Type::Named(at) => match &schema.named[*at].kind {
                Kind::Enum { .. } => Skip::Number,
                Kind::Fixed(size) => Skip::Bytes(*size),
                Kind::Record(fields) => {
                    if let Some(place) = self.places.get(at) {
                        return Skip::Record(*place);
                    }
                    let place = self.plans.len();
                    self.places.insert(*at, place);
                    self.plans.push(Skip::Bytes(0));
                    let mut steps: Vec<Skip> = Vec::new();
                    for field in fields {
                        match (steps.last_mut(), self.plan(schema, &field.kind)) {
                            (Some(Skip::Bytes(before)), Skip::Bytes(more)) => {
                                *before = before.saturating_add(more)
                            }
                            (_, step) => steps.push(step),
                        }
                    }
                    self.plans[place] = Skip::All(steps);
                    Skip::Record(place)
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
            Skip::All(steps) => steps.iter().try_for_each(|skip| self.step(skip, cursor, depth)),
            Skip::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                self.step(&branches[branch], cursor, depth)
            }
            Skip::Items { item, least } => {
                while let Some((count, bytes)) = cursor.block(*least)? {
                    match (bytes, &**item) {
                        (Some(bytes), _) => drop(cursor.take(bytes)?),
                        (None, Skip::Bytes(len)) => drop(cursor.take(len.saturating_mul(count))?),
                        (None, item) => (0..count).try_for_each(|_| self.step(item, cursor, depth))?,
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
                            self.step(value, cursor, depth)
                        })?,
                    }
                }
                Ok(())
            }
            Skip::Record(_) if depth > MAX_DEPTH => {
                let wanted = format!("up to {MAX_DEPTH}");
                Err(cursor.fault(cursor.at(), "records more than that deep in one another", wanted))
            }
            Skip::Record(place) => self.step(&self.plans[*place], cursor, depth + 1),
        }
    }
}

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
        Type::Union(branches) => 1 + branches.iter().map(|branch| least(named, branch)).min().unwrap_or(0),
        _ => 1,
    }
}
