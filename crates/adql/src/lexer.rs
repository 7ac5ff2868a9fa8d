//! Text to the tokens of the parser, with byte spans, and what is wrong before any grammar.
//!
//! The tokens carry byte offsets where the parser expects columns of one endless line. Words that build queries carry
//! their keyword, all other words none. Spaces and comments are dropped; literals that continue on the next line are
//! joined. Nesting and chains are counted here, so that nothing behind this pass can be driven into deep recursion.
//!
//! ADQL 2.1, section 2.1; separators between the parts of a literal as in SQL-92, section 5.3.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span as ParserSpan, Token, TokenWithSpan, Word};

use crate::error::{Error, Kind, Span};
use crate::words::keyword;
use crate::{Mode, Options, Version};

/// Parentheses within each other.
pub(crate) const MAX_DEPTH: usize = 64;
/// Steps from the root of a query's tree to its deepest leaf, counted from above.
const MAX_STEPS: usize = 300;
/// Links by AND and OR that weigh as much as one step: they lie side by side in our tree, only the parser nests them.
const LINKS_A_STEP: usize = 10;
/// Signs, `~` and NOT in a row.
const MAX_PREFIXES: usize = 16;
/// Joins one behind the other whose conditions are still to come.
const MAX_JOINS: usize = 50;
/// Bytes of a query: far above any written by hand, enough for a list of a hundred thousand identifiers.
const MAX_BYTES: usize = 4 << 20;

/// Turns a byte span into that of the parser.
fn parser_span(start: usize, end: usize) -> ParserSpan {
    let at = |byte: usize| Location { line: 1, column: byte as u64 + 1 };
    ParserSpan { start: at(start), end: at(end) }
}

/// Turns the parser's span back into bytes; an empty one gives the default.
pub(crate) fn byte_span(span: ParserSpan) -> Span {
    let byte = |at: Location| (at.column as usize).saturating_sub(1);
    Span::new(byte(span.start), byte(span.end))
}

/// The joint span of two of the parser's.
pub(crate) fn joint(a: ParserSpan, b: ParserSpan) -> ParserSpan {
    a.union(&b)
}

/// What one pair of parentheses, or the query itself, has nested so far, in links.
#[derive(Default)]
struct Level {
    /// ANDs and ORs since the last comma.
    links: usize,
    /// Weight of the longest chain of other operators between two of them, and of the current one.
    chain: usize,
    current: usize,
    /// The heaviest parenthesis within.
    inner: usize,
    /// The heaviest part before the last comma.
    worst: usize,
}

