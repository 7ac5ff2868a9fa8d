//! The frame of a light curve: panels side by side, ticks, labels, and the marks where the axis breaks.
//!
//! All panels share the y axis. Their widths follow the lengths of their x ranges, so that a day is
//! equally wide in all, except that a very short one gets the room its label needs.

use crate::canvas::{Anchor, Area, Canvas};
use crate::colour::{FRAME, GRID, TEXT, WHITE};
use crate::font::Font;
use crate::range::padded;
use crate::ticks::{Step, Ticks, at_step};

/// Size of tick labels, in units.
const TICK_TEXT: f32 = 11.5;
/// Size of axis labels, in units.
const LABEL_TEXT: f32 = 12.5;
/// Room between two panels, in units.
const BREAK: f32 = 16.0;

/// One stretch of the x axis.
pub(crate) struct Panel {
    /// Where it is on the paper.
    pub(crate) area: Area,
    /// The x values at its left and right side.
    pub(crate) range: [f64; 2],
    ticks: Ticks,
}

impl Panel {
    /// Gives the place of an x value on the paper.
    pub(crate) fn x(&self, value: f64) -> f32 {
        let [low, high] = self.range;
        self.area.x0 + ((value - low) / (high - low) * f64::from(self.area.width())) as f32
    }
}

/// What is drawn of axes; small pictures do with less.
#[derive(Clone, Copy)]
pub(crate) struct Detail {
    /// Axis labels.
    pub(crate) labels: bool,
    /// Ticks and their labels.
    pub(crate) ticks: bool,
}

/// The axes of one light curve.
pub(crate) struct Axes<'a> {
    pub(crate) panels: Vec<Panel>,
    /// The y values at the lower and upper side.
    pub(crate) y_range: [f64; 2],
    area: Area,
    y_ticks: Ticks,
    x_label: &'a str,
    y_label: &'a str,
    detail: Detail,
    unit: f32,
}

impl<'a> Axes<'a> {
    /// Lays axes out within `area`, for x ranges that ascend.
    ///
    /// `y_range` is final; x ranges get a little air.
    pub(crate) fn lay_out(
        font: &Font,
        area: Area,
        (x_ranges, y_range): (&[[f64; 2]], [f64; 2]),
        (x_label, y_label): (&'a str, &'a str),
        detail: Detail,
        unit: f32,
    ) -> Self {
        let label_room = |label: &str| {
            if detail.labels && !label.is_empty() { (LABEL_TEXT + 8.0) * unit } else { 0.0 }
        };
        let below = label_room(x_label) + if detail.ticks { (TICK_TEXT + 12.0) * unit } else { unit };
        let height = (area.height() - below).max(1.0);
        let tick_size = TICK_TEXT * unit;
        let y_ticks = if detail.ticks {
            fitting(y_range, height, 20.0 * unit, |_| 1.4 * tick_size)
        } else {
            Ticks::default()
        };
        let widest = y_ticks.major.iter().map(|(_, label)| font.width(label, tick_size)).fold(0.0, f32::max);
        let left = label_room(y_label) + if detail.ticks { widest + 9.0 * unit } else { unit };
        let frame = Area {
            x0: area.x0 + left,
            y0: area.y0,
            x1: area.x1 - if detail.ticks { 10.0 * unit } else { unit },
            y1: area.y0 + height,
        }
        .snapped();
        let mut axes = Self { panels: Vec::new(), y_range, area, y_ticks, x_label, y_label, detail, unit };
        axes.panels = axes.lay_out_panels(font, frame, x_ranges);
        axes
    }

    /// Gives the frame around all panels.
    pub(crate) fn frame(&self) -> Area {
        match (self.panels.first(), self.panels.last()) {
            (Some(first), Some(last)) => Area { x1: last.area.x1, ..first.area },
            _ => self.area,
        }
    }

    /// Gives the place of a y value on the paper; may be far outside.
    pub(crate) fn y(&self, value: f64) -> f32 {
        let [low, high] = self.y_range;
        let frame = self.frame();
        frame.y1 - ((value - low) / (high - low) * f64::from(frame.height())) as f32
    }

