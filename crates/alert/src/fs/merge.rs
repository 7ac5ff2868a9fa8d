//! The sorted runs of a night to its parts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde_json::{Value, json};
use uranometria_fits::fs::{Durability, part_path, sync_folder};

use super::night::{self, parts};
use super::read::{self, field_path};
use super::runs::{Sorted, Written};
use crate::unify::{column_at, conform, unite};
use crate::{CUTOUTS, Error, Key, Projection, Survey, time};

/// The most rows of a row group, and of a part.
const GROUP_ROWS: usize = 65_536;
const PART_ROWS: usize = 1 << 20;
/// Rows that are gathered at once.
const BATCH_ROWS: usize = 1024;

/// What became of the alerts of a night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) new: u64,
    pub(super) repeated: u64,
}

/// Writes the alerts of a night that it does not have yet. Work that was done before an interruption is not done again.
pub(super) fn merge(
    archive: &Path,
    survey: Survey,
    day: i32,
    runs: &[Written],
    work: &Path,
    memory: u64,
    check: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<Merged, Error> {
    let folder = night::folder(archive, time::date(day));
    set_right(&folder)?;
    let told = work.join(format!("night-{}-{}.json", time::date(day), survey.name()));
    if let Some(merged) = done(&told, &folder) {
        check(merged.new + merged.repeated)?;
        return Ok(merged);
    }
    let there = parts(&folder)?;
    let of_night = |sorted: &&Sorted| sorted.survey == survey && sorted.nights().any(|night| night == day);
    let sorted: Vec<&Sorted> = runs.iter().flat_map(|run| &run.surveys).filter(of_night).collect();
    let mut kept = Vec::new();
    let merged = {
        let ids = sorted.iter().map(|sorted| sorted.ids(day)).collect::<Result<Vec<_>, _>>()?;
        let old = old_ids(&there, survey)?;
        choose(&ids, &old, &mut kept)
    };
    if merged.new == 0 {
        tell(&told, merged, &[])?;
        check(merged.repeated)?;
        return Ok(merged);
    }
    // Small parts are written anew together with what is new, so that there never are many.
    let mut sizes: Vec<(u64, &Path)> = Vec::new();
    for part in there.iter().filter(|part| part.survey == Some(survey)) {
        sizes.push((rows_of(&part.path)?, &part.path));
    }
    sizes.sort();
    let (mut total, mut old) = (merged.new, Vec::new());
    for (rows, path) in sizes {
        if rows <= 2 * total {
            total += rows;
            old.push(path);
        }
    }
    let mut sources: Vec<Source<'_>> = Vec::new();
    for (sorted, kept) in sorted.iter().zip(&kept) {
        let (schema, batches) = sorted.open(day)?;
        sources.push(Source::new(schema, Box::new(batches), Some(kept)));
    }
    for path in &old {
        let reader = read::open(path, &Projection::all(), 64, 0).map_err(|error| error.in_file(path))?;
        let schema = reader.schema();
        let named = path.to_path_buf();
        let batches =
            reader.map(move |batch| batch.map_err(|source| Error::arrow("read it")(source).in_file(&named)));
        sources.push(Source::new(schema, Box::new(batches), None));
    }
    let new_folder = part_path(&folder, "part");
    clear(&new_folder)?;
    fs::create_dir_all(&new_folder).map_err(|source| Error::io("make it", source).in_file(&new_folder))?;
    for part in there.iter().filter(|part| !old.contains(&part.path.as_path())) {
        let name = part.path.file_name().unwrap_or_default();
        let link = new_folder.join(name);
        fs::hard_link(&part.path, &link)
            .map_err(|source| Error::io("link a part to it", source).in_file(&link))?;
    }
    let first = 1 + there.iter().filter_map(|part| number_of(&part.path)).max().unwrap_or(0);
    let names = write_parts(&new_folder, survey, first, sources, memory, check)?;
    sync(&new_folder)?;
    tell(&told, merged, &names)?;
    publish(&new_folder, &folder)?;
    check(merged.repeated)?;
    Ok(merged)
}

/// What a run noted about a night that it has published.
fn done(told: &Path, folder: &Path) -> Option<Merged> {
    let told: Value = serde_json::from_str(&fs::read_to_string(told).ok()?).ok()?;
    let names = told.get("parts")?.as_array()?;
    let there = names.iter().all(|name| name.as_str().is_some_and(|name| folder.join(name).exists()));
    there.then_some(())?;
    Some(Merged { new: told.get("new")?.as_u64()?, repeated: told.get("repeated")?.as_u64()? })
}

fn tell(path: &Path, merged: Merged, parts: &[String]) -> Result<(), Error> {
    let text = json!({ "new": merged.new, "repeated": merged.repeated, "parts": parts }).to_string();
    Ok(uranometria_fits::fs::write(path, text.as_bytes(), Durability::Disk)?)
}

/// The numbers of the alerts that a night has, ascending.
fn old_ids(parts: &[night::Part], survey: Survey) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::new();
    for part in parts.iter().filter(|part| part.survey == Some(survey)) {
        let mut read = || {
            let whole = read::open(&part.path, &Projection::all(), 1, 0)?;
            let schema = whole.schema();
            let Some(id) = survey.id(&schema) else { return Ok(()) };
            for batch in read::open(&part.path, &Projection::only([id]), 8192, 0)? {
                let batch = batch.map_err(Error::arrow("read it"))?;
                if let Some(column) = column_at(&batch, id)
                    .and_then(|column| arrow_cast::cast(&column, &arrow_schema::DataType::Int64).ok())
                {
                    ids.extend(column.as_primitive::<Int64Type>().values());
                }
            }
            Ok(())
        };
        read().map_err(|error: Error| error.in_file(&part.path))?;
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Chooses of each alert the first that was read, and none that is there already: for each run and row whether it is
/// kept. This takes 16 bytes an alert of the night.
fn choose(ids: &[Vec<i64>], old: &[i64], kept: &mut Vec<Vec<bool>>) -> Merged {
    let mut all: Vec<(i64, u32, u32)> = Vec::with_capacity(ids.iter().map(Vec::len).sum());
    for (run, ids) in (0..).zip(ids) {
        all.extend((0..).zip(ids).map(|(row, id)| (*id, run, row)));
    }
    all.sort_unstable();
    kept.extend(ids.iter().map(|ids| vec![false; ids.len()]));
    let mut merged = Merged::default();
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let (id, run, row) = same[0];
        if old.binary_search(&id).is_ok() {
            merged.repeated += same.len() as u64;
        } else {
            kept[run as usize][row as usize] = true;
            merged.new += 1;
            merged.repeated += same.len() as u64 - 1;
        }
    }
    merged
}

fn rows_of(path: &Path) -> Result<u64, Error> {
    let rows =
        |file| read::builder(file).map(|builder| builder.metadata().file_metadata().num_rows().max(0) as u64);
    let open = File::open(path).map_err(|source| Error::io("open it", source));
    open.and_then(rows).map_err(|error| error.in_file(path))
}

/// The number in the name of a part.
fn number_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.rsplit('-').next()?.parse().ok()
}

