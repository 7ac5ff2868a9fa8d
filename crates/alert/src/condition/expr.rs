//! Compiled conditions: expressions whose types are known, over the leaves of a schema.
//!
//! Numbers have NaN for NULL, so that arithmetic keeps SQL's rule by itself. Truths are pairs of bits, true and false;
//! neither is unknown.

use std::collections::HashSet;
use std::sync::Arc;

use uranometria_sky::{Angle, Moc, Region};

use super::Conditions;
use super::source::{Counterparts, WatchList};
use super::tree::{Comparison, Operator};

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A leaf of the alert.
    Row(usize),
    /// A leaf of an element, where elements of a list are looked at.
    Element(usize),
    /// A leaf of the alert that an element belongs to.
    Outer(usize),
}

/// What a leaf is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Number,
    Whole,
    Truth,
    Text,
    /// Microseconds since 1970, UTC.
    Time,
    /// Only whether it is there.
    Presence,
}

/// A leaf, or any field of which only the presence matters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    pub(crate) want: Want,
    /// The number of the leaf in the schema.
    pub(crate) ordinal: usize,
}

/// A list whose elements are looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) path: Vec<String>,
    /// The struct that is the last element besides, where the current one counts.
    pub(crate) current: Option<Vec<String>>,
    pub(crate) leaves: Vec<ElementLeaf>,
    /// A leaf that is read in any case, to know how many elements there are.
    pub(crate) ordinal: usize,
    /// One of the struct, likewise.
    pub(crate) current_ordinal: Option<usize>,
}

/// A leaf of an element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ElementLeaf {
    /// From the element inwards; empty where elements are no structs.
    pub(crate) path: Vec<String>,
    pub(crate) want: Want,
    /// Its number, where elements of the list have it.
    pub(crate) in_list: Option<usize>,
    /// The number of the same in the struct that is the last element.
    pub(crate) in_current: Option<usize>,
}

/// The first that is true decides.
#[derive(Clone, Debug)]
pub(crate) struct Case<T> {
    pub(crate) whens: Vec<(Truth, T)>,
    pub(crate) otherwise: Box<T>,
}

/// A number; NaN is NULL.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Constant(f64),
    Leaf(Slot),
    OfWhole(Box<Whole>),
    /// Days of the Julian calendar, of microseconds since 1970.
    JulianDate(Box<Whole>),
    Negate(Box<Number>),
    Arithmetic(Operator, Box<Number>, Box<Number>),
    Map(fn(f64) -> f64, Box<Number>),
    Map2(fn(f64, f64) -> f64, Box<Number>, Box<Number>),
    /// The least or the greatest of several, as the function picks of two; NULL only where all are.
    Extreme(fn(f64, f64) -> f64, Vec<Number>),
    Case(Case<Number>),
    Over(Box<Over>),
    /// Degrees, and whether it is the latitude.
    Galactic {
        latitude: bool,
        ra: Box<Number>,
        dec: Box<Number>,
    },
    /// Degrees.
    Separation(Box<[Number; 4]>),
    /// Arcseconds to the nearest counterpart.
    Counterpart(Box<Lookup>),
}

/// A whole number or a time.
#[derive(Clone, Debug)]
pub(crate) enum Whole {
    Constant(Option<i64>),
    Leaf(Slot),
    Negate(Box<Whole>),
    Arithmetic(Operator, Box<Whole>, Box<Whole>),
    Case(Case<Whole>),
    Count { list: usize, condition: Option<Box<Truth>> },
    Length(Box<Text>),
}

/// A text.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Constant(Option<String>),
    Leaf(Slot),
    Map(fn(&str) -> String, Box<Text>),
    Concat(Vec<Text>),
    Case(Case<Text>),
}

