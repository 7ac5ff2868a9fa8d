//! Which pixels of the frame a cutout covers.

use std::ops::Range;

use uranometria_wcs::Wcs;

use crate::Error;

/// The most pixels a side: twice a TESS chip.
const MAX_SIDE: usize = 4272;

/// How large a cutout shall be: columns, then rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// In pixels.
    Pixels {
        /// Columns.
        columns: usize,
        /// Rows.
        rows: usize,
    },
    /// As angles, turned into pixels by the pixel scale at the reference pixel and rounded.
    Degrees {
        /// Along the columns.
        columns: f64,
        /// Along the rows.
        rows: f64,
    },
}

impl Size {
    /// A square of pixels.
    pub fn square(side: usize) -> Self {
        Size::Pixels { columns: side, rows: side }
    }

    /// The size in pixels: at least 1 x 1.
    ///
    /// # Errors
    /// [`Error::Size`]; an angle needs `wcs`.
    pub fn pixels(self, wcs: Option<&Wcs>) -> Result<(usize, usize), Error> {
        let (columns, rows) = match (self, wcs) {
            (Size::Pixels { columns, rows }, _) => (columns as f64, rows as f64),
            (Size::Degrees { columns, rows }, Some(wcs)) => {
                let [x, y] = wcs.pixel_scales_deg();
                let pixels = |angle: f64, scale: f64| {
                    if angle > 0.0 { (angle / scale).round().max(1.0) } else { angle }
                };
                (pixels(columns, x), pixels(rows, y))
            }
            (Size::Degrees { columns, rows }, None) => {
                let found = format!("{columns} x {rows} deg without world coordinates");
                return Err(Error::Size { found, max: MAX_SIDE });
            }
        };
        let fits = |side: f64| (1.0..=MAX_SIDE as f64).contains(&side);
        if fits(columns) && fits(rows) {
            Ok((columns as usize, rows as usize))
        } else {
            Err(Error::Size { found: format!("{columns} x {rows}"), max: MAX_SIDE })
        }
    }
}

/// A rectangle of pixels, which may reach over the edges of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Frame column of the first pixel, from 0; negative off the frame.
    pub x0: i64,
    /// Frame row of the first pixel, from 0.
    pub y0: i64,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Stamp {
    /// Puts a stamp around a position, `x` and `y` in 0-based pixels of the frame.
    ///
    /// Odd sizes have the pixel nearest to the position in the middle. Even sizes begin at the integer nearest to
    /// `position - size / 2` (a half goes to the even integer), as astrocut's do.
    pub fn around(x: f64, y: f64, columns: usize, rows: usize) -> Self {
        let first = |position: f64, side: usize| {
            if side % 2 == 1 {
                // A target may be infinitely far off the frame, where the integer has stopped.
                ((position + 0.5).floor() as i64).saturating_sub((side / 2) as i64)
            } else {
                (position - side as f64 / 2.0).round_ties_even() as i64
            }
        };
        Stamp { x0: first(x, columns), y0: first(y, rows), columns, rows }
    }

    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.columns * self.rows
    }

    /// The columns of the stamp that lie on a frame of so many columns.
    pub fn columns_on(&self, frame_columns: usize) -> Range<usize> {
        on(self.x0, self.columns, frame_columns)
    }

    /// The rows of the stamp that lie on a frame of so many rows.
    pub fn rows_on(&self, frame_rows: usize) -> Range<usize> {
        on(self.y0, self.rows, frame_rows)
    }

    /// Whether at least one pixel lies on the frame.
    pub fn touches(&self, frame_columns: usize, frame_rows: usize) -> bool {
        !self.columns_on(frame_columns).is_empty() && !self.rows_on(frame_rows).is_empty()
    }

    /// What the APERTURE image holds, `[row][column]`: 0 off the frame, 1 on it, and 1024 more on collateral pixels.
    ///
    /// Collateral pixels are known for whole TESS chips (2136 x 2078): columns before 44 and from 2092 on, and rows
    /// from 2048 on, counted from 0.
    pub fn aperture(&self, frame_columns: usize, frame_rows: usize) -> Vec<i32> {
        self.aperture_rows(0..self.rows, frame_columns, frame_rows)
    }

    /// The same of some rows of the stamp.
    pub(crate) fn aperture_rows(
        &self,
        rows: Range<usize>,
        frame_columns: usize,
        frame_rows: usize,
    ) -> Vec<i32> {
        let whole_chip = (frame_columns, frame_rows) == (2136, 2078);
        let mut aperture = Vec::with_capacity(rows.len() * self.columns);
        for row in rows {
            for column in 0..self.columns as i64 {
                let (x, y) = (self.x0 + column, self.y0 + row as i64);
                let inside = (0..frame_columns as i64).contains(&x) && (0..frame_rows as i64).contains(&y);
                let collateral = whole_chip && (!(44..2092).contains(&x) || y >= 2048);
                aperture.push(match (inside, collateral) {
                    (false, _) => 0,
                    (true, false) => 1,
                    (true, true) => 1 + 1024,
                });
            }
        }
        aperture
    }
}

/// The part of `0..side` whose frame pixels `first + n` are on the frame.
fn on(first: i64, side: usize, frame: usize) -> Range<usize> {
    let start = first.saturating_neg().clamp(0, side as i64) as usize;
    let end = (frame as i64).saturating_sub(first).clamp(0, side as i64) as usize;
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_have_the_nearest_pixel_in_the_middle() {
        for (x, middle) in [(10.0, 10), (10.49, 10), (9.51, 10), (10.5, 11), (-0.4, 0)] {
            let stamp = Stamp::around(x, 0.0, 5, 1);
            assert_eq!(stamp.x0 + 2, middle, "{x}");
        }
    }

    #[test]
    fn even_sizes_begin_where_those_of_astrocut_do() {
        // round(10.3 - 2) = 8, round(10.7 - 2) = 9
        assert_eq!(Stamp::around(10.3, 0.0, 4, 1).x0, 8);
        assert_eq!(Stamp::around(10.7, 0.0, 4, 1).x0, 9);
    }

    #[test]
    fn a_stamp_over_the_corner_covers_only_what_is_there() {
        let stamp = Stamp { x0: -3, y0: 97, columns: 5, rows: 5 };
        assert_eq!((stamp.columns_on(120), stamp.rows_on(100)), (3..5, 0..3));
        assert!(stamp.touches(120, 100));
        assert!(!Stamp { x0: -5, ..stamp }.touches(120, 100));
        assert!(!Stamp { x0: i64::MIN, ..stamp }.touches(120, 100));
    }

    #[test]
    fn a_stamp_around_a_place_beyond_all_integers_touches_no_frame() {
        for x in [f64::NEG_INFINITY, -1e300, 1e300, f64::INFINITY] {
            for side in [1, 4, 5] {
                assert!(!Stamp::around(x, 0.0, side, side).touches(100, 100), "{x}");
            }
        }
    }

    #[test]
    fn collateral_pixels_of_a_whole_chip_carry_their_bit() {
        let stamp = Stamp { x0: 42, y0: 2046, columns: 4, rows: 3 };
        assert_eq!(stamp.aperture(2136, 2078), [1025, 1025, 1, 1, 1025, 1025, 1, 1, 1025, 1025, 1025, 1025]);
        assert_eq!(stamp.aperture(120, 2078)[0], 1);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for size in [Size::square(0), Size::square(100_000), Size::Degrees { columns: f64::NAN, rows: 1.0 }] {
            assert!(size.pixels(None).is_err());
        }
    }
}
