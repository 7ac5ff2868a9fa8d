//! Light curves: points or lines over time, with gaps left open.
//!
//! Nothing is invented between data and nothing is lost silently: missing values and gaps break the line,
//! long gaps break the axis, and what lies beyond the y range is marked by an arrow at the border.

use std::collections::BTreeSet;

use crate::Error;
use crate::axes::{Axes, Detail, clear_breaks};
use crate::canvas::{Anchor, Area, Canvas};
use crate::colour::{MUTED, Rgb, dimmed, of_series};
use crate::header::{Entry, Header, Mark};
use crate::layer::Layer;
use crate::range::{MAX_MAGNITUDE, full, padded, robust, shown};
use crate::segments::{automatic_gap, panels};
use crate::thin;

/// A series to draw.
///
/// All slices have equal length. `x` need not ascend: points are taken in order of x. A point whose x or y
/// is NaN, infinite or beyond 1e300 in magnitude is not drawn; if only its y is, it breaks the line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Series<'a> {
    /// Its name in the legend, which appears when there is more than one series or when points are flagged.
    pub label: &'a str,
    /// Abscissae, as a rule times in days.
    pub x: &'a [f64],
    /// Ordinates, in the unit that `y_label` of the plot states.
    pub y: &'a [f64],
    /// Half lengths of error bars, in the unit of `y`; NaN draws none.
    pub y_err: Option<&'a [f64]>,
    /// Points to dim and leave out of lines and of the choice of the y range, such as those of poor quality.
    pub flagged: Option<&'a [bool]>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A dot at each point; crowded places are darker.
    #[default]
    Points,
    /// A line from point to point, broken at gaps; a point alone between two gaps is a dot.
    Line,
    /// Dots joined by a pale line.
    PointsAndLine,
}

/// A light curve to draw.
#[derive(Clone, Copy, Debug)]
pub struct LightCurvePlot<'a> {
    /// First line above the plot; may be empty.
    pub title: &'a str,
    /// Second, smaller line; may be empty.
    pub subtitle: &'a str,
    /// What x is, with its unit.
    pub x_label: &'a str,
    /// What y is, with its unit.
    pub y_label: &'a str,
    /// The series, drawn in this order.
    pub series: &'a [Series<'a>],
    /// The line breaks where x steps by more than this; `None` is five times the median step of the series.
    pub gap: Option<f64>,
    /// Whether long empty stretches of x are cut out, with a visible mark, when they fill most of the axis; where
    /// `gap` is given, only those at which every line breaks.
    pub break_axis: bool,
    /// Whether y spans all values, instead of leaving lone outliers to arrows at the border.
    pub full_range: bool,
    /// Points or lines.
    pub style: Style,
    /// Width of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub width: u32,
    /// Height of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub height: u32,
}

impl LightCurvePlot<'_> {
    /// The largest magnitude that is drawn; beyond it, differences of two numbers could overflow.
    pub const MOST: f64 = MAX_MAGNITUDE;
}

impl Default for LightCurvePlot<'_> {
    fn default() -> Self {
        Self {
            title: "",
            subtitle: "",
            x_label: "",
            y_label: "",
            series: &[],
            gap: None,
            break_axis: true,
            full_range: false,
            style: Style::Points,
            width: 1000,
            height: 400,
        }
    }
}

