//! A sector with everything decided, whose frames can be made in any order.

use uranometria_fits::{Header, checksum, padded};
use uranometria_wcs::Wcs;

use super::chip::Chip;
use super::header::{self, Facts};
use super::options::{Product, SectorOptions};
use super::pixels::{Detector, LIVE, Light, scatter_e_per_s};
use super::pointing::{ORBIT_D, cadences_before, offsets_px, second_orbit, sector_start_btjd};
use super::scene::{self, Span, rounded_sky_deg};
use super::truth::{Kind, Source, Track, Truth};
use crate::random::{Purpose, Random};
use crate::time::barycentric_correction_d;
use crate::{Error, Stars};

/// The number of the cadence with which a sector begins.
const FIRST_CADENCE: usize = 4697;

/// A planned sector.
#[derive(Clone, Debug)]
pub struct Sector {
    options: SectorOptions,
    chip: Chip,
    /// The camera's next chip, whose name a frame of the wrong chip bears.
    wrong_chip: Chip,
    detector: Detector,
    offsets_px: Vec<(f64, f64)>,
    truth: Truth,
    stars_given: usize,
    stars_fingerprint: u64,
}

/// A frame as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number, counted from 0.
    pub index: usize,
    /// The name of its file.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// The frame it holds.
    pub frame: usize,
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// When a frame is taken: BTJD (TDB) at the barycentre of the solar system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// The start.
    pub start_btjd: f64,
    /// The middle, for which brightness and place of all sources hold.
    pub mid_btjd: f64,
    /// The end.
    pub stop_btjd: f64,
}

impl Sector {
    /// Decides everything: which sources are where, how they shine, where the spacecraft points.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::NoCoordinates`], and [`Error::NoStars`] where none of the given stars falls on
    /// the chip; a list without stars ([`Stars::none`]) is none.
    pub fn new(options: SectorOptions, stars: &Stars) -> Result<Self, Error> {
        options.check()?;
        let SectorOptions { sector, camera, ccd, .. } = options;
        let chip = Chip::embedded(sector, camera, ccd)?;
        let wrong_chip = Chip::embedded(sector, camera, ccd % 4 + 1)?;
        let last = options.frames - 1;
        let span = Span {
            start_btjd: times(&options, 0).start_btjd,
            stop_btjd: times(&options, last).stop_btjd,
            cadence_d: options.cadence_d(),
        };
        let truth = scene::draw(&options, &chip, span, stars)?;
        let mut sector = Sector {
            detector: Detector::new(&options),
            offsets_px: offsets_px(&options),
            stars_given: stars.as_slice().len(),
            stars_fingerprint: stars.fingerprint(),
            options,
            chip,
            wrong_chip,
            truth,
        };
        sector.truth.tracks = sector.truth.of_kind(Kind::Mover).map(|mover| sector.track(mover)).collect();
        Ok(sector)
    }

    /// What was asked for.
    pub fn options(&self) -> &SectorOptions {
        &self.options
    }

    /// What is on the sky.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// When a frame is taken; beyond the last one, when it would be.
    pub fn times(&self, frame: usize) -> Times {
        times(&self.options, frame)
    }

    /// The true coordinates of a frame's pixels, which its header has unless it is a bad one.
    ///
    /// # Errors
    /// [`Error::NoFrame`].
    pub fn wcs(&self, frame: usize) -> Result<Wcs, Error> {
        let (dx, dy) = self.shift_px(frame)?;
        Ok(self.chip.wcs.shifted(-dx, -dy))
    }

    /// Where a source lies in a frame at mid-exposure: column and row, 0-based.
    ///
    /// # Errors
    /// [`Error::NoFrame`].
    pub fn place_px(&self, source: &Source, frame: usize) -> Result<(f64, f64), Error> {
        let (dx, dy) = self.offset_px(frame)?;
        let (x, y) = self.steady_place_px(source, frame);
        Ok((x + dx, y + dy))
    }