/// Alerts in order, from a run or a part.
struct Source<'a> {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + 'a>,
    /// Whether each row is wanted; all are of a part.
    kept: Option<&'a [bool]>,
    /// Rows before the batch.
    before: usize,
    /// The number of its batch among those that rows are gathered from.
    place: usize,
    keys: Vec<Key>,
    row: usize,
}

impl<'a> Source<'a> {
    fn new(
        schema: SchemaRef,
        batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + 'a>,
        kept: Option<&'a Vec<bool>>,
    ) -> Self {
        Source {
            schema,
            batches,
            kept: kept.map(Vec::as_slice),
            before: 0,
            place: 0,
            keys: Vec::new(),
            row: 0,
        }
    }

    /// Goes to the next row that is wanted and returns its key; batches that are begun are put with the others.
    fn seek(
        &mut self,
        survey: Survey,
        schema: &SchemaRef,
        gathered: &mut Vec<RecordBatch>,
    ) -> Result<Option<Key>, Error> {
        loop {
            while self.row < self.keys.len() {
                if self.kept.is_none_or(|kept| kept.get(self.before + self.row).copied().unwrap_or(false)) {
                    return Ok(Some(self.keys[self.row]));
                }
                self.row += 1;
            }
            self.before += self.keys.len();
            let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
            let batch = conform(&batch, schema)?;
            let (keys, _) = survey.keys(&batch);
            self.keys = keys.into_iter().map(|key| key.ok_or(Error::Changed)).collect::<Result<_, _>>()?;
            self.row = 0;
            self.place = gathered.len();
            gathered.push(batch);
        }
    }
}

