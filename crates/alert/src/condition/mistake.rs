//! What is wrong with conditions, as data: kind, bytes, expectation and way out, all of it at once.

use std::fmt;

use uranometria_adql::{Error as Mistake, Kind, Span};

/// Everything that is wrong with a text of conditions; never empty, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    text: String,
    all: Vec<Mistake>,
}

impl Mistakes {
    /// Takes what was found in a text; `all` is not empty.
    pub(crate) fn new(text: &str, mut all: Vec<Mistake>) -> Self {
        all.sort_by_key(|mistake| mistake.span);
        all.dedup();
        Mistakes { text: text.to_string(), all }
    }

    /// All mistakes, in the order of the text; their spans are bytes of the text that was compiled.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.all.iter()
    }

    /// The text they are in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes all of them with line, column and carets, one below the other.
    pub fn render(&self) -> String {
        self.all.iter().map(|mistake| mistake.render(&self.text)).collect::<Vec<_>>().join("\n")
    }
}

/// The rendered text, which needs no further place.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl std::error::Error for Mistakes {}

/// Makes a mistake.
pub(crate) fn mistake(kind: Kind, span: Span, message: impl Into<String>) -> Mistake {
    Mistake { kind, span, message: message.into(), expected: None, suggestion: None }
}

/// Adds to a mistake.
pub(crate) trait Help {
    /// What could have stood there.
    fn expecting(self, expected: impl Into<String>) -> Self;
    /// The way out.
    fn hint(self, suggestion: impl Into<String>) -> Self;
    /// The way out, where a name is spelt nearly alike.
    fn did_you_mean<'a>(self, name: &str, among: impl IntoIterator<Item = &'a str>) -> Self;
}

impl Help for Mistake {
    fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    fn hint(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    fn did_you_mean<'a>(self, name: &str, among: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, among) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

/// Finds the name that is spelt most like `name`, whole or in its last part, if any is near.
pub(crate) fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    // Names as long as a message are no slips of the pen, and comparing them takes long.
    if wanted.len() > 200 {
        return None;
    }
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let score = |other: &str| {
        let whole = strsim::jaro_winkler(&wanted, &other.to_lowercase());
        // The last part decides among fields of several structs, the whole between equals.
        let end = strsim::jaro_winkler(&last(&wanted), &last(other));
        (whole.max(end), whole)
    };
    let scored = among.into_iter().map(|other| (score(other), other));
    let best = scored.max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
    (best.0.0 >= 0.8).then_some(best.1)
}
