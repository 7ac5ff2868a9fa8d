//! Nights at rest: what is chosen of them, what is written, and what is estimated.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_cast::cast;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use uranometria_alert::fs::{
    ArchiveSources, Format, Nights, PartitionBy, Request, SelectControl, SelectOptions, estimate,
    read_packets, read_part, select,
};
use uranometria_alert::simulate::{Kind, NightOptions, Simulated};
use uranometria_alert::{Content, Error, Filter, Projection, light_curves};
use uranometria_catalog::fs::{Control, ImportOptions, import};

use crate::sample::{ids, met, read, sample};

/// An archive with the sample as two nights.
fn archive() -> tempfile::TempDir {
    let archive = tempfile::tempdir().unwrap();
    let sample = sample();
    write(archive.path(), (2021, 11, 3), "a", &sample.slice(0, 600), 150);
    write(archive.path(), (2021, 11, 4), "b", &sample.slice(600, 300), 1000);
    write(archive.path(), (2021, 11, 4), "c", &sample.slice(900, 100), 1000);
    archive
}

fn write(
    archive: &Path,
    (year, month, day): (i32, u32, u32),
    name: &str,
    alerts: &RecordBatch,
    group: usize,
) {
    let night = archive.join(format!("alerts/year={year:04}/month={month:02}/day={day:02}"));
    fs::create_dir_all(&night).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let file = File::create(night.join(format!("{name}.parquet"))).unwrap();
    let mut writer = ArrowWriter::try_new(file, alerts.schema(), Some(properties)).unwrap();
    writer.write(alerts).unwrap();
    writer.close().unwrap();
}

fn request(conditions: &str, content: Content) -> Request {
    let mut request = Request::new("2021-11-01..2021-11-30".parse().unwrap());
    request.conditions = conditions.into();
    request.content = content;
    request
}

/// All parts in a folder, by their names in it.
fn parts(out: &Path) -> BTreeMap<String, PathBuf> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![out.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "parquet" || ending == "part") {
                found.insert(path.strip_prefix(out).unwrap().to_string_lossy().into_owned(), path);
            }
        }
    }
    found
}

fn written(out: &Path) -> Vec<i64> {
    let mut all: Vec<i64> = parts(out).values().flat_map(|path| ids(&read(path), None)).collect();
    all.sort_unstable();
    all
}

const BRIGHT: &str = "candidate.magpsf < 18.5; candidate.rb >= 0.65; COUNT(prv_candidates) > 3";

#[test]
fn what_passes_is_written_once_however_it_is_parted() {
    let archive = archive();
    let sources = ArchiveSources::new(Some(archive.path()));
    let wanted = ids(&sample(), Some(&met(BRIGHT, &sample())));
    assert!(wanted.len() > 20);
    let out = tempfile::tempdir().unwrap();
    for (name, partition) in
        [("time", PartitionBy::Time), ("class", PartitionBy::Class), ("none", PartitionBy::Nothing)]
    {
        for content in [Content::Light, Content::Full, "candid,prv_candidates.magpsf".parse().unwrap()] {
            let out = out.path().join(format!("{name}-{}", content == Content::Light));
            let request = request(BRIGHT, content);
            let options = SelectOptions { partition, ..SelectOptions::default() };
            let before = written_if_any(&out);
            let done =
                select(archive.path(), &request, &options, &out, &sources, &SelectControl::none()).unwrap();
            assert_eq!((done.input(), done.passed()), (1000, wanted.len() as u64));
            // Other requests into the same folder add parts, and replace none.
            let mut all = [before, wanted.clone()].concat();
            all.sort_unstable();
            assert_eq!(written(&out), all, "{name}");
            for night in &done.nights {
                let removed: u64 = night.conditions.iter().map(|one| one.removed).sum();
                assert_eq!(removed + night.skipped + night.passed, night.input);
            }
        }
    }
    let names: Vec<String> = parts(&out.path().join("class-true")).into_keys().collect();
    assert!(names.iter().any(|name| name.starts_with("finkclass=Unknown/part-20211103-")), "{names:?}");
    let names: Vec<String> = parts(&out.path().join("time-true")).into_keys().collect();
    assert!(names.iter().any(|name| name.starts_with("year=2021/month=11/day=04/part-2021110")), "{names:?}");
    let light = read(parts(&out.path().join("none-true")).values().next().unwrap());
    assert!(light.schema().field_with_name("prv_candidates").is_err());
    assert!(light.column_by_name("candidate").unwrap().as_struct().column_by_name("rb").is_none());
}

