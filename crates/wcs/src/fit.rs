//! The linear WCS that comes closest.
//!
//! A cutout is small enough for a linear system, and readers of target pixel files know no other.
//! The fit is least squares of an affine map from pixels to the plane tangent at a given point;
//! distances on the sky say how good it is.

use crate::Error;
use crate::wcs::{Wcs, inverted};

/// A linear WCS and how far it is from what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFit {
    /// A TAN system without SIP.
    pub wcs: Wcs,
    /// The largest distance on the sky, in degrees, at any pixel compared (WCS_MSEP of a TPF).
    pub max_separation_deg: f64,
    /// The square root of the sum of the squared distances, in degrees (WCS_SIG of a TPF).
    pub root_sum_square_deg: f64,
}

/// The largest side of a stamp. Every pixel is looked at, so this bounds the time, not memory.
const MAX_SIDE: usize = 65_536;

/// Samples of a stamp that a fit aims at.
const SAMPLES: usize = 100;

/// Fits a linear WCS to `wcs` over a stamp.
///
/// The stamp has `columns` x `rows` pixels, of which the first is the frame's 0-based pixel
/// (`x0`, `y0`); it may hang over the frame's edge, or lie off it. The tangent point is the sky
/// position of the stamp's centre; about 100 evenly spaced pixels with the last column and row are
/// fitted, and all are compared. The WCS returned counts the stamp's own pixels.
///
/// # Errors
/// [`Error::StampSize`] for no pixels or a side above 65,536; [`Error::NotFinite`],
/// [`Error::BehindTangentPlane`] or [`Error::Degenerate`] for a stamp so far off the frame that SIP
/// makes nonsense of it.
pub fn fit_stamp(wcs: &Wcs, x0: i64, y0: i64, columns: usize, rows: usize) -> Result<LinearFit, Error> {
    if columns == 0 || rows == 0 || columns > MAX_SIDE || rows > MAX_SIDE {
        return Err(Error::StampSize { columns, rows, limit: MAX_SIDE });
    }
    let stamp = wcs.shifted(x0 as f64, y0 as f64);
    let (ra, dec) = stamp.pixel_to_sky((columns - 1) as f64 / 2.0, (rows - 1) as f64 / 2.0);
    let step = (1..).find(|step| (columns / step) * (rows / step) <= SAMPLES).unwrap_or(MAX_SIDE);
    let across = samples(columns, step);
    let pixels: Vec<[f64; 2]> =
        samples(rows, step).into_iter().flat_map(|y| across.iter().map(move |&x| [x, y])).collect();
    let linear = least_squares(&pixels, &stamp.pixels_to_sky(&pixels), [ra, dec])?;
    let all = (0..rows).flat_map(|y| (0..columns).map(move |x| (x as f64, y as f64)));
    Ok(compared(linear.clone(), all.map(|(x, y)| (linear.unit_vector(x, y), stamp.unit_vector(x, y)))))
}

/// Fits a linear WCS to points known in pixels and on the sky.
///
/// `pixels[k]` is `[x, y]`, 0-based, and `sky_deg[k]` the `[ra, dec]` of the same point in degrees.
/// `tangent_deg` is the tangent point, somewhere among them. The distances of the result are over
/// the points.
///
/// # Errors
/// [`Error::LengthMismatch`]; [`Error::Degenerate`] for fewer than three points or points on one
/// line; [`Error::NotFinite`], [`Error::Declination`] and [`Error::BehindTangentPlane`] for a
/// point that cannot be used.
pub fn fit_tan(pixels: &[[f64; 2]], sky_deg: &[[f64; 2]], tangent_deg: [f64; 2]) -> Result<LinearFit, Error> {
    let linear = least_squares(pixels, sky_deg, tangent_deg)?;
    let truth = |&[ra, dec]: &[f64; 2]| {
        let ((sin_ra, cos_ra), (sin_dec, cos_dec)) = (ra.to_radians().sin_cos(), dec.to_radians().sin_cos());
        [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]
    };
    let pairs = pixels.iter().zip(sky_deg).map(|(p, sky)| (linear.unit_vector(p[0], p[1]), truth(sky)));
    Ok(compared(linear.clone(), pairs))
}

/// Pixels of one axis to fit on: every `step`-th and the last. A side of one pixel is sampled at
/// that pixel's edges, since a slope needs two places.
fn samples(length: usize, step: usize) -> Vec<f64> {
    if length == 1 {
        return vec![-0.5, 0.5];
    }
    let mut at: Vec<f64> = (0..length).step_by(step).map(|i| i as f64).collect();
    if !(length - 1).is_multiple_of(step) {
        at.push((length - 1) as f64);
    }
    at
}

