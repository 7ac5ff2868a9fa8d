//! What is refused, so that no schema costs more than its text.

/// The longest text of a schema, bytes. Schemas of surveys have 20 to 350 kB.
pub const MAX_TEXT: usize = 16 << 20;

/// How deep types may lie in one another. Packets of surveys use 5 levels.
pub const MAX_DEPTH: usize = 64;

/// The most columns a schema may have when every reference is followed. Packets of surveys have 200 to 500.
pub const MAX_COLUMNS: usize = 50_000;
