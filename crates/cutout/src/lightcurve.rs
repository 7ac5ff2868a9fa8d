//! Aperture light curves: the pixels of an aperture summed, frame by frame.
//!
//! [`LightCurve::extract`] sums one target pixel file, [`join`] and [`stitch`] put sectors together, and
//! [`to_fits`], [`write_csv`] and `write_parquet` (feature `parquet`) write the result. No frame is left out:
//! QUALITY is carried along, and whoever reads the light curve decides.
//!
//! Not here: corrections of systematics (CBV, PLD), point-spread-function photometry, centroids.
//!
//! The sums are those of lightkurve 2.6.0 (Lightkurve Collaboration 2018, ascl:1812.013), in double precision.

mod background;
mod csv;
mod fits;
mod join;
#[cfg(feature = "parquet")]
mod parquet;

pub use background::Background;
pub use csv::write_csv;
pub use fits::to_fits;
pub use join::{join, stitch};
#[cfg(feature = "parquet")]
pub use parquet::write_parquet;

use uranometria_fits::Header;
use uranometria_sky::Direction;

use crate::Error;
use crate::aperture::{Aperture, with_data};
use crate::tpf::{COLLATERAL, COLLECTED, Tpf, UNUSABLE};
use background::median_of_sorted;

/// The unit of flux and background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FluxUnit {
    /// TUNIT of the target pixel file: `e-/s`, for TICA `electrons`.
    Named(String),
    /// The target pixel file gives none.
    Unknown,
    /// Fractions of the sector's median flux, made by [`stitch`].
    Relative,
}

impl FluxUnit {
    /// The unit as TUNIT has it; `None` where it is unknown or the flux is relative.
    pub fn name(&self) -> Option<&str> {
        match self {
            FluxUnit::Named(name) => Some(name),
            _ => None,
        }
    }
}

/// What one target pixel file gave to a light curve.
#[derive(Clone, Debug)]
pub struct Part {
    /// The sector, 0 where the file does not say.
    pub sector: i32,
    /// The name of the target pixel file, for the record; empty until somebody sets it.
    pub origin: String,
    /// The pixels that were summed.
    pub aperture: Aperture,
    /// What was subtracted.
    pub background: Background,
    /// The pixels `[row][column]` from which the background was measured; none set where nothing was subtracted.
    pub background_mask: Vec<bool>,
    /// The median by which [`stitch`] divided, in the unit before.
    pub normalised_by: Option<f64>,
    /// Whether the file numbers its frames.
    numbered: bool,
    /// The bits of the target pixel file's aperture image that say what a pixel is.
    bits: Vec<i32>,
    /// CCD column and row of the first pixel, counted from 1.
    corner: [Option<i32>; 2],
    primary: Header,
    pixels: Header,
    aperture_header: Option<Header>,
}

/// A light curve: columns of equal length, one row a frame.
#[derive(Clone, Debug)]
pub struct LightCurve {
    /// Mid-times, BTJD = BJD - 2457000 in days, TDB; NaN where the mission gives none.
    pub time: Vec<f64>,
    /// The barycentric correction contained in `time`, in days; NaN where it is not known.
    pub timecorr: Vec<f32>,
    /// The cadence numbers; frames counted from 0 where the target pixel file has only zeros.
    pub cadenceno: Vec<i32>,
    /// The sum over the aperture minus the background, in `unit`; NaN where there is none.
    pub flux: Vec<f64>,
    /// The standard error of `flux` from those of the pixels; NaN where it is not known.
    pub flux_err: Vec<f64>,
    /// The background that was subtracted, in `unit`: the level of a pixel times the pixels summed.
    pub background: Vec<f64>,
    /// The standard error of `background`, from the scatter between its pixels.
    pub background_err: Vec<f64>,
    /// The QUALITY flags.
    pub quality: Vec<i32>,
    /// The sector of each row, 0 where it is not known.
    pub sector: Vec<i32>,
    /// The unit of the four columns of flux and background.
    pub unit: FluxUnit,
    /// The target pixel files that the rows come from, in the order in which they were joined.
    pub parts: Vec<Part>,
}

