//! Medians: of numbers, and of every pixel over time.

use std::sync::atomic::AtomicBool;

use uranometria_fits::Source;

use crate::output::{NEVER, go_on};
use crate::pixels::{Series, Tile, most_pixels};
use crate::{Cutout, Error};

/// The median of numbers, which are put into another order; of an even count, the single-precision mean of the middle
/// two. NaN of none.
pub(crate) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return f32::NAN;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(values.len() / 2, f32::total_cmp);
    let upper = *upper;
    match below.iter().copied().max_by(f32::total_cmp) {
        Some(lower) if even => (lower + upper) / 2.0,
        _ => upper,
    }
}

/// The median of what is a number, gathered in `series`.
pub(crate) fn median_in(series: &mut Vec<f32>, values: impl Iterator<Item = f32>) -> f32 {
    series.clear();
    series.extend(values.filter(|value| !value.is_nan()));
    median(series)
}

/// Takes the median of every pixel over time, NaN left out.
///
/// `flux` is `[time][pixel]`; the result has `pixels` values, NaN where a pixel never has any.
pub fn median_image(flux: &[f32], pixels: usize) -> Vec<f32> {
    let mut series = Vec::with_capacity(flux.len() / pixels.max(1));
    let median_of = |pixel: usize| median_in(&mut series, flux.iter().skip(pixel).step_by(pixels).copied());
    (0..pixels).map(median_of).collect()
}

impl<S: Source> Cutout<'_, S> {
    /// Takes the median of the flux of every pixel `[row][column]` over the frames, NaN left out, and NaN where there
    /// is nothing else.
    ///
    /// The same as [`median_image`] of [`Cutout::flux`], in some tens of MiB of memory whatever the number of frames
    /// and the size of the stamp.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn median_image(&self) -> Result<Vec<f32>, Error> {
        self.median_image_watched(&NEVER)
    }

    /// The same until `stop` becomes true.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; as [`Cutout::median_image`].
    pub fn median_image_watched(&self, stop: &AtomicBool) -> Result<Vec<f32>, Error> {
        let frames = self.len();
        let mut image = Vec::with_capacity(self.stamp.pixels());
        let mut flux = Vec::new();
        for tile in Tile::cut(self.stamp.columns, self.stamp.rows, most_pixels(frames)) {
            flux.clear();
            flux.resize(tile.pixels() * frames, f32::NAN);
            let mut first = 0;
            // Of a moving target a pixel of the stamp is another one of the cube in each run.
            for run in &self.runs {
                go_on(stop)?;
                let series = Series::of(self.cutter.cube(), run, &tile, run.frames.clone())?;
                for (pixel, words) in series.flux(run.frames.clone()) {
                    let into = &mut flux[pixel * frames + first..];
                    into.iter_mut().zip(words).for_each(|(value, word)| *value = word);
                }
                first += run.frames.len();
            }
            let mut numbers: Vec<f32> = Vec::with_capacity(frames);
            for series in flux.chunks_exact(frames.max(1)) {
                image.push(median_in(&mut numbers, series.iter().copied()));
            }
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::cutter::Run;
    use crate::pixels::testing::{Unmapped, cube, cutter};
    use crate::{Place, Size, Stamp};

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn the_median_image_leaves_nan_out() {
        let nan = f32::NAN;
        let flux = [1.0, nan, 5.0, nan, 3.0, nan, 4.0, 7.0];
        assert_eq!(median_image(&flux, 2), [3.5, 7.0]);
        assert!(median_image(&[nan], 1)[0].is_nan());
        assert!(median_image(&[], 0).is_empty());
    }

    #[test]
    fn the_median_image_of_a_cutout_is_that_of_its_flux_in_bounded_memory() {
        // Two tiles and a half of series; the stamp reaches over the edges.
        let unmapped = Unmapped::new(cube(40, 50, 2500));
        let cutter = cutter(&unmapped);
        let (place, size) = (Place::Pixel { x: 20.0, y: 25.0 }, Size::Pixels { columns: 44, rows: 48 });
        let still = cutter.cut(place, size).unwrap();
        let stamp = |x0| Stamp { x0, ..still.stamp };
        let runs = vec![
            Run { frames: 3..900, stamp: stamp(-4) },
            Run { frames: 900..901, stamp: stamp(3) },
            Run { frames: 1200..2500, stamp: stamp(9) },
        ];
        let moving = Cutout { runs, ..cutter.cut(place, size).unwrap() };
        for cutout in [still, moving] {
            let wanted = median_image(&cutout.flux().unwrap(), cutout.stamp.pixels());
            unmapped.longest.store(0, Ordering::Relaxed);
            let found = cutout.median_image().unwrap();
            let bits = |image: &[f32]| image.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert!(bits(&found) == bits(&wanted));
            assert!(unmapped.longest.load(Ordering::Relaxed) <= 1 << 20);
            let stop = AtomicBool::new(true);
            assert!(matches!(cutout.median_image_watched(&stop), Err(Error::Interrupted)));
        }
    }
}
