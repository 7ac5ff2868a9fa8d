//! Stamps: the pixels around one star, with its aperture.
//!
//! Values are shown by a colour map of linear lightness under an asinh stretch, which keeps the faint
//! neighbours of a bright star visible (Lupton et al. 1999, AJ 118, 1406). Pixels without a value are grey
//! and hatched, which no value is.

use crate::Error;
use crate::bar::{Bar, LABEL_TEXT, Stretch, TICK_TEXT};
use crate::canvas::{Anchor, Area, Canvas};
use crate::colour::{self, APERTURE, DARK, FRAME, MARKER, MUTED, NO_VALUE, NO_VALUE_HATCH, TEXT};
use crate::header::Header;
use crate::ticks::Step;

/// A stamp to draw.
#[derive(Clone, Copy, Debug)]
pub struct StampPlot<'a> {
    /// First line above the stamp; may be empty.
    pub title: &'a str,
    /// Second, smaller line; may be empty.
    pub subtitle: &'a str,
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Values as `pixels[row * columns + column]`, row 0 at the bottom. NaN and infinities are no value.
    pub pixels: &'a [f32],
    /// Which pixels form the aperture, in the order of `pixels`; its outline is drawn.
    pub aperture: Option<&'a [bool]>,
    /// Place of the target as (column, row) in pixels of the stamp, (0, 0) the centre of the first one.
    pub marker: Option<(f64, f64)>,
    /// Detector column of the first column, for the ticks.
    pub column0: i64,
    /// Detector row of the first row, for the ticks.
    pub row0: i64,
    /// Unit of the values, beside the colour bar.
    pub unit: &'a str,
    /// Directions of north and east as (columns, rows), drawn as a small compass; lengths do not matter.
    pub north_east: Option<([f64; 2], [f64; 2])>,
    /// Width of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub width: u32,
    /// Height of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub height: u32,
}

impl Default for StampPlot<'_> {
    fn default() -> Self {
        Self {
            title: "",
            subtitle: "",
            columns: 0,
            rows: 0,
            pixels: &[],
            aperture: None,
            marker: None,
            column0: 0,
            row0: 0,
            unit: "",
            north_east: None,
            width: 560,
            height: 520,
        }
    }
}

/// Draws a stamp and gives the bytes of a PNG file, 8-bit RGB.
///
/// Colours span the 1st to 99.5th percentile of the finite pixels under an asinh stretch; the bar beside
/// the stamp says which value has which colour. Pixels are square. A stamp without pixels gives a picture
/// that says `no pixels`; a marker outside the stamp is not drawn, nor is a direction that is NaN or zero.
/// Small pictures leave out labels, then ticks and the bar.
///
/// # Errors
/// [`Error::Size`], and [`Error::StampShape`] if `pixels` or `aperture` do not hold `columns` x `rows`
/// values.
///
/// ```
/// use uranometria_plot::{StampPlot, stamp_png};
///
/// let pixels = [120.0, 130.0, 125.0, 900.0, f32::NAN, 140.0];
/// let plot = StampPlot { columns: 3, rows: 2, pixels: &pixels, unit: "e⁻/s", ..StampPlot::default() };
/// assert_eq!(&stamp_png(&plot)?[1..4], b"PNG");
/// # Ok::<(), uranometria_plot::Error>(())
/// ```
pub fn stamp_png(plot: &StampPlot<'_>) -> Result<Vec<u8>, Error> {
    check(plot)?;
    let mut canvas = Canvas::new(plot.width, plot.height)?;
    let unit = (plot.width as f32 / 560.0).min(plot.height as f32 / 520.0).clamp(0.9, 8.0);
    let margin = (12.0 * unit).min(plot.width.min(plot.height) as f32 * 0.05);
    let Area { x0, y0, x1, y1 } = canvas.area();
    let inner = Area { x0: x0 + margin, y0: y0 + margin, x1: x1 - margin, y1: y1 - margin };
    draw(&mut canvas, inner, plot, unit, true);
    canvas.png()
}

/// Refuses what cannot be drawn, size aside.
pub(crate) fn check(plot: &StampPlot<'_>) -> Result<(), Error> {
    let fields = [("pixels", Some(plot.pixels.len())), ("aperture", plot.aperture.map(<[bool]>::len))];
    for (field, found) in fields {
        if let Some(found) = found
            && plot.columns.checked_mul(plot.rows) != Some(found)
        {
            return Err(Error::StampShape { columns: plot.columns, rows: plot.rows, field, found });
        }
    }
    Ok(())
}

