//! How many alerts a request would give, and how many bytes, without giving them.
//!
//! Footers count exactly what they can decide: everything where there are no conditions, and row groups whose least and
//! greatest values rule them out or in. Of the rest a sample is looked at: blocks of neighbouring alerts at places that
//! are spread evenly and drawn by a fixed seed. Neighbours are alike, so it is the scatter from block to block that says
//! how far the estimate may be off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use rayon::prelude::*;

use super::SelectControl;
use super::night::nights;
use super::open::OpenFile;
use super::plan::{PartitionBy, Plan, Plans, Request};
use crate::Error;
use crate::condition::{Decided, Sources};

/// Blocks of a sample.
const BLOCKS: usize = 64;

/// Alerts in a block.
const BLOCK_ROWS: usize = 256;

/// The quantile of Student's distribution for 95 %, both sides, of so many blocks.
const STUDENT: f64 = 1.998;

/// How large a transfer is, by Fink's thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Below 250,000 alerts and 10 GB.
    Green,
    /// Between.
    Yellow,
    /// Above a million alerts or 100 GB.
    Red,
}

impl Light {
    /// The one for so many alerts and bytes.
    pub fn of(alerts: f64, bytes: f64) -> Self {
        if alerts > 1e6 || bytes > 100e9 {
            Light::Red
        } else if alerts < 250e3 && bytes < 10e9 {
            Light::Green
        } else {
            Light::Yellow
        }
    }
}

/// What a request would give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Nights with alerts.
    pub nights: usize,
    /// Alerts in these nights.
    pub input: u64,
    /// Alerts that would pass.
    pub alerts: f64,
    /// How far that may be off, with 95 % certainty; 0 where it is exact.
    pub alerts_off: f64,
    /// Bytes they take as they are stored, compressed.
    pub bytes: f64,
    /// How far that may be off, likewise, as far as the number of alerts makes it so.
    pub bytes_off: f64,
    /// Alerts that were looked at.
    pub sampled: u64,
}

impl Estimate {
    /// Whether the number of alerts is exact.
    pub fn is_exact(&self) -> bool {
        self.alerts_off == 0.0
    }

    /// How large it is.
    pub fn light(&self) -> Light {
        Light::of(self.alerts, self.bytes)
    }
}

/// A row group.
struct Group {
    file: Arc<OpenFile>,
    plan: Arc<Plan>,
    group: usize,
    rows: u64,
    /// Bytes of the content.
    bytes: u64,
}

/// Estimates what [`select`](super::select()) would give.
///
/// # Errors
/// As for [`select`](super::select()).
pub fn estimate(
    archive: &Path,
    request: &Request,
    threads: usize,
    sources: &(dyn Sources + Sync),
    control: &SelectControl<'_>,
) -> Result<Estimate, Error> {
    let nights = nights(archive, &request.nights)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Error::Fields { reason: format!("cannot start threads: {error}") })?;
    let paths: Vec<_> = nights.iter().flat_map(|night| night.parts.iter().map(|part| &part.path)).collect();
    let files: Vec<Arc<OpenFile>> = pool.install(|| {
        let open = |path: &&PathBuf| {
            control.check()?;
            OpenFile::open(path)
        };
        paths.par_iter().map(open).collect::<Result<_, Error>>()
    })?;
    let mut plans = Plans::new(request, PartitionBy::Nothing, sources);
    let (mut known, mut open) = (Vec::new(), Vec::new());
    let mut input = 0;
    for file in &files {
        let plan = plans.of(file)?;
        for group in 0..file.groups() {
            let rows = file.rows(group) as u64;
            input += rows;
            let bytes = file.bytes(group, &plan.columns.leaves).0;
            let decided = plan.decide(file, group);
            let group = Group { file: file.clone(), plan: plan.clone(), group, rows, bytes };
            match decided {
                Decided::All => known.push(group),
                Decided::Some if rows > 0 => open.push(group),
                _ => {}
            }
        }
    }
    let exact: u64 = known.iter().map(|group| group.rows).sum();
    let exact_bytes: u64 = known.iter().map(|group| group.bytes).sum();
    let rows: u64 = open.iter().map(|group| group.rows).sum();
    let sample = pool.install(|| sample(&open, rows, control))?;
    let alerts = exact as f64 + sample.share * rows as f64;
    // A sample that finds nothing may have missed some; what there is at most is told all the same.
    let (alerts_off, bytes_off) = (sample.share_off * rows as f64, sample.bytes_off);
    Ok(Estimate {
        nights: nights.len(),
        input,
        alerts,
        alerts_off,
        bytes: exact_bytes as f64 + sample.bytes,
        bytes_off,
        sampled: sample.looked_at,
    })
}

/// What a sample tells.
#[derive(Default)]
struct Sample {
    share: f64,
    share_off: f64,
    bytes: f64,
    bytes_off: f64,
    looked_at: u64,
}

