//! The functions that conditions may call.

use std::sync::Arc;

use uranometria_adql::{Kind, Span};
use uranometria_sky::{Angle, Cone, Direction, Polygon, Region};

use super::Conditions;
use super::compile::{Compiler, Cost, Typed};
use super::expr::{Lookup, Number, Over, Text, Truth, What, Whole};
use super::mistake::{Help, mistake};
use super::source::WatchList;
use super::tree::{Comparison, Expr, ExprKind, Operator};

/// A function: its name, how many arguments it takes, and how these are written.
struct Function {
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    form: &'static str,
}

const fn function(name: &'static str, least: usize, most: usize, form: &'static str) -> Function {
    Function { name, arguments: least..=most, form }
}

const MANY: usize = usize::MAX;

/// All functions, for errors too.
const FUNCTIONS: [Function; 82] = [
    function("ABS", 1, 1, "ABS(x)"),
    function("ACOS", 1, 1, "ACOS(x)"),
    function("ALL", 2, 2, "ALL(list, condition WHERE condition)"),
    function("ANY", 2, 2, "ANY(list, condition WHERE condition)"),
    function("ASIN", 1, 1, "ASIN(x)"),
    function("ATAN", 1, 1, "ATAN(x)"),
    function("ATAN2", 2, 2, "ATAN2(y, x)"),
    function("AVG", 2, 2, "AVG(list, x WHERE condition)"),
    function("CEIL", 1, 1, "CEIL(x)"),
    function("CEILING", 1, 1, "CEILING(x)"),
    function("COALESCE", 1, MANY, "COALESCE(a, b, ...)"),
    function("CONCAT", 1, MANY, "CONCAT(a, b, ...)"),
    function("CONTAINS", 2, 2, "CONTAINS(POINT(ra, dec), CIRCLE(ra, dec, radius in degrees))"),
    function("COS", 1, 1, "COS(radians)"),
    function("COT", 1, 1, "COT(radians)"),
    function("COUNT", 1, 1, "COUNT(list WHERE condition)"),
    function("DAYS_SINCE", 1, 1, "DAYS_SINCE(days)"),
    function("DAYS_SINCE_FIRST", 1, 1, "DAYS_SINCE_FIRST(list WHERE condition)"),
    function("DAYS_SINCE_LAST", 1, 1, "DAYS_SINCE_LAST(list WHERE condition)"),
    function("DEGREES", 1, 1, "DEGREES(radians)"),
    function("DISTANCE", 2, 4, "DISTANCE(ra1, dec1, ra2, dec2)"),
    function("EXP", 1, 1, "EXP(x)"),
    function("FIRST", 2, 2, "FIRST(list, x WHERE condition)"),
    function("FLOOR", 1, 1, "FLOOR(x)"),
    function("GALACTIC_LATITUDE", 0, 2, "GALACTIC_LATITUDE(ra, dec)"),
    function("GALACTIC_LONGITUDE", 0, 2, "GALACTIC_LONGITUDE(ra, dec)"),
    function("GAL_B", 0, 2, "GAL_B(ra, dec)"),
    function("GAL_L", 0, 2, "GAL_L(ra, dec)"),
    function("GREATEST", 1, MANY, "GREATEST(a, b, ...)"),
    function("IF", 3, 3, "IF(condition, a, b)"),
    function("IN_CONE", 3, 5, "IN_CONE(ra, dec, radius in degrees)"),
    function("IN_MOC", 1, 3, "IN_MOC('file or MOC')"),
    function("IN_POLYGON", 6, MANY, "IN_POLYGON(ra1, dec1, ra2, dec2, ra3, dec3, ...)"),
    function("IFNULL", 2, 2, "IFNULL(a, b)"),
    function("JD", 1, 1, "JD(time)"),
    function("LAST", 2, 2, "LAST(list, x WHERE condition)"),
    function("LEAST", 1, MANY, "LEAST(a, b, ...)"),
    function("LENGTH", 1, 1, "LENGTH(text)"),
    function("LN", 1, 1, "LN(x)"),
    function("LOG", 1, 2, "LOG(x) or LOG(base, x)"),
    function("LOG10", 1, 1, "LOG10(x)"),
    function("LOG2", 1, 1, "LOG2(x)"),
    function("LOWER", 1, 1, "LOWER(text)"),
    function("MATCHES", 2, 4, "MATCHES('catalogue', radius in arcsec WHERE condition)"),
    function("MATCH_DISTANCE", 2, 4, "MATCH_DISTANCE('catalogue', radius in arcsec WHERE condition)"),
    function("MAX", 2, 2, "MAX(list, x WHERE condition)"),
    function("MAX_GAP", 1, 1, "MAX_GAP(list WHERE condition)"),
    function("MEAN", 2, 2, "MEAN(list, x WHERE condition)"),
    function("MEDIAN", 2, 2, "MEDIAN(list, x WHERE condition)"),
    function("MIN", 2, 2, "MIN(list, x WHERE condition)"),
    function("MJD", 1, 1, "MJD(time)"),
    function("MOD", 2, 2, "MOD(x, y)"),
    function("NULLIF", 2, 2, "NULLIF(a, b)"),
    function("PI", 0, 0, "PI()"),
    function("POW", 2, 2, "POW(x, y)"),
    function("POWER", 2, 2, "POWER(x, y)"),
    function("RADIANS", 1, 1, "RADIANS(degrees)"),
    function("RATE", 2, 2, "RATE(list, x WHERE condition)"),
    function("ROUND", 1, 2, "ROUND(x, digits)"),
    function("SIGN", 1, 1, "SIGN(x)"),
    function("SIN", 1, 1, "SIN(radians)"),
    function("SLOPE", 2, 3, "SLOPE(list, x, error of x WHERE condition)"),
    function("SLOPE_R2", 2, 3, "SLOPE_R2(list, x, error of x WHERE condition)"),
    function("SQRT", 1, 1, "SQRT(x)"),
    function("SQUARE", 1, 1, "SQUARE(x)"),
    function("STARTS_WITH", 2, 2, "STARTS_WITH(text, beginning)"),
    function("STDDEV", 2, 2, "STDDEV(list, x WHERE condition)"),
    function("SUM", 2, 2, "SUM(list, x WHERE condition)"),
    function("TAN", 1, 1, "TAN(radians)"),
    function("TRIM", 1, 1, "TRIM(text)"),
    function("TRUNCATE", 1, 1, "TRUNCATE(x)"),
    function("UPPER", 1, 1, "UPPER(text)"),
    function("WATCHED", 1, 2, "WATCHED('list', radius in arcsec)"),
    // Known so that one who looks for them is told where they belong.
    function("POINT", 2, 3, "POINT(ra, dec)"),
    function("CIRCLE", 2, 4, "CIRCLE(ra, dec, radius in degrees)"),
    function("POLYGON", 3, MANY, "POLYGON(ra1, dec1, ra2, dec2, ra3, dec3, ...)"),
    function("MOC", 1, 1, "MOC('file or MOC')"),
    function("LCASE", 1, 1, "LCASE(text)"),
    function("UCASE", 1, 1, "UCASE(text)"),
    function("CHAR_LENGTH", 1, 1, "CHAR_LENGTH(text)"),
    function("SIGNUM", 1, 1, "SIGNUM(x)"),
    function("CBRT", 1, 1, "CBRT(x)"),
];

