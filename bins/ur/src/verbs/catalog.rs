//! `ur catalog`: import, info, verify, the regions, coverage, density, crossmatch.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow_schema::Field;
use serde_json::json;
use uranometria_catalog::Error as CatalogError;
use uranometria_catalog::fs::{
    AppendOptions, Catalog, Compression, Control, Crossmatch, Density, ImportOptions, Imported, Keep,
    MatchOptions, Moved, Place, Progress, Query, Radius, Stage, append, import, verify,
};
use uranometria_fits::fs::{Durability, write};
use uranometria_rows::fs::{Sink, chosen};
use uranometria_rows::{Ending, Format};
use uranometria_sky::{Angle, Cone, Direction, Moc, Polygon, Zone};

use crate::args::{AppendArgs, CatalogCommand, CrossmatchArgs, ImportArgs, MotionColumns, RowsArgs};
use crate::files::{self, Kind};
use crate::report::{self, Bar, Outcome, line};

pub(crate) fn run(command: CatalogCommand, stop: &AtomicBool) -> report::Result {
    match command {
        CatalogCommand::Import(args) => make(&args, stop),
        CatalogCommand::Append(args) => add(&args, stop),
        CatalogCommand::Info { catalog, json } => info(&catalog, json),
        CatalogCommand::Verify { catalog, json } => prove(&catalog, json, stop),
        CatalogCommand::Coverage { catalog, order, out, json } => coverage(&catalog, order, &out, json, stop),
        CatalogCommand::Density { catalog, order, out, json } => density(&catalog, order, &out, json, stop),
        CatalogCommand::Cone { catalog, ra, dec, radius, rows } => {
            let cone = Cone::new(Direction::from_degrees(ra, dec)?, radius)?;
            search(&catalog, cone.into(), &rows, stop)
        }
        CatalogCommand::Polygon { catalog, vertices, rows } => {
            search(&catalog, Polygon::new(&parse_vertices(&vertices)?)?.into(), &rows, stop)
        }
        CatalogCommand::Box { catalog, ra, dec, rows } => {
            search(&catalog, Zone::new(ra.0, ra.1, dec.0, dec.1)?.into(), &rows, stop)
        }
        CatalogCommand::Moc { catalog, moc, rows } => {
            if let Some(out) = &rows.out {
                files::refuse_inputs(&[out], std::slice::from_ref(&moc))?;
            }
            search(&catalog, Place::Cells(read_moc(&moc)?.ranges().to_vec()), &rows, stop)
        }
        CatalogCommand::Crossmatch(args) => crossmatch(&args, stop),
    }
}

/// A progress bar that knows what a catalogue is doing.
fn show(bar: &Bar) -> impl Fn(Progress) + Sync {
    |Progress { stage, done, total }| {
        let name = match stage {
            Stage::Types => "finding types",
            Stage::Counting => "counting rows",
            Stage::Sorting => "sorting rows",
            Stage::Writing => "writing partitions",
            Stage::Margins => "gathering margins",
            Stage::Matching => "matching rows",
            Stage::Verifying => "proving rows",
        };
        bar.count(name, done, total);
    }
}

fn make(args: &ImportArgs, stop: &AtomicBool) -> report::Result {
    files::need_folder(&args.out)?;
    let options = ImportOptions {
        ra: args.ra.clone(),
        dec: args.dec.clone(),
        name: args.name.clone(),
        epoch: args.epoch,
        rows_per_partition: args.rows_per_partition,
        memory: args.run.memory,
        threads: args.run.threads,
        skip_bad: args.run.skip_bad,
        compression: match args.compression.as_str() {
            "none" => Compression::None,
            "zstd" => Compression::Zstd,
            _ => Compression::Lz4,
        },
        margin: args.margin,
        date: None,
    };
    let bar = Bar::new();
    let progress = show(&bar);
    let control = Control { progress: &progress, stop };
    let (made, time) = report::timed(|| import(&args.files, &args.out, &options, &control));
    drop(progress);
    drop(bar);
    tell(&made?, time, args.run.json)
}

