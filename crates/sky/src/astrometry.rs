//! A star's place, parallax and motion from one epoch to another.
//!
//! The model is a star in straight, uniform motion relative to the Sun's barycentre; the light's travel time is
//! that of the catalogue epoch throughout, as in the catalogues of Hipparcos and Gaia. Leaving out its change
//! moves Barnard's star, the fastest, by 0.07 milliarcseconds in 25 years (Butkevich & Lindegren 2014, A&A 570, A62).
//!
//! ESA SP-1200 (1997), The Hipparcos and Tycho Catalogues, volume 1, section 1.5.5.

use crate::error::same_length;
use crate::{Direction, Error};

/// Kilometres a second of one astronomical unit a Julian year; SP-1200, section 1.2.
const KM_PER_S: f64 = 4.740_470_446;

/// Milliarcseconds in a radian.
const MAS: f64 = 180.0 / std::f64::consts::PI * 3_600_000.0;

/// A star's astrometry at an epoch, as catalogues give it, in ICRS.
///
/// What a catalogue does not know (NaN) counts as 0 in the parallax, the proper motion and the radial velocity.
/// A parallax of 0 or less, which measurement errors make of distant stars, says nothing of the distance, and
/// then the radial velocity plays no part.
///
/// ```
/// use uranometria_sky::Astrometry;
///
/// // Barnard's star from Hipparcos's epoch to Gaia's.
/// let barnard = Astrometry {
///     ra_deg: 269.454_022_86,
///     dec_deg: 4.668_288_15,
///     parallax_mas: 548.31,
///     pmra_mas_yr: -798.58,
///     pmdec_mas_yr: 10_328.12,
///     rv_km_s: -110.51,
/// };
/// let moved = barnard.propagate(24.75)?;
/// assert!((moved.dec_deg - 4.739_403).abs() < 1e-6);
/// assert!((moved.pmdec_mas_yr - 10_359.9).abs() < 0.1);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Astrometry {
    /// Right ascension, degrees.
    pub ra_deg: f64,
    /// Declination, degrees.
    pub dec_deg: f64,
    /// Parallax, milliarcseconds.
    pub parallax_mas: f64,
    /// Proper motion in right ascension times the cosine of the declination, milliarcseconds a Julian year.
    pub pmra_mas_yr: f64,
    /// Proper motion in declination, milliarcseconds a Julian year.
    pub pmdec_mas_yr: f64,
    /// Radial velocity, kilometres a second, positive away from us.
    pub rv_km_s: f64,
}

impl Astrometry {
    /// Moves the star by Julian years, forwards or back.
    ///
    /// Positions are good to 0.001 milliarcseconds of the model over centuries. Parallax and radial velocity
    /// change with the distance; those that were unknown or not positive come back as they were.
    ///
    /// # Errors
    /// [`Error::NotFinite`] and [`Error::Declination`] for the position, [`Error::NotFinite`] for years that are
    /// not finite or motions that are infinite; [`Error::NoDirection`] for a star that comes through the Sun.
    pub fn propagate(&self, years: f64) -> Result<Self, Error> {
        let (place, motion) = self.known(years)?;
        let Known { parallax, east, north, recession } = motion;
        let square = east * east + north * north;
        let stretch = 1.0 + recession * years;
        // The distance now over the distance then.
        let factor = 1.0 / (stretch * stretch + square * years * years).sqrt();
        let frame = Frame::at(&place);
        let then = frame.moved(&place, years, &motion)?;
        let frame_then = Frame::at(&then);
        let now = frame.vector(east, north, 0.0);
        let changed: [f64; 3] =
            std::array::from_fn(|k| (now[k] * stretch - frame.axis[k] * square * years) * factor.powi(3));
        let [east_then, north_then] = [frame_then.east, frame_then.north]
            .map(|axis| (0..3).map(|k| axis[k] * changed[k]).sum::<f64>() * MAS);
        let recession_then = (recession + (square + recession * recession) * years) * factor * factor;
        let (moves, has_distance) =
            (self.pmra_mas_yr.is_finite() || self.pmdec_mas_yr.is_finite(), parallax > 0.0);
        let rv_then = recession_then * KM_PER_S * MAS / (parallax * factor);
        Ok(Self {
            ra_deg: then.ra_deg(),
            dec_deg: then.dec_deg(),
            parallax_mas: if has_distance { parallax * factor } else { self.parallax_mas },
            pmra_mas_yr: if moves { east_then } else { self.pmra_mas_yr },
            pmdec_mas_yr: if moves { north_then } else { self.pmdec_mas_yr },
            rv_km_s: if has_distance && self.rv_km_s.is_finite() { rv_then } else { self.rv_km_s },
        })
    }

