//! The tree of a query: only what ADQL has, each part with the bytes it came from.
//!
//! Two trees are equal when they mean the same; spans do not count. Parentheses around values are kept, those around
//! conditions and tables show in the nesting. The comparisons by which people ask for regions (`1 = CONTAINS(…)`, its
//! mirror and negated forms, `DISTANCE(…) < r` and its mirror) are [`Condition::Region`] and [`Condition::Within`],
//! so that a planner finds them without knowing how they were written.

use crate::error::Span;
use crate::stcs::Shape;
use crate::types::Type;

/// A name of a table, column or alias.
#[derive(Debug, Clone)]
pub struct Ident {
    /// The name without quotes; two quotes are one.
    pub name: String,
    /// Whether it was delimited, which makes upper and lower case differ.
    pub delimited: bool,
    /// Its bytes.
    pub span: Span,
}

impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.delimited == other.delimited
    }
}

impl Ident {
    /// Says whether the identifier names `name`: exactly if delimited, in any case if not.
    pub fn names(&self, name: &str) -> bool {
        if self.delimited { self.name == name } else { self.name.eq_ignore_ascii_case(name) }
    }

    /// Says whether two identifiers name the same thing: in any case unless one is delimited.
    pub fn same(&self, other: &Self) -> bool {
        if self.delimited { other.names(&self.name) } else { self.names(&other.name) }
    }
}

/// A table's or column's name with its qualifiers, outermost first; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Name(pub Vec<Ident>);

impl Name {
    /// The name itself, without qualifiers.
    pub fn last(&self) -> &Ident {
        &self.0[self.0.len() - 1]
    }

    /// The qualifiers, outermost first.
    pub fn qualifiers(&self) -> &[Ident] {
        &self.0[..self.0.len() - 1]
    }

    /// All its bytes.
    pub fn span(&self) -> Span {
        self.0[0].span.to(self.last().span)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("."))
    }
}

/// A whole query or a subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Common table expressions; only the outermost query has some.
    pub with: Vec<Cte>,
    /// The SELECTs.
    pub body: Body,
    /// ORDER BY, outermost order first.
    pub order_by: Vec<OrderTerm>,
    /// OFFSET: rows left out at the start.
    pub offset: Option<u64>,
}

/// `name AS (query)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    /// The name.
    pub name: Ident,
    /// The query.
    pub query: Query,
}

/// SELECTs and how they are put together.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// One SELECT.
    Select(Box<Select>),
    /// Two bodies joined by a set operator.
    Set {
        /// UNION, EXCEPT or INTERSECT.
        operator: SetOperator,
        /// Whether duplicates are kept.
        all: bool,
        /// The left operand.
        left: Box<Body>,
        /// The right operand.
        right: Box<Body>,
    },
    /// A query in parentheses.
    Nested(Box<Query>),
}

/// Operators between queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    /// Rows of both.
    Union,
    /// Rows of the left one that the right one lacks.
    Except,
    /// Rows that both have.
    Intersect,
}

/// One SELECT.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// TOP: the most rows that are wanted.
    pub top: Option<u64>,
    /// The columns; never empty.
    pub items: Vec<Item>,
    /// The tables; never empty.
    pub from: Vec<From>,
    /// WHERE.
    pub filter: Option<Condition>,
    /// GROUP BY.
    pub group_by: Vec<Expr>,
    /// HAVING.
    pub having: Option<Condition>,
}

/// One entry of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `*`
    Star,
    /// `table.*`
    QualifiedStar(Name),
    /// A value, maybe with a name.
    Expr {
        /// The value.
        expr: Expr,
        /// Its name.
        alias: Option<Ident>,
    },
}

/// A table and those joined to it, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct From {
    /// The first table.
    pub table: Table,
    /// The joins.
    pub joins: Vec<Join>,
}

/// What rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Table {
    /// A table of the service, an upload, or a common table expression.
    Named {
        /// Its name, of at most three parts.
        name: Name,
        /// Its alias.
        alias: Option<Ident>,
    },
    /// A subquery.
    Derived {
        /// The query.
        query: Box<Query>,
        /// Its alias.
        alias: Ident,
    },
    /// Joins in parentheses.
    Nested {
        /// The joins.
        from: Box<From>,
        /// An alias for all of it.
        alias: Option<Ident>,
    },
}

/// One join.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Which rows without partner are kept.
    pub kind: JoinKind,
    /// What makes two rows partners.
    pub constraint: Constraint,
    /// The table on the right.
    pub table: Table,
}

/// Which rows without partner a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// None.
    Inner,
    /// Those of the left table.
    Left,
    /// Those of the right table.
    Right,
    /// Those of both.
    Full,
}

/// What makes two rows partners.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// NATURAL: equal values in all columns that both have.
    Natural,
    /// A condition.
    On(Condition),
    /// Equal values in these columns.
    Using(Vec<Ident>),
}

/// One entry of ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTerm {
    /// A column, a value, or the number of a column counted from 1.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
}

