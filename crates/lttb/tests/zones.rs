//! Zone maps against looking at every point of the window.

use std::collections::HashSet;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use proptest::prelude::*;
use uranometria_lttb::{
    Axis, Chosen, Downsample, Error, Gaps, Method, Missing, Regular, Samples, Slices, ZoneError, ZoneMap,
    ZoneMapBuilder,
};

const METHODS: [Method; 4] = [Method::Lttb, Method::MinMax, Method::MinMaxLttb { ratio: 4 }, Method::M4];

fn shifted(mut chosen: Chosen, by: usize) -> Chosen {
    chosen.indices.iter_mut().for_each(|index| *index += by);
    chosen
}

/// What is asked of each series: windows too long to be read whole, though the series are short for a test.
fn requests() -> impl Strategy<Value = (Downsample, usize)> {
    let gaps = prop_oneof![
        Just(Gaps::None),
        Just(Gaps::Auto),
        Just(Gaps::Over(3.0)),
        Just(Gaps::Over(0.5)),
        Just(Gaps::Over(40.0)),
        Just(Gaps::Over(500.0)),
        Just(Gaps::Over(1500.0)),
        Just(Gaps::Over(f64::INFINITY)),
    ];
    let missing = prop_oneof![Just(Missing::Drop), Just(Missing::Break)];
    (0..4_usize, gaps, missing, 1..12_usize).prop_map(|(method, gaps, missing, n)| {
        (Downsample { method: METHODS[method], gaps, missing, ..Downsample::default() }, n)
    })
}

/// Multiples of 1/8 below 2^20, so that sums are exact; holes of any length, some of whole blocks.
fn series() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let holes = proptest::collection::vec((any::<prop::sample::Index>(), 1..6000_usize), 0..6);
    let blocks = proptest::collection::vec((any::<prop::sample::Index>(), 1..4_usize), 0..4);
    let small = proptest::collection::vec((any::<prop::sample::Index>(), 1..12_usize), 0..30);
    let steps = proptest::collection::vec((any::<prop::sample::Index>(), 1..100_u32), 0..6);
    (5_000..60_000_usize, any::<u64>(), holes, blocks, small, steps, 0..4).prop_map(
        |(len, seed, holes, blocks, small, steps, kind)| {
            let mut state = seed;
            let mut random = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                state >> 33
            };
            let mut level = 0_i64;
            let mut y: Vec<f64> = (0..len)
                .map(|i| match kind {
                    0 => (random() % 1000) as f64 / 8.0,
                    1 => {
                        level += random() as i64 % 9 - 4;
                        level as f64 / 8.0
                    }
                    2 => f64::from(i as u32 / 3000),
                    _ => {
                        if random() % 5000 == 0 {
                            1000.0
                        } else {
                            (random() % 3) as f64
                        }
                    }
                })
                .collect();
            let mut x: Vec<f64> = (0..len).map(|i| i as f64).collect();
            for (place, width) in steps {
                let at = place.index(len);
                x[at..].iter_mut().for_each(|x| *x += f64::from(width));
            }
            let anywhere = holes.into_iter().chain(small).map(|(place, hole)| (place.index(len), hole));
            let whole = blocks.into_iter().map(|(place, hole)| (place.index(len) / 1024 * 1024, hole * 1024));
            for (at, hole) in anywhere.chain(whole) {
                let kind = random() as usize % 3;
                let missing = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY][kind];
                y[at..(at + hole).min(len)].fill(missing);
                // What stands in for a missing x need not ascend.
                if kind == 0 {
                    x[at..(at + hole).min(len)].fill(-5e6);
                }
            }
            (x, y)
        },
    )
}

