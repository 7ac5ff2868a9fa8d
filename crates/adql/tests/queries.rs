//! The project's own queries with their verdicts, and where ours differ from those of another suite.

use uranometria_adql::{Mode, Options, Version, parse};

fn lines(name: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/../../data-fixtures/adql/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_query_gets_its_verdict_and_its_kind_of_mistake() {
    let mut wrong = Vec::new();
    for line in lines("queries.jsonl") {
        let query = line["query"].as_str().unwrap();
        let mut options = Options::strict();
        if line["version"] == "adql-2.0" {
            options.version = Version::V2_0;
        }
        let result = parse(query, &options);
        if result.is_ok() != line["valid"].as_bool().unwrap() {
            let found = result.as_ref().map_or_else(|e| e.render(query), |_| "ok".into());
            wrong.push(format!("{} {query}: {found}", line["id"]));
        } else if let (Err(errors), Some(kind)) = (&result, line["kind"].as_str()) {
            let found = format!("{:?}", errors.first().kind);
            if found != kind {
                wrong.push(format!("{} {query}: {found}, not {kind}: {}", line["id"], errors.render(query)));
            }
        }
        if let Err(errors) = &result {
            for error in errors {
                assert!(
                    error.span.start <= error.span.end && error.span.end <= query.len(),
                    "{query}: {error:?}"
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lenient_mode_takes_all_that_strict_mode_takes_and_what_clients_send() {
    for line in lines("queries.jsonl") {
        let query = line["query"].as_str().unwrap();
        if line["valid"] == true && line["version"].is_null() || line["lenient"] == true {
            let options = Options { mode: Mode::Lenient, ..Options::default() };
            assert!(parse(query, &options).is_ok(), "{query}");
        }
    }
}

#[test]
fn differences_from_the_gavo_set_are_few_and_each_has_a_reason_that_holds() {
    let mut ids = Vec::new();
    for line in lines("differences.jsonl") {
        let example = line["example"].as_str().unwrap();
        assert!(parse(example, &Options::strict()).is_err(), "{example}: {}", line["reason"]);
        ids.extend(line["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count <= 230 - 205, "{count} differences");
}

#[test]
fn what_2_0_takes_lenient_mode_takes_with_the_names_that_2_1_reserves() {
    let lenient = Options { version: Version::V2_0, ..Options::default() };
    for query in
        ["SELECT bigint AS offset FROM t", "SELECT a FROM t WHERE ilike > 3", "SELECT in_unit FROM t"]
    {
        assert!(parse(query, &lenient).is_ok(), "{query}");
        assert!(parse(query, &Options::default()).is_err(), "{query}");
    }
    // And what came later, as ever.
    assert!(parse("SELECT CAST(a AS BIGINT) FROM t UNION SELECT b FROM u OFFSET 5", &lenient).is_ok());
}
