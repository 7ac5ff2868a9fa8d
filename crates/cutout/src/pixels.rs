//! Pixels from series to frames: the turn back.
//!
//! The cube has `[y][x][time][plane]`, an image of a cutout has `[y][x]` of one frame, so words are scattered from each
//! pixel's series into many frames. That is done for a tile of the stamp and a few dozen frames at a time: what is in
//! memory stays in the cache, does not grow with the cutout, and each pixel of the cube is read once.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use uranometria_cube::Cube;
use uranometria_fits::Source;
use uranometria_fits::checksum::Sum;

use crate::cutter::Run;
use crate::output::{NEVER, Output};
use crate::{Cutout, Error};

/// The series of a tile take at most this many bytes, two planes counted.
const TILE: usize = 16 << 20;

/// Frames are made in pieces of about this many bytes.
pub(crate) const PIECE: usize = 256 << 10;

/// Frames in a piece at least: as many as share a cache line of a series.
pub(crate) const FRAMES: usize = 8;

/// Reading so many bytes more takes less time than leaving them out with a second call.
pub(crate) const GAP: usize = 4 << 10;

/// Where the frames' pixels go: frame `n` into `bytes` from `n * step` on, flux at one offset and error at another.
pub(crate) struct Frames<'a> {
    pub(crate) bytes: &'a mut [u8],
    pub(crate) step: usize,
    pub(crate) flux: usize,
    pub(crate) error: Option<usize>,
}

/// Where the images of a plane stand in a file: the first one, and from each to the next, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    pub(crate) start: u64,
    pub(crate) step: usize,
}

/// A part of a stamp.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Tile {
    /// The whole stamp.
    pub(crate) fn whole(columns: usize, rows: usize) -> Self {
        Tile { rows: 0..rows, columns: 0..columns }
    }

    /// Cuts a stamp into tiles of at most `most` pixels: some whole rows, or a part of one, so that the pixels of a
    /// tile follow each other in the stamp.
    pub(crate) fn cut(columns: usize, rows: usize, most: usize) -> impl Iterator<Item = Self> {
        pieces(0..rows, most / columns.max(1)).flat_map(move |rows| {
            pieces(0..columns, most).map(move |columns| Tile { rows: rows.clone(), columns })
        })
    }

    pub(crate) fn pixels(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

/// Whether the series of a cube are in memory or mapped, so that none are copied.
pub(crate) fn is_borrowed<S: Source>(cube: &Cube<S>) -> bool {
    cube.borrow_row_segment(0, 0..1).is_ok_and(|bytes| bytes.is_some())
}

/// Pixels of a tile whose series during so many frames are read at once.
pub(crate) fn most_pixels(frames: usize) -> usize {
    TILE / (8 * frames.max(1))
}

/// The series of a tile during some frames, borrowed from a mapped cube or read once.
pub(crate) struct Series<'a> {
    segments: Vec<Segment<'a>>,
    planes: usize,
    /// Columns of the tile.
    columns: usize,
}

