//! Geometry in the SQL of the engines, so that their indexes serve it.
//!
//! DataFusion gets calls of functions named `sky_…` (README); q3c its functions on pairs of columns; pgSphere its types
//! and operators. A column on its own stands for a geometry of the engine, which q3c has none of.
//!
//! The indexed side comes first: of two positions that which has columns, in a join the first one.

use crate::error::{Error, Kind, Span};
use crate::stcs::{Shape, ShapeKind};
use crate::tree::{Expr, ExprKind, Position, Predicate, Unary};
use crate::write::{Engine, Writer, Written, unsupported};

/// Frames whose coordinates are taken for ICRS: none named, and ICRS itself.
fn check_frame(frame: Option<&String>, span: Span) -> Written {
    let first = frame.and_then(|frame| frame.split_whitespace().next()).unwrap_or("ICRS");
    if ["ICRS", "UNKNOWN", "UNKNOWNFRAME"].iter().any(|known| known.eq_ignore_ascii_case(first)) {
        return Ok(());
    }
    let message = format!("coordinates in {first} are not converted to ICRS");
    Err(Error::new(Kind::Unsupported, span, message).hint("write ICRS coordinates"))
}

fn constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Unary { operator: Unary::Minus | Unary::Plus, expr } => constant(expr),
        ExprKind::Parens(expr) => constant(expr),
        _ => false,
    }
}

fn constant_position(position: &Position) -> bool {
    match position {
        Position::Coordinates(pair) => pair.iter().all(constant),
        Position::Point(point) => match &point.kind {
            ExprKind::Point { coordinates, .. } => coordinates.iter().all(constant),
            _ => false,
        },
    }
}

/// Longitude and latitude of a position that is written as such.
fn pair(position: &Position) -> Result<Option<&[Expr; 2]>, Error> {
    Ok(match position {
        Position::Coordinates(pair) => Some(pair),
        Position::Point(point) => point_pair(point)?,
    })
}

fn point_pair(point: &Expr) -> Result<Option<&[Expr; 2]>, Error> {
    match &point.kind {
        ExprKind::Point { frame, coordinates } => {
            check_frame(frame.as_ref(), point.span)?;
            Ok(Some(coordinates))
        }
        ExprKind::Parens(inner) => point_pair(inner),
        _ => Ok(None),
    }
}

fn q3c_pair(position: &Position, span: Span) -> Result<&[Expr; 2], Error> {
    match pair(position)? {
        Some(pair) => Ok(pair),
        None => unsupported(span, "q3c has no geometries; write POINT(longitude, latitude)"),
    }
}

/// Comma-separated values.
fn values<'a>(writer: &mut Writer, list: impl IntoIterator<Item = &'a Expr>) -> Written {
    for (n, value) in list.into_iter().enumerate() {
        if n > 0 {
            writer.put(", ");
        }
        writer.expr(value)?;
    }
    Ok(())
}

fn radians(writer: &mut Writer, value: &Expr) -> Written {
    writer.put("radians(");
    writer.expr(value)?;
    writer.put(")");
    Ok(())
}

/// A position of pgSphere from two numbers of degrees.
pub(crate) fn spoint(writer: &mut Writer, lon: &Expr, lat: &Expr) -> Written {
    writer.put("spoint(");
    radians(writer, lon)?;
    writer.put(", ");
    radians(writer, lat)?;
    writer.put(")");
    Ok(())
}

fn position(writer: &mut Writer, engine: Engine, position: &Position) -> Written {
    match (pair(position)?, position) {
        (Some([lon, lat]), _) if engine == Engine::PgSphere => spoint(writer, lon, lat),
        (Some(pair), _) => {
            writer.put("sky_point(");
            values(writer, pair)?;
            writer.put(")");
            Ok(())
        }
        (None, Position::Point(point)) => writer.expr(point),
        (None, Position::Coordinates(pair)) => values(writer, &pair[..]),
    }
}

