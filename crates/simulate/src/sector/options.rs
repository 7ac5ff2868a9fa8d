//! What to simulate.

use crate::Error;

/// Columns of a chip, collateral ones included.
pub const CHIP_COLUMNS: usize = 2136;

/// Rows of a chip, collateral ones included.
pub const CHIP_ROWS: usize = 2078;

/// The layout of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Product {
    /// SPOC's `ffic`: an empty primary HDU, flux and uncertainty in electrons a second; times at the barycentre.
    #[default]
    Spoc,
    /// TICA: one HDU with electrons a frame; times at the spacecraft.
    Tica,
}

/// Which chip, which pixels, which frames, and what is in them.
///
/// The default is 20 whole frames of sector 1, camera 1, CCD 1, in SPOC's layout, 30 minutes apart.
#[derive(Clone, Debug, PartialEq)]
pub struct SectorOptions {
    /// The sector: 1, 27 or 56.
    pub sector: u32,
    /// The camera, 1 to 4.
    pub camera: u32,
    /// The chip of the camera, 1 to 4.
    pub ccd: u32,
    /// The layout of the files.
    pub product: Product,
    /// How many frames.
    pub frames: usize,
    /// Seconds from the start of one frame to that of the next, 2 to 86,400.
    pub cadence_s: f64,
    /// Columns of a frame: a frame is the window of the chip that begins at (`column0`, `row0`), and CRPIX is moved
    /// so that its coordinates stay the real ones.
    pub columns: usize,
    /// Rows of a frame.
    pub rows: usize,
    /// First column of the window, 0-based.
    pub column0: usize,
    /// First row of the window, 0-based.
    pub row0: usize,
    /// The seed of everything random. Windows of one chip with one seed show the same stars.
    pub seed: u64,
    /// Size in pixels of the drift of the pointing; the jitter from frame to frame is a fifth of it. Both move the
    /// sources and CRPIX, so every frame has true coordinates of its own. 0: all frames have the same.
    pub jitter_px: f64,
    /// Whether pixels carry noise; without it they hold the model itself.
    pub noise: bool,
    /// How many synthetic stars of magnitude 10 to 15 a whole chip gets; a window gets its share.
    pub faint_per_chip: usize,
    /// The fraction of stars that vary sinusoidally, 0 to 1.
    pub variables: f64,
    /// At most how many of the brighter stars are eclipsed by a planet; fewer where there are fewer stars.
    pub transits: usize,
    /// How many new stars flare up and fade.
    pub transients: usize,
    /// How many asteroids cross the frame.
    pub movers: usize,
    /// Days without frames in the middle, while the spacecraft sends its data to Earth; rounded to whole cadences.
    pub gap_d: Option<f64>,
    /// Frames that are not as they should be.
    pub bad: BadFrames,
    /// Whether files carry DATASUM and CHECKSUM.
    pub checksum: bool,
}

impl Default for SectorOptions {
    fn default() -> Self {
        SectorOptions {
            sector: 1,
            camera: 1,
            ccd: 1,
            product: Product::Spoc,
            frames: 20,
            cadence_s: 1800.0,
            columns: CHIP_COLUMNS,
            rows: CHIP_ROWS,
            column0: 0,
            row0: 0,
            seed: 1,
            jitter_px: 0.05,
            noise: true,
            faint_per_chip: 6000,
            variables: 0.1,
            transits: 5,
            transients: 2,
            movers: 2,
            gap_d: None,
            bad: BadFrames::default(),
            checksum: true,
        }
    }
}

/// Frames with the faults that archives meet; numbers of frames, counted from 0. One frame may have several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadFrames {
    /// Without coordinates: WCSAXES is 0 and the other keywords are missing.
    pub without_wcs: Vec<usize>,
    /// Flagged: the frame and its bits of DQUALITY (SPOC) or QUAL_BIT (TICA).
    pub flagged: Vec<(usize, u32)>,
    /// All pixels are 0.
    pub all_zero: Vec<usize>,
    /// The file ends at six tenths of its length.
    pub truncated: Vec<usize>,
    /// Name, header and coordinates are those of the camera's next chip.
    pub wrong_chip: Vec<usize>,
    /// The last row is missing.
    pub wrong_size: Vec<usize>,
    /// There twice: the same bytes once more under another name.
    pub duplicated: Vec<usize>,
    /// Not there.
    pub missing: Vec<usize>,
}