/// What one number becomes. What is no number of the reals is NULL, as in Spark and in SQL.
fn map(name: &str) -> Option<fn(f64) -> f64> {
    fn positive(x: f64, of: fn(f64) -> f64) -> f64 {
        if x > 0.0 { of(x) } else { f64::NAN }
    }
    Some(match name {
        "ABS" => f64::abs,
        "ACOS" => f64::acos,
        "ASIN" => f64::asin,
        "ATAN" => f64::atan,
        "CBRT" => f64::cbrt,
        "CEIL" | "CEILING" => f64::ceil,
        "COS" => f64::cos,
        "COT" => |x| 1.0 / x.tan(),
        "DEGREES" => f64::to_degrees,
        "EXP" => f64::exp,
        "FLOOR" => f64::floor,
        "LN" => |x| positive(x, f64::ln),
        "LOG10" => |x| positive(x, f64::log10),
        "LOG2" => |x| positive(x, f64::log2),
        "RADIANS" => f64::to_radians,
        "SIGN" | "SIGNUM" => |x| if x == 0.0 { 0.0 } else { x.signum() },
        "SIN" => f64::sin,
        "SQRT" => f64::sqrt,
        "SQUARE" => |x| x * x,
        "TAN" => f64::tan,
        "TRUNCATE" => f64::trunc,
        _ => return None,
    })
}

