//! Columns of one name: of NATURAL and USING, of results, of subqueries. Engines differ in what they make of them.

use std::fs;

use serde_json::Value;
use uranometria_query::Resources;

use crate::support::{Archive, texts};

/// By name and value, as PostgreSQL has them.
#[test]
fn columns_of_one_name_are_those_of_the_standard() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data-fixtures/adql/joins.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut archive = Archive::empty(&Resources::default());
    for (name, table) in lines.next().unwrap()["tables"].as_object().unwrap() {
        let rows = table[1].as_array().unwrap();
        let column = |at: usize| rows.iter().map(|row| row[at].as_f64()).collect();
        let names = table[0].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let columns: Vec<_> = names.enumerate().map(|(at, name)| (name, column(at))).collect();
        archive.add(&format!("s.{name}"), &columns);
    }
    let mut asked = 0;
    for line in lines {
        let query = line["query"].as_str().unwrap();
        let rows = archive.rows(query);
        let names: Vec<&str> = rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, line["columns"].as_array().unwrap().iter().collect::<Vec<_>>(), "{query}");
        let value = |value: &Value| value.as_f64().map_or("-".to_string(), |v| v.to_string());
        let wanted = line["rows"].as_array().unwrap().iter();
        let mut wanted: Vec<Vec<String>> =
            wanted.map(|row| row.as_array().unwrap().iter().map(value).collect()).collect();
        let mut found: Vec<Vec<String>> = texts(&rows)
            .iter()
            .map(|row| {
                let number = |text: &str| text.parse::<f64>().map_or(text.to_string(), |v| v.to_string());
                row.split('|').map(number).collect()
            })
            .collect();
        if !query.contains("ORDER BY") {
            wanted.sort();
            found.sort();
        }
        assert_eq!(found, wanted, "{query}");
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
}
