#![doc = include_str!("../README.md")]

mod class;
mod condition;
mod container;
mod content;
mod encode;
mod error;
mod filter;
pub mod fs;
mod galactic;
mod light_curve;
pub mod packet;
mod registry;
pub mod schema;
pub mod simulate;
mod stamp;
mod survey;
mod time;
mod unify;

pub use class::Classes;
pub use condition::{
    Bounds, Conditions, Counterparts, Decided, Mistakes, NoSources, Places, SourceFile, Sources,
    TextExpression, WatchList,
};
pub use container::{Block, Codec, Container, ContainerWriter, Feed, Slice, Stream};
pub use content::{Columns, Content};
pub use encode::{Encoder, UnionOrder};
pub use error::Error;
pub use filter::Filter;
pub use light_curve::{LightCurve, Measurement, light_curves};
pub use packet::{Damage, DecodeOptions, Decoder, Projection};
pub use registry::registry_frame;
pub use schema::Schema;
pub use stamp::{Stamp, cutout};
pub use survey::{Key, NoKey, Survey};
pub use unify::{conform, unite};

/// The pictures of an alert in packets of ZTF, Rubin and Fink.
pub const CUTOUTS: [&str; 3] = ["cutoutScience", "cutoutTemplate", "cutoutDifference"];
