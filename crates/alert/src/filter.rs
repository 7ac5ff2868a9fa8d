//! Filters as text files: a name, a version, and conditions.

use std::path::Path;

use crate::Error;

/// A named and versioned set of conditions.
///
/// The head of the file is comments, so that the file is a text of conditions as it is:
///
/// ```text
/// -- name: fink.sn_candidates
/// -- version: 2
/// -- description: Supernova candidates of Fink
/// -- max-share: 5 %
///
/// snn_snia_vs_nonia > 0.5 OR snn_sn_vs_all > 0.5;
/// candidate.drb > 0.5
/// ```
///
/// `name` and `version` must be there, a name of letters, digits, `.`, `_` and `-`; `max-share` is the greatest part of
/// a night that the filter may pass. Comments without a key are passed over; the
/// head ends at the first line that is neither a comment nor empty. No key is there twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// What it is called.
    pub name: String,
    /// Which of several of this name, from 1.
    pub version: u32,
    /// What it is for.
    pub description: Option<String>,
    /// The greatest share of a night that it may pass, percent.
    pub max_share_percent: Option<f64>,
    /// The conditions: the whole file, so that places in errors are those in the file.
    pub text: String,
}

impl Filter {
    /// Reads a filter; `path` is for errors alone.
    ///
    /// # Errors
    /// [`Error::Filter`] with the line, for what the head lacks and for values that are none.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, Error> {
        let wrong = |line: usize, reason: String| Error::Filter { path: path.as_ref().into(), line, reason };
        let (mut name, mut version, mut description, mut max_share_percent) = (None, None, None, None);
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let Some(comment) = line.trim().strip_prefix("--") else { break };
            let Some((key, value)) = comment.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            let is_twice = match key {
                "name" => name.is_some(),
                "version" => version.is_some(),
                "description" => description.is_some(),
                "max-share" => max_share_percent.is_some(),
                _ => false,
            };
            if is_twice {
                return Err(wrong(
                    at + 1,
                    format!("{key} is there twice, expected once; take one of them out"),
                ));
            }
            match key {
                "name" => {
                    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
                    if value.is_empty() || !value.chars().all(plain) {
                        let reason = format!("name is {value:?}, expected letters, digits, `.`, `_` and `-`");
                        return Err(wrong(at + 1, reason));
                    }
                    name = Some(value.to_string());
                }
                "version" => match value.parse::<u32>() {
                    Ok(number) if number > 0 => version = Some(number),
                    _ => {
                        let reason = format!("version is {value:?}, expected a whole number from 1");
                        return Err(wrong(at + 1, reason));
                    }
                },
                "description" => description = Some(value.to_string()),
                "max-share" => match value.trim_end_matches('%').trim().parse::<f64>() {
                    Ok(share) if (0.0..=100.0).contains(&share) => max_share_percent = Some(share),
                    _ => {
                        let reason = format!("max-share is {value:?}, expected 0 % to 100 %");
                        return Err(wrong(at + 1, reason));
                    }
                },
                _ => {}
            }
        }
        let lacks = |what| wrong(1, format!("the head has no {what}; begin the file with `-- {what}: ...`"));
        Ok(Filter {
            name: name.ok_or_else(|| lacks("name"))?,
            version: version.ok_or_else(|| lacks("version"))?,
            description,
            max_share_percent,
            text: text.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_filter_is_comments() {
        let text =
            "-- name: a.b\n-- version: 3\n-- Notes without a key\n-- max-share: 5 %\n\nx > 1 -- version: 9\n";
        let filter = Filter::parse(text, "f").unwrap();
        assert_eq!((filter.name.as_str(), filter.version, filter.max_share_percent), ("a.b", 3, Some(5.0)));
        for (text, told) in [
            ("x > 1", "line 1: the head has no name; begin the file with `-- name: ...`"),
            ("-- name: a", "line 1: the head has no version"),
            ("-- name: a\n-- version: 1\n-- name: b", "line 3: name is there twice"),
            ("-- name: a b", "line 1: name is \"a b\", expected letters"),
            ("-- name: a\n-- version: 0", "line 2: version is \"0\", expected a whole number from 1"),
            (
                "-- name: a\n-- version: 1\n-- max-share: all",
                "line 3: max-share is \"all\", expected 0 % to 100 %",
            ),
        ] {
            let error = Filter::parse(text, "f").unwrap_err().to_string();
            assert!(error.starts_with("f, ") && error.contains(told), "{error}");
        }
    }
}
