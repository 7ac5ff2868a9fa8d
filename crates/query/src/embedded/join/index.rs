//! Left rows by the cells that their circles reach.

use arrow_array::{Array, Float64Array};
use datafusion::error::{DataFusionError, Result};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use uranometria_sky::healpix::{self, Around};
use uranometria_sky::{Angle, Direction};

use super::super::functions::direction;
use super::turns::{MANY, Turns};

/// The cells that circles around positions reach.
#[derive(Debug)]
pub(super) struct Index {
    /// How cells are found; where the circles are too wide for that, all rows are near all.
    pub(super) around: Option<Around>,
    /// Cells whose numbers are the same but for their lowest bits, so many.
    buckets: Vec<Bucket>,
    shift: u32,
    /// By bucket the [`Index::key`] of a cell and a row.
    entries: Vec<(u32, u32)>,
    /// By row.
    pub(super) extents: Vec<Extent>,
}

/// Where the entries of some cells begin, and which of 32 parts of these cells have entries.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    start: u32,
    occupied: u32,
}

/// What is around a circle: its centre and how far it reaches in longitude and latitude. Degrees, wider than they are off.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    lon: f32,
    lat: f32,
    wide: f32,
    high: f32,
}

impl Extent {
    /// More than longitudes as `f32`, and their differences, are off together.
    const OFF: f64 = 1e-4;

    /// Around a circle; the sine of its radius is told, as it is that of others.
    fn around(centre: &Direction, radius_deg: f64, sin_radius: f64) -> Self {
        let (lon, lat) = (centre.ra_deg(), centre.dec_deg());
        let wide = match lat.abs() + radius_deg < 89.9 {
            true => (sin_radius / lat.to_radians().cos()).asin().to_degrees(),
            false => 360.0,
        };
        let [wide, high] = [wide, radius_deg].map(|reach| (reach * (1.0 + 1e-6) + Self::OFF) as f32);
        Extent { lon: lon as f32, lat: lat as f32, wide, high }
    }

    pub(super) fn contains(&self, lon: f32, lat: f32) -> bool {
        let away = (lon - self.lon).abs();
        (lat - self.lat).abs() <= self.high && away.min(360.0 - away) <= self.wide
    }
}

impl Index {
    /// Bytes of a left row while the index is made, about: its numbers, two extents, cells, entries of these, and up to four
    /// buckets. Wide circles reach nine cells, whose list may be twice as long.
    pub(super) const BYTES_A_ROW: usize = 3 * 8 + 2 * 16 + 1 + 4 * 8 + 2 * 8 + 2 * 8;
    pub(super) const BYTES_A_WIDE_ROW: usize = 3 * 8 + 2 * 16 + 1 + 4 * 8 + 16 * 8 + 9 * 8;

    /// How cells are found that circles of these radii reach: as coarse as leaves most circles in one cell, but few rows in
    /// each.
    pub(super) fn around(radius: &Float64Array) -> Option<Around> {
        let count = radius.len();
        let widest = (0..count).filter_map(|row| reach(radius, row)).fold(0.0, f64::max);
        (0..=3).rev().find_map(|up| {
            let around = Around::new(Angle::from_degrees(widest), up)?;
            let cells = 12.0 * 4.0_f64.powi(around.depth().into());
            (up == 0 || cells > 4.0 * count as f64).then_some(around)
        })
    }

    pub(super) fn bytes_a_row(around: Option<Around>) -> usize {
        match around {
            Some(around) if around.depth() == around.fine_depth() => Self::BYTES_A_WIDE_ROW,
            _ => Self::BYTES_A_ROW,
        }
    }

