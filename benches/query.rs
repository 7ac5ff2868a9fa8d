//! How long does a query take from its text to its rows?
//!
//! Input: the stars of `--bench catalog`, and those near some of them, as catalogues of an archive. Rivals, in one run:
//! - circles of three radii, a hundred of each, five columns: the text of a query of a new shape (parsed, checked, planned,
//!   run), one of a shape that was planned before, and [`Catalog::search`] itself. The rows are counted and compared;
//! - a join of all pairs within an arcsecond, counted with a sum that tells them, and the same by [`Crossmatch`];
//! - rows counted by cell and by colour and magnitude, and, with `--peers`, DuckDB's on the same files;
//! - how long after an answer is dropped its work still takes processor time.
//!
//!     cargo bench -p uranometria-benches --features query --bench query -- --rows 20000000
//!
//! `--only join` asks the one question alone.
//!
//! [`Crossmatch`]: uranometria_catalog::fs::Crossmatch

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;
use uranometria_benches::input::Error;
use uranometria_benches::measure::{Spread, timed};
use uranometria_benches::peers::Peers;
use uranometria_benches::stars::{Asked, Setting, all_pairs, centres, open};
use uranometria_catalog::fs::{Catalog, Control, ImportOptions, Query, import};
use uranometria_query::{Request, Resources, Session};
use uranometria_sky::{Angle, Cone, Region};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    asked: Asked,
    /// What is asked [default: all]
    #[arg(long, value_name = "QUESTION")]
    only: Vec<Question>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Question {
    Circles,
    Join,
    Aggregates,
    Dropped,
}

/// Of the circles, degrees.
const RADII: [(&str, f64); 3] = [("5 arcsec", 5.0 / 3600.0), ("1 arcmin", 1.0 / 60.0), ("1 deg", 1.0)];
const COLUMNS: [&str; 5] = ["source_id", "ra", "dec", "g", "bp"];

const JOIN: &str = "SELECT a.id, b.source_id FROM big.near AS a JOIN big.stars AS b \
    ON 1 = CONTAINS(POINT(b.ra, b.dec), CIRCLE(a.ra, a.dec, 2.777777777777778e-4))";

/// By cell, and by colour and magnitude.
const COUNTS: [(&str, &str); 2] = [
    ("density", "SELECT ivo_healpix_index(6, ra, dec) AS cell, COUNT(*) AS n FROM big.stars GROUP BY cell"),
    (
        "histogram",
        "SELECT CAST(FLOOR((bp - rp) * 10) AS INTEGER) AS c, CAST(FLOOR(g * 10) AS INTEGER) AS m, COUNT(*) AS n \
         FROM big.stars GROUP BY c, m",
    ),
];

/// Takes much longer than anybody waits.
const LONG: [(&str, &str); 3] = [
    ("sort", "SELECT source_id FROM big.stars ORDER BY SIN(g) * COS(bp) + pmra"),
    (
        "join by position",
        "SELECT COUNT(*) AS n FROM big.near AS a JOIN big.stars AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 2 AND a.ra * b.g < 0",
    ),
    (
        "join of each with each",
        "SELECT COUNT(*) AS n FROM big.near AS a JOIN big.near AS b ON a.ra * b.dec > SIN(b.ra)",
    ),
];

