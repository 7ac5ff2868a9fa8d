//! How long does it take to choose a thousand points of a series in memory, next to reading it and next to tsdownsample?
//!
//! Rivals, in turn on one thread:
//! - the bound: every word of x and y, or of y alone, read and combined;
//! - ours: each method, x checked for its order; MinMax and M4 also with x known to ascend, which do not read it; LTTB
//!   without vectors and without x; LTTB on two threads;
//! - tsdownsample's downsamplers with x, in one warm process on the same numbers.
//!
//!     cargo bench -p uranometria-benches --bench downsample -- --full

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;

use clap::Parser;
use uranometria_benches::input::Error;
use uranometria_benches::measure::{Spent, Spread, machine, timed};
use uranometria_benches::run::Common;
use uranometria_lttb::{Downsample, Kernels, Method, Regular};

/// How many points are chosen.
const CHOSEN: usize = 1000;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// Lengths of the series, millions of points [default: 2; with --full 2, 10 and 200]
    #[arg(long, num_args = 1..)]
    millions: Option<Vec<f64>>,
}

fn main() -> Result<(), Error> {
    let args = Args::parse();
    let (folder, _guard) = args.common.folder()?;
    println!("{}\n", machine(folder.path()));
    let lengths = match args.millions {
        _ if !args.common.bench => vec![0.01],
        Some(millions) => millions,
        None if args.common.full => vec![2.0, 10.0, 200.0],
        None => vec![2.0],
    };
    println!(
        "| points | rival | runs | wall ns a point | CPU ns a point | wall of the bound | CPU of the bound |"
    );
    println!("|---|---|---|---|---|---|---|");
    for millions in lengths {
        let points = (millions * 1e6) as usize;
        let (x, y) = series(points);
        let theirs = tsdownsample(&x, &y, folder.path(), &args.common)?;
        one_length(&x, &y, &args.common, &theirs)?;
    }
    Ok(())
}

/// A random walk with noise, sampled twice a second; the same on every machine.
fn series(points: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut state, mut level) = (7_u64, 0.0);
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let y = (0..points).map(|_| {
        level += random();
        level + 12.0 * random()
    });
    let y = y.collect();
    ((0..points).map(|i| i as f64 * 0.5).collect(), y)
}

/// Reads every word of some slices, as fast as it goes.
fn read(slices: &[&[f64]]) -> u64 {
    let mut words = [0_u64; 16];
    for slice in slices {
        let (whole, rest) = slice.as_chunks::<16>();
        for chunk in whole {
            for (word, value) in words.iter_mut().zip(chunk) {
                *word ^= value.to_bits();
            }
        }
        words[0] ^= rest.iter().fold(0, |word, value| word ^ value.to_bits());
    }
    words.iter().fold(0, |all, word| all ^ word)
}

/// What a rival took in each round.
struct Rival {
    name: String,
    /// Whether its bound is to read y alone.
    y_alone: bool,
    runs: Vec<Spent>,
}

