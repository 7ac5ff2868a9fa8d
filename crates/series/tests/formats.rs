//! Series of every format: the points chosen, the rows written, and what is said of files that are wrong.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{
    Array, ArrayRef, Date32Array, Date64Array, DurationMillisecondArray, Float32Array, Int32Array,
    Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field, TimeUnit};
use arrow_select::take::take_record_batch;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterVersion;
use support::{
    Folder, Noise, batch, float, of_many_types, properties, read_parquet, wave, write_csv, write_fits,
    write_npy, write_npy_of, write_parquet,
};
use uranometria_lttb::{Downsample, Gaps, Method, Missing, Regular};
use uranometria_series::{Control, Error, Output, Series, Window, ZoneMap};

fn all_methods() -> [Downsample; 5] {
    [
        Downsample::default(),
        Downsample { method: Method::MinMax, gaps: Gaps::Auto, ..Downsample::default() },
        Downsample {
            method: Method::MinMaxLttb { ratio: 4 },
            gaps: Gaps::Over(1.0),
            ..Downsample::default()
        },
        Downsample { method: Method::M4, gaps: Gaps::Auto, missing: Missing::Break, ..Downsample::default() },
        Downsample { gaps: Gaps::Auto, ..Downsample::default() },
    ]
}

fn check_open(paths: &[PathBuf], x: Option<&str>, y: Option<&str>, wanted: &str) {
    let error = Series::open(paths, x, y).err().expect("it should be refused");
    let first = paths[0].parent().unwrap().to_str().unwrap();
    assert_eq!(error.to_string().replace(&format!("{first}/"), ""), wanted);
}

#[test]
fn every_format_gives_the_points_that_the_slices_give() {
    let folder = Folder::new();
    let (time, flux) = wave(6000, 1);
    let whole = batch(vec![("time", float(time.clone())), ("flux", float(flux.clone()))]);
    let halves = [whole.slice(0, 2500), whole.slice(2500, 3500)];
    let path = |name: &str, n: usize| folder.at(&format!("{n}.{name}"));
    for (n, half) in halves.iter().enumerate() {
        write_parquet(
            &path("parquet", n),
            half,
            properties().set_max_row_group_row_count(Some(1000)).build(),
        );
        write_csv(&path("csv", n), half);
        write_fits(&path("fits", n), half);
        let rows = if n == 0 { 0..2500 } else { 2500..6000 };
        write_npy(&path("npy", n), &flux[rows]);
    }
    write_npy(&folder.at("time.npy"), &time);
    for format in ["parquet", "csv", "fits", "npy"] {
        let paths = [path(format, 0), path(format, 1)];
        let x = folder.at("time.npy");
        let x = if format == "npy" { x.to_str() } else { Some("TIME") };
        let series = Series::open(&paths, x, Some("flux")).unwrap();
        let of_rows = Series::open(&paths, None, Some("flux")).unwrap();
        assert_eq!(
            (series.rows(), series.x_name(), of_rows.x_name()),
            (6000, Some("time"), None),
            "{format}"
        );
        for request in all_methods() {
            let found = series.choose(&request, &Window::default(), 200).unwrap();
            assert_eq!(found.chosen, request.choose(&time, &flux, 200).unwrap(), "{format} {request:?}");
            let found = of_rows.choose(&request, &Window::default(), 200).unwrap();
            assert_eq!(found.chosen, request.choose(Regular, &flux, 200).unwrap(), "{format} {request:?}");
        }
        let rows = [0, 1, 2499, 2500, 5999];
        let points = series.points_at(&rows).unwrap();
        let wanted: Vec<u64> = rows.iter().map(|&row| flux[row].to_bits()).collect();
        assert_eq!(points.y.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), wanted, "{format}");
        assert_eq!(points.x, rows.map(|row| time[row]), "{format}");
        let (_, taken) = series.rows_at(&rows).unwrap();
        let rows: usize = taken.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 5, "{format}");
    }
}

#[test]
fn a_window_ends_at_points_that_are_not_missing() {
    let folder = Folder::new();
    let time: Vec<f64> = (-5..5).map(f64::from).collect();
    let mut flux = vec![1.0; 10];
    flux[3] = f64::NAN;
    write_csv(&folder.at("a.csv"), &batch(vec![("time", float(time)), ("flux", float(flux))]));
    let series = Series::open(&[folder.at("a.csv")], Some("time"), Some("flux")).unwrap();
    let check = |from: Option<&str>, to: Option<&str>, wanted: std::ops::Range<usize>| {
        let window = series.window(from, to).unwrap();
        let found = series.choose(&Downsample::default(), &window, 100).unwrap();
        assert_eq!(found.window, wanted, "{from:?} {to:?}");
        assert!(found.chosen.indices.iter().all(|row| wanted.contains(row) && *row != 3));
    };
    check(None, None, 0..10);
    check(Some("-2"), None, 4..10);
    check(Some("-2.5"), Some("1.5"), 4..7);
    check(None, Some("-2"), 0..3);
    check(Some("-2"), Some("-2"), 0..0);
    check(Some("7"), None, 0..0);
    check(Some("3"), Some("1"), 0..0);
    let series = Series::open(&[folder.at("a.csv")], None, Some("flux")).unwrap();
    let window = series.window(Some("2.5"), Some("4")).unwrap();
    assert_eq!(series.choose(&Downsample::default(), &window, 9).unwrap().window, 3..5);
}

#[test]
fn dates_and_integers_are_exact_to_the_last_nanosecond() {
    let folder = Folder::new();
    let start = 1_700_000_000_000_000_000_i64;
    let times: Vec<i64> = (0..5000).map(|n| start + n).collect();
    let flux = float((0..5000).map(|n| f64::from(n % 71)));
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(times.clone()));
    let whole = batch(vec![("time", time), ("flux", flux.clone())]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_csv(&folder.at("a.csv"), &whole);
    let bytes: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    write_npy_of(&folder.at("time.npy"), "<M8[ns]", 5000, &bytes);
    write_npy(&folder.at("flux.npy"), &(0..5000).map(|n| f64::from(n % 71)).collect::<Vec<_>>());
    let npy_x = folder.at("time.npy");
    for (name, x, y) in [
        ("a.parquet", "time", Some("flux")),
        ("a.csv", "time", Some("flux")),
        ("flux.npy", npy_x.to_str().unwrap(), None),
    ] {
        let series = Series::open(&[folder.at(name)], Some(x), y).unwrap();
        let text = "2023-11-14T22:13:20.000001000";
        let window = series.window(Some(text), Some("1700000000000001001")).unwrap();
        let found = series.choose(&Downsample::default(), &window, 100).unwrap();
        assert_eq!(found.window, 1000..1002, "{name}");
        let points = series.points_at(&[1000, 1001]).unwrap();
        assert_eq!(points.x, [0.0, 1e-9], "{name}");
        assert_eq!(points.x_label, "time (seconds since 2023-11-14T22:13:20.000001)", "{name}");
    }
}

