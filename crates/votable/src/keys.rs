//! Under which keys the metadata of Arrow fields and schemas say what a column or a table means.
//!
//! Those without a prefix are the same as for FITS tables, so that what a column means survives the way from FITS to
//! Parquet to VOTable. Those with the prefix `votable.` mean nothing to other formats.

/// The attribute `unit`, as it stands: `deg`, `mas.yr**-1`. Nothing is translated.
pub const UNIT: &str = "unit";

/// The attribute `ucd`: `pos.eq.ra;meta.main`. Also of a schema, for its table.
pub const UCD: &str = "ucd";

/// The attribute `utype`: `obscore:char.spatialaxis.coverage`. Also of a schema, for its table.
pub const UTYPE: &str = "utype";

/// The attribute `xtype`: `timestamp`, `point`, `circle`.
///
/// Dates and timestamps without one are written with `timestamp`.
pub const XTYPE: &str = "xtype";

/// The element DESCRIPTION. Also of a schema, for its table.
pub const DESCRIPTION: &str = "description";

/// How to print a value, as TDISP of FITS has it: `F10.4`. It is made of the attributes `width` and `precision`, and is
/// written as these.
pub const DISPLAY: &str = "display";

/// The shape of the fixed part of an array of two or more dimensions, as TDIM of FITS has it, the fastest axis first:
/// `(3,4)` for `3x4` and for `3x4x*`.
///
/// For text the first axis is the length of a string. A shape that does not fit the list it belongs to is not written.
pub const TDIM: &str = "tdim";

/// Bytes of the strings of a text column, in decimal: `16`, for `char` with a fixed `arraysize`.
///
/// Arrays of strings need it to be written; a column of single strings is written with `arraysize="*"` in any case.
pub const WIDTH: &str = "width";

/// In the metadata of a schema, the name of the table.
pub const NAME: &str = "name";

/// The attribute `ID`. It is written where it is one by the rules of XML and nothing else in the document has it. Also
/// of a schema, for its table.
pub const ID: &str = "votable.id";

/// The attribute `ref`, to a COOSYS or TIMESYS. It is written where the document has what it refers to.
pub const REF: &str = "votable.ref";

/// The number that stands for null, in decimal: `-32768`, the attribute `null` of the element VALUES.
///
/// Where a column has none, the writer chooses; see the crate's documentation.
pub const NULL: &str = "votable.null";

/// The attribute `datatype`, where two of them are the same type of Arrow: `unicodeChar` for text, `bit` for booleans.
///
/// The writer takes `unicodeChar` and ignores any other.
pub const DATATYPE: &str = "votable.datatype";