/// Merges alerts to parts and returns their names.
fn write_parts(
    folder: &Path,
    survey: Survey,
    first: u64,
    mut sources: Vec<Source<'_>>,
    memory: u64,
    check: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let mut schema = sources[0].schema.clone();
    for source in &sources[1..] {
        schema = unite(&schema, &source.schema)?;
    }
    let properties = properties(survey, &schema)?;
    let mut gathered: Vec<RecordBatch> = Vec::new();
    let mut next: BinaryHeap<Reverse<(Key, usize)>> = BinaryHeap::new();
    for (number, source) in sources.iter_mut().enumerate() {
        if let Some(key) = source.seek(survey, &schema, &mut gathered)? {
            next.push(Reverse((key, number)));
        }
    }
    let mut picks: Vec<(usize, usize)> = Vec::new();
    let mut names = Vec::new();
    let mut part: Option<PartWriter> = None;
    let limit = (memory / 4).max(16 << 20) as usize;
    while let Some(Reverse((_, number))) = next.pop() {
        let source = &mut sources[number];
        picks.push((source.place, source.row));
        source.row += 1;
        if let Some(key) = source.seek(survey, &schema, &mut gathered)? {
            next.push(Reverse((key, number)));
        }
        // What is gathered is bounded in rows, and in batches that were left.
        if picks.len() == BATCH_ROWS || gathered.len() >= sources.len() + 64 || next.is_empty() {
            let batches: Vec<&RecordBatch> = gathered.iter().collect();
            let rows = interleave_record_batch(&batches, &picks).map_err(Error::arrow("merge alerts"))?;
            let writer = match &mut part {
                Some(part) => part,
                None => {
                    let name = format!("part-{}-{:06}.parquet", survey.name(), first + names.len() as u64);
                    let path = folder.join(&name);
                    names.push(name);
                    part.insert(PartWriter::create(path, &schema, &properties)?)
                }
            };
            writer.write(&rows, limit)?;
            check(picks.len() as u64)?;
            picks.clear();
            if writer.rows >= PART_ROWS
                && let Some(part) = part.take()
            {
                part.finish()?;
            }
            // Only batches that are not read to their ends stay.
            let mut stay = Vec::new();
            for source in &mut sources {
                if source.row < source.keys.len() {
                    stay.push(gathered[source.place].clone());
                    source.place = stay.len() - 1;
                }
            }
            gathered = stay;
        }
    }
    part.map_or(Ok(()), PartWriter::finish)?;
    Ok(names)
}

/// A part under way.
struct PartWriter {
    path: PathBuf,
    file: File,
    writer: ArrowWriter<File>,
    rows: usize,
}

impl PartWriter {
    fn create(path: PathBuf, schema: &SchemaRef, properties: &WriterProperties) -> Result<Self, Error> {
        let make = || {
            let file = File::create(&path).map_err(|source| Error::io("make it", source))?;
            let copy = file.try_clone().map_err(|source| Error::io("make it", source))?;
            let options = ArrowWriterOptions::new().with_properties(properties.clone());
            let writer = ArrowWriter::try_new_with_options(copy, schema.clone(), options);
            Ok((file, writer.map_err(Error::parquet("write it"))?))
        };
        let (file, writer) = make().map_err(|error: Error| error.in_file(&path))?;
        Ok(PartWriter { path, file, writer, rows: 0 })
    }

