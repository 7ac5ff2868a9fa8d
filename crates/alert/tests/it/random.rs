//! Random conditions, against an interpreter that goes row by row.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use proptest::prelude::*;

use uranometria_alert::{Bounds, Conditions, Decided, NoSources};

use crate::sample::met;

#[derive(Clone, Debug)]
enum Number {
    X,
    N,
    Constant(i8),
    Add(Box<Number>, Box<Number>),
    Multiply(Box<Number>, Box<Number>),
    Divide(Box<Number>, Box<Number>),
    Coalesce(Box<Number>, Box<Number>),
    Least(Box<Number>, Box<Number>),
    /// `CASE a WHEN b THEN c END`, and the same with an ELSE.
    Case(Box<(Number, Number, Number)>, Option<Box<Number>>),
}

#[derive(Clone, Debug)]
enum Truth {
    Less(Number, Number),
    Equal(Number, Number),
    IsNull(Number),
    In(Number, i8, i8),
    NotIn(Number, i8, i8),
    Between(Number, Number, Number),
    Case(Box<Truth>, Box<Truth>, Box<Truth>),
    Not(Box<Truth>),
    And(Box<Truth>, Box<Truth>),
    Or(Box<Truth>, Box<Truth>),
    Is(Box<Truth>, bool),
}

impl Number {
    fn text(&self) -> String {
        match self {
            Number::X => "x".into(),
            Number::N => "n".into(),
            Number::Constant(c) => format!("({c} * 1.0)"),
            Number::Add(a, b) => format!("({} + {})", a.text(), b.text()),
            Number::Multiply(a, b) => format!("{} * ({})", a.text(), b.text()),
            Number::Divide(a, b) => format!("(({}) / ({}))", a.text(), b.text()),
            Number::Coalesce(a, b) => format!("COALESCE({}, {})", a.text(), b.text()),
            Number::Least(a, b) => format!("LEAST({}, {})", a.text(), b.text()),
            Number::Case(whens, otherwise) => {
                let (a, b, c) = &**whens;
                let otherwise = otherwise.as_ref().map_or(String::new(), |d| format!(" ELSE {}", d.text()));
                format!("CASE {} WHEN {} THEN {}{otherwise} END", a.text(), b.text(), c.text())
            }
        }
    }

    fn value(&self, x: Option<f64>, n: Option<i64>) -> Option<f64> {
        let x = x.filter(|x| !x.is_nan());
        let both = |a: &Number, b: &Number| a.value(x, n).zip(b.value(x, n));
        let value = match self {
            Number::X => x,
            Number::N => n.map(|n| n as f64),
            Number::Constant(c) => Some(f64::from(*c)),
            Number::Add(a, b) => both(a, b).map(|(a, b)| a + b),
            Number::Multiply(a, b) => both(a, b).map(|(a, b)| a * b),
            Number::Divide(a, b) => both(a, b).filter(|(_, b)| *b != 0.0).map(|(a, b)| a / b),
            Number::Coalesce(a, b) => a.value(x, n).or_else(|| b.value(x, n)),
            Number::Least(a, b) => match (a.value(x, n), b.value(x, n)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            Number::Case(whens, otherwise) => {
                let (a, b, c) = &**whens;
                match both(a, b) {
                    Some((a, b)) if a == b => c.value(x, n),
                    _ => otherwise.as_ref().and_then(|d| d.value(x, n)),
                }
            }
        };
        value.filter(|value| !value.is_nan())
    }
}

impl Truth {
    fn text(&self) -> String {
        match self {
            Truth::Less(a, b) => format!("{} < {}", a.text(), b.text()),
            Truth::Equal(a, b) => format!("{} = {}", a.text(), b.text()),
            Truth::IsNull(a) => format!("({}) IS NULL", a.text()),
            Truth::In(a, b, c) => format!("{} IN ({b}, {c}, NULL)", a.text()),
            Truth::NotIn(a, b, c) => format!("{} NOT IN ({b}, {c}.0)", a.text()),
            Truth::Between(a, b, c) => format!("{} BETWEEN {} AND {}", a.text(), b.text(), c.text()),
            Truth::Case(a, b, c) => {
                format!("CASE WHEN {} THEN {} ELSE {} END", a.text(), b.text(), c.text())
            }
            Truth::Not(a) => format!("NOT ({})", a.text()),
            Truth::And(a, b) => format!("({}) AND ({})", a.text(), b.text()),
            Truth::Or(a, b) => format!("(({}) OR ({}))", a.text(), b.text()),
            Truth::Is(a, wanted) => format!("({}) IS {}", a.text(), if *wanted { "TRUE" } else { "FALSE" }),
        }
    }

