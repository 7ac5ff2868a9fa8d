//! Light curves as parquet.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, Int32Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{Background, FluxUnit, LightCurve};
use crate::Error;

/// Writes a light curve as parquet, compressed with zstd.
///
/// Names, order and numbers of the columns are those of [`write_csv`](super::write_csv); values that are not known
/// are NaN, not null. The file's key-value metadata hold `time_unit`, `time_reference`, `time_system`, `flux_unit`
/// (`relative` after [`stitch`](super::stitch), left out where unknown), `object`, `ticid`, `ra_deg` and `dec_deg`
/// where the target pixel file gives them; and for each target pixel file, counted from 0, `part.N.sector`,
/// `part.N.origin`, `part.N.aperture` (rows of 0 and 1, the lowest first, separated by commas and
/// line ends as [`Aperture::to_csv`](crate::aperture::Aperture::to_csv) writes them), `part.N.background` and
/// `part.N.normalised_by`.
///
/// # Errors
/// [`Error::Parquet`], [`Error::Length`].
pub fn write_parquet<W: Write + Send>(curve: &LightCurve, out: W) -> Result<(), Error> {
    curve.check()?;
    let batch = batch(curve)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(metadata(curve)))
        .build();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn batch(curve: &LightCurve) -> Result<RecordBatch, ParquetError> {
    let double = |column: &Vec<f64>| Arc::new(Float64Array::from(column.clone())) as ArrayRef;
    let integer = |column: &Vec<i32>| Arc::new(Int32Array::from(column.clone())) as ArrayRef;
    let columns = [
        ("time", double(&curve.time)),
        ("timecorr", Arc::new(Float32Array::from(curve.timecorr.clone())) as ArrayRef),
        ("cadenceno", integer(&curve.cadenceno)),
        ("flux", double(&curve.flux)),
        ("flux_err", double(&curve.flux_err)),
        ("background", double(&curve.background)),
        ("background_err", double(&curve.background_err)),
        ("quality", integer(&curve.quality)),
        ("sector", integer(&curve.sector)),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        let data_type: &DataType = column.data_type();
        Field::new(*name, data_type.clone(), false)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

fn metadata(curve: &LightCurve) -> Vec<KeyValue> {
    let mut metadata = Vec::new();
    let mut add = |key: String, value: Option<String>| {
        metadata.extend(value.map(|value| KeyValue { key, value: Some(value) }));
    };
    let first = curve.parts.first();
    let text = |keyword: &str| {
        let text = first?.header_with(keyword)?.text(keyword)?;
        (!text.is_empty()).then(|| text.to_string())
    };
    let number = |keyword: &str| first?.number(keyword).map(|number| format!("{number:?}"));
    add("time_unit".into(), Some("d".into()));
    add("time_reference".into(), Some(curve.time_reference().into()));
    add("time_system".into(), Some(text("TIMESYS").unwrap_or("TDB".into())));
    let unit = match &curve.unit {
        FluxUnit::Relative => Some("relative".to_string()),
        unit => unit.name().map(str::to_string),
    };
    add("flux_unit".into(), unit);
    add("object".into(), text("OBJECT"));
    add("ticid".into(), first.and_then(|part| part.integer("TICID")).map(|number| number.to_string()));
    add("ra_deg".into(), number("RA_OBJ"));
    add("dec_deg".into(), number("DEC_OBJ"));
    for (n, part) in curve.parts.iter().enumerate() {
        let key = |name: &str| format!("part.{n}.{name}");
        add(key("sector"), Some(part.sector.to_string()));
        add(key("origin"), (!part.origin.is_empty()).then(|| part.origin.clone()));
        add(key("aperture"), Some(part.aperture.to_csv()));
        let background = match part.background {
            Background::None => "none".to_string(),
            Background::Annulus { inner, outer } => format!("annulus of {inner} to {outer} pixels"),
        };
        add(key("background"), Some(background));
        add(key("normalised_by"), part.normalised_by.map(|median| format!("{median:?}")));
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aperture::Aperture;
    use crate::tpf::testing::File;

    #[test]
    fn equal_light_curves_are_equal_bytes_with_the_aperture_in_the_metadata() {
        let tpf = File::new(3, 2, 2, |frame, _, _| frame as f32).tpf();
        let aperture = Aperture::new(2, 2, vec![true, false, false, true]).unwrap();
        let curve = LightCurve::extract(&tpf, &aperture, Background::None).unwrap().with_origin("tpf.fits");
        let (mut first, mut second) = (Vec::new(), Vec::new());
        write_parquet(&curve, &mut first).unwrap();
        write_parquet(&curve, &mut second).unwrap();
        assert_eq!(first, second);
        assert!(first.starts_with(b"PAR1") && first.ends_with(b"PAR1"));
        let has = |text: &[u8]| first.windows(text.len()).any(|window| window == text);
        assert!(has(b"1,0\n0,1\n") && has(b"tpf.fits") && has(b"BJD - 2457000") && has(b"e-/s"));
    }
}
