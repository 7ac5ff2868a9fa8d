//! Columns of Arrow to packets of Avro.
//!
//! The way back of [`packet`](crate::packet): a batch that was decoded is encoded to the same bytes, unless the order of
//! unions is chosen otherwise. Batches of other origin are encoded too: small and unsigned whole numbers, large and
//! view types, dictionaries and times of other units become the nearest that Avro has; what has no like (intervals,
//! decimals of more than 38 digits, maps whose keys are no text) is refused by name.
//!
//! Avro specification 1.11.3, "Binary Encoding".

mod arrow;
mod default;
mod values;

pub use arrow::UnionOrder;
pub(crate) use default::encode_default;
pub use values::Encoder;
pub(crate) use values::long as write_long;
