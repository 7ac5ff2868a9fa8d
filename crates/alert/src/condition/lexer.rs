//! Text to words, numbers, texts and signs, each with its bytes.

use uranometria_adql::{Error as Mistake, Kind, Span};

use super::mistake::{Help, mistake};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A word as it was written.
    Word(String),
    /// A name in quotes, which is never a keyword.
    Quoted(String),
    Whole(i64),
    Number(f64),
    Text(String),
    /// One of the signs below.
    Sign(&'static str),
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) span: Span,
    /// Whether it is the first on its line.
    pub(crate) first: bool,
}

/// Longer ones first, where one begins with another.
const SIGNS: [&str; 20] = [
    "<>", "<=", ">=", "!=", "==", "||", "&&", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", ";", ".",
];

/// Cuts a text into tokens; the last one is the end. What is no token is told, and passed over.
pub(crate) fn tokens(text: &str) -> (Vec<Placed>, Vec<Mistake>) {
    let (mut tokens, mut mistakes) = (Vec::new(), Vec::new());
    let (mut at, mut first) = (0, true);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\n' {
            first = true;
        }
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let start = at;
        let token = if c.is_alphabetic() || c == '_' {
            at += rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            Ok(Token::Word(text[start..at].to_string()))
        } else if c.is_ascii_digit() || c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            at += number_length(rest);
            number(&text[start..at], Span::new(start, at))
        } else if matches!(c, '\'' | '"' | '`') {
            let (inner, length) = quoted(rest, c);
            at += length;
            match inner {
                None => {
                    let what = if c == '\'' { "the text" } else { "the name" };
                    let span = Span::new(start, start + 1);
                    Err(mistake(Kind::Token, span, format!("{what} that begins here does not end"))
                        .expecting(format!("a closing {c}")))
                }
                Some(inner) if c == '\'' => Ok(Token::Text(inner)),
                Some(inner) => Ok(Token::Quoted(inner)),
            }
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            at += sign.len();
            let span = Span::new(start, at);
            match *sign {
                "&&" => Err(mistake(Kind::Token, span, "`&&` is no operator").hint("write AND")),
                "||" => Err(mistake(Kind::Token, span, "`||` is no operator")
                    .hint("write OR, or CONCAT(a, b) to join texts")),
                sign => Ok(Token::Sign(sign)),
            }
        } else {
            at += c.len_utf8();
            let wrong = mistake(Kind::Token, Span::new(start, at), format!("{c:?} means nothing here"));
            Err(match c {
                '^' => wrong.hint("write POWER(x, y)"),
                '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
                    wrong.hint("write straight quotes: 'text'")
                }
                '\u{2212}' => wrong.hint("write a plain minus: -"),
                '#' => wrong.hint("comments begin with --"),
                _ => wrong,
            })
        };
        match token {
            Ok(token) => tokens.push(Placed { token, span: Span::new(start, at), first }),
            // One mistake of a kind is enough: a picture taken for a text has thousands.
            Err(wrong) if mistakes.len() < 20 => mistakes.push(wrong),
            Err(_) => {}
        }
        first = false;
    }
    tokens.push(Placed { token: Token::End, span: Span::new(text.len(), text.len()), first: true });
    (tokens, mistakes)
}

/// How many bytes of a text are a number, and letters that hang on it.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end + text[end..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - end)
}

fn number(text: &str, span: Span) -> Result<Token, Mistake> {
    let bad = || mistake(Kind::Token, span, format!("`{text}` is no number"));
    if text.bytes().all(|b| b.is_ascii_digit())
        && let Ok(whole) = text.parse()
    {
        return Ok(Token::Whole(whole));
    }
    // Rust reads `inf` and the like too, but these do not begin with a digit.
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Token::Number(number)),
        Ok(_) => Err(bad().hint("numbers go up to 1.8e308")),
        Err(_) => Err(bad()),
    }
}

/// What is between quotes, doubled ones made single, and how many bytes it takes with the quotes.
fn quoted(text: &str, quote: char) -> (Option<String>, usize) {
    let mut inner = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inner.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return (Some(inner), at + 1);
        }
    }
    (None, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_texts_are_told_apart() {
        let (found, mistakes) = tokens("a.b >= -.5e-3 -- all\n'it''s' <> \"x y\"; 12");
        assert_eq!(mistakes, []);
        let found: Vec<Token> = found.into_iter().map(|placed| placed.token).collect();
        let word = |text: &str| Token::Word(text.into());
        let wanted = [
            word("a"),
            Token::Sign("."),
            word("b"),
            Token::Sign(">="),
            Token::Sign("-"),
            Token::Number(0.5e-3),
            Token::Text("it's".into()),
            Token::Sign("<>"),
            Token::Quoted("x y".into()),
            Token::Sign(";"),
            Token::Whole(12),
            Token::End,
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_no_token_is_told_with_its_way_out() {
        for (text, hint) in [
            ("2^3", "POWER"),
            ("a && b", "AND"),
            ("’x’", "straight"),
            ("12abc", ""),
            ("'x", ""),
            ("1e999", "1.8e308"),
        ] {
            let (_, mistakes) = tokens(text);
            assert!(!mistakes.is_empty(), "{text}");
            assert!(mistakes[0].suggestion.clone().unwrap_or_default().contains(hint), "{text}");
        }
    }
}
