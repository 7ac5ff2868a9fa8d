//! Trees to text: ADQL again, or the SQL of an engine.
//!
//! Nothing of the query's text is copied. Keywords and functions come from here, names are quoted, strings escaped,
//! numbers are digits that the lexer has seen; what an engine cannot do is an error.

use crate::error::{Error, Kind, Span};
use crate::geometry;
use crate::tree::{
    Binary, Body, Comparison, Condition, Constraint, Expr, ExprKind, From, Ident, Item, JoinKind, Name,
    Position, Predicate, Query, Select, SetOperator, Table, Unary,
};
use crate::types::Type;

/// An engine, by the SQL and the functions it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// DataFusion, with functions whose names begin with `sky_` (README).
    DataFusion,
    /// PostgreSQL with the extension q3c: positions are two columns, there are no geometries.
    Q3c,
    /// PostgreSQL with the extension pgSphere.
    PgSphere,
}

/// Translates a query to the SQL of an engine.
///
/// Names that are not delimited are written in lower case, all names in quotes. TOP and OFFSET become LIMIT and OFFSET.
///
/// # Errors
/// [`Kind::Unsupported`] where the engine lacks what the query needs, such as geometries as values in q3c, frames other
/// than ICRS, and IN_UNIT of a query that was not checked against its tables.
pub fn translate(query: &Query, engine: Engine) -> Result<String, Error> {
    let mut writer = Writer { out: String::with_capacity(512), engine: Some(engine) };
    writer.query(query)?;
    Ok(writer.out)
}

impl std::fmt::Display for Query {
    /// Writes the query as ADQL, which parses to the same tree.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut writer = Writer { out: String::with_capacity(256), engine: None };
        writer.query(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&writer.out)
    }
}

pub(crate) type Written = Result<(), Error>;

pub(crate) struct Writer {
    pub(crate) out: String,
    /// None writes ADQL.
    pub(crate) engine: Option<Engine>,
}

pub(crate) fn unsupported<T>(span: Span, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(Kind::Unsupported, span, message))
}

impl Writer {
    pub(crate) fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(crate) fn list<T>(
        &mut self,
        list: &[T],
        between: &str,
        mut one: impl FnMut(&mut Self, &T) -> Written,
    ) -> Written {
        for (n, part) in list.iter().enumerate() {
            if n > 0 {
                self.put(between);
            }
            one(self, part)?;
        }
        Ok(())
    }

    fn ident(&mut self, ident: &Ident) {
        if self.engine.is_none() && !ident.delimited {
            self.put(&ident.name);
            return;
        }
        self.out.push('"');
        for c in ident.name.chars() {
            if c == '"' {
                self.out.push('"');
            }
            self.out.push(if ident.delimited { c } else { c.to_ascii_lowercase() });
        }
        self.out.push('"');
    }

    fn name(&mut self, name: &Name) {
        for (n, part) in name.0.iter().enumerate() {
            if n > 0 {
                self.put(".");
            }
            self.ident(part);
        }
    }

    fn text(&mut self, text: &str) {
        // PostgreSQL may be set to take backslashes in plain strings for escapes; in E'' they always are.
        let escape = text.contains('\\') && matches!(self.engine, Some(Engine::Q3c | Engine::PgSphere));
        self.put(if escape { "E'" } else { "'" });
        for c in text.chars() {
            if c == '\'' || c == '\\' && escape {
                self.out.push(c);
            }
            self.out.push(c);
        }
        self.out.push('\'');
    }

