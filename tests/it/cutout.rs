//! What a cutout holds: the pixels of the frames, where they are, and how the star moves over them.

use uranometria_cutout::{Cutter, Place, Size, Tpf};
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Header, read_hdus};
use uranometria_simulate::sector::Kind;
use uranometria_sky::Direction;

use crate::support::{Frames, bits};

fn at(x: f64, y: f64) -> Place {
    Place::Pixel { x, y }
}

fn sky(ra: f64, dec: f64) -> Place {
    Place::Sky(Direction::from_degrees(ra, dec).unwrap())
}

fn read(cutter: &Cutter<OpenFile>, place: Place, size: Size) -> Tpf {
    Tpf::read(cutter.cut(place, size).unwrap().to_tpf().unwrap().as_slice()).unwrap()
}

/// Cuts around a pixel and compares every value with the frames: NaN and aperture 0 off the edge.
#[track_caller]
fn check(
    frames: &Frames,
    cutter: &Cutter<OpenFile>,
    (x, y): (f64, f64),
    (columns, rows): (usize, usize),
    corner: (i64, i64),
) {
    let tpf = read(cutter, at(x, y), Size::Pixels { columns, rows });
    assert_eq!((tpf.columns(), tpf.rows(), tpf.frames()), (columns, rows, frames.paths.len()));
    let found_corner = (tpf.column0().unwrap() as i64 - 1, tpf.row0().unwrap() as i64 - 1);
    assert_eq!(found_corner, corner, "corner of {columns} x {rows} around {x}, {y}");
    let options = frames.sector.options();
    let (width, height) = (options.columns as i64, options.rows as i64);
    for (n, frame) in frames.planes().iter().enumerate() {
        for pixel in 0..columns * rows {
            let (column, row) = (corner.0 + (pixel % columns) as i64, corner.1 + (pixel / columns) as i64);
            let inside = (0..width).contains(&column) && (0..height).contains(&row);
            let wanted = |plane: usize| match (inside, frame.get(plane)) {
                (true, Some(plane)) => plane[(row * width + column) as usize].to_bits(),
                _ => f32::NAN.to_bits(),
            };
            assert_eq!(
                tpf.frame(n)[pixel].to_bits(),
                wanted(0),
                "flux of column {column}, row {row}, frame {n}"
            );
            assert_eq!(tpf.frame_err(n)[pixel].to_bits(), wanted(1), "error of column {column}, row {row}");
            assert_eq!(tpf.aperture()[pixel], i32::from(inside));
        }
    }
}

#[test]
fn flux_and_error_are_those_of_the_frames_bit_for_bit() {
    let frames = Frames::new(|_| ());
    let cutter = frames.cutter();
    check(&frames, &cutter, (20.0, 15.0), (5, 5), (18, 13));
    check(&frames, &cutter, (20.49, 14.51), (3, 7), (19, 12));
    check(&frames, &cutter, (7.0, 3.0), (1, 1), (7, 3));
    check(&frames, &cutter, (19.5, 14.5), (40, 30), (0, 0));
}

#[test]
fn a_cut_across_the_edge_of_the_frame_pads_with_nan() {
    let frames = Frames::new(|options| options.frames = 3);
    let cutter = frames.cutter();
    check(&frames, &cutter, (0.0, 0.0), (5, 5), (-2, -2));
    check(&frames, &cutter, (39.0, 29.0), (5, 3), (37, 28));
    check(&frames, &cutter, (-2.0, 15.0), (5, 5), (-4, 13));
    check(&frames, &cutter, (20.0, 15.0), (61, 51), (-10, -10));
}

#[test]
fn even_sizes_begin_at_the_integer_nearest_to_position_less_half_the_size() {
    let frames = Frames::new(|options| options.frames = 2);
    let cutter = frames.cutter();
    check(&frames, &cutter, (20.3, 15.0), (4, 5), (18, 13));
    check(&frames, &cutter, (20.7, 15.6), (4, 6), (19, 13));
    check(&frames, &cutter, (20.5, 15.5), (2, 2), (20, 14));
}

