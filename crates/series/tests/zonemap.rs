//! Zone maps: the points of any window, whatever the file is made like; files that changed, maps that are damaged.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::{
    Array, ArrayRef, Float32Array, Float64Array, Int32Array, RecordBatch, TimestampNanosecondArray,
    UInt16Array, UInt64Array,
};
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use proptest::prelude::*;
use support::{
    Folder, Noise, batch, float, of_many_types, properties, wave, write_csv, write_f32, write_fits,
    write_npy, write_parquet,
};
use uranometria_lttb::{Downsample, Gaps, Method, Missing};
use uranometria_series::{Bound, Control, Error, Found, Series, Window, ZoneMap};

fn requests() -> Vec<Downsample> {
    let methods = [Method::Lttb, Method::MinMax, Method::MinMaxLttb { ratio: 4 }, Method::M4];
    let of = |method| {
        [
            Downsample { method, ..Downsample::default() },
            Downsample { method, gaps: Gaps::Auto, ..Downsample::default() },
            Downsample { method, gaps: Gaps::Auto, missing: Missing::Break, ..Downsample::default() },
        ]
    };
    methods.into_iter().flat_map(of).collect()
}

/// Points of a window for each wanted one, below which the window is scanned.
const SCANNED: usize = 2048;

/// Fails unless the map gives the points of the full series in windows between `low` and `high`, and many of them go
/// through it.
///
/// The decoy is the map of files of the same lengths, in which y is the same everywhere: with it other points are chosen, unless the window
/// is scanned.
fn check_windows(series: &Series, (map, decoy): (&ZoneMap, &ZoneMap), (low, high): (f64, f64), what: &str) {
    let (mut noise, mut choice) = (Noise(7), Noise(11));
    let mut through_the_map = 0;
    let requests = requests();
    let mut place = || Bound::Float((low + (high - low) * (noise.unit() * 0.6 + 0.5)).round());
    for round in 0..24 {
        let (mut from, mut to) = (Some(place()), Some(place()));
        match round % 6 {
            0 => (from, to) = (None, None),
            1 => from = None,
            2 => to = None,
            _ => {}
        }
        let window = Window { from, to };
        let (n, request) = ([3, 5, 57][choice.below(3)], &requests[choice.below(requests.len())]);
        let found = series.choose_with(map, request, &window, n).unwrap();
        let wanted = series.choose(request, &window, n).unwrap();
        assert_eq!(found, wanted, "{what}: {window:?}, {n} by {request:?}");
        let is_scanned = series.choose_with(decoy, request, &window, n).is_ok_and(|found| found == wanted);
        assert!(is_scanned || wanted.window.len() / n >= SCANNED, "{what}: {window:?}, {n} by {request:?}");
        through_the_map += usize::from(!is_scanned);
    }
    assert!(through_the_map >= 4, "only {through_the_map} windows of {what} went through the map");
}

/// As long as an array and of its type, but everywhere the first number that is not null.
fn flat(array: &ArrayRef) -> ArrayRef {
    let first = (0..array.len()).find(|&row| array.is_valid(row)).unwrap() as u64;
    let rows = UInt64Array::from(vec![first; array.len()]);
    arrow_select::take::take(array, &rows, None).unwrap()
}

fn open(paths: &[PathBuf], x: Option<&str>) -> Series {
    Series::open(paths, x, Some("flux")).unwrap()
}

fn build(series: &Series) -> ZoneMap {
    ZoneMap::build(series, &Control::none()).unwrap()
}

