//! Trees to typed expressions over the leaves of a schema; everything that is wrong is told at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use uranometria_adql::{Error as Mistake, Kind, Span};

use super::expr::{Case, ElementLeaf, Leaf, List, Number, Pattern, Slot, Text, Truth, Want, Whole};
use super::fields::{Fields, Named, NotFound};
use super::mistake::{Help, mistake};
use super::parse::shortened;
use super::source::Sources;
use super::tree::{Comparison, Expr, ExprKind, Operator};

/// How dear it is to evaluate a condition; cheap ones come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cost {
    /// Arithmetic and comparisons of single values.
    #[default]
    Scalar,
    /// Regions and patterns.
    Sky,
    /// Lists.
    History,
    /// Crossmatches.
    Lookup,
}

/// An expression of some type.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    Null,
    Number(Number),
    Whole(Whole),
    Time(Whole),
    Text(Text),
    Truth(Truth),
    /// A struct, a list, or bytes: there or not.
    Presence(Slot),
    /// Something wrong, which was told.
    Wrong,
}

impl Typed {
    fn name(&self) -> &'static str {
        match self {
            Typed::Null => "NULL",
            Typed::Number(_) => "a number",
            Typed::Whole(_) => "a whole number",
            Typed::Time(_) => "a time",
            Typed::Text(_) => "a text",
            Typed::Truth(_) => "a condition",
            Typed::Presence(_) => "no single value",
            Typed::Wrong => "wrong",
        }
    }
}

/// The elements of a list, while conditions on them are compiled.
struct Elements {
    /// Its place in [`Compiler::lists`].
    list: usize,
    in_list: Fields,
    in_current: Option<Fields>,
    /// Elements that are no structs are called `value`.
    bare: Option<DataType>,
    /// The first leaf of an element.
    ordinal: usize,
}

