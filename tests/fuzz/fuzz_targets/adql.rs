//! Queries, with the tables they may name, and conditions on columns.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uranometria_adql::{Column, Engine, Options, Tables, Type, Version, check, parse, translate};
use uranometria_catalog::Condition;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let old = Options { version: Version::V2_0, ..Options::strict() };
    for options in [Options::strict(), Options::default(), old] {
        match parse(text, &options) {
            Ok(query) => {
                let written = query.to_string();
                match parse(&written, &options) {
                    Ok(again) => assert_eq!(again.to_string(), written, "{text:?}"),
                    Err(errors) => panic!("{text:?} is written as {written:?}: {errors}"),
                }
                let checked = check(&query, &tables(), &options.functions);
                if let Err(errors) = &checked {
                    shown(text, errors);
                }
                let checked = checked.map(|checked| checked.query).unwrap_or(query);
                for engine in [Engine::DataFusion, Engine::Q3c, Engine::PgSphere] {
                    if let Err(error) = translate(&checked, engine) {
                        assert!(!error.render(text).is_empty());
                    }
                }
            }
            Err(errors) => shown(text, &errors),
        }
    }
    for line in text.lines().take(20) {
        if let Ok(condition) = line.parse::<Condition>() {
            assert_eq!(
                condition.to_string().parse::<Condition>().expect("what is written is read"),
                condition
            );
        }
    }
});

fn shown(text: &str, errors: &uranometria_adql::Errors) {
    for error in errors {
        assert!(error.span.start <= error.span.end, "{error:?}");
    }
    assert!(!errors.render(text).is_empty());
}

fn tables() -> Tables {
    let mut tables = Tables::default();
    let numbers = ["ra", "dec", "g", "parallax"].map(|name| Column::new(name, Type::Double)).to_vec();
    let mut more = numbers.clone();
    more.extend([Column::new("name", Type::Varchar), Column::new("place", Type::Point)]);
    tables.add("gaia.source", numbers);
    tables.add("survey.star", more);
    tables
}
