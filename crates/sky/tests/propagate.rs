//! Hipparcos stars at other epochs, against astropy and against 40-digit arithmetic.

use std::fs;
use std::path::Path;

use uranometria_sky::{Astrometry, Direction, Error, Motion};

fn lines(kind: &str) -> Vec<Vec<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/sky/propagate.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    rows.map(|row| row.split(' ').map(|word| word.parse().unwrap()).collect()).collect()
}

fn star(numbers: &[f64], rv_km_s: f64) -> Astrometry {
    let [ra_deg, dec_deg, parallax_mas, pmra_mas_yr, pmdec_mas_yr] = numbers[..5].try_into().unwrap();
    Astrometry { ra_deg, dec_deg, parallax_mas, pmra_mas_yr, pmdec_mas_yr, rv_km_s }
}

fn place(star: &Astrometry) -> Direction {
    Direction::from_degrees(star.ra_deg, star.dec_deg).unwrap()
}

#[test]
fn places_agree_with_astropy_to_a_hundredth_of_a_microarcsecond() {
    let rows = lines("astropy");
    assert!(rows.len() > 150);
    for row in rows {
        let moved = star(&row[2..], 0.0).propagate(row[1]).unwrap();
        let theirs = Direction::from_degrees(row[7], row[8]).unwrap();
        let off = place(&moved).separation(&theirs).mas();
        assert!(off < 1e-5, "HIP {}: {off} mas", row[0]);
    }
}

#[test]
fn all_six_agree_with_forty_digits() {
    for row in lines("star") {
        let given = star(&row[2..], row[7]);
        let moved = given.propagate(row[1]).unwrap();
        let expected = star(&row[8..], row[13]);
        let off = place(&moved).separation(&place(&expected)).mas();
        assert!(off < 1e-5, "HIP {}: {off} mas", row[0]);
        let separation = place(&given).separation(&place(&moved)).mas();
        assert!((separation - row[14] * 3.6e6).abs() < 1e-5, "HIP {}: {separation} mas", row[0]);
        for (found, wanted, close) in [
            (moved.parallax_mas, expected.parallax_mas, 1e-11),
            (moved.pmra_mas_yr, expected.pmra_mas_yr, 1e-8),
            (moved.pmdec_mas_yr, expected.pmdec_mas_yr, 1e-8),
            (moved.rv_km_s, expected.rv_km_s, 1e-9),
        ] {
            assert!(
                (found - wanted).abs() <= close * (1.0 + wanted.abs()),
                "HIP {}: {found} {wanted}",
                row[0]
            );
        }
    }
}

#[test]
fn slices_are_moved_as_single_stars_are() {
    let rows: Vec<_> = lines("star").into_iter().filter(|row| row[1] == 24.75).collect();
    let column = |k: usize| rows.iter().map(|row| row[k]).collect::<Vec<f64>>();
    let (mut ra, mut dec) = (column(2), column(3));
    let (mut parallax, pmra, pmdec, rv) = (column(4), column(5), column(6), column(7));
    (parallax[0], parallax[1]) = (f64::NAN, -1.0);
    ra[2] = f64::NAN;
    let motion = Motion {
        pmra_mas_yr: &pmra,
        pmdec_mas_yr: &pmdec,
        parallax_mas: Some(&parallax),
        rv_km_s: Some(&rv),
    };
    let before = (ra.clone(), dec.clone());
    Astrometry::propagate_slice(24.75, &mut ra, &mut dec, &motion).unwrap();
    for k in 0..ra.len() {
        let given = [before.0[k], before.1[k], parallax[k], pmra[k], pmdec[k]];
        match star(&given, rv[k]).propagate(24.75) {
            Ok(moved) => assert_eq!((moved.ra_deg, moved.dec_deg), (ra[k], dec[k])),
            Err(_) => assert!(k == 2 && ra[k].is_nan() && dec[k].is_nan()),
        }
    }
    assert!(Astrometry::propagate_slice(1.0, &mut ra[1..], &mut dec, &motion).is_err());
    dec[7] = 90.5;
    let error = Astrometry::propagate_slice(1.0, &mut ra, &mut dec, &motion).unwrap_err();
    assert!(matches!(error, Error::Row { index: 7, .. }), "{error:?}");
}
