//! Binary tables as record batches and back.

mod astropy;
mod hostile;
mod portions;
mod round_trip;
mod support;
mod writing;
