//! What a picture of a cutout shows: its median image and the target in it.

use uranometria_cutout::{Cutout, Error, median_image};
use uranometria_fits::Source;
use uranometria_plot::StampPlot;

/// The texts and pixels that a plot borrows.
pub(crate) struct StampPicture {
    title: String,
    subtitle: String,
    unit: String,
    columns: usize,
    rows: usize,
    pixels: Vec<f32>,
    marker: Option<(f64, f64)>,
    corner: (i64, i64),
    north_east: Option<([f64; 2], [f64; 2])>,
}

/// Reads a cutout and takes the median over its frames.
pub(crate) fn of_cutout<S: Source>(
    cutout: &Cutout<'_, S>,
    name: Option<&str>,
) -> Result<StampPicture, Error> {
    let stamp = cutout.stamp();
    let position = cutout.position();
    let wcs = cutout.fit().map(|fit| &fit.wcs);
    let title = match (name.filter(|name| !name.is_empty()), position) {
        (Some(name), _) => name.to_string(),
        (None, Some(at)) => format!("RA {:.5}°  Dec {:+.5}°", at.ra_deg(), at.dec_deg()),
        (None, None) => format!("column {}, row {}", stamp.x0 + 1, stamp.y0 + 1),
    };
    let marker = match (wcs, position) {
        (Some(wcs), Some(at)) => wcs.sky_to_pixel(at.ra_deg(), at.dec_deg()).ok(),
        _ => None,
    };
    // Where one arc minute to the north and to the east leads in pixels.
    let north_east = match (wcs, position, marker) {
        (Some(wcs), Some(at), Some((x, y))) if at.dec_deg().abs() < 89.9 => {
            let step = 1.0 / 60.0;
            let towards = |ra: f64, dec: f64| wcs.sky_to_pixel(ra, dec).ok().map(|(px, py)| [px - x, py - y]);
            let north = towards(at.ra_deg(), at.dec_deg() + step);
            let east = towards(at.ra_deg() + step / at.dec_deg().to_radians().cos(), at.dec_deg());
            north.zip(east)
        }
        _ => None,
    };
    Ok(StampPicture {
        title,
        subtitle: format!("median of {} frames", cutout.len()),
        unit: cutout.flux_unit().to_string(),
        columns: stamp.columns,
        rows: stamp.rows,
        pixels: median_image(&cutout.flux()?, stamp.pixels()),
        marker,
        corner: (stamp.x0 + 1, stamp.y0 + 1),
        north_east,
    })
}

impl StampPicture {
    /// The plot, borrowing from here.
    pub(crate) fn plot(&self) -> StampPlot<'_> {
        StampPlot {
            title: &self.title,
            subtitle: &self.subtitle,
            columns: self.columns,
            rows: self.rows,
            pixels: &self.pixels,
            marker: self.marker,
            column0: self.corner.0,
            row0: self.corner.1,
            unit: &self.unit,
            north_east: self.north_east,
            ..StampPlot::default()
        }
    }
}
