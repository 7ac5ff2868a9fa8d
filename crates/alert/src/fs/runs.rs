//! Runs: as many alerts as fit in memory, sorted, in files of their own until their nights are written.
//!
//! A run `N` is, for each kind `K` of alerts (of a survey and a schema), `run-N-K.arrow` with its alerts, batch by batch,
//! and `run-N-K.ids` with their numbers in the same order, and `dead-N.parquet`; it is done when `run-N.json` is there, which tells how far the input was read.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave_record_batch;
use serde_json::{Value, json};
use uranometria_fits::fs::{Durability, NewFile};

use super::dead::{DeadLetter, DeadWriter};
use crate::{Error, Key, Survey};

/// Where in the input reading goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The file, from 0.
    pub(super) file: usize,
    /// The byte; of parquet the row, of dead letters the letter.
    pub(super) offset: u64,
    /// Packets of the file before that.
    pub(super) packets: u64,
}

/// What was counted up to a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) read: u64,
    pub(super) dead: u64,
}

/// Alerts of one survey with their keys.
pub(super) struct Chunk {
    pub(super) survey: Survey,
    pub(super) batch: RecordBatch,
    pub(super) keys: Vec<Key>,
}

/// A run under way.
#[derive(Default)]
pub(super) struct Run {
    pub(super) number: usize,
    pub(super) chunks: Vec<Chunk>,
    pub(super) bytes: usize,
    pub(super) dead: Vec<DeadLetter>,
    pub(super) dead_bytes: usize,
    pub(super) counts: Counts,
    pub(super) end: Position,
}

/// A file of a run.
fn file(work: &Path, number: usize, kind: usize, ending: &str) -> PathBuf {
    work.join(format!("run-{number:06}-{kind}.{ending}"))
}

/// A run that is done.
pub(super) struct Written {
    pub(super) counts: Counts,
    pub(super) end: Position,
    pub(super) surveys: Vec<Sorted>,
    pub(super) dead: Option<PathBuf>,
}

/// The alerts of a run, a survey and a schema.
pub(super) struct Sorted {
    pub(super) survey: Survey,
    path: PathBuf,
    ids: PathBuf,
    /// The night and the rows of each batch.
    batches: Vec<(i32, u64)>,
}

/// Rows of a batch of a run: so many that merging hundreds of runs stays in memory.
fn batch_rows(bytes: usize, rows: usize, memory: u64) -> usize {
    let wanted = (memory / 2048).clamp(1 << 16, 1 << 20) as usize;
    (wanted / (bytes / rows.max(1)).max(1)).clamp(1, 8192)
}

impl Run {
    /// Sorts and writes it.
    pub(super) fn write(mut self, work: &Path, memory: u64) -> Result<(), Error> {
        // Alerts of different schemas are kept apart, so that a night has the columns of its own alerts only.
        let mut kinds: Vec<(Survey, SchemaRef, Vec<Chunk>)> = Vec::new();
        for chunk in std::mem::take(&mut self.chunks) {
            let schema = chunk.batch.schema();
            match kinds.iter_mut().find(|kind| kind.0 == chunk.survey && kind.1 == schema) {
                Some(kind) => kind.2.push(chunk),
                None => kinds.push((chunk.survey, schema, vec![chunk])),
            }
        }
        let mut surveys = Vec::new();
        for (kind, (survey, schema, chunks)) in kinds.into_iter().enumerate() {
            surveys.push(self.write_kind(kind, survey, &schema, &chunks, work, memory)?);
        }
        if !self.dead.is_empty() {
            let path = work.join(format!("dead-{:06}.parquet", self.number));
            let mut writer = DeadWriter::create(&path)?;
            writer.write(&self.dead)?;
            writer.publish()?;
        }
        let text = json!({
            "read": self.counts.read, "dead": self.counts.dead, "file": self.end.file, "offset": self.end.offset,
            "packets": self.end.packets, "letters": !self.dead.is_empty(), "surveys": surveys,
        });
        let path = work.join(format!("run-{:06}.json", self.number));
        Ok(uranometria_fits::fs::write(path, text.to_string().as_bytes(), Durability::Disk)?)
    }