/// Draws a light curve and gives the bytes of a PNG file, 8-bit RGB.
///
/// The y range is that of the 2nd to 98th percentile with as much again on either side, extended by every
/// excursion of three or more neighbouring points; single points beyond it become arrows at the border, unless
/// the full range is asked for.
/// Where long gaps make up most of the x range, each stretch of data has a panel of its own; where `gap` is given,
/// never at the cost of a line that goes on. Without
/// any point to show, the picture says `no finite data`. Small pictures leave out labels, then ticks.
///
/// # Errors
/// [`Error::Size`], [`Error::LengthMismatch`] with the series and column, and [`Error::Gap`] if `gap` is
/// negative or NaN.
///
/// ```
/// use uranometria_plot::{LightCurvePlot, Series, Style, light_curve_png};
///
/// let x: Vec<f64> = (0..1300).map(|i| 1653.9 + f64::from(i) / 48.0).collect();
/// let y: Vec<f64> = x.iter().map(|t| 1.0 + 0.01 * (t * 2.0).sin()).collect();
/// let series = [Series { label: "flux", x: &x, y: &y, ..Series::default() }];
/// let plot = LightCurvePlot { series: &series, style: Style::Line, ..LightCurvePlot::default() };
/// assert!(light_curve_png(&plot)?.len() > 1000);
/// # Ok::<(), uranometria_plot::Error>(())
/// ```
pub fn light_curve_png(plot: &LightCurvePlot<'_>) -> Result<Vec<u8>, Error> {
    check(plot)?;
    let mut canvas = Canvas::new(plot.width, plot.height)?;
    let unit = (plot.width as f32 / 1000.0).min(plot.height as f32 / 400.0).clamp(0.9, 8.0);
    let margin = (12.0 * unit).min(plot.width.min(plot.height) as f32 * 0.05);
    let Area { x0, y0, x1, y1 } = canvas.area();
    let inner = Area { x0: x0 + margin, y0: y0 + margin, x1: x1 - margin, y1: y1 - margin };
    draw(&mut canvas, inner, plot, unit);
    canvas.png()
}

/// Refuses what cannot be drawn, size aside.
pub(crate) fn check(plot: &LightCurvePlot<'_>) -> Result<(), Error> {
    if let Some(found) = plot.gap
        && (found.is_nan() || found < 0.0)
    {
        return Err(Error::Gap { found });
    }
    for (index, series) in plot.series.iter().enumerate() {
        let columns = [
            ("y", Some(series.y.len())),
            ("y_err", series.y_err.map(<[f64]>::len)),
            ("flagged", series.flagged.map(<[bool]>::len)),
        ];
        for (column, found) in columns {
            if let Some(found) = found
                && found != series.x.len()
            {
                return Err(Error::LengthMismatch {
                    series: index,
                    label: series.label.to_owned(),
                    column,
                    found,
                    wanted: series.x.len(),
                });
            }
        }
    }
    Ok(())
}

/// Draws a light curve that was checked into `area`; `unit` is the size of things, 1 at 1000 x 400.
pub(crate) fn draw(canvas: &mut Canvas, area: Area, plot: &LightCurvePlot<'_>, unit: f32) {
    let curves: Vec<Curve<'_>> =
        plot.series.iter().enumerate().map(|(index, series)| Curve::new(series, index)).collect();
    let header = Header { title: plot.title, subtitle: plot.subtitle, legend: legend(plot, &curves) };
    let ranges = ranges(plot, &curves);
    let mut axes = None;
    for (labels, ticks, with_header) in
        [(true, true, true), (false, true, true), (false, true, false), (false, false, false)]
    {
        let below = Area { y0: area.y0 + if with_header { header.height(unit) } else { 0.0 }, ..area };
        let (x_ranges, y_range) = ranges.as_ref().map_or((&[[0.0, 1.0]][..], [0.0, 1.0]), |r| (&r.0, r.1));
        let detail = Detail { labels, ticks: ticks && ranges.is_some() };
        let names = (plot.x_label, plot.y_label);
        let laid = Axes::lay_out(&canvas.font, below, (x_ranges, y_range), names, detail, unit);
        let enough =
            laid.frame().width() >= 0.6 * area.width() && laid.frame().height() >= 0.5 * area.height();
        axes = Some((laid, with_header));
        if enough {
            break;
        }
    }
    let Some((axes, with_header)) = axes else { return };
    axes.draw_grid(canvas);
    for curve in &curves {
        curve.draw(canvas, &axes, plot, unit);
    }
    clear_breaks(canvas, &axes);
    axes.draw_frame(canvas);
    for curve in &curves {
        curve.draw_arrows(canvas, &axes, unit);
    }
    if with_header {
        header.draw(canvas, Area { x0: axes.frame().x0, x1: axes.frame().x1, ..area }, unit);
    }
    if ranges.is_none() {
        let frame = axes.frame();
        let text = canvas.font.fitted("no finite data", 14.0 * unit, frame.width());
        let middle = (frame.x0 / 2.0 + frame.x1 / 2.0, frame.y0 / 2.0 + frame.y1 / 2.0);
        if frame.height() > 16.0 * unit {
            canvas.text_middle(&text, 14.0 * unit, middle, Anchor::Centre, MUTED);
        }
    }
}

