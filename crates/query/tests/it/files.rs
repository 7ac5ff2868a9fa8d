use std::fs;
use std::path::Path;
use std::sync::Arc;

use uranometria_catalog::fs::{Control, Table};
use uranometria_query::fs::open_archive;
use uranometria_query::{Request, Resources, Session};

use crate::support::Archive;

/// An archive with the stars as catalogues and as the files that these were made of, and a time series in two files.
fn archive() -> Archive {
    let mut archive = Archive::of_stars();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/catalog");
    let at = |name: &str| archive.path().join(name);
    fs::copy(fixtures.join("gaia.parquet"), at("catalogues/gaia/copy.parquet")).unwrap();
    fs::copy(fixtures.join("hipparcos.parquet"), at("catalogues/hip/copy.parquet")).unwrap();
    fs::create_dir_all(at("series/star")).unwrap();
    for part in 0..2 {
        let row = |row: u32| {
            let flux = if row % 10 == 3 { "NaN".to_string() } else { format!("{}.5", row % 7) };
            format!("{},{flux}\n", 1000 + 500 * part + row)
        };
        let rows: String = (0..500).map(row).collect();
        fs::write(at(&format!("series/star/part-{part}.csv")), format!("t,flux\n{rows}")).unwrap();
    }
    archive.session = open_archive(archive.path(), &Resources::default()).unwrap();
    archive
}

#[test]
fn files_give_the_rows_of_the_catalogues_that_were_made_of_them() {
    let archive = archive();
    for query in [
        "SELECT COUNT(*) AS n, AVG(b_v) AS mean, MIN(hip) AS least FROM hip.main",
        "SELECT TOP 20 source_id, ra, phot_g_mean_mag FROM gaia.source WHERE phot_g_mean_mag < 12 ORDER BY source_id",
        "SELECT source_id FROM gaia.source WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1)) ORDER BY source_id",
        "SELECT source_id FROM gaia.source WHERE DISTANCE(ra, dec, 56.75, 24.12) < 0.5 AND phot_g_mean_mag > 9.5 ORDER BY source_id",
        "SELECT COUNT(*) AS n FROM hip.main WHERE b_v IS NULL",
        "SELECT COUNT(*) AS n FROM hip.main WHERE NOT (b_v > 0.5) OR plx > 10",
        "SELECT g.source_id, h.hip FROM gaia.source AS g JOIN hip.main AS h ON DISTANCE(g.ra, g.dec, h.ra, h.dec) < 0.01 \
         ORDER BY hip, source_id",
    ] {
        let of_files = query.replace("gaia.source", "gaia.copy").replace("hip.main", "hip.copy");
        assert_eq!(archive.texts(&of_files), archive.texts(query), "{query}");
        let mixed = query.replace("hip.main", "hip.copy");
        assert_eq!(archive.texts(&mixed), archive.texts(query), "{query}");
    }
}

#[test]
fn a_condition_chooses_what_is_read_of_a_file_and_the_plan_tells_it() {
    let archive = archive();
    let plan = archive
        .plan("SELECT source_id FROM gaia.copy WHERE phot_g_mean_mag < 9 AND DISTANCE(ra, dec, 56, 24) < 1");
    assert!(plan.contains("FileScan: gaia.copy, where phot_g_mean_mag < 9"), "{plan}");
    assert!(plan.contains("of 1 files"), "{plan}");
    assert!(plan.contains("FilterExec"), "a region is tested row by row\n{plan}");
    let plan = archive.plan("SELECT MAX(flux) AS most FROM series.star WHERE t > 1400");
    assert!(
        plan.contains("FileScan: series.star, where t > 1400, reads all rows in 2 of 2 parts of 2 files"),
        "{plan}"
    );
}

#[test]
fn time_series_are_tables_in_which_nan_is_null() {
    let archive = archive();
    assert_eq!(
        archive.texts("SELECT COUNT(*) AS n, COUNT(flux) AS m, MIN(t) AS least FROM series.star"),
        ["1000|900|1000"]
    );
    assert_eq!(
        archive.texts(
            "SELECT t, flux FROM series.star WHERE t BETWEEN 1498 AND 1503 AND flux IS NOT NULL ORDER BY t"
        ),
        ["1498|1.5", "1499|2.5", "1500|0.5", "1501|1.5", "1502|2.5"]
    );
    // The same shape with other numbers.
    for last in [1009, 1509, 1999] {
        let query = format!("SELECT COUNT(*) AS n FROM series.star WHERE t <= {last}");
        assert_eq!(archive.texts(&query), [(last - 999).to_string()]);
    }
    assert_eq!(
        archive.texts("SELECT table_name FROM tap_schema.tables WHERE schema_name IN ('series', 'hip') ORDER BY table_name"),
        ["hip.copy", "hip.main", "series.star"]
    );
    assert_eq!(
        archive.texts("SELECT column_name, datatype FROM tap_schema.columns WHERE table_name = 'series.star' ORDER BY column_index"),
        ["t|long", "flux|double"]
    );
    assert!(archive.error("SELECT flx FROM series.star").contains("did you mean `flux`"));
}

#[test]
fn an_upload_is_joined_with_a_catalogue_and_named_once() {
    let mut archive = archive();
    let mine = archive.path().join("mine.csv");
    fs::write(&mine, "name,ra,dec\nAlcyone,56.87115,24.10514\nnowhere,10,-80\n").unwrap();
    let table = Arc::new(Table::open(&[mine], &Control::none()).unwrap());
    archive.session.add_files("TAP_UPLOAD.mine", table.clone()).unwrap();
    let join = "SELECT m.name, COUNT(g.source_id) AS n FROM tap_upload.mine AS m LEFT OUTER JOIN gaia.source AS g \
        ON DISTANCE(m.ra, m.dec, g.ra, g.dec) < 0.5 GROUP BY m.name ORDER BY m.name";
    let near = archive
        .texts("SELECT COUNT(*) AS n FROM gaia.source WHERE DISTANCE(ra, dec, 56.87115, 24.10514) < 0.5");
    assert_eq!(archive.texts(join), [format!("Alcyone|{}", near[0]), "nowhere|0".to_string()]);
    assert!(near[0].parse::<u32>().unwrap() > 5);
    let taken = archive.session.add_files("tap_upload.MINE", table).unwrap_err().to_string();
    assert!(taken.contains("taken"), "{taken}");
    assert!(archive.session.remove("TAP_UPLOAD.mine").unwrap());
    assert!(archive.error(join).contains("no table"));
}

#[test]
fn a_damaged_file_is_told_by_its_name() {
    let archive = archive();
    let path = archive.path().join("catalogues/gaia/copy.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let len = bytes.len();
    bytes[4..len / 2].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let session: Session = open_archive(archive.path(), &Resources::default()).unwrap();
    let error = archive.runtime.block_on(async {
        let mut answer = session
            .run(&Request::new("SELECT AVG(ra + dec + phot_g_mean_mag) AS mean FROM gaia.copy"))
            .await?;
        answer.next().await.unwrap().map(drop)
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("copy.parquet"), "{error}");
}
