//! Conditions on single columns.

use std::fmt;
use std::str::FromStr;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_cast::cast;
use arrow_schema::DataType;

use crate::Error;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `<>`
    Differs,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number, compared exactly with whole numbers of any size.
    Integer(i128),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A condition on a column. Null and NaN meet none.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: Value,
}

/// The least and the greatest value of some rows, or values beyond them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends<'a> {
    Integers(i128, i128),
    Numbers(f64, f64),
    Texts(&'a [u8], &'a [u8]),
}

impl Condition {
    /// Makes a condition.
    pub fn new(column: impl Into<String>, comparison: Comparison, value: Value) -> Self {
        Condition { column: column.into(), comparison, value }
    }

    /// Errs where a column of a type cannot be compared with the value.
    pub(crate) fn check(&self, data_type: &DataType) -> Result<(), Error> {
        let text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let wanted = match &self.value {
            Value::Text(_) if !text => "text, as it is compared with text",
            Value::Integer(_) | Value::Number(_) if !data_type.is_numeric() => {
                "numbers, as it is compared with a number"
            }
            _ => return Ok(()),
        };
        Err(Error::ColumnType { column: self.column.clone(), found: data_type.to_string(), wanted })
    }

    /// Whether a row may meet it where all values lie between two; errs on the side of yes.
    pub(crate) fn may_be_met(&self, ends: Ends<'_>) -> bool {
        match (ends, &self.value) {
            (Ends::Integers(least, most), Value::Integer(value)) => self.reaches(least, most, *value),
            (Ends::Integers(least, most), Value::Number(value)) => {
                self.reaches(least as f64, most as f64, *value)
            }
            (Ends::Numbers(least, most), Value::Integer(value)) => self.reaches(least, most, *value as f64),
            (Ends::Numbers(least, most), Value::Number(value)) => self.reaches(least, most, *value),
            // Ends of long texts are cut short, so that two which are alike may stand for different ones.
            (Ends::Texts(..), Value::Text(_)) if self.comparison == Comparison::Differs => true,
            (Ends::Texts(least, most), Value::Text(value)) => self.reaches(least, most, value.as_bytes()),
            (Ends::Texts(..), _) | (_, Value::Text(_)) => true,
        }
    }

    fn reaches<T: PartialOrd>(&self, least: T, most: T, value: T) -> bool {
        let (Some(low), Some(high)) = (least.partial_cmp(&value), most.partial_cmp(&value)) else {
            return true;
        };
        match self.comparison {
            Comparison::Less => low.is_lt(),
            Comparison::AtMost => low.is_le(),
            Comparison::Equal => low.is_le() && high.is_ge(),
            Comparison::Differs => low.is_ne() || high.is_ne(),
            Comparison::AtLeast => high.is_ge(),
            Comparison::Greater => high.is_gt(),
        }
    }

    /// Which rows meet it.
    pub(crate) fn met(&self, array: &ArrayRef) -> Result<BooleanArray, Error> {
        self.check(array.data_type())?;
        let failed = Error::arrow("compare a column");
        let met: Vec<bool> = match &self.value {
            Value::Text(text) => {
                let array = cast(array, &DataType::Utf8).map_err(failed)?;
                array.as_string::<i32>().iter().map(|found| self.holds(found, text.as_str())).collect()
            }
            Value::Integer(number) if array.data_type() == &DataType::UInt64 => {
                let numbers = array.as_primitive::<UInt64Type>().iter();
                numbers.map(|found| self.holds(found.map(i128::from), *number)).collect()
            }
            Value::Integer(number) if array.data_type().is_integer() => {
                let array = cast(array, &DataType::Int64).map_err(failed)?;
                let numbers = array.as_primitive::<Int64Type>().iter();
                numbers.map(|found| self.holds(found.map(i128::from), *number)).collect()
            }
            Value::Integer(number) => self.numbers(array, *number as f64)?,
            Value::Number(number) => self.numbers(array, *number)?,
        };
        Ok(met.into())
    }

    fn numbers(&self, array: &ArrayRef, number: f64) -> Result<Vec<bool>, Error> {
        let array = cast(array, &DataType::Float64).map_err(Error::arrow("compare a column"))?;
        Ok(array.as_primitive::<Float64Type>().iter().map(|found| self.holds(found, number)).collect())
    }

    fn holds<T: PartialOrd>(&self, found: Option<T>, value: T) -> bool {
        let Some(order) = found.and_then(|found| found.partial_cmp(&value)) else { return false };
        match self.comparison {
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::Differs => order.is_ne(),
            Comparison::AtLeast => order.is_ge(),
            Comparison::Greater => order.is_gt(),
        }
    }
}