fn main() -> Result<(), Error> {
    let Args { asked: args, only } = Args::parse();
    let is_asked = |question| only.is_empty() || only.contains(&question);
    let setting = args.prepare()?;
    let folder = &setting.folder;
    for (table, catalogue) in [(setting.big(), "stars"), (setting.near(), "near")] {
        if !folder.join(catalogue).join("hats.properties").exists() {
            import(&[table], folder.join(catalogue), &ImportOptions::default(), &Control::none())?;
        }
    }
    let (stars, near) = (Arc::new(open(&folder.join("stars"))?), Arc::new(open(&folder.join("near"))?));
    let mut session = Session::new(&Resources::default())?;
    session.add_catalog("big.stars", stars.clone())?;
    session.add_catalog("big.near", near.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let asking = Asking { session, runtime, is_real: setting.is_real };
    if is_asked(Question::Circles) {
        circles(&asking, &stars, &setting)?;
    }
    if is_asked(Question::Join) {
        join(&asking, &near, &stars, &setting)?;
    }
    if is_asked(Question::Aggregates) {
        aggregates(&asking, args.peers.as_deref(), &setting)?;
    }
    if is_asked(Question::Dropped) {
        for (name, query) in LONG {
            let spent = (0..setting.rounds).map(|_| asking.dropped(query)).collect::<Result<Vec<_>, _>>()?;
            setting.report(&format!("dropped: {name}"), "until its threads are idle", "ms", &spent, "");
        }
    }
    Ok(())
}

/// All pairs within an arcsecond.
fn join(asking: &Asking, near: &Catalog, stars: &Catalog, setting: &Setting) -> Result<(), Error> {
    let (mut ours, mut catalog) = (Vec::new(), Vec::new());
    let mut pairs = 0;
    for _ in 0..setting.rounds {
        let (found, spent) = timed(|| asking.pairs());
        ours.push(spent.wall_s);
        let (wanted, spent) = timed(|| all_pairs(near, stars));
        catalog.push(spent.wall_s);
        let (found, wanted) = (found?, wanted?);
        if found != wanted {
            return Err(format!("the join finds {found:?}, the crossmatch {wanted:?}").into());
        }
        pairs = found.0;
    }
    setting.report("all pairs within 1 arcsec", "ADQL", "s", &ours, &format!("{pairs} pairs"));
    setting.report("all pairs within 1 arcsec", "catalog's crossmatch", "s", &catalog, "");
    let ratio = Spread::of_ratios(&ours, &catalog);
    println!("| | | ADQL / crossmatch | | {ratio} | |");
    Ok(())
}

/// Rows counted by cell, and by colour and magnitude.
fn aggregates(asking: &Asking, peers: Option<&Path>, setting: &Setting) -> Result<(), Error> {
    let mut counted = Vec::new();
    for (name, query) in COUNTS {
        let mut ours = Vec::new();
        for round in 0..=setting.rounds {
            let (found, spent) = timed(|| asking.batches(query));
            let found = found?;
            let groups: usize = found.iter().map(RecordBatch::num_rows).sum();
            let rows: i64 = found.iter().map(|batch| total(batch, "n")).sum();
            if rows != setting.rows as i64 {
                return Err(format!("{name}: {rows} rows were counted").into());
            }
            // The first round warms up.
            if round > 0 {
                ours.push(spent.wall_s);
            } else {
                counted.push(groups);
            }
        }
        setting.report(name, "ADQL", "s", &ours, "");
    }
    if let Some(peers) = peers {
        let peers = Peers::find(Some(peers))?.ok_or("no peers")?;
        let rounds = setting.rounds.to_string();
        let threads = std::thread::available_parallelism()?.to_string();
        let said =
            peers.run(peers.script("query.py").arg(setting.folder.join("stars")).args([rounds, threads]))?;
        for ((name, _), groups) in COUNTS.iter().zip(counted) {
            let seconds: Vec<f64> = serde_json::from_value(said[*name]["s"].clone())?;
            if said[*name]["groups"].as_u64() != Some(groups as u64) {
                return Err(format!("{name}: {groups} groups, DuckDB {}", said[*name]["groups"]).into());
            }
            setting.report(name, "duckdb", "s", &seconds, &format!("{groups} groups"));
        }
    }
    Ok(())
}

/// The circles of all radii.
fn circles(asking: &Asking, stars: &Arc<Catalog>, setting: &Setting) -> Result<(), Error> {
    let (mut ra, mut dec) = (Vec::new(), Vec::new());
    let columns = Some(["ra", "dec"].map(String::from).to_vec());
    for batch in stars.search(&Query { columns, ..Query::default() })? {
        let batch = batch?;
        ra.extend_from_slice(batch.column(0).as_primitive::<Float64Type>().values());
        dec.extend_from_slice(batch.column(1).as_primitive::<Float64Type>().values());
    }
    let centres = centres(&ra, &dec);
    let mut shapes = 0;
    for (name, radius) in RADII {
        let (mut new, mut known, mut searched) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=setting.rounds {
            for centre in &centres {
                let circle = format!("CIRCLE({}, {}, {radius})", centre.ra_deg(), centre.dec_deg());
                let query = |name: &str| {
                    let columns = COLUMNS.map(|column| format!("{column} AS {column}{name}")).join(", ");
                    format!("SELECT {columns} FROM big.stars WHERE 1 = CONTAINS(POINT(ra, dec), {circle})")
                };
                shapes += 1;
                let (of_new, in_new) = timed(|| asking.count(&query(&format!("_{shapes}"))));
                let (of_known, in_known) = timed(|| asking.count(&query("")));
                let cone = Cone::new(*centre, Angle::from_degrees(radius))?.into();
                let (wanted, in_search) = timed(|| search(stars, cone));
                let (of_new, of_known, wanted) = (of_new?, of_known?, wanted?);
                if of_new != wanted || of_known != wanted {
                    return Err(format!("{circle}: {of_new} and {of_known} rows, not {wanted}").into());
                }
                if round > 0 {
                    new.push(in_new.wall_s * 1e3);
                    known.push(in_known.wall_s * 1e3);
                    searched.push(in_search.wall_s * 1e3);
                }
            }
        }
        let question = format!("circle of {name}");
        setting.report(&question, "ADQL, of a new shape", "ms", &new, "");
        setting.report(&question, "ADQL, of a shape planned before", "ms", &known, "");
        setting.report(&question, "catalog's search", "ms", &searched, "");
    }
    Ok(())
}

fn search(stars: &Catalog, cone: Region) -> Result<usize, Error> {
    let columns = Some(COLUMNS.map(String::from).to_vec());
    let query = Query { place: cone.into(), columns, ..Query::default() };
    let mut rows = 0;
    for batch in stars.search(&query)? {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

/// The sum of a column of whole numbers.
fn total(batch: &RecordBatch, column: &str) -> i64 {
    let column = batch.column_by_name(column).map(|column| column.as_primitive::<Int64Type>().values());
    column.map_or(0, |values| values.iter().sum())
}

struct Asking {
    session: Session,
    runtime: Runtime,
    /// Whether there are rows enough to keep it busy.
    is_real: bool,
}

impl Asking {
    fn each(&self, query: &str, mut row: impl FnMut(RecordBatch)) -> Result<(), Error> {
        self.runtime.block_on(async {
            let mut answer = self.session.run(&Request::new(query)).await?;
            while let Some(batch) = answer.next().await {
                row(batch?);
            }
            Ok(())
        })
    }

    fn count(&self, query: &str) -> Result<usize, Error> {
        let mut rows = 0;
        self.each(query, |batch| rows += batch.num_rows())?;
        Ok(rows)
    }

    fn batches(&self, query: &str) -> Result<Vec<RecordBatch>, Error> {
        let mut all = Vec::new();
        self.each(query, |batch| all.push(batch))?;
        Ok(all)
    }

    /// As [`all_pairs`].
    fn pairs(&self) -> Result<(u64, u64), Error> {
        let (mut pairs, mut sum) = (0, 0_u64);
        self.each(JOIN, |rows| {
            pairs += rows.num_rows() as u64;
            let numbers = |column: usize| rows.column(column).as_primitive::<Int64Type>().values();
            for (left, right) in numbers(0).iter().zip(numbers(1)) {
                sum += 7 * *left as u64 + *right as u64;
            }
        })?;
        Ok((pairs, sum % (1 << 61)))
    }

    /// Milliseconds from where an answer under way is dropped to where its threads take no more time: less than a tenth of
    /// a core in ten milliseconds.
    fn dropped(&self, query: &str) -> Result<f64, Error> {
        let answer = self.runtime.block_on(self.session.run(&Request::new(query)))?;
        std::thread::sleep(Duration::from_millis(100));
        // Where other machines take the processor, it may seem idle for a while.
        let is_busy = || timed(|| std::thread::sleep(Duration::from_millis(50))).1;
        let busy = (0..20).map(|_| is_busy()).find(|spent| spent.cpu_s > 0.5 * spent.wall_s);
        if self.is_real && busy.is_none() {
            return Err(format!("{query}: it is over, or waits").into());
        }
        let start = Instant::now();
        drop(answer);
        loop {
            let at = start.elapsed();
            let ((), spent) = timed(|| std::thread::sleep(Duration::from_millis(10)));
            if spent.cpu_s < 0.1 * spent.wall_s {
                return Ok(at.as_secs_f64() * 1e3);
            }
            if at > Duration::from_secs(20) {
                return Err(format!("{query}: it goes on for 20 s").into());
            }
        }
    }
}