fn add(args: &AppendArgs, stop: &AtomicBool) -> report::Result {
    let options = AppendOptions {
        memory: args.run.memory,
        threads: args.run.threads,
        skip_bad: args.run.skip_bad,
        ..AppendOptions::default()
    };
    let bar = Bar::new();
    let progress = show(&bar);
    let control = Control { progress: &progress, stop };
    let (made, time) = report::timed(|| append(&args.catalog, &args.files, &options, &control));
    drop(progress);
    drop(bar);
    match made? {
        Some(made) => tell(&made, time, args.run.json),
        None if args.run.json => {
            report::json(&json!({ "catalog": report::path(&args.catalog), "appended": false }));
            Ok(Outcome::Done)
        }
        None => {
            line(format!("{}: these tables were appended already, nothing to do", args.catalog.display()));
            Ok(Outcome::Done)
        }
    }
}

/// Tells what was made.
fn tell(made: &Imported, time: Duration, as_json: bool) -> report::Result {
    if as_json {
        let skipped = made
            .skipped_rows
            .iter()
            .map(|row| json!({ "file": report::path(&row.path), "row": row.row, "column": row.column, "found": row.found }));
        report::json(&json!({
            "catalog": report::path(&made.path), "rows": made.rows, "partitions": made.partitions,
            "margin_rows": made.margin_rows, "bytes": made.bytes,
            "skipped": made.skipped, "skipped_rows": skipped.collect::<Vec<_>>(), "resumed_rows": made.resumed,
            "seconds": time.as_secs_f64(),
        }));
        return Ok(Outcome::Done);
    }
    for row in &made.skipped_rows {
        report::warning(&format!(
            "skipped {}, row {}: {} is {}",
            row.path.display(),
            row.row,
            row.column,
            row.found
        ));
    }
    if made.skipped > made.skipped_rows.len() as u64 {
        report::warning(&format!("skipped {} rows in all", made.skipped));
    }
    line(format!(
        "{}: {} rows in {} partitions, {} in {:.2} s ({:.2} million rows/s)",
        made.path.display(),
        made.rows,
        made.partitions,
        report::bytes(made.bytes),
        time.as_secs_f64(),
        made.rows as f64 / 1e6 / time.as_secs_f64().max(1e-9)
    ));
    if made.margin_rows > 0 {
        line(format!("  {} rows in the margins of partitions", made.margin_rows));
    }
    if made.resumed > 0 {
        line(format!("  {} of the rows were done by an interrupted run", made.resumed));
    }
    Ok(Outcome::Done)
}

fn info(path: &Path, as_json: bool) -> report::Result {
    let catalog = Catalog::open(path)?;
    let about = |field: &Field, key: &str| field.metadata().get(key).cloned().unwrap_or_default();
    let (ra, dec) = catalog.position_columns();
    let parts = catalog.parts();
    let orders = parts.iter().map(|part| part.pixel().order);
    let orders = (orders.clone().min().unwrap_or(0), orders.max().unwrap_or(0));
    let margins: Vec<(String, u64, f64)> = Catalog::margins(path)?
        .iter()
        .map(|margin| {
            let width = margin.margin_width()?.map_or(f64::NAN, Angle::arcsec);
            Ok((margin.name().to_string(), margin.rows()?, width))
        })
        .collect::<Result<_, CatalogError>>()?;
    if as_json {
        let columns = catalog.schema().fields().iter().map(|field| {
            json!({
                "name": field.name(), "type": field.data_type().to_string(), "unit": about(field, "unit"),
                "ucd": about(field, "ucd"), "description": about(field, "description"),
            })
        });
        let properties: serde_json::Map<String, serde_json::Value> =
            catalog.properties().iter().map(|(key, value)| (key.to_string(), value.into())).collect();
        report::json(&json!({
            "catalog": report::path(catalog.path()), "name": catalog.name(), "rows": catalog.rows()?, "partitions": parts.len(),
            "ra": ra, "dec": dec, "epoch": catalog.epoch(), "orders": [orders.0, orders.1],
            "margins": margins.iter().map(|(name, rows, _)| json!({ "name": name, "rows": rows })).collect::<Vec<_>>(),
            "columns": columns.collect::<Vec<_>>(), "properties": properties,
        }));
        return Ok(Outcome::Done);
    }
    line(format!(
        "{}: {}, {} rows in {} partitions of order {}",
        path.display(),
        catalog.name(),
        catalog.rows()?,
        parts.len(),
        if orders.0 == orders.1 { orders.0.to_string() } else { format!("{} to {}", orders.0, orders.1) },
    ));
    let epoch = catalog.epoch().map_or(String::new(), |epoch| format!(", epoch {epoch:?}"));
    line(format!("  positions: {ra}, {dec}, ICRS degrees{epoch}"));
    for (name, rows, width) in &margins {
        line(format!("  margin {name}: {rows} rows within {width} arcsec of partitions"));
    }
    let fields = catalog.schema().fields();
    let width = |text: &dyn Fn(&Field) -> String| {
        fields.iter().map(|field| text(field).chars().count()).max().unwrap_or(0).min(40)
    };
    let kind = |field: &Field| field.data_type().to_string();
    let (names, kinds) = (width(&|field| field.name().clone()), width(&kind));
    let units = width(&|field| about(field, "unit"));
    for field in fields {
        let text = format!(
            "  {:<names$}  {:<kinds$}  {:<units$}  {}",
            field.name(),
            kind(field),
            about(field, "unit"),
            about(field, "description")
        );
        line(text.trim_end());
    }
    Ok(Outcome::Done)
}