    /// How much light a source gives in a frame, electrons a second.
    pub fn flux_e_per_s(&self, source: &Source, frame: usize) -> f64 {
        source.flux_e_per_s * source.signal.factor(self.times(frame).mid_btjd)
    }

    /// The files of the sector in their order: frames in time, copies after their originals, missing ones left out.
    pub fn files(&self) -> Vec<PlannedFile> {
        let mut files = Vec::new();
        for frame in 0..self.options.frames {
            if self.options.bad.missing.contains(&frame) {
                continue;
            }
            let facts = self.facts(frame);
            let len = self.file_len(&facts, &header::headers(&facts));
            let copied = self.options.bad.duplicated.contains(&frame);
            for copy in [false, true].into_iter().take(1 + usize::from(copied)) {
                files.push(PlannedFile { frame, name: header::name(&facts, copy), len });
            }
        }
        files
    }

    /// Makes a frame, a missing one too, with the faults it is to have.
    ///
    /// Takes about 9 bytes of memory a pixel more than the frame itself.
    ///
    /// # Errors
    /// [`Error::NoFrame`].
    pub fn frame(&self, frame: usize) -> Result<Frame, Error> {
        self.offset_px(frame)?;
        let facts = self.facts(frame);
        let (mut flux, mut uncertainty) = self.pixels(frame);
        let kept = facts.columns * facts.rows * 4;
        flux.truncate(kept);
        uncertainty.truncate(kept);
        let planes = match self.options.product {
            Product::Spoc => vec![Vec::new(), flux, uncertainty],
            Product::Tica => vec![flux],
        };
        let headers = header::headers(&facts);
        let len = self.file_len(&facts, &headers) as usize;
        let mut bytes = Vec::with_capacity(len);
        for (mut header, plane) in headers.into_iter().zip(planes) {
            if self.options.checksum {
                let mut sum = checksum::Sum::default();
                sum.add(&plane);
                checksum::seal(&mut header, sum);
            }
            bytes.extend_from_slice(&header.to_bytes());
            bytes.extend_from_slice(&plane);
            bytes.extend_from_slice(uranometria_fits::padding(plane.len() as u64));
        }
        bytes.truncate(len);
        Ok(Frame { index: frame, name: header::name(&facts, false), bytes })
    }

    /// All that decides the bytes of this sector, as text of a line each.
    pub(crate) fn fingerprint(&self) -> String {
        format!(
            "uranometria-simulate {}\n{:?}\nstars: {}, {:016x}\n",
            env!("CARGO_PKG_VERSION"),
            self.options,
            self.stars_given,
            self.stars_fingerprint
        )
    }

    fn pixels(&self, frame: usize) -> (Vec<u8>, Vec<u8>) {
        let options = &self.options;
        if options.bad.all_zero.contains(&frame) {
            let len = options.columns * options.rows * 4;
            return (vec![0; len], vec![0; len]);
        }
        let (dx, dy) = self.offsets_px[frame];
        let lights = self.truth.sources.iter().map(|source| {
            let (x, y) = self.steady_place_px(source, frame);
            Light { x: x + dx, y: y + dy, flux_e_per_s: self.flux_e_per_s(source, frame) }
        });
        let days = self.times(frame).mid_btjd - sector_start_btjd(options.sector);
        let model = self.detector.model(scatter_e_per_s(days, ORBIT_D), lights);
        let noise = options.noise.then(|| Random::new(options.seed, Purpose::Noise(frame)));
        let scale = match options.product {
            Product::Spoc => 1.0,
            Product::Tica => (options.cadence_s * LIVE) as f32,
        };
        self.detector.expose(&model, noise, scale)
    }

    fn steady_place_px(&self, source: &Source, frame: usize) -> (f64, f64) {
        let days = self.times(frame).mid_btjd - self.times(0).mid_btjd;
        let (vx, vy) = source.velocity_px_per_d;
        (source.x + vx * days, source.y + vy * days)
    }

