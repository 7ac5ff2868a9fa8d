//! The tables of one SELECT, and the columns that names mean in it.
//!
//! Columns that USING and NATURAL make one of are kept with all that they are made of, so that engines are asked for these by
//! name and need not make one of them the same way: SQL-92, section 7.5 (syntax rules 6 and 7).

use std::borrow::Cow;

use super::results::{Alias, told_apart};
use crate::error::{Error, Kind, Span};
use crate::tables::{Column, ends_with};
use crate::tree::{Comparison, Condition, Expr, ExprKind, Ident, Item, JoinKind, Name};

/// A table of a FROM clause.
pub(super) struct Source<'a> {
    /// The alias alone, or the full name.
    pub(super) name: Vec<String>,
    pub(super) columns: Cow<'a, [Column]>,
}

impl Source<'_> {
    /// The name of a column to the engine.
    fn spelt(&self, column: usize) -> Cow<'_, str> {
        let name = &self.columns[column].name;
        let others = self.columns.iter().filter(|other| other.name == *name).count() > 1;
        match others.then(|| told_apart(&self.columns)).flatten() {
            Some(mut names) => Cow::Owned(names.swap_remove(column)),
            None => Cow::Borrowed(name),
        }
    }
}

/// A column of a table, by their places.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    source: usize,
    column: usize,
}

/// A column that names without a table can mean and `*` gives.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// One of a table.
    One(Place),
    /// The first of these that is not NULL: a FULL JOIN made one of them.
    FirstOf(Vec<Place>),
}

impl Shown {
    fn places(&self) -> &[Place] {
        match self {
            Shown::One(place) => std::slice::from_ref(place),
            Shown::FirstOf(places) => places,
        }
    }

    /// What tells most of it.
    fn first(&self) -> Place {
        self.places()[0]
    }
}

/// The tables of one SELECT.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub(super) sources: Vec<Source<'a>>,
    /// The first of them that the join under way knows.
    pub(super) first: usize,
    /// The columns of the tables from there on, in the order of `*`.
    pub(super) shown: Vec<Shown>,
    /// Whether NATURAL or USING made one of several, so that `*` has to be written out.
    pub(super) merged: bool,
    /// Names of the select list that are not of tables, for ORDER BY, GROUP BY and HAVING.
    pub(super) aliases: Vec<Alias>,
    /// Whether something is unknown, so that unknown columns are no news.
    pub(super) broken: bool,
}

/// What a name of a column means.
pub(super) enum Meaning {
    /// Nothing here.
    Unknown,
    /// Columns of two tables.
    Ambiguous([String; 2]),
    /// Two columns of a table.
    Twice(String),
    Column(Shown),
}

impl<'a> Scope<'a> {
    /// Adds a table, whose columns are shown behind the others.
    pub(super) fn add(&mut self, source: Source<'a>) {
        let at = self.sources.len();
        let places = (0..source.columns.len()).map(|column| Place { source: at, column });
        self.shown.extend(places.map(Shown::One));
        self.sources.push(source);
    }

    fn at(&self, place: Place) -> &Column {
        &self.sources[place.source].columns[place.column]
    }

    /// What is known of a column.
    pub(super) fn column(&self, shown: &Shown) -> &Column {
        self.at(shown.first())
    }

    /// The tables that can be named here.
    pub(super) fn known(&self) -> &[Source<'a>] {
        &self.sources[self.first..]
    }

    /// What a name means.
    pub(super) fn find(&self, name: &Name) -> Meaning {
        let last = name.last();
        if name.qualifiers().is_empty() {
            return self.one_of(last, self.shown.iter().filter(|shown| last.names(&self.column(shown).name)));
        }
        let fits = |at: &usize| ends_with(&self.sources[*at].name, name.qualifiers());
        let places = (self.first..self.sources.len()).filter(fits).flat_map(|source| {
            (0..self.sources[source].columns.len()).map(move |column| Place { source, column })
        });
        let named: Vec<Shown> =
            places.filter(|place| last.names(&self.at(*place).name)).map(Shown::One).collect();
        self.one_of(last, &named)
    }

