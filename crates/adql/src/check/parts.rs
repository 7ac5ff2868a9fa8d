//! What values and conditions are made of.

use crate::tree::{Condition, Expr, ExprKind, Name, Position};

/// The columns in a value.
pub(super) fn columns_in<'e>(expr: &'e Expr, found: &mut Vec<&'e Name>) {
    match &expr.kind {
        ExprKind::Column(name) => found.push(name),
        ExprKind::Aggregate { argument: Some(inner), .. } => columns_in(inner, found),
        _ => parts(expr).into_iter().for_each(|part| columns_in(part, found)),
    }
}

/// The values that a value is made of, but for those within aggregates.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
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

/// The values that a value is made of, those within aggregates too.
pub(super) fn parts_mut(expr: &mut Expr) -> Vec<&mut Expr> {
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

/// The values of a condition, but for those of subqueries.
pub(super) fn values_in(condition: &Condition) -> Vec<&Expr> {
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
