//! Putting sources on a chip.
//!
//! Stars and variables are drawn for the whole chip and cut to the window afterwards, so that every window of one
//! seed shows the same sky. Transits, transients and movers are drawn for the window.

use super::chip::{Chip, SCIENCE_COLUMNS, SCIENCE_ROWS};
use super::options::SectorOptions;
use super::pixels::REACH_PX;
use super::truth::{Kind, Signal, Source, Truth};
use crate::random::{Purpose, Random};
use crate::time::years_since_2016;
use crate::{Error, Stars};

/// The magnitude that gives one electron a second.
const ZERO_POINT_MAG: f64 = 20.44;

/// The magnitudes of synthetic stars; each fainter one is 10^0.3 times as frequent, about as in the sky.
const FAINT_MAG: std::ops::Range<f64> = 10.0..15.0;
const FAINT_SLOPE: f64 = 0.3;

/// How far from the border what is worth a look must lie, so that an aperture fits around it.
const MARGIN_PX: f64 = 6.0;

/// The fastest mover, pixels a day: 30 arcsec an hour, as in the main belt.
const FASTEST_PX_PER_D: f64 = 34.0;

/// How many variables and bright stars are listed as targets.
const LISTED: usize = 15;

/// When the frames are taken.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start_btjd: f64,
    pub(crate) stop_btjd: f64,
    pub(crate) cadence_d: f64,
}

impl Span {
    fn length_d(&self) -> f64 {
        self.stop_btjd - self.start_btjd
    }

    fn at(&self, fraction: f64) -> f64 {
        self.start_btjd + fraction * self.length_d()
    }
}

/// The part of a window that sees the sky, as ranges of pixel coordinates up to the edges of the pixels.
#[derive(Clone, Copy)]
struct Sky {
    x: (f64, f64),
    y: (f64, f64),
}

impl Sky {
    fn of_chip() -> Self {
        Self::of(&SectorOptions::default())
    }

    fn of(options: &SectorOptions) -> Self {
        let edges = |science: std::ops::Range<usize>, first: usize, len: usize| {
            let low = science.start.max(first) as f64 - first as f64;
            let high = science.end.min(first + len) as f64 - first as f64;
            (low - 0.5, high - 0.5)
        };
        Sky {
            x: edges(SCIENCE_COLUMNS, options.column0, options.columns),
            y: edges(SCIENCE_ROWS, options.row0, options.rows),
        }
    }

    fn is_empty(&self) -> bool {
        self.x.0 >= self.x.1 || self.y.0 >= self.y.1
    }

    fn grown(&self, by: f64) -> Self {
        let grow = |(low, high): (f64, f64)| (low - by, high + by);
        Sky { x: grow(self.x), y: grow(self.y) }
    }

    /// Smaller by `by` on each side, or the middle line where that leaves nothing.
    fn shrunk(&self, by: f64) -> Self {
        let shrink = |(low, high): (f64, f64)| {
            let middle = (low + high) / 2.0;
            ((low + by).min(middle), (high - by).max(middle))
        };
        Sky { x: shrink(self.x), y: shrink(self.y) }
    }

    fn contains(&self, x: f64, y: f64) -> bool {
        (self.x.0..=self.x.1).contains(&x) && (self.y.0..=self.y.1).contains(&y)
    }

    fn random(&self, random: &mut Random) -> (f64, f64) {
        let x = random.between(self.x.0, self.x.1);
        (x, random.between(self.y.0, self.y.1))
    }
}

/// Rounds a pixel coordinate to 2^-20 px, below which the trigonometry of two machines may differ.
fn rounded_px(x: f64) -> f64 {
    const STEPS: f64 = (1 << 20) as f64;
    (x * STEPS).round() / STEPS
}

/// Position of a pixel, rounded to 1e-10 degrees for the same reason.
pub(crate) fn rounded_sky_deg(chip: &Chip, x: f64, y: f64) -> (f64, f64) {
    let (ra, dec) = chip.wcs.pixel_to_sky(x, y);
    let round = |deg: f64| (deg * 1e10).round() / 1e10;
    (round(ra).rem_euclid(360.0), round(dec))
}

fn flux_e_per_s(mag: f64) -> f64 {
    libm::pow(10.0, 0.4 * (ZERO_POINT_MAG - mag))
}

fn rounded_mag(mag: f64) -> f64 {
    (mag * 1e4).round() / 1e4
}

/// Draws everything but the tracks of the movers, which need the times of the frames.
pub(crate) fn draw(options: &SectorOptions, chip: &Chip, span: Span, stars: &Stars) -> Result<Truth, Error> {
    let mut sources = given_stars(chip, span, stars)?;
    sources.extend(synthetic_stars(options, chip));
    make_variable(options, span, &mut sources);

    let window = Sky::of(options);
    let (column0, row0) = (options.column0 as f64, options.row0 as f64);
    for source in &mut sources {
        source.x -= column0;
        source.y -= row0;
    }
    let seen = window.grown(REACH_PX + 0.5);
    sources.retain(|source| !window.is_empty() && seen.contains(source.x, source.y));

    add_transits(options, span, window.shrunk(MARGIN_PX), &mut sources);
    if !window.is_empty() {
        sources.extend(transients(options, chip, span, window));
        sources.extend(movers(options, chip, span, window));
    }
    let targets = targets(&sources, window.shrunk(MARGIN_PX));
    Ok(Truth { sources, tracks: Vec::new(), targets })
}

