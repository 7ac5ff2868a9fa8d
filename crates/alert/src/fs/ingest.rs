//! Packets of any number into the nights of an archive.
//!
//! Two passes in bounded memory. The first reads the files one after another and writes sorted runs; each run notes how
//! far the input was read. The second merges the runs night by night, leaves out alerts that the night has, and replaces
//! the night. What a pass has finished is kept in `alerts/_ingest/` until all is done, so that a run that was interrupted
//! goes on from there; without it nothing is lost either, as alerts that are there already are not added again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use jiff::civil::Date;
use uranometria_catalog::fs::{Control, Progress, Stage};
use uranometria_fits::fs::{open_locked, sync_folder};
use xxhash_rust::xxh3::xxh3_128;

use super::dead::{DeadWriter, read_dead_letters};
use super::input::{Reader, Registry, listed};
use super::merge::merge;
use super::night::entries;
use super::runs::{Counts, Position, Run, Written};
use crate::{Error, Projection, Survey, time};

/// How alerts are taken in.
pub struct IngestOptions<'a> {
    /// The fields that are kept.
    pub projection: Projection,
    /// The schema of packets that have none with them, JSON.
    pub schema: Option<String>,
    /// Finds the schemas of packets in the frame of a registry by their numbers, JSON.
    pub registry: Option<&'a Registry<'a>>,
    /// About how much memory to use, bytes; besides, 25 bytes for each alert that comes to a night, and some 8 for each
    /// that the night has.
    pub memory: u64,
}

impl Default for IngestOptions<'_> {
    fn default() -> Self {
        IngestOptions { projection: Projection::all(), schema: None, registry: None, memory: 1 << 30 }
    }
}

impl std::fmt::Debug for IngestOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.registry.is_some();
        f.debug_struct("IngestOptions")
            .field("projection", &self.projection)
            .field("registry", &known)
            .finish()
    }
}

/// What was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Files read.
    pub files: usize,
    /// Alerts read; each is new or repeated.
    pub read: u64,
    /// Alerts that were not there.
    pub new: u64,
    /// Alerts that were there, or came twice.
    pub repeated: u64,
    /// Packets that could not be read.
    pub dead: u64,
    /// The file of those packets, if there are any.
    pub dead_letters: Option<PathBuf>,
    /// The nights that got new alerts, with their number.
    pub nights: Vec<(Date, Survey, u64)>,
    /// Alerts that an earlier, interrupted run had read already.
    pub resumed: u64,
}

/// Takes alerts of files, folders and `@LIST`s into the nights of an archive.
///
/// Files are told apart by what is in them: Avro container files, parquet as Fink keeps nights, files of dead letters, and,
/// where a schema or a registry is given, packets without a header one after another. An alert whose number its night has
/// is not added again; of alerts of one number the first that is read stays. What cannot be read is kept as
/// [dead letters](super::DeadLetter) in `alerts/_dead/`, and the rest goes on. Progress is told in alerts:
/// [`Stage::Sorting`] while they are read, [`Stage::Writing`] while nights are written.
///
/// # Errors
/// [`Error::NoFiles`], [`Error::Interrupted`], [`Error::Changed`], [`Error::Fits`] around a lock while another process
/// takes alerts in, and those of reading and writing with the file they are about.
pub fn ingest(
    given: &[PathBuf],
    archive: impl AsRef<Path>,
    options: &IngestOptions<'_>,
    control: &Control<'_>,
) -> Result<Ingested, Error> {
    let files = listed(given)?;
    let archive = archive.as_ref();
    let place = archive.join("alerts/_ingest");
    let print = fingerprint(&files, options)?;
    let work = place.join(format!("{print:032x}"));
    let make = |folder: &Path| {
        fs::create_dir_all(folder).map_err(|source| Error::io("make it", source).in_file(folder))
    };
    make(&place)?;
    let _lock = open_locked(&place.join("lock"), &archive.join("alerts"))?;
    for (name, path) in entries(&place)? {
        if name.starts_with(DONE) {
            remove(&path)?;
        }
    }
    make(&work)?;
    let mut runs: Vec<Written> = Vec::new();
    while let Some(run) = Written::find(&work, runs.len()) {
        runs.push(run);
    }
    let resumed = runs.last().map_or(0, |run| run.counts.read);
    read_files(&files, options, control, &work, &mut runs)?;
    if fingerprint(&files, options)? != print {
        return Err(Error::Changed);
    }
    let counts = runs.last().map_or(Counts::default(), |run| run.counts);
    let mut told =
        Ingested { files: files.len(), read: counts.read, dead: counts.dead, resumed, ..Ingested::default() };
    let sorted = || runs.iter().flat_map(|run| &run.surveys);
    let nights: BTreeSet<(i32, Survey)> =
        sorted().flat_map(|sorted| sorted.nights().map(|night| (night, sorted.survey))).collect();
    let done = AtomicU64::new(0);
    let check = |rows: u64| {
        let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
        (control.progress)(Progress { stage: Stage::Writing, done, total: counts.read });
        if control.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    };
    for (night, survey) in nights {
        let merged = merge(archive, survey, night, &runs, &work, options.memory, &check)?;
        told.new += merged.new;
        told.repeated += merged.repeated;
        if merged.new > 0 {
            told.nights.push((time::date(night), survey, merged.new));
        }
    }
    told.dead_letters = keep_dead_letters(archive, print, &runs)?;
    drop(runs);
    // What is removed one by one must not be taken for work to go on with.
    let done = place.join(format!("{DONE}{print:032x}"));
    fs::rename(&work, &done).map_err(|source| Error::io("set it aside", source).in_file(&work))?;
    sync_folder(&place).map_err(|source| Error::io("sync it to disk", source).in_file(&place))?;
    remove(&done)?;
    Ok(told)
}

