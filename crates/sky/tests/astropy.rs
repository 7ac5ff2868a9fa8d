//! Distances, position angles and moving targets against astropy.

use std::fs;
use std::path::Path;

use uranometria_sky::{Direction, Track};

/// Lines of tests/astropy.txt: the first word and the numbers after it (none after `track`).
fn lines() -> Vec<(String, Vec<f64>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/astropy.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let numbers = |rest: &str| rest.split(' ').filter_map(|number| number.parse().ok()).collect();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(kind, rest)| match kind {
            "track" => (rest.to_owned(), Vec::new()),
            _ => (kind.to_owned(), numbers(rest)),
        })
        .collect()
}

fn at(ra_deg: f64, dec_deg: f64) -> Direction {
    Direction::from_degrees(ra_deg, dec_deg).unwrap()
}

#[test]
fn distances_and_position_angles_agree_everywhere() {
    let mut checked = 0;
    for (_, numbers) in lines().iter().filter(|line| line.0 == "pair") {
        let [ra, dec, ra2, dec2, separation, angle] = numbers[..].try_into().unwrap();
        let (here, there) = (at(ra, dec), at(ra2, dec2));
        let ours = here.separation(&there).degrees();
        assert!((ours - separation).abs() < 1e-13, "{numbers:?}: separation {ours}");
        assert!((there.separation(&here).degrees() - ours).abs() < 1e-13, "{numbers:?}");
        let ours = here.position_angle(&there).degrees();
        let off = (ours - angle + 180.0).rem_euclid(360.0) - 180.0;
        // An angle is only as good as the sides are long: compare what it moves the other end.
        let across = (off.to_radians() * separation.to_radians().sin()).to_degrees();
        assert!(across.abs() < 1e-13, "{numbers:?}: position angle {ours}");
        checked += 1;
    }
    assert!(checked >= 60);
}

fn check_track(name: &str) {
    let (mut times, mut places, mut truths) = (Vec::new(), Vec::new(), Vec::new());
    let block = lines().into_iter().skip_while(|line| line.0 != name).skip(1);
    for (kind, numbers) in block.take_while(|line| line.0 == "node" || line.0 == "truth") {
        let place = at(numbers[1], numbers[2]);
        if kind == "node" {
            times.push(numbers[0]);
            places.push(place);
        } else {
            truths.push((numbers[0], place));
        }
    }
    assert_eq!(truths.len(), 300, "{name}");
    let track = Track::new(&times, &places).unwrap();
    for (time, truth) in truths {
        let off = track.at(time).unwrap().separation(&truth).degrees();
        assert!(off < 1e-6, "{name} at {time}: {off} degrees off");
    }
}

#[test]
fn an_asteroid_is_followed_through_right_ascension_0() {
    check_track("asteroid");
}

#[test]
fn a_passage_over_the_pole_is_followed() {
    check_track("pole");
}
