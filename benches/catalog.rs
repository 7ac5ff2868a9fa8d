//! How long does it take to make a catalogue, to find the rows of a cone, to match two catalogues, to count them?
//!
//! Input: stars of a galactic density (two thirds within some degrees of the plane), in no order, with five magnitudes and
//! motions, made here from a fixed seed; and a tenth as many near some of them, 0.3 arcseconds off. Rivals:
//! - import: [`import`] of both, and copying the bytes of the table to disk; with `--hats-import`, hats-import;
//! - cones: 100 of each radius, half of them around stars; rows counted and a column summed by [`Catalog::search`], and the
//!   bound: the same by bisection in arrays in memory that are sorted by cell;
//! - crossmatch: the nearest within an arcsecond by [`Crossmatch`], joined rows given away; all pairs; and, with `--peers`,
//!   LSDB's nearest;
//! - with `--postgres` too: cones and all pairs by q3c, cones by pgSphere, on a PostgreSQL 15 of its own; the rows of each
//!   cone and the pairs are compared;
//! - density: [`Catalog::density`] of order 6, and the bound, counting the sorted cells in memory.
//!
//!     cargo bench -p uranometria-benches --bench catalog -- --rows 20000000

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::hint::black_box;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use clap::Parser;
use uranometria_benches::input::Error;
use uranometria_benches::measure::{Spread, timed};
use uranometria_benches::peers::Peers;
use uranometria_benches::stars::{Asked, all_pairs, centres, open};
use uranometria_catalog::fs::{Catalog, Control, Crossmatch, ImportOptions, MatchOptions, Query, import};
use uranometria_sky::{Angle, Cone, Cost, Region, healpix};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Ask PostgreSQL with q3c and pgSphere too, which must be installed; loading takes a quarter of an hour, once
    #[arg(long, requires = "peers")]
    postgres: bool,
    /// Make a catalogue with hats-import too; 20 million rows take a quarter of an hour
    #[arg(long, requires = "peers")]
    hats_import: bool,
}

const RADII: [(&str, f64); 3] = [("5 arcsec", 5.0), ("1 arcmin", 60.0), ("1 deg", 3600.0)];

