//! Places, lists of targets, and tracks of moving ones.

use std::io::Read;

use uranometria_sky::{Direction, Track};

use crate::Error;
use crate::fs::{LONGEST_STEM, file_stem};

/// Where to cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// At a position on the sky.
    Sky(Direction),
    /// At a pixel of the frame, 0-based; fractions are positions within pixels.
    Pixel {
        /// Column.
        x: f64,
        /// Row.
        y: f64,
    },
}

/// One line of a list of targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The name, or the number of the row, from 1.
    pub name: String,
    /// Where it is.
    pub position: Direction,
    /// Columns and rows in the caller's unit, where the list says so.
    pub size: Option<(f64, f64)>,
}

/// Reads a size like `11` or `11x15`: columns, then rows.
///
/// # Errors
/// In words.
pub fn parse_size(text: &str) -> Result<(f64, f64), String> {
    let side = |text: &str| match text.trim().parse::<f64>() {
        Ok(side) if side.is_finite() && side > 0.0 => Ok(side),
        _ => Err(format!("size is {text:?}, expected COLUMNS or COLUMNSxROWS, for example 11 or 11x15")),
    };
    match text.split_once(['x', 'X']) {
        Some((columns, rows)) => Ok((side(columns)?, side(rows)?)),
        None => side(text).map(|side| (side, side)),
    }
}

struct Table {
    columns: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn read(input: impl Read) -> Result<Self, Error> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(input);
        let fail = |error: csv::Error| Error::Table(format!("it cannot be read as CSV: {error}"));
        let columns = reader
            .headers()
            .map_err(fail)?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_ascii_lowercase());
        let columns = columns.collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(fail)?;
        if rows.is_empty() {
            return Err(Error::Table("it has no row behind its header".to_string()));
        }
        Ok(Table { columns, rows })
    }

    fn column(&self, name: &str) -> Result<usize, Error> {
        self.find(name).ok_or_else(|| {
            Error::Table(format!("column {name} is missing, found {}", self.columns.join(", ")))
        })
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn number(&self, row: usize, column: usize) -> Result<f64, Error> {
        let text = self.rows[row].get(column).unwrap_or("");
        text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| Error::Row {
            row: row + 1,
            reason: format!("{} is {text:?}, expected a number", self.columns[column]),
        })
    }

    fn direction(&self, row: usize, ra: usize, dec: usize) -> Result<Direction, Error> {
        Direction::from_degrees(self.number(row, ra)?, self.number(row, dec)?)
            .map_err(|error| Error::Row { row: row + 1, reason: error.to_string() })
    }
}

/// Reads a list of targets: CSV with columns `ra`, `dec` (ICRS degrees) and optionally `name` and `size`.
///
/// Lines that begin with `#` are left out. Names become file names, so each must be its own and, as
/// [`file_stem`](crate::fs::file_stem) spells it, have at most [`LONGEST_STEM`] bytes.
///
/// # Errors
/// [`Error::Table`], [`Error::Row`], [`Error::SameName`].
pub fn read_targets(input: impl Read) -> Result<Vec<Target>, Error> {
    let table = Table::read(input)?;
    let (ra, dec) = (table.column("ra")?, table.column("dec")?);
    let (name, size) = (table.find("name"), table.find("size"));
    let mut targets: Vec<Target> = Vec::with_capacity(table.rows.len());
    let mut rows_of_names = std::collections::HashMap::new();
    for row in 0..table.rows.len() {
        let text = |column: Option<usize>| {
            column.and_then(|column| table.rows[row].get(column)).filter(|text| !text.is_empty())
        };
        let name = text(name).map_or_else(|| (row + 1).to_string(), str::to_string);
        let stem = file_stem(&name);
        if stem.len() > LONGEST_STEM {
            let begin: String = name.chars().take(20).collect();
            let found = format!("name {begin:?}... has {} bytes as the name of a file", stem.len());
            let reason = format!("{found}, expected at most {LONGEST_STEM}");
            return Err(Error::Row { row: row + 1, reason });
        }
        if let Some(first) = rows_of_names.insert(stem, row + 1) {
            return Err(Error::SameName { first, second: row + 1, name });
        }
        let size = text(size)
            .map(|size| parse_size(size).map_err(|reason| Error::Row { row: row + 1, reason }))
            .transpose()?;
        targets.push(Target { name, position: table.direction(row, ra, dec)?, size });
    }
    Ok(targets)
}

/// Reads a track: CSV with columns `time` (BTJD, TDB, days), `ra`, `dec` (ICRS degrees), times ascending.
///
/// # Errors
/// [`Error::Table`], [`Error::Row`], [`Error::Sky`].
pub fn read_track(input: impl Read) -> Result<Track, Error> {
    let table = Table::read(input)?;
    let (time, ra, dec) = (table.column("time")?, table.column("ra")?, table.column("dec")?);
    let times = (0..table.rows.len()).map(|row| table.number(row, time)).collect::<Result<Vec<_>, _>>()?;
    let positions =
        (0..table.rows.len()).map(|row| table.direction(row, ra, dec)).collect::<Result<Vec<_>, _>>()?;
    Ok(Track::new(&times, &positions)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_targets_is_read_with_names_and_sizes() {
        let list = "ra,dec,name,size\n10.5,-60.5,pi Men,11x15\n# a comment\n359.9,12,,\n";
        let targets = read_targets(list.as_bytes()).unwrap();
        assert_eq!(targets[0].size, Some((11.0, 15.0)));
        assert_eq!(targets[1].name, "2");
    }

    #[test]
    fn a_wrong_row_is_named_with_what_it_holds() {
        let check = |list: &str, wanted: &str| {
            assert_eq!(read_targets(list.as_bytes()).unwrap_err().to_string(), wanted);
        };
        check("ra,dec\n1,2\nx,3\n", "row 2: ra is \"x\", expected a number");
        check("ra,de\n1,2\n", "column dec is missing, found ra, de");
        check("ra,dec\n", "it has no row behind its header");
        check(
            "ra,dec,name\n1,2,a\n3,4,a\n",
            "targets 1 and 2 are both named \"a\"; give them names of their own",
        );
        check(
            "ra,dec,size\n1,2,big\n",
            "row 1: size is \"big\", expected COLUMNS or COLUMNSxROWS, for example 11 or 11x15",
        );
        // Bytes of a file name count, not letters.
        let longest = "β".repeat(LONGEST_STEM / 2);
        assert!(read_targets(format!("ra,dec,name\n1,2,{longest}\n").as_bytes()).is_ok());
        check(
            &format!("ra,dec,name\n1,2,a\n1,2,{longest}a\n"),
            "row 2: name \"ββββββββββββββββββββ\"... has 201 bytes as the name of a file, expected at most 200",
        );
    }
}