fn check<A: Axis>(
    x: A,
    of: impl Fn(Range<usize>) -> A,
    slice: &[A::X],
    y: &[f64],
    window: Range<usize>,
    request: &Downsample,
    n: usize,
) where
    A::X: PartialEq,
{
    let narrow: Vec<f32> = y.iter().map(|&y| y as f32).collect();
    let expected = shifted(request.choose(of(window.clone()), &y[window.clone()], n).unwrap(), window.start);
    let map = ZoneMap::build(x, y, 1).unwrap();
    let map = ZoneMap::<A::X>::from_bytes(&map.to_bytes()).unwrap();
    assert_eq!(map.choose(&mut Slices { x: slice, y }, window.clone(), request, n).unwrap(), expected);
    let map = ZoneMap::build(x, &narrow, 3).unwrap();
    assert_eq!(map.choose(&mut Slices { x: slice, y: &narrow }, window, request, n).unwrap(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_window_has_the_points_of_a_scan(
        (x, y) in series(),
        (request, n) in requests(),
        ends in any::<(prop::sample::Index, prop::sample::Index)>(),
        whole in any::<bool>(),
    ) {
        let (a, b) = (ends.0.index(y.len() + 1), ends.1.index(y.len() + 1));
        let window = if whole { 0..y.len() } else { a.min(b)..a.max(b) };
        check(&x[..], |range| &x[range], &x, &y, window.clone(), &request, n);
        check(Regular, |_| Regular, &[], &y, window.clone(), &request, n);
        let nanoseconds: Vec<i64> = x.iter().map(|&x| x as i64 * 4 - 1_000_000).collect();
        check(&nanoseconds[..], |range| &nanoseconds[range], &nanoseconds, &y, window, &request, n);
    }

    #[test]
    fn parts_are_one_series(
        (x, y) in series(),
        (request, n) in requests(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        piece in 1..5000_usize,
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(y.len() + 1)).collect();
        cuts.extend([0, y.len()]);
        cuts.sort_unstable();
        let mut map = ZoneMapBuilder::<f64, f64>::new().finish().unwrap();
        let mut regular = ZoneMapBuilder::<u64, f64>::regular().finish().unwrap();
        for cut in cuts.windows(2) {
            let (mut builder, mut counter) = (ZoneMapBuilder::new(), ZoneMapBuilder::regular());
            for start in (cut[0]..cut[1]).step_by(piece) {
                let range = start..(start + piece).min(cut[1]);
                builder.push(&x[range.clone()], &y[range.clone()]).unwrap();
                counter.push(&[], &y[range]).unwrap();
            }
            map.append(builder.finish().unwrap()).unwrap();
            regular.append(counter.finish().unwrap()).unwrap();
        }
        prop_assert_eq!(map.points(), y.len());
        let all = 0..y.len();
        let map = ZoneMap::<f64>::from_bytes(&map.to_bytes()).unwrap();
        let found = map.choose(&mut Slices { x: &x, y: &y }, all.clone(), &request, n).unwrap();
        prop_assert_eq!(found, request.choose(&x, &y, n).unwrap());
        let found = regular.choose(&mut Slices { x: &[], y: &y }, all, &request, n).unwrap();
        prop_assert_eq!(found, request.choose(Regular, &y, n).unwrap());
        // Windows by x.
        for (from, to) in [(x[0], x[x.len() - 1]), (x[x.len() / 3] - 0.5, x[x.len() / 2] + 0.25), (-5.0, -1.0), (1e9, 2e9), (7.0, 7.0)] {
            let window = map.window(&mut Slices { x: &x, y: &y }, Some(from), Some(to)).unwrap();
            let kept = |i: &usize| y[*i].is_finite();
            let wanted: Vec<usize> = (0..y.len()).filter(kept).filter(|&i| x[i] >= from && x[i] <= to).collect();
            prop_assert_eq!(window.filter(kept).collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless(
        (x, y) in series(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
        (request, n) in requests(),
    ) {
        let map = ZoneMap::build(&x, &y, 1).unwrap();
        let mut bytes = map.to_bytes();
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(map) = ZoneMap::<f64>::from_bytes(&bytes) && map.points() == y.len() {
            let _ = map.choose(&mut Slices { x: &x, y: &y }, 0..y.len(), &request, n);
        }
        prop_assert!(ZoneMap::<i64>::from_bytes(&bytes).is_err());
    }
}

#[test]
fn random_series_differ_nowhere() {
    let mut state = 3_u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let len = 2_000_000;
    let mut level = 0.0;
    let y: Vec<f64> = (0..len)
        .map(|_| {
            level += random() - 0.5;
            level + random()
        })
        .collect();
    let mut at = 0.0;
    let x: Vec<f64> = (0..len)
        .map(|_| {
            at += random();
            at
        })
        .collect();
    let narrow: Vec<f32> = y.iter().map(|&y| y as f32).collect();
    let (map, regular) = (ZoneMap::build(&x, &y, 0).unwrap(), ZoneMap::build(Regular, &narrow, 0).unwrap());
    let mut chosen = 0;
    for n in [3, 10, 50, 100, 300] {
        for window in [0..len, 0..len / 2, 12_345..1_999_999, 777_777..1_777_778] {
            let request = Downsample::default();
            let scanned =
                shifted(request.choose(&x[window.clone()], &y[window.clone()], n).unwrap(), window.start);
            let zoned = map.choose(&mut Slices { x: &x, y: &y }, window.clone(), &request, n).unwrap();
            assert_eq!(zoned, scanned);
            let scanned = shifted(request.choose(Regular, &narrow[window.clone()], n).unwrap(), window.start);
            let zoned = regular.choose(&mut Slices { x: &[], y: &narrow }, window, &request, n).unwrap();
            assert_eq!(zoned, scanned);
            chosen += n;
        }
    }
    assert_eq!(chosen, 4 * 463);
}

/// Points that are noted when they are read, of which some cannot be.
#[derive(Clone)]
struct Watched<'a> {
    x: &'a [f64],
    y: &'a [f64],
    forks: bool,
    readers: Arc<Mutex<HashSet<ThreadId>>>,
    broken: Range<usize>,
}

impl Samples for Watched<'_> {
    type X = f64;
    type Y = f64;
    type Error = usize;

    fn read(&mut self, range: Range<usize>) -> Result<(&[f64], &[f64]), usize> {
        self.readers.lock().unwrap().insert(std::thread::current().id());
        if range.end > self.broken.start && range.start < self.broken.end {
            return Err(range.start);
        }
        Ok((&self.x[range.clone()], &self.y[range]))
    }

    fn fork(&self) -> Option<Self> {
        self.forks.then(|| self.clone())
    }
}

#[test]
fn several_threads_find_what_one_finds_and_fail_as_it_fails() {
    let mut state = 11_u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 33
    };
    let len = 2_500_000;
    let x: Vec<f64> = (0..len).map(|i| i as f64 + if i > 900_000 { 5000.0 } else { 0.0 }).collect();
    let noise: Vec<f64> = (0..len).map(|_| (random() % 4096) as f64).collect();
    let mut holes = noise.clone();
    for start in (1000..len).step_by(70_001) {
        holes[start..start + 3000].fill(f64::NAN);
    }
    let constant = vec![3.0; len];
    // High and low points take turns, so a walk that began with the wrong one never forgets it.
    let turns: Vec<f64> = (0..len).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let stairs: Vec<f64> = (0..len).map(|i| (i / 40_000) as f64).collect();
    let reads = |y: &[f64], forks, broken, request: &Downsample| {
        let readers = Arc::default();
        let mut samples = Watched { x: &x, y, forks, readers: Arc::clone(&readers), broken };
        let map = ZoneMap::build(&x[..], y, 0).unwrap();
        let chosen = map.choose(&mut samples, 777..len - 5, request, 400);
        let count = readers.lock().unwrap().len();
        (chosen, count)
    };
    for y in [&noise, &holes, &constant, &turns, &stairs] {
        for method in METHODS {
            for gaps in [Gaps::None, Gaps::Over(3500.0)] {
                let request = Downsample { method, gaps, threads: 3, ..Downsample::default() };
                let expected = shifted(request.choose(&x[777..len - 5], &y[777..len - 5], 400).unwrap(), 777);
                let (found, threads) = reads(y, true, 0..0, &request);
                assert_eq!(found.unwrap(), expected, "{request:?}");
                assert!(threads > 1, "{request:?}");
                let (found, threads) = reads(y, false, 0..0, &request);
                assert_eq!((found.unwrap(), threads), (expected, 1), "{request:?}");
            }
        }
    }
    for method in METHODS {
        for broken in [2_000_000..2_300_000, 1_250_000..1_250_001, 400_000..400_900, 700_000..2_499_000] {
            let request = Downsample { method, threads: 3, ..Downsample::default() };
            for y in [&noise, &turns] {
                let (several, _) = reads(y, true, broken.clone(), &request);
                let (one, _) = reads(y, false, broken.clone(), &request);
                assert_eq!(several, one, "{method:?} {broken:?}");
            }
        }
    }
}

#[test]
fn blocks_of_a_noisy_slope_are_read_in_order() {
    struct Ordered<'a>(Slices<'a, f64, f64>, usize, usize);
    impl Samples for Ordered<'_> {
        type X = f64;
        type Y = f64;
        type Error = Infallible;

        fn read(&mut self, range: Range<usize>) -> Result<(&[f64], &[f64]), Infallible> {
            // Within a page of a file, as it were, going back costs nothing.
            self.2 += usize::from(range.start + 100_000 < self.1);
            self.1 = range.start;
            self.0.read(range)
        }
    }
    let mut state = 3_u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let x: Vec<f64> = (0..4_000_000).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| x * 0.1 + random() * 1e-3).collect();
    let map = ZoneMap::build(&x[..], &y, 0).unwrap();
    let mut samples = Ordered(Slices { x: &x, y: &y }, 0, 0);
    map.choose(&mut samples, 0..y.len(), &Downsample::default(), 10).unwrap();
    assert!(samples.2 <= 10 * 8, "{} jumps back in ten buckets", samples.2);
}

