//! Runs: as many rows as fit in memory, sorted, in a file of their own until they are merged.
//!
//! A run has one batch for each unit of the plan that it has rows of, and says in its footer which, and how many rows
//! of the input it stands for. It gets its name when it is whole, so the runs that have names are done.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::Schema;
use arrow_select::interleave::interleave_record_batch;
use uranometria_fits::fs::{Durability, NewFile};

use crate::Error;
use crate::plan::Plan;

/// Rows read together and not sorted yet; the first column is that of the cells.
#[derive(Default)]
pub(super) struct Run {
    pub(super) number: usize,
    /// Rows of the input before it, and its own, those left out included.
    pub(super) first: u64,
    pub(super) read: u64,
    pub(super) bytes: usize,
    pub(super) batches: Vec<RecordBatch>,
}

/// A run that was written.
pub(super) struct Written {
    path: PathBuf,
    pub(super) first: u64,
    pub(super) read: u64,
    pub(super) rows: u64,
    /// The unit of each batch, ascending.
    units: Vec<usize>,
}

pub(super) fn path(work: &Path, number: usize) -> PathBuf {
    work.join(format!("run-{number:06}.arrow"))
}

/// The cells of a batch.
pub(super) fn cells(batch: &RecordBatch) -> &[i64] {
    batch.column(0).as_primitive::<Int64Type>().values()
}

/// Where the rows of several batches are found in order of their cells; rows of one cell stay in order.
pub(super) fn order(batches: &[RecordBatch]) -> Vec<(i64, (u32, u32))> {
    let mut order: Vec<(i64, (u32, u32))> =
        Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (n, batch) in (0..).zip(batches) {
        order.extend((0..).zip(cells(batch)).map(|(row, &cell)| (cell, (n, row))));
    }
    order.sort_unstable();
    order
}

/// Brings rows together.
pub(super) fn gather(batches: &[RecordBatch], order: &[(i64, (u32, u32))]) -> Result<RecordBatch, Error> {
    let places: Vec<(usize, usize)> =
        order.iter().map(|(_, (batch, row))| (*batch as usize, *row as usize)).collect();
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    interleave_record_batch(&batches, &places).map_err(Error::arrow("sort its rows"))
}

impl Run {
    /// Sorts and writes it.
    pub(super) fn write(self, work: &Path, schema: &Schema, plan: &Plan) -> Result<u64, Error> {
        let path = path(work, self.number);
        let write = || {
            let mut new = NewFile::create(&path)?;
            let mut out = BufWriter::with_capacity(1 << 20, &*new.file());
            let failed = Error::arrow("write it");
            let mut writer = FileWriter::try_new(&mut out, schema).map_err(&failed)?;
            let order = order(&self.batches);
            let (mut units, mut start) = (String::new(), 0);
            while start < order.len() {
                let unit = plan.unit_of(order[start].0 as u64).ok_or(Error::Changed)?;
                let end = plan.units[unit].end as i64;
                let count = order[start..].partition_point(|(cell, _)| *cell < end);
                writer.write(&gather(&self.batches, &order[start..start + count])?).map_err(&failed)?;
                units.push_str(&format!("{unit} "));
                start += count;
            }
            writer.write_metadata("first", self.first.to_string());
            writer.write_metadata("read", self.read.to_string());
            writer.write_metadata("rows", order.len().to_string());
            writer.write_metadata("units", units);
            writer.finish().map_err(&failed)?;
            drop(writer);
            out.flush().map_err(|source| Error::io("write it", source))?;
            drop(out);
            new.publish(Durability::Disk)?;
            Ok(order.len() as u64)
        };
        write().map_err(|error: Error| error.in_file(&path))
    }
}

impl Written {
    /// The run of a number, if it was written.
    pub(super) fn find(work: &Path, number: usize) -> Option<Self> {
        let path = path(work, number);
        let reader = FileReader::try_new(BufReader::new(File::open(&path).ok()?), None).ok()?;
        let about = reader.custom_metadata();
        let units: Option<Vec<usize>> =
            about.get("units")?.split_whitespace().map(|n| n.parse().ok()).collect();
        let units = units.filter(|units| units.len() == reader.num_batches())?;
        Some(Written {
            first: about.get("first")?.parse().ok()?,
            read: about.get("read")?.parse().ok()?,
            rows: about.get("rows")?.parse().ok()?,
            path,
            units,
        })
    }

    /// Opens it for reading units.
    pub(super) fn open(&self) -> Result<OpenRun<'_>, Error> {
        let open = || {
            let file = File::open(&self.path).map_err(|source| Error::io("open it", source))?;
            let file = BufReader::with_capacity(1 << 16, file);
            FileReader::try_new(file, None).map_err(Error::arrow("read it"))
        };
        Ok(OpenRun { run: self, reader: open().map_err(|error| error.in_file(&self.path))? })
    }
}

/// A run whose units are being read.
pub(super) struct OpenRun<'a> {
    run: &'a Written,
    reader: FileReader<BufReader<File>>,
}

impl OpenRun<'_> {
    /// The rows of a unit.
    pub(super) fn unit(&mut self, unit: usize) -> Result<Option<RecordBatch>, Error> {
        let Ok(place) = self.run.units.binary_search(&unit) else { return Ok(None) };
        let failed = |source| Error::arrow("read it")(source).in_file(&self.run.path);
        self.reader.set_index(place).map_err(failed)?;
        self.reader.next().transpose().map_err(failed)
    }
}
