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

impl Condition {
    /// Makes a condition.
    pub fn new(column: impl Into<String>, comparison: Comparison, value: Value) -> Self {
        Condition { column: column.into(), comparison, value }
    }

    /// Which rows meet it.
    pub(crate) fn met(&self, array: &ArrayRef) -> Result<BooleanArray, Error> {
        let failed = Error::arrow("compare a column");
        let wrong = |wanted| Error::ColumnType {
            column: self.column.clone(),
            found: array.data_type().to_string(),
            wanted,
        };
        let met: Vec<bool> = match &self.value {
            Value::Text(text) => {
                if !matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
                    return Err(wrong("text, as it is compared with text"));
                }
                let array = cast(array, &DataType::Utf8).map_err(failed)?;
                array.as_string::<i32>().iter().map(|found| self.holds(found, text.as_str())).collect()
            }
            _ if !array.data_type().is_numeric() => {
                return Err(wrong("numbers, as it is compared with a number"));
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
    fn text_is_compared_with_text_alone() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        check(array.clone(), Comparison::AtLeast, Value::Text("b".into()), &[false, true]);
        assert!(Condition::new("c", Comparison::Equal, Value::Integer(1)).met(&array).is_err());
    }
}