#[test]
fn a_gap_of_whole_blocks_behind_one_with_a_missing_point_is_a_gap() {
    let mut y: Vec<f64> = (0..40_000).map(|i| f64::from(i % 97)).collect();
    // A few missing points do not make a gap of the block before the outage, nor of the one behind it.
    y[10 * 1024 + 500] = f64::NAN;
    y[11 * 1024..14 * 1024].fill(f64::NAN);
    y[14 * 1024 + 7] = f64::NAN;
    let map = ZoneMap::build(Regular, &y, 1).unwrap();
    let cases = [Gaps::Over(100.0), Gaps::Over(3000.0)].into_iter();
    for (gaps, method) in cases.flat_map(|gaps| METHODS.map(|method| (gaps, method))) {
        let request = Downsample { method, gaps, ..Downsample::default() };
        let found = map.choose(&mut Slices { x: &[], y: &y }, 0..y.len(), &request, 18).unwrap();
        assert_eq!(found.segments.len(), 2);
        assert_eq!(found, request.choose(Regular, &y, 18).unwrap());
    }
}

#[test]
fn a_few_points_far_apart_are_all_chosen_with_all_their_gaps() {
    let mut y = vec![f64::NAN; 40_000];
    for at in [17, 5_000, 5_001, 20_000, 31_000, 39_999] {
        y[at] = at as f64;
    }
    let map = ZoneMap::build(Regular, &y, 1).unwrap();
    let request = Downsample { gaps: Gaps::Over(50.0), ..Downsample::default() };
    let found = map.choose(&mut Slices { x: &[], y: &y }, 0..y.len(), &request, 12).unwrap();
    assert_eq!((found.indices.len(), found.segments.len()), (6, 5));
    assert_eq!(found, request.choose(Regular, &y, 12).unwrap());
}

