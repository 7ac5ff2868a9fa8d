//! Random numbers that are the same on every machine.
//!
//! Every purpose has its own stream of ChaCha8 under one seed, so frames can be made in any order. Normal deviates
//! come from a ziggurat of 256 layers whose table is made with `libm`; the standard library's functions may differ
//! in the last bit from one system to the next.
//!
//! Marsaglia & Tsang 2000, J. Stat. Soft. 5(8); the test of a layer after Doornik 2005, "An Improved Ziggurat Method
//! to Generate Normal Random Samples".

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for. Streams of different purposes are independent.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Faint,
    Variables,
    Transits,
    Transients,
    Movers,
    Bias,
    /// Pointing in a frame.
    Pointing(usize),
    /// Noise in a frame.
    Noise(usize),
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Purpose::Faint => 1,
            Purpose::Variables => 2,
            Purpose::Transits => 3,
            Purpose::Transients => 4,
            Purpose::Movers => 5,
            Purpose::Bias => 6,
            Purpose::Pointing(frame) => (1 << 32) + frame as u64,
            Purpose::Noise(frame) => (2 << 32) + frame as u64,
        }
    }
}

/// A stream of random numbers.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        let mut key = *b"uranometria sky\0................";
        key[16..24].copy_from_slice(&seed.to_le_bytes());
        let mut chacha = ChaCha8Rng::from_seed(key);
        chacha.set_stream(purpose.stream());
        Random(chacha)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high), or `low` if there is nothing between.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low).max(0.0) * self.uniform()
    }

    /// Uniform in the logarithm between two positive numbers.
    pub(crate) fn log_between(&mut self, low: f64, high: f64) -> f64 {
        low * libm::pow((high / low).max(1.0), self.uniform())
    }

    /// A place in a slice of `len` elements; `len` is at least 1.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        ((self.uniform() * len as f64) as usize).min(len.saturating_sub(1))
    }

    /// A normal deviate of mean 0 and variance 1.
    #[inline]
    pub(crate) fn normal(&mut self) -> f32 {
        let table = &*TABLE;
        loop {
            let bits = self.0.next_u32();
            let layer = (bits & 255) as usize;
            // The upper 24 bits, signed, put in the middle of their steps: uniform in (-1, 1).
            let uniform = ((bits as i32 >> 8) as f32 + 0.5) * (1.0 / (1 << 23) as f32);
            if uniform.abs() < table.inside[layer] {
                return uniform * table.edge[layer];
            }
            if let Some(normal) = self.outside(layer, uniform) {
                return normal;
            }
        }
    }

    /// Decides what lies in the tail or on the slope of a layer, about one deviate in eighty.
    #[cold]
    fn outside(&mut self, layer: usize, uniform: f32) -> Option<f32> {
        if layer == 0 {
            loop {
                let x = -libm::log(1.0 - self.uniform()) / TAIL;
                let y = -libm::log(1.0 - self.uniform());
                if 2.0 * y > x * x {
                    return Some(((TAIL + x) as f32).copysign(uniform));
                }
            }
        }
        let (edge, next) = (f64::from(TABLE.edge[layer]), f64::from(TABLE.edge[layer + 1]));
        let x = f64::from(uniform) * edge;
        let low = libm::exp(-0.5 * (edge * edge - x * x));
        let high = libm::exp(-0.5 * (next * next - x * x));
        (low + self.uniform() * (high - low) < 1.0).then_some(x as f32)
    }
}

/// Where the tail begins, and the area of each of the 256 layers.
const TAIL: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_99;

struct Table {
    /// Right edges of the layers, from the lowest one up; the last is the top, 0.
    edge: [f32; 257],
    /// The part of each layer that lies under the curve whatever the height.
    inside: [f32; 256],
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut exact = [0.0f64; 257];
    let density = |x: f64| libm::exp(-0.5 * x * x);
    exact[0] = AREA / density(TAIL);
    exact[1] = TAIL;
    for n in 2..256 {
        exact[n] = (-2.0 * libm::log(AREA / exact[n - 1] + density(exact[n - 1]))).sqrt();
    }
    let mut inside = [0.0; 256];
    for n in 0..256 {
        inside[n] = (exact[n + 1] / exact[n]) as f32;
    }
    Table { edge: exact.map(|x| x as f32), inside }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_deviates_have_the_moments_and_tails_of_a_normal_distribution() {
        let mut random = Random::new(7, Purpose::Noise(0));
        let n = 2_000_000;
        let (mut moments, mut beyond) = ([0.0f64; 4], [0usize; 4]);
        for _ in 0..n {
            let x = f64::from(random.normal());
            for (power, moment) in moments.iter_mut().enumerate() {
                *moment += x.powi(power as i32 + 1) / f64::from(n);
            }
            for (sigma, count) in beyond.iter_mut().enumerate() {
                *count += usize::from(x.abs() > sigma as f64 + 1.0);
            }
        }
        // Tolerances are four standard errors: sqrt(1, 2, 15, 96 over n).
        for (moment, (wanted, error)) in
            moments.into_iter().zip([(0.0, 1.0), (1.0, 2.0), (0.0, 15.0), (3.0, 96.0f64)])
        {
            assert!((moment - wanted).abs() < 4.0 * (error / f64::from(n)).sqrt(), "{moments:?}");
        }
        for (count, wanted) in beyond.into_iter().zip([0.317_310_5, 0.045_500_3, 0.002_699_8, 6.334e-5]) {
            let wanted: f64 = wanted * f64::from(n);
            assert!((count as f64 - wanted).abs() < 4.0 * wanted.sqrt(), "{beyond:?}");
        }
    }

    #[test]
    fn streams_are_the_same_again_and_differ_from_each_other() {
        let first = |seed, purpose| Random::new(seed, purpose).uniform();
        assert_eq!(first(1, Purpose::Noise(3)), first(1, Purpose::Noise(3)));
        assert_ne!(first(1, Purpose::Noise(3)), first(1, Purpose::Noise(4)));
        assert_ne!(first(1, Purpose::Noise(3)), first(2, Purpose::Noise(3)));
        assert_ne!(first(1, Purpose::Noise(3)), first(1, Purpose::Pointing(3)));
    }
}