#[test]
fn x_may_be_of_any_number_date_or_time() {
    let folder = Folder::new();
    let numbers = || 0..3000_i64;
    let columns: [ArrayRef; 6] = [
        Arc::new(Int32Array::from_iter_values(numbers().map(|n| n as i32 - 1000))),
        Arc::new(UInt64Array::from_iter_values(numbers().map(|n| u64::MAX - 3000 + n as u64))),
        Arc::new(Float32Array::from_iter_values(numbers().map(|n| n as f32))),
        Arc::new(Date32Array::from_iter_values(numbers().map(|n| n as i32))),
        Arc::new(TimestampSecondArray::from_iter_values(numbers()).with_timezone("+02:00")),
        Arc::new(Int64Array::from_iter_values(numbers().map(|n| i64::MIN + n))),
    ];
    let flux: Vec<f64> = numbers().map(|n| (n as f64 * 0.01).sin()).collect();
    let wanted = Downsample::default().choose(Regular, &flux, 64).unwrap();
    for x in columns {
        let data_type = x.data_type().clone();
        let whole = batch(vec![("x", x), ("y", float(flux.clone()))]);
        write_parquet(&folder.at("a.parquet"), &whole, properties().build());
        let series = Series::open(&[folder.at("a.parquet")], Some("x"), Some("y")).unwrap();
        let found = series.choose(&Downsample::default(), &Window::default(), 64).unwrap();
        assert_eq!(found.chosen, wanted, "{data_type}");
        series.save(folder.at("out.parquet"), &wanted.indices, Output::Parquet).unwrap();
        let written = match data_type {
            DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
            other => other,
        };
        assert_eq!(read_parquet(&folder.at("out.parquet")).column(0).data_type(), &written);
    }
}

#[test]
fn columns_of_any_type_come_out_as_they_went_in() {
    let folder = Folder::new();
    let whole = of_many_types(3000);
    let row_groups = properties().set_max_row_group_row_count(Some(700)).set_data_page_row_count_limit(100);
    write_parquet(&folder.at("a.parquet"), &whole.slice(0, 2000), row_groups.clone().build());
    write_parquet(&folder.at("b.parquet"), &whole.slice(2000, 1000), row_groups.build());
    let paths = [folder.at("a.parquet"), folder.at("b.parquet")];
    let series = Series::open(&paths, Some("time"), Some("flux")).unwrap();
    let rows = series.choose(&Downsample::default(), &Window::default(), 77).unwrap().chosen.indices;
    series.save(folder.at("out.parquet"), &rows, Output::Parquet).unwrap();
    let found = read_parquet(&folder.at("out.parquet"));
    let indices = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
    let wanted = take_record_batch(&whole, &indices).unwrap();
    for (found, wanted) in found.schema().fields().iter().zip(wanted.schema().fields()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.schema().metadata()["time_reference"], "unix");
    assert_eq!(found.columns(), wanted.columns());
    let error = series.save(folder.at("out.csv"), &rows, Output::Csv).unwrap_err().to_string();
    let wanted = "columns list, nested cannot be written as CSV, which has no arrays; write parquet instead";
    assert!(error.ends_with(wanted), "{error}");
    assert_eq!(folder.names(), ["a.parquet", "b.parquet", "out.parquet"]);
}

#[test]
fn the_text_of_csv_rows_is_kept_to_the_byte() {
    let folder = Folder::new();
    let check = |header: &str, rows: &[&str], end: &str| {
        let text = format!("{header}{end}{}", rows.join(end));
        fs::write(folder.at("a.csv"), text).unwrap();
        let series = Series::open(&[folder.at("a.csv")], Some("t"), Some("y")).unwrap();
        assert_eq!(series.rows(), rows.len());
        let wanted = |rows: &[&str]| format!("{header}{end}{}{end}", rows.join(end));
        for first in 0..rows.len() {
            let indices: Vec<usize> = (first..rows.len()).step_by(2).collect();
            let of_indices: Vec<&str> = indices.iter().map(|&row| rows[row]).collect();
            let mut out = Vec::new();
            series.write_csv(&indices, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), wanted(&of_indices));
        }
    };
    let rows = ["1, 1.50 ,\"a, \"\"b\"\"\"", "2,-0,", "3,1e3,\"two\nlines\"", "4,nan, x ", "5.0,,ü"];
    check("t,y,\"no te\"", &rows, "\n");
    check("\u{feff}t,y,note", &rows, "\r\n");
    check(" t ,y,note", &rows[..1], "\r\n");
    let many: Vec<String> = (0..5000).map(|n| format!("{n},{}.0,\"{n}\n\"", n % 7)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let text = format!("t,y,n\n{}\n\n", many.join("\n\n"));
    fs::write(folder.at("a.csv"), text).unwrap();
    let series = Series::open(&[folder.at("a.csv")], Some("t"), Some("y")).unwrap();
    let mut out = Vec::new();
    series.write_csv(&[0, 1023, 1024, 2047, 4999], &mut out).unwrap();
    let wanted: String = [0, 1023, 1024, 2047, 4999].iter().map(|&row| format!("{}\n", many[row])).collect();
    assert_eq!(String::from_utf8(out).unwrap(), format!("t,y,n\n{wanted}"));
}

#[test]
fn csv_becomes_parquet_of_the_types_that_all_of_it_has() {
    let folder = Folder::new();
    let header = "day,y,id,note,good,when,empty\n";
    fs::write(
        folder.at("a.csv"),
        format!("{header}1,,7,x,true,2024-01-01T00:00:00,\n2,1.5,8,3,false,2024-01-02T00:00:00,"),
    )
    .unwrap();
    fs::write(folder.at("b.csv"), format!("{header}3.5,2,9,4,true,2024-01-03T00:00:00.5,\n")).unwrap();
    let series = Series::open(&[folder.at("a.csv"), folder.at("b.csv")], Some("day"), Some("y")).unwrap();
    series.save(folder.at("out.parquet"), &[1, 2], Output::Parquet).unwrap();
    let found = read_parquet(&folder.at("out.parquet"));
    let types: Vec<String> =
        found.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Float64", "Float64", "Int64", "Utf8", "Boolean", "Timestamp(ms)", "Null"]);
    assert_eq!(found.column(2).as_ref(), &Int64Array::from(vec![8, 9]));
    assert_eq!(found.column(3).as_ref(), &StringArray::from(vec!["3", "4"]));
    assert_eq!(found.column(6).len(), 2);
}

