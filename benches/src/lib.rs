//! What the benchmarks share: their input, clocks and tables.
//!
//! The questions are asked in the files beside this folder, the answers kept in `RESULTS.md`.

pub mod input;
pub mod measure;
pub mod peers;
pub mod run;
pub mod stars;
