//! What conditions look things up in: catalogues, watch lists, maps. Where these come from is the caller's business.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use uranometria_sky::{Angle, Direction, Moc, healpix};

use super::Conditions;

/// Positions with which others are matched, such as a catalogue.
pub trait Counterparts: fmt::Debug + Send + Sync {
    /// The columns that conditions on counterparts may name.
    fn schema(&self) -> SchemaRef;

    /// Gives the distance of the nearest counterpart of each position, arcseconds; NaN where there is none within the
    /// radius or the position is NaN. `condition` says which counterparts count.
    ///
    /// # Errors
    /// What went wrong with reading, a fragment of text.
    fn nearest(
        &self,
        ra_deg: &[f64],
        dec_deg: &[f64],
        radius: Angle,
        condition: Option<&Conditions>,
    ) -> Result<Vec<f64>, String>;
}

/// Finds what conditions name in quotes. All errors are fragments of text that say what there is instead.
pub trait Sources {
    /// Finds a catalogue.
    ///
    /// # Errors
    /// There is none of that name.
    fn catalogue(&self, name: &str) -> Result<Arc<dyn Counterparts>, String>;

    /// Finds a list of positions or names; positions without a radius of their own get the one given, or an arcsecond.
    ///
    /// # Errors
    /// There is none of that name.
    fn watch_list(&self, name: &str, radius: Option<Angle>) -> Result<Arc<WatchList>, String>;

    /// Finds a map of the sky.
    ///
    /// # Errors
    /// There is none of that name.
    fn moc(&self, name: &str) -> Result<Arc<Moc>, String>;

    /// The files behind all that was found so far, as they were when they were read.
    fn files(&self) -> Vec<SourceFile> {
        Vec::new()
    }
}

/// A file that conditions look into: where it changes, so may what they give.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// When it was changed, nanoseconds since 1970; 0 where nobody knows.
    pub modified_ns: u64,
}

/// Nothing but maps that are written into the condition as text: `IN_MOC('3/12 14-17')`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn catalogue(&self, name: &str) -> Result<Arc<dyn Counterparts>, String> {
        Err(format!("there is no catalogue '{name}': no archive was given"))
    }

    fn watch_list(&self, name: &str, _: Option<Angle>) -> Result<Arc<WatchList>, String> {
        Err(format!("there is no watch list '{name}': no files were given"))
    }

    fn moc(&self, name: &str) -> Result<Arc<Moc>, String> {
        let wrong = |error| format!("'{name}' is no MOC in ASCII: {error}");
        Ok(Arc::new(Moc::from_ascii(name).map_err(wrong)?))
    }
}

/// What somebody waits for: circles on the sky, or names of objects.
#[derive(Clone, Debug)]
pub enum WatchList {
    /// Circles.
    Places(Places),
    /// Names, compared with the alert's object.
    Names(HashSet<String>),
}

/// Circles on the sky that are quickly found.
#[derive(Clone, Debug)]
pub struct Places {
    /// The depth of the cells by which they are sorted.
    depth: u8,
    /// A cell that a circle reaches, and its place in `centres`; ascending.
    cells: Vec<(u64, u32)>,
    /// Unit vectors of the centres and the squared chords of the radii.
    centres: Vec<([f64; 3], f64)>,
}

impl Places {
    /// Takes centres, ICRS degrees, and radii.
    ///
    /// # Errors
    /// Positions and radii that are none, with the row from 1; radii above 10 degrees.
    pub fn new(ra_deg: &[f64], dec_deg: &[f64], radii: &[Angle]) -> Result<Self, String> {
        if ra_deg.len() != dec_deg.len() || ra_deg.len() != radii.len() {
            return Err("there are not as many declinations and radii as right ascensions".into());
        }
        let most = radii.iter().map(|radius| radius.degrees()).fold(0.0, f64::max);
        let around = healpix::Around::new(Angle::from_degrees(most.clamp(1e-7, 10.0)), 1)
            .ok_or("the radii are too wide for cells")?;
        let (mut cells, mut centres, mut reached) = (Vec::new(), Vec::new(), Vec::new());
        for (row, ((ra, dec), radius)) in ra_deg.iter().zip(dec_deg).zip(radii).enumerate() {
            if !(0.0..=10.0).contains(&radius.degrees()) {
                return Err(format!(
                    "row {}: radius is {} degrees, expected 0 to 10",
                    row + 1,
                    radius.degrees()
                ));
            }
            let centre =
                Direction::from_degrees(*ra, *dec).map_err(|error| format!("row {}: {error}", row + 1))?;
            reached.clear();
            around.cells(&centre, &mut reached);
            let at = u32::try_from(row).map_err(|_| "there are more than 4 billion rows".to_string())?;
            cells.extend(reached.iter().map(|cell| (*cell, at)));
            centres.push((centre.unit_vector(), square_of_chord(*radius)));
        }
        cells.sort_unstable();
        Ok(Places { depth: around.depth(), cells, centres })
    }

    /// Whether a position is in any of the circles, their edges included.
    pub fn contains(&self, ra_deg: f64, dec_deg: f64) -> bool {
        let Ok(place) = Direction::from_degrees(ra_deg, dec_deg) else { return false };
        let Ok(cell) = healpix::hash(self.depth, ra_deg, dec_deg) else { return false };
        let at = self.cells.partition_point(|(other, _)| *other < cell);
        let vector = place.unit_vector();
        self.cells[at..].iter().take_while(|(other, _)| *other == cell).any(|(_, row)| {
            let (centre, most) = &self.centres[*row as usize];
            square_between(&vector, centre) <= *most
        })
    }
}

/// The square of the chord that an angle spans on the unit sphere, with room for rounding.
pub(crate) fn square_of_chord(angle: Angle) -> f64 {
    let chord = 2.0 * (angle.radians() / 2.0).sin();
    chord * chord * (1.0 + 1e-12)
}

/// The square of the distance of two vectors.
pub(crate) fn square_between(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
