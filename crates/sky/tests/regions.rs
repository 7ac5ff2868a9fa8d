//! Regions against 40-digit arithmetic, and against themselves: batches, coverages, intersections.

use std::fs;
use std::path::Path;

use uranometria_sky::{
    Angle, Cone, Cost, Direction, EllipticalCone, Error, Polygon, Region, SkyBox, Zone, healpix,
};

fn at(ra_deg: f64, dec_deg: f64) -> Direction {
    Direction::from_degrees(ra_deg, dec_deg).unwrap()
}

/// The region of a line of data-fixtures/sky/regions.txt.
fn region(kind: &str, numbers: &[f64]) -> Region {
    let degrees = |k: usize| Angle::from_degrees(numbers[k]);
    match kind {
        "cone" => Cone::new(at(numbers[0], numbers[1]), degrees(2)).unwrap().into(),
        "ellipse" => {
            let centre = at(numbers[0], numbers[1]);
            EllipticalCone::new(centre, degrees(2), degrees(3), degrees(4)).unwrap().into()
        }
        "box" => SkyBox::new(at(numbers[0], numbers[1]), degrees(2), degrees(3)).unwrap().into(),
        "zone" => Zone::new(numbers[0], numbers[1], numbers[2], numbers[3]).unwrap().into(),
        "polygon" => {
            let (mut rings, mut rest) = (Vec::new(), numbers);
            while let [count, after @ ..] = rest {
                let (ring, left) = after.split_at(2 * *count as usize);
                rings.push(ring.chunks(2).map(|pair| at(pair[0], pair[1])).collect::<Vec<_>>());
                rest = left;
            }
            Polygon::from_rings(&rings).unwrap().into()
        }
        other => panic!("{other}"),
    }
}

/// Every region with its positions and whether they are inside; of another file of the same kind if
/// `UR_SKY_REGIONS` names one.
fn fixture() -> Vec<(Region, Vec<[f64; 3]>)> {
    let name = std::env::var("UR_SKY_REGIONS").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/sky/regions.txt"),
        Into::into,
    );
    let text = fs::read_to_string(&name).unwrap_or_else(|error| panic!("{}: {error}", name.display()));
    let mut all: Vec<(Region, Vec<[f64; 3]>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = line.split_once(' ').unwrap();
        let numbers: Vec<f64> = rest.split(' ').map(|number| number.parse().unwrap()).collect();
        match kind {
            "at" => all.last_mut().unwrap().1.push(numbers.try_into().unwrap()),
            _ => all.push((region(kind, &numbers), Vec::new())),
        }
    }
    all
}

