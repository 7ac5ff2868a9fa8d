//! Title, subtitle and legend above a plot.
//!
//! Each has its own room, so that they never meet: texts too long are shortened with an ellipsis.

use crate::canvas::{Anchor, Area, Canvas};
use crate::colour::{DARK, MUTED, Rgb, TEXT};

/// What the picture of a legend entry is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mark {
    Dot,
    Line,
    DottedLine,
}

/// One entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) colour: Rgb,
    pub(crate) mark: Mark,
}

/// What stands above a plot.
pub(crate) struct Header<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) legend: Vec<Entry>,
}

const TITLE: f32 = 16.0;
const SUBTITLE: f32 = 12.0;

impl Header<'_> {
    /// Gives the height that the header takes, with the air below it.
    pub(crate) fn height(&self, unit: f32) -> f32 {
        let title = if self.title.is_empty() { 0.0 } else { 22.0 };
        let second = if self.has_second_line() { 18.0 } else { 0.0 };
        let air = if title + second > 0.0 { 8.0 } else { 0.0 };
        (title + second + air) * unit
    }

    /// Draws the header along the upper side of `area`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, area: Area, unit: f32) {
        let mut baseline = area.y0;
        let legend_below = self.has_second_line();
        let legend_width = self.draw_legend(canvas, area, legend_below, unit);
        if !self.title.is_empty() {
            baseline += 16.0 * unit;
            let room = area.width() - if legend_below { 0.0 } else { legend_width };
            let title = canvas.font.fitted(self.title, TITLE * unit, room);
            canvas.text(&title, TITLE * unit, (area.x0, baseline), Anchor::Left, DARK);
            baseline += 6.0 * unit;
        }
        if !self.subtitle.is_empty() {
            baseline += 13.0 * unit;
            let subtitle = canvas.font.fitted(self.subtitle, SUBTITLE * unit, area.width() - legend_width);
            canvas.text(&subtitle, SUBTITLE * unit, (area.x0, baseline), Anchor::Left, MUTED);
        }
    }

    /// A legend shares the line of the subtitle, else that of the title, else it has one of its own.
    fn has_second_line(&self) -> bool {
        !self.subtitle.is_empty() || (self.title.is_empty() && !self.legend.is_empty())
    }

    /// Draws the legend at the right and gives the width it takes, with the air on its left.
    fn draw_legend(&self, canvas: &mut Canvas, area: Area, below: bool, unit: f32) -> f32 {
        let size = 11.5 * unit;
        let title = if self.title.is_empty() { 0.0 } else { 22.0 };
        let baseline = area.y0 + if below { title + 13.0 } else { 16.0 } * unit;
        let (swatch, air) = (24.0 * unit, 14.0 * unit);
        let room = area.width() * 0.62;
        let mut shown: Vec<(String, f32, &Entry)> = Vec::new();
        let mut width = 0.0;
        for entry in &self.legend {
            let label = canvas.font.fitted(&entry.label, size, 170.0 * unit);
            let takes = swatch + canvas.font.width(&label, size) + air;
            if width + takes > room {
                break;
            }
            width += takes;
            shown.push((label, takes, entry));
        }
        let hidden = self.legend.len() - shown.len();
        let more = format!("+{hidden} more");
        let more_width = if hidden > 0 && !shown.is_empty() { canvas.font.width(&more, size) } else { 0.0 };
        let mut x = area.x1 - width - more_width + air * f32::from(u8::from(more_width == 0.0));
        for (label, takes, entry) in shown {
            draw_mark(canvas, (x + swatch * 0.4, baseline - 0.36 * size), entry, unit);
            canvas.text(&label, size, (x + swatch, baseline), Anchor::Left, TEXT);
            x += takes;
        }
        if more_width > 0.0 {
            canvas.text(&more, size, (x, baseline), Anchor::Left, MUTED);
        }
        if width > 0.0 { width + more_width + air } else { 0.0 }
    }
}

fn draw_mark(canvas: &mut Canvas, (x, y): (f32, f32), entry: &Entry, unit: f32) {
    if entry.mark != Mark::Dot {
        let half = 8.5 * unit;
        canvas.line((x - half, y), (x + half, y), 1.6 * unit, entry.colour);
    }
    if entry.mark != Mark::Line {
        canvas.line((x, y), (x + 0.01, y), 6.5 * unit, entry.colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::testing::Picture;
    use crate::colour::{WHITE, of_series};

    #[test]
    fn a_long_subtitle_stops_before_the_legend() {
        let entry = |label: &str, i| Entry { label: label.into(), colour: of_series(i), mark: Mark::Dot };
        let header = Header {
            title: "",
            subtitle: &"a long story ".repeat(30),
            legend: vec![entry("first", 0), entry("second", 1)],
        };
        let mut canvas = Canvas::new(500, 40).unwrap();
        header.draw(&mut canvas, Area { x0: 10.0, y0: 5.0, x1: 490.0, y1: 40.0 }, 1.0);
        let picture = Picture::decode(&canvas.png().unwrap());
        let swatch = picture.find(|c| c == of_series(0)).iter().map(|p| p.0).min().unwrap();
        assert!((swatch - 6..swatch - 1).all(|x| (0..40).all(|y| picture.at(x, y) == WHITE)));
        assert!((491..500).all(|x| (0..40).all(|y| picture.at(x, y) == WHITE)));
        assert!(swatch > 300);
    }

    #[test]
    fn a_legend_that_is_too_long_says_how_many_are_missing() {
        let legend: Vec<_> = (0..40)
            .map(|i| Entry { label: format!("series {i}"), colour: of_series(i), mark: Mark::Line })
            .collect();
        let header = Header { title: "title", subtitle: "", legend };
        let mut canvas = Canvas::new(600, 40).unwrap();
        header.draw(&mut canvas, Area { x0: 10.0, y0: 5.0, x1: 590.0, y1: 40.0 }, 1.0);
        let picture = Picture::decode(&canvas.png().unwrap());
        assert!((591..600).all(|x| (0..40).all(|y| picture.at(x, y) == WHITE)));
    }
}
