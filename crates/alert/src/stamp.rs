//! The pictures of alerts: small FITS images, gzipped or not.

use std::io::Read;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use flate2::read::MultiGzDecoder;
use uranometria_fits::{ImageLayout, read_hdus};

use crate::Error;
use crate::unify::column_at;

/// The bytes of a picture of an alert: `which` is one of [`CUTOUTS`](crate::CUTOUTS). Nothing where the alerts do not have
/// it, or this one does not.
pub fn cutout(batch: &RecordBatch, which: &str, row: usize) -> Option<Vec<u8>> {
    // ZTF and Fink keep them in a structure with their file names.
    let column = column_at(batch, &format!("{which}.stampData")).or_else(|| column_at(batch, which))?;
    let here = (row < column.len()).then(|| column.slice(row, 1))?;
    let bytes = cast(&here, &DataType::Binary).ok()?;
    let bytes = bytes.as_binary_opt::<i32>()?;
    bytes.is_valid(0).then(|| bytes.value(0).to_vec())
}

/// A picture of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// Pixels in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// `pixels[row][column]`, the first row at the bottom; NaN where there is none.
    pub pixels: Vec<f32>,
}

/// Stamps have 63 x 63 pixels (ZTF) or some hundred (Rubin); what unpacks to more than this is none.
const MAX_BYTES: u64 = 64 << 20;

impl Stamp {
    /// Reads a picture as alerts have them: the first image of a FITS file, which may be gzipped.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be unpacked, [`Error::Fits`], [`Error::NoAlerts`] where there is no image of two
    /// axes.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let unpacked;
        let fits = if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut all = Vec::new();
            let read = MultiGzDecoder::new(bytes).take(MAX_BYTES + 1).read_to_end(&mut all);
            let read = read.map_err(|source| Error::io("unpack the cutout", source))?;
            if read as u64 > MAX_BYTES {
                let found = format!("a cutout of more than {MAX_BYTES} bytes");
                return Err(Error::NoAlerts { found, wanted: "a small FITS image" });
            }
            unpacked = all;
            unpacked.as_slice()
        } else {
            bytes
        };
        for hdu in read_hdus(fits)? {
            if let (Some(2), Ok(layout)) = (hdu.header.integer("NAXIS"), ImageLayout::of(&hdu)) {
                let axis =
                    |n: &str| hdu.header.integer(n).and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
                let pixels = layout.decode_f32(&hdu.read_data(fits)?);
                return Ok(Stamp { columns: axis("NAXIS1"), rows: axis("NAXIS2"), pixels });
            }
        }
        let found = "a FITS file without an image of two axes".to_string();
        Err(Error::NoAlerts { found, wanted: "a stamp" })
    }
}