/// Draws a stamp that was checked into `area`; `unit` is the size of things, 1 at 560 x 520.
///
/// An image narrower than its room is in the middle if `centred`, else at the left.
pub(crate) fn draw(canvas: &mut Canvas, area: Area, plot: &StampPlot<'_>, unit: f32, centred: bool) {
    let header = Header { title: plot.title, subtitle: plot.subtitle, legend: Vec::new() };
    if plot.pixels.is_empty() {
        header.draw(canvas, area, unit);
        let middle = (area.x0 / 2.0 + area.x1 / 2.0, area.y0 / 2.0 + area.y1 / 2.0);
        let text = canvas.font.fitted("no pixels", 14.0 * unit, area.width());
        canvas.text_middle(&text, 14.0 * unit, middle, Anchor::Centre, MUTED);
        return;
    }
    let stretch = Stretch::asinh(plot.pixels.iter().map(|&value| f64::from(value)));
    let mut chosen = None;
    for (labels, ticks, with_header) in
        [(true, true, true), (false, true, true), (false, true, false), (false, false, false)]
    {
        let top = if with_header { header.height(unit) } else { 0.0 };
        let below = Area { y0: area.y0 + top, ..area };
        let bar = ticks.then(|| Bar::of(canvas, &stretch, if labels { plot.unit } else { "" }, unit));
        let sides = Sides::of(canvas, plot, bar.as_ref(), (labels, ticks), unit);
        let room = (below.width() - sides.left - sides.right, below.height() - sides.below - sides.above);
        chosen = Some((below, sides, bar, labels, with_header));
        if room.0 >= 0.5 * area.width().min(area.height()) && room.1 >= 0.5 * area.width().min(area.height())
        {
            break;
        }
    }
    let Some((below, sides, bar, labels, with_header)) = chosen else { return };
    let image = sides.place(below, plot, centred);
    let left = image.x0 - sides.left;
    draw_pixels(canvas, image, plot, &stretch, unit);
    if let Some(aperture) = plot.aperture {
        draw_aperture(canvas, image, plot, aperture, unit);
    }
    draw_marker(canvas, image, plot, unit);
    draw_compass(canvas, image, plot, unit);
    for (from, to) in [
        ((image.x0, image.y0), (image.x1 + 1.0, image.y0)),
        ((image.x0, image.y1), (image.x1 + 1.0, image.y1)),
        ((image.x0, image.y0), (image.x0, image.y1)),
        ((image.x1, image.y0), (image.x1, image.y1)),
    ] {
        canvas.rule(from, to, unit, FRAME);
    }
    if let Some(bar) = bar {
        draw_ticks(canvas, image, plot, unit);
        bar.draw(canvas, image, &stretch, unit);
        if labels {
            draw_labels(canvas, image, left, below, unit);
        }
    }
    if with_header {
        // The header stays with an image that is lower than its room.
        let y0 = (image.y0 - sides.above - header.height(unit)).max(area.y0);
        header.draw(canvas, Area { x0: image.x0.min(area.x0.max(left)), y0, ..area }, unit);
    }
}

/// Room that decorations take around the image.
struct Sides {
    left: f32,
    right: f32,
    above: f32,
    below: f32,
}

impl Sides {
    fn of(canvas: &Canvas, plot: &StampPlot<'_>, bar: Option<&Bar>, shown: (bool, bool), unit: f32) -> Sides {
        let (labels, ticks) = shown;
        if !ticks {
            return Sides { left: 1.0, right: 1.0, above: 1.0, below: 1.0 };
        }
        let label = if labels { (LABEL_TEXT + 8.0) * unit } else { 0.0 };
        let widest = [plot.row0, end(plot.row0, plot.rows)]
            .map(|row| canvas.font.width(&row.to_string().replace('-', "−"), TICK_TEXT * unit))
            .into_iter()
            .fold(0.0, f32::max);
        Sides {
            left: label + widest + 9.0 * unit,
            right: bar.map_or(0.0, |bar| bar.takes),
            above: 5.0 * unit,
            below: label + (TICK_TEXT + 11.0) * unit,
        }
    }