    fn offset_px(&self, frame: usize) -> Result<(f64, f64), Error> {
        let frames = self.options.frames;
        self.offsets_px.get(frame).copied().ok_or(Error::NoFrame { frame, frames })
    }

    /// From a pixel of the whole chip with its own coordinates to a pixel of the frame.
    fn shift_px(&self, frame: usize) -> Result<(f64, f64), Error> {
        let (dx, dy) = self.offset_px(frame)?;
        Ok((dx - self.options.column0 as f64, dy - self.options.row0 as f64))
    }

    fn track(&self, mover: &Source) -> Track {
        let (column0, row0) = (self.options.column0 as f64, self.options.row0 as f64);
        let point = |frame: usize| {
            let (x, y) = self.steady_place_px(mover, frame);
            let (ra, dec) = rounded_sky_deg(&self.chip, x + column0, y + row0);
            [self.times(frame).mid_btjd, ra, dec]
        };
        Track { id: mover.id.clone(), points: (0..self.options.frames).map(point).collect() }
    }

    /// `frame` is one of the sector.
    fn facts(&self, frame: usize) -> Facts<'_> {
        let options = &self.options;
        let wrong = options.bad.wrong_chip.contains(&frame);
        let chip = if wrong { &self.wrong_chip } else { &self.chip };
        let times = self.times(frame);
        let (ra, dec) = self.chip.middle_deg();
        Facts {
            options,
            chip,
            columns: options.columns,
            rows: options.rows - usize::from(options.bad.wrong_size.contains(&frame)),
            times,
            barycentric_d: (barycentric_correction_d(times.mid_btjd, ra, dec) * 1e12).round() / 1e12,
            cadence: FIRST_CADENCE + cadences_before(options, frame),
            second_orbit: second_orbit(options, frame),
            flags: options.bad.flags(frame),
            shift_px: self.shift_px(frame).unwrap_or_default(),
            with_wcs: !options.bad.without_wcs.contains(&frame),
            truncated: options.bad.truncated.contains(&frame),
        }
    }

    /// Length of the file of a frame, given its headers without checksums.
    fn file_len(&self, facts: &Facts<'_>, headers: &[Header]) -> u64 {
        let sealing = if self.options.checksum { 2 } else { 0 };
        // A chip has 2136 x 2078 pixels at most, and each card of a frame takes one piece of 80 bytes.
        let block = |len: usize| padded(len as u64).unwrap_or(u64::MAX);
        let plane = block(facts.columns * facts.rows * 4);
        let cards: u64 = headers.iter().map(|header| block((header.cards().len() + sealing + 1) * 80)).sum();
        let planes = match self.options.product {
            Product::Spoc => 2,
            Product::Tica => 1,
        };
        let whole = cards + planes * plane;
        if facts.truncated { whole * 6 / 10 } else { whole }
    }
}

fn times(options: &SectorOptions, frame: usize) -> Times {
    let first = sector_start_btjd(options.sector);
    let (cadences, cadence_d) = (cadences_before(options, frame) as f64, options.cadence_d());
    let start_btjd = first + cadences * cadence_d;
    let stop_btjd = first + (cadences + 1.0) * cadence_d;
    Times { start_btjd, mid_btjd: 0.5 * (start_btjd + stop_btjd), stop_btjd }
}

#[cfg(test)]
mod tests {
    use uranometria_fits::{Hdu, ImageLayout, Value, read_hdus};
    use uranometria_wcs::Keyword;

    use super::*;
    use crate::Star;
    use crate::sector::{BadFrames, Signal};

    fn window(frames: usize) -> SectorOptions {
        SectorOptions {
            camera: 4,
            ccd: 2,
            frames,
            columns: 90,
            rows: 80,
            column0: 1000,
            row0: 700,
            ..SectorOptions::default()
        }
    }

