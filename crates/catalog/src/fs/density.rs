//! How many rows lie where: counts a cell, as a map and as coverage.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::ProjectionMask;
use rayon::prelude::*;
use uranometria_sky::healpix::{self, MAX_DEPTH};

use super::catalog::{Catalog, OpenPart, Part};
use super::metadata::map;
use super::{Control, Stage};
use crate::Error;

/// The deepest cells that are counted: 51 arcseconds wide, 201 million of them.
const DEEPEST: u8 = 12;

/// Rows a cell of one depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Density {
    depth: u8,
    rows: Vec<u32>,
}

impl Density {
    /// The depth of the cells.
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Rows in each of the `12 * 4^depth` cells, nested order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Rows in all cells.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|&rows| u64::from(rows)).sum()
    }

    /// The cells that have rows, as ascending ranges of cells of depth 29: what `Moc::from_ranges` takes.
    pub fn covered(&self) -> Vec<Range<u64>> {
        let shift = 2 * (MAX_DEPTH - self.depth);
        let mut covered: Vec<Range<u64>> = Vec::new();
        for (cell, _) in (0_u64..).zip(&self.rows).filter(|(_, rows)| **rows > 0) {
            let here = cell << shift..(cell + 1) << shift;
            match covered.last_mut() {
                Some(last) if last.end == here.start => last.end = here.end,
                _ => covered.push(here),
            }
        }
        covered
    }

    /// A HEALPix map as FITS: nested order, ICRS, a 32-bit column COUNT; counts beyond 2,147,483,647 are written as
    /// that.
    pub fn to_fits(&self) -> Vec<u8> {
        map(self.depth, &self.rows)
    }
}

impl Catalog {
    /// Counts rows over the sky. Pages whose rows are all in one cell are counted without being read.
    ///
    /// # Errors
    /// [`Error::Option`] for depths beyond 12, [`Error::NotHats`] for cells that are none, [`Error::Interrupted`], and
    /// those of reading.
    pub fn density(&self, depth: u8, control: &Control<'_>) -> Result<Density, Error> {
        if depth > DEEPEST {
            let found = depth.to_string();
            return Err(Error::Option { option: "order of a density map", found, wanted: "0 to 12" });
        }
        let mut rows = vec![0_u32; healpix::count(depth)? as usize];
        let total = self.rows()?;
        let mut done = 0;
        // So many partitions are counted together that all threads are busy; the map itself is kept once.
        for parts in self.parts.chunks(4 * rayon::current_num_threads()) {
            control.check()?;
            let counted: Vec<Vec<(u64, u32)>> = parts
                .par_iter()
                .map(|part| self.count(part, depth).map_err(|error| error.in_file(part.path())))
                .collect::<Result<_, Error>>()?;
            for (cell, count) in counted.into_iter().flatten() {
                let rows = &mut rows[cell as usize];
                *rows = rows.saturating_add(count);
                done += u64::from(count);
            }
            control.report(Stage::Counting, done, total);
        }
        Ok(Density { depth, rows })
    }

    /// Cells of a partition and how many rows follow one another in each.
    fn count(&self, part: &Part, depth: u8) -> Result<Vec<(u64, u32)>, Error> {
        let open = part.open()?;
        let shift = 2 * (MAX_DEPTH - depth);
        let mut counted: Vec<(u64, u32)> = Vec::new();
        let mut add = |cell: u64, rows: u32| match counted.last_mut() {
            Some(last) if last.0 == cell => last.1 = last.1.saturating_add(rows),
            _ => counted.push((cell, rows)),
        };
        let (alike, mixed) = open.pages.divided(shift);
        let none = |cell: String| Error::NotHats { reason: format!("its cell {cell} is none") };
        for (cell, rows) in alike {
            if cell >= healpix::count(depth)? {
                return Err(none(format!("{cell} of depth {depth}")));
            }
            add(cell, u32::try_from(rows).unwrap_or(u32::MAX));
        }
        if mixed.is_empty() {
            return Ok(counted);
        }
        let end = healpix::count(MAX_DEPTH)? as i64;
        for cells in self.cells(open, &mixed)? {
            for &cell in cells?.as_primitive::<Int64Type>().values() {
                if !(0..end).contains(&cell) {
                    return Err(none(format!("{cell} of depth 29")));
                }
                add(cell as u64 >> shift, 1);
            }
        }
        Ok(counted)
    }

    /// The column of cells of some rows.
    fn cells<'a>(
        &self,
        open: &'a OpenPart,
        rows: &'a [Range<usize>],
    ) -> Result<impl Iterator<Item = Result<arrow_array::ArrayRef, Error>> + use<'a>, Error> {
        let mask = ProjectionMask::roots(open.metadata.parquet_schema(), [self.cell]);
        let batches = open.pages.read((&open.chunks, &open.metadata), mask, rows, 1 << 16)?;
        Ok(batches.map(|batch| {
            let cells = batch?.column(0).clone();
            match cells.as_primitive_opt::<Int64Type>() {
                Some(_) => Ok(cells),
                None => {
                    let reason = format!("cells are {}, expected int64", cells.data_type());
                    Err(Error::NotHats { reason })
                }
            }
        }))
    }
}