impl Level {
    fn weight(&self) -> usize {
        self.worst.max(self.links + self.chain.max(self.current) + self.inner)
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<TokenWithSpan>,
    errors: Vec<Error>,
    /// The query itself and every open parenthesis.
    levels: Vec<Level>,
    /// Where each open parenthesis stands.
    open: Vec<usize>,
    prefixes: usize,
    version: Version,
}

/// Reads all tokens of a query.
pub(crate) fn tokens(
    text: &str,
    options: &Options,
    version: Version,
) -> Result<Vec<TokenWithSpan>, Vec<Error>> {
    if text.len() > MAX_BYTES {
        let message = format!("the query has {} bytes, at most {MAX_BYTES} are taken", text.len());
        return Err(vec![Error::new(Kind::TooDeep, Span::new(MAX_BYTES, text.len()), message)]);
    }
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        tokens: Vec::with_capacity(text.len() / 4 + 4),
        errors: Vec::new(),
        levels: vec![Level::default()],
        open: Vec::new(),
        prefixes: 0,
        version,
    };
    lexer.run();
    if options.mode == Mode::Lenient {
        while lexer.tokens.last().is_some_and(|last| last.token == Token::SemiColon) {
            lexer.tokens.pop();
        }
    }
    lexer.statements();
    lexer.idioms();
    lexer.joins();
    if lexer.errors.is_empty() { Ok(lexer.tokens) } else { Err(lexer.errors) }
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, token: Token, start: usize) {
        self.tokens.push(TokenWithSpan { token, span: parser_span(start, self.at) });
    }

    fn wrong(&mut self, kind: Kind, start: usize, message: impl Into<String>) -> &mut Error {
        self.errors.push(Error::new(kind, Span::new(start, self.at), message));
        self.errors.last_mut().expect("it was pushed on the line above")
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() && self.errors.len() < 20 {
            self.one();
        }
        if let Some(at) = self.open.pop() {
            self.at = at + 1;
            self.wrong(Kind::Syntax, at, "this parenthesis is not closed");
        }
    }

    fn one(&mut self) {
        let start = self.at;
        match self.bytes[self.at] {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b => self.at += 1,
            b'-' if self.peek(1) == b'-' => self.comment(),
            b'a'..=b'z' | b'A'..=b'Z' => self.word(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() && !self.after_name() => self.number(),
            b'\'' => self.string(),
            b'"' => self.delimited(),
            b'/' if self.peek(1) == b'*' => {
                let end = self.text[start + 2..].find("*/").map_or(self.bytes.len(), |at| start + at + 4);
                self.at = end;
                let error = self.wrong(Kind::Token, start, "`/* */` is no comment in ADQL");
                error.suggestion = Some("write `--` and a line end".into());
            }
            _ => self.operator(),
        }
    }

    /// Whether the last token is a name right before this byte, so that a period separates names.
    fn after_name(&self) -> bool {
        self.tokens.last().is_some_and(|last| {
            matches!(last.token, Token::Word(_)) && last.span.end.column as usize == self.at + 1
        })
    }

    fn comment(&mut self) {
        self.at =
            self.bytes[self.at..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |n| self.at + n);
    }

    fn word(&mut self) {
        let start = self.at;
        let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        self.at = self.bytes[start..].iter().position(|b| !part(b)).map_or(self.bytes.len(), |n| start + n);
        let value = &self.text[start..self.at];
        if matches!(self.peek(0), b'$' | b'#' | b'@') || self.peek(0) >= 0x80 && !self.curly() {
            self.bad_name(start);
            return;
        }
        let mut keyword = keyword(value);
        if self.version == Version::V2_0 && matches!(keyword, Keyword::OFFSET | Keyword::ILIKE) {
            keyword = Keyword::NoKeyword;
        }
        match keyword {
            Keyword::AND | Keyword::OR => self.link(start, true),
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => self.link(start, false),
            Keyword::NOT => self.prefix(start),
            _ => self.prefixes = 0,
        }
        self.push(Token::Word(Word { value: value.to_owned(), quote_style: None, keyword }), start);
    }

    fn curly(&self) -> bool {
        self.text[self.at..].starts_with(['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}'])
    }

    /// Takes the rest of a name with a character that only a delimited name can have.
    fn bad_name(&mut self, start: usize) {
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$#@".contains(c))).unwrap_or(rest.len());
        self.at = start + end.max(1);
        let name = &self.text[start..self.at];
        let message = format!("`{name}` is no name: letters A-Z, then letters, digits and underscores");
        let hint = format!("delimit it: \"{name}\"");
        self.wrong(Kind::Token, start, message).suggestion = Some(hint);
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) {
        let start = self.at;
        self.prefixes = 0;
        if self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X') {
            self.at += 2;
            let first = self.at;
            while self.peek(0).is_ascii_hexdigit() {
                self.at += 1;
            }
            let digits = &self.text[first..self.at];
            if digits.is_empty() || u64::from_str_radix(digits, 16).is_err() || self.glued() {
                self.bad_number(start);
            } else if self.version == Version::V2_0 {
                self.wrong(Kind::Version, start, "hexadecimal numbers came after ADQL 2.0");
            } else {
                let value = self.text[start..self.at].to_owned();
                self.push(Token::Number(value, false), start);
            }
            return;
        }
        self.digits();
        if self.peek(0) == b'.' {
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.digits();
            }
        }
        if self.glued() {
            self.bad_number(start);
            return;
        }
        let value = self.text[start..self.at].to_owned();
        self.push(Token::Number(value, false), start);
    }

    fn glued(&self) -> bool {
        let next = self.peek(0);
        next.is_ascii_alphanumeric()
            || matches!(next, b'_' | b'.' | b'$' | b'"')
            || next >= 0x80 && !self.curly()
    }

    fn bad_number(&mut self, start: usize) {
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_.$".contains(c))).unwrap_or(rest.len());
        self.at = (start + end).max(self.at);
        let message = format!("`{}` is neither a number nor a name", &self.text[start..self.at]);
        self.wrong(Kind::Token, start, message).suggestion =
            Some("put a space between a number and a word".into());
    }

    /// Reads to the closing quote; two quotes stand for one.
    fn quoted(&mut self, quote: u8) -> Option<String> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(length) = self.bytes[self.at..].iter().position(|b| *b == quote) else {
                self.at = self.bytes.len();
                let what = if quote == b'"' { "this name" } else { "this string" };
                self.wrong(Kind::Token, start, format!("{what} is not closed"));
                return None;
            };
            value.push_str(&self.text[self.at..self.at + length]);
            self.at += length + 1;
            if self.peek(0) != quote {
                break;
            }
            value.push(char::from(quote));
            self.at += 1;
        }
        if value.contains('\0') {
            self.wrong(Kind::Token, start, "a zero byte cannot be in a query");
            return None;
        }
        Some(value)
    }

    fn string(&mut self) {
        let start = self.at;
        self.prefixes = 0;
        let Some(mut value) = self.quoted(b'\'') else { return };
        // SQL-92: literals with a line end between them are one literal.
        loop {
            let end = self.at;
            while self.at < self.bytes.len() {
                match self.bytes[self.at] {
                    b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b => self.at += 1,
                    b'-' if self.peek(1) == b'-' => self.comment(),
                    _ => break,
                }
            }
            let line_end = self.bytes[end..self.at].contains(&b'\n');
            if self.peek(0) != b'\'' {
                self.at = end;
                break;
            }
            if !line_end {
                self.wrong(Kind::Syntax, end, "two strings with nothing between them").suggestion =
                    Some("join them with `||`".into());
            }
            let Some(more) = self.quoted(b'\'') else { return };
            value.push_str(&more);
        }
        self.push(Token::SingleQuotedString(value), start);
    }

    fn delimited(&mut self) {
        let start = self.at;
        self.prefixes = 0;
        let Some(value) = self.quoted(b'"') else { return };
        if value.is_empty() {
            self.wrong(Kind::Token, start, "a delimited name cannot be empty");
            return;
        }
        self.push(Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword }), start);
    }

    /// Counts an operator between two values, or an AND or OR between conditions.
    fn link(&mut self, start: usize, logical: bool) {
        self.prefixes = 0;
        let level = self.level();
        if logical {
            level.links += 1;
            level.chain = level.chain.max(level.current);
            level.current = 0;
        } else {
            level.current += LINKS_A_STEP;
        }
        self.weigh(start);
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the query itself is always open")
    }

    fn weigh(&mut self, start: usize) {
        if self.level().weight() > MAX_STEPS * LINKS_A_STEP {
            let message = "too many operators and parentheses within each other";
            self.wrong(Kind::TooDeep, start, message).suggestion =
                Some("use IN (…), or upload the values as a table and join it".into());
            self.open.clear();
            self.at = self.bytes.len();
        }
    }

    fn prefix(&mut self, start: usize) {
        self.prefixes += 1;
        if self.prefixes > MAX_PREFIXES {
            let message = format!("more than {MAX_PREFIXES} signs or NOT in a row");
            self.wrong(Kind::TooDeep, start, message);
            self.at = self.bytes.len();
        }
    }

    fn operator(&mut self) {
        let start = self.at;
        let (token, length) = match (self.peek(0), self.peek(1)) {
            (b'(', _) => (Token::LParen, 1),
            (b')', _) => (Token::RParen, 1),
            (b',', _) => (Token::Comma, 1),
            (b'.', _) => (Token::Period, 1),
            (b';', _) => (Token::SemiColon, 1),
            (b'*', _) => (Token::Mul, 1),
            (b'+', _) => (Token::Plus, 1),
            (b'-', _) => (Token::Minus, 1),
            (b'/', _) => (Token::Div, 1),
            (b'%', _) => (Token::Mod, 1),
            (b'&', _) => (Token::Ampersand, 1),
            (b'^', _) => (Token::Caret, 1),
            (b'~', _) => (Token::Tilde, 1),
            (b'|', b'|') => (Token::StringConcat, 2),
            (b'|', _) => (Token::Pipe, 1),
            (b'<', b'=') => (Token::LtEq, 2),
            (b'<', b'>') | (b'!', b'=') => (Token::Neq, 2),
            (b'<', _) => (Token::Lt, 1),
            (b'>', b'=') => (Token::GtEq, 2),
            (b'>', _) => (Token::Gt, 1),
            (b'=', b'=') => {
                self.at += 2;
                self.wrong(Kind::Token, start, "`==` is no operator").suggestion = Some("write `=`".into());
                return;
            }
            (b'=', _) => (Token::Eq, 1),
            _ => return self.stranger(),
        };
        self.at += length;
        match token {
            Token::LParen => {
                self.prefixes = 0;
                self.open.push(start);
                self.levels.push(Level::default());
                if self.open.len() > MAX_DEPTH {
                    let message = format!("parentheses more than {MAX_DEPTH} deep");
                    self.wrong(Kind::TooDeep, start, message);
                    self.open.clear();
                    self.at = self.bytes.len();
                }
            }
            Token::RParen => {
                self.prefixes = 0;
                if self.open.pop().is_none() {
                    self.wrong(Kind::Syntax, start, "this parenthesis was never opened");
                } else {
                    let closed = self.levels.pop().map_or(0, |level| level.weight());
                    let level = self.level();
                    level.inner = level.inner.max(closed + LINKS_A_STEP);
                    self.weigh(start);
                }
            }
            Token::Comma => {
                self.prefixes = 0;
                let level = self.level();
                *level = Level { worst: level.weight(), ..Level::default() };
            }
            Token::Tilde => self.prefix(start),
            // A sign after an operand is an operator, after anything else a prefix; both count.
            Token::Plus | Token::Minus => {
                let prefixes = self.prefixes;
                self.link(start, false);
                self.prefixes = prefixes;
                self.prefix(start);
            }
            Token::Period => {
                if self.tokens.last().is_some_and(|last| last.token == Token::Period) {
                    self.wrong(Kind::Token, start, "two periods in a row");
                }
            }
            Token::SemiColon => {}
            _ => self.link(start, false),
        }
        self.push(token, start);
    }

    /// Names what stands where no token can begin.
    fn stranger(&mut self) {
        let start = self.at;
        let c = self.text[start..].chars().next().expect("a byte was there to come here");
        self.at += c.len_utf8();
        match c {
            '_' => self.bad_name(start),
            '\u{2018}' | '\u{2019}' | '\u{b4}' | '`' => {
                let closing = self.text[self.at..].find(['\u{2018}', '\u{2019}', '\u{b4}', '`', '\n']);
                let inside = closing.map(|n| self.text[self.at..self.at + n].to_owned());
                let hint = inside.clone().map_or("write '".into(), |inside| format!("write '{inside}'"));
                self.quote_stranger(c, inside.as_deref(), hint);
            }
            '\u{201c}' | '\u{201d}' | '\u{ab}' | '\u{bb}' => {
                let closing = self.text[self.at..].find(['\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}', '\n']);
                let inside = closing.map(|n| self.text[self.at..self.at + n].to_owned());
                let hint = inside.clone().map_or("write \"".into(), |inside| {
                    format!("write \"{inside}\" for a name, '{inside}' for a string")
                });
                self.quote_stranger(c, inside.as_deref(), hint);
            }
            '\u{a0}' | '\u{2003}' | '\u{3000}' | '\u{feff}' | '\u{200b}' => {
                self.wrong(Kind::Token, start, format!("U+{:04X} is no space in ADQL", u32::from(c)))
                    .suggestion = Some("write a plain space".into());
            }
            '\u{2212}' | '\u{2013}' | '\u{2014}' => {
                self.wrong(Kind::Token, start, format!("`{c}` is no minus sign")).suggestion =
                    Some("write `-`".into());
            }
            ':' if self.peek(0) == b':' => {
                self.at += 1;
                self.wrong(Kind::NotAdql, start, "`::` is not ADQL").suggestion =
                    Some("write CAST(value AS type)".into());
            }
            '[' | ']' => {
                self.wrong(Kind::NotAdql, start, "arrays are not ADQL");
            }
            '$' | '?' | ':' | '@' => {
                self.wrong(Kind::NotAdql, start, format!("`{c}`: ADQL has no parameters"));
            }
            c if c.is_alphabetic() => self.bad_name(start),
            c => {
                self.wrong(Kind::Token, start, format!("`{}` cannot be in a query", c.escape_debug()));
            }
        }
    }

    fn quote_stranger(&mut self, quote: char, inside: Option<&str>, hint: String) {
        let start = self.at - quote.len_utf8();
        if let Some(inside) = inside {
            self.at += inside.len();
            self.at += self.text[self.at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        }
        let message = format!("`{quote}` is a typographic quote, which ADQL does not know");
        self.wrong(Kind::Token, start, message).suggestion = Some(hint);
    }

    /// What the parser takes and ADQL does not: `a NOT NULL`, and `(*)` that is no argument.
    fn idioms(&mut self) {
        let is = |token: &TokenWithSpan, wanted: Keyword| match &token.token {
            Token::Word(word) => word.quote_style.is_none() && word.keyword == wanted,
            _ => false,
        };
        let is_name = |token: &TokenWithSpan| is(token, Keyword::NoKeyword);
        for three in self.tokens.windows(3) {
            let [before, first, last] = three else { continue };
            let span = byte_span(first.span).to(byte_span(last.span));
            if is(first, Keyword::NOT) && is(last, Keyword::NULL) && !is(before, Keyword::IS) {
                let error = Error::new(Kind::Syntax, span, "NOT NULL is no condition");
                self.errors.push(error.hint("write IS NOT NULL"));
            } else if first.token == Token::LParen && last.token == Token::Mul && !is_name(before) {
                let error = Error::new(Kind::Syntax, span, "`*` in parentheses");
                self.errors.push(error.hint("in a select list write `*` alone"));
            }
        }
    }

    /// Joins wait for their conditions one within the other: `t JOIN u JOIN v ON … ON …`. A natural one has none.
    fn joins(&mut self) {
        let (mut waiting, mut before) = (vec![0_usize], Vec::new());
        for token in &self.tokens {
            let Some(inner) = waiting.last_mut() else { return };
            match &token.token {
                Token::LParen => waiting.push(0),
                Token::RParen => drop(waiting.pop()),
                Token::Comma => *inner = 0,
                Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                    Keyword::JOIN if !before.contains(&Keyword::NATURAL) => *inner += 1,
                    Keyword::ON | Keyword::USING => *inner = inner.saturating_sub(1),
                    Keyword::SELECT => *inner = 0,
                    _ => (),
                },
                _ => (),
            }
            if waiting.last().is_some_and(|inner| *inner > MAX_JOINS) {
                let message = format!("more than {MAX_JOINS} joins that wait for their conditions");
                let error = Error::new(Kind::TooDeep, byte_span(token.span), message);
                self.errors.push(error.hint("write each ON behind its JOIN"));
                return;
            }
            // The words between NATURAL and JOIN.
            match &token.token {
                Token::Word(word) if word.keyword != Keyword::NoKeyword => before.push(word.keyword),
                _ => before.clear(),
            }
        }
    }

    /// One statement only, and that reads.
    fn statements(&mut self) {
        let word = |token: &TokenWithSpan| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
            _ => None,
        };
        if let Some(first) = self.tokens.first() {
            let span = byte_span(first.span);
            const WRITE: [&str; 16] = [
                "DELETE", "INSERT", "UPDATE", "DROP", "CREATE", "ALTER", "TRUNCATE", "GRANT", "REVOKE",
                "MERGE", "COPY", "EXEC", "EXECUTE", "CALL", "SET", "VALUES",
            ];
            if let Some(word) = word(first).filter(|word| WRITE.contains(&word.as_str())) {
                let message = format!("{word} is not ADQL: a query only reads");
                self.errors.insert(0, Error::new(Kind::NotAdql, span, message).expecting("SELECT or WITH"));
            }
        }
        let Some(at) = self.tokens.iter().position(|token| token.token == Token::SemiColon) else { return };
        let span = byte_span(self.tokens[at].span);
        let error = match self.tokens.get(at + 1) {
            None => {
                Error::new(Kind::Trailing, span, "ADQL has no `;` at the end of a query").hint("leave it out")
            }
            Some(_) => {
                let end = byte_span(self.tokens[self.tokens.len() - 1].span).end;
                let message = "text after `;`: one query at a time";
                Error::new(Kind::Trailing, Span::new(span.start, end), message)
            }
        };
        self.errors.push(error);
    }
}
