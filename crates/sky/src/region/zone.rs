//! Ranges of right ascension and declination.

use super::{Class, Place};
use crate::lanes::{Block, Lanes, Test};
use crate::{Angle, Cone, Direction, Error};

/// The directions between two meridians and between two parallels, all four included.
///
/// Coordinates are compared as they are, so that membership is exact. A zone that reaches a pole holds the pole
/// whatever right ascension it is given with.
///
/// ```
/// use uranometria_sky::{Direction, Zone};
///
/// let over_zero = Zone::new(350.0, 10.0, -5.0, 5.0)?;
/// assert!(over_zero.contains(&Direction::from_degrees(0.0, 5.0)?));
/// assert!(!over_zero.contains(&Direction::from_degrees(180.0, 0.0)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zone {
    /// In [0, 360), from where the zone extends eastwards.
    west: f64,
    /// In [0, 360).
    east: f64,
    full_turn: bool,
    south: f64,
    north: f64,
}

impl Zone {
    /// Makes a zone that extends eastwards from `west_deg` to `east_deg`, through 0 if need be, and from
    /// `south_deg` to `north_deg`; all in degrees.
    ///
    /// Any finite right ascensions will do. If `east_deg` is 360 or more above `west_deg` all right ascensions
    /// are inside; if they are equal, the one meridian.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::Declination`], [`Error::ZoneOrder`].
    pub fn new(west_deg: f64, east_deg: f64, south_deg: f64, north_deg: f64) -> Result<Self, Error> {
        let west = Direction::from_degrees(west_deg, south_deg)?;
        let east = Direction::from_degrees(east_deg, north_deg)?;
        if south_deg > north_deg {
            return Err(Error::ZoneOrder { south_deg, north_deg });
        }
        let full_turn = east_deg - west_deg >= 360.0;
        Ok(Self { west: west.ra_deg(), east: east.ra_deg(), full_turn, south: south_deg, north: north_deg })
    }

    /// Makes the zone around a centre that reaches half a width to the east and west, in right ascension, and
    /// half a height to the north and south, to the poles at most: BOX with sides along meridians and parallels.
    ///
    /// # Errors
    /// [`Error::Size`] for a width or height below 0 or not finite.
    pub fn around(centre: Direction, width: Angle, height: Angle) -> Result<Self, Error> {
        for (what, found_deg) in [("width", width.degrees()), ("height", height.degrees())] {
            if !(found_deg >= 0.0 && found_deg.is_finite()) {
                return Err(Error::Size { what, found_deg, expected: "0 or more" });
            }
        }
        let (half_width, half_height) = (0.5 * width.degrees(), 0.5 * height.degrees());
        let (ra, dec) = (centre.ra_deg(), centre.dec_deg());
        let (south, north) = ((dec - half_height).max(-90.0), (dec + half_height).min(90.0));
        if half_width >= 180.0 {
            return Self::new(0.0, 360.0, south, north);
        }
        Self::new(ra - half_width, ra + half_width, south, north)
    }

    /// The limits in right ascension, degrees in [0, 360): the zone extends eastwards from the first to the
    /// second. None if all right ascensions are inside.
    pub fn ra_deg(&self) -> Option<(f64, f64)> {
        if self.full_turn { None } else { Some((self.west, self.east)) }
    }

    /// The limits in declination, degrees: southern, northern.
    pub fn dec_deg(&self) -> (f64, f64) {
        (self.south, self.north)
    }

    /// Whether a direction is inside or at the boundary. Exact.
    pub fn contains(&self, place: &Direction) -> bool {
        let (ra, dec) = (place.ra_deg(), place.dec_deg());
        let between = self.south <= dec && dec <= self.north;
        between && (self.has_ra(ra) || dec.abs() == 90.0)
    }

    /// Area in square degrees.
    pub fn area_deg2(&self) -> f64 {
        let (middle, half) = (0.5 * (self.south + self.north), 0.5 * (self.north - self.south));
        // Difference of the sines of the limits without its cancellation.
        let height = 2.0 * middle.to_radians().cos() * half.to_radians().sin();
        self.width_deg() * height.to_degrees()
    }

