//! The type of a value, as far as it can be told.

use crate::functions::{Functions, builtin};
use crate::tree::{Aggregate, Binary, Expr, ExprKind, Name};
use crate::types::{Family, Type};

/// Gives the type of a value; `column` tells those of columns.
pub(crate) fn type_of(expr: &Expr, functions: &Functions, column: &mut dyn FnMut(&Name) -> Type) -> Type {
    match &expr.kind {
        ExprKind::Null => Type::Unknown,
        ExprKind::Number(text) => number_type(text),
        ExprKind::Text(_) => Type::Varchar,
        ExprKind::Column(name) => column(name),
        ExprKind::Parens(inner) | ExprKind::Unary { expr: inner, .. } => type_of(inner, functions, column),
        ExprKind::Binary { operator: Binary::Concat, .. } => Type::Varchar,
        ExprKind::Binary { operator, left, right } => {
            let (left, right) = (type_of(left, functions, column), type_of(right, functions, column));
            match (left.family(), right.family()) {
                (Family::Number, Family::Number) => left.wider(right),
                _ if *operator == Binary::Divide => Type::Unknown,
                (Family::Text, Family::Text) => Type::Double,
                (Family::Text, _) => right,
                (_, Family::Text) => left,
                _ => Type::Unknown,
            }
        }
        ExprKind::Aggregate { function, argument, .. } => match (function, argument) {
            (Aggregate::Count, _) => Type::BigInt,
            (Aggregate::Avg, _) => Type::Double,
            (Aggregate::Sum, Some(argument)) => match type_of(argument, functions, column) {
                t if t.is_whole() => Type::BigInt,
                Type::Real => Type::Double,
                t => t,
            },
            (_, Some(argument)) => type_of(argument, functions, column),
            (_, None) => Type::Unknown,
        },
        ExprKind::Call { function, arguments } => match function.as_str() {
            "AREA" | "COORD1" | "COORD2" => Type::Double,
            "COORDSYS" => Type::Varchar,
            "CENTROID" => Type::Point,
            "COALESCE" => {
                let types = arguments.iter().map(|argument| type_of(argument, functions, column));
                types.reduce(Type::wider).unwrap_or(Type::Unknown)
            }
            "MOD" => {
                let types = arguments.iter().map(|argument| type_of(argument, functions, column));
                types.reduce(Type::wider).filter(|wider| wider.is_whole()).unwrap_or(Type::Double)
            }
            name => match builtin(name) {
                Some(builtin) if builtin.text => Type::Varchar,
                Some(_) => Type::Double,
                None => {
                    let types: Vec<_> = arguments
                        .iter()
                        .map(|argument| (type_of(argument, functions, column), argument.span))
                        .collect();
                    functions.resolve(name, &types, expr.span).map_or(Type::Unknown, |s| s.returns)
                }
            },
        },
        ExprKind::Cast { target, .. } => *target,
        ExprKind::InUnit { .. } | ExprKind::Distance(_) => Type::Double,
        ExprKind::Point { .. } => Type::Point,
        ExprKind::Circle { .. } => Type::Circle,
        ExprKind::Polygon { .. } => Type::Polygon,
        ExprKind::Box { .. } | ExprKind::Region { .. } => Type::Region,
        ExprKind::Predicate { .. } => Type::Integer,
    }
}

/// The smallest type that holds a number as it is written.
fn number_type(text: &str) -> Type {
    let value = match text.get(..2) {
        Some("0x" | "0X") => return Type::BigInt,
        _ => text.parse::<i64>(),
    };
    match value {
        Ok(value) if i32::try_from(value).is_ok() => Type::Integer,
        Ok(_) => Type::BigInt,
        Err(_) => Type::Double,
    }
}
