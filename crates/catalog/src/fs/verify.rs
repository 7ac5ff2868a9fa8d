//! Whether a catalogue is what it says.
//!
//! The reference validator looks at names and properties; this reads every position: rows are counted against the
//! properties and `_metadata`, each is in the cell that its position has, in its partition, and in order. Rows of a
//! margin are outside of their partition and near it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uranometria_sky::Angle;
use uranometria_sky::healpix::{self, MAX_DEPTH};

use super::catalog::{Catalog, Part};
use super::collection::Collection;
use super::decoder::{self, Decoded};
use super::{Control, Stage, margin, storage};
use crate::Error;
use crate::positions::Positions;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows read.
    pub rows: u64,
    /// Rows of margins read.
    pub margin_rows: u64,
    /// Partitions read.
    pub partitions: usize,
    /// What is wrong, one line each; the catalogue is sound if there is none.
    pub problems: Vec<String>,
}

/// Reads all positions of a catalogue, or of a collection with its margins, and proves its layout.
///
/// # Errors
/// Where the catalogue cannot be opened at all, and [`Error::Interrupted`]; what is wrong inside is in
/// [`Verified::problems`].
pub fn verify(path: impl AsRef<Path>, control: &Control<'_>) -> Result<Verified, Error> {
    let path = path.as_ref();
    let catalog = Catalog::open(path)?;
    let mut verified = check(&catalog, control)?;
    let margins = Collection::read(path)?.map_or(Vec::new(), |collection| collection.margins);
    for margin in margins {
        let check = || {
            let margin = Catalog::open(&margin)?;
            let mut found = check(&margin, control)?;
            check_margin(&catalog, &margin, &mut found, control)?;
            Ok(found)
        };
        match check() {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => verified.problems.push(error.to_string()),
            Ok(found) => {
                verified.margin_rows += found.rows;
                let named = |problem: String| match problem.starts_with(&margin.display().to_string()) {
                    true => problem,
                    false => format!("{}: {problem}", margin.display()),
                };
                verified.problems.extend(found.problems.into_iter().map(named));
            }
        }
    }
    Ok(verified)
}

fn check(catalog: &Catalog, control: &Control<'_>) -> Result<Verified, Error> {
    let mut verified = Verified::default();
    let said = catalog.properties().number("hats_nrows").unwrap_or_else(|error| {
        verified.problems.push(error.to_string());
        None
    });
    let margin = catalog.margin_width()?;
    for part in catalog.parts() {
        match check_part(catalog, part, margin, &mut verified, said.unwrap_or(0), control) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => verified.problems.push(error.to_string()),
            Ok(()) => verified.partitions += 1,
        }
    }
    if said != Some(verified.rows) {
        let said = said.map_or("nothing".to_string(), |said| said.to_string());
        verified.problems.push(format!("property hats_nrows: found {said}, expected {}", verified.rows));
    }
    check_footer(catalog, &mut verified);
    check_strays(catalog, &mut verified);
    Ok(verified)
}

/// Looks for partitions that are not listed: programs that read all files of a folder find their rows.
fn check_strays(catalog: &Catalog, verified: &mut Verified) {
    if storage::is_url(catalog.path()) {
        return;
    }
    let known: HashSet<&Path> = catalog.parts().iter().map(Part::path).collect();
    let dataset = catalog.path().join("dataset");
    let mut folders = vec![dataset.clone()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(source) => {
                let error = Error::io("read it", source).in_file(&folder);
                verified.problems.push(error.to_string());
                continue;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let named =
                |start: &str| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
            if path.is_dir() && (named("Norder=") || named("Dir=")) {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "parquet")
                && !named(".")
                && folder != dataset
                && !known.contains(&*path)
            {
                let path = path.display();
                verified.problems.push(format!("{path}: is not in partition_info.csv; remove it"));
            }
        }
    }
}

/// Looks for rows that a margin of ours should have; what others take for near is theirs to say.
fn check_margin(
    catalog: &Catalog,
    margin: &Catalog,
    verified: &mut Verified,
    control: &Control<'_>,
) -> Result<(), Error> {
    let Some(width) = margin.margin_width()? else {
        let problem = "is listed as a margin and has no hats_margin_threshold".to_string();
        verified.problems.push(problem);
        return Ok(());
    };
    if !margin.is_made_here() {
        return Ok(());
    }
    for part in catalog.parts() {
        let mut expected = 0;
        margin::rows_near(catalog, part.pixel(), width, control, |rows| {
            expected += rows.num_rows() as u64;
            Ok(())
        })?;
        let there = margin.parts().iter().find(|there| there.pixel() == part.pixel());
        let found = there.map_or(Ok(0), Part::rows)?;
        if found != expected {
            let pixel = part.pixel();
            verified.problems.push(format!("{pixel}: found {found} rows in the margin, expected {expected}"));
        }
    }
    Ok(())
}

