//! Every method against the plain one, on every path: instruction sets, threads, types of x and y.

mod reference;

use proptest::prelude::*;
use uranometria_lttb::{Axis, Downsample, Gaps, Kernels, Method, Missing, Regular, Value, lttb};

const METHODS: [Method; 4] = [Method::Lttb, Method::MinMax, Method::MinMaxLttb { ratio: 4 }, Method::M4];

fn of(method: Method, x: &[f64], y: &[f64], n: usize) -> Vec<usize> {
    match method {
        Method::Lttb => reference::lttb(x, y, n),
        Method::MinMax => reference::bins(y, n, false),
        Method::M4 => reference::bins(y, n, true),
        Method::MinMaxLttb { ratio } => reference::minmaxlttb(x, y, n, ratio),
    }
}

/// The points of every path, which must be the same.
fn chosen<A: Axis, Y: Value>(method: Method, x: A, y: &[Y], n: usize) -> Vec<usize> {
    let request = |kernels, threads| Downsample { method, kernels, threads, ..Downsample::default() };
    let one = request(Kernels::Baseline, 1).choose(x, y, n).unwrap();
    for (kernels, threads) in [(Kernels::Auto, 1), (Kernels::Auto, 3)] {
        assert_eq!(request(kernels, threads).choose(x, y, n).unwrap(), one, "{method:?}, {threads} threads");
    }
    one.indices
}