#[test]
fn a_short_last_block_hides_nothing_of_those_beside_it() {
    let len = 23 * 1024 + 21;
    for spike in (20 * 1024..len - 1).step_by(97) {
        let mut y = vec![0.0; len];
        y[spike] = 1.0;
        let map = ZoneMap::build(Regular, &y, 1).unwrap();
        for method in [Method::Lttb, Method::MinMax] {
            let request = Downsample { method, ..Downsample::default() };
            let chosen = map.choose(&mut Slices { x: &[], y: &y }, 0..len, &request, 4).unwrap();
            assert!(chosen.indices.contains(&spike), "{spike} {chosen:?}");
        }
    }
}

#[test]
fn what_stands_in_a_missing_point_is_never_looked_at() {
    for at in [0, 5, 1023, 1024, 1025, 2047, 4999] {
        for stray in [-1e30, 1e30, 0.0, f64::NAN, f64::INFINITY] {
            let mut x: Vec<f64> = (0..5000).map(f64::from).collect();
            let mut y: Vec<f64> = x.iter().map(|x| x % 7.0).collect();
            (x[at], y[at]) = (stray, f64::NAN);
            let map = ZoneMap::build(&x, &y, 1).unwrap();
            for (from, to) in
                [(900.0, 1060.0), (1050.0, 2060.0), (0.0, 4999.0), (1024.0, 1024.5), (-9.0, 3.0)]
            {
                let window = map.window(&mut Slices { x: &x, y: &y }, Some(from), Some(to)).unwrap();
                let wanted = (0..5000).filter(|&i| i != at && (from..=to).contains(&x[i]));
                let found = window.filter(|&i| i != at);
                assert_eq!(
                    found.collect::<Vec<_>>(),
                    wanted.collect::<Vec<_>>(),
                    "{at} {stray} {from}..{to}"
                );
            }
        }
    }
}