#[test]
fn tica_cutouts_have_no_error_and_their_own_unit() {
    let frames = Frames::tica(|options| options.bad.flagged = vec![(4, 6)]);
    let cutter = frames.cutter();
    check(&frames, &cutter, (3.0, 28.0), (7, 7), (0, 25));
    let tpf = read(&cutter, at(20.0, 15.0), Size::square(3));
    assert_eq!(tpf.flux_unit(), Some("electrons"));
    assert!(tpf.flux_err().iter().all(|error| error.is_nan()));
    assert!(tpf.timecorr().iter().all(|days| *days == 0.0));
    assert_eq!(tpf.quality(), [0, 0, 0, 0, 6, 0, 0, 0]);
}

#[test]
fn times_cadences_quality_and_names_are_those_of_the_frames() {
    let frames = Frames::new(|options| options.bad.flagged = vec![(3, 9)]);
    let cutter = frames.cutter();
    let tpf = read(&cutter, at(20.0, 15.0), Size::square(3));
    for (n, path) in frames.paths.iter().enumerate() {
        let header = crate::support::hdus(path).swap_remove(1).header;
        let number = |keyword: &str| header.number(keyword).unwrap();
        assert_eq!(tpf.time()[n], (number("TSTART") + number("TSTOP")) / 2.0);
        assert_eq!(tpf.timecorr()[n], number("BARYCORR") as f32);
        assert_eq!(i64::from(tpf.cadenceno()[n]), header.integer("FFIINDEX").unwrap());
        assert_eq!(tpf.ffi_file()[n], path.file_name().unwrap().to_str().unwrap());
        assert_eq!(tpf.quality()[n], if n == 3 { 9 } else { 0 });
    }
    assert!(tpf.cadenceno()[0] > 0 && tpf.cadenceno().is_sorted());
}

#[test]
fn collateral_pixels_of_a_whole_chip_are_marked() {
    let frames = Frames::new(|options| {
        (options.columns, options.rows, options.column0, options.row0) = (2136, 2078, 0, 0);
        (options.frames, options.faint_per_chip) = (2, 100);
    });
    let cutter = frames.cutter();
    let edge = read(&cutter, at(44.0, 2047.0), Size::square(5));
    assert_eq!(&edge.aperture()[..5], [1025, 1025, 1, 1, 1]);
    assert_eq!(&edge.aperture()[15..20], [1025; 5]);
    let edge = read(&cutter, at(2135.0, 1000.0), Size::Pixels { columns: 3, rows: 1 });
    assert_eq!(edge.aperture(), [1025, 1025, 0]);
    let edge = read(&cutter, at(2091.0, 1000.0), Size::Pixels { columns: 3, rows: 1 });
    assert_eq!(edge.aperture(), [1, 1, 1025]);
    let planes = frames.planes();
    let tpf = read(&cutter, at(1234.0, 567.0), Size::square(1));
    let wanted: Vec<f32> = planes.iter().map(|frame| frame[0][567 * 2136 + 1234]).collect();
    assert_eq!(bits(tpf.flux()), bits(&wanted));
}

#[test]
fn sizes_in_degrees_become_pixels_by_the_scale_of_the_chip() {
    let frames = Frames::new(|options| (options.frames, options.columns, options.rows) = (1, 120, 100));
    let cutter = frames.cutter();
    let [x, y] = cutter.cube().wcs().unwrap().wcs.pixel_scales_deg();
    assert!((x * 3600.0 - 21.0).abs() < 1.5 && (y * 3600.0 - 21.0).abs() < 1.5, "TESS has 21 arcsec a pixel");
    for (columns, rows) in [(11.0, 11.0), (30.4, 7.6), (0.2, 1.0)] {
        let tpf = read(&cutter, at(50.0, 50.0), Size::Degrees { columns: columns * x, rows: rows * y });
        let wanted = |pixels: f64| pixels.round().max(1.0) as usize;
        assert_eq!((tpf.columns(), tpf.rows()), (wanted(columns), wanted(rows)));
    }
}

