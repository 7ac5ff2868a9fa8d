//! The properties of a catalogue: `hats.properties`.
//!
//! HATS follows HiPS 1.0, section 4.4.1: lines `key = value`, `#` before comments. Values keep their case; a backslash
//! before `:`, `=`, `#` or a blank, as Java writes them, is dropped.

use crate::Error;

/// What a catalogue says about itself, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    entries: Vec<(String, String)>,
}

impl Properties {
    /// No property.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the text of a file; lines that are neither properties nor comments are passed over.
    ///
    /// ```
    /// use uranometria_catalog::Properties;
    ///
    /// let properties = Properties::parse("#HATS catalog\nobs_collection=gaia\nhats_col_ra = ra\n");
    /// assert_eq!(properties.get("hats_col_ra"), Some("ra"));
    /// ```
    pub fn parse(text: &str) -> Self {
        let mut properties = Self::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with(['#', '!']) {
                continue;
            }
            if let Some((key, value)) = line.split_once('=') {
                properties.set(&unescaped(key.trim()), unescaped(value.trim()));
            }
        }
        properties
    }

    /// The text of a file; [`Properties::parse`] gives the same properties back.
    pub fn to_text(&self) -> String {
        let mut text = String::from("#HATS catalog\n");
        for (key, value) in &self.entries {
            text.push_str(&format!("{key}={}\n", value.replace('\\', "\\\\").replace(['\n', '\r'], " ")));
        }
        text
    }

    /// A property.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// Sets a property, in its place if it is there already.
    pub fn set(&mut self, key: &str, value: impl ToString) {
        let value = value.to_string();
        match self.entries.iter_mut().find(|(found, _)| found == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key.to_string(), value)),
        }
    }

    /// All properties.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn wanted(&self, key: &'static str) -> Result<&str, Error> {
        let missing = || Error::Property { key, found: "nothing".into(), wanted: "a value" };
        self.get(key).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    pub(crate) fn number(&self, key: &'static str) -> Result<Option<u64>, Error> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Error::Property { key, found: text.into(), wanted: "a whole number" })
        };
        self.get(key).filter(|text| !text.is_empty()).map(parse).transpose()
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_java_escapes_is_read() {
        let read = Properties::parse("! c\nhats_creation_date=2024-01-01T00\\:00UTC\n\nempty=\n");
        assert_eq!(read.get("hats_creation_date"), Some("2024-01-01T00:00UTC"));
        assert_eq!(read.get("empty"), Some(""));
        assert!(read.wanted("empty").is_err() && read.number("empty").unwrap().is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(entries in prop::collection::btree_map("[a-z_]{1,8}", "([!-~]([ -~]{0,9}[!-~])?)?", 0..6)) {
            let mut properties = Properties::new();
            entries.iter().for_each(|(key, value)| properties.set(key, value));
            prop_assert_eq!(Properties::parse(&properties.to_text()), properties);
        }
    }
}