    /// Finds the panel that shows an x value.
    pub(crate) fn panel_at(&self, x: f64) -> Option<usize> {
        let after = self.panels.partition_point(|panel| panel.range[0] <= x);
        let at = after.checked_sub(1)?;
        (x <= self.panels[at].range[1]).then_some(at)
    }

    /// Draws what lies under the data.
    pub(crate) fn draw_grid(&self, canvas: &mut Canvas) {
        for panel in &self.panels {
            for (value, _) in &self.y_ticks.major {
                let y = self.y(*value);
                canvas.rule((panel.area.x0, y), (panel.area.x1, y), self.unit, GRID);
            }
            for (value, _) in &panel.ticks.major {
                let x = panel.x(*value);
                canvas.rule((x, panel.area.y0), (x, panel.area.y1), self.unit, GRID);
            }
        }
    }

    /// Draws frame, ticks, labels and break marks, over the data.
    pub(crate) fn draw_frame(&self, canvas: &mut Canvas) {
        let frame = self.frame();
        let last = self.panels.len().saturating_sub(1);
        for (i, panel) in self.panels.iter().enumerate() {
            let Area { x0, y0, x1, y1 } = panel.area;
            for y in [y0, y1] {
                canvas.rule((x0, y), (x1 + 1.0, y), self.unit, FRAME);
            }
            if i == 0 {
                canvas.rule((x0, y0), (x0, y1), self.unit, FRAME);
            }
            if i == last {
                canvas.rule((x1, y0), (x1, y1), self.unit, FRAME);
            }
            for y in [y0, y1] {
                if i > 0 {
                    self.draw_break(canvas, (x0, y));
                }
                if i < last {
                    self.draw_break(canvas, (x1, y));
                }
            }
            self.draw_x_ticks(canvas, panel);
        }
        self.draw_y_ticks(canvas, frame);
        self.draw_labels(canvas, frame);
    }

    fn draw_break(&self, canvas: &mut Canvas, (x, y): (f32, f32)) {
        let (dx, dy) = (3.0 * self.unit, 5.5 * self.unit);
        canvas.line((x - dx, y + dy), (x + dx, y - dy), 1.3 * self.unit, FRAME);
    }

    fn draw_x_ticks(&self, canvas: &mut Canvas, panel: &Panel) {
        let (unit, y1) = (self.unit, panel.area.y1);
        for value in &panel.ticks.minor {
            let x = panel.x(*value);
            canvas.rule((x, y1), (x, y1 + 2.5 * unit), unit, FRAME);
        }
        for (value, label) in &panel.ticks.major {
            let x = panel.x(*value);
            canvas.rule((x, y1), (x, y1 + 4.5 * unit), unit, FRAME);
            let baseline = y1 + (8.0 + 0.75 * TICK_TEXT) * unit;
            canvas.text(label, TICK_TEXT * unit, (x, baseline), Anchor::Centre, TEXT);
        }
    }

    fn draw_y_ticks(&self, canvas: &mut Canvas, frame: Area) {
        let unit = self.unit;
        for value in &self.y_ticks.minor {
            let y = self.y(*value);
            canvas.rule((frame.x0 - 2.5 * unit, y), (frame.x0, y), unit, FRAME);
        }
        for (value, label) in &self.y_ticks.major {
            let y = self.y(*value);
            canvas.rule((frame.x0 - 4.5 * unit, y), (frame.x0, y), unit, FRAME);
            let at = (frame.x0 - 8.0 * unit, y);
            canvas.text_middle(label, TICK_TEXT * unit, at, Anchor::Right, TEXT);
        }
    }

    fn draw_labels(&self, canvas: &mut Canvas, frame: Area) {
        if !self.detail.labels {
            return;
        }
        let size = LABEL_TEXT * self.unit;
        let label = canvas.font.fitted(self.x_label, size, frame.width());
        let middle = (frame.x0 / 2.0 + frame.x1 / 2.0, self.area.y1 - 4.0 * self.unit);
        canvas.text(&label, size, middle, Anchor::Centre, TEXT);
        let label = canvas.font.fitted(self.y_label, size, self.area.height());
        let half = canvas.font.width(&label, size) / 2.0;
        let middle = (frame.y0 / 2.0 + frame.y1 / 2.0).max(self.area.y0 + half).min(self.area.y1 - half);
        canvas.text_upwards(&label, size, (self.area.x0 + 0.85 * size, middle), TEXT);
    }