/// True, false or unknown.
#[derive(Clone, Debug)]
pub(crate) enum Truth {
    Constant(Option<bool>),
    Leaf(Slot),
    Not(Box<Truth>),
    And(Vec<Truth>),
    Or(Vec<Truth>),
    Numbers(Comparison, Box<Number>, Box<Number>),
    Wholes(Comparison, Box<Whole>, Box<Whole>),
    Texts(Comparison, Box<Text>, Box<Text>),
    Truths(Comparison, Box<Truth>, Box<Truth>),
    /// `null` says whether the list has one, which makes what is not in it unknown.
    InNumbers {
        value: Box<Number>,
        list: Vec<f64>,
        null: bool,
    },
    InWholes {
        value: Box<Whole>,
        list: Vec<i64>,
        null: bool,
    },
    InTexts {
        value: Box<Text>,
        list: Arc<HashSet<String>>,
        null: bool,
    },
    Like {
        value: Box<Text>,
        pattern: Arc<Pattern>,
    },
    NumberIsNull(Box<Number>),
    WholeIsNull(Box<Whole>),
    TextIsNull(Box<Text>),
    IsUnknown(Box<Truth>),
    IsAbsent(Slot),
    Is(Box<Truth>, bool),
    Case(Case<Truth>),
    Any {
        list: usize,
        value: Box<Truth>,
        condition: Option<Box<Truth>>,
    },
    All {
        list: usize,
        value: Box<Truth>,
        condition: Option<Box<Truth>>,
    },
    InRegion {
        ra: Box<Number>,
        dec: Box<Number>,
        region: Arc<Region>,
    },
    InMoc {
        ra: Box<Number>,
        dec: Box<Number>,
        moc: Arc<Moc>,
    },
    Matches(Box<Lookup>),
    Near {
        ra: Box<Number>,
        dec: Box<Number>,
        list: Arc<WatchList>,
    },
    Listed {
        name: Box<Text>,
        list: Arc<WatchList>,
    },
}

/// A crossmatch.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub(crate) ra: Number,
    pub(crate) dec: Number,
    pub(crate) counterparts: Arc<dyn Counterparts>,
    pub(crate) radius: Angle,
    pub(crate) condition: Option<Arc<Conditions>>,
}

/// A number made of a list.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) list: usize,
    pub(crate) what: What,
    pub(crate) value: Number,
    /// Days, where the order or the rate matters.
    pub(crate) time: Option<Number>,
    /// Weights are one over its square.
    pub(crate) error: Option<Number>,
    pub(crate) condition: Option<Truth>,
}

/// What is made of the values in a list. None is made of too few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Min,
    Max,
    Sum,
    Mean,
    Median,
    /// The standard deviation of a sample, by n - 1.
    Deviation,
    /// By time.
    First,
    Last,
    /// A straight line by least squares: its slope.
    Slope,
    /// How much of the scatter the line explains.
    SlopeR2,
    /// From the last value but one to the last, a day.
    Rate,
    /// The longest time between two that follow one another, days.
    MaxGap,
}

/// A text with `%` and `_`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    any_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Char(char),
    One,
    Any,
}

impl Pattern {
    /// `\` makes a sign behind it an ordinary one.
    pub(crate) fn new(text: &str, any_case: bool) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let piece = match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '\\' => Piece::Char(chars.next().unwrap_or('\\')),
                c => Piece::Char(c),
            };
            if !(piece == Piece::Any && pieces.last() == Some(&Piece::Any)) {
                pieces.push(piece);
            }
        }
        Pattern { pieces, any_case }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let same = |a: char, b: char| a == b || self.any_case && a.to_lowercase().eq(b.to_lowercase());
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        // Where the last `%` stood, and how much of the text it has taken.
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.pieces.get(piece) {
                Some(Piece::Any) => {
                    back = Some((piece, at));
                    piece += 1;
                    continue;
                }
                Some(Piece::One) => {}
                Some(Piece::Char(c)) if same(*c, text[at]) => {}
                _ => {
                    let Some((any, taken)) = back else { return false };
                    back = Some((any, taken + 1));
                    (piece, at) = (any + 1, taken + 1);
                    continue;
                }
            }
            (piece, at) = (piece + 1, at + 1);
        }
        self.pieces[piece.min(self.pieces.len())..].iter().all(|piece| *piece == Piece::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_sql_has_it() {
        let check = |pattern: &str, text: &str, wanted: bool| {
            assert_eq!(Pattern::new(pattern, false).matches(text), wanted, "{text} LIKE {pattern}");
        };
        check("SN%", "SN Ia", true);
        check("SN%", "sn Ia", false);
        check("%*%", "RRLyr*_Candidate", true);
        check("_a%b", "xaab", true);
        check("_a%b", "aab", true);
        check("_a%b", "ab", false);
        check("%%", "", true);
        check("", "x", false);
        check("100\\%", "100%", true);
        check("100\\%", "1000", false);
        check(&"%a".repeat(50), &"a".repeat(2000), true);
        assert!(Pattern::new("blazar%", true).matches("BLAZAR_Candidate"));
    }
}
