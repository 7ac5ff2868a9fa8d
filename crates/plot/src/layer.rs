//! Very many dots and bars, composed exactly and cheaply.
//!
//! Each mark multiplies the light that a pixel lets through, as translucent ink laid over translucent ink
//! does; the layer goes onto the paper in one step. A million dots take tens of milliseconds, none is
//! left out, and crowded places come out darker than lone points.

use crate::canvas::{Area, Canvas};
use crate::colour::{Rgb, mixed};

/// Ink of one colour over one panel.
pub(crate) struct Layer {
    x0: usize,
    y0: usize,
    width: usize,
    height: usize,
    light: Vec<f32>,
}

impl Layer {
    /// Makes an empty layer over `area`, whose sides are whole pixels on the paper.
    pub(crate) fn over(area: Area) -> Self {
        let (x0, y0) = (area.x0.max(0.0) as usize, area.y0.max(0.0) as usize);
        let (width, height) = (area.width().max(0.0) as usize, area.height().max(0.0) as usize);
        Self { x0, y0, width, height, light: vec![1.0; width * height] }
    }

    /// Lays a round dot; what reaches beyond the layer is cut off.
    pub(crate) fn dot(&mut self, (x, y): (f32, f32), radius: f32, alpha: f32) {
        let (x, y) = (x - self.x0 as f32, y - self.y0 as f32);
        let reach = radius + 0.5;
        let columns = span(x - reach, x + reach, self.width);
        for row in span(y - reach, y + reach, self.height) {
            let dy = row as f32 + 0.5 - y;
            for column in columns.clone() {
                let dx = column as f32 + 0.5 - x;
                let cover = (reach - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
                self.light[row * self.width + column] *= 1.0 - alpha * cover;
            }
        }
    }

    /// Lays a vertical bar of the given width; what reaches beyond the layer is cut off.
    pub(crate) fn bar(&mut self, x: f32, (top, bottom): (f32, f32), width: f32, alpha: f32) {
        let x = x - self.x0 as f32;
        let (left, right) = (x - width / 2.0, x + width / 2.0);
        let rows = span(top - self.y0 as f32, bottom - self.y0 as f32, self.height);
        for column in span(left, right, self.width) {
            let cover = (right.min(column as f32 + 1.0) - left.max(column as f32)).clamp(0.0, 1.0);
            for row in rows.clone() {
                self.light[row * self.width + column] *= 1.0 - alpha * cover;
            }
        }
    }

    /// Puts the layer onto the paper.
    pub(crate) fn onto(&self, canvas: &mut Canvas, colour: Rgb) {
        for row in 0..self.height {
            for column in 0..self.width {
                let light = self.light[row * self.width + column];
                if light < 1.0 {
                    let (x, y) = (self.x0 + column, self.y0 + row);
                    canvas.set(x, y, mixed(canvas.get(x, y), colour, 1.0 - light));
                }
            }
        }
    }
}

/// Gives the pixels that `from..to` touches, within `0..len`.
fn span(from: f32, to: f32, len: usize) -> std::ops::Range<usize> {
    let start = from.floor().max(0.0) as usize;
    let end = (to.ceil().max(0.0) as usize).min(len);
    start.min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::testing::Picture;

    #[test]
    fn crowded_places_are_darker_and_nothing_leaves_the_layer() {
        let mut canvas = Canvas::new(20, 20).unwrap();
        let mut layer = Layer::over(Area { x0: 5.0, y0: 5.0, x1: 15.0, y1: 15.0 });
        layer.dot((8.5, 8.5), 1.5, 0.5);
        for _ in 0..3 {
            layer.dot((12.5, 8.5), 1.5, 0.5);
        }
        for wild in [f32::NAN, f32::INFINITY, -1e30, 1e30, 4.0] {
            layer.dot((wild, wild), 1.5, 1.0);
            layer.bar(wild, (wild, 9.0), 1.0, 0.1);
        }
        layer.onto(&mut canvas, [0, 0, 0]);
        let picture = Picture::decode(&canvas.png().unwrap());
        assert!(picture.at(12, 8)[0] + 50 < picture.at(8, 8)[0]);
        assert!(
            picture
                .find(|c| c != [255, 255, 255])
                .iter()
                .all(|&(x, y)| (5..15).contains(&x) && (5..15).contains(&y))
        );
    }
}