    fn lay_out_panels(&self, font: &Font, frame: Area, x_ranges: &[[f64; 2]]) -> Vec<Panel> {
        let size = TICK_TEXT * self.unit;
        let ranges = with_air(x_ranges);
        let count = ranges.len().max(1) as f32;
        let between = (BREAK * self.unit).min(frame.width() * 0.3 / count);
        let room = (frame.width() - between * (count - 1.0)).max(count);
        let lengths: Vec<f64> = ranges.iter().map(|range| range[1] - range[0]).collect();
        let widths = share(&lengths, room, 64.0 * self.unit);
        let mut x = frame.x0;
        let mut panels = Vec::with_capacity(ranges.len());
        for (i, (&range, width)) in ranges.iter().zip(widths).enumerate() {
            let area = Area { x0: x, x1: x + width, ..frame }.snapped();
            let slack = between / 2.0 - 2.0 * self.unit;
            let reach = [
                if i == 0 { self.area.x0 } else { area.x0 - slack },
                if i + 1 == ranges.len() { self.area.x1 } else { area.x1 + slack },
            ];
            let mut panel = Panel { area, range, ticks: Ticks::default() };
            if self.detail.ticks {
                panel.ticks = x_ticks(&panel, reach, self.unit, |label| font.width(label, size));
            }
            panels.push(panel);
            x += width + between;
        }
        panels
    }
}

/// Blots out the room between panels, where marks at their sides may have reached.
pub(crate) fn clear_breaks(canvas: &mut Canvas, axes: &Axes<'_>) {
    for pair in axes.panels.windows(2) {
        let area = Area { x0: pair[0].area.x1, x1: pair[1].area.x0, ..pair[0].area };
        canvas.rect(area, WHITE);
    }
}

/// Adds equal air on both sides of all ranges, a fiftieth of their total length.
fn with_air(ranges: &[[f64; 2]]) -> Vec<[f64; 2]> {
    match ranges {
        // A twentieth of a Julian date would be centuries: one instant gets about a day.
        [[low, high]] if low == high => {
            let room = (low.abs() * 1e-6).max(0.5);
            vec![[low - room, high + room]]
        }
        [range] => vec![padded(*range, 0.02)],
        _ => {
            let total: f64 = ranges.iter().map(|range| range[1] - range[0]).sum();
            // Air stays below half of the shortest gap, or neighbours would meet.
            let gap = ranges.windows(2).map(|pair| pair[1][0] - pair[0][1]).fold(f64::INFINITY, f64::min);
            let air = if total > 0.0 { (total * 0.02).min(gap * 0.4) } else { gap * 0.1 };
            ranges.iter().map(|range| [range[0] - air, range[1] + air]).collect()
        }
    }
}

/// Shares `room` in proportion to `lengths`, none below `least` unless there is too little room for that.
fn share(lengths: &[f64], room: f32, least: f32) -> Vec<f32> {
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    // Of the longest, so that neither tiny nor huge lengths leave the numbers; without one, all are equal.
    let parts: Vec<f64> = lengths
        .iter()
        .map(|length| if longest > 0.0 && longest.is_finite() { length / longest } else { 1.0 })
        .collect();
    let least = least.min(0.8 * room / lengths.len().max(1) as f32);
    let mut narrow = vec![false; lengths.len()];
    loop {
        let taken = least * narrow.iter().filter(|&&n| n).count() as f32;
        let total: f64 = parts.iter().zip(&narrow).filter(|(_, n)| !**n).map(|(part, _)| part).sum();
        let scale = f64::from(room - taken) / total;
        let widths: Vec<f32> = parts
            .iter()
            .zip(&narrow)
            .map(|(part, n)| if *n { least } else { (part * scale) as f32 })
            .collect();
        match widths.iter().zip(&narrow).position(|(&width, &n)| !n && width < least) {
            Some(i) => narrow[i] = true,
            None => return widths,
        }
    }
}

