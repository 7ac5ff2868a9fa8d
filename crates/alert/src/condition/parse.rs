//! Tokens to trees: conditions parted by `;` or by the end of a line, each an expression of SQL.

use uranometria_adql::{Error as Mistake, Kind, Span};

use super::lexer::{Placed, Token, tokens};
use super::mistake::{Help, mistake};
use super::tree::{Comparison, Expr, ExprKind, Operator};

/// How deep expressions may be nested: each level costs some stack when they are read and when they are run.
const MOST_DEEP: u32 = 64;

/// How many parts may be made of a text: operands that are tested several times are copied, and these again.
const MOST_HEAVY: u64 = 1 << 20;

/// How long a text may be, bytes.
const MOST_BYTES: usize = 1 << 20;

/// Words that are no names.
const RESERVED: [&str; 17] = [
    "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS", "NULL", "TRUE", "FALSE", "CASE", "WHEN",
    "THEN", "ELSE", "END", "WHERE",
];

/// Reads all conditions of a text. All must hold; there may be none.
///
/// # Errors
/// Everything that is wrong, as far as it can be told in one go.
pub(crate) fn parse(text: &str) -> Result<Vec<Expr>, Vec<Mistake>> {
    if text.len() > MOST_BYTES {
        let span = Span::new(MOST_BYTES, text.len());
        let long = format!("the conditions are {} bytes long, expected at most {MOST_BYTES}", text.len());
        return Err(vec![mistake(Kind::TooDeep, span, long).hint("put long lists into a watch list")]);
    }
    let (tokens, mut mistakes) = tokens(text);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let (mut conditions, mut weight) = (Vec::new(), 0_u64);
    loop {
        while parser.sign(";") {}
        if parser.peek() == &Token::End {
            break;
        }
        match parser.condition() {
            Ok(condition) => {
                weight = weight.saturating_add(condition.weight);
                if weight > MOST_HEAVY {
                    mistakes.push(too_heavy(condition.span));
                    break;
                }
                conditions.push(condition);
            }
            Err(wrong) => {
                mistakes.push(wrong);
                parser.depth = 0;
                parser.skip();
            }
        }
    }
    if mistakes.is_empty() { Ok(conditions) } else { Err(mistakes) }
}

fn too_heavy(span: Span) -> Mistake {
    let heavy = format!("this takes more than {MOST_HEAVY} parts when operands are copied");
    mistake(Kind::TooDeep, span, heavy)
        .hint("BETWEEN, IN, CASE, COALESCE and NULLIF test their operands again; nest them less")
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: u32,
}

type Parsed = Result<Expr, Mistake>;

impl Parser {
    fn placed(&self) -> &Placed {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.placed().token
    }