    fn write_kind(
        &self,
        kind: usize,
        survey: Survey,
        schema: &SchemaRef,
        chunks: &[Chunk],
        work: &Path,
        memory: u64,
    ) -> Result<Value, Error> {
        let mut order: Vec<(Key, u32, u32)> = Vec::new();
        for (n, chunk) in (0..).zip(chunks) {
            order.extend((0..).zip(&chunk.keys).map(|(row, key)| (*key, n, row)));
        }
        order.sort_unstable();
        let [path, ids] = ["arrow", "ids"].map(|ending| file(work, self.number, kind, ending));
        let rows = batch_rows(self.bytes, order.len(), memory);
        let sources: Vec<&RecordBatch> = chunks.iter().map(|chunk| &chunk.batch).collect();
        let write = || {
            let failed = Error::arrow("write it");
            let mut new = NewFile::create(&path)?;
            let mut out = BufWriter::with_capacity(1 << 20, &*new.file());
            let mut writer = FileWriter::try_new(&mut out, schema).map_err(&failed)?;
            let mut told = Vec::new();
            for night in order.chunk_by(|a, b| a.0.night == b.0.night) {
                for rows in night.chunks(rows) {
                    let places: Vec<(usize, usize)> =
                        rows.iter().map(|(_, n, row)| (*n as usize, *row as usize)).collect();
                    let batch =
                        interleave_record_batch(&sources, &places).map_err(Error::arrow("sort its rows"))?;
                    writer.write(&batch).map_err(&failed)?;
                    told.push(json!([rows[0].0.night, rows.len()]));
                }
            }
            writer.finish().map_err(&failed)?;
            drop(writer);
            out.flush().map_err(|source| Error::io("write it", source))?;
            drop(out);
            new.publish(Durability::Disk)?;
            Ok(told)
        };
        let told = write().map_err(|error: Error| error.in_file(&path))?;
        let numbers: Vec<u8> = order.iter().flat_map(|(key, _, _)| key.id.to_le_bytes()).collect();
        uranometria_fits::fs::write(&ids, &numbers, Durability::Disk)?;
        Ok(json!({ "survey": survey.name(), "batches": told }))
    }
}

impl Written {
    /// The run of a number, if it is done.
    pub(super) fn find(work: &Path, number: usize) -> Option<Self> {
        let text = std::fs::read_to_string(work.join(format!("run-{number:06}.json"))).ok()?;
        let told: Value = serde_json::from_str(&text).ok()?;
        let count = |key: &str| told.get(key)?.as_u64();
        let mut surveys = Vec::new();
        for (kind, of) in told.get("surveys")?.as_array()?.iter().enumerate() {
            let survey = Survey::of_name(of.get("survey")?.as_str()?)?;
            let batch =
                |pair: &Value| Some((i32::try_from(pair.get(0)?.as_i64()?).ok()?, pair.get(1)?.as_u64()?));
            surveys.push(Sorted {
                survey,
                path: file(work, number, kind, "arrow"),
                ids: file(work, number, kind, "ids"),
                batches: of.get("batches")?.as_array()?.iter().map(batch).collect::<Option<_>>()?,
            });
        }
        let dead = told.get("letters")?.as_bool()?.then(|| work.join(format!("dead-{number:06}.parquet")));
        Some(Written {
            counts: Counts { read: count("read")?, dead: count("dead")? },
            end: Position {
                file: count("file")? as usize,
                offset: count("offset")?,
                packets: count("packets")?,
            },
            surveys,
            dead,
        })
    }
}

