//! Which pixels of a stamp are summed into a light curve.
//!
//! A mask is `[row][column]`, the first row being the lowest on the CCD, as the frames of a [`Tpf`] are.
//!
//! The threshold mask does what lightkurve 2.6.0's `create_threshold_mask` does, in single precision as there:
//! Lightkurve Collaboration 2018, ascl:1812.013.

mod from_file;

use crate::Error;
use crate::median::{median, median_in};
use crate::tpf::{COLLATERAL, COLLECTED, Tpf};

/// The pixels in the aperture; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aperture {
    columns: usize,
    mask: Vec<bool>,
}

impl Aperture {
    /// Makes an aperture from a mask `[row][column]` of `columns` x `rows` pixels.
    ///
    /// # Errors
    /// [`Error::MaskSize`] where the mask has another length; [`Error::EmptyAperture`] where nothing is in it.
    pub fn new(columns: usize, rows: usize, mask: Vec<bool>) -> Result<Self, Error> {
        if columns.checked_mul(rows) != Some(mask.len()) {
            let wanted = format!("{columns}x{rows}");
            return Err(Error::MaskSize { found: mask.len().to_string(), wanted });
        }
        Self::of_mask(columns, mask, || {
            ("no pixel is marked in the mask".into(), "mark at least one pixel with 1")
        })
    }

    fn of_mask(
        columns: usize,
        mask: Vec<bool>,
        empty: impl FnOnce() -> (String, &'static str),
    ) -> Result<Self, Error> {
        if mask.contains(&true) {
            return Ok(Aperture { columns, mask });
        }
        let (why, way_out) = empty();
        Err(Error::EmptyAperture { why, way_out })
    }

    /// Chooses the bright pixels that hang together around the middle of the stamp.
    ///
    /// The median over the good frames ([`Tpf::is_good`]) gives an image; in it, pixels at or above median +
    /// `sigma` x 1.4826 x MAD are bright. Of the groups of bright pixels that touch along an edge, the one that
    /// reaches closest to (nx/2, ny/2), pixels counted from 0, is the aperture; of two as close, the one met first
    /// going along the rows from the lowest one. lightkurve's default is 3 `sigma`.
    ///
    /// A pixel that is always NaN counts as 0 in the comparison, as in lightkurve: below most images, but above
    /// those that have been over-subtracted. It adds nothing to the light curve.
    ///
    /// # Errors
    /// [`Error::EmptyAperture`] where no frame is good or no pixel is bright.
    pub fn threshold(tpf: &Tpf, sigma: f64) -> Result<Self, Error> {
        let image = median_image(tpf);
        let finite: Vec<f32> = image.iter().copied().filter(|value| value.is_finite()).collect();
        let mut numbers: Vec<f32> = image.iter().copied().filter(|value| !value.is_nan()).collect();
        let cut = 1.4826_f32 * mad(finite) * sigma as f32 + median(&mut numbers);
        let bright: Vec<bool> = image.iter().map(|&value| nan_to_num(value) >= cut).collect();
        let mask = closest_group(&bright, tpf.columns(), tpf.rows());
        Self::of_mask(tpf.columns(), mask, || {
            let way_out = "give a lower threshold, a mask from a file or the aperture `all`";
            if (0..tpf.frames()).any(|frame| tpf.is_good(frame)) {
                (format!("no pixel is {sigma} sigma above the median of the stamp"), way_out)
            } else {
                let why = format!("none of {} frames has a time and no severe quality flag", tpf.frames());
                (why, "give a mask from a file or the aperture `all`")
            }
        })
    }

    /// Chooses every pixel with data: collected, not collateral, and a number in at least one frame.
    ///
    /// # Errors
    /// [`Error::EmptyAperture`] where there is none.
    pub fn all(tpf: &Tpf) -> Result<Self, Error> {
        let mask = with_data(tpf);
        Self::of_mask(tpf.columns(), mask, || {
            ("no pixel of the stamp has data".into(), "cut the stamp at a place on the chip")
        })
    }

    /// The number of columns of the mask, nx.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of rows of the mask, ny.
    pub fn rows(&self) -> usize {
        // A mask with a pixel in it has columns.
        self.mask.len() / self.columns
    }

    /// The mask `[row][column]`.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// The number of pixels in the aperture.
    pub fn count(&self) -> usize {
        self.mask.iter().filter(|inside| **inside).count()
    }

    /// The indices into a frame of the pixels in the aperture, ascending.
    pub fn pixels(&self) -> impl Iterator<Item = usize> + '_ {
        self.mask.iter().enumerate().filter(|(_, inside)| **inside).map(|(at, _)| at)
    }

    /// The mask as CSV that [`Aperture::from_file`] reads: rows of 0 and 1, the lowest row first.
    pub fn to_csv(&self) -> String {
        let mut text = String::with_capacity(2 * self.mask.len());
        for row in self.mask.chunks(self.columns) {
            for (n, inside) in row.iter().enumerate() {
                text.push_str(if n > 0 { "," } else { "" });
                text.push(if *inside { '1' } else { '0' });
            }
            text.push('\n');
        }
        text
    }

    /// Makes sure that the mask is for frames of that size.
    pub(crate) fn check(&self, tpf: &Tpf) -> Result<(), Error> {
        if (self.columns(), self.rows()) == (tpf.columns(), tpf.rows()) {
            return Ok(());
        }
        let found = format!("{}x{}", self.columns(), self.rows());
        Err(Error::MaskSize { found, wanted: format!("{}x{}", tpf.columns(), tpf.rows()) })
    }
}

