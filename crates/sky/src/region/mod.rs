//! Regions of the sky and what is inside them.

mod cone;
mod coverage;
mod edge;
mod ellipse;
mod intersects;
mod polygon;
mod sky_box;
mod within;
mod zone;

use crate::error::same_length;
use crate::healpix::Cap;
use crate::{Direction, Error, lanes};

pub use cone::Cone;
pub use coverage::{CellRange, Cost, Coverage};
pub use ellipse::EllipticalCone;
pub use polygon::Polygon;
pub use sky_box::SkyBox;
pub use zone::Zone;

const DEG2_PER_STERADIAN: f64 = (180.0 / std::f64::consts::PI) * (180.0 / std::f64::consts::PI);

/// A region of any kind.
///
/// All regions are closed: the boundary is inside.
///
/// ```
/// use uranometria_sky::{Angle, Cone, Direction, Region};
///
/// let region = Region::from(Cone::new(Direction::from_degrees(56.75, 24.12)?, Angle::from_degrees(1.0))?);
/// let (ra, dec) = ([56.871_15, 56.218_90, 84.053], [24.105_14, 24.289_48, -1.202]);
/// let mut inside = [false; 3];
/// region.contains_slice(&ra, &dec, &mut inside)?;
/// assert_eq!(inside, [true, true, false]);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Region {
    /// A circle.
    Cone(Cone),
    /// A cone of elliptical section.
    EllipticalCone(EllipticalCone),
    /// Great-circle rings.
    Polygon(Polygon),
    /// A box of great circles.
    SkyBox(SkyBox),
    /// Ranges of right ascension and declination.
    Zone(Zone),
}

/// Evaluates an expression for whichever region it is.
macro_rules! each {
    ($region:expr, $inner:ident => $value:expr) => {
        match $region {
            Region::Cone($inner) => $value,
            Region::EllipticalCone($inner) => $value,
            Region::Polygon($inner) => $value,
            Region::SkyBox($inner) => $value,
            Region::Zone($inner) => $value,
        }
    };
}

impl Region {
    /// Whether a direction is inside or on the boundary.
    pub fn contains(&self, place: &Direction) -> bool {
        each!(self, region => region.contains(place))
    }

    /// Tests positions in degrees, each as [`Region::contains`] does.
    ///
    /// Any finite right ascension will do. A missing position, NaN in either coordinate, is in no region.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Row`] with the first row that is infinite or has a declination beyond a
    /// pole; `out` then holds the answers of some of the rows before it.
    pub fn contains_slice(&self, ra_deg: &[f64], dec_deg: &[f64], out: &mut [bool]) -> Result<(), Error> {
        each!(self, region => region.contains_slice(ra_deg, dec_deg, out))
    }

    /// Area in square degrees.
    pub fn area_deg2(&self) -> f64 {
        each!(self, region => region.area_deg2())
    }

    /// The direction of the mean of the unit vectors inside; None where that vanishes, as for the whole sky.
    ///
    /// Of regions without area it is the middle.
    pub fn centroid(&self) -> Option<Direction> {
        match self {
            Region::Cone(cone) if cone.radius().degrees() == 180.0 => None,
            Region::Cone(cone) => Some(cone.centre()),
            Region::EllipticalCone(ellipse) => Some(ellipse.centre()),
            Region::Polygon(polygon) => polygon.centroid(),
            Region::SkyBox(sky_box) => Some(sky_box.centre()),
            Region::Zone(zone) => zone.centroid(),
        }
    }

    /// A cone that holds the region; not always the smallest.
    pub fn bounding_cone(&self) -> Cone {
        match self {
            Region::Cone(cone) => *cone,
            Region::EllipticalCone(ellipse) => ellipse.bounding_cone(),
            Region::Polygon(polygon) => polygon.bounding_cone(),
            Region::SkyBox(sky_box) => sky_box.bounding_cone(),
            Region::Zone(zone) => zone.bounding_cone(),
        }
    }

    /// What a circle on the sky is to the region.
    pub(crate) fn class(&self, place: &Place) -> Class {
        each!(self, region => region.class(place))
    }
}

/// `contains_slice` and `From` for each kind of region.
macro_rules! kinds {
    ($($kind:ident),*) => {$(
        impl $kind {
            /// Tests positions in degrees, each as `contains` does; see [`Region::contains_slice`].
            ///
            /// # Errors
            /// [`Error::LengthMismatch`], [`Error::Row`].
            pub fn contains_slice(&self, ra_deg: &[f64], dec_deg: &[f64], out: &mut [bool]) -> Result<(), Error> {
                same_length("dec", ra_deg.len(), dec_deg.len())?;
                same_length("out", ra_deg.len(), out.len())?;
                lanes::test_slice(self, ra_deg, dec_deg, out)
            }
        }

        impl From<$kind> for Region {
            fn from(region: $kind) -> Self {
                Region::$kind(region)
            }
        }
    )*};
}

kinds!(Cone, EllipticalCone, Polygon, SkyBox, Zone);

/// What a circle is to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// No point of it is inside.
    Outside,
    /// Some may be and some may not.
    Partial,
    /// All of it is inside.
    Full,
}

impl Class {
    /// Of a signed distance from the circle's centre to the boundary, negative inside, or of what is nearer 0.
    fn of(distance: f64, radius: f64) -> Self {
        if distance > radius {
            Class::Outside
        } else if distance < -radius {
            Class::Full
        } else {
            Class::Partial
        }
    }
}

/// A circle on the sky in the form that region tests want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) vector: [f64; 3],
    /// Radians, with room for rounding.
    pub(crate) radius: f64,
}

impl Place {
    /// Distance of the centre to a unit vector, radians, to 1e-15.
    pub(crate) fn distance(&self, other: &[f64; 3]) -> f64 {
        distance(&self.vector, other)
    }
}

/// Distance of two unit vectors, radians, to 1e-15.
fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let square: f64 = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum();
    if square < 2.0 {
        return 2.0 * (0.5 * square.sqrt()).asin();
    }
    let opposite: f64 = (0..3).map(|k| (a[k] + b[k]).powi(2)).sum();
    std::f64::consts::PI - 2.0 * (0.5 * opposite.sqrt()).asin()
}

impl From<Cap> for Place {
    fn from(cap: Cap) -> Self {
        Self { vector: cap.centre, radius: cap.radius }
    }
}

/// Declinations that a cone reaches, with room for rounding.
fn dec_range(cone: &Cone) -> (f64, f64) {
    let (dec, radius) = (cone.centre().dec_deg(), cone.radius().degrees() + 1e-9);
    (dec - radius, dec + radius)
}