fn check_footer(catalog: &Catalog, verified: &mut Verified) {
    let path = catalog.path().join("dataset").join("_metadata");
    let footer = storage::open(&path)
        .map_err(|source| Error::io("open it", source))
        .and_then(|chunks| decoder::footer(&chunks, Default::default()))
        .map_err(|error| error.in_file(&path));
    match footer {
        Err(error) => verified.problems.push(error.to_string()),
        Ok(footer) => {
            let found =
                footer.metadata().row_groups().iter().map(|group| group.num_rows() as u64).sum::<u64>();
            if found != verified.rows {
                let rows = verified.rows;
                verified.problems.push(format!("dataset/_metadata: found {found} rows, expected {rows}"));
            }
        }
    }
}

fn check_part(
    catalog: &Catalog,
    part: &Part,
    margin: Option<Angle>,
    verified: &mut Verified,
    total: u64,
    control: &Control<'_>,
) -> Result<(), Error> {
    let open = part.open()?;
    let columns = [catalog.cell, catalog.ra, catalog.dec];
    if open.metadata.schema().fields() != catalog.schema().fields() {
        let difference = "names, types or metadata differ".to_string();
        return Err(Error::OtherColumns { first: catalog.parts()[0].path().to_path_buf(), difference }
            .in_file(part.path()));
    }
    let mask = ProjectionMask::roots(open.metadata.parquet_schema(), columns);
    // Of a file that is elsewhere nothing stays behind when it was read.
    let chunks = open.chunks.fetched(Vec::new).map_err(|source| Error::io("open it", source))?;
    let reader = Decoded::new(|| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, open.metadata.clone())
            .with_projection(mask)
            .with_batch_size(1 << 16)
            .build()
    })?;
    let place = |column| columns.iter().filter(|other| **other < column).count();
    let mut last = i64::MIN;
    let mut wrong: Option<String> = None;
    let mut row = 0;
    for batch in reader {
        control.check()?;
        let batch = batch.map_err(|error| error.in_file(part.path()))?;
        if wrong.is_none() {
            let places = columns.map(place);
            wrong = check_rows(&batch, places, part, margin, &mut last)
                .map(|(n, what)| format!("row {}: {what}", row + n + 1));
        }
        row += batch.num_rows();
        verified.rows += batch.num_rows() as u64;
        control.report(Stage::Verifying, verified.rows, total);
    }
    if let Some(wrong) = wrong {
        verified.problems.push(format!("{}: {wrong}", part.path().display()));
    }
    Ok(())
}

/// The first row that is wrong, and how.
fn check_rows(
    batch: &RecordBatch,
    [cell, ra, dec]: [usize; 3],
    part: &Part,
    margin: Option<Angle>,
    last: &mut i64,
) -> Option<(usize, String)> {
    let Some(cells) = batch.column(cell).as_primitive_opt::<Int64Type>() else {
        return Some((0, format!("cells are {}, expected 64-bit integers", batch.column(cell).data_type())));
    };
    let positions = match Positions::of(batch, ra, dec) {
        Ok(positions) => positions,
        Err(error) => return Some((0, error.to_string())),
    };
    if let Some(bad) = positions.bad().first() {
        return Some((bad.row, format!("has no position, expected {}", bad.wanted)));
    }
    let mut expected = vec![0; batch.num_rows()];
    if let Err(error) =
        healpix::hash_slice(MAX_DEPTH, positions.ra.values(), positions.dec.values(), &mut expected)
    {
        return Some((0, error.to_string()));
    }
    let inside = part.pixel().cells();
    let border = margin.map(|width| healpix::border(part.pixel().order, part.pixel().number, width));
    let near = match border.transpose() {
        Ok(near) => near.unwrap_or_default(),
        Err(error) => return Some((0, error.to_string())),
    };
    for (row, (&cell, &expected)) in cells.values().iter().zip(&expected).enumerate() {
        if cell != expected as i64 {
            return Some((row, format!("cell is {cell}, expected {expected} by its position")));
        }
        match margin {
            None if !inside.contains(&expected) => {
                return Some((row, format!("cell {cell} is not in {}", part.pixel())));
            }
            Some(_) if inside.contains(&expected) => {
                return Some((row, format!("cell {cell} is in {}, not in its margin", part.pixel())));
            }
            Some(width) if !near.iter().any(|range| range.contains(&expected)) => {
                let (pixel, width) = (part.pixel(), width.arcsec());
                return Some((row, format!("cell {cell} is further than {width} arcseconds from {pixel}")));
            }
            _ => {}
        }
        if cell < *last {
            return Some((row, format!("cell {cell} comes behind {last}, expected them in order")));
        }
        *last = cell;
    }
    None
}
