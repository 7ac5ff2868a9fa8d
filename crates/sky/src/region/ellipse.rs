//! Elliptical cones.

use super::{Class, Place};
use crate::exact::{self, Dd};
use crate::lanes::{BLUR, Block, Lanes, Test, dot};
use crate::{Angle, Cone, Direction, Error};

/// The directions inside a cone of elliptical section whose apex is the observer, the boundary included.
///
/// On the sphere that is all directions whose distances to two foci add up to at most the major axis; seen along
/// the centre (in the orthographic as in the gnomonic projection) it is a plane ellipse.
///
/// ```
/// use uranometria_sky::{Angle, Direction, EllipticalCone};
///
/// let m31 = Direction::from_degrees(10.684_708, 41.268_75)?;
/// let [a, b, pa] = [1.6, 0.5, 35.0].map(Angle::from_degrees);
/// let disc = EllipticalCone::new(m31, a, b, pa)?;
/// assert!(disc.contains(&Direction::from_degrees(11.5, 42.4)?));
/// assert!(!disc.contains(&Direction::from_degrees(9.8, 42.4)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EllipticalCone {
    centre: Direction,
    semi_major: Angle,
    semi_minor: Angle,
    position_angle: Angle,
    vector: [f64; 3],
    /// Unit vectors along the axes, each divided by the sine of its half axis.
    major: [f64; 3],
    minor: [f64; 3],
    foci: [[f64; 3]; 2],
    thresholds: (f64, f64),
}

/// Positions this close to the boundary, of its size, count as on it.
const TIE: f64 = 1e-28;

impl EllipticalCone {
    /// Makes an elliptical cone of its centre, the angles from the centre to the ends of the axes, and the
    /// angle of the major axis from north through east.
    ///
    /// # Errors
    /// [`Error::Size`] unless 0 < `semi_minor` <= `semi_major` <= 90 degrees; [`Error::NotFinite`] for the
    /// position angle.
    pub fn new(
        centre: Direction,
        semi_major: Angle,
        semi_minor: Angle,
        position_angle: Angle,
    ) -> Result<Self, Error> {
        let (a, b) = (semi_major.degrees(), semi_minor.degrees());
        if !(a > 0.0 && a <= 90.0) {
            return Err(Error::Size {
                what: "semi_major",
                found_deg: a,
                expected: "more than 0, at most 90",
            });
        }
        if !(b > 0.0 && b <= a) {
            let expected = "more than 0, at most semi_major";
            return Err(Error::Size { what: "semi_minor", found_deg: b, expected });
        }
        if !position_angle.degrees().is_finite() {
            return Err(Error::NotFinite { what: "position_angle", found: position_angle.degrees() });
        }
        // A turn by 180 degrees changes nothing, and whole turns are taken away without rounding.
        let position_angle = Angle::from_degrees(position_angle.degrees() % 180.0);
        let vector = exact::unit_vector(&centre);
        let (sin_ra, cos_ra) = Dd::from(centre.ra_deg()).sin_cos_deg();
        let east = [-sin_ra, cos_ra, Dd::ZERO];
        let north = exact::cross(&vector, &east);
        let (sin, cos) = Dd::from(position_angle.degrees()).sin_cos_deg();
        let along = |k: usize| (north[k] * cos + east[k] * sin).to_f64();
        let across = |k: usize| (east[k] * cos - north[k] * sin).to_f64();
        let (major, minor) = ([along(0), along(1), along(2)], [across(0), across(1), across(2)]);
        let vector = vector.map(Dd::to_f64);
        let (sin_a, sin_b) = (semi_major.radians().sin(), semi_minor.radians().sin());
        // sin² of the foci's distance from the centre, 1 - cos²a / cos²b without its cancellation.
        let (sum, difference) =
            (semi_major.radians() + semi_minor.radians(), Angle::from_degrees(a - b).radians());
        let focal = if a == b { 0.0 } else { (difference.sin() * sum.sin()).max(0.0) };
        let focal = focal.sqrt().atan2(semi_major.radians().cos());
        let (sin_f, cos_f) = focal.sin_cos();
        let focus = |sign: f64| [0, 1, 2].map(|k| vector[k] * cos_f + sign * major[k] * sin_f);
        let blur = 2.0 * BLUR / sin_b;
        let lower = if blur < 1.0 { (1.0 - blur).powi(2) } else { -1.0 };
        Ok(Self {
            centre,
            semi_major,
            semi_minor,
            position_angle,
            vector,
            major: major.map(|value| value / sin_a),
            minor: minor.map(|value| value / sin_b),
            foci: [focus(1.0), focus(-1.0)],
            thresholds: (lower, (1.0 + blur).powi(2)),
        })
    }