/// A geometry as a value of the engine.
pub(crate) fn value(writer: &mut Writer, engine: Engine, expr: &Expr) -> Written {
    if engine == Engine::Q3c {
        return unsupported(expr.span, "q3c has no geometries as values");
    }
    let sphere = engine == Engine::PgSphere;
    match &expr.kind {
        ExprKind::Point { coordinates, .. } => {
            point_pair(expr)?;
            position(writer, engine, &Position::Coordinates(coordinates.clone()))
        }
        ExprKind::Circle { frame, center, radius } => {
            check_frame(frame.as_ref(), expr.span)?;
            writer.put(if sphere { "scircle(" } else { "sky_circle(" });
            position(writer, engine, center)?;
            writer.put(", ");
            if sphere {
                radians(writer, radius)?
            } else {
                writer.expr(radius)?
            }
            writer.put(")");
            Ok(())
        }
        ExprKind::Box { frame, center, size } => {
            check_frame(frame.as_ref(), expr.span)?;
            if !sphere {
                writer.put("sky_box(");
                position(writer, engine, center)?;
                writer.put(", ");
                values(writer, &size[..])?;
                writer.put(")");
                return Ok(());
            }
            let Some([lon, lat]) = pair(center)? else {
                return unsupported(expr.span, "pgSphere makes a box of numbers, not of a point column");
            };
            // Sides along meridians and parallels, as the standard has it and as sbox does.
            writer.put("sbox(");
            for sign in [" - ", " + "] {
                writer.put(if sign == " + " { ", spoint(" } else { "spoint(" });
                for (n, (middle, side)) in [(lon, &size[0]), (lat, &size[1])].into_iter().enumerate() {
                    writer.put(if n > 0 { ", radians((" } else { "radians((" });
                    writer.expr(middle)?;
                    writer.put(")");
                    writer.put(sign);
                    writer.put("(");
                    writer.expr(side)?;
                    writer.put(") / 2.0)");
                }
                writer.put(")");
            }
            writer.put(")");
            Ok(())
        }
        ExprKind::Polygon { frame, vertices } => {
            check_frame(frame.as_ref(), expr.span)?;
            if !sphere {
                writer.put("sky_polygon(");
                writer.list(vertices, ", ", |writer, vertex| position(writer, engine, vertex))?;
                writer.put(")");
                return Ok(());
            }
            // pgSphere's aggregate puts vertices together in the order of their numbers.
            writer.put("(SELECT spoly(v.p ORDER BY v.n) FROM (VALUES ");
            for (n, vertex) in vertices.iter().enumerate() {
                writer.put(&format!("{}({n}, ", if n > 0 { ", " } else { "" }));
                position(writer, engine, vertex)?;
                writer.put(")");
            }
            writer.put(") AS v(n, p))");
            Ok(())
        }
        ExprKind::Region { shape, .. } => match simple(shape, expr.span)? {
            Some(simple) => value(writer, engine, &simple),
            None => unsupported(expr.span, "such a region can only be asked CONTAINS of a point"),
        },
        ExprKind::Parens(inner) => value(writer, engine, inner),
        _ => writer.expr(expr),
    }
}

/// A region of STC-S as the geometry of ADQL that it is, if it is one.
fn simple(shape: &Shape, span: Span) -> Result<Option<Expr>, Error> {
    check_frame(shape.frame.as_ref(), span)?;
    let number = |value: f64| {
        let kind = ExprKind::Number(format!("{}", value.abs()));
        let expr = Expr { kind, span };
        if value.is_sign_negative() && value != 0.0 {
            Expr { kind: ExprKind::Unary { operator: Unary::Minus, expr: Box::new(expr) }, span }
        } else {
            expr
        }
    };
    let pair = |lon: f64, lat: f64| Box::new([number(lon), number(lat)]);
    let frame = None;
    let kind = match &shape.kind {
        ShapeKind::Position([lon, lat]) => ExprKind::Point { frame, coordinates: pair(*lon, *lat) },
        ShapeKind::Circle([lon, lat, radius]) => ExprKind::Circle {
            frame,
            center: Position::Coordinates(pair(*lon, *lat)),
            radius: Box::new(number(*radius)),
        },
        ShapeKind::Box([lon, lat, width, height]) => ExprKind::Box {
            frame,
            center: Position::Coordinates(pair(*lon, *lat)),
            size: pair(*width, *height),
        },
        ShapeKind::Polygon(vertices) => ExprKind::Polygon {
            frame,
            vertices: vertices.iter().map(|[lon, lat]| Position::Coordinates(pair(*lon, *lat))).collect(),
        },
        _ => return Ok(None),
    };
    Ok(Some(Expr { kind, span }))
}

