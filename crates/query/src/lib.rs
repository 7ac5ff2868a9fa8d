#![doc = include_str!("../README.md")]

mod answer;
mod embedded;
mod error;
pub mod fs;
mod postgres;
mod session;
mod source;
mod tap_schema;

pub use answer::Answer;
pub use error::Error;
pub use session::{Request, Resources, Session};
