//! The cells of many positions at once, bit for bit those that `cdshealpix` gives.
//!
//! One position costs `cdshealpix` a sine of the system's library and several branches. Here a polynomial
//! takes the sine's place and sixty-four positions go side by side through the same steps. The projected
//! coordinates then differ from those of `cdshealpix` in their last bits, which matters only within [`BLUR`] of
//! a border between cells: positions there, a few in a million at depth 29, are left to `cdshealpix`.
//!
//! Projection: Calabretta & Roukema 2007, MNRAS 381, 865, H = 4 and K = 3; numbering: Gorski et al. 2005,
//! ApJ 622, 759, nested.

// The one call in `cells` needs it; without these instructions a position takes three times as long.
#![allow(unsafe_code)]

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use cdshealpix::{FOUR_OVER_PI, ONE_OVER_TRANSITION_Z, SQRT6, TRANSITION_LATITUDE};

use super::hash;
use crate::Error;
use crate::lanes::{LANES, sin};

/// How far the projected coordinates, of size 2, may differ from those of `cdshealpix`.
///
/// Longitudes differ not at all, being computed by the same operations. Two sines good to a unit in the last
/// place differ by 3e-16 at most, times 2.45 in the caps.
const BLUR: f64 = 4e-15;

/// Puts the cell of each position into `out`; all in degrees, lengths equal, depth valid.
pub(super) fn cells(depth: u8, ra_deg: &[f64], dec_deg: &[f64], out: &mut [u64]) -> Result<(), Error> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA, as was asked on the line above.
        return unsafe { cells_avx2(depth, ra_deg, dec_deg, out) };
    }
    cells_any::<false>(depth, ra_deg, dec_deg, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn cells_avx2(depth: u8, ra_deg: &[f64], dec_deg: &[f64], out: &mut [u64]) -> Result<(), Error> {
    cells_any::<true>(depth, ra_deg, dec_deg, out)
}

#[inline(always)]
fn cells_any<const FMA: bool>(
    depth: u8,
    ra_deg: &[f64],
    dec_deg: &[f64],
    out: &mut [u64],
) -> Result<(), Error> {
    let (mut ra, mut dec) = ([0.0; LANES], [0.0; LANES]);
    let mut found = [0; LANES];
    let mut start = 0;
    for chunk in out.chunks_mut(LANES) {
        let end = start + chunk.len();
        ra[..chunk.len()].copy_from_slice(&ra_deg[start..end]);
        dec[..chunk.len()].copy_from_slice(&dec_deg[start..end]);
        let unsure = block::<FMA>(depth, &ra, &dec, &mut found);
        chunk.copy_from_slice(&found[..chunk.len()]);
        if unsure {
            for (k, cell) in chunk.iter_mut().enumerate().filter(|(_, cell)| **cell == UNSURE) {
                *cell = hash(depth, ra_deg[start + k], dec_deg[start + k])
                    .map_err(|cause| Error::Row { index: start + k, cause: Box::new(cause) })?;
            }
        }
        start = end;
    }
    Ok(())
}

/// In the place of a cell's number: ask `cdshealpix`.
const UNSURE: u64 = u64::MAX;

/// Cells of a block; whether one is [`UNSURE`].
#[inline(always)]
fn block<const FMA: bool>(depth: u8, ra: &[f64; LANES], dec: &[f64; LANES], out: &mut [u64; LANES]) -> bool {
    /// What 90 degrees lack to a right angle when written as a double.
    const RIGHT_ANGLE_REST: f64 = 6.123_233_995_736_766e-17;
    /// Added to a whole number below it, this leaves the number in the lowest bits.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let half_nside = 0.5 * f64::from(1_u32 << depth);
    let near = BLUR * half_nside;
    let face_shift = 2 * u64::from(depth);
    let mut unsure = 0;
    for k in 0..LANES {
        let (ra, dec) = (ra[k], dec[k]);
        let plain = (0.0..360.0).contains(&ra) & (dec.abs() <= 90.0);
        // From here to `across` the very operations of cdshealpix, for the very same bits.
        let eighths = ra * (PI / 180.0) * FOUR_OVER_PI;
        let quarter = (eighths * 0.5).floor();
        let across = eighths - (2.0 * quarter + 1.0);
        let lat = dec * (PI / 180.0);
        let size = lat.abs();
        let cap = size > TRANSITION_LATITUDE;
        let to_pole = (FRAC_PI_2 - (0.5 * size + FRAC_PI_4)) + RIGHT_ANGLE_REST;
        let sine = sin::<FMA>(if cap { to_pole } else { lat });
        // The caps: four triangles, each narrowing towards the pole.
        let width = SQRT6 * sine;
        let (cap_x, cap_y) = (across * width, if lat > 0.0 { 2.0 - width } else { width });
        let cap_face = if lat > 0.0 { quarter } else { quarter + 8.0 };
        // The belt: a cross of lines divides each quarter among four faces.
        let up = ONE_OVER_TRANSITION_Z * sine;
        let (right_of_rise, right_of_fall) = (across > up, across >= -up);
        let below = if right_of_rise { 1.0 } else { 0.0 } + if right_of_fall { 0.0 } else { 1.0 };
        let sideways = if right_of_rise { 1.0 } else { 0.0 } - if right_of_fall { 0.0 } else { 1.0 };
        let east = if right_of_rise & right_of_fall { 1.0 } else { 0.0 };
        let belt_quarter = quarter + east;
        let belt_quarter = belt_quarter - 4.0 * (belt_quarter * 0.25).floor();
        let (belt_x, belt_y) = (across - sideways, up + below);
        let belt_face = 4.0 * below + belt_quarter;
        // Coordinates along the two sides of the face, in cells.
        let (x, y) = if cap { (cap_x, cap_y) } else { (belt_x, belt_y) };
        let face = if cap { cap_face } else { belt_face };
        let (i, j) = ((y + x) * half_nside, (y - x) * half_nside);
        let (whole_i, whole_j) = (i.floor(), j.floor());
        let (part_i, part_j) = (i - whole_i, j - whole_j);
        let clear = (part_i.min(part_j) > near) & (part_i.max(part_j) < 1.0 - near) & plain;
        let bits = |whole: f64| (whole + WHOLE).to_bits() & 0x7fff_ffff;
        let cell = ((bits(face) & 0xf) << face_shift) | interleaved(bits(whole_i), bits(whole_j));
        out[k] = if clear { cell } else { UNSURE };
        unsure |= u64::from(!clear);
    }
    unsure != 0
}

/// Bits of `i` at even places, of `j` at odd ones.
#[inline(always)]
pub(super) fn interleaved(i: u64, j: u64) -> u64 {
    spread(i) | (spread(j) << 1)
}

#[inline(always)]
fn spread(v: u64) -> u64 {
    let v = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
    let v = (v | (v << 8)) & 0x00ff_00ff_00ff_00ff;
    let v = (v | (v << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let v = (v | (v << 2)) & 0x3333_3333_3333_3333;
    (v | (v << 1)) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scalar_twin_gives_the_same_cells() {
        let ra: Vec<f64> = (0..5000).map(|n| (f64::from(n) * 222.492_235_9) % 360.0).collect();
        let dec: Vec<f64> = (0..5000).map(|n| (f64::from(n) * 0.036).mul_add(1.0, -90.0)).collect();
        for depth in 0..=29 {
            let (mut fast, mut twin) = (vec![0; ra.len()], vec![0; ra.len()]);
            cells(depth, &ra, &dec, &mut fast).unwrap();
            cells_any::<false>(depth, &ra, &dec, &mut twin).unwrap();
            assert_eq!(fast, twin, "depth {depth}");
        }
    }
}