/// Chooses the x ranges of the panels and the y range; `None` if there is nothing to show.
fn ranges(plot: &LightCurvePlot<'_>, curves: &[Curve<'_>]) -> Option<(Vec<[f64; 2]>, [f64; 2])> {
    let mut x: Vec<f64> =
        curves.iter().flat_map(|curve| curve.points(|_| true).map(|i| curve.series.x[i])).collect();
    x.sort_by(f64::total_cmp);
    let lines: Vec<[f64; 2]> = curves.iter().flat_map(|curve| curve.stretches(plot.gap)).collect();
    let is_open = |from, to| !lines.iter().any(|line| line[0] <= from && to <= line[1]);
    let x_ranges = if plot.break_axis { panels(&x, is_open) } else { vec![[*x.first()?, *x.last()?]] };
    let runs = |flagged_too: bool| -> Vec<Vec<f64>> {
        let values = |curve: &Curve<'_>| {
            curve.points(|i| flagged_too || !curve.is_flagged(i)).map(|i| curve.series.y[i]).collect()
        };
        curves.iter().map(values).collect()
    };
    let span = if plot.full_range { full } else { robust };
    let y_range = span(&runs(false)).or_else(|| span(&runs(true)))?;
    Some((x_ranges, padded(y_range, 0.07)))
}

fn legend(plot: &LightCurvePlot<'_>, curves: &[Curve<'_>]) -> Vec<Entry> {
    let mark = match plot.style {
        Style::Points => Mark::Dot,
        Style::Line => Mark::Line,
        Style::PointsAndLine => Mark::DottedLine,
    };
    let any_flagged = |curve: &Curve<'_>| curve.points(|i| curve.is_flagged(i)).next().is_some();
    let flagged: Vec<&Curve<'_>> = curves.iter().filter(|curve| any_flagged(curve)).collect();
    let mut entries: Vec<Entry> = Vec::new();
    if curves.len() > 1 || !flagged.is_empty() {
        let named = curves.iter().filter(|curve| !curve.series.label.is_empty());
        entries.extend(named.map(|curve| Entry {
            label: curve.series.label.to_owned(),
            colour: curve.colour,
            mark,
        }));
    }
    if let Some(first) = flagged.first() {
        entries.push(Entry { label: "flagged".to_owned(), colour: first.pale(), mark: Mark::Dot });
    }
    entries
}

/// One series on its way to the paper.
struct Curve<'a> {
    series: &'a Series<'a>,
    /// Indices of the points that have an x, in order of x.
    order: Vec<usize>,
    colour: Rgb,
}

impl<'a> Curve<'a> {
    fn new(series: &'a Series<'a>, index: usize) -> Self {
        let mut order: Vec<usize> = (0..series.x.len()).filter(|&i| shown(series.x[i])).collect();
        order.sort_by(|&a, &b| series.x[a].total_cmp(&series.x[b]));
        Self { series, order, colour: of_series(index) }
    }

    fn is_flagged(&self, i: usize) -> bool {
        self.series.flagged.is_some_and(|flags| flags[i])
    }

    fn pale(&self) -> Rgb {
        dimmed(self.colour, 0.38)
    }

    /// Gives the indices of the wanted points that can be shown, in order of x.
    fn points(&self, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(move |&i| shown(self.series.y[i]) && wanted(i))
    }

