//! `ur zonemap`: what is known of each block of a series, as a file beside it.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use uranometria_fits::fs::destination;
use uranometria_series::{Control, Series, ZoneMap};

use crate::args::ZonemapArgs;
use crate::files;
use crate::report::{self, Bar, Outcome, line};

pub(crate) fn run(args: &ZonemapArgs, stop: &AtomicBool) -> report::Result {
    // An array of x has a file of its own.
    let inputs: Vec<PathBuf> = args.files.iter().cloned().chain(args.x.as_ref().map(PathBuf::from)).collect();
    files::refuse_twice(&args.files)?;
    files::refuse_inputs(&[&args.out], &inputs)?;
    files::need_folder(&args.out)?;
    refuse_others(&args.out)?;
    let (made, time) = report::timed(|| {
        pool(args.threads)?.install(|| {
            let bar = Bar::new();
            let progress = |done, total| bar.count("reading files", done, total);
            let control = Control { progress: &progress, stop };
            let series = Series::open_watched(&args.files, args.x.as_deref(), args.y.as_deref(), &control)?;
            drop(bar);
            let bar = Bar::new();
            let progress = |done, total| bar.count("mapping rows", done, total);
            let map = ZoneMap::build(&series, &Control { progress: &progress, stop })?;
            let bytes = map.save(&args.out)?;
            Ok::<_, Box<dyn Error + Send + Sync>>((map, bytes))
        })
    });
    let (map, bytes) = made.map_err(|error| error as Box<dyn Error>)?;
    if args.json {
        report::json(&json!({
            "file": report::path(&args.out), "files": args.files.len(), "points": map.points(), "missing": map.missing(),
            "bytes": bytes, "seconds": time.as_secs_f64(),
        }));
    } else {
        line(format!(
            "{}: {} points of {} file{}, {} missing, {} in {:.2} s",
            args.out.display(),
            map.points(),
            args.files.len(),
            if args.files.len() == 1 { "" } else { "s" },
            map.missing(),
            report::bytes(bytes),
            time.as_secs_f64()
        ));
    }
    Ok(Outcome::Done)
}

/// Errs where a file of that name is there and is no zone map, not even a damaged one.
fn refuse_others(out: &Path) -> Result<(), String> {
    destination(out).map_err(|error| error.to_string())?;
    let Ok(mut file) = File::open(out) else { return Ok(()) };
    let is_named_so = out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zonemap"));
    let is_empty = file.metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
    let mut start = [0; ZoneMap::MAGIC.len()];
    match file.read_exact(&mut start) {
        _ if is_named_so || is_empty => Ok(()),
        Ok(()) if start == *ZoneMap::MAGIC => Ok(()),
        _ => Err(format!("{} is there and is no zone map; give another name", out.display())),
    }
}

/// Threads for reading; 0 for one a core.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| format!("cannot start threads: {error}"))
}
