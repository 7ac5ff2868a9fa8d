//! Cutouts as FITS image cubes, for programs that have no use for tables of images.
//!
//! The pixels are made in tiles of the stamp, a few dozen frames at a time, and go straight to their places in the
//! output; only the headers wait for the checksums.

use uranometria_fits::{Card, ColumnSpec, Header, Source, Value, checksum, padding, table_header};

use crate::output::{self, Output};
use crate::pixels::Plane;
use crate::tpf_header::celestial;
use crate::{Cutout, Error};

impl<S: Source> Cutout<'_, S> {
    /// Makes a FITS file of images: FLUX and FLUX_ERR `[time][row][column]` f32, a table FRAMES of times, cadences,
    /// quality and file names, and APERTURE.
    ///
    /// Of a moving target each image has a stamp of its own: FRAMES has its corner. Position and APERTURE are those of
    /// the frame in the middle of the passage, the world coordinates those of the frame that WCS_FFI names.
    ///
    /// The file is whole in memory; [`fs::write`](crate::fs::write) makes one of any size on disk.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn to_image(&self) -> Result<Vec<u8>, Error> {
        output::in_memory(|out| self.write_image(out))
    }

    /// Writes a file of images and returns its length.
    pub(crate) fn write_image(&self, out: &mut Output<'_>) -> Result<u64, Error> {
        let mut primary = self.primary_header();
        primary.set("NEXTEND", 4, "number of standard extensions");
        let head = checksum::sealed_hdu(primary.clone(), &[]);
        let mut headers = ["FLUX", "FLUX_ERR"]
            .map(|name| checksum::sealed_header(self.cube_header(name), Default::default()));
        let image = self.stamp.pixels() * 4;
        let len = (self.len() * image) as u64;
        let flux = (head.len() + headers[0].len()) as u64;
        let flux_end = flux + len + padding(len).len() as u64;
        let error = flux_end + headers[1].len() as u64;
        let error_end = error + len + padding(len).len() as u64;
        let [flux, error] = [flux, error].map(|start| Plane { start, step: image });
        let sums = self.write_planes(0..self.len(), flux, Some(error), out)?;
        out.write(0, &head)?;
        for ((plane, header), sum) in [flux, error].into_iter().zip(&mut headers).zip(sums) {
            checksum::reseal(header, sum);
            out.write(plane.start - header.len() as u64, header)?;
            out.write(plane.start + len, padding(len))?;
        }
        let frames = self.frames_table();
        out.write(error_end, &frames)?;
        self.write_aperture(self.aperture_header(&primary), error_end + frames.len() as u64, out)
    }

    fn cube_header(&self, name: &str) -> Header {
        let mut header = Header::image_extension(-32, &[self.stamp.columns, self.stamp.rows, self.len()]);
        header.push(Card::new("EXTNAME", Value::Text(name.into()), "[time][row][column]"));
        let unit = self.cutter.cube().product().flux_unit();
        header.push(Card::new("BUNIT", Value::Text(unit.into()), "unit of the pixels"));
        if let Some(fit) = &self.fit {
            for (keyword, value, comment) in celestial(&fit.wcs) {
                header.push(Card::new(keyword, value, comment));
            }
        }
        // One pair of numbers for all images; of a moving target each has its own, in the table.
        if !self.is_moving() {
            let (x0, y0) = (self.stamp.x0 as f64, self.stamp.y0 as f64);
            header.push(Card::new("LTV1", Value::Real(-x0), "stamp column = CCD column + LTV1"));
            header.push(Card::new("LTV2", Value::Real(-y0), "stamp row = CCD row + LTV2"));
        }
        self.add_image_keywords(&mut header);
        self.add_remark_on_motion(&mut header);
        header
    }

    fn frames_table(&self) -> Vec<u8> {
        let cutter = self.cutter;
        let width = cutter.file_name_width;
        let unit = |unit: &str, column: ColumnSpec| ColumnSpec { unit: Some(unit.into()), ..column };
        let mut columns = vec![
            unit("d", ColumnSpec::new("TIME", "D")),
            unit("d", ColumnSpec::new("TIMECORR", "E")),
            ColumnSpec::new("CADENCENO", "J"),
            ColumnSpec::new("QUALITY", "J"),
            unit("pixel", ColumnSpec::new("POS_CORR1", "E")),
            unit("pixel", ColumnSpec::new("POS_CORR2", "E")),
            ColumnSpec::new("FFI_FILE", format!("{width}A")),
        ];
        let mut row_len = 28 + width;
        if self.is_moving() {
            columns.extend([
                unit("deg", ColumnSpec::new("TARGET_RA", "D")),
                unit("deg", ColumnSpec::new("TARGET_DEC", "D")),
                ColumnSpec::new("CORNER_COLUMN", "J"),
                ColumnSpec::new("CORNER_ROW", "J"),
            ]);
            row_len += 24;
        }
        let mut data = Vec::with_capacity(self.len() * row_len);
        for (row, (frame, corner)) in self.frames().zip(self.corners()).enumerate() {
            data.extend(cutter.cube().times()[frame].to_be_bytes());
            data.extend(cutter.timecorr[frame].to_be_bytes());
            data.extend(cutter.cadences[frame].to_be_bytes());
            data.extend(cutter.quality[frame].to_be_bytes());
            data.extend(self.motion.dx[row].to_be_bytes());
            data.extend(self.motion.dy[row].to_be_bytes());
            let mut name = cutter.file_names[frame].clone().into_bytes();
            name.resize(width, 0);
            data.extend(name);
            if let Some(position) = self.motion.positions.get(row) {
                data.extend(position.ra_deg().to_be_bytes());
                data.extend(position.dec_deg().to_be_bytes());
                data.extend((corner.0 as i32).to_be_bytes());
                data.extend((corner.1 as i32).to_be_bytes());
            }
        }
        let mut header = table_header(&columns, row_len, self.len(), |_, _| {});
        header.push(Card::new("EXTNAME", Value::Text("FRAMES".into()), "one row an image"));
        for keyword in ["TIMEREF", "TIMESYS", "BJDREFI", "BJDREFF", "TIMEUNIT"] {
            if let Some(card) = self.primary_header().card(keyword) {
                header.push(card.clone());
            }
        }
        checksum::sealed_hdu(header, &data)
    }
}
