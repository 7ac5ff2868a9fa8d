//! The white list: the parser's tree to ours, which has only what ADQL has.
//!
//! Whatever is not named here is an error. Several are found in one pass: the parts of a list and of a SELECT are
//! looked at even if one before them was wrong.

use sqlparser::ast::{self, BinaryOperator, SetQuantifier, UnaryOperator, Value};

use crate::error::{Error, Kind, Span, did_you_mean};
use crate::functions::builtin;
use crate::infer::type_of;
use crate::lexer::byte_span;
use crate::stcs;
use crate::tree::{
    Aggregate, Binary, Body, Comparison, Condition, Constraint, Cte, Expr, ExprKind, From, Ident, Item, Join,
    JoinKind, Name, OrderTerm, Position, Predicate, Query, Select, SetOperator, Table, Unary,
};
use crate::types::Type;
use crate::words::is_reserved;
use crate::{Mode, Options, Version, units};

/// The error is in the list already.
struct Stop;
type Got<T> = Result<T, Stop>;

struct Converter<'a> {
    options: &'a Options,
    version: Version,
    errors: Vec<Error>,
    /// Queries around the one at hand.
    depth: usize,
}

/// Turns the parser's query into ours.
pub(crate) fn query(
    query: Box<ast::Query>,
    options: &Options,
    version: Version,
) -> Result<Query, Vec<Error>> {
    let mut converter = Converter { options, version, errors: Vec::new(), depth: 0 };
    match converter.query(*query) {
        Ok(query) if converter.errors.is_empty() => Ok(query),
        _ => Err(converter.errors),
    }
}

/// What the grammar lets a value be an operand of.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// Literals, columns, aggregates, CAST, COALESCE, parentheses, functions of others: fit everywhere.
    Primary,
    Number,
    Text,
    Geometry,
    Null,
}

fn class(expr: &Expr) -> Class {
    match &expr.kind {
        ExprKind::Null => Class::Null,
        ExprKind::Unary { .. }
        | ExprKind::InUnit { .. }
        | ExprKind::Predicate { .. }
        | ExprKind::Distance(_) => Class::Number,
        ExprKind::Binary { operator: Binary::Concat, .. } => Class::Text,
        ExprKind::Binary { .. } => Class::Number,
        ExprKind::Call { function, .. } => match function.as_str() {
            "AREA" | "COORD1" | "COORD2" => Class::Number,
            "COORDSYS" => Class::Text,
            "CENTROID" => Class::Geometry,
            name => match builtin(name) {
                Some(builtin) if builtin.text => Class::Text,
                Some(_) => Class::Number,
                None => Class::Primary,
            },
        },
        ExprKind::Point { .. }
        | ExprKind::Circle { .. }
        | ExprKind::Box { .. }
        | ExprKind::Polygon { .. }
        | ExprKind::Region { .. } => Class::Geometry,
        _ => Class::Primary,
    }
}

/// Whether the value can be a point: POINT, CENTROID, a column, a function of others.
fn can_be_point(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Point { .. } | ExprKind::Column(_) => true,
        ExprKind::Call { function, .. } => {
            function == "CENTROID" || class(expr) == Class::Primary && function != "COALESCE"
        }
        ExprKind::Cast { target, .. } => *target == Type::Point,
        _ => false,
    }
}

fn describe(class: Class) -> &'static str {
    match class {
        Class::Primary => "a value",
        Class::Number => "a number",
        Class::Text => "a string",
        Class::Geometry => "a geometry",
        Class::Null => "NULL",
    }
}

