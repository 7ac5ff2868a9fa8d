//! Choosing alerts of nights: conditions on the columns they need first, the rest only of what passes.
//!
//! A night is done in three passes. The footers rule row groups out or in; the columns of the conditions are read
//! of the others, cheap conditions first; positions that are looked up in catalogues are gathered over the whole night.
//! Then the chosen content is decoded of the rows that passed, on all threads, and written in order. What is in
//! memory are a bit an alert and a few batches.
//!
//! The names of the parts come from the night and the request, so that other requests may write into the same folder,
//! and the same one goes on where it was stopped: `_filter-*.json` says which nights are done and what they gave.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::RowSelection;
use rayon::prelude::*;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::journal::{Journal, inputs};
use super::night::{Night, nights, parts};
use super::open::OpenFile;
use super::out::{Format, RunLock};
use super::plan::{PartitionBy, Plan, Plans, Removed, Request, Step, narrowed};
use super::writing::Writing;
use super::{SelectControl, SelectProgress};
use crate::Error;
use crate::condition::{Decided, Sources};

/// Alerts whose positions are looked up at once.
const LOOKUP_ROWS: usize = 1 << 20;

/// How to choose.
#[derive(Clone, Debug)]
pub struct SelectOptions {
    /// How the folder is parted.
    pub partition: PartitionBy,
    /// The kind of its files.
    pub format: Format,
    /// The most alerts, of the first nights.
    pub limit: Option<u64>,
    /// The greatest share of a night that may pass, percent; a filter's own holds too.
    pub max_share_percent: Option<f64>,
    /// Threads; 0 for one a core.
    pub threads: usize,
}

impl Default for SelectOptions {
    /// Parquet, parted by night, without limits.
    fn default() -> Self {
        let (partition, format) = (PartitionBy::Time, Format::Parquet);
        SelectOptions { partition, format, limit: None, max_share_percent: None, threads: 0 }
    }
}

/// A condition, and how many alerts it removed of those that came to it: cheap ones are asked first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Where it was written.
    pub origin: String,
    /// As it was written.
    pub text: String,
    /// Alerts removed.
    pub removed: u64,
}

/// What a night gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NightReport {
    /// The night, as 2021-11-01.
    pub night: String,
    /// Alerts looked at.
    pub input: u64,
    /// Alerts that passed.
    pub passed: u64,
    /// Alerts that were written: all that passed, unless there is a limit.
    pub written: u64,
    /// What each condition did; what footers ruled out is told by `skipped` alone.
    pub conditions: Vec<Condition>,
    /// Alerts that were ruled out without being read.
    pub skipped: u64,
    /// The parts, and their bytes.
    pub parts: Vec<(PathBuf, u64)>,
    /// Whether it was done before.
    pub resumed: bool,
}

impl NightReport {
    /// Whether as many were written as there is room for.
    pub(super) fn fits(&self, room: u64) -> bool {
        self.written == self.passed.min(room)
    }
}

/// What a selection gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// By night.
    pub nights: Vec<NightReport>,
    /// The file that keeps all this.
    pub report: PathBuf,
}

impl Selected {
    /// Alerts looked at.
    pub fn input(&self) -> u64 {
        self.nights.iter().map(|night| night.input).sum()
    }

    /// Alerts that passed.
    pub fn passed(&self) -> u64 {
        self.nights.iter().map(|night| night.passed).sum()
    }

    /// Alerts that were written.
    pub fn written(&self) -> u64 {
        self.nights.iter().map(|night| night.written).sum()
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.nights.iter().flat_map(|night| &night.parts).map(|(_, bytes)| bytes).sum()
    }
}

/// A row group of a night, and which of its alerts are left.
pub(super) struct Task {
    pub(super) file: Arc<OpenFile>,
    pub(super) plan: Arc<Plan>,
    pub(super) group: usize,
    pub(super) left: BooleanBuffer,
    removed: Removed,
    skipped: u64,
}