/// A column, a comparison and a value: `phot_g_mean_mag < 15`, `class = 'RR Lyrae'`. A name with blanks or signs is
/// quoted with `"`.
impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::Condition { found: text.to_string() };
        let text = text.trim();
        let (column, rest) = match text.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(bad)?,
            None => text.split_at(text.find(['<', '>', '=', '!', '"']).ok_or_else(bad)?),
        };
        let (column, rest) = (column.trim(), rest.trim_start());
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<>", Comparison::Differs),
            ("!=", Comparison::Differs),
            ("==", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        let (sign, comparison) = signs.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(bad)?;
        let value = rest[sign.len()..].trim();
        let value = match value.strip_prefix('\'') {
            Some(quoted) => {
                let inner = quoted.strip_suffix('\'').ok_or_else(bad)?;
                if inner.replace("''", "").contains('\'') {
                    return Err(bad());
                }
                Value::Text(inner.replace("''", "'"))
            }
            None => match (value.parse(), value.parse::<f64>()) {
                (Ok(whole), _) => Value::Integer(whole),
                (_, Ok(number)) if number.is_finite() => Value::Number(number),
                _ => return Err(bad()),
            },
        };
        if column.is_empty() {
            return Err(bad());
        }
        Ok(Condition { column: column.to_string(), comparison: *comparison, value })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Equal => "=",
            Comparison::Differs => "<>",
            Comparison::AtLeast => ">=",
            Comparison::Greater => ">",
        };
        let plain = self.column.chars().all(|c| c.is_alphanumeric() || c == '_');
        let quote = if plain { "" } else { "\"" };
        write!(f, "{quote}{}{quote} {sign} ", self.column)?;
        match &self.value {
            Value::Integer(number) => write!(f, "{number}"),
            Value::Number(number) => write!(f, "{number:?}"),
            Value::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float32Array, Int64Array, StringArray, UInt64Array};

    use super::*;

    fn check(array: ArrayRef, comparison: Comparison, value: Value, wanted: &[bool]) {
        let condition = Condition::new("c", comparison, value);
        let met: Vec<bool> = condition.met(&array).unwrap().values().iter().collect();
        assert_eq!(met, wanted, "{condition}");
    }

    #[test]
    fn text_makes_conditions() {
        let made = |text: &str| text.parse::<Condition>();
        let whole = Condition::new("g", Comparison::AtMost, Value::Integer(15));
        assert_eq!(made(" g<=15 ").unwrap(), whole);
        assert_eq!(made("\"g\" <= 15").unwrap(), whole);
        let number = Condition::new("bp - rp", Comparison::Greater, Value::Number(-0.5));
        assert_eq!(made("\"bp - rp\" > -5e-1").unwrap(), number);
        let text = Condition::new("class", Comparison::Differs, Value::Text("O'Neil = x".into()));
        assert_eq!(made("class != 'O''Neil = x'").unwrap(), text);
        for condition in [whole, number, text] {
            assert_eq!(made(&condition.to_string()).unwrap(), condition);
        }
        for bad in
            ["", "g\" < 5", "g", "g <", "< 5", "g < nan", "g < five", "g = 'x", "g = 'x' or 'y'", "\"g < 5"]
        {
            assert!(made(bad).unwrap_err().to_string().contains("COLUMN"), "{bad}");
        }
    }

    #[test]
    fn null_and_nan_meet_nothing() {
        let array: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), None, Some(f32::NAN)]));
        check(array.clone(), Comparison::Differs, Value::Number(2.0), &[true, false, false]);
        check(array, Comparison::AtMost, Value::Integer(1), &[true, false, false]);
    }

    #[test]
    fn long_whole_numbers_are_compared_exactly() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![(1 << 60) + 1, 1 << 60]));
        check(ids, Comparison::Equal, Value::Integer((1 << 60) + 1), &[true, false]);
        let ids: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 0]));
        check(ids.clone(), Comparison::Greater, Value::Integer(-1), &[true, true]);
        let condition: Condition = "c = 18446744073709551615".parse().unwrap();
        check(ids, condition.comparison, condition.value, &[true, false]);
    }

    #[test]
    fn what_lies_beyond_the_ends_is_not_looked_at() {
        let may = |comparison, value, ends| Condition::new("c", comparison, value).may_be_met(ends);
        let ends = Ends::Integers(3, 5);
        for (comparison, met) in [
            (Comparison::Less, [false, false, true, true, true]),
            (Comparison::AtMost, [false, true, true, true, true]),
            (Comparison::Equal, [false, true, true, true, false]),
            (Comparison::Differs, [true; 5]),
            (Comparison::AtLeast, [true, true, true, true, false]),
            (Comparison::Greater, [true, true, true, false, false]),
        ] {
            let found = [2, 3, 4, 5, 6].map(|value| may(comparison, Value::Integer(value), ends));
            assert_eq!(found, met, "{comparison:?}");
            let found = [2.0, 3.0, 4.0, 5.0, 6.0].map(|value| may(comparison, Value::Number(value), ends));
            assert_eq!(found, met, "{comparison:?}");
        }
        assert!(!may(Comparison::Differs, Value::Number(3.0), Ends::Numbers(3.0, 3.0)));
        assert!(may(Comparison::Equal, Value::Number(3.0), Ends::Numbers(f64::NAN, f64::NAN)));
        let ends = Ends::Texts(b"M", b"M");
        assert!(may(Comparison::Differs, Value::Text("M".into()), ends));
        assert!(!may(Comparison::Equal, Value::Text("N".into()), ends));
        assert!(may(Comparison::Equal, Value::Integer(1), ends));
    }

    #[test]
    fn text_is_compared_with_text_alone() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        check(array.clone(), Comparison::AtLeast, Value::Text("b".into()), &[false, true]);
        assert!(Condition::new("c", Comparison::Equal, Value::Integer(1)).met(&array).is_err());
    }
}
