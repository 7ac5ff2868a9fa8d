//! Pixels from series to frames: the turn back.
//!
//! The cube has `[y][x][time][plane]`, a table row of a cutout has `[y][x]` of one frame, so words are scattered from
//! each pixel's series into many rows. Rows are made a few dozen at a time, so that they stay in the cache.

use std::ops::Range;

use uranometria_cube::Cube;
use uranometria_fits::Source;

use crate::cutter::Run;
use crate::{Cutout, Error};

/// Where a frame's pixels go: into `rows` of `row_len` bytes, flux at one offset and error at another.
pub(crate) struct Rows<'a> {
    pub(crate) bytes: &'a mut [u8],
    pub(crate) row_len: usize,
    pub(crate) flux: usize,
    pub(crate) error: Option<usize>,
}

/// The series of a stamp, borrowed from a mapped cube or read once.
pub(crate) struct Series<'a> {
    segments: Vec<Segment<'a>>,
    planes: usize,
    frames: usize,
}

/// One row of a stamp: the series of its pixels on the frame, one after another.
struct Segment<'a> {
    row: usize,
    columns: Range<usize>,
    words: Words<'a>,
}

enum Words<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl Words<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Words::Borrowed(bytes) => bytes,
            Words::Owned(bytes) => bytes,
        }
    }
}

impl<'a> Series<'a> {
    /// Takes the series of all pixels of a run that lie on the frame.
    pub(crate) fn of<S: Source>(cube: &'a Cube<S>, run: &Run) -> Result<Self, Error> {
        let layout = cube.layout();
        let stamp = run.stamp;
        let columns = stamp.columns_on(layout.columns);
        let mut segments = Vec::new();
        for row in stamp.rows_on(layout.rows) {
            let y = (stamp.y0 + row as i64) as usize;
            let x = |column: usize| (stamp.x0 + column as i64) as usize;
            let mut scratch = Vec::new();
            let words = match cube.borrow_row_segment(y, x(columns.start)..x(columns.end))? {
                Some(bytes) => Words::Borrowed(bytes),
                None => {
                    cube.row_segment(y, x(columns.start)..x(columns.end), &mut scratch)?;
                    Words::Owned(scratch)
                }
            };
            segments.push(Segment { row, columns: columns.clone(), words });
        }
        Ok(Series { segments, planes: layout.planes, frames: layout.frames })
    }

    /// Writes the pixels of `frames` into rows; pixels off the frame are left as they are.
    pub(crate) fn scatter(&self, stamp_columns: usize, frames: Range<usize>, rows: &mut Rows<'_>) {
        let planes = self.planes;
        let from = frames.start;
        for segment in &self.segments {
            let words = segment.words.bytes().as_chunks::<4>().0;
            let series = words.chunks_exact(self.frames * planes);
            for (column, series) in segment.columns.clone().zip(series) {
                let at = (segment.row * stamp_columns + column) * 4;
                let part = &series[from * planes..(from + frames.len()) * planes];
                let places = rows.bytes.chunks_exact_mut(rows.row_len);
                match (planes, rows.error) {
                    (2, Some(error)) => {
                        for (row, pair) in places.zip(part.as_chunks::<2>().0) {
                            row[rows.flux + at..rows.flux + at + 4].copy_from_slice(&pair[0]);
                            row[error + at..error + at + 4].copy_from_slice(&pair[1]);
                        }
                    }
                    _ => {
                        for (row, word) in places.zip(part.iter().step_by(planes)) {
                            row[rows.flux + at..rows.flux + at + 4].copy_from_slice(word);
                        }
                    }
                }
            }
        }
    }
}

/// Pieces of at most `most` frames.
pub(crate) fn pieces(frames: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let end = frames.end;
    frames.step_by(most.max(1)).map(move |start| start..(start + most.max(1)).min(end))
}

impl<S: Source> Cutout<'_, S> {
    /// Reads the flux of every frame: `[time][row][column]`, NaN off the frame; the unit is the product's.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn flux(&self) -> Result<Vec<f32>, Error> {
        Ok(self.planes(false)?.0)
    }

    /// Reads flux and error of every frame, each `[time][row][column]`; the error of one-plane cubes is NaN.
    ///
    /// # Errors
    /// As [`Cutout::flux`].
    pub fn flux_and_error(&self) -> Result<(Vec<f32>, Vec<f32>), Error> {
        self.planes(true)
    }

    fn planes(&self, with_error: bool) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let pixels = self.stamp.pixels();
        let row_len = pixels * if with_error { 8 } else { 4 };
        let nan = f32::NAN.to_be_bytes();
        let mut bytes = nan.repeat(self.len() * row_len / 4);
        let mut at = 0;
        for run in &self.runs {
            let len = run.frames.len() * row_len;
            let error = with_error.then_some(pixels * 4);
            let mut rows = Rows { bytes: &mut bytes[at..at + len], row_len, flux: 0, error };
            Series::of(self.cutter.cube(), run)?.scatter(run.stamp.columns, run.frames.clone(), &mut rows);
            at += len;
        }
        let mut planes = (Vec::new(), Vec::new());
        for row in bytes.chunks_exact(row_len.max(1)) {
            let mut values = row.as_chunks().0.iter().map(|&word| f32::from_be_bytes(word));
            planes.0.extend(values.by_ref().take(pixels));
            planes.1.extend(values);
        }
        Ok(planes)
    }
}

/// Takes the median of every pixel over time, NaN left out.
///
/// `flux` is `[time][pixel]`; the result has `pixels` values, NaN where a pixel never has any.
pub fn median_image(flux: &[f32], pixels: usize) -> Vec<f32> {
    let mut series = Vec::with_capacity(flux.len() / pixels.max(1));
    (0..pixels)
        .map(|pixel| {
            series.clear();
            series.extend(flux.iter().skip(pixel).step_by(pixels).filter(|value| !value.is_nan()));
            let middle = series.len() / 2;
            if series.is_empty() {
                return f32::NAN;
            }
            let upper = *series.select_nth_unstable_by(middle, f32::total_cmp).1;
            if series.len() % 2 == 0 {
                let lower = series[..middle].iter().copied().fold(f32::NEG_INFINITY, f32::max);
                (lower + upper) / 2.0
            } else {
                upper
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_leaves_nan_out_and_means_the_middle_two() {
        let nan = f32::NAN;
        let flux = [1.0, nan, 5.0, nan, 3.0, nan, 4.0, 7.0];
        assert_eq!(median_image(&flux, 2), [3.5, 7.0]);
        assert!(median_image(&[nan], 1)[0].is_nan());
        assert_eq!(median_image(&[], 0), []);
    }
}
