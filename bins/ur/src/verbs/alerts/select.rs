//! `ur alerts filter` and `ur alerts estimate`.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;
use uranometria_alert::fs::{
    ArchiveSources, Estimate, Format, Light, NightReport, PartitionBy, Request, SelectControl, SelectOptions,
    SelectProgress, Selected, estimate as estimated, select,
};
use uranometria_alert::{Classes, Filter, Survey};

use crate::args::{EstimateArgs, FilterArgs, RequestArgs};
use crate::files;
use crate::report::{self, Bar, Outcome, line};

fn request(args: &RequestArgs) -> Result<Request, Box<dyn std::error::Error>> {
    let alerts = args.archive.join("alerts");
    if !alerts.is_dir() {
        let told = format!("{}: there are no nights; see ur alerts ingest", alerts.display());
        return Err(told.into());
    }
    let filter = match &args.filter {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Filter::parse(&text, path)?)
        }
    };
    Ok(Request {
        nights: args.nights.parse()?,
        survey: args.survey.as_deref().and_then(Survey::of_name),
        classes: Classes(args.class.clone()),
        filter,
        conditions: args.conditions.clone(),
        content: args.content.parse()?,
    })
}

pub(super) fn filter(args: &FilterArgs, stop: &AtomicBool) -> report::Result {
    let asked = request(&args.request)?;
    files::need_folder(&args.out)?;
    if let Some(share) = args.max_share.filter(|share| !(0.0..=100.0).contains(share)) {
        return Err(format!("--max-share is {share}, expected 0 to 100").into());
    }
    let options = SelectOptions {
        partition: match args.partition_by.as_str() {
            "class" => PartitionBy::Class,
            "none" => PartitionBy::Nothing,
            _ => PartitionBy::Time,
        },
        format: if args.format == "avro" { Format::Avro } else { Format::Parquet },
        limit: args.limit,
        max_share_percent: args.max_share,
        threads: args.request.threads,
    };
    let sources = ArchiveSources::new(Some(&args.request.archive));
    let bar = Bar::new();
    let progress = |SelectProgress { done, total }| bar.count("filtering alerts", done, total);
    let control = SelectControl { progress: &progress, stop };
    let (selected, time) =
        report::timed(|| select(&args.request.archive, &asked, &options, &args.out, &sources, &control));
    drop(bar);
    tell(&selected?, time, args)
}

fn tell(selected: &Selected, time: Duration, args: &FilterArgs) -> report::Result {
    let outcome = if selected.written() > 0 { Outcome::Done } else { Outcome::Nothing };
    if args.request.json {
        let conditions = |night: &NightReport| {
            let each = night
                .conditions
                .iter()
                .map(|one| json!({ "origin": one.origin, "condition": one.text, "removed": one.removed }));
            each.collect::<Vec<_>>()
        };
        let nights = selected.nights.iter().map(|night| {
            json!({
                "night": night.night, "input": night.input, "passed": night.passed, "written": night.written,
                "ruled_out_unread": night.skipped, "conditions": conditions(night), "resumed": night.resumed,
                "parts": night.parts.iter().map(|(path, bytes)| json!({ "path": report::path(path), "bytes": bytes })).collect::<Vec<_>>(),
            })
        });
        report::json(&json!({
            "out": report::path(&args.out), "input": selected.input(), "passed": selected.passed(),
            "written": selected.written(), "bytes": selected.bytes(), "format": args.format, "report": report::path(&selected.report),
            "nights": nights.collect::<Vec<_>>(), "seconds": time.as_secs_f64(),
        }));
        return Ok(outcome);
    }
    if selected.nights.is_empty() {
        line(format!("{}: the archive has none of these nights", args.request.archive.display()));
        return Ok(outcome);
    }
    for night in &selected.nights {
        let again = if night.resumed { ", done before" } else { "" };
        line(format!("{}: {} of {} alerts{again}", night.night, night.passed, night.input));
        if night.skipped > 0 {
            line(format!("  {:>10} ruled out by footers, unread", night.skipped));
        }
        for one in &night.conditions {
            let text: String = one.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text: String = if text.chars().count() > 80 {
                text.chars().take(77).chain("...".chars()).collect()
            } else {
                text
            };
            line(format!("  {:>10} removed by {text} ({})", one.removed, one.origin));
        }
    }
    line(format!(
        "{}: {} of {} alerts, {} in {:.2} s",
        args.out.display(),
        selected.written(),
        selected.input(),
        report::bytes(selected.bytes()),
        time.as_secs_f64()
    ));
    Ok(outcome)
}

pub(super) fn estimate(args: &EstimateArgs, stop: &AtomicBool) -> report::Result {
    let asked = request(&args.request)?;
    let sources = ArchiveSources::new(Some(&args.request.archive));
    let control = SelectControl { progress: &|_| {}, stop };
    let (found, time) =
        report::timed(|| estimated(&args.request.archive, &asked, args.request.threads, &sources, &control));
    let found: Estimate = found?;
    let light = match found.light() {
        Light::Green => "green",
        Light::Yellow => "yellow",
        Light::Red => "red",
    };
    let outcome = if found.input > 0 { Outcome::Done } else { Outcome::Nothing };
    if args.request.json {
        report::json(&json!({
            "nights": found.nights, "input": found.input, "alerts": found.alerts.round() as u64,
            "alerts_off_95": found.alerts_off.ceil() as u64, "bytes": found.bytes.round() as u64,
            "bytes_off_95": found.bytes_off.ceil() as u64, "exact": found.is_exact(),
            "sampled": found.sampled, "light": light, "seconds": time.as_secs_f64(),
        }));
        return Ok(outcome);
    }
    let bytes = report::bytes(found.bytes.round() as u64);
    if found.is_exact() {
        line(format!("{} of {} alerts, exactly; {bytes}", found.alerts.round(), found.input));
    } else {
        line(format!(
            "{:.0} of {} alerts, give or take {:.0} (95 %); {bytes}, give or take {}",
            found.alerts,
            found.input,
            found.alerts_off.ceil(),
            report::bytes(found.bytes_off.ceil() as u64)
        ));
    }
    line(format!(
        "{light}: {} nights, {} alerts looked at, {:.0} ms",
        found.nights,
        found.sampled,
        time.as_secs_f64() * 1e3
    ));
    Ok(outcome)
}