/// One row of a light curve; the fields are those of [`LightCurve`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) time: f64,
    pub(crate) timecorr: f32,
    pub(crate) cadenceno: i32,
    /// Flux, its error, background, its error.
    pub(crate) values: [f64; 4],
    pub(crate) quality: i32,
    pub(crate) sector: i32,
}

impl LightCurve {
    /// Sums the pixels of an aperture in each frame.
    ///
    /// Pixels that are NaN in a frame are left out of its sum. The flux is NaN where no pixel of the aperture has a
    /// finite value and where every pixel of the stamp is exactly 0 (a frame that was not taken), as in lightkurve.
    /// The error is the root of the sum of the squared errors, NaN where none is finite. How the background is
    /// measured is said at [`Background`]; its level is multiplied by the number of pixels in the frame's sum. Its
    /// error is not added to that of the flux: it is the scatter from pixel to pixel, most of which is the same in
    /// every frame. With [`Background::None`] both are 0.
    ///
    /// # Errors
    /// [`Error::MaskSize`] where the aperture is not of the size of the frames; [`Error::NoBackground`],
    /// [`Error::Annulus`].
    pub fn extract(tpf: &Tpf, aperture: &Aperture, background: Background) -> Result<Self, Error> {
        aperture.check(tpf)?;
        let background_mask = background.pixels(aperture, &with_data(tpf))?;
        let inside: Vec<usize> = aperture.pixels().collect();
        let around: Vec<usize> = (0..background_mask.len()).filter(|&at| background_mask[at]).collect();
        let (sector, frames) = (tpf.sector().unwrap_or(0), tpf.frames());
        let mut curve = LightCurve {
            time: tpf.time().to_vec(),
            timecorr: tpf.timecorr().to_vec(),
            cadenceno: cadence_numbers(tpf.cadenceno()),
            flux: Vec::with_capacity(frames),
            flux_err: Vec::with_capacity(frames),
            background: Vec::with_capacity(frames),
            background_err: Vec::with_capacity(frames),
            quality: tpf.quality().to_vec(),
            sector: vec![sector; frames],
            unit: tpf.flux_unit().map_or(FluxUnit::Unknown, |name| FluxUnit::Named(name.to_string())),
            parts: vec![Part::new(tpf, aperture, background, background_mask)],
        };
        for frame in 0..frames {
            let (sum, summed) = sum_of(tpf.frame(frame), &inside);
            let level = match background {
                Background::None => background::Level { value: 0.0, error: 0.0 },
                Background::Annulus { .. } => background::level(tpf.frame(frame), &around),
            };
            let pixels = f64::from(summed);
            // A frame without flux has no background either: 0 pixels times a level would look like one.
            let scaled = |value: f64| if sum.is_nan() { f64::NAN } else { value * pixels };
            let (under, under_err) = (scaled(level.value), scaled(level.error));
            curve.flux.push(sum - under);
            curve.flux_err.push(error_of(tpf.frame_err(frame), &inside));
            curve.background.push(under);
            curve.background_err.push(under_err);
        }
        Ok(curve)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// What `time` is counted from: `BJD - 2457000`, or `JD - 2457000` at the spacecraft for TICA frames.
    ///
    /// It is the same in all parts: [`join`] sees to that.
    pub fn time_reference(&self) -> &'static str {
        let says = |keyword: &str, text: &str| {
            let header = self.parts.first().and_then(|part| part.header_with(keyword));
            header.and_then(|header| header.text(keyword)) == Some(text)
        };
        // Times of TICA frames are not barycentric, whatever a program that cut them says.
        if says("TIMEREF", "LOCAL") || says("FFI_TYPE", "TICA") { "JD - 2457000" } else { "BJD - 2457000" }
    }

    /// Whether a row has none of the [`UNUSABLE`] flags.
    pub fn is_usable(&self, row: usize) -> bool {
        self.quality.get(row).is_some_and(|quality| quality & UNUSABLE == 0)
    }

    /// The median of the finite fluxes of usable rows, in `unit`; of an even count the mean of the middle two, NaN of
    /// none.
    pub fn median_flux(&self) -> f64 {
        let usable = self.flux.iter().enumerate().filter(|(row, _)| self.is_usable(*row));
        let mut flux: Vec<f64> = usable.map(|(_, flux)| *flux).filter(|flux| flux.is_finite()).collect();
        flux.sort_by(f64::total_cmp);
        median_of_sorted(&flux)
    }

