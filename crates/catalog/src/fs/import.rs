//! Tables of any size into a catalogue.
//!
//! Three passes, all in bounded memory. The first reads positions, finds rows without one, and counts rows over the
//! sky, which decides the partitions. The second reads everything and writes sorted runs. The third merges the runs,
//! partition by partition. What a pass has finished is kept in `.NAME.work` until the catalogue has its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use uranometria_fits::fs::{Durability, open_locked, part_path};
use uranometria_sky::Angle;
use uranometria_sky::healpix::{self, MAX_DEPTH};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::catalog::Catalog;
use super::input::{Batch, Input, Inputs, OWN};
use super::metadata::{self, About, Role};
use super::partition::{Format, PAGE_ROWS};
use super::runs::{self, OpenRun, Run, Written};
use super::{Control, Stage, collection, margin, storage, sync_folder};
use crate::error::without_password;
use crate::plan::{COUNT_DEPTH, Counts, Partition, Plan};
use crate::positions::{Positions, column};
use crate::{CELL_COLUMN, Error, Properties};

/// How columns but those of positions are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: the quickest to search.
    None,
    /// LZ4, nearly as quick.
    #[default]
    Lz4,
    /// Zstandard, the smallest.
    Zstd,
}

/// How to make a catalogue.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The column of right ascensions, ICRS degrees.
    pub ra: String,
    /// The column of declinations, ICRS degrees.
    pub dec: String,
    /// The name of the catalogue; that of its folder where it is `None`.
    pub name: Option<String>,
    /// The epoch of the positions, Julian years; without it that of the catalogues that are imported, where all state the
    /// same of these columns.
    pub epoch: Option<f64>,
    /// The most rows a partition may have; more have only those of 3 arcminutes that cannot be divided further.
    pub rows_per_partition: u64,
    /// About how much memory to use, bytes.
    pub memory: u64,
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// Leave rows without a position out and list them instead of refusing all.
    pub skip_bad: bool,
    /// How columns are compressed.
    pub compression: Compression,
    /// How wide a margin around each partition is; then the catalogue is a collection.
    pub margin: Option<Angle>,
    /// When the catalogue was made, as `hats_creation_date` has it; now (UTC) where it is `None`.
    pub date: Option<String>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions {
            ra: "ra".into(),
            dec: "dec".into(),
            name: None,
            epoch: None,
            rows_per_partition: 1_000_000,
            memory: 1 << 30,
            threads: 0,
            skip_bad: false,
            compression: Compression::default(),
            margin: None,
            date: None,
        }
    }
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    /// The table.
    pub path: PathBuf,
    /// The row, from 1.
    pub row: u64,
    /// The column that has no coordinate.
    pub column: String,
    /// What stands there.
    pub found: String,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The catalogue.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its partitions.
    pub partitions: usize,
    /// Rows of its margin; one may be in the margins of several partitions.
    pub margin_rows: u64,
    /// Bytes of its partitions.
    pub bytes: u64,
    /// Rows left out.
    pub skipped: u64,
    /// The first thousand of them.
    pub skipped_rows: Vec<SkippedRow>,
    /// Rows that an earlier, interrupted run had sorted or written already.
    pub resumed: u64,
}

/// How many skipped rows are listed.
const LISTED: usize = 1000;

/// Imports tables as a catalogue, which replaces an older one in one step.
///
/// The tables are parquet, text (CSV or TSV with a line of names, ECSV), FITS (the first binary table), VOTable (the first
/// table), or catalogues, which stand for their partitions. Text and VOTable may be gzipped; with the feature
/// `object-store` all may be at URLs. They have the same columns; those of the first decide order, units and descriptions.
/// Rows are sorted by cell; rows of one cell stay in order. An interrupted import goes on when it is started again with
/// the same tables and options, and gives the same bytes as one that was not interrupted.
///
/// # Errors
/// [`Error::NoColumn`], [`Error::OtherColumns`], [`Error::BadRow`] for the first row without a position,
/// [`Error::NoRows`], [`Error::Occupied`], [`Error::Option`] for a catalogue that would be made at a URL, or of catalogues of several epochs
/// where none is given, and those of reading and writing, with the file they are about.
pub fn import(
    tables: &[PathBuf],
    out: impl AsRef<Path>,
    options: &ImportOptions,
    control: &Control<'_>,
) -> Result<Imported, Error> {
    let out = out.as_ref();
    metadata::may_replace(out)?;
    let inputs = Inputs::open(tables, &OWN, control)?;
    refuse_inside(&inputs.tables, out)?;
    let epoch = match options.epoch {
        None => inputs.epoch([&options.ra, &options.dec], None)?,
        given => given,
    };
    make(inputs, out, &ImportOptions { epoch, ..options.clone() }, &Properties::new(), control)
}

