//! HEALPix cells: nested numbers from positions and back, neighbours, ranges, rings.
//!
//! A cell has a depth of 0 to 29 (12 cells to 3.5e18; the standard's "order") and a number; numbers are nested
//! where nothing else is said. Positions are ICRS in degrees. All numbers are those that `cdshealpix` gives.
//!
//! Gorski et al. 2005, ApJ 622, 759; ranges of cells are those of the IVOA Recommendation MOC 2.0.

mod around;
mod batch;
mod cells;
mod ring;

use crate::error::same_length;
use crate::{Direction, Error};

pub use around::Around;
pub(crate) use cells::Cap;
pub use cells::{border, centre, corners, neighbours, parent, range, whole_cells};
pub use ring::{from_ring, to_ring};

/// The greatest depth; a cell of it is 0.4 milliarcseconds wide.
pub const MAX_DEPTH: u8 = 29;

/// Cells of a depth, 12 × 4^depth.
///
/// # Errors
/// [`Error::Depth`].
pub fn count(depth: u8) -> Result<u64, Error> {
    Ok(12 << (2 * valid(depth)?))
}

/// Finds the cell of a position in degrees.
///
/// Any finite right ascension will do; it is brought to [0, 360) first. Of a position on a border between
/// cells one of them is found, the one that `cdshealpix` finds.
///
/// # Errors
/// [`Error::Depth`]; [`Error::NotFinite`] and [`Error::Declination`] as for [`Direction::from_degrees`].
///
/// ```
/// use uranometria_sky::healpix;
///
/// // Sirius.
/// assert_eq!(healpix::hash(12, 101.28715533, -16.71611586)?, 85_770_460);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
pub fn hash(depth: u8, ra_deg: f64, dec_deg: f64) -> Result<u64, Error> {
    let place = Direction::from_degrees(ra_deg, dec_deg)?;
    Ok(hash_of(valid(depth)?, &place))
}

/// The cell of a direction at a depth known to be valid.
pub(crate) fn hash_of(depth: u8, place: &Direction) -> u64 {
    cdshealpix::nested::hash(depth, place.ra_deg().to_radians(), place.dec_deg().to_radians())
}

/// Finds the cells of many positions in degrees, each the one that [`hash`] finds.
///
/// # Errors
/// [`Error::Depth`]; [`Error::LengthMismatch`]; [`Error::Row`] with the first row that is no position, such as
/// one with NaN; `out` then holds the cells of some of the rows before it.
///
/// ```
/// use uranometria_sky::healpix;
///
/// let (ra, dec) = ([101.28715533, 279.23473479], [-16.71611586, 38.78368896]);
/// let mut cells = [0; 2];
/// healpix::hash_slice(12, &ra, &dec, &mut cells)?;
/// assert_eq!(cells, [85_770_460, 61_056_746]);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
pub fn hash_slice(depth: u8, ra_deg: &[f64], dec_deg: &[f64], out: &mut [u64]) -> Result<(), Error> {
    same_length("dec", ra_deg.len(), dec_deg.len())?;
    same_length("out", ra_deg.len(), out.len())?;
    batch::cells(valid(depth)?, ra_deg, dec_deg, out)
}

/// The depth, if there is such a one.
pub(crate) fn valid(depth: u8) -> Result<u8, Error> {
    if depth <= MAX_DEPTH { Ok(depth) } else { Err(Error::Depth { found: depth }) }
}

/// The cell, if there is such a one.
fn valid_cell(depth: u8, cell: u64) -> Result<(), Error> {
    let cells = count(depth)?;
    if cell < cells { Ok(()) } else { Err(Error::Cell { depth, found: cell, cells }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_position_is_named_with_its_row() {
        let mut out = [0; 200];
        let (mut ra, mut dec) = (vec![10.0; 200], vec![20.0; 200]);
        ra[130] = f64::NAN;
        let error = hash_slice(5, &ra, &dec, &mut out).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            format!("{error}: {cause}"),
            "row 130 cannot be used: ra is NaN, expected a finite number"
        );
        (ra[130], dec[70]) = (-350.0, 90.1);
        let error = hash_slice(5, &ra, &dec, &mut out).unwrap_err();
        assert!(
            matches!(error, Error::Row { index: 70, cause } if *cause == Error::Declination { found: 90.1 })
        );
        dec[70] = 20.0;
        hash_slice(5, &ra, &dec, &mut out).unwrap();
        assert_eq!(out, [out[0]; 200]);
        assert!(matches!(hash_slice(30, &ra, &dec, &mut out), Err(Error::Depth { found: 30 })));
        assert!(matches!(
            hash_slice(3, &ra, &dec[1..], &mut out),
            Err(Error::LengthMismatch { what: "dec", found: 199, expected: 200 })
        ));
        hash_slice(3, &[], &[], &mut []).unwrap();
    }

    #[test]
    fn cells_of_greater_depth_lie_in_those_of_lesser() {
        for depth in 0..MAX_DEPTH {
            let (coarse, fine) = (hash(depth, 266.4, -29.0).unwrap(), hash(depth + 1, 266.4, -29.0).unwrap());
            assert_eq!(fine >> 2, coarse);
        }
    }
}
