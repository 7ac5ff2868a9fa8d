//! Points of a window, chosen of all x and y in memory.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use uranometria_lttb::{self as lttb, Chosen, Downsample};

use super::table::Table;
use super::zonemap::in_order;
use super::{Control, File, Part, Series, Unit, shifted};
use crate::bound::{self, Limit, Side, Window};
use crate::number::{Abscissa, Number, Ordinate, with_types};
use crate::{Bound, Error};

/// The points chosen of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The points; indices are rows of the series.
    pub chosen: Chosen,
    /// The rows of the window they were chosen of, from its first point that is not missing to its last; 0..0 where it
    /// has none.
    pub window: Range<usize>,
}

impl Series {
    /// Reads the ends of a window as people write them: numbers, and for dates and times also ISO 8601.
    ///
    /// # Errors
    /// [`Error::Bound`].
    pub fn window(&self, from: Option<&str>, to: Option<&str>) -> Result<Window, Error> {
        let read =
            |text: Option<&str>, side| text.map(|text| bound::parse(text, side, self.x_column())).transpose();
        Ok(Window { from: read(from, Side::From)?, to: read(to, Side::To)? })
    }

    /// Reads the width of a gap: a number in units of x, and where these are times also a duration like `90s` or `2h`.
    ///
    /// # Errors
    /// [`Error::Bound`].
    pub fn gap(&self, text: &str) -> Result<f64, Error> {
        bound::parse_width(text, self.x_column())
    }

    /// Chooses `n` points of a window, reading x and y of the whole series into memory.
    ///
    /// That takes 4 or 8 bytes a point for y and as much for x (CSV is in memory already, unless there are several
    /// files, and takes twice as much then); [`choose_with`](Series::choose_with) does without.
    ///
    /// # Errors
    /// [`Error::Unsorted`], [`Error::Cell`] and what reading gives; [`Error::Choose`] for what is wrong with the
    /// request.
    pub fn choose(&self, request: &Downsample, window: &Window, n: usize) -> Result<Found, Error> {
        self.choose_watched(request, window, n, &Control::none())
    }

    /// As [`choose`](Series::choose), watched and stopped by `control` while it reads.
    ///
    /// # Errors
    /// As [`choose`](Series::choose); [`Error::Interrupted`].
    pub fn choose_watched(
        &self,
        request: &Downsample,
        window: &Window,
        n: usize,
        control: &Control<'_>,
    ) -> Result<Found, Error> {
        with_types!(self.x_kind(), self.y_kind(), <X, Y> self.choose_typed::<X, Y>(request, window, n, control))
    }

    fn choose_typed<X: Abscissa, Y: Ordinate>(
        &self,
        request: &Downsample,
        window: &Window,
        n: usize,
        control: &Control<'_>,
    ) -> Result<Found, Error> {
        if let [Part { file: File::Csv(table), .. }] = &self.parts[..] {
            // What is in memory already is not copied.
            if control.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            (control.progress)(self.rows() as u64, self.rows() as u64);
            let (mut x_room, mut y_room) = (Vec::new(), Vec::new());
            for batch in table.batches(0..table.rows())? {
                let batch = batch?;
                if let Ok((x, y)) = self.numbers::<X, Y>(&batch, (&mut x_room, &mut y_room)) {
                    return self.choose_of::<X, Y>(x, y, request, window, n);
                }
            }
        }
        let (x, y) = self.read::<X, Y>(0..self.rows(), control)?;
        self.choose_of::<X, Y>(&x, &y, request, window, n)
    }

    /// Chooses of all x and y.
    fn choose_of<X: Abscissa, Y: Ordinate>(
        &self,
        x: &[X::X],
        y: &[Y],
        request: &Downsample,
        window: &Window,
        n: usize,
    ) -> Result<Found, Error> {
        let range = rows_of::<X, Y>(x, y, window).map_err(|error| self.place(error))?;
        let of_window = if X::COLUMN { &x[range.clone()] } else { x };
        let chosen = self.chosen::<X, Y>(of_window, &y[range.clone()], range.start, request, n)?;
        Ok(Found { chosen, window: range })
    }

    /// Chooses of x and y of rows from `first` on.
    pub(super) fn chosen<X: Abscissa, Y: Ordinate>(
        &self,
        x: &[X::X],
        y: &[Y],
        first: usize,
        request: &Downsample,
        n: usize,
    ) -> Result<Chosen, Error> {
        let chosen = request.choose(X::axis(x), y, n);
        let mut chosen = chosen.map_err(|error| self.place(shifted(error, first)))?;
        chosen.indices.iter_mut().for_each(|index| *index += first);
        Ok(chosen)
    }

