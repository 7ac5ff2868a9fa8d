//! The command line of Uranometria.
fn main() {}
