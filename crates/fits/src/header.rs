//! A header: cards in order, looked up by keyword.
//!
//! Headers are short, and looking along the cards is all it takes; only of one with hundreds of cards, as tables of
//! hundreds of columns have, the places of the keywords are kept.

use std::collections::BTreeMap;

use crate::card::{self, CARD, Card, Piece, Value};
use crate::{BLOCK, Error};

/// With so many cards, a header is long: looking along its cards for each of its keywords would take a while.
const LONG: usize = 256;

/// The cards of one HDU in their order, without END.
#[derive(Clone, Debug, Default)]
pub struct Header {
    cards: Vec<Card>,
    /// Where the first card of each keyword is; not kept of short headers.
    places: Option<BTreeMap<String, usize>>,
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.cards == other.cards
    }
}

/// What can stand as the value of a card.
pub trait IntoValue {
    /// Turns it into a value.
    fn into_value(self) -> Value;
}

macro_rules! into_value {
    ($($from:ty => |$x:ident| $value:expr;)*) => {$(
        impl IntoValue for $from {
            fn into_value(self) -> Value { let $x = self; $value }
        }
    )*};
}
into_value! {
    Value => |x| x;
    &str => |x| Value::Text(x.to_string());
    String => |x| Value::Text(x);
    bool => |x| Value::Logical(x);
    i32 => |x| Value::Integer(x.into());
    i64 => |x| Value::Integer(x);
    u32 => |x| Value::Integer(x.into());
    // Sizes in memory are below 2^63.
    usize => |x| Value::Integer(x as i64);
    f32 => |x| Value::Real(x.into());
    f64 => |x| Value::Real(x);
}

impl Header {
    /// Makes an empty header.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the header of a primary HDU without data.
    pub fn primary() -> Self {
        let mut header = Self::new();
        header.set("SIMPLE", true, "conforms to FITS standard");
        header.set("BITPIX", 8, "array data type");
        header.set("NAXIS", 0, "number of array dimensions");
        header.set("EXTEND", true, "file may contain extensions");
        header
    }

    /// Makes the header of an image extension.
    ///
    /// `axes` are NAXIS1, NAXIS2, ...: the fastest axis first.
    pub fn image_extension(bitpix: i32, axes: &[usize]) -> Self {
        let mut header = Self::new();
        header.set("XTENSION", "IMAGE", "image extension");
        header.set("BITPIX", bitpix, "array data type");
        header.set("NAXIS", axes.len(), "number of array dimensions");
        for (n, axis) in axes.iter().enumerate() {
            header.set(&format!("NAXIS{}", n + 1), *axis, "");
        }
        header.set("PCOUNT", 0, "number of group parameters");
        header.set("GCOUNT", 1, "number of groups");
        header
    }