    fn star(id: &str, x: f64, y: f64, mag: f64) -> Star {
        let (ra_deg, dec_deg) = Chip::embedded(1, 4, 2).unwrap().wcs.pixel_to_sky(1000.0 + x, 700.0 + y);
        let (pmra_mas_per_year, pmdec_mas_per_year) = (0.0, 0.0);
        Star { id: id.into(), ra_deg, dec_deg, mag, pmra_mas_per_year, pmdec_mas_per_year }
    }

    /// One star at (40.3, 30.6) and nothing else, without noise.
    fn lonely(options: SectorOptions, mag: f64) -> Sector {
        let options = SectorOptions {
            noise: false,
            faint_per_chip: 0,
            variables: 0.0,
            transits: 0,
            transients: 0,
            movers: 0,
            ..options
        };
        Sector::new(options, &Stars::new(vec![star("one", 40.3, 30.6, mag)])).unwrap()
    }

    fn read(frame: &Frame) -> (Vec<Hdu>, Vec<Vec<f32>>) {
        let hdus = read_hdus(&frame.bytes).unwrap();
        let plane =
            |hdu: &Hdu| ImageLayout::of(hdu).unwrap().decode_f32(&hdu.read_data(&frame.bytes).unwrap());
        let planes = hdus.iter().map(plane).collect();
        (hdus, planes)
    }

    fn header_wcs(header: &Header) -> Wcs {
        Wcs::from_keywords(|key| match header.get(key)? {
            Value::Text(text) => Some(Keyword::Text(text.clone())),
            _ => header.number(key).map(Keyword::Number),
        })
        .unwrap()
    }