    /// Places an image of square pixels, all of them equally large where that costs little.
    fn place(&self, area: Area, plot: &StampPlot<'_>, centred: bool) -> Area {
        let (columns, rows) = (plot.columns as f32, plot.rows as f32);
        let width = (area.width() - self.left - self.right).max(1.0);
        let height = (area.height() - self.above - self.below).max(1.0);
        let mut scale = (width / columns).min(height / rows);
        if scale >= 6.0 {
            scale = scale.floor();
        }
        // A very long stamp may lose its square pixels, else nothing of it would be seen.
        let size = ((columns * scale).max(8.0).min(width), (rows * scale).max(8.0).min(height));
        let x0 = area.x0 + self.left + if centred { (width - size.0) / 2.0 } else { 0.0 };
        let y0 = area.y0 + self.above + (height - size.1) / 2.0;
        Area { x0: x0.round(), y0: y0.round(), x1: x0.round() + size.0, y1: y0.round() + size.1 }.snapped()
    }
}

fn end(start: i64, count: usize) -> i64 {
    start.saturating_add(i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1))
}

/// Fills the image: the pixel at a place on the paper, or the mean of those that share the place.
fn draw_pixels(canvas: &mut Canvas, image: Area, plot: &StampPlot<'_>, stretch: &Stretch, unit: f32) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let period = 7.0 * unit;
    for y in 0..height {
        let rows = covered(height - 1 - y, height, plot.rows);
        for x in 0..width {
            let columns = covered(x, width, plot.columns);
            let (mut sum, mut count) = (0.0, 0u32);
            for row in rows.clone() {
                for value in
                    &plot.pixels[row * plot.columns + columns.start..row * plot.columns + columns.end]
                {
                    if value.is_finite() {
                        sum += f64::from(*value);
                        count += 1;
                    }
                }
            }
            let colour = if count > 0 {
                stretch.colour(stretch.place(sum / f64::from(count)))
            } else {
                let phase = ((x + y) as f32 % period - (period / 2.0).floor()).abs();
                let hatch = (0.8 * unit - phase * std::f32::consts::FRAC_1_SQRT_2 + 0.5).clamp(0.0, 1.0);
                colour::mixed(NO_VALUE, NO_VALUE_HATCH, hatch)
            };
            canvas.set(image.x0 as usize + x, image.y0 as usize + y, colour);
        }
    }
}

/// Gives the cells, of `cells` in all, that the paper's pixel `at` of `length` shows: one at least.
fn covered(at: usize, length: usize, cells: usize) -> std::ops::Range<usize> {
    let place = |at: usize| (at as u128 * cells as u128 / length as u128) as usize;
    if cells <= length {
        // The cell under the middle of the pixel.
        let middle = ((2 * at as u128 + 1) * cells as u128 / (2 * length as u128)) as usize;
        middle..middle + 1
    } else {
        place(at)..place(at + 1)
    }
}

/// Gives the place on the paper of a place in the stamp, (0, 0) the centre of its first pixel.
fn on_paper(image: Area, plot: &StampPlot<'_>, column: f64, row: f64) -> (f32, f32) {
    let x = (column + 0.5) / plot.columns as f64 * f64::from(image.width());
    let y = (row + 0.5) / plot.rows as f64 * f64::from(image.height());
    (image.x0 + x as f32, image.y1 - y as f32)
}

/// Draws the sides that separate pixels of the aperture from others, joined to runs as long as possible.
fn draw_aperture(canvas: &mut Canvas, image: Area, plot: &StampPlot<'_>, aperture: &[bool], unit: f32) {
    let inside = |column: usize, row: usize| {
        (1..=plot.columns).contains(&column)
            && (1..=plot.rows).contains(&row)
            && aperture[(row - 1) * plot.columns + column - 1]
    };
    let corner = |column: usize, row: usize| on_paper(image, plot, column as f64 - 0.5, row as f64 - 0.5);
    let mut sides = Vec::new();
    for row in 0..=plot.rows {
        let edge = |column: usize| inside(column + 1, row) != inside(column + 1, row + 1);
        sides.extend(runs(plot.columns, edge).map(|(a, b)| vec![corner(a, row), corner(b, row)]));
    }
    for column in 0..=plot.columns {
        let edge = |row: usize| inside(column, row + 1) != inside(column + 1, row + 1);
        sides.extend(runs(plot.rows, edge).map(|(a, b)| vec![corner(column, a), corner(column, b)]));
    }
    canvas.lines(&sides, 4.2 * unit, DARK, 0.75, Some(image));
    canvas.lines(&sides, 2.2 * unit, APERTURE, 1.0, Some(image));
}

