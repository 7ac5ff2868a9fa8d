//! Down-sampling of any numbers, and zone maps of any bytes.
//!
//! The first byte of eight says what is asked, the others are a series, repeated until it has blocks enough, and the
//! whole is a zone map.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uranometria_lttb::{
    Axis, Chosen, Coordinate, Downsample, Gaps, Kernels, Method, Missing, Regular, Slices, Value, ZoneMap,
};

/// Points of a series: a dozen blocks.
const LONGEST: usize = 12_000;

fuzz_target!(|bytes: &[u8]| {
    any_map::<f64>(bytes);
    any_map::<i64>(bytes);
    any_map::<u64>(bytes);
    let Some((ask, numbers)) = bytes.split_first_chunk::<8>() else { return };
    let (request, n, repeats) = asked(ask);
    let words: Vec<f64> = numbers.as_chunks().0.iter().map(|&word| f64::from_le_bytes(word)).collect();
    let half = words.len() / 2;
    let repeats = repeats.min(LONGEST / half.max(1));
    let y = words[..half].repeat(repeats);
    let any = words[half..2 * half].repeat(repeats);
    let mut last = 0_i64;
    let steps = any.iter().map(|x| {
        last = last.saturating_add((x.to_bits() >> (ask[7] % 64)) as i64 & i64::MAX);
        last
    });
    let ascending: Vec<i64> = steps.collect();
    match ask[7] / 64 {
        // As they come, hardly ever in order.
        0 => check(&any[..], &any, &y, &request, n),
        1 => {
            let x: Vec<f64> = ascending.iter().map(|&x| x as f64).collect();
            let y: Vec<f32> = y.iter().map(|&y| y as f32).collect();
            check(&x[..], &x, &y, &request, n);
        }
        2 => check(&ascending[..], &ascending, &y, &request, n),
        _ => check(Regular, &[], &y, &request, n),
    }
});

fn asked(&[method, gaps, missing, n, more, repeats, width, _]: &[u8; 8]) -> (Downsample, usize, usize) {
    let request = Downsample {
        method: match method % 4 {
            0 => Method::Lttb,
            1 => Method::MinMax,
            2 => Method::MinMaxLttb { ratio: usize::from(method / 4) },
            _ => Method::M4,
        },
        gaps: match gaps % 3 {
            0 => Gaps::None,
            1 => Gaps::Auto,
            _ => Gaps::Over(f64::from(width).exp2() - 1.0),
        },
        missing: if missing % 2 == 0 { Missing::Drop } else { Missing::Break },
        threads: usize::from(missing / 2 % 3),
        ..Downsample::default()
    };
    (request, usize::from(n) + usize::from(more % 8) * 256, usize::from(repeats) * 16 + 1)
}

fn check<A: Axis, Y: Value>(x: A, slice: &[A::X], y: &[Y], request: &Downsample, n: usize) {
    let found = request.choose(x, y, n);
    assert_eq!(Downsample { kernels: Kernels::Baseline, ..*request }.choose(x, y, n), found);
    let (map, chosen) = match (ZoneMap::build(x, y, 1), found) {
        (Ok(map), Ok(chosen)) => (map, chosen),
        (Err(_), _) => return,
        // What is wrong is the request.
        (Ok(map), Err(_)) => {
            let zoned = map.choose(&mut Slices { x: slice, y }, 0..y.len(), request, n);
            assert!(zoned.is_err());
            return;
        }
    };
    let kept = |i: usize| y[i].into().is_finite() && slice.get(i).is_none_or(|x| is_finite(*x));
    whole(&chosen, n.min((0..y.len()).filter(|&i| kept(i)).count()));
    assert!(chosen.indices.iter().all(|&i| kept(i)));
    let zoned = map.choose(&mut Slices { x: slice, y }, 0..y.len(), request, n).expect("the scan could");
    whole(&zoned, chosen.indices.len());
    assert_eq!(zoned.segments.len(), chosen.segments.len());
    if matches!(request.method, Method::MinMax | Method::M4) {
        assert_eq!(zoned, chosen);
    }
    let again = ZoneMap::<A::X>::from_bytes(&map.to_bytes()).expect("what was written is read");
    assert_eq!(again.to_bytes(), map.to_bytes());
}

/// Neither NaN, which is unlike itself, nor beyond all numbers.
fn is_finite<X: Coordinate>(x: X) -> bool {
    format!("{x:?}").parse::<f64>().is_ok_and(f64::is_finite)
}

fn whole(chosen: &Chosen, len: usize) {
    assert_eq!(chosen.indices.len(), len);
    assert!(chosen.indices.is_sorted_by(|a, b| a < b));
    let mut end = 0;
    for segment in &chosen.segments {
        assert!(segment.start == end && segment.end > end);
        end = segment.end;
    }
    assert_eq!(end, len);
}

fn any_map<X: Coordinate>(bytes: &[u8]) {
    let Ok(map) = ZoneMap::<X>::from_bytes(bytes) else { return };
    if map.points() > 1 << 14 {
        return;
    }
    // Points that the map is not of.
    let y = vec![0.5_f64; map.points()];
    for method in [Method::Lttb, Method::MinMax, Method::M4] {
        for gaps in [Gaps::None, Gaps::Auto, Gaps::Over(1.5)] {
            let request = Downsample { method, gaps, missing: Missing::Break, ..Downsample::default() };
            let _ = map.choose(&mut Slices { x: &[], y: &y }, 0..y.len(), &request, 5);
        }
    }
}