/// What the names of folders begin with whose work is done.
const DONE: &str = "done-";

fn remove(folder: &Path) -> Result<(), Error> {
    fs::remove_dir_all(folder).map_err(|source| Error::io("remove it", source).in_file(folder))
}

/// The first pass: what is not in runs yet.
fn read_files(
    files: &[PathBuf],
    options: &IngestOptions<'_>,
    control: &Control<'_>,
    work: &Path,
    runs: &mut Vec<Written>,
) -> Result<(), Error> {
    let start = runs.last().map_or(Position::default(), |run| run.end);
    let counts = runs.last().map_or(Counts::default(), |run| run.counts);
    if start.file >= files.len() {
        return Ok(());
    }
    let first = runs.len();
    // One run is read while another is sorted and written.
    let limit = (options.memory / 3).max(1 << 20) as usize;
    let check = |read: u64| {
        (control.progress)(Progress { stage: Stage::Sorting, done: read, total: 0 });
        if control.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    };
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Run>(0);
        let writer = scope.spawn(move || receive.iter().try_for_each(|run| run.write(work, options.memory)));
        // Where the writer has stopped, its own error says why.
        let mut cut = |run| send.send(run).map_err(|_| Error::Interrupted);
        let schema = options.schema.as_deref();
        let reader = Reader::new(
            &options.projection,
            schema,
            options.registry,
            limit,
            first,
            counts,
            &mut cut,
            &check,
        );
        let read = reader.read(files, start);
        drop(send);
        match writer.join() {
            Ok(written) => written.and(read),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    while let Some(run) = Written::find(work, runs.len()) {
        runs.push(run);
    }
    match runs.last() {
        Some(last) if last.end.file >= files.len() => Ok(()),
        _ => Err(Error::Changed),
    }
}

/// What tells this input from another: the files with their lengths and times, and what is kept of them.
fn fingerprint(files: &[PathBuf], options: &IngestOptions<'_>) -> Result<u128, Error> {
    let mut all = format!("{:?} {:?}\n", options.projection, options.schema).into_bytes();
    for path in files {
        let meta = fs::metadata(path).map_err(|source| Error::io("open it", source).in_file(path))?;
        all.extend(path.as_os_str().as_encoded_bytes());
        all.extend(format!("\0{} {}.{}\n", meta.len(), meta.mtime(), meta.mtime_nsec()).as_bytes());
    }
    Ok(xxh3_128(&all))
}

/// Brings the dead letters of all runs together.
fn keep_dead_letters(archive: &Path, print: u128, runs: &[Written]) -> Result<Option<PathBuf>, Error> {
    if runs.iter().all(|run| run.dead.is_none()) {
        return Ok(None);
    }
    let folder = archive.join("alerts/_dead");
    fs::create_dir_all(&folder).map_err(|source| Error::io("make it", source).in_file(&folder))?;
    sync_folder(&archive.join("alerts"))
        .map_err(|source| Error::io("sync it to disk", source).in_file(&folder))?;
    let path = folder.join(format!("{print:032x}.parquet"));
    let mut writer = DeadWriter::create(&path)?;
    for dead in runs.iter().filter_map(|run| run.dead.as_ref()) {
        read_dead_letters(dead, |letter| writer.write(&[letter]))?;
    }
    writer.publish()?;
    Ok(Some(path))
}
