use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use uranometria_catalog::fs::{Catalog, Control, ImportOptions, Place, Query, import};
use uranometria_catalog::{Comparison, Condition, Error, Value};
use uranometria_sky::{Angle, Cone, Cost, Direction, EllipticalCone, Polygon, Region, SkyBox, Zone};

use crate::support::{catalogue, stars, write_parquet};

fn place(ra: f64, dec: f64) -> Direction {
    Direction::from_degrees(ra, dec).unwrap()
}

fn degrees(degrees: f64) -> Angle {
    Angle::from_degrees(degrees)
}

fn ids<'a>(batches: impl Iterator<Item = Result<RecordBatch, Error>> + 'a) -> Vec<i64> {
    let ids = |batch: Result<RecordBatch, Error>| {
        batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()
    };
    batches.flat_map(ids).collect()
}

fn search(catalog: &Catalog, place: Place, conditions: Vec<Condition>, batch_rows: usize) -> BTreeSet<i64> {
    let columns = Some(vec!["id".to_string()]);
    let found =
        ids(catalog.search(&Query { place, columns, conditions, batch_rows, ..Query::default() }).unwrap());
    let once: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(once.len(), found.len(), "a row was found twice");
    once
}

fn regions() -> Vec<Region> {
    let cone = |ra, dec, radius| Region::from(Cone::new(place(ra, dec), degrees(radius)).unwrap());
    let mut regions = vec![
        cone(0.0, 90.0, 0.25),
        cone(10.0, -89.999, 0.005),
        cone(0.0, 0.0, 0.05),
        cone(200.0, 30.0, 20.0),
        cone(200.0, 30.0, 0.0),
        cone(45.0, 45.0, 180.0),
        SkyBox::new(place(0.0, 0.0), degrees(0.1), degrees(0.05)).unwrap().into(),
        Zone::new(359.95, 0.05, -0.02, 0.1).unwrap().into(),
        Zone::new(0.0, 360.0, 89.7, 90.0).unwrap().into(),
        EllipticalCone::new(place(0.0, 0.0), degrees(0.1), degrees(0.02), degrees(30.0)).unwrap().into(),
        Polygon::new(&[place(359.9, -0.1), place(0.1, -0.05), place(0.0, 0.1)]).unwrap().into(),
        Polygon::new(&[place(0.0, 70.0), place(120.0, 70.0), place(240.0, 75.0)]).unwrap().into(),
    ];
    regions.extend((0..20).map(|n| cone(f64::from(n) * 18.0, f64::from(n) * 9.0 - 85.0, 3.0)));
    regions
}

fn brute_force(region: &Region, ra: &[f64], dec: &[f64]) -> BTreeSet<i64> {
    let mut inside = vec![false; ra.len()];
    region.contains_slice(ra, dec, &mut inside).unwrap();
    (0..).zip(inside).filter(|(_, inside)| *inside).map(|(id, _)| id).collect()
}

#[allow(unsafe_code)]
fn opened(path: &Path) -> [Catalog; 2] {
    // SAFETY: nobody else knows the folder.
    [Catalog::open(path).unwrap(), unsafe { Catalog::map(path) }.unwrap()]
}

#[test]
fn a_region_has_the_rows_that_testing_each_row_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(50_000, 5);
    for rows_per_partition in [1_000_000, 3000] {
        let name = format!("stars{rows_per_partition}");
        let (out, _) = catalogue(folder.path(), &name, &ra, &dec, rows_per_partition);
        let mut found = 0;
        for catalog in opened(&out) {
            for region in regions() {
                let wanted = brute_force(&region, &ra, &dec);
                found += wanted.len();
                for batch_rows in [1 << 16, 100] {
                    assert_eq!(
                        search(&catalog, region.clone().into(), vec![], batch_rows),
                        wanted,
                        "{region:?}"
                    );
                }
                let ranges = region.coverage(Cost::Beyond(3)).joined();
                let in_cells = search(&catalog, Place::Cells(ranges), vec![], 1 << 16);
                assert!(in_cells.is_superset(&wanted));
            }
        }
        assert!(found > 150_000, "{found}");
    }
}

#[test]
fn a_small_region_decodes_a_few_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(100_000, 6);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 1_000_000);
    let catalog = Catalog::open(&out).unwrap();
    let region = Cone::new(place(200.0, 30.0), Angle::from_arcmin(1.0)).unwrap();
    let mut search = catalog.search(&Query { place: region.into(), ..Query::default() }).unwrap();
    while search.next().is_some() {}
    assert!((1..=2 * 4096).contains(&search.decoded()), "{}", search.decoded());
}

