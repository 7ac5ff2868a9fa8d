//! Sides of polygons.
//!
//! Whether a direction is inside is counted along its meridian towards the north pole: each side that crosses
//! the meridian there adds a turn, eastward ones one way and westward ones the other. Right ascensions are
//! compared as they are, a vertex belonging to the side east of it, so that no crossing is counted twice or
//! missed; only "above or below" needs arithmetic.

use super::{Place, distance};
use crate::exact::{self, Dd, Vector};
use crate::lanes::{BLUR, Block, LANES, Lanes, dot};
use crate::{Direction, Error};

/// A side, from a vertex to the next along the shorter great circle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edge {
    pub(super) from: Direction,
    pub(super) to: Direction,
    /// Unit vectors of the ends.
    pub(super) ends: [[f64; 3]; 2],
    /// Unit vector to the left of the way; any for a side that stays at a pole.
    pub(super) normal: [f64; 3],
    /// Radians.
    pub(super) length: f64,
    sweep: Sweep,
    /// Right ascensions between which the side passes: from `west` eastwards to before `east`.
    west: f64,
    east: f64,
}

/// How a side passes the meridians.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sweep {
    /// It does not.
    None,
    /// Above some directions and below others; +1 eastwards, -1 westwards.
    Across(i32),
    /// At the north pole, above all.
    Above(i32),
    /// At the south pole, below all.
    Below,
}

/// Distances to a side smaller than this, radians for one that is not nearly half a circle, are rounding.
const TIE: f64 = 1e-30;

/// The vertices of a ring without repetition, and its sides; a side through a pole becomes two.
pub(super) fn ring_edges(number: usize, given: &[Direction]) -> Result<(Vec<Direction>, Vec<Edge>), Error> {
    let mut ring: Vec<Direction> = Vec::with_capacity(given.len());
    for vertex in given {
        if ring.last().is_none_or(|last| !same(last, vertex)) {
            ring.push(*vertex);
        }
    }
    while ring.len() > 1 && same(&ring[0], &ring[ring.len() - 1]) {
        ring.pop();
    }
    if ring.len() < 3 {
        return Err(Error::FewVertices { ring: number, vertices: ring.len() });
    }
    let mut edges = Vec::with_capacity(ring.len());
    for (vertex, from) in ring.iter().enumerate() {
        let to = ring[(vertex + 1) % ring.len()];
        let opposite = Error::OppositeVertices { ring: number, vertex };
        let turn = Dd::difference(to.ra_deg(), from.ra_deg());
        let half_turn = turn.to_f64().abs() == 180.0 && (turn - Dd::from(turn.to_f64())).to_f64() == 0.0;
        let at_pole = from.dec_deg().abs() == 90.0 || to.dec_deg().abs() == 90.0;
        if half_turn && !at_pole {
            // Along a meridian, over the pole that is nearer.
            let sum = Dd::difference(from.dec_deg(), -to.dec_deg()).to_f64();
            if sum == 0.0 {
                return Err(opposite);
            }
            let pole = Direction::from_degrees(from.ra_deg(), 90_f64.copysign(sum))?;
            edges.push(Edge::new(*from, pole).ok_or(opposite.clone())?);
            edges.push(Edge::new(pole, to).ok_or(opposite)?);
        } else {
            edges.push(Edge::new(*from, to).ok_or(opposite)?);
        }
    }
    Ok((ring, edges))
}

fn same(a: &Direction, b: &Direction) -> bool {
    a == b || (a.dec_deg() == b.dec_deg() && a.dec_deg().abs() == 90.0)
}

