//! Maps of the whole sky.
//!
//! The projection is that of Mollweide, which keeps areas (Snyder 1987, USGS Professional Paper 1395, page 249). East is
//! left, as it is seen from inside the sphere; right ascension 0 is in the middle.

use std::f64::consts::PI;

use crate::Error;
use crate::bar::{Bar, Stretch};
use crate::canvas::{Area, Canvas};
use crate::colour::{self, FRAME, NO_VALUE, Rgb, WHITE};
use crate::header::Header;

const LABEL: f32 = 11.5;

/// How many places on either side of a pixel's centre are looked at, and averaged.
const WITHIN: usize = 2;

/// A map of the sky to draw.
#[derive(Clone, Copy)]
pub struct SkyMapPlot<'a> {
    /// First line above the map; may be empty.
    pub title: &'a str,
    /// Second, smaller line; may be empty.
    pub subtitle: &'a str,
    /// The value at a right ascension (0 to 360) and a declination in degrees. 0, values below it, and NaN are no value.
    pub value: &'a dyn Fn(f64, f64) -> f64,
    /// What the values are, beside the colour bar.
    pub unit: &'a str,
    /// Width of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub width: u32,
    /// Height of the picture, in pixels, 1 to [`MAX_SIDE`](crate::MAX_SIDE).
    pub height: u32,
}

impl Default for SkyMapPlot<'_> {
    fn default() -> Self {
        Self { title: "", subtitle: "", value: &|_, _| f64::NAN, unit: "", width: 1200, height: 660 }
    }
}

/// Draws a map of the sky and gives the bytes of a PNG file, 8-bit RGB.
///
/// Colours are logarithmic from the 1st to the 99.5th percentile; what has no value is grey. Meridians and parallels are
/// 30 degrees apart.
///
/// # Errors
/// [`Error::Size`].
///
/// ```
/// use uranometria_plot::{SkyMapPlot, sky_map_png};
///
/// let north = |_ra: f64, dec: f64| if dec > 0.0 { 1.0 + dec } else { 0.0 };
/// let plot = SkyMapPlot { title: "North", value: &north, ..SkyMapPlot::default() };
/// assert_eq!(&sky_map_png(&plot)?[1..4], b"PNG");
/// # Ok::<(), uranometria_plot::Error>(())
/// ```
pub fn sky_map_png(plot: &SkyMapPlot<'_>) -> Result<Vec<u8>, Error> {
    let mut canvas = Canvas::new(plot.width, plot.height)?;
    let unit = (plot.width as f32 / 1200.0).min(plot.height as f32 / 660.0).clamp(0.9, 8.0);
    let margin = (16.0 * unit).min(plot.width.min(plot.height) as f32 * 0.05);
    let Area { x0, y0, x1, y1 } = canvas.area();
    let inner = Area { x0: x0 + margin, y0: y0 + margin, x1: x1 - margin, y1: y1 - margin };
    let header = Header { title: plot.title, subtitle: plot.subtitle, legend: Vec::new() };
    header.draw(&mut canvas, inner, unit);
    let room = Area { y0: inner.y0 + header.height(unit), ..inner };
    // Twice as wide as high; the colours are those of values evenly over the sky.
    let sampled = samples(plot);
    let stretch = Stretch::log(sampled.iter().copied());
    let empty = !sampled.iter().any(|value| *value > 0.0);
    let bar = Bar::of(&canvas, &stretch, plot.unit, unit);
    let takes = if empty || room.width() < 4.0 * bar.takes { 0.0 } else { bar.takes };
    let width = (room.width() - takes).min(2.0 * room.height()).max(2.0);
    let (x0, y0) =
        (room.x0 + (room.width() - takes - width) / 2.0, room.y0 + (room.height() - width / 2.0) / 2.0);
    let map = Map { area: Area { x0, y0, x1: x0 + width, y1: y0 + width / 2.0 } };
    map.fill(&mut canvas, plot.value, &stretch);
    map.lines(&mut canvas, unit);
    if takes > 0.0 {
        bar.draw(&mut canvas, map.area, &stretch, unit);
    }
    canvas.png()
}

