//! What pictures of cutouts and light curves show.

use std::sync::atomic::AtomicBool;

use uranometria_catalog::fs::Density;
use uranometria_cutout::lightcurve::LightCurve;
use uranometria_cutout::{Cutout, Error};
use uranometria_fits::Source;
use uranometria_plot::{
    LightCurvePlot, Series, SkyMapPlot, StampPlot, gallery_png, light_curve_png, sky_map_png,
};
use uranometria_sky::healpix;

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
    of_cutout_watched(cutout, name, &AtomicBool::new(false))
}

/// The same until `stop` becomes true.
pub(crate) fn of_cutout_watched<S: Source>(
    cutout: &Cutout<'_, S>,
    name: Option<&str>,
    stop: &AtomicBool,
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
        pixels: cutout.median_image_watched(stop)?,
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

/// The columns and texts that a plot of a light curve borrows.
pub(crate) struct CurvePicture {
    title: String,
    subtitle: String,
    x_label: String,
    y_label: String,
    x: Vec<f64>,
    y: Vec<f64>,
    flagged: Vec<bool>,
}

/// Takes the points of a light curve; flagged ones are dimmed.
pub(crate) fn of_light_curve(curve: &LightCurve, title: &str) -> CurvePicture {
    let pixels: usize = curve.parts.iter().map(|part| part.aperture.count()).sum();
    let mut sectors: Vec<i32> = curve.sector.clone();
    sectors.dedup();
    let sectors: Vec<String> = sectors.iter().map(i32::to_string).collect();
    CurvePicture {
        title: title.to_string(),
        subtitle: format!("{} frames, {pixels} pixels, sector {}", curve.len(), sectors.join(", ")),
        x_label: format!("{} (days)", curve.time_reference()),
        y_label: match curve.unit.name() {
            Some(unit) => format!("flux ({unit})"),
            None => "relative flux".to_string(),
        },
        x: curve.time.clone(),
        y: curve.flux.clone(),
        flagged: (0..curve.len()).map(|row| !curve.is_usable(row)).collect(),
    }
}

impl CurvePicture {
    /// The plot's only series, borrowing from here.
    fn series(&self) -> Series<'_> {
        let flagged = self.flagged.contains(&true).then_some(self.flagged.as_slice());
        Series { label: "flux", x: &self.x, y: &self.y, y_err: None, flagged }
    }

    /// Draws the light curve alone.
    pub(crate) fn png(&self) -> Result<Vec<u8>, uranometria_plot::Error> {
        let series = [self.series()];
        light_curve_png(&self.plot(&series))
    }

    fn plot<'a>(&'a self, series: &'a [Series<'a>]) -> LightCurvePlot<'a> {
        LightCurvePlot {
            title: &self.title,
            subtitle: &self.subtitle,
            x_label: &self.x_label,
            y_label: &self.y_label,
            series,
            ..LightCurvePlot::default()
        }
    }
}

/// Draws stamps with their light curves, a row a target.
pub(crate) fn gallery(
    rows: &[(StampPicture, CurvePicture)],
    title: &str,
) -> Result<Vec<u8>, uranometria_plot::Error> {
    let series: Vec<[Series<'_>; 1]> = rows.iter().map(|(_, curve)| [curve.series()]).collect();
    let plots: Vec<_> =
        rows.iter().zip(&series).map(|((stamp, curve), series)| (stamp.plot(), curve.plot(series))).collect();
    gallery_png(&plots, title, 1400)
}

/// The whole sky, rows a square degree.
pub(crate) fn density(name: &str, density: &Density) -> Result<Vec<u8>, uranometria_plot::Error> {
    let in_degree = density.rows().len() as f64 / (4.0 * 180.0 * 180.0 / std::f64::consts::PI);
    let value = |ra: f64, dec: f64| match healpix::hash(density.depth(), ra, dec) {
        Ok(cell) => f64::from(density.rows()[cell as usize]) * in_degree,
        Err(_) => f64::NAN,
    };
    let subtitle = format!("{} rows in cells of order {}", density.total(), density.depth());
    sky_map_png(&SkyMapPlot {
        title: name,
        subtitle: &subtitle,
        value: &value,
        unit: "rows a square degree",
        ..SkyMapPlot::default()
    })
}
