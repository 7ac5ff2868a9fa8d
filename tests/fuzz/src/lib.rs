//! What the fuzz targets share: changes to FITS files that leave the blocks where they are.

mod mutate;

pub use mutate::mutate;
