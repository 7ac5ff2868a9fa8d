//! Whether one region lies in another.

use super::edge::Edge;
use super::intersects::{End, Look, divided, sides_cross};
use super::{Class, Cone, Polygon, Region, Zone};
use crate::{Angle, Direction};

/// What distances may be off by, radians.
const SLACK: f64 = 2e-15;

impl Region {
    /// Whether all of another region is inside this one, boundaries included.
    ///
    /// Decided to 2e-15 radians among cones, polygons and boxes, and exactly among zones. Other pairs with a zone or an
    /// elliptical cone are tested at vertices and ends of axes and searched on HEALPix cells: one that sticks out of
    /// the other elsewhere by less than cells of depth 29, or by less than about 1/10,000 of the length that their
    /// boundaries run side by side, is said to be inside.
    ///
    /// ```
    /// use uranometria_sky::{Angle, Cone, Direction, Region, SkyBox};
    ///
    /// let centre = Direction::from_degrees(0.0, -45.0)?;
    /// let field = Region::from(SkyBox::new(centre, Angle::from_degrees(2.0), Angle::from_degrees(2.0))?);
    /// let cone = |radius| Cone::new(centre, Angle::from_degrees(radius)).map(Region::from);
    /// assert!(field.contains_region(&cone(1.0)?) && !field.contains_region(&cone(1.1)?));
    /// assert!(cone(1.5)?.contains_region(&field) && !cone(1.4)?.contains_region(&field));
    /// # Ok::<(), uranometria_sky::Error>(())
    /// ```
    pub fn contains_region(&self, other: &Region) -> bool {
        match (self, other) {
            (Region::Cone(outer), Region::Cone(inner)) => {
                let off = outer.centre().separation(&inner.centre()).radians();
                whole(outer) || off + inner.radius().radians() <= outer.radius().radians() + SLACK
            }
            (Region::Zone(outer), Region::Zone(inner)) => zone_in_zone(inner, outer),
            (Region::Cone(outer), _) => match other.as_polygon() {
                Some(inner) => polygon_in_cone(&inner, outer),
                None => searched(self, other),
            },
            (_, Region::Cone(inner)) => match self.as_polygon() {
                Some(outer) => cone_in_polygon(inner, &outer),
                None => searched(self, other),
            },
            _ => match (self.as_polygon(), other.as_polygon()) {
                (Some(outer), Some(inner)) => polygon_in_polygon(&inner, &outer),
                _ => searched(self, other),
            },
        }
    }
}

fn zone_in_zone(inner: &Zone, outer: &Zone) -> bool {
    let ((south, north), (outer_south, outer_north)) = (inner.dec_deg(), outer.dec_deg());
    let in_ra = match (inner.ra_deg(), outer.ra_deg()) {
        (_, None) => true,
        // A pole alone has any right ascension.
        _ if south == north && south.abs() == 90.0 => true,
        (None, _) => false,
        (Some((west, east)), Some((outer_west, outer_east))) => {
            // In the order in which one comes to them eastwards from the outer west.
            let place = |ra: f64| (ra < outer_west, ra);
            place(west) <= place(east) && place(east) <= place(outer_east)
        }
    };
    in_ra && outer_south <= south && north <= outer_north
}

/// Directions of a region at its far ends, by a thousandth and rounding inside where they are computed.
fn extremes(region: &Region) -> Vec<Direction> {
    // Arms in degrees: of the first to the position angle and opposite to it, of the second across.
    let ends = |centre: Direction, first: f64, second: f64, turn: f64| {
        let arms = [(first, 0.0), (second, 90.0), (first, 180.0), (second, 270.0)];
        let end = |(arm, more): (f64, f64)| {
            let arm = Angle::from_degrees((0.999 * arm - 2e-13).max(0.0));
            centre.offset_by(Angle::from_degrees(turn + more), arm)
        };
        arms.map(end).to_vec()
    };
    match region {
        Region::Cone(cone) => ends(cone.centre(), cone.radius().degrees(), cone.radius().degrees(), 0.0),
        Region::EllipticalCone(ellipse) => {
            let (a, b) = (ellipse.semi_major().degrees(), ellipse.semi_minor().degrees());
            ends(ellipse.centre(), a, b, ellipse.position_angle().degrees())
        }
        Region::Polygon(polygon) => polygon.rings().iter().flatten().copied().collect(),
        Region::SkyBox(sky_box) => {
            let (north, east) = (0.5 * sky_box.height().degrees(), 0.5 * sky_box.width().degrees());
            ends(sky_box.centre(), north, east, 0.0)
        }
        Region::Zone(zone) => {
            let ((west, east), (south, north)) = (zone.ra_deg().unwrap_or((0.0, 180.0)), zone.dec_deg());
            let corners = [(west, south), (east, south), (west, north), (east, north)];
            corners.iter().filter_map(|(ra, dec)| Direction::from_degrees(*ra, *dec).ok()).collect()
        }
    }
}