    /// Extent in right ascension, 0 to 360 degrees.
    pub(super) fn width_deg(&self) -> f64 {
        match (self.full_turn, self.east - self.west) {
            (true, _) => 360.0,
            (false, width) if width < 0.0 => width + 360.0,
            (false, width) => width,
        }
    }

    /// The direction in the middle in both coordinates.
    pub(super) fn middle(&self) -> Direction {
        let ra = self.west + 0.5 * self.width_deg();
        let dec = (0.5 * (self.south + self.north)).clamp(-90.0, 90.0);
        Direction::from_degrees(ra, dec).unwrap_or(Direction::NORTH_POLE)
    }

    /// Mean of the unit vectors inside.
    pub(super) fn centroid(&self) -> Option<Direction> {
        let (south, north) = (self.south.to_radians(), self.north.to_radians());
        let half_width = 0.5 * self.width_deg().to_radians();
        if self.south == self.north || half_width == 0.0 {
            return Some(self.middle());
        }
        let (difference, sum) = (north - south, north + south);
        // Integrals of cos² and of sin cos over declination.
        let flat = 0.5 * (difference + difference.sin() * sum.cos()) * half_width.sin() / half_width;
        let up = 0.5 * difference.sin() * sum.sin();
        if flat.hypot(up) <= 1e-13 * difference {
            return None;
        }
        let dec = up.atan2(flat.abs()).to_degrees().clamp(-90.0, 90.0);
        let ra = self.middle().ra_deg() + if flat < 0.0 { 180.0 } else { 0.0 };
        Direction::from_degrees(ra, dec).ok()
    }

    pub(super) fn bounding_cone(&self) -> Cone {
        let middle = self.middle();
        let to_pole = |pole: f64, limit: f64| {
            let pole = Direction::from_degrees(0.0, pole).unwrap_or(Direction::NORTH_POLE);
            (pole, 90.0 - limit)
        };
        let mut best = to_pole(90.0, self.south);
        let south = to_pole(-90.0, -self.north);
        if south.1 < best.1 {
            best = south;
        }
        if self.width_deg() <= 180.0 {
            let corner =
                |dec: f64| Direction::from_degrees(self.west, dec).map(|at| at.separation(&middle).degrees());
            let far = corner(self.south).unwrap_or(180.0).max(corner(self.north).unwrap_or(180.0));
            if far < best.1 {
                best = (middle, far);
            }
        }
        let radius = Angle::from_degrees((best.1 * (1.0 + 1e-14) + 1e-12).min(180.0));
        Cone::new(best.0, radius).unwrap_or_else(|_| Cone::whole(best.0))
    }

    pub(super) fn class(&self, place: &Place) -> Class {
        let [x, y, z] = place.vector;
        let dec = z.atan2(x.hypot(y));
        let (south, north) = (self.south.to_radians(), self.north.to_radians());
        let by_dec = (south - dec).max(dec - north);
        if by_dec > place.radius {
            return Class::Outside;
        }
        // A limit at a pole limits nothing.
        let south = if self.south == -90.0 { f64::NEG_INFINITY } else { south };
        let north = if self.north == 90.0 { f64::INFINITY } else { north };
        let by_dec = (south - dec).max(dec - north);
        if self.full_turn {
            return Class::of(by_dec, place.radius);
        }
        // How far the meridians reach into the circle, which holds a pole if there is no angle to say so.
        let spread = place.radius.sin() / dec.cos();
        if spread.is_nan() || spread >= 1.0 || place.radius >= std::f64::consts::FRAC_PI_2 {
            return Class::Partial;
        }
        let spread = spread.asin();
        let half_width = 0.5 * self.width_deg().to_radians();
        let off = (y.atan2(x) - self.middle().ra_deg().to_radians()).rem_euclid(std::f64::consts::TAU);
        let off = off.min(std::f64::consts::TAU - off) - half_width;
        if off > spread + 1e-14 {
            Class::Outside
        } else if off < -spread - 1e-14 {
            Class::of(by_dec, place.radius)
        } else {
            Class::Partial
        }
    }