/// The given stars on the chip, at pixels of the whole chip.
fn given_stars(chip: &Chip, span: Span, stars: &Stars) -> Result<Vec<Source>, Error> {
    let (ra0, dec0) = chip.middle_deg();
    let unit = |ra_deg: f64, dec_deg: f64| {
        let (ra, dec) = (ra_deg.to_radians(), dec_deg.to_radians());
        [libm::cos(dec) * libm::cos(ra), libm::cos(dec) * libm::sin(ra), libm::sin(dec)]
    };
    let middle = unit(ra0, dec0);
    // A chip reaches 8.5 degrees from its middle at most.
    let nearby = libm::cos(12_f64.to_radians());
    let on_chip = Sky::of_chip().grown(REACH_PX + 0.5);
    let years = years_since_2016(span.at(0.5));
    let mut sources = Vec::new();
    for star in stars.as_slice() {
        let place = unit(star.ra_deg, star.dec_deg);
        if middle.iter().zip(place).map(|(a, b)| a * b).sum::<f64>() < nearby {
            continue;
        }
        let moved = |mas_per_year: f64| mas_per_year * years / 3.6e6;
        let cos_dec = libm::cos(star.dec_deg.to_radians()).max(1e-9);
        let ra_deg = (star.ra_deg + moved(star.pmra_mas_per_year) / cos_dec).rem_euclid(360.0);
        let dec_deg = (star.dec_deg + moved(star.pmdec_mas_per_year)).clamp(-90.0, 90.0);
        let Ok((x, y)) = chip.wcs.sky_to_pixel(ra_deg, dec_deg) else { continue };
        if !on_chip.contains(x, y) {
            continue;
        }
        sources.push(Source {
            id: star.id.clone(),
            kind: Kind::Star,
            ra_deg,
            dec_deg,
            x: rounded_px(x),
            y: rounded_px(y),
            mag: star.mag,
            flux_e_per_s: flux_e_per_s(star.mag),
            signal: Signal::Constant,
            velocity_px_per_d: (0.0, 0.0),
        });
    }
    let given = stars.as_slice().len();
    if sources.is_empty() && given > 0 {
        return Err(Error::NoStars {
            given,
            sector: chip.sector,
            camera: chip.camera,
            ccd: chip.ccd,
            ra_deg: ra0,
            dec_deg: dec0,
            way_out: "the embedded stars cover camera and ccd 1/1, 2/2, 3/3 and 4/2 of sector 1",
        });
    }
    Ok(sources)
}

/// Synthetic stars all over the chip, at pixels of the whole chip.
fn synthetic_stars(options: &SectorOptions, chip: &Chip) -> Vec<Source> {
    let mut random = Random::new(options.seed, Purpose::Faint);
    let sky = Sky::of_chip();
    let growth = libm::pow(10.0, FAINT_SLOPE * (FAINT_MAG.end - FAINT_MAG.start)) - 1.0;
    let star = |n: usize| {
        let (x, y) = sky.random(&mut random);
        let (x, y) = (rounded_px(x), rounded_px(y));
        let fainter = libm::log10(1.0 + random.uniform() * growth) / FAINT_SLOPE;
        let mag = rounded_mag(FAINT_MAG.start + fainter);
        let (ra_deg, dec_deg) = rounded_sky_deg(chip, x, y);
        Source {
            id: format!("synthetic-{}", n + 1),
            kind: Kind::Synthetic,
            ra_deg,
            dec_deg,
            x,
            y,
            mag,
            flux_e_per_s: flux_e_per_s(mag),
            signal: Signal::Constant,
            velocity_px_per_d: (0.0, 0.0),
        }
    };
    (0..options.faint_per_chip).map(star).collect()
}

fn make_variable(options: &SectorOptions, span: Span, sources: &mut [Source]) {
    let mut random = Random::new(options.seed, Purpose::Variables);
    // At least six frames a period, and where the frames allow it three periods or more.
    let shortest = (6.0 * span.cadence_d).max(span.length_d() / 100.0);
    let longest = (span.length_d() / 3.0).max(1.5 * shortest);
    for source in sources {
        // All numbers are drawn for every star, so that another fraction leaves those that vary as they were.
        let chosen = random.uniform() < options.variables;
        let amplitude = random.log_between(0.02, 0.4);
        let period_d = random.log_between(shortest, longest);
        let epoch_btjd = span.start_btjd + period_d * random.uniform();
        if chosen {
            source.kind = Kind::Variable;
            source.signal = Signal::Sine { amplitude, period_d, epoch_btjd };
        }
    }
}

