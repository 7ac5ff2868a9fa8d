//! `ur downsample`: every format in and out, gaps, windows, and what is said where nothing can be chosen.

use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use uranometria_lttb::{Downsample, Gaps, Method, Missing, Regular};

use crate::series_files::{
    Folder, batch, float, of_many_types, properties, read_parquet, wave, write_csv, write_f32, write_fits,
    write_npy, write_parquet,
};
use crate::support::{Ended, assert_error, contents, fixture, run, ur};

const METHODS: [(&str, Method); 4] = [
    ("lttb", Method::Lttb),
    ("minmax", Method::MinMax),
    ("minmaxlttb", Method::MinMaxLttb { ratio: 4 }),
    ("m4", Method::M4),
];

fn downsample(files: &[PathBuf], arguments: &[&str], out: &Path) -> Ended {
    run(ur().arg("downsample").args(files).args(arguments).arg("--out").arg(out))
}

/// The values of a column of f64 in a parquet file.
fn column(path: &Path, name: &str) -> Vec<f64> {
    read_parquet(path).column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

fn at(values: &[f64], indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|&index| values[index]).collect()
}

/// Two sectors of 27 days at two minutes' cadence, two years apart.
fn two_sectors() -> (Vec<f64>, Vec<f64>) {
    let time: Vec<f64> = (0..37_726)
        .map(|n| if n < 18_863 { f64::from(n) } else { f64::from(n) + 525_600.0 } / 720.0)
        .collect();
    let flux = time.iter().map(|time| 1000.0 + (time * 3.0).sin() * 40.0).collect();
    (time, flux)
}

