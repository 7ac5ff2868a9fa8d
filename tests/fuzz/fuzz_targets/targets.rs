//! Text that people write: lists of targets, tracks, angles, and the keywords of world coordinates.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use uranometria_cutout::{Size, parse_size, read_targets, read_track};
use uranometria_sky::{Angle, Track};
use uranometria_wcs::{Keyword, Wcs, fit_stamp};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(targets) = read_targets(bytes) {
        assert!(!targets.is_empty());
        for target in &targets {
            assert!(
                (0.0..360.0).contains(&target.position.ra_deg()) && target.position.dec_deg().abs() <= 90.0
            );
        }
    }
    if let Ok(track) = read_track(bytes) {
        follow(&track);
    }
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().take(20) {
        if let Ok(angle) = line.parse::<Angle>() {
            assert!(angle.degrees().is_finite());
            let again: Angle = angle.to_string().parse().expect("what is written can be read");
            assert!((again.degrees() - angle.degrees()).abs() <= 1e-14 * angle.degrees().abs() + 1e-300);
        }
        if let Ok((columns, rows)) = parse_size(line) {
            let _ = Size::Degrees { columns, rows }.pixels(None);
        }
    }
    world(&text);
});

fn follow(track: &Track) {
    let (from, to) = track.span();
    for (time, position) in track.times().iter().zip(track.positions()) {
        assert_eq!(track.at(*time), Some(*position));
    }
    for step in 0..=16 {
        let part = f64::from(step) / 16.0;
        let time = from * (1.0 - part) + to * part;
        if from <= time && time <= to {
            assert!(track.at(time).is_some(), "no position at {time}");
        }
    }
}

/// Lines `KEYWORD=value`; X, Y, RA, DEC, COLUMNS and ROWS are what is asked.
fn world(text: &str) {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let values: HashMap<&str, &str> = lines.map(|(keyword, value)| (keyword.trim(), value.trim())).collect();
    let number = |keyword: &str| values.get(keyword).and_then(|value| value.parse::<f64>().ok());
    let lookup = |keyword: &str| {
        number(keyword)
            .map(Keyword::Number)
            .or_else(|| values.get(keyword).map(|value| Keyword::Text((*value).to_string())))
    };
    let Ok(wcs) = Wcs::from_keywords(lookup) else { return };
    let (x, y) = (number("X").unwrap_or(5.5), number("Y").unwrap_or(-3.25));
    let places = [(x, y), (0.0, 0.0), (1000.0, 1000.0), (-1e6, 1e6), (f64::NAN, f64::INFINITY)];
    for (x, y) in places {
        let (ra, dec) = wcs.pixel_to_sky(x, y);
        assert!(ra.is_nan() || (0.0..360.0).contains(&ra), "ra {ra}");
        assert!(dec.is_nan() || dec.abs() <= 90.0, "dec {dec}");
        for (ra, dec) in [(ra, dec), (number("RA").unwrap_or(0.0), number("DEC").unwrap_or(0.0))] {
            let found = [wcs.sky_to_pixel(ra, dec), wcs.sky_to_pixel_near(ra, dec, (x, y))];
            assert!(found.iter().flatten().all(|(x, y)| x.is_finite() && y.is_finite()));
        }
    }
    let side = |keyword: &str| number(keyword).unwrap_or(3.0) as usize % 40;
    for (x, y) in places {
        if let Ok(fit) = fit_stamp(&wcs, x as i64, y as i64, side("COLUMNS"), side("ROWS")) {
            assert!(fit.wcs.is_linear());
        }
    }
    let again: HashMap<String, Keyword> =
        wcs.keywords().into_iter().map(|(keyword, value, _)| (keyword, value)).collect();
    assert_eq!(Wcs::from_keywords(|keyword| again.get(keyword).cloned()).expect("it was one"), wcs);
    let _ = (wcs.pixel_scales_deg(), wcs.footprint(2136, 2078), wcs.shifted(x, y));
}
