//! Names and types against the tables that there are.
//!
//! The checked query spells every name as the engine knows it, and delimits it; entries of the outermost select list
//! without a name get one. NATURAL and USING are written as ON, and `*` over what they made one of as its columns, so that
//! engines need not agree on them. Region predicates stay what they are (see [`crate::tree::Condition`]).

mod scope;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::{Error, Errors, Kind, Span, did_you_mean};
use crate::functions::{Functions, builtin};
use crate::infer::type_of;
use crate::tables::{Column, Tables, ends_with};
use crate::tree::{
    Aggregate, Body, Comparison, Condition, Constraint, Expr, ExprKind, From, Ident, Item, Name, Position,
    Query, Select, Table, Unary,
};
use crate::types::{Family, Type};
use crate::units;
use scope::{Meaning, Scope, Source};

/// A query whose names and types are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The query, with names as the engine knows them.
    pub query: Query,
    /// The columns of its result.
    pub columns: Vec<Column>,
    /// The full names of the tables it reads, each once.
    pub tables: Vec<String>,
}

/// Checks names and types of a query against tables.
///
/// # Errors
/// All that is found: unknown and ambiguous tables and columns with the nearest name, values of types that do not fit,
/// aggregates beside columns that are not grouped, operands of set operators that do not fit one another.
pub fn check(query: &Query, tables: &Tables, functions: &Functions) -> Result<Checked, Errors> {
    let mut checker = Checker {
        tables,
        functions,
        scopes: Vec::new(),
        named: Vec::new(),
        read: BTreeSet::new(),
        depth: 0,
        errors: Vec::new(),
    };
    let mut query = query.clone();
    let columns = checker.query(&mut query);
    if !checker.errors.is_empty() {
        return Err(Errors::new(checker.errors));
    }
    Ok(Checked { query, columns, tables: checker.read.into_iter().collect() })
}

struct Checker<'a> {
    tables: &'a Tables,
    functions: &'a Functions,
    scopes: Vec<Scope<'a>>,
    /// Common table expressions.
    named: Vec<(String, Vec<Column>)>,
    /// Full names of the tables that are read.
    read: BTreeSet<String>,
    /// How many queries are around what is looked at.
    depth: usize,
    errors: Vec<Error>,
}

/// Spells an identifier as it was written, so that engines keep its case.
fn fix(ident: &mut Ident) {
    ident.delimited = true;
}

impl<'a> Checker<'a> {
    fn wrong(&mut self, error: Error) {
        self.errors.push(error);
    }

    fn query(&mut self, query: &mut Query) -> Vec<Column> {
        self.depth += 1;
        for cte in &mut query.with {
            let columns = self.query(&mut cte.query);
            fix(&mut cte.name);
            self.named.push((cte.name.name.clone(), columns));
        }
        let (columns, scope) = match &mut query.body {
            Body::Select(select) => self.select(select),
            body => {
                let columns = self.body(body);
                let aliases = columns.iter().map(|column| column.name.clone()).collect();
                (columns, Scope { aliases, ..Scope::default() })
            }
        };
        self.scopes.push(scope);
        for term in &mut query.order_by {
            match &term.expr.kind {
                ExprKind::Number(text) if text.parse().is_ok_and(|n: usize| n == 0 || n > columns.len()) => {
                    let message = format!("there is no column {text}, the query has {}", columns.len());
                    self.wrong(Error::new(Kind::UnknownColumn, term.expr.span, message));
                }
                ExprKind::Column(name) if name.qualifiers().is_empty() => {
                    match result_of(&query.body, &columns, name.last()) {
                        Some(value) => term.expr.kind = value,
                        None => self.expr(&mut term.expr),
                    }
                }
                _ => self.expr(&mut term.expr),
            }
        }
        self.scopes.pop();
        self.depth -= 1;
        columns
    }

    fn body(&mut self, body: &mut Body) -> Vec<Column> {
        match body {
            Body::Select(select) => self.select(select).0,
            Body::Nested(query) => self.query(query),
            Body::Set { left, right, .. } => {
                let (mut a, b) = (self.body(left), self.body(right));
                let span = first_span(right);
                if a.len() != b.len() {
                    let message = format!("{} columns on the left and {} on the right", a.len(), b.len());
                    self.wrong(Error::new(Kind::Query, span, message));
                }
                for (a, b) in a.iter_mut().zip(&b) {
                    if !a.datatype.comparable(b.datatype) {
                        let (x, y) = (a.datatype.name(), b.datatype.name());
                        let message = format!("column `{}` is {x} on the left and {y} on the right", a.name);
                        self.wrong(Error::new(Kind::Query, span, message));
                    }
                    a.datatype = a.datatype.wider(b.datatype);
                }
                a
            }
        }
    }