fn main() -> Result<(), Error> {
    let args = Args::parse();
    let setting = args.asked.prepare()?;
    let (big, near, folder) = (setting.big(), setting.near(), &setting.folder);

    let (mut imports, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds.min(3) {
        let (made, spent) = timed(|| {
            import(
                std::slice::from_ref(&big),
                folder.join("stars"),
                &ImportOptions::default(),
                &Control::none(),
            )
        });
        made?;
        imports.push(spent.wall_s);
        let (copied, spent) = timed(|| copy(&big, &folder.join("copy")));
        copied?;
        copies.push(spent.wall_s);
    }
    setting.report(
        "import",
        "ours",
        "s",
        &imports,
        &format!("{:.2} M rows/s", millions(setting.rows, &imports)),
    );
    setting.report("import", "bound: copy the table, synced", "s", &copies, "");
    if let (true, Some(peers)) = (args.hats_import, &args.asked.peers) {
        let peers = Peers::find(Some(peers))?.ok_or("no peers")?;
        let said = peers.run(peers.script("catalog_import.py").arg(&big).arg(folder.join("hats-import")))?;
        setting.report(
            "import",
            "hats-import, two workers",
            "s",
            &[said["seconds"].as_f64().unwrap_or(f64::NAN)],
            "",
        );
        if said["rows"].as_u64() != Some(setting.rows as u64) {
            return Err(format!("hats-import made a catalogue of {} rows", said["rows"]).into());
        }
    }
    import(&[near], folder.join("near"), &ImportOptions::default(), &Control::none())?;
    println!("| | | most memory so far | | {} MiB | |", most_memory()? >> 20);

    let (stars_at, near_at) = (open(&folder.join("stars"))?, open(&folder.join("near"))?);
    let sorted = Sorted::of(&stars_at)?;
    let centres = centres(&sorted.ra, &sorted.dec);
    let mut found: Vec<(&str, f64, Vec<u64>)> = Vec::new();
    for (name, arcsec) in RADII {
        let cones: Vec<Region> = centres
            .iter()
            .map(|centre| Ok(Cone::new(*centre, Angle::from_arcsec(arcsec))?.into()))
            .collect::<Result<_, Error>>()?;
        let (mut ours, mut bound) = (Vec::new(), Vec::new());
        let mut counts = Vec::new();
        for round in 0..=setting.rounds {
            for cone in &cones {
                let (found, spent) = timed(|| searched(&stars_at, cone));
                let (wanted, at_least) = timed(|| sorted.search(cone));
                let (found, wanted) = (found?, wanted?);
                let apart = (found.1 - wanted.1).abs() <= 1e-9 * wanted.1.abs().max(1.0);
                if found.0 != wanted.0 || !apart {
                    return Err(format!("cone {cone:?}: {found:?}, by arrays {wanted:?}").into());
                }
                // The first round warms up.
                if round == 0 {
                    counts.push(found.0 as u64);
                } else {
                    ours.push(spent.wall_s * 1e3);
                    bound.push(at_least.wall_s * 1e3);
                }
            }
        }
        setting.report(&format!("cone of {name}"), "ours", "ms", &ours, "");
        setting.report(&format!("cone of {name}"), "bound: sorted arrays", "ms", &bound, "");
        found.push((name, arcsec, counts));
    }

    let (mut matches, mut all, mut densities, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut pairs, mut every) = (0, (0, 0));
    for _ in 0..setting.rounds {
        let (found, spent) = timed(|| matched(&near_at, &stars_at));
        pairs = found?;
        matches.push(spent.wall_s);
        let (found, spent) = timed(|| all_pairs(&near_at, &stars_at));
        every = found?;
        all.push(spent.wall_s);
        let (found, spent) = timed(|| stars_at.density(6, &Control::none()));
        let found = found?;
        densities.push(spent.wall_s * 1e3);
        let (bound, spent) = timed(|| sorted.count(6));
        counts.push(spent.wall_s * 1e3);
        if found.rows() != bound {
            return Err("the density differs from that of the arrays".into());
        }
    }
    setting.report("crossmatch, 1 arcsec, nearest", "ours", "s", &matches, &format!("{pairs} pairs"));
    setting.report("crossmatch, 1 arcsec, all pairs", "ours", "s", &all, &format!("{} pairs", every.0));
    if let Some(peers) = &args.asked.peers {
        let peers = Peers::find(Some(peers))?.ok_or("no peers")?;
        let said =
            peers.run(peers.script("catalog.py").arg(folder.join("near")).arg(folder.join("stars")))?;
        let seconds = said["seconds"].as_f64().unwrap_or(f64::NAN);
        setting.report(
            "crossmatch, 1 arcsec, nearest",
            "lsdb",
            "s",
            &[seconds],
            &format!("{} pairs", said["pairs"]),
        );
        if args.postgres {
            let asked: serde_json::Map<_, _> = found
                .iter()
                .map(|(_, arcsec, _)| {
                    let centres: Vec<_> = centres.iter().map(|at| (at.ra_deg(), at.dec_deg())).collect();
                    ((arcsec / 3600.0).to_string(), serde_json::json!(centres))
                })
                .collect();
            std::fs::write(folder.join("cones.json"), serde_json::to_vec(&asked)?)?;
            let said = peers.run(peers.script("catalog_postgres.py").arg(folder))?;
            for (name, arcsec, counts) in &found {
                for rival in ["q3c", "pgsphere"] {
                    let said = &said[rival][(arcsec / 3600.0).to_string()];
                    let ms: Vec<f64> = serde_json::from_value(said["ms"].clone())?;
                    let rows: Vec<u64> = serde_json::from_value(said["rows"].clone())?;
                    let other = rows.iter().zip(counts).filter(|(theirs, ours)| theirs != ours).count();
                    let more = format!("{other} cones with other rows");
                    setting.report(&format!("cone of {name}"), rival, "ms", &ms, &more);
                }
            }
            let said = &said["q3c_join"];
            let seconds: Vec<f64> = serde_json::from_value(said["s"].clone())?;
            let alike = said["pairs"] == every.0 && said["sum"] == every.1;
            let more = format!("{} pairs, {}", said["pairs"], if alike { "the same" } else { "others" });
            setting.report("crossmatch, 1 arcsec, all pairs", "q3c", "s", &seconds, &more);
        }
    }
    setting.report("density of order 6", "ours", "ms", &densities, "");
    setting.report("density of order 6", "bound: sorted cells, one thread", "ms", &counts, "");
    println!("| | | most memory at the end | | {} MiB | |", most_memory()? >> 20);
    Ok(())
}

fn millions(rows: usize, seconds: &[f64]) -> f64 {
    rows as f64 / 1e6 / Spread::of(seconds.iter().copied()).median
}

/// The most memory that this process had, bytes.
fn most_memory() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmHWM")?.parse::<u64>()? << 10)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut copy = File::create(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()?;
    Ok(std::fs::remove_file(to)?)
}