    /// Which of the columns of a name is meant.
    fn one_of<'s>(&self, name: &Ident, found: impl IntoIterator<Item = &'s Shown>) -> Meaning {
        let found: Vec<&Shown> = found.into_iter().collect();
        let Some(first) = found.first() else { return Meaning::Unknown };
        let table = |shown: &Shown| shown.first().source;
        match found.iter().find(|other| table(other) != table(first)) {
            Some(other) => {
                let tables = [first, other].map(|shown| self.sources[table(shown)].name.join("."));
                Meaning::Ambiguous(tables)
            }
            None if found.len() == 1 => Meaning::Column((*first).clone()),
            // In one table names may differ in case alone; then the exact spelling wins.
            None => {
                let mut exact = found.iter().filter(|shown| self.column(shown).name == name.name);
                match (exact.next(), exact.next()) {
                    (Some(exact), None) => Meaning::Column((*exact).clone()),
                    _ => Meaning::Twice(self.sources[table(first)].name.join(".")),
                }
            }
        }
    }

    /// Whether a column has to be written with its table: others have its name, or a result has.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        let has = |source: &&Source<'_>| source.columns.iter().any(|column| column.name == name);
        self.sources.iter().filter(has).count() > 1 || self.aliases.iter().any(|alias| alias.spelt == name)
    }

    /// A column as a value with the names of its tables.
    pub(super) fn value(&self, shown: &Shown, span: Span) -> Expr {
        let column = |place: &Place| {
            let source = &self.sources[place.source];
            let spelt = source.spelt(place.column);
            let parts = source.name.iter().map(String::as_str).chain([&*spelt]);
            Expr { kind: ExprKind::Column(Name(parts.map(|part| ident(part, span)).collect())), span }
        };
        match shown.places() {
            [one] => column(one),
            several => {
                let arguments = several.iter().map(column).collect();
                Expr { kind: ExprKind::Call { function: "COALESCE".into(), arguments }, span }
            }
        }
    }

    /// The columns of `table.*`, by name.
    pub(super) fn columns_of(&self, table: &Name) -> Vec<Item> {
        let named = (0..self.sources.len()).find(|at| ends_with(&self.sources[*at].name, &table.0));
        let Some(source) = named else { return Vec::new() };
        let columns = 0..self.sources[source].columns.len();
        let value = |column| self.value(&Shown::One(Place { source, column }), Span::default());
        columns.map(|column| Item::Expr { expr: value(column), alias: None }).collect()
    }

    /// The columns that both sides of a join have, for NATURAL: names without a table, whatever their case.
    pub(super) fn shared(&self, left: &[Shown], right: &[Shown], span: Span) -> Vec<Ident> {
        let mut names: Vec<Ident> = Vec::new();
        for shown in left {
            let ident = Ident { name: self.column(shown).name.clone(), delimited: false, span };
            let in_right = right.iter().any(|other| ident.names(&self.column(other).name));
            if in_right && !names.iter().any(|other| other.same(&ident)) {
                names.push(ident);
            }
        }
        names
    }

    /// Makes one of the columns of a name on both sides of a join: what is equal of them, and what is shown of both.
    pub(super) fn merge(
        &mut self,
        kind: JoinKind,
        mut left: Vec<Shown>,
        mut right: Vec<Shown>,
        names: &[Ident],
        span: Span,
    ) -> Result<Condition, Error> {
        let (mut equal, mut merged) = (Vec::new(), Vec::new());
        for ident in names {
            let a = self.taken(&mut left, ident, "left")?;
            let b = self.taken(&mut right, ident, "right")?;
            let (x, y) = (self.column(&a).datatype, self.column(&b).datatype);
            if !x.comparable(y) {
                let (x, y) = (x.name(), y.name());
                let message =
                    format!("column `{}` is {x} on the left and {y} on the right of the join", ident.name);
                return Err(Error::new(Kind::Type, ident.span, message));
            }
            let [left, right] = [self.value(&a, ident.span), self.value(&b, ident.span)];
            equal.push(Condition::Compare { operator: Comparison::Equal, left, right });
            merged.push(match kind {
                JoinKind::Inner | JoinKind::Left => a,
                JoinKind::Right => b,
                JoinKind::Full => Shown::FirstOf([a.places(), b.places()].concat()),
            });
        }
        self.merged |= !merged.is_empty();
        self.shown = [merged, left, right].concat();
        Ok(match equal.len() {
            // Tables that share no column: each row with each.
            0 => {
                let one = || Expr { kind: ExprKind::Number("1".into()), span };
                Condition::Compare { operator: Comparison::Equal, left: one(), right: one() }
            }
            1 => equal.swap_remove(0),
            _ => Condition::And(equal),
        })
    }

    /// Takes the column of a name out of those of a side.
    fn taken(&self, side: &mut Vec<Shown>, ident: &Ident, which: &str) -> Result<Shown, Error> {
        let named = side.iter().filter(|shown| ident.names(&self.column(shown).name));
        match self.one_of(ident, named) {
            Meaning::Column(shown) => {
                side.retain(|other| *other != shown);
                Ok(shown)
            }
            Meaning::Ambiguous([a, b]) => {
                let message =
                    format!("column `{}` on the {which} of the join is in {a} and in {b}", ident.name);
                let hint = "write ON and the names of the tables";
                Err(Error::new(Kind::Ambiguous, ident.span, message).hint(hint))
            }
            Meaning::Twice(table) => Err(twice(ident, ident.span, &table)),
            Meaning::Unknown => {
                let message = format!("no column `{}` on the {which} of the join", ident.name);
                Err(Error::new(Kind::UnknownColumn, ident.span, message))
            }
        }
    }
}

/// A name as it is, for engines.
pub(super) fn ident(name: &str, span: Span) -> Ident {
    Ident { name: name.to_owned(), delimited: true, span }
}

/// A table with two columns of a name.
pub(super) fn twice(name: &Ident, span: Span, table: &str) -> Error {
    let error =
        Error::new(Kind::Ambiguous, span, format!("{table} has more than one column `{}`", name.name));
    error.hint("write it in quotes as it is spelt, or give the columns of a subquery names of their own")
}
