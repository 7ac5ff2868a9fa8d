//! Whether two regions have a direction in common.

use super::edge::Edge;
use super::{Class, Cone, Place, Polygon, Region, Zone};
use crate::Direction;
use crate::exact::{self, Dd};
use crate::healpix::{Cap, MAX_DEPTH};
use crate::lanes::BLUR;

/// Cells looked at before two regions are said to touch.
const PATIENCE: usize = 20_000;

impl Region {
    /// Whether two regions have a direction in common, of their boundaries too.
    ///
    /// Cones, polygons and boxes among themselves, and zones with zones and cones, are decided to rounding
    /// (1e-15 radians; polygons' sides to 31 digits). Other pairs with a zone or an elliptical cone are searched
    /// on HEALPix cells: they are said to touch if their boundaries come closer than cells of depth 29, or closer
    /// than about 1/10,000 of the length that they run side by side.
    ///
    /// ```
    /// use uranometria_sky::{Angle, Cone, Direction, Region, SkyBox};
    ///
    /// let degrees = Angle::from_degrees;
    /// let chip = Region::from(SkyBox::new(Direction::from_degrees(359.0, 0.0)?, degrees(2.0), degrees(2.0))?);
    /// let near = Region::from(Cone::new(Direction::from_degrees(0.5, 0.0)?, degrees(0.5))?);
    /// let far = Region::from(Cone::new(Direction::from_degrees(0.5, 0.0)?, degrees(0.49))?);
    /// assert!(chip.intersects(&near) && !chip.intersects(&far));
    /// # Ok::<(), uranometria_sky::Error>(())
    /// ```
    pub fn intersects(&self, other: &Region) -> bool {
        use Region::{Cone, Zone};
        match (self, other) {
            (Cone(a), Cone(b)) => cones(a, b),
            (Zone(a), Zone(b)) => zones(a, b),
            (Cone(cone), Zone(zone)) | (Zone(zone), Cone(cone)) => zone_and_cone(zone, cone),
            _ => match (self.as_polygon(), other.as_polygon()) {
                (Some(a), Some(b)) => polygons(&a, &b),
                (Some(polygon), None) if matches!(other, Cone(_)) => {
                    polygon_and_cone(&polygon, &other.bounding_cone())
                }
                (None, Some(polygon)) if matches!(self, Cone(_)) => {
                    polygon_and_cone(&polygon, &self.bounding_cone())
                }
                _ => searched(self, other),
            },
        }
    }

    pub(super) fn as_polygon(&self) -> Option<Polygon> {
        match self {
            Region::Polygon(polygon) => Some(polygon.clone()),
            Region::SkyBox(sky_box) => sky_box.to_polygon().ok(),
            _ => None,
        }
    }
}

fn cones(a: &Cone, b: &Cone) -> bool {
    let off = a.centre().separation(&b.centre()).degrees();
    // Both sides carry the rounding of a few units in the last place.
    off <= (a.radius().degrees() + b.radius().degrees()) * (1.0 + 1e-15)
}

fn polygon_and_cone(polygon: &Polygon, cone: &Cone) -> bool {
    let reach = cone.radius().radians() * (1.0 + 1e-15);
    polygon.contains(&cone.centre())
        || polygon.edges().iter().any(|edge| edge.distance(*cone.vector()) <= reach)
}

fn polygons(a: &Polygon, b: &Polygon) -> bool {
    let (near, far) = (a.bounding_cone(), b.bounding_cone());
    if !cones(&near, &far) {
        return false;
    }
    let meets =
        |one: &Polygon, other: &Polygon| one.rings().iter().flatten().any(|vertex| other.contains(vertex));
    meets(a, b)
        || meets(b, a)
        || a.edges().iter().any(|side| b.edges().iter().any(|other| sides_cross(side, other)))
}

/// Whether two sides cross between their ends.
pub(super) fn sides_cross(a: &Edge, b: &Edge) -> bool {
    // Turns from the ends of one to the other side; of crossing sides all four are the same way.
    let side = |edge: &Edge, place: &Direction, vector: &[f64; 3]| {
        let rough: f64 = (0..3).map(|k| edge.normal[k] * vector[k]).sum();
        if rough.abs() > BLUR {
            return rough;
        }
        edge.side_exactly(&exact::unit_vector(place)).unwrap_or(0.0)
    };
    let first = -side(a, &b.from, &b.ends[0]);
    let others = [-side(b, &a.to, &a.ends[1]), side(a, &b.to, &b.ends[1]), side(b, &a.from, &a.ends[0])];
    first != 0.0 && others.iter().all(|other| first * other > 0.0)
}

