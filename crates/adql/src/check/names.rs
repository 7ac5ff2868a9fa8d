//! What a name of a column means, and what is known of it.

use super::results::Alias;
use super::scope::{self, Meaning, Scope, Source};
use super::{Checker, fix};
use crate::error::{Error, Kind, Span, did_you_mean};
use crate::infer::type_of;
use crate::tables::{Column, ends_with};
use crate::tree::{Aggregate, Expr, ExprKind, Name, Unary};
use crate::types::Type;
use crate::units;

impl Checker<'_> {
    pub(super) fn type_of(&self, expr: &Expr) -> Type {
        let mut column = |name: &Name| self.lookup(name).map_or(Type::Unknown, |column| column.datatype);
        type_of(expr, self.functions, &mut column)
    }

    /// Finds a column whose name was checked before.
    pub(super) fn lookup(&self, name: &Name) -> Option<&Column> {
        let fits =
            |source: &&Source<'_>| name.qualifiers().is_empty() || ends_with(&source.name, name.qualifiers());
        self.scopes.iter().rev().find_map(|scope| {
            let sources = scope.sources.iter().filter(fits);
            sources.flat_map(|source| source.columns.iter()).find(|column| name.last().names(&column.name))
        })
    }

    /// The unit of a value, where its columns and functions tell one.
    pub(super) fn unit_of(&self, expr: &Expr) -> Option<String> {
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
    pub(super) fn factor(&self, value: &Expr, unit: &str, span: Span) -> Result<Option<f64>, Error> {
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
    pub(super) fn column(&mut self, name: &mut Name) -> Option<ExprKind> {
        for (around, scope) in self.scopes.iter().rev().enumerate() {
            // Subqueries do not know the results of the query around them.
            let alias = if around == 0 { scope.alias(name) } else { None };
            let found = match (scope.find(name), alias) {
                // In GROUP BY a constant would be the number of a column.
                (Meaning::Unknown, Some(Alias { value: Some(value), .. }))
                    if !(self.grouping && is_constant(value)) =>
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
}

/// Whether a value is a literal.
fn is_constant(value: &Expr) -> bool {
    matches!(value.kind, ExprKind::Null | ExprKind::Number(_) | ExprKind::Text(_))
}
