//! Values and conditions: the types of what they are made of.

use super::results::Use;
use super::scope::ident;
use super::{Checker, first_span};
use crate::error::{Error, Kind, Span};
use crate::functions::builtin;
use crate::tree::{Body, Comparison, Condition, Expr, ExprKind, Item, Position, Query};
use crate::types::{Family, Type};

impl Checker<'_> {
    pub(super) fn position(&mut self, position: &mut Position) {
        match position {
            Position::Point(point) => {
                self.expr(point);
                self.fits(point, Type::Point, "a point");
            }
            Position::Coordinates(pair) => pair.iter_mut().for_each(|value| self.number(value)),
        }
    }

    pub(super) fn number(&mut self, expr: &mut Expr) {
        self.expr(expr);
        self.fits(expr, Type::Double, "a number");
    }

    /// A literal fits by the grammar; a column or a function must have the type.
    pub(super) fn fits(&mut self, expr: &Expr, wanted: Type, what: &str) {
        let found = self.type_of(expr);
        if !matches!(expr.kind, ExprKind::Text(_)) && !found.fits(wanted) {
            let message = format!("this is {}, {what} is wanted", found.name());
            self.wrong(Error::new(Kind::Type, expr.span, message));
        }
    }

    pub(super) fn expr(&mut self, expr: &mut Expr) {
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

    pub(super) fn subquery(&mut self, query: &mut Query, one_column: bool) {
        let columns = self.query(query, Use::Values);
        if one_column && columns.len() != 1 && !self.scope().broken {
            let message = format!("a query of {} columns in IN, one is wanted", columns.len());
            let span = first_span(&query.body);
            self.wrong(Error::new(Kind::Query, span, message));
        }
    }

    /// Of EXISTS it matters whether there are rows, not what they are.
    pub(super) fn without_list(&self, query: &mut Query) {
        let Body::Select(select) = &mut query.body else { return };
        if self.is_grouped(select) || select.top == Some(0) || query.offset.is_some() {
            return;
        }
        let span = Span::default();
        let one = Expr { kind: ExprKind::Number("1".into()), span };
        select.items = vec![Item::Expr { expr: one, alias: Some(ident("one", span)) }];
        (select.distinct, select.top) = (false, None);
        query.order_by.clear();
    }

    pub(super) fn condition(&mut self, condition: &mut Condition) {
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
}