    /// Radii that are none reach nothing; what is wrong with them the condition itself tells of the pairs it is asked of.
    pub(super) async fn new(
        (lon, lat, radius): (Float64Array, Float64Array, Float64Array),
        around: Option<Around>,
    ) -> Result<Self> {
        let count = lon.len();
        // Sorted by bucket, as each has its place once they are counted, and then within each.
        let bits = around.map_or(4, |around| 4 + 2 * u32::from(around.depth()));
        let shift = bits.saturating_sub((2 * count).max(2).ilog2() + 1);
        let mut turns = Turns::default();
        // Each thread takes a share of the rows.
        let threads = Handle::current().metrics().num_workers();
        let share = count.div_ceil(threads).max(MANY);
        let mut shares = JoinSet::new();
        for (number, from) in (0..count).step_by(share).enumerate() {
            let len = share.min(count - from);
            let [lon, lat, radius] = [&lon, &lat, &radius].map(|values| values.slice(from, len));
            let alike = alike_bits(shift);
            shares.spawn(async move { (number, Reached::by(&lon, &lat, &radius, around, alike).await) });
        }
        let mut reached = Vec::new();
        while let Some(share) = shares.join_next().await {
            let (number, share) = share.map_err(|error| DataFusionError::ExecutionJoin(error.into()))?;
            reached.push((number, share?));
        }
        reached.sort_unstable_by_key(|(number, _)| *number);
        let mut index = Index {
            around,
            buckets: vec![Bucket::default(); (1 << (bits - shift)) + 2],
            shift,
            entries: Vec::new(),
            extents: Vec::with_capacity(count),
        };
        for (_, Reached { extents, cells, .. }) in &reached {
            index.extents.extend_from_slice(extents);
            for cells in cells.chunks(MANY) {
                for cell in cells {
                    let bucket = (cell >> shift) as usize;
                    index.buckets[bucket + 2].start += 1;
                    index.buckets[bucket].occupied |= index.part(*cell);
                }
                turns.give_way().await;
            }
        }
        // Counts of a bucket become the place where it begins, two further on.
        let mut end = 0;
        for bucket in &mut index.buckets {
            end += bucket.start;
            bucket.start = end;
        }
        index.entries = vec![(0, 0); end as usize];
        let mut row = 0;
        for (_, Reached { counts, cells, .. }) in &reached {
            let mut cells = cells.iter();
            for counts in counts.chunks(MANY) {
                for count in counts {
                    for cell in cells.by_ref().take(usize::from(*count)) {
                        let key = index.key(*cell);
                        let next = &mut index.buckets[(cell >> shift) as usize + 1].start;
                        index.entries[*next as usize] = (key, row);
                        *next += 1;
                    }
                    row += 1;
                }
                turns.give_way().await;
            }
        }
        drop(reached);
        // What was the place of the next entry is now the end, which is where the next bucket begins.
        index.buckets.pop();
        for from in (0..index.buckets.len() - 1).step_by(MANY) {
            let to = (from + MANY).min(index.buckets.len() - 1);
            for ends in index.buckets[from..=to].windows(2) {
                index.entries[ends[0].start as usize..ends[1].start as usize].sort_unstable();
            }
            turns.give_way().await;
        }
        Ok(index)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.buckets[..]) + size_of_val(&self.entries[..]) + size_of_val(&self.extents[..])
    }

    /// What tells cells of a bucket apart; where that are more than 32 bits, all but those of cells next to one another.
    fn key(&self, cell: u64) -> u32 {
        ((cell & ((1 << self.shift) - 1)) >> alike_bits(self.shift)) as u32
    }

    /// The part of its bucket that a cell is in, as a bit.
    fn part(&self, cell: u64) -> u32 {
        1 << ((cell & ((1 << self.shift) - 1)) >> self.shift.saturating_sub(5))
    }

    /// Whether a cell may have entries.
    pub(super) fn may_have(&self, cell: u64) -> bool {
        self.buckets[(cell >> self.shift) as usize].occupied & self.part(cell) != 0
    }

    /// The entries of a cell, and maybe of some next to it.
    pub(super) fn of_cell(&self, cell: u64) -> &[(u32, u32)] {
        let (bucket, key) = ((cell >> self.shift) as usize, self.key(cell));
        let run = &self.entries[self.buckets[bucket].start as usize..self.buckets[bucket + 1].start as usize];
        let from = run.partition_point(|(found, _)| *found < key);
        &run[from..from + run[from..].partition_point(|(found, _)| *found == key)]
    }
}

/// The lowest bits in which cells of one key differ, where a bucket is of `shift` bits.
fn alike_bits(shift: u32) -> u32 {
    shift.saturating_sub(u32::BITS)
}

/// The degrees that the circle of a row reaches.
fn reach(radius: &Float64Array, row: usize) -> Option<f64> {
    let found = radius.is_valid(row).then(|| radius.value(row)).filter(|radius| *radius >= 0.0);
    found.map(|radius| radius.min(180.0))
}

/// What some of the rows bring to an [`Index`]: how many cells each reaches, and these.
struct Reached {
    extents: Vec<Extent>,
    counts: Vec<u8>,
    cells: Vec<u64>,
}

