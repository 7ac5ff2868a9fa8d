//! Names and types against the tables that there are.
//!
//! The checked query spells every name as the engine knows it, and delimits it; entries of the outermost select list
//! without a name get one. NATURAL and USING are written as ON, and `*` over what they made one of as its columns, so that
//! engines need not agree on them. Region predicates stay what they are (see [`crate::tree::Condition`]).

mod results;
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
use results::{Alias, Use, columns_in};
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
        errors: Vec::new(),
        grouping: false,
    };
    let mut query = query.clone();
    let columns = checker.query(&mut query, Use::Answer);
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
    errors: Vec<Error>,
    /// Whether what is looked at is in GROUP BY.
    grouping: bool,
}

/// Spells an identifier as it was written, so that engines keep its case.
fn fix(ident: &mut Ident) {
    ident.delimited = true;
}

impl<'a> Checker<'a> {
    fn wrong(&mut self, error: Error) {
        self.errors.push(error);
    }

    fn query(&mut self, query: &mut Query, of: Use) -> Vec<Column> {
        for cte in &mut query.with {
            let columns = self.query(&mut cte.query, Use::Table);
            fix(&mut cte.name);
            self.named.push((cte.name.name.clone(), columns));
        }
        let mut beside = Vec::new();
        for term in &query.order_by {
            match &term.expr.kind {
                ExprKind::Column(name) if name.qualifiers().is_empty() => {}
                _ => columns_in(&term.expr, &mut beside),
            }
        }
        let beside: Vec<Ident> = beside.into_iter().map(|name| name.last().clone()).collect();
        let (columns, scope) = match &mut query.body {
            Body::Select(select) => self.select(select, of, &beside),
            body => {
                let columns = self.body(body, of);
                let alias = |column: &Column| {
                    let name = column.name.clone();
                    Alias { spelt: name.clone(), name, value: None }
                };
                let aliases = columns.iter().map(alias).collect();
                (columns, Scope { aliases, ..Scope::default() })
            }
        };
        self.scopes.push(scope);
        for term in &mut query.order_by {
            self.order(&mut term.expr, &query.body, &columns);
        }
        self.scopes.pop();
        columns
    }

    /// A term of ORDER BY: the number or the name of a column of the result, or a value.
    fn order(&mut self, term: &mut Expr, body: &Body, columns: &[Column]) {
        let select = match body {
            Body::Select(select) => Some(&**select),
            _ => None,
        };
        match &term.kind {
            ExprKind::Number(text) if text.parse().is_ok_and(|n: usize| n == 0 || n > columns.len()) => {
                let message = format!("there is no column {text}, the query has {}", columns.len());
                self.wrong(Error::new(Kind::UnknownColumn, term.span, message));
                return;
            }
            ExprKind::Number(_) => return,
            ExprKind::Column(name) if name.qualifiers().is_empty() => {
                if let Some(select) = select
                    && let Some(value) = self.scope().result(&select.items, columns, name.last())
                {
                    term.kind = value;
                    return;
                }
            }
            _ => {}
        }
        self.expr(term);
        let Some(select) = select else { return };
        if self.is_grouped(select) {
            let groups = self.groups(select);
            let value = self.scope().plain(term);
            self.grouped(&value, &groups);
        } else if let Some(span) = self.aggregate_in(term) {
            self.wrong(Error::new(
                Kind::Aggregate,
                span,
                "an aggregate in ORDER BY of rows that are not grouped",
            ));
        }
        if !select.distinct {
            return;
        }
        let mut items = select.items.clone();
        let scope = self.scope();
        scope.write_out(&mut items, columns.len());
        let value = scope.plain(term);
        let is_it = |item: &Item| matches!(item, Item::Expr { expr, .. } if scope.plain(expr) == value);
        match items.iter().position(is_it) {
            // Engines know a value again by its number.
            Some(at) => term.kind = ExprKind::Number((at + 1).to_string()),
            None => {
                let message = "ORDER BY of a SELECT DISTINCT by what is no column of the result";
                self.wrong(Error::new(Kind::Query, term.span, message).hint("add it to the select list"));
            }
        }
    }

