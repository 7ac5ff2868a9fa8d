//! The colours of values, and the bar that says which value has which.
//!
//! Under an asinh stretch the faint neighbours of a bright star stay visible (Lupton et al. 1999, AJ 118, 1406); under a
//! logarithmic one counts of several magnitudes do.

use crate::canvas::{Anchor, Area, Canvas};
use crate::colour::{self, FRAME, Rgb, TEXT};
use crate::range::{padded, percentiles, shown};
use crate::ticks::{Step, at_step, decimal, scientific};

pub(crate) const TICK_TEXT: f32 = 11.5;
pub(crate) const LABEL_TEXT: f32 = 12.5;
/// How strongly the stretch favours faint values: the slope at the low end over that without a stretch
/// is this over its asinh, about 3.
const SOFTENING: f64 = 10.0;

/// How values are spread over the colours.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    /// Linear for faint values, logarithmic for bright ones.
    Asinh,
    /// For values above 0 of several magnitudes.
    Log,
}

/// Which value has which colour.
pub(crate) struct Stretch {
    low: f64,
    high: f64,
    curve: Curve,
    map: [Rgb; 256],
}

impl Stretch {
    /// Spans the 1st to 99.5th percentile of the finite values.
    pub(crate) fn asinh(values: impl Iterator<Item = f64>) -> Stretch {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let [low, high] = padded(percentiles(&mut values, [0.01, 0.995]).unwrap_or([0.0, 1.0]), 0.0);
        Stretch { low, high, curve: Curve::Asinh, map: colour::map() }
    }

    /// Spans the 1st to 99.5th percentile of the values above 0.
    pub(crate) fn log(values: impl Iterator<Item = f64>) -> Stretch {
        let mut values: Vec<f64> = values.filter(|value| shown(*value) && *value > 1e-280).collect();
        let [low, high] = percentiles(&mut values, [0.01, 0.995]).unwrap_or([1.0, 10.0]);
        let [low, high] = if high > low * 1.05 { [low, high] } else { [low / 1.5, low * 1.5] };
        Stretch { low, high, curve: Curve::Log, map: colour::map() }
    }

    /// Gives the place of a value on the colour bar, 0 to 1 within the range.
    pub(crate) fn place(&self, value: f64) -> f64 {
        match self.curve {
            Curve::Asinh => {
                ((value - self.low) / (self.high - self.low) * SOFTENING).asinh() / SOFTENING.asinh()
            }
            Curve::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// Gives the value at a place of the colour bar.
    fn value(&self, place: f64) -> f64 {
        match self.curve {
            Curve::Asinh => {
                self.low + (self.high - self.low) * (place * SOFTENING.asinh()).sinh() / SOFTENING
            }
            Curve::Log => self.low * (self.high / self.low).powf(place),
        }
    }

    pub(crate) fn colour(&self, place: f64) -> Rgb {
        self.map[(place.clamp(0.0, 1.0) * 255.0).round() as usize]
    }

    /// Chooses about `count` numbers with few digits, evenly along the bar, with their labels.
    fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let spacing = 1.0 / count.max(1) as f64;
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for i in 0..=count {
            let wanted = i as f64 * spacing;
            let (from, to) = (self.value(wanted - 0.3 * spacing), self.value(wanted + 0.3 * spacing));
            let Some((value, step)) = simplest(from.max(self.low), to.min(self.high)) else { continue };
            let largest = self.low.abs().max(self.high.abs());
            let label =
                if (1e-3..1e7).contains(&largest) { decimal(value, -step) } else { scientific(value, step) };
            let apart = |(last, _): &(f64, String)| self.place(value) - self.place(*last) > 0.5 * spacing;
            if ticks.last().is_none_or(apart) {
                ticks.push((value, label));
            }
        }
        ticks
    }
}

/// Finds the number with the fewest digits within a range, and the power of ten of its last digit.
fn simplest(from: f64, to: f64) -> Option<(f64, i32)> {
    if !(from.is_finite() && to.is_finite() && from <= to) {
        return None;
    }
    if from <= 0.0 && to >= 0.0 {
        return Some((0.0, 0));
    }
    let mut step = Step::at_least((to - from).max(from.abs().max(to.abs()) * 1e-12).max(1e-300)).next();
    for _ in 0..8 {
        let middle = from / 2.0 + to / 2.0;
        let ticks = at_step(from, to, step).major;
        let nearest =
            |a: &&(f64, String), b: &&(f64, String)| (a.0 - middle).abs().total_cmp(&(b.0 - middle).abs());
        if let Some((value, _)) = ticks.iter().min_by(nearest) {
            return Some((*value, step.exponent()));
        }
        step = step.previous();
    }
    None
}

/// The colour bar, measured.
pub(crate) struct Bar {
    ticks: Vec<(f64, String)>,
    unit_label: String,
    /// Width from the right side of the image, with the air between.
    pub(crate) takes: f32,
    labels: f32,
}

impl Bar {
    const AIR: f32 = 14.0;
    const WIDTH: f32 = 14.0;

