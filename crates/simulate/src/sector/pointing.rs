//! When frames are taken, and where the spacecraft points meanwhile.

use std::f64::consts::TAU;

use super::options::SectorOptions;
use crate::random::{Purpose, Random};

/// BTJD of the first frame of sector 1, and days from one sector to the next.
const FIRST_BTJD: f64 = 1325.2956;
const SECTOR_D: f64 = 27.4;

/// One orbit of the spacecraft, days.
pub(crate) const ORBIT_D: f64 = 13.7;

/// BTJD at which a sector begins.
pub(crate) fn sector_start_btjd(sector: u32) -> f64 {
    FIRST_BTJD + SECTOR_D * (f64::from(sector) - 1.0)
}

/// Cadences from the first frame to the start of frame `frame`, the gap in the middle counted.
pub(crate) fn cadences_before(options: &SectorOptions, frame: usize) -> usize {
    let gap = options.gap_d.map_or(0, |gap_d| (gap_d / options.cadence_d()).round() as usize);
    if second_orbit(options, frame) { frame + gap } else { frame }
}

/// Whether a frame comes after the gap.
pub(crate) fn second_orbit(options: &SectorOptions, frame: usize) -> bool {
    options.gap_d.is_some() && frame >= options.frames.div_ceil(2)
}

/// How far in pixels (x, y) the sources of each frame lie from where they would with the chip's own coordinates.
///
/// A drift with the orbit and with the days between momentum dumps, and a jitter of its own for each frame.
pub(crate) fn offsets_px(options: &SectorOptions) -> Vec<(f64, f64)> {
    let size = options.jitter_px;
    let offset = |frame| {
        let t = cadences_before(options, frame) as f64 * options.cadence_d();
        let wave = |period_d: f64, phase: f64| libm::sin(TAU * (t / period_d + phase));
        let mut random = Random::new(options.seed, Purpose::Pointing(frame));
        let x = 0.6 * wave(ORBIT_D, 0.05) + 0.4 * wave(3.1, 0.2) + 0.2 * f64::from(random.normal());
        let y = 0.6 * wave(ORBIT_D, 0.35) + 0.4 * wave(3.1, 0.7) + 0.2 * f64::from(random.normal());
        (size * x, size * y)
    };
    (0..options.frames).map(offset).collect()
}
