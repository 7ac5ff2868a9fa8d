//! Cutouts as FITS image cubes, for programs that have no use for tables of images.

use uranometria_fits::{Card, ColumnSpec, Header, Source, Value, checksum, table_header};

use crate::tpf_header::celestial;
use crate::{Cutout, Error};

impl<S: Source> Cutout<'_, S> {
    /// Makes a FITS file of images: FLUX and FLUX_ERR `[time][row][column]` f32, a table FRAMES of times, cadences,
    /// quality and file names, and APERTURE.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read.
    pub fn to_image(&self) -> Result<Vec<u8>, Error> {
        let mut primary = self.primary_header();
        primary.set("NEXTEND", 4, "number of standard extensions");
        let (flux, error) = self.flux_and_error()?;
        let mut file = checksum::sealed_hdu(primary.clone(), &[]);
        for (name, values) in [("FLUX", flux), ("FLUX_ERR", error)] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
            file.extend(checksum::sealed_hdu(self.cube_header(name), &bytes));
        }
        file.extend(self.frames_table());
        let layout = self.cutter.cube().layout();
        let aperture = self.stamp.aperture(layout.columns, layout.rows);
        let aperture: Vec<u8> = aperture.into_iter().flat_map(|bits| bits.to_be_bytes()).collect();
        file.extend(checksum::sealed_hdu(self.aperture_header(&primary), &aperture));
        Ok(file)
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
        header.push(Card::new(
            "LTV1",
            Value::Real(-(self.stamp.x0 as f64)),
            "stamp column = CCD column + LTV1",
        ));
        header.push(Card::new("LTV2", Value::Real(-(self.stamp.y0 as f64)), "stamp row = CCD row + LTV2"));
        self.add_image_keywords(&mut header);
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
