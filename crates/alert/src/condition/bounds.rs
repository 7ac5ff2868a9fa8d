//! What the least and greatest values of some rows tell about conditions on them.
//!
//! Answers err on one side only: "none" and "all" are certain.

use super::expr::{Leaf, Number, Slot, Text, Truth, Want, Whole};
use super::tree::{Comparison, Operator};

/// What is known of the values of a leaf in some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// The least and the greatest number or time, NaN left out; infinite where nobody knows.
    pub numbers: (f64, f64),
    /// The least and the greatest text, as bytes.
    pub texts: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether any may be NULL or NaN.
    pub some_null: bool,
    /// Whether all are NULL.
    pub all_null: bool,
}

/// What is known of rows before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// None passes.
    None,
    /// All pass.
    All,
    /// They have to be read.
    Some,
}

/// What a condition may be for some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct May {
    yes: bool,
    no: bool,
    unknown: bool,
}

const ANYTHING: May = May { yes: true, no: true, unknown: true };
const UNKNOWN: May = May { yes: false, no: false, unknown: true };

/// Where a number may lie.
#[derive(Clone, Copy, Debug)]
struct Interval {
    low: f64,
    high: f64,
    /// Whether it may be NULL.
    null: bool,
    /// Whether it is always NULL.
    always: bool,
}

const ANYWHERE: Interval =
    Interval { low: f64::NEG_INFINITY, high: f64::INFINITY, null: true, always: false };

type Known<'a> = &'a dyn Fn(usize) -> Option<Bounds>;

pub(super) fn decide(truth: &Truth, leaves: &[Leaf], bounds: Known<'_>) -> Decided {
    let may = Judge { leaves, bounds }.truth(truth);
    match may {
        May { yes: false, .. } => Decided::None,
        May { yes: true, no: false, unknown: false } => Decided::All,
        _ => Decided::Some,
    }
}

struct Judge<'a> {
    leaves: &'a [Leaf],
    bounds: Known<'a>,
}

