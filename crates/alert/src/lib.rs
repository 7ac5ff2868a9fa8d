#![doc = include_str!("../README.md")]

mod container;
mod encode;
mod error;
pub mod packet;
pub mod schema;

pub use container::{Block, Codec, Container, ContainerWriter, Feed, Slice, Stream};
pub use encode::{Encoder, UnionOrder};
pub use error::Error;
pub use packet::{Damage, DecodeOptions, Decoder, Projection};
pub use schema::Schema;

/// The pictures of an alert in packets of ZTF, Rubin and Fink.
pub const CUTOUTS: [&str; 3] = ["cutoutScience", "cutoutTemplate", "cutoutDifference"];
