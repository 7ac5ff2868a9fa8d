//! Writing the alerts of a night that passed: decoded on all threads, written in order on one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, StructArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, FieldRef, SchemaRef};
use arrow_select::filter::filter_record_batch;

use super::SelectControl;
use super::night::{Night, dated, entries};
use super::out::{Finished, Format, Part, folder_name, remove_leftovers};
use super::plan::PartitionBy;
use super::select::Task;
use crate::Error;

/// Bytes of a batch that goes out, about.
const BATCH_BYTES: u64 = 4 << 20;

/// Bytes that all open parts may hold.
const HELD_BYTES: usize = 256 << 20;

/// The writing of a night.
pub(super) struct Writing<'a> {
    pub(super) out: &'a Path,
    pub(super) id: &'a str,
    pub(super) night: &'a Night,
    pub(super) partition: PartitionBy,
    pub(super) format: Format,
    pub(super) control: &'a SelectControl<'a>,
}

/// A batch that goes out, and the classes of its alerts where these matter.
type Going = Result<(RecordBatch, Option<StringArray>), Error>;

impl Writing<'_> {
    /// Decodes on all threads and writes on this one, in order.
    pub(super) fn run(&self, tasks: &[Task], threads: usize) -> Result<Vec<Finished>, Error> {
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
        for batch in task.file.read(task.group, &leaves, task.selection(), batch_rows)? {
            let batch = batch?;
            let told = |error: Error| error.in_file(&task.file.path);
            let classes =
                plan.class.as_ref().map(|class| class.evaluate(&batch)).transpose().map_err(told)?;
            let batch = pruned(&batch, &plan.columns.schema).map_err(told)?;
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
        folder.join(format!("{}{number:05}.{}", self.begin(), self.format.name()))
    }

    fn night_folder(&self) -> PathBuf {
        dated(self.out, self.night.date)
    }

    /// How the names of the parts of this night and request begin.
    fn begin(&self) -> String {
        let date = self.night.date;
        format!("part-{:04}{:02}{:02}-{}-", date.year(), date.month(), date.day(), self.id)
    }

    /// Removes what earlier runs of the same request left of this night, which may not be in the report.
    pub(super) fn remove_leftovers(&self, stay: &[Finished]) -> Result<(), Error> {
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
            self.open.insert(key.to_string(), Part::create(path, &batch.schema(), self.writing.format)?);
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
