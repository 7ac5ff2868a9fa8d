//! Where a cell is, what surrounds it and what it holds.

use std::f64::consts::FRAC_PI_4;
use std::ops::Range;

use cdshealpix::nested;

use super::{MAX_DEPTH, valid, valid_cell};
use crate::{Angle, Direction, Error};

/// The centre of a cell.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
pub fn centre(depth: u8, cell: u64) -> Result<Direction, Error> {
    valid_cell(depth, cell)?;
    direction(nested::center(depth, cell))
}

/// The corners of a cell: south, east, north, west.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
pub fn corners(depth: u8, cell: u64) -> Result<[Direction; 4], Error> {
    valid_cell(depth, cell)?;
    let [south, east, north, west] = nested::vertices(depth, cell).map(direction);
    Ok([south?, east?, north?, west?])
}

/// The cells that share a side or a corner with a cell, ascending: eight, or seven where only three base cells
/// meet; six to eight at depth 0.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
pub fn neighbours(depth: u8, cell: u64) -> Result<Vec<u64>, Error> {
    valid_cell(depth, cell)?;
    Ok(nested::neighbours(depth, cell, false).sorted_values().to_vec())
}

/// Cells around a cell, as ascending ranges of depth 29: every direction that is outside the cell and no further than
/// `width` from it is in one of them. They reach a few widths out.
///
/// # Errors
/// [`Error::Depth`], [`Error::Cell`].
///
/// ```
/// use uranometria_sky::{Angle, healpix};
///
/// let inside = healpix::range(3, 5, 29)?;
/// let border = healpix::border(3, 5, Angle::from_arcsec(10.0))?;
/// let cells: u64 = border.iter().map(|range| range.end - range.start).sum();
/// assert!(cells < (inside.end - inside.start) / 100);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
pub fn border(depth: u8, cell: u64, width: Angle) -> Result<Vec<Range<u64>>, Error> {
    /// So many depths below the cell its edge has thousands of cells; finer ones would not be worth their number.
    const FINEST: u8 = 10;
    let inside = range(depth, cell, MAX_DEPTH)?;
    let width = width.radians().abs() * (1.0 + 1e-9) + 1e-13;
    if !cdshealpix::has_best_starting_depth(width) {
        let sky = [0..inside.start, inside.end..12 << (2 * MAX_DEPTH)];
        return Ok(sky.into_iter().filter(|range| !range.is_empty()).collect());
    }
    // A direction and what is nearer to it than the width are in one cell of this depth and its neighbours.
    let fine = cdshealpix::best_starting_depth(width).min(depth + FINEST).min(MAX_DEPTH);
    let around = if fine > depth {
        nested::external_edge_sorted(depth, cell, fine - depth).to_vec()
    } else {
        nested::neighbours(fine, cell >> (2 * (depth - fine)), true).sorted_values_vec()
    };
    let shift = 2 * (MAX_DEPTH - fine);
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for range in around.into_iter().map(|cell| cell << shift..(cell + 1) << shift) {
        // A cell of the depth may hold the one in the middle.
        let parts = [range.start..range.end.min(inside.start), range.start.max(inside.end)..range.end];
        for part in parts.into_iter().filter(|part| part.start < part.end) {
            match ranges.last_mut() {
                Some(last) if last.end == part.start => last.end = part.end,
                _ => ranges.push(part),
            }
        }
    }
    Ok(ranges)
}

/// The cell of a lesser depth that a cell lies in; the cell itself at its own depth.
///
/// # Errors
/// [`Error::Depth`], also for an `ancestor_depth` greater than `depth`; [`Error::Cell`].
pub fn parent(depth: u8, cell: u64, ancestor_depth: u8) -> Result<u64, Error> {
    valid_cell(depth, cell)?;
    if ancestor_depth > depth {
        return Err(Error::Depth { found: ancestor_depth });
    }
    Ok(cell >> (2 * (depth - ancestor_depth)))
}

/// The cells of depth `fine_depth` that a cell holds, a half-open range.
///
/// # Errors
/// [`Error::Depth`], also for a `fine_depth` less than `depth`; [`Error::Cell`].
///
/// ```
/// use uranometria_sky::healpix;
///
/// assert_eq!(healpix::range(3, 5, 5)?, 80..96);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
pub fn range(depth: u8, cell: u64, fine_depth: u8) -> Result<Range<u64>, Error> {
    valid_cell(depth, cell)?;
    if valid(fine_depth)? < depth {
        return Err(Error::Depth { found: fine_depth });
    }
    let shift = 2 * (fine_depth - depth);
    Ok(cell << shift..(cell + 1) << shift)
}

