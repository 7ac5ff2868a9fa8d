//! The gnomonic projection about one point of the sky.
//!
//! Plane coordinates are (xi, eta) in radians: xi grows to the east, eta to the north. LONPOLE is
//! none of this module's business; it is a rotation of the plane that [`crate::Wcs`] folds into its
//! matrix.
//!
//! Right ascensions are handled as differences from the tangent point's, so that nothing is lost
//! near it and the wrap at 0/360 happens once, at the end.
//!
//! Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.

/// A plane touching the unit sphere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TangentPlane {
    ra_deg: f64,
    sin_dec: f64,
    cos_dec: f64,
    sin_ra: f64,
    cos_ra: f64,
}

/// Cosine of a distance from the tangent point below which it counts as 90 degrees: rounding of the
/// sines and cosines it is made of.
const HORIZON: f64 = 1e-15;

impl TangentPlane {
    pub(crate) fn new(ra_deg: f64, dec_deg: f64) -> Self {
        let (sin_ra, cos_ra) = ra_deg.to_radians().sin_cos();
        let (sin_dec, cos_dec) = sin_cos_dec(dec_deg);
        Self { ra_deg: wrapped(ra_deg.rem_euclid(360.0)), sin_dec, cos_dec, sin_ra, cos_ra }
    }

    /// Position (ra, dec) in degrees of a point of the plane, ra in [0, 360).
    #[inline]
    pub(crate) fn sky(&self, [xi, eta]: [f64; 2]) -> (f64, f64) {
        let toward = self.cos_dec - eta * self.sin_dec;
        let up = self.sin_dec + eta * self.cos_dec;
        let ra = self.ra_deg + xi.atan2(toward).to_degrees();
        let dec = up.atan2((xi * xi + toward * toward).sqrt()).to_degrees();
        (wrapped(ra), dec)
    }

    /// Point of the plane for a position in degrees; the error is the distance from the tangent
    /// point in degrees where that is 90 or more.
    #[inline]
    pub(crate) fn project(&self, ra_deg: f64, dec_deg: f64) -> Result<[f64; 2], f64> {
        let (sin_dra, cos_dra) = (ra_deg - self.ra_deg).to_radians().sin_cos();
        let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
        let cos_distance = self.sin_dec * sin_dec + self.cos_dec * cos_dec * cos_dra;
        if cos_distance < HORIZON {
            return Err(cos_distance.clamp(-1.0, 1.0).acos().to_degrees().max(90.0));
        }
        let east = cos_dec * sin_dra;
        let north = self.cos_dec * sin_dec - self.sin_dec * cos_dec * cos_dra;
        Ok([east / cos_distance, north / cos_distance])
    }

    /// Unit vector, x to (0, 0) and z to the north pole, of a point of the plane.
    #[inline]
    pub(crate) fn unit_vector(&self, [xi, eta]: [f64; 2]) -> [f64; 3] {
        let scale = 1.0 / (1.0 + xi * xi + eta * eta).sqrt();
        let toward = self.cos_dec - eta * self.sin_dec;
        [
            (toward * self.cos_ra - xi * self.sin_ra) * scale,
            (toward * self.sin_ra + xi * self.cos_ra) * scale,
            (self.sin_dec + eta * self.cos_dec) * scale,
        ]
    }
}

/// Sine and cosine of a declination, exact at the poles, where the cosine's rounding would decide
/// which way right ascension runs.
fn sin_cos_dec(dec_deg: f64) -> (f64, f64) {
    if dec_deg.abs() == 90.0 { (dec_deg.signum(), 0.0) } else { dec_deg.to_radians().sin_cos() }
}

/// Brings an angle in [-360, 720) degrees to [0, 360).
#[inline]
fn wrapped(deg: f64) -> f64 {
    let deg = if deg < 0.0 { deg + 360.0 } else { deg };
    if deg >= 360.0 { deg - 360.0 } else { deg }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_ascension_never_reaches_360() {
        assert_eq!(wrapped(-1e-300), 0.0);
        assert_eq!(wrapped(360.0), 0.0);
        assert_eq!(TangentPlane::new(-1e-20, 0.0).sky([0.0, 0.0]).0, 0.0);
        let (ra, _) = TangentPlane::new(0.0, 0.0).sky([-1e-18, 0.0]);
        assert!((0.0..360.0).contains(&ra), "{ra}");
    }

    #[test]
    fn the_horizon_and_the_antipode_are_behind_the_plane() {
        let plane = TangentPlane::new(10.0, 20.0);
        assert!((plane.project(190.0, -20.0).unwrap_err() - 180.0).abs() < 1e-6);
        assert!((plane.project(10.0, -70.0).unwrap_err() - 90.0).abs() < 1e-6);
        assert!(plane.project(10.0, -69.999).is_ok());
    }

    #[test]
    fn vectors_and_angles_agree() {
        let plane = TangentPlane::new(311.5, -43.1);
        let (ra, dec) = plane.sky([0.12, -0.07]);
        let [x, y, z] = plane.unit_vector([0.12, -0.07]);
        let (ra, dec) = (ra.to_radians(), dec.to_radians());
        assert!((x - dec.cos() * ra.cos()).abs() < 1e-15);
        assert!((y - dec.cos() * ra.sin()).abs() < 1e-15);
        assert!((z - dec.sin()).abs() < 1e-15);
    }
}
