//! Writing target pixel files: PRIMARY, PIXELS, APERTURE.
//!
//! Columns and units are those of TESScut's files, with what those leave out: world coordinates of the image columns,
//! cadence numbers, motion, whole file names, checksums. The bytes of the table are made in pieces that go straight to
//! the output: whole rows as long as a few of them stay in the cache and their series need not be held in memory,
//! otherwise tiles of the images of many rows. Only the headers wait for the checksum.

use uranometria_cube::Product;
use uranometria_fits::checksum::{self, Sum};
use uranometria_fits::{Card, ColumnSpec, Header, Source, Value, padding, table_header};

use crate::cutter::Run;
use crate::output::{self, Output};
use crate::pixels::{FRAMES, Frames, PIECE, Plane, Series, Tile, is_borrowed, most_pixels, pieces};
use crate::tpf_header::add_column_wcs;
use crate::{Cutout, Error};

/// Rows are made whole as long as a few of them take at most this many bytes.
const FEW_ROWS: usize = 2 << 20;

/// Rows in a piece at least: as many as share two cache lines of a series, which measured better than one.
const ROWS: usize = 16;

/// Byte offsets in a row of the table.
#[derive(Clone, Copy, Debug)]
struct Layout {
    pixels: usize,
    file_name: usize,
    moving: bool,
}

impl Layout {
    fn flux(&self) -> usize {
        16 + self.pixels * 4
    }

    fn error(&self) -> usize {
        self.flux() + self.pixels * 4
    }

    fn background(&self) -> usize {
        self.error() + self.pixels * 4
    }

    fn quality(&self) -> usize {
        self.background() + self.pixels * 8
    }

    fn row_len(&self) -> usize {
        self.quality() + 12 + self.file_name + if self.moving { 24 } else { 0 }
    }
}

