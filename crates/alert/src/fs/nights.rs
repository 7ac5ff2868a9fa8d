//! Which nights an archive has, and where their files are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::civil::Date;

use crate::Error;

/// Nights from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nights {
    /// The first.
    pub first: Date,
    /// The last.
    pub last: Date,
}

impl FromStr for Nights {
    type Err = Error;

    /// `2021-11-01..2021-11-30`, or one night.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::Option {
            option: "--nights",
            found: text.to_string(),
            wanted: "the first and the last night, as in 2021-11-01..2021-11-30, or one night".into(),
        };
        let date = |text: &str| text.trim().parse::<Date>().map_err(|_| bad());
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let nights = Nights { first: date(first)?, last: date(last)? };
        if nights.first > nights.last { Err(bad()) } else { Ok(nights) }
    }
}

impl fmt::Display for Nights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// A night and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// The calendar date.
    pub date: Date,
    /// Its parquet files, by name.
    pub files: Vec<PathBuf>,
}

impl Night {
    /// Lists the nights of an archive, in order. A date without folder is no night; files whose names begin with a
    /// period or an underscore are under way or no alerts.
    ///
    /// # Errors
    /// [`Error::File`] where the archive's folder `alerts` or one in it cannot be read.
    pub fn list(archive: &Path, nights: &Nights) -> Result<Vec<Night>, Error> {
        let mut found = Vec::new();
        let root = archive.join("alerts");
        for (year, path) in numbered(&root, "year=")? {
            if !(i64::from(nights.first.year())..=i64::from(nights.last.year())).contains(&year) {
                continue;
            }
            for (month, path) in numbered(&path, "month=")? {
                for (day, path) in numbered(&path, "day=")? {
                    let date =
                        i16::try_from(year).ok().zip(i8::try_from(month).ok().zip(i8::try_from(day).ok()));
                    let Some(date) = date.and_then(|(y, (m, d))| Date::new(y, m, d).ok()) else { continue };
                    if !(nights.first..=nights.last).contains(&date) {
                        continue;
                    }
                    let files = files(&path)?;
                    if !files.is_empty() {
                        found.push(Night { date, files });
                    }
                }
            }
        }
        found.sort_by_key(|night| night.date);
        Ok(found)
    }
}

/// The folders in a folder that are called by a number behind a prefix.
fn numbered(path: &Path, prefix: &str) -> Result<Vec<(i64, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::file(path))? {
        let entry = entry.map_err(Error::file(path))?;
        let name = entry.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|text| text.parse().ok());
        if let Some(number) = number {
            found.push((number, entry.path()));
        }
    }
    Ok(found)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::file(path))? {
        let name = entry.map_err(Error::file(path))?.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".parquet") && !text.starts_with(['.', '_']) {
            found.push(path.join(&name));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_read_as_they_are_written() {
        let nights: Nights = "2021-11-01..2021-11-30".parse().unwrap();
        assert_eq!(nights.to_string(), "2021-11-01..2021-11-30");
        assert_eq!("20211101".parse::<Nights>().unwrap().to_string(), "2021-11-01..2021-11-01");
        for bad in ["", "2021-11-02..2021-11-01", "2021-02-30", "..", "yesterday"] {
            assert!(bad.parse::<Nights>().is_err(), "{bad}");
        }
    }
}