    /// Reads a header from its first byte on and returns it with the bytes it takes, END and padding included.
    ///
    /// Long strings are joined. A last block that is cut short behind END is accepted.
    ///
    /// # Errors
    /// [`Error::NoEnd`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let mut header = Self::new();
        // Whether the string of the last card ended in `&`, so that a CONTINUE belongs to it.
        let mut open = false;
        for (n, piece) in bytes.chunks_exact(CARD).enumerate() {
            match card::parse(piece) {
                Piece::End => {
                    let end = ((n + 1) * CARD).next_multiple_of(BLOCK as usize);
                    header.find_places();
                    return Ok((header, end.min(bytes.len())));
                }
                Piece::Continue(text, comment) => {
                    match header.cards.last_mut() {
                        Some(Card { value: Some(Value::Text(string)), comment: last, .. }) if open => {
                            string.pop();
                            string.push_str(&text);
                            if !comment.is_empty() {
                                if !last.is_empty() {
                                    last.push(' ');
                                }
                                last.push_str(&comment);
                            }
                        }
                        _ => header.cards.push(Card::commentary("CONTINUE", format!("  '{text}'"))),
                    }
                    open &= text.ends_with('&');
                }
                Piece::Card(card) => {
                    open = matches!(&card.value, Some(Value::Text(text)) if text.ends_with('&'));
                    header.cards.push(card);
                }
            }
        }
        Err(Error::NoEnd { read: bytes.len() as u64 })
    }

    /// The cards in their order.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// Adds a card behind the last one, whatever its keyword.
    pub fn push(&mut self, card: Card) {
        if let Some(places) = &mut self.places
            && !places.contains_key(&card.keyword)
        {
            places.insert(card.keyword.clone(), self.cards.len());
        }
        self.cards.push(card);
        if self.places.is_none() {
            self.find_places();
        }
    }

    /// Adds a text of history: as many HISTORY cards as it needs, broken between words where that can be.
    ///
    /// [`Header::histories`] gives it back, but for blanks at its ends.
    pub fn history(&mut self, text: impl AsRef<str>) {
        let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
        let text: Vec<char> = text.as_ref().trim().chars().map(blank).collect();
        let (mut rest, mut indent) = (text.as_slice(), BEGINS);
        loop {
            let room = CARD - 8 - indent.len();
            let (line, behind, next) = break_line(rest, room);
            self.push(Card::commentary(
                "HISTORY",
                indent.chars().chain(line.iter().copied()).collect::<String>(),
            ));
            if behind.is_empty() {
                return;
            }
            (rest, indent) = (behind, next);
        }
    }

    /// The texts of HISTORY, each joined from the cards that [`Header::history`] broke it into.
    ///
    /// Cards of other programs begin a text where they begin with one blank, and else belong to the one before.
    pub fn histories(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for card in self.cards.iter().filter(|card| card.keyword == "HISTORY") {
            match texts.last_mut() {
                Some(text) if !begins_history(card) => {
                    match card.comment.strip_prefix(GOES_ON) {
                        Some(words) => text.extend([" ", words]),
                        None => text.push_str(&card.comment),
                    };
                }
                _ => texts.push(card.comment.trim_start().to_string()),
            }
        }
        texts
    }

    /// Removes the texts of HISTORY for which `gone` is true, with all their cards; the others stay as they are.
    pub fn remove_histories(&mut self, mut gone: impl FnMut(&str) -> bool) {
        let gone: Vec<bool> = self.histories().iter().map(|text| gone(text)).collect();
        let mut begun = 0;
        self.retain(|card| {
            if card.keyword != "HISTORY" {
                return true;
            }
            begun += usize::from(begun == 0 || begins_history(card));
            !gone[begun - 1]
        });
    }

    /// Sets the first card of that keyword, keeping its place, or adds one at the end.
    pub fn set(&mut self, keyword: &str, value: impl IntoValue, comment: impl Into<String>) {
        let card = Card::new(keyword, value.into_value(), comment);
        match self.position(keyword) {
            Some(at) => self.cards[at] = card,
            None => self.push(card),
        }
    }

    /// Removes every card of that keyword.
    pub fn remove(&mut self, keyword: &str) {
        self.retain(|card| card.keyword != keyword);
    }

    /// Keeps the cards for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(&Card) -> bool) {
        let before = self.cards.len();
        self.cards.retain(keep);
        if self.cards.len() < before {
            self.find_places();
        }
    }

    /// Notes where the keywords of a long header are.
    fn find_places(&mut self) {
        self.places = None;
        if self.cards.len() >= LONG {
            let places = self.cards.iter().enumerate().rev();
            // From the last to the first, so that the first one stays.
            self.places = Some(places.map(|(at, card)| (card.keyword.clone(), at)).collect());
        }
    }

    fn position(&self, keyword: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(keyword).copied(),
            None => self.cards.iter().position(|card| card.keyword == keyword),
        }
    }

    /// Returns the first card of that keyword.
    pub fn card(&self, keyword: &str) -> Option<&Card> {
        self.position(keyword).map(|at| &self.cards[at])
    }

    /// Returns the value of the first card of that keyword.
    pub fn get(&self, keyword: &str) -> Option<&Value> {
        self.card(keyword)?.value.as_ref()
    }

    /// Returns a string value; `None` where the keyword is missing or holds something else.
    pub fn text(&self, keyword: &str) -> Option<&str> {
        match self.get(keyword)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns an integer value; a real without fraction counts.
    pub fn integer(&self, keyword: &str) -> Option<i64> {
        match *self.get(keyword)? {
            Value::Integer(number) => Some(number),
            Value::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(number as i64),
            _ => None,
        }
    }

    /// Returns a number as f64; integers count.
    pub fn number(&self, keyword: &str) -> Option<f64> {
        match *self.get(keyword)? {
            Value::Integer(number) => Some(number as f64),
            Value::Real(number) => Some(number),
            _ => None,
        }
    }

    /// Returns a logical value.
    pub fn logical(&self, keyword: &str) -> Option<bool> {
        match *self.get(keyword)? {
            Value::Logical(value) => Some(value),
            _ => None,
        }
    }

    /// Returns an integer within `range`.
    ///
    /// # Errors
    /// [`Error::MissingKeyword`], [`Error::BadKeyword`].
    pub fn integer_in(&self, keyword: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, Error> {
        let wanted = || format!("an integer in {}..={}", range.start(), range.end());
        match self.integer(keyword) {
            Some(number) if range.contains(&number) => Ok(number),
            _ => Err(self.wrong(keyword, wanted())),
        }
    }

    /// Says that a keyword is missing or does not hold what was wanted.
    pub fn wrong(&self, keyword: &str, wanted: impl Into<String>) -> Error {
        let wanted = wanted.into();
        match self.position(keyword) {
            Some(at) => Error::BadKeyword {
                card: at + 1,
                keyword: keyword.to_string(),
                found: self.cards[at].value.as_ref().map_or("without value".into(), |v| match v {
                    Value::Undefined => "undefined".to_string(),
                    v => v.to_string(),
                }),
                wanted,
            },
            None => Error::MissingKeyword { keyword: keyword.to_string(), wanted },
        }
    }

    /// Writes the header with END, padded with blanks to whole blocks.
    ///
    /// The keywords that the standard wants in front are put there first, in its order (FITS 4.0, section 4.4.1).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity((self.cards.len() + 1) * CARD + BLOCK as usize);
        let mut ordered: Vec<&Card> = self.cards.iter().collect();
        ordered.sort_by_key(|card| mandatory_rank(&card.keyword));
        for card in ordered {
            card.write(&mut out);
        }
        out.extend_from_slice(b"END");
        out.resize(out.len().next_multiple_of(BLOCK as usize), b' ');
        out
    }
}

