//! Polygons whose sides are great circles.

use super::edge::{Edge, ring_edges};
use super::{Class, Place};
use crate::exact::{self, Dd};
use crate::lanes::{Block, LANES, Lanes, Test};
use crate::{Angle, Cone, Direction, Error};

/// The directions within one or more rings of great-circle arcs, the rings themselves included.
///
/// Inside is where the rings wind around a direction, all turns added up, other than 0 times (the non-zero rule).
/// So a ring may run either way; a ring inside another is a hole if it runs the other way, and changes nothing
/// if it runs the same way; where a ring crosses itself, both its loops are inside. A ring divides the sphere in
/// two, and of these the smaller part is taken to be its inside, but by [`Polygon::counter_clockwise`]. Poles and
/// right ascension 0 are places like others.
///
/// Membership is right for all directions but those closer than about 1e-29 radians to a side, which count as on it.
///
/// ```
/// use uranometria_sky::{Direction, Polygon};
///
/// let corners = [(350.0, 80.0), (80.0, 80.0), (170.0, 80.0), (260.0, 80.0)];
/// let corners: Result<Vec<_>, _> = corners.iter().map(|(ra, dec)| Direction::from_degrees(*ra, *dec)).collect();
/// let around_the_pole = Polygon::new(&corners?)?;
/// assert!(around_the_pole.contains(&Direction::from_degrees(35.0, 82.9)?));
/// assert!(!around_the_pole.contains(&Direction::from_degrees(35.0, 82.8)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    rings: Vec<Vec<Direction>>,
    edges: Vec<Edge>,
    /// How often the rings wind around the north pole.
    pole_turns: i32,
    /// Counted with the turns, steradians.
    area: f64,
    bounds: Cone,
}

impl Polygon {
    /// Makes a polygon of its vertices in order, either way around. The last may repeat the first.
    ///
    /// Of a ring that halves the sphere, to 1e-12 steradians, the part is inside that
    /// [`Polygon::counter_clockwise`] takes.
    ///
    /// # Errors
    /// [`Error::FewVertices`], [`Error::OppositeVertices`].
    pub fn new(vertices: &[Direction]) -> Result<Self, Error> {
        Self::from_rings(&[vertices])
    }

    /// Makes a polygon of several rings; one inside another that runs the other way is a hole.
    ///
    /// # Errors
    /// [`Error::FewVertices`], [`Error::OppositeVertices`].
    pub fn from_rings<R: AsRef<[Direction]>>(rings: &[R]) -> Result<Self, Error> {
        Self::build(rings, false)
    }

    /// Makes a polygon of the part that a ring runs around counter-clockwise for one who looks at the sky, north
    /// up and east to the left. It may be larger than half the sphere.
    ///
    /// # Errors
    /// [`Error::FewVertices`], [`Error::OppositeVertices`].
    ///
    /// DALI 1.1, section 3.3.7, reads every polygon so; many who write polygons do not know.
    pub fn counter_clockwise(vertices: &[Direction]) -> Result<Self, Error> {
        Self::build(&[vertices], true)
    }

    fn build<R: AsRef<[Direction]>>(given: &[R], counter_clockwise: bool) -> Result<Self, Error> {
        if given.is_empty() {
            return Err(Error::FewVertices { ring: 0, vertices: 0 });
        }
        let (mut rings, mut edges) = (Vec::new(), Vec::new());
        let (mut pole_turns, mut area) = (0, 0.0);
        for (number, ring) in given.iter().enumerate() {
            let (ring, sides) = ring_edges(number, ring.as_ref())?;
            // If the turns around the north pole are 0, those around all directions make this area; a turn more
            // is the sphere more.
            let below = sides.iter().map(Edge::area_below).sum::<f64>();
            let sphere = 4.0 * std::f64::consts::PI;
            let turns = (-below / sphere - 0.5 + 1e-13).ceil();
            let inside = local_area(&ring, below + turns * sphere);
            // Clockwise: the rest of the sphere. What encloses no area but for rounding runs no way around.
            let way: f64 = sides.iter().map(|side| side.length).sum();
            let rest = if counter_clockwise && inside < -1e-14 * way * way { 1.0 } else { 0.0 };
            pole_turns += (turns + rest) as i32;
            area += inside + rest * sphere;
            rings.push(ring);
            edges.extend(sides);
        }
        let bounds = bounds(&rings, area);
        Ok(Self { rings, edges, pole_turns, area, bounds })
    }