impl Judge<'_> {
    fn leaf(&self, slot: Slot) -> Option<(Bounds, Want)> {
        let Slot::Row(at) = slot else { return None };
        let leaf = self.leaves.get(at)?;
        Some(((self.bounds)(leaf.ordinal)?, leaf.want))
    }

    fn truth(&self, truth: &Truth) -> May {
        match truth {
            Truth::Constant(truth) => {
                May { yes: *truth == Some(true), no: *truth == Some(false), unknown: truth.is_none() }
            }
            Truth::Not(inner) => {
                let May { yes, no, unknown } = self.truth(inner);
                May { yes: no, no: yes, unknown }
            }
            Truth::And(parts) => {
                let parts: Vec<May> = parts.iter().map(|part| self.truth(part)).collect();
                May {
                    yes: parts.iter().all(|part| part.yes),
                    no: parts.iter().any(|part| part.no),
                    unknown: parts.iter().any(|part| part.unknown),
                }
            }
            Truth::Or(parts) => {
                let parts: Vec<May> = parts.iter().map(|part| self.truth(part)).collect();
                May {
                    yes: parts.iter().any(|part| part.yes),
                    no: parts.iter().all(|part| part.no),
                    unknown: parts.iter().any(|part| part.unknown),
                }
            }
            Truth::Numbers(comparison, a, b) => compare(*comparison, self.number(a), self.number(b)),
            Truth::Wholes(comparison, a, b) => compare(*comparison, self.whole(a), self.whole(b)),
            Truth::InNumbers { value, list, null } => self.within(self.number(value), list, *null),
            Truth::InWholes { value, list, null } => {
                let list: Vec<f64> = list.iter().map(|whole| *whole as f64).collect();
                self.within(self.whole(value), &list, *null)
            }
            Truth::Texts(comparison, a, b) => match (&**a, &**b) {
                (Text::Leaf(slot), Text::Constant(Some(text))) => self.text(*comparison, *slot, text),
                (Text::Constant(Some(text)), Text::Leaf(slot)) => self.text(comparison.turned(), *slot, text),
                _ => ANYTHING,
            },
            Truth::InTexts { value, list, null: _ } => match &**value {
                Text::Leaf(slot) => {
                    let yes = list.iter().any(|text| self.text(Comparison::Equal, *slot, text).yes);
                    May { yes, no: true, unknown: true }
                }
                _ => ANYTHING,
            },
            Truth::NumberIsNull(number) => is_null(self.number(number)),
            Truth::WholeIsNull(whole) => is_null(self.whole(whole)),
            Truth::TextIsNull(text) => match &**text {
                Text::Leaf(slot) => match self.leaf(*slot) {
                    Some((bounds, _)) => {
                        May { yes: bounds.some_null || bounds.all_null, no: !bounds.all_null, unknown: false }
                    }
                    None => May { unknown: false, ..ANYTHING },
                },
                _ => May { unknown: false, ..ANYTHING },
            },
            Truth::Is(inner, wanted) => {
                let May { yes, no, unknown } = self.truth(inner);
                let (held, not) = if *wanted { (yes, no) } else { (no, yes) };
                May { yes: held, no: not || unknown, unknown: false }
            }
            _ => ANYTHING,
        }
    }

    fn within(&self, value: Interval, list: &[f64], null: bool) -> May {
        if value.always {
            return UNKNOWN;
        }
        let yes = list.iter().any(|one| (value.low..=value.high).contains(one));
        May { yes, no: !null, unknown: null || value.null }.or_nothing(list.is_empty())
    }

    fn text(&self, comparison: Comparison, slot: Slot, text: &str) -> May {
        let Some((bounds, _)) = self.leaf(slot) else { return ANYTHING };
        if bounds.all_null {
            return UNKNOWN;
        }
        let Some((low, high)) = &bounds.texts else { return ANYTHING };
        let (low, high, text) = (low.as_slice(), high.as_slice(), text.as_bytes());
        // Ends of long texts are cut short, so that equal ones may stand for different texts.
        let yes = match comparison {
            Comparison::Less => low < text,
            Comparison::AtMost => low <= text,
            Comparison::Equal => low <= text && text <= high,
            Comparison::Differs => true,
            Comparison::AtLeast => high >= text,
            Comparison::Greater => high > text,
        };
        let no = match comparison {
            Comparison::Less => high >= text,
            Comparison::AtMost => high > text,
            Comparison::Equal => true,
            Comparison::Differs => low <= text && text <= high,
            Comparison::AtLeast => low < text,
            Comparison::Greater => low <= text,
        };
        May { yes, no, unknown: bounds.some_null }
    }

    fn whole(&self, whole: &Whole) -> Interval {
        match whole {
            Whole::Constant(None) => Interval { always: true, ..ANYWHERE },
            // Beyond 53 bits neighbours are one number here; a little room keeps the answers certain.
            Whole::Constant(Some(whole)) => rounded(*whole as f64, *whole as f64, false),
            Whole::Leaf(slot) => self.numbers(*slot),
            Whole::Negate(inner) => {
                let inner = self.whole(inner);
                // The least whole number of 64 bits has no opposite, which is NULL.
                let null = inner.null || inner.low <= i64::MIN as f64;
                Interval { null, ..negated(inner) }
            }
            _ => ANYWHERE,
        }
    }

    fn numbers(&self, slot: Slot) -> Interval {
        let Some((bounds, want)) = self.leaf(slot) else { return ANYWHERE };
        let (low, high) = bounds.numbers;
        let interval = Interval { low, high, null: bounds.some_null, always: bounds.all_null };
        match want {
            _ if bounds.all_null => interval,
            _ if low.is_nan() || high.is_nan() => ANYWHERE,
            Want::Whole | Want::Time => rounded(low, high, bounds.some_null),
            // Nobody notes whether there was a NaN.
            _ => Interval { null: true, ..interval },
        }
    }

    fn number(&self, number: &Number) -> Interval {
        match number {
            Number::Constant(number) if number.is_nan() => Interval { always: true, ..ANYWHERE },
            Number::Constant(number) => Interval { low: *number, high: *number, null: false, always: false },
            Number::Leaf(slot) => self.numbers(*slot),
            Number::OfWhole(whole) => self.whole(whole),
            Number::Negate(inner) => negated(self.number(inner)),
            Number::Arithmetic(operator, a, b) => {
                let (a, b) = (self.number(a), self.number(b));
                let (null, always) = (a.null || b.null, a.always || b.always);
                let (low, high) = match operator {
                    Operator::Add => (a.low + b.low, a.high + b.high),
                    Operator::Subtract => (a.low - b.high, a.high - b.low),
                    _ => (f64::NEG_INFINITY, f64::INFINITY),
                };
                if low.is_nan() || high.is_nan() || matches!(operator, Operator::Divide | Operator::Remainder)
                {
                    return Interval { always, ..ANYWHERE };
                }
                // Infinity less infinity is no number.
                let wild = low.is_infinite() || high.is_infinite();
                Interval { low, high, null: null || wild, always }
            }
            _ => ANYWHERE,
        }
    }
}

impl May {
    fn or_nothing(self, nothing: bool) -> Self {
        if nothing { May { yes: false, ..self } } else { self }
    }
}

/// An interval around whole numbers that were made floating ones.
fn rounded(low: f64, high: f64, null: bool) -> Interval {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let low = if low.abs() < EXACT { low } else { low.next_down() };
    let high = if high.abs() < EXACT { high } else { high.next_up() };
    Interval { low, high, null, always: false }
}

fn negated(interval: Interval) -> Interval {
    Interval { low: -interval.high, high: -interval.low, ..interval }
}

fn is_null(value: Interval) -> May {
    May { yes: value.null || value.always, no: !value.always, unknown: false }
}

fn compare(comparison: Comparison, a: Interval, b: Interval) -> May {
    if a.always || b.always {
        return UNKNOWN;
    }
    let fixed = a.low == a.high && b.low == b.high && a.low == b.low;
    let apart = a.high < b.low || b.high < a.low;
    let (yes, no) = match comparison {
        Comparison::Less => (a.low < b.high, a.high >= b.low),
        Comparison::AtMost => (a.low <= b.high, a.high > b.low),
        Comparison::Equal => (!apart, !fixed),
        Comparison::Differs => (!fixed, !apart),
        Comparison::AtLeast => (a.high >= b.low, a.low < b.high),
        Comparison::Greater => (a.high > b.low, a.low <= b.high),
    };
    May { yes, no, unknown: a.null || b.null }
}
