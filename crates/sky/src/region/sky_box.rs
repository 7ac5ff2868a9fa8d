//! Boxes with great-circle sides.

use super::{Class, Place};
use crate::exact::{self, Dd};
use crate::lanes::{BLUR, Block, Lanes, Test, dot};
use crate::{Angle, Cone, Direction, Error, Polygon};

/// ADQL's BOX: the directions inside a cross's four sides, the sides included.
///
/// Arms reach from the centre half a width to the east and west and half a height to the north and south, along
/// great circles; the sides are the great circles across their ends at right angles. On the tangential plane that
/// is a rectangle. This is the text of ADQL 2.1, section 4.2.9, and of STC 1.33, section 4.5.1.5, and what DaCHS
/// and `cdshealpix` do; those who read "parallel to the coordinate axes" as sides along meridians and parallels
/// want [`Zone::around`](crate::Zone::around). Both agree to second order in the size, away from the poles.
///
/// At a pole, north and east are those of the right ascension given.
///
/// ```
/// use uranometria_sky::{Angle, Direction, SkyBox};
///
/// let field = Direction::from_degrees(0.0, 60.0)?;
/// let field = SkyBox::new(field, Angle::from_degrees(10.0), Angle::from_degrees(2.0))?;
/// // The southern side is a great circle that bends northwards beside the centre.
/// assert!(field.contains(&Direction::from_degrees(0.0, 59.0)?));
/// assert!(!field.contains(&Direction::from_degrees(10.0, 58.0)?));
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkyBox {
    centre: Direction,
    width: Angle,
    height: Angle,
    /// Unit vectors at right angles to the sides, inwards: of the eastern, western, northern and southern side.
    inwards: [[f64; 3]; 4],
}

/// Sines of distances to a side smaller than this count as 0.
const TIE: f64 = 1e-30;

impl SkyBox {
    /// Makes a box around a centre, of a width (to the east and west) and a height.
    ///
    /// # Errors
    /// [`Error::Size`] unless both are more than 0 and less than 180 degrees.
    pub fn new(centre: Direction, width: Angle, height: Angle) -> Result<Self, Error> {
        for (what, found_deg) in [("width", width.degrees()), ("height", height.degrees())] {
            if !(found_deg > 0.0 && found_deg < 180.0) {
                return Err(Error::Size { what, found_deg, expected: "more than 0, less than 180" });
            }
        }
        let axis = exact::unit_vector(&centre);
        let (sin_ra, cos_ra) = Dd::from(centre.ra_deg()).sin_cos_deg();
        let east = [-sin_ra, cos_ra, Dd::ZERO];
        let north = exact::cross(&axis, &east);
        let inwards = |size: Angle, arm: &exact::Vector| {
            let (sin, cos) = Dd::from(size.degrees()).half().sin_cos_deg();
            let side =
                |sign: f64| [0, 1, 2].map(|k| (axis[k] * sin - arm[k] * cos * Dd::from(sign)).to_f64());
            [side(1.0), side(-1.0)]
        };
        let ([e, w], [n, s]) = (inwards(width, &east), inwards(height, &north));
        Ok(Self { centre, width, height, inwards: [e, w, n, s] })
    }

    /// The centre.
    pub fn centre(&self) -> Direction {
        self.centre
    }

    /// The length of the arms to the east and west together.
    pub fn width(&self) -> Angle {
        self.width
    }

    /// The length of the arms to the north and south together.
    pub fn height(&self) -> Angle {
        self.height
    }

    /// Whether a direction is inside or on a side. Right for all directions but those closer to a side than
    /// 1e-30 radians, which count as on it.
    pub fn contains(&self, place: &Direction) -> bool {
        let [x, y, z] = place.unit_vector();
        let depth = self.depth::<false>(x, y, z);
        depth > BLUR || (depth >= -BLUR && self.exact(place))
    }

