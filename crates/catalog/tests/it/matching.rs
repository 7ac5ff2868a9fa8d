use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_select::concat::concat_batches;
use uranometria_catalog::fs::{
    Catalog, Control, Crossmatch, ImportOptions, Keep, MatchOptions, Matched, Moved, Query, Radius, import,
};
use uranometria_sky::{Angle, Astrometry, Direction};

use crate::support::{Numbers, catalogue, moving, stars, write_parquet};

type Stars = (Vec<f64>, Vec<f64>);

/// Stars moved by up to so many degrees, every third left as it is.
fn jittered(stars: &Stars, degrees: f64, seed: u64) -> Stars {
    let mut numbers = Numbers(seed);
    let moved = stars.0.iter().zip(&stars.1).enumerate().map(|(n, (ra, dec))| {
        let place = Direction::from_degrees(*ra, *dec).unwrap();
        let (angle, distance) =
            (numbers.next() * 360.0, if n % 3 == 0 { 0.0 } else { numbers.next() * degrees });
        let moved = place.offset_by(Angle::from_degrees(angle), Angle::from_degrees(distance));
        (moved.ra_deg(), moved.dec_deg())
    });
    moved.unzip()
}

/// For each left row its counterparts, nearest first.
fn brute_force(
    left: &Stars,
    right: &Stars,
    reach: impl Fn(usize, usize) -> f64,
) -> BTreeMap<i64, Vec<(i64, f64)>> {
    let unit = |stars: &Stars| -> Vec<Direction> {
        stars.0.iter().zip(&stars.1).map(|(ra, dec)| Direction::from_degrees(*ra, *dec).unwrap()).collect()
    };
    let (left, right) = (unit(left), unit(right));
    // By declination, to look at few.
    let mut order: Vec<usize> = (0..right.len()).collect();
    order.sort_by(|a, b| right[*a].dec_deg().total_cmp(&right[*b].dec_deg()));
    let mut found = BTreeMap::new();
    for (n, a) in left.iter().enumerate() {
        let most = 0.5;
        let from = order.partition_point(|m| right[*m].dec_deg() < a.dec_deg() - most);
        let near = order[from..].iter().take_while(|m| right[**m].dec_deg() <= a.dec_deg() + most);
        let mut here: Vec<(i64, f64)> = near
            .map(|&m| (m, a.separation(&right[m]).arcsec()))
            .filter(|(m, distance)| *distance <= reach(n, *m))
            .map(|(m, distance)| (m as i64, distance))
            .collect();
        here.sort_by(|a, b| a.1.total_cmp(&b.1));
        if !here.is_empty() {
            found.insert(n as i64, here);
        }
    }
    found
}

fn run(left: &Catalog, right: &Catalog, options: &MatchOptions) -> (RecordBatch, Matched) {
    let matching = Crossmatch::new(left, right, options).unwrap();
    let mut batches = Vec::new();
    let matched = matching
        .run(&Control::none(), |batch| {
            batches.push(batch);
            Ok(())
        })
        .unwrap();
    (concat_batches(matching.schema(), &batches).unwrap(), matched)
}

fn columns() -> Option<Vec<String>> {
    Some(vec!["id".to_string()])
}

/// The pairs of a result whose first columns are the two ids, with the distance last.
fn pairs(batch: &RecordBatch) -> BTreeMap<i64, Vec<(i64, f64)>> {
    let ids = |column: usize| batch.column(column).as_primitive::<Int64Type>();
    let distances = batch.column(batch.num_columns() - 1).as_primitive::<Float64Type>();
    let mut found: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
    for row in (0..batch.num_rows()).filter(|row| ids(1).is_valid(*row)) {
        found.entry(ids(0).value(row)).or_default().push((ids(1).value(row), distances.value(row)));
    }
    found
}

fn same(found: &BTreeMap<i64, Vec<(i64, f64)>>, wanted: &BTreeMap<i64, Vec<(i64, f64)>>, most: usize) {
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (id, wanted) in wanted {
        let wanted = &wanted[..wanted.len().min(most)];
        let found = &found[id];
        assert_eq!(found.len(), wanted.len(), "row {id}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found.1 - wanted.1).abs() < 1e-6, "row {id}: {found:?} {wanted:?}");
        }
        let ids = |pairs: &[(i64, f64)]| {
            pairs.iter().map(|pair| pair.0).collect::<std::collections::BTreeSet<i64>>()
        };
        if most == usize::MAX {
            assert_eq!(ids(found), ids(wanted));
        }
    }
}