#[test]
fn conditions_and_columns_are_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(5000, 7);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 1000);
    let catalog = Catalog::open(&out).unwrap();
    let bright = Condition::new("mag", Comparison::Less, Value::Number(10.0));
    let named = Condition::new("NAME", Comparison::Differs, Value::Text("star 3".into()));
    let found = search(&catalog, Place::Anywhere, vec![bright.clone(), named], 1 << 16);
    let wanted: BTreeSet<i64> =
        (0..5000).filter(|id| id % 7 != 0 && id % 1000 < 500 && id % 5 != 0 && *id != 3).collect();
    assert_eq!(found, wanted);
    let columns = Some(vec!["name".to_string(), "id".to_string()]);
    let query = Query { columns, conditions: vec![bright], ..Query::default() };
    let batch = catalog.search(&query).unwrap().next().unwrap().unwrap();
    let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["name", "id"]);
    let query = Query { columns: Some(vec!["nmae".into()]), ..Query::default() };
    let error = catalog.search(&query).unwrap_err().to_string();
    assert!(error.contains("column nmae is not there; did you mean name?"), "{error}");
}

/// Whether a row of the table meets a condition, by its columns.
fn meets(condition: &str, (id, dec): (usize, f64)) -> bool {
    let mag = (!id.is_multiple_of(7)).then(|| (id % 1000) as f64 / 50.0);
    let name = (!id.is_multiple_of(5)).then(|| format!("star {id}"));
    let is = |wanted: &str| name.as_deref().map(|name| name.cmp(wanted));
    match condition {
        "dec > 60" => dec > 60.0,
        "dec >= -89.5" => dec >= -89.5,
        "id = 31234" => id == 31_234,
        "id <> 5" => id != 5,
        "id < 100.5" => id <= 100,
        "id >= 99999999999" => false,
        "mag <= 0" => mag.is_some_and(|mag| mag <= 0.0),
        "mag > 19.9" => mag.is_some_and(|mag| mag > 19.9),
        "name = 'star 777'" => is("star 777").is_some_and(|order| order.is_eq()),
        "name > 'star 999'" => is("star 999").is_some_and(|order| order.is_gt()),
        "name <> 'star 1'" => is("star 1").is_some_and(|order| order.is_ne()),
        other => unreachable!("{other}"),
    }
}

#[test]
fn pages_whose_rows_cannot_meet_a_condition_are_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(50_000, 21);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 20_000);
    let cone = || Place::from(Cone::new(place(200.0, 60.0), degrees(40.0)).unwrap());
    let near = |id: &i64| cone_has(&ra, &dec, *id as usize);
    for catalog in opened(&out) {
        // The most rows that may be decoded; declinations go with cells, the others with nothing.
        for (text, most) in [
            ("dec > 60", 20_000),
            ("dec >= -89.5", 50_000),
            ("id = 31234", 50_000),
            ("id <> 5", 50_000),
            ("id < 100.5", 50_000),
            ("id >= 99999999999", 0),
            ("mag <= 0", 50_000),
            ("mag > 19.9", 50_000),
            ("name = 'star 777'", 50_000),
            ("name > 'star 999'", 50_000),
            ("name <> 'star 1'", 50_000),
        ] {
            let condition: Condition = text.parse().unwrap();
            let wanted: BTreeSet<i64> =
                (0..50_000).filter(|id| meets(text, (*id as usize, dec[*id as usize]))).collect();
            let here = wanted.iter().copied().filter(near).collect::<BTreeSet<i64>>();
            assert_eq!(search(&catalog, Place::Anywhere, vec![condition.clone()], 5000), wanted, "{text}");
            assert_eq!(search(&catalog, cone(), vec![condition.clone()], 1 << 16), here, "{text}");
            let query = Query { conditions: vec![condition], ..Query::default() };
            let mut found = catalog.search(&query).unwrap();
            assert_eq!(found.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), wanted.len());
            assert!(found.decoded() <= most, "{text}: {}", found.decoded());
        }
        let wrong = Condition::new("name", Comparison::Less, Value::Integer(1));
        let query = Query { conditions: vec![wrong], ..Query::default() };
        let error = catalog.search(&query).unwrap_err().to_string();
        assert!(
            error.ends_with("column name is Utf8, expected numbers, as it is compared with a number"),
            "{error}"
        );
        let columns = Some(["ra", "dec", "RA"].map(String::from).to_vec());
        let error = catalog.search(&Query { columns, ..Query::default() }).unwrap_err().to_string();
        assert!(error.contains("column ra is wanted twice"), "{error}");
    }
}

