//! Arithmetic with about 31 digits, for the few positions that 16 digits cannot decide.
//!
//! A number is an unevaluated sum of two doubles. Sums and products lose a few units of 2^-104; sines and
//! cosines of any angle in degrees lose a few units of 2^-102 of themselves.
//!
//! Dekker 1971, Numerische Mathematik 18, 224; Hida, Li & Bailey 2001, ARITH-15, section 3.

use std::ops::{Add, Mul, Neg, Sub};

use crate::Direction;

/// The sum of two doubles, the second at most half a unit in the last place of the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dd {
    hi: f64,
    lo: f64,
}

/// Pi / 180 to 32 digits.
const RAD_PER_DEG: Dd = Dd { hi: 0.017453292519943295, lo: 2.9486522708701687e-19 };

/// Terms of the series of sine and cosine: for arguments up to pi / 4 the first left out is below 2^-106.
const TERMS: usize = 14;

impl Dd {
    pub(crate) const ZERO: Self = Self { hi: 0.0, lo: 0.0 };
    pub(crate) const ONE: Self = Self { hi: 1.0, lo: 0.0 };

    /// The exact difference of two doubles.
    pub(crate) fn difference(a: f64, b: f64) -> Self {
        two_sum(a, -b)
    }

    /// The nearest double.
    pub(crate) fn to_f64(self) -> f64 {
        self.hi
    }

    /// Half of it, exact.
    pub(crate) fn half(self) -> Self {
        Self { hi: 0.5 * self.hi, lo: 0.5 * self.lo }
    }

    pub(crate) fn square(self) -> Self {
        self * self
    }

    /// Square root; 0 of what is not positive.
    pub(crate) fn sqrt(self) -> Self {
        if self.hi <= 0.0 {
            return Self::ZERO;
        }
        let root = Self::from(self.hi.sqrt());
        root + Self::from((self - root.square()).hi / (2.0 * root.hi))
    }

    /// This divided by a double.
    pub(crate) fn over(self, divisor: f64) -> Self {
        let first = self.hi / divisor;
        let rest = self - Self::from(first) * Self::from(divisor);
        two_sum(first, rest.hi / divisor)
    }

    /// Sine and cosine of this many degrees.
    pub(crate) fn sin_cos_deg(self) -> (Self, Self) {
        let quarter = (self.hi / 90.0).round();
        // Exact: 90 times a small integer is, and so is the difference of numbers within a factor of 2.
        let reduced = Self::from(self.hi - 90.0 * quarter) + Self::from(self.lo);
        let x = reduced * RAD_PER_DEG;
        let square = x.square();
        let (mut sin, mut cos) = (Self::ONE, Self::ONE);
        for k in (1..=TERMS).rev() {
            let k = k as f64;
            cos = Self::ONE - (square * cos).over((2.0 * k - 1.0) * (2.0 * k));
            sin = Self::ONE - (square * sin).over((2.0 * k) * (2.0 * k + 1.0));
        }
        let sin = x * sin;
        match quarter.rem_euclid(4.0) as u8 {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }
}

impl From<f64> for Dd {
    fn from(value: f64) -> Self {
        Self { hi: value, lo: 0.0 }
    }
}

impl Add for Dd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.hi, other.hi), two_sum(self.lo, other.lo));
        let first = fast_two_sum(high.hi, high.lo + low.hi);
        fast_two_sum(first.hi, first.lo + low.lo)
    }
}

impl Sub for Dd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Dd {
    type Output = Self;

    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Mul for Dd {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = self.hi * other.hi;
        let error = self.hi.mul_add(other.hi, -product);
        fast_two_sum(product, error + (self.hi * other.lo + self.lo * other.hi))
    }
}

fn two_sum(a: f64, b: f64) -> Dd {
    let hi = a + b;
    let of_b = hi - a;
    Dd { hi, lo: (a - (hi - of_b)) + (b - of_b) }
}

fn fast_two_sum(a: f64, b: f64) -> Dd {
    let hi = a + b;
    Dd { hi, lo: b - (hi - a) }
}

/// A vector of three.
pub(crate) type Vector = [Dd; 3];

/// The unit vector of a direction.
pub(crate) fn unit_vector(place: &Direction) -> Vector {
    let (sin_ra, cos_ra) = Dd::from(place.ra_deg()).sin_cos_deg();
    let (sin_dec, cos_dec) = Dd::from(place.dec_deg()).sin_cos_deg();
    [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]
}

