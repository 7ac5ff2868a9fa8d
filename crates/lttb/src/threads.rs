//! Several threads on one series; the same points as with one.

use alloc::vec::Vec;

use crate::coordinate::{Positions, Value};
use crate::methods::{Buckets, walk as walk_alone};
use crate::scan::{Scan, Stop};
use crate::series::Run;

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

/// Does `work` on equal parts of `items` at the same time; the results in order.
pub(crate) fn in_parts<T: Sync, R: Send, E: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&[T]) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    if threads < 2 || items.len() < threads {
        return work(items);
    }
    let parts: Vec<&[T]> = items.chunks(items.len().div_ceil(threads)).collect();
    let mut all = Vec::with_capacity(items.len());
    for part in at_once(&parts, |part| work(part)) {
        all.extend(part?);
    }
    Ok(all)
}

#[cfg(feature = "std")]
fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    std::thread::scope(|scope| {
        let (mine, others) = items.split_first().expect("there is work");
        let others: Vec<_> = others.iter().map(|item| scope.spawn(move || work(item))).collect();
        let mut results = Vec::with_capacity(items.len());
        results.push(work(mine));
        results.extend(others.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        results
    })
}

#[cfg(not(feature = "std"))]
fn at_once<T, R>(items: &[T], work: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(work).collect()
}

/// LTTB with a walk a thread, each over its part of the buckets.
///
/// A walk needs the point chosen just before it. All but the first begin with a guess, which the choices
/// forget after a few buckets, as a rule. Then the parts are joined in order: the true walk goes on into a
/// part until it chooses a point that was chosen there; what follows is what it would choose itself.
pub(crate) fn walk<P: Positions, Y: Value>(
    threads: usize,
    scan: &mut Scan<'_, P, Y>,
    run: &Run,
    buckets: &Buckets,
    out: &mut Vec<usize>,
) -> Result<(), Stop> {
    // A part shorter than this has little time to forget.
    const LEAST: usize = 16;
    let threads = threads.min(buckets.count / LEAST);
    if threads < 2 {
        return walk_alone(scan, run, buckets, 0..buckets.count, run.start, out, |_, _| false);
    }
    let edge = |part: usize| buckets.count * part / threads;
    let parts: Vec<_> = (0..threads).map(|part| edge(part)..edge(part + 1)).collect();
    let shared = &*scan;
    let guesses = at_once(&parts, |part| {
        let (mut scan, mut chosen) = (shared.fork(), Vec::with_capacity(part.len()));
        let before = buckets.guess(run, part.start);
        walk_alone(&mut scan, run, buckets, part.clone(), before, &mut chosen, |_, _| false).map(|()| chosen)
    });
    let mut before = run.start;
    for (part, guessed) in parts.into_iter().zip(guesses) {
        let guessed = guessed?;
        if part.start == 0 {
            out.extend(guessed);
        } else {
            let start = out.len();
            walk_alone(scan, run, buckets, part.clone(), before, out, |bucket, index| {
                guessed[bucket - part.start] == index
            })?;
            let known = out.len() - start;
            out.extend_from_slice(&guessed[known..]);
        }
        before = *out.last().expect("a part has buckets");
    }
    Ok(())
}
