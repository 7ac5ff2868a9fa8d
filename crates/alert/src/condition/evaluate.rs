//! Runs compiled conditions on a batch, a column at a time.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, LargeListArray, ListArray, RecordBatch, StringArray};
use arrow_array::{UInt32Array, new_null_array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use super::expr::{Case, Leaf, List, Lookup, Number, Slot, Text, Truth, Want, Whole};
use super::over;
use super::source::WatchList;
use super::tree::{Comparison, Operator};
use crate::Error;
use crate::galactic;

/// Reckons with two numbers. What is divided by zero is NULL, as in Spark.
pub(super) fn reckon(operator: Operator, a: f64, b: f64) -> f64 {
    match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => f64::NAN,
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
    }
}

/// The value of a number that needs no alert.
pub(super) fn constant(number: &Number) -> Option<f64> {
    Some(match number {
        Number::Constant(number) => *number,
        Number::Negate(inner) => -constant(inner)?,
        Number::Arithmetic(operator, a, b) => reckon(*operator, constant(a)?, constant(b)?),
        Number::Map(map, inner) => map(constant(inner)?),
        Number::Map2(map, a, b) => map(constant(a)?, constant(b)?),
        Number::Extreme(pick, all) => {
            let all: Option<Vec<f64>> = all.iter().map(constant).collect();
            all?.into_iter().reduce(pick)?
        }
        Number::OfWhole(whole) => match &**whole {
            Whole::Constant(whole) => (*whole)? as f64,
            Whole::Negate(inner) => match &**inner {
                Whole::Constant(whole) => -((*whole)? as f64),
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    })
}

/// Numbers, one for all rows or one a row; NaN is NULL.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    One(f64),
    Each(Rc<Vec<f64>>),
}

impl Numbers {
    pub(super) fn get(&self, row: usize) -> f64 {
        match self {
            Numbers::One(number) => *number,
            Numbers::Each(numbers) => numbers[row],
        }
    }

    fn map(self, map: impl Fn(f64) -> f64) -> Self {
        match self {
            Numbers::One(number) => Numbers::One(map(number)),
            Numbers::Each(numbers) => Numbers::Each(Rc::new(numbers.iter().map(|x| map(*x)).collect())),
        }
    }

    fn zip(self, other: Self, map: impl Fn(f64, f64) -> f64) -> Self {
        let each = match (self, other) {
            (Numbers::One(a), Numbers::One(b)) => return Numbers::One(map(a, b)),
            (Numbers::Each(a), Numbers::One(b)) => a.iter().map(|a| map(*a, b)).collect(),
            (Numbers::One(a), Numbers::Each(b)) => b.iter().map(|b| map(a, *b)).collect(),
            (Numbers::Each(a), Numbers::Each(b)) => a.iter().zip(&*b).map(|(a, b)| map(*a, *b)).collect(),
        };
        Numbers::Each(Rc::new(each))
    }

    /// Which rows a test holds for.
    fn test(&self, rows: usize, test: impl Fn(f64) -> bool) -> BooleanBuffer {
        match self {
            Numbers::One(number) => all(rows, test(*number)),
            Numbers::Each(numbers) => BooleanBuffer::collect_bool(rows, |row| test(numbers[row])),
        }
    }

    pub(super) fn each(&self, rows: usize) -> Rc<Vec<f64>> {
        match self {
            Numbers::One(number) => Rc::new(vec![*number; rows]),
            Numbers::Each(numbers) => numbers.clone(),
        }
    }
}

/// Whole numbers, one for all rows or one a row, and which of them are there.
#[derive(Clone, Debug)]
enum Wholes {
    One(Option<i64>),
    Each(Rc<Vec<i64>>, Option<NullBuffer>),
}

impl Wholes {
    fn get(&self, row: usize) -> Option<i64> {
        match self {
            Wholes::One(whole) => *whole,
            Wholes::Each(wholes, there) => {
                there.as_ref().is_none_or(|there| there.is_valid(row)).then(|| wholes[row])
            }
        }
    }

    fn zip(self, other: Self, rows: usize, map: impl Fn(i64, i64) -> Option<i64>) -> Self {
        if let (Wholes::One(a), Wholes::One(b)) = (&self, &other) {
            return Wholes::One(a.zip(*b).and_then(|(a, b)| map(a, b)));
        }
        Self::from_options((0..rows).map(|row| {
            let (a, b) = self.get(row).zip(other.get(row))?;
            map(a, b)
        }))
    }

    fn from_options(values: impl Iterator<Item = Option<i64>>) -> Self {
        let (mut wholes, mut there) = (Vec::new(), Vec::new());
        for value in values {
            wholes.push(value.unwrap_or(0));
            there.push(value.is_some());
        }
        Wholes::Each(Rc::new(wholes), Some(NullBuffer::from(there)))
    }

    /// Which rows a test holds for; for none that is NULL.
    fn test(&self, rows: usize, test: impl Fn(i64) -> bool) -> BooleanBuffer {
        match self {
            Wholes::One(whole) => all(rows, whole.is_some_and(test)),
            Wholes::Each(wholes, there) => {
                let holds = BooleanBuffer::collect_bool(rows, |row| test(wholes[row]));
                match there {
                    None => holds,
                    Some(there) => &holds & there.inner(),
                }
            }
        }
    }
}

/// Texts, one for all rows or one a row.
#[derive(Clone, Debug)]
enum Texts {
    One(Option<String>),
    Each(StringArray),
}

impl Texts {
    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Texts::One(text) => text.as_deref(),
            Texts::Each(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }

    fn test(&self, rows: usize, test: impl Fn(&str) -> bool) -> BooleanBuffer {
        match self {
            Texts::One(text) => all(rows, text.as_deref().is_some_and(test)),
            Texts::Each(_) => BooleanBuffer::collect_bool(rows, |row| self.get(row).is_some_and(&test)),
        }
    }
}

/// Which rows are true and which are false; those that are neither are unknown.
#[derive(Clone, Debug)]
pub(super) struct Truths {
    pub(super) yes: BooleanBuffer,
    pub(super) no: BooleanBuffer,
}

impl Truths {
    fn one(rows: usize, truth: Option<bool>) -> Self {
        Truths { yes: all(rows, truth == Some(true)), no: all(rows, truth == Some(false)) }
    }

    /// Of a test that is never unknown.
    fn known(yes: BooleanBuffer) -> Self {
        let no = !&yes;
        Truths { yes, no }
    }
}

fn all(rows: usize, set: bool) -> BooleanBuffer {
    if set { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) }
}