/// The pixels that show sky and have a number in at least one frame.
pub(crate) fn with_data(tpf: &Tpf) -> Vec<bool> {
    let mut seen = vec![false; tpf.columns() * tpf.rows()];
    for frame in 0..tpf.frames() {
        for (seen, value) in seen.iter_mut().zip(tpf.frame(frame)) {
            *seen |= !value.is_nan();
        }
    }
    let sky = |bits: i32| bits & COLLECTED != 0 && bits & COLLATERAL == 0;
    seen.into_iter().zip(tpf.aperture()).map(|(seen, bits)| seen && sky(*bits)).collect()
}

/// The median over the good frames of every pixel; NaN where a pixel never has a number.
fn median_image(tpf: &Tpf) -> Vec<f32> {
    let good: Vec<&[f32]> =
        (0..tpf.frames()).filter(|&frame| tpf.is_good(frame)).map(|frame| tpf.frame(frame)).collect();
    let mut series = Vec::with_capacity(good.len());
    let median_of = |pixel: usize| median_in(&mut series, good.iter().map(|frame| frame[pixel]));
    (0..tpf.columns() * tpf.rows()).map(median_of).collect()
}

/// The median of the distances from the median.
fn mad(mut values: Vec<f32>) -> f32 {
    let centre = median(&mut values);
    values.iter_mut().for_each(|value| *value = (*value - centre).abs());
    median(&mut values)
}

/// What numpy's function of that name makes of a number.
fn nan_to_num(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(f32::MIN, f32::MAX) }
}

/// Of the groups of set pixels that touch along an edge, keeps the one closest to (columns/2, rows/2).
fn closest_group(set: &[bool], columns: usize, rows: usize) -> Vec<bool> {
    // Twice the distance along each axis is a whole number, so that equal distances are equal.
    let distance = |at: usize| {
        let (row, column) = ((at / columns) as i128, (at % columns) as i128);
        let (dy, dx) = (2 * row - rows as i128, 2 * column - columns as i128);
        dx * dx + dy * dy
    };
    let mut group = vec![false; set.len()];
    let seed = (0..set.len()).filter(|&at| set[at]).min_by_key(|&at| distance(at));
    let mut open: Vec<usize> = seed.into_iter().collect();
    while let Some(at) = open.pop() {
        if !set[at] || std::mem::replace(&mut group[at], true) {
            continue;
        }
        let (row, column) = (at / columns, at % columns);
        open.extend((column > 0).then(|| at - 1));
        open.extend((column + 1 < columns).then_some(at + 1));
        open.extend((row > 0).then(|| at - columns));
        open.extend((row + 1 < rows).then_some(at + columns));
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tpf::testing::File;

    fn mask(text: &str) -> Vec<bool> {
        text.bytes().filter(|byte| matches!(byte, b'#' | b'.')).map(|byte| byte == b'#').collect()
    }

    #[test]
    fn groups_touch_along_edges_and_the_one_closest_to_the_middle_stays() {
        let set = mask("##... #..#. ...#. ....# #....");
        assert_eq!(closest_group(&set, 5, 5), mask("..... ...#. ...#. ..... ....."));
    }

    #[test]
    fn of_two_groups_as_close_the_first_along_the_rows_stays() {
        // (nx/2, ny/2) = (2, 1) of four columns and two rows: pixels (1, 1) and (3, 1) are both 1 away.
        assert_eq!(closest_group(&mask(".... .#.#"), 4, 2), mask(".... .#.."));
    }

    #[test]
    fn the_deviation_is_the_median_of_distances_from_the_median() {
        assert_eq!(mad(vec![1.0, 2.0, 9.0]), 1.0);
    }

    #[test]
    fn flagged_frames_do_not_shape_the_threshold_mask() {
        let bright = |frame: usize, at: usize| if frame < 3 && at == 1 { 1e6 } else { 1.0 };
        let mut file = File::new(5, 3, 3, |frame, row, column| {
            (10 + row + 2 * column) as f32 * if row == 1 { bright(frame, column) } else { 1.0 }
        });
        assert_eq!(Aperture::threshold(&file.tpf(), 3.0).unwrap().mask(), mask("... .#. ..."));
        file.quality[..3].fill(128);
        assert!(matches!(Aperture::threshold(&file.tpf(), 3.0), Err(Error::EmptyAperture { .. })));
        file.quality.fill(128);
        let error = Aperture::threshold(&file.tpf(), 3.0).unwrap_err().to_string();
        assert_eq!(
            error,
            "the aperture is empty: none of 5 frames has a time and no severe quality flag; give a mask from a file \
             or the aperture `all`"
        );
    }

    #[test]
    fn all_leaves_out_collateral_uncollected_and_empty_pixels() {
        let mut file = File::new(2, 2, 3, |_, _, _| 1.0);
        file.aperture = vec![1, 1025, 0, 1, 3, 1];
        file.flux[3] = f32::NAN;
        file.flux[6 + 3] = f32::NAN;
        file.flux[4] = f32::NAN;
        assert_eq!(Aperture::all(&file.tpf()).unwrap().mask(), mask("#.. .##"));
        file.aperture.fill(0);
        let error = Aperture::all(&file.tpf()).unwrap_err().to_string();
        assert!(
            error.ends_with("no pixel of the stamp has data; cut the stamp at a place on the chip"),
            "{error}"
        );
    }

    #[test]
    fn a_mask_of_another_length_or_without_pixels_is_an_error() {
        let error = Aperture::new(3, 2, vec![true; 5]).unwrap_err().to_string();
        assert!(error.starts_with("the mask is 5 pixels, expected 3x2"), "{error}");
        let error = Aperture::new(3, 2, vec![false; 6]).unwrap_err().to_string();
        assert!(error.ends_with("mark at least one pixel with 1"), "{error}");
        assert!(Aperture::new(usize::MAX, 2, vec![]).is_err() && Aperture::new(0, 0, vec![]).is_err());
    }
}
