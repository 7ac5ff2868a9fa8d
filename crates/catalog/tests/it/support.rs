//! Tables with a known truth.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use uranometria_catalog::fs::{Control, ImportOptions, Imported, import};

/// Numbers from 0 to 1 that look random and are the same everywhere.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Stars over the whole sky, half of them in a cluster around each pole and around ra 0.
pub(crate) fn stars(count: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut numbers = Numbers(seed);
    let place = |n: usize| {
        let (a, b) = (numbers.next(), numbers.next());
        match n % 6 {
            0 => (360.0 * a, 90.0 - 0.5 * b),
            1 => (360.0 * a, -90.0 + 0.01 * b),
            2 => ((0.2 * a - 0.1 + 360.0) % 360.0, 0.2 * b - 0.1),
            _ => (360.0 * a, (2.0 * b - 1.0_f64).asin().to_degrees()),
        }
    };
    (0..count).map(place).unzip()
}

pub(crate) fn table(ra: &[f64], dec: &[f64], first: i64) -> RecordBatch {
    let about = |unit: &str, ucd: &str| {
        HashMap::from([("unit".to_string(), unit.to_string()), ("ucd".to_string(), ucd.to_string())])
    };
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("ra", DataType::Float64, true).with_metadata(about("deg", "pos.eq.ra;meta.main")),
        Field::new("dec", DataType::Float64, true).with_metadata(about("deg", "pos.eq.dec;meta.main")),
        Field::new("mag", DataType::Float64, true).with_metadata(about("mag", "phot.mag")),
        Field::new("name", DataType::Utf8, true),
    ]);
    let ids: Vec<i64> = (first..).take(ra.len()).collect();
    let mags = ids.iter().map(|id| (id % 7 != 0).then_some((id % 1000) as f64 / 50.0));
    let names = ids.iter().map(|id| (id % 5 != 0).then(|| format!("star {id}")));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids.clone())),
        Arc::new(Float64Array::from(ra.to_vec())),
        Arc::new(Float64Array::from(dec.to_vec())),
        Arc::new(mags.collect::<Float64Array>()),
        Arc::new(names.collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch) -> PathBuf {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path.to_path_buf()
}

/// A catalogue of stars in a folder of its own, in two tables.
pub(crate) fn catalogue(
    folder: &Path,
    name: &str,
    ra: &[f64],
    dec: &[f64],
    rows_per_partition: u64,
) -> (PathBuf, Imported) {
    let half = ra.len() / 2;
    let first =
        write_parquet(&folder.join(format!("{name}-1.parquet")), &table(&ra[..half], &dec[..half], 0));
    let second = write_parquet(
        &folder.join(format!("{name}-2.parquet")),
        &table(&ra[half..], &dec[half..], half as i64),
    );
    let options = ImportOptions { rows_per_partition, threads: 2, ..ImportOptions::default() };
    let out = folder.join(name);
    let imported = import(&[first, second], &out, &options, &Control::none()).unwrap();
    (out, imported)
}

/// All files below a folder and what is in them.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A catalogue of stars with proper motions, mas/yr.
pub(crate) fn moving(
    folder: &Path,
    name: &str,
    stars: &(Vec<f64>, Vec<f64>),
    speeds: &(Vec<f64>, Vec<f64>),
) -> PathBuf {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..stars.0.len() as i64));
    let column = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let batch = RecordBatch::try_from_iter([
        ("id", ids),
        ("ra", column(&stars.0)),
        ("dec", column(&stars.1)),
        ("pmra", column(&speeds.0)),
        ("pmdec", column(&speeds.1)),
    ])
    .unwrap();
    let input = [write_parquet(&folder.join(format!("{name}.parquet")), &batch)];
    let out = folder.join(name);
    let options = ImportOptions { rows_per_partition: 300, ..ImportOptions::default() };
    import(&input, &out, &options, &Control::none()).unwrap();
    out
}
