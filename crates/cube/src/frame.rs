//! One full-frame image, seen through its headers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use uranometria_fits::{Hdu, ImageLayout, Value};

use crate::Product;
use crate::frame_table::ascii;

/// A full-frame image whose headers were read and whose pixels lie where they should.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The file as it was named by the caller.
    pub path: PathBuf,
    /// The kind of frame.
    pub product: Product,
    /// Camera, 1 to 4.
    pub camera: i64,
    /// CCD, 1 to 4.
    pub ccd: i64,
    /// Sector, where the header or the file name tells it.
    pub sector: Option<i64>,
    /// Start of the exposure in days: BTJD (TDB) for SPOC, TJD at the spacecraft for TICA.
    pub start: f64,
    /// NAXIS1 of the pixels.
    pub columns: usize,
    /// NAXIS2 of the pixels.
    pub rows: usize,
    /// The values in the science image's header, the first of each keyword, in their order.
    ///
    /// Comments are left out: a sector has 12,000 frames with the same ones. Keywords are in ASCII, with `?` for what
    /// is not.
    pub values: Vec<(String, Value)>,
    /// Byte offset of each plane's pixels in the file.
    pub plane_starts: Vec<u64>,
    /// Whether the pixels are stored as big-endian f32 without scaling, so that they can be read in place.
    pub plain: bool,
}

/// The most keywords that the table of a cube has columns for: 999, one of them for the file names.
const MOST_KEYWORDS: usize = 998;

impl Frame {
    /// Reads a frame from the HDUs of a file; `product` is detected where it is not given.
    ///
    /// # Errors
    /// In words: what is missing or wrong, with HDU and keyword.
    pub fn from_hdus(path: &Path, hdus: &[Hdu], product: Option<Product>) -> Result<Self, String> {
        let detected = Product::detect(hdus);
        let product = match (product, detected) {
            (Some(wanted), Some(found)) if wanted != found => {
                return Err(format!("it is a {found} frame, expected a {wanted} frame"));
            }
            (_, Some(found)) => found,
            (_, None) => {
                return Err(
                    "it is no full-frame image: neither SPOC (two image extensions, TSTART) nor TICA (a \
                            primary image, STARTTJD)"
                        .to_string(),
                );
            }
        };
        let first = product.science_hdu();
        let planes = &hdus[first..first + product.planes()];
        let science = &planes[0];
        let in_hdu = |error: uranometria_fits::Error| error.in_hdu(science.index).to_string();
        let header = &science.header;
        let number = |keyword: &str| {
            header.number(keyword).ok_or_else(|| in_hdu(header.wrong(keyword, "a number of days")))
        };
        let [camera, ccd] = product.chip_keywords().map(|keyword| header.integer_in(keyword, 1..=4));
        let (camera, ccd) = (camera.map_err(in_hdu)?, ccd.map_err(in_hdu)?);
        let start = number(product.start_keyword())?;
        number(product.stop_keyword())?;
        let mut size = None;
        let mut plain = true;
        for hdu in planes {
            let layout = ImageLayout::of(hdu).map_err(|error| error.to_string())?;
            let axes = [layout.axes[0], layout.axes[1]];
            if axes.contains(&0) || axes.iter().any(|axis| *axis > 1 << 20) {
                return Err(format!("HDU {}: NAXISn are {axes:?}, expected 1..=1048576", hdu.index));
            }
            if *size.get_or_insert(axes) != axes {
                return Err(format!("HDU {}: NAXISn are {axes:?}, expected {size:?} as before", hdu.index));
            }
            plain &= layout.is_plain_f32();
        }
        let [columns, rows] = size.unwrap_or([0, 0]);
        let mut known: HashSet<String> = HashSet::with_capacity(header.cards().len());
        let mut values: Vec<(String, Value)> = Vec::with_capacity(header.cards().len());
        for card in header.cards() {
            let Some(value) = &card.value else { continue };
            let keyword = ascii(&card.keyword);
            if known.insert(keyword.clone()) {
                values.push((keyword, value.clone()));
            }
        }
        if values.len() > MOST_KEYWORDS {
            let (index, found) = (science.index, values.len());
            return Err(format!("HDU {index}: it has {found} keywords, expected at most {MOST_KEYWORDS}"));
        }
        Ok(Frame {
            path: path.to_path_buf(),
            product,
            camera,
            ccd,
            sector: header
                .integer("SECTOR")
                .or_else(|| hdus[0].header.integer("SECTOR"))
                .or_else(|| sector_of_name(path)),
            start,
            columns,
            rows,
            plane_starts: planes.iter().map(|hdu| hdu.data_start).collect(),
            plain,
            values,
        })
    }

    /// The file name without its folder.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether the header has world coordinates of two axes.
    pub fn has_wcs(&self) -> bool {
        let tangent =
            |keyword: &str| matches!(self.value(keyword), Some(Value::Text(text)) if text.contains("TAN"));
        tangent("CTYPE1") && tangent("CTYPE2")
    }

    /// The value of a keyword of the science image.
    pub fn value(&self, keyword: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known == keyword).map(|(_, value)| value)
    }
}

/// Finds the sector in names like `tess2018206192942-s0001-4-2-0120-s_ffic.fits` or `..._ffi_s0027-o1-...`.
pub(crate) fn sector_of_name(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_string_lossy();
    let mut places = name.match_indices(['-', '_']);
    places.find_map(|(at, _)| {
        let digits = name.get(at + 1..at + 7)?.strip_prefix('s')?;
        let (number, end) = digits.split_at_checked(4)?;
        matches!(end, "-" | "_").then(|| number.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sector_is_found_in_the_names_of_both_products() {
        let check = |name: &str, sector| assert_eq!(sector_of_name(Path::new(name)), sector, "{name}");
        check("a/tess2018206192942-s0001-4-2-0120-s_ffic.fits", Some(1));
        check("hlsp_tica_tess_ffi_s0108-o1-00004697-cam1-ccd1_tess_v01_img.fits", Some(108));
        check("frame.fits", None);
        check("x-s00é1-", None);
    }
}