#[test]
fn avro_holds_what_parquet_holds() {
    let archive = archive();
    let sources = ArchiveSources::new(Some(archive.path()));
    let out = tempfile::tempdir().unwrap();
    for content in ["full", "light", "candid,prv_candidates.magpsf"] {
        let request = request(BRIGHT, content.parse().unwrap());
        let [avro, parquet] = [Format::Avro, Format::Parquet].map(|format| {
            let options =
                SelectOptions { partition: PartitionBy::Nothing, format, ..SelectOptions::default() };
            let out = out.path().join(content).join(format.name());
            let done =
                select(archive.path(), &request, &options, &out, &sources, &SelectControl::none()).unwrap();
            let night = &done.nights[0];
            assert!(night.written > 10 && night.parts.len() == 1);
            out.join(&night.parts[0].0)
        });
        let [avro, parquet]: [Vec<RecordBatch>; 2] = [
            read_packets(avro, &Projection::all(), 1 << 20).unwrap().map(Result::unwrap).collect(),
            read_part(parquet, &Projection::all(), 1 << 20).unwrap().map(Result::unwrap).collect(),
        ];
        let [avro, parquet] = [&avro[0], &parquet[0]];
        assert_eq!(avro.num_rows(), parquet.num_rows());
        for (found, wanted) in avro.columns().iter().zip(parquet.columns()) {
            let found = cast(found, wanted.data_type()).unwrap();
            let [found, wanted] = [&found, wanted].map(|column| format!("{column:?}"));
            assert_eq!(found, wanted);
        }
    }
}

#[test]
fn measurements_are_those_of_the_fields_in_order_of_time() {
    let sample = sample();
    let curves = light_curves(&sample).unwrap();
    assert_eq!(curves.len(), sample.num_rows());
    let candidate = sample.column_by_name("candidate").unwrap().as_struct();
    let number = |name: &str| {
        let column = cast(candidate.column_by_name(name).unwrap(), &arrow_schema::DataType::Float64).unwrap();
        column.as_primitive::<Float64Type>().clone()
    };
    let (jd, magnitude, error) = (number("jd"), number("magpsf"), number("sigmapsf"));
    let sign = candidate.column_by_name("isdiffpos").unwrap().as_string::<i32>();
    let (mut several, mut fainter) = (0, 0);
    for (row, curve) in curves.iter().enumerate() {
        assert!(curve.measurements.is_sorted_by(|a, b| a.mjd <= b.mjd));
        let now = curve.measurements.iter().find(|one| one.mjd == jd.value(row) - 2_400_000.5).unwrap();
        // AB magnitudes: 23.9 are a microjansky.
        let back = 23.9 - 2.5 * (now.flux_njy.abs() / 1e3).log10();
        assert!((back - magnitude.value(row)).abs() < 1e-9, "{back}");
        let error = error.value(row) * now.flux_njy.abs() / 1.085_736_204_758_129_6;
        assert!((now.error_njy / error - 1.0).abs() < 1e-12);
        assert_eq!(now.flux_njy < 0.0, matches!(sign.value(row), "f" | "0"));
        assert!(curve.object.starts_with("ZTF") && ["g", "r", "i"].contains(&now.band.as_str()));
        several += usize::from(curve.measurements.len() > 1);
        fainter += usize::from(now.flux_njy < 0.0);
    }
    assert!(several > 100 && fainter > 10, "{several} {fainter}");
    assert!(light_curves(&sample.project(&[0]).unwrap()).is_err());
}

#[test]
fn simulated_variables_swing_about_their_reference() {
    let night = Simulated::new(NightOptions { alerts: 400, ..NightOptions::default() }).unwrap();
    let (batch, truth) = night.alerts(0..400).unwrap();
    let curves = light_curves(&batch).unwrap();
    let candidate = batch.column_by_name("candidate").unwrap().as_struct();
    let reference = candidate.column_by_name("magnr").unwrap().as_primitive::<Float32Type>();
    let (mut brighter, mut fainter) = (0, 0);
    let variables = || truth.iter().filter(|truth| truth.kind == Kind::Variable);
    let faintest = variables().filter(|truth| truth.magpsf >= 20.5).count();
    assert!(faintest * 5 < variables().count(), "{faintest} of {} at the limit", variables().count());
    for ((curve, truth), magnitude) in curves.iter().zip(&truth).zip(reference.values()) {
        let flux_njy = 10_f64.powf((31.4 - f64::from(*magnitude)) / 2.5);
        let parts = curve.measurements.iter().map(|one| one.flux_njy / flux_njy);
        if truth.kind == Kind::Variable {
            for part in parts {
                // Half a magnitude either way, and some noise.
                assert!((-0.41..0.65).contains(&part), "{} {part}", curve.object);
                brighter += usize::from(part > 0.1);
                fainter += usize::from(part < -0.1);
            }
        } else {
            assert!(parts.into_iter().all(|part| part > 0.0), "{}", curve.object);
        }
    }
    assert!(brighter > 500 && fainter > 500, "{brighter} {fainter}");
}

