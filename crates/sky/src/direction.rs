//! A place on the sky.

use crate::{Angle, Error};

/// A direction in ICRS.
///
/// ```
/// use uranometria_sky::Direction;
///
/// let pi_mensae = Direction::from_degrees(84.2912, -80.4691)?;
/// let south_pole = Direction::from_degrees(0.0, -90.0)?;
/// assert!((pi_mensae.separation(&south_pole).degrees() - 9.5309).abs() < 1e-12);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    ra_deg: f64,
    dec_deg: f64,
}

impl Direction {
    /// The celestial north pole, on the meridian of right ascension 0.
    pub const NORTH_POLE: Self = Self { ra_deg: 0.0, dec_deg: 90.0 };

    /// Makes a direction of right ascension and declination in degrees.
    ///
    /// Any finite right ascension will do; it is brought to [0, 360).
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::Declination`] outside -90..=90.
    pub fn from_degrees(ra_deg: f64, dec_deg: f64) -> Result<Self, Error> {
        for (what, found) in [("ra", ra_deg), ("dec", dec_deg)] {
            if !found.is_finite() {
                return Err(Error::NotFinite { what, found });
            }
        }
        if dec_deg.abs() > 90.0 {
            return Err(Error::Declination { found: dec_deg });
        }
        Ok(Self { ra_deg: wrapped(ra_deg), dec_deg })
    }

    /// Makes a direction of a vector of any length: x towards (0, 0), y towards (90, 0), z to the
    /// north pole. At the poles right ascension is what `atan2` makes of x and y, 0 if both are 0.
    ///
    /// # Errors
    /// [`Error::NoDirection`] for a zero vector and one that is not finite.
    pub fn from_unit_vector(vector: [f64; 3]) -> Result<Self, Error> {
        let none = Error::NoDirection { found: vector };
        let largest = vector.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest == 0.0 || !vector.iter().all(|value| value.is_finite()) {
            return Err(none);
        }
        // Scaled first, so that no square overflows or vanishes.
        let [x, y, z] = vector.map(|value| value / largest);
        Ok(Self { ra_deg: wrapped(y.atan2(x).to_degrees()), dec_deg: z.atan2(x.hypot(y)).to_degrees() })
    }

    /// Right ascension in degrees, in [0, 360).
    pub fn ra_deg(&self) -> f64 {
        self.ra_deg
    }

    /// Declination in degrees, in [-90, 90].
    pub fn dec_deg(&self) -> f64 {
        self.dec_deg
    }

    /// The vector of length 1: x towards (0, 0), y towards (90, 0), z to the north pole.
    pub fn unit_vector(&self) -> [f64; 3] {
        let ((sin_ra, cos_ra), (sin_dec, cos_dec)) = (sin_cos_deg(self.ra_deg), sin_cos_deg(self.dec_deg));
        [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]
    }

    /// Distance on the sphere, 0 to 180 degrees.
    ///
    /// To rounding at every distance: relative to itself near 0, to 180 degrees near the antipode; on both sides of
    /// right ascension 0 too.
    ///
    /// Vincenty 1975, Survey Review 23, 88, for a sphere, with the differences of the coordinates
    /// taken before their sines.
    pub fn separation(&self, other: &Self) -> Angle {
        let (east, north, along) = self.offsets(other);
        Angle::from_radians(east.hypot(north).atan2(along))
    }

    /// Angle at this direction from north through east to the other, in [0, 360) degrees.
    ///
    /// To rounding at every distance, near 0 and near the antipode too. 0 where the two coincide. At a pole "north" is
    /// along the meridian of this right ascension.
    pub fn position_angle(&self, other: &Self) -> Angle {
        let (east, north, _) = self.offsets(other);
        Angle::from_degrees(wrapped(east.atan2(north).to_degrees()))
    }

    /// The direction at a distance along the great circle that leaves at an angle from north through east.
    pub fn offset_by(&self, position_angle: Angle, distance: Angle) -> Self {
        if distance.degrees() == 0.0 {
            return *self;
        }
        let ((sin_ra, cos_ra), (sin_dec, cos_dec)) = (sin_cos_deg(self.ra_deg), sin_cos_deg(self.dec_deg));
        let ((sin_turn, cos_turn), (sin, cos)) =
            (sin_cos_deg(position_angle.degrees()), sin_cos_deg(distance.degrees()));
        let (east, north) = (sin * sin_turn, sin * cos_turn);
        let out = cos * cos_dec - north * sin_dec;
        let vector =
            [out * cos_ra - east * sin_ra, out * sin_ra + east * cos_ra, cos * sin_dec + north * cos_dec];
        Self::from_unit_vector(vector).unwrap_or(*self)
    }

    /// Components of the other's unit vector to this one's east, to its north, and along it.
    fn offsets(&self, other: &Self) -> (f64, f64, f64) {
        let (turn, half_turns) = self.turn_to(other);
        let (sin_half, cos_half) = sin_cos_deg(turn / 2.0);
        let (sin_turn, _) = sin_cos_deg(turn);
        let (near, far) = (2.0 * sin_half * sin_half, 2.0 * cos_half * cos_half);
        let (sin_dra, versine, antiversine) =
            if half_turns { (-sin_turn, far, near) } else { (sin_turn, near, far) };
        let ((sin_1, cos_1), (_, cos_2)) = (sin_cos_deg(self.dec_deg), sin_cos_deg(other.dec_deg));
        let (sin_ddec, cos_ddec) = sin_cos_deg(other.dec_deg - self.dec_deg);
        let along = cos_ddec - cos_1 * cos_2 * versine;
        let north = if along >= 0.0 {
            sin_ddec + sin_1 * cos_2 * versine
        } else {
            // The same, of terms that are small near the antipode.
            sin_cos_deg(other.dec_deg + self.dec_deg).0 - sin_1 * cos_2 * antiversine
        };
        (cos_2 * sin_dra, north, along)
    }

    /// The difference of the right ascensions less the nearest whole number of half turns, to rounding of itself;
    /// whether that number is odd.
    fn turn_to(&self, other: &Self) -> (f64, bool) {
        let (from, to) = (self.ra_deg, other.ra_deg);
        // The inner differences are exact: of numbers within a factor of two.
        match to - from {
            turn if turn > 270.0 => ((to - 360.0) - from, false),
            turn if turn > 90.0 => ((to - 180.0) - from, true),
            turn if turn < -270.0 => (to - (from - 360.0), false),
            turn if turn < -90.0 => (to - (from - 180.0), true),
            turn => (turn, false),
        }
    }
}

/// Brings degrees to [0, 360).
fn wrapped(deg: f64) -> f64 {
    // Most are there; the remainder takes longer than all else that is done with them.
    if (0.0..360.0).contains(&deg) {
        return deg + 0.0;
    }
    let deg = deg.rem_euclid(360.0);
    // A tiny negative angle rounds to 360 itself; -0.0 becomes 0.
    if deg >= 360.0 { 0.0 } else { deg + 0.0 }
}

/// Sine and cosine of degrees, exact at the quarters of the circle.
fn sin_cos_deg(deg: f64) -> (f64, f64) {
    // -0.0 becomes 0.
    let deg = deg + 0.0;
    let (quarter, of_circle) = nearest_quarter(deg / 90.0);
    let (sin, cos) = (deg - 90.0 * quarter).to_radians().sin_cos();
    match of_circle {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// A number rounded as `f64::round` does it, and what that leaves of fours: without the calls that both are on processors
/// that need not have instructions for them.
fn nearest_quarter(number: f64) -> (f64, u8) {
    const FAR: f64 = (1_u64 << 51) as f64;
    if number.abs() < FAR {
        let below = number as i64;
        let rest = number - below as f64;
        let near = below + i64::from(rest >= 0.5) - i64::from(rest <= -0.5);
        return (near as f64, near.rem_euclid(4) as u8);
    }
    let near = number.round();
    (near, near.rem_euclid(4.0) as u8)
}

#[cfg(all(test, feature = "regions"))]
mod tests {
    use super::*;
    use crate::exact;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    #[test]
    fn right_ascension_wraps_and_never_reaches_360() {
        for (given, expected) in
            [(360.0, 0.0), (-10.0, 350.0), (725.0, 5.0), (-1e-300, 0.0), (-0.0, 0.0), (359.5, 359.5)]
        {
            let ra = at(given, 0.0).ra_deg();
            assert_eq!(ra, expected);
            assert!(ra.is_sign_positive());
        }
        assert!((0.0..360.0).contains(&at(-1e300, 0.0).ra_deg()));
    }

    #[test]
    fn quarters_are_those_of_the_standard_library() {
        for n in -4000..4000 {
            for off in [0.0, 1e-9, -1e-9, 0.25, f64::EPSILON / 4.0, -f64::EPSILON / 4.0] {
                let number = f64::from(n) / 8.0 + off;
                for number in [number, number * 1e4, number * 1e14, number * 1e300] {
                    let near = number.round();
                    assert_eq!(nearest_quarter(number), (near, near.rem_euclid(4.0) as u8), "{number}");
                }
            }
        }
        assert_eq!(nearest_quarter(0.499_999_999_999_999_94), (0.0, 0));
    }

    #[test]
    fn coordinates_outside_the_sphere_are_refused() {
        assert_eq!(Direction::from_degrees(0.0, 90.5), Err(Error::Declination { found: 90.5 }));
        assert!(matches!(Direction::from_degrees(f64::NAN, 0.0), Err(Error::NotFinite { what: "ra", .. })));
        let infinite = Direction::from_degrees(0.0, f64::INFINITY);
        assert_eq!(infinite.unwrap_err().to_string(), "dec is inf, expected a finite number");
        for vector in [[0.0; 3], [f64::NAN, 0.0, 1.0], [f64::INFINITY, 0.0, 0.0]] {
            assert!(matches!(Direction::from_unit_vector(vector), Err(Error::NoDirection { .. })));
        }
    }

    #[test]
    fn vectors_come_back_as_the_direction_they_came_from() {
        for (ra, dec) in
            [(0.0, 0.0), (84.29, -80.47), (359.999, 89.999), (0.0, 90.0), (0.0, -90.0), (180.0, 1.0)]
        {
            let back =
                Direction::from_unit_vector(at(ra, dec).unit_vector().map(|value| value * 1e-200)).unwrap();
            assert!(back.separation(&at(ra, dec)).degrees() < 5e-14, "{ra} {dec}");
        }
        assert_eq!(at(123.0, 90.0).unit_vector(), [0.0, 0.0, 1.0]);
        assert_eq!(at(90.0, 0.0).unit_vector(), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn tiny_distances_keep_their_digits() {
        for tiny in [1e-9, 1e-12] {
            let moved = at(200.0, 45.0 + tiny).dec_deg() - 45.0;
            let separation = at(200.0, 45.0).separation(&at(200.0, 45.0 + tiny)).degrees();
            assert!((separation / moved - 1.0).abs() < 1e-14, "{separation}");
        }
        let cos_60 = at(10.0, 60.0).separation(&at(10.0 + 1e-9, 60.0)).degrees() / (10.0 + 1e-9 - 10.0);
        assert!((cos_60 - 0.5).abs() < 1e-14, "{cos_60}");
        assert_eq!(at(10.0, 60.0).separation(&at(370.0, 60.0)).degrees(), 0.0);
    }

    #[test]
    fn an_offset_lies_at_its_distance_and_angle() {
        for (from, turn, distance) in
            [(at(359.0, 10.0), 100.0, 5.0), (at(20.0, -89.5), 200.0, 170.0), (at(30.0, 90.0), 77.0, 1.0)]
        {
            let to = from.offset_by(Angle::from_degrees(turn), Angle::from_degrees(distance));
            assert!((from.separation(&to).degrees() - distance).abs() < 1e-13, "{from:?} {to:?}");
            assert!((from.position_angle(&to).degrees() - turn).abs() < 1e-12, "{from:?} {to:?}");
        }
    }

    #[test]
    fn offsets_keep_their_digits_across_right_ascension_zero_and_near_the_antipode() {
        let ulp = 360.0 - 359.999_999_999_999_94;
        for (from, to) in [
            (at(1e-13, 5.0), at(360.0 - 3.0 * ulp, 5.0)),
            (at(360.0 - 5.0 * ulp, -60.0), at(2e-14, -60.0)),
            (at(10.1, 20.3), at(190.1 + 1e-12, -20.3 + 2e-13)),
            (at(200.7, -40.2), at(20.7 - 3e-10, 40.2 - 1e-12)),
            (at(271.5, 33.0), at(91.5, -33.0 - 1e-13)),
            (at(0.3, 89.999), at(180.3, -89.999 + 1e-12)),
        ] {
            let [east, north, along] = exact::offsets(&from, &to).map(exact::Dd::to_f64);
            let off = |found: Angle, expected: f64| {
                let turn = (found.degrees() - expected.to_degrees()).rem_euclid(360.0);
                turn.min(360.0 - turn)
            };
            let separation = from.separation(&to);
            let close = 1e-15 * separation.degrees();
            assert!(off(separation, east.hypot(north).atan2(along)) <= close, "{from:?} {to:?}");
            assert!(off(from.position_angle(&to), east.atan2(north)) < 2e-13, "{from:?} {to:?}");
        }
    }
}
