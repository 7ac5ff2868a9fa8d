//! An open cube: its table and world coordinates are parsed once and kept.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use uranometria_fits::{self as fits, Hdu, Header, ImageLayout, Source, read_hdus};
use uranometria_wcs::Wcs;

use crate::frame_table::FILE_COLUMN;
use crate::{Cell, CubeLayout, Error, FrameTable, Product};

/// A cube made here or by astrocut, open for cutting from many threads.
///
/// Opening reads the headers and the frame table; pixels are read when they are asked for.
#[derive(Debug)]
pub struct Cube<S> {
    source: S,
    path: Option<PathBuf>,
    hdus: Vec<Hdu>,
    layout: CubeLayout,
    product: Product,
    frames: FrameTable,
    times: Vec<f64>,
    wcs: Result<FrameWcs, Option<Unusable>>,
    wcs_of_frames: OnceLock<Vec<Option<usize>>>,
    distinct_wcs: OnceLock<Vec<Wcs>>,
}

/// The world coordinates of a cube and the frame they are from.
#[derive(Clone, Debug)]
pub struct FrameWcs {
    /// Number of the frame, from 0.
    pub frame: usize,
    /// Its world coordinates.
    pub wcs: Wcs,
}

impl<S: Source> Cube<S> {
    /// Opens a cube over any source of bytes.
    ///
    /// # Errors
    /// [`Error::Fits`], [`Error::NotACube`] with what was found and wanted, [`Error::Wcs`].
    pub fn open(source: S) -> Result<Self, Error> {
        Self::open_named(source, None)
    }

    /// Opens a cube and names `path` in every error.
    ///
    /// # Errors
    /// As [`Cube::open`].
    pub fn open_named(source: S, path: Option<&Path>) -> Result<Self, Error> {
        let named = |error: fits::Error| match path {
            Some(path) => error.in_file(path),
            None => error,
        };
        let mut hdus = read_hdus(&source).map_err(named)?;
        // astrocut gives the table the frames' keywords with their comments as values: no checksums of the table.
        for hdu in hdus.iter_mut().skip(2) {
            if hdu.header.text("DATASUM").is_some_and(|sum| sum.parse::<u32>().is_err()) {
                hdu.header.remove("DATASUM");
                hdu.header.remove("CHECKSUM");
            }
        }
        let not = |reason: String| Error::NotACube { path: path.map(Path::to_path_buf), reason };
        let [_, pixels, table, ..] = hdus.as_slice() else {
            return Err(not(format!("it has {} HDUs, expected primary, pixels and frame table", hdus.len())));
        };
        let image = ImageLayout::of(pixels).map_err(named)?;
        let [planes, frames, columns, rows] = image.axes[..] else {
            return Err(not(format!(
                "HDU 1 has {} axes, expected 4: plane, time, column, row",
                image.axes.len()
            )));
        };
        if !image.is_plain_f32() {
            return Err(not(format!("HDU 1 is {:?} or scaled, expected BITPIX -32 unscaled", image.bitpix)));
        }
        let layout = CubeLayout { rows, columns, frames, planes };
        if !(1..=2).contains(&planes)
            || frames == 0
            || columns == 0
            || rows == 0
            || layout.data_len().is_none()
        {
            return Err(not(format!(
                "HDU 1 is {planes} x {frames} x {columns} x {rows}, expected 1 or 2 planes"
            )));
        }
        // Before the table is read: what its header claims must be true of the pixels too.
        if table.header.integer("NAXIS2") != Some(frames as i64) {
            let rows = table.header.integer("NAXIS2").unwrap_or(0);
            return Err(not(format!("HDU 2 has {rows} rows, expected {frames} as NAXIS2 of HDU 1")));
        }
        let data = table.read_data(&source).map_err(named)?;
        let table = FrameTable::of_hdu(table, data).map_err(named)?;
        let product = Product::of_columns(|keyword| table.has(keyword))
            .ok_or_else(|| not("HDU 2 has no column TSTART or STARTTJD".to_string()))?;
        let times = middle_times(&table, product);
        let wcs = nearest_wcs(&table);
        Ok(Cube {
            source,
            path: path.map(Path::to_path_buf),
            hdus,
            layout,
            product,
            frames: table,
            times,
            wcs,
            wcs_of_frames: OnceLock::new(),
            distinct_wcs: OnceLock::new(),
        })
    }

