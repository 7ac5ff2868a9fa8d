//! What the fuzz targets share: changes to FITS files that leave the blocks where they are, and series with zone maps.

pub mod mapped;
mod mutate;

pub use mutate::mutate;
