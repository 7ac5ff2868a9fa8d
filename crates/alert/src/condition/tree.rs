//! Conditions as they were written, each part with its place in the text.

use uranometria_adql::Span;

/// A part of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    /// How many parts are nested below each other here, this one included.
    pub(crate) height: u32,
    /// How many parts are made of it when it is compiled: operands that are tested several times count as often.
    pub(crate) weight: u64,
}

impl ExprKind {
    /// The weight of an expression of this kind; never more than the greatest number.
    pub(crate) fn weight(&self) -> u64 {
        fn sum<'a>(parts: impl IntoIterator<Item = &'a Expr>) -> u64 {
            parts.into_iter().fold(0, |sum, part| sum.saturating_add(part.weight))
        }
        let times = |part: &Expr, count: usize| part.weight.saturating_mul(count as u64);
        let inner = match self {
            ExprKind::Null | ExprKind::Truth(_) | ExprKind::Whole(_) | ExprKind::Number(_) => 0,
            ExprKind::Text(_) | ExprKind::Name(_) => 0,
            ExprKind::Not(a) | ExprKind::Negate(a) | ExprKind::IsNull(a) | ExprKind::IsTruth(a, _) => {
                a.weight
            }
            ExprKind::And(all) | ExprKind::Or(all) => sum(all),
            ExprKind::Compare(_, a, b) | ExprKind::Arithmetic(_, a, b) => a.weight.saturating_add(b.weight),
            ExprKind::Between { value, low, high } => {
                times(value, 2).saturating_add(low.weight).saturating_add(high.weight)
            }
            ExprKind::In { value, list } => times(value, list.len()).saturating_add(sum(list)),
            ExprKind::Like { value, pattern, .. } => value.weight.saturating_add(pattern.weight),
            ExprKind::Case { operand, whens, otherwise } => {
                let operand = operand.as_deref().map_or(0, |operand| times(operand, whens.len()));
                let whens = sum(whens.iter().flat_map(|(when, then)| [when, then]));
                operand.saturating_add(whens).saturating_add(sum(otherwise.as_deref()))
            }
            ExprKind::Call { name, args, condition, .. } => {
                let twice = match name.to_uppercase().as_str() {
                    "COALESCE" | "IFNULL" => sum(args),
                    "NULLIF" => args.first().map_or(0, |first| first.weight),
                    _ => 0,
                };
                sum(args).saturating_add(twice).saturating_add(sum(condition.as_deref()))
            }
        };
        inner.saturating_add(1)
    }
}

/// The kinds of parts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    Null,
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    /// A field, from the outermost struct inwards.
    Name(Vec<String>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// At least two.
    And(Vec<Expr>),
    /// At least two.
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    Between {
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        any_case: bool,
    },
    IsNull(Box<Expr>),
    IsTruth(Box<Expr>, bool),
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Call {
        name: String,
        name_span: Span,
        args: Vec<Expr>,
        condition: Option<Box<Expr>>,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    Equal,
    Differs,
    AtLeast,
    Greater,
}

impl Comparison {
    /// The one that holds for `b ? a` where this holds for `a ? b`.
    pub(crate) fn turned(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::AtMost => Comparison::AtLeast,
            Comparison::AtLeast => Comparison::AtMost,
            Comparison::Greater => Comparison::Less,
            same => same,
        }
    }

    /// Whether it holds for two values in this order.
    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::Differs => order.is_ne(),
            Comparison::AtLeast => order.is_ge(),
            Comparison::Greater => order.is_gt(),
        }
    }
}

/// What is reckoned with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