/// Whether a point lies in a region that is put together of others.
fn in_shape(writer: &mut Writer, engine: Engine, point: &Expr, shape: &Shape, span: Span) -> Written {
    if let Some(simple) = simple(shape, span)? {
        return predicate(writer, engine, Predicate::Contains, point, &simple);
    }
    let (parts, between): (&[Shape], &str) = match &shape.kind {
        ShapeKind::Union(parts) => (parts, " OR "),
        ShapeKind::Intersection(parts) => (parts, " AND "),
        ShapeKind::Difference(parts) => (parts, " AND NOT "),
        ShapeKind::Not(part) => {
            writer.put("(NOT ");
            in_shape(writer, engine, point, part, span)?;
            writer.put(")");
            return Ok(());
        }
        ShapeKind::AllSky => {
            writer.put("(1 = 1)");
            return Ok(());
        }
        _ => return unsupported(span, "ellipses are not translated"),
    };
    writer.put("(");
    writer.list(parts, between, |writer, part| in_shape(writer, engine, point, part, span))?;
    writer.put(")");
    Ok(())
}

/// CONTAINS or INTERSECTS as a condition; brings its own parentheses where it needs some.
pub(crate) fn predicate(
    writer: &mut Writer,
    engine: Engine,
    which: Predicate,
    left: &Expr,
    right: &Expr,
) -> Written {
    let (left, right) = (bare(left), bare(right));
    let is_point = |expr: &Expr| matches!(expr.kind, ExprKind::Point { .. });
    // INTERSECTS of a point is CONTAINS with the point first (ADQL 2.1, section 4.2.16).
    let (which, left, right) = match which {
        Predicate::Intersects if is_point(left) => (Predicate::Contains, left, right),
        Predicate::Intersects if is_point(right) => (Predicate::Contains, right, left),
        which => (which, left, right),
    };
    if let ExprKind::Region { shape, .. } = &right.kind {
        return match simple(shape, right.span)? {
            Some(simple) => predicate(writer, engine, which, left, &simple),
            None if which == Predicate::Contains && is_point(left) => {
                in_shape(writer, engine, left, shape, right.span)
            }
            None => unsupported(right.span, "such a region can only be asked CONTAINS of a point"),
        };
    }
    if let ExprKind::Region { shape, .. } = &left.kind {
        return match simple(shape, left.span)? {
            Some(simple) => predicate(writer, engine, which, &simple, right),
            None => unsupported(left.span, "such a region can only contain, not be contained"),
        };
    }
    if which == Predicate::Contains
        && engine != Engine::PgSphere
        && let Some(point) = point_pair(left)?
    {
        return in_region(writer, engine, point, right);
    }
    // pgSphere has no circles beyond a hemisphere.
    if engine == Engine::PgSphere
        && which == Predicate::Contains
        && is_point(left)
        && let ExprKind::Circle { frame, center, radius } = &right.kind
        && matches!(&radius.kind, ExprKind::Number(text) if text.parse().is_ok_and(|radius: f64| radius > 90.0))
    {
        check_frame(frame.as_ref(), right.span)?;
        writer.put("(");
        distance(writer, engine, &Position::Point(Box::new(left.clone())), center)?;
        writer.put(" <= ");
        writer.expr(radius)?;
        writer.put(")");
        return Ok(());
    }
    match engine {
        Engine::DataFusion => {
            writer.put(if which == Predicate::Contains { "sky_contains(" } else { "sky_intersects(" });
            value(writer, engine, left)?;
            writer.put(", ");
            value(writer, engine, right)?;
            writer.put(")");
            Ok(())
        }
        Engine::PgSphere => {
            writer.put("(");
            value(writer, engine, left)?;
            writer.put(if which == Predicate::Contains { " @ " } else { " && " });
            value(writer, engine, right)?;
            writer.put(")");
            Ok(())
        }
        Engine::Q3c => circles(writer, which, left, right),
    }
}

fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Parens(inner) => bare(inner),
        _ => expr,
    }
}

/// Two circles by the distance of their centres, which is all that q3c can tell of regions.
fn circles(writer: &mut Writer, which: Predicate, left: &Expr, right: &Expr) -> Written {
    let circle = |expr: &Expr| match &expr.kind {
        ExprKind::Circle { frame, center, radius } => {
            check_frame(frame.as_ref(), expr.span)?;
            Ok((center.clone(), radius.clone()))
        }
        _ => unsupported(expr.span, "q3c knows points in regions, and circles; for this take pgSphere"),
    };
    let ((a, a_radius), (b, b_radius)) = (circle(left)?, circle(right)?);
    writer.put("(q3c_dist(");
    values(writer, q3c_pair(&a, left.span)?)?;
    writer.put(", ");
    values(writer, q3c_pair(&b, right.span)?)?;
    writer.put(") <= ");
    writer.put("(");
    writer.expr(&b_radius)?;
    writer.put(if which == Predicate::Contains { ") - (" } else { ") + (" });
    writer.expr(&a_radius)?;
    writer.put("))");
    Ok(())
}