#[test]
fn pairs_are_those_that_comparing_all_with_all_finds() {
    let folder = tempfile::tempdir().unwrap();
    let left = stars(4000, 11);
    let right = jittered(&left, 0.003, 12);
    let (a, _) = catalogue(folder.path(), "a", &left.0, &left.1, 700);
    let (b, _) = catalogue(folder.path(), "b", &right.0, &right.1, 300);
    let (a, b) = (Catalog::open(a).unwrap(), Catalog::open(b).unwrap());
    for (arcsec, wanted_pairs) in [(0.0, 1000), (1.0, 1300), (10.0, 3500), (60.0, 20_000), (400.0, 300_000)] {
        let wanted = brute_force(&left, &right, |_, _| arcsec + 1e-9);
        assert!(wanted.values().map(Vec::len).sum::<usize>() > wanted_pairs);
        for (keep, most) in [(Keep::All, usize::MAX), (Keep::Nearest(2), 2)] {
            let options = MatchOptions {
                radius: Radius::Within(Angle::from_arcsec(arcsec + 1e-9)),
                keep,
                left_columns: columns(),
                right_columns: columns(),
                ..MatchOptions::default()
            };
            let (batch, matched) = run(&a, &b, &options);
            same(&pairs(&batch), &wanted, most);
            assert_eq!((matched.left, matched.with_counterpart), (4000, wanted.len() as u64));
            assert_eq!(matched.pairs, batch.num_rows() as u64);
        }
    }
}

#[test]
fn a_left_outer_match_has_every_left_row_and_all_columns() {
    let folder = tempfile::tempdir().unwrap();
    let left = stars(3000, 13);
    let right: Stars = (left.0[..1500].to_vec(), left.1[..1500].to_vec());
    let (a, _) = catalogue(folder.path(), "a", &left.0, &left.1, 400);
    let (b, _) = catalogue(folder.path(), "b", &right.0, &right.1, 1000);
    let (a, b) = (Catalog::open(a).unwrap(), Catalog::open(b).unwrap());
    let options = MatchOptions { left_outer: true, ..MatchOptions::default() };
    let (batch, matched) = run(&a, &b, &options);
    let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names,
        ["id", "ra", "dec", "mag", "name", "id_b", "ra_b", "dec_b", "mag_b", "name_b", "_dist_arcsec"]
    );
    assert_eq!((batch.num_rows(), matched.left), (3000, 3000));
    let id = |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
    let mut matched_rows = 0;
    for row in 0..batch.num_rows() {
        let (right, distance) = (batch.column(5), batch.column(10).as_primitive::<Float64Type>());
        assert_eq!(right.is_valid(row), distance.is_valid(row));
        if right.is_valid(row) {
            matched_rows += 1;
            let other = usize::try_from(id(5, row)).unwrap();
            assert_eq!(batch.column(6).as_primitive::<Float64Type>().value(row), right_ra(&left, other));
            let name = batch.column(9).as_string::<i32>();
            assert_eq!(
                name.is_valid(row).then(|| name.value(row)),
                (other % 5 != 0).then(|| format!("star {other}")).as_deref()
            );
        } else {
            assert!(id(0, row) >= 1500);
        }
    }
    assert!(matched_rows >= 1500);
}

fn right_ra(stars: &Stars, id: usize) -> f64 {
    stars.0[id]
}