#[test]
fn a_cell_of_another_column_that_is_not_of_its_type_is_named_with_its_line() {
    let folder = Folder::new();
    let check = |cell: &str, others: &str, wanted: &str| {
        let row = |n: usize, cell: &str| format!("{n},{},\"two\nlines\",{cell}\n", n % 7);
        let rows = || {
            let text: String = (0..3000).map(|n| row(n, others)).collect();
            format!("t,y,note,other\n\n{text}")
        };
        fs::write(folder.at("a.csv"), rows()).unwrap();
        let text = rows() + &row(3000, others) + &row(3001, cell) + &row(3002, cell);
        fs::write(folder.at("b.csv"), text).unwrap();
        let series = Series::open(&[folder.at("a.csv"), folder.at("b.csv")], None, Some("y")).unwrap();
        // The header, an empty line, and two lines a row.
        let error = series.save(folder.at("out.parquet"), &[0, 2999, 6000, 6001, 6002], Output::Parquet);
        let error = error.unwrap_err().to_string().replace(&format!("{}/", folder.path().display()), "");
        let way_out = " as in its other rows; written as CSV it stays as it is";
        assert_eq!(
            error,
            format!("b.csv, line 6005, column other: found \"{cell}\", expected {wanted}{way_out}")
        );
        assert!(!folder.at("out.parquet").exists());
        let mut out = Vec::new();
        series.write_csv(&[6001], &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with(&row(3001, cell)));
    };
    check("2024-02-30", "2024-01-31", "a date like 2024-01-31");
    check("2024-02-30T00:00:00", "2024-01-31T00:00:00", "a date and time like 2024-01-31T12:00:00");
    check("2024-01-31T00:00:00 or so", "2024-01-31T00:00:00", "a date and time like 2024-01-31T12:00:00");
}

#[test]
fn a_cell_that_is_not_utf8_is_named_with_its_line_where_it_cannot_be_written() {
    let folder = Folder::new();
    fs::write(folder.at("a.csv"), "t,y,note\n1,1,x\n2,2,y\n").unwrap();
    fs::write(folder.at("b.csv"), b"t,y,note\n3,1,x\n4,2,caf\xe9\n").unwrap();
    let series = Series::open(&[folder.at("a.csv"), folder.at("b.csv")], Some("t"), Some("y")).unwrap();
    let error = series.save(folder.at("out.parquet"), &[0, 2], Output::Parquet).unwrap_err().to_string();
    assert!(
        error.ends_with("b.csv, line 3, column note: found \"caf\u{fffd}\", expected text in UTF-8"),
        "{error}"
    );
    let mut out = Vec::new();
    series.write_csv(&[0, 3], &mut out).unwrap();
    assert_eq!(out, b"t,y,note\n1,1,x\n4,2,caf\xe9\n");
}

#[test]
fn vectors_of_fits_become_lists_and_are_refused_as_csv() {
    let folder = Folder::new();
    let list = arrow_array::FixedSizeListArray::from_iter_primitive::<arrow_array::types::Float32Type, _, _>(
        (0..500).map(|n| Some(vec![Some(n as f32), Some(-1.0)])),
        2,
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("TIME", float((0..500).map(f64::from))),
        ("FLUX", float((0..500).map(|n| f64::from(n % 13)))),
        ("POS", Arc::new(list)),
    ];
    let whole = batch(columns);
    write_fits(&folder.at("a.fits"), &whole);
    let series = Series::open(&[folder.at("a.fits")], Some("TIME"), Some("FLUX")).unwrap();
    let rows = [0, 3, 4, 499];
    series.save(folder.at("out.parquet"), &rows, Output::Parquet).unwrap();
    let found = read_parquet(&folder.at("out.parquet"));
    assert!(matches!(found.column(2).data_type(), DataType::FixedSizeList(_, 2)));
    assert_eq!(found.column(0).as_ref(), &arrow_array::Float64Array::from(vec![0.0, 3.0, 4.0, 499.0]));
    let error = series.write_csv(&rows, Vec::new()).unwrap_err().to_string();
    assert_eq!(error, "column POS cannot be written as CSV, which has no arrays; write parquet instead");
}

#[test]
fn two_runs_write_the_same_bytes_and_replace_what_was_there() {
    let folder = Folder::new();
    write_parquet(&folder.at("a.parquet"), &of_many_types(2000), properties().build());
    let series = Series::open(&[folder.at("a.parquet")], Some("time"), Some("flux")).unwrap();
    let rows: Vec<usize> = (0..2000).step_by(31).collect();
    fs::write(folder.at("out.parquet"), "old").unwrap();
    let len = series.save(folder.at("out.parquet"), &rows, Output::Parquet).unwrap();
    let first = fs::read(folder.at("out.parquet")).unwrap();
    assert_eq!(first.len() as u64, len);
    series.save(folder.at("out.parquet"), &rows, Output::Parquet).unwrap();
    assert_eq!(fs::read(folder.at("out.parquet")).unwrap(), first);
    assert_eq!(folder.names(), ["a.parquet", "out.parquet"]);
}

#[test]
fn x_that_descends_is_named_with_file_and_row() {
    let folder = Folder::new();
    let file = |name: &str, time: Vec<f64>| {
        let flux = float(vec![1.0; time.len()]);
        let whole = batch(vec![("time", float(time)), ("flux", flux)]);
        write_parquet(&folder.at(&format!("{name}.parquet")), &whole, properties().build());
        write_csv(&folder.at(&format!("{name}.csv")), &whole);
    };
    file("a", vec![0.0, 1.0, 2.0]);
    file("b", vec![3.0, 5.0, 4.0]);
    file("c", vec![1.5, 8.0]);
    let check = |names: &[&str], window: Window, wanted: &str| {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.at(name)).collect();
        let series = Series::open(&paths, Some("time"), Some("flux")).unwrap();
        let error = series.choose(&Downsample::default(), &window, 2).unwrap_err().to_string();
        assert_eq!(error.replace(&format!("{}/", folder.path().display()), ""), wanted);
    };
    let sort = "; sort the rows by time first";
    // Outside of the window too.
    let window = Window { to: Some(1.0.into()), from: None };
    for window in [Window::default(), window] {
        check(
            &["a.parquet", "b.parquet"],
            window,
            &format!(
                "b.parquet, row 2 (counted from 0), column time: 4{} comes after 5{}{sort}",
                zero(&window),
                zero(&window)
            ),
        );
    }
    check(&["b.csv"], Window::default(), &format!("b.csv, line 4, column time: 4 comes after 5{sort}"));
    check(
        &["a.parquet", "c.parquet"],
        Window::default(),
        "c.parquet, row 0 (counted from 0), column time: 1.5 comes after 2, the last of a.parquet; give this file \
         before a.parquet, or sort them together if they overlap",
    );
}