impl Edge {
    /// None between opposite directions.
    fn new(from: Direction, to: Direction) -> Option<Self> {
        let vectors = [exact::unit_vector(&from), exact::unit_vector(&to)];
        let normal = exact::cross(&vectors[0], &vectors[1]);
        let sine = exact::dot(&normal, &normal).sqrt().to_f64();
        let cosine = exact::dot(&vectors[0], &vectors[1]).to_f64();
        // Nearly opposite ones, closer than 1e-14 radians, have no side that the digits could tell.
        if cosine < 0.0 && sine < 1e-14 {
            return None;
        }
        // Eastwards if the turn is 0 to 180 degrees.
        let turn = Dd::difference(to.ra_deg(), from.ra_deg());
        let beyond = (turn - Dd::from(180.0_f64.copysign(turn.to_f64()))).to_f64();
        let sign = match turn.to_f64() {
            0.0 => 0,
            eastward if eastward > 0.0 => {
                if beyond <= 0.0 {
                    1
                } else {
                    -1
                }
            }
            _ => {
                if beyond < 0.0 {
                    1
                } else {
                    -1
                }
            }
        };
        let poles = [from.dec_deg(), to.dec_deg()];
        let sweep = match sign {
            0 => Sweep::None,
            _ if poles.contains(&90.0) => Sweep::Above(sign),
            _ if poles.contains(&-90.0) => Sweep::Below,
            _ => Sweep::Across(sign),
        };
        let (west, east) =
            if sign >= 0 { (from.ra_deg(), to.ra_deg()) } else { (to.ra_deg(), from.ra_deg()) };
        let ends = vectors.map(|vector| vector.map(Dd::to_f64));
        // Divided before rounding, so that short sides have a direction as good as long ones.
        let normal = normal.map(|value| value.to_f64() / sine);
        Some(Self { from, to, ends, normal, length: sine.atan2(cosine), sweep, west, east })
    }

    /// The area south of the side, steradians, positive eastwards.
    ///
    /// A triangle's area from two sides and the angle between: Todhunter 1886, Spherical Trigonometry, chapter 8.
    pub(super) fn area_below(&self) -> f64 {
        let turn = (self.east - self.west).rem_euclid(360.0).to_radians();
        match self.sweep {
            Sweep::None | Sweep::Below => 0.0,
            Sweep::Above(sign) => f64::from(sign) * 2.0 * turn,
            Sweep::Across(sign) => {
                let tan_half = |place: &Direction| (0.5 * (90.0 - place.dec_deg())).to_radians().tan();
                let product = tan_half(&self.from) * tan_half(&self.to);
                let above = 2.0 * (product * turn.sin()).atan2(1.0 + product * turn.cos());
                f64::from(sign) * (2.0 * turn - above)
            }
        }
    }

    /// Turns that the side adds for a direction; None if it is too near the side to say.
    pub(super) fn passes_above(&self, ra: f64, vector: [f64; 3]) -> Option<i32> {
        if !self.spans(ra, true) {
            return Some(0);
        }
        let side = dot::<false>(&self.normal, vector[0], vector[1], vector[2]);
        if side.abs() <= BLUR {
            return None;
        }
        Some(if self.spans(ra, false) { self.turns(side) } else { 0 })
    }

    fn turns(&self, side: f64) -> i32 {
        match self.sweep {
            // To the left of an eastward side is north of it.
            Sweep::Across(sign) if side * f64::from(sign) < 0.0 => sign,
            Sweep::Above(sign) => sign,
            _ => 0,
        }
    }

    /// Whether the side passes a meridian, or ends at it.
    #[inline(always)]
    fn spans(&self, ra: f64, closed: bool) -> bool {
        let (after, before) = (self.west <= ra, ra < self.east || (closed && ra == self.east));
        if self.sweep == Sweep::None {
            // Along the meridian, or to a pole given with the same right ascension.
            closed && self.west == ra
        } else if self.west <= self.east {
            after && before
        } else {
            after || before
        }
    }

    /// [`Edge::passes_above`] for a block; `clear` becomes 0 where it says None.
    #[inline(always)]
    pub(super) fn count_block<const FMA: bool>(&self, block: &Block, turns: &mut Lanes, clear: &mut Lanes) {
        let (west, east) = (self.west, self.east);
        let one_piece = west <= east;
        let (sign, all) = match self.sweep {
            Sweep::None | Sweep::Below => (0.0, false),
            Sweep::Across(sign) => (f64::from(sign), false),
            Sweep::Above(sign) => (f64::from(sign), true),
        };
        let still = self.sweep == Sweep::None;
        for k in 0..LANES {
            let ra = block.ra[k];
            let (after, before, at_end) = (west <= ra, ra < east, ra == east);
            let open = if one_piece { after & before } else { after | before };
            let (open, closed) = (open & !still, open | at_end | (still & (ra == west)));
            let side = dot::<FMA>(&self.normal, block.x[k], block.y[k], block.z[k]);
            let above = all | (side * sign < 0.0);
            turns[k] += if open & above { sign } else { 0.0 };
            clear[k] = if closed & (side.abs() <= BLUR) { 0.0 } else { clear[k] };
        }
    }

