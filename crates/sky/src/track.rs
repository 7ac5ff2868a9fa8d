//! Positions against time: where a moving target is at any moment between those given.
//!
//! Interpolation is of unit vectors, not of angles, so right ascension may wrap and a pole may be
//! passed. Three points and more are joined by a cubic Hermite curve whose tangents are those of
//! polynomials through up to five neighbours; two points by the great circle. Nothing is
//! extrapolated: an asteroid outside its ephemeris is a mistake of the caller's, and a plausible
//! place would hide it.

use crate::{Direction, Error};

/// Positions at ascending times.
///
/// The unit and scale of time are the caller's; for TESS they are days of BTJD, TDB.
///
/// ```
/// use uranometria_sky::{Direction, Track};
///
/// let places = [Direction::from_degrees(359.5, 10.0)?, Direction::from_degrees(0.5, 10.0)?];
/// let track = Track::new(&[1354.0, 1355.0], &places)?;
/// let between = track.at(1354.5).expect("the time is between the two");
/// assert!(between.ra_deg() < 1e-12 || between.ra_deg() > 360.0 - 1e-12);
/// assert_eq!(track.at(1355.5), None);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    times: Vec<f64>,
    positions: Vec<Direction>,
    vectors: Vec<[f64; 3]>,
    /// Change of the vectors in a unit of time; empty for fewer than three points.
    tangents: Vec<[f64; 3]>,
}

impl Track {
    /// Makes a track; `positions[k]` is where the target is at `times[k]`.
    ///
    /// # Errors
    /// [`Error::TrackLength`] for no point or lengths that differ; [`Error::TrackTime`] and
    /// [`Error::Unsorted`] with the first index that is wrong; [`Error::TrackGap`] for neighbours
    /// more than 90 degrees apart.
    pub fn new(times: &[f64], positions: &[Direction]) -> Result<Self, Error> {
        if times.is_empty() || times.len() != positions.len() {
            return Err(Error::TrackLength { times: times.len(), positions: positions.len() });
        }
        if let Some(index) = times.iter().position(|time| !(time - times[0]).is_finite()) {
            return Err(Error::TrackTime { index, found: times[index] });
        }
        if let Some(k) = times.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(Error::Unsorted { index: k + 1, found: times[k + 1], before: times[k] });
        }
        for (k, pair) in positions.windows(2).enumerate() {
            let separation_deg = pair[0].separation(&pair[1]).degrees();
            if separation_deg > 90.0 {
                return Err(Error::TrackGap { index: k + 1, separation_deg });
            }
        }
        let vectors: Vec<_> = positions.iter().map(Direction::unit_vector).collect();
        let tangents = if times.len() < 3 { Vec::new() } else { tangents(times, &vectors) };
        Ok(Self { times: times.to_vec(), positions: positions.to_vec(), vectors, tangents })
    }

    /// The position at a time; exactly the one given at each of the given times.
    ///
    /// None before the first time, after the last, and for NaN.
    pub fn at(&self, time: f64) -> Option<Direction> {
        let (first, last) = self.span();
        if !(first <= time && time <= last) {
            return None;
        }
        let next = self.times.partition_point(|&node| node <= time);
        let k = next.saturating_sub(1);
        if self.times[k] == time {
            return Some(self.positions[k]);
        }
        let step = self.times[next] - self.times[k];
        let part = (time - self.times[k]) / step;
        let (from, to) = (self.vectors[k], self.vectors[next]);
        let curve = match self.tangents.get(k..=next) {
            Some(&[leaving, arriving]) => {
                hermite(from, to, scaled(leaving, step), scaled(arriving, step), part)
            }
            _ => great_circle(from, to, part),
        };
        // Tangents that hostile spacings blow up may carry the curve far from the sphere.
        let length = curve.iter().map(|value| value * value).sum::<f64>().sqrt();
        let curve = if (0.5..2.0).contains(&length) { curve } else { great_circle(from, to, part) };
        Direction::from_unit_vector(curve).ok()
    }

    /// The first and the last time.
    pub fn span(&self) -> (f64, f64) {
        (self.times[0], self.times[self.times.len() - 1])
    }

    /// The given times, ascending.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The given positions, in the order of the times.
    pub fn positions(&self) -> &[Direction] {
        &self.positions
    }
}

/// Points that a tangent is made of. A main-belt asteroid given twice a day is off by at most
/// 2.3e-6 degrees with three, near the ends of the track, and by 3.0e-9 with five.
const NEIGHBOURS: usize = 5;

/// The derivative at each point of the polynomial through it and its neighbours, five in all where
/// there are so many, off centre at the ends.
fn tangents(times: &[f64], vectors: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let count = NEIGHBOURS.min(times.len());
    let tangent = |k: usize| {
        let start = k.saturating_sub(count / 2).min(times.len() - count);
        let others = |j: usize| (start..start + count).filter(move |&m| m != j && m != k);
        // Lagrange's basis polynomial of point j, derived at point k. Its value is taken relative to
        // point k's, which drops k's own term and with it the cancellation.
        others(k).fold([0.0; 3], |sum, j| {
            let share: f64 = others(j).map(|m| (times[k] - times[m]) / (times[j] - times[m])).product();
            let change = minus(vectors[j], vectors[k]);
            plus(sum, scaled(change, share / (times[j] - times[k])))
        })
    };
    (0..times.len()).map(tangent).collect()
}