#[test]
fn every_format_gives_the_points_of_the_whole_series() {
    let folder = Folder::new();
    let (time, flux) = wave(150_000, 3);
    let span = (time[0], time[149_999]);
    let whole = batch(vec![("time", float(time.clone())), ("flux", float(flux.clone()))]);
    let parts = [0..60_000, 60_000..60_010, 60_010..150_000];
    let paths = |ending: &str| (0..3).map(|n| folder.at(&format!("{n}.{ending}"))).collect::<Vec<_>>();
    let (flats, ones) = (Folder::new(), vec![1.0; flux.len()]);
    let decoys = |ending: &str| (0..3).map(|n| flats.at(&format!("{n}.{ending}"))).collect::<Vec<_>>();
    for (n, rows) in parts.into_iter().enumerate() {
        let part = whole.slice(rows.start, rows.len());
        let small = || properties().set_data_page_row_count_limit(3000).build();
        let flat = batch(vec![("time", part.column(0).clone()), ("flux", flat(part.column(1)))]);
        for (part, paths, flux) in [
            (part, &paths as &dyn Fn(&str) -> Vec<PathBuf>, &flux),
            (flat, &decoys as &dyn Fn(&str) -> Vec<PathBuf>, &ones),
        ] {
            write_parquet(&paths("parquet")[n], &part, small());
            write_fits(&paths("fits")[n], &part);
            write_csv(&paths("csv")[n], &part);
            write_f32(&paths("f32")[n], &flux[rows.clone()]);
            write_npy(&paths("npy")[n], &flux[rows.clone()]);
        }
    }
    write_npy(&folder.at("time.npy"), &time);
    for format in ["parquet", "csv", "fits", "npy", "f32"] {
        let x = folder.at("time.npy");
        let x = if matches!(format, "npy" | "f32") { x.to_str() } else { Some("time") };
        for (x, span) in [(x, span), (None, (0.0, 150_000.0))] {
            let series = open(&paths(format), x);
            let made = build(&series);
            let path = folder.at("series.zonemap");
            let len = made.save(&path).unwrap();
            let map = ZoneMap::open(&path, &series).unwrap();
            assert_eq!(map.points(), 150_000);
            assert_eq!(map.missing(), flux.iter().filter(|flux| flux.is_nan()).count());
            let bytes = if format == "f32" { 4 } else { 8 } + if x.is_some() { 8 } else { 0 };
            assert!((len as f64) < 150_000.0 * f64::from(bytes) * 0.005 + 1000.0, "{len} bytes of {format}");
            let decoy = build(&open(&decoys(format), x));
            check_windows(&series, (&map, &decoy), span, &format!("{format} {}", x.is_some()));
        }
    }
}

#[test]
#[allow(unsafe_code, reason = "a file is mapped")]
fn mapped_arrays_give_the_points_of_those_that_are_read() {
    let folder = Folder::new();
    let (time, flux) = wave(80_000, 12);
    let paths = [folder.at("a.f32"), folder.at("b.f32")];
    write_f32(&paths[0], &flux[..30_000]);
    write_f32(&paths[1], &flux[30_000..]);
    let flats = [folder.at("flat-a.f32"), folder.at("flat-b.f32")];
    write_f32(&flats[0], &[1.0; 30_000]);
    write_f32(&flats[1], &[1.0; 50_000]);
    write_npy(&folder.at("time.npy"), &time);
    let x = folder.at("time.npy");
    for (x, span) in [(x.to_str(), (time[0], time[79_999])), (None, (0.0, 80_000.0))] {
        let read = open(&paths, x);
        // SAFETY: nobody else knows the files.
        let mapped = unsafe { Series::open_mapped(&paths, x, Some("flux")) }.unwrap();
        let map = build(&mapped);
        map.save(folder.at("a.zonemap")).unwrap();
        assert!(ZoneMap::open(folder.at("a.zonemap"), &read).is_ok());
        let decoy = build(&open(&flats, x));
        check_windows(&mapped, (&map, &decoy), span, "mapped");
        check_windows(&read, (&map, &decoy), span, "read");
    }
}

/// Makes a series of several row groups, written as `properties` say, and compares windows of it.
fn check_parquet(what: &str, properties: WriterProperties, x: ArrayRef, y: ArrayRef, span: (f64, f64)) {
    let nullable = y.null_count() > 0;
    check_file(what, properties, (x, y), nullable, span);
}

fn check_file(
    what: &str,
    properties: WriterProperties,
    (x, y): (ArrayRef, ArrayRef),
    nullable: bool,
    span: (f64, f64),
) {
    let folder = Folder::new();
    let flags = || float((0..x.len()).map(|row| (row % 3) as f64));
    let write = |name: &str, y: ArrayRef, properties: WriterProperties| {
        let columns = [("flag", flags(), false), ("flux", y, nullable), ("time", x.clone(), nullable)];
        let whole = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        write_parquet(&folder.at(name), &whole, properties);
        open(&[folder.at(name)], Some("time"))
    };
    let decoy = build(&write("flat.parquet", flat(&y), support::properties().build()));
    let series = write("a.parquet", y, properties);
    check_windows(&series, (&build(&series), &decoy), span, what);
}

