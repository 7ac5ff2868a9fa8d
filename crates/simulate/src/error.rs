//! What can go wrong when a sky is made up.

use std::path::PathBuf;

/// Why a simulation cannot be planned or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that cannot be.
    #[error("{option} is {found}, expected {wanted}")]
    Option {
        /// The field of the options.
        option: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        wanted: String,
    },
    /// No world coordinates are embedded for a sector.
    #[error("no world coordinates are embedded for sector {sector}; choose one of {known}")]
    NoCoordinates {
        /// The sector asked for.
        sector: u32,
        /// Those that are there.
        known: String,
    },
    /// None of the stars given lies on the chip.
    #[error(
        "none of {given} stars falls on sector {sector}, camera {camera}, ccd {ccd}; {way_out}, or give stars of \
         that part of the sky (ra {ra_deg:.1} dec {dec_deg:.1}, 12 degrees across)"
    )]
    NoStars {
        /// How many stars were given.
        given: usize,
        /// The sector.
        sector: u32,
        /// The camera, 1 to 4.
        camera: u32,
        /// The chip of the camera, 1 to 4.
        ccd: u32,
        /// Right ascension of the middle of the chip, degrees.
        ra_deg: f64,
        /// Declination of the middle of the chip, degrees.
        dec_deg: f64,
        /// What else can be done.
        way_out: &'static str,
    },
    /// A frame that is not among those of the sector was asked for.
    #[error("frame {frame} does not exist, expected 0..{frames}")]
    NoFrame {
        /// The frame asked for, counted from 0.
        frame: usize,
        /// How many there are.
        frames: usize,
    },
    /// A file that no simulation made would be replaced.
    #[error("{path}: is there already and was made by no simulation; give another folder", path = path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// The work was stopped on request.
    #[error("interrupted; run the same command again to go on from here")]
    Interrupted,
    /// A table of stars lacks a column.
    #[error("column `{wanted}` is not in the table{}", hint(nearest, columns))]
    NoColumn {
        /// The column that is needed.
        wanted: String,
        /// The most similar one there, if any is similar.
        nearest: Option<String>,
        /// All columns there.
        columns: String,
    },
    /// A cell of a table of stars cannot be used.
    #[error("line {line}, column `{column}`: {found:?}, expected {wanted}")]
    BadCell {
        /// The line of the file, 1 for its first.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What would do.
        wanted: &'static str,
    },
    /// A table of stars has a header and nothing below it, or nothing at all.
    #[error("the table of stars has no rows; expected a header `ra,dec,mag` and a row a star")]
    NoRows,
    /// A table of stars is not CSV, or could not be read.
    #[error("the table of stars cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// The folder holds the frames of another run.
    #[error(
        "{dir} holds frames of another simulation ({differs}); choose another folder or remove that one",
        dir = dir.display()
    )]
    OtherRun {
        /// The folder.
        dir: PathBuf,
        /// Where the two differ.
        differs: String,
    },
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// Its reason.
        source: std::io::Error,
    },
    /// Coordinates that cannot be made sense of.
    #[error("sector {sector}, camera {camera}, ccd {ccd}: {source}")]
    Wcs {
        /// The sector.
        sector: u32,
        /// The camera.
        camera: u32,
        /// The chip.
        ccd: u32,
        /// What is wrong with them.
        source: uranometria_wcs::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    Fits(#[from] uranometria_fits::Error),
}

fn hint(nearest: &Option<String>, columns: &str) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!(", which has {columns}"),
    }
}
