//! Which survey an alert is of, and what identifies, places and dates it.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema as ArrowSchema};
use jiff::civil::Date;

use crate::time::{night_of_jd_utc, night_of_mjd_tai};
use crate::unify::{column_at, field_at};

/// A survey whose alerts are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Survey {
    /// The Zwicky Transient Facility, as it sends alerts and as Fink does.
    Ztf,
    /// Rubin's survey, as it sends alerts and as Fink does.
    Lsst,
}

/// What identifies an alert and orders it within a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The night, as [`Date`] counted in days since 1970-01-01.
    pub night: i32,
    /// The object: of ZTF the first 16 bytes of its name, of Rubin its number.
    pub object: u128,
    /// The time, such that later ones are larger.
    pub time: u64,
    /// The alert.
    pub id: i64,
}

/// A row that has no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoKey {
    /// The row.
    pub row: usize,
    /// The field.
    pub field: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub wanted: &'static str,
}

impl Survey {
    /// All of them.
    pub const ALL: [Survey; 2] = [Survey::Ztf, Survey::Lsst];

    /// The survey that has alerts of these columns, if one is known: ZTF's have `candidate.jd` and `objectId`, Rubin's
    /// `diaSource.midpointMjdTai`.
    pub fn of(schema: &ArrowSchema) -> Option<Self> {
        Survey::ALL.into_iter().find(|survey| {
            survey.id(schema).is_some()
                && field_at(schema, survey.time()).is_some_and(|field| field.data_type().is_numeric())
        })
    }

    /// The name in the names of files: `ztf` or `lsst`.
    pub fn name(self) -> &'static str {
        match self {
            Survey::Ztf => "ztf",
            Survey::Lsst => "lsst",
        }
    }

    /// The survey of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Survey::ALL.into_iter().find(|survey| survey.name() == name)
    }

    /// The field that identifies an alert, as these columns have it.
    pub fn id(self, schema: &ArrowSchema) -> Option<&'static str> {
        self.id_columns(schema).first().copied()
    }

    /// The fields that identify an alert, as these columns have them: the first that is not null does. Where columns of
    /// several schemas were brought together, it is not the same one in each row.
    pub(crate) fn id_columns(self, schema: &ArrowSchema) -> Vec<&'static str> {
        let mut names = match self {
            Survey::Ztf => vec!["candid", "candidate.candid"],
            Survey::Lsst => vec!["diaSourceId", "alertId", "diaSource.diaSourceId"],
        };
        names.retain(|name| field_at(schema, name).is_some_and(|field| field.data_type().is_integer()));
        names
    }

    /// The number of each alert.
    pub(crate) fn ids(self, batch: &RecordBatch) -> Vec<Option<i64>> {
        let mut ids = vec![None; batch.num_rows()];
        for name in self.id_columns(batch.schema_ref()) {
            let Some(column) = column_at(batch, name).and_then(|column| cast(&column, &DataType::Int64).ok())
            else {
                continue;
            };
            for (id, here) in ids.iter_mut().zip(column.as_primitive::<Int64Type>()) {
                *id = id.or(here);
            }
            if !ids.contains(&None) {
                break;
            }
        }
        ids
    }

    /// The field of the time: of ZTF `candidate.jd`, UTC as Julian date, when the exposure began; of Rubin
    /// `diaSource.midpointMjdTai`, TAI as modified Julian date, the middle of the exposure.
    pub fn time(self) -> &'static str {
        match self {
            Survey::Ztf => "candidate.jd",
            Survey::Lsst => "diaSource.midpointMjdTai",
        }
    }

    /// The fields of right ascension and declination, ICRS degrees.
    pub fn position(self) -> (&'static str, &'static str) {
        match self {
            Survey::Ztf => ("candidate.ra", "candidate.dec"),
            Survey::Lsst => ("diaSource.ra", "diaSource.dec"),
        }
    }

    /// The field of the object: of Rubin's alerts of the solar system it is null.
    pub fn object(self) -> &'static str {
        match self {
            Survey::Ztf => "objectId",
            Survey::Lsst => "diaSource.diaObjectId",
        }
    }

    /// The keys of a batch, and the rows that have none.
    pub(crate) fn keys(self, batch: &RecordBatch) -> (Vec<Option<Key>>, Vec<NoKey>) {
        let schema = batch.schema_ref();
        let number =
            |path: &str, kind: &DataType| column_at(batch, path).and_then(|column| cast(&column, kind).ok());
        let id = self.id(schema);
        let ids = self.ids(batch);
        let times = number(self.time(), &DataType::Float64);
        let objects: Vec<u128> = match self {
            Survey::Ztf => texts(column_at(batch, "objectId"), batch.num_rows()),
            Survey::Lsst => {
                let objects = number("diaSource.diaObjectId", &DataType::Int64);
                let moving = number("diaSource.ssObjectId", &DataType::Int64);
                let of = |column: &Option<ArrayRef>, row| {
                    let column = column.as_ref()?.as_primitive::<Int64Type>();
                    Some(column.value(row)).filter(|value| column.is_valid(row) && *value != 0)
                };
                let object = |row| of(&objects, row).or_else(|| of(&moving, row)).unwrap_or(0);
                (0..batch.num_rows()).map(|row| u128::from(object(row) as u64 ^ 1 << 63)).collect()
            }
        };
        let mut without = Vec::new();
        let keys = (0..batch.num_rows()).map(|row| {
            let lacks =
                |field: &str, found: String, wanted| NoKey { row, field: field.to_string(), found, wanted };
            let Some(alert) = ids[row] else {
                return Err(lacks(id.unwrap_or("candid"), "null".into(), "the number of the alert"));
            };
            let time_at = times.as_ref().map(|times| times.as_primitive::<Float64Type>());
            let time = time_at.filter(|times| times.is_valid(row)).map_or(f64::NAN, |times| times.value(row));
            let night = match self {
                Survey::Ztf => night_of_jd_utc(time),
                Survey::Lsst => night_of_mjd_tai(time),
            };
            let Some(night) = night else {
                return Err(lacks(self.time(), time.to_string(), "a time between 1972 and 2200"));
            };
            let bits = time.to_bits() ^ if time < 0.0 { u64::MAX } else { 1 << 63 };
            Ok(Key { night, object: objects[row], time: bits, id: alert })
        });
        let keys = keys.map(|key| key.map_err(|lack| without.push(lack)).ok()).collect();
        (keys, without)
    }
}

fn texts(column: Option<ArrayRef>, rows: usize) -> Vec<u128> {
    let Some(column) = column.and_then(|column| cast(&column, &DataType::Utf8).ok()) else {
        return vec![0; rows];
    };
    let column = column.as_string::<i32>();
    let start = |text: &str| {
        let mut bytes = [0; 16];
        let len = text.len().min(16);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        u128::from_be_bytes(bytes)
    };
    column.iter().map(|text| text.map_or(0, start)).collect()
}

impl Key {
    /// The night.
    pub fn date(&self) -> Date {
        crate::time::date(self.night)
    }
}
