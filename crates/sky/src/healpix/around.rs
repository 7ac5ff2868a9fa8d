//! The few cells that small circles reach.

use cdshealpix::nested;

use super::{MAX_DEPTH, hash_of};
use crate::{Angle, Direction};

/// Finds the cells that circles of at most some radius reach, for joins by position.
///
/// A circle reaches its centre's cell and at most some of the neighbours. Cells are a few radii wide, so that most circles
/// lie in one.
///
/// ```
/// use uranometria_sky::healpix::{Around, hash};
/// use uranometria_sky::{Angle, Direction};
///
/// let around = Around::new(Angle::from_arcsec(1.0), 3).expect("an arcsecond is small");
/// let sirius = Direction::from_degrees(101.287_155, -16.716_116)?;
/// let mut cells = Vec::new();
/// around.cells(&sirius, &mut cells);
/// assert!(cells.contains(&hash(around.depth(), 101.287_155, -16.716_116)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// The depth of cells that are as wide as the radius at least.
    fine: u8,
    /// Depths from there to the cells that are found.
    up: u8,
}

impl Around {
    /// For circles of at most a radius; `up` says how many depths coarser the cells are than the finest that will do.
    ///
    /// None for a radius so wide that no cell's neighbours cover it, about 50 degrees, and for one that is none.
    pub fn new(radius: Angle, up: u8) -> Option<Self> {
        let radius = radius.radians() * (1.0 + 1e-9) + 1e-13;
        if !(radius > 0.0 && cdshealpix::has_best_starting_depth(radius)) {
            return None;
        }
        let fine = cdshealpix::best_starting_depth(radius).min(MAX_DEPTH);
        Some(Around { fine, up: up.min(fine) })
    }

    /// The depth of the cells.
    pub fn depth(&self) -> u8 {
        self.fine - self.up
    }

    /// Adds the cells that a circle around a centre may reach, ascending and each once.
    pub fn cells(&self, centre: &Direction, out: &mut Vec<u64>) {
        self.cells_of(hash_of(self.fine, centre), out);
    }

    /// The depth of the cells that [`Around::cells_of`] takes.
    pub fn fine_depth(&self) -> u8 {
        self.fine
    }

    /// As [`Around::cells`], of the cell of [`Around::fine_depth`] that the centre is in, as
    /// [`hash_slice`](super::hash_slice) finds those of many at once.
    pub fn cells_of(&self, fine: u64, out: &mut Vec<u64>) {
        /// Bits of the one coordinate are at even places, those of the other at odd ones.
        const AXES: [u64; 2] = [0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa];
        let shift = 2 * self.up;
        let (here, low) = (fine >> shift, (1_u64 << shift) - 1);
        // Not at a side, no neighbour is in another cell.
        let sides = AXES.map(|axis| (fine & low & axis == 0, fine & low & axis == low & axis));
        if sides == [(false, false); 2] {
            return out.push(here);
        }
        let from = out.len();
        let in_base = (1_u64 << (2 * self.depth())) - 1;
        let at = AXES.map(|axis| here & in_base & axis);
        let at_border = |n: usize| sides[n].0 && at[n] == 0 || sides[n].1 && at[n] == in_base & AXES[n];
        if at_border(0) || at_border(1) {
            let near = nested::neighbours(self.fine, fine, true);
            out.extend(near.sorted_values().iter().map(|cell| cell >> shift));
            // Ascending already.
            let mut kept = from;
            for at in from..out.len() {
                if kept == from || out[kept - 1] != out[at] {
                    out[kept] = out[at];
                    kept += 1;
                }
            }
            return out.truncate(kept);
        }
        // Within a base cell one coordinate counts without touching the other's bits.
        let reached = |n: usize| {
            let (axis, at, (before, behind)) = (AXES[n], at[n], sides[n]);
            let before = before.then(|| (at - 1) & axis);
            let behind = behind.then(|| ((at | !axis) + 1) & axis);
            [before, Some(at), behind].into_iter().flatten()
        };
        for y in reached(1) {
            out.extend(reached(0).map(|x| here & !in_base | x | y));
        }
        out[from..].sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn every_point_of_a_circle_is_in_one_of_its_cells() {
        let mut random = 7_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut found = Vec::new();
        for turn in 0..20_000 {
            let (ra, dec) = match turn % 4 {
                0 => (next() * 360.0, (next() * 2.0 - 1.0).asin().to_degrees()),
                1 => (next() * 360.0, 90.0 - next() * 1e-3),
                2 => (f64::from(turn % 9) * 45.0 + next() * 1e-4, 41.810_314_895_778_6 + next() * 1e-4),
                _ => (next() * 1e-6, next() * 1e-6),
            };
            let centre = Direction::from_degrees(ra, dec).unwrap();
            let radius = Angle::from_degrees(10.0_f64.powf(next() * 8.0 - 6.5));
            let around = Around::new(radius, (turn % 5) as u8).unwrap();
            found.clear();
            around.cells(&centre, &mut found);
            assert!(!found.is_empty() && found.len() <= 9 && found.is_sorted_by(|a, b| a < b));
            for _ in 0..4 {
                let at = centre.offset_by(Angle::from_degrees(next() * 360.0), radius);
                let cell = hash(around.depth(), at.ra_deg(), at.dec_deg()).unwrap();
                assert!(found.contains(&cell), "{ra} {dec} {radius:?} {around:?}");
            }
        }
    }

    #[test]
    fn cells_are_those_of_all_neighbours() {
        let mut random = 7_u64;
        let mut found = Vec::new();
        for turn in 0..40_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let fine = (turn % 30) as u8;
            let around = Around { fine, up: ((random >> 20) as u8 % 5).min(fine) };
            let cells = 12 << (2 * fine);
            // Some of them beside a base cell's border.
            let cell = match turn % 4 {
                0 => ((random >> 8) % 12) << (2 * fine) | ((random >> 40) & 7 & ((1 << (2 * fine)) - 1)),
                1 => (((random >> 8) % 12 + 1) << (2 * fine)) - 1,
                _ => (random >> 1) % cells,
            };
            found.clear();
            around.cells_of(cell, &mut found);
            let all = nested::neighbours(fine, cell, true).sorted_values();
            let mut wanted: Vec<u64> = all.iter().map(|cell| cell >> (2 * around.up)).collect();
            wanted.dedup();
            assert_eq!(found, wanted, "{around:?} {cell}");
        }
    }

    #[test]
    fn most_small_circles_reach_one_cell_and_wide_ones_have_none() {
        let around = Around::new(Angle::from_arcsec(1.0), 3).unwrap();
        let mut cells = Vec::new();
        for n in 0..1000 {
            let centre = Direction::from_degrees(f64::from(n) * 0.36, f64::from(n % 170) - 85.0).unwrap();
            around.cells(&centre, &mut cells);
        }
        assert!(cells.len() < 2000, "{}", cells.len());
        assert!(Around::new(Angle::from_degrees(170.0), 0).is_none());
        assert!(Around::new(Angle::from_degrees(f64::NAN), 0).is_none());
        assert_eq!(Around::new(Angle::from_degrees(40.0), 9).unwrap().depth(), 0);
    }
}
