//! Which functions there are, how many arguments each takes, and of which types.
//!
//! Functions of the standard: ADQL 2.1, sections 2.3 and 4. Those of the IVOA: "Catalogue of ADQL User Defined
//! Functions" 1.0. An operator declares others as TAPRegExt writes them: `name(a REAL, b VARCHAR) -> BIGINT`.

use crate::error::{Error, Kind, Span, did_you_mean};
use crate::tree::Aggregate;
use crate::types::Type;

/// A function of the standard that is called like any other.
#[derive(Debug, PartialEq)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// Whether it takes and gives text; if not, numbers.
    pub(crate) text: bool,
}

const fn numeric(name: &'static str, least: usize, most: usize) -> Builtin {
    Builtin { name, least, most, text: false }
}

const BUILTINS: [Builtin; 25] = [
    numeric("ABS", 1, 1),
    numeric("ACOS", 1, 1),
    numeric("ASIN", 1, 1),
    numeric("ATAN", 1, 1),
    numeric("ATAN2", 2, 2),
    numeric("CEILING", 1, 1),
    numeric("COS", 1, 1),
    numeric("COT", 1, 1),
    numeric("DEGREES", 1, 1),
    numeric("EXP", 1, 1),
    numeric("FLOOR", 1, 1),
    numeric("LOG", 1, 1),
    numeric("LOG10", 1, 1),
    numeric("MOD", 2, 2),
    numeric("PI", 0, 0),
    numeric("POWER", 2, 2),
    numeric("RADIANS", 1, 1),
    numeric("RAND", 0, 1),
    numeric("ROUND", 1, 2),
    numeric("SIN", 1, 1),
    numeric("SQRT", 1, 1),
    numeric("TAN", 1, 1),
    numeric("TRUNCATE", 1, 2),
    Builtin { name: "LOWER", least: 1, most: 1, text: true },
    Builtin { name: "UPPER", least: 1, most: 1, text: true },
];

/// Functions with a grammar of their own.
const SPECIAL: [&str; 16] = [
    "AREA",
    "BOX",
    "CAST",
    "CENTROID",
    "CIRCLE",
    "COALESCE",
    "CONTAINS",
    "COORD1",
    "COORD2",
    "COORDSYS",
    "DISTANCE",
    "INTERSECTS",
    "IN_UNIT",
    "POINT",
    "POLYGON",
    "REGION",
];

/// Finds a function of the standard by its name in any case.
pub(crate) fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name.eq_ignore_ascii_case(name))
}

/// The declaration of a function that the standard lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The name; calls may write it in any case.
    pub name: String,
    /// Names and types of the parameters.
    pub parameters: Vec<(String, Type)>,
    /// The type of the result.
    pub returns: Type,
    /// Whether it makes one value of many rows, as SUM does.
    pub aggregate: bool,
}

impl Signature {
    /// Reads a declaration as TAPRegExt writes it, such as `f(a REAL, b TIMESTAMP) -> BIGINT`.
    ///
    /// # Errors
    /// [`Kind::Syntax`] with the span within `text`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |message: String| {
            Error::new(Kind::Syntax, Span::new(0, text.len()), message)
                .expecting("name(parameter TYPE, …) -> TYPE")
        };
        let (call, returns) =
            text.split_once("->").ok_or_else(|| wrong(format!("`{text}` has no `->` and type")))?;
        let (name, list) = call.split_once('(').ok_or_else(|| wrong(format!("`{text}` has no `(`")))?;
        let list = list.trim_end();
        let list = list.strip_suffix(')').ok_or_else(|| wrong(format!("`{text}` has no `)`")))?;
        let name = name.trim();
        let regular = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !regular {
            return Err(wrong(format!("`{name}` is no name of a function")));
        }
        let of = |name: &str| Type::parse(name).ok_or_else(|| wrong(format!("`{name}` is no type")));
        let mut parameters = Vec::new();
        for parameter in split_commas(list).into_iter().map(str::trim).filter(|p| !p.is_empty()) {
            let (name, kind) = parameter.split_once(char::is_whitespace).unwrap_or(("", parameter));
            // Without a name the whole is a type; `DOUBLE PRECISION` is one as well.
            let kind = match Type::parse(parameter) {
                Some(whole) if name.is_empty() || Type::parse(kind).is_none() => whole,
                _ => of(kind)?,
            };
            parameters.push((name.to_owned(), kind));
        }
        Ok(Self { name: name.to_owned(), parameters, returns: of(returns)?, aggregate: false })
    }

    /// Writes the declaration as TAPRegExt wants it.
    pub fn form(&self) -> String {
        let parameter = |(name, kind): &(String, Type)| format!("{name} {}", kind.name()).trim().to_owned();
        let list: Vec<_> = self.parameters.iter().map(parameter).collect();
        format!("{}({}) -> {}", self.name, list.join(", "), self.returns.name())
    }
}