/// Chooses alerts of an archive and writes them into a folder.
///
/// # Errors
/// [`Error::Conditions`] where conditions do not fit the alerts; [`Error::TooMany`] before anything of the night is
/// written; [`Error::Fits`] while another run of the same request writes into the folder; [`Error::Interrupted`]; those
/// of reading and writing, with the file.
pub fn select(
    archive: &Path,
    request: &Request,
    options: &SelectOptions,
    out: &Path,
    sources: &(dyn Sources + Sync),
    control: &SelectControl<'_>,
) -> Result<Selected, Error> {
    let nights = nights(archive, &request.nights)?;
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let home = archive.canonicalize().map_err(Error::file(archive))?;
    let SelectOptions { partition, format, limit, .. } = options;
    let key = format!("{} {request:?} {partition:?} {format:?} {limit:?}", home.display());
    let id = format!("{:016x}", xxh3_64(key.as_bytes()));
    let report = out.join(format!("_filter-{id}.json"));
    let _lock = RunLock::take(&report)?;
    let mut journal = Journal::read(&report, &key);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| Error::Fields { reason: format!("cannot start threads: {error}") })?;
    let mut plans = Plans::new(request, *partition, sources, &nights);
    let mut selected = Selected { nights: Vec::new(), report: report.clone() };
    let (done, mut total) = (AtomicU64::new(0), 0);
    let mut room = limit.unwrap_or(u64::MAX);
    for night in &nights {
        control.check()?;
        let name = night.date.to_string();
        let writing = Writing { out, id: &id, night, partition: *partition, format: *format, control };
        if room == 0 {
            // What an earlier run gave, before there was more in the nights before.
            if journal.forget(&name) {
                journal.write(request)?;
            }
            writing.remove_leftovers(&[])?;
            continue;
        }
        let share = |passed: u64, input: u64| {
            let shares =
                [options.max_share_percent, request.filter.as_ref().and_then(|f| f.max_share_percent)];
            let exceeded = |share: &f64| passed as f64 > input as f64 * share / 100.0;
            match shares.into_iter().flatten().find(exceeded) {
                Some(share) => Err(Error::TooMany { night: name.clone(), input, passed, share }),
                None => Ok(()),
            }
        };
        let Listed { inputs, files, done: before } = pool.install(|| {
            listed(night, |inputs| journal.done(&name, inputs, out).filter(|before| before.fits(room)))
        })?;
        if let Some(before) = before {
            share(before.passed, before.input)?;
            room = room.saturating_sub(before.written);
            selected.nights.push(before);
            continue;
        }
        let mut tasks = Vec::new();
        for file in &files {
            let Some(plan) = plans.of(file)? else { continue };
            total += file.all_rows();
            for group in 0..file.groups() {
                let left = BooleanBuffer::new_unset(0);
                let removed = plan.none_removed();
                tasks.push(Task { file: file.clone(), plan: plan.clone(), group, left, removed, skipped: 0 });
            }
        }
        let watch = Watch { control, done: &done, total };
        pool.install(|| tasks.par_iter_mut().try_for_each(|task| task.judge(&watch)))?;
        pool.install(|| look_up(&mut tasks, control))?;
        let counted = |of: fn(&Task) -> u64| tasks.iter().map(of).sum::<u64>();
        let input = counted(|task| task.file.rows(task.group) as u64);
        let passed = counted(|task| task.left.count_set_bits() as u64);
        share(passed, input)?;
        let conditions = conditions(&tasks);
        let skipped = counted(|task| task.skipped);
        cut(&mut tasks, room);
        let threads = pool.current_num_threads();
        let finished = writing.run(&tasks, threads)?;
        let written = finished.iter().map(|part| part.rows).sum();
        writing.remove_leftovers(&finished)?;
        let mut kept = Vec::new();
        for part in finished {
            let path = part.path.strip_prefix(out).unwrap_or(&part.path).to_path_buf();
            kept.push((path, part.bytes));
            part.keep()?;
        }
        let night = NightReport {
            night: name,
            input,
            passed,
            written,
            conditions,
            skipped,
            parts: kept,
            resumed: false,
        };
        journal.note(&night, inputs, &sources.files());
        journal.write(request)?;
        room = room.saturating_sub(written);
        selected.nights.push(night);
    }
    Ok(selected)
}

/// How often a night is listed again when a part of it is gone.
const LISTED_AGAIN: usize = 2;

/// A night at its turn.
struct Listed {
    inputs: Value,
    files: Vec<Arc<OpenFile>>,
    /// What it gave before, which holds still.
    done: Option<NightReport>,
}

/// Lists a night and opens its files, unless it is done: again when one is gone, as an ingest merges parts. What is open
/// stays readable.
fn listed(night: &Night, done: impl Fn(&Value) -> Option<NightReport>) -> Result<Listed, Error> {
    let attempt = || -> Result<Listed, Error> {
        let parts = parts(&night.folder)?;
        let inputs = inputs(&parts)?;
        if let Some(done) = done(&inputs) {
            return Ok(Listed { inputs, files: Vec::new(), done: Some(done) });
        }
        let open: Result<Vec<_>, Error> = parts.iter().map(|part| OpenFile::open(&part.path)).collect();
        Ok(Listed { inputs, files: open?, done: None })
    };
    let gone = |error: &Error| matches!(error, Error::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    for _ in 0..LISTED_AGAIN {
        match attempt() {
            Err(error) if gone(&error) => {}
            listed => return listed,
        }
    }
    attempt()
}

/// How far the work is.
struct Watch<'a> {
    control: &'a SelectControl<'a>,
    done: &'a AtomicU64,
    total: u64,
}

impl Task {
    /// Some alerts of a row group, to be judged by all conditions.
    pub(super) fn of(file: Arc<OpenFile>, plan: Arc<Plan>, group: usize, left: BooleanBuffer) -> Self {
        let removed = plan.none_removed();
        Task { file, plan, group, left, removed, skipped: 0 }
    }