/// Gives the maximal stretches of `0..length` where `wanted` holds, as half-open pairs.
fn runs(length: usize, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = (at..length).find(|&i| wanted(i))?;
        at = (start..length).find(|&i| !wanted(i)).unwrap_or(length);
        Some((start, at))
    })
}

fn draw_marker(canvas: &mut Canvas, image: Area, plot: &StampPlot<'_>, unit: f32) {
    let Some((column, row)) = plot.marker else { return };
    if !((-0.5..=plot.columns as f64 - 0.5).contains(&column)
        && (-0.5..=plot.rows as f64 - 0.5).contains(&row))
    {
        return;
    }
    let (x, y) = on_paper(image, plot, column, row);
    let (near, far) = (3.5 * unit, 10.0 * unit);
    let arms: Vec<_> = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
        .map(|(dx, dy)| vec![(x + near * dx, y + near * dy), (x + far * dx, y + far * dy)])
        .into();
    canvas.lines(&arms, 4.0 * unit, DARK, 0.75, Some(image));
    canvas.lines(&arms, 2.0 * unit, MARKER, 1.0, Some(image));
}

/// Draws north and east in the lower left corner, or the upper right one if the target is near the former.
fn draw_compass(canvas: &mut Canvas, image: Area, plot: &StampPlot<'_>, unit: f32) {
    let Some((north, east)) = plot.north_east else { return };
    let reach = 42.0 * unit;
    if image.width() < 3.0 * reach || image.height() < 3.0 * reach {
        return;
    }
    let in_corner =
        |(column, row): (f64, f64)| column < plot.columns as f64 * 0.4 && row < plot.rows as f64 * 0.4;
    let directions = [("N", north), ("E", east)].map(|(name, [dx, dy])| {
        let length = dx.hypot(dy);
        let known = length.is_finite() && length > 0.0;
        (name, known.then(|| ((dx / length) as f32, (-dy / length) as f32)))
    });
    // The origin moves against the arrows, so that both stay within the corner wherever they point.
    let sum = directions.iter().filter_map(|d| d.1).fold((0.0, 0.0), |a, d| (a.0 + d.0, a.1 + d.1));
    let (mx, my) = if plot.marker.is_some_and(in_corner) {
        (image.x1 - reach, image.y0 + reach)
    } else {
        (image.x0 + reach, image.y1 - reach)
    };
    let (x, y) = (mx - sum.0 * 12.0 * unit, my - sum.1 * 12.0 * unit);
    let length = 30.0 * unit;
    for (halo, pass) in [(true, 0), (false, 1)] {
        for (name, direction) in directions {
            let Some((dx, dy)) = direction else { continue };
            let tip = (x + dx * length, y + dy * length);
            let wing = |side: f32| {
                (
                    tip.0 - 6.0 * unit * dx + side * 3.5 * unit * dy,
                    tip.1 - 6.0 * unit * dy - side * 3.5 * unit * dx,
                )
            };
            let strokes = [vec![(x, y), tip], vec![wing(1.0), tip, wing(-1.0)]];
            let (width, ink, alpha) =
                if halo { (3.6 * unit, DARK, 0.7) } else { (1.6 * unit, colour::WHITE, 1.0) };
            canvas.lines(&strokes, width, ink, alpha, None);
            if pass == 1 {
                let at = (x + dx * (length + 9.0 * unit), y + dy * (length + 9.0 * unit));
                canvas.text_with_halo(name, 11.5 * unit, at, (colour::WHITE, DARK), 3.6 * unit);
            }
        }
    }
}