    fn value(&self, x: Option<f64>, n: Option<i64>) -> Option<bool> {
        let number = |a: &Number| a.value(x, n);
        match self {
            Truth::Less(a, b) => number(a).zip(number(b)).map(|(a, b)| a < b),
            Truth::Equal(a, b) => number(a).zip(number(b)).map(|(a, b)| a == b),
            Truth::IsNull(a) => Some(number(a).is_none()),
            Truth::In(a, b, c) => {
                let a = number(a)?;
                (a == f64::from(*b) || a == f64::from(*c)).then_some(true)
            }
            Truth::NotIn(a, b, c) => number(a).map(|a| a != f64::from(*b) && a != f64::from(*c)),
            Truth::Between(a, b, c) => {
                let (a, b, c) = (number(a), number(b), number(c));
                match (a.zip(b).map(|(a, b)| a >= b), a.zip(c).map(|(a, c)| a <= c)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Truth::Case(a, b, c) => match a.value(x, n) {
                Some(true) => b.value(x, n),
                _ => c.value(x, n),
            },
            Truth::Not(a) => a.value(x, n).map(|a| !a),
            Truth::And(a, b) => match (a.value(x, n), b.value(x, n)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Truth::Or(a, b) => match (a.value(x, n), b.value(x, n)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Truth::Is(a, wanted) => Some(a.value(x, n) == Some(*wanted)),
        }
    }
}

fn numbers() -> impl Strategy<Value = Number> {
    let leaf = prop_oneof![Just(Number::X), Just(Number::N), (-3_i8..4).prop_map(Number::Constant)];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            pair().prop_map(|(a, b)| Number::Add(a.into(), b.into())),
            pair().prop_map(|(a, b)| Number::Multiply(a.into(), b.into())),
            pair().prop_map(|(a, b)| Number::Divide(a.into(), b.into())),
            pair().prop_map(|(a, b)| Number::Coalesce(a.into(), b.into())),
            pair().prop_map(|(a, b)| Number::Least(a.into(), b.into())),
            (inner.clone(), inner.clone(), inner.clone(), prop::option::of(inner.clone()))
                .prop_map(|(a, b, c, d)| Number::Case((a, b, c).into(), d.map(Box::new))),
        ]
    })
}

fn truths() -> impl Strategy<Value = Truth> {
    let leaf = prop_oneof![
        (numbers(), numbers()).prop_map(|(a, b)| Truth::Less(a, b)),
        (numbers(), numbers()).prop_map(|(a, b)| Truth::Equal(a, b)),
        numbers().prop_map(Truth::IsNull),
        (numbers(), -3_i8..4, -3_i8..4).prop_map(|(a, b, c)| Truth::In(a, b, c)),
        (numbers(), -3_i8..4, -3_i8..4).prop_map(|(a, b, c)| Truth::NotIn(a, b, c)),
        (numbers(), numbers(), numbers()).prop_map(|(a, b, c)| Truth::Between(a, b, c)),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|a| Truth::Not(a.into())),
            pair().prop_map(|(a, b)| Truth::And(a.into(), b.into())),
            pair().prop_map(|(a, b)| Truth::Or(a.into(), b.into())),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| Truth::Case(
                a.into(),
                b.into(),
                c.into()
            )),
            (inner.clone(), any::<bool>()).prop_map(|(a, wanted)| Truth::Is(a.into(), wanted)),
        ]
    })
}

/// NULL, small numbers, NaN and negative zero.
fn values() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(-0.0)),
        6 => (-3_i8..4).prop_map(|x| Some(f64::from(x))),
    ]
}

/// What a footer would say of some values: NaN is left out and not counted as NULL.
fn bounds(values: &[Option<f64>]) -> Bounds {
    let there = || values.iter().flatten().filter(|value| !value.is_nan());
    let nulls = values.iter().filter(|value| value.is_none()).count();
    let (least, most) = (there().copied().reduce(f64::min), there().copied().reduce(f64::max));
    Bounds {
        numbers: (least.unwrap_or(f64::NEG_INFINITY), most.unwrap_or(f64::INFINITY)),
        texts: None,
        some_null: nulls > 0,
        all_null: nulls == values.len(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn conditions_give_what_an_interpreter_gives(
        truth in truths(),
        rows in prop::collection::vec((values(), prop::option::of(-3_i64..4)), 1..40),
    ) {
        let x: Vec<Option<f64>> = rows.iter().map(|(x, _)| *x).collect();
        let n: Vec<Option<i64>> = rows.iter().map(|(_, n)| *n).collect();
        let arrays: [(&str, ArrayRef); 2] =
            [("x", Arc::new(Float64Array::from(x.clone()))), ("n", Arc::new(Int64Array::from(n.clone())))];
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        let text = truth.text();
        let wanted: Vec<bool> = x.iter().zip(&n).map(|(x, n)| truth.value(*x, *n) == Some(true)).collect();
        let found: Vec<bool> = met(&text, &batch).values().iter().collect();
        prop_assert_eq!(&found, &wanted, "{}", text);
        // A slice is looked at as what it is.
        let from = rows.len() / 3;
        let part = batch.slice(from, rows.len() - from);
        let found: Vec<bool> = met(&text, &part).values().iter().collect();
        prop_assert_eq!(&found, &wanted[from..], "{}", text);
    }

    #[test]
    fn what_footers_decide_is_what_the_rows_give(
        truth in truths(),
        x in prop::collection::vec(values(), 1..5),
        n in prop::option::of(-3_i64..4),
    ) {
        let n = vec![n; x.len()];
        let arrays: [(&str, ArrayRef); 2] =
            [("x", Arc::new(Float64Array::from(x.clone()))), ("n", Arc::new(Int64Array::from(n.clone())))];
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        let text = truth.text();
        let conditions = Conditions::new(&text, &batch.schema(), &NoSources).unwrap();
        let n: Vec<Option<f64>> = n.iter().map(|n| n.map(|n| n as f64)).collect();
        let passed = conditions.evaluate(&batch).unwrap().true_count();
        match conditions.decide(&|leaf| Some(bounds(if leaf == 0 { &x } else { &n }))) {
            Decided::None => prop_assert_eq!(passed, 0, "{}", text),
            Decided::All => prop_assert_eq!(passed, x.len(), "{}", text),
            Decided::Some => {}
        }
    }

    #[test]
    fn any_text_is_compiled_or_told_to_be_wrong(text in "[a-z0-9.()<>=+*/%,;' \\n-]{0,60}") {
        let arrays: [(&str, ArrayRef); 1] = [("x", Arc::new(Float64Array::from(vec![1.0])))];
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        if let Err(told) = uranometria_alert::Conditions::new(&text, &batch.schema(), &uranometria_alert::NoSources) {
            prop_assert!(!told.to_string().is_empty());
        }
    }
}