#[test]
fn descents_across_missing_points_are_named() {
    for missing in [1023..1024, 1000..1024, 1024..2048, 1024..1030, 1020..3000] {
        let mut x: Vec<f64> = (0..5000).map(f64::from).collect();
        let y = vec![1.0; 5000];
        x[missing.clone()].fill(f64::NAN);
        x[missing.end..].iter_mut().for_each(|x| *x -= 4000.0);
        let named = |error: Error| {
            assert!(matches!(error, Error::Unsorted { index, .. } if index == missing.end), "{error}")
        };
        named(ZoneMap::build(&x, &y, 1).unwrap_err());
        let mut builder = ZoneMapBuilder::new();
        let pushed = x.chunks(700).zip(y.chunks(700)).try_for_each(|(x, y)| builder.push(x, y));
        named(pushed.err().unwrap_or_else(|| builder.finish().unwrap_err()));
        named(Downsample::default().choose(&x, &y, 10).unwrap_err());
    }
}

#[test]
fn a_map_is_small() {
    let y = vec![1.0_f32; 1 << 20];
    let map = ZoneMap::build(Regular, &y, 1).unwrap();
    assert!(map.to_bytes().len() * 200 <= y.len() * 4);
    let x: Vec<f64> = (0..y.len()).map(|i| i as f64).collect();
    let map = ZoneMap::build(&x, &y, 1).unwrap();
    assert!(map.to_bytes().len() * 200 <= y.len() * 12);
}

#[test]
fn windows_and_descents_are_named() {
    let y = vec![0.0; 5000];
    let map = ZoneMap::build(Regular, &y, 1).unwrap();
    let error = map.choose(&mut Slices { x: &[], y: &y }, 10..5001, &Downsample::default(), 3).unwrap_err();
    assert_eq!(error, ZoneError::Series(Error::Window { start: 10, end: 5001, points: 5000 }));
    for at in [1, 1023, 1024, 1025, 4096, 4999] {
        let mut x: Vec<f64> = (0..5000).map(f64::from).collect();
        x[at] = -1.0;
        let named =
            |error: Error| assert!(matches!(error, Error::Unsorted { index, .. } if index == at), "{error}");
        named(ZoneMap::build(&x, &y, 1).unwrap_err());
        let mut builder = ZoneMapBuilder::new();
        let pushed = x.chunks(700).zip(y.chunks(700)).try_for_each(|(x, y)| builder.push(x, y));
        named(pushed.err().unwrap_or_else(|| builder.finish().unwrap_err()));
    }
    let mut first = ZoneMap::build(&[1.0, 5.0], &[0.0, 0.0], 1).unwrap();
    let error = first.append(ZoneMap::build(&[4.0, 6.0], &[0.0, 0.0], 1).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "x descends at index 2: 4 comes after 5; sort the rows by x first");
}

#[test]
fn a_map_that_counts_other_points_than_there_are_ends_soon() {
    // Of each block it says how many points are kept, which adds up, and not where.
    let y: Vec<f32> = (0..9000).map(|i| if i % 2500 < 20 { f32::NAN } else { (i % 61) as f32 }).collect();
    let bytes = ZoneMap::build(Regular, &y, 1).unwrap().to_bytes();
    let packed = bytes.len() - 4 * 9;
    let mut state = 5_u64;
    for case in 0..2000 {
        let mut bytes = bytes.clone();
        for block in 0..9 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let most = if block == 8 { 9000 - 8 * 1024 } else { 1024 };
            let kept = match state >> 62 {
                0 => most,
                1 => 1,
                _ => 1 + (state >> 33) as usize % most,
            };
            let at = packed + 4 * block;
            bytes[at..at + 4].copy_from_slice(&(kept as u32).to_le_bytes());
        }
        let map = ZoneMap::<u64>::from_bytes(&bytes).unwrap();
        for method in METHODS {
            for (gaps, missing) in [(Gaps::None, Missing::Drop), (Gaps::Auto, Missing::Break)] {
                let request = Downsample { method, gaps, missing, ..Downsample::default() };
                for (window, n) in [(0..9000, 4), (1500..8001, 3)] {
                    let found = map.choose(&mut Slices { x: &[], y: &y }, window, &request, n);
                    if let Ok(found) = found {
                        assert!(found.indices.len() <= n, "{case} {request:?} {}", found.indices.len());
                    }
                }
            }
        }
    }
}