    fn body(&mut self, body: &mut Body, of: Use) -> Vec<Column> {
        match body {
            Body::Select(select) => self.select(select, of, &[]).0,
            Body::Nested(query) => self.query(query, of),
            Body::Set { left, right, .. } => {
                // Names are those of the left one.
                let (mut a, b) = (self.body(left, Use::Table), self.body(right, Use::Table));
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

    fn select(&mut self, select: &mut Select, of: Use, beside: &[Ident]) -> (Vec<Column>, Scope<'a>) {
        self.scopes.push(Scope::default());
        for from in &mut select.from {
            self.from(from);
        }
        if let Some(filter) = &mut select.filter {
            self.condition(filter);
        }
        let mut columns = Vec::new();
        for item in &mut select.items {
            self.item(item, &mut columns);
        }
        let scope = self.scope();
        if scope.merged {
            scope.write_out(&mut select.items, columns.len());
        }
        scope.name_results(&mut select.items, &columns, of, beside);
        for expr in &mut select.group_by {
            self.grouping = true;
            self.expr(expr);
            self.grouping = false;
            if let Some(span) = self.aggregate_in(expr) {
                self.wrong(Error::new(Kind::Aggregate, span, "an aggregate in GROUP BY"));
            }
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
                let mut fitting = scope.sources.iter().filter(|source| ends_with(&source.name, &name.0));
                let first = fitting.next();
                if let (Some(a), Some(b)) = (first, fitting.next()) {
                    let message =
                        format!("table `{name}` can be {} or {}", a.name.join("."), b.name.join("."));
                    return self.wrong(Error::new(Kind::Ambiguous, name.span(), message));
                }
                match first {
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
                let is_merged = written.is_some() && matches!(expr.kind, ExprKind::Call { .. });
                if is_merged && alias.is_none() {
                    *alias = written;
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
                let known = match &expr.kind {
                    ExprKind::Column(name) => self.lookup(name),
                    ExprKind::Call { arguments, .. } if is_merged => match &arguments[0].kind {
                        ExprKind::Column(name) => self.lookup(name),
                        _ => None,
                    },
                    _ => None,
                };
                let known = known.map(|column| (column.ucd.clone(), column.description.clone()));
                let (ucd, description) = known.unwrap_or_default();
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
                    if let Some(span) = self.aggregate_in_condition(condition) {
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
                let columns = self.query(query, Use::Table);
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
                let mut items = vec![Item::Star];
                let scope = self.scope();
                if scope.merged {
                    scope.write_out(&mut items, columns.len());
                }
                scope.name_results(&mut items, &columns, Use::Table, &[]);
                let items = (items != [Item::Star]).then_some(items);
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
            ExprKind::Call { function, arguments } if function == "COALESCE" => {
                let unit = self.unit_of(arguments.first()?)?;
                arguments.iter().all(|other| self.unit_of(other).as_ref() == Some(&unit)).then_some(unit)
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
        for (around, scope) in self.scopes.iter().rev().enumerate() {
            // Subqueries do not know the results of the query around them.
            let alias = if around == 0 { scope.alias(name) } else { None };
            let found = match (scope.find(name), alias) {
                // In GROUP BY a constant would be the number of a column.
                (Meaning::Unknown, Some(Alias { value: Some(value), .. }))
                    if !(self.grouping && parts(value).is_empty() && columns_of(value).is_empty()) =>
                {
                    return Some(match &value.kind {
                        kind @ (ExprKind::Column(_) | ExprKind::Call { .. } | ExprKind::Aggregate { .. }) => {
                            kind.clone()
                        }
                        _ => ExprKind::Parens(Box::new(value.clone())),
                    });
                }
                (Meaning::Unknown, Some(alias)) => {
                    name.0[0].name.clone_from(&alias.spelt);
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
            if name.qualifiers().is_empty() && !scope.is_taken(column) {
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
                    if let Some(span) = self.aggregate_in(argument) {
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
        let columns = self.query(query, Use::Values);
        if one_column && columns.len() != 1 && !self.scope().broken {
            let message = format!("a query of {} columns in IN, one is wanted", columns.len());
            let span = first_span(&query.body);
            self.wrong(Error::new(Kind::Query, span, message));
        }
    }

    /// Of EXISTS it matters whether there are rows, not what they are.
    fn without_list(&self, query: &mut Query) {
        let Body::Select(select) = &mut query.body else { return };
        if self.is_grouped(select) || select.top == Some(0) || query.offset.is_some() {
            return;
        }
        let span = Span::default();
        let one = Expr { kind: ExprKind::Number("1".into()), span };
        let alias = Ident { name: "one".into(), delimited: true, span };
        select.items = vec![Item::Expr { expr: one, alias: Some(alias) }];
        (select.distinct, select.top) = (false, None);
        query.order_by.clear();
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
            Condition::Exists(query) => {
                self.subquery(query, false);
                self.without_list(query);
            }
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
        if let Some(span) = select.filter.as_ref().and_then(|filter| self.aggregate_in_condition(filter)) {
            let error = Error::new(Kind::Aggregate, span, "an aggregate in WHERE");
            self.wrong(error.hint("write it in HAVING"));
        }
        if !self.is_grouped(select) {
            return;
        }
        let groups = self.groups(select);
        for item in &select.items {
            match item {
                Item::Expr { expr, .. } => {
                    let value = self.scope().plain(expr);
                    self.grouped(&value, &groups);
                }
                star => {
                    let mut columns = vec![star.clone()];
                    self.scope().write_out(&mut columns, 0);
                    let span = match star {
                        Item::QualifiedStar(name) => name.span(),
                        _ => table_span(&select.from[0].table),
                    };
                    let wrong = columns.iter().find_map(|column| match column {
                        Item::Expr { expr, .. } if !groups.contains(expr) => Some(expr),
                        _ => None,
                    });
                    if let Some(Expr { kind: ExprKind::Column(name), .. }) = wrong {
                        let message = format!("column `{}` of `*` is not in GROUP BY", name.last().name);
                        let error = Error::new(Kind::Aggregate, span, message);
                        self.wrong(error.hint("name the columns that are grouped"));
                    }
                }
            }
        }
        if let Some(having) = &select.having {
            for value in values_in(having) {
                let value = self.scope().plain(value);
                self.grouped(&value, &groups);
            }
        }
    }

    /// What rows are grouped by, each name in full.
    fn groups(&mut self, select: &Select) -> Vec<Expr> {
        let scope = self.scope();
        select.group_by.iter().map(|group| scope.plain(group)).collect()
    }

    /// Whether the rows of a SELECT are groups.
    fn is_grouped(&self, select: &Select) -> bool {
        let aggregates = |item: &Item| match item {
            Item::Expr { expr, .. } => self.aggregate_in(expr).is_some(),
            _ => false,
        };
        !select.group_by.is_empty() || select.having.is_some() || select.items.iter().any(aggregates)
    }

    /// Where an aggregate is in a value.
    fn aggregate_in(&self, expr: &Expr) -> Option<Span> {
        match &expr.kind {
            ExprKind::Aggregate { .. } => Some(expr.span),
            _ if self.custom_aggregate(expr) => Some(expr.span),
            _ => parts(expr).into_iter().find_map(|part| self.aggregate_in(part)),
        }
    }

    fn aggregate_in_condition(&self, condition: &Condition) -> Option<Span> {
        values_in(condition).into_iter().find_map(|value| self.aggregate_in(value))
    }

    fn custom_aggregate(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Call { function, .. }
            if self.functions.named(function).is_some_and(|signature| signature.aggregate))
    }

    /// Every column in a value is one that the rows of a group share.
    fn grouped(&mut self, expr: &Expr, groups: &[Expr]) {
        if matches!(expr.kind, ExprKind::Aggregate { .. })
            || groups.contains(expr)
            || self.custom_aggregate(expr)
        {
            return;
        }
        if let ExprKind::Column(name) = &expr.kind {
            // A column of a query around this one is the same for all rows.
            if matches!(self.scope().find(name), Meaning::Unknown) {
                return;
            }
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

/// The columns of a value.
fn columns_of(value: &Expr) -> Vec<&Name> {
    let mut found = Vec::new();
    columns_in(value, &mut found);
    found
}

/// The values that a value is made of, those within aggregates too.
fn parts_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    fn positions<'a>(list: impl IntoIterator<Item = &'a mut Position>) -> Vec<&'a mut Expr> {
        let mut values = Vec::new();
        for position in list {
            match position {
                Position::Point(point) => values.push(&mut **point),
                Position::Coordinates(pair) => values.extend(pair.iter_mut()),
            }
        }
        values
    }
    match &mut expr.kind {
        ExprKind::Parens(inner)
        | ExprKind::Unary { expr: inner, .. }
        | ExprKind::Cast { expr: inner, .. }
        | ExprKind::InUnit { expr: inner, .. }
        | ExprKind::Aggregate { argument: Some(inner), .. } => vec![inner],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Call { arguments, .. } => arguments.iter_mut().collect(),
        ExprKind::Point { coordinates, .. } => coordinates.iter_mut().collect(),
        ExprKind::Circle { center, radius, .. } => {
            let mut values = positions([center]);
            values.push(radius);
            values
        }
        ExprKind::Box { center, size, .. } => {
            let mut values = positions([center]);
            values.extend(size.iter_mut());
            values
        }
        ExprKind::Polygon { vertices, .. } => positions(vertices),
        ExprKind::Predicate { operands, .. } => operands.iter_mut().collect(),
        ExprKind::Distance(pair) => positions(pair.iter_mut()),
        _ => Vec::new(),
    }
}

/// The values that a value is made of, but for those within aggregates.
fn parts(expr: &Expr) -> Vec<&Expr> {
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

/// The values of a condition, but for those of subqueries.
fn values_in(condition: &Condition) -> Vec<&Expr> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(values_in).collect(),
        Condition::Not(inner) => values_in(inner),
        Condition::Compare { left, right, .. } | Condition::Region { left, right, .. } => vec![left, right],
        Condition::Between { expr, low, high, .. } => vec![expr, low, high],
        Condition::InList { expr, list, .. } => std::iter::once(expr).chain(list).collect(),
        Condition::Like { expr, pattern, .. } => vec![expr, pattern],
        Condition::InQuery { expr, .. } | Condition::IsNull { expr, .. } => vec![expr],
        Condition::Exists(_) => Vec::new(),
        Condition::Within { from, to, radius, .. } => {
            let mut values = positions([from, to]);
            values.push(radius);
            values
        }
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
