//! Nights of alerts as folders of files: choosing among them, and estimating what would be chosen.
//!
//! A night is the folder `alerts/year=YYYY/month=MM/day=DD` of an archive with any number of parquet files, whose
//! structs and lists are those of the packets. Files of Fink put there are read as they are.

mod counterparts;
mod estimate;
mod nights;
mod open;
mod out;
mod plan;
mod select;
mod sources;

use std::sync::atomic::{AtomicBool, Ordering};

pub use estimate::{Estimate, Light, estimate};
pub use nights::{Night, Nights};
pub use plan::{PartitionBy, Request};
pub use select::{Condition, NightReport, SelectOptions, Selected, select};
pub use sources::ArchiveSources;

use crate::Error;

/// How far a selection is.
#[derive(Clone, Copy, Debug)]
pub struct SelectProgress {
    /// Alerts looked at.
    pub done: u64,
    /// Alerts there are.
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