pub(crate) fn dot(a: &Vector, b: &Vector) -> Dd {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: &Vector, b: &Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Half the squared chord between two directions as a part of the diameter's: `sin²(separation / 2)`.
pub(crate) fn haversine(a: &Direction, b: &Direction) -> Dd {
    let (north, _) = Dd::difference(a.dec_deg(), b.dec_deg()).half().sin_cos_deg();
    let (east, _) = Dd::difference(a.ra_deg(), b.ra_deg()).half().sin_cos_deg();
    north.square() + cos_dec(a) * cos_dec(b) * east.square()
}

/// `cos²(separation / 2)`, which keeps its digits near the antipode.
pub(crate) fn antihaversine(a: &Direction, b: &Direction) -> Dd {
    let (north, _) = Dd::difference(a.dec_deg(), -b.dec_deg()).half().sin_cos_deg();
    let (_, east) = Dd::difference(a.ra_deg(), b.ra_deg()).half().sin_cos_deg();
    north.square() + cos_dec(a) * cos_dec(b) * east.square()
}

fn cos_dec(place: &Direction) -> Dd {
    Dd::from(place.dec_deg()).sin_cos_deg().1
}

/// Components of `to` in the frame of `from`: to its east, to its north, along it.
///
/// East and north keep their digits near `from` and near its antipode.
pub(crate) fn offsets(from: &Direction, to: &Direction) -> Vector {
    let dra = Dd::difference(to.ra_deg(), from.ra_deg());
    let ddec = Dd::difference(to.dec_deg(), from.dec_deg());
    let ((sin_ddec, cos_ddec), (sin_dra, _)) = (ddec.sin_cos_deg(), dra.sin_cos_deg());
    let (sin_half, cos_half) = dra.half().sin_cos_deg();
    let (sin_from, cos_from) = Dd::from(from.dec_deg()).sin_cos_deg();
    let cos_to = cos_dec(to);
    let versine = sin_half.square() + sin_half.square();
    let along = cos_ddec - cos_from * cos_to * versine;
    let north = if along.to_f64() >= 0.0 {
        sin_ddec + sin_from * cos_to * versine
    } else {
        // sin(d1 + d2) - 2 sin(d1) cos(d2) cos²(dra / 2), small near the antipode.
        let (sin_sum, _) = Dd::difference(to.dec_deg(), -from.dec_deg()).sin_cos_deg();
        let antiversine = cos_half.square() + cos_half.square();
        sin_sum - sin_from * cos_to * antiversine
    };
    [cos_to * sin_dra, north, along]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_and_cosines_have_31_digits() {
        // 40-digit values; sums of doubles on the right.
        for (deg, hi, lo) in [
            (30.0, 0.5, 0.0),
            (1.0, 0.01745240643728351, 1.1662166393407661e-18),
            (123.456, 0.8343094333148066, 7.975725155281954e-19),
        ] {
            let (sin, cos) = Dd::from(deg).sin_cos_deg();
            assert!((sin - Dd { hi, lo }).to_f64().abs() < 1e-31, "sin {deg}: {sin:?}");
            assert!((sin.square() + cos.square() - Dd::ONE).to_f64().abs() < 1e-31, "{deg}");
        }
        assert_eq!(Dd::from(180.0).sin_cos_deg().0.to_f64(), 0.0);
        assert_eq!(Dd::from(-90.0).sin_cos_deg().0.to_f64(), -1.0);
    }

    #[test]
    fn tiny_distances_keep_31_digits() {
        let a = Direction::from_degrees(200.0, 45.0).unwrap();
        let b = Direction::from_degrees(200.0, 45.0 + 1e-12).unwrap();
        let half = (Dd::difference(b.dec_deg(), 45.0) * RAD_PER_DEG).half();
        let ratio = haversine(&a, &b).to_f64() / half.square().to_f64();
        assert!((ratio - 1.0).abs() < 1e-15);
        let opposite = Direction::from_degrees(20.0, -45.0 - 1e-12).unwrap();
        assert!((antihaversine(&a, &opposite).to_f64() / half.square().to_f64() - 1.0).abs() < 1e-15);
        let roots = Dd::from(2.0).sqrt();
        assert!((roots.square() - Dd::from(2.0)).to_f64().abs() < 1e-30);
    }

    #[test]
    fn offsets_are_products_with_the_frame() {
        let place = |ra, dec| Direction::from_degrees(ra, dec).unwrap();
        for (from, to) in [
            (place(10.0, 20.0), place(100.0, -5.0)),
            (place(10.0, 20.0), place(190.0, -20.5)),
            (place(0.0, 90.0), place(123.0, 45.0)),
            (place(300.0, -89.9), place(120.0, -89.0)),
        ] {
            let (sin_ra, cos_ra) = Dd::from(from.ra_deg()).sin_cos_deg();
            let centre = unit_vector(&from);
            let east = [-sin_ra, cos_ra, Dd::ZERO];
            let north = cross(&centre, &east);
            let found = offsets(&from, &to);
            for (component, axis) in found.iter().zip([east, north, centre]) {
                let expected = dot(&axis, &unit_vector(&to));
                assert!((*component - expected).to_f64().abs() < 1e-31, "{from:?} {to:?}");
            }
        }
    }
}
