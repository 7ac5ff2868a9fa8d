//! Under which keys the metadata of Arrow fields say what a column means.
//!
//! They are plain words without prefix, so that other formats (VOTable, Parquet catalogues) can use the same ones.

/// The unit, as TUNIT has it: `deg`, `mas / yr`, `e- s-1`.
pub const UNIT: &str = "unit";

/// The Unified Content Descriptor, as TUCD has it: `pos.eq.ra;meta.main`.
pub const UCD: &str = "ucd";

/// What the column holds in words: TCOMM or, where that is missing, the comment of TTYPE. Written as TCOMM.
pub const DESCRIPTION: &str = "description";

/// How to print a value, as TDISP has it: `F10.4`.
pub const DISPLAY: &str = "display";

/// The shape of the arrays in a column, as TDIM has it, the fastest axis first: `(121,4)`.
///
/// For text, as in the standard, the first axis is the length of a string.
pub const TDIM: &str = "tdim";

/// Bytes of the strings of a text column, in decimal: `16`. It decides how text is written.
pub const WIDTH: &str = "width";

/// In the metadata of a schema, the name of the table: EXTNAME.
pub const NAME: &str = "name";
