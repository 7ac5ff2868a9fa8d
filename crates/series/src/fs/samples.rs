//! Points of a window, chosen with a zone map: the points of all files are read where they are asked for.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use uranometria_lttb::{Downsample, Samples, ZoneError};

use super::arrays::Room;
use super::choose::{limits, rows_between};
use super::pages::Pages;
use super::recent::Recent;
use super::table::Table;
use super::zonemap::{Mapped, ZoneMap, described};
use super::{Control, File, Found, Series};
use crate::Error;
use crate::bound::Window;
use crate::number::{Abscissa, Number, Ordinate, with_types};
use crate::sidecar::bad;

/// Points of a window for each wanted one, below which a scan is as fast as a zone map: two blocks.
const LOOKED_AT: usize = 2048;

/// Points of a window that are read into memory at most, which is why there is a zone map: 256 MB of them.
const MOST_READ: usize = 1 << 24;

impl Series {
    /// Chooses `n` points of a window with the help of a zone map, reading little else.
    ///
    /// The points are those that [`choose`](Series::choose) finds. Of two candidates whose triangles agree to rounding
    /// the other one may be chosen where sums of blocks round otherwise than sums of points.
    ///
    /// # Errors
    /// [`Error::OtherSeries`] if the map is not that of this series; what reading gives; [`Error::Choose`].
    pub fn choose_with(
        &self,
        map: &ZoneMap,
        request: &Downsample,
        window: &Window,
        n: usize,
    ) -> Result<Found, Error> {
        self.choose_with_watched(map, request, window, n, &Control::none())
    }

    /// As [`choose_with`](Series::choose_with), stopped by `control` while it reads.
    ///
    /// There is no progress to watch: nobody knows how much will be read.
    ///
    /// # Errors
    /// As [`choose_with`](Series::choose_with); [`Error::Interrupted`].
    pub fn choose_with_watched(
        &self,
        map: &ZoneMap,
        request: &Downsample,
        window: &Window,
        n: usize,
        control: &Control<'_>,
    ) -> Result<Found, Error> {
        let (x, y) = self.columns();
        if (&map.x, &map.y, map.points()) != (&x, &y, self.rows()) {
            let found = format!("{} with {} rows", described(map.x.as_ref(), &map.y), map.points());
            let wanted = format!("{} with {} rows", described(x.as_ref(), &y), self.rows());
            return Err(Error::OtherSeries { found, wanted });
        }
        with_types!(self.x_kind(), self.y_kind(), <X, Y> choose::<X, Y>(self, map, request, window, n, control.stop))
    }
}

fn choose<X: Abscissa, Y: Ordinate>(
    series: &Series,
    map: &ZoneMap,
    request: &Downsample,
    window: &Window,
    n: usize,
    stop: &AtomicBool,
) -> Result<Found, Error>
where
    X::X: Mapped,
{
    let Some(map) = X::X::unwrap(&map.map) else { return Ok(Found::default()) };
    let mut points = Everywhere::<X, Y>::new(series, stop);
    let Some((from, to)) = limits::<X::X>(window) else { return Ok(Found::default()) };
    let fail = |error: ZoneError<Error>| match error {
        ZoneError::Series(error) => series.place(error),
        ZoneError::Read(error) => error,
        _ => bad("it cannot be used".to_string()),
    };
    let range = match (window.is_all(), X::COLUMN) {
        (true, _) => 0..map.points(),
        (false, false) => rows_between(from, to, map.points()),
        (false, true) => {
            let range = map.window(&mut points, from, to).map_err(fail)?;
            points.trimmed(range)?
        }
    };
    // In so short a window every point is looked at anyway: where it lies in memory, nothing is copied for that;
    // elsewhere it is read in large pieces and by all threads, unless most of them would be read for nothing.
    if !range.is_empty() && range.len() / n.max(1) < LOOKED_AT {
        if let Some((x, y)) = in_place::<X, Y>(series, &range) {
            let chosen = series.chosen::<X, Y>(x, y, range.start, request, n)?;
            return Ok(Found { chosen, window: range });
        }
        if range.len() <= MOST_READ && series.rows_read_for(&range) / 2 <= range.len() {
            let control = Control { progress: &|_, _| {}, stop };
            let (x, y) = series.read::<X, Y>(range.clone(), &control)?;
            let chosen = series.chosen::<X, Y>(&x, &y, range.start, request, n)?;
            return Ok(Found { chosen, window: range });
        }
    }
    let chosen = map.choose(&mut points, range.clone(), request, n).map_err(fail)?;
    Ok(Found { chosen, window: range })
}

/// The rows of a window in a mapped array.
fn in_place<'a, X: Abscissa, Y: Ordinate>(
    series: &'a Series,
    range: &Range<usize>,
) -> Option<(&'a [X::X], &'a [Y])> {
    let part = series.part_of(range.start);
    match &part.file {
        File::Array(table) if range.end - part.first <= table.rows() => {
            table.in_place::<X, Y>(range.start - part.first..range.end - part.first)
        }
        _ => None,
    }
}

/// Parquet files whose pages are kept; buckets that are summed together may lie in several.
const FILES_KEPT: usize = 8;