    fn select(&mut self, select: &mut Select) -> (Vec<Column>, Scope<'a>) {
        self.scopes.push(Scope::default());
        for from in &mut select.from {
            self.from(from);
        }
        if let Some(filter) = &mut select.filter {
            self.condition(filter);
        }
        let mut columns = Vec::new();
        for mut item in std::mem::take(&mut select.items) {
            self.item(&mut item, &mut columns);
            match item {
                Item::Star if self.scope().merged => select.items.extend(self.scope().written_out()),
                item => select.items.push(item),
            }
        }
        if self.depth > 1 {
            self.scope().tell_apart(&mut select.items, &columns);
        }
        self.scope().aliases = columns.iter().map(|column: &Column| column.name.clone()).collect();
        for expr in &mut select.group_by {
            self.expr(expr);
        }
        if let Some(having) = &mut select.having {
            self.condition(having);
        }
        self.aggregates(select);
        let scope = self.scopes.pop().unwrap_or_default();
        (columns, scope)
    }

    fn scope(&mut self) -> &mut Scope<'a> {
        self.scopes.last_mut().expect("a SELECT pushes its scope before it looks at its parts")
    }

    fn item(&mut self, item: &mut Item, columns: &mut Vec<Column>) {
        match item {
            Item::Star => {
                let scope = self.scope();
                columns.extend(scope.shown.iter().map(|shown| scope.column(shown).clone()));
            }
            Item::QualifiedStar(name) => {
                let scope = self.scope();
                let source = scope.sources.iter().find(|source| ends_with(&source.name, &name.0));
                match source {
                    Some(source) => {
                        columns.extend(source.columns.iter().cloned());
                        name.0 = spelt(&source.name, name.span());
                    }
                    None if scope.broken => {}
                    None => {
                        let error =
                            Error::new(Kind::UnknownTable, name.span(), format!("no table `{name}` in FROM"));
                        let names: Vec<String> =
                            self.scope().sources.iter().map(|source| source.name.join(".")).collect();
                        let error = did_you_mean(error, &name.to_string(), names.iter().map(String::as_str));
                        self.wrong(error);
                    }
                }
            }
            Item::Expr { expr, alias } => {
                let written = match &expr.kind {
                    ExprKind::Column(name) => Some(name.last().clone()),
                    _ => None,
                };
                self.expr(expr);
                if let (None, Some(name), ExprKind::Call { .. }) = (&alias, written, &expr.kind) {
                    *alias = Some(name);
                }
                let datatype = self.type_of(expr);
                let unit = self.unit_of(expr);
                let name = match (&mut *alias, &expr.kind) {
                    (Some(alias), _) => {
                        fix(alias);
                        alias.name.clone()
                    }
                    (None, ExprKind::Column(name)) => name.last().name.clone(),
                    (None, _) => {
                        let name = format!("column_{}", columns.len() + 1);
                        *alias = Some(Ident { name: name.clone(), delimited: true, span: expr.span });
                        name
                    }
                };
                let (ucd, description) = match &expr.kind {
                    ExprKind::Column(name) => {
                        let column = self.lookup(name);
                        column
                            .map(|column| (column.ucd.clone(), column.description.clone()))
                            .unwrap_or_default()
                    }
                    _ => (None, None),
                };
                columns.push(Column { name, datatype, unit, ucd, description });
            }
        }
    }

    fn from(&mut self, from: &mut From) {
        let scope = self.scope();
        // A join knows its own tables alone.
        let first = std::mem::replace(&mut scope.first, scope.sources.len());
        let mut before = std::mem::take(&mut scope.shown);
        self.table(&mut from.table);
        for join in &mut from.joins {
            let left = std::mem::take(&mut self.scope().shown);
            self.table(&mut join.table);
            let right = std::mem::take(&mut self.scope().shown);
            let span = table_span(&join.table);
            let names = match &mut join.constraint {
                Constraint::On(condition) => {
                    self.scope().shown = [left, right].concat();
                    self.condition(condition);
                    if let Some(span) = aggregate_in_condition(condition) {
                        self.wrong(Error::new(Kind::Aggregate, span, "an aggregate in ON"));
                    }
                    continue;
                }
                Constraint::Natural => self.scope().shared(&left, &right, span),
                Constraint::Using(names) => std::mem::take(names),
            };
            let scope = self.scope();
            let sides = [left.clone(), right.clone()];
            match scope.merge(join.kind, left, right, &names, span) {
                Ok(condition) => join.constraint = Constraint::On(condition),
                Err(error) => {
                    scope.shown = sides.concat();
                    if !scope.broken {
                        self.wrong(error);
                    }
                }
            }
        }
        let scope = self.scope();
        before.append(&mut scope.shown);
        (scope.shown, scope.first) = (before, first);
    }

    fn table(&mut self, table: &mut Table) {
        let source = match table {
            Table::Named { name, alias } => {
                let named = match &name.0[..] {
                    [one] => self.named.iter().find(|(known, _)| one.names(known)).cloned(),
                    _ => None,
                };
                let (full, columns) = match named {
                    Some((name, columns)) => (vec![name], Cow::Owned(columns)),
                    None => match self.tables.find(name) {
                        Ok(table) => {
                            self.read.insert(table.name.join("."));
                            (table.name.clone(), Cow::Borrowed(&table.columns[..]))
                        }
                        Err(error) => {
                            self.wrong(error);
                            self.scope().broken = true;
                            return;
                        }
                    },
                };
                name.0 = spelt(&full, name.span());
                match alias {
                    Some(alias) => {
                        fix(alias);
                        Source { name: vec![alias.name.clone()], columns }
                    }
                    None => Source { name: full, columns },
                }
            }
            Table::Derived { query, alias } => {
                // A derived table sees no other table of its FROM.
                let hidden = self.scopes.pop();
                let columns = self.query(query);
                self.scopes.extend(hidden);
                fix(alias);
                Source { name: vec![alias.name.clone()], columns: Cow::Owned(columns) }
            }
            Table::Nested { from, alias } => {
                let Some(alias) = alias else { return self.from(from) };
                // Nor does it see one under a name of its own.
                let hidden = self.scopes.pop();
                self.scopes.push(Scope::default());
                self.from(from);
                let mut columns = Vec::new();
                self.item(&mut Item::Star, &mut columns);
                let items = self.scope().apart(&columns);
                let inner = self.scopes.pop().is_some_and(|scope| scope.broken);
                self.scopes.extend(hidden);
                self.scope().broken |= inner;
                fix(alias);
                let source = Source { name: vec![alias.name.clone()], columns: Cow::Owned(columns) };
                if let Some(items) = items {
                    // Its columns would have the names of others too.
                    *table = Table::Derived { query: Box::new(selected(items, from)), alias: alias.clone() };
                }
                source
            }
        };
        if let Some(twice) = self.scope().sources.iter().find(|other| other.name == source.name) {
            let message = format!("table `{}` twice in FROM", twice.name.join("."));
            let error = Error::new(Kind::Ambiguous, table_span(table), message);
            self.wrong(error.hint("give each an alias"));
        }
        self.scope().add(source);
    }

    fn type_of(&self, expr: &Expr) -> Type {
        let mut column = |name: &Name| self.lookup(name).map_or(Type::Unknown, |column| column.datatype);
        type_of(expr, self.functions, &mut column)
    }

    /// Finds a column whose name was checked before.
    fn lookup(&self, name: &Name) -> Option<&Column> {
        let fits =
            |source: &&Source<'_>| name.qualifiers().is_empty() || ends_with(&source.name, name.qualifiers());
        self.scopes.iter().rev().find_map(|scope| {
            let sources = scope.sources.iter().filter(fits);
            sources.flat_map(|source| source.columns.iter()).find(|column| name.last().names(&column.name))
        })
    }

    /// The unit of a value, where its columns and functions tell one.
    fn unit_of(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Column(name) => self.lookup(name)?.unit.clone().filter(|unit| !unit.is_empty()),
            ExprKind::InUnit { unit, .. } => Some(unit.clone()),
            ExprKind::Parens(inner) | ExprKind::Cast { expr: inner, .. } => self.unit_of(inner),
            ExprKind::Unary { operator: Unary::Plus | Unary::Minus, expr: inner } => self.unit_of(inner),
            ExprKind::Aggregate { function, argument: Some(inner), .. } if *function != Aggregate::Count => {
                self.unit_of(inner)
            }
            ExprKind::Call { function, arguments }
                if ["ABS", "CEILING", "FLOOR", "ROUND", "TRUNCATE"].contains(&function.as_str()) =>
            {
                self.unit_of(arguments.first()?)
            }
            ExprKind::Distance(_) => Some("deg".to_string()),
            _ => None,
        }
    }

    /// The number that turns a value into a unit; `None` where a column of it is wrong already.
    fn factor(&self, value: &Expr, unit: &str, span: Span) -> Result<Option<f64>, Error> {
        let Some(from) = self.unit_of(value) else {
            if let ExprKind::Column(name) = &value.kind
                && self.lookup(name).is_none()
            {
                return Ok(None);
            }
            let hint = "give IN_UNIT a column that has one";
            return Err(Error::new(Kind::Unit, value.span, "nobody says the unit of this").hint(hint));
        };
        units::factor(&from, unit).map(Some).map_err(|misfit| misfit.at(span, [&from, unit]))
    }

    /// Spells the name of a column; gives what stands in its place where it is made of several.
    fn column(&mut self, name: &mut Name) -> Option<ExprKind> {
        for scope in self.scopes.iter().rev() {
            let alias = scope.aliases.iter().find(|alias| name_is(&name.0, alias));
            let found = match (scope.find(name), alias) {
                (Meaning::Unknown, Some(alias)) => {
                    name.0[0].name.clone_from(alias);
                    fix(&mut name.0[0]);
                    return None;
                }
                (Meaning::Unknown, None) => continue,
                (Meaning::Ambiguous([a, b]), _) => {
                    let message = format!("column `{name}` is in {a} and in {b}");
                    let error = Error::new(Kind::Ambiguous, name.span(), message);
                    let hint = format!("write {a}.{} or {b}.{}", name.last().name, name.last().name);
                    self.errors.push(error.hint(hint));
                    return None;
                }
                (Meaning::Twice(table), _) => {
                    let error = scope::twice(name.last(), name.span(), &table);
                    self.errors.push(error);
                    return None;
                }
                (Meaning::Column(found), _) => found,
            };
            let column = &scope.column(&found).name;
            if name.qualifiers().is_empty() && !scope.in_several(column) {
                name.0[0].name.clone_from(column);
                fix(&mut name.0[0]);
                return None;
            }
            return Some(scope.value(&found, name.span()).kind);
        }
        if self.scopes.iter().any(|scope| scope.broken) {
            return None;
        }
        let message = match name.qualifiers() {
            [] => format!("no column `{name}`"),
            _ => format!("no column `{name}` in the tables of FROM"),
        };
        let known: Vec<&str> = self
            .scopes
            .iter()
            .rev()
            .flat_map(Scope::known)
            .flat_map(|source| source.columns.iter().map(|column| column.name.as_str()))
            .collect();
        let error = Error::new(Kind::UnknownColumn, name.span(), message);
        let error = did_you_mean(error, &name.last().name, known);
        self.wrong(error);
        None
    }

    fn position(&mut self, position: &mut Position) {
        match position {
            Position::Point(point) => {
                self.expr(point);
                self.fits(point, Type::Point, "a point");
            }
            Position::Coordinates(pair) => pair.iter_mut().for_each(|value| self.number(value)),
        }
    }

    fn number(&mut self, expr: &mut Expr) {
        self.expr(expr);
        self.fits(expr, Type::Double, "a number");
    }

    /// A literal fits by the grammar; a column or a function must have the type.
    fn fits(&mut self, expr: &Expr, wanted: Type, what: &str) {
        let found = self.type_of(expr);
        if !matches!(expr.kind, ExprKind::Text(_)) && !found.fits(wanted) {
            let message = format!("this is {}, {what} is wanted", found.name());
            self.wrong(Error::new(Kind::Type, expr.span, message));
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Null | ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Region { .. } => {}
            ExprKind::Column(name) => {
                if let Some(kind) = self.column(name) {
                    expr.kind = kind;
                }
            }
            ExprKind::Parens(inner) | ExprKind::Cast { expr: inner, .. } => self.expr(inner),
            ExprKind::Unary { expr: inner, .. } => self.number(inner),
            ExprKind::Binary { operator, left, right } => {
                for side in [left, right] {
                    self.expr(side);
                    let found = self.type_of(side).family();
                    let literal = matches!(side.kind, ExprKind::Text(_));
                    if found == Family::Geometry
                        || found == Family::Text && operator.symbol() != "||" && !literal
                    {
                        let message = format!("`{}` of {}", operator.symbol(), self.type_of(side).name());
                        self.wrong(Error::new(Kind::Type, side.span, message));
                    }
                }
            }
            ExprKind::Aggregate { function, argument, .. } => {
                if let Some(argument) = argument {
                    self.expr(argument);
                    if let Some(span) = aggregate_in(argument) {
                        self.wrong(Error::new(Kind::Aggregate, span, "an aggregate within an aggregate"));
                    }
                    if matches!(function.name(), "SUM" | "AVG") {
                        self.fits(argument, Type::Double, "a number");
                    }
                }
            }
            ExprKind::Call { function, arguments } => {
                arguments.iter_mut().for_each(|argument| self.expr(argument));
                match (function.as_str(), builtin(function)) {
                    (_, Some(builtin)) => {
                        let (wanted, what) =
                            if builtin.text { (Type::Varchar, "text") } else { (Type::Double, "a number") };
                        arguments.iter().for_each(|argument| self.fits(argument, wanted, what));
                    }
                    ("COORD1" | "COORD2", _) => self.fits(&arguments[0], Type::Point, "a point"),
                    ("AREA" | "CENTROID" | "COORDSYS", _) => {
                        self.fits(&arguments[0], Type::Region, "a geometry")
                    }
                    ("COALESCE", _) => {
                        let first = self.type_of(&arguments[0]);
                        for other in &arguments[1..] {
                            if !self.type_of(other).comparable(first) {
                                let (a, b) = (first.name(), self.type_of(other).name());
                                let message = format!("COALESCE of {a} and {b}");
                                self.wrong(Error::new(Kind::Type, other.span, message));
                            }
                        }
                    }
                    (name, None) => {
                        let types: Vec<_> =
                            arguments.iter().map(|arg| (self.type_of(arg), arg.span)).collect();
                        if name != "crossmatch_positional"
                            && let Err(error) = self.functions.resolve(name, &types, span)
                        {
                            self.wrong(error);
                        }
                    }
                }
            }
            ExprKind::InUnit { expr: inner, unit, factor } => {
                self.number(inner);
                match self.factor(inner, unit, span) {
                    Ok(found) => *factor = found,
                    Err(error) => self.wrong(error),
                }
            }
            ExprKind::Point { coordinates, .. } => {
                coordinates.iter_mut().for_each(|value| self.number(value))
            }
            ExprKind::Circle { center, radius, .. } => {
                self.position(center);
                self.number(radius);
            }
            ExprKind::Box { center, size, .. } => {
                self.position(center);
                size.iter_mut().for_each(|value| self.number(value));
            }
            ExprKind::Polygon { vertices, .. } => {
                // Six columns and more can be pairs of numbers or points; the tables tell.
                let points = vertices.iter().all(|vertex| match vertex {
                    Position::Coordinates(pair) => pair.iter().all(|value| match &value.kind {
                        ExprKind::Column(name) => {
                            self.lookup(name).is_some_and(|c| c.datatype == Type::Point)
                        }
                        _ => false,
                    }),
                    Position::Point(_) => false,
                });
                if points {
                    let old = std::mem::take(vertices);
                    *vertices = old
                        .into_iter()
                        .flat_map(|vertex| match vertex {
                            Position::Coordinates(pair) => {
                                pair.into_iter().map(|value| Position::Point(Box::new(value))).collect()
                            }
                            point => vec![point],
                        })
                        .collect();
                }
                vertices.iter_mut().for_each(|vertex| self.position(vertex));
            }
            ExprKind::Predicate { operands, .. } => {
                for operand in operands.iter_mut() {
                    self.expr(operand);
                    self.fits(operand, Type::Region, "a geometry");
                }
            }
            ExprKind::Distance(positions) => {
                positions.iter_mut().for_each(|position| self.position(position))
            }
        }
    }

    fn subquery(&mut self, query: &mut Query, one_column: bool) {
        let columns = self.query(query);
        if one_column && columns.len() != 1 && !self.scope().broken {
            let message = format!("a query of {} columns in IN, one is wanted", columns.len());
            let span = first_span(&query.body);
            self.wrong(Error::new(Kind::Query, span, message));
        }
    }

    fn condition(&mut self, condition: &mut Condition) {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter_mut().for_each(|part| self.condition(part))
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::Compare { operator, left, right } => {
                self.expr(left);
                self.expr(right);
                let (a, b) = (self.type_of(left), self.type_of(right));
                let literal = |e: &Expr| matches!(e.kind, ExprKind::Text(_));
                let order = !matches!(operator, Comparison::Equal | Comparison::NotEqual);
                let geometry = a.family() == Family::Geometry && b.family() == Family::Geometry;
                if !a.comparable(b) && !literal(left) && !literal(right) || order && geometry {
                    let message = format!("{} compared with {}", a.name(), b.name());
                    let span = left.span.to(right.span);
                    self.wrong(Error::new(Kind::Type, span, message));
                }
            }
            Condition::Between { expr, low, high, .. } => {
                [expr, low, high].into_iter().for_each(|e| self.expr(e))
            }
            Condition::InList { expr, list, .. } => {
                self.expr(expr);
                list.iter_mut().for_each(|value| self.expr(value));
            }
            Condition::InQuery { expr, query, .. } => {
                self.expr(expr);
                self.subquery(query, true);
            }
            Condition::Like { expr, pattern, .. } => {
                for side in [expr, pattern] {
                    self.expr(side);
                    self.fits(side, Type::Varchar, "text");
                }
            }
            Condition::IsNull { expr, .. } => self.expr(expr),
            Condition::Exists(query) => self.subquery(query, false),
            Condition::Region { left, right, .. } => {
                for side in [left, right] {
                    self.expr(side);
                    self.fits(side, Type::Region, "a geometry");
                }
            }
            Condition::Within { from, to, radius, .. } => {
                self.position(from);
                self.position(to);
                self.number(radius);
            }
        }
    }

    /// Where rows are grouped, every column of the select list is one that the rows of a group share.
    fn aggregates(&mut self, select: &Select) {
        if let Some(span) = select.filter.as_ref().and_then(aggregate_in_condition) {
            let error = Error::new(Kind::Aggregate, span, "an aggregate in WHERE");
            self.wrong(error.hint("write it in HAVING"));
        }
        let values: Vec<&Expr> = select
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Expr { expr, .. } => Some(expr),
                _ => None,
            })
            .collect();
        let grouped = !select.group_by.is_empty() || select.having.is_some();
        if !grouped && !values.iter().any(|expr| aggregate_in(expr).is_some() || self.custom_aggregate(expr))
        {
            return;
        }
        for item in &select.items {
            if let (Item::Expr { expr, alias }, false) = (item, select.group_by.is_empty()) {
                let by_alias = alias.as_ref().is_some_and(|alias| {
                    select.group_by.iter().any(
                        |g| matches!(&g.kind, ExprKind::Column(n) if n.0.len() == 1 && *n.last() == *alias),
                    )
                });
                if by_alias {
                    continue;
                }
                self.grouped(expr, &select.group_by);
            } else if let Item::Expr { expr, .. } = item {
                self.grouped(expr, &[]);
            }
        }
    }

    fn custom_aggregate(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Call { function, .. }
            if self.functions.named(function).is_some_and(|signature| signature.aggregate))
    }

    fn grouped(&mut self, expr: &Expr, groups: &[Expr]) {
        let same = |group: &Expr| match (&group.kind, &expr.kind) {
            (ExprKind::Column(a), ExprKind::Column(b)) => {
                a.0.iter().rev().zip(b.0.iter().rev()).all(|(a, b)| a == b)
            }
            (a, b) => a == b,
        };
        if groups.iter().any(same) || self.custom_aggregate(expr) {
            return;
        }
        if let ExprKind::Column(name) = &expr.kind {
            let message = format!("column `{name}` beside aggregates is not in GROUP BY");
            let error = Error::new(Kind::Aggregate, expr.span, message);
            self.wrong(error.hint(format!("add it to GROUP BY, or take MIN({name})")));
            return;
        }
        for part in parts(expr) {
            self.grouped(part, groups);
        }
    }
}

