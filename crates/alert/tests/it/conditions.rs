//! NULL, NaN, histories, places, mistakes.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampNanosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use uranometria_alert::{Conditions, NoSources};

use crate::sample::{met, sample};

/// Rows with every kind of value there and not there.
fn alerts() -> RecordBatch {
    let x: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(-2.0)]));
    let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(1 << 60), Some(0), None, Some((1 << 60) + 1)]));
    let s: ArrayRef = Arc::new(StringArray::from(vec![Some("SN Ia"), Some(""), None, Some("QSO")]));
    let b: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]));
    let t: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![
        Some(1_635_897_600_000_000_000),
        Some(0),
        None,
        Some(1_635_984_000_000_000_000),
    ]));
    let jd: ArrayRef = Arc::new(Float64Array::from(vec![10.0, 10.0, 10.0, 10.0]));
    let mag: ArrayRef = Arc::new(Float32Array::from(vec![18.0, 19.0, 20.0, 21.0]));
    let fields = vec![
        Arc::new(Field::new("jd", DataType::Float64, true)),
        Arc::new(Field::new("magpsf", DataType::Float32, true)),
    ];
    let candidate = StructArray::new(fields.clone().into(), vec![jd, mag], None);
    let jd: ArrayRef = Arc::new(Float64Array::from(vec![9.0, 7.0, 8.0, 6.0, 5.0]));
    let mag: ArrayRef =
        Arc::new(Float32Array::from(vec![Some(17.0), None, Some(19.0), Some(22.0), Some(9.0)]));
    let elements = StructArray::new(fields.into(), vec![jd, mag], None);
    let element = Arc::new(Field::new("element", elements.data_type().clone(), true));
    // The third is NULL and hides an element.
    let offsets = OffsetBuffer::new(vec![0, 3, 3, 4, 5].into());
    let nulls = NullBuffer::from(vec![true, true, false, true]);
    let history = ListArray::new(element, offsets, Arc::new(elements), Some(nulls));
    let mut values = ListBuilder::new(Float64Builder::new());
    values.append_value([Some(1.0), None]);
    values.append_value([]);
    values.append_null();
    values.append_value([Some(5.0)]);
    RecordBatch::try_from_iter([
        ("x", x),
        ("n", n),
        ("s", s),
        ("b", b),
        ("t", t),
        ("candidate", Arc::new(candidate) as ArrayRef),
        ("prv_candidates", Arc::new(history) as ArrayRef),
        ("bare", Arc::new(values.finish()) as ArrayRef),
    ])
    .unwrap()
}

/// Which rows a condition is true (`t`), false (`f`) or unknown (`u`) for.
fn check(text: &str, wanted: &str) {
    let alerts = alerts();
    let (yes, no) = (met(text, &alerts), met(&format!("NOT ({text})"), &alerts));
    let found: String = (0..alerts.num_rows())
        .map(|row| match (yes.value(row), no.value(row)) {
            (true, false) => 't',
            (false, true) => 'f',
            (false, false) => 'u',
            _ => '!',
        })
        .collect();
    assert_eq!(found, wanted, "{text}");
}

#[test]
fn null_is_unknown_and_nan_is_null() {
    for (text, wanted) in [
        ("x > 0", "tuuf"),
        ("x = x", "tuut"),
        ("x <> 1", "fuut"),
        ("x + NULL > 0", "uuuu"),
        ("x IS NULL", "fttf"),
        ("x IS NOT NULL", "tfft"),
        ("1 / (x - 1) > 0", "uuuf"),
        ("LOG10(x) > -1", "tuuu"),
        ("SQRT(x) >= 0", "tuuu"),
        ("x > 0 AND n = 0", "fuuf"),
        ("x > 0 OR n = 0", "ttuf"),
        ("x BETWEEN -3 AND 0", "fuut"),
        ("x NOT BETWEEN -3 AND 0", "tuuf"),
        ("x IN (1, 2)", "tuuf"),
        ("x IN (1, NULL)", "tuuu"),
        ("x IN (0.5, 1/0)", "uuuu"),
        ("x IN (1, 1/0, -7.5)", "tuuu"),
        ("x NOT IN (0.5, 1/0)", "uuuu"),
        ("x IN (1/0)", "uuuu"),
        ("x NOT IN (1, 2.5)", "fuut"),
        ("n IN (0, 1/0)", "utuu"),
        ("n IN (1152921504606846976)", "tfuf"),
        ("n = 1152921504606846977", "ffut"),
        ("n % 2 = 1", "ffut"),
        ("s LIKE 'SN%'", "tfuf"),
        ("s ILIKE 'sn%'", "tfuf"),
        ("s NOT IN ('QSO')", "ttuf"),
        ("s = ''", "ftuf"),
        ("b", "tfut"),
        ("b IS TRUE", "tfft"),
        ("b IS NOT TRUE", "fttf"),
        ("b = 1", "tfut"),
        ("b IS UNKNOWN", "fftf"),
        ("COALESCE(x, 5) > 2", "fttf"),
        ("NULLIF(n, 0) IS NULL", "fttf"),
        ("GREATEST(x, -1) > 0", "tfff"),
        ("CASE WHEN x > 0 THEN 'a' WHEN x < 0 THEN 'b' ELSE s END = 'b'", "ffut"),
        ("CASE n WHEN 0 THEN TRUE END", "utuu"),
        ("IF(b, x, 7) > 0", "tttf"),
        ("LENGTH(s) > 3", "tfuf"),
        ("t >= '2021-11-03'", "tfut"),
        ("JD(t) > 2459522", "ffut"),
        ("ROUND(x / 3, 1) = 0.3", "tuuf"),
        ("POWER(x, 2) = 4 OR x = 1", "tuut"),
        ("1 = CONTAINS(POINT(x, x), CIRCLE(0, 0, 2))", "tuuf"),
    ] {
        check(text, wanted);
    }
}

