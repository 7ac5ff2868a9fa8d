//! One 80-character card: keyword, value, comment.
//!
//! Reading is forgiving: a value that the standard does not allow is kept as [`Value::Invalid`] with its text, and
//! only becomes an error when somebody needs that keyword. Writing is strict.
//!
//! FITS 4.0, sections 4.1 and 4.2; long strings: section 4.2.1.2; HIERARCH: the ESO convention registered at the
//! FITS support office.

use std::fmt;
use std::io::Write;

/// The length of a card in bytes.
pub(crate) const CARD: usize = 80;

/// The value of a card.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A character string, trailing blanks removed, quotes single.
    Text(String),
    /// `T` or `F`.
    Logical(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number. NaN and infinities, which FITS headers cannot hold, are written as undefined.
    Real(f64),
    /// A complex number, real and imaginary part.
    Complex(f64, f64),
    /// A value indicator with nothing after it.
    Undefined,
    /// Text that is none of the above, as it stands in the file.
    Invalid(String),
}

/// Prints the value as it would stand in a header.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Value::Logical(true) => f.write_str("T"),
            Value::Logical(false) => f.write_str("F"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Real(number) => f.write_str(&real(*number)),
            Value::Complex(re, im) => write!(f, "({}, {})", real(*re), real(*im)),
            Value::Undefined => Ok(()),
            Value::Invalid(text) => f.write_str(text),
        }
    }
}

/// The shortest decimal that reads back as the same number, with a point and a capital E.
fn real(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let text = format!("{number:?}").to_ascii_uppercase();
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

/// A keyword with its value and comment.
///
/// Commentary cards (COMMENT, HISTORY, blank) have no value and their text in `comment`.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The keyword: up to eight capitals, digits, `-` and `_`; anything else is written by the HIERARCH convention.
    pub keyword: String,
    /// The value; `None` for commentary.
    pub value: Option<Value>,
    /// The comment behind the slash, or the text of a commentary card.
    pub comment: String,
}

/// What one 80-byte piece of a header holds.
pub(crate) enum Piece {
    Card(Card),
    /// Text and comment of a CONTINUE card.
    Continue(String, String),
    End,
}

pub(crate) fn parse(bytes: &[u8]) -> Piece {
    // Latin-1 keeps every byte; the standard allows ASCII only, real files do not always.
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let chars = text.as_str();
    let split = chars.char_indices().nth(8).map_or(chars.len(), |(at, _)| at);
    let (name, rest) = chars.split_at(split);
    let name = name.trim_end();
    match name {
        "END" if rest.trim().is_empty() => return Piece::End,
        "CONTINUE" if rest.trim_start().starts_with('\'') => {
            let (value, comment) = split_value(rest);
            if let Value::Text(text) = value {
                return Piece::Continue(text, comment);
            }
        }
        "HIERARCH" => {
            if let Some((keyword, value)) = rest.split_once('=') {
                let (value, comment) = split_value(value);
                return Piece::Card(Card {
                    keyword: keyword.trim().to_string(),
                    value: Some(value),
                    comment,
                });
            }
        }
        _ => {}
    }
    match rest.strip_prefix("= ").or(if rest.trim_end() == "=" { Some("") } else { None }) {
        Some(value) if !matches!(name, "COMMENT" | "HISTORY" | "") => {
            let (value, comment) = split_value(value);
            Piece::Card(Card { keyword: name.to_string(), value: Some(value), comment })
        }
        _ => {
            Piece::Card(Card { keyword: name.to_string(), value: None, comment: rest.trim_end().to_string() })
        }
    }
}

/// Separates the text behind a value indicator into value and comment.
fn split_value(text: &str) -> (Value, String) {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut string = String::new();
        let mut rest = quoted.chars();
        while let Some(c) = rest.next() {
            if c != '\'' {
                string.push(c);
            } else if rest.as_str().starts_with('\'') {
                rest.next();
                string.push('\'');
            } else {
                return (Value::Text(string.trim_end().to_string()), comment_of(rest.as_str()));
            }
        }
        return (Value::Invalid(text.trim_end().to_string()), String::new());
    }
    let (value, comment) = match text.split_once('/') {
        Some((value, comment)) => (value.trim_end(), comment.trim().to_string()),
        None => (text.trim_end(), String::new()),
    };
    (plain_value(value), comment)
}

fn comment_of(rest: &str) -> String {
    rest.split_once('/').map_or(String::new(), |(_, comment)| comment.trim().to_string())
}

