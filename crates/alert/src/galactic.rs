//! Galactic coordinates and distances of positions in degrees.
//!
//! The rotation from ICRS is the one that defines galactic coordinates for Hipparcos: ESA SP-1200, volume 1, section
//! 1.5.3, equation 1.5.11, the IAU's system of 1958 (1960MNRAS.121..123B).

/// Columns are the galactic axes in ICRS.
const AXES: [[f64; 3]; 3] = [
    [-0.054_875_560_4, 0.494_109_427_9, -0.867_666_149_0],
    [-0.873_437_090_2, -0.444_829_630_0, -0.198_076_373_4],
    [-0.483_835_015_5, 0.746_982_244_5, 0.455_983_776_2],
];

fn vector(ra_deg: f64, dec_deg: f64) -> [f64; 3] {
    let (ra, dec) = (ra_deg.to_radians(), dec_deg.to_radians());
    [dec.cos() * ra.cos(), dec.cos() * ra.sin(), dec.sin()]
}

/// Gives galactic longitude, 0 to 360, and latitude of a position, all degrees; NaN of NaN and of no position.
pub(crate) fn of(ra_deg: f64, dec_deg: f64) -> (f64, f64) {
    if !(-90.0..=90.0).contains(&dec_deg) {
        return (f64::NAN, f64::NAN);
    }
    let place = vector(ra_deg, dec_deg);
    let along = |axis: usize| (0..3).map(|k| AXES[k][axis] * place[k]).sum::<f64>();
    let (x, y, z) = (along(0), along(1), along(2));
    let longitude = y.atan2(x).to_degrees().rem_euclid(360.0);
    (longitude, z.atan2(x.hypot(y)).to_degrees())
}

/// Gives the angle between two positions, degrees; NaN of NaN and of no position.
pub(crate) fn separation(a: (f64, f64), b: (f64, f64)) -> f64 {
    if !((-90.0..=90.0).contains(&a.1) && (-90.0..=90.0).contains(&b.1)) {
        return f64::NAN;
    }
    let (a, b) = (vector(a.0, a.1), vector(b.0, b.1));
    let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let dot: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    cross.iter().map(|c| c * c).sum::<f64>().sqrt().atan2(dot).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galactic_coordinates_are_those_of_astropy() {
        // SkyCoord(ra, dec, unit="deg").galactic of astropy 8.0.2, which goes by way of FK5: some milliarcseconds off.
        for (ra, dec, l, b) in [
            (266.404_988_3, -28.936_177_8, 359.999_999_97, -0.000_000_03),
            (10.684_708_3, 41.268_75, 121.174_329_04, -21.573_308_80),
            (83.633_083_3, 22.014_5, 184.557_457_86, -5.784_356_73),
            (0.0, 90.0, 122.931_925_26, 27.128_252_41),
        ] {
            let found = of(ra, dec);
            assert!((found.0 - l).abs() < 1e-5 || (found.0 - l).abs() > 359.9, "{ra} {dec}: {found:?}");
            assert!((found.1 - b).abs() < 1e-5, "{ra} {dec}: {found:?}");
        }
        assert!(of(f64::NAN, 0.0).1.is_nan() && of(0.0, 91.0).1.is_nan());
    }

    #[test]
    fn near_and_opposite_places_have_exact_distances() {
        assert!((separation((10.0, 0.0), (10.0, 1e-7)) - 1e-7).abs() < 1e-15);
        assert!((separation((0.0, 90.0), (123.0, -90.0)) - 180.0).abs() < 1e-12);
    }
}