#[test]
fn stars_that_moved_are_found_where_they_are_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let now = stars(2000, 14);
    let mut numbers = Numbers(15);
    let speeds: Stars =
        (0..2000).map(|_| (4000.0 * numbers.next() - 2000.0, 4000.0 * numbers.next() - 2000.0)).unzip();
    let years = -15.5;
    let then: Stars = (0..2000)
        .map(|n| {
            let star = Astrometry {
                ra_deg: now.0[n],
                dec_deg: now.1[n],
                parallax_mas: 0.0,
                pmra_mas_yr: speeds.0[n],
                pmdec_mas_yr: speeds.1[n],
                rv_km_s: 0.0,
            };
            let star = star.propagate(years).unwrap();
            (star.ra_deg, star.dec_deg)
        })
        .unzip();
    let a = Catalog::open(moving(folder.path(), "moving", &now, &speeds)).unwrap();
    let (b, _) = catalogue(folder.path(), "still", &then.0, &then.1, 300);
    let b = Catalog::open(b).unwrap();
    let moved = Some(Moved {
        pmra: "pmra".into(),
        pmdec: "pmdec".into(),
        parallax: None,
        radial_velocity: None,
        years,
    });
    let near = MatchOptions {
        radius: Radius::Within(Angle::from_mas(0.1)),
        left_columns: columns(),
        right_columns: columns(),
        ..MatchOptions::default()
    };
    assert!(run(&a, &b, &near).1.pairs < 10);
    let (batch, _) = run(&a, &b, &MatchOptions { left_moved: moved.clone(), ..near.clone() });
    assert!(batch.num_rows() == 2000 && pairs(&batch).iter().all(|(id, found)| *id == found[0].0));
    let (batch, _) = run(&b, &a, &MatchOptions { right_moved: moved, ..near });
    assert!(batch.num_rows() == 2000 && pairs(&batch).iter().all(|(id, found)| *id == found[0].0));
}