fn zones(a: &Zone, b: &Zone) -> bool {
    let ((south, north), (other_south, other_north)) = (a.dec_deg(), b.dec_deg());
    let (low, high) = (south.max(other_south), north.min(other_north));
    if low > high {
        return false;
    }
    let pole = low == -90.0 || high == 90.0;
    let starts_in = |zone: &Zone, other: &Zone| {
        other.ra_deg().is_none_or(|(west, _)| zone.ra_deg().is_none_or(|(from, to)| between(from, to, west)))
    };
    pole || starts_in(a, b) || starts_in(b, a)
}

fn between(west: f64, east: f64, ra: f64) -> bool {
    if west <= east { west <= ra && ra <= east } else { west <= ra || ra <= east }
}

fn zone_and_cone(zone: &Zone, cone: &Cone) -> bool {
    let centre = cone.centre();
    let reach = cone.radius().degrees() * (1.0 + 1e-15);
    let (south, north) = zone.dec_deg();
    let dec = centre.dec_deg();
    let in_ra = zone.ra_deg().is_none_or(|(west, east)| between(west, east, centre.ra_deg()));
    if in_ra {
        // The nearest point is on the same meridian.
        return (south - dec).max(dec - north) <= reach;
    }
    // It is on one of the two sides along meridians: at their ends, or where a great circle meets them squarely.
    let (west, east) = zone.ra_deg().unwrap_or((0.0, 360.0));
    [west, east].into_iter().any(|ra| {
        let turn = Dd::difference(centre.ra_deg(), ra).to_f64().to_radians();
        let foot = dec.to_radians().tan().atan2(turn.cos()).to_degrees();
        // Behind the pole the foot is on the other half of the meridian, and an end is nearest.
        let candidates = [south, north, foot.clamp(south, north)];
        candidates.into_iter().any(|dec| {
            Direction::from_degrees(ra, dec).is_ok_and(|at| at.separation(&centre).degrees() <= reach)
        })
    })
}

/// Divides the cells that both regions touch until one is inside both or none is left.
fn searched(a: &Region, b: &Region) -> bool {
    let smaller = if a.bounding_cone().radius() <= b.bounding_cone().radius() { a } else { b };
    let end = divided(smaller, |place| match (a.class(place), b.class(place)) {
        (Class::Outside, _) | (_, Class::Outside) => Look::PassOver,
        (Class::Full, Class::Full) => Look::Stop,
        _ => match Direction::from_unit_vector(place.vector) {
            Ok(middle) if a.contains(&middle) && b.contains(&middle) => Look::Stop,
            _ => Look::Divide,
        },
    });
    end != End::NoneLeft
}

/// What to do with a cell of a search.
pub(super) enum Look {
    PassOver,
    Divide,
    Stop,
}

/// How a search came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stopped,
    NoneLeft,
    /// Cells of the last depth are left, or more were looked at than [`PATIENCE`] allows.
    Unsettled,
}