impl BadFrames {
    fn lists(&self) -> [(&'static str, Vec<usize>); 8] {
        [
            ("bad.without_wcs", self.without_wcs.clone()),
            ("bad.flagged", self.flagged.iter().map(|(frame, _)| *frame).collect()),
            ("bad.all_zero", self.all_zero.clone()),
            ("bad.truncated", self.truncated.clone()),
            ("bad.wrong_chip", self.wrong_chip.clone()),
            ("bad.wrong_size", self.wrong_size.clone()),
            ("bad.duplicated", self.duplicated.clone()),
            ("bad.missing", self.missing.clone()),
        ]
    }

    /// The bits of a frame's quality, 0 if it is not flagged.
    pub(crate) fn flags(&self, frame: usize) -> u32 {
        let of_frame = self.flagged.iter().filter(|(flagged, _)| *flagged == frame);
        of_frame.fold(0, |bits, (_, more)| bits | more)
    }
}

impl SectorOptions {
    /// Days from the start of one frame to that of the next.
    pub(crate) fn cadence_d(&self) -> f64 {
        self.cadence_s / 86_400.0
    }

    /// Checks what does not need the stars.
    ///
    /// # Errors
    /// [`Error::Option`] for the first value that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        within("camera", self.camera, 1, 4)?;
        within("ccd", self.ccd, 1, 4)?;
        within("frames", self.frames, 1, 10_000_000)?;
        within("cadence_s", self.cadence_s, 2.0, 86_400.0)?;
        within("column0", self.column0, 0, CHIP_COLUMNS - 1)?;
        within("row0", self.row0, 0, CHIP_ROWS - 1)?;
        within("columns", self.columns, 1, CHIP_COLUMNS - self.column0)?;
        // A row must be left where the last one is taken away.
        let fewest = if self.bad.wrong_size.is_empty() { 1 } else { 2 };
        within("rows", self.rows, fewest, CHIP_ROWS - self.row0)?;
        within("jitter_px", self.jitter_px, 0.0, 100.0)?;
        within("faint_per_chip", self.faint_per_chip, 0, 10_000_000)?;
        within("variables", self.variables, 0.0, 1.0)?;
        within("transits", self.transits, 0, 100_000)?;
        within("transients", self.transients, 0, 100_000)?;
        within("movers", self.movers, 0, 100_000)?;
        if let Some(gap_d) = self.gap_d {
            within("gap_d", gap_d, 0.0, 27.4)?;
        }
        for (list, frames) in self.bad.lists() {
            for frame in frames {
                within(list, frame, 0, self.frames - 1)?;
            }
        }
        for (_, bits) in &self.bad.flagged {
            within("bad.flagged", *bits, 0, i32::MAX as u32)?;
        }
        Ok(())
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    option: &'static str,
    found: T,
    low: T,
    high: T,
) -> Result<(), Error> {
    if found >= low && found <= high {
        return Ok(());
    }
    Err(Error::Option { option, found: found.to_string(), wanted: format!("{low}..={high}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut SectorOptions), message: &str) {
        let mut options = SectorOptions::default();
        change(&mut options);
        assert_eq!(options.check().unwrap_err().to_string(), message);
    }

    #[test]
    fn values_that_cannot_be_are_named_with_what_can() {
        assert!(SectorOptions::default().check().is_ok());
        check(|o| o.camera = 5, "camera is 5, expected 1..=4");
        check(|o| o.ccd = 0, "ccd is 0, expected 1..=4");
        check(|o| o.frames = 0, "frames is 0, expected 1..=10000000");
        check(|o| o.cadence_s = 0.0, "cadence_s is 0, expected 2..=86400");
        check(|o| o.cadence_s = f64::NAN, "cadence_s is NaN, expected 2..=86400");
        check(|o| o.column0 = 100, "columns is 2136, expected 1..=2036");
        check(|o| o.column0 = 2136, "column0 is 2136, expected 0..=2135");
        check(|o| o.rows = 0, "rows is 0, expected 1..=2078");
        check(|o| o.jitter_px = -1.0, "jitter_px is -1, expected 0..=100");
        check(|o| o.variables = 1.5, "variables is 1.5, expected 0..=1");
        check(|o| o.bad.missing = vec![3, 20], "bad.missing is 20, expected 0..=19");
        let flagged = |o: &mut SectorOptions| o.bad.flagged = vec![(1, u32::MAX)];
        check(flagged, "bad.flagged is 4294967295, expected 0..=2147483647");
    }
}