    /// Notes the name of the target pixel file, which the writers put down; a name without folders keeps outputs
    /// equal wherever they are made.
    pub fn with_origin(mut self, name: &str) -> Self {
        for part in &mut self.parts {
            part.origin = name.to_string();
        }
        self
    }

    /// Makes sure that all columns are as long as `time`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let lengths = [
            ("timecorr", self.timecorr.len()),
            ("cadenceno", self.cadenceno.len()),
            ("flux", self.flux.len()),
            ("flux_err", self.flux_err.len()),
            ("background", self.background.len()),
            ("background_err", self.background_err.len()),
            ("quality", self.quality.len()),
            ("sector", self.sector.len()),
        ];
        match lengths.into_iter().find(|(_, length)| *length != self.len()) {
            Some((column, found)) => Err(Error::Length { column, found, wanted: self.len() }),
            None => Ok(()),
        }
    }

    /// The rows; callers have made sure with [`check`](LightCurve::check) that the columns are complete.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.len()).map(|n| Row {
            time: self.time[n],
            timecorr: self.timecorr[n],
            cadenceno: self.cadenceno[n],
            values: [self.flux[n], self.flux_err[n], self.background[n], self.background_err[n]],
            quality: self.quality[n],
            sector: self.sector[n],
        })
    }
}

impl Part {
    fn new(tpf: &Tpf, aperture: &Aperture, background: Background, background_mask: Vec<bool>) -> Self {
        Part {
            sector: tpf.sector().unwrap_or(0),
            origin: String::new(),
            aperture: aperture.clone(),
            background,
            background_mask,
            normalised_by: None,
            numbered: is_numbered(tpf.cadenceno()),
            bits: tpf.aperture().iter().map(|bits| bits & (COLLECTED | COLLATERAL)).collect(),
            corner: [tpf.column0(), tpf.row0()],
            primary: tpf.primary_header().clone(),
            pixels: tpf.pixels_header().clone(),
            aperture_header: tpf.aperture_header().cloned(),
        }
    }

    /// Whether the stamp followed its target, as one of ours says by its columns.
    fn is_moving(&self) -> bool {
        let corner = |value: &uranometria_fits::Value| matches!(value, uranometria_fits::Value::Text(name) if name == "CORNER_COLUMN");
        self.pixels
            .cards()
            .iter()
            .any(|card| card.keyword.starts_with("TTYPE") && card.value.as_ref().is_some_and(corner))
    }

    /// The position of the target, where the file says it.
    fn position(&self) -> Option<Direction> {
        Direction::from_degrees(self.number("RA_OBJ")?, self.number("DEC_OBJ")?).ok()
    }

    /// The first header of the target pixel file that has a value for a keyword.
    fn header_with(&self, keyword: &str) -> Option<&Header> {
        let known = |header: &&Header| {
            !matches!(header.get(keyword), None | Some(uranometria_fits::Value::Undefined))
        };
        [&self.primary, &self.pixels].into_iter().find(known)
    }

    fn number(&self, keyword: &str) -> Option<f64> {
        self.header_with(keyword)?.number(keyword)
    }

    fn integer(&self, keyword: &str) -> Option<i64> {
        self.header_with(keyword)?.integer(keyword)
    }
}

/// Numbers frames from 0 where the file has zeros alone, as lightkurve does.
fn cadence_numbers(stored: &[i32]) -> Vec<i32> {
    if is_numbered(stored) { stored.to_vec() } else { (0..i32::MAX).take(stored.len()).collect() }
}

fn is_numbered(stored: &[i32]) -> bool {
    stored.iter().any(|number| *number != 0)
}

/// The sum of the pixels that are not NaN, and their number; NaN where none is finite or the whole frame is 0.
fn sum_of(frame: &[f32], pixels: &[usize]) -> (f64, u32) {
    let (mut sum, mut summed, mut finite) = (0.0, 0, false);
    for value in pixels.iter().map(|&at| frame[at]).filter(|value| !value.is_nan()) {
        sum += f64::from(value);
        summed += 1;
        finite |= value.is_finite();
    }
    let taken = frame.iter().any(|value| *value != 0.0);
    if finite && taken { (sum, summed) } else { (f64::NAN, 0) }
}