fn written_if_any(out: &Path) -> Vec<i64> {
    if out.exists() { written(out) } else { Vec::new() }
}

#[test]
fn an_interrupted_selection_goes_on_and_loses_nothing() {
    let archive = archive();
    let sources = ArchiveSources::new(None);
    let out = tempfile::tempdir().unwrap();
    let request = request(BRIGHT, Content::Medium);
    let stop = AtomicBool::new(false);
    let options = SelectOptions::default();
    // After the first night.
    let progress = |at: uranometria_alert::fs::SelectProgress| stop.store(at.done > 600, Ordering::Relaxed);
    let control = SelectControl { progress: &progress, stop: &stop };
    let error = select(archive.path(), &request, &options, out.path(), &sources, &control).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    let first = parts(out.path());
    assert_eq!(first.len(), 1, "{first:?}");
    let bytes = fs::read(first.values().next().unwrap()).unwrap();
    let again = || {
        let none = SelectControl::none();
        select(archive.path(), &request, &options, out.path(), &sources, &none).unwrap()
    };
    let done = again();
    assert_eq!(done.nights.iter().map(|night| night.resumed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(written(out.path()), ids(&sample(), Some(&met(BRIGHT, &sample()))));
    assert_eq!(fs::read(first.values().next().unwrap()).unwrap(), bytes);
    assert!(again().nights.iter().all(|night| night.resumed));
    // A part that somebody removed is made again.
    fs::remove_file(first.values().next().unwrap()).unwrap();
    assert_eq!(again().nights.iter().map(|night| night.resumed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(fs::read(first.values().next().unwrap()).unwrap(), bytes);
}

#[test]
fn limits_are_kept_and_greedy_filters_refused() {
    let archive = archive();
    let sources = ArchiveSources::new(None);
    let out = tempfile::tempdir().unwrap();
    let options = SelectOptions { limit: Some(700), ..SelectOptions::default() };
    let all = request("", Content::Light);
    let done = select(archive.path(), &all, &options, out.path(), &sources, &SelectControl::none()).unwrap();
    assert_eq!((done.written(), written(out.path()).len()), (700, 700));
    let mut greedy = request("", Content::Light);
    let text = "-- name: greedy\n-- version: 2\n-- max-share: 5 %\ncandidate.magpsf > 0";
    greedy.filter = Some(Filter::parse(text, "greedy.sql").unwrap());
    let out = tempfile::tempdir().unwrap();
    let options = SelectOptions::default();
    let error = select(archive.path(), &greedy, &options, out.path(), &sources, &SelectControl::none());
    let told = error.unwrap_err().to_string();
    assert_eq!(
        told,
        "600 of 600 alerts of 2021-11-03 pass, more than the 5 % that may; make the conditions stricter, or allow more"
    );
    assert!(parts(out.path()).is_empty());
}

#[test]
fn alerts_are_matched_with_catalogues_and_watch_lists() {
    let archive = archive();
    let sample = sample();
    let candidate = sample.column_by_name("candidate").unwrap().as_struct().clone();
    let coordinate =
        |name: &str| candidate.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec();
    let (ra, dec) = (coordinate("ra"), coordinate("dec"));
    // A star 1 arcsecond north of every third alert, and others where none are.
    let table = archive.path().join("stars.csv");
    let mut text = String::from("ra,dec,parallax\n");
    let mut list = String::from("ra,dec,radius\n");
    for row in 0..ra.len() {
        if row % 3 == 0 {
            text += &format!("{:.9},{:.9},{}\n", ra[row], dec[row] + 1.0 / 3600.0, row % 2);
        }
        if row % 100 == 0 {
            list += &format!("{:.9},{:.9},0.5\n", ra[row], dec[row]);
        }
        text += &format!("{:.9},{:.9},5\n", (ra[row] + 0.1) % 360.0, (dec[row] * 0.9));
    }
    fs::write(&table, text).unwrap();
    let (watch, names) = (archive.path().join("watch.csv"), archive.path().join("names.csv"));
    fs::write(&watch, list).unwrap();
    let object = sample.column_by_name("objectId").unwrap().as_string::<i32>().value(0).to_string();
    fs::write(&names, format!("objectId\n{object}\n")).unwrap();
    fs::create_dir_all(archive.path().join("catalogues/public")).unwrap();
    let options = ImportOptions {
        ra: "ra".into(),
        dec: "dec".into(),
        rows_per_partition: 300,
        ..ImportOptions::default()
    };
    import(&[table], archive.path().join("catalogues/public/stars"), &options, &Control::none()).unwrap();
    let sources = ArchiveSources::new(Some(archive.path()));
    let near = |a: (f64, f64), b: (f64, f64)| {
        let (x, y) = ((a.0 - b.0).abs() * a.1.to_radians().cos(), (a.1 - b.1).abs());
        (x.min(360.0 * a.1.to_radians().cos() - x)).hypot(y) * 3600.0
    };
    let places: Vec<(f64, f64)> = ra.iter().copied().zip(dec.iter().copied()).collect();
    let all = ids(&sample, None).len();
    assert_eq!(all, 1000);
    let id = |row: usize| ids(&sample.slice(row, 1), None)[0];
    let run = |conditions: &str| {
        let out = tempfile::tempdir().unwrap();
        let request = request(conditions, Content::Light);
        let options = SelectOptions { partition: PartitionBy::Nothing, ..SelectOptions::default() };
        select(archive.path(), &request, &options, out.path(), &sources, &SelectControl::none()).unwrap();
        written(out.path())
    };
    let truth = |within: f64, counts: &dyn Fn(usize) -> bool| {
        let mut kept: Vec<i64> = (0..places.len())
            .filter(|row| {
                (0..places.len()).step_by(3).filter(|star| counts(*star)).any(|star| {
                    let star = (places[star].0, places[star].1 + 1.0 / 3600.0);
                    near(places[*row], star) <= within
                })
            })
            .map(id)
            .collect();
        kept.sort_unstable();
        kept
    };
    let matched = truth(1.5, &|_| true);
    assert!(matched.len() >= 334 && matched.len() < 1000);
    assert_eq!(run("MATCHES('stars', 1.5)"), matched);
    assert_eq!(run("NOT MATCHES('public.stars', 1.5)").len(), 1000 - matched.len());
    assert_eq!(run("MATCHES('stars', 1.5 WHERE parallax = 1)"), truth(1.5, &|row| row % 2 == 1));
    assert_eq!(run("MATCH_DISTANCE('stars', 2) BETWEEN 0.99 AND 1.01 AND rb > 2").len(), 0);
    assert_eq!(run("MATCHES('stars', 0.9)"), truth(0.9, &|_| true));
    let watched = run(&format!("WATCHED('{}')", watch.display()));
    assert!(watched.len() >= 10 && (0..10).all(|k| watched.contains(&id(k * 100))));
    let listed = run(&format!("WATCHED('{}')", names.display()));
    assert_eq!(listed, ids(&sample, Some(&met(&format!("objectId = '{object}'"), &sample))));
    let told = estimate(
        archive.path(),
        &request("MATCHES('star', 1)", Content::Light),
        0,
        &sources,
        &SelectControl::none(),
    );
    assert!(told.unwrap_err().to_string().contains("did you mean 'public.stars'?"));
}

#[test]
fn alerts_are_matched_at_the_pole_and_where_right_ascension_begins() {
    let archive = tempfile::tempdir().unwrap();
    // Alerts, and how far the nearest star is, arcseconds; the last has no place.
    let alerts = [
        (359.9999, 10.0, true),
        (0.0001, 10.0, true),
        (0.001, 10.0, false),
        (10.0, 89.9999, true),
        (190.0, 89.9999, true),
        (77.0, 90.0, true),
        (10.0, 89.99, false),
        (300.0, -89.9999, true),
        (0.0, -89.0, false),
        (10.0, -999.0, false),
    ];
    let column = |of: fn(&(f64, f64, bool)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(alerts.iter().map(of)))
    };
    let candid: ArrayRef = Arc::new(Int64Array::from_iter_values(0..alerts.len() as i64));
    let columns = [("candid", candid), ("ra", column(|a| a.0)), ("dec", column(|a| a.1))];
    write(archive.path(), (2021, 11, 3), "a", &RecordBatch::try_from_iter(columns).unwrap(), 100);
    let table = archive.path().join("stars.csv");
    fs::write(&table, "ra,dec\n0,10\n0,90\n120,-89.9999\n180,0\n").unwrap();
    fs::create_dir_all(archive.path().join("catalogues/public")).unwrap();
    let options = ImportOptions { ra: "ra".into(), dec: "dec".into(), ..ImportOptions::default() };
    import(&[table], archive.path().join("catalogues/public/stars"), &options, &Control::none()).unwrap();
    let sources = ArchiveSources::new(Some(archive.path()));
    let run = |conditions: &str| {
        let out = tempfile::tempdir().unwrap();
        let (request, options) = (request(conditions, Content::Full), SelectOptions::default());
        select(archive.path(), &request, &options, out.path(), &sources, &SelectControl::none()).unwrap();
        written(out.path())
    };
    let wanted = |near: bool| -> Vec<i64> {
        let of = |(row, alert): (usize, &(f64, f64, bool))| (alert.2 == near).then_some(row as i64);
        alerts.iter().enumerate().filter_map(of).filter(|row| *row != 9).collect()
    };
    assert_eq!(run("MATCHES('stars', 1)"), wanted(true));
    assert_eq!(run("NOT MATCHES('stars', 1)"), wanted(false));
}

/// A year of nights, whose alerts are faint in some and bright in others.
fn year(archive: &Path) -> u64 {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut bright = 0;
    for day in 0..365 {
        let rows = 200 + (random() * 900.0) as usize;
        let shift = random() * 3.0;
        let magnitudes: Vec<f64> = (0..rows).map(|_| 17.0 + shift + 3.0 * random()).collect();
        bright += magnitudes.iter().filter(|magnitude| **magnitude < 18.2).count() as u64;
        let classes: Vec<&str> =
            (0..rows).map(|_| if random() < 0.1 { "SN candidate" } else { "Unknown" }).collect();
        let arrays: [(&str, ArrayRef); 3] = [
            ("candid", Arc::new(Int64Array::from_iter_values(day * 10_000..day * 10_000 + rows as i64))),
            ("magpsf", Arc::new(Float64Array::from(magnitudes))),
            ("finkclass", Arc::new(StringArray::from(classes))),
        ];
        let alerts = RecordBatch::try_from_iter(arrays).unwrap();
        let (month, day) = (day / 31 + 1, day % 31 + 1);
        if jiff::civil::Date::new(2021, month as i8, day as i8).is_ok() {
            write(archive, (2021, month as u32, day as u32), "n", &alerts, 400);
        } else {
            bright -=
                alerts.column(1).as_primitive::<Float64Type>().values().iter().filter(|m| **m < 18.2).count()
                    as u64;
        }
    }
    bright
}

#[test]
fn what_comes_in_clusters_is_estimated_within_what_is_stated() {
    let archive = tempfile::tempdir().unwrap();
    for night in 0..60_u32 {
        let rows = 600 + 20 * i64::from(night);
        // Footers tell nothing: the ends of all nights are alike.
        let value = |row: i64| match row {
            0 => 0.0,
            1 => 2.0,
            _ if night == 23 => 0.3,
            _ => 1.5,
        };
        let arrays: [(&str, ArrayRef); 2] = [
            ("candid", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("x", Arc::new(Float64Array::from_iter_values((0..rows).map(value)))),
        ];
        let date = (2021, 1 + night / 28, 1 + night % 28);
        write(archive.path(), date, "n", &RecordBatch::try_from_iter(arrays).unwrap(), 5000);
    }
    let sources = ArchiveSources::new(None);
    let ask = |conditions: &str| {
        let mut request = Request::new("2021-01-01..2021-12-31".parse().unwrap());
        request.conditions = conditions.into();
        estimate(archive.path(), &request, 0, &sources, &SelectControl::none()).unwrap()
    };
    let rows: f64 = (0..60).map(|night| f64::from(600 + 20 * night)).sum();
    for (conditions, truth) in [
        ("x BETWEEN 0.2 AND 0.4", 600.0 + 20.0 * 23.0 - 2.0),
        ("x BETWEEN 0.5 AND 1.0", 0.0),
        ("x < 0.1 OR x > 1.7", 120.0),
        ("x NOT BETWEEN 0.5 AND 1.0", rows),
    ] {
        let told = ask(conditions);
        assert!(!told.is_exact() && told.sampled < 40_000, "{told:?}");
        assert!((told.alerts - truth).abs() <= told.alerts_off, "{conditions}: {truth}, {told:?}");
        let off = told.alerts_off / rows;
        assert!(off < 0.05, "{conditions}: {told:?}");
        // Three in as many blocks may be missed.
        assert!(off > 0.003 || truth == 120.0, "{conditions}: {told:?}");
    }
}

#[test]
fn a_year_is_estimated_within_what_is_stated() {
    let archive = tempfile::tempdir().unwrap();
    let bright = year(archive.path());
    let sources = ArchiveSources::new(None);
    let nights: Nights = "2021-01-01..2021-12-31".parse().unwrap();
    let ask = |conditions: &str, classes: &[&str]| {
        let mut request = Request::new(nights);
        request.conditions = conditions.into();
        request.classes.0 = classes.iter().map(|class| class.to_string()).collect();
        estimate(archive.path(), &request, 0, &sources, &SelectControl::none()).unwrap()
    };
    let all = ask("", &[]);
    assert!(all.is_exact() && all.alerts == all.input as f64 && all.sampled == 0 && all.bytes > 0.0);
    let none = ask("magpsf < 16.9", &[]);
    assert!(none.is_exact() && none.alerts == 0.0 && none.sampled == 0);
    let some = ask("magpsf < 18.2", &[]);
    assert!(!some.is_exact() && some.alerts_off < 0.35 * bright as f64, "{some:?}, truth {bright}");
    assert!((some.alerts - bright as f64).abs() <= some.alerts_off, "{some:?}, truth {bright}");
    let class = ask("", &["SN candidate"]);
    let wanted = 0.1 * all.input as f64;
    assert!((class.alerts - wanted).abs() <= class.alerts_off + 3.0 * wanted.sqrt(), "{class:?}");
    assert_eq!(some, ask("magpsf < 18.2", &[]), "the same every time");
}

#[test]
fn a_selection_is_done_again_where_a_watch_list_or_the_archive_is_another() {
    let (one, other) = (archive(), archive());
    let list = one.path().join("names.csv");
    let object =
        |row: usize| sample().column_by_name("objectId").unwrap().as_string::<i32>().value(row).to_string();
    fs::write(&list, format!("objectId\n{}\n", object(0))).unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = |archive: &Path| {
        let request = request(&format!("WATCHED('{}')", list.display()), Content::Light);
        let (options, sources) = (SelectOptions::default(), ArchiveSources::new(Some(archive)));
        select(archive, &request, &options, out.path(), &sources, &SelectControl::none()).unwrap()
    };
    let first = run(one.path());
    assert!(first.passed() > 0 && run(one.path()).nights.iter().all(|night| night.resumed));
    let second = run(other.path());
    assert_ne!(first.report, second.report);
    assert_eq!(written(out.path()).len() as u64, 2 * first.passed());
    let named =
        |row| met(&format!("objectId IN ('{}', '{}')", object(0), object(row)), &sample()).true_count();
    let more = (1..1000).find(|row| named(*row) as u64 > first.passed()).unwrap();
    fs::write(&list, format!("objectId\n{}\n{}\n", object(0), object(more))).unwrap();
    let again = run(one.path());
    assert!(again.nights.iter().all(|night| !night.resumed));
    assert_eq!(again.passed(), named(more) as u64);
    assert_eq!(written(out.path()).len() as u64, first.passed() + again.passed());
}

#[test]
fn leftovers_go_and_limits_hold_when_a_night_is_done_again() {
    let archive = archive();
    let out = tempfile::tempdir().unwrap();
    let sources = ArchiveSources::new(None);
    let options = SelectOptions { limit: Some(700), ..SelectOptions::default() };
    let all = request("", Content::Light);
    let run =
        || select(archive.path(), &all, &options, out.path(), &sources, &SelectControl::none()).unwrap();
    let first = run();
    let part = out.path().join(&first.nights[0].parts[0].0);
    let left = part.with_file_name(part.file_name().unwrap().to_string_lossy().replace("00000", "00007"));
    fs::copy(&part, &left).unwrap();
    // More alerts in the first night leave less room for the second.
    write(archive.path(), (2021, 11, 3), "d", &sample().slice(600, 60), 1000);
    let again = run();
    assert_eq!(again.nights.iter().map(|night| night.written).collect::<Vec<_>>(), [660, 40]);
    assert!(!left.exists());
    assert_eq!(written(out.path()).len(), 700);
    write(archive.path(), (2021, 11, 3), "e", &sample().slice(660, 60), 1000);
    assert_eq!((run().written(), written(out.path()).len()), (700, 700));
}