/// Makes a catalogue of tables; `known` are properties that it has besides those that it gets here.
pub(super) fn make(
    inputs: Inputs,
    out: &Path,
    options: &ImportOptions,
    known: &Properties,
    control: &Control<'_>,
) -> Result<Imported, Error> {
    options.margin.map_or(Ok(()), margin::check_width)?;
    if storage::is_url(out) {
        let (option, found) = ("the catalogue", without_password(out).display().to_string());
        let wanted = "a folder of this machine, which can be copied to a store when it is whole";
        return Err(Error::Option { option, found, wanted });
    }
    let files = inputs.identity_from(0)?;
    let (work, part) = (part_path(out, "work"), part_path(out, "part"));
    fs::create_dir_all(&work).map_err(|source| Error::io("make it", source).in_file(&work))?;
    let _lock = open_locked(&work.join("lock"), out)?;
    metadata::set_right(out)?;
    let name = options.name.clone().unwrap_or_else(|| folder_name(out));
    let main_name = collection::folder_name(&name);
    let main = if options.margin.is_some() { part.join(&main_name) } else { part.clone() };
    let job = Job::new(inputs, options, control, work.clone(), part.clone(), main.clone())?;
    let still_there = || if job.inputs.identity_from(0)? == files { Ok(()) } else { Err(Error::Changed) };
    still_there()?;
    let state = job.count(out)?;
    let plan = Plan::new(&state.counts, options.rows_per_partition, state.group_rows() as u64);
    let (runs, resumed) = job.sort(&state, &plan)?;
    let format = job.format(&state);
    let written = job.merge(&format, &state, &plan, &runs, resumed)?;
    let about = About {
        name: name.clone(),
        role: Role::Main { known, counts: &state.counts },
        ra: job.schema.field(job.ra + 1).name().clone(),
        dec: job.schema.field(job.dec + 1).name().clone(),
        epoch: options.epoch,
        date: state.date.clone(),
        rows: state.counts.total(),
        rows_per_partition: options.rows_per_partition,
    };
    let pixels: Vec<_> = plan.partitions.iter().map(|partition| (partition.pixel, partition.rows)).collect();
    let bytes = metadata::write(&main, &pixels, &about)?;
    let mut margin_rows = 0;
    if let Some(width) = options.margin {
        let margin_name = format!("{main_name}_{}arcs", width.arcsec());
        let folder = part.join(&margin_name);
        // An interrupted run may have begun it.
        empty(&folder)?;
        let catalog = Catalog::open(&main)?;
        let pixels = margin::write(&catalog, width, &folder, &format, threads(options), control)?;
        margin_rows = pixels.iter().map(|(_, rows)| rows).sum();
        if margin_rows > 0 {
            let (rows, role) = (margin_rows, Role::Margin { of: &main_name, width });
            let about = About { name: margin_name.clone(), role, rows, ..about };
            metadata::write(&folder, &pixels, &about)?;
        }
        let found = (margin_rows > 0).then_some(margin_name.as_str());
        collection::write(&part, &name, &main_name, found, width)?;
    }
    still_there()?;
    // From here on the hidden name may be that of the old catalogue, which nobody must take for work to go on with.
    job.forget_state()?;
    metadata::publish_folder(&part, out)?;
    fs::remove_dir_all(&work).map_err(|source| Error::io("remove it", source).in_file(&work))?;
    Ok(Imported {
        path: out.to_path_buf(),
        rows: state.counts.total(),
        partitions: plan.partitions.len(),
        margin_rows,
        bytes,
        skipped: state.skipped,
        skipped_rows: state.skipped_rows,
        resumed: written,
    })
}

