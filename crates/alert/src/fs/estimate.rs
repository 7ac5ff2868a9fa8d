//! How many alerts a request would give, and how many bytes, without giving them.
//!
//! Footers count exactly what they can decide: everything where there are no conditions, and row groups whose least and
//! greatest values rule them out or in. Of the rest a sample is looked at: blocks of neighbouring alerts of every night, or of
//! every few where there are very many, at places that are spread evenly and drawn by a fixed seed. Neighbours are alike, so it
//! is the scatter from block to block that says how far the estimate may be off.

use std::path::Path;
use std::sync::Arc;

use arrow_buffer::BooleanBufferBuilder;
use rayon::prelude::*;

use super::SelectControl;
use super::night::nights;
use super::open::OpenFile;
use super::plan::{PartitionBy, Plan, Plans, Request};
use super::select::{Task, look_up};
use crate::Error;
use crate::condition::{Decided, Sources};

/// Blocks of a sample, about: at least one of each night or of few that follow one another.
const BLOCKS: u64 = 512;

/// Alerts in a block.
const BLOCK_ROWS: u64 = 32;

/// Files that a sample opens, about: that takes longer than to look at a block.
const FILES: usize = 160;

/// The quantile of the normal distribution for 95 %, both sides, with a little room as the scatter is estimated too.
const SURE: f64 = 2.0;

/// So few blocks with or without alerts that pass say little about how these scatter.
const FEW: usize = 10;

/// Files that are open at once.
const OPEN: usize = 256;

/// How many kinds of columns are looked for in all files.
const MODELS: usize = 8;

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

/// A row group, as far as its footer tells.
struct Group {
    /// Its file, of all of the nights.
    file: usize,
    plan: Arc<Plan>,
    group: usize,
    rows: u64,
    /// Bytes of the content.
    bytes: u64,
    decided: Decided,
}

/// The first file of some columns, and what is asked of all that have the same.
struct Model {
    file: Arc<OpenFile>,
    /// None where they are of another survey than is asked for.
    plan: Option<Arc<Plan>>,
    leaves: Vec<usize>,
}

impl Model {
    fn of(path: &Path, plans: &mut Plans<'_>) -> Result<Self, Error> {
        let file = OpenFile::open(path)?;
        let plan = plans.of(&file)?;
        let leaves = plan.as_ref().map(|plan| plan.condition_leaves()).unwrap_or_default();
        Ok(Model { file, leaves, plan })
    }

    /// The row groups of a file that has the same columns.
    fn groups(&self, file: usize, path: &Path) -> Result<Option<Vec<Group>>, Error> {
        let groups = self.file.glance(path, &self.leaves, |glance| {
            let plan = self.plan.clone()?;
            let decided = plan.decide_by(&|leaf| glance.bounds(leaf));
            let bytes = glance.bytes(&plan.columns.leaves);
            Some(Group { file, plan, group: 0, rows: glance.rows(), bytes, decided })
        })?;
        let numbered = |groups: Vec<Option<Group>>| {
            let groups = groups.into_iter().flatten().enumerate();
            groups.map(|(at, group)| Group { group: at, ..group }).collect()
        };
        Ok(groups.map(numbered))
    }
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
    // Each file, and the number of its night.
    let files: Vec<(usize, &Path)> = nights
        .iter()
        .enumerate()
        .flat_map(|(night, listed)| listed.parts.iter().map(move |part| (night, part.path.as_path())))
        .collect();
    let mut plans = Plans::new(request, PartitionBy::Nothing, sources, &nights);
    let mut models: Vec<Model> = Vec::new();
    let mut groups: Vec<Option<Vec<Group>>> = files.iter().map(|_| None).collect();
    let mut next = 0;
    // Files nearly always have the columns of one that was met before.
    while let Some(first) = (next..files.len()).find(|file| groups[*file].is_none()) {
        control.check()?;
        let known = models.len();
        let model = Model::of(files[first].1, &mut plans)?;
        groups[first] = model.groups(first, files[first].1)?;
        models.push(model);
        next = first + 1;
        // Where all differ, each is looked at by itself.
        let ahead = if known < MODELS { files.len() } else { next };
        let model = &models[known];
        pool.install(|| {
            groups[next..ahead]
                .par_iter_mut()
                .zip(next..ahead)
                .filter(|(groups, _)| groups.is_none())
                .try_for_each(|(groups, file)| {
                    control.check()?;
                    *groups = model.groups(file, files[file].1)?;
                    Ok::<(), Error>(())
                })
        })?;
    }
    let all = || groups.iter().flatten().flatten();
    let sum =
        |of: fn(&Group) -> u64| all().filter(|group| group.decided == Decided::All).map(of).sum::<u64>();
    let (exact, exact_bytes) = (sum(|group| group.rows), sum(|group| group.bytes));
    let input = all().map(|group| group.rows).sum();
    let mut open: Vec<Vec<&Group>> = nights.iter().map(|_| Vec::new()).collect();
    for group in all().filter(|group| group.decided == Decided::Some && group.rows > 0) {
        open[files[group.file].0].push(group);
    }
    open.retain(|groups| !groups.is_empty());
    let survey = Survey { files: &files, control };
    let sample = pool.install(|| survey.sample(&open))?;
    Ok(Estimate {
        nights: nights.len(),
        input,
        alerts: exact as f64 + sample.alerts,
        alerts_off: sample.alerts_off,
        bytes: exact_bytes as f64 + sample.bytes,
        bytes_off: sample.bytes_off,
        sampled: sample.looked_at,
    })
}