/// Draws ticks at the centres of pixels, numbered as the detector's are.
fn draw_ticks(canvas: &mut Canvas, image: Area, plot: &StampPlot<'_>, unit: f32) {
    let size = TICK_TEXT * unit;
    let text = |value: i64| value.to_string().replace('-', "−");
    let widest = [plot.column0, end(plot.column0, plot.columns)]
        .map(|value| canvas.font.width(&text(value), size))
        .into_iter()
        .fold(0.0, f32::max);
    let across = numbered(plot.column0, plot.columns, image.width(), widest + 10.0 * unit);
    for at in across {
        let (x, _) = on_paper(image, plot, at as f64, 0.0);
        canvas.rule((x, image.y1), (x, image.y1 + 4.5 * unit), unit, FRAME);
        let label = text(plot.column0.saturating_add(at as i64));
        canvas.text(&label, size, (x, image.y1 + 8.0 * unit + 0.75 * size), Anchor::Centre, TEXT);
    }
    for at in numbered(plot.row0, plot.rows, image.height(), 2.0 * size) {
        let (_, y) = on_paper(image, plot, 0.0, at as f64);
        canvas.rule((image.x0 - 4.5 * unit, y), (image.x0, y), unit, FRAME);
        let label = text(plot.row0.saturating_add(at as i64));
        canvas.text_middle(&label, size, (image.x0 - 8.0 * unit, y), Anchor::Right, TEXT);
    }
}

/// Chooses the pixels, counted from the first, whose detector numbers are multiples of 1, 2, 5, 10, ...
fn numbered(start: i64, count: usize, length: f32, spacing: f32) -> Vec<usize> {
    let pixel = length / count as f32;
    let mut step = Step::at_least(f64::from((spacing / pixel).max(1.0)));
    if step.size() < 1.0 {
        step = Step::at_least(1.0);
    }
    let step = step.size() as i128;
    let first = (-i128::from(start)).rem_euclid(step);
    (first..count as i128)
        .step_by(usize::try_from(step).unwrap_or(usize::MAX))
        .map(|at| at as usize)
        .collect()
}

/// Gives the first text that fits into `room` pixels, or an empty one.
fn whole_or_short<'t>(canvas: &Canvas, texts: [&'t str; 2], size: f32, room: f32) -> &'t str {
    texts.into_iter().find(|text| canvas.font.width(text, size) <= room).unwrap_or("")
}

