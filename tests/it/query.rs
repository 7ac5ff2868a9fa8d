//! `ur query`: an archive asked on the command line.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::series_files::{Folder, read_parquet};
use crate::support::{Ended, assert_error, fixture, fixtures, hidden, run, ur};

/// Where the tables are that the queries of the fixtures name: all of them, if the environment names their folder, or the
/// smaller ones of the fixtures.
pub(crate) fn tables() -> PathBuf {
    std::env::var_os("UR_ARCHIVE_TABLES").map_or(fixture("adql"), PathBuf::from)
}

/// An archive with these tables.
pub(crate) fn archive() -> Folder {
    let folder = Folder::new();
    for (table, name, epoch) in [("gaia", "gaia/source", "2016.0"), ("hipparcos", "hip/main", "1991.25")] {
        let out = folder.at(&format!("catalogues/{name}"));
        fs::create_dir_all(out.parent().unwrap()).unwrap();
        let ended = run(ur()
            .args(["catalog", "import"])
            .arg(tables().join(format!("{table}.parquet")))
            .args(["--ra", "ra", "--dec", "dec", "--epoch", epoch, "--rows-per-partition", "3000", "--out"])
            .arg(out));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    folder
}

/// The queries of a file with their names: parted by empty lines, each behind a comment that names it.
pub(crate) fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n\n").filter_map(|entry| entry.trim().strip_prefix("-- ")?.split_once('\n')).skip(1)
}

fn query(folder: &Folder, arguments: &[&str]) -> Ended {
    run(ur().current_dir(folder.at("")).args(["query", "--archive", "."]).args(arguments))
}