#[test]
fn agreed_vectors_are_equal() {
    let file: serde_json::Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 18);
    for vector in vectors {
        let floats = |key: &str| -> Vec<f64> {
            vector[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let (x, y) = (floats("x"), floats("y"));
        let indices: Vec<usize> =
            vector["idx"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let n = vector["n_out"].as_u64().unwrap() as usize;
        assert_eq!(chosen(Method::Lttb, &x, &y, n), indices, "{}", vector["name"]);
        assert_eq!(reference::lttb(&x, &y, n), indices, "{}", vector["name"]);
        if x.iter().all(|x| x.fract() == 0.0) && x[0] == 0.0 {
            let x: Vec<i64> = x.iter().map(|&x| x as i64).collect();
            assert_eq!(chosen(Method::Lttb, &x, &y, n), indices, "{} as integers", vector["name"]);
        }
    }
}

/// Numbers that tie, grow beyond all bounds, vanish, or are plain.
fn ordinate() -> impl Strategy<Value = Vec<f64>> {
    let len = prop_oneof![3 => 0..60_usize, 3 => 60..3000_usize, 1 => 3000..30_000_usize];
    (len, 0..6).prop_flat_map(|(len, kind)| {
        let value = match kind {
            0 => Just(4.25).boxed(),
            1 => prop_oneof![Just(0.0), Just(1.0), Just(-1.0)].boxed(),
            2 => any::<f64>().prop_map(|v| if v.is_finite() { v } else { 0.0 }).boxed(),
            3 => (-1e-307..1e-307).boxed(),
            4 => (-50_i32..50).prop_map(f64::from).boxed(),
            _ => (-1.0..1.0).boxed(),
        };
        proptest::collection::vec(value, len)
    })
}

/// Steps of every kind from one x to the next, added up.
fn abscissa(len: usize) -> impl Strategy<Value = Vec<f64>> {
    (0..5).prop_flat_map(move |kind| {
        let step = match kind {
            0 => Just(1.0).boxed(),
            1 => prop_oneof![Just(0.0), Just(1.0)].boxed(),
            2 => (0.0..1e-3).boxed(),
            3 => prop_oneof![100 => Just(0.0014), 1 => 1.0..1e4].boxed(),
            _ => prop_oneof![Just(1.0), Just(1e300), Just(1e-300)].boxed(),
        };
        proptest::collection::vec(step, len).prop_map(|steps| {
            let mut x = -3.5;
            steps
                .into_iter()
                .map(|step| {
                    x += step;
                    x
                })
                .collect()
        })
    })
}

fn series() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, usize)> {
    ordinate().prop_flat_map(|y| {
        let len = y.len();
        let n = prop_oneof![2 => 0..8_usize, 3 => 3..200_usize, 1 => 0..len + 3];
        (abscissa(len), Just(y), n)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_method_chooses_what_the_plain_one_does((x, y, n) in series()) {
        for method in METHODS {
            prop_assert_eq!(chosen(method, &x, &y, n), of(method, &x, &y, n), "{:?}", method);
            let trusted = Downsample { method, trusted: true, ..Downsample::default() };
            prop_assert_eq!(trusted.choose(&x, &y, n).unwrap().indices, of(method, &x, &y, n), "{:?}", method);
            let y32: Vec<f32> = y.iter().map(|&y| y as f32).filter(|y| y.is_finite()).collect();
            let wide: Vec<f64> = y32.iter().map(|&y| f64::from(y)).collect();
            let index: Vec<f64> = (0..wide.len()).map(|i| i as f64).collect();
            prop_assert_eq!(chosen(method, Regular, &y32, n), of(method, &index, &wide, n), "{:?}", method);
        }
    }

    #[test]
    fn integers_are_floats_from_the_first_one(
        (y, steps) in ordinate().prop_flat_map(|y| {
            let len = y.len();
            (Just(y), proptest::collection::vec(0..1_000_000_u64, len))
        }),
        n in 0..300_usize,
        start in any::<i64>().prop_map(|start| start / 2),
    ) {
        let mut at = start;
        let x: Vec<i64> = steps.iter().map(|&step| { at += step as i64; at }).collect();
        let floats: Vec<f64> = x.iter().map(|&t| (t - x[0]) as f64).collect();
        let unsigned: Vec<u64> = x.iter().map(|&t| (t as u64) ^ (1 << 63)).collect();
        let small: Vec<i32> = floats.iter().map(|&t| (t / 1e3) as i32 - 1_000_000).collect();
        let small_floats: Vec<f64> = small.iter().map(|&t| f64::from(t - small[0])).collect();
        for method in METHODS {
            let expected = of(method, &floats, &y, n);
            prop_assert_eq!(&chosen(method, &x, &y, n), &expected);
            prop_assert_eq!(&chosen(method, &unsigned, &y, n), &expected);
            prop_assert_eq!(&chosen(method, &small, &y, n), &of(method, &small_floats, &y, n));
        }
    }

    #[test]
    fn missing_points_are_as_if_they_had_never_been(
        (x, y, n) in series(),
        holes in proptest::collection::vec((any::<prop::sample::Index>(), 0..4, 1..40_usize), 0..20),
    ) {
        let (mut x, mut y) = (x, y);
        for (place, kind, len) in holes {
            if y.is_empty() { break }
            let start = place.index(y.len());
            for i in start..(start + len).min(y.len()) {
                match kind {
                    0 => y[i] = f64::NAN,
                    1 => y[i] = f64::INFINITY,
                    2 => x[i] = f64::NAN,
                    _ => y[i] = f64::NEG_INFINITY,
                }
            }
        }
        let kept = reference::kept(&x, &y);
        let pick = |of: &[f64]| kept.iter().map(|&i| of[i]).collect::<Vec<_>>();
        let (kept_x, kept_y) = (pick(&x), pick(&y));
        for method in METHODS {
            let expected: Vec<_> = of(method, &kept_x, &kept_y, n).into_iter().map(|i| kept[i]).collect();
            prop_assert_eq!(chosen(method, &x, &y, n), expected, "{:?}", method);
        }
    }

    #[test]
    fn gaps_cost_no_point_and_segments_keep_their_ends(
        (x, y, n) in series(),
        method in 0..4_usize,
        width in prop_oneof![Just(None), (0.01..3.0).prop_map(Some)],
        missing in prop_oneof![Just(Missing::Drop), Just(Missing::Break)],
        holes in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut y = y;
        for place in holes {
            if !y.is_empty() {
                let at = place.index(y.len());
                y[at] = f64::NAN;
            }
        }
        let gaps = width.map_or(Gaps::Auto, Gaps::Over);
        let request = Downsample { method: METHODS[method], gaps, missing, ..Downsample::default() };
        let chosen = request.choose(&x, &y, n).unwrap();
        let kept = reference::kept(&x, &y);
        prop_assert_eq!(chosen.indices.len(), n.min(kept.len()));
        prop_assert!(chosen.indices.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(chosen.indices.iter().all(|i| kept.binary_search(i).is_ok()));
        prop_assert_eq!(chosen.segments.iter().map(|s| s.len()).sum::<usize>(), chosen.indices.len());
        // Between segments there is a gap, and its two sides were chosen.
        for pair in chosen.segments.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
            let (before, after) = (chosen.indices[pair[0].end - 1], chosen.indices[pair[1].start]);
            let place = kept.binary_search(&before).unwrap();
            prop_assert_eq!(kept[place + 1], after);
            if let (Some(width), Missing::Drop) = (width, missing) {
                prop_assert!(x[after] - x[before] > width);
            }
        }
        // A gap that is wide enough was bridged only where ends would take more than half of the points.
        if let Some(width) = width {
            let broken = |pair: &[usize]| {
                x[pair[1]] - x[pair[0]] > width || (missing == Missing::Break && pair[1] - pair[0] > 1)
            };
            let gaps = kept.windows(2).filter(|pair| broken(pair)).count();
            if n >= 2 && !kept.is_empty() {
                let least = if method % 2 == 1 { 4 } else { 2 };
                let most = if n >= kept.len() { gaps } else { (n / (2 * least)).max(1) - 1 };
                prop_assert_eq!(chosen.segments.len(), 1 + gaps.min(most));
            }
        }
        // Within a segment the method sees nothing but the segment.
        let one = Downsample { gaps: Gaps::Over(f64::INFINITY), missing: Missing::Drop, ..request };
        for segment in &chosen.segments {
            let (first, last) = (chosen.indices[segment.start], chosen.indices[segment.end - 1]);
            let alone = one.choose(&x[first..=last], &y[first..=last], segment.len()).unwrap();
            let shifted: Vec<_> = alone.indices.into_iter().map(|i| i + first).collect();
            prop_assert_eq!(&chosen.indices[segment.clone()], &shifted);
        }
    }

    #[test]
    fn the_first_descent_is_named((x, y, n) in series(), place in any::<prop::sample::Index>()) {
        prop_assume!(x.len() > 1);
        let mut x = x;
        let at = 1 + place.index(x.len() - 1);
        x[at] = x[at - 1] - 1.0 - x[at - 1].abs();
        for method in METHODS {
            for gaps in [Gaps::None, Gaps::Auto] {
                let error = Downsample { method, gaps, ..Downsample::default() }.choose(&x, &y, n).unwrap_err();
                prop_assert!(error.to_string().starts_with(&format!("x descends at index {at}: ")), "{}", error);
            }
        }
    }
}

#[test]
fn nanoseconds_of_years_lose_nothing() {
    // 10 ns apart after three years: as floats from the first point they would all be one.
    let mut x: Vec<i64> = (0..1000).map(|i| 1_600_000_000_000_000_000 + i).collect();
    x.extend((0..4000).map(|i| 1_694_608_000_000_000_001 + 10 * i));
    let y: Vec<f64> = (0..5000).map(|i| f64::from((i * 7919) % 1013)).collect();
    let late = lttb(&x, &y, 600).unwrap();
    // The late part alone has offsets that floats hold.
    let floats: Vec<f64> = x[1000..].iter().map(|&t| (t - x[1000]) as f64).collect();
    let request = Downsample { gaps: Gaps::Over(1e9), ..Downsample::default() };
    let chosen = request.choose(&x, &y, 600).unwrap();
    let alone = reference::lttb(&floats, &y[1000..], chosen.segments[1].len());
    let expected: Vec<_> = alone.into_iter().map(|i| i + 1000).collect();
    assert_eq!(chosen.indices[chosen.segments[1].clone()], expected);
    // Without gaps the origin moves along, and buckets far from the gap choose by exact offsets.
    let exact = moving_origin(&x, &y, 600);
    assert_eq!(late, exact);
}

/// LTTB in exact integer offsets from the point chosen before.
fn moving_origin(x: &[i64], y: &[f64], n: usize) -> Vec<usize> {
    let every = (x.len() - 2) as f64 / (n - 2) as f64;
    let edge = |i: usize| ((i as f64 * every) as usize + 1).min(x.len());
    let mut chosen = vec![0];
    for i in 0..n - 2 {
        let a = *chosen.last().unwrap();
        let next = edge(i + 1)..edge(i + 2);
        let sum: i128 = next.clone().map(|j| i128::from(x[j]) - i128::from(x[a])).sum();
        let cx = sum as f64 / next.len() as f64;
        let cy = next.clone().map(|j| y[j]).sum::<f64>() / next.len() as f64;
        let area = |j: usize| ((-cx) * (y[j] - y[a]) - (-((x[j] - x[a]) as f64)) * (cy - y[a])).abs() * 0.5;
        let best = (edge(i)..edge(i + 1)).rev().max_by(|&j, &k| area(j).total_cmp(&area(k))).unwrap();
        chosen.push(best);
    }
    chosen.push(x.len() - 1);
    chosen
}

#[test]
fn long_series_on_several_threads_are_those_of_one() {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let len = 3_000_000;
    let mut level = 0.0;
    let walk: Vec<f64> = (0..len)
        .map(|_| {
            level += random() - 0.5;
            level
        })
        .collect();
    let ties: Vec<f64> = (0..len).map(|_| (random() * 3.0).floor()).collect();
    let constant = vec![1.0; len];
    let x: Vec<f64> = (0..len).map(|i| i as f64 * 0.25).collect();
    for y in [&walk, &ties, &constant] {
        for n in [20, 1000, 5000] {
            for method in METHODS {
                assert_eq!(chosen(method, &x, y, n), of(method, &x, y, n), "{method:?} {n}");
            }
        }
    }
}

#[test]
fn a_short_gap_beside_a_long_one_breaks_the_line_too() {
    let x: Vec<f64> =
        (0..40_000).map(|i| f64::from(i) / 720.0 + if i < 20_000 { 0.0 } else { 730.0 }).collect();
    let mut y: Vec<f64> = x.iter().map(|x| x.cos()).collect();
    y[5_000..5_600].fill(f64::NAN);
    let request = Downsample { gaps: Gaps::Auto, ..Downsample::default() };
    assert_eq!(request.choose(&x, &y, 1000).unwrap().segments.len(), 3);
    // Of a hundred points, each stands for 400: the short gap does not show.
    assert_eq!(request.choose(&x, &y, 100).unwrap().segments.len(), 2);
}

#[test]
fn times_of_full_seconds_are_no_gaps() {
    for a_second in [3, 20, 100] {
        let mut x: Vec<i64> = (0..40_000).map(|i| i / a_second).collect();
        let y: Vec<f64> = (0..40_000).map(|i| f64::from(i % 77)).collect();
        let request = Downsample { gaps: Gaps::Auto, ..Downsample::default() };
        for n in [50, 1000, 20_000] {
            assert_eq!(request.choose(&x, &y, n).unwrap().segments.len(), 1);
        }
        x[30_000..].iter_mut().for_each(|x| *x += 1000);
        assert_eq!(request.choose(&x, &y, 1000).unwrap().segments.len(), 2);
    }
}

/// How many of the chosen points are in each quarter of the series.
fn quarters(indices: &[usize], len: usize) -> [usize; 4] {
    let mut found = [0; 4];
    indices.iter().for_each(|i| found[i * 4 / len] += 1);
    found
}

#[test]
fn many_gaps_leave_long_stretches_at_least_half_of_their_points() {
    let len = 200_000_usize;
    let y: Vec<f64> = (0..len).map(|i| (i as f64 * 1e-3).sin()).collect();
    // Three quarters without a gap, then one after each hundredth sample.
    let stepped: Vec<f64> =
        (0..len).map(|i| (i + 30 * (i.max(150_000) - 150_000).div_ceil(100)) as f64).collect();
    // A missing point in a hundred: everywhere, and in the last quarter alone.
    let mut state = 9_u64;
    let mut everywhere = y.clone();
    for value in &mut everywhere {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        if (state >> 33).is_multiple_of(100) {
            *value = f64::NAN;
        }
    }
    let mut late = y.clone();
    late[150_000..].iter_mut().step_by(100).for_each(|y| *y = f64::NAN);
    let floats: Vec<f64> = (0..len).map(|i| 1325.3 + i as f64 / 720.0).collect();
    for method in METHODS {
        for (name, x, y, gaps) in [
            ("gaps in the last quarter", &stepped, &y, Gaps::Over(10.0)),
            ("missing points in the last quarter", &floats, &late, Gaps::None),
            ("missing points everywhere", &floats, &everywhere, Gaps::None),
        ] {
            let request = Downsample { method, gaps, missing: Missing::Break, ..Downsample::default() };
            for n in [100, 1000, 5000] {
                let chosen = request.choose(x, y, n).unwrap();
                assert_eq!(chosen.indices.len(), n);
                let found = quarters(&chosen.indices, len);
                let share = found.iter().all(|&found| 8 * found + 8 >= n);
                assert!(share, "{method:?}, {name}: {found:?} of {n}");
                if name.ends_with("everywhere") {
                    assert!(
                        found.iter().all(|&found| 5 * found >= n),
                        "{method:?}, {name}: {found:?} of {n}"
                    );
                }
            }
        }
    }
}

#[test]
fn minmax_and_m4_keep_the_extremes_of_each_segment() {
    // A short piece between two gaps, with a spike in it.
    let x: Vec<f64> = (0..200_000)
        .map(|i| {
            f64::from(i) + f64::from(u8::from(i >= 90_000)) * 1e4 + f64::from(u8::from(i >= 90_300)) * 1e4
        })
        .collect();
    let mut y: Vec<f64> = (0..200_000).map(|i| f64::from(i * 7919 % 1013) * 1e-5).collect();
    (y[90_100], y[90_200]) = (100.0, -100.0);
    for method in [Method::MinMax, Method::M4] {
        let request = Downsample { method, gaps: Gaps::Auto, ..Downsample::default() };
        let chosen = request.choose(&x, &y, 1000).unwrap();
        assert_eq!(chosen.segments.len(), 3);
        for wanted in [90_000, 90_100, 90_200, 90_299] {
            assert!(chosen.indices.contains(&wanted), "{method:?} {wanted}");
        }
        // Whatever the number of points, from three on.
        for n in [3, 4, 5, 7, 8, 11, 16, 23, 24, 40] {
            let chosen = request.choose(&x, &y, n).unwrap();
            assert!(chosen.indices.contains(&90_100), "{method:?} {n}");
            assert!(chosen.indices.contains(&90_200), "{method:?} {n}");
        }
    }
}