/// The root of the sum of squares of the errors that are not NaN; NaN where none is finite.
fn error_of(frame: &[f32], pixels: &[usize]) -> f64 {
    let errors = || pixels.iter().map(|&at| f64::from(frame[at]));
    if !errors().any(f64::is_finite) {
        return f64::NAN;
    }
    errors().filter(|error| !error.is_nan()).map(|error| error * error).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tpf::testing::File;

    fn curve(file: &File, aperture: &[bool]) -> LightCurve {
        let aperture = Aperture::new(file.columns, file.rows, aperture.to_vec()).unwrap();
        LightCurve::extract(&file.tpf(), &aperture, Background::None).unwrap()
    }

    #[test]
    fn nan_pixels_are_left_out_and_a_frame_without_any_or_all_zero_is_nan() {
        let mut file = File::new(5, 1, 3, |_, _, column| (1 + column) as f32);
        file.flux[3] = f32::NAN;
        file.flux[6..8].fill(f32::NAN);
        file.flux[9..12].fill(0.0);
        file.flux[12..14].fill(0.0);
        let curve = curve(&file, &[true, true, false]);
        assert_eq!(curve.flux[..2], [3.0, 2.0]);
        assert!(curve.flux[2].is_nan() && curve.flux[3].is_nan());
        assert_eq!(curve.flux[4], 0.0);
        assert!(curve.flux_err.iter().all(|error| error.is_nan()));
        assert!(curve.background[2].is_nan() && curve.background[0] == 0.0);
        assert_eq!(curve.cadenceno, [0, 1, 2, 3, 4]);
        assert_eq!(curve.unit, FluxUnit::Named("e-/s".into()));
    }

    #[test]
    fn the_median_flux_is_that_of_usable_rows_and_means_the_middle_two() {
        let mut file = File::new(6, 1, 1, |frame, _, _| [1.0, 4.0, 2.0, 8.0, 99.0, f32::NAN][frame]);
        file.quality[4] = 128;
        file.quality[0] = 4096;
        assert_eq!(curve(&file, &[true]).median_flux(), 3.0);
        file.quality[3] = 1;
        assert_eq!(curve(&file, &[true]).median_flux(), 2.0);
        file.quality.fill(1);
        assert!(curve(&file, &[true]).median_flux().is_nan());
    }

    #[test]
    fn a_million_pixels_sum_without_losing_the_faint_ones() {
        let frame: Vec<f32> = (0..1_000_000).map(|at| if at == 0 { 1e8 } else { 1.0 }).collect();
        let pixels: Vec<usize> = (0..frame.len()).collect();
        assert_eq!(sum_of(&frame, &pixels), (1e8 + 999_999.0, 1_000_000));
    }

    #[test]
    fn an_aperture_of_another_size_is_an_error() {
        let file = File::new(1, 2, 3, |_, _, _| 1.0);
        let aperture = Aperture::new(2, 3, vec![true; 6]).unwrap();
        let error = LightCurve::extract(&file.tpf(), &aperture, Background::None).unwrap_err().to_string();
        assert_eq!(
            error,
            "the mask is 2x3 pixels, expected 3x2 (columns x rows) as the target pixel file has"
        );
    }

    #[test]
    fn a_background_is_measured_around_the_aperture_and_subtracted_for_the_pixels_summed() {
        let mut file = File::new(2, 11, 11, |frame, row, column| {
            let star = if row.abs_diff(5) <= 1 && column.abs_diff(5) <= 1 { 100.0 } else { 0.0 };
            star + 7.0 + frame as f32
        });
        file.flux[5 * 11 + 5] = f32::NAN;
        let mask: Vec<bool> =
            (0..121usize).map(|at| (at / 11).abs_diff(5) <= 1 && (at % 11).abs_diff(5) <= 1).collect();
        let aperture = Aperture::new(11, 11, mask).unwrap();
        let curve = LightCurve::extract(&file.tpf(), &aperture, Background::default()).unwrap();
        assert_eq!(curve.flux, [800.0, 900.0]);
        assert_eq!(curve.background, [56.0, 72.0]);
        assert_eq!(curve.background_err, [0.0, 0.0]);
        assert_eq!(curve.parts[0].background_mask.iter().filter(|ring| **ring).count(), 121 - 25);
    }
}
