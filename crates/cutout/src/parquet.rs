//! Cutouts as parquet: one row a frame, pixels as lists of fixed length.
//!
//! Pixels are read for some frames at a time and row groups are small, since the writer holds one until it is whole: a
//! file of any length takes some tens of MiB of memory. A frame is the least that can be written.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{DEFAULT_MAX_ROW_GROUP_ROW_COUNT, WriterProperties};
use parquet::schema::types::ColumnPath;
use uranometria_fits::Source;

use crate::output::{NEVER, go_on};
use crate::pixels::pieces;
use crate::{Cutout, Error};

/// Pixels of a row group, flux and error, in bytes before they are compressed.
const ROW_GROUP: usize = 32 << 20;

/// Pixels read at a time: of large stamps at least a few frames that share the cache lines of the cube.
const READ: usize = 16 << 20;

/// Pixels handed to the writer at a time, which makes three times as many bytes of positions in lists of them.
const BATCH: usize = 4 << 20;

impl<S: Source> Cutout<'_, S> {
    /// Makes a parquet file: `time` (d, BTJD), `timecorr`, `cadenceno`, `flux` and `flux_err` (lists `[row][column]`),
    /// `quality`, `pos_corr1`, `pos_corr2`, `ffi_file`; of a moving target also `target_ra`, `target_dec` (deg),
    /// `corner_column` and `corner_row` (from 1).
    ///
    /// Shape, place, unit, aperture and world coordinates are key-value metadata named as in the FITS headers. Off the
    /// frame the pixels are NaN. A row group has 32 MiB of pixels, or one frame if that is more.
    ///
    /// Of a moving target `moving` is `true`, and what holds for one frame alone is that of the middle of the passage
    /// and named so: `middle.row` (of the table, from 0), `middle.corner_column`, `middle.corner_row`,
    /// `middle.aperture`, `middle.RA_OBJ`, `middle.DEC_OBJ`, and the world coordinates, such as `middle.CRVAL1`, which
    /// are those of the frame `WCS_FFI`: another one where the middle one has none.
    ///
    /// The file is whole in memory; [`fs::write`](crate::fs::write) makes one of any size on disk.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read, [`Error::Parquet`].
    pub fn to_parquet(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.write_parquet(&mut bytes, &NEVER)?;
        Ok(bytes)
    }

    /// Writes a parquet file, unless `stop` becomes true before it is whole, and returns its length.
    pub(crate) fn write_parquet<W: Write + Send>(&self, out: W, stop: &AtomicBool) -> Result<u64, Error> {
        let rows_in = |bytes: usize| (bytes / (8 * self.stamp.pixels())).max(1);
        let rows_in_group = rows_in(ROW_GROUP).min(DEFAULT_MAX_ROW_GROUP_ROW_COUNT);
        let pixels = |column: &str| ColumnPath::new([column, "list", "item"].map(String::from).to_vec());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // Pixels seldom repeat: a dictionary of them only adds to the file, in every row group anew.
            .set_column_dictionary_enabled(pixels("flux"), false)
            .set_column_dictionary_enabled(pixels("flux_err"), false)
            .set_key_value_metadata(Some(self.metadata()))
            .set_max_row_group_row_count(Some(rows_in_group))
            .build();
        let schema = self.batch(0..0, stop)?.schema();
        let mut writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(failed)?;
        for rows in pieces(0..self.len(), rows_in(READ)) {
            let batch = self.batch(rows, stop)?;
            for part in pieces(0..batch.num_rows(), rows_in(BATCH)) {
                go_on(stop)?;
                writer.write(&batch.slice(part.start, part.len())).map_err(failed)?;
            }
        }
        writer.finish().map_err(failed)?;
        Ok(writer.bytes_written() as u64)
    }

    /// Makes some rows of the table.
    fn batch(&self, rows: Range<usize>, stop: &AtomicBool) -> Result<RecordBatch, Error> {
        let cutter = self.cutter;
        let (flux, error) = self.planes_of(rows.clone(), true, stop)?;
        let frames: Vec<usize> = self.frames().skip(rows.start).take(rows.len()).collect();
        let pixels = self.stamp.pixels() as i32;
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let images = |values: Vec<f32>| -> Result<ArrayRef, Error> {
            let values = Arc::new(Float32Array::from(values));
            let list = FixedSizeListArray::try_new(item.clone(), pixels, values, None);
            Ok(Arc::new(list.map_err(ParquetError::from)?))
        };
        let times: Vec<f64> = frames.iter().map(|&frame| cutter.cube().times()[frame]).collect();
        let floats = |values: &[f32]| -> ArrayRef {
            Arc::new(Float32Array::from(frames.iter().map(|&frame| values[frame]).collect::<Vec<_>>()))
        };
        let integers = |values: &[i32]| -> ArrayRef {
            Arc::new(Int32Array::from(frames.iter().map(|&frame| values[frame]).collect::<Vec<_>>()))
        };
        let names: Vec<&str> = frames.iter().map(|&frame| cutter.file_names[frame].as_str()).collect();
        let motion = &self.motion;
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("time", Arc::new(Float64Array::from(times))),
            ("timecorr", floats(&cutter.timecorr)),
            ("cadenceno", integers(&cutter.cadences)),
            ("flux", images(flux)?),
            ("flux_err", images(error)?),
            ("quality", integers(&cutter.quality)),
            ("pos_corr1", Arc::new(Float32Array::from(motion.dx[rows.clone()].to_vec()))),
            ("pos_corr2", Arc::new(Float32Array::from(motion.dy[rows.clone()].to_vec()))),
            ("ffi_file", Arc::new(StringArray::from(names))),
        ];
        if self.is_moving() {
            let positions = &motion.positions[rows.clone()];
            let degrees = |of: fn(&uranometria_sky::Direction) -> f64| -> ArrayRef {
                Arc::new(Float64Array::from(positions.iter().map(of).collect::<Vec<_>>()))
            };
            let corners: Vec<(i64, i64)> = self.corners().skip(rows.start).take(rows.len()).collect();
            let corner = |of: fn(&(i64, i64)) -> i64| -> ArrayRef {
                Arc::new(Int32Array::from(corners.iter().map(|at| of(at) as i32).collect::<Vec<_>>()))
            };
            columns.extend([
                ("target_ra", degrees(|at| at.ra_deg())),
                ("target_dec", degrees(|at| at.dec_deg())),
                ("corner_column", corner(|at| at.0)),
                ("corner_row", corner(|at| at.1)),
            ]);
        }
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false)).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(ParquetError::from)?)
    }

    fn metadata(&self) -> Vec<KeyValue> {
        let layout = self.cutter.cube().layout();
        let mut aperture = String::with_capacity(2 * self.stamp.pixels());
        for row in 0..self.stamp.rows {
            for bits in self.stamp.aperture_rows(row..row + 1, layout.columns, layout.rows) {
                if !aperture.is_empty() {
                    aperture.push(',');
                }
                aperture.push_str(&bits.to_string());
            }
        }
        let primary = self.primary_header();
        let facts = |keywords: &'static [&'static str]| {
            keywords.iter().filter_map(|keyword| Some((*keyword, text(primary.get(keyword)?))))
        };
        let mut pairs = vec![
            ("columns", self.stamp.columns.to_string()),
            ("rows", self.stamp.rows.to_string()),
            ("flux_unit", self.cutter.cube().product().flux_unit().to_string()),
        ];
        pairs.extend(facts(&["SECTOR", "CAMERA", "CCD", "OBJECT", "TIMESYS", "TIMEREF", "BJDREFI"]));
        if let Some(frame) = self.wcs_frame {
            pairs.push(("WCS_FFI", self.cutter.file_names[frame].clone()));
        }
        let mut of_stamp = vec![
            ("corner_column", (self.stamp.x0 + 1).to_string()),
            ("corner_row", (self.stamp.y0 + 1).to_string()),
            ("aperture", aperture),
        ];
        of_stamp.extend(facts(&["RA_OBJ", "DEC_OBJ"]));
        let wcs = self.fit.iter().flat_map(|fit| crate::tpf_header::celestial(&fit.wcs));
        of_stamp.extend(wcs.map(|(keyword, value, _)| (keyword, text(&value))));
        // One stamp does not hold for the other frames of a moving target, whose corners are columns of the table.
        let prefix = if self.is_moving() {
            pairs.push(("moving", "true".to_string()));
            of_stamp.push(("row", (self.len() / 2).to_string()));
            "middle."
        } else {
            ""
        };
        let pairs = pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_string(), value));
        pairs
            .chain(of_stamp.into_iter().map(|(key, value)| KeyValue::new(format!("{prefix}{key}"), value)))
            .collect()
    }
}

