//! Ring numbers: cells counted along circles of latitude, from the north pole eastwards.
//!
//! Whole numbers only: `cdshealpix` 0.10 takes a square root in floating point on the way back, which panics
//! or errs on cells of great depth.
//!
//! In the plane of the projection, in units of a cell's half diagonal, ring `r` of `4n - 1` lies at
//! `y = 2n - r`, and its cells two units apart.

use super::cells::place_in_face;
use super::valid_cell;
use crate::Error;

/// The ring number of a nested number.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
///
/// ```
/// use uranometria_sky::healpix;
///
/// assert_eq!(healpix::to_ring(1, 3)?, 0);
/// assert_eq!(healpix::from_ring(1, 0)?, 3);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
pub fn to_ring(depth: u8, cell: u64) -> Result<u64, Error> {
    valid_cell(depth, cell)?;
    let n = 1_u64 << depth;
    let (face, i, j) = place_in_face(depth, cell);
    let (row, quarter) = (u64::from(face / 4), u64::from(face % 4));
    let (i, j) = (u64::from(i), u64::from(j));
    let ring = (row + 2) * n - (i + j + 1);
    Ok(if ring < n {
        2 * ring * (ring - 1) + quarter * ring + (i + ring - n)
    } else if ring > 3 * n {
        let from_south = 4 * n - ring;
        12 * n * n - 2 * from_south * (from_south + 1) + quarter * from_south + i
    } else {
        let east = 2 * n * quarter + (row + 1) % 2 * n + i + 8 * n - j;
        2 * n * (n - 1) + (ring - n) * 4 * n + east / 2 % (4 * n)
    })
}

/// The nested number of a ring number.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
pub fn from_ring(depth: u8, ring: u64) -> Result<u64, Error> {
    valid_cell(depth, ring)?;
    let n = 1_u64 << depth;
    let (cells, in_cap) = (12 * n * n, 2 * n * (n - 1));
    let (face, i, j) = if ring < in_cap {
        let (circle, place) = circle_of_cap(ring);
        let (quarter, k) = (place / circle, place % circle);
        (quarter, n - circle + k, n - 1 - k)
    } else if ring >= cells - in_cap {
        let (circle, place) = circle_of_cap(cells - 1 - ring);
        let place = 4 * circle - 1 - place;
        let (quarter, k) = (place / circle, place % circle);
        (8 + quarter, k, circle - 1 - k)
    } else {
        let (circle, place) = ((ring - in_cap) / (4 * n), (ring - in_cap) % (4 * n));
        let (east, north) = (2 * place + (circle + 1) % 2, n as i64 - circle as i64);
        // Coordinates along the sides of the faces, each 2n long, from the south corner of face 4.
        let (up_right, up_left) = (north + (east + n) as i64, north + n as i64 - east as i64);
        let side = 2 * n as i64;
        let (a, b) = (up_right.div_euclid(side), up_left.div_euclid(side));
        let face = match a + b {
            0 => 4 + ((a - b) / 2).rem_euclid(4) as u64,
            1 => ((a - b - 1) / 2).rem_euclid(4) as u64,
            _ => 8 + ((a - b - 1) / 2).rem_euclid(4) as u64,
        };
        (face, up_right.rem_euclid(side) as u64 / 2, up_left.rem_euclid(side) as u64 / 2)
    };
    Ok((face << (2 * depth)) | spread(i) | (spread(j) << 1))
}

/// Which circle of a cap, from 1, and the place on it, of a number counted from the pole.
fn circle_of_cap(number: u64) -> (u64, u64) {
    let circle = (1 + 2 * number).isqrt().div_ceil(2);
    (circle, number - 2 * circle * (circle - 1))
}

fn spread(v: u64) -> u64 {
    super::batch::interleaved(v, 0)
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_DEPTH, count};
    use super::*;

    #[test]
    fn rings_and_nests_are_inverse() {
        for depth in 0..=MAX_DEPTH {
            let cells = count(depth).unwrap();
            let stride = (cells / 5000).max(1) as usize;
            let ends = (0..2000.min(cells)).flat_map(|k| [k, cells - 1 - k]);
            for ring in (0..cells).step_by(stride).chain(ends) {
                let cell = from_ring(depth, ring).unwrap();
                assert_eq!(to_ring(depth, cell).unwrap(), ring, "{depth}/{cell}");
                assert_eq!(cdshealpix::nested::get(depth).to_ring(cell), ring, "{depth}/{cell}");
            }
        }
    }

    #[test]
    fn circles_of_deep_caps_are_found_without_rounding() {
        // The last number of a circle and the first of the next, where a root of doubles goes astray.
        for circle in [400_000_001_u64, 536_870_911, 123_456_789] {
            let first = 2 * circle * (circle - 1);
            assert_eq!(circle_of_cap(first), (circle, 0));
            assert_eq!(circle_of_cap(first - 1), (circle - 1, 4 * (circle - 1) - 1));
        }
    }
}