fn prove(path: &Path, as_json: bool, stop: &AtomicBool) -> report::Result {
    let bar = Bar::new();
    let progress = show(&bar);
    let (verified, time) = report::timed(|| verify(path, &Control { progress: &progress, stop }));
    drop(progress);
    drop(bar);
    let verified = verified?;
    let sound = verified.problems.is_empty();
    if as_json {
        report::json(&json!({
            "catalog": report::path(path), "sound": sound, "rows": verified.rows, "margin_rows": verified.margin_rows,
            "partitions": verified.partitions,
            "problems": verified.problems, "seconds": time.as_secs_f64(),
        }));
    } else {
        verified.problems.iter().for_each(line);
        line(format!(
            "{}: {}; {} rows in {} partitions read in {:.2} s",
            path.display(),
            if sound { "sound" } else { "NOT sound" },
            verified.rows,
            verified.partitions,
            time.as_secs_f64()
        ));
    }
    Ok(if sound { Outcome::Done } else { Outcome::Nothing })
}

/// Counts the rows of a catalogue for an output with one of these endings, of that kind as FITS, and tells which.
fn counted(
    path: &Path,
    order: u8,
    (out, endings, fits): (&Path, &[&str], Kind),
    stop: &AtomicBool,
) -> Result<(Catalog, Density, String), Box<dyn Error>> {
    let ending = files::ending(out, endings)?;
    may_write(out, if ending == "fits" { fits } else { Kind::by_ending(&ending) }, &[path])?;
    let catalog = Catalog::open(path)?;
    let bar = Bar::new();
    let density = catalog.density(order, &Control { progress: &show(&bar), stop })?;
    Ok((catalog, density, ending))
}

fn coverage(path: &Path, order: u8, out: &Path, as_json: bool, stop: &AtomicBool) -> report::Result {
    let (_, counted, ending) = counted(path, order, (out, &["fits", "txt", "json"], Kind::Moc), stop)?;
    let moc = Moc::from_ranges(order, counted.covered())?;
    let bytes = match ending.as_str() {
        "txt" => moc.to_ascii()?.into_bytes(),
        "json" => moc.to_json()?.into_bytes(),
        _ => moc.to_fits()?,
    };
    write(out, &bytes, Durability::Process)?;
    let cells = counted.rows().iter().filter(|rows| **rows > 0).count();
    if as_json {
        report::json(&json!({
            "catalog": report::path(path), "file": report::path(out), "order": order, "cells": cells, "square_degrees": moc.area_deg2(),
            "bytes": bytes.len(),
        }));
    } else {
        line(format!(
            "{}: {cells} cells of order {order}, {:.3} square degrees, {}",
            out.display(),
            moc.area_deg2(),
            report::bytes(bytes.len() as u64)
        ));
    }
    Ok(Outcome::Done)
}

fn density(path: &Path, order: u8, out: &Path, as_json: bool, stop: &AtomicBool) -> report::Result {
    let (catalog, counted, ending) = counted(path, order, (out, &["fits", "png"], Kind::SkyMap), stop)?;
    let bytes = match ending.as_str() {
        "png" => super::picture::density(catalog.name(), &counted)?,
        _ => counted.to_fits(),
    };
    write(out, &bytes, Durability::Process)?;
    let most = counted.rows().iter().max().copied().unwrap_or(0);
    if as_json {
        report::json(&json!({
            "catalog": report::path(path), "file": report::path(out), "order": order, "rows": counted.total(), "most_in_a_cell": most,
            "bytes": bytes.len(),
        }));
    } else {
        line(format!(
            "{}: {} rows in cells of order {order}, {most} at most, {}",
            out.display(),
            counted.total(),
            report::bytes(bytes.len() as u64)
        ));
    }
    Ok(Outcome::Done)
}

