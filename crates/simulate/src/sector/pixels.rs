//! Light on the pixels of a frame.

use super::chip::{SCIENCE_COLUMNS, SCIENCE_ROWS};
use super::options::{CHIP_COLUMNS, CHIP_ROWS, SectorOptions};
use crate::random::{Purpose, Random};

/// Sigma of the Gaussian that a star's light is spread by, pixels.
pub(crate) const SIGMA_PX: f64 = 0.85;

/// How far a star's light reaches along columns and along rows, pixels: 7 sigma, where 1e-11 of it is left.
pub(crate) const REACH_PX: f64 = 6.0;

/// Electrons of noise at each readout of the outputs A to D.
pub(crate) const READ_NOISE_E: [f64; 4] = [10.0, 7.5, 7.5, 9.4];

/// The fraction of the time that light is collected: 1.98 of 2 s, of which cosmic-ray rejection keeps eight of ten.
pub(crate) const LIVE: f64 = 0.792;

/// Readouts added up in a frame: one each 2 s, eight of ten kept.
pub(crate) fn readouts(cadence_s: f64) -> i64 {
    (cadence_s / 2.0 * 0.8) as i64
}

/// What does not change from frame to frame, for the columns and rows of the window.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    columns: usize,
    rows: usize,
    /// Columns and rows of the window that see the sky.
    sky_columns: std::ops::Range<usize>,
    sky_rows: std::ops::Range<usize>,
    /// Background by column and by row: (e/s a pixel).
    column_background: Vec<f32>,
    row_background: Vec<f32>,
    /// Scattered light by column and by row: its product counts.
    column_scatter: Vec<f32>,
    row_scatter: Vec<f32>,
    /// Pattern in the pixels without sky, by column and by row.
    column_bias: Vec<f32>,
    row_bias: Vec<f32>,
    /// Square of the read noise by column, (e/s)^2.
    read_variance: Vec<f32>,
    exposure_s: f32,
}

/// One source in one frame: pixel (x, y) of the window and its flux in electrons a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) flux_e_per_s: f64,
}

impl Detector {
    pub(crate) fn new(options: &SectorOptions) -> Self {
        let exposure_s = options.cadence_s * LIVE;
        let columns = options.column0..options.column0 + options.columns;
        let rows = options.row0..options.row0 + options.rows;
        let of = |range: &std::ops::Range<usize>, len: usize, value: &dyn Fn(f64) -> f64| -> Vec<f32> {
            range.clone().map(|at| value(at as f64 / len as f64) as f32).collect()
        };
        let mut random = Random::new(options.seed, Purpose::Bias);
        let mut bias = |len: usize, range: &std::ops::Range<usize>| -> Vec<f32> {
            let whole: Vec<f32> = (0..len).map(|_| 0.2 * random.normal()).collect();
            whole[range.clone()].to_vec()
        };
        let inside = |science: std::ops::Range<usize>, window: &std::ops::Range<usize>| {
            let start = science.start.clamp(window.start, window.end);
            let end = science.end.clamp(start, window.end);
            start - window.start..end - window.start
        };
        let read_noise = |column: usize| {
            // Each output serves 512 columns that see the sky and 11 before and behind them.
            let output = if SCIENCE_COLUMNS.contains(&column) {
                (column - SCIENCE_COLUMNS.start) / 512
            } else {
                column % 44 / 11
            };
            let noise = READ_NOISE_E[output.min(3)] / exposure_s;
            (noise * noise * readouts(options.cadence_s).max(1) as f64) as f32
        };
        Detector {
            columns: options.columns,
            rows: options.rows,
            sky_columns: inside(SCIENCE_COLUMNS, &columns),
            sky_rows: inside(SCIENCE_ROWS, &rows),
            column_background: of(&columns, CHIP_COLUMNS, &|x| 80.0 + 30.0 * x),
            row_background: of(&rows, CHIP_ROWS, &|y| 20.0 * y * y),
            column_scatter: of(&columns, CHIP_COLUMNS, &|x| 1.0 - 0.7 * x),
            row_scatter: of(&rows, CHIP_ROWS, &|y| (1.0 - 0.6 * y) * (1.0 - 0.6 * y)),
            column_bias: bias(CHIP_COLUMNS, &columns),
            row_bias: bias(CHIP_ROWS, &rows),
            read_variance: columns.clone().map(read_noise).collect(),
            exposure_s: exposure_s as f32,
        }
    }

