//! Objects and how bright they are.

use super::random::Random;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Supernova,
    Kilonova,
    Variable,
    Asteroid,
    Bogus,
}

/// What is true of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its number.
    pub candid: i64,
    /// Its object.
    pub object: String,
    /// What that is.
    pub kind: Kind,
    /// UTC, Julian date.
    pub jd: f64,
    /// ICRS degrees.
    pub ra: f64,
    /// ICRS degrees.
    pub dec: f64,
    /// 1 for g, 2 for r.
    pub fid: i32,
    /// Magnitude.
    pub magpsf: f32,
    /// Earlier detections and limits in its history.
    pub history: u32,
    /// The file it is in.
    pub file: String,
    /// Whether its packet is damaged there.
    pub damaged: bool,
    /// How often it is there.
    pub copies: u32,
}

impl Kind {
    /// Its name in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Supernova => "supernova",
            Kind::Kilonova => "kilonova",
            Kind::Variable => "variable",
            Kind::Asteroid => "asteroid",
            Kind::Bogus => "bogus",
        }
    }
}

/// An object of the sky.
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) ra: f64,
    pub(super) dec: f64,
    /// Pixels to the nearest source of the reference image, and its magnitude.
    pub(super) distnr: f64,
    pub(super) magnr: f64,
    /// Magnitude at its brightest, and when that is, days before the night's middle; of what swings its period, days.
    peak: f64,
    since: f64,
    period: f64,
    /// Epochs that the survey has seen within 30 days, and all of them.
    pub(super) epochs: u32,
    pub(super) detections: u32,
}

/// Fainter ones are not detected.
pub(super) const LIMIT: f64 = 20.5;

impl Object {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let random = &mut Random::new(seed, 0x0b1e_c700_0000_0000 | number);
        let kind = match random.below(1000) {
            0..40 => Kind::Supernova,
            40..50 => Kind::Kilonova,
            50..600 => Kind::Variable,
            600..800 => Kind::Asteroid,
            _ => Kind::Bogus,
        };
        let z = random.between(-0.5, 1.0);
        let (distnr, magnr) = match kind {
            Kind::Supernova | Kind::Kilonova => (random.between(3.0, 30.0), random.between(15.0, 19.0)),
            Kind::Variable => (random.between(0.0, 0.5), random.between(13.0, 19.0)),
            Kind::Asteroid | Kind::Bogus => (random.between(5.0, 40.0), random.between(17.0, 21.0)),
        };
        let letters = |mut n: u64| {
            let mut letters = [b'a'; 7];
            for letter in letters.iter_mut().rev() {
                *letter = b'a' + (n % 26) as u8;
                n /= 26;
            }
            String::from_utf8_lossy(&letters).into_owned()
        };
        // One name for one object: multiplication by an odd number permutes.
        let mixed = number.wrapping_mul(0x9e37_79b1) % 26u64.pow(7);
        let history = !matches!(kind, Kind::Asteroid);
        Object {
            kind,
            name: format!("ZTF{:02}{}", 17 + mixed % 9, letters(mixed)),
            ra: random.between(0.0, 360.0),
            dec: libm::asin(z).to_degrees(),
            distnr,
            magnr,
            peak: random.between(16.0, 19.5),
            since: match kind {
                Kind::Kilonova => random.between(0.0, 3.0),
                _ => random.between(-12.0, 40.0),
            },
            period: random.between(0.2, 90.0),
            epochs: if history { 2 + random.below(36) as u32 } else { 0 },
            detections: if kind == Kind::Variable {
                20 + random.below(900) as u32
            } else {
                1 + random.below(12) as u32
            },
        }
    }

    /// The magnitude of its difference from the reference image so many days after the night's middle, and whether it is
    /// brighter than there.
    pub(super) fn difference(&self, days: f64, random: &mut Random) -> (f64, bool) {
        let after = days + self.since;
        let noise = 0.02 * random.normal();
        let magnitude = match self.kind {
            Kind::Supernova if after < 0.0 => self.peak - 0.2 * after,
            Kind::Supernova => self.peak + 0.05 * after,
            Kind::Kilonova if after < 0.0 => 25.0,
            Kind::Kilonova => self.peak + 0.5 * after,
            Kind::Variable => {
                // It swings by half a magnitude about that of the reference image.
                let fainter = 0.5 * libm::sin(2.0 * std::f64::consts::PI * after / self.period);
                let flux = libm::pow(10.0, -0.4 * fainter) - 1.0;
                return (self.magnr - 2.5 * libm::log10(flux.abs()) + noise, flux > 0.0);
            }
            Kind::Asteroid => self.peak + 0.5,
            Kind::Bogus => random.between(18.0, 21.5),
        };
        (magnitude + noise, true)
    }
}