impl<S: Source> Cutout<'_, S> {
    /// Makes a whole target pixel file in memory; [`fs::write`](crate::fs::write) makes one of any size on disk.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn to_tpf(&self) -> Result<Vec<u8>, Error> {
        output::in_memory(|out| self.write_tpf(out))
    }

    /// Writes a target pixel file and returns its length.
    pub(crate) fn write_tpf(&self, out: &mut Output<'_>) -> Result<u64, Error> {
        let layout = self.layout();
        let primary = self.primary_header();
        let mut table = checksum::sealed_header(self.table_header(&primary, layout), Sum::default());
        let aperture = self.aperture_header(&primary);
        let primary = checksum::sealed_hdu(primary, &[]);
        let start = (primary.len() + table.len()) as u64;
        // Series that are in memory anyway need no tiles to bound them.
        let at_once = is_borrowed(self.cutter.cube())
            || self.runs.iter().all(|run| layout.pixels <= most_pixels(run.frames.len()));
        let sum = if at_once && FRAMES * layout.row_len() <= FEW_ROWS {
            self.write_rows(layout, start, out)?
        } else {
            self.write_wide_rows(layout, start, out)?
        };
        let len = self.len() as u64 * layout.row_len() as u64;
        out.write(start + len, padding(len))?;
        let end = self.write_aperture(aperture, start + len + padding(len).len() as u64, out)?;
        checksum::reseal(&mut table, sum);
        out.write(0, &primary)?;
        out.write(primary.len() as u64, &table)?;
        Ok(end)
    }

    fn layout(&self) -> Layout {
        Layout {
            pixels: self.stamp.pixels(),
            file_name: self.cutter.file_name_width,
            moving: self.is_moving(),
        }
    }

    /// Writes the APERTURE HDU at a byte offset of the file and returns its end.
    pub(crate) fn write_aperture(&self, header: Header, at: u64, out: &mut Output<'_>) -> Result<u64, Error> {
        let mut header = checksum::sealed_header(header, Sum::default());
        let start = at + header.len() as u64;
        let layout = self.cutter.cube().layout();
        let mut sum = Sum::default();
        let mut end = start;
        for rows in pieces(0..self.stamp.rows, PIECE / (4 * self.stamp.columns)) {
            let bits = self.stamp.aperture_rows(rows, layout.columns, layout.rows);
            let bytes: Vec<u8> = bits.into_iter().flat_map(i32::to_be_bytes).collect();
            sum.merge(out.write(end, &bytes)?);
            end += bytes.len() as u64;
        }
        let padding = padding(end - start);
        out.write(end, padding)?;
        checksum::reseal(&mut header, sum);
        out.write(at, &header)?;
        Ok(end + padding.len() as u64)
    }

    fn table_header(&self, primary: &Header, layout: Layout) -> Header {
        let wcs = self.fit.as_ref().map(|fit| &fit.wcs);
        let mut pixels = table_header(&self.columns(), layout.row_len(), self.len(), |n, header| {
            if (4..=8).contains(&n) {
                add_column_wcs(header, n, wcs, &self.stamp);
            }
        });
        pixels.push(Card::new("EXTNAME", Value::Text("PIXELS".into()), "name of extension"));
        self.add_image_keywords(&mut pixels);
        self.inherit(primary, &mut pixels);
        if self.cutter.cube().product() == Product::Tica {
            for line in [
                "TICA frames: TIME is MIDTJD at the spacecraft, not barycentred, and so",
                "TIMECORR is 0; FLUX is electrons a frame; FLUX_ERR is not known and NaN.",
            ] {
                pixels.push(Card::commentary("COMMENT", format!(" {line}")));
            }
        }
        self.add_remark_on_motion(&mut pixels);
        pixels
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

    /// Writes the rows, some dozens at a time, and returns their sum.
    fn write_rows(&self, layout: Layout, start: u64, out: &mut Output<'_>) -> Result<Sum, Error> {
        let row_len = layout.row_len();
        let blank = self.blank_row(layout);
        let most = (PIECE / row_len).max(ROWS);
        let whole = Tile::whole(self.stamp.columns, self.stamp.rows);
        let mut sum = Sum::default();
        let mut at = start;
        let mut buffer: Vec<u8> = Vec::new();
        let mut row_of_cutout = 0;
        let mut waiting = 0;
        // Rows of the buffer that are blank but for what each frame sets.
        let mut blanks = 0;
        for run in &self.runs {
            let series = Series::of(self.cutter.cube(), run, &whole, run.frames.clone())?;
            for frames in pieces(run.frames.clone(), most) {
                // Short runs of a moving target are gathered until a piece is full.
                let filled = waiting * row_len;
                let len = frames.len() * row_len;
                if buffer.len() < filled + len {
                    buffer.resize(filled + len, 0);
                }
                let bytes = &mut buffer[filled..filled + len];
                for (n, row) in bytes.chunks_exact_mut(row_len).enumerate() {
                    // What no frame changes stays from the piece before, as long as the stamp is the same.
                    if waiting + n >= blanks {
                        row.copy_from_slice(&blank);
                    }
                    self.fill_scalars(layout, frames.start + n, row_of_cutout, run, row);
                    row_of_cutout += 1;
                }
                blanks = if self.runs.len() == 1 { blanks.max(waiting + frames.len()) } else { 0 };
                waiting += frames.len();
                let error = Some(layout.error());
                let mut into = Frames { bytes, step: row_len, flux: layout.flux(), error };
                series.scatter(frames, &mut into);
                if waiting >= most {
                    let rows = &buffer[..waiting * row_len];
                    sum.merge(out.write(at, rows)?);
                    at += rows.len() as u64;
                    waiting = 0;
                }
            }
        }
        sum.merge(out.write(at, &buffer[..waiting * row_len])?);
        Ok(sum)
    }

    /// Writes rows of which a few would not stay in the cache, or whose series are not read at once: first what is not
    /// flux or error, then these, tile by tile.
    fn write_wide_rows(&self, layout: Layout, start: u64, out: &mut Output<'_>) -> Result<Sum, Error> {
        // A row as if it had no pixels.
        let narrow = Layout { pixels: 0, ..layout };
        let mut scalars = vec![0; narrow.row_len()];
        // From the background of one row to the flux of the next there is no pixel of the cube: that goes as one piece,
        // zeros, the back of the row, the front of the next, ones. Of large stamps the most of the zeros and ones go
        // before and behind it.
        let (zeros, ones) = (layout.pixels * 8, layout.pixels * 4);
        let back = zeros.min(PIECE);
        let front = back + narrow.row_len() - 16;
        let mut between = vec![0; front + 16 + ones.min(PIECE)];
        between[front + 16..].fill(0xff);
        let more_zeros = vec![0; (zeros - back).min(PIECE)];
        let more_ones = vec![0xff; (ones - ones.min(PIECE)).min(PIECE)];
        let mut sum = Sum::default();
        // Where the front of the next row begins in the file.
        let mut at = start;
        let mut row_of_cutout = 0;
        for run in &self.runs {
            for frame in run.frames.clone() {
                self.fill_scalars(narrow, frame, row_of_cutout, run, &mut scalars);
                between[front..front + 16].copy_from_slice(&scalars[..16]);
                let from = if row_of_cutout == 0 { front } else { 0 };
                sum.merge(out.write(at - (front - from) as u64, &between[from..])?);
                let end = at + (between.len() - front) as u64;
                sum.merge(out.fill(end, 16 + ones - (between.len() - front), &more_ones)?);
                sum.merge(out.fill(at + layout.background() as u64, zeros - back, &more_zeros)?);
                between[back..front].copy_from_slice(&scalars[16..]);
                at += layout.row_len() as u64;
                row_of_cutout += 1;
            }
        }
        if row_of_cutout > 0 {
            sum.merge(out.write(at - front as u64, &between[..front])?);
        }
        let plane = |offset: usize| Plane { start: start + offset as u64, step: layout.row_len() };
        let (flux, error) = (plane(layout.flux()), plane(layout.error()));
        for plane in self.write_planes(0..self.len(), flux, Some(error), out)? {
            sum.merge(plane);
        }
        Ok(sum)
    }

    /// A row of no frame: raw counts -1, flux and error NaN, the rest 0.
    fn blank_row(&self, layout: Layout) -> Vec<u8> {
        let mut row = vec![0; layout.row_len()];
        row[16..layout.flux()].fill(0xff);
        for word in row[layout.flux()..layout.background()].as_chunks_mut().0 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::testing::{cube, cutter};
    use crate::{Place, Size, Stamp};

    #[test]
    fn rows_made_whole_and_rows_made_in_tiles_are_the_same_bytes() {
        let cutter = cutter(cube(20, 10, 70));
        let (place, size) = (Place::Pixel { x: 1.0, y: 5.0 }, Size::Pixels { columns: 7, rows: 5 });
        let still = cutter.cut(place, size).unwrap();
        let run = |frames, x0| Run { frames, stamp: Stamp { x0, y0: 7, columns: 7, rows: 5 } };
        let runs = vec![run(3..5, -2), run(5..6, 4), run(20..70, 18)];
        let jumping = Cutout { runs, ..cutter.cut(place, size).unwrap() };
        for cutout in [still, jumping] {
            // Rows of a length that is no multiple of four come with the names of the frames.
            for file_name in [1, 2, 4, 7] {
                let layout = Layout { file_name, ..cutout.layout() };
                let (mut whole, mut tiles) = (Sum::default(), Sum::default());
                let of_whole = output::in_memory(|out| {
                    whole = cutout.write_rows(layout, 2880, out)?;
                    Ok(0)
                });
                let of_tiles = output::in_memory(|out| {
                    tiles = cutout.write_wide_rows(layout, 2880, out)?;
                    Ok(0)
                });
                let of_whole = of_whole.unwrap();
                assert_eq!(of_whole.len(), 2880 + cutout.len() * layout.row_len());
                assert!(of_whole == of_tiles.unwrap());
                assert_eq!(whole.value(), tiles.value());
            }
        }
    }
}
