//! The tables of a SELECT, and their joins.

use std::borrow::Cow;

use super::results::Use;
use super::scope::{Scope, Source, ident};
use super::{Checker, fix, table_span};
use crate::error::{Error, Kind, Span};
use crate::tree::{Body, Constraint, From, Ident, Item, Query, Select, Table};

impl Checker<'_> {
    pub(super) fn from(&mut self, from: &mut From) {
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

    pub(super) fn table(&mut self, table: &mut Table) {
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
                self.scope().name_results(&mut items, &columns, Use::Table, &[]);
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
pub(super) fn spelt(full: &[String], span: Span) -> Vec<Ident> {
    full.iter().map(|part| ident(part, span)).collect()
}
