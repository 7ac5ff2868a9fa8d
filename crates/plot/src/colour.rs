//! The colours of all pictures: inks, the palette of series, and the colour map of stamps.
//!
//! The colour map runs from deep purple over blue and green to yellow. Its lightness is linear by
//! construction: five knots in OKLCh (lightness, chroma, hue), interpolated there and converted to sRGB,
//! so equal steps of value look like equal steps of light, in print and to colour-blind eyes too.
//!
//! OKLab: B. Ottosson 2020, "A perceptual color space for image processing".

/// An opaque sRGB colour.
pub(crate) type Rgb = [u8; 3];

/// Titles and frames.
pub(crate) const DARK: Rgb = [0x22, 0x27, 0x2e];
/// Tick labels and axis labels.
pub(crate) const TEXT: Rgb = [0x3d, 0x44, 0x4d];
/// Subtitles, and what is written instead of missing data.
pub(crate) const MUTED: Rgb = [0x6b, 0x73, 0x7d];
/// Frames of panels.
pub(crate) const FRAME: Rgb = [0x57, 0x5e, 0x68];
/// Grid lines.
pub(crate) const GRID: Rgb = [0xe9, 0xec, 0xf0];
/// Paper.
pub(crate) const WHITE: Rgb = [0xff, 0xff, 0xff];
/// Ground of a pixel without a value. A true grey: the colour map has none.
pub(crate) const NO_VALUE: Rgb = [0xdc, 0xdc, 0xdc];
/// Hatching of a pixel without a value.
pub(crate) const NO_VALUE_HATCH: Rgb = [0xa8, 0xa8, 0xa8];
/// Outline of an aperture.
pub(crate) const APERTURE: Rgb = [0xff, 0xff, 0xff];
/// Cross at the target.
pub(crate) const MARKER: Rgb = [0xff, 0x5a, 0x4f];

const SERIES: [Rgb; 6] = [
    [0x1b, 0x5f, 0xaa],
    [0xd6, 0x6a, 0x0c],
    [0x1f, 0x93, 0x6b],
    [0xa8, 0x3f, 0x8c],
    [0x7a, 0x5c, 0x3e],
    [0x5b, 0x53, 0xc0],
];

/// Gives the colour of the series at `index`; the palette repeats after six.
pub(crate) fn of_series(index: usize) -> Rgb {
    SERIES[index % SERIES.len()]
}

/// Mixes `colour` with white; `keep` 1 leaves it, 0 gives white.
pub(crate) fn dimmed(colour: Rgb, keep: f32) -> Rgb {
    mixed(WHITE, colour, keep)
}

/// Goes from `from` to `to` as `t` goes from 0 to 1, in sRGB.
pub(crate) fn mixed(from: Rgb, to: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    std::array::from_fn(|i| (f32::from(from[i]) * (1.0 - t) + f32::from(to[i]) * t).round() as u8)
}

/// Lightness, chroma and hue in degrees, at even distances.
const KNOTS: [[f64; 3]; 5] = [
    [0.24, 0.105, 302.0],
    [0.42, 0.105, 268.0],
    [0.59, 0.090, 205.0],
    [0.765, 0.150, 150.0],
    [0.935, 0.170, 106.0],
];

/// Computes the 256 colours of the map, lowest value first.
pub(crate) fn map() -> [Rgb; 256] {
    std::array::from_fn(|i| {
        let linear = oklch_to_linear(knot_at(i as f64 / 255.0));
        linear.map(|c| (encode(c.clamp(0.0, 1.0)) * 255.0).round() as u8)
    })
}

/// Interpolates the knots by Catmull-Rom in chroma and hue, and linearly in lightness.
fn knot_at(t: f64) -> [f64; 3] {
    let last = KNOTS.len() - 1;
    let place = t.clamp(0.0, 1.0) * last as f64;
    let i = (place.floor() as usize).min(last - 1);
    let f = place - i as f64;
    let spline = |channel: usize| {
        let p1 = KNOTS[i][channel];
        let p2 = KNOTS[i + 1][channel];
        let p0 = if i > 0 { KNOTS[i - 1][channel] } else { 2.0 * p1 - p2 };
        let p3 = if i + 2 <= last { KNOTS[i + 2][channel] } else { 2.0 * p2 - p1 };
        let (a, b, c) = (p2 - p0, 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3, 3.0 * (p1 - p2) + p3 - p0);
        p1 + 0.5 * f * (a + f * (b + f * c))
    };
    let lightness = KNOTS[0][0] + (KNOTS[last][0] - KNOTS[0][0]) * t.clamp(0.0, 1.0);
    [lightness, spline(1), spline(2)]
}

fn oklch_to_linear([lightness, chroma, hue_deg]: [f64; 3]) -> [f64; 3] {
    let (a, b) = (chroma * hue_deg.to_radians().cos(), chroma * hue_deg.to_radians().sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

fn encode(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_map_stays_inside_srgb() {
        for i in 0..256 {
            let linear = oklch_to_linear(knot_at(f64::from(i) / 255.0));
            for channel in linear {
                assert!((-0.002..=1.002).contains(&channel), "entry {i}: {linear:?}");
            }
        }
    }

    #[test]
    fn the_colour_map_gets_lighter_at_every_step_and_is_never_grey() {
        let luminance =
            |c: Rgb| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        let map = map();
        for pair in map.windows(2) {
            assert!(luminance(pair[1]) > luminance(pair[0]) - 0.5, "{pair:?}");
        }
        assert!(luminance(map[255]) - luminance(map[0]) > 180.0);
        for colour in map {
            let spread = colour.iter().max().unwrap() - colour.iter().min().unwrap();
            assert!(spread > 30, "{colour:?}");
        }
    }
}
