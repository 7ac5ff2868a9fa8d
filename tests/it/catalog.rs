//! `ur catalog`: real stars to a catalogue, regions, matches across 24.75 years, maps, and what is said of bad input.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use uranometria_catalog::Pixel;
use uranometria_fits::{Source, read_hdus};
use uranometria_sky::{Angle, Direction, Moc, healpix};

use crate::series_files::{Folder, Noise, properties, read_parquet, write_parquet};
use crate::support::{Ended, assert_error, fixture, hidden, run, ur};

fn catalog(verb: &str, folder: &Folder, arguments: &[&str]) -> Ended {
    run(ur().current_dir(folder.at("")).args(["catalog", verb]).args(arguments))
}

/// The stars of both catalogues, imported with small partitions.
fn stars() -> Folder {
    let folder = Folder::new();
    for (name, epoch) in [("gaia", "2016.0"), ("hipparcos", "1991.25")] {
        let table = fixture(&format!("catalog/{name}.parquet"));
        let ended = run(ur()
            .args(["catalog", "import"])
            .arg(table)
            .args(["--ra", "ra", "--dec", "dec"])
            .args(["--epoch", epoch, "--rows-per-partition", "300", "--out"])
            .arg(folder.at(name)));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    assert!(hidden(&folder.at("")).is_empty());
    folder
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> &'a dyn Array {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {}", rows.schema()))
}

fn doubles(rows: &RecordBatch, name: &str) -> Vec<f64> {
    column(rows, name).as_primitive::<Float64Type>().values().to_vec()
}

fn longs(rows: &RecordBatch, name: &str) -> Vec<i64> {
    column(rows, name).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn a_catalogue_says_what_it_has_and_is_proved() {
    let folder = stars();
    let told = catalog("info", &folder, &["gaia", "--json"]).json();
    assert_eq!((told["rows"].as_u64(), told["epoch"].as_f64()), (Some(1598), Some(2016.0)));
    assert!(told["partitions"].as_u64().unwrap() >= 6);
    let magnitude =
        told["columns"].as_array().unwrap().iter().find(|column| column["name"] == "phot_g_mean_mag");
    let magnitude = magnitude.unwrap();
    assert_eq!(
        (magnitude["unit"].as_str(), magnitude["ucd"].as_str()),
        (Some("mag"), Some("phot.mag;em.opt"))
    );
    let text = catalog("info", &folder, &["gaia"]).out;
    assert!(text.contains("gaia, 1598 rows in") && text.contains("epoch 2016.0"), "{text}");
    assert!(text.contains("G-band mean magnitude"), "{text}");

    let proved = catalog("verify", &folder, &["gaia", "--json"]);
    assert_eq!((proved.code, proved.json()["rows"].as_u64()), (Some(0), Some(1598)));
    let properties = folder.at("gaia/hats.properties");
    let wrong = fs::read_to_string(&properties).unwrap().replace("hats_nrows=1598", "hats_nrows=1599");
    fs::write(&properties, wrong).unwrap();
    let refuted = catalog("verify", &folder, &["gaia"]);
    assert_eq!(refuted.code, Some(1));
    assert!(refuted.out.contains("hats_nrows: found 1599, expected 1598"), "{}", refuted.out);
}

#[test]
fn regions_have_the_rows_that_lie_in_them() {
    let folder = stars();
    let all = read_parquet(&fixture("catalog/gaia.parquet"));
    let (ids, ra, dec) = (longs(&all, "source_id"), doubles(&all, "ra"), doubles(&all, "dec"));
    let chosen = |inside: &dyn Fn(f64, f64) -> bool| {
        let mut chosen: Vec<i64> =
            (0..ids.len()).filter(|&row| inside(ra[row], dec[row])).map(|row| ids[row]).collect();
        chosen.sort_unstable();
        chosen
    };
    let found = |verb: &str, arguments: &[&str]| {
        let out = folder.at("found.parquet");
        let ended = catalog(verb, &folder, &[&["gaia", "--out", "found.parquet"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let mut ids = longs(&read_parquet(&out), "source_id");
        ids.sort_unstable();
        ids
    };
    let pleiades = Direction::from_degrees(56.75, 24.12).unwrap();
    let within = |ra: f64, dec: f64, degrees: f64| {
        Direction::from_degrees(ra, dec).unwrap().separation(&pleiades).degrees() <= degrees
    };
    let cone = ["--ra", "56.75", "--dec", "24.12", "--radius", "1.25deg"];
    assert_eq!(found("cone", &cone), chosen(&|ra, dec| within(ra, dec, 1.25)));
    let pole = ["--ra", "10", "--dec", "89.9", "--radius", "90arcmin"];
    let north = Direction::from_degrees(10.0, 89.9).unwrap();
    let near = |ra, dec| Direction::from_degrees(ra, dec).unwrap().separation(&north).degrees() <= 1.5;
    assert_eq!(found("cone", &pole), chosen(&near));
    let wrap = ["--ra", "358.5..1.25", "--dec", "-1.5..2"];
    let strip = |ra: f64, dec: f64| (ra >= 358.5 || ra <= 1.25) && (-1.5..=2.0).contains(&dec);
    assert_eq!(found("box", &wrap), chosen(&strip));
    // Sides on meridians, so that its inside is known: the others follow the great circles.
    let east_of = ["--vertices", "359 -3, 1 -3, 1 3, 359 3"];
    let strip = |ra: f64, dec: f64| {
        let bulge = |degrees: f64| {
            (degrees.to_radians().tan() / 1.0_f64.to_radians().cos()
                * if ra > 180.0 { ra - 360.0 } else { ra }.to_radians().cos())
            .atan()
            .to_degrees()
        };
        !(1.0..=359.0).contains(&ra) && (bulge(-3.0)..=bulge(3.0)).contains(&dec)
    };
    assert_eq!(found("polygon", &east_of), chosen(&strip));

    let bright = catalog(
        "cone",
        &folder,
        &[&["gaia", "--columns", "source_id,phot_g_mean_mag", "--where", "phot_g_mean_mag < 5"], &cone[..]]
            .concat(),
    );
    let lines: Vec<&str> = bright.out.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["source_id", "phot_g_mean_mag"]);
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["mag"]);
    let magnitudes: Vec<f64> =
        lines[2..].iter().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    assert!(magnitudes.len() > 3 && magnitudes.iter().all(|magnitude| *magnitude < 5.0), "{magnitudes:?}");

    let none = catalog("cone", &folder, &["gaia", "--ra", "180", "--dec", "0", "--radius", "1arcmin"]);
    assert_eq!(none.code, Some(1), "{}", none.err);
}

/// Pairs within 3 arcseconds by astropy, and their separations: with Hipparcos where it was, and moved.
type Pairs = BTreeMap<(i32, i64), f64>;

fn expected() -> (Pairs, Pairs) {
    let text = fs::read_to_string(fixture("catalog/matches.csv")).unwrap();
    let (mut still, mut moved) = (Pairs::new(), Pairs::new());
    for line in text.lines().skip(2) {
        let cells: Vec<&str> = line.split(',').collect();
        let pair = (cells[0].parse().unwrap(), cells[1].parse().unwrap());
        for (pairs, cell) in [(&mut still, cells[2]), (&mut moved, cells[3])] {
            if let Ok(apart) = cell.parse() {
                pairs.insert(pair, apart);
            }
        }
    }
    (still, moved)
}

fn pairs(path: &Path) -> Pairs {
    let rows = read_parquet(path);
    let hip = column(&rows, "hip").as_primitive::<Int32Type>().values();
    let ids = longs(&rows, "source_id");
    assert_eq!(rows.schema().fields().last().unwrap().name(), "_dist_arcsec");
    hip.iter().copied().zip(ids).zip(doubles(&rows, "_dist_arcsec")).collect()
}

#[test]
fn stars_are_found_again_after_24_years_as_astropy_finds_them() {
    let folder = stars();
    let (still, moved) = expected();
    assert!(moved.len() > still.len() + 30);
    let both = ["hipparcos", "gaia", "--radius", "3arcsec", "--out", "pairs.parquet", "--all", "--json"];
    for (wanted, more) in [(still, vec![]), (moved.clone(), vec!["--epoch", "2016.0"])] {
        let ended = catalog("crossmatch", &folder, &[&both[..], &more].concat());
        assert_eq!(ended.json()["pairs"].as_u64(), Some(wanted.len() as u64), "{}", ended.err);
        let found = pairs(&folder.at("pairs.parquet"));
        assert!(found.keys().eq(wanted.keys()));
        for (pair, apart) in &found {
            assert!((apart - wanted[pair]).abs() < 1e-6, "{pair:?}: {apart}, astropy {}", wanted[pair]);
        }
    }
    // The nearest alone, identifiers alone, and those without a counterpart.
    let nearest =
        ["hipparcos", "gaia", "--radius", "3arcsec", "--epoch", "2016", "--pairs", "--out", "nearest.csv"];
    let ended = catalog("crossmatch", &folder, &[&nearest[..], &["--left"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let text = fs::read_to_string(folder.at("nearest.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("hip,source_id,_dist_arcsec"));
    let mut best: BTreeMap<i32, (f64, i64)> = BTreeMap::new();
    for ((hip, id), apart) in moved {
        let best = best.entry(hip).or_insert((apart, id));
        *best = if apart < best.0 { (apart, id) } else { *best };
    }
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let wanted = best.get(&cells[0].parse().unwrap()).map_or(String::new(), |best| best.1.to_string());
        assert_eq!(cells[1], wanted, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 470);
}

#[test]
fn maps_and_coverage_count_every_star() {
    let folder = stars();
    let density =
        catalog("density", &folder, &["gaia", "--order", "5", "--out", "map.fits", "--json"]).json();
    assert_eq!(density["rows"].as_u64(), Some(1598));
    let bytes = fs::read(folder.at("map.fits")).unwrap();
    let hdus = read_hdus(&bytes.as_slice()).unwrap();
    let counts = bytes.as_slice().slice(hdus[1].data_start, 4 * 12 * 1024).unwrap();
    let counts = counts.as_chunks::<4>().0.iter().map(|count| i64::from(i32::from_be_bytes(*count)));
    assert_eq!(counts.sum::<i64>(), 1598);
    let png = catalog("density", &folder, &["gaia", "--out", "map.png"]);
    assert_eq!(png.code, Some(0), "{}", png.err);
    assert!(fs::read(folder.at("map.png")).unwrap().starts_with(b"\x89PNG"));

    for (name, ours) in [("moc.fits", 0), ("moc.txt", 1), ("moc.json", 2)] {
        let told = catalog("coverage", &folder, &["gaia", "--order", "7", "--out", name, "--json"]).json();
        assert!(told["cells"].as_u64().unwrap() > 200);
        let bytes = fs::read(folder.at(name)).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let moc = match ours {
            0 => Moc::from_fits(&bytes),
            1 => Moc::from_ascii(&text),
            _ => Moc::from_json(&text),
        };
        let moc = moc.unwrap();
        assert_eq!(moc.depth(), 7);
        let all = read_parquet(&fixture("catalog/gaia.parquet"));
        for (ra, dec) in doubles(&all, "ra").into_iter().zip(doubles(&all, "dec")) {
            assert!(moc.contains(&Direction::from_degrees(ra, dec).unwrap()));
        }
        // What a catalogue covers has all of it.
        let ended = catalog("moc", &folder, &["gaia", "--moc", name, "--out", "inside.parquet", "--json"]);
        assert_eq!(ended.json()["rows"].as_u64(), Some(1598), "{}", ended.err);
    }
}

#[test]
fn bad_input_is_named_with_the_way_out() {
    let folder = stars();
    let csv = folder.at("bad.csv");
    fs::write(&csv, "id,ra_deg,dec_deg\n1,10,20\n2,11,91\n3,,5\n4,nan,5\n5,380,1\n").unwrap();
    let import = |more: &[&str]| catalog("import", &folder, &[&["bad.csv", "--out", "bad"], more].concat());
    assert_error(
        &import(&["--ra", "ra", "--dec", "dec_deg"]),
        "error: bad.csv: column ra is not there; did you mean ra_deg?",
    );
    let refused = import(&["--ra", "ra_deg", "--dec", "dec_deg"]);
    assert_error(&refused, "error: bad.csv: row 2, dec_deg: found 91");
    assert!(refused.err.contains("--skip-bad"), "{}", refused.err);
    assert!(!folder.at("bad").exists());
    let skipped = import(&["--ra", "ra_deg", "--dec", "dec_deg", "--skip-bad", "--json"]).json();
    assert_eq!((skipped["rows"].as_u64(), skipped["skipped"].as_u64()), (Some(1), Some(4)));
    assert_eq!(skipped["skipped_rows"][1]["row"].as_u64(), Some(3));

    let parquet = fs::read(fixture("catalog/gaia.parquet")).unwrap();
    fs::write(folder.at("cut.parquet"), &parquet[..parquet.len() / 2]).unwrap();
    let cut = catalog("import", &folder, &["cut.parquet", "--ra", "ra", "--dec", "dec", "--out", "cut"]);
    assert_error(&cut, "error: cut.parquet: ");
    assert!(!folder.at("cut").exists());

    let cone = |arguments: &[&str]| {
        catalog("cone", &folder, &[&["gaia", "--ra", "1", "--dec", "2"], arguments].concat())
    };
    assert_error(
        &cone(&["--radius", "1deg", "--columns", "phot_mean_mag"]),
        "error: gaia: column phot_mean_mag is not there; did you mean phot_g_mean_mag?",
    );
    assert_error(
        &cone(&["--radius", "1deg", "--out", "gaia/x.csv"]),
        "error: gaia/x.csv would lie inside the catalogue gaia",
    );
    assert_error(&cone(&["--radius", "1deg", "--out", "x.dat"]), "error: x.dat: ending \"dat\" is not known");
    assert_eq!(cone(&["--radius", "200deg"]).code, Some(2));
    assert_error(&catalog("info", &folder, &["."]), "error: .: is not a HATS catalogue");
    let vertices = ["gaia", "--vertices", "1 2, 3, 4 5"];
    assert_error(
        &catalog("polygon", &folder, &vertices),
        "error: --vertices: vertex 2 has 1 numbers, expected 2",
    );
    let moved =
        ["gaia", "hipparcos", "--radius", "1arcsec", "--right-proper-motion", "pmra,pmdec", "--out", "x.csv"];
    assert_error(&catalog("crossmatch", &folder, &moved), "error: --right-proper-motion needs --epoch");
    // What is read is not replaced, nor what lies in a catalogue.
    fs::copy(fixture("catalog/gaia.parquet"), folder.at("gaia/more.parquet")).unwrap();
    let inside =
        catalog("import", &folder, &["gaia/more.parquet", "--ra", "ra", "--dec", "dec", "--out", "gaia"]);
    assert_error(&inside, "error: gaia/more.parquet: lies inside gaia");
    assert!(folder.at("gaia/more.parquet").exists());
    for arguments in [["coverage", "gaia/moc.fits"], ["density", "gaia/point_map.fits"]] {
        let ended = catalog(arguments[0], &folder, &["gaia", "--out", arguments[1]]);
        assert_error(&ended, &format!("error: {} would lie inside", arguments[1]));
    }
    fs::write(folder.at("moc.txt"), "3/10").unwrap();
    let moc = ["gaia", "--moc", "moc.txt", "--out", "moc.txt"];
    assert_error(&catalog("moc", &folder, &moc), "error: moc.txt is an input");
    let twice = import(&["--ra", "ra_deg", "--dec", "ra_deg"]);
    assert_eq!(twice.code, Some(2), "{}", twice.err);
    // What is no catalogue is not replaced, though it has a file of that name.
    fs::create_dir(folder.at("mine")).unwrap();
    fs::write(folder.at("mine/properties"), "hips_order=3").unwrap();
    let table: PathBuf = fixture("catalog/gaia.parquet");
    let table = table.to_str().unwrap();
    let occupied = catalog("import", &folder, &[table, "--ra", "ra", "--dec", "dec", "--out", "mine"]);
    assert_error(&occupied, "error: mine: is there already and is no HATS catalogue");
}

/// The partitions of a catalogue: the first cell of depth 29, the one behind the last, and the file.
fn partitions(path: &Path) -> Vec<(std::ops::Range<u64>, PathBuf)> {
    let list = fs::read_to_string(path.join("partition_info.csv")).unwrap();
    let partition = |line: &str| {
        let (order, number) = line.split_once(',').unwrap();
        let pixel = Pixel { order: order.parse().unwrap(), number: number.parse().unwrap() };
        (pixel.cells(), path.join("dataset").join(pixel.file(".parquet")))
    };
    list.lines().skip(1).map(partition).collect()
}

#[test]
fn a_margin_has_every_row_near_a_partition_and_the_catalogue_is_the_same() {
    let folder = stars();
    let table = fixture("catalog/gaia.parquet");
    let arguments = ["--ra", "ra", "--dec", "dec", "--rows-per-partition", "300", "--margin", "6arcmin"];
    let made = run(ur()
        .args(["catalog", "import"])
        .arg(&table)
        .args(arguments)
        .arg("--json")
        .arg("--out")
        .arg(folder.at("near")));
    assert_eq!(made.code, Some(0), "{}", made.err);
    let rows = made.json()["margin_rows"].as_u64().unwrap();
    assert!(rows > 50, "{rows}");
    for (_, file) in partitions(&folder.at("near/near")) {
        let other = file.strip_prefix(folder.at("near/near")).unwrap();
        assert!(fs::read(&file).unwrap() == fs::read(folder.at("gaia").join(other)).unwrap());
    }
    let proved = catalog("verify", &folder, &["near", "--json"]).json();
    assert_eq!(
        (proved["sound"].as_bool(), proved["margin_rows"].as_u64()),
        (Some(true), Some(rows)),
        "{proved}"
    );
    let told = catalog("info", &folder, &["near"]);
    assert!(told.out.contains("margin near_360arcs"), "{}", told.out);

    // A step of a little less than the width, in some direction, leads into the partition from what must be there.
    let all = read_parquet(&table);
    let (ra, dec, ids) = (doubles(&all, "ra"), doubles(&all, "dec"), longs(&all, "source_id"));
    let of_margin: BTreeMap<u64, Vec<i64>> = partitions(&folder.at("near/near_360arcs"))
        .into_iter()
        .map(|(cells, file)| (cells.start, longs(&read_parquet(&file), "source_id")))
        .collect();
    let mut near = 0;
    for (cells, _) in partitions(&folder.at("near/near")) {
        let there = of_margin.get(&cells.start).cloned().unwrap_or_default();
        for ((&ra, &dec), id) in ra.iter().zip(&dec).zip(&ids) {
            let inside = cells.contains(&healpix::hash(29, ra, dec).unwrap());
            assert!(!(inside && there.contains(id)));
            let place = Direction::from_degrees(ra, dec).unwrap();
            let leads_inside = |bearing: i32| {
                let step =
                    place.offset_by(Angle::from_degrees(f64::from(bearing)), Angle::from_arcmin(5.999));
                cells.contains(&healpix::hash(29, step.ra_deg(), step.dec_deg()).unwrap())
            };
            if !inside && (0..360).step_by(5).any(leads_inside) {
                near += 1;
                assert!(there.contains(id), "{id} is not in the margin of {cells:?}");
            }
        }
    }
    // What is further out is there by the size of some cells only.
    assert!(near as f64 > 0.8 * rows as f64, "{near} of {rows}");

    // A margin that lacks a row is found out.
    let margin = folder.at("near/near_360arcs");
    let list = fs::read_to_string(margin.join("partition_info.csv")).unwrap();
    let fewer: Vec<&str> = list.lines().collect();
    fs::write(margin.join("partition_info.csv"), fewer[..fewer.len() - 1].join("\n")).unwrap();
    let proved = catalog("verify", &folder, &["near"]);
    assert_eq!(proved.code, Some(1));
    assert!(proved.out.contains("found 0 rows in the margin, expected"), "{}", proved.out);
}

#[test]
fn what_is_appended_in_two_steps_is_what_is_imported_at_once() {
    let folder = Folder::new();
    let all = read_parquet(&fixture("catalog/gaia.parquet"));
    let cut = all.num_rows() / 3;
    for (name, rows) in [("a", all.slice(0, cut)), ("b", all.slice(cut, all.num_rows() - cut))] {
        write_parquet(&folder.at(&format!("{name}.parquet")), &rows, properties().build());
    }
    let made = |arguments: &[&str]| {
        let ended = catalog(
            "import",
            &folder,
            &[
                arguments,
                &[
                    "--ra",
                    "ra",
                    "--dec",
                    "dec",
                    "--epoch",
                    "2016.0",
                    "--rows-per-partition",
                    "300",
                    "--margin",
                    "1arcmin",
                    "--compression",
                    "zstd",
                ],
            ]
            .concat(),
        );
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    };
    made(&["a.parquet", "b.parquet", "--out", "whole", "--name", "gaia"]);
    made(&["a.parquet", "--out", "grown", "--name", "gaia"]);
    let bad = folder.at("bad.csv");
    fs::write(&bad, "ra,dec\n1,2\n").unwrap();
    let refused = catalog("append", &folder, &["grown", "bad.csv"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("bad.csv") && refused.err.contains("is missing"), "{}", refused.err);
    let appended = catalog("append", &folder, &["grown", "b.parquet", "--json"]);
    assert_eq!(appended.code, Some(0), "{}", appended.err);
    assert_eq!(appended.json()["rows"].as_u64(), Some(all.num_rows() as u64));
    for part in ["gaia", "gaia_60arcs"] {
        let (grown, whole) = (folder.at("grown").join(part), folder.at("whole").join(part));
        let (files, expected) = (partitions(&grown), partitions(&whole));
        assert_eq!(files.len(), expected.len());
        for ((_, file), (_, expected)) in files.iter().zip(&expected) {
            assert!(fs::read(file).unwrap() == fs::read(expected).unwrap(), "{} differs", file.display());
        }
    }
    assert_eq!(catalog("verify", &folder, &["grown"]).code, Some(0));
    let told = catalog("info", &folder, &["grown", "--json"]).json();
    assert_eq!(told["epoch"].as_f64(), Some(2016.0));
    let again = catalog("append", &folder, &["grown", "b.parquet"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("appended already"), "{}", again.out);
    assert!(hidden(&folder.at("")).is_empty());
}

/// Every file of a catalogue, without the time of its making.
fn bytes_of(catalog: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![catalog.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|ending| ending == "properties") || path.ends_with("properties") {
                let text = String::from_utf8(bytes).unwrap();
                let lines = text.lines().filter(|line| !line.contains("creation_date"));
                bytes = lines.collect::<Vec<_>>().join("\n").into_bytes();
            }
            found.insert(path.strip_prefix(catalog).unwrap().to_path_buf(), bytes);
        }
    }
    found
}

/// Bytes that a process has written so far.
fn written(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0)
}

/// Runs a command that is killed again and again, each time when it has written a little more, and then to its end.
fn killed_at_ten_moments(command: impl Fn() -> Command, bytes: u64) {
    let mut killed = 0;
    for n in 0..10 {
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && written(&child) < bytes * n / 10 {
            std::thread::yield_now();
        }
        let _ = child.kill();
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
    }
    assert!(killed >= 3, "only {killed} of 10 runs were killed");
    let ended = run(&mut command());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn an_import_and_an_append_killed_at_ten_moments_go_on_to_the_same_catalogue() {
    const ROWS: usize = 200_000;
    let folder = Folder::new();
    let mut noise = Noise(7);
    let mut column = |scale: f64, origin: f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..ROWS).map(|_| origin + scale * noise.unit())))
    };
    let columns = [("ra", column(90.0, 10.0)), ("dec", column(60.0, -30.0)), ("flux", column(1.0, 0.0))];
    let all = RecordBatch::try_from_iter(columns).unwrap();
    for (name, rows) in
        [("all", all.clone()), ("a", all.slice(0, ROWS / 2)), ("b", all.slice(ROWS / 2, ROWS / 2))]
    {
        write_parquet(&folder.at(&format!("{name}.parquet")), &rows, properties().build());
    }
    let command = |arguments: &[&str]| {
        let mut command = ur();
        command.current_dir(folder.at("")).arg("catalog").args(arguments);
        command
    };
    let import = |table, out| {
        let options = ["--ra", "ra", "--dec", "dec", "--rows-per-partition", "20000", "--memory", "16MiB"];
        command(&[&["import", table, "--name", "stars", "--out", out][..], &options].concat())
    };
    // What it writes: runs, and the partitions.
    let mut whole = import("all.parquet", "whole").stdout(Stdio::null()).spawn().unwrap();
    let mut bytes = 0;
    while whole.try_wait().unwrap().is_none() {
        bytes = bytes.max(written(&whole));
    }
    assert!(bytes > 8 * 3 * ROWS as u64, "{bytes} bytes");
    let expected = bytes_of(&folder.at("whole"));
    killed_at_ten_moments(|| import("all.parquet", "stars"), bytes);
    assert!(bytes_of(&folder.at("stars")) == expected);
    // Until the longer one replaces it, the old one is whole.
    assert_eq!(run(&mut import("a.parquet", "grown")).code, Some(0));
    killed_at_ten_moments(
        || {
            assert_eq!(catalog("verify", &folder, &["grown"]).code, Some(0));
            command(&["append", "grown", "b.parquet", "--memory", "16MiB"])
        },
        bytes,
    );
    let (grown, whole) = (folder.at("grown"), folder.at("whole"));
    for ((_, file), (_, expected)) in partitions(&grown).iter().zip(&partitions(&whole)) {
        assert!(fs::read(file).unwrap() == fs::read(expected).unwrap(), "{} differs", file.display());
    }
    assert_eq!(catalog("verify", &folder, &["grown"]).code, Some(0));
    assert!(hidden(&folder.at("")).is_empty());
}

#[test]
fn text_beside_text_stays_as_it_is_and_numbers_do_not_become_text() {
    let folder = Folder::new();
    fs::write(folder.at("a.csv"), "id,ra,dec,code,mag\n1,10,20,0012,\n").unwrap();
    fs::write(folder.at("b.csv"), "id,ra,dec,code,mag\n2,11.5,-20,A7,15.25\n").unwrap();
    let import = |tables: &[&str], out: &str| {
        catalog("import", &folder, &[tables, &["--ra", "ra", "--dec", "dec", "--out", out]].concat())
    };
    let made = import(&["a.csv", "b.csv"], "made");
    assert_eq!(made.code, Some(0), "{}", made.err);
    let found = catalog("box", &folder, &["made", "--ra", "0..360", "--dec", "-90..90", "--format", "csv"]);
    let mut lines: Vec<&str> =
        found.out.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["1,10.0,20,0012,", "2,11.5,-20,A7,15.25"]);
    // Text for a column of numbers of the catalogue.
    fs::write(folder.at("c.csv"), "id,ra,dec,code,mag\n3,11.5,-20,A7,bright\n").unwrap();
    let refused = catalog("append", &folder, &["made", "c.csv"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("column mag is Utf8, not Float64"), "{}", refused.err);
}

#[test]
fn rows_go_through_a_votable_and_back() {
    let folder = stars();
    let all = ["gaia", "--ra", "0..360", "--dec", "-90..90"];
    let written = catalog("box", &folder, &[&all[..], &["--out", "rows.vot"]].concat());
    assert_eq!(written.code, Some(0), "{}", written.err);
    let again = ["rows.vot", "--ra", "ra", "--dec", "dec", "--rows-per-partition", "300", "--out", "again"];
    let made = catalog("import", &folder, &again);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let csv = |name: &str| {
        let rows = catalog("box", &folder, &[&[name], &all[1..], &["--format", "csv"]].concat());
        assert_eq!(rows.code, Some(0), "{}", rows.err);
        rows.out
    };
    assert!(csv("gaia") == csv("again"));
    let told = |name: &str| catalog("info", &folder, &[name, "--json"]).json()["columns"].clone();
    let (found, wanted) = (told("again"), told("gaia"));
    for (found, wanted) in found.as_array().unwrap().iter().zip(wanted.as_array().unwrap()).skip(1) {
        assert_eq!((&found["unit"], &found["ucd"]), (&wanted["unit"], &wanted["ucd"]), "{found}");
    }
    let shown = catalog(
        "cone",
        &folder,
        &["gaia", "--ra", "10", "--dec", "10", "--radius", "1deg", "--format", "votable"],
    );
    assert!(shown.out.starts_with("<?xml") && shown.out.contains("<TABLEDATA>"), "{}", shown.out);
    fs::write(folder.at("rows.vot"), &fs::read(folder.at("rows.vot")).unwrap()[..20_000]).unwrap();
    let broken = catalog("import", &folder, &again);
    assert_eq!(broken.code, Some(2));
    assert!(broken.err.starts_with("error: rows.vot: "), "{}", broken.err);
}

/// Runs a script of tests/peers under a Python with hats, lsdb, duckdb, healpy and mocpy, which UR_CATALOG_PEERS_PYTHON
/// names; it must end well.
#[cfg(feature = "peers")]
#[track_caller]
fn peers(script: &str, files: &[PathBuf]) {
    let python = std::env::var_os("UR_CATALOG_PEERS_PYTHON").filter(|path| !path.is_empty());
    let python = python.expect(
        "set UR_CATALOG_PEERS_PYTHON to the Python of `benches/peers/install.sh FOLDER catalogues`, or test without the \
         feature `peers`",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
    let said = run(std::process::Command::new(&python).arg(script).args(files));
    assert!(said.code == Some(0) && said.out.lines().any(|line| line.starts_with("ok ")), "{said:?}");
}

#[cfg(feature = "peers")]
#[test]
fn hats_lsdb_duckdb_and_pyarrow_read_our_catalogues() {
    let folder = stars();
    for name in ["gaia", "hipparcos"] {
        peers("catalog_check.py", &[folder.at(name), fixture(&format!("catalog/{name}.parquet"))]);
    }
}

#[cfg(feature = "peers")]
#[test]
fn healpy_and_mocpy_read_our_maps() {
    let folder = stars();
    let density = catalog("density", &folder, &["gaia", "--order", "6", "--out", "map.fits"]);
    let coverage = catalog("coverage", &folder, &["gaia", "--order", "9", "--out", "moc.fits"]);
    assert_eq!((density.code, coverage.code), (Some(0), Some(0)), "{} {}", density.err, coverage.err);
    peers(
        "catalog_maps.py",
        &[folder.at("map.fits"), folder.at("moc.fits"), fixture("catalog/gaia.parquet")],
    );
}

#[cfg(feature = "peers")]
#[test]
fn lsdb_matches_with_our_margins_as_we_do_without() {
    let folder = stars();
    let import = catalog(
        "import",
        &folder,
        &[
            fixture("catalog/gaia.parquet").to_str().unwrap(),
            "--ra",
            "ra",
            "--dec",
            "dec",
            "--rows-per-partition",
            "300",
            "--margin",
            "2arcmin",
            "--out",
            "near",
        ],
    );
    assert_eq!(import.code, Some(0), "{}", import.err);
    let matched = catalog(
        "crossmatch",
        &folder,
        &["hipparcos", "near", "--radius", "90arcsec", "--all", "--out", "pairs.parquet", "--pairs"],
    );
    assert_eq!(matched.code, Some(0), "{}", matched.err);
    peers("catalog_margin.py", &[folder.at("near"), folder.at("hipparcos"), folder.at("pairs.parquet")]);
}
