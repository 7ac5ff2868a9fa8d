//! Where a cube keeps the pixels of one star.
//!
//! A cube stores each pixel's time series contiguously, and pixels of a row one after another, so a cutout of `ny`
//! rows is `ny` reads. This module computes byte ranges only; reading them is the caller's business.
//!
//! Layout: FITS 4.0, section 3.3; axes as in the cubes that astrocut makes: `[y][x][time][plane]`.

use std::ops::Range;

/// The shape of a cube: `[rows][columns][frames][planes]` of big-endian f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CubeLayout {
    /// NAXIS4: rows of the chip.
    pub rows: usize,
    /// NAXIS3: columns of the chip.
    pub columns: usize,
    /// NAXIS2: frames in time.
    pub frames: usize,
    /// NAXIS1: 2 for flux and error, 1 for flux alone.
    pub planes: usize,
}

impl CubeLayout {
    /// Pixels of the chip.
    pub fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Bytes of one pixel's series.
    pub fn series_len(&self) -> usize {
        self.frames * self.planes * 4
    }

    /// Bytes of all pixels; `None` where they do not fit 63 bits.
    pub fn data_len(&self) -> Option<u64> {
        let sizes = [self.rows, self.columns, self.frames, self.planes, 4];
        let len = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64))?;
        (len <= i64::MAX as u64).then_some(len)
    }

    /// The bytes, counted from the first pixel, of columns `columns` of row `y`.
    ///
    /// The caller keeps `y` and `columns` inside the chip.
    pub fn row_segment(&self, y: usize, columns: Range<usize>) -> Range<u64> {
        let at = |x: usize| (y * self.columns + x) as u64 * self.series_len() as u64;
        at(columns.start)..at(columns.end)
    }
}