#[test]
fn every_format_comes_in_and_every_format_goes_out() {
    let folder = Folder::new();
    let (time, flux) = wave(20_000, 2);
    let whole = batch(vec![("time", float(time.clone())), ("flux", float(flux.clone()))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_csv(&folder.at("a.csv"), &whole);
    write_fits(&folder.at("a.fits"), &whole);
    write_npy(&folder.at("flux.npy"), &flux);
    write_npy(&folder.at("time.npy"), &time);
    fs::write(folder.at("flux.f64"), bytes(&flux)).unwrap();
    fs::write(folder.at("time.f64"), bytes(&time)).unwrap();
    let request = Downsample { gaps: Gaps::Auto, ..Downsample::default() };
    let chosen = request.choose(&time, &flux, 300).unwrap();
    let text = |name: &str| folder.at(name).to_str().unwrap().to_string();
    for (file, x) in [
        ("a.parquet", "time".to_string()),
        ("a.csv", "time".to_string()),
        ("a.fits", "TIME".to_string()),
        ("flux.npy", text("time.npy")),
        ("flux.f64", text("time.f64")),
    ] {
        let arguments = ["--x", &x, "--y", "flux", "-n", "300", "--json"];
        for ending in ["parquet", "csv", "png"] {
            let out = folder.at(&format!("out.{ending}"));
            let ended = downsample(&[folder.at(file)], &arguments, &out);
            assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{file} to {ending}: {ended:?}");
            let json = ended.json();
            for (key, wanted) in [("rows", 20_000), ("chosen", 300), ("segments", chosen.segments.len())] {
                assert_eq!(json[key], wanted, "{file} to {ending}: {key}");
            }
            assert_eq!(json["bytes"], fs::metadata(&out).unwrap().len());
        }
        let out = folder.at("out.parquet");
        if file == "a.csv" {
            let rows = read_parquet(&out);
            assert_eq!(rows.column(0).as_primitive::<Float64Type>().values(), &at(&time, &chosen.indices));
        } else {
            assert_eq!(column(&out, "time"), at(&time, &chosen.indices), "{file}");
            assert_eq!(column(&out, "flux"), at(&flux, &chosen.indices), "{file}");
        }
        let lines = fs::read_to_string(folder.at("out.csv")).unwrap();
        let first: Vec<f64> =
            lines.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(first, at(&time, &chosen.indices), "{file}");
        assert_eq!(&fs::read(folder.at("out.png")).unwrap()[1..4], b"PNG");
    }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn two_sectors_two_years_apart_keep_their_points_by_every_method() {
    let folder = Folder::new();
    let (time, flux) = two_sectors();
    let whole = batch(vec![("TIME", float(time.clone())), ("FLUX", float(flux.clone()))]);
    let paths = [folder.at("1.fits"), folder.at("2.fits")];
    write_fits(&paths[0], &whole.slice(0, 18_863));
    write_fits(&paths[1], &whole.slice(18_863, 18_863));
    for (name, method) in METHODS {
        for points in [100, 1000, 1001] {
            let out = folder.at("out.parquet");
            let n = points.to_string();
            let arguments = ["--x", "TIME", "--y", "FLUX", "-n", &n, "--method", name, "--json"];
            let json = downsample(&paths, &arguments, &out).json();
            assert_eq!(json["chosen"], points, "{name}");
            assert_eq!(json["segments"], 2, "{name}");
            let request = Downsample { method, gaps: Gaps::Auto, ..Downsample::default() };
            let wanted = request.choose(&time, &flux, points as usize).unwrap();
            assert_eq!(column(&out, "TIME"), at(&time, &wanted.indices), "{name}");
        }
    }
    let json = downsample(&paths, &["--x", "TIME", "--y", "FLUX", "--json"], &folder.at("out.png")).json();
    assert_eq!(json["chosen"], 1000);
    // Each sector has half of the picture: the axis is broken where nothing was observed.
    let inked = inked(&folder.at("out.png"));
    let share = inked.iter().filter(|&&inked| inked).count() as f64 / inked.len() as f64;
    assert!(share > 0.9, "{share}");
    assert!(inked[inked.len() * 45 / 100..inked.len() * 55 / 100].contains(&false), "the gap is bridged");
}

/// Which columns of a picture hold ink of the curve, from its first to its last.
fn inked(path: &Path) -> Vec<bool> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(fs::read(path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let mut columns = vec![false; info.width as usize];
    for row in pixels.chunks_exact(info.line_size) {
        for (column, pixel) in columns.iter_mut().zip(row.chunks_exact(3)) {
            *column |= i32::from(pixel[2]) > i32::from(pixel[0]) + 60;
        }
    }
    let first = columns.iter().position(|&inked| inked).unwrap();
    let last = columns.iter().rposition(|&inked| inked).unwrap();
    columns[first..=last].to_vec()
}

#[test]
fn the_line_of_a_picture_breaks_between_segments_and_nowhere_else() {
    let folder = Folder::new();
    // A gap of a quarter in the middle, and one step of 1.5 that is no gap; NaN for a tenth.
    let time: Vec<f64> = (0..3000).map(|n| f64::from(n) + if n < 1500 { 0.0 } else { 1000.0 }).collect();
    let mut flux: Vec<f64> = time.iter().map(|time| (time * 0.05).sin()).collect();
    flux[2200..2600].fill(f64::NAN);
    let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let out = folder.at("out.png");
    let longest = |arguments: &[&str]| {
        let arguments = [&["--x", "time", "--y", "flux", "-n", "400", "--json"][..], arguments].concat();
        let json = downsample(&[folder.at("a.parquet")], &arguments, &out).json();
        let inked = inked(&out);
        // Runs of columns without ink that are wider than what lies between two points.
        let open: Vec<usize> = inked
            .chunk_by(|a, b| a == b)
            .filter(|run| !run[0] && run.len() > inked.len() / 50)
            .map(<[_]>::len)
            .collect();
        let shares: Vec<f64> = open.iter().map(|&open| open as f64 / inked.len() as f64).collect();
        (json["segments"].as_u64().unwrap(), shares)
    };
    let near = |found: f64, wanted: f64| (found - wanted).abs() < 0.02;
    let (segments, open) = longest(&[]);
    assert!(segments == 3 && open.len() == 2 && near(open[0], 0.25) && near(open[1], 0.1), "{open:?}");
    let (segments, open) = longest(&["--gap", "500"]);
    assert!(segments == 2 && open.len() == 1 && near(open[0], 0.25), "{open:?}");
    assert_eq!(longest(&["--gap", "none"]), (1, vec![]));
    let (segments, open) = longest(&["--gap", "none", "--nan", "break"]);
    assert!(segments == 2 && open.len() == 1 && near(open[0], 0.1), "{open:?}");
}

#[test]
fn a_picture_of_one_segment_has_no_break() {
    let folder = Folder::new();
    // Ever longer steps, and at last two sectors years apart.
    let growing: Vec<f64> = (0..20_000).map(|n| (f64::from(n) * 6e-4).exp()).collect();
    for (name, time) in [("growing", growing), ("sectors", two_sectors().0)] {
        let flux: Vec<f64> = time.iter().map(|time| (time * 3.0).sin()).collect();
        let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
        let path = folder.at(&format!("{name}.parquet"));
        write_parquet(&path, &whole, properties().build());
        let out = folder.at("out.png");
        for method in ["lttb", "minmax", "m4"] {
            let arguments =
                ["--x", "time", "--y", "flux", "-n", "200", "--gap", "none", "--method", method, "--json"];
            let json = downsample(std::slice::from_ref(&path), &arguments, &out).json();
            assert_eq!(json["segments"], 1, "{name} {method}");
            assert!(!inked(&out).contains(&false), "{name} {method}: the line or the axis is broken");
        }
    }
}

#[test]
fn numbers_too_large_to_be_drawn_are_counted() {
    let folder = Folder::new();
    let flux: Vec<f64> = (0..100).map(|n| if n % 40 == 3 { 1e305 } else { f64::from(n) }).collect();
    let whole = batch(vec![("flux", float(flux))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let ended = downsample(&[folder.at("a.parquet")], &["--y", "flux"], &folder.at("out.png"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err, "warning: 3 numbers are beyond 1e300 and not drawn\n");
}

#[test]
fn the_text_of_csv_comes_out_as_it_went_in() {
    let folder = Folder::new();
    let header = " time ,\"the, flux\",note";
    let row = |n: usize| {
        let note = match n % 4 {
            0 => format!("\"two\nlines, {n}\""),
            1 => "\"a \"\"b\"\"\"".to_string(),
            2 => String::new(),
            _ => " ü ".to_string(),
        };
        format!("{n}.50,{:+.3e},{note}", (n as f64 * 0.01).sin())
    };
    for end in ["\n", "\r\n"] {
        let rows: Vec<String> = (0..5000).map(row).collect();
        let half = |rows: &[String]| format!("{header}{end}{}{end}", rows.join(end));
        fs::write(folder.at("a.csv"), half(&rows[..2000])).unwrap();
        fs::write(folder.at("b.csv"), half(&rows[2000..])).unwrap();
        let paths = [folder.at("a.csv"), folder.at("b.csv")];
        let out = folder.at("out.csv");
        let ended = downsample(&paths, &["--x", "time", "--y", "the, flux", "-n", "100"], &out);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let y: Vec<f64> = rows.iter().map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
        let x: Vec<f64> = (0..5000).map(|n| f64::from(n) + 0.5).collect();
        let chosen = Downsample { gaps: Gaps::Auto, ..Downsample::default() }.choose(&x, &y, 100).unwrap();
        let wanted: Vec<String> = chosen.indices.iter().map(|&index| rows[index].clone()).collect();
        assert_eq!(fs::read_to_string(&out).unwrap(), half(&wanted));
    }
}

#[test]
fn all_columns_of_the_chosen_rows_are_written_with_their_types() {
    let folder = Folder::new();
    let whole = of_many_types(4000);
    write_parquet(&folder.at("a.parquet"), &whole.slice(0, 1500), properties().build());
    write_parquet(&folder.at("b.parquet"), &whole.slice(1500, 2500), properties().build());
    let paths = [folder.at("a.parquet"), folder.at("b.parquet")];
    let out = folder.at("out.parquet");
    assert_eq!(downsample(&paths, &["--x", "time", "--y", "flux", "-n", "4000"], &out).code, Some(0));
    let found = read_parquet(&out);
    assert_eq!(found.schema().fields(), whole.schema().fields());
    assert_eq!(found.columns(), whole.columns());
    let arguments = [
        "--x",
        "time",
        "--y",
        "flux",
        "-n",
        "50",
        "--from",
        "2023-11-14T23:00:00",
        "--to",
        "2023-11-14T23:10:00",
    ];
    let json = downsample(&paths, &[&arguments[..], &["--json"]].concat(), &out).json();
    assert_eq!(json["points"], 600, "{json}");
}

#[test]
fn light_curves_of_ours_give_the_same_points_in_every_format() {
    let folder = Folder::new();
    let stamp = fixture("tess/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits");
    let mut chosen: Vec<Vec<f64>> = Vec::new();
    for (ending, time, flux) in
        [("fits", "TIME", "FLUX"), ("csv", "time", "flux"), ("parquet", "time", "flux")]
    {
        let curve = folder.at(&format!("curve.{ending}"));
        let ended = run(ur().arg("lightcurve").arg(&stamp).arg("--out").arg(&curve));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let out = folder.at("out.parquet");
        let ended = downsample(&[curve], &["--x", time, "--y", flux, "-n", "30"], &out);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let rows = read_parquet(&out);
        let name = rows
            .schema()
            .fields()
            .iter()
            .find(|field| field.name().eq_ignore_ascii_case("time"))
            .unwrap()
            .name()
            .clone();
        chosen.push(column(&out, &name));
    }
    assert_eq!(chosen[0].len(), 30);
    assert_eq!(chosen[0], chosen[1]);
    assert_eq!(chosen[0], chosen[2]);
}

#[test]
fn partitions_threads_and_a_second_run_change_no_byte() {
    let folder = Folder::new();
    let (time, flux) = wave(60_000, 4);
    let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
    write_parquet(&folder.at("all.parquet"), &whole, properties().build());
    let mut parts = Vec::new();
    for (n, rows) in [0..10_000, 10_000..10_001, 10_001..10_001, 10_001..60_000].into_iter().enumerate() {
        let path = folder.at(&format!("{n}.parquet"));
        write_parquet(&path, &whole.slice(rows.start, rows.len()), properties().build());
        parts.push(path);
    }
    for (name, _) in METHODS {
        let write = |files: &[PathBuf], threads: &str| {
            let out = folder.at("out.csv");
            fs::write(&out, "old").unwrap();
            let arguments =
                ["--x", "time", "--y", "flux", "--method", name, "--nan", "break", "--threads", threads];
            let ended = downsample(files, &arguments, &out);
            assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
            fs::read(out).unwrap()
        };
        let wanted = write(&[folder.at("all.parquet")], "0");
        assert_eq!(write(&parts, "0"), wanted, "{name}");
        assert_eq!(write(&parts, "1"), wanted, "{name}");
        assert_eq!(write(&parts, "3"), wanted, "{name}");
    }
}

#[test]
fn without_x_rows_are_numbered_and_nan_may_break() {
    let folder = Folder::new();
    let flux: Vec<f64> =
        (0..9000).map(|n| if n / 1000 == 4 { f64::NAN } else { f64::from(n % 321) }).collect();
    write_f32(&folder.at("flux.f32"), &flux);
    let narrow: Vec<f32> = flux.iter().map(|&flux| flux as f32).collect();
    for (nan, missing) in [("drop", Missing::Drop), ("break", Missing::Break)] {
        let out = folder.at("out.csv");
        let json = downsample(
            &[folder.at("flux.f32")],
            &["-n", "90", "--gap", "none", "--nan", nan, "--json"],
            &out,
        )
        .json();
        let wanted = Downsample { missing, ..Downsample::default() }.choose(Regular, &narrow, 90).unwrap();
        assert_eq!(json["segments"], wanted.segments.len());
        let lines = fs::read_to_string(&out).unwrap();
        let rows: Vec<usize> =
            lines.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(rows, wanted.indices, "{nan}");
    }
}

#[test]
fn a_window_without_points_is_exit_1_and_writes_nothing() {
    let folder = Folder::new();
    fs::write(folder.at("a.csv"), "time,flux\n1,5\n2,\n3,6\n").unwrap();
    let before = contents(folder.path());
    for bounds in [
        &["--from", "4"][..],
        &["--to", "0"],
        &["--from", "1.5", "--to", "2.5"],
        &["--from", "3", "--to", "1"],
    ] {
        let arguments = [&["--x", "time", "--y", "flux"][..], bounds].concat();
        let ended = downsample(&[folder.at("a.csv")], &arguments, &folder.at("out.csv"));
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        let wanted =
            "warning: a.csv: no point between --from and --to has both x and y; nothing was written\n";
        assert_eq!(ended.err, wanted);
        assert_eq!(contents(folder.path()), before);
    }
    let ended = downsample(
        &[folder.at("a.csv")],
        &["--x", "time", "--y", "flux", "--from", "-1e9"],
        &folder.at("out.csv"),
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_is_wrong_is_told_with_exit_2_and_leaves_nothing() {
    let folder = Folder::new();
    fs::write(folder.at("a.csv"), "time,flux,note\n1,5,x\n2,many,y\n").unwrap();
    fs::write(folder.at("b.csv"), "time,flux,note\n1,5,x\n0.5,6,y\n").unwrap();
    let whole = of_many_types(100);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_fits(&folder.at("a.fits"), &batch(vec![("TIME", float([1.0])), ("FLUX", float([1.0]))]));
    write_npy(&folder.at("flux.npy"), &[1.0, 2.0]);
    // An array is known by what is in it, whatever its name.
    write_npy(&folder.at("time.csv"), &[1.0, 2.0]);
    let before = contents(folder.path());
    let check = |file: &str, arguments: &[&str], out: &str, wanted: &str| {
        let ended = downsample(&[folder.at(file)], arguments, &folder.at(out));
        let place = format!("{}/", folder.path().display());
        assert_error(&ended, "error: ");
        assert_eq!(ended.err.replace(&place, ""), format!("error: {wanted}\n"));
        assert_eq!(contents(folder.path()), before);
    };
    let sort = "sort the rows by time first";
    check(
        "a.csv",
        &["--x", "tme", "--y", "flux"],
        "o.csv",
        "a.csv, column tme is not there; did you mean time?",
    );
    check(
        "a.csv",
        &["--x", "time", "--y", "flux"],
        "o.csv",
        "a.csv, line 3, column flux: found \"many\", expected a number, or nothing where it is missing",
    );
    check(
        "b.csv",
        &["--x", "time", "--y", "flux"],
        "o.png",
        &format!("b.csv, line 3, column time: 0.5 comes after 1; {sort}"),
    );
    check(
        "b.csv",
        &["--y", "flux", "--gap", "wide"],
        "o.png",
        "\"wide\" is no width of a gap for the row number, expected a number above 0",
    );
    check(
        "a.fits",
        &["--x", "TIM", "--y", "FLUX"],
        "o.csv",
        "a.fits, HDU 1, column TIM is not there; did you mean TIME?",
    );
    check(
        "a.fits",
        &["--x", "TIME", "--y", "FLUX"],
        "o.fits",
        &format!("{}: ending \"fits\" is not known, expected .parquet, .csv or .png", "o.fits"),
    );
    check(
        "a.fits",
        &["--x", "TIME", "--y", "FLUX"],
        "a.fits",
        "a.fits: ending \"fits\" is not known, expected .parquet, .csv or .png",
    );
    check("b.csv", &["--y", "flux"], "b.csv", "b.csv is an input and would be replaced; give another name");
    check(
        "b.csv",
        &["--y", "flux", "--gap", "-5"],
        "o.csv",
        "\"-5\" is no width of a gap for the row number, expected a number above 0",
    );
    let twice = downsample(&[folder.at("b.csv"), folder.at("b.csv")], &["--y", "flux"], &folder.at("o.csv"));
    assert_error(&twice, &format!("error: {} was given twice", folder.at("b.csv").display()));
    // Said before the first file is read, which is not there.
    fs::create_dir(folder.at("folder.csv")).unwrap();
    let into = downsample(&[folder.at("nowhere.csv")], &["--y", "flux"], &folder.at("folder.csv"));
    assert_error(&into, &format!("error: {}, it is a folder, expected", folder.at("folder.csv").display()));
    check(
        "flux.npy",
        &["--x", folder.at("time.csv").to_str().unwrap()],
        "time.csv",
        "time.csv is an input and would be replaced; give another name",
    );
    // Said before the file is read, in which there is more wrong.
    check(
        "a.csv",
        &["--x", "time", "--y", "flux"],
        "nowhere/o.csv",
        "nowhere/o.csv: folder nowhere is not there; make it first",
    );
    check(
        "a.parquet",
        &["--x", "time", "--y", "flux"],
        "o.csv",
        "o.csv, columns list, nested cannot be written as CSV, which has no arrays; write parquet instead",
    );
    check(
        "a.parquet",
        &["--x", "time", "--y", "flux", "--from", "soon"],
        "o.csv",
        "\"soon\" is no end of a window for time, expected a date and time like 2024-01-31T12:00:00, or a number",
    );
    for usage in [&["--method", "best"][..], &["-n", "many"], &["--nan", "keep"]] {
        let ended =
            downsample(&[folder.at("b.csv")], &[&["--y", "flux"][..], usage].concat(), &folder.at("o.csv"));
        assert_error(&ended, "error: ");
    }
    let missing = folder.at("missing.csv");
    let ended = downsample(std::slice::from_ref(&missing), &["--y", "flux"], &folder.at("o.csv"));
    assert_error(&ended, &format!("error: {}, cannot open it", missing.display()));
}