    /// Gives first and last x of each part of the line that has no break, if it is said what breaks it.
    fn stretches(&self, gap: Option<f64>) -> Vec<[f64; 2]> {
        let Some(gap) = gap else { return Vec::new() };
        let mut stretches: Vec<[f64; 2]> = Vec::new();
        let mut goes_on = false;
        for &i in self.order.iter().filter(|&&i| !self.is_flagged(i)) {
            let (x, is_shown) = (self.series.x[i], shown(self.series.y[i]));
            match stretches.last_mut() {
                Some(stretch) if is_shown && goes_on && x - stretch[1] <= gap => stretch[1] = x,
                _ if is_shown => stretches.push([x, x]),
                _ => {}
            }
            goes_on = is_shown;
        }
        stretches
    }

    fn place(&self, axes: &Axes<'_>, i: usize) -> Option<(usize, (f32, f32))> {
        let panel = axes.panel_at(self.series.x[i])?;
        Some((panel, (axes.panels[panel].x(self.series.x[i]), axes.y(self.series.y[i]))))
    }

    fn draw(&self, canvas: &mut Canvas, axes: &Axes<'_>, plot: &LightCurvePlot<'_>, unit: f32) {
        self.draw_error_bars(canvas, axes, unit);
        // Points that would lie in a panel of usual size at this density.
        let room = axes.frame().width() * axes.frame().height() / (unit * unit);
        let crowd = self.order.len() as f32 * 270_000.0 / room.max(1.0);
        let many = (crowd.max(100.0) / 100.0).log10().min(6.0);
        let radius = (2.5 - 0.38 * many).max(1.0) * unit;
        let alpha = (1.0 - 0.16 * many).clamp(0.35, 0.88);
        let small = radius.min(1.7 * unit);
        self.draw_dots(canvas, axes, self.points(|i| self.is_flagged(i)), (small, 0.8), self.pale());
        let good = |i: usize| !self.is_flagged(i);
        match plot.style {
            Style::Points => {
                self.draw_dots(canvas, axes, self.points(good), (radius, alpha), self.colour);
            }
            Style::Line => self.draw_line(canvas, axes, plot.gap, 1.2 * unit, self.colour),
            Style::PointsAndLine => {
                self.draw_line(canvas, axes, plot.gap, unit, dimmed(self.colour, 0.5));
                self.draw_dots(canvas, axes, self.points(good), (radius, alpha), self.colour);
            }
        }
    }

    fn draw_dots(
        &self,
        canvas: &mut Canvas,
        axes: &Axes<'_>,
        points: impl Iterator<Item = usize>,
        (radius, alpha): (f32, f32),
        colour: Rgb,
    ) {
        let frame = axes.frame();
        let mut layer: Option<Layer> = None;
        for i in points {
            let Some((_, at)) = self.place(axes, i) else { continue };
            if (frame.y0..=frame.y1).contains(&at.1) {
                layer.get_or_insert_with(|| Layer::over(frame)).dot(at, radius, alpha);
            }
        }
        if let Some(layer) = layer {
            layer.onto(canvas, colour);
        }
    }

    fn draw_error_bars(&self, canvas: &mut Canvas, axes: &Axes<'_>, unit: f32) {
        let Some(errors) = self.series.y_err else { return };
        let frame = axes.frame();
        let mut layer = Layer::over(frame);
        // More bars on one pixel column would only blacken it, at the cost of its height each.
        let mut last = (f32::NAN, 0);
        for i in self.points(|i| shown(errors[i]) && !self.is_flagged(i)) {
            let Some((_, (x, y))) = self.place(axes, i) else { continue };
            last = if last.0 == x.floor() { (last.0, last.1 + 1) } else { (x.floor(), 1) };
            if last.1 > 3 || !(frame.y0..=frame.y1).contains(&y) {
                continue;
            }
            let half = (axes.y(self.series.y[i] - errors[i].abs()) - y).abs().min(frame.height());
            layer.bar(x, (y - half, y + half), 1.1 * unit, 0.42);
        }
        layer.onto(canvas, self.colour);
    }

