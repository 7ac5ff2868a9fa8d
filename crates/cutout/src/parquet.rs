//! Cutouts as parquet: one row a frame, pixels as lists of fixed length.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use uranometria_fits::Source;

use crate::{Cutout, Error};

impl<S: Source> Cutout<'_, S> {
    /// Makes a parquet file: `time` (d, BTJD), `timecorr`, `cadenceno`, `flux` and `flux_err` (lists `[row][column]`),
    /// `quality`, `pos_corr1`, `pos_corr2`, `ffi_file`; of a moving target also `target_ra`, `target_dec` (deg),
    /// `corner_column` and `corner_row` (from 1).
    ///
    /// Shape, place, unit, aperture and world coordinates are key-value metadata named as in the FITS headers. Off the
    /// frame the pixels are NaN.
    ///
    /// # Errors
    /// [`Error::Cube`] where pixels cannot be read, [`Error::Parquet`].
    pub fn to_parquet(&self) -> Result<Vec<u8>, Error> {
        let cutter = self.cutter;
        let (flux, error) = self.flux_and_error()?;
        let frames: Vec<usize> = self.frames().collect();
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
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("time", Arc::new(Float64Array::from(times))),
            ("timecorr", floats(&cutter.timecorr)),
            ("cadenceno", integers(&cutter.cadences)),
            ("flux", images(flux)?),
            ("flux_err", images(error)?),
            ("quality", integers(&cutter.quality)),
            ("pos_corr1", Arc::new(Float32Array::from(self.motion.dx.clone()))),
            ("pos_corr2", Arc::new(Float32Array::from(self.motion.dy.clone()))),
            ("ffi_file", Arc::new(StringArray::from(names))),
        ];
        if self.is_moving() {
            let positions = &self.motion.positions;
            let degrees = |of: fn(&uranometria_sky::Direction) -> f64| -> ArrayRef {
                Arc::new(Float64Array::from(positions.iter().map(of).collect::<Vec<_>>()))
            };
            let corner = |of: fn((i64, i64)) -> i64| -> ArrayRef {
                Arc::new(Int32Array::from(self.corners().map(|at| of(at) as i32).collect::<Vec<_>>()))
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
        let schema = Arc::new(Schema::new(fields));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(ParquetError::from)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(self.metadata()))
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(bytes)
    }

    fn metadata(&self) -> Vec<KeyValue> {
        let layout = self.cutter.cube().layout();
        let aperture: Vec<String> =
            self.stamp.aperture(layout.columns, layout.rows).iter().map(i32::to_string).collect();
        let primary = self.primary_header();
        let mut pairs = vec![
            KeyValue::new("columns".to_string(), self.stamp.columns.to_string()),
            KeyValue::new("rows".to_string(), self.stamp.rows.to_string()),
            KeyValue::new("corner_column".to_string(), (self.stamp.x0 + 1).to_string()),
            KeyValue::new("corner_row".to_string(), (self.stamp.y0 + 1).to_string()),
            KeyValue::new("flux_unit".to_string(), self.cutter.cube().product().flux_unit().to_string()),
            KeyValue::new("aperture".to_string(), aperture.join(",")),
        ];
        let wcs = self.fit.iter().flat_map(|fit| crate::tpf_header::celestial(&fit.wcs));
        pairs.extend(wcs.map(|(keyword, value, _)| pair(keyword, &value)));
        let facts =
            ["SECTOR", "CAMERA", "CCD", "OBJECT", "RA_OBJ", "DEC_OBJ", "TIMESYS", "TIMEREF", "BJDREFI"];
        pairs.extend(
            facts.iter().filter_map(|keyword| primary.get(keyword).map(|value| pair(keyword, value))),
        );
        pairs
    }
}

fn pair(keyword: &str, value: &uranometria_fits::Value) -> KeyValue {
    let text = match value {
        uranometria_fits::Value::Text(text) => text.clone(),
        other => other.to_string(),
    };
    KeyValue::new(keyword.to_string(), text)
}