fn least_squares(pixels: &[[f64; 2]], sky_deg: &[[f64; 2]], tangent_deg: [f64; 2]) -> Result<Wcs, Error> {
    if pixels.len() != sky_deg.len() {
        return Err(Error::LengthMismatch { pixels: pixels.len(), positions: sky_deg.len() });
    }
    let degenerate = Error::Degenerate { points: pixels.len() };
    if pixels.len() < 3 {
        return Err(degenerate);
    }
    for (k, pixel) in pixels.iter().enumerate() {
        if let Some(&found) = pixel.iter().find(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: format!("pixel of point {k}"), found });
        }
    }
    // A system whose pixels are degrees in the tangent plane, so that LONPOLE is the right one too.
    let plane = Wcs::tan(tangent_deg, [1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])?;
    let plane_deg: Vec<[f64; 2]> = plane.skies_to_pixels(sky_deg).into_iter().collect::<Result<_, _>>()?;

    // Sums about the means: no digits are lost to the size of the pixel numbers.
    let (pixel_mean, plane_mean) = (mean(pixels), mean(&plane_deg));
    let mut normal = [[0.0; 2]; 2];
    let mut right = [[0.0; 2]; 2];
    for (pixel, world) in pixels.iter().zip(&plane_deg) {
        for i in 0..2 {
            for j in 0..2 {
                normal[i][j] += (pixel[i] - pixel_mean[i]) * (pixel[j] - pixel_mean[j]);
                right[i][j] += (world[i] - plane_mean[i]) * (pixel[j] - pixel_mean[j]);
            }
        }
    }
    let inverse = inverted(normal).ok_or_else(|| degenerate.clone())?;
    let cd = right.map(|row| [0, 1].map(|j| row[0] * inverse[0][j] + row[1] * inverse[1][j]));
    let to_pixel = inverted(cd).ok_or(degenerate)?;
    let crpix = [0, 1].map(|i| {
        let offset = to_pixel[i][0] * plane_mean[0] + to_pixel[i][1] * plane_mean[1];
        pixel_mean[i] - offset + 1.0
    });
    Wcs::tan(tangent_deg, crpix, cd)
}

fn mean(points: &[[f64; 2]]) -> [f64; 2] {
    let count = points.len() as f64;
    [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count)
}