/// A leaf that was read.
#[derive(Clone, Debug)]
enum Loaded {
    Numbers(Rc<Vec<f64>>),
    Wholes(Rc<Vec<i64>>, Option<NullBuffer>),
    Truths(Truths),
    Texts(StringArray),
    Presence(Option<NullBuffer>),
}

/// The elements of a list in all rows, one behind the other.
#[derive(Debug)]
pub(super) struct Elements {
    /// Where the elements of each row begin, and where the last ends.
    offsets: Vec<usize>,
    /// Which row each element belongs to.
    rows: Vec<u32>,
    /// Where each element is: in the list (0) or the current struct (1), and which of these.
    places: Vec<(usize, usize)>,
    leaves: RefCell<Vec<Option<Loaded>>>,
    list: usize,
}

impl Elements {
    pub(super) fn of(&self, row: usize) -> Range<usize> {
        self.offsets[row]..self.offsets[row + 1]
    }
}

/// Where values are looked at: in alerts, or in elements of a list of theirs.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    Rows,
    Elements(Rc<Elements>),
}

/// A batch, and what was read of it so far.
pub(super) struct Evaluator<'a> {
    leaves: &'a [Leaf],
    lists: &'a [List],
    batch: &'a RecordBatch,
    loaded: RefCell<Vec<Option<Loaded>>>,
    elements: RefCell<Vec<Option<Rc<Elements>>>>,
}

