//! Nights of alerts as folders of parquet files: taking packets in, reading nights, and choosing among
//! them.
//!
//! `alerts/year=YYYY/month=MM/day=DD/part-SURVEY-NNNNNN.parquet` under the archive. A night is the UTC date of the
//! exposure (see [`Survey::time`](crate::Survey::time)). Within a part rows are sorted by object, then time, then alert,
//! so that the history of an object lies in few pages, and statistics of objects exclude whole row groups. Columns are
//! those of the packets; cutouts are column chunks of their own, which reading other columns does not touch.
//!
//! The folder of a night is replaced as a whole: the new one is made beside it, with links to the parts that stay, and
//! takes its name in one step. So no reader sees half of what a run adds, and no alert twice. A part is never changed;
//! small ones are merged as more come, so that each alert is rewritten a few times at most. Who has listed a night and
//! finds a part gone lists it again; what is open stays readable.

mod counterparts;
mod dead;
mod estimate;
mod ingest;
mod input;
mod journal;
mod merge;
mod night;
mod open;
mod out;
mod packets;
mod plan;
mod read;
mod runs;
mod select;
mod sources;
mod writing;

use std::sync::atomic::{AtomicBool, Ordering};

pub use dead::{DeadLetter, read_dead_letters};
pub use estimate::{Estimate, Light, estimate};
pub use ingest::{IngestOptions, Ingested, ingest};
pub use input::listed;
pub use night::{Night, Nights, Part, nights};
pub use out::Format;
pub use packets::{Packets, read_packets};
pub use plan::{PartitionBy, Request};
pub use read::{Batches, leaves, read_part};
pub use select::{Condition, NightReport, SelectOptions, Selected, select};
pub use sources::ArchiveSources;

use crate::Error;

/// How far a selection is.
#[derive(Clone, Copy, Debug)]
pub struct SelectProgress {
    /// Alerts looked at.
    pub done: u64,
    /// Alerts of the nights that were begun so far: it grows from night to night.
    pub total: u64,
}

/// How the caller watches and stops a selection.
#[derive(Clone, Copy)]
pub struct SelectControl<'a> {
    /// Called often, from any thread.
    pub progress: &'a (dyn Fn(SelectProgress) + Sync),
    /// Set to true to stop soon; nights that are done are kept for resuming.
    pub stop: &'a AtomicBool,
}

impl SelectControl<'_> {
    /// Watches nothing and never stops.
    pub fn none() -> SelectControl<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        SelectControl { progress: &|_| {}, stop: &NEVER }
    }

    fn check(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}