    /// The model without noise, `[y][x]`, electrons a second. `scatter_e_per_s` is the scattered light where it is
    /// brightest.
    pub(crate) fn model(&self, scatter_e_per_s: f64, lights: impl Iterator<Item = Light>) -> Vec<f32> {
        let mut image = Vec::with_capacity(self.columns * self.rows);
        for y in 0..self.rows {
            let bias = self.row_bias[y];
            if !self.sky_rows.contains(&y) {
                image.extend(self.column_bias.iter().map(|column| bias + column));
                continue;
            }
            let (background, scatter) =
                (self.row_background[y], scatter_e_per_s as f32 * self.row_scatter[y]);
            let sky = self.sky_columns.clone();
            image.extend(self.column_bias[..sky.start].iter().map(|column| bias + column));
            let columns = self.column_background[sky.clone()].iter().zip(&self.column_scatter[sky.clone()]);
            image.extend(columns.map(|(level, share)| background + level + scatter * share));
            image.extend(self.column_bias[sky.end..].iter().map(|column| bias + column));
        }
        let (mut across, mut along) = (Vec::new(), Vec::new());
        for light in lights {
            let first_column = shares(light.x, &self.sky_columns, &mut across);
            let first_row = shares(light.y, &self.sky_rows, &mut along);
            for (row, share) in along.iter().enumerate() {
                let flux = light.flux_e_per_s * share;
                let start = (first_row + row) * self.columns + first_column;
                for (pixel, share) in image[start..start + across.len()].iter_mut().zip(&across) {
                    *pixel += (flux * share) as f32;
                }
            }
        }
        image
    }

    /// Turns the model into big-endian bytes of measured flux and of its uncertainty, electrons a second.
    ///
    /// Without `noise` the measured flux is the model. `scale` is a factor on both.
    pub(crate) fn expose(&self, model: &[f32], noise: Option<Random>, scale: f32) -> (Vec<u8>, Vec<u8>) {
        let (mut flux, mut uncertainty) = (vec![0; model.len() * 4], vec![0; model.len() * 4]);
        let mut noise = noise;
        let row_bytes = self.columns * 4;
        let rows = flux.chunks_exact_mut(row_bytes).zip(uncertainty.chunks_exact_mut(row_bytes));
        for (model, (flux, uncertainty)) in model.chunks_exact(self.columns).zip(rows) {
            let out = flux.as_chunks_mut::<4>().0.iter_mut().zip(uncertainty.as_chunks_mut::<4>().0);
            for ((light, variance), (flux, uncertainty)) in model.iter().zip(&self.read_variance).zip(out) {
                let sigma = (light.max(0.0) / self.exposure_s + variance).sqrt();
                let measured = match &mut noise {
                    Some(random) => light + sigma * random.normal(),
                    None => *light,
                };
                *flux = (measured * scale).to_be_bytes();
                *uncertainty = (sigma * scale).to_be_bytes();
            }
        }
        (flux, uncertainty)
    }
}

/// Scattered light in electrons a second where it is brightest: it peaks as each orbit begins and ends, when the
/// Earth is near, and breathes with the Earth's rotation meanwhile.
pub(crate) fn scatter_e_per_s(days: f64, orbit_d: f64) -> f64 {
    let near = 0.5 + 0.5 * libm::cos(std::f64::consts::TAU * days / orbit_d);
    let near_squared = near * near;
    60.0 * near_squared * near_squared + 2.0 * (1.0 + libm::sin(std::f64::consts::TAU * days))
}

/// The shares of a star's light in the pixels of one axis around `centre`, clipped to `within`. Returns the first
/// pixel.
fn shares(centre: f64, within: &std::ops::Range<usize>, out: &mut Vec<f64>) -> usize {
    out.clear();
    let first = (centre - REACH_PX).ceil().max(within.start as f64);
    let last = (centre + REACH_PX).floor().min(within.end as f64 - 1.0);
    if centre.is_nan() || first > last {
        return within.start;
    }
    let edge = |at: f64| libm::erf((at - centre) / (SIGMA_PX * std::f64::consts::SQRT_2));
    let mut left = edge(first - 0.5);
    let mut at = first;
    while at <= last {
        let right = edge(at + 0.5);
        out.push(0.5 * (right - left));
        left = right;
        at += 1.0;
    }
    first as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_light_of_a_star_falls_on_the_pixels_around_it() {
        let mut out = Vec::new();
        for centre in [50.0, 50.5, 49.501, 50.25] {
            let first = shares(centre, &(0..100), &mut out);
            let sum: f64 = out.iter().sum();
            let mean: f64 = out.iter().enumerate().map(|(n, share)| (first + n) as f64 * share).sum();
            assert!((sum - 1.0).abs() < 1e-9 && (mean - centre).abs() < 1e-6, "{centre}: {sum} {mean}");
        }
    }

    #[test]
    fn light_off_the_sky_is_cut_off() {
        let mut out = Vec::new();
        assert_eq!(shares(-3.0, &(0..10), &mut out), 0);
        assert_eq!(out.len(), 4);
        shares(-7.0, &(0..10), &mut out);
        assert!(out.is_empty());
        shares(5.0, &(10..10), &mut out);
        assert!(out.is_empty());
        shares(f64::NAN, &(0..10), &mut out);
        assert!(out.is_empty());
    }
}
