//! Functions of the sky and of the IVOA's catalogue.

use crate::support::Archive;

fn archive() -> Archive {
    let mut archive = Archive::empty(&uranometria_query::Resources::default());
    let value =
        |numbers: &[f64]| numbers.iter().map(|n| Some(*n).filter(|n| *n != -99.0)).collect::<Vec<_>>();
    archive.add(
        "t.stars",
        &[
            ("id", value(&[1.0, 2.0, 3.0, 4.0, 5.0])),
            ("ra", value(&[10.0, 10.5, f64::NAN, 200.0, 10.0])),
            ("dec", value(&[20.0, 20.0, 20.0, -99.0, 91.0])),
        ],
    );
    archive
}

fn one(archive: &Archive, value: &str) -> String {
    archive.texts(&format!("SELECT {value} AS v FROM t.stars WHERE id = 1")).remove(0)
}

#[test]
fn positions_that_are_none_are_in_no_region_and_in_none_outside() {
    let archive = archive();
    let ids =
        |condition: &str| archive.texts(&format!("SELECT id FROM t.stars WHERE {condition} ORDER BY id"));
    for region in ["CIRCLE(10, 20, 1)", "BOX(10, 20, 2, 2)", "POLYGON(9, 19, 11, 19, 11, 21, 9, 21)"] {
        assert_eq!(ids(&format!("1 = CONTAINS(POINT(ra, dec), {region})")), ["1.0", "2.0"], "{region}");
        assert!(ids(&format!("0 = CONTAINS(POINT(ra, dec), {region})")).is_empty(), "{region}");
    }
    assert_eq!(ids("1 = CONTAINS(POINT(ra, dec), CIRCLE(ra, dec, 0.1))"), ["1.0", "2.0"]);
    // NaN is NULL.
    assert_eq!(ids("ra IS NULL"), ["3.0"]);
    assert_eq!(ids("ra > 0"), ["1.0", "2.0", "4.0", "5.0"]);
}

#[test]
fn geometries_are_values() {
    let archive = archive();
    for (value, wanted) in [
        ("POINT(ra, dec)", "[10.0, 20.0]"),
        ("CIRCLE(ra, dec, 2)", "[10.0, 20.0, 2.0]"),
        ("POLYGON(0, 0, ra, 0, 0, 10)", "[0.0, 0.0, 10.0, 0.0, 0.0, 10.0]"),
        ("COORD1(POINT(ra, dec))", "10.0"),
        ("COORD2(CENTROID(CIRCLE(ra, dec, 5)))", "20.0"),
        ("ROUND(AREA(BOX(ra, 0, 10, 10)), 6)", "99.873124"),
        ("CONTAINS(CIRCLE(ra, dec, 1), CIRCLE(ra, dec, 2))", "1"),
        ("CONTAINS(CIRCLE(ra, dec, 2), CIRCLE(ra, dec, 1))", "0"),
        ("INTERSECTS(CIRCLE(ra, dec, 1), CIRCLE(11.5, dec, 1))", "1"),
        ("INTERSECTS(POINT(ra, dec), CIRCLE(11.5, dec, 1))", "0"),
        ("DISTANCE(POINT(ra, dec), POINT(ra, 21))", "1.0"),
        ("DISTANCE(ra, dec, 10, -90)", "110.0"),
    ] {
        assert_eq!(one(&archive, value), wanted, "{value}");
    }
    let wrong = archive.error("SELECT AREA(CIRCLE(ra, dec, -1)) AS a FROM t.stars");
    assert!(wrong.contains("-1"), "{wrong}");
    assert_eq!(
        archive.texts("SELECT AREA(CIRCLE(ra, dec, 1)) AS a FROM t.stars WHERE id > 2"),
        ["-", "-", "-"]
    );
}

#[test]
fn functions_of_the_catalogue_of_the_ivoa() {
    let archive = archive();
    for (value, wanted) in [
        ("ivo_healpix_index(12, 101.28715533, -16.71611586)", "85770460"),
        ("ivo_healpix_index(12, POINT(101.28715533, -16.71611586))", "85770460"),
        ("ivo_healpix_index(0, ra, dec)", "4"),
        ("ROUND(COORD1(ivo_healpix_center(0, 4)), 9)", "0.0"),
        ("ROUND(COORD2(ivo_healpix_center(1, 0)), 9)", "19.471220634"),
        ("ivo_hasword('The Hubble Deep Field', 'deep hubble')", "1"),
        ("ivo_hasword('The Hubble Deep Field', 'dee')", "0"),
        ("ivo_hashlist_has('optical#Infrared', 'infrared')", "1"),
        ("ivo_hashlist_has('optical#infrared', 'red')", "0"),
        ("ivo_nocasematch('Alpha Centauri', 'alpha%')", "1"),
        ("ivo_interval_has(ra, 9, 10)", "1"),
        ("ivo_interval_has(ra, 11, 12)", "0"),
        ("ivo_interval_overlaps(1, 3, 3, 4)", "1"),
        ("ivo_interval_overlaps(1, 2, 3, 4)", "0"),
        ("gaia_healpix_index(5, 4295806720)", "0"),
    ] {
        assert_eq!(one(&archive, value), wanted, "{value}");
    }
    // 0.001 degrees a year across the sky's equator, and at high declination along the great circle.
    let moved = "ROUND(DISTANCE(POINT(ra, dec), ivo_apply_pm(ra, dec, 0.001, 0, 10)), 7)";
    assert_eq!(one(&archive, moved), "0.01");
    let lists = "SELECT ivo_string_agg(n.name, '+') AS l FROM (SELECT TOP 2 'a' AS name FROM t.stars) AS n";
    assert_eq!(archive.texts(lists), ["a+a"]);
    let counts = "SELECT ivo_histogram(id, 2, 5, 3) AS h FROM t.stars";
    assert_eq!(archive.texts(counts), ["[1, 1, 1, 1, 1]"]);
    let wrong = archive.error("SELECT ivo_healpix_index(30, ra, dec) AS c FROM t.stars");
    assert!(wrong.contains("order 30"), "{wrong}");
    let wrong = archive.error("SELECT ivo_histogram(id, 5, 2, 3) AS h FROM t.stars");
    assert!(wrong.contains("from 5 to 2"), "{wrong}");
}