#[test]
fn pages_of_nan_alone_are_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(20_000, 22);
    // Brightnesses are NaN over half of the sky, so that whole pages have no other.
    let mag = |n: usize| if dec[n] < 0.0 { f64::NAN } else { (n % 100) as f64 };
    let column = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let batch = RecordBatch::try_from_iter([
        ("id", ids),
        ("ra", column(ra.clone())),
        ("dec", column(dec.clone())),
        ("mag", column((0..20_000).map(mag).collect())),
    ])
    .unwrap();
    let input = [write_parquet(&folder.path().join("in.parquet"), &batch)];
    let out = folder.path().join("out");
    import(&input, &out, &ImportOptions::default(), &Control::none()).unwrap();
    for catalog in opened(&out) {
        let wanted: BTreeSet<i64> = (0..20_000).filter(|id| mag(*id as usize) >= 98.0).collect();
        let condition = Condition::new("mag", Comparison::AtLeast, Value::Integer(98));
        assert_eq!(search(&catalog, Place::Anywhere, vec![condition], 1 << 16), wanted);
    }
}

fn cone_has(ra: &[f64], dec: &[f64], id: usize) -> bool {
    place(ra[id], dec[id]).separation(&place(200.0, 60.0)).degrees() <= 40.0
}

#[test]
fn counting_needs_no_columns() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(5000, 8);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 1000);
    let catalog = Catalog::open(&out).unwrap();
    let count = |place: Place| -> usize {
        let query = Query { place, columns: Some(vec![]), ..Query::default() };
        catalog.search(&query).unwrap().map(|batch| batch.unwrap().num_rows()).sum()
    };
    assert_eq!(count(Place::Anywhere), 5000);
    assert_eq!(count(Place::Cells(vec![])), 0);
    let cone = Cone::new(place(0.0, 0.0), degrees(60.0)).unwrap();
    assert_eq!(count(cone.into()), brute_force(&cone.into(), &ra, &dec).len());
}

#[test]
fn regions_besides_the_place_are_tested_and_partitions_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(20_000, 31);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 1000);
    let catalog = Catalog::open(&out).unwrap();
    let cone = |ra, dec, radius| Region::from(Cone::new(place(ra, dec), degrees(radius)).unwrap());
    let (a, b) = (cone(120.0, 20.0, 25.0), cone(140.0, 25.0, 20.0));
    let columns = || Some(vec!["id".to_string()]);
    let query =
        Query { place: a.clone().into(), regions: vec![b.clone()], columns: columns(), ..Query::default() };
    let mut found = ids(catalog.search(&query).unwrap());
    found.sort_unstable();
    let wanted: Vec<i64> =
        brute_force(&a, &ra, &dec).intersection(&brute_force(&b, &ra, &dec)).copied().collect();
    assert!(wanted.len() > 20 && found == wanted);
    // A search of each partition alone finds what one of all finds; what it will read is known before.
    let reads = catalog.reads(&query).unwrap();
    let mut alone = Vec::new();
    let mut decoded = 0;
    for part in 0..catalog.parts().len() {
        let mut search = catalog.search(&Query { parts: part..part + 1, ..query.clone() }).unwrap();
        let before = alone.len();
        for batch in search.by_ref() {
            alone.extend(batch.unwrap().column(0).as_primitive::<Int64Type>().values().iter().copied());
        }
        assert!(alone.len() == before || reads.parts.contains(&part));
        decoded += search.decoded();
    }
    alone.sort_unstable();
    assert_eq!((alone, decoded), (wanted, reads.rows));
    assert!(reads.runs >= reads.parts.len() as u64 && reads.parts.len() < catalog.parts().len());
}

#[test]
fn a_search_stops_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(5000, 32);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 500);
    let catalog = Catalog::open(&out).unwrap();
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == 3;
    // No row is in the region, so that none comes out between.
    let nowhere = Region::from(Cone::new(place(ra[0], -dec[0]), degrees(1e-9)).unwrap());
    let query = Query { regions: vec![nowhere], batch_rows: 100, ..Query::default() };
    let mut search = catalog.search(&query).unwrap().stop_when(stop);
    let error = search.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert!(search.next().is_none() && search.decoded() < 5000);
}
