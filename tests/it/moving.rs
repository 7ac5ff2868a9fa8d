//! Cutouts that follow a target over the chip.

use parquet::file::reader::{FileReader, SerializedFileReader};
use uranometria_cutout::fs::{Format, write};
use uranometria_cutout::{Cutter, Size, Tpf, read_track};
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Hdu, read_hdus};
use uranometria_sky::{Direction, Track};

use crate::support::{Frames, bits};

fn track(frames: &Frames, number: usize) -> Track {
    read_track(frames.sector.truth().tracks[number].to_csv().as_bytes()).unwrap()
}

fn follow(cutter: &Cutter<OpenFile>, track: &Track, side: usize) -> (Tpf, Vec<usize>) {
    let cutout = cutter.follow(track, Size::square(side)).unwrap();
    let frames = cutout.frames().collect();
    (Tpf::read(cutout.to_tpf().unwrap().as_slice()).unwrap(), frames)
}

/// A window with one bright mover and nothing else that is bright.
fn asteroid() -> Frames {
    Frames::new(|options| {
        (options.columns, options.rows, options.frames) = (160, 120, 40);
        (options.faint_per_chip, options.transients, options.movers) = (0, 0, 1);
        (options.noise, options.jitter_px, options.seed) = (false, 0.3, 5);
    })
}

#[test]
fn the_light_of_a_moving_target_stays_in_the_middle() {
    let frames = asteroid();
    let cutter = frames.cutter();
    let mover = frames.sector.truth().sources.last().unwrap();
    let (tpf, numbers) = follow(&cutter, &track(&frames, 0), 5);
    assert!(numbers.len() > 30, "the mover is on {} frames only", numbers.len());
    let mut corners = std::collections::BTreeSet::new();
    for (row, frame) in numbers.iter().enumerate() {
        let (x, y) = frames.sector.place_px(mover, *frame).unwrap();
        let (x_middle, y_middle) = ((x + 0.5).floor(), (y + 0.5).floor());
        corners.insert((x_middle as i64, y_middle as i64));
        let found = (f64::from(tpf.pos_corr1()[row]), f64::from(tpf.pos_corr2()[row]));
        let apart = (found.0 - (x - x_middle)).hypot(found.1 - (y - y_middle));
        assert!(
            apart < 0.01,
            "frame {frame}: {found:?} from the middle, truly {:?}",
            (x - x_middle, y - y_middle)
        );
        // Of the whole stamp, what stands out over the middle pixel's neighbourhood is the mover itself.
        let flux = tpf.frame(row);
        let on_frame = flux.iter().all(|value| value.is_finite());
        let peak = (0..25).max_by(|a, b| flux[*a].total_cmp(&flux[*b])).unwrap();
        let star_near = frames.sector.truth().sources.iter().any(|source| {
            let (a, b) = frames.sector.place_px(source, *frame).unwrap();
            source.id != mover.id && (a - x).hypot(b - y) < 9.0
        });
        assert!(!on_frame || star_near || peak == 12, "frame {frame}: peak at {peak}");
        let planes = &frames.planes_of(*frame..*frame + 1)[0];
        if on_frame {
            let corner = (y_middle as usize - 2) * 160 + x_middle as usize - 2;
            assert_eq!(bits(&flux[..5]), bits(&planes[0][corner..corner + 5]));
        }
    }
    assert!(corners.len() > 5, "the mover crossed {} pixels only", corners.len());
}

#[test]
fn images_and_parquet_of_a_moving_target_claim_no_stamp_for_all_frames() {
    let frames = asteroid();
    let cutter = frames.cutter();
    let cutout = cutter.follow(&track(&frames, 0), Size::square(5)).unwrap();
    let bytes = cutout.to_image().unwrap();
    let hdus = read_hdus(&bytes).unwrap();
    let remarks = |hdu: &Hdu| {
        let comments = hdu.header.cards().iter().filter(|card| card.keyword == "COMMENT");
        comments.map(|card| card.comment.clone()).collect::<String>()
    };
    for hdu in &hdus[1..3] {
        assert!(hdu.header.get("LTV1").is_none() && hdu.header.get("LTV2").is_none());
        assert!(hdu.header.number("CRVAL1").is_some());
    }
    for hdu in [&hdus[1], &hdus[2], &hdus[4]] {
        assert!(remarks(hdu).contains("Moving target"), "{}", hdu.name());
    }
    let tpf = cutout.to_tpf().unwrap();
    assert!(read_hdus(&tpf).unwrap()[1..].iter().all(|hdu| remarks(hdu).contains("Moving target")));

    let path = frames.at("moving.parquet");
    write(&cutout, Format::Parquet, &path).unwrap();
    let file = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let pairs = file.metadata().file_metadata().key_value_metadata().unwrap();
    let fact = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    assert_eq!(fact("moving").as_deref(), Some("true"));
    for key in ["corner_column", "corner_row", "aperture", "RA_OBJ", "DEC_OBJ", "CRVAL1", "CRPIX2"] {
        assert!(fact(key).is_none() && fact(&format!("middle.{key}")).is_some(), "{key}");
    }
    let row: usize = fact("middle.row").unwrap().parse().unwrap();
    let (column, line) = cutout.corners().nth(row).unwrap();
    assert_eq!(fact("middle.corner_column"), Some(column.to_string()));
    assert_eq!(fact("middle.corner_row"), Some(line.to_string()));
}

