//! Queries that differ in numbers alone: each has its own rows, whatever was planned before.

use uranometria_query::Request;

use crate::support::{Archive, texts};

/// Queries of few shapes, in turn.
fn queries() -> Vec<String> {
    let mut queries: Vec<String> = [100, 3, 767, 400]
        .map(|cell| format!("SELECT source_id FROM gaia.source WHERE ivo_healpix_index(3, ra, dec) = {cell} ORDER BY source_id"))
        .into();
    for (ra, dec, radius, faintest) in
        [(60, 10.5, "8", "6"), (300, -45.25, "21.5", "7.5"), (0, 89.0, "30", "5e0"), (180, 0.0, "0.5", "21")]
    {
        let at = format!("{ra}, {dec}");
        let circle = format!("1 = CONTAINS(POINT(ra, dec), CIRCLE({at}, {radius}))");
        queries.extend([
            format!("SELECT source_id FROM gaia.source WHERE {circle} ORDER BY source_id"),
            format!("SELECT COUNT(*) AS n, MAX(dec) AS north FROM gaia.source WHERE {circle} AND phot_g_mean_mag < {faintest}"),
            format!("SELECT TOP 5 source_id, ra FROM gaia.source WHERE {circle} ORDER BY phot_g_mean_mag DESC, source_id"),
            format!("SELECT FLOOR(dec / 10) AS band, COUNT(*) AS n FROM gaia.source WHERE {circle} AND NOT phot_g_mean_mag > {faintest} GROUP BY band ORDER BY band"),
            format!("SELECT hip FROM hip.main WHERE hip BETWEEN {ra} AND {ra} + 3000 AND {circle} ORDER BY hip"),
            format!("SELECT hip FROM hip.main WHERE hip BETWEEN {ra} AND 9000 AND DISTANCE(ra, dec, {at}) < {radius} ORDER BY hip"),
            format!("SELECT COUNT(*) AS n FROM hip.main WHERE {circle} OR hpmag < {faintest}"),
            format!("SELECT COUNT(*) AS n FROM hip.main WHERE {circle} AND hip <> {ra} AND hpmag * 2 < {faintest}"),
        ]);
    }
    queries
}

#[test]
fn queries_of_one_shape_have_each_their_own_rows() {
    let archive = Archive::of_stars();
    let mut nonempty = 0;
    let queries = queries();
    let wanted: Vec<_> = queries
        .iter()
        .map(|query| {
            let rows = archive.texts_anew(query);
            nonempty += usize::from(rows.first().is_some_and(|row| row != "0"));
            rows
        })
        .collect();
    for _ in 0..2 {
        for (query, wanted) in queries.iter().zip(&wanted) {
            assert_eq!(archive.texts(query), *wanted, "{query}");
        }
    }
    assert!(nonempty > 12, "{nonempty}");
    let plan = archive.plan(queries.iter().find(|query| query.contains("CIRCLE(60, 10.5, 8)")).unwrap());
    assert!(plan.contains("sky_in_circle(ra, dec, 60, 10.5, 8)"), "{plan}");
}

#[test]
fn numbers_that_make_no_region_are_told_behind_those_that_do() {
    let archive = Archive::of_stars();
    let query = |radius: &str| {
        format!(
            "SELECT source_id FROM gaia.source WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(60, 10, {radius}))"
        )
    };
    assert!(!archive.texts(&query("60.5")).is_empty());
    let error = archive.error(&query("190.5"));
    assert!(error.contains("190.5") || error.contains("radius"), "{error}");
    assert!(!archive.texts(&query("60.5")).is_empty());
}

#[test]
fn the_plan_of_a_table_that_is_gone_is_forgotten() {
    let mut archive = Archive::of_stars();
    let query = "SELECT x FROM t.t WHERE x < 3";
    archive.add("t.t", &[("x", vec![Some(1.0), Some(5.0)])]);
    assert_eq!(archive.texts(query), ["1.0"]);
    archive.session.remove("t.t").unwrap();
    assert!(archive.error(query).contains("t.t"));
    archive.add("t.t", &[("x", vec![Some(2.0), Some(2.5)])]);
    assert_eq!(archive.texts(query), ["2.0", "2.5"]);
}

#[test]
fn a_limit_of_rows_is_part_of_the_shape() {
    let archive = Archive::of_stars();
    let query = "SELECT source_id FROM gaia.source WHERE phot_g_mean_mag < 8 ORDER BY source_id";
    let all = archive.texts(query);
    for limit in [3, 1, 2] {
        let request = Request { max_rows: Some(limit), ..Request::new(query) };
        let (rows, overflowed) = archive.ask(&request).unwrap();
        assert_eq!((texts(&rows), overflowed), (all[..limit as usize].to_vec(), true));
    }
    assert_eq!(archive.texts(query), all);
}