fn failed(what: &'static str) -> impl Fn(arrow_schema::ArrowError) -> Error {
    move |source| Error::Arrow { action: what, source }
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(leaves: &'a [Leaf], lists: &'a [List], batch: &'a RecordBatch) -> Self {
        let (loaded, elements) = (vec![None; leaves.len()], lists.iter().map(|_| None).collect());
        Evaluator { leaves, lists, batch, loaded: RefCell::new(loaded), elements: RefCell::new(elements) }
    }

    /// The rows for which a condition is true.
    pub(super) fn met(&self, condition: &Truth) -> Result<BooleanBuffer, Error> {
        Ok(self.truth(condition, &Scope::Rows)?.yes)
    }

    /// The texts that an expression gives.
    pub(super) fn texts(&self, text: &Text) -> Result<StringArray, Error> {
        let rows = self.batch.num_rows();
        Ok(match self.text(text, &Scope::Rows)? {
            Texts::Each(texts) => texts,
            one => (0..rows).map(|row| one.get(row).map(str::to_string)).collect(),
        })
    }

    pub(super) fn rows(&self, scope: &Scope) -> usize {
        match scope {
            Scope::Rows => self.batch.num_rows(),
            Scope::Elements(elements) => elements.rows.len(),
        }
    }

    fn loaded(&self, slot: Slot, scope: &Scope) -> Result<Loaded, Error> {
        match (slot, scope) {
            (Slot::Row(at) | Slot::Outer(at), Scope::Rows) => self.row_leaf(at),
            (Slot::Outer(at) | Slot::Row(at), Scope::Elements(elements)) => {
                Ok(spread(&self.row_leaf(at)?, &elements.rows))
            }
            (Slot::Element(at), Scope::Elements(elements)) => self.element_leaf(at, elements),
            (Slot::Element(_), Scope::Rows) => {
                Err(Error::Fields { reason: "an element was asked for outside its list".into() })
            }
        }
    }

    fn row_leaf(&self, at: usize) -> Result<Loaded, Error> {
        if let Some(loaded) = &self.loaded.borrow()[at] {
            return Ok(loaded.clone());
        }
        let leaf = &self.leaves[at];
        let (array, there) = field_of(self.batch, &leaf.path)?;
        let loaded = load(&array, there, leaf.want)?;
        self.loaded.borrow_mut()[at] = Some(loaded.clone());
        Ok(loaded)
    }

    /// The elements of a list.
    pub(super) fn elements(&self, at: usize) -> Result<Rc<Elements>, Error> {
        if let Some(elements) = &self.elements.borrow()[at] {
            return Ok(elements.clone());
        }
        let list = &self.lists[at];
        let (array, there) = field_of(self.batch, &list.path)?;
        let current = match &list.current {
            None => None,
            Some(path) => Some(field_of(self.batch, path)?.1),
        };
        let (mut offsets, mut rows, mut places) = (vec![0], Vec::new(), Vec::new());
        for row in 0..self.batch.num_rows() {
            // A list that is NULL has no elements.
            if there.as_ref().is_none_or(|there| there.is_valid(row)) {
                let elements = element_range(&array, row)?;
                rows.extend(elements.clone().map(|_| row as u32));
                places.extend(elements.map(|element| (0, element)));
            }
            if let Some(current) = &current
                && current.as_ref().is_none_or(|there| there.is_valid(row))
            {
                rows.push(row as u32);
                places.push((1, row));
            }
            offsets.push(rows.len());
        }
        let leaves = RefCell::new(list.leaves.iter().map(|_| None).collect());
        let elements = Rc::new(Elements { offsets, rows, places, leaves, list: at });
        self.elements.borrow_mut()[at] = Some(elements.clone());
        Ok(elements)
    }

    fn element_leaf(&self, at: usize, elements: &Elements) -> Result<Loaded, Error> {
        if let Some(loaded) = &elements.leaves.borrow()[at] {
            return Ok(loaded.clone());
        }
        let list = &self.lists[elements.list];
        let leaf = &list.leaves[at];
        let wanted = wanted_type(leaf.want);
        let earlier = match leaf.in_list {
            None => new_null_array(&wanted, 1),
            Some(_) => {
                let (array, _) = field_of(self.batch, &list.path)?;
                let (array, there) = field_in(list_values(&array)?, None, &leaf.path)?;
                as_wanted(&array, there, leaf.want)?
            }
        };
        let current = match (&list.current, leaf.in_current) {
            (Some(path), Some(_)) => {
                let path: Vec<String> = path.iter().chain(&leaf.path).cloned().collect();
                let (array, there) = field_of(self.batch, &path)?;
                as_wanted(&array, there, leaf.want)?
            }
            _ => new_null_array(&wanted, 1),
        };
        let missing = (leaf.in_list.is_none(), leaf.in_current.is_none());
        let places: Vec<(usize, usize)> = elements
            .places
            .iter()
            .map(|(side, place)| {
                let none = if *side == 0 { missing.0 } else { missing.1 };
                (*side, if none { 0 } else { *place })
            })
            .collect();
        let array = match (places.first(), places.iter().all(|(side, _)| *side == 0) && !missing.0) {
            (None, _) => new_null_array(&wanted, 0),
            (Some((_, first)), true) if places.iter().enumerate().all(|(k, (_, at))| *at == first + k) => {
                earlier.slice(*first, places.len())
            }
            _ => interleave(&[&*earlier, &*current], &places).map_err(failed("put a history together"))?,
        };
        let loaded = load(&array, array.nulls().cloned(), leaf.want)?;
        elements.leaves.borrow_mut()[at] = Some(loaded.clone());
        Ok(loaded)
    }

    pub(super) fn number(&self, number: &Number, scope: &Scope) -> Result<Numbers, Error> {
        let rows = self.rows(scope);
        Ok(match number {
            Number::Constant(number) => Numbers::One(*number),
            Number::Leaf(slot) => match self.loaded(*slot, scope)? {
                Loaded::Numbers(numbers) => Numbers::Each(numbers),
                _ => return Err(mixed()),
            },
            Number::OfWhole(whole) => match self.whole(whole, scope)? {
                Wholes::One(whole) => Numbers::One(whole.map_or(f64::NAN, |whole| whole as f64)),
                Wholes::Each(wholes, there) => {
                    let mut numbers: Vec<f64> = wholes.iter().map(|whole| *whole as f64).collect();
                    blank(&mut numbers, there.as_ref());
                    Numbers::Each(Rc::new(numbers))
                }
            },
            Number::JulianDate(time) => {
                let time = self.whole(time, scope)?;
                let days = (0..rows).map(|row| {
                    time.get(row).map_or(f64::NAN, |micros| micros as f64 / 86_400e6 + 2_440_587.5)
                });
                Numbers::Each(Rc::new(days.collect()))
            }
            Number::Negate(inner) => self.number(inner, scope)?.map(|x| -x),
            Number::Arithmetic(operator, a, b) => {
                let (a, b) = (self.number(a, scope)?, self.number(b, scope)?);
                // A loop for each, which the compiler makes of vector instructions.
                match operator {
                    Operator::Add => a.zip(b, |a, b| a + b),
                    Operator::Subtract => a.zip(b, |a, b| a - b),
                    Operator::Multiply => a.zip(b, |a, b| a * b),
                    Operator::Divide => a.zip(b, |a, b| reckon(Operator::Divide, a, b)),
                    Operator::Remainder => a.zip(b, |a, b| a % b),
                }
            }
            Number::Map(map, inner) => self.number(inner, scope)?.map(map),
            Number::Map2(map, a, b) => self.number(a, scope)?.zip(self.number(b, scope)?, map),
            Number::Extreme(pick, all) => {
                let mut best = Numbers::One(f64::NAN);
                for number in all {
                    best = best.zip(self.number(number, scope)?, pick);
                }
                best
            }
            Number::Case(case) => {
                let (choice, all) = self.case(case, scope, |value| self.number(value, scope))?;
                let picked = choice.iter().enumerate().map(|(row, which)| all[*which].get(row));
                Numbers::Each(Rc::new(picked.collect()))
            }
            Number::Over(over) => Numbers::Each(Rc::new(over::number(self, over)?)),
            Number::Galactic { latitude, ra, dec } => {
                let (ra, dec) = (self.number(ra, scope)?, self.number(dec, scope)?);
                if *latitude {
                    ra.zip(dec, |ra, dec| galactic::of(ra, dec).1)
                } else {
                    ra.zip(dec, |ra, dec| galactic::of(ra, dec).0)
                }
            }
            Number::Separation(places) => {
                let [a, b, c, d] = &**places;
                let (a, b) = (self.number(a, scope)?, self.number(b, scope)?);
                let (c, d) = (self.number(c, scope)?, self.number(d, scope)?);
                let between = (0..rows)
                    .map(|row| galactic::separation((a.get(row), b.get(row)), (c.get(row), d.get(row))));
                Numbers::Each(Rc::new(between.collect()))
            }
            Number::Counterpart(lookup) => Numbers::Each(Rc::new(self.lookup(lookup, scope)?)),
        })
    }

    fn lookup(&self, lookup: &Lookup, scope: &Scope) -> Result<Vec<f64>, Error> {
        let rows = self.rows(scope);
        let (ra, dec) = (self.number(&lookup.ra, scope)?, self.number(&lookup.dec, scope)?);
        let (ra, dec) = (ra.each(rows), dec.each(rows));
        let condition = lookup.condition.as_deref();
        let found = lookup.counterparts.nearest(&ra, &dec, lookup.radius, condition);
        found.map_err(|reason| Error::Lookup { reason })
    }

    fn whole(&self, whole: &Whole, scope: &Scope) -> Result<Wholes, Error> {
        let rows = self.rows(scope);
        Ok(match whole {
            Whole::Constant(whole) => Wholes::One(*whole),
            Whole::Leaf(slot) => match self.loaded(*slot, scope)? {
                Loaded::Wholes(wholes, there) => Wholes::Each(wholes, there),
                _ => return Err(mixed()),
            },
            Whole::Negate(inner) => {
                let inner = self.whole(inner, scope)?;
                inner.zip(Wholes::One(Some(0)), rows, |a, _| a.checked_neg())
            }
            Whole::Arithmetic(operator, a, b) => {
                let (a, b) = (self.whole(a, scope)?, self.whole(b, scope)?);
                // What is beyond 64 bits is NULL.
                a.zip(b, rows, |a, b| match operator {
                    Operator::Add => a.checked_add(b),
                    Operator::Subtract => a.checked_sub(b),
                    Operator::Multiply => a.checked_mul(b),
                    Operator::Divide => a.checked_div(b),
                    Operator::Remainder => a.checked_rem(b),
                })
            }
            Whole::Case(case) => {
                let (choice, all) = self.case(case, scope, |value| self.whole(value, scope))?;
                Wholes::from_options(choice.iter().enumerate().map(|(row, which)| all[*which].get(row)))
            }
            Whole::Count { list, condition } => {
                let elements = self.elements(*list)?;
                let counted = over::counted(self, &elements, condition.as_deref())?;
                let counts = (0..self.batch.num_rows()).map(|row| {
                    let range = elements.of(row);
                    counted.slice(range.start, range.len()).count_set_bits() as i64
                });
                Wholes::Each(Rc::new(counts.collect()), None)
            }
            Whole::Length(text) => {
                let text = self.text(text, scope)?;
                let lengths = (0..rows).map(|row| text.get(row).map(|text| text.chars().count() as i64));
                Wholes::from_options(lengths)
            }
        })
    }

    fn text(&self, text: &Text, scope: &Scope) -> Result<Texts, Error> {
        let rows = self.rows(scope);
        Ok(match text {
            Text::Constant(text) => Texts::One(text.clone()),
            Text::Leaf(slot) => match self.loaded(*slot, scope)? {
                Loaded::Texts(texts) => Texts::Each(texts),
                _ => return Err(mixed()),
            },
            Text::Map(map, inner) => {
                let inner = self.text(inner, scope)?;
                Texts::Each((0..rows).map(|row| inner.get(row).map(map)).collect())
            }
            Text::Concat(parts) => {
                let parts: Vec<Texts> =
                    parts.iter().map(|part| self.text(part, scope)).collect::<Result<_, _>>()?;
                let joined = (0..rows).map(|row| parts.iter().map(|part| part.get(row)).collect());
                Texts::Each(joined.collect::<Vec<Option<String>>>().into())
            }
            Text::Case(case) => {
                let (choice, all) = self.case(case, scope, |value| self.text(value, scope))?;
                let picked = choice.iter().enumerate().map(|(row, which)| all[*which].get(row));
                Texts::Each(picked.collect())
            }
        })
    }

    /// For each row, which value of a case it gets, and the values.
    fn case<T, V>(
        &self,
        case: &Case<T>,
        scope: &Scope,
        value: impl Fn(&T) -> Result<V, Error>,
    ) -> Result<(Vec<usize>, Vec<V>), Error> {
        let last = case.whens.len();
        let mut choice = vec![last; self.rows(scope)];
        for (at, (when, _)) in case.whens.iter().enumerate().rev() {
            for row in self.truth(when, scope)?.yes.set_indices() {
                choice[row] = at;
            }
        }
        let mut all: Vec<V> = Vec::with_capacity(last + 1);
        for (_, then) in &case.whens {
            all.push(value(then)?);
        }
        all.push(value(&case.otherwise)?);
        Ok((choice, all))
    }

    pub(super) fn truth(&self, truth: &Truth, scope: &Scope) -> Result<Truths, Error> {
        let rows = self.rows(scope);
        Ok(match truth {
            Truth::Constant(truth) => Truths::one(rows, *truth),
            Truth::Leaf(slot) => match self.loaded(*slot, scope)? {
                Loaded::Truths(truths) => truths,
                _ => return Err(mixed()),
            },
            Truth::Not(inner) => {
                let Truths { yes, no } = self.truth(inner, scope)?;
                Truths { yes: no, no: yes }
            }
            Truth::And(parts) => {
                let mut both = Truths::one(rows, Some(true));
                for part in parts {
                    let part = self.truth(part, scope)?;
                    both = Truths { yes: &both.yes & &part.yes, no: &both.no | &part.no };
                }
                both
            }
            Truth::Or(parts) => {
                let mut either = Truths::one(rows, Some(false));
                for part in parts {
                    let part = self.truth(part, scope)?;
                    either = Truths { yes: &either.yes | &part.yes, no: &either.no & &part.no };
                }
                either
            }
            Truth::Numbers(comparison, a, b) => {
                compare_numbers(*comparison, &self.number(a, scope)?, &self.number(b, scope)?, rows)
            }
            Truth::Wholes(comparison, a, b) => {
                let (a, b) = (self.whole(a, scope)?, self.whole(b, scope)?);
                compare_wholes(*comparison, &a, &b, rows)
            }
            Truth::Texts(comparison, a, b) => {
                let (a, b) = (self.text(a, scope)?, self.text(b, scope)?);
                let order = |row: usize| Some(a.get(row)?.cmp(b.get(row)?));
                let holds = |row: usize| order(row).map(|order| comparison.holds(order));
                Truths {
                    yes: BooleanBuffer::collect_bool(rows, |row| holds(row) == Some(true)),
                    no: BooleanBuffer::collect_bool(rows, |row| holds(row) == Some(false)),
                }
            }
            Truth::Truths(comparison, a, b) => {
                let (a, b) = (self.truth(a, scope)?, self.truth(b, scope)?);
                let known = &(&a.yes | &a.no) & &(&b.yes | &b.no);
                let yes = BooleanBuffer::collect_bool(rows, |row| {
                    comparison.holds(a.yes.value(row).cmp(&b.yes.value(row)))
                });
                Truths { yes: &yes & &known, no: &!&yes & &known }
            }
            Truth::InNumbers { value, list, null } => {
                let value = self.number(value, scope)?;
                let within = |x: f64| list.binary_search_by(|other| compare_plain(*other, x)).is_ok();
                let yes = value.test(rows, |x| !x.is_nan() && within(x));
                let no = value.test(rows, |x| !x.is_nan() && !*null && !within(x));
                Truths { yes, no }
            }
            Truth::InWholes { value, list, null } => {
                let value = self.whole(value, scope)?;
                let within = |x: i64| list.binary_search(&x).is_ok();
                Truths { yes: value.test(rows, within), no: value.test(rows, |x| !*null && !within(x)) }
            }
            Truth::InTexts { value, list, null } => {
                let value = self.text(value, scope)?;
                let yes = value.test(rows, |text| list.contains(text));
                let there = value.test(rows, |_| !*null);
                Truths { no: &there & &!&yes, yes }
            }
            Truth::Like { value, pattern } => {
                let value = self.text(value, scope)?;
                let yes = value.test(rows, |text| pattern.matches(text));
                let there = value.test(rows, |_| true);
                Truths { no: &there & &!&yes, yes }
            }
            Truth::NumberIsNull(number) => Truths::known(self.number(number, scope)?.test(rows, f64::is_nan)),
            Truth::WholeIsNull(whole) => Truths::known(!&self.whole(whole, scope)?.test(rows, |_| true)),
            Truth::TextIsNull(text) => Truths::known(!&self.text(text, scope)?.test(rows, |_| true)),
            Truth::IsUnknown(truth) => {
                let truth = self.truth(truth, scope)?;
                Truths::known(!&(&truth.yes | &truth.no))
            }
            Truth::IsAbsent(slot) => match self.loaded(*slot, scope)? {
                Loaded::Presence(None) => Truths::one(rows, Some(false)),
                Loaded::Presence(Some(there)) => Truths::known(!there.inner()),
                _ => return Err(mixed()),
            },
            Truth::Is(inner, wanted) => {
                let inner = self.truth(inner, scope)?;
                Truths::known(if *wanted { inner.yes } else { inner.no })
            }
            Truth::Case(case) => {
                let (choice, all) = self.case(case, scope, |value| self.truth(value, scope))?;
                Truths {
                    yes: BooleanBuffer::collect_bool(rows, |row| all[choice[row]].yes.value(row)),
                    no: BooleanBuffer::collect_bool(rows, |row| all[choice[row]].no.value(row)),
                }
            }
            Truth::Any { list, value, condition } => over::any(self, *list, value, condition.as_deref())?,
            Truth::All { list, value, condition } => {
                // All are so where none is not.
                let opposite = Truth::Not(value.clone());
                let Truths { yes, no } = over::any(self, *list, &opposite, condition.as_deref())?;
                Truths { yes: no, no: yes }
            }
            Truth::InRegion { ra, dec, region } => {
                self.inside(ra, dec, scope, |ra, dec, out| region.contains_slice(ra, dec, out))?
            }
            Truth::InMoc { ra, dec, moc } => {
                self.inside(ra, dec, scope, |ra, dec, out| moc.contains_slice(ra, dec, out))?
            }
            Truth::Matches(lookup) => {
                let found = self.lookup(lookup, scope)?;
                let (ra, dec) = (self.number(&lookup.ra, scope)?, self.number(&lookup.dec, scope)?);
                let place = BooleanBuffer::collect_bool(rows, |row| is_place(ra.get(row), dec.get(row)));
                let yes = BooleanBuffer::collect_bool(rows, |row| !found[row].is_nan());
                Truths { no: &place & &!&yes, yes: &yes & &place }
            }
            Truth::Near { ra, dec, list } => {
                let WatchList::Places(places) = &**list else { return Err(mixed()) };
                self.inside(ra, dec, scope, |ra, dec, out| {
                    for (row, out) in out.iter_mut().enumerate() {
                        *out = places.contains(ra[row], dec[row]);
                    }
                    Ok(())
                })?
            }
            Truth::Listed { name, list } => {
                let WatchList::Names(names) = &**list else { return Err(mixed()) };
                let name = self.text(name, scope)?;
                let yes = name.test(rows, |name| names.contains(name));
                let there = name.test(rows, |_| true);
                Truths { no: &there & &!&yes, yes }
            }
        })
    }

    /// Whether places are inside of something; unknown where there is no place.
    fn inside(
        &self,
        ra: &Number,
        dec: &Number,
        scope: &Scope,
        contains: impl Fn(&[f64], &[f64], &mut [bool]) -> Result<(), uranometria_sky::Error>,
    ) -> Result<Truths, Error> {
        let rows = self.rows(scope);
        let (ra, dec) = (self.number(ra, scope)?.each(rows), self.number(dec, scope)?.each(rows));
        let place = |row: usize| is_place(ra[row], dec[row]);
        let clean = |values: &[f64]| -> Vec<f64> {
            (0..rows).map(|row| if place(row) { values[row] } else { f64::NAN }).collect()
        };
        let mut inside = vec![false; rows];
        contains(&clean(&ra), &clean(&dec), &mut inside).map_err(|source| Error::Sky { source })?;
        let there = BooleanBuffer::collect_bool(rows, place);
        let yes = &BooleanBuffer::from(inside) & &there;
        Ok(Truths { no: &there & &!&yes, yes })
    }
}