    fn write(&mut self, batch: &RecordBatch, limit: usize) -> Result<(), Error> {
        let failed = |source| Error::parquet("write it")(source).in_file(&self.path);
        self.writer.write(batch).map_err(failed)?;
        self.rows += batch.num_rows();
        if self.writer.memory_size() >= limit {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let PartWriter { path, file, writer, .. } = self;
        writer.close().map_err(|source| Error::parquet("write it")(source).in_file(&path))?;
        file.sync_all().map_err(|source| Error::io("sync it to disk", source).in_file(&path))
    }
}

/// How parts are written: values plain or by dictionary and LZ4, which is quick to undo; pictures as they are, since they
/// are compressed already; statistics of pages for the fields that identify, place and date an alert, of chunks for
/// others.
fn properties(survey: Survey, schema: &SchemaRef) -> Result<WriterProperties, Error> {
    let parquet = parquet::arrow::ArrowSchemaConverter::new()
        .convert(schema)
        .map_err(Error::parquet("write a night"))?;
    let mut builder: WriterPropertiesBuilder = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(4096);
    let (ra, dec) = survey.position();
    let key: Vec<&str> = [survey.id(schema), Some(survey.object()), Some(survey.time()), Some(ra), Some(dec)]
        .into_iter()
        .flatten()
        .collect();
    for at in 0..parquet.num_columns() {
        let column = parquet.column(at);
        let (path, field) = (column.path().clone(), field_path(column.path().parts()));
        if CUTOUTS.contains(&field.split('.').next().unwrap_or_default()) {
            builder = builder
                .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        } else if key.contains(&field.as_str()) {
            builder = page_statistics(builder, path);
        }
    }
    Ok(builder.build())
}

fn page_statistics(builder: WriterPropertiesBuilder, path: ColumnPath) -> WriterPropertiesBuilder {
    builder
        .set_column_statistics_enabled(path.clone(), EnabledStatistics::Page)
        .set_column_dictionary_enabled(path, false)
}

/// Sends what is in a folder and its name to the disk.
fn sync(folder: &Path) -> Result<(), Error> {
    sync_folder(folder).map_err(|source| Error::io("sync it to disk", source).in_file(folder))
}

fn clear(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove it", source).in_file(folder))
        }
        _ => Ok(()),
    }
}

/// Gives the folder of a night its name, replacing the one that has it in one step.
///
/// File systems of networks may not exchange two names at once; there the old one is set aside first, and gets its name
/// again by [`set_right`] where the program ends between the two steps.
fn publish(new: &Path, folder: &Path) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(Path::new(""));
    let named = |source: std::io::Error| Error::io("give it its name", source).in_file(folder);
    if !folder.exists() {
        fs::rename(new, folder).map_err(named)?;
        // The folders of the month and the year may be new too.
        return parent.ancestors().take(3).try_for_each(sync);
    }
    match renameat_with(CWD, new, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => {
            sync(parent)?;
            return clear(new);
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(named(errno.into())),
    }
    let old = part_path(folder, "old");
    fs::rename(folder, &old).map_err(named)?;
    if let Err(source) = fs::rename(new, folder) {
        fs::rename(&old, folder).map_err(named)?;
        return Err(named(source));
    }
    sync(parent)?;
    clear(&old)
}

/// Gives a night that was set aside its name again, or removes it where a new one has that.
fn set_right(folder: &Path) -> Result<(), Error> {
    let old = part_path(folder, "old");
    if !old.exists() {
        return Ok(());
    }
    if folder.exists() {
        return clear(&old);
    }
    fs::rename(&old, folder).map_err(|source| Error::io("give it its name again", source).in_file(&old))
}