#[test]
fn stars_that_come_nearer_are_found_where_they_are_by_then() {
    let folder = tempfile::tempdir().unwrap();
    // Barnard's star, and one so near and swift that its velocity decides where it is.
    let stars = [
        Astrometry {
            ra_deg: 269.448_502_525_4,
            dec_deg: 4.739_420_051_1,
            parallax_mas: 546.975_9,
            pmra_mas_yr: -801.551,
            pmdec_mas_yr: 10_362.394,
            rv_km_s: -110.47,
        },
        Astrometry {
            ra_deg: 10.0,
            dec_deg: -60.0,
            parallax_mas: 5000.0,
            pmra_mas_yr: 5000.0,
            pmdec_mas_yr: 5000.0,
            rv_km_s: -900.0,
        },
        Astrometry {
            ra_deg: 11.0,
            dec_deg: 0.0,
            parallax_mas: -3.0,
            pmra_mas_yr: 500.0,
            pmdec_mas_yr: 0.0,
            rv_km_s: f64::NAN,
        },
    ];
    let years = 100.0;
    let column = |of: fn(&Astrometry) -> f64| stars.iter().map(of).collect::<Vec<f64>>();
    let (ra, dec) = (column(|star| star.ra_deg), column(|star| star.dec_deg));
    let all: [(&str, Vec<f64>); 7] = [
        ("id", vec![0.0, 1.0, 2.0]),
        ("ra", ra),
        ("dec", dec),
        ("pmra", column(|star| star.pmra_mas_yr)),
        ("pmdec", column(|star| star.pmdec_mas_yr)),
        ("parallax", column(|star| star.parallax_mas)),
        ("rv", column(|star| star.rv_km_s)),
    ];
    let columns = all.map(|(name, values)| {
        let array: ArrayRef = match name {
            "id" => Arc::new(Int64Array::from_iter_values(0..3)),
            _ => Arc::new(Float64Array::from(values)),
        };
        (name, array)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let input = [write_parquet(&folder.path().join("a.parquet"), &batch)];
    import(&input, folder.path().join("a"), &ImportOptions::default(), &Control::none()).unwrap();
    let then: Stars = stars
        .iter()
        .map(|star| star.propagate(years).unwrap())
        .map(|star| (star.ra_deg, star.dec_deg))
        .unzip();
    let (b, _) = catalogue(folder.path(), "b", &then.0, &then.1, 300);
    let (a, b) = (Catalog::open(folder.path().join("a")).unwrap(), Catalog::open(b).unwrap());
    let ids = Some(vec!["id".to_string()]);
    for (known, found) in [(true, 3), (false, 1)] {
        let name = |name: &str| known.then(|| name.to_string());
        let moved = Moved {
            pmra: "pmra".into(),
            pmdec: "pmdec".into(),
            parallax: name("parallax"),
            radial_velocity: name("rv"),
            years,
        };
        let options = MatchOptions {
            radius: Radius::Within(Angle::from_mas(0.1)),
            left_columns: ids.clone(),
            right_columns: ids.clone(),
            ..MatchOptions::default()
        };
        let left = MatchOptions { left_moved: Some(moved.clone()), ..options.clone() };
        let right = MatchOptions { right_moved: Some(moved), ..options };
        for (batch, _) in [run(&a, &b, &left), run(&b, &a, &right)] {
            assert_eq!(batch.num_rows(), found, "{known}");
            assert!(pairs(&batch).iter().all(|(id, found)| *id == found[0].0));
        }
    }
}

#[test]
fn very_many_pairs_are_given_in_parts_and_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(31);
    let near: Stars = (0..1700).map(|_| (numbers.next() * 0.5, numbers.next() * 0.5)).unzip();
    let (a, _) = catalogue(folder.path(), "a", &near.0, &near.1, 900);
    let a = Catalog::open(a).unwrap();
    let options = MatchOptions {
        radius: Radius::Within(Angle::from_degrees(1.0)),
        keep: Keep::All,
        left_columns: columns(),
        right_columns: columns(),
        threads: 2,
        ..MatchOptions::default()
    };
    let matching = Crossmatch::new(&a, &a, &options).unwrap();
    let (mut most, mut lefts) = (0, Vec::new());
    let mut found = vec![0_u32; 1700 * 1700];
    let matched = matching
        .run(&Control::none(), |batch| {
            most = most.max(batch.num_rows());
            let ids = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
            let distances = batch.column(2).as_primitive::<Float64Type>().values();
            for row in 0..batch.num_rows() {
                found[(ids(0)[row] * 1700 + ids(1)[row]) as usize] += 1;
                if lefts.last() == Some(&ids(0)[row]) {
                    assert!(row == 0 || distances[row] >= distances[row - 1]);
                } else {
                    lefts.push(ids(0)[row]);
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(found.iter().all(|times| *times == 1));
    assert_eq!((matched.left, matched.with_counterpart, matched.pairs), (1700, 1700, 1700 * 1700));
    assert!(most < 1_100_000, "{most}");
    // In the order of the catalogue, each row's pairs together.
    let query = Query { columns: columns(), ..Query::default() };
    let order: Vec<i64> = a
        .search(&query)
        .unwrap()
        .flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(lefts, order);
}

#[test]
fn each_row_may_have_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let left = stars(3000, 16);
    let right = jittered(&left, 0.004, 17);
    let (a, _) = catalogue(folder.path(), "a", &left.0, &left.1, 700);
    let (b, _) = catalogue(folder.path(), "b", &right.0, &right.1, 300);
    let (a, b) = (Catalog::open(a).unwrap(), Catalog::open(b).unwrap());
    // The magnitude serves as an error in arcseconds; it is null in every seventh row.
    let options = MatchOptions {
        radius: Radius::Errors {
            left: Some("mag".into()),
            right: Some("mag".into()),
            factor: 0.5,
            most: Angle::from_arcsec(9.0),
        },
        keep: Keep::All,
        left_columns: columns(),
        right_columns: columns(),
        ..MatchOptions::default()
    };
    let mag = |id: usize| if id.is_multiple_of(7) { f64::NAN } else { (id % 1000) as f64 / 50.0 };
    let reach = |n: usize, m: usize| {
        let error = (mag(n).powi(2) + mag(m).powi(2)).sqrt();
        if error.is_nan() { -1.0 } else { (0.5 * error).min(9.0) }
    };
    let wanted = brute_force(&left, &right, reach);
    assert!(wanted.len() > 1000);
    same(&pairs(&run(&a, &b, &options).0), &wanted, usize::MAX);
}

#[test]
fn a_radius_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (a, _) = catalogue(folder.path(), "a", &[1.0, 2.0], &[1.0, 2.0], 10);
    let a = Catalog::open(a).unwrap();
    let radius = Radius::Within(Angle::from_degrees(f64::NAN));
    let error = Crossmatch::new(&a, &a, &MatchOptions { radius, ..MatchOptions::default() }).unwrap_err();
    assert_eq!(error.to_string(), "radius is NaN degrees, expected 0 to 1 degree");
}