impl Converter<'_> {
    fn stop<T>(&mut self, error: Error) -> Got<T> {
        self.errors.push(error);
        Err(Stop)
    }

    fn not_adql<T>(&mut self, span: Span, what: &str) -> Got<T> {
        self.stop(Error::new(Kind::NotAdql, span, format!("ADQL has no {what}")))
    }

    fn since_2_1(&mut self, span: Span, what: &str) -> Got<()> {
        if self.version == Version::V2_1 {
            return Ok(());
        }
        self.stop(Error::new(Kind::Version, span, format!("{what} came after ADQL 2.0")))
    }

    /// Converts every part, so that each is looked at, and stops if one was wrong.
    fn all<A, B>(&mut self, list: Vec<A>, mut one: impl FnMut(&mut Self, A) -> Got<B>) -> Got<Vec<B>> {
        let mut done = Vec::with_capacity(list.len());
        let mut wrong = false;
        for part in list {
            match one(self, part) {
                Ok(part) => done.push(part),
                Err(Stop) => wrong = true,
            }
        }
        if wrong { Err(Stop) } else { Ok(done) }
    }

    fn ident(&mut self, ident: ast::Ident) -> Got<Ident> {
        let span = byte_span(ident.span);
        let delimited = match ident.quote_style {
            None => false,
            Some('"') => true,
            Some(_) => {
                let message = format!("'{}' is a string, not a name", ident.value);
                let hint = format!("write \"{}\"", ident.value);
                return self.stop(Error::new(Kind::Syntax, span, message).hint(hint));
            }
        };
        if !delimited && is_reserved(&ident.value, self.version) {
            let message = format!("`{}` is a reserved word", ident.value);
            let hint = format!("as a name, write \"{}\"", ident.value);
            return self.stop(Error::new(Kind::Reserved, span, message).hint(hint));
        }
        Ok(Ident { name: ident.value, delimited, span })
    }

    fn name(&mut self, parts: Vec<ast::Ident>, most: usize) -> Got<Name> {
        let parts = self.all(parts, Self::ident)?;
        let name = Name(parts);
        if name.0.len() > most {
            let message = format!("`{name}` has {} parts, at most {most} are possible", name.0.len());
            return self.stop(Error::new(Kind::Syntax, name.span(), message));
        }
        Ok(name)
    }

    fn object_name(&mut self, name: ast::ObjectName, most: usize) -> Got<Name> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in name.0 {
            match part {
                ast::ObjectNamePart::Identifier(ident) => parts.push(ident),
                ast::ObjectNamePart::Function(_) => {
                    return self.not_adql(Span::default(), "functions as names");
                }
            }
        }
        self.name(parts, most)
    }

    fn query(&mut self, query: ast::Query) -> Got<Query> {
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if fetch.is_some()
            || !locks.is_empty()
            || for_clause.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || !pipe_operators.is_empty()
        {
            return self.not_adql(Span::default(), "FETCH, FOR, SETTINGS, FORMAT or pipes");
        }
        let with = match with {
            None => Vec::new(),
            Some(with) => {
                let span = byte_span(with.with_token.0.span);
                self.since_2_1(span, "WITH")?;
                if self.depth > 0 {
                    let message = "WITH within a query: common table expressions stand at its very start";
                    return self.stop(Error::new(Kind::NotAdql, span, message));
                }
                self.all(with.cte_tables, Self::cte)?
            }
        };
        self.depth += 1;
        let body = self.body(*body);
        let order_by = match order_by {
            None => Ok(Vec::new()),
            Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(terms), interpolate: None }) => {
                self.all(terms, Self::order_term)
            }
            Some(_) => self.not_adql(Span::default(), "ORDER BY ALL"),
        };
        let offset = match limit_clause {
            None => Ok(None),
            Some(ast::LimitClause::LimitOffset { limit: None, offset: Some(offset), limit_by })
                if limit_by.is_empty() && offset.rows == ast::OffsetRows::None =>
            {
                self.offset(offset.value).map(Some)
            }
            Some(_) => self.not_adql(Span::default(), "LIMIT; write SELECT TOP n"),
        };
        self.depth -= 1;
        Ok(Query { with, body: body?, order_by: order_by?, offset: offset? })
    }

    fn offset(&mut self, value: ast::Expr) -> Got<u64> {
        if let ast::Expr::Value(value) = &value
            && let Value::Number(text, _) = &value.value
            && let Ok(rows) = text.parse()
        {
            self.since_2_1(byte_span(value.span), "OFFSET")?;
            return Ok(rows);
        }
        let span = span_of(&value);
        self.stop(Error::new(Kind::Syntax, span, "OFFSET takes a number of rows").expecting("digits"))
    }

    fn cte(&mut self, cte: ast::Cte) -> Got<Cte> {
        if cte.from.is_some() || cte.materialized.is_some() {
            return self.not_adql(byte_span(cte.alias.name.span), "MATERIALIZED or FROM in WITH");
        }
        self.depth += 1;
        let query = self.query(*cte.query);
        self.depth -= 1;
        let name = self.alias(cte.alias)?;
        Ok(Cte { name, query: query? })
    }

    fn alias(&mut self, alias: ast::TableAlias) -> Got<Ident> {
        if !alias.columns.is_empty() || alias.at.is_some() {
            return self.not_adql(byte_span(alias.name.span), "list of columns after an alias");
        }
        self.ident(alias.name)
    }

    fn order_term(&mut self, term: ast::OrderByExpr) -> Got<OrderTerm> {
        let span = span_of(&term.expr);
        if term.options.nulls_first.is_some() || term.with_fill.is_some() {
            return self.not_adql(span, "NULLS FIRST or LAST");
        }
        let descending = match term.options.sort {
            None | Some(ast::OrderBySort::Asc) => false,
            Some(ast::OrderBySort::Desc) => true,
            Some(_) => return self.not_adql(span, "USING in ORDER BY"),
        };
        let expr = self.expr(term.expr)?;
        let ok = match &expr.kind {
            ExprKind::Number(text) => text.bytes().all(|b| b.is_ascii_digit()),
            ExprKind::Column(name) => self.version == Version::V2_1 || name.0.len() == 1,
            ExprKind::Null => false,
            _ => self.version == Version::V2_1,
        };
        if !ok {
            let message = "ORDER BY takes columns, or their numbers counted from 1";
            return self.stop(Error::new(Kind::Syntax, expr.span, message));
        }
        Ok(OrderTerm { expr, descending })
    }

    fn body(&mut self, body: ast::SetExpr) -> Got<Body> {
        match body {
            ast::SetExpr::Select(select) => Ok(Body::Select(Box::new(self.select(*select)?))),
            ast::SetExpr::Query(query) => {
                self.since_2_1(query_span(&query), "a query in parentheses of its own")?;
                Ok(Body::Nested(Box::new(self.query(*query)?)))
            }
            ast::SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let operator = match op {
                    ast::SetOperator::Union => SetOperator::Union,
                    ast::SetOperator::Except => SetOperator::Except,
                    ast::SetOperator::Intersect => SetOperator::Intersect,
                    _ => return self.not_adql(Span::default(), "MINUS; write EXCEPT"),
                };
                let all = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::None => false,
                    _ => return self.not_adql(Span::default(), "DISTINCT or BY NAME after a set operator"),
                };
                let span = byte_span(ast::Spanned::span(&*right));
                self.since_2_1(span, &format!("{op}"))?;
                let (left, right) = (self.body(*left), self.body(*right));
                let (left, right) = (left?, right?);
                if let (Some(a), Some(b)) = (columns(&left), columns(&right))
                    && a != b
                {
                    let message = format!("{a} columns before {op} and {b} behind it");
                    return self.stop(Error::new(Kind::Query, span, message));
                }
                Ok(Body::Set { operator, all, left: Box::new(left), right: Box::new(right) })
            }
            _ => self.not_adql(Span::default(), "VALUES, TABLE or statements that write"),
        }
    }

    fn select(&mut self, select: ast::Select) -> Got<Select> {
        let span = byte_span(select.select_token.0.span);
        let odd = !select.optimizer_hints.is_empty()
            || select.select_modifiers.is_some()
            || select.exclude.is_some()
            || select.into.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || !select.named_window.is_empty()
            || select.qualify.is_some()
            || select.value_table_mode.is_some()
            || select.flavor != ast::SelectFlavor::Standard;
        if odd {
            return self.not_adql(span, "INTO, WINDOW, QUALIFY and other extensions of SELECT");
        }
        let distinct = match select.distinct {
            None | Some(ast::Distinct::All) => false,
            Some(ast::Distinct::Distinct) => true,
            Some(ast::Distinct::On(_)) => return self.not_adql(span, "DISTINCT ON"),
        };
        let top = match select.top {
            None => None,
            Some(ast::Top {
                with_ties: false,
                percent: false,
                quantity: Some(ast::TopQuantity::Constant(rows)),
            }) => Some(rows),
            Some(_) => {
                return self
                    .stop(Error::new(Kind::Syntax, span, "TOP takes a number of rows").expecting("digits"));
            }
        };
        if select.from.is_empty() {
            self.errors
                .push(Error::new(Kind::Syntax, span, "SELECT without FROM").expecting("FROM and a table"));
        }
        let items = self.all(select.projection, Self::item);
        let from = self.all(select.from, Self::from);
        let filter = select.selection.map(|filter| self.condition(filter)).transpose();
        let group_by = match select.group_by {
            ast::GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => {
                self.all(list, |this, expr| {
                    let expr = this.expr(expr)?;
                    if this.version == Version::V2_0 && !matches!(expr.kind, ExprKind::Column(_)) {
                        this.since_2_1(expr.span, "GROUP BY of values other than columns")?;
                    }
                    Ok(expr)
                })
            }
            _ => self.not_adql(span, "GROUP BY ALL"),
        };
        let having = select.having.map(|having| self.condition(having)).transpose();
        Ok(Select {
            distinct,
            top,
            items: items?,
            from: from?,
            filter: filter?,
            group_by: group_by?,
            having: having?,
        })
    }

    fn item(&mut self, item: ast::SelectItem) -> Got<Item> {
        let plain = |options: &ast::WildcardAdditionalOptions| {
            options.opt_ilike.is_none()
                && options.opt_exclude.is_none()
                && options.opt_except.is_none()
                && options.opt_replace.is_none()
                && options.opt_rename.is_none()
                && options.opt_alias.is_none()
        };
        match item {
            ast::SelectItem::UnnamedExpr(expr) => Ok(Item::Expr { expr: self.expr(expr)?, alias: None }),
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                let (expr, alias) = (self.expr(expr), self.ident(alias));
                Ok(Item::Expr { expr: expr?, alias: Some(alias?) })
            }
            ast::SelectItem::Wildcard(options) if plain(&options) => Ok(Item::Star),
            ast::SelectItem::QualifiedWildcard(
                ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) if plain(&options) => Ok(Item::QualifiedStar(self.object_name(name, 3)?)),
            _ => self.not_adql(Span::default(), "such entries in a select list"),
        }
    }

    fn from(&mut self, from: ast::TableWithJoins) -> Got<From> {
        let table = self.table(from.relation);
        let joins = self.all(from.joins, Self::join);
        Ok(From { table: table?, joins: joins? })
    }

    fn join(&mut self, join: ast::Join) -> Got<Join> {
        use ast::JoinOperator as Op;
        let span = table_span(&join.relation);
        let table = self.table(join.relation);
        let (kind, constraint) = match join.join_operator {
            _ if join.global => return self.not_adql(span, "GLOBAL JOIN"),
            Op::Join(c) | Op::Inner(c) => (JoinKind::Inner, c),
            Op::Left(c) | Op::LeftOuter(c) => (JoinKind::Left, c),
            Op::Right(c) | Op::RightOuter(c) => (JoinKind::Right, c),
            Op::FullOuter(c) => (JoinKind::Full, c),
            _ => {
                return self
                    .not_adql(span, "joins but INNER, LEFT, RIGHT and FULL; for all pairs write a comma");
            }
        };
        let constraint = match constraint {
            ast::JoinConstraint::Natural => Constraint::Natural,
            ast::JoinConstraint::On(condition) => Constraint::On(self.condition(condition)?),
            ast::JoinConstraint::Using(names) => Constraint::Using(
                self.all(names, |this, name| Ok(this.object_name(name, 1)?.0.swap_remove(0)))?,
            ),
            ast::JoinConstraint::None => {
                let error = Error::new(Kind::Syntax, span, "a join needs ON, USING or NATURAL");
                return self.stop(error.hint("for all pairs of rows write a comma in the place of JOIN"));
            }
        };
        Ok(Join { kind, constraint, table: table? })
    }

    fn table(&mut self, table: ast::TableFactor) -> Got<Table> {
        match table {
            ast::TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let name = self.object_name(name, 3);
                let odd = !with_hints.is_empty()
                    || version.is_some()
                    || with_ordinality
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || sample.is_some()
                    || !index_hints.is_empty();
                if args.is_some() || odd {
                    let span = name.map_or(Span::default(), |name| name.span());
                    return self.not_adql(span, "functions or hints in FROM");
                }
                let alias = alias.map(|alias| self.alias(alias)).transpose();
                Ok(Table::Named { name: name?, alias: alias? })
            }
            ast::TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let span = query_span(&subquery);
                let query = self.query(*subquery);
                match alias {
                    Some(alias) => {
                        let alias = self.alias(alias)?;
                        Ok(Table::Derived { query: Box::new(query?), alias })
                    }
                    None => {
                        let error = Error::new(Kind::Syntax, span, "a subquery in FROM needs a name");
                        self.stop(error.hint("write (SELECT …) AS name"))
                    }
                }
            }
            ast::TableFactor::NestedJoin { table_with_joins, alias } => {
                let from = self.from(*table_with_joins)?;
                if from.joins.is_empty() && !matches!(from.table, Table::Nested { .. }) {
                    return self.stop(Error::new(
                        Kind::Syntax,
                        from.span(),
                        "parentheses around a single table",
                    ));
                }
                let alias = alias.map(|alias| self.alias(alias)).transpose()?;
                Ok(Table::Nested { from: Box::new(from), alias })
            }
            other => self.not_adql(table_span(&other), "LATERAL, UNNEST, PIVOT or functions in FROM"),
        }
    }

    fn condition(&mut self, expr: ast::Expr) -> Got<Condition> {
        use ast::Expr as E;
        match expr {
            E::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                // The parser nests a chain to the left; it is unrolled without recursion.
                let mut parts = vec![*right];
                let mut rest = *left;
                loop {
                    match rest {
                        E::BinaryOp { left, op: inner, right } if inner == op => {
                            parts.push(*right);
                            rest = *left;
                        }
                        first => {
                            parts.push(first);
                            break;
                        }
                    }
                }
                parts.reverse();
                let parts = self.all(parts, Self::condition)?;
                Ok(if op == BinaryOperator::And { Condition::And(parts) } else { Condition::Or(parts) })
            }
            E::UnaryOp { op: UnaryOperator::Not, expr } => {
                if matches!(*expr, E::UnaryOp { op: UnaryOperator::Not, .. }) {
                    return self
                        .stop(Error::new(Kind::Syntax, span_of(&expr), "NOT NOT").hint("leave out both"));
                }
                // NOT binds tighter than what the parser takes for its operand only if that is a comparison.
                Ok(Condition::Not(Box::new(self.condition(*expr)?)))
            }
            E::Nested(inner) => self.condition(*inner),
            E::BinaryOp { left, op, right } => {
                let operator = match op {
                    BinaryOperator::Eq => Comparison::Equal,
                    BinaryOperator::NotEq => Comparison::NotEqual,
                    BinaryOperator::Lt => Comparison::Less,
                    BinaryOperator::LtEq => Comparison::LessOrEqual,
                    BinaryOperator::Gt => Comparison::Greater,
                    BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                    _ => {
                        let span = span_of(&left).to(span_of(&right));
                        return self.no_condition(span);
                    }
                };
                let (left, right) = (self.expr(*left), self.expr(*right));
                Ok(compare(operator, left?, right?))
            }
            E::Between { expr, negated, low, high } => {
                let (expr, low, high) = (self.expr(*expr), self.expr(*low), self.expr(*high));
                Ok(Condition::Between { expr: expr?, negated, low: low?, high: high? })
            }
            E::InList { expr, list, negated } => {
                let (expr, list) = (self.expr(*expr), self.all(list, Self::expr));
                Ok(Condition::InList { expr: expr?, negated, list: list? })
            }
            E::InSubquery { expr, subquery, negated } => {
                let (expr, query) = (self.expr(*expr), self.query(*subquery));
                Ok(Condition::InQuery { expr: expr?, negated, query: Box::new(query?) })
            }
            E::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(*expr, *pattern, negated, false)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(*expr, *pattern, negated, true)
            }
            E::IsNull(expr) => self.is_null(*expr, false),
            E::IsNotNull(expr) => self.is_null(*expr, true),
            E::Exists { subquery, negated: false } => Ok(Condition::Exists(Box::new(self.query(*subquery)?))),
            other => {
                let span = span_of(&other);
                if let E::Function(function) = &other
                    && matches!(last_name(function).to_ascii_uppercase().as_str(), "CONTAINS" | "INTERSECTS")
                {
                    let message =
                        format!("{} is a number, not a condition", last_name(function).to_ascii_uppercase());
                    return self.stop(Error::new(Kind::Syntax, span, message).hint("write 1 = CONTAINS(…)"));
                }
                self.no_condition(span)
            }
        }
    }

    fn no_condition<T>(&mut self, span: Span) -> Got<T> {
        let error = Error::new(Kind::Syntax, span, "a value stands where a condition must");
        self.stop(error.expecting("a comparison, BETWEEN, IN, LIKE, IS NULL or EXISTS"))
    }

    fn is_null(&mut self, expr: ast::Expr, negated: bool) -> Got<Condition> {
        let expr = self.expr(expr)?;
        let mut inner = &expr;
        while let ExprKind::Parens(within) = &inner.kind
            && self.options.mode == Mode::Lenient
        {
            inner = within;
        }
        if !matches!(inner.kind, ExprKind::Column(_)) && self.options.mode == Mode::Strict {
            return self.stop(Error::new(Kind::Syntax, expr.span, "only a column can be asked IS NULL"));
        }
        Ok(Condition::IsNull { expr, negated })
    }

    fn like(
        &mut self,
        expr: ast::Expr,
        pattern: ast::Expr,
        negated: bool,
        ignore_case: bool,
    ) -> Got<Condition> {
        let (expr, pattern) = (self.expr(expr), self.expr(pattern));
        let (expr, pattern) = (expr?, pattern?);
        self.operand(&expr, Class::Text, "LIKE")?;
        self.operand(&pattern, Class::Text, "LIKE")?;
        Ok(Condition::Like { expr, negated, ignore_case, pattern })
    }

    /// Checks that the grammar lets a value be where a number, a string or a geometry is wanted.
    fn operand(&mut self, expr: &Expr, wanted: Class, of: &str) -> Got<()> {
        let found = class(expr);
        if found == wanted || found == Class::Primary {
            return Ok(());
        }
        let message = format!("{of} takes {}, not {}", describe(wanted), describe(found));
        self.stop(Error::new(Kind::Type, expr.span, message))
    }

    fn expr(&mut self, expr: ast::Expr) -> Got<Expr> {
        use ast::Expr as E;
        match expr {
            E::Identifier(ident) => {
                let name = Name(vec![self.ident(ident)?]);
                Ok(Expr { span: name.span(), kind: ExprKind::Column(name) })
            }
            E::CompoundIdentifier(parts) => {
                let name = self.name(parts, 4)?;
                Ok(Expr { span: name.span(), kind: ExprKind::Column(name) })
            }
            E::Value(value) => {
                let span = byte_span(value.span);
                let kind = match value.value {
                    Value::Null => ExprKind::Null,
                    Value::Number(text, _) => ExprKind::Number(text),
                    Value::SingleQuotedString(text) => ExprKind::Text(text),
                    _ => return self.not_adql(span, "such literals"),
                };
                Ok(Expr { kind, span })
            }
            E::Nested(inner) => {
                let inner = self.expr(*inner)?;
                let span = Span::new(inner.span.start.saturating_sub(1), inner.span.end + 1);
                Ok(Expr { kind: ExprKind::Parens(Box::new(inner)), span })
            }
            E::UnaryOp { op, expr } => {
                let operator = match op {
                    UnaryOperator::Minus => Unary::Minus,
                    UnaryOperator::Plus => Unary::Plus,
                    UnaryOperator::BitwiseNot => Unary::BitNot,
                    _ => return self.condition_as_value(span_of(&expr)),
                };
                let expr = self.expr(*expr)?;
                let span = Span::new(expr.span.start.saturating_sub(1), expr.span.end);
                if operator == Unary::BitNot {
                    self.since_2_1(span, "bitwise operators")?;
                } else if let ExprKind::Unary { operator: Unary::Minus | Unary::Plus, .. } = expr.kind {
                    return self.stop(Error::new(Kind::Syntax, span, "two signs in a row"));
                }
                self.operand(&expr, Class::Number, "a sign")?;
                Ok(Expr { kind: ExprKind::Unary { operator, expr: Box::new(expr) }, span })
            }
            E::BinaryOp { left, op, right } => {
                let operator = match op {
                    BinaryOperator::Plus => Binary::Add,
                    BinaryOperator::Minus => Binary::Subtract,
                    BinaryOperator::Multiply => Binary::Multiply,
                    BinaryOperator::Divide => Binary::Divide,
                    BinaryOperator::Modulo => Binary::Modulo,
                    BinaryOperator::BitwiseAnd => Binary::BitAnd,
                    BinaryOperator::BitwiseOr => Binary::BitOr,
                    BinaryOperator::BitwiseXor => Binary::BitXor,
                    BinaryOperator::StringConcat => Binary::Concat,
                    _ => return self.condition_as_value(span_of(&left).to(span_of(&right))),
                };
                let (left, right) = (self.expr(*left), self.expr(*right));
                let (left, right) = (left?, right?);
                let span = left.span.to(right.span);
                if matches!(operator, Binary::BitAnd | Binary::BitOr | Binary::BitXor) {
                    self.since_2_1(span, "bitwise operators")?;
                } else if operator == Binary::Modulo {
                    self.since_2_1(span, "the operator `%`")?;
                }
                let wanted = if operator == Binary::Concat { Class::Text } else { Class::Number };
                let name = format!("`{}`", operator.symbol());
                let (a, b) = (self.operand(&left, wanted, &name), self.operand(&right, wanted, &name));
                a.and(b)?;
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(Expr { kind: ExprKind::Binary { operator, left, right }, span })
            }
            E::Cast {
                kind: ast::CastKind::Cast,
                expr,
                data_type: ast::DataType::Custom(words, length),
                format: None,
            } => self.cast(*expr, words, &length),
            E::Function(function) => self.function(function),
            E::Subquery(query) => {
                let error = Error::new(Kind::NotAdql, query_span(&query), "ADQL has no subqueries as values");
                self.stop(error.hint("use IN (SELECT …), EXISTS (SELECT …) or a join"))
            }
            other => self.condition_as_value(span_of(&other)),
        }
    }

    fn condition_as_value<T>(&mut self, span: Span) -> Got<T> {
        self.stop(Error::new(Kind::Syntax, span, "a condition stands where a value must"))
    }

    fn cast(&mut self, expr: ast::Expr, words: ast::ObjectName, length: &[String]) -> Got<Expr> {
        let words: Vec<&ast::Ident> = words.0.iter().filter_map(|part| part.as_ident()).collect();
        let span = words.last().map_or(Span::default(), |word| byte_span(word.span));
        self.since_2_1(span, "CAST")?;
        if let Some(word) = words.iter().find(|word| word.quote_style.is_some()) {
            let message = format!("\"{}\" is a name, not a type", word.value);
            let error = Error::new(Kind::Syntax, byte_span(word.span), message);
            return self.stop(error.hint("leave out the quotes"));
        }
        let name = words
            .iter()
            .map(|word| word.value.as_str())
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_ascii_uppercase();
        let expr = self.expr(expr);
        let target = match name.as_str() {
            "SMALLINT" => Type::SmallInt,
            "INTEGER" => Type::Integer,
            "BIGINT" => Type::BigInt,
            "REAL" => Type::Real,
            "DOUBLE PRECISION" => Type::Double,
            "CHAR" => Type::Char,
            "VARCHAR" => Type::Varchar,
            "TIMESTAMP" => Type::Timestamp,
            "POINT" => Type::Point,
            "CIRCLE" => Type::Circle,
            "POLYGON" => Type::Polygon,
            _ => {
                const TARGETS: [&str; 11] = [
                    "SMALLINT",
                    "INTEGER",
                    "BIGINT",
                    "REAL",
                    "DOUBLE PRECISION",
                    "CHAR",
                    "VARCHAR",
                    "TIMESTAMP",
                    "POINT",
                    "CIRCLE",
                    "POLYGON",
                ];
                let at = words.first().map_or(span, |word| byte_span(word.span));
                let error = Error::new(Kind::Type, at, format!("CAST to {name} is not in ADQL"));
                return self.stop(did_you_mean(error.expecting(TARGETS.join(", ")), &name, TARGETS));
            }
        };
        let length = match length.first() {
            None => None,
            Some(text) => match text.parse::<u32>() {
                Ok(length) if matches!(target, Type::Char | Type::Varchar) => Some(length),
                _ => {
                    let message = format!("`({text})` after {name}");
                    return self
                        .stop(Error::new(Kind::Syntax, span, message).expecting("CHAR(n) or VARCHAR(n)"));
                }
            },
        };
        Ok(Expr { kind: ExprKind::Cast { expr: Box::new(expr?), target, length }, span })
    }

    fn function(&mut self, function: ast::Function) -> Got<Expr> {
        let name = last_name(&function).to_owned();
        let span = function
            .name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map_or(Span::default(), |i| byte_span(i.span));
        let ast::FunctionArguments::List(list) = function.args else {
            return self.not_adql(span, "functions without a list of arguments");
        };
        let upper = name.to_ascii_uppercase();
        let aggregate = Aggregate::ALL.iter().find(|(name, _)| *name == upper).map(|(_, function)| *function);
        let quantifier = list.duplicate_treatment;
        let mut star = false;
        let mut values = Vec::with_capacity(list.args.len());
        for argument in list.args {
            match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => values.push(expr),
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) => star = true,
                _ => return self.not_adql(span, "named arguments"),
            }
        }
        let mut arguments = self.all(values, Self::expr)?;
        let Some(aggregate) = aggregate else {
            if star || quantifier.is_some() {
                let message = format!("`{name}` takes values only");
                return self.stop(Error::new(Kind::ArgumentCount, span, message));
            }
            let kind = self.scalar(&name, &upper, arguments, span)?;
            return Ok(Expr { kind, span });
        };
        let distinct = quantifier == Some(ast::DuplicateTreatment::Distinct);
        let argument = match (arguments.pop(), star) {
            (None, true) if aggregate == Aggregate::Count => None,
            (Some(argument), false) if arguments.is_empty() => Some(Box::new(argument)),
            _ => {
                return self.count(
                    &upper,
                    span,
                    if aggregate == Aggregate::Count { "one value or `*`" } else { "one value" },
                );
            }
        };
        Ok(Expr { kind: ExprKind::Aggregate { function: aggregate, distinct, argument }, span })
    }

    fn count<T>(&mut self, name: &str, span: Span, wanted: &str) -> Got<T> {
        let message = format!("wrong number of arguments of {name}");
        self.stop(Error::new(Kind::ArgumentCount, span, message).expecting(wanted))
    }

    fn scalar(&mut self, name: &str, upper: &str, mut args: Vec<Expr>, span: Span) -> Got<ExprKind> {
        if let Some(builtin) = builtin(upper) {
            if builtin.text {
                self.since_2_1(span, builtin.name)?;
            }
            if args.len() < builtin.least || args.len() > builtin.most {
                let wanted = match (builtin.least, builtin.most) {
                    (a, b) if a == b => format!("{a}"),
                    (a, b) => format!("{a} to {b}"),
                };
                return self.count(upper, span, &wanted);
            }
            let wanted = if builtin.text { Class::Text } else { Class::Number };
            for argument in &args {
                self.operand(argument, wanted, upper)?;
            }
            self.literals(upper, &args)?;
            return Ok(ExprKind::Call { function: builtin.name.to_owned(), arguments: args });
        }
        match upper {
            "POINT" | "CIRCLE" | "BOX" | "POLYGON" => self.shape(upper, args, span),
            "REGION" => {
                let [argument] = &args[..] else { return self.count(upper, span, "one string literal") };
                let Expr { kind: ExprKind::Text(text), span } = argument else {
                    return self.no_literal(argument, "REGION takes a description", "'CIRCLE ICRS 10 20 1'");
                };
                match stcs::parse(text) {
                    Ok(shape) => Ok(ExprKind::Region { text: text.clone(), shape: Box::new(shape) }),
                    Err(message) => self.stop(Error::new(Kind::Region, *span, message)),
                }
            }
            "CENTROID" | "AREA" | "COORDSYS" | "COORD1" | "COORD2" => {
                let [argument] = &args[..] else { return self.count(upper, span, "one geometry") };
                self.operand(argument, Class::Geometry, upper)?;
                if upper.len() == 6 && !can_be_point(argument) {
                    let message = format!("{upper} takes a point");
                    return self.stop(Error::new(Kind::Type, argument.span, message));
                }
                Ok(ExprKind::Call { function: upper.to_owned(), arguments: args })
            }
            "CONTAINS" | "INTERSECTS" => {
                let predicate = if upper == "CONTAINS" { Predicate::Contains } else { Predicate::Intersects };
                let operands: Result<Box<[Expr; 2]>, _> = args.into_boxed_slice().try_into();
                let Ok(operands) = operands else { return self.count(upper, span, "two geometries") };
                self.operand(&operands[0], Class::Geometry, upper)?;
                self.operand(&operands[1], Class::Geometry, upper)?;
                Ok(ExprKind::Predicate { predicate, operands })
            }
            "DISTANCE" => match args.len() {
                2 => {
                    let (Some(to), Some(from)) = (args.pop(), args.pop()) else { return Err(Stop) };
                    Ok(ExprKind::Distance(Box::new([self.point(from, upper)?, self.point(to, upper)?])))
                }
                4 => {
                    self.since_2_1(span, "DISTANCE of four numbers")?;
                    let positions = self.pairs(args, upper)?;
                    match <Box<[Position; 2]>>::try_from(positions.into_boxed_slice()) {
                        Ok(positions) => Ok(ExprKind::Distance(positions)),
                        Err(_) => self.count(upper, span, "two points or four numbers"),
                    }
                }
                _ => self.count(upper, span, "two points or four numbers"),
            },
            "COALESCE" => {
                self.since_2_1(span, upper)?;
                if args.is_empty() {
                    return self.count(upper, span, "one value at least");
                }
                Ok(ExprKind::Call { function: upper.to_owned(), arguments: args })
            }
            "IN_UNIT" => {
                self.since_2_1(span, upper)?;
                let (unit, value) = (args.pop(), args.pop());
                let (Some(unit), Some(expr), true) = (unit, value, args.is_empty()) else {
                    return self.count(upper, span, "a number and a unit in quotes");
                };
                let Expr { kind: ExprKind::Text(name), span } = unit else {
                    return self.no_literal(&unit, "IN_UNIT takes a unit", "'mas/yr'");
                };
                self.operand(&expr, Class::Number, upper)?;
                if is_written(&expr) {
                    let error = Error::new(Kind::Unit, expr.span, "a number that is written has no unit");
                    return self.stop(error.hint("give IN_UNIT a column that has one"));
                }
                if let Err(error) = units::known(&name) {
                    return self.stop(error.at(span, [&name, &name]));
                }
                Ok(ExprKind::InUnit { expr: Box::new(expr), unit: name, factor: None })
            }
            "CAST" => self.count(upper, span, "CAST(value AS type)"),
            "CROSSMATCH_POSITIONAL" if self.options.mode == Mode::Lenient => {
                if args.len() != 6 {
                    return self.count(upper, span, "schema, table, schema, table, radius in arcsec, result");
                }
                Ok(ExprKind::Call { function: "crossmatch_positional".into(), arguments: args })
            }
            _ => {
                if is_reserved(name, self.version) {
                    let at = Span::new(span.start, span.start + name.len());
                    return self.not_adql(at, &format!("function {upper}"));
                }
                let functions = &self.options.functions;
                let types: Vec<_> = args
                    .iter()
                    .map(|arg| (type_of(arg, functions, &mut |_| Type::Unknown), arg.span))
                    .collect();
                match functions.resolve(name, &types, span) {
                    Ok(signature) => Ok(ExprKind::Call { function: signature.name.clone(), arguments: args }),
                    Err(error) => self.stop(error),
                }
            }
        }
    }

    /// What has to be written as a string is not.
    fn no_literal<T>(&mut self, found: &Expr, takes: &str, example: &str) -> Got<T> {
        let message = format!("{takes} that is written as a string");
        self.stop(Error::new(Kind::Type, found.span, message).hint(format!("as in {example}")))
    }

    /// Second arguments of ROUND and TRUNCATE and the seed of RAND are literals in the grammar.
    fn literals(&mut self, upper: &str, args: &[Expr]) -> Got<()> {
        let (argument, signed) = match (upper, args) {
            ("ROUND" | "TRUNCATE", [_, digits]) => (digits, true),
            ("RAND", [seed]) => (seed, false),
            _ => return Ok(()),
        };
        let number = match &argument.kind {
            ExprKind::Unary { operator: Unary::Minus | Unary::Plus, expr } if signed => &expr.kind,
            kind => kind,
        };
        match number {
            ExprKind::Number(text) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            _ => {
                let what = if upper == "RAND" { "the seed of RAND" } else { "the number of places" };
                self.stop(Error::new(
                    Kind::Syntax,
                    argument.span,
                    format!("{what} is written as a whole number"),
                ))
            }
        }
    }

    fn point(&mut self, expr: Expr, of: &str) -> Got<Position> {
        if !can_be_point(&expr) {
            let message = format!("{of} takes a point here");
            let error = Error::new(Kind::Type, expr.span, message);
            return self.stop(error.expecting("POINT, CENTROID or a column"));
        }
        Ok(Position::Point(Box::new(expr)))
    }

    fn pairs(&mut self, args: Vec<Expr>, of: &str) -> Got<Vec<Position>> {
        for argument in &args {
            self.operand(argument, Class::Number, of)?;
        }
        let mut positions = Vec::with_capacity(args.len() / 2);
        let mut args = args.into_iter();
        while let (Some(lon), Some(lat)) = (args.next(), args.next()) {
            positions.push(Position::Coordinates(Box::new([lon, lat])));
        }
        Ok(positions)
    }

    fn shape(&mut self, name: &str, mut args: Vec<Expr>, span: Span) -> Got<ExprKind> {
        let mut frame = None;
        if let Some(Expr { kind: ExprKind::Text(text), span }) = args.first() {
            if let Err(hint) = stcs::check_frame(text) {
                let message = format!("'{text}' is no frame");
                return self.stop(Error::new(Kind::Region, *span, message).hint(hint));
            }
            frame = Some(text.clone());
            args.remove(0);
        } else if self.version == Version::V2_0 {
            let error =
                Error::new(Kind::Version, span, format!("{name} without a frame came after ADQL 2.0"));
            return self
                .stop(error.hint(format!("write the frame first, a string, as in {name}('ICRS', …)")));
        }
        let frame_note = if frame.is_some() { " after the frame" } else { "" };
        match name {
            "POINT" => {
                if args.len() != 2 {
                    return self.count(name, span, &format!("longitude and latitude{frame_note}"));
                }
                for argument in &args {
                    self.operand(argument, Class::Number, name)?;
                }
                match <Box<[Expr; 2]>>::try_from(args.into_boxed_slice()) {
                    Ok(coordinates) => Ok(ExprKind::Point { frame, coordinates }),
                    Err(_) => Err(Stop),
                }
            }
            "CIRCLE" | "BOX" => {
                let sizes = if name == "CIRCLE" { 1 } else { 2 };
                if args.len() != sizes + 1 && args.len() != sizes + 2 {
                    let wanted =
                        if name == "CIRCLE" { "a centre and a radius" } else { "a centre, width and height" };
                    return self.count(name, span, &format!("{wanted}{frame_note}"));
                }
                let mut size = args.split_off(args.len() - sizes);
                for argument in &size {
                    self.operand(argument, Class::Number, name)?;
                }
                let center = match args.len() {
                    1 => {
                        if self.version == Version::V2_0 {
                            self.since_2_1(span, "a point as centre")?;
                        }
                        let center = args.swap_remove(0);
                        self.point(center, name)?
                    }
                    _ => self.pairs(args, name)?.swap_remove(0),
                };
                if name == "CIRCLE" {
                    return Ok(ExprKind::Circle { frame, center, radius: Box::new(size.swap_remove(0)) });
                }
                match <Box<[Expr; 2]>>::try_from(size.into_boxed_slice()) {
                    Ok(size) => Ok(ExprKind::Box { frame, center, size }),
                    Err(_) => Err(Stop),
                }
            }
            _ => {
                let is_geometry = |arg: &Expr| class(arg) == Class::Geometry;
                let only_points = (args.len() % 2 == 1 || args.len() < 6) && args.iter().all(can_be_point);
                let points = args.iter().any(is_geometry) || only_points && self.version == Version::V2_1;
                if points {
                    self.since_2_1(span, "points as vertices")?;
                }
                let least = if points { 3 } else { 6 };
                if args.len() < least || !points && args.len() % 2 == 1 {
                    return self.count(
                        name,
                        span,
                        &format!("three points or more, or as many pairs of numbers{frame_note}"),
                    );
                }
                let vertices = if points {
                    self.all(args, |this, arg| this.point(arg, name))?
                } else {
                    self.pairs(args, name)?
                };
                Ok(ExprKind::Polygon { frame, vertices })
            }
        }
    }
}

