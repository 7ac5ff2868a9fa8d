//! The level of the sky around an aperture, frame by frame.

use std::collections::VecDeque;

use crate::Error;
use crate::aperture::Aperture;

/// Fewer pixels than this in a ring do not make a background.
const ENOUGH: usize = 8;

/// A scale that makes the median absolute deviation of normal noise its standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The standard error of the median of normal noise over that of its mean: the root of pi/2.
const MEDIAN_TO_MEAN: f64 = 1.253_314_137_315_500_3;

/// What is subtracted as background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Nothing.
    None,
    /// The level in a ring around the aperture.
    ///
    /// The distance of a pixel is its larger distance along columns or rows to the nearest pixel of the aperture, so
    /// that a ring around a square is square. Pixels with data at `inner..=outer` pixels are the ring; of fewer than
    /// 8, all pixels with data outside the aperture serve instead. In each frame the level is the median of the
    /// ring after pixels beyond 3 sigma (of 1.4826 x MAD) were dropped until none was left to drop; its standard
    /// error is 1.2533 sigma over the root of their number. A frame in which the ring has no finite pixel has
    /// neither background nor flux.
    Annulus {
        /// The nearest distance from the aperture, at least 1.
        inner: usize,
        /// The farthest distance from the aperture.
        outer: usize,
    },
}

/// A ring from 2 to 5 pixels: 72 pixels around a 5x5 aperture in an 11x11 stamp.
impl Default for Background {
    fn default() -> Self {
        Background::Annulus { inner: 2, outer: 5 }
    }
}

impl Background {
    /// The pixels `[row][column]` from which the background is measured.
    pub(super) fn pixels(&self, aperture: &Aperture, with_data: &[bool]) -> Result<Vec<bool>, Error> {
        let Background::Annulus { inner, outer } = *self else { return Ok(vec![false; with_data.len()]) };
        if inner == 0 || inner > outer {
            return Err(Error::Annulus { inner, outer });
        }
        let distances = distances(aperture);
        let within = |near: usize, far: usize| -> Vec<bool> {
            let pixels = distances.iter().zip(with_data);
            pixels.map(|(distance, data)| *data && (near..=far).contains(distance)).collect()
        };
        let ring = within(inner, outer);
        if ring.iter().filter(|inside| **inside).count() >= ENOUGH {
            return Ok(ring);
        }
        let outside = within(1, usize::MAX);
        if !outside.contains(&true) {
            let stamp = format!("{}x{}", aperture.columns(), aperture.rows());
            return Err(Error::NoBackground { aperture: aperture.count(), stamp });
        }
        Ok(outside)
    }
}

/// The distance of every pixel from the aperture, steps along a side or a corner counting 1.
fn distances(aperture: &Aperture) -> Vec<usize> {
    let (columns, rows) = (aperture.columns(), aperture.rows());
    let mut distances = vec![usize::MAX; columns * rows];
    let mut open: VecDeque<usize> = aperture.pixels().collect();
    for &at in &open {
        distances[at] = 0;
    }
    while let Some(at) = open.pop_front() {
        let (row, column) = (at / columns, at % columns);
        for y in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
            for x in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                let next = y * columns + x;
                if distances[next] == usize::MAX {
                    distances[next] = distances[at] + 1;
                    open.push_back(next);
                }
            }
        }
    }
    distances
}

/// The level of one pixel and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// The clipped median of the finite ones of some pixels of a frame; NaN where there is none.
pub(super) fn level(frame: &[f32], pixels: &[usize]) -> Level {
    let mut values: Vec<f64> =
        pixels.iter().map(|&at| f64::from(frame[at])).filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let mut kept = &values[..];
    loop {
        let centre = median_of_sorted(kept);
        let sigma = MAD_TO_SIGMA * mad_of_sorted(kept, centre);
        // Ascending values, so what is clipped stands at the ends. A sigma of 0 would clip all but equal ones.
        let low = kept.partition_point(|value| *value < centre - 3.0 * sigma);
        let high = kept.partition_point(|value| *value <= centre + 3.0 * sigma);
        if sigma > 0.0 && high - low < kept.len() {
            kept = &kept[low..high];
            continue;
        }
        let error = MEDIAN_TO_MEAN * sigma / (kept.len() as f64).sqrt();
        return Level { value: centre, error };
    }
}

/// The median of ascending values, the mean of the middle two of an even count; NaN of none.
pub(super) fn median_of_sorted(values: &[f64]) -> f64 {
    match values {
        [] => f64::NAN,
        _ if values.len() % 2 == 1 => values[values.len() / 2],
        _ => (values[values.len() / 2 - 1] + values[values.len() / 2]) / 2.0,
    }
}

fn mad_of_sorted(values: &[f64], centre: f64) -> f64 {
    let mut distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    distances.sort_by(f64::total_cmp);
    median_of_sorted(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(
        columns: usize,
        rows: usize,
        inside: &[usize],
        inner: usize,
        outer: usize,
    ) -> Result<usize, String> {
        let mask = (0..columns * rows).map(|at| inside.contains(&at)).collect();
        let aperture = Aperture::new(columns, rows, mask).unwrap();
        let pixels = Background::Annulus { inner, outer }.pixels(&aperture, &vec![true; columns * rows]);
        Ok(pixels.map_err(|error| error.to_string())?.iter().filter(|inside| **inside).count())
    }

    #[test]
    fn a_ring_is_square_and_a_thin_one_is_widened_to_all_pixels_outside() {
        assert_eq!(ring(11, 11, &[60], 2, 3), Ok(49 - 9));
        assert_eq!(ring(11, 11, &[60], 5, 5), Ok(121 - 81));
        assert_eq!(ring(5, 3, &[7], 2, 5), Ok(14));
        assert_eq!(ring(2, 1, &[0], 2, 5), Ok(1));
    }

    #[test]
    fn a_stamp_without_room_for_a_background_names_the_way_out() {
        assert_eq!(
            ring(2, 1, &[0, 1], 2, 5).unwrap_err(),
            "no pixel outside the aperture of 2 pixels is left for the background of a 2x1 stamp; use --background \
             none or a larger stamp"
        );
        let error = ring(5, 5, &[12], 3, 2).unwrap_err();
        assert_eq!(error, "the annulus is 3..=2 pixels from the aperture, expected 1 <= inner <= outer");
        assert!(ring(5, 5, &[12], 0, 2).is_err());
    }

    #[test]
    fn bright_neighbours_and_nan_do_not_move_the_level() {
        let mut frame: Vec<f32> = (0..40).map(|at| 100.0 + (at % 5) as f32).collect();
        frame[7] = 1e6;
        frame[8] = f32::NAN;
        frame[9] = f32::INFINITY;
        let pixels: Vec<usize> = (0..40).collect();
        let level = level(&frame, &pixels);
        assert_eq!(level.value, 102.0);
        assert!((level.error - MEDIAN_TO_MEAN * MAD_TO_SIGMA / 37f64.sqrt()).abs() < 1e-12, "{level:?}");
    }

    #[test]
    fn one_value_alone_clips_nothing_and_none_is_nan() {
        assert_eq!(level(&[5.0, 5.0, 9.0], &[0, 1, 2]), Level { value: 5.0, error: 0.0 });
        assert!(level(&[f32::NAN], &[0]).value.is_nan());
    }
}