/// A point of two numbers in a region, for DataFusion and q3c.
fn in_region(writer: &mut Writer, engine: Engine, point: &[Expr; 2], region: &Expr) -> Written {
    match &region.kind {
        ExprKind::Circle { frame, center, radius } => {
            check_frame(frame.as_ref(), region.span)?;
            let to = match pair(center)? {
                Some(pair) => pair,
                None if engine == Engine::Q3c => return q3c_pair(center, region.span).map(|_| ()),
                None => return contains_call(writer, engine, point, region),
            };
            cone(writer, engine, point, to, radius)
        }
        ExprKind::Box { frame, center, size } => {
            check_frame(frame.as_ref(), region.span)?;
            let Some(middle) = pair(center)? else {
                return match engine {
                    Engine::Q3c => q3c_pair(center, region.span).map(|_| ()),
                    _ => contains_call(writer, engine, point, region),
                };
            };
            if engine == Engine::DataFusion {
                writer.put("sky_in_box(");
                values(writer, point.iter().chain(middle).chain(&size[..]))?;
                writer.put(")");
                return Ok(());
            }
            // The difference in longitude is brought to -180..180.
            writer.put("(abs((");
            difference(writer, &point[0], &middle[0])?;
            writer.put(") - 360 * round(CAST((");
            difference(writer, &point[0], &middle[0])?;
            writer.put(") / 360.0 AS NUMERIC))) <= (");
            writer.expr(&size[0])?;
            writer.put(") / 2.0 AND abs(");
            difference(writer, &point[1], &middle[1])?;
            writer.put(") <= (");
            writer.expr(&size[1])?;
            writer.put(") / 2.0)");
            Ok(())
        }
        ExprKind::Polygon { frame, vertices } => {
            check_frame(frame.as_ref(), region.span)?;
            let mut pairs = Vec::with_capacity(vertices.len());
            for vertex in vertices {
                match pair(vertex)? {
                    Some(pair) => pairs.push(pair),
                    None if engine == Engine::Q3c => return q3c_pair(vertex, region.span).map(|_| ()),
                    None => return contains_call(writer, engine, point, region),
                }
            }
            let vertices = pairs.into_iter().flatten();
            if engine == Engine::DataFusion {
                writer.put("sky_in_polygon(");
                values(writer, point.iter().chain(vertices))?;
                writer.put(")");
            } else {
                writer.put("q3c_poly_query(");
                values(writer, point)?;
                writer.put(", ARRAY[");
                values(writer, vertices)?;
                writer.put("])");
            }
            Ok(())
        }
        ExprKind::Point { .. } => match point_pair(region)? {
            Some(other) => {
                writer.put("(");
                distance_pairs(writer, engine, point, other)?;
                writer.put(" = 0)");
                Ok(())
            }
            None => unsupported(region.span, "a point in a point"),
        },
        _ if engine == Engine::Q3c => unsupported(region.span, "q3c has no columns of regions"),
        _ => contains_call(writer, engine, point, region),
    }
}

fn contains_call(writer: &mut Writer, engine: Engine, point: &[Expr; 2], region: &Expr) -> Written {
    writer.put("sky_contains(sky_point(");
    values(writer, point)?;
    writer.put("), ");
    value(writer, engine, region)?;
    writer.put(")");
    Ok(())
}

fn difference(writer: &mut Writer, a: &Expr, b: &Expr) -> Written {
    writer.put("(");
    writer.expr(a)?;
    writer.put(") - (");
    writer.expr(b)?;
    writer.put(")");
    Ok(())
}

/// A point in a circle, or with columns in both a positional join; for DataFusion and q3c.
fn cone(writer: &mut Writer, engine: Engine, from: &[Expr; 2], to: &[Expr; 2], radius: &Expr) -> Written {
    let (from, to) = if from.iter().all(constant) { (to, from) } else { (from, to) };
    writer.put(match engine {
        Engine::DataFusion => "sky_in_circle(",
        _ if to.iter().all(constant) => "q3c_radial_query(",
        _ => "q3c_join(",
    });
    // q3c_join looks up its second position in the index; the first of ours is the indexed one.
    let (first, second) =
        if engine == Engine::Q3c && !to.iter().all(constant) { (to, from) } else { (from, to) };
    values(writer, first.iter().chain(second))?;
    writer.put(", ");
    writer.expr(radius)?;
    writer.put(")");
    Ok(())
}