#[test]
fn a_star_is_in_the_middle_of_its_cutout() {
    let frames = Frames::new(|options| {
        (options.columns, options.rows, options.noise) = (120, 100, false);
        options.column0 = 600;
    });
    let cutter = frames.cutter();
    let steady = [Kind::Star, Kind::Synthetic];
    let stars = frames.sector.truth().sources.iter().filter(|source| steady.contains(&source.kind));
    let mut seen = 0;
    for star in stars.filter(|star| (5.0..115.0).contains(&star.x) && (5.0..95.0).contains(&star.y)) {
        let tpf = read(&cutter, sky(star.ra_deg, star.dec_deg), Size::square(5));
        let (x, y) = frames.sector.place_px(star, 4).unwrap();
        let corner = (tpf.column0().unwrap() - 1, tpf.row0().unwrap() - 1);
        assert_eq!(corner, ((x + 0.5).floor() as i32 - 2, (y + 0.5).floor() as i32 - 2), "{}", star.id);
        let (x_again, y_again) = tpf.wcs().unwrap().sky_to_pixel(star.ra_deg, star.dec_deg).unwrap();
        let apart = (x - f64::from(corner.0) - x_again).hypot(y - f64::from(corner.1) - y_again);
        assert!(apart < 0.01, "{} lies {apart} px from where the stamp's coordinates have it", star.id);
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} stars are in the window");
}

#[test]
fn pos_corr_follows_the_jitter_of_the_pointing() {
    let frames = Frames::new(|options| {
        (options.columns, options.rows) = (120, 100);
        (options.column0, options.frames, options.jitter_px) = (600, 30, 0.4);
        options.bad.without_wcs = vec![7];
    });
    let cutter = frames.cutter();
    let truth = frames.sector.truth();
    let star = truth.sources.iter().find(|source| source.kind == Kind::Star).unwrap();
    let tpf = read(&cutter, sky(star.ra_deg, star.dec_deg), Size::square(5));
    let place = |frame| frames.sector.place_px(star, frame).unwrap();
    let reference = place(cutter.cube().wcs().unwrap().frame);
    let mut largest = 0.0_f64;
    for frame in 0..30 {
        let found = (f64::from(tpf.pos_corr1()[frame]), f64::from(tpf.pos_corr2()[frame]));
        if frame == 7 {
            assert!(found.0.is_nan() && found.1.is_nan());
            continue;
        }
        let wanted = (place(frame).0 - reference.0, place(frame).1 - reference.1);
        let apart = (found.0 - wanted.0).hypot(found.1 - wanted.1);
        assert!(apart < 0.01, "frame {frame}: {found:?}, truly {wanted:?}");
        largest = largest.max(found.0.hypot(found.1));
    }
    assert!(largest > 0.1, "the pointing hardly moved: {largest} px");
}

#[test]
fn the_quality_of_the_fit_is_told_and_true() {
    let frames = Frames::new(|options| (options.frames, options.columns, options.rows) = (3, 120, 100));
    let cutter = frames.cutter();
    let of_frame = &cutter.cube().wcs().unwrap().wcs;
    for side in [5, 21, 60] {
        let cutout = cutter.cut(at(60.0, 50.0), Size::square(side)).unwrap();
        let bytes = cutout.to_tpf().unwrap();
        let tpf = Tpf::read(bytes.as_slice()).unwrap();
        let (wcs, stamp) = (tpf.wcs().unwrap(), cutout.stamp());
        let number = |header: &Header, keyword: &str| header.number(keyword).unwrap();
        let told = number(tpf.aperture_header().unwrap(), "WCS_MSEP");
        let mut worst = 0.0_f64;
        for pixel in 0..side * side {
            let (x, y) = ((pixel % side) as f64, (pixel / side) as f64);
            let truth = of_frame.pixel_to_sky(stamp.x0 as f64 + x, stamp.y0 as f64 + y);
            let place = |(ra, dec)| Direction::from_degrees(ra, dec).unwrap();
            let apart = place(wcs.pixel_to_sky(x, y)).separation(&place(truth));
            worst = worst.max(apart.degrees());
        }
        assert!(
            told > 0.0 && (worst - told).abs() < 1e-3 * told + 1e-12,
            "{side}: told {told}, found {worst}"
        );
    }
}

