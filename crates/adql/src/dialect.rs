//! The dialect by which `sqlparser` reads ADQL, and the call into it.
//!
//! Expressions begin only as ADQL lets them begin: [`Adql::parse_prefix`] takes every one itself, so that none of the
//! parser's other rules (typed strings, CASE, arrays, lambdas, windows) is ever tried. What the parser still takes too
//! generously, the white list in `convert` turns down.

use std::cell::RefCell;

use sqlparser::ast::{
    CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::Version;
use crate::error::{Error, Kind, Span};
use crate::lexer::{byte_span, joint};
use crate::words::is_reserved;

/// ADQL for the parser; remembers the mistake that was found farthest in the text, which speculation may drop.
#[derive(Debug, Default)]
struct Adql {
    farthest: RefCell<Option<(usize, String)>>,
}

type Parsed = Result<Expr, ParserError>;

impl Dialect for Adql {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_ascii_alphabetic()
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_'
    }

    fn supports_group_by_expr(&self) -> bool {
        false
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        false
    }

    /// `t JOIN u JOIN v ON … ON …`: the first ON is of the last JOIN.
    fn supports_left_associative_joins_without_parens(&self) -> bool {
        false
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        keyword != Keyword::NoKeyword
    }

    fn is_select_item_alias(&self, _explicit: bool, keyword: &Keyword, _parser: &mut Parser<'_>) -> bool {
        *keyword == Keyword::NoKeyword
    }

    fn is_table_factor_alias(&self, _explicit: bool, keyword: &Keyword, _parser: &mut Parser<'_>) -> bool {
        *keyword == Keyword::NoKeyword
    }

    fn is_table_factor(&self, keyword: &Keyword, _parser: &mut Parser<'_>) -> bool {
        *keyword == Keyword::NoKeyword
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Parsed> {
        Some(self.prefix(parser))
    }
}

impl Adql {
    fn expected<T>(&self, expected: &str, found: &TokenWithSpan) -> Result<T, ParserError> {
        let at = if found.token == Token::EOF { usize::MAX } else { byte_span(found.span).start };
        let mut farthest = self.farthest.borrow_mut();
        if farthest.as_ref().is_none_or(|(before, _)| *before <= at) {
            *farthest = Some((at, expected.to_owned()));
        }
        Err(ParserError::ParserError(format!(
            "Expected: {expected}, found: {}{}",
            found.token, found.span.start
        )))
    }

    fn expect(
        &self,
        parser: &mut Parser<'_>,
        token: &Token,
        name: &str,
    ) -> Result<TokenWithSpan, ParserError> {
        if parser.peek_token_ref().token == *token {
            return Ok(parser.next_token());
        }
        self.expected(name, parser.peek_token_ref())
    }

    fn prefix(&self, parser: &mut Parser<'_>) -> Parsed {
        let next = parser.peek_token_ref();
        match &next.token {
            Token::Word(word) => match word.keyword {
                Keyword::NoKeyword => self.name(parser),
                Keyword::NOT => {
                    parser.advance_token();
                    let expr = Box::new(parser.parse_subexpr(self.prec_value(Precedence::UnaryNot))?);
                    Ok(Expr::UnaryOp { op: UnaryOperator::Not, expr })
                }
                Keyword::NULL => {
                    let token = parser.next_token();
                    Ok(Expr::Value(Value::Null.with_span(token.span)))
                }
                Keyword::EXISTS => {
                    parser.advance_token();
                    self.expect(parser, &Token::LParen, "`(` and a query after EXISTS")?;
                    let subquery = parser.parse_query()?;
                    self.expect(parser, &Token::RParen, "`)`")?;
                    Ok(Expr::Exists { subquery, negated: false })
                }
                _ => self.expected("a value", next),
            },
            Token::Number(..) | Token::SingleQuotedString(_) => {
                let TokenWithSpan { token, span } = parser.next_token();
                let value = match token {
                    Token::Number(text, _) => Value::Number(text, false),
                    Token::SingleQuotedString(text) => Value::SingleQuotedString(text),
                    _ => return self.expected("a value", parser.peek_token_ref()),
                };
                Ok(Expr::Value(value.with_span(span)))
            }
            Token::LParen => {
                parser.advance_token();
                let expr = match &parser.peek_token_ref().token {
                    Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH) => {
                        Expr::Subquery(parser.parse_query()?)
                    }
                    _ => Expr::Nested(Box::new(parser.parse_expr()?)),
                };
                self.expect(parser, &Token::RParen, "`)` or an operator")?;
                Ok(expr)
            }
            Token::Minus | Token::Plus | Token::Tilde => {
                let op = match &next.token {
                    Token::Minus => UnaryOperator::Minus,
                    Token::Plus => UnaryOperator::Plus,
                    _ => UnaryOperator::BitwiseNot,
                };
                parser.advance_token();
                let expr = Box::new(parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp))?);
                Ok(Expr::UnaryOp { op, expr })
            }
            _ => self.expected("a value", next),
        }
    }

    /// A column with its qualifiers, or a call.
    fn name(&self, parser: &mut Parser<'_>) -> Parsed {
        let first = self.ident(parser)?;
        match parser.peek_token_ref().token {
            Token::LParen if first.quote_style.is_none() => self.call(first, parser),
            Token::Period => {
                let mut parts = vec![first];
                while parser.peek_token_ref().token == Token::Period {
                    parser.advance_token();
                    parts.push(self.ident(parser)?);
                }
                Ok(Expr::CompoundIdentifier(parts))
            }
            _ => Ok(Expr::Identifier(first)),
        }
    }

    fn ident(&self, parser: &mut Parser<'_>) -> Result<Ident, ParserError> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::NoKeyword => {
                let token = parser.next_token();
                let Token::Word(word) = token.token else {
                    return self.expected("a name", parser.peek_token_ref());
                };
                Ok(Ident { value: word.value, quote_style: word.quote_style, span: token.span })
            }
            _ => self.expected("a name", parser.peek_token_ref()),
        }
    }

    /// The rest of a call; the span of its name is made to reach to the closing parenthesis.
    fn call(&self, mut name: Ident, parser: &mut Parser<'_>) -> Parsed {
        parser.advance_token();
        if name.value.eq_ignore_ascii_case("CAST") {
            let expr = Box::new(parser.parse_expr()?);
            if !parser.parse_keyword(Keyword::AS) {
                return self.expected("AS and a type", parser.peek_token_ref());
            }
            let mut words = vec![self.ident(parser)?];
            if let Token::Word(word) = &parser.peek_token_ref().token
                && word.keyword == Keyword::NoKeyword
            {
                words.push(self.ident(parser)?);
            }
            let mut length = Vec::new();
            if parser.peek_token_ref().token == Token::LParen {
                parser.advance_token();
                match parser.next_token() {
                    TokenWithSpan { token: Token::Number(text, _), .. } => length.push(text),
                    found => return self.expected("a length", &found),
                }
                self.expect(parser, &Token::RParen, "`)`")?;
            }
            let end = self.expect(parser, &Token::RParen, "`)`")?;
            // The last word's span closes the call, since the tree of the parser keeps no other.
            words.push(Ident { value: String::new(), quote_style: None, span: joint(name.span, end.span) });
            let data_type = DataType::Custom(words.into(), length);
            return Ok(Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None });
        }
        let mut list =
            FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() };
        match &parser.peek_token_ref().token {
            Token::RParen => {}
            Token::Mul => {
                parser.advance_token();
                list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
            }
            _ => {
                if parser.parse_keyword(Keyword::DISTINCT) {
                    list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
                } else if parser.parse_keyword(Keyword::ALL) {
                    list.duplicate_treatment = Some(DuplicateTreatment::All);
                }
                loop {
                    list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(parser.parse_expr()?)));
                    if parser.peek_token_ref().token != Token::Comma {
                        break;
                    }
                    parser.advance_token();
                }
            }
        }
        let end = self.expect(parser, &Token::RParen, "`,` or `)`")?;
        name.span = joint(name.span, end.span);
        Ok(Expr::Function(Function {
            name: ObjectName(vec![ObjectNamePart::Identifier(name)]),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(list),
            within_group: Vec::new(),
            filter: None,
            null_treatment: None,
            over: None,
        }))
    }
}

