//! Points of a window, chosen of all x and y in memory.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use uranometria_lttb::{self as lttb, Chosen, Downsample};

use super::zonemap::in_order;
use super::{Control, Series, shifted};
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
    /// That takes 4 or 8 bytes a point for y and as much for x; [`choose_with`](Series::choose_with) does without.
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
        let (x, y) = self.read::<X, Y>(control)?;
        let range = rows_of::<X, Y>(&x, &y, window).map_err(|error| self.place(error))?;
        let of_window = if X::COLUMN { &x[range.clone()] } else { &x[..] };
        let chosen = request.choose(X::axis(of_window), &y[range.clone()], n);
        let mut chosen = chosen.map_err(|error| self.place(shifted(error, range.start)))?;
        chosen.indices.iter_mut().for_each(|index| *index += range.start);
        Ok(Found { chosen, window: range })
    }

    /// Reads all x, if it has a column, and all y.
    fn read<X: Abscissa, Y: Ordinate>(&self, control: &Control<'_>) -> Result<(Vec<X::X>, Vec<Y>), Error> {
        let mut x: Vec<X::X> = zeroed(if X::COLUMN { self.rows() } else { 0 })?;
        let mut y: Vec<Y> = zeroed(self.rows())?;
        let (mut rest_x, mut rest_y) = (x.as_mut_slice(), y.as_mut_slice());
        let mut jobs = Vec::new();
        for unit in self.units() {
            let (here_x, later_x) = rest_x.split_at_mut(if X::COLUMN { unit.rows.len() } else { 0 });
            let (here_y, later_y) = rest_y.split_at_mut(unit.rows.len());
            (rest_x, rest_y) = (later_x, later_y);
            jobs.push((unit, here_x, here_y));
        }
        let (done, all) = (AtomicU64::new(0), self.rows() as u64);
        in_order(jobs, |(unit, into_x, into_y)| {
            let mut at = 0;
            self.stream::<X, Y>(&unit, |x, y| {
                if control.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                if X::COLUMN {
                    into_x[at..at + y.len()].copy_from_slice(x);
                }
                into_y[at..at + y.len()].copy_from_slice(y);
                at += y.len();
                let before = done.fetch_add(y.len() as u64, Ordering::Relaxed);
                (control.progress)(before + y.len() as u64, all);
                Ok(())
            })
        })?;
        Ok((x, y))
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
