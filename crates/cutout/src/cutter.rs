//! From a place to a cutout: position, stamp, world coordinates, motion.

use std::ops::Range;

use uranometria_cube::Cube;
use uranometria_fits::Source;
use uranometria_sky::{Direction, Track};
use uranometria_wcs::{LinearFit, fit_stamp};

use crate::{Error, Place, Size, Stamp};

/// An open cube with what all its cutouts share, parsed once.
#[derive(Debug)]
pub struct Cutter<S> {
    cube: Cube<S>,
    pub(crate) timecorr: Vec<f32>,
    pub(crate) cadences: Vec<i32>,
    pub(crate) quality: Vec<i32>,
    pub(crate) file_names: Vec<String>,
    pub(crate) file_name_width: usize,
}

/// Frames that share a stamp: all of them, or, of a moving target, those taken while it crossed one pixel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) frames: Range<usize>,
    pub(crate) stamp: Stamp,
}

/// Where a target is in each frame of its cutout.
#[derive(Clone, Debug)]
pub(crate) struct Motion {
    /// Position of a moving target, by frame of the cutout; empty for a fixed one.
    pub(crate) positions: Vec<Direction>,
    /// Offset in columns from where the stamp's coordinates have the target, by frame; NaN where not known.
    pub(crate) dx: Vec<f32>,
    /// The same in rows.
    pub(crate) dy: Vec<f32>,
}

/// The pixels of one place in all frames of a cube, not read yet.
#[derive(Debug)]
pub struct Cutout<'a, S> {
    pub(crate) cutter: &'a Cutter<S>,
    /// The stamp; of a moving target that of the frame nearest to the middle of its passage.
    pub(crate) stamp: Stamp,
    pub(crate) runs: Vec<Run>,
    pub(crate) position: Option<Direction>,
    pub(crate) fit: Option<LinearFit>,
    /// The frame whose coordinates were fitted.
    pub(crate) wcs_frame: Option<usize>,
    pub(crate) motion: Motion,
    pub(crate) object: String,
}

impl<S: Source> Cutter<S> {
    /// Prepares a cube for cutting.
    pub fn new(cube: Cube<S>) -> Self {
        let file_names = cube.file_names();
        Cutter {
            timecorr: cube.barycentric_corrections(),
            cadences: cube.cadences(),
            quality: cube.quality(),
            file_name_width: file_names.iter().map(String::len).max().unwrap_or(0).max(1),
            file_names,
            cube,
        }
    }

    /// The cube.
    pub fn cube(&self) -> &Cube<S> {
        &self.cube
    }