/// x and y of a parquet file.
type Columns<'a, X, Y> = (Pages<'a, X>, Pages<'a, Y>);

/// The points of all files, read where they are asked for.
struct Everywhere<'a, X: Abscissa, Y> {
    series: &'a Series,
    stop: &'a AtomicBool,
    /// Whether other threads read other parts.
    forked: bool,
    /// The numbers of parquet files, and their columns.
    pages: Recent<(usize, Columns<'a, X::X, Y>)>,
    room: Room<X::X, Y>,
    /// Rows of FITS tables.
    x: Vec<X::X>,
    y: Vec<Y>,
}

impl<'a, X: Abscissa, Y: Ordinate> Everywhere<'a, X, Y> {
    fn new(series: &'a Series, stop: &'a AtomicBool) -> Self {
        let (pages, room) = (Recent::new(FILES_KEPT), Room::default());
        Everywhere { series, stop, forked: false, pages, room, x: Vec::new(), y: Vec::new() }
    }

    /// A range without the missing points at its ends.
    fn trimmed(&mut self, range: Range<usize>) -> Result<Range<usize>, Error> {
        let Range { mut start, mut end } = range;
        // Mostly the first point is there; where a long stretch is missing, larger steps need fewer readings.
        const STEPS: Range<usize> = 1024..1 << 18;
        let is_there = |(x, y): (&X::X, &Y)| x.is_there() && y.is_there();
        let mut step = STEPS.start;
        while start < end {
            let part = self.series.part_of(start);
            let stop = end.min(start + step).min(part.first + part.file.table().rows());
            if let Some(first) = self.each(start..stop)?.position(is_there) {
                start += first;
                break;
            }
            (start, step) = (stop, STEPS.end.min(2 * step));
        }
        let mut step = STEPS.start;
        while start < end {
            let part = self.series.part_of(end - 1);
            let begin = start.max(end.saturating_sub(step)).max(part.first);
            if let Some(last) = self.each(begin..end)?.rposition(is_there) {
                end = begin + last + 1;
                break;
            }
            (end, step) = (begin, STEPS.end.min(2 * step));
        }
        Ok(if start < end { start..end } else { 0..0 })
    }

    /// Reads rows of one file, whose x has a column.
    fn each(
        &mut self,
        rows: Range<usize>,
    ) -> Result<impl ExactSizeIterator<Item = (&X::X, &Y)> + DoubleEndedIterator, Error> {
        let (x, y) = self.read(rows)?;
        Ok(x.iter().zip(y))
    }

    /// Reads some rows of one file.
    fn read_part(&mut self, part: usize, rows: Range<usize>) -> Result<(&[X::X], &[Y]), Error> {
        match &self.series.parts[part].file {
            File::Parquet(table) => {
                let (places, (x_type, y_type)) = (table.places(), table.types());
                if !self.pages.find(|(number, _)| *number == part) {
                    let x_type = x_type.unwrap_or(arrow_schema::DataType::Null);
                    let x = Pages::new(table, places.x.unwrap_or(places.y), &x_type);
                    self.pages.push((part, (x, Pages::new(table, places.y, &y_type))));
                }
                let (_, (x, y)) = self.pages.last_mut();
                if !X::COLUMN {
                    return Ok((&[], y.read(rows)?));
                }
                // Threads are woken for pages that are much work, and where each has not its own part of the series.
                let (x, y) = match self.forked || (x.is_easy(&rows) && y.is_easy(&rows)) {
                    true => (x.read(rows.clone()), y.read(rows)),
                    false => rayon::join(|| x.read(rows.clone()), || y.read(rows.clone())),
                };
                Ok((x?, y?))
            }
            File::Array(table) => table.numbers::<X, Y>(rows, &mut self.room),
            // CSV is in memory, and rows of FITS tables lie where they are reckoned to.
            file @ (File::Csv(_) | File::Fits(_)) => {
                self.x.clear();
                self.y.clear();
                let (mut x_room, mut y_room) = (Vec::new(), Vec::new());
                for batch in file.table().batches(rows)? {
                    let batch = batch?;
                    let null = |_| bad("x is null where it was not".to_string());
                    let (x, y) =
                        self.series.numbers::<X, Y>(&batch, (&mut x_room, &mut y_room)).map_err(null)?;
                    self.x.extend_from_slice(x);
                    self.y.extend_from_slice(y);
                }
                Ok((&self.x, &self.y))
            }
        }
    }
}

impl<X: Abscissa, Y: Ordinate> Samples for Everywhere<'_, X, Y> {
    type X = X::X;
    type Y = Y;
    type Error = Error;

    fn read(&mut self, range: Range<usize>) -> Result<(&[X::X], &[Y]), Error> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let series = self.series;
        let part = series.parts.partition_point(|part| part.first <= range.start).max(1) - 1;
        let first = series.parts[part].first;
        self.read_part(part, range.start - first..range.end - first)
            .map_err(|error| error.in_file(&series.parts[part].path))
    }

    fn fork(&self) -> Option<Self> {
        Some(Everywhere { forked: true, ..Everywhere::new(self.series, self.stop) })
    }
}