fn what(name: &str) -> Option<What> {
    Some(match name {
        "MIN" => What::Min,
        "MAX" => What::Max,
        "SUM" => What::Sum,
        "MEAN" | "AVG" => What::Mean,
        "MEDIAN" => What::Median,
        "STDDEV" => What::Deviation,
        "FIRST" => What::First,
        "LAST" => What::Last,
        "SLOPE" => What::Slope,
        "SLOPE_R2" => What::SlopeR2,
        "RATE" => What::Rate,
        _ => return None,
    })
}

/// Rounds half away from zero, as SQL does.
fn round_to(x: f64, digits: f64) -> f64 {
    let power = 10_f64.powi(digits.clamp(-300.0, 300.0) as i32);
    let rounded = (x * power).round() / power;
    // Digits beyond those it has.
    if rounded.is_finite() || !x.is_finite() { rounded } else { x }
}

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        name: &str,
        name_span: Span,
        args: &[Expr],
        condition: Option<&Expr>,
        span: Span,
    ) -> Typed {
        let upper = name.to_uppercase();
        let Some(known) = FUNCTIONS.iter().find(|function| function.name == upper) else {
            let told = mistake(Kind::UnknownFunction, name_span, format!("there is no function `{name}`"));
            return self.wrong(told.did_you_mean(&upper, FUNCTIONS.iter().map(|function| function.name)));
        };
        if !known.arguments.contains(&args.len()) {
            let told =
                format!("{upper} is given {} argument{}", args.len(), if args.len() == 1 { "" } else { "s" });
            return self.wrong(mistake(Kind::ArgumentCount, span, told).expecting(known.form));
        }
        let looks_into = matches!(
            upper.as_str(),
            "ANY"
                | "ALL"
                | "COUNT"
                | "DAYS_SINCE_FIRST"
                | "DAYS_SINCE_LAST"
                | "MATCHES"
                | "MATCH_DISTANCE"
                | "MAX_GAP"
        ) || what(&upper).is_some();
        if let (Some(condition), false) = (condition, looks_into) {
            let told = format!("{upper} takes no WHERE");
            return self.wrong(mistake(Kind::Syntax, condition.span, told).expecting(known.form));
        }
        if let Some(map) = map(&upper) {
            let keeps = matches!(upper.as_str(), "ABS" | "CEIL" | "CEILING" | "FLOOR" | "TRUNCATE" | "SIGN");
            return match self.typed(&args[0]) {
                // Whole numbers are whole already.
                Typed::Whole(whole) if keeps && !matches!(upper.as_str(), "ABS" | "SIGN") => {
                    Typed::Whole(whole)
                }
                Typed::Wrong => Typed::Wrong,
                other => {
                    let value = self.as_number(other, args[0].span);
                    Typed::Number(Number::Map(map, value.into()))
                }
            };
        }
        if let Some(what) = what(&upper) {
            return self.over(what, args, condition);
        }
        match upper.as_str() {
            "PI" => Typed::Number(Number::Constant(std::f64::consts::PI)),
            "POWER" | "POW" => self.map2(f64::powf, &args[0], &args[1]),
            "ATAN2" => self.map2(f64::atan2, &args[0], &args[1]),
            "LOG" if args.len() == 1 => {
                let value = self.number(&args[0]);
                Typed::Number(Number::Map(|x| if x > 0.0 { x.ln() } else { f64::NAN }, value.into()))
            }
            "LOG" => self.map2(
                |base, x| if x > 0.0 && base > 0.0 { x.ln() / base.ln() } else { f64::NAN },
                &args[0],
                &args[1],
            ),
            "ROUND" if args.len() == 1 => {
                let value = self.number(&args[0]);
                Typed::Number(Number::Map(f64::round, value.into()))
            }
            "ROUND" => self.map2(round_to, &args[0], &args[1]),
            "MOD" => self.remainder(args),
            "LEAST" => self.extreme(args, Comparison::Less),
            "GREATEST" => self.extreme(args, Comparison::Greater),
            "COALESCE" | "IFNULL" => {
                let values: Vec<(Typed, Span)> = args.iter().map(|arg| (self.typed(arg), arg.span)).collect();
                let last = values.len() - 1;
                let tests = values[..last]
                    .iter()
                    .map(|(value, _)| Truth::Not(self.null_test(value).into()))
                    .collect();
                self.choose(tests, values)
            }
            "NULLIF" => self.null_if(&args[0], &args[1]),
            "IF" => {
                let test = self.truth(&args[0]);
                let values = args[1..].iter().map(|arg| (self.typed(arg), arg.span)).collect();
                self.choose(vec![test], values)
            }
            "LOWER" | "LCASE" => self.map_text(str::to_lowercase, &args[0]),
            "UPPER" | "UCASE" => self.map_text(str::to_uppercase, &args[0]),
            "TRIM" => self.map_text(|text| text.trim().to_string(), &args[0]),
            "LENGTH" | "CHAR_LENGTH" => {
                let text = self.text(&args[0]);
                Typed::Whole(Whole::Length(text.into()))
            }
            "CONCAT" => Typed::Text(Text::Concat(args.iter().map(|arg| self.text(arg)).collect())),
            "STARTS_WITH" => {
                let text = self.text(&args[0]);
                let Text::Constant(Some(start)) = self.text(&args[1]) else {
                    let told = mistake(Kind::Unsupported, args[1].span, "the beginning is no plain text");
                    return self.wrong(told.expecting(known.form));
                };
                let escaped = start.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                let pattern = Arc::new(super::expr::Pattern::new(&(escaped + "%"), false));
                Typed::Truth(Truth::Like { value: text.into(), pattern })
            }
            "JD" | "MJD" => match self.typed(&args[0]) {
                Typed::Time(time) => {
                    let jd = Number::JulianDate(time.into());
                    let zero = Number::Constant(if upper == "JD" { 0.0 } else { 2_400_000.5 });
                    Typed::Number(Number::Arithmetic(Operator::Subtract, jd.into(), zero.into()))
                }
                Typed::Wrong | Typed::Null => Typed::Wrong,
                _ => {
                    let told = mistake(Kind::Type, args[0].span, "this is no time");
                    self.wrong(told.expecting("a field of times, such as timestamp"))
                }
            },
            "ANY" | "ALL" => {
                let any = upper == "ANY";
                let made = self.within(&args[0], |compiler, list| {
                    let value = Box::new(compiler.truth(&args[1]));
                    let condition = condition.map(|condition| Box::new(compiler.truth(condition)));
                    if any {
                        Truth::Any { list, value, condition }
                    } else {
                        Truth::All { list, value, condition }
                    }
                });
                made.map_or(Typed::Wrong, Typed::Truth)
            }
            "COUNT" => {
                let made = self.within(&args[0], |compiler, list| {
                    let condition = condition.map(|condition| Box::new(compiler.truth(condition)));
                    Whole::Count { list, condition }
                });
                made.map_or(Typed::Wrong, Typed::Whole)
            }
            "DAYS_SINCE" => {
                let then = self.number(&args[0]);
                let now = self.current_time(span);
                Typed::Number(Number::Arithmetic(Operator::Subtract, now.into(), then.into()))
            }
            "DAYS_SINCE_FIRST" | "DAYS_SINCE_LAST" => {
                let what = if upper == "DAYS_SINCE_FIRST" { What::Min } else { What::Max };
                let then = self.within(&args[0], |compiler, list| {
                    let value = compiler.element_time(&args[0]);
                    let condition = condition.map(|condition| compiler.truth(condition));
                    Number::Over(Box::new(Over { list, what, value, time: None, error: None, condition }))
                });
                let Some(then) = then else { return Typed::Wrong };
                let now = self.current_time(span);
                Typed::Number(Number::Arithmetic(Operator::Subtract, now.into(), then.into()))
            }
            "MAX_GAP" => {
                let gap = self.within(&args[0], |compiler, list| {
                    let value = compiler.element_time(&args[0]);
                    let condition = condition.map(|condition| compiler.truth(condition));
                    let what = What::MaxGap;
                    Number::Over(Box::new(Over { list, what, value, time: None, error: None, condition }))
                });
                gap.map_or(Typed::Wrong, Typed::Number)
            }
            "GALACTIC_LATITUDE" | "GAL_B" => self.galactic(args, true, span),
            "GALACTIC_LONGITUDE" | "GAL_L" => self.galactic(args, false, span),
            "DISTANCE" => self.distance(args, span),
            "CONTAINS" => self.contains(args),
            "IN_CONE" => {
                let place = if args.len() == 5 { Some(&args[3..]) } else { None };
                if args.len() == 4 {
                    let told = mistake(Kind::ArgumentCount, span, "IN_CONE is given 4 arguments");
                    return self.wrong(told.expecting(known.form));
                }
                let Some(region) = self.circle(&args[..3], span) else { return Typed::Wrong };
                self.in_region(region, place, span)
            }
            "IN_POLYGON" => {
                let Some(region) = self.polygon(args, span) else { return Typed::Wrong };
                self.in_region(region, None, span)
            }
            "IN_MOC" => {
                let place = if args.len() == 3 { Some(&args[1..]) } else { None };
                if args.len() == 2 {
                    let told = mistake(Kind::ArgumentCount, span, "IN_MOC is given 2 arguments");
                    return self.wrong(told.expecting(known.form));
                }
                let (ra, dec) = self.place(place, span);
                self.in_moc(&args[0], ra, dec)
            }
            "MATCHES" | "MATCH_DISTANCE" => {
                if args.len() == 3 {
                    let told = mistake(Kind::ArgumentCount, span, format!("{upper} is given 3 arguments"));
                    return self.wrong(told.expecting(known.form));
                }
                let Some(lookup) = self.lookup(args, condition, span) else { return Typed::Wrong };
                if upper == "MATCHES" {
                    Typed::Truth(Truth::Matches(lookup.into()))
                } else {
                    Typed::Number(Number::Counterpart(lookup.into()))
                }
            }
            "WATCHED" => self.watched(args, span),
            _ => {
                let told = mistake(Kind::Region, span, format!("{upper} stands by itself"));
                self.wrong(told.hint("write it in CONTAINS(POINT(ra, dec), ...)"))
            }
        }
    }

    fn map2(&mut self, map: fn(f64, f64) -> f64, a: &Expr, b: &Expr) -> Typed {
        let (a, b) = (self.number(a), self.number(b));
        Typed::Number(Number::Map2(map, a.into(), b.into()))
    }

    fn map_text(&mut self, map: fn(&str) -> String, text: &Expr) -> Typed {
        let text = self.text(text);
        Typed::Text(Text::Map(map, text.into()))
    }

    fn remainder(&mut self, args: &[Expr]) -> Typed {
        match (self.typed(&args[0]), self.typed(&args[1])) {
            (Typed::Whole(a), Typed::Whole(b)) => {
                Typed::Whole(Whole::Arithmetic(Operator::Remainder, a.into(), b.into()))
            }
            (a, b) => {
                let (a, b) = (self.as_number(a, args[0].span), self.as_number(b, args[1].span));
                Typed::Number(Number::Arithmetic(Operator::Remainder, a.into(), b.into()))
            }
        }
    }

    /// The least or the greatest of those that are not NULL.
    fn extreme(&mut self, args: &[Expr], better: Comparison) -> Typed {
        let numbers: Vec<Number> = args.iter().map(|arg| self.number(arg)).collect();
        let pick: fn(f64, f64) -> f64 = if better == Comparison::Less { f64::min } else { f64::max };
        // Both leave NaN out.
        Typed::Number(Number::Extreme(pick, numbers))
    }

    fn over(&mut self, what: What, args: &[Expr], condition: Option<&Expr>) -> Typed {
        let made = self.within(&args[0], |compiler, list| {
            let value = compiler.number(&args[1]);
            let error = args.get(2).map(|error| compiler.number(error));
            let ordered = matches!(what, What::First | What::Last | What::Slope | What::SlopeR2 | What::Rate);
            let time = ordered.then(|| compiler.element_time(&args[0]));
            let condition = condition.map(|condition| compiler.truth(condition));
            Number::Over(Box::new(Over { list, what, value, time, error, condition }))
        });
        made.map_or(Typed::Wrong, Typed::Number)
    }

    /// The place that is given, or the one of the current detection.
    fn place(&mut self, given: Option<&[Expr]>, span: Span) -> (Number, Number) {
        match given {
            Some([ra, dec]) => (self.number(ra), self.number(dec)),
            _ => self.current_place(span),
        }
    }

    fn galactic(&mut self, args: &[Expr], latitude: bool, span: Span) -> Typed {
        if args.len() == 1 {
            let told = mistake(Kind::ArgumentCount, span, "one coordinate is no place");
            return self.wrong(told.expecting("ra and dec, or nothing for the place of the alert"));
        }
        let (ra, dec) = self.place(Some(args).filter(|args| !args.is_empty()), span);
        Typed::Number(Number::Galactic { latitude, ra: ra.into(), dec: dec.into() })
    }

    fn distance(&mut self, args: &[Expr], span: Span) -> Typed {
        let places = match args {
            [a, b] => {
                let (Some(a), Some(b)) = (self.point(a), self.point(b)) else { return Typed::Wrong };
                [a.0, a.1, b.0, b.1]
            }
            [a, b, c, d] => [self.number(a), self.number(b), self.number(c), self.number(d)],
            _ => {
                let told = mistake(Kind::ArgumentCount, span, "DISTANCE is given 3 arguments");
                return self.wrong(told.expecting("two points, or ra1, dec1, ra2, dec2"));
            }
        };
        Typed::Number(Number::Separation(Box::new(places)))
    }

    /// `POINT(ra, dec)`, with or without a frame before, which is ICRS.
    fn point(&mut self, expr: &Expr) -> Option<(Number, Number)> {
        let args = self.geometry(expr, "POINT", "POINT(ra, dec)")?;
        match args {
            [ra, dec] => Some((self.number(ra), self.number(dec))),
            _ => {
                let told = mistake(Kind::ArgumentCount, expr.span, "this is no point");
                self.wrong(told.expecting("POINT(ra, dec)"));
                None
            }
        }
    }

    /// The arguments of a geometry behind its frame.
    fn geometry<'e>(&mut self, expr: &'e Expr, wanted: &str, form: &str) -> Option<&'e [Expr]> {
        let ExprKind::Call { name, args, .. } = &expr.kind else {
            let told = mistake(Kind::Region, expr.span, "this is no geometry");
            self.wrong(told.expecting(form));
            return None;
        };
        if !name.eq_ignore_ascii_case(wanted) {
            let told = mistake(Kind::Region, expr.span, format!("this is {}", name.to_uppercase()));
            self.wrong(told.expecting(form));
            return None;
        }
        match args.split_first() {
            Some((Expr { kind: ExprKind::Text(frame), span, .. }, rest)) if wanted != "MOC" => {
                let frame = frame.trim();
                if !(frame.is_empty() || frame.to_uppercase().starts_with("ICRS")) {
                    let told = mistake(Kind::Region, *span, format!("the frame is '{frame}'"));
                    self.wrong(told.expecting("'ICRS', or no frame; GAL_B() and GAL_L() are galactic"));
                    return None;
                }
                Some(rest)
            }
            _ => Some(args),
        }
    }

    fn contains(&mut self, args: &[Expr]) -> Typed {
        let point = self.point(&args[0]);
        let ExprKind::Call { name, .. } = &args[1].kind else {
            let told = mistake(Kind::Region, args[1].span, "this is no region");
            return self.wrong(told.expecting("CIRCLE(...), POLYGON(...) or MOC('...')"));
        };
        let region = match name.to_uppercase().as_str() {
            "CIRCLE" => {
                let form = "CIRCLE(ra, dec, radius in degrees)";
                let Some(parts) = self.geometry(&args[1], "CIRCLE", form) else { return Typed::Wrong };
                let parts: Vec<Expr> = match parts {
                    // `CIRCLE(POINT(ra, dec), radius)`
                    [centre, radius] => match self.geometry(centre, "POINT", "POINT(ra, dec)") {
                        Some(centre) => centre.iter().chain([radius]).cloned().collect(),
                        None => return Typed::Wrong,
                    },
                    parts => parts.to_vec(),
                };
                self.circle(&parts, args[1].span)
            }
            "POLYGON" => {
                let form = "POLYGON(ra1, dec1, ra2, dec2, ra3, dec3, ...)";
                let Some(parts) = self.geometry(&args[1], "POLYGON", form) else { return Typed::Wrong };
                let mut flat = Vec::new();
                for part in parts {
                    match &part.kind {
                        ExprKind::Call { name, .. } if name.eq_ignore_ascii_case("POINT") => {
                            match self.geometry(part, "POINT", "POINT(ra, dec)") {
                                Some(point) => flat.extend(point.iter().cloned()),
                                None => return Typed::Wrong,
                            }
                        }
                        _ => flat.push(part.clone()),
                    }
                }
                self.polygon(&flat, args[1].span)
            }
            "MOC" => {
                let Some([moc]) = self.geometry(&args[1], "MOC", "MOC('file or MOC')") else {
                    return Typed::Wrong;
                };
                let Some((ra, dec)) = point else { return Typed::Wrong };
                return self.in_moc(moc, ra, dec);
            }
            other => {
                let told = mistake(Kind::Region, args[1].span, format!("{other} is no region"));
                return self.wrong(told.expecting("CIRCLE(...), POLYGON(...) or MOC('...')"));
            }
        };
        let (Some((ra, dec)), Some(region)) = (point, region) else { return Typed::Wrong };
        self.dear(Cost::Sky);
        Typed::Truth(Truth::InRegion { ra: ra.into(), dec: dec.into(), region: region.into() })
    }

    fn in_region(&mut self, region: Region, place: Option<&[Expr]>, span: Span) -> Typed {
        let (ra, dec) = self.place(place, span);
        self.dear(Cost::Sky);
        Typed::Truth(Truth::InRegion { ra: ra.into(), dec: dec.into(), region: region.into() })
    }

    fn in_moc(&mut self, moc: &Expr, ra: Number, dec: Number) -> Typed {
        let Some(text) = self.constant_text(moc, "the MOC") else { return Typed::Wrong };
        self.dear(Cost::Sky);
        match self.sources.moc(&text) {
            Ok(moc) => Typed::Truth(Truth::InMoc { ra: ra.into(), dec: dec.into(), moc }),
            Err(told) => self.wrong(mistake(Kind::Region, moc.span, told)),
        }
    }

    fn constant_text(&mut self, expr: &Expr, what: &str) -> Option<String> {
        if let ExprKind::Text(text) = &expr.kind {
            return Some(text.clone());
        }
        let told = mistake(Kind::Type, expr.span, format!("{what} is no plain text"));
        self.wrong(told.expecting("its name in quotes"));
        None
    }

    /// A number that is known without any alert.
    fn constant(&mut self, expr: &Expr, what: &str) -> Option<f64> {
        let before = self.mistakes.len();
        let number = self.number(expr);
        if self.mistakes.len() > before {
            return None;
        }
        match super::evaluate::constant(&number) {
            Some(number) if number.is_finite() => Some(number),
            _ => {
                let told = mistake(Kind::Type, expr.span, format!("{what} is no fixed number"));
                self.wrong(told.expecting("a number").hint("DISTANCE(ra1, dec1, ra2, dec2) takes fields"));
                None
            }
        }
    }

    fn direction(&mut self, ra: &Expr, dec: &Expr) -> Option<Direction> {
        let (x, y) = (self.constant(ra, "the right ascension")?, self.constant(dec, "the declination")?);
        match Direction::from_degrees(x, y) {
            Ok(direction) => Some(direction),
            Err(error) => {
                self.wrong(mistake(Kind::Region, ra.span.to(dec.span), error.to_string()));
                None
            }
        }
    }

    fn circle(&mut self, parts: &[Expr], span: Span) -> Option<Region> {
        let [ra, dec, radius] = parts else {
            let told = mistake(Kind::ArgumentCount, span, "this is no circle");
            self.wrong(told.expecting("ra, dec and radius in degrees"));
            return None;
        };
        let centre = self.direction(ra, dec);
        let degrees = self.constant(radius, "the radius")?;
        match Cone::new(centre?, Angle::from_degrees(degrees)) {
            Ok(cone) => Some(cone.into()),
            Err(error) => {
                self.wrong(mistake(Kind::Region, radius.span, error.to_string()));
                None
            }
        }
    }

    fn polygon(&mut self, parts: &[Expr], span: Span) -> Option<Region> {
        if parts.len() % 2 == 1 || parts.len() < 6 {
            let told = mistake(Kind::ArgumentCount, span, "this is no polygon");
            self.wrong(told.expecting("ra1, dec1, ra2, dec2, ra3, dec3, ..., at least three corners"));
            return None;
        }
        let corners: Option<Vec<Direction>> =
            parts.chunks(2).map(|pair| self.direction(&pair[0], &pair[1])).collect();
        match Polygon::new(&corners?) {
            Ok(polygon) => Some(polygon.into()),
            Err(error) => {
                self.wrong(mistake(Kind::Region, span, error.to_string()));
                None
            }
        }
    }

    fn radius(&mut self, expr: &Expr) -> Option<Angle> {
        let arcsec = self.constant(expr, "the radius")?;
        if (0.0..=3600.0).contains(&arcsec) {
            return Some(Angle::from_arcsec(arcsec));
        }
        let told = mistake(Kind::Region, expr.span, format!("the radius is {arcsec} arcsec"));
        self.wrong(told.expecting("0 to 3600 arcsec"));
        None
    }

    fn lookup(&mut self, args: &[Expr], condition: Option<&Expr>, span: Span) -> Option<Lookup> {
        let name = self.constant_text(&args[0], "the catalogue")?;
        let radius = self.radius(&args[1]);
        let (ra, dec) = self.place(args.get(2..4), span);
        self.dear(Cost::Lookup);
        let counterparts = match self.sources.catalogue(&name) {
            Ok(counterparts) => counterparts,
            Err(told) => {
                self.wrong(mistake(Kind::UnknownTable, args[0].span, told));
                return None;
            }
        };
        let condition = match condition {
            None => None,
            Some(condition) => {
                let schema = counterparts.schema();
                match Conditions::of_exprs("", std::slice::from_ref(condition), &schema, self.sources) {
                    Ok(conditions) => Some(Arc::new(conditions)),
                    Err(mistakes) => {
                        self.mistakes.extend(mistakes);
                        return None;
                    }
                }
            }
        };
        Some(Lookup { ra, dec, counterparts, radius: radius?, condition })
    }

    fn watched(&mut self, args: &[Expr], span: Span) -> Typed {
        let Some(name) = self.constant_text(&args[0], "the watch list") else { return Typed::Wrong };
        let radius = match args.get(1).map(|radius| self.radius(radius)) {
            None => None,
            Some(Some(radius)) => Some(radius),
            Some(None) => return Typed::Wrong,
        };
        match self.sources.watch_list(&name, radius) {
            Err(told) => self.wrong(mistake(Kind::UnknownTable, args[0].span, told)),
            Ok(list) => match &*list {
                WatchList::Places(_) => {
                    let (ra, dec) = self.current_place(span);
                    self.dear(Cost::Sky);
                    Typed::Truth(Truth::Near { ra: ra.into(), dec: dec.into(), list })
                }
                WatchList::Names(_) => {
                    let names: [&[&str]; 3] =
                        [&["objectId"], &["diaObject", "diaObjectId"], &["diaSource", "diaObjectId"]];
                    let Some(field) = names.iter().find_map(|path| self.fields.at(path)).cloned() else {
                        let told = "the alert names no object: neither objectId nor diaObject.diaObjectId";
                        return self.wrong(mistake(Kind::Type, span, told));
                    };
                    match self.field(&field) {
                        Typed::Text(name) => Typed::Truth(Truth::Listed { name: name.into(), list }),
                        Typed::Whole(name) => {
                            let WatchList::Names(names) = &*list else { return Typed::Wrong };
                            let mut list: Vec<i64> =
                                names.iter().filter_map(|name| name.parse().ok()).collect();
                            list.sort_unstable();
                            Typed::Truth(Truth::InWholes { value: name.into(), list, null: false })
                        }
                        _ => Typed::Wrong,
                    }
                }
            },
        }
    }
}