    /// The vertices of each ring, none twice in a row.
    pub fn rings(&self) -> &[Vec<Direction>] {
        &self.rings
    }

    /// Whether a direction is inside or on a side.
    pub fn contains(&self, place: &Direction) -> bool {
        if place.dec_deg().abs() == 90.0 {
            return self.exact(place);
        }
        let vector = place.unit_vector();
        let mut turns = self.pole_turns;
        for edge in &self.edges {
            match edge.passes_above(place.ra_deg(), vector) {
                Some(passes) => turns += passes,
                None => return self.exact(place),
            }
        }
        turns != 0
    }

    /// Area in square degrees; where rings overlap or cross themselves, counted with the turns.
    pub fn area_deg2(&self) -> f64 {
        self.area.abs() * super::DEG2_PER_STERADIAN
    }

    /// The direction of the mean of the unit vectors inside, weighted with the turns; None where that vanishes.
    pub fn centroid(&self) -> Option<Direction> {
        if self.bounds.radius().radians() < 1e-4 {
            return Some(self.small_centroid());
        }
        // The integral of the unit vector over a polygon is half the sum of its sides' normals, each as long as
        // its side; Brock 1975, Journal of Applied Mechanics 42, 239.
        let mut sum = [0.0; 3];
        for edge in self.edges.iter().filter(|edge| edge.length > 0.0) {
            for (sum, normal) in sum.iter_mut().zip(edge.normal) {
                *sum -= 0.5 * edge.length * normal;
            }
        }
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length <= 1e-12 * self.area.abs() || length <= 1e-15 {
            return None;
        }
        Direction::from_unit_vector(sum.map(|value| value * self.area.signum())).ok()
    }

    /// In the tangential plane, where the sphere's curvature moves it by less than 1e-12 radians.
    fn small_centroid(&self) -> Direction {
        let centre = self.bounds.centre();
        let (mut sum, mut area) = ([0.0; 2], 0.0);
        for ring in &self.rings {
            let plane: Vec<[f64; 3]> =
                ring.iter().map(|vertex| exact::offsets(&centre, vertex).map(Dd::to_f64)).collect();
            for (k, a) in plane.iter().enumerate() {
                let b = plane[(k + 1) % plane.len()];
                let twice = a[0] * b[1] - b[0] * a[1];
                area += 0.5 * twice;
                sum[0] += twice * (a[0] + b[0]) / 6.0;
                sum[1] += twice * (a[1] + b[1]) / 6.0;
            }
        }
        let (east, north) = (sum[0] / area, sum[1] / area);
        if !(east.is_finite() && north.is_finite()) {
            return centre;
        }
        let (sin_ra, cos_ra) = centre.ra_deg().to_radians().sin_cos();
        let (sin_dec, cos_dec) = centre.dec_deg().to_radians().sin_cos();
        let vector = [
            cos_dec * cos_ra - east * sin_ra - north * sin_dec * cos_ra,
            cos_dec * sin_ra + east * cos_ra - north * sin_dec * sin_ra,
            sin_dec + north * cos_dec,
        ];
        Direction::from_unit_vector(vector).unwrap_or(centre)
    }