/// Whether two numbers are a place. What is none is treated as a missing one: a catalogue's -999 is not worth stopping
/// a night for.
fn is_place(ra_deg: f64, dec_deg: f64) -> bool {
    (-90.0..=90.0).contains(&dec_deg) && ra_deg.is_finite()
}

fn mixed() -> Error {
    Error::Fields { reason: "the batch is not of the schema that the conditions were compiled for".into() }
}

fn compare_plain(a: f64, b: f64) -> std::cmp::Ordering {
    // As numbers, so that -0 is 0; neither is NaN.
    a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
}

fn compare_numbers(comparison: Comparison, a: &Numbers, b: &Numbers, rows: usize) -> Truths {
    fn each(a: &Numbers, b: &Numbers, rows: usize, holds: impl Fn(f64, f64) -> bool) -> BooleanBuffer {
        match (a, b) {
            (Numbers::Each(a), Numbers::One(b)) => {
                let b = *b;
                BooleanBuffer::collect_bool(rows, |row| holds(a[row], b))
            }
            (Numbers::Each(a), Numbers::Each(b)) => {
                BooleanBuffer::collect_bool(rows, |row| holds(a[row], b[row]))
            }
            _ => BooleanBuffer::collect_bool(rows, |row| holds(a.get(row), b.get(row))),
        }
    }
    let less = || each(a, b, rows, |a, b| a < b);
    let at_most = || each(a, b, rows, |a, b| a <= b);
    let greater = || each(a, b, rows, |a, b| a > b);
    let at_least = || each(a, b, rows, |a, b| a >= b);
    let equal = || each(a, b, rows, |a, b| a == b);
    // NaN differs from itself; it must not here.
    let differs = || each(a, b, rows, |a: f64, b: f64| (a != b) & !a.is_nan() & !b.is_nan());
    let (yes, no) = match comparison {
        Comparison::Less => (less(), at_least()),
        Comparison::AtMost => (at_most(), greater()),
        Comparison::Equal => (equal(), differs()),
        Comparison::Differs => (differs(), equal()),
        Comparison::AtLeast => (at_least(), less()),
        Comparison::Greater => (greater(), at_most()),
    };
    Truths { yes, no }
}

