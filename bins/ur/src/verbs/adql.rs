//! `ur adql`: check, translate.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use uranometria_adql::{
    Column, Engine, Errors, Functions, Options, Signature, Tables, Version, check, parse, translate,
};
use uranometria_catalog::fs::{Catalog, Control, Stored, Table, archive_tables};

use crate::args::{AdqlCommand, CheckArgs, TranslateArgs};
use crate::report::{self, Outcome, line};

/// The longest line of queries, bytes.
const LONGEST_LINE: u64 = 16 << 20;

pub(crate) fn run(command: &AdqlCommand, stop: &AtomicBool) -> report::Result {
    match command {
        AdqlCommand::Check(args) => check_lines(args, stop),
        AdqlCommand::Translate(args) => print_sql(args),
    }
}

fn check_lines(args: &CheckArgs, stop: &AtomicBool) -> report::Result {
    let tables = args.archive.as_deref().map(tables).transpose()?;
    let name = args.jsonl.display();
    let cannot = |error: io::Error| format!("{name}: cannot read it: {error}");
    let mut input: Box<dyn BufRead> = match args.jsonl.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(File::open(&args.jsonl).map_err(cannot)?)),
    };
    let (mut all_ok, mut number, mut bytes) = (true, 0_u64, Vec::new());
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        bytes.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(cannot)?;
        if read == 0 {
            break;
        }
        number += 1;
        if read as u64 == LONGEST_LINE {
            return Err(format!("{name}: line {number} is longer than {LONGEST_LINE} bytes").into());
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let (id, found) = match serde_json::from_slice::<Value>(&bytes) {
            Ok(entry) if entry["query"].is_string() => {
                (entry["id"].clone(), check_entry(&entry, args.lenient, tables.as_ref()))
            }
            Ok(entry) => (entry["id"].clone(), Err((format!("line {number} has no text \"query\""), [0, 0]))),
            Err(error) => (Value::Null, Err((format!("line {number} is not JSON: {error}"), [0, 0]))),
        };
        all_ok &= found.is_ok();
        line(match found {
            Ok(()) => json!({ "id": id, "ok": true }).to_string(),
            Err((error, span)) => json!({ "id": id, "ok": false, "error": error, "span": span }).to_string(),
        });
    }
    Ok(if all_ok { Outcome::Done } else { Outcome::Nothing })
}

/// Checks a query; what is wrong first, and where in bytes.
fn check_entry(entry: &Value, lenient: bool, tables: Option<&Tables>) -> Result<(), (String, [usize; 2])> {
    let nowhere = |message: String| (message, [0, 0]);
    let query = entry["query"].as_str().unwrap_or_default();
    let mut options = if lenient { Options::default() } else { Options::strict() };
    let version = match &entry["version"] {
        Value::Null => String::new(),
        Value::String(text) => text.to_ascii_lowercase().replace("adql", ""),
        other => other.to_string(),
    };
    match version.trim_matches(['-', ' ', 'v']) {
        "2.0" => options.version = Version::V2_0,
        "" | "2.1" => {}
        other => return Err(nowhere(format!("version {other:?} is not known, expected 2.0 or 2.1"))),
    }
    options.functions = declared(&entry["functions"]).map_err(nowhere)?;
    let first = |errors: Errors| {
        let error = errors.first();
        let (line, column) = error.line_column(query);
        (format!("line {line}, column {column}: {errors}"), [error.span.start, error.span.end])
    };
    let tree = parse(query, &options).map_err(first)?;
    match tables {
        Some(tables) => check(&tree, tables, &options.functions).map(drop).map_err(first),
        None => Ok(()),
    }
}

fn declared(entry: &Value) -> Result<Functions, String> {
    let mut functions = Functions::default();
    let list = match entry {
        Value::Null => &[][..],
        Value::Array(list) => list,
        _ => return Err("\"functions\" is no list".into()),
    };
    for function in list {
        let text = function.as_str().ok_or("a function is not declared by a text")?;
        if !text.trim().is_empty() {
            let signature = Signature::parse(text).map_err(|error| format!("function {text:?}: {error}"))?;
            functions.declare(signature);
        }
    }
    Ok(functions)
}

fn print_sql(args: &TranslateArgs) -> report::Result {
    let mut query = args.query.clone();
    if query == "-" {
        query.clear();
        io::stdin().read_to_string(&mut query).map_err(|error| format!("standard input: {error}"))?;
    }
    let engine = match args.dialect.as_str() {
        "q3c" => Engine::Q3c,
        "pgsphere" => Engine::PgSphere,
        _ => Engine::DataFusion,
    };
    let options = if args.strict { Options::strict() } else { Options::default() };
    let shown = |errors: Errors| errors.render(&query);
    let mut tree = parse(&query, &options).map_err(shown)?;
    if let Some(archive) = &args.archive {
        tree = check(&tree, &tables(archive)?, &options.functions).map_err(shown)?.query;
    }
    line(translate(&tree, engine).map_err(|error| error.render(&query))?);
    Ok(Outcome::Done)
}

/// The tables of an archive, as queries name them.
fn tables(archive: &Path) -> Result<Tables, Box<dyn Error>> {
    let mut tables = Tables::default();
    let found = archive_tables(archive)?;
    for (_, why) in &found.left_out {
        report::warning(&format!("left out: {why}"));
    }
    for table in found.tables {
        let schema = match &table.stored {
            Stored::Catalog(path) => Catalog::open(path)?.schema().clone(),
            Stored::Files(paths) => match Table::open(paths, &Control::none()) {
                Ok(files) => files.schema().clone(),
                Err(error) => {
                    report::warning(&format!("left out: {error}"));
                    continue;
                }
            },
        };
        tables.add(&table.name, schema.fields().iter().map(|field| Column::of_field(field)).collect());
    }
    Ok(tables)
}