    /// A cone that holds the polygon: its centre is the mean of the vertices. The whole sky if no cone of less
    /// than 90 degrees around that does.
    pub fn bounding_cone(&self) -> Cone {
        self.bounds
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub(super) fn class(&self, place: &Place) -> Class {
        let from_centre = place.distance(self.bounds.vector());
        if from_centre > self.bounds.radius().radians() + place.radius {
            return Class::Outside;
        }
        if self.edges.iter().any(|edge| edge.is_within(place)) {
            return Class::Partial;
        }
        let inside = Direction::from_unit_vector(place.vector).is_ok_and(|centre| self.contains(&centre));
        if inside { Class::Full } else { Class::Outside }
    }
}

impl Test for Polygon {
    fn thresholds(&self) -> (f64, f64) {
        (-0.5, 0.5)
    }

    fn dec_range(&self) -> (f64, f64) {
        super::dec_range(&self.bounds)
    }

    /// -1 inside, 1 outside, 0 too near a side to say.
    #[inline(always)]
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes) {
        let mut turns = [f64::from(self.pole_turns); LANES];
        // A pole is on any meridian, and a vertex there on only one.
        let mut clear = block.dec.map(|dec| if dec.abs() == 90.0 { 0.0 } else { 1.0 });
        for edge in &self.edges {
            edge.count_block::<FMA>(block, &mut turns, &mut clear);
        }
        for k in 0..LANES {
            out[k] = clear[k] * if turns[k] != 0.0 { -1.0 } else { 1.0 };
        }
    }

    fn exact(&self, place: &Direction) -> bool {
        let vector = exact::unit_vector(place);
        let mut turns = self.pole_turns;
        for edge in &self.edges {
            match edge.passes_above_exactly(place, &vector) {
                Some(passes) => turns += passes,
                None => return true,
            }
        }
        turns != 0
    }
}

/// The area within a ring, relative to itself; `rough` has its sign, its turns and 15 places.
fn local_area(ring: &[Direction], rough: f64) -> f64 {
    if rough.abs() > 1e-3 {
        return rough;
    }
    // Triangles with a vertex as their common corner: nothing cancels in a small ring. Eriksson 1990, Mathematics
    // Magazine 63, 184.
    let origin = ring[0];
    let seen: Vec<[f64; 3]> =
        ring.iter().map(|vertex| exact::offsets(&origin, vertex).map(Dd::to_f64)).collect();
    let near: f64 = seen
        .windows(2)
        .map(|pair| {
            let ([a, b, c], [d, e, f]) = (pair[0], pair[1]);
            let volume = b * d - a * e;
            2.0 * volume.atan2(1.0 + c + f + a * d + b * e + c * f)
        })
        .sum();
    // Thin but long rings may be seen from their first vertex as something else.
    if (near - rough).abs() < 1e-12 { near } else { rough }
}