fn compare_wholes(comparison: Comparison, a: &Wholes, b: &Wholes, rows: usize) -> Truths {
    let there = match (a, b) {
        (Wholes::Each(wholes, there), Wholes::One(Some(b))) => {
            let yes = BooleanBuffer::collect_bool(rows, |row| comparison.holds(wholes[row].cmp(b)));
            return match there {
                None => Truths::known(yes),
                Some(there) => Truths { no: &!&yes & there.inner(), yes: &yes & there.inner() },
            };
        }
        _ => &a.test(rows, |_| true) & &b.test(rows, |_| true),
    };
    let yes = BooleanBuffer::collect_bool(rows, |row| {
        a.get(row).zip(b.get(row)).is_some_and(|(a, b)| comparison.holds(a.cmp(&b)))
    });
    Truths { no: &there & &!&yes, yes }
}

/// Numbers that are NULL become NaN.
fn blank(numbers: &mut [f64], there: Option<&NullBuffer>) {
    let Some(there) = there.filter(|there| there.null_count() > 0) else { return };
    for row in (!there.inner()).set_indices() {
        numbers[row] = f64::NAN;
    }
}

/// The values of rows, once for each element that belongs to them.
fn spread(loaded: &Loaded, rows: &[u32]) -> Loaded {
    let bits =
        |bits: &BooleanBuffer| BooleanBuffer::collect_bool(rows.len(), |k| bits.value(rows[k] as usize));
    let nulls = |there: &Option<NullBuffer>| there.as_ref().map(|there| NullBuffer::new(bits(there.inner())));
    match loaded {
        Loaded::Numbers(numbers) => {
            Loaded::Numbers(Rc::new(rows.iter().map(|row| numbers[*row as usize]).collect()))
        }
        Loaded::Wholes(wholes, there) => {
            let wholes = rows.iter().map(|row| wholes[*row as usize]).collect();
            Loaded::Wholes(Rc::new(wholes), nulls(there))
        }
        Loaded::Truths(truths) => Loaded::Truths(Truths { yes: bits(&truths.yes), no: bits(&truths.no) }),
        Loaded::Texts(texts) => {
            let text = |row: &u32| texts.is_valid(*row as usize).then(|| texts.value(*row as usize));
            Loaded::Texts(rows.iter().map(text).collect())
        }
        Loaded::Presence(there) => Loaded::Presence(nulls(there)),
    }
}