#[test]
fn pages_are_found_however_the_file_was_written() {
    let rows = 60_000_i64;
    let x = || -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from_iter_values((0..rows).map(|n| (1 << 60) + n * 7)))
    };
    let y = || -> ArrayRef {
        let mut noise = Noise(5);
        let value =
            |n: i64| (noise.below(19) != 0).then(|| ((n % 977) as f32 * 0.25).round() + (n / 500) as f32);
        Arc::new((0..rows).map(value).collect::<Float32Array>())
    };
    let span = ((1_i64 << 60) as f64, ((1_i64 << 60) + rows * 7) as f64);
    let small = || {
        properties()
            .set_max_row_group_row_count(Some(25_000))
            .set_data_page_row_count_limit(2000)
            .set_write_batch_size(500)
    };
    let without_index =
        || small().set_offset_index_disabled(true).set_statistics_enabled(EnabledStatistics::None);
    let check = |what: &str, properties: WriterProperties| check_parquet(what, properties, x(), y(), span);
    check("dictionaries and an index", small().build());
    check("dictionaries without index", without_index().build());
    check("plain without index", without_index().set_dictionary_enabled(false).build());
    check("version 2", small().set_writer_version(WriterVersion::PARQUET_2_0).build());
    check("version 2 without index", without_index().set_writer_version(WriterVersion::PARQUET_2_0).build());
    let overflowing = without_index().set_dictionary_page_size_limit(3000);
    check("a dictionary that overflows", overflowing.build());
    let plain = || small().set_dictionary_enabled(false);
    check("delta", plain().set_column_encoding("time".into(), Encoding::DELTA_BINARY_PACKED).build());
    check("split streams", plain().set_column_encoding("flux".into(), Encoding::BYTE_STREAM_SPLIT).build());
    for compression in [
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
    ] {
        check(&format!("{compression}"), without_index().set_compression(compression).build());
    }
    // Without dictionary, values lie in the pages as they are: behind levels, if there may be nulls, and packed or not.
    let full = || -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(
            (0..rows).map(|n| ((n * n) % 1013) as f32 + (n / 500) as f32),
        ))
    };
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
            for nullable in [false, true] {
                let written = plain().set_writer_version(version).set_compression(compression).build();
                let what = format!("as it is, {version:?} {compression} {nullable}");
                check_file(&what, written, (x(), full()), nullable, span);
            }
            check(&format!("some missing, {version:?} {compression}"), {
                plain().set_writer_version(version).set_compression(compression).build()
            });
        }
    }
}

#[test]
fn columns_of_any_number_are_read_from_pages() {
    let numbers = || 0..40_000_u64;
    let small = |dictionary| {
        let small = properties().set_data_page_row_count_limit(1500).set_write_batch_size(500);
        small.set_dictionary_enabled(dictionary).build()
    };
    let ys: [ArrayRef; 3] = [
        Arc::new(Float64Array::from_iter_values(numbers().map(|n| (n % 711 + n / 50) as f64))),
        Arc::new(UInt16Array::from_iter_values(numbers().map(|n| (n * n % 60_013) as u16))),
        Arc::new(Int32Array::from_iter(
            numbers().map(|n| (n % 17 != 3).then_some((n % 1013 + n / 50) as i32 - 500)),
        )),
    ];
    let xs: [(ArrayRef, f64); 4] = [
        (Arc::new(Int32Array::from_iter_values(numbers().map(|n| n as i32 - 20_000))), -20_000.0),
        (
            Arc::new(arrow_array::UInt32Array::from_iter_values(
                numbers().map(|n| u32::MAX - 40_000 + n as u32),
            )),
            u32::MAX as f64 - 40_000.0,
        ),
        (Arc::new(Float32Array::from_iter_values(numbers().map(|n| n as f32))), 0.0),
        (
            Arc::new(UInt64Array::from_iter_values(numbers().map(|n| (1 << 63) + n * 4096))),
            9.223372036854776e18,
        ),
    ];
    for (x, start) in xs {
        for y in &ys {
            let what = format!("{} over {}", y.data_type(), x.data_type());
            let step = if start > 1e18 { 4096.0 } else { 1.0 };
            for dictionary in [true, false] {
                let span = (start, start + 40_000.0 * step);
                check_parquet(&what, small(dictionary), x.clone(), y.clone(), span);
            }
        }
    }
}