/// What stands in front of a text of history on its first card.
const BEGINS: &str = " ";
/// What stands on further cards in the place of the blank at which the text was broken; nothing within a word.
const GOES_ON: &str = "   ";

/// Whether a text of history begins on that HISTORY card.
fn begins_history(card: &Card) -> bool {
    card.comment.strip_prefix(BEGINS).is_some_and(|text| !text.starts_with(' '))
}

/// Breaks a text into a line of at most `room` characters, the rest, and what stands in front of that.
///
/// No part ends or begins with a blank, which a card would not keep, unless there is nothing else in it.
fn break_line(text: &[char], room: usize) -> (&[char], &[char], &'static str) {
    if text.len() <= room {
        return (text, &[], "");
    }
    let blank = |at: usize| text.get(at).is_none_or(|c| *c == ' ');
    let within = |at: &usize| !blank(*at - 1) && !blank(*at);
    let between = |at: &usize| !blank(*at - 1) && blank(*at) && !blank(*at + 1);
    match (1..=room).rev().find(between) {
        Some(at) => (&text[..at], &text[at + 1..], GOES_ON),
        None => {
            let at = (1..=room).rev().find(within).unwrap_or(room);
            (&text[..at], &text[at..], "")
        }
    }
}

/// Where a keyword stands among those whose order the standard fixes; all others compare equal behind them.
fn mandatory_rank(keyword: &str) -> u32 {
    match keyword {
        "SIMPLE" | "XTENSION" => 0,
        "BITPIX" => 1,
        "NAXIS" => 2,
        "PCOUNT" => 2000,
        "GCOUNT" => 2001,
        "TFIELDS" => 2002,
        "EXTEND" => 2003,
        _ => match keyword.strip_prefix("NAXIS").and_then(|n| n.parse::<u32>().ok()) {
            Some(n @ 1..=999) => 2 + n,
            _ => u32::MAX,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_string_is_continued_and_joined_again() {
        let long = "it's a string of many words, ".repeat(12);
        let mut header = Header::primary();
        header.set("LONG", long.trim_end(), "why");
        header.set("AFTER", 1, "");
        let (again, _) = Header::parse(&header.to_bytes()).unwrap();
        assert_eq!(again.text("LONG"), Some(long.trim_end()));
        assert_eq!(again.integer("AFTER"), Some(1));
    }

    #[test]
    fn a_continue_card_without_an_open_string_is_kept_as_commentary() {
        let mut bytes = Vec::new();
        Card::new("A", Value::Text("closed".into()), "").write(&mut bytes);
        bytes.extend_from_slice(format!("{:<80}", "CONTINUE  'stray'").as_bytes());
        bytes.extend_from_slice(format!("{:<80}", "END").as_bytes());
        let (header, _) = Header::parse(&bytes).unwrap();
        assert_eq!(header.text("A"), Some("closed"));
        assert_eq!(header.cards()[1].keyword, "CONTINUE");
    }

    #[test]
    fn a_long_line_of_history_is_broken_between_words() {
        let mut header = Header::primary();
        header.history("skipped a-frame-with-a-long-name_ffic.fits: truncated: the data end at byte 410880 but the file before");
        let lines: Vec<_> = header.cards().iter().filter(|card| card.keyword == "HISTORY").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].comment.ends_with(" at") && lines.iter().all(|line| line.comment.len() <= 72));
        assert_eq!(lines[1].comment, "   byte 410880 but the file before");
    }

    #[test]
    fn history_is_broken_within_a_word_only_where_the_word_is_longer_than_a_card() {
        let check = |text: &str, wanted: &[&str]| {
            let mut header = Header::primary();
            header.history(text);
            let lines = header.cards().iter().filter(|card| card.keyword == "HISTORY");
            assert_eq!(lines.map(|card| card.comment.as_str()).collect::<Vec<_>>(), wanted);
            assert_eq!(header.histories(), [text]);
        };
        let (long, longer) = ("a".repeat(69), "a".repeat(100));
        check("", &[" "]);
        check(&format!("skipped {long} why"), &[" skipped", &format!("   {long}"), "   why"]);
        check(
            &format!("skipped {longer} why  not"),
            &[" skipped", &format!("   {long}"), &format!("{} why  not", "a".repeat(31))],
        );
    }

    #[test]
    fn mandatory_keywords_are_written_in_front_in_their_order() {
        let mut header = Header::new();
        for (keyword, value) in [("EXTNAME", 5), ("NAXIS2", 4), ("NAXIS1", 3), ("NAXIS", 2), ("BITPIX", 8)] {
            header.set(keyword, value, "");
        }
        header.set("SIMPLE", true, "");
        let (again, _) = Header::parse(&header.to_bytes()).unwrap();
        let order: Vec<_> = again.cards().iter().map(|card| card.keyword.as_str()).collect();
        assert_eq!(order, ["SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTNAME"]);
    }

    #[test]
    fn a_header_without_end_is_an_error() {
        let error = Header::parse(&[b' '; 2880]).unwrap_err();
        assert_eq!(error.to_string(), "the header has no END card within 2880 bytes");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "[ -~]{0,200}".prop_map(|text| Value::Text(text.trim_end().replace('&', "+"))),
            any::<bool>().prop_map(Value::Logical),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::Real),
            Just(Value::Undefined),
        ]
    }

    proptest! {
        #[test]
        fn a_written_header_reads_back_the_same(
            cards in prop::collection::vec(("[A-Z][A-Z0-9_]{0,6}X", any_value()), 0..40)
        ) {
            let mut header = Header::new();
            for (keyword, value) in cards {
                header.push(Card::new(keyword, value, ""));
            }
            let bytes = header.to_bytes();
            let (again, read) = Header::parse(&bytes).unwrap();
            prop_assert_eq!(read, bytes.len());
            prop_assert_eq!(again, header);
        }

        #[test]
        fn keywords_of_long_headers_are_found_where_they_first_stand(
            steps in prop::collection::vec((0..20, 0..400i32), 0..100),
            from in 200..300i32,
        ) {
            let mut header = Header::new();
            (0..from).for_each(|n| header.set(&format!("KEY{n}"), n, ""));
            for (step, n) in steps {
                let keyword = format!("KEY{n}");
                match step {
                    0..6 => header.push(Card::new(keyword.as_str(), Value::Integer(-1), "")),
                    6..12 => header.remove(&keyword),
                    12..19 => header.set(&keyword, n, "again"),
                    _ => header = Header::parse(&header.to_bytes()).unwrap().0,
                }
            }
            for n in 0..400 {
                let keyword = format!("KEY{n}");
                let first = header.cards().iter().find(|card| card.keyword == keyword);
                prop_assert_eq!(header.card(&keyword), first);
            }
        }

        #[test]
        fn history_reads_back_the_same(texts in prop::collection::vec("[!-~]([ -~]{0,200}[!-~])?", 0..5)) {
            let mut header = Header::primary();
            texts.iter().for_each(|text| header.history(text));
            let (mut again, _) = Header::parse(&header.to_bytes()).unwrap();
            prop_assert_eq!(again.histories(), texts.clone());
            again.remove_histories(|text| text.len() > 90);
            let short: Vec<_> = texts.into_iter().filter(|text| text.len() <= 90).collect();
            prop_assert_eq!(again.histories(), short);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
            let _ = Header::parse(&bytes);
        }
    }
}