fn search(path: &Path, place: Place, args: &RowsArgs, stop: &AtomicBool) -> report::Result {
    let format = chosen(args.format.as_deref(), args.out.as_deref())?;
    if let Some(out) = &args.out {
        may_write(out, kind(format), &[path])?;
    }
    let catalog = Catalog::open(path)?;
    let query = Query {
        place,
        columns: args.columns.clone(),
        conditions: args.conditions.clone(),
        ..Query::default()
    };
    let (found, time) = report::timed(|| -> Result<(u64, u64, u64), Box<dyn Error + Send + Sync>> {
        let stopped = || stop.load(Ordering::Relaxed);
        let mut found = catalog.search(&query)?.stop_when(stopped);
        let mut rows = Sink::create(args.out.as_deref(), format, found.schema())?;
        for batch in found.by_ref() {
            let batch = batch.map_err(|error| match error {
                uranometria_catalog::Error::Interrupted => "interrupted; nothing was written".into(),
                error => Box::<dyn Error + Send + Sync>::from(error),
            })?;
            rows.write(&batch)?;
        }
        let decoded = found.decoded();
        let (count, bytes) = rows.finish(Ending::All)?;
        Ok((count, bytes, decoded))
    });
    let (count, bytes, decoded) = match found {
        Err(error) if args.out.is_none() && closed(&*error) => return Ok(Outcome::Done),
        found => found.map_err(|error| error as Box<dyn Error>)?,
    };
    match &args.out {
        Some(out) if args.json => report::json(&json!({
            "file": report::path(out), "rows": count, "decoded": decoded, "bytes": bytes, "seconds": time.as_secs_f64(),
        })),
        Some(out) => line(format!(
            "{}: {count} rows, {} in {:.3} s ({decoded} rows decoded)",
            out.display(),
            report::bytes(bytes),
            time.as_secs_f64()
        )),
        None => {}
    }
    if count == 0 {
        report::warning(&format!("{}: no row is there that meets the conditions", path.display()));
        return Ok(Outcome::Nothing);
    }
    Ok(Outcome::Done)
}

/// Whether the reader of a pipe went away.
fn closed(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
            || error.to_string().contains("Broken pipe")
        {
            return true;
        }
        next = error.source();
    }
    false
}

fn kind(format: Format) -> Kind {
    match format {
        Format::Parquet => Kind::Parquet,
        Format::Fits => Kind::Rows,
        _ => Kind::Text,
    }
}

/// Refuses a file whose folder is not there, that would lie inside a catalogue that is read, or that would replace a file
/// of another kind.
fn may_write(out: &Path, kind: Kind, catalogs: &[&Path]) -> Result<(), String> {
    files::need_folder(out)?;
    files::refuse_other_kind(out, kind)?;
    let whole = |path: &Path| path.canonicalize().ok();
    let folder = match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    for catalog in catalogs {
        if let (Some(folder), Some(inside)) = (whole(folder), whole(catalog))
            && folder.starts_with(&inside)
        {
            return Err(format!(
                "{} would lie inside the catalogue {}; give another name",
                out.display(),
                catalog.display()
            ));
        }
    }
    Ok(())
}

fn parse_vertices(text: &str) -> Result<Vec<Direction>, Box<dyn Error>> {
    let vertex = |(n, text): (usize, &str)| -> Result<Direction, Box<dyn Error>> {
        let numbers: Vec<f64> =
            text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| {
                format!("--vertices: vertex {} is {:?}, expected RA DEC in degrees", n + 1, text.trim())
            })?;
        match numbers[..] {
            [ra, dec] => Ok(Direction::from_degrees(ra, dec)?),
            _ => Err(format!(
                "--vertices: vertex {} has {} numbers, expected 2; vertices are parted by commas",
                n + 1,
                numbers.len()
            )
            .into()),
        }
    };
    text.split(',').enumerate().map(vertex).collect()
}

fn read_moc(path: &Path) -> Result<Moc, Box<dyn Error>> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: cannot read it: {error}"))?;
    let moc = if bytes.starts_with(b"SIMPLE") {
        Moc::from_fits(&bytes)
    } else {
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| format!("{name}: is no MOC; expected FITS, ASCII like 3/10-12 4/200, or JSON"))?;
        if text.trim_start().starts_with('{') { Moc::from_json(text) } else { Moc::from_ascii(text) }
    };
    moc.map_err(|error| format!("{name}: {error}").into())
}

