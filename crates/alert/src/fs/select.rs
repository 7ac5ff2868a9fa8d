//! Choosing alerts of nights: conditions on the columns they need first, the rest only of what passes.
//!
//! A night is done in three passes. The footers rule row groups out or in; the columns of the conditions are read
//! of the others, cheap conditions first; positions that are looked up in catalogues are gathered over the whole night.
//! Then the chosen content is decoded of the rows that passed, on all threads, and written in order. What is in
//! memory are a bit an alert and a few batches.
//!
//! The names of the parts come from the night and the request, so that other requests may write into the same folder,
//! and the same one goes on where it was stopped: `_filter-*.json` says which nights are done and what they gave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, StructArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, FieldRef, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::arrow_reader::RowSelection;
use rayon::prelude::*;
use serde_json::{Value, json};
use uranometria_fits::fs::Durability;
use xxhash_rust::xxh3::xxh3_64;

use super::night::{Night, Part as NightPart, entries, nights, parts as parts_of};
use super::open::OpenFile;
use super::out::{Finished, Part, RunLock, folder_name, remove_leftovers};
use super::plan::{PartitionBy, Plan, Plans, Removed, Request, Step, narrowed};
use super::sources::file_now;
use super::{SelectControl, SelectProgress};
use crate::Error;
use crate::condition::{Decided, SourceFile, Sources};

/// Alerts whose positions are looked up at once.
const LOOKUP_ROWS: usize = 1 << 20;

/// Bytes of a batch that goes out, about.
const BATCH_BYTES: u64 = 4 << 20;

/// Bytes that all open parts may hold.
const HELD_BYTES: usize = 256 << 20;

/// How to choose.
#[derive(Clone, Debug)]
pub struct SelectOptions {
    /// How the folder is parted.
    pub partition: PartitionBy,
    /// The most alerts, of the first nights.
    pub limit: Option<u64>,
    /// The greatest share of a night that may pass, percent; a filter's own holds too.
    pub max_share_percent: Option<f64>,
    /// Threads; 0 for one a core.
    pub threads: usize,
}

