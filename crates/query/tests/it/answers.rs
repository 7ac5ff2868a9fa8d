//! Queries on catalogues: what is found, what is read, what is known of the columns.

use uranometria_query::{Request, Session};
use uranometria_sky::{Angle, Cone, Direction, Polygon, Region};

use crate::support::{Archive, doubles, longs};

/// The sources of a region, tested one by one.
fn inside(archive: &Archive, region: &Region) -> Vec<i64> {
    let all = archive.rows("SELECT source_id, ra, dec FROM gaia.source");
    let (ids, ra, dec) = (longs(&all, "source_id"), doubles(&all, "ra"), doubles(&all, "dec"));
    let mut found = vec![false; ids.len()];
    region.contains_slice(&ra, &dec, &mut found).unwrap();
    let mut ids: Vec<i64> =
        ids.into_iter().zip(found).filter(|(_, found)| *found).map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids
}

fn at(lon: f64, lat: f64) -> Direction {
    Direction::from_degrees(lon, lat).unwrap()
}

#[test]
fn all_ways_to_ask_for_a_region_read_its_pages_alone_and_find_what_is_in_it() {
    let archive = Archive::of_stars();
    let all = archive.rows("SELECT ra, dec FROM gaia.source ORDER BY source_id");
    let (ra, dec) = (doubles(&all, "ra"), doubles(&all, "dec"));
    let somewhere = (700..).find(|row| dec[*row].abs() < 60.0).unwrap();
    let (ra, dec) = (ra[somewhere], dec[somewhere]);
    let cone = Region::from(Cone::new(at(ra, dec), Angle::from_degrees(8.0)).unwrap());
    let corners = [(ra, dec - 6.0), (ra + 7.0, dec), (ra, dec + 6.0)];
    let polygon = Polygon::new(&corners.map(|(lon, lat)| at(lon, lat))).unwrap();
    let list = corners.map(|(lon, lat)| format!("{lon}, {lat}")).join(", ");
    let forms = [
        (&cone, format!("1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra}, {dec}, 8))")),
        (&cone, format!("CONTAINS(POINT(ra, dec), CIRCLE(POINT({ra}, {dec}), 8.0)) = 1")),
        (&cone, format!("DISTANCE(POINT(ra, dec), POINT({ra}, {dec})) <= 8")),
        (&cone, format!("8 >= DISTANCE({ra}, {dec}, ra, dec)")),
        (&cone, format!("1 = CONTAINS(POINT(ra, dec), REGION('CIRCLE ICRS {ra} {dec} 8'))")),
        (&polygon.into(), format!("1 = CONTAINS(POINT(ra, dec), POLYGON({list}))")),
    ];
    for (region, condition) in forms {
        let wanted = inside(&archive, region);
        assert!(wanted.len() > 1, "{condition}");
        let query = format!("SELECT source_id FROM gaia.source WHERE {condition} ORDER BY source_id");
        assert_eq!(longs(&archive.rows(&query), "source_id"), wanted, "{condition}");
        let plan = archive.plan(&query);
        assert!(!plan.contains("FilterExec") && plan.contains("CatalogScan: gaia.source, where"), "{plan}");
        let decoded = plan.split("reads ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!(decoded.parse::<usize>().unwrap() < 700, "{plan}");
    }
}

#[test]
fn regions_and_comparisons_meet_in_one_search() {
    let archive = Archive::of_stars();
    let query = "SELECT source_id FROM gaia.source WHERE DISTANCE(ra, dec, 60, 0) <= 60 AND DISTANCE(ra, dec, 80, 10) <= 50 \
                 AND 1 = CONTAINS(POINT(ra, dec), BOX(70, 0, 80, 70)) AND phot_g_mean_mag < 6 AND phot_g_mean_mag > 2.5 \
                 AND source_id <> 3 ORDER BY source_id";
    let plan = archive.plan(query);
    assert!(!plan.contains("FilterExec"), "{plan}");
    let all = archive.rows("SELECT source_id, ra, dec, phot_g_mean_mag FROM gaia.source ORDER BY source_id");
    let (ids, mag) = (longs(&all, "source_id"), doubles(&all, "phot_g_mean_mag"));
    let (ra, dec) = (doubles(&all, "ra"), doubles(&all, "dec"));
    let wanted: Vec<i64> = (0..ids.len())
        .filter(|row| {
            let place = at(ra[*row], dec[*row]);
            place.separation(&at(60.0, 0.0)).degrees() <= 60.0
                && place.separation(&at(80.0, 10.0)).degrees() <= 50.0
                && (30.0..=110.0).contains(&ra[*row])
                && dec[*row].abs() <= 35.0
                && mag[*row] < 6.0
                && mag[*row] > 2.5
        })
        .map(|row| ids[row])
        .collect();
    assert!(wanted.len() > 5);
    assert_eq!(longs(&archive.rows(query), "source_id"), wanted);
}

#[test]
fn what_is_known_of_columns_comes_with_them() {
    let archive = Archive::of_stars();
    let rows = archive.rows(
        "SELECT TOP 1 ra AS \"Right Ascension\", POINT(ra, dec) AS place, phot_g_mean_mag * 2 AS twice, \
         DISTANCE(ra, dec, 0, 0) AS away, NULL AS nothing FROM gaia.source",
    );
    let schema = rows.schema();
    let of = |at: usize, key: &str| schema.field(at).metadata().get(key).cloned().unwrap_or_default();
    assert_eq!(schema.field(0).name(), "Right Ascension");
    assert_eq!((of(0, "unit").as_str(), of(0, "ucd").as_str()), ("deg", "pos.eq.ra;meta.main"));
    assert!(!of(0, "description").is_empty());
    assert_eq!(
        (of(1, "xtype").as_str(), of(2, "unit").as_str(), of(3, "unit").as_str()),
        ("point", "", "deg")
    );
    assert!(rows.column(4).is_null(0));
}

#[test]
fn tap_schema_describes_the_tables_and_itself() {
    let mut archive = Archive::of_stars();
    let tables = archive.texts("SELECT schema_name, table_name FROM tap_schema.tables ORDER BY table_index");
    assert_eq!(tables.len(), 7);
    assert!(tables.contains(&"gaia|gaia.source".to_string()), "{tables:?}");
    let columns = archive.texts(
        "SELECT column_name, datatype, unit FROM TAP_SCHEMA.columns WHERE table_name = 'gaia.source' \
         ORDER BY column_index",
    );
    assert!(columns.contains(&"ra|double|deg".to_string()), "{columns:?}");
    assert!(columns[0].starts_with("\"_healpix_29\"|long"), "{columns:?}");
    let own = "SELECT \"size\", std FROM tap_schema.columns WHERE column_name = '\"size\"'";
    assert_eq!(archive.texts(own), ["-|1"]);
    // Every column that is named is there.
    let all = "SELECT c.column_name FROM tap_schema.columns AS c JOIN tap_schema.tables AS t \
               ON c.table_name = t.table_name WHERE t.schema_name = 'TAP_SCHEMA'";
    assert_eq!(archive.rows(all).num_rows(), 32);
    archive.add("tap_upload.mine", &[("x", vec![Some(1.0)])]);
    let named = "SELECT COUNT(*) AS n FROM tap_schema.tables WHERE table_name = 'tap_upload.mine'";
    assert_eq!(archive.texts(named), ["1"]);
    assert!(archive.session.remove("tap_upload.mine").unwrap());
    assert_eq!(archive.texts(named), ["0"]);
    assert!(!archive.session.remove("tap_upload.mine").unwrap());
    assert!(archive.error("SELECT x FROM tap_upload.mine").contains("no table `tap_upload.mine`"));
}

#[test]
fn wrong_queries_and_names_are_told_with_their_places() {
    let mut archive = Archive::of_stars();
    assert_eq!(
        archive.error("SELECT sorce_id FROM gaia.source"),
        "line 1, column 8: no column `sorce_id`; did you mean `source_id`?\n  | SELECT sorce_id FROM gaia.source\n  \
         |        ^^^^^^^^"
    );
    assert!(archive.error("DELETE FROM gaia.source").contains("line 1, column 1"));
    let wrong = archive.error("SELECT ra FROM gaia.source WHERE DISTANCE(ra, dec, 10, 10) < -1");
    assert!(wrong.contains("-1") && !wrong.contains("bug"), "{wrong}");
    let rows = archive.rows("SELECT 1 AS one FROM hip.main WHERE hip = 1");
    for (name, reason) in [("plain", "a schema, a period"), ("a.b.c", "a schema"), ("gaia.SOURCE", "taken")] {
        let error =
            archive.session.add_rows(name, &rows.schema(), vec![rows.clone()]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let missing = archive.path().join("nowhere");
    let error = uranometria_query::fs::open_archive(&missing, &uranometria_query::Resources::default());
    assert!(error.err().unwrap().to_string().contains("nowhere"));
}

#[test]
fn a_damaged_partition_is_told_by_its_name() {
    let archive = Archive::of_stars();
    let part = std::fs::read_dir(archive.path().join("catalogues/gaia/source/dataset")).unwrap();
    let mut paths: Vec<_> = part.map(|entry| entry.unwrap().path()).collect();
    while let Some(at) = paths.iter().position(|path| path.is_dir()) {
        let folder = paths.swap_remove(at);
        paths.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let victim = paths.iter().find(|path| path.to_string_lossy().contains("Npix")).unwrap();
    let bytes = std::fs::read(victim).unwrap();
    std::fs::write(victim, &bytes[..bytes.len() / 2]).unwrap();
    let again: Session =
        uranometria_query::fs::open_archive(archive.path(), &uranometria_query::Resources::default())
            .unwrap_or_else(|error| panic!("the first partition is not the one: {error}"));
    let error = archive.runtime.block_on(async {
        let request = Request::new("SELECT AVG(phot_g_mean_mag) AS mean FROM gaia.source");
        let mut answer = again.run(&request).await?;
        answer.next().await.unwrap().map(drop)
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains(victim.file_name().unwrap().to_str().unwrap()), "{error}");
}
