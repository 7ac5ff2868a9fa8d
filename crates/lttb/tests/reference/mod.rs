//! The methods once more, as plainly as they can be written, to compare with.

/// LTTB of points that are all there, from the published algorithm.
pub(crate) fn lttb(x: &[f64], y: &[f64], n: usize) -> Vec<usize> {
    let len = x.len();
    if n >= len {
        return (0..len).collect();
    }
    match n {
        0 => return vec![],
        1 => return vec![0],
        _ => {}
    }
    let mut chosen = vec![0];
    if n > 2 {
        let every = (len - 2) as f64 / (n - 2) as f64;
        let edge = |i: usize| ((i as f64 * every).floor() as usize + 1).min(len);
        let mut a = 0;
        for i in 0..n - 2 {
            let (mut cx, mut cy) = (0.0, 0.0);
            let next = edge(i + 1)..edge(i + 2);
            for j in next.clone() {
                cx += x[j];
                cy += y[j];
            }
            cx /= next.len() as f64;
            cy /= next.len() as f64;
            let (mut best, mut index) = (-1.0, edge(i));
            for j in edge(i)..edge(i + 1) {
                let area = ((x[a] - cx) * (y[j] - y[a]) - (x[a] - x[j]) * (cy - y[a])).abs() * 0.5;
                if area > best {
                    (best, index) = (area, j);
                }
            }
            chosen.push(index);
            a = index;
        }
    }
    chosen.push(len - 1);
    chosen
}

/// The extremes of bins of equal numbers of points; with their ends if `ends`.
pub(crate) fn bins(y: &[f64], n: usize, ends: bool) -> Vec<usize> {
    let len = y.len();
    match n {
        _ if n >= len => return (0..len).collect(),
        0 => return vec![],
        1 => return vec![0],
        _ => {}
    }
    let each = if ends { 4 } else { 2 };
    let count = (n / each).max(1);
    let size = (len - 1) as f64 / count as f64;
    let mut chosen: Vec<usize> = vec![];
    let mut start = 0;
    for bin in 0..count {
        let end = if bin + 1 == count { len } else { (size * (bin + 1) as f64) as usize + 1 };
        let (mut low, mut high) = (start, start);
        for i in start..end {
            if y[i] < y[low] {
                low = i;
            }
            if y[i] > y[high] {
                high = i;
            }
        }
        // What earlier bins had no room for is in the debt of this one.
        let room = each.min(n) + (n - (count * each).min(n)) + (bin * each.min(n)) - chosen.len();
        let wanted = match ends {
            true if room == 3 => vec![low, high, start, end - 1],
            true => vec![start, end - 1, low, high],
            false => vec![low, high],
        };
        let mut taken = std::collections::BTreeSet::new();
        for i in wanted {
            if taken.len() < room {
                taken.insert(i);
            }
        }
        while taken.len() < room && taken.len() < end - start {
            let (mut best, mut best_start) = (0, 0);
            let mut run = 0;
            for i in start..=end {
                if i < end && !taken.contains(&i) {
                    run += 1;
                } else {
                    if run > best {
                        (best, best_start) = (run, i - run);
                    }
                    run = 0;
                }
            }
            taken.insert(best_start + best / 2);
        }
        chosen.extend(taken);
        start = end;
    }
    chosen
}

/// MinMaxLTTB, with candidates from bins of the inner points.
pub(crate) fn minmaxlttb(x: &[f64], y: &[f64], n: usize, ratio: usize) -> Vec<usize> {
    let len = y.len();
    if n <= 2 || len / n <= ratio || n * ratio >= len - 2 {
        return lttb(x, y, n);
    }
    let mut candidates = vec![0];
    candidates.extend(bins(&y[1..len - 1], n * ratio, false).into_iter().map(|i| i + 1));
    candidates.push(len - 1);
    let pick = |of: &[f64]| candidates.iter().map(|&i| of[i]).collect::<Vec<_>>();
    lttb(&pick(x), &pick(y), n).into_iter().map(|i| candidates[i]).collect()
}

/// Points that are not missing.
pub(crate) fn kept(x: &[f64], y: &[f64]) -> Vec<usize> {
    (0..x.len()).filter(|&i| x[i].is_finite() && y[i].is_finite()).collect()
}
