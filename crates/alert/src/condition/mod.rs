//! Conditions on alerts: Fink's texts of several, each an expression of SQL, compiled once and run on batches.

mod bounds;
mod compile;
mod conditions;
mod evaluate;
mod expr;
mod fields;
mod functions;
mod lexer;
mod mistake;
mod over;
mod parse;
mod source;
mod tree;

pub use bounds::{Bounds, Decided};
pub use conditions::{Conditions, TextExpression};
pub(crate) use fields::{Fields, leaves};
pub use mistake::Mistakes;
pub(crate) use mistake::nearest;
pub use source::{Counterparts, NoSources, Places, SourceFile, Sources, WatchList};
pub(crate) use source::{square_between, square_of_chord};