fn compared(wcs: Wcs, pairs: impl Iterator<Item = ([f64; 3], [f64; 3])>) -> LinearFit {
    let (mut largest, mut sum) = (0.0_f64, 0.0_f64);
    for (here, there) in pairs {
        let squared_chord: f64 = here.iter().zip(there).map(|(h, t)| (h - t) * (h - t)).sum();
        let separation = 2.0 * (squared_chord.sqrt() / 2.0).min(1.0).asin();
        largest = largest.max(separation);
        sum += separation * separation;
    }
    LinearFit { wcs, max_separation_deg: largest.to_degrees(), root_sum_square_deg: sum.sqrt().to_degrees() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sip;

    const PIXEL_DEG: f64 = 21.0 / 3600.0;

    fn frame() -> Wcs {
        let a = Sip::new(2, [((2, 0), -1.9e-5), ((0, 2), -2.9e-6)]).unwrap();
        let b = Sip::new(2, [((1, 1), -1.6e-5), ((2, 0), 1e-6)]).unwrap();
        let cd = [[PIXEL_DEG * 0.8, -PIXEL_DEG * 0.6], [PIXEL_DEG * 0.6, PIXEL_DEG * 0.8]];
        Wcs::tan([0.2, -43.0], [1045.0, 1001.0], cd).unwrap().with_sip(a, b)
    }

    #[test]
    fn a_small_stamp_of_a_distorted_frame_is_nearly_linear() {
        let fit = fit_stamp(&frame(), 300, 1700, 11, 11).unwrap();
        assert!(fit.wcs.is_linear());
        assert!(fit.max_separation_deg < 0.005 * PIXEL_DEG, "{fit:?}");
        assert!(fit.max_separation_deg > 1e-9);
        assert!(fit.root_sum_square_deg >= fit.max_separation_deg);
        assert!(fit.root_sum_square_deg <= 11.0 * fit.max_separation_deg);
        let (here, there) = (fit.wcs.pixel_to_sky(5.0, 5.0), frame().pixel_to_sky(305.0, 1705.0));
        assert!((here.0 - there.0).hypot(here.1 - there.1) < 1e-5);
    }

    #[test]
    fn errors_are_those_of_the_whole_stamp() {
        let (columns, rows) = (40, 23);
        let fit = fit_stamp(&frame(), -7, 30, columns, rows).unwrap();
        let (mut largest, mut sum) = (0.0_f64, 0.0);
        for y in 0..rows {
            for x in 0..columns {
                let (ra, dec) = frame().pixel_to_sky(x as f64 - 7.0, y as f64 + 30.0);
                let (ra2, dec2) = fit.wcs.pixel_to_sky(x as f64, y as f64);
                let dra = (ra2 - ra + 180.0).rem_euclid(360.0) - 180.0;
                let separation = (dra * dec.to_radians().cos()).hypot(dec2 - dec);
                largest = largest.max(separation);
                sum += separation * separation;
            }
        }
        assert!((fit.max_separation_deg - largest).abs() < 1e-4 * largest);
        assert!((fit.root_sum_square_deg - sum.sqrt()).abs() < 1e-4 * sum.sqrt());
    }

    #[test]
    fn a_linear_frame_is_found_again_at_its_own_tangent_point() {
        let cd = [[-PIXEL_DEG, 1e-4], [2e-4, PIXEL_DEG]];
        for dec in [-43.0, 90.0, -90.0] {
            let linear = Wcs::tan([359.99, dec], [6.0, 6.0], cd).unwrap();
            let fit = fit_stamp(&linear, 0, 0, 11, 11).unwrap();
            assert!(fit.max_separation_deg < 1e-12, "{dec}: {fit:?}");
            assert!((fit.wcs.cd()[0][1] - 1e-4).abs() < 1e-12 || dec.abs() == 90.0);
        }
    }

    #[test]
    fn stamps_one_pixel_wide_have_a_wcs_too() {
        for (columns, rows) in [(1, 1), (1, 5), (5, 1), (2, 1), (2, 2)] {
            let fit = fit_stamp(&frame(), 1500, 20, columns, rows).unwrap();
            assert!(fit.max_separation_deg < 1e-3 * PIXEL_DEG, "{columns} x {rows}: {fit:?}");
            let scales = fit.wcs.pixel_scales_deg();
            assert!(scales.iter().all(|scale| (scale / PIXEL_DEG - 1.0).abs() < 0.05), "{scales:?}");
        }
    }

    #[test]
    fn a_whole_chip_fits_badly_and_says_so() {
        let fit = fit_stamp(&frame(), 0, 0, 2136, 2078).unwrap();
        assert!(fit.max_separation_deg > 3.0 * PIXEL_DEG);
        assert_eq!(samples(2136, 210).len(), 12);
    }

    #[test]
    fn stamps_that_cannot_be_fitted_are_errors() {
        assert!(matches!(fit_stamp(&frame(), 0, 0, 0, 5), Err(Error::StampSize { .. })));
        assert!(matches!(fit_stamp(&frame(), 0, 0, 5, usize::MAX), Err(Error::StampSize { .. })));
        for (x0, y0) in [(i64::MAX, 0), (i64::MIN, i64::MIN), (10_000_000, -10_000_000)] {
            // Far off the frame anything but a panic will do.
            let _ = fit_stamp(&frame(), x0, y0, 3, 3);
        }
    }

    #[test]
    fn matched_points_give_the_wcs_that_made_them() {
        let cd = [[-PIXEL_DEG, 1e-4], [2e-4, PIXEL_DEG]];
        let truth = Wcs::tan([10.0, 60.0], [100.0, 200.0], cd).unwrap();
        let pixels = [[0.0, 0.0], [150.0, 20.0], [80.0, 199.0], [10.5, 70.25]];
        let fit = fit_tan(&pixels, &truth.pixels_to_sky(&pixels), [10.0, 60.0]).unwrap();
        assert!(fit.max_separation_deg < 1e-12);
        assert!((fit.wcs.crpix()[1] - 200.0).abs() < 1e-8);
        assert!((fit.wcs.cd()[1][0] - 2e-4).abs() < 1e-13);
    }

    #[test]
    fn points_that_do_not_determine_a_wcs_are_refused() {
        let line = [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
        let sky = [[10.0, 0.0], [10.1, 0.1], [10.2, 0.2]];
        assert_eq!(fit_tan(&line, &sky, [10.0, 0.0]), Err(Error::Degenerate { points: 3 }));
        assert_eq!(fit_tan(&line[..2], &sky[..2], [10.0, 0.0]), Err(Error::Degenerate { points: 2 }));
        assert!(matches!(fit_tan(&line[..2], &sky, [10.0, 0.0]), Err(Error::LengthMismatch { .. })));
        assert!(matches!(fit_tan(&line, &sky, [190.0, 0.0]), Err(Error::BehindTangentPlane { .. })));
        let nan = [[0.0, 0.0], [1.0, f64::NAN], [2.0, 2.0]];
        assert!(matches!(fit_tan(&nan, &sky, [10.0, 0.0]), Err(Error::NotFinite { .. })));
    }
}
