//! Pixels to sky and back.

use crate::Error;
use crate::sip::{Distortion, Sip};
use crate::tangent::TangentPlane;

/// A gnomonic (TAN) world coordinate system of an image, with SIP distortion or without.
///
/// Right ascension comes first here, in whichever order the header had its axes.
///
/// ```
/// use uranometria_wcs::Wcs;
///
/// let pixel_deg = 21.0 / 3600.0;
/// let wcs = Wcs::tan([84.2912, -80.4691], [6.0, 6.0], [[-pixel_deg, 0.0], [0.0, pixel_deg]])?;
/// let (ra, dec) = wcs.pixel_to_sky(5.0, 5.0);
/// assert_eq!((ra, dec), (84.2912, -80.4691));
/// let (x, y) = wcs.sky_to_pixel(84.2912, -80.4691)?;
/// assert!((x - 5.0).abs() < 1e-9 && (y - 5.0).abs() < 1e-9);
/// # Ok::<(), uranometria_wcs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Wcs {
    crval_deg: [f64; 2],
    crpix: [f64; 2],
    cd: [[f64; 2]; 2],
    lonpole_deg: f64,
    distortion: Option<Distortion>,
    plane: TangentPlane,
    /// From pixels counted from CRPIX to (xi, eta) in radians: CD, LONPOLE's rotation, the unit.
    to_plane: [[f64; 2]; 2],
    to_pixel: [[f64; 2]; 2],
}

impl Wcs {
    /// Makes a linear TAN system.
    ///
    /// `crval_deg` is the tangent point (ra, dec) in degrees; `crpix` its pixel counted from 1 as
    /// in FITS; `cd` degrees per pixel, its rows along right ascension and declination, its columns
    /// along the image's axes. LONPOLE has the standard's default: 180, but 0 if the tangent point
    /// is the north pole itself.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::Declination`], and [`Error::SingularMatrix`] if the matrix
    /// has no inverse.
    pub fn tan(crval_deg: [f64; 2], crpix: [f64; 2], cd: [[f64; 2]; 2]) -> Result<Self, Error> {
        Self::with_lonpole(crval_deg, crpix, cd, default_lonpole_deg(crval_deg[1]))
    }

