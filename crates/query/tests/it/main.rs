//! What sessions answer, on real stars and on rows made up.

mod answers;
mod files;
mod functions;
mod joins;
mod limits;
mod shapes;
mod support;
mod using;
