//! More tables into a catalogue.
//!
//! The rows of the catalogue and those of the tables are imported together, as one new catalogue that replaces the old
//! one in one step; until then the old one stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::basic::Compression as Codec;
use uranometria_fits::fs::{open_locked, part_path};
use xxhash_rust::xxh3::xxh3_64;

use super::Control;
use super::catalog::{Catalog, Part};
use super::collection::Collection;
use super::import::{Compression, ImportOptions, Imported, make, refuse_inside};
use super::input::{Inputs, OWN};
use super::metadata;
use crate::Error;

/// Which tables were appended last: ours, unknown to others.
const APPENDED: &str = "ur_appended";

/// How to append; everything else is as the catalogue was made.
#[derive(Clone, Debug)]
pub struct AppendOptions {
    /// About how much memory to use, bytes.
    pub memory: u64,
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// Leave rows without a position out and list them instead of refusing all.
    pub skip_bad: bool,
    /// When it was made, as `hats_creation_date` has it; now (UTC) where it is `None`.
    pub date: Option<String>,
}

impl Default for AppendOptions {
    fn default() -> Self {
        let ImportOptions { memory, threads, skip_bad, date, .. } = ImportOptions::default();
        AppendOptions { memory, threads, skip_bad, date }
    }
}

/// Appends tables, with the columns of the catalogue, to a catalogue or a collection of one with its margins.
///
/// Partitions are divided anew where they grow too large, and margins are made again as wide as they were. Of rows in
/// one cell those that were there come first. An interrupted append goes on when it is started again. `None` says that
/// these very tables were appended last and nothing was to be done.
///
/// # Errors
/// Those of [`import`](super::import), [`Error::Option`] for a catalogue whose positions are of another epoch;
/// [`Error::NotHats`] for a collection that has other parts than margins.
pub fn append(
    catalog: impl AsRef<Path>,
    tables: &[PathBuf],
    options: &AppendOptions,
    control: &Control<'_>,
) -> Result<Option<Imported>, Error> {
    let out = catalog.as_ref();
    if tables.is_empty() {
        return Err(Error::NoFiles);
    }
    if metadata::is_set_aside(out) {
        let work = part_path(out, "work");
        fs::create_dir_all(&work).map_err(|source| Error::io("make it", source).in_file(&work))?;
        let _lock = open_locked(&work.join("lock"), out)?;
        metadata::set_right(out)?;
    }
    let collection = Collection::read(out)?;
    if let Some(others) = collection.as_ref().and_then(|collection| collection.others.as_ref()) {
        let reason =
            format!("it has {others}, which appending would make untrue; only margins are made again");
        return Err(Error::NotHats { reason }.in_file(out));
    }
    let old = Catalog::open(out)?;
    if let Some(width) = old.margin_width()? {
        let reason = format!("it is a margin of {} arcseconds; append to its catalogue", width.arcsec());
        return Err(Error::NotHats { reason }.in_file(out));
    }
    let margin = match &collection {
        None => None,
        Some(Collection { width: Some(width), .. }) => Some(*width),
        Some(_) => match Catalog::margins(out)?.first() {
            Some(margin) => margin.margin_width()?,
            None => None,
        },
    };
    let own = old.parts().len();
    let paths: Vec<PathBuf> =
        old.parts().iter().map(|part| part.path().to_path_buf()).chain(tables.iter().cloned()).collect();
    let inputs = Inputs::open(&paths, &OWN, control)?;
    refuse_inside(&inputs.tables[own..], out)?;
    let appended = format!("{:016x}", xxh3_64(&inputs.identity_from(own)?));
    if old.properties().get(APPENDED) == Some(&appended) {
        clear_away(out)?;
        return Ok(None);
    }
    let (ra, dec) = old.position_columns();
    inputs.epoch([ra, dec], old.epoch())?;
    let default = ImportOptions::default();
    let import = ImportOptions {
        ra: ra.to_string(),
        dec: dec.to_string(),
        name: Some(old.name().to_string()),
        epoch: old.epoch(),
        rows_per_partition: old.properties().number("hats_max_rows")?.unwrap_or(default.rows_per_partition),
        memory: options.memory,
        threads: options.threads,
        skip_bad: options.skip_bad,
        compression: compression(&old)?.unwrap_or(default.compression),
        margin,
        date: options.date.clone(),
    };
    let mut known = old.properties().clone();
    known.set(APPENDED, &appended);
    make(inputs, out, &import, &known, control).map(Some)
}

/// Removes what an append that was interrupted at its very end has left behind: the old catalogue.
fn clear_away(out: &Path) -> Result<(), Error> {
    let (work, part) = (part_path(out, "work"), part_path(out, "part"));
    // With a state there is work to go on with, which is not of this append.
    if !work.exists() || work.join("state").exists() {
        return Ok(());
    }
    let _lock = open_locked(&work.join("lock"), out)?;
    for folder in [part, work] {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|source| Error::io("remove it", source).in_file(&folder))?;
        }
    }
    Ok(())
}

/// How the columns that are neither cells nor positions are compressed, if there are any.
fn compression(catalog: &Catalog) -> Result<Option<Compression>, Error> {
    let open = catalog.parts().first().map(Part::open).transpose()?;
    let group = open.and_then(|open| open.metadata.metadata().row_groups().first());
    let (ra, dec) = catalog.position_columns();
    let plain = [catalog.schema().field(catalog.cell).name().as_str(), ra, dec];
    let mut columns = group.into_iter().flat_map(|group| group.columns());
    let other = columns.find(|column| !plain.contains(&column.column_path().string().as_str()));
    Ok(other.map(|column| match column.compression() {
        Codec::UNCOMPRESSED => Compression::None,
        Codec::LZ4 | Codec::LZ4_RAW | Codec::SNAPPY => Compression::Lz4,
        _ => Compression::Zstd,
    }))
}
