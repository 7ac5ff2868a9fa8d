//! Galleries: stamps with their light curves beside them, one row a target.

use crate::Error;
use crate::canvas::{Anchor, Area, Canvas, MAX_SIDE};
use crate::colour::{DARK, GRID, MUTED};
use crate::light_curve::{self, LightCurvePlot};
use crate::stamp::{self, StampPlot};

/// Draws a stamp on the left and its light curve on the right for each row, and gives the bytes of a PNG
/// file, 8-bit RGB.
///
/// The height follows from `width`, in pixels, and the number of rows; `width` and `height` of the plots
/// are not used. Without rows, the picture says `nothing to show`.
///
/// # Errors
/// Those of [`stamp_png`](crate::stamp_png) and [`light_curve_png`](crate::light_curve_png), and
/// [`Error::GalleryRows`] with the number of rows that fit.
///
/// ```
/// use uranometria_plot::{LightCurvePlot, StampPlot, gallery_png};
///
/// let stamp = StampPlot { columns: 2, rows: 1, pixels: &[1.0, 2.0], ..StampPlot::default() };
/// let png = gallery_png(&[(stamp, LightCurvePlot::default())], "one star", 900)?;
/// assert_eq!(&png[1..4], b"PNG");
/// # Ok::<(), uranometria_plot::Error>(())
/// ```
pub fn gallery_png(
    rows: &[(StampPlot<'_>, LightCurvePlot<'_>)],
    title: &str,
    width: u32,
) -> Result<Vec<u8>, Error> {
    for (stamp, curve) in rows {
        stamp::check(stamp)?;
        light_curve::check(curve)?;
    }
    if width == 0 || width > MAX_SIDE {
        return Err(Error::Size { side: "width", found: width, max: MAX_SIDE });
    }
    let unit = (width as f32 / 1400.0).clamp(0.9, 8.0);
    let margin = (16.0 * unit).min(width as f32 * 0.05);
    let top = margin + if title.is_empty() { 0.0 } else { 36.0 * unit };
    let row_height = (width as f32 * 0.25).max(24.0 * unit);
    let between = 18.0 * unit;
    let height = top + rows.len().max(1) as f32 * (row_height + between) - between + margin;
    if height > MAX_SIDE as f32 {
        let max = ((MAX_SIDE as f32 - top - margin + between) / (row_height + between)) as usize;
        return Err(Error::GalleryRows { found: rows.len(), width, max });
    }
    let mut canvas = Canvas::new(width, height.ceil() as u32)?;
    let (left, right) = (margin, width as f32 - margin);
    if !title.is_empty() {
        let size = 20.0 * unit;
        let shown = canvas.font.fitted(title, size, right - left);
        canvas.text(&shown, size, (left, margin + 17.0 * unit), Anchor::Left, DARK);
    }
    if rows.is_empty() {
        let middle = (width as f32 / 2.0, top + row_height / 2.0);
        let text = canvas.font.fitted("nothing to show", 14.0 * unit, right - left);
        canvas.text_middle(&text, 14.0 * unit, middle, Anchor::Centre, MUTED);
    }
    let divide = left + (right - left) * 0.285;
    for (i, (stamp, curve)) in rows.iter().enumerate() {
        let y0 = top + i as f32 * (row_height + between);
        if i > 0 {
            let y = y0 - between / 2.0;
            canvas.rule((left, y), (right, y), unit, GRID);
        }
        let row = Area { x0: left, y0, x1: right, y1: y0 + row_height };
        stamp::draw(&mut canvas, Area { x1: divide, ..row }, stamp, unit, false);
        light_curve::draw(&mut canvas, Area { x0: divide + 26.0 * unit, ..row }, curve, unit);
    }
    canvas.png()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Series;
    use crate::canvas::testing::Picture;
    use crate::colour::WHITE;

    #[test]
    fn every_row_has_its_stamp_on_the_left_and_its_curve_on_the_right() {
        let pixels: Vec<f32> = (0..25u8).map(f32::from).collect();
        let stamp = StampPlot { columns: 5, rows: 5, pixels: &pixels, ..StampPlot::default() };
        let x: Vec<f64> = (0..50).map(f64::from).collect();
        let series = [Series { x: &x, y: &x, ..Series::default() }];
        let curve =
            LightCurvePlot { series: &series, style: crate::Style::Line, ..LightCurvePlot::default() };
        let rows = vec![(stamp, curve); 3];
        let png = gallery_png(&rows, "three", 1000).unwrap();
        assert_eq!(png, gallery_png(&rows, "three", 1000).unwrap());
        let picture = Picture::decode(&png);
        assert_eq!(picture.width, 1000);
        let brightest = crate::colour::map()[255];
        for third in 0..3 {
            let within = |&(_, y): &(usize, usize)| y * 3 / picture.height == third;
            let stamps: Vec<_> = picture.find(|c| c == brightest).into_iter().filter(within).collect();
            assert!(stamps.len() > 100 && stamps.iter().all(|at| at.0 < 300), "row {third}");
            let blue = |c: [u8; 3]| i32::from(c[2]) > i32::from(c[0]) + 60;
            let curve = picture.find(blue).into_iter().filter(within).filter(|at| at.0 > 320).count();
            assert!(curve > 300, "row {third}: {curve}");
        }
    }

    #[test]
    fn galleries_too_tall_say_how_many_rows_fit() {
        let rows = vec![(StampPlot::default(), LightCurvePlot::default()); 200];
        let Err(Error::GalleryRows { found: 200, width: 1400, max }) = gallery_png(&rows, "", 1400) else {
            panic!("200 rows cannot fit");
        };
        assert!(max > 10);
        assert!(gallery_png(&rows[..max], "", 1400).is_ok());
        assert!(matches!(gallery_png(&rows[..=max], "", 1400), Err(Error::GalleryRows { .. })));
    }

    #[test]
    fn no_rows_are_a_picture_and_no_width_an_error() {
        let picture = Picture::decode(&gallery_png(&[], "none", 300).unwrap());
        assert!(picture.find(|c| c != WHITE).len() > 50);
        for width in [0, MAX_SIDE + 1] {
            assert!(matches!(gallery_png(&[], "", width), Err(Error::Size { side: "width", .. })));
        }
    }
}
