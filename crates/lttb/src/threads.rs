//! Several threads on one series; the same points as with one.

use alloc::vec::Vec;

use crate::methods::{Buckets, walk as walk_alone};
use crate::series::{Run, Series};

/// Fewer points than these are not worth a thread.
const WORTH: usize = 500_000;

/// How many threads to use of those allowed (0: one a processor) for a number of points.
pub(crate) fn worth(allowed: usize, points: usize) -> usize {
    let most = points / WORTH;
    if !cfg!(feature = "std") || most < 2 || allowed == 1 {
        return 1;
    }
    most.min(if allowed == 0 { processors() } else { allowed })
}

#[cfg(feature = "std")]
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(not(feature = "std"))]
fn processors() -> usize {
    1
}

/// Does `work` on equal parts of `items`, each with a worker of its own and all at the same time; the results in order.
///
/// Without workers, or with more of them than items, `alone` does it all.
pub(crate) fn in_parts<W: Send, T: Sync, R: Send, E: Send>(
    workers: Vec<W>,
    items: &[T],
    alone: impl FnOnce(&[T]) -> Result<Vec<R>, E>,
    work: impl Fn(W, &[T]) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    if workers.len() < 2 || items.len() < workers.len() {
        return alone(items);
    }
    let parts = items.chunks(items.len().div_ceil(workers.len()));
    let mut all = Vec::with_capacity(items.len());
    for part in at_once(workers.into_iter().zip(parts).collect(), |(worker, part)| work(worker, part)) {
        all.extend(part?);
    }
    Ok(all)
}

#[cfg(feature = "std")]
fn at_once<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    use std::sync::{Mutex, PoisonError};
    let (work, count) = (&work, items.len());
    // What a thread was not given is done here.
    let waiting: Vec<Mutex<Option<T>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let take = |n: usize| waiting[n].lock().unwrap_or_else(PoisonError::into_inner).take();
    let do_it = |n: usize| take(n).map(work);
    std::thread::scope(|scope| {
        let spawn = |n: usize| std::thread::Builder::new().spawn_scoped(scope, move || do_it(n)).ok();
        let others: Vec<_> = (1..count).map(spawn).collect();
        let mut results = Vec::with_capacity(count);
        results.extend(do_it(0));
        for (n, thread) in (1..).zip(others) {
            results.extend(match thread.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(result)) => result,
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => do_it(n),
            });
        }
        results
    })
}

#[cfg(not(feature = "std"))]
fn at_once<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}

/// Walks that are worth a thread each, of those that may be.
pub(crate) fn walks(threads: usize, buckets: &Buckets) -> usize {
    // A part shorter than this has little time to forget its guess.
    const LEAST: usize = 16;
    threads.min(buckets.count / LEAST)
}

/// LTTB with a walk a thread, each over its part of the buckets of the same series.
///
/// A walk needs the point chosen just before it. All but the first begin with a guess. Where the series has a shape, the
/// choices forget it after a few buckets; in noise, where high and low points take turns, half of the guesses are never
/// forgotten. Then the parts are joined in order: the true walk goes on into a part until it chooses a point that was
/// chosen there; what follows is what it would choose itself. Where a guess led to an error, which the true walk may not
/// meet, it goes through that part alone: one thread or many, the same is found.
pub(crate) fn walk<S, W>(
    series: &mut S,
    walkers: Vec<W>,
    run: &Run,
    buckets: &Buckets,
    out: &mut Vec<usize>,
) -> Result<(), S::Error>
where
    S: Series<Error: Send>,
    W: Series<Error = S::Error> + Send,
{
    let walks = walkers.len();
    if walks < 2 {
        return walk_alone(series, run, buckets, 0..buckets.count, run.start, out, |_, _| false);
    }
    let edge = |part: usize| buckets.count * part / walks;
    let parts: Vec<_> = (0..walks).map(|part| edge(part)..edge(part + 1)).collect();
    let guesses = at_once(walkers.into_iter().zip(parts.iter().cloned()).collect(), |(mut series, part)| {
        let mut chosen = Vec::with_capacity(part.len());
        let before = series.nth(run, buckets.guess(part.start))?;
        walk_alone(&mut series, run, buckets, part, before, &mut chosen, |_, _| false).map(|()| chosen)
    });
    let mut before = run.start;
    for (part, guessed) in parts.into_iter().zip(guesses) {
        let guessed = match guessed {
            Err(_) if part.start > 0 => Vec::new(),
            guessed => guessed?,
        };
        if part.start == 0 {
            out.extend(guessed);
        } else {
            let start = out.len();
            walk_alone(series, run, buckets, part.clone(), before, out, |bucket, index| {
                guessed.get(bucket - part.start) == Some(&index)
            })?;
            let known = out.len() - start;
            out.extend(guessed.iter().skip(known));
        }
        before = *out.last().expect("a part has buckets");
    }
    Ok(())
}