/// Values at places that are evenly over the sky.
fn samples(plot: &SkyMapPlot<'_>) -> Vec<f64> {
    // A quarter of a degree apart: as fine as the picture is.
    const PLACES: usize = 600_000;
    // Steps of the golden angle along lines of equal area.
    let golden = 360.0 * (2.0 - (1.0 + 5.0_f64.sqrt()) / 2.0);
    let place = |n: usize| {
        let height = 1.0 - (2.0 * n as f64 + 1.0) / PLACES as f64;
        (plot.value)((n as f64 * golden).rem_euclid(360.0), height.asin().to_degrees())
    };
    (0..PLACES).map(place).collect()
}

struct Map {
    area: Area,
}

impl Map {
    /// Right ascension and declination in degrees at a place on the paper; none beside the map.
    fn sky(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (half, middle) =
            (f64::from(self.area.height()) / 2.0, f64::from(self.area.x0 + self.area.x1) / 2.0);
        let (u, v) = ((middle - x) / half, (f64::from(self.area.y0 + self.area.y1) / 2.0 - y) / half);
        if u * u / 4.0 + v * v > 1.0 {
            return None;
        }
        let theta = v.asin();
        let dec = ((2.0 * theta + (2.0 * theta).sin()) / PI).clamp(-1.0, 1.0).asin();
        let cos = theta.cos();
        let ra = if cos > 1e-12 { (90.0 * u / cos).clamp(-180.0, 180.0) } else { 0.0 };
        Some((ra.rem_euclid(360.0), dec.to_degrees()))
    }

    /// The place on the paper of a longitude from -180 to 180 and a declination, degrees.
    fn paper(&self, longitude: f64, dec: f64) -> (f32, f32) {
        let theta = auxiliary(dec.to_radians());
        let half = f64::from(self.area.height()) / 2.0;
        let x = f64::from(self.area.x0 + self.area.x1) / 2.0 - half * longitude / 90.0 * theta.cos();
        let y = f64::from(self.area.y0 + self.area.y1) / 2.0 - half * theta.sin();
        (x as f32, y as f32)
    }

    fn fill(&self, canvas: &mut Canvas, value: &dyn Fn(f64, f64) -> f64, stretch: &Stretch) {
        let (x0, x1) = (self.area.x0.floor().max(0.0) as usize, self.area.x1.ceil() as usize);
        let (y0, y1) = (self.area.y0.floor().max(0.0) as usize, self.area.y1.ceil() as usize);
        for y in y0..y1 {
            for x in x0..x1 {
                let mut sum = [0.0_f32; 3];
                for place in 0..WITHIN * WITHIN {
                    let within = |n: usize| (n as f64 + 0.5) / WITHIN as f64;
                    let at = (x as f64 + within(place % WITHIN), y as f64 + within(place / WITHIN));
                    let colour = match self.sky(at.0, at.1).map(|(ra, dec)| value(ra, dec)) {
                        None => WHITE,
                        Some(value) if value > 0.0 => stretch.colour(stretch.place(value)),
                        Some(_) => NO_VALUE,
                    };
                    sum.iter_mut().zip(colour).for_each(|(sum, part)| *sum += f32::from(part));
                }
                let colour: Rgb = sum.map(|sum| (sum / (WITHIN * WITHIN) as f32).round() as u8);
                canvas.set(x, y, colour);
            }
        }
    }