/// Splits at commas outside of parentheses.
fn split_commas(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, b) in list.bytes().enumerate() {
        match b {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// The functions beyond the standard's that a service has.
#[derive(Debug, Clone, PartialEq)]
pub struct Functions {
    signatures: Vec<Signature>,
}

/// Name, parameters, result, and whether it is an aggregate.
type Known = (&'static str, &'static [(&'static str, Type)], Type, bool);

/// The IVOA's catalogue and Gaia's cell of a source.
const KNOWN: [Known; 13] = {
    use Type::{BigInt, Double, Integer, Interval, Point, Unknown, Varchar};
    [
        ("ivo_healpix_index", &[("order", Integer), ("lon", Double), ("lat", Double)], BigInt, false),
        ("ivo_healpix_index", &[("order", Integer), ("p", Point)], BigInt, false),
        ("ivo_healpix_center", &[("order", Integer), ("index", BigInt)], Point, false),
        (
            "ivo_histogram",
            &[("val", Double), ("lower", Double), ("upper", Double), ("nbins", Integer)],
            Unknown,
            true,
        ),
        (
            "ivo_interval_overlaps",
            &[("l1", Double), ("h1", Double), ("l2", Double), ("h2", Double)],
            Integer,
            false,
        ),
        ("ivo_interval_has", &[("val", Double), ("iv", Interval)], Integer, false),
        ("ivo_interval_has", &[("val", Double), ("low", Double), ("high", Double)], Integer, false),
        ("ivo_hasword", &[("haystack", Varchar), ("needle", Varchar)], Integer, false),
        ("ivo_hashlist_has", &[("hashlist", Varchar), ("item", Varchar)], Integer, false),
        ("ivo_nocasematch", &[("value", Varchar), ("pattern", Varchar)], Integer, false),
        ("ivo_string_agg", &[("expression", Unknown), ("delimiter", Varchar)], Varchar, true),
        (
            "ivo_apply_pm",
            &[("ra", Double), ("dec", Double), ("pmra", Double), ("pmdec", Double), ("epdist", Double)],
            Point,
            false,
        ),
        ("gaia_healpix_index", &[("order", Integer), ("source_id", BigInt)], BigInt, false),
    ]
};

impl Default for Functions {
    /// Knows the functions of the IVOA's catalogue and `gaia_healpix_index`.
    fn default() -> Self {
        let signature = |(name, parameters, returns, aggregate): &Known| Signature {
            name: (*name).to_owned(),
            parameters: parameters.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
            returns: *returns,
            aggregate: *aggregate,
        };
        Self { signatures: KNOWN.iter().map(signature).collect() }
    }
}

impl Functions {
    /// Adds a function; the same name may be declared with other parameters.
    pub fn declare(&mut self, signature: Signature) {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }

    /// All functions beyond the standard's.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.signatures.iter()
    }

    /// The first of the given name, whatever its parameters.
    pub(crate) fn named(&self, name: &str) -> Option<&Signature> {
        self.signatures.iter().find(|signature| signature.name.eq_ignore_ascii_case(name))
    }

    /// Finds the declaration that a call with arguments of these types means.
    pub(crate) fn resolve(
        &self,
        name: &str,
        types: &[(Type, Span)],
        span: Span,
    ) -> Result<&Signature, Error> {
        let of_name = |s: &&Signature| s.name.eq_ignore_ascii_case(name);
        let mut candidates = self.signatures.iter().filter(of_name).peekable();
        if candidates.peek().is_none() {
            let message = format!("no function `{name}` is known");
            let span = Span::new(span.start, span.start + name.len());
            return Err(did_you_mean(Error::new(Kind::UnknownFunction, span, message), name, self.names()));
        }
        let mut error = None;
        for signature in candidates {
            if signature.parameters.len() != types.len() {
                let wanted = signature.parameters.len();
                let message = format!("`{}` takes {wanted} arguments, not {}", signature.name, types.len());
                error = error.or_else(|| {
                    Some(Error::new(Kind::ArgumentCount, span, message).expecting(signature.form()))
                });
                continue;
            }
            let misfit = types.iter().zip(&signature.parameters).find(|((t, _), (_, p))| !t.fits(*p));
            match misfit {
                None => return Ok(signature),
                Some(((found, at), (parameter, wanted))) => {
                    let message = format!(
                        "`{parameter}` of `{}` is {}, not {}",
                        signature.name,
                        wanted.name(),
                        found.name()
                    );
                    error = Some(Error::new(Kind::Type, *at, message).expecting(signature.form()));
                }
            }
        }
        Err(error.expect("at least one candidate did not fit, else it was returned"))
    }

    /// Every name that can be called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let aggregates = Aggregate::ALL.iter().map(|(name, _)| *name);
        let standard = BUILTINS.iter().map(|builtin| builtin.name).chain(SPECIAL).chain(aggregates);
        standard.chain(self.signatures.iter().map(|signature| signature.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read_as_tapregext_writes_them() {
        let read = Signature::parse("f(a REAL, b TIMESTAMP) -> BIGINT").unwrap();
        assert_eq!(read.parameters, [("a".into(), Type::Real), ("b".into(), Type::Timestamp)]);
        assert_eq!(read.form(), "f(a REAL, b TIMESTAMP) -> BIGINT");
        let double =
            Signature::parse("g ( x DOUBLE PRECISION,DOUBLE PRECISION, s VARCHAR(5) )-> DOUBLE PRECISION")
                .unwrap();
        assert_eq!(
            double.parameters.iter().map(|p| p.1).collect::<Vec<_>>(),
            [Type::Double, Type::Double, Type::Varchar]
        );
        assert!(Signature::parse("nothing() -> INTEGER").unwrap().parameters.is_empty());
        for bad in [
            "f(a REAL)",
            "f a REAL -> REAL",
            "1f(a REAL) -> REAL",
            "f(a WIBBLE) -> REAL",
            "f(a REAL -> REAL",
            "",
        ] {
            assert!(Signature::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_overload_whose_types_fit_is_chosen() {
        let functions = Functions::default();
        let resolve = |types: &[Type]| {
            let types: Vec<_> = types.iter().map(|t| (*t, Span::default())).collect();
            functions.resolve("IVO_Healpix_Index", &types, Span::default()).map(|s| s.parameters.len())
        };
        assert_eq!(resolve(&[Type::Integer, Type::Point]), Ok(2));
        assert_eq!(resolve(&[Type::Integer, Type::Double, Type::Unknown]), Ok(3));
        assert_eq!(resolve(&[Type::Integer]).unwrap_err().kind, Kind::ArgumentCount);
        assert_eq!(resolve(&[Type::Integer, Type::Double]).unwrap_err().kind, Kind::Type);
    }
}