/// Compiles conditions against a schema.
pub(crate) struct Compiler<'a> {
    pub(super) fields: Fields,
    pub(super) sources: &'a dyn Sources,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) lists: Vec<List>,
    elements: Option<Elements>,
    /// Of the condition that is compiled.
    pub(super) cost: Cost,
    pub(super) used: BTreeSet<usize>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(schema: &SchemaRef, sources: &'a dyn Sources) -> Self {
        Compiler {
            fields: Fields::new(schema.fields(), 0),
            sources,
            mistakes: Vec::new(),
            leaves: Vec::new(),
            lists: Vec::new(),
            elements: None,
            cost: Cost::Scalar,
            used: BTreeSet::new(),
        }
    }

    pub(super) fn wrong(&mut self, mistake: Mistake) -> Typed {
        self.mistakes.push(mistake);
        Typed::Wrong
    }

    /// Compiles a condition: its expression, its cost and the leaves it needs.
    pub(crate) fn condition(&mut self, expr: &Expr) -> (Truth, Cost, BTreeSet<usize>) {
        self.cost = Cost::Scalar;
        self.used.clear();
        let truth = self.truth(expr);
        (truth, self.cost, std::mem::take(&mut self.used))
    }

    pub(super) fn dear(&mut self, cost: Cost) {
        self.cost = self.cost.max(cost);
    }

    /// Compiles what has to be true or false.
    pub(super) fn truth(&mut self, expr: &Expr) -> Truth {
        match self.typed(expr) {
            Typed::Truth(truth) => truth,
            Typed::Null | Typed::Wrong => Truth::Constant(None),
            // 1 and 0 as CONTAINS of ADQL has them.
            Typed::Whole(Whole::Constant(Some(whole @ (0 | 1)))) => Truth::Constant(Some(whole == 1)),
            other => {
                let wrong = mistake(Kind::Type, expr.span, format!("this is {}", other.name()))
                    .expecting("a condition, which is true or false")
                    .hint(match other {
                        Typed::Number(_) | Typed::Whole(_) => "compare it, as in x > 0",
                        _ => "compare it, as in x = 'text' or x IS NOT NULL",
                    });
                self.wrong(wrong);
                Truth::Constant(None)
            }
        }
    }

    /// Compiles what has to be a number.
    pub(super) fn number(&mut self, expr: &Expr) -> Number {
        let typed = self.typed(expr);
        self.as_number(typed, expr.span)
    }

    pub(super) fn as_number(&mut self, typed: Typed, span: Span) -> Number {
        match typed {
            Typed::Number(number) => number,
            Typed::Whole(Whole::Constant(Some(whole))) => Number::Constant(whole as f64),
            Typed::Whole(whole) => Number::OfWhole(whole.into()),
            Typed::Null | Typed::Wrong => Number::Constant(f64::NAN),
            other => {
                let wrong =
                    mistake(Kind::Type, span, format!("this is {}", other.name())).expecting("a number");
                self.wrong(match &other {
                    Typed::Text(Text::Constant(Some(text))) if text.trim().parse::<f64>().is_ok() => {
                        wrong.hint(format!("write {} without quotes", text.trim()))
                    }
                    Typed::Time(_) => wrong.hint("JD(x) and MJD(x) make days of a time"),
                    _ => wrong,
                });
                Number::Constant(f64::NAN)
            }
        }
    }

    /// Compiles what has to be a text.
    pub(super) fn text(&mut self, expr: &Expr) -> Text {
        match self.typed(expr) {
            Typed::Text(text) => text,
            Typed::Null | Typed::Wrong => Text::Constant(None),
            other => {
                let wrong = mistake(Kind::Type, expr.span, format!("this is {}", other.name()));
                self.wrong(wrong.expecting("a text"));
                Text::Constant(None)
            }
        }
    }

    /// Compiles an expression of any type.
    pub(super) fn typed(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Null => Typed::Null,
            ExprKind::Truth(truth) => Typed::Truth(Truth::Constant(Some(*truth))),
            ExprKind::Whole(whole) => Typed::Whole(Whole::Constant(Some(*whole))),
            ExprKind::Number(number) => Typed::Number(Number::Constant(*number)),
            ExprKind::Text(text) => Typed::Text(Text::Constant(Some(text.clone()))),
            ExprKind::Name(words) => self.name(words, expr.span),
            ExprKind::Not(inner) => Typed::Truth(Truth::Not(self.truth(inner).into())),
            ExprKind::And(all) => Typed::Truth(Truth::And(all.iter().map(|part| self.truth(part)).collect())),
            ExprKind::Or(all) => Typed::Truth(Truth::Or(all.iter().map(|part| self.truth(part)).collect())),
            ExprKind::Negate(inner) => match self.typed(inner) {
                Typed::Whole(whole) => Typed::Whole(Whole::Negate(whole.into())),
                other => {
                    let inner = self.as_number(other, inner.span);
                    Typed::Number(Number::Negate(inner.into()))
                }
            },
            ExprKind::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b),
            ExprKind::Compare(comparison, a, b) => {
                let (left, right) = (self.typed(a), self.typed(b));
                Typed::Truth(self.compare(*comparison, (left, a.span), (right, b.span)))
            }
            ExprKind::Between { value, low, high } => {
                let of = self.typed(value);
                let (low, high) = ((self.typed(low), low.span), (self.typed(high), high.span));
                let low = self.compare(Comparison::AtLeast, (of.clone(), value.span), low);
                let high = self.compare(Comparison::AtMost, (of, value.span), high);
                Typed::Truth(Truth::And(vec![low, high]))
            }
            ExprKind::In { value, list } => self.is_in(value, list),
            ExprKind::Like { value, pattern, any_case } => {
                let value = self.text(value);
                self.dear(Cost::Sky);
                match self.text(pattern) {
                    Text::Constant(Some(text)) => {
                        let pattern = Arc::new(Pattern::new(&text, *any_case));
                        Typed::Truth(Truth::Like { value: value.into(), pattern })
                    }
                    _ => {
                        let wrong = mistake(Kind::Unsupported, pattern.span, "the pattern is no plain text");
                        self.wrong(wrong.expecting("a pattern in quotes, as in LIKE 'SN%'"))
                    }
                }
            }
            ExprKind::IsNull(inner) => Typed::Truth(match self.typed(inner) {
                Typed::Null => Truth::Constant(Some(true)),
                Typed::Wrong => Truth::Constant(None),
                Typed::Number(number) => Truth::NumberIsNull(number.into()),
                Typed::Whole(whole) | Typed::Time(whole) => Truth::WholeIsNull(whole.into()),
                Typed::Text(text) => Truth::TextIsNull(text.into()),
                Typed::Truth(truth) => Truth::IsUnknown(truth.into()),
                Typed::Presence(slot) => Truth::IsAbsent(slot),
            }),
            ExprKind::IsTruth(inner, wanted) => {
                let inner = self.truth(inner);
                Typed::Truth(Truth::Is(inner.into(), *wanted))
            }
            ExprKind::Case { operand, whens, otherwise } => {
                self.case(operand.as_deref(), whens, otherwise.as_deref(), expr.span)
            }
            ExprKind::Call { name, name_span, args, condition } => {
                self.call(name, *name_span, args, condition.as_deref(), expr.span)
            }
        }
    }

    fn arithmetic(&mut self, operator: Operator, a: &Expr, b: &Expr) -> Typed {
        let (left, right) = (self.typed(a), self.typed(b));
        match (left, right) {
            // What is divided is a fraction, as in Spark.
            (Typed::Whole(left), Typed::Whole(right)) if operator != Operator::Divide => {
                Typed::Whole(Whole::Arithmetic(operator, left.into(), right.into()))
            }
            (left, right) => {
                let (left, right) = (self.as_number(left, a.span), self.as_number(right, b.span));
                Typed::Number(match (&left, &right) {
                    (Number::Constant(x), Number::Constant(y)) => {
                        Number::Constant(super::evaluate::reckon(operator, *x, *y))
                    }
                    _ => Number::Arithmetic(operator, left.into(), right.into()),
                })
            }
        }
    }

    /// Compiles a comparison of two values.
    fn compare(&mut self, comparison: Comparison, a: (Typed, Span), b: (Typed, Span)) -> Truth {
        let span = a.1.to(b.1);
        match (a.0, b.0) {
            (Typed::Wrong, _) | (_, Typed::Wrong) => Truth::Constant(None),
            (Typed::Null, _) | (_, Typed::Null) => Truth::Constant(None),
            (Typed::Whole(left), Typed::Whole(right)) | (Typed::Time(left), Typed::Time(right)) => {
                Truth::Wholes(comparison, left.into(), right.into())
            }
            (Typed::Number(left), right @ (Typed::Number(_) | Typed::Whole(_))) => {
                let right = self.as_number(right, b.1);
                Truth::Numbers(comparison, left.into(), right.into())
            }
            (left @ Typed::Whole(_), Typed::Number(right)) => {
                let left = self.as_number(left, a.1);
                Truth::Numbers(comparison, left.into(), right.into())
            }
            (Typed::Text(left), Typed::Text(right)) => Truth::Texts(comparison, left.into(), right.into()),
            (Typed::Time(time), Typed::Text(text)) => {
                let text = self.time(text, b.1);
                Truth::Wholes(comparison, time.into(), text.into())
            }
            (Typed::Text(text), Typed::Time(time)) => {
                let text = self.time(text, a.1);
                Truth::Wholes(comparison, text.into(), time.into())
            }
            (Typed::Truth(left), Typed::Truth(right)) => Truth::Truths(comparison, left.into(), right.into()),
            // `1 = CONTAINS(…)` as ADQL has it.
            (Typed::Truth(truth), Typed::Whole(Whole::Constant(Some(whole @ (0 | 1))))) => {
                Truth::Truths(comparison, truth.into(), Truth::Constant(Some(whole == 1)).into())
            }
            (Typed::Whole(Whole::Constant(Some(whole @ (0 | 1)))), Typed::Truth(truth)) => {
                Truth::Truths(comparison, Truth::Constant(Some(whole == 1)).into(), truth.into())
            }
            (left, right) => {
                let told = format!("{} is compared with {}", left.name(), right.name());
                let wrong = mistake(Kind::Type, span, told).expecting("two values of a kind");
                let number = |side: &Typed| matches!(side, Typed::Number(_) | Typed::Whole(_));
                let wrong = match (&left, &right) {
                    (Typed::Text(Text::Constant(Some(text))), other)
                    | (other, Typed::Text(Text::Constant(Some(text))))
                        if number(other) =>
                    {
                        match text.trim().parse::<f64>() {
                            Ok(_) => wrong.hint(format!("write {} without quotes", text.trim())),
                            Err(_) => wrong,
                        }
                    }
                    (Typed::Text(_), other) | (other, Typed::Text(_)) if number(other) => {
                        wrong.hint("write the text in quotes: 'text'")
                    }
                    (Typed::Time(_), other) | (other, Typed::Time(_)) if number(other) => wrong
                        .hint("JD(x) and MJD(x) make days of a time; or compare with '2021-11-03T12:00:00'"),
                    (Typed::Presence(_), _) | (_, Typed::Presence(_)) => {
                        wrong.hint("name a field in it, or ask whether it IS NULL")
                    }
                    _ => wrong,
                };
                self.wrong(wrong);
                Truth::Constant(None)
            }
        }
    }

    /// A time that was written as text.
    fn time(&mut self, text: Text, span: Span) -> Whole {
        let micros = match &text {
            Text::Constant(Some(text)) => parse_time(text),
            Text::Constant(None) => return Whole::Constant(None),
            _ => None,
        };
        if micros.is_none() {
            let wrong = mistake(Kind::Type, span, "this is no time that can be compared with one");
            self.wrong(
                wrong.expecting("a time in quotes, UTC, such as '2021-11-03' or '2021-11-03T12:00:00'"),
            );
        }
        Whole::Constant(micros)
    }

    fn is_in(&mut self, value: &Expr, list: &[Expr]) -> Typed {
        let of = self.typed(value);
        let items: Vec<(Typed, Span)> = list.iter().map(|item| (self.typed(item), item.span)).collect();
        // What is divided by zero is NULL too.
        let is_null = |item: &Typed| match item {
            Typed::Null => true,
            Typed::Number(Number::Constant(number)) => number.is_nan(),
            _ => false,
        };
        let null = items.iter().any(|(item, _)| is_null(item));
        let given = || items.iter().filter(|(item, _)| !is_null(item));
        // Lists of constants of one kind are looked up, others compared one by one.
        let wholes: Option<Vec<i64>> = given()
            .map(|(item, _)| match item {
                Typed::Whole(Whole::Constant(whole)) => *whole,
                _ => None,
            })
            .collect();
        let numbers: Option<Vec<f64>> = given()
            .map(|(item, _)| match item {
                Typed::Number(Number::Constant(number)) => Some(*number),
                Typed::Whole(Whole::Constant(Some(whole))) => Some(*whole as f64),
                _ => None,
            })
            .collect();
        let texts: Option<_> = given()
            .map(|(item, _)| match item {
                Typed::Text(Text::Constant(text)) => text.clone(),
                _ => None,
            })
            .collect();
        Typed::Truth(match (of, wholes, numbers, texts) {
            (Typed::Whole(value), Some(mut list), _, _) => {
                list.sort_unstable();
                Truth::InWholes { value: value.into(), list, null }
            }
            (Typed::Number(value), _, Some(mut list), _) => {
                list.sort_unstable_by(f64::total_cmp);
                Truth::InNumbers { value: value.into(), list, null }
            }
            (Typed::Text(value), _, _, Some(list)) => {
                Truth::InTexts { value: value.into(), list: Arc::new(list), null }
            }
            (of, _, _, _) => {
                let mut all = Vec::new();
                for (item, span) in items {
                    all.push(self.compare(Comparison::Equal, (of.clone(), value.span), (item, span)));
                }
                Truth::Or(all)
            }
        })
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        whens: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Typed {
        let operand = operand.map(|operand| (self.typed(operand), operand.span));
        let mut tests = Vec::new();
        let mut values = Vec::new();
        for (when, then) in whens {
            tests.push(match &operand {
                None => self.truth(when),
                Some(operand) => {
                    let when = (self.typed(when), when.span);
                    self.compare(Comparison::Equal, operand.clone(), when)
                }
            });
            values.push((self.typed(then), then.span));
        }
        values.push(match otherwise {
            Some(otherwise) => (self.typed(otherwise), otherwise.span),
            None => (Typed::Null, span),
        });
        self.choose(tests, values)
    }

    /// Values of one kind, of which the first whose test is true counts, or else the last.
    pub(super) fn choose(&mut self, tests: Vec<Truth>, values: Vec<(Typed, Span)>) -> Typed {
        fn made<T>(tests: Vec<Truth>, mut values: Vec<T>) -> Option<Case<T>> {
            let otherwise = Box::new(values.pop()?);
            Some(Case { whens: tests.into_iter().zip(values).collect(), otherwise })
        }
        if values.iter().any(|(value, _)| matches!(value, Typed::Wrong)) {
            return Typed::Wrong;
        }
        let any = |is: fn(&Typed) -> bool| values.iter().any(|(value, _)| is(value));
        let case = if any(|value| matches!(value, Typed::Number(_))) {
            let values = values.into_iter().map(|(value, span)| self.as_number(value, span)).collect();
            made(tests, values).map(|case| Typed::Number(Number::Case(case)))
        } else if any(|value| matches!(value, Typed::Whole(_) | Typed::Time(_))) {
            let times = any(|value| matches!(value, Typed::Time(_)));
            let mut all = Vec::new();
            for (value, span) in values {
                all.push(match value {
                    Typed::Null => Whole::Constant(None),
                    Typed::Whole(whole) if !times => whole,
                    Typed::Time(time) if times => time,
                    Typed::Text(text) if times => self.time(text, span),
                    other => {
                        self.other_kind(&other, span, if times { "a time" } else { "a number" });
                        Whole::Constant(None)
                    }
                });
            }
            let kind = if times { Typed::Time } else { Typed::Whole };
            made(tests, all).map(|case| kind(Whole::Case(case)))
        } else if any(|value| matches!(value, Typed::Text(_))) {
            let mut all = Vec::new();
            for (value, span) in values {
                all.push(match value {
                    Typed::Null => Text::Constant(None),
                    Typed::Text(text) => text,
                    other => {
                        self.other_kind(&other, span, "a text");
                        Text::Constant(None)
                    }
                });
            }
            made(tests, all).map(|case| Typed::Text(Text::Case(case)))
        } else {
            let mut all = Vec::new();
            for (value, span) in values {
                all.push(match value {
                    Typed::Null => Truth::Constant(None),
                    Typed::Truth(truth) => truth,
                    other => {
                        self.other_kind(&other, span, "a condition");
                        Truth::Constant(None)
                    }
                });
            }
            made(tests, all).map(|case| Typed::Truth(Truth::Case(case)))
        };
        case.unwrap_or(Typed::Null)
    }

    fn other_kind(&mut self, found: &Typed, span: Span, expected: &str) {
        let told = format!("this is {}, unlike the others", found.name());
        self.wrong(mistake(Kind::Type, span, told).expecting(expected));
    }

    /// Whether a value is NULL.
    pub(super) fn null_test(&self, value: &Typed) -> Truth {
        match value {
            Typed::Null => Truth::Constant(Some(true)),
            Typed::Wrong => Truth::Constant(None),
            Typed::Number(number) => Truth::NumberIsNull(number.clone().into()),
            Typed::Whole(whole) | Typed::Time(whole) => Truth::WholeIsNull(whole.clone().into()),
            Typed::Text(text) => Truth::TextIsNull(text.clone().into()),
            Typed::Truth(truth) => Truth::IsUnknown(truth.clone().into()),
            Typed::Presence(slot) => Truth::IsAbsent(*slot),
        }
    }

    /// NULL where two values are equal, else the first.
    pub(super) fn null_if(&mut self, a: &Expr, b: &Expr) -> Typed {
        let (left, right) = (self.typed(a), self.typed(b));
        let equal = self.compare(Comparison::Equal, (left.clone(), a.span), (right, b.span));
        self.choose(vec![equal], vec![(Typed::Null, a.span), (left, a.span)])
    }

    fn name(&mut self, words: &[String], span: Span) -> Typed {
        if let Some(elements) = &self.elements
            && let Some(found) = element_field(elements, words)
        {
            return self.element(found, words, span);
        }
        match self.fields.find(words) {
            Ok(field) => {
                let field = field.clone();
                self.field(&field)
            }
            Err(NotFound::Ambiguous(names)) => {
                let told = format!("several fields are called `{}`", words.join("."));
                let which = format!("write {}", names.join(" or "));
                self.wrong(mistake(Kind::Ambiguous, span, told).hint(which))
            }
            Err(NotFound::Unknown) => {
                let wrong = self.unknown(words, span);
                self.wrong(wrong)
            }
        }
    }

    fn unknown(&self, words: &[String], span: Span) -> Mistake {
        let name = words.join(".");
        let told = mistake(Kind::UnknownColumn, span, format!("there is no field `{}`", shortened(&name)));
        // A field of the elements of a list.
        let in_list = self.fields.iter().find(|field| {
            let inner = field.element().map(|element| element.data_type());
            matches!(inner, Some(DataType::Struct(inner)) if match words {
                [only] => inner.find(only).is_some(),
                [list, last] => field.path.last() == Some(list) && inner.find(last).is_some(),
                _ => false,
            })
        });
        if let (Some(list), Some(last)) = (in_list, words.last()) {
            let (list, any) = (list.name(), format!("ANY({}, {last} > 0)", list.name()));
            return told.hint(format!("elements of `{list}` have it; ask for example {any}"));
        }
        let mut names: Vec<String> = self.fields.iter().map(Named::name).collect();
        if let Some(elements) = &self.elements {
            names.extend(elements.in_list.iter().map(Named::name));
        }
        let helped = told.did_you_mean(&name, names.iter().map(String::as_str));
        if helped.suggestion.is_none() && words.len() == 1 {
            return helped.hint(format!("text is written in single quotes: '{}'", shortened(&name)));
        }
        helped
    }

    /// The value of a field of the alert.
    pub(super) fn field(&mut self, field: &Named) -> Typed {
        let want = want(&field.data_type);
        let leaf = Leaf { path: field.path.clone(), want, ordinal: field.leaf };
        self.used.insert(leaf.ordinal);
        let at = self.leaves.iter().position(|other| *other == leaf).unwrap_or_else(|| {
            self.leaves.push(leaf);
            self.leaves.len() - 1
        });
        let slot = if self.elements.is_some() { Slot::Outer(at) } else { Slot::Row(at) };
        typed_leaf(want, slot)
    }

    fn element(&mut self, found: FoundElement, words: &[String], span: Span) -> Typed {
        let Some(list) = self.elements.as_ref().map(|elements| elements.list) else { return Typed::Wrong };
        let FoundElement { path, data_type, in_list, in_current } = found;
        let want = want(&data_type);
        if want == Want::Presence {
            let told = format!("`{}` is {data_type}, which is no single value", words.join("."));
            return self.wrong(mistake(Kind::Type, span, told).hint("name a field in it"));
        }
        self.used.extend(in_list.iter().chain(&in_current));
        let leaf = ElementLeaf { path, want, in_list, in_current };
        let leaves = &mut self.lists[list].leaves;
        let at = leaves.iter().position(|other| *other == leaf).unwrap_or_else(|| {
            leaves.push(leaf);
            leaves.len() - 1
        });
        typed_leaf(want, Slot::Element(at))
    }

    /// Compiles something about the elements of a list.
    ///
    /// `history` is the list of earlier detections and the current one behind it.
    pub(super) fn within<T>(
        &mut self,
        list: &Expr,
        compile: impl FnOnce(&mut Self, usize) -> T,
    ) -> Option<T> {
        if self.elements.is_some() {
            let wrong = mistake(Kind::Unsupported, list.span, "this looks at a list within a list");
            self.wrong(wrong.hint("make two conditions of it"));
            return None;
        }
        let at = self.list(list)?;
        let found = self.lists[at].clone();
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let element = self.fields.at(&path).and_then(|field| Some(field.element()?.data_type().clone()))?;
        let (in_list, bare) = match &element {
            DataType::Struct(inner) => (Fields::new(inner, found.ordinal), None),
            other => (Fields::default(), Some(other.clone())),
        };
        let in_current = found.current.as_ref().and_then(|current| {
            let path: Vec<&str> = current.iter().map(String::as_str).collect();
            let field = self.fields.at(&path)?;
            let DataType::Struct(inner) = &field.data_type else { return None };
            Some(Fields::new(inner, field.leaf))
        });
        self.dear(Cost::History);
        self.used.insert(found.ordinal);
        self.used.extend(found.current_ordinal);
        self.elements = Some(Elements { list: at, in_list, in_current, bare, ordinal: found.ordinal });
        let compiled = compile(self, at);
        self.elements = None;
        Some(compiled)
    }

    /// The days by which elements are ordered: of the field that surveys have for it.
    pub(super) fn element_time(&mut self, list: &Expr) -> Number {
        for name in ["jd", "midpointMjdTai", "mjd"] {
            let words = [name.to_string()];
            let found = self.elements.as_ref().and_then(|elements| element_field(elements, &words));
            if let Some(found) = found {
                let typed = self.element(found, &words, list.span);
                return self.as_number(typed, list.span);
            }
        }
        let told = "elements of this list have no time: neither jd nor midpointMjdTai nor mjd";
        self.wrong(mistake(Kind::Type, list.span, told));
        Number::Constant(f64::NAN)
    }

    /// The days of the current detection.
    pub(super) fn current_time(&mut self, span: Span) -> Number {
        let paths: [&[&str]; 4] =
            [&["candidate", "jd"], &["diaSource", "midpointMjdTai"], &["jd"], &["midpointMjdTai"]];
        match paths.iter().find_map(|path| self.fields.at(path)).cloned() {
            Some(field) => {
                let typed = self.field(&field);
                self.as_number(typed, span)
            }
            None => {
                let told = "the alert has no time: neither candidate.jd nor diaSource.midpointMjdTai";
                self.wrong(mistake(Kind::Type, span, told));
                Number::Constant(f64::NAN)
            }
        }
    }

    /// The place of the current detection, ICRS degrees.
    pub(super) fn current_place(&mut self, span: Span) -> (Number, Number) {
        let above: [&[&str]; 3] = [&["candidate"], &["diaSource"], &[]];
        for path in above {
            let at = |last: &str| self.fields.at(&[path, &[last]].concat()).cloned();
            if let (Some(ra), Some(dec)) = (at("ra"), at("dec")) {
                let (ra, dec) = (self.field(&ra), self.field(&dec));
                return (self.as_number(ra, span), self.as_number(dec, span));
            }
        }
        let told = "the alert has no place: neither candidate.ra nor diaSource.ra nor ra";
        self.wrong(mistake(Kind::Type, span, told));
        (Number::Constant(f64::NAN), Number::Constant(f64::NAN))
    }

    /// Finds a list and notes it.
    fn list(&mut self, expr: &Expr) -> Option<usize> {
        let ExprKind::Name(words) = &expr.kind else {
            let wrong = mistake(Kind::Type, expr.span, "this is no list")
                .expecting("a list of the alert, such as prv_candidates or history");
            self.wrong(wrong);
            return None;
        };
        let found = self.fields.find(words);
        let virtual_history = matches!(words.as_slice(), [word] if word.eq_ignore_ascii_case("history"));
        let (field, current) = match found {
            Err(NotFound::Unknown) if virtual_history => {
                let pairs = [("prv_candidates", "candidate"), ("prvDiaSources", "diaSource")];
                let known = pairs.iter().find_map(|(list, current)| {
                    Some((self.fields.at(&[list])?.clone(), self.fields.at(&[current])?.clone()))
                });
                let Some((list, current)) = known else {
                    let told = "there is no history: neither prv_candidates nor prvDiaSources";
                    self.wrong(mistake(Kind::UnknownColumn, expr.span, told));
                    return None;
                };
                (list, Some(current))
            }
            Ok(field) => (field.clone(), None),
            Err(_) => {
                self.name(words, expr.span);
                return None;
            }
        };
        if field.element().is_none() {
            let lists: Vec<String> =
                self.fields.iter().filter(|field| field.element().is_some()).map(Named::name).collect();
            let told = format!("`{}` is no list", field.name());
            let wrong = mistake(Kind::Type, expr.span, told).expecting("a list of the alert");
            self.wrong(match lists.is_empty() {
                true => wrong,
                false => wrong.hint(format!("lists are {}", lists.join(", "))),
            });
            return None;
        }
        let current_ordinal = current.as_ref().map(|field| field.leaf);
        let same = |list: &List| {
            list.path == field.path && list.current.as_ref() == current.as_ref().map(|field| &field.path)
        };
        if let Some(at) = self.lists.iter().position(same) {
            return Some(at);
        }
        self.lists.push(List {
            path: field.path.clone(),
            current: current.map(|field| field.path),
            leaves: Vec::new(),
            ordinal: field.leaf,
            current_ordinal,
        });
        Some(self.lists.len() - 1)
    }
}

