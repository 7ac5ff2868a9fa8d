//! Outlines of text in the typeface that is inside the crate.
//!
//! Widths and paths only; `canvas` fills them. One line at a time: control characters count as spaces.
//! Characters that the typeface lacks are drawn as its empty box. Sizes are pixels per em.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use crate::Error;

/// Height of digits and capitals of DejaVu Sans, in em.
pub(crate) const CAP_HEIGHT: f32 = 0.729;

/// The typeface, ready to measure and outline text.
pub(crate) struct Font {
    face: Face<'static>,
}

impl Font {
    /// Opens the embedded DejaVu Sans.
    pub(crate) fn embedded() -> Result<Self, Error> {
        let face = Face::parse(dejavu::sans::regular(), 0).map_err(|e| Error::Font(Box::new(e)))?;
        Ok(Self { face })
    }

    /// Measures `text` set at `size`: the sum of advances, kerned, in pixels.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        let mut pen = Pen::default();
        for c in text.chars() {
            self.advance(&mut pen, c);
        }
        pen.x * self.scale(size)
    }

    /// Shortens `text` with an ellipsis so that it is no wider than `room` pixels; empty if nothing fits.
    pub(crate) fn fitted(&self, text: &str, size: f32, room: f32) -> String {
        let scale = self.scale(size);
        let ellipsis = self.width("…", size);
        let mut pen = Pen::default();
        let mut keep = 0;
        for (at, c) in text.char_indices() {
            if pen.x * scale + ellipsis <= room {
                keep = at;
            }
            self.advance(&mut pen, c);
            if pen.x * scale > room {
                return match text[..keep].trim_end() {
                    "" => String::new(),
                    start => format!("{start}…"),
                };
            }
        }
        text.to_owned()
    }

    /// Outlines `text` with the left end of its baseline at the origin, y downwards.
    ///
    /// `None` if there is nothing to fill, as in an empty text.
    pub(crate) fn outline(&self, text: &str, size: f32) -> Option<Path> {
        let scale = self.scale(size);
        let mut pen = Pen::default();
        let mut outliner = Outliner { path: PathBuilder::new(), x: 0.0, scale };
        for c in text.chars() {
            let glyph = self.advance(&mut pen, c);
            outliner.x = pen.start * scale;
            self.face.outline_glyph(glyph, &mut outliner);
        }
        outliner.path.finish()
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.face.units_per_em())
    }

    fn advance(&self, pen: &mut Pen, c: char) -> GlyphId {
        let c = if c.is_control() { ' ' } else { c };
        let glyph = self.face.glyph_index(c).unwrap_or(GlyphId(0));
        let kern = pen.last.map_or(0.0, |last| self.kerning(last, glyph));
        pen.start = pen.x + kern;
        pen.x = pen.start + f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0));
        pen.last = Some(glyph);
        glyph
    }

    fn kerning(&self, left: GlyphId, right: GlyphId) -> f32 {
        let Some(kern) = self.face.tables().kern else { return 0.0 };
        let mut tables = kern.subtables.into_iter().filter(|t| t.horizontal && !t.variable);
        f32::from(tables.find_map(|t| t.glyphs_kerning(left, right)).unwrap_or(0))
    }
}

/// Where the next glyph goes, in units of the typeface.
#[derive(Default)]
struct Pen {
    x: f32,
    start: f32,
    last: Option<GlyphId>,
}

struct Outliner {
    path: PathBuilder,
    x: f32,
    scale: f32,
}

impl Outliner {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Outliner {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typeface_has_what_astronomers_write() {
        let font = Font::embedded().unwrap();
        for c in "e⁻ s⁻¹ ×10⁸ −0.5 α δ σ µm Å ° ′ ″ λ … ⊙ ²³⁴⁵⁶⁷⁹⁰".chars()
        {
            assert!(font.face.glyph_index(c).is_some(), "{c:?}");
        }
    }

    #[test]
    fn a_fitted_text_is_never_wider_than_its_room() {
        let font = Font::embedded().unwrap();
        let text = "TIC 261136679, sector 27, camera 4, CCD 2";
        for room in 0..400 {
            let fitted = font.fitted(text, 12.0, room as f32);
            assert!(font.width(&fitted, 12.0) <= room as f32, "{room}: {fitted}");
        }
        assert_eq!(font.fitted(text, 12.0, 1000.0), text);
        assert_eq!(font.fitted(text, 12.0, 60.0), "TIC 261…");
    }

    #[test]
    fn line_breaks_and_unknown_characters_are_drawn_all_the_same() {
        let font = Font::embedded().unwrap();
        assert_eq!(font.width("a\nb", 10.0), font.width("a b", 10.0));
        assert!(font.outline("\u{10FFFD}", 10.0).is_some());
        assert!(font.outline("", 10.0).is_none());
    }
}