fn draw_labels(canvas: &mut Canvas, image: Area, left: f32, below: Area, unit: f32) {
    let size = LABEL_TEXT * unit;
    let label = whole_or_short(canvas, ["detector column", "column"], size, image.width());
    let y = (image.y1 + (TICK_TEXT + 15.0) * unit + 0.75 * size).min(below.y1 - 3.0 * unit);
    canvas.text(label, size, (image.x0 / 2.0 + image.x1 / 2.0, y), Anchor::Centre, TEXT);
    let label = whole_or_short(canvas, ["detector row", "row"], size, image.height());
    canvas.text_upwards(label, size, (left + 0.85 * size, image.y0 / 2.0 + image.y1 / 2.0), TEXT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::testing::Picture;
    use crate::colour::WHITE;

    fn picture(plot: &StampPlot<'_>) -> Picture {
        Picture::decode(&stamp_png(plot).unwrap())
    }

    /// Gives the sides of the box around places: left, top, right, bottom.
    fn bounds(places: &[(usize, usize)]) -> [usize; 4] {
        let (x, y) = (places.iter().map(|at| at.0), places.iter().map(|at| at.1));
        [x.clone().min().unwrap(), y.clone().min().unwrap(), x.max().unwrap(), y.max().unwrap()]
    }

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|i| i as f32).collect()
    }

    #[test]
    fn a_pixel_without_a_value_is_grey_and_hatched_at_its_place() {
        let mut pixels = ramp(25);
        let greys = |pixels: &[f32], grey| {
            picture(&StampPlot { columns: 5, rows: 5, pixels, ..StampPlot::default() }).find(|c| c == grey)
        };
        assert!(greys(&pixels, NO_VALUE).is_empty());
        pixels[4] = f32::NAN;
        let [left, top, right, bottom] = bounds(&greys(&pixels, NO_VALUE));
        assert!((60..100).contains(&(right - left)), "{left}..{right}");
        assert!((60..100).contains(&(bottom - top)), "{top}..{bottom}");
        // Row 0 is at the bottom, the last column at the right.
        assert!(left > 300 && top > 330, "{left} {top}");
        assert!(greys(&pixels, NO_VALUE_HATCH).len() > 100);
    }

    #[test]
    fn brighter_pixels_are_lighter_and_row_0_is_at_the_bottom() {
        let pixels = [0.0, 1.0, 2.0, 3.0];
        let plot = StampPlot { columns: 1, rows: 4, pixels: &pixels, ..StampPlot::default() };
        let stretch = Stretch::asinh(pixels.iter().map(|&value| f64::from(value)));
        let picture = picture(&plot);
        let middle = |value: f64| {
            let colour = stretch.colour(stretch.place(value));
            let places = picture.find(|c| c == colour);
            let [_, top, _, bottom] = bounds(&places.into_iter().filter(|at| at.0 < 300).collect::<Vec<_>>());
            (top + bottom) / 2
        };
        assert!(middle(3.0) + 60 < middle(1.0) && middle(1.0) + 60 < middle(0.0));
    }

    #[test]
    fn the_outline_of_an_aperture_runs_around_its_pixels_only() {
        let pixels = vec![5.0; 25];
        let mut aperture = vec![false; 25];
        let whites = |aperture: &[bool]| {
            let plot = StampPlot {
                columns: 5,
                rows: 5,
                pixels: &pixels,
                aperture: Some(aperture),
                ..StampPlot::default()
            };
            let picture = picture(&plot);
            let mut image = Vec::new();
            for (x, y) in picture.find(|c| c == WHITE) {
                if (100..440).contains(&x) && (80..420).contains(&y) {
                    image.push((x, y));
                }
            }
            image
        };
        assert!(whites(&aperture).is_empty());
        aperture[12] = true;
        let outline = whites(&aperture);
        let [left, top, right, bottom] = bounds(&outline);
        assert!((70..110).contains(&(right - left)) && (70..110).contains(&(bottom - top)));
        assert!(outline.len() > 2 * (right - left + bottom - top) / 2);
        let inside =
            |&(x, y): &(usize, usize)| x > left + 6 && x + 6 < right && y > top + 6 && y + 6 < bottom;
        assert!(!outline.iter().any(inside), "the aperture is filled");
    }

    #[test]
    fn the_marker_is_drawn_at_its_pixel_and_not_outside_the_stamp() {
        let pixels = ramp(25);
        let reds = |marker| {
            let plot = StampPlot { columns: 5, rows: 5, pixels: &pixels, marker, ..StampPlot::default() };
            picture(&plot).find(|c| c == MARKER)
        };
        assert!(reds(None).is_empty());
        for outside in [(-1.0, 2.0), (2.0, 4.6), (f64::NAN, 2.0)] {
            assert!(reds(Some(outside)).is_empty());
        }
        let lower = bounds(&reds(Some((2.0, 0.0))));
        let upper = bounds(&reds(Some((2.0, 4.0))));
        assert!(upper[3] + 200 < lower[1]);
        assert_eq!(upper[0], lower[0]);
    }

    #[test]
    fn axis_numbers_are_multiples_of_the_step() {
        assert_eq!(numbered(1247, 11, 400.0, 50.0), [1, 3, 5, 7, 9]);
        assert_eq!(numbered(-4, 11, 400.0, 20.0), (0..11).collect::<Vec<_>>());
        assert_eq!(numbered(i64::MAX, 2, 400.0, 20.0), [0, 1]);
        assert_eq!(numbered(i64::MIN, 1000, 400.0, 40.0).len(), 10);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors_and_no_pixels_a_picture() {
        let wrong = StampPlot { columns: 3, rows: 2, pixels: &[1.0; 5], ..StampPlot::default() };
        assert_eq!(
            stamp_png(&wrong).unwrap_err().to_string(),
            "stamp of 3 columns x 2 rows: `pixels` has 5 values, expected columns * rows"
        );
        let huge = StampPlot { columns: usize::MAX, rows: 3, pixels: &[1.0; 5], ..StampPlot::default() };
        assert!(matches!(stamp_png(&huge), Err(Error::StampShape { .. })));
        let aperture = StampPlot { columns: 1, rows: 1, pixels: &[1.0], aperture: Some(&[]), ..huge };
        assert!(matches!(stamp_png(&aperture), Err(Error::StampShape { field: "aperture", .. })));
        assert!(picture(&StampPlot::default()).find(|c| c != WHITE).len() > 100);
        let zero = StampPlot { width: 0, ..StampPlot::default() };
        assert!(matches!(stamp_png(&zero), Err(Error::Size { side: "width", found: 0, .. })));
    }
}
