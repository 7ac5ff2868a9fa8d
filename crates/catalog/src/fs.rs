//! Catalogues as folders of files: importing, opening, searching and proving them.
//!
//! A catalogue `NAME` grows as the folder `.NAME.part` beside its place and gets its name when it is whole. Finished
//! parts of the work have names of their own in there, so that an interrupted import goes on behind them.

mod append;
mod archive;
mod catalog;
mod chunks;
mod collection;
mod crossmatch;
mod decoder;
mod density;
mod handle;
mod import;
mod input;
mod margin;
mod metadata;
mod pages;
mod partition;
mod runs;
mod search;
mod selection;
mod storage;
#[cfg(feature = "object-store")]
mod store;
mod table;
mod verify;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use append::{AppendOptions, append};
pub use archive::{ArchiveTable, ArchiveTables, Stored, archive_tables};
pub use catalog::{Catalog, Part};
pub use crossmatch::{Crossmatch, DISTANCE_COLUMN, Keep, MatchOptions, Matched, Moved, Radius};
pub use density::Density;
pub use import::{Compression, ImportOptions, Imported, SkippedRow, import};
pub use search::{Place, Query, Reads, Search};
#[cfg(feature = "object-store")]
pub use store::register_store;
pub use table::{Reading, Table, TableReads};
pub use verify::{Verified, verify};

use uranometria_fits::fs as fits_fs;

use crate::Error;

/// What long work is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the types of columns of text; counted in files.
    Types,
    /// Counting rows over the sky; counted in rows.
    Counting,
    /// Sorting rows in runs that fit in memory; counted in rows.
    Sorting,
    /// Merging the runs to partitions; counted in rows.
    Writing,
    /// Gathering the rows near each partition; counted in partitions.
    Margins,
    /// Matching two catalogues; counted in left rows.
    Matching,
    /// Comparing a catalogue with itself; counted in rows.
    Verifying,
}

/// How far long work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do; 0 where nobody knows yet.
    pub total: u64,
}

/// How the caller watches and stops long work.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Called often, from any thread.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// Set to true to stop soon; what is done is kept for resuming.
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

/// Sends the names in a folder to the disk.
fn sync_folder(path: &Path) -> Result<(), Error> {
    fits_fs::sync_folder(path).map_err(|source| Error::io("sync it to disk", source).in_file(path))
}