    fn number(&mut self, text: &str) {
        if self.engine.is_none() {
            return self.put(text);
        }
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let value = u64::from_str_radix(digits, 16).unwrap_or_default();
            return self.put(&value.to_string());
        }
        // Not all engines take `.5` and `5.`.
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        if mantissa.starts_with('.') {
            self.out.push('0');
        }
        self.put(mantissa);
        if mantissa.ends_with('.') {
            self.out.push('0');
        }
        self.put(exponent);
    }

    fn query(&mut self, query: &Query) -> Written {
        if !query.with.is_empty() {
            self.put("WITH ");
            self.list(&query.with, ", ", |this, cte| {
                this.ident(&cte.name);
                this.put(" AS (");
                this.query(&cte.query)?;
                this.put(")");
                Ok(())
            })?;
            self.put(" ");
        }
        let top = match &query.body {
            Body::Select(select) => {
                self.select(select)?;
                select.top
            }
            body => {
                self.body(body, 0)?;
                None
            }
        };
        if !query.order_by.is_empty() {
            self.put(" ORDER BY ");
            self.list(&query.order_by, ", ", |this, term| {
                this.expr(&term.expr)?;
                this.put(if term.descending { " DESC" } else { "" });
                Ok(())
            })?;
        }
        if let (Some(rows), Some(_)) = (top, self.engine) {
            self.put(&format!(" LIMIT {rows}"));
        }
        if let Some(rows) = query.offset {
            self.put(&format!(" OFFSET {rows}"));
        }
        Ok(())
    }

    /// `around` is how tightly the operator around the body binds, one more on its right side.
    fn body(&mut self, body: &Body, around: u8) -> Written {
        match body {
            Body::Select(select) => {
                let limited = select.top.is_some() && self.engine.is_some();
                self.put(if limited { "(" } else { "" });
                self.select(select)?;
                if let (true, Some(rows)) = (limited, select.top) {
                    self.put(&format!(" LIMIT {rows})"));
                }
                Ok(())
            }
            Body::Nested(query) => {
                self.put("(");
                self.query(query)?;
                self.put(")");
                Ok(())
            }
            Body::Set { operator, all, left, right } => {
                let strength = if *operator == SetOperator::Intersect { 20 } else { 10 };
                if strength < around {
                    // Only a tree that was made by hand, since the parser keeps parentheses.
                    return unsupported(
                        Span::default(),
                        "a set operator under a tighter one without parentheses",
                    );
                }
                self.body(left, strength)?;
                self.put(match operator {
                    SetOperator::Union => " UNION ",
                    SetOperator::Except => " EXCEPT ",
                    SetOperator::Intersect => " INTERSECT ",
                });
                self.put(if *all { "ALL " } else { "" });
                self.body(right, strength + 1)
            }
        }
    }

    fn select(&mut self, select: &Select) -> Written {
        self.put("SELECT ");
        self.put(if select.distinct { "DISTINCT " } else { "" });
        if let (Some(rows), None) = (select.top, self.engine) {
            self.put(&format!("TOP {rows} "));
        }
        self.list(&select.items, ", ", |this, item| {
            match item {
                Item::Star => this.put("*"),
                Item::QualifiedStar(name) => {
                    this.name(name);
                    this.put(".*");
                }
                Item::Expr { expr, alias } => {
                    this.expr(expr)?;
                    if let Some(alias) = alias {
                        this.put(" AS ");
                        this.ident(alias);
                    }
                }
            }
            Ok(())
        })?;
        self.put(" FROM ");
        self.list(&select.from, ", ", Self::from)?;
        if let Some(filter) = &select.filter {
            self.put(" WHERE ");
            self.condition(filter)?;
        }
        if !select.group_by.is_empty() {
            self.put(" GROUP BY ");
            self.list(&select.group_by, ", ", Self::expr)?;
        }
        if let Some(having) = &select.having {
            self.put(" HAVING ");
            self.condition(having)?;
        }
        Ok(())
    }

    fn from(&mut self, from: &From) -> Written {
        self.table(&from.table)?;
        for join in &from.joins {
            if join.constraint == Constraint::Natural {
                self.put(" NATURAL");
            }
            self.put(match join.kind {
                JoinKind::Inner => " JOIN ",
                JoinKind::Left => " LEFT JOIN ",
                JoinKind::Right => " RIGHT JOIN ",
                JoinKind::Full => " FULL JOIN ",
            });
            self.table(&join.table)?;
            match &join.constraint {
                Constraint::Natural => {}
                Constraint::On(condition) => {
                    self.put(" ON ");
                    self.condition(condition)?;
                }
                Constraint::Using(columns) => {
                    self.put(" USING (");
                    self.list(columns, ", ", |this, column| {
                        this.ident(column);
                        Ok(())
                    })?;
                    self.put(")");
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Written {
        let alias = match table {
            Table::Named { name, alias } => {
                self.name(name);
                alias.as_ref()
            }
            Table::Derived { query, alias } => {
                self.put("(");
                self.query(query)?;
                self.put(")");
                Some(alias)
            }
            Table::Nested { from, alias } => {
                self.put("(");
                self.from(from)?;
                self.put(")");
                alias.as_ref()
            }
        };
        if let Some(alias) = alias {
            self.put(" AS ");
            self.ident(alias);
        }
        Ok(())
    }

    /// Writes a condition, in parentheses if it is made of others.
    fn part(&mut self, condition: &Condition) -> Written {
        let compound = match condition {
            Condition::And(_) | Condition::Or(_) | Condition::Not(_) => true,
            // Where these become several comparisons, they bring their own parentheses.
            _ => false,
        };
        self.put(if compound { "(" } else { "" });
        self.condition(condition)?;
        self.put(if compound { ")" } else { "" });
        Ok(())
    }

    /// Writes conditions one behind the other; long chains for engines in halves, as they nest what stands in a row.
    fn chain(&mut self, parts: &[Condition], link: &str) -> Written {
        const LONG: usize = 32;
        if self.engine.is_none() || parts.len() <= LONG {
            return self.list(parts, link, Self::part);
        }
        let (left, right) = parts.split_at(parts.len() / 2);
        self.put("(");
        self.chain(left, link)?;
        self.put(&format!("){link}("));
        self.chain(right, link)?;
        self.put(")");
        Ok(())
    }

    pub(crate) fn condition(&mut self, condition: &Condition) -> Written {
        match condition {
            Condition::And(parts) => self.chain(parts, " AND "),
            Condition::Or(parts) => self.chain(parts, " OR "),
            Condition::Not(inner) => {
                self.put("NOT ");
                // In parentheses always: the operand of NOT is not what all engines think.
                self.put("(");
                self.condition(inner)?;
                self.put(")");
                Ok(())
            }
            Condition::Compare { operator, left, right } => {
                self.expr(left)?;
                self.put(match operator {
                    Comparison::Equal => " = ",
                    Comparison::NotEqual => " <> ",
                    Comparison::Less => " < ",
                    Comparison::LessOrEqual => " <= ",
                    Comparison::Greater => " > ",
                    Comparison::GreaterOrEqual => " >= ",
                });
                self.expr(right)
            }
            Condition::Between { expr, negated, low, high } => {
                self.expr(expr)?;
                self.put(if *negated { " NOT BETWEEN " } else { " BETWEEN " });
                self.expr(low)?;
                self.put(" AND ");
                self.expr(high)
            }
            Condition::InList { expr, negated, list } => {
                self.expr(expr)?;
                self.put(if *negated { " NOT IN (" } else { " IN (" });
                self.list(list, ", ", Self::expr)?;
                self.put(")");
                Ok(())
            }
            Condition::InQuery { expr, negated, query } => {
                self.expr(expr)?;
                self.put(if *negated { " NOT IN (" } else { " IN (" });
                self.query(query)?;
                self.put(")");
                Ok(())
            }
            Condition::Like { expr, negated, ignore_case, pattern } => {
                self.expr(expr)?;
                self.put(if *negated { " NOT" } else { "" });
                self.put(if *ignore_case { " ILIKE " } else { " LIKE " });
                self.expr(pattern)
            }
            Condition::IsNull { expr, negated } => {
                self.expr(expr)?;
                self.put(if *negated { " IS NOT NULL" } else { " IS NULL" });
                Ok(())
            }
            Condition::Exists(query) => {
                self.put("EXISTS (");
                self.query(query)?;
                self.put(")");
                Ok(())
            }
            Condition::Region { predicate, left, right, negated } => match self.engine {
                None => {
                    self.put(if *negated { "0 = " } else { "1 = " });
                    self.predicate_call(*predicate, left, right)
                }
                Some(engine) => {
                    self.put(if *negated { "(NOT " } else { "" });
                    geometry::predicate(self, engine, *predicate, left, right)?;
                    self.put(if *negated { ")" } else { "" });
                    Ok(())
                }
            },
            Condition::Within { from, to, radius, inclusive } => match self.engine {
                None => {
                    self.distance_call(from, to)?;
                    self.put(if *inclusive { " <= " } else { " < " });
                    self.expr(radius)
                }
                Some(engine) => geometry::within(self, engine, from, to, radius, *inclusive),
            },
        }
    }

    fn predicate_call(&mut self, predicate: Predicate, left: &Expr, right: &Expr) -> Written {
        self.put(if predicate == Predicate::Contains { "CONTAINS(" } else { "INTERSECTS(" });
        self.expr(left)?;
        self.put(", ");
        self.expr(right)?;
        self.put(")");
        Ok(())
    }

    fn distance_call(&mut self, from: &Position, to: &Position) -> Written {
        self.put("DISTANCE(");
        self.position(from)?;
        self.put(", ");
        self.position(to)?;
        self.put(")");
        Ok(())
    }

    fn position(&mut self, position: &Position) -> Written {
        match position {
            Position::Point(point) => self.expr(point),
            Position::Coordinates(pair) => self.list(&pair[..], ", ", Self::expr),
        }
    }

    /// Writes an operand, in parentheses if it binds less tightly than what is around it.
    fn operand(&mut self, expr: &Expr, around: u8) -> Written {
        // For SQL all operators are in parentheses: engines differ in how tightly `||`, `^` and `%` bind.
        let loose = match &expr.kind {
            ExprKind::Binary { operator, .. } => self.engine.is_some() || operator.strength() < around,
            ExprKind::Unary { .. } => self.engine.is_some(),
            _ => false,
        };
        self.put(if loose { "(" } else { "" });
        self.expr(expr)?;
        self.put(if loose { ")" } else { "" });
        Ok(())
    }

    pub(crate) fn expr(&mut self, expr: &Expr) -> Written {
        match &expr.kind {
            ExprKind::Null => self.put("NULL"),
            ExprKind::Number(text) => self.number(text),
            ExprKind::Text(text) => self.text(text),
            ExprKind::Column(name) => self.name(name),
            ExprKind::Parens(inner) => {
                self.put("(");
                self.expr(inner)?;
                self.put(")");
            }
            ExprKind::Unary { operator: Unary::BitNot, expr } if self.engine == Some(Engine::DataFusion) => {
                self.put("-1 - ");
                self.operand(expr, 41)?;
            }
            ExprKind::Unary { operator, expr } => {
                self.put(match operator {
                    Unary::Minus => "-",
                    Unary::Plus => "+",
                    Unary::BitNot => "~",
                });
                self.operand(expr, 41)?;
            }
            ExprKind::Binary { operator, left, right } => {
                let symbol = match (operator, self.engine) {
                    (Binary::BitXor, Some(Engine::Q3c | Engine::PgSphere)) => "#",
                    _ => operator.symbol(),
                };
                self.operand(left, operator.strength())?;
                self.out.push(' ');
                self.put(symbol);
                self.out.push(' ');
                self.operand(right, operator.strength() + 1)?;
            }
            ExprKind::Aggregate { function, distinct, argument } => {
                self.put(function.name());
                self.put(if *distinct { "(DISTINCT " } else { "(" });
                match argument {
                    None => self.put("*"),
                    Some(argument) => self.expr(argument)?,
                }
                self.put(")");
            }
            ExprKind::Call { function, arguments } => match self.engine {
                None => self.call(function, arguments)?,
                Some(engine) => self.sql_call(engine, function, arguments, expr.span)?,
            },
            ExprKind::Cast { expr: value, target, length } => {
                if self.engine.is_some() && matches!(target, Type::Point | Type::Circle | Type::Polygon) {
                    return unsupported(expr.span, format!("CAST to {}", target.name()));
                }
                self.put("CAST(");
                self.expr(value)?;
                self.put(" AS ");
                self.put(target.name());
                if let Some(length) = length {
                    self.put(&format!("({length})"));
                }
                self.put(")");
            }
            ExprKind::InUnit { expr: value, unit, factor } => {
                if self.engine.is_some() {
                    let Some(factor) = factor else {
                        let message = "IN_UNIT needs the unit of the column, which nobody has looked up";
                        return unsupported(expr.span, message);
                    };
                    self.put("(CAST(");
                    self.expr(value)?;
                    self.put(&format!(" AS DOUBLE PRECISION) * {factor:?})"));
                    return Ok(());
                }
                self.put("IN_UNIT(");
                self.expr(value)?;
                self.put(", ");
                self.text(unit);
                self.put(")");
            }
            ExprKind::Predicate { predicate, operands } => match self.engine {
                None => self.predicate_call(*predicate, &operands[0], &operands[1])?,
                Some(engine) => {
                    self.put("CAST(");
                    geometry::predicate(self, engine, *predicate, &operands[0], &operands[1])?;
                    self.put(" AS INTEGER)");
                }
            },
            ExprKind::Distance(positions) => match self.engine {
                None => self.distance_call(&positions[0], &positions[1])?,
                Some(engine) => geometry::distance(self, engine, &positions[0], &positions[1])?,
            },
            ExprKind::Point { .. }
            | ExprKind::Circle { .. }
            | ExprKind::Box { .. }
            | ExprKind::Polygon { .. }
            | ExprKind::Region { .. } => match self.engine {
                None => self.shape(&expr.kind)?,
                Some(engine) => geometry::value(self, engine, expr)?,
            },
        }
        Ok(())
    }

    /// Writes a geometry as ADQL.
    fn shape(&mut self, kind: &ExprKind) -> Written {
        let (name, frame) = match kind {
            ExprKind::Point { frame, .. } => ("POINT(", frame.as_ref()),
            ExprKind::Circle { frame, .. } => ("CIRCLE(", frame.as_ref()),
            ExprKind::Box { frame, .. } => ("BOX(", frame.as_ref()),
            ExprKind::Polygon { frame, .. } => ("POLYGON(", frame.as_ref()),
            _ => ("REGION(", None),
        };
        self.put(name);
        if let Some(frame) = frame {
            self.text(frame);
            self.put(", ");
        }
        match kind {
            ExprKind::Point { coordinates, .. } => self.list(&coordinates[..], ", ", Self::expr)?,
            ExprKind::Circle { center, radius, .. } => {
                self.position(center)?;
                self.put(", ");
                self.expr(radius)?;
            }
            ExprKind::Box { center, size, .. } => {
                self.position(center)?;
                self.put(", ");
                self.list(&size[..], ", ", Self::expr)?;
            }
            ExprKind::Polygon { vertices, .. } => self.list(vertices, ", ", Self::position)?,
            ExprKind::Region { text, .. } => self.text(text),
            _ => {}
        }
        self.put(")");
        Ok(())
    }

    /// `name(a, b)`; the name is one of ours or a declared one, which is a plain word.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Expr]) -> Written {
        self.put(name);
        self.put("(");
        self.list(arguments, ", ", Self::expr)?;
        self.put(")");
        Ok(())
    }

    fn sql_call(&mut self, engine: Engine, function: &str, arguments: &[Expr], span: Span) -> Written {
        let postgres = engine != Engine::DataFusion;
        let plain = match function {
            "CEILING" => "ceil",
            "LOG" => "ln",
            "LOG10" if postgres => "log",
            "TRUNCATE" if arguments.len() == 1 => "trunc",
            "ROUND" | "TRUNCATE" if postgres && arguments.len() == 2 => {
                self.put(if function == "ROUND" { "round(CAST(" } else { "trunc(CAST(" });
                self.expr(&arguments[0])?;
                self.put(" AS NUMERIC), ");
                self.expr(&arguments[1])?;
                self.put(")");
                return Ok(());
            }
            "TRUNCATE" => "trunc",
            "RAND" => {
                self.put("random()");
                return Ok(());
            }
            "MOD" => {
                let (open, close) = if postgres { ("CAST(", " AS NUMERIC)") } else { ("(", ")") };
                self.put(&format!("({open}"));
                self.expr(&arguments[0])?;
                self.put(&format!("{close} % {open}"));
                self.expr(&arguments[1])?;
                self.put(&format!("{close})"));
                return Ok(());
            }
            "AREA" | "CENTROID" | "COORD1" | "COORD2" | "COORDSYS" => {
                return geometry::part(self, engine, function, &arguments[0], span);
            }
            "crossmatch_positional" => {
                return unsupported(
                    span,
                    "crossmatch_positional is a task for the service, not for an engine",
                );
            }
            "ivo_histogram" | "ivo_apply_pm" if postgres => {
                return unsupported(span, format!("PostgreSQL has no {function}"));
            }
            "ivo_healpix_index" | "ivo_healpix_center" if engine == Engine::Q3c => {
                return unsupported(span, format!("q3c has no {function}; pgSphere has"));
            }
            "ivo_string_agg" => "string_agg",
            "ivo_nocasematch" => {
                self.put("CAST(");
                self.operand(&arguments[0], 41)?;
                self.put(" ILIKE ");
                self.operand(&arguments[1], 41)?;
                self.put(" AS INTEGER)");
                return Ok(());
            }
            "ivo_interval_overlaps" => {
                self.put("CAST(");
                self.operand(&arguments[0], 41)?;
                self.put(" <= ");
                self.operand(&arguments[3], 41)?;
                self.put(" AND ");
                self.operand(&arguments[2], 41)?;
                self.put(" <= ");
                self.operand(&arguments[1], 41)?;
                self.put(" AS INTEGER)");
                return Ok(());
            }
            "gaia_healpix_index" => {
                // The first 12 levels of the cell lie above bit 35 of the number.
                self.put("(");
                self.operand(&arguments[1], 41)?;
                self.put(" / CAST(power(2, 59 - 2 * ");
                self.operand(&arguments[0], 41)?;
                self.put(") AS BIGINT))");
                return Ok(());
            }
            "ivo_healpix_center" if engine == Engine::PgSphere => "center_of_healpix_nest",
            "ivo_healpix_index" if engine == Engine::PgSphere => {
                self.put("healpix_nest(");
                self.expr(&arguments[0])?;
                self.put(", ");
                match &arguments[1..] {
                    [point] => self.expr(point)?,
                    [lon, lat, ..] => geometry::spoint(self, lon, lat)?,
                    [] => {}
                }
                self.put(")");
                return Ok(());
            }
            name => &name.to_ascii_lowercase(),
        };
        self.call(plain, arguments)
    }
}