/// Puts planets before some of the brighter half of the constant stars.
fn add_transits(options: &SectorOptions, span: Span, inside: Sky, sources: &mut [Source]) {
    let mut random = Random::new(options.seed, Purpose::Transits);
    let fits = |source: &Source| source.signal == Signal::Constant && inside.contains(source.x, source.y);
    let mut candidates: Vec<usize> = (0..sources.len()).filter(|&at| fits(&sources[at])).collect();
    candidates.sort_by(|&a, &b| sources[a].mag.total_cmp(&sources[b].mag));
    candidates.truncate((candidates.len() / 2).max(options.transits));
    for _ in 0..options.transits.min(candidates.len()) {
        let chosen = candidates.swap_remove(random.index(candidates.len()));
        let depth = random.log_between(0.005, 0.03);
        let period_d = random.between(span.length_d() / 6.0, span.length_d() / 2.5);
        let lasts = random.between(0.03, 0.1);
        let duration_d = (lasts * period_d).max(3.0 * span.cadence_d).min(0.4 * period_d);
        let epoch_btjd = span.start_btjd + period_d * random.uniform();
        sources[chosen].kind = Kind::Transit;
        sources[chosen].signal = Signal::Transit { depth, period_d, epoch_btjd, duration_d };
    }
}

fn transients(options: &SectorOptions, chip: &Chip, span: Span, window: Sky) -> Vec<Source> {
    let mut random = Random::new(options.seed, Purpose::Transients);
    let inside = window.shrunk(MARGIN_PX);
    let transient = |n: usize| {
        let (x, y) = inside.random(&mut random);
        let (x, y) = (rounded_px(x), rounded_px(y));
        let mag = rounded_mag(random.between(9.0, 12.0));
        let epoch_btjd = span.at(random.between(0.1, 0.7));
        let lasts = random.log_between(0.05, 0.25);
        let (ra_deg, dec_deg) = rounded_sky_deg(chip, x + options.column0 as f64, y + options.row0 as f64);
        Source {
            id: format!("transient-{}", n + 1),
            kind: Kind::Transient,
            ra_deg,
            dec_deg,
            x,
            y,
            mag,
            flux_e_per_s: flux_e_per_s(mag),
            signal: Signal::Transient {
                epoch_btjd,
                duration_d: (lasts * span.length_d()).max(span.cadence_d),
            },
            velocity_px_per_d: (0.0, 0.0),
        }
    };
    (0..options.transients).map(transient).collect()
}

/// Straight ways over the window, most of it, but no faster than an asteroid.
fn movers(options: &SectorOptions, chip: &Chip, span: Span, window: Sky) -> Vec<Source> {
    let mut random = Random::new(options.seed, Purpose::Movers);
    let inside = window.shrunk(MARGIN_PX);
    let mover = |n: usize| {
        let (from, to) = (inside.random(&mut random), inside.random(&mut random));
        let velocity = ((to.0 - from.0) / span.length_d(), (to.1 - from.1) / span.length_d());
        let too_fast =
            ((velocity.0 * velocity.0 + velocity.1 * velocity.1).sqrt() / FASTEST_PX_PER_D).max(1.0);
        let (x, y) = (rounded_px(from.0), rounded_px(from.1));
        let mag = rounded_mag(random.between(9.0, 12.0));
        let (ra_deg, dec_deg) = rounded_sky_deg(chip, x + options.column0 as f64, y + options.row0 as f64);
        Source {
            id: format!("mover-{}", n + 1),
            kind: Kind::Mover,
            ra_deg,
            dec_deg,
            x,
            y,
            mag,
            flux_e_per_s: flux_e_per_s(mag),
            signal: Signal::Constant,
            velocity_px_per_d: (velocity.0 / too_fast, velocity.1 / too_fast),
        }
    };
    (0..options.movers).map(mover).collect()
}

fn targets(sources: &[Source], inside: Sky) -> Vec<usize> {
    let of = |kinds: &[Kind]| -> Vec<usize> {
        let fits = |source: &Source| kinds.contains(&source.kind) && inside.contains(source.x, source.y);
        (0..sources.len()).filter(|&at| fits(&sources[at])).collect()
    };
    let swing = |at: usize| match sources[at].signal {
        Signal::Sine { amplitude, .. } => amplitude * sources[at].flux_e_per_s,
        _ => 0.0,
    };
    let mut targets = of(&[Kind::Transit, Kind::Transient]);
    let mut variables = of(&[Kind::Variable]);
    variables.sort_by(|&a, &b| swing(b).total_cmp(&swing(a)));
    targets.extend(variables.into_iter().take(LISTED));
    let mut stars = of(&[Kind::Star]);
    stars.sort_by(|&a, &b| sources[a].mag.total_cmp(&sources[b].mag));
    targets.extend(stars.into_iter().take(LISTED));
    targets
}
