//! `ur simulate`: data with a known truth.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use uranometria_simulate::sector::fs::{Done, write_until};
use uranometria_simulate::sector::{Kind, Source};
use uranometria_simulate::{BadFrames, Product, Sector, SectorOptions, Stars};

use crate::args::SectorArgs;
use crate::report::{self, Bar, Outcome, line};

/// The flag that simulated bad frames carry: 32, a desaturation event among the mission's bits.
const FLAG: u32 = 32;

pub(crate) fn run(args: &SectorArgs, stop: &AtomicBool) -> report::Result {
    let stars = match &args.stars {
        Some(path) => {
            let file =
                File::open(path).map_err(|error| format!("{}: cannot open it: {error}", path.display()))?;
            Stars::read_csv(file).map_err(|error| format!("{}, {error}", path.display()))?
        }
        None => Stars::embedded(),
    };
    let sector = Sector::new(options(args), &stars)?;
    let made_up = [Kind::Synthetic, Kind::Transient, Kind::Mover];
    let real = |source: &&Source| !made_up.contains(&source.kind) && !source.id.starts_with("synthetic");
    let real = sector.truth().sources.iter().filter(real).count();
    if real == 0 {
        report::warning("no real star is built in for these pixels; give a catalogue with --stars");
    }
    let bar = Bar::new();
    let progress = |done: Done| bar.count("drawing frames", done.frames as u64, done.of as u64);
    let (written, time) = report::timed(|| write_until(&sector, &args.out, &progress, stop));
    drop(bar);
    let written = written?;
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| report::path(path)).collect::<Vec<_>>();
    if args.json {
        report::json(&json!({
            "frames": paths(&written.frames), "bytes": written.bytes, "kept": written.kept,
            "truth": report::path(&written.truth), "targets": report::path(&written.targets),
            "tracks": paths(&written.tracks), "seconds": time.as_secs_f64(),
        }));
    } else {
        line(format!(
            "{}: {} frames, {} in {:.2} s; {} sources in truth.csv, {real} of them real stars, {} targets, {} tracks",
            args.out.display(),
            written.frames.len(),
            report::bytes(written.bytes),
            time.as_secs_f64(),
            sector.truth().sources.len(),
            sector.truth().targets.len(),
            written.tracks.len()
        ));
    }
    Ok(Outcome::Done)
}

fn options(args: &SectorArgs) -> SectorOptions {
    let default = SectorOptions::default();
    let (columns, rows) = args.size.unwrap_or((default.columns, default.rows));
    let (column0, row0) = args.corner.unwrap_or((0, 0));
    SectorOptions {
        sector: args.sector,
        camera: args.camera,
        ccd: args.ccd,
        product: if args.product == "tica" { Product::Tica } else { Product::Spoc },
        frames: args.frames,
        cadence_s: args.cadence,
        columns,
        rows,
        column0,
        row0,
        seed: args.seed,
        jitter_px: args.jitter,
        gap_d: args.gap,
        bad: BadFrames {
            without_wcs: args.without_wcs.clone(),
            flagged: args.flagged.iter().map(|&frame| (frame, FLAG)).collect(),
            all_zero: args.all_zero.clone(),
            truncated: args.truncated.clone(),
            wrong_chip: args.wrong_chip.clone(),
            wrong_size: args.wrong_size.clone(),
            duplicated: args.duplicated.clone(),
            missing: args.missing.clone(),
        },
        ..default
    }
}