fn whole(cone: &Cone) -> bool {
    cone.radius().degrees() >= 180.0
}

/// The rest of the sky is a cone around the antipode; the polygon must keep out of it.
fn polygon_in_cone(inner: &Polygon, outer: &Cone) -> bool {
    let antipode = outer.vector().map(|value| -value);
    let clear = std::f64::consts::PI - outer.radius().radians();
    let holds =
        |place: [f64; 3]| Direction::from_unit_vector(place).is_ok_and(|place| inner.contains(&place));
    whole(outer)
        || (inner.edges().iter().all(|edge| edge.distance(antipode) >= clear - SLACK)
            && (clear <= SLACK || !holds(antipode)))
}

fn cone_in_polygon(inner: &Cone, outer: &Polygon) -> bool {
    let reach = inner.radius().radians();
    outer.contains(&inner.centre())
        && (reach == 0.0 || outer.edges().iter().all(|edge| edge.distance(*inner.vector()) >= reach - SLACK))
}

/// Vertices inside, no sides that cross, and no corner or hole of the outer one in the midst of the inner one.
fn polygon_in_polygon(inner: &Polygon, outer: &Polygon) -> bool {
    let near = |polygon: &Polygon, edge: &Edge, which: usize| {
        polygon.edges().iter().any(|side| side.distance(edge.ends[which]) <= SLACK)
    };
    let sticks_out = inner.edges().iter().any(|edge| !outer.contains(&edge.from) && !near(outer, edge, 0));
    let cuts_in = || outer.edges().iter().any(|edge| inner.contains(&edge.from) && !near(inner, edge, 0));
    // Sides that cross within rounding of an end only touch there.
    let crosses = |a: &Edge, b: &Edge| {
        let ends_apart = |a: &Edge, b: &Edge| a.ends.iter().all(|end| b.distance(*end) > SLACK);
        sides_cross(a, b) && ends_apart(a, b) && ends_apart(b, a)
    };
    !sticks_out
        && !cuts_in()
        && !inner.edges().iter().any(|edge| outer.edges().iter().any(|side| crosses(edge, side)))
}