#[test]
fn mapped_and_read_cubes_give_the_same_bytes() {
    #![allow(unsafe_code)]
    let frames = Frames::new(|_| ());
    let path = frames.cube("cube.fits");
    // SAFETY: the file lies in this test's own folder and nobody changes it.
    let mapped = Cutter::new(unsafe { uranometria_cube::fs::map(&path) }.unwrap());
    let read = Cutter::new(crate::support::open(&path));
    for place in [at(20.0, 15.0), at(0.0, 29.0), at(38.7, 3.2)] {
        let size = Size::Pixels { columns: 9, rows: 4 };
        let (mapped, read) = (mapped.cut(place, size).unwrap(), read.cut(place, size).unwrap());
        assert!(mapped.to_tpf().unwrap() == read.to_tpf().unwrap());
        assert!(mapped.to_image().unwrap() == read.to_image().unwrap());
    }
}

#[test]
fn many_threads_share_one_cutter() {
    let frames = Frames::new(|_| ());
    let cutter = frames.cutter();
    let cut = |n: usize| {
        let place = at((n % 40) as f64, (n % 30) as f64);
        cutter.cut(place, Size::square(1 + n % 9)).unwrap().to_tpf().unwrap()
    };
    let alone: Vec<Vec<u8>> = (0..120).map(cut).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..120).map(cut).collect::<Vec<_>>())).collect();
        for worker in workers {
            assert!(worker.join().unwrap() == alone);
        }
    });
}

#[test]
fn every_checksum_of_a_cutout_is_right() {
    let frames = Frames::new(|_| ());
    let cutter = frames.cutter();
    let cutout = cutter.cut(at(2.0, 2.0), Size::square(7)).unwrap().named("a star");
    for bytes in [cutout.to_tpf().unwrap(), cutout.to_image().unwrap()] {
        let bytes = bytes.as_slice();
        let hdus = read_hdus(&bytes).unwrap();
        assert_eq!(hdus.last().unwrap().end(), bytes.len() as u64);
        for hdu in &hdus {
            assert!(uranometria_fits::checksum::verify(&bytes, hdu).unwrap(), "HDU {} has none", hdu.index);
        }
    }
}

#[test]
fn places_off_the_frame_and_impossible_sizes_are_errors() {
    let frames = Frames::new(|_| ());
    let cutter = frames.cutter();
    let message = |place, size| cutter.cut(place, size).unwrap_err().to_string();
    let off = " is not on the frame of 40 columns and 30 rows";
    for place in
        [at(-10.0, 5.0), at(20.0, 33.0), at(f64::NAN, 3.0), at(1e300, 3.0), sky(200.0, 60.0), sky(0.0, 0.0)]
    {
        assert!(message(place, Size::square(5)).contains(off), "{}", message(place, Size::square(5)));
    }
    for size in [Size::square(0), Size::square(1_000_000), Size::Degrees { columns: -1.0, rows: 1.0 }] {
        assert!(message(at(20.0, 15.0), size).starts_with("size "), "{}", message(at(20.0, 15.0), size));
    }
    let without = Frames::new(|options| options.bad.without_wcs = (0..8).collect());
    let cutter = without.cutter();
    let error = cutter.cut(sky(85.6, -75.1), Size::square(5)).unwrap_err().to_string();
    assert!(error.contains("cut by pixel (--x, --y) instead"), "{error}");
    check(&without, &cutter, (20.0, 15.0), (5, 5), (18, 13));
}