impl Default for SelectOptions {
    /// Parted by night, without limits.
    fn default() -> Self {
        SelectOptions { partition: PartitionBy::Time, limit: None, max_share_percent: None, threads: 0 }
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
    file: Arc<OpenFile>,
    plan: Arc<Plan>,
    group: usize,
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
    let key = format!("{} {request:?} {:?} {:?}", home.display(), options.partition, options.limit);
    let id = format!("{:016x}", xxh3_64(key.as_bytes()));
    let report = out.join(format!("_filter-{id}.json"));
    let _lock = RunLock::take(&report)?;
    let mut journal = Journal::read(&report, &key);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| Error::Fields { reason: format!("cannot start threads: {error}") })?;
    let mut plans = Plans::new(request, options.partition, sources);
    let mut selected = Selected { nights: Vec::new(), report: report.clone() };
    let (done, mut total) = (AtomicU64::new(0), 0);
    let mut room = options.limit.unwrap_or(u64::MAX);
    for night in &nights {
        control.check()?;
        let name = night.date.to_string();
        let writing = Writing { out, id: &id, night, partition: options.partition, control };
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
        total += files.iter().map(|file| file.all_rows()).sum::<u64>();
        let mut tasks = Vec::new();
        for file in &files {
            let plan = plans.of(file)?;
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
        let mut parts = Vec::new();
        for part in finished {
            let path = part.path.strip_prefix(out).unwrap_or(&part.path).to_path_buf();
            parts.push((path, part.bytes));
            part.keep()?;
        }
        let night =
            NightReport { night: name, input, passed, written, conditions, skipped, parts, resumed: false };
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
        let parts = parts_of(&night.folder)?;
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
    fn selection(&self) -> Option<RowSelection> {
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

/// The writing of a night.
struct Writing<'a> {
    out: &'a Path,
    id: &'a str,
    night: &'a Night,
    partition: PartitionBy,
    control: &'a SelectControl<'a>,
}

/// A batch that goes out, and the classes of its alerts where these matter.
type Going = Result<(RecordBatch, Option<StringArray>), Error>;

impl Writing<'_> {
    /// Decodes on all threads and writes on this one, in order.
    fn run(&self, tasks: &[Task], threads: usize) -> Result<Vec<Finished>, Error> {
        let tasks: Vec<&Task> = tasks.iter().filter(|task| task.left.count_set_bits() > 0).collect();
        let mut parts = Parts { writing: self, open: BTreeMap::new(), finished: Vec::new(), number: 0 };
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let window = Window { first: Mutex::new(0), moved: Condvar::new(), ahead: threads + AHEAD };
        let (senders, receivers): (Vec<SyncSender<Going>>, Vec<Receiver<Going>>) =
            tasks.iter().map(|_| sync_channel(2)).unzip();
        let senders: Vec<Mutex<Option<SyncSender<Going>>>> =
            senders.into_iter().map(|sender| Mutex::new(Some(sender))).collect();
        std::thread::scope(|scope| {
            for _ in 0..threads.min(tasks.len()) {
                scope.spawn(|| {
                    // The earliest row group is always being decoded by somebody, so that nobody waits for ever.
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(task) = tasks.get(at) else { break };
                        window.wait_for(at);
                        let sender = senders[at].lock().unwrap_or_else(|p| p.into_inner()).take();
                        let Some(sender) = sender else { break };
                        if failed.load(Ordering::Relaxed) {
                            continue;
                        }
                        if let Err(error) = self.decode(task, &sender) {
                            // Nobody listens where writing has failed.
                            let _ = sender.send(Err(error));
                        }
                    }
                });
            }
            let mut write = || {
                for (at, receiver) in receivers.iter().enumerate() {
                    window.move_to(at);
                    for going in receiver {
                        self.control.check()?;
                        let (batch, classes) = going?;
                        parts.write(&batch, classes.as_ref())?;
                    }
                }
                Ok(())
            };
            let written: Result<(), Error> = write();
            failed.store(written.is_err(), Ordering::Relaxed);
            window.move_to(tasks.len());
            drop(receivers);
            written
        })?;
        parts.finish()
    }

    fn decode(&self, task: &Task, sender: &SyncSender<Going>) -> Result<(), Error> {
        let plan = &task.plan;
        let mut leaves = plan.columns.leaves.clone();
        if let Some(class) = &plan.class {
            leaves.extend(class.leaves());
            leaves.sort_unstable();
            leaves.dedup();
        }
        let rows = task.file.rows(task.group).max(1) as u64;
        let row_bytes = (task.file.bytes(task.group, &leaves).1 / rows).max(1);
        let batch_rows = usize::try_from((BATCH_BYTES / row_bytes).clamp(16, 1 << 15)).unwrap_or(16);
        let extra = leaves.len() > plan.columns.leaves.len();
        for batch in task.file.read(task.group, &leaves, task.selection(), batch_rows)? {
            let batch = batch?;
            let told = |error: Error| error.in_file(&task.file.path);
            let classes =
                plan.class.as_ref().map(|class| class.evaluate(&batch)).transpose().map_err(told)?;
            let batch = if extra { pruned(&batch, &plan.columns.schema).map_err(told)? } else { batch };
            if sender.send(Ok((batch, classes))).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn path(&self, class: Option<&str>, number: usize) -> PathBuf {
        let folder = match (self.partition, class) {
            (PartitionBy::Time, _) => self.night_folder(),
            (PartitionBy::Class, Some(class)) => self.out.join(format!("finkclass={class}")),
            _ => self.out.to_path_buf(),
        };
        folder.join(format!("{}{number:05}.parquet", self.begin()))
    }

    fn night_folder(&self) -> PathBuf {
        let date = self.night.date;
        let (year, month, day) = (date.year(), date.month(), date.day());
        self.out.join(format!("year={year:04}/month={month:02}/day={day:02}"))
    }

    /// How the names of the parts of this night and request begin.
    fn begin(&self) -> String {
        let date = self.night.date;
        format!("part-{:04}{:02}{:02}-{}-", date.year(), date.month(), date.day(), self.id)
    }

    /// Removes what earlier runs of the same request left of this night, which may not be in the report.
    fn remove_leftovers(&self, stay: &[Finished]) -> Result<(), Error> {
        let folders = match self.partition {
            PartitionBy::Time => vec![self.night_folder()],
            PartitionBy::Nothing => vec![self.out.to_path_buf()],
            PartitionBy::Class => {
                let all = entries(self.out)?.into_iter();
                all.filter(|(name, _)| name.starts_with("finkclass=")).map(|(_, path)| path).collect()
            }
        };
        let stay: Vec<PathBuf> = stay.iter().flat_map(Finished::paths).collect();
        remove_leftovers(&folders, &self.begin(), &stay)
    }
}

/// How far row groups are decoded ahead of the one that is written, besides one a thread.
const AHEAD: usize = 2;

/// Which row group is written; others wait until they are near it, so that memory does not grow with a night.
struct Window {
    first: Mutex<usize>,
    moved: Condvar,
    ahead: usize,
}

impl Window {
    fn wait_for(&self, at: usize) {
        let first = self.first.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let far = |first: &mut usize| at >= first.saturating_add(self.ahead);
        drop(self.moved.wait_while(first, far));
    }

    fn move_to(&self, at: usize) {
        *self.first.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = at;
        self.moved.notify_all();
    }
}

/// The parts of a night while they are written.
struct Parts<'a> {
    writing: &'a Writing<'a>,
    /// By class.
    open: BTreeMap<String, Part>,
    finished: Vec<Finished>,
    number: usize,
}

impl Parts<'_> {
    fn write(&mut self, batch: &RecordBatch, classes: Option<&StringArray>) -> Result<(), Error> {
        let Some(classes) = classes else { return self.append("", None, batch) };
        let names: Vec<String> = (0..classes.len())
            .map(|row| folder_name(classes.is_valid(row).then(|| classes.value(row))))
            .collect();
        let mut all: Vec<&String> = names.iter().collect();
        all.sort_unstable();
        all.dedup();
        for class in all {
            let rows = BooleanBuffer::collect_bool(names.len(), |row| names[row] == *class);
            let rows = filter_record_batch(batch, &BooleanArray::new(rows, None));
            self.append(class, Some(class), &rows.map_err(Error::arrow("part alerts by class"))?)?;
        }
        Ok(())
    }

    fn append(&mut self, key: &str, class: Option<&str>, batch: &RecordBatch) -> Result<(), Error> {
        // Files of a night may have different columns; then they go into different parts.
        if self.open.get(key).is_some_and(|part| part.schema() != &batch.schema())
            && let Some(part) = self.open.remove(key)
        {
            self.finished.push(part.finish()?);
        }
        if !self.open.contains_key(key) {
            let path = self.writing.path(class, self.number);
            self.number += 1;
            self.open.insert(key.to_string(), Part::create(path, &batch.schema())?);
        }
        if let Some(part) = self.open.get_mut(key) {
            part.write(batch)?;
        }
        let held: usize = self.open.values().map(Part::held).sum();
        if held > HELD_BYTES
            && let Some(largest) = self.open.values_mut().max_by_key(|part| part.held())
        {
            largest.flush()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Finished>, Error> {
        for (_, part) in std::mem::take(&mut self.open) {
            self.finished.push(part.finish()?);
        }
        Ok(self.finished)
    }
}

/// A batch with the columns of a schema alone, in structs too.
fn pruned(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let failed = || Error::Fields { reason: "the alerts have other columns than their footer says".into() };
    let columns = schema.fields().iter().map(|field| {
        let array = batch.column_by_name(field.name()).ok_or_else(failed)?;
        prune(array, field).ok_or_else(failed)
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, Error>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(Error::arrow("choose columns"))
}

fn prune(array: &ArrayRef, field: &FieldRef) -> Option<ArrayRef> {
    if array.data_type() == field.data_type() {
        return Some(array.clone());
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let whole = array.as_struct_opt()?;
            let inner = fields.iter().map(|field| prune(whole.column_by_name(field.name())?, field));
            let inner: Vec<ArrayRef> = inner.collect::<Option<_>>()?;
            Some(Arc::new(StructArray::try_new(fields.clone(), inner, whole.nulls().cloned()).ok()?))
        }
        DataType::List(element) => {
            let list = array.as_list_opt::<i32>()?;
            let values = prune(list.values(), element)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Some(Arc::new(arrow_array::ListArray::try_new(element.clone(), offsets, values, nulls).ok()?))
        }
        _ => None,
    }
}

/// What inputs are: their names, lengths and times.
fn inputs(parts: &[NightPart]) -> Result<Value, Error> {
    let each = parts.iter().map(|NightPart { path, .. }| {
        std::fs::metadata(path).map_err(Error::file(path))?;
        Ok(noted(&file_now(path)))
    });
    Ok(Value::Array(each.collect::<Result<_, Error>>()?))
}

fn noted(file: &SourceFile) -> Value {
    json!([file.path.to_string_lossy(), file.bytes, file.modified_ns])
}

impl NightReport {
    /// Whether as many were written as there is room for.
    fn fits(&self, room: u64) -> bool {
        self.written == self.passed.min(room)
    }
}

/// The nights that are done.
struct Journal {
    path: PathBuf,
    /// What was asked for, in full: names have a checksum of it only.
    key: String,
    nights: BTreeMap<String, Value>,
}

impl Journal {
    /// What cannot be read, or is of another request, is done again.
    fn read(path: &Path, key: &str) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        let nights = value["nights"].as_object().filter(|_| value["key"] == key).cloned().unwrap_or_default();
        Journal { path: path.to_path_buf(), key: key.to_string(), nights: nights.into_iter().collect() }
    }

    /// What a night gave, if it is done, its inputs and the files that conditions look into are what they were, and its
    /// parts are there.
    fn done(&self, night: &str, inputs: &Value, out: &Path) -> Option<NightReport> {
        let value = self.nights.get(night)?;
        if &value["inputs"] != inputs {
            return None;
        }
        for file in value["files"].as_array()? {
            if *file != noted(&file_now(Path::new(file[0].as_str()?))) {
                return None;
            }
        }
        let number = |value: &Value| value.as_u64();
        let mut parts = Vec::new();
        for part in value["parts"].as_array()? {
            let (path, bytes) = (PathBuf::from(part["path"].as_str()?), number(&part["bytes"])?);
            if std::fs::metadata(out.join(&path)).ok()?.len() != bytes {
                return None;
            }
            parts.push((path, bytes));
        }
        let mut conditions = Vec::new();
        for condition in value["conditions"].as_array()? {
            conditions.push(Condition {
                origin: condition["origin"].as_str()?.to_string(),
                text: condition["text"].as_str()?.to_string(),
                removed: number(&condition["removed"])?,
            });
        }
        Some(NightReport {
            night: night.to_string(),
            input: number(&value["input"])?,
            passed: number(&value["passed"])?,
            written: number(&value["written"])?,
            skipped: number(&value["skipped"])?,
            conditions,
            parts,
            resumed: true,
        })
    }

    /// Forgets a night; says whether it was known.
    fn forget(&mut self, night: &str) -> bool {
        self.nights.remove(night).is_some()
    }

    fn note(&mut self, night: &NightReport, inputs: Value, files: &[SourceFile]) {
        let parts: Vec<Value> = night
            .parts
            .iter()
            .map(|(path, bytes)| json!({ "path": path.to_string_lossy(), "bytes": bytes }))
            .collect();
        let conditions: Vec<Value> = night
            .conditions
            .iter()
            .map(|one| json!({ "origin": one.origin, "text": one.text, "removed": one.removed }))
            .collect();
        let files: Vec<Value> = files.iter().map(noted).collect();
        let value = json!({
            "inputs": inputs, "files": files, "input": night.input, "passed": night.passed, "written": night.written,
            "skipped": night.skipped, "conditions": conditions, "parts": parts,
        });
        self.nights.insert(night.night.clone(), value);
    }

    fn write(&self, request: &Request) -> Result<(), Error> {
        let filter =
            request.filter.as_ref().map(|filter| json!({ "name": filter.name, "version": filter.version }));
        let all = json!({
            "key": self.key,
            "request": {
                "nights": request.nights.to_string(), "classes": request.classes.0, "filter": filter,
                "conditions": request.conditions, "content": format!("{:?}", request.content).to_lowercase(),
            },
            "nights": self.nights,
        });
        Ok(uranometria_fits::fs::write(&self.path, format!("{all:#}\n").as_bytes(), Durability::Disk)?)
    }
}