#[test]
fn membership_agrees_with_forty_digits() {
    let (mut pairs, mut wrong) = (0, Vec::new());
    for (region, places) in fixture() {
        for [ra, dec, inside] in places {
            pairs += 1;
            if region.contains(&at(ra, dec)) != (inside == 1.0) {
                wrong.push(format!("{region:?}\n at {ra:?} {dec:?}: expected {inside}"));
            }
        }
    }
    assert!(pairs > 2500);
    assert!(wrong.is_empty(), "{} of {pairs}:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}

/// The fixture's polygons of one ring, each as the part of the sphere that its ring runs around and the part that its
/// ring backwards does; the smaller part first, and its positions.
fn both_sides() -> Vec<(Polygon, Polygon, Vec<[f64; 3]>)> {
    let single = |(region, places)| match region {
        Region::Polygon(polygon) if polygon.rings().len() == 1 => Some((polygon, places)),
        _ => None,
    };
    let both = |(polygon, places): (Polygon, _)| {
        let mut ring = polygon.rings()[0].clone();
        let one = Polygon::counter_clockwise(&ring).unwrap();
        ring.reverse();
        let other = Polygon::counter_clockwise(&ring).unwrap();
        let first = one.area_deg2() < other.area_deg2();
        let (small, large) = if first { (one, other) } else { (other, one) };
        assert!((small.area_deg2() / polygon.area_deg2() - 1.0).abs() < 1e-6, "{polygon:?}");
        assert!((small.area_deg2() + large.area_deg2() - 41_252.961_249_419_27).abs() < 1e-8, "{polygon:?}");
        (small, large, places)
    };
    fixture().into_iter().filter_map(single).map(both).collect()
}

#[test]
fn rings_run_counter_clockwise_around_one_part_and_backwards_around_the_rest() {
    let polygons = both_sides();
    assert!(polygons.len() > 50);
    for (small, large, places) in polygons {
        for [ra, dec, inside] in places {
            let place = at(ra, dec);
            assert_eq!(small.contains(&place), inside == 1.0, "{small:?} at {ra} {dec}");
            let on_ring = small.rings()[0].contains(&place);
            assert_eq!(large.contains(&place), inside == 0.0 || on_ring, "{large:?} at {ra} {dec}");
            let mut out = [false];
            large.contains_slice(&[ra], &[dec], &mut out).unwrap();
            assert_eq!(out[0], large.contains(&place), "{large:?} at {ra} {dec}");
        }
    }
}

#[test]
fn batches_answer_what_single_tests_answer() {
    let fixture = fixture();
    let (mut ra, mut dec): (Vec<f64>, Vec<f64>) =
        fixture.iter().flat_map(|(_, places)| places).map(|[ra, dec, _]| (*ra, *dec)).unzip();
    for (odd_ra, odd_dec) in [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::NAN, f64::INFINITY)] {
        ra.push(odd_ra);
        dec.push(odd_dec);
    }
    ra.push(-350.0);
    dec.push(20.0);
    let mut out = vec![false; ra.len()];
    for (region, places) in fixture.iter().step_by(3) {
        region.contains_slice(&ra, &dec, &mut out).unwrap();
        for (k, inside) in out.iter().enumerate() {
            let single = Direction::from_degrees(ra[k], dec[k]).is_ok_and(|place| region.contains(&place));
            assert_eq!(*inside, single, "{region:?} at {} {}", ra[k], dec[k]);
        }
        // Alone, so that no other position of the block makes the batch look.
        for [ra, dec, inside] in places {
            let mut out = [false];
            region.contains_slice(&[*ra], &[*dec], &mut out).unwrap();
            assert_eq!(out[0], *inside == 1.0, "{region:?} at {ra} {dec}");
        }
    }
}

#[test]
fn rows_that_are_no_positions_are_named_wherever_the_region_is() {
    let (mut ra, mut dec, mut out) = (vec![10.0; 300], vec![-70.0; 300], vec![true; 300]);
    dec[17] = f64::NAN;
    for (region, _) in fixture().iter().step_by(10) {
        for (row, odd_ra, odd_dec) in [(200, 10.0, 90.000_001), (131, f64::NEG_INFINITY, 1.0)] {
            (ra[row], dec[row]) = (odd_ra, odd_dec);
            let error = region.contains_slice(&ra, &dec, &mut out).unwrap_err();
            assert!(matches!(error, Error::Row { index, .. } if index == row), "{region:?}: {error:?}");
            (ra[row], dec[row]) = (10.0, -70.0);
        }
        region.contains_slice(&ra, &dec, &mut out).unwrap();
        assert!(!out[17], "{region:?}");
    }
    let error = fixture()[0].0.contains_slice(&ra, &dec[1..], &mut out).unwrap_err();
    assert_eq!(error, Error::LengthMismatch { what: "dec", found: 299, expected: 300 });
}

#[test]
fn coverages_hold_all_that_is_inside() {
    let costs = [Cost::Cells(20), Cost::Cells(500), Cost::Beyond(0), Cost::Beyond(4), Cost::Depth(4)];
    let all: Vec<[f64; 3]> = fixture().into_iter().flat_map(|(_, places)| places).collect();
    let fixture = fixture();
    for (number, (region, places)) in fixture.iter().enumerate() {
        let coverage = region.coverage(costs[number % costs.len()]);
        let ranges = coverage.ranges();
        let apart = |pair: &[uranometria_sky::CellRange]| {
            pair[0].end < pair[1].start || (pair[0].end == pair[1].start && pair[0].full != pair[1].full)
        };
        assert!(ranges.windows(2).all(apart) && ranges.iter().all(|range| range.start < range.end));
        let others = all.iter().step_by(13).map(|[ra, dec, _]| [*ra, *dec]);
        for [ra, dec] in places.iter().map(|[ra, dec, _]| [*ra, *dec]).chain(others) {
            let found = coverage.find(healpix::hash(29, ra, dec).unwrap());
            let inside = region.contains(&at(ra, dec));
            assert!(!inside || found.is_some(), "{region:?} at {ra} {dec} missed");
            assert!(inside || found.is_none_or(|range| !range.full), "{region:?} at {ra} {dec} not full");
        }
    }
    for (_, large, places) in both_sides() {
        let coverage = Region::from(large.clone()).coverage(Cost::Cells(100));
        for [ra, dec, _] in places {
            let found = coverage.find(healpix::hash(29, ra, dec).unwrap());
            assert!(found.is_some() || !large.contains(&at(ra, dec)), "{large:?} at {ra} {dec} missed");
        }
    }
}

#[test]
fn coverages_are_about_as_large_as_their_regions() {
    let sky = 12.0 * 4_f64.powi(29);
    for (region, _) in fixture().into_iter().filter(|(region, _)| region.area_deg2() > 1e-9) {
        let coverage = region.coverage(Cost::Cells(3000));
        let area = |full: Option<bool>| {
            let ranges = coverage.ranges().iter().filter(|range| full.is_none_or(|full| range.full == full));
            ranges.map(|range| (range.end - range.start) as f64 / sky).sum::<f64>() * 41_252.961_249_419_27
        };
        assert!(area(Some(true)) <= region.area_deg2() * (1.0 + 1e-9), "{region:?}");
        assert!(area(None) >= region.area_deg2() * (1.0 - 1e-9), "{region:?}");
        if let Region::Cone(_) = region {
            assert!(
                area(None) <= region.area_deg2() * 1.35,
                "{region:?}: {} {}",
                area(None),
                region.area_deg2()
            );
        }
    }
}

#[test]
fn regions_with_a_point_in_common_intersect() {
    let fixture = fixture();
    for (number, (region, places)) in fixture.iter().enumerate() {
        for step in [1, 7, 50] {
            let (other, more) = &fixture[(number + step) % fixture.len()];
            let common = places
                .iter()
                .chain(more)
                .any(|[ra, dec, _]| region.contains(&at(*ra, *dec)) && other.contains(&at(*ra, *dec)));
            let said = region.intersects(other);
            assert!(said || !common, "{region:?} {other:?}");
            assert_eq!(said, other.intersects(region), "{region:?} {other:?}");
        }
        let inside = places.iter().find(|[_, _, inside]| *inside == 1.0);
        if let Some([ra, dec, _]) = inside {
            let dot = Region::from(Cone::new(at(*ra, *dec), Angle::from_mas(1.0)).unwrap());
            assert!(region.intersects(&dot), "{region:?} at {ra} {dec}");
        }
    }
}

#[test]
fn regions_whose_bounds_are_apart_do_not_intersect() {
    let fixture = fixture();
    let mut checked = 0;
    for (number, (region, _)) in fixture.iter().enumerate() {
        for (other, _) in fixture.iter().skip(number % 5).step_by(5) {
            let (a, b) = (region.bounding_cone(), other.bounding_cone());
            let gap =
                a.centre().separation(&b.centre()).degrees() - a.radius().degrees() - b.radius().degrees();
            if gap > 1e-3 {
                assert!(!region.intersects(other), "{region:?} {other:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}