/// What is true, false or unknown of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these, two at least.
    And(Vec<Condition>),
    /// One of these, two at least.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A comparison.
    Compare {
        /// The operator.
        operator: Comparison,
        /// The value on its left.
        left: Expr,
        /// The value on its right.
        right: Expr,
    },
    /// `expr [NOT] BETWEEN low AND high`.
    Between {
        /// The value.
        expr: Expr,
        /// NOT.
        negated: bool,
        /// The lower limit, included.
        low: Expr,
        /// The upper limit, included.
        high: Expr,
    },
    /// `expr [NOT] IN (values)`.
    InList {
        /// The value.
        expr: Expr,
        /// NOT.
        negated: bool,
        /// The list; never empty.
        list: Vec<Expr>,
    },
    /// `expr [NOT] IN (query)`.
    InQuery {
        /// The value.
        expr: Expr,
        /// NOT.
        negated: bool,
        /// A query of one column.
        query: Box<Query>,
    },
    /// `expr [NOT] LIKE pattern`.
    Like {
        /// The text.
        expr: Expr,
        /// NOT.
        negated: bool,
        /// ILIKE.
        ignore_case: bool,
        /// The pattern: `%` is any text, `_` one character.
        pattern: Expr,
    },
    /// `expr IS [NOT] NULL`.
    IsNull {
        /// The value.
        expr: Expr,
        /// NOT.
        negated: bool,
    },
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// CONTAINS or INTERSECTS compared with 0 or 1.
    Region {
        /// Which of the two.
        predicate: Predicate,
        /// What is contained, or the first one.
        left: Expr,
        /// What contains, or the second one.
        right: Expr,
        /// Whether it is compared with 0.
        negated: bool,
    },
    /// A distance on the sky below a limit.
    Within {
        /// The one point.
        from: Position,
        /// The other point.
        to: Position,
        /// The limit, degrees.
        radius: Box<Expr>,
        /// Whether the limit itself is inside (`<=`).
        inclusive: bool,
    },
}

/// Operators of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Questions about two geometries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicate {
    /// Whether the first lies in the second.
    Contains,
    /// Whether they share a point.
    Intersects,
}

/// A point on the sky: a value, or two coordinates.
#[derive(Debug, Clone, PartialEq)]
pub enum Position {
    /// A geometry.
    Point(Box<Expr>),
    /// Longitude and latitude, degrees.
    Coordinates(Box<[Expr; 2]>),
}

/// A value.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its bytes.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// NULL
    Null,
    /// A number without sign as it was written: digits, period, exponent, or `0x` and hexadecimal digits.
    Number(String),
    /// A string.
    Text(String),
    /// A column, maybe with its table.
    Column(Name),
    /// A value in parentheses.
    Parens(Box<Expr>),
    /// `-`, `+` or `~` before a value.
    Unary {
        /// The operator.
        operator: Unary,
        /// The value.
        expr: Box<Expr>,
    },
    /// Two values and an operator.
    Binary {
        /// The operator.
        operator: Binary,
        /// The value on its left.
        left: Box<Expr>,
        /// The value on its right.
        right: Box<Expr>,
    },
    /// COUNT, MIN, MAX, SUM or AVG; `*` is no argument.
    Aggregate {
        /// The function.
        function: Aggregate,
        /// DISTINCT.
        distinct: bool,
        /// The argument.
        argument: Option<Box<Expr>>,
    },
    /// Any other function, by its name in the spelling of its declaration.
    Call {
        /// The function.
        function: String,
        /// The arguments.
        arguments: Vec<Expr>,
    },
    /// CAST.
    Cast {
        /// The value.
        expr: Box<Expr>,
        /// The type it is turned into.
        target: Type,
        /// The length of a CHAR or VARCHAR.
        length: Option<u32>,
    },
    /// IN_UNIT.
    InUnit {
        /// The value.
        expr: Box<Expr>,
        /// The unit it is turned into.
        unit: String,
        /// The number by which the value is multiplied for that, once it was checked.
        factor: Option<f64>,
    },
    /// POINT.
    Point {
        /// The frame, if one was written.
        frame: Option<String>,
        /// Longitude and latitude, degrees.
        coordinates: Box<[Expr; 2]>,
    },
    /// CIRCLE.
    Circle {
        /// The frame, if one was written.
        frame: Option<String>,
        /// The centre.
        center: Position,
        /// The radius, degrees.
        radius: Box<Expr>,
    },
    /// BOX, with sides along meridians and parallels.
    Box {
        /// The frame, if one was written.
        frame: Option<String>,
        /// The centre.
        center: Position,
        /// Width in longitude and height in latitude, degrees.
        size: Box<[Expr; 2]>,
    },
    /// POLYGON.
    Polygon {
        /// The frame, if one was written.
        frame: Option<String>,
        /// Three vertices at least, all of the same kind.
        vertices: Vec<Position>,
    },
    /// REGION, with its text understood as STC-S.
    Region {
        /// The text as it was written.
        text: String,
        /// What it means.
        shape: Box<Shape>,
    },
    /// CONTAINS or INTERSECTS as the number 0 or 1.
    Predicate {
        /// Which of the two.
        predicate: Predicate,
        /// The two geometries.
        operands: Box<[Expr; 2]>,
    },
    /// DISTANCE, degrees.
    Distance(Box<[Position; 2]>),
}

/// Operators before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unary {
    Minus,
    Plus,
    BitNot,
}

/// Operators between values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
    Concat,
}

impl Binary {
    /// How tightly it binds; more is tighter.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Self::Multiply | Self::Divide | Self::Modulo => 40,
            Self::Add | Self::Subtract => 30,
            Self::BitAnd => 23,
            Self::BitXor => 22,
            Self::BitOr | Self::Concat => 21,
        }
    }

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::Concat => "||",
        }
    }
}

/// Functions of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Aggregate {
    Count,
    Min,
    Max,
    Sum,
    Avg,
}

impl Aggregate {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("COUNT", Self::Count),
        ("MIN", Self::Min),
        ("MAX", Self::Max),
        ("SUM", Self::Sum),
        ("AVG", Self::Avg),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("COUNT", |(name, _)| name)
    }
}