fn crossmatch(args: &CrossmatchArgs, stop: &AtomicBool) -> report::Result {
    let format = chosen(None, Some(&args.out))?;
    may_write(&args.out, kind(format), &[&args.left, &args.right])?;
    let (left, right) = (Catalog::open(&args.left)?, Catalog::open(&args.right)?);
    let identifier = |catalog: &Catalog| args.pairs.then(|| vec![catalog.identifier().to_string()]);
    let options = MatchOptions {
        radius: match args.sigma {
            None => Radius::Within(args.radius),
            Some(_) if args.error.is_none() && args.right_error.is_none() => {
                return Err("--sigma needs a column of errors: --error, --right-error or both".into());
            }
            Some(factor) => Radius::Errors {
                left: args.error.clone(),
                right: args.right_error.clone(),
                factor,
                most: args.radius,
            },
        },
        keep: if args.all { Keep::All } else { Keep::Nearest(args.nearest as usize) },
        left_outer: args.left_outer,
        left_columns: args.columns.clone().or_else(|| identifier(&left)),
        right_columns: args.right_columns.clone().or_else(|| identifier(&right)),
        left_moved: moved(&left, args.epoch, args.proper_motion.as_ref(), "--proper-motion")?,
        right_moved: moved(&right, args.epoch, args.right_proper_motion.as_ref(), "--right-proper-motion")?,
        threads: args.threads,
    };
    let bar = Bar::new();
    let progress = show(&bar);
    let control = Control { progress: &progress, stop };
    let (found, time) = report::timed(|| -> Result<_, Box<dyn Error + Send + Sync>> {
        let ready = Crossmatch::new(&left, &right, &options)?;
        let mut rows = Sink::create(Some(&args.out), format, ready.schema())?;
        let mut failure = None;
        let matched = ready.run(&control, |batch| {
            rows.write(&batch).map_err(|error| {
                failure = Some(error);
                CatalogError::Interrupted
            })
        });
        if let Some(error) = failure {
            return Err(error.into());
        }
        let matched = matched?;
        let (_, bytes) = rows.finish(Ending::All)?;
        Ok((matched, bytes))
    });
    drop(progress);
    drop(bar);
    let (matched, bytes) = found.map_err(|error| match error.downcast_ref() {
        Some(CatalogError::Interrupted) => "interrupted; nothing was written".into(),
        _ => error as Box<dyn Error>,
    })?;
    if args.json {
        report::json(&json!({
            "file": report::path(&args.out), "left_rows": matched.left, "with_counterpart": matched.with_counterpart,
            "pairs": matched.pairs, "bytes": bytes, "seconds": time.as_secs_f64(),
        }));
    } else {
        line(format!(
            "{}: {} of {} rows have a counterpart, {} pairs, {} in {:.2} s",
            args.out.display(),
            matched.with_counterpart,
            matched.left,
            matched.pairs,
            report::bytes(bytes),
            time.as_secs_f64()
        ));
    }
    Ok(if matched.pairs == 0 { Outcome::Nothing } else { Outcome::Done })
}

/// How the rows of a catalogue are moved to an epoch.
fn moved(
    catalog: &Catalog,
    epoch: Option<f64>,
    columns: Option<&MotionColumns>,
    option: &str,
) -> Result<Option<Moved>, String> {
    let Some(to) = epoch else {
        return match columns {
            Some(_) => Err(format!("{option} needs --epoch, the year at which rows are compared")),
            None => Ok(None),
        };
    };
    let path = catalog.path().display();
    let there = |name: &str| catalog.schema().column_with_name(name).map(|_| name.to_string());
    let (pmra, pmdec) = match columns {
        Some(columns) => columns.proper_motion.clone(),
        None => match there("pmra").zip(there("pmdec")) {
            Some(columns) => columns,
            None => {
                report::warning(&format!(
                    "{path}: has no columns pmra and pmdec, so its rows stay where they are; name others with {option}"
                ));
                return Ok(None);
            }
        },
    };
    let from = catalog.epoch().ok_or_else(|| {
        format!("{path}: its epoch is not known; import it with --epoch, or match without --epoch")
    })?;
    let (parallax, radial_velocity) =
        columns.and_then(|columns| columns.parallax_and_velocity.clone()).unzip();
    Ok((to != from).then_some(Moved { pmra, pmdec, parallax, radial_velocity, years: to - from }))
}