    /// Where the star is after so many years; [`Astrometry::propagate`] without the rest.
    fn place_after(&self, years: f64) -> Result<Direction, Error> {
        let (place, motion) = self.known(years)?;
        Frame::at(&place).moved(&place, years, &motion)
    }

    /// What is given, in radians and checked, with 0 for what is not known.
    fn known(&self, years: f64) -> Result<(Direction, Known), Error> {
        let place = Direction::from_degrees(self.ra_deg, self.dec_deg)?;
        if !years.is_finite() {
            return Err(Error::NotFinite { what: "years", found: years });
        }
        let known = |what: &'static str, value: f64| match value {
            _ if value.is_infinite() => Err(Error::NotFinite { what, found: value }),
            _ if value.is_nan() => Ok(0.0),
            _ => Ok(value),
        };
        let parallax = known("parallax", self.parallax_mas)?.max(0.0);
        let east = known("pmra", self.pmra_mas_yr)? / MAS;
        let north = known("pmdec", self.pmdec_mas_yr)? / MAS;
        let recession = known("rv", self.rv_km_s)? * parallax / (KM_PER_S * MAS);
        Ok((place, Known { parallax, east, north, recession }))
    }

    /// Moves many stars' positions, the quickest way to another epoch; each as [`Astrometry::propagate`] does.
    ///
    /// `ra_deg` and `dec_deg` are overwritten. A missing position, NaN in either coordinate, becomes NaN in both.
    /// `motion` gives parallax, proper motion (in right ascension and declination) and radial velocity; None is 0
    /// for all.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::NotFinite`] for the years; [`Error::Row`] with the first row that
    /// [`Astrometry::propagate`] refuses, when the rows before it are moved already.
    pub fn propagate_slice(
        years: f64,
        ra_deg: &mut [f64],
        dec_deg: &mut [f64],
        motion: &Motion<'_>,
    ) -> Result<(), Error> {
        if !years.is_finite() {
            return Err(Error::NotFinite { what: "years", found: years });
        }
        let rows = ra_deg.len();
        same_length("dec", rows, dec_deg.len())?;
        same_length("pmra", rows, motion.pmra_mas_yr.len())?;
        same_length("pmdec", rows, motion.pmdec_mas_yr.len())?;
        same_length("parallax", rows, motion.parallax_mas.map_or(rows, <[f64]>::len))?;
        same_length("rv", rows, motion.rv_km_s.map_or(rows, <[f64]>::len))?;
        for row in 0..rows {
            let star = Self {
                ra_deg: ra_deg[row],
                dec_deg: dec_deg[row],
                parallax_mas: motion.parallax_mas.map_or(0.0, |values| values[row]),
                pmra_mas_yr: motion.pmra_mas_yr[row],
                pmdec_mas_yr: motion.pmdec_mas_yr[row],
                rv_km_s: motion.rv_km_s.map_or(0.0, |values| values[row]),
            };
            (ra_deg[row], dec_deg[row]) = if star.ra_deg.is_nan() || star.dec_deg.is_nan() {
                (f64::NAN, f64::NAN)
            } else {
                let then = star.place_after(years);
                let then = then.map_err(|cause| Error::Row { index: row, cause: Box::new(cause) })?;
                (then.ra_deg(), then.dec_deg())
            };
        }
        Ok(())
    }
}

/// Columns of stars' motions, in the units of [`Astrometry`].
#[derive(Clone, Copy, Debug)]
pub struct Motion<'a> {
    /// Proper motions in right ascension times the cosine of the declination.
    pub pmra_mas_yr: &'a [f64],
    /// Proper motions in declination.
    pub pmdec_mas_yr: &'a [f64],
    /// Parallaxes, if there are any.
    pub parallax_mas: Option<&'a [f64]>,
    /// Radial velocities, if there are any.
    pub rv_km_s: Option<&'a [f64]>,
}

/// A star's motion as the formulas want it.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Milliarcseconds, not negative.
    parallax: f64,
    /// Radians a year.
    east: f64,
    /// Radians a year.
    north: f64,
    /// The change of the distance a year, in units of the distance.
    recession: f64,
}

/// Unit vectors to the east, to the north and along a direction.
struct Frame {
    east: [f64; 3],
    north: [f64; 3],
    axis: [f64; 3],
}

impl Frame {
    fn at(place: &Direction) -> Self {
        let (sin_ra, cos_ra) = place.ra_deg().to_radians().sin_cos();
        let (sin_dec, cos_dec) = place.dec_deg().to_radians().sin_cos();
        Self {
            east: [-sin_ra, cos_ra, 0.0],
            north: [-sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec],
            axis: place.unit_vector(),
        }
    }

    fn vector(&self, east: f64, north: f64, along: f64) -> [f64; 3] {
        std::array::from_fn(|k| east * self.east[k] + north * self.north[k] + along * self.axis[k])
    }

