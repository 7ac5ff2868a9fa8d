//! Four numbers at a time: as an array on every processor, as an AVX2 register where there is one.
//!
//! Every operation is the IEEE 754 one on each lane; nothing is fused, so both give the same bits.
#![allow(unsafe_code)]

use core::ops::{Add, Mul, Sub};

/// Lanes of a vector.
pub(crate) const LANES: usize = 4;

/// Four f64.
///
/// Implementations may need instructions that the processor must have: whoever calls a method of
/// [`Avx2`] runs inside [`Isa::run`](crate::kernel::Isa::run), which made sure of that.
pub trait Vector: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn splat(value: f64) -> Self;
    fn of_f64(values: [f64; LANES]) -> Self;
    fn of_f32(values: [f32; LANES]) -> Self;
    fn to_array(self) -> [f64; LANES];
    fn abs(self) -> Self;
    /// The larger; `other` where either is NaN.
    fn larger(self, other: Self) -> Self;
    /// The smaller; `other` where either is NaN.
    fn smaller(self, other: Self) -> Self;
    /// All bits of a lane where it is finite, none elsewhere.
    fn finite(self) -> Self;
    /// All bits of a lane where it is not above the other, none elsewhere and for NaN.
    fn at_most(self, other: Self) -> Self;
    /// Lanes of `self` where `mask` has bits, else of `other`.
    fn masked(self, mask: Self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    /// Whether all lanes of a mask have bits.
    fn all(self) -> bool;
    /// Lane i of vector k becomes lane k of vector i.
    fn transposed(rows: [Self; LANES]) -> [Self; LANES];
}

/// What every processor has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain([f64; LANES]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self(core::array::from_fn(|i| of(self.0[i], other.0[i])))
    }
}

impl Add for Plain {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Plain {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Plain {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Vector for Plain {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    fn of_f64(values: [f64; LANES]) -> Self {
        Self(values)
    }
    #[inline(always)]
    fn of_f32(values: [f32; LANES]) -> Self {
        Self(values.map(f64::from))
    }
    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        self.0
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f64::abs))
    }
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn finite(self) -> Self {
        Self(self.0.map(|v| f64::from_bits(if v.abs() <= f64::MAX { u64::MAX } else { 0 })))
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> Self {
        self.with(other, |a, b| f64::from_bits(if a <= b { u64::MAX } else { 0 }))
    }
    #[inline(always)]
    fn masked(self, mask: Self, other: Self) -> Self {
        Self(core::array::from_fn(|i| if mask.0[i].to_bits() != 0 { self.0[i] } else { other.0[i] }))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.with(other, |a, b| f64::from_bits(a.to_bits() & b.to_bits()))
    }
    #[inline(always)]
    fn all(self) -> bool {
        self.0.iter().all(|mask| mask.to_bits() != 0)
    }
    #[inline(always)]
    fn transposed(rows: [Self; LANES]) -> [Self; LANES] {
        core::array::from_fn(|i| Self(core::array::from_fn(|k| rows[k].0[i])))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;
    use core::ops::{Add, Mul, Sub};

    use super::{LANES, Vector};

    /// A register of AVX2.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Avx2(__m256d);

    // SAFETY, of every block here: only `Isa::run` names this type, where the processor has AVX2; its functions are
    // always inlined into one that is compiled for it. Loads and stores are of arrays of the register's size.

    impl Add for Avx2 {
        type Output = Self;
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_add_pd(self.0, other.0) })
        }
    }

    impl Sub for Avx2 {
        type Output = Self;
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_sub_pd(self.0, other.0) })
        }
    }

    impl Mul for Avx2 {
        type Output = Self;
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_mul_pd(self.0, other.0) })
        }
    }

    impl Vector for Avx2 {
        #[inline(always)]
        fn splat(value: f64) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_set1_pd(value) })
        }
        #[inline(always)]
        fn of_f64(values: [f64; LANES]) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_loadu_pd(values.as_ptr()) })
        }
        #[inline(always)]
        fn of_f32(values: [f32; LANES]) -> Self {
            // SAFETY: above; four f32 are half a register.
            Self(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(values.as_ptr())) })
        }
        #[inline(always)]
        fn to_array(self) -> [f64; LANES] {
            let mut values = [0.0; LANES];
            // SAFETY: above.
            unsafe { _mm256_storeu_pd(values.as_mut_ptr(), self.0) };
            values
        }
        #[inline(always)]
        fn abs(self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0) })
        }
        #[inline(always)]
        fn larger(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_max_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn smaller(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_min_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn finite(self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_cmp_pd::<_CMP_LE_OQ>(self.abs().0, _mm256_set1_pd(f64::MAX)) })
        }
        #[inline(always)]
        fn at_most(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn masked(self, mask: Self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_blendv_pd(other.0, self.0, mask.0) })
        }
        #[inline(always)]
        fn and(self, other: Self) -> Self {
            // SAFETY: above.
            Self(unsafe { _mm256_and_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn all(self) -> bool {
            // SAFETY: above.
            unsafe { _mm256_movemask_pd(self.0) == 0b1111 }
        }
        #[inline(always)]
        fn transposed([a, b, c, d]: [Self; LANES]) -> [Self; LANES] {
            // SAFETY: above.
            unsafe {
                let (ab0, ab1) = (_mm256_unpacklo_pd(a.0, b.0), _mm256_unpackhi_pd(a.0, b.0));
                let (cd0, cd1) = (_mm256_unpacklo_pd(c.0, d.0), _mm256_unpackhi_pd(c.0, d.0));
                [
                    Self(_mm256_permute2f128_pd::<0x20>(ab0, cd0)),
                    Self(_mm256_permute2f128_pd::<0x20>(ab1, cd1)),
                    Self(_mm256_permute2f128_pd::<0x31>(ab0, cd0)),
                    Self(_mm256_permute2f128_pd::<0x31>(ab1, cd1)),
                ]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of what each operation makes of awkward numbers.
    fn bits<V: Vector>() -> alloc::vec::Vec<[u64; LANES]> {
        let odd = [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324];
        let mut all = alloc::vec::Vec::new();
        for a in odd {
            for b in odd {
                let (v, w) = (V::of_f64([a, b, 1.0, a]), V::of_f64([b, a, b, 2.0]));
                let mask = v.finite();
                let rows = V::transposed([v, w, v + w, v - w]);
                all.extend([
                    v + w,
                    v - w,
                    v * w,
                    v.abs(),
                    v.larger(w),
                    v.smaller(w),
                    mask,
                    w.masked(mask, v),
                ]);
                all.extend(rows);
                all.push(v.at_most(w));
                all.extend([mask.and(w.finite()), V::splat(a), V::of_f32([a as f32, b as f32, 1.1, -0.1])]);
                assert_eq!(mask.all(), a.is_finite() && b.is_finite());
            }
        }
        // The sign of a NaN that was computed is nobody's business.
        let of = |v: f64| if v.is_nan() && v.to_bits() != u64::MAX { 1 } else { v.to_bits() };
        all.into_iter().map(|v| v.to_array().map(of)).collect()
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn registers_are_arrays() {
        #[target_feature(enable = "avx2")]
        fn of_registers() -> alloc::vec::Vec<[u64; LANES]> {
            bits::<Avx2>()
        }
        #[cfg(feature = "std")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            assert_eq!(unsafe { of_registers() }, bits::<Plain>());
        }
    }
}