    pub(crate) fn with_lonpole(
        crval_deg: [f64; 2],
        crpix: [f64; 2],
        cd: [[f64; 2]; 2],
        lonpole_deg: f64,
    ) -> Result<Self, Error> {
        let named = [
            ("CRVAL1", crval_deg[0]),
            ("CRVAL2", crval_deg[1]),
            ("CRPIX1", crpix[0]),
            ("CRPIX2", crpix[1]),
            ("CD1_1", cd[0][0]),
            ("CD1_2", cd[0][1]),
            ("CD2_1", cd[1][0]),
            ("CD2_2", cd[1][1]),
            ("LONPOLE", lonpole_deg),
        ];
        if let Some((what, found)) = named.into_iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite { what: what.into(), found });
        }
        if crval_deg[1].abs() > 90.0 {
            return Err(Error::Declination { found: crval_deg[1] });
        }
        // A native longitude is measured from LONPOLE, so another pole turns the plane by the rest.
        let (sin, cos) = sin_cos_of_turn(180.0 - lonpole_deg);
        let turn = [[cos, -sin], [sin, cos]];
        let to_plane = scaled(multiplied(turn, cd), 1_f64.to_radians());
        let to_pixel = inverted(to_plane).ok_or(Error::SingularMatrix { cd })?;
        let plane = TangentPlane::new(crval_deg[0], crval_deg[1]);
        Ok(Self { crval_deg, crpix, cd, lonpole_deg, distortion: None, plane, to_plane, to_pixel })
    }

    /// Adds SIP distortion, or replaces what there was: `a` moves pixels along the first axis, `b`
    /// along the second.
    #[must_use]
    pub fn with_sip(mut self, a: Sip, b: Sip) -> Self {
        self.distortion = Some(Distortion::new(a, b));
        self
    }

    /// Position (ra, dec) in degrees of a pixel, ra in [0, 360).
    ///
    /// `x` counts columns and `y` rows from 0 at the centre of the first pixel; both may lie off the
    /// image, where the polynomials of SIP soon mean nothing. NaN gives NaN.
    #[inline]
    pub fn pixel_to_sky(&self, x: f64, y: f64) -> (f64, f64) {
        self.plane.sky(self.pixel_to_plane(x, y))
    }

    /// Pixel (x, y) of a position in degrees, counted from 0 at the centre of the first pixel.
    ///
    /// The pixel may lie off the image; one is returned only if [`Wcs::pixel_to_sky`] of it is the
    /// position again.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::Declination`]; [`Error::BehindTangentPlane`] at 90 degrees
    /// from the tangent point and beyond; [`Error::NoConvergence`] where SIP reaches no such
    /// position, which is far off the image.
    #[inline]
    pub fn sky_to_pixel(&self, ra_deg: f64, dec_deg: f64) -> Result<(f64, f64), Error> {
        let target = self.undistorted(ra_deg, dec_deg)?;
        self.redistorted(target, target, ra_deg, dec_deg)
    }

    /// Does what [`Wcs::sky_to_pixel`] does, faster if `guess` is within a few pixels.
    ///
    /// Meant for one star in frame after frame, whose last pixel is the guess for the next.
    ///
    /// # Errors
    /// As [`Wcs::sky_to_pixel`]; a bad guess is none.
    #[inline]
    pub fn sky_to_pixel_near(
        &self,
        ra_deg: f64,
        dec_deg: f64,
        guess: (f64, f64),
    ) -> Result<(f64, f64), Error> {
        let target = self.undistorted(ra_deg, dec_deg)?;
        self.redistorted(target, self.beyond_crpix(guess.0, guess.1), ra_deg, dec_deg)
            .or_else(|_| self.redistorted(target, target, ra_deg, dec_deg))
    }

    /// Positions `[ra, dec]` of many pixels `[x, y]`; see [`Wcs::pixel_to_sky`].
    pub fn pixels_to_sky(&self, pixels: &[[f64; 2]]) -> Vec<[f64; 2]> {
        pixels.iter().map(|&[x, y]| self.pixel_to_sky(x, y).into()).collect()
    }

    /// Pixels `[x, y]` of many positions `[ra, dec]`; see [`Wcs::sky_to_pixel`].
    pub fn skies_to_pixels(&self, sky: &[[f64; 2]]) -> Vec<Result<[f64; 2], Error>> {
        sky.iter().map(|&[ra, dec]| self.sky_to_pixel(ra, dec).map(Into::into)).collect()
    }

    /// Sizes in degrees of a pixel along the first and second axis, at CRPIX and without SIP.
    ///
    /// The same as astropy's `proj_plane_pixel_scales`.
    pub fn pixel_scales_deg(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.cd[0][axis].hypot(self.cd[1][axis]))
    }

    /// Positions `[ra, dec]` of the centres of the four corner pixels of an image.
    ///
    /// In the order of astropy's `calc_footprint`: first column and row, first column and last row,
    /// last column and row, last column and first row. An image without columns is taken to have
    /// its last column at -1; likewise rows.
    pub fn footprint(&self, columns: usize, rows: usize) -> [[f64; 2]; 4] {
        let (right, top) = (columns as f64 - 1.0, rows as f64 - 1.0);
        [(0.0, 0.0), (0.0, top), (right, top), (right, 0.0)].map(|(x, y)| self.pixel_to_sky(x, y).into())
    }

    /// The system of a stamp whose pixel (0, 0) is this image's pixel (`dx`, `dy`).
    ///
    /// Exact, SIP included; see [`crate::fit_stamp`] for a linear one. A shift that is not finite
    /// gives a system that answers NaN and errors.
    #[must_use]
    pub fn shifted(&self, dx: f64, dy: f64) -> Self {
        Self { crpix: [self.crpix[0] - dx, self.crpix[1] - dy], ..self.clone() }
    }

    /// The tangent point (ra, dec) in degrees, as it was given.
    pub fn crval_deg(&self) -> [f64; 2] {
        self.crval_deg
    }

    /// The tangent point's pixel, counted from 1 as in FITS.
    pub fn crpix(&self) -> [f64; 2] {
        self.crpix
    }

    /// Degrees per pixel; rows are right ascension and declination, columns the image's axes.
    pub fn cd(&self) -> [[f64; 2]; 2] {
        self.cd
    }

    /// Native longitude of the celestial pole in degrees: 180 in nearly every header.
    pub fn lonpole_deg(&self) -> f64 {
        self.lonpole_deg
    }

    /// The distortion polynomials A and B, if there are any.
    pub fn sip(&self) -> Option<(&Sip, &Sip)> {
        self.distortion.as_ref().map(|d| (d.a(), d.b()))
    }

    /// Whether there is no SIP distortion.
    pub fn is_linear(&self) -> bool {
        self.distortion.is_none()
    }

    /// Unit vector of a pixel's position; distances between such vectors need no arc tangents.
    #[inline]
    pub(crate) fn unit_vector(&self, x: f64, y: f64) -> [f64; 3] {
        self.plane.unit_vector(self.pixel_to_plane(x, y))
    }

    #[inline]
    fn beyond_crpix(&self, x: f64, y: f64) -> [f64; 2] {
        [x - (self.crpix[0] - 1.0), y - (self.crpix[1] - 1.0)]
    }

    #[inline]
    fn pixel_to_plane(&self, x: f64, y: f64) -> [f64; 2] {
        let at = self.beyond_crpix(x, y);
        let moved = self.distortion.as_ref().map_or(at, |distortion| distortion.apply(at));
        applied(self.to_plane, moved)
    }

    /// Where the position falls, counted from CRPIX, if there were no distortion.
    #[inline]
    fn undistorted(&self, ra_deg: f64, dec_deg: f64) -> Result<[f64; 2], Error> {
        for (what, found) in [("ra", ra_deg), ("dec", dec_deg)] {
            if !found.is_finite() {
                return Err(Error::NotFinite { what: what.into(), found });
            }
        }
        if dec_deg.abs() > 90.0 {
            return Err(Error::Declination { found: dec_deg });
        }
        match self.plane.project(ra_deg, dec_deg) {
            Ok(plane) => Ok(applied(self.to_pixel, plane)),
            Err(separation_deg) => Err(Error::BehindTangentPlane { ra_deg, dec_deg, separation_deg }),
        }
    }

    #[inline]
    fn redistorted(
        &self,
        target: [f64; 2],
        guess: [f64; 2],
        ra_deg: f64,
        dec_deg: f64,
    ) -> Result<(f64, f64), Error> {
        let at = match &self.distortion {
            None => Some(target),
            Some(distortion) => distortion.undo(target, guess),
        };
        at.map(|[u, v]| (u + (self.crpix[0] - 1.0), v + (self.crpix[1] - 1.0)))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .ok_or(Error::NoConvergence { ra_deg, dec_deg })
    }
}