    /// Finds the pixels around a fixed place.
    ///
    /// Pixels off the frame are NaN. `POS_CORR` holds how far the target moves on the detector, from the world
    /// coordinates of each frame.
    ///
    /// # Errors
    /// [`Error::OffFrame`] where no pixel of the stamp is on the frame; [`Error::Size`]; [`Error::Cube`] for a
    /// position on the sky in a cube without world coordinates.
    pub fn cut(&self, place: Place, size: Size) -> Result<Cutout<'_, S>, Error> {
        let layout = self.cube.layout();
        let wcs = self.cube.wcs();
        let (columns, rows) = size.pixels(wcs.as_ref().ok().map(|of| &of.wcs))?;
        let (x, y, position) = match place {
            Place::Sky(position) => {
                let (x, y) = wcs?
                    .wcs
                    .sky_to_pixel(position.ra_deg(), position.dec_deg())
                    .map_err(|error| self.off(&place, format!(": {error}")))?;
                (x, y, Some(position))
            }
            Place::Pixel { x, y } => {
                let sky = wcs.ok().map(|of| of.wcs.pixel_to_sky(x, y));
                (x, y, sky.and_then(|(ra, dec)| Direction::from_degrees(ra, dec).ok()))
            }
        };
        if !(x.abs() < 1e9 && y.abs() < 1e9) {
            return Err(self.off(&place, String::new()));
        }
        let stamp = Stamp::around(x, y, columns, rows);
        if !stamp.touches(layout.columns, layout.rows) {
            return Err(self.off(&place, format!(": it is at column {x:.1}, row {y:.1}")));
        }
        let (fit, wcs_frame) = match self.cube.wcs() {
            Ok(of) => (Some(fit_stamp(&of.wcs, stamp.x0, stamp.y0, columns, rows)?), Some(of.frame)),
            Err(_) => (None, None),
        };
        Ok(Cutout {
            cutter: self,
            stamp,
            runs: vec![Run { frames: 0..layout.frames, stamp }],
            position,
            fit,
            wcs_frame,
            motion: self.motion_of_fixed(position, (x, y)),
            object: String::new(),
        })
    }

    fn off(&self, place: &Place, reason: String) -> Error {
        let layout = self.cube.layout();
        let place = match place {
            Place::Sky(at) => format!("RA {} Dec {} deg", at.ra_deg(), at.dec_deg()),
            Place::Pixel { x, y } => format!("column {x}, row {y}"),
        };
        Error::OffFrame { place, columns: layout.columns, rows: layout.rows, reason }
    }

    /// How far a fixed target lies from its place in the reference frame, in every frame.
    fn motion_of_fixed(&self, position: Option<Direction>, at: (f64, f64)) -> Motion {
        let frames = self.cube.layout().frames;
        let (Some(position), Ok(reference)) = (position, self.cube.wcs()) else {
            return Motion { positions: Vec::new(), dx: vec![f32::NAN; frames], dy: vec![f32::NAN; frames] };
        };
        let (distinct, numbers) = self.cube.wcs_of_frames();
        let own = numbers[reference.frame];
        let offsets: Vec<(f32, f32)> = (0..)
            .zip(distinct)
            .map(|(number, wcs)| {
                if Some(number) == own {
                    return (0.0, 0.0);
                }
                match wcs.sky_to_pixel_near(position.ra_deg(), position.dec_deg(), at) {
                    Ok((x, y)) => ((x - at.0) as f32, (y - at.1) as f32),
                    Err(_) => (f32::NAN, f32::NAN),
                }
            })
            .collect();
        let of_frame = |n: &Option<usize>| n.map_or((f32::NAN, f32::NAN), |n| offsets[n]);
        let (dx, dy) = numbers.iter().map(of_frame).unzip();
        Motion { positions: Vec::new(), dx, dy }
    }

    /// Follows a moving target: each frame has the stamp around where the target then was.
    ///
    /// `track` is against the times of the frames: BTJD (TDB) of SPOC frames; of TICA frames times at the spacecraft,
    /// which are up to 8 minutes away from that and are not corrected here. Frames outside the track, without a time, or with no
    /// pixel of the stamp on the chip are left out. The pixel nearest to the target is the central one; `POS_CORR`
    /// holds how far from that pixel's centre it is.
    ///
    /// # Errors
    /// [`Error::TrackOffFrames`], [`Error::Size`], [`Error::Cube`] for a cube without world coordinates.
    pub fn follow(&self, track: &Track, size: Size) -> Result<Cutout<'_, S>, Error> {
        let layout = self.cube.layout();
        let reference = self.cube.wcs()?;
        let (columns, rows) = size.pixels(Some(&reference.wcs))?;
        let (distinct, numbers) = self.cube.wcs_of_frames();
        let mut runs: Vec<Run> = Vec::new();
        let mut motion = Motion { positions: Vec::new(), dx: Vec::new(), dy: Vec::new() };
        let mut frames: Vec<usize> = Vec::new();
        for (frame, time) in self.cube.times().iter().enumerate() {
            let Some(position) = track.at(*time) else { continue };
            let wcs = numbers[frame].map_or(&reference.wcs, |number| &distinct[number]);
            let Ok((x, y)) = wcs.sky_to_pixel(position.ra_deg(), position.dec_deg()) else { continue };
            let stamp = Stamp::around(x, y, columns, rows);
            if !stamp.touches(layout.columns, layout.rows) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.stamp == stamp && run.frames.end == frame => run.frames.end += 1,
                _ => runs.push(Run { frames: frame..frame + 1, stamp }),
            }
            motion.dx.push((x - (stamp.x0 + columns as i64 / 2) as f64) as f32);
            motion.dy.push((y - (stamp.y0 + rows as i64 / 2) as f64) as f32);
            motion.positions.push(position);
            frames.push(frame);
        }
        let Some(middle) = frames.get(frames.len() / 2).copied() else {
            let (from, to) = track.span();
            let times = self.cube.times();
            let finite: Vec<f64> = times.iter().copied().filter(|time| time.is_finite()).collect();
            return Err(Error::TrackOffFrames {
                from,
                to,
                frames: times.len(),
                first: finite.first().copied().unwrap_or(f64::NAN),
                last: finite.last().copied().unwrap_or(f64::NAN),
            });
        };
        let position = motion.positions[frames.len() / 2];
        let (wcs, wcs_frame) = match numbers[middle] {
            Some(number) => (&distinct[number], middle),
            None => (&reference.wcs, reference.frame),
        };
        let run = runs.iter().find(|run| run.frames.contains(&middle)).unwrap_or(&runs[0]);
        let stamp = run.stamp;
        Ok(Cutout {
            cutter: self,
            stamp,
            fit: Some(fit_stamp(wcs, stamp.x0, stamp.y0, columns, rows)?),
            runs,
            position: Some(position),
            wcs_frame: Some(wcs_frame),
            motion,
            object: String::new(),
        })
    }
}

impl<S: Source> Cutout<'_, S> {
    /// Names the target, for OBJECT.
    pub fn named(mut self, object: impl Into<String>) -> Self {
        self.object = object.into();
        self
    }

    /// The unit of the flux.
    pub fn flux_unit(&self) -> &'static str {
        self.cutter.cube.product().flux_unit()
    }

    /// The pixels covered; of a moving target those in the middle of its passage.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The position of the target; of a moving one that in the middle of its passage.
    pub fn position(&self) -> Option<Direction> {
        self.position
    }

    /// The linear world coordinates of the stamp and how well they fit the frame's.
    pub fn fit(&self) -> Option<&LinearFit> {
        self.fit.as_ref()
    }

    /// The frames of the cube that are in the cutout, in order.
    pub fn frames(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().flat_map(|run| run.frames.clone())
    }

    /// The corner of each frame's stamp: CCD column and row of its first pixel, from 1.
    pub fn corners(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let corner = |run: &Run| (run.stamp.x0 + 1, run.stamp.y0 + 1);
        self.runs.iter().flat_map(move |run| std::iter::repeat_n(corner(run), run.frames.len()))
    }

    /// Number of frames in the cutout.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.frames.len()).sum()
    }

    /// Whether there is no frame in the cutout.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the target moves.
    pub fn is_moving(&self) -> bool {
        !self.motion.positions.is_empty()
    }
}
