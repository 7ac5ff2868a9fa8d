//! `ur alerts ingest` and `ur simulate night`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use uranometria_alert::fs::{IngestOptions, ingest};
use uranometria_alert::simulate::{self, NightOptions, Simulated};
use uranometria_alert::{Projection, Schema};
use uranometria_catalog::fs::{Control, Progress, Stage};

use crate::args::{IngestArgs, NightArgs};
use crate::files;
use crate::report::{self, Bar, Outcome, line};

pub(super) fn take_in(args: &IngestArgs, stop: &AtomicBool) -> report::Result {
    files::refuse_twice(&args.files)?;
    let schema = if args.schema.is_empty() { None } else { Some(schema_of(&args.schema)?) };
    let known =
        args.registry.iter().map(|(number, path)| Ok((*number, schema_of(std::slice::from_ref(path))?)));
    let known = known.collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?;
    let find = |number: u32| known.iter().find(|(known, _)| *known == number).map(|(_, text)| text.clone());
    let options = IngestOptions {
        projection: if args.without_cutouts { Projection::without_cutouts() } else { Projection::all() },
        schema,
        registry: if known.is_empty() { None } else { Some(&find) },
        memory: args.memory,
    };
    let bar = Bar::new();
    let progress = |Progress { stage, done, total }| {
        let name = if stage == Stage::Writing { "writing nights" } else { "reading alerts" };
        bar.count(name, done, total);
    };
    let control = Control { progress: &progress, stop };
    let (done, time) = report::timed(|| ingest(&args.files, &args.archive, &options, &control));
    drop(bar);
    let done = done?;
    let seconds = time.as_secs_f64();
    if args.json {
        let nights = done.nights.iter().map(
            |(night, survey, new)| json!({ "night": night.to_string(), "survey": survey.name(), "new": new }),
        );
        report::json(&json!({
            "archive": report::path(&args.archive), "files": done.files, "read": done.read, "new": done.new,
            "repeated": done.repeated, "dead": done.dead, "resumed": done.resumed,
            "dead_letters": done.dead_letters.as_deref().map(report::path),
            "nights": nights.collect::<Vec<_>>(), "seconds": seconds,
        }));
    } else {
        line(format!(
            "{}: {} alerts of {} files in {seconds:.2} s: {} new in {} nights, {} repeated, {} dead",
            args.archive.display(),
            done.read,
            done.files,
            done.new,
            done.nights.len(),
            done.repeated,
            done.dead
        ));
        for (night, survey, new) in &done.nights {
            line(format!("  {night} {}: {new}", survey.name()));
        }
        if let Some(letters) = &done.dead_letters {
            line(format!("  packets that could not be read, with reasons: {}", letters.display()));
        }
    }
    Ok(if done.read == 0 { Outcome::Nothing } else { Outcome::Done })
}

/// The schema that some files make together, as one JSON.
fn schema_of(paths: &[PathBuf]) -> Result<String, Box<dyn std::error::Error>> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: cannot read it: {error}", path.display()))
    };
    let texts = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let first = paths.first().map_or(String::new(), |path| path.display().to_string());
    Ok(Schema::parse_set(&all).map_err(|error| format!("{first}: {error}"))?.to_json())
}

pub(crate) fn night(args: &NightArgs, stop: &AtomicBool) -> report::Result {
    let options = NightOptions {
        alerts: args.alerts,
        seed: args.seed,
        night: args.night,
        corrupt: args.corrupt,
        duplicates: args.duplicates,
        late: args.late,
        reduced: args.reduced,
        per_file: args.per_file,
    };
    let night = Simulated::new(options)?;
    let bar = Bar::new();
    let progress = |done, total| bar.count("making alerts", done, total);
    let (written, time) = report::timed(|| simulate::fs::write(&night, &args.out, &progress, stop));
    drop(bar);
    let written = written?;
    let seconds = time.as_secs_f64();
    if args.json {
        report::json(&json!({
            "files": written.files.iter().map(|path| report::path(path)).collect::<Vec<_>>(),
            "truth": report::path(&written.truth), "alerts": written.alerts, "packets": written.packets,
            "bytes": written.bytes, "seconds": seconds,
        }));
    } else {
        line(format!(
            "{}: {} packets of {} alerts in {} files, {} in {seconds:.2} s; what is true of them is in {}",
            args.out.display(),
            written.packets,
            written.alerts,
            written.files.len(),
            report::bytes(written.bytes),
            written.truth.display()
        ));
    }
    Ok(Outcome::Done)
}