fn name_is(parts: &[Ident], alias: &str) -> bool {
    matches!(parts, [one] if one.names(alias))
}

/// What a name in ORDER BY means if it is that of one column of the result, which goes before those of tables: SQL-92, section
/// 13.1 (general rule 3).
fn result_of(body: &Body, columns: &[Column], name: &Ident) -> Option<ExprKind> {
    let Body::Select(select) = body else { return None };
    let mut named = columns.iter().filter(|column| name.names(&column.name));
    let (Some(column), None) = (named.next(), named.next()) else { return None };
    select.items.iter().find_map(|item| match item {
        Item::Expr { alias: Some(alias), .. } if alias.name == column.name => {
            Some(ExprKind::Column(Name(vec![alias.clone()])))
        }
        Item::Expr { expr, alias: None } => match &expr.kind {
            ExprKind::Column(own) if own.last().name == column.name => Some(expr.kind.clone()),
            _ => None,
        },
        _ => None,
    })
}

/// `SELECT items FROM from`.
fn selected(items: Vec<Item>, from: &From) -> Query {
    let select = Select {
        distinct: false,
        top: None,
        items,
        from: vec![from.clone()],
        filter: None,
        group_by: Vec::new(),
        having: None,
    };
    Query { with: Vec::new(), body: Body::Select(Box::new(select)), order_by: Vec::new(), offset: None }
}

