//! What the columns of a SELECT are called by engines, and which of them ORDER BY means.
//!
//! Engines differ in what they do with two columns of a name, and with a result that has the name of a column beside it. So
//! results get names of their own where these would meet: those of a subquery, which others name, where they are there twice; those
//! that nobody names (the answer's, which are known by their places, and of IN) wherever it helps.

use std::collections::BTreeSet;

use super::parts::parts_mut;
use super::scope::{Meaning, Scope, ident};
use crate::error::Span;
use crate::tables::Column;
use crate::tree::{Expr, ExprKind, Ident, Item, Name};

/// What becomes of the columns of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// They are the answer, in their order.
    Answer,
    /// They are those of a table, by name.
    Table,
    /// They are compared with others, by place.
    Values,
}

/// The name of a result, in a query and to the engine.
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) spelt: String,
    /// What stands for it within values, in GROUP BY and HAVING, where not all engines know its name.
    pub(super) value: Option<Expr>,
}

/// Names of columns to the engine, if two have one name.
pub(super) fn told_apart(columns: &[Column]) -> Option<Vec<String>> {
    let mut taken: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    if taken.len() == columns.len() {
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut names = Vec::with_capacity(columns.len());
    for Column { name, .. } in columns {
        names.push(if seen.insert(name) { name.clone() } else { fresh(name, &mut taken) });
    }
    Some(names)
}

/// A name that is not taken, which it is then.
fn fresh(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut others = (2_u64..).map(|n| format!("{name}_{n}"));
    others.find(|other| taken.insert(other.clone())).unwrap_or_else(|| name.to_owned())
}

impl Scope<'_> {
    /// Names the columns of a select list for the engine; `*` over what joins made one of is written out. `beside` are names of columns that ORDER BY has within values.
    pub(super) fn name_results(
        &mut self,
        items: &mut Vec<Item>,
        columns: &[Column],
        of: Use,
        beside: &[Ident],
    ) {
        if self.merged {
            self.write_out(items, columns.len());
        }
        if self.broken {
            return;
        }
        let names = match of {
            Use::Answer | Use::Table => told_apart(columns),
            Use::Values => {
                let of_sources = self.sources.iter().flat_map(|source| source.columns.iter());
                let mut taken = of_sources.chain(columns).map(|column| column.name.clone()).collect();
                Some(columns.iter().map(|column| fresh(&column.name, &mut taken)).collect())
            }
        };
        if let Some(names) = &names {
            self.write_out(items, columns.len());
            for ((item, column), name) in items.iter_mut().zip(columns).zip(names) {
                if let Item::Expr { expr, alias } = item
                    && column.name != *name
                {
                    *alias = Some(ident(name, expr.span));
                }
            }
        }
        if of == Use::Answer && !beside.is_empty() {
            let mut taken: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
            taken.extend(names.into_iter().flatten());
            for item in items.iter_mut() {
                if let Item::Expr { alias: Some(alias), .. } = item
                    && beside.iter().any(|other| other.names(&alias.name))
                    && self.has_column(&alias.name)
                {
                    alias.name = fresh(&alias.name, &mut taken);
                }
            }
        }
        if !items.iter().any(|item| matches!(item, Item::Expr { alias: Some(_), .. })) {
            return;
        }
        let mut at = 0;
        for item in items.iter() {
            if let Item::Expr { expr, alias: Some(alias) } = item
                && let Some(column) = columns.get(at)
            {
                let value = Some(expr.clone());
                self.aliases.push(Alias { name: column.name.clone(), spelt: alias.name.clone(), value });
            }
            at += self.width(item);
        }
    }

    /// The result of a name: spelt so, or otherwise in another case.
    pub(super) fn alias(&self, name: &Name) -> Option<&Alias> {
        let [ident] = &name.0[..] else { return None };
        let mut exact = self.aliases.iter().filter(|alias| ident.name == alias.name);
        exact.next().or_else(|| self.aliases.iter().find(|alias| ident.names(&alias.name)))
    }

    /// A value with its columns' names in full and without parentheses, by which it is known again.
    pub(super) fn plain(&self, value: &Expr) -> Expr {
        let mut value = value.clone();
        self.make_plain(&mut value);
        value
    }

    fn make_plain(&self, value: &mut Expr) {
        while let ExprKind::Parens(inner) = &mut value.kind {
            let inner = std::mem::replace(&mut **inner, Expr { kind: ExprKind::Null, span: Span::default() });
            *value = inner;
        }
        match &value.kind {
            ExprKind::Column(name) => {
                if let Meaning::Column(shown) = self.find(name) {
                    value.kind = self.value(&shown, value.span).kind;
                }
            }
            _ => parts_mut(value).into_iter().for_each(|part| self.make_plain(part)),
        }
    }

    fn has_column(&self, name: &str) -> bool {
        self.sources.iter().any(|source| source.columns.iter().any(|column| column.name == name))
    }

    /// How many columns an entry of a select list stands for.
    fn width(&self, item: &Item) -> usize {
        match item {
            Item::Star => self.shown.len(),
            Item::QualifiedStar(name) => self.columns_of(name).len(),
            Item::Expr { .. } => 1,
        }
    }

    /// Writes the columns of all `*` by name.
    pub(super) fn write_out(&self, items: &mut Vec<Item>, count: usize) {
        let mut written = Vec::with_capacity(count);
        for item in std::mem::take(items) {
            match item {
                Item::Star => written.extend(self.written_out()),
                Item::QualifiedStar(name) => written.extend(self.columns_of(&name)),
                item => written.push(item),
            }
        }
        *items = written;
    }

    /// The columns of `*`, by name.
    fn written_out(&self) -> Vec<Item> {
        let item = |shown| {
            let expr = self.value(shown, Span::default());
            let made = matches!(expr.kind, ExprKind::Call { .. });
            let alias = made.then(|| ident(&self.column(shown).name, Span::default()));
            Item::Expr { expr, alias }
        };
        self.shown.iter().map(item).collect()
    }

    /// What a name in ORDER BY means if it is that of one column of the result, which goes before those of tables: SQL-92, section
    /// 13.1 (general rule 3).
    pub(super) fn result(&self, items: &[Item], columns: &[Column], name: &Ident) -> Option<ExprKind> {
        let mut named: Vec<usize> = (0..columns.len()).filter(|at| name.names(&columns[*at].name)).collect();
        if named.len() > 1 {
            named.retain(|at| columns[*at].name == name.name);
        }
        let [wanted] = named[..] else { return None };
        let mut at = 0;
        for item in items {
            let width = self.width(item);
            if wanted >= at + width {
                at += width;
                continue;
            }
            let item = match item {
                Item::Star => self.written_out().swap_remove(wanted - at),
                Item::QualifiedStar(name) => self.columns_of(name).swap_remove(wanted - at),
                item => item.clone(),
            };
            return match item {
                Item::Expr { alias: Some(alias), .. } => Some(ExprKind::Column(Name(vec![alias]))),
                Item::Expr { expr, alias: None } => Some(expr.kind),
                _ => None,
            };
        }
        None
    }
}