/// One row of a tile: the series of its pixels on the frame, one after another.
struct Segment<'a> {
    row: usize,
    columns: Range<usize>,
    /// The frames that the words are of.
    frames: Range<usize>,
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
    /// Takes the series of all pixels of a tile of the run's stamp that lie on the frame.
    pub(crate) fn of<S: Source>(
        cube: &'a Cube<S>,
        run: &Run,
        tile: &Tile,
        frames: Range<usize>,
    ) -> Result<Self, Error> {
        let layout = cube.layout();
        let stamp = run.stamp;
        let columns = both(stamp.columns_on(layout.columns), &tile.columns);
        let mut segments = Vec::new();
        // A tile may lie off the frame, where there is no segment to ask for.
        let rows = if columns.is_empty() { 0..0 } else { both(stamp.rows_on(layout.rows), &tile.rows) };
        for row in rows {
            let y = (stamp.y0 + row as i64) as usize;
            let x = |column: usize| (stamp.x0 + column as i64) as usize;
            let place = x(columns.start)..x(columns.end);
            let (words, frames) = match cube.borrow_row_segment(y, place.clone())? {
                Some(bytes) => (Words::Borrowed(bytes), 0..layout.frames),
                None => (Words::Owned(read(cube, y, place, &frames)?), frames.clone()),
            };
            let from = tile.columns.start;
            let columns = columns.start - from..columns.end - from;
            segments.push(Segment { row: row - tile.rows.start, columns, frames, words });
        }
        Ok(Series { segments, planes: layout.planes, columns: tile.columns.len() })
    }

    /// The pixels of the tile that are on the frame, by their number in it, with their words during `frames`:
    /// `[time][plane]`.
    fn words(&self, frames: Range<usize>) -> impl Iterator<Item = (usize, &[[u8; 4]])> {
        self.segments.iter().flat_map(move |segment| {
            let from = (frames.start - segment.frames.start) * self.planes;
            let part = from..from + frames.len() * self.planes;
            let words = segment.words.bytes().as_chunks::<4>().0;
            let series = words.chunks_exact(segment.frames.len() * self.planes);
            let pixel = move |column: usize| segment.row * self.columns + column;
            segment
                .columns
                .clone()
                .zip(series)
                .map(move |(column, series)| (pixel(column), &series[part.clone()]))
        })
    }

    /// The pixels of the tile that are on the frame, by their number in it, with their flux during `frames`.
    pub(crate) fn flux(
        &self,
        frames: Range<usize>,
    ) -> impl Iterator<Item = (usize, impl Iterator<Item = f32>)> {
        self.words(frames).map(move |(pixel, words)| {
            (pixel, words.iter().step_by(self.planes).map(|&word| f32::from_be_bytes(word)))
        })
    }

    /// Writes the pixels of `frames` into images of the tile; pixels off the frame are left as they are.
    pub(crate) fn scatter(&self, frames: Range<usize>, into: &mut Frames<'_>) {
        for (pixel, words) in self.words(frames) {
            let at = pixel * 4;
            match (self.planes, into.error) {
                (2, Some(error)) => {
                    let (mut flux, mut error) = (into.flux + at, error + at);
                    for pair in words.as_chunks::<2>().0 {
                        into.bytes[flux..flux + 4].copy_from_slice(&pair[0]);
                        into.bytes[error..error + 4].copy_from_slice(&pair[1]);
                        flux += into.step;
                        error += into.step;
                    }
                }
                _ => {
                    let places = into.bytes[into.flux + at..].chunks_mut(into.step);
                    for (place, word) in places.zip(words.iter().step_by(self.planes)) {
                        place[..4].copy_from_slice(word);
                    }
                }
            }
        }
    }
}

/// Reads the series of a row of pixels during some frames.
fn read<S: Source>(
    cube: &Cube<S>,
    y: usize,
    columns: Range<usize>,
    frames: &Range<usize>,
) -> Result<Vec<u8>, Error> {
    let layout = cube.layout();
    let mut words = Vec::new();
    if *frames == (0..layout.frames) {
        cube.row_segment(y, columns, &mut words)?;
        return Ok(words);
    }
    let series = layout.series_len();
    let part = frames.start * layout.planes * 4..frames.end * layout.planes * 4;
    if series - part.len() <= GAP {
        let mut scratch = Vec::new();
        for columns in pieces(columns, PIECE / series) {
            cube.row_segment(y, columns, &mut scratch)?;
            words.extend(scratch.chunks_exact(series).flat_map(|series| &series[part.clone()]));
        }
        return Ok(words);
    }
    words.resize(columns.len() * part.len(), 0);
    for (column, words) in columns.zip(words.chunks_exact_mut(part.len().max(1))) {
        let at = cube.hdus()[1].data_start + layout.row_segment(y, column..column).start + part.start as u64;
        cube.source().read_at(at, words).map_err(|source| {
            let doing = format!("read {} bytes at byte {at}", words.len());
            let error = uranometria_fits::Error::io(doing, source);
            uranometria_cube::Error::Fits(match cube.path() {
                Some(path) => error.in_file(path),
                None => error,
            })
        })?;
    }
    Ok(words)
}

/// What two ranges share; empty, not reversed, where they share nothing.
fn both(one: Range<usize>, other: &Range<usize>) -> Range<usize> {
    let start = one.start.max(other.start);
    start..one.end.min(other.end).max(start)
}

/// Pieces of at most `most` numbers, at least one.
pub(crate) fn pieces(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(most.max(1)).map(move |start| start..(start + most.max(1)).min(end))
}

