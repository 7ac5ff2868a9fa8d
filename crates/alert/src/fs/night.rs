//! Which nights an archive has.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::civil::Date;

use crate::{Error, Survey};

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

/// A night of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// Its date, UTC.
    pub date: Date,
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, by name.
    pub parts: Vec<Part>,
}

/// A file of a night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// Whose alerts it has, as its name tells.
    pub survey: Option<Survey>,
}

/// The folder of a night in an archive.
pub(super) fn folder(archive: &Path, date: Date) -> PathBuf {
    dated(&archive.join("alerts"), date)
}

/// The folder of a night among others.
pub(super) fn dated(nights: &Path, date: Date) -> PathBuf {
    let (year, month, day) = (date.year(), date.month(), date.day());
    nights.join(format!("year={year:04}/month={month:02}/day={day:02}"))
}

/// The nights of an archive that are asked for, in order; an archive without alerts has none.
///
/// # Errors
/// [`Error::InFile`] around [`Error::Io`] for a folder that cannot be read.
pub fn nights(archive: impl AsRef<Path>, asked: &Nights) -> Result<Vec<Night>, Error> {
    let (from, to) = (asked.first, asked.last);
    let mut nights = Vec::new();
    let alerts = archive.as_ref().join("alerts");
    for (year, path) in numbered(&alerts, "year=")? {
        if year < i64::from(from.year()) || year > i64::from(to.year()) {
            continue;
        }
        for (month, path) in numbered(&path, "month=")? {
            for (day, folder) in numbered(&path, "day=")? {
                let date = |year, month, day| {
                    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
                        .ok()
                };
                let Some(date) = date(year, month, day).filter(|date| (from..=to).contains(date)) else {
                    continue;
                };
                nights.push(Night { date, parts: parts(&folder)?, folder });
            }
        }
    }
    Ok(nights)
}

/// The files of a night, by name; none where its folder is not there. Those whose names begin with a period or an
/// underscore are under way or no alerts.
pub(super) fn parts(folder: &Path) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    for (name, path) in entries(folder)? {
        if name.ends_with(".parquet") && !name.starts_with(['.', '_']) {
            let survey =
                name.split('-').nth(1).and_then(|word| Survey::of_name(word.trim_end_matches(".parquet")));
            parts.push(Part { path, survey });
        }
    }
    Ok(parts)
}

/// The folders `PREFIX` and a number in a folder, by number.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<(i64, PathBuf)>, Error> {
    let named = entries(folder)?.into_iter();
    let mut found: Vec<(i64, PathBuf)> =
        named.filter_map(|(name, path)| Some((name.strip_prefix(prefix)?.parse().ok()?, path))).collect();
    found.sort();
    Ok(found)
}

/// What is in a folder, by name; nothing where it is not there.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let list = || -> io::Result<Vec<(String, PathBuf)>> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
        found.sort();
        Ok(found)
    };
    list().map_err(|source| Error::io("list what is in it", source).in_file(folder))
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