fn plain_value(text: &str) -> Value {
    match text {
        "" => return Value::Undefined,
        "T" => return Value::Logical(true),
        "F" => return Value::Logical(false),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'))
        && let Some((re, im)) = inner.split_once(',')
        && let (Some(re), Some(im)) = (number(re.trim()), number(im.trim()))
    {
        return Value::Complex(re, im);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(integer) = text.strip_prefix('+').unwrap_or(text).parse()
    {
        return Value::Integer(integer);
    }
    number(text).map_or_else(|| Value::Invalid(text.to_string()), Value::Real)
}

/// Reads a FITS real: decimal digits with an optional point and an exponent letter E or D.
fn number(text: &str) -> Option<f64> {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'E' | b'D' | b'e' | b'd');
    if !text.bytes().all(allowed) || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: f64 = text.replace(['D', 'd'], "E").parse().ok()?;
    number.is_finite().then_some(number)
}

impl Card {
    /// Makes a card with a value.
    pub fn new(keyword: impl Into<String>, value: Value, comment: impl Into<String>) -> Self {
        Card { keyword: keyword.into(), value: Some(value), comment: comment.into() }
    }

    /// Makes a commentary card, for example of keyword COMMENT or HISTORY.
    pub fn commentary(keyword: impl Into<String>, text: impl Into<String>) -> Self {
        Card { keyword: keyword.into(), value: None, comment: text.into() }
    }

    /// Appends the card to `out`: one 80-byte piece, or more where a string or commentary is long.
    ///
    /// Characters outside printable ASCII become `?`. A comment that does not fit is cut.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if !self.write_usual(out) {
            out.truncate(start);
            self.write_any(out);
        }
    }

    /// Writes a printable card of one piece without a detour; whether it could.
    fn write_usual(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let Some(value) = self.value.as_ref().filter(|_| plain_keyword(&self.keyword)) else { return false };
        out.extend_from_slice(self.keyword.as_bytes());
        out.resize(start + 8, b' ');
        out.extend_from_slice(b"= ");
        let at = out.len();
        match value {
            Value::Text(text) if text.len() > CARD - 12 || text.contains('\'') => return false,
            Value::Text(text) => {
                out.push(b'\'');
                out.extend_from_slice(text.as_bytes());
                out.resize(out.len().max(at + 9), b' ');
                out.push(b'\'');
                out.resize(out.len().max(at + 20), b' ');
            }
            other => {
                // Writing to memory does not fail.
                let _ = write!(out, "{other}");
                let blanks = 20usize.saturating_sub(out.len() - at);
                out.resize(out.len() + blanks, b' ');
                out[at..].rotate_right(blanks);
            }
        }
        if !self.comment.is_empty() && out.len() - start + 4 <= CARD {
            out.extend_from_slice(b" / ");
            out.extend_from_slice(self.comment.as_bytes());
        }
        out.resize(start + CARD, b' ');
        out[start..].iter().all(|c| matches!(c, b' '..=b'~'))
    }

    fn write_any(&self, out: &mut Vec<u8>) {
        let Some(value) = &self.value else { return self.write_commentary(out) };
        let head = if plain_keyword(&self.keyword) {
            format!("{:<8}= ", self.keyword)
        } else {
            format!("HIERARCH {} = ", self.keyword)
        };
        let fixed = match value {
            Value::Text(text) => {
                let quoted = text.replace('\'', "''");
                let width = CARD.saturating_sub(head.len() + 2).min(8);
                let quoted = format!("'{quoted:<width$}'");
                if head.len() + quoted.len() > CARD {
                    return self.write_long_text(&head, text, out);
                }
                format!("{quoted:<20}")
            }
            // Right-justified as the standard wants it, unless a long keyword by HIERARCH needs the room.
            other => format!("{:>1$}", other.to_string(), CARD.saturating_sub(head.len()).min(20)),
        };
        push(&with_comment(format!("{head}{fixed}"), &self.comment), out);
    }

    fn write_commentary(&self, out: &mut Vec<u8>) {
        let chars: Vec<char> = self.comment.chars().collect();
        if chars.is_empty() {
            return push(&self.keyword, out);
        }
        for piece in chars.chunks(CARD - 8) {
            push(&format!("{:<8}{}", self.keyword, piece.iter().collect::<String>()), out);
        }
    }

    /// Continues a string over several cards, each but the last ending in `&`.
    fn write_long_text(&self, head: &str, text: &str, out: &mut Vec<u8>) {
        let mut head = head.to_string();
        let mut line = String::new();
        for c in text.chars() {
            let c = if c == '\'' { "''".to_string() } else { c.to_string() };
            // Room for the opening quote, the ampersand and the closing quote.
            if head.len() + line.chars().count() + c.len() + 3 > CARD {
                push(&format!("{head}'{line}&'"), out);
                head = "CONTINUE  ".to_string();
                line.clear();
            }
            line.push_str(&c);
        }
        push(&with_comment(format!("{head}'{line}'"), &self.comment), out);
    }
}