/// What a sample tells of what footers do not decide.
#[derive(Default)]
struct Sample {
    alerts: f64,
    alerts_off: f64,
    bytes: f64,
    bytes_off: f64,
    looked_at: u64,
}

/// A block that is looked at, and what was found.
struct Block {
    /// Its place among the row groups of its night.
    group: usize,
    start: u64,
    length: u64,
    /// How many like it there are for each that is looked at.
    weight: f64,
    passed: u64,
}

struct Survey<'a> {
    files: &'a [(usize, &'a Path)],
    control: &'a SelectControl<'a>,
}

impl Survey<'_> {
    fn sample(&self, nights: &[Vec<&Group>]) -> Result<Sample, Error> {
        let rows: u64 = nights.iter().flatten().map(|group| group.rows).sum();
        if rows == 0 {
            return Ok(Sample::default());
        }
        // Few alerts are looked at all, and the answer is exact.
        let all = rows <= BLOCKS * BLOCK_ROWS;
        let mut files: Vec<usize> = nights.iter().flatten().map(|group| group.file).collect();
        files.dedup();
        // Of very many files some are left out: there are fewer blocks, of more alerts, and several nights are as one.
        let (size, together) = match files.len() {
            ..=FILES => (BLOCK_ROWS, 1),
            _ => (BLOCK_ROWS * BLOCKS / FILES as u64, nights.len().div_ceil(FILES)),
        };
        let nights: Vec<Vec<&Group>> = nights.chunks(together).map(<[_]>::concat).collect();
        let mut state = 0x5eed_u64;
        let mut blocks: Vec<Vec<Block>> = nights
            .iter()
            .map(|groups| if all { whole(groups) } else { drawn(groups, rows, size, &mut state) })
            .collect();
        self.look(&nights, &mut blocks)?;
        Ok(reckoned(&nights, &blocks, rows, all))
    }

    /// Counts what passes in each block. Blocks of many files are looked at together, so that positions are looked up
    /// together, but not of so many that too many files are open.
    fn look(&self, nights: &[Vec<&Group>], blocks: &mut [Vec<Block>]) -> Result<(), Error> {
        // Blocks of one row group follow one another.
        let mut runs: Vec<(&Group, Vec<&mut Block>)> = Vec::new();
        for (groups, blocks) in nights.iter().zip(blocks) {
            for block in blocks {
                let group = groups[block.group];
                match runs.last_mut() {
                    Some((last, blocks)) if std::ptr::eq(*last, group) => blocks.push(block),
                    _ => runs.push((group, vec![block])),
                }
            }
        }
        for runs in runs.chunks_mut(OPEN) {
            let task = |(group, blocks): &(&Group, Vec<&mut Block>)| -> Result<Task, Error> {
                self.control.check()?;
                let file = OpenFile::open(self.files[group.file].1)?;
                let mut bits = BooleanBufferBuilder::new(group.rows as usize);
                for block in blocks {
                    bits.append_n(block.start as usize - bits.len(), false);
                    bits.append_n(block.length as usize, true);
                }
                bits.append_n(group.rows as usize - bits.len(), false);
                let mut task = Task::of(file, group.plan.clone(), group.group, bits.finish());
                task.sift(self.control)?;
                Ok(task)
            };
            let mut tasks: Vec<Task> = runs.par_iter().map(task).collect::<Result<_, Error>>()?;
            look_up(&mut tasks, self.control)?;
            for ((_, blocks), task) in runs.iter_mut().zip(&tasks) {
                for block in blocks {
                    let bits = task.left.slice(block.start as usize, block.length as usize);
                    block.passed = bits.count_set_bits() as u64;
                }
            }
        }
        Ok(())
    }
}

