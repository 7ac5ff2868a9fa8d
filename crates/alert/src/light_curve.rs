//! What an alert tells of its object over time: the current measurement and those before it.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, StructArray};
use arrow_cast::cast;
use arrow_schema::DataType;

use crate::unify::column_at;
use crate::{Error, Survey};

/// A measurement on a difference image.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Modified Julian date as the survey gives it: of ZTF UTC at the start of the exposure, of Rubin TAI in its middle.
    pub mjd: f64,
    /// Of ZTF `g`, `r` or `i`, of Rubin `u` to `y`; empty where it is not known.
    pub band: String,
    /// Flux of the difference, nJy; negative where the object is fainter than on the template.
    pub flux_njy: f64,
    /// Its error, nJy; NaN where there is none.
    pub error_njy: f64,
}

/// The measurements of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct LightCurve {
    /// The alert; 0 where it has no number.
    pub id: i64,
    /// The object; empty where it has no name.
    pub object: String,
    /// In order of time. Upper limits are none.
    pub measurements: Vec<Measurement>,
}

/// Where a survey keeps measurements.
struct Places {
    current: &'static str,
    before: &'static str,
    object: &'static [&'static str],
    time: &'static str,
    band: &'static str,
    value: &'static str,
    error: &'static str,
}

const ZTF: Places = Places {
    current: "candidate",
    before: "prv_candidates",
    object: &["objectId"],
    time: "jd",
    band: "fid",
    value: "magpsf",
    error: "sigmapsf",
};

const LSST: Places = Places {
    current: "diaSource",
    before: "prvDiaSources",
    object: &["diaSource.diaObjectId", "diaSource.ssObjectId"],
    time: "midpointMjdTai",
    band: "band",
    value: "psfFlux",
    error: "psfFluxErr",
};

/// The light curves of alerts, one a row.
///
/// Magnitudes of ZTF (AB) become fluxes, 10^((31.4 - m) / 2.5) nJy, negative where `isdiffpos` says so.
///
/// # Errors
/// [`Error::Fields`] where the alerts are of no survey that is known, or lack the current measurement.
pub fn light_curves(batch: &RecordBatch) -> Result<Vec<LightCurve>, Error> {
    let lacking = |what: &str| Error::Fields { reason: format!("the alerts have no {what}") };
    let survey = Survey::of(batch.schema_ref()).ok_or_else(|| {
        lacking("candid with candidate.jd, and no diaSourceId with diaSource.midpointMjdTai")
    })?;
    let places = match survey {
        Survey::Ztf => &ZTF,
        Survey::Lsst => &LSST,
    };
    let current = batch.column_by_name(places.current).and_then(|column| column.as_struct_opt());
    let current = Measurements::of(current.ok_or_else(|| lacking(places.current))?, survey, places)
        .ok_or_else(|| lacking(&format!("{0}.{1} and {0}.{2}", places.current, places.time, places.value)))?;
    let before = batch.column_by_name(places.before).and_then(lists);
    let before = before.and_then(|(items, ranges)| Some((Measurements::of(&items, survey, places)?, ranges)));
    let objects: Vec<StringArray> =
        places.object.iter().filter_map(|path| texts(&column_at(batch, path)?)).collect();
    let ids = survey.ids(batch);
    let rows = 0..batch.num_rows();
    Ok(rows
        .map(|row| {
            let mut measurements: Vec<Measurement> = Vec::new();
            if let Some((earlier, ranges)) = &before {
                measurements.extend(ranges[row].clone().filter_map(|item| earlier.get(item)));
            }
            measurements.extend(current.get(row));
            measurements.sort_by(|a, b| a.mjd.total_cmp(&b.mjd));
            let named = objects.iter().find(|names| names.is_valid(row) && names.value(row) != "0");
            LightCurve {
                id: ids[row].unwrap_or_default(),
                object: named.map(|names| names.value(row).to_string()).unwrap_or_default(),
                measurements,
            }
        })
        .collect())
}

/// The items of lists of structs, and which of them are in which list.
fn lists(column: &ArrayRef) -> Option<(StructArray, Vec<Range<usize>>)> {
    let short;
    let list = match column.data_type() {
        DataType::LargeList(item) => {
            short = cast(column, &DataType::List(item.clone())).ok()?;
            short.as_list_opt::<i32>()?
        }
        _ => column.as_list_opt::<i32>()?,
    };
    let items = list.values().as_struct_opt()?.clone();
    let offsets = list.offsets();
    let range = |row: usize| {
        if list.is_null(row) { 0..0 } else { offsets[row] as usize..offsets[row + 1] as usize }
    };
    Some((items, (0..list.len()).map(range).collect()))
}

fn texts(column: &ArrayRef) -> Option<StringArray> {
    Some(cast(column, &DataType::Utf8).ok()?.as_string::<i32>().clone())
}

/// The columns of some measurements.
struct Measurements {
    survey: Survey,
    present: StructArray,
    time: ArrayRef,
    value: ArrayRef,
    error: Option<ArrayRef>,
    band: Option<StringArray>,
    sign: Option<StringArray>,
}

impl Measurements {
    fn of(all: &StructArray, survey: Survey, places: &Places) -> Option<Self> {
        let numbers = |name: &str| cast(all.column_by_name(name)?, &DataType::Float64).ok();
        let sign = all.column_by_name("isdiffpos").filter(|_| survey == Survey::Ztf);
        Some(Measurements {
            survey,
            present: all.clone(),
            time: numbers(places.time)?,
            value: numbers(places.value)?,
            error: numbers(places.error),
            band: all.column_by_name(places.band).and_then(texts),
            sign: sign.and_then(texts),
        })
    }

    fn get(&self, row: usize) -> Option<Measurement> {
        let number = |column: &ArrayRef| {
            let column = column.as_primitive::<Float64Type>();
            (column.is_valid(row) && self.present.is_valid(row)).then(|| column.value(row))
        };
        let text = |column: &Option<StringArray>| {
            let column = column.as_ref().filter(|column| column.is_valid(row));
            column.map_or("", |column| column.value(row)).to_string()
        };
        let (time, value) = (number(&self.time)?, number(&self.value)?);
        let error = self.error.as_ref().and_then(number).unwrap_or(f64::NAN);
        if !time.is_finite() || !value.is_finite() {
            return None;
        }
        let (mjd, band, flux_njy, error_njy) = match self.survey {
            Survey::Lsst => (time, text(&self.band), value, error),
            Survey::Ztf => {
                let flux = libm::pow(10.0, (31.4 - value) / 2.5);
                // `t` and `1` are brighter than the template.
                let fainter = matches!(text(&self.sign).as_str(), "f" | "0");
                let band = match text(&self.band).as_str() {
                    "1" => "g",
                    "2" => "r",
                    "3" => "i",
                    _ => "",
                };
                let signed = if fainter { -flux } else { flux };
                (time - 2_400_000.5, band.to_string(), signed, flux * error * std::f64::consts::LN_10 / 2.5)
            }
        };
        // Magnitudes such as -999 are none.
        flux_njy.is_finite().then_some(Measurement { mjd, band, flux_njy, error_njy })
    }
}
