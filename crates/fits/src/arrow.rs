//! Binary tables as Arrow record batches, and record batches as binary tables.
//!
//! [`TableReader`] gives batches of any columns and rows of a table in a [`Source`](crate::Source); [`TableWriter`]
//! takes batches one by one. Both hold one batch in memory, whatever the size of the table. Files are opened and
//! published in [`fs`]. What a reader of the schema should know about a column (unit, UCD, ...) is metadata of its
//! field under the [`keys`].
//!
//! # From FITS to Arrow
//!
//! | TFORM | Arrow |
//! |---|---|
//! | `L` | `Boolean`; null where the byte is neither `T` nor `F` |
//! | `X` | `Boolean`, the highest bit of a byte first |
//! | `B` `I` `J` `K` | `UInt8` `Int16` `Int32` `Int64`; null where TNULL stands |
//! | `B` with TZERO -128, `I` `J` `K` with TZERO 2^15, 2^31, 2^63 | `Int8` `UInt16` `UInt32` `UInt64`, exact |
//! | `E` `D` | `Float32` `Float64`; NaN stays NaN, bit for bit |
//! | `B` `I` `J` `K` `E` `D` with any other TSCAL or TZERO | `Float64`; from 2^53 on, 64-bit integers are rounded |
//! | `C` `M` | `Struct {re, im}` of `Float32` or `Float64`; TZERO is added to the real part |
//! | `A` | `Utf8` up to the first NUL, trailing blanks removed; never null |
//! | `rAw`, `rA` with a TDIM of two axes or more | `FixedSizeList<Utf8>` of strings of `w`, or the first axis, bytes |
//! | `r` other than 1, or 1 with a TDIM | `FixedSizeList` of all `r` elements in the order of the file |
//! | `P` `Q` | `List`; `Utf8` for `PA` and `QA` |
//!
//! Text should be ASCII; where it is not, it is taken for UTF-8 if it can be, and for Latin-1 otherwise. A field is
//! nullable where FITS can say null: `L`, and integers with a TNULL; arrays are never null, their elements may be.
//!
//! # From Arrow to FITS
//!
//! | Arrow | TFORM |
//! |---|---|
//! | `Boolean` | `L`; null is a zero byte |
//! | integers of any size and sign | the types above; null is TNULL |
//! | `Float16` `Float32` `Float64` | `E` `E` `D`; null is NaN |
//! | `Struct {re, im}` of one float type | `C` or `M`; null is NaN |
//! | any other `Struct` | a column for each of its fields, named `outer.inner`; null makes all of them null |
//! | `Utf8` `LargeUtf8` `Utf8View` with a [`keys::WIDTH`] | `rA` filled up with blanks; null is all NUL, which reads as empty |
//! | the same without | `QA`, the text in the heap; null is empty |
//! | `Timestamp` `Date32` `Date64` `Time32` `Time64` | `rA` by ISO 8601 with as many decimals as the type has, in UTC where it has a zone; null is all NUL |
//! | `Binary` `LargeBinary` `BinaryView`, `FixedSizeBinary` | `QB`, `rB`; null is empty, or zeros |
//! | `FixedSizeList`, also nested | `r` elements and, where nested, a TDIM; null makes all elements null |
//! | `List` `LargeList` | `Q` with the elements in the heap; null is empty |
//! | `Dictionary` | as its values |
//!
//! TNULL is the lowest number of a signed and the highest of an unsigned type. It is written where a column had a null;
//! then that number cannot be a value as well, and a column that has both is an error. Text is printable ASCII, as the
//! standard wants it, unless [`WriteOptions::utf8`] says otherwise; nothing is cut or replaced.
//!
//! Standard: FITS 4.0, section 7.3.

mod decode;
mod elements;
mod encode;
mod form;
pub mod fs;
pub mod keys;
mod plan;
mod read;
mod time;
mod write;

pub use read::{Batches, ReadOptions, TableReader};
pub use write::{TableWriter, WriteOptions};
