//! How long does a query take from its text to the SQL of an engine?
//!
//! Input: `data-fixtures/adql/archive.adql`, the queries of 100 to 900 letters, against the tables they name. Rivals, in turn
//! on the same queries, on one thread, each query timed by the wall as the mean of a hundred runs:
//! - [`parse`], [`check`] and [`translate`] for each engine;
//! - [`parse`] alone;
//! - the bound: `sqlparser`'s own parse by its generic dialect, which is inside of ours.
//!
//!     cargo bench -p uranometria-benches --bench adql

#![allow(clippy::print_stdout)]

use std::hint::black_box;

use clap::Parser;
use sqlparser::dialect::GenericDialect;
use uranometria_adql::{Column, Engine, Functions, Kind, Options, Tables, Type, check, parse, translate};
use uranometria_benches::input::{Error, workspace};
use uranometria_benches::measure::{Spread, machine, timed};

#[derive(Parser)]
struct Args {
    /// How often each rival is run
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Given by cargo bench; without it only the way is tried
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is done with a query.
type Way<'a> = dyn Fn(&str) -> Result<(), String> + 'a;

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    let mut times = 100;
    if !args.bench {
        (args.rounds, times) = (1, 1);
    }
    println!("{}\n", machine(&std::env::temp_dir()));
    let path = workspace().join("data-fixtures/adql/archive.adql");
    let text = std::fs::read_to_string(&path)?;
    let queries: Vec<(&str, &str)> =
        named(&text).filter(|(_, query)| (100..=900).contains(&query.len())).collect();
    let tables = tables();
    let rivals: [(&str, &Way<'_>); 5] = [
        ("sqlparser alone, generic dialect", &|query| {
            sqlparser::parser::Parser::parse_sql(&GenericDialect {}, black_box(query))
                .map(|tree| drop(black_box(tree)))
                .map_err(|error| error.to_string())
        }),
        ("parse", &|query| whole(query, None, &tables)),
        ("parse, check, translate to DataFusion", &|query| whole(query, Some(Engine::DataFusion), &tables)),
        ("parse, check, translate to q3c", &|query| whole(query, Some(Engine::Q3c), &tables)),
        ("parse, check, translate to pgSphere", &|query| whole(query, Some(Engine::PgSphere), &tables)),
    ];
    let mut spent = vec![vec![Vec::new(); queries.len()]; rivals.len()];
    for _ in 0..args.rounds {
        for (n, (name, query)) in queries.iter().enumerate() {
            for (rival, spent) in rivals.iter().zip(&mut spent) {
                let (done, time) = timed(|| (0..times).try_for_each(|_| rival.1(query)));
                done.map_err(|error| format!("{name}: {}: {error}", rival.0))?;
                spent[n].push(time.wall_s * 1e6 / f64::from(times));
            }
        }
    }
    println!(
        "| queries | question | runs | us a query: median over queries (least–most) | times the first |"
    );
    println!("|---|---|---|---|---|");
    let medians = |of: &[Vec<f64>]| -> Vec<f64> {
        of.iter().map(|runs| Spread::of(runs.iter().copied()).median).collect()
    };
    let first = medians(&spent[0]);
    for ((name, _), spent) in rivals.iter().zip(&spent) {
        let of = medians(spent);
        let ratios = Spread::of(of.iter().zip(&first).map(|(a, b)| a / b));
        let spread = Spread::of(of.iter().copied());
        println!("| {} | {name} | {} | {spread} | {ratios} |", queries.len(), args.rounds);
    }
    Ok(())
}

/// The queries of a file with their names: parted by empty lines, each behind a comment that names it.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n\n").filter_map(|entry| entry.trim().strip_prefix("-- ")?.split_once('\n')).skip(1)
}

/// The way from text to SQL; what an engine lacks is found out too.
fn whole(query: &str, engine: Option<Engine>, tables: &Tables) -> Result<(), String> {
    let tree = parse(black_box(query), &Options::default()).map_err(|error| error.render(query))?;
    let Some(engine) = engine else { return Ok(()) };
    let checked = check(&tree, tables, &Functions::default()).map_err(|errors| errors.render(query))?;
    match translate(&checked.query, engine) {
        Ok(sql) => {
            black_box(sql);
            Ok(())
        }
        Err(error) if error.kind == Kind::Unsupported => Ok(()),
        Err(error) => Err(error.render(query)),
    }
}

fn tables() -> Tables {
    let mut tables = Tables::default();
    let columns = |names: &[(&str, Type)]| {
        names.iter().map(|(name, datatype)| Column::new(*name, *datatype)).collect::<Vec<_>>()
    };
    let double = Type::Double;
    let gaia =
        [("source_id", Type::BigInt), ("ra", double), ("dec", double), ("phot_g_mean_mag", Type::Real)];
    tables.add("gaia.source", columns(&gaia));
    let hip = [
        ("hip", Type::Integer),
        ("ra", double),
        ("dec", double),
        ("plx", double),
        ("pmra", double),
        ("pmdec", double),
        ("e_plx", double),
        ("hpmag", Type::Real),
        ("b_v", Type::Real),
    ];
    tables.add("hip.main", columns(&hip));
    tables
}
