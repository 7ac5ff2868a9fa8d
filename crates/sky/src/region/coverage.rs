//! The HEALPix cells that a region touches.
//!
//! Cells are divided by four from the largest that are sure to hold the region on, each judged by the smallest
//! circle around it. That errs on the safe side: a cell said to be full is, one left out holds nothing, and one
//! said to be partial may be either, where its circle reaches further than itself.

use std::ops::Range;

use super::{Class, Place, Region};
use crate::healpix::{self, Cap, MAX_DEPTH};

/// How fine a coverage is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As fine as this many cells allow, before neighbours are joined to ranges; at least the coarsest dozen.
    Cells(usize),
    /// This many depths below the one whose cells are about as large as the region; 0 is at most nine cells.
    Beyond(u8),
    /// To this depth, as a MOC of it; 29 at most.
    Depth(u8),
}

/// A range of cells of depth 29 and whether all of it is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRange {
    /// The first cell.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
    /// Whether every direction in these cells is inside the region; otherwise some may be and some may not.
    pub full: bool,
}

/// Cells that hold a region: no direction inside the region is in another cell.
///
/// ```
/// use uranometria_sky::{Angle, Cone, Cost, Direction, Region, healpix};
///
/// let place = Direction::from_degrees(84.2912, -80.4691)?;
/// let cone = Region::from(Cone::new(place, Angle::from_degrees(1.0))?);
/// let coverage = cone.coverage(Cost::Beyond(5));
/// assert!(coverage.contains(healpix::hash(29, 84.2912, -80.4691)?));
/// assert!(!coverage.contains(healpix::hash(29, 84.0, -70.0)?));
/// let sky = 12.0 * 4_f64.powi(29);
/// let part = coverage.ranges().iter().map(|range| (range.end - range.start) as f64 / sky).sum::<f64>();
/// assert!((1.0..1.2).contains(&(part * 41_252.961 / cone.area_deg2())));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    ranges: Vec<CellRange>,
    depth: u8,
}

impl Coverage {
    /// The ranges, ascending, apart, neighbours of the same kind joined.
    pub fn ranges(&self) -> &[CellRange] {
        &self.ranges
    }

    /// The depth of the smallest cells in it.
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// The ranges without their kinds, neighbours joined.
    pub fn joined(&self) -> Vec<Range<u64>> {
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(self.ranges.len());
        for range in &self.ranges {
            match joined.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => joined.push(range.start..range.end),
            }
        }
        joined
    }

    /// Whether a cell of depth 29 is in it.
    pub fn contains(&self, cell: u64) -> bool {
        self.find(cell).is_some()
    }

    /// The range that a cell of depth 29 is in.
    pub fn find(&self, cell: u64) -> Option<&CellRange> {
        let after = self.ranges.partition_point(|range| range.start <= cell);
        self.ranges[..after].last().filter(|range| cell < range.end)
    }
}

impl Region {
    /// The cells that the region touches, as sorted ranges of depth 29.
    ///
    /// Never misses: a direction inside the region is in one of the cells, and [`healpix::hash`] finds it there.
    pub fn coverage(&self, cost: Cost) -> Coverage {
        let (depth, cells) = self.start();
        let (most, deepest) = match cost {
            Cost::Cells(most) => (most, MAX_DEPTH),
            Cost::Beyond(more) => (usize::MAX, depth.saturating_add(more).min(MAX_DEPTH)),
            Cost::Depth(deepest) => (usize::MAX, deepest.min(MAX_DEPTH)),
        };
        // Coarser than the start: the parents hold what the cells hold.
        let up = depth.saturating_sub(deepest);
        let mut partial: Vec<u64> = cells.into_iter().map(|cell| cell >> (2 * up)).collect();
        partial.dedup();
        let mut found = Vec::new();
        let mut depth = depth - up;
        self.judge(depth, &mut partial, &mut found);
        while depth < deepest && !partial.is_empty() && partial.len() < most {
            let full = found.len();
            let mut parts: Vec<u64> = partial.iter().flat_map(|cell| 4 * cell..4 * cell + 4).collect();
            self.judge(depth + 1, &mut parts, &mut found);
            if found.len() + parts.len() > most {
                found.truncate(full);
                break;
            }
            (depth, partial) = (depth + 1, parts);
        }
        found.extend(partial.into_iter().map(|cell| cell_range(depth, cell, false)));
        found.sort_unstable_by_key(|range| range.start);
        found.dedup_by(|next, last| {
            let joins = next.full == last.full && next.start == last.end;
            if joins {
                last.end = next.end;
            }
            joins
        });
        Coverage { ranges: found, depth }
    }

    /// Moves full cells to `found` and drops those outside.
    fn judge(&self, depth: u8, cells: &mut Vec<u64>, found: &mut Vec<CellRange>) {
        cells.retain(|&cell| match self.class(&Place::from(Cap::of(depth, cell))) {
            Class::Outside => false,
            Class::Partial => true,
            Class::Full => {
                found.push(cell_range(depth, cell, true));
                false
            }
        });
    }

    /// Cells that are sure to hold the region, at most nine if it is small; ascending.
    pub(super) fn start(&self) -> (u8, Vec<u64>) {
        let bounds = self.bounding_cone();
        let radius = bounds.radius().radians() * (1.0 + 1e-9) + 1e-13;
        if !cdshealpix::has_best_starting_depth(radius) {
            return (0, (0..12).collect());
        }
        let depth = cdshealpix::best_starting_depth(radius);
        let centre = healpix::hash_of(depth, &bounds.centre());
        let cells = cdshealpix::nested::neighbours(depth, centre, true).sorted_values_vec();
        (depth, cells)
    }
}

fn cell_range(depth: u8, cell: u64, full: bool) -> CellRange {
    let shift = 2 * (MAX_DEPTH - depth);
    CellRange { start: cell << shift, end: (cell + 1) << shift, full }
}