#[test]
fn a_window_at_the_edge_of_missing_blocks_is_the_same() {
    let folder = Folder::new();
    let (time, mut flux) = wave(40_000, 9);
    flux[5000..12_000].fill(f64::NAN);
    flux[30_000..].fill(f64::NAN);
    let whole = batch(vec![("time", float(time.clone())), ("flux", float(flux))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    let series = open(&[folder.at("a.parquet")], Some("time"));
    let map = build(&series);
    let mut long = 0;
    for (from, to) in
        [(4990, 12_010), (5000, 11_999), (6000, 7000), (0, 7000), (11_000, 39_999), (31_000, 39_000)]
    {
        let window = Window { from: Some(time[from].into()), to: Some(time[to].into()) };
        for (n, request) in
            [2, 3, 50].into_iter().flat_map(|n| requests().into_iter().map(move |request| (n, request)))
        {
            let found = series.choose_with(&map, &request, &window, n).unwrap();
            assert_eq!(found, series.choose(&request, &window, n).unwrap(), "{from}..={to} {n} {request:?}");
            long += usize::from(found.window.len() / n >= SCANNED);
        }
    }
    assert_eq!(long, 60, "so many go through the map");
}

/// A series of two files with its map.
fn two_files() -> (Folder, [PathBuf; 2], PathBuf) {
    let folder = Folder::new();
    let whole = of_many_types(5000);
    let paths = [folder.at("a.parquet"), folder.at("b.parquet")];
    write_parquet(&paths[0], &whole.slice(0, 3000), properties().build());
    write_parquet(&paths[1], &whole.slice(3000, 2000), properties().build());
    let path = folder.at("series.zonemap");
    build(&open(&paths, Some("time"))).save(&path).unwrap();
    (folder, paths, path)
}

fn message(result: Result<ZoneMap, Error>, folder: &Folder) -> String {
    let error = result.err().expect("it should be refused").to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_file_that_changed_makes_the_map_stale() {
    let (folder, paths, path) = two_files();
    let series = || open(&paths, Some("time"));
    let stale = || match ZoneMap::open(&path, &series()) {
        Err(Error::Stale { path, change }) => {
            assert_eq!(path, paths[1]);
            change
        }
        Err(other) => panic!("{other}"),
        Ok(_) => "fresh".to_string(),
    };
    assert_eq!(stale(), "fresh");
    let bytes = fs::read(&paths[1]).unwrap();
    let modified = fs::metadata(&paths[1]).unwrap().modified().unwrap();
    let write = |bytes: &[u8], later: u64| {
        fs::write(&paths[1], bytes).unwrap();
        let file = fs::File::options().write(true).open(&paths[1]).unwrap();
        file.set_modified(modified + std::time::Duration::from_secs(later)).unwrap();
    };
    write(&bytes, 0);
    assert_eq!(stale(), "fresh");
    write(&bytes, 1);
    assert_eq!(stale(), "was written again");
    // The same length and time, but another byte in a page.
    let mut other = bytes.clone();
    other[100] ^= 1;
    write(&other, 0);
    assert_eq!(stale(), "has changed");
    let whole = of_many_types(5000);
    write_parquet(&paths[1], &whole.slice(3000, 1000), properties().build());
    assert!(stale().starts_with("went from "), "{}", stale());
    drop(folder);
}

#[test]
fn maps_that_are_damaged_or_of_others_are_refused() {
    let (folder, paths, path) = two_files();
    let series = open(&paths, Some("time"));
    let bytes = fs::read(&path).unwrap();
    let check = |bytes: &[u8], wanted: &str| {
        fs::write(&path, bytes).unwrap();
        let error = message(ZoneMap::open(&path, &series), &folder);
        assert!(error.starts_with("series.zonemap, ") && error.contains(wanted), "{error}");
    };
    for at in (0..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        check(&flipped, "this is no usable zone map: ");
        check(&bytes[..at], "this is no usable zone map: ");
    }
    let mut newer = bytes.clone();
    newer[8] += 1;
    check(&newer, "its version is 2, this program knows 1; make it anew with `ur zonemap`");
    check(b"time,flux\n", "it begins with \"time,flu\", expected \"urzonmap\"");
    fs::write(&path, &bytes).unwrap();

    let other = open(&paths, None);
    assert_eq!(
        message(ZoneMap::open(&path, &other), &folder),
        "series.zonemap, it is the zone map of flux (Float32) over time (Timestamp(ns, \"UTC\")), not of flux (Float32) over \
         the row number; make one of these with `ur zonemap`"
    );
    let shorter = open(&paths[..1], Some("time"));
    let error = message(ZoneMap::open(&path, &shorter), &folder);
    assert_eq!(
        error,
        "series.zonemap, it is the zone map of a.parquet, b.parquet, not of a.parquet; make one of these with `ur zonemap`"
    );
    let map = ZoneMap::open(&path, &series).unwrap();
    let wrong = shorter.choose_with(&map, &Downsample::default(), &Window::default(), 9);
    assert!(matches!(wrong, Err(Error::OtherSeries { .. })));
    assert!(
        ZoneMap::open(folder.at("none.zonemap"), &series)
            .err()
            .unwrap()
            .to_string()
            .contains("cannot read it")
    );
}

#[test]
fn a_map_moves_with_its_files() {
    let (folder, _, _) = two_files();
    let elsewhere = Folder::new();
    for name in folder.names() {
        fs::rename(folder.at(&name), elsewhere.at(&name)).unwrap();
    }
    let series = open(&[elsewhere.at("a.parquet"), elsewhere.at("b.parquet")], Some("time"));
    assert!(ZoneMap::open(elsewhere.at("series.zonemap"), &series).is_ok());
    fs::create_dir(elsewhere.at("maps")).unwrap();
    build(&series).save(elsewhere.at("maps/series.zonemap")).unwrap();
    assert!(ZoneMap::open(elsewhere.at("maps/series.zonemap"), &series).is_ok());
}

#[test]
fn paths_that_are_no_text_are_remembered_to_the_byte() {
    let folder = Folder::new();
    let odd = folder.path().join(OsStr::from_bytes(b"f\xfcr \xff"));
    fs::create_dir(&odd).unwrap();
    // Written with one stand-in for what is no text, these would be one file.
    let paths = [b"1\xe9.parquet", b"1\xe8.parquet"].map(|name| odd.join(OsStr::from_bytes(name)));
    let whole = of_many_types(5000);
    write_parquet(&paths[0], &whole.slice(0, 3000), properties().build());
    write_parquet(&paths[1], &whole.slice(3000, 2000), properties().build());
    let series = open(&paths, Some("time"));
    for map in [odd.join(OsStr::from_bytes(b"\xfe.zonemap")), folder.at("a.zonemap")] {
        build(&series).save(&map).unwrap();
        let opened = ZoneMap::open(&map, &series).unwrap();
        assert_eq!(opened.points(), 5000);
        fs::write(paths[1].with_extension("copy"), fs::read(&paths[1]).unwrap()).unwrap();
        let other = open(&[paths[0].clone(), paths[1].with_extension("copy")], Some("time"));
        assert!(matches!(ZoneMap::open(&map, &other), Err(Error::InFile { source, .. })
            if matches!(*source, Error::OtherSeries { .. })));
    }
}

#[test]
fn choosing_with_a_map_stops_when_asked() {
    let folder = Folder::new();
    let (time, flux) = wave(30_000, 5);
    let whole = batch(vec![("time", float(time)), ("flux", float(flux.clone()))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_csv(&folder.at("a.csv"), &whole);
    write_fits(&folder.at("a.fits"), &whole);
    write_npy(&folder.at("flux.npy"), &flux);
    for (name, x) in
        [("a.parquet", Some("time")), ("a.csv", Some("time")), ("a.fits", None), ("flux.npy", None)]
    {
        let series = open(&[folder.at(name)], x);
        let map = build(&series);
        for request in requests() {
            // Through the map, and by a scan of what is read.
            for n in [5, 100] {
                let choose = |stop: bool| {
                    let control = Control { progress: &|_, _| {}, stop: &AtomicBool::new(stop) };
                    series.choose_with_watched(&map, &request, &Window::default(), n, &control)
                };
                assert!(matches!(choose(true), Err(Error::Interrupted)), "{name} {n} {request:?}");
                let wanted = series.choose(&request, &Window::default(), n).unwrap();
                assert_eq!(choose(false).unwrap(), wanted, "{name} {n} {request:?}");
            }
        }
    }
}

#[test]
fn several_threads_read_pages_of_their_own() {
    let folder = Folder::new();
    let (time, flux) = wave(1_300_000, 21);
    let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
    let paths = [folder.at("a.parquet"), folder.at("b.parquet")];
    let plain = || properties().set_dictionary_enabled(false);
    for properties in [plain(), plain().set_compression(Compression::SNAPPY)] {
        let properties = properties.set_data_page_row_count_limit(20_000).build();
        write_parquet(&paths[0], &whole.slice(0, 600_000), properties.clone());
        write_parquet(&paths[1], &whole.slice(600_000, 700_000), properties);
        let series = open(&paths, Some("time"));
        let map = build(&series);
        for method in [Method::Lttb, Method::MinMax, Method::M4] {
            let one = Downsample { method, threads: 1, ..Downsample::default() };
            let wanted = series.choose(&one, &Window::default(), 100).unwrap();
            for threads in [1, 3] {
                let request = Downsample { threads, ..one };
                let found = series.choose_with(&map, &request, &Window::default(), 100).unwrap();
                assert_eq!(found.chosen.indices, wanted.chosen.indices, "{request:?}");
            }
        }
        // The second file is cut short while it is open: whoever meets it, it is named.
        let bytes = fs::read(&paths[1]).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&paths[1]).unwrap();
        file.set_len(bytes.len() as u64 / 2).unwrap();
        for threads in [1, 3] {
            let request = Downsample { threads, ..Downsample::default() };
            let error = series.choose_with(&map, &request, &Window::default(), 100).unwrap_err().to_string();
            assert!(error.contains("b.parquet"), "{error}");
        }
    }
}

#[test]
fn building_stops_when_asked_and_names_what_is_out_of_order() {
    let (folder, paths, path) = two_files();
    let series = open(&paths, Some("time"));
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |done, all| seen.lock().unwrap().push((done, all));
    let stop = AtomicBool::new(false);
    let map = ZoneMap::build(&series, &Control { progress: &progress, stop: &stop }).unwrap();
    let bytes = fs::read(&path).unwrap();
    map.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "two builds give the same bytes");
    assert_eq!(seen.lock().unwrap().iter().max(), Some(&(5000, 5000)));
    let stopped = ZoneMap::build(&series, &Control { progress: &|_, _| {}, stop: &AtomicBool::new(true) });
    assert_eq!(message(stopped, &folder), "interrupted; nothing was written");

    let swapped = open(&[paths[1].clone(), paths[0].clone()], Some("time"));
    let error = message(ZoneMap::build(&swapped, &Control::none()), &folder);
    let wanted = "a.parquet, row 0 (counted from 0), column time: 2023-11-14T22:13:20Z comes after \
                  2023-11-14T23:36:39.000004999Z, the last of b.parquet; give this file before b.parquet, or sort them \
                  together if they overlap";
    assert_eq!(error, wanted);
    let request = Downsample::default();
    assert_eq!(swapped.choose(&request, &Window::default(), 9).unwrap_err().to_string(), {
        wanted
            .replace("a.parquet", paths[0].to_str().unwrap())
            .replace("b.parquet", paths[1].to_str().unwrap())
    });
}

#[test]
fn series_without_rows_or_without_points_have_maps() {
    let folder = Folder::new();
    let write = |name: &str, flux: &[f64]| {
        let time = float((0..flux.len()).map(|n| n as f64));
        let whole: RecordBatch = batch(vec![("time", time), ("flux", float(flux.iter().copied()))]);
        write_parquet(&folder.at(name), &whole, properties().build());
    };
    write("none.parquet", &[]);
    write("nan.parquet", &[f64::NAN; 3000]);
    for name in ["none.parquet", "nan.parquet"] {
        for x in [Some("time"), None] {
            let series = open(&[folder.at(name)], x);
            let map = build(&series);
            map.save(folder.at("a.zonemap")).unwrap();
            let map = ZoneMap::open(folder.at("a.zonemap"), &series).unwrap();
            for window in [Window::default(), Window { from: Some(5.0.into()), to: Some(2000.0.into()) }] {
                for request in requests() {
                    let found = series.choose_with(&map, &request, &window, 9).unwrap();
                    assert_eq!(found, series.choose(&request, &window, 9).unwrap(), "{name}");
                    assert!(found.chosen.indices.is_empty());
                }
            }
        }
    }
}

/// The rows from the first point of a window that is there to the last one, and the points chosen of them.
fn of_the_scan(time: &[f64], flux: &[f64], (from, to): (f64, f64), request: &Downsample, n: usize) -> Found {
    let inside = |&row: &usize| flux[row].is_finite() && time[row] >= from && time[row] <= to;
    let first = (0..time.len()).find(inside);
    let last = (0..time.len()).rfind(inside);
    let (Some(first), Some(last)) = (first, last) else { return Found::default() };
    let window = first..last + 1;
    let mut chosen = request.choose(&time[window.clone()], &flux[window.clone()], n).unwrap();
    chosen.indices.iter_mut().for_each(|index| *index += first);
    Found { chosen, window }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Partitions of any lengths, windows between any points or beyond them, by any method.
    #[test]
    fn windows_of_any_partitions_are_those_of_the_scan_of_all_points(
        lengths in prop::collection::vec(prop_oneof![Just(0), 1_usize..40, 1000_usize..30_000], 1..5),
        seed in any::<u64>(),
        windows in prop::collection::vec((-0.1..1.1_f64, -0.1..1.1_f64, 3_usize..30, 0_usize..12), 6),
        holes in prop::collection::vec((0.0..1.0_f64, 0_usize..5000), 0..4),
        page in 200_usize..5000,
        in_arrays in any::<bool>(),
    ) {
        let folder = Folder::new();
        let rows: usize = lengths.iter().sum();
        let (time, mut flux) = wave(rows, seed);
        for (place, len) in holes {
            let start = (place * rows as f64) as usize;
            flux[start..rows.min(start + len)].fill(f64::NAN);
        }
        let mut first = 0;
        let mut paths = Vec::new();
        for (n, len) in lengths.into_iter().enumerate() {
            let part = first..first + len;
            first = part.end;
            let path = folder.at(&format!("{n}.{}", if in_arrays { "npy" } else { "parquet" }));
            if in_arrays {
                write_npy(&path, &flux[part]);
            } else {
                let columns = vec![("time", float(time[part.clone()].to_vec())), ("flux", float(flux[part].to_vec()))];
                let small = properties().set_data_page_row_count_limit(page).set_write_batch_size(100);
                write_parquet(&path, &batch(columns), small.set_max_row_group_row_count(Some(3 * page)).build());
            }
            paths.push(path);
        }
        write_npy(&folder.at("time.npy"), &time);
        let array = folder.at("time.npy");
        let series = open(&paths, if in_arrays { array.to_str() } else { Some("time") });
        let map = build(&series);
        let (low, high) = (time.first().copied().unwrap_or(0.0), time.last().copied().unwrap_or(1.0));
        for (from, to, n, request) in windows {
            let bounds = (low + from * (high - low), low + to * (high - low));
            let window = Window { from: Some(bounds.0.into()), to: Some(bounds.1.into()) };
            let request = requests()[request];
            let wanted = of_the_scan(&time, &flux, bounds, &request, n);
            for found in [series.choose_with(&map, &request, &window, n), series.choose(&request, &window, n)] {
                let found = found.unwrap();
                prop_assert_eq!(&found, &wanted, "{:?} by {:?}", bounds, request);
            }
        }
    }
}

#[test]
fn a_series_that_grew_is_told_from_one_of_other_files() {
    let (folder, paths, path) = two_files();
    let third = folder.at("c.parquet");
    fs::copy(&paths[1], &third).unwrap();
    let grown = open(&[paths[0].clone(), paths[1].clone(), third.clone()], Some("time"));
    assert_eq!(
        message(ZoneMap::open(&path, &grown), &folder),
        "a.zonemap, it is the zone map of the first 2 of these 3 files; make it anew with `ur zonemap`"
            .replace("a.zonemap", path.file_name().unwrap().to_str().unwrap())
    );
    let other = open(&[paths[0].clone(), third, paths[1].clone()], Some("time"));
    assert!(
        message(ZoneMap::open(&path, &other), &folder)
            .contains("it is the zone map of a.parquet, b.parquet, not")
    );
}

#[test]
fn files_that_join_out_of_order_are_told_by_the_first_point_that_is_there() {
    let folder = Folder::new();
    let paths = [folder.at("a.csv"), folder.at("b.csv")];
    fs::write(&paths[0], "time,flux\n1,1\n5,1\n").unwrap();
    fs::write(&paths[1], "time,flux\n2,\n3,1\n4,1\n").unwrap();
    let series = open(&paths, Some("time"));
    let wanted = "b.csv, line 3, column time: 3 comes after 5, the last of a.csv; give this file before a.csv, or sort \
                  them together if they overlap";
    assert_eq!(message(ZoneMap::build(&series, &Control::none()), &folder), wanted);
    let error = series.choose(&Downsample::default(), &Window::default(), 2).unwrap_err().to_string();
    assert_eq!(error.replace(&format!("{}/", folder.path().display()), ""), wanted);
}