    /// The centre.
    pub fn centre(&self) -> Direction {
        self.centre
    }

    /// The angle from the centre to an end of the major axis.
    pub fn semi_major(&self) -> Angle {
        self.semi_major
    }

    /// The angle from the centre to an end of the minor axis.
    pub fn semi_minor(&self) -> Angle {
        self.semi_minor
    }

    /// The angle of the major axis from north through east, brought to within 180 degrees of 0.
    pub fn position_angle(&self) -> Angle {
        self.position_angle
    }

    /// Whether a direction is inside or at the boundary; see [`Cone::contains`].
    pub fn contains(&self, place: &Direction) -> bool {
        let [x, y, z] = place.unit_vector();
        let measure = self.measure_of::<false>(x, y, z);
        measure <= self.thresholds.0 || (measure <= self.thresholds.1 && self.exact(place))
    }

    /// Area in square degrees, to about 12 digits.
    pub fn area_deg2(&self) -> f64 {
        let (sin_a, sin_b) = (self.semi_major.radians().sin(), self.semi_minor.radians().sin());
        let (cos_a, cos_b) = (self.semi_major.radians().cos(), self.semi_minor.radians().cos());
        // In the orthographic projection, polar coordinates scaled to the ellipse: the radius is done by hand.
        let ring = |t: f64| 1.0 / (1.0 + (cos_a * t.cos()).hypot(cos_b * t.sin()));
        4.0 * sin_a * sin_b * quarter_integral(ring) * super::DEG2_PER_STERADIAN
    }

    pub(super) fn bounding_cone(&self) -> Cone {
        Cone::new(self.centre, self.semi_major).unwrap_or_else(|_| Cone::whole(self.centre))
    }

    pub(super) fn class(&self, place: &Place) -> Class {
        let [x, y, z] = place.vector;
        let (sin_a, sin_b) = (self.semi_major.radians().sin(), self.semi_minor.radians().sin());
        let (along, across) = (dot::<false>(&self.major, x, y, z), dot::<false>(&self.minor, x, y, z));
        let height = dot::<false>(&self.vector, x, y, z);
        // Each is at most the distance to the boundary, negative inside; the greatest is the best.
        let foci = place.distance(&self.foci[0]) + place.distance(&self.foci[1]);
        let by_foci = 0.5 * foci - self.semi_major.radians();
        let by_sides = ((along.abs() - 1.0) * sin_a).max((across.abs() - 1.0) * sin_b).max(-height);
        let by_scale = (along.hypot(across) - 1.0) * sin_b;
        let outside = by_foci.max(by_sides);
        if outside > 0.0 {
            return Class::of(outside, place.radius);
        }
        let inside = if height > 0.0 { by_foci.min(by_scale.max(-height)) } else { 0.0 };
        Class::of(inside, place.radius)
    }

    /// 1 at the boundary, growing with the square of the distance; infinite behind the observer.
    #[inline(always)]
    fn measure_of<const FMA: bool>(&self, x: f64, y: f64, z: f64) -> f64 {
        let along = dot::<FMA>(&self.major, x, y, z);
        let across = dot::<FMA>(&self.minor, x, y, z);
        let height = dot::<FMA>(&self.vector, x, y, z);
        let square = along * along + across * across;
        // Near a right angle from the centre the sign of the height is open; then so is the answer.
        if height < -BLUR {
            f64::INFINITY
        } else if height < BLUR && square <= self.thresholds.1 {
            self.thresholds.1
        } else {
            square
        }
    }
}

impl Test for EllipticalCone {
    fn thresholds(&self) -> (f64, f64) {
        self.thresholds
    }

    fn dec_range(&self) -> (f64, f64) {
        super::dec_range(&self.bounding_cone())
    }