    /// Runs all conditions but those that look positions up.
    fn judge(&mut self, watch: &Watch<'_>) -> Result<(), Error> {
        watch.control.check()?;
        let rows = self.file.rows(self.group);
        let decided = self.plan.decide(&self.file, self.group);
        self.left = BooleanBuffer::new_set(rows);
        if decided == Decided::None {
            self.left = BooleanBuffer::new_unset(rows);
            self.skipped = rows as u64;
        }
        if decided == Decided::Some {
            self.sift(watch.control)?;
        }
        let done = watch.done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        (watch.control.progress)(SelectProgress { done, total: watch.total });
        Ok(())
    }

    /// Runs the conditions on what is left, but those that look positions up.
    pub(super) fn sift(&mut self, control: &SelectControl<'_>) -> Result<(), Error> {
        let plan = self.plan.clone();
        for step in plan.steps.iter().filter(|step| !step.lookup) {
            let mut met = arrow_buffer::BooleanBufferBuilder::new(self.left.len());
            let selection = self.selection();
            for batch in self.file.read(self.group, &step.leaves, selection, 1 << 14)? {
                control.check()?;
                let run = plan.run(step, &batch?, &mut self.removed);
                met.append_buffer(&run.map_err(|error| error.in_file(&self.file.path))?);
            }
            self.left = narrowed(&self.left, &met.finish());
            if self.left.count_set_bits() == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The alerts that are left, as the reader of parquet wants them.
    pub(super) fn selection(&self) -> Option<RowSelection> {
        let all = self.left.count_set_bits() == self.left.len();
        (!all).then(|| RowSelection::from_filters(&[BooleanArray::new(self.left.clone(), None)]))
    }
}

/// Runs the conditions that look positions up, for as many alerts at once as fit.
pub(super) fn look_up(tasks: &mut [Task], control: &SelectControl<'_>) -> Result<(), Error> {
    let mut at = 0;
    while at < tasks.len() {
        let plan = tasks[at].plan.clone();
        let Some(step) = plan.steps.iter().find(|step| step.lookup) else {
            at += 1;
            continue;
        };
        control.check()?;
        // Row groups of one schema, as many as there is room for.
        let mut end = at;
        let mut rows = 0;
        while end < tasks.len() && Arc::ptr_eq(&tasks[end].plan, &plan) && (end == at || rows < LOOKUP_ROWS) {
            rows += tasks[end].left.count_set_bits();
            end += 1;
        }
        look_up_some(&mut tasks[at..end], &plan, step)?;
        at = end;
    }
    Ok(())
}

fn look_up_some(tasks: &mut [Task], plan: &Plan, step: &Step) -> Result<(), Error> {
    let read = |task: &Task| -> Result<Vec<RecordBatch>, Error> {
        if task.left.count_set_bits() == 0 {
            return Ok(Vec::new());
        }
        task.file.read(task.group, &step.leaves, task.selection(), 1 << 16)?.collect()
    };
    let batches: Vec<Vec<RecordBatch>> = tasks.par_iter().map(read).collect::<Result<_, Error>>()?;
    let Some(schema) = batches.iter().flatten().next().map(RecordBatch::schema) else { return Ok(()) };
    let all = concat_batches(&schema, batches.iter().flatten()).map_err(Error::arrow("gather positions"))?;
    let mut removed = plan.none_removed();
    let met = plan.run(step, &all, &mut removed)?;
    if let Some(first) = tasks.first_mut() {
        for (sum, more) in first.removed.iter_mut().flatten().zip(removed.iter().flatten()) {
            *sum += more;
        }
    }
    let mut from = 0;
    for task in tasks {
        let count = task.left.count_set_bits();
        task.left = narrowed(&task.left, &met.slice(from, count));
        from += count;
    }
    Ok(())
}

/// What all conditions did.
fn conditions(tasks: &[Task]) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    for task in tasks {
        let mut at = 0;
        for (set, removed) in task.plan.sets.iter().zip(&task.removed) {
            for (text, removed) in set.conditions.texts().zip(removed) {
                if at == all.len() {
                    let (origin, text) = (set.origin.clone(), text.to_string());
                    all.push(Condition { origin, text, removed: 0 });
                }
                all[at].removed += removed;
                at += 1;
            }
        }
    }
    all
}

/// Leaves so many alerts, the first.
fn cut(tasks: &mut [Task], mut room: u64) {
    for task in tasks {
        let left = task.left.count_set_bits() as u64;
        if left > room {
            let kept: Vec<usize> = task.left.set_indices().take(room as usize).collect();
            let mut bits = arrow_buffer::BooleanBufferBuilder::new(task.left.len());
            bits.append_n(task.left.len(), false);
            kept.into_iter().for_each(|row| bits.set_bit(row, true));
            task.left = bits.finish();
        }
        room = room.saturating_sub(left);
    }
}