/// All rows of a night.
fn whole(groups: &[&Group]) -> Vec<Block> {
    let blocks = groups.iter().enumerate();
    blocks.map(|(group, one)| Block { group, start: 0, length: one.rows, weight: 1.0, passed: 0 }).collect()
}

/// Blocks of about so many rows of a night, in proportion to its rows and at least one, each from a stretch of its own. All
/// blocks are as likely.
fn drawn(groups: &[&Group], rows: u64, size: u64, state: &mut u64) -> Vec<Block> {
    let mut random = || {
        // SplitMix64 (Steele, Lea and Flood 2014): any spread will do, the same every time.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // A row group is cut into blocks that are as long, but for a row.
    let blocks_of = |group: &Group| ((group.rows + size / 2) / size).max(1);
    let mut ends = Vec::with_capacity(groups.len());
    let (mut all, mut here) = (0, 0);
    for group in groups {
        all += blocks_of(group);
        here += group.rows;
        ends.push(all);
    }
    let wanted = (BLOCKS * BLOCK_ROWS / size) as f64 * here as f64 / rows as f64;
    let count = (wanted.round() as u64).clamp(1, all);
    (0..count)
        .map(|at| {
            let (from, to) = (at * all / count, (at + 1) * all / count);
            let block = from + random() % (to - from);
            let group = ends.partition_point(|end| *end <= block);
            let (rows, blocks) = (groups[group].rows, blocks_of(groups[group]));
            let number = block - (ends[group] - blocks);
            let [start, end] = [number, number + 1].map(|number| number * rows / blocks);
            Block { group, start, length: end - start, weight: (to - from) as f64, passed: 0 }
        })
        .collect()
}

/// What blocks tell of all rows.
fn reckoned(nights: &[Vec<&Group>], blocks: &[Vec<Block>], rows: u64, all: bool) -> Sample {
    let mut sample = Sample::default();
    // What each block stands for: alerts that pass, their bytes, and rows.
    let mut parts: Vec<[f64; 3]> = Vec::new();
    // Where neighbouring nights that are compared with each other begin.
    let mut strata = vec![0];
    let (mut hits, mut misses) = (0, 0);
    for (groups, blocks) in nights.iter().zip(blocks) {
        for block in blocks {
            sample.looked_at += block.length;
            let group = groups[block.group];
            let passed = block.passed as f64 * block.weight;
            parts.push([
                passed,
                passed * group.bytes as f64 / group.rows as f64,
                block.length as f64 * block.weight,
            ]);
            hits += usize::from(block.passed > 0);
            misses += usize::from(block.passed < block.length);
        }
        if parts.len() >= strata[strata.len() - 1] + 2 {
            strata.push(parts.len());
        }
    }
    sample.alerts = parts.iter().map(|part| part[0]).sum();
    sample.bytes = parts.iter().map(|part| part[1]).sum();
    if all {
        return sample;
    }
    // What is left over belongs to the nights before.
    if strata.len() > 1 {
        strata.pop();
    }
    strata.push(parts.len());
    let scatter = |which: usize| {
        let squares = strata.windows(2).map(|ends| {
            let parts = &parts[ends[0]..ends[1]];
            let count = parts.len() as f64;
            let mean = parts.iter().map(|part| part[which]).sum::<f64>() / count;
            let square = parts.iter().map(|part| (part[which] - mean).powi(2)).sum::<f64>();
            // The square of all where there is but one.
            if count > 1.0 { square * count / (count - 1.0) } else { mean * mean }
        });
        SURE * squares.sum::<f64>().sqrt()
    };
    let (mut off, bytes_off) = (scatter(0), scatter(1));
    // Where nearly no block or nearly every one has some, what was found scatters less than what was missed: Wilson's
    // interval, of as many trials as there are blocks, as neighbours pass together. Blocks that stand for more count
    // as fewer (Kish 1965, section 11.7).
    if hits < FEW || misses < FEW || off == 0.0 {
        let squares: f64 = parts.iter().map(|part| part[2] * part[2]).sum();
        let n = rows as f64 * rows as f64 / squares;
        let share = sample.alerts / rows as f64;
        let z = SURE * SURE;
        let wilson = SURE * (share * (1.0 - share) / n + z / (4.0 * n * n)).sqrt() / (1.0 + z / n)
            + (z / (2.0 * n)) * (1.0 - 2.0 * share).abs() / (1.0 + z / n);
        off = off.max(wilson * rows as f64);
    }
    let bytes: f64 = nights.iter().flatten().map(|group| group.bytes as f64).sum();
    sample.alerts_off = off;
    sample.bytes_off = bytes_off.max(off * bytes / rows as f64);
    sample
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