/// Parses one query of `text` from its tokens.
pub(crate) fn parse(text: &str, tokens: Vec<TokenWithSpan>, version: Version) -> Result<Box<Query>, Error> {
    let dialect = Adql::default();
    let spans: Vec<Span> = tokens.iter().map(|token| byte_span(token.span)).collect();
    let mut parser = Parser::new(&dialect).with_recursion_limit(4000).with_tokens_with_locations(tokens);
    let result = parser.parse_query().and_then(|query| match &parser.peek_token_ref().token {
        Token::EOF => Ok(query),
        _ => {
            let found = parser.peek_token_ref();
            Err(ParserError::ParserError(format!(
                "Expected: the end of the query, found: {}{}",
                found.token, found.span.start
            )))
        }
    });
    result.map_err(|error| {
        let farthest = dialect.farthest.borrow();
        describe(text, &spans, &error, farthest.as_ref(), version)
    })
}

/// Turns the parser's message into an error with a span.
fn describe(
    text: &str,
    spans: &[Span],
    error: &ParserError,
    farthest: Option<&(usize, String)>,
    version: Version,
) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return Error::new(Kind::TooDeep, Span::new(0, text.len()), "the query is nested too deep");
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let (message, at) = match message.rsplit_once(" at Line: 1, Column: ") {
        Some((message, column)) => (message, column.parse::<usize>().map_or(usize::MAX, |column| column - 1)),
        None => (message.as_str(), usize::MAX),
    };
    let mut expected = message.strip_prefix("Expected: ").and_then(|m| m.split_once(", found")).map(|m| m.0);
    let mut at = at;
    if let Some((farther, what)) = farthest
        && *farther >= at
    {
        (at, expected) = (*farther, Some(what.as_str()));
    }
    let expected = match expected {
        // The parser also knows statements that are none of ADQL's.
        Some(text) if text.starts_with("SELECT, VALUES") => Some("SELECT"),
        Some(text) if text.starts_with("[NOT] NULL") => Some("NULL or NOT NULL"),
        other => other,
    };
    let span = spans.iter().find(|span| span.start >= at).copied();
    let Some(span) = span else {
        let end = spans.last().map_or(0, |span| span.end);
        let message = if spans.is_empty() { "there is no query" } else { "the query ends too early" };
        let error = Error::new(Kind::Syntax, Span::new(end, end), message);
        return error.expecting(expected.unwrap_or("SELECT"));
    };
    // A word that ADQL does not know becomes a name first, and only what follows it has no place.
    let before = spans.iter().rev().find(|before| before.end <= span.start);
    let word = |span: &Span| &text[span.start..span.end];
    let after_top = before.is_some_and(|before| word(before).eq_ignore_ascii_case("TOP"));
    let expected = if after_top { Some("a whole number after TOP") } else { expected };
    let before = before.filter(|before| !after_top && foreign(word(before)).is_some());
    let span =
        if foreign(&text[span.start..span.end]).is_none() { before.copied().unwrap_or(span) } else { span };
    let found = &text[span.start..span.end];
    let mut error = Error::new(Kind::Syntax, span, format!("`{found}` cannot stand here"));
    if let Some((kind, message, hint)) = foreign(found) {
        error = Error::new(kind, span, message);
        error.suggestion = hint.map(Into::into);
    } else if is_reserved(found, version)
        && expected.is_some_and(|e| e.contains("name") || e.contains("identifier"))
    {
        let message = format!("`{found}` is a reserved word");
        error = Error::new(Kind::Reserved, span, message).hint(format!("as a name, write \"{found}\""));
    }
    error.expected = expected.map(Into::into);
    error
}

/// What well-known SQL is called here, or that it has no place here.
fn foreign(word: &str) -> Option<(Kind, String, Option<&'static str>)> {
    let hint = match word.to_ascii_uppercase().as_str() {
        "LIMIT" | "FETCH" => Some("write SELECT TOP n …"),
        "ESCAPE" | "CASE" | "WHEN" | "OVER" | "LATERAL" | "CROSS" | "WINDOW" | "QUALIFY" | "RETURNING"
        | "COLLATE" | "INTERVAL" | "INTO" | "FILTER" | "ANY" | "SOME" | "SIMILAR" | "RLIKE" | "REGEXP" => {
            None
        }
        "RECURSIVE" => Some("common table expressions are not recursive in ADQL"),
        "TRUE" | "FALSE" | "UNKNOWN" => Some("compare with 1 or 0"),
        "TOP" => Some("TOP n stands after SELECT and after DISTINCT"),
        "INSERT" | "DELETE" | "UPDATE" | "DROP" | "CREATE" => Some("a query only reads"),
        _ => return None,
    };
    Some((Kind::NotAdql, format!("{} is not ADQL here", word.to_ascii_uppercase()), hint))
}
