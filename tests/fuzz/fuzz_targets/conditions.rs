//! Conditions on alerts, compiled for a schema that has a field of every kind, and run.
#![no_main]

use std::sync::{Arc, OnceLock};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field};
use libfuzzer_sys::fuzz_target;
use uranometria_alert::{Conditions, Filter, NoSources};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let alerts = alerts();
    match Conditions::new(text, &alerts.schema(), &NoSources) {
        Ok(conditions) => {
            let all = conditions.evaluate(alerts).expect("what compiles runs");
            assert_eq!(all.len(), alerts.num_rows());
            // A part of them gives that part.
            let part = conditions.evaluate(&alerts.slice(1, 2)).expect("what compiles runs");
            assert_eq!((part.value(0), part.value(1)), (all.value(1), all.value(2)), "{text:?}");
            let _ = conditions.decide(&|_| None);
        }
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                assert!(mistake.span.start <= mistake.span.end, "{mistake:?}");
            }
            assert!(!mistakes.render().is_empty());
        }
    }
    let _ = Filter::parse(text, "filter");
});

fn alerts() -> &'static RecordBatch {
    static ALERTS: OnceLock<RecordBatch> = OnceLock::new();
    ALERTS.get_or_init(|| {
        let jd: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(4.0)]));
        let mag: ArrayRef = Arc::new(Float32Array::from(vec![18.0, 19.0, f32::INFINITY, 21.0]));
        let fid: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, i64::MAX, i64::MIN]));
        let fields = vec![
            Arc::new(Field::new("jd", DataType::Float64, true)),
            Arc::new(Field::new("magpsf", DataType::Float32, true)),
            Arc::new(Field::new("fid", DataType::Int64, true)),
            Arc::new(Field::new("ra", DataType::Float64, true)),
            Arc::new(Field::new("dec", DataType::Float64, true)),
        ];
        let candidate = StructArray::new(fields.into(), vec![jd.clone(), mag, fid, jd.clone(), jd], None);
        let element = Arc::new(Field::new("element", candidate.data_type().clone(), true));
        let offsets = arrow_buffer::OffsetBuffer::new(vec![0, 2, 2, 3, 4].into());
        let history = ListArray::new(element, offsets, Arc::new(candidate.clone()), None);
        let arrays: [(&str, ArrayRef); 6] = [
            ("candidate", Arc::new(candidate)),
            ("prv_candidates", Arc::new(history)),
            ("s", Arc::new(StringArray::from(vec![Some("SN Ia"), Some(""), None, Some("é")]))),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
            (
                "t",
                Arc::new(TimestampMicrosecondArray::from(vec![
                    Some(0),
                    None,
                    Some(i64::MAX),
                    Some(i64::MIN),
                ])),
            ),
            ("n", Arc::new(Int64Array::from(vec![Some(0), None, Some(i64::MAX), Some(i64::MIN)]))),
        ];
        RecordBatch::try_from_iter(arrays).expect("columns of one length")
    })
}
