//! Sixty-four positions at a time: unit vectors and yes-or-no tests in loops that compilers vectorise.
//!
//! A test is a number for each position and two thresholds: at most the lower one is inside, above the upper
//! one outside, and between them rounding might tip the balance, so that the position is asked again with
//! [`Test::exact`]. A batch therefore answers what single tests answer.

// The one call in `test_slice` needs it; without these instructions cones take 2.4 times as long and polygons of
// four sides twice as long (benches/sky.rs).
#![allow(unsafe_code)]

use crate::{Direction, Error};

/// Positions of a block.
pub(crate) const LANES: usize = 64;

/// A number for each position of a block.
pub(crate) type Lanes = [f64; LANES];

/// How far a unit vector of a [`Block`], or its product with another, may be off; nine times what was seen.
pub(crate) const BLUR: f64 = 4e-15;

/// Positions and their unit vectors.
pub(crate) struct Block {
    /// Right ascension in degrees, in [0, 360).
    pub(crate) ra: Lanes,
    pub(crate) dec: Lanes,
    pub(crate) x: Lanes,
    pub(crate) y: Lanes,
    pub(crate) z: Lanes,
}

/// A yes-or-no question to a position.
pub(crate) trait Test {
    /// At most this is inside, above that outside.
    fn thresholds(&self) -> (f64, f64);

    /// No position with a declination outside this is inside, degrees.
    fn dec_range(&self) -> (f64, f64);

    /// What the thresholds are for.
    fn measure<const FMA: bool>(&self, block: &Block, out: &mut Lanes);

    /// The answer for one position.
    fn exact(&self, place: &Direction) -> bool;
}