    /// Draws the line through all points that are not flagged, one run between two breaks at a time.
    fn draw_line(&self, canvas: &mut Canvas, axes: &Axes<'_>, gap: Option<f64>, width: f32, colour: Rgb) {
        let gap = gap.unwrap_or_else(|| {
            let x: Vec<f64> = self.order.iter().map(|&i| self.series.x[i]).collect();
            automatic_gap(&x)
        });
        let frame = axes.frame();
        let far = 4.0 * frame.height();
        let mut runs: Vec<(usize, Vec<(f32, f32)>)> = Vec::new();
        let mut last: Option<(usize, f64)> = None;
        for &i in self.order.iter().filter(|&&i| !self.is_flagged(i)) {
            let x = self.series.x[i];
            let place = if shown(self.series.y[i]) { self.place(axes, i) } else { None };
            let Some((panel, at)) = place else {
                last = None;
                continue;
            };
            // The rasteriser's numbers are small; so far out, the slope can no longer be told.
            let at = (at.0, at.1.clamp(frame.y0 - far, frame.y1 + far));
            match (last, runs.last_mut()) {
                (Some((before, from)), Some((_, run))) if before == panel && x - from <= gap => run.push(at),
                _ => runs.push((panel, vec![at])),
            }
            last = Some((panel, x));
        }
        let mut layer = Layer::over(frame);
        for (_, run) in runs.iter().filter(|(_, run)| run.len() == 1) {
            layer.dot(run[0], 0.75 * width, 1.0);
        }
        layer.onto(canvas, colour);
        for (index, panel) in axes.panels.iter().enumerate() {
            let lines: Vec<_> = runs
                .iter()
                .filter(|(at, run)| *at == index && run.len() > 1)
                .map(|(_, run)| thin::by_column(run))
                .collect();
            canvas.lines(&lines, width, colour, 1.0, Some(panel.area));
        }
    }

