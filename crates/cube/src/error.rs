use std::fmt;
use std::path::PathBuf;

use uranometria_fits as fits;

/// What can go wrong with cubes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A FITS file cannot be read or written.
    #[error(transparent)]
    Fits(#[from] fits::Error),
    /// Frames that cannot go into one cube.
    #[error("{}", list_problems(problems, *frames))]
    BadFrames {
        /// What is wrong with which.
        problems: Vec<Problem>,
        /// How many frames were given.
        frames: usize,
    },
    /// No frame was given, or none is left.
    #[error("no usable frame is left to make a cube of; name at least one full-frame image")]
    NoFrames,
    /// The file is FITS but not a cube.
    #[error("{path}is not a cube: {reason}", path = prefix(path))]
    NotACube {
        /// The file, where it is known.
        path: Option<PathBuf>,
        /// What was found and wanted.
        reason: String,
    },
    /// No frame of the cube has world coordinates.
    #[error("{path}none of the {frames} frames has world coordinates; cut by pixel (--x, --y) instead", path = colon(path))]
    NoWcs {
        /// The cube, where it is known.
        path: Option<PathBuf>,
        /// How many frames there are.
        frames: usize,
    },
    /// The world coordinates of a frame cannot be used.
    #[error("frame {frame}: {source}")]
    Wcs {
        /// The file name of the frame.
        frame: String,
        /// What is wrong with them.
        source: uranometria_wcs::Error,
    },
    /// A pixel outside the frame was asked for.
    #[error("pixel column {x}, row {y} is outside the frame of {columns} columns and {rows} rows")]
    OutsideFrame {
        /// The column asked for, from 0.
        x: usize,
        /// The row asked for, from 0.
        y: usize,
        /// Columns there are.
        columns: usize,
        /// Rows there are.
        rows: usize,
    },
    /// The memory allowed does not hold even one pixel's series and the tables.
    #[error("--memory {given} is too little for {frames} frames: at least {wanted} bytes are needed")]
    Memory {
        /// Bytes allowed.
        given: u64,
        /// Bytes needed.
        wanted: u64,
        /// How many frames there are.
        frames: usize,
    },
    /// The cube would replace a frame.
    #[error("{path} is a full-frame image and would be replaced; give the cube a name of its own", path = path.display())]
    IsInput {
        /// The frame.
        path: PathBuf,
    },
    /// The cube would replace something that is no cube.
    #[error(
        "{path} is there already and is no cube that can be read; give the cube another name, or remove that file",
        path = path.display()
    )]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// There is not enough room for the cube.
    #[error(
        "{path}: no room for {wanted} bytes ({source}); free space or raise the file size limit, then run the same \
         command again",
        path = path.display()
    )]
    NoRoom {
        /// The cube.
        path: PathBuf,
        /// Its size in bytes.
        wanted: u64,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The uncompressed copy of a compressed frame cannot be kept beside the cube; the frame is not at fault.
    #[error(
        "{path}: no copy of a compressed frame can be kept there ({source}); see that there is room and the right \
         to write, then run the same command again",
        path = path.display()
    )]
    NoCopy {
        /// The copy, or the folder of all copies.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The work was stopped on request.
    #[error("interrupted; run the same command again to go on from here")]
    Interrupted,
    /// The cube and the frames differ.
    #[error("the cube differs from its frames in {differences} places; the first: {first}")]
    Differs {
        /// How many differences were found.
        differences: u64,
        /// The first one.
        first: String,
    },
    /// Frames to append that are not later than the cube's last.
    #[error(
        "{frame} starts at {start}, not after the cube's last frame at {last}; build the cube anew to put it in"
    )]
    NotLater {
        /// The frame.
        frame: PathBuf,
        /// Its start, days.
        start: f64,
        /// The start of the last frame of the cube, days.
        last: f64,
    },
}

/// A frame that cannot go into the cube, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Errors of reading name their file already.
        let name = self.path.display().to_string();
        if self.reason.starts_with(&name) {
            f.write_str(&self.reason)
        } else {
            write!(f, "{name}: {}", self.reason)
        }
    }
}

fn colon(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or(String::new(), |path| format!("{}: ", path.display()))
}

fn prefix(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or(String::new(), |path| format!("{} ", path.display()))
}

fn list_problems(problems: &[Problem], frames: usize) -> String {
    let mut text = format!("{} of {frames} frames cannot be used:", problems.len());
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text.push_str("\nmend or remove them");
    // Without any of them there would be nothing.
    text + if problems.len() < frames { ", or leave them out with --skip-bad" } else { "" }
}
