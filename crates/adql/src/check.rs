//! Names and types against the tables that there are.
//!
//! The checked query spells every name as the engine knows it, and delimits it; entries of the outermost select list
//! without a name get one. NATURAL and USING are written as ON, and `*` over what they made one of as its columns, so that
//! engines need not agree on them. Region predicates stay what they are (see [`crate::tree::Condition`]).

mod from;
mod groups;
mod names;
mod parts;
mod results;
mod scope;
mod values;

use std::collections::BTreeSet;

use crate::error::{Error, Errors, Kind, did_you_mean};
use crate::functions::Functions;
use crate::tables::{Column, Tables, ends_with};
use crate::tree::{Body, Expr, ExprKind, Ident, Item, Query, Select, Table};
use from::spelt;
use parts::columns_in;
use results::{Alias, Use};
use scope::Scope;

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
        self.scope().name_results(&mut select.items, &columns, of, beside);
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