fn sample(groups: &[Group], rows: u64, control: &SelectControl<'_>) -> Result<Sample, Error> {
    if rows == 0 {
        return Ok(Sample::default());
    }
    // Few alerts are looked at all, and the answer is exact.
    let all = rows <= (BLOCKS * BLOCK_ROWS) as u64;
    let blocks: Vec<(usize, usize, usize)> = if all {
        groups.iter().enumerate().map(|(at, group)| (at, 0, group.rows as usize)).collect()
    } else {
        blocks(groups, rows)
    };
    let look = |&(at, start, length): &(usize, usize, usize)| -> Result<(u64, u64, f64), Error> {
        control.check()?;
        let group = &groups[at];
        let passed = passed(group, start, length)?;
        Ok((passed, length as u64, group.bytes as f64 / group.rows as f64))
    };
    let found: Vec<(u64, u64, f64)> = blocks.par_iter().map(look).collect::<Result<_, Error>>()?;
    let looked_at: u64 = found.iter().map(|(_, length, _)| length).sum();
    let passed: u64 = found.iter().map(|(passed, _, _)| passed).sum();
    let passed_bytes: f64 = found.iter().map(|(passed, _, bytes)| *passed as f64 * bytes).sum();
    if all {
        let share = passed as f64 / rows as f64;
        return Ok(Sample { share, share_off: 0.0, bytes: passed_bytes, bytes_off: 0.0, looked_at });
    }
    let count = found.len() as f64;
    // Blocks were drawn in proportion to rows: the mean of their shares is the share of all.
    let spread = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / count;
        let square = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
        (mean, STUDENT * (square / count).sqrt())
    };
    let shares: Vec<f64> = found.iter().map(|(passed, length, _)| *passed as f64 / *length as f64).collect();
    let weights: Vec<f64> = found.iter().zip(&shares).map(|((_, _, bytes), share)| share * bytes).collect();
    let ((share, scatter), (bytes, bytes_scatter)) = (spread(&shares), spread(&weights));
    // By Wilson's interval as well, for shares near nothing or all, where blocks that are alike say little.
    let n = looked_at as f64;
    let z = STUDENT * STUDENT;
    let wilson = STUDENT * (share * (1.0 - share) / n + z / (4.0 * n * n)).sqrt() / (1.0 + z / n)
        + (z / (2.0 * n)) * (1.0 - 2.0 * share).abs() / (1.0 + z / n);
    let share_off = scatter.max(wilson);
    let mean_bytes = groups.iter().map(|group| group.bytes as f64).sum::<f64>() / rows as f64;
    Ok(Sample {
        share,
        share_off,
        bytes: bytes * rows as f64,
        bytes_off: bytes_scatter.max(share_off * mean_bytes) * rows as f64,
        looked_at,
    })
}

/// Blocks spread evenly over all rows, each at a place of its own within its stretch: row group, start, length.
fn blocks(groups: &[Group], rows: u64) -> Vec<(usize, usize, usize)> {
    let mut ends = Vec::with_capacity(groups.len());
    let mut end = 0;
    for group in groups {
        end += group.rows;
        ends.push(end);
    }
    let mut state = 0x5eed_u64;
    let mut random = || {
        // SplitMix64 (Steele, Lea and Flood 2014): any spread will do, the same every time.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..BLOCKS)
        .map(|block| {
            let place = ((block as f64 + random()) / BLOCKS as f64 * rows as f64) as u64;
            let at = ends.partition_point(|end| *end <= place.min(rows - 1));
            let group = &groups[at];
            let length = (BLOCK_ROWS as u64).min(group.rows);
            let within = place.min(rows - 1) - (ends[at] - group.rows);
            // Around the place, and within the row group.
            let start = within.saturating_sub(length / 2).min(group.rows - length);
            (at, start as usize, length as usize)
        })
        .collect()
}

/// How many alerts of a block pass.
fn passed(group: &Group, start: usize, length: usize) -> Result<u64, Error> {
    let (file, plan) = (&group.file, &group.plan);
    let mut left = BooleanArray::from(vec![true; length]);
    let mut removed = plan.none_removed();
    for step in &plan.steps {
        let block = RowSelection::from(vec![RowSelector::skip(start), RowSelector::select(length)]);
        let selection = block.and_then(&RowSelection::from_filters(&[left.clone()]));
        let batches: Vec<RecordBatch> =
            file.read(group.group, &step.leaves, Some(selection), length)?.collect::<Result<_, Error>>()?;
        let Some(schema) = batches.first().map(RecordBatch::schema) else { return Ok(0) };
        let batch = arrow_select::concat::concat_batches(&schema, &batches)
            .map_err(Error::arrow("put a sample together"))?;
        let met = plan.run(step, &batch, &mut removed)?;
        left = BooleanArray::new(super::plan::narrowed(left.values(), &met), None);
        if left.true_count() == 0 {
            return Ok(0);
        }
    }
    Ok(left.true_count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lights_are_those_of_fink() {
        assert_eq!(Light::of(249_999.0, 9.9e9), Light::Green);
        assert_eq!(Light::of(250_000.0, 1.0), Light::Yellow);
        assert_eq!(Light::of(1.0, 10e9), Light::Yellow);
        assert_eq!(Light::of(1_000_001.0, 1.0), Light::Red);
        assert_eq!(Light::of(1.0, 101e9), Light::Red);
    }
}