    /// Reads x, if it has a column, and y of some rows, and whatever lies in one piece with them.
    pub(super) fn read<X: Abscissa, Y: Ordinate>(
        &self,
        rows: Range<usize>,
        control: &Control<'_>,
    ) -> Result<(Vec<X::X>, Vec<Y>), Error> {
        let mut x: Vec<X::X> = zeroed(if X::COLUMN { rows.len() } else { 0 })?;
        let mut y: Vec<Y> = zeroed(rows.len())?;
        let (mut rest_x, mut rest_y) = (x.as_mut_slice(), y.as_mut_slice());
        let (mut jobs, mut all) = (Vec::new(), 0);
        for unit in self.units() {
            // What is wanted of it.
            let first = unit.part.first;
            let from = rows.start.saturating_sub(first).clamp(unit.rows.start, unit.rows.end);
            let to = rows.end.saturating_sub(first).clamp(from, unit.rows.end);
            if from == to {
                continue;
            }
            let (here_x, later_x) = rest_x.split_at_mut(if X::COLUMN { to - from } else { 0 });
            let (here_y, later_y) = rest_y.split_at_mut(to - from);
            (rest_x, rest_y) = (later_x, later_y);
            all += unit.rows.len() as u64;
            jobs.push((unit, from..to, here_x, here_y));
        }
        let done = AtomicU64::new(0);
        in_order(jobs, |(unit, wanted, into_x, into_y)| {
            let mut row = unit.rows.start;
            self.stream::<X, Y>(&unit, |x, y| {
                if control.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let (start, end) = (wanted.start.max(row), wanted.end.min(row + y.len()));
                if start < end {
                    let (from, to) = (start - row..end - row, start - wanted.start..end - wanted.start);
                    if X::COLUMN {
                        into_x[to.clone()].copy_from_slice(&x[from.clone()]);
                    }
                    into_y[to].copy_from_slice(&y[from]);
                }
                row += y.len();
                let before = done.fetch_add(y.len() as u64, Ordering::Relaxed);
                (control.progress)(before + y.len() as u64, all);
                Ok(())
            })
        })?;
        Ok((x, y))
    }

    /// How many rows are read for some that are wanted.
    pub(super) fn rows_read_for(&self, rows: &Range<usize>) -> usize {
        let is_wanted = |unit: &&Unit<'_>| {
            let first = unit.part.first;
            first + unit.rows.start < rows.end && first + unit.rows.end > rows.start
        };
        self.units().iter().filter(is_wanted).map(|unit| unit.rows.len()).sum()
    }
}

/// Memory for so many numbers.
fn zeroed<T: Number>(rows: usize) -> Result<Vec<T>, Error> {
    // A failing `vec!` would end the program; it gets zeros without writing them, which `resize` does not.
    Vec::<T>::new().try_reserve_exact(rows).map_err(|_| Error::TooLarge { rows })?;
    Ok(vec![T::default(); rows])
}

/// The rows of a window, from its first point that is not missing to its last; all rows where there are no bounds.
fn rows_of<X: Abscissa, Y: Ordinate>(
    x: &[X::X],
    y: &[Y],
    window: &Window,
) -> Result<Range<usize>, lttb::Error> {
    let Some((from, to)) = limits::<X::X>(window) else { return Ok(0..0) };
    if window.is_all() {
        return Ok(0..y.len());
    }
    if !X::COLUMN {
        return Ok(rows_between::<X::X>(from, to, y.len()));
    }
    let (mut start, mut end) = (y.len(), 0);
    let mut before: Option<X::X> = None;
    for (row, (&x, y)) in x.iter().zip(y).enumerate() {
        if !(x.is_there() && y.is_there()) {
            continue;
        }
        // What lies outside of the window is looked at by nobody else.
        if let Some(before) = before
            && x < before
        {
            let (found, before) = (format!("{x:?}"), format!("{before:?}"));
            return Err(lttb::Error::Unsorted { index: row, found, before });
        }
        before = Some(x);
        if from.is_none_or(|from| x >= from) {
            start = start.min(row);
        }
        if to.is_none_or(|to| x <= to) {
            end = row + 1;
        }
    }
    Ok(if start < end { start..end } else { 0..0 })
}

/// The bounds of a window as numbers of the type of x; `None` where nothing can lie between them.
pub(super) fn limits<X: Limit>(window: &Window) -> Option<(Option<X>, Option<X>)> {
    let limit = |bound: Option<Bound>, of: fn(Bound) -> Option<X>| match bound {
        None => Some(None),
        Some(bound) => of(bound).map(Some),
    };
    Some((limit(window.from, X::at_least)?, limit(window.to, X::at_most)?))
}

/// Row numbers from one to another that there are.
pub(super) fn rows_between<X: Number>(from: Option<X>, to: Option<X>, rows: usize) -> Range<usize> {
    let row = |number: X| number.since(X::default());
    let start = from.map_or(0, |from| (row(from) as usize).min(rows));
    let end = to.map_or(rows, |to| (row(to) as usize).saturating_add(1).min(rows));
    if start < end { start..end } else { 0..0 }
}