#[test]
fn what_has_no_value_is_null_and_numbers_are_of_the_types_of_adql() {
    let archive = archive();
    for value in ["LOG10(0 - ra)", "LOG(0 - ra)", "ACOS(ra)", "POWER(0 - ra, 0.5)", "(ra - 10) / (dec - 20)"]
    {
        assert_eq!(one(&archive, value), "-", "{value}");
    }
    assert!(archive.texts("SELECT id FROM t.stars WHERE LOG10(0 - id) > 0").is_empty());
    for (value, wanted) in
        [("CAST(2.5 AS INTEGER)", "2"), ("CAST(3.5 AS BIGINT)", "4"), ("CAST(-0.6 AS INTEGER)", "-1")]
    {
        assert_eq!(one(&archive, value), wanted, "{value}");
    }
    // 0.7 as a REAL is a little less than 0.7, and so is ten times as much.
    assert_eq!(one(&archive, "FLOOR(CAST(0.7 AS REAL) * 10)"), "6.0");
}

#[test]
fn cells_that_a_catalogue_has_are_read_and_searched_for() {
    let stars = Archive::of_stars();
    // A sum is no column, so that the cells are computed.
    let (read, computed) = ("ra, dec", "ra + 0, dec");
    let cells = |order: u8, of: &str, rest: &str| {
        format!(
            "SELECT source_id, ivo_healpix_index({order}, {of}) AS c FROM gaia.source AS g {rest} ORDER BY source_id"
        )
    };
    for order in [0, 1, 6, 12, 28, 29] {
        let rows = stars.texts(&cells(order, read, ""));
        assert!(rows.len() > 1000);
        assert_eq!(rows, stars.texts(&cells(order, computed, "")), "{order}");
    }
    assert_eq!(stars.texts(&cells(5, "POINT(ra, dec)", "")), stars.texts(&cells(5, computed, "")));
    let some = stars.texts(&cells(3, computed, "WHERE phot_g_mean_mag > 7"));
    let of_these = "SELECT source_id, ivo_healpix_index(3, ra, dec) AS c FROM \
        (SELECT * FROM gaia.source WHERE phot_g_mean_mag > 7) AS s ORDER BY source_id";
    assert_eq!(stars.texts(of_these), some);
    let plan = stars.plan(&cells(6, read, ""));
    assert!(plan.contains("_healpix_29@0 >> 46 as c"), "{plan}");

    let some = [
        "= 100",
        "< 9",
        "<= 9",
        ">= 380",
        "> 380",
        "BETWEEN 90 AND 110",
        "<> 100",
        "= -1",
        "> 4000",
        "= 9000000000000000000",
    ];
    for condition in some {
        let at = |of: &str| cells(2, of, &format!("WHERE ivo_healpix_index(3, {of}) {condition}"));
        assert_eq!(stars.texts(&at(read)), stars.texts(&at(computed)), "{condition}");
    }
    let plan = stars.plan("SELECT source_id FROM gaia.source WHERE 100 = ivo_healpix_index(3, ra, dec)");
    let begin = 100_i64 << 52;
    assert!(plan.contains(&format!("_healpix_29 >= {begin}")) && !plan.contains("FilterExec"), "{plan}");
    // Positions that are not those of the catalogue.
    let turned =
        "SELECT source_id, ivo_healpix_index(3, dec, ra / 4) AS c FROM gaia.source ORDER BY source_id";
    assert_eq!(stars.texts(turned), stars.texts(&turned.replace("dec, ra / 4", "dec + 0, ra / 4")));
    // An order that is another in each row.
    let orders = |of: &str| {
        stars.texts(&format!("SELECT source_id, ivo_healpix_index(ABS(MOD(source_id, 5)), {of}) AS c FROM gaia.source ORDER BY source_id"))
    };
    assert_eq!(orders(read), orders(computed));
}