/// Whether a card of that keyword and a value can have it in its first eight bytes.
fn plain_keyword(keyword: &str) -> bool {
    (1..=8).contains(&keyword.len())
        && !matches!(keyword, "COMMENT" | "HISTORY" | "CONTINUE" | "HIERARCH" | "END")
        && keyword.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn with_comment(card: String, comment: &str) -> String {
    if comment.is_empty() || card.len() + 4 > CARD { card } else { format!("{card} / {comment}") }
}

/// Appends 80 bytes.
fn push(card: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend(card.chars().take(CARD).map(|c| if matches!(c, ' '..='~') { c as u8 } else { b'?' }));
    out.resize(start + CARD, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(card: &str, keyword: &str, value: Option<Value>, comment: &str) {
        let Piece::Card(parsed) = parse(format!("{card:<80}").as_bytes()) else {
            panic!("not a card: {card}")
        };
        assert_eq!(parsed, Card { keyword: keyword.into(), value, comment: comment.into() }, "{card}");
    }

    #[test]
    fn cards_of_every_value_type_are_read() {
        check("SIMPLE  =                    T / standard", "SIMPLE", Some(Value::Logical(true)), "standard");
        check("NAXIS1  =                 2136", "NAXIS1", Some(Value::Integer(2136)), "");
        check("BIG     =  9223372036854775807", "BIG", Some(Value::Integer(i64::MAX)), "");
        check("BIGGER  =  9223372036854775808", "BIGGER", Some(Value::Real(9.223372036854776e18)), "");
        check("TIERRELA=             1.16E-05 / [d]", "TIERRELA", Some(Value::Real(1.16e-5)), "[d]");
        check("DEXP    = -1.5D+03", "DEXP", Some(Value::Real(-1500.0)), "");
        check(
            "NAME    = 'O''Neill / x '   / a / b",
            "NAME",
            Some(Value::Text("O'Neill / x".into())),
            "a / b",
        );
        check("EMPTY   = ''", "EMPTY", Some(Value::Text(String::new())), "");
        check("TICID   =  / none yet", "TICID", Some(Value::Undefined), "none yet");
        check("Z       = (1.0, -2.5)", "Z", Some(Value::Complex(1.0, -2.5)), "");
        check("ODD     = nan", "ODD", Some(Value::Invalid("nan".into())), "");
        check("OPEN    = 'no end", "OPEN", Some(Value::Invalid("'no end".into())), "");
        check("HIERARCH ESO DET ID = 'x' / y", "ESO DET ID", Some(Value::Text("x".into())), "y");
        check("COMMENT = not a value", "COMMENT", None, "= not a value");
        check("", "", None, "");
    }

    #[test]
    fn reals_are_written_so_that_they_read_back_the_same() {
        for number in [0.1, 1325.31384463669, 1e-300, -2.5e17, 1e16, 5e-324, f64::MAX, 0.0, -0.0] {
            let text = real(number);
            assert!(text.contains('.'), "{text}");
            let Value::Real(again) = plain_value(&text) else { panic!("{text} is not a real") };
            assert_eq!(again.to_bits(), number.to_bits(), "{text}");
        }
    }

    #[test]
    fn a_long_keyword_keeps_its_value_where_it_fits() {
        let check = |keyword: &str, value: Value| {
            let mut out = Vec::new();
            Card::new(keyword, value, "").write(&mut out);
            let Piece::Card(again) = parse(&out) else { panic!("not a card: {keyword}") };
            assert_eq!((again.keyword.as_str(), out.len()), (keyword, 80));
            again.value
        };
        for value in [Value::Integer(-12345), Value::Logical(true), Value::Text("it's".into())] {
            let keyword = "K".repeat(80 - "HIERARCH  = ".len() - value.to_string().len());
            assert_eq!(check(&keyword, value.clone()), Some(value));
        }
        for keyword in ["COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "END"] {
            assert_eq!(check(keyword, Value::Integer(5)), Some(Value::Integer(5)));
        }
    }

    #[test]
    fn a_comment_that_does_not_fit_is_cut_and_the_value_kept() {
        let card = Card::new("A", Value::Text("v".repeat(60)), "comment longer than the card has room for");
        let mut out = Vec::new();
        card.write(&mut out);
        assert_eq!(out.len(), 80);
        let Piece::Card(again) = parse(&out) else { panic!("not a card") };
        assert_eq!(again.value, card.value);
    }
}
