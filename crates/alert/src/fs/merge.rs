//! The sorted runs of a night to its parts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
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
use crate::unify::{conform, unite};
use crate::{CUTOUTS, Error, Key, Projection, Survey, time};

/// The most rows of a row group, and of a part.
const GROUP_ROWS: usize = 65_536;
const PART_ROWS: usize = 1 << 20;
/// Runs that are merged with all their files open; systems allow a process 256 or more.
const OPEN: usize = 100;
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
    let new_folder = part_path(&folder, "part");
    set_right(&folder)?;
    set_aside_is_over(&new_folder, &folder)?;
    let told = work.join(format!("night-{}-{}.json", time::date(day), survey.name()));
    if let Some(merged) = done(&told, &folder) {
        check(merged.new + merged.repeated)?;
        return Ok(merged);
    }
    let mut there = parts(&folder)?;
    // Files of other origin have alerts too, but stay as they are.
    let strange: Vec<PathBuf> =
        there.iter().filter(|part| part.survey.is_none()).map(|part| part.path.clone()).collect();
    for part in there.iter_mut().filter(|part| part.survey.is_none()) {
        let schema = File::open(&part.path).ok().and_then(|file| read::builder(file).ok());
        part.survey = schema.and_then(|builder| Survey::of(builder.schema()));
    }
    let of_night = |sorted: &&Sorted| sorted.survey == survey && sorted.nights().any(|night| night == day);
    let sorted: Vec<&Sorted> = runs.iter().flat_map(|run| &run.surveys).filter(of_night).collect();
    let mut kept = Vec::new();
    let merged = {
        let ids = sorted.iter().map(|sorted| sorted.ids(day)).collect::<Result<Vec<_>, _>>()?;
        let old = old_ids(&there, survey)?;
        choose(&ids, &old, &mut kept)
    };
    if merged.new == 0 {
        tell(&told, merged, &[], &folder)?;
        check(merged.repeated)?;
        return Ok(merged);
    }
    // Small parts are written anew together with what is new, so that there never are many.
    let mut sizes: Vec<(u64, &Path)> = Vec::new();
    let own = |part: &&night::Part| part.survey == Some(survey) && !strange.contains(&part.path);
    for part in there.iter().filter(own) {
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
    let stay_open = sorted.len() <= OPEN;
    for (sorted, kept) in sorted.iter().zip(&kept) {
        let (schema, batches) = sorted.open(day, stay_open)?;
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
    clear(&new_folder)?;
    fs::create_dir_all(&new_folder).map_err(|source| Error::io("make it", source).in_file(&new_folder))?;
    let written_anew = |path: &Path| old.contains(&path);
    link_all(&folder, &new_folder, &written_anew)?;
    let first = 1 + there.iter().filter_map(|part| number_of(&part.path)).max().unwrap_or(0);
    let names = write_parts(&new_folder, survey, first, sources, memory, check)?;
    sync(&new_folder)?;
    tell(&told, merged, &names, &new_folder)?;
    let written: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    publish(&new_folder, &folder, &|to| old.contains(&to) || written.iter().any(|part| part == to))?;
    check(merged.repeated)?;
    Ok(merged)
}

/// What a run noted about a night, if the night has the very files that it wrote: names alone may be those of another
/// run that came between.
fn done(told: &Path, folder: &Path) -> Option<Merged> {
    let told: Value = serde_json::from_str(&fs::read_to_string(told).ok()?).ok()?;
    let names = told.get("parts")?.as_array()?;
    let is_there = |part: &Value| {
        let (name, print) = (part.get(0)?.as_str()?, part.get(1)?.as_str()?);
        (print_of(&folder.join(name)).ok()? == print).then_some(())
    };
    names.iter().try_for_each(is_there)?;
    Some(Merged { new: told.get("new")?.as_u64()?, repeated: told.get("repeated")?.as_u64()? })
}

/// What tells a file from any that has its name before or after it, wherever its folder is moved to.
fn print_of(path: &Path) -> std::io::Result<String> {
    let meta = fs::metadata(path)?;
    let (device, node) = (meta.dev(), meta.ino());
    Ok(format!("{device} {node} {} {}.{:09}", meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// Notes what a run has written to a folder.
fn tell(path: &Path, merged: Merged, names: &[String], folder: &Path) -> Result<(), Error> {
    let mut parts = Vec::new();
    for name in names {
        let part = folder.join(name);
        let print = print_of(&part).map_err(|source| Error::io("look at it", source).in_file(&part))?;
        parts.push(json!([name, print]));
    }
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
            for batch in read::open(&part.path, &Projection::only(survey.id_columns(&schema)), 8192, 0)? {
                let batch = batch.map_err(Error::arrow("read it"))?;
                ids.extend(survey.ids(&batch).into_iter().flatten());
            }
            Ok(())
        };
        read().map_err(|error: Error| error.in_file(&part.path))?;
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Chooses of each alert the first that was read, and none that is there already: for each run and row whether it is
/// kept. This takes 16 bytes an alert that came, beside its number and whether it is kept.
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
            self.keys.clear();
            self.row = 0;
            let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
            // A batch of which nothing is wanted must not wait with the others.
            let rows = self.before..self.before + batch.num_rows();
            if self.kept.is_some_and(|kept| !kept.get(rows.clone()).is_some_and(|kept| kept.contains(&true)))
            {
                self.before = rows.end;
                continue;
            }
            let batch = conform(&batch, schema)?;
            let (keys, _) = survey.keys(&batch);
            self.keys = keys.into_iter().map(|key| key.ok_or(Error::Changed)).collect::<Result<_, _>>()?;
            self.place = gathered.len();
            gathered.push(batch);
        }
    }
}

/// Merges alerts to parts and returns their names. Alerts whose columns do not go together get parts of their own.
fn write_parts(
    folder: &Path,
    survey: Survey,
    first: u64,
    sources: Vec<Source<'_>>,
    memory: u64,
    check: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let mut groups: Vec<(SchemaRef, Vec<Source<'_>>)> = Vec::new();
    'sources: for source in sources {
        for (schema, group) in &mut groups {
            match unite(schema, &source.schema) {
                Ok(both) => {
                    *schema = both;
                    group.push(source);
                    continue 'sources;
                }
                Err(Error::Resolution { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        groups.push((source.schema.clone(), vec![source]));
    }
    let mut names = Vec::new();
    for (schema, sources) in groups {
        write_group(folder, survey, first, &schema, sources, &mut names, memory, check)?;
    }
    Ok(names)
}

/// Merges alerts of one schema to parts and adds their names.
#[allow(clippy::too_many_arguments)]
fn write_group(
    folder: &Path,
    survey: Survey,
    first: u64,
    schema: &SchemaRef,
    mut sources: Vec<Source<'_>>,
    names: &mut Vec<String>,
    memory: u64,
    check: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let properties = properties(survey, schema)?;
    let mut gathered: Vec<RecordBatch> = Vec::new();
    let mut next: BinaryHeap<Reverse<(Key, usize)>> = BinaryHeap::new();
    for (number, source) in sources.iter_mut().enumerate() {
        if let Some(key) = source.seek(survey, schema, &mut gathered)? {
            next.push(Reverse((key, number)));
        }
    }
    let mut picks: Vec<(usize, usize)> = Vec::new();
    let mut part: Option<PartWriter> = None;
    let limit = (memory / 4).max(16 << 20) as usize;
    while let Some(Reverse((_, number))) = next.pop() {
        let source = &mut sources[number];
        picks.push((source.place, source.row));
        source.row += 1;
        if let Some(key) = source.seek(survey, schema, &mut gathered)? {
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
                    part.insert(PartWriter::create(path, schema, &properties)?)
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
    part.map_or(Ok(()), PartWriter::finish)
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
    let mut key = survey.id_columns(schema);
    key.extend([survey.object(), survey.time(), ra, dec]);
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

/// Puts links to what is in a folder into another, but for some files; folders in it are gone through.
fn link_all(from: &Path, to: &Path, but: &dyn Fn(&Path) -> bool) -> Result<(), Error> {
    for (_, path) in night::entries(from)? {
        let link = to.join(path.file_name().unwrap_or_default());
        if is_folder(&path) {
            fs::create_dir(&link).map_err(|source| Error::io("make it", source).in_file(&link))?;
            link_all(&path, &link, but)?;
            sync(&link)?;
        } else if !but(&path) {
            fs::hard_link(&path, &link)
                .map_err(|source| Error::io("link a file to it", source).in_file(&link))?;
        }
    }
    Ok(())
}

/// Moves what came to the old folder of a night while its new one was made, but for what is to stay as it is there.
fn bring_over(old: &Path, folder: &Path, but: &dyn Fn(&Path) -> bool) -> Result<(), Error> {
    for (_, path) in night::entries(old)? {
        let to = folder.join(path.file_name().unwrap_or_default());
        let moved = |source| Error::io("move it to the night as it is now", source).in_file(&path);
        if is_folder(&path) && is_folder(&to) {
            bring_over(&path, &to, but)?;
        } else if !but(&to) && !same_file(&path, &to) {
            fs::rename(&path, &to).map_err(moved)?;
        }
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Removes a folder that was left where a run ended: a new one under way, or an old one whose place a new one has. What
/// came to the old one last and is no part is brought over.
fn set_aside_is_over(left: &Path, folder: &Path) -> Result<(), Error> {
    if left.exists() && folder.exists() {
        let is_part = |to: &Path| to.extension().is_some_and(|ending| ending == "parquet");
        bring_over(left, folder, &|to| is_part(to) || fs::symlink_metadata(to).is_ok())?;
    }
    clear(left)
}

/// Gives the folder of a night its name, replacing the one that has it in one step. What came to that one in the
/// meantime is brought over, but for files that are replaced.
///
/// File systems of networks may not exchange two names at once; there the old one is set aside first, and gets its name
/// again by [`set_right`] where the program ends between the two steps.
fn publish(new: &Path, folder: &Path, replaced: &dyn Fn(&Path) -> bool) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(Path::new(""));
    let named = |source: std::io::Error| Error::io("give it its name", source).in_file(folder);
    if !folder.exists() {
        fs::rename(new, folder).map_err(named)?;
        // The folders of the month and the year may be new too.
        return parent.ancestors().take(3).try_for_each(sync);
    }
    match renameat_with(CWD, new, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => {
            bring_over(new, folder, replaced)?;
            sync(folder)?;
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
    bring_over(&old, folder, replaced)?;
    sync(folder)?;
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
        return set_aside_is_over(&old, folder);
    }
    fs::rename(&old, folder).map_err(|source| Error::io("give it its name again", source).in_file(&old))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, StructArray};
    use arrow_schema::{DataType, Field};
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_part_of_the_same_name_by_another_run_is_not_taken_for_ones_own() {
        let folder = TempDir::new().unwrap();
        let (told, part) = (folder.path().join("night.json"), folder.path().join("part-ztf-000001.parquet"));
        let merged = Merged { new: 3, repeated: 1 };
        fs::write(&part, "the alerts of a run").unwrap();
        tell(&told, merged, &["part-ztf-000001.parquet".to_string()], folder.path()).unwrap();
        assert_eq!(done(&told, folder.path()), Some(merged));
        let other = folder.path().join("other");
        fs::write(&other, "the alerts of a ruN").unwrap();
        fs::rename(&other, &part).unwrap();
        assert_eq!(done(&told, folder.path()), None);
    }

    #[test]
    fn batches_of_which_nothing_is_wanted_are_not_gathered() {
        let batch = |id: i64| {
            let jd: ArrayRef = Arc::new(Float64Array::from(vec![2_459_383.0; 2]));
            let candidate =
                StructArray::from(vec![(Arc::new(Field::new("jd", DataType::Float64, false)), jd)]);
            let columns: [(&str, ArrayRef); 3] = [
                ("candid", Arc::new(Int64Array::from(vec![id, id + 1]))),
                ("objectId", Arc::new(StringArray::from(vec!["a", "a"]))),
                ("candidate", Arc::new(candidate)),
            ];
            Ok(RecordBatch::try_from_iter(columns).unwrap())
        };
        let schema =
            batch(0).map(|batch: RecordBatch| batch.schema()).unwrap_or_else(|_: Error| unreachable!());
        let mut kept = vec![false; 200];
        kept[151] = true;
        let batches = (0..100).map(|n| batch(2 * n));
        let mut source = Source::new(schema.clone(), Box::new(batches), Some(&kept));
        let mut gathered = Vec::new();
        assert_eq!(source.seek(Survey::Ztf, &schema, &mut gathered).unwrap().unwrap().id, 151);
        assert_eq!(gathered.len(), 1);
        source.row += 1;
        assert!(source.seek(Survey::Ztf, &schema, &mut gathered).unwrap().is_none());
        assert_eq!(gathered.len(), 1);
    }
}