    /// The end of the token before.
    fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].span.end)
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    /// Passes over a sign if it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        if found {
            self.advance();
        }
        found
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        let placed = self.tokens.get(self.at + ahead);
        matches!(placed, Some(Placed { token: Token::Word(found), .. }) if found.eq_ignore_ascii_case(word))
    }

    /// Passes over a keyword if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        if found {
            self.advance();
        }
        found
    }

    /// Passes over the rest of a condition.
    fn skip(&mut self) {
        while !matches!(self.peek(), Token::End | Token::Sign(";")) {
            self.advance();
        }
    }

    /// What stands here instead of something else.
    fn unexpected(&self, expected: &str) -> Mistake {
        let placed = self.placed();
        let found = match &placed.token {
            Token::End => "the conditions end here".to_string(),
            Token::Word(word) if is_reserved(word) => {
                format!("the keyword {} stands here", word.to_uppercase())
            }
            Token::Word(word) | Token::Quoted(word) => format!("`{word}` stands here"),
            Token::Whole(number) => format!("the number {number} stands here"),
            Token::Number(number) => format!("the number {number} stands here"),
            Token::Text(text) => format!("the text '{}' stands here", shortened(text)),
            Token::Sign(sign) => format!("`{sign}` stands here"),
        };
        mistake(Kind::Syntax, placed.span, found).expecting(expected)
    }

    fn expect(&mut self, sign: &str, expected: &str) -> Result<(), Mistake> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Mistake> {
        if self.word(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    /// A condition, and that it ends where the next begins.
    fn condition(&mut self) -> Parsed {
        let condition = self.or()?;
        let next = self.placed();
        if matches!(next.token, Token::End | Token::Sign(";")) || next.first {
            return Ok(condition);
        }
        let wrong = self.unexpected("an operator, AND, OR, or `;` before the next condition");
        Err(match &next.token {
            Token::Sign("<" | "<=" | ">" | ">=" | "=" | "==" | "<>" | "!=") => {
                wrong.hint("comparisons are not chained; write a < b AND b < c")
            }
            Token::Sign(")") => wrong.hint("there is one `)` more than there are `(`"),
            _ => wrong,
        })
    }

    /// Runs a reader one level deeper.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MOST_DEEP {
            return Err(self.too_deep(self.placed().span));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn too_deep(&self, span: Span) -> Mistake {
        let deep = format!("this is nested more than {MOST_DEEP} levels deep");
        mistake(Kind::TooDeep, span, deep).hint("part it into several conditions with `;`")
    }

    /// Makes a part of others.
    fn make(&self, kind: ExprKind, start: usize, parts: u32) -> Parsed {
        let span = Span::new(start, self.end());
        let height = parts + 1;
        // Trees grow to the left without any nesting in the text: a + b + c.
        let weight = kind.weight();
        if height > 2 * MOST_DEEP {
            return Err(self.too_deep(span));
        }
        if weight > MOST_HEAVY { Err(too_heavy(span)) } else { Ok(Expr { kind, span, height, weight }) }
    }

    fn or(&mut self) -> Parsed {
        self.joined("OR", Self::and, ExprKind::Or)
    }

    fn and(&mut self) -> Parsed {
        self.joined("AND", Self::not, ExprKind::And)
    }

    fn joined(
        &mut self,
        word: &str,
        read: fn(&mut Self) -> Parsed,
        join: fn(Vec<Expr>) -> ExprKind,
    ) -> Parsed {
        let start = self.placed().span.start;
        let first = read(self)?;
        if !self.is_word(0, word) {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.word(word) {
            all.push(read(self)?);
        }
        let height = all.iter().map(|part| part.height).max().unwrap_or(0);
        self.make(join(all), start, height)
    }

    fn not(&mut self) -> Parsed {
        let start = self.placed().span.start;
        if !self.word("NOT") {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?;
        let height = inner.height;
        self.make(ExprKind::Not(Box::new(inner)), start, height)
    }

    fn comparison(&mut self) -> Parsed {
        let start = self.placed().span.start;
        let value = self.sum()?;
        if let Some(comparison) = self.comparison_sign() {
            let other = self.sum()?;
            let height = value.height.max(other.height);
            return self.make(ExprKind::Compare(comparison, Box::new(value), Box::new(other)), start, height);
        }
        if self.is_word(0, "IS") {
            return self.is(value, start);
        }
        let negated = self.is_word(0, "NOT")
            && ["IN", "BETWEEN", "LIKE", "ILIKE"].iter().any(|word| self.is_word(1, word));
        if negated {
            self.advance();
        }
        let mut height = value.height;
        let mut raise = |part: &Expr| height = height.max(part.height);
        let value = Box::new(value);
        let kind = if self.word("IN") {
            self.expect("(", "`(` before the list")?;
            let list = self.list()?;
            list.iter().for_each(raise);
            ExprKind::In { value, list }
        } else if self.word("BETWEEN") {
            let low = Box::new(self.sum()?);
            self.expect_word("AND")?;
            let high = Box::new(self.sum()?);
            raise(&low);
            raise(&high);
            ExprKind::Between { value, low, high }
        } else if self.is_word(0, "LIKE") || self.is_word(0, "ILIKE") {
            let any_case = self.is_word(0, "ILIKE");
            self.advance();
            let pattern = Box::new(self.sum()?);
            raise(&pattern);
            ExprKind::Like { value, pattern, any_case }
        } else {
            return Ok(*value);
        };
        let made = self.make(kind, start, height)?;
        self.negated(made, negated, start)
    }

    fn negated(&self, expr: Expr, negated: bool, start: usize) -> Parsed {
        if !negated {
            return Ok(expr);
        }
        let height = expr.height;
        self.make(ExprKind::Not(Box::new(expr)), start, height)
    }

    fn comparison_sign(&mut self) -> Option<Comparison> {
        let Token::Sign(sign) = self.peek() else { return None };
        let comparison = match *sign {
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            "=" | "==" => Comparison::Equal,
            "<>" | "!=" => Comparison::Differs,
            ">=" => Comparison::AtLeast,
            ">" => Comparison::Greater,
            _ => return None,
        };
        self.advance();
        Some(comparison)
    }

    fn is(&mut self, value: Expr, start: usize) -> Parsed {
        self.advance();
        let negated = self.word("NOT");
        let height = value.height;
        let value = Box::new(value);
        let kind = if self.word("NULL") || self.word("UNKNOWN") {
            ExprKind::IsNull(value)
        } else if self.word("TRUE") {
            ExprKind::IsTruth(value, true)
        } else if self.word("FALSE") {
            ExprKind::IsTruth(value, false)
        } else {
            return Err(self.unexpected("NULL, TRUE, FALSE or UNKNOWN, with or without NOT"));
        };
        let made = self.make(kind, start, height)?;
        self.negated(made, negated, start)
    }

    fn sum(&mut self) -> Parsed {
        let read = |sign: &str| match sign {
            "+" => Some(Operator::Add),
            "-" => Some(Operator::Subtract),
            _ => None,
        };
        self.chain(read, Self::product)
    }

    fn product(&mut self) -> Parsed {
        let read = |sign: &str| match sign {
            "*" => Some(Operator::Multiply),
            "/" => Some(Operator::Divide),
            "%" => Some(Operator::Remainder),
            _ => None,
        };
        self.chain(read, Self::signed)
    }

    fn chain(&mut self, operator: fn(&str) -> Option<Operator>, read: fn(&mut Self) -> Parsed) -> Parsed {
        let start = self.placed().span.start;
        let mut value = read(self)?;
        while let Token::Sign(sign) = self.peek() {
            let Some(operator) = operator(sign) else { break };
            self.advance();
            let other = read(self)?;
            let height = value.height.max(other.height);
            value =
                self.make(ExprKind::Arithmetic(operator, Box::new(value), Box::new(other)), start, height)?;
        }
        Ok(value)
    }

    fn signed(&mut self) -> Parsed {
        let start = self.placed().span.start;
        if self.sign("+") {
            return self.deeper(Self::signed);
        }
        if !self.sign("-") {
            return self.primary();
        }
        let inner = self.deeper(Self::signed)?;
        let height = inner.height;
        match inner.kind {
            ExprKind::Whole(number) => self.make(ExprKind::Whole(-number), start, 0),
            ExprKind::Number(number) => self.make(ExprKind::Number(-number), start, 0),
            _ => self.make(ExprKind::Negate(Box::new(inner)), start, height),
        }
    }

    fn primary(&mut self) -> Parsed {
        let placed = self.placed().clone();
        let start = placed.span.start;
        let kind = match placed.token {
            Token::Whole(number) => ExprKind::Whole(number),
            Token::Number(number) => ExprKind::Number(number),
            Token::Text(text) => ExprKind::Text(text),
            Token::Sign("(") => {
                self.advance();
                let inner = self.deeper(Self::or)?;
                self.expect(")", "`)`")?;
                return Ok(inner);
            }
            Token::Word(word) if is_reserved(&word) => match word.to_uppercase().as_str() {
                "NULL" => ExprKind::Null,
                "TRUE" => ExprKind::Truth(true),
                "FALSE" => ExprKind::Truth(false),
                "CASE" => return self.deeper(|parser| parser.case(start)),
                _ => return Err(self.unexpected("a field, a function, a number or a 'text'")),
            },
            Token::Word(word) => {
                self.advance();
                let opens = matches!(self.placed(), Placed { token: Token::Sign("("), first: false, .. });
                if opens {
                    self.advance();
                    return self.deeper(|parser| parser.call(word, placed.span));
                }
                return self.name(word, start);
            }
            Token::Quoted(word) => {
                self.advance();
                return self.name(word, start);
            }
            Token::Sign(_) | Token::End => {
                return Err(self.unexpected("a field, a function, a number or a 'text'"));
            }
        };
        self.advance();
        self.make(kind, start, 0)
    }

    /// The rest of a field's name.
    fn name(&mut self, first: String, start: usize) -> Parsed {
        let mut words = vec![first];
        while self.sign(".") {
            match self.peek().clone() {
                // Behind a dot any word is a name.
                Token::Word(word) | Token::Quoted(word) => words.push(word),
                _ => return Err(self.unexpected("the name of a field in the struct")),
            }
            self.advance();
            if words.len() > MOST_DEEP as usize {
                return Err(self.too_deep(Span::new(start, self.end())));
            }
        }
        self.make(ExprKind::Name(words), start, 0)
    }

    /// Parts with commas between, and the closing bracket.
    fn list(&mut self) -> Result<Vec<Expr>, Mistake> {
        let mut list = Vec::new();
        loop {
            list.push(self.deeper(Self::or)?);
            if self.sign(")") {
                return Ok(list);
            }
            self.expect(",", "`,` or `)`")?;
        }
    }

    /// A function behind its bracket.
    fn call(&mut self, name: String, name_span: Span) -> Parsed {
        let (mut args, mut condition) = (Vec::new(), None);
        if !self.sign(")") {
            loop {
                args.push(self.or()?);
                if self.word("WHERE") {
                    condition = Some(Box::new(self.or()?));
                    self.expect(")", "`)`")?;
                    break;
                }
                if self.sign(")") {
                    break;
                }
                self.expect(",", "`,`, WHERE or `)`")?;
            }
        }
        let heights = args.iter().chain(condition.as_deref()).map(|part| part.height);
        let height = heights.max().unwrap_or(0);
        self.make(ExprKind::Call { name, name_span, args, condition }, name_span.start, height)
    }

    fn case(&mut self, start: usize) -> Parsed {
        self.advance();
        let operand = if self.is_word(0, "WHEN") { None } else { Some(Box::new(self.or()?)) };
        let mut whens = Vec::new();
        while self.word("WHEN") {
            let when = self.or()?;
            self.expect_word("THEN")?;
            whens.push((when, self.or()?));
        }
        if whens.is_empty() {
            return Err(self.unexpected("WHEN"));
        }
        let otherwise = if self.word("ELSE") { Some(Box::new(self.or()?)) } else { None };
        self.expect_word("END")?;
        let parts = operand.as_deref().into_iter().chain(otherwise.as_deref());
        let height = parts.chain(whens.iter().flat_map(|(when, then)| [when, then])).map(|part| part.height);
        let height = height.max().unwrap_or(0);
        self.make(ExprKind::Case { operand, whens, otherwise }, start, height)
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// A text as it is shown in a message.
pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_string();
    }
    text.chars().take(37).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, conditions: usize) {
        assert_eq!(parse(text).map(|all| all.len()), Ok(conditions), "{text}");
    }

    #[test]
    fn conditions_are_parted_by_semicolons_and_lines() {
        check("", 0);
        check(" -- nothing\n;;", 0);
        check("candidate.magpsf > 19.5; candidate.distnr > 2;", 2);
        check("a > 1 -- first\nb > 2 -- second", 2);
        check("a > 1\n  AND b > 2\nOR c < 3", 1);
        check("a > (1\n + 2)\nNOT b", 2);
        check("a IN (1,\n2)\n(b > 2)", 2);
        check("CASE WHEN a THEN b\nELSE c END", 1);
    }

    #[test]
    fn mistakes_of_several_conditions_are_told_at_once() {
        let mistakes = parse("a >; b < 2; c << 3").unwrap_err();
        assert_eq!(mistakes.iter().map(|m| m.span.start).collect::<Vec<_>>(), [3, 15]);
    }

    #[test]
    fn depth_is_bounded() {
        for text in [
            "(".repeat(100_000),
            "NOT ".repeat(100_000),
            "- ".repeat(100_000) + "1",
            "f(".repeat(100_000),
            "CASE WHEN ".repeat(10_000),
            "1".to_string() + &" + 1".repeat(100_000),
            "a".to_string() + &".a".repeat(100_000),
            "a IN (".repeat(10_000),
        ] {
            let mistakes = parse(&text).unwrap_err();
            assert!(
                mistakes.iter().all(|m| m.kind == Kind::TooDeep || m.kind == Kind::Syntax),
                "{mistakes:?}"
            );
        }
        check(&("a > 1".to_string() + &" AND a > 1".repeat(50_000)), 1);
    }

    #[test]
    fn what_is_long_is_run_without_depth() {
        let x: arrow_array::ArrayRef = std::sync::Arc::new(arrow_array::Float64Array::from(vec![2.0, 0.5]));
        let batch = arrow_array::RecordBatch::try_from_iter([("x", x)]).unwrap();
        for text in [
            format!("LEAST({}1) = 1", "x, ".repeat(100_000)),
            format!("GREATEST({}1) = 2", "x, ".repeat(100_000)),
            format!("COALESCE({}1) > 1", "x, ".repeat(10_000)),
            "x > 1".to_string() + &" AND x > 1".repeat(50_000),
        ] {
            let conditions = crate::Conditions::new(&text, &batch.schema(), &crate::NoSources)
                .unwrap_or_else(|e| panic!("{e}"));
            let met = conditions.evaluate(&batch).unwrap();
            assert_eq!((met.value(0), met.value(1)), (true, false), "{}", &text[..20]);
        }
    }

    #[test]
    fn what_is_copied_again_and_again_is_refused() {
        let nested =
            |times: usize, wrap: fn(String) -> String| (0..times).fold("a".to_string(), |a, _| wrap(a));
        let wraps: [fn(String) -> String; 6] = [
            |a| format!("IFNULL({a}, b)"),
            |a| format!("COALESCE({a}, b, c)"),
            |a| format!("NULLIF({a}, b)"),
            |a| format!("({a} BETWEEN b AND c)"),
            |a| format!("({a} IN (b, c))"),
            |a| format!("CASE {a} WHEN b THEN c WHEN d THEN e END"),
        ];
        for wrap in wraps {
            let mistakes = parse(&nested(40, wrap)).unwrap_err();
            assert_eq!(mistakes[0].kind, Kind::TooDeep, "{mistakes:?}");
            assert!(mistakes[0].message.contains("1048576 parts"), "{mistakes:?}");
            check(&nested(5, wrap), 1);
        }
        let some = nested(15, wraps[0]) + " > 0";
        check(&vec![some.clone(); 5].join(";"), 5);
        assert!(parse(&vec![some; 50].join(";")).is_err());
    }
}