fn bounds(rings: &[Vec<Direction>], area: f64) -> Cone {
    let mut sum = [0.0; 3];
    for vertex in rings.iter().flatten() {
        for (sum, value) in sum.iter_mut().zip(vertex.unit_vector()) {
            *sum += value;
        }
    }
    let Ok(centre) = Direction::from_unit_vector(sum) else { return Cone::whole(Direction::NORTH_POLE) };
    let far = rings.iter().flatten().map(|vertex| centre.separation(vertex).radians()).fold(0.0, f64::max);
    // A cap of less than a half sphere holds the shortest arcs between its points, and so the smaller part.
    if far > 1.57 || area.abs() > 2.0 * std::f64::consts::PI {
        return Cone::whole(centre);
    }
    let radius = Angle::from_radians(far * (1.0 + 1e-14) + 1e-15);
    Cone::new(centre, radius).unwrap_or_else(|_| Cone::whole(centre))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPHERE: f64 = 41_252.961_249_419_27;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    fn ring(vertices: &[(f64, f64)]) -> Vec<Direction> {
        vertices.iter().map(|(ra, dec)| at(*ra, *dec)).collect()
    }

    fn polygon(vertices: &[(f64, f64)]) -> Polygon {
        Polygon::new(&ring(vertices)).unwrap()
    }

    /// Both ways around, whichever vertex is the first.
    fn check(vertices: &[(f64, f64)], inside: &[(f64, f64)], outside: &[(f64, f64)]) {
        for turn in 0..vertices.len() {
            let mut vertices = vertices.to_vec();
            vertices.rotate_left(turn);
            for _ in 0..2 {
                vertices.reverse();
                let polygon = polygon(&vertices);
                for (expected, places) in [(true, inside), (false, outside)] {
                    for (ra, dec) in places {
                        assert_eq!(polygon.contains(&at(*ra, *dec)), expected, "{vertices:?}: {ra} {dec}");
                        let mut out = [!expected];
                        polygon.contains_slice(&[*ra], &[*dec], &mut out).unwrap();
                        assert_eq!(out, [expected], "batch of {vertices:?}: {ra} {dec}");
                    }
                }
            }
        }
    }

    #[test]
    fn right_ascension_zero_is_a_place_like_others() {
        let square = [(355.0, -5.0), (5.0, -5.0), (5.0, 5.0), (355.0, 5.0)];
        let inside =
            [(0.0, 0.0), (359.9, 4.0), (0.1, -4.0), (5.0, 0.0), (355.0, 5.0), (355.0, 3.0), (5.0, -5.0)];
        check(
            &square,
            &inside,
            &[(180.0, 0.0), (5.000_000_000_000_001, 0.0), (354.9, 0.0), (0.0, 5.1), (0.0, 90.0)],
        );
    }

    #[test]
    fn a_pole_may_be_inside_a_vertex_or_on_a_side() {
        for (sign, ra) in [(1.0, 0.0), (-1.0, 0.0), (1.0, 77.0)] {
            let around =
                [(10.0, 70.0), (100.0, 70.0), (190.0, 70.0), (280.0, 70.0)].map(|(a, d)| (a, sign * d));
            let far = [(10.0, -90.0), (10.0, 69.9), (55.0, 75.0)].map(|(a, d)| (a, sign * d));
            check(&around, &[(ra, sign * 90.0), (10.0, sign * 70.0), (55.0, sign * 80.0)], &far);
            let vertex = [(ra, 90.0), (10.0, 60.0), (100.0, 60.0)].map(|(a, d)| (a, sign * d));
            let inside =
                [(333.0, 90.0), (55.0, 89.0), (10.0, 75.0), (100.0, 89.999)].map(|(a, d)| (a, sign * d));
            let outside =
                [(200.0, 89.999), (9.999, 75.0), (100.001, 75.0), (55.0, 50.0)].map(|(a, d)| (a, sign * d));
            check(&vertex, &inside, &outside);
            let through = [(20.0, 80.0), (200.0, 75.0), (110.0, 60.0)].map(|(a, d)| (a, sign * d));
            let inside =
                [(0.0, 90.0), (110.0, 80.0), (20.0, 85.0), (200.0, 80.0)].map(|(a, d)| (a, sign * d));
            check(&through, &inside, &[(290.0, sign * 89.9), (110.0, sign * 59.0), (110.0, -sign * 80.0)]);
        }
    }

    #[test]
    fn holes_run_the_other_way_and_islands_the_same_way() {
        let outer = ring(&[(350.0, -10.0), (10.0, -10.0), (10.0, 10.0), (350.0, 10.0)]);
        let mut inner = ring(&[(355.0, -5.0), (5.0, -5.0), (5.0, 5.0), (355.0, 5.0)]);
        let island = ring(&[(100.0, -5.0), (110.0, -5.0), (110.0, 5.0), (100.0, 5.0)]);
        let same = Polygon::from_rings(&[&outer, &inner, &island]).unwrap();
        assert!(
            same.contains(&at(0.0, 0.0)) && same.contains(&at(8.0, 8.0)) && same.contains(&at(105.0, 0.0))
        );
        inner.reverse();
        let holed = Polygon::from_rings(&[&outer, &inner]).unwrap();
        assert!(
            !holed.contains(&at(0.0, 0.0)) && holed.contains(&at(8.0, 8.0)) && holed.contains(&at(5.0, 0.0))
        );
        let [whole, hole] = [&outer, &inner].map(|ring| Polygon::new(ring).unwrap().area_deg2());
        assert!((holed.area_deg2() - (whole - hole)).abs() < 1e-9);
        assert!(holed.centroid().unwrap().separation(&at(0.0, 0.0)).degrees() < 1e-12);
    }

    #[test]
    fn areas_and_centroids_of_parts_of_the_sphere() {
        let octant = polygon(&[(0.0, 0.0), (90.0, 0.0), (0.0, 90.0)]);
        assert!((octant.area_deg2() - SPHERE / 8.0).abs() < 1e-9);
        let middle = (1.0_f64 / 3.0).sqrt().asin().to_degrees();
        assert!(octant.centroid().unwrap().separation(&at(45.0, middle)).degrees() < 1e-12);
        let small =
            polygon(&[(30.0, 60.0), (30.000_002, 60.0), (30.000_002, 60.000_001), (30.0, 60.000_001)]);
        let zone = crate::Zone::new(30.0, 30.000_002, 60.0, 60.000_001).unwrap();
        assert!((small.area_deg2() / zone.area_deg2() - 1.0).abs() < 1e-7, "{}", small.area_deg2());
        assert!(small.centroid().unwrap().separation(&at(30.000_001, 60.000_000_5)).arcsec() < 1e-9);
        let half = polygon(&[(0.0, 0.0), (120.0, 0.0), (240.0, 0.0)]);
        assert!((half.area_deg2() - SPHERE / 2.0).abs() < 1e-9);
        assert!(
            half.contains(&at(7.0, 0.0)) && half.contains(&at(7.0, -1.0)) != half.contains(&at(7.0, 1.0))
        );
    }

    #[test]
    fn a_ring_counter_clockwise_on_the_sky_may_leave_out_a_small_part() {
        // North, east, south, west: with east to the left that is counter-clockwise.
        let small = ring(&[(0.0, 5.0), (5.0, 0.0), (0.0, -5.0), (355.0, 0.0)]);
        let inside = Polygon::counter_clockwise(&small).unwrap();
        assert!(inside.contains(&at(0.0, 0.0)) && !inside.contains(&at(90.0, 0.0)));
        let clockwise: Vec<_> = small.iter().rev().copied().collect();
        let most = Polygon::counter_clockwise(&clockwise).unwrap();
        assert!(
            !most.contains(&at(0.0, 0.0)) && most.contains(&at(90.0, 0.0)) && most.contains(&at(0.0, 5.0))
        );
        assert!(most.contains(&at(0.0, 90.0)) && most.contains(&at(0.0, -90.0)));
        assert!((most.area_deg2() + inside.area_deg2() - SPHERE).abs() < 1e-9);
        assert!(most.centroid().unwrap().separation(&at(180.0, 0.0)).degrees() < 1e-9);
    }

    #[test]
    fn rings_without_sides_are_refused_and_repetitions_dropped() {
        let few = Polygon::new(&ring(&[(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)])).unwrap_err();
        assert_eq!(few, Error::FewVertices { ring: 0, vertices: 2 });
        let opposite = Polygon::new(&ring(&[(0.0, 0.0), (10.0, 20.0), (190.0, -20.0)])).unwrap_err();
        assert_eq!(opposite, Error::OppositeVertices { ring: 0, vertex: 1 });
        let closed = polygon(&[(0.0, 0.0), (5.0, 0.0), (5.0, 0.0), (0.0, 5.0), (0.0, 0.0)]);
        assert_eq!(closed.rings()[0].len(), 3);
        assert!(closed.contains(&at(1.0, 1.0)));
    }

    #[test]
    fn a_figure_of_eight_holds_both_its_loops() {
        let eight = polygon(&[(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 12.0)]);
        assert!(
            eight.contains(&at(9.0, 4.0)) && eight.contains(&at(1.0, 5.0)) && !eight.contains(&at(5.0, 1.0))
        );
    }
}