    #[inline(always)]
    fn has_ra(&self, ra: f64) -> bool {
        let (after, before) = (self.west <= ra, ra <= self.east);
        self.full_turn | if self.west <= self.east { after & before } else { after | before }
    }
}

impl Test for Zone {
    fn thresholds(&self) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn dec_range(&self) -> (f64, f64) {
        (self.south, self.north)
    }

    #[inline(always)]
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes) {
        for (k, out) in out.iter_mut().enumerate() {
            let (ra, dec) = (block.ra[k], block.dec[k]);
            let between = (self.south <= dec) & (dec <= self.north);
            *out = if between & (self.has_ra(ra) | (dec.abs() == 90.0)) { 0.0 } else { 1.0 };
        }
    }

    fn exact(&self, place: &Direction) -> bool {
        self.contains(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    #[test]
    fn limits_are_inside_and_the_next_double_is_not() {
        let zone = Zone::new(-10.0, 10.0, -5.0, 90.0).unwrap();
        assert_eq!(zone.ra_deg(), Some((350.0, 10.0)));
        for (ra, dec, inside) in [
            (350.0, -5.0, true),
            (349.999_999_999_999_94, 0.0, false),
            (10.0, 89.0, true),
            (10.000_000_000_000_002, 0.0, false),
            (200.0, 90.0, true),
            (0.0, -5.000_000_000_000_001, false),
        ] {
            assert_eq!(zone.contains(&at(ra, dec)), inside, "{ra} {dec}");
            let mut out = [!inside];
            zone.contains_slice(&[ra], &[dec], &mut out).unwrap();
            assert_eq!(out, [inside]);
        }
        assert!(Zone::new(30.0, 390.0, 0.0, 1.0).unwrap().contains(&at(29.0, 0.5)));
        assert!(!Zone::new(30.0, 30.0, 0.0, 1.0).unwrap().contains(&at(29.0, 0.5)));
        assert!(Zone::new(0.0, 1.0, 2.0, 1.0).is_err() && Zone::new(0.0, 1.0, -91.0, 1.0).is_err());
    }

    #[test]
    fn around_a_centre_stops_at_the_poles() {
        let degrees = Angle::from_degrees;
        let zone = Zone::around(at(1.0, 89.0), degrees(4.0), degrees(6.0)).unwrap();
        assert_eq!((zone.ra_deg(), zone.dec_deg()), (Some((359.0, 3.0)), (86.0, 90.0)));
        assert_eq!(Zone::around(at(1.0, 0.0), degrees(360.0), degrees(6.0)).unwrap().ra_deg(), None);
        assert!(Zone::around(at(1.0, 0.0), degrees(-1.0), degrees(6.0)).is_err());
    }

    #[test]
    fn areas_and_centroids_are_those_of_strips() {
        let all = Zone::new(0.0, 360.0, -90.0, 90.0).unwrap();
        assert!((all.area_deg2() - 41_252.961_249_419_27).abs() < 1e-9);
        assert_eq!(all.centroid(), None);
        let tiny = Zone::new(10.0, 10.0 + 1e-6, 60.0, 60.0 + 1e-6).unwrap();
        let side = 10.0 + 1e-6 - 10.0;
        assert!((tiny.area_deg2() / (0.5 * side * (60.0 + 1e-6 - 60.0)) - 1.0).abs() < 1e-7);
        let cap = Zone::new(0.0, 360.0, 60.0, 90.0).unwrap();
        assert!(cap.centroid().unwrap().separation(&at(0.0, 90.0)).degrees() < 1e-6);
        let quarter = Zone::new(315.0, 45.0, -30.0, 30.0).unwrap();
        assert!(quarter.centroid().unwrap().separation(&at(0.0, 0.0)).degrees() < 1e-12);
    }
}