/// Errs where replacing the catalogue would remove what it is made of, or where it could not be given its name.
pub(super) fn refuse_inside(tables: &[Input], out: &Path) -> Result<(), Error> {
    if out.file_name().is_none() {
        let found = out.display().to_string();
        return Err(Error::Option { option: "the catalogue", found, wanted: "the name of a folder" });
    }
    let Ok(folder) = out.canonicalize() else { return Ok(()) };
    for Input { path, .. } in tables {
        if path.canonicalize().is_ok_and(|path| path.starts_with(&folder)) {
            return Err(Error::Inside { out: out.to_path_buf() }.in_file(path));
        }
    }
    Ok(())
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "catalogue".to_string(), |name| name.to_string_lossy().into_owned())
}

struct Job<'a> {
    inputs: Inputs,
    options: &'a ImportOptions,
    control: &'a Control<'a>,
    work: PathBuf,
    part: PathBuf,
    /// The folder of the catalogue itself: `part`, or one in it.
    main: PathBuf,
    /// Places of the coordinates in the columns of the tables.
    ra: usize,
    dec: usize,
    /// The columns of the catalogue.
    schema: SchemaRef,
    fingerprint: u64,
}

/// What the first pass found.
struct State {
    date: String,
    row_bytes: usize,
    skipped: u64,
    skipped_rows: Vec<SkippedRow>,
    counts: Counts,
}

impl State {
    /// Rows a row group: 64 MiB of them, and what a thread sorts in memory.
    fn group_rows(&self) -> usize {
        ((64 << 20) / self.row_bytes.max(1)).clamp(2 * PAGE_ROWS, 32 * PAGE_ROWS) / PAGE_ROWS * PAGE_ROWS
    }
}

impl<'a> Job<'a> {
    fn new(
        mut inputs: Inputs,
        options: &'a ImportOptions,
        control: &'a Control<'a>,
        work: PathBuf,
        part: PathBuf,
        main: PathBuf,
    ) -> Result<Self, Error> {
        if options.rows_per_partition == 0 {
            let found = "0".to_string();
            return Err(Error::Option { option: "rows per partition", found, wanted: "at least 1" });
        }
        if let Some(epoch) = options.epoch.filter(|epoch| !epoch.is_finite()) {
            return Err(Error::Option { option: "epoch", found: epoch.to_string(), wanted: "a finite year" });
        }
        let first = inputs.tables.first().ok_or(Error::NoFiles)?.path.clone();
        let find = |name: &str| column(&inputs.schema, name).map_err(|error| error.in_file(&first));
        let (ra, dec) = (find(&options.ra)?, find(&options.dec)?);
        if ra == dec {
            let found = format!("{}, that of right ascensions", options.dec);
            return Err(Error::Option { option: "the column of declinations", found, wanted: "another one" });
        }
        let mut fields: Vec<Field> =
            inputs.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for at in [ra, dec] {
            match fields[at].data_type() {
                // Text among numbers; the rows that have it are refused or left out.
                DataType::Utf8 | DataType::LargeUtf8 => fields[at].set_data_type(DataType::Float64),
                other if other.is_numeric() => {}
                other => {
                    let (column, found) = (fields[at].name().clone(), other.to_string());
                    return Err(Error::ColumnType { column, found, wanted: "degrees" }.in_file(&first));
                }
            }
        }
        let identity = inputs.identity()?;
        // Memory and threads decide no byte, and runs of any size can be merged.
        let about = format!(
            "1 {:?} {}",
            ImportOptions { memory: 0, threads: 0, ..options.clone() },
            env!("CARGO_PKG_VERSION")
        );
        let fingerprint = xxh3_64_with_seed(&identity, xxh3_64(about.as_bytes()));
        inputs.schema = Arc::new(Schema::new_with_metadata(fields.clone(), inputs.schema.metadata().clone()));
        for at in [ra, dec] {
            fields[at].set_nullable(false);
        }
        fields.insert(0, cell_field());
        let schema = Arc::new(Schema::new_with_metadata(fields, inputs.schema.metadata().clone()));
        Ok(Job { inputs, options, control, work, part, main, ra, dec, schema, fingerprint })
    }