/// The full name of a table, as engines know it.
fn spelt(full: &[String], span: Span) -> Vec<Ident> {
    full.iter().map(|part| Ident { name: part.clone(), delimited: true, span }).collect()
}

/// The values that a value is made of, but for those within aggregates.
fn parts(expr: &Expr) -> Vec<&Expr> {
    fn positions<'a>(list: impl IntoIterator<Item = &'a Position>) -> Vec<&'a Expr> {
        let mut values = Vec::new();
        for position in list {
            match position {
                Position::Point(point) => values.push(&**point),
                Position::Coordinates(pair) => values.extend(pair.iter()),
            }
        }
        values
    }
    match &expr.kind {
        ExprKind::Parens(inner)
        | ExprKind::Unary { expr: inner, .. }
        | ExprKind::Cast { expr: inner, .. }
        | ExprKind::InUnit { expr: inner, .. } => vec![inner],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Call { arguments, .. } => arguments.iter().collect(),
        ExprKind::Point { coordinates, .. } => coordinates.iter().collect(),
        ExprKind::Circle { center, radius, .. } => {
            let mut values = positions([center]);
            values.push(radius);
            values
        }
        ExprKind::Box { center, size, .. } => {
            let mut values = positions([center]);
            values.extend(size.iter());
            values
        }
        ExprKind::Polygon { vertices, .. } => positions(vertices),
        ExprKind::Predicate { operands, .. } => operands.iter().collect(),
        ExprKind::Distance(pair) => positions(pair.iter()),
        _ => Vec::new(),
    }
}