    /// Marks points beyond the y range by arrows at the border, one for each place that can be told apart.
    fn draw_arrows(&self, canvas: &mut Canvas, axes: &Axes<'_>, unit: f32) {
        let frame = axes.frame();
        let size = 4.0 * unit;
        for flagged in [true, false] {
            let mut drawn = BTreeSet::new();
            for i in self.points(|i| self.is_flagged(i) == flagged) {
                let Some((panel, (x, y))) = self.place(axes, i) else { continue };
                let up = y < frame.y0;
                if !up && y <= frame.y1 || !drawn.insert((up, (x / size).round() as i32)) {
                    continue;
                }
                let area = axes.panels[panel].area;
                let x = x.max(area.x0 + size).min(area.x1 - size);
                let (tip, base) = if up {
                    (2.5 * unit, 2.5 * unit + 1.9 * size)
                } else {
                    (-2.5 * unit, -2.5 * unit - 1.9 * size)
                };
                let side = if up { frame.y0 } else { frame.y1 };
                let corners = [(x, side + tip), (x - size, side + base), (x + size, side + base)];
                canvas.polygon(&corners, if flagged { self.pale() } else { self.colour });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::testing::Picture;
    use crate::colour::WHITE;

    fn picture(plot: &LightCurvePlot<'_>) -> Picture {
        Picture::decode(&light_curve_png(plot).unwrap())
    }

    fn is_ink(c: Rgb) -> bool {
        i32::from(c[2]) > i32::from(c[0]) + 60
    }

    /// Says which columns of the picture hold ink of the first series, from its first to its last.
    fn inked(picture: &Picture) -> Vec<bool> {
        let ink = picture.find(is_ink);
        let first = ink.iter().map(|at| at.0).min().unwrap();
        let last = ink.iter().map(|at| at.0).max().unwrap();
        let mut columns = vec![false; last - first + 1];
        for (x, _) in ink {
            columns[x - first] = true;
        }
        columns
    }

    fn wave(x: &[f64]) -> Vec<f64> {
        x.iter().map(|t| (t * 0.7).sin()).collect()
    }

    fn check_gap(plot: &LightCurvePlot<'_>, x: &[f64], y: &[f64], open: bool) {
        let series = [Series { x, y, ..Series::default() }];
        let columns = inked(&picture(&LightCurvePlot { series: &series, ..*plot }));
        let (from, to) = (columns.len() * 35 / 100, columns.len() * 65 / 100);
        assert_eq!(columns[from..to].iter().all(|&inked| !inked), open, "{plot:?}");
        assert!(columns[..columns.len() / 4].iter().filter(|&&inked| inked).count() > columns.len() / 5);
    }

    #[test]
    fn a_gap_has_no_ink_unless_the_caller_bridges_it() {
        let x: Vec<f64> =
            (0..300).map(|i| f64::from(i) * 0.1).filter(|t| !(10.0..20.0).contains(t)).collect();
        let y = wave(&x);
        for style in [Style::Points, Style::Line, Style::PointsAndLine] {
            check_gap(&LightCurvePlot { style, ..LightCurvePlot::default() }, &x, &y, true);
        }
        let bridged =
            LightCurvePlot { style: Style::Line, gap: Some(f64::INFINITY), ..LightCurvePlot::default() };
        check_gap(&bridged, &x, &y, false);
    }

    #[test]
    fn missing_values_break_the_line() {
        let x: Vec<f64> = (0..300).map(|i| f64::from(i) * 0.1).collect();
        let mut y = wave(&x);
        y[100..200].fill(f64::NAN);
        let line = LightCurvePlot { style: Style::Line, ..LightCurvePlot::default() };
        check_gap(&line, &x, &y, true);
        let bridged = LightCurvePlot { gap: Some(f64::INFINITY), ..line };
        check_gap(&bridged, &x, &y, true);
    }

    #[test]
    fn two_sectors_years_apart_fill_the_picture_unless_the_axis_is_kept_whole() {
        let x: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.02).flat_map(|t| [t, t + 700.0]).collect();
        let y = wave(&x);
        let series = [Series { x: &x, y: &y, ..Series::default() }];
        let plot = LightCurvePlot { series: &series, style: Style::Line, ..LightCurvePlot::default() };
        let share = |plot: &LightCurvePlot<'_>| {
            let columns = inked(&picture(plot));
            columns.iter().filter(|&&inked| inked).count() as f64 / columns.len() as f64
        };
        assert!(share(&plot) > 0.9);
        assert!(share(&LightCurvePlot { break_axis: false, ..plot }) < 0.15);
    }

    #[test]
    fn the_axis_breaks_only_where_the_line_does() {
        let x: Vec<f64> =
            (0..1000).map(|i| f64::from(i) * 0.02 + if i < 500 { 0.0 } else { 700.0 }).collect();
        let y = wave(&x);
        let panels = |y: &[f64], gap| {
            let series = [Series { x: &x, y, ..Series::default() }];
            let plot =
                LightCurvePlot { series: &series, gap, style: Style::Line, ..LightCurvePlot::default() };
            ranges(&plot, &[Curve::new(&series[0], 0)]).unwrap().0.len()
        };
        assert_eq!(panels(&y, None), 2);
        assert_eq!(panels(&y, Some(100.0)), 2);
        assert_eq!(panels(&y, Some(f64::INFINITY)), 1);
        let mut broken = y.clone();
        broken[500] = f64::NAN;
        assert_eq!(panels(&broken, Some(f64::INFINITY)), 2);
        // A missing point elsewhere opens no gap here.
        broken[500] = y[500];
        broken[300] = f64::NAN;
        assert_eq!(panels(&broken, Some(f64::INFINITY)), 1);
    }

    #[test]
    fn an_outlier_becomes_an_arrow_at_the_border_and_the_rest_keeps_its_height() {
        let x: Vec<f64> = (0..500).map(f64::from).collect();
        let mut y = wave(&x);
        let height = |y: &[f64]| {
            let series = [Series { x: &x, y, ..Series::default() }];
            let ink = picture(&LightCurvePlot { series: &series, ..LightCurvePlot::default() }).find(is_ink);
            (ink.iter().map(|at| at.1).min().unwrap(), ink.iter().map(|at| at.1).max().unwrap())
        };
        let before = height(&y);
        assert!(before.0 > 20);
        y[250] = 1e6;
        let after = height(&y);
        assert!(after.0 < 20, "no arrow: {after:?}");
        assert!(after.1 > 250, "data were squashed: {after:?}");
    }

    #[test]
    fn flagged_points_are_pale_and_do_not_choose_the_range() {
        let x: Vec<f64> = (0..100).map(f64::from).collect();
        let y = wave(&x);
        let flags = vec![true; 100];
        let shown = |flagged| {
            let series = [Series { x: &x, y: &y, flagged, ..Series::default() }];
            let plot = LightCurvePlot { series: &series, ..LightCurvePlot::default() };
            picture(&plot).find(|c| c[0] < 0x60 && c[2] > 0x90).len()
        };
        assert!(shown(None) > 500);
        assert_eq!(shown(Some(&flags)), 0);
    }

    #[test]
    fn pictures_have_the_size_asked_for_and_the_same_bytes_each_time() {
        let x: Vec<f64> = (0..500).map(f64::from).collect();
        let y = wave(&x);
        let series = [Series { label: "a", x: &x, y: &y, y_err: Some(&y), flagged: None }];
        for (width, height) in [(1, 1), (3, 200), (37, 21), (640, 480), (8192, 2)] {
            let plot = LightCurvePlot {
                title: "title",
                subtitle: "subtitle",
                x_label: "time",
                y_label: "flux",
                series: &series,
                width,
                height,
                ..LightCurvePlot::default()
            };
            let png = light_curve_png(&plot).unwrap();
            assert_eq!(png, light_curve_png(&plot).unwrap());
            let picture = Picture::decode(&png);
            assert_eq!((picture.width, picture.height), (width as usize, height as usize));
        }
    }

    #[test]
    fn text_stays_inside_the_picture_and_the_outermost_pixels_stay_white() {
        let long = "a very long text that says much ".repeat(20);
        let x: Vec<f64> = (0..500).map(|i| 2_459_000.5 + f64::from(i) * 1e-4).collect();
        let y: Vec<f64> = x.iter().map(|t| 1e9 + (t * 100.0).sin()).collect();
        let series = [Series { label: &long, x: &x, y: &y, ..Series::default() }; 5];
        for (width, height) in [(1000, 400), (400, 300), (200, 600), (1600, 200), (150, 90)] {
            let plot = LightCurvePlot {
                title: &long,
                subtitle: &long,
                x_label: &long,
                y_label: &long,
                series: &series,
                width,
                height,
                ..LightCurvePlot::default()
            };
            let picture = picture(&plot);
            let (w, h) = (picture.width - 1, picture.height - 1);
            let ink = picture.find(|c| c != WHITE);
            assert!(ink.iter().all(|&(x, y)| x > 0 && y > 0 && x < w && y < h), "{width} x {height}");
        }
    }

    #[test]
    fn nothing_to_show_is_a_picture_and_wrong_input_an_error() {
        let nan = [f64::NAN; 3];
        let series = [Series { x: &[1.0, 2.0, 3.0], y: &nan, ..Series::default() }];
        let blank = picture(&LightCurvePlot { series: &series, ..LightCurvePlot::default() });
        assert!(blank.find(is_ink).is_empty());
        assert!(blank.find(|c| c != WHITE).len() > 1000);
        let short = [Series { label: "s", x: &[1.0], y: &[1.0], y_err: Some(&nan), flagged: None }];
        let plot = LightCurvePlot { series: &short, ..LightCurvePlot::default() };
        assert_eq!(
            light_curve_png(&plot).unwrap_err().to_string(),
            "series 0 (`s`): `y_err` has 3 values, expected 1 as `x` has"
        );
        for found in [-1.0, f64::NAN] {
            let plot = LightCurvePlot { gap: Some(found), ..LightCurvePlot::default() };
            assert!(matches!(light_curve_png(&plot), Err(Error::Gap { .. })));
        }
    }
}