    /// As [`Edge::passes_above`] with 31 digits; None on the side.
    pub(super) fn passes_above_exactly(&self, place: &Direction, vector: &Vector) -> Option<i32> {
        if same(place, &self.from) || same(place, &self.to) {
            return None;
        }
        if !self.spans(place.ra_deg(), true) {
            return Some(0);
        }
        let meridian = place.ra_deg() == self.from.ra_deg() && place.ra_deg() == self.to.ra_deg();
        let pole = |end: &Direction| end.dec_deg().abs() == 90.0;
        let (from_dec, to_dec) = (self.from.dec_deg(), self.to.dec_deg());
        if meridian || pole(&self.from) || pole(&self.to) {
            // Along a meridian: compared as it is.
            let on_it = meridian
                || (pole(&self.from) && place.ra_deg() == self.to.ra_deg())
                || (pole(&self.to) && place.ra_deg() == self.from.ra_deg());
            let between = from_dec.min(to_dec) <= place.dec_deg() && place.dec_deg() <= from_dec.max(to_dec);
            if on_it && between {
                return None;
            }
            return Some(if self.spans(place.ra_deg(), false) { self.turns(0.0) } else { 0 });
        }
        let side = self.side_exactly(vector)?;
        Some(if self.spans(place.ra_deg(), false) { self.turns(side) } else { 0 })
    }

    /// The product of the ends with a unit vector, positive to the left of the way; None where it vanishes.
    ///
    /// Of the differences from the first end, so that what is left of short sides keeps its digits.
    pub(super) fn side_exactly(&self, vector: &Vector) -> Option<f64> {
        let (from, to) = (exact::unit_vector(&self.from), exact::unit_vector(&self.to));
        let minus = |a: &Vector| [a[0] - from[0], a[1] - from[1], a[2] - from[2]];
        let (way, off) = (minus(&to), minus(vector));
        let side = exact::dot(&from, &exact::cross(&way, &off)).to_f64();
        let length = |v: &Vector| v.iter().map(|value| value.to_f64().powi(2)).sum::<f64>().sqrt();
        (side.abs() > TIE * (length(&way) + length(&off))).then_some(side)
    }

    /// Whether a part of the side may lie in a circle.
    pub(super) fn is_within(&self, place: &Place) -> bool {
        let [x, y, z] = place.vector;
        let side = dot::<false>(&self.normal, x, y, z);
        if place.radius < 1.5 && side.abs() > place.radius.sin() {
            return false;
        }
        self.distance(place.vector) <= place.radius
    }

    /// The distance to the nearest point of the side, radians, to about 1e-15.
    pub(super) fn distance(&self, vector: [f64; 3]) -> f64 {
        let [x, y, z] = vector;
        let [nx, ny, nz] = self.normal;
        let side = nx * x + ny * y + nz * z;
        // Is the foot of the perpendicular between the ends?
        let after = |end: [f64; 3]| {
            // The component along the way at this end.
            let ahead = [ny * end[2] - nz * end[1], nz * end[0] - nx * end[2], nx * end[1] - ny * end[0]];
            ahead[0] * x + ahead[1] * y + ahead[2] * z
        };
        if self.length > 0.0 && after(self.ends[0]) >= 0.0 && after(self.ends[1]) <= 0.0 {
            let [a, b, c] = [y * nz - z * ny, z * nx - x * nz, x * ny - y * nx];
            return side.abs().atan2((a * a + b * b + c * c).sqrt());
        }
        distance(&self.ends[0], &vector).min(distance(&self.ends[1], &vector))
    }
}