fn aggregate_in(expr: &Expr) -> Option<crate::Span> {
    match &expr.kind {
        ExprKind::Aggregate { .. } => Some(expr.span),
        _ => parts(expr).into_iter().find_map(aggregate_in),
    }
}

fn aggregate_in_condition(condition: &Condition) -> Option<crate::Span> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().find_map(aggregate_in_condition),
        Condition::Not(inner) => aggregate_in_condition(inner),
        Condition::Compare { left, right, .. } | Condition::Region { left, right, .. } => {
            aggregate_in(left).or_else(|| aggregate_in(right))
        }
        Condition::Between { expr, low, high, .. } => [expr, low, high].into_iter().find_map(aggregate_in),
        Condition::InList { expr, list, .. } => {
            aggregate_in(expr).or_else(|| list.iter().find_map(aggregate_in))
        }
        Condition::Like { expr, pattern, .. } => aggregate_in(expr).or_else(|| aggregate_in(pattern)),
        Condition::InQuery { expr, .. } | Condition::IsNull { expr, .. } => aggregate_in(expr),
        Condition::Exists(_) => None,
        Condition::Within { radius, .. } => aggregate_in(radius),
    }
}

/// Where a body's first select list begins, as far as its tree knows.
fn first_span(body: &Body) -> crate::Span {
    match body {
        Body::Select(select) => match &select.items[0] {
            Item::Expr { expr, .. } => expr.span,
            Item::QualifiedStar(name) => name.span(),
            Item::Star => table_span(&select.from[0].table),
        },
        Body::Nested(query) => first_span(&query.body),
        Body::Set { left, .. } => first_span(left),
    }
}

fn table_span(table: &Table) -> crate::Span {
    match table {
        Table::Named { name, alias } => {
            alias.as_ref().map_or(name.span(), |alias| name.span().to(alias.span))
        }
        Table::Derived { alias, .. } => alias.span,
        Table::Nested { from, .. } => table_span(&from.table),
    }
}