    /// The first pass, or what is left of it.
    fn count(&self, out: &Path) -> Result<State, Error> {
        if let Some(state) = self.read_state() {
            return Ok(state);
        }
        for folder in [&self.part, &self.work] {
            empty(folder)?;
        }
        let mut state = State {
            date: self.options.date.clone().unwrap_or_else(now),
            row_bytes: 0,
            skipped: 0,
            skipped_rows: Vec::new(),
            counts: Counts::new(COUNT_DEPTH),
        };
        let all: Vec<usize> = (0..self.inputs.schema.fields().len()).collect();
        if let Some(batch) = self.inputs.batches(&all).next() {
            let rows = batch?.rows;
            let bytes =
                rows.columns().iter().map(|array| array.to_data().get_slice_memory_size().unwrap_or(0));
            state.row_bytes = bytes.sum::<usize>() / rows.num_rows().max(1);
        }
        let total = self.inputs.rows().unwrap_or(0);
        let (mut read, mut cells) = (0, Vec::new());
        for batch in self.inputs.batches(&[self.ra, self.dec]) {
            self.control.check()?;
            let batch = batch?;
            read += batch.rows.num_rows() as u64;
            let rows = self.with_positions(batch, (0, 1), &mut cells, Some(&mut state))?;
            drop(rows);
            state.counts.add(&cells);
            self.control.report(Stage::Counting, read, total);
        }
        if state.counts.total() == 0 {
            return Err(Error::NoRows);
        }
        self.write_state(&state).map_err(|error| error.in_file(out))?;
        Ok(state)
    }

    /// The rows of a batch that have a position, and their cells; the others are an error or noted in `state`.
    fn with_positions(
        &self,
        batch: Batch<'_>,
        (ra, dec): (usize, usize),
        cells: &mut Vec<u64>,
        mut state: Option<&mut State>,
    ) -> Result<RecordBatch, Error> {
        let in_file = |error: Error| error.in_file(batch.path);
        let positions = Positions::of(&batch.rows, ra, dec).map_err(in_file)?;
        let bad = positions.bad();
        for bad in &bad {
            let (name, place) = match bad.coordinate {
                0 => (&self.options.ra, ra),
                _ => (&self.options.dec, dec),
            };
            let column = batch.rows.column(place);
            let found = match column.is_null(bad.row) {
                true => "no number".to_string(),
                false => array_value_to_string(column, bad.row).map_err(Error::arrow("show its row"))?,
            };
            let (row, column) = (batch.first + bad.row as u64 + 1, name.clone());
            if !self.options.skip_bad {
                return Err(in_file(Error::BadRow { row, column, found, wanted: bad.wanted }));
            }
            let Some(state) = state.as_deref_mut() else { continue };
            state.skipped += 1;
            if state.skipped_rows.len() < LISTED {
                state.skipped_rows.push(SkippedRow { path: batch.path.to_path_buf(), row, column, found });
            }
        }
        let (rows, positions) = if bad.is_empty() {
            (batch.rows, positions)
        } else {
            let mut good = vec![true; batch.rows.num_rows()];
            bad.iter().for_each(|bad| good[bad.row] = false);
            let rows = filter_record_batch(&batch.rows, &BooleanArray::from(good))
                .map_err(Error::arrow("leave out its rows"))?;
            let positions = Positions::of(&rows, ra, dec)?;
            (rows, positions)
        };
        cells.resize(rows.num_rows(), 0);
        healpix::hash_slice(MAX_DEPTH, positions.ra.values(), positions.dec.values(), cells)?;
        Ok(rows)
    }