/// Rows of a cone and the sum of their magnitudes.
fn searched(catalog: &Catalog, cone: &Region) -> Result<(usize, f64), Error> {
    let query = Query { place: cone.clone().into(), columns: Some(vec!["g".into()]), ..Query::default() };
    let (mut rows, mut sum) = (0, 0.0);
    for batch in catalog.search(&query)? {
        let batch = batch?;
        rows += batch.num_rows();
        let magnitudes = batch.column(0).as_primitive::<Float32Type>().values();
        sum += magnitudes.iter().map(|magnitude| f64::from(*magnitude)).sum::<f64>();
    }
    Ok((rows, sum))
}

fn matched(left: &Catalog, right: &Catalog) -> Result<u64, Error> {
    let found = Crossmatch::new(left, right, &MatchOptions::default())?.run(&Control::none(), |rows| {
        black_box(rows);
        Ok(())
    })?;
    Ok(found.pairs)
}

/// The columns in memory, in order of their cells.
struct Sorted {
    cells: Vec<u64>,
    ra: Vec<f64>,
    dec: Vec<f64>,
    magnitude: Vec<f32>,
}

impl Sorted {
    fn of(catalog: &Catalog) -> Result<Self, Error> {
        let mut sorted = Sorted { cells: Vec::new(), ra: Vec::new(), dec: Vec::new(), magnitude: Vec::new() };
        let columns = ["ra", "dec", "g"].map(String::from).to_vec();
        for batch in catalog.search(&Query { columns: Some(columns), ..Query::default() })? {
            let batch = batch?;
            let doubles =
                |at: usize| batch.column(at).as_primitive::<arrow_array::types::Float64Type>().values();
            sorted.ra.extend_from_slice(doubles(0));
            sorted.dec.extend_from_slice(doubles(1));
            sorted.magnitude.extend_from_slice(batch.column(2).as_primitive::<Float32Type>().values());
        }
        sorted.cells.resize(sorted.ra.len(), 0);
        healpix::hash_slice(29, &sorted.ra, &sorted.dec, &mut sorted.cells)?;
        assert!(sorted.cells.is_sorted());
        Ok(sorted)
    }

    fn search(&self, cone: &Region) -> Result<(usize, f64), Error> {
        let (mut rows, mut sum) = (0, 0.0);
        let mut inside = Vec::new();
        for range in cone.coverage(Cost::Cells(100)).ranges() {
            let start = self.cells.partition_point(|cell| *cell < range.start);
            let end = start + self.cells[start..].partition_point(|cell| *cell < range.end);
            inside.clear();
            inside.resize(end - start, true);
            if !range.full {
                cone.contains_slice(&self.ra[start..end], &self.dec[start..end], &mut inside)?;
            }
            for (magnitude, inside) in self.magnitude[start..end].iter().zip(&inside) {
                if *inside {
                    rows += 1;
                    sum += f64::from(*magnitude);
                }
            }
        }
        Ok((rows, sum))
    }

    fn count(&self, depth: u8) -> Vec<u32> {
        let mut counts = vec![0; 12 << (2 * depth)];
        for cell in &self.cells {
            counts[(cell >> (2 * (29 - depth))) as usize] += 1;
        }
        counts
    }
}
