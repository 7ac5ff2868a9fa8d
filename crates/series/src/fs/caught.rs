//! Damage on which the parquet crate panics, as errors.

pub(super) use uranometria_fits::fs::unless_it_panics;

use crate::Error;

/// Does some work of a decoder, which panics where the file is damaged.
///
/// Whatever the work has changed must not be used after an error.
pub(super) fn caught<T, E: From<Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    unless_it_panics(work).unwrap_or_else(|what| Err(E::from(Error::damaged(what))))
}
