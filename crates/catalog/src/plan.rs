//! How the sky is divided so that no partition has too many rows.
//!
//! From a count of rows a cell: a cell with too many rows is divided by four, one without rows is left out. Partitions
//! are made of units, consecutive cells with few enough rows to be sorted in memory together.

use std::ops::Range;

use uranometria_sky::healpix::MAX_DEPTH;

use crate::Pixel;

/// The depth at which rows are counted: cells of 3.4 arcminutes.
pub(crate) const COUNT_DEPTH: u8 = 10;

/// Rows a cell of one depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) depth: u8,
    pub(crate) rows: Vec<u32>,
}

impl Counts {
    pub(crate) fn new(depth: u8) -> Self {
        Counts { depth, rows: vec![0; 12 << (2 * depth)] }
    }

    pub(crate) fn add(&mut self, cells29: &[u64]) {
        let shift = 2 * (MAX_DEPTH - self.depth);
        for cell in cells29 {
            let rows = &mut self.rows[(cell >> shift) as usize];
            *rows = rows.saturating_add(1);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.rows.iter().map(|&rows| u64::from(rows)).sum()
    }

    /// The same for larger cells.
    pub(crate) fn degraded(&self, depth: u8) -> Self {
        let parts = 1 << (2 * (self.depth - depth));
        let sum = |part: &[u32]| part.iter().fold(0_u32, |sum, &rows| sum.saturating_add(rows));
        Counts { depth, rows: self.rows.chunks_exact(parts).map(sum).collect() }
    }
}

/// A partition and its units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) pixel: Pixel,
    pub(crate) rows: u64,
    /// Which of [`Plan::units`].
    pub(crate) units: Range<usize>,
}

/// How the rows of a catalogue are divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Ascending on the sky.
    pub(crate) partitions: Vec<Partition>,
    /// Cells of depth 29; every row is in one of them.
    pub(crate) units: Vec<Range<u64>>,
}

impl Plan {
    /// Divides until no partition has more than `most` rows, or is of the depth of the counts; units likewise.
    pub(crate) fn new(counts: &Counts, most: u64, unit_rows: u64) -> Self {
        let levels: Vec<Counts> = (0..=counts.depth).map(|depth| counts.degraded(depth)).collect();
        let mut plan = Plan::default();
        // The next on top: cells are taken in ascending order.
        let mut open: Vec<Pixel> = (0..12).rev().map(|number| Pixel { order: 0, number }).collect();
        while let Some(pixel) = open.pop() {
            let rows = u64::from(levels[usize::from(pixel.order)].rows[pixel.number as usize]);
            if rows > most && pixel.order < counts.depth {
                open.extend(
                    (0..4).rev().map(|n| Pixel { order: pixel.order + 1, number: 4 * pixel.number + n }),
                );
            } else if rows > 0 {
                let first = plan.units.len();
                plan.add_units(counts, pixel, unit_rows);
                plan.partitions.push(Partition { pixel, rows, units: first..plan.units.len() });
            }
        }
        plan
    }

    fn add_units(&mut self, counts: &Counts, pixel: Pixel, unit_rows: u64) {
        let shift = 2 * (MAX_DEPTH - counts.depth);
        let cells = pixel.cells();
        let (mut start, mut rows) = (cells.start, 0);
        for cell in cells.start >> shift..cells.end >> shift {
            let here = u64::from(counts.rows[cell as usize]);
            if rows > 0 && rows + here > unit_rows {
                self.units.push(start..cell << shift);
                (start, rows) = (cell << shift, 0);
            }
            rows += here;
        }
        self.units.push(start..cells.end);
    }

    /// The unit of a cell of depth 29 that has rows.
    pub(crate) fn unit_of(&self, cell: u64) -> Option<usize> {
        let after = self.units.partition_point(|unit| unit.start <= cell);
        (after > 0 && cell < self.units[after - 1].end).then(|| after - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_cell_is_divided_and_an_empty_one_left_out() {
        let mut counts = Counts::new(2);
        // Cell 0 of depth 0: 3 rows in its first and 2 in its last grandchild; cell 5: one row.
        counts.rows[0] = 3;
        counts.rows[15] = 2;
        counts.rows[80] = 1;
        let plan = Plan::new(&counts, 4, 100);
        let pixels: Vec<(u8, u64, u64)> =
            plan.partitions.iter().map(|part| (part.pixel.order, part.pixel.number, part.rows)).collect();
        assert_eq!(pixels, [(1, 0, 3), (1, 3, 2), (0, 5, 1)]);
        assert_eq!(plan.units.len(), 3);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_unit_of_one_partition(
            cells in prop::collection::vec((0_u64..12 << 58, 1_usize..9), 1..60), most in 1_u64..30, unit in 1_u64..10,
        ) {
            let all: Vec<u64> = cells.iter().flat_map(|(cell, n)| vec![*cell; *n]).collect();
            let mut counts = Counts::new(4);
            counts.add(&all);
            let plan = Plan::new(&counts, most, unit);
            prop_assert_eq!(plan.partitions.iter().map(|part| part.rows).sum::<u64>(), all.len() as u64);
            for pair in plan.units.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for cell in all {
                let unit = plan.unit_of(cell).unwrap();
                let part = plan.partitions.iter().find(|part| part.units.contains(&unit)).unwrap();
                prop_assert!(part.pixel.cells().contains(&cell));
                prop_assert!(part.rows <= most || part.pixel.order == 4);
            }
        }
    }
}