    /// The file, where the cube was opened from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The HDUs of the file.
    pub fn hdus(&self) -> &[Hdu] {
        &self.hdus
    }

    /// The primary header.
    pub fn primary(&self) -> &Header {
        &self.hdus[0].header
    }

    /// The shape.
    pub fn layout(&self) -> &CubeLayout {
        &self.layout
    }

    /// The kind of frames the cube was made of.
    pub fn product(&self) -> Product {
        self.product
    }

    /// The headers of the frames.
    pub fn frames(&self) -> &FrameTable {
        &self.frames
    }

    /// The middle of each frame in days: BTJD (TDB) of SPOC frames, TJD at the spacecraft of TICA frames.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The barycentric correction of each frame in days; zeros for TICA, whose times have none.
    pub fn barycentric_corrections(&self) -> Vec<f32> {
        let keyword = self.product.barycentric_keyword();
        let corrections = keyword.and_then(|keyword| self.frames.numbers(keyword));
        corrections
            .map_or_else(|| vec![0.0; self.frames.len()], |values| values.iter().map(|&x| x as f32).collect())
    }

    /// The number of each frame in the mission's count (FFIINDEX or CADENCE); 0 where it is not known.
    pub fn cadences(&self) -> Vec<i32> {
        self.integers(self.product.cadence_keyword())
    }

    /// The quality flags of each frame (DQUALITY or QUAL_BIT).
    pub fn quality(&self) -> Vec<i32> {
        self.integers(self.product.quality_keyword())
    }

    fn integers(&self, keyword: &str) -> Vec<i32> {
        (0..self.frames.len())
            .map(|row| match self.frames.cell(row, keyword) {
                Cell::Integer(number) => number as i32,
                Cell::Real(number) => number as i32,
                _ => 0,
            })
            .collect()
    }

    /// The file name of each frame.
    pub fn file_names(&self) -> Vec<String> {
        (0..self.frames.len())
            .map(|row| match self.frames.cell(row, FILE_COLUMN) {
                Cell::Text(name) => name,
                _ => String::new(),
            })
            .collect()
    }

    /// The world coordinates of the middle frame, or of the nearest to it that has any.
    ///
    /// # Errors
    /// [`Error::NoWcs`]; [`Error::Wcs`] where those there are cannot be used.
    pub fn wcs(&self) -> Result<&FrameWcs, Error> {
        self.wcs.as_ref().map_err(|unusable| match unusable {
            Some((frame, source)) => Error::Wcs { frame: frame.clone(), source: source.clone() },
            None => Error::NoWcs { path: self.path.clone(), frames: self.frames.len() },
        })
    }

    /// The world coordinates of each frame: `result.1[n]` numbers those of frame `n` in `result.0`.
    ///
    /// Frames with equal coordinates share one; frames without any, or with unusable ones, have `None`. Parsed when
    /// first asked for, then kept.
    pub fn wcs_of_frames(&self) -> (&[Wcs], &[Option<usize>]) {
        let numbers = self.wcs_of_frames.get_or_init(|| {
            let mut distinct: Vec<Wcs> = Vec::new();
            let mut last: Option<(Vec<u8>, Option<usize>)> = None;
            let mut numbers = Vec::with_capacity(self.frames.len());
            for row in 0..self.frames.len() {
                let bytes = self.frames.wcs_bytes(row);
                if last.as_ref().is_none_or(|(known, _)| *known != bytes) {
                    let wcs = self.frames.wcs(row).and_then(Result::ok);
                    let number = wcs.map(|wcs| match distinct.iter().rposition(|known| *known == wcs) {
                        Some(number) => number,
                        None => {
                            distinct.push(wcs);
                            distinct.len() - 1
                        }
                    });
                    last = Some((bytes, number));
                }
                numbers.push(last.as_ref().and_then(|(_, number)| *number));
            }
            let _ = self.distinct_wcs.set(distinct);
            numbers
        });
        (self.distinct_wcs.get().map_or(&[], Vec::as_slice), numbers)
    }