    /// Light above the background and its centre, in the 13 x 13 pixels around a place.
    fn aperture(image: &[f32], columns: usize, place: (f64, f64)) -> (f64, f64, f64) {
        let (left, low) = (place.0.round() as usize - 6, place.1.round() as usize - 6);
        let pixel = |x: usize, y: usize| f64::from(image[(low + y) * columns + left + x]);
        let background =
            [(0, 0), (12, 0), (0, 12), (12, 12)].map(|(x, y)| pixel(x, y)).iter().sum::<f64>() / 4.0;
        let (mut sum, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for (x, y) in (0..13).flat_map(|y| (0..13).map(move |x| (x, y))) {
            let light = pixel(x, y) - background;
            sum += light;
            sum_x += light * (left + x) as f64;
            sum_y += light * (low + y) as f64;
        }
        (sum, sum_x / sum, sum_y / sum)
    }

    #[test]
    fn a_frame_has_the_same_bytes_again_and_on_any_number_of_threads() {
        use rayon::prelude::*;
        let bytes = |threads| {
            let sector = Sector::new(window(6), &Stars::embedded()).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                (0..6).into_par_iter().map(|n| sector.frame(n).unwrap().bytes).collect::<Vec<_>>()
            })
        };
        assert_eq!(bytes(1), bytes(4));
        let other = SectorOptions { seed: 2, ..window(6) };
        let other = Sector::new(other, &Stars::embedded()).unwrap();
        assert_ne!(bytes(1)[0], other.frame(0).unwrap().bytes);
    }

    #[test]
    fn bytes_stay_what_they_were_when_this_test_was_written() {
        // A change here is a change for everybody who keeps expected values: say so in the change log.
        for (product, hdu, wanted) in [
            (Product::Spoc, 1, "3523499917"),
            (Product::Spoc, 2, "1504395568"),
            (Product::Tica, 0, "1476021542"),
        ] {
            let sector = Sector::new(SectorOptions { product, ..window(2) }, &Stars::embedded()).unwrap();
            let header = read(&sector.frame(1).unwrap()).0[hdu].header.clone();
            assert_eq!(header.text("DATASUM"), Some(wanted), "{product:?}, HDU {hdu}");
        }
    }

    #[test]
    fn checksums_hold_and_can_be_left_out() {
        for (product, hdus) in [(Product::Spoc, 3), (Product::Tica, 1)] {
            for checksum in [true, false] {
                let options = SectorOptions { product, checksum, ..window(1) };
                let sector = Sector::new(options, &Stars::embedded()).unwrap();
                let frame = sector.frame(0).unwrap();
                let read = read_hdus(&frame.bytes).unwrap();
                assert_eq!(read.len(), hdus);
                for hdu in &read {
                    assert_eq!(checksum::verify(&frame.bytes, hdu).unwrap(), checksum);
                }
                assert_eq!(sector.files()[0].len, frame.bytes.len() as u64);
            }
        }
    }

    #[test]
    fn the_coordinates_of_a_frame_put_every_star_on_its_pixel() {
        for product in [Product::Spoc, Product::Tica] {
            let options = SectorOptions { product, jitter_px: 0.3, ..window(4) };
            let sector = Sector::new(options, &Stars::embedded()).unwrap();
            for n in 0..4 {
                let (hdus, _) = read(&sector.frame(n).unwrap());
                let wcs = header_wcs(&hdus[hdus.len().min(2) - 1].header);
                assert_eq!(wcs.crpix(), sector.wcs(n).unwrap().crpix());
                for source in sector.truth().sources.iter().filter(|source| source.kind != Kind::Mover) {
                    let (x, y) = wcs.sky_to_pixel(source.ra_deg, source.dec_deg).unwrap();
                    let (x0, y0) = sector.place_px(source, n).unwrap();
                    assert!((x - x0).hypot(y - y0) < 3e-6, "{source:?}: {x} {y}, frame {n}: {x0} {y0}");
                }
            }
            assert_ne!(sector.wcs(0).unwrap().crpix(), sector.wcs(3).unwrap().crpix());
        }
    }

    #[test]
    fn the_centre_and_the_sum_of_a_star_are_its_place_and_its_flux() {
        let sector = lonely(SectorOptions { jitter_px: 0.4, ..window(5) }, 8.0);
        let source = &sector.truth().sources[0];
        assert!((source.x - 40.3).abs() < 1e-5 && (source.y - 30.6).abs() < 1e-5);
        assert!((source.flux_e_per_s / 94_624.0 - 1.0).abs() < 1e-4);
        for n in 0..5 {
            let (_, planes) = read(&sector.frame(n).unwrap());
            let (sum, x, y) = aperture(&planes[1], 90, sector.place_px(source, n).unwrap());
            let (x0, y0) = sector.place_px(source, n).unwrap();
            assert!((x - x0).hypot(y - y0) < 2e-3, "{x} {y}, truth {x0} {y0}");
            assert!((sum / source.flux_e_per_s - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn noise_is_as_large_as_the_uncertainty_says() {
        let quiet = SectorOptions { noise: false, ..window(1) };
        let quiet = Sector::new(quiet, &Stars::embedded()).unwrap().frame(0).unwrap();
        let noisy = Sector::new(window(1), &Stars::embedded()).unwrap().frame(0).unwrap();
        let ((_, model), (_, measured)) = (read(&quiet), read(&noisy));
        assert_eq!(model[2], measured[2]);
        let deviates = model[1].iter().zip(&measured[1]).zip(&model[2]);
        let squares: f64 = deviates.map(|((a, b), sigma)| f64::from((b - a) / sigma).powi(2)).sum();
        let mean = squares / model[1].len() as f64;
        assert!((mean - 1.0).abs() < 4.0 * (2.0 / 7200f64).sqrt(), "{mean}");
        // sqrt(flux / exposure + 10^2 * 720 / exposure^2), this window being on the output B of 7.5 electrons.
        let exposure = 1800.0 * LIVE;
        let wanted = (f64::from(model[1][0]) / exposure + 7.5 * 7.5 * 720.0 / (exposure * exposure)).sqrt();
        assert!((f64::from(model[2][0]) / wanted - 1.0).abs() < 1e-5);
    }

    #[test]
    fn tica_holds_electrons_and_the_spacecrafts_times() {
        let spoc = lonely(window(1), 9.0).frame(0).unwrap();
        let tica = lonely(SectorOptions { product: Product::Tica, ..window(1) }, 9.0);
        let (tica_times, tica) = (tica.times(0), tica.frame(0).unwrap());
        assert_eq!(tica.name, "hlsp_tica_tess_ffi_s0001-o1-00004697-cam4-ccd2_tess_v01_img.fits");
        let ((spoc_hdus, spoc), (tica_hdus, tica)) = (read(&spoc), read(&tica));
        let ratio = f64::from(tica[0][100] / spoc[1][100]);
        assert!((ratio / (1800.0 * 0.792) - 1.0).abs() < 1e-6);
        let barycentric = spoc_hdus[1].header.number("BARYCORR").unwrap();
        let middle = tica_hdus[0].header.number("MIDTJD").unwrap();
        assert!((middle + barycentric - tica_times.mid_btjd).abs() < 1e-9);
    }

    #[test]
    fn a_variable_swings_with_its_amplitude_and_period() {
        let mut sector = lonely(window(40), 9.0);
        let signal = Signal::Sine { amplitude: 0.2, period_d: 0.3, epoch_btjd: 1325.35 };
        sector.truth.sources[0].signal = signal;
        let mean = sector.truth.sources[0].flux_e_per_s;
        let (mut least, mut most) = (f64::MAX, 0.0f64);
        for n in 0..40 {
            let (_, planes) = read(&sector.frame(n).unwrap());
            let place = sector.place_px(&sector.truth.sources[0], n).unwrap();
            let (sum, ..) = aperture(&planes[1], 90, place);
            let phase = (sector.times(n).mid_btjd - 1325.35) / 0.3;
            let wanted = 1.0 + 0.2 * (std::f64::consts::TAU * phase).sin();
            assert!((sum / mean - wanted).abs() < 3e-4, "frame {n}: {} instead of {wanted}", sum / mean);
            (least, most) = (least.min(sum / mean), most.max(sum / mean));
        }
        assert!(least < 0.81 && most > 1.19);
    }

    #[test]
    fn drawn_variables_transits_and_transients_show_in_the_pixels() {
        let options =
            SectorOptions { noise: false, frames: 120, jitter_px: 0.0, variables: 0.4, ..window(120) };
        let sector = Sector::new(options, &Stars::embedded()).unwrap();
        let truth = sector.truth();
        assert_eq!(truth.of_kind(Kind::Transit).count(), 5);
        assert_eq!((truth.of_kind(Kind::Transient).count(), truth.tracks.len()), (2, 2));
        assert!(truth.of_kind(Kind::Variable).count() > 0 && truth.of_kind(Kind::Synthetic).count() > 3);
        for source in truth.of_kind(Kind::Transit) {
            let Signal::Transit { depth, .. } = source.signal else { panic!("{source:?}") };
            let fluxes: Vec<f64> = (0..120).map(|n| sector.flux_e_per_s(source, n)).collect();
            let (least, most) =
                (fluxes.iter().copied().fold(f64::MAX, f64::min), fluxes.iter().copied().fold(0.0, f64::max));
            assert!((1.0 - least / most - depth).abs() < 1e-9, "{source:?}");
            let before = fluxes.iter().position(|flux| *flux == most).unwrap();
            let during = fluxes.iter().position(|flux| *flux == least).unwrap();
            let central = |n: usize| {
                let (_, planes) = read(&sector.frame(n).unwrap());
                f64::from(planes[1][source.y.round() as usize * 90 + source.x.round() as usize])
            };
            // The central pixel holds a fifth of the light at least; others' light in it changes too, but here less.
            assert!(central(during) < central(before), "{source:?}");
        }
    }

    #[test]
    fn a_transit_takes_its_depth_from_the_light() {
        let mut sector = lonely(window(12), 9.0);
        let epoch_btjd = sector.times(6).mid_btjd;
        sector.truth.sources[0].signal =
            Signal::Transit { depth: 0.02, period_d: 3.0, epoch_btjd, duration_d: 0.1 };
        let sum = |n: usize| {
            let (_, planes) = read(&sector.frame(n).unwrap());
            aperture(&planes[1], 90, sector.place_px(&sector.truth.sources[0], n).unwrap()).0
        };
        assert!((sum(6) / sum(0) - 0.98).abs() < 3e-4 && (sum(11) / sum(0) - 1.0).abs() < 3e-4);
    }

    #[test]
    fn a_mover_is_where_its_track_says_in_every_frame() {
        let options = SectorOptions {
            noise: false,
            faint_per_chip: 0,
            transients: 0,
            movers: 1,
            jitter_px: 0.2,
            ..window(48)
        };
        let sector = Sector::new(options, &Stars::none()).unwrap();
        let (truth, mut way) = (sector.truth(), 0.0f64);
        for n in 0..48 {
            let [time, ra, dec] = truth.tracks[0].points[n];
            assert_eq!(time, sector.times(n).mid_btjd);
            let (hdus, planes) = read(&sector.frame(n).unwrap());
            let (x0, y0) = header_wcs(&hdus[1].header).sky_to_pixel(ra, dec).unwrap();
            let (_, x, y) = aperture(&planes[1], 90, (x0, y0));
            assert!((x - x0).hypot(y - y0) < 0.02, "frame {n}: {x} {y}, track {x0} {y0}");
            way = way.max((x0 - truth.sources[0].x).hypot(y0 - truth.sources[0].y));
        }
        assert!(way > 3.0, "{way}");
    }

    #[test]
    fn bad_frames_have_the_faults_asked_for() {
        let bad = BadFrames {
            without_wcs: vec![0],
            flagged: vec![(1, 32), (1, 128)],
            all_zero: vec![2],
            truncated: vec![3],
            wrong_chip: vec![4],
            wrong_size: vec![5],
            duplicated: vec![6],
            missing: vec![7],
        };
        for product in [Product::Spoc, Product::Tica] {
            let sector =
                Sector::new(SectorOptions { product, bad: bad.clone(), ..window(9) }, &Stars::embedded())
                    .unwrap();
            let frames: Vec<Frame> = (0..9).map(|n| sector.frame(n).unwrap()).collect();
            let at = if product == Product::Spoc { 1 } else { 0 };
            let header = |n: usize| read(&frames[n]).0[at].header.clone();
            let flags = |n| header(n).integer(if at == 1 { "DQUALITY" } else { "QUAL_BIT" });
            assert!(header(0).get("CTYPE1").is_none() && header(0).integer("WCSAXES").unwrap_or(0) == 0);
            assert_eq!((flags(1), flags(2)), (Some(160), Some(0)));
            assert!(read(&frames[2]).1[at].iter().all(|pixel| *pixel == 0.0));
            assert!(matches!(
                read_hdus(&frames[3].bytes),
                Err(uranometria_fits::Error::Truncated { .. } | uranometria_fits::Error::InHdu { .. })
            ));
            assert_eq!(header(4).integer(if at == 1 { "CCD" } else { "CCDNUM" }), Some(3));
            assert!(frames[4].name.contains(if at == 1 { "-4-3-" } else { "cam4-ccd3" }));
            assert_eq!(header(5).integer("NAXIS2"), Some(79));
            assert_eq!(header(8).integer("NAXIS2"), Some(80));

            let files = sector.files();
            let numbers: Vec<usize> = files.iter().map(|file| file.frame).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 6, 8]);
            let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            for file in &files {
                assert_eq!(file.len, frames[file.frame].bytes.len() as u64);
            }
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 9);
        }
    }

    #[test]
    fn pixels_off_the_sky_carry_no_stars() {
        // The upper right corner of the chip.
        let options = SectorOptions { columns: 60, rows: 50, column0: 2076, row0: 2028, ..window(1) };
        let (_, planes) = read(&Sector::new(options, &Stars::embedded()).unwrap().frame(0).unwrap());
        for (at, pixel) in planes[1].iter().enumerate() {
            let sky = at % 60 < 16 && at / 60 < 20;
            assert_eq!(*pixel > 20.0, sky, "{} {}: {pixel}", at % 60, at / 60);
        }
    }

    #[test]
    fn windows_of_one_seed_show_the_same_stars() {
        let bare = SectorOptions { transits: 0, transients: 0, movers: 0, noise: false, ..window(1) };
        let inner = SectorOptions { columns: 50, rows: 40, column0: 1020, row0: 710, ..bare.clone() };
        let outer = read(&Sector::new(bare, &Stars::embedded()).unwrap().frame(0).unwrap()).1.remove(1);
        let inner = read(&Sector::new(inner, &Stars::embedded()).unwrap().frame(0).unwrap()).1.remove(1);
        for (y, row) in inner.chunks(50).enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                let same = outer[(y + 10) * 90 + x + 20];
                assert!((pixel - same).abs() <= same.abs() * 1e-5, "{x} {y}: {pixel} {same}");
            }
        }
    }

    #[test]
    fn a_gap_in_the_middle_moves_the_second_half() {
        let sector = lonely(SectorOptions { gap_d: Some(1.0), ..window(5) }, 9.0);
        let starts: Vec<f64> =
            (0..5).map(|n| sector.times(n).start_btjd - sector.times(0).start_btjd).collect();
        for (found, cadences) in starts.into_iter().zip([0, 1, 2, 51, 52]) {
            assert!((found - f64::from(cadences) / 48.0).abs() < 1e-9);
        }
        let header = read(&sector.frame(4).unwrap()).0[1].header.clone();
        assert_eq!(header.integer("FFIINDEX"), Some(4697 + 52));
    }

    #[test]
    fn proper_motion_moves_a_star_from_2016_to_the_sector() {
        let mut moving = star("fast", 40.0, 30.0, 8.0);
        (moving.pmra_mas_per_year, moving.pmdec_mas_per_year) = (-3600.0, 7200.0);
        let stars = Stars::new(vec![moving.clone()]);
        let source = Sector::new(window(2), &stars).unwrap().truth().sources[0].clone();
        let years = (1325.2956 + 1.0 / 48.0 + 2_457_000.0 - 2_457_389.0) / 365.25;
        let east = (source.ra_deg - moving.ra_deg) * moving.dec_deg.to_radians().cos() * 3600.0;
        let north = (source.dec_deg - moving.dec_deg) * 3600.0;
        assert!((east + 3.6 * years).abs() < 1e-6 && (north - 7.2 * years).abs() < 1e-6, "{east} {north}");
    }

    #[test]
    fn a_chip_without_given_stars_is_an_error_with_a_way_out() {
        let options = SectorOptions { sector: 56, ..window(1) };
        let error = Sector::new(options.clone(), &Stars::embedded()).unwrap_err().to_string();
        assert_eq!(
            error,
            "none of 4610 stars falls on sector 56, camera 4, ccd 2; the embedded stars cover camera and ccd 1/1, \
             2/2, 3/3 and 4/2 of sector 1, or give stars of that part of the sky (ra 286.0 dec 70.7, 12 degrees across)"
        );
        assert!(Sector::new(options, &Stars::none()).is_ok());
        let missing = Sector::new(window(3), &Stars::embedded()).unwrap().frame(3).unwrap_err();
        assert_eq!(missing.to_string(), "frame 3 does not exist, expected 0..3");
    }

    #[test]
    fn the_smallest_windows_can_be_made() {
        for (column0, row0, columns, rows) in
            [(0, 0, 1, 1), (2135, 2077, 1, 1), (44, 0, 1, 3), (0, 2048, 2136, 1)]
        {
            let options = SectorOptions { column0, row0, columns, rows, ..window(1) };
            let frame = Sector::new(options, &Stars::embedded()).unwrap().frame(0).unwrap();
            assert_eq!(read(&frame).1[1].len(), columns * rows);
        }
    }
}
