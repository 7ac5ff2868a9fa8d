//! Filters of brokers and surveys, in conditions and in Python: data-fixtures/make/alert_filters.py.

use std::fs;
use std::path::Path;

use arrow_array::Array;
use serde_json::Value;
use uranometria_alert::{Classes, Filter, NoSources, TextExpression};

use crate::sample::{fixtures, ids, met, sample};

fn expected() -> Value {
    serde_json::from_slice(&fs::read(fixtures().join("filters.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

#[test]
fn filters_keep_what_the_same_filters_keep_in_python() {
    let (sample, expected) = (sample(), expected());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("filters");
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let filter = Filter::parse(&fs::read_to_string(&path).unwrap(), &path).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), filter.name);
        let wanted = numbers(&expected["kept"][&filter.name]);
        assert!(!wanted.is_empty(), "{} proves nothing", filter.name);
        assert_eq!(ids(&sample, Some(&met(&filter.text, &sample))), wanted, "{}", filter.name);
        checked += 1;
    }
    assert_eq!(checked, 19);
}

#[test]
fn the_examples_of_finks_announcement_run_as_they_are() {
    let (sample, expected) = (sample(), expected());
    for (name, text) in [
        ("announcement.1", "candidate.magpsf > 19.5; candidate.distnr > 2;"),
        ("announcement.2", "(candidate.magnr - candidate.magpsf) < -4 * (LOG10(candidate.distnr) + 0.2);"),
        ("announcement.3", "rf_snia_vs_nonia > 0.5; snn_snia_vs_nonia > 0.5;"),
    ] {
        let wanted = numbers(&expected["kept"][name]);
        assert!(!wanted.is_empty());
        assert_eq!(ids(&sample, Some(&met(text, &sample))), wanted, "{name}");
    }
}

#[test]
fn classes_are_those_that_fink_gives() {
    let (sample, expected) = (sample(), expected());
    let schema = sample.schema();
    let all = ids(&sample, None);
    let classes = expected["classes"].as_object().unwrap();
    let mut names: Vec<&str> = classes.values().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.contains(&"Ambiguous") && names.contains(&"Kilonova candidate"), "{names:?}");
    for name in names {
        let text = Classes(vec![name.into()]).condition(&schema).unwrap().unwrap();
        let wanted: Vec<i64> =
            all.iter().copied().filter(|id| classes[&id.to_string()].as_str() == Some(name)).collect();
        assert_eq!(ids(&sample, Some(&met(&text, &sample))), wanted, "{name}");
    }
    let text =
        Classes(vec!["(TNS) SN Ia".into(), "(SIMBAD) BLLac".into()]).condition(&schema).unwrap().unwrap();
    assert_eq!(met(&text, &sample), met("tns = 'SN Ia' OR cdsxmatch = 'BLLac'", &sample));
    assert_eq!(Classes(vec!["All".into()]).condition(&schema).unwrap(), None);
    let text = TextExpression::new("UPPER(objectId)", &schema, &NoSources).unwrap();
    assert_eq!(text.evaluate(&sample).unwrap().len(), sample.num_rows());
}
