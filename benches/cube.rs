//! How long does a sector take to become a cube, next to copying the same bytes and next to astrocut?
//!
//! Rivals, in turn, each into a new file that is synced to disk within the time, inputs in the page cache:
//! - `cat` of all frames to one file: what the machine needs to read and write the same bytes, on one core;
//! - `ur cube build` as a process: this program calling [`uranometria_cube::fs::build`], or `--ur` itself;
//! - astrocut's `make_cube`, in a Python process, imports left out.
//!
//!     cargo bench -p uranometria-benches --bench cube -- --full

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Parser;
use uranometria_benches::input::{Error, Folder, SECTOR, clear, warm};
use uranometria_benches::measure::{Spread, machine, watch};
use uranometria_benches::peers::Peers;
use uranometria_benches::run::Common;
use uranometria_cube::fs::{Control, Options};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// Measure this `ur` instead of the same call of the library
    #[arg(long, value_name = "PATH")]
    ur: Option<PathBuf>,
    /// Memory in MiB that a build may use
    #[arg(long, default_value_t = 1024)]
    memory: u64,
    /// Threads of a build; 0 for one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Only inputs of these numbers of frames
    #[arg(long, value_name = "FRAMES")]
    only: Vec<usize>,
    /// How often astrocut is run
    #[arg(long, default_value_t = 2)]
    peer_rounds: usize,
    /// Build a cube of the frames listed in a file and end: what is measured
    #[arg(long, hide = true, num_args = 2, value_names = ["OUT", "LIST"])]
    build: Vec<PathBuf>,
}

/// One run of a rival.
#[derive(Clone, Copy)]
struct Run {
    wall_s: f64,
    cpu_s: f64,
    peak_bytes: u64,
}

fn main() -> Result<(), Error> {
    let args = Args::parse();
    if let [out, list] = args.build.as_slice() {
        let options = Options { memory: args.memory << 20, threads: args.threads, ..Options::default() };
        uranometria_cube::fs::build(out, &listed(list)?, &options, &Control::none())?;
        return Ok(());
    }
    let (folder, _guard) = args.common.folder()?;
    let peers = args.common.peers()?;
    let (chip, sector) = (args.common.scale().chip(), args.common.scale().sector());
    println!("{}", machine(folder.path()));
    println!("seconds: median (min–max); ratios: of the runs of one round\n");
    println!("| input | rival | runs | seconds | CPU s | MB/s of input | peak MiB | time of cat |");
    println!("|---|---|---|---|---|---|---|---|");
    for (window, frames) in [(chip, chip.frames * 2 / 5), (chip, chip.frames), (sector, sector.frames)] {
        if !args.only.is_empty() && !args.only.contains(&frames) {
            continue;
        }
        let mut paths = folder.frames(window)?;
        paths.truncate(frames);
        let input = format!("{frames} frames of {} x {}", window.columns, window.rows);
        compare(&input, &paths, &folder, peers.as_ref(), &args)?;
    }
    Ok(())
}

fn listed(list: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(fs::read_to_string(list)?.lines().map(PathBuf::from).collect())
}

fn compare(
    input: &str,
    frames: &[PathBuf],
    folder: &Folder,
    peers: Option<&Peers>,
    args: &Args,
) -> Result<(), Error> {
    let list = folder.at("frames.list");
    let lines: Vec<String> = frames.iter().map(|path| path.display().to_string()).collect();
    fs::write(&list, lines.join("\n") + "\n")?;
    let bytes = warm(frames.iter().map(PathBuf::as_path))?;
    let out = folder.at("measured.out");

    let rounds = args.common.rounds();
    let (mut cats, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        clear(&out)?;
        cats.push(cat(frames, &out)?);
        clear(&out)?;
        ours.push(build(&list, &out, args)?);
        if let Some(peers) = peers.filter(|_| round < args.peer_rounds) {
            clear(&out)?;
            theirs.push(astrocut(peers, &list, &out)?);
        }
    }
    clear(&out)?;

    let walls = |runs: &[Run]| runs.iter().map(|run| run.wall_s).collect::<Vec<f64>>();
    for (rival, runs) in [("cat", &cats), ("ur cube build", &ours), ("astrocut make_cube", &theirs)] {
        if runs.is_empty() {
            continue;
        }
        println!(
            "| {input}, {:.0} MB | {rival} | {} | {} | {:.2} | {:.0} | {:.0} | {} |",
            bytes as f64 / 1e6,
            runs.len(),
            Spread::of(walls(runs)),
            Spread::of(runs.iter().map(|run| run.cpu_s)).median,
            bytes as f64 / 1e6 / Spread::of(walls(runs)).median,
            runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0) as f64 / f64::from(1 << 20),
            Spread::of_ratios(&walls(runs), &walls(&cats)),
        );
    }
    if !theirs.is_empty() {
        println!("\n{input}: {} times astrocut's speed\n", Spread::of_ratios(&walls(&theirs), &walls(&ours)));
    }
    Ok(())
}

fn cat(frames: &[PathBuf], out: &Path) -> Result<Run, Error> {
    let start = Instant::now();
    let file = File::create(out)?;
    let process = watch(Command::new("cat").args(frames).stdout(file.try_clone()?).spawn()?)?;
    file.sync_all()?;
    let wall_s = start.elapsed().as_secs_f64();
    if !process.status.success() {
        return Err(format!("cat: {}", process.status).into());
    }
    Ok(Run { wall_s, cpu_s: process.cpu_s, peak_bytes: process.peak_bytes })
}

fn build(list: &Path, out: &Path, args: &Args) -> Result<Run, Error> {
    let mut command = match &args.ur {
        Some(ur) => {
            let mut command = Command::new(ur);
            command.args(["cube", "build", "--out"]).arg(out).arg(format!("@{}", list.display()));
            command.args(["--memory", &format!("{}MiB", args.memory)]);
            if args.threads > 0 {
                command.args(["--threads", &args.threads.to_string()]);
            }
            command
        }
        None => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--memory", &args.memory.to_string(), "--threads", &args.threads.to_string()]);
            command.arg("--build").arg(out).arg(list);
            command
        }
    };
    let start = Instant::now();
    let process = watch(command.stdout(Stdio::null()).spawn()?)?;
    let wall_s = start.elapsed().as_secs_f64();
    if !process.status.success() {
        return Err(format!("the build: {}", process.status).into());
    }
    Ok(Run { wall_s, cpu_s: process.cpu_s, peak_bytes: process.peak_bytes })
}

fn astrocut(peers: &Peers, list: &Path, out: &Path) -> Result<Run, Error> {
    let mut command = peers.script("cube_build.py");
    command.arg(out).arg(SECTOR.to_string()).arg(format!("@{}", list.display()));
    let result = peers.run(&mut command)?;
    let number =
        |name: &str| result[name].as_f64().ok_or_else(|| Error::from(format!("no {name} in {result}")));
    Ok(Run { wall_s: number("wall_s")?, cpu_s: number("cpu_s")?, peak_bytes: number("peak_bytes")? as u64 })
}