/// Splits a range of cells of depth 29 into the fewest whole cells, `(depth, cell)`, ascending on the sky.
///
/// Cells beyond the last one are left out.
pub fn whole_cells(range: Range<u64>) -> impl Iterator<Item = (u8, u64)> {
    let end = range.end.min(12 << (2 * MAX_DEPTH));
    let mut start = range.start;
    std::iter::from_fn(move || {
        if start >= end {
            return None;
        }
        // As deep as the start is aligned and as the rest has room.
        let aligned = (start.trailing_zeros() / 2).min(u32::from(MAX_DEPTH));
        let room = (end - start).ilog2() / 2;
        let up = aligned.min(room);
        let cell = (MAX_DEPTH - up as u8, start >> (2 * up));
        start += 1 << (2 * up);
        Some(cell)
    })
}

fn direction((lon, lat): (f64, f64)) -> Result<Direction, Error> {
    Direction::from_degrees(lon.to_degrees(), lat.to_degrees().clamp(-90.0, 90.0))
}

/// A circle about a cell's centre that holds the cell, hardly larger than the smallest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cap {
    /// Unit vector of the centre.
    pub(crate) centre: [f64; 3],
    /// Radians; more than the farthest point of the cell by enough that rounding does not matter.
    pub(crate) radius: f64,
}

/// What positions and cells are off by through rounding, and a hundred times that, radians.
const SLACK: f64 = 1e-13;

impl Cap {
    /// Of a cell that there is.
    pub(crate) fn of(depth: u8, cell: u64) -> Self {
        let side = 1.0 / f64::from(1_u32 << depth);
        let (face, i, j) = place_in_face(depth, cell);
        // The plane of the projection: x in eighths of the circle, y in [-2, 2].
        let row = face / 4;
        let face_x = f64::from(2 * (face % 4)) + if row == 1 { 0.0 } else { 1.0 };
        let (across, up) = (f64::from(i) - f64::from(j), f64::from(i) + f64::from(j) + 1.0);
        let (x, y) = (face_x + across * side, 1.0 - f64::from(row) - 1.0 + up * side);
        let (z, cos_lat, eighths) = unprojected(x, x, y);
        let (sin_lon, cos_lon) = (eighths * FRAC_PI_4).sin_cos();
        let square = |(dx, dy): (f64, f64)| {
            let (corner_z, corner_cos, corner_eighths) = unprojected(x, x + dx, y + dy);
            let turn = (corner_eighths - eighths) * FRAC_PI_4;
            // A square chord, but with the turn in the place of twice the sine of its half, which is less.
            (corner_z - z).powi(2) + (corner_cos - cos_lat).powi(2) + corner_cos * cos_lat * turn * turn
        };
        let chord = [(0.0, -side), (side, 0.0), (0.0, side), (-side, 0.0)]
            .into_iter()
            .map(square)
            .fold(0.0, f64::max)
            .sqrt();
        let radius = 2.0 * (0.5 * chord).min(1.0).asin();
        let centre = [cos_lat * cos_lon, cos_lat * sin_lon, z];
        Self { centre, radius: radius * (1.0 + 1e-9) + SLACK }
    }
}

/// Base cell and the cell's coordinates in it, to the north-east and to the north-west.
pub(super) fn place_in_face(depth: u8, cell: u64) -> (u8, u32, u32) {
    let inside = cell & ((1 << (2 * depth)) - 1);
    ((cell >> (2 * depth)) as u8, every_other_bit(inside), every_other_bit(inside >> 1))
}

