//! Cubes as files: making, extending, proving and opening them.
//!
//! All work is out of core. The unit is a block of pixels that follow one another on the chip: it lies in one piece in
//! every frame and in one piece in the cube, so each byte is read once and written once, and the size of a block is
//! what the memory allows.
//!
//! While it is made, a cube `NAME` grows as `.NAME.part` beside its place, with `.NAME.journal` telling which blocks
//! are in it. Both go when the cube gets its name.

mod append;
mod build;
mod engine;
mod input;
mod journal;
mod scan;
mod stage;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use uranometria_fits::fs::{MappedFile, OpenFile};

use crate::{Cube, CubeLayout, Error, Problem, Product};

pub use append::append;
pub use build::build;
pub use verify::{Verified, verify};

/// How to make or extend a cube.
#[derive(Clone, Debug)]
pub struct Options {
    /// The product the frames must be of; detected where it is `None`.
    pub product: Option<Product>,
    /// The sector, where neither headers nor file names tell it.
    pub sector: Option<i64>,
    /// The most memory to use, bytes.
    pub memory: u64,
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// Leave unusable frames out and list them in the header instead of refusing all.
    pub skip_bad: bool,
    /// The DATE of the cube, `YYYY-MM-DD`; today (UTC) where it is `None`.
    pub date: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { product: None, sector: None, memory: 1 << 30, threads: 0, skip_bad: false, date: None }
    }
}

impl Options {
    fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            given => given,
        }
    }
}

/// What long work is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the headers of the frames; counted in frames.
    Headers,
    /// Making uncompressed copies; counted in frames.
    Decompressing,
    /// Reading back what an interrupted run had finished; counted in bytes of the cube.
    Resuming,
    /// Turning pixels into series; counted in bytes of the cube.
    Turning,
    /// Comparing the cube with its frames; counted in bytes of the cube.
    Comparing,
    /// Waiting for the disk; not counted.
    Syncing,
}

/// How far long work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
}

/// How the caller watches and stops long work.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Called often, from any thread.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// Set to true to stop at the next block; what is done is kept for resuming.
    pub stop: &'a AtomicBool,
}

impl Control<'_> {
    /// Watches nothing and never stops.
    pub fn none() -> Control<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Control { progress: &|_| {}, stop: &NEVER }
    }

    fn report(&self, stage: Stage, done: u64, total: u64) {
        (self.progress)(Progress { stage, done, total });
    }

    fn check(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Report {
    /// The cube.
    pub path: PathBuf,
    /// Its shape.
    pub layout: CubeLayout,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes of pixels that an earlier, interrupted run had already turned.
    pub resumed: u64,
    /// Frames that were in the cube already, when frames are added.
    pub known: usize,
    /// Frames left out.
    pub skipped: Vec<Problem>,
}

/// Opens a cube with a system call for each reading.
///
/// # Errors
/// As [`Cube::open`].
pub fn open(path: impl AsRef<Path>) -> Result<Cube<OpenFile>, Error> {
    let path = path.as_ref();
    Cube::open_named(OpenFile::open(path)?, Some(path))
}

/// Opens a cube as mapped memory.
///
/// # Safety
/// As [`MappedFile::open`]: nobody may change the file in place. Cubes made here are only ever replaced.
///
/// # Errors
/// As [`Cube::open`].
#[allow(unsafe_code)]
pub unsafe fn map(path: impl AsRef<Path>) -> Result<Cube<MappedFile>, Error> {
    let path = path.as_ref();
    // SAFETY: the caller's promise is the one that is asked for.
    let file = unsafe { MappedFile::open(path) }?;
    Cube::open_named(file, Some(path))
}

/// Today's date in UTC as FITS writes it.
fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Puts the file names of a cube's helpers beside it.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    uranometria_fits::fs::part_path(path, suffix)
}