/// Looks at the cells around a region, and at the quarters of those that are to be divided.
pub(super) fn divided(around: &Region, look: impl Fn(&Place) -> Look) -> End {
    let (mut depth, mut cells) = around.start();
    let mut looked = 0;
    loop {
        let mut next = Vec::new();
        for &cell in &cells {
            match look(&Place::from(Cap::of(depth, cell))) {
                Look::PassOver => {}
                Look::Divide => next.extend(4 * cell..4 * cell + 4),
                Look::Stop => return End::Stopped,
            }
        }
        looked += cells.len();
        if next.is_empty() {
            return End::NoneLeft;
        }
        if depth == MAX_DEPTH || looked > PATIENCE {
            return End::Unsettled;
        }
        (depth, cells) = (depth + 1, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Angle, EllipticalCone, SkyBox};

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    fn cone(ra: f64, dec: f64, radius: f64) -> Region {
        Cone::new(at(ra, dec), Angle::from_degrees(radius)).unwrap().into()
    }

    fn polygon(vertices: &[(f64, f64)]) -> Region {
        let vertices: Vec<_> = vertices.iter().map(|(ra, dec)| at(*ra, *dec)).collect();
        Polygon::new(&vertices).unwrap().into()
    }

    fn check(a: &Region, b: &Region, expected: bool) {
        assert_eq!(a.intersects(b), expected, "{a:?} {b:?}");
        assert_eq!(b.intersects(a), expected, "{b:?} {a:?}");
    }

    #[test]
    fn cones_touch_at_the_sum_of_their_radii() {
        check(&cone(10.0, 0.0, 1.0), &cone(13.0, 0.0, 2.0), true);
        check(&cone(10.0, 0.0, 1.0), &cone(13.0, 0.0, 1.999_999_999_999), false);
        check(&cone(0.0, 90.0, 120.0), &cone(0.0, -90.0, 60.0), true);
        check(&cone(0.0, 90.0, 119.0), &cone(0.0, -90.0, 60.0), false);
    }

    #[test]
    fn polygons_meet_by_a_side_a_vertex_or_one_inside_the_other() {
        let square = polygon(&[(358.0, -2.0), (2.0, -2.0), (2.0, 2.0), (358.0, 2.0)]);
        check(&square, &polygon(&[(359.0, -1.0), (1.0, -1.0), (0.0, 1.0)]), true);
        check(&square, &polygon(&[(350.0, -1.0), (10.0, -1.0), (10.0, 1.0), (350.0, 1.0)]), true);
        check(&square, &polygon(&[(2.0, 2.0), (5.0, 2.0), (5.0, 5.0)]), true);
        check(&square, &polygon(&[(2.1, 2.1), (5.0, 2.0), (5.0, 5.0)]), false);
        check(&square, &polygon(&[(178.0, -2.0), (182.0, -2.0), (182.0, 2.0), (178.0, 2.0)]), false);
        let around = [(90.0, 70.0), (180.0, 70.0), (270.0, 70.0), (0.0, 70.0)];
        check(&polygon(&around), &cone(33.0, 90.0, 0.001), true);
        check(&square, &cone(2.5, 0.0, 0.5), true);
        check(&square, &cone(2.5, 0.0, 0.499_999_999), false);
        check(&square, &cone(50.0, 0.0, 179.0), true);
    }

    #[test]
    fn zones_meet_over_right_ascension_zero_and_at_poles() {
        let zone = |west, east, south, north| Region::from(Zone::new(west, east, south, north).unwrap());
        check(&zone(350.0, 10.0, 0.0, 5.0), &zone(10.0, 20.0, 5.0, 6.0), true);
        check(&zone(350.0, 10.0, 0.0, 5.0), &zone(11.0, 349.0, 0.0, 5.0), false);
        check(&zone(0.0, 1.0, 80.0, 90.0), &zone(100.0, 101.0, 85.0, 90.0), true);
        check(&zone(10.0, 20.0, 60.0, 70.0), &cone(9.0, 65.0, 0.4), false);
        check(&zone(10.0, 20.0, 60.0, 70.0), &cone(9.0, 65.0, 0.43), true);
        check(&zone(10.0, 20.0, 60.0, 70.0), &cone(15.0, 72.0, 2.0), true);
        check(&zone(10.0, 20.0, 60.0, 90.0), &cone(195.0, 89.0, 1.0), true);
        check(&zone(10.0, 20.0, 60.0, 89.0), &cone(195.0, 89.0, 1.5), false);
    }

    #[test]
    fn searched_pairs_are_told_apart() {
        let degrees = Angle::from_degrees;
        let ellipse = |ra, pa| {
            Region::from(EllipticalCone::new(at(ra, 0.0), degrees(2.0), degrees(0.1), degrees(pa)).unwrap())
        };
        check(&ellipse(10.0, 0.0), &ellipse(10.3, 0.0), false);
        check(&ellipse(10.0, 0.0), &ellipse(10.19, 0.0), true);
        check(&ellipse(10.0, 90.0), &ellipse(11.9, 0.0), true);
        check(&ellipse(10.0, 0.0), &cone(11.0, 0.0, 0.8), false);
        check(&ellipse(10.0, 0.0), &cone(11.0, 0.0, 0.95), true);
        let field = Region::from(SkyBox::new(at(10.0, 0.0), degrees(1.0), degrees(1.0)).unwrap());
        check(&field, &Zone::new(10.4, 20.0, -1.0, 1.0).unwrap().into(), true);
        check(&field, &Zone::new(10.6, 20.0, -1.0, 1.0).unwrap().into(), false);
    }
}
