//! A cube holds its frames, whatever the order, the memory and the threads.

use std::fs;
use std::sync::atomic::AtomicBool;

use uranometria_cube::fs::{Control, Options, Progress, Stage};
use uranometria_cube::{Cell, Error, Product};
use uranometria_simulate::SectorOptions;

use crate::support::{Frames, assert_pixels, bits, build, hdus, hidden, line_of, open, options, verify};

#[test]
fn every_pixel_of_a_cube_is_that_of_its_frame() {
    let check = |change: fn(&mut SectorOptions)| {
        let frames = Frames::new(change);
        let cube = frames.cube("cube.fits");
        assert_pixels(&cube, &frames.planes());
        let verified = verify(&cube, &frames.paths);
        assert_eq!((verified.differences, verified.checksums), (0, 3), "{:?}", verified.examples);
        assert!(hidden(frames.folder.path()).is_empty());
    };
    check(|_| ());
    check(|options| options.frames = 1);
    check(|options| (options.columns, options.rows, options.frames) = (1, 1, 17));
    check(|options| (options.columns, options.rows, options.frames) = (300, 211, 9));
    check(|options| options.bad.all_zero = vec![0, 3]);
}

#[test]
fn the_table_holds_the_header_of_every_frame() {
    let frames = Frames::new(|options| options.bad.flagged = vec![(2, 5), (7, 1 << 20)]);
    let cube = open(&frames.cube("cube.fits"));
    assert_eq!(cube.product(), Product::Spoc);
    assert_eq!(cube.quality(), [0, 0, 5, 0, 0, 0, 0, 1 << 20]);
    for (row, path) in frames.paths.iter().enumerate() {
        let header = hdus(path).swap_remove(1).header;
        for card in header.cards() {
            if let Some(value) = &card.value {
                assert_eq!(cube.frames().cell(row, &card.keyword), Cell::from(value), "{}", card.keyword);
            }
        }
        let times = frames.sector.times(row);
        let (start, stop) = (times.start_btjd, times.stop_btjd);
        assert!((cube.times()[row] - (start + stop) / 2.0).abs() < 1e-9);
        assert_eq!(cube.file_names()[row], path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn the_primary_header_tells_of_first_and_last_frame() {
    let frames = Frames::new(|_| ());
    let primary = hdus(&frames.cube("cube.fits")).swap_remove(0).header;
    let last = hdus(&frames.paths[7]).swap_remove(1).header;
    let first = hdus(&frames.paths[0]).swap_remove(1).header;
    assert_eq!(primary.number("TSTART"), first.number("TSTART"));
    assert_eq!(primary.number("TSTOP"), last.number("TSTOP"));
    assert_eq!(primary.text("DATE-OBS"), first.text("DATE-OBS"));
    assert_eq!(primary.text("DATE-END"), last.text("DATE-END"));
    let numbers = ["SECTOR", "CAMERA", "CCD"].map(|keyword| primary.integer(keyword));
    assert_eq!(numbers, [Some(1), Some(4), Some(2)]);
    assert_eq!(primary.text("TELESCOP"), Some("TESS"));
}

#[test]
fn the_order_of_the_arguments_does_not_matter() {
    let frames = Frames::new(|_| ());
    let wanted = fs::read(frames.cube("a.fits")).unwrap();
    let mut paths = frames.paths.clone();
    for turn in [1, 3, 5] {
        paths.rotate_left(turn);
        paths.swap(0, 4);
        let out = frames.at("b.fits");
        build(&out, &paths, &options()).unwrap();
        assert!(fs::read(&out).unwrap() == wanted, "{paths:?}");
    }
}

#[test]
fn little_memory_and_many_threads_give_the_same_bytes() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (210, 170));
    let wanted = fs::read(frames.cube("a.fits")).unwrap();
    let least = (32 << 20) + 8 * (28 << 10);
    for (memory, threads) in
        [(least + 400, 1), (least + 100_000, 3), (40 << 20, 2), (1 << 30, 1), (1 << 34, 7)]
    {
        let out = frames.at("b.fits");
        build(&out, &frames.paths, &Options { memory, threads, ..options() }).unwrap();
        assert!(fs::read(&out).unwrap() == wanted, "memory {memory}, threads {threads}");
    }
}

#[test]
fn memory_below_one_series_is_refused_with_what_is_needed() {
    let frames = Frames::new(|_| ());
    let out = frames.at("cube.fits");
    let little = Options { memory: 1 << 20, ..options() };
    let error = build(&out, &frames.paths, &little).unwrap_err().to_string();
    assert!(error.starts_with("--memory 1048576 is too little for 8 frames: at least "), "{error}");
    let wanted = error.split(' ').rev().nth(3).unwrap().parse().unwrap();
    build(&out, &frames.paths, &Options { memory: wanted, ..options() }).unwrap();
}

#[test]
fn frames_without_coordinates_take_the_template_of_one_that_has_them() {
    let frames = Frames::new(|options| options.bad.without_wcs = vec![0, 1, 4]);
    let path = frames.cube("cube.fits");
    assert_pixels(&path, &frames.planes());
    assert_eq!(verify(&path, &frames.paths).differences, 0);
    let cube = open(&path);
    // Frame 4 is in the middle; of its two neighbours the later one counts.
    assert_eq!(cube.wcs().unwrap().frame, 5);
    let (_, numbers) = cube.wcs_of_frames();
    let without: Vec<usize> = (0..8).filter(|frame| numbers[*frame].is_none()).collect();
    assert_eq!(without, [0, 1, 4]);
}

#[test]
fn a_cube_in_which_no_frame_has_coordinates_says_so() {
    let frames = Frames::new(|options| options.bad.without_wcs = (0..8).collect());
    let path = frames.cube("cube.fits");
    assert_eq!(verify(&path, &frames.paths).differences, 0);
    let error = open(&path).wcs().unwrap_err().to_string();
    assert!(error.contains("cube.fits: none of the 8 frames has world coordinates"), "{error}");
}

#[test]
fn a_tica_cube_has_one_plane_and_times_at_the_spacecraft() {
    let frames = Frames::tica(|options| options.bad.flagged = vec![(1, 3)]);
    let path = frames.cube("cube.fits");
    assert_pixels(&path, &frames.planes());
    assert_eq!(verify(&path, &frames.paths).differences, 0);
    let cube = open(&path);
    assert_eq!((cube.product(), cube.layout().planes), (Product::Tica, 1));
    assert_eq!(cube.quality()[1], 3);
    assert!(cube.barycentric_corrections().iter().all(|days| *days == 0.0));
    for (path, time) in frames.paths.iter().zip(cube.times()) {
        assert_eq!(hdus(path)[0].header.number("MIDTJD"), Some(*time));
    }
    let primary = cube.primary();
    let chip = ["SECTOR", "CAMERA", "CCD"].map(|keyword| primary.integer(keyword));
    assert_eq!(chip, [Some(1), Some(4), Some(2)]);
    assert_eq!(primary.number("TSTART"), hdus(&frames.paths[0])[0].header.number("STARTTJD"));
}

#[test]
fn an_existing_cube_is_replaced_and_one_pixel_is_read_alone() {
    let frames = Frames::new(|_| ());
    let out = frames.at("cube.fits");
    build(&out, &frames.paths[..3], &options()).unwrap();
    build(&out, &frames.paths, &options()).unwrap();
    let series = open(&out).series(39, 29).unwrap();
    let planes = frames.planes();
    let wanted: Vec<f32> = planes.iter().map(|frame| frame[1][1199]).collect();
    assert_eq!(bits(&series[1]), bits(&wanted));
    assert!(open(&out).series(40, 0).is_err() && open(&out).series(0, 30).is_err());
}

#[test]
fn a_frame_is_not_replaced_by_a_cube() {
    let frames = Frames::new(|_| ());
    let before = fs::read(&frames.paths[0]).unwrap();
    // The name of the cube was forgotten, so the shell's list of frames begins with it.
    for given in [&frames.paths[1..], &frames.paths[..]] {
        let error = build(&frames.paths[0], given, &options()).unwrap_err();
        let path = match &error {
            Error::IsInput { path } | Error::Occupied { path } => path,
            other => panic!("{other}"),
        };
        assert_eq!(path, &frames.paths[0]);
    }
    assert!(fs::read(&frames.paths[0]).unwrap() == before);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn a_panic_while_pixels_are_turned_publishes_nothing() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (200, 150));
    let out = frames.at("cube.fits");
    let stop = AtomicBool::new(false);
    let progress = |progress: Progress| {
        assert!(progress.stage != Stage::Turning || progress.done < progress.total / 2, "on purpose");
    };
    let control = Control { progress: &progress, stop: &stop };
    let few = Options { threads: 1, memory: (32 << 20) + (1 << 20), ..options() };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        uranometria_cube::fs::build(&out, &frames.paths, &few, &control)
    }));
    assert!(panicked.is_err() && !out.exists());
    build(&out, &frames.paths, &options()).unwrap();
    assert_eq!(verify(&out, &frames.paths).differences, 0);
}

#[test]
fn one_odd_header_value_does_not_spoil_the_others() {
    let frames = Frames::new(|options| options.checksum = false);
    let cube = frames.cube("cube.fits");
    let (wanted, times) = (open(&cube), open(&cube).barycentric_corrections());
    for (keyword, text) in [("CRVAL1", "                 NaN"), ("BARYCORR", "'N/A     '          ")] {
        let path = &frames.paths[1];
        let mut bytes = fs::read(path).unwrap();
        let line = line_of(path, 1, keyword);
        bytes[line * 80 + 10..line * 80 + 30].copy_from_slice(text.as_bytes());
        fs::write(path, bytes).unwrap();
    }
    let odd = open(&frames.cube("odd.fits"));
    assert_eq!(odd.wcs().unwrap().wcs, wanted.wcs().unwrap().wcs);
    assert_eq!(odd.wcs_of_frames().1[1], None);
    let found = odd.barycentric_corrections();
    assert!(found[1].is_nan());
    assert_eq!((found[0], &found[2..]), (times[0], &times[2..]));
    assert_eq!(verify(&frames.at("odd.fits"), &frames.paths).differences, 0);
}