/// A field of elements.
struct FoundElement {
    path: Vec<String>,
    data_type: DataType,
    in_list: Option<usize>,
    in_current: Option<usize>,
}

fn element_field(elements: &Elements, words: &[String]) -> Option<FoundElement> {
    if let Some(bare) = &elements.bare {
        let value = matches!(words, [word] if word == "value");
        return value.then(|| FoundElement {
            path: Vec::new(),
            data_type: bare.clone(),
            in_list: Some(elements.ordinal),
            in_current: None,
        });
    }
    let earlier = elements.in_list.find(words).ok();
    let current = elements.in_current.as_ref().and_then(|fields| match earlier {
        // Of the same path, where both have it.
        Some(earlier) => fields.at(&earlier.path.iter().map(String::as_str).collect::<Vec<_>>()),
        None => fields.find(words).ok(),
    });
    // What they have in different types is read as the one of the list.
    let current = current
        .filter(|current| earlier.is_none_or(|earlier| want(&earlier.data_type) == want(&current.data_type)));
    let field = earlier.or(current)?;
    Some(FoundElement {
        path: field.path.clone(),
        data_type: field.data_type.clone(),
        in_list: earlier.map(|field| field.leaf),
        in_current: current.map(|field| field.leaf),
    })
}

fn typed_leaf(want: Want, slot: Slot) -> Typed {
    match want {
        Want::Number => Typed::Number(Number::Leaf(slot)),
        Want::Whole => Typed::Whole(Whole::Leaf(slot)),
        Want::Time => Typed::Time(Whole::Leaf(slot)),
        Want::Text => Typed::Text(Text::Leaf(slot)),
        Want::Truth => Typed::Truth(Truth::Leaf(slot)),
        Want::Presence => Typed::Presence(slot),
    }
}

/// What a column of some type is read as.
fn want(data_type: &DataType) -> Want {
    match data_type {
        DataType::Boolean => Want::Truth,
        data_type if data_type.is_integer() => Want::Whole,
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Want::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Want::Text,
        DataType::Dictionary(_, value) => want(value),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Want::Time,
        _ => Want::Presence,
    }
}

/// Microseconds since 1970 of a date or time in UTC.
fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_microsecond());
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}
