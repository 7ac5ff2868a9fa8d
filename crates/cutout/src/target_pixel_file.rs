//! Writing target pixel files: PRIMARY, PIXELS, APERTURE.
//!
//! Columns and units are those of TESScut's files, with what those leave out: world coordinates of the image columns,
//! cadence numbers, motion, whole file names, checksums. The bytes of the table are made in pieces that stay in the
//! cache and go straight to the output; only the headers wait for the checksum.

use std::io;

use uranometria_cube::Product;
use uranometria_fits::checksum::{self, Sum};
use uranometria_fits::{Card, ColumnSpec, Source, Value, padding, table_header};

use crate::cutter::Run;
use crate::pixels::{Rows, Series, pieces};
use crate::tpf_header::add_column_wcs;
use crate::{Cutout, Error};

/// Rows are made in pieces of about this many bytes.
const PIECE: usize = 256 << 10;

/// A target pixel file whose table is still to be made.
pub(crate) struct Parts {
    primary: Vec<u8>,
    /// Sealed for a table whose sum is 0.
    pixels: Vec<u8>,
    aperture: Vec<u8>,
    rows: Layout,
}

/// Byte offsets in a row of the table.
#[derive(Clone, Copy, Debug)]
struct Layout {
    pixels: usize,
    file_name: usize,
    moving: bool,
    row_len: usize,
}

impl Layout {
    fn flux(&self) -> usize {
        16 + self.pixels * 4
    }

    fn error(&self) -> usize {
        self.flux() + self.pixels * 4
    }

    fn quality(&self) -> usize {
        16 + self.pixels * 20
    }
}

impl Parts {
    /// Byte offset of the table's rows in the file.
    pub(crate) fn table_start(&self) -> u64 {
        (self.primary.len() + self.pixels.len()) as u64
    }

    /// The headers before the rows, once these are summed.
    pub(crate) fn head(&self, sum: Sum) -> Vec<u8> {
        let mut head = [self.primary.as_slice(), &self.pixels].concat();
        checksum::reseal(&mut head[self.primary.len()..], sum);
        head
    }
}