/// The cubic with these ends and these slopes over a unit interval.
fn hermite(from: [f64; 3], to: [f64; 3], leaving: [f64; 3], arriving: [f64; 3], part: f64) -> [f64; 3] {
    let rest = 1.0 - part;
    let place =
        plus(scaled(from, (1.0 + 2.0 * part) * rest * rest), scaled(to, part * part * (3.0 - 2.0 * part)));
    let bend = plus(scaled(leaving, part * rest * rest), scaled(arriving, -part * part * rest));
    plus(place, bend)
}

/// The point at an even pace on the shorter great circle. The ends are at most 90 degrees apart.
fn great_circle(from: [f64; 3], to: [f64; 3], part: f64) -> [f64; 3] {
    let chord = minus(to, from).iter().map(|value| value * value).sum::<f64>().sqrt();
    let angle = 2.0 * (chord / 2.0).min(1.0).asin();
    if angle == 0.0 {
        return from;
    }
    let sine = angle.sin();
    plus(scaled(from, ((1.0 - part) * angle).sin() / sine), scaled(to, (part * angle).sin() / sine))
}

fn plus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn scaled(a: [f64; 3], factor: f64) -> [f64; 3] {
    a.map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    #[test]
    fn given_positions_come_back_exactly() {
        let times = [0.0, 0.1, 3.0, 3.5];
        let places = [at(10.0, 89.0), at(359.9, 89.9), at(200.0, 88.0), at(201.0, 87.0)];
        let track = Track::new(&times, &places).unwrap();
        for (time, place) in times.iter().zip(places) {
            assert_eq!(track.at(*time), Some(place));
        }
        assert_eq!(track.span(), (0.0, 3.5));
    }

    #[test]
    fn nothing_is_extrapolated() {
        let track = Track::new(&[1.0, 2.0], &[at(1.0, 0.0), at(2.0, 0.0)]).unwrap();
        for time in [0.999, 2.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(track.at(time), None);
        }
        let point = Track::new(&[1.0], &[at(1.0, 0.0)]).unwrap();
        assert_eq!(point.at(1.0), Some(at(1.0, 0.0)));
        assert_eq!(point.at(1.0 + 1e-15), None);
    }

    #[test]
    fn two_points_are_joined_by_the_great_circle_at_an_even_pace() {
        let over_the_pole = Track::new(&[0.0, 10.0], &[at(30.0, 80.0), at(210.0, 70.0)]).unwrap();
        let quarter = over_the_pole.at(2.5).unwrap();
        assert!(quarter.separation(&at(30.0, 87.5)).degrees() < 1e-13);
        let beyond = over_the_pole.at(5.0).unwrap();
        assert!(beyond.separation(&at(210.0, 85.0)).degrees() < 1e-13);
        let still = Track::new(&[0.0, 1.0], &[at(30.0, 80.0); 2]).unwrap();
        assert!(still.at(0.5).unwrap().separation(&at(30.0, 80.0)).degrees() < 1e-13);
    }

    #[test]
    fn a_track_that_cannot_be_followed_names_the_point() {
        let place = at(1.0, 2.0);
        assert_eq!(Track::new(&[], &[]), Err(Error::TrackLength { times: 0, positions: 0 }));
        assert_eq!(Track::new(&[1.0], &[place; 2]), Err(Error::TrackLength { times: 1, positions: 2 }));
        for (times, index) in [([1.0, 2.0, 2.0], 2), ([1.0, 0.5, 2.0], 1)] {
            let error = Track::new(&times, &[place; 3]).unwrap_err();
            assert!(matches!(error, Error::Unsorted { index: k, .. } if k == index), "{error}");
        }
        let nan = Track::new(&[1.0, f64::NAN], &[place; 2]).unwrap_err();
        assert_eq!(
            nan.to_string(),
            "time 1 of the track is NaN, expected a finite time not infinitely far from the first"
        );
        let jump = Track::new(&[1.0, 2.0], &[place, at(181.0, -2.0)]).unwrap_err();
        assert!(jump.to_string().starts_with("point 1 of the track is 180.0 degrees from the one before"));
    }

    #[test]
    fn hostile_spacings_still_have_a_position() {
        let places = [at(0.0, 0.0), at(80.0, 0.0), at(85.0, 3.0), at(10.0, 5.0)];
        for times in [[0.0, 1e-9, 1.0, 2.0], [-8e307, 0.0, 1.0, 8e307], [0.0, 5e-324, 1e-323, 1.0]] {
            let track = Track::new(&times, &places).unwrap();
            for k in 0..1000 {
                let (first, last) = track.span();
                let time = first * (1.0 - f64::from(k) / 999.0) + last * (f64::from(k) / 999.0);
                assert!(track.at(time).is_some(), "{time}");
            }
        }
    }
}
