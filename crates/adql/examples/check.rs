//! Checks a file of queries, one JSON object a line, and says what is wrong with each.
//!
//! A line is {"id","query"} with, if known, "version" ("adql-2.0"), "valid" and "functions" (declarations). With
//! "valid" only the lines whose verdict differs are shown; exit code 1 if there are any.
//!
//!     cargo run -p uranometria-adql --example check -- queries.jsonl [--lenient] [--verbose]

#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use uranometria_adql::{Mode, Options, Signature, Version, parse};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let file =
        args.iter().find(|arg| !arg.starts_with("--")).ok_or("usage: check FILE [--lenient] [--verbose]")?;
    let (mut differ, mut count) = (0, 0);
    for line in std::fs::read_to_string(file)?.lines().filter(|line| !line.trim().is_empty()) {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let query = line["query"].as_str().ok_or("a line without query")?;
        let mut options = if has("--lenient") { Options::default() } else { Options::strict() };
        if line["version"].as_str().is_some_and(|version| version.ends_with("2.0")) {
            options.version = Version::V2_0;
        }
        for function in line["functions"].as_array().into_iter().flatten().filter_map(|f| f.as_str()) {
            options.functions.declare(Signature::parse(function)?);
        }
        count += 1;
        let result = parse(query, &options);
        let wanted = line["valid"].as_bool().unwrap_or(true);
        if result.is_ok() != wanted {
            differ += 1;
            println!(
                "{} ({}): wanted {}",
                line["id"],
                line["source"],
                if wanted { "valid" } else { "invalid" }
            );
        }
        if result.is_ok() != wanted || has("--verbose") {
            match result {
                Ok(_) => println!("    {}", query.split_whitespace().collect::<Vec<_>>().join(" ")),
                Err(errors) => println!("{}\n", errors.render(query)),
            }
        }
    }
    let mode = if has("--lenient") { Mode::Lenient } else { Mode::Strict };
    println!("{count} queries, {differ} differ ({mode:?})");
    Ok(ExitCode::from(u8::from(differ > 0)))
}