/// How a whole float is written when a window is looked for.
fn zero(window: &Window) -> &'static str {
    if window.is_all() { "" } else { ".0" }
}

#[test]
fn a_null_time_is_an_error_and_a_null_float_a_missing_point() {
    let folder = Folder::new();
    let flux: ArrayRef =
        Arc::new(arrow_array::Float64Array::from(vec![Some(1.0), None, Some(3.0), Some(4.0)]));
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(1), Some(2), None, Some(4)]));
    let day: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), Some(2.0), None, Some(4.0)]));
    let whole = batch(vec![("time", time), ("day", day), ("flux", flux)]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_csv(&folder.at("a.csv"), &whole);
    for (name, place) in [("a.parquet", "row 2 (counted from 0)"), ("a.csv", "line 4")] {
        let series = Series::open(&[folder.at(name)], Some("day"), Some("flux")).unwrap();
        let found = series.choose(&Downsample::default(), &Window::default(), 9).unwrap();
        assert_eq!(found.chosen.indices, [0, 3], "{name}");
        let opened = Series::open(&[folder.at(name)], Some("time"), Some("flux"));
        let error = opened.and_then(|series| series.choose(&Downsample::default(), &Window::default(), 9));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(place) && error.contains("column time: found "), "{error}");
    }
}

#[test]
fn files_that_are_wrong_are_told_with_the_way_out() {
    let folder = Folder::new();
    let at = |name: &str| vec![folder.at(name)];
    let whole = of_many_types(10);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_parquet(&folder.at("b.parquet"), &whole.project(&[0, 1]).unwrap(), properties().build());
    let other: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    let columns = vec![("time", other), ("note", whole.column(1).clone()), ("flux", whole.column(2).clone())];
    write_parquet(&folder.at("c.parquet"), &batch(columns), properties().build());
    fs::write(folder.at("a.csv"), "time,flux\n1,2\n2,many\n").unwrap();
    fs::write(folder.at("b.csv"), "time,flux\n1,2\n2\n").unwrap();
    fs::write(folder.at("c.csv"), "time,flux\n2024-01-01,2\n3,2\n").unwrap();
    fs::write(folder.at("empty"), "").unwrap();
    fs::write(folder.at("noise"), b"\x00\x01\x02").unwrap();
    fs::write(folder.at("cut.parquet"), b"PAR1 and no more").unwrap();
    write_npy_of(&folder.at("a.npy"), ">f8", 1, &[0; 8]);
    write_npy(&folder.at("b.npy"), &[1.0, 2.0]);
    write_npy_of(&folder.at("c.npy"), "<f8", 3, &[0; 8]);

    let check = |names: &[&str], x: &str, y: &str, wanted: &str| {
        let paths: Vec<PathBuf> = names.iter().flat_map(|name| at(name)).collect();
        check_open(&paths, Some(x), Some(y), wanted);
    };
    check(&["a.parquet"], "tme", "flux", "a.parquet, column tme is not there; did you mean time?");
    check(
        &["a.parquet"],
        "note",
        "flux",
        "a.parquet, column note is of type Utf8, expected floats, integers, dates or times",
    );
    check(
        &["a.parquet"],
        "time",
        "good",
        "a.parquet, column good is of type Boolean, expected floats of 32 or 64 bits, or integers",
    );
    check(
        &["a.parquet", "b.parquet"],
        "time",
        "flux",
        "b.parquet, column flux is not there; there are time, note",
    );
    check(
        &["a.parquet", "c.parquet"],
        "time",
        "flux",
        "c.parquet, column time is Int64, but Timestamp(ns, \"UTC\") in a.parquet; the files of a series have the same \
         columns",
    );
    check(
        &["a.parquet", "a.csv"],
        "time",
        "flux",
        "a.csv, it is CSV, but a.parquet is parquet; the files of a series have one format",
    );
    check(
        &["a.csv"],
        "time",
        "flux",
        "a.csv, line 3, column flux: found \"many\", expected a number, or nothing where it is missing",
    );
    check(&["b.csv"], "time", "flux", "b.csv, line 3: 1 columns, expected 2 as in the header");
    check(
        &["c.csv"],
        "time",
        "flux",
        "c.csv, line 3, column time: found \"3\", expected a date and time like 2024-01-31T12:00:00 between the years \
         1678 and 2261",
    );
    check(
        &["noise"],
        "time",
        "flux",
        "noise, it begins with \"\\0\\u{1}\\u{2}\", expected parquet, FITS, .npy, numbers in a file that ends in \
         .f32 or the like, or text with a header line and commas",
    );
    check_open(
        &at("a.parquet"),
        Some("time"),
        None,
        "a.parquet, it has several columns and none was named as y; name one of time, note, flux, good, word, list, \
         nested, price, cadence",
    );
    check_open(
        &at("a.npy"),
        None,
        None,
        "a.npy, it is an array of shape [1] and type '>f8', expected one dimension of little-endian integers, \
         floats of 4 or 8 bytes, or times in s, \
         ms, us or ns",
    );
    check_open(
        &at("c.npy"),
        None,
        None,
        "c.npy, it is an array of 3 elements in a file of 136 bytes, expected a file of at least 152 bytes",
    );
    let long = folder.at("long.npy");
    write_npy(&long, &[1.0, 2.0, 3.0]);
    check_open(
        &at("b.npy"),
        long.to_str(),
        None,
        "long.npy, it is an array of 3 elements, expected 2, as many as y has in all files",
    );
    for name in ["empty", "cut.parquet", "missing"] {
        let error = Series::open(&at(name), Some("time"), Some("flux")).err().expect("it should be refused");
        assert!(error.to_string().starts_with(folder.at(name).to_str().unwrap()), "{error}");
    }
    assert!(matches!(Series::open(&[""; 0], None, None), Err(Error::NoFiles)));
}

#[test]
fn bounds_and_widths_that_are_none_are_told() {
    let folder = Folder::new();
    write_parquet(&folder.at("a.parquet"), &of_many_types(10), properties().build());
    let series = Series::open(&[folder.at("a.parquet")], Some("time"), Some("flux")).unwrap();
    assert_eq!(
        series.window(Some("soon"), None).unwrap_err().to_string(),
        "\"soon\" is no end of a window for time, expected a date and time like 2024-01-31T12:00:00, or a number"
    );
    assert_eq!(
        series.gap("wide").unwrap_err().to_string(),
        "\"wide\" is no width of a gap for time, expected a duration like 90s or 2h, or a number above 0"
    );
    assert_eq!(series.gap("1.5s").unwrap(), 1.5e9);
    let series = Series::open(&[folder.at("a.parquet")], None, Some("flux")).unwrap();
    let error = series.window(None, Some("2024-01-01")).unwrap_err().to_string();
    assert_eq!(error, "\"2024-01-01\" is no end of a window for the row number, expected a number");
}