#[test]
fn regions_and_joins_have_the_rows_that_astropy_finds() {
    let folder = archive();
    let queries = fs::read_to_string(fixture("adql/archive.adql")).unwrap();
    let answers = fs::read_to_string(tables().join("answers.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in answers.lines().skip(2) {
        let name = line.split(',').next().unwrap();
        let (_, text) = named(&queries).find(|(known, _)| *known == name).unwrap();
        let ended = query(&folder, &["--format", "csv", text]);
        let first =
            ended.out.lines().skip(1).map(|row| row.split(',').next().unwrap().parse::<i128>().unwrap());
        let (rows, sum) = first.fold((0, 0), |(rows, sum), number| (rows + 1, sum + number));
        let found = format!("{name},{rows},{}", sum % 1_000_000_007);
        if found != line {
            wrong.push(format!("{found}, not {line}: {}", ended.err));
        }
    }
    assert!(wrong.is_empty() && answers.lines().count() == 19, "{}", wrong.join("\n"));
}

#[test]
fn rows_come_in_every_format_and_as_a_table() {
    let folder = archive();
    let bright = "SELECT TOP 3 hip, ra, hpmag FROM hip.main ORDER BY hpmag";
    let shown = query(&folder, &[bright]);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(
        shown.out.contains("32349") && shown.out.contains("deg") && shown.out.lines().count() == 5,
        "{}",
        shown.out
    );
    for (file, start) in [
        ("rows.csv", "hip,ra,hpmag\n32349,"),
        ("rows.tsv", "hip\tra\thpmag\n32349\t"),
        ("rows.ecsv", "# %ECSV 1.0"),
        ("rows.json", "{"),
        ("rows.vot", "<?xml"),
        ("rows.fits", "SIMPLE  ="),
        ("rows.parquet", "PAR1"),
    ] {
        let ended = query(&folder, &["--out", file, bright]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{file}: {}", ended.err);
        assert!(ended.err.contains(&format!("{file}: 3 rows")), "{}", ended.err);
        let bytes = fs::read(folder.at(file)).unwrap();
        assert!(bytes.starts_with(start.as_bytes()), "{file}");
    }
    let rows = read_parquet(&folder.at("rows.parquet"));
    assert_eq!(rows.schema().field(1).metadata()["unit"], "deg");
    assert!(hidden(&folder.at("")).is_empty());
}

#[test]
fn files_and_time_series_of_an_archive_and_uploads_are_tables() {
    let folder = archive();
    let at = |name: &str| folder.at(name);
    fs::create_dir_all(at("series")).unwrap();
    fs::copy(fixture("lightcurve/real.sap.csv"), at("series/wasp.csv")).unwrap();
    fs::copy(tables().join("hipparcos.parquet"), at("catalogues/hip/raw.parquet")).unwrap();
    let lines = fs::read_to_string(at("series/wasp.csv")).unwrap().lines().count() - 1;
    let counted = query(&folder, &["--format", "csv", "SELECT COUNT(*) AS n FROM series.wasp"]);
    assert_eq!((counted.code, counted.out), (Some(0), format!("n\n{lines}\n")), "{}", counted.err);
    let bright = |table: &str| {
        let text = format!("SELECT hip, ra, hpmag FROM {table} WHERE hpmag < 4 ORDER BY hip");
        let ended = query(&folder, &["--format", "csv", &text]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out
    };
    assert!(bright("hip.main").lines().count() > 2);
    assert_eq!(bright("hip.raw"), bright("hip.main"));

    // With and without an archive.
    fs::write(at("mine.csv"), "name,ra,dec\nAlcyone,56.87115,24.10514\n").unwrap();
    let join = "SELECT name, hip FROM TAP_UPLOAD.mine AS m JOIN hip.main AS h ON DISTANCE(m.ra, m.dec, h.ra, h.dec) < 0.01";
    let joined = query(&folder, &["--upload", "mine=mine.csv", "--format", "csv", join]);
    assert_eq!((joined.code, joined.out.as_str()), (Some(0), "name,hip\nAlcyone,17702\n"), "{}", joined.err);
    let alone = run(ur()
        .current_dir(at(""))
        .args(["query", "--upload", "t=mine.csv", "--format", "csv"])
        .arg("SELECT dec FROM t"));
    assert_eq!((alone.code, alone.out.as_str()), (Some(0), "dec\n24.10514\n"), "{}", alone.err);
    for (upload, error) in [
        ("mine=nowhere.csv", "error: nowhere.csv: cannot open it"),
        ("mine", "\"mine\" is no table; write it like mine=targets.csv"),
        ("a.b=mine.csv", "error: \"TAP_UPLOAD.a.b\" cannot be the name of a table"),
    ] {
        let ended = query(&folder, &["--upload", upload, "SELECT ra FROM hip.main"]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains(error), "{}", ended.err);
    }
    // What is no table does not stand in the way of others.
    fs::copy(fixture("astrocut/cut.fits"), at("series/pixels.fits")).unwrap();
    fs::write(at("series/empty.csv"), "").unwrap();
    let others = query(&folder, &["--format", "csv", "SELECT COUNT(*) AS n FROM series.wasp"]);
    assert_eq!((others.code, others.out), (Some(0), format!("n\n{lines}\n")), "{}", others.err);
    assert!(others.err.contains("warning: left out: ./series/empty.csv"), "{}", others.err);
    let named = query(&folder, &["SELECT a FROM series.empty"]);
    let told = "error: series.empty was left out when the archive was opened: ./series/empty.csv";
    assert!(named.code == Some(2) && named.err.contains(told), "{}", named.err);
    let quoted = query(&folder, &["SELECT a FROM \"Empty\""]);
    assert!(quoted.code == Some(2) && quoted.err.contains(told), "{}", quoted.err);
    // Only who names it is told so.
    let other = query(&folder, &["SELECT flux_all AS \"series.empty\", nothing FROM series.wasp"]);
    assert!(other.code == Some(2) && other.err.contains("no column `nothing`"), "{}", other.err);
    fs::create_dir_all(at("catalogues/tap_schema")).unwrap();
    fs::write(at("catalogues/tap_schema/tables.csv"), "a\n1\n").unwrap();
    fs::create_dir_all(at("series/plots")).unwrap();
    fs::write(at("series/plots/a.png"), "").unwrap();
    let still = query(&folder, &["--format", "csv", "SELECT COUNT(*) AS n FROM series.wasp"]);
    assert_eq!((still.code, still.out), (Some(0), format!("n\n{lines}\n")), "{}", still.err);

    // Nor does what a catalogue was made of.
    fs::write(at("catalogues/hip/main.csv"), "a\n1\n").unwrap();
    assert_eq!(bright("hip.main").lines().count(), bright("hip.raw").lines().count());
}

#[test]
fn a_query_is_read_from_standard_input_and_explained() {
    let folder = archive();
    let mut child = ur()
        .current_dir(folder.at(""))
        .args(["query", "--archive", ".", "--explain", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let cone = b"SELECT COUNT(*) AS n FROM gaia.source WHERE DISTANCE(ra, dec, 56.75, 24.12) <= 1 AND phot_g_mean_mag < 9";
    child.stdin.take().unwrap().write_all(cone).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.out.starts_with("SELECT COUNT(*) AS \"n\" FROM \"gaia\".\"source\" WHERE"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("CatalogScan: gaia.source, where "), "{}", ended.out);
    assert!(ended.out.contains("sky_in_circle(ra, dec, 56.75, 24.12, 1)"), "{}", ended.out);
    assert!(ended.out.contains("phot_g_mean_mag < 9") && ended.out.contains(" of 1 of "), "{}", ended.out);
}

#[test]
fn exit_codes_and_errors_tell_how_it_went() {
    let folder = archive();
    let none = query(&folder, &["--format", "csv", "SELECT hip FROM hip.main WHERE hpmag < -5"]);
    assert_eq!((none.code, none.out.as_str()), (Some(1), "hip\n"), "{}", none.err);
    let cut =
        query(&folder, &["--format", "csv", "--max-rows", "2", "SELECT hip FROM hip.main ORDER BY hip"]);
    assert_eq!((cut.code, cut.out.lines().count()), (Some(0), 3));
    assert!(cut.err.contains("more rows than --max-rows 2"), "{}", cut.err);
    for (arguments, error) in [
        (
            &["SELECT hipp FROM hip.main"][..],
            "error: line 1, column 8: no column `hipp`; did you mean `hip`?\n  | SELECT",
        ),
        (
            &["SELECT ra FROM hip.mian"],
            "error: line 1, column 16: no table `hip.mian`; did you mean `hip.main`?",
        ),
        (&["--out", "rows.xyz", "SELECT ra FROM hip.main"], "error: rows.xyz: ending \"xyz\""),
        (&["--strict", "SELECT ra FROM hip.main;"], "error: line 1, column 24"),
        (&["--load"], "error: --load and --dialect are for PostgreSQL"),
        (
            &["--engine", "postgres://me:secret@127.0.0.1:1/sky", "SELECT 1 AS n FROM hip.main"],
            "error: postgres://me@127.0.0.1:1/sky",
        ),
    ] {
        let ended = query(&folder, arguments);
        assert_error(&ended, error);
        assert!(!ended.err.contains("secret"), "{}", ended.err);
    }
    let pixels = fixtures("tess", "fits").remove(0);
    for (there, out) in [
        (pixels, "rows.fits"),
        (fixture("adql/gaia.parquet"), "rows.csv"),
        (fixture("README.md"), "rows.parquet"),
    ] {
        fs::copy(&there, folder.at(out)).unwrap();
        let refused = query(&folder, &["--out", out, "SELECT hip FROM hip.main"]);
        assert_error(&refused, &format!("error: {out} is there already and is no file of rows"));
        assert!(fs::read(folder.at(out)).unwrap() == fs::read(&there).unwrap(), "{out}");
    }
    let missing = run(ur().args(["query", "--archive", "/nowhere", "SELECT 1 AS n FROM a.b"]));
    assert_error(&missing, "error: /nowhere/catalogues");
    assert!(hidden(&folder.at("")).is_empty());
}

#[test]
fn an_interrupted_query_stops_at_once_and_leaves_nothing() {
    let folder = archive();
    let long = "SELECT COUNT(*) AS n FROM gaia.source AS a JOIN gaia.source AS b ON SIN(a.ra) * b.dec > COS(b.ra) * a.dec";
    let mut child = ur()
        .current_dir(folder.at(""))
        .args(["query", "--archive", ".", "--out", "rows.csv", long])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it was done already");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let start = Instant::now();
    assert!(killed.success());
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_error(&ended, "error: interrupted");
    assert!(!folder.at("rows.csv").exists() && hidden(&folder.at("")).is_empty());
}