impl<S: Source> Cutout<'_, S> {
    /// Reads the flux of every frame: `[time][row][column]`, NaN off the frame; the unit is the product's.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn flux(&self) -> Result<Vec<f32>, Error> {
        Ok(self.planes_of(0..self.len(), false, &NEVER)?.0)
    }

    /// Reads flux and error of every frame, each `[time][row][column]`; the error of one-plane cubes is NaN.
    ///
    /// # Errors
    /// As [`Cutout::flux`].
    pub fn flux_and_error(&self) -> Result<(Vec<f32>, Vec<f32>), Error> {
        self.planes_of(0..self.len(), true, &NEVER)
    }

    /// Reads flux and, if it is wanted, error of some frames of the cutout.
    pub(crate) fn planes_of(
        &self,
        frames: Range<usize>,
        with_error: bool,
        stop: &AtomicBool,
    ) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let pixels = self.stamp.pixels();
        let len = frames.len() * pixels;
        let mut flux = vec![f32::NAN; len];
        let mut error = vec![f32::NAN; if with_error { len } else { 0 }];
        let plane = |n: usize| Plane { start: (n * len * 4) as u64, step: pixels * 4 };
        let mut decode = |at: u64, piece: &[u8]| {
            let at = (at / 4) as usize;
            let into = if at < len { &mut flux[at..] } else { &mut error[at - len..] };
            for (value, &word) in into.iter_mut().zip(piece.as_chunks().0) {
                *value = f32::from_be_bytes(word);
            }
            Ok(())
        };
        let mut out = Output::new(&mut decode).until(stop);
        self.write_planes(frames, plane(0), with_error.then(|| plane(1)), &mut out)?;
        Ok((flux, error))
    }

    /// Writes flux and error of some frames of the cutout, `[row][column]` of each where `flux` and `error` say, and
    /// returns the sums of both; NaN off the frame, and for the error of one-plane cubes.
    pub(crate) fn write_planes(
        &self,
        frames: Range<usize>,
        flux: Plane,
        error: Option<Plane>,
        out: &mut Output<'_>,
    ) -> Result<[Sum; 2], Error> {
        let mut sums = [Sum::default(); 2];
        let mut buffer = Vec::new();
        let mut first = 0;
        for run in &self.runs {
            let part = both(first..first + run.frames.len(), &frames);
            // From frames of the cutout to those of the cube.
            let of_cube = |n: usize| n - first + run.frames.start;
            let part_of_run = of_cube(part.start)..of_cube(part.end);
            first += run.frames.len();
            if part.is_empty() {
                continue;
            }
            let stamp = run.stamp;
            for tile in Tile::cut(stamp.columns, stamp.rows, most_pixels(part.len())) {
                let series = Series::of(self.cutter.cube(), run, &tile, part_of_run.clone())?;
                let image = tile.pixels() * 4;
                let tile_start = (tile.rows.start * stamp.columns + tile.columns.start) * 4;
                let mut n = part.start - frames.start;
                for piece in pieces(part_of_run.clone(), (PIECE / (2 * image)).max(FRAMES)) {
                    let len = piece.len() * image;
                    let words = if error.is_some() { len / 2 } else { len / 4 };
                    buffer.clear();
                    buffer.resize(words, f32::NAN.to_be_bytes());
                    let bytes = buffer.as_flattened_mut();
                    let at = error.is_some().then_some(len);
                    series.scatter(piece.clone(), &mut Frames { bytes, step: image, flux: 0, error: at });
                    let planes = [Some(flux), error].into_iter().flatten();
                    for ((plane, bytes), sum) in planes.zip(bytes.chunks_exact(len)).zip(&mut sums) {
                        let at = plane.start + n as u64 * plane.step as u64 + tile_start as u64;
                        // Images without anything between them go as one.
                        let together = if plane.step == image { len } else { image };
                        for (image, bytes) in (0..).zip(bytes.chunks_exact(together)) {
                            sum.merge(out.write(at + image * plane.step as u64, bytes)?);
                        }
                    }
                    n += piece.len();
                }
            }
        }
        Ok(sums)
    }
}

/// Cubes whose pixels say where they are, for the tests of this crate.
#[cfg(test)]
pub(crate) mod testing {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    use uranometria_cube::{Cube, CubeLayout};
    use uranometria_fits::checksum::sealed_hdu;
    use uranometria_fits::{ColumnSpec, Header, Source, table_header};

    use crate::Cutter;

    /// The value of a pixel of a cube of two planes.
    pub(crate) fn value(layout: &CubeLayout, x: usize, y: usize, frame: usize, plane: usize) -> f32 {
        // Small enough for every integer to be a float of its own.
        ((((y * layout.columns + x) * layout.frames + frame) * 2 + plane) % (1 << 24)) as f32
    }