fn every_other_bit(v: u64) -> u32 {
    let v = v & 0x5555_5555_5555_5555;
    let v = (v | (v >> 1)) & 0x3333_3333_3333_3333;
    let v = (v | (v >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    let v = (v | (v >> 4)) & 0x00ff_00ff_00ff_00ff;
    let v = (v | (v >> 8)) & 0x0000_ffff_0000_ffff;
    (v | (v >> 16)) as u32
}

/// Sine and cosine of the latitude and the longitude in eighths of the circle of a point in the plane; `inside` is
/// the x of a point of the same cell, which says in which quarter of a cap a point between two quarters is meant.
fn unprojected(inside: f64, x: f64, y: f64) -> (f64, f64, f64) {
    if y.abs() <= 1.0 {
        let z = y * (2.0 / 3.0);
        return (z, (1.0 - z * z).sqrt(), x);
    }
    let width = 2.0 - y.abs();
    let middle = 2.0 * (inside * 0.5).floor() + 1.0;
    let lon = if width > 0.0 { middle + (x - middle) / width } else { middle };
    let part = width * width / 3.0;
    ((1.0 - part).copysign(y), (part * (2.0 - part)).sqrt(), lon)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{count, hash};
    use super::*;

    /// Cells spread over the sky, all of them at small depths.
    fn some(depth: u8) -> Vec<u64> {
        let cells = count(depth).unwrap();
        let stride = (cells / 3000).max(1) | 1;
        (0..cells).step_by(stride as usize).chain([cells - 1]).collect()
    }

    #[test]
    fn a_cells_centre_lies_in_it_and_in_the_middle_of_its_cap() {
        for depth in 0..=MAX_DEPTH {
            for cell in some(depth) {
                let middle = centre(depth, cell).unwrap();
                assert_eq!(hash(depth, middle.ra_deg(), middle.dec_deg()).unwrap(), cell);
                let cap = Cap::of(depth, cell);
                let vector = Direction::from_unit_vector(cap.centre).unwrap();
                assert!(middle.separation(&vector).radians() < 1e-15, "{depth}/{cell}");
                let corners = corners(depth, cell).unwrap();
                let far = corners.map(|corner| corner.separation(&middle).radians());
                let farthest = far.into_iter().fold(0.0, f64::max);
                let ratio = (cap.radius - SLACK) / farthest;
                assert!((1.0 - 1e-6..1.06).contains(&ratio), "{depth}/{cell}: {ratio}");
            }
        }
    }

    #[test]
    fn a_cells_cap_holds_the_cell() {
        let nested_points = 24;
        for depth in 0..=MAX_DEPTH {
            for cell in some(depth).into_iter().step_by(7) {
                let cap = Cap::of(depth, cell);
                let middle = Direction::from_unit_vector(cap.centre).unwrap();
                for i in 0..=nested_points {
                    for j in 0..=nested_points {
                        let part = |k: i32| (f64::from(k) / f64::from(nested_points)).min(1.0 - 1e-12);
                        let point = nested::get(depth).sph_coo(cell, part(i), part(j));
                        let off = middle.separation(&direction(point).unwrap()).radians();
                        assert!(off <= cap.radius, "{depth}/{cell} {i} {j}: {off} > {}", cap.radius);
                    }
                }
            }
        }
    }

    #[test]
    fn neighbours_are_mutual() {
        for depth in [0, 1, 2, 5, 29] {
            for cell in some(depth) {
                let around = neighbours(depth, cell).unwrap();
                assert!((6..=8).contains(&around.len()) && around.is_sorted(), "{depth}/{cell}: {around:?}");
                for other in around {
                    assert!(neighbours(depth, other).unwrap().contains(&cell), "{depth}/{cell} {other}");
                }
            }
        }
    }

    #[test]
    fn ranges_split_into_the_fewest_whole_cells() {
        let all = 12 << 58;
        assert_eq!(whole_cells(0..all).collect::<Vec<_>>(), (0..12).map(|k| (0, k)).collect::<Vec<_>>());
        assert_eq!(whole_cells(3..9).collect::<Vec<_>>(), [(29, 3), (28, 1), (29, 8)]);
        assert_eq!(whole_cells(5..5).count(), 0);
        let last = whole_cells(all - 1..u64::MAX).collect::<Vec<_>>();
        assert_eq!(last, [(29, all - 1)]);
        let cells = whole_cells(12_345..99_999_999_999).map(|(depth, cell)| range(depth, cell, 29).unwrap());
        let end = cells.fold(12_345, |end, cells| {
            assert_eq!(cells.start, end);
            cells.end
        });
        assert_eq!(end, 99_999_999_999);
    }

    #[test]
    fn cells_that_are_not_there_are_refused() {
        assert_eq!(centre(0, 12), Err(Error::Cell { depth: 0, found: 12, cells: 12 }));
        assert_eq!(corners(30, 0), Err(Error::Depth { found: 30 }));
        assert_eq!(parent(3, 0, 4), Err(Error::Depth { found: 4 }));
        assert_eq!(range(3, 0, 2), Err(Error::Depth { found: 2 }));
        assert_eq!(parent(3, 17, 2), Ok(4));
    }

    proptest! {
        #[test]
        fn what_is_near_a_cell_and_not_in_it_is_in_its_border(
            depth in 0u8..9, number in any::<u64>(), along in any::<u64>(), side in any::<bool>(),
            arcsec in -3f64..5.3, part in 0f64..1.0, bearing in 0f64..360.0,
        ) {
            let cell = number % count(depth).unwrap();
            let inside = range(depth, cell, MAX_DEPTH).unwrap();
            // Bits of one coordinate are 0: the cell is at the edge.
            let edge = if side { 0x5555_5555_5555_5555 } else { 0xaaaa_aaaa_aaaa_aaaa };
            let from = centre(MAX_DEPTH, inside.start + (along & edge) % (inside.end - inside.start)).unwrap();
            let width = Angle::from_arcsec(10f64.powf(arcsec));
            let to = from.offset_by(Angle::from_degrees(bearing), Angle::from_arcsec(width.arcsec() * part));
            let found = hash(MAX_DEPTH, to.ra_deg(), to.dec_deg()).unwrap();
            let border = border(depth, cell, width).unwrap();
            prop_assert!(inside.contains(&found) || border.iter().any(|range| range.contains(&found)));
            prop_assert!(border.iter().all(|range| range.end <= inside.start || inside.end <= range.start));
            prop_assert!(border.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
