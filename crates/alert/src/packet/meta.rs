//! What the metadata of Arrow fields keeps of Avro.

/// The full name of a record, an enum or a fixed.
pub const NAME: &str = "avro.name";

/// The symbols of an enum, a JSON list.
pub const SYMBOLS: &str = "avro.symbols";

/// Of a union that is no nullable type: the place of null among its types, or nothing where null is none of them. Of a
/// nullable type: `1` where null is the second one.
pub const UNION: &str = "avro.union";

/// The bytes of a decimal that is kept in a fixed number of them.
pub const SIZE: &str = "avro.size";