    /// The bytes of a cube of two planes.
    pub(crate) fn cube(columns: usize, rows: usize, frames: usize) -> Vec<u8> {
        let layout = CubeLayout { rows, columns, frames, planes: 2 };
        let mut pixels = Vec::with_capacity(layout.pixels() * layout.series_len());
        for pixel in 0..layout.pixels() {
            for n in 0..frames * 2 {
                let value = value(&layout, pixel % columns, pixel / columns, n / 2, n % 2);
                pixels.extend(value.to_be_bytes());
            }
        }
        let table = ["TSTART", "TSTOP"].map(|name| ColumnSpec::new(name, "D"));
        let days: Vec<u8> = (0..frames)
            .flat_map(|frame| [0.0, 1.0].map(|stop| 1325.0 + frame as f64 + stop))
            .flat_map(f64::to_be_bytes)
            .collect();
        let mut bytes = sealed_hdu(Header::primary(), &[]);
        let header = Header::image_extension(-32, &[2, frames, columns, rows]);
        bytes.extend(sealed_hdu(header, &pixels));
        bytes.extend(sealed_hdu(table_header(&table, 16, frames, |_, _| {}), &days));
        bytes
    }

    pub(crate) fn cutter<S: Source>(source: S) -> Cutter<S> {
        Cutter::new(Cube::open(source).unwrap())
    }

    /// Bytes that are read by copying, as those of a file that is not mapped.
    pub(crate) struct Unmapped {
        bytes: Vec<u8>,
        /// The longest piece that was read.
        pub(crate) longest: AtomicUsize,
        /// How many bytes may be read before reading fails.
        pub(crate) left: AtomicU64,
        /// Whether reading sets the flag `stop`.
        pub(crate) stops: AtomicBool,
        pub(crate) stop: AtomicBool,
    }

    impl Unmapped {
        pub(crate) fn new(bytes: Vec<u8>) -> Self {
            Unmapped {
                bytes,
                longest: AtomicUsize::new(0),
                left: AtomicU64::new(u64::MAX),
                stops: AtomicBool::new(false),
                stop: AtomicBool::new(false),
            }
        }
    }

    impl Source for &Unmapped {
        fn len(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
            self.longest.fetch_max(into.len(), Ordering::Relaxed);
            self.stop.fetch_or(self.stops.load(Ordering::Relaxed), Ordering::Relaxed);
            let take = |left: u64| left.checked_sub(into.len() as u64);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return Err(io::Error::other("the disk is broken"));
            }
            self.bytes.read_at(offset, into)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use proptest::prelude::*;
    use uranometria_cube::CubeLayout;
    use uranometria_fits::{checksum, read_hdus};

    use super::testing::{Unmapped, cube, cutter, value};
    use super::*;
    use crate::{Place, Size, Stamp};

    /// The flux, or the error, of every frame, taken pixel by pixel.
    fn expected(layout: &CubeLayout, runs: &[Run], plane: usize) -> Vec<u32> {
        let mut pixels = Vec::new();
        for run in runs {
            for frame in run.frames.clone() {
                for row in 0..run.stamp.rows as i64 {
                    for column in 0..run.stamp.columns as i64 {
                        let (x, y) = (run.stamp.x0 + column, run.stamp.y0 + row);
                        let inside =
                            (0..layout.columns as i64).contains(&x) && (0..layout.rows as i64).contains(&y);
                        let value = match inside {
                            true => value(layout, x as usize, y as usize, frame, plane),
                            false => f32::NAN,
                        };
                        pixels.push(value.to_bits());
                    }
                }
            }
        }
        pixels
    }

    fn check<S: Source>(cutout: &Cutout<'_, S>) {
        let layout = cutout.cutter.cube().layout();
        let (flux, error) = cutout.flux_and_error().unwrap();
        let wanted = [0, 1].map(|plane| expected(layout, &cutout.runs, plane));
        for (values, wanted) in [(&flux, &wanted[0]), (&error, &wanted[1])] {
            assert!(values.iter().map(|value| value.to_bits()).eq(wanted.iter().copied()));
        }
        assert!(cutout.flux().unwrap().iter().map(|value| value.to_bits()).eq(wanted[0].iter().copied()));
        for bytes in [cutout.to_tpf().unwrap(), cutout.to_image().unwrap()] {
            for hdu in &read_hdus(&bytes).unwrap() {
                assert!(checksum::verify(&bytes, hdu).unwrap());
            }
        }
        // A part of the frames, as parquet is made.
        let part = cutout.len() / 3..cutout.len() / 3 + cutout.len().div_ceil(5);
        let pixels = part.start * cutout.stamp.pixels()..part.end * cutout.stamp.pixels();
        let (_, error) = cutout.planes_of(part, true, &NEVER).unwrap();
        assert!(error.iter().map(|value| value.to_bits()).eq(wanted[1][pixels].iter().copied()));
    }