impl<S: Source> Cutout<'_, S> {
    /// Makes a whole target pixel file in memory.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn to_tpf(&self) -> Result<Vec<u8>, Error> {
        let parts = self.parts();
        let mut bytes = vec![0; parts.table_start() as usize];
        let sum = self.write_rows(&parts, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let head = parts.head(sum);
        bytes[..head.len()].copy_from_slice(&head);
        Ok(bytes)
    }

    /// Makes everything but the rows of the table.
    pub(crate) fn parts(&self) -> Parts {
        let primary = self.primary_header();
        let rows = Layout {
            pixels: self.stamp.pixels(),
            file_name: self.cutter.file_name_width,
            moving: self.is_moving(),
            row_len: 16
                + self.stamp.pixels() * 20
                + 12
                + self.cutter.file_name_width
                + if self.is_moving() { 24 } else { 0 },
        };
        let wcs = self.fit.as_ref().map(|fit| &fit.wcs);
        let mut pixels = table_header(&self.columns(), rows.row_len, self.len(), |n, header| {
            if (4..=8).contains(&n) {
                add_column_wcs(header, n, wcs, &self.stamp);
            }
        });
        pixels.push(Card::new("EXTNAME", Value::Text("PIXELS".into()), "name of extension"));
        self.add_image_keywords(&mut pixels);
        self.inherit(&primary, &mut pixels);
        if self.cutter.cube().product() == Product::Tica {
            for line in [
                "TICA frames: TIME is MIDTJD at the spacecraft, not barycentred, and so",
                "TIMECORR is 0; FLUX is electrons a frame; FLUX_ERR is not known and NaN.",
            ] {
                pixels.push(Card::commentary("COMMENT", format!(" {line}")));
            }
        }
        if self.is_moving() {
            for line in [
                "Moving target: every row has a stamp of its own, whose first pixel is",
                "CCD column CORNER_COLUMN and row CORNER_ROW (from 1). The coordinates of the",
                "columns are those of the frame in the middle of the passage.",
            ] {
                pixels.push(Card::commentary("COMMENT", format!(" {line}")));
            }
        }
        let layout = self.cutter.cube().layout();
        let aperture: Vec<u8> = self
            .stamp
            .aperture(layout.columns, layout.rows)
            .into_iter()
            .flat_map(|bits| bits.to_be_bytes())
            .collect();
        Parts {
            aperture: checksum::sealed_hdu(self.aperture_header(&primary), &aperture),
            primary: checksum::sealed_hdu(primary, &[]),
            pixels: checksum::sealed_header(pixels, Sum::default()),
            rows,
        }
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let some = |text: &str| Some(text.to_string());
        let column = |name: &str, form: &str, unit: Option<&str>, display: &str| ColumnSpec {
            unit: unit.map(str::to_string),
            display: some(display),
            ..ColumnSpec::new(name, form)
        };
        let image = |name: &str, letter: char, unit: &str, display: &str| ColumnSpec {
            dim: Some(vec![self.stamp.columns, self.stamp.rows]),
            ..column(name, &format!("{}{letter}", self.stamp.pixels()), Some(unit), display)
        };
        let unit = self.cutter.cube().product().flux_unit();
        let time_unit = match self.cutter.cube().product() {
            Product::Spoc => "BJD - 2457000, days",
            Product::Tica => "JD - 2457000, days",
        };
        let mut columns = vec![
            column("TIME", "D", Some(time_unit), "D14.7"),
            column("TIMECORR", "E", Some("d"), "E14.7"),
            column("CADENCENO", "J", None, "I10"),
            ColumnSpec { null: Some(-1), ..image("RAW_CNTS", 'J', "count", "I8") },
            image("FLUX", 'E', unit, "E14.7"),
            image("FLUX_ERR", 'E', unit, "E14.7"),
            image("FLUX_BKG", 'E', unit, "E14.7"),
            image("FLUX_BKG_ERR", 'E', unit, "E14.7"),
            column("QUALITY", "J", None, "B16.16"),
            column("POS_CORR1", "E", Some("pixel"), "E14.7"),
            column("POS_CORR2", "E", Some("pixel"), "E14.7"),
            ColumnSpec::new("FFI_FILE", format!("{}A", self.cutter.file_name_width)),
        ];
        if self.is_moving() {
            columns.extend([
                column("TARGET_RA", "D", Some("deg"), "D14.7"),
                column("TARGET_DEC", "D", Some("deg"), "D14.7"),
                column("CORNER_COLUMN", "J", None, "I10"),
                column("CORNER_ROW", "J", None, "I10"),
            ]);
        }
        columns
    }

    /// Makes the rows, their padding and the APERTURE HDU, hands them to `sink` piece by piece and returns the sum of
    /// the rows.
    pub(crate) fn write_rows(
        &self,
        parts: &Parts,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Sum, Error> {
        let layout = parts.rows;
        let fail = |source| uranometria_fits::Error::io("write the cutout", source);
        let blank = self.blank_row(layout);
        // Pieces are whole words so that their sums add up.
        let most = (PIECE / layout.row_len).max(8).next_multiple_of(4);
        let mut sum = Sum::default();
        let mut buffer: Vec<u8> = Vec::new();
        let mut row_of_cutout = 0;
        let mut waiting = 0;
        // Rows of the buffer that are blank but for what each frame sets.
        let mut blanks = 0;
        for run in &self.runs {
            let series = Series::of(self.cutter.cube(), run)?;
            for frames in pieces(run.frames.clone(), most) {
                // Short runs of a moving target are gathered until a piece is full.
                let start = waiting * layout.row_len;
                let len = frames.len() * layout.row_len;
                if buffer.len() < start + len {
                    buffer.resize(start + len, 0);
                }
                let bytes = &mut buffer[start..start + len];
                for (n, row) in bytes.chunks_exact_mut(layout.row_len).enumerate() {
                    // What no frame changes stays from the piece before, as long as the stamp is the same.
                    if waiting + n >= blanks {
                        row.copy_from_slice(&blank);
                    }
                    self.fill_scalars(layout, frames.start + n, row_of_cutout, run, row);
                    row_of_cutout += 1;
                }
                blanks = if self.runs.len() == 1 { blanks.max(waiting + frames.len()) } else { 0 };
                let mut rows =
                    Rows { bytes, row_len: layout.row_len, flux: layout.flux(), error: Some(layout.error()) };
                waiting += frames.len();
                series.scatter(run.stamp.columns, frames, &mut rows);
                if waiting >= most {
                    let whole = waiting / 4 * 4 * layout.row_len;
                    sum.add(&buffer[..whole]);
                    sink(&buffer[..whole]).map_err(fail)?;
                    buffer.copy_within(whole..waiting * layout.row_len, 0);
                    waiting %= 4;
                }
            }
        }
        let rest = &buffer[..waiting * layout.row_len];
        sum.add(rest);
        sink(rest).map_err(fail)?;
        sink(padding((self.len() * layout.row_len) as u64)).map_err(fail)?;
        sink(&parts.aperture).map_err(fail)?;
        Ok(sum)
    }

    /// A row of no frame: raw counts -1, flux and error NaN, the rest 0.
    fn blank_row(&self, layout: Layout) -> Vec<u8> {
        let mut row = vec![0; layout.row_len];
        row[16..layout.flux()].fill(0xff);
        for word in row[layout.flux()..layout.error() + layout.pixels * 4].as_chunks_mut().0 {
            *word = f32::NAN.to_be_bytes();
        }
        row
    }

    fn fill_scalars(&self, layout: Layout, frame: usize, row_of_cutout: usize, run: &Run, row: &mut [u8]) {
        let cutter = self.cutter;
        row[0..8].copy_from_slice(&cutter.cube().times()[frame].to_be_bytes());
        row[8..12].copy_from_slice(&cutter.timecorr[frame].to_be_bytes());
        row[12..16].copy_from_slice(&cutter.cadences[frame].to_be_bytes());
        let mut at = layout.quality();
        let mut put = |bytes: &[u8]| {
            row[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&cutter.quality[frame].to_be_bytes());
        put(&self.motion.dx[row_of_cutout].to_be_bytes());
        put(&self.motion.dy[row_of_cutout].to_be_bytes());
        put(cutter.file_names[frame].as_bytes());
        let end = layout.quality() + 12 + layout.file_name;
        row[at..end].fill(0);
        if layout.moving {
            at = end;
            let mut put = |bytes: &[u8]| {
                row[at..at + bytes.len()].copy_from_slice(bytes);
                at += bytes.len();
            };
            let position = self.motion.positions[row_of_cutout];
            put(&position.ra_deg().to_be_bytes());
            put(&position.dec_deg().to_be_bytes());
            put(&((run.stamp.x0 + 1) as i32).to_be_bytes());
            put(&((run.stamp.y0 + 1) as i32).to_be_bytes());
        }
    }
}