/// The standard's default: Calabretta & Greisen 2002, section 2.4, whose native latitude of the
/// reference point is 90 for TAN.
pub(crate) fn default_lonpole_deg(dec_deg: f64) -> f64 {
    if dec_deg >= 90.0 { 0.0 } else { 180.0 }
}

/// Sine and cosine, exact for the two turns that headers have.
fn sin_cos_of_turn(deg: f64) -> (f64, f64) {
    match deg {
        0.0 => (0.0, 1.0),
        180.0 | -180.0 => (0.0, -1.0),
        _ => deg.to_radians().sin_cos(),
    }
}

#[inline]
fn applied(m: [[f64; 2]; 2], [x, y]: [f64; 2]) -> [f64; 2] {
    [m[0][0] * x + m[0][1] * y, m[1][0] * x + m[1][1] * y]
}

fn multiplied(m: [[f64; 2]; 2], n: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    [0, 1].map(|i| [0, 1].map(|j| m[i][0] * n[0][j] + m[i][1] * n[1][j]))
}

fn scaled(m: [[f64; 2]; 2], factor: f64) -> [[f64; 2]; 2] {
    m.map(|row| row.map(|value| value * factor))
}

/// None if the rows are parallel to rounding.
pub(crate) fn inverted(m: [[f64; 2]; 2]) -> Option<[[f64; 2]; 2]> {
    let (down, up) = (m[0][0] * m[1][1], m[0][1] * m[1][0]);
    let determinant = down - up;
    // Written so that NaN fails.
    let invertible = determinant.abs() > 1e-14 * (down.abs() + up.abs()) && determinant.is_normal();
    let inverse = [[m[1][1], -m[0][1]], [-m[1][0], m[0][0]]].map(|row| row.map(|value| value / determinant));
    (invertible && inverse.iter().flatten().all(|value| value.is_finite())).then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXEL_DEG: f64 = 21.0 / 3600.0;

    fn plain(ra_deg: f64, dec_deg: f64) -> Wcs {
        Wcs::tan([ra_deg, dec_deg], [6.0, 6.0], [[-PIXEL_DEG, 0.0], [0.0, PIXEL_DEG]]).unwrap()
    }

    fn distorted() -> Wcs {
        let a = Sip::new(2, [((2, 0), -1.9e-5), ((0, 2), -2.9e-6)]).unwrap();
        let b = Sip::new(2, [((1, 1), -1.6e-5), ((2, 0), 1e-6)]).unwrap();
        plain(311.69, -43.13).with_sip(a, b)
    }

    #[test]
    fn a_pixel_survives_the_way_to_the_sky_and_back() {
        for wcs in [plain(0.001, 30.0), plain(359.999, -90.0), plain(17.0, 90.0), distorted()] {
            for (x, y) in [(0.0, 0.0), (5.0, 5.0), (-40.5, 900.25), (1500.0, 0.125)] {
                let (ra, dec) = wcs.pixel_to_sky(x, y);
                assert!((0.0..360.0).contains(&ra) && dec.abs() <= 90.0);
                let (x2, y2) = wcs.sky_to_pixel(ra, dec).unwrap();
                assert!((x2 - x).hypot(y2 - y) < 1e-9, "{x} {y} -> {ra} {dec} -> {x2} {y2}");
            }
        }
    }

    #[test]
    fn a_right_ascension_outside_0_to_360_is_the_same_place() {
        let wcs = plain(0.0, 10.0);
        let expected = wcs.sky_to_pixel(359.99, 10.0).unwrap();
        for ra in [-0.01, 719.99, -360.01] {
            let (x, y) = wcs.sky_to_pixel(ra, 10.0).unwrap();
            assert!((x - expected.0).hypot(y - expected.1) < 1e-8);
        }
    }

    #[test]
    fn a_position_behind_the_tangent_plane_is_refused() {
        let wcs = distorted();
        for (ra, dec) in [(311.69 - 180.0, 43.13), (311.69, 46.87), (311.69 + 180.0, 0.0)] {
            let error = wcs.sky_to_pixel(ra, dec).unwrap_err();
            assert!(matches!(error, Error::BehindTangentPlane { .. }), "{error}");
        }
        assert_eq!(
            wcs.sky_to_pixel(131.69, 43.13).unwrap_err().to_string(),
            "position ra=131.69 dec=43.13 is 180.000 degrees from the tangent point, expected less than 90"
        );
    }

    #[test]
    fn a_position_off_the_chip_has_its_pixel_or_none() {
        let wcs = distorted();
        let (mut found, mut refused) = (0, 0);
        for step in 0..2000 {
            let (ra, dec) = (f64::from(step) * 0.18, -89.0 + f64::from(step) * 0.06);
            match wcs.sky_to_pixel(ra, dec) {
                Ok((x, y)) => {
                    let (ra2, dec2) = wcs.pixel_to_sky(x, y);
                    let dra = (ra2 - ra + 180.0).rem_euclid(360.0) - 180.0;
                    assert!((dra * dec.to_radians().cos()).hypot(dec2 - dec) < 1e-9);
                    found += 1;
                }
                Err(Error::NoConvergence { .. }) => refused += 1,
                Err(error) => assert!(matches!(error, Error::BehindTangentPlane { .. }), "{error}"),
            }
        }
        assert!(found > 0 && refused > 0, "{found} found, {refused} refused");
    }

    #[test]
    fn nan_and_declinations_beyond_a_pole_are_refused() {
        let wcs = distorted();
        for (ra, dec) in [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0)] {
            assert!(matches!(wcs.sky_to_pixel(ra, dec), Err(Error::NotFinite { .. })));
            assert!(matches!(wcs.sky_to_pixel_near(ra, dec, (0.0, 0.0)), Err(Error::NotFinite { .. })));
        }
        assert!(matches!(wcs.sky_to_pixel(0.0, -90.5), Err(Error::Declination { .. })));
        assert!(wcs.pixel_to_sky(f64::NAN, 0.0).0.is_nan());
    }

    #[test]
    fn a_guess_changes_nothing_but_the_time() {
        let wcs = distorted();
        let (ra, dec) = wcs.pixel_to_sky(700.25, 1200.5);
        for guess in [(700.0, 1200.0), (0.0, 0.0), (1e5, -1e5), (f64::NAN, 0.0), (f64::INFINITY, 1e300)] {
            let (x, y) = wcs.sky_to_pixel_near(ra, dec, guess).unwrap();
            assert!((x - 700.25).hypot(y - 1200.5) < 1e-9, "{guess:?} -> {x} {y}");
        }
    }

    #[test]
    fn batches_give_what_single_calls_give() {
        let wcs = distorted();
        let pixels = [[0.0, 0.0], [10.5, 300.0]];
        let sky = wcs.pixels_to_sky(&pixels);
        assert_eq!(sky[1], <[f64; 2]>::from(wcs.pixel_to_sky(10.5, 300.0)));
        let mut asked = sky.clone();
        asked.push([f64::NAN, 0.0]);
        let back = wcs.skies_to_pixels(&asked);
        assert!((back[1].as_ref().unwrap()[1] - 300.0).abs() < 1e-9);
        assert!(back[2].is_err());
        assert!(wcs.pixels_to_sky(&[]).is_empty());
    }

    #[test]
    fn a_stamp_sees_the_sky_of_its_frame() {
        let frame = distorted();
        let stamp = frame.shifted(100.0, 250.5);
        let (there, here) = (frame.pixel_to_sky(103.0, 252.5), stamp.pixel_to_sky(3.0, 2.0));
        assert!((there.0 - here.0).hypot(there.1 - here.1) < 1e-12);
    }

    #[test]
    fn matrices_without_an_inverse_are_refused() {
        for cd in [[[0.0; 2]; 2], [[1.0, 2.0], [2.0, 4.0]], [[1e-200, 0.0], [0.0, 1e-200]]] {
            let error = Wcs::tan([0.0, 0.0], [1.0, 1.0], cd).unwrap_err();
            assert_eq!(error, Error::SingularMatrix { cd });
        }
        let unit = [[1.0, 0.0], [0.0, 1.0]];
        assert!(matches!(Wcs::tan([0.0, 90.1], [1.0, 1.0], unit), Err(Error::Declination { .. })));
        assert!(matches!(Wcs::tan([0.0, f64::NAN], [1.0, 1.0], unit), Err(Error::NotFinite { .. })));
    }

    #[test]
    fn a_wcs_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Wcs>();
    }
}
