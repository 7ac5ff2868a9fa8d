//! Avro object container files: a header with the schema, then blocks of packets.
//!
//! The reader takes bytes as they come ([`Feed`]): a slice is read without copying. Damage ends neither the file nor
//! what is read of it: after an error [`Container::resync`] goes on behind the next marker.
//!
//! Avro specification 1.11.3, "Object Container Files", with the codecs null, deflate, snappy and zstandard.

mod codec;
mod feed;
mod reader;
mod writer;

pub use codec::Codec;
pub use feed::{Feed, Slice, Stream};
pub(crate) use reader::MAGIC;
pub use reader::{Block, Container};
pub use writer::ContainerWriter;