/// `DISTANCE(…) < radius`: what the index serves and, below a limit that is not included, the distance itself.
pub(crate) fn within(
    writer: &mut Writer,
    engine: Engine,
    from: &Position,
    to: &Position,
    radius: &Expr,
    inclusive: bool,
) -> Written {
    let (from, to) = if constant_position(from) { (to, from) } else { (from, to) };
    writer.put("(");
    match (engine, pair(from)?, pair(to)?) {
        (Engine::PgSphere, ..) => {
            position(writer, engine, from)?;
            writer.put(" @ scircle(");
            position(writer, engine, to)?;
            writer.put(", ");
            radians(writer, radius)?;
            writer.put(")");
        }
        (_, Some(a), Some(b)) => cone(writer, engine, a, b, radius)?,
        (Engine::Q3c, ..) => return unsupported(radius.span, "q3c has no columns of points"),
        (Engine::DataFusion, ..) => {
            writer.put("sky_contains(");
            position(writer, engine, from)?;
            writer.put(", sky_circle(");
            position(writer, engine, to)?;
            writer.put(", ");
            writer.expr(radius)?;
            writer.put("))");
        }
    }
    if !inclusive {
        writer.put(" AND ");
        distance(writer, engine, from, to)?;
        writer.put(" < ");
        writer.expr(radius)?;
    }
    writer.put(")");
    Ok(())
}

fn distance_pairs(writer: &mut Writer, engine: Engine, a: &[Expr; 2], b: &[Expr; 2]) -> Written {
    writer.put(if engine == Engine::Q3c { "q3c_dist(" } else { "sky_distance(" });
    values(writer, a.iter().chain(b))?;
    writer.put(")");
    Ok(())
}

/// DISTANCE, degrees.
pub(crate) fn distance(writer: &mut Writer, engine: Engine, from: &Position, to: &Position) -> Written {
    match (engine, pair(from)?, pair(to)?) {
        (Engine::PgSphere, ..) => {
            writer.put("degrees(");
            position(writer, engine, from)?;
            writer.put(" <-> ");
            position(writer, engine, to)?;
            writer.put(")");
            Ok(())
        }
        (_, Some(a), Some(b)) => distance_pairs(writer, engine, a, b),
        (Engine::Q3c, ..) => unsupported(Span::default(), "q3c has no columns of points"),
        (Engine::DataFusion, ..) => {
            writer.put("sky_distance(");
            position(writer, engine, from)?;
            writer.put(", ");
            position(writer, engine, to)?;
            writer.put(")");
            Ok(())
        }
    }
}

/// AREA, CENTROID, COORD1, COORD2 and COORDSYS.
pub(crate) fn part(writer: &mut Writer, engine: Engine, function: &str, of: &Expr, span: Span) -> Written {
    // Coordinates of a point that is written out need no engine.
    if let ("COORD1" | "COORD2", Some([lon, lat])) = (function, point_pair(of)?) {
        return writer.expr(if function == "COORD1" { lon } else { lat });
    }
    let (before, after) = match (engine, function) {
        (_, "COORDSYS") => return unsupported(span, "COORDSYS: no engine keeps the frame of a geometry"),
        (Engine::Q3c, _) => return unsupported(span, format!("q3c has no geometries for {function}")),
        (Engine::DataFusion, "AREA") => ("sky_area(", ")"),
        (Engine::DataFusion, "CENTROID") => ("sky_centroid(", ")"),
        (Engine::DataFusion, "COORD1") => ("sky_longitude(", ")"),
        (Engine::DataFusion, _) => ("sky_latitude(", ")"),
        (Engine::PgSphere, "AREA") => ("degrees(degrees(area(", ")))"),
        (Engine::PgSphere, "CENTROID") => ("(@@ ", ")"),
        (Engine::PgSphere, "COORD1") => ("degrees(long(", "))"),
        (Engine::PgSphere, _) => ("degrees(lat(", "))"),
    };
    writer.put(before);
    value(writer, engine, of)?;
    writer.put(after);
    Ok(())
}