#[test]
fn lists_are_looked_at_by_sqls_rules() {
    for (text, wanted) in [
        ("ANY(prv_candidates, magpsf < 18)", "tfft"),
        ("ANY(prv_candidates, magpsf > 18.5)", "tfff"),
        ("ALL(prv_candidates, magpsf < 20)", "uttt"),
        ("ALL(prv_candidates, magpsf < 20 WHERE magpsf IS NOT NULL)", "tttt"),
        ("ANY(prv_candidates, magpsf > 30)", "ufff"),
        ("COUNT(prv_candidates) = 3", "tfff"),
        ("COUNT(prv_candidates) = 0", "fttf"),
        ("COUNT(history WHERE magpsf IS NOT NULL) = 3", "tfff"),
        ("MIN(prv_candidates, magpsf) = 17", "tuuf"),
        ("MAX(history, magpsf) >= 19", "tttt"),
        ("LAST(history, magpsf) = candidate.magpsf", "tttt"),
        ("FIRST(prv_candidates, magpsf) = 19", "tuuf"),
        ("DAYS_SINCE_FIRST(prv_candidates) = 3", "tuuf"),
        ("DAYS_SINCE_LAST(prv_candidates WHERE magpsf > 18) = 2", "tuuu"),
        ("MAX_GAP(history) = 1", "tuuf"),
        ("RATE(history, magpsf) = 1", "tuuf"),
        ("SLOPE(prv_candidates, magpsf) = -2", "tuuu"),
        ("ANY(history, magpsf > candidate.magpsf)", "tfff"),
        ("MEAN(bare, value) = 1", "tuuf"),
        ("COUNT(bare WHERE value IS NULL) = 1", "tfff"),
        ("prv_candidates IS NULL", "fftf"),
    ] {
        check(text, wanted);
    }
}

#[test]
fn mistakes_are_told_with_their_place_and_the_way_out() {
    let sample = sample();
    let told = |text: &str| Conditions::new(text, &sample.schema(), &NoSources).unwrap_err().to_string();
    for (text, wanted) in [
        (
            "candidate.magpfs > 19",
            "line 1, column 1: there is no field `candidate.magpfs`; did you mean `candidate.magpsf`?\n  | \
             candidate.magpfs > 19\n  | ^^^^^^^^^^^^^^^^",
        ),
        (
            "rb > 0.5;\nLOG11(rb) > 2 AND objectId > 3",
            "line 2, column 1: there is no function `LOG11`; did you mean `LOG10`?\n  | LOG11(rb) > 2 AND objectId > 3\n  \
             | ^^^^^\nline 2, column 19: a text is compared with a whole number; write the text in quotes: 'text'\n",
        ),
        ("rb > '0.5'", "line 1, column 1: a number is compared with a text; write 0.5 without quotes"),
        ("rb + 1", "line 1, column 1: this is a number; compare it, as in x > 0"),
        (
            "1 < rb < 2",
            "line 1, column 8: `<` stands here; comparisons are not chained; write a < b AND b < c",
        ),
        ("COUNT(candidate) > 1", "`candidate` is no list; lists are prv_candidates"),
        (
            "ATAN2(rb) > 1",
            "ATAN2 is given 1 argument\n  | ATAN2(rb) > 1\n  | ^^^^^^^^^\n  = expected ATAN2(y, x)",
        ),
        ("cdsxmatch = Unknown", "there is no field `Unknown`; text is written in single quotes: 'Unknown'"),
        ("cdsxmatch = \"QSO\"", "there is no field `QSO`; text is written in single quotes: 'QSO'"),
        ("MATCHES('gaia', 1)", "there is no catalogue 'gaia': no archive was given"),
        ("IN_CONE(10, 91, 1)", "dec is 91"),
        ("ANY(history, COUNT(history) > 1)", "this looks at a list within a list"),
        ("rb > 0.5 rb < 1", "line 1, column 10: `rb` stands here"),
    ] {
        let told = told(text);
        assert!(told.contains(wanted), "{text}:\n{told}\nwanted\n{wanted}");
    }
}

#[test]
fn only_the_leaves_that_are_needed_are_asked_for() {
    let sample = sample();
    let conditions = Conditions::new("magpsf > 18; COUNT(prv_candidates) > 1", &sample.schema(), &NoSources);
    assert_eq!(conditions.unwrap().leaves().len(), 2);
}
