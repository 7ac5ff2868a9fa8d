//! Packets of Avro to columns of Arrow.
//!
//! A [`Decoder`] is made once of a schema: a tree of columns into which packets are read without anything between. What
//! nobody wants is passed over without being looked at. A packet that is damaged changes nothing: the columns are cut
//! back to where they were, and a [`Damage`] tells where in it what was found.
//!
//! | Avro | Arrow |
//! |---|---|
//! | boolean, int, long, float, double, null | Boolean, Int32, Int64, Float32, Float64, Null |
//! | string, enum | Utf8, checked |
//! | bytes; fixed | Binary; FixedSizeBinary |
//! | record | Struct |
//! | array; map | List with items `item`; Map |
//! | union of null and one type, in either order | that type, nullable |
//! | any other union | Struct with a nullable field for each type, named for it, of which one is not null |
//! | date, time-millis, time-micros | Date32, Time32, Time64 |
//! | timestamps; those that are local | Timestamp in UTC; without a zone |
//! | decimal of up to 38 digits; of more | Decimal128; as its bytes |
//!
//! Names of records, symbols of enums and the order of unions are in the metadata of the fields (see [`meta`]), so that
//! [`Encoder`](crate::Encoder) gives the schema back. A schema that contains itself cannot be columns; it is refused unless
//! that part is not wanted.
//!
//! Bounds: nothing is reserved for what a packet only says to have, so memory follows its bytes; what takes no bytes
//! (items of type null, columns of a record that is null) is limited a packet.
//!
//! Avro specification 1.11.3, "Binary Encoding" and "Schema Resolution".

mod column;
mod compile;
mod cursor;
mod decoder;
pub mod meta;
mod number;
mod projection;
mod skip;

pub use cursor::Damage;
pub use decoder::{DecodeOptions, Decoder};
pub use projection::Projection;