impl Reached {
    async fn by(
        lon: &Float64Array,
        lat: &Float64Array,
        radius: &Float64Array,
        around: Option<Around>,
        alike: u32,
    ) -> Result<Self> {
        let count = lon.len();
        let (mut extents, mut counts) = (vec![Extent::default(); count], vec![0; count]);
        let mut cells = Vec::with_capacity(2 * count);
        let (mut ra, mut dec, mut fine) = (Vec::new(), Vec::new(), vec![0; MANY]);
        let mut known = (0.0, 0.0);
        let mut turns = Turns::default();
        for from in (0..count).step_by(MANY) {
            let rows = from..(from + MANY).min(count);
            ra.clear();
            dec.clear();
            for row in rows.clone() {
                let there = lon.is_valid(row) && lat.is_valid(row);
                let centre = there.then(|| direction(lon.value(row), lat.value(row))).flatten();
                let Some((centre, radius)) = centre.zip(reach(radius, row)) else {
                    // Not asked for.
                    ra.push(0.0);
                    dec.push(0.0);
                    continue;
                };
                if known.0 != radius {
                    known = (radius, radius.to_radians().sin());
                }
                extents[row] = Extent::around(&centre, radius, known.1);
                counts[row] = 1;
                ra.push(centre.ra_deg());
                dec.push(centre.dec_deg());
            }
            let fine = &mut fine[..rows.len()];
            if let Some(around) = around {
                let failed = |error: uranometria_sky::Error| DataFusionError::Internal(error.to_string());
                healpix::hash_slice(around.fine_depth(), &ra, &dec, fine).map_err(failed)?;
            }
            for (count, fine) in counts[rows].iter_mut().zip(fine).filter(|(count, _)| **count > 0) {
                let before = cells.len();
                match around {
                    Some(around) => around.cells_of(*fine, &mut cells),
                    None => cells.push(0),
                }
                if alike > 0 && cells.len() > before + 1 {
                    // Of cells that have one key one is enough; else a pair would be found for each.
                    let mut kept = before + 1;
                    for at in before + 1..cells.len() {
                        if cells[at] >> alike != cells[kept - 1] >> alike {
                            cells[kept] = cells[at];
                            kept += 1;
                        }
                    }
                    cells.truncate(kept);
                }
                *count = (cells.len() - before) as u8;
            }
            turns.give_way().await;
        }
        Ok(Reached { extents, counts, cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1 that seem random.
    fn numbers_of(seed: u64) -> impl FnMut() -> f64 {
        let mut random = seed;
        move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// A place anywhere, at a pole, or at longitude 0, and where longitudes turn round.
    fn place(n: usize, next: &mut impl FnMut() -> f64) -> (f64, f64) {
        match n % 4 {
            0 => (next() * 360.0, (next() * 2.0 - 1.0).asin().to_degrees()),
            1 => (next() * 360.0, 90.0 - next() * 1e-3),
            2 => (next() * 360.0, next() * 0.3 - 90.0),
            _ => (360.0 - next() * 1e-5, next() * 160.0 - 80.0),
        }
    }

    #[test]
    fn an_extent_holds_its_circle_and_little_more() {
        let mut next = numbers_of(7);
        let (mut far, mut held) = (0, 0);
        for n in 0..40_000 {
            let (lon, lat) = place(n, &mut next);
            let centre = direction(lon, lat).unwrap();
            let radius = 10.0_f64.powf(next() * 11.0 - 8.8).min(180.0);
            let extent = Extent::around(&centre, radius, radius.to_radians().sin());
            let holds = |away: f64, turn: f64| {
                let at = centre.offset_by(Angle::from_degrees(turn), Angle::from_degrees(away));
                extent.contains(at.ra_deg() as f32, at.dec_deg() as f32)
            };
            for part in [1.0, 1.0 - 1e-15, next()] {
                assert!(holds(radius * part, next() * 360.0), "{lon} {lat} {radius} {part}");
            }
            if lat.abs() + radius < 80.0 {
                far += 1;
                held += usize::from(holds(1.5 * radius + 3e-4, next() * 360.0));
            }
        }
        assert!(far > 5000 && held * 100 < far, "{held} of {far}");
    }

    #[test]
    fn rows_are_found_by_the_cells_that_their_circles_reach() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        for (rows, radius) in [
            (3, 1e-9),
            (20_000, 1e-9),
            (20, 2.8e-5),
            (1000, 2.8e-7),
            (20_000, 1e-4),
            (9000, 0.7),
            (5000, 30.0),
            (50, 120.0),
        ] {
            let mut next = numbers_of(11);
            let places: Vec<_> = (0..rows).map(|n| place(n, &mut next)).collect();
            // Some rows have no place or no circle.
            let lon: Float64Array = (0..rows).map(|row| (row % 17 != 5).then_some(places[row].0)).collect();
            let lat: Float64Array = places.iter().map(|place| Some(place.1)).collect();
            let wide: Float64Array =
                (0..rows).map(|row| Some(if row % 19 == 3 { -1.0 } else { radius })).collect();
            // On a task, as in a query.
            let around = Index::around(&wide);
            let made = runtime.spawn(async move { Index::new((lon, lat, wide), around).await });
            let index = runtime.block_on(made).unwrap().unwrap();
            let mut found = 0;
            for (row, (lon, lat)) in places.into_iter().enumerate() {
                let away = Angle::from_degrees(radius * next());
                let at = direction(lon, lat).unwrap().offset_by(Angle::from_degrees(next() * 360.0), away);
                let cell = |around: Around| healpix::hash(around.depth(), at.ra_deg(), at.dec_deg()).unwrap();
                let cell = index.around.map_or(0, cell);
                let entries = index.of_cell(cell);
                assert!(entries.is_empty() || index.may_have(cell));
                let there = entries.iter().filter(|(_, other)| *other as usize == row).count();
                let wanted = usize::from(row % 17 != 5 && row % 19 != 3);
                assert_eq!(there, wanted, "{row} of {rows}, {radius}");
                found += there;
            }
            assert_eq!(found, index.extents.iter().filter(|extent| extent.high > 0.0).count());
        }
    }
}
