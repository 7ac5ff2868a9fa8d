use std::fmt;
use std::path::Path;
use std::str::FromStr;

use uranometria_votable::Serialisation;

use crate::Error;

/// A way to write rows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// Values parted by commas, with a line of names.
    Csv,
    /// Values parted by tabs, with a line of names.
    Tsv,
    /// Values parted by commas behind a header that says what they are.
    Ecsv,
    /// An object with the columns and the rows.
    Json,
    /// A FITS file with one binary table.
    Fits,
    /// Parquet, compressed with Zstandard.
    Parquet,
    /// A VOTable.
    VoTable(Serialisation),
}

impl Format {
    /// What formats are called.
    pub const NAMES: [&'static str; 11] = [
        "table",
        "csv",
        "tsv",
        "ecsv",
        "json",
        "fits",
        "parquet",
        "votable",
        "votable/td",
        "votable/b",
        "votable/b2",
    ];

    /// Endings of files, in lower case, and their formats.
    pub const ENDINGS: [(&'static str, Format); 11] = [
        ("parquet", Format::Parquet),
        ("csv", Format::Csv),
        ("tsv", Format::Tsv),
        ("ecsv", Format::Ecsv),
        ("json", Format::Json),
        ("fits", Format::Fits),
        ("vot", Format::VoTable(Serialisation::Binary2)),
        ("xml", Format::VoTable(Serialisation::Binary2)),
        ("votable", Format::VoTable(Serialisation::Binary2)),
        ("fit", Format::Fits),
        ("txt", Format::Table),
    ];

    /// That of a file by its ending.
    ///
    /// # Errors
    /// [`Error::Ending`].
    pub fn of_path(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known = Self::ENDINGS.iter().find(|(known, _)| *known == ending);
        known.map(|(_, format)| *format).ok_or_else(|| Error::Ending { path: path.to_path_buf(), ending })
    }

    /// Its media type, as services name it.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Table => "text/plain; charset=utf-8",
            Format::Csv => "text/csv; header=present",
            Format::Tsv => "text/tab-separated-values",
            Format::Ecsv => "text/x-ecsv",
            Format::Json => "application/json",
            Format::Fits => "application/fits",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::VoTable(Serialisation::Tabledata) => "application/x-votable+xml; serialization=tabledata",
            Format::VoTable(Serialisation::Binary) => "application/x-votable+xml; serialization=binary",
            Format::VoTable(Serialisation::Binary2) => "application/x-votable+xml; serialization=binary2",
        }
    }

    /// Whether people can read it.
    pub fn is_text(self) -> bool {
        !matches!(self, Format::Fits | Format::Parquet)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "table" => Format::Table,
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "ecsv" => Format::Ecsv,
            "json" => Format::Json,
            "fits" => Format::Fits,
            "parquet" => Format::Parquet,
            "votable" | "votable/b2" => Format::VoTable(Serialisation::Binary2),
            "votable/td" => Format::VoTable(Serialisation::Tabledata),
            "votable/b" => Format::VoTable(Serialisation::Binary),
            _ => return Err(Error::Format { found: name.to_string() }),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Ecsv => "ecsv",
            Format::Json => "json",
            Format::Fits => "fits",
            Format::Parquet => "parquet",
            Format::VoTable(Serialisation::Tabledata) => "votable/td",
            Format::VoTable(Serialisation::Binary) => "votable/b",
            Format::VoTable(Serialisation::Binary2) => "votable/b2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        for name in Format::NAMES {
            let format: Format = name.parse().unwrap();
            let printed = if name == "votable" { "votable/b2" } else { name };
            assert_eq!(format.to_string(), printed);
        }
        let error = "xlsx".parse::<Format>().unwrap_err().to_string();
        assert!(error.starts_with("format \"xlsx\" is not known, expected one of table, csv"), "{error}");
        assert_eq!(Format::of_path(Path::new("a/B.FITS")).unwrap(), Format::Fits);
        let error = Format::of_path(Path::new("a/b.docx")).unwrap_err().to_string();
        assert!(
            error.starts_with("a/b.docx: ending \"docx\" is not known, expected one of .parquet"),
            "{error}"
        );
    }
}