    #[inline(always)]
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes) {
        for (k, out) in out.iter_mut().enumerate() {
            *out = self.measure_of::<FMA>(block.x[k], block.y[k], block.z[k]);
        }
    }

    fn exact(&self, place: &Direction) -> bool {
        let [east, north, height] = exact::offsets(&self.centre, place);
        if height.to_f64() < -TIE {
            return false;
        }
        let (sin, cos) = Dd::from(self.position_angle.degrees()).sin_cos_deg();
        let (along, across) = (north * cos + east * sin, east * cos - north * sin);
        let (sin_a, _) = Dd::from(self.semi_major.degrees()).sin_cos_deg();
        let (sin_b, _) = Dd::from(self.semi_minor.degrees()).sin_cos_deg();
        let (a, b) = (sin_a.square(), sin_b.square());
        let limit = a * b;
        (along.square() * b + across.square() * a - limit).to_f64() <= TIE * limit.to_f64()
    }
}

/// Integral from 0 to pi / 2, by Takahasi & Mori's double exponential rule: singular ends do no harm.
fn quarter_integral(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    let half = std::f64::consts::FRAC_PI_4;
    (-56..=56)
        .map(|k| {
            let t = f64::from(k) * STEP;
            let u = std::f64::consts::FRAC_PI_2 * t.sinh();
            let weight = half * std::f64::consts::FRAC_PI_2 * t.cosh() / u.cosh().powi(2);
            weight * f(half * (1.0 + u.tanh()))
        })
        .sum::<f64>()
        * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ellipse(ra: f64, dec: f64, a: f64, b: f64, pa: f64) -> EllipticalCone {
        let [a, b, pa] = [a, b, pa].map(Angle::from_degrees);
        EllipticalCone::new(Direction::from_degrees(ra, dec).unwrap(), a, b, pa).unwrap()
    }

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    #[test]
    fn the_ends_of_the_axes_are_inside_and_no_further() {
        for (a, b) in [(3.0, 1.0), (1e-7, 1e-8), (60.0, 0.001), (89.0, 88.0)] {
            let upright = ellipse(350.0, 0.0, a, b, 0.0);
            assert!(upright.contains(&at(350.0, a)) && !upright.contains(&at(350.0, a * (1.0 + 1e-14))));
            let lying = ellipse(0.0, 0.0, a, b, 90.0);
            assert!(lying.contains(&at(a, 0.0)) && !lying.contains(&at(a * (1.0 + 1e-14), 0.0)));
            assert!(lying.contains(&at(0.0, -b)) && !lying.contains(&at(0.0, -b * (1.0 + 1e-14))));
        }
        let behind = ellipse(0.0, 0.0, 90.0, 40.0, 0.0);
        assert!(behind.contains(&at(0.0, 90.0)) && !behind.contains(&at(180.0, 10.0)));
    }

    #[test]
    fn areas_agree_with_circles_and_with_thin_and_flat_ones() {
        for radius in [1e-6, 1.0, 45.0, 89.999, 90.0] {
            let circle = Cone::new(at(0.0, 0.0), Angle::from_degrees(radius)).unwrap().area_deg2();
            let ratio = ellipse(10.0, 10.0, radius, radius, 0.0).area_deg2() / circle;
            assert!((ratio - 1.0).abs() < 1e-12, "{radius}: {ratio}");
        }
        let flat = ellipse(10.0, 10.0, 2e-3, 1e-3, 30.0).area_deg2() / (std::f64::consts::PI * 2e-6);
        assert!((flat - 1.0).abs() < 1e-9, "{flat}");
        // A half axis of 90 degrees makes a lune: twice the other one's part of the half sphere.
        let lune = ellipse(10.0, 10.0, 90.0, 30.0, 0.0).area_deg2();
        assert!((lune / (41_252.961_249_419_27 / 6.0) - 1.0).abs() < 1e-10, "{lune}");
    }

    #[test]
    fn axes_that_no_ellipse_has_are_refused() {
        let [zero, one, two] = [0.0, 1.0, 2.0].map(Angle::from_degrees);
        let right = Angle::from_degrees(90.5);
        let nan = Angle::from_degrees(f64::NAN);
        for (a, b, pa) in
            [(one, two, zero), (one, zero, zero), (right, one, zero), (nan, one, zero), (two, one, nan)]
        {
            assert!(EllipticalCone::new(at(0.0, 0.0), a, b, pa).is_err());
        }
    }
}
