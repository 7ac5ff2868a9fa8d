//! What a caller chooses, and the way from text to tree.

use crate::error::Errors;
use crate::functions::Functions;
use crate::tree::Query;
use crate::{convert, dialect, lexer};

/// The version of the standard that a query is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// ADQL 2.0 (2008): a frame in every geometry; no OFFSET, WITH, CAST, COALESCE, IN_UNIT, ILIKE, LOWER, UPPER.
    V2_0,
    /// ADQL 2.1 (2023).
    #[default]
    V2_1,
}

/// How closely a query must follow the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The standard, read generously where it is generous.
    Strict,
    /// Also what live clients send: `;` at the end, what 2.1 has in a query of 2.0,
    /// `crossmatch_positional(…) FROM dual`.
    #[default]
    Lenient,
}

/// What a caller chooses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// The version of the standard. In lenient mode 2.0 is read as 2.1, and as 2.0 where it is not that: words that 2.1
    /// reserves may be names in 2.0.
    pub version: Version,
    /// How closely to follow it.
    pub mode: Mode,
    /// The functions beyond the standard's.
    pub functions: Functions,
}

impl Options {
    /// Takes only what the standard has, in version 2.1.
    pub fn strict() -> Self {
        Self { mode: Mode::Strict, ..Self::default() }
    }
}

/// Parses one query and checks all that can be checked without knowing the tables.
///
/// That is: the grammar, reserved words, which functions there are, how many arguments each takes, and the types of
/// those arguments whose types are known without tables.
///
/// # Errors
/// Everything that is wrong with the characters; or the first place where the grammar is left; or everything that the
/// standard lacks or a function does not take.
pub fn parse(query: &str, options: &Options) -> Result<Query, Errors> {
    match (options.mode, options.version) {
        (Mode::Lenient, Version::V2_0) => parse_as(Version::V2_1, query, options)
            .or_else(|errors| parse_as(Version::V2_0, query, options).map_err(|_| errors)),
        (_, version) => parse_as(version, query, options),
    }
}

fn parse_as(version: Version, query: &str, options: &Options) -> Result<Query, Errors> {
    let tokens = lexer::tokens(query, options, version).map_err(Errors::new)?;
    let parsed = dialect::parse(query, tokens, version)?;
    convert::query(parsed, options, version).map_err(Errors::new)
}