#[test]
fn seconds_that_parquet_keeps_as_integers_are_read_and_become_milliseconds() {
    let folder = Folder::new();
    let time: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values(0..100));
    let whole = batch(vec![("time", time), ("flux", float((0..100).map(f64::from)))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let series = Series::open(&[folder.at("a.parquet")], Some("time"), Some("flux")).unwrap();
    let window = series.window(Some("1970-01-01T00:00:10"), Some("1970-01-01T00:00:19.999")).unwrap();
    let found = series.choose(&Downsample::default(), &window, 100).unwrap();
    assert_eq!(found.window, 10..20);
    series.save(folder.at("out.parquet"), &[3], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    let wanted: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![3000]));
    assert_eq!(out.column(0), &wanted, "parquet has no times in seconds");
}

#[test]
fn a_file_that_happens_to_have_no_null_joins_one_that_has() {
    let folder = Folder::new();
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let holed: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
    write_parquet(&folder.at("a.parquet"), &batch(vec![("y", whole)]), properties().build());
    write_parquet(&folder.at("b.parquet"), &batch(vec![("y", holed)]), properties().build());
    let series = Series::open(&[folder.at("a.parquet"), folder.at("b.parquet")], None, Some("y")).unwrap();
    series.save(folder.at("out.parquet"), &[0, 2, 3], Output::Parquet).unwrap();
    let found = read_parquet(&folder.at("out.parquet"));
    assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![Some(1), Some(3), None]));
}

#[test]
fn times_of_named_zones_are_written_as_csv_in_utc() {
    let folder = Folder::new();
    for zone in ["UTC", "Europe/Paris"] {
        let seen: ArrayRef = Arc::new(
            TimestampNanosecondArray::from(vec![Some(1_717_149_600_500_000_000), None]).with_timezone(zone),
        );
        let whole = batch(vec![("n", float([0.0, 1.0])), ("seen", seen), ("flux", float([1.5, 2.5]))]);
        write_parquet(&folder.at("a.parquet"), &whole, properties().build());
        let series = Series::open(&[folder.at("a.parquet")], Some("n"), Some("flux")).unwrap();
        let mut out = Vec::new();
        series.write_csv(&[0, 1], &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "n,seen,flux\n0.0,2024-05-31T10:00:00.500Z,1.5\n1.0,,2.5\n",
            "{zone}"
        );
    }
}

fn csv_series(folder: &Folder, text: &str) -> Result<Series, Error> {
    fs::write(folder.at("n.csv"), text).unwrap();
    Series::open(&[folder.at("n.csv")], Some("t"), Some("y"))
}

#[test]
fn integers_of_csv_keep_all_digits() {
    let folder = Folder::new();
    let message = |text: &str| {
        let chosen = csv_series(&folder, text)
            .and_then(|series| series.choose(&Downsample::default(), &Window::default(), 5));
        chosen.map_or_else(|error| error.to_string(), |found| format!("{:?}", found.chosen.indices))
    };
    let check = |text: &str, wanted: &str| {
        let found = message(text);
        assert!(found.contains(wanted), "{text}: {found}");
    };
    check("t,y\n18446744073709551614,1\n18446744073709551615,2\n", "[0, 1]");
    check("t,y\n1,1\n18446744073709551615,2\n18446744073709551614,3\n", "line 4, column t");
    check(
        "t,y\n9007199254740993,1\n9007199254740994.5,2\n",
        "line 3, column t: found \"9007199254740994.5\"",
    );
    check("t,y\n0.5,1\n9007199254740993,2\n", "line 3, column t: found \"9007199254740993\"");
    check("t,y\n-1,1\n18446744073709551615,2\n", "subtract an offset");
    check("t,y\n1,1\n2.5,2\n9007199254740992,2\n", "[0, 1, 2]");
    check("t,y\n 1 , 1 \n 2 ,2\n", "[0, 1]");
    check("t,y\n,1\n2024-01-01,2\n", "line 3");
    check("t,y\n,1\n2024-01-01,2\n", "nothing before it");
}