fn one_length(x: &[f64], y: &[f64], common: &Common, theirs: &[Rival]) -> Result<(), Error> {
    let plain = Downsample { threads: 1, ..Downsample::default() };
    let minmaxlttb = Method::MinMaxLttb { ratio: 4 };
    let with = |method| Downsample { method, ..plain };
    let trusting = |method| Downsample { method, trusted: true, ..plain };
    let requests = [
        ("LTTB", false, false, plain),
        ("LTTB, no vectors", false, false, Downsample { kernels: Kernels::Baseline, ..plain }),
        ("LTTB, 2 threads", false, false, Downsample { threads: 2, ..plain }),
        ("LTTB of regular x", true, true, plain),
        ("MinMax", false, false, with(Method::MinMax)),
        ("MinMaxLTTB", false, false, with(minmaxlttb)),
        ("M4", false, false, with(Method::M4)),
        ("MinMax, x trusted", true, false, trusting(Method::MinMax)),
        ("MinMaxLTTB, x trusted", true, false, trusting(minmaxlttb)),
        ("M4, x trusted", true, false, trusting(Method::M4)),
        ("MinMax, 2 threads", false, false, Downsample { threads: 2, ..with(Method::MinMax) }),
    ];
    let rival = |name: &str, y_alone| Rival { name: name.to_string(), y_alone, runs: Vec::new() };
    let mut bounds = [rival("reading x and y", false), rival("reading y", true)];
    let mut ours: Vec<Rival> = requests.iter().map(|(name, y_alone, ..)| rival(name, *y_alone)).collect();
    // Short runs are repeated within a round, to be long enough for the clock.
    let repeats = (2_000_000 / y.len()).clamp(1, 20);
    let average =
        |spent: Spent| Spent { wall_s: spent.wall_s / repeats as f64, cpu_s: spent.cpu_s / repeats as f64 };
    for _ in 0..common.rounds() {
        for (bound, slices) in bounds.iter_mut().zip([&[x, y][..], &[y][..]]) {
            let (_, spent) = timed(|| {
                (0..repeats).for_each(|_| {
                    black_box(read(black_box(slices)));
                });
            });
            bound.runs.push(average(spent));
        }
        for ((_, _, regular, request), rival) in requests.iter().zip(&mut ours) {
            let (result, spent) = timed(|| {
                (0..repeats).try_fold(0, |_, _| {
                    let chosen = match regular {
                        true => request.choose(Regular, black_box(y), CHOSEN)?,
                        false => request.choose(black_box(x), black_box(y), CHOSEN)?,
                    };
                    Ok::<usize, uranometria_lttb::Error>(black_box(chosen.indices.len()))
                })
            });
            if result? != CHOSEN.min(y.len()) {
                return Err(format!("{} chose too few points", rival.name).into());
            }
            rival.runs.push(average(spent));
        }
    }
    let points = y.len() as f64;
    let walls = |rival: &Rival| rival.runs.iter().map(|run| run.wall_s).collect::<Vec<f64>>();
    let cpus = |rival: &Rival| rival.runs.iter().map(|run| run.cpu_s).collect::<Vec<f64>>();
    for rival in bounds.iter().chain(&ours).chain(theirs) {
        let bound = &bounds[usize::from(rival.y_alone)];
        let ratio =
            |of: &dyn Fn(&Rival) -> Vec<f64>| match theirs.iter().any(|peer| std::ptr::eq(peer, rival)) {
                // Of another process, so not taken in turn.
                true => Spread::of(of(rival)).times(1.0 / Spread::of(of(bound)).median),
                false => Spread::of_ratios(&of(rival), &of(bound)),
            };
        println!(
            "| {:.3} M | {} | {} | {} | {} | {} | {} |",
            points / 1e6,
            rival.name,
            rival.runs.len(),
            Spread::of(walls(rival)).times(1e9 / points),
            Spread::of(cpus(rival)).times(1e9 / points),
            ratio(&walls),
            ratio(&cpus),
        );
    }
    for (peer, name) in [("tsdownsample LTTB", "LTTB"), ("tsdownsample MinMaxLTTB", "MinMaxLTTB")] {
        let peer = theirs.iter().find(|rival| rival.name == peer);
        let rival = ours.iter().find(|rival| rival.name == name);
        if let (Some(peer), Some(rival)) = (peer, rival) {
            let times =
                |of: &dyn Fn(&Rival) -> Vec<f64>| Spread::of(of(peer)).median / Spread::of(of(rival)).median;
            println!("| | {} : {name} | | | | {:.2} | {:.2} |", peer.name, times(&walls), times(&cpus));
        }
    }
    Ok(())
}

/// Lets tsdownsample choose from the same numbers.
fn tsdownsample(x: &[f64], y: &[f64], folder: &Path, common: &Common) -> Result<Vec<Rival>, Error> {
    let Some(peers) = common.peers()? else { return Ok(Vec::new()) };
    let path = folder.join("downsample.f64");
    let mut file = BufWriter::new(File::create(&path)?);
    for values in [x, y] {
        for value in values {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    file.flush()?;
    let mut command = peers.script("downsample.py");
    command.arg(&path).arg(CHOSEN.to_string()).arg(common.rounds().to_string());
    let result = peers.run(&mut command);
    std::fs::remove_file(&path)?;
    let result = result?;
    let rivals = result.as_object().ok_or("no numbers from tsdownsample")?;
    let spent = |run: &serde_json::Value| {
        Some(Spent { wall_s: run["wall_s"].as_f64()?, cpu_s: run["cpu_s"].as_f64()? })
    };
    let rival = |(name, runs): (&String, &serde_json::Value)| {
        let runs = runs.as_array()?.iter().map(spent).collect::<Option<Vec<Spent>>>()?;
        Some(Rival { name: format!("tsdownsample {name}"), y_alone: false, runs })
    };
    rivals.iter().map(|pair| rival(pair).ok_or_else(|| Error::from("no numbers from tsdownsample"))).collect()
}