    /// The second pass: sorted runs, and the rows that were in runs already.
    fn sort(&self, state: &State, plan: &Plan) -> Result<(Vec<Written>, u64), Error> {
        let mut done: Vec<Written> = Vec::new();
        let mut skip = 0;
        // Runs that an interrupted one made behind a missing one may begin elsewhere, and are written anew.
        while let Some(run) = Written::find(&self.work, done.len()).filter(|run| run.first == skip) {
            skip += run.read;
            done.push(run);
        }
        self.forget_runs(done.len())?;
        let total = state.counts.total() + state.skipped;
        let resumed = done.iter().map(|run| run.rows).sum();
        let first = done.len();
        let workers = threads(self.options).saturating_sub(1).max(1);
        let run_bytes = (self.options.memory as usize / (workers + 2)).max(1 << 20);
        let failure = Mutex::new(None);
        let failed = AtomicBool::new(false);
        let (send, receive) = sync_channel::<Run>(0);
        let receive = Mutex::new(receive);
        let count = std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(run) = next(&receive) {
                        let written = match failed.load(Ordering::Relaxed) {
                            true => continue,
                            false => run.write(&self.work, &self.schema, plan),
                        };
                        if let Err(error) = written {
                            failed.store(true, Ordering::Relaxed);
                            failure
                                .lock()
                                .unwrap_or_else(|poisoned| poisoned.into_inner())
                                .get_or_insert(error);
                        }
                    }
                });
            }
            let give = |run| !failed.load(Ordering::Relaxed) && send.send(run).is_ok();
            let count = self.read_runs(first, skip, run_bytes, total, give);
            drop(send);
            count
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            return Err(error);
        }
        for number in first..count? {
            done.push(Written::find(&self.work, number).ok_or(Error::Changed)?);
        }
        let found: u64 = done.iter().map(|run| run.read).sum();
        if found != total {
            // The tables are others than those counted, so that the next run counts again.
            self.forget_state()?;
            return Err(Error::RowCount { found, expected: total });
        }
        Ok((done, resumed))
    }

    /// Reads the tables behind the first `skip` rows and gives runs away; returns the number behind the last.
    fn read_runs(
        &self,
        first: usize,
        skip: u64,
        run_bytes: usize,
        total: u64,
        give: impl Fn(Run) -> bool,
    ) -> Result<usize, Error> {
        let all: Vec<usize> = (0..self.inputs.schema.fields().len()).collect();
        let (mut run, mut cells) = (Run { number: first, first: skip, ..Run::default() }, Vec::new());
        let mut read = 0;
        if skip == total {
            return Ok(first);
        }
        for batch in self.inputs.batches(&all) {
            self.control.check()?;
            let batch = batch?;
            let rows = batch.rows.num_rows() as u64;
            read += rows;
            if read <= skip {
                continue;
            }
            let rows_here = self.with_positions(batch, (self.ra, self.dec), &mut cells, None)?;
            let number: ArrayRef =
                Arc::new(Int64Array::from_iter_values(cells.iter().map(|&cell| cell as i64)));
            let arrays = std::iter::once(number).chain(rows_here.columns().iter().cloned()).collect();
            let rows_here =
                RecordBatch::try_new(self.schema.clone(), arrays).map_err(Error::arrow("add the cells"))?;
            run.read += rows;
            run.bytes += rows_here.get_array_memory_size();
            run.batches.push(rows_here);
            if run.bytes >= run_bytes {
                let number = run.number + 1;
                if !give(std::mem::replace(&mut run, Run { number, first: read, ..Run::default() })) {
                    return Ok(number);
                }
            }
            self.control.report(Stage::Sorting, read, total);
        }
        let number = run.number;
        if run.read == 0 {
            return Ok(number);
        }
        give(run);
        Ok(number + 1)
    }

    /// How partitions are written.
    fn format(&self, state: &State) -> Format {
        let names = [self.ra + 1, self.dec + 1].map(|at| self.schema.field(at).name().as_str());
        Format::new(self.schema.clone(), names, self.options.compression, state.group_rows())
    }

    /// The third pass: partitions. Returns the rows that earlier runs of the program had done.
    fn merge(
        &self,
        format: &Format,
        state: &State,
        plan: &Plan,
        runs: &[Written],
        sorted: u64,
    ) -> Result<u64, Error> {
        let total = state.counts.total();
        let (next, done, found) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        in_threads(threads(self.options), |failed| {
            let report = |rows: u64| {
                let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
                self.control.report(Stage::Writing, done, total);
                if failed.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { self.control.check() }
            };
            let mut open: Vec<OpenRun<'_>> = Vec::new();
            while let Some(partition) = plan.partitions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let path = self.main.join("dataset").join(partition.pixel.file(".parquet"));
                if metadata::rows(&path) == Some(partition.rows) {
                    found.fetch_add(partition.rows, Ordering::Relaxed);
                    report(partition.rows)?;
                    continue;
                }
                if open.is_empty() {
                    open = runs.iter().map(Written::open).collect::<Result<_, Error>>()?;
                }
                self.write_partition(format, &path, plan, partition, &mut open, &report)?;
            }
            Ok(())
        })?;
        Ok(sorted.max(found.into_inner()))
    }

    fn write_partition(
        &self,
        format: &Format,
        path: &Path,
        plan: &Plan,
        partition: &Partition,
        runs: &mut [OpenRun<'_>],
        report: &dyn Fn(u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut write = || {
            let folder = path.parent().unwrap_or(path);
            fs::create_dir_all(folder).map_err(|source| Error::io("make its folder", source))?;
            let found = format.write(path, plan, partition, runs, report)?;
            if found == partition.rows {
                return Ok(());
            }
            fs::remove_file(path).map_err(|source| Error::io("remove it", source))?;
            Err(Error::RowCount { found, expected: partition.rows })
        };
        write().map_err(|error: Error| error.in_file(path))
    }

    /// Makes the next import begin from its beginning.
    fn forget_state(&self) -> Result<(), Error> {
        let path = self.work.join("state");
        fs::remove_file(&path).map_err(|source| Error::io("remove it", source).in_file(&path))?;
        sync_folder(&self.work)
    }

    /// Removes the runs from a number on.
    fn forget_runs(&self, from: usize) -> Result<(), Error> {
        let entries =
            fs::read_dir(&self.work).map_err(|source| Error::io("read it", source).in_file(&self.work))?;
        let kept: Vec<PathBuf> = (0..from).map(|number| runs::path(&self.work, number)).collect();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|ending| ending == "arrow") && !kept.contains(&path) {
                fs::remove_file(&path).map_err(|source| Error::io("remove it", source).in_file(&path))?;
            }
        }
        Ok(())
    }

    fn write_state(&self, state: &State) -> Result<(), Error> {
        let counts: Vec<u8> = state.counts.rows.iter().flat_map(|rows| rows.to_le_bytes()).collect();
        let mut text = format!(
            "{:016x} {:016x}\n{}\n{} {}\n",
            self.fingerprint,
            xxh3_64(&counts),
            state.date,
            state.row_bytes,
            state.skipped
        );
        for row in &state.skipped_rows {
            let table = self.inputs.tables.iter().position(|table| table.path == row.path).unwrap_or(0);
            text.push_str(&format!("{table}\t{}\t{}\t{}\n", row.row, row.column, row.found));
        }
        uranometria_fits::fs::write(self.work.join("counts"), &counts, Durability::Disk)?;
        uranometria_fits::fs::write(self.work.join("state"), text.as_bytes(), Durability::Disk)?;
        sync_folder(&self.work)
    }

    fn read_state(&self) -> Option<State> {
        let text = fs::read_to_string(self.work.join("state")).ok()?;
        let bytes = fs::read(self.work.join("counts")).ok()?;
        let mut lines = text.lines();
        if lines.next()? != format!("{:016x} {:016x}", self.fingerprint, xxh3_64(&bytes)) {
            return None;
        }
        let date = lines.next()?.to_string();
        let (row_bytes, skipped) = lines.next()?.split_once(' ')?;
        let row = |line: &str| {
            let mut words = line.split('\t');
            Some(SkippedRow {
                path: self.inputs.tables.get(words.next()?.parse::<usize>().ok()?)?.path.clone(),
                row: words.next()?.parse().ok()?,
                column: words.next()?.to_string(),
                found: words.next()?.to_string(),
            })
        };
        let mut counts = Counts::new(COUNT_DEPTH);
        let words = bytes.as_chunks::<4>().0;
        if words.len() != counts.rows.len() {
            return None;
        }
        counts.rows = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Some(State {
            date,
            row_bytes: row_bytes.parse().ok()?,
            skipped: skipped.parse().ok()?,
            skipped_rows: lines.map(row).collect::<Option<_>>()?,
            counts,
        })
    }
}

fn next(receive: &Mutex<Receiver<Run>>) -> Option<Run> {
    receive.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv().ok()
}

fn threads(options: &ImportOptions) -> usize {
    match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    }
}

/// Does the same in several threads; `work` is told when another one has failed, whose error comes before those of
/// the ones who stopped for it.
pub(super) fn in_threads(
    threads: usize,
    work: impl Fn(&AtomicBool) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let failed = AtomicBool::new(false);
    let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
        let work = || work(&failed).inspect_err(|_| failed.store(true, Ordering::Relaxed));
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().map(join).collect()
    });
    let mut errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    errors.sort_by_key(|error| matches!(error, Error::Interrupted));
    errors.into_iter().next().map_or(Ok(()), Err)
}

/// The first column of a catalogue.
fn cell_field() -> Field {
    Field::new(CELL_COLUMN, DataType::Int64, false)
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%MUTC").to_string()
}

/// Removes what is in a folder but the lock.
fn empty(folder: &Path) -> Result<(), Error> {
    let remove = || {
        if !folder.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != "lock" {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    remove().map_err(|source| Error::io("empty it", source).in_file(folder))
}