    /// The bytes of columns `columns` of row `y`: `[x][time][plane]` in big-endian f32, read into `scratch`.
    ///
    /// # Errors
    /// [`Error::OutsideFrame`], [`Error::Fits`].
    pub fn row_segment(&self, y: usize, columns: Range<usize>, scratch: &mut Vec<u8>) -> Result<(), Error> {
        let (offset, len) = self.place_of(y, columns)?;
        scratch.resize(len, 0);
        self.source.read_at(offset, scratch).map_err(|source| {
            self.named(fits::Error::io(format!("read {len} bytes at byte {offset}"), source))
        })
    }

    /// The same bytes without a copy, where the cube is in memory or mapped.
    ///
    /// # Errors
    /// [`Error::OutsideFrame`].
    pub fn borrow_row_segment(&self, y: usize, columns: Range<usize>) -> Result<Option<&[u8]>, Error> {
        let (offset, len) = self.place_of(y, columns)?;
        Ok(self.source.slice(offset, len))
    }

    fn place_of(&self, y: usize, columns: Range<usize>) -> Result<(u64, usize), Error> {
        let layout = &self.layout;
        if y >= layout.rows || columns.end > layout.columns || columns.start > columns.end {
            let x = columns.end.saturating_sub(1);
            return Err(Error::OutsideFrame { x, y, columns: layout.columns, rows: layout.rows });
        }
        let range = layout.row_segment(y, columns);
        Ok((self.hdus[1].data_start + range.start, (range.end - range.start) as usize))
    }

    /// The series of one pixel: flux, and error where the cube has that plane.
    ///
    /// # Errors
    /// As [`Cube::row_segment`].
    pub fn series(&self, x: usize, y: usize) -> Result<Vec<Vec<f32>>, Error> {
        let mut scratch = Vec::new();
        self.row_segment(y, x..x.saturating_add(1), &mut scratch)?;
        let words = scratch.as_chunks::<4>().0;
        let planes = self.layout.planes;
        let plane =
            |n: usize| words.iter().skip(n).step_by(planes).map(|&word| f32::from_be_bytes(word)).collect();
        Ok((0..planes).map(plane).collect())
    }

    /// The bytes the cube is read from.
    pub fn source(&self) -> &S {
        &self.source
    }

    pub(crate) fn named(&self, error: fits::Error) -> Error {
        Error::Fits(match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        })
    }
}

fn middle_times(table: &FrameTable, product: Product) -> Vec<f64> {
    let numbers = |keyword: &str| table.numbers(keyword).unwrap_or_else(|| vec![f64::NAN; table.len()]);
    match product.middle_keyword() {
        Some(keyword) if table.has(keyword) => numbers(keyword),
        _ => {
            let (start, stop) = (numbers(product.start_keyword()), numbers(product.stop_keyword()));
            start.iter().zip(&stop).map(|(start, stop)| (start + stop) / 2.0).collect()
        }
    }
}

/// The first frame whose world coordinates cannot be used, and why.
type Unusable = (String, uranometria_wcs::Error);

/// Takes the frame in the middle, or the nearest to it with usable world coordinates; the later one of two.
fn nearest_wcs(table: &FrameTable) -> Result<FrameWcs, Option<Unusable>> {
    let middle = table.len() / 2;
    let mut rows: Vec<usize> = (0..table.len()).collect();
    rows.sort_by_key(|row| (row.abs_diff(middle), std::cmp::Reverse(*row)));
    let mut first_error = None;
    for row in rows {
        match table.wcs(row) {
            Some(Ok(wcs)) => return Ok(FrameWcs { frame: row, wcs }),
            Some(Err(source)) if first_error.is_none() => {
                let frame = match table.cell(row, FILE_COLUMN) {
                    Cell::Text(name) => name,
                    _ => format!("number {row}"),
                };
                first_error = Some((frame, source));
            }
            _ => {}
        }
    }
    Err(first_error)
}
