//! Columns by name, and positions out of columns of any numeric type.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Schema};

use crate::Error;

/// The place of a column, whatever the case of its letters where that is unambiguous.
pub(crate) fn column(schema: &Schema, name: &str) -> Result<usize, Error> {
    let names = || schema.fields().iter().map(|field| field.name());
    if let Some(at) = names().position(|found| found == name) {
        return Ok(at);
    }
    let mut alike = names().enumerate().filter(|(_, found)| found.eq_ignore_ascii_case(name));
    if let (Some((at, _)), None) = (alike.next(), alike.next()) {
        return Ok(at);
    }
    let there: Vec<String> = names().cloned().collect();
    let likeness = |found: &str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    let nearest = there.iter().map(|found| (likeness(found), found)).max_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = nearest.filter(|(likeness, _)| *likeness > 0.8).map(|(_, found)| found.clone());
    Err(Error::NoColumn { wanted: name.to_string(), nearest, there })
}

/// The places of columns that are wanted, each once.
pub(crate) fn columns(schema: &Schema, names: &[String]) -> Result<Vec<usize>, Error> {
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let place = column(schema, name)?;
        if places.contains(&place) {
            return Err(Error::Twice { column: schema.field(place).name().clone() });
        }
        places.push(place);
    }
    Ok(places)
}

/// Numbers of a column as doubles, NaN where they are missing or no numbers.
pub(crate) fn doubles(array: &ArrayRef, name: &str) -> Result<Float64Array, Error> {
    let number = array.data_type().is_numeric()
        || matches!(
            array.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
        );
    if !number {
        let found = array.data_type().to_string();
        return Err(Error::ColumnType { column: name.to_string(), found, wanted: "numbers" });
    }
    let cast = if array.data_type() == &DataType::Float64 {
        array.clone()
    } else {
        let safe = CastOptions { safe: true, ..CastOptions::default() };
        cast_with_options(array, &DataType::Float64, &safe).map_err(Error::arrow("read numbers"))?
    };
    let numbers = cast.as_primitive::<Float64Type>();
    if numbers.null_count() == 0 {
        return Ok(Float64Array::new(numbers.values().clone(), None));
    }
    Ok(numbers.iter().map(|number| Some(number.unwrap_or(f64::NAN))).collect())
}

/// Right ascensions and declinations of a batch, degrees.
pub(crate) struct Positions {
    pub(crate) ra: Float64Array,
    pub(crate) dec: Float64Array,
}

/// Why a row has no position.
pub(crate) struct BadPosition {
    pub(crate) row: usize,
    /// 0 for right ascension, 1 for declination.
    pub(crate) coordinate: usize,
    pub(crate) wanted: &'static str,
}

impl Positions {
    pub(crate) fn of(batch: &RecordBatch, ra: usize, dec: usize) -> Result<Self, Error> {
        let schema = batch.schema_ref();
        Ok(Positions {
            ra: doubles(batch.column(ra), schema.field(ra).name())?,
            dec: doubles(batch.column(dec), schema.field(dec).name())?,
        })
    }

    /// The rows that have no position.
    pub(crate) fn bad(&self) -> Vec<BadPosition> {
        let (ra, dec) = (self.ra.values(), self.dec.values());
        let good_ra = |row: usize| ra[row].abs() <= 360.0;
        let good = |row: usize| good_ra(row) && dec[row].abs() <= 90.0;
        (0..ra.len())
            .filter(|row| !good(*row))
            .map(|row| match good_ra(row) {
                true => BadPosition { row, coordinate: 1, wanted: "degrees from -90 to 90" },
                false => BadPosition { row, coordinate: 0, wanted: "degrees from -360 to 360" },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float32Array, StringArray};
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn a_misspelt_column_is_told_the_nearest() {
        let field = |name: &str| Field::new(name, DataType::Float64, true);
        let schema = Schema::new(vec![field("RAJ2000"), field("DEJ2000"), field("ra"), field("RA")]);
        assert_eq!(column(&schema, "raj2000").unwrap(), 0);
        assert_eq!(column(&schema, "RA").unwrap(), 3);
        // Two are alike.
        assert!(column(&schema, "Ra").is_err());
        let error = column(&schema, "RA_J2000").unwrap_err().to_string();
        assert_eq!(error, "column RA_J2000 is not there; did you mean RAJ2000?");
    }

    #[test]
    fn numbers_of_any_kind_are_read_and_others_are_nan() {
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.5), None]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["1.5", "x"]));
        for array in [floats, texts] {
            let read = doubles(&array, "a").unwrap();
            assert!(read.value(0) == 1.5 && read.value(1).is_nan() && read.null_count() == 0);
        }
    }
}
