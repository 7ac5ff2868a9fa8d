//! The paper: anti-aliased strokes, fills and text over a pixmap, and its encoding as PNG.
//!
//! Coordinates are pixels, y downwards, (0, 0) the upper left corner of the picture. Nothing here knows
//! about data. Rasterising is tiny-skia's; its SIMD paths are off, so that pixels do not depend on the
//! vector units of a machine.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};

use crate::Error;
use crate::colour::{Rgb, WHITE};
use crate::font::{CAP_HEIGHT, Font};

/// Greatest width and height of a picture, in pixels.
///
/// A picture of this size on both sides takes about 800 MB while it is made.
pub const MAX_SIDE: u32 = 8192;

/// A rectangle in pixels, `y0` above `y1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x0: f32,
    pub(crate) y0: f32,
    pub(crate) x1: f32,
    pub(crate) y1: f32,
}

impl Area {
    pub(crate) fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    pub(crate) fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Moves all sides to whole pixels, so that frames are crisp; at least one pixel each way remains.
    pub(crate) fn snapped(&self) -> Area {
        let (x0, y0) = (self.x0.round(), self.y0.round());
        Area { x0, y0, x1: self.x1.round().max(x0 + 1.0), y1: self.y1.round().max(y0 + 1.0) }
    }
}

/// Which point of a text is at the given place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Left,
    Centre,
    Right,
}

/// The paper and the pens.
pub(crate) struct Canvas {
    pixmap: Pixmap,
    pub(crate) font: Font,
}

impl Canvas {
    /// Lays out white paper.
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, Error> {
        for (side, found) in [("width", width), ("height", height)] {
            if found == 0 || found > MAX_SIDE {
                return Err(Error::Size { side, found, max: MAX_SIDE });
            }
        }
        let mut pixmap =
            Pixmap::new(width, height).ok_or(Error::Size { side: "width", found: width, max: MAX_SIDE })?;
        pixmap.fill(paint_colour(WHITE, 1.0));
        Ok(Self { pixmap, font: Font::embedded()? })
    }

    /// Gives the whole paper.
    pub(crate) fn area(&self) -> Area {
        Area { x0: 0.0, y0: 0.0, x1: self.pixmap.width() as f32, y1: self.pixmap.height() as f32 }
    }

    /// Fills a rectangle; whole-pixel sides stay crisp.
    pub(crate) fn rect(&mut self, area: Area, colour: Rgb) {
        if let Some(rect) = Rect::from_ltrb(area.x0, area.y0, area.x1, area.y1) {
            self.pixmap.fill_rect(rect, &paint(colour, 1.0), Transform::identity(), None);
        }
    }

    /// Fills a closed polygon.
    pub(crate) fn polygon(&mut self, corners: &[(f32, f32)], colour: Rgb) {
        let mut builder = PathBuilder::new();
        trace(&mut builder, corners);
        builder.close();
        if let Some(path) = builder.finish() {
            self.pixmap.fill_path(&path, &paint(colour, 1.0), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Draws polylines with round joins, `width` pixels thick, inside `clip` if given.
    pub(crate) fn lines(
        &mut self,
        runs: &[Vec<(f32, f32)>],
        width: f32,
        colour: Rgb,
        alpha: f32,
        clip: Option<Area>,
    ) {
        let mut builder = PathBuilder::new();
        for run in runs {
            trace(&mut builder, run);
        }
        let Some(path) = builder.finish() else { return };
        let mask = clip.and_then(|area| self.mask(area));
        self.stroke(&path, width, &paint(colour, alpha), mask.as_ref());
    }

    /// Draws one straight line.
    pub(crate) fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Rgb) {
        self.lines(&[vec![from, to]], width, colour, 1.0, None);
    }

    /// Draws a line that is horizontal or vertical as whole pixels, without any blur.
    pub(crate) fn rule(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Rgb) {
        let thick = width.round().max(1.0);
        let before = (thick / 2.0).floor();
        let (x0, x1) = (from.0.min(to.0).round(), from.0.max(to.0).round());
        let (y0, y1) = (from.1.min(to.1).round(), from.1.max(to.1).round());
        if x0 == x1 {
            self.rect(Area { x0: x0 - before, y0, x1: x0 - before + thick, y1 }, colour);
        } else {
            self.rect(Area { x0, y0: y0 - before, x1, y1: y0 - before + thick }, colour);
        }
    }

    /// Writes `text` with its baseline at `at`.
    pub(crate) fn text(&mut self, text: &str, size: f32, at: (f32, f32), anchor: Anchor, colour: Rgb) {
        let Some(path) = self.font.outline(text, size) else { return };
        let shift = match anchor {
            Anchor::Left => 0.0,
            Anchor::Centre => self.font.width(text, size) / 2.0,
            Anchor::Right => self.font.width(text, size),
        };
        self.fill_text(&path, Transform::from_translate(at.0 - shift, at.1.round()), colour);
    }

    /// Writes `text` with the middle of its capitals at the height of `at`.
    pub(crate) fn text_middle(&mut self, text: &str, size: f32, at: (f32, f32), anchor: Anchor, colour: Rgb) {
        self.text(text, size, (at.0, at.1 + CAP_HEIGHT * size / 2.0), anchor, colour);
    }

    /// Writes `text` upwards, its middle at `at`, the baseline on the right side.
    pub(crate) fn text_upwards(&mut self, text: &str, size: f32, at: (f32, f32), colour: Rgb) {
        let Some(path) = self.font.outline(text, size) else { return };
        let half = self.font.width(text, size) / 2.0;
        self.fill_text(&path, Transform::from_row(0.0, -1.0, 1.0, 0.0, at.0.round(), at.1 + half), colour);
    }

    /// Writes `text` as [`text_middle`](Self::text_middle) does, over a halo of another colour.
    pub(crate) fn text_with_halo(
        &mut self,
        text: &str,
        size: f32,
        at: (f32, f32),
        inks: (Rgb, Rgb),
        halo: f32,
    ) {
        let Some(path) = self.font.outline(text, size) else { return };
        let x = at.0 - self.font.width(text, size) / 2.0;
        let place = Transform::from_translate(x, at.1 + CAP_HEIGHT * size / 2.0);
        if let Some(path) = path.clone().transform(place) {
            self.stroke(&path, halo, &paint(inks.1, 0.85), None);
        }
        self.fill_text(&path, place, inks.0);
    }

    /// Sets one pixel; what lies outside the paper is dropped.
    pub(crate) fn set(&mut self, x: usize, y: usize, colour: Rgb) {
        let width = self.pixmap.width() as usize;
        if x < width
            && let Some(pixel) = self.pixmap.data_mut().get_mut((y * width + x) * 4..(y * width + x) * 4 + 4)
        {
            pixel[..3].copy_from_slice(&colour);
            pixel[3] = 255;
        }
    }

    /// Reads one pixel; white outside the paper.
    pub(crate) fn get(&self, x: usize, y: usize) -> Rgb {
        let width = self.pixmap.width() as usize;
        if x >= width {
            return WHITE;
        }
        self.pixmap
            .data()
            .get((y * width + x) * 4..(y * width + x) * 4 + 3)
            .map_or(WHITE, |p| [p[0], p[1], p[2]])
    }

    /// Encodes the paper as an RGB PNG of 8 bits a channel.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        let failed = |e: png::EncodingError| Error::Encode(Box::new(e));
        let rgb: Vec<u8> = self.pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.pixmap.width(), self.pixmap.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&rgb).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }

    fn fill_text(&mut self, path: &Path, place: Transform, colour: Rgb) {
        self.pixmap.fill_path(path, &paint(colour, 1.0), FillRule::Winding, place, None);
    }

    fn stroke(&mut self, path: &Path, width: f32, paint: &Paint<'_>, mask: Option<&Mask>) {
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixmap.stroke_path(path, paint, &stroke, Transform::identity(), mask);
    }

    fn mask(&self, area: Area) -> Option<Mask> {
        let mut mask = Mask::new(self.pixmap.width(), self.pixmap.height())?;
        let rect = Rect::from_ltrb(area.x0, area.y0, area.x1, area.y1)?;
        mask.fill_path(&PathBuilder::from_rect(rect), FillRule::Winding, false, Transform::identity());
        Some(mask)
    }
}

fn trace(builder: &mut PathBuilder, points: &[(f32, f32)]) {
    if let Some((first, rest)) = points.split_first() {
        builder.move_to(first.0, first.1);
        for point in rest {
            builder.line_to(point.0, point.1);
        }
    }
}

fn paint(colour: Rgb, alpha: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(paint_colour(colour, alpha));
    paint
}

fn paint_colour([r, g, b]: Rgb, alpha: f32) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(r, g, b, (alpha.clamp(0.0, 1.0) * 255.0).round() as u8)
}

#[cfg(test)]
pub(crate) mod testing {
    //! What the tests of all pictures need: the pixels of a PNG.

    use crate::colour::Rgb;

    /// A decoded picture.
    pub(crate) struct Picture {
        pub(crate) width: usize,
        pub(crate) height: usize,
        rgb: Vec<u8>,
    }

    impl Picture {
        pub(crate) fn decode(png: &[u8]) -> Picture {
            let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
            let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut rgb).unwrap();
            assert_eq!(info.color_type, png::ColorType::Rgb);
            Picture { width: info.width as usize, height: info.height as usize, rgb }
        }

        pub(crate) fn at(&self, x: usize, y: usize) -> Rgb {
            let at = (y * self.width + x) * 3;
            [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
        }

        /// Lists the places of all pixels that `wanted` accepts.
        pub(crate) fn find(&self, wanted: impl Fn(Rgb) -> bool) -> Vec<(usize, usize)> {
            (0..self.height)
                .flat_map(|y| (0..self.width).map(move |x| (x, y)))
                .filter(|&(x, y)| wanted(self.at(x, y)))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Picture;
    use super::*;

    #[test]
    fn sides_outside_the_limits_are_refused_with_the_limit() {
        for (width, height) in [(0, 10), (10, 0), (MAX_SIDE + 1, 10), (10, u32::MAX)] {
            let error = Canvas::new(width, height).err().unwrap();
            assert!(error.to_string().ends_with("expected 1..=8192"), "{error}");
        }
    }

    #[test]
    fn a_rule_is_crisp() {
        let mut canvas = Canvas::new(9, 5).unwrap();
        canvas.rule((1.0, 2.2), (8.0, 2.2), 1.0, [0, 0, 0]);
        let picture = Picture::decode(&canvas.png().unwrap());
        assert_eq!(picture.find(|c| c == [0, 0, 0]).len(), 7);
        assert_eq!(picture.find(|c| c != [0, 0, 0] && c != WHITE).len(), 0);
    }

    #[test]
    fn clipped_lines_leave_the_rest_of_the_paper_white() {
        let mut canvas = Canvas::new(40, 40).unwrap();
        let clip = Area { x0: 10.0, y0: 10.0, x1: 30.0, y1: 30.0 };
        canvas.lines(&[vec![(0.0, 0.0), (40.0, 40.0)]], 4.0, [0, 0, 0], 1.0, Some(clip));
        let ink = Picture::decode(&canvas.png().unwrap()).find(|c| c != WHITE);
        assert!(ink.len() > 40);
        assert!(ink.iter().all(|&(x, y)| (10..30).contains(&x) && (10..30).contains(&y)));
    }
}
