//! Catalogues in a folder, from import to search.

mod importing;
mod matching;
mod reading;
mod searching;
mod support;
