//! The chips whose coordinates are embedded.
//!
//! Coefficients as TESS published them in the headers of its frames (data/README.md).

use uranometria_wcs::{Keyword, Wcs};

use super::options::{CHIP_COLUMNS, CHIP_ROWS};
use crate::Error;

/// Blocks of `keyword value` lines, each begun by `chip SECTOR CAMERA CCD`; before the chips of a sector
/// `sector SECTOR RA DEC ROLL` of the spacecraft, in degrees.
static CHIPS: &str = include_str!("../../data/chips.txt");

/// Columns of the chip that see the sky.
pub(crate) const SCIENCE_COLUMNS: std::ops::Range<usize> = 44..2092;

/// Rows of the chip that see the sky.
pub(crate) const SCIENCE_ROWS: std::ops::Range<usize> = 0..2048;

/// One chip in one sector.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub(crate) sector: u32,
    pub(crate) camera: u32,
    pub(crate) ccd: u32,
    /// Right ascension, declination and roll of the spacecraft, degrees.
    pub(crate) pointing_deg: [f64; 3],
    /// Keywords CRVAL to BP_p_q of the whole chip, in the order of the file.
    pub(crate) keywords: Vec<(&'static str, f64)>,
    /// The largest moves by the polynomials A and B on the chip, pixels.
    pub(crate) distortion_px: [f64; 2],
    /// The coordinates of the whole chip.
    pub(crate) wcs: Wcs,
}

impl Chip {
    /// Finds the coordinates of a chip.
    ///
    /// # Errors
    /// [`Error::NoCoordinates`], [`Error::Wcs`].
    pub(crate) fn embedded(sector: u32, camera: u32, ccd: u32) -> Result<Self, Error> {
        let begin = format!("sector {sector} ");
        let missing = || Error::NoCoordinates { sector, known: known() };
        let pointing = CHIPS.lines().find_map(|line| line.strip_prefix(&begin)).ok_or_else(missing)?;
        let mut pointing_deg = [0.0; 3];
        for (angle, text) in pointing_deg.iter_mut().zip(pointing.split(' ')) {
            *angle = text.parse().map_err(|_| missing())?;
        }
        let begin = format!("chip {sector} {camera} {ccd}");
        let block = CHIPS.lines().skip_while(|line| *line != begin).skip(1);
        let pairs = block.map_while(|line| {
            let (keyword, value) = line.split_once(' ')?;
            Some((keyword, value.parse().ok()?))
        });
        let keywords: Vec<(&'static str, f64)> = pairs.collect();
        if keywords.is_empty() {
            return Err(missing());
        }
        let lookup = |key: &str| match key {
            "CTYPE1" => Some(Keyword::Text("RA---TAN-SIP".into())),
            "CTYPE2" => Some(Keyword::Text("DEC--TAN-SIP".into())),
            _ => keywords.iter().find(|(name, _)| *name == key).map(|(_, value)| Keyword::Number(*value)),
        };
        let wcs = Wcs::from_keywords(lookup).map_err(|source| Error::Wcs { sector, camera, ccd, source })?;
        let distortion_px = ['A', 'B'].map(|letter| largest_move(&keywords, letter, wcs.crpix()));
        Ok(Chip { sector, camera, ccd, pointing_deg, keywords, distortion_px, wcs })
    }

    /// Position (ra, dec) of the middle of the chip, degrees.
    pub(crate) fn middle_deg(&self) -> (f64, f64) {
        self.wcs.pixel_to_sky(CHIP_COLUMNS as f64 / 2.0, CHIP_ROWS as f64 / 2.0)
    }
}

fn known() -> String {
    let sectors = CHIPS.lines().filter_map(|line| line.strip_prefix("sector ")?.split(' ').next());
    sectors.collect::<Vec<_>>().join(", ")
}

/// The largest value of a SIP polynomial on a net of points over the chip.
fn largest_move(keywords: &[(&str, f64)], letter: char, crpix: [f64; 2]) -> f64 {
    let terms: Vec<(usize, usize, f64)> = keywords
        .iter()
        .filter_map(|(name, value)| {
            let (p, q) = name.strip_prefix(letter)?.strip_prefix('_')?.split_once('_')?;
            Some((p.parse().ok()?, q.parse().ok()?, *value))
        })
        .collect();
    // `powi` may round differently from one machine to the next.
    let power = |base: f64, exponent: usize| std::iter::repeat_n(base, exponent).product::<f64>();
    let mut largest = 0.0f64;
    for (i, j) in (0..=32).flat_map(|i| (0..=32).map(move |j| (i, j))) {
        let u = f64::from(i) / 32.0 * CHIP_COLUMNS as f64 - crpix[0];
        let v = f64::from(j) / 32.0 * CHIP_ROWS as f64 - crpix[1];
        let value: f64 = terms.iter().map(|&(p, q, factor)| factor * power(u, p) * power(v, q)).sum();
        largest = largest.max(value.abs());
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_chips_of_three_sectors_are_there() {
        for sector in [1, 27, 56] {
            for (camera, ccd) in (1..=4).flat_map(|camera| (1..=4).map(move |ccd| (camera, ccd))) {
                let chip = Chip::embedded(sector, camera, ccd).unwrap();
                assert!(!chip.wcs.is_linear());
                // The polynomials of one chip, of order 9, run wild in a corner of its collateral pixels.
                let largest = if (sector, camera, ccd) == (1, 2, 1) { 170.0 } else { 54.0 };
                assert!(chip.distortion_px.iter().all(|px| (48.0..largest).contains(px)), "{chip:?}");
            }
        }
        let error = Chip::embedded(2, 1, 1).unwrap_err().to_string();
        assert_eq!(error, "no world coordinates are embedded for sector 2; choose one of 1, 27, 56");
    }

    #[test]
    fn a_real_cutout_of_pi_mensae_lies_where_its_file_says() {
        // The real TESScut file of sector 1, camera 4, CCD 2: its first pixel is column 1628, row 257 of the chip,
        // counted from 1, and pi Men lies in the middle of its 6 x 6 pixels.
        let (x, y) = Chip::embedded(1, 4, 2).unwrap().wcs.sky_to_pixel(84.291190, -80.469170).unwrap();
        assert!((x - (1627.0 + 3.0)).abs() < 1.5 && (y - (256.0 + 3.0)).abs() < 1.5, "{x} {y}");
    }
}
