//! Nights of alerts as folders of parquet files: taking packets in, and reading nights.
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

mod dead;
mod ingest;
mod input;
mod merge;
mod night;
mod read;
mod runs;

pub use dead::{DeadLetter, read_dead_letters};
pub use ingest::{IngestOptions, Ingested, ingest};
pub use input::listed;
pub use night::{Night, Part, nights};
pub use read::{Batches, leaves, read_part};