    /// Where a star of this frame's place is after so many years.
    ///
    /// The change of the coordinates is computed and not the coordinates, so that a star that does not move comes
    /// back bit for bit.
    fn moved(&self, place: &Direction, years: f64, motion: &Known) -> Result<Direction, Error> {
        let (east, north) = (years * motion.east, years * motion.north);
        let along = 1.0 + years * motion.recession;
        if east == 0.0 && north == 0.0 && along > 0.0 {
            return Ok(*place);
        }
        let (sin_dec, cos_dec) = (self.axis[2], self.north[2]);
        // In the meridian's plane: away from the pole's axis, and up.
        let (out, up) = (along * cos_dec - north * sin_dec, along * sin_dec + north * cos_dec);
        let far = out.hypot(east);
        if out <= 0.0 || far.hypot(up) == 0.0 {
            return Direction::from_unit_vector(self.vector(east, north, along));
        }
        let turn = east.atan2(out).to_degrees();
        // sin of (new - old declination): the new one's sine and cosine are up and far, up to the length.
        let rise = (up * cos_dec - far * sin_dec).atan2(far * cos_dec + up * sin_dec).to_degrees();
        Direction::from_degrees(place.ra_deg() + turn, (place.dec_deg() + rise).clamp(-90.0, 90.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAR: Astrometry = Astrometry {
        ra_deg: 217.428_953_18,
        dec_deg: -62.679_484_91,
        parallax_mas: 768.5,
        pmra_mas_yr: -3_781.3,
        pmdec_mas_yr: 769.8,
        rv_km_s: -22.4,
    };

    #[test]
    fn there_and_back_again_is_the_same_place() {
        for years in [-10_000.0, -24.75, 0.0, 1e-3, 24.75, 50_000.0] {
            let back = STAR.propagate(years).unwrap().propagate(-years).unwrap();
            let off = Direction::from_degrees(back.ra_deg, back.dec_deg)
                .unwrap()
                .separation(&Direction::from_degrees(STAR.ra_deg, STAR.dec_deg).unwrap());
            assert!(off.mas() < 1e-5, "{years}: {off}");
            for (found, given) in [
                (back.parallax_mas, STAR.parallax_mas),
                (back.pmra_mas_yr, STAR.pmra_mas_yr),
                (back.pmdec_mas_yr, STAR.pmdec_mas_yr),
                (back.rv_km_s, STAR.rv_km_s),
            ] {
                assert!((found / given - 1.0).abs() < 1e-10, "{years}: {found} {given}");
            }
        }
    }

    #[test]
    fn a_star_over_the_pole_comes_down_on_the_other_side() {
        let near = Astrometry { dec_deg: 90.0 - 1e-6, pmra_mas_yr: 0.0, pmdec_mas_yr: 7.2, ..STAR };
        let near = Astrometry { parallax_mas: f64::NAN, rv_km_s: f64::NAN, ..near };
        let over = near.propagate(1.0).unwrap();
        assert!((over.ra_deg - (STAR.ra_deg - 180.0)).abs() < 1e-9, "{over:?}");
        assert!((over.dec_deg - (90.0 - 1e-6)).abs() < 1e-13, "{over:?}");
        assert!((over.pmdec_mas_yr + 7.2).abs() < 1e-6, "{over:?}");
        assert!(over.parallax_mas.is_nan() && over.rv_km_s.is_nan());
    }

    #[test]
    fn unknown_and_negative_values_are_no_motion_and_come_back() {
        let unknown = Astrometry { parallax_mas: -0.3, rv_km_s: 100.0, ..STAR };
        let without = Astrometry { parallax_mas: 0.0, rv_km_s: 0.0, ..STAR };
        let (unknown, without) = (unknown.propagate(30.0).unwrap(), without.propagate(30.0).unwrap());
        assert_eq!((unknown.ra_deg, unknown.dec_deg), (without.ra_deg, without.dec_deg));
        assert_eq!((unknown.parallax_mas, unknown.rv_km_s), (-0.3, 100.0));
        let still =
            Astrometry { pmra_mas_yr: f64::NAN, pmdec_mas_yr: f64::NAN, ..STAR }.propagate(1e3).unwrap();
        assert_eq!((still.ra_deg, still.dec_deg), (STAR.ra_deg, STAR.dec_deg));
        assert!(still.pmra_mas_yr.is_nan());
        assert!(Astrometry { ra_deg: f64::NAN, ..STAR }.propagate(1.0).is_err());
        assert!(Astrometry { pmdec_mas_yr: f64::INFINITY, ..STAR }.propagate(1.0).is_err());
        assert!(STAR.propagate(f64::NAN).is_err());
    }
}
