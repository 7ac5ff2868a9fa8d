//! Aggregates, and what may stand beside them.

use super::parts::{parts, values_in};
use super::scope::Meaning;
use super::{Checker, table_span};
use crate::error::{Error, Kind, Span};
use crate::tree::{Condition, Expr, ExprKind, Item, Select};

impl Checker<'_> {
    /// Where rows are grouped, every column of the select list is one that the rows of a group share.
    pub(super) fn aggregates(&mut self, select: &Select) {
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
    pub(super) fn groups(&mut self, select: &Select) -> Vec<Expr> {
        let scope = self.scope();
        select.group_by.iter().map(|group| scope.plain(group)).collect()
    }

    /// Whether the rows of a SELECT are groups.
    pub(super) fn is_grouped(&self, select: &Select) -> bool {
        let aggregates = |item: &Item| match item {
            Item::Expr { expr, .. } => self.aggregate_in(expr).is_some(),
            _ => false,
        };
        !select.group_by.is_empty() || select.having.is_some() || select.items.iter().any(aggregates)
    }

    /// Where an aggregate is in a value.
    pub(super) fn aggregate_in(&self, expr: &Expr) -> Option<Span> {
        match &expr.kind {
            ExprKind::Aggregate { .. } => Some(expr.span),
            _ if self.custom_aggregate(expr) => Some(expr.span),
            _ => parts(expr).into_iter().find_map(|part| self.aggregate_in(part)),
        }
    }

    pub(super) fn aggregate_in_condition(&self, condition: &Condition) -> Option<Span> {
        values_in(condition).into_iter().find_map(|value| self.aggregate_in(value))
    }

    pub(super) fn custom_aggregate(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Call { function, .. }
            if self.functions.named(function).is_some_and(|signature| signature.aggregate))
    }

    /// Every column in a value is one that the rows of a group share.
    pub(super) fn grouped(&mut self, expr: &Expr, groups: &[Expr]) {
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
