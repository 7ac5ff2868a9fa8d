//! Circles on the sky.

use super::{Class, Place};
use crate::exact::{self, Dd};
use crate::lanes::{BLUR, Block, Lanes, Test};
use crate::{Angle, Direction, Error};

/// All directions within a radius of a centre, those at the radius itself included (ADQL's CIRCLE).
///
/// ```
/// use uranometria_sky::{Angle, Cone, Direction};
///
/// let cone = Cone::new(Direction::from_degrees(0.0, 89.9)?, Angle::from_arcmin(10.0))?;
/// assert!(cone.contains(&Direction::from_degrees(180.0, 89.95)?));
/// assert!(!cone.contains(&Direction::from_degrees(180.0, 89.9)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cone {
    centre: Direction,
    radius: Angle,
    vector: [f64; 3],
    /// Squared chords that are certainly inside and possibly inside.
    thresholds: (f64, f64),
}

/// Positions this close to a boundary, of its size, count as on it.
const TIE: f64 = 1e-29;

impl Cone {
    /// Makes a cone of a centre and a radius of 0 to 180 degrees; of radius 0 it holds its centre alone.
    ///
    /// # Errors
    /// [`Error::Size`].
    pub fn new(centre: Direction, radius: Angle) -> Result<Self, Error> {
        let found_deg = radius.degrees();
        if !(0.0..=180.0).contains(&found_deg) {
            return Err(Error::Size { what: "radius", found_deg, expected: "0..=180 degrees" });
        }
        let chord = 2.0 * (0.5 * radius.radians()).sin();
        let lower = if chord > BLUR { (chord - BLUR).powi(2) } else { -1.0 };
        let thresholds = (lower, (chord + BLUR).powi(2));
        let vector = exact::unit_vector(&centre).map(Dd::to_f64);
        Ok(Self { centre, radius, vector, thresholds })
    }

    /// The whole sky, around a centre.
    pub(crate) fn whole(centre: Direction) -> Self {
        let vector = exact::unit_vector(&centre).map(Dd::to_f64);
        Self { centre, radius: Angle::from_degrees(180.0), vector, thresholds: (5.0, 5.0) }
    }

    /// The centre.
    pub fn centre(&self) -> Direction {
        self.centre
    }

    /// The radius.
    pub fn radius(&self) -> Angle {
        self.radius
    }

    /// Whether a direction is inside or at the boundary.
    ///
    /// Right for all directions but those closer to the boundary than 1e-29 of the radius, which count as on
    /// it; decided with 31 digits where 16 are too few.
    pub fn contains(&self, place: &Direction) -> bool {
        let [x, y, z] = place.unit_vector();
        let square =
            (x - self.vector[0]).powi(2) + (y - self.vector[1]).powi(2) + (z - self.vector[2]).powi(2);
        if square <= self.thresholds.0 {
            return true;
        }
        square <= self.thresholds.1 && self.exact(place)
    }

    /// Area in square degrees.
    pub fn area_deg2(&self) -> f64 {
        let sine = (0.5 * self.radius.radians()).sin();
        4.0 * std::f64::consts::PI * sine * sine * super::DEG2_PER_STERADIAN
    }

    pub(super) fn vector(&self) -> &[f64; 3] {
        &self.vector
    }

    pub(super) fn class(&self, place: &Place) -> Class {
        let off = place.distance(&self.vector);
        Class::of(off - self.radius.radians(), place.radius)
    }
}

impl Test for Cone {
    fn thresholds(&self) -> (f64, f64) {
        self.thresholds
    }

    fn dec_range(&self) -> (f64, f64) {
        super::dec_range(self)
    }

    #[inline(always)]
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes) {
        let [x, y, z] = self.vector;
        for (k, out) in out.iter_mut().enumerate() {
            let (dx, dy, dz) = (block.x[k] - x, block.y[k] - y, block.z[k] - z);
            *out = crate::lanes::dot::<FMA>(&[dx, dy, dz], dx, dy, dz);
        }
    }

    fn exact(&self, place: &Direction) -> bool {
        let (sin, cos) = Dd::from(self.radius.degrees()).half().sin_cos_deg();
        if self.radius.degrees() <= 90.0 {
            let limit = sin.square();
            (exact::haversine(&self.centre, place) - limit).to_f64() <= TIE * limit.to_f64()
        } else {
            let limit = cos.square();
            (limit - exact::antihaversine(&self.centre, place)).to_f64() <= TIE * limit.to_f64()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    fn cone(ra_deg: f64, dec_deg: f64, radius_deg: f64) -> Cone {
        Cone::new(at(ra_deg, dec_deg), Angle::from_degrees(radius_deg)).unwrap()
    }

    #[test]
    fn the_boundary_belongs_to_a_cone() {
        for (ra, dec, radius) in [(0.0, 0.0, 1.0), (123.0, 0.0, 17.5), (350.0, 0.0, 100.0), (7.0, 0.0, 179.5)]
        {
            let cone = cone(ra, dec, radius);
            assert!(cone.contains(&at(ra + radius, 0.0)), "{radius}");
            let beyond = (ra + radius) % 360.0 * (1.0 + 4e-16);
            assert!(!cone.contains(&at(beyond, 0.0)), "{radius}");
        }
        assert!(cone(10.0, 20.0, 5.0).contains(&at(10.0, 25.0)));
        assert!(!cone(10.0, 20.0, 5.0).contains(&at(10.0, 25.000000000000004)));
        assert!(cone(10.0, 90.0, 5.0).contains(&at(210.0, 85.0)));
        assert!(!cone(10.0, 90.0, 5.0).contains(&at(210.0, 84.99999999999999)));
    }

    #[test]
    fn microarcseconds_and_near_antipodes_are_told_apart() {
        let micro = 1e-6 / 3600.0;
        let tiny = cone(200.0, 0.0, micro);
        assert!(tiny.contains(&at(200.0, 0.999_999 * micro)));
        assert!(!tiny.contains(&at(200.0, 1.000_001 * micro)));
        let all_but = cone(200.0, 0.0, 180.0 - 1e-9);
        assert!(all_but.contains(&at(20.0, 1.001e-9)) && !all_but.contains(&at(20.0, 0.999e-9)));
        assert!(cone(200.0, 0.0, 0.0).contains(&at(560.0, 0.0)));
        assert!(!cone(200.0, 0.0, 0.0).contains(&at(200.0, 1e-100)));
        assert!(cone(200.0, 0.0, 180.0).contains(&at(20.0, 0.0)));
    }

    #[test]
    fn a_radius_that_no_circle_has_is_refused() {
        for radius in [-1.0, 180.1, f64::NAN, f64::INFINITY] {
            let error = Cone::new(at(0.0, 0.0), Angle::from_degrees(radius)).unwrap_err();
            assert!(error.to_string().starts_with(&format!("radius is {radius} degrees")), "{error}");
        }
    }

    #[test]
    fn areas_are_those_of_caps() {
        assert!((cone(1.0, 2.0, 180.0).area_deg2() - 41_252.961_249_419_27).abs() < 1e-9);
        assert!((cone(1.0, 2.0, 90.0).area_deg2() - 41_252.961_249_419_27 / 2.0).abs() < 1e-9);
        let ratio = cone(1.0, 2.0, 1e-7).area_deg2() / (std::f64::consts::PI * 1e-14);
        assert!((ratio - 1.0).abs() < 1e-14);
    }
}