/// The type that leaves are made of before they are read.
fn wanted_type(want: Want) -> DataType {
    match want {
        Want::Number => DataType::Float64,
        Want::Whole => DataType::Int64,
        Want::Truth => DataType::Boolean,
        Want::Text => DataType::Utf8,
        Want::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        Want::Presence => DataType::Null,
    }
}

/// An array of the wanted type, with the nulls of the structs around it.
fn as_wanted(array: &ArrayRef, there: Option<NullBuffer>, want: Want) -> Result<ArrayRef, Error> {
    let wanted = wanted_type(want);
    let array = if array.data_type() == &wanted {
        array.clone()
    } else {
        let zone_less = match array.data_type() {
            // The zone only says how it is shown.
            DataType::Timestamp(unit, Some(_)) => {
                cast(array, &DataType::Timestamp(*unit, None)).map_err(failed("read a time"))?
            }
            _ => array.clone(),
        };
        cast(&zone_less, &wanted).map_err(failed("read a field"))?
    };
    if there.is_none() || array.nulls() == there.as_ref() {
        return Ok(array);
    }
    let data = array.to_data().into_builder().nulls(there).build().map_err(failed("read a field"))?;
    Ok(arrow_array::make_array(data))
}

fn load(array: &ArrayRef, there: Option<NullBuffer>, want: Want) -> Result<Loaded, Error> {
    if want == Want::Presence {
        return Ok(Loaded::Presence(there));
    }
    let array = as_wanted(array, None, want)?;
    // A cast may have made more nulls.
    let there = NullBuffer::union(there.as_ref(), array.nulls());
    Ok(match want {
        Want::Number => {
            let mut numbers = array.as_primitive::<Float64Type>().values().to_vec();
            blank(&mut numbers, there.as_ref());
            Loaded::Numbers(Rc::new(numbers))
        }
        Want::Whole => Loaded::Wholes(Rc::new(array.as_primitive::<Int64Type>().values().to_vec()), there),
        Want::Time => {
            let micros = array.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
            Loaded::Wholes(Rc::new(micros.values().to_vec()), there)
        }
        Want::Truth => {
            let truths: &BooleanArray = array.as_boolean();
            let (yes, no) = (truths.values().clone(), !truths.values());
            Loaded::Truths(match there {
                None => Truths { yes, no },
                Some(there) => Truths { yes: &yes & there.inner(), no: &no & there.inner() },
            })
        }
        _ => Loaded::Texts(match there {
            Some(there) if array.nulls() != Some(&there) => {
                let texts = array.as_string::<i32>();
                StringArray::new(texts.offsets().clone(), texts.values().clone(), Some(there))
            }
            _ => array.as_string::<i32>().clone(),
        }),
    })
}

