//! Simulated nights as files.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use parquet::arrow::ArrowWriter;
use uranometria_fits::fs::{Durability, NewFile};

use super::random::Random;
use super::{NightOptions, Simulated, Truth};
use crate::{Codec, ContainerWriter, Encoder, Error, UnionOrder};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Container files, those of late alerts last.
    pub files: Vec<PathBuf>,
    /// A row for each alert: what is true of it.
    pub truth: PathBuf,
    /// Alerts, damaged ones included.
    pub alerts: u64,
    /// Packets, repeated ones included.
    pub packets: u64,
    /// Bytes of the container files.
    pub bytes: u64,
}

/// Writes a night to a folder: `alerts-NNNN.avro`, `late.avro` and `_truth.parquet`, which is no file of alerts.
///
/// Damaged packets are cut short, or have a byte that no packet can have, in blocks of their own. Repeated ones stand at
/// the end of the last file.
///
/// # Errors
/// [`Error::Io`], with the file; [`Error::Interrupted`].
pub fn write(
    night: &Simulated,
    folder: impl AsRef<Path>,
    progress: &dyn Fn(u64, u64),
    stop: &AtomicBool,
) -> Result<Written, Error> {
    let folder = folder.as_ref();
    fs::create_dir_all(folder).map_err(|source| Error::io("make it", source).in_file(folder))?;
    let NightOptions { alerts, corrupt, duplicates, late, per_file, seed, .. } = *night.options();
    let (late, per_file) = (late.min(alerts), per_file.max(1));
    let mut written = Written { alerts, truth: folder.join("_truth.parquet"), ..Written::default() };
    let mut truth = TruthWriter::create(&written.truth)?;
    let on_time = alerts - late;
    let encoder = Encoder::new(night.alerts(0..0)?.0.schema_ref(), UnionOrder::AsRead)?;
    // Those that are damaged and those that come twice are spread over the night, and none is both.
    let spread = |of: u64, number: u64, shift: u64| {
        of > 0 && (number + shift) * of / alerts.max(1) != (number + shift + 1) * of / alerts.max(1)
    };
    let is_damaged = |number: u64| spread(corrupt.min(alerts), number, 0);
    let mut repeated = 0;
    let mut again: Vec<Vec<u8>> = Vec::new();
    let mut start = 0;
    while start < alerts {
        let (end, name) = match start < on_time {
            true => ((start + per_file).min(on_time), format!("alerts-{:04}.avro", start / per_file)),
            false => (alerts, "late.avro".to_string()),
        };
        let path = folder.join(&name);
        let mut write = || {
            let mut new = NewFile::create(&path)?;
            let out = BufWriter::with_capacity(1 << 20, &*new.file());
            let mut container = ContainerWriter::of_packets(out, encoder.schema(), Codec::Null)?;
            let mut number = start;
            while number < end {
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let next = (number + 256).min(end);
                let (batch, mut rows) = night.alerts(number..next)?;
                for (row, packet) in encoder.encode(&batch)?.into_iter().enumerate() {
                    let number = number + row as u64;
                    rows[row].file.clone_from(&name);
                    written.packets += 1;
                    if is_damaged(number) {
                        rows[row].damaged = true;
                        container.end_block()?;
                        container.write_packet(&damaged(packet, seed, number))?;
                        container.end_block()?;
                        continue;
                    }
                    container.write_packet(&packet)?;
                    if repeated < duplicates
                        && number < on_time
                        && (duplicates >= on_time
                            || spread(duplicates, number, 0)
                            || on_time - number <= duplicates - repeated)
                    {
                        rows[row].copies = 2;
                        repeated += 1;
                        again.push(packet);
                    }
                }
                truth.write(&rows)?;
                number = next;
                progress(number, alerts);
            }
            if end >= on_time {
                for packet in again.drain(..) {
                    written.packets += 1;
                    container.write_packet(&packet)?;
                }
            }
            container.finish()?;
            written.bytes += new.file().metadata().map_err(|source| Error::io("write it", source))?.len();
            Ok(new.publish(Durability::Process)?)
        };
        write().map_err(|error: Error| error.in_file(&path))?;
        written.files.push(path);
        start = end;
    }
    truth.publish()?;
    Ok(written)
}

/// A packet that cannot be read.
fn damaged(mut packet: Vec<u8>, seed: u64, number: u64) -> Vec<u8> {
    let random = &mut Random::new(seed, 0xdead_0000_0000_0000 | number);
    if random.below(2) == 0 {
        packet.truncate(packet.len() / 2);
    } else if let Some(first) = packet.first_mut() {
        // The length of the first text: negative.
        *first = 0x01;
    }
    packet
}

struct TruthWriter {
    new: NewFile,
    writer: Option<ArrowWriter<File>>,
    path: PathBuf,
}

impl TruthWriter {
    fn create(path: &Path) -> Result<Self, Error> {
        Ok(TruthWriter { new: NewFile::create(path)?, writer: None, path: path.to_path_buf() })
    }

    fn write(&mut self, rows: &[Truth]) -> Result<(), Error> {
        let text = |of: &dyn Fn(&Truth) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let double = |of: &dyn Fn(&Truth) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(rows.iter().map(of)))
        };
        let columns = vec![
            ("candid", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.candid))) as ArrayRef),
            ("objectId", text(&|row| row.object.clone())),
            ("kind", text(&|row| row.kind.name().to_string())),
            ("jd", double(&|row| row.jd)),
            ("ra", double(&|row| row.ra)),
            ("dec", double(&|row| row.dec)),
            ("fid", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.fid)))),
            ("magpsf", Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.magpsf)))),
            ("history", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.history as i32)))),
            ("file", text(&|row| row.file.clone())),
            ("damaged", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.damaged))))),
            ("copies", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.copies as i32)))),
        ];
        let batch = RecordBatch::try_from_iter(columns).map_err(Error::arrow("write the truth"))?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let file = self.new.file().try_clone().map_err(|source| Error::io("write it", source))?;
                none.insert(
                    ArrowWriter::try_new(file, batch.schema(), None).map_err(Error::parquet("write it"))?,
                )
            }
        };
        writer.write(&batch).map_err(|source| Error::parquet("write it")(source).in_file(&self.path))
    }

    fn publish(mut self) -> Result<(), Error> {
        if self.writer.is_none() {
            self.write(&[])?;
        }
        if let Some(writer) = self.writer {
            writer.close().map_err(|source| Error::parquet("write it")(source).in_file(&self.path))?;
        }
        Ok(self.new.publish(Durability::Process)?)
    }
}
