//! Where a line and an axis are broken.
//!
//! A line breaks where x steps by more than usual. An axis breaks where most of it would be empty, as
//! between two sectors two years apart: each stretch of data then has a panel of its own.

/// Most panels that an axis is broken into.
const MAX_PANELS: usize = 6;

/// Gives five times the median step of `x`, which ascends; infinite if there is no positive step.
pub(crate) fn automatic_gap(x: &[f64]) -> f64 {
    median_step(x).map_or(f64::INFINITY, |median| 5.0 * median)
}

fn median_step(x: &[f64]) -> Option<f64> {
    let mut steps: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0.0).collect();
    if steps.is_empty() {
        return None;
    }
    let middle = steps.len() / 2;
    Some(*steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Divides ascending `x` into the ranges that get a panel each.
///
/// Gaps longer than a tenth of the whole and than ten median steps are candidates, the longest five at
/// most. If together they exceed half of the whole, the axis breaks at all of them. `is_open` says of a step
/// whether the axis may break there. Empty only if `x` is.
pub(crate) fn panels(x: &[f64], is_open: impl Fn(f64, f64) -> bool) -> Vec<[f64; 2]> {
    let (Some(&first), Some(&last)) = (x.first(), x.last()) else { return Vec::new() };
    let whole = [first, last];
    let Some(usual) = median_step(x) else { return vec![whole] };
    let long = ((last - first) / 10.0).max(usual * 10.0);
    let mut gaps: Vec<[f64; 2]> = x
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > long && is_open(pair[0], pair[1]))
        .map(|pair| [pair[0], pair[1]])
        .collect();
    gaps.sort_by(|a, b| (b[1] - b[0]).total_cmp(&(a[1] - a[0])));
    gaps.truncate(MAX_PANELS - 1);
    if gaps.iter().map(|gap| gap[1] - gap[0]).sum::<f64>() <= (last - first) / 2.0 {
        return vec![whole];
    }
    gaps.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut start = first;
    let mut ranges = Vec::with_capacity(gaps.len() + 1);
    for [end, next] in gaps {
        ranges.push([start, end]);
        start = next;
    }
    ranges.push([start, last]);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels(x: &[f64]) -> Vec<[f64; 2]> {
        super::panels(x, |_, _| true)
    }

    fn sector(from: f64) -> impl Iterator<Item = f64> {
        (0..1000).map(move |i| from + f64::from(i) * 0.02)
    }

    #[test]
    fn two_sectors_two_years_apart_get_two_panels() {
        let x: Vec<f64> = sector(0.0).chain(sector(700.0)).collect();
        assert_eq!(panels(&x), [[0.0, 19.98], [700.0, 719.98]]);
    }

    #[test]
    fn three_distant_sectors_get_three_panels_though_no_gap_is_half_of_the_whole() {
        let x: Vec<f64> = sector(0.0).chain(sector(700.0)).chain(sector(1400.0)).collect();
        assert_eq!(panels(&x).len(), 3);
    }

    #[test]
    fn gaps_within_a_sector_and_few_points_leave_the_axis_whole() {
        let x: Vec<f64> = sector(0.0).filter(|&t| !(9.0..11.5).contains(&t)).collect();
        assert_eq!(panels(&x).len(), 1);
        for few in [&[][..], &[1.0], &[1.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 100.0]] {
            assert!(panels(few).len() <= 1, "{few:?}");
        }
    }

    #[test]
    fn the_axis_breaks_only_where_it_may() {
        let x: Vec<f64> = sector(0.0).chain(sector(700.0)).chain(sector(1500.0)).collect();
        assert_eq!(super::panels(&x, |_, _| false).len(), 1);
        assert_eq!(super::panels(&x, |from, _| from > 700.0), [[0.0, 719.98], [1500.0, 1519.98]]);
    }

    #[test]
    fn the_automatic_gap_is_five_usual_steps() {
        assert_eq!(automatic_gap(&[0.0, 1.0, 2.0, 30.0, 31.0]), 5.0);
        assert_eq!(automatic_gap(&[2.0, 2.0]), f64::INFINITY);
        assert_eq!(automatic_gap(&[]), f64::INFINITY);
    }
}