/// A field of a batch and which of its rows are there.
fn field_of(batch: &RecordBatch, path: &[String]) -> Result<(ArrayRef, Option<NullBuffer>), Error> {
    let (first, rest) = path.split_first().ok_or_else(mixed)?;
    let array = batch.column_by_name(first).ok_or_else(|| missing(path))?;
    field_in(array.clone(), None, rest)
}

fn missing(path: &[String]) -> Error {
    Error::Fields { reason: format!("the batch has no field `{}`", path.join(".")) }
}

/// A field in structs.
fn field_in(
    array: ArrayRef,
    there: Option<NullBuffer>,
    path: &[String],
) -> Result<(ArrayRef, Option<NullBuffer>), Error> {
    let there = NullBuffer::union(there.as_ref(), array.logical_nulls().as_ref());
    let Some((first, rest)) = path.split_first() else { return Ok((array, there)) };
    let inner = array.as_struct_opt().and_then(|array| array.column_by_name(first).cloned());
    field_in(inner.ok_or_else(|| missing(path))?, there, rest)
}

/// Which of a list's values are the elements of a row.
fn element_range(array: &ArrayRef, row: usize) -> Result<Range<usize>, Error> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let offsets = list.value_offsets();
        return Ok(offsets[row] as usize..offsets[row + 1] as usize);
    }
    if let Some(list) = array.as_list_opt::<i64>() {
        let offsets = list.value_offsets();
        return Ok(offsets[row] as usize..offsets[row + 1] as usize);
    }
    let list = array.as_fixed_size_list_opt().ok_or_else(mixed)?;
    let length = list.value_length() as usize;
    Ok(row * length..(row + 1) * length)
}

/// All values of a list.
fn list_values(array: &ArrayRef) -> Result<ArrayRef, Error> {
    let small = array.as_list_opt::<i32>().map(ListArray::values);
    let values = small.or_else(|| array.as_list_opt::<i64>().map(LargeListArray::values));
    match values {
        Some(values) => Ok(values.clone()),
        None => Ok(array.as_fixed_size_list_opt().ok_or_else(mixed)?.values().clone()),
    }
}

/// Rows of a batch, by their places.
pub(super) fn taken(batch: &RecordBatch, rows: &BooleanBuffer) -> Result<RecordBatch, Error> {
    let rows = UInt32Array::from_iter_values(rows.set_indices().map(|row| row as u32));
    let arrays = batch.columns().iter().map(|array| take(array, &rows, None));
    let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(failed("take rows"))?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(batch.schema(), arrays, &options).map_err(failed("take rows"))
}
