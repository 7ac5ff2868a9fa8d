//! Margins: for each partition the rows of others that are near it.
//!
//! HATS, section "Margin Caches". A program that works partition by partition, as LSDB does, finds in them what lies
//! across the border. A row is near if a circle of the margin's width around it touches the partition, as far as the
//! coverage of the circle by cells tells: none that is near is missing, and some a little further out are there.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use uranometria_sky::{Angle, Cone, Cost, Direction, Region, healpix};

use super::catalog::Catalog;
use super::import::in_threads;
use super::partition::{Format, PartitionFile};
use super::search::{Place, Query};
use super::{Control, Stage};
use crate::positions::Positions;
use crate::{Error, Pixel};

/// How finely the circle around a row is covered.
const CELLS: usize = 64;

/// The widest margin there may be.
const WIDEST: Angle = Angle::from_degrees(90.0);

/// Errs where a margin cannot be so wide.
pub(super) fn check_width(width: Angle) -> Result<(), Error> {
    if width.radians() > 0.0 && width.radians() <= WIDEST.radians() {
        return Ok(());
    }
    let found = format!("{} degrees", width.degrees());
    Err(Error::Option { option: "the margin", found, wanted: "more than 0 and at most 90 degrees" })
}

/// Whether a row is near a partition that it is not in.
fn is_near(pixel: Pixel, width: Angle, ra: f64, dec: f64) -> Result<bool, Error> {
    let inside = pixel.cells();
    let around = Region::from(Cone::new(Direction::from_degrees(ra, dec)?, width)?);
    let around = around.coverage(Cost::Cells(CELLS));
    Ok(around.ranges().iter().any(|range| range.start < inside.end && inside.start < range.end))
}

/// Gives the rows near a partition away, in order of their cells.
pub(super) fn rows_near(
    catalog: &Catalog,
    pixel: Pixel,
    width: Angle,
    control: &Control<'_>,
    mut give: impl FnMut(RecordBatch) -> Result<(), Error>,
) -> Result<(), Error> {
    let place = Place::Cells(healpix::border(pixel.order, pixel.number, width)?);
    for batch in catalog.search(&Query { place, ..Query::default() })? {
        control.check()?;
        let batch = batch?;
        let positions = Positions::of(&batch, catalog.ra, catalog.dec)?;
        let places = positions.ra.values().iter().zip(positions.dec.values());
        let near: Result<Vec<bool>, Error> =
            places.map(|(&ra, &dec)| is_near(pixel, width, ra, dec)).collect();
        let near = filter_record_batch(&batch, &BooleanArray::from(near?))
            .map_err(Error::arrow("select its rows"))?;
        if near.num_rows() > 0 {
            give(near)?;
        }
    }
    Ok(())
}

/// Writes the partitions of a margin and returns those that have rows, ascending on the sky.
pub(super) fn write(
    catalog: &Catalog,
    width: Angle,
    folder: &Path,
    format: &Format,
    threads: usize,
    control: &Control<'_>,
) -> Result<Vec<(Pixel, u64)>, Error> {
    let parts = catalog.parts();
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let written = Mutex::new(Vec::new());
    in_threads(threads, |failed| {
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let pixel = part.pixel();
            let path = folder.join("dataset").join(pixel.file(".parquet"));
            let go_on = |_| if failed.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
            let mut file: Option<PartitionFile<'_>> = None;
            rows_near(catalog, pixel, width, control, |rows| {
                let file = match &mut file {
                    Some(file) => file,
                    None => {
                        let folder = path.parent().unwrap_or(&path);
                        fs::create_dir_all(folder)
                            .map_err(|source| Error::io("make it", source).in_file(folder))?;
                        file.insert(PartitionFile::create(format, &path)?)
                    }
                };
                file.push(rows, &go_on).map_err(|error| error.in_file(&path))
            })?;
            if let Some(file) = file {
                let rows = file.finish(&go_on).map_err(|error| error.in_file(&path))?;
                written.lock().unwrap_or_else(PoisonError::into_inner).push((pixel, rows));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            control.report(Stage::Margins, done, parts.len() as u64);
        }
        Ok(())
    })?;
    let mut written = written.into_inner().unwrap_or_else(PoisonError::into_inner);
    written.sort_unstable_by_key(|(pixel, _)| pixel.cells().start);
    Ok(written)
}
