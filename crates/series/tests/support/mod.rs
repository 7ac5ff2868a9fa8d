//! Series in temporary files of every format.
#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::UInt8Type;
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, TimestampNanosecondArray, UInt16Array,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use tempfile::TempDir;
use uranometria_fits::arrow::fs::NewTable;
use uranometria_fits::fs::Durability;

/// A folder that goes when it is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Numbers that look random, the same every time.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    /// From -1 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 30) as f64 - 1.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }
}

pub(crate) fn float(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
}

pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch, properties: WriterProperties) {
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn read_parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn write_fits(path: &Path, batch: &RecordBatch) {
    let mut table = NewTable::create(path, &batch.schema(), Default::default()).unwrap();
    table.write(batch).unwrap();
    table.publish(Durability::Process).unwrap();
}

pub(crate) fn write_csv(path: &Path, batch: &RecordBatch) {
    arrow_csv::Writer::new(File::create(path).unwrap()).write(batch).unwrap();
}

/// A `.npy` array of little-endian f64.
pub(crate) fn write_npy(path: &Path, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_npy_of(path, "<f8", values.len(), &bytes);
}

/// Little-endian f32 and nothing else.
pub(crate) fn write_f32(path: &Path, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn write_npy_of(path: &Path, descr: &str, len: usize, data: &[u8]) {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len},), }}");
    // Magic, version and length are 10 bytes; all of it is a multiple of 64.
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend_from_slice(data);
    fs::write(path, bytes).unwrap();
}

/// Ascending times with a gap in the middle, and a noisy wave with spikes and missing values.
pub(crate) fn wave(rows: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut noise = Noise(seed);
    let mut time = 1325.25;
    let times = (0..rows).map(|row| {
        time += if row == rows / 2 { 20.0 } else { 0.02 * (1.0 + noise.next() as f64 / (1u64 << 31) as f64) };
        (time * 4096.0).round() / 4096.0
    });
    let times: Vec<f64> = times.collect();
    let values = times.iter().map(|time| {
        let spike = if noise.below(97) == 0 { 3.0 * noise.unit() } else { 0.0 };
        let missing = noise.below(41) == 0;
        if missing { f64::NAN } else { ((time.sin() + spike) * 1024.0).round() / 1024.0 }
    });
    let values = values.collect();
    (times, values)
}

/// Columns of many types beside `time` (nanoseconds) and `flux`.
pub(crate) fn of_many_types(rows: usize) -> RecordBatch {
    let numbers = || 0..rows as i64;
    let with_metadata = |name: &str, array: &ArrayRef, key: &str, value: &str| {
        let metadata = HashMap::from([(key.to_string(), value.to_string())]);
        Field::new(name, array.data_type().clone(), true).with_metadata(metadata)
    };
    let time: ArrayRef = Arc::new(
        TimestampNanosecondArray::from_iter_values(
            numbers().map(|n| 1_700_000_000_000_000_000 + n * 1_000_000_001),
        )
        .with_timezone("UTC"),
    );
    let flux: ArrayRef = Arc::new(Float32Array::from_iter_values(numbers().map(|n| (n as f32 * 0.1).sin())));
    let words: Vec<String> = numbers().map(|n| format!("star {}", n % 5)).collect();
    let words: DictionaryArray<UInt8Type> = words.iter().map(|word| Some(word.as_str())).collect();
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>(
        numbers().map(|n| (n % 3 > 0).then(|| vec![Some(n as i32), None])),
    );
    let inner = Arc::new(UInt16Array::from_iter_values(numbers().map(|n| n as u16))) as ArrayRef;
    let nested = StructArray::from(vec![(Arc::new(Field::new("chip", DataType::UInt16, false)), inner)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", time),
        ("note", Arc::new(StringArray::from_iter(numbers().map(|n| (n % 4 != 0).then(|| format!("n{n}")))))),
        ("flux", flux),
        ("good", Arc::new(BooleanArray::from_iter(numbers().map(|n| Some(n % 7 != 0))))),
        ("word", Arc::new(words)),
        ("list", Arc::new(list)),
        ("nested", Arc::new(nested)),
        (
            "price",
            Arc::new(
                Decimal128Array::from_iter_values(numbers().map(i128::from))
                    .with_precision_and_scale(20, 3)
                    .unwrap(),
            ),
        ),
        ("cadence", Arc::new(Int64Array::from_iter_values(numbers()))),
    ];
    let fields = columns.iter().map(|(name, array)| with_metadata(name, array, "unit", &format!("{name}s")));
    let schema = Schema::new(fields.collect::<Vec<_>>())
        .with_metadata(HashMap::from([("time_reference".to_string(), "unix".to_string())]));
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}