fn text(value: &uranometria_fits::Value) -> String {
    match value {
        uranometria_fits::Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the medium said goes on as such.
fn failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => uranometria_fits::Error::io("write the cutout", *source).into(),
            Err(source) => Error::Parquet(ParquetError::External(source)),
        },
        other => Error::Parquet(other),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use crate::fs::{Format, write};
    use crate::pixels::testing::{Unmapped, cube, cutter};
    use crate::{Place, Size};

    #[test]
    fn row_groups_together_hold_every_frame_once_whatever_the_cube_is_read_from() {
        let bytes = cube(40, 12, 2500);
        let (place, size) = (Place::Pixel { x: 20.0, y: 6.0 }, Size::Pixels { columns: 900, rows: 2 });
        let mapped = cutter(bytes.clone());
        let cutout = mapped.cut(place, size).unwrap();
        let made = cutout.to_parquet().unwrap();
        let unmapped = Unmapped::new(bytes);
        assert!(made == cutter(&unmapped).cut(place, size).unwrap().to_parquet().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cutout.parquet");
        assert_eq!(write(&cutout, Format::Parquet, &path).unwrap(), made.len() as u64);
        assert!(std::fs::read(&path).unwrap() == made);

        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let (flux, error) = cutout.flux_and_error().unwrap();
        let mut row = 0;
        for batch in reader.build().unwrap().map(Result::unwrap) {
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let times = column("time").as_primitive::<Float64Type>().values();
            assert!(times.iter().zip(row..).all(|(time, row)| *time == 1325.5 + f64::from(row as u32)));
            let pixels = row * 1800..(row + batch.num_rows()) * 1800;
            for (name, wanted) in [("flux", &flux), ("flux_err", &error)] {
                let found = column(name).as_fixed_size_list().values();
                let found = found.as_primitive::<Float32Type>().values();
                assert!(found.iter().zip(&wanted[pixels.clone()]).all(|(a, b)| a.to_bits() == b.to_bits()));
                assert_eq!(found.len(), pixels.len());
            }
            row += batch.num_rows();
        }
        assert_eq!(row, 2500);
    }
}