/// Answers for positions in degrees; the three slices have equal length. NaN is not inside.
pub(crate) fn test_slice<T: Test>(
    test: &T,
    ra_deg: &[f64],
    dec_deg: &[f64],
    out: &mut [bool],
) -> Result<(), Error> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA, as was asked on the line above.
        return unsafe { test_slice_avx2(test, ra_deg, dec_deg, out) };
    }
    test_slice_any::<T, false>(test, ra_deg, dec_deg, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn test_slice_avx2<T: Test>(
    test: &T,
    ra_deg: &[f64],
    dec_deg: &[f64],
    out: &mut [bool],
) -> Result<(), Error> {
    test_slice_any::<T, true>(test, ra_deg, dec_deg, out)
}

#[inline(always)]
fn test_slice_any<T: Test, const FMA: bool>(
    test: &T,
    ra_deg: &[f64],
    dec_deg: &[f64],
    out: &mut [bool],
) -> Result<(), Error> {
    let (lower, upper) = test.thresholds();
    let (south, north) = test.dec_range();
    let mut block =
        Block { ra: [0.0; LANES], dec: [0.0; LANES], x: [0.0; LANES], y: [0.0; LANES], z: [0.0; LANES] };
    let mut measures = [0.0; LANES];
    let chunks = ra_deg.chunks(LANES).zip(dec_deg.chunks(LANES)).zip(out.chunks_mut(LANES));
    for (number, ((ra, dec), out)) in chunks.enumerate() {
        let (mut odd, mut near) = (0_u32, 0_u32);
        for ((ra, dec), (to_ra, to_dec)) in
            ra.iter().zip(dec).zip(block.ra.iter_mut().zip(block.dec.iter_mut()))
        {
            let plain = is_plain(*ra, *dec);
            odd += u32::from(!plain);
            near += u32::from((south <= *dec) & (*dec <= north));
            (*to_ra, *to_dec) = if plain { (*ra, *dec) } else { (0.0, 0.0) };
        }
        if near + odd == 0 {
            out.fill(false);
            continue;
        }
        block.fill_vectors::<FMA>();
        test.measure::<FMA>(&block, &mut measures);
        let mut unsure = 0_u32;
        for (inside, measure) in out.iter_mut().zip(&measures) {
            *inside = *measure <= lower;
            unsure += u32::from((*measure > lower) & (*measure <= upper));
        }
        if unsure + odd > 0 {
            for (k, inside) in out.iter_mut().enumerate() {
                if !is_plain(ra[k], dec[k]) || (measures[k] > lower && measures[k] <= upper) {
                    let place = given(number * LANES + k, ra[k], dec[k])?;
                    *inside = place.is_some_and(|place| test.exact(&place));
                }
            }
        }
    }
    Ok(())
}

/// The position of a row; None if it is missing, a coordinate being NaN.
pub(crate) fn given(row: usize, ra: f64, dec: f64) -> Result<Option<Direction>, Error> {
    if ra.is_nan() || dec.is_nan() {
        return Ok(None);
    }
    let place = Direction::from_degrees(ra, dec);
    place.map(Some).map_err(|cause| Error::Row { index: row, cause: Box::new(cause) })
}

/// A position as it is mostly written.
#[inline(always)]
fn is_plain(ra: f64, dec: f64) -> bool {
    (0.0..360.0).contains(&ra) & (dec.abs() <= 90.0)
}

impl Block {
    #[inline(always)]
    fn fill_vectors<const FMA: bool>(&mut self) {
        for k in 0..LANES {
            let (sin_ra, cos_ra) = sin_cos_deg::<FMA>(self.ra[k]);
            let (sin_dec, cos_dec) = sin_cos_deg::<FMA>(self.dec[k]);
            self.x[k] = cos_dec * cos_ra;
            self.y[k] = cos_dec * sin_ra;
            self.z[k] = sin_dec;
        }
    }
}

/// `a * b + c`, in one rounding where the processor does that at no cost.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Product with a vector.
#[inline(always)]
pub(crate) fn dot<const FMA: bool>(v: &[f64; 3], x: f64, y: f64, z: f64) -> f64 {
    multiply_add::<FMA>(v[2], z, multiply_add::<FMA>(v[1], y, v[0] * x))
}

/// Sine of up to pi / 4, to 1 unit in the last place. Minimax coefficients as in FreeBSD's `k_sin.c`.
#[inline(always)]
pub(crate) fn sin<const FMA: bool>(x: f64) -> f64 {
    const S: [f64; 6] = [
        -1.666_666_666_666_663_2e-1,
        8.333_333_333_322_49e-3,
        -1.984_126_982_985_795e-4,
        2.755_731_370_707_007e-6,
        -2.505_076_025_340_686_4e-8,
        1.589_690_995_211_55e-10,
    ];
    let z = x * x;
    let mut sum = S[5];
    for s in [S[4], S[3], S[2], S[1], S[0]] {
        sum = multiply_add::<FMA>(sum, z, s);
    }
    multiply_add::<FMA>(x * z, sum, x)
}

/// Cosine of up to pi / 4, to 1 unit in the last place. Minimax coefficients as in FreeBSD's `k_cos.c`.
#[inline(always)]
fn cos<const FMA: bool>(x: f64) -> f64 {
    const C: [f64; 6] = [
        4.166_666_666_666_66e-2,
        -1.388_888_888_887_411e-3,
        2.480_158_728_947_673e-5,
        -2.755_731_435_139_066_3e-7,
        2.087_572_321_298_175e-9,
        -1.135_964_755_778_819_5e-11,
    ];
    let z = x * x;
    let mut sum = C[5];
    for c in [C[4], C[3], C[2], C[1], C[0]] {
        sum = multiply_add::<FMA>(sum, z, c);
    }
    multiply_add::<FMA>(z * z, sum, multiply_add::<FMA>(-0.5, z, 1.0))
}

/// Sine and cosine of degrees, of -90 to 360.
#[inline(always)]
fn sin_cos_deg<const FMA: bool>(deg: f64) -> (f64, f64) {
    // Added and taken away, this leaves a whole number; its lowest bits stand in the sum's.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = deg / 90.0 + ROUND;
    let quarter = shifted.to_bits();
    let x = (deg - (shifted - ROUND) * 90.0) * (std::f64::consts::PI / 180.0);
    let (sin, cos) = (sin::<FMA>(x), cos::<FMA>(x));
    let (first, second) = if quarter & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let sign = |value: f64, quarter: u64| f64::from_bits(value.to_bits() ^ ((quarter & 2) << 62));
    (sign(first, quarter), sign(second, quarter.wrapping_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Angle, Cone, Polygon, exact};

    fn check<const FMA: bool>() {
        let mut worst: f64 = 0.0;
        for n in 0..2000 {
            let mut block = Block { ra: [0.0; 64], dec: [0.0; 64], x: [0.0; 64], y: [0.0; 64], z: [0.0; 64] };
            for k in 0..LANES {
                let place = (n * LANES + k) as f64;
                block.ra[k] = (place * 222.492_235_9) % 360.0;
                block.dec[k] = ((place * 0.754_877_666) % 1.0).mul_add(180.0, -90.0);
            }
            (block.ra[0], block.dec[1], block.dec[2], block.ra[3]) = (0.0, 90.0, -90.0, 270.0);
            block.fill_vectors::<FMA>();
            for k in (n % 7..LANES).step_by(7) {
                let place = Direction::from_degrees(block.ra[k], block.dec[k]).unwrap();
                let truth = exact::unit_vector(&place).map(exact::Dd::to_f64);
                for (found, truth) in [block.x[k], block.y[k], block.z[k]].iter().zip(truth) {
                    worst = worst.max((found - truth).abs());
                }
            }
        }
        assert!(worst < BLUR / 9.0, "{worst:e}");
    }

    #[test]
    fn the_scalar_twin_gives_the_same_answers() {
        let at = |ra, dec| Direction::from_degrees(ra, dec).unwrap();
        let cone = Cone::new(at(0.0, 80.0), Angle::from_degrees(25.0)).unwrap();
        let polygon = Polygon::new(&[at(300.0, -10.0), at(80.0, 0.0), at(10.0, 85.0)]).unwrap();
        let (ra, dec): (Vec<f64>, Vec<f64>) =
            (0..5000).map(|n| (f64::from(n) * 222.492_235_9 % 360.0, f64::from(n) * 0.036 - 90.0)).unzip();
        let (mut fast, mut twin) = (vec![false; ra.len()], vec![false; ra.len()]);
        test_slice(&cone, &ra, &dec, &mut fast).unwrap();
        test_slice_any::<_, false>(&cone, &ra, &dec, &mut twin).unwrap();
        assert!(fast == twin && fast.contains(&true) && fast.contains(&false));
        test_slice(&polygon, &ra, &dec, &mut fast).unwrap();
        test_slice_any::<_, false>(&polygon, &ra, &dec, &mut twin).unwrap();
        assert!(fast == twin && fast.contains(&true) && fast.contains(&false));
    }

    #[test]
    fn unit_vectors_of_a_block_are_good_to_a_ninth_of_the_blur() {
        check::<false>();
        check::<true>();
    }
}