impl Sorted {
    /// The nights it has alerts of, ascending.
    pub(super) fn nights(&self) -> impl Iterator<Item = i32> + '_ {
        self.batches.chunk_by(|a, b| a.0 == b.0).map(|batches| batches[0].0)
    }

    fn of(&self, night: i32) -> std::ops::Range<usize> {
        self.batches.partition_point(|batch| batch.0 < night)
            ..self.batches.partition_point(|batch| batch.0 <= night)
    }

    /// The numbers of the alerts of a night, in their order.
    pub(super) fn ids(&self, night: i32) -> Result<Vec<i64>, Error> {
        let rows = |batches: &[(i32, u64)]| batches.iter().map(|batch| batch.1).sum::<u64>();
        let of = self.of(night);
        let (before, len) = (rows(&self.batches[..of.start]), rows(&self.batches[of]));
        let read = || {
            let mut file = File::open(&self.ids)?;
            file.seek(SeekFrom::Start(8 * before))?;
            let mut bytes = vec![0; 8 * len as usize];
            file.read_exact(&mut bytes)?;
            Ok(bytes.as_chunks::<8>().0.iter().map(|id| i64::from_le_bytes(*id)).collect())
        };
        read().map_err(|source| Error::io("read it", source).in_file(&self.ids))
    }

    /// Its columns, and the batches of a night one after another. A file that does not stay open is opened for each:
    /// a system allows a process some hundreds at a time.
    pub(super) fn open(&self, night: i32, stays_open: bool) -> Result<(SchemaRef, RunBatches), Error> {
        let reader = open_run(&self.path)?;
        let (schema, path) = (reader.schema(), self.path.clone());
        let reader = stays_open.then_some(reader);
        Ok((schema, RunBatches { reader, stays_open, next: self.of(night), path }))
    }
}

type RunReader = FileReader<BufReader<File>>;

fn open_run(path: &Path) -> Result<RunReader, Error> {
    let open = || {
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        FileReader::try_new(BufReader::with_capacity(1 << 16, file), None).map_err(Error::arrow("read it"))
    };
    open().map_err(|error: Error| error.in_file(path))
}

/// The batches of a night in a run.
pub(super) struct RunBatches {
    reader: Option<RunReader>,
    stays_open: bool,
    next: std::ops::Range<usize>,
    path: PathBuf,
}

impl RunBatches {
    fn read(&mut self, place: usize) -> Result<Option<RecordBatch>, Error> {
        let failed = |source| Error::arrow("read it")(source).in_file(&self.path);
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => open_run(&self.path)?,
        };
        reader.set_index(place).map_err(failed)?;
        let batch = reader.next().transpose().map_err(failed)?;
        self.reader = self.stays_open.then_some(reader);
        Ok(batch)
    }
}

impl Iterator for RunBatches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.next.next()?;
        self.read(place).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn a_run_gives_the_same_whether_its_file_stays_open() {
        let folder = tempfile::TempDir::new().unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..500).rev()));
        let key = |id: i64| Key { night: (id % 3) as i32, object: 7, time: id as u64, id };
        let keys = (0..500).rev().map(key).collect();
        let batch = RecordBatch::try_from_iter([("candid", ids)]).unwrap();
        let chunks = vec![Chunk { survey: Survey::Ztf, batch, keys }];
        // So many bytes that each alert is a batch.
        Run { chunks, bytes: 1 << 30, ..Run::default() }.write(folder.path(), 1 << 20).unwrap();
        let written = Written::find(folder.path(), 0).unwrap();
        let [sorted] = &written.surveys[..] else { panic!("one kind of alerts") };
        for night in 0..3 {
            let rows = |stays_open| -> Vec<RecordBatch> {
                let (_, batches) = sorted.open(night, stays_open).unwrap();
                batches.collect::<Result<_, _>>().unwrap()
            };
            let (open, closed) = (rows(true), rows(false));
            assert_eq!(
                open.iter().map(RecordBatch::num_rows).sum::<usize>(),
                500_usize.div_ceil(3) - usize::from(night == 2)
            );
            assert!(open.len() > 100);
            assert_eq!(open, closed);
        }
    }
}