    fn stamp(x0: i64, y0: i64, columns: usize, rows: usize) -> Stamp {
        Stamp { x0, y0, columns, rows }
    }

    #[test]
    fn pixels_of_all_tiles_are_where_they_belong_mapped_or_read() {
        // Many frames, so that a tile is a few rows or a part of one; the stamps reach over the edges.
        let bytes = cube(40, 12, 2500);
        let place = Place::Pixel { x: 20.0, y: 6.0 };
        for size in [(50, 25), (1100, 2), (3, 2)] {
            let size = Size::Pixels { columns: size.0, rows: size.1 };
            check(&cutter(bytes.clone()).cut(place, size).unwrap());
            check(&cutter(&Unmapped::new(bytes.clone())).cut(place, size).unwrap());
        }
    }

    #[test]
    fn pixels_of_stamps_that_move_are_where_they_belong_mapped_or_read() {
        for frames in [60, 900] {
            let bytes = cube(20, 10, frames);
            let runs = vec![
                Run { frames: 3..20, stamp: stamp(-2, 3, 7, 5) },
                Run { frames: 20..21, stamp: stamp(-1, 3, 7, 5) },
                Run { frames: 30..frames, stamp: stamp(16, 8, 7, 5) },
            ];
            let mapped = cutter(bytes.clone());
            let unmapped = Unmapped::new(bytes);
            let read = cutter(&unmapped);
            let (place, size) = (Place::Pixel { x: 1.0, y: 5.0 }, Size::Pixels { columns: 7, rows: 5 });
            check(&Cutout { runs: runs.clone(), ..mapped.cut(place, size).unwrap() });
            check(&Cutout { runs, ..read.cut(place, size).unwrap() });
        }
    }

    #[test]
    fn what_is_read_and_written_at_a_time_does_not_grow_with_the_cutout() {
        let place = Place::Pixel { x: 20.0, y: 6.0 };
        for (frames, columns, rows, longest) in [
            (2500, 50, 25, 1 << 20),
            (2500, 1100, 2, 1 << 20),
            (2, 1000, 900, TILE / 2),
            (9, 600, 500, TILE / 2),
        ] {
            let unmapped = Unmapped::new(cube(40, 12, frames));
            let cutter = cutter(&unmapped);
            unmapped.longest.store(0, Ordering::Relaxed);
            let cutout = cutter.cut(place, Size::Pixels { columns, rows }).unwrap();
            for (is_image, whole) in [cutout.to_tpf(), cutout.to_image()].into_iter().enumerate() {
                let whole = whole.unwrap();
                let (mut found, mut end) = (0, 0);
                let mut sink = |at: u64, piece: &[u8]| {
                    assert!(whole[at as usize..].starts_with(piece));
                    found = found.max(piece.len());
                    end = end.max(at + piece.len() as u64);
                    Ok(())
                };
                let mut out = Output::new(&mut sink);
                let len =
                    if is_image == 1 { cutout.write_image(&mut out) } else { cutout.write_tpf(&mut out) };
                assert_eq!((len.unwrap(), end), (whole.len() as u64, whole.len() as u64));
                assert!(found <= longest, "{frames} x {columns} x {rows}: {found} bytes at once");
            }
            let read = unmapped.longest.load(Ordering::Relaxed);
            assert!(read <= TILE, "{frames} x {columns} x {rows}: {read} bytes read at once");
        }
    }

    proptest! {
        #[test]
        fn tiles_cover_each_pixel_once_in_order(
            columns in 1usize..40,
            rows in 1usize..40,
            most in 0usize..300,
        ) {
            let mut next = 0;
            for tile in Tile::cut(columns, rows, most) {
                prop_assert!(tile.pixels() <= most.max(1));
                prop_assert!(tile.rows.len() == 1 || tile.columns == (0..columns));
                prop_assert_eq!(tile.rows.start * columns + tile.columns.start, next);
                next += tile.pixels();
            }
            prop_assert_eq!(next, columns * rows);
        }
    }
}