    pub(crate) fn of(canvas: &Canvas, stretch: &Stretch, unit_label: &str, unit: f32) -> Bar {
        let ticks = stretch.ticks(6);
        let labels =
            ticks.iter().map(|(_, label)| canvas.font.width(label, TICK_TEXT * unit)).fold(0.0, f32::max);
        let unit_label = unit_label.to_string();
        let unit_takes = if unit_label.is_empty() { 0.0 } else { (LABEL_TEXT + 6.0) * unit };
        Bar { ticks, unit_label, takes: (Self::AIR + Self::WIDTH + 9.0) * unit + labels + unit_takes, labels }
    }

    /// Draws the bar at the right of the image.
    pub(crate) fn draw(&self, canvas: &mut Canvas, image: Area, stretch: &Stretch, unit: f32) {
        let x0 = image.x1 + Self::AIR * unit;
        let bar = Area { x0, x1: x0 + Self::WIDTH * unit, ..image }.snapped();
        let rows = bar.height() as usize;
        for row in 0..rows {
            let colour = stretch.colour(1.0 - (row as f64 + 0.5) / rows as f64);
            let y0 = bar.y0 + row as f32;
            canvas.rect(Area { y0, y1: y0 + 1.0, ..bar }, colour);
        }
        for (from, to) in [
            ((bar.x0, bar.y0), (bar.x1 + 1.0, bar.y0)),
            ((bar.x0, bar.y1), (bar.x1 + 1.0, bar.y1)),
            ((bar.x0, bar.y0), (bar.x0, bar.y1)),
            ((bar.x1, bar.y0), (bar.x1, bar.y1)),
        ] {
            canvas.rule(from, to, unit, FRAME);
        }
        let mut above = f32::INFINITY;
        for (value, label) in &self.ticks {
            let y = bar.y1 - (stretch.place(*value) as f32) * bar.height();
            if above - y < 1.35 * TICK_TEXT * unit {
                continue;
            }
            above = y;
            canvas.rule((bar.x1, y), (bar.x1 + 4.5 * unit, y), unit, FRAME);
            canvas.text_middle(label, TICK_TEXT * unit, (bar.x1 + 7.5 * unit, y), Anchor::Left, TEXT);
        }
        let size = LABEL_TEXT * unit;
        let text = canvas.font.fitted(&self.unit_label, size, image.height());
        let x = bar.x1 + 9.0 * unit + self.labels + size;
        canvas.text_upwards(&text, size, (x, image.y0 / 2.0 + image.y1 / 2.0), TEXT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_numbers_that_rise_and_lie_on_it() {
        for (low, high) in [(0.0, 1.0), (118.0, 5200.0), (-3.5, 2.0), (1e-9, 3e-9), (1e12, 1.00001e12)] {
            let stretch = Stretch { low, high, curve: Curve::Asinh, map: colour::map() };
            let ticks = stretch.ticks(6);
            assert!((3..=7).contains(&ticks.len()), "{low}..{high}: {ticks:?}");
            assert!(
                ticks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1),
                "{ticks:?}"
            );
            assert!(ticks.iter().all(|(value, _)| (low..=high).contains(value)));
        }
    }

    #[test]
    fn a_logarithmic_bar_counts_magnitudes() {
        let stretch = Stretch::log([0.0, f64::NAN, 1.0, 10.0, 100.0, 1000.0].into_iter());
        assert!((stretch.place(stretch.value(0.3)) - 0.3).abs() < 1e-12);
        assert!(stretch.place(1.0) < 0.05 && stretch.place(1000.0) > 0.95);
        let steps = [1.0, 10.0, 100.0].map(|value| stretch.place(10.0 * value) - stretch.place(value));
        assert!(steps.iter().all(|step| (step - steps[0]).abs() < 1e-12));
        assert!(stretch.ticks(6).len() >= 4);
    }
}
