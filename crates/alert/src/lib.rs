#![doc = include_str!("../README.md")]

mod class;
mod condition;
mod content;
mod error;
mod filter;
pub mod fs;
mod galactic;

pub use class::Classes;
pub use condition::{
    Bounds, Conditions, Counterparts, Decided, Mistakes, NoSources, Places, Sources, TextExpression,
    WatchList,
};
pub use content::{Columns, Content};
pub use error::Error;
pub use filter::Filter;