    fn lines(&self, canvas: &mut Canvas, unit: f32) {
        let along = |from: i32, to: i32| (from..=to).map(f64::from);
        let mut grid: Vec<Vec<(f32, f32)>> = Vec::new();
        for longitude in (-150..=150).step_by(30) {
            grid.push(along(-90, 90).map(|dec| self.paper(longitude.into(), dec)).collect());
        }
        for dec in (-60..=60).step_by(30) {
            grid.push(along(-180, 180).map(|longitude| self.paper(longitude, dec.into())).collect());
        }
        canvas.lines(&grid, 0.8 * unit, WHITE, 0.35, None);
        let edge = |longitude: f64| along(-90, 90).map(move |dec| self.paper(longitude, dec)).collect();
        canvas.lines(&[edge(-180.0), edge(180.0)], 1.2 * unit, FRAME, 1.0, None);
        let size = LABEL * unit;
        if self.area.width() < 25.0 * size {
            return;
        }
        let inks = (colour::DARK, WHITE);
        for hours in (2..24).step_by(2).filter(|hours| *hours != 12) {
            let longitude = f64::from((15 * hours + 180) % 360 - 180);
            let (x, y) = self.paper(longitude, 0.0);
            canvas.text_with_halo(&format!("{hours}h"), size, (x, y + 0.8 * size), inks, 2.5 * unit);
        }
        for dec in [-60, -30, 30, 60] {
            let (x, y) = self.paper(0.0, dec.into());
            let text = format!("{dec:+}°").replace('-', "−");
            canvas.text_with_halo(&text, size, (x + 1.6 * size, y), inks, 2.5 * unit);
        }
        let middle = self.paper(0.0, 0.0);
        canvas.text_with_halo("0h", size, (middle.0, middle.1 + 0.8 * size), inks, 2.5 * unit);
    }
}

/// The auxiliary angle of a declination in radians: 2 theta + sin 2 theta = pi sin dec.
fn auxiliary(dec: f64) -> f64 {
    let wanted = PI * dec.sin();
    // Bisection: near the poles the derivative vanishes, where Newton's steps fail.
    let (mut low, mut high) = (-PI / 2.0, PI / 2.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if 2.0 * middle + (2.0 * middle).sin() < wanted { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::testing::Picture;

    #[test]
    fn places_come_back_and_areas_are_kept() {
        let map = Map { area: Area { x0: 10.0, y0: 5.0, x1: 1010.0, y1: 505.0 } };
        for longitude in [-179.0, -90.0, 0.0, 33.0, 150.0] {
            for dec in [-89.0, -45.0, 0.0, 12.0, 80.0] {
                let (x, y) = map.paper(longitude, dec);
                let (ra, back) = map.sky(x.into(), y.into()).unwrap();
                let apart = (ra - longitude + 540.0).rem_euclid(360.0) - 180.0;
                assert!(
                    apart.abs() < 0.05 / f64::cos(dec.to_radians()).max(0.02) && (back - dec).abs() < 0.05
                );
            }
        }
        // Half of the sky is within 30 degrees of the equator; a line of pixels is 0.25 % of it.
        let (mut within, mut all) = (0, 0);
        for (x, y) in (0..1020).flat_map(|x| (0..510).map(move |y| (x, y))) {
            if let Some((_, dec)) = map.sky(x.into(), y.into()) {
                all += 1;
                within += i32::from(dec.abs() < 30.0);
            }
        }
        assert!((f64::from(within) / f64::from(all) - 0.5).abs() < 0.004);
        assert!((f64::from(all) / (PI * 500.0 * 250.0) - 1.0).abs() < 0.002);
        assert!((auxiliary(PI / 2.0) - PI / 2.0).abs() < 1e-4);
    }

    #[test]
    fn east_is_left_and_north_is_up() {
        let spot = |ra: f64, dec: f64| if (80.0..100.0).contains(&ra) && dec > 20.0 { 5.0 } else { 0.0 };
        let plot = SkyMapPlot { value: &spot, width: 600, height: 330, ..SkyMapPlot::default() };
        let picture = Picture::decode(&sky_map_png(&plot).unwrap());
        let grey = |c: Rgb| c[0] == c[1] && c[1] == c[2];
        let coloured = picture.find(|c| c[1].abs_diff(c[0]) > 30 && !grey(c));
        let map: Vec<_> = coloured.into_iter().filter(|at| at.0 < 500).collect();
        assert!(map.len() > 100);
        assert!(map.iter().all(|at| at.0 < 300 && at.1 < 165), "{map:?}");
    }

    #[test]
    fn a_sky_without_values_is_a_picture() {
        let picture = Picture::decode(&sky_map_png(&SkyMapPlot::default()).unwrap());
        assert!(picture.find(|c| c == NO_VALUE).len() > 10_000);
        for width in 1..40 {
            assert!(sky_map_png(&SkyMapPlot { width, height: 41 - width, ..SkyMapPlot::default() }).is_ok());
        }
    }
}