/// Looks for a cell of the inner region, or the middle of one, that is outside the outer one.
fn searched(outer: &Region, inner: &Region) -> bool {
    if extremes(inner).iter().any(|end| !outer.contains(end)) {
        return false;
    }
    let end = divided(inner, |place| match (inner.class(place), outer.class(place)) {
        (Class::Outside, _) | (_, Class::Full) => Look::PassOver,
        (Class::Full, Class::Outside) => Look::Stop,
        _ => match Direction::from_unit_vector(place.vector) {
            Ok(middle) if inner.contains(&middle) && !outer.contains(&middle) => Look::Stop,
            _ => Look::Divide,
        },
    });
    end != End::Stopped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EllipticalCone, SkyBox};

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

    #[test]
    fn cones_may_touch_from_inside() {
        assert!(cone(10.0, 0.0, 3.0).contains_region(&cone(12.0, 0.0, 1.0)));
        assert!(!cone(10.0, 0.0, 3.0).contains_region(&cone(12.0, 0.0, 1.000_000_001)));
        assert!(cone(10.0, 0.0, 180.0).contains_region(&cone(190.0, 0.0, 180.0)));
        assert!(!cone(10.0, 0.0, 179.0).contains_region(&cone(190.0, 0.0, 0.5)));
    }

    #[test]
    fn tiny_and_half_spherical_pairs_are_told_apart() {
        let arcsec = 1.0 / 3600.0;
        for size in [arcsec, 1e-3 * arcsec] {
            let dot = polygon(&[(10.0 - size, 0.0), (10.0 + size, 0.0), (10.0, size)]);
            assert!(cone(10.0, 0.0, size * 1.000_1).contains_region(&dot), "{size}");
            assert!(!cone(10.0, 0.0, size * 0.999_9).contains_region(&dot), "{size}");
        }
        let half = polygon(&[(0.0, 0.0), (120.0, 0.0), (240.0, 0.0)]);
        let dec = if half.contains(&at(0.0, 90.0)) { 90.0 } else { -90.0 };
        assert!(half.contains_region(&cone(0.0, dec, 90.0)));
        assert!(!half.contains_region(&cone(0.0, dec, 90.0 + 1e-11)));
        assert!(half.contains_region(&cone(0.0, dec - 1e-11_f64.copysign(dec), 90.0 - 1.1e-11)));
        assert!(!half.contains_region(&cone(0.0, dec - 1e-11_f64.copysign(dec), 90.0 - 0.9e-11)));
    }

    #[test]
    fn every_region_contains_itself_and_what_shares_its_boundary() {
        let notched = [(358.0, -2.0), (2.0, -2.0), (2.0, 2.0), (0.0, 0.0), (358.0, 2.0)];
        let notched = polygon(&notched);
        let square = polygon(&[(358.0, -2.0), (2.0, -2.0), (2.0, 2.0), (358.0, 2.0)]);
        let field = Region::from(
            SkyBox::new(at(0.0, 60.0), Angle::from_degrees(3.0), Angle::from_degrees(1.0)).unwrap(),
        );
        let zone = Region::from(Zone::new(10.0, 20.0, -5.0, 5.0).unwrap());
        for region in [&notched, &square, &field, &cone(10.0, 20.0, 5.0), &zone] {
            assert!(region.contains_region(region), "{region:?}");
        }
        assert!(square.contains_region(&notched) && !notched.contains_region(&square));
        assert!(square.contains_region(&polygon(&[(358.0, -2.0), (2.0, -2.0), (0.0, 0.0)])));
        assert!(!notched.contains_region(&polygon(&[(358.0, -1.0), (2.0, -1.0), (0.0, 0.1)])));
    }

    #[test]
    fn zones_hold_zones_over_right_ascension_zero_and_at_poles() {
        let zone = |west, east, south, north| Region::from(Zone::new(west, east, south, north).unwrap());
        let outer = zone(350.0, 10.0, 0.0, 90.0);
        assert!(outer.contains_region(&zone(350.0, 10.0, 0.0, 90.0)));
        assert!(outer.contains_region(&zone(355.0, 5.0, 1.0, 2.0)));
        assert!(outer.contains_region(&zone(123.0, 170.0, 90.0, 90.0)));
        assert!(!outer.contains_region(&zone(355.0, 10.000_000_000_000_002, 1.0, 2.0)));
        assert!(!outer.contains_region(&zone(10.0, 350.0, 1.0, 2.0)));
        assert!(!outer.contains_region(&zone(5.0, 355.0, 1.0, 2.0)));
        assert!(!outer.contains_region(&zone(0.0, 360.0, 1.0, 2.0)));
        assert!(!outer.contains_region(&zone(0.0, 1.0, -1e-300, 2.0)));
        assert!(zone(0.0, 360.0, 1.0, 2.0).contains_region(&zone(0.0, 360.0, 1.0, 1.5)));
    }

    #[test]
    fn holes_let_nothing_be_inside_that_holds_them() {
        let ring = |half: f64, turn: bool| {
            let mut ring =
                vec![at(360.0 - half, -half), at(half, -half), at(half, half), at(360.0 - half, half)];
            if turn {
                ring.reverse();
            }
            ring
        };
        let holed = Region::from(Polygon::from_rings(&[ring(10.0, false), ring(1.0, true)]).unwrap());
        assert!(!holed.contains_region(&cone(0.0, 0.0, 5.0)) && !holed.contains_region(&cone(0.0, 0.0, 0.5)));
        assert!(holed.contains_region(&cone(5.0, 0.0, 3.9)) && !holed.contains_region(&cone(5.0, 0.0, 4.1)));
        assert!(!holed.contains_region(&Region::from(Polygon::new(&ring(5.0, false)).unwrap())));
        assert!(
            cone(0.0, 0.0, 15.0).contains_region(&holed) && !cone(0.0, 0.0, 14.0).contains_region(&holed)
        );
        assert!(cone(3.0, 0.0, 179.0).contains_region(&holed));
    }

    #[test]
    fn searched_pairs_are_told_apart() {
        let degrees = Angle::from_degrees;
        let ellipse = Region::from(
            EllipticalCone::new(at(15.0, 0.0), degrees(4.0), degrees(1.0), degrees(0.0)).unwrap(),
        );
        let zone = |half: f64| Region::from(Zone::new(15.0 - half, 15.0 + half, -5.0, 5.0).unwrap());
        assert!(zone(1.1).contains_region(&ellipse) && !zone(0.9).contains_region(&ellipse));
        assert!(
            ellipse.contains_region(&cone(15.0, 0.0, 0.99))
                && !ellipse.contains_region(&cone(15.0, 0.0, 1.01))
        );
        assert!(
            cone(15.0, 0.0, 4.01).contains_region(&ellipse)
                && !cone(15.0, 0.0, 3.99).contains_region(&ellipse)
        );
        // Far smaller than any cell.
        let dot = |ra: f64, dec: f64| {
            let [a, b, turn] = [3e-9, 1e-9, 0.0].map(degrees);
            Region::from(EllipticalCone::new(at(ra, dec), a, b, turn).unwrap())
        };
        let around = cone(15.0, 0.0, 5e-9);
        assert!(around.contains_region(&dot(15.0, 1e-9)));
        assert!(!around.contains_region(&dot(15.0, 3e-9)) && !around.contains_region(&dot(15.0, 2e-8)));
    }
}