    /// The corners: south-east, north-east, north-west, south-west.
    pub fn corners(&self) -> [Direction; 4] {
        let (east, north) = (0.5 * self.width.radians(), 0.5 * self.height.radians());
        let (east, north) = (east.tan(), north.tan());
        [(1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(right, up)| {
            let (sin_ra, cos_ra) = self.centre.ra_deg().to_radians().sin_cos();
            let [x, y, z] = self.centre.unit_vector();
            let flat = self.centre.dec_deg().to_radians().cos();
            let (e, n) = (right * east, up * north);
            let corner = [x - e * sin_ra - n * z * cos_ra, y + e * cos_ra - n * z * sin_ra, z + n * flat];
            Direction::from_unit_vector(corner).unwrap_or(self.centre)
        })
    }

    /// The polygon with the same corners, rounded to doubles.
    ///
    /// # Errors
    /// [`Error::FewVertices`] if the box is so small that its corners coincide.
    pub fn to_polygon(&self) -> Result<Polygon, Error> {
        Polygon::new(&self.corners())
    }

    /// Area in square degrees.
    pub fn area_deg2(&self) -> f64 {
        let sines = (0.5 * self.width.radians()).sin() * (0.5 * self.height.radians()).sin();
        4.0 * sines.min(1.0).asin() * super::DEG2_PER_STERADIAN
    }

    pub(super) fn bounding_cone(&self) -> Cone {
        let (east, north) = (0.5 * self.width.radians(), 0.5 * self.height.radians());
        let radius = Angle::from_radians(east.tan().hypot(north.tan()).atan() * (1.0 + 1e-14) + 1e-15);
        Cone::new(self.centre, radius).unwrap_or_else(|_| Cone::whole(self.centre))
    }

    pub(super) fn class(&self, place: &Place) -> Class {
        let [x, y, z] = place.vector;
        Class::of(-self.depth::<false>(x, y, z).clamp(-1.0, 1.0).asin(), place.radius)
    }

    /// Sine of the distance to the great circle of the nearest side, positive inside.
    #[inline(always)]
    fn depth<const FMA: bool>(&self, x: f64, y: f64, z: f64) -> f64 {
        let [a, b, c, d] = self.inwards;
        let (a, b) = (dot::<FMA>(&a, x, y, z), dot::<FMA>(&b, x, y, z));
        let (c, d) = (dot::<FMA>(&c, x, y, z), dot::<FMA>(&d, x, y, z));
        a.min(b).min(c.min(d))
    }
}

impl Test for SkyBox {
    fn thresholds(&self) -> (f64, f64) {
        (-BLUR, BLUR)
    }

    fn dec_range(&self) -> (f64, f64) {
        super::dec_range(&self.bounding_cone())
    }

    #[inline(always)]
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes) {
        for (k, out) in out.iter_mut().enumerate() {
            *out = -self.depth::<FMA>(block.x[k], block.y[k], block.z[k]);
        }
    }

    fn exact(&self, place: &Direction) -> bool {
        let [east, north, along] = exact::offsets(&self.centre, place);
        [(self.width, east), (self.height, north)].into_iter().all(|(size, off)| {
            let (sin, cos) = Dd::from(size.degrees()).half().sin_cos_deg();
            let off = if off.to_f64() < 0.0 { -off } else { off };
            (along * sin - off * cos).to_f64() >= -TIE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ra_deg: f64, dec_deg: f64) -> Direction {
        Direction::from_degrees(ra_deg, dec_deg).unwrap()
    }

    fn sky_box(ra: f64, dec: f64, width: f64, height: f64) -> SkyBox {
        SkyBox::new(at(ra, dec), Angle::from_degrees(width), Angle::from_degrees(height)).unwrap()
    }

    #[test]
    fn arms_end_at_the_sides() {
        let field = sky_box(0.0, 0.0, 10.0, 4.0);
        assert!(field.contains(&at(5.0, 0.0)) && !field.contains(&at(5.000000000000001, 0.0)));
        assert!(field.contains(&at(0.0, -2.0)) && !field.contains(&at(0.0, -2.0000000000000004)));
        assert!(!field.contains(&at(180.0, 0.0)));
        let polar = sky_box(30.0, 90.0, 10.0, 4.0);
        assert!(polar.contains(&at(120.0, 85.0)) && !polar.contains(&at(120.0, 84.99999999999999)));
        assert!(polar.contains(&at(30.0, 88.0)) && !polar.contains(&at(30.0, 87.99999999999999)));
    }

    #[test]
    fn boxes_agree_with_the_polygon_of_their_corners() {
        for (ra, dec, width, height) in
            [(10.0, 20.0, 3.0, 1.0), (0.0, 89.0, 8.0, 6.0), (300.0, -45.0, 170.0, 90.0)]
        {
            let field = sky_box(ra, dec, width, height);
            let polygon = field.to_polygon().unwrap();
            assert!((polygon.area_deg2() / field.area_deg2() - 1.0).abs() < 1e-11, "{ra} {dec}");
            let mut inside = 0;
            for n in 0..20_000 {
                let (u, v) = ((f64::from(n) * 0.754_877_666).fract(), (f64::from(n) * 0.569_840_291).fract());
                let off =
                    at((ra + (u - 0.5) * 360.0) % 360.0, (dec + (v - 0.5) * height * 2.0).clamp(-90.0, 90.0));
                assert_eq!(field.contains(&off), polygon.contains(&off), "{off:?}");
                inside += i32::from(field.contains(&off));
            }
            assert!(inside > 10);
        }
    }
}