/// Finds the finest ticks whose labels do not meet along `length` pixels.
fn fitting(range: [f64; 2], length: f32, least: f32, extent: impl Fn(&str) -> f32) -> Ticks {
    let span = range[1] - range[0];
    let mut step = Step::at_least(span * f64::from((least / length).clamp(1e-4, 1.0)));
    let mut ticks = at_step(range[0], range[1], step);
    for _ in 0..30 {
        let widest = ticks.major.iter().map(|(_, label)| extent(label)).fold(0.0, f32::max);
        if step.size() / span * f64::from(length) >= f64::from(widest) {
            break;
        }
        step = step.next();
        ticks = at_step(range[0], range[1], step);
    }
    ticks
}

/// Puts ticks on a panel whose labels stay within `reach`: one at least, if one has room.
fn x_ticks(panel: &Panel, reach: [f32; 2], unit: f32, width: impl Fn(&str) -> f32) -> Ticks {
    let fits = |value: f64, label: &str| {
        let (x, half) = (panel.x(value), width(label) / 2.0);
        x - half >= reach[0] && x + half <= reach[1]
    };
    let spaced = |label: &str| width(label) + 18.0 * unit;
    let mut ticks = fitting(panel.range, panel.area.width(), 45.0 * unit, spaced);
    for (value, label) in &mut ticks.major {
        if !fits(*value, label) {
            label.clear();
        }
    }
    if ticks.major.iter().any(|(_, label)| !label.is_empty()) {
        return ticks;
    }
    let middle = panel.range[0] / 2.0 + panel.range[1] / 2.0;
    let mut step = Step::at_least((panel.range[1] - panel.range[0]) / 2.0);
    for _ in 0..6 {
        let mut alone = at_step(panel.range[0], panel.range[1], step);
        alone.minor.clear();
        let nearest =
            |a: &&(f64, String), b: &&(f64, String)| (a.0 - middle).abs().total_cmp(&(b.0 - middle).abs());
        let best = alone.major.iter().filter(|(value, label)| fits(*value, label)).min_by(nearest).cloned();
        if let Some(best) = best {
            alone.major = vec![best];
            return alone;
        }
        step = step.previous();
    }
    Ticks::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_as_wide_as_their_ranges_are_long_but_never_too_narrow() {
        assert_eq!(share(&[10.0, 30.0], 400.0, 50.0), [100.0, 300.0]);
        assert_eq!(share(&[0.0, 10.0, 30.0], 450.0, 50.0), [50.0, 100.0, 300.0]);
        for lengths in [[0.0, 0.0], [1e-308, 1e-308], [5e-324, 5e-324], [f64::INFINITY, 1.0]] {
            assert_eq!(share(&lengths, 10.0, 50.0), [5.0, 5.0]);
        }
        for width in share(&[1e300, 1e300, 1.0], 300.0, 50.0) {
            assert!(width.is_finite() && width >= 50.0);
        }
    }

    #[test]
    fn labels_of_neighbouring_panels_do_not_meet() {
        let font = Font::embedded().unwrap();
        for width in (60..1200).step_by(7) {
            let area = Area { x0: 0.0, y0: 0.0, x1: width as f32, y1: 200.0 };
            let ranges = [[1653.9, 1682.1], [2390.0, 2391.0], [3100.0, 3127.0]];
            let detail = Detail { labels: true, ticks: true };
            let axes = Axes::lay_out(&font, area, (&ranges, [0.9, 1.1]), ("x", "y"), detail, 1.0);
            let mut end = f32::NEG_INFINITY;
            for panel in &axes.panels {
                for (value, label) in panel.ticks.major.iter().filter(|(_, label)| !label.is_empty()) {
                    let half = font.width(label, TICK_TEXT) / 2.0;
                    assert!(panel.x(*value) - half > end, "width {width}: `{label}`");
                    end = panel.x(*value) + half;
                }
            }
            assert!(end <= area.x1);
        }
    }
}
