//! Words in texts and numbers in intervals. IVOA, Catalogue of ADQL User Defined Functions, and RegTAP 1.1, section 7.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, StringArray};
use arrow_schema::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

use super::{Arguments, Arity, Form, Function, Takes};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const fn form(takes: &'static [Takes], run: super::Runs) -> Form {
        Form { takes: Arity::These(takes), returns: || DataType::Int32, run }
    }
    const TEXTS: &[Takes] = &[Takes::Text, Takes::Text];
    vec![
        Function::udf("ivo_hasword", const { &[form(TEXTS, has_word)] }),
        Function::udf("ivo_hashlist_has", const { &[form(TEXTS, hash_list_has)] }),
        Function::udf("ivo_interval_has", const { &[form(&[Takes::Number; 3], interval_has)] }),
    ]
}

/// For each row of two texts 0 or 1, or NULL where one is missing.
fn texts(arguments: &Arguments<'_>, holds: impl Fn(&str, &str) -> bool) -> Result<ArrayRef> {
    let (a, b) = (arguments.texts(0)?, arguments.texts(1)?);
    let there =
        |array: &StringArray, row: usize| array.is_valid(row).then(|| array.value(row).to_lowercase());
    let one = |row| Some(i32::from(holds(&there(&a, row)?, &there(&b, row)?)));
    Ok(Arc::new((0..arguments.rows).map(one).collect::<Int32Array>()))
}

/// Whether all words of the second are words of the first, in any case.
fn has_word(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        parts.filter(|word| !word.is_empty()).map(str::to_string).collect()
    };
    texts(arguments, |haystack, needle| {
        let (there, wanted) = (words(haystack), words(needle));
        !wanted.is_empty() && wanted.iter().all(|word| there.contains(word))
    })
}

/// Whether the second is one of the first's parts between `#`, in any case.
fn hash_list_has(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    texts(arguments, |list, item| list.split('#').any(|part| part == item))
}

/// Whether a number is between two; these are inside.
fn interval_has(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (value, low, high) = (arguments.numbers(0)?, arguments.numbers(1)?, arguments.numbers(2)?);
    let one = |row: usize| {
        let there = value.is_valid(row) && low.is_valid(row) && high.is_valid(row);
        there.then(|| i32::from(low.value(row) <= value.value(row) && value.value(row) <= high.value(row)))
    };
    Ok(Arc::new((0..arguments.rows).map(one).collect::<Int32Array>()))
}
