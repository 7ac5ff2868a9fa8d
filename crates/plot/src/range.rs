//! Which values an axis spans.
//!
//! Extremes are poor judges: one cosmic ray would flatten a light curve. Percentiles are, but they would
//! cut a transit. So: percentiles with a margin of their own width, extended by excursions that last.

/// Values beyond this magnitude count as missing, so that no difference of two overflows.
pub(crate) const MAX_MAGNITUDE: f64 = 1e300;

/// Number of neighbouring points beyond the percentile range that make an excursion real.
const LASTING: usize = 3;

/// Says whether a value can have a place on an axis.
pub(crate) fn shown(value: f64) -> bool {
    value.is_finite() && value.abs() <= MAX_MAGNITUDE
}

/// Gives the values at two fractions of the sorted order, interpolated; `None` without values.
///
/// Reorders `values`, none of which may be NaN.
pub(crate) fn percentiles(values: &mut [f64], fractions: [f64; 2]) -> Option<[f64; 2]> {
    if values.is_empty() {
        return None;
    }
    Some(fractions.map(|fraction| {
        let place = fraction * (values.len() - 1) as f64;
        let below = place.floor() as usize;
        let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
        let low = *low;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        low + (high - low) * (place - below as f64)
    }))
}

/// Widens a range by a fraction of itself on both sides; a single value gets room around it.
pub(crate) fn padded([low, high]: [f64; 2], fraction: f64) -> [f64; 2] {
    let middle = low / 2.0 + high / 2.0;
    let span = high - low;
    if span <= middle.abs() * 1e-12 || span < 1e-290 {
        let room = if middle.abs() < 1e-280 { 1.0 } else { middle.abs() * 0.05 };
        return [middle - room, middle + room];
    }
    [low - span * fraction, high + span * fraction]
}

/// Chooses the y range of light curves from runs of values, each in order of x.
///
/// The range is the 2nd to 98th percentile and its width again on either side, cut to the extremes.
/// Three or more neighbours beyond it on one side (a transit, an eclipse, a flare) extend it; fewer are
/// outliers. `None` if no value can be shown.
pub(crate) fn robust(runs: &[Vec<f64>]) -> Option<[f64; 2]> {
    let mut all: Vec<f64> = runs.iter().flatten().copied().filter(|&v| shown(v)).collect();
    let [p2, p98] = percentiles(&mut all, [0.02, 0.98])?;
    let min = all.iter().copied().fold(f64::INFINITY, f64::min);
    let max = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = p98 - p2;
    if spread <= 0.0 {
        return Some([min, max]);
    }
    let base = [(p2 - spread).max(min), (p98 + spread).min(max)];
    let mut range = base;
    let side = |value: f64| i8::from(value > base[1]) - i8::from(value < base[0]);
    for run in runs {
        let seen: Vec<f64> = run.iter().copied().filter(|&v| shown(v)).collect();
        for excursion in seen.chunk_by(|&a, &b| side(a) == side(b)) {
            if excursion.len() >= LASTING && side(excursion[0]) != 0 {
                range[0] = excursion.iter().copied().fold(range[0], f64::min);
                range[1] = excursion.iter().copied().fold(range[1], f64::max);
            }
        }
    }
    Some(range)
}

/// Gives the lowest and the highest of all values; `None` if no value can be shown.
pub(crate) fn full(runs: &[Vec<f64>]) -> Option<[f64; 2]> {
    let all = || runs.iter().flatten().copied().filter(|&v| shown(v));
    Some([all().reduce(f64::min)?, all().reduce(f64::max)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: usize) -> f64 {
        ((i * 7919) % 1009) as f64 / 1009.0 - 0.5
    }

    #[test]
    fn a_lone_outlier_does_not_stretch_the_range_but_a_short_transit_does() {
        let mut run: Vec<f64> = (0..2000).map(|i| 100.0 + noise(i)).collect();
        run[500] = 5000.0;
        for value in &mut run[900..906] {
            *value -= 40.0;
        }
        let [low, high] = robust(&[run]).unwrap();
        assert!((59.0..61.0).contains(&low), "{low}");
        assert!((100.0..103.0).contains(&high), "{high}");
    }

    #[test]
    fn the_full_range_has_the_lone_outlier_too() {
        let mut run: Vec<f64> = (0..2000).map(noise).collect();
        run[500] = 12.0;
        run[501] = f64::NAN;
        assert!(robust(std::slice::from_ref(&run)).unwrap()[1] < 2.0);
        assert_eq!(full(std::slice::from_ref(&run)).unwrap()[1], 12.0);
        assert_eq!(full(&[vec![f64::NAN]]), None);
    }

    #[test]
    fn few_points_are_all_inside() {
        assert_eq!(robust(&[vec![1.0, f64::NAN, 2.0, 100.0]]).map(|[l, h]| (l, h)), Some((1.0, 100.0)));
        assert_eq!(robust(&[vec![7.0]]), Some([7.0, 7.0]));
        assert_eq!(robust(&[vec![f64::NAN, f64::INFINITY, 1e305]]), None);
        assert_eq!(robust(&[]), None);
    }

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentiles(&mut values, [0.5, 1.0]), Some([2.5, 4.0]));
        assert_eq!(percentiles(&mut [], [0.5, 1.0]), None);
    }

    #[test]
    fn constant_values_get_room() {
        assert_eq!(padded([0.0, 0.0], 0.1), [-1.0, 1.0]);
        assert_eq!(padded([100.0, 100.0], 0.1), [95.0, 105.0]);
        assert_eq!(padded([0.0, 10.0], 0.1), [-1.0, 11.0]);
        let [low, high] = padded([-1e300, 1e300], 0.05);
        assert!(low.is_finite() && high.is_finite());
    }
}
