//! Text as XML has it.

use crate::error::{Misfit, quoted};

/// What stands for a character that XML cannot have.
const REPLACEMENT: &str = "\u{FFFD}";

/// Where a text is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    Content,
    Attribute,
}

/// What to do about a byte. Of what XML 1.0 cannot have, U+FFFE and U+FFFF alone are beyond one byte.
fn escaped(byte: u8, place: Into) -> Option<&'static str> {
    Some(match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        // Parsers turn a bare one into a line feed.
        b'\r' => "&#13;",
        b'"' if place == Into::Attribute => "&quot;",
        // Parsers turn bare ones in attributes into blanks.
        b'\n' if place == Into::Attribute => "&#10;",
        b'\t' if place == Into::Attribute => "&#9;",
        _ => return None,
    })
}

/// Appends a text, and replaces or (`false`) stops at what XML cannot have.
fn append(text: &str, place: Into, replace: bool, out: &mut Vec<u8>) -> bool {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        // Nearly all bytes are above `>` or letters and digits below it.
        if byte > b'>' && byte != 0xEF {
            continue;
        }
        let (instead, len) = match byte {
            0xEF if matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => (None, 3),
            0xEF => continue,
            b'\t' | b'\n' if place == Into::Content => continue,
            0..=0x1F if !matches!(byte, b'\t' | b'\n' | b'\r') => (None, 1),
            _ => match escaped(byte, place) {
                Some(instead) => (Some(instead), 1),
                None => continue,
            },
        };
        let instead = match instead {
            Some(instead) => instead,
            None if replace => REPLACEMENT,
            None => return false,
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(instead.as_bytes());
        done = at + len;
    }
    out.extend_from_slice(&bytes[done..]);
    true
}

/// Appends a cell's text.
///
/// # Errors
/// A text with a character that XML 1.0 cannot have.
pub(super) fn cell(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if append(text, Into::Content, false, out) {
        return Ok(());
    }
    Err(Misfit::new(quoted(text), "text without control characters, which XML cannot have; BINARY2 can"))
}

/// Appends a text in which what XML cannot have is replaced by U+FFFD.
pub(super) fn content(text: &str, out: &mut Vec<u8>) {
    append(text, Into::Content, true, out);
}

/// Appends an attribute with a blank in front; what XML cannot have is replaced by U+FFFD.
pub(super) fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    append(value, Into::Attribute, true, out);
    out.push(b'"');
}

/// Whether a text can be an ID: a name without a colon.
pub(super) fn is_id(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_line_ends_survive_a_parser() {
        let check = |text: &str, in_content: &str, in_attribute: &str| {
            let (mut found, mut attributes) = (Vec::new(), Vec::new());
            content(text, &mut found);
            assert_eq!(String::from_utf8(found).unwrap(), in_content);
            attribute("a", text, &mut attributes);
            assert_eq!(String::from_utf8(attributes).unwrap(), format!(" a=\"{in_attribute}\""));
        };
        check("a<b>&\"'", "a&lt;b&gt;&amp;\"'", "a&lt;b&gt;&amp;&quot;'");
        check("\t\r\n", "\t&#13;\n", "&#9;&#13;&#10;");
        check("\0x\u{1F}\u{FFFE}", "\u{FFFD}x\u{FFFD}\u{FFFD}", "\u{FFFD}x\u{FFFD}\u{FFFD}");
        check("ÿ\u{FFFD}\u{FEFF}é", "ÿ\u{FFFD}\u{FEFF}é", "ÿ\u{FFFD}\u{FEFF}é");
    }

    #[test]
    fn cells_with_control_characters_are_refused() {
        for wrong in ["\0", "a\u{B}", "\u{FFFF}"] {
            assert!(cell(wrong, &mut Vec::new()).is_err(), "{wrong:?}");
        }
        assert!(cell("a\tb\r\nc <é>", &mut Vec::new()).is_ok());
    }
}
