//! What is wrong with a query, as data: the kind, the bytes it is about, what was expected, the way out.
//!
//! Errors keep byte spans; [`Error::render`] turns them into line, column and caret when a person is to read them.

use std::fmt;

/// Bytes `start..end` of the query's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// Makes a span of `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Gives the smallest span that covers both; an empty one at 0 is no span.
    pub fn to(self, other: Self) -> Self {
        if self == Self::default() {
            return other;
        }
        if other == Self::default() {
            return self;
        }
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// The kinds of mistakes, for programs that treat them differently.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A character or token that no query can have: a curly quote, `89x`, `/* */`, an unclosed string.
    Token,
    /// Tokens in an order that the grammar does not have.
    Syntax,
    /// SQL that ADQL lacks: DELETE, LIMIT, window functions, subqueries as values.
    NotAdql,
    /// Something of a later version of the standard than the one asked for.
    Version,
    /// A reserved word as a name.
    Reserved,
    /// A second statement, or text after the query.
    Trailing,
    /// Nested or chained too deep, or too long.
    TooDeep,
    /// A function that nobody declared.
    UnknownFunction,
    /// A number of arguments that the function does not take.
    ArgumentCount,
    /// A value of a type that does not fit.
    Type,
    /// A frame or an STC-S region that is not understood.
    Region,
    /// A unit that is not understood or cannot be converted.
    Unit,
    /// A table that the catalogue of tables does not have.
    UnknownTable,
    /// A column that none of the tables has.
    UnknownColumn,
    /// A column that several tables have, or a table name twice.
    Ambiguous,
    /// Aggregates beside columns that are not grouped, or where none can be.
    Aggregate,
    /// Operands of a set operator that do not fit, and other rules about a whole query.
    Query,
    /// What the engine chosen cannot do.
    Unsupported,
}

/// One mistake in a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .suggestion.as_ref().map(|s| format!("; {s}")).unwrap_or_default())]
pub struct Error {
    /// The kind.
    pub kind: Kind,
    /// The bytes it is about.
    pub span: Span,
    /// What is wrong, a fragment in lower case.
    pub message: String,
    /// What could have stood there, when that is known.
    pub expected: Option<String>,
    /// The way out, such as "did you mean `ra`?".
    pub suggestion: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: Kind, span: Span, message: impl Into<String>) -> Self {
        Self { kind, span, message: message.into(), expected: None, suggestion: None }
    }

    pub(crate) fn hint(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub(crate) fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Gives line and column of the first byte, both from 1; columns count characters.
    pub fn line_column(&self, query: &str) -> (usize, usize) {
        let start = floor_boundary(query, self.span.start);
        let before = &query[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Writes the error with the line it is about and carets below its bytes.
    ///
    /// `query` is the text that was parsed; with another text the position means nothing, but nothing panics.
    pub fn render(&self, query: &str) -> String {
        let start = floor_boundary(query, self.span.start);
        let (line, column) = self.line_column(query);
        let line_start = query[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = query[start..].find('\n').map_or(query.len(), |at| start + at);
        let end = floor_boundary(query, self.span.end.clamp(start, line_end));
        let shown: String =
            query[line_start..line_end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let carets = query[start..end].chars().count().max(1);
        let mut text = format!("line {line}, column {column}: {self}\n");
        text += &format!("  | {shown}\n  | {}{}", " ".repeat(column - 1), "^".repeat(carets));
        if let Some(expected) = &self.expected {
            text += &format!("\n  = expected {expected}");
        }
        text
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Everything that is wrong with a query; never empty, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn new(mut errors: Vec<Error>) -> Self {
        errors.sort_by_key(|error| error.span);
        errors.dedup();
        Self(errors)
    }

    /// The first mistake in the text.
    pub fn first(&self) -> &Error {
        &self.0[0]
    }

    /// All mistakes.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }

    /// Writes all of them with line, column and carets, one below the other.
    pub fn render(&self, query: &str) -> String {
        self.0.iter().map(|error| error.render(query)).collect::<Vec<_>>().join("\n")
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first())?;
        match self.0.len() {
            1 => Ok(()),
            2 => f.write_str(" (and one more mistake)"),
            n => write!(f, " (and {} more mistakes)", n - 1),
        }
    }
}

impl std::error::Error for Errors {}

/// Finds the name that is spelt most like `name`, if any is near.
pub(crate) fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let scored = among.into_iter().map(|other| (strsim::jaro_winkler(&wanted, &other.to_lowercase()), other));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.8).then_some(best.1)
}

/// Writes "did you mean `x`?" when a near name is known.
pub(crate) fn did_you_mean<'a>(error: Error, name: &str, among: impl IntoIterator<Item = &'a str>) -> Error {
    match nearest(name, among) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_below_the_bytes_they_are_about() {
        let query = "SELECT é\nFROM täble WHERE x";
        let start = query.find("täble").unwrap();
        let error = Error::new(Kind::UnknownTable, Span::new(start, start + 6), "no table `täble`");
        let text = error.hint("did you mean `table`?").render(query);
        assert_eq!(
            text,
            "line 2, column 6: no table `täble`; did you mean `table`?\n  | FROM täble WHERE x\n  |      ^^^^^"
        );
    }

    #[test]
    fn spans_beyond_the_text_render_at_its_end() {
        let error = Error::new(Kind::Syntax, Span::new(50, 60), "the query ends too early");
        assert!(error.render("é").ends_with("  | é\n  |  ^"));
    }
}