#[test]
fn numbers_with_blanks_are_numbers_in_parquet_too() {
    let folder = Folder::new();
    let series = csv_series(&folder, "t,y\n 1 , 1 \n 18446744073709551615 , 2.5 \n").unwrap();
    series.save(folder.at("out.parquet"), &[0, 1], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    let wanted: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    assert_eq!((out.column(0), out.column(1)), (&wanted, &float([1.0, 2.5])));
}

#[test]
fn a_partition_of_nothing_but_a_header_joins_any_other() {
    let folder = Folder::new();
    let paths = [folder.at("a.csv"), folder.at("b.csv"), folder.at("c.csv")];
    fs::write(&paths[0], "t,y\n").unwrap();
    fs::write(&paths[1], "t,y\n2024-01-01,1\n").unwrap();
    fs::write(&paths[2], "t,y\n").unwrap();
    assert_eq!(Series::open(&paths, Some("t"), Some("y")).unwrap().rows(), 1);
    fs::write(&paths[1], "t,y\n1,1\n").unwrap();
    fs::write(&paths[2], "t,y\n18446744073709551615,1\n").unwrap();
    assert_eq!(Series::open(&paths, Some("t"), Some("y")).unwrap().rows(), 2);
    fs::write(&paths[1], "t,y\n-1,1\n").unwrap();
    check_open(
        &paths,
        Some("t"),
        Some("y"),
        "b.csv, line 2, column t: found -1, expected a number that the type of x in the other files holds to the last \
         digit; subtract an offset from x first",
    );
}

#[test]
fn files_that_are_no_csv_with_commas_say_what_they_are() {
    let folder = Folder::new();
    let check = |bytes: &[u8], wanted: &str| {
        fs::write(folder.at("a.csv"), bytes).unwrap();
        check_open(&[folder.at("a.csv")], Some("t"), Some("y"), wanted);
    };
    check(b"", "a.csv, it is empty, without even a header");
    check(b"\x1f\x8b\x08\0", "a.csv, it is compressed by gzip; unpack it first with `gunzip`");
    let of = |what: &str| {
        format!("a.csv, line 1: the header has {what} and no commas; write the file with commas first")
    };
    check(b"t;y\n1;2\n", &of("semicolons"));
    check(b"t\ty\n1\t2\n", &of("tabs"));
}

#[test]
fn integers_far_from_zero_are_drawn_from_their_first() {
    let folder = Folder::new();
    let start = 1_700_000_000_000_000_001_i64;
    let time: ArrayRef = Arc::new(Int64Array::from_iter_values((0..5).map(|n| start + 10 * n)));
    write_parquet(
        &folder.at("a.parquet"),
        &batch(vec![("t", time), ("y", float((0..5).map(f64::from)))]),
        properties().build(),
    );
    let series = Series::open(&[folder.at("a.parquet")], Some("t"), Some("y")).unwrap();
    let points = series.points_at(&[0, 1, 4]).unwrap();
    assert_eq!((points.x, points.x_label.as_str()), (vec![0.0, 10.0, 40.0], "t - 1700000000000000001"));
    let near = csv_series(&folder, "t,y\n5,1\n7,2\n").unwrap().points_at(&[0, 1]).unwrap();
    assert_eq!((near.x, near.x_label.as_str()), (vec![5.0, 7.0], "t"));
}

#[test]
fn of_several_fits_tables_the_one_with_most_of_the_columns_is_told() {
    let folder = Folder::new();
    let both = folder.at("both.fits");
    write_fits(&folder.at("a.fits"), &batch(vec![("OTHER", float([1.0, 2.0]))]));
    write_fits(&folder.at("b.fits"), &batch(vec![("TIME", float([2.0, 1.0])), ("FLUX", float([1.0, 2.0]))]));
    let mut bytes = fs::read(folder.at("a.fits")).unwrap();
    // What follows the primary HDU, which has one block.
    bytes.extend_from_slice(&fs::read(folder.at("b.fits")).unwrap()[2880..]);
    fs::write(&both, bytes).unwrap();
    check_open(
        std::slice::from_ref(&both),
        Some("TIME"),
        Some("FLU"),
        "both.fits, HDU 2, column FLU is not there; did you mean FLUX?",
    );
    let series = Series::open(&[both], Some("TIME"), Some("FLUX")).unwrap();
    let error = series.choose(&Downsample::default(), &Window::default(), 2).unwrap_err().to_string();
    assert!(
        error.contains("both.fits, HDU 2, row 1 (counted from 0), column TIME: 1 comes after 2"),
        "{error}"
    );
}

#[test]
fn reading_is_watched_and_stops_when_asked() {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use uranometria_series::Control;
    let folder = Folder::new();
    let (time, flux) = wave(5000, 2);
    let path = [folder.at("a.csv")];
    write_csv(&path[0], &batch(vec![("time", float(time)), ("flux", float(flux))]));
    let seen = Mutex::new(Vec::new());
    let progress = |done, all| seen.lock().unwrap().push((done, all));
    let go = Control { progress: &progress, stop: &AtomicBool::new(false) };
    let series = Series::open_watched(&path, Some("time"), Some("flux"), &go).unwrap();
    let len = fs::metadata(&path[0]).unwrap().len();
    assert!(seen.lock().unwrap().iter().all(|&(done, all)| all == len && done <= all));
    series.choose_watched(&Downsample::default(), &Window::default(), 9, &go).unwrap();
    assert_eq!(seen.lock().unwrap().last(), Some(&(5000, 5000)));
    let stop = Control { progress: &|_, _| {}, stop: &AtomicBool::new(true) };
    let opened = Series::open_watched(&path, Some("time"), Some("flux"), &stop);
    assert!(matches!(opened, Err(Error::Interrupted)));
    let chosen = series.choose_watched(&Downsample::default(), &Window::default(), 9, &stop);
    assert!(matches!(chosen, Err(Error::Interrupted)));
}

#[test]
fn an_x_of_its_own_file_that_descends_is_named_by_that_file() {
    let folder = Folder::new();
    let paths = [folder.at("a.npy"), folder.at("b.npy")];
    write_npy(&paths[0], &[1.0, 2.0]);
    write_npy(&paths[1], &[1.0, 2.0]);
    let times: Vec<u8> = [0_i64, 10, 20, 15].iter().flat_map(|n| n.to_le_bytes()).collect();
    write_npy_of(&folder.at("t.npy"), "<M8[s]", 4, &times);
    let series = Series::open(&paths, folder.at("t.npy").to_str(), None).unwrap();
    let error = series.choose(&Downsample::default(), &Window::default(), 3).unwrap_err().to_string();
    let wanted = "t.npy, row 3 (counted from 0), column t: 1970-01-01T00:00:15 comes after 1970-01-01T00:00:20; sort the \
                  rows by t first";
    assert!(error.ends_with(wanted), "{error}");
}

#[test]
fn a_time_that_is_missing_in_an_array_is_named_by_its_file() {
    let folder = Folder::new();
    let paths = [folder.at("a.npy"), folder.at("b.npy")];
    write_npy(&paths[0], &[1.0, 2.0]);
    write_npy(&paths[1], &[1.0, 2.0]);
    let times: Vec<u8> = [0_i64, 10, 20, i64::MIN].iter().flat_map(|n| n.to_le_bytes()).collect();
    write_npy_of(&folder.at("t.npy"), "<M8[s]", 4, &times);
    let series = Series::open(&paths, folder.at("t.npy").to_str(), None).unwrap();
    let error = series.choose(&Downsample::default(), &Window::default(), 3).unwrap_err().to_string();
    assert!(error.contains("t.npy, row 3 (counted from 0), column t: found nothing"), "{error}");
}

#[test]
fn damaged_parquet_is_an_error_or_points_of_the_series() {
    let folder = Folder::new();
    let plain = || properties().set_dictionary_enabled(false);
    let paged = || plain().set_data_page_row_count_limit(500).set_write_batch_size(100);
    let split = Encoding::BYTE_STREAM_SPLIT;
    // Rows, cases and how the file is written; pages are only looked at one by one where there are many rows.
    let files = [
        (900, 3000, properties().set_max_row_group_row_count(Some(300))),
        (900, 3000, plain().set_encoding(split).set_data_page_row_count_limit(200)),
        (9000, 600, paged()),
        (9000, 600, paged().set_writer_version(WriterVersion::PARQUET_2_0)),
        (9000, 600, paged().set_offset_index_disabled(true).set_compression(Compression::SNAPPY)),
        (9000, 600, properties().set_data_page_row_count_limit(500).set_write_batch_size(100)),
    ];
    let path = folder.at("a.parquet");
    let mut noise = Noise(11);
    for (rows, cases, properties) in files {
        let (time, flux) = wave(rows, 8);
        // So few numbers that a dictionary holds them.
        let flux: Vec<f64> = flux.iter().map(|flux| (flux * 16.0).round()).collect();
        let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
        write_parquet(&path, &whole, properties.build());
        let sound = fs::read(&path).unwrap();
        for case in 0..cases {
            let mut bytes = sound.clone();
            // Mostly in the footer, which says where everything is.
            let from = if noise.below(4) == 0 { 0 } else { bytes.len().saturating_sub(1200) };
            for _ in 0..1 + noise.below(3) {
                let at = from + noise.below(bytes.len() - from);
                bytes[at] = match noise.below(4) {
                    0 => 0xff,
                    1 => 0x7f,
                    2 => bytes[at] ^ (1 << noise.below(8)),
                    _ => noise.next() as u8,
                };
            }
            fs::write(&path, &bytes).unwrap();
            let Ok(series) = Series::open(&[&path], Some("time"), Some("flux")) else { continue };
            if series.rows() > 1 << 20 {
                continue;
            }
            let named = |error: Error| assert!(error.to_string().contains("a.parquet"), "{case}: {error}");
            match series.choose(&Downsample::default(), &Window::default(), 20) {
                Ok(found) => {
                    assert!(found.chosen.indices.iter().all(|&index| index < series.rows()), "{case}");
                    let _ = series.rows_at(&found.chosen.indices);
                }
                Err(error) => named(error),
            }
            if let Ok(map) = ZoneMap::build(&series, &Control::none()) {
                for (method, n) in [(Method::M4, 4), (Method::Lttb, 3)] {
                    let request = Downsample { method, ..Downsample::default() };
                    if let Err(error) = series.choose_with(&map, &request, &Window::default(), n) {
                        named(error);
                    }
                }
            }
        }
    }
}

#[test]
fn a_quote_that_is_not_closed_is_named_with_its_line() {
    let folder = Folder::new();
    let said = |text: &str| csv_series(&folder, text).err().expect("a quote is open").to_string();
    let rows = |from: usize, to: usize| (from..to).map(|n| format!("{n},{n},a\n")).collect::<String>();
    let open = |line: u64| format!("line {line}: the quote that is opened here is not closed");
    // In a cell that is no number then, in one that may hold anything, and in the last line.
    for text in [
        format!("t,y,note\n{}3,\"3,a\n{}", rows(0, 3), rows(4, 3000)),
        format!("t,y,note\n{}3,3,\"a\n{}", rows(0, 3), rows(4, 3000)),
        format!("t,y,note\r\n{}3,3,\"a \"\"b\"\"", rows(0, 3)),
        format!("t,y,note\n{}\"3,3,a\n{}", rows(0, 3), rows(4, 300_000)),
    ] {
        assert!(said(&text).ends_with(&open(5)), "{}", said(&text));
    }
    // Lines within quotes count.
    let text = format!("t,y,note\n0,0,\"a\nb\"\n\n1,1,\"c\nd\",\"e\n{}", rows(2, 9));
    assert!(said(&text).ends_with(&open(6)), "{}", said(&text));
    // More than is ever read for one record.
    let long =
        format!("t,y,note\n{}3,3,\"a\n{}", rows(0, 3), "4,4,some more text of a row\n".repeat(800_000));
    let words = format!("{} within 16 MiB, the longest a record may be", open(5));
    assert!(said(&long).ends_with(&words), "{}", said(&long));
    assert!(csv_series(&folder, "t,y,note\n0,0,\"a\n\"\n1,1,\"\"\"b\"\"\"\n2,2,c\"\n").is_ok());
    // A cell that is no number is not shown to its end.
    let text = format!("t,y,note\n0,0,a\n1,\"{}\",b\n", "many words ".repeat(500));
    let error = said(&text);
    assert!(error.contains("line 3, column y: found \"many words many") && error.len() < 250, "{error}");
}

#[test]
fn times_of_csv_keep_their_zone_and_are_not_mixed() {
    let folder = Folder::new();
    let text = "t,y\n2024-01-01T00:00:00+02:00,1\n2024-01-01T00:00:01+02:00,2\n2024-01-01T00:00:02Z,3\n";
    let series = csv_series(&folder, text).unwrap();
    series.save(folder.at("out.parquet"), &[0, 1, 2], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    let DataType::Timestamp(_, zone) = out.column(0).data_type() else { panic!("{:?}", out.schema()) };
    assert_eq!(zone.as_deref(), Some("UTC"));
    let again = Series::open(&[folder.at("out.parquet")], Some("t"), Some("y")).unwrap();
    assert_eq!(again.points_at(&[0, 1]).unwrap().x_label, "t (seconds since 2023-12-31T22:00:00Z)", "in UTC");
    let plain = csv_series(&folder, "t,y\n2024-01-01T00:00:00,1\n2024-01-01T00:00:01,2\n").unwrap();
    plain.save(folder.at("out.parquet"), &[0, 1], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    assert!(matches!(out.column(0).data_type(), DataType::Timestamp(_, None)));
    let refused = |text: &str| csv_series(&folder, text).err().expect("mixed").to_string();
    let error = refused("t,y\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:01,2\n");
    assert!(error.ends_with("line 3, column t: found \"2024-01-01T00:00:01\", expected a time with a zone as in the rows before, such as Z or +02:00"), "{error}");
    let error = refused("t,y\n2024-01-01T00:00:00,1\n2024-01-01T00:00:01Z,2\n");
    assert!(error.ends_with("expected a time without a zone as in the rows before"), "{error}");
}

#[test]
fn dates_in_milliseconds_stay_times() {
    let folder = Folder::new();
    let day = 86_400_000_i64;
    let dates: ArrayRef = Arc::new(Date64Array::from_iter_values((0..100).map(|n| n * day)));
    let whole = batch(vec![("day", dates), ("flux", float((0..100).map(f64::from)))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let series = Series::open(&[folder.at("a.parquet")], Some("day"), Some("flux")).unwrap();
    let window = series.window(Some("1970-01-11"), Some("1970-01-20")).unwrap();
    let found = series.choose(&Downsample::default(), &window, 100).unwrap();
    assert_eq!(found.window, 10..20);
    series.save(folder.at("out.parquet"), &[0, 3], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    let wanted: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 3 * day]));
    assert_eq!(out.column(0), &wanted);
}

#[test]
fn dates_stay_dates_whatever_arrow_noted_of_them() {
    let folder = Folder::new();
    let dates: ArrayRef = Arc::new(Date64Array::from_iter_values((0..100).map(|n| n * 86_400_000)));
    let whole = batch(vec![("day", dates), ("flux", float((0..100).map(f64::from)))]);
    // As PyArrow writes them: days in 32 bits, and that they were milliseconds.
    write_parquet(&folder.at("a.parquet"), &whole, properties().set_coerce_types(true).build());
    let series = Series::open(&[folder.at("a.parquet")], Some("day"), Some("flux")).unwrap();
    let window = series.window(Some("1970-01-11"), Some("1970-01-20")).unwrap();
    assert_eq!(series.choose(&Downsample::default(), &window, 100).unwrap().window, 10..20);
    series.save(folder.at("out.parquet"), &[0, 3], Output::Parquet).unwrap();
    let wanted: ArrayRef = Arc::new(Date32Array::from(vec![0, 3]));
    assert_eq!(read_parquet(&folder.at("out.parquet")).column(0), &wanted);
    let mut csv = Vec::new();
    series.write_csv(&[3], &mut csv).unwrap();
    assert_eq!(String::from_utf8(csv).unwrap(), "day,flux\n1970-01-04,3.0\n");
    // Inside of a column too.
    let field = Arc::new(Field::new("date", DataType::Date64, true));
    let dates: ArrayRef = Arc::new(Date64Array::from_iter_values((0..100).map(|n| n * 86_400_000)));
    let nested: ArrayRef = Arc::new(StructArray::from(vec![(field, dates)]));
    let whole = batch(vec![("nested", nested), ("flux", float((0..100).map(f64::from)))]);
    write_parquet(&folder.at("b.parquet"), &whole, properties().set_coerce_types(true).build());
    let series = Series::open(&[folder.at("b.parquet")], None, Some("flux")).unwrap();
    series.save(folder.at("out.parquet"), &[0, 3], Output::Parquet).unwrap();
    let out = read_parquet(&folder.at("out.parquet"));
    let wanted: ArrayRef = Arc::new(Date32Array::from(vec![0, 3]));
    assert_eq!(out.column(0).as_struct().column(0), &wanted);
}

#[test]
fn a_name_that_two_columns_have_names_none() {
    let folder = Folder::new();
    let error = csv_series(&folder, "t,y,y\n1,2,3\n").err().expect("it should be refused").to_string();
    assert!(
        error.ends_with("it has column y more than once; give the columns names of their own"),
        "{error}"
    );
    let error = Series::open(&[folder.at("n.csv")], Some("t"), Some("Y")).err().unwrap().to_string();
    assert!(error.contains("column y more than once"), "{error}");
    // Another name may be there twice.
    assert!(csv_series(&folder, "t,y,z,z\n1,2,3,4\n").is_ok());
}

#[test]
fn an_empty_line_is_no_missing_number() {
    let folder = Folder::new();
    let open = |text: &str| {
        fs::write(folder.at("one.csv"), text).unwrap();
        Series::open(&[folder.at("one.csv")], None, Some("y"))
    };
    for text in [
        "y\n1\n\n3\n4\n",
        "y\n\n1\n",
        "y\r\n1\r\n\r\n3\r\n",
        "y\r1\r\r3\r",
        "y\r\n1\n\n2\n",
        "y\n\"1\"\n\n2\n",
    ] {
        let error = open(text).err().expect("it should be refused").to_string();
        assert!(error.contains(", line ") && error.contains("an empty line is no row"), "{error}");
    }
    assert_eq!(open("y\n1\n\"\"\n3\nNaN\n\n\n").unwrap().rows(), 4);
    for text in
        ["y\n1\n2", "y\r\n1\n2\n", "y\n1\r\n2\n", "y\r\"1\"\r2", "y\r\n\"1\"\r\n\"2\"", "y\r\n 1\r\n2 \r\n"]
    {
        assert_eq!(open(text).unwrap().rows(), 2, "{text:?}");
    }
    assert_eq!(csv_series(&folder, "t,y\n1,2\n\n3,4\n").unwrap().rows(), 2);
}

#[test]
fn rows_of_arrays_come_one_by_one_and_in_stretches() {
    let folder = Folder::new();
    let flux: Vec<f64> = (0..100_000).map(f64::from).collect();
    write_npy(&folder.at("flux.npy"), &flux);
    let series = Series::open(&[folder.at("flux.npy")], None, None).unwrap();
    let mut rows: Vec<usize> = (0..40_000).chain((40_000..100_000).step_by(3)).collect();
    rows.retain(|row| !(50_000..55_000).contains(row));
    let points = series.points_at(&rows).unwrap();
    let wanted: Vec<f64> = rows.iter().map(|&row| row as f64).collect();
    assert_eq!((&points.x, &points.y), (&wanted, &wanted));
    let (_, batches) = series.rows_at(&rows).unwrap();
    let ys = batches.iter().flat_map(|batch| batch.column(1).as_primitive::<Float64Type>().values().to_vec());
    assert_eq!(ys.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_takes_long_after_choosing_can_be_stopped() {
    let folder = Folder::new();
    let text: String = (0..50_000).map(|n| format!("{n},{n},some words\n")).collect();
    let series = csv_series(&folder, &format!("t,y,note\n{text}")).unwrap();
    let stop = AtomicBool::new(false);
    let seen = Mutex::new(Vec::new());
    // Stops at the second word of how far it is.
    let progress = |done, all| {
        let mut seen = seen.lock().unwrap();
        seen.push((done, all));
        stop.store(seen.len() > 1, Ordering::Relaxed);
    };
    let control = Control { progress: &progress, stop: &stop };
    let error = series.save_watched(folder.at("out.parquet"), &[0, 7], Output::Parquet, &control);
    assert!(matches!(error, Err(Error::Interrupted)), "{error:?}");
    assert!(seen.lock().unwrap().iter().all(|(done, all)| done < all));
    let error = series.save_watched(folder.at("out.csv"), &[0, 7], Output::Csv, &control);
    assert!(matches!(error, Err(Error::Interrupted)), "{error:?}");
    assert!(matches!(series.points_watched(&[0], &control), Err(Error::Interrupted)));
    assert_eq!(folder.names(), ["n.csv"]);
}

#[test]
fn durations_are_drawn_in_a_unit() {
    let folder = Folder::new();
    let time: ArrayRef = Arc::new(DurationMillisecondArray::from_iter_values((0..10).map(|n| n * 3_600_000)));
    let whole = batch(vec![("since", time), ("flux", float((0..10).map(f64::from)))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let series = Series::open(&[folder.at("a.parquet")], Some("since"), Some("flux")).unwrap();
    let points = series.points_at(&[2, 9]).unwrap();
    assert_eq!((points.x, points.x_label.as_str()), (vec![2.0, 9.0], "since (hours)"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_told_from_an_empty_one() {
    let error = Series::open(&["/dev/null"], None, Some("y")).err().expect("it should be refused");
    assert_eq!(error.to_string(), "/dev/null, it is a pipe or a device; write it to a file first");
}