#[test]
fn frames_outside_the_track_are_left_out() {
    let frames = asteroid();
    let cutter = frames.cutter();
    let whole = track(&frames, 0);
    let part = Track::new(&whole.times()[10..20], &whole.positions()[10..20]).unwrap();
    let (tpf, numbers) = follow(&cutter, &part, 5);
    // The track is written with finitely many digits: its ends may fall just inside.
    assert!(numbers.iter().all(|frame| (10..20).contains(frame)) && numbers.len() >= 8, "{numbers:?}");
    let name = |frame: usize| frames.paths[frame].file_name().unwrap().to_str().unwrap();
    assert_eq!(tpf.ffi_file()[0], name(numbers[0]));

    let elsewhere = Track::new(&[3000.0, 3010.0], &whole.positions()[..2]).unwrap();
    let error = cutter.follow(&elsewhere, Size::square(5)).unwrap_err().to_string();
    assert!(error.starts_with("the track from 3000 to 3010 d has no point on the 40 frames"), "{error}");
}

/// Follows a straight track over a chip and compares each stamp's middle with the frame's own coordinates.
#[track_caller]
fn check_track(cutter: &Cutter<OpenFile>, points: &[(f64, f64)]) {
    let times = cutter.cube().times();
    let (first, last) = (times[0] - 1e-3, times[times.len() - 1] + 1e-3);
    let steps = points.len() as f64 - 1.0;
    let track_times: Vec<f64> =
        (0..points.len()).map(|n| first + (last - first) * n as f64 / steps).collect();
    let positions: Vec<Direction> =
        points.iter().map(|(ra, dec)| Direction::from_degrees(*ra, *dec).unwrap()).collect();
    let track = Track::new(&track_times, &positions).unwrap();
    let (tpf, numbers) = follow(cutter, &track, 3);
    assert_eq!(numbers.len(), times.len(), "the track leaves the frame");
    let (distinct, of_frame) = cutter.cube().wcs_of_frames();
    let mut xs = Vec::new();
    for frame in numbers {
        let position = track.at(times[frame]).unwrap();
        let wcs = &distinct[of_frame[frame].unwrap()];
        let (x, y) = wcs.sky_to_pixel(position.ra_deg(), position.dec_deg()).unwrap();
        let offset = (f64::from(tpf.pos_corr1()[frame]), f64::from(tpf.pos_corr2()[frame]));
        assert!(((x - (x + 0.5).floor()) - offset.0).abs() < 1e-3 && offset.1.abs() <= 0.5001);
        let series = cutter.cube().series((x + 0.5).floor() as usize, (y + 0.5).floor() as usize).unwrap();
        assert_eq!(tpf.frame(frame)[4].to_bits(), series[0][frame].to_bits(), "frame {frame}");
        xs.push((x, y));
    }
    // A straight track stays straight: no step is longer than four times the mean.
    let steps: Vec<f64> =
        xs.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).collect();
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    assert!(steps.iter().all(|step| *step < 4.0 * mean), "{steps:?}");
}

/// A sector whose coordinates are moved so that column `x`, row `y` of its frames is at a place of our choice.
fn around(ra: f64, dec: f64) -> Cutter<OpenFile> {
    let frames = Frames::new(|options| (options.columns, options.rows, options.frames) = (90, 80, 10));
    for path in &frames.paths {
        let mut bytes = std::fs::read(path).unwrap();
        for (keyword, value) in [("CRVAL1", ra), ("CRVAL2", dec), ("CRPIX1", 45.0), ("CRPIX2", 40.0)] {
            let line = crate::support::line_of(path, 1, keyword);
            let card = format!("{:80}", format!("{keyword:8}= {value:>20?}"));
            bytes[line * 80..line * 80 + 80].copy_from_slice(card.as_bytes());
        }
        std::fs::write(path, bytes).unwrap();
    }
    frames.cutter()
}

#[test]
fn a_track_crosses_right_ascension_zero_both_ways() {
    let cutter = around(0.02, 10.0);
    check_track(&cutter, &[(359.9, 9.95), (0.14, 10.05)]);
    check_track(&cutter, &[(0.14, 10.05), (359.9, 9.95)]);
    check_track(&cutter, &[(359.9, 10.0), (359.99, 10.0), (0.05, 10.0), (0.14, 10.0)]);
}

#[test]
fn a_track_crosses_a_pole() {
    check_track(&around(30.0, 89.98), &[(40.0, 89.85), (220.0, 89.9)]);
    check_track(&around(200.0, -89.99), &[(10.0, -89.9), (190.0, -89.85)]);
}