/// Whether a value is made of written numbers alone.
fn is_written(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Parens(inner) | ExprKind::Unary { expr: inner, .. } => is_written(inner),
        ExprKind::Binary { left, right, .. } => is_written(left) && is_written(right),
        _ => false,
    }
}

/// How many columns a query gives, if that is known without its tables.
fn columns(body: &Body) -> Option<usize> {
    match body {
        Body::Select(select) => {
            let one = |item: &Item| matches!(item, Item::Expr { .. });
            select.items.iter().all(one).then_some(select.items.len())
        }
        Body::Nested(query) => columns(&query.body),
        Body::Set { left, right, .. } => columns(left).or_else(|| columns(right)),
    }
}

/// Finds the ways in which regions are asked for.
fn compare(operator: Comparison, left: Expr, right: Expr) -> Condition {
    let digit = |expr: &Expr| match &expr.kind {
        ExprKind::Number(text) => match text.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        },
        _ => None,
    };
    let is_predicate = |expr: &Expr| matches!(expr.kind, ExprKind::Predicate { .. });
    let is_distance = |expr: &Expr| matches!(expr.kind, ExprKind::Distance(_));
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    if matches!(operator, Equal | NotEqual) {
        let asked = match (digit(&left), digit(&right)) {
            (Some(one), None) if is_predicate(&right) => Some((one, &right)),
            (None, Some(one)) if is_predicate(&left) => Some((one, &left)),
            _ => None,
        };
        if let Some((one, Expr { kind: ExprKind::Predicate { predicate, operands }, .. })) = asked {
            let [left, right] = (**operands).clone();
            let negated = one == (operator == NotEqual);
            return Condition::Region { predicate: *predicate, left, right, negated };
        }
    }
    let (distance, radius, inclusive) = match operator {
        Less | LessOrEqual if is_distance(&left) => (left, right, operator == LessOrEqual),
        Greater | GreaterOrEqual if is_distance(&right) => (right, left, operator == GreaterOrEqual),
        _ => return Condition::Compare { operator, left, right },
    };
    let ExprKind::Distance(positions) = distance.kind else {
        return Condition::Compare { operator, left: distance, right: radius };
    };
    let [from, to] = *positions;
    Condition::Within { from, to, radius: Box::new(radius), inclusive }
}

impl From {
    /// The bytes of its tables' names.
    fn span(&self) -> Span {
        self.joins.iter().fold(self.table.span(), |span, join| span.to(join.table.span()))
    }
}

impl Table {
    fn span(&self) -> Span {
        match self {
            Self::Named { name, .. } => name.span(),
            Self::Derived { alias, .. } => alias.span,
            Self::Nested { from, .. } => from.span(),
        }
    }
}

fn last_name(function: &ast::Function) -> &str {
    function.name.0.last().and_then(|part| part.as_ident()).map_or("", |ident| ident.value.as_str())
}

fn span_of(expr: &ast::Expr) -> Span {
    byte_span(ast::Spanned::span(expr))
}

fn query_span(query: &ast::Query) -> Span {
    byte_span(ast::Spanned::span(query))
}

fn table_span(table: &ast::TableFactor) -> Span {
    byte_span(ast::Spanned::span(table))
}
