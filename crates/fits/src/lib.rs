//! FITS files as bytes: cards, HDU maps, images, binary tables, checksums.
//!
//! The core takes bytes or a [`Source`] (a mapped file, an open file, a slice, ranged object storage) and
//! returns values; opening files is in [`fs`]. Headers are read alone, so the map of a 400 GB cube costs
//! three small reads. Pixels stay big-endian bytes until somebody asks for numbers.
//!
//! Deliberately absent: random-access writing into existing files, random groups beyond skipping them, and a
//! decompressor of our own (feature `cfitsio` asks cfitsio).
//!
//! Standard: FITS 4.0 (Pence et al. 2010, A&A 524, A42, as revised in 2018); checksums: its appendix J.
//!
//! ```
//! use uranometria_fits::{Header, Value};
//!
//! let mut header = Header::primary();
//! header.set("OBJECT", "WASP-126", "name of the target");
//! let bytes = header.to_bytes();
//! assert_eq!(bytes.len() % 2880, 0);
//! let (again, read) = Header::parse(&bytes)?;
//! assert_eq!(read, bytes.len());
//! assert_eq!(again.get("OBJECT"), Some(&Value::Text("WASP-126".into())));
//! # Ok::<(), uranometria_fits::Error>(())
//! ```

#[cfg(feature = "arrow")]
pub mod arrow;
mod card;
pub mod checksum;
mod error;
pub mod fs;
mod hdu;
mod header;
mod image;
mod source;
mod table;

pub use card::{Card, Value};
pub use error::Error;
pub use hdu::{Hdu, HduKind, hdu_at, read_hdus};
pub use header::{Header, IntoValue};
pub use image::{Bitpix, ImageLayout};
pub use source::{Source, SourceReader};
pub use table::{Column, ColumnSpec, ColumnType, TableLayout, table_header};

/// The length in bytes of a FITS block, to whose multiples headers and data are padded (FITS 4.0, section 3.1).
pub const BLOCK: u64 = 2880;

/// Rounds a length in bytes up to whole FITS blocks; `None` past `u64::MAX`.
pub fn padded(len: u64) -> Option<u64> {
    len.div_ceil(BLOCK).checked_mul(BLOCK)
}

/// Returns the zero bytes that follow `len` bytes of image or table data up to the end of its block.
pub fn padding(len: u64) -> &'static [u8] {
    static ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    &ZEROS[..((BLOCK - len % BLOCK) % BLOCK) as usize]
}
